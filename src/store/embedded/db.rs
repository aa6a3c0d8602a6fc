//! The redb file: its tables, and a handle that can be opened again after a fault of the disk.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, StorageError, Table, TableDefinition, TransactionError,
    WriteTransaction,
};

use crate::store::OpenError;
use crate::token::StoreError;

/// Short id to packed record.
pub(super) const RECORDS: TableDefinition<'_, &[u8; 12], &[u8]> = TableDefinition::new("records");
/// Secret hash to full id or tombstone.
pub(super) const SECRETS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("secrets");
/// Serial to short id.
pub(super) const SERIALS: TableDefinition<'_, u64, &[u8; 12]> = TableDefinition::new("serials");
/// account, owner, name, short id.
pub(super) const BY_NAME: TableDefinition<'_, &[u8], ()> = TableDefinition::new("by_name");
/// account, owner, creation, short id.
pub(super) const BY_DATE: TableDefinition<'_, &[u8], ()> = TableDefinition::new("by_date");
/// Time of revocation and secret hash, oldest first.
pub(super) const TOMBSTONES: TableDefinition<'_, &[u8; 40], ()> = TableDefinition::new("tombstones");
/// Id and kind to the packed buckets of a quota.
pub(super) const QUOTAS: TableDefinition<'_, &[u8; 17], &[u8]> = TableDefinition::new("quotas");
/// Id to time and address, for tokens whose last event was dropped with its segment.
pub(super) const LAST_USE: TableDefinition<'_, &[u8; 16], &[u8; 28]> = TableDefinition::new("last_use");
/// Names to single values.
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// [`META`]: the last serial given, u64 little-endian.
pub(super) const LAST_SERIAL: &str = "last_serial";
/// [`META`]: the fingerprint of the hash key.
const KEY_FINGERPRINT: &str = "key_fingerprint";

/// Page cache of redb, in bytes; the greatest part of what the store holds in memory.
const CACHE_BYTES: usize = 64 << 20;

/// Why something did not happen.
#[derive(Debug)]
pub(super) enum Fault {
    /// The rules say no; the transaction may go on.
    Refused(StoreError),
    /// The file failed; the transaction is void.
    Storage(redb::Error),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

macro_rules! storage_faults {
    ($($error:ident),+) => {
        $(impl From<redb::$error> for Fault {
            fn from(error: redb::$error) -> Self {
                Self::Storage(error.into())
            }
        })+
    };
}
storage_faults!(StorageError, TableError, TransactionError, CommitError);

impl Fault {
    /// What the caller is told.
    fn told(&self) -> StoreError {
        match self {
            Self::Refused(error) => error.clone(),
            Self::Storage(redb::Error::Io(error)) => io_error("the token file", error),
            Self::Storage(redb::Error::Corrupted(what)) => StoreError::Corrupt(format!("the token file: {what}")),
            Self::Storage(error) => StoreError::Unavailable(format!("the token file: {error}")),
        }
    }

    /// Whether redb refuses all further work because of an earlier fault.
    fn is_latched(&self) -> bool {
        matches!(self, Self::Storage(redb::Error::PreviousIo | redb::Error::DatabaseClosed))
    }
}

/// Names `what` failed, telling a full disk from the rest.
pub(super) fn io_error(what: &str, error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StoreError::Full(format!("{what}: {error}"))
        }
        _ => StoreError::Unavailable(format!("{what}: {error}")),
    }
}

/// The opened file. `None` inside while it could not be opened again after a fault; each write tries anew.
pub(super) struct Db {
    path: PathBuf,
    database: RwLock<Option<Database>>,
}

impl Db {
    /// Opens or makes the file.
    pub(super) fn open(path: PathBuf) -> Result<Self, OpenError> {
        let database = open_database(&path).map_err(|error| refused(&path, &error))?;
        let this = Self { path, database: RwLock::new(Some(database)) };
        // All tables exist from here on, so that reading need not ask.
        this.write(|transaction| Tables::open(transaction).map(drop)).map_err(|error| {
            let path = this.path.display();
            OpenError::Refused(format!("the embedded store {path} cannot be written: {error}"))
        })?;
        Ok(this)
    }

    /// The fingerprint of the key the store was made with; writes `ours` at the first opening.
    pub(super) fn fingerprint(&self, ours: [u8; 16]) -> Result<Vec<u8>, StoreError> {
        self.write(|transaction| {
            let mut meta = transaction.open_table(META)?;
            let kept = meta.get(KEY_FINGERPRINT)?.map(|value| value.value().to_vec());
            match kept {
                Some(kept) => Ok(kept),
                None => {
                    meta.insert(KEY_FINGERPRINT, ours.as_slice())?;
                    Ok(ours.to_vec())
                }
            }
        })
    }

    /// Reads in one transaction. Blocks: never on a data thread.
    pub(super) fn read<T>(&self, read: impl FnOnce(&ReadTransaction) -> Result<T, Fault>) -> Result<T, StoreError> {
        let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = guard.as_ref().ok_or_else(|| self.lost())?;
        let answer = database.begin_read().map_err(Fault::from).and_then(|transaction| read(&transaction));
        answer.map_err(|fault| fault.told())
    }

    /// Writes in one durable transaction, which a fault or refusal voids as a whole. After a fault the file is opened
    /// again, since redb refuses all work on a handle that failed. Only one thread writes.
    pub(super) fn write<T>(
        &self,
        mut write: impl FnMut(&WriteTransaction) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let fault = match self.try_write(&mut write) {
            Ok(done) => return Ok(done),
            Err(Fault::Refused(error)) => return Err(error),
            Err(fault) => fault,
        };
        if let Err(error) = self.reopen() {
            tracing::error!(path = %self.path.display(), %error, "the token file cannot be opened again");
            return Err(fault.told());
        }
        if !fault.is_latched() {
            return Err(fault.told());
        }
        // An earlier read or write had failed; this one was never tried.
        self.try_write(&mut write).map_err(|fault| fault.told())
    }

    fn try_write<T>(&self, write: &mut impl FnMut(&WriteTransaction) -> Result<T, Fault>) -> Result<T, Fault> {
        let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let Some(database) = guard.as_ref() else { return Err(Fault::Storage(redb::Error::DatabaseClosed)) };
        let mut transaction = database.begin_write()?;
        // Opening after a kill then takes milliseconds instead of a walk through the file.
        transaction.set_quick_repair(true);
        let done = write(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    fn reopen(&self) -> Result<(), redb::DatabaseError> {
        let mut guard = self.database.write().unwrap_or_else(PoisonError::into_inner);
        drop(guard.take());
        *guard = Some(open_database(&self.path)?);
        Ok(())
    }

    /// Closes the file cleanly.
    pub(super) fn close(&self) {
        let database = self.database.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(error)) = database.map(Database::close) {
            tracing::error!(path = %self.path.display(), %error, "the token file was not closed cleanly");
        }
    }

    fn lost(&self) -> StoreError {
        StoreError::Unavailable(format!("the token file {} is not open", self.path.display()))
    }
}

fn open_database(path: &Path) -> Result<Database, redb::DatabaseError> {
    let open = || Database::builder().set_cache_size(CACHE_BYTES).create(path);
    // redb may panic on a file that something else has written to.
    let opened = catch_unwind(AssertUnwindSafe(open));
    opened.unwrap_or_else(|_| Err(StorageError::Corrupted("the file was damaged from outside".to_owned()).into()))
}

fn refused(path: &Path, error: &redb::DatabaseError) -> OpenError {
    let path = path.display();
    match error {
        redb::DatabaseError::DatabaseAlreadyOpen => OpenError::Held(format!(
            "the embedded store {path} is in use by another process; stop that one, or give this one another store.url"
        )),
        redb::DatabaseError::Storage(StorageError::Io(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
            OpenError::Refused(format!(
                "the embedded store {path} cannot be opened: {error}; let the user that runs tollgate own it"
            ))
        }
        redb::DatabaseError::Storage(StorageError::Io(error)) if error.kind() == io::ErrorKind::StorageFull => {
            OpenError::Refused(format!("the embedded store {path} cannot be opened: {error}; make room on its disk"))
        }
        error => OpenError::Refused(format!(
            "the embedded store {path} is damaged or no store of this version: {error}; restore it from a backup, or \
             move it away to begin with an empty one"
        )),
    }
}

/// Every table of a write transaction.
pub(super) struct Tables<'t> {
    pub(super) records: Table<'t, &'static [u8; 12], &'static [u8]>,
    pub(super) secrets: Table<'t, &'static [u8; 32], &'static [u8]>,
    pub(super) serials: Table<'t, u64, &'static [u8; 12]>,
    pub(super) by_name: Table<'t, &'static [u8], ()>,
    pub(super) by_date: Table<'t, &'static [u8], ()>,
    pub(super) tombstones: Table<'t, &'static [u8; 40], ()>,
    pub(super) quotas: Table<'t, &'static [u8; 17], &'static [u8]>,
    pub(super) last_use: Table<'t, &'static [u8; 16], &'static [u8; 28]>,
    pub(super) meta: Table<'t, &'static str, &'static [u8]>,
}

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, Fault> {
        Ok(Self {
            records: transaction.open_table(RECORDS)?,
            secrets: transaction.open_table(SECRETS)?,
            serials: transaction.open_table(SERIALS)?,
            by_name: transaction.open_table(BY_NAME)?,
            by_date: transaction.open_table(BY_DATE)?,
            tombstones: transaction.open_table(TOMBSTONES)?,
            quotas: transaction.open_table(QUOTAS)?,
            last_use: transaction.open_table(LAST_USE)?,
            meta: transaction.open_table(META)?,
        })
    }
}
