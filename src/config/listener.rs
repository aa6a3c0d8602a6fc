//! `[admin]`, `[ops]`, `[log]`, and what the three listeners must not do to each other.

use std::net::{IpAddr, SocketAddr};

use tracing_subscriber::EnvFilter;

use super::limits::throttle;
use super::reader::{Field, Section};
use super::store::path;
use super::tree::quoted;
use crate::limit::ThrottleConfig;
use crate::server::ServerTls;
use crate::telemetry::LogFormat;

/// An address to listen on, and where it was written if it was.
pub(super) struct Listener<'c> {
    /// The address.
    pub(super) address: SocketAddr,
    field: Option<Field<'c>>,
    section: &'static str,
}

/// Reads `listen` of a section.
pub(super) fn listen<'c>(section: &mut Section<'c>, name: &'static str, default: SocketAddr) -> Listener<'c> {
    let field = section.take("listen");
    let address = field.as_ref().and_then(|field| field.parsed(socket_address));
    Listener { address: address.unwrap_or(default), field, section: name }
}

fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("{} is no address with a port: write one such as \"127.0.0.1:8080\" or \"[::]:8080\"; names are not looked up", quoted(text))
    })
}

/// Reports listeners that want the same port.
pub(super) fn collisions(listeners: &[&Listener<'_>]) {
    for (at, later) in listeners.iter().enumerate() {
        for earlier in &listeners[..at] {
            if !collide(earlier.address, later.address) {
                continue;
            }
            // A default that collides with what was written is told at what was written.
            let (told, other) = if later.field.is_some() { (later, earlier) } else { (earlier, later) };
            if let Some(field) = &told.field {
                let address = other.address;
                field.error(format!("collides with {}.listen ({address}): choose another port", other.section));
            }
        }
    }
}

fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    let (ip_a, ip_b): (IpAddr, IpAddr) = (a.ip().to_canonical(), b.ip().to_canonical());
    // `[::]` takes IPv4 too where the system lets it.
    let wide = |one: IpAddr, other: IpAddr| one.is_unspecified() && (one.is_ipv6() || other.is_ipv4());
    a.port() != 0 && a.port() == b.port() && (ip_a == ip_b || wide(ip_a, ip_b) || wide(ip_b, ip_a))
}

/// Reads `[admin]`.
pub(super) fn admin<'c>(section: &mut Section<'c>) -> (crate::admin::Config, Listener<'c>) {
    let listener = listen(section, "admin", SocketAddr::from(([127, 0, 0, 1], 8081)));
    let default = ThrottleConfig { size: super::limits::calls(10_000), refill_per_second: 5_000.0 };
    let limit = section.section("limit", |section| throttle(section, default));
    let bootstrap = section.take("bootstrap").and_then(|field| field.flag()).unwrap_or(false);
    let insecure = section.take("insecure").and_then(|field| field.flag()).unwrap_or(false);
    let error_docs = section.take("error_docs").and_then(|field| field.parsed(error_docs));
    let error_docs = error_docs.unwrap_or_else(|| "https://threatjammer.com/docs".to_owned());
    let tls = section.section("tls", tls);
    let exposed = !listener.address.ip().to_canonical().is_loopback();
    if let (true, false, None, Some(field)) = (exposed, insecure, &tls, &listener.field) {
        field.error(format!(
            "{} can be reached from other machines without TLS: listen on 127.0.0.1, or name a certificate in \
             [admin.tls], or write insecure = true if something in front of it encrypts",
            listener.address
        ));
    }
    let (xms, astra) = Default::default();
    let listen = listener.address;
    (crate::admin::Config { listen, limit, bootstrap, tls, insecure, error_docs, xms, astra }, listener)
}

/// Reads a `tls` section: both files or none.
fn tls(section: &mut Section<'_>) -> Option<ServerTls> {
    let (cert, key) = (section.take("cert_file"), section.take("key_file"));
    let (cert, key) = match (cert, key) {
        (None, None) => return None,
        (Some(cert), Some(key)) => (cert, key),
        (Some(one), None) => {
            one.error("stands alone: name the private key in key_file");
            return None;
        }
        (None, Some(one)) => {
            one.error("stands alone: name the certificate chain in cert_file");
            return None;
        }
    };
    match ServerTls::load(&path(&cert)?, &path(&key)?) {
        Ok(tls) => Some(tls),
        Err(reason) => {
            cert.error(reason);
            None
        }
    }
}

fn error_docs(text: &str) -> Result<String, String> {
    let plain = text.len() <= 512 && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    if plain && (text.starts_with("https://") || text.starts_with("http://")) {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    Err(format!("{} is no web address: write one that starts with https://", quoted(text)))
}

/// Reads `[ops]`.
pub(super) fn ops<'c>(section: &mut Section<'c>) -> Listener<'c> {
    listen(section, "ops", SocketAddr::from(([127, 0, 0, 1], 9464)))
}

/// Reads `[log]`.
pub(super) fn log(section: &mut Section<'_>) -> (String, LogFormat) {
    let level = section.take("level").and_then(|field| field.parsed(log_level));
    let format = section.take("format");
    let format = format.and_then(|field| field.choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)]));
    (level.unwrap_or_else(|| "info".to_owned()), format.unwrap_or_default())
}

fn log_level(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    // A lone word that is no level would be taken for a target and switch everything else off.
    let lone = |part: &str| !part.contains(['=', '[', ':']) && !LEVELS.contains(&part.to_lowercase().as_str());
    let parts = || text.split(',').map(str::trim);
    if text.trim().is_empty() || parts().any(lone) || EnvFilter::builder().parse(text).is_err() {
        return Err(format!(
            "{} is no log filter: write {}, or target=level pairs such as \"info,tollgate=debug\"",
            quoted(text),
            LEVELS.join(", ")
        ));
    }
    Ok(text.to_owned())
}
