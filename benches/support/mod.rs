//! What the benches and the allocation test share: tokens in memory, a request, and the decision as the proxy makes it.
#![allow(dead_code)] // each program uses a part

pub(crate) mod decision;
pub(crate) mod store;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::runtime::Runtime;
use tollgate::auth::{CacheConfig, CachedToken, Policy, Resolver};
use tollgate::clock::Clock;
use tollgate::limit::TokenLimits;
use tollgate::token::{
    Anchor, Bundles, Form, HashKey, MinuteLimit, Mode, MonthLimit, NeededScopes, PlainSecret, Plan, PlanTable, Scope,
    SecretHash, Universe,
};

use self::store::Memory;

/// Length of an own-form secret.
pub(crate) const SECRET: usize = 63;
/// Owners that the tokens are spread over.
pub(crate) const OWNERS: usize = 1_000;
/// Long enough that no entry ages while a bench runs.
const TTL: Duration = Duration::from_secs(30 * 86_400);

/// Tokens, all of them cached.
pub(crate) struct Site {
    pub(crate) clock: Clock,
    pub(crate) key: HashKey,
    pub(crate) resolver: Arc<Resolver<TokenLimits>>,
    pub(crate) secrets: Vec<[u8; SECRET]>,
    pub(crate) hashes: Vec<SecretHash>,
    pub(crate) needed: NeededScopes,
    pub(crate) runtime: Runtime,
    /// Resident bytes of the process just before the cache was made.
    pub(crate) resident_before: f64,
    store: Arc<Memory>,
}

impl Site {
    /// `tokens` minted tokens with minute bucket and month quota, in an empty cache.
    pub(crate) fn cold(tokens: usize) -> Self {
        let clock = Clock::system();
        let key = HashKey::new(&[7; HashKey::LENGTH]).expect("long enough");
        let (mut secrets, mut hashes) = (Vec::with_capacity(tokens), Vec::with_capacity(tokens));
        for _ in 0..tokens {
            let (secret, hash, _) = PlainSecret::mint(Form::Tg, &key, tollgate::clock::Timestamp::system());
            secrets.push(secret.expose().as_bytes().try_into().expect("an own-form secret"));
            hashes.push(hash);
        }
        let mut universe = Universe::default();
        let needed = universe.need(&scopes(&["orders.read"]), &scopes(&["items.read", "items.write"]));
        let policy = Policy {
            universe,
            bundles: Arc::new(Bundles::new(&BTreeMap::new()).expect("no cycle")),
            plans: Arc::new(PlanTable::new([plan()])),
            region: String::new(),
        };
        let config = CacheConfig {
            entries: tokens,
            ttl: TTL,
            budget: u64::MAX / 4,
            store_timeout: Duration::from_secs(60),
            ..CacheConfig::default()
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
        let runtime = runtime.expect("a runtime");
        let store = Arc::new(Memory::new(&hashes));
        let give_back = Box::new(|_, _| {});
        let resident_before = resident();
        let resolver = Resolver::new(store.clone(), runtime.handle().clone(), clock.clone(), policy, config, give_back);
        Self { clock, key, resolver, secrets, hashes, needed, runtime, resident_before, store }
    }

    /// The same with every token in the cache.
    pub(crate) fn warm(tokens: usize) -> Self {
        let site = Self::cold(tokens);
        site.fill();
        site
    }

    /// Uses every token once.
    pub(crate) fn fill(&self) {
        self.runtime.block_on(async {
            for hash in &self.hashes {
                let grant = self.resolver.fetch(*hash).await.expect("the store answers").expect("a live token");
                drop(grant);
            }
        });
        assert_eq!(self.resolver.len(), self.hashes.len(), "every token is cached");
        assert_eq!(self.store.calls(), self.hashes.len() as u64, "one store call each");
    }

    /// The token of this place in the list, out of the cache.
    pub(crate) fn token(&self, at: usize) -> Arc<CachedToken<TokenLimits>> {
        match self.resolver.cached(&self.hashes[at], self.clock.now(), Duration::ZERO) {
            tollgate::auth::Cached::Fresh { grant, .. } => Arc::clone(grant.token()),
            _ => panic!("the cache is filled"),
        }
    }

    /// A request with seven fields, this token's secret among them.
    pub(crate) fn request(&self, at: usize) -> HeaderMap {
        request(&self.secrets[at])
    }
}

/// A typical request of a program, as hyper hands it on.
pub(crate) fn request(secret: &[u8]) -> HeaderMap {
    let mut headers = without_credential();
    headers.insert("authorization", bearer(secret));
    headers
}

/// The value of its `Authorization` field.
pub(crate) fn bearer(secret: &[u8]) -> HeaderValue {
    let mut text = [0; 7 + SECRET];
    text[..7].copy_from_slice(b"Bearer ");
    text[7..].copy_from_slice(secret);
    HeaderValue::from_bytes(&text).expect("visible characters")
}

/// The other six of the seven fields.
pub(crate) fn without_credential() -> HeaderMap {
    [
        ("host", "api.example.com"),
        ("user-agent", "python-requests/2.32.3"),
        ("accept-encoding", "gzip, deflate, br"),
        ("accept", "application/json"),
        ("connection", "keep-alive"),
        ("content-type", "application/json"),
    ]
    .into_iter()
    .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
    .collect()
}

/// Limits that no bench reaches; the arithmetic does not depend on their size.
pub(crate) fn plan() -> Plan {
    let minute = minute_limit();
    let month = MonthLimit { size: store::MONTH, anchor: Anchor::Rolling };
    Plan { name: "bench".into(), index: 0, books: Arc::default(), minute: Some(minute), month: Some(month) }
}

pub(crate) fn minute_limit() -> MinuteLimit {
    MinuteLimit { size: NonZeroU32::MAX, refill_per_second: 1e6, mode: Mode::Local }
}

pub(crate) fn scopes(names: &[&str]) -> Vec<Scope> {
    names.iter().map(|name| name.parse().expect("a scope")).collect()
}

/// xorshift64: which token comes next. Fast beside what is measured, and the same in every run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((u128::from(self.0) * bound as u128) >> 64) as usize
    }
}

/// Whether figures are wanted (`cargo bench`) or only a smoke run (`cargo test --benches`).
pub(crate) fn measuring() -> bool {
    let given = |name: &str| std::env::args().any(|arg| arg == name);
    given("--bench") && !given("--test")
}

/// This many tokens, or few enough for a smoke run.
pub(crate) fn sized(tokens: usize) -> usize {
    if measuring() { tokens } else { tokens.min(1_000) }
}

/// Resident bytes of this process; 0 where there is no procfs.
pub(crate) fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap_or(0.0);
    kib * 1024.0
}
