//! The limits of one cached token, and one charge against them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use super::bucket::MOVED;
use super::fleet::{Asked, Cell, FleetBucket};
use super::{
    Admission, Bucket, BucketState, Charge, CounterStore, Exceeded, LimitKind, MonthLease, MonthState, QuotaUse, Usage,
};
use crate::clock::{Clock, Now, Timestamp};
use crate::token::{
    Lease, MinuteLimit, Mode, Plan, QuotaWindow, Resolved, StoreError, TokenId, TokenState, UNLIMITED, Unused,
};

/// How often a waiter looks whether a lease has ended.
const LEASE_POLL: Duration = Duration::from_millis(1);

/// Bucket and month lease of a token, with the plan they follow.
#[derive(Debug)]
pub struct TokenLimits {
    minute: Minute,
    month: MonthLease,
    /// Leases begun and ended, counted together: odd while one is being asked for.
    leasing: AtomicU32,
}

// Eight bytes more would cost 32 MiB at a million tokens.
const _: () = assert!(size_of::<TokenLimits>() <= 48);

/// Where the bucket is, and the plan. A million tokens count here: a shared bucket's state is behind a pointer, beside
/// which the plan has no room.
#[derive(Debug)]
enum Minute {
    /// In this process; also where the plan has no bucket.
    Own(Arc<Plan>, BucketState),
    /// In the store.
    Fleet(Box<FleetEntry>),
}

#[derive(Debug)]
struct FleetEntry {
    plan: Arc<Plan>,
    limit: MinuteLimit,
    /// Another entry of the token has taken over.
    moved: AtomicBool,
    bucket: Arc<FleetBucket>,
}

impl TokenLimits {
    /// Takes one call at `now`: the month first, since it can be given back, the bucket last.
    pub fn charge(&self, now: Now) -> Charge {
        if self.has_moved() {
            return Charge::Moved;
        }
        let plan = self.plan();
        let (month, low) = match &plan.month {
            None => (None, false),
            Some(limit) if limit.is_unlimited() => (None, self.month.count()),
            Some(_) => match self.month.take(now.wall) {
                MonthState::Taken { left, refresh_at, low } => (Some((left, refresh_at)), low),
                MonthState::Ask if self.has_moved() => return Charge::Moved,
                MonthState::Ask => return Charge::AskStore,
                MonthState::Empty(until) => return month_is_empty(until, now),
            },
        };
        match &self.minute {
            Minute::Own(plan, bucket) => {
                let Some(limit) = &plan.minute else { return Charge::Admitted(Admission { minute: None, month, low }) };
                match Bucket::new(limit).take(bucket, now.mono) {
                    Ok(left) => {
                        let wait = bucket.full_at().saturating_sub(now.mono).div_ceil(1_000_000_000);
                        Charge::Admitted(Admission { minute: Some((left, wait)), month, low })
                    }
                    Err(_) if bucket.full_at() == MOVED => Charge::Moved,
                    Err(empty) => self.minute_is_empty(empty.retry_after, month),
                }
            }
            Minute::Fleet(entry) => match entry.bucket.take(now.mono) {
                Cell::Taken { left, low: few } => {
                    let minute = Some((left, entry.full_in(left)));
                    Charge::Admitted(Admission { minute, month, low: low || few })
                }
                Cell::Ask => {
                    self.refund_month();
                    if self.has_moved() { Charge::Moved } else { Charge::AskStore }
                }
                Cell::Empty(wait) => self.minute_is_empty(wait, month),
            },
        }
    }

    /// Takes one call without the store, which is away: of a bucket of this process as large as the shared one, and of a
    /// month that later leases make up for. What is known to be used up stays so.
    pub fn charge_alone(&self, now: Now) -> Charge {
        if self.has_moved() {
            return Charge::Moved;
        }
        let month = match &self.plan().month {
            None => None,
            Some(limit) if limit.is_unlimited() => {
                self.month.count();
                None
            }
            Some(_) => match self.month.take(now.wall) {
                MonthState::Taken { left, refresh_at, .. } => Some((left, refresh_at)),
                MonthState::Empty(until) => return month_is_empty(until, now),
                MonthState::Ask => {
                    self.month.count();
                    None
                }
            },
        };
        let Some(limit) = &self.plan().minute else {
            return Charge::Admitted(Admission { minute: None, month, low: false });
        };
        let taken = match &self.minute {
            Minute::Own(_, bucket) => Bucket::new(limit).take(bucket, now.mono),
            Minute::Fleet(entry) => entry.bucket.take_alone(limit, now.mono),
        };
        match taken {
            Ok(left) => {
                let missing = u64::from(limit.size.get() - left);
                let wait = missing.saturating_mul(Bucket::new(limit).period()).div_ceil(1_000_000_000);
                Charge::Admitted(Admission { minute: Some((left, wait)), month, low: false })
            }
            Err(_) if self.has_moved() => Charge::Moved,
            Err(empty) => self.minute_is_empty(empty.retry_after, month),
        }
    }

    /// Whether a limit of the token is kept by the store: without it nobody knows what the fleet has used.
    pub fn needs_store(&self) -> bool {
        matches!(self.minute, Minute::Fleet(_)) || self.plan().month.as_ref().is_some_and(|limit| !limit.is_unlimited())
    }

    /// A refusal by the bucket gives the month its call back.
    fn minute_is_empty(&self, retry_after: Duration, month: Option<(u64, Timestamp)>) -> Charge {
        self.refund_month();
        let month = month.map(|(left, at)| (left + 1, at));
        Charge::Exceeded(Exceeded { limit: LimitKind::Minute, retry_after, month })
    }

    /// Gives the call of an admission back: to the quota only, since the bucket protects the upstream from bursts, which
    /// have happened.
    pub fn refund_month(&self) {
        if self.plan().month.is_some() {
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

    /// Asks the store for what the token runs out of, quota or calls of a shared bucket or both at once, for whoever
    /// [began](Self::begin_lease) it. If the token has left the cache meanwhile, the leases go back: whoever waits finds the
    /// token's next entry.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn lease_more(
        &self,
        counters: &Arc<dyn CounterStore>,
        clock: &Clock,
        (id, created_at): (TokenId, Timestamp),
        has_left: impl Fn() -> bool,
    ) -> Result<(), StoreError> {
        let now = clock.now();
        let month = async {
            match self.plan().month.as_ref().filter(|limit| self.month.needs_more(limit, now.wall)) {
                Some(limit) => {
                    let window = limit.window(created_at, now.wall);
                    counters.reserve(id, limit.size, window).await.map(Some)
                }
                None => Ok(None),
            }
        };
        let minute = async {
            match &self.minute {
                Minute::Own(..) => Ok(()),
                Minute::Fleet(entry) => {
                    let of = Asked { id, plan: &entry.plan, limit: &entry.limit, clock };
                    entry.bucket.ask(counters, &of).await
                }
            }
        };
        let (month, minute) = tokio::join!(month, minute);
        self.end_lease(month.as_ref().ok().and_then(Option::as_ref), now.wall);
        // Succeeded meanwhile: the hand has been moved out, so what came in since belongs to nobody.
        if (has_left() || self.has_moved())
            && let Some(Unused::Month { window, calls }) = self.drain_month(created_at, now.wall)
        {
            counters.give_back(id, window, calls).await?;
        }
        if has_left()
            && let Some(Unused::Minute(back)) = self.drain_minute(clock.mono())
        {
            counters.cells(id, back).await?;
        }
        month.map(drop).and(minute)
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
        match &self.minute {
            Minute::Own(_, bucket) => bucket.full_at() == MOVED,
            Minute::Fleet(entry) => entry.moved.load(Ordering::Acquire),
        }
    }

    /// The plan the token follows.
    pub fn plan(&self) -> &Arc<Plan> {
        match &self.minute {
            Minute::Own(plan, _) => plan,
            Minute::Fleet(entry) => &entry.plan,
        }
    }

    /// What is used up; `month` is the store's view.
    pub fn usage(&self, now: Now, month: Option<QuotaUse>) -> Usage {
        let plan = self.plan();
        let minute = plan.minute.as_ref();
        let (missing, full_in) = match (&self.minute, minute) {
            (_, None) => (0, 0),
            (Minute::Own(_, bucket), Some(limit)) => {
                let left = Bucket::new(limit).remaining(bucket, now.mono);
                (limit.size.get() - left, bucket.full_at().saturating_sub(now.mono))
            }
            (Minute::Fleet(entry), Some(limit)) => {
                let missing = limit.size.get() - entry.bucket.remaining(limit, now.mono);
                (missing, u64::from(missing).saturating_mul(Bucket::new(limit).period()))
            }
        };
        let month_used = month.map_or(0, |month| month.used.saturating_add_signed(-self.month.in_hand(now.wall)));
        Usage {
            minute_size: minute.map_or(UNLIMITED, |limit| u64::from(limit.size.get())),
            minute_used: u64::from(missing),
            minute_refill: minute.map_or(0.0, |limit| limit.refill_per_second),
            minute_full_at: now.wall.plus(Duration::from_nanos(full_in)),
            month_size: plan.month.as_ref().map_or(UNLIMITED, |limit| limit.size),
            month_used,
            month_refresh_at: month.map_or(now.wall, |month| month.refresh_at),
        }
    }

    fn drain_month(&self, created_at: Timestamp, now: Timestamp) -> Option<Unused> {
        let window: QuotaWindow = self.plan().month.as_ref()?.window(created_at, now);
        self.month.drain(&window).map(|calls| Unused::Month { window, calls })
    }

    fn drain_minute(&self, now: u64) -> Option<Unused> {
        match &self.minute {
            Minute::Own(..) => None,
            Minute::Fleet(entry) => entry.bucket.drain(&entry.limit, now).map(Unused::Minute),
        }
    }
}

impl FleetEntry {
    /// Seconds until the bucket is full, with `left` in it.
    fn full_in(&self, left: u32) -> u64 {
        let missing = u64::from(self.limit.size.get().saturating_sub(left));
        // Saturating by definition of the cast.
        (missing as f64 / self.limit.refill_per_second).ceil() as u64
    }
}

impl Minute {
    fn fleet(plan: &Arc<Plan>, limit: MinuteLimit, bucket: Arc<FleetBucket>) -> Self {
        Self::Fleet(Box::new(FleetEntry { plan: Arc::clone(plan), limit, moved: AtomicBool::new(false), bucket }))
    }

    /// A bucket of the store that this process knows nothing of but what the look-up brought.
    fn fresh_fleet(plan: &Arc<Plan>, limit: MinuteLimit, resolved: &Resolved, asked: Now) -> Self {
        let bucket = FleetBucket::new(&plan.books, &limit, resolved.cells.as_ref(), asked.mono);
        Self::fleet(plan, limit, Arc::new(bucket))
    }
}

fn month_is_empty(until: Timestamp, now: Now) -> Charge {
    Charge::Exceeded(Exceeded { limit: LimitKind::Month, retry_after: until.since(now.wall), month: None })
}

/// The bucket of a plan whose bucket the store keeps.
fn shared(plan: &Plan) -> Option<MinuteLimit> {
    plan.minute.filter(|limit| limit.mode == Mode::Hard)
}

fn is_even(count: u32) -> bool {
    count.is_multiple_of(2)
}

impl TokenState for TokenLimits {
    fn start(resolved: &Resolved, plan: &Arc<Plan>, asked: Now, forgotten: bool) -> Self {
        let minute = match (&plan.minute, shared(plan)) {
            (_, Some(limit)) => Minute::fresh_fleet(plan, limit, resolved, asked),
            (Some(limit), None) if forgotten => {
                Minute::Own(Arc::clone(plan), Bucket::new(limit).holding(0, asked.mono))
            }
            _ => Minute::Own(Arc::clone(plan), BucketState::default()),
        };
        let month = MonthLease::default();
        if let Some(lease) = &resolved.lease {
            month.add(lease, asked.wall);
        }
        Self { minute, month, leasing: AtomicU32::new(0) }
    }

    fn succeed(&self, resolved: &Resolved, plan: &Arc<Plan>, asked: Now) -> Self {
        // The bucket first: whoever adds a lease after the hand was moved out sees that it has moved.
        let minute = match (&self.minute, &plan.minute, shared(plan)) {
            (Minute::Own(_, bucket), _, None) => Minute::Own(Arc::clone(plan), bucket.succeed()),
            (Minute::Own(_, bucket), _, Some(limit)) => {
                // The store knows better; nobody spends the old state any more.
                let _ = bucket.succeed();
                Minute::fleet(plan, limit, Arc::new(FleetBucket::new(&plan.books, &limit, None, asked.mono)))
            }
            (Minute::Fleet(entry), _, Some(limit)) => {
                entry.moved.store(true, Ordering::Release);
                Minute::fleet(plan, limit, Arc::clone(&entry.bucket))
            }
            (Minute::Fleet(entry), own, None) => {
                entry.moved.store(true, Ordering::Release);
                let left = entry.bucket.remaining(&entry.limit, asked.mono);
                let state = own.as_ref().map(|limit| Bucket::new(limit).holding(left, asked.mono));
                Minute::Own(Arc::clone(plan), state.unwrap_or_default())
            }
        };
        let month = self.month.succeed();
        if let Some(lease) = &resolved.lease {
            month.add(lease, asked.wall);
        }
        Self { minute, month, leasing: AtomicU32::new(0) }
    }

    fn is_idle(&self, now: Now) -> bool {
        match &self.minute {
            Minute::Own(_, bucket) => bucket.full_at() <= now.mono,
            // The store remembers.
            Minute::Fleet(_) => true,
        }
    }

    fn unspent(&self, now: Now) -> Option<Unused> {
        match &self.minute {
            Minute::Own(..) => None,
            Minute::Fleet(entry) => entry.bucket.unspent(&entry.limit, now.mono).map(Unused::Minute),
        }
    }

    fn drain(&self, created_at: Timestamp, now: Now) -> [Option<Unused>; 2] {
        [self.drain_month(created_at, now.wall), self.drain_minute(now.mono)]
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
        let plan =
            Arc::new(Plan { name: "p".into(), index: 0, books: Arc::default(), minute: None, month: Some(month) });
        let empty = |bucket| TokenLimits {
            minute: Minute::Own(Arc::clone(&plan), bucket),
            month: MonthLease::default(),
            leasing: AtomicU32::new(0),
        };
        let (till, at) = (Arc::new(Till::default()), Timestamp::from_millis(86_400_000));
        let counters: Arc<dyn CounterStore> = till.clone();
        let (clock, _hand) = Clock::manual(at);
        let now = clock.now();
        let old = empty(BucketState::default());
        assert!(matches!(old.charge(now), Charge::AskStore));
        let Minute::Own(_, bucket) = &old.minute else { panic!("no shared bucket") };
        let new = empty(bucket.succeed());
        assert!(matches!(old.charge(now), Charge::Moved), "whoever holds the old entry looks the token up again");
        let id = TokenId::random(1, Timestamp::system());
        old.lease_more(&counters, &clock, (id, at), || false).await.expect("answered");
        assert_eq!(till.0.load(Ordering::Relaxed), 0, "the lease went back");
        new.lease_more(&counters, &clock, (id, at), || false).await.expect("answered");
        assert!(matches!(new.charge(now), Charge::Admitted(_)));
        assert_eq!(till.0.load(Ordering::Relaxed), 10);
    }

    #[tokio::test]
    async fn who_waits_for_a_lease_does_not_wait_for_the_next_one() {
        let plan = Arc::new(Plan { name: "p".into(), index: 0, books: Arc::default(), minute: None, month: None });
        let (bucket, month) = (BucketState::default(), MonthLease::default());
        let limits = TokenLimits { minute: Minute::Own(plan, bucket), month, leasing: AtomicU32::new(0) };
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
