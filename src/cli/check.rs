//! `tollgate check`.

use serde_json::json;

use super::print::Output;
use super::{Failure, USAGE};
use crate::config::{Config, ConfigErrors};
use crate::store::Location;

/// Tells every mistake of the configuration, or sums it up.
pub(super) fn check(loaded: Result<Config, ConfigErrors>, as_json: bool) -> Result<(), Failure> {
    let config = match loaded {
        Ok(config) => config,
        Err(errors) if as_json => {
            let each = |e: &crate::config::ConfigError| json!({"place": e.place, "key": e.key, "message": e.message});
            let errors: Vec<_> = errors.0.iter().map(each).collect();
            let mut output = Output::new(true);
            let _ = output.object(&json!({"ok": false, "exit_code": USAGE, "errors": errors}));
            return Err(output.finish().map_or_else(Failure::Failed, |()| Failure::ToldUsage));
        }
        Err(errors) => {
            return Err(Failure::Usage(format!("{errors}\n{}", counted(errors.0.len(), "mistake"))));
        }
    };
    let file = config.file.as_ref().map_or_else(|| "configuration".to_owned(), |file| file.display().to_string());
    let store = match &config.store.location {
        Location::Memory => "memory:".to_owned(),
        Location::File(path) => format!("file:{}", path.display()),
        Location::Redis(redis) => format!("{redis:?}"),
    };
    let mut plans: Vec<&str> = config.plans.iter().map(|plan| &*plan.name).collect();
    plans.sort_unstable();
    let mut output = Output::new(as_json);
    if as_json {
        let _ = output.object(&json!({
            "ok": true,
            "file": file,
            "listen": {
                "proxy": config.proxy.listen.to_string(),
                "admin": config.admin.listen.to_string(),
                "ops": config.telemetry.listen.to_string(),
            },
            "store": store,
            "routes": config.proxy.routes.iter().map(|route| &*route.name).collect::<Vec<_>>(),
            "upstreams": config.proxy.upstreams.iter().map(|upstream| upstream.name.as_str()).collect::<Vec<_>>(),
            "plans": plans,
        }));
    } else {
        let _ = output.line(&format!("{file}: fine"));
        let rows = [
            (
                "proxy",
                format!(
                    "{}, {} to {}",
                    config.proxy.listen,
                    counted(config.proxy.routes.len(), "route"),
                    counted(config.proxy.upstreams.len(), "upstream")
                ),
            ),
            ("admin", config.admin.listen.to_string()),
            ("ops", config.telemetry.listen.to_string()),
            ("store", store),
            ("plans", plans.join(", ")),
        ];
        for (name, value) in rows {
            let _ = output.line(&format!("  {name:<8}{value}"));
        }
    }
    output.finish().map_err(Failure::Failed)
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
