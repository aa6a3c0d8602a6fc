//! A store in memory for the tests of this crate's control plane: the ports' contracts, without durability.
#![allow(clippy::expect_used)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::broadcast;

use super::{Policy, TokenService};
use crate::activity::{Event, EventId, EventLog, Frames};
use crate::clock::{Clock, Timestamp};
use crate::token::{
    HashKey, LastUse, Listing, Lookup, Page, PlanTable, SecretHash, StoreError, StoreFuture, TokenId, TokenRecord,
    TokenRef, TokenStore,
};

/// Keeps records and events in maps.
pub(crate) struct Memory {
    records: Mutex<HashMap<TokenId, TokenRecord>>,
    buried: Mutex<Vec<SecretHash>>,
    serial: AtomicUsize,
    pub(crate) events: Mutex<Vec<Event>>,
    /// How many of the next updates find that somebody else was faster.
    pub(crate) conflicts: AtomicUsize,
    /// Whether such a foreign change also replaces the secrets, as another rotation does.
    pub(crate) rotate_in_conflict: std::sync::atomic::AtomicBool,
    changes: broadcast::Sender<crate::token::Change>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            records: Mutex::default(),
            buried: Mutex::default(),
            serial: AtomicUsize::new(1),
            events: Mutex::default(),
            conflicts: AtomicUsize::new(0),
            rotate_in_conflict: Default::default(),
            changes: broadcast::channel(16).0,
        }
    }
}

/// A service over a store in memory, on a clock that starts at 2030-03-17.
pub(crate) fn service(policy: Policy) -> (TokenService, Arc<Memory>, crate::clock::ManualClock) {
    let memory = Arc::new(Memory::default());
    let (clock, hand) = Clock::manual(Timestamp::from_millis(1_900_000_000_000));
    let key = HashKey::new(&[7; 32]).expect("long enough");
    (TokenService::new(memory.clone(), memory.clone(), key, policy, clock), memory, hand)
}

fn ready<'a, T: Send + 'a>(value: Result<T, StoreError>) -> StoreFuture<'a, T> {
    Box::pin(async move { value })
}

impl Memory {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TokenId, TokenRecord>> {
        self.records.lock().expect("no panic under the lock")
    }

    fn make(&self, mut record: TokenRecord) -> Result<TokenRecord, StoreError> {
        let mut records = self.lock();
        for slot in &record.secrets {
            if records.values().any(|other| other.secret(&slot.hash).is_some()) {
                return Err(StoreError::Exists);
            }
            if self.buried.lock().expect("no panic").contains(&slot.hash) {
                return Err(StoreError::Revoked);
            }
        }
        record.serial = self.serial.fetch_add(1, Ordering::Relaxed) as u64;
        records.insert(record.id, record.clone());
        Ok(record)
    }

    fn replace(&self, mut record: TokenRecord) -> Result<TokenRecord, StoreError> {
        let mut records = self.lock();
        let stored = records.get_mut(&record.id).ok_or(StoreError::NotFound)?;
        if self.conflicts.load(Ordering::Relaxed) > 0 {
            self.conflicts.fetch_sub(1, Ordering::Relaxed);
            stored.generation += 1;
            if self.rotate_in_conflict.load(Ordering::Relaxed) {
                stored.secrets[0].created_at = stored.secrets[0].created_at.plus(std::time::Duration::from_secs(1));
            }
        }
        if stored.generation != record.generation {
            return Err(StoreError::Conflict);
        }
        record.generation += 1;
        *stored = record.clone();
        Ok(record)
    }
}

impl TokenStore for Memory {
    fn resolve(&self, hash: SecretHash, _: Arc<PlanTable>, _: Timestamp) -> StoreFuture<'_, Lookup> {
        let found = self.lock().values().find(|record| record.secret(&hash).is_some()).cloned();
        ready(Ok(match found {
            Some(record) => Lookup::Found(Box::new(crate::token::Resolved { record, lease: None })),
            None => Lookup::Unknown,
        }))
    }

    fn find(&self, token: TokenRef) -> StoreFuture<'_, Option<TokenRecord>> {
        let matches = |record: &&TokenRecord| match token {
            TokenRef::Id(id) => record.id == id,
            TokenRef::Serial(serial) => record.serial == serial,
            TokenRef::Short(short) => record.id.short() == short,
        };
        ready(Ok(self.lock().values().find(matches).cloned()))
    }

    fn find_by_hash(&self, hash: SecretHash) -> StoreFuture<'_, Option<TokenRecord>> {
        ready(Ok(self.lock().values().find(|record| record.secret(&hash).is_some()).cloned()))
    }

    fn create(&self, record: TokenRecord) -> StoreFuture<'_, TokenRecord> {
        ready(self.make(record))
    }

    fn update(&self, record: TokenRecord) -> StoreFuture<'_, TokenRecord> {
        ready(self.replace(record))
    }

    fn revoke(&self, id: TokenId, _: String, _: Timestamp) -> StoreFuture<'_, Option<TokenRecord>> {
        let gone = self.lock().remove(&id);
        if let Some(record) = &gone {
            self.buried.lock().expect("no panic").extend(record.secrets.iter().map(|slot| slot.hash));
        }
        ready(Ok(gone))
    }

    fn list(&self, listing: Listing) -> StoreFuture<'_, Page> {
        let mut records: Vec<TokenRecord> = self.lock().values().cloned().collect();
        records.retain(|record| {
            let account = listing.account.as_ref().is_none_or(|account| *account == record.owner.account);
            account && listing.single_owner().is_none_or(|owner| owner == record.owner)
        });
        records.sort_by_key(|record| record.serial);
        let after: u64 = listing.after.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
        records.retain(|record| record.serial > after);
        let more = records.len() > listing.limit;
        records.truncate(listing.limit);
        let next = records.last().filter(|_| more).map(|record| record.serial.to_string());
        ready(Ok(Page { records, next }))
    }

    fn last_use(&self, _: TokenId) -> StoreFuture<'_, Option<LastUse>> {
        ready(Ok(None))
    }

    fn changes(&self) -> broadcast::Receiver<crate::token::Change> {
        self.changes.subscribe()
    }

    fn ping(&self) -> StoreFuture<'_, ()> {
        ready(Ok(()))
    }
}

impl EventLog for Memory {
    fn append(&self, batch: Bytes) -> StoreFuture<'_, ()> {
        let events = Frames::new(&batch).map(|frame| Event::decode(frame).expect("own frame"));
        self.events.lock().expect("no panic").extend(events);
        ready(Ok(()))
    }

    fn page(&self, token: TokenId, skip: usize, take: usize) -> StoreFuture<'_, Vec<Event>> {
        let events = self.events.lock().expect("no panic");
        ready(Ok(events.iter().rev().filter(|e| e.token == token).skip(skip).take(take).cloned().collect()))
    }

    fn event(&self, token: TokenId, id: EventId) -> StoreFuture<'_, Option<Event>> {
        let events = self.events.lock().expect("no panic");
        ready(Ok(events.iter().find(|e| e.token == token && e.id == id).cloned()))
    }
}
