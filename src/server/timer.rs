//! A timer for deadlines of seconds, cheap enough to arm for every request.
//!
//! One per thread. Arming stores a number; the waker is registered only when the future really has to wait. The owner
//! calls [`CoarseTimer::tick`] about ten times a second, so a deadline passes up to a tick late.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use slab::Slab;

/// The timer of one thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct CoarseTimer {
    inner: Rc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Reading of the process clock at the last tick, or a later one noted by a request.
    now: Cell<u64>,
    waiting: RefCell<Slab<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    deadline: u64,
    waker: Waker,
}

/// A deadline that passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elapsed;

impl CoarseTimer {
    /// The latest reading known, in nanoseconds of the process clock; up to a tick old.
    pub(crate) fn now(&self) -> u64 {
        self.inner.now.get()
    }

    /// Moves time forward and wakes what is due.
    pub(crate) fn tick(&self, now: u64) {
        self.inner.now.set(now);
        for (_, waiting) in self.inner.waiting.borrow().iter() {
            if waiting.deadline <= now {
                waiting.waker.wake_by_ref();
            }
        }
    }

    /// Runs a future until a reading of the process clock.
    pub(crate) fn until<F: Future>(&self, deadline: u64, future: F) -> Until<F> {
        Until { deadline: self.deadline(deadline), future }
    }

    /// A deadline to be polled by hand.
    pub(crate) fn deadline(&self, at: u64) -> Deadline {
        Deadline { timer: self.clone(), at, key: None }
    }
}

/// A point in time that a task may wait for. Costs nothing until it is first polled.
#[derive(Debug)]
pub(crate) struct Deadline {
    timer: CoarseTimer,
    at: u64,
    key: Option<usize>,
}

impl Deadline {
    /// Moves the deadline.
    pub(crate) fn reset(&mut self, at: u64) {
        self.at = at;
        if let Some(key) = self.key {
            self.timer.inner.waiting.borrow_mut()[key].deadline = at;
        }
    }

    /// Ready once the deadline has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Elapsed> {
        if self.timer.now() >= self.at {
            return Poll::Ready(Elapsed);
        }
        let mut waiting = self.timer.inner.waiting.borrow_mut();
        match self.key {
            Some(key) => waiting[key].waker.clone_from(cx.waker()),
            None => self.key = Some(waiting.insert(Waiting { deadline: self.at, waker: cx.waker().clone() })),
        }
        Poll::Pending
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.timer.inner.waiting.borrow_mut().remove(key);
        }
    }
}

/// A future with a deadline.
#[derive(Debug)]
pub(crate) struct Until<F> {
    deadline: Deadline,
    future: F,
}

impl<F: Future + Unpin> Future for Until<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Poll::Ready(output) = Pin::new(&mut this.future).poll(cx) {
            return Poll::Ready(Ok(output));
        }
        this.deadline.poll(cx).map(Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use std::pin::pin;

    #[test]
    fn a_deadline_passes_at_its_tick_and_leaves_nothing_behind() {
        let timer = CoarseTimer::default();
        let mut cx = Context::from_waker(Waker::noop());
        timer.tick(10);
        {
            let mut waiting = pin!(timer.until(20, pending::<()>()));
            assert!(waiting.as_mut().poll(&mut cx).is_pending());
            timer.tick(19);
            assert!(waiting.as_mut().poll(&mut cx).is_pending());
            timer.tick(20);
            assert_eq!(waiting.as_mut().poll(&mut cx), Poll::Ready(Err(Elapsed)));
            assert_eq!(timer.inner.waiting.borrow().len(), 1);
        }
        assert!(timer.inner.waiting.borrow().is_empty());
        assert_eq!(pin!(timer.until(0, ready(7))).poll(&mut cx), Poll::Ready(Ok(7)));
    }
}
