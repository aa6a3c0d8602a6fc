//! This process, as the fleet knows it.

use crate::clock::Timestamp;
use crate::token::Member;

/// One sidecar.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    /// What it announces of itself.
    pub(crate) member: Member,
    /// Kind of its store: `memory`, `file` or `redis`.
    pub(crate) store: &'static str,
}

impl Instance {
    /// This process, which starts now and is reached at `address`.
    pub(crate) fn new(store: &'static str, address: String, now: Timestamp) -> Self {
        let id = uuid::Uuid::new_v4().to_string();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { member: Member { id, address, version, started_at: now, seen_at: now }, store }
    }
}
