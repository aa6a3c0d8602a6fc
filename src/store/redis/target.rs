//! What the servers have in common: how they are logged in to, what lies in them, and which of them is meant.

use std::path::PathBuf;
use std::sync::Arc;

use redis::{Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, TlsCertificates};

use super::keys::Keys;
use super::scripts::Scripts;
use super::sentinel::Sentinels;
use super::server::Server;
use crate::config::Secret;
use crate::store::{Endpoint, OpenError, RedisConfig, Topology};

pub(super) use super::server::Joined;

/// What holds for every server.
pub(super) struct Target {
    pub(super) keys: Keys,
    pub(super) scripts: Scripts,
    pub(super) fingerprint: [u8; 16],
    pub(super) prefix: String,
    pub(super) tls: bool,
    login: Login,
    trust: Trust,
}

/// Who we are, to one kind of server.
#[derive(Default)]
pub(super) struct Login {
    username: Option<String>,
    password: Option<Secret>,
    database: i64,
}

/// Whom we trust: the content of `store.ca_file`.
#[derive(Default)]
struct Trust {
    path: Option<PathBuf>,
    pem: Option<Vec<u8>>,
}

impl Target {
    pub(super) fn new(config: &RedisConfig, fingerprint: [u8; 16]) -> Result<Self, OpenError> {
        let trust = Trust::read(config).map_err(|cause| OpenError::Refused(format!("{}: {cause}", label(config))))?;
        Ok(Self {
            keys: Keys::new(&config.prefix),
            scripts: Scripts::new(),
            fingerprint,
            prefix: config.prefix.clone(),
            tls: config.tls,
            login: Login {
                username: config.username.clone(),
                password: config.password.clone(),
                database: config.database,
            },
            trust,
        })
    }

    /// Whether an ACL user is named.
    pub(super) fn named(&self) -> bool {
        self.login.username.is_some()
    }

    /// What connects to a Redis server.
    pub(super) fn client(&self, at: &Endpoint) -> Result<Client, String> {
        self.client_as(at, &self.login)
    }

    /// What connects to a Sentinel.
    pub(super) fn sentinel_client(
        &self,
        at: &Endpoint,
        username: Option<&String>,
        password: Option<&Secret>,
    ) -> Result<Client, String> {
        let login = Login { username: username.cloned(), password: password.cloned(), database: 0 };
        self.client_as(at, &login)
    }

    fn client_as(&self, at: &Endpoint, login: &Login) -> Result<Client, String> {
        let mut settings = RedisConnectionInfo::default().set_db(login.database).set_skip_set_lib_name();
        if let Some(username) = &login.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = &login.password {
            settings = settings.set_password(password.expose());
        }
        let (host, port) = (at.host.clone(), at.port);
        let address = if self.tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        let info = address.into_connection_info().map_err(|e| e.to_string())?.set_redis_settings(settings);
        if !self.tls {
            return Client::open(info).map_err(|e| e.to_string());
        }
        let trust = TlsCertificates { client_tls: None, root_cert: self.trust.pem.clone() };
        Client::build_with_tls(info, trust).map_err(|e| match &self.trust.path {
            Some(path) => format!("store.ca_file {}: {e}", path.display()),
            None => e.to_string(),
        })
    }
}

impl Trust {
    fn read(config: &RedisConfig) -> Result<Self, String> {
        let Some(path) = config.ca_file.as_ref().filter(|_| config.tls) else { return Ok(Self::default()) };
        let pem = std::fs::read(path).map_err(|e| format!("store.ca_file {}: {e}", path.display()))?;
        if !pem.windows(27).any(|window| window == b"-----BEGIN CERTIFICATE-----") {
            return Err(format!("store.ca_file {} holds no PEM certificate", path.display()));
        }
        Ok(Self { path: Some(path.clone()), pem: Some(pem) })
    }
}

/// What is configured, for messages about more than one server.
pub(super) fn label(config: &RedisConfig) -> String {
    let servers: Vec<String> = config.servers.iter().map(Endpoint::to_string).collect();
    let servers = servers.join(",");
    match &config.topology {
        Topology::Single => format!("Redis at {servers}"),
        Topology::Sentinel { master, .. } => format!("Redis \"{master}\" of the Sentinels at {servers}"),
        Topology::Cluster => format!("Redis Cluster at {servers}"),
    }
}

/// What a link leads to.
#[derive(Clone)]
pub(super) enum Node {
    /// One server, for ever.
    Server(Arc<Server>),
    /// Whichever server the Sentinels name.
    Primary(Arc<Sentinels>),
}

impl Node {
    /// `host:port`, for messages.
    pub(super) fn address(&self) -> &str {
        match self {
            Self::Server(server) => server.address(),
            Self::Primary(sentinels) => sentinels.label(),
        }
    }

    /// A connection to a server that has proved to be the right one and knows every script.
    pub(super) async fn connect(&self) -> Result<Joined, OpenError> {
        match self {
            Self::Server(server) => server.connect().await,
            Self::Primary(sentinels) => sentinels.primary().await?.connect().await,
        }
    }

    /// A connection for the change feed, and whom it leads to.
    pub(super) async fn connect_feed(&self) -> Result<(redis::aio::PubSub, String), OpenError> {
        let server = match self {
            Self::Server(server) => Arc::clone(server),
            Self::Primary(sentinels) => sentinels.primary().await?,
        };
        Ok((server.connect_feed().await?, server.address().to_owned()))
    }

    /// Whether the server at `address` is still the one.
    pub(super) fn serves(&self, address: &str) -> bool {
        match self {
            Self::Server(_) => true,
            Self::Primary(sentinels) => sentinels.names(address),
        }
    }
}
