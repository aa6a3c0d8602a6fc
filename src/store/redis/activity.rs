//! Activity: one list of frames per token, newest first, written in batches: in the steady state one push per token and
//! batch, all in one round trip.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use redis::{Cmd, Pipeline, Value};

use super::call::{Call, Failure};
use super::keys::LAST_USE;
use super::listing::TOKENS_AT_ONCE;
use super::{Core, RedisStore, UNHURRIED, unexpected};
use crate::activity::{Event, EventId, EventLog, FrameHead, Frames};
use crate::clock::Timestamp;
use crate::token::{LastUse, ShortId, StoreError, StoreFuture, TokenId, parse_hex12};

/// Bytes after which a pipeline is sent and the next one begun.
const PIPELINE_BYTES: usize = 128 << 10;
/// Most frames in one push; a script can unpack a few thousand arguments.
const PUSH_FRAMES: usize = 1000;
/// A list is trimmed when it is longer than is shown by an eighth and this.
const SLACK: usize = 16;
/// Batches remembered of which it is not known whether they were written.
const MOST_UNSURE: usize = 1024;
/// Lists remembered as renewed, 16 bytes each; beyond that all are forgotten and renewed again.
const MOST_RENEWED: usize = 200_000;
/// Newest events of a token looked at to find its last use; audits and refused tries lie between.
const LAST_USE_SPAN: usize = 64;
const DAY_MILLIS: i64 = 86_400_000;

impl EventLog for RedisStore {
    fn append(&self, batch: Bytes) -> StoreFuture<'_, ()> {
        self.unhurried(async move |core| core.append(batch).await)
    }

    fn page(&self, token: TokenId, skip: usize, take: usize) -> StoreFuture<'_, Vec<Event>> {
        self.unhurried(async move |core| core.page(token, skip, take).await)
    }

    fn event(&self, token: TokenId, id: EventId) -> StoreFuture<'_, Option<Event>> {
        self.unhurried(async move |core| core.event(token, id).await)
    }
}

/// First events of batches that may have been written in part before their call failed: if such a batch comes again, it
/// is written with the check for repetition.
#[derive(Default)]
pub(super) struct Unsure(Mutex<VecDeque<EventId>>);

impl Unsure {
    fn note(&self, first: EventId) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() == MOST_UNSURE {
            noted.pop_front();
        }
        noted.push_back(first);
    }

    fn take(&self, first: EventId) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match noted.iter().position(|known| *known == first) {
            Some(place) => noted.remove(place).is_some(),
            None => false,
        }
    }
}

/// Whose list was given its full life, and whose last use was noted, today. A list lives a day longer than its events are
/// shown, so once a day and sidecar is enough for a list to outlast its newest event.
#[derive(Default)]
pub(super) struct Renewed(Mutex<(i64, HashSet<ShortId>)>);

impl Renewed {
    /// Those of `tokens` whose list is due.
    fn due(&self, tokens: impl Iterator<Item = ShortId>, now: Timestamp) -> HashSet<ShortId> {
        let mut renewed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let today = now.as_millis().div_euclid(DAY_MILLIS);
        if renewed.0 != today || renewed.1.len() > MOST_RENEWED {
            *renewed = (today, HashSet::new());
        }
        tokens.filter(|token| !renewed.1.contains(token)).collect()
    }

    fn note(&self, tokens: HashSet<ShortId>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.extend(tokens);
    }
}

/// The events of one token in a batch, oldest first; at most [`PUSH_FRAMES`].
pub(super) type Group<'a> = [(TokenId, EventId, &'a [u8])];

impl Core {
    async fn append(&self, batch: Bytes) -> Result<(), StoreError> {
        let mut events = Vec::new();
        for frame in Frames::new(&batch) {
            let head = FrameHead::of(frame)
                .map_err(|_| StoreError::Corrupt("a batch of activity holds a frame that cannot be read".to_owned()))?;
            events.push((head.token(), head.id(), frame));
        }
        let Some(first) = events.first().map(|(_, id, _)| *id) else { return Ok(()) };
        let mut repeated = self.unsure.take(first);
        for part in parts(&mut events) {
            if let Err(error) = self.push(&part, &mut repeated).await {
                self.unsure.note(first);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Writes the groups of one pipeline. After a dropped connection they are written once more, each only if it is not
    /// there yet; `repeated` says that even the first try must check.
    async fn push(&self, part: &[&Group<'_>], repeated: &mut bool) -> Result<(), StoreError> {
        if !*repeated {
            let mut pipe = Pipeline::with_capacity(part.len());
            for group in part {
                let activity = self.target.keys.activity(&short_of(group));
                let bytes: usize = group.iter().map(|(_, _, frame)| frame.len()).sum();
                let mut push = Cmd::with_capacity(2 + group.len(), 5 + activity.len() + bytes);
                push.arg(b"LPUSH").arg(activity);
                for (_, _, frame) in *group {
                    push.arg(*frame);
                }
                pipe.add_command(push);
            }
            match self.admin.pipeline(Call::once("writing activity", UNHURRIED), &pipe).await {
                Ok(answers) => return self.follow_up(part, answers.into_iter()).await,
                Err(Failure::Dropped(_)) => *repeated = true,
                Err(other) => return Err(other.into()),
            }
        }
        let scripts = &self.target.scripts;
        let mut pipe = Pipeline::with_capacity(1 + part.len());
        pipe.add_command(scripts.replay.load());
        for group in part {
            let activity = self.target.keys.activity(&short_of(group));
            let frames: Vec<&[u8]> = group.iter().map(|(_, _, frame)| *frame).collect();
            pipe.add_command(scripts.replay.by_digest(&[&activity], &frames));
        }
        // Each command checks for itself, so that a third try does no harm; it waits for the new connection.
        let call = Call::repeatable("writing activity again", UNHURRIED);
        self.admin.wait(&call).await?;
        let answers = self.admin.pipeline(call, &pipe).await?;
        self.follow_up(part, answers.into_iter().skip(1)).await
    }

    /// Trims lists that have grown long; once a day renews a list's life and notes the use that is to outlive it; limits
    /// the life of what has begun without a token.
    pub(super) async fn follow_up(
        &self,
        part: &[&Group<'_>],
        lengths: impl Iterator<Item = Value>,
    ) -> Result<(), StoreError> {
        let shown = self.retention.per_token;
        let long = shown.saturating_add(shown / 8).saturating_add(SLACK);
        let (life, longer) = (self.activity_life(), self.life_of_events() + 86_400);
        let due = self.renewed.due(part.iter().map(|group| short_of(group)), Timestamp::system());
        let orphan = &self.target.scripts.orphan;
        let mut pipe = redis::pipe();
        let mut loaded = false;
        for (group, length) in part.iter().zip(lengths) {
            let Value::Int(length) = length else { return Err(unexpected("writing activity")) };
            let (length, short) = (usize::try_from(length).unwrap_or(0), short_of(group));
            if length > long {
                pipe.cmd("LTRIM").arg(self.target.keys.activity(&short)).arg(0).arg(shown.saturating_sub(1));
            }
            if due.contains(&short) {
                pipe.cmd("EXPIRE").arg(self.target.keys.activity(&short)).arg(longer);
                let noted = last_use(group);
                if !noted.is_empty() {
                    pipe.cmd("HSET").arg(self.target.keys.counters(&short)).arg(LAST_USE).arg(noted);
                }
            }
            if length <= group.len() {
                if !std::mem::replace(&mut loaded, true) {
                    pipe.add_command(orphan.load());
                }
                let keys = [
                    &self.target.keys.activity(&short)[..],
                    &self.target.keys.counters(&short),
                    &self.target.keys.record(&short),
                ];
                pipe.add_command(orphan.by_digest(&keys, &[&life]));
            }
        }
        match self.admin.pipeline(Call::repeatable("tidying activity", UNHURRIED), &pipe).await {
            Ok(_) => self.renewed.note(due),
            // The events are written; what is left to tidy comes up again with the token's next batch.
            Err(Failure::Dropped(_) | Failure::NoScript) => {}
            Err(failure) => tracing::debug!(error = %StoreError::from(failure), "activity was not tidied"),
        }
        Ok(())
    }

    /// Life of an event, in seconds; far below what Redis can express.
    pub(super) fn life_of_events(&self) -> u64 {
        self.retention.max_age.as_secs().clamp(1, 100 * 366 * 86_400)
    }

    /// Per token the newest use in its list, or what was noted once a day of a list that has left.
    pub(super) async fn last_uses(&self, ids: &[TokenId]) -> Result<Vec<Option<LastUse>>, StoreError> {
        let mut uses = Vec::with_capacity(ids.len());
        for part in ids.chunks(TOKENS_AT_ONCE) {
            uses.extend(self.some_last_uses(part).await?);
        }
        Ok(uses)
    }

    /// One round trip, and another for tokens whose newest event is no use.
    async fn some_last_uses(&self, ids: &[TokenId]) -> Result<Vec<Option<LastUse>>, StoreError> {
        let call = Call::repeatable(LAST_USES, UNHURRIED);
        let mut pipe = redis::pipe();
        for short in ids.iter().map(TokenId::short) {
            pipe.cmd("LRANGE").arg(self.target.keys.activity(&short)).arg(0).arg(0);
            pipe.cmd("HGET").arg(self.target.keys.counters(&short)).arg(LAST_USE);
        }
        let answers = self.admin.pipeline(call, &pipe).await?;
        let mut uses = Vec::with_capacity(ids.len());
        let mut unclear = Vec::new();
        let mut pipe = redis::pipe();
        for (at, (id, answers)) in ids.iter().zip(answers.as_chunks::<2>().0).enumerate() {
            let [head, noted] = answers;
            let newest = use_in(head)?;
            if newest.is_none() && matches!(head, Value::Array(frames) if !frames.is_empty()) {
                pipe.cmd("LRANGE").arg(self.target.keys.activity(&id.short())).arg(1).arg(LAST_USE_SPAN);
                unclear.push(at);
            }
            uses.push(later(newest, use_in(noted)?));
        }
        let answers = self.admin.pipeline(call, &pipe).await?;
        for (at, answer) in unclear.into_iter().zip(&answers) {
            uses[at] = later(uses[at], use_in(answer)?);
        }
        Ok(uses)
    }

    async fn page(&self, token: TokenId, skip: usize, take: usize) -> Result<Vec<Event>, StoreError> {
        let end = skip.saturating_add(take).min(self.retention.per_token);
        if skip >= end {
            return Ok(Vec::new());
        }
        let mut cmd = redis::cmd("LRANGE");
        cmd.arg(self.target.keys.activity(&token.short())).arg(skip).arg(end - 1);
        let call = Call::repeatable("reading activity", UNHURRIED);
        let Value::Array(frames) = self.admin.command(call, &cmd).await? else {
            return Err(unexpected("reading activity"));
        };
        let mut events = Vec::with_capacity(frames.len());
        for frame in frames {
            let Value::BulkString(frame) = frame else { return Err(unexpected("reading activity")) };
            events.extend(self.shown(token, &frame)?);
        }
        // Sidecars write their batches as they come; within a page the order is that of time.
        events.sort_by_key(|event| std::cmp::Reverse(event.id));
        events.dedup_by_key(|event| event.id);
        Ok(events)
    }

    async fn event(&self, token: TokenId, id: EventId) -> Result<Option<Event>, StoreError> {
        let key = self.target.keys.activity(&token.short());
        let most = self.retention.per_token.to_string();
        let call = Call::repeatable("reading an event", UNHURRIED);
        let name = parse_hex12(&id.to_string()).map_err(|_| unexpected("reading an event"))?;
        let args = [&name[..], most.as_bytes()];
        match self.admin.script(call, &self.target.scripts.event, &[&key], &args).await? {
            Value::BulkString(frame) => self.shown(token, &frame),
            Value::Nil => Ok(None),
            _ => Err(unexpected("reading an event")),
        }
    }

    /// A frame as an event, if it is this token's and young enough.
    fn shown(&self, token: TokenId, frame: &[u8]) -> Result<Option<Event>, StoreError> {
        let event =
            Event::decode(frame).map_err(|_| StoreError::Corrupt("an activity event cannot be read".to_owned()))?;
        let young = Timestamp::system().since(event.at) <= self.retention.max_age;
        Ok(Some(event).filter(|event| young && event.token == token))
    }
}

/// The events by token, oldest first, cut into what goes into one pipeline each.
fn parts<'a, 'b>(events: &'b mut [(TokenId, EventId, &'a [u8])]) -> Vec<Vec<&'b Group<'a>>> {
    // Stable: equal events keep their order.
    events.sort_by_key(|(token, id, _)| (*token, *id));
    let mut parts = vec![Vec::new()];
    let mut bytes = 0;
    for token in events.chunk_by(|a, b| a.0 == b.0) {
        for group in token.chunks(PUSH_FRAMES) {
            if bytes >= PIPELINE_BYTES {
                parts.push(Vec::new());
                bytes = 0;
            }
            bytes += group.iter().map(|(_, _, frame)| frame.len() + 16).sum::<usize>();
            if let Some(part) = parts.last_mut() {
                part.push(group);
            }
        }
    }
    parts
}

/// The token of a group; groups are never empty.
fn short_of(group: &Group<'_>) -> ShortId {
    group.first().map_or(ShortId::from_bytes([0; TokenId::SHORT]), |(token, _, _)| token.short())
}

/// The last use as it lies in the newest frame.
fn last_use<'a>(group: &Group<'a>) -> &'a [u8] {
    let heads = group.iter().rev().filter_map(|(_, _, frame)| FrameHead::of(frame).ok());
    heads.filter(FrameHead::is_use).map(|head| head.last_use()).next().unwrap_or_default()
}

const LAST_USES: &str = "reading when tokens were last used";

/// The use in an answer: a note, or frames listed newest first.
fn use_in(answer: &Value) -> Result<Option<LastUse>, StoreError> {
    let last = match answer {
        Value::Nil => return Ok(None),
        Value::BulkString(noted) => FrameHead::parse_last_use(noted),
        Value::Array(frames) => match newest_use(frames) {
            Some(frame) => FrameHead::parse_last_use(frame.last_use()),
            None => return Ok(None),
        },
        _ => None,
    };
    last.map(Some).ok_or_else(|| unexpected(LAST_USES))
}

fn later(one: Option<LastUse>, other: Option<LastUse>) -> Option<LastUse> {
    [one, other].into_iter().flatten().max_by_key(|last| last.at)
}

/// The newest frame that is a use of its token, of those listed newest first.
fn newest_use(frames: &[Value]) -> Option<FrameHead<'_>> {
    let heads = frames.iter().filter_map(|frame| match frame {
        Value::BulkString(frame) => FrameHead::of(frame).ok(),
        _ => None,
    });
    heads.into_iter().find(FrameHead::is_use)
}
