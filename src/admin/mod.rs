//! The control plane: one service over the store, and the ways into it.

mod admit;
pub(crate) mod command;
mod config;
pub(crate) mod control;
mod dialect;
mod dialects;
mod endpoint;
mod instance;
mod listener;
mod mask;
mod metrics;
pub(crate) mod openapi;
mod plane;
mod problem;
mod request;
mod routing;
#[cfg(test)]
mod schema;
pub(crate) mod service;
mod spec;
#[cfg(test)]
mod tests;
mod turn;
pub(crate) mod view;

pub(crate) use config::{AstraConfig, Config, XmsConfig};
pub(crate) use instance::Instance;
pub(crate) use listener::serve;
pub(crate) use plane::{AdminPlane, AdminServices};
pub(crate) use routing::{Asked, Nowhere, Place, Routing};
