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
        let mut next = first;
        let mut was_up = next.is_some();
        loop {
            let subscription = match next.take() {
                Some(subscription) => Ok(subscription),
                None => self.target.connect_feed().await,
            };
            match subscription {
                Ok(subscription) => {
                    if !was_up {
                        tracing::info!(store = self.target.address(), "the change feed is back");
                    }
                    was_up = true;
                    pauses = Pauses::new();
                    let _ = self.listeners.send(Change::Gap);
                    self.relay(subscription).await;
                    tracing::warn!(store = self.target.address(), "the change feed is cut");
                    was_up = false;
                }
                Err(_) => sleep(pauses.next()).await,
            }
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
