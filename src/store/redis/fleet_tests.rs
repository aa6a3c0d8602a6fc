//! Several sidecars over one server: what they admit together, with connections that stall and break, sidecars that die
//! and clocks that differ.

// A test that cannot go on has failed.
#![allow(clippy::expect_used)]

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use super::tests::{Server, calls, hard, local, open};
use crate::clock::{Clock, ManualClock, Timestamp};
use crate::limit::{Charge, TokenLimits};
use crate::store::conformance::{KEY, RETENTION, record};
use crate::store::{RedisConfig, Stores};
use crate::token::{CELLS_HELD, Lookup, MinuteLimit, Plan, PlanTable, Resolved, TokenRecord, TokenState, Unused};

/// How long the store may take to answer.
const TIMEOUT: Duration = Duration::from_millis(200);

/// Seconds by which the server's clock, which counts whole microseconds and may be slewed, may gain on this process'
/// within a trial.
const CLOCKS_DIFFER: f64 = 1e-3;

/// What a relay does with bytes, either way.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Open,
    /// They wait, and come later.
    Stalled,
    /// Connections end, new ones too.
    Cut,
}

/// Between one sidecar and the server.
struct Line {
    port: u16,
    way: watch::Sender<Way>,
}

impl Line {
    async fn start(target: u16) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let port = socket.local_addr().expect("bound").port();
        let (way, ways) = watch::channel(Way::Open);
        tokio::spawn(async move {
            while let Ok((client, _)) = socket.accept().await {
                if *ways.borrow() == Way::Cut {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else { continue };
                let ((client_in, client_out), (server_in, server_out)) = (client.into_split(), server.into_split());
                let up = tokio::spawn(pass(client_in, server_out, ways.clone()));
                let down = tokio::spawn(pass(server_in, client_out, ways.clone()));
                drop((up, down));
            }
        });
        Self { port, way }
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut ways: watch::Receiver<Way>,
) {
    let mut bytes = vec![0; 1 << 16];
    loop {
        let length = tokio::select! {
            read = from.read(&mut bytes) => match read { Ok(length @ 1..) => length, _ => return },
            cut = ways.wait_for(|way| *way == Way::Cut) => { drop(cut); return }
        };
        // Held back, then delivered, even if the sidecar has given up meanwhile.
        if ways.wait_for(|way| *way != Way::Stalled).await.is_err() {
            return;
        }
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}

/// xorshift64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// When each call was admitted: before and after the decision, nanoseconds from the start.
struct Log {
    start: Instant,
    admitted: Mutex<Vec<(u64, u64)>>,
}

impl Log {
    fn new() -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), admitted: Mutex::default() })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).expect("a short test")
    }

    fn count(&self) -> usize {
        self.admitted.lock().expect("sound").len()
    }

    /// The most by which any window held more than the limit allows it, in calls; at most 0 if the limit held.
    fn excess(&self, limit: &MinuteLimit) -> f64 {
        let mut admitted = self.admitted.lock().expect("sound").clone();
        admitted.sort_unstable();
        let per_nano = limit.refill_per_second * 1e-9;
        // The window from call i to call j is at most after(j) - before(i) long.
        let (mut worst, mut earlier, mut after) = (f64::MIN, f64::MIN, 0);
        for (at, (before, end)) in admitted.iter().enumerate() {
            after = after.max(*end);
            earlier = earlier.max(per_nano * *before as f64 - at as f64);
            worst = worst.max(at as f64 + 1.0 - per_nano * after as f64 + earlier);
        }
        worst - f64::from(limit.size.get()) - limit.refill_per_second * CLOCKS_DIFFER
    }
}

/// One sidecar's view of one token.
struct Sidecar {
    line: Line,
    stores: Stores,
    clock: Clock,
    hand: ManualClock,
    limits: Mutex<Arc<TokenLimits>>,
    plans: Arc<PlanTable>,
    token: TokenRecord,
}

impl Sidecar {
    async fn start(server: &Server, plans: Arc<PlanTable>, token: &TokenRecord, wall: i64) -> Arc<Self> {
        let line = Line::start(server.port).await;
        let config = RedisConfig { servers: vec![local(line.port)], ..server.config() };
        let stores = open(&config, TIMEOUT, RETENTION, KEY.fingerprint()).await.expect("opened");
        let (clock, hand) = Clock::manual(Timestamp::from_millis(wall));
        let limits = Mutex::new(Arc::new(cold(&stores, &plans, token, &clock).await));
        Arc::new(Self { line, stores, clock, hand, limits, plans, token: token.clone() })
    }

    /// Moves the clock at `percent` of real time until the sidecar is gone.
    fn tick(self: &Arc<Self>, percent: u32) {
        let (sidecar, mut last) = (Arc::downgrade(self), Instant::now());
        tokio::spawn(async move {
            while let Some(sidecar) = sidecar.upgrade() {
                let now = Instant::now();
                sidecar.hand.advance((now - last) * percent / 100);
                last = now;
                drop(sidecar);
                sleep(Duration::from_millis(2)).await;
            }
        });
    }

    fn limits(&self) -> Arc<TokenLimits> {
        Arc::clone(&self.limits.lock().expect("sound"))
    }

    /// Forgets everything without giving anything back, as a kill does.
    async fn die(&self) {
        let reborn = cold(&self.stores, &self.plans, &self.token, &self.clock).await;
        *self.limits.lock().expect("sound") = Arc::new(reborn);
    }

    async fn lease(&self, limits: &TokenLimits) -> bool {
        if !limits.begin_lease() {
            limits.lease_ended().await;
            return true;
        }
        let named = (self.token.id, self.token.created_at);
        limits.lease_more(&self.stores.counters, &self.clock, named, || false).await.is_ok()
    }

    /// Makes one call as the proxy does; the wait of a refusal.
    async fn call(self: &Arc<Self>, log: &Log) -> Result<(), Duration> {
        let limits = self.limits();
        for _ in 0..16 {
            let before = log.now();
            match limits.charge(self.clock.now()) {
                Charge::Admitted(admission) => {
                    log.admitted.lock().expect("sound").push((before, log.now()));
                    if admission.low {
                        let (sidecar, limits) = (Arc::clone(self), Arc::clone(&limits));
                        tokio::spawn(async move { sidecar.lease(&limits).await });
                    }
                    return Ok(());
                }
                Charge::Exceeded(exceeded) => return Err(exceeded.retry_after),
                Charge::Moved => return Err(Duration::ZERO),
                Charge::AskStore => {
                    if !self.lease(&limits).await {
                        return Err(Duration::from_millis(20));
                    }
                }
            }
        }
        Err(Duration::ZERO)
    }
}

async fn cold(stores: &Stores, plans: &Arc<PlanTable>, token: &TokenRecord, clock: &Clock) -> TokenLimits {
    let asked = clock.now();
    let found = stores.tokens.resolve(token.secrets[0].hash, Arc::clone(plans), asked.wall).await;
    let resolved = match found {
        Ok(Lookup::Found(found)) => *found,
        _ => Resolved { record: token.clone(), lease: None, cells: None },
    };
    TokenLimits::start(&resolved, plans.resolve("default"), asked, false)
}

fn plans(limit: MinuteLimit) -> Arc<PlanTable> {
    let name = PlanTable::DEFAULT.into();
    Arc::new(PlanTable::new([Plan { name, index: 0, books: Arc::default(), minute: Some(limit), month: None }]))
}

async fn token(server: &Server) -> TokenRecord {
    let stores = server.open(Duration::from_secs(10)).await;
    stores.tokens.create(record("default", "mira", "fleet"), true).await.expect("created")
}

/// Sidecars with true clocks.
async fn fleet(server: &Server, limit: MinuteLimit, sidecars: usize) -> Vec<Arc<Sidecar>> {
    let token = token(server).await;
    let now = Timestamp::system().as_millis();
    let started = (0..sidecars).map(|_| Sidecar::start(server, plans(limit), &token, now));
    let fleet = join_all(started).await;
    fleet.iter().for_each(|sidecar| sidecar.tick(100));
    fleet
}

/// Every sidecar calls as often as it can for `span`.
async fn storm(fleet: &[Arc<Sidecar>], log: &Arc<Log>, span: Duration) {
    let end = Instant::now() + span;
    let busy = fleet.iter().map(|sidecar| {
        let (sidecar, log) = (Arc::clone(sidecar), Arc::clone(log));
        tokio::spawn(async move {
            let mut made = 0u32;
            while Instant::now() < end {
                if sidecar.call(&log).await.is_err() {
                    sleep(Duration::from_millis(2)).await;
                }
                made += 1;
                if made.is_multiple_of(64) {
                    tokio::task::yield_now().await;
                }
            }
        })
    });
    for task in busy.collect::<Vec<_>>() {
        task.await.expect("ran");
    }
}

/// One trial: a random limit, random sidecars, random trouble. Returns what was admitted, and the excess.
async fn trial(server: &Server, seed: u64) -> (usize, f64) {
    let mut dice = Dice(seed | 1);
    let size = [1, 3, 10, 100, 2_000, 20_000][dice.below(6) as usize];
    let refill = [0.2, 3.0, 40.0, 500.0][dice.below(4) as usize];
    let (limit, token) = (hard(size, refill), token(server).await);
    let (log, mut fleet) = (Log::new(), Vec::new());
    for _ in 0..3 + dice.below(4) {
        let wall = Timestamp::system().as_millis() + dice.below(200_000_000) as i64 - 100_000_000;
        let sidecar = Sidecar::start(server, plans(limit), &token, wall).await;
        sidecar.tick(95 + dice.below(30) as u32);
        fleet.push(sidecar);
    }
    let end = Instant::now() + Duration::from_secs(9);
    let mut workers = Vec::new();
    for sidecar in &fleet {
        for _ in 0..2 {
            let (sidecar, log, mut dice) = (Arc::clone(sidecar), Arc::clone(&log), Dice(dice.below(u64::MAX) | 1));
            workers.push(tokio::spawn(async move {
                while Instant::now() < end {
                    for _ in 0..dice.below(60) {
                        if let Err(wait) = sidecar.call(&log).await {
                            sleep(wait.min(Duration::from_millis(dice.below(40)))).await;
                        }
                    }
                    // Now and then long enough for a lease to end.
                    let idle = if dice.below(40) == 0 { 2_000 + dice.below(4_000) } else { dice.below(12) };
                    sleep(Duration::from_millis(idle)).await;
                }
            }));
        }
    }
    let mut trouble = Vec::new();
    while Instant::now() < end {
        let sidecar = Arc::clone(&fleet[dice.below(fleet.len() as u64) as usize]);
        let (kind, most) = (dice.below(5), 1 + dice.below(6_000));
        let span = Duration::from_millis(50 + dice.below(most));
        trouble.push(tokio::spawn(async move {
            match kind {
                0 => sidecar.die().await,
                1 => sidecar.hand.advance(span),
                _ => {
                    sidecar.line.way.send_replace(if kind == 2 { Way::Cut } else { Way::Stalled });
                    sleep(span).await;
                    sidecar.line.way.send_replace(Way::Open);
                }
            }
        }));
        sleep(Duration::from_millis(dice.below(400))).await;
    }
    for task in workers.into_iter().chain(trouble) {
        task.await.expect("ran");
    }
    (log.count(), log.excess(&limit))
}

fn rounds() -> u64 {
    std::env::var("TOLLGATE_PROVE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(6)
}

/// Several at once, on one server: a trial mostly waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_the_fleet_admits_no_more_than_the_limit() {
    const AT_ONCE: u64 = 6;
    let server = Arc::new(Server::start(&[]).await);
    let (seed, mut most, mut total) = (RandomState::new().build_hasher().finish(), f64::MIN, 0);
    for first in (0..rounds()).step_by(AT_ONCE as usize) {
        let batch = (first..rounds().min(first + AT_ONCE)).map(|round| {
            let (server, seed) = (Arc::clone(&server), seed.wrapping_add(round.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
            tokio::spawn(async move { (seed, trial(&server, seed).await) })
        });
        for task in batch.collect::<Vec<_>>() {
            let (seed, (admitted, excess)) = task.await.expect("ran");
            assert!(admitted > 0, "seed {seed}: nothing was admitted");
            assert!(excess <= 0.0, "seed {seed}: {excess} calls too many of {admitted}");
            (most, total) = (most.max(excess), total + admitted);
        }
    }
    println!("fleet-limits: {} trials, {total} calls admitted, nearest to the limit {most:.3}", rounds());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_sidecars_use_the_limit_up() {
    for (size, refill, least) in [(10_000, 100.0, 0.98), (10, 0.01, 1.0)] {
        let (server, limit) = (Server::start(&[]).await, hard(size, refill));
        let fleet = fleet(&server, limit, 8).await;
        let log = Log::new();
        storm(&fleet, &log, Duration::from_secs(4)).await;
        let allowed = f64::from(size) + refill * log.start.elapsed().as_secs_f64();
        let used = log.count() as f64;
        println!("fleet-limits: 8 sidecars used {used} of {allowed:.1}");
        assert!(used >= (allowed * least).floor(), "{used} of {allowed}");
        assert!(log.excess(&limit) <= 0.0, "{} too many", log.excess(&limit));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_token_asks_the_store_once_in_a_hundred_calls() {
    let server = Server::start(&[]).await;
    let fleet = fleet(&server, hard(10_000, 100_000.0), 2).await;
    let log = Log::new();
    storm(&fleet, &log, Duration::from_secs(1)).await;
    let mut connection = server.connect().await;
    let scripts = |calls: Vec<(String, u64)>| {
        calls.into_iter().filter(|(name, _)| name == "evalsha").map(|(_, calls)| calls).sum::<u64>()
    };
    let (before, warm) = (scripts(calls(&mut connection).await), log.count());
    storm(&fleet, &log, Duration::from_secs(2)).await;
    let (asked, made) = (scripts(calls(&mut connection).await) - before, log.count() - warm);
    println!("fleet-limits: {asked} store calls for {made} admitted calls");
    assert!(made > 1_000, "{made}");
    assert!(asked as usize * 100 <= made, "{asked} store calls for {made}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_spent_goes_back() {
    let (server, limit) = (Server::start(&[]).await, hard(10_000, 0.001));
    let fleet = fleet(&server, limit, 2).await;
    let log = Log::new();
    // What the other one's look-up brought goes back as the resolver does it.
    let Some(Unused::Minute(back)) = fleet[1].limits().unspent(fleet[1].clock.now()) else { panic!("a first lease") };
    assert_eq!(back.back, 8);
    let id = fleet[1].token.id;
    assert_eq!(fleet[1].stores.counters.cells(id, back).await.expect("answered").left, 9_992);
    for _ in 0..500 {
        fleet[0].call(&log).await.expect("admitted");
    }
    let books = Arc::clone(&fleet[0].limits().plan().books);
    assert!(books.leased.load(Ordering::Relaxed) > 1, "there is a hand to return");
    let deadline = Instant::now() + CELLS_HELD * 2;
    while books.leased.load(Ordering::Relaxed) != 0 {
        assert!(Instant::now() < deadline, "not returned");
        sleep(Duration::from_millis(20)).await;
    }
    // The other one can have all the rest, but for what the first had leased beside its 500.
    let before = log.count();
    // The last few hundred come in quarters, a pause apart.
    storm(&fleet[1..], &log, Duration::from_secs(6)).await;
    assert_eq!(log.count() - before, 9_500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_store_the_hand_is_spent_and_no_more() {
    let (server, limit) = (Server::start(&[]).await, hard(10_000, 0.001));
    let fleet = fleet(&server, limit, 1).await;
    let (sidecar, log) = (&fleet[0], Log::new());
    for _ in 0..500 {
        sidecar.call(&log).await.expect("admitted");
    }
    sidecar.line.way.send_replace(Way::Cut);
    let deadline = Instant::now() + Duration::from_secs(10);
    while sidecar.stores.counters.is_reachable() {
        assert!(Instant::now() < deadline, "the cut is noticed");
        sleep(Duration::from_millis(1)).await;
    }
    let books = Arc::clone(&sidecar.limits().plan().books);
    let held = u64::try_from(books.leased.load(Ordering::Relaxed)).expect("not below 0");
    let spent = AtomicU64::new(0);
    while sidecar.call(&log).await.is_ok() {
        spent.fetch_add(1, Ordering::Relaxed);
    }
    let spent = spent.into_inner();
    assert!((1..=held).contains(&spent), "{spent} of at most {held}");
    assert!(matches!(sidecar.limits().charge(sidecar.clock.now()), Charge::AskStore));
    assert!(matches!(sidecar.limits().charge_alone(sidecar.clock.now()), Charge::Admitted(_)), "a bucket of its own");
    assert_eq!(books.leased.load(Ordering::Relaxed), 0);
    sidecar.line.way.send_replace(Way::Open);
    let deadline = Instant::now() + Duration::from_secs(10);
    while sidecar.call(&log).await.is_err() {
        assert!(Instant::now() < deadline, "the store is back");
        sleep(Duration::from_millis(20)).await;
    }
}
