//! Upstream connections of one thread: kept while they are idle, opened when none is.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use super::super::config::UpstreamConfig;
use crate::server::CoarseTimer;

/// One upstream as one thread sees it.
#[derive(Debug)]
pub(crate) struct Pool {
    config: UpstreamConfig,
    servers: Vec<Server>,
    /// Where the next request goes; servers take turns.
    turn: Cell<usize>,
}

#[derive(Debug)]
struct Server {
    /// `host:port`, also its `Host` field.
    authority: String,
    /// Most recently used last.
    idle: RefCell<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    link: Link,
    /// Reading of the process clock.
    since: u64,
}

/// A connection with its buffers.
#[derive(Debug)]
pub(crate) struct Link {
    pub(super) stream: TcpStream,
    pub(super) read: BytesMut,
    pub(super) write: Vec<u8>,
    server: usize,
    /// Whether it has served a request before.
    pub(super) reused: bool,
}

/// Whether a kept connection may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// Yes, if there is one.
    Kept,
    /// No: the last one had gone.
    Fresh,
}

/// What a pool tells its owner.
pub(crate) trait PoolMetrics {
    /// A connection was opened.
    fn connected(&self);
}

impl Link {
    /// Where the head of the next request is written.
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.write
    }
}

impl Pool {
    pub(crate) fn new(config: UpstreamConfig) -> Rc<Self> {
        let servers = config
            .servers
            .iter()
            .map(|server| Server { authority: server.to_string(), idle: RefCell::default() })
            .collect();
        Rc::new(Self { config, servers, turn: Cell::new(0) })
    }

    pub(crate) fn config(&self) -> &UpstreamConfig {
        &self.config
    }

    /// The `Host` of the server that a link leads to.
    pub(crate) fn authority(&self, link: &Link) -> &str {
        &self.servers[link.server].authority
    }

    /// A connection: a kept one where allowed, else a new one; servers that cannot be reached are passed over.
    ///
    /// # Errors
    /// The last server's error, when none can be reached.
    pub(crate) async fn link(&self, reuse: Reuse, timer: &CoarseTimer, metrics: &dyn PoolMetrics) -> io::Result<Link> {
        let first = self.turn.replace(self.turn.get().wrapping_add(1));
        let mut last = io::Error::from(io::ErrorKind::NotConnected);
        for offset in 0..self.servers.len() {
            let server = first.wrapping_add(offset) % self.servers.len();
            if reuse == Reuse::Kept
                && let Some(link) = self.take_idle(server)
            {
                return Ok(link);
            }
            let deadline = timer.now().saturating_add(nanos(self.config.connect_timeout));
            let connecting = std::pin::pin!(TcpStream::connect(connect_to(&self.servers[server].authority)));
            match timer.until(deadline, connecting).await {
                Ok(Ok(stream)) => {
                    metrics.connected();
                    // Requests must not wait for more to send; a failure only costs latency.
                    let _ = stream.set_nodelay(true);
                    let (read, write) = (BytesMut::with_capacity(8 * 1024), Vec::with_capacity(1024));
                    return Ok(Link { stream, read, write, server, reused: false });
                }
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
            let upstream = &self.config.name;
            tracing::debug!(upstream, server = self.servers[server].authority, error = %last, "no connection");
        }
        Err(last)
    }

    /// The most recent idle connection of a server that is still silent: one that has said something since its last
    /// answer, or has closed, is of no use.
    fn take_idle(&self, server: usize) -> Option<Link> {
        let mut idle = self.servers[server].idle.borrow_mut();
        while let Some(mut kept) = idle.pop() {
            if is_silent(&mut kept.link.stream) {
                kept.link.reused = true;
                return Some(kept.link);
            }
        }
        None
    }

    /// Keeps a connection whose exchange is over.
    pub(super) fn keep(&self, mut link: Link, timer: &CoarseTimer) {
        let mut idle = self.servers[link.server].idle.borrow_mut();
        if idle.len() < self.config.idle_connections {
            link.write.clear();
            idle.push(Idle { link, since: timer.now() });
        }
    }

    /// Closes what has been idle too long.
    pub(crate) fn sweep(&self, now: u64) {
        let limit = nanos(self.config.idle_timeout);
        for server in &self.servers {
            server.idle.borrow_mut().retain(|idle| now.saturating_sub(idle.since) < limit);
        }
    }
}

/// `host:port` with the port filled in.
fn connect_to(authority: &str) -> String {
    let port = authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    if port { authority.to_owned() } else { format!("{authority}:80") }
}

/// Whether nothing has arrived since the last answer, as far as the reactor knows; no system call for a silent one.
fn is_silent(stream: &mut TcpStream) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    match stream.poll_read_ready(&mut cx) {
        Poll::Pending => true,
        Poll::Ready(Err(_)) => false,
        Poll::Ready(Ok(())) => {
            let mut byte = [0];
            let mut buf = ReadBuf::new(&mut byte);
            // Pending: readiness was left over from a read that emptied the socket exactly.
            Pin::new(stream).poll_read(&mut cx, &mut buf).is_pending()
        }
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
