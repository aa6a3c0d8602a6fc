//! The admin port: connections, their deadlines, and the end of them.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, EXPECT};
use http::{HeaderValue, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::AdminPlane;
use crate::server::PeerAddr;

/// Pause after an accept that failed, for example for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Most bytes that are taken of a body nobody wanted; the connection ends with the answer beyond.
const MOST_LEFT: usize = 64 * 1024;
/// Bytes taken of a body that is refused for its length, before the answer.
const MOST_REFUSED: usize = 16 << 20;
/// Longest wait for them.
const LEFT_LIMIT: Duration = Duration::from_secs(1);

/// What connections of the admin port may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListenerLimits {
    /// From the first byte allowed to the end of a request head; also the silence allowed between requests.
    pub(super) head_timeout: Duration,
    /// Silence of a caller that does not take its answer.
    pub(super) write_timeout: Duration,
    /// Bytes of a request head; 431 beyond.
    pub(super) head_bytes: usize,
    /// Open connections; further ones wait in the kernel's queue.
    pub(super) connections: usize,
    /// How long a shutdown waits for calls under way.
    pub(super) drain_timeout: Duration,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            head_bytes: 32 * 1024,
            connections: 1024,
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// Serves the admin port until `shutdown` resolves, then waits for calls under way, at most 30 s.
pub(crate) async fn serve(listener: TcpListener, plane: AdminPlane, shutdown: impl Future<Output = ()>) {
    serve_within(ListenerLimits::default(), listener, plane, shutdown).await;
}

/// From a connection to its last answer; with TLS the handshake comes first, within the time of a request head.
async fn welcome(
    stream: TcpStream,
    peer: SocketAddr,
    plane: AdminPlane,
    limits: ListenerLimits,
    draining: watch::Receiver<()>,
) {
    // Small answers must not wait for more; a failure only costs latency.
    let _ = stream.set_nodelay(true);
    let stream = Patient { stream, limit: limits.write_timeout, deadline: None };
    let Some(tls) = plane.0.services.config.tls.as_ref() else {
        return connection(stream, peer, plane, limits, draining).await;
    };
    let handshake = TlsAcceptor::from(tls.config()).accept(stream);
    match timeout(limits.head_timeout, handshake).await {
        Ok(Ok(stream)) => connection(stream, peer, plane, limits, draining).await,
        Ok(Err(error)) => tracing::debug!(%error, %peer, "a TLS handshake on the admin port failed"),
        Err(_) => tracing::debug!(%peer, "a TLS handshake on the admin port took too long"),
    }
}

pub(super) async fn serve_within(
    limits: ListenerLimits,
    listener: TcpListener,
    plane: AdminPlane,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = pin!(shutdown);
    let (drain, draining) = watch::channel(());
    let seats = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            // The semaphore is never closed.
            let seat = Arc::clone(&seats).acquire_owned().await;
            (seat, listener.accept().await)
        };
        let (seat, accepted) = tokio::select! {
            next = next => next,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let serving = welcome(stream, peer, plane.clone(), limits, draining.clone());
                connections.spawn(async move {
                    serving.await;
                    drop(seat);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the admin port could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop((listener, drain));
    let emptied = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.drain_timeout, emptied).await.is_err() {
        tracing::warn!(connections = connections.len(), "drain limit of the admin port reached; connections are cut");
    }
    drop(connections);
    plane.0.hand_over();
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    peer: SocketAddr,
    plane: AdminPlane,
    limits: ListenerLimits,
    mut draining: watch::Receiver<()>,
) {
    let peer = PeerAddr(peer).ip();
    let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
        let plane = plane.clone();
        async move {
            let (head, mut body) = request.into_parts();
            let waits = head.headers.contains_key(EXPECT);
            let mut reply = plane.0.handle(head, &mut body, peer).await;
            let closes = reply.headers().contains_key(CONNECTION);
            if body.is_end_stream() {
                // Nothing is left.
            } else if reply.status() == StatusCode::PAYLOAD_TOO_LARGE && !waits {
                // A caller that is still sending would lose the answer together with the connection.
                drained(&mut body, MOST_REFUSED).await;
            } else if !closes && (waits || !drained(&mut body, MOST_LEFT).await) {
                reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(reply.map(Full::new))
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(64 * 1024))
        .half_close(false);
    let mut serving = pin!(http.serve_connection(TokioIo::new(stream), service));
    let served = tokio::select! {
        served = serving.as_mut() => served,
        // Nothing is ever sent: the sender goes when the drain begins.
        _ = draining.changed() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, %peer, "a connection of the admin port ended early");
    }
}

/// Takes what is left of the body of a call that was answered without it, so that the connection can serve another; whether
/// it came to its end.
async fn drained(body: &mut Incoming, most: usize) -> bool {
    if body.size_hint().lower() > most as u64 {
        return false;
    }
    let reading = async {
        let mut room = most;
        while let Some(frame) = body.frame().await {
            let length = frame.as_ref().map(|frame| frame.data_ref().map_or(0, Bytes::len));
            match length.ok().and_then(|length| room.checked_sub(length)) {
                Some(rest) => room = rest,
                None => return false,
            }
        }
        true
    };
    timeout(LEFT_LIMIT, reading).await.unwrap_or(false)
}

/// A stream that gives up on a caller which does not read.
struct Patient {
    stream: TcpStream,
    limit: Duration,
    /// Set while something waits to be written.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    fn wrote<T>(&mut self, result: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.deadline = None;
            return result;
        }
        let until = Instant::now() + self.limit;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        match deadline.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(result, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(result, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
