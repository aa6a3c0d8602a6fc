//! The address of the store. It may hold a password, so no message repeats it.

use super::secret::Secret;
use crate::store::{Endpoint, RedisConfig, Topology};

/// What `store.url` names.
pub(super) enum Url {
    /// `memory:`
    Memory,
    /// `file:PATH`
    File(String),
    /// `redis://` and its kin
    Redis(RedisConfig),
}

/// Most servers in one address.
const MOST_SERVERS: usize = 64;

/// Reads `memory:`, `file:PATH`, or one of these, with `rediss` for TLS:
///
/// - `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`
/// - `redis-sentinel://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]...]/MASTER[/DATABASE]`
/// - `redis-cluster://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]...]`
pub(super) fn parse_url(text: &str) -> Result<Url, String> {
    let Some((scheme, rest)) = text.split_once(':') else {
        return Err("is no address: write memory:, file:PATH, redis://HOST or rediss://HOST".to_owned());
    };
    let form = match scheme {
        "memory" if rest.is_empty() => return Ok(Url::Memory),
        "memory" => return Err("memory: takes nothing after the colon: remove it, or write file:PATH".to_owned()),
        "file" => return file(rest),
        "redis" | "rediss" => Form::Single,
        "redis-sentinel" | "rediss-sentinel" => Form::Sentinel,
        "redis-cluster" | "rediss-cluster" => Form::Cluster,
        _ => {
            return Err("starts with no known scheme: write memory:, file:PATH, redis://HOST or rediss://HOST, \
                        redis-sentinel://HOST,HOST/MASTER, redis-cluster://HOST,HOST"
                .to_owned());
        }
    };
    redis(form, scheme, rest).map(Url::Redis)
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Single,
    Sentinel,
    Cluster,
}

impl Form {
    /// What stands behind the slashes, for messages.
    fn pattern(self) -> &'static str {
        match self {
            Self::Single => "HOST",
            Self::Sentinel => "HOST,HOST/MASTER",
            Self::Cluster => "HOST,HOST",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Single => "127.0.0.1:6379",
            Self::Sentinel => "127.0.0.1:26379/mymaster",
            Self::Cluster => "127.0.0.1:6379",
        }
    }

    /// The port where none is written.
    fn port(self) -> u16 {
        if self == Self::Sentinel { 26379 } else { 6379 }
    }
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

fn redis(form: Form, scheme: &str, rest: &str) -> Result<RedisConfig, String> {
    let Some(rest) = rest.strip_prefix("//") else {
        return Err(format!("lacks the two slashes: write {scheme}://{}", form.pattern()));
    };
    if rest.contains(['?', '#']) {
        return Err(format!(
            "has a ? or a #: write {scheme}://{}, with those signs as %3F and %23 in a password, and \
             options as keys of [store]",
            if form == Form::Single { "HOST:PORT/DATABASE" } else { form.pattern() }
        ));
    }
    let (userinfo, rest) = match rest.rsplit_once('@') {
        Some((userinfo, rest)) => (Some(userinfo), rest),
        None => (None, rest),
    };
    let (addresses, path) = rest.split_once('/').unwrap_or((rest, ""));
    let servers = servers(form, addresses)
        .ok_or_else(|| format!("has no valid host and port: write {scheme}://{}", form.example()))?;
    if servers.len() > MOST_SERVERS {
        return Err(format!("names more than {MOST_SERVERS} servers: a few to begin with are enough"));
    }
    let (topology, path) = match form {
        Form::Single if servers.len() > 1 => {
            return Err(format!(
                "names several hosts: write {scheme}://HOST for one server, {scheme}-sentinel://HOST,HOST/MASTER or \
                 {scheme}-cluster://HOST,HOST"
            ));
        }
        Form::Single => (Topology::Single, path),
        Form::Sentinel => {
            let (master, path) = path.split_once('/').unwrap_or((path, ""));
            (Topology::Sentinel { master: master_name(master)?, username: None, password: None }, path)
        }
        Form::Cluster if !path.is_empty() => {
            return Err("names a database: a cluster has only one; remove what stands after the hosts".to_owned());
        }
        Form::Cluster => (Topology::Cluster, path),
    };
    let (username, password) = credentials(userinfo)?;
    Ok(RedisConfig {
        topology,
        servers,
        database: database(path)?,
        tls: scheme.starts_with("rediss"),
        ca_file: None,
        username,
        password,
        prefix: "tg".to_owned(),
    })
}

/// Hosts between commas, each once.
fn servers(form: Form, addresses: &str) -> Option<Vec<Endpoint>> {
    let mut servers = Vec::new();
    for address in addresses.split(',') {
        let server = host_and_port(address, form.port())?;
        if !servers.contains(&server) {
            servers.push(server);
        }
    }
    Some(servers)
}

/// Sentinel itself allows no other signs in the name.
fn master_name(name: &str) -> Result<String, String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if name.is_empty() || !name.bytes().all(allowed) {
        return Err("names no master: write after the hosts what the Sentinels call it, such as /mymaster".to_owned());
    }
    Ok(name.to_owned())
}

fn database(digits: &str) -> Result<i64, String> {
    match digits {
        "" => Ok(0),
        _ if digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse::<u16>().map(i64::from).map_err(|_| NO_DATABASE.to_owned())
        }
        _ => Err(NO_DATABASE.to_owned()),
    }
}

const NO_DATABASE: &str = "names no database: write its number after the slash, from 0 to 65535";

fn host_and_port(address: &str, default: u16) -> Option<Endpoint> {
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
        None => default,
    };
    Some(Endpoint { host: host.to_owned(), port })
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
