//! One data-plane thread: what it owns, what it shares, and the end of every request.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{CACHE_CONTROL, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::headers::Scan;
use super::metrics::{CoreMetrics, Outcome, ProxyMetrics};
use super::reject::Rejection;
use super::route::RouteTable;
use super::upstream::{ExchangeError, Pool, PoolMetrics, UpstreamBody};
use super::{Config, Refused, Token, Told, event_kind, is_refunded, rate};
use crate::activity::{EventKind, EventRef, Outlet, Recorder};
use crate::auth::{CacheConfig, Denial, Extracted, NegativeCache, Resolver};
use crate::clock::{Clock, Now};
use crate::limit::{CounterStore, Throttle, TokenLimits};
use crate::server::{ClientAddr, CoarseTimer, ConnState, Failure, Handler, InFlight, PeerAddr, TrustedProxies};
use crate::token::{HashKey, SecretHash, StoreError};

/// Serves the caller's own token on the proxy port; the control plane implements it.
pub(crate) trait TokenSelf: Send + Sync {
    /// Answers a request below a `serve = "token-self"` route: authenticates, charges and records it itself.
    fn call(&self, head: Parts, client: IpAddr) -> Pin<Box<dyn Future<Output = Response<Bytes>> + Send>>;
}

/// What all data-plane threads share.
pub(crate) struct Services {
    pub(crate) config: Config,
    pub(crate) cache: CacheConfig,
    pub(crate) routes: RouteTable,
    pub(crate) key: HashKey,
    pub(crate) resolver: Arc<Resolver<TokenLimits>>,
    pub(crate) counters: Arc<dyn CounterStore>,
    pub(crate) plans: Arc<crate::token::PlanTable>,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) trusted: TrustedProxies,
    pub(crate) recorder: Recorder,
    pub(crate) token_self: Arc<dyn TokenSelf>,
    pub(crate) clock: Clock,
    /// Where store calls run.
    pub(crate) runtime: tokio::runtime::Handle,
}

/// One thread of the data plane.
pub(crate) struct Core {
    services: Arc<Services>,
    cells: Arc<CoreMetrics>,
    pub(super) timer: CoarseTimer,
    pub(super) pools: Vec<Rc<Pool>>,
    outlet: RefCell<Outlet>,
    /// Whether an answer waits until its event is on a disk.
    pub(super) strict: bool,
    negative: RefCell<NegativeCache>,
    /// `RateLimit-Policy` by plan; a copy per thread, so that no count of references is shared.
    policies: Vec<HeaderValue>,
    random: Cell<[u64; 2]>,
}

/// What is worked out once per connection.
pub(crate) struct Connection {
    pub(super) peer: IpAddr,
    /// Whether the peer is a trusted proxy.
    pub(super) trusted: bool,
    /// `X-Forwarded-For`, `X-Forwarded-Proto`, and `Forwarded` up to its host, as header lines.
    pub(super) forwarding: Box<[u8]>,
    state: Arc<ConnState>,
}

/// Where a request came from and what it carries.
pub(super) struct Caller<'a> {
    pub(super) connection: &'a Connection,
    pub(super) client: IpAddr,
    pub(super) host: Option<&'a str>,
    pub(super) path: &'a str,
    pub(super) scan: &'a Scan,
    pub(super) extracted: &'a Extracted<'a>,
}

/// The status on record for a caller that went away before its answer; never sent.
const CLIENT_GONE: u16 = 499;

/// A finished answer.
pub(super) type Exchanged = Response<ProxyBody>;

impl Core {
    /// A thread with its own cells.
    pub(crate) fn new(services: Arc<Services>, cells: Arc<CoreMetrics>, timer: CoarseTimer) -> Rc<Self> {
        let pools = services.config.upstreams.iter().map(|upstream| Pool::new(upstream.clone())).collect();
        let seed = uuid::Uuid::new_v4().as_u64_pair();
        Rc::new(Self {
            cells,
            timer,
            pools,
            outlet: RefCell::new(services.recorder.outlet()),
            strict: services.recorder.is_strict(),
            negative: RefCell::new(NegativeCache::new(NegativeCache::MAX_ENTRIES, services.cache.negative_ttl)),
            policies: rate::policies(&services.plans),
            random: Cell::new([seed.0 | 1, seed.1]),
            services,
        })
    }

    /// Cells for `threads` threads of a route table.
    pub(crate) fn metrics(routes: &RouteTable, threads: usize) -> ProxyMetrics {
        ProxyMetrics::new(routes.names().cloned().collect(), threads)
    }

    pub(super) fn services(&self) -> &Services {
        &self.services
    }

    pub(super) fn cells(&self) -> &CoreMetrics {
        &self.cells
    }

    pub(super) fn routes_ignore_hosts(&self) -> bool {
        self.services.routes.ignores_hosts()
    }

    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let ClientAddr(client) = self.services.trusted.client(peer, headers);
        client
    }

    /// 128 random bits as hex, never all zero; xorshift128+: unique, not secret.
    pub(super) fn fresh_id(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(32);
        for _ in 0..2 {
            let [mut x, y] = self.random.get();
            x ^= x << 23;
            x ^= x >> 17;
            x ^= y ^ (y >> 26);
            self.random.set([y, x]);
            let word = x.wrapping_add(y) | 1;
            text.extend((0..16).rev().map(|at| char::from(DIGITS[((word >> (at * 4)) & 15) as usize])));
        }
        text
    }

    pub(super) fn known_bad(&self, hash: &SecretHash, now: Now) -> Option<Denial> {
        self.negative.borrow().get(hash, now.mono, self.services.resolver.epoch())
    }

    pub(super) fn remember_bad(&self, hash: SecretHash, denial: Denial, now: Now, epoch: u64) {
        self.negative.borrow_mut().insert(hash, denial, now.mono, epoch);
    }

    /// Asks the store for a further lease in the background.
    pub(super) fn lease_ahead(&self, token: &Arc<Token>) {
        if token.state().begin_lease() {
            let (services, token) = (Arc::clone(&self.services), Arc::clone(token));
            self.services.runtime.spawn(async move {
                if let Err(error) = services.reserve(&token).await {
                    tracing::debug!(%error, "quota could not be leased ahead of need");
                }
            });
        }
    }

    /// Waits for a further lease. One call to the store serves all who wait.
    pub(super) async fn lease(&self, token: &Arc<Token>) -> Result<(), StoreError> {
        let timeout = self.services.cache.store_timeout;
        if token.state().begin_lease() {
            let (services, token) = (Arc::clone(&self.services), Arc::clone(token));
            let reserving = self.services.runtime.spawn(async move { services.reserve(&token).await });
            return match tokio::time::timeout(timeout, reserving).await {
                Ok(Ok(done)) => done,
                Ok(Err(_)) => Err(StoreError::Unavailable("the lease was given up".to_owned())),
                Err(_) => Err(StoreError::Unavailable(format!("no lease within {timeout:?}"))),
            };
        }
        tokio::time::timeout(timeout, token.state().lease_ended())
            .await
            .map_err(|_| StoreError::Unavailable(format!("no lease within {timeout:?}")))
    }

    pub(super) async fn token_self(&self, head: &Parts, client: IpAddr, in_flight: InFlight) -> Response<ProxyBody> {
        let answer = self.services.token_self.call(head.clone(), client).await;
        answer.map(|bytes| ProxyBody::whole(bytes, Some(in_flight)))
    }

    /// Ends a request: answer, event, metrics.
    pub(super) fn conclude(
        &self,
        head: &Parts,
        started: Now,
        fresh_id: &str,
        mut told: Told<'_>,
        outcome: Result<Response<ProxyBody>, Refused>,
    ) -> Exchanged {
        let request_id = told.callers_id.take();
        let request_id = request_id.as_deref().unwrap_or(fresh_id);
        let (mut response, label, kind) = match outcome {
            Ok(response) => (response, Outcome::Allowed, EventKind::Request),
            Err(Refused { rejection, token, exceeded }) => {
                told.token = told.token.or(token);
                told.admission = exceeded.map(|e| rate::Told::of_exceeded(&e, started.wall)).or(told.admission);
                let response = rejection.response(&self.services.config.realm, request_id);
                let response = response.map(|bytes| ProxyBody::whole(bytes, None));
                (response, rejection.outcome(), event_kind(&rejection))
            }
        };
        if let Some(token) = &told.token {
            if let Some(rate) = &told.admission {
                rate.write(response.headers_mut(), &self.policies[token.state().plan().index], started.wall);
            }
            if label != Outcome::Allowed && is_refunded(response.status()) && told.admission.is_some() {
                token.state().refund_month();
            }
        }
        if told.secret_in_query {
            // RFC 6750 section 5.3: an address that held a token is not kept and not told to others.
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response.headers_mut().insert("referrer-policy", HeaderValue::from_static("no-referrer"));
        }
        let status = response.status().as_u16();
        self.record(head, started, &told, kind, status, request_id);
        let total = self.services.clock.mono().saturating_sub(started.mono);
        let upstream = told.upstream.map(|(from, to)| to.saturating_sub(from));
        let own = total.saturating_sub(upstream.unwrap_or(0));
        self.cells.finish(told.route.map(|route| route.index), label, status, own, upstream);
        response
    }

    /// Holds an answer back until the event that was recorded last is on a disk. Without that it does not leave: the
    /// caller learns that the store is away, whatever the upstream has done.
    pub(super) async fn settle(&self, answer: Exchanged, request_id: &str) -> Exchanged {
        let kept = self.outlet.borrow_mut().settle();
        let lost = match kept {
            Some(kept) => !kept.wait().await,
            None => false,
        };
        if !lost {
            return answer;
        }
        let rejection = Rejection::StoreAway.response(&self.services.config.realm, request_id);
        rejection.map(|bytes| ProxyBody::whole(bytes, None))
    }

    /// Puts on record a request whose caller went away before the answer.
    pub(super) fn abandon(&self, head: &Parts, started: Now, fresh_id: &str, told: &Told<'_>) {
        let request_id = told.callers_id.as_deref().unwrap_or(fresh_id);
        self.record(head, started, told, EventKind::Request, CLIENT_GONE, request_id);
        self.cells.count(told.route.map(|route| route.index), Outcome::ClientGone, CLIENT_GONE);
    }

    fn record(&self, head: &Parts, started: Now, told: &Told<'_>, kind: EventKind, status: u16, request_id: &str) {
        let (Some(token), Some(route)) = (&told.token, told.route) else { return };
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        let masked = head
            .uri
            .query()
            .filter(|_| told.secret_in_query)
            .map(|query| format!("{}?{}", head.uri.path(), route.sources.mask_query(query)));
        let mut outlet = self.outlet.borrow_mut();
        let id = outlet.next_id(started.wall);
        outlet.record(&EventRef {
            id,
            token: token.id,
            serial: token.serial,
            at: started.wall,
            kind,
            status,
            address: told.client.unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)),
            method: head.method.as_str(),
            route: &route.name,
            uri: masked.as_deref().unwrap_or(target),
            user_agent: head.headers.get(USER_AGENT).map_or(b"", HeaderValue::as_bytes),
            request_id: request_id.as_bytes(),
            data: "",
        });
    }
}

impl Services {
    async fn reserve(&self, token: &Token) -> Result<(), StoreError> {
        let named = (token.id, token.created_at());
        token.state().lease_more(&self.counters, &self.clock, named, || token.has_left()).await
    }
}

impl Handler for Core {
    type Body = ProxyBody;
    type Connection = Connection;

    fn connected(&self, peer: PeerAddr, state: Arc<ConnState>) -> Connection {
        let ip = peer.ip();
        let node = if ip.is_ipv6() { format!("\"[{ip}]\"") } else { ip.to_string() };
        let lines =
            format!("x-forwarded-for: {ip}\r\nx-forwarded-proto: http\r\nforwarded: for={node};proto=http;host=");
        Connection { peer: ip, trusted: self.services.trusted.trusts(ip), forwarding: lines.into_bytes().into(), state }
    }

    async fn handle(self: Rc<Self>, connection: Rc<Connection>, request: Request<Incoming>) -> Response<ProxyBody> {
        let now = self.services.clock.now();
        let in_flight = connection.state.begin();
        let (head, body) = request.into_parts();
        let answered = AssertUnwindSafe(self.answer(&connection, &head, body, now, in_flight)).catch_unwind().await;
        answered.unwrap_or_else(|_| {
            // The panic hook has told where; other requests of the thread go on.
            self.cells.panics.add(1);
            let rejection = Rejection::Internal;
            self.cells.finish(
                None,
                rejection.outcome(),
                500,
                self.services.clock.mono().saturating_sub(now.mono),
                None,
            );
            rejection.response(&self.services.config.realm, "").map(|bytes| ProxyBody::whole(bytes, None))
        })
    }

    fn tick(&self, now: u64, connections: usize) {
        self.outlet.borrow_mut().hand_over();
        self.cells.connections.set(connections as u64);
        self.pools.iter().for_each(|pool| pool.sweep(now));
    }

    fn failed(&self, failure: Failure) {
        match failure {
            Failure::Malformed => self.cells.malformed.add(1),
            Failure::TimedOut => self.cells.timed_out.add(1),
            Failure::Broken => {}
        }
    }
}

impl PoolMetrics for Core {
    fn connected(&self) {
        self.cells.upstream_connects.add(1);
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum ProxyBody {
    /// Bytes in hand.
    Whole {
        /// What is left to give.
        data: Bytes,
        /// Until the answer is on its way the connection is busy.
        _in_flight: Option<InFlight>,
    },
    /// The upstream's, streamed.
    Upstream(UpstreamBody),
}

impl ProxyBody {
    pub(super) fn whole(data: Bytes, in_flight: Option<InFlight>) -> Self {
        Self::Whole { data, _in_flight: in_flight }
    }
}

impl Body for ProxyBody {
    type Data = Bytes;
    type Error = ExchangeError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ExchangeError>>> {
        match self.get_mut() {
            Self::Whole { data, .. } if data.is_empty() => Poll::Ready(None),
            Self::Whole { data, .. } => Poll::Ready(Some(Ok(Frame::data(std::mem::take(data))))),
            Self::Upstream(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole { data, .. } => data.is_empty(),
            Self::Upstream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { data, .. } => SizeHint::with_exact(data.len() as u64),
            Self::Upstream(body) => body.size_hint(),
        }
    }
}
