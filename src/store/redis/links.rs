//! What calls go through: one link, or the links of a cluster's nodes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use redis::{Cmd, Pipeline, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

use super::call::{Call, Failure};
use super::cluster::{Cluster, Lane, Member};
use super::connection::{Link, enter, places};
use super::scripts::Script;
use super::slots::{key_of, slot_of};
use crate::token::StoreError;

/// Times that one call is sent elsewhere.
const MOST_HOPS: usize = 8;
/// Nodes that parts of one pipeline are on their way to at once.
const PARTS_AT_ONCE: usize = 16;
/// Pause before a call is tried again whose keys are on two nodes.
const SPLIT_PAUSE: Duration = Duration::from_millis(25);

/// Links to wherever the data is.
pub(super) enum Links {
    /// One server, or the primary that Sentinels name.
    One(Arc<Link>),
    /// A cluster.
    Cluster(Grid),
}

impl Links {
    /// Whether keys may lie on several nodes.
    pub(super) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Whether there is a connection that callers may use; in a cluster, to any node that has slots.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::One(link) => link.is_open(),
            Self::Cluster(grid) => grid.cluster.any_open(),
        }
    }

    /// A place among the calls in flight.
    pub(super) fn enter(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        match self {
            Self::One(link) => link.enter(),
            Self::Cluster(grid) => enter(&grid.places, grid.cluster.label()),
        }
    }

    /// Runs one command.
    pub(super) async fn command(&self, call: Call, cmd: &Cmd) -> Result<Value, Failure> {
        match self {
            Self::One(link) => link.command(call, cmd).await,
            // On the heap, so that calls to a single server stay small.
            Self::Cluster(grid) => Box::pin(grid.command(call, cmd, true)).await,
        }
    }

    /// Runs several commands, in one round trip if one server has all of their keys; errors of single commands fail the
    /// whole. Commands on one slot are carried out in their order.
    pub(super) async fn pipeline(&self, call: Call, pipe: &Pipeline) -> Result<Vec<Value>, Failure> {
        match self {
            Self::One(link) => link.pipeline(call, pipe).await,
            Self::Cluster(grid) => Box::pin(grid.pipeline(call, pipe)).await,
        }
    }

    /// Runs a script, by digest if the server knows it. All keys share a slot.
    pub(super) async fn script(
        &self,
        call: Call,
        script: &Script,
        keys: &[&[u8]],
        args: &[&[u8]],
    ) -> Result<Value, StoreError> {
        match self {
            Self::One(link) => link.script(call, script, keys, args).await,
            Self::Cluster(grid) => Ok(Box::pin(grid.script(call, script, keys, args, true)).await?),
        }
    }

    /// As [`script`](Self::script), but nothing if its keys are on two nodes, or may be, because their slot moves.
    pub(super) async fn whole_script(
        &self,
        call: Call,
        script: &Script,
        keys: &[&[u8]],
        args: &[&[u8]],
    ) -> Result<Option<Value>, StoreError> {
        match self {
            Self::One(link) => link.script(call, script, keys, args).await.map(Some),
            Self::Cluster(grid) => match Box::pin(grid.script(call, script, keys, args, false)).await {
                Ok(answer) => Ok(Some(answer)),
                Err(Failure::Split(_)) => Ok(None),
                Err(failure) => Err(failure.into()),
            },
        }
    }

    /// Waits for a connection within the call's time. In a cluster each call waits for its own node.
    pub(super) async fn wait(&self, call: &Call) -> Result<(), StoreError> {
        match self {
            Self::One(link) => link.wait(call).await,
            Self::Cluster(_) => Ok(()),
        }
    }
}

/// One lane to every node of a cluster.
pub(super) struct Grid {
    cluster: Arc<Cluster>,
    lane: Lane,
    places: Arc<Semaphore>,
}

/// A part of a pipeline: what goes to one node, and the places of its commands in the whole.
struct Part {
    owner: Arc<Member>,
    pipe: Pipeline,
    from: Vec<usize>,
}

impl Grid {
    pub(super) fn new(cluster: &Arc<Cluster>, lane: Lane) -> Self {
        Self { cluster: Arc::clone(cluster), lane, places: places() }
    }

    /// Follows redirections; those tell that the command was not carried out. While the keys of a script are on two
    /// nodes it is tried again if `patient`, and a slot on its way counts as two nodes if not.
    async fn command(&self, call: Call, cmd: &Cmd, patient: bool) -> Result<Value, Failure> {
        let slot = key_of(cmd).map(slot_of);
        let mut asking = false;
        let mut hops = 0;
        let mut member = self.owner(call, slot)?;
        loop {
            let link = member.link(self.lane);
            link.settle(&call).await;
            let outcome = match asking {
                true => link.asking(call, cmd).await,
                false => link.command(call, cmd).await,
            };
            match outcome {
                Err(Failure::Elsewhere { asking: true, error, .. }) if !patient => return Err(Failure::Split(error)),
                Err(Failure::Elsewhere { to, asking: ask, error }) => {
                    hops += 1;
                    if !ask {
                        self.cluster.suspect();
                    }
                    let next = self.cluster.named(&to, &member).filter(|_| hops < MOST_HOPS);
                    (member, asking) = (next.ok_or(Failure::Other(error))?, ask);
                }
                Err(Failure::Split(error)) => {
                    if !patient || call.until < Instant::now() + 2 * SPLIT_PAUSE {
                        return Err(Failure::Split(error));
                    }
                    sleep(SPLIT_PAUSE).await;
                    (member, asking, hops) = (self.owner(call, slot)?, false, 0);
                }
                Err(failure @ (Failure::Dropped(_) | Failure::Other(_))) => {
                    self.cluster.suspect();
                    return Err(failure);
                }
                other => return other,
            }
        }
    }

    fn owner(&self, call: Call, slot: Option<usize>) -> Result<Arc<Member>, Failure> {
        self.cluster.owner(slot).ok_or_else(|| {
            self.cluster.suspect();
            Failure::Other(StoreError::Unavailable(format!(
                "Redis {}, {}: no node is known to serve the slot",
                self.cluster.label(),
                call.name
            )))
        })
    }

    async fn script(
        &self,
        call: Call,
        script: &Script,
        keys: &[&[u8]],
        args: &[&[u8]],
        patient: bool,
    ) -> Result<Value, Failure> {
        match self.command(call, &script.by_digest(keys, args), patient).await {
            // It was not run, so it may be sent again whatever it does.
            Err(Failure::NoScript) => self.command(call, &script.in_full(keys, args), patient).await,
            other => other,
        }
    }

    async fn pipeline(&self, call: Call, pipe: &Pipeline) -> Result<Vec<Value>, Failure> {
        let commands: Vec<&Cmd> = pipe.cmd_iter().collect();
        let mut answers = vec![Value::Nil; commands.len()];
        let parts = self.parts(call, &commands)?;
        // A part that fails does not keep the others from being carried out, as within one server.
        let mut failure = None;
        for some in parts.chunks(PARTS_AT_ONCE) {
            let outcomes = join_all(some.iter().map(|part| self.part(call, &commands, part))).await;
            for (part, outcome) in some.iter().zip(outcomes) {
                match outcome {
                    Ok(values) => part.from.iter().zip(values).for_each(|(at, value)| answers[*at] = value),
                    // Of several failures one counts that does not call for sending the whole again.
                    Err(Failure::Dropped(error)) => drop(failure.get_or_insert(Failure::Dropped(error))),
                    Err(other) => failure = Some(other),
                }
            }
        }
        failure.map_or(Ok(answers), Err)
    }

    /// Cuts a pipeline by node. Commands without a key, which load scripts, go ahead of every part.
    fn parts(&self, call: Call, commands: &[&Cmd]) -> Result<Vec<Part>, Failure> {
        let slots: Vec<Option<usize>> = commands.iter().map(|cmd| key_of(cmd).map(slot_of)).collect();
        let everywhere: Vec<usize> = (0..commands.len()).filter(|at| slots[*at].is_none()).collect();
        let mut parts: Vec<(Option<u16>, Part)> = Vec::new();
        for ((at, slot), place) in slots.iter().enumerate().zip(self.cluster.places(&slots)) {
            if slot.is_none() {
                continue;
            }
            let known = parts.iter().position(|(known, _)| *known == place);
            let part = match known {
                Some(part) => part,
                None => {
                    let mut part = Part { owner: self.owner(call, *slot)?, pipe: Pipeline::new(), from: Vec::new() };
                    for at in &everywhere {
                        part.pipe.add_command(commands[*at].clone());
                        part.from.push(*at);
                    }
                    parts.push((place, part));
                    parts.len() - 1
                }
            };
            let (_, part) = &mut parts[part];
            part.pipe.add_command(commands[at].clone());
            part.from.push(at);
        }
        Ok(parts.into_iter().map(|(_, part)| part).collect())
    }

    async fn part(&self, call: Call, commands: &[&Cmd], part: &Part) -> Result<Vec<Value>, Failure> {
        let link = part.owner.link(self.lane);
        link.settle(&call).await;
        let outcomes = link.each(call, &part.pipe).await.inspect_err(|_| self.cluster.suspect())?;
        let mut values = Vec::with_capacity(outcomes.len());
        for (at, outcome) in part.from.iter().zip(outcomes) {
            values.push(match outcome {
                // These alone were not carried out; they go their own way, in their order.
                Err(Failure::Elsewhere { .. } | Failure::Split(_)) => {
                    self.cluster.suspect();
                    self.command(call, commands[*at], true).await?
                }
                other => other?,
            });
        }
        Ok(values)
    }
}
