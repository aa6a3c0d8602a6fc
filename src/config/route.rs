//! `[[route]]`.

use std::collections::HashMap;

use http::Method;

use super::limits::stale_for;
use super::names::{scopes, simple_name};
use super::path::pattern;
use super::proxy::Credentials;
use super::reader::{Field, Section};
use super::tree::quoted;
use super::units::closest;
use crate::auth::Source;
use crate::proxy::{HostHeader, OnLimitOutage, PathPattern, RouteConfig, Target, UpstreamConfig};
use crate::token::Scope;

/// Reads every route and compares them with each other.
pub(super) fn routes(
    root: &mut Section<'_>,
    upstreams: &[UpstreamConfig],
    credentials: &Credentials,
) -> Vec<RouteConfig> {
    let mut routes = Vec::new();
    root.each("route", |section| {
        let place = section.cx.place(&section.at);
        let route = Route { upstreams, credentials }.read(section);
        routes.extend(route.map(|route| (section.path.clone(), section.at.clone(), place, route)));
        Some(())
    });
    let mut names: HashMap<String, &str> = HashMap::new();
    let mut paths: HashMap<(Option<&str>, bool, &str), Vec<usize>> = HashMap::new();
    for (index, (path, at, place, route)) in routes.iter().enumerate() {
        if let Some(earlier) = names.insert(route.name.to_string(), place) {
            let message = format!("the name {:?} stands at {earlier} already: each route needs its own", route.name);
            root.cx.error(at, path, message);
        }
        let (exact, text) = match &route.path {
            PathPattern::Prefix(text) => (false, text),
            PathPattern::Exact(text) => (true, text),
        };
        let rivals = paths.entry((route.host.as_deref(), exact, text)).or_default();
        for (_, _, other_place, other) in rivals.iter().map(|rival| &routes[*rival]) {
            if overlap(route.methods.as_deref(), other.methods.as_deref()) {
                let message = format!(
                    "cannot be told apart from {:?} at {other_place}: same host, same path and a method in common; \
                     change one of them",
                    other.name
                );
                root.cx.error(at, path, message);
            }
        }
        rivals.push(index);
    }
    routes.into_iter().map(|(.., route)| route).collect()
}

fn overlap(a: Option<&[Method]>, b: Option<&[Method]>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.iter().any(|method| b.contains(method)),
        _ => true,
    }
}

/// What a route may refer to.
struct Route<'r> {
    upstreams: &'r [UpstreamConfig],
    credentials: &'r Credentials,
}

impl Route<'_> {
    fn read(&self, section: &mut Section<'_>) -> Option<RouteConfig> {
        let name = section.need("name", "write a name of your choice; metrics and activity show it");
        let name = name.and_then(|field| field.parsed(|text| simple_name(text).map(|()| text.to_owned())));
        let host = section.take("host").and_then(|field| field.parsed(host));
        let path = section.need("path", "write \"/\" for everything");
        let path = path.and_then(|field| field.parsed(pattern));
        let methods = section.take("methods").map(methods);
        let public = section.take("public").and_then(|field| field.flag()).unwrap_or(false);
        let (scopes, any_scopes) = needed(section, public);
        let credentials = section.take("credentials").map(|field| self.places(field, public));
        let preflight = section.take("preflight").and_then(|field| field.flag()).unwrap_or(false);
        let stale_for = stale_for(section);
        if public && stale_for.is_some() {
            section.error("stale_for has no meaning on a public route, which looks up no token: remove it");
        }
        let (target, host_header) = self.target(section, public);
        let on_limit_outage = on_limit_outage(section, public, target == Some(Target::TokenSelf));
        Some(RouteConfig {
            name: name?.into(),
            host,
            path: path?,
            methods,
            scopes,
            any_scopes,
            public,
            preflight,
            credentials,
            stale_for,
            on_limit_outage,
            host_header,
            target: target?,
        })
    }

    /// Who answers, and what `Host` they see.
    fn target(&self, section: &mut Section<'_>, public: bool) -> (Option<Target>, HostHeader) {
        let upstream = section.take("upstream");
        let serve = section.take("serve");
        let host_header = section.take("host_header");
        let target = match (upstream, &serve) {
            (Some(upstream), None) => self.upstream(&upstream),
            (None, Some(serve)) => serve.choice(&[("token-self", ())]).map(|()| Target::TokenSelf),
            (Some(upstream), Some(_)) => {
                upstream.error("stands beside serve: keep one of the two");
                None
            }
            (None, None) => {
                section.missing("leads nowhere: write upstream = \"NAME\", or serve = \"token-self\"");
                None
            }
        };
        if let (Some(serve), true) = (&serve, public) {
            serve.error("needs a token and the route is public: remove public = true");
        }
        if let (Some(field), true) = (&host_header, serve.is_some()) {
            field.error("has no meaning without an upstream: remove it");
        }
        let kinds = [("preserve", HostHeader::Preserve), ("upstream", HostHeader::Upstream)];
        (target, host_header.and_then(|field| field.choice(&kinds)).unwrap_or_default())
    }

    fn upstream(&self, field: &Field<'_>) -> Option<Target> {
        let name = field.text()?;
        if let Some(index) = self.upstreams.iter().position(|upstream| upstream.name == name) {
            return Some(Target::Upstream(index));
        }
        let known = self.upstreams.iter().map(|upstream| upstream.name.as_str());
        field.unresolved(&match closest(&name, known) {
            Some(meant) => format!("there is no upstream {}: did you mean {meant:?}?", quoted(&name)),
            None => format!("there is no upstream {}: add a section [upstream.NAME] of that name", quoted(&name)),
        });
        None
    }

    /// The places of the configuration that a route narrows itself to. `header` and `query` mean all of their kind.
    fn places(&self, field: Field<'_>, public: bool) -> Vec<Source> {
        if field.is_empty_list() && !public {
            field
                .error("leaves no place for a token, so that every call would be refused: name one, or remove the key");
        }
        let mut places: Vec<Source> = Vec::new();
        for item in field.list().unwrap_or_default() {
            let Some(text) = item.text() else { continue };
            let found: Vec<&Source> =
                self.credentials.sources.iter().filter(|source| is_meant(source, &text)).collect();
            if found.is_empty() && self.credentials.complete {
                let known: Vec<String> = self.credentials.sources.iter().map(spelled).collect();
                item.error(format!(
                    "{} is not among the credential places, which are {}",
                    quoted(&text),
                    known.join(", ")
                ));
            }
            for source in found {
                if !places.contains(source) {
                    places.push(source.clone());
                }
            }
        }
        places
    }
}

fn on_limit_outage(section: &mut Section<'_>, public: bool, serves_token: bool) -> OnLimitOutage {
    let Some(field) = section.take("on_limit_outage") else { return OnLimitOutage::default() };
    if public {
        field.error("has no meaning on a public route, which counts no calls: remove it");
    } else if serves_token {
        field.error("has no meaning without an upstream: remove it");
    }
    let kinds =
        [("spend-lease", OnLimitOutage::SpendLease), ("allow", OnLimitOutage::Allow), ("deny", OnLimitOutage::Deny)];
    field.choice(&kinds).unwrap_or_default()
}

fn is_meant(source: &Source, text: &str) -> bool {
    let kind = match source {
        Source::Bearer => "bearer",
        Source::ApiToken => "api-token",
        Source::Header(_) => "header",
        Source::Query(_) => "query",
        // Of admin dialects; the configuration makes none.
        Source::Scheme(_) | Source::Cookie(_) => return false,
    };
    text == kind
        || match (source, text.split_once(':')) {
            (Source::Header(name), Some(("header", wanted))) => name.as_str().eq_ignore_ascii_case(wanted.trim()),
            (Source::Query(name), Some(("query", wanted))) => name == wanted.trim(),
            _ => false,
        }
}

/// A place as a route's `credentials` names it.
fn spelled(source: &Source) -> String {
    match source {
        Source::Bearer => "\"bearer\"".to_owned(),
        Source::ApiToken => "\"api-token\"".to_owned(),
        Source::Header(name) => format!("\"header:{name}\""),
        Source::Query(name) => quoted(&format!("query:{name}")),
        Source::Scheme(name) | Source::Cookie(name) => quoted(name),
    }
}

fn needed(section: &mut Section<'_>, public: bool) -> (Vec<Scope>, Vec<Scope>) {
    let mut read = |key| {
        let Some(field) = section.take(key) else { return Vec::new() };
        if public {
            field.error("is asked of a public route, which looks at no token: remove it, or public = true");
        }
        if key == "any_scopes" && field.is_empty_list() {
            field.error("names no scope to have one of: name some, or remove the key");
        }
        let scopes = scopes(field.clone());
        for scope in scopes.iter().filter(|scope| scope.as_str().ends_with('*')) {
            field.error(format!(
                "{scope} is a wildcard, which a token may hold but a route cannot need: name the scope"
            ));
        }
        scopes
    };
    (read("scopes"), read("any_scopes"))
}

fn methods(field: Field<'_>) -> Vec<Method> {
    if field.is_empty_list() {
        field.error("names no method, so that the route would never be chosen: name some, or remove the key");
    }
    let mut methods: Vec<Method> = Vec::new();
    for item in field.list().unwrap_or_default() {
        match item.parsed(method) {
            Some(method) if methods.contains(&method) => item.error(format!("{method} stands here twice: remove one")),
            Some(method) => methods.push(method),
            None => {}
        }
    }
    methods
}

fn method(text: &str) -> Result<Method, String> {
    let upper = text.to_uppercase();
    match Method::from_bytes(text.as_bytes()) {
        Ok(Method::CONNECT) => Err("CONNECT is refused before routing: remove it".to_owned()),
        Ok(method) if text == upper && text.len() <= 32 => Ok(method),
        Ok(_) if text.len() <= 32 => Err(format!("{} is written in capitals: write {upper:?}", quoted(text))),
        _ => Err(format!("{} is no method: write one such as \"GET\"", quoted(text))),
    }
}

fn host(text: &str) -> Result<String, String> {
    let refuse = |reason: &str| Err(format!("{} {reason}", quoted(text)));
    let lower = text.to_ascii_lowercase();
    if text.contains("://") || text.contains('/') {
        return refuse("is an address of a page: write only the host name, such as \"api.example.com\"");
    }
    if let Some(inner) = lower.strip_prefix('[') {
        let address = inner.strip_suffix(']').and_then(|inner| inner.parse::<std::net::Ipv6Addr>().ok());
        return match address {
            Some(address) => Ok(format!("[{address}]")),
            None => refuse("is no host: write an IPv6 address as \"[::1]\", without a port"),
        };
    }
    if text.contains(':') {
        return refuse("has a port: hosts are compared without, remove it");
    }
    if text.contains('*') {
        return refuse("has a wildcard: write one route for each host, or leave host out for all of them");
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(allowed);
    if lower.len() > 253 || !lower.split('.').all(label) {
        return refuse("is no host name: write one such as \"api.example.com\"");
    }
    Ok(lower)
}
