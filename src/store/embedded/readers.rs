//! Threads for reading: files block, data threads must not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::writer::closed;
use crate::token::StoreError;

/// Reading threads.
const THREADS: usize = 4;
/// Reads that may wait; further callers wait for a place.
const QUEUE: usize = 1_024;

type Job = Box<dyn FnOnce() + Send>;

/// The reading threads; they end when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Readers {
    queue: mpsc::Sender<Job>,
}

impl Readers {
    pub(super) fn start() -> std::io::Result<Self> {
        let (queue, inbox) = mpsc::channel::<Job>(QUEUE);
        let inbox = Arc::new(Mutex::new(inbox));
        for _ in 0..THREADS {
            let inbox = Arc::clone(&inbox);
            std::thread::Builder::new().name("store-reader".to_owned()).spawn(move || serve(&inbox))?;
        }
        Ok(Self { queue })
    }

    /// Runs `read` on a reading thread; not at all if the caller is gone before its turn.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(move || {
            if !reply.is_closed() {
                let _ = reply.send(read());
            }
        });
        self.queue.send(job).await.map_err(|_| closed())?;
        let lost = |_| StoreError::Unavailable("a read of the embedded store failed unexpectedly".to_owned());
        answer.await.map_err(lost)?
    }
}

fn serve(inbox: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        // Whoever holds the lock waits for the next job; the others wait for the lock.
        let job = inbox.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(job) = job else { return };
        // The panic is in the log; the caller hears that its answer is lost.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}
