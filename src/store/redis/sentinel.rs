//! The primary, as Sentinels name it. They alone decide which server it is; here they are asked.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::Value;
use redis::aio::MultiplexedConnection;
use tokio::sync::{Mutex, watch};
use tokio::time::{sleep, timeout};

use super::server::{Role, Server, hello_field};
use super::target::{Target, label};
use crate::config::Secret;
use crate::store::{Endpoint, OpenError, RedisConfig};

/// How often the Sentinels are asked whether the primary is still the same.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Longest wait for one Sentinel, from no connection to its answer.
const SENTINEL_WITHIN: Duration = Duration::from_millis(800);

/// The Sentinels of one primary.
pub(super) struct Sentinels {
    target: Arc<Target>,
    label: String,
    master: String,
    all: Vec<Sentinel>,
    /// The primary as last named; none before that.
    current: watch::Sender<Option<Endpoint>>,
}

/// One of them, and the connection that is kept to it.
struct Sentinel {
    server: Server,
    connection: Mutex<Option<MultiplexedConnection>>,
}

/// What one Sentinel says.
struct Said {
    primary: Endpoint,
    /// Number of the failover that made it the primary.
    epoch: u64,
}

impl Sentinels {
    pub(super) fn new(
        target: &Arc<Target>,
        config: &RedisConfig,
        master: &str,
        username: Option<&String>,
        password: Option<&Secret>,
    ) -> Result<Arc<Self>, OpenError> {
        let mut all = Vec::with_capacity(config.servers.len());
        for at in &config.servers {
            let client = target
                .sentinel_client(at, username, password)
                .map_err(|cause| OpenError::Refused(format!("Sentinel at {at}: {cause}")))?;
            let server = Server::sentinel(target, at, client, username.is_some());
            all.push(Sentinel { server, connection: Mutex::default() });
        }
        Ok(Arc::new(Self {
            target: Arc::clone(target),
            label: label(config).trim_start_matches("Redis ").to_owned(),
            master: master.to_owned(),
            all,
            current: watch::Sender::new(None),
        }))
    }

    /// For messages.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// The primary of now.
    pub(super) async fn primary(&self) -> Result<Arc<Server>, OpenError> {
        let primary = self.ask().await?;
        Server::new(&self.target, &primary, Role::Primary).map(Arc::new)
    }

    /// Whether the server at `address` is the primary, as last named.
    pub(super) fn names(&self, address: &str) -> bool {
        self.current.borrow().as_ref().is_none_or(|current| current.to_string() == address)
    }

    /// Ends when another server than the one at `address` is the primary.
    pub(super) async fn leave(&self, address: &str) {
        let mut current = self.current.subscribe();
        let other = |current: &Option<Endpoint>| current.as_ref().is_some_and(|now| now.to_string() != address);
        // Fails only when `self` is gone.
        let _ = current.wait_for(other).await;
    }

    /// Keeps asking, so that a primary that has been replaced is left although it still answers. Runs until aborted.
    pub(super) async fn keep(self: Arc<Self>) {
        loop {
            sleep(ASK_EVERY).await;
            if let Err(error) = self.ask().await {
                tracing::debug!(%error, "the Sentinels do not answer");
            }
        }
    }

    /// Asks all at once. What the latest failover led to counts, among more than half of them or as many as answer: one
    /// that was cut off from the others may still name the old primary.
    async fn ask(&self) -> Result<Endpoint, OpenError> {
        let mut asked: FuturesUnordered<_> =
            self.all.iter().map(|sentinel| sentinel.ask(&self.master, &self.label)).collect();
        let mut best: Option<Said> = None;
        let mut failed = None;
        let mut answers = 0;
        while let Some(said) = asked.next().await {
            match said {
                Ok(said) => {
                    answers += 1;
                    if best.as_ref().is_none_or(|best| said.epoch > best.epoch) {
                        best = Some(said);
                    }
                    if answers * 2 > self.all.len() {
                        break;
                    }
                }
                // A refusal tells more than a Sentinel that is away.
                Err(error) => {
                    if failed.is_none() || matches!(error, OpenError::Refused(_)) {
                        failed = Some(error);
                    }
                }
            }
        }
        let Some(best) = best else {
            return Err(failed.unwrap_or_else(|| OpenError::Unreachable(format!("{}: no answer", self.label))));
        };
        self.current.send_if_modified(|current| {
            let other = current.as_ref() != Some(&best.primary);
            if other {
                if current.is_some() {
                    tracing::info!(primary = %best.primary, "the Sentinels name another primary");
                }
                *current = Some(best.primary.clone());
            }
            other
        });
        Ok(best.primary)
    }
}

impl Sentinel {
    async fn ask(&self, master: &str, label: &str) -> Result<Said, OpenError> {
        // One question at a time; whoever waits asks again, since the answer may be new.
        let mut kept = self.connection.lock().await;
        let work = async {
            let mut cmd = redis::cmd("SENTINEL");
            cmd.arg("MASTER").arg(master);
            let known = kept.take();
            let fresh = known.is_none();
            let mut connection = match known {
                Some(connection) => connection,
                None => self.server.dial().await?,
            };
            let mut answer = cmd.query_async::<Value>(&mut connection).await;
            if !fresh && answer.as_ref().is_err_and(redis::RedisError::is_io_error) {
                connection = self.server.dial().await?;
                answer = cmd.query_async::<Value>(&mut connection).await;
            }
            let said = match answer {
                Ok(answer) => said(&answer).ok_or_else(|| self.server.refused("it does not answer as Sentinels do"))?,
                Err(error) => return Err(self.refusal(&error, label)),
            };
            // Cancelled or failed, it is not kept.
            *kept = Some(connection);
            Ok(said)
        };
        match timeout(SENTINEL_WITHIN, work).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.server.unreachable("no answer in time")),
        }
    }

    fn refusal(&self, error: &redis::RedisError, label: &str) -> OpenError {
        let text = error.detail().unwrap_or_default().to_ascii_lowercase();
        if text.contains("no such master") {
            return self.server.refused(&format!("it knows no master of this name ({label})"));
        }
        if error.code() == Some("ERR") && text.contains("unknown command") {
            return self.server.refused("it is no Sentinel; store.url names those, with port 26379 unless written");
        }
        self.server.refusal(error)
    }
}

fn said(answer: &Value) -> Option<Said> {
    let text = |name: &str| hello_field(answer, name);
    let host = text("ip").filter(|host| !host.is_empty())?;
    let port = text("port")?.parse().ok()?;
    let epoch = text("config-epoch")?.parse().ok()?;
    Some(Said { primary: Endpoint { host, port }, epoch })
}
