//! The data plane: one request in one function.
//!
//! `RouteMatch → Credential → Grant → Permit → Admission → Response`: each step takes the evidence of the one before, and
//! forwarding takes a permit and an admission by value, so "forgot the check" does not compile.

mod config;
mod core;
mod explain;
mod forward;
mod headers;
mod host;
mod metrics;
mod path;
mod rate;
mod reject;
mod route;
mod upstream;

pub(crate) use config::{Config, HostHeader, OnLimitOutage, PathPattern, RouteConfig, Target, UpstreamConfig};
pub(crate) use core::{Core, Services, TokenSelf};
pub(crate) use metrics::ProxyMetrics;
pub(crate) use route::RouteTable;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;

use self::core::{Caller, Connection, Exchanged, ProxyBody};
use self::headers::Scan;
use self::reject::Rejection;
use self::route::{NoRoute, Route};
use crate::activity::EventKind;
use crate::auth::{Cached, CachedToken, Denial, Extracted, Grant, Permit};
use crate::clock::Now;
use crate::limit::{Admission, Charge, Exceeded, TokenLimits};
use crate::server::InFlight;
use crate::token::SecretHash;

/// A token as this plane knows it.
type Token = CachedToken<TokenLimits>;

/// A refused request, with the token it belongs to where there is one.
struct Refused {
    rejection: Rejection,
    token: Option<Arc<Token>>,
    exceeded: Option<Exceeded>,
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self { rejection, token: None, exceeded: None }
    }
}

/// A token whose limits cannot be asked for.
fn store_away(token: &Arc<Token>) -> Refused {
    Refused { rejection: Rejection::StoreAway, token: Some(Arc::clone(token)), exceeded: None }
}

/// How often a decision starts over because the token was changed meanwhile.
const MAX_DECISIONS: usize = 8;
/// How long a request goes on asking for leases that others spend before it, in nanoseconds: each round is progress, and
/// a store that does not answer ends it at once.
const LEASE_PATIENCE: u64 = 1_000_000_000;

impl Core {
    /// Answers one request: every step in order.
    async fn answer(
        &self,
        connection: &Connection,
        head: &Parts,
        body: Incoming,
        now: Now,
        in_flight: InFlight,
    ) -> Exchanged {
        let fresh_id = self.fresh_id();
        let mut pending =
            Pending { core: self, head, started: now, fresh_id: &fresh_id, told: Told::default(), over: false };
        let outcome =
            self.decide_and_forward(connection, head, body, now, &fresh_id, in_flight, &mut pending.told).await;
        pending.over = true;
        let answer = self.conclude(head, now, &fresh_id, std::mem::take(&mut pending.told), outcome);
        // Boxed, so that the requests of those who do not wait carry nothing of it.
        if self.strict { Box::pin(self.settle(answer, &fresh_id)).await } else { answer }
    }

    #[allow(clippy::too_many_arguments)] // the request's own parts, handed on once
    async fn decide_and_forward<'s>(
        &'s self,
        connection: &Connection,
        head: &Parts,
        body: Incoming,
        now: Now,
        fresh_id: &str,
        in_flight: InFlight,
        told: &mut Told<'s>,
    ) -> Result<Response<ProxyBody>, Refused> {
        told.client = Some(connection.peer);
        refuse_methods(&head.method)?;
        let host = host::of(head, self.routes_ignore_hosts())?;
        let path = path::normalise(head.uri.path()).map_err(Rejection::from)?;
        let scan = Scan::of(&head.headers, connection.trusted)?;
        if headers::has_unmet_expectation(&head.headers) {
            return Err(Rejection::BadRequest("The only expectation served is 100-continue.").into());
        }
        let route = self.route(host.name.as_deref(), &path, &head.method)?;
        told.route = Some(route);
        let request_id = headers::request_id(&head.headers, &scan, fresh_id);
        told.callers_id = (request_id != fresh_id).then(|| request_id.to_owned());
        let client = if connection.trusted { self.client(connection.peer, &head.headers) } else { connection.peer };
        told.client = Some(client);
        let extracted = route
            .sources
            .extract(&head.headers, head.uri.query())
            .map_err(|denial| self.refuse_credential(route, denial, client, now))?;
        told.secret_in_query = extracted.query.is_some();
        if let Target::TokenSelf = route.target {
            return Ok(self.token_self(head, client, in_flight).await);
        }
        let (permit, admission) = self.admit(route, &extracted, head, client, now).await?;
        told.token = permit.token().map(Arc::clone);
        told.admission = Some(rate::Told::of(&admission));
        let caller = Caller { connection, client, host: host.written, path: &path, scan: &scan, extracted: &extracted };
        let forwarded = self.forward(route, head, body, caller, (permit, admission), fresh_id, in_flight, told).await;
        forwarded.map_err(|rejection| Refused { rejection, token: None, exceeded: None })
    }

    fn route(&self, host: Option<&str>, path: &str, method: &Method) -> Result<&Route, Rejection> {
        Ok(self.services().routes.find(host, path, method)?)
    }

    /// From what was extracted to the proof that the request may pass now.
    async fn admit(
        &self,
        route: &Route,
        extracted: &Extracted<'_>,
        head: &Parts,
        client: IpAddr,
        now: Now,
    ) -> Result<(Permit<TokenLimits>, Admission), Refused> {
        if route.public || (route.preflight && is_preflight(head)) {
            return Ok((Permit::anonymous(), Admission::free()));
        }
        let secret = extracted.secret().map_err(|denial| self.refuse_credential(route, denial, client, now))?;
        let Some(secret) = secret else { return Err(Rejection::Unauthenticated.into()) };
        let hash = self.services().key.hash(secret);
        let patient_until = now.mono.saturating_add(LEASE_PATIENCE);
        let (mut decisions, mut at) = (0, now);
        while decisions < MAX_DECISIONS {
            let grant = self.resolve(route, hash, client, now).await?;
            let permit = grant.permit(&route.needed, client, now.wall).map_err(|(denial, token)| {
                self.cells().deny(denial);
                let rejection = Rejection::Denied(denial, route.needed.hint().to_owned());
                Refused { rejection, token: Some(token), exceeded: None }
            })?;
            let Some(token) = permit.token() else { break };
            if route.on_limit_outage == OnLimitOutage::Deny && self.limits_are_out_of_reach(token) {
                return Err(store_away(token));
            }
            let charge = match token.state().charge(at) {
                Charge::AskStore if self.services().clock.mono() > patient_until => break,
                Charge::AskStore => {
                    let leased = self.lease(token).await;
                    at = self.services().clock.now();
                    match leased {
                        Ok(()) => continue,
                        Err(_) if route.on_limit_outage == OnLimitOutage::Allow => token.state().charge_alone(at),
                        Err(_) => return Err(store_away(token)),
                    }
                }
                charge => charge,
            };
            match charge {
                Charge::Admitted(admission) => {
                    if admission.low {
                        self.lease_ahead(token);
                    }
                    return Ok((permit, admission));
                }
                Charge::Exceeded(exceeded) => {
                    let rejection = Rejection::Limited(exceeded.retry_after);
                    return Err(Refused { rejection, token: Some(Arc::clone(token)), exceeded: Some(exceeded) });
                }
                Charge::AskStore | Charge::Moved => decisions += 1,
            }
        }
        Err(Rejection::StoreAway.into())
    }

    /// Whether the store keeps limits of the token and is known to be away.
    fn limits_are_out_of_reach(&self, token: &Token) -> bool {
        token.state().needs_store() && !self.services().counters.is_reachable()
    }

    /// Finds a secret's token: in the cache, in the memory of unknown secrets, in the store.
    async fn resolve(
        &self,
        route: &Route,
        hash: SecretHash,
        client: IpAddr,
        now: Now,
    ) -> Result<Grant<TokenLimits>, Refused> {
        let resolver = &self.services().resolver;
        let stale = match resolver.cached(&hash, now, route.stale_for) {
            Cached::Fresh { grant, refresh } => {
                if refresh {
                    resolver.refresh(&grant);
                }
                self.cells().cache_hits.add(1);
                return Ok(grant);
            }
            Cached::Stale(stale) => stale,
            Cached::Absent => {
                self.refuse_known_bad(route, &hash, client, now)?;
                None
            }
        };
        self.cells().cache_misses.add(1);
        let epoch = resolver.epoch();
        match resolver.fetch(hash).await {
            Ok(Ok(grant)) => Ok(grant),
            Ok(Err(denial)) => {
                self.remember_bad(hash, denial, now, epoch);
                Err(self.refuse_credential(route, denial, client, now).into())
            }
            Err(error) => match stale {
                Some(grant) => {
                    self.cells().cache_stale.add(1);
                    Ok(grant)
                }
                None => {
                    tracing::debug!(%error, "a token cannot be resolved");
                    Err(Rejection::StoreAway.into())
                }
            },
        }
    }

    /// Refuses, without asking the store, a secret that was unknown a moment ago, and addresses that try too many.
    fn refuse_known_bad(&self, route: &Route, hash: &SecretHash, client: IpAddr, now: Now) -> Result<(), Refused> {
        if let Err(wait) = self.services().throttle.check(client, now.mono) {
            return Err(Rejection::Throttled(wait.retry_after).into());
        }
        match self.known_bad(hash, now) {
            Some(denial) => {
                self.cells().cache_negative.add(1);
                Err(self.refuse_credential(route, denial, client, now).into())
            }
            None => Ok(()),
        }
    }

    /// A bad credential costs its address a call of the throttle.
    fn refuse_credential(&self, route: &Route, denial: Denial, client: IpAddr, now: Now) -> Rejection {
        self.cells().deny(denial);
        if denial == Denial::Ambiguous {
            return Rejection::Denied(denial, String::new());
        }
        tracing::debug!(route = &*route.name, reason = denial.as_str(), %client, "credential refused");
        match self.services().throttle.take(client, now.mono) {
            Ok(()) => Rejection::Denied(denial, String::new()),
            Err(wait) => Rejection::Throttled(wait.retry_after),
        }
    }
}

impl From<NoRoute> for Rejection {
    fn from(none: NoRoute) -> Self {
        match none {
            NoRoute::Path => Self::NoRoute,
            NoRoute::Method(allow) => Self::Method(allow),
        }
    }
}

/// What is known of a request once it has been answered, for its event and its metrics.
#[derive(Default)]
struct Told<'s> {
    route: Option<&'s Route>,
    client: Option<IpAddr>,
    token: Option<Arc<Token>>,
    admission: Option<rate::Told>,
    /// The caller's request id, where it is not the fresh one.
    callers_id: Option<String>,
    secret_in_query: bool,
    /// Readings of the clock around the upstream's part, nanoseconds.
    upstream: Option<(u64, u64)>,
}

/// A request that is being answered. Dropped before its end, when the caller goes away, it is put on record all the same:
/// the upstream may have done what it asked for.
struct Pending<'s> {
    core: &'s Core,
    head: &'s Parts,
    started: Now,
    fresh_id: &'s str,
    told: Told<'s>,
    over: bool,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.over && !std::thread::panicking() {
            self.core.abandon(self.head, self.started, self.fresh_id, &self.told);
        }
    }
}

/// Methods that are never forwarded: `CONNECT` would open a tunnel, `TRACE` echoes credentials (RFC 9110 section 9.3.8),
/// and names in lower case are taken for the upper-case method by some upstreams (section 9.1: they are others).
fn refuse_methods(method: &Method) -> Result<(), Rejection> {
    match *method {
        Method::CONNECT | Method::TRACE => Err(Rejection::MethodRefused),
        Method::GET | Method::POST | Method::PUT | Method::DELETE | Method::HEAD | Method::PATCH | Method::OPTIONS => {
            Ok(())
        }
        _ if method.as_str().bytes().any(|byte| byte.is_ascii_lowercase()) => {
            Err(Rejection::BadRequest("Method names are case-sensitive; this one has lower-case letters."))
        }
        _ => Ok(()),
    }
}

/// A CORS preflight (Fetch standard, section 3.2.2).
fn is_preflight(head: &Parts) -> bool {
    head.method == Method::OPTIONS
        && head.headers.contains_key("origin")
        && head.headers.contains_key("access-control-request-method")
}

/// What kind of event a refusal is for its token.
fn event_kind(rejection: &Rejection) -> EventKind {
    match rejection {
        Rejection::Denied(Denial::Scope, _) => EventKind::Forbidden,
        Rejection::Denied(..) => EventKind::Unauthorized,
        Rejection::Limited(_) => EventKind::QuotaExceeded,
        _ => EventKind::Request,
    }
}

/// Longest wait that a coarse timer is asked for, in nanoseconds.
fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Whether a fault of ours or the upstream's lets the caller keep the call.
fn is_refunded(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}
