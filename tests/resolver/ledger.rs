//! A store whose answers a test can hold back, and which keeps the books of its month quotas.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Semaphore, broadcast, watch};
use tollgate::clock::Timestamp;
use tollgate::token::{
    Change, Counts, Form, LastUse, Lease, Listing, Lookup, Owner, OwnerKey, Page, PlanTable, Resolved, SecretHash,
    SecretSlot, Status, StoreError, StoreFuture, TokenId, TokenRecord, TokenRef, TokenStore, Tombstone, Unused,
};

/// Calls per lease.
const CHUNK: u64 = 3;

pub(crate) struct Ledger {
    books: Mutex<Books>,
    /// Answers that may go out. Closed = all of them.
    pub(crate) gate: Semaphore,
    /// Look-ups begun.
    calls: watch::Sender<u64>,
    /// Every call fails.
    pub(crate) down: AtomicBool,
    changes: broadcast::Sender<Change>,
}

#[derive(Default)]
struct Books {
    records: HashMap<SecretHash, TokenRecord>,
    revoked: HashMap<SecretHash, Tombstone>,
    /// Calls of the quota that are out: leased and not returned.
    used: HashMap<TokenId, u64>,
}

/// The hash of a token's first or second secret.
pub(crate) fn hash(token: u8, second: bool) -> SecretHash {
    let mut bytes = [token; 32];
    bytes[31] = u8::from(second);
    SecretHash::from_bytes(bytes)
}

/// A token with two live secrets; its owner's name tells its generation.
pub(crate) fn record(token: u8, generation: u64) -> TokenRecord {
    let start = Timestamp::from_millis(super::START);
    let slot = |second| SecretSlot { hash: hash(token, second), created_at: start, expires_at: None };
    TokenRecord {
        id: TokenId::from_bytes([token; 16]),
        serial: u64::from(token),
        generation,
        name: "t".to_owned(),
        description: String::new(),
        owner: Owner::new("a", format!("{generation}")),
        scopes: Vec::new(),
        status: Status::Enabled,
        created_at: start,
        updated_at: start,
        expires_at: None,
        created_by: String::new(),
        made_with: None,
        modified_by: String::new(),
        labels: BTreeMap::new(),
        metadata: serde_json::Map::new(),
        personal: false,
        plan: "p".to_owned(),
        region: String::new(),
        networks: Vec::new(),
        form: Form::Tg,
        secrets: vec![slot(false), slot(true)],
    }
}

impl Ledger {
    /// With tokens 1 to `tokens`, answering at once.
    pub(crate) fn new(tokens: u8) -> Arc<Self> {
        let ledger = Self {
            books: Mutex::default(),
            gate: Semaphore::new(0),
            calls: watch::channel(0).0,
            down: AtomicBool::new(false),
            changes: broadcast::channel(16).0,
        };
        ledger.gate.close();
        (1..=tokens).for_each(|token| ledger.put(record(token, 1)));
        Arc::new(ledger)
    }

    /// The same with every answer held back until a permit is added to the gate.
    pub(crate) fn gated(tokens: u8) -> Arc<Self> {
        let mut ledger = Self::new(tokens);
        if let Some(ledger) = Arc::get_mut(&mut ledger) {
            ledger.gate = Semaphore::new(0);
        }
        ledger
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("not poisoned")
    }

    pub(crate) fn put(&self, record: TokenRecord) {
        let mut books = self.books();
        for slot in record.secrets.clone() {
            books.records.insert(slot.hash, record.clone());
        }
    }

    /// Raises a token's generation; returns what the store would tell of it.
    pub(crate) fn edit(&self, token: u8) -> Option<Change> {
        let generation = self.generation(token)? + 1;
        self.put(record(token, generation));
        Some(change(token, generation))
    }

    pub(crate) fn revoke(&self, token: u8) -> Change {
        let mut books = self.books();
        for hash in [hash(token, false), hash(token, true)] {
            books.records.remove(&hash);
            let (id, revoked_at) = (TokenId::from_bytes([token; 16]), Timestamp::from_millis(super::START));
            books.revoked.insert(hash, Tombstone { id, revoked_at, reason: String::new() });
        }
        change(token, u64::MAX)
    }

    /// `None` once it is revoked.
    pub(crate) fn generation(&self, token: u8) -> Option<u64> {
        self.books().records.get(&hash(token, false)).map(|record| record.generation)
    }

    pub(crate) fn calls(&self) -> u64 {
        *self.calls.borrow()
    }

    /// Waits until this many look-ups have begun.
    pub(crate) async fn begun(&self, calls: u64) {
        self.calls.subscribe().wait_for(|begun| *begun >= calls).await.expect("the ledger lives");
    }

    /// Leases up to three calls.
    pub(crate) fn lease(&self, record: &TokenRecord, plans: &PlanTable, now: Timestamp) -> Option<Lease> {
        let limit = plans.get(&record.plan)?.month.as_ref()?;
        let mut books = self.books();
        let used = books.used.entry(record.id).or_default();
        let granted = CHUNK.min(limit.size - *used);
        *used += granted;
        let window = limit.window(record.created_at, now);
        Some(Lease { granted, remaining: limit.size - *used, window, refresh_at: window.ends_at })
    }

    pub(crate) fn give_back(&self, id: TokenId, unused: Unused) {
        let mut books = self.books();
        let used = books.used.entry(id).or_default();
        let Unused::Month { calls, .. } = unused else { panic!("no bucket here is shared") };
        assert!(*used >= calls, "more came back than was leased");
        *used -= calls;
    }

    /// Calls of the quota that are out.
    pub(crate) fn used(&self, token: u8) -> u64 {
        self.books().used.get(&TokenId::from_bytes([token; 16])).copied().unwrap_or(0)
    }
}

pub(crate) fn change(token: u8, generation: u64) -> Change {
    let hashes = vec![hash(token, false), hash(token, true)];
    Change::Token { id: TokenId::from_bytes([token; 16]), generation, hashes }
}

impl TokenStore for Ledger {
    fn resolve(&self, hash: SecretHash, plans: Arc<PlanTable>, now: Timestamp) -> StoreFuture<'_, Lookup> {
        // What is true when the call begins is what it answers, however long the answer takes.
        let (known, tombstone) = {
            let books = self.books();
            (books.records.get(&hash).cloned(), books.revoked.get(&hash).cloned())
        };
        let answer = if self.down.load(Ordering::SeqCst) {
            Err(StoreError::Unavailable("told to".to_owned()))
        } else if let Some(record) = known {
            let lease = self.lease(&record, &plans, now);
            Ok(Lookup::Found(Box::new(Resolved { record, lease, cells: None })))
        } else {
            Ok(tombstone.map_or(Lookup::Unknown, Lookup::Revoked))
        };
        self.calls.send_modify(|calls| *calls += 1);
        Box::pin(async move {
            if let Ok(permit) = self.gate.acquire().await {
                permit.forget();
            }
            answer
        })
    }

    fn find(&self, _: TokenRef) -> StoreFuture<'_, Option<TokenRecord>> {
        Box::pin(async { Ok(None) })
    }

    fn find_by_hash(&self, _: SecretHash) -> StoreFuture<'_, Option<TokenRecord>> {
        Box::pin(async { Ok(None) })
    }

    fn create(&self, _: TokenRecord, _: bool) -> StoreFuture<'_, TokenRecord> {
        Box::pin(async { Err(StoreError::Exists) })
    }

    fn update(&self, _: TokenRecord) -> StoreFuture<'_, TokenRecord> {
        Box::pin(async { Err(StoreError::NotFound) })
    }

    fn revoke(&self, _: TokenId, _: String, _: Timestamp) -> StoreFuture<'_, Option<TokenRecord>> {
        Box::pin(async { Ok(None) })
    }

    fn list(&self, _: Listing) -> StoreFuture<'_, Page> {
        Box::pin(async { Ok(Page { records: Vec::new(), next: None }) })
    }

    fn count(&self, _: String) -> StoreFuture<'_, Counts> {
        Box::pin(async { Ok(Counts::default()) })
    }

    fn owner(&self, _: OwnerKey) -> StoreFuture<'_, Option<Owner>> {
        Box::pin(async { Ok(None) })
    }

    fn account(&self, _: uuid::Uuid) -> StoreFuture<'_, Option<String>> {
        Box::pin(async { Ok(None) })
    }

    fn last_uses(&self, ids: Vec<TokenId>) -> StoreFuture<'_, Vec<Option<LastUse>>> {
        Box::pin(async move { Ok(vec![None; ids.len()]) })
    }

    fn last_use(&self, _: TokenId) -> StoreFuture<'_, Option<LastUse>> {
        Box::pin(async { Ok(None) })
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    fn ping(&self) -> StoreFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}
