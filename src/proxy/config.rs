//! Checked settings of the data plane: `[proxy]`, `[upstream.*]`, `[[route]]`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::uri::Authority;
use ipnet::IpNet;

use crate::auth::Source;
use crate::token::Scope;

/// The data plane.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Where callers connect.
    pub(crate) listen: SocketAddr,
    /// Threads; at least 1 (0 in the file is already one per core here).
    pub(crate) workers: usize,
    /// Whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// The `realm` of challenges.
    pub(crate) realm: String,
    /// Where credentials are looked for, in the order given.
    pub(crate) credentials: Vec<Source>,
    /// Tokens of this region and of none are served; empty = any.
    pub(crate) region: String,
    /// Deadlines and sizes towards callers.
    pub(crate) limits: crate::server::Limits,
    /// Upstreams by name.
    pub(crate) upstreams: Vec<UpstreamConfig>,
    /// Routes in the order of the file.
    pub(crate) routes: Vec<RouteConfig>,
}

/// One upstream.
#[derive(Clone, Debug)]
pub(crate) struct UpstreamConfig {
    /// Name in the file.
    pub(crate) name: String,
    /// Its servers, at least one.
    pub(crate) servers: Vec<Authority>,
    /// Longest wait for a connection.
    pub(crate) connect_timeout: Duration,
    /// Longest wait for the head of an answer, from the end of the request's head; 504 after it.
    pub(crate) head_timeout: Duration,
    /// Longest silence inside a body, either way.
    pub(crate) body_timeout: Duration,
    /// How long an idle connection is kept.
    pub(crate) idle_timeout: Duration,
    /// Idle connections kept per server and core.
    pub(crate) idle_connections: usize,
}

/// One route.
#[derive(Clone, Debug)]
pub(crate) struct RouteConfig {
    /// Unique name; the metric label and the activity's route.
    pub(crate) name: Arc<str>,
    /// Host it is for, lower case, without port; `None` = any.
    pub(crate) host: Option<String>,
    /// Path it is for.
    pub(crate) path: PathPattern,
    /// Methods it is for; `None` = any.
    pub(crate) methods: Option<Vec<Method>>,
    /// Scopes that are all needed.
    pub(crate) scopes: Vec<Scope>,
    /// Scopes of which one is needed.
    pub(crate) any_scopes: Vec<Scope>,
    /// No token needed.
    pub(crate) public: bool,
    /// Lets CORS preflights pass without a token.
    pub(crate) preflight: bool,
    /// The only credential places of this route; `None` = those of the configuration.
    pub(crate) credentials: Option<Vec<Source>>,
    /// How old beyond `cache.ttl` a cached token may be while the store is away; `None` = the cache's own setting.
    pub(crate) stale_for: Option<Duration>,
    /// What becomes of a request whose limits the store keeps while the store is away.
    pub(crate) on_limit_outage: OnLimitOutage,
    /// What `Host` the upstream sees.
    pub(crate) host_header: HostHeader,
    /// Who answers.
    pub(crate) target: Target,
}

/// A path a route is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathPattern {
    /// This path and everything below it: `/orders` covers `/orders/7`, not `/orders7`. Without a trailing slash, except
    /// for `/`.
    Prefix(String),
    /// Only this path.
    Exact(String),
}

/// What `Host` the upstream sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum HostHeader {
    /// The caller's.
    #[default]
    Preserve,
    /// The upstream server's own.
    Upstream,
}

/// What becomes of a request whose limits the store keeps while the store is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum OnLimitOutage {
    /// What is leased is spent; 503 after that. No limit is exceeded.
    #[default]
    SpendLease,
    /// After that the process counts for itself: each sidecar allows the whole limit.
    Allow,
    /// 503 at once, even where something is leased.
    Deny,
}

/// Who answers on a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Index into [`Config::upstreams`].
    Upstream(usize),
    /// The caller's own token info and activity (the ThreatJammer pair).
    TokenSelf,
}
