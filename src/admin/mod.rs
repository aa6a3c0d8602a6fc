//! The control plane: one service over the store, and the ways into it.

pub(crate) mod command;
mod config;
pub(crate) mod control;
pub(crate) mod service;
pub(crate) mod view;

pub(crate) use config::Config;
