//! The port through which sidecars of one store know of each other.

use std::time::Duration;

use super::StoreFuture;
use crate::clock::Timestamp;

/// Which sidecars share the store, for a view of the fleet. Nothing is decided by it.
pub trait Presence: Send + Sync {
    /// Says that this sidecar is there; to be repeated a few times within [`Member::LIFE`].
    fn announce(&self, member: Member) -> StoreFuture<'_, ()>;

    /// Those that have announced themselves within [`Member::LIFE`], by id, at most [`Member::MOST`]. A store that is not
    /// shared knows only this process.
    fn members(&self) -> StoreFuture<'_, Vec<Member>>;
}

/// One sidecar. Its texts hold no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name, unique in the fleet.
    pub id: String,
    /// Where it is reached.
    pub address: String,
    /// The version it runs.
    pub version: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it last announced itself, by the clock of the store; what is announced here is ignored.
    pub seen_at: Timestamp,
}

impl Member {
    /// How long a member is known after it was last seen.
    pub const LIFE: Duration = Duration::from_secs(60);
    /// The most members told of.
    pub const MOST: usize = 1_024;
}
