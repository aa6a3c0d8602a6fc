//! Accepts connections on one thread and drives hyper over them.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

use super::connection::{ClientIo, Connections};
use super::timer::CoarseTimer;
use super::{ConnState, Limits, PeerAddr};
use crate::clock::Clock;

/// How often deadlines are swept and buffers handed over.
const TICK: Duration = Duration::from_millis(50);
/// Connections the kernel holds before they are accepted.
const BACKLOG: i32 = 1024;
/// Pause after an accept error such as running out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound socket per thread, all on one address.
#[derive(Debug)]
pub(crate) struct Bound {
    /// One listener per thread.
    pub(crate) listeners: Vec<StdListener>,
    /// The address, its port filled in.
    pub(crate) address: SocketAddr,
}

/// Binds `count` listeners to one address with `SO_REUSEPORT`; the kernel spreads connections over them.
pub(crate) fn bind(address: SocketAddr, count: usize) -> io::Result<Bound> {
    let mut bound = Bound { listeners: Vec::with_capacity(count), address };
    let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    // Sockets that share an address would share it with another process of the same user too; this one refuses that.
    let alone = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    alone.set_reuse_address(true)?;
    alone.bind(&address.into())?;
    drop(alone);
    for _ in 0..count {
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if count > 1 {
            socket.set_reuse_port(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&bound.address.into())?;
        socket.listen(BACKLOG)?;
        let listener = StdListener::from(socket);
        bound.address = listener.local_addr()?;
        bound.listeners.push(listener);
    }
    Ok(bound)
}

/// Answers the requests of one thread.
pub(crate) trait Handler: 'static {
    /// Body of its answers.
    type Body: Body<Data = bytes::Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static;
    /// What it keeps per connection.
    type Connection: 'static;

    /// Called when a connection is accepted.
    fn connected(&self, peer: PeerAddr, state: Arc<ConnState>) -> Self::Connection;

    /// Answers one request.
    fn handle(
        self: Rc<Self>,
        connection: Rc<Self::Connection>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Self::Body>>;

    /// Called about twenty times a second with the number of open connections.
    fn tick(&self, now: u64, connections: usize);

    /// A connection ended with an error: broken syntax (answered by hyper) or a deadline.
    fn failed(&self, failure: Failure);
}

/// How a connection ended, other than well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// What came in is no HTTP/1.1.
    Malformed,
    /// A deadline passed.
    TimedOut,
    /// The client went away in the middle, or the stream broke.
    Broken,
}

/// What one thread serves with.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) listener: StdListener,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    /// Turns true when the process begins to drain.
    pub(crate) draining: watch::Receiver<bool>,
}

/// Serves one thread until it is drained. Runs inside a `LocalRuntime`.
pub(crate) async fn serve<H: Handler>(lane: Lane, timer: CoarseTimer, handler: Rc<H>) -> io::Result<()> {
    let listener = TcpListener::from_std(lane.listener)?;
    let shared = Rc::new(Shared {
        connections: Rc::new(Connections::default()),
        draining: Cell::new(false),
        left: Notify::new(),
        now: Arc::new(AtomicU64::new(lane.clock.mono())),
        limits: lane.limits,
        http: http(&lane.limits),
    });
    timer.tick(lane.clock.mono());
    let ticker = tokio::task::spawn_local(tick(Rc::clone(&shared), timer, lane.clock, Rc::clone(&handler)));
    let mut draining = lane.draining;
    accept(&listener, &shared, &handler, &mut draining).await;
    drop(listener);
    shared.draining.set(true);
    shared.connections.wake_all();
    let emptied = async {
        while shared.connections.len() > 0 {
            shared.left.notified().await;
        }
    };
    if tokio::time::timeout(lane.limits.drain_timeout, emptied).await.is_err() {
        tracing::warn!(connections = shared.connections.len(), "drain limit reached; open connections are cut");
    }
    ticker.abort();
    Ok(())
}

/// State that a thread's connections share.
struct Shared {
    connections: Rc<Connections>,
    draining: Cell<bool>,
    /// A connection has ended.
    left: Notify,
    now: Arc<AtomicU64>,
    limits: Limits,
    http: http1::Builder,
}

/// hyper, with its own timers off and its bounds set.
fn http(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.header_read_timeout(None)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(64 * 1024))
        .half_close(false);
    http
}

async fn tick<H: Handler>(shared: Rc<Shared>, timer: CoarseTimer, clock: Clock, handler: Rc<H>) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let now = clock.mono();
        shared.now.store(now, Ordering::Relaxed);
        timer.tick(now);
        shared.connections.sweep(now);
        handler.tick(now, shared.connections.len());
    }
}

async fn accept<H: Handler>(
    listener: &TcpListener,
    shared: &Rc<Shared>,
    handler: &Rc<H>,
    draining: &mut watch::Receiver<bool>,
) {
    loop {
        while shared.connections.len() >= shared.limits.connections && !*draining.borrow() {
            tokio::select! {
                () = shared.left.notified() => {}
                _ = draining.wait_for(|draining| *draining) => return,
            }
        }
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // An error means that whoever could start a drain is gone: the process is ending.
            _ = draining.wait_for(|draining| *draining) => return,
        };
        match accepted {
            Ok((stream, peer)) => connect(stream, PeerAddr(peer), shared, handler),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn connect<H: Handler>(stream: TcpStream, peer: PeerAddr, shared: &Rc<Shared>, handler: &Rc<H>) {
    // Small answers must not wait for more; a failure only costs latency.
    let _ = stream.set_nodelay(true);
    let (io, state) = ClientIo::new(stream, &shared.limits, &shared.now);
    let seat = shared.connections.insert(Arc::clone(&state));
    let (handler, shared) = (Rc::clone(handler), Rc::clone(shared));
    let connection = Rc::new(handler.connected(peer, state));
    tokio::task::spawn_local(async move {
        // Dropped after the seat, in this order, also when the task ends in a fault.
        let _leaving = Leaving(Rc::clone(&shared));
        let seat = seat;
        let service = hyper::service::service_fn(|request| {
            let answer = Rc::clone(&handler).handle(Rc::clone(&connection), request);
            async move { Ok::<_, std::convert::Infallible>(answer.await) }
        });
        let mut http = pin!(shared.http.serve_connection(TokioIo::new(io), service));
        let mut told = false;
        let result = std::future::poll_fn(|cx| {
            seat.register(cx);
            if shared.draining.get() && !told {
                told = true;
                http.as_mut().graceful_shutdown();
            }
            match http.as_mut().poll(cx) {
                Poll::Pending if seat.expired() => Poll::Ready(Err(None)),
                other => other.map_err(Some),
            }
        })
        .await;
        if let Some(failure) = result.err().and_then(|error| classify(error.as_ref())) {
            handler.failed(failure);
        }
    });
}

/// Tells the accept loop and the drain that a connection has ended.
struct Leaving(Rc<Shared>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.left.notify_one();
    }
}

fn classify(error: Option<&hyper::Error>) -> Option<Failure> {
    match error {
        None => Some(Failure::TimedOut),
        Some(error) if error.is_parse() || error.is_parse_too_large() => Some(Failure::Malformed),
        Some(error) => {
            let io = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
            match io.map(io::Error::kind) {
                Some(io::ErrorKind::TimedOut) => Some(Failure::TimedOut),
                // A client may leave whenever it likes.
                Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => None,
                _ => Some(Failure::Broken),
            }
        }
    }
}
