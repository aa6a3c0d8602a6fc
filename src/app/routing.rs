//! The routes of the data plane, for the control plane's questions about them.

use std::sync::Arc;
use std::time::Duration;

use crate::admin::{Asked, Nowhere, Place, Routing};
use crate::config::Config;
use crate::proxy::{PathPattern, RouteTable, Target};
use crate::token::Universe;

/// A second table of the same routes: questions take none of the data plane's memory lines.
pub(super) struct Routes {
    table: RouteTable,
    config: crate::proxy::Config,
    stale_for: Duration,
}

impl Routes {
    /// Over the configuration's routes.
    pub(super) fn new(config: &Config) -> Arc<Self> {
        let stale_for = config.cache.stale_for;
        let table = RouteTable::new(&config.proxy, stale_for, &mut Universe::default());
        Arc::new(Self { table, config: config.proxy.clone(), stale_for })
    }
}

impl Routing for Routes {
    fn place(&self, asked: &Asked<'_>) -> Result<Place, Nowhere> {
        let placed = self.table.place(asked.method, asked.host, asked.path);
        let (index, path) =
            placed.map_err(|none| Nowhere { status: none.status, reason: none.reason, detail: none.detail })?;
        // The table numbers the routes as the configuration does.
        let route = &self.config.routes[index];
        Ok(Place {
            name: Arc::clone(&route.name),
            host: route.host.clone(),
            pattern: match &route.path {
                PathPattern::Prefix(path) => path.clone(),
                PathPattern::Exact(path) => format!("= {path}"),
            },
            methods: route.methods.clone(),
            path,
            scopes: route.scopes.clone(),
            any_scopes: route.any_scopes.clone(),
            public: route.public,
            preflight: route.preflight,
            credentials: route.credentials.clone().unwrap_or_else(|| self.config.credentials.clone()),
            stale_for: route.stale_for.unwrap_or(self.stale_for),
            target: match &route.target {
                Target::Upstream(at) => format!("upstream {}", self.config.upstreams[*at].name),
                Target::TokenSelf => "token-self".to_owned(),
            },
        })
    }
}
