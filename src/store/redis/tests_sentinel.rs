//! Against a primary, a replica and three Sentinels.

// A test that cannot go on has failed.
#![allow(clippy::expect_used)]

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::tests::{
    RELAXED, Server, certificates, documented_rules, eventually, every_operation, first_hash, free_port, leave_behind,
    local, open, resolve, tls_options,
};
use crate::config::Secret;
use crate::store::conformance::{KEY, RETENTION, record, suite};
use crate::store::{OpenError, RedisConfig, Stores, Topology};
use crate::token::{Change, Lookup, TokenRecord};

/// One Sentinel, killed with its folder.
struct Sentinel {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Sentinel {
    async fn start(primary: u16, options: &[String]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let tls = options.iter().any(|option| option == "tls-replication yes");
        let mut text = format!("bind 127.0.0.1\ndir {}\n", folder.path().display());
        let listen = if tls { format!("port 0\ntls-port {port}\n") } else { format!("port {port}\n") };
        text.push_str(&listen);
        text.push_str(&format!("sentinel monitor mymaster 127.0.0.1 {primary} 2\n"));
        text.push_str("sentinel down-after-milliseconds mymaster 400\nsentinel failover-timeout mymaster 2000\n");
        options.iter().for_each(|option| text.extend([option.as_str(), "\n"]));
        let file = folder.path().join("sentinel.conf");
        std::fs::write(&file, text).expect("written");
        let child = Command::new("redis-server")
            .arg(&file)
            .arg("--sentinel")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server runs");
        let sentinel = Self { child, port, folder };
        let listens = async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok();
        eventually("the Sentinel listens", listens).await;
        sentinel
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    async fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> Option<T> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}/", self.port)).ok()?;
        let mut connection = client.get_multiplexed_async_connection().await.ok()?;
        redis::cmd("SENTINEL").arg(words).query_async(&mut connection).await.ok()
    }

    async fn primary(&self) -> Option<u16> {
        let (_, port): (String, String) = self.ask(&["get-master-addr-by-name", "mymaster"]).await?;
        port.parse().ok()
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A primary, a replica, three Sentinels.
struct Trio {
    servers: [Server; 2],
    sentinels: Vec<Sentinel>,
}

impl Trio {
    async fn start() -> Self {
        Self::start_with(&[], &[]).await
    }

    /// `servers`: options of both; `sentinels`: lines of their files.
    async fn start_with(servers: &[&str], sentinels: &[String]) -> Self {
        let servers =
            [&["--repl-diskless-sync-delay", "0", "--logfile", "log", "--loglevel", "notice"], servers].concat();
        let primary = Server::start(&servers).await;
        let port = primary.port.to_string();
        let replica = Server::start(&[&servers[..], &["--replicaof", "127.0.0.1", &port]].concat()).await;
        let trio = Self { servers: [primary, replica], sentinels: Vec::new() };
        trio.in_sync().await;
        let started = (0..3).map(|_| Sentinel::start(trio.servers[0].port, sentinels));
        let trio = Self { sentinels: futures_util::future::join_all(started).await, ..trio };
        if sentinels.is_empty() {
            trio.know_each_other().await;
        }
        trio
    }

    /// The Sentinels have found each other and the replica.
    async fn know_each_other(&self) {
        for sentinel in &self.sentinels {
            let complete = async || {
                let told: std::collections::HashMap<String, String> = sentinel.ask(&["master", "mymaster"]).await?;
                let is = |name: &str, value: &str| told.get(name).is_some_and(|told| told == value);
                (is("num-other-sentinels", "2") && is("num-slaves", "1") && is("flags", "master")).then_some(())
            };
            eventually("the Sentinels know each other", complete).await;
        }
    }

    /// The replica has what the primary has.
    async fn in_sync(&self) {
        let replica = &self.servers[1];
        let online = async || {
            let log = std::fs::read_to_string(replica.folder.path().join("log")).unwrap_or_default();
            (log.contains("MASTER <-> REPLICA sync: Finished with success")
                || log.contains("MASTER <-> REPLICA sync: Successful"))
            .then_some(())
        };
        eventually("the replica is in sync", online).await;
    }

    fn config(&self) -> RedisConfig {
        RedisConfig {
            topology: Topology::Sentinel { master: "mymaster".to_owned(), username: None, password: None },
            servers: self.sentinels.iter().map(|sentinel| local(sentinel.port)).collect(),
            ..self.servers[0].config()
        }
    }

    async fn open(&self, timeout: Duration) -> Stores {
        open(&self.config(), timeout, RETENTION, KEY.fingerprint()).await.expect("opened")
    }
}

/// The trio that tests share, each with a prefix of its own.
static SHARED: OnceCell<Trio> = OnceCell::const_new();

async fn shared() -> &'static Trio {
    let start = async || {
        let trio = Trio::start().await;
        let sentinels = trio.sentinels.iter().map(|sentinel| (sentinel.child.id(), sentinel.folder.path()));
        let all = trio.servers.iter().map(|server| (server.child.id(), server.folder.path())).chain(sentinels);
        let (pids, folders): (Vec<_>, Vec<_>) = all.unzip();
        leave_behind(&pids, &folders);
        trio
    };
    SHARED.get_or_init(start).await
}

/// A prefix that no other test has.
pub(super) fn own_prefix() -> String {
    format!("tollgate:{}", uuid::Uuid::new_v4().simple())
}

async fn suite_store() -> (Stores, &'static Trio) {
    let trio = shared().await;
    let config = RedisConfig { prefix: own_prefix(), ..trio.config() };
    (open(&config, RELAXED, RETENTION, KEY.fingerprint()).await.expect("opened"), trio)
}

suite!(suite_store);

async fn refusal(config: &RedisConfig) -> String {
    match open(config, RELAXED, RETENTION, KEY.fingerprint()).await {
        Err(OpenError::Refused(text)) => text,
        Err(other) => panic!("not refused but {other:?}"),
        Ok(_) => panic!("opened"),
    }
}

/// What must hold after a failover: the token is found, written and told.
async fn goes_on(stores: &Stores, other: &Stores, kept: &TokenRecord) {
    let found = eventually("look-ups work", async || resolve(stores, first_hash(kept)).await.ok()).await;
    assert!(matches!(found, Lookup::Found(_)), "the replica had it");
    let mut far = other.tokens.changes();
    let mut edit = kept.clone();
    let heard = async || {
        // Each edit is told once; those made before the other handle listened again are lost to it.
        edit = match stores.tokens.update(edit.clone()).await {
            Ok(updated) => updated,
            Err(_) => stores.tokens.find(crate::token::TokenRef::Id(kept.id)).await.ok()??,
        };
        while let Ok(change) = far.try_recv() {
            if matches!(change, Change::Token { id, .. } if id == kept.id) {
                return Some(());
            }
        }
        None
    };
    eventually("the other handle hears of an edit", heard).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_primary_is_replaced() {
    let mut trio = Trio::start().await;
    let timeout = Duration::from_millis(500);
    let (stores, other) = (trio.open(timeout).await, trio.open(timeout).await);
    let kept = stores.tokens.create(record("default", "mira", "first"), true).await.expect("created");
    replicated(&trio.servers[0], &trio.servers[1]).await;
    let mut changes = stores.tokens.changes();
    while changes.try_recv().is_ok() {}
    trio.servers[0].stop();
    goes_on(&stores, &other, &kept).await;
    eventually("the gap is told", async || matches!(changes.try_recv(), Ok(Change::Gap)).then_some(())).await;
    let new = eventually("the Sentinels agree", async || trio.sentinels[0].primary().await).await;
    assert_eq!(new, trio.servers[1].port);

    // Fewer Sentinels are enough, and a start finds the new primary.
    trio.sentinels[0].stop();
    let late = trio.open(timeout).await;
    assert!(matches!(resolve(&late, first_hash(&kept)).await, Ok(Lookup::Found(_))));
}

/// Waits until a replica has all that its primary was told.
pub(super) async fn replicated(primary: &Server, replica: &Server) {
    let field = async |server: &Server, name: &str| -> Option<u64> {
        let mut connection = server.connect().await;
        let text: String = redis::cmd("INFO").arg("replication").query_async(&mut connection).await.ok()?;
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    };
    let target = field(primary, "master_repl_offset:").await.expect("told");
    let caught_up = async || field(replica, "slave_repl_offset:").await.filter(|offset| *offset >= target).map(|_| ());
    eventually("the replica has caught up", caught_up).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ordered_failover_is_followed_while_callers_come() {
    let trio = Trio::start().await;
    let timeout = Duration::from_millis(500);
    let (stores, other) = (trio.open(timeout).await, trio.open(timeout).await);
    let kept = stores.tokens.create(record("default", "mira", "first"), true).await.expect("created");
    replicated(&trio.servers[0], &trio.servers[1]).await;
    let callers = {
        let (stores, hash) = (stores.clone(), first_hash(&kept));
        tokio::spawn(async move {
            loop {
                // Away for a moment is all that may be: never unknown, never revoked.
                let found = resolve(&stores, hash).await;
                assert!(matches!(found, Ok(Lookup::Found(_)) | Err(_)), "{found:?}");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
    };
    let ordered = async || trio.sentinels[1].ask::<String>(&["failover", "mymaster"]).await;
    eventually("the failover is accepted", ordered).await;
    let replaced = async || trio.sentinels[0].primary().await.filter(|port| *port == trio.servers[1].port);
    eventually("the Sentinels name the other", replaced).await;
    goes_on(&stores, &other, &kept).await;
    assert!(!callers.is_finished(), "a caller was told what is wrong");
    callers.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_was_replaced_but_answers_is_left() {
    let trio = Trio::start().await;
    let stores = trio.open(Duration::from_millis(500)).await;
    let kept = stores.tokens.create(record("default", "mira", "first"), true).await.expect("created");
    replicated(&trio.servers[0], &trio.servers[1]).await;
    trio.servers[0].signal("-STOP");
    let replaced = async || trio.sentinels[0].primary().await.filter(|port| *port == trio.servers[1].port);
    eventually("the Sentinels name the other", replaced).await;
    trio.servers[0].signal("-CONT");
    // What it was told before it learned that it is none any more is lost, so the edit is made until it stays.
    let renamed = async || {
        let edit = stores.tokens.find(crate::token::TokenRef::Id(kept.id)).await.ok()??;
        stores.tokens.update(TokenRecord { name: "renamed".to_owned(), ..edit }).await.ok()?;
        let mut connection = trio.servers[1].connect().await;
        let key = super::keys::Keys::new("tollgate").record(&kept.id.short());
        let packed: Vec<u8> = redis::cmd("GET").arg(key).query_async(&mut connection).await.ok()?;
        packed.windows(7).any(|window| window == b"renamed").then_some(())
    };
    eventually("the new primary has the edit", renamed).await;
}

#[tokio::test]
async fn what_is_wrong_with_the_sentinels_is_told() {
    let trio = shared().await;
    let config = RedisConfig { prefix: own_prefix(), ..trio.config() };
    let topology = |master: &str| Topology::Sentinel { master: master.to_owned(), username: None, password: None };
    let text = refusal(&RedisConfig { topology: topology("other"), ..config.clone() }).await;
    assert!(text.contains("no master of this name") && text.contains("other"), "{text}");
    let text = refusal(&RedisConfig { servers: vec![local(trio.servers[0].port)], ..config.clone() }).await;
    assert!(text.contains("no Sentinel"), "{text}");
    let single = RedisConfig { topology: Topology::Single, ..config.clone() };
    let text = refusal(&single).await;
    assert!(text.contains("is a Sentinel") && text.contains("redis-sentinel://"), "{text}");
    let nobody = RedisConfig { servers: vec![local(free_port()), local(free_port())], ..config.clone() };
    let error = open(&nobody, RELAXED, RETENTION, KEY.fingerprint()).await.err().expect("fails");
    assert!(matches!(&error, OpenError::Unreachable(text) if text.contains("Sentinel at")), "{error:?}");
    // One that is away does no harm.
    let mut servers = config.servers.clone();
    servers.insert(0, local(free_port()));
    open(&RedisConfig { servers, ..config }, RELAXED, RETENTION, KEY.fingerprint()).await.expect("opened");
}

#[tokio::test]
async fn passwords_of_sentinels_and_of_redis_are_told_apart() {
    let lines = ["requirepass watcher", "sentinel auth-pass mymaster right"].map(str::to_owned);
    let trio = Trio::start_with(&["--requirepass", "right", "--masterauth", "right"], &lines).await;
    let with = |sentinel: Option<&str>, redis: Option<&str>| RedisConfig {
        topology: Topology::Sentinel {
            master: "mymaster".to_owned(),
            username: None,
            password: sentinel.map(|password| Secret::new(password.to_owned())),
        },
        password: redis.map(|password| Secret::new(password.to_owned())),
        ..trio.config()
    };
    let text = refusal(&with(None, Some("right"))).await;
    assert!(text.contains("Sentinel at") && text.contains("store.sentinel_password_file"), "{text}");
    let text = refusal(&with(Some("hunter2"), Some("right"))).await;
    assert!(text.contains("store.sentinel_password_file") && !text.contains("hunter2"), "{text}");
    let text = refusal(&with(Some("watcher"), Some("hunter2"))).await;
    assert!(text.contains("Redis at") && text.contains("(store.password_file)") && !text.contains("hunter2"), "{text}");
    let stores = open(&with(Some("watcher"), Some("right")), RELAXED, RETENTION, KEY.fingerprint()).await;
    every_operation(&stores.expect("opened")).await;
}

#[tokio::test]
async fn a_user_that_lacks_a_command_is_told_which() {
    let trio = shared().await;
    let mut config = RedisConfig { prefix: own_prefix(), username: Some(own_prefix()), ..trio.config() };
    config.password = Some(Secret::new("CHANGE-ME".to_owned()));
    let rules = documented_rules().into_iter().map(|rule| rule.replace("tollgate:", &format!("{}:", config.prefix)));
    let mut acl = redis::cmd("ACL");
    acl.arg("SETUSER").arg(&config.username).arg(rules.collect::<Vec<_>>()).arg("-publish").arg("-lpos");
    acl.exec_async(&mut trio.servers[0].connect().await).await.expect("the rules are accepted");
    let text = refusal(&config).await;
    assert!(text.contains("+lpos +publish") && text.contains("docs/redis.md"), "{text}");
    let mut acl = redis::cmd("ACL");
    acl.arg("SETUSER").arg(&config.username).arg("+publish").arg("+lpos");
    acl.exec_async(&mut trio.servers[0].connect().await).await.expect("the rules are accepted");
    let stores = open(&config, RELAXED, RETENTION, KEY.fingerprint()).await.expect("opened");
    every_operation(&stores).await;
}

#[tokio::test]
async fn tls_reaches_sentinels_and_redis() {
    let folder = certificates();
    let options = tls_options(folder.path());
    let words: Vec<&str> = options.iter().map(String::as_str).collect();
    let servers = [&["--port", "0", "--tls-port", "PORT", "--tls-replication", "yes"], &words[..]].concat();
    let mut lines: Vec<String> =
        options.chunks(2).map(|pair| format!("{} {}", pair[0].trim_start_matches("--"), pair[1])).collect();
    lines.push("tls-replication yes".to_owned());
    let trio = Trio::start_with(&servers, &lines).await;
    let trusting = |ca: &str| RedisConfig { tls: true, ca_file: Some(folder.path().join(ca)), ..trio.config() };
    let stores = open(&trusting("ca.pem"), RELAXED, RETENTION, KEY.fingerprint()).await.expect("opened");
    every_operation(&stores).await;
    let text = refusal(&trusting("other.pem")).await;
    assert!(text.contains("TLS failed") && text.contains("ca_file") && text.contains("Sentinel at"), "{text}");
    let plain = RedisConfig { tls: false, ..trio.config() };
    assert!(open(&plain, RELAXED, RETENTION, KEY.fingerprint()).await.is_err(), "TLS servers without rediss");
}
