//! From bytes to requests: accept, deadlines, drain. Knows nothing of tokens.
//!
//! One thread, one listener (`SO_REUSEPORT`), one table of connections, one coarse timer. hyper's own timers are off: its
//! head timer is also its idle timer and costs a boxed sleep per request; here a deadline is a number in the connection's
//! state, and one ticker per thread sweeps them.

mod body;
mod client_addr;
mod config;
mod connection;
mod listener;
mod timer;
mod tls;

pub(crate) use body::{BodyError, ClientBody};
pub(crate) use client_addr::{ClientAddr, PeerAddr, TrustedProxies};
pub(crate) use config::Limits;
pub(crate) use connection::{ConnState, InFlight};
pub(crate) use listener::{Bound, Failure, Handler, Lane, bind, serve};
pub(crate) use timer::{CoarseTimer, Deadline};
pub(crate) use tls::ServerTls;
