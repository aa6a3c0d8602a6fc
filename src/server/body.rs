//! A request body that may not stall.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::timer::{CoarseTimer, Deadline};

/// The caller's body: fails when nothing arrives for the configured time.
#[derive(Debug)]
pub(crate) struct ClientBody {
    incoming: Incoming,
    timer: CoarseTimer,
    /// Armed while a frame is awaited.
    deadline: Option<Deadline>,
    /// Nanoseconds.
    stall: u64,
}

/// Why a request body did not come to its end.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// The caller broke the framing or went away.
    Broken(hyper::Error),
    /// The caller stopped sending.
    Stalled,
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(_) => f.write_str("the request body is broken or was cut"),
            Self::Stalled => f.write_str("the request body stopped coming"),
        }
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Broken(error) => Some(error),
            Self::Stalled => None,
        }
    }
}

impl ClientBody {
    /// Over hyper's body; `stall` in nanoseconds.
    pub(crate) fn new(incoming: Incoming, timer: CoarseTimer, stall: u64) -> Self {
        Self { incoming, timer, deadline: None, stall }
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        match Pin::new(&mut this.incoming).poll_frame(cx) {
            Poll::Ready(frame) => {
                this.deadline = None;
                Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)))
            }
            Poll::Pending => {
                let (timer, stall) = (&this.timer, this.stall);
                let deadline = this.deadline.get_or_insert_with(|| timer.deadline(timer.now().saturating_add(stall)));
                deadline.poll(cx).map(|_| Some(Err(BodyError::Stalled)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
