//! May they *now*: the minute bucket, the month quota, and the throttle of bad credentials.
//!
//! Order of a charge: month lease first (it can be given back), the bucket's cell last, so that a denied call costs
//! nothing.

mod bucket;
mod quota;
mod throttle;
mod token;

pub use bucket::{Bucket, BucketState, Exhausted};
pub use quota::{MonthLease, MonthState};
pub use throttle::{Throttle, ThrottleConfig};
pub use token::{Admission, Charge, Exceeded, LimitKind, TokenLimits, Usage};

use crate::clock::Timestamp;
use crate::token::{Lease, QuotaWindow, StoreFuture, TokenId};

/// Keeps the month quotas.
pub trait CounterStore: Send + Sync {
    /// Takes up to [`MonthLimit::chunk`](crate::token::MonthLimit::chunk) calls of what is left of `size` in `window`.
    fn reserve(&self, id: TokenId, size: u64, window: QuotaWindow) -> StoreFuture<'_, Lease>;

    /// Returns unused calls to the counter they came from; never below zero.
    fn give_back(&self, id: TokenId, window: QuotaWindow, calls: u64) -> StoreFuture<'_, ()>;

    /// What is used up in the period of `window`, leased calls included.
    fn used(&self, id: TokenId, window: QuotaWindow) -> StoreFuture<'_, QuotaUse>;
}

/// The state of a month quota in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaUse {
    /// Calls used up, leased ones included.
    pub used: u64,
    /// When calls come free again: the next period, or for a rolling one the moment its oldest charge leaves.
    pub refresh_at: Timestamp,
}
