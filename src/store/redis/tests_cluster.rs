//! Against clusters of real nodes.

// A test that cannot go on has failed.
#![allow(clippy::expect_used)]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use redis::Value;
use redis::aio::MultiplexedConnection;
use tokio::sync::OnceCell;

use super::keys;
use super::slots::{SLOTS, slot_of};
use super::tests::{
    RELAXED, Server, certificates, documented_rules, eventually, every_operation, first_hash, free_port, leave_behind,
    local, metered, open, resolve, tls_options,
};
use super::tests_sentinel::{own_prefix, replicated};
use crate::clock::Timestamp;
use crate::config::Secret;
use crate::store::conformance::{KEY, RETENTION, Writer, record, suite};
use crate::store::{OpenError, RedisConfig, Stores, Topology};
use crate::token::{Change, Lookup, MonthLimit, TokenRecord, TokenRef};

/// Nodes of one test's own, the first three with the slots, the others their replicas in the same order.
struct Nodes {
    all: Vec<Server>,
    /// Whom to trust, if they speak TLS.
    ca: Option<PathBuf>,
}

impl Nodes {
    /// Six nodes, ready.
    async fn start() -> Self {
        Self::start_with(6, &[], None).await
    }

    async fn start_with(count: usize, options: &[&str], ca: Option<PathBuf>) -> Self {
        let started = (0..count).map(|_| async {
            let bus = free_port().to_string();
            let mut all = vec!["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", &bus];
            // Other slots are served while one node is away; and its replica stands in although it was cut off for long.
            all.extend(["--cluster-require-full-coverage", "no", "--cluster-replica-validity-factor", "0"]);
            // A replica counts once it has been told something, of which a ping is the least.
            all.extend(["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"]);
            all.extend(options);
            (Server::start(&all).await, bus)
        });
        let started = join_all(started).await;
        let seed = started[0].0.port.to_string();
        let bus = started[0].1.clone();
        let nodes = Self { all: started.into_iter().map(|(server, _)| server).collect(), ca };
        for (at, _) in nodes.all.iter().enumerate().skip(1) {
            nodes.tell::<()>(at, &["CLUSTER", "MEET", "127.0.0.1", &seed, &bus]).await;
        }
        for at in 0..3 {
            let (first, last) = (at * SLOTS / 3, (at + 1) * SLOTS / 3 - 1);
            nodes.tell::<()>(at, &["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]).await;
        }
        nodes.met(count).await;
        for at in 3..count {
            let primary = nodes.id(at - 3).await;
            nodes.tell::<()>(at, &["CLUSTER", "REPLICATE", &primary]).await;
        }
        if count == 6 {
            nodes.complete().await;
        }
        nodes
    }

    /// Everybody knows everybody and who has which slot.
    async fn met(&self, count: usize) {
        for at in 0..count {
            let met = async || {
                let info: String = self.try_tell(at, &["CLUSTER", "INFO"]).await?;
                let known = info.contains(&format!("cluster_known_nodes:{count}\r"));
                (known && info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")).then_some(())
            };
            eventually("the nodes have met", met).await;
        }
    }

    /// Every replica has a copy, and everybody knows of it.
    async fn complete(&self) {
        for at in 0..6 {
            let complete = async || {
                let slots: Vec<Vec<Value>> = self.try_tell(at, &["CLUSTER", "SLOTS"]).await?;
                (slots.len() == 3 && slots.iter().all(|range| range.len() == 4)).then_some(())
            };
            eventually("the replicas are known", complete).await;
        }
        for at in 3..6 {
            let linked = async || {
                let info: String = self.try_tell(at, &["INFO", "replication"]).await?;
                info.contains("master_link_status:up").then_some(())
            };
            eventually("the replicas have a copy", linked).await;
        }
    }

    async fn connect(&self, at: usize) -> MultiplexedConnection {
        let Some(ca) = &self.ca else { return self.all[at].connect().await };
        let trust =
            redis::TlsCertificates { client_tls: None, root_cert: Some(std::fs::read(ca).expect("it is there")) };
        let address = format!("rediss://127.0.0.1:{}/", self.all[at].port);
        let client = redis::Client::build_with_tls(address, trust).expect("an address");
        client.get_multiplexed_async_connection().await.expect("connected")
    }

    async fn try_tell<T: redis::FromRedisValue>(&self, at: usize, words: &[&str]) -> Option<T> {
        redis::cmd(words[0]).arg(&words[1..]).query_async(&mut self.connect(at).await).await.ok()
    }

    async fn tell<T: redis::FromRedisValue>(&self, at: usize, words: &[&str]) -> T {
        redis::cmd(words[0]).arg(&words[1..]).query_async(&mut self.connect(at).await).await.expect("told")
    }

    async fn id(&self, at: usize) -> String {
        self.tell(at, &["CLUSTER", "MYID"]).await
    }

    fn config(&self) -> RedisConfig {
        RedisConfig {
            topology: Topology::Cluster,
            servers: self.all.iter().take(2).map(|server| local(server.port)).collect(),
            ..self.all[0].config()
        }
    }

    async fn open(&self, timeout: Duration) -> Stores {
        open(&self.config(), timeout, RETENTION, KEY.fingerprint()).await.expect("opened")
    }
}

/// The cluster that tests share, each with a prefix of its own.
static SHARED: OnceCell<Nodes> = OnceCell::const_new();

async fn shared() -> &'static Nodes {
    let start = async || {
        let nodes = Nodes::start().await;
        let all = nodes.all.iter().map(|server| (server.child.id(), server.folder.path()));
        let (pids, folders): (Vec<_>, Vec<_>) = all.unzip();
        leave_behind(&pids, &folders);
        nodes
    };
    SHARED.get_or_init(start).await
}

async fn suite_store() -> (Stores, &'static Nodes) {
    let nodes = shared().await;
    let config = RedisConfig { prefix: own_prefix(), ..nodes.config() };
    (open(&config, RELAXED, RETENTION, KEY.fingerprint()).await.expect("opened"), nodes)
}

suite!(suite_store);

/// Which of the first three had the slots of a token at the beginning.
fn home(token: &TokenRecord) -> usize {
    slot_of(&keys::Keys::new("tollgate").record(&token.id.short())) * 3 / SLOTS
}

/// A token whose slot is at one of the first three.
async fn token_at(stores: &Stores, at: usize) -> TokenRecord {
    loop {
        let sent = record("default", "mira", "somewhere");
        if home(&sent) == at {
            return stores.tokens.create(sent, true).await.expect("created");
        }
    }
}

async fn refusal(config: &RedisConfig) -> String {
    match open(config, RELAXED, RETENTION, KEY.fingerprint()).await {
        Err(OpenError::Refused(text)) => text,
        Err(other) => panic!("not refused but {other:?}"),
        Ok(_) => panic!("opened"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_hashed_as_redis_hashes_them() {
    let nodes = shared().await;
    let token = record("a", "b", "c");
    let keys = keys::Keys::new("x");
    for key in
        [keys.record(&token.id.short()), keys.serial(7), keys.account("a{c}me"), keys.owners(), b"{}{a}".to_vec()]
    {
        let mut cmd = redis::cmd("CLUSTER");
        cmd.arg("KEYSLOT").arg(&key);
        let slot: usize = cmd.query_async(&mut nodes.connect(0).await).await.expect("told");
        assert_eq!(slot_of(&key), slot, "{}", String::from_utf8_lossy(&key));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_primary_is_replaced_and_the_others_serve_meanwhile() {
    let mut nodes = Nodes::start().await;
    let timeout = Duration::from_millis(500);
    let (stores, other) = (nodes.open(timeout).await, nodes.open(timeout).await);
    let mut kept = Vec::new();
    for at in 0..3 {
        kept.push(token_at(&stores, at).await);
    }
    // The node that the change feed of one is at.
    let mut doomed = 0;
    for at in 0..3 {
        let told: (Value, u64) = nodes.tell(at, &["PUBSUB", "NUMSUB", "tollgate:changes"]).await;
        doomed = if told.1 > 0 { at } else { doomed };
        replicated(&nodes.all[at], &nodes.all[at + 3]).await;
    }
    let mut changes = stores.tokens.changes();
    while changes.try_recv().is_ok() {}
    nodes.all[doomed].stop();
    let served = AtomicU64::new(0);
    let back = async || {
        for at in (0..3).filter(|at| *at != doomed) {
            let found = resolve(&stores, first_hash(&kept[at])).await;
            assert!(matches!(found, Ok(Lookup::Found(_))), "the others are not affected: {found:?}");
            served.fetch_add(1, Ordering::Relaxed);
        }
        resolve(&stores, first_hash(&kept[doomed])).await.ok()
    };
    let found = eventually("its replica stands in", back).await;
    assert!(matches!(found, Lookup::Found(_)), "the replica had it");
    assert!(served.into_inner() > 20);
    eventually("the gap is told", async || matches!(changes.try_recv(), Ok(Change::Gap)).then_some(())).await;
    // Written, and told to the other handle.
    let mut far = other.tokens.changes();
    let heard = async || {
        let edit = stores.tokens.find(TokenRef::Id(kept[doomed].id)).await.ok()??;
        stores.tokens.update(edit).await.ok()?;
        let mut told = std::iter::from_fn(|| far.try_recv().ok());
        told.any(|change| matches!(change, Change::Token { id, .. } if id == kept[doomed].id)).then_some(())
    };
    eventually("the other handle hears of an edit", heard).await;

    // A start finds its way although the first address is dead.
    let late = nodes.open(RELAXED).await;
    assert!(matches!(resolve(&late, first_hash(&kept[doomed])).await, Ok(Lookup::Found(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_node_closes_its_own_links_only() {
    let nodes = Nodes::start_with(3, &["--cluster-allow-reads-when-down", "yes"], None).await;
    let stores = nodes.open(Duration::from_millis(200)).await;
    let (first, second) = (token_at(&stores, 0).await, token_at(&stores, 1).await);
    nodes.all[0].signal("-STOP");
    let closed = async || {
        let began = std::time::Instant::now();
        resolve(&stores, first_hash(&first)).await.err().filter(|_| began.elapsed() < Duration::from_millis(100))
    };
    eventually("its link is closed", closed).await;
    for _ in 0..200 {
        let found = resolve(&stores, first_hash(&second)).await;
        assert!(matches!(found, Ok(Lookup::Found(_))), "{found:?}");
    }
    nodes.all[0].signal("-CONT");
    let found = eventually("it recovers", async || resolve(&stores, first_hash(&first)).await.ok()).await;
    assert!(matches!(found, Lookup::Found(_)));
}

/// Moves a slot, key by key, from one node to the other.
async fn move_slot(nodes: &Nodes, slot: usize, from: usize, to: usize) {
    let slot = slot.to_string();
    let (source, target) = (nodes.id(from).await, nodes.id(to).await);
    nodes.tell::<()>(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source]).await;
    nodes.tell::<()>(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target]).await;
    let mut connection = nodes.connect(from).await;
    loop {
        let mut some = redis::cmd("CLUSTER");
        some.arg("GETKEYSINSLOT").arg(&slot).arg(1);
        let found: Vec<Vec<u8>> = some.query_async(&mut connection).await.expect("told");
        let Some(key) = found.first() else { break };
        let mut migrate = redis::cmd("MIGRATE");
        migrate.arg("127.0.0.1").arg(nodes.all[to].port).arg(key).arg(0).arg(5000);
        migrate.exec_async(&mut connection).await.expect("moved");
        // Callers come between any two keys.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    for at in [to, from, 3 - to - from] {
        nodes.tell::<()>(at, &["CLUSTER", "SETSLOT", &slot, "NODE", &target]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_moves_under_load() {
    let nodes = Nodes::start_with(3, &[], None).await;
    let stores = nodes.open(RELAXED).await;
    let first = token_at(&stores, 0).await;
    let slot = slot_of(&keys::Keys::new("tollgate").record(&first.id.short()));
    let mut kept = vec![first];
    while kept.len() < 12 {
        let sent = record("default", "mira", "beside it");
        if sent.id.tag() == kept[0].id.tag() {
            kept.push(stores.tokens.create(sent, true).await.expect("created"));
        }
    }
    let (done, granted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let lookers = kept.iter().map(|token| {
        let (stores, hash, done, granted) =
            (stores.clone(), first_hash(token), Arc::clone(&done), Arc::clone(&granted));
        tokio::spawn(async move {
            let mut rounds = 0;
            while !done.load(Ordering::Relaxed) {
                let found = stores.tokens.resolve(hash, metered(), Timestamp::system()).await;
                let Ok(Lookup::Found(found)) = &found else { panic!("{found:?}") };
                granted.fetch_add(found.lease.expect("metered").granted, Ordering::Relaxed);
                rounds += 1;
            }
            rounds
        })
    });
    let lookers: Vec<_> = lookers.collect();
    let writer = {
        let (stores, kept, done) = (stores.clone(), kept.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let (mut writer, mut rounds) = (Writer::new(), 0);
            while !done.load(Ordering::Relaxed) && rounds < RETENTION.per_token {
                let mut batch = Vec::new();
                for token in &kept {
                    writer.push(&mut batch, token.id, Timestamp::system());
                }
                stores.activity.append(Bytes::from(batch)).await.expect("appended");
                rounds += 1;
            }
            rounds
        })
    };
    let editor = {
        let (stores, mut token, done) = (stores.clone(), kept[3].clone(), Arc::clone(&done));
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                token = stores.tokens.update(token).await.expect("updated");
            }
            token.generation
        })
    };
    move_slot(&nodes, slot, 0, 1).await;
    // Callers come to where it is now.
    let again = stores.tokens.resolve(first_hash(&kept[0]), metered(), Timestamp::system()).await;
    assert!(matches!(&again, Ok(Lookup::Found(found)) if found.lease.is_some()), "{again:?}");
    if let Ok(Lookup::Found(found)) = again {
        granted.fetch_add(found.lease.map_or(0, |lease| lease.granted), Ordering::Relaxed);
    }
    done.store(true, Ordering::Relaxed);
    for looker in lookers {
        assert!(looker.await.expect("never wrong") > 5);
    }
    let (rounds, generation) = (writer.await.expect("no batch failed"), editor.await.expect("no edit failed"));
    assert!(rounds > 2 && generation > 3, "{rounds} batches, generation {generation}");
    let mut used = 0;
    for token in &kept {
        let events = stores.activity.page(token.id, 0, 100).await.expect("answered");
        assert_eq!(events.len(), rounds, "each event once");
        let month = MonthLimit { size: 6_400, anchor: crate::token::Anchor::TokenStart };
        let window = month.window(token.created_at, Timestamp::system());
        used += stores.counters.used(token.id, window).await.expect("answered").used;
    }
    assert_eq!(used, granted.load(Ordering::Relaxed), "every lease was counted once");
    let left: u64 = nodes.tell(0, &["DBSIZE"]).await;
    let revoked = stores.tokens.revoke(kept[1].id, String::new(), Timestamp::system()).await.expect("revoked");
    assert!(revoked.is_some() && left > 0);
    assert!(matches!(resolve(&stores, first_hash(&kept[1])).await, Ok(Lookup::Revoked(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_work_in_a_slot_that_is_half_way() {
    let nodes = Nodes::start_with(3, &[], None).await;
    let stores = nodes.open(RELAXED).await;
    let keys = keys::Keys::new("tollgate");
    let token = token_at(&stores, 0).await;
    let id = token.id.short();
    let slot = slot_of(&keys.record(&id)).to_string();
    let (source, target) = (nodes.id(0).await, nodes.id(1).await);
    nodes.tell::<()>(1, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source]).await;
    nodes.tell::<()>(0, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target]).await;
    // Whichever of its keys has moved, the token is found; its counters begin where there are none yet.
    for moved in [None, Some(keys.record(&id)), Some(keys.secret(&first_hash(&token))), Some(keys.counters(&id))] {
        if let Some(key) = moved {
            let mut migrate = redis::cmd("MIGRATE");
            migrate.arg("127.0.0.1").arg(nodes.all[1].port).arg(key).arg(0).arg(5000);
            migrate.exec_async(&mut nodes.connect(0).await).await.expect("asked");
        }
        let found = stores.tokens.resolve(first_hash(&token), metered(), Timestamp::system()).await;
        assert!(matches!(&found, Ok(Lookup::Found(found)) if found.lease.is_some()), "{found:?}");
        let window = MonthLimit { size: 64, anchor: crate::token::Anchor::Rolling };
        let window = window.window(Timestamp::system(), Timestamp::system());
        assert_eq!(stores.counters.reserve(token.id, 64, window).await.expect("leased").granted, 1);
    }
    stores.tokens.update(token.clone()).await.expect("updated");
    // It has no activity: revoking it must not wait for what may come.
    stores.tokens.revoke(token.id, String::new(), Timestamp::system()).await.expect("revoked").expect("it was there");
    assert!(matches!(resolve(&stores, first_hash(&token)).await, Ok(Lookup::Revoked(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_nodes_is_told() {
    let nodes = shared().await;
    let config = RedisConfig { prefix: own_prefix(), ..nodes.config() };
    let text = refusal(&RedisConfig { topology: Topology::Single, ..config.clone() }).await;
    assert!(text.contains("node of a cluster") && text.contains("redis-cluster://"), "{text}");
    let single = Server::start(&[]).await;
    let text = refusal(&RedisConfig { servers: vec![local(single.port)], ..config.clone() }).await;
    assert!(text.contains("no node of a cluster") && text.contains("redis://"), "{text}");
    open(&config, RELAXED, RETENTION, KEY.fingerprint()).await.expect("opened");
    let other = open(&config, RELAXED, RETENTION, [9; 16]).await.err().expect("refused");
    assert!(matches!(&other, OpenError::Refused(text) if text.contains("another key")), "{other:?}");
    let nobody = RedisConfig { servers: vec![local(free_port())], ..config.clone() };
    let error = open(&nobody, RELAXED, RETENTION, KEY.fingerprint()).await.err().expect("fails");
    assert!(matches!(error, OpenError::Unreachable(_)), "{error:?}");
    // A replica knows the way too, and an address that is away does no harm.
    let servers = vec![local(free_port()), local(nodes.all[4].port)];
    open(&RedisConfig { servers, ..config }, RELAXED, RETENTION, KEY.fingerprint()).await.expect("opened");
}

/// What docs/redis.md adds for a cluster.
fn further_rules() -> Vec<String> {
    let page = include_str!("../../../docs/redis.md");
    let line = page.lines().filter(|line| line.starts_with("ACL SETUSER tollgate ")).nth(1).expect("the second line");
    line.split_whitespace().skip(3).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_the_documented_permissions_is_enough_and_one_with_less_is_told() {
    let nodes = shared().await;
    let mut config = RedisConfig { prefix: own_prefix(), username: Some(own_prefix()), ..nodes.config() };
    config.password = Some(Secret::new("CHANGE-ME".to_owned()));
    let rules = documented_rules().into_iter().chain(further_rules());
    let rules: Vec<String> = rules.map(|rule| rule.replace("tollgate:", &format!("{}:", config.prefix))).collect();
    let user = config.username.clone().expect("set");
    let set = async |rules: &[&str]| {
        for at in 0..6 {
            let words = [&["ACL", "SETUSER", &user], rules].concat();
            nodes.tell::<()>(at, &words).await;
        }
    };
    set(&rules.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for lacking in ["cluster|slots", "cluster|info", "asking", "publish", "evalsha"] {
        set(&[&format!("-{lacking}")]).await;
        let text = refusal(&config).await;
        let named = lacking.split('|').all(|word| text.contains(word));
        assert!(named && text.contains("permission") && text.contains("docs/redis.md"), "{lacking}: {text}");
        set(&[&format!("+{lacking}")]).await;
    }
    let stores = open(&config, RELAXED, RETENTION, KEY.fingerprint()).await.expect("opened");
    every_operation(&stores).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_reaches_every_node() {
    let folder = certificates();
    let options = tls_options(folder.path());
    let words: Vec<&str> = options.iter().map(String::as_str).collect();
    let tls = ["--port", "0", "--tls-port", "PORT", "--tls-cluster", "yes", "--tls-replication", "yes"];
    let nodes = Nodes::start_with(3, &[&tls, &words[..]].concat(), Some(folder.path().join("ca.pem"))).await;
    let trusting = |ca: &str| RedisConfig { tls: true, ca_file: Some(folder.path().join(ca)), ..nodes.config() };
    let stores = open(&trusting("ca.pem"), RELAXED, RETENTION, KEY.fingerprint()).await.expect("opened");
    every_operation(&stores).await;
    let text = refusal(&trusting("other.pem")).await;
    assert!(text.contains("TLS failed") && text.contains("ca_file"), "{text}");
    let plain = RedisConfig { tls: false, ..nodes.config() };
    assert!(open(&plain, RELAXED, RETENTION, KEY.fingerprint()).await.is_err(), "TLS nodes without rediss");
}
