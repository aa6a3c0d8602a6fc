//! Checked settings of the operations listener and of the log (`[ops]`, `[log]`).

use std::net::SocketAddr;

/// Operations.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Where `/metrics`, `/live` and `/ready` are served.
    pub(crate) listen: SocketAddr,
    /// Filter in the syntax of tracing's `EnvFilter`, for example `info` or `tollgate=debug`.
    pub(crate) log_level: String,
    /// How log lines look.
    pub(crate) log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
