//! Checked settings of credential places and of the token cache.

use std::time::Duration;

use http::HeaderName;

/// A place where a request may carry its credential.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// `Authorization: Bearer <secret>` (RFC 6750 section 2.1); the scheme is compared without case.
    Bearer,
    /// `Authorization: Api-Token <secret>`; the scheme is compared without case.
    ApiToken,
    /// A header whose whole value is the secret; a leading `Bearer ` is dropped.
    Header(HeaderName),
    /// A query parameter (RFC 6750 section 2.3 in shape); the name is compared after percent-decoding.
    Query(String),
    /// `Authorization: <scheme> <secret>` with a scheme of a vendor's own; compared without case. Admin dialects only.
    Scheme(&'static str),
    /// A cookie (RFC 6265 section 4.2) whose value is the secret. Admin dialects only: it is read, not removed.
    Cookie(&'static str),
}

impl Source {
    /// What is tried where the configuration names nothing.
    pub fn defaults() -> Vec<Self> {
        vec![
            Self::Bearer,
            Self::ApiToken,
            Self::Header(HeaderName::from_static("xms-auth-token")),
            Self::Query("token".to_owned()),
        ]
    }
}

/// Settings of the token cache (`[cache]` and `[memory]`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheConfig {
    /// Most tokens held.
    pub entries: usize,
    /// Age at which a token is fetched again; revocation is pushed and does not wait for it.
    pub ttl: Duration,
    /// How long an unknown secret is remembered as unknown.
    pub negative_ttl: Duration,
    /// How much older than `ttl` a token may be served while the store is away, where a route does not say.
    pub stale_for: Duration,
    /// Bytes that cache, negative entries and queues may use together.
    pub budget: u64,
    /// Longest wait for the store on the request path.
    pub store_timeout: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            entries: 1_000_000,
            ttl: Duration::from_secs(60),
            negative_ttl: Duration::from_secs(5),
            stale_for: Duration::from_secs(600),
            budget: 128 << 20,
            store_timeout: Duration::from_millis(50),
        }
    }
}
