//! Where state lives. Each store implements the four ports; nothing in the domain knows which one it is.

mod codec;
mod config;
#[cfg(test)]
pub(crate) mod conformance;
mod embedded;
mod foreign;
mod key;
mod metered;
mod redis;
mod spool;

pub(crate) use config::{Config, Endpoint, KeySource, Location, RedisConfig, Topology};
pub(crate) use metered::{Operation, StoreMetrics};
pub(crate) use spool::SpoolMetrics;
use spool::{Replay, Replayed, SpoolOptions, Spooled};

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use self::embedded::Embedded;
use crate::activity::EventLog;
use crate::limit::CounterStore;
use crate::token::{HashKey, Presence, TokenStore};

/// The ports of one opened store.
#[derive(Clone)]
pub(crate) struct Stores {
    /// Tokens.
    pub(crate) tokens: Arc<dyn TokenStore>,
    /// Month quotas.
    pub(crate) counters: Arc<dyn CounterStore>,
    /// Activity.
    pub(crate) activity: Arc<dyn EventLog>,
    /// The sidecars that share the store.
    pub(crate) presence: Arc<dyn Presence>,
}

/// The ports of one store that implements them all.
fn stores_of<S: TokenStore + CounterStore + EventLog + Presence + 'static>(store: Arc<S>) -> Stores {
    Stores {
        tokens: Arc::<S>::clone(&store),
        counters: Arc::<S>::clone(&store),
        activity: Arc::<S>::clone(&store),
        presence: store,
    }
}

/// What closes a store.
type Closing = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// An opened store, and the key of the secrets in it.
pub(crate) struct Opened {
    /// The ports.
    pub(crate) stores: Stores,
    /// The key whose fingerprint the store keeps.
    pub(crate) key: HashKey,
    /// Calls of the ports, counted.
    pub(crate) metrics: Arc<StoreMetrics>,
    spooled: Option<Arc<Spooled>>,
    closing: Closing,
}

impl Opened {
    /// Writes down everything that waits and lets go of the store. Calls made afterwards fail.
    pub(crate) async fn close(self) {
        if let Some(spooled) = &self.spooled {
            spooled.close().await;
        }
        (self.closing)().await;
    }

    /// For a process that serves: takes its place in the spool, and replays what dead ones left there.
    pub(crate) async fn adopt_spool(&self) -> Result<(), String> {
        let Some(spooled) = &self.spooled else { return Ok(()) };
        spooled.adopt().await.map_err(|error| {
            format!("the activity spool in store.data_dir cannot be used: {error}; let the user that runs tollgate own it, or set activity.spool = 0")
        })
    }

    /// Counters of the spool, where there is one.
    pub(crate) fn spool_metrics(&self) -> Option<Arc<SpoolMetrics>> {
        self.spooled.as_ref().map(|spooled| Arc::clone(spooled.metrics()))
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opened")
    }
}

/// Makes the data folder (mode 0700) and the hash key where they are absent, and opens the store.
pub(crate) async fn open(config: &Config) -> Result<Opened, OpenError> {
    let (data_dir, source) = (config.data_dir.clone(), config.hash_key.clone());
    let kept = match &config.location {
        Location::File(path) => Some(path.clone()),
        Location::Memory | Location::Redis(_) => None,
    };
    let key = blocking(move || {
        embedded::make_folder(&data_dir)?;
        key::load(&source, kept.filter(|path| embedded::exists(path)).as_deref())
    })
    .await?;
    let (stores, closing, replay) = match &config.location {
        Location::Memory => open_embedded(config, None, &key).await?,
        Location::File(path) => open_embedded(config, Some(path.clone()), &key).await?,
        Location::Redis(server) => {
            let (stores, replay) = redis::open(server, config.timeout, config.retention, key.fingerprint()).await?;
            // Nothing waits in the process: dropping the last handle ends the connections.
            let closing: Closing = Box::new(|| Box::pin(async {}));
            (stores, closing, Some(replay))
        }
    };
    let metrics = Arc::default();
    let mut stores = metered::metered(stores, &metrics);
    let mut spooled = None;
    if let (Some(replay), 1..) = (replay, config.spool) {
        let folder = config.data_dir.join("spool");
        let options = SpoolOptions { folder, max_bytes: config.spool, durability: config.durability };
        let log = Arc::new(Spooled::start(stores.activity, replay, options));
        stores.activity = Arc::<Spooled>::clone(&log);
        spooled = Some(log);
    }
    Ok(Opened { stores, key, metrics, spooled, closing })
}

async fn open_embedded(
    config: &Config,
    folder: Option<PathBuf>,
    key: &HashKey,
) -> Result<(Stores, Closing, Option<Arc<dyn Replay>>), OpenError> {
    let (fingerprint, retention, durability) = (key.fingerprint(), config.retention, config.durability);
    let source = key::describe(&config.hash_key);
    let store =
        blocking(move || Embedded::open(folder.as_deref(), fingerprint, retention, durability, &source)).await?;
    let store = Arc::new(store);
    let closing = {
        let store = Arc::clone(&store);
        Box::new(move || Box::pin(async move { store.close().await }) as Pin<Box<dyn Future<Output = ()> + Send>>)
    };
    Ok((stores_of(store), closing, None))
}

/// Opening reads files, and much of them after a kill: not on a thread that serves others.
async fn blocking<T: Send + 'static>(
    open: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    let joined = tokio::task::spawn_blocking(open).await;
    joined.unwrap_or_else(|_| Err(OpenError::Refused("opening the store failed unexpectedly; see the log".to_owned())))
}

/// Why a store could not be opened: what, where, and how to mend it. Never names a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// Another process holds the embedded store.
    Held(String),
    /// It is there but cannot be used: wrong password, wrong key, damaged, no room, no permission.
    Refused(String),
    /// It cannot be reached now; trying again later makes sense.
    Unreachable(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(text) | Self::Refused(text) | Self::Unreachable(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for OpenError {}
