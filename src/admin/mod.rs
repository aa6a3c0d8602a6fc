//! tmp
mod config;
pub(crate) use config::Config;
