//! What a charge comes to, and what is told of it.

use std::time::Duration;

use crate::clock::Timestamp;

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
    /// Size of the bucket; [`UNLIMITED`](crate::token::UNLIMITED) without one.
    pub minute_size: u64,
    /// Calls used up in it, fractions rounded up.
    pub minute_used: u64,
    /// Calls given back per second; 0 without a bucket.
    pub minute_refill: f64,
    /// When the bucket will be full if nothing more is used.
    pub minute_full_at: Timestamp,
    /// Size of the quota; [`UNLIMITED`](crate::token::UNLIMITED) without one.
    pub month_size: u64,
    /// Calls used up in the period, across the fleet; leases of other sidecars count as used.
    pub month_used: u64,
    /// When calls come free again.
    pub month_refresh_at: Timestamp,
}
