//! The admin port over a real socket: ThreatJammer's contract, and what every dialect shares.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{broadcast, watch};

use super::dialect::{Answer, Call, Dialect, Fault, Refusal, Reply, json};
use super::endpoint::Endpoint;
use super::listener::{ListenerLimits, serve_within};
use super::service::TokenService;
use super::spec::{Media, Spec, shape};
use super::{AdminPlane, AdminServices, Config, dialects};
use crate::activity::{Event, EventId, EventKind, EventLog, Frames, Recorder, RecorderOptions};
use crate::auth::{CacheConfig, Cached, Denial, Policy, Resolver, Source};
use crate::clock::{Clock, ManualClock, Timestamp};
use crate::limit::{CounterStore, QuotaUse, Throttle, ThrottleConfig, TokenLimits};
use crate::server::TrustedProxies;
use crate::token::{
    Anchor, Bundles, Counts, Form, HashKey, LastUse, Lease, Listing, Lookup, Member, MinuteLimit, Mode, MonthLimit,
    Owner, OwnerKey, Page, Plan, PlanTable, Presence, QuotaWindow, Resolved, SecretHash, SecretSlot, Status,
    StoreError, StoreFuture, TokenId, TokenRecord, TokenRef, TokenStore, Universe,
};

const START: i64 = 1_901_000_000_000;
const WAIT: Duration = Duration::from_secs(20);

/// The three ports in memory, with a switch that makes every call fail.
struct Memory {
    records: Mutex<Vec<TokenRecord>>,
    used: Mutex<HashMap<(TokenId, i64), u64>>,
    events: Mutex<Vec<Event>>,
    away: AtomicBool,
    /// Record reads wait until this holds.
    gate: Mutex<Option<Box<dyn Fn() -> bool + Send + Sync>>>,
    changes: broadcast::Sender<crate::token::Change>,
}

impl Memory {
    fn answer<'a, T: Send + 'a>(&self, value: impl FnOnce() -> T) -> StoreFuture<'a, T> {
        let away = self.away.load(Ordering::SeqCst);
        let value = if away { Err(StoreError::Unavailable("told to".to_owned())) } else { Ok(value()) };
        Box::pin(async move { value })
    }

    fn lease(&self, id: TokenId, size: u64, window: QuotaWindow) -> Lease {
        let mut used = self.used.lock().expect("no panic");
        let used = used.entry((id, window.bucket)).or_default();
        let left = size.saturating_sub(*used);
        let granted = MonthLimit::chunk(left).min(left);
        *used += granted;
        Lease { granted, remaining: left - granted, window, refresh_at: window.ends_at }
    }

    fn find(&self, wanted: impl Fn(&TokenRecord) -> bool) -> Option<TokenRecord> {
        self.records.lock().expect("no panic").iter().find(|record| wanted(record)).cloned()
    }
}

impl TokenStore for Memory {
    fn resolve(&self, hash: SecretHash, plans: Arc<PlanTable>, now: Timestamp) -> StoreFuture<'_, Lookup> {
        self.answer(|| match self.find(|record| record.secret(&hash).is_some()) {
            None => Lookup::Unknown,
            Some(record) => {
                let month = plans.resolve(&record.plan).month.clone();
                let lease = month.map(|m| self.lease(record.id, m.size, m.window(record.created_at, now)));
                Lookup::Found(Box::new(Resolved { record, lease, cells: None }))
            }
        })
    }

    fn find(&self, token: TokenRef) -> StoreFuture<'_, Option<TokenRecord>> {
        let answer = self.answer(|| Memory::find(self, |record| TokenRef::Id(record.id) == token));
        Box::pin(async move {
            while self.gate.lock().expect("no panic").as_ref().is_some_and(|open| !open()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            answer.await
        })
    }

    fn find_by_hash(&self, hash: SecretHash) -> StoreFuture<'_, Option<TokenRecord>> {
        self.answer(|| Memory::find(self, |record| record.secret(&hash).is_some()))
    }

    fn create(&self, _: TokenRecord, _: bool) -> StoreFuture<'_, TokenRecord> {
        unreachable!("these calls only read")
    }

    fn update(&self, _: TokenRecord) -> StoreFuture<'_, TokenRecord> {
        unreachable!("these calls only read")
    }

    fn revoke(&self, _: TokenId, _: String, _: Timestamp) -> StoreFuture<'_, Option<TokenRecord>> {
        unreachable!("these calls only read")
    }

    fn list(&self, _: Listing) -> StoreFuture<'_, Page> {
        unreachable!("these calls only read")
    }

    fn count(&self, _: String) -> StoreFuture<'_, Counts> {
        Box::pin(async { Ok(Counts::default()) })
    }

    fn owner(&self, _: OwnerKey) -> StoreFuture<'_, Option<Owner>> {
        Box::pin(async { Ok(None) })
    }

    fn account(&self, _: uuid::Uuid) -> StoreFuture<'_, Option<String>> {
        Box::pin(async { Ok(None) })
    }

    fn last_uses(&self, ids: Vec<TokenId>) -> StoreFuture<'_, Vec<Option<LastUse>>> {
        Box::pin(async move { Ok(vec![None; ids.len()]) })
    }

    fn last_use(&self, _: TokenId) -> StoreFuture<'_, Option<LastUse>> {
        self.answer(|| None)
    }

    fn changes(&self) -> broadcast::Receiver<crate::token::Change> {
        self.changes.subscribe()
    }

    fn ping(&self) -> StoreFuture<'_, ()> {
        self.answer(|| ())
    }
}

impl Presence for Memory {
    fn announce(&self, _: Member) -> StoreFuture<'_, ()> {
        self.answer(|| ())
    }

    fn members(&self) -> StoreFuture<'_, Vec<Member>> {
        self.answer(Vec::new)
    }
}

impl CounterStore for Memory {
    fn reserve(&self, id: TokenId, size: u64, window: QuotaWindow) -> StoreFuture<'_, Lease> {
        let lease = self.answer(|| self.lease(id, size, window));
        Box::pin(async move {
            // An answer is on its way for a while, when the store counts what nobody holds yet.
            tokio::time::sleep(Duration::from_millis(3)).await;
            lease.await
        })
    }

    fn give_back(&self, id: TokenId, window: QuotaWindow, calls: u64) -> StoreFuture<'_, ()> {
        self.answer(|| {
            if let Some(used) = self.used.lock().expect("no panic").get_mut(&(id, window.bucket)) {
                *used = used.saturating_sub(calls);
            }
        })
    }

    fn used(&self, id: TokenId, window: QuotaWindow) -> StoreFuture<'_, QuotaUse> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let used = self.used.lock().expect("no panic").get(&(id, window.bucket)).copied().unwrap_or(0);
            self.answer(|| QuotaUse { used, refresh_at: window.ends_at }).await
        })
    }
}

impl EventLog for Memory {
    fn append(&self, batch: Bytes) -> StoreFuture<'_, ()> {
        self.answer(|| {
            let events = Frames::new(&batch).map(|frame| Event::decode(frame).expect("own frame"));
            self.events.lock().expect("no panic").extend(events);
        })
    }

    fn page(&self, token: TokenId, skip: usize, take: usize) -> StoreFuture<'_, Vec<Event>> {
        self.answer(|| {
            let events = self.events.lock().expect("no panic");
            events.iter().rev().filter(|event| event.token == token).skip(skip).take(take).cloned().collect()
        })
    }

    fn event(&self, token: TokenId, id: EventId) -> StoreFuture<'_, Option<Event>> {
        self.answer(|| {
            let events = self.events.lock().expect("no panic");
            events.iter().find(|event| event.token == token && event.id == id).cloned()
        })
    }
}

/// Names of the tokens; the secret of each is `secret-of-<name>-0000`.
const TOKENS: [&str; 10] =
    ["free", "tiny", "once", "unlimited", "disabled", "expired", "foreign", "elsewhere", "reader", "metered"];

fn secret(name: &str) -> String {
    format!("secret-of-{name}-0000")
}

fn id(name: &str) -> TokenId {
    let at = TOKENS.iter().position(|own| *own == name).expect("a known token") as u8;
    TokenId::from_bytes([at, 1, 2, 3, 4, 5, 0x46, 7, 0x88, 9, 10, 11, 12, 13, 14, 15])
}

fn record(name: &str, key: &HashKey) -> TokenRecord {
    let created_at = Timestamp::from_millis(1_899_763_200_000);
    let plan = if ["free", "tiny", "once", "metered"].contains(&name) { name } else { "default" };
    TokenRecord {
        id: id(name),
        serial: u64::from(id(name).tag()) + 1,
        generation: 1,
        name: name.to_owned(),
        description: String::new(),
        owner: Owner::default(),
        scopes: if name == "reader" { vec!["things.read".parse().expect("a scope")] } else { Vec::new() },
        status: if name == "disabled" { Status::Disabled } else { Status::Enabled },
        created_at,
        updated_at: Timestamp::from_millis(1_900_000_000_000),
        expires_at: (name == "expired").then(|| Timestamp::from_millis(START - 1)),
        created_by: String::new(),
        made_with: None,
        modified_by: String::new(),
        labels: BTreeMap::new(),
        metadata: serde_json::Map::new(),
        personal: false,
        plan: plan.to_owned(),
        region: if name == "foreign" { "mars" } else { "" }.to_owned(),
        networks: if name == "elsewhere" { vec!["10.0.0.0/8".parse().expect("a network")] } else { Vec::new() },
        form: Form::Tg,
        secrets: vec![SecretSlot { hash: key.hash(secret(name).as_bytes()), created_at, expires_at: None }],
    }
}

fn plans() -> Arc<PlanTable> {
    let minute = |size, refill_per_second| {
        let size = NonZeroU32::new(size).expect("above 0");
        Some(MinuteLimit { size, refill_per_second, mode: Mode::Local })
    };
    let month = |size| Some(MonthLimit { size, anchor: Anchor::TokenStart });
    let plan = |name: &str, minute, month| Plan { name: name.into(), index: 0, books: Arc::default(), minute, month };
    Arc::new(PlanTable::new([
        plan("free", minute(10, 0.5), month(5000)),
        plan("tiny", minute(1, 0.5), None),
        plan("once", None, month(1)),
        plan("metered", None, month(100)),
    ]))
}

/// A data plane that serves nothing.
struct NoRoutes;

impl super::Routing for NoRoutes {
    fn place(&self, _: &super::Asked<'_>) -> Result<super::Place, super::Nowhere> {
        Err(super::Nowhere { status: 404, reason: "no-route", detail: "Nothing is served.".to_owned() })
    }
}

struct Bench {
    memory: Arc<Memory>,
    plane: AdminPlane,
    recorder: Recorder,
    hand: ManualClock,
    address: SocketAddr,
    down: watch::Sender<()>,
    serving: tokio::task::JoinHandle<()>,
}

struct Setup {
    list: &'static [&'static dyn Dialect],
    limit: u32,
    bad_credentials: u32,
    limits: ListenerLimits,
}

impl Default for Setup {
    fn default() -> Self {
        Self { list: dialects::ALL, limit: 10_000, bad_credentials: 100, limits: ListenerLimits::default() }
    }
}

fn throttle(size: u32) -> ThrottleConfig {
    ThrottleConfig { size: NonZeroU32::new(size).expect("above 0"), refill_per_second: 0.1 }
}

impl Bench {
    fn start(setup: Setup) -> Self {
        let key = HashKey::new(&[7; 32]).expect("long enough");
        let memory = Arc::new(Memory {
            records: Mutex::new(TOKENS.iter().map(|name| record(name, &key)).collect()),
            used: Mutex::default(),
            events: Mutex::default(),
            away: AtomicBool::new(false),
            gate: Mutex::default(),
            changes: broadcast::channel(16).0,
        });
        let (clock, hand) = Clock::manual(Timestamp::from_millis(START));
        let runtime = tokio::runtime::Handle::current();
        let policy = Policy {
            universe: Universe::default(),
            bundles: Arc::default(),
            plans: plans(),
            region: "local".to_owned(),
        };
        let cache = CacheConfig { store_timeout: WAIT, ..CacheConfig::default() };
        let resolver: Arc<Resolver<TokenLimits>> =
            Resolver::new(memory.clone(), runtime.clone(), clock.clone(), policy, cache, Box::new(|_, _| ()));
        let recorder = Recorder::start(memory.clone(), RecorderOptions::default(), &runtime);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let rules = super::service::Policy { bundles: Arc::default(), plans: plans(), directory: Arc::default() };
        let services = AdminServices {
            config: Config {
                listen: address,
                limit: throttle(setup.limit),
                bootstrap: false,
                tls: None,
                insecure: false,
                error_docs: "https://threatjammer.com/docs".to_owned(),
                xms: Default::default(),
                astra: Default::default(),
            },
            cache,
            region: "local".to_owned(),
            bundles: Arc::new(Bundles::default()),
            credentials: vec![Source::Bearer, Source::Query("key".to_owned())],
            key: key.clone(),
            resolver,
            service: TokenService::new(memory.clone(), memory.clone(), key.clone(), rules, clock.clone()),
            tokens: memory.clone(),
            counters: memory.clone(),
            events: memory.clone(),
            throttle: Arc::new(Throttle::new(&throttle(setup.bad_credentials))),
            trusted: TrustedProxies::default(),
            recorder: recorder.clone(),
            routing: Arc::new(NoRoutes),
            presence: memory.clone(),
            instance: super::Instance::new("memory", address.to_string(), Timestamp::from_millis(START)),
            clock,
        };
        let plane = AdminPlane::with_dialects(services, setup.list);
        let (down, mut shutdown) = watch::channel(());
        let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
        let shutdown = async move { drop(shutdown.changed().await) };
        let serving = tokio::spawn(serve_within(setup.limits, listener, plane.clone(), shutdown));
        Self { memory, plane, recorder, hand, address, down, serving }
    }

    /// Sends bytes and reads until the other end closes.
    async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("the port is open");
        // A server that refuses early may close before all is sent.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(WAIT, stream.read_to_end(&mut answer)).await.expect("an end");
        String::from_utf8(answer).expect("text")
    }

    async fn send(&self, method: &str, target: &str, name: &str) -> (u16, String) {
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            secret(name)
        );
        status_and_body(&self.raw(request.as_bytes()).await)
    }

    async fn get(&self, target: &str, name: &str) -> (u16, serde_json::Value) {
        let (status, body) = self.send("GET", target, name).await;
        (status, serde_json::from_str(&body).expect("JSON"))
    }

    /// What has been recorded so far.
    async fn events(&self) -> Vec<Event> {
        self.plane.0.hand_over();
        self.recorder.flush().await;
        self.memory.events.lock().expect("no panic").clone()
    }

    fn set_away(&self, away: bool) {
        self.memory.away.store(away, Ordering::SeqCst);
    }
}

fn status_and_body(answer: &str) -> (u16, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    (head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0), body.to_owned())
}

/// The answer as goldens hold it: without what differs from run to run or follows from the body.
fn shown(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.split("\r\n");
    let mut text = format!("{}\n", lines.next().expect("a status line"));
    let left_out = ["date", "content-length", "x-request-id", "connection"];
    let mut fields: Vec<&str> =
        lines.filter(|line| !left_out.contains(&line.split(':').next().unwrap_or_default())).collect();
    fields.sort_unstable();
    for field in fields {
        writeln!(text, "{field}").expect("text");
    }
    writeln!(text, "\n{}", without_event_ids(body)).expect("text");
    text
}

/// Two bytes of an event id are drawn at random.
fn without_event_ids(body: &str) -> String {
    const BEFORE: &str = "/v1/token/activity/";
    let mut parts = body.split(BEFORE);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (id, rest) = part.split_at(24);
        assert!(id.parse::<EventId>().is_ok(), "{id} is no event id");
        text.push_str(BEFORE);
        text.push_str("EVENT");
        text.push_str(rest);
    }
    text
}

/// Every file is one story: requests after `>>>` lines, the answers to them after `<<<` lines. `TOLLGATE_BLESS=1` writes the
/// answers anew, for review in the diff.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_the_golden_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/threatjammer");
    let bless = std::env::var_os("TOLLGATE_BLESS").is_some();
    let mut statuses = HashSet::new();
    let mut files: Vec<_> = std::fs::read_dir(&folder).expect("the folder").flatten().map(|f| f.path()).collect();
    files.sort();
    for file in files {
        let golden = std::fs::read_to_string(&file).expect("readable");
        let bench = Bench::start(Setup::default());
        let mut told = String::new();
        for exchange in golden.split(">>>\n").skip(1) {
            let request = exchange.split("<<<\n").next().unwrap_or_default();
            let mut wire = request.trim_end().replace('\n', "\r\n");
            wire.push_str("\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
            let answer = bench.raw(wire.as_bytes()).await;
            statuses.insert(status_and_body(&answer).0);
            bench.events().await;
            write!(told, ">>>\n{}\n\n<<<\n{}", request.trim_end(), shown(&answer)).expect("text");
        }
        if bless {
            std::fs::write(&file, &told).expect("writable");
            continue;
        }
        assert_eq!(told, golden, "{}; TOLLGATE_BLESS=1 rewrites it", file.display());
    }
    for status in [200, 401, 404, 405, 422, 429] {
        assert!(statuses.contains(&status), "no golden case has {status}");
    }
}

/// Whether a refusal has the media type and the shape that the document promises for it.
fn has_its_own_shape(dialect: &dyn Dialect, endpoint: &Endpoint, answer: &str) {
    static DOCUMENT: LazyLock<serde_json::Value> =
        LazyLock::new(|| serde_json::from_slice(&super::openapi::text()).expect("JSON"));
    let document = &*DOCUMENT;
    let (status, body) = status_and_body(answer);
    let path = endpoint.path.strip_suffix("/?").unwrap_or(endpoint.path);
    let name = format!("{} {path} {status}", endpoint.method);
    let kind = answer.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim_end();
    assert!(dialect.error_body(status).types.contains(&kind), "{name}: {answer}");
    let operation = &document["paths"][path][endpoint.method.as_str().to_lowercase()];
    let schema = &operation["responses"][status.to_string()]["content"][kind]["schema"];
    assert!(schema.is_object(), "{name} is not described as {kind}");
    let body = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{name} is not JSON: {body}"));
    assert_eq!(super::schema::mistakes(document, schema, &body), Vec::<String>::new(), "{name}: {body}");
}

fn target(endpoint: &Endpoint) -> String {
    endpoint.path.strip_suffix("/?").unwrap_or(endpoint.path).replace(['{', '}'], "")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_endpoint_refuses_a_call_without_a_credential() {
    let bench = Bench::start(Setup::default());
    for dialect in dialects::ALL {
        for endpoint in dialect.endpoints() {
            let path = target(endpoint);
            let request = format!("{} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", endpoint.method);
            let answer = bench.raw(request.as_bytes()).await;
            // Losant's framework forbids where the others challenge (docs/dialects/losant.md).
            if dialect.name() == "losant" {
                assert!(answer.starts_with("HTTP/1.1 403 "), "{path}: {answer}");
                continue;
            }
            assert!(answer.starts_with("HTTP/1.1 401 "), "{path}: {answer}");
            has_its_own_shape(*dialect, endpoint, &answer);
            let (_, scheme) = answer.split_once("\r\nwww-authenticate: ").expect("a challenge");
            let scheme = scheme.split("\r\n").next().unwrap_or_default();
            if ["native", "threatjammer"].contains(&dialect.name()) {
                assert_eq!(scheme, "Bearer");
            }
        }
    }
    assert_eq!(bench.events().await.len(), 0, "no token, no event");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_endpoint_refuses_a_token_without_its_scope() {
    let bench = Bench::start(Setup::default());
    let mut refused = 0;
    for dialect in dialects::ALL {
        let source = dialect.sources().into_iter().next().expect("a source");
        for endpoint in dialect.endpoints().iter().filter(|endpoint| !endpoint.scopes.is_empty()) {
            let (method, path, secret) = (&endpoint.method, target(endpoint), secret("reader"));
            let (field, path) = match &source {
                Source::Bearer => (format!("Authorization: Bearer {secret}"), path),
                Source::ApiToken => (format!("Authorization: Api-Token {secret}"), path),
                Source::Scheme(name) => (format!("Authorization: {name} {secret}"), path),
                Source::Header(name) => (format!("{name}: {secret}"), path),
                Source::Query(name) => ("X-None: 1".to_owned(), format!("{path}?{name}={secret}")),
                Source::Cookie(name) => (format!("Cookie: {name}={secret}"), path),
            };
            let request = format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{field}\r\nConnection: close\r\n\r\n");
            let answer = bench.raw(request.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 403 "), "{method} {path}: {answer}");
            has_its_own_shape(*dialect, endpoint, &answer);
            refused += 1;
        }
    }
    let kinds: Vec<_> = bench.events().await.iter().map(|event| (event.kind, event.status)).collect();
    assert_eq!(kinds, vec![(EventKind::Forbidden, 403); refused], "the token learns of it in its activity");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_401_tells_the_form_but_never_the_reason() {
    let bench = Bench::start(Setup::default());
    let detail = |header: &str| {
        let request = format!("GET /v1/token HTTP/1.1\r\nHost: a\r\n{header}Connection: close\r\n\r\n");
        let bench = &bench;
        async move {
            let (status, body) = status_and_body(&bench.raw(request.as_bytes()).await);
            assert_eq!(status, 401, "{body}");
            let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
            assert_eq!(body["title"], "Unauthorized");
            assert_eq!(body["type"], "https://threatjammer.com/docs/error-unauthorized");
            body["detail"].as_str().expect("text").to_owned()
        }
    };
    let missing = [
        String::new(),
        "Authorization: Basic YTpi\r\n".to_owned(),
        format!("Authorization: {}\r\n", secret("free")),
        "Authorization: \r\n".to_owned(),
        format!("Authorization: Api-Token {}\r\n", secret("free")),
        format!("Authorization: Bearer{}\r\n", secret("free")),
    ];
    for header in missing {
        assert!(detail(&header).await.contains("prefix Bearer"), "{header}");
    }
    let mut constant = HashSet::new();
    for name in ["disabled", "expired", "foreign", "elsewhere"] {
        constant.insert(detail(&format!("Authorization: Bearer {}\r\n", secret(name))).await);
    }
    for bad in ["Bearer", "Bearer ", "Bearer unknown-but-well-formed", "Bearer two words", "bearer tg_cut"] {
        constant.insert(detail(&format!("Authorization: {bad}\r\n")).await);
    }
    assert_eq!(constant.len(), 1, "{constant:?}");
    let twice = format!("Authorization: Bearer {0}\r\nAuthorization: Bearer {0}\r\n", secret("free"));
    assert!(detail(&twice).await.contains("more than once"));
    let kinds: Vec<_> = bench.events().await.iter().map(|event| (event.kind, event.status, event.token)).collect();
    let expected = ["disabled", "expired", "foreign", "elsewhere"].map(|name| (EventKind::Unauthorized, 401, id(name)));
    assert_eq!(kinds, expected, "known tokens learn of it in their activity");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_that_a_dialect_expects_in_addresses_are_masked_there() {
    let bench = Bench::start(Setup::default());
    let (own, hex) = (secret("free"), "5f0c9d1be2a84736b8c1d2e3f4a59607");
    let calls = [
        ("GET", format!("/v1/access-tokens/{hex}?token={own}&a=1"), "/v1/access-tokens/***?token=***&a=1"),
        (
            "GET",
            format!("/v1/access-tokens/5f0c9d1be2a84736%62{}?token={own}", &hex[17..]),
            "/v1/access-tokens/***?token=***",
        ),
        ("GET", format!("/api/v1/access-tokens/41?token={own}"), "/api/v1/access-tokens/41?token=***"),
        (
            "POST",
            format!("/v1/access-tokens:validate?subject_access_token={hex}&token={own}&subject%5faccess_token={hex}"),
            "/v1/access-tokens:validate?subject_access_token=***&token=***&subject%5faccess_token=***",
        ),
    ];
    for (method, target, _) in &calls {
        let request = format!("{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let (status, _) = status_and_body(&bench.raw(request.as_bytes()).await);
        assert!((400..=404).contains(&status), "{status} {target}");
    }
    let events = bench.events().await;
    assert_eq!(events.iter().map(|event| event.uri.as_str()).collect::<Vec<_>>(), calls.map(|(.., shown)| shown));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_recorded_after_its_answer_and_never_with_a_secret() {
    let bench = Bench::start(Setup::default());
    let (_, first) = bench.get("/v1/token/activity?token=hidden&key=hidden&a=1", "free").await;
    assert_eq!(first["activities"], serde_json::json!([]), "a call does not see itself");
    bench.events().await;
    assert_eq!(bench.get("/v1/token/activity?page=0", "free").await.0, 422);
    assert_eq!(bench.get("/v1/token/other", "free").await.0, 404);
    let events = bench.events().await;
    let told: Vec<_> = events.iter().map(|e| (e.kind, e.status, e.uri.as_str())).collect();
    let expected = [
        (EventKind::AdminRequest, 200, "/v1/token/activity?token=***&key=***&a=1"),
        (EventKind::AdminRequest, 422, "/v1/token/activity?page=0"),
        (EventKind::AdminRequest, 404, "/v1/token/other"),
    ];
    assert_eq!(told, expected);
    let (status, page) = bench.get("/v1/token/activity?page_size=5", "free").await;
    assert_eq!((status, page["activities"].as_array().map(Vec::len)), (200, Some(3)));
    let newest = &page["activities"][0];
    assert_eq!(newest["source"]["uri"], "/v1/token/other", "newest first");
    assert_eq!(newest["data"]["operation"], "query_token_info_v1_token_get");
    let (status, one) = bench.get(newest["self"].as_str().expect("a path"), "free").await;
    assert_eq!((status, &one), (200, newest));
    let of_another = bench.get(newest["self"].as_str().expect("a path"), "unlimited").await;
    assert_eq!(of_another.0, 404, "events of other tokens are not there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_costs_a_point_except_one_refused_for_quota() {
    let bench = Bench::start(Setup::default());
    for target in ["/v1/token/activity", "/v1/token/activity?page=abc", "/v1/token/nope", "/test"] {
        bench.send("GET", target, "free").await;
    }
    let values = |body: &serde_json::Value| {
        let value = |name: &str| body[name].as_i64().expect("a number");
        (value("last_minute_bucket_value"), value("last_month_bucket_value"))
    };
    assert_eq!(values(&bench.get("/v1/token", "free").await.1), (5, 5));
    for _ in 0..5 {
        assert_eq!(bench.get("/v1/token", "free").await.0, 200);
    }
    for _ in 0..3 {
        assert_eq!(bench.get("/v1/token", "free").await.0, 429);
    }
    assert_eq!(bench.events().await.last().map(|event| event.kind), Some(EventKind::QuotaExceeded));
    bench.hand.advance(Duration::from_secs(2));
    let (status, body) = bench.get("/v1/token", "free").await;
    assert_eq!((status, values(&body)), (200, (10, 11)), "only what was served is counted");
    bench.hand.advance(Duration::from_secs(1));
    assert_eq!(bench.get("/v1/token", "free").await.0, 429, "half a point is none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refreshed_record_keeps_showing_what_was_used() {
    let bench = Bench::start(Setup::default());
    // The call itself starts a fetch once its record is old; its view is made when the fetched record is in.
    let services = Arc::clone(&bench.plane.0.services);
    let hash = services.key.hash(secret("free").as_bytes());
    let fetched = move || match services.resolver.cached(&hash, services.clock.now(), Duration::ZERO) {
        Cached::Fresh { refresh, .. } => !refresh,
        _ => false,
    };
    *bench.memory.gate.lock().expect("no panic") = Some(Box::new(fetched));
    for expected in 1..=3 {
        let (_, body) = bench.get("/v1/token", "free").await;
        assert_eq!(body["last_minute_bucket_value"], 1, "{body}");
        assert_eq!(body["last_month_bucket_value"], expected, "{body}");
        // Past three quarters of the cache's time.
        bench.hand.advance(Duration::from_secs(50));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_month_counts_up_by_one_while_calls_are_leased_ahead() {
    let bench = Bench::start(Setup::default());
    for expected in 1..=100 {
        let (_, body) = bench.get("/v1/token", "metered").await;
        assert_eq!(body["last_month_bucket_value"], expected, "{body}");
    }
    assert_eq!(bench.get("/v1/token", "metered").await.0, 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_is_503_and_costs_nothing() {
    let bench = Bench::start(Setup::default());
    bench.set_away(true);
    let unknown = bench.raw(&request("GET", "/v1/token", "free")).await;
    assert!(unknown.starts_with("HTTP/1.1 503 ") && unknown.contains("\r\nretry-after: 1\r\n"), "{unknown}");
    bench.set_away(false);
    assert_eq!(bench.get("/v1/token", "free").await.1["last_month_bucket_value"], 1);
    bench.set_away(true);
    for target in ["/v1/token", "/v1/token/activity", "/v1/token/activity/01ba9c6e0200000100000000"] {
        assert_eq!(bench.get(target, "free").await.0, 503, "{target}");
    }
    assert_eq!(bench.get("/test", "free").await.0, 200, "a cached token that needs no store is served");
    bench.set_away(false);
    assert_eq!(bench.get("/v1/token", "free").await.1["last_month_bucket_value"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_credentials_slow_their_address_but_no_cached_token() {
    let bench = Bench::start(Setup { bad_credentials: 3, ..Setup::default() });
    assert_eq!(bench.get("/v1/token", "free").await.0, 200);
    let bad = b"GET /v1/token HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer no-such-token-anywhere\r\nConnection: close\r\n\r\n";
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(status_and_body(&bench.raw(bad).await).0);
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    let answer = bench.raw(bad).await;
    assert!(answer.contains("\r\nretry-after: ") && answer.contains("error-too-many-requests"), "{answer}");
    assert_eq!(bench.get("/v1/token", "free").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_limited_by_address_and_by_token() {
    let bench = Bench::start(Setup { limit: 4, ..Setup::default() });
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(bench.get("/test", "unlimited").await.0);
    }
    statuses.push(bench.get("/test", "free").await.0);
    assert_eq!(statuses, [200, 200, 200, 200, 429], "the address is out of calls whatever its token");
    let head = http::Request::builder()
        .uri("/test")
        .header("host", "a")
        .header("authorization", format!("Bearer {}", secret("unlimited")));
    let (head, ()) = head.body(()).expect("a request").into_parts();
    let elsewhere = bench.plane.handle(head, [192, 0, 2, 9].into()).await;
    assert_eq!(elsewhere.status(), StatusCode::TOO_MANY_REQUESTS, "the token is out of calls whatever its address");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proxy_port_takes_the_data_planes_credential_places() {
    let bench = Bench::start(Setup::default());
    let own = |target: String| {
        let head = http::Request::builder().uri(target).header("host", "a").body(()).expect("a request").into_parts().0;
        bench.plane.handle(head, [192, 0, 2, 9].into())
    };
    let reply = own(format!("/v1/token?key={}", secret("free"))).await;
    assert_eq!(reply.status(), StatusCode::OK);
    let body: serde_json::Value = serde_json::from_slice(reply.body()).expect("JSON");
    assert_eq!(body["self"], format!("/v1/token/{}", id("free")));
    assert_eq!(own("/elsewhere".to_owned()).await.status(), StatusCode::NOT_FOUND);
    let events = bench.events().await;
    assert_eq!(events[0].uri, "/v1/token?key=***");
    assert_eq!(events[0].address.to_string(), "192.0.2.9");
    let (status, _) = bench.send("GET", &format!("/v1/token?key={}", secret("tiny")), "free").await;
    assert_eq!(status, 200, "on the admin port only the dialect's own place counts");
}

#[tokio::test]
async fn every_refusal_has_its_dialects_shape() {
    let bench = Bench::start(Setup::default());
    let services = &bench.plane.0.services;
    let document: serde_json::Value = serde_json::from_slice(&super::openapi::text()).expect("JSON");
    let head = http::Request::new(()).into_parts().0;
    let wait = Duration::from_millis(1_500);
    // With the titles of ThreatJammer, whose shape is not the same for all.
    let faults = [
        (Fault::BadRequest("Odd."), 400, "Bad request"),
        (Fault::BodyTimeout, 408, "Request timeout"),
        (Fault::BodyTooLarge, 413, "Request too large"),
        (Fault::Denied(Denial::Scope), 403, "Forbidden"),
        (Fault::Denied(Denial::Expired), 401, "Unauthorized"),
        (Fault::Unauthenticated, 401, "Unauthorized"),
        (Fault::Internal, 500, "Internal error"),
        (Fault::Limited(wait), 429, "Too many requests"),
        (Fault::Throttled(wait), 429, "Too many requests"),
        (Fault::Method("GET, PUT".to_owned()), 405, ""),
        (Fault::NotFound, 404, "Resource not found"),
        (Fault::StoreAway, 503, "Service unavailable"),
    ];
    for (dialect, (fault, status, title)) in dialects::ALL.iter().flat_map(|of| faults.iter().map(move |row| (of, row)))
    {
        let name = format!("{} {fault:?}", dialect.name());
        // Its framework forbids where the others challenge (docs/dialects/losant.md).
        let forbids = dialect.name() == "losant" && *fault == Fault::Unauthenticated;
        let status = if forbids { 403 } else { *status };
        let refusal = Refusal { fault, endpoint: None, known: false, head: &head, request_id: "r", services };
        let mut reply = dialect.refuse(&refusal);
        fault.dress(&mut reply);
        assert_eq!(reply.status().as_u16(), status, "{name}");
        let field = |name: &str| reply.headers().get(name).and_then(|value| value.to_str().ok());
        let described = dialect.error_body(status);
        let kind = field("content-type").and_then(|kind| kind.split(';').next()).unwrap_or_default();
        assert!(described.types.contains(&kind), "{name}: {kind}");
        let schema = serde_json::to_value((described.schema)(&mut Vec::new())).expect("JSON");
        let body: serde_json::Value = serde_json::from_slice(reply.body()).expect("JSON");
        assert_eq!(super::schema::mistakes(&document, &schema, &body), Vec::<String>::new(), "{name}: {body}");
        // The native API names the missing scope to programs (RFC 6750 section 3.1).
        let challenges = status == 401 || (status == 403 && dialect.name() == "native");
        assert_eq!(field("www-authenticate").is_some(), challenges, "{name}");
        assert_eq!(field("allow"), (status == 405).then_some("GET, PUT"), "{name}");
        let wait = [(429, "2"), (503, "1")].into_iter().find(|(of, _)| *of == status).map(|(_, wait)| wait);
        assert_eq!(field("retry-after"), wait, "{name}");
        if dialect.name() == "threatjammer" && status != 405 {
            assert_eq!(body["title"], *title);
            assert!(body["type"].as_str().is_some_and(|link| link.starts_with("https://threatjammer.com/docs/error-")));
        }
    }
}

fn request(method: &str, target: &str, name: &str) -> Vec<u8> {
    let secret = secret(name);
    format!("{method} {target} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {secret}\r\nConnection: close\r\n\r\n")
        .into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_requests_get_4xx_and_every_answer_its_headers() {
    let bench = Bench::start(Setup::default());
    let auth = format!("Authorization: Bearer {}\r\nConnection: close\r\n", secret("unlimited"));
    let long = "a".repeat(40_000);
    let rows = [
        (format!("GET /v1/token HTTP/1.1\r\n{auth}\r\n"), 400),
        (format!("GET /v1/token HTTP/1.1\r\nHost: a\r\nHost: b\r\n{auth}\r\n"), 400),
        (format!("GET /v1/tokens HTTP/1.1\r\nHost: a\r\n{auth}\r\n"), 404),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{auth}\r\n"), 404),
        (format!("GET /v1/token/../token HTTP/1.1\r\nHost: a\r\n{auth}\r\n"), 404),
        (format!("GET //v1/token HTTP/1.1\r\nHost: a\r\n{auth}\r\n"), 200),
        (format!("OPTIONS * HTTP/1.1\r\nHost: a\r\n{auth}\r\n"), 404),
        (format!("HEAD /v1/token HTTP/1.1\r\nHost: a\r\n{auth}\r\n"), 405),
        (format!("GET /v1/token HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: 2000000\r\n\r\n"), 413),
        (format!("GET /v1/token HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked\r\n\r\nzz\r\n"), 400),
        (format!("GET /v1/token HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: 2\r\n\r\n{{}}"), 200),
        (format!("GET http://other/v1/token HTTP/1.1\r\nHost: a\r\n{auth}\r\n"), 200),
    ];
    for (wire, expected) in rows {
        let answer = bench.raw(wire.as_bytes()).await;
        assert_eq!(status_and_body(&answer).0, expected, "{wire}{answer}");
        for field in ["cache-control: no-store", "x-content-type-options: nosniff", "x-request-id: "] {
            assert!(answer.contains(field), "{field} is missing after {wire}{answer}");
        }
    }
    let big = format!("GET /v1/token HTTP/1.1\r\nHost: a\r\nX-Long: {long}\r\n{auth}\r\n");
    assert!(bench.raw(big.as_bytes()).await.starts_with("HTTP/1.1 431 "));
    let (_, body) = bench.send("GET", "/nothing/here", "unlimited").await;
    let problem: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((&problem["status"], &problem["title"]), (&404.into(), &"Not found".into()));
    assert!(problem["type"].is_string() && problem["detail"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_heads_are_cut_and_a_shutdown_lets_idle_connections_go() {
    let limits = ListenerLimits { head_timeout: Duration::from_millis(200), ..ListenerLimits::default() };
    let bench = Bench::start(Setup { limits, ..Setup::default() });
    for begun in [&b""[..], b"GET /v1/tok"] {
        bench.raw(begun).await;
    }
    drop(bench);
    let bench = Bench::start(Setup::default());
    let mut idle = TcpStream::connect(bench.address).await.expect("the port is open");
    idle.write_all(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("open");
    let mut some = [0; 16];
    idle.read_exact(&mut some).await.expect("an answer");
    bench.down.send(()).expect("serving");
    tokio::time::timeout(WAIT, bench.serving).await.expect("an end").expect("no panic");
    assert!(TcpStream::connect(bench.address).await.is_err(), "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_does_not_read_loses_its_seat() {
    let limits =
        ListenerLimits { connections: 1, write_timeout: Duration::from_millis(200), ..ListenerLimits::default() };
    let bench = Bench::start(Setup { limits, ..Setup::default() });
    let mut deaf = TcpStream::connect(bench.address).await.expect("the port is open");
    let many = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1_000);
    let until = tokio::time::Instant::now() + WAIT;
    // Until both directions are full, or the other end has given up already.
    while let Ok(Ok(())) = tokio::time::timeout(Duration::from_millis(100), deaf.write_all(&many)).await {
        assert!(tokio::time::Instant::now() < until, "answers are taken from nobody's hand");
    }
    assert_ne!(bench.raw(b"GET /x HTTP/1.0\r\n\r\n").await, "", "the only seat is free again");
}

/// A dialect with scopes, a body and a handler that fails, to test what ThreatJammer has no use for.
struct Scoped;

const NO_SPEC: Spec = Spec { summary: "", parameters: &[], body: None, answers: &[], refusals: &[] };

static SCOPED: [Endpoint; 2] = [
    Endpoint::new(Method::POST, "/scoped/{id}:echo", "echo", &["things.write", "things.read"], NO_SPEC),
    Endpoint::new(Method::GET, "/scoped/panic", "panic", &[], NO_SPEC),
];

impl Dialect for Scoped {
    fn name(&self) -> &'static str {
        "scoped"
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["/scoped"]
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        &SCOPED
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Bearer]
    }

    fn refuse(&self, refusal: &Refusal<'_>) -> Reply {
        json(refusal.fault.status(), &"refused")
    }

    fn error_body(&self, _: u16) -> Media {
        Media::json(shape::<String>)
    }

    fn call<'c>(&'c self, call: Call<'c>) -> Answer<'c> {
        Box::pin(async move {
            assert_eq!(call.endpoint.operation, "echo", "the other one is made to fail");
            Ok(json(StatusCode::CREATED, &(call.variables.get("id"), String::from_utf8_lossy(&call.body))))
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scopes_bodies_and_faults_are_the_same_for_every_dialect() {
    let bench = Bench::start(Setup { list: &[&Scoped], ..Setup::default() });
    let post = |name: &str| {
        let auth = secret(name);
        format!(
            "POST /scoped/a%2Fb:echo HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {auth}\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
        )
    };
    let told = status_and_body(&bench.raw(post("reader").as_bytes()).await);
    assert_eq!(told, (201, r#"["a/b","hi"]"#.to_owned()));
    assert_eq!(status_and_body(&bench.raw(post("free").as_bytes()).await), (403, r#""refused""#.to_owned()));
    assert_eq!(bench.send("GET", "/scoped/panic", "reader").await.0, 500);
    let kinds: Vec<_> = bench.events().await.iter().map(|event| (event.kind, event.status)).collect();
    let expected = [(EventKind::AdminRequest, 201), (EventKind::Forbidden, 403), (EventKind::AdminRequest, 500)];
    assert_eq!(kinds, expected);
    let mut registry = prometheus_client::registry::Registry::with_prefix("tollgate");
    bench.plane.metrics()(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
    for line in [
        r#"tollgate_admin_requests_total{dialect="scoped",operation="echo",class="2xx"} 1"#,
        r#"tollgate_admin_requests_total{dialect="scoped",operation="panic",class="5xx"} 1"#,
        r#"tollgate_admin_denied_total{reason="scope"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_in_a_path_are_masked_in_the_activity() {
    let bench = Bench::start(Setup::default());
    let public = "dt0c01.ABCDEFGHIJKLMNOPQRSTUVWX";
    let secret = format!("{public}.{}", "Q".repeat(64));
    let escaped = secret.replace('.', "%2E");
    for (method, written) in [("DELETE", &secret), ("GET", &escaped)] {
        let (status, body) = bench.send(method, &format!("/api/v2/apiTokens/{written}?fields=x"), "reader").await;
        assert_eq!(status, 403, "{body}");
        assert!(!body.contains("QQQ"), "{body}");
    }
    let events = bench.events().await;
    let masked = format!("/api/v2/apiTokens/{public}.***?fields=x");
    assert_eq!(events.iter().map(|event| event.uri.as_str()).collect::<Vec<_>>(), [masked.as_str(); 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dynatrace_callers_that_are_too_fast_learn_their_limit() {
    let bad =
        "GET /api/v2/apiTokens HTTP/1.1\r\nHost: a\r\nAuthorization: Api-Token nonsense\r\nConnection: close\r\n\r\n";
    for (limit, bad_credentials, calls) in [(2, 100, 3), (100, 1, 2)] {
        let bench = Bench::start(Setup { limit, bad_credentials, ..Setup::default() });
        let mut last = String::new();
        for _ in 0..calls {
            assert!(last.is_empty() || last.starts_with("HTTP/1.1 401 "), "{last}");
            last = bench.raw(bad.as_bytes()).await;
        }
        assert!(last.starts_with("HTTP/1.1 429 "), "{last}");
        let field = |name: &str| {
            let line = last.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.unwrap_or_default().to_owned()
        };
        assert_eq!((field("x-ratelimit-limit").as_str(), field("x-ratelimit-remaining").as_str()), ("6", "0"));
        assert_eq!(field("retry-after"), "10", "one call is given back every ten seconds");
        let reset: i64 = field("x-ratelimit-reset").parse().expect("a number");
        assert_eq!(reset, (START + 10_000) * 1000, "microseconds");
        assert_eq!(field("content-type"), "application/json; charset=utf-8");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_survives_a_call_that_is_refused_before_its_body_comes() {
    let bench = Bench::start(Setup::default());
    let auth = format!("Host: a\r\nAuthorization: Bearer {}\r\n", secret("reader"));
    for (expect, announced, sent, survives) in [
        ("", 10, 10, true),
        ("", 64 * 1024 + 1, 10, false),
        ("", 20, 10, false),
        ("Expect: 100-continue\r\n", 10, 0, false),
    ] {
        let mut stream = TcpStream::connect(bench.address).await.expect("the port is open");
        let head = format!("POST /api/v2/apiTokens HTTP/1.1\r\n{auth}{expect}Content-Length: {announced}\r\n\r\n");
        let before = bench.events().await.len();
        stream.write_all(head.as_bytes()).await.expect("sent");
        let deadline = std::time::Instant::now() + WAIT;
        // The event tells that the call has been decided.
        while bench.events().await.len() == before {
            assert!(std::time::Instant::now() < deadline, "the call is not decided");
            tokio::task::yield_now().await;
        }
        stream.write_all(&vec![b'x'; sent]).await.expect("sent");
        let more = format!("GET /api/v2/apiTokens HTTP/1.1\r\n{auth}Connection: close\r\n\r\n");
        if survives {
            stream.write_all(more.as_bytes()).await.expect("sent");
        }
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(WAIT, stream.read_to_end(&mut answer)).await.expect("an end");
        let answer = String::from_utf8(answer).expect("text");
        assert_eq!(answer.matches("HTTP/1.1 403 ").count(), if survives { 2 } else { 1 }, "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
    }
}
