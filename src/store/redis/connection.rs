//! A connection that is watched: probed on a timer, replaced when it fails, and closed to callers meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisError, RedisResult, Value};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::call::{Call, Failure, Request};
use super::pauses::Pauses;
use super::scripts::Script;
use super::target::{Joined, Node};
use crate::token::StoreError;

/// Calls in flight on one link; more are turned away.
const IN_FLIGHT: usize = 1024;
/// How often an idle link is probed.
pub(super) const PROBE_EVERY: Duration = Duration::from_millis(500);
/// Longest wait for the answer to a probe.
pub(super) const PROBE_WITHIN: Duration = Duration::from_secs(1);
const SPLIT: &str = "its keys are on two nodes while their slot moves";

#[derive(Clone)]
struct Live {
    number: u64,
    connection: MultiplexedConnection,
}

/// One connection and its keeper.
pub(super) struct Link {
    /// What it carries, for the log.
    name: &'static str,
    node: Node,
    /// The connection callers may use; none while the link is down.
    state: watch::Sender<Option<Live>>,
    wake: Notify,
    /// Number of the last connection known to be dead.
    dead: AtomicU64,
    /// Whether a dropped connection is being replaced and the first attempt has not failed yet.
    mending: watch::Sender<bool>,
    /// When a probe last succeeded: a timeout of a call begun earlier proves nothing new.
    proved: Mutex<Instant>,
    reported_down: AtomicBool,
    permits: Arc<Semaphore>,
}

impl Link {
    /// A link over a first connection, or one that callers may wait for once its keeper runs.
    pub(super) fn new(name: &'static str, node: Node, first: Option<&Joined>) -> Arc<Self> {
        let live = first.map(|joined| Live { number: 1, connection: joined.connection.clone() });
        Arc::new(Self {
            name,
            node,
            reported_down: AtomicBool::new(false),
            mending: watch::Sender::new(live.is_none()),
            state: watch::Sender::new(live),
            wake: Notify::new(),
            dead: AtomicU64::new(0),
            proved: Mutex::new(Instant::now()),
            permits: places(),
        })
    }

    /// A place among the calls in flight.
    pub(super) fn enter(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        enter(&self.permits, self.node.address())
    }

    /// Runs one command.
    pub(super) async fn command(&self, call: Call, cmd: &Cmd) -> Result<Value, Failure> {
        let (mut answers, _) = self.run(call, Request::One(cmd)).await?;
        Ok(answers.pop().unwrap_or(Value::Nil))
    }

    /// Runs several commands in one round trip; errors of single commands fail the whole.
    pub(super) async fn pipeline(&self, call: Call, pipe: &Pipeline) -> Result<Vec<Value>, Failure> {
        if pipe.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.run(call, Request::Many(pipe)).await?.0)
    }

    /// Runs a script, by digest if the server knows it.
    pub(super) async fn script(
        &self,
        call: Call,
        script: &Script,
        keys: &[&[u8]],
        args: &[&[u8]],
    ) -> Result<Value, StoreError> {
        match self.command(call, &script.by_digest(keys, args)).await {
            // It was not run, so it may be sent again whatever it does.
            Err(Failure::NoScript) => Ok(self.command(call, &script.in_full(keys, args)).await?),
            other => Ok(other?),
        }
    }

    /// Waits for a connection within the call's time.
    pub(super) async fn wait(&self, call: &Call) -> Result<(), StoreError> {
        let mut state = self.state.subscribe();
        match timeout_at(call.until, state.wait_for(Option::is_some)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(self.unavailable(call, "not connected")),
        }
    }

    /// Runs one command on a node that its slot is moving to.
    pub(super) async fn asking(&self, call: Call, cmd: &Cmd) -> Result<Value, Failure> {
        let (mut answers, _) = self.run(call, Request::Asking(cmd)).await?;
        Ok(answers.pop().unwrap_or(Value::Nil))
    }

    /// Runs several commands in one round trip; each has its own outcome.
    pub(super) async fn each(&self, call: Call, pipe: &Pipeline) -> Result<Vec<Result<Value, Failure>>, Failure> {
        let (answers, live) = self.run(call, Request::Each(pipe)).await?;
        let judged = |answer: Value| answer.extract_error().map_err(|error| self.judge(&call, &live, &error));
        Ok(answers.into_iter().map(judged).collect())
    }

    /// Whether callers may use it now.
    pub(super) fn is_open(&self) -> bool {
        self.state.borrow().is_some()
    }

    /// Waits while a connection is being made and the first attempt has not failed yet, within the call's time.
    pub(super) async fn settle(&self, call: &Call) {
        if !self.is_open() && *self.mending.borrow() {
            let _ = self.mended(call).await;
        }
    }

    async fn run(&self, call: Call, request: Request<'_>) -> Result<(Vec<Value>, Live), Failure> {
        let mut again = call.again;
        let mut live = self.live(&call).await?;
        loop {
            let error = match timeout_at(call.until, request.send(live.connection.clone())).await {
                Ok(Ok(answers)) => return Ok((answers, live)),
                Ok(Err(error)) => error,
                Err(_) => {
                    self.suspect(&call, &live);
                    let waited = call.began.elapsed().as_millis();
                    return Err(Failure::Other(self.unavailable(&call, &format!("no answer within {waited} ms"))));
                }
            };
            match self.judge(&call, &live, &error) {
                Failure::Dropped(_) if again => again = false,
                failure => return Err(failure),
            }
            live = self.successor(&call, &live).await?;
        }
    }

    /// What an error means for the caller, and for the link.
    fn judge(&self, call: &Call, live: &Live, error: &RedisError) -> Failure {
        let code = error.code().unwrap_or_default();
        match code {
            "NOSCRIPT" => return Failure::NoScript,
            "OOM" => {
                let text = format!("Redis at {} has reached its maxmemory", self.node.address());
                return Failure::Other(StoreError::Full(text));
            }
            "READONLY" | "LOADING" | "NOAUTH" | "MASTERDOWN" => {
                self.bury(live, false, &format!("it answers {code}"));
                return Failure::Other(self.unavailable(call, &format!("it answers {code}")));
            }
            "MOVED" | "ASK" => {
                let to = error.redirect_node().map(|(to, _)| to.to_owned()).unwrap_or_default();
                let error = self.unavailable(call, "the slot has moved to another node");
                return Failure::Elsewhere { to, asking: code == "ASK", error };
            }
            "TRYAGAIN" => return Failure::Split(self.unavailable(call, SPLIT)),
            // How a script finds that a key it reaches by another one has moved.
            _ if error.detail().is_some_and(|text| text.contains("non local key")) => {
                return Failure::Split(self.unavailable(call, SPLIT));
            }
            "CLUSTERDOWN" => return Failure::Other(self.unavailable(call, "the cluster is down (CLUSTERDOWN)")),
            _ => {}
        }
        if error.is_timeout() {
            self.suspect(call, live);
        } else if error.is_io_error() || error.is_unrecoverable_error() {
            self.bury(live, true, "the connection dropped");
            return Failure::Dropped(self.unavailable(call, "the connection dropped"));
        }
        Failure::Other(self.unavailable(call, error.to_string().trim_start_matches(": ")))
    }

    fn unavailable(&self, call: &Call, cause: &str) -> StoreError {
        StoreError::Unavailable(format!("Redis at {}, {}: {cause}", self.node.address(), call.name))
    }

    /// The connection; while a dropped one is being replaced for the first time, a call that may wait waits for it.
    async fn live(&self, call: &Call) -> Result<Live, Failure> {
        let live = self.state.borrow().clone();
        if let Some(live) = live {
            return Ok(live);
        }
        if call.again
            && *self.mending.borrow()
            && let Some(live) = self.mended(call).await
        {
            return Ok(live);
        }
        Err(Failure::Other(self.unavailable(call, "not connected")))
    }

    /// The connection once it is made; none if the first attempt fails or the call's time is over.
    async fn mended(&self, call: &Call) -> Option<Live> {
        let mut state = self.state.subscribe();
        let mut mending = self.mending.subscribe();
        let mended = async { state.wait_for(Option::is_some).await.ok().and_then(|live| live.clone()) };
        let given_up = async { mending.wait_for(|mending| !mending).await.is_ok() };
        let outcome = timeout_at(call.until, async {
            tokio::select! {
                biased;
                live = mended => live,
                _ = given_up => None,
            }
        });
        outcome.await.ok().flatten()
    }

    /// The connection after `dead`, within the call's time.
    async fn successor(&self, call: &Call, dead: &Live) -> Result<Live, Failure> {
        let mut state = self.state.subscribe();
        let next = state.wait_for(|state| state.as_ref().is_some_and(|live| live.number > dead.number));
        match timeout_at(call.until, next).await {
            Ok(Ok(live)) => live.clone().ok_or_else(|| Failure::Other(self.unavailable(call, "not connected"))),
            _ => Err(Failure::Dropped(self.unavailable(call, "the connection dropped"))),
        }
    }

    /// Closes the link until a probe has an answer.
    fn suspect(&self, call: &Call, live: &Live) {
        if call.began >= *self.proved.lock().unwrap_or_else(PoisonError::into_inner) {
            self.close(live, "no answer in time");
        }
    }

    /// Closes the link until there is another connection, which callers may wait for if one is likely soon.
    fn bury(&self, live: &Live, soon: bool, cause: &str) {
        if self.dead.fetch_max(live.number, Ordering::Relaxed) < live.number && soon {
            self.mending.send_replace(true);
        }
        self.close(live, cause);
    }

    fn close(&self, live: &Live, cause: &str) {
        let closed = self.state.send_if_modified(|state| {
            let ours = state.as_ref().is_some_and(|current| current.number == live.number);
            if ours {
                *state = None;
            }
            ours
        });
        if closed {
            self.report_down(cause);
        }
        self.wake.notify_one();
    }

    fn report_down(&self, cause: &str) {
        if !self.reported_down.swap(true, Ordering::Relaxed) {
            tracing::warn!(store = self.node.address(), link = self.name, cause, "Redis is away");
        }
    }

    fn open(&self, live: &Live) {
        *self.proved.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.state.send_if_modified(|state| {
            let closed = state.is_none();
            if closed {
                *state = Some(live.clone());
            }
            closed
        });
        self.mending.send_replace(false);
        if self.reported_down.swap(false, Ordering::Relaxed) {
            tracing::info!(store = self.node.address(), link = self.name, "Redis answers");
        }
    }

    /// Keeps the link: runs until aborted.
    pub(super) async fn keep(self: Arc<Self>, first: Option<Joined>) {
        let mut current = self.state.borrow().clone();
        let mut seat = first.map(|joined| joined.address).unwrap_or_default();
        let mut number = 1;
        let mut pauses = Pauses::new();
        loop {
            let Some(live) = &current else {
                match self.node.connect().await {
                    Ok(joined) => {
                        number += 1;
                        let live = Live { number, connection: joined.connection };
                        seat = joined.address;
                        self.open(&live);
                        (current, pauses) = (Some(live), Pauses::new());
                    }
                    Err(error) => {
                        self.mending.send_replace(false);
                        self.report_down(&error.to_string());
                        sleep(pauses.next()).await;
                    }
                }
                continue;
            };
            tokio::select! {
                () = self.wake.notified() => {}
                () = sleep(PROBE_EVERY) => {}
            }
            if self.dead.load(Ordering::Relaxed) >= live.number {
                current = None;
                continue;
            }
            if !self.node.serves(&seat) {
                self.bury(live, true, "another server is the primary now");
                current = None;
                continue;
            }
            match timeout(PROBE_WITHIN, probe(live.connection.clone())).await {
                Ok(Ok(_)) => self.open(live),
                Ok(Err(error)) => {
                    self.bury(live, error.is_io_error(), "the connection dropped");
                    current = None;
                }
                Err(_) => {
                    self.bury(live, false, "no answer to a probe");
                    current = None;
                }
            }
        }
    }
}

/// Bounds the calls in flight.
pub(super) fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(IN_FLIGHT))
}

/// A place among the calls in flight.
pub(super) fn enter(places: &Arc<Semaphore>, address: &str) -> Result<OwnedSemaphorePermit, StoreError> {
    let full = |_| StoreError::Unavailable(format!("more than {IN_FLIGHT} calls wait for Redis at {address}"));
    Arc::clone(places).try_acquire_owned().map_err(full)
}

async fn probe(mut connection: MultiplexedConnection) -> RedisResult<Value> {
    redis::cmd("PING").query_async(&mut connection).await
}
