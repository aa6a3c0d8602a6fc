//! From the hot path to the store: bytes into a buffer of one's own, handed over when it is full or old.
//!
//! Each data-plane thread owns an [`Outlet`]; recording is an encode into its buffer. Full or aged buffers go through a
//! bounded channel to one writer, which appends them to the store in batches. When the channel is full, the buffer's events
//! are counted as dropped, told in the log, and put on record as gaps of their tokens: never waited for, never silent.
//!
//! With [`Durability::Strict`] each request passes its event on at once and waits until the log has it on a disk. What
//! many requests pass on while one batch is written is the next batch: they share its write and its sync.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::{Durability, EventId, EventIds, EventLog, EventRef, Gaps};
use crate::clock::Timestamp;
use crate::token::StoreError;

/// Size at which a buffer is handed over, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;
/// Longest pause between attempts to write a batch.
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// Most bytes that wait in one outlet for a place in the queue, while their requests wait for them to be kept.
const WAITING_BYTES: usize = 1 << 20;
/// How long an answer waits until its event is kept.
const KEPT_WITHIN: Duration = Duration::from_secs(5);

/// How events travel.
#[derive(Clone, Copy, Debug)]
pub struct RecorderOptions {
    /// Most bytes waiting to be written; a buffer beyond it is dropped.
    pub queue_bytes: usize,
    /// How long the writer collects buffers before it writes them: 0 where an append is cheap.
    pub linger: Duration,
    /// Most bytes in one append.
    pub batch_bytes: usize,
    /// Whether requests wait for their events.
    pub durability: Durability,
    /// Whether the log itself puts on record what it refuses as [`StoreError::Full`]; otherwise it is tried again.
    pub log_counts: bool,
}

impl Default for RecorderOptions {
    fn default() -> Self {
        Self {
            queue_bytes: 16 << 20,
            linger: Duration::ZERO,
            batch_bytes: 4 << 20,
            durability: Durability::Async,
            log_counts: false,
        }
    }
}

/// Counters of the recorder, in events.
#[derive(Debug, Default)]
pub struct RecorderMetrics {
    /// Handed over and not yet written.
    pub queued: AtomicU64,
    /// Written to the store or its spool.
    pub written: AtomicU64,
    /// Lost because the queue or the spool was full or the store refused until shutdown.
    pub dropped: AtomicU64,
    /// What is lost and not yet on record.
    pub gaps: Gaps,
    /// Whether the loss has been told in the log and goes on.
    losing: AtomicBool,
}

enum Message {
    Buffer { bytes: Vec<u8>, events: u64, waiting: Vec<oneshot::Sender<bool>> },
    Flush(oneshot::Sender<()>),
}

/// Hands out outlets and flushes.
#[derive(Clone, Debug)]
pub struct Recorder {
    sender: mpsc::Sender<Message>,
    durability: Durability,
    metrics: Arc<RecorderMetrics>,
}

impl Recorder {
    /// Starts the writer on `runtime`. It ends when every outlet and recorder is gone and what was queued is written.
    pub fn start(log: Arc<dyn EventLog>, options: RecorderOptions, runtime: &tokio::runtime::Handle) -> Self {
        let (sender, receiver) = mpsc::channel((options.queue_bytes / BUFFER_BYTES).max(1));
        let metrics = Arc::new(RecorderMetrics::default());
        let writer = Writer { log, options, receiver, metrics: Arc::clone(&metrics) };
        runtime.spawn(writer.run());
        Self { sender, durability: options.durability, metrics }
    }

    /// A further outlet, for one thread.
    pub fn outlet(&self) -> Outlet {
        // Two bytes of a random UUID tell outlets of one fleet apart.
        let random = uuid::Uuid::new_v4();
        let node = [random.as_bytes()[0], random.as_bytes()[1]];
        Outlet {
            recorder: self.clone(),
            ids: EventIds::new(node),
            buffer: Vec::with_capacity(BUFFER_BYTES),
            events: 0,
            waiting: Vec::new(),
        }
    }

    /// Whether an answer must wait for [`Outlet::settle`].
    pub fn is_strict(&self) -> bool {
        self.durability == Durability::Strict
    }

    /// Waits until everything handed over so far is written, or has been refused.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.sender.send(Message::Flush(done)).await.is_ok() {
            // The writer drops the sender only at its end, when nothing is left to write.
            let _ = flushed.await;
        }
    }

    /// Counters.
    pub fn metrics(&self) -> &Arc<RecorderMetrics> {
        &self.metrics
    }
}

/// One thread's way into the recorder.
#[derive(Debug)]
pub struct Outlet {
    recorder: Recorder,
    ids: EventIds,
    buffer: Vec<u8>,
    events: u64,
    /// Requests whose events are in the buffer.
    waiting: Vec<oneshot::Sender<bool>>,
}

/// The wait for an event to be on a disk.
#[derive(Debug)]
pub struct Kept(oneshot::Receiver<bool>);

impl Kept {
    /// True once the event is kept; false if it is lost, or not kept within 5 s.
    pub async fn wait(self) -> bool {
        matches!(tokio::time::timeout(KEPT_WITHIN, self.0).await, Ok(Ok(true)))
    }
}

impl Outlet {
    /// A name for an event at this time.
    pub fn next_id(&mut self, at: Timestamp) -> EventId {
        self.ids.next(at)
    }

    /// Records an event.
    pub fn record(&mut self, event: &EventRef<'_>) {
        event.encode(&mut self.buffer);
        self.events += 1;
        if self.buffer.len() >= BUFFER_BYTES {
            self.hand_over();
        }
    }

    /// Where requests wait for their events: passes on what was recorded last, and gives what its answer must wait for.
    pub fn settle(&mut self) -> Option<Kept> {
        if !self.recorder.is_strict() || self.events == 0 {
            return None;
        }
        let (kept, wait) = oneshot::channel();
        self.waiting.push(kept);
        // With no place in the queue it stays here: the next request or tick passes it on.
        if self.recorder.sender.capacity() > 0 || self.buffer.len() >= WAITING_BYTES {
            self.pass_on();
        }
        Some(Kept(wait))
    }

    /// Passes on what was recorded; called by the owning thread every 50 ms. While the store is behind, a buffer that is
    /// not full stays: the queue counts buffers, and small ones would fill it with nothing.
    pub fn hand_over(&mut self) {
        let sender = &self.recorder.sender;
        let behind = sender.capacity() <= sender.max_capacity() / 2;
        let most = if self.recorder.is_strict() { WAITING_BYTES } else { BUFFER_BYTES };
        let waited_for = !self.waiting.is_empty() && sender.capacity() > 0;
        if !behind || waited_for || self.buffer.len() >= most {
            self.pass_on();
        }
    }

    /// Passes on whatever was recorded; at the end, when nothing may be kept back.
    pub fn pass_on(&mut self) {
        if self.events == 0 {
            return;
        }
        let metrics = &self.recorder.metrics;
        let events = std::mem::take(&mut self.events);
        let waiting = std::mem::take(&mut self.waiting);
        match self.recorder.sender.try_reserve() {
            Ok(slot) => {
                metrics.queued.fetch_add(events, Ordering::Relaxed);
                // Where each request passes its own event on, most buffers hold one.
                let room = if self.recorder.is_strict() { 0 } else { BUFFER_BYTES };
                let bytes = std::mem::replace(&mut self.buffer, Vec::with_capacity(room));
                slot.send(Message::Buffer { bytes, events, waiting });
                if metrics.losing.swap(false, Ordering::Relaxed) {
                    tracing::warn!("activity events are recorded again");
                }
            }
            Err(_) => {
                metrics.dropped.fetch_add(events, Ordering::Relaxed);
                metrics.gaps.note(&self.buffer);
                self.buffer.clear();
                // Dropped, they tell their requests.
                drop(waiting);
                if !metrics.losing.swap(true, Ordering::Relaxed) {
                    tracing::error!(events, "activity events are lost: the queue to the store is full");
                }
            }
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.pass_on();
    }
}

struct Writer {
    log: Arc<dyn EventLog>,
    options: RecorderOptions,
    receiver: mpsc::Receiver<Message>,
    metrics: Arc<RecorderMetrics>,
}

impl Writer {
    async fn run(mut self) {
        while let Some(message) = self.receiver.recv().await {
            let mut batch = Batch::default();
            batch.take(message);
            self.collect(&mut batch).await;
            if batch.events > 0 {
                let kept = self.write(std::mem::take(&mut batch.bytes).freeze(), batch.events).await;
                for waiting in batch.waiting {
                    // A caller that has gone waits no more.
                    let _ = waiting.send(kept);
                }
            }
            for waiting in batch.flushes {
                // Whoever asked may have gone.
                let _ = waiting.send(());
            }
        }
    }

    /// Adds what arrives while the batch may still grow.
    async fn collect(&mut self, batch: &mut Batch) {
        let until = Instant::now() + self.options.linger;
        while batch.flushes.is_empty() && batch.bytes.len() < self.options.batch_bytes {
            let message = match self.receiver.try_recv() {
                Ok(message) => Some(message),
                Err(mpsc::error::TryRecvError::Disconnected) => return,
                Err(mpsc::error::TryRecvError::Empty) => {
                    tokio::time::timeout_at(until, self.receiver.recv()).await.ok().flatten()
                }
            };
            match message {
                Some(message) => batch.take(message),
                None => return,
            }
        }
    }

    /// Appends a batch, again and again until it is in; meanwhile the queue fills. Once nobody can ask for more (the
    /// process is ending), a refusing store gets ten attempts. Tells whether the batch is in.
    async fn write(&self, bytes: Bytes, events: u64) -> bool {
        let mut pause = Duration::from_millis(50);
        let mut last_attempts = 10;
        let gaps = self.metrics.gaps.any().then(|| self.metrics.gaps.frames());
        let bytes = match &gaps {
            Some(gaps) => [&gaps.frames, &bytes[..]].concat().into(),
            None => bytes,
        };
        loop {
            let error = match self.log.append(bytes.clone()).await {
                Ok(()) => {
                    self.metrics.queued.fetch_sub(events, Ordering::Relaxed);
                    self.metrics.written.fetch_add(events, Ordering::Relaxed);
                    if let Some(gaps) = &gaps {
                        self.metrics.gaps.recorded(gaps);
                    }
                    return true;
                }
                Err(error) => error,
            };
            if pause == Duration::from_millis(50) {
                tracing::warn!(%error, events, "activity events cannot be written");
            }
            let counted = self.options.log_counts && matches!(error, StoreError::Full(_));
            if self.receiver.is_closed() || self.receiver.sender_strong_count() == 0 {
                last_attempts -= 1;
            }
            if counted || last_attempts == 0 {
                self.metrics.queued.fetch_sub(events, Ordering::Relaxed);
                self.metrics.dropped.fetch_add(events, Ordering::Relaxed);
                if let Some(gaps) = gaps.as_ref().filter(|_| counted) {
                    self.metrics.gaps.recorded(gaps);
                }
                if !counted {
                    tracing::error!(%error, events, "activity events are lost: the store refused them until the end");
                }
                return false;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MAX_BACKOFF);
        }
    }
}

#[derive(Default)]
struct Batch {
    bytes: BytesMut,
    events: u64,
    waiting: Vec<oneshot::Sender<bool>>,
    flushes: Vec<oneshot::Sender<()>>,
}

impl Batch {
    fn take(&mut self, message: Message) {
        match message {
            Message::Buffer { bytes, events, waiting } => {
                // The first buffer of a batch is taken over without a copy.
                if self.bytes.is_empty() {
                    self.bytes = BytesMut::from(Bytes::from(bytes));
                } else {
                    self.bytes.extend_from_slice(&bytes);
                }
                self.events += events;
                self.waiting.extend(waiting);
            }
            Message::Flush(done) => self.flushes.push(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::{Event, EventKind, Frames};
    use crate::token::{StoreError, StoreFuture, TokenId};
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Mutex;
    use tokio::sync::Semaphore;

    /// Keeps batches; each append waits for a permit and may be told to fail.
    struct Gate {
        batches: Mutex<Vec<Bytes>>,
        permits: Semaphore,
        failures: AtomicU64,
        full: AtomicBool,
    }

    impl EventLog for Gate {
        fn append(&self, batch: Bytes) -> StoreFuture<'_, ()> {
            Box::pin(async move {
                self.permits.acquire().await.expect("open").forget();
                if self.full.load(Ordering::SeqCst) {
                    return Err(StoreError::Full("told to".to_owned()));
                }
                if self.failures.load(Ordering::SeqCst) > 0 {
                    self.failures.fetch_sub(1, Ordering::SeqCst);
                    return Err(StoreError::Unavailable("told to".to_owned()));
                }
                self.batches.lock().expect("not poisoned").push(batch);
                Ok(())
            })
        }

        fn page(&self, _: TokenId, _: usize, _: usize) -> StoreFuture<'_, Vec<Event>> {
            Box::pin(async { Ok(Vec::new()) })
        }

        fn event(&self, _: TokenId, _: EventId) -> StoreFuture<'_, Option<Event>> {
            Box::pin(async { Ok(None) })
        }
    }

    fn gate(permits: usize, failures: u64) -> Arc<Gate> {
        Arc::new(Gate {
            batches: Mutex::default(),
            permits: Semaphore::new(permits),
            failures: AtomicU64::new(failures),
            full: AtomicBool::new(false),
        })
    }

    fn record(outlet: &mut Outlet, uri: &str) {
        let at = Timestamp::from_millis(1);
        let id = outlet.next_id(at);
        outlet.record(&EventRef {
            id,
            token: TokenId::random(1, Timestamp::system()),
            serial: 1,
            at,
            kind: EventKind::Request,
            status: 200,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            method: "GET",
            route: "r",
            uri,
            user_agent: b"",
            request_id: b"",
            data: "",
        });
    }

    fn told(gate: &Gate) -> Vec<Event> {
        let batches = gate.batches.lock().expect("not poisoned");
        batches
            .iter()
            .flat_map(|batch| Frames::new(batch))
            .map(|frame| Event::decode(frame).expect("a frame"))
            .collect()
    }

    fn written(gate: &Gate) -> usize {
        gate.batches.lock().expect("not poisoned").iter().map(|batch| Frames::new(batch).count()).sum()
    }

    #[tokio::test]
    async fn every_event_is_written_in_fewer_appends_and_survives_refusals() {
        let gate = gate(1_000, 2);
        let recorder = Recorder::start(gate.clone(), RecorderOptions::default(), &tokio::runtime::Handle::current());
        let mut outlet = recorder.outlet();
        for n in 0..5_000 {
            record(&mut outlet, &format!("/{n}"));
        }
        drop(outlet);
        recorder.flush().await;
        assert_eq!(written(&gate), 5_000);
        assert!(gate.batches.lock().expect("not poisoned").len() < 20);
        assert_eq!(recorder.metrics().written.load(Ordering::Relaxed), 5_000);
        assert_eq!(recorder.metrics().queued.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_full_queue_is_counted_and_never_waited_for() {
        let gate = gate(0, 0);
        let options = RecorderOptions { queue_bytes: 2 * BUFFER_BYTES, ..RecorderOptions::default() };
        let recorder = Recorder::start(gate.clone(), options, &tokio::runtime::Handle::current());
        let mut outlet = recorder.outlet();
        let total = 10_000;
        for n in 0..total {
            record(&mut outlet, &format!("/{n}"));
        }
        drop(outlet);
        let dropped = recorder.metrics().dropped.load(Ordering::Relaxed);
        assert!(dropped > 0, "two buffers cannot hold it all");
        assert!(recorder.metrics().gaps.any());
        gate.permits.add_permits(1_000);
        recorder.flush().await;
        let gaps = told(&gate).into_iter().filter(|event| event.kind == EventKind::Gap).count() as u64;
        assert_eq!(written(&gate) as u64 - gaps + dropped, total, "written or counted, nothing else");
        let mut outlet = recorder.outlet();
        record(&mut outlet, "/later");
        drop(outlet);
        recorder.flush().await;
        let missing = told(&gate).iter().filter(|event| event.kind == EventKind::Gap).count() as u64;
        assert_eq!(missing, dropped, "one gap for each of these tokens");
        assert!(!recorder.metrics().gaps.any(), "told once");
    }

    #[tokio::test]
    async fn strict_answers_wait_for_a_batch_that_they_share() {
        let gate = gate(0, 0);
        let options = RecorderOptions { durability: Durability::Strict, ..RecorderOptions::default() };
        let recorder = Recorder::start(gate.clone(), options, &tokio::runtime::Handle::current());
        let mut outlet = recorder.outlet();
        assert!(outlet.settle().is_none(), "nothing to wait for");
        let mut waits = Vec::new();
        for n in 0..500 {
            record(&mut outlet, &format!("/{n}"));
            waits.push(tokio::spawn(outlet.settle().expect("an event").wait()));
        }
        tokio::task::yield_now().await;
        assert!(waits.iter().all(|wait| !wait.is_finished()), "nothing is written yet");
        gate.permits.add_permits(1_000);
        while !waits.iter().all(tokio::task::JoinHandle::is_finished) {
            outlet.hand_over();
            tokio::task::yield_now().await;
        }
        for wait in waits {
            assert!(wait.await.expect("no panic"), "kept");
        }
        assert_eq!(written(&gate), 500);
        assert!(gate.batches.lock().expect("not poisoned").len() < 10, "many requests share one append");
    }

    #[tokio::test]
    async fn what_a_log_has_counted_itself_is_not_tried_again() {
        let gate = gate(1_000, 0);
        gate.full.store(true, Ordering::SeqCst);
        let options =
            RecorderOptions { durability: Durability::Strict, log_counts: true, ..RecorderOptions::default() };
        let recorder = Recorder::start(gate.clone(), options, &tokio::runtime::Handle::current());
        let mut outlet = recorder.outlet();
        record(&mut outlet, "/");
        assert!(!outlet.settle().expect("an event").wait().await, "told that it is lost");
        assert_eq!(recorder.metrics().dropped.load(Ordering::Relaxed), 1);
        assert!(!recorder.metrics().gaps.any(), "counted once, by the log");
    }

    #[tokio::test]
    async fn a_store_that_is_behind_does_not_fill_the_queue_with_small_buffers() {
        let gate = gate(0, 0);
        let options = RecorderOptions { queue_bytes: 8 * BUFFER_BYTES, ..RecorderOptions::default() };
        let recorder = Recorder::start(gate.clone(), options, &tokio::runtime::Handle::current());
        let mut outlet = recorder.outlet();
        for n in 0..100 {
            record(&mut outlet, &format!("/{n}"));
            outlet.hand_over();
        }
        assert_eq!(
            recorder.metrics().dropped.load(Ordering::Relaxed),
            0,
            "a hundred small events fit into eight buffers"
        );
        gate.permits.add_permits(1_000);
        drop(outlet);
        recorder.flush().await;
        assert_eq!(written(&gate), 100);
    }
}
