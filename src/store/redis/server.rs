//! One Redis server: how it is reached, what it must be, and what a refusal means.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::time::timeout;

use super::target::Target;
use crate::store::{Endpoint, OpenError};

/// Longest wait for a connection, and again for the handshake on it.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// A last resort below every deadline of our own, in case one is ever missing.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Calls that may wait for their turn to be written; more wait inside their deadlines.
const WRITE_QUEUE: usize = 1024;
/// Oldest Redis whose scripts know flags.
const OLDEST: u32 = 7;

/// What a server is in its company.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Role {
    /// The only one.
    Alone,
    /// The one that Sentinels name.
    Primary,
    /// A node of a cluster.
    Member,
    /// A Sentinel, which holds no data.
    Sentinel,
}

/// A server and what is expected of it.
pub(super) struct Server {
    target: Arc<Target>,
    client: Client,
    /// `host:port`.
    address: String,
    role: Role,
    /// Whether an ACL user is named.
    named: bool,
}

/// A connection to a server that has proved to be the right one.
#[derive(Clone)]
pub(super) struct Joined {
    pub(super) connection: MultiplexedConnection,
    /// `host:port` of the server.
    pub(super) address: String,
    /// Whether the fingerprint of the hash key was compared: in a cluster one node has it.
    pub(super) verified: bool,
}

impl Server {
    pub(super) fn new(target: &Arc<Target>, at: &Endpoint, role: Role) -> Result<Self, OpenError> {
        let client = target.client(at).map_err(|cause| OpenError::Refused(format!("Redis at {at}: {cause}")))?;
        Ok(Self { target: Arc::clone(target), client, address: at.to_string(), role, named: target.named() })
    }

    /// A Sentinel, with a login of its own.
    pub(super) fn sentinel(target: &Arc<Target>, at: &Endpoint, client: Client, named: bool) -> Self {
        Self { target: Arc::clone(target), client, address: at.to_string(), role: Role::Sentinel, named }
    }

    /// `host:port`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// A connection, to whatever is there.
    pub(super) async fn dial(&self) -> Result<MultiplexedConnection, OpenError> {
        let settings = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN))
            .set_pipeline_buffer_size(WRITE_QUEUE);
        self.within(self.client.get_multiplexed_async_connection_with_config(&settings)).await
    }

    /// A connection to a server that has proved to be the right one and knows every script.
    pub(super) async fn connect(&self) -> Result<Joined, OpenError> {
        let mut connection = self.dial().await?;
        let hello: Value = self.within(redis::cmd("HELLO").query_async(&mut connection)).await?;
        self.check_hello(&hello)?;
        let stored = self.prepare(&mut connection).await?;
        if stored.as_ref().is_some_and(|stored| *stored != self.target.fingerprint) {
            return Err(OpenError::Refused(format!(
                "Redis at {} holds tokens under the prefix {:?} that were hashed with another key; start with the hash \
                 key (auth.hash_key_file) they were made with, or choose another store.prefix",
                self.address, self.target.prefix
            )));
        }
        Ok(Joined { connection, address: self.address.clone(), verified: stored.is_some() })
    }

    /// A connection for the change feed.
    pub(super) async fn connect_feed(&self) -> Result<redis::aio::PubSub, OpenError> {
        let channel = self.target.keys.channel();
        self.within(async {
            let mut feed = self.client.get_async_pubsub().await?;
            feed.subscribe(&channel[..]).await?;
            Ok(feed)
        })
        .await
    }

    pub(super) async fn within<T>(&self, work: impl Future<Output = Result<T, RedisError>>) -> Result<T, OpenError> {
        match timeout(CONNECT_WITHIN, work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(self.refusal(&error)),
            Err(_) => Err(self.unreachable(&format!("it does not answer within {} s", CONNECT_WITHIN.as_secs()))),
        }
    }

    /// Leaves our fingerprint if there is none, loads the scripts, and returns the fingerprint that is there; nothing if
    /// another node of the cluster has it.
    async fn prepare(&self, connection: &mut MultiplexedConnection) -> Result<Option<Vec<u8>>, OpenError> {
        let (key, target) = (self.target.keys.fingerprint(), &self.target);
        let mut pipe = Pipeline::new();
        pipe.cmd("SET").arg(&key[..]).arg(&target.fingerprint[..]).arg("NX");
        pipe.cmd("GET").arg(&key[..]);
        let needs = include_str!("needs.lua");
        pipe.cmd("EVAL").arg(needs).arg(0).arg(target.prefix.as_bytes()).arg(target.keys.channel());
        if self.role == Role::Member {
            // It changes nothing before a command on a key; a user who may not send it is found out now.
            pipe.cmd("ASKING");
        }
        for script in target.scripts.all() {
            pipe.add_command(script.load());
        }
        let answers = self.within(connection.send_packed_commands(&pipe, 0, pipe.len())).await?;
        let outcomes: Vec<RedisResult<Value>> = answers.into_iter().map(Value::extract_error).collect();
        let moved = |outcome: &RedisResult<Value>| {
            let code = outcome.as_ref().err().and_then(|error| error.code());
            self.role == Role::Member && matches!(code, Some("MOVED" | "ASK" | "CLUSTERDOWN"))
        };
        if let Some(Err(error)) = outcomes.iter().find(|outcome| outcome.is_err() && !moved(outcome)) {
            return Err(self.refusal(error));
        }
        if let Some(Ok(Value::Array(missing))) = outcomes.get(2)
            && !missing.is_empty()
        {
            return Err(self.lacks(missing));
        }
        match outcomes.into_iter().nth(1) {
            Some(Ok(Value::BulkString(stored))) => Ok(Some(stored)),
            Some(Err(_)) => Ok(None),
            _ => Ok(Some(Vec::new())),
        }
    }

    fn lacks(&self, missing: &[Value]) -> OpenError {
        let names: Vec<String> = missing
            .iter()
            .filter_map(|name| match name {
                Value::BulkString(name) => Some(format!("+{}", String::from_utf8_lossy(name))),
                _ => None,
            })
            .collect();
        self.refused(&format!(
            "its user lacks permissions, for the command or for keys and channels that begin with {:?}: {}; \
             docs/redis.md lists what is needed",
            self.target.prefix,
            names.join(" ")
        ))
    }

    fn check_hello(&self, hello: &Value) -> Result<(), OpenError> {
        let text = |name: &str| hello_field(hello, name).unwrap_or_default();
        let version = text("version");
        let major: Option<u32> = version.split('.').next().and_then(|major| major.parse().ok());
        match major {
            None => return Err(self.refused("what answers there is no Redis")),
            Some(major) if major < OLDEST => {
                return Err(self.refused(&format!("it is version {version}; Tollgate needs {OLDEST}.0 or later")));
            }
            Some(_) => {}
        }
        let tls = if self.target.tls { "rediss" } else { "redis" };
        match (text("mode").as_str(), self.role) {
            ("sentinel", _) => {
                return Err(
                    self.refused(&format!("it is a Sentinel; write {tls}-sentinel://HOST,HOST/MASTER in store.url"))
                );
            }
            ("cluster", Role::Alone | Role::Primary) => {
                return Err(
                    self.refused(&format!("it is a node of a cluster; write {tls}-cluster://HOST,HOST in store.url"))
                );
            }
            (mode, Role::Member) if mode != "cluster" => {
                return Err(self.refused(&format!("it is no node of a cluster; write {tls}://HOST in store.url")));
            }
            _ => {}
        }
        if text("role") != "master" {
            return Err(self.unreachable("it is a replica and takes no writes"));
        }
        Ok(())
    }

    pub(super) fn refused(&self, cause: &str) -> OpenError {
        OpenError::Refused(format!("{} at {}: {cause}", self.noun(), self.address))
    }

    pub(super) fn unreachable(&self, cause: &str) -> OpenError {
        OpenError::Unreachable(format!("{} at {}: {cause}", self.noun(), self.address))
    }

    fn noun(&self) -> &'static str {
        if self.role == Role::Sentinel { "Sentinel" } else { "Redis" }
    }

    /// What a failed attempt to connect means. Texts of the server are quoted only where they cannot hold arguments.
    pub(super) fn refusal(&self, error: &RedisError) -> OpenError {
        let unreachable = |cause: &str| self.unreachable(cause);
        let (username, password) = match self.role {
            Role::Sentinel => ("store.sentinel_username", "store.sentinel_password_file"),
            _ => ("store.username", "store.password_file"),
        };
        match (error.kind(), error.code()) {
            (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS")) => self.refused(&if self.named {
                format!("it refuses the username or password ({username}, {password})")
            } else {
                format!("it refuses the password ({password})")
            }),
            (_, Some("NOAUTH")) => self.refused(&format!("it wants a password and none is configured ({password})")),
            (ErrorKind::Server(ServerErrorKind::NoPerm), _) => self.refused(&format!(
                "its user lacks a permission: {}; docs/redis.md lists what is needed",
                error.detail().unwrap_or("no detail given")
            )),
            (_, Some(code @ ("LOADING" | "READONLY" | "MASTERDOWN" | "BUSY" | "MISCONF" | "OOM" | "CLUSTERDOWN"))) => {
                unreachable(&format!("it takes no writes now ({code})"))
            }
            (ErrorKind::Parse, _) => self.refused("what answers there does not speak Redis' protocol"),
            (ErrorKind::Io, _) => match tls_cause(error) {
                Some(cause) => {
                    self.refused(&format!("TLS failed: {cause} (store.ca_file names the trusted authority)"))
                }
                None if error.is_connection_refusal() => unreachable("connection refused"),
                None if error.is_timeout() => unreachable("no connection in time"),
                None if error.is_connection_dropped() && !self.target.tls => {
                    unreachable("it closed the connection; a server that speaks TLS wants rediss://")
                }
                None => unreachable(&format!("{error}")),
            },
            (ErrorKind::InvalidClientConfig, _) => self.refused(&format!("{error}")),
            (_, code) => self.refused(&format!(
                "it answered with an error ({}{})",
                code.unwrap_or("no code"),
                error.detail().map(|detail| format!(": {}", cut(detail))).unwrap_or_default()
            )),
        }
    }
}

/// The beginning of a server's text, so that a long or hostile one stays one log line.
fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}

/// The TLS error inside an I/O error, if that is what failed.
fn tls_cause(error: &RedisError) -> Option<&rustls::Error> {
    let source = error.source()?;
    let inner = match source.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
        Some(shared) => &**shared as &(dyn Error + 'static),
        None => source,
    };
    inner.downcast_ref::<std::io::Error>()?.get_ref()?.downcast_ref()
}

/// A field of an answer that is a flat list of names and values, as RESP2 has it.
pub(super) fn hello_field(hello: &Value, name: &str) -> Option<String> {
    let Value::Array(items) = hello else { return None };
    let (pairs, _) = items.as_chunks::<2>();
    pairs.iter().find_map(|[key, value]| match (key, value) {
        (Value::BulkString(key), Value::BulkString(value)) if key == name.as_bytes() => {
            Some(String::from_utf8_lossy(value).into_owned())
        }
        _ => None,
    })
}
