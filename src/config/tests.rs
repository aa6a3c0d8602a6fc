//! The mistakes, the environment, the shipped file and the reference, against what is written down.

#![allow(clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use super::tree::{self, Table, Value};
use super::{Config, ConfigErrors};
use crate::auth::Source;
use crate::proxy::{OnLimitOutage, PathPattern, Target};
use crate::store::{KeySource, Location, Topology};
use crate::token::{Mode, Owner};

const SHIPPED: &str = include_str!("../../config/tollgate.toml");
const REFERENCE: &str = include_str!("../../docs/configuration.md");

fn parse(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::parse(text, Path::new("t.toml"), &env)
}

fn valid(text: &str, env: &[(&str, &str)]) -> Config {
    parse(text, env).unwrap_or_else(|errors| panic!("{errors}"))
}

fn mistakes(text: &str, env: &[(&str, &str)]) -> String {
    parse(text, env).map_or_else(|errors| errors.to_string(), |_| "valid".to_owned())
}

/// Compares with a file under `tests/golden/config`, or writes it if `TOLLGATE_BLESS` is set.
fn golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/config").join(name);
    if std::env::var_os("TOLLGATE_BLESS").is_some() {
        std::fs::write(&path, actual).expect("golden file written");
    }
    let expected = std::fs::read_to_string(&path).expect("golden file");
    assert!(expected == actual, "{} differs; now it is:\n{actual}", path.display());
}

/// Every case of the file: a title, variables (`$`), the text, and after `=>` what is said about it.
#[test]
fn each_mistake_is_told_where_it_is_and_how_to_mend_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/config/mistakes.txt");
    let cases = std::fs::read_to_string(path).expect("golden file");
    let mut actual = String::new();
    for case in cases.split("== ").skip(1) {
        let (title, body) = case.split_once('\n').expect("a title");
        let lines: Vec<&str> = body.lines().filter(|line| !line.starts_with("=> ")).collect();
        let (variables, text): (Vec<&str>, Vec<&str>) = lines.into_iter().partition(|line| line.starts_with("$ "));
        let env: Vec<(&str, &str)> =
            variables.iter().map(|line| line[2..].split_once('=').expect("NAME=VALUE")).collect();
        let said = mistakes(&text.join("\n"), &env);
        assert!(!said.contains("hunter"), "a secret is shown: {said}");
        assert_ne!(said, "valid", "{title}");
        let _ = writeln!(actual, "== {title}");
        for line in variables.iter().chain(&text) {
            let _ = writeln!(actual, "{line}");
        }
        for line in said.lines() {
            let _ = writeln!(actual, "=> {line}");
        }
    }
    golden("mistakes.txt", &actual);
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = include_str!("../../tests/golden/config/many.toml");
    let env = BTreeMap::from([("TOLLGATE_CACHE__TTL".to_owned(), "soon".to_owned())]);
    let errors = Config::parse(text, Path::new("many.toml"), &env).expect_err("mistakes");
    assert!(errors.0.len() >= 12, "{errors}");
    golden("many.txt", &format!("{errors}\n"));
}

#[test]
fn nothing_written_means_the_defaults() {
    let config = valid("", &[]);
    assert_eq!(config.proxy.listen.to_string(), "0.0.0.0:8080");
    assert!(config.proxy.workers >= 1);
    assert_eq!((config.proxy.region.as_str(), config.proxy.realm.as_str()), ("local", "tollgate"));
    assert_eq!(config.proxy.limits, crate::server::Limits::default());
    assert_eq!(config.proxy.credentials, Source::defaults());
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:8081");
    assert_eq!((config.admin.limit.size.get(), config.admin.limit.refill_per_second), (10_000, 5_000.0));
    assert_eq!(config.telemetry.listen.to_string(), "127.0.0.1:9464");
    assert_eq!(config.cache, crate::auth::CacheConfig::default());
    assert_eq!(config.throttle, crate::limit::ThrottleConfig::bad_credentials());
    assert_eq!(config.store.retention, crate::activity::Retention::default());
    assert_eq!(config.store.timeout, Duration::from_millis(50));
    assert_eq!((config.store.durability, config.store.spool), (crate::activity::Durability::Async, 256 << 20));
    let here = std::env::current_dir().expect("a folder");
    assert!(matches!(&config.store.location, Location::File(path) if *path == here.join("tollgate-data")));
    assert_eq!(config.store.data_dir, here.join("tollgate-data"));
    assert!(matches!(&config.store.hash_key,
        KeySource::File { path, create: true } if *path == here.join("tollgate-data/hash.key")));
    assert!(config.file.is_none() && config.proxy.routes.is_empty());
}

/// A file with every kind of section.
const FULL: &str = r#"
region = ""
[proxy]
trusted_proxies = ["10.0.0.0/8", "::1"]
workers = 3
[[credential]]
source = "header"
name = "X-Token"
[[credential]]
source = "query"
name = "token"
[[credential]]
source = "bearer"
[plan.gold]
minute = { size = 600, refill_per_second = 0.5, mode = "hard" }
month = { size = 1_000_000, anchor = "calendar", zone = "Europe/Berlin" }
[bundles]
"team.lead" = ["team.reader", "orders.write"]
"team.reader" = ["orders.read"]
[upstream.a]
servers = ["http://127.0.0.1:9000", "http://[::1]:9000/", "http://backend"]
[upstream.b]
servers = ["http://127.0.0.1:9001"]
connect_timeout = "2s"
idle_connections = 0
[[route]]
name = "orders"
host = "API.example.com"
path = "/orders/%C3%A9"
methods = ["GET", "PURGE"]
scopes = ["orders.read"]
any_scopes = ["x.y", "x.z"]
credentials = ["header", "bearer"]
preflight = true
stale_for = "0s"
on_limit_outage = "deny"
host_header = "upstream"
upstream = "b"
[[route]]
name = "root"
path = "/"
public = true
upstream = "a"
[[route]]
name = "me"
path = "= /v1/token/"
serve = "token-self"
[[user]]
name = "mira"
account = "acme"
number = 3
scopes = ["orders.*"]
plan = "gold"
[[account]]
name = "acme"
uuid = "0d9a3c52-70f4-4b8e-9a57-6f1c2e3d4b5a"
"#;

#[test]
fn every_section_is_read() {
    let config = valid(FULL, &[]);
    let proxy = &config.proxy;
    assert_eq!((proxy.region.as_str(), proxy.workers, proxy.trusted_proxies.len()), ("", 3, 2));
    let header = || Source::Header(http::HeaderName::from_static("x-token"));
    assert_eq!(proxy.credentials, [header(), Source::Query("token".to_owned()), Source::Bearer]);
    let [a, b] = &proxy.upstreams[..] else { panic!("two upstreams") };
    assert_eq!((a.name.as_str(), b.name.as_str(), b.idle_connections), ("a", "b", 0));
    assert_eq!(a.servers.iter().map(|s| s.as_str()).collect::<Vec<_>>(), ["127.0.0.1:9000", "[::1]:9000", "backend"]);
    assert_eq!((b.connect_timeout, b.head_timeout), (Duration::from_secs(2), Duration::from_secs(30)));
    let [orders, root, me] = &proxy.routes[..] else { panic!("three routes") };
    assert_eq!(orders.host.as_deref(), Some("api.example.com"));
    assert_eq!(orders.path, PathPattern::Prefix("/orders/%C3%A9".to_owned()));
    assert_eq!(orders.methods.as_deref().map(|m| m.iter().map(|m| m.as_str()).collect()), Some(vec!["GET", "PURGE"]));
    assert_eq!((orders.scopes.len(), orders.any_scopes.len()), (1, 2));
    assert_eq!(orders.credentials, Some(vec![header(), Source::Bearer]));
    assert_eq!((orders.preflight, orders.stale_for), (true, Some(Duration::ZERO)));
    assert_eq!((orders.host_header, &orders.target), (crate::proxy::HostHeader::Upstream, &Target::Upstream(1)));
    let outage = |route: &crate::proxy::RouteConfig| route.on_limit_outage;
    assert_eq!((outage(orders), outage(root)), (OnLimitOutage::Deny, OnLimitOutage::SpendLease));
    assert!(root.public && root.target == Target::Upstream(0) && root.path == PathPattern::Prefix("/".to_owned()));
    assert_eq!((&me.path, &me.target), (&PathPattern::Exact("/v1/token/".to_owned()), &Target::TokenSelf));
    let gold = config.plans.get("gold").expect("a plan");
    assert_eq!(gold.minute.map(|minute| (minute.refill_per_second, minute.mode)), Some((0.5, Mode::Local)));
    assert_eq!(gold.month.as_ref().map(|month| month.size), Some(1_000_000));
    assert!(config.bundles.holds(&["team.lead".parse().expect("a scope")], "orders.read"));
    let mira = config.directory.user(&Owner::new("acme", "mira")).expect("a user");
    assert_eq!((mira.number, mira.plan.as_deref()), (Some(3), Some("gold")));
    assert!(config.directory.account_uuid("acme").to_string().starts_with("0d9a3c52"));
}

#[test]
fn a_bucket_is_shared_where_the_store_is() {
    let mode = |url: &str, mode: &str| {
        let text =
            format!("[store]\nurl = \"{url}\"\n[plan.p]\nminute = {{ size = 6, refill_per_second = 1{mode} }}\n");
        valid(&text, &[]).plans.get("p").and_then(|plan| plan.minute).map(|minute| minute.mode)
    };
    for (url, written, expected) in [
        ("redis://h", "", Mode::Hard),
        ("redis://h", ", mode = \"hard\"", Mode::Hard),
        ("redis://h", ", mode = \"local\"", Mode::Local),
        ("memory:", "", Mode::Local),
        ("memory:", ", mode = \"hard\"", Mode::Local),
    ] {
        assert_eq!(mode(url, written), Some(expected), "{url} {written}");
    }
}

#[test]
fn the_environment_overrides_the_file() {
    let env = [
        ("TOLLGATE_ADMIN__LISTEN", "127.0.0.1:9"),
        ("TOLLGATE_ADMIN__LIMIT__SIZE", "7"),
        ("TOLLGATE_PLAN__GOLD__MINUTE__SIZE", "5"),
        ("TOLLGATE_Plan__Default__Month", "{ size = 9, anchor = \"rolling-30d\" }"),
        ("TOLLGATE_UPSTREAM__A__SERVERS", "http://h1:1, http://h2:2"),
        ("TOLLGATE_UPSTREAM__B__SERVERS", "[\"http://h3:3\"]"),
        ("TOLLGATE_ROUTE__0__METHODS", "GET"),
        ("TOLLGATE_ROUTE__1__NAME", "\"quoted\""),
        ("TOLLGATE_BUNDLES__TEAM_READER", "orders.list"),
        ("TOLLGATE_PROXY__WORKERS", "0x2"),
        ("TOLLGATE_MEMORY__BUDGET", "2097152"),
        ("TOLLGATE_CACHE__TTL", "5m"),
        ("TOLLGATE_STORE__DATA_DIR", "/var/lib/1"),
        ("TOLLGATE__REGION", "5"),
        ("TOLLGATE_PORT", "tcp://10.0.0.1:8080"),
        ("TOLLGATE_PROXY_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("TOLLGATE_CONFIG", "elsewhere"),
        ("OTHER__KEY", "x"),
    ];
    let config = valid(FULL, &env);
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:9");
    assert_eq!((config.admin.limit.size.get(), config.admin.limit.refill_per_second), (7, 5_000.0));
    let size = |plan: &str| config.plans.get(plan).and_then(|plan| plan.minute).map(|minute| minute.size.get());
    assert_eq!(size("gold"), Some(5));
    assert_eq!(config.plans.get("default").and_then(|plan| plan.month.as_ref()).map(|month| month.size), Some(9));
    let servers = |at: usize| config.proxy.upstreams[at].servers.iter().map(|s| s.as_str()).collect::<Vec<_>>();
    assert_eq!((servers(0), servers(1)), (vec!["h1:1", "h2:2"], vec!["h3:3"]));
    assert_eq!(config.proxy.routes[0].methods, Some(vec![http::Method::GET]));
    assert_eq!(&*config.proxy.routes[1].name, "quoted");
    assert!(config.bundles.holds(&["team.reader".parse().expect("a scope")], "orders.list"));
    assert_eq!((config.proxy.workers, config.cache.budget, config.cache.ttl), (2, 2 << 20, Duration::from_secs(300)));
    assert_eq!(config.store.data_dir, Path::new("/var/lib/1"));
    assert_eq!(config.proxy.region, "5", "a number where a text is wanted stays a text");
    let said = mistakes("", &[("TOLLGATE_STORE__DATA_DIR", "caf\u{fffd}")]);
    assert_eq!(said, "TOLLGATE_STORE__DATA_DIR: store.data_dir: is not UTF-8: set it as UTF-8");
    let other = valid("", &[("TOLLGATE__CREDENTIAL", "[{ source = \"bearer\" }]")]);
    assert_eq!(other.proxy.credentials, [Source::Bearer]);
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("t.toml");
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("written");
    write("password", "  hunter2\n");
    write("empty", " \n");
    write("ca.pem", "x");
    write("short", "abc");
    let parse = |text: &str| Config::parse(text, &file, &BTreeMap::new());
    let text = "[store]\nurl = \"rediss://u%40v@h:1/3\"\npassword_file = \"password\"\nca_file = \"ca.pem\"\n";
    let config = parse(text).expect("valid");
    let Location::Redis(redis) = &config.store.location else { panic!("Redis") };
    assert_eq!(redis.password.as_ref().map(|secret| secret.expose()), Some("hunter2"));
    assert_eq!((redis.username.as_deref(), redis.servers[0].to_string().as_str()), (Some("u@v"), "h:1"));
    assert_eq!((redis.database, redis.tls, redis.prefix.as_str()), (3, true, "tg"));
    assert_eq!(redis.ca_file.as_deref(), Some(dir.path().join("ca.pem").as_path()));
    let direct = parse("[store]\nurl = \"redis://:p%3Ahunter2@[::1]\"\n").expect("valid");
    let Location::Redis(redis) = &direct.store.location else { panic!("Redis") };
    assert_eq!(redis.password.as_ref().map(|secret| secret.expose()), Some("p:hunter2"));
    assert_eq!((redis.username.as_deref(), redis.servers[0].to_string().as_str()), (None, "[::1]:6379"));
    let text = "[store]\nurl = \"rediss-sentinel://u:p@a,b:1,a/prime/2\"\nsentinel_username = \"s\"\n\
                sentinel_password_file = \"password\"\n";
    let sentinel = parse(text).expect("valid");
    let Location::Redis(redis) = &sentinel.store.location else { panic!("Redis") };
    let servers: Vec<String> = redis.servers.iter().map(ToString::to_string).collect();
    assert_eq!((servers.join(" ").as_str(), redis.database, redis.tls), ("a:26379 b:1", 2, true));
    let Topology::Sentinel { master, username, password } = &redis.topology else { panic!("Sentinels") };
    assert_eq!((master.as_str(), username.as_deref()), ("prime", Some("s")));
    assert_eq!(password.as_ref().map(|secret| secret.expose()), Some("hunter2"));
    assert_eq!(format!("{redis:?}"), "rediss-sentinel://a:26379,b:1/prime/2");
    let cluster = parse("[store]\nurl = \"redis-cluster://u:hunter2@[::1]:7000,h\"\n").expect("valid");
    let Location::Redis(redis) = &cluster.store.location else { panic!("Redis") };
    assert!(matches!(redis.topology, Topology::Cluster));
    assert_eq!(format!("{redis:?}"), "redis-cluster://[::1]:7000,h:6379");
    let keyed = parse("[auth]\nhash_key = \"hunter2hunter2hunter2hunter2hunter2\"\n").expect("valid");
    assert!(matches!(&keyed.store.hash_key, KeySource::Given(key) if key.expose().len() == 35));
    for config in [&config, &direct, &sentinel, &cluster, &keyed] {
        assert!(!format!("{config:?}").contains("hunter"));
    }
    let at = |name: &str| dir.path().join(name).display().to_string();
    let said = |keys: &str| match parse(keys) {
        Ok(_) => "valid".to_owned(),
        Err(errors) => errors.to_string().replace(&file.display().to_string(), "t.toml"),
    };
    let store = "[store]\nurl = \"redis://h\"\npassword_file = ";
    assert_eq!(
        said(&format!("{store}\"absent\"")),
        format!(
            "t.toml:3:17: store.password_file: cannot read {}: No such file or directory (os error 2); name a file that \
             this user may read",
            at("absent")
        )
    );
    assert_eq!(
        said(&format!("{store}\"empty\"")),
        format!("t.toml:3:17: store.password_file: cannot use {}: it is empty; write the secret into it", at("empty"))
    );
    assert_eq!(
        said(&format!("{store}\".\"")),
        format!(
            "t.toml:3:17: store.password_file: cannot read {}: it is a folder; name a file that this user may read",
            dir.path().display()
        )
    );
    let key = "[auth]\nhash_key_file = ";
    assert_eq!(
        said(&format!("{key}\"short\"")),
        format!(
            "t.toml:2:17: auth.hash_key_file: {} is shorter than 32 bytes: write 64 hex digits, such as those that \
             \"openssl rand -hex 32\" prints",
            at("short")
        )
    );
    assert_eq!(
        said(&format!("{key}\"no/such/key\"")),
        format!(
            "t.toml:2:17: auth.hash_key_file: cannot make {}: its folder does not exist; make the folder",
            at("no/such/key")
        )
    );
    assert_eq!(said(&format!("{key}\"new.key\"")), "valid");
    assert_eq!(said(&format!("{key}\"./tollgate-data/new.key\"")), "valid", "the data folder is made");
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_accepted() {
    assert_eq!(valid("\u{feff}region = \"a\"\r\n[proxy]\r\nworkers = 2\r\n", &[]).proxy.region, "a");
    assert!(mistakes("region = \"a\"\r\n[proxy]\r\nworkers = -2\r\n", &[]).starts_with("t.toml:3:11: proxy.workers"));
}

#[test]
fn bundles_that_share_bundles_are_expanded_in_no_time() {
    let mut text = "[bundles]\n".to_owned();
    for level in 0..100 {
        let next = level + 1;
        let _ = writeln!(
            text,
            "\"a.{level}\" = [\"a.{next}\", \"b.{next}\"]\n\"b.{level}\" = [\"a.{next}\", \"b.{next}\"]"
        );
    }
    let config = valid(&text, &[]);
    let held = ["a.0".parse().expect("a scope")];
    assert!(config.bundles.holds(&held, "b.100") && !config.bundles.holds(&held, "c.100"));
}

#[test]
fn many_routes_and_deep_keys_are_read() {
    let mut text = "[upstream.u]\nservers = [\"http://h\"]\n".to_owned();
    for at in 0..2_000 {
        let _ = writeln!(text, "[[route]]\nname = \"r{at}\"\npath = \"/{at}\"\nupstream = \"u\"");
    }
    assert_eq!(valid(&text, &[]).proxy.routes.len(), 2_000);
    let deep = format!("a{} = 1", ".a".repeat(5_000));
    assert!(mistakes(&deep, &[]).starts_with("t.toml:1:"));
    assert!(mistakes(&format!("a = {}", "[".repeat(5_000)), &[]).starts_with("t.toml:1:"));
}

#[test]
fn the_data_folder_follows_an_embedded_store() {
    let config = valid("[store]\nurl = \"file:///var/lib/tollgate\"\n", &[]);
    assert_eq!(config.store.data_dir, Path::new("/var/lib/tollgate"));
    let config = valid("[store]\nurl = \"file:/var/lib/a\"\ndata_dir = \"/var/lib/b\"\n", &[]);
    assert!(matches!(&config.store.location, Location::File(path) if path == Path::new("/var/lib/a")));
    assert!(matches!(&config.store.hash_key, KeySource::File { path, .. } if path == Path::new("/var/lib/b/hash.key")));
}

/// A key with the names of users and the numbers of lists taken out: `plan.gold.month.size` is `plan.NAME.month.size`.
fn shape(key: &str) -> String {
    let mut shape = String::new();
    for (at, part) in key.split('.').enumerate() {
        let named = at == 1 && ["plan", "upstream", "bundles"].iter().any(|section| shape == *section);
        let part = if named { "NAME" } else { part };
        let part = part.find('[').map_or(part.to_owned(), |bracket| format!("{}[]", &part[..bracket]));
        let dot = if at > 0 { "." } else { "" };
        let _ = write!(shape, "{dot}{part}");
    }
    shape
}

/// The keys that the reader asks for, sections left out.
fn asked_keys() -> BTreeSet<String> {
    let text = "[plan.p]\nminute = {}\nmonth = {}\n[bundles]\nb = []\n[upstream.u]\n[[credential]]\n[[route]]\n[[user]]\n\
                [[account]]\n";
    let (_, cx) = Config::check(text, Path::new("t.toml"), &BTreeMap::new());
    let asked: BTreeSet<String> =
        cx.asked.take().iter().map(|key| shape(key)).chain(["bundles.NAME".to_owned()]).collect();
    let inner = |key: &String| {
        asked.iter().any(|other| other.starts_with(&format!("{key}.")) || other.starts_with(&format!("{key}[")))
    };
    let empty_sections = ["plan", "bundles", "upstream", "credential", "route", "user", "account"];
    asked.iter().filter(|key| !inner(key) && !empty_sections.contains(&key.as_str())).cloned().collect()
}

/// The leaves of a tree: tables and lists of tables are walked, anything else is one key.
fn written_keys(table: &Table, path: &str, into: &mut BTreeSet<String>) {
    for (key, node) in table {
        let plain = key.replace('.', "_");
        let path = if path.is_empty() { plain } else { format!("{path}.{plain}") };
        let tables = |item: &tree::Node| matches!(item.value, Value::Table(_));
        match &node.value {
            Value::Table(table) => written_keys(table, &path, into),
            Value::List(items) if !items.is_empty() && items.iter().all(tables) => {
                for item in items {
                    if let Value::Table(table) = &item.value {
                        written_keys(table, &format!("{path}[]"), into);
                    }
                }
            }
            _ => {
                into.insert(shape(&path));
            }
        }
    }
}

/// The shipped file with its commented keys switched on.
fn uncommented() -> String {
    let switch_on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[' || c == '"') => rest.to_owned(),
        _ => line.to_owned(),
    };
    SHIPPED.lines().map(switch_on).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_shipped_file_is_the_defaults_and_holds_every_key() {
    let file = PathBuf::from("t.toml");
    let shipped = Config::parse(SHIPPED, &file, &BTreeMap::new()).unwrap_or_else(|errors| panic!("{errors}"));
    let normal = |config: &Config| format!("{config:?}").replace("/./", "/");
    assert_eq!(normal(&shipped), normal(&valid("", &[])));
    let parsed = tree::parse(&uncommented());
    assert_eq!(parsed.errors, []);
    let mut written = BTreeSet::new();
    written_keys(&parsed.root, "", &mut written);
    assert_eq!(written, asked_keys());
}

#[test]
fn the_keys_commented_out_in_the_shipped_file_are_valid() {
    // Without the keys that exclude each other or belong to another store.
    let dropped = [
        "tls.cert_file",
        "tls.key_file",
        "username",
        "password",
        "password_file",
        "sentinel_username",
        "sentinel_password",
        "sentinel_password_file",
        "ca_file",
        "prefix",
        "spool",
        "hash_key ",
        "serve",
        "public",
    ];
    let kept = |line: &&str| !dropped.iter().any(|key| line.starts_with(&format!("{} =", key.trim())));
    let text: Vec<String> = uncommented().lines().filter(kept).map(str::to_owned).collect();
    valid(&text.join("\n"), &[]);
}

#[test]
fn the_reference_names_every_key_and_its_default() {
    let rows: Vec<Vec<&str>> = REFERENCE
        .lines()
        .filter(|line| line.starts_with("| `") && line.matches('|').count() == 5)
        .map(|line| line.split('|').map(|cell| cell.trim().trim_matches('`')).collect())
        .collect();
    let keys: BTreeSet<String> = rows.iter().map(|row| row[1].to_owned()).collect();
    assert_eq!(keys, asked_keys());
    assert_eq!(keys.len(), rows.len(), "a key stands twice");
    let mut top = String::new();
    let mut named: BTreeMap<&str, String> = BTreeMap::new();
    for row in rows.iter().filter(|row| row[2] != "-") {
        let (key, value) = (row[1], row[2]);
        match key.split_once("[].") {
            Some((section, key)) => {
                let _ = writeln!(named.entry(section).or_default(), "{key} = {value}");
            }
            None => {
                let _ = writeln!(top, "{} = {value}", key.replace("NAME", "default"));
            }
        }
    }
    let needed = "plan.default.minute.size = 5\nplan.default.minute.refill_per_second = 1\nplan.default.month.size = 5\n\
                  upstream.default.servers = [\"http://h\"]\n";
    let tables = |with: &dyn Fn(&str) -> String| {
        let fixed = "name = \"x\"\n";
        format!(
            "[[route]]\n{fixed}path = \"/\"\nupstream = \"default\"\n{}[[user]]\n{fixed}{}",
            with("route"),
            with("user")
        )
    };
    let spelled = format!("{top}{needed}{}", tables(&|section| named.get(section).cloned().unwrap_or_default()));
    let silent = format!("{needed}{}", tables(&|_| String::new()));
    let normal = |text: &str| format!("{:?}", valid(text, &[])).replace("/./", "/");
    assert_eq!(normal(&spelled), normal(&silent));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*", name in "TOLLGATE_[A-Z_]{0,20}", value in "\\PC*") {
        let _ = parse(&text, &[(&name, &value)]);
    }

    /// Text made of what configurations are made of reaches deeper than arbitrary text.
    #[test]
    fn no_near_toml_makes_it_panic(parts in proptest::collection::vec(prop_oneof![
        Just("["), Just("]"), Just("[["), Just("]]"), Just("\n"), Just("="), Just(" = "), Just("\""), Just("{"), Just("}"), Just(","),
        Just("."), Just("route"), Just("plan"), Just("upstream"), Just("name"), Just("store"), Just("url"), Just("'"), Just("\"\"\""),
        Just("5"), Just("1e9"), Just("\"/a\""), Just("\r\n"), Just("é"), Just("#"), Just("[[route]]\n"), Just("[route]\n"),
        Just("[plan.a]\n"), Just("name = \"a\"\n"),
    ], 0..40)) {
        let _ = parse(&parts.concat(), &[("TOLLGATE_ROUTE__0__PATH", "/%"), ("TOLLGATE_PLAN__A__MINUTE", "{")]);
    }

    /// A valid file with a few bytes changed is valid or told what is wrong, and each place lies within it.
    #[test]
    fn no_change_to_a_valid_file_makes_it_panic(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), prop_oneof![Just(None), any::<char>().prop_map(Some),
            "[\\[\\]{}=\"',.#\n]".prop_map(|text| text.chars().next())]), 1..6),
        shipped in any::<bool>(),
    ) {
        let base = if shipped { uncommented() } else { FULL.to_owned() };
        let mut text: Vec<char> = base.chars().collect();
        for (at, edit) in edits {
            let at = at.index(text.len());
            match edit {
                Some(c) => text[at] = c,
                None => { text.remove(at); }
            }
        }
        let text: String = text.into_iter().collect();
        if let Err(errors) = parse(&text, &[]) {
            prop_assert!(!errors.0.is_empty());
            let lines = text.split('\n').count();
            for error in &errors.0 {
                let line: usize = error.place.split(':').nth(1).and_then(|line| line.parse().ok()).expect("a line");
                prop_assert!(line >= 1 && line <= lines, "{error}");
            }
        }
    }
}
