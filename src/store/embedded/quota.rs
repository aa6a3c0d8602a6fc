//! Month quotas: counters live in memory once touched and reach the file with the next group commit, at most
//! [`FLUSH_EVERY`](super::writer::FLUSH_EVERY) later. A killed process therefore forgets at most the chunks that were
//! reserved in the last 100 ms; forgotten chunks can be spent twice, never lost.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::ReadableTable;

use super::db::{Db, Fault, QUOTAS, Tables};
use crate::limit::QuotaUse;
use crate::token::{Lease, MonthLimit, QuotaWindow, StoreError, TokenId};

/// The kinds of counters: calendar, token start, rolling.
pub(super) const KINDS: [u8; 3] = *b"ctr";

const SHARDS: usize = 64;
/// Quotas kept in memory per shard: 262,144 in all, about 130 bytes each.
const PER_SHARD: usize = 4_096;
/// Counters older than the window that are kept nevertheless: a caller whose clock read earlier may still ask for them.
const SLACK: i64 = 2;

type Key = [u8; 17];

/// The key of a quota: id and kind.
pub(super) fn key(id: TokenId, kind: u8) -> Key {
    let mut key = [kind; 17];
    key[..16].copy_from_slice(id.as_bytes());
    key
}

/// The quotas of one store.
pub(super) struct Quotas {
    shards: Vec<Mutex<Shard>>,
    /// Whether a commit is on its way for what changed.
    announced: AtomicBool,
}

#[derive(Default)]
struct Shard {
    entries: HashMap<Key, Entry>,
    /// Keys of the entries marked dirty, each once.
    dirty: Vec<Key>,
}

#[derive(Default)]
struct Entry {
    /// Bucket and calls used in it, ascending.
    buckets: Vec<(i64, u64)>,
    /// Grows with every change.
    version: u32,
    /// Listed in [`Shard::dirty`] or in a commit that is under way.
    dirty: bool,
}

/// A changed quota on its way into the file.
pub(super) struct Row {
    key: Key,
    packed: Vec<u8>,
    version: u32,
}

impl Quotas {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, announced: AtomicBool::new(false) }
    }

    /// Takes a lease. The second value tells that the writer has to be woken.
    pub(super) fn reserve(
        &self,
        db: &Db,
        id: TokenId,
        size: u64,
        window: QuotaWindow,
    ) -> Result<(Lease, bool), StoreError> {
        let key = key(id, window.kind);
        let mut shard = self.shard(&key);
        let entry = shard.entry(db, key)?;
        let used = entry.used(&window);
        let left = size.saturating_sub(used);
        let granted = MonthLimit::chunk(left).min(left);
        let mut wake = false;
        if granted > 0 {
            entry.buckets.retain(|(bucket, _)| *bucket >= window.first_bucket() - SLACK);
            match entry.buckets.binary_search_by_key(&window.bucket, |(bucket, _)| *bucket) {
                Ok(at) => entry.buckets[at].1 += granted,
                Err(at) => entry.buckets.insert(at, (window.bucket, granted)),
            }
            shard.touch(key);
            wake = self.announce();
        }
        let refresh_at = shard.entry(db, key)?.refresh_at(&window);
        Ok((Lease { granted, remaining: left - granted, window, refresh_at }, wake))
    }

    /// Returns unused calls to their bucket. The value tells that the writer has to be woken.
    pub(super) fn give_back(&self, db: &Db, id: TokenId, window: QuotaWindow, calls: u64) -> Result<bool, StoreError> {
        let key = key(id, window.kind);
        let mut shard = self.shard(&key);
        let entry = shard.entry(db, key)?;
        let Ok(at) = entry.buckets.binary_search_by_key(&window.bucket, |(bucket, _)| *bucket) else {
            return Ok(false);
        };
        let used = &mut entry.buckets[at].1;
        *used = used.saturating_sub(calls);
        shard.touch(key);
        Ok(self.announce())
    }

    /// What is used up in a window.
    pub(super) fn used(&self, db: &Db, id: TokenId, window: QuotaWindow) -> Result<QuotaUse, StoreError> {
        let key = key(id, window.kind);
        let mut shard = self.shard(&key);
        let entry = shard.entry(db, key)?;
        Ok(QuotaUse { used: entry.used(&window), refresh_at: entry.refresh_at(&window) })
    }

    /// What has changed since it was last kept.
    pub(super) fn collect(&self) -> Vec<Row> {
        self.announced.store(false, Ordering::SeqCst);
        let mut rows = Vec::new();
        for shard in &self.shards {
            let mut shard = lock(shard);
            for key in std::mem::take(&mut shard.dirty) {
                if let Some(entry) = shard.entries.get(&key) {
                    rows.push(Row { key, packed: entry.pack(), version: entry.version });
                }
            }
        }
        rows
    }

    /// The rows are in the file, or (`kept == false`) are not and must come with the next commit. Tells whether there
    /// must be one.
    pub(super) fn settle(&self, rows: &[Row], kept: bool) -> bool {
        let mut again = false;
        for row in rows {
            let mut shard = self.shard(&row.key);
            let Some(entry) = shard.entries.get_mut(&row.key) else { continue };
            entry.dirty = !kept || entry.version != row.version;
            if entry.dirty {
                shard.dirty.push(row.key);
                again = true;
            }
        }
        again
    }

    /// Drops the counters of a token that was revoked.
    pub(super) fn forget(&self, id: TokenId) {
        for kind in KINDS {
            let key = key(id, kind);
            let mut shard = self.shard(&key);
            shard.entries.remove(&key);
            shard.dirty.retain(|dirty| *dirty != key);
        }
    }

    fn announce(&self) -> bool {
        !self.announced.swap(true, Ordering::SeqCst)
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        lock(&self.shards[usize::from(key[1]) % SHARDS])
    }
}

/// Writes rows, except those of tokens that have no record: they were revoked meanwhile.
pub(super) fn write(tables: &mut Tables<'_>, rows: &[Row]) -> Result<(), Fault> {
    for row in rows {
        let mut short = [0; 12];
        short.copy_from_slice(&row.key[..12]);
        if tables.records.get(&short)?.is_some() {
            tables.quotas.insert(&row.key, row.packed.as_slice())?;
        }
    }
    Ok(())
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    /// The entry, read from the file at first touch. Reading under the lock keeps a second reader from using what the
    /// file held before an entry was changed, kept and evicted.
    fn entry(&mut self, db: &Db, key: Key) -> Result<&mut Entry, StoreError> {
        if !self.entries.contains_key(&key) {
            if self.entries.len() >= PER_SHARD {
                self.evict()?;
            }
            let packed = db.read(|transaction| {
                Ok(transaction.open_table(QUOTAS)?.get(&key)?.map(|value| value.value().to_vec()))
            })?;
            let entry = packed.map_or_else(|| Ok(Entry::default()), |packed| Entry::unpack(&packed))?;
            self.entries.insert(key, entry);
        }
        Ok(self.entries.entry(key).or_default())
    }

    /// Makes room by dropping an eighth of the entries, none that the file does not hold.
    fn evict(&mut self) -> Result<(), StoreError> {
        let clean = self.entries.iter().filter(|(_, entry)| !entry.dirty).map(|(key, _)| *key);
        let clean: Vec<Key> = clean.take(PER_SHARD / 8).collect();
        if clean.is_empty() {
            return Err(StoreError::Unavailable("month quotas change faster than they can be written".to_owned()));
        }
        for key in clean {
            self.entries.remove(&key);
        }
        Ok(())
    }

    fn touch(&mut self, key: Key) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.version = entry.version.wrapping_add(1);
            if !std::mem::replace(&mut entry.dirty, true) {
                self.dirty.push(key);
            }
        }
    }
}

impl Entry {
    fn within(&self, window: &QuotaWindow) -> impl Iterator<Item = &(i64, u64)> {
        let period = window.first_bucket()..=window.bucket;
        self.buckets.iter().filter(move |(bucket, used)| *used > 0 && period.contains(bucket))
    }

    fn used(&self, window: &QuotaWindow) -> u64 {
        self.within(window).map(|(_, used)| used).sum()
    }

    fn refresh_at(&self, window: &QuotaWindow) -> crate::clock::Timestamp {
        self.within(window).next().map_or(window.ends_at, |(oldest, _)| window.leaves_at(*oldest))
    }

    fn pack(&self) -> Vec<u8> {
        let mut packed = Vec::with_capacity(self.buckets.len() * 16);
        for (bucket, used) in &self.buckets {
            packed.extend_from_slice(&bucket.to_le_bytes());
            packed.extend_from_slice(&used.to_le_bytes());
        }
        packed
    }

    fn unpack(packed: &[u8]) -> Result<Self, StoreError> {
        let (words, rest) = packed.as_chunks::<8>();
        let (pairs, odd) = words.as_chunks::<2>();
        if !(rest.is_empty() && odd.is_empty()) {
            return Err(StoreError::Corrupt("a month quota is cut".to_owned()));
        }
        let read = |[bucket, used]: &[[u8; 8]; 2]| (i64::from_le_bytes(*bucket), u64::from_le_bytes(*used));
        Ok(Self { buckets: pairs.iter().map(read).collect(), ..Self::default() })
    }
}
