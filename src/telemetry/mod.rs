//! How the process tells of itself: log, metrics, liveness and readiness.

mod config;
pub(crate) mod health;
pub(crate) mod logging;
pub(crate) mod ops;

pub(crate) use config::{Config, LogFormat};
pub(crate) use health::Readiness;
