//! Checked settings of the store (`[store]` and the hash key of `[auth]`).

use std::path::PathBuf;
use std::time::Duration;

use crate::activity::{Durability, Retention};

/// Where state lives and how it is reached.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The kind of store.
    pub(crate) location: Location,
    /// Folder for key, control socket and spool; made if absent, mode 0700.
    pub(crate) data_dir: PathBuf,
    /// The key of the secret hash.
    pub(crate) hash_key: KeySource,
    /// Longest wait for an answer on the request path.
    pub(crate) timeout: Duration,
    /// How much activity is kept.
    pub(crate) retention: Retention,
    /// When an event is safe.
    pub(crate) durability: Durability,
    /// Redis: bytes of activity that wait on disk while it is away; 0 = none.
    pub(crate) spool: u64,
}

/// The kind of store, from `store.url`.
#[derive(Clone, Debug)]
pub(crate) enum Location {
    /// `memory:`: the embedded store on a folder that is deleted at the end.
    Memory,
    /// `file:PATH`: the embedded store.
    File(PathBuf),
    /// `redis://` or `rediss://`: one server.
    Redis(RedisConfig),
}

/// One Redis server.
#[derive(Clone)]
pub(crate) struct RedisConfig {
    /// Host name or address.
    pub(crate) host: String,
    /// Port, 6379 by default.
    pub(crate) port: u16,
    /// Database number.
    pub(crate) database: i64,
    /// `rediss://`.
    pub(crate) tls: bool,
    /// PEM file of the authorities to trust instead of the built-in ones.
    pub(crate) ca_file: Option<PathBuf>,
    /// ACL user.
    pub(crate) username: Option<String>,
    /// Password.
    pub(crate) password: Option<crate::config::Secret>,
    /// Prefix of every key.
    pub(crate) prefix: String,
}

impl std::fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "redis{}://{}:{}/{}", if self.tls { "s" } else { "" }, self.host, self.port, self.database)
    }
}

/// Where the hash key comes from.
#[derive(Clone, Debug)]
pub(crate) enum KeySource {
    /// A file; made with a fresh key, mode 0600, if `create` and absent. Its content is used without surrounding blanks;
    /// 64 hex digits are decoded, anything else of at least 32 bytes is taken as it is.
    File {
        /// Path of the file.
        path: PathBuf,
        /// Whether to make it.
        create: bool,
    },
    /// Given directly, through `auth.hash_key` or its environment variable.
    Given(crate::config::Secret),
}
