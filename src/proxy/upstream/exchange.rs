//! One request and its answer on one connection.
//!
//! Sending and receiving go on side by side: an upstream may answer before it has read the whole body. The exchange is
//! driven by whoever polls it: first for the head, then, inside [`UpstreamBody`], for the body.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{HeaderMap, Method};
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncReadExt, AsyncWrite};

use super::chunked::{Chunked, Piece};
use super::pool::{Link, Pool};
use super::response::{BodyKind, Broken, ResponseHead};
use crate::proxy::headers::{Framing, is_trailer_allowed, line};
use crate::server::{BodyError, ClientBody, CoarseTimer, Deadline, InFlight};

/// Least room for a read, in bytes.
const READ_ROOM: usize = 4 * 1024;
/// Room for a read once a body is long.
const LONG_READ_ROOM: usize = 64 * 1024;

/// Why an exchange failed.
#[derive(Debug)]
pub(crate) enum ExchangeError {
    /// The connection was kept from before and turned out to be gone before a byte of the answer came.
    Gone,
    /// The connection failed.
    Io(io::Error),
    /// The upstream broke the protocol.
    Broken(&'static str),
    /// The upstream was silent for too long.
    Slow,
    /// The caller's body failed.
    Caller(BodyError),
}

impl std::fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gone => f.write_str("the connection had gone"),
            Self::Io(error) => write!(f, "{error}"),
            Self::Broken(what) => f.write_str(what),
            Self::Slow => f.write_str("no answer in time"),
            Self::Caller(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ExchangeError {}

impl From<Broken> for ExchangeError {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken.0)
    }
}

/// The sending side.
#[derive(Debug)]
struct Sending {
    body: Option<ClientBody>,
    framing: Framing,
    /// Content that follows what is left of the link's write buffer.
    data: Bytes,
    /// How much of the write buffer has gone.
    written: usize,
    /// Whether a chunk has been sent whose closing line end is due.
    open_chunk: bool,
    /// Nothing more can be sent, since the upstream closed its reading side.
    broken: bool,
}

/// A request on its way.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// `None` once the connection has gone back to the pool.
    link: Option<Link>,
    pool: Rc<Pool>,
    timer: CoarseTimer,
    sending: Sending,
    receiving: BodyKind,
    keep_alive: bool,
    /// Armed while nothing happens.
    deadline: Deadline,
    /// Nanoseconds of silence allowed inside a body.
    stall: u64,
    answered: bool,
}

impl Exchange {
    /// Over a link whose write buffer holds the request's head. `head_timeout` and `stall` in nanoseconds.
    pub(in crate::proxy) fn new(
        link: Link,
        pool: &Rc<Pool>,
        timer: &CoarseTimer,
        body: Option<ClientBody>,
        framing: Framing,
        head_timeout: u64,
        stall: u64,
    ) -> Self {
        let sending = Sending { body, framing, data: Bytes::new(), written: 0, open_chunk: false, broken: false };
        Self {
            link: Some(link),
            pool: Rc::clone(pool),
            timer: timer.clone(),
            sending,
            receiving: BodyKind::Close,
            keep_alive: false,
            deadline: timer.deadline(timer.now().saturating_add(head_timeout)),
            stall,
            answered: false,
        }
    }

    /// Sends, and waits for the head of the answer.
    pub(crate) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        method: &Method,
        head_timeout: u64,
    ) -> Poll<Result<ResponseHead, ExchangeError>> {
        loop {
            let Some(link) = &mut self.link else { return Poll::Ready(Err(ExchangeError::Gone)) };
            if self.sending.poll(link, cx)? {
                self.deadline.reset(self.timer.now().saturating_add(head_timeout));
            }
            match poll_read(link, READ_ROOM, cx) {
                Poll::Ready(Ok(0)) => {
                    let gone = link.reused && link.read.is_empty() && !self.answered;
                    let cut = ExchangeError::Io(io::ErrorKind::UnexpectedEof.into());
                    return Poll::Ready(Err(if gone { ExchangeError::Gone } else { cut }));
                }
                Poll::Ready(Ok(_)) => {
                    self.answered = true;
                    if let Some(head) = ResponseHead::take(&mut link.read, method)? {
                        self.receiving = head.body;
                        self.keep_alive = head.keep_alive;
                        self.deadline.reset(self.timer.now().saturating_add(self.stall));
                        return Poll::Ready(Ok(head));
                    }
                }
                Poll::Ready(Err(error)) => {
                    let gone = link.reused && !self.answered;
                    return Poll::Ready(Err(if gone { ExchangeError::Gone } else { ExchangeError::Io(error) }));
                }
                // The upstream cannot answer what the caller has not sent; the body has a deadline of its own.
                Poll::Pending if self.sending.awaits_caller(link) => return Poll::Pending,
                Poll::Pending => return self.deadline.poll(cx).map(|_| Err(ExchangeError::Slow)),
            }
        }
    }

    /// Closes the connection after this answer. To be called after its head has come.
    pub(crate) fn keep_no_connection(&mut self) {
        self.keep_alive = false;
    }

    /// The whole body, if it has come with the head; then the connection is free already.
    pub(crate) fn take_whole_body(&mut self) -> Option<Bytes> {
        let BodyKind::Length(length) = self.receiving else { return None };
        let link = self.link.as_mut()?;
        let length = usize::try_from(length).ok().filter(|length| *length <= link.read.len())?;
        if !self.sending.is_done(link) {
            return None;
        }
        let body = link.read.split_to(length).freeze();
        self.receiving = BodyKind::Length(0);
        self.finish();
        Some(body)
    }

    /// Frees the connection for the next request, if it is in a state to serve one.
    fn finish(&mut self) {
        let Some(link) = self.link.take() else { return };
        // Bytes beyond the answer belong to nobody: they must not become the next caller's answer.
        if self.keep_alive && link.read.is_empty() && self.sending.is_done(&link) && !self.sending.broken {
            self.pool.keep(link, &self.timer);
        }
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ExchangeError>>> {
        loop {
            let Some(link) = &mut self.link else { return Poll::Ready(None) };
            // A caller that breaks off its body ends the exchange; the answer cannot be trusted to be about it.
            match self.sending.poll(link, cx) {
                Err(error) => return Poll::Ready(Some(Err(error))),
                Ok(true) => self.deadline.reset(self.timer.now().saturating_add(self.stall)),
                Ok(false) => {}
            }
            let frame = match &mut self.receiving {
                BodyKind::Length(0) => None,
                BodyKind::Length(left) if !link.read.is_empty() => {
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(link.read.len());
                    *left -= take as u64;
                    Some(Frame::data(link.read.split_to(take).freeze()))
                }
                BodyKind::Close if !link.read.is_empty() => Some(Frame::data(link.read.split().freeze())),
                BodyKind::Chunked(chunked) => match chunked.next(&mut link.read) {
                    Err(broken) => return Poll::Ready(Some(Err(broken.into()))),
                    Ok(Some(Piece::Data(data))) => Some(Frame::data(data)),
                    Ok(Some(Piece::Trailers(trailers))) => Some(Frame::trailers(allowed(trailers))),
                    Ok(Some(Piece::End)) => None,
                    Ok(None) => match ready!(self.poll_more(cx)) {
                        Ok(0) => return Poll::Ready(Some(Err(ExchangeError::Io(io::ErrorKind::UnexpectedEof.into())))),
                        Ok(_) => continue,
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    },
                },
                BodyKind::Length(_) | BodyKind::Close => match ready!(self.poll_more(cx)) {
                    Ok(0) if self.receiving == BodyKind::Close => None,
                    Ok(0) => return Poll::Ready(Some(Err(ExchangeError::Io(io::ErrorKind::UnexpectedEof.into())))),
                    Ok(_) => continue,
                    Err(error) => return Poll::Ready(Some(Err(error))),
                },
            };
            // Whoever knows the length does not ask again after the last byte.
            if frame.is_none() || matches!(self.receiving, BodyKind::Length(0) | BodyKind::Chunked(Chunked::Done)) {
                self.finish();
                self.link = None;
            }
            return Poll::Ready(frame.map(Ok));
        }
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, ExchangeError>> {
        let Some(link) = &mut self.link else { return Poll::Ready(Ok(0)) };
        match poll_read(link, LONG_READ_ROOM, cx) {
            Poll::Ready(result) => {
                self.deadline.reset(self.timer.now().saturating_add(self.stall));
                Poll::Ready(result.map_err(ExchangeError::Io))
            }
            // As for the head: the caller's body has a deadline of its own.
            Poll::Pending if self.sending.awaits_caller(link) => Poll::Pending,
            Poll::Pending => self.deadline.poll(cx).map(|_| Err(ExchangeError::Slow)),
        }
    }
}

fn allowed(trailers: HeaderMap) -> HeaderMap {
    if trailers.keys().all(is_trailer_allowed) {
        return trailers;
    }
    let mut kept = HeaderMap::new();
    for (name, value) in trailers.iter().filter(|(name, _)| is_trailer_allowed(name)) {
        kept.append(name, value.clone());
    }
    kept
}

fn poll_read(link: &mut Link, room: usize, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    if link.read.capacity() - link.read.len() < room {
        link.read.reserve(room);
    }
    // The future holds no state of its own, so it can be made anew for each poll.
    std::pin::pin!(link.stream.read_buf(&mut link.read)).poll(cx)
}

impl Sending {
    /// Whether the whole request has gone out.
    fn is_done(&self, link: &Link) -> bool {
        self.body.is_none() && self.data.is_empty() && self.written == link.write.len()
    }

    /// Whether all that has come from the caller has gone out, and more is to come.
    fn awaits_caller(&self, link: &Link) -> bool {
        self.body.is_some() && !self.broken && self.data.is_empty() && self.written == link.write.len()
    }

    /// Sends what can be sent now; tells whether anything went.
    fn poll(&mut self, link: &mut Link, cx: &mut Context<'_>) -> Result<bool, ExchangeError> {
        let mut progress = false;
        while !self.broken {
            if self.written < link.write.len() || !self.data.is_empty() {
                let parts = [IoSlice::new(&link.write[self.written..]), IoSlice::new(&self.data)];
                let written = if self.data.is_empty() {
                    Pin::new(&mut link.stream).poll_write(cx, &link.write[self.written..])
                } else {
                    Pin::new(&mut link.stream).poll_write_vectored(cx, &parts)
                };
                match written {
                    Poll::Pending => return Ok(progress),
                    // The upstream reads no more; it may have answered all the same.
                    Poll::Ready(Err(_) | Ok(0)) => self.broken = true,
                    Poll::Ready(Ok(count)) => {
                        progress = true;
                        let of_head = count.min(link.write.len() - self.written);
                        self.written += of_head;
                        self.data.advance(count - of_head);
                    }
                }
                continue;
            }
            let Some(body) = &mut self.body else { return Ok(progress) };
            link.write.clear();
            self.written = 0;
            match Pin::new(body).poll_frame(cx) {
                Poll::Pending => return Ok(progress),
                Poll::Ready(Some(Err(error))) => return Err(ExchangeError::Caller(error)),
                Poll::Ready(Some(Ok(frame))) => self.take(frame, &mut link.write),
                Poll::Ready(None) => self.end(&mut link.write, None),
            }
        }
        Ok(progress)
    }

    fn take(&mut self, frame: Frame<Bytes>, write: &mut Vec<u8>) {
        match frame.into_data() {
            Ok(data) if data.is_empty() => {}
            Ok(data) => {
                if self.framing == Framing::Chunked {
                    let size = format!("{}{:x}\r\n", if self.open_chunk { "\r\n" } else { "" }, data.len());
                    write.extend_from_slice(size.as_bytes());
                    self.open_chunk = true;
                }
                self.data = data;
            }
            Err(frame) => self.end(write, frame.into_trailers().ok()),
        }
    }

    /// Ends the body. hyper has held the caller to its length already.
    fn end(&mut self, write: &mut Vec<u8>, trailers: Option<HeaderMap>) {
        self.body = None;
        if self.framing != Framing::Chunked {
            return;
        }
        write.extend_from_slice(if self.open_chunk { b"\r\n0\r\n" } else { b"0\r\n" });
        for (name, value) in trailers.iter().flat_map(HeaderMap::iter).filter(|(name, _)| is_trailer_allowed(name)) {
            line(write, name.as_str().as_bytes(), value.as_bytes());
        }
        write.extend_from_slice(b"\r\n");
    }
}

/// The upstream's body on its way to the caller.
#[derive(Debug)]
pub(crate) struct UpstreamBody {
    exchange: Box<Exchange>,
    _in_flight: InFlight,
}

impl UpstreamBody {
    pub(crate) fn new(exchange: Box<Exchange>, in_flight: InFlight) -> Self {
        Self { exchange, _in_flight: in_flight }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = ExchangeError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ExchangeError>>> {
        self.exchange.poll_body(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.exchange.link.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.exchange.receiving {
            BodyKind::Length(left) => SizeHint::with_exact(left),
            _ => SizeHint::default(),
        }
    }
}
