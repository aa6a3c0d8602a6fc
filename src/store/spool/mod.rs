//! What keeps activity while the store is away: an [`EventLog`] in front of another one, with a bounded spool on disk.
//!
//! A batch that the store does not take, or not soon, goes to the spool; so does every later one until the spool has been
//! replayed, so that a token's events stay in order. Where the log is strict, every batch goes to the spool first, and
//! from there to the store. What finds the spool full is counted per token, and recorded as a gap once there is room.
//!
//! Below the folder each process holds a slot of its own, `0`, `1` and so on; one that nobody holds any more is taken
//! over and replayed by whoever runs, at its start and every minute.

mod keeping;
mod replaying;
mod slot;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinHandle};

use self::slot::Slot;
use crate::activity::{Durability, Event, EventId, EventLog, Gaps};
use crate::token::{StoreError, StoreFuture, TokenId};

/// How long a batch waits for the store before it goes to the spool.
const PATIENCE: Duration = Duration::from_millis(500);
/// Pause after a replay that the store refused; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a strict log gathers events for one round of replay.
const GATHER: Duration = Duration::from_millis(50);
/// Events of a round that is not waited for more.
const WORTH_SENDING: usize = 500;
/// How often slots are looked for that nobody holds any more.
const ADOPT_EVERY: Duration = Duration::from_secs(60);
/// How often growing gaps are written down.
const SAVE_GAPS_EVERY: Duration = Duration::from_secs(1);
/// How long closing waits for a store that takes what is left.
const LAST_REPLAY: Duration = Duration::from_secs(5);
/// Processes that share a folder.
const MOST_SLOTS: usize = 64;
const LEAST_SEGMENT: u64 = 64 << 10;
const LARGEST_SEGMENT: u64 = 16 << 20;

/// Events out of a spool, to be written once however often they come.
pub(super) struct Replayed {
    /// The spool's name.
    pub(super) source: [u8; 8],
    /// Position in the spool and frame of each, in order.
    pub(super) events: Vec<(u64, Bytes)>,
    /// Whether some may have been written already by [`EventLog::append`].
    pub(super) doubtful: bool,
}

/// A store that takes events out of a spool.
pub(super) trait Replay: Send + Sync {
    /// Writes events; those that an earlier call of the same spool and position has written are left out.
    fn replay(&self, events: Replayed) -> StoreFuture<'_, ()>;
}

/// Counters of the spool.
#[derive(Debug, Default)]
pub(crate) struct SpoolMetrics {
    /// Bytes that wait to be replayed.
    pub(crate) waiting: AtomicU64,
    /// Events written to the spool.
    pub(crate) spooled: AtomicU64,
    /// Events replayed from it.
    pub(crate) replayed: AtomicU64,
    /// Events that found it full.
    pub(crate) overflowed: AtomicU64,
    /// Of these and of lost ones, events of tokens whose gap could not be kept.
    pub(crate) untold: AtomicU64,
    /// Places where it could not be read.
    pub(crate) damaged: AtomicU64,
}

/// Where and how much.
#[derive(Clone, Debug)]
pub(super) struct SpoolOptions {
    pub(super) folder: PathBuf,
    pub(super) max_bytes: u64,
    pub(super) durability: Durability,
}

/// What the replay has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Drained,
    Waiting,
    /// The store refused the last round.
    Refused,
}

/// The log in front of the store's own.
pub(super) struct Spooled {
    inner: Arc<dyn EventLog>,
    shared: Arc<Shared>,
    replaying: AbortHandle,
}

struct Shared {
    options: SpoolOptions,
    slots: Mutex<Slots>,
    gaps: Gaps,
    status: watch::Sender<Status>,
    wake: Notify,
    /// Whether slots that nobody holds are taken over.
    adopting: AtomicBool,
    /// Appends that were not waited for: nothing is replayed while one may still be under way.
    under_way: Mutex<Vec<JoinHandle<()>>>,
    metrics: Arc<SpoolMetrics>,
}

#[derive(Default)]
struct Slots {
    own: Option<Slot>,
    /// Taken over from processes that are gone.
    adopted: Vec<Slot>,
    gaps_saved: Option<Instant>,
    gaps_grew: bool,
    /// Whether the last write failed; told once.
    failing: bool,
}

impl Spooled {
    /// A log whose batches go through a spool in `options.folder`; `replay` writes what comes back from there.
    pub(super) fn start(inner: Arc<dyn EventLog>, replay: Arc<dyn Replay>, options: SpoolOptions) -> Self {
        let shared = Arc::new(Shared {
            options,
            slots: Mutex::default(),
            gaps: Gaps::default(),
            status: watch::Sender::new(Status::Drained),
            wake: Notify::new(),
            adopting: AtomicBool::new(false),
            under_way: Mutex::default(),
            metrics: Arc::default(),
        });
        let replaying = tokio::spawn(Arc::clone(&shared).replay(replay)).abort_handle();
        Self { inner, shared, replaying }
    }

    /// Takes a slot now, and those that dead processes left; for a process that stays.
    pub(super) async fn adopt(&self) -> io::Result<()> {
        self.shared.adopting.store(true, Ordering::Relaxed);
        let take = |shared: &Shared| {
            let taken = shared.take_own(&mut shared.slots());
            taken.and_then(|()| shared.adopt())
        };
        self.shared.blocking(take).await
    }

    /// Counters.
    pub(super) fn metrics(&self) -> &Arc<SpoolMetrics> {
        &self.shared.metrics
    }

    /// Replays what a store that answers takes in a few seconds; the rest waits on the disk.
    pub(super) async fn close(&self) {
        let mut status = self.shared.status.subscribe();
        let ended = status.wait_for(|status| *status != Status::Waiting);
        let in_time = tokio::time::timeout(LAST_REPLAY, ended).await.is_ok();
        self.replaying.abort();
        let waiting = self.shared.metrics.waiting.load(Ordering::Relaxed);
        if !in_time || waiting > 0 {
            tracing::warn!(bytes = waiting, folder = %self.shared.options.folder.display(),
                "activity stays in the spool; it is replayed by the next process that uses this folder");
        }
        let released = self.shared.blocking(Shared::release).await;
        if let Err(error) = released {
            tracing::warn!(%error, "the spool was not closed cleanly");
        }
    }

    async fn append(&self, batch: Bytes) -> Result<(), StoreError> {
        let mut refused = None;
        let straight = *self.shared.status.borrow() == Status::Drained && !self.shared.gaps.any();
        if straight && self.shared.options.durability == Durability::Async {
            match self.offer(batch.clone()).await {
                Ok(()) => return Ok(()),
                Err(error) => refused = Some(error),
            }
        }
        self.shared.keep(batch, refused).await
    }

    /// Offers a batch to the store, for a while.
    async fn offer(&self, batch: Bytes) -> Result<(), StoreError> {
        let inner = Arc::clone(&self.inner);
        let (done, mut outcome) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let appended = inner.append(batch).await;
            // Nobody waits if it took too long.
            let _ = done.send(appended);
        });
        match tokio::time::timeout(PATIENCE, &mut outcome).await {
            Ok(Ok(appended)) => appended,
            Ok(Err(_)) => Err(StoreError::Unavailable("the call ended unexpectedly; see the log".to_owned())),
            Err(_) => {
                self.shared.under_way.lock().unwrap_or_else(PoisonError::into_inner).push(task);
                Err(StoreError::Unavailable(format!("activity was not taken within {} ms", PATIENCE.as_millis())))
            }
        }
    }
}

impl EventLog for Spooled {
    fn append(&self, batch: Bytes) -> StoreFuture<'_, ()> {
        Box::pin(self.append(batch))
    }

    fn page(&self, token: TokenId, skip: usize, take: usize) -> StoreFuture<'_, Vec<Event>> {
        self.inner.page(token, skip, take)
    }

    fn event(&self, token: TokenId, id: EventId) -> StoreFuture<'_, Option<Event>> {
        self.inner.event(token, id)
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        self.replaying.abort();
    }
}

impl Shared {
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Files are written and read on threads that may block.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let shared = Arc::clone(self);
        let joined = tokio::task::spawn_blocking(move || work(&shared)).await;
        joined.unwrap_or_else(|_| Err(io::Error::other("it failed unexpectedly; see the log")))
    }

    fn release(&self) -> io::Result<()> {
        let mut slots = self.slots();
        if slots.gaps_grew {
            self.save_gaps(&mut slots, true);
        }
        let Slots { own, adopted, .. } = std::mem::take(&mut *slots);
        adopted.into_iter().chain(own).try_for_each(Slot::release)
    }
}

impl Slots {
    fn all(&self) -> impl Iterator<Item = &Slot> {
        self.adopted.iter().chain(&self.own)
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.adopted.iter_mut().chain(&mut self.own)
    }

    fn bytes(&self) -> u64 {
        self.all().map(Slot::bytes).sum()
    }

    fn waiting(&self) -> u64 {
        self.all().map(Slot::waiting).sum()
    }
}
