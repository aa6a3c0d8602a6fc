//! The minute bucket: governor's GCRA over state of our own.
//!
//! The state is one atomic that lives in the cached token; the arithmetic is built around it for each check, which costs
//! a multiplication. So the state can be read and given back, and a plan edit keeps it without being told (a limiter that
//! owned its state would start full).

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter};

use crate::token::MinuteLimit;

/// State of a bucket: the time, in nanoseconds of the process clock, at which it will be full again.
///
/// 0 is a bucket never used, that is, full.
#[derive(Debug, Default)]
pub struct BucketState(AtomicU64);

/// The state of a bucket that lives on elsewhere: every call is refused, and the caller looks the token up again.
pub(super) const MOVED: u64 = u64::MAX / 2;

impl BucketState {
    /// Moves the state into a new cell and leaves this one refusing.
    pub(super) fn succeed(&self) -> Self {
        Self(AtomicU64::new(self.0.swap(MOVED, Ordering::AcqRel)))
    }

    /// When the bucket is full again, in nanoseconds of the process clock.
    pub fn full_at(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl StateStore for &BucketState {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _key: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut known = self.0.load(Ordering::Relaxed);
        loop {
            let (outcome, next) = decide((known != 0).then_some(Nanos::new(known)))?;
            match self.0.compare_exchange_weak(known, next.as_u64(), Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(outcome),
                Err(other) => known = other,
            }
        }
    }
}

/// A governor clock for one check. governor takes its first reading as the zero that states count from, and the second
/// as the time of the check.
#[derive(Debug, Clone)]
struct RequestClock {
    next: Cell<Reading>,
    now: Reading,
}

/// Nanoseconds of the process clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Reading(u64);

impl Clock for RequestClock {
    type Instant = Reading;

    fn now(&self) -> Reading {
        self.next.replace(self.now)
    }
}

impl Reference for Reading {
    fn duration_since(&self, earlier: Self) -> Nanos {
        Nanos::new(self.0.saturating_sub(earlier.0))
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration.as_u64()))
    }
}

impl std::ops::Add<Nanos> for Reading {
    type Output = Self;

    fn add(self, duration: Nanos) -> Self {
        Self(self.0.saturating_add(duration.as_u64()))
    }
}

/// The shape of a token bucket; its state is kept elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    quota: Quota,
    /// Nanoseconds in which one call is given back.
    period: u64,
    size: u32,
}

/// An empty bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    /// Time until the next call is possible.
    pub retry_after: Duration,
}

impl Bucket {
    /// A bucket of this size and refill.
    pub fn new(limit: &MinuteLimit) -> Self {
        let period = limit.period();
        // The period is at least a nanosecond, which is all that governor asks for.
        #[allow(clippy::expect_used)]
        let quota = Quota::with_period(period).expect("a period above zero").allow_burst(limit.size);
        Self { quota, period: u64::try_from(period.as_nanos()).unwrap_or(u64::MAX), size: limit.size.get() }
    }

    /// Takes one call at `now` (nanoseconds of the process clock); returns how many are left.
    ///
    /// # Errors
    /// The bucket is empty; nothing was taken.
    pub fn take(&self, state: &BucketState, now: u64) -> Result<u32, Exhausted> {
        let clock = RequestClock { next: Cell::new(Reading(0)), now: Reading(now) };
        let limiter: RateLimiter<_, _, _, StateInformationMiddleware> = RateLimiter::new(self.quota, state, clock);
        match limiter.check() {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(until) => Err(Exhausted { retry_after: until.wait_time_from(Reading(now)) }),
        }
    }

    /// The state of a bucket that holds this many calls at `now`.
    pub fn holding(&self, calls: u32, now: u64) -> BucketState {
        let missing = u64::from(self.size.saturating_sub(calls));
        BucketState(AtomicU64::new(now.saturating_add(self.period.saturating_mul(missing))))
    }

    /// Gives one call back.
    pub fn give_back(&self, state: &BucketState) {
        let less = |full_at: u64| (full_at != MOVED).then(|| full_at.saturating_sub(self.period));
        // An error means that the state has moved on: there is nothing to give back to.
        let _ = state.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Calls it holds at `now`, fractions cut.
    pub fn remaining(&self, state: &BucketState, now: u64) -> u32 {
        let missing = state.full_at().saturating_sub(now).div_ceil(self.period);
        self.size.saturating_sub(u32::try_from(missing).unwrap_or(u32::MAX))
    }

    /// Nanoseconds in which one call is given back.
    pub fn period(&self) -> u64 {
        self.period
    }

    /// Calls given back in a minute, rounded down, at least 1.
    pub fn per_minute(&self) -> u64 {
        (60_000_000_000 / self.period.max(1)).max(1)
    }

    /// Calls it holds when full.
    pub fn size(&self) -> u32 {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Mode;
    use proptest::prelude::*;
    use std::num::NonZeroU32;

    const SECOND: u64 = 1_000_000_000;

    fn bucket(size: u32, refill_per_second: f64) -> Bucket {
        Bucket::new(&MinuteLimit {
            size: NonZeroU32::new(size).expect("above 0"),
            refill_per_second,
            mode: Mode::Local,
        })
    }

    #[test]
    fn a_bucket_empties_refills_and_names_the_wait() {
        let (bucket, state) = (bucket(3, 0.5), BucketState::default());
        let now = 100 * SECOND;
        assert_eq!((0..3).map(|_| bucket.take(&state, now)).collect::<Vec<_>>(), [Ok(2), Ok(1), Ok(0)]);
        assert_eq!(bucket.take(&state, now), Err(Exhausted { retry_after: Duration::from_secs(2) }));
        assert_eq!(bucket.remaining(&state, now), 0);
        assert_eq!(bucket.take(&state, now + 2 * SECOND), Ok(0));
        assert_eq!(bucket.remaining(&state, now + 8 * SECOND), 3);
        bucket.give_back(&state);
        assert_eq!(bucket.remaining(&state, now + 2 * SECOND), 1);
    }

    #[test]
    fn a_plan_edit_keeps_what_was_used() {
        let state = BucketState::default();
        for _ in 0..10 {
            bucket(10, 1.0).take(&state, SECOND).expect("room");
        }
        assert!(bucket(5, 1.0).take(&state, SECOND).is_err(), "a smaller bucket is not full");
        assert_eq!(bucket(20, 1.0).remaining(&state, SECOND), 10, "a larger one has only its extra room");
    }

    proptest! {
        /// Against a model that counts in fractions of a call: never more than the size plus what time gave back.
        #[test]
        fn it_never_admits_more_than_size_plus_refill(size in 1u32..50, refill in 1u32..100,
                                                      gaps in proptest::collection::vec(0u64..SECOND, 1..200)) {
            let (bucket, state) = (bucket(size, f64::from(refill)), BucketState::default());
            let (start, mut now, mut admitted) = (SECOND, SECOND, 0u64);
            for gap in gaps {
                now += gap;
                let before = bucket.remaining(&state, now);
                match bucket.take(&state, now) {
                    Ok(left) => {
                        admitted += 1;
                        prop_assert!(before >= 1);
                        prop_assert_eq!(left, bucket.remaining(&state, now));
                    }
                    Err(_) => prop_assert_eq!(before, 0),
                }
                let earned = (now - start) / (SECOND / u64::from(refill)) + 1;
                prop_assert!(admitted <= u64::from(size) + earned);
            }
        }
    }
}
