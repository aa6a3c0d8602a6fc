//! What ends a handler early: one form for every dialect, so that handlers give refusals back by `?`.

use super::dialect::{Fault, Reply};
use super::service::Error;

/// Why a handler does not serve its call.
#[derive(Debug)]
pub(crate) enum Refused<P> {
    /// Told by [`Dialect::refuse`](super::dialect::Dialect::refuse), like what is refused before a handler runs.
    Fault(Fault),
    /// Told in the handler's own words.
    Told(Box<P>),
}

/// A dialect's refusal in its own words.
pub(crate) trait Words: Sized {
    /// What the token service refused. Faults of the store do not come here: every dialect tells them alike.
    fn refused(error: Error) -> Refused<Self>;
}

impl<P> Refused<P> {
    /// The answer, or the fault that is to be told.
    pub(crate) fn end(self, tell: impl FnOnce(&P) -> Reply) -> Result<Reply, Fault> {
        match self {
            Self::Fault(fault) => Err(fault),
            Self::Told(problem) => Ok(tell(&problem)),
        }
    }
}

impl<P> From<Fault> for Refused<P> {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<P: Words> From<P> for Refused<P> {
    fn from(problem: P) -> Self {
        Self::Told(Box::new(problem))
    }
}

impl<P: Words> From<Error> for Refused<P> {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(cause) => {
                tracing::debug!(cause, "a call of the admin port cannot be served");
                Self::Fault(Fault::StoreAway)
            }
            Error::Broken(cause) => {
                tracing::error!(cause, "a call of the admin port failed");
                Self::Fault(Fault::Internal)
            }
            error => P::refused(error),
        }
    }
}
