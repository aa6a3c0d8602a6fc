//! From the file to checked values, all errors at once.

mod error;
mod secret;

pub use error::{ConfigError, ConfigErrors};
pub(crate) use secret::Secret;

use std::path::PathBuf;
use std::sync::Arc;

use crate::token::{Bundles, OwnerDirectory, PlanTable};

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it came from; `None` for one built in memory.
    pub(crate) file: Option<PathBuf>,
    pub(crate) proxy: crate::proxy::Config,
    pub(crate) admin: crate::admin::Config,
    pub(crate) telemetry: crate::telemetry::Config,
    pub(crate) store: crate::store::Config,
    pub(crate) cache: crate::auth::CacheConfig,
    pub(crate) throttle: crate::limit::ThrottleConfig,
    pub(crate) plans: Arc<PlanTable>,
    pub(crate) bundles: Arc<Bundles>,
    pub(crate) directory: Arc<OwnerDirectory>,
}
