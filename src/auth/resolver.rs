//! From a secret's hash to its token: the cache, and one store call per key however many callers wait.
//!
//! Changes are pushed by the store. A fill that started before a change of its key is thrown away and made again, so an
//! old record never comes back after the change.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, watch};

use super::cache::TokenCache;
use super::identity::Interner;
use super::{CacheConfig, CachedToken, Denial, Grant, Policy};
use crate::clock::{Clock, Now};
use crate::token::{
    CELLS_RETURNED_AFTER, Change, Lookup, PlanTable, Resolved, Scope, SecretHash, StoreError, TokenId, TokenState,
    TokenStore, Unused,
};

/// Most look-ups under way at once; further ones are refused as if the store were away.
const MAX_FLIGHTS: usize = 4_096;
/// How often a fill is made again because its key changed meanwhile.
const MAX_REFILLS: usize = 4;
/// After a failed call, how long stale entries are served without another attempt.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Where unused leases go when their token leaves the cache.
pub type GiveBack = Box<dyn Fn(TokenId, Unused) + Send + Sync>;

/// The answer of the cache.
#[derive(Debug)]
pub enum Cached<S> {
    /// Good for this request.
    Fresh {
        /// The token.
        grant: Grant<S>,
        /// Whether to fetch it again ahead of need ([`Resolver::refresh`]).
        refresh: bool,
    },
    /// To be fetched again first. If the store is away, the grant may be used instead, where there is one.
    Stale(Option<Grant<S>>),
    /// Not cached.
    Absent,
}

/// A token as it lies in the cache.
#[derive(Debug)]
pub struct Peeked<S> {
    /// The token.
    pub token: Arc<CachedToken<S>>,
    /// Generation of the record it was made from.
    pub generation: u64,
    /// Time since it was fetched; `None` if it is to be fetched again before use.
    pub age: Option<Duration>,
}

/// Counters of the resolver.
#[derive(Debug, Default)]
pub struct ResolverMetrics {
    /// Tokens evicted to make room.
    pub evicted: AtomicU64,
    /// Tokens whose plan the configuration no longer has.
    pub plan_gone: AtomicU64,
}

/// The token cache in front of a store. `S` is the state that lives beside each token.
pub struct Resolver<S> {
    store: Arc<dyn TokenStore>,
    runtime: tokio::runtime::Handle,
    clock: Clock,
    policy: Policy,
    /// Named in look-ups that shall lease nothing: a token that is cached has its lease.
    no_plans: Arc<PlanTable>,
    config: CacheConfig,
    /// Nanoseconds.
    ttl: u64,
    cache: TokenCache<S>,
    interner: Interner,
    flights: Mutex<HashMap<SecretHash, Flight<S>>>,
    give_back: GiveBack,
    /// Entries fetched before this reading of the clock are suspect: changes may have been missed.
    suspect_before: AtomicU64,
    /// Grows with every change; older negative entries are void.
    epoch: AtomicU64,
    /// Process clock until which stale entries are served without asking the store.
    pause_until: AtomicU64,
    metrics: ResolverMetrics,
}

impl<S> std::fmt::Debug for Resolver<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").field("config", &self.config).finish_non_exhaustive()
    }
}

/// One store call and those who wait for it.
struct Flight<S> {
    outcome: watch::Receiver<Option<Outcome<S>>>,
    /// Its key changed while the call was under way.
    dirty: bool,
}

type Outcome<S> = Result<Result<Arc<CachedToken<S>>, Denial>, StoreError>;

impl<S: TokenState> Resolver<S> {
    /// A cold cache. Store calls run on `runtime`.
    pub fn new(
        store: Arc<dyn TokenStore>,
        runtime: tokio::runtime::Handle,
        clock: Clock,
        policy: Policy,
        config: CacheConfig,
        give_back: GiveBack,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            runtime,
            clock,
            policy,
            no_plans: Arc::new(PlanTable::uncounted()),
            config,
            ttl: nanos(config.ttl),
            cache: TokenCache::new(&config),
            interner: Interner::default(),
            flights: Mutex::new(HashMap::new()),
            give_back,
            suspect_before: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            pause_until: AtomicU64::new(0),
            metrics: ResolverMetrics::default(),
        })
    }

    /// Whether a route of the configuration names this scope.
    pub fn routes_need(&self, scope: &Scope) -> bool {
        self.policy.universe.contains(scope)
    }

    /// Looks a secret up in the cache. `stale_for` is how old beyond the TTL an entry may be while the store is away.
    pub fn cached(&self, hash: &SecretHash, now: Now, stale_for: Duration) -> Cached<S> {
        let Some(token) = self.cache.get(hash) else { return Cached::Absent };
        token.touch(now.mono);
        let fetched = token.fetched.load(Ordering::Acquire);
        let age = now.mono.saturating_sub(fetched);
        let grant = |token| Grant { token, hash: *hash };
        if fetched == 0 || token.dead.load(Ordering::Acquire) {
            return Cached::Stale(None);
        }
        if age <= self.ttl && fetched >= self.suspect_before.load(Ordering::Relaxed) {
            let refresh = age > self.ttl / 4 * 3;
            return Cached::Fresh { grant: grant(token), refresh };
        }
        let usable = age <= self.ttl.saturating_add(nanos(stale_for));
        if usable && now.mono < self.pause_until.load(Ordering::Relaxed) {
            return Cached::Fresh { grant: grant(token), refresh: false };
        }
        Cached::Stale(usable.then(|| grant(token)))
    }

    /// What is cached under a secret, good for a request or not; looking counts as no use of it.
    pub fn peek(&self, hash: &SecretHash, now: Now) -> Option<Peeked<S>> {
        let token = self.cache.get(hash).filter(|token| !token.has_left())?;
        let fetched = token.fetched.load(Ordering::Acquire);
        let age = (fetched != 0).then(|| Duration::from_nanos(now.mono.saturating_sub(fetched)));
        Some(Peeked { generation: token.generation, age, token })
    }

    /// Fetches a secret's token, waiting for at most the configured time. One store call serves all who wait, and goes on
    /// when they give up.
    ///
    /// # Errors
    /// The store does not answer in time, or refuses.
    pub async fn fetch(self: &Arc<Self>, hash: SecretHash) -> Result<Result<Grant<S>, Denial>, StoreError> {
        let mut outcome = self.join(hash)?;
        let timeout = self.config.store_timeout;
        let waited = tokio::time::timeout(timeout, outcome.wait_for(Option::is_some)).await;
        let failed = |text: String| {
            self.pause_until.store(self.clock.mono().saturating_add(nanos(RETRY_PAUSE)), Ordering::Relaxed);
            StoreError::Unavailable(text)
        };
        match waited {
            Err(_) => Err(failed(format!("no answer within {timeout:?}"))),
            Ok(Err(_)) => Err(failed("the look-up was given up".to_owned())),
            Ok(Ok(outcome)) => match &*outcome {
                Some(Ok(found)) => {
                    Ok(found.as_ref().map(|token| Grant { token: Arc::clone(token), hash }).map_err(|d| *d))
                }
                Some(Err(error)) => Err(error.clone()),
                None => Err(StoreError::Unavailable("the look-up was given up".to_owned())),
            },
        }
    }

    /// Fetches a token again in the background, once at a time.
    pub fn refresh(self: &Arc<Self>, grant: &Grant<S>) {
        if !grant.token.refreshing.swap(true, Ordering::Relaxed) && self.join(grant.hash).is_err() {
            grant.token.refreshing.store(false, Ordering::Relaxed);
        }
    }

    /// What negative entries learnt now belong to.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Counters.
    pub fn metrics(&self) -> &ResolverMetrics {
        &self.metrics
    }

    /// Tokens cached.
    pub fn len(&self) -> usize {
        self.cache.len()
    }

    /// Whether nothing is cached.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Joins the call for a key, starting it if there is none.
    fn join(self: &Arc<Self>, hash: SecretHash) -> Result<watch::Receiver<Option<Outcome<S>>>, StoreError> {
        let mut flights = self.flights();
        if let Some(flight) = flights.get(&hash) {
            return Ok(flight.outcome.clone());
        }
        if flights.len() >= MAX_FLIGHTS {
            return Err(StoreError::Unavailable("too many look-ups are waiting".to_owned()));
        }
        let (sender, outcome) = watch::channel(None);
        flights.insert(hash, Flight { outcome: outcome.clone(), dirty: false });
        drop(flights);
        let this = Arc::clone(self);
        self.runtime.spawn(async move {
            let outcome = this.fly(hash).await;
            // Nobody waiting is fine: the cache has been filled.
            let _ = sender.send(Some(outcome));
        });
        Ok(outcome)
    }

    async fn fly(self: &Arc<Self>, hash: SecretHash) -> Outcome<S> {
        for refill in 0.. {
            let started = self.clock.now();
            let plans = if self.cache.get(&hash).is_some() { &self.no_plans } else { &self.policy.plans };
            let answer = self.store.resolve(hash, Arc::clone(plans), started.wall).await;
            let mut flights = self.flights();
            let dirty = flights.get_mut(&hash).is_some_and(|flight| std::mem::take(&mut flight.dirty));
            if dirty && refill < MAX_REFILLS {
                drop(flights);
                self.return_lease(&answer);
                continue;
            }
            flights.remove(&hash);
            // The cache is filled before the lock is let go, so that a change can find either the flight or the entry.
            let outcome = self.take_in(hash, answer, started, dirty);
            drop(flights);
            return outcome;
        }
        Err(StoreError::Unavailable("the token keeps changing".to_owned()))
    }

    fn take_in(
        self: &Arc<Self>,
        hash: SecretHash,
        answer: Result<Lookup, StoreError>,
        now: Now,
        dirty: bool,
    ) -> Outcome<S> {
        match answer {
            Ok(Lookup::Found(resolved)) => {
                let token = self.insert(hash, &resolved, now);
                if dirty {
                    token.fetched.store(0, Ordering::Release);
                }
                Ok(Ok(token))
            }
            Ok(Lookup::Revoked(_)) => {
                self.discard(&hash, now);
                Ok(Err(Denial::Revoked))
            }
            Ok(Lookup::Unknown) => {
                self.discard(&hash, now);
                Ok(Err(Denial::Unknown))
            }
            Err(error) => {
                self.pause_until.store(now.mono.saturating_add(nanos(RETRY_PAUSE)), Ordering::Relaxed);
                if let Some(token) = self.cache.get(&hash) {
                    token.refreshing.store(false, Ordering::Relaxed);
                }
                Err(error)
            }
        }
    }

    fn insert(self: &Arc<Self>, hash: SecretHash, resolved: &Resolved, now: Now) -> Arc<CachedToken<S>> {
        let record = &resolved.record;
        if self.policy.plans.get(&record.plan).is_none() {
            self.metrics.plan_gone.fetch_add(1, Ordering::Relaxed);
        }
        let plan = self.policy.plans.resolve(&record.plan);
        let identity = self.interner.intern(record, &self.policy);
        let known = self.cache.known(record);
        let state = match &known {
            Some(known) => {
                // Its state has a hand of its own; two hands would not fit into one.
                self.return_cells(resolved);
                known.state().succeed(resolved, plan, now)
            }
            None => S::start(resolved, plan, now, self.cache.forgotten(now.mono)),
        };
        let token = Arc::new(CachedToken::new(record, identity, state, now));
        // The other secret of a token in rotation, if it is cached, must lead to the same state. It comes first: the entry
        // that makes room for the new one must not be the dead state.
        let mut evicted = Vec::new();
        for slot in record.secrets.iter().filter(|slot| slot.hash != hash) {
            if self.cache.get(&slot.hash).is_some() {
                evicted.extend(self.cache.insert(slot.hash, &token, now));
            }
        }
        evicted.extend(self.cache.insert(hash, &token, now));
        for gone in evicted {
            self.metrics.evicted.fetch_add(1, Ordering::Relaxed);
            gone.dead.store(true, Ordering::Release);
            self.return_unused(&gone, now);
        }
        if known.is_none() && resolved.cells.is_some_and(|cells| cells.granted > 0) {
            self.watch(&token);
        }
        token
    }

    /// Sees that calls go back which the look-up brought and nobody spends.
    fn watch(self: &Arc<Self>, token: &Arc<CachedToken<S>>) {
        let (this, token) = (Arc::downgrade(self), Arc::downgrade(token));
        self.runtime.spawn(async move {
            tokio::time::sleep(CELLS_RETURNED_AFTER).await;
            if let (Some(this), Some(token)) = (this.upgrade(), token.upgrade())
                && let Some(unused) = token.state().unspent(this.clock.now())
            {
                (this.give_back)(token.id, unused);
            }
        });
    }

    fn discard(&self, hash: &SecretHash, now: Now) {
        if let Some(token) = self.cache.remove(hash) {
            token.dead.store(true, Ordering::Release);
            self.return_unused(&token, now);
        }
    }

    fn return_unused(&self, token: &CachedToken<S>, now: Now) {
        for unused in token.state().drain(token.created_at, now).into_iter().flatten() {
            (self.give_back)(token.id, unused);
        }
    }

    fn return_lease(&self, answer: &Result<Lookup, StoreError>) {
        let Ok(Lookup::Found(resolved)) = answer else { return };
        if let Some(lease) = resolved.lease.filter(|lease| lease.granted > 0) {
            let (window, calls) = (lease.window, lease.granted);
            (self.give_back)(resolved.record.id, Unused::Month { window, calls });
        }
        self.return_cells(resolved);
    }

    fn return_cells(&self, resolved: &Resolved) {
        let plan = self.policy.plans.resolve(&resolved.record.plan);
        if let (Some(cells), Some(limit)) = (resolved.cells.filter(|cells| cells.granted > 0), &plan.minute) {
            (self.give_back)(resolved.record.id, Unused::Minute(cells.returned(limit)));
        }
    }

    /// Applies a change of the store.
    pub fn apply(&self, change: &Change) {
        match change {
            Change::Gap => self.suspect_before.store(self.clock.mono().max(1), Ordering::Relaxed),
            Change::Token { generation, hashes, .. } => {
                let mut flights = self.flights();
                for hash in hashes {
                    if let Some(flight) = flights.get_mut(hash) {
                        flight.dirty = true;
                    }
                    match self.cache.get(hash) {
                        Some(token) if *generation == u64::MAX => {
                            token.dead.store(true, Ordering::Release);
                            self.discard(hash, self.clock.now());
                        }
                        Some(token) if token.generation < *generation => token.fetched.store(0, Ordering::Release),
                        _ => {}
                    }
                }
            }
        }
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// Applies changes as they come, until the store is closed.
    pub async fn follow(self: Arc<Self>, mut changes: broadcast::Receiver<Change>) {
        loop {
            match changes.recv().await {
                Ok(change) => self.apply(&change),
                Err(broadcast::error::RecvError::Lagged(_)) => self.apply(&Change::Gap),
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    /// Empties the cache and returns what is leased and unused; at shutdown.
    pub fn drain(&self) {
        let now = self.clock.now();
        for hash in self.cache.keys() {
            if let Some(token) = self.cache.remove(&hash) {
                self.return_unused(&token, now);
            }
        }
    }

    fn flights(&self) -> std::sync::MutexGuard<'_, HashMap<SecretHash, Flight<S>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
