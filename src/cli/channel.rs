//! How token commands reach the store: through the sidecar that holds it, or directly.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::admin::command::{Command, Reply, execute};
use crate::admin::control;
use crate::admin::service::{Policy, TokenService};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{self, Location, OpenError};

/// How long a sidecar that holds the store, and is perhaps just starting, is given to answer.
const HELD_PATIENCE: Duration = Duration::from_secs(3);
/// Replies made ahead of the terminal.
const REPLIES_AHEAD: usize = 64;

/// The way to the store.
pub(super) enum Channel {
    /// A running sidecar holds the embedded store.
    Socket(PathBuf),
    /// This process has the store open.
    Direct(Box<Direct>),
}

pub(super) struct Direct {
    service: TokenService,
    opened: store::Opened,
}

impl Channel {
    /// Finds the way. Redis is opened directly; the embedded store only if no sidecar holds it.
    pub(super) async fn open(config: &Config) -> Result<Self, String> {
        let socket = control::socket_path(&config.store.data_dir);
        if matches!(config.store.location, Location::Redis(_)) {
            return direct(config).await.map_err(|e| e.to_string());
        }
        if control::answers(&socket).await {
            return Ok(Self::Socket(socket));
        }
        if matches!(config.store.location, Location::Memory) {
            return Err(format!(
                "no sidecar answers on {}: a store in memory: lives only inside `tollgate run`; start it, or set store.url to a file",
                socket.display()
            ));
        }
        let deadline = Instant::now() + HELD_PATIENCE;
        loop {
            match direct(config).await {
                Err(OpenError::Held(held)) => {
                    if control::answers(&socket).await {
                        return Ok(Self::Socket(socket));
                    }
                    if Instant::now() >= deadline {
                        return Err(format!(
                            "{held}; and nobody answers on its control socket {}: check that both use the same store.data_dir and that the other process is well, or stop it",
                            socket.display()
                        ));
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                other => return other.map_err(|e| e.to_string()),
            }
        }
    }

    /// Asks and hands over every reply until `on_reply` breaks off.
    pub(super) async fn call(
        &self,
        command: Command,
        on_reply: &mut impl FnMut(Reply) -> ControlFlow<()>,
    ) -> Result<(), String> {
        match self {
            Self::Socket(path) => control::call(path, &command, on_reply).await.map_err(|e| e.to_string()),
            Self::Direct(direct) => {
                let (send, mut receive) = mpsc::channel(REPLIES_AHEAD);
                let work = async {
                    execute(&direct.service, command, &send).await;
                    drop(send);
                };
                let read = async {
                    while let Some(reply) = receive.recv().await {
                        if on_reply(reply).is_break() {
                            receive.close();
                            break;
                        }
                    }
                };
                tokio::join!(work, read);
                Ok(())
            }
        }
    }

    /// Lets go of the store.
    pub(super) async fn close(self) {
        if let Self::Direct(direct) = self {
            let Direct { service, opened } = *direct;
            drop(service);
            opened.close().await;
        }
    }
}

async fn direct(config: &Config) -> Result<Channel, OpenError> {
    let opened = store::open(&config.store).await?;
    let policy =
        Policy { bundles: config.bundles.clone(), plans: config.plans.clone(), directory: config.directory.clone() };
    let service = TokenService::new(
        opened.stores.tokens.clone(),
        opened.stores.activity.clone(),
        opened.key.clone(),
        policy,
        Clock::system(),
    );
    Ok(Channel::Direct(Box::new(Direct { service, opened })))
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    async fn made(channel: &Channel, name: &str) -> Vec<Reply> {
        let draft = crate::admin::service::Draft { name: name.to_owned(), ..Default::default() };
        let command = Command::Create { draft: Box::new(draft), count: None };
        let mut replies = Vec::new();
        let mut keep = |reply| {
            replies.push(reply);
            ControlFlow::Continue(())
        };
        channel.call(command, &mut keep).await.expect("answered");
        replies
    }

    #[tokio::test]
    async fn the_store_is_reached_through_its_holder_or_directly() {
        let dir = tempfile::tempdir().expect("a folder");
        let text = "[store]\nurl = \"file:./data\"\ndata_dir = \"./data\"\n";
        let config = Config::parse(text, &dir.path().join("t.toml"), &BTreeMap::new()).expect("a configuration");

        let free = Channel::open(&config).await.expect("nobody holds it");
        assert!(matches!(free, Channel::Direct(_)));
        assert!(matches!(&made(&free, "first").await[..], [Reply::Token { token }, Reply::Done] if token.serial == 1));
        free.close().await;

        let Channel::Direct(holder) = direct(&config).await.expect("free again") else { unreachable!() };
        let listener = control::bind(&control::socket_path(&config.store.data_dir)).await.expect("bound");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let server = tokio::spawn(control::serve(listener, holder.service.clone(), async { drop(stopped.await) }));
        let through = Channel::open(&config).await.expect("the holder answers");
        assert!(matches!(through, Channel::Socket(_)));
        assert!(
            matches!(&made(&through, "second").await[..], [Reply::Token { token }, Reply::Done] if token.serial == 2)
        );
        through.close().await;

        stop.send(()).expect("it runs");
        server.await.expect("no panic");
        let error = Channel::open(&config).await.err().expect("held, and nobody answers");
        assert!(error.contains("control.sock") && error.contains("stop it"), "{error}");
        holder.opened.close().await;
    }

    #[tokio::test]
    async fn a_store_in_memory_is_only_to_be_had_from_its_holder() {
        let dir = tempfile::tempdir().expect("a folder");
        let text = "[store]\nurl = \"memory:\"\ndata_dir = \"./data\"\n";
        let config = Config::parse(text, &dir.path().join("t.toml"), &BTreeMap::new()).expect("a configuration");
        let error = Channel::open(&config).await.err().expect("nobody holds it");
        assert!(error.contains("tollgate run"), "{error}");
    }
}
