//! State that lives beside a cached token, without the cache knowing what it is.

use std::sync::Arc;

use super::{CellAsk, Plan, Resolved};
use crate::clock::{Now, Timestamp};

/// What a token carries while it is cached: its limits. `auth` keeps the cache, `limit` keeps the counts; neither knows
/// the other.
pub trait TokenState: Send + Sync + Sized + 'static {
    /// The state of a token that was not cached, whose look-up began at `asked`. `forgotten` tells that the state of some evicted token could not be kept
    /// for lack of room: then nobody may start with a full allowance, since this token may be the one.
    fn start(resolved: &Resolved, plan: &Arc<Plan>, asked: Now, forgotten: bool) -> Self;

    /// The state of a token whose record was fetched again: what was used up stays used up. `self` is dead afterwards:
    /// whoever still holds it must look the token up again.
    fn succeed(&self, resolved: &Resolved, plan: &Arc<Plan>, asked: Now) -> Self;

    /// Whether forgetting this state would give nobody a fresh allowance at `now`.
    fn is_idle(&self, now: Now) -> bool;

    /// Takes what the look-up brought of a shared bucket, if nobody has spent it [`CELLS_RETURNED_AFTER`] later.
    ///
    /// [`CELLS_RETURNED_AFTER`]: super::CELLS_RETURNED_AFTER
    fn unspent(&self, now: Now) -> Option<Unused>;

    /// Takes what is leased and unused, for returning it to the store.
    fn drain(&self, created_at: Timestamp, now: Now) -> [Option<Unused>; 2];
}

/// Leased calls that were not used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unused {
    /// Of a month quota.
    Month {
        /// The window they were taken from.
        window: super::QuotaWindow,
        /// How many.
        calls: u64,
    },
    /// Of a bucket that the fleet shares.
    Minute(CellAsk),
}
