//! The redb file: its tables, and a handle that can be opened again after a fault of the disk.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use redb::{
    Database, ReadTransaction, ReadableDatabase, StorageError, Table, TableDefinition, TableError, WriteTransaction,
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
/// account, creation, short id.
pub(super) const BY_ACCOUNT: TableDefinition<'_, &[u8], ()> = TableDefinition::new("by_account");
/// Account to its tokens: all, privileged.
pub(super) const COUNTS: TableDefinition<'_, &[u8], (u64, u64)> = TableDefinition::new("counts");
/// Derived ids of owners and accounts to their names.
pub(super) const OWNERS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("owners");
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
const CACHE_BYTES: usize = 128 << 20;

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

/// The file, opened for as long as the store is.
pub(super) struct Db {
    path: PathBuf,
    database: RwLock<Slot>,
}

enum Slot {
    Open(Database),
    /// It could not be opened again after a fault; each call tries anew.
    Lost,
    Closed,
}

impl Db {
    /// Opens or makes the file. The second value is the fingerprint of the key it was made with: `ours` at the first
    /// opening.
    pub(super) fn open(path: PathBuf, ours: [u8; 16]) -> Result<(Self, Vec<u8>), OpenError> {
        let database = open_database(&path).map_err(|error| refused(&path, &error))?;
        let this = Self { path, database: RwLock::new(Slot::Open(database)) };
        let kept = this.fingerprint(ours).map_err(|error| {
            let path = this.path.display();
            OpenError::Refused(format!("the embedded store {path} cannot be used: {error}"))
        })?;
        Ok((this, kept))
    }

    fn fingerprint(&self, ours: [u8; 16]) -> Result<Vec<u8>, StoreError> {
        let kept = self.read(|transaction| match transaction.open_table(META) {
            Ok(meta) => Ok(meta.get(KEY_FINGERPRINT)?.map(|value| value.value().to_vec())),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        })?;
        let counted = self.read(|transaction| match transaction.open_table(COUNTS) {
            Ok(_) => Ok(true),
            Err(TableError::TableDoesNotExist(_)) => Ok(false),
            Err(error) => Err(error.into()),
        })?;
        match kept {
            Some(kept) if counted || kept != ours => return Ok(kept),
            _ => {}
        }
        // All tables exist from here on, so that reading need not ask.
        self.write(|transaction| {
            let mut tables = Tables::open(transaction)?;
            tables.meta.insert(KEY_FINGERPRINT, ours.as_slice())?;
            super::index::rebuild(&mut tables)
        })?;
        Ok(ours.to_vec())
    }

    /// Reads in one transaction. Blocks: never on a data thread. After a fault of an earlier read or write the file is
    /// opened again, as in [`write`](Self::write).
    pub(super) fn read<T>(&self, read: impl Fn(&ReadTransaction) -> Result<T, Fault>) -> Result<T, StoreError> {
        let answer = match self.try_read(&read) {
            Err(fault) if fault.is_latched() && self.reopen().is_ok() => self.try_read(&read),
            answer => answer,
        };
        answer.map_err(|fault| fault.told())
    }

    fn try_read<T>(&self, read: &impl Fn(&ReadTransaction) -> Result<T, Fault>) -> Result<T, Fault> {
        let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
        match &*guard {
            Slot::Open(database) => read(&database.begin_read()?),
            Slot::Lost | Slot::Closed => Err(Fault::Storage(redb::Error::DatabaseClosed)),
        }
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
        let Slot::Open(database) = &*guard else { return Err(Fault::Storage(redb::Error::DatabaseClosed)) };
        let mut transaction = database.begin_write()?;
        // Opening after a kill then takes milliseconds instead of a walk through the file.
        transaction.set_quick_repair(true);
        let done = write(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// As after a fault from which the file could not be opened again.
    #[cfg(test)]
    pub(super) fn lose(&self) {
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = Slot::Lost;
    }

    /// Waits for every reader and writer of the failed handle, then opens another.
    fn reopen(&self) -> Result<(), redb::DatabaseError> {
        let mut slot = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*slot, Slot::Closed) {
            return Err(StorageError::DatabaseClosed.into());
        }
        // The old handle must let go of the file first.
        *slot = Slot::Lost;
        *slot = Slot::Open(open_database(&self.path)?);
        Ok(())
    }

    /// Closes the file cleanly and for good.
    pub(super) fn close(&self) {
        let mut slot = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if let Slot::Open(database) = std::mem::replace(&mut *slot, Slot::Closed)
            && let Err(error) = database.close()
        {
            tracing::error!(path = %self.path.display(), %error, "the token file was not closed cleanly");
        }
    }
}

fn open_database(path: &Path) -> Result<Database, redb::DatabaseError> {
    let open = || {
        // Made here for its mode; redb takes an empty file for a new one.
        File::options().write(true).create(true).truncate(false).mode(0o600).open(path).map_err(StorageError::from)?;
        Database::builder().set_cache_size(CACHE_BYTES).create(path)
    };
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
    pub(super) by_account: Table<'t, &'static [u8], ()>,
    pub(super) counts: Table<'t, &'static [u8], (u64, u64)>,
    pub(super) owners: Table<'t, &'static [u8], &'static [u8]>,
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
            by_account: transaction.open_table(BY_ACCOUNT)?,
            counts: transaction.open_table(COUNTS)?,
            owners: transaction.open_table(OWNERS)?,
            tombstones: transaction.open_table(TOMBSTONES)?,
            quotas: transaction.open_table(QUOTAS)?,
            last_use: transaction.open_table(LAST_USE)?,
            meta: transaction.open_table(META)?,
        })
    }
}
