//! One connection's deadlines and its place in the thread's table.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use slab::Slab;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::Limits;

/// Answer to a head that does not come to its end in time (RFC 9110 section 15.5.9).
const REQUEST_TIMEOUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A head is awaited or under way.
const HEAD: u8 = 0;
/// A request is being answered.
const BUSY: u8 = 1;
/// Kept alive between requests.
const IDLE: u8 = 2;

/// What the sweeper needs to know of a connection. Atomics, because hyper wants upgraded streams to be `Send`; only the
/// connection's own thread touches them.
#[derive(Debug)]
pub(crate) struct ConnState {
    phase: AtomicU8,
    /// Nanoseconds of the process clock by which something has to be read; 0 = no limit.
    read_by: AtomicU64,
    /// The same for something to be written.
    write_by: AtomicU64,
    expired: AtomicBool,
    /// Whether part of a head has come in.
    partial: AtomicBool,
    /// The thread's coarse time.
    now: Arc<AtomicU64>,
    head: u64,
    idle: u64,
    stall: u64,
}

impl ConnState {
    fn new(limits: &Limits, now: &Arc<AtomicU64>) -> Self {
        let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX / 2);
        let this = Self {
            phase: AtomicU8::new(HEAD),
            read_by: AtomicU64::new(0),
            write_by: AtomicU64::new(0),
            expired: AtomicBool::new(false),
            partial: AtomicBool::new(false),
            now: Arc::clone(now),
            head: nanos(limits.head_timeout),
            idle: nanos(limits.idle_timeout),
            stall: nanos(limits.body_timeout),
        };
        this.read_by.store(this.in_time(this.head), Ordering::Relaxed);
        this
    }

    fn in_time(&self, span: u64) -> u64 {
        self.now.load(Ordering::Relaxed).saturating_add(span)
    }

    /// A request head is complete: no deadline until it is answered.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        self.phase.store(BUSY, Ordering::Relaxed);
        self.read_by.store(0, Ordering::Relaxed);
        self.partial.store(false, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// Nothing is under way. hyper may have a read pending from before, so nothing else would start this deadline.
    fn rest(&self) {
        self.phase.store(IDLE, Ordering::Relaxed);
        self.read_by.store(self.in_time(self.idle), Ordering::Relaxed);
    }

    fn read_some(&self) {
        match self.phase.load(Ordering::Relaxed) {
            IDLE => {
                self.phase.store(HEAD, Ordering::Relaxed);
                self.partial.store(true, Ordering::Relaxed);
                self.read_by.store(self.in_time(self.head), Ordering::Relaxed);
            }
            HEAD => self.partial.store(true, Ordering::Relaxed),
            _ => {}
        }
    }

    /// Whether the sweeper has something to end here.
    fn is_due(&self, now: u64) -> bool {
        let due = |deadline: &AtomicU64| matches!(deadline.load(Ordering::Relaxed), at if at != 0 && at <= now);
        // While an answer is still being written, silence is not idleness.
        if self.is_writing() { due(&self.write_by) } else { due(&self.read_by) }
    }

    /// Whether something waits to be written.
    fn is_writing(&self) -> bool {
        self.write_by.load(Ordering::Relaxed) != 0
    }
}

/// A request that is being answered; held by its response body. Dropping it makes the connection idle.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<ConnState>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.rest();
    }
}

/// A client's stream with its deadlines.
#[derive(Debug)]
pub(crate) struct ClientIo {
    stream: TcpStream,
    state: Arc<ConnState>,
}

impl ClientIo {
    pub(super) fn new(stream: TcpStream, limits: &Limits, now: &Arc<AtomicU64>) -> (Self, Arc<ConnState>) {
        let state = Arc::new(ConnState::new(limits, now));
        (Self { stream, state: Arc::clone(&state) }, state)
    }

    fn timed_out(&mut self, cx: &mut Context<'_>) -> io::Error {
        let in_head =
            self.state.phase.load(Ordering::Relaxed) == HEAD && self.state.partial.swap(false, Ordering::Relaxed);
        // Never in the middle of an earlier answer.
        if in_head && !self.state.is_writing() {
            // Best effort: a caller that does not even take this has lost its claim to an explanation.
            let _ = Pin::new(&mut self.stream).poll_write(cx, REQUEST_TIMEOUT);
        }
        io::ErrorKind::TimedOut.into()
    }

    fn wrote<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match (result.is_pending(), self.state.is_writing()) {
            (true, false) => self.state.write_by.store(self.state.in_time(self.state.stall), Ordering::Relaxed),
            (false, true) => {
                self.state.write_by.store(0, Ordering::Relaxed);
                if self.state.phase.load(Ordering::Relaxed) == IDLE {
                    self.state.rest();
                }
            }
            _ => {}
        }
        result
    }
}

impl AsyncRead for ClientIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.state.expired.load(Ordering::Relaxed) {
            return Poll::Ready(Err(self.timed_out(cx)));
        }
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.state.read_some();
        }
        result
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.state.expired.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.state.expired.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(result)
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

/// The connections of one thread.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: RefCell<Slab<Entry>>,
}

#[derive(Debug)]
struct Entry {
    state: Arc<ConnState>,
    /// Wakes the connection's task.
    waker: Option<Waker>,
}

impl Connections {
    pub(super) fn insert(self: &Rc<Self>, state: Arc<ConnState>) -> Seat {
        let key = self.open.borrow_mut().insert(Entry { state, waker: None });
        Seat { table: Rc::clone(self), key }
    }

    pub(super) fn len(&self) -> usize {
        self.open.borrow().len()
    }

    /// Ends what is overdue: its task wakes up to an error.
    pub(super) fn sweep(&self, now: u64) {
        for (_, entry) in self.open.borrow().iter() {
            if entry.state.is_due(now) {
                entry.state.expired.store(true, Ordering::Relaxed);
                entry.wake();
            }
        }
    }

    /// Wakes every connection, so that each sees that a drain began.
    pub(super) fn wake_all(&self) {
        self.open.borrow().iter().for_each(|(_, entry)| entry.wake());
    }
}

impl Entry {
    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

/// A connection's place in the table; left when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    table: Rc<Connections>,
    key: usize,
}

impl Seat {
    /// Notes how to wake the task, once: a task keeps its waker.
    pub(super) fn register(&self, cx: &Context<'_>) {
        let mut open = self.table.open.borrow_mut();
        let entry = &mut open[self.key];
        if entry.waker.is_none() {
            entry.waker = Some(cx.waker().clone());
        }
    }

    /// Whether the connection ran into a deadline.
    pub(super) fn expired(&self) -> bool {
        self.table.open.borrow()[self.key].state.expired.load(Ordering::Relaxed)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.table.open.borrow_mut().remove(self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_never_without_a_deadline_except_while_it_is_answered() {
        let second = Duration::from_secs(1);
        let limits =
            Limits { head_timeout: second, idle_timeout: 2 * second, body_timeout: 3 * second, ..Limits::default() };
        let now = Arc::new(AtomicU64::new(1));
        let state = Arc::new(ConnState::new(&limits, &now));
        let due = |seconds: u64| state.is_due(1 + seconds * 1_000_000_000);
        assert!(!due(0) && due(1), "the first byte is awaited");
        let in_flight = state.begin();
        assert!(!due(1_000));
        // No read follows the answer: hyper waits for one that it began before.
        drop(in_flight);
        assert!(!due(1) && due(2), "idle");
        state.read_some();
        assert!(due(1), "a head has begun");
        drop(state.begin());
        state.write_by.store(state.in_time(state.stall), Ordering::Relaxed);
        assert!(!due(2) && due(3), "the answer has not all been taken");
    }
}
