//! The upstream leg: HTTP/1.1 written by hand over connections kept per thread.
//!
//! One request lives in one task: no channel, no second task, no header map for what is sent. It owns the framing of the
//! upstream's answers, so it is strict (RFC 9112 section 6): what two readers could take differently is a broken upstream.

mod chunked;
mod exchange;
mod pool;
mod response;

pub(super) use exchange::{Exchange, ExchangeError, UpstreamBody};
pub(super) use pool::{Pool, PoolMetrics, Reuse};
pub(super) use response::ResponseHead;
