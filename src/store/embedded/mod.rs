//! The embedded store: tokens and quotas in one redb file, activity in segment files beside it.
//!
//! Folder: `tollgate.lock` (who holds it), `tollgate.redb`, `activity/*.seg`, `activity/heads`. One thread writes to the
//! redb file, one appends activity, four read; callers never block. After a kill every acknowledged token change and
//! every acknowledged activity batch is there; of the month quotas the chunks reserved in the last 100 ms are forgotten.
//! After a loss of power activity of the last second may be gone too.

mod appender;
mod db;
mod folder;
mod heads;
mod index;
mod log;
mod owners;
mod quota;
mod readers;
pub(super) mod segments;
mod tokens;
mod writer;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod log_tests;
#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::broadcast;

use self::appender::AppenderHandle;
use self::db::{Db, io_error};
use self::folder::Folder;
pub(super) use self::folder::{make as make_folder, refused as folder_refused};
use self::log::Log;
use self::quota::Quotas;
use self::readers::Readers;
use self::tokens::{TOMBSTONE_LIFE, Write};
use self::writer::WriterHandle;
use super::OpenError;
use crate::activity::{Durability, Event, EventId, EventLog, FrameHead, Retention};
use crate::clock::Timestamp;
use crate::limit::{CounterStore, QuotaUse};
use crate::token::{
    Change, Counts, LastUse, Lease, Listing, Lookup, Member, Owner, OwnerKey, Page, PlanTable, Presence, QuotaWindow,
    Resolved, SecretHash, Status, StoreError, StoreFuture, TokenId, TokenRecord, TokenRef, TokenStore,
};

/// A store in files of its own. Dropping it blocks until all is written, [`close`](Self::close) waits for the same.
pub(super) struct Embedded {
    core: Arc<Core>,
    readers: Readers,
    writer: WriterHandle,
    appender: AppenderHandle,
    /// This process, once it has announced itself.
    member: Mutex<Option<Member>>,
    /// The threads that write, the appender's first; taken by whoever closes.
    threads: Mutex<Option<[JoinHandle<()>; 2]>>,
}

/// What reading needs.
struct Core {
    db: Arc<Db>,
    quotas: Arc<Quotas>,
    log: Arc<Log>,
    writer: WriterHandle,
}

/// The file of tokens and quotas.
const DATABASE: &str = "tollgate.redb";

/// Whether a store has been made in this folder.
pub(super) fn exists(folder: &Path) -> bool {
    folder.join(DATABASE).exists()
}

impl Embedded {
    /// Opens or makes the store in a folder; `None` for a temporary one. Blocks.
    /// `key` names where the key of that fingerprint came from.
    pub(super) fn open(
        folder: Option<&Path>,
        fingerprint: [u8; 16],
        retention: Retention,
        durability: Durability,
        key: &str,
    ) -> Result<Self, OpenError> {
        let folder = match folder {
            Some(path) => Folder::open(path)?,
            None => Folder::temporary()?,
        };
        let path = folder.path().to_owned();
        let (db, kept) = Db::open(path.join(DATABASE), fingerprint)?;
        let db = Arc::new(db);
        if kept != fingerprint {
            return Err(OpenError::Refused(format!(
                "the embedded store at {} was made with another key than {key}: with this one no secret in it would be \
                 known; give it its own key again, or name a new folder in store.url",
                path.display()
            )));
        }
        let (log, tail) = Log::open(path.join("activity"), retention)?;
        let quotas = Arc::new(Quotas::new());
        let no_thread = |error: io::Error| OpenError::Refused(format!("no thread can be started: {error}"));
        let keep = Arc::new(folder);
        let (writer, written) =
            WriterHandle::start(Arc::clone(&db), Arc::clone(&quotas), Arc::clone(&keep)).map_err(no_thread)?;
        let (appender, appended) = AppenderHandle::start(tail, writer.clone(), durability, keep).map_err(no_thread)?;
        let readers = Readers::start().map_err(no_thread)?;
        let core = Arc::new(Core { db, quotas, log, writer: writer.clone() });
        Ok(Self {
            core,
            readers,
            writer,
            appender,
            member: Mutex::default(),
            threads: Mutex::new(Some([appended, written])),
        })
    }

    /// Writes everything down and ends the threads; whoever calls afterwards hears that the store is closed.
    pub(super) async fn close(&self) {
        if let Some(ending) = self.ending() {
            // Nothing is left to tell if the runtime is shut down meanwhile.
            let _ = tokio::task::spawn_blocking(ending).await;
        }
    }

    /// What ends the threads, once. The appender may still hand last uses to the writer, so it goes first.
    fn ending(&self) -> Option<impl FnOnce() + Send + 'static> {
        let [appending, writing] = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let (appender, writer) = (self.appender.clone(), self.writer.clone());
        Some(move || {
            // A thread that panicked has told so in the log.
            appender.stop();
            let _ = appending.join();
            writer.stop();
            let _ = writing.join();
        })
    }

    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Core) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let core = Arc::clone(&self.core);
        // A quota in memory could still be taken from, but nobody would write it down any more.
        let open = self.threads.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let read = move || if open { read(&core) } else { Err(writer::closed()) };
        Box::pin(self.readers.run(read))
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Some(ending) = self.ending() {
            ending();
        }
    }
}

impl Core {
    fn resolve(&self, hash: SecretHash, plans: &PlanTable, now: Timestamp) -> Result<Lookup, StoreError> {
        let record = match self.db.read(|transaction| tokens::by_hash(transaction, &hash))? {
            Some(Ok(record)) => record,
            Some(Err(stone)) if now.since(stone.revoked_at) < TOMBSTONE_LIFE => return Ok(Lookup::Revoked(stone)),
            Some(Err(_)) | None => return Ok(Lookup::Unknown),
        };
        let usable = record.status == Status::Enabled && !record.is_expired(now);
        let month = plans.resolve(&record.plan).month.as_ref().filter(|_| usable);
        let lease = match month {
            Some(month) => Some(self.reserve(record.id, month.size, month.window(record.created_at, now))?),
            None => None,
        };
        Ok(Lookup::Found(Box::new(Resolved { record, lease, cells: None })))
    }

    fn reserve(&self, id: TokenId, size: u64, window: QuotaWindow) -> Result<Lease, StoreError> {
        let (lease, wake) = self.quotas.reserve(&self.db, id, size, window)?;
        if wake {
            self.writer.wake();
        }
        Ok(lease)
    }

    fn last_uses(&self, ids: &[TokenId]) -> Result<Vec<Option<LastUse>>, StoreError> {
        let newest = ids.iter().map(|id| self.log.last_use(*id)).collect::<io::Result<Vec<_>>>();
        let mut uses = newest.map_err(|error| io_error("reading activity", &error))?;
        if uses.iter().any(Option::is_none) {
            let kept = self.db.read(|transaction| tokens::kept_last_uses(transaction, ids))?;
            for (last, kept) in uses.iter_mut().zip(kept) {
                *last = last.or_else(|| kept.and_then(|bytes| FrameHead::parse_last_use(&bytes)));
            }
        }
        Ok(uses)
    }
}

impl TokenStore for Embedded {
    fn resolve(&self, hash: SecretHash, plans: Arc<PlanTable>, now: Timestamp) -> StoreFuture<'_, Lookup> {
        self.read(move |core| core.resolve(hash, &plans, now))
    }

    fn find(&self, token: TokenRef) -> StoreFuture<'_, Option<TokenRecord>> {
        self.read(move |core| core.db.read(|transaction| tokens::by_ref(transaction, token)))
    }

    fn find_by_hash(&self, hash: SecretHash) -> StoreFuture<'_, Option<TokenRecord>> {
        self.read(move |core| {
            let found = core.db.read(|transaction| tokens::by_hash(transaction, &hash))?;
            Ok(found.and_then(Result::ok))
        })
    }

    fn create(&self, record: TokenRecord, check_number: bool) -> StoreFuture<'_, TokenRecord> {
        Box::pin(async move { must(self.writer.write(Write::Create(Box::new(record), check_number)).await?) })
    }

    fn update(&self, record: TokenRecord) -> StoreFuture<'_, TokenRecord> {
        Box::pin(async move { must(self.writer.write(Write::Update(Box::new(record))).await?) })
    }

    fn revoke(&self, id: TokenId, reason: String, now: Timestamp) -> StoreFuture<'_, Option<TokenRecord>> {
        Box::pin(self.writer.write(Write::Revoke(id, reason, now)))
    }

    fn list(&self, listing: Listing) -> StoreFuture<'_, Page> {
        self.read(move |core| core.db.read(|transaction| index::list(transaction, &listing)))
    }

    fn count(&self, account: String) -> StoreFuture<'_, Counts> {
        self.read(move |core| core.db.read(|transaction| index::count(transaction, &account)))
    }

    fn owner(&self, key: OwnerKey) -> StoreFuture<'_, Option<Owner>> {
        self.read(move |core| core.db.read(|transaction| owners::owner(transaction, key)))
    }

    fn account(&self, uuid: uuid::Uuid) -> StoreFuture<'_, Option<String>> {
        self.read(move |core| core.db.read(|transaction| owners::account(transaction, uuid)))
    }

    fn last_use(&self, id: TokenId) -> StoreFuture<'_, Option<LastUse>> {
        self.read(move |core| Ok(core.last_uses(&[id])?.pop().flatten()))
    }

    fn last_uses(&self, ids: Vec<TokenId>) -> StoreFuture<'_, Vec<Option<LastUse>>> {
        self.read(move |core| core.last_uses(&ids))
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.writer.changes()
    }

    fn ping(&self) -> StoreFuture<'_, ()> {
        self.read(|core| core.db.read(|_| Ok(())))
    }
}

impl Presence for Embedded {
    fn announce(&self, member: Member) -> StoreFuture<'_, ()> {
        let member = Member { seen_at: Timestamp::system(), ..member };
        *self.member.lock().unwrap_or_else(PoisonError::into_inner) = Some(member);
        Box::pin(async { Ok(()) })
    }

    fn members(&self) -> StoreFuture<'_, Vec<Member>> {
        let member = self.member.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let fresh = member.filter(|member| Timestamp::system().since(member.seen_at) < Member::LIFE);
        Box::pin(async { Ok(fresh.into_iter().collect()) })
    }
}

/// Creating and updating give a record back, or fail.
fn must(record: Option<TokenRecord>) -> Result<TokenRecord, StoreError> {
    record.ok_or(StoreError::NotFound)
}

impl CounterStore for Embedded {
    fn reserve(&self, id: TokenId, size: u64, window: QuotaWindow) -> StoreFuture<'_, Lease> {
        self.read(move |core| core.reserve(id, size, window))
    }

    fn give_back(&self, id: TokenId, window: QuotaWindow, calls: u64) -> StoreFuture<'_, ()> {
        self.read(move |core| {
            if core.quotas.give_back(&core.db, id, window, calls)? {
                core.writer.wake();
            }
            Ok(())
        })
    }

    fn used(&self, id: TokenId, window: QuotaWindow) -> StoreFuture<'_, QuotaUse> {
        self.read(move |core| core.quotas.used(&core.db, id, window))
    }
}

impl EventLog for Embedded {
    fn append(&self, batch: Bytes) -> StoreFuture<'_, ()> {
        Box::pin(self.appender.append(batch))
    }

    fn page(&self, token: TokenId, skip: usize, take: usize) -> StoreFuture<'_, Vec<Event>> {
        self.read(move |core| core.log.page(token, skip, take).map_err(|error| io_error("reading activity", &error)))
    }

    fn event(&self, token: TokenId, id: EventId) -> StoreFuture<'_, Option<Event>> {
        self.read(move |core| core.log.event(token, id).map_err(|error| io_error("reading activity", &error)))
    }
}
