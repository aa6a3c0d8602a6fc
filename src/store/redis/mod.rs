//! The store that a fleet shares: one Redis server, version 7.0 or later. Layout and upkeep: docs/redis.md.
//!
//! Three connections: one for the request path, one for batches and administration, so that a big batch never delays a
//! look-up, and one for the change feed. All are driven by the runtime that opened the store; calls may come from any
//! thread, and a caller that goes away does not leave its write half done.

mod activity;
mod connection;
mod feed;
mod indexes;
mod keys;
mod listing;
mod presence;
mod quota;
mod resolve;
mod scripts;
mod target;
mod tokens;

#[cfg(test)]
mod fleet_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{MultiplexedConnection, PubSub};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use self::connection::Link;
use self::feed::Feed;
use self::target::Target;
use super::{OpenError, RedisConfig, Stores};
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
) -> Result<Stores, OpenError> {
    let target = Arc::new(Target::new(config, fingerprint)?);
    let first = First::connect(&target).await?;
    Ok(start(target, first, timeout, retention))
}

/// The first connections.
struct First {
    requests: MultiplexedConnection,
    admin: MultiplexedConnection,
    feed: PubSub,
}

impl First {
    async fn connect(target: &Target) -> Result<Self, OpenError> {
        Ok(Self {
            requests: target.connect().await?,
            admin: target.connect().await?,
            feed: target.connect_feed().await?,
        })
    }
}

fn start(target: Arc<Target>, first: First, timeout: Duration, retention: Retention) -> Stores {
    let requests = Link::new("requests", Arc::clone(&target), Some(first.requests));
    let admin = Link::new("batches", Arc::clone(&target), Some(first.admin));
    let feed = Feed::new(Arc::clone(&target));
    let tasks = vec![
        tokio::spawn(Arc::clone(&requests).keep()).abort_handle(),
        tokio::spawn(Arc::clone(&admin).keep()).abort_handle(),
        tokio::spawn(Arc::clone(&feed).keep(Some(first.feed))).abort_handle(),
    ];
    let core = Arc::new(Core {
        target,
        requests,
        admin,
        feed,
        timeout,
        retention,
        dangling: listing::Dangling::default(),
        unsure: activity::Unsure::default(),
        renewed: activity::Renewed::default(),
    });
    let store = Arc::new(RedisStore { core, runtime: Handle::current(), tasks });
    super::stores_of(store)
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
    requests: Arc<Link>,
    /// Everything else.
    admin: Arc<Link>,
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
    fn run<'a, T, W, F>(&'a self, link: &'a Link, work: W) -> StoreFuture<'a, T>
    where
        T: Send + 'static,
        W: FnOnce(Arc<Core>) -> F + Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        Box::pin(async move {
            let place = link.enter()?;
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
