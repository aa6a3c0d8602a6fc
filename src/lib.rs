//! Tollgate: a reverse-proxy authentication sidecar.
//!
//! Modules, bottom to top:
//! - [`clock`]: what time it is, and how tests move it.
//! - [`token`]: what a token is, and the port through which a store keeps it.
//! - [`auth`]: who is calling and may they.
//! - [`limit`]: may they now.
//! - [`activity`]: what happened, off the hot path.
//! - `store`: where state lives: embedded files or Redis.
//! - `server`: bytes to requests: accept, deadlines, drain.
//! - `telemetry`: metrics, log, operations listener.
//! - `proxy`: the data plane; one request in one function.
//! - `admin`: the control plane: one service, many dialects.
//! - `config`: the file, checked.
//! - `app`: opens the store, builds the planes, binds the listeners, drains in order.
//! - `cli`: the commands.
//!
//! docs/ARCHITECTURE.md tells why it is cut this way; `tests/layering.rs` holds the code to it.

pub mod activity;
mod admin;
mod app;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod limit;
mod proxy;
mod server;
mod store;
mod telemetry;
pub mod token;
