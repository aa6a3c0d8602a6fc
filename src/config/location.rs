//! The address of the store. It may hold a password, so no message repeats it.

use super::secret::Secret;
use crate::store::RedisConfig;

/// What `store.url` names.
pub(super) enum Url {
    /// `memory:`
    Memory,
    /// `file:PATH`
    File(String),
    /// `redis://` or `rediss://`
    Redis(RedisConfig),
}

/// Reads `memory:`, `file:PATH`, `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]` or the same with `rediss://`.
pub(super) fn parse_url(text: &str) -> Result<Url, String> {
    let Some((scheme, rest)) = text.split_once(':') else {
        return Err("is no address: write memory:, file:PATH, redis://HOST or rediss://HOST".to_owned());
    };
    match scheme {
        "memory" if rest.is_empty() => Ok(Url::Memory),
        "memory" => Err("memory: takes nothing after the colon: remove it, or write file:PATH".to_owned()),
        "file" => file(rest),
        "redis" | "rediss" => redis(scheme == "rediss", rest).map(Url::Redis),
        "redis-cluster" => Err(not_yet("redis-cluster://", "redis:// and the address of one server")),
        "rediss-cluster" => Err(not_yet("rediss-cluster://", "rediss:// and the address of one server")),
        "redis-sentinel" => Err(not_yet("redis-sentinel://", "redis:// and the address of the master")),
        "rediss-sentinel" => Err(not_yet("rediss-sentinel://", "rediss:// and the address of the master")),
        _ => Err("starts with no known scheme: write memory:, file:PATH, redis://HOST or rediss://HOST".to_owned()),
    }
}

fn not_yet(scheme: &str, instead: &str) -> String {
    format!("{scheme} is not in this version: write {instead}")
}

fn file(rest: &str) -> Result<Url, String> {
    let path = match rest.strip_prefix("//") {
        Some(path) if path.starts_with('/') => path,
        Some(_) => return Err("names a host after file://: write file:PATH or file:///PATH".to_owned()),
        None => rest,
    };
    if path.is_empty() || path.contains('\0') {
        return Err("names no folder: write one such as file:./tollgate-data".to_owned());
    }
    Ok(Url::File(path.to_owned()))
}

fn redis(tls: bool, rest: &str) -> Result<RedisConfig, String> {
    let scheme = if tls { "rediss" } else { "redis" };
    let Some(rest) = rest.strip_prefix("//") else {
        return Err(format!("lacks the two slashes: write {scheme}://HOST"));
    };
    if rest.contains(['?', '#']) {
        return Err(format!(
            "has a ? or a #: write {scheme}://HOST:PORT/DATABASE, with those signs as %3F and %23 in a password, and \
             options as keys of [store]"
        ));
    }
    let (userinfo, rest) = match rest.rsplit_once('@') {
        Some((userinfo, rest)) => (Some(userinfo), rest),
        None => (None, rest),
    };
    let (address, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) =
        host_and_port(address).ok_or_else(|| format!("has no valid host and port: write {scheme}://127.0.0.1:6379"))?;
    let database = match database {
        "" => 0,
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse::<u16>().map(i64::from).map_err(|_| NO_DATABASE)?
        }
        _ => return Err(NO_DATABASE.to_owned()),
    };
    let (username, password) = credentials(userinfo)?;
    let prefix = "tg".to_owned();
    Ok(RedisConfig { host, port, database, tls, ca_file: None, username, password, prefix })
}

const NO_DATABASE: &str = "names no database: write its number after the slash, from 0 to 65535";

fn host_and_port(address: &str) -> Option<(String, u16)> {
    let (host, port) = if let Some(inner) = address.strip_prefix('[') {
        let (host, after) = inner.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
    } else {
        let (host, port) = address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port)));
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        (!host.is_empty() && host.len() <= 253 && host.bytes().all(allowed)).then_some(())?;
        (host, port)
    };
    let port = match port {
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => port.parse().ok().filter(|port| *port != 0)?,
        Some(_) => return None,
        None => 6379,
    };
    Some((host.to_owned(), port))
}

type Credentials = (Option<String>, Option<Secret>);

fn credentials(userinfo: Option<&str>) -> Result<Credentials, String> {
    let Some(userinfo) = userinfo else { return Ok((None, None)) };
    let (user, password) = match userinfo.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (userinfo, None),
    };
    let decode = |text: &str| {
        unescape(text).ok_or_else(|| "has a % without two hex digits before the @: write %25 for the sign".to_owned())
    };
    let password = match password {
        Some("") => return Err("has an empty password: write it, or remove the colon before the @".to_owned()),
        Some(password) => Some(Secret::new(decode(password)?)),
        None => None,
    };
    let user = decode(user)?;
    Ok(((!user.is_empty()).then_some(user), password))
}

/// Undoes percent-encoding.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let digits = after.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}
