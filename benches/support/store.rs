//! A token store that makes its records up when they are asked for, and a log that keeps nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::broadcast;
use tollgate::activity::{Event, EventId, EventLog};
use tollgate::clock::Timestamp;
use tollgate::token::{
    Change, Counts, Form, LastUse, Lease, Listing, Lookup, Owner, OwnerKey, Page, PlanTable, Resolved, SecretHash,
    SecretSlot, Status, StoreError, StoreFuture, TokenId, TokenRecord, TokenRef, TokenStore,
};

/// Size of the month quota.
pub(crate) const MONTH: u64 = 1 << 50;
/// Calls of one lease: more than a bench makes with one token.
const LEASE: u64 = 1 << 30;

/// Knows the numbers of hashes, and makes the record of a number.
pub(crate) struct Memory {
    numbers: HashMap<SecretHash, u32>,
    changes: broadcast::Sender<Change>,
    calls: AtomicU64,
}

impl Memory {
    /// A token per hash.
    pub(crate) fn new(hashes: &[SecretHash]) -> Self {
        let numbers = hashes.iter().zip(0..).map(|(hash, number)| (*hash, number)).collect();
        Self { numbers, changes: broadcast::channel(16).0, calls: AtomicU64::new(0) }
    }

    /// Look-ups so far.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

fn record(hash: SecretHash, number: u32, plan: &str, now: Timestamp) -> TokenRecord {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&hash.as_bytes()[..8]);
    id[8..12].copy_from_slice(&number.to_be_bytes());
    let owner = number as usize % super::OWNERS;
    TokenRecord {
        id: TokenId::from_bytes(id),
        serial: u64::from(number) + 1,
        generation: 1,
        name: format!("token {number}"),
        description: String::new(),
        owner: Owner::new(format!("account-{}", owner / 10), format!("owner-{owner}")),
        scopes: super::scopes(&["orders.read", "items.*", "reports.read"]),
        status: Status::Enabled,
        created_at: now,
        updated_at: now,
        expires_at: Some(Timestamp::from_millis(now.as_millis() + 365 * 86_400_000)),
        created_by: "bench".to_owned(),
        made_with: None,
        modified_by: "bench".to_owned(),
        labels: BTreeMap::new(),
        metadata: serde_json::Map::new(),
        personal: false,
        plan: plan.to_owned(),
        region: String::new(),
        networks: Vec::new(),
        form: Form::Tg,
        secrets: vec![SecretSlot { hash, created_at: now, expires_at: None }],
    }
}

impl TokenStore for Memory {
    fn resolve(&self, hash: SecretHash, plans: Arc<PlanTable>, now: Timestamp) -> StoreFuture<'_, Lookup> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let Some(number) = self.numbers.get(&hash) else { return Box::pin(async { Ok(Lookup::Unknown) }) };
        let record = record(hash, *number, "bench", now);
        let limit = plans.get("bench").and_then(|plan| plan.month.clone());
        let lease = limit.map(|limit| {
            let window = limit.window(record.created_at, now);
            // The window is moved to the end of time: no bench asks for a second lease at midnight.
            let ends_at = Timestamp::from_millis(i64::from(u32::MAX) * 1000);
            let window = tollgate::token::QuotaWindow { ends_at, ..window };
            Lease { granted: LEASE, remaining: MONTH - LEASE, window, refresh_at: ends_at }
        });
        Box::pin(async move { Ok(Lookup::Found(Box::new(Resolved { record, lease, cells: None }))) })
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

/// Takes every batch and forgets it: what is measured is the way there.
pub(crate) struct Nowhere;

impl EventLog for Nowhere {
    fn append(&self, _: Bytes) -> StoreFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn page(&self, _: TokenId, _: usize, _: usize) -> StoreFuture<'_, Vec<Event>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn event(&self, _: TokenId, _: EventId) -> StoreFuture<'_, Option<Event>> {
        Box::pin(async { Ok(None) })
    }
}
