//! What happened, off the hot path: one event for every request that resolved to a token.

mod event;
mod frame;
mod gaps;
mod recorder;

pub use event::{Event, EventId, EventIds, EventKind, EventRef};
pub use frame::{FrameHead, Frames, InvalidFrame};
pub use gaps::{GapFrames, Gaps};
pub use recorder::{Kept, Outlet, Recorder, RecorderMetrics, RecorderOptions};

use std::time::Duration;

use bytes::Bytes;

use crate::token::{StoreFuture, TokenId};

/// Keeps activity events.
pub trait EventLog: Send + Sync {
    /// Appends a batch of framed events (see [`Frames`]), in one write as far as the store can, and with them each
    /// token's last use. Opened as [`Durability::Strict`], the log answers once the batch is on a disk.
    fn append(&self, batch: Bytes) -> StoreFuture<'_, ()>;

    /// Up to `take` events of a token after skipping `skip`, newest first; empty beyond the end. Events older than
    /// [`Retention::max_age`] or beyond [`Retention::per_token`] are not shown.
    fn page(&self, token: TokenId, skip: usize, take: usize) -> StoreFuture<'_, Vec<Event>>;

    /// One event of a token.
    fn event(&self, token: TokenId, id: EventId) -> StoreFuture<'_, Option<Event>>;
}

/// When an event is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Durability {
    /// Soon after the answer: a killed process loses what waits for its batch.
    #[default]
    Async,
    /// Before the answer leaves: on the disk of this machine.
    Strict,
}

/// How much activity is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Events per token.
    pub per_token: usize,
    /// Age of an event.
    pub max_age: Duration,
    /// Bytes of all activity on disk (embedded store only; whole segments are dropped, oldest first).
    pub max_bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { per_token: 1_000, max_age: Duration::from_secs(90 * 86_400), max_bytes: 4 << 30 }
    }
}
