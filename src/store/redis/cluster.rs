//! The nodes of a cluster: who has which slot, and the links to each. Redis decides; here its word is kept up to date.
//!
//! Every node has links of its own, so that one that stalls or is gone is closed to callers while the others serve.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use redis::Value;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::call::Call;
use super::connection::{Link, PROBE_EVERY};
use super::pauses::jittered;
use super::server::{CONNECT_WITHIN, Joined, Role, Server};
use super::slots::{View, redirection};
use super::target::{Node, Target, label};
use crate::store::{Endpoint, OpenError, RedisConfig};

/// Nodes asked at once for their view.
const ASKED: usize = 5;
/// Ticks of [`PROBE_EVERY`] after which the nodes are asked although nothing is amiss.
const QUIET_TICKS: u32 = 10;
/// Pause between two rounds of questions, however many callers are sent elsewhere.
const PAUSE: Duration = Duration::from_millis(250);
/// How long a node without slots is kept that was named in a redirection: a slot may be moving there.
const KEPT: Duration = Duration::from_secs(60);
/// Nodes without slots that are kept.
const MOST_KEPT: usize = 64;

/// Which link of a node.
#[derive(Clone, Copy)]
pub(super) enum Lane {
    /// The request path.
    Requests,
    /// Everything else.
    Batches,
}

/// A node and the links to it.
pub(super) struct Member {
    at: Endpoint,
    requests: Arc<Link>,
    batches: Arc<Link>,
    keepers: [AbortHandle; 2],
    /// When it was last named as one to ask.
    named: Mutex<Instant>,
}

impl Member {
    pub(super) fn link(&self, lane: Lane) -> &Arc<Link> {
        match lane {
            Lane::Requests => &self.requests,
            Lane::Batches => &self.batches,
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.keepers.iter().for_each(AbortHandle::abort);
    }
}

/// The cluster as it is known.
struct Map {
    of_slot: Vec<u16>,
    /// The owners, in the order that `of_slot` means, then those that are kept without slots.
    members: Vec<Arc<Member>>,
    owners: usize,
    replicas: Vec<Endpoint>,
}

/// A cluster.
pub(super) struct Cluster {
    target: Arc<Target>,
    label: String,
    seeds: Vec<Endpoint>,
    map: ArcSwap<Map>,
    /// Taken to replace the map.
    changing: Mutex<()>,
    /// Which nodes are asked next.
    turn: AtomicUsize,
    /// Something is amiss.
    trouble: Notify,
    /// Sent when other nodes than before have slots.
    owners_changed: watch::Sender<()>,
}

impl Cluster {
    /// Finds the nodes and connects to each.
    pub(super) async fn open(target: &Arc<Target>, config: &RedisConfig) -> Result<Arc<Self>, OpenError> {
        let cluster = Arc::new(Self {
            target: Arc::clone(target),
            label: label(config).trim_start_matches("Redis ").to_owned(),
            seeds: config.servers.clone(),
            map: ArcSwap::from_pointee(Map {
                of_slot: Vec::new(),
                members: Vec::new(),
                owners: 0,
                replicas: Vec::new(),
            }),
            changing: Mutex::default(),
            turn: AtomicUsize::new(0),
            trouble: Notify::new(),
            owners_changed: watch::Sender::new(()),
        });
        let view = cluster.dial_for_view(&cluster.seeds).await?;
        if view.owners.is_empty() {
            return Err(OpenError::Unreachable(format!("Redis {}: no node has slots yet", cluster.label)));
        }
        let joined = join_all(view.owners.iter().map(|at| cluster.join(at))).await;
        let mut firsts = Vec::with_capacity(joined.len());
        let (mut away, mut verified) = (None, false);
        for outcome in joined {
            match outcome {
                Ok(pair) => {
                    verified |= pair.iter().any(|joined| joined.verified);
                    firsts.push(Some(pair));
                }
                Err(OpenError::Unreachable(cause)) => {
                    away = Some(OpenError::Unreachable(cause));
                    firsts.push(None);
                }
                Err(refused) => return Err(refused),
            }
        }
        if !verified {
            // The node that has the fingerprint is away: nothing may be written under a key that nobody has compared.
            let nobody = || OpenError::Unreachable(format!("Redis {}: nobody has the hash key's slot", cluster.label));
            return Err(away.unwrap_or_else(nobody));
        }
        cluster.apply(view, firsts);
        Ok(cluster)
    }

    /// For messages.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// The node that has a slot; any for commands without a key.
    pub(super) fn owner(&self, slot: Option<usize>) -> Option<Arc<Member>> {
        let map = self.map.load();
        match slot {
            Some(slot) => map.members.get(usize::from(*map.of_slot.get(slot)?)).cloned(),
            None => map.members[..map.owners].iter().find(|member| member.batches.is_open()).cloned(),
        }
    }

    /// The places of the owners of some slots, as numbers that are the same for the same owner; none without an owner.
    pub(super) fn places(&self, slots: &[Option<usize>]) -> Vec<Option<u16>> {
        let map = self.map.load();
        let place = |slot: usize| map.of_slot.get(slot).copied().filter(|place| *place != u16::MAX);
        slots.iter().map(|slot| slot.and_then(place)).collect()
    }

    /// The node that another one named instead of itself; new ones are taken on.
    pub(super) fn named(&self, to: &str, by: &Member) -> Option<Arc<Member>> {
        let at = redirection(to, &by.at.host)?;
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let map = self.map.load_full();
        let member = match map.members.iter().find(|member| member.at == at) {
            Some(known) => Arc::clone(known),
            None if map.members.len() - map.owners >= MOST_KEPT => return None,
            None => {
                let member = self.member(&at, None)?;
                let mut members = map.members.clone();
                members.push(Arc::clone(&member));
                let (of_slot, replicas) = (map.of_slot.clone(), map.replicas.clone());
                self.map.store(Arc::new(Map { of_slot, members, owners: map.owners, replicas }));
                member
            }
        };
        *member.named.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Some(member)
    }

    /// Tells that the map may be out of date.
    pub(super) fn suspect(&self) {
        self.trouble.notify_one();
    }

    /// A node for the change feed: whatever one node is told is told to the subscribers of all. `turn` chooses.
    pub(super) fn any(&self, turn: usize) -> Option<Result<Server, OpenError>> {
        let map = self.map.load();
        let open: Vec<_> = map.members[..map.owners].iter().filter(|member| member.batches.is_open()).collect();
        let member = open.get(turn.checked_rem(open.len())?)?;
        Some(Server::new(&self.target, &member.at, Role::Member))
    }

    /// Ends when other nodes than before have slots; tells whether the one at `address` still has.
    pub(super) async fn changed(&self, watch: &mut watch::Receiver<()>, address: &str) -> bool {
        // Fails only when `self` is gone.
        let _ = watch.changed().await;
        let map = self.map.load();
        map.members[..map.owners].iter().any(|member| member.at.to_string() == address)
    }

    pub(super) fn watch(&self) -> watch::Receiver<()> {
        self.owners_changed.subscribe()
    }

    /// Keeps the map: runs until aborted.
    pub(super) async fn keep(self: Arc<Self>) {
        let mut quiet = 0;
        loop {
            let troubled = timeout(PROBE_EVERY, self.trouble.notified()).await.is_ok();
            quiet += 1;
            if troubled || quiet >= QUIET_TICKS || !self.all_open() {
                quiet = 0;
                self.refresh().await;
                sleep(jittered(PAUSE)).await;
            }
        }
    }

    /// Whether any node that has slots can be asked.
    pub(super) fn any_open(&self) -> bool {
        let map = self.map.load();
        map.members[..map.owners].iter().any(|member| member.requests.is_open())
    }

    fn all_open(&self) -> bool {
        let map = self.map.load();
        map.members[..map.owners].iter().all(|member| member.batches.is_open() && member.requests.is_open())
    }

    async fn refresh(&self) {
        let view = match self.ask().await {
            Some(view) => Ok(view),
            None => {
                let mut seeds = self.map.load().replicas.clone();
                seeds.extend(self.seeds.iter().cloned());
                self.dial_for_view(&seeds).await
            }
        };
        match view {
            // A node that has just been reset knows of no slots.
            Ok(view) if !view.owners.is_empty() => self.apply(view, Vec::new()),
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "no node of the cluster tells who has which slot"),
        }
    }

    /// Asks some of the nodes. Of the answers of more than half of them, or of as many as come, the one of the latest
    /// epoch counts: a node that was cut off from the others knows an older one.
    async fn ask(&self) -> Option<View> {
        let map = self.map.load_full();
        let open: Vec<_> = map.members[..map.owners].iter().filter(|member| member.batches.is_open()).collect();
        let start = self.turn.fetch_add(1, Ordering::Relaxed) % open.len().max(1);
        let mut asked = FuturesUnordered::new();
        for member in open.iter().cycle().skip(start).take(open.len().min(ASKED)) {
            asked.push(view_of(member));
        }
        let most = asked.len();
        let mut best: Option<View> = None;
        let mut answers = 0;
        while let Some(view) = asked.next().await {
            let Some(view) = view else { continue };
            answers += 1;
            if best.as_ref().is_none_or(|best| (view.epoch, view.sound) > (best.epoch, best.sound)) {
                best = Some(view);
            }
            if answers * 2 > most {
                break;
            }
        }
        best
    }

    /// Connects to some nodes for nothing but their view.
    async fn dial_for_view(&self, nodes: &[Endpoint]) -> Result<View, OpenError> {
        let mut asked: FuturesUnordered<_> = nodes.iter().map(|at| self.dial_one(at)).collect();
        let mut best: Option<View> = None;
        let mut failed = None;
        let mut answers = 0;
        while let Some(outcome) = asked.next().await {
            match outcome {
                Ok(view) => {
                    answers += 1;
                    if best.as_ref().is_none_or(|best| view.epoch > best.epoch) {
                        best = Some(view);
                    }
                    if answers * 2 > nodes.len() {
                        break;
                    }
                }
                // A refusal tells more than a node that is away.
                Err(error) => {
                    if failed.is_none() || matches!(error, OpenError::Refused(_)) {
                        failed = Some(error);
                    }
                }
            }
        }
        let nobody = || OpenError::Unreachable(format!("Redis {}: no answer", self.label));
        best.ok_or_else(|| failed.unwrap_or_else(nobody))
    }

    async fn dial_one(&self, at: &Endpoint) -> Result<View, OpenError> {
        let server = Server::new(&self.target, at, Role::Member)?;
        let mut connection = server.dial().await?;
        let question = View::question();
        let asked = server.within(connection.send_packed_commands(&question, 0, question.len())).await?;
        let answers: Result<Vec<Value>, _> = asked.into_iter().map(Value::extract_error).collect();
        match answers {
            Ok(answers) => View::parse(&answers, &at.host)
                .ok_or_else(|| server.refused("it does not answer as nodes of a cluster do")),
            Err(error) if error.detail().is_some_and(|text| text.contains("cluster support disabled")) => {
                Err(server.refused("it is no node of a cluster; redis:// and rediss:// name a single server"))
            }
            Err(error) => Err(server.refusal(&error)),
        }
    }

    /// The two connections to a node.
    async fn join(&self, at: &Endpoint) -> Result<[Joined; 2], OpenError> {
        let server = Server::new(&self.target, at, Role::Member)?;
        Ok([server.connect().await?, server.connect().await?])
    }

    fn member(&self, at: &Endpoint, first: Option<[Joined; 2]>) -> Option<Arc<Member>> {
        // It fails only for what cannot be an address.
        let server = Server::new(&self.target, at, Role::Member).ok()?;
        let node = Node::Server(Arc::new(server));
        let [requests, batches] = first.map_or([None, None], |pair| pair.map(Some));
        let open = |name, first: Option<Joined>| {
            let link = Link::new(name, node.clone(), first.as_ref());
            let keeper = tokio::spawn(Arc::clone(&link).keep(first)).abort_handle();
            (link, keeper)
        };
        let ((requests, one), (batches, two)) = (open("requests", requests), open("batches", batches));
        let named = Mutex::new(Instant::now());
        Some(Arc::new(Member { at: at.clone(), requests, batches, keepers: [one, two], named }))
    }

    /// Makes a view the map. Nodes that stay keep their links; `firsts` holds connections to its owners, if there are any.
    fn apply(&self, view: View, firsts: Vec<Option<[Joined; 2]>>) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.map.load_full();
        let mut firsts = firsts.into_iter();
        let mut members = Vec::with_capacity(view.owners.len());
        let mut fresh = old.owners != view.owners.len();
        for at in &view.owners {
            let first = firsts.next().flatten();
            let known = old.members.iter().position(|member| member.at == *at);
            fresh |= known.is_none_or(|place| place >= old.owners);
            match known.map(|place| Arc::clone(&old.members[place])).or_else(|| self.member(at, first)) {
                Some(member) => members.push(member),
                None => return,
            }
        }
        let owners = members.len();
        let kept = |member: &&Arc<Member>| {
            let named = *member.named.lock().unwrap_or_else(PoisonError::into_inner);
            !view.owners.contains(&member.at) && named.elapsed() < KEPT
        };
        members.extend(old.members[old.owners..].iter().filter(kept).cloned());
        if fresh && old.owners > 0 {
            tracing::info!(store = self.label, nodes = owners, "other nodes of the cluster have slots now");
        }
        self.map.store(Arc::new(Map { of_slot: view.of_slot, members, owners, replicas: view.replicas }));
        if fresh {
            self.owners_changed.send_replace(());
        }
    }
}

async fn view_of(member: &Member) -> Option<View> {
    let call = Call::repeatable("asking who has which slot", CONNECT_WITHIN);
    let answers = member.batches.pipeline(call, &View::question()).await.ok()?;
    View::parse(&answers, &member.at.host)
}
