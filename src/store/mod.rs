//! Where state lives. Each store implements the three ports; nothing in the domain knows which one it is.

mod codec;
mod config;
#[cfg(test)]
mod conformance;
pub(crate) mod redis;

pub(crate) use config::{Config, KeySource, Location, RedisConfig};

use std::fmt;
use std::sync::Arc;

use crate::activity::EventLog;
use crate::limit::CounterStore;
use crate::token::TokenStore;

/// The three ports of one opened store.
#[derive(Clone)]
pub(crate) struct Stores {
    /// Tokens.
    pub(crate) tokens: Arc<dyn TokenStore>,
    /// Month quotas.
    pub(crate) counters: Arc<dyn CounterStore>,
    /// Activity.
    pub(crate) activity: Arc<dyn EventLog>,
}

/// Why a store could not be opened: what, where, and how to mend it. Never names a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// Another process holds the embedded store.
    Held(String),
    /// It is there but cannot be used: wrong password, wrong key, damaged, no room, no permission.
    Refused(String),
    /// It cannot be reached now; trying again later makes sense.
    Unreachable(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(text) | Self::Refused(text) | Self::Unreachable(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for OpenError {}
