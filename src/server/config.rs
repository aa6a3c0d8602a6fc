//! Deadlines and sizes towards callers (`[proxy]`).

use std::time::Duration;

/// What a connection may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// From the first byte allowed to the end of a request head; covers the first byte of a new connection.
    pub(crate) head_timeout: Duration,
    /// Silence of a kept-alive connection between requests.
    pub(crate) idle_timeout: Duration,
    /// Silence inside a request body, and of a caller that does not read its answer.
    pub(crate) body_timeout: Duration,
    /// Bytes of a request head; 431 beyond.
    pub(crate) head_bytes: usize,
    /// Open connections per data-plane thread; further ones wait in the kernel's queue.
    pub(crate) connections: usize,
    /// How long a drain waits for requests in flight.
    pub(crate) drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(30),
            head_bytes: 32 * 1024,
            connections: 10_000,
            drain_timeout: Duration::from_secs(30),
        }
    }
}
