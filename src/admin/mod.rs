//! The control plane: one service over the store, and the ways into it.

pub(crate) mod activity;
mod admit;
pub(crate) mod command;
mod config;
pub(crate) mod control;
mod dialect;
mod dialects;
mod endpoint;
mod listener;
mod metrics;
pub(crate) mod openapi;
mod plane;
mod request;
pub(crate) mod service;
mod spec;
#[cfg(test)]
mod tests;
pub(crate) mod view;

pub(crate) use config::{AstraConfig, Config, XmsConfig};
pub(crate) use listener::serve;
pub(crate) use plane::{AdminPlane, AdminServices};
