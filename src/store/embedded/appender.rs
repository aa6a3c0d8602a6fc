//! The one thread that appends to the activity log, puts it on the disk, and drops what is beyond the retention.

use std::io;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::db::io_error;
use super::log::Tail;
use super::tokens::Write;
use super::writer::{WriterHandle, closed};
use crate::activity::Durability;
use crate::token::StoreError;

/// What a loss of power can take; a killed process loses nothing that was appended.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How often the retention is looked at.
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// Batches that may wait; further callers wait for a place. At 64 KiB a batch, 4 MiB.
const QUEUE: usize = 64;

type Reply = oneshot::Sender<Result<(), StoreError>>;

enum Message {
    Append(Bytes, Reply, OwnedSemaphorePermit),
    Stop,
}

/// The other end of the thread's queue.
#[derive(Clone)]
pub(super) struct AppenderHandle {
    queue: Sender<Message>,
    places: Arc<Semaphore>,
}

impl AppenderHandle {
    /// Starts the thread. When it ends it closes the log and drops `keep`.
    pub(super) fn start<K: Send + 'static>(
        tail: Tail,
        writer: WriterHandle,
        durability: Durability,
        keep: K,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let (queue, inbox) = channel();
        let appender =
            Appender { tail, writer, inbox, durability, sync_at: None, tidy_at: Instant::now(), failing: false };
        let thread = std::thread::Builder::new().name("store-activity".to_owned()).spawn(move || {
            appender.run();
            drop(keep);
        })?;
        Ok((Self { queue, places: Arc::new(Semaphore::new(QUEUE)) }, thread))
    }

    /// Hands in a batch and waits until it is written; on the disk only where the log is strict.
    pub(super) async fn append(&self, batch: Bytes) -> Result<(), StoreError> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| closed())?;
        let (reply, answer) = oneshot::channel();
        self.queue.send(Message::Append(batch, reply, place)).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Asks the thread to put everything on the disk and to end.
    pub(super) fn stop(&self) {
        // A thread that has ended has done so.
        let _ = self.queue.send(Message::Stop);
    }
}

struct Appender {
    tail: Tail,
    writer: WriterHandle,
    inbox: Receiver<Message>,
    durability: Durability,
    sync_at: Option<Instant>,
    tidy_at: Instant,
    /// Whether the last attempt at syncing or tidying failed; told once.
    failing: bool,
}

impl Appender {
    fn run(mut self) {
        loop {
            let now = Instant::now();
            if self.sync_at.is_some_and(|at| at <= now) {
                self.sync_at = None;
                let synced = self.tail.sync();
                self.tell(synced, "activity was not put on the disk");
            }
            if self.tidy_at <= now {
                self.tidy_at = now + TIDY_EVERY;
                self.tidy();
            }
            let until = self.sync_at.map_or(self.tidy_at, |at| at.min(self.tidy_at));
            match self.inbox.recv_timeout(until.saturating_duration_since(now)) {
                Ok(Message::Append(batch, reply, _place)) if self.durability == Durability::Async => {
                    let _ = reply.send(self.append(&batch));
                }
                Ok(Message::Append(batch, reply, place)) => {
                    if self.append_durably(batch, reply, place).is_break() {
                        break;
                    }
                }
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        if let Err(error) = self.tail.close() {
            tracing::error!(%error, "the activity log was not closed cleanly");
        }
    }

    /// Appends a batch and all that wait behind it, and answers them once one sync has put them on the disk.
    fn append_durably(&mut self, batch: Bytes, reply: Reply, place: OwnedSemaphorePermit) -> ControlFlow<()> {
        let mut written = vec![(self.append(&batch), reply, place)];
        let mut more = ControlFlow::Continue(());
        while written.len() < QUEUE {
            match self.inbox.try_recv() {
                Ok(Message::Append(batch, reply, place)) => written.push((self.append(&batch), reply, place)),
                Ok(Message::Stop) | Err(TryRecvError::Disconnected) => {
                    more = ControlFlow::Break(());
                    break;
                }
                Err(TryRecvError::Empty) => break,
            }
        }
        let synced = self.tail.sync();
        for (appended, reply, _place) in written {
            let unsynced = synced.as_ref().map_err(|error| io_error("putting activity on the disk", error));
            let _ = reply.send(appended.and_then(|()| unsynced.copied()));
        }
        more
    }

    fn append(&mut self, batch: &[u8]) -> Result<(), StoreError> {
        let segment = self.tail.base();
        // A fault in one batch must not end the thread that all others depend on.
        let appended = catch_unwind(AssertUnwindSafe(|| self.tail.append(batch)))
            .unwrap_or_else(|_| Err(io::Error::other("it failed unexpectedly; see the log")));
        if self.tail.is_unsynced() {
            self.sync_at.get_or_insert_with(|| Instant::now() + SYNC_EVERY);
        }
        if self.tail.base() != segment {
            self.tidy_at = Instant::now();
        }
        appended.map_err(|error| io_error("appending activity", &error))
    }

    fn tidy(&mut self) {
        let writer = self.writer.clone();
        let mut hand_over = |uses| match writer.write_blocking(Write::LastUses(uses)) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "an activity segment is kept longer: its last uses were not taken over");
                false
            }
        };
        let tidied = self.tail.tidy(&mut hand_over);
        self.tell(tidied, "activity beyond its retention was not dropped");
    }

    fn tell(&mut self, outcome: io::Result<()>, what: &str) {
        match outcome {
            Ok(()) => self.failing = false,
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!(%error, "{what}");
                }
            }
        }
    }
}
