//! Returns leased and unused quota to the store, off the path of whoever noticed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{mpsc, oneshot};

use crate::auth::GiveBack;
use crate::limit::CounterStore;
use crate::token::{TokenId, Unused};

/// Returns under way at once.
const PARALLEL: usize = 64;

enum Message {
    Return(TokenId, Unused),
    Flush(oneshot::Sender<()>),
}

/// The way back for leases. The queue holds at most one entry per cached token.
#[derive(Clone)]
pub(super) struct Leases {
    sender: mpsc::UnboundedSender<Message>,
}

impl Leases {
    /// Starts on the current runtime; ends when every clone is gone.
    pub(super) fn start(counters: Arc<dyn CounterStore>) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(run(counters, receiver));
        Self { sender }
    }

    /// For the token cache.
    pub(super) fn give_back(&self) -> GiveBack {
        let sender = self.sender.clone();
        // The receiver lives as long as any sender.
        Box::new(move |id, unused| drop(sender.send(Message::Return(id, unused))))
    }

    /// Waits until everything returned so far is with the store.
    pub(super) async fn flush(&self, limit: Duration) {
        let (done, flushed) = oneshot::channel();
        if self.sender.send(Message::Flush(done)).is_ok() && tokio::time::timeout(limit, flushed).await.is_err() {
            tracing::warn!("unused quota could not be returned in time; it counts as used");
        }
    }
}

async fn run(counters: Arc<dyn CounterStore>, mut receiver: mpsc::UnboundedReceiver<Message>) {
    let mut returning = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(()) = returning.next(), if !returning.is_empty() => {}
            message = receiver.recv(), if returning.len() < PARALLEL => match message {
                None => break,
                Some(Message::Return(id, unused)) => {
                    let counters = Arc::clone(&counters);
                    returning.push(async move {
                        let (calls, returned) = match unused {
                            Unused::Month { window, calls } => (calls, counters.give_back(id, window, calls).await),
                            Unused::Minute(ask) => (u64::from(ask.back), counters.cells(id, ask).await.map(drop)),
                        };
                        if let Err(error) = returned {
                            tracing::warn!(token = %id, calls, %error, "unused quota could not be returned; it counts as used");
                        }
                    });
                }
                Some(Message::Flush(done)) => {
                    while returning.next().await.is_some() {}
                    // Whoever asked may have given up.
                    let _ = done.send(());
                }
            },
        }
    }
    while returning.next().await.is_some() {}
}
