//! What keeps activity while the store is away: an [`EventLog`] in front of another one, with a bounded spool on disk.
//!
//! A batch that the store does not take, or not soon, goes to the spool; so does every later one until the spool has been
//! replayed, so that a token's events stay in order. Where the log is strict, every batch goes to the spool first, and
//! from there to the store. What finds the spool full is counted per token, and recorded as a gap once there is room.
//!
//! Below the folder each process holds a slot of its own, `0`, `1` and so on; one that nobody holds any more is taken
//! over and replayed by whoever runs, at its start and every minute.

mod slot;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinHandle};

use self::slot::{Chunk, Slot, in_order};
use crate::activity::{Durability, Event, EventId, EventLog, Frames, Gaps};
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

    /// Puts a batch on the disk. `refused` is why the store did not take it, which leaves in doubt whether it has.
    async fn keep(self: &Arc<Self>, batch: Bytes, refused: Option<StoreError>) -> Result<(), StoreError> {
        let doubtful = refused.is_some();
        let kept = self.blocking(move |shared| Ok(shared.put(&batch, doubtful))).await;
        match kept {
            Ok(Ok(())) => {
                self.wake.notify_one();
                Ok(())
            }
            // Without a slot nothing is counted here: whoever calls still has the batch.
            Ok(Err(NotKept::NoSlot(error))) => {
                let text = format!("the spool in {} cannot be used: {error}", self.options.folder.display());
                Err(refused.unwrap_or(StoreError::Unavailable(text)))
            }
            Ok(Err(NotKept::Full(cause))) => Err(StoreError::Full(cause)),
            Err(error) => Err(StoreError::Unavailable(format!("writing to the spool: {error}"))),
        }
    }

    fn put(&self, batch: &[u8], doubtful: bool) -> Result<(), NotKept> {
        let mut slots = self.slots();
        self.take_own(&mut slots).map_err(NotKept::NoSlot)?;
        let gaps = self.gaps.any().then(|| self.gaps.frames());
        let mut frames = gaps.as_ref().map(|gaps| gaps.frames.clone()).unwrap_or_default();
        frames.extend_from_slice(&in_order(batch));
        let events = Frames::new(batch).count() as u64;
        let used = slots.bytes() + frames.len() as u64 + 20 * Frames::new(&frames).count() as u64;
        let written = match &mut slots.own {
            _ if used > self.options.max_bytes => Err(io::ErrorKind::QuotaExceeded.into()),
            Some(own) => own.append(&frames, doubtful),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        match written {
            Ok(()) => {
                slots.failing = false;
                self.metrics.spooled.fetch_add(events, Ordering::Relaxed);
                if let Some(gaps) = gaps {
                    self.gaps.recorded(&gaps);
                    self.save_gaps(&mut slots, true);
                }
                self.metrics.waiting.store(slots.waiting(), Ordering::Relaxed);
                self.status.send_if_modified(|status| {
                    let drained = *status == Status::Drained;
                    if drained {
                        *status = Status::Waiting;
                    }
                    drained
                });
                Ok(())
            }
            Err(error) => Err(self.overflow(&mut slots, batch, events, &error)),
        }
    }

    /// Counts a batch that is lost; the newest is given up, what lies on the disk never.
    fn overflow(&self, slots: &mut Slots, batch: &[u8], events: u64, error: &io::Error) -> NotKept {
        let cause = match error.kind() {
            io::ErrorKind::QuotaExceeded => format!("the spool holds {} bytes (activity.spool)", slots.bytes()),
            _ => format!("the spool in {} cannot be written: {error}", self.options.folder.display()),
        };
        if !std::mem::replace(&mut slots.failing, true) {
            tracing::error!(cause, "activity is lost; each token's gap is recorded when there is room again");
        }
        self.metrics.overflowed.fetch_add(events, Ordering::Relaxed);
        self.gaps.note(batch);
        self.metrics.untold.store(self.gaps.beyond(), Ordering::Relaxed);
        self.save_gaps(slots, false);
        NotKept::Full(cause)
    }

    /// Writes down what is missing, so that a kill does not make it unknown; not more often than it is worth.
    fn save_gaps(&self, slots: &mut Slots, now: bool) {
        slots.gaps_grew = true;
        if !now && slots.gaps_saved.is_some_and(|at| at.elapsed() < SAVE_GAPS_EVERY) {
            return;
        }
        let Some(path) = slots.own.as_ref().map(Slot::gaps_path) else { return };
        (slots.gaps_saved, slots.gaps_grew) = (Some(Instant::now()), false);
        if let Err(error) = write_gaps(&path, &self.gaps.frames().frames) {
            slots.gaps_grew = true;
            tracing::debug!(%error, "the gaps of the spool were not written down");
        }
    }

    /// Takes the first free slot, unless this process has one.
    fn take_own(&self, slots: &mut Slots) -> io::Result<()> {
        if slots.own.is_some() {
            return Ok(());
        }
        for number in 0..MOST_SLOTS {
            if let Some(slot) = self.take(&self.options.folder.join(number.to_string()))? {
                slots.own = Some(slot);
                return self.taken(slots);
            }
        }
        Err(io::Error::other(format!("more than {MOST_SLOTS} processes share it")))
    }

    fn take(&self, folder: &Path) -> io::Result<Option<Slot>> {
        let segment_bytes = (self.options.max_bytes / 16).clamp(LEAST_SEGMENT, LARGEST_SEGMENT);
        let slot = Slot::take(folder, segment_bytes)?;
        if let Some(slot) = &slot {
            read_gaps(&slot.gaps_path(), &self.gaps)?;
        }
        Ok(slot)
    }

    fn taken(&self, slots: &mut Slots) -> io::Result<()> {
        let waiting = slots.waiting();
        self.metrics.waiting.store(waiting, Ordering::Relaxed);
        if waiting > 0 || self.gaps.any() {
            self.status.send_replace(Status::Waiting);
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Takes over slots that nobody holds and that are not empty.
    fn adopt(&self) -> io::Result<()> {
        let mut slots = self.slots();
        for number in 0..MOST_SLOTS {
            let folder = self.options.folder.join(number.to_string());
            if !folder.exists() {
                continue;
            }
            let Some(slot) = self.take(&folder)? else { continue };
            let gaps = slot.gaps_path();
            if slot.waiting() == 0 && !gaps.exists() {
                slot.release()?;
                continue;
            }
            tracing::info!(folder = %folder.display(), bytes = slot.waiting(), "replaying the spool of a process that is gone");
            slots.adopted.push(slot);
            // They are this process's now; written down as such before the other note goes.
            self.save_gaps(&mut slots, true);
            remove(&gaps)?;
        }
        self.taken(&mut slots)
    }

    /// Replays until it is ended.
    async fn replay(self: Arc<Self>, store: Arc<dyn Replay>) {
        let mut pause = FIRST_PAUSE;
        let mut adopted_at = Instant::now();
        loop {
            if self.adopting.load(Ordering::Relaxed) && adopted_at.elapsed() >= ADOPT_EVERY {
                adopted_at = Instant::now();
                if let Err(error) = self.blocking(Self::adopt).await {
                    tracing::debug!(%error, "spools of other processes were not looked at");
                }
            }
            let under_way = std::mem::take(&mut *self.under_way.lock().unwrap_or_else(PoisonError::into_inner));
            for call in under_way {
                // Whatever came of it: the batch is looked for when it is replayed.
                let _ = call.await;
            }
            match self.round(&*store).await {
                Ok(Round::Drained) => {
                    pause = FIRST_PAUSE;
                    // Not waiting is as good: then it looks for other slots.
                    let _ = tokio::time::timeout(ADOPT_EVERY, self.wake.notified()).await;
                    if self.options.durability == Durability::Strict {
                        tokio::time::sleep(GATHER).await;
                    }
                }
                Ok(Round::Sent(events)) => {
                    pause = FIRST_PAUSE;
                    if self.options.durability == Durability::Strict && events < WORTH_SENDING {
                        tokio::time::sleep(GATHER).await;
                    }
                }
                Err(error) => {
                    self.refused(&error);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn refused(&self, error: &StoreError) {
        let before = self.status.send_replace(Status::Refused);
        if before != Status::Refused {
            tracing::warn!(%error, "activity waits in the spool");
        }
    }

    /// Sends one chunk to the store.
    async fn round(self: &Arc<Self>, store: &dyn Replay) -> Result<Round, StoreError> {
        let unreadable = |error: io::Error| StoreError::Unavailable(format!("reading the spool: {error}"));
        let Some((source, chunk)) = self.blocking(Self::next).await.map_err(unreadable)? else {
            return Ok(Round::Drained);
        };
        let Chunk { events, doubtful, next, damaged } = chunk;
        let sent = events.len();
        if !events.is_empty() {
            store.replay(Replayed { source, events, doubtful }).await?;
        }
        if damaged > 0 {
            self.metrics.damaged.fetch_add(damaged, Ordering::Relaxed);
            tracing::error!(folder = %self.options.folder.display(), "the spool is damaged: some activity is lost");
        }
        self.metrics.replayed.fetch_add(sent as u64, Ordering::Relaxed);
        if self.status.send_replace(Status::Waiting) == Status::Refused {
            tracing::info!("activity is replayed from the spool");
        }
        self.blocking(move |shared| shared.advance(source, next)).await.map_err(unreadable)?;
        Ok(Round::Sent(sent))
    }

    /// The next chunk, of adopted slots first; `None`, with the status drained, if there is none.
    fn next(&self) -> io::Result<Option<([u8; 8], Chunk)>> {
        let mut slots = self.slots();
        for slot in slots.all() {
            if let Some(chunk) = slot.next()? {
                return Ok(Some((slot.source, chunk)));
            }
        }
        for slot in std::mem::take(&mut slots.adopted) {
            slot.release()?;
        }
        if self.gaps.any() && slots.own.is_some() {
            drop(slots);
            // There is room now: the gaps alone are a batch.
            return match self.put(&[], false) {
                Ok(()) => self.next(),
                Err(_) => Ok(None),
            };
        }
        if slots.gaps_grew {
            self.save_gaps(&mut slots, true);
        }
        self.status.send_replace(Status::Drained);
        Ok(None)
    }

    fn advance(&self, source: [u8; 8], next: u64) -> io::Result<()> {
        let mut slots = self.slots();
        if let Some(slot) = slots.all_mut().find(|slot| slot.source == source) {
            slot.advance(next)?;
        }
        self.metrics.waiting.store(slots.waiting(), Ordering::Relaxed);
        Ok(())
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

/// What a round of replay did.
enum Round {
    Sent(usize),
    Drained,
}

/// Why a batch is not on the disk.
enum NotKept {
    /// There is no place for it at all.
    NoSlot(io::Error),
    /// No room; it is counted.
    Full(String),
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

/// Replaces the note of what is missing; none is left where nothing is.
fn write_gaps(path: &Path, frames: &[u8]) -> io::Result<()> {
    if frames.is_empty() {
        return remove(path);
    }
    let draft = path.with_extension("new");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(frames)?;
    file.write_all(&crc32fast::hash(frames).to_le_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

fn read_gaps(path: &Path, gaps: &Gaps) -> io::Result<()> {
    match fs::read(path) {
        Ok(bytes) => {
            match bytes.split_last_chunk::<4>() {
                Some((frames, sum)) if crc32fast::hash(frames) == u32::from_le_bytes(*sum) => gaps.note(frames),
                _ => tracing::warn!(path = %path.display(), "the note of missing activity is damaged"),
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
