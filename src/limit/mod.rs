//! May they *now*: the minute bucket, the month quota, and the throttle of bad credentials.
//!
//! Order of a charge: month lease first (it can be given back), the bucket's cell last, so that a denied call costs
//! nothing.

mod bucket;
mod charge;
mod fleet;
mod quota;
mod throttle;
mod token;

pub use bucket::{Bucket, BucketState, Exhausted};
pub use charge::{Admission, Charge, Exceeded, LimitKind, Usage};
pub use quota::{MonthLease, MonthState};
pub use throttle::{Throttle, ThrottleConfig};
pub use token::TokenLimits;

use crate::clock::Timestamp;
use crate::token::{CellAsk, CellLease, Lease, MinuteLimit, QuotaWindow, StoreError, StoreFuture, TokenId};

/// How many cells of a shared bucket a look-up leases for a token that was not cached.
pub(crate) fn first_cells(limit: &MinuteLimit) -> u32 {
    fleet::first_want(limit)
}

/// Keeps the month quotas, and the minute buckets that a fleet shares.
pub trait CounterStore: Send + Sync {
    /// Takes up to [`MonthLimit::chunk`](crate::token::MonthLimit::chunk) calls of what is left of `size` in `window`.
    fn reserve(&self, id: TokenId, size: u64, window: QuotaWindow) -> StoreFuture<'_, Lease>;

    /// Returns unused calls to the counter they came from; never below zero.
    fn give_back(&self, id: TokenId, window: QuotaWindow, calls: u64) -> StoreFuture<'_, ()>;

    /// What is used up in the period of `window`, leased calls included.
    fn used(&self, id: TokenId, window: QuotaWindow) -> StoreFuture<'_, QuotaUse>;

    /// Leases and takes back calls of a token's shared bucket. A store that one process holds keeps none: there that
    /// process's own bucket is the fleet's.
    fn cells(&self, id: TokenId, ask: CellAsk) -> StoreFuture<'_, CellLease> {
        let _ = (id, ask);
        Box::pin(async { Err(StoreError::Unavailable("this store keeps no shared buckets".to_owned())) })
    }

    /// Whether the last thing heard of the store is that it answers; asks nothing.
    fn is_reachable(&self) -> bool {
        true
    }
}

/// The state of a month quota in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaUse {
    /// Calls used up, leased ones included.
    pub used: u64,
    /// When calls come free again: the next period, or for a rolling one the moment its oldest charge leaves.
    pub refresh_at: Timestamp,
}
