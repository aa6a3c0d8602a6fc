//! One call: its deadline, what it sends, and why it failed.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisResult, Value};
use tokio::time::Instant;

use crate::token::StoreError;

/// One call: what it is called in messages, until when it may take, and whether it may be sent again after the
/// connection dropped.
#[derive(Clone, Copy)]
pub(super) struct Call {
    pub(super) name: &'static str,
    pub(super) began: Instant,
    pub(super) until: Instant,
    pub(super) again: bool,
}

impl Call {
    /// A call that must not be sent twice.
    pub(super) fn once(name: &'static str, within: Duration) -> Self {
        let began = Instant::now();
        Self { name, began, until: began + within, again: false }
    }

    /// A call that may be sent twice.
    pub(super) fn repeatable(name: &'static str, within: Duration) -> Self {
        Self { again: true, ..Self::once(name, within) }
    }
}

/// Why a call failed.
pub(super) enum Failure {
    /// The server does not know the script.
    NoScript,
    /// Another node of the cluster must be asked; nothing was done.
    Elsewhere {
        /// `host:port`; the host is empty if it is that of the node that said so.
        to: String,
        /// For this one call alone, since the slot is on its way there.
        asking: bool,
        error: StoreError,
    },
    /// Of the keys of the call some have moved and some have not, while their slot does; nothing was done.
    Split(StoreError),
    /// The connection dropped; whether the call was carried out is unknown.
    Dropped(StoreError),
    /// Anything else.
    Other(StoreError),
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NoScript => Self::Unavailable("Redis does not keep scripts".to_owned()),
            Failure::Elsewhere { error, .. }
            | Failure::Split(error)
            | Failure::Dropped(error)
            | Failure::Other(error) => error,
        }
    }
}

/// What is sent.
#[derive(Clone, Copy)]
pub(super) enum Request<'a> {
    One(&'a Cmd),
    /// To the node that a slot is moving to.
    Asking(&'a Cmd),
    /// Errors of single commands fail the whole.
    Many(&'a Pipeline),
    /// Errors of single commands are answers.
    Each(&'a Pipeline),
}

impl Request<'_> {
    pub(super) async fn send(self, mut connection: MultiplexedConnection) -> RedisResult<Vec<Value>> {
        let answers = match self {
            Self::One(cmd) => vec![connection.send_packed_command(cmd).await?],
            Self::Asking(cmd) => {
                // One write: nothing of another call comes between the two.
                let mut pipe = Pipeline::with_capacity(2);
                pipe.cmd("ASKING").add_command(cmd.clone());
                connection.send_packed_commands(&pipe, 1, 1).await?
            }
            Self::Many(pipe) => connection.send_packed_commands(pipe, 0, pipe.len()).await?,
            Self::Each(pipe) => return connection.send_packed_commands(pipe, 0, pipe.len()).await,
        };
        answers.into_iter().map(Value::extract_error).collect()
    }
}
