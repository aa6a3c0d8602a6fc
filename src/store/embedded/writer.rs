//! The one thread that writes to the redb file. Everything that waits is committed in one durable transaction, and each
//! caller hears of its write only after that.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, oneshot};

use super::db::{Db, Fault, Tables};
use super::quota::{self, Quotas};
use super::tokens::{self, Done, Write};
use crate::clock::Timestamp;
use crate::token::{Change, StoreError, TokenRecord};

/// How long a changed quota may wait for a commit.
pub(super) const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// Writes that may wait; further callers wait for a place.
const QUEUE: usize = 4_096;
/// Writes of one transaction.
const BATCH: usize = 1_024;
/// Changes a slow listener may fall behind before it is told so.
const FEED: usize = 4_096;

enum Message {
    Write(Ticket),
    /// A quota has changed.
    Wake,
    /// Write what is left and end.
    Stop,
}

struct Ticket {
    write: Write,
    reply: oneshot::Sender<Result<Option<TokenRecord>, StoreError>>,
    /// Its place in the queue.
    _place: Option<OwnedSemaphorePermit>,
}

/// The other end of the thread's queue.
#[derive(Clone)]
pub(super) struct WriterHandle {
    queue: Sender<Message>,
    places: Arc<Semaphore>,
    changes: broadcast::Sender<Change>,
}

impl WriterHandle {
    /// Starts the thread. When it ends it closes the file and drops `keep`.
    pub(super) fn start<K: Send + 'static>(
        db: Arc<Db>,
        quotas: Arc<Quotas>,
        keep: K,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (queue, inbox) = channel();
        let (changes, _) = broadcast::channel(FEED);
        let writer = Writer { db, quotas, inbox, changes: changes.clone(), flush_at: None };
        let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
            writer.run();
            drop(keep);
        })?;
        Ok((Self { queue, places: Arc::new(Semaphore::new(QUEUE)), changes }, thread))
    }

    /// Hands in a write and waits until it is durable or refused.
    pub(super) async fn write(&self, write: Write) -> Result<Option<TokenRecord>, StoreError> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| closed())?;
        let (reply, answer) = oneshot::channel();
        self.send(Message::Write(Ticket { write, reply, _place: Some(place) }))?;
        answer.await.map_err(|_| closed())?
    }

    /// The same from the activity thread, which has at most one write waiting.
    pub(super) fn write_blocking(&self, write: Write) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Write(Ticket { write, reply, _place: None }))?;
        answer.blocking_recv().map_err(|_| closed())?.map(drop)
    }

    /// Tells that a quota has changed.
    pub(super) fn wake(&self) {
        // A thread that has ended has written everything before.
        let _ = self.queue.send(Message::Wake);
    }

    /// Changes from now on.
    pub(super) fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Asks the thread to write what is left and to end.
    pub(super) fn stop(&self) {
        let _ = self.queue.send(Message::Stop);
    }

    fn send(&self, message: Message) -> Result<(), StoreError> {
        self.queue.send(message).map_err(|_| closed())
    }
}

/// What callers of a store that was closed hear.
pub(super) fn closed() -> StoreError {
    StoreError::Unavailable("the embedded store is closed".to_owned())
}

struct Writer {
    db: Arc<Db>,
    quotas: Arc<Quotas>,
    inbox: Receiver<Message>,
    changes: broadcast::Sender<Change>,
    /// When changed quotas have to be written at the latest.
    flush_at: Option<Instant>,
}

impl Writer {
    fn run(mut self) {
        let mut open = true;
        while open {
            let mut tickets = Vec::new();
            let mut message = self.wait();
            while let Some(next) = message {
                match next {
                    Message::Write(ticket) => tickets.push(ticket),
                    Message::Wake => {
                        self.flush_at.get_or_insert_with(|| Instant::now() + FLUSH_EVERY);
                    }
                    Message::Stop => open = false,
                }
                message = if tickets.len() < BATCH { self.inbox.try_recv().ok() } else { None };
            }
            if !tickets.is_empty() || !open || self.flush_at.is_some_and(|at| at <= Instant::now()) {
                self.commit(tickets);
            }
        }
        self.db.close();
    }

    /// The next message, or none when quotas have to be written.
    fn wait(&self) -> Option<Message> {
        let Some(at) = self.flush_at else { return Some(self.inbox.recv().unwrap_or(Message::Stop)) };
        match self.inbox.recv_timeout(at.saturating_duration_since(Instant::now())) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Message::Stop),
        }
    }

    /// One transaction over everything that waits.
    fn commit(&mut self, tickets: Vec<Ticket>) {
        self.flush_at = None;
        let rows = self.quotas.collect();
        if tickets.is_empty() && rows.is_empty() {
            return;
        }
        let transaction = || self.db.write(|transaction| carry_out(transaction, &rows, &tickets));
        // A fault in one write must not end the thread that all others depend on.
        let outcome = catch_unwind(AssertUnwindSafe(transaction)).unwrap_or_else(|_| {
            Err(StoreError::Unavailable("a write to the token file failed unexpectedly; see the log".to_owned()))
        });
        if self.quotas.settle(&rows, outcome.is_ok()) {
            self.flush_at = Some(Instant::now() + FLUSH_EVERY);
        }
        match outcome {
            Ok(results) => {
                for (ticket, result) in tickets.into_iter().zip(results) {
                    self.answer(ticket, result);
                }
            }
            Err(error) => {
                tracing::error!(%error, writes = tickets.len(), "a commit to the embedded store failed");
                for ticket in tickets {
                    let _ = ticket.reply.send(Err(error.clone()));
                }
                // A commit that failed late may have happened all the same.
                let _ = self.changes.send(Change::Gap);
            }
        }
    }

    fn answer(&self, ticket: Ticket, result: Result<Done, StoreError>) {
        let result = result.map(|done| {
            if let (Write::Revoke(id, ..), Some(_)) = (&ticket.write, &done.change) {
                self.quotas.forget(*id);
            }
            // Nobody listening is no fault.
            let _ = done.change.map(|change| self.changes.send(change));
            done.record
        });
        let _ = ticket.reply.send(result);
    }
}

fn carry_out(
    transaction: &redb::WriteTransaction,
    rows: &[quota::Row],
    tickets: &[Ticket],
) -> Result<Vec<Result<Done, StoreError>>, Fault> {
    let mut tables = Tables::open(transaction)?;
    let now = Timestamp::system();
    quota::write(&mut tables, rows)?;
    let mut results = Vec::with_capacity(tickets.len());
    for ticket in tickets {
        match tokens::apply(&mut tables, &ticket.write, now) {
            Ok(done) => results.push(Ok(done)),
            Err(Fault::Refused(error)) => results.push(Err(error)),
            Err(fault) => return Err(fault),
        }
    }
    tokens::sweep(&mut tables, now)?;
    Ok(results)
}
