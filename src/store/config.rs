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
    /// `redis://` and its kin: a server, or servers that act as one.
    Redis(RedisConfig),
}

impl Location {
    /// One word for what it is.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::File(_) => "file",
            Self::Redis(_) => "redis",
        }
    }
}

/// Redis, in one of its three forms.
#[derive(Clone)]
pub(crate) struct RedisConfig {
    /// How the servers stand together.
    pub(crate) topology: Topology,
    /// The server; the Sentinels; or nodes of the cluster to begin with. At least one.
    pub(crate) servers: Vec<Endpoint>,
    /// Database number; 0 in a cluster, which has no other.
    pub(crate) database: i64,
    /// `rediss://` and its kin: towards every server, Sentinels included.
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

/// How the servers stand together.
#[derive(Clone)]
pub(crate) enum Topology {
    /// `redis://`: one server.
    Single,
    /// `redis-sentinel://`: the primary that Sentinels name.
    Sentinel {
        /// What the Sentinels call it.
        master: String,
        /// ACL user at the Sentinels.
        username: Option<String>,
        /// Password at the Sentinels.
        password: Option<crate::config::Secret>,
    },
    /// `redis-cluster://`: the nodes of a cluster.
    Cluster,
}

/// A host and its port.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Endpoint {
    /// Host name or address; an IPv6 address stands without brackets.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: u16,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl RedisConfig {
    /// The scheme, as in `store.url`.
    pub(crate) fn scheme(&self) -> &'static str {
        match (&self.topology, self.tls) {
            (Topology::Single, false) => "redis",
            (Topology::Single, true) => "rediss",
            (Topology::Sentinel { .. }, false) => "redis-sentinel",
            (Topology::Sentinel { .. }, true) => "rediss-sentinel",
            (Topology::Cluster, false) => "redis-cluster",
            (Topology::Cluster, true) => "rediss-cluster",
        }
    }
}

impl std::fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://", self.scheme())?;
        for (at, server) in self.servers.iter().enumerate() {
            write!(f, "{}{server}", if at == 0 { "" } else { "," })?;
        }
        match &self.topology {
            Topology::Single => write!(f, "/{}", self.database),
            Topology::Sentinel { master, .. } => write!(f, "/{master}/{}", self.database),
            Topology::Cluster => Ok(()),
        }
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
