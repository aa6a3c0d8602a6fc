//! Opening of the shared store.

use super::{Config, OpenError, Opened, RedisConfig, redis};
use crate::token::HashKey;

/// Connects to the server and checks that it keeps the fingerprint of `key`.
pub(super) async fn open(config: &Config, server: &RedisConfig, key: HashKey) -> Result<Opened, OpenError> {
    let stores = redis::open(server, config.timeout, config.retention, key.fingerprint()).await?;
    // Nothing waits in the process: dropping the last handle ends the connections.
    Ok(Opened { stores, key, closing: Box::new(|| Box::pin(async {})) })
}
