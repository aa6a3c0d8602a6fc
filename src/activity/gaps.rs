//! What is missing: how many events of which token were lost, until that can be put on record.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Event, EventId, EventIds, EventKind, EventRef, FrameHead, Frames};
use crate::clock::Timestamp;
use crate::token::TokenId;

/// Tokens whose losses are told apart; those of further ones are only counted.
const MOST_TOKENS: usize = 10_000;

/// Losses that are not on record yet.
#[derive(Debug)]
pub struct Gaps {
    state: Mutex<State>,
    any: AtomicBool,
    beyond: AtomicU64,
}

#[derive(Debug)]
struct State {
    gaps: HashMap<TokenId, Gap>,
    ids: EventIds,
}

/// The losses of one token. The id is drawn at the first of them and stays, so that a gap that is recorded twice is one.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Gap {
    id: EventId,
    serial: u64,
    missing: u64,
    from: Timestamp,
    until: Timestamp,
}

/// Gaps on their way to a store: frames, and what to forget once these are kept.
#[derive(Debug)]
pub struct GapFrames {
    /// One event per token.
    pub frames: Vec<u8>,
    told: Vec<(TokenId, Gap)>,
}

impl Default for Gaps {
    fn default() -> Self {
        let [a, b, ..] = *uuid::Uuid::new_v4().as_bytes();
        let state = State { gaps: HashMap::new(), ids: EventIds::new([a, b]) };
        Self { state: Mutex::new(state), any: AtomicBool::new(false), beyond: AtomicU64::new(0) }
    }
}

impl Gaps {
    /// Notes that these frames are lost; a lost gap counts as what it told.
    pub fn note(&self, batch: &[u8]) {
        let mut state = self.state();
        for payload in Frames::new(batch) {
            let Ok(head) = FrameHead::of(payload) else { continue };
            let gap = (head.kind() == Some(EventKind::Gap)).then(|| Gap::read(payload)).flatten();
            let id = gap.map(|gap| gap.id);
            let gap = gap.unwrap_or(Gap {
                id: head.id(),
                serial: head.serial(),
                missing: 1,
                from: head.at(),
                until: head.at(),
            });
            self.add(&mut state, head.token(), gap, id);
        }
        self.any.store(!state.gaps.is_empty(), Ordering::Release);
    }

    fn add(&self, state: &mut State, token: TokenId, gap: Gap, id: Option<EventId>) {
        let known = state.gaps.len();
        match state.gaps.entry(token) {
            Entry::Occupied(mut entry) => {
                let before = entry.get_mut();
                before.missing += gap.missing;
                before.from = before.from.min(gap.from);
                before.until = before.until.max(gap.until);
            }
            Entry::Vacant(entry) if known < MOST_TOKENS => {
                let id = id.unwrap_or_else(|| state.ids.next(gap.from));
                entry.insert(Gap { id, ..gap });
            }
            Entry::Vacant(_) => {
                self.beyond.fetch_add(gap.missing, Ordering::Relaxed);
            }
        }
    }

    /// Whether anything waits to be told.
    pub fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Events lost of tokens beyond the bound, which no token's activity tells of.
    pub fn beyond(&self) -> u64 {
        self.beyond.load(Ordering::Relaxed)
    }

    /// What waits to be told, as events.
    pub fn frames(&self) -> GapFrames {
        let state = self.state();
        let told: Vec<_> = state.gaps.iter().map(|(token, gap)| (*token, *gap)).collect();
        let mut frames = Vec::new();
        told.iter().for_each(|(token, gap)| gap.encode(*token, &mut frames));
        GapFrames { frames, told }
    }

    /// Forgets what has been put on record; what was lost meanwhile stays, under a new id.
    pub fn recorded(&self, told: &GapFrames) {
        let mut state = self.state();
        let State { gaps, ids } = &mut *state;
        for (token, told) in &told.told {
            if let Entry::Occupied(mut entry) = gaps.entry(*token) {
                let left = entry.get().missing.saturating_sub(told.missing);
                if left == 0 {
                    entry.remove();
                } else {
                    let gap = entry.get_mut();
                    *gap = Gap { id: ids.next(told.until), missing: left, from: told.until, ..*gap };
                }
            }
        }
        self.any.store(!gaps.is_empty(), Ordering::Release);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gap {
    fn encode(&self, token: TokenId, out: &mut Vec<u8>) {
        let data = format!(r#"{{"missing":{},"from":"{}","until":"{}"}}"#, self.missing, self.from, self.until);
        EventRef {
            id: self.id,
            token,
            serial: self.serial,
            at: self.from,
            kind: EventKind::Gap,
            status: 0,
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            method: "",
            route: "",
            uri: "",
            user_agent: b"",
            request_id: b"",
            data: &data,
        }
        .encode(out);
    }

    fn read(payload: &[u8]) -> Option<Self> {
        let event = Event::decode(payload).ok()?;
        let data: serde_json::Value = serde_json::from_str(&event.data).ok()?;
        let until = data["until"].as_str().and_then(|text| Timestamp::parse_rfc3339(text).ok());
        Some(Self {
            id: event.id,
            serial: event.serial,
            missing: data["missing"].as_u64()?,
            from: event.at,
            until: until.unwrap_or(event.at),
        })
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    fn frame(token: TokenId, millis: i64, out: &mut Vec<u8>) {
        let at = Timestamp::from_millis(millis);
        EventRef {
            id: EventIds::new([0, 0]).next(at),
            token,
            serial: 7,
            at,
            kind: EventKind::Request,
            status: 200,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            method: "GET",
            route: "r",
            uri: "/",
            user_agent: b"",
            request_id: b"",
            data: "",
        }
        .encode(out);
    }

    fn told(gaps: &Gaps) -> Vec<(TokenId, u64, String)> {
        let frames = gaps.frames().frames;
        let events = Frames::new(&frames).map(|frame| Event::decode(frame).expect("own frame"));
        let read = events.map(|event| {
            assert_eq!((event.kind.code(), event.serial), ("ACTIVITY_GAP", 7));
            let data: serde_json::Value = serde_json::from_str(&event.data).expect("JSON");
            (event.token, data["missing"].as_u64().expect("a number"), event.id.to_string())
        });
        read.collect()
    }

    #[test]
    fn losses_add_up_per_token_and_are_forgotten_once_told() {
        let (gaps, token) = (Gaps::default(), TokenId::random(1, Timestamp::system()));
        let mut batch = Vec::new();
        (10..13).for_each(|at| frame(token, at, &mut batch));
        gaps.note(&batch);
        let first = told(&gaps);
        assert_eq!((first.len(), first[0].0, first[0].1), (1, token, 3));
        let under_way = gaps.frames();
        gaps.note(&batch);
        assert_eq!((told(&gaps)[0].1, &told(&gaps)[0].2), (6, &first[0].2), "the same gap, grown");
        gaps.recorded(&under_way);
        let rest = told(&gaps);
        assert!(gaps.any() && rest[0].1 == 3 && rest[0].2 != first[0].2);
        gaps.recorded(&gaps.frames());
        assert!(!gaps.any() && told(&gaps).is_empty());
    }

    #[test]
    fn a_lost_gap_counts_as_what_it_told() {
        let (gaps, token) = (Gaps::default(), TokenId::random(1, Timestamp::system()));
        let mut batch = Vec::new();
        (10..15).for_each(|at| frame(token, at, &mut batch));
        gaps.note(&batch);
        let (frames, id) = (gaps.frames().frames, told(&gaps)[0].2.clone());
        let other = Gaps::default();
        other.note(&frames);
        assert_eq!(told(&other), [(token, 5, id)]);
    }

    #[test]
    fn tokens_beyond_the_bound_are_counted_together() {
        let gaps = Gaps::default();
        let mut batch = Vec::new();
        for _ in 0..MOST_TOKENS + 3 {
            frame(TokenId::random(1, Timestamp::system()), 5, &mut batch);
        }
        gaps.note(&batch);
        assert_eq!((told(&gaps).len(), gaps.beyond()), (MOST_TOKENS, 3));
    }
}
