//! A connection that is watched: probed on a timer, replaced when it fails, and closed to callers meanwhile.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisError, RedisResult, Value};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::scripts::Script;
use super::target::Target;
use crate::token::StoreError;

/// Calls in flight on one link; more are turned away.
const IN_FLIGHT: usize = 1024;
/// How often an idle link is probed.
pub(super) const PROBE_EVERY: Duration = Duration::from_millis(500);
/// Longest wait for the answer to a probe.
pub(super) const PROBE_WITHIN: Duration = Duration::from_secs(1);
/// Pause after the first failed attempt to connect; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// One call: what it is called in messages, until when it may take, and whether it may be sent again after the
/// connection dropped.
#[derive(Clone, Copy)]
pub(super) struct Call {
    name: &'static str,
    began: Instant,
    until: Instant,
    again: bool,
}

impl Call {
    /// A call that must not be sent twice.
    pub(super) fn once(name: &'static str, within: Duration) -> Self {
        let began = Instant::now();
        Self { name, began, until: began + within, again: false }
    }

    /// A call that may be sent twice.
    pub(super) fn repeatable(name: &'static str, within: Duration) -> Self {
        Self { again: true, ..Self::once(name, within) }
    }
}

/// Why a call failed.
pub(super) enum Failure {
    /// The server does not know the script.
    NoScript,
    /// The connection dropped; whether the call was carried out is unknown.
    Dropped(StoreError),
    /// Anything else.
    Other(StoreError),
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NoScript => Self::Unavailable("Redis does not keep scripts".to_owned()),
            Failure::Dropped(error) | Failure::Other(error) => error,
        }
    }
}

/// What is sent.
#[derive(Clone, Copy)]
enum Request<'a> {
    One(&'a Cmd),
    Many(&'a Pipeline),
}

impl Request<'_> {
    async fn send(self, mut connection: MultiplexedConnection) -> RedisResult<Vec<Value>> {
        let answers = match self {
            Self::One(cmd) => vec![connection.send_packed_command(cmd).await?],
            Self::Many(pipe) => connection.send_packed_commands(pipe, 0, pipe.len()).await?,
        };
        answers.into_iter().map(Value::extract_error).collect()
    }
}

#[derive(Clone)]
struct Live {
    number: u64,
    connection: MultiplexedConnection,
}

/// One connection and its keeper.
pub(super) struct Link {
    /// What it carries, for the log.
    name: &'static str,
    target: Arc<Target>,
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
    /// A link over a first connection, or one that is down.
    pub(super) fn new(name: &'static str, target: Arc<Target>, first: Option<MultiplexedConnection>) -> Arc<Self> {
        let live = first.map(|connection| Live { number: 1, connection });
        Arc::new(Self {
            name,
            target,
            reported_down: AtomicBool::new(live.is_none()),
            state: watch::Sender::new(live),
            wake: Notify::new(),
            dead: AtomicU64::new(0),
            mending: watch::Sender::new(false),
            proved: Mutex::new(Instant::now()),
            permits: Arc::new(Semaphore::new(IN_FLIGHT)),
        })
    }

    /// Whether there is a connection that callers may use.
    pub(super) fn is_open(&self) -> bool {
        self.state.borrow().is_some()
    }

    /// A place among the calls in flight.
    pub(super) fn enter(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        Arc::clone(&self.permits).try_acquire_owned().map_err(|_| {
            StoreError::Unavailable(format!("more than {IN_FLIGHT} calls wait for Redis at {}", self.target.address()))
        })
    }

    /// Runs one command.
    pub(super) async fn command(&self, call: Call, cmd: &Cmd) -> Result<Value, Failure> {
        let mut answers = self.run(call, Request::One(cmd)).await?;
        Ok(answers.pop().unwrap_or(Value::Nil))
    }

    /// Runs several commands in one round trip; errors of single commands fail the whole.
    pub(super) async fn pipeline(&self, call: Call, pipe: &Pipeline) -> Result<Vec<Value>, Failure> {
        if pipe.is_empty() {
            return Ok(Vec::new());
        }
        self.run(call, Request::Many(pipe)).await
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

    async fn run(&self, call: Call, request: Request<'_>) -> Result<Vec<Value>, Failure> {
        let mut again = call.again;
        let mut live = self.live(&call).await?;
        loop {
            let error = match timeout_at(call.until, request.send(live.connection.clone())).await {
                Ok(Ok(answer)) => return Ok(answer),
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
                let text = format!("Redis at {} has reached its maxmemory", self.target.address());
                return Failure::Other(StoreError::Full(text));
            }
            "READONLY" | "LOADING" | "NOAUTH" | "MASTERDOWN" => {
                self.bury(live, false, &format!("it answers {code}"));
                return Failure::Other(self.unavailable(call, &format!("it answers {code}")));
            }
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
        StoreError::Unavailable(format!("Redis at {}, {}: {cause}", self.target.address(), call.name))
    }

    /// The connection; while a dropped one is being replaced for the first time, a call that may wait waits for it.
    async fn live(&self, call: &Call) -> Result<Live, Failure> {
        let live = self.state.borrow().clone();
        if let Some(live) = live {
            return Ok(live);
        }
        let mut state = self.state.subscribe();
        let mut mending = self.mending.subscribe();
        if call.again && *mending.borrow() {
            let mended = async { state.wait_for(Option::is_some).await.ok().and_then(|live| live.clone()) };
            let given_up = async { mending.wait_for(|mending| !mending).await.is_ok() };
            let outcome = timeout_at(call.until, async {
                tokio::select! {
                    biased;
                    live = mended => live,
                    _ = given_up => None,
                }
            });
            if let Ok(Some(live)) = outcome.await {
                return Ok(live);
            }
        }
        Err(Failure::Other(self.unavailable(call, "not connected")))
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
            tracing::warn!(store = self.target.address(), link = self.name, cause, "Redis is away");
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
            tracing::info!(store = self.target.address(), link = self.name, "Redis answers");
        }
    }

    /// Keeps the link: runs until aborted.
    pub(super) async fn keep(self: Arc<Self>) {
        let mut current = self.state.borrow().clone();
        let mut number = 1;
        let mut pause = FIRST_PAUSE;
        loop {
            let Some(live) = &current else {
                match self.target.connect().await {
                    Ok(connection) => {
                        number += 1;
                        let live = Live { number, connection };
                        self.open(&live);
                        (current, pause) = (Some(live), FIRST_PAUSE);
                    }
                    Err(error) => {
                        self.mending.send_replace(false);
                        self.report_down(&error.to_string());
                        sleep(jittered(pause)).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
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

async fn probe(mut connection: MultiplexedConnection) -> RedisResult<Value> {
    redis::cmd("PING").query_async(&mut connection).await
}

/// Between half of `pause` and all of it, so that a fleet does not return in step.
pub(super) fn jittered(pause: Duration) -> Duration {
    let draw = RandomState::new().build_hasher().finish() % 512;
    pause.mul_f64(0.5 + draw as f64 / 1024.0)
}

/// Pauses between attempts to connect, for the change feed.
pub(super) struct Pauses(Duration);

impl Pauses {
    pub(super) fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    pub(super) fn next(&mut self) -> Duration {
        let pause = jittered(self.0);
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
        pause
    }
}
