//! `[upstream.*]`.

use std::time::Duration;

use http::uri::Authority;

use super::reader::{Field, Section};
use super::tree::quoted;
use crate::proxy::UpstreamConfig;

/// Servers of one upstream.
const MOST_SERVERS: usize = 64;

/// Reads every upstream, in the order of their names.
pub(super) fn upstreams(section: &mut Section<'_>) -> Vec<UpstreamConfig> {
    let mut upstreams = Vec::new();
    for (name, field) in section.take_all() {
        if let Err(reason) = super::names::simple_name(&name) {
            field.error(reason);
        }
        upstreams.extend(field.section(|section| upstream(name, section)));
    }
    upstreams
}

fn upstream(name: String, section: &mut Section<'_>) -> UpstreamConfig {
    let servers = section.need("servers", "write at least one, such as servers = [\"http://127.0.0.1:9000\"]");
    let servers = servers.map(servers_of).unwrap_or_default();
    let second = Duration::from_secs(1);
    let mut wait = |key, default: u32| {
        let written = section.take(key).and_then(|field| field.duration(Duration::from_millis(1)..=3_600 * second));
        written.unwrap_or(second * default)
    };
    let connect_timeout = wait("connect_timeout", 1);
    let head_timeout = wait("head_timeout", 30);
    let body_timeout = wait("body_timeout", 30);
    let idle_timeout = wait("idle_timeout", 60);
    let idle = section.take("idle_connections").and_then(|field| field.integer(0..=65_536));
    let idle_connections = idle.and_then(|idle| usize::try_from(idle).ok()).unwrap_or(256);
    UpstreamConfig { name, servers, connect_timeout, head_timeout, body_timeout, idle_timeout, idle_connections }
}

fn servers_of(field: Field<'_>) -> Vec<Authority> {
    if field.is_empty_list() {
        field.error("names no server: write at least one, such as [\"http://127.0.0.1:9000\"]");
    }
    let mut servers: Vec<Authority> = Vec::new();
    let items = field.clone().list().unwrap_or_default();
    if items.len() > MOST_SERVERS {
        field.error(format!("names more than {MOST_SERVERS} servers: remove some"));
    }
    for item in items {
        // The text may hold a password and is not shown before it is known not to.
        let Some(text) = item.secret_text() else { continue };
        match server(&text) {
            Ok(server) if servers.contains(&server) => item.error(format!("{server} stands here twice: remove one")),
            Ok(server) => servers.push(server),
            Err(reason) => item.error(reason),
        }
    }
    servers
}

fn server(text: &str) -> Result<Authority, String> {
    if text.contains('@') {
        return Err("holds a user name or password: upstreams are reached without, remove it".to_owned());
    }
    if text.starts_with("https://") {
        return Err(format!("{}: TLS to upstreams is not in this version; write http://", quoted(text)));
    }
    let Some(rest) = text.strip_prefix("http://") else {
        return Err(format!("{} is no server: write it as \"http://127.0.0.1:9000\"", quoted(text)));
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#']) {
        return Err(format!("{} has a path: requests keep their own path, write only host and port", quoted(text)));
    }
    let no_server = || format!("{} has no valid host and port: write it as \"http://127.0.0.1:9000\"", quoted(text));
    let authority: Authority = authority.parse().map_err(|_| no_server())?;
    let after_host = &authority.as_str()[authority.host().len()..];
    let port = after_host.is_empty() || authority.port_u16().is_some_and(|port| port != 0);
    if authority.host().is_empty() || !port { Err(no_server()) } else { Ok(authority) }
}
