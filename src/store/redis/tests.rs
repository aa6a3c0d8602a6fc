//! Against real servers, one per test.

// A test that cannot go on has failed.
#![allow(clippy::expect_used)]

use std::collections::HashSet;
use std::net::TcpListener;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use redis::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::broadcast::error::TryRecvError;

use super::keys::Keys;
use crate::activity::{Durability, EventId, EventLog, FrameHead, Retention};
use crate::clock::Timestamp;
use crate::config::Secret;
use crate::store::conformance::{KEY, RETENTION, Writer, member, record, suite};
use crate::store::spool::{SpoolOptions, Spooled};
use crate::store::{Endpoint, OpenError, RedisConfig, Stores, Topology, foreign};
use crate::token::{
    Anchor, CellAsk, Change, Form, Listing, Lookup, Member, MinuteLimit, Mode, MonthLimit, Owner, OwnerIds, OwnerKey,
    PlainSecret, Plan, PlanTable, Scope, SecretHash, SecretSlot, SortBy, StoreError, TokenId, TokenRecord, TokenRef,
    derived_account_uuid,
};

pub(super) async fn open(
    config: &RedisConfig,
    timeout: Duration,
    retention: Retention,
    fingerprint: [u8; 16],
) -> Result<Stores, OpenError> {
    super::open(config, timeout, retention, fingerprint).await.map(|(stores, _)| stores)
}

/// Longest wait for something that must happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// Of the request path, in tests that do not measure it: the suite has a thousand callers on a small machine.
pub(super) const RELAXED: Duration = Duration::from_secs(10);

/// A server of one test's own: nothing persisted, killed with its folder.
pub(super) struct Server {
    pub(super) child: Child,
    pub(super) port: u16,
    pub(super) folder: TempDir,
    options: Vec<String>,
}

impl Server {
    pub(super) async fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        for _ in 0..10 {
            let port = free_port();
            let mut child = spawn(port, folder.path(), &options);
            if answers(port, &mut child).await {
                return Self { child, port, folder, options };
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("no server came up");
    }

    pub(super) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(super) async fn restart(&mut self) {
        self.stop();
        self.child = spawn(self.port, self.folder.path(), &self.options);
        assert!(answers(self.port, &mut self.child).await, "back on its port");
    }

    pub(super) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(signal).arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(sent.success());
    }

    pub(super) fn config(&self) -> RedisConfig {
        RedisConfig {
            topology: Topology::Single,
            servers: vec![local(self.port)],
            database: 0,
            tls: false,
            ca_file: None,
            username: None,
            password: None,
            prefix: "tollgate".to_owned(),
        }
    }

    pub(super) async fn connect(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}/", self.port)).expect("an address");
        // The library gives up after half a second, which a busy machine may take.
        let patient = redis::AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        client.get_multiplexed_async_connection_with_config(&patient).await.expect("connected")
    }

    pub(super) async fn open(&self, timeout: Duration) -> Stores {
        open(&self.config(), timeout, RETENTION, KEY.fingerprint()).await.expect("opened")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A stopped process dies of SIGKILL all the same.
        self.stop();
    }
}

/// A server on loopback.
pub(super) fn local(port: u16) -> Endpoint {
    Endpoint { host: "127.0.0.1".to_owned(), port }
}

pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port()
}

fn spawn(port: u16, folder: &Path, options: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--loglevel", "warning"])
        .args(if options.iter().any(|option| option == "--port") {
            vec![]
        } else {
            vec!["--port".to_owned(), port.to_string()]
        })
        .args(options.iter().map(|option| option.replace("PORT", &port.to_string())))
        .arg("--dir")
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server runs")
}

async fn answers(port: u16, child: &mut Child) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end && child.try_wait().expect("waited").is_none() {
        if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return child.try_wait().expect("waited").is_none();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    false
}

/// Kills processes and removes folders when this one has ended, in whatever way: for servers that tests share and that
/// nobody drops.
pub(super) fn leave_behind(pids: &[u32], folders: &[&Path]) {
    let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
    let reaper = Command::new("sh")
        .args(["-c", "cat >/dev/null; kill -9 $1; shift; rm -rf \"$@\"", "sh", &pids.join(" ")])
        .args(folders)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    // Its input ends with this process.
    std::mem::forget(reaper.expect("sh runs"));
}

async fn suite_store() -> (Stores, Server) {
    let server = Server::start(&[]).await;
    (server.open(RELAXED).await, server)
}

suite!(suite_store);

/// Asks until the answer pleases.
pub(super) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(super) fn first_hash(record: &TokenRecord) -> SecretHash {
    record.secrets[0].hash
}

pub(super) async fn resolve(stores: &Stores, hash: SecretHash) -> Result<Lookup, StoreError> {
    stores.tokens.resolve(hash, Arc::new(PlanTable::uncounted()), Timestamp::system()).await
}

/// A secret whose hash lies outside the tag of `id`.
pub(super) fn foreign_secret(id: TokenId) -> SecretSlot {
    loop {
        let (_, hash, _) = PlainSecret::mint(Form::Tg, &KEY, Timestamp::system());
        if hash.tag() != id.tag() {
            return SecretSlot { hash, created_at: Timestamp::system(), expires_at: None };
        }
    }
}

/// A month quota and a bucket that the fleet shares.
pub(super) fn metered() -> Arc<PlanTable> {
    let month = Some(MonthLimit { size: 6_400, anchor: Anchor::TokenStart });
    Arc::new(PlanTable::new([Plan {
        name: "default".into(),
        index: 0,
        books: Arc::default(),
        minute: Some(hard(10_000, 1.0)),
        month,
    }]))
}

pub(super) fn hard(size: u32, refill_per_second: f64) -> MinuteLimit {
    MinuteLimit { size: NonZeroU32::new(size).expect("above 0"), refill_per_second, mode: Mode::Hard }
}

async fn refusal(config: &RedisConfig) -> String {
    match open(config, RELAXED, RETENTION, KEY.fingerprint()).await {
        Err(OpenError::Refused(text)) => {
            assert!(text.contains(&config.servers[0].to_string()), "names the server: {text}");
            text
        }
        Err(other) => panic!("not refused but {other:?}"),
        Ok(_) => panic!("opened"),
    }
}

async fn keys_of(server: &Server) -> Vec<Vec<u8>> {
    redis::cmd("KEYS").arg("*").query_async(&mut server.connect().await).await.expect("listed")
}

/// Calls of a command so far.
pub(super) async fn calls(connection: &mut redis::aio::MultiplexedConnection) -> Vec<(String, u64)> {
    let text: String = redis::cmd("INFO").arg("commandstats").query_async(connection).await.expect("told");
    let line = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_never_shown() {
    let server = Server::start(&["--requirepass", "right"]).await;
    let mut config = server.config();
    assert!(refusal(&config).await.contains("wants a password"));
    config.password = Some(Secret::new("hunter2-wrong".to_owned()));
    let text = refusal(&config).await;
    assert!(text.contains("refuses the password") && !text.contains("hunter2"), "{text}");
    config.username = Some("nobody".to_owned());
    let text = refusal(&config).await;
    assert!(text.contains("username or password") && !text.contains("hunter2"), "{text}");
    let config = RedisConfig { username: None, password: Some(Secret::new("right".to_owned())), ..config };
    open(&config, RELAXED, RETENTION, KEY.fingerprint()).await.expect("opened");
}

#[tokio::test]
async fn another_hash_key_is_refused_by_name() {
    let server = Server::start(&[]).await;
    server.open(RELAXED).await;
    server.open(RELAXED).await;
    let mut config = server.config();
    let other = open(&config, RELAXED, RETENTION, [9; 16]).await.err().expect("refused");
    let OpenError::Refused(text) = other else { panic!("{other:?}") };
    assert!(text.contains("another key") && text.contains("hash_key_file") && text.contains("tollgate"), "{text}");
    config.prefix = "second".to_owned();
    open(&config, RELAXED, RETENTION, [9; 16]).await.expect("a prefix of its own");
}

#[tokio::test]
async fn what_is_no_redis_is_refused() {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let port = socket.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = socket.accept().await {
            tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("sent");
        }
    });
    let server = Server::start(&[]).await;
    let config = RedisConfig { servers: vec![local(port)], ..server.config() };
    assert!(refusal(&config).await.contains("Redis' protocol"));
}

#[tokio::test]
async fn a_server_that_is_down_at_the_start_is_reached_later() {
    let mut server = Server::start(&[]).await;
    server.stop();
    let config = server.config();
    let error = open(&config, RELAXED, RETENTION, KEY.fingerprint()).await.err().expect("fails");
    let OpenError::Unreachable(text) = error else { panic!("{error:?}") };
    assert!(text.contains(&format!("127.0.0.1:{}", server.port)) && text.contains("refused"), "{text}");

    server.restart().await;
    let stores = open(&config, RELAXED, RETENTION, KEY.fingerprint()).await.expect("opens");
    assert!(stores.tokens.ping().await.is_ok());
}

#[tokio::test]
async fn calls_recover_after_a_restart_and_the_gap_is_told() {
    let mut server = Server::start(&[]).await;
    let stores = server.open(Duration::from_millis(500)).await;
    let kept = stores.tokens.create(record("default", "mira", "first"), true).await.expect("created");
    let mut changes = stores.tokens.changes();
    while changes.try_recv().is_ok() {}
    server.stop();
    eventually("it is noticed", async || resolve(&stores, first_hash(&kept)).await.err()).await;
    let began = Instant::now();
    for _ in 0..100 {
        let error = resolve(&stores, first_hash(&kept)).await.expect_err("away");
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(1), "a closed link answers at once: {:?}", began.elapsed());
    server.restart().await;
    let after = eventually("look-ups work", async || resolve(&stores, first_hash(&kept)).await.ok()).await;
    assert!(matches!(after, Lookup::Unknown), "nothing was persisted");
    eventually("the gap is told", async || matches!(changes.try_recv(), Ok(Change::Gap)).then_some(())).await;
    let made = eventually("writes work", async || stores.tokens.create(record("a", "b", "c"), true).await.ok()).await;
    let told = async || match changes.try_recv() {
        Ok(Change::Token { id, .. }) => (id == made.id).then_some(()),
        _ => None,
    };
    eventually("changes are told again", told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_server_closes_the_link_until_it_answers() {
    let server = Server::start(&[]).await;
    let timeout = Duration::from_millis(50);
    let stores = server.open(timeout).await;
    let kept = stores.tokens.create(record("default", "mira", "first"), true).await.expect("created");
    server.signal("-STOP");
    let began = Instant::now();
    let error = resolve(&stores, first_hash(&kept)).await.expect_err("stalled");
    let waited = began.elapsed();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(waited >= timeout / 2 && waited < Duration::from_secs(1), "its deadline: {waited:?}");
    let began = Instant::now();
    for _ in 0..100 {
        resolve(&stores, first_hash(&kept)).await.expect_err("closed");
    }
    assert!(began.elapsed() < Duration::from_secs(1), "at once: {:?}", began.elapsed());
    server.signal("-CONT");
    let found = eventually("it recovers", async || resolve(&stores, first_hash(&kept)).await.ok()).await;
    assert!(matches!(found, Lookup::Found(_)));
}

#[tokio::test]
async fn a_server_that_stalls_for_long_is_given_a_new_connection() {
    let server = Server::start(&[]).await;
    let stores = server.open(Duration::from_millis(50)).await;
    let before = local_ports_towards(server.port);
    assert_eq!(before.len(), 3, "two links and the feed");
    server.signal("-STOP");
    // No call is made: the probers alone must find out. The kernel still takes connections for a stopped process.
    let mut seen = HashSet::new();
    let replaced = async || {
        seen.extend(local_ports_towards(server.port).difference(&before).copied());
        (seen.len() >= 3 && local_ports_towards(server.port).is_disjoint(&before)).then_some(())
    };
    eventually("each link is replaced", replaced).await;
    server.signal("-CONT");
    eventually("look-ups work", async || stores.tokens.ping().await.ok()).await;
}

/// The local ports of this machine's connections to `port` (proc(5), /proc/net/tcp: state 01 is established).
fn local_ports_towards(port: u16) -> HashSet<u16> {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
    let line = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
        let port_of = |address: &str| u16::from_str_radix(address.split_once(':')?.1, 16).ok();
        (state == "01" && port_of(remote)? == port).then(|| port_of(local)).flatten()
    };
    table.lines().filter_map(line).collect()
}

#[tokio::test]
async fn look_ups_outlive_the_reset_of_every_connection() {
    let server = Server::start(&[]).await;
    let stores = server.open(RELAXED).await;
    let kept = stores.tokens.create(record("default", "mira", "first"), true).await.expect("created");
    let mut connection = server.connect().await;
    for round in 0..5 {
        redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("NORMAL").exec_async(&mut connection).await.expect("cut");
        let callers = (0..50).map(|_| {
            let (stores, hash) = (stores.clone(), first_hash(&kept));
            tokio::spawn(async move { resolve(&stores, hash).await })
        });
        for caller in callers.collect::<Vec<_>>() {
            let found = caller.await.expect("ran");
            assert!(matches!(found, Ok(Lookup::Found(_))), "round {round}: {found:?}");
        }
    }
}

#[tokio::test]
async fn a_demoted_server_is_left_until_it_takes_writes_again() {
    let server = Server::start(&[]).await;
    let stores = server.open(RELAXED).await;
    let kept = stores.tokens.create(record("default", "mira", "first"), true).await.expect("created");
    let mut connection = server.connect().await;
    // A primary that nobody listens on: the replica keeps its data.
    let port = free_port().to_string();
    redis::cmd("REPLICAOF").arg("127.0.0.1").arg(port).exec_async(&mut connection).await.expect("demoted");
    let edit = TokenRecord { name: "renamed".to_owned(), ..kept.clone() };
    let error = stores.tokens.update(edit.clone()).await.expect_err("read-only");
    assert!(matches!(&error, StoreError::Unavailable(text) if text.contains("READONLY")), "{error:?}");
    redis::cmd("REPLICAOF").arg("NO").arg("ONE").exec_async(&mut connection).await.expect("promoted");
    let updated = eventually("writes work", async || stores.tokens.update(edit.clone()).await.ok()).await;
    assert_eq!(updated.name, "renamed");
}

#[tokio::test]
async fn a_cold_token_costs_one_round_trip() {
    let server = Server::start(&[]).await;
    let stores = server.open(RELAXED).await;
    let kept = stores.tokens.create(record("default", "mira", "first"), true).await.expect("created");
    let never = foreign_secret(kept.id).hash;
    let mut connection = server.connect().await;
    let before = calls(&mut connection).await;
    let answer = stores.tokens.resolve(first_hash(&kept), metered(), Timestamp::system()).await.expect("answered");
    let Lookup::Found(found) = answer else { panic!("not found") };
    assert_eq!(found.lease.map(|lease| (lease.granted, lease.remaining)), Some((100, 6_300)));
    assert_eq!(found.cells.map(|cells| (cells.granted, cells.left)), Some((8, 9_992)));
    assert!(matches!(resolve(&stores, never).await, Ok(Lookup::Unknown)));
    let after = calls(&mut connection).await;
    let count = |calls: &[(String, u64)], name: &str| {
        calls.iter().find(|(known, _)| known == name).map_or(0, |(_, calls)| *calls)
    };
    assert_eq!(count(&after, "evalsha") - count(&before, "evalsha"), 2, "one for each secret");
    // What a script runs is counted too: only probes and its own steps may have grown.
    let inside = ["evalsha", "get", "hgetall", "hincrby", "ping", "info", "exists", "time", "set"];
    for (name, calls) in &after {
        let grown = calls - count(&before, name);
        assert!(grown == 0 || inside.contains(&name.as_str()), "{name} was called {grown} times");
    }
}

#[tokio::test]
async fn flushed_scripts_are_sent_again() {
    let server = Server::start(&[]).await;
    let stores = server.open(RELAXED).await;
    let mut connection = server.connect().await;
    redis::cmd("SCRIPT").arg("FLUSH").exec_async(&mut connection).await.expect("flushed");
    let kept = stores.tokens.create(record("default", "mira", "first"), true).await.expect("created");
    assert!(matches!(resolve(&stores, first_hash(&kept)).await, Ok(Lookup::Found(_))));
    redis::cmd("SCRIPT").arg("FLUSH").exec_async(&mut connection).await.expect("flushed");
    let mut batch = Vec::new();
    Writer::new().push(&mut batch, kept.id, Timestamp::system());
    stores.activity.append(Bytes::from(batch)).await.expect("appended");
}

#[tokio::test]
async fn a_second_secret_of_another_tag_is_forwarded() {
    let server = Server::start(&[]).await;
    let stores = server.open(RELAXED).await;
    let mut sent = record("default", "mira", "imported");
    let second = foreign_secret(sent.id);
    sent.secrets.push(second);
    let kept = stores.tokens.create(sent.clone(), true).await.expect("created");
    let Ok(Lookup::Found(found)) = resolve(&stores, second.hash).await else { panic!("not found") };
    assert_eq!(found.record, kept);
    assert_eq!(stores.tokens.find_by_hash(second.hash).await.expect("answered"), Some(kept.clone()));

    // Neither a second token nor a repetition may disturb it.
    let mut thief = record("default", "noor", "thief");
    thief.secrets.push(second);
    assert!(matches!(stores.tokens.create(thief.clone(), true).await, Err(StoreError::Exists)));
    assert!(matches!(stores.tokens.create(sent, true).await, Err(StoreError::Exists)));
    assert!(matches!(resolve(&stores, second.hash).await, Ok(Lookup::Found(_))));
    assert!(matches!(resolve(&stores, first_hash(&thief)).await, Ok(Lookup::Unknown)));

    // Dropped by an update it is free again; taken and revoked it is not.
    let alone = TokenRecord { secrets: vec![kept.secrets[0]], ..kept };
    stores.tokens.update(alone).await.expect("updated");
    assert!(matches!(resolve(&stores, second.hash).await, Ok(Lookup::Unknown)));
    let thief = stores.tokens.create(thief, true).await.expect("free now");
    let now = Timestamp::system();
    stores.tokens.revoke(thief.id, "gone".to_owned(), now).await.expect("revoked").expect("it was there");
    let Ok(Lookup::Revoked(stone)) = resolve(&stores, second.hash).await else { panic!("no tombstone") };
    assert_eq!((stone.id, stone.revoked_at, stone.reason.as_str()), (thief.id, now, "gone"));
    let mut again = record("default", "mira", "again");
    again.secrets.push(second);
    assert!(matches!(stores.tokens.create(again, true).await, Err(StoreError::Revoked)));
}

#[tokio::test]
async fn a_forward_whose_token_never_came_is_taken_over() {
    let server = Server::start(&[]).await;
    let stores = server.open(RELAXED).await;
    let mut sent = record("default", "mira", "imported");
    let second = foreign_secret(sent.id);
    sent.secrets.push(second);
    let keys = super::keys::Keys::new("tollgate");
    let left = super::keys::Entry::pack_forward(record("a", "b", "c").id);
    let mut set = redis::cmd("SET");
    set.arg(keys.secret(&second.hash)).arg(left);
    set.exec_async(&mut server.connect().await).await.expect("left behind");
    stores.tokens.create(sent, true).await.expect("created");
    assert!(matches!(resolve(&stores, second.hash).await, Ok(Lookup::Found(_))));
}

#[tokio::test]
async fn every_handle_hears_of_every_change() {
    let server = Server::start(&[]).await;
    let (one, two) = (server.open(RELAXED).await, server.open(RELAXED).await);
    let (mut near, mut far) = (one.tokens.changes(), two.tokens.changes());
    while near.try_recv().is_ok() {}
    while far.try_recv().is_ok() {}
    let kept = one.tokens.create(record("default", "mira", "first"), true).await.expect("created");
    // Told before the call returns, without waiting for the server's message.
    assert!(matches!(near.try_recv(), Ok(Change::Token { id, .. }) if id == kept.id));
    let heard = async || match far.try_recv() {
        Ok(Change::Token { id, generation, hashes }) => Some((id, generation, hashes)),
        Ok(Change::Gap) | Err(TryRecvError::Empty) => None,
        Err(error) => panic!("{error}"),
    };
    let (id, generation, hashes) = eventually("the other handle hears", heard).await;
    assert_eq!((id, generation, hashes), (kept.id, kept.generation, vec![first_hash(&kept)]));
}

#[tokio::test]
async fn calls_from_other_runtimes_and_plain_threads_work() {
    let server = Server::start(&[]).await;
    let stores = server.open(RELAXED).await;
    let kept = stores.tokens.create(record("default", "mira", "first"), true).await.expect("created");
    let hash = first_hash(&kept);
    let thread = std::thread::spawn(move || {
        // No timer, no I/O driver.
        let bare = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        bare.block_on(async { resolve(&stores, hash).await.map(|found| (found, stores)) })
    });
    let (found, _stores) = tokio::task::spawn_blocking(|| thread.join()).await.expect("ran").expect("ran").expect("ok");
    assert!(matches!(found, Lookup::Found(_)));
}

/// A relay in front of a server that passes one request on and then cuts the connection instead of the answer.
struct Relay {
    port: u16,
    /// What the request must contain.
    wanted: Arc<Mutex<Option<&'static [u8]>>>,
}

impl Relay {
    async fn start(server: &Server) -> Self {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let port = socket.local_addr().expect("bound").port();
        let wanted = Arc::new(Mutex::new(None));
        let (target, armed) = (server.port, Arc::clone(&wanted));
        tokio::spawn(async move {
            while let Ok((client, _)) = socket.accept().await {
                tokio::spawn(relay(client, target, Arc::clone(&armed)));
            }
        });
        Self { port, wanted }
    }

    fn cut_the_answer_to(&self, request: &'static [u8]) {
        *self.wanted.lock().expect("sound") = Some(request);
    }

    fn has_cut(&self) -> bool {
        self.wanted.lock().expect("sound").is_none()
    }
}

async fn relay(mut client: tokio::net::TcpStream, target: u16, wanted: Arc<Mutex<Option<&'static [u8]>>>) {
    let mut server = tokio::net::TcpStream::connect(("127.0.0.1", target)).await.expect("connected");
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut cut = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                let holds = |text: &mut &[u8]| up[..length].windows(text.len()).any(|part| part == *text);
                cut |= wanted.lock().expect("sound").take_if(|text| holds(&mut &**text)).is_some();
                if server.write_all(&up[..length]).await.is_err() { return }
            }
            read = server.read(&mut down) => {
                let Ok(length @ 1..) = read else { return };
                // Dropping both ends here loses the answer of a request that was carried out.
                if cut || client.write_all(&down[..length]).await.is_err() { return }
            }
        }
    }
}

#[tokio::test]
async fn a_batch_whose_answer_is_lost_is_written_once() {
    let server = Server::start(&[]).await;
    let relay = Relay::start(&server).await;
    let config = RedisConfig { servers: vec![local(relay.port)], ..server.config() };
    let stores = open(&config, RELAXED, RETENTION, KEY.fingerprint()).await.expect("opened");
    let (mut writer, now) = (Writer::new(), Timestamp::system());
    let tokens: Vec<TokenId> = (0..20).map(|_| record("a", "b", "c").id).collect();
    let mut batch = Vec::new();
    for _ in 0..3 {
        tokens.iter().for_each(|token| {
            writer.push(&mut batch, *token, now);
        });
    }
    relay.cut_the_answer_to(b"LPUSH");
    stores.activity.append(Bytes::from(batch)).await.expect("the second try succeeds");
    assert!(relay.has_cut());
    for token in &tokens {
        assert_eq!(stores.activity.page(*token, 0, 100).await.expect("answered").len(), 3);
    }
}

#[tokio::test]
async fn a_read_whose_answer_is_lost_is_sent_again_and_a_lease_is_not() {
    let server = Server::start(&[]).await;
    let relay = Relay::start(&server).await;
    let config = RedisConfig { servers: vec![local(relay.port)], ..server.config() };
    let stores = open(&config, RELAXED, RETENTION, KEY.fingerprint()).await.expect("opened");
    let kept = stores.tokens.create(record("default", "mira", "first"), true).await.expect("created");
    relay.cut_the_answer_to(b"EVALSHA");
    assert!(matches!(resolve(&stores, first_hash(&kept)).await, Ok(Lookup::Found(_))));
    assert!(relay.has_cut());
    relay.cut_the_answer_to(b"GET");
    assert_eq!(stores.tokens.find(TokenRef::Id(kept.id)).await.expect("answered"), Some(kept.clone()));
    assert!(relay.has_cut());
    relay.cut_the_answer_to(b"EVALSHA");
    let window = MonthLimit { size: 64, anchor: Anchor::Rolling }.window(Timestamp::system(), Timestamp::system());
    let lost = stores.counters.reserve(kept.id, 64, window).await.expect_err("not sent again");
    assert!(matches!(&lost, StoreError::Unavailable(text) if text.contains("dropped")), "{lost:?}");
    let used = eventually("it answers", async || stores.counters.used(kept.id, window).await.ok()).await;
    assert_eq!(used.used, 1, "one lease was stranded, not two");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_fate_was_unknown_is_not_written_twice() {
    let server = Server::start(&[]).await;
    let stores = server.open(RELAXED).await;
    let (mut writer, token) = (Writer::new(), record("a", "b", "c").id);
    let mut batch = Vec::new();
    writer.push(&mut batch, token, Timestamp::system());
    let batch = Bytes::from(batch);
    server.signal("-STOP");
    let error = stores.activity.append(batch.clone()).await.expect_err("no answer");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    server.signal("-CONT");
    // The server reads what was sent while it stood still, and then the same again.
    eventually("it is taken", async || stores.activity.append(batch.clone()).await.ok()).await;
    assert_eq!(stores.activity.page(token, 0, 100).await.expect("answered").len(), 1);
}

#[tokio::test]
async fn lists_stay_near_their_cap_and_leave_with_their_token() {
    let server = Server::start(&[]).await;
    let stores = server.open(RELAXED).await;
    let kept = stores.tokens.create(record("default", "mira", "busy"), true).await.expect("created");
    let stray = record("default", "mira", "never kept").id;
    let mut writer = Writer::new();
    for _ in 0..40 {
        let mut batch = Vec::new();
        for _ in 0..20 {
            writer.push(&mut batch, kept.id, Timestamp::system());
        }
        writer.push(&mut batch, stray, Timestamp::system());
        stores.activity.append(Bytes::from(batch)).await.expect("appended");
    }
    let keys = super::keys::Keys::new("tollgate");
    let mut connection = server.connect().await;
    let list = keys.activity(&kept.id.short());
    let length: usize = redis::cmd("LLEN").arg(&list).query_async(&mut connection).await.expect("told");
    assert!((RETENTION.per_token..=2 * RETENTION.per_token).contains(&length), "{length} kept");
    let life = async |key: Vec<u8>| -> i64 {
        redis::cmd("TTL").arg(key).query_async(&mut server.connect().await).await.expect("told")
    };
    // A list leaves with the newest of its events; counters and last use of a living token stay.
    assert!((3_600 + 80_000..=3_600 + 86_400).contains(&life(list.clone()).await));
    assert_eq!(life(keys.counters(&kept.id.short())).await, -1);
    assert!(life(keys.activity(&stray.short())).await > 0, "nobody would ever remove it");
    assert!(life(keys.counters(&stray.short())).await > 0);
    stores.tokens.revoke(kept.id, String::new(), Timestamp::system()).await.expect("revoked");
    assert!(life(keys.counters(&kept.id.short())).await > 0);
    assert!((1..=3_600).contains(&life(list).await));
}

#[tokio::test]
async fn a_full_server_still_lets_known_tokens_in_and_revokes() {
    let server = Server::start(&[]).await;
    let stores = server.open(RELAXED).await;
    let mut sent = record("default", "mira", "first");
    sent.secrets.push(foreign_secret(sent.id));
    let kept = stores.tokens.create(sent, true).await.expect("created");
    let mut connection = server.connect().await;
    redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg("1").exec_async(&mut connection).await.expect("set");
    let full = stores.tokens.create(record("default", "mira", "second"), true).await.expect_err("no room");
    assert!(matches!(full, StoreError::Full(_)), "{full:?}");
    let found = stores.tokens.resolve(first_hash(&kept), metered(), Timestamp::system()).await;
    assert!(matches!(found, Ok(Lookup::Found(_))), "{found:?}");
    stores.tokens.revoke(kept.id, String::new(), Timestamp::system()).await.expect("revoked");
    for slot in &kept.secrets {
        assert!(matches!(resolve(&stores, slot.hash).await, Ok(Lookup::Revoked(_))));
    }
}

fn everything(sort: SortBy) -> Listing {
    Listing { account: None, owner: None, sort, after: None, limit: 1_000 }
}

#[tokio::test]
async fn a_number_of_another_owner_is_refused() {
    let server = Server::start(&[]).await;
    let stores = server.open(RELAXED).await;
    let keys = super::keys::Keys::new("tollgate");
    let [(number, _), ..] = foreign::entries(&Owner::new("acme", "mira")).expect("made");
    let other = foreign::pack_owner(&Owner::new("acme", "other"));
    let mut set = redis::cmd("SET");
    set.arg(keys.foreign(&number)).arg(other).exec_async(&mut server.connect().await).await.expect("set");
    crate::store::conformance::a_number_of_another_owner_is_refused(&stores).await;
}

#[tokio::test]
async fn sidecars_know_each_other_for_a_minute() {
    let server = Server::start(&[]).await;
    let (one, other) = (server.open(RELAXED).await, server.open(RELAXED).await);
    other.presence.announce(member("b")).await.expect("announced");
    one.presence.announce(member("a")).await.expect("announced");
    // Started again: the younger one counts.
    let again = Member { started_at: Timestamp::from_millis(77), ..member("b") };
    eventually("the clock moves on", async || {
        other.presence.announce(again.clone()).await.expect("announced");
        let present = one.presence.members().await.expect("answered");
        let told: Vec<_> = present.iter().map(|member| (member.id.as_str(), member.started_at.as_millis())).collect();
        (told == [("a", -1), ("b", 77)]).then_some(())
    })
    .await;

    let (key, mut connection) = (super::keys::Keys::new("tollgate").present(), server.connect().await);
    let old = (Timestamp::system().as_millis() - 60_000).to_string();
    for member in
        redis::cmd("ZRANGE").arg(&key).arg(0).arg(-1).query_async::<Vec<Vec<u8>>>(&mut connection).await.expect("read")
    {
        let mut age = redis::cmd("ZADD");
        age.arg(&key).arg(&old).arg(member).exec_async(&mut connection).await.expect("aged");
    }
    eventually("all are forgotten", async || one.presence.members().await.expect("answered").is_empty().then_some(()))
        .await;
    one.presence.announce(member("a")).await.expect("announced");
    let kept: u64 = redis::cmd("ZCARD").arg(&key).query_async(&mut connection).await.expect("told");
    assert_eq!(kept, 1, "the others were swept");
}

#[tokio::test]
async fn members_without_a_record_are_neither_listed_nor_privileged() {
    let server = Server::start(&[]).await;
    let (stores, keys) = (server.open(RELAXED).await, super::keys::Keys::new("tollgate"));
    let mut connection = server.connect().await;
    let mut kept = Vec::new();
    for n in 0..6 {
        let sent = TokenRecord {
            scopes: vec![Scope::ALL_ADMIN.parse().expect("a scope")],
            created_at: Timestamp::from_millis(1_000 * n),
            ..record("acme", "mira", &format!("t{n}"))
        };
        kept.insert(0, stores.tokens.create(sent, true).await.expect("created"));
    }
    // What a creation leaves that was cut short before its record, and an edit before it took the scope away.
    for gone in [kept.remove(5), kept.remove(2), kept.remove(0)] {
        redis::cmd("DEL").arg(keys.record(&gone.id.short())).exec_async(&mut connection).await.expect("deleted");
    }
    let lowered = TokenRecord { scopes: Vec::new(), ..kept[1].clone() };
    kept[1] = stores.tokens.update(lowered).await.expect("updated");
    let mut add = redis::cmd("ZADD");
    add.arg(keys.privileged("acme")).arg(0).arg(&kept[1].id.as_bytes()[..]);
    add.exec_async(&mut connection).await.expect("added");

    let mut listing = Listing { account: Some("acme".to_owned()), limit: 1, ..everything(SortBy::Newest) };
    let mut listed = Vec::new();
    loop {
        let page = stores.tokens.list(listing.clone()).await.expect("listed");
        listed.extend(page.records);
        listing.after = page.next;
        if listing.after.is_none() {
            break;
        }
    }
    assert_eq!(listed, kept);
    let counts = stores.tokens.count("acme".to_owned()).await.expect("answered");
    // Those that dangle are among all until they are swept.
    assert_eq!((counts.all, counts.privileged), (6, 2));
}

#[tokio::test]
async fn a_thousand_tokens_are_listed_in_two_round_trips() {
    let server = Server::start(&[]).await;
    let stores = server.open(RELAXED).await;
    let made = (0..1_000).map(|n| {
        let (tokens, sent) = (Arc::clone(&stores.tokens), record("acme", "mira", &format!("t{n}")));
        tokio::spawn(async move { tokens.create(sent, true).await })
    });
    let mut ids = Vec::new();
    for task in made.collect::<Vec<_>>() {
        ids.push(task.await.expect("ran").expect("created").id);
    }
    let mut connection = server.connect().await;
    let measure = std::env::var_os("TOLLGATE_MEASURE").is_some();
    for (owner, sort) in [(Some("mira"), SortBy::Name), (Some("mira"), SortBy::Created), (None, SortBy::Newest)] {
        redis::cmd("CONFIG").arg("RESETSTAT").exec_async(&mut connection).await.expect("reset");
        let owner = owner.map(str::to_owned);
        let listing = Listing { account: Some("acme".to_owned()), owner, ..everything(sort) };
        let page = stores.tokens.list(listing.clone()).await.expect("listed");
        assert_eq!((page.records.len(), page.next), (1_000, None));
        let calls = calls(&mut connection).await;
        let count = |name: &str| calls.iter().find(|(known, _)| known == name).map_or(0, |(_, calls)| *calls);
        // One pipeline with the range, one with the records.
        assert_eq!((count("zrange"), count("get")), (1, 1_000), "{sort:?}");
        for _ in 0..if measure { 10 } else { 0 } {
            let began = Instant::now();
            stores.tokens.list(listing.clone()).await.expect("listed");
            println!("1,000 by {sort:?}: {:?}", began.elapsed());
        }
    }
    for _ in 0..if measure { 3 } else { 0 } {
        let began = Instant::now();
        stores.tokens.last_uses(ids.clone()).await.expect("answered");
        println!("1,000 last uses: {:?}", began.elapsed());
    }
}

/// Runs every kind of operation once and returns every plain secret involved.
pub(super) async fn every_operation(stores: &Stores) -> Vec<String> {
    let (mut secrets, now) = (Vec::new(), Timestamp::system());
    let mut minted = |form: Form| {
        let (secret, hash, id) = PlainSecret::mint(form, &KEY, Timestamp::system());
        secrets.push(secret.expose().to_owned());
        (hash, id, SecretSlot { hash, created_at: now, expires_at: None })
    };
    let mut kept = Vec::new();
    for form in [Form::Tg, Form::Xms, Form::Dynatrace, Form::Astra] {
        let (_, id, slot) = minted(form);
        let sent = TokenRecord { id, form, secrets: vec![slot], ..record("acme", "mira", "every") };
        kept.push(stores.tokens.create(sent, true).await.expect("created"));
    }
    let (foreign, _, slot) = minted(Form::Tg);
    let mut edit = TokenRecord { name: "renamed".to_owned(), ..kept[0].clone() };
    edit.secrets.push(slot);
    edit.scopes.push(Scope::ALL_ADMIN.parse().expect("a scope"));
    kept[0] = stores.tokens.update(edit).await.expect("updated");
    let mut batch = Vec::new();
    let mut writer = Writer::new();
    for token in &kept {
        writer.push(&mut batch, token.id, now);
    }
    stores.activity.append(Bytes::from(batch)).await.expect("appended");
    for token in &kept {
        let hash = token.secrets[0].hash;
        let found = stores.tokens.resolve(hash, metered(), now).await.expect("answered");
        let Lookup::Found(found) = found else { panic!("not found") };
        let back = found.cells.expect("leased").returned(&hard(10_000, 1.0));
        assert_eq!(stores.counters.cells(token.id, back).await.expect("answered").left, 10_000);
        let ask = CellAsk { seq: 3, acked: 2, back: 0, want: 5, ..back };
        assert_eq!(stores.counters.cells(token.id, ask).await.expect("answered").granted, 5);
        let window = MonthLimit { size: 64, anchor: Anchor::Rolling }.window(now, now);
        stores.counters.reserve(token.id, 64, window).await.expect("answered");
        stores.counters.give_back(token.id, window, 1).await.expect("answered");
        stores.counters.used(token.id, window).await.expect("answered");
        stores.tokens.last_use(token.id).await.expect("answered");
        stores.tokens.find(TokenRef::Serial(token.serial)).await.expect("answered");
        let events = stores.activity.page(token.id, 0, 10).await.expect("answered");
        stores.activity.event(token.id, events[0].id).await.expect("answered");
    }
    stores.tokens.find_by_hash(foreign).await.expect("answered");
    assert_eq!(stores.tokens.list(everything(SortBy::Name)).await.expect("listed").records.len(), 4);
    let newest = Listing { account: Some("acme".to_owned()), ..everything(SortBy::Newest) };
    assert_eq!(stores.tokens.list(newest).await.expect("listed").records.len(), 4);
    let counts = stores.tokens.count("acme".to_owned()).await.expect("answered");
    assert_eq!((counts.all, counts.privileged), (4, 1));
    let uuid = OwnerIds::derived(&kept[0].owner).uuid;
    assert_eq!(stores.tokens.owner(OwnerKey::Uuid(uuid)).await.expect("answered").as_ref(), Some(&kept[0].owner));
    assert_eq!(stores.tokens.account(derived_account_uuid("acme")).await.expect("answered").as_deref(), Some("acme"));
    let uses = stores.tokens.last_uses(kept.iter().map(|token| token.id).collect()).await.expect("answered");
    assert!(uses.iter().all(Option::is_some));
    stores.tokens.revoke(kept[1].id, "leaked".to_owned(), now).await.expect("revoked");
    stores.tokens.revoke(kept[0].id, "leaked".to_owned(), now).await.expect("revoked");
    stores.presence.announce(member("one")).await.expect("announced");
    assert_eq!(stores.presence.members().await.expect("answered").len(), 1);
    stores.tokens.ping().await.expect("answered");
    secrets
}

/// Whether a key has one of the documented shapes.
fn is_documented(key: &[u8]) -> bool {
    let Some(rest) = key.strip_prefix(b"tollgate:") else { return false };
    if [&b"serial"[..], b"owners", b"key", b"present"].contains(&rest) {
        return true;
    }
    if let Some(serial) = rest.strip_prefix(b"n:") {
        return serial.iter().all(u8::is_ascii_digit);
    }
    if let Some(owner) = rest.strip_prefix(b"{o:") {
        return owner == b"acme\0mira}:n" || owner == b"acme\0mira}:d";
    }
    if let Some(account) = rest.strip_prefix(b"{a:") {
        return account == b"acme}:d" || account == b"acme}:p";
    }
    if let Some([kind, id @ ..]) = rest.strip_prefix(b"i:") {
        return matches!((kind, id.len()), (b'n', 8) | (b'u' | b'a', 16) | (b'x', 12));
    }
    let [b'{', high, low, b'}', b':', kind, b':', name @ ..] = rest else { return false };
    let hex = |digit: &u8| digit.is_ascii_hexdigit() && !digit.is_ascii_uppercase();
    let length = match kind {
        b't' | b'm' | b'a' | b'b' => 12,
        b'h' => 32,
        _ => return false,
    };
    hex(high)
        && hex(low)
        && name.len() == length
        && u8::from_str_radix(&format!("{}{}", *high as char, *low as char), 16) == Ok(name[0])
}

#[tokio::test]
async fn only_documented_keys_exist_and_no_value_holds_a_secret() {
    let server = Server::start(&[]).await;
    let secrets = every_operation(&server.open(RELAXED).await).await;
    let mut connection = server.connect().await;
    let keys = keys_of(&server).await;
    assert!(keys.len() > 20, "{}", keys.len());
    for key in keys {
        let shown = String::from_utf8_lossy(&key).into_owned();
        assert!(is_documented(&key), "{shown:?}");
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut connection).await.expect("told");
        let read = match kind.as_str() {
            "string" => redis::cmd("GET").arg(&key).clone(),
            "hash" => redis::cmd("HGETALL").arg(&key).clone(),
            "list" => redis::cmd("LRANGE").arg(&key).arg(0).arg(-1).clone(),
            "zset" => redis::cmd("ZRANGE").arg(&key).arg(0).arg(-1).clone(),
            other => panic!("{shown:?} is a {other}"),
        };
        let mut content = key;
        flatten(&read.query_async(&mut connection).await.expect("read"), &mut content);
        for secret in &secrets {
            let held = content.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!held, "{shown:?} holds a secret");
        }
    }
}

fn flatten(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::BulkString(bytes) => out.extend_from_slice(bytes),
        Value::Array(items) => items.iter().for_each(|item| flatten(item, out)),
        other => out.extend_from_slice(format!("{other:?}").as_bytes()),
    }
}

/// The rules of docs/redis.md, read from the page itself.
pub(super) fn documented_rules() -> Vec<String> {
    let page = include_str!("../../../docs/redis.md");
    let line = page.lines().find(|line| line.starts_with("ACL SETUSER tollgate ")).expect("the page has the line");
    line.split_whitespace().skip(3).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_user_with_the_documented_permissions_is_enough() {
    let server = Server::start(&[]).await;
    let mut connection = server.connect().await;
    let mut acl = redis::cmd("ACL");
    acl.arg("SETUSER").arg("tollgate").arg(documented_rules());
    acl.exec_async(&mut connection).await.expect("the rules are accepted");
    let password = documented_rules().iter().find_map(|rule| Some(rule.strip_prefix('>')?.to_owned()));
    let mut config = server.config();
    config.username = Some("tollgate".to_owned());
    config.password = password.map(Secret::new);
    let stores = open(&config, RELAXED, RETENTION, KEY.fingerprint()).await.expect("opened");
    every_operation(&stores).await;
    // And not more: another prefix is out of reach, and each command is needed.
    let elsewhere = RedisConfig { prefix: "other".to_owned(), ..config.clone() };
    let text = refusal(&elsewhere).await;
    assert!(text.contains("permission") && text.contains("docs/redis.md"), "{text}");
    let used: Vec<String> = calls(&mut connection).await.into_iter().map(|(name, _)| name).collect();
    for rule in documented_rules().iter().filter_map(|rule| rule.strip_prefix('+')) {
        // Replays, trims and the fall-back to EVAL have their own tests; SELECT is for databases other than 0.
        let rare = ["eval", "lpos", "llen", "ltrim", "zrem", "hdel", "select"].contains(&rule);
        assert!(rare || used.iter().any(|name| *name == rule), "{rule} is not needed");
    }
}

fn openssl(folder: &Path, args: &[&str]) {
    let made = Command::new("openssl").args(args).current_dir(folder).output().expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// A folder with two authorities, `ca.pem` and `other.pem`, and a server's certificate by the first, `redis.pem`.
pub(super) fn certificates() -> TempDir {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    let made = folder.path();
    for ca in ["ca", "other"] {
        let (key, pem) = (format!("{ca}.key"), format!("{ca}.pem"));
        openssl(
            made,
            &[
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-keyout",
                &key,
                "-out",
                &pem,
                "-subj",
                "/CN=test authority",
                "-days",
                "2",
            ],
        );
    }
    openssl(
        made,
        &[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            "redis.key",
            "-out",
            "redis.csr",
            "-subj",
            "/CN=redis",
        ],
    );
    std::fs::write(made.join("ext"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n").expect("written");
    openssl(
        made,
        &[
            "x509",
            "-req",
            "-in",
            "redis.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            "ext",
            "-out",
            "redis.pem",
        ],
    );
    folder
}

/// What makes a server speak TLS with that certificate, and trust that authority.
pub(super) fn tls_options(made: &Path) -> Vec<String> {
    let file = |name: &str| made.join(name).to_string_lossy().into_owned();
    ["--tls-auth-clients", "no", "--tls-cert-file", &file("redis.pem"), "--tls-key-file", &file("redis.key")]
        .into_iter()
        .chain(["--tls-ca-cert-file", &file("ca.pem")])
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn tls_trusts_the_given_authority_and_no_other() {
    let folder = certificates();
    let made = folder.path();
    let options = tls_options(made);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let server = Server::start(&[&["--port", "0", "--tls-port", "PORT"], &options[..]].concat()).await;
    let trusting = |ca: Option<&str>| RedisConfig { tls: true, ca_file: ca.map(|ca| made.join(ca)), ..server.config() };
    let stores = open(&trusting(Some("ca.pem")), RELAXED, RETENTION, KEY.fingerprint()).await.expect("opened");
    every_operation(&stores).await;
    let stranger = refusal(&trusting(Some("other.pem"))).await;
    assert!(stranger.contains("TLS failed") && stranger.contains("ca_file"), "{stranger}");
    assert!(refusal(&trusting(None)).await.contains("TLS failed"), "the built-in authorities do not know it");
    assert!(refusal(&trusting(Some("absent.pem"))).await.contains("absent.pem"));
    assert!(refusal(&trusting(Some("redis.key"))).await.contains("no PEM certificate"));
    let plain = Server::start(&[]).await;
    let wrong = RedisConfig { servers: vec![local(plain.port)], ..trusting(Some("ca.pem")) };
    assert!(open(&wrong, RELAXED, RETENTION, KEY.fingerprint()).await.is_err(), "a plain server under rediss://");
}

/// Figures for docs/redis.md: `TOLLGATE_MEASURE=1 cargo test --release store::redis::tests::measure -- --nocapture`.
#[tokio::test]
async fn measure_memory_and_batches() {
    if std::env::var_os("TOLLGATE_MEASURE").is_none() {
        return;
    }
    let server = Server::start(&[]).await;
    let retention = Retention { per_token: 1_000, ..RETENTION };
    let stores = open(&server.config(), RELAXED, retention, KEY.fingerprint()).await.expect("opened");
    let mut connection = server.connect().await;
    let used = async |connection: &mut redis::aio::MultiplexedConnection| -> f64 {
        let text: String = redis::cmd("INFO").arg("memory").query_async(connection).await.expect("told");
        text.lines().find_map(|line| line.strip_prefix("used_memory:")?.parse().ok()).expect("a number")
    };
    let empty = used(&mut connection).await;
    let mut tokens = Vec::new();
    for n in 0..100 {
        let made = (0..100).map(|m| {
            let tokens = Arc::clone(&stores.tokens);
            tokio::spawn(async move {
                tokens.create(record("default", &format!("owner{n}"), &format!("token{m}")), true).await
            })
        });
        for task in made.collect::<Vec<_>>() {
            tokens.push(task.await.expect("ran").expect("created"));
        }
    }
    println!("record, secret, serial, indexes: {:.0} bytes a token", (used(&mut connection).await - empty) / 1e4);
    let keys = super::keys::Keys::new("tollgate");
    for token in &tokens {
        stores.tokens.resolve(first_hash(token), metered(), Timestamp::system()).await.expect("answered");
    }
    let mut writer = Writer::new();
    // The first events of a token cost more: its list is new.
    for _ in 0..2 {
        let mut batch = Vec::new();
        for token in &tokens {
            writer.push(&mut batch, token.id, Timestamp::system());
        }
        stores.activity.append(Bytes::from(batch)).await.expect("appended");
    }
    let mut draw = 1u64;
    for (size, rounds) in [(500, 200), (5_000, 40)] {
        let mut cpu = Duration::ZERO;
        let mut wall = Duration::ZERO;
        for round in 0..rounds + 5 {
            let mut batch = Vec::new();
            for _ in 0..size {
                // xorshift: tokens drawn at random, as callers come.
                draw ^= draw << 13;
                draw ^= draw >> 7;
                draw ^= draw << 17;
                let token = &tokens[draw as usize % tokens.len()];
                writer.push(&mut batch, token.id, Timestamp::system());
            }
            let (before, began) = (thread_cpu(), Instant::now());
            stores.activity.append(Bytes::from(batch)).await.expect("appended");
            if round >= 5 {
                cpu += thread_cpu() - before;
                wall += began.elapsed();
            }
        }
        let events = (size * rounds) as f64;
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / events;
        println!("batches of {size}: {:.2} us client CPU, {:.2} us wall an event", micros(cpu), micros(wall));
    }
    for (what, key) in [
        ("record", keys.record(&tokens[5].id.short())),
        ("secret", keys.secret(&first_hash(&tokens[5]))),
        ("serial", keys.serial(tokens[5].serial)),
        ("counters", keys.counters(&tokens[5].id.short())),
        ("activity", keys.activity(&tokens[5].id.short())),
    ] {
        let bytes: usize =
            redis::cmd("MEMORY").arg("USAGE").arg(&key).query_async(&mut connection).await.expect("told");
        println!("MEMORY USAGE of a {what}: {bytes}");
    }
    let list = keys.activity(&tokens[5].id.short());
    let length: usize = redis::cmd("LLEN").arg(list).query_async(&mut connection).await.expect("told");
    println!("events in that list: {length}");
    for index in [SortBy::Name, SortBy::Created] {
        let key = keys.index(b"default\0owner0", index);
        let bytes: usize =
            redis::cmd("MEMORY").arg("USAGE").arg(&key).query_async(&mut connection).await.expect("told");
        println!("MEMORY USAGE of an index of 100 {index:?}: {bytes}");
    }
}

/// CPU time of this thread, which drives everything in a current-thread test.
fn thread_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).expect("a number"))
}

/// The store, what it takes out of a spool, and a log of this server that goes through a spool in `folder`.
async fn spooling(server: &Server, folder: &Path, durability: Durability) -> (Stores, Arc<Spooled>) {
    let retention = Retention { per_token: 100_000, ..RETENTION };
    let (stores, replay) = super::open(&server.config(), RELAXED, retention, KEY.fingerprint()).await.expect("opened");
    let options = SpoolOptions { folder: folder.to_owned(), max_bytes: 64 << 20, durability };
    let log = Arc::new(Spooled::start(Arc::clone(&stores.activity), replay, options));
    log.adopt().await.expect("a place");
    (stores, log)
}

/// Waits for all events of a token, and checks that each is there once.
async fn all_there(stores: &Stores, server: &Server, token: TokenId, expected: &[EventId]) {
    eventually("every event is there", async || {
        let page = stores.activity.page(token, 0, usize::MAX).await.ok()?;
        (page.len() == expected.len()).then_some(())
    })
    .await;
    let key = Keys::new("tollgate").activity(&token.short());
    let frames: Vec<Vec<u8>> =
        redis::cmd("LRANGE").arg(key).arg(0).arg(-1).query_async(&mut server.connect().await).await.expect("read");
    let ids: Vec<EventId> = frames.iter().rev().map(|frame| FrameHead::of(frame).expect("a frame").id()).collect();
    assert_eq!(ids, expected, "each once, in order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn activity_of_a_stall_is_replayed_once_and_in_order() {
    let server = Server::start(&[]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (stores, log) = spooling(&server, folder.path(), Durability::Async).await;
    let (mut writer, tokens) = (Writer::new(), [0u8, 9].map(|tag| TokenId::random(tag, Timestamp::system())));
    let mut expected = [Vec::new(), Vec::new()];
    for round in 0..30 {
        match round {
            10 => server.signal("-STOP"),
            20 => server.signal("-CONT"),
            _ => {}
        }
        let mut batch = Vec::new();
        for n in 0..40 {
            expected[n % 2].push(writer.push(&mut batch, tokens[n % 2], Timestamp::system()));
        }
        log.append(Bytes::from(batch)).await.expect("kept");
    }
    for (token, expected) in tokens.into_iter().zip(&expected) {
        all_there(&stores, &server, token, expected).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strict_log_replays_through_interruptions_once() {
    let server = Server::start(&[]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (mut writer, token) = (Writer::new(), TokenId::random(3, Timestamp::system()));
    let mut expected = Vec::new();
    for round in 0..4 {
        let (_stores, log) = spooling(&server, folder.path(), Durability::Strict).await;
        for part in 0..10 {
            if part == 5 && round % 2 == 0 {
                let _: Value = redis::cmd("CLIENT")
                    .arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"])
                    .query_async(&mut server.connect().await)
                    .await
                    .expect("killed");
            }
            let mut batch = Vec::new();
            expected.extend((0..30).map(|_| writer.push(&mut batch, token, Timestamp::system())));
            log.append(Bytes::from(batch)).await.expect("kept");
        }
        // Dropped as by a kill: whatever replay was under way is cut off, and gone on with by the next.
    }
    let (stores, _log) = spooling(&server, folder.path(), Durability::Strict).await;
    all_there(&stores, &server, token, &expected).await;
}
