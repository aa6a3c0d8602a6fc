//! The month quota inside one process: calls leased from the store, spent without asking it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::token::{Lease, QuotaWindow};

/// What is leased of a token's month quota. All numbers are relaxed atomics: one token's requests may run on several
/// cores, and each takes its call with one subtraction.
#[derive(Debug)]
pub struct MonthLease {
    /// Calls in hand; below zero for a moment while a taker backs out.
    in_hand: AtomicI64,
    /// Calls left in the store when the last lease was taken.
    outside: AtomicU64,
    /// When the lease's window ends, milliseconds since the epoch.
    ends_at: AtomicI64,
    /// When calls come free again, milliseconds since the epoch.
    refresh_at: AtomicI64,
    /// Until when an empty quota is believed without asking again, milliseconds since the epoch.
    recheck_at: AtomicI64,
}

/// How long an empty quota is believed: a plan edit or another sidecar's return may make room.
const RECHECK: Duration = Duration::from_secs(5);

/// What a taker learns of the quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MonthState {
    /// A call was taken; so many are left, in hand and in the store. `low` asks for a further lease ahead of need.
    Taken {
        /// Calls left.
        left: u64,
        /// Whether less than half a chunk is in hand while the store has more.
        low: bool,
    },
    /// Nothing in hand: the store has to be asked before the request can go on.
    Ask,
    /// The quota is used up until the given time.
    Empty(Timestamp),
}

impl MonthLease {
    /// Over a first lease, if one was taken.
    pub fn new(lease: Option<&Lease>, now: Timestamp) -> Self {
        let this = Self {
            in_hand: AtomicI64::new(0),
            outside: AtomicU64::new(0),
            ends_at: AtomicI64::new(0),
            refresh_at: AtomicI64::new(0),
            recheck_at: AtomicI64::new(0),
        };
        if let Some(lease) = lease {
            this.add(lease, now);
        }
        this
    }

    /// Takes one call at `now`.
    pub fn take(&self, now: Timestamp) -> MonthState {
        if now.as_millis() >= self.ends_at.load(Ordering::Relaxed) {
            return MonthState::Ask;
        }
        let before = self.in_hand.fetch_sub(1, Ordering::Relaxed);
        if before > 0 {
            let in_hand = (before - 1).unsigned_abs();
            let outside = self.outside.load(Ordering::Relaxed);
            let low = outside > 0 && in_hand <= crate::token::MonthLimit::chunk(outside) / 2;
            return MonthState::Taken { left: in_hand + outside, low };
        }
        self.in_hand.fetch_add(1, Ordering::Relaxed);
        let believed = now.as_millis() < self.recheck_at.load(Ordering::Relaxed);
        if self.outside.load(Ordering::Relaxed) == 0 && believed {
            return MonthState::Empty(Timestamp::from_millis(self.refresh_at.load(Ordering::Relaxed)));
        }
        MonthState::Ask
    }

    /// Puts a taken call back.
    pub fn give_back(&self) {
        self.in_hand.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds what the store granted. A lease of a later window replaces what is left of the earlier one.
    pub fn add(&self, lease: &Lease, now: Timestamp) {
        let granted = i64::try_from(lease.granted).unwrap_or(i64::MAX);
        let ends_at = lease.window.ends_at.as_millis();
        if self.ends_at.swap(ends_at, Ordering::Relaxed) == ends_at {
            self.in_hand.fetch_add(granted, Ordering::Relaxed);
        } else {
            self.in_hand.store(granted, Ordering::Relaxed);
        }
        self.outside.store(lease.remaining, Ordering::Relaxed);
        self.refresh_at.store(lease.refresh_at.as_millis(), Ordering::Relaxed);
        let recheck_at = now.plus(RECHECK).min(lease.refresh_at);
        self.recheck_at.store(recheck_at.as_millis(), Ordering::Relaxed);
    }

    /// Forgets that the quota was empty: its limit has changed.
    pub fn recheck(&self) {
        self.recheck_at.store(0, Ordering::Relaxed);
    }

    /// Empties the hand and tells what was in it, for returning it to the store; `None` if there was nothing to return
    /// or its window is over.
    pub fn drain(&self, window: &QuotaWindow) -> Option<u64> {
        if self.ends_at.load(Ordering::Relaxed) != window.ends_at.as_millis() {
            return None;
        }
        let calls = self.in_hand.swap(0, Ordering::Relaxed);
        u64::try_from(calls).ok().filter(|calls| *calls > 0)
    }

    /// Calls in hand.
    pub fn in_hand(&self) -> u64 {
        u64::try_from(self.in_hand.load(Ordering::Relaxed)).unwrap_or(0)
    }
}
