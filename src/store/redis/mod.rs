//! The store that a fleet shares: Redis, version 7.0 or later, as one server, behind Sentinels, or as a cluster. Layout
//! and upkeep: docs/redis.md.
//!
//! Three connections: one for the request path, one for batches and administration, so that a big batch never delays a
//! look-up, and one for the change feed; in a cluster the first two to every node that has slots. All are driven by the
//! runtime that opened the store; calls may come from any thread, and a caller that goes away does not leave its write
//! half done.

mod activity;
mod call;
mod cluster;
mod connection;
mod feed;
mod indexes;
mod keys;
mod links;
mod listing;
mod pauses;
mod presence;
mod quota;
mod replay;
mod resolve;
mod scripts;
mod sentinel;
mod server;
mod slots;
mod target;
mod tokens;

#[cfg(test)]
mod fleet_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_cluster;
#[cfg(test)]
mod tests_sentinel;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use self::cluster::{Cluster, Lane};
use self::connection::Link;
use self::feed::{Feed, Source};
use self::links::{Grid, Links};
use self::sentinel::Sentinels;
use self::server::{Role, Server};
use self::target::{Joined, Node, Target};
use super::{OpenError, RedisConfig, Replay, Stores, Topology};
use crate::activity::Retention;
use crate::token::{StoreError, StoreFuture};

/// Longest wait for an answer off the request path.
const UNHURRIED: Duration = Duration::from_secs(5);

/// Opens the store; must be called on the runtime that is to drive it. `timeout` bounds each call of the request path.
///
/// Fails with [`OpenError::Unreachable`] if trying again later makes sense, with [`OpenError::Refused`] if not.
pub(crate) async fn open(
    config: &RedisConfig,
    timeout: Duration,
    retention: Retention,
    fingerprint: [u8; 16],
) -> Result<(Stores, Arc<dyn Replay>), OpenError> {
    let target = Arc::new(Target::new(config, fingerprint)?);
    let open = match &config.topology {
        Topology::Single => {
            let server = Server::new(&target, &config.servers[0], Role::Alone)?;
            one(Node::Server(Arc::new(server))).await?
        }
        Topology::Sentinel { master, username, password } => {
            let sentinels = Sentinels::new(&target, config, master, username.as_ref(), password.as_ref())?;
            let keeper = Arc::clone(&sentinels);
            let mut open = one(Node::Primary(sentinels)).await?;
            open.tasks.push(tokio::spawn(keeper.keep()).abort_handle());
            open
        }
        Topology::Cluster => cluster(&target, config).await?,
    };
    Ok(start(target, open, timeout, retention))
}

/// The links, and the tasks that keep them.
struct Open {
    requests: Links,
    admin: Links,
    feed: Arc<Feed>,
    tasks: Vec<AbortHandle>,
}

/// The links to one server.
async fn one(node: Node) -> Result<Open, OpenError> {
    let mut tasks = Vec::new();
    let (first, second) = (node.connect().await?, node.connect().await?);
    let subscription = node.connect_feed().await?;
    let mut link = |name, first: Joined| {
        let link = Link::new(name, node.clone(), Some(&first));
        tasks.push(tokio::spawn(Arc::clone(&link).keep(Some(first))).abort_handle());
        Links::One(link)
    };
    let (requests, admin) = (link("requests", first), link("batches", second));
    let feed = Feed::new(Source::Node(node));
    tasks.push(tokio::spawn(Arc::clone(&feed).keep(Some(subscription))).abort_handle());
    Ok(Open { requests, admin, feed, tasks })
}

/// The links to the nodes of a cluster.
async fn cluster(target: &Arc<Target>, config: &RedisConfig) -> Result<Open, OpenError> {
    let cluster = Cluster::open(target, config).await?;
    let feed = Feed::new(Source::Cluster(Arc::clone(&cluster)));
    let subscription = feed.subscribe(0).await?;
    let tasks = vec![
        tokio::spawn(Arc::clone(&cluster).keep()).abort_handle(),
        tokio::spawn(Arc::clone(&feed).keep(Some(subscription))).abort_handle(),
    ];
    let links = |lane| Links::Cluster(Grid::new(&cluster, lane));
    Ok(Open { requests: links(Lane::Requests), admin: links(Lane::Batches), feed, tasks })
}

fn start(target: Arc<Target>, open: Open, timeout: Duration, retention: Retention) -> (Stores, Arc<dyn Replay>) {
    let core = Arc::new(Core {
        target,
        requests: open.requests,
        admin: open.admin,
        feed: open.feed,
        timeout,
        retention,
        dangling: listing::Dangling::default(),
        unsure: activity::Unsure::default(),
        renewed: activity::Renewed::default(),
    });
    let store = Arc::new(RedisStore { core, runtime: Handle::current(), tasks: open.tasks });
    (super::stores_of(Arc::clone(&store)), store)
}

/// The ports; the last handle to go ends the background tasks.
struct RedisStore {
    core: Arc<Core>,
    runtime: Handle,
    tasks: Vec<AbortHandle>,
}

/// What the calls share.
struct Core {
    target: Arc<Target>,
    /// Look-ups and leases.
    requests: Links,
    /// Everything else.
    admin: Links,
    feed: Arc<Feed>,
    timeout: Duration,
    retention: Retention,
    dangling: listing::Dangling,
    unsure: activity::Unsure,
    renewed: activity::Renewed,
}

impl RedisStore {
    /// Runs a call of the request path.
    fn urgent<T, W, F>(&self, work: W) -> StoreFuture<'_, T>
    where
        T: Send + 'static,
        W: FnOnce(Arc<Core>) -> F + Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.run(&self.core.requests, work)
    }

    /// Runs any other call.
    fn unhurried<T, W, F>(&self, work: W) -> StoreFuture<'_, T>
    where
        T: Send + 'static,
        W: FnOnce(Arc<Core>) -> F + Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.run(&self.core.admin, work)
    }

    /// Runs a call on the store's own runtime: its timers and connections live there, and it ends even if the caller
    /// stops waiting.
    fn run<'a, T, W, F>(&'a self, links: &'a Links, work: W) -> StoreFuture<'a, T>
    where
        T: Send + 'static,
        W: FnOnce(Arc<Core>) -> F + Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        Box::pin(async move {
            let place = links.enter()?;
            let core = Arc::clone(&self.core);
            let task = self.runtime.spawn(async move {
                let _place = place;
                work(core).await
            });
            task.await.unwrap_or_else(|_| {
                Err(StoreError::Unavailable("the store's runtime ended before the call did".to_owned()))
            })
        })
    }
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// An answer that no server of this layout gives.
fn unexpected(what: &str) -> StoreError {
    StoreError::Corrupt(format!("Redis gave an answer of the wrong shape while {what}"))
}
