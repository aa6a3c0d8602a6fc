//! The control socket: how token commands reach the process that holds the embedded store.
//!
//! One request per connection: a JSON [`Command`] on a line, then JSON [`Reply`] lines. Whoever may open the socket (mode
//! 0600) is the local operator.

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use super::command::{Command, Reply, execute};
use super::service::TokenService;

/// Longest line either way, in bytes.
const MAX_LINE: usize = 1 << 20;
/// Commands served at the same time; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 32;
/// Replies made ahead of a slow reader.
const REPLIES_AHEAD: usize = 64;
/// Longest wait for a request, and for a reader that does not read.
const PEER_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest silence of the serving process inside an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Where the socket lies.
pub(crate) fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

/// Binds the socket with mode 0600. A file that a dead process left is replaced.
///
/// # Errors
/// Another process answers on it, the path is too long for a socket (107 bytes on Linux), or the folder refuses it.
pub(crate) async fn bind(path: &Path) -> Result<UnixListener, String> {
    let told = |e: io::Error| format!("{}: cannot make the control socket: {e}", path.display());
    if UnixStream::connect(path).await.is_ok() {
        return Err(format!("{}: another process answers on the control socket; stop it first", path.display()));
    }
    // Made under a name of its own and moved into place, so that it is never open to others, not even for a moment.
    let draft = path.with_extension(format!("{:x}", std::process::id()));
    remove(&draft).map_err(told)?;
    let listener = UnixListener::bind(&draft).map_err(told)?;
    std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o600)).map_err(told)?;
    std::fs::rename(&draft, path).map_err(told)?;
    Ok(listener)
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Serves commands until `shutdown` resolves. Commands under way are then ended.
pub(crate) async fn serve(listener: UnixListener, service: TokenService, shutdown: impl Future<Output = ()>) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut tasks = tokio::task::JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let next = async {
            // The semaphore is never closed.
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        tokio::select! {
            () = &mut shutdown => return,
            (permit, accepted) = next => match accepted {
                Ok((stream, _)) => {
                    let service = service.clone();
                    tasks.spawn(async move {
                        let _permit = permit;
                        if let Err(error) = converse(stream, &service).await {
                            tracing::debug!(%error, "a command on the control socket was not answered");
                        }
                    });
                    while tasks.try_join_next().is_some() {}
                }
                Err(error) => {
                    tracing::warn!(%error, "the control socket cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
}

async fn converse(stream: UnixStream, service: &TokenService) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let line = match timeout(PEER_TIMEOUT, Lines::new(read).next()).await {
        Ok(line) => line?,
        Err(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, "no request came")),
    };
    let Some(line) = line else { return Ok(()) };
    let command: Command = match serde_json::from_slice(&line) {
        Ok(command) => command,
        Err(error) => {
            // Only the place is told: the message of a type error would repeat the value, which may be a secret.
            let message = format!(
                "the running sidecar does not understand this command (column {}); are both of the same version?",
                error.column()
            );
            return write_line(&mut write, &Reply::Error { message }).await;
        }
    };
    let (send, mut receive) = mpsc::channel(REPLIES_AHEAD);
    let pump = async {
        while let Some(reply) = receive.recv().await {
            write_line(&mut write, &reply).await?;
        }
        Ok(())
    };
    let work = async {
        execute(service, command, &send).await;
        drop(send);
        Ok::<(), io::Error>(())
    };
    // When the reader is gone, what is under way is dropped: its secrets could not be shown to anybody.
    let mut work = std::pin::pin!(work);
    let mut pump = std::pin::pin!(pump);
    tokio::select! {
        result = &mut pump => result,
        result = &mut work => { result?; pump.await }
    }
}

async fn write_line<T: serde::Serialize>(write: &mut OwnedWriteHalf, value: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    match timeout(PEER_TIMEOUT, write.write_all(&line)).await {
        Ok(result) => result,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the other side does not read")),
    }
}

/// Lines of at most [`MAX_LINE`] bytes.
struct Lines {
    read: BufReader<OwnedReadHalf>,
}

impl Lines {
    fn new(read: OwnedReadHalf) -> Self {
        Self { read: BufReader::new(read) }
    }

    /// The next line without its end; `None` at the end of the stream.
    async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let read = (&mut self.read).take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line).await?;
        if read == 0 {
            return Ok(None);
        }
        if line.pop() != Some(b'\n') {
            let cause = if read > MAX_LINE { "a line is longer than 1 MiB" } else { "the stream ends inside a line" };
            return Err(io::Error::new(io::ErrorKind::InvalidData, cause));
        }
        Ok(Some(line))
    }
}

/// Why a command could not be asked through the socket.
#[derive(Debug)]
pub(crate) enum CallError {
    /// There is no socket, or nobody behind it: the store is free, as far as this tells.
    NobodyListens,
    /// Somebody listens, but the command did not get its whole answer.
    Broken(String),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyListens => f.write_str("no sidecar listens on the control socket"),
            Self::Broken(text) => f.write_str(text),
        }
    }
}

/// Whether a process answers on the socket.
pub(crate) async fn answers(path: &Path) -> bool {
    UnixStream::connect(path).await.is_ok()
}

/// Asks the process behind the socket and hands over its replies, the last one included, until `on_reply` breaks off.
pub(crate) async fn call(
    path: &Path,
    command: &Command,
    on_reply: &mut impl FnMut(Reply) -> ControlFlow<()>,
) -> Result<(), CallError> {
    let broken = |cause: &dyn fmt::Display| {
        CallError::Broken(format!(
            "{}: the control socket broke off: {cause}; `tollgate token list` shows what was done",
            path.display()
        ))
    };
    let stream = match UnixStream::connect(path).await {
        Ok(stream) => stream,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Err(CallError::NobodyListens);
        }
        Err(e) => return Err(CallError::Broken(format!("{}: cannot use the control socket: {e}", path.display()))),
    };
    let (read, mut write) = stream.into_split();
    write_line(&mut write, command).await.map_err(|e| broken(&e))?;
    let mut lines = Lines::new(read);
    loop {
        let line = match timeout(ANSWER_TIMEOUT, lines.next()).await {
            Ok(line) => line.map_err(|e| broken(&e))?,
            Err(_) => return Err(broken(&"no answer for a minute")),
        };
        let Some(line) = line else { return Err(broken(&"the sidecar ended before the answer did")) };
        let reply: Reply =
            serde_json::from_slice(&line).map_err(|_| broken(&"an answer that this version cannot read"))?;
        let last = matches!(reply, Reply::Done | Reply::Error { .. });
        if on_reply(reply).is_break() || last {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::service::memory::service;
    use crate::admin::service::{Draft, Policy};
    use crate::admin::view::SecretText;

    fn fresh() -> TokenService {
        let policy = Policy { bundles: Default::default(), plans: Default::default(), directory: Default::default() };
        service(policy).0
    }

    async fn ask(path: &Path, command: Command) -> Vec<Reply> {
        let mut replies = Vec::new();
        call(path, &command, &mut |reply| {
            replies.push(reply);
            ControlFlow::Continue(())
        })
        .await
        .expect("answered");
        replies
    }

    #[tokio::test]
    async fn commands_travel_through_the_socket() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = socket_path(dir.path());
        drop(std::os::unix::net::UnixListener::bind(&path).expect("what a dead process leaves"));
        let nobody = call(&path, &Command::Show { token: "1".into() }, &mut |_| ControlFlow::Continue(())).await;
        assert!(matches!(nobody, Err(CallError::NobodyListens)));
        let listener = bind(&path).await.expect("bound over the stale file");
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 1);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, fresh(), async move { drop(stopped.await) }));
        assert!(bind(&path).await.is_err(), "in use");

        let draft = Box::new(Draft { name: "t".into(), ..Draft::default() });
        let made = ask(&path, Command::Create { draft, count: Some(300) }).await;
        assert_eq!(made.len(), 301);
        let Reply::Token { token } = &made[7] else { panic!("{made:?}") };
        let secret = token.secret.clone().expect("shown once");
        let found = ask(&path, Command::Lookup { secret }).await;
        assert!(matches!(&found[..], [Reply::Token { token }, Reply::Done] if token.name == "t-8"));
        let none = ask(&path, Command::Lookup { secret: SecretText::new("nobody-has-this-one") }).await;
        assert!(matches!(&none[..], [Reply::Error { message }] if message == "no such token"));

        stop.send(()).expect("the server waits for it");
        server.await.expect("no panic");
        assert!(matches!(
            call(&path, &Command::Show { token: "1".into() }, &mut |_| ControlFlow::Continue(())).await,
            Err(CallError::NobodyListens)
        ));
    }

    #[tokio::test]
    async fn what_is_no_command_is_refused_without_repeating_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = socket_path(dir.path());
        let listener = bind(&path).await.expect("bound");
        let _server = tokio::spawn(serve(listener, fresh(), std::future::pending()));
        let exchange = async |bytes: Vec<u8>| {
            let mut stream = UnixStream::connect(&path).await.expect("connected");
            // The server may hang up before all of an over-long line is written.
            let _ = stream.write_all(&bytes).await;
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer).await;
            answer
        };
        let answer = exchange(b"{\"command\":\"lookup\",\"secret\":{\"x\":\"s3cret-s3cret-s3cret\"}}\n".to_vec()).await;
        assert!(answer.contains("same version") && !answer.contains("s3cret"), "{answer}");
        assert_eq!(exchange(vec![b'a'; MAX_LINE + 2]).await, "");
        let answer = exchange(b"\xff\xfe\n".to_vec()).await;
        assert!(answer.contains("\"reply\":\"error\""), "{answer}");
    }
}
