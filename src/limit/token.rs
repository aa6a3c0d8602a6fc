//! The limits of one cached token, and one charge against them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::bucket::MOVED;
use super::{Bucket, BucketState, CounterStore, MonthLease, MonthState, QuotaUse};
use crate::clock::{Now, Timestamp};
use crate::token::{Lease, Plan, StoreError, TokenId, TokenRecord, TokenState, UNLIMITED, Unused};

/// How often a waiter looks whether a lease has ended.
const LEASE_POLL: Duration = Duration::from_millis(1);

/// Bucket and month lease of a token, with the plan they follow.
#[derive(Debug)]
pub struct TokenLimits {
    plan: Arc<Plan>,
    bucket: BucketState,
    month: MonthLease,
    /// Leases begun and ended, counted together: odd while one is being asked for.
    leasing: AtomicU32,
}

/// What a charge came to.
#[derive(Debug)]
pub enum Charge {
    /// One call was taken from bucket and quota.
    Admitted(Admission),
    /// A limit is used up; nothing was taken.
    Exceeded(Exceeded),
    /// Nothing is leased: the store has to be asked for more first.
    AskStore,
    /// The token was changed meanwhile: look it up again.
    Moved,
}

/// Proof that a request may pass now. Made only by a charge, or for a request without a token.
#[derive(Debug)]
pub struct Admission {
    /// Calls left in the bucket, and seconds until it is full.
    pub(crate) minute: Option<(u32, u64)>,
    /// Calls left of the quota, and when calls come free again.
    pub(crate) month: Option<(u64, Timestamp)>,
    /// Whether a further lease should be asked for, ahead of need.
    pub(crate) low: bool,
}

impl Admission {
    /// Of a request that no token is charged for: public routes and preflights.
    pub fn free() -> Self {
        Self { minute: None, month: None, low: false }
    }

    /// Calls left in the bucket and seconds until it is full; `None` without a bucket.
    pub fn minute(&self) -> Option<(u32, u64)> {
        self.minute
    }

    /// Calls left of the month quota and when calls come free again; `None` without a quota.
    pub fn month(&self) -> Option<(u64, Timestamp)> {
        self.month
    }
}

/// Which limit refused, and when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// The limit.
    pub limit: LimitKind,
    /// Time until a call is possible again.
    pub retry_after: Duration,
    /// Calls left of the month quota, where it was not the month that refused.
    pub month: Option<(u64, Timestamp)>,
}

/// The kinds of limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// The bucket.
    Minute,
    /// The quota.
    Month,
}

/// A read-only view of a token's limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Size of the bucket; [`UNLIMITED`] without one.
    pub minute_size: u64,
    /// Calls used up in it, fractions rounded up.
    pub minute_used: u64,
    /// Calls given back per second; 0 without a bucket.
    pub minute_refill: f64,
    /// When the bucket will be full if nothing more is used.
    pub minute_full_at: Timestamp,
    /// Size of the quota; [`UNLIMITED`] without one.
    pub month_size: u64,
    /// Calls used up in the period, across the fleet; leases of other sidecars count as used.
    pub month_used: u64,
    /// When calls come free again.
    pub month_refresh_at: Timestamp,
}

impl TokenLimits {
    /// Takes one call at `now`: the month first, since it can be given back, the bucket last.
    pub fn charge(&self, now: Now) -> Charge {
        if self.has_moved() {
            return Charge::Moved;
        }
        let (month, low) = match &self.plan.month {
            None => (None, false),
            Some(limit) if limit.is_unlimited() => (None, self.month.count()),
            Some(_) => match self.month.take(now.wall) {
                MonthState::Taken { left, refresh_at, low } => (Some((left, refresh_at)), low),
                MonthState::Ask if self.has_moved() => return Charge::Moved,
                MonthState::Ask => return Charge::AskStore,
                MonthState::Empty(until) => {
                    let retry_after = until.since(now.wall);
                    return Charge::Exceeded(Exceeded { limit: LimitKind::Month, retry_after, month: None });
                }
            },
        };
        let Some(limit) = &self.plan.minute else { return Charge::Admitted(Admission { minute: None, month, low }) };
        match Bucket::new(limit).take(&self.bucket, now.mono) {
            Ok(left) => {
                let wait = self.bucket.full_at().saturating_sub(now.mono).div_ceil(1_000_000_000);
                Charge::Admitted(Admission { minute: Some((left, wait)), month, low })
            }
            Err(_) if self.bucket.full_at() == MOVED => Charge::Moved,
            Err(empty) => {
                if self.plan.month.is_some() {
                    self.month.give_back();
                }
                let month = month.map(|(left, at)| (left + 1, at));
                Charge::Exceeded(Exceeded { limit: LimitKind::Minute, retry_after: empty.retry_after, month })
            }
        }
    }

    /// Gives the call of an admission back: to the quota only, since the bucket protects the upstream from bursts, which
    /// have happened.
    pub fn refund_month(&self) {
        if self.plan.month.is_some() {
            self.month.give_back();
        }
    }

    /// Claims the right to ask the store for a further lease; one asks at a time.
    pub fn begin_lease(&self) -> bool {
        self.leasing
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |count| is_even(count).then(|| count.wrapping_add(1)))
            .is_ok()
    }

    /// Waits for the lease that is being asked for now, if one is, and for no later one: near the end of a quota there is
    /// always a next one.
    pub async fn lease_ended(&self) {
        let asked = self.leasing.load(Ordering::Acquire);
        while !is_even(asked) && self.leasing.load(Ordering::Acquire) == asked {
            tokio::time::sleep(LEASE_POLL).await;
        }
    }

    /// Takes a further lease of the token from the store, for whoever [began](Self::begin_lease) it. If the token has left
    /// the cache meanwhile, the lease goes back: whoever waits finds the token's next entry.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn lease_more(
        &self,
        counters: &dyn CounterStore,
        (id, created_at): (TokenId, Timestamp),
        now: Timestamp,
        has_left: impl Fn() -> bool,
    ) -> Result<(), StoreError> {
        let Some(limit) = &self.plan.month else { return Ok(()) };
        let lease = counters.reserve(id, limit.size, limit.window(created_at, now)).await;
        self.end_lease(lease.as_ref().ok(), now);
        // Succeeded meanwhile: the hand has been moved out, so what came in since belongs to nobody.
        if (has_left() || self.has_moved())
            && let Some(unused) = self.drain(created_at, now)
        {
            counters.give_back(id, unused.window, unused.calls).await?;
        }
        lease.map(drop)
    }

    /// Ends what [`begin_lease`](Self::begin_lease) began, with what was granted.
    pub fn end_lease(&self, lease: Option<&Lease>, now: Timestamp) {
        if let Some(lease) = lease {
            self.month.add(lease, now);
        }
        self.leasing.fetch_add(1, Ordering::Release);
    }

    /// Whether another entry of the token has taken over.
    fn has_moved(&self) -> bool {
        self.bucket.full_at() == MOVED
    }

    /// The plan the token follows.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// What is used up; `month` is the store's view.
    pub fn usage(&self, now: Now, month: Option<QuotaUse>) -> Usage {
        let minute = self.plan.minute.as_ref();
        let missing = minute.map_or(0, |limit| {
            let bucket = Bucket::new(limit);
            u64::from(bucket.size() - bucket.remaining(&self.bucket, now.mono))
        });
        let full_in = Duration::from_nanos(self.bucket.full_at().saturating_sub(now.mono));
        let month_used = month.map_or(0, |month| month.used.saturating_add_signed(-self.month.in_hand(now.wall)));
        Usage {
            minute_size: minute.map_or(UNLIMITED, |limit| u64::from(limit.size.get())),
            minute_used: missing,
            minute_refill: minute.map_or(0.0, |limit| limit.refill_per_second),
            minute_full_at: now.wall.plus(full_in),
            month_size: self.plan.month.as_ref().map_or(UNLIMITED, |limit| limit.size),
            month_used,
            month_refresh_at: month.map_or(now.wall, |month| month.refresh_at),
        }
    }
}

fn is_even(count: u32) -> bool {
    count.is_multiple_of(2)
}

impl TokenState for TokenLimits {
    fn start(_: &TokenRecord, plan: &Arc<Plan>, lease: Option<&Lease>, now: Now, forgotten: bool) -> Self {
        let bucket = match &plan.minute {
            Some(limit) if forgotten => Bucket::new(limit).empty_at(now.mono),
            _ => BucketState::default(),
        };
        let month = MonthLease::default();
        if let Some(lease) = lease {
            month.add(lease, now.wall);
        }
        Self { plan: Arc::clone(plan), bucket, month, leasing: AtomicU32::new(0) }
    }

    fn succeed(&self, _: &TokenRecord, plan: &Arc<Plan>, lease: Option<&Lease>, now: Now) -> Self {
        // The bucket first: whoever adds a lease after the hand was moved out sees that it has moved.
        let bucket = self.bucket.succeed();
        let month = self.month.succeed();
        if let Some(lease) = lease {
            month.add(lease, now.wall);
        }
        Self { plan: Arc::clone(plan), bucket, month, leasing: AtomicU32::new(0) }
    }

    fn is_idle(&self, now: Now) -> bool {
        self.bucket.full_at() <= now.mono
    }

    fn drain(&self, created_at: Timestamp, now: Timestamp) -> Option<Unused> {
        let window = self.plan.month.as_ref()?.window(created_at, now);
        self.month.drain(&window).map(|calls| Unused { window, calls })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::CounterStore;
    use crate::token::{Anchor, MonthLimit, QuotaWindow, StoreFuture};
    use std::sync::atomic::AtomicU64;

    /// Grants ten calls at a time and counts what is out.
    #[derive(Default)]
    struct Till(AtomicU64);

    impl CounterStore for Till {
        fn reserve(&self, _: TokenId, size: u64, window: QuotaWindow) -> StoreFuture<'_, Lease> {
            let used = self.0.fetch_add(10, Ordering::Relaxed) + 10;
            Box::pin(
                async move { Ok(Lease { granted: 10, remaining: size - used, window, refresh_at: window.ends_at }) },
            )
        }

        fn give_back(&self, _: TokenId, _: QuotaWindow, calls: u64) -> StoreFuture<'_, ()> {
            self.0.fetch_sub(calls, Ordering::Relaxed);
            Box::pin(async { Ok(()) })
        }

        fn used(&self, _: TokenId, window: QuotaWindow) -> StoreFuture<'_, QuotaUse> {
            let used = self.0.load(Ordering::Relaxed);
            Box::pin(async move { Ok(QuotaUse { used, refresh_at: window.ends_at }) })
        }
    }

    #[tokio::test]
    async fn an_entry_that_was_succeeded_takes_no_lease_with_it() {
        let month = MonthLimit { size: 1_000, anchor: Anchor::TokenStart };
        let plan = Arc::new(Plan { name: "p".into(), index: 0, minute: None, month: Some(month) });
        let empty = |bucket| TokenLimits {
            plan: Arc::clone(&plan),
            bucket,
            month: MonthLease::default(),
            leasing: AtomicU32::new(0),
        };
        let (till, at) = (Till::default(), Timestamp::from_millis(86_400_000));
        let now = Now { mono: 1, wall: at };
        let old = empty(BucketState::default());
        assert!(matches!(old.charge(now), Charge::AskStore));
        let new = empty(old.bucket.succeed());
        assert!(matches!(old.charge(now), Charge::Moved), "whoever holds the old entry looks the token up again");
        let id = TokenId::random(1, Timestamp::system());
        old.lease_more(&till, (id, at), at, || false).await.expect("answered");
        assert_eq!(till.0.load(Ordering::Relaxed), 0, "the lease went back");
        new.lease_more(&till, (id, at), at, || false).await.expect("answered");
        assert!(matches!(new.charge(now), Charge::Admitted(_)));
        assert_eq!(till.0.load(Ordering::Relaxed), 10);
    }

    #[tokio::test]
    async fn who_waits_for_a_lease_does_not_wait_for_the_next_one() {
        let plan = Arc::new(Plan { name: "p".into(), index: 0, minute: None, month: None });
        let (bucket, month) = (BucketState::default(), MonthLease::default());
        let limits = TokenLimits { plan, bucket, month, leasing: AtomicU32::new(0) };
        limits.lease_ended().await;
        assert!(limits.begin_lease());
        assert!(!limits.begin_lease(), "one asks at a time");
        let waiting = limits.lease_ended();
        tokio::pin!(waiting);
        let pending = tokio::time::timeout(LEASE_POLL * 3, &mut waiting).await;
        assert!(pending.is_err(), "the lease is still being asked for");
        limits.end_lease(None, Timestamp::from_millis(0));
        assert!(limits.begin_lease(), "another one asks at once");
        waiting.await;
        assert!(!limits.begin_lease(), "the next lease is still being asked for");
    }
}
