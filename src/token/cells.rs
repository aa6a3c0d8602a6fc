//! Calls of a minute bucket that a fleet shares, as the store leases them.

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use super::MinuteLimit;

/// How long the store holds leased calls for a sidecar, by the store's clock, from its last answer to it.
pub const CELLS_HELD: Duration = Duration::from_secs(5);
/// How long a sidecar spends leased calls, by its own monotonic clock, from the moment it asked. The difference is what a
/// clock may be slow by, and how long a thread may be held up between reading the clock and taking a call.
pub const CELLS_SPENT_WITHIN: Duration = Duration::from_secs(4);
/// When calls that nobody has spent go back, on the same clock: before the store drops them.
pub const CELLS_RETURNED_AFTER: Duration = Duration::from_millis(3_500);

/// One cached token of one sidecar, as the store tells who holds what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellHolder(u64);

impl CellHolder {
    /// A holder that the store has not heard of: 62 random bits.
    pub fn fresh() -> Self {
        Self(uuid::Uuid::new_v4().as_u64_pair().1)
    }

    /// As the store keeps it.
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

/// A sidecar asks for calls, returns some, or both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CellAsk {
    /// Who asks.
    pub holder: CellHolder,
    /// Number of this ask, above those of the holder's earlier ones.
    pub seq: u32,
    /// Number of the last ask whose answer the holder has taken in.
    pub acked: u32,
    /// Calls in hand when it was made.
    pub held: u32,
    /// Calls that were in hand and are returned.
    pub back: u32,
    /// Calls wanted at most.
    pub want: u32,
    /// Calls the bucket holds when full.
    pub size: u32,
    /// Calls given back each second.
    pub refill_per_second: f64,
}

/// The store's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellLease {
    /// Who asked.
    pub holder: CellHolder,
    /// Calls granted.
    pub granted: u32,
    /// Calls left in the bucket after that.
    pub left: u32,
    /// Time until it has one, where none is left.
    pub wait: Duration,
}

impl CellLease {
    /// The return of a holder's first lease, for one that nobody took in.
    pub fn returned(&self, limit: &MinuteLimit) -> CellAsk {
        CellAsk {
            holder: self.holder,
            seq: 2,
            acked: 1,
            held: 0,
            back: self.granted,
            want: 0,
            size: limit.size.get(),
            refill_per_second: limit.refill_per_second,
        }
    }
}

/// What a plan's shared buckets come to in this process.
#[derive(Debug, Default)]
pub struct LimitBooks {
    /// Calls leased and possibly unused: what would be lost for a while if the process died now.
    pub leased: AtomicI64,
    /// Asks that brought calls.
    pub granted: AtomicU64,
    /// Asks that brought none.
    pub empty: AtomicU64,
    /// Asks without an answer.
    pub failed: AtomicU64,
}
