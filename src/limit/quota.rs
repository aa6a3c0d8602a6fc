//! The month quota inside one process: calls leased from the store, spent without asking it.

use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};

use crate::clock::Timestamp;
use crate::token::{Lease, MonthLimit, QuotaWindow};

/// How long an empty quota is believed, in seconds: a plan edit or another sidecar's return may make room.
const RECHECK_SECONDS: u32 = 5;
/// Calls in hand below which a counted quota asks for a further lease.
const COUNTED_LOW: i64 = 500;

/// What is leased of a token's month quota. All numbers are relaxed atomics: one token's requests may run on several
/// cores, and each takes its call with one subtraction. Times are whole seconds since the epoch, rounded down (a lease
/// ends up to a second early, never late).
#[derive(Debug, Default)]
pub struct MonthLease {
    /// Calls in hand; below zero for a moment while a taker backs out.
    in_hand: AtomicI32,
    /// When the lease's window ends.
    ends_at: AtomicU32,
    /// When calls come free again.
    refresh_at: AtomicU32,
    /// Until when an empty quota is believed without asking again.
    recheck_at: AtomicU32,
    /// Calls left in the store when the last lease was taken.
    outside: AtomicU64,
}

/// What a taker learns of the quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MonthState {
    /// A call was taken.
    Taken {
        /// Calls left, in hand and in the store.
        left: u64,
        /// When calls come free again.
        refresh_at: Timestamp,
        /// Whether a further lease should be asked for, ahead of need.
        low: bool,
    },
    /// Nothing in hand: the store has to be asked before the request can go on.
    Ask,
    /// The quota is used up until the given time.
    Empty(Timestamp),
}

impl MonthLease {
    /// Takes one call at `now`.
    pub fn take(&self, now: Timestamp) -> MonthState {
        let now = seconds(now);
        if now >= self.ends_at.load(Ordering::Relaxed) {
            return MonthState::Ask;
        }
        let refresh_at = Timestamp::from_millis(i64::from(self.refresh_at.load(Ordering::Relaxed)) * 1000);
        let before = self.in_hand.fetch_sub(1, Ordering::Relaxed);
        if before > 0 {
            let in_hand = u64::from((before - 1).unsigned_abs());
            let outside = self.outside.load(Ordering::Relaxed);
            let low = outside > 0 && in_hand <= MonthLimit::chunk(outside) / 2;
            return MonthState::Taken { left: in_hand + outside, refresh_at, low };
        }
        self.in_hand.fetch_add(1, Ordering::Relaxed);
        let believed = now < self.recheck_at.load(Ordering::Relaxed);
        if self.outside.load(Ordering::Relaxed) == 0 && believed {
            MonthState::Empty(refresh_at)
        } else {
            MonthState::Ask
        }
    }

    /// Counts one call of a quota that never refuses; tells whether a further lease should be asked for. What is counted
    /// while the store is away is made up for by later leases.
    pub(super) fn count(&self) -> bool {
        i64::from(self.in_hand.fetch_sub(1, Ordering::Relaxed)) <= COUNTED_LOW
    }

    /// Whether a further lease should be asked for, ahead of need or in need.
    pub(super) fn needs_more(&self, limit: &MonthLimit, now: Timestamp) -> bool {
        let now = seconds(now);
        if now >= self.ends_at.load(Ordering::Relaxed) {
            return true;
        }
        let (in_hand, outside) =
            (i64::from(self.in_hand.load(Ordering::Relaxed)), self.outside.load(Ordering::Relaxed));
        if limit.is_unlimited() {
            in_hand <= COUNTED_LOW
        } else if outside > 0 {
            in_hand <= i64::try_from(MonthLimit::chunk(outside) / 2).unwrap_or(i64::MAX)
        } else {
            in_hand <= 0 && now >= self.recheck_at.load(Ordering::Relaxed)
        }
    }

    /// Puts a taken call back.
    pub fn give_back(&self) {
        self.in_hand.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds what the store granted. A lease of another window replaces what is left of the earlier one.
    pub fn add(&self, lease: &Lease, now: Timestamp) {
        let granted = i32::try_from(lease.granted).unwrap_or(i32::MAX / 2);
        let ends_at = seconds(lease.window.ends_at);
        if self.ends_at.swap(ends_at, Ordering::Relaxed) == ends_at {
            self.in_hand.fetch_add(granted, Ordering::AcqRel);
        } else {
            self.in_hand.swap(granted, Ordering::AcqRel);
        }
        self.outside.store(lease.remaining, Ordering::Relaxed);
        self.refresh_at.store(seconds(lease.refresh_at), Ordering::Relaxed);
        self.recheck_at.store(seconds(now).saturating_add(RECHECK_SECONDS), Ordering::Relaxed);
    }

    /// Moves everything into a new lease cell and leaves this one empty and asking.
    pub(super) fn succeed(&self) -> Self {
        let in_hand = self.in_hand.swap(0, Ordering::AcqRel);
        // A taker of this cell is sent back to the cache instead of being refused.
        self.recheck_at.store(0, Ordering::Relaxed);
        Self {
            in_hand: AtomicI32::new(in_hand),
            ends_at: AtomicU32::new(self.ends_at.load(Ordering::Relaxed)),
            refresh_at: AtomicU32::new(self.refresh_at.load(Ordering::Relaxed)),
            recheck_at: AtomicU32::new(0),
            outside: AtomicU64::new(self.outside.load(Ordering::Relaxed)),
        }
    }

    /// Empties the hand and tells what was in it, for returning it to the store; `None` if there was nothing or its
    /// window is over.
    pub(super) fn drain(&self, window: &QuotaWindow) -> Option<u64> {
        if self.ends_at.load(Ordering::Relaxed) != seconds(window.ends_at) {
            return None;
        }
        let calls = self.in_hand.swap(0, Ordering::Relaxed);
        u64::try_from(calls).ok().filter(|calls| *calls > 0)
    }

    /// Calls in hand at `now`, below zero where more were counted than leased; 0 once the window is over.
    pub fn in_hand(&self, now: Timestamp) -> i64 {
        if seconds(now) >= self.ends_at.load(Ordering::Relaxed) {
            return 0;
        }
        i64::from(self.in_hand.load(Ordering::Relaxed))
    }
}

/// Whole seconds since the epoch; good until 2106.
fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_millis().max(0) / 1000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lease(granted: u64, remaining: u64, ends_at: i64) -> Lease {
        let ends_at = Timestamp::from_millis(ends_at);
        let window = QuotaWindow { kind: b'c', bucket: 1, span: 1, ends_at };
        Lease { granted, remaining, window, refresh_at: ends_at }
    }

    #[test]
    fn a_lease_is_spent_then_the_store_is_asked_then_believed() {
        let (month, now) = (MonthLease::default(), Timestamp::from_millis(10_000));
        assert_eq!(month.take(now), MonthState::Ask);
        month.add(&lease(2, 1, 100_000), now);
        assert!(matches!(month.take(now), MonthState::Taken { left: 2, .. }));
        assert!(matches!(month.take(now), MonthState::Taken { left: 1, low: true, .. }));
        assert_eq!(month.take(now), MonthState::Ask);
        month.add(&lease(0, 0, 100_000), now);
        assert_eq!(month.take(now), MonthState::Empty(Timestamp::from_millis(100_000)));
        assert_eq!(month.take(Timestamp::from_millis(16_000)), MonthState::Ask, "asked again after a while");
        assert_eq!(month.take(Timestamp::from_millis(100_000)), MonthState::Ask, "a new period");
    }

    proptest! {
        /// Whatever the order of takes, returns, further leases and successions: calls out = calls in.
        #[test]
        fn calls_are_neither_made_nor_lost(steps in proptest::collection::vec(0u8..4, 1..200)) {
            let now = Timestamp::from_millis(10_000);
            let mut month = MonthLease::default();
            let (mut granted, mut taken) = (0u64, 0u64);
            for step in steps {
                match step {
                    0 => { month.add(&lease(3, 50, 100_000), now); granted += 3; }
                    1 => if matches!(month.take(now), MonthState::Taken { .. }) { taken += 1; },
                    2 if taken > 0 => { month.give_back(); taken -= 1; }
                    3 => {
                        let next = month.succeed();
                        prop_assert_eq!(month.take(now), MonthState::Ask);
                        month = next;
                    }
                    _ => {}
                }
                prop_assert_eq!(month.in_hand(now), i64::try_from(granted - taken).expect("small"));
            }
        }
    }
}
