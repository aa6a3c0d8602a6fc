//! The control plane: one call in one function. Address limit, endpoint, credential, token, scope, token limit, point, body,
//! handler, headers, event.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, USER_AGENT, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use http_body::Body;
use http_body_util::Empty;
use prometheus_client::registry::Registry;

use super::Config;
use super::dialect::{Call, Dialect, Fault, Refusal, Reply, Token};
use super::endpoint::{self, Endpoint};
use super::metrics::AdminMetrics;
use super::request::{event_kind, find, has_one_host, is_foreign_page, problem, read, request_id};
use super::served::Served;
use super::service::TokenService;
use super::turn::Turns;
use super::{Instance, Routing, dialects, openapi};
use crate::activity::{EventKind, EventLog, EventRef, Outlet, Recorder};
use crate::auth::{CacheConfig, NegativeCache, Resolver, Source};
use crate::clock::{Clock, Now};
use crate::limit::{CounterStore, Throttle, TokenLimits};
use crate::server::{ClientAddr, TrustedProxies};
use crate::token::{Bundles, HashKey, NeededScopes, Presence, StoreError, StoreFuture, TokenStore, Universe};

/// Longest time from a complete head to an answer.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// Longest wait for one read of the store by a handler.
const STORE_LIMIT: Duration = Duration::from_secs(2);
/// How often recorded events are passed on.
const HAND_OVER: Duration = Duration::from_millis(50);

/// What the control plane works with.
pub(crate) struct AdminServices {
    /// Its settings.
    pub(crate) config: Config,
    /// Settings of the token cache.
    pub(crate) cache: CacheConfig,
    /// Region of this sidecar.
    pub(crate) region: String,
    /// Bundles of the configuration.
    pub(crate) bundles: Arc<Bundles>,
    /// Credential places of the data plane: accepted there by [`AdminPlane::handle`], masked in recorded addresses.
    pub(crate) credentials: Vec<Source>,
    /// Hashes secrets.
    pub(crate) key: HashKey,
    /// The token cache, shared with the data plane.
    pub(crate) resolver: Arc<Resolver<TokenLimits>>,
    /// What can be done to tokens.
    pub(crate) service: TokenService,
    /// Token records.
    pub(crate) tokens: Arc<dyn TokenStore>,
    /// Month quotas.
    pub(crate) counters: Arc<dyn CounterStore>,
    /// Activity.
    pub(crate) events: Arc<dyn EventLog>,
    /// Bad credentials by address, shared with the data plane.
    pub(crate) throttle: Arc<Throttle>,
    /// Whose forwarding headers are believed.
    pub(crate) trusted: TrustedProxies,
    /// Takes events.
    pub(crate) recorder: Recorder,
    /// The routes of the data plane.
    pub(crate) routing: Arc<dyn Routing>,
    /// The sidecars that share the store.
    pub(crate) presence: Arc<dyn Presence>,
    /// This process.
    pub(crate) instance: Instance,
    /// The time.
    pub(crate) clock: Clock,
}

impl AdminServices {
    /// Waits for a read of the store, within its limit.
    ///
    /// # Errors
    /// The store does not answer in time, or refuses.
    pub(crate) async fn ask<T>(&self, reading: StoreFuture<'_, T>) -> Result<T, Fault> {
        let late = |_| StoreError::Unavailable(format!("no answer within {STORE_LIMIT:?}"));
        Ok(tokio::time::timeout(STORE_LIMIT, reading).await.map_err(late)??)
    }
}

/// The control plane. Clones share it.
#[derive(Clone)]
pub(crate) struct AdminPlane(pub(super) Arc<Plane>);

impl AdminPlane {
    /// Over every dialect; on the runtime that calls are to run on. Passes recorded events on for as long as it lives.
    pub(crate) fn new(services: AdminServices) -> Self {
        Self::with_dialects(services, dialects::ALL)
    }

    pub(super) fn with_dialects(services: AdminServices, list: &[&'static dyn Dialect]) -> Self {
        let plane = Arc::new(Plane::new(services, list));
        plane.runtime.spawn(hand_over(Arc::downgrade(&plane)));
        Self(plane)
    }

    /// Passes on the events recorded so far; before the recorder's last flush.
    pub(crate) fn hand_over(&self) {
        self.0.hand_over();
    }

    /// Makes its counters known.
    pub(crate) fn metrics(&self) -> impl FnOnce(&mut Registry) + use<> {
        let metrics = self.0.metrics.clone();
        move |registry| metrics.register(registry)
    }

    /// Serves the caller's own token to the proxy port: the same paths, charged and recorded the same way; the data plane's
    /// credential places are accepted too. Runs on the control plane's own threads, so any thread may await it.
    pub(crate) async fn handle(&self, head: Parts, client: IpAddr) -> Reply {
        let plane = Arc::clone(&self.0);
        let serving = self.0.runtime.spawn(async move {
            let request = Request { head: &head, client, now: plane.services.clock.now() };
            plane.answer(Some(&plane.token_self), request, Empty::<Bytes>::new()).await
        });
        serving.await.unwrap_or_else(|_| problem(&Fault::Internal))
    }
}

/// What all calls share.
pub(super) struct Plane {
    pub(super) services: Arc<AdminServices>,
    /// Where calls and store calls run.
    pub(super) runtime: tokio::runtime::Handle,
    served: Vec<Served>,
    token_self: Served,
    /// Calls by client address.
    per_address: Throttle,
    /// Calls by token; an address stands for a token there.
    pub(super) per_token: Throttle,
    pub(super) negative: Mutex<NegativeCache>,
    outlet: Mutex<Outlet>,
    pub(super) nothing_needed: NeededScopes,
    turns: Turns,
    pub(super) metrics: AdminMetrics,
}

/// What is known of a call once it has been answered.
#[derive(Default)]
pub(super) struct Told<'r> {
    request_id: &'r str,
    endpoint: Option<&'static Endpoint>,
    pub(super) token: Option<Arc<Token>>,
    pub(super) charged: bool,
    /// The body is being read.
    reading: bool,
}

/// A call's own parts.
pub(super) struct Request<'r> {
    head: &'r Parts,
    pub(super) client: IpAddr,
    pub(super) now: Now,
}

impl Plane {
    fn new(services: AdminServices, list: &[&'static dyn Dialect]) -> Self {
        let credentials = &services.credentials;
        let served = list.iter().map(|dialect| Served::new(*dialect, dialect.sources(), credentials)).collect();
        let own = dialects::TOKEN_SELF;
        let everywhere = own.sources().into_iter().chain(credentials.iter().cloned()).collect();
        Self {
            served,
            token_self: Served::new(own, everywhere, &[]),
            runtime: tokio::runtime::Handle::current(),
            per_address: Throttle::new(&services.config.limit),
            per_token: Throttle::new(&services.config.limit),
            negative: Mutex::new(NegativeCache::new(NegativeCache::MAX_ENTRIES, services.cache.negative_ttl)),
            outlet: Mutex::new(services.recorder.outlet()),
            nothing_needed: Universe::default().need(&[], &[]),
            turns: Turns::default(),
            metrics: AdminMetrics::default(),
            services: Arc::new(services),
        }
    }

    /// Answers a call of the admin port.
    pub(super) async fn handle<B>(&self, head: Parts, body: B, peer: IpAddr) -> Reply
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let now = self.services.clock.now();
        let ClientAddr(client) = self.services.trusted.client(peer, &head.headers);
        if head.uri.path() == openapi::PATH {
            return self.describe(&head.method, client, now);
        }
        let path = endpoint::path(&head);
        let longest = |served: &&Served| {
            let below = served.dialect.prefixes().iter().filter(|prefix| dialects::is_below(path, prefix));
            below.map(|prefix| prefix.len()).max().unwrap_or(0)
        };
        let served = self.served.iter().filter(|served| longest(served) > 0).max_by_key(longest);
        self.answer(served, Request { head: &head, client, now }, body).await
    }

    /// The OpenAPI document, which needs no credential.
    fn describe(&self, method: &Method, client: IpAddr, now: Now) -> Reply {
        let fault = match self.per_address.take(client, now.mono) {
            Err(wait) => Some(Fault::Throttled(wait.retry_after)),
            Ok(_) if *method != Method::GET => Some(Fault::Method("GET".to_owned())),
            Ok(_) => None,
        };
        if let Some(fault) = fault {
            let mut reply = problem(&fault);
            fault.dress(&mut reply);
            return reply;
        }
        let mut reply = Reply::new(openapi::text());
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        reply
    }

    async fn answer<B>(&self, served: Option<&Served>, request: Request<'_>, body: B) -> Reply
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let request_id =
            &request_id(request.head, |id| served.is_none_or(|served| served.dialect.takes_request_id(id)));
        let mut told = Told { request_id, ..Told::default() };
        let deciding = tokio::time::timeout(REQUEST_LIMIT, self.decide(served, &request, body, &mut told));
        let outcome = match AssertUnwindSafe(deciding).catch_unwind().await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) if told.reading => Err(Fault::BodyTimeout),
            Ok(Err(_)) => Err(Fault::StoreAway),
            // The panic hook has told where.
            Err(_) => Err(Fault::Internal),
        };
        let (mut reply, kind) = match outcome {
            Ok(reply) if reply.status() == StatusCode::FORBIDDEN => (reply, EventKind::Forbidden),
            Ok(reply) => (reply, EventKind::AdminRequest),
            Err(fault) => {
                let mut reply = match served {
                    Some(served) => served.dialect.refuse(&Refusal {
                        fault: &fault,
                        endpoint: told.endpoint,
                        known: told.token.is_some(),
                        head: request.head,
                        request_id,
                        services: &self.services,
                    }),
                    None => problem(&fault),
                };
                fault.dress(&mut reply);
                (reply, event_kind(&fault))
            }
        };
        let headers = reply.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert("x-request-id", id);
        }
        let status = reply.status();
        if let Some(token) = told.token.as_deref().filter(|_| told.charged && status == StatusCode::SERVICE_UNAVAILABLE)
        {
            token.state().refund_month();
        }
        let operation = told.endpoint.map(|endpoint| endpoint.operation);
        self.metrics.call(served.map(|served| served.dialect.name()), operation, status.as_u16());
        if let (Some(token), Some(served)) = (&told.token, served) {
            self.record(served, &request, token, operation, kind, status.as_u16(), request_id);
            let kept = self.outlet.lock().unwrap_or_else(PoisonError::into_inner).settle();
            if let Some(kept) = kept {
                // The reply leaves all the same: it may show a secret that cannot be had again. A loss is counted.
                let _ = kept.wait().await;
            }
        }
        reply
    }

    /// Every step in order.
    async fn decide<B>(
        &self,
        served: Option<&Served>,
        request: &Request<'_>,
        body: B,
        told: &mut Told<'_>,
    ) -> Result<Reply, Fault>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let head = request.head;
        let slow = self.per_address.take(request.client, request.now.mono);
        slow.map_err(|wait| Fault::Throttled(wait.retry_after))?;
        has_one_host(head)?;
        let served = served.ok_or(Fault::NotFound)?;
        let (endpoint, variables) = find(served.dialect, head)?;
        told.endpoint = Some(endpoint);
        let extracted = served.sources.extract(&head.headers, head.uri.query());
        let extracted = extracted.map_err(|denial| self.refuse_credential(denial, request))?;
        let secret = extracted.secret().map_err(|denial| self.refuse_credential(denial, request))?;
        // A browser adds cookies by itself: on a change that a foreign page sends, one is no credential.
        let meant = !(extracted.by_cookie && is_foreign_page(head));
        let Some(secret) = secret.filter(|_| meant) else { return Err(Fault::Unauthenticated) };
        let hash = self.services.key.hash(secret);
        let token = self.admit(endpoint, hash, request, told).await?;
        told.reading = true;
        let body = read(body).await?;
        told.reading = false;
        let call = Call {
            services: &self.services,
            endpoint,
            variables,
            token,
            hash,
            turns: &self.turns,
            head,
            body,
            via: served.dialect.name(),
            client: request.client,
            request_id: told.request_id,
            now: request.now,
        };
        served.dialect.call(call).await
    }

    #[allow(clippy::too_many_arguments)] // what an event is made of
    fn record(
        &self,
        served: &Served,
        request: &Request<'_>,
        token: &Token,
        operation: Option<&str>,
        kind: EventKind,
        status: u16,
        request_id: &str,
    ) {
        // Operation names are constants without anything JSON would escape.
        let data = operation.map(|operation| format!("{{\"operation\":\"{operation}\"}}")).unwrap_or_default();
        let mut outlet = self.outlet.lock().unwrap_or_else(PoisonError::into_inner);
        let id = outlet.next_id(request.now.wall);
        outlet.record(&EventRef {
            id,
            token: token.id,
            serial: token.serial,
            at: request.now.wall,
            kind,
            status,
            address: request.client,
            method: request.head.method.as_str(),
            route: "",
            uri: &served.shown(&request.head.uri),
            user_agent: request.head.headers.get(USER_AGENT).map_or(b"", HeaderValue::as_bytes),
            request_id: request_id.as_bytes(),
            data: &data,
        });
    }

    /// Passes every recorded event on.
    pub(super) fn hand_over(&self) {
        self.outlet.lock().unwrap_or_else(PoisonError::into_inner).pass_on();
    }
}

async fn hand_over(plane: std::sync::Weak<Plane>) {
    let mut interval = tokio::time::interval(HAND_OVER);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        // The outlet passes its rest on when it is dropped.
        let Some(plane) = plane.upgrade() else { return };
        plane.outlet.lock().unwrap_or_else(PoisonError::into_inner).hand_over();
    }
}
