//! Counts the calls of a store and what became of them, whichever store it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::broadcast;

use super::{Stores, stores_of};
use crate::activity::{Event, EventId, EventLog};
use crate::clock::Timestamp;
use crate::limit::{CounterStore, QuotaUse};
use crate::token::{
    CellAsk, CellLease, Change, Counts, LastUse, Lease, Listing, Lookup, Member, Owner, OwnerKey, Page, PlanTable,
    Presence, QuotaWindow, SecretHash, StoreError, StoreFuture, TokenId, TokenRecord, TokenRef, TokenStore,
};

/// The operations that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Resolving a secret on the request path.
    Resolve,
    /// Leasing, returning and reading quota.
    Quota,
    /// Leasing and returning calls of shared buckets.
    Bucket,
    /// Appending activity batches.
    Append,
    /// Reading activity.
    Activity,
    /// Administration of tokens.
    Admin,
}

/// Calls that gave an answer, and calls that failed for the store's own reasons, by operation.
#[derive(Debug, Default)]
pub(crate) struct StoreMetrics {
    counts: [[AtomicU64; 2]; Operation::ALL.len()],
}

impl Operation {
    /// Every operation with its label.
    pub(crate) const ALL: [(Self, &'static str); 6] = [
        (Self::Resolve, "resolve"),
        (Self::Quota, "quota"),
        (Self::Bucket, "bucket"),
        (Self::Append, "append"),
        (Self::Activity, "activity"),
        (Self::Admin, "admin"),
    ];
}

impl StoreMetrics {
    /// Calls so far: answered, failed.
    pub(crate) fn get(&self, operation: Operation) -> [u64; 2] {
        let counts = &self.counts[operation as usize];
        [counts[0].load(Ordering::Relaxed), counts[1].load(Ordering::Relaxed)]
    }

    fn count<T>(&self, operation: Operation, result: &Result<T, StoreError>) {
        // A refusal, such as a conflict, is an answer.
        let failed = matches!(result, Err(StoreError::Unavailable(_) | StoreError::Corrupt(_) | StoreError::Full(_)));
        self.counts[operation as usize][usize::from(failed)].fetch_add(1, Ordering::Relaxed);
    }
}

/// A store whose calls are counted.
struct Metered {
    inner: Stores,
    metrics: Arc<StoreMetrics>,
}

/// Puts the counting in front of a store.
pub(super) fn metered(inner: Stores, metrics: &Arc<StoreMetrics>) -> Stores {
    stores_of(Arc::new(Metered { inner, metrics: Arc::clone(metrics) }))
}

impl Metered {
    fn watch<'a, T: Send + 'a>(&'a self, operation: Operation, call: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        Box::pin(async move {
            let result = call.await;
            self.metrics.count(operation, &result);
            result
        })
    }
}

impl TokenStore for Metered {
    fn resolve(&self, hash: SecretHash, plans: Arc<PlanTable>, now: Timestamp) -> StoreFuture<'_, Lookup> {
        self.watch(Operation::Resolve, self.inner.tokens.resolve(hash, plans, now))
    }

    fn find(&self, token: TokenRef) -> StoreFuture<'_, Option<TokenRecord>> {
        self.watch(Operation::Admin, self.inner.tokens.find(token))
    }

    fn find_by_hash(&self, hash: SecretHash) -> StoreFuture<'_, Option<TokenRecord>> {
        self.watch(Operation::Admin, self.inner.tokens.find_by_hash(hash))
    }

    fn create(&self, record: TokenRecord, check_number: bool) -> StoreFuture<'_, TokenRecord> {
        self.watch(Operation::Admin, self.inner.tokens.create(record, check_number))
    }

    fn update(&self, record: TokenRecord) -> StoreFuture<'_, TokenRecord> {
        self.watch(Operation::Admin, self.inner.tokens.update(record))
    }

    fn revoke(&self, id: TokenId, reason: String, now: Timestamp) -> StoreFuture<'_, Option<TokenRecord>> {
        self.watch(Operation::Admin, self.inner.tokens.revoke(id, reason, now))
    }

    fn list(&self, listing: Listing) -> StoreFuture<'_, Page> {
        self.watch(Operation::Admin, self.inner.tokens.list(listing))
    }

    fn count(&self, account: String) -> StoreFuture<'_, Counts> {
        self.watch(Operation::Admin, self.inner.tokens.count(account))
    }

    fn owner(&self, key: OwnerKey) -> StoreFuture<'_, Option<Owner>> {
        self.watch(Operation::Admin, self.inner.tokens.owner(key))
    }

    fn account(&self, uuid: uuid::Uuid) -> StoreFuture<'_, Option<String>> {
        self.watch(Operation::Admin, self.inner.tokens.account(uuid))
    }

    fn last_uses(&self, ids: Vec<TokenId>) -> StoreFuture<'_, Vec<Option<LastUse>>> {
        self.watch(Operation::Activity, self.inner.tokens.last_uses(ids))
    }

    fn last_use(&self, id: TokenId) -> StoreFuture<'_, Option<LastUse>> {
        self.watch(Operation::Activity, self.inner.tokens.last_use(id))
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.inner.tokens.changes()
    }

    fn ping(&self) -> StoreFuture<'_, ()> {
        self.watch(Operation::Admin, self.inner.tokens.ping())
    }
}

impl Presence for Metered {
    fn announce(&self, member: Member) -> StoreFuture<'_, ()> {
        self.watch(Operation::Admin, self.inner.presence.announce(member))
    }

    fn members(&self) -> StoreFuture<'_, Vec<Member>> {
        self.watch(Operation::Admin, self.inner.presence.members())
    }
}

impl CounterStore for Metered {
    fn reserve(&self, id: TokenId, size: u64, window: QuotaWindow) -> StoreFuture<'_, Lease> {
        self.watch(Operation::Quota, self.inner.counters.reserve(id, size, window))
    }

    fn give_back(&self, id: TokenId, window: QuotaWindow, calls: u64) -> StoreFuture<'_, ()> {
        self.watch(Operation::Quota, self.inner.counters.give_back(id, window, calls))
    }

    fn used(&self, id: TokenId, window: QuotaWindow) -> StoreFuture<'_, QuotaUse> {
        self.watch(Operation::Quota, self.inner.counters.used(id, window))
    }

    fn cells(&self, id: TokenId, ask: CellAsk) -> StoreFuture<'_, CellLease> {
        self.watch(Operation::Bucket, self.inner.counters.cells(id, ask))
    }

    fn is_reachable(&self) -> bool {
        self.inner.counters.is_reachable()
    }
}

impl EventLog for Metered {
    fn append(&self, batch: Bytes) -> StoreFuture<'_, ()> {
        self.watch(Operation::Append, self.inner.activity.append(batch))
    }

    fn page(&self, token: TokenId, skip: usize, take: usize) -> StoreFuture<'_, Vec<Event>> {
        self.watch(Operation::Activity, self.inner.activity.page(token, skip, take))
    }

    fn event(&self, token: TokenId, id: EventId) -> StoreFuture<'_, Option<Event>> {
        self.watch(Operation::Activity, self.inner.activity.event(token, id))
    }
}
