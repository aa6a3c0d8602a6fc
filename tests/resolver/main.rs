//! The token cache in front of a store: one call however many wait, and no old truth after a change.
#![allow(clippy::expect_used)]

mod ledger;
mod model;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Barrier};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tollgate::auth::{CacheConfig, Cached, Denial, Grant, NegativeCache, Policy, Resolver};
use tollgate::clock::{Clock, ManualClock, Timestamp};
use tollgate::limit::{Charge, TokenLimits};
use tollgate::token::{
    Anchor, Bundles, Change, MinuteLimit, Mode, MonthLimit, Plan, PlanTable, SecretHash, StoreError, Universe,
};

use self::ledger::{Ledger, change, hash};

/// Noon, so that no day ends in a test.
const START: i64 = 1_900_000_000_000 / 86_400_000 * 86_400_000 + 43_200_000;
const TTL: Duration = Duration::from_secs(60);
const STALE_FOR: Duration = Duration::from_secs(600);
/// Calls in the bucket; one comes back in 100 s.
const SIZE: u32 = 4;
const MONTH: u64 = 40;

type Limits = TokenLimits;

struct Site {
    ledger: Arc<Ledger>,
    resolver: Arc<Resolver<Limits>>,
    plans: Arc<PlanTable>,
    clock: Clock,
    hand: ManualClock,
}

impl Site {
    fn new(ledger: &Arc<Ledger>, entries: usize, runtime: &tokio::runtime::Handle) -> Self {
        let minute =
            MinuteLimit { size: NonZeroU32::new(SIZE).expect("above 0"), refill_per_second: 0.01, mode: Mode::Local };
        let month = MonthLimit { size: MONTH, anchor: Anchor::TokenStart };
        let plan = Plan { name: "p".into(), index: 0, books: Arc::default(), minute: Some(minute), month: Some(month) };
        let plans = Arc::new(PlanTable::new([plan]));
        let policy = Policy {
            universe: Universe::default(),
            bundles: Arc::new(Bundles::new(&BTreeMap::new()).expect("no cycle")),
            plans: Arc::clone(&plans),
            region: String::new(),
        };
        let config =
            CacheConfig { entries, ttl: TTL, store_timeout: Duration::from_secs(30), ..CacheConfig::default() };
        let (clock, hand) = Clock::manual(Timestamp::from_millis(START));
        let returns = Arc::clone(ledger);
        let give_back = Box::new(move |id, unused| returns.give_back(id, unused));
        let resolver = Resolver::new(ledger.clone(), runtime.clone(), clock.clone(), policy, config, give_back);
        Self { ledger: Arc::clone(ledger), resolver, plans, clock, hand }
    }

    /// Of a test's own runtime.
    fn here(ledger: &Arc<Ledger>) -> Self {
        Self::new(ledger, 100, &tokio::runtime::Handle::current())
    }

    fn cached(&self, hash: &SecretHash) -> Cached<Limits> {
        self.resolver.cached(hash, self.clock.now(), STALE_FOR)
    }

    fn is_fresh(&self, hash: &SecretHash) -> bool {
        matches!(self.cached(hash), Cached::Fresh { .. })
    }

    async fn fetch(&self, hash: SecretHash) -> Result<Result<Grant<Limits>, Denial>, StoreError> {
        self.resolver.fetch(hash).await
    }

    async fn live(&self, hash: SecretHash) -> Grant<Limits> {
        self.fetch(hash).await.expect("the store answers").expect("a live token")
    }

    fn charge(&self, grant: &Grant<Limits>) -> Charge {
        grant.token().state().charge(self.clock.now())
    }
}

/// The generation a grant was made of; the records' owners are named by it.
fn generation(grant: &Grant<Limits>) -> u64 {
    grant.token().identity().owner.name.parse().expect("a number")
}

/// Polls a future once and expects it to wait.
async fn begin<F: Future>(mut future: std::pin::Pin<&mut F>) {
    poll_fn(|context| {
        assert!(future.as_mut().poll(context).is_pending(), "the store holds its answer back");
        Poll::Ready(())
    })
    .await;
}

/// Waits for other tasks to bring something about.
async fn until(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "it did not come about in 30 s");
        tokio::task::yield_now().await;
    }
}

#[test]
fn cold_thousand_first_uses_on_many_threads_make_one_store_call() {
    const THREADS: usize = 4;
    const EACH: usize = 250;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let ledger = Ledger::gated(1);
    let site = Site::new(&ledger, 100, runtime.handle());
    let all_wait = Barrier::new(THREADS + 1);
    let work = || {
        let local = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        local.block_on(async {
            let mut uses = pin!(join_all((0..EACH).map(|_| site.live(hash(1, false)))));
            begin(uses.as_mut()).await;
            all_wait.wait();
            uses.await
        })
    };
    let grants: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        all_wait.wait();
        ledger.gate.add_permits(1);
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(grants.len(), THREADS * EACH);
    assert!(grants.iter().all(|grant| Arc::ptr_eq(grant.token(), grants[0].token())), "all got one entry");
    assert_eq!(ledger.calls(), 1);
    assert_eq!(ledger.used(1), 3, "and one lease was taken");
    println!("cold: {} concurrent first uses of one token made {} store call", grants.len(), ledger.calls());
}

#[tokio::test]
async fn cold_whoever_gives_up_does_not_cancel_it_for_others() {
    let ledger = Ledger::gated(1);
    let site = Site::here(&ledger);
    let mut patient = pin!(site.live(hash(1, false)));
    {
        let mut first = pin!(site.live(hash(1, false)));
        begin(first.as_mut()).await;
        begin(patient.as_mut()).await;
    }
    ledger.begun(1).await;
    ledger.gate.add_permits(1);
    assert_eq!(generation(&patient.await), 1);
    assert!(site.is_fresh(&hash(1, false)));
    assert_eq!(ledger.calls(), 1);
}

#[tokio::test]
async fn cold_a_call_nobody_waits_for_fills_the_cache() {
    let ledger = Ledger::gated(1);
    let site = Site::here(&ledger);
    {
        let mut only = pin!(site.live(hash(1, false)));
        begin(only.as_mut()).await;
    }
    ledger.begun(1).await;
    ledger.gate.add_permits(1);
    until(|| site.is_fresh(&hash(1, false))).await;
    assert_eq!(ledger.calls(), 1);
}

#[tokio::test]
async fn a_change_during_the_call_is_fetched_again() {
    let ledger = Ledger::gated(1);
    let site = Site::here(&ledger);
    let mut waiting = pin!(site.live(hash(1, false)));
    begin(waiting.as_mut()).await;
    ledger.begun(1).await;
    site.resolver.apply(&ledger.edit(1).expect("it lives"));
    ledger.gate.add_permits(2);
    assert_eq!(generation(&waiting.await), 2, "the old answer was thrown away");
    assert_eq!(ledger.calls(), 2);
    assert_eq!(ledger.used(1), 3, "and its lease was returned");
}

#[tokio::test]
async fn a_token_revoked_during_the_call_is_denied() {
    let ledger = Ledger::gated(1);
    let site = Site::here(&ledger);
    let mut waiting = pin!(site.fetch(hash(1, false)));
    begin(waiting.as_mut()).await;
    ledger.begun(1).await;
    site.resolver.apply(&ledger.revoke(1));
    ledger.gate.add_permits(2);
    assert_eq!(waiting.await.expect("the store answers").err(), Some(Denial::Revoked));
    assert!(matches!(site.cached(&hash(1, false)), Cached::Absent));
    assert_eq!(ledger.used(1), 0, "the lease was returned");
}

#[tokio::test]
async fn a_token_that_keeps_changing_is_served_once_and_not_kept() {
    let ledger = Ledger::gated(1);
    let site = Site::here(&ledger);
    let mut waiting = pin!(site.live(hash(1, false)));
    begin(waiting.as_mut()).await;
    for round in 1..=5 {
        ledger.begun(round).await;
        site.resolver.apply(&ledger.edit(1).expect("it lives"));
        ledger.gate.add_permits(1);
    }
    assert_eq!(generation(&waiting.await), 5);
    assert_eq!(ledger.calls(), 5, "the refills have a bound");
    assert!(!site.is_fresh(&hash(1, false)), "and the next use asks again");
}

#[tokio::test]
async fn only_a_newer_generation_makes_an_entry_stale() {
    let ledger = Ledger::new(0);
    let site = Site::here(&ledger);
    ledger.put(ledger::record(1, 5));
    site.live(hash(1, false)).await;
    for seen in [1, 4, 5] {
        site.resolver.apply(&change(1, seen));
        assert!(site.is_fresh(&hash(1, false)), "generation {seen} is known");
    }
    site.resolver.apply(&ledger.edit(1).expect("it lives"));
    assert!(matches!(site.cached(&hash(1, false)), Cached::Stale(None)), "not even while the store is away");
    assert_eq!(generation(&site.live(hash(1, false)).await), 6);
    let held = site.live(hash(1, false)).await;
    site.resolver.apply(&ledger.revoke(1));
    assert!(matches!(site.cached(&hash(1, false)), Cached::Absent));
    drop(held);
}

#[tokio::test]
async fn stale_entries_serve_while_the_store_is_away() {
    let ledger = Ledger::new(1);
    let site = Site::here(&ledger);
    site.live(hash(1, false)).await;
    site.hand.advance(TTL + Duration::from_millis(1));
    ledger.down.store(true, Ordering::SeqCst);
    assert!(matches!(site.cached(&hash(1, false)), Cached::Stale(Some(_))));
    assert!(matches!(site.fetch(hash(1, false)).await, Err(StoreError::Unavailable(_))));
    assert!(site.is_fresh(&hash(1, false)), "for a moment the store is not asked again");
    site.hand.advance(Duration::from_millis(201));
    assert!(matches!(site.cached(&hash(1, false)), Cached::Stale(Some(_))), "then it is");
    site.hand.advance(STALE_FOR);
    assert!(matches!(site.cached(&hash(1, false)), Cached::Stale(None)), "and nothing serves for ever");
    ledger.down.store(false, Ordering::SeqCst);
    site.live(hash(1, false)).await;
    assert!(site.is_fresh(&hash(1, false)));
}

#[tokio::test]
async fn a_gap_makes_every_entry_suspect_once() {
    let ledger = Ledger::new(2);
    let site = Site::here(&ledger);
    site.live(hash(1, false)).await;
    site.live(hash(2, false)).await;
    site.hand.advance(Duration::from_millis(1));
    ledger.edit(1).expect("it lives");
    site.resolver.apply(&Change::Gap);
    for token in [1, 2] {
        assert!(matches!(site.cached(&hash(token, false)), Cached::Stale(Some(_))));
        site.live(hash(token, false)).await;
        assert!(site.is_fresh(&hash(token, false)));
    }
    assert_eq!(generation(&site.live(hash(1, false)).await), 2, "what was missed is seen");
}

#[tokio::test]
async fn entries_are_fetched_ahead_of_need_once() {
    let ledger = Ledger::new(1);
    let site = Site::here(&ledger);
    site.live(hash(1, false)).await;
    assert!(matches!(site.cached(&hash(1, false)), Cached::Fresh { refresh: false, .. }));
    site.hand.advance(TTL / 4 * 3 + Duration::from_millis(1));
    for _ in 0..10 {
        let Cached::Fresh { grant, refresh: true } = site.cached(&hash(1, false)) else { panic!("due") };
        site.resolver.refresh(&grant);
    }
    until(|| matches!(site.cached(&hash(1, false)), Cached::Fresh { refresh: false, .. })).await;
    assert_eq!(ledger.calls(), 2);
}

#[tokio::test]
async fn both_secrets_of_a_token_share_one_bucket() {
    let ledger = Ledger::new(1);
    let site = Site::here(&ledger);
    let (old, new) = (hash(1, true), hash(1, false));
    let earlier = site.live(old).await;
    assert!(matches!(site.charge(&earlier), Charge::Admitted(_)));
    let grant = site.live(new).await;
    assert!(matches!(site.charge(&earlier), Charge::Moved | Charge::AskStore), "its state lives on elsewhere");
    let Cached::Fresh { grant: again, .. } = site.cached(&old) else { panic!("cached") };
    assert!(Arc::ptr_eq(grant.token(), again.token()), "one entry under both");
    let mut admitted = 1;
    for at in 0..SIZE * 3 {
        match site.charge(if at % 2 == 0 { &grant } else { &again }) {
            Charge::Admitted(_) => admitted += 1,
            Charge::Exceeded(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(admitted, SIZE);
}

#[tokio::test]
async fn an_unknown_secret_is_asked_for_again_after_any_change() {
    let ledger = Ledger::new(1);
    let site = Site::here(&ledger);
    let mut known_bad = NegativeCache::new(16, Duration::from_secs(5));
    let (stranger, now) = (hash(9, false), site.clock.mono());
    let epoch = site.resolver.epoch();
    let denial = site.fetch(stranger).await.expect("the store answers").expect_err("unknown");
    known_bad.insert(stranger, denial, now, epoch);
    assert_eq!(known_bad.get(&stranger, now, site.resolver.epoch()), Some(Denial::Unknown));
    assert!(matches!(site.cached(&stranger), Cached::Absent), "strangers are not in the shared cache");
    ledger.put(ledger::record(9, 1));
    site.resolver.apply(&change(9, 1));
    assert_eq!(known_bad.get(&stranger, now, site.resolver.epoch()), None);
    site.live(stranger).await;
}
