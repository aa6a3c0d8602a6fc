//! From the file to checked values, all errors at once.
//!
//! The text becomes a tree in which each value knows its place (`tree`), environment variables are put over it (`env`),
//! and each section is read by one function that asks for its keys (`reader`). What nobody asked for is an unknown key.

mod env;
mod error;
mod find;
mod limits;
mod listener;
mod location;
mod names;
mod path;
mod proxy;
mod reader;
mod route;
mod secret;
mod store;
#[cfg(test)]
mod tests;
mod tree;
mod units;
mod upstream;
mod vendors;

pub use error::{ConfigError, ConfigErrors};
pub(crate) use secret::Secret;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::token::{Bundles, OwnerDirectory, PlanTable};
use reader::{Context, Section};
use tree::{Origin, Table};

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it came from; `None` for one built in memory.
    pub(crate) file: Option<PathBuf>,
    /// The data plane.
    pub(crate) proxy: crate::proxy::Config,
    /// The control plane.
    pub(crate) admin: crate::admin::Config,
    /// Operations and log.
    pub(crate) telemetry: crate::telemetry::Config,
    /// Where state lives.
    pub(crate) store: crate::store::Config,
    /// The token cache.
    pub(crate) cache: crate::auth::CacheConfig,
    /// Bad credentials per client address.
    pub(crate) throttle: crate::limit::ThrottleConfig,
    /// Named limits.
    pub(crate) plans: Arc<PlanTable>,
    /// Names that stand for scopes.
    pub(crate) bundles: Arc<Bundles>,
    /// Owners and accounts that are known by name.
    pub(crate) directory: Arc<OwnerDirectory>,
}

impl Config {
    /// Checks the text of a configuration. `file` names it in errors, and relative paths start at its folder; it need not
    /// exist. Of `env`, the variables whose name starts with `TOLLGATE_` and holds a double underscore override keys:
    /// `TOLLGATE_ADMIN__LISTEN` is `admin.listen`.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn parse(text: &str, file: &Path, env: &BTreeMap<String, String>) -> Result<Self, ConfigErrors> {
        let (config, cx) = Self::check(text, file, env);
        let errors = cx.into_errors();
        if errors.0.is_empty() { Ok(config) } else { Err(errors) }
    }

    /// What the text says, with defaults in place of mistakes, and the mistakes.
    fn check(text: &str, file: &Path, env: &BTreeMap<String, String>) -> (Self, Context) {
        let tree::Parsed { mut root, errors, guessed } = tree::parse(text);
        let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let base = absolute.parent().unwrap_or(Path::new("/")).to_owned();
        let cx = Context::new(file.display().to_string(), base, guessed);
        for (at, message) in errors {
            cx.error(&at, "", message);
        }
        env::apply(&mut root, env, &cx);
        (Self::read(&cx, root), cx)
    }

    fn read(cx: &Context, root: Table) -> Self {
        Section::read(cx, String::new(), Origin::File(1, 1), root, |root| {
            let region = root.take("region").and_then(|field| proxy::region(&field));
            let proxy = root.section("proxy", proxy::proxy);
            let (mut admin, admin_listener) = root.section("admin", listener::admin);
            admin.xms = root.section("xms", vendors::xms);
            admin.astra = root.section("astra", vendors::astra);
            let ops = root.section("ops", listener::ops);
            listener::collisions(&[&proxy.listener, &admin_listener, &ops]);
            let (log_level, log_format) = root.section("log", listener::log);
            let store = store::store(root);
            let mut cache = limits::cache(root);
            cache.store_timeout = store.timeout;
            let throttle = root.section("throttle", limits::bad_credentials);
            let credentials = proxy::credentials(root);
            let shared = matches!(store.location, crate::store::Location::Redis(_));
            let plans = root.section("plan", |section| limits::plans(section, shared));
            let bundles = root.section("bundles", names::bundles);
            let upstreams = root.section("upstream", upstream::upstreams);
            let routes = route::routes(root, &upstreams, &credentials);
            let plan_names: Vec<&str> = plans.iter().map(|plan| &*plan.name).collect();
            let directory = names::directory(root, &plan_names);
            Self {
                file: None,
                proxy: crate::proxy::Config {
                    listen: proxy.listener.address,
                    workers: proxy.workers,
                    trusted_proxies: proxy.trusted_proxies,
                    realm: proxy.realm,
                    credentials: credentials.sources,
                    region: region.unwrap_or_else(|| "local".to_owned()),
                    limits: proxy.limits,
                    upstreams,
                    routes,
                },
                admin,
                telemetry: crate::telemetry::Config { listen: ops.address, log_level, log_format },
                store,
                cache,
                throttle,
                plans: Arc::new(PlanTable::new(plans)),
                bundles: Arc::new(bundles),
                directory: Arc::new(directory),
            }
        })
    }
}
