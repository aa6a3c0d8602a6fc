//! This process, as the fleet knows it.

use crate::clock::Timestamp;

/// One sidecar.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    /// Drawn at its start.
    pub(crate) id: uuid::Uuid,
    /// When it started.
    pub(crate) started_at: Timestamp,
    /// Kind of its store: `memory`, `file` or `redis`.
    pub(crate) store: &'static str,
}

impl Instance {
    /// This process, which starts now.
    pub(crate) fn new(store: &'static str, now: Timestamp) -> Self {
        Self { id: uuid::Uuid::new_v4(), started_at: now, store }
    }
}
