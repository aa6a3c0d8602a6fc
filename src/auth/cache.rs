//! The cached token and the bounded map of them.
//!
//! One map for all cores, keyed by the full hash of the secret; both secrets of a token that is being rotated lead to one
//! entry. Eviction is second-chance over the order of arrival; a bucket that is in use leaves its state behind, so that an
//! evicted token never comes back with a fuller bucket than it left.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;

use super::{CacheConfig, Identity};
use crate::clock::{Now, Timestamp};
use crate::token::{SecretHash, Status, TokenId, TokenRecord, TokenState};

/// A token as the data plane knows it, as small as can be: a million of them are cached. What tokens share is interned.
#[derive(Debug)]
pub struct CachedToken<S> {
    /// The token.
    pub id: TokenId,
    /// Its serial.
    pub serial: u64,
    pub(super) generation: u64,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
    identity: Arc<Identity>,
    /// The secrets, where more than one is live or one has a date of its own.
    secrets: Option<Box<Secrets>>,
    /// Process clock when the record was fetched; 0 = must be fetched again before use, whatever the store's state.
    pub(super) fetched: AtomicU64,
    /// Second of the process clock when it was last looked up, for eviction.
    used: AtomicU32,
    pub(super) status: Status,
    /// Revoked or evicted: never to be used again.
    pub(super) dead: AtomicBool,
    /// A fetch ahead of need is under way.
    pub(super) refreshing: AtomicBool,
    state: S,
}

/// Secrets with their ends.
type Secrets = [Option<(SecretHash, Timestamp)>; TokenRecord::MAX_SECRETS];

// With its counts it fills an allocation of 160 bytes; eight more would cost 32 MiB at a million tokens.
const _: () = assert!(size_of::<CachedToken<[u64; 6]>>() <= 128);

impl<S> CachedToken<S> {
    pub(super) fn new(record: &TokenRecord, identity: Arc<Identity>, state: S, now: Now) -> Self {
        let plain = matches!(&record.secrets[..], [only] if only.expires_at.is_none());
        let never = Timestamp::from_millis(i64::MAX);
        let secrets = || {
            let mut slots = record.secrets.iter().map(|slot| (slot.hash, slot.expires_at.unwrap_or(never)));
            Box::new(std::array::from_fn(|_| slots.next()))
        };
        Self {
            id: record.id,
            serial: record.serial,
            generation: record.generation,
            created_at: record.created_at,
            expires_at: record.expires_at.unwrap_or(never),
            identity,
            secrets: (!plain).then(secrets),
            fetched: AtomicU64::new(now.mono.max(1)),
            used: AtomicU32::new(second(now.mono)),
            status: record.status,
            dead: AtomicBool::new(false),
            refreshing: AtomicBool::new(false),
            state,
        }
    }

    /// Who it acts for.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Its limits.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// Whether it is no longer what the cache holds: a lease taken for it has to go back.
    pub fn has_left(&self) -> bool {
        self.dead.load(Ordering::Acquire)
    }

    /// When it was made.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Whether this secret's overlap after a rotation is over.
    pub(super) fn secret_expired(&self, hash: &SecretHash, now: Timestamp) -> bool {
        match &self.secrets {
            None => false,
            Some(secrets) => !secrets.iter().flatten().any(|(own, end)| own == hash && *end > now),
        }
    }

    pub(super) fn touch(&self, now: u64) {
        let now = second(now);
        // A store only when the second changes keeps the line clean between cores.
        if self.used.load(Ordering::Relaxed) != now {
            self.used.store(now, Ordering::Relaxed);
        }
    }
}

fn second(mono: u64) -> u32 {
    (mono / 1_000_000_000) as u32
}

/// Takes eight bytes of the digest as the hash.
#[derive(Default)]
pub(super) struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(word) = bytes.get(8..16).and_then(|word| word.try_into().ok()) {
            self.0 = u64::from_le_bytes(word);
        }
    }
}

type Map<S> = DashMap<SecretHash, Arc<CachedToken<S>>, BuildHasherDefault<DigestHasher>>;

/// The bounded map. Look-ups take one shard's read lock; everything else happens on fills.
#[derive(Debug)]
pub(super) struct TokenCache<S> {
    map: Map<S>,
    order: Mutex<Order<S>>,
    capacity: usize,
    /// Process clock until which the state of some evicted token may be lost.
    forgotten_until: AtomicU64,
}

#[derive(Debug)]
struct Order<S> {
    /// Keys in order of arrival, with the second at which each was queued.
    queue: VecDeque<(SecretHash, u32)>,
    /// Tokens that left with a bucket in use.
    left: HashMap<TokenId, Arc<CachedToken<S>>>,
    /// Second in which `left` was last swept of buckets that are full again.
    swept: u32,
}

/// Estimate of what an entry costs: allocation 160, map slot 82, queue 40.
const ENTRY_BYTES: u64 = 290;
/// Part of the memory budget the cache may use; the rest is for negative entries, queues and connections.
const BUDGET_SHARE: (u64, u64) = (3, 4);
/// Longest time that a bucket needs to fill which is still worth refusing a full start for, in nanoseconds.
const FORGET_SPAN: u64 = 3_600_000_000_000;
/// Shards of the map: a look-up locks one.
const SHARDS: usize = 1024;
/// Entries looked at to find one to evict.
const EVICT_TRIES: usize = 64;

impl<S: TokenState> TokenCache<S> {
    pub(super) fn new(config: &CacheConfig) -> Self {
        let by_budget = config.budget * BUDGET_SHARE.0 / BUDGET_SHARE.1 / ENTRY_BYTES;
        let capacity = config.entries.min(usize::try_from(by_budget).unwrap_or(usize::MAX)).max(1);
        Self {
            // Small at first: a few thousand tokens spread over a table for a million would miss the TLB at every look-up.
            // A shard that grows holds a core up for microseconds.
            map: Map::with_capacity_and_hasher_and_shard_amount(0, BuildHasherDefault::default(), SHARDS),
            order: Mutex::new(Order { queue: VecDeque::new(), left: HashMap::new(), swept: 0 }),
            capacity,
            forgotten_until: AtomicU64::new(0),
        }
    }

    pub(super) fn get(&self, hash: &SecretHash) -> Option<Arc<CachedToken<S>>> {
        self.map.get(hash).map(|token| Arc::clone(&token))
    }

    pub(super) fn len(&self) -> usize {
        self.order().queue.len()
    }

    fn order(&self) -> std::sync::MutexGuard<'_, Order<S>> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token under any of a record's secrets, or its remains if it was evicted lately.
    pub(super) fn known(&self, record: &TokenRecord) -> Option<Arc<CachedToken<S>>> {
        let live = record.secrets.iter().find_map(|slot| self.get(&slot.hash));
        // Taken out in any case: a token that left under one secret and lives on under the other is about to be succeeded,
        // and its dead state must not be found later.
        let left = self.order().left.remove(&record.id);
        live.or(left)
    }

    /// Whether an unknown token may be one whose state was lost.
    pub(super) fn forgotten(&self, now: u64) -> bool {
        self.forgotten_until.load(Ordering::Relaxed) > now
    }

    /// Puts a token under a secret's hash. Returns tokens that had to leave.
    pub(super) fn insert(&self, hash: SecretHash, token: &Arc<CachedToken<S>>, now: Now) -> Vec<Arc<CachedToken<S>>> {
        if self.map.insert(hash, Arc::clone(token)).is_some() {
            return Vec::new();
        }
        let mut order = self.order();
        order.queue.push_back((hash, second(now.mono)));
        let mut evicted = Vec::new();
        while order.queue.len() > self.capacity {
            match self.evict(&mut order, &hash, now) {
                Some(token) => evicted.push(token),
                None => break,
            }
        }
        evicted
    }

    /// Takes out the oldest entry that was not used since it was queued, or the last one looked at; never `newest`, whose
    /// request is still to be charged.
    fn evict(&self, order: &mut Order<S>, newest: &SecretHash, now: Now) -> Option<Arc<CachedToken<S>>> {
        for tries in 0..=2 * EVICT_TRIES {
            let (hash, queued) = order.queue.pop_front()?;
            let Some(token) = self.get(&hash) else { continue };
            let used = token.used.load(Ordering::Relaxed);
            if hash == *newest || (tries < EVICT_TRIES && used > queued) {
                order.queue.push_back((hash, used));
                continue;
            }
            self.map.remove(&hash);
            if !token.state.is_idle(now) {
                let room = (self.capacity / 8).max(16);
                if order.left.len() >= room && order.swept != second(now.mono) {
                    order.swept = second(now.mono);
                    order.left.retain(|_, token| !token.state.is_idle(now));
                }
                if order.left.len() < room {
                    order.left.insert(token.id, Arc::clone(&token));
                } else {
                    self.forgotten_until.store(now.mono.saturating_add(FORGET_SPAN), Ordering::Relaxed);
                }
            }
            return Some(token);
        }
        None
    }

    /// Takes a token out under this hash.
    pub(super) fn remove(&self, hash: &SecretHash) -> Option<Arc<CachedToken<S>>> {
        self.map.remove(hash).map(|(_, token)| token)
    }

    /// Every key, for emptying the cache.
    pub(super) fn keys(&self) -> Vec<SecretHash> {
        self.map.iter().map(|entry| *entry.key()).collect()
    }
}
