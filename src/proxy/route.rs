//! Which route a request is for: host first, then exact before prefix, then the longest prefix; methods choose only among
//! routes of that same path.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method};

use super::config::{Config, HostHeader, OnLimitOutage, PathPattern, RouteConfig, Target};
use crate::auth::Sources;
use crate::token::{NeededScopes, Universe};

/// Every route of the configuration, ready to be matched.
#[derive(Debug)]
pub(crate) struct RouteTable {
    routes: Vec<Route>,
    /// By host, lower case, without port.
    hosts: HashMap<String, Paths>,
    /// Routes without a host.
    any_host: Paths,
}

/// A route, ready to serve.
#[derive(Debug)]
pub(crate) struct Route {
    /// Position in the table; the metric cell.
    pub(super) index: usize,
    pub(super) name: Arc<str>,
    pub(super) needed: NeededScopes,
    pub(super) public: bool,
    pub(super) preflight: bool,
    pub(super) sources: Sources,
    pub(super) stale_for: Duration,
    pub(super) on_limit_outage: OnLimitOutage,
    pub(super) host_header: HostHeader,
    pub(super) target: Target,
    methods: Option<Vec<Method>>,
}

/// Why no route was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum NoRoute {
    /// No route is for this path.
    Path,
    /// Routes are for this path, but not for the method; `Allow` holds theirs.
    Method(HeaderValue),
}

/// Paths of one host, sorted by path for binary search. The list of a path holds routes in the order of the file.
#[derive(Debug, Default)]
struct Paths {
    exact: Vec<(String, Vec<usize>)>,
    prefix: Vec<(String, Vec<usize>)>,
}

impl RouteTable {
    /// Builds the table and registers the scopes that routes need.
    pub(crate) fn new(config: &Config, stale_for: Duration, universe: &mut Universe) -> Self {
        let mut table = Self { routes: Vec::new(), hosts: HashMap::new(), any_host: Paths::default() };
        for (index, route) in config.routes.iter().enumerate() {
            table.routes.push(Route::new(index, route, config, stale_for, universe));
            let paths = match &route.host {
                Some(host) => table.hosts.entry(host.clone()).or_default(),
                None => &mut table.any_host,
            };
            let (list, path) = match &route.path {
                PathPattern::Exact(path) => (&mut paths.exact, path),
                PathPattern::Prefix(path) => (&mut paths.prefix, path),
            };
            match list.binary_search_by(|(known, _)| known.as_str().cmp(path)) {
                Ok(at) => list[at].1.push(index),
                Err(at) => list.insert(at, (path.clone(), vec![index])),
            }
        }
        table
    }

    /// Names of the routes, in the order of their index.
    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.routes.iter().map(|route| &route.name)
    }

    /// Whether no route asks for a host, so that nobody needs to work it out.
    pub(super) fn ignores_hosts(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Finds the route of a request. `host` is lower case without port; `path` is in normal form.
    pub(super) fn find(&self, host: Option<&str>, path: &str, method: &Method) -> Result<&Route, NoRoute> {
        let by_host = host.and_then(|host| self.hosts.get(host)).and_then(|paths| paths.find(path));
        let candidates = by_host.or_else(|| self.any_host.find(path)).ok_or(NoRoute::Path)?;
        let mut routes = candidates.iter().map(|index| &self.routes[*index]);
        routes.clone().find(|route| route.takes(method)).ok_or_else(|| {
            let mut allowed: Vec<&str> =
                routes.by_ref().flat_map(|route| route.methods.iter().flatten()).map(Method::as_str).collect();
            allowed.sort_unstable();
            allowed.dedup();
            // Method names are tokens, so the value is always valid.
            HeaderValue::from_str(&allowed.join(", ")).map_or(NoRoute::Path, NoRoute::Method)
        })
    }
}

impl Route {
    fn new(index: usize, config: &RouteConfig, proxy: &Config, stale_for: Duration, universe: &mut Universe) -> Self {
        Self {
            index,
            name: Arc::clone(&config.name),
            needed: universe.need(&config.scopes, &config.any_scopes),
            public: config.public,
            preflight: config.preflight,
            sources: Sources::new(config.credentials.as_ref().unwrap_or(&proxy.credentials)),
            stale_for: config.stale_for.unwrap_or(stale_for),
            on_limit_outage: config.on_limit_outage,
            host_header: config.host_header,
            target: config.target.clone(),
            methods: config.methods.clone(),
        }
    }

    fn takes(&self, method: &Method) -> bool {
        match &self.methods {
            None => true,
            // A preflight asks about a method on its behalf (Fetch standard, CORS protocol).
            Some(methods) => methods.contains(method) || (self.preflight && method == Method::OPTIONS),
        }
    }
}

impl Paths {
    fn find(&self, path: &str) -> Option<&[usize]> {
        let look = |list: &'_ [(String, Vec<usize>)], path: &str| {
            list.binary_search_by(|(known, _)| known.as_str().cmp(path)).ok()
        };
        if let Some(at) = look(&self.exact, path) {
            return Some(&self.exact[at].1);
        }
        let mut rest = path;
        loop {
            if let Some(at) = look(&self.prefix, rest) {
                return Some(&self.prefix[at].1);
            }
            match rest.rfind('/')? {
                0 if rest.len() > 1 => rest = "/",
                0 => return None,
                at => rest = &rest[..at],
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn route(name: &str, host: Option<&str>, path: &str, methods: &[Method]) -> RouteConfig {
        RouteConfig {
            name: name.into(),
            host: host.map(str::to_owned),
            path: match path.strip_prefix("= ") {
                Some(exact) => PathPattern::Exact(exact.to_owned()),
                None => PathPattern::Prefix(path.to_owned()),
            },
            methods: (!methods.is_empty()).then(|| methods.to_vec()),
            scopes: vec![],
            any_scopes: vec![],
            public: false,
            preflight: name == "preflight",
            credentials: None,
            stale_for: None,
            on_limit_outage: OnLimitOutage::SpendLease,
            host_header: HostHeader::Preserve,
            target: Target::Upstream(0),
        }
    }

    fn table(routes: Vec<RouteConfig>) -> RouteTable {
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            workers: 1,
            trusted_proxies: vec![],
            realm: "t".to_owned(),
            credentials: vec![],
            region: String::new(),
            limits: crate::server::Limits::default(),
            upstreams: vec![],
            routes,
        };
        RouteTable::new(&config, Duration::ZERO, &mut Universe::default())
    }

    #[test]
    fn host_then_exact_then_longest_prefix_then_method() {
        let table = table(vec![
            route("root", None, "/", &[]),
            route("orders-read", None, "/orders", &[Method::GET]),
            route("orders-write", None, "/orders", &[Method::POST]),
            route("order-list", None, "= /orders", &[Method::GET]),
            route("deep", None, "/orders/old/list", &[]),
            route("host", Some("api.example"), "/orders", &[]),
            route("preflight", None, "/cors", &[Method::PUT]),
        ]);
        let find = |host: Option<&str>, path: &str, method: Method| {
            table.find(host, path, &method).map(|route| route.name.to_string())
        };
        let named = |name: &str| Ok(name.to_owned());
        assert_eq!(find(None, "/orders", Method::GET), named("order-list"));
        assert_eq!(find(None, "/orders", Method::POST), Err(NoRoute::Method(HeaderValue::from_static("GET"))));
        assert_eq!(find(None, "/orders/7", Method::POST), named("orders-write"));
        assert_eq!(find(None, "/orders/7", Method::PUT), Err(NoRoute::Method(HeaderValue::from_static("GET, POST"))));
        assert_eq!(find(None, "/orders7", Method::GET), named("root"));
        assert_eq!(find(None, "/orders/old/list/1", Method::GET), named("deep"));
        assert_eq!(find(None, "/orders/old", Method::GET), named("orders-read"));
        assert_eq!(find(Some("api.example"), "/orders/7", Method::PUT), named("host"));
        assert_eq!(find(Some("api.example"), "/other", Method::PUT), named("root"));
        assert_eq!(find(None, "/cors", Method::OPTIONS), named("preflight"));
    }

    proptest! {
        /// The search agrees with reading every prefix.
        #[test]
        fn the_longest_prefix_wins(prefixes in proptest::collection::btree_set("(/[ab]{1,2}){1,3}", 1..8), path in "(/[ab]{1,2}){1,4}/?") {
            let routes: Vec<_> = prefixes.iter().map(|p| route(p, None, p, &[])).collect();
            let expected = prefixes.iter()
                .filter(|p| path == **p || path.starts_with(&format!("{p}/")))
                .max_by_key(|p| p.len())
                .cloned();
            let found = table(routes).find(None, &path, &Method::GET).ok().map(|route| route.name.to_string());
            prop_assert_eq!(found, expected);
        }
    }
}
