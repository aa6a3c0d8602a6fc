//! tmp
mod config;
pub(crate) use config::{Config, HostHeader, PathPattern, RouteConfig, Target, UpstreamConfig};
