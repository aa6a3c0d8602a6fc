//! The composition root: opens the store, builds the planes, binds the listeners, drains in order.

use crate::config::Config;

/// Serves until a signal ends it.
pub(crate) fn run(config: Config) -> Result<(), String> {
    drop(config);
    Err("this build serves nothing".to_owned())
}

/// Serves a sample of everything on free ports, with an embedded store in a temporary folder.
pub(crate) fn demo(json: bool) -> Result<(), String> {
    Err(format!("this build has no demo (json: {json})"))
}
