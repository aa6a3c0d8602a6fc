//! State that lives beside a cached token, without the cache knowing what it is.

use std::sync::Arc;

use super::{Lease, Plan, TokenRecord};
use crate::clock::{Now, Timestamp};

/// What a token carries while it is cached: its limits. `auth` keeps the cache, `limit` keeps the counts; neither knows
/// the other.
pub trait TokenState: Send + Sync + Sized + 'static {
    /// The state of a token that was not cached. `forgotten` tells that the state of some evicted token could not be kept
    /// for lack of room: then nobody may start with a full allowance, since this token may be the one.
    fn start(record: &TokenRecord, plan: &Arc<Plan>, lease: Option<&Lease>, now: Now, forgotten: bool) -> Self;

    /// The state of a token whose record was fetched again: what was used up stays used up. `self` is dead afterwards:
    /// whoever still holds it must look the token up again.
    fn succeed(&self, record: &TokenRecord, plan: &Arc<Plan>, lease: Option<&Lease>, now: Now) -> Self;

    /// Whether forgetting this state would give nobody a fresh allowance at `now`.
    fn is_idle(&self, now: Now) -> bool;

    /// Takes what is leased and unused, for returning it to the store.
    fn drain(&self, created_at: Timestamp, now: Timestamp) -> Option<Unused>;
}

/// Leased calls that were not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unused {
    /// The window they were taken from.
    pub window: super::QuotaWindow,
    /// How many.
    pub calls: u64,
}
