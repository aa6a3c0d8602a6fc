//! `tollgate demo`: everything on one machine, with nothing to set up.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, DirBuilder};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::{App, Listeners, Stop, logging, runtime, sample};
use crate::admin::service::{Actor, Draft};
use crate::config::Config;
use crate::token::push_hex;

/// Usual ports; any free one where it is taken.
const PORTS: [u16; 4] = [8080, 8081, 9464, 9000];

/// Serves a sample of everything until a signal ends it, or its terminal is closed. Leaves no file behind.
pub(crate) fn demo(as_json: bool) -> Result<(), String> {
    let folder = Folder::make()?;
    runtime()?.block_on(async {
        let mut stop = Stop::new()?;
        let mut hangup = signal(SignalKind::hangup()).map_err(text)?;
        let [proxy, admin, ops, upstream] = free_ports()?;
        let upstream_address = upstream.local_addr().map_err(text)?;
        upstream.set_nonblocking(true).map_err(text)?;
        let config = config(upstream_address, &folder.0)?;
        logging::init(&config.telemetry)?;
        let sample = tokio::net::TcpListener::from_std(upstream).map_err(text)?;
        let sample = tokio::spawn(sample::serve(sample));
        let bound = listeners(&config, proxy, admin, ops)?;
        let addresses = [bound.proxy.address, bound.admin.address, bound.ops.address, upstream_address];
        let Some(app) = App::start(config, bound, &mut stop).await? else { return Ok(()) };
        let tokens = Tokens::make(&app).await?;
        let told = if as_json { told_as_json(addresses, &tokens) } else { told(addresses, &tokens) };
        // A closed standard output does not end the demo.
        let _ = std::io::stdout().write_all(told.as_bytes()).and_then(|()| std::io::stdout().flush());
        tokio::select! {
            _ = stop.wait() => {}
            _ = hangup.recv() => {}
        }
        let stopped = app.stop().await;
        sample.abort();
        stopped
    })
}

/// The data directory of a demo; goes when dropped.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, String> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| format!("the system gives no random bytes: {error}"))?;
        let mut name = "tollgate-demo-".to_owned();
        push_hex(&mut name, &random);
        let path = std::env::temp_dir().join(name);
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| format!("{} cannot be made: {error}; TMPDIR names another place", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "the folder of the demo was not deleted");
        }
    }
}

/// Sockets on the usual ports, or on free ones, held until they are bound for good.
fn free_ports() -> Result<[TcpListener; 4], String> {
    let bind =
        |port| TcpListener::bind(("127.0.0.1", port)).or_else(|_| TcpListener::bind(("127.0.0.1", 0))).map_err(text);
    Ok([bind(PORTS[0])?, bind(PORTS[1])?, bind(PORTS[2])?, bind(PORTS[3])?])
}

/// The listeners of the planes, on the ports that were found free.
fn listeners(config: &Config, proxy: TcpListener, admin: TcpListener, ops: TcpListener) -> Result<Listeners, String> {
    let addresses = [proxy.local_addr(), admin.local_addr(), ops.local_addr()];
    // Data threads share one address by SO_REUSEPORT, which a socket of another kind on the same port forbids.
    drop((proxy, admin, ops));
    let [proxy, admin, ops] = addresses;
    let mut config = config.clone();
    config.proxy.listen = proxy.map_err(text)?;
    config.admin.listen = admin.map_err(text)?;
    config.telemetry.listen = ops.map_err(text)?;
    Listeners::bind(&config)
}

fn config(upstream: SocketAddr, folder: &Path) -> Result<Config, String> {
    let folder = folder.display().to_string();
    let toml = format!(
        r#"
[store]
url = "memory:"
data_dir = {folder:?}
[log]
level = "warn"
[plan.default]
minute = {{ size = 600, refill_per_second = 10 }}
month = {{ size = 1_000_000, anchor = "calendar", zone = "UTC" }}
[plan.tight]
minute = {{ size = 3, refill_per_second = 0.1 }}
month = {{ size = 1_000, anchor = "token-start" }}
[upstream.sample]
servers = ["http://{upstream}"]
[[route]]
name = "orders-read"
path = "/orders"
methods = ["GET", "HEAD"]
scopes = ["orders.read"]
upstream = "sample"
[[route]]
name = "orders-write"
path = "/orders"
methods = ["POST"]
scopes = ["orders.write"]
upstream = "sample"
[[route]]
name = "rest"
path = "/"
upstream = "sample"
[[route]]
name = "own-token"
path = "/v1/token"
serve = "token-self"
"#
    );
    Config::parse(&toml, Path::new("demo.toml"), &BTreeMap::new()).map_err(|errors| errors.to_string())
}

/// Secrets of the demo's tokens.
struct Tokens {
    admin: String,
    normal: String,
    limited: String,
}

impl Tokens {
    async fn make(app: &App) -> Result<Self, String> {
        let make = async |name: &str, scopes: &[&str], plan: &str| {
            let draft = Draft {
                name: name.to_owned(),
                owner: Some("demo".to_owned()),
                scopes: Some(scopes.iter().map(|scope| (*scope).to_owned()).collect()),
                plan: Some(plan.to_owned()),
                ..Draft::default()
            };
            let made = app.service.create(&Actor::operator(), draft).await;
            made.map(|(_, secret)| secret.expose().to_owned())
                .map_err(|error| format!("the demo has no token: {error}"))
        };
        Ok(Self {
            admin: make("admin", &["all.admin"], "default").await?,
            normal: make("normal", &["orders.read"], "default").await?,
            limited: make("limited", &["orders.*"], "tight").await?,
        })
    }
}

fn told([proxy, admin, ops, upstream]: [SocketAddr; 4], tokens: &Tokens) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{text}");
    };
    let Tokens { admin: admin_token, normal, limited } = tokens;
    line("Tollgate demo: embedded store, gone when it ends. Ctrl-C ends it.\n".to_owned());
    line(format!("  proxy    http://{proxy}   (in front of the sample API at http://{upstream})"));
    line(format!("  admin    http://{admin}"));
    line(format!("  ops      http://{ops}\n"));
    line(format!("  admin token    {admin_token}   (scope all.admin)"));
    line(format!("  normal token   {normal}   (scope orders.read)"));
    line(format!("  limited token  {limited}   (scope orders.*, 3 calls, then one every 10 s)\n"));
    line("Try, in another terminal:\n".to_owned());
    for (what, arguments) in [
        ("no token: 401", format!("http://{proxy}/orders")),
        ("a token: 200, with RateLimit fields", format!("-H 'Authorization: Bearer {normal}' http://{proxy}/orders")),
        (
            "what the upstream learns of the caller",
            format!("-H 'Authorization: Bearer {normal}' http://{proxy}/whoami"),
        ),
        (
            "a scope is missing: 403",
            format!("-X POST -d '{{}}' -H 'Authorization: Bearer {normal}' http://{proxy}/orders"),
        ),
        (
            "the fourth call in a row: 429",
            format!("-H 'Authorization: Bearer {limited}' 'http://{proxy}/orders?n=[1-4]'"),
        ),
        ("a slow answer", format!("-H 'Authorization: Bearer {admin_token}' http://{proxy}/slow")),
        ("a stream", format!("-N -H 'Authorization: Bearer {admin_token}' http://{proxy}/stream")),
        ("the caller's own quota", format!("-H 'Authorization: Bearer {normal}' http://{admin}/v1/token")),
        ("and activity", format!("-H 'Authorization: Bearer {normal}' http://{admin}/v1/token/activity")),
        ("metrics", format!("http://{ops}/metrics")),
    ] {
        line(format!("  # {what}"));
        // The empty line ends bodies that have no line end of their own.
        line(format!("  curl -si -w '\\n' {arguments}"));
    }
    out
}

fn told_as_json([proxy, admin, ops, upstream]: [SocketAddr; 4], tokens: &Tokens) -> String {
    let url = |address: SocketAddr| format!("http://{address}");
    let told = json!({
        "proxy": url(proxy), "admin": url(admin), "ops": url(ops), "upstream": url(upstream),
        "tokens": {"admin": tokens.admin, "normal": tokens.normal, "limited": tokens.limited},
    });
    format!("{told}\n")
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}
