//! A store in memory for the tests of this crate's control plane: the ports' contracts, without durability.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::broadcast;

use super::{Policy, TokenService};
use crate::activity::{Event, EventId, EventLog, Frames};
use crate::clock::{Clock, Timestamp};
use crate::token::{
    Counts, HashKey, LastUse, Listing, Lookup, Owner, OwnerIds, OwnerKey, Page, PlanTable, SecretHash, SortBy,
    StoreError, StoreFuture, TokenId, TokenRecord, TokenRef, TokenStore, derived_account_uuid, parse_hex12,
};

/// Keeps records and events in maps.
pub(crate) struct Memory {
    records: Mutex<HashMap<TokenId, TokenRecord>>,
    buried: Mutex<Vec<SecretHash>>,
    /// Every owner that has ever had a token.
    owners: Mutex<Vec<Owner>>,
    serial: AtomicUsize,
    pub(crate) events: Mutex<Vec<Event>>,
    /// How many of the next updates find that somebody else was faster.
    pub(crate) conflicts: AtomicUsize,
    /// Numbers that belong to owners unknown to the tests.
    pub(crate) numbers: Mutex<Vec<u64>>,
    /// How many of the next creations find their id taken.
    pub(crate) taken: AtomicUsize,
    /// Whether such a foreign change also replaces the secrets, as another rotation does.
    pub(crate) rotate_in_conflict: std::sync::atomic::AtomicBool,
    changes: broadcast::Sender<crate::token::Change>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            records: Mutex::default(),
            buried: Mutex::default(),
            owners: Mutex::default(),
            serial: AtomicUsize::new(1),
            events: Mutex::default(),
            conflicts: AtomicUsize::new(0),
            numbers: Mutex::default(),
            taken: AtomicUsize::new(0),
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

/// A text that sorts as the listing does.
fn place(record: &TokenRecord, sort: SortBy) -> String {
    let owner = format!("{}\u{1}{}\u{1}", record.owner.account, record.owner.name);
    let date = (record.created_at.as_millis() ^ i64::MIN) as u64;
    let text = match sort {
        SortBy::Name => format!("{owner}{}\u{1}{}", record.name, record.id),
        SortBy::Created => format!("{owner}{date:016x}{}", record.id),
        SortBy::Newest => {
            let id = u128::from_be_bytes(*record.id.as_bytes());
            format!("{:016x}{:032x}", !date, !id)
        }
    };
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn ready<'a, T: Send + 'a>(value: Result<T, StoreError>) -> StoreFuture<'a, T> {
    Box::pin(async move { value })
}

impl Memory {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TokenId, TokenRecord>> {
        self.records.lock().expect("no panic under the lock")
    }

    fn make(&self, mut record: TokenRecord, check_number: bool) -> Result<TokenRecord, StoreError> {
        let mut records = self.lock();
        for slot in &record.secrets {
            if records.values().any(|other| other.secret(&slot.hash).is_some()) {
                return Err(StoreError::Exists);
            }
            if self.buried.lock().expect("no panic").contains(&slot.hash) {
                return Err(StoreError::Revoked);
            }
        }
        let taken = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        if taken || records.values().any(|other| other.id.short() == record.id.short()) {
            return Err(StoreError::IdTaken);
        }
        let number = OwnerIds::derived(&record.owner).number;
        let strange = self.numbers.lock().expect("no panic").contains(&number);
        let other = self.owned(|_, ids| ids.number == number).is_some_and(|other| other != record.owner);
        if check_number && (strange || other) {
            return Err(StoreError::owner_clash(&record.owner));
        }
        self.note(&record.owner);
        record.serial = self.serial.fetch_add(1, Ordering::Relaxed) as u64;
        records.insert(record.id, record.clone());
        Ok(record)
    }

    fn note(&self, owner: &Owner) {
        let mut owners = self.owners.lock().expect("no panic");
        if !owners.contains(owner) {
            owners.push(owner.clone());
        }
    }

    /// The first owner noted whose ids match.
    fn owned(&self, matches: impl Fn(&Owner, &OwnerIds) -> bool) -> Option<Owner> {
        let owners = self.owners.lock().expect("no panic");
        owners.iter().find(|owner| matches(owner, &OwnerIds::derived(owner))).cloned()
    }

    fn newest_use(&self, id: TokenId) -> Option<LastUse> {
        let events = self.events.lock().expect("no panic");
        let uses = events.iter().filter(|event| event.token == id && event.kind.is_use());
        uses.max_by_key(|event| event.at).map(|event| LastUse { at: event.at, address: event.address })
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
        self.note(&record.owner);
        *stored = record.clone();
        Ok(record)
    }
}

impl TokenStore for Memory {
    fn resolve(&self, hash: SecretHash, _: Arc<PlanTable>, _: Timestamp) -> StoreFuture<'_, Lookup> {
        let found = self.lock().values().find(|record| record.secret(&hash).is_some()).cloned();
        ready(Ok(match found {
            Some(record) => Lookup::Found(Box::new(crate::token::Resolved { record, lease: None, cells: None })),
            None => Lookup::Unknown,
        }))
    }

    fn find(&self, token: TokenRef) -> StoreFuture<'_, Option<TokenRecord>> {
        let matches = |record: &&TokenRecord| match token {
            TokenRef::Id(id) => record.id == id,
            TokenRef::Serial(serial) => record.serial == serial,
            TokenRef::Short(short) => record.id.short() == short,
            TokenRef::Public(public) => record.id.public() == public,
        };
        ready(Ok(self.lock().values().find(matches).cloned()))
    }

    fn find_by_hash(&self, hash: SecretHash) -> StoreFuture<'_, Option<TokenRecord>> {
        ready(Ok(self.lock().values().find(|record| record.secret(&hash).is_some()).cloned()))
    }

    fn create(&self, record: TokenRecord, check_number: bool) -> StoreFuture<'_, TokenRecord> {
        ready(self.make(record, check_number))
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
        if listing.sort == SortBy::Newest {
            records.retain(|record| listing.account.is_some() || record.owner.account == Owner::default().account);
        }
        let place = |record: &TokenRecord| place(record, listing.sort);
        records.sort_by_cached_key(place);
        records.retain(|record| listing.after.as_ref().is_none_or(|after| place(record) > *after));
        let more = records.len() > listing.limit;
        records.truncate(listing.limit);
        let next = records.last().filter(|_| more).map(place);
        ready(Ok(Page { records, next }))
    }

    fn count(&self, account: String) -> StoreFuture<'_, Counts> {
        let records = self.lock();
        let mut counts = Counts::default();
        for record in records.values().filter(|record| record.owner.account == account) {
            counts.all += 1;
            counts.privileged += u64::from(record.is_privileged());
        }
        ready(Ok(counts))
    }

    fn owner(&self, key: OwnerKey) -> StoreFuture<'_, Option<Owner>> {
        ready(Ok(self.owned(|_, ids| match key {
            OwnerKey::Uuid(uuid) => ids.uuid == uuid,
            OwnerKey::Number(number) => ids.number == number,
            OwnerKey::Hex(hex) => parse_hex12(&ids.hex) == Ok(hex),
        })))
    }

    fn account(&self, uuid: uuid::Uuid) -> StoreFuture<'_, Option<String>> {
        let owner = self.owned(|owner, _| derived_account_uuid(&owner.account) == uuid);
        ready(Ok(owner.map(|owner| owner.account)))
    }

    fn last_use(&self, id: TokenId) -> StoreFuture<'_, Option<LastUse>> {
        ready(Ok(self.newest_use(id)))
    }

    fn last_uses(&self, ids: Vec<TokenId>) -> StoreFuture<'_, Vec<Option<LastUse>>> {
        ready(Ok(ids.into_iter().map(|id| self.newest_use(id)).collect()))
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
        Box::pin(async move {
            // A store takes a while; who waits for it can be dropped meanwhile.
            tokio::task::yield_now().await;
            let events = Frames::new(&batch).map(|frame| Event::decode(frame).expect("own frame"));
            self.events.lock().expect("no panic").extend(events);
            Ok(())
        })
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
