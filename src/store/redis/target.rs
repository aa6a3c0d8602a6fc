//! One Redis server: how it is reached, what it must be, and what a refusal means.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, IntoConnectionInfo, RedisConnectionInfo, RedisError,
    ServerErrorKind, TlsCertificates, Value,
};
use tokio::time::timeout;

use super::keys::Keys;
use super::scripts::Scripts;
use crate::store::{OpenError, RedisConfig};

/// Longest wait for a connection, and again for the handshake on it.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// A last resort below every deadline of our own, in case one is ever missing.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Calls that may wait for their turn to be written; more wait inside their deadlines.
const WRITE_QUEUE: usize = 1024;
/// Oldest Redis whose scripts know flags.
const OLDEST: u32 = 7;

/// A server and what is expected of it.
pub(super) struct Target {
    client: Client,
    /// `host:port`, for messages.
    address: String,
    tls: bool,
    named: bool,
    prefix: String,
    pub(super) keys: Keys,
    pub(super) scripts: Scripts,
    fingerprint: [u8; 16],
}

impl Target {
    pub(super) fn new(config: &RedisConfig, fingerprint: [u8; 16]) -> Result<Self, OpenError> {
        let address = match config.host.contains(':') {
            true => format!("[{}]:{}", config.host, config.port),
            false => format!("{}:{}", config.host, config.port),
        };
        let client = client(config).map_err(|cause| OpenError::Refused(format!("Redis at {address}: {cause}")))?;
        Ok(Self {
            client,
            address,
            tls: config.tls,
            named: config.username.is_some(),
            prefix: config.prefix.clone(),
            keys: Keys::new(&config.prefix),
            scripts: Scripts::new(),
            fingerprint,
        })
    }

    /// `host:port`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// A connection to a server that has proved to be the right one and knows every script.
    pub(super) async fn connect(&self) -> Result<MultiplexedConnection, OpenError> {
        let settings = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN))
            .set_pipeline_buffer_size(WRITE_QUEUE);
        let work = async {
            let mut connection = self.client.get_multiplexed_async_connection_with_config(&settings).await?;
            let hello: Value = redis::cmd("HELLO").query_async(&mut connection).await?;
            Ok((connection, hello))
        };
        let (mut connection, hello) = self.within(work).await?;
        self.check_hello(&hello)?;
        let stored = self.within(self.prepare(&mut connection)).await?;
        if stored != self.fingerprint {
            return Err(OpenError::Refused(format!(
                "Redis at {} holds tokens under the prefix {:?} that were hashed with another key; start with the hash \
                 key (auth.hash_key_file) they were made with, or choose another store.prefix",
                self.address, self.prefix
            )));
        }
        Ok(connection)
    }

    /// A connection for the change feed.
    pub(super) async fn connect_feed(&self) -> Result<redis::aio::PubSub, OpenError> {
        let channel = self.keys.channel();
        self.within(async {
            let mut feed = self.client.get_async_pubsub().await?;
            feed.subscribe(&channel[..]).await?;
            Ok(feed)
        })
        .await
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T, RedisError>>) -> Result<T, OpenError> {
        match timeout(CONNECT_WITHIN, work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(self.refusal(&error)),
            Err(_) => Err(OpenError::Unreachable(format!(
                "Redis at {} does not answer within {} s",
                self.address,
                CONNECT_WITHIN.as_secs()
            ))),
        }
    }

    /// Leaves our fingerprint if there is none, loads the scripts, and returns the fingerprint that is there.
    async fn prepare(&self, connection: &mut MultiplexedConnection) -> Result<Vec<u8>, RedisError> {
        let key = self.keys.fingerprint();
        let mut pipe = redis::pipe();
        pipe.cmd("SET").arg(&key[..]).arg(&self.fingerprint[..]).arg("NX");
        pipe.cmd("GET").arg(&key[..]);
        for script in self.scripts.all() {
            pipe.add_command(script.load());
        }
        let answers: Vec<Value> = pipe.query_async(connection).await?;
        match answers.into_iter().nth(1) {
            Some(Value::BulkString(stored)) => Ok(stored),
            _ => Ok(Vec::new()),
        }
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
        if text("mode") == "cluster" {
            return Err(self.refused("it is a node of a cluster; redis:// and rediss:// name a single server"));
        }
        if text("role") != "master" {
            return Err(OpenError::Unreachable(format!("Redis at {} is a replica and takes no writes", self.address)));
        }
        Ok(())
    }

    fn refused(&self, cause: &str) -> OpenError {
        OpenError::Refused(format!("Redis at {}: {cause}", self.address))
    }

    /// What a failed attempt to connect means. Texts of the server are quoted only where they cannot hold arguments.
    pub(super) fn refusal(&self, error: &RedisError) -> OpenError {
        let unreachable = |cause: &str| OpenError::Unreachable(format!("Redis at {}: {cause}", self.address));
        match (error.kind(), error.code()) {
            (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS")) => self.refused(if self.named {
                "it refuses the username or password (store.username, store.password_file)"
            } else {
                "it refuses the password (store.password_file)"
            }),
            (_, Some("NOAUTH")) => self.refused("it wants a password and none is configured (store.password_file)"),
            (ErrorKind::Server(ServerErrorKind::NoPerm), _) => self.refused(&format!(
                "its user lacks a permission: {}; docs/redis.md lists what is needed",
                error.detail().unwrap_or("no detail given")
            )),
            (_, Some(code @ ("LOADING" | "READONLY" | "MASTERDOWN" | "BUSY" | "MISCONF" | "OOM"))) => {
                unreachable(&format!("it takes no writes now ({code})"))
            }
            (ErrorKind::Parse, _) => self.refused("what answers there does not speak Redis' protocol"),
            (ErrorKind::Io, _) => match tls_cause(error) {
                Some(cause) => {
                    self.refused(&format!("TLS failed: {cause} (store.ca_file names the trusted authority)"))
                }
                None if error.is_connection_refusal() => unreachable("connection refused"),
                None if error.is_timeout() => unreachable("no connection in time"),
                None if error.is_connection_dropped() && !self.tls => {
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

/// A field of HELLO's answer, which is a flat list of names and values in RESP2.
fn hello_field(hello: &Value, name: &str) -> Option<String> {
    let Value::Array(items) = hello else { return None };
    let (pairs, _) = items.as_chunks::<2>();
    pairs.iter().find_map(|[key, value]| match (key, value) {
        (Value::BulkString(key), Value::BulkString(value)) if key == name.as_bytes() => {
            Some(String::from_utf8_lossy(value).into_owned())
        }
        _ => None,
    })
}

fn client(config: &RedisConfig) -> Result<Client, String> {
    let mut login = RedisConnectionInfo::default().set_db(config.database).set_skip_set_lib_name();
    if let Some(username) = &config.username {
        login = login.set_username(username);
    }
    if let Some(password) = &config.password {
        login = login.set_password(password.expose());
    }
    let (host, port) = (config.host.clone(), config.port);
    let address = if config.tls {
        ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
    } else {
        ConnectionAddr::Tcp(host, port)
    };
    let info = address.into_connection_info().map_err(|e| e.to_string())?.set_redis_settings(login);
    if !config.tls {
        return Client::open(info).map_err(|e| e.to_string());
    }
    let root_cert = match &config.ca_file {
        None => None,
        Some(path) => {
            let pem = std::fs::read(path).map_err(|e| format!("store.ca_file {}: {e}", path.display()))?;
            if !pem.windows(27).any(|window| window == b"-----BEGIN CERTIFICATE-----") {
                return Err(format!("store.ca_file {} holds no PEM certificate", path.display()));
            }
            Some(pem)
        }
    };
    let trust = TlsCertificates { client_tls: None, root_cert };
    Client::build_with_tls(info, trust).map_err(|e| match &config.ca_file {
        Some(path) => format!("store.ca_file {}: {e}", path.display()),
        None => e.to_string(),
    })
}
