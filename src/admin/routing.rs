//! The port through which the control plane asks where the data plane would send a request.

use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::auth::Source;
use crate::token::Scope;

/// Knows the routes of the data plane.
pub(crate) trait Routing: Send + Sync {
    /// The route that a request would take, chosen as the data plane chooses.
    ///
    /// # Errors
    /// The answer that it would get before any token is looked at.
    fn place(&self, asked: &Asked<'_>) -> Result<Place, Nowhere>;
}

/// The part of a request that routes look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'r> {
    /// The method.
    pub(crate) method: &'r Method,
    /// What `Host` holds; `None` = only routes without a host are looked at.
    pub(crate) host: Option<&'r str>,
    /// Path as in the request target, without query.
    pub(crate) path: &'r str,
}

/// A route, as the configuration has it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Its name.
    pub(crate) name: Arc<str>,
    /// Its host; `None` = any.
    pub(crate) host: Option<String>,
    /// Its path, in the configuration's notation.
    pub(crate) pattern: String,
    /// Its methods; `None` = any.
    pub(crate) methods: Option<Vec<Method>>,
    /// The asked path in its one form.
    pub(crate) path: String,
    /// Scopes that are all needed.
    pub(crate) scopes: Vec<Scope>,
    /// Scopes of which one is needed.
    pub(crate) any_scopes: Vec<Scope>,
    /// No token needed.
    pub(crate) public: bool,
    /// CORS preflights pass without a token.
    pub(crate) preflight: bool,
    /// Where a credential is looked for.
    pub(crate) credentials: Vec<Source>,
    /// How old beyond the cache's time a cached token may be while the store is away.
    pub(crate) stale_for: Duration,
    /// Who answers: `upstream <name>` or `token-self`.
    pub(crate) target: String,
}

/// Why no route is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Nowhere {
    /// Status of the answer.
    pub(crate) status: u16,
    /// Name of the problem, such as `no-route`.
    pub(crate) reason: &'static str,
    /// In words.
    pub(crate) detail: String,
}
