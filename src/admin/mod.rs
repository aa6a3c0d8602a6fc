//! The control plane: one service over the store, and the ways into it.

pub(crate) mod activity;
mod admit;
pub(crate) mod command;
mod config;
pub(crate) mod control;
mod dialect;
mod dialects;
mod endpoint;
mod glob;
mod instance;
mod listener;
mod mask;
mod metrics;
pub(crate) mod openapi;
mod plane;
mod problem;
mod refused;
mod request;
mod routing;
#[cfg(test)]
mod schema;
mod served;
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
