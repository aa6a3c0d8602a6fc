//! tmp
mod config;
pub use config::{CacheConfig, Source};
