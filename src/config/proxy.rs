//! `region`, `[proxy]`, `[[credential]]`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::HeaderName;
use ipnet::IpNet;

use super::listener::{Listener, listen};
use super::reader::{Field, Section};
use super::tree::quoted;
use crate::auth::Source;
use crate::server::Limits;

/// Credential places a file may name.
const MOST_CREDENTIALS: usize = 16;

/// Headers that the proxy itself sets, needs or removes, and so cannot be a credential place.
const TAKEN_HEADERS: [&str; 20] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-auth-account",
    "x-auth-scopes",
    "x-auth-token-id",
    "x-auth-user",
    "x-request-id",
];

/// What `[proxy]` says.
pub(super) struct Proxy<'c> {
    pub(super) listener: Listener<'c>,
    pub(super) workers: usize,
    pub(super) trusted_proxies: Vec<IpNet>,
    pub(super) realm: String,
    pub(super) limits: Limits,
}

/// Reads `[proxy]`.
pub(super) fn proxy<'c>(section: &mut Section<'c>) -> Proxy<'c> {
    let listener = listen(section, "proxy", SocketAddr::from(([0, 0, 0, 0], 8080)));
    let workers = section.take("workers").and_then(|field| field.integer(0..=1_024)).unwrap_or(0);
    let workers = match usize::try_from(workers) {
        Ok(0) | Err(_) => std::thread::available_parallelism().map_or(1, usize::from),
        Ok(workers) => workers,
    };
    let trusted = section.take("trusted_proxies").and_then(Field::list).unwrap_or_default();
    let trusted_proxies = trusted.iter().filter_map(|item| item.parsed(network)).collect();
    let realm = section.take("realm").and_then(|field| field.parsed(realm));
    Proxy {
        listener,
        workers,
        trusted_proxies,
        realm: realm.unwrap_or_else(|| "tollgate".to_owned()),
        limits: limits(section),
    }
}

fn limits(section: &mut Section<'_>) -> Limits {
    let default = Limits::default();
    let (short, hour) = (Duration::from_millis(10), Duration::from_secs(3_600));
    let mut wait =
        |key, least, default| section.take(key).and_then(|field| field.duration(least..=hour)).unwrap_or(default);
    let head_timeout = wait("head_timeout", short, default.head_timeout);
    let idle_timeout = wait("idle_timeout", short, default.idle_timeout);
    let body_timeout = wait("body_timeout", short, default.body_timeout);
    let drain_timeout = wait("drain_timeout", Duration::ZERO, default.drain_timeout);
    let head = section.take("max_head").and_then(|field| field.size(8 << 10..=1 << 20));
    let connections = section.take("connections").and_then(|field| field.integer(1..=1_000_000));
    let whole =
        |number: Option<u64>, default| number.and_then(|number| usize::try_from(number).ok()).unwrap_or(default);
    Limits {
        head_timeout,
        idle_timeout,
        body_timeout,
        head_bytes: whole(head, default.head_bytes),
        connections: whole(connections, default.connections),
        drain_timeout,
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let single = || text.parse::<IpAddr>().map(IpNet::from).ok();
    text.parse::<IpNet>().ok().or_else(single).ok_or_else(|| {
        format!("{} is no address range: write one such as \"10.0.0.0/8\", or a single address", quoted(text))
    })
}

fn realm(text: &str) -> Result<String, String> {
    let quotable = |b: u8| (b.is_ascii_graphic() || b == b' ') && b != b'"' && b != b'\\';
    if (1..=128).contains(&text.len()) && text.bytes().all(quotable) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{} cannot stand in a header: write 1 to 128 printable ASCII characters without quotes and backslashes",
        quoted(text)
    ))
}

/// Reads `region`.
pub(super) fn region(field: &Field<'_>) -> Option<String> {
    field.parsed(|text| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if text.len() <= 64 && text.bytes().all(allowed) {
            return Ok(text.to_owned());
        }
        Err(format!("{} is no region: write up to 64 letters, digits, dots, underscores or dashes", quoted(text)))
    })
}

/// The credential places of a file.
pub(super) struct Credentials {
    /// In the order of the file; without any, the four of [`Source::defaults`].
    pub(super) sources: Vec<Source>,
    /// Whether every one written was understood.
    pub(super) complete: bool,
}

/// Reads `[[credential]]`.
pub(super) fn credentials(root: &mut Section<'_>) -> Credentials {
    let mut sources: Vec<Source> = Vec::new();
    let mut count = 0;
    root.each("credential", |section| {
        count += 1;
        let source = credential(section)?;
        if sources.contains(&source) {
            section.error("names a place that stands above already: remove it");
        } else if count > MOST_CREDENTIALS {
            section.error(&format!("is one too many: requests are searched in {MOST_CREDENTIALS} places, remove some"));
        } else {
            sources.push(source);
        }
        Some(())
    });
    let complete = count == sources.len();
    if sources.is_empty() {
        sources = Source::defaults();
    }
    Credentials { sources, complete }
}

fn credential(section: &mut Section<'_>) -> Option<Source> {
    let kinds = [("bearer", 'b'), ("api-token", 'a'), ("header", 'h'), ("query", 'q')];
    let source = section.need("source", "write \"bearer\", \"api-token\", \"header\" or \"query\"");
    let name = section.take("name");
    let kind = source?.choice(&kinds)?;
    match (kind, name) {
        ('b', None) => Some(Source::Bearer),
        ('a', None) => Some(Source::ApiToken),
        ('h', Some(name)) => name.parsed(header).map(Source::Header),
        ('q', Some(name)) => name.parsed(parameter).map(Source::Query),
        ('h' | 'q', None) => {
            section.missing("name is missing: write which header or which query parameter carries the token");
            None
        }
        (_, Some(name)) => {
            name.error("belongs to header and query only, this place is the Authorization header: remove it");
            None
        }
        (_, None) => None,
    }
}

fn header(text: &str) -> Result<HeaderName, String> {
    let name = HeaderName::try_from(text).map_err(|_| format!("{} is no header name", quoted(text)))?;
    if name == http::header::AUTHORIZATION {
        return Err("Authorization is read by source = \"bearer\" and \"api-token\": write one of those".to_owned());
    }
    if TAKEN_HEADERS.contains(&name.as_str()) || name.as_str().starts_with("x-forwarded-") {
        return Err(format!("{} is used by the proxy itself: choose another header", quoted(text)));
    }
    if name.as_str().contains('_') {
        return Err(format!("{} has an underscore, and such headers are easily forged: write dashes", quoted(text)));
    }
    Ok(name)
}

fn parameter(text: &str) -> Result<String, String> {
    if (1..=64).contains(&text.len()) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(format!("{} is no parameter name: write 1 to 64 bytes without control characters", quoted(text)))
}
