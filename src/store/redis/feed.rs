//! The change feed: one subscription, told on to every listener in the process.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::sync::broadcast;
use tokio::time::{sleep, timeout};

use super::connection::{PROBE_EVERY, PROBE_WITHIN, Pauses};
use super::keys;
use super::target::Target;
use crate::token::{Change, SecretHash, TokenId};

/// Changes a listener may lag behind before it learns that it missed some.
const CAPACITY: usize = 4096;

/// Tells changes, ours at once and everybody's as they come in.
pub(super) struct Feed {
    target: Arc<Target>,
    listeners: broadcast::Sender<Change>,
}

impl Feed {
    pub(super) fn new(target: Arc<Target>) -> Arc<Self> {
        Arc::new(Self { target, listeners: broadcast::Sender::new(CAPACITY) })
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<Change> {
        self.listeners.subscribe()
    }

    /// Tells a change of this process before its caller learns that it was made.
    pub(super) fn tell(&self, id: TokenId, generation: u64, hashes: Vec<SecretHash>) {
        // Nobody listening is no error.
        let _ = self.listeners.send(Change::Token { id, generation, hashes });
    }

    /// Keeps the subscription: runs until aborted.
    pub(super) async fn keep(self: Arc<Self>, first: Option<redis::aio::PubSub>) {
        let mut pauses = Pauses::new();
        let mut reported = false;
        let mut next = first;
        loop {
            let subscription = match next.take() {
                Some(subscription) => Ok(subscription),
                None => self.target.connect_feed().await,
            };
            let cause = match subscription {
                Ok(subscription) => {
                    if std::mem::take(&mut reported) {
                        tracing::info!(store = self.target.address(), "the change feed is back");
                    }
                    pauses = Pauses::new();
                    // Whatever was told while nobody here listened is lost.
                    let _ = self.listeners.send(Change::Gap);
                    self.relay(subscription).await;
                    "the connection dropped or does not answer".to_owned()
                }
                Err(error) => error.to_string(),
            };
            if !std::mem::replace(&mut reported, true) {
                tracing::warn!(store = self.target.address(), cause, "the change feed is cut");
            }
            sleep(pauses.next()).await;
        }
    }

    /// Passes messages on until the subscription fails.
    async fn relay(&self, subscription: redis::aio::PubSub) {
        let (mut sink, mut messages) = subscription.split();
        loop {
            // A probe that is due waits for no message: a busy channel proves itself.
            match timeout(PROBE_EVERY, messages.next()).await {
                Ok(Some(message)) => match keys::parse_change(message.get_payload_bytes()) {
                    Some(change) => drop(self.listeners.send(change)),
                    None => drop(self.listeners.send(Change::Gap)),
                },
                Ok(None) => return,
                Err(_) => {
                    if !matches!(timeout(PROBE_WITHIN, sink.ping::<redis::Value>()).await, Ok(Ok(_))) {
                        return;
                    }
                }
            }
        }
    }
}
