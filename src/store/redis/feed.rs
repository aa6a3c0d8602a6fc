//! The change feed: one subscription, told on to every listener in the process.

use std::sync::Arc;

use futures_util::StreamExt;
use redis::aio::PubSub;
use tokio::sync::broadcast;
use tokio::time::{sleep, timeout};

use super::cluster::Cluster;
use super::connection::{PROBE_EVERY, PROBE_WITHIN};
use super::keys;
use super::pauses::Pauses;
use super::target::Node;
use crate::store::OpenError;
use crate::token::{Change, SecretHash, TokenId};

/// Changes a listener may lag behind before it learns that it missed some.
const CAPACITY: usize = 4096;

/// Whom the feed subscribes at.
pub(super) enum Source {
    /// One server, or whichever the Sentinels name.
    Node(Node),
    /// Any node: what is published at one is told to the subscribers of all.
    Cluster(Arc<Cluster>),
}

/// A subscription, and the server it is at.
type Subscription = (PubSub, String);

/// Tells changes, ours at once and everybody's as they come in.
pub(super) struct Feed {
    source: Source,
    listeners: broadcast::Sender<Change>,
}

impl Feed {
    pub(super) fn new(source: Source) -> Arc<Self> {
        Arc::new(Self { source, listeners: broadcast::Sender::new(CAPACITY) })
    }

    fn address(&self) -> &str {
        match &self.source {
            Source::Node(node) => node.address(),
            Source::Cluster(cluster) => cluster.label(),
        }
    }

    /// Subscribes; in a cluster at another node each turn.
    pub(super) async fn subscribe(&self, turn: usize) -> Result<Subscription, OpenError> {
        let cluster = match &self.source {
            Source::Node(node) => return node.connect_feed().await,
            Source::Cluster(cluster) => cluster,
        };
        let nobody = || OpenError::Unreachable(format!("Redis {}: no node answers", cluster.label()));
        let server = cluster.any(turn).ok_or_else(nobody)??;
        Ok((server.connect_feed().await?, server.address().to_owned()))
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
    pub(super) async fn keep(self: Arc<Self>, first: Option<Subscription>) {
        let mut turn = 0;
        let mut pauses = Pauses::new();
        let mut reported = false;
        let mut next = first;
        loop {
            let subscription = match next.take() {
                Some(subscription) => Ok(subscription),
                None => {
                    turn += 1;
                    self.subscribe(turn).await
                }
            };
            let cause = match subscription {
                Ok(subscription) => {
                    if std::mem::take(&mut reported) {
                        tracing::info!(store = self.address(), "the change feed is back");
                    }
                    pauses = Pauses::new();
                    // Whatever was told while nobody here listened is lost.
                    let _ = self.listeners.send(Change::Gap);
                    self.relay(subscription).await.to_owned()
                }
                Err(error) => error.to_string(),
            };
            if !std::mem::replace(&mut reported, true) {
                tracing::warn!(store = self.address(), cause, "the change feed is cut");
            }
            sleep(pauses.next()).await;
        }
    }

    /// Passes messages on until the subscription fails or is at the wrong server; tells why.
    async fn relay(&self, (subscription, address): Subscription) -> &'static str {
        let (mut sink, mut messages) = subscription.split();
        let mut elsewhere = std::pin::pin!(self.elsewhere(&address));
        loop {
            // A probe that is due waits for no message: a busy channel proves itself.
            let heard = tokio::select! {
                () = &mut elsewhere => return "another server is asked from now on",
                heard = timeout(PROBE_EVERY, messages.next()) => heard,
            };
            match heard {
                Ok(Some(message)) => match keys::parse_change(message.get_payload_bytes()) {
                    Some(change) => drop(self.listeners.send(change)),
                    None => drop(self.listeners.send(Change::Gap)),
                },
                Ok(None) => return CUT,
                Err(_) => {
                    if !matches!(timeout(PROBE_WITHIN, sink.ping::<redis::Value>()).await, Ok(Ok(_))) {
                        return CUT;
                    }
                }
            }
        }
    }

    /// Ends when the server at `address` is no longer one to subscribe at. When a cluster has other nodes, what they told
    /// each other meanwhile may not have come through.
    async fn elsewhere(&self, address: &str) {
        match &self.source {
            Source::Node(Node::Server(_)) => std::future::pending().await,
            Source::Node(Node::Primary(sentinels)) => sentinels.leave(address).await,
            Source::Cluster(cluster) => {
                let mut watch = cluster.watch();
                while cluster.changed(&mut watch, address).await {
                    let _ = self.listeners.send(Change::Gap);
                }
            }
        }
    }
}

const CUT: &str = "the connection dropped or does not answer";
