//! The port through which tokens are kept. Stores implement it; `auth` and the token service use it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{CellLease, Lease, Owner, PlanTable, SecretHash, TokenId, TokenRecord, TokenRef};
use crate::clock::Timestamp;

/// What a store call returns: one boxed future per call, never per cached request.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Keeps token records.
///
/// Every write is durable when its future resolves. Calls may be made from any thread.
pub trait TokenStore: Send + Sync {
    /// Resolves a secret for the data plane in one round trip: the record and a first lease on its month quota under
    /// `plans`.
    fn resolve(&self, hash: SecretHash, plans: Arc<PlanTable>, now: Timestamp) -> StoreFuture<'_, Lookup>;

    /// Finds a record by any of its ids.
    fn find(&self, token: TokenRef) -> StoreFuture<'_, Option<TokenRecord>>;

    /// Finds a record by the hash of one of its secrets, taking nothing from its quota; for administration.
    fn find_by_hash(&self, hash: SecretHash) -> StoreFuture<'_, Option<TokenRecord>>;

    /// Keeps a new record and returns it with the serial it was given; the incoming serial is ignored.
    ///
    /// Notes its owner and account under their derived ids, for [`owner`](Self::owner) and [`account`](Self::account).
    ///
    /// Fails with [`StoreError::Exists`] if a live token has one of its secrets, with [`StoreError::IdTaken`] if one has
    /// its short id, and with [`StoreError::Revoked`] if a tombstone refuses one of its secrets. With `check_number` also
    /// with [`StoreError::OwnerClash`] if the owner's derived number is another owner's already; without it, for an owner
    /// whose number is pinned, such a number stays with the owner that had it first.
    fn create(&self, record: TokenRecord, check_number: bool) -> StoreFuture<'_, TokenRecord>;

    /// Replaces a record if its stored generation is still `record.generation`, and returns it with the next one.
    /// Secrets that are no longer listed stop working at once.
    ///
    /// Fails with [`StoreError::Conflict`] if somebody else changed it first, [`StoreError::NotFound`] if it is gone.
    fn update(&self, record: TokenRecord) -> StoreFuture<'_, TokenRecord>;

    /// Deletes a record and leaves tombstones of its secrets for 30 days. Returns what was deleted, `None` if there was
    /// nothing.
    fn revoke(&self, id: TokenId, reason: String, now: Timestamp) -> StoreFuture<'_, Option<TokenRecord>>;

    /// One page of records.
    fn list(&self, listing: Listing) -> StoreFuture<'_, Page>;

    /// How many live tokens an account has. Costs no scan. A store whose writes can be cut short may count a token that
    /// never came to be until a listing meets it twice, a minute apart.
    fn count(&self, account: String) -> StoreFuture<'_, Counts>;

    /// The owner that has ever had a token whose derived ids match.
    fn owner(&self, key: OwnerKey) -> StoreFuture<'_, Option<Owner>>;

    /// The name of the account that has ever had a token and whose derived UUID this is.
    fn account(&self, uuid: uuid::Uuid) -> StoreFuture<'_, Option<String>>;

    /// When and from where the token was last used, as far as batches have been written.
    fn last_use(&self, id: TokenId) -> StoreFuture<'_, Option<super::LastUse>>;

    /// [`last_use`](Self::last_use) of many tokens at once, in the order asked.
    fn last_uses(&self, ids: Vec<TokenId>) -> StoreFuture<'_, Vec<Option<super::LastUse>>>;

    /// Changes made through any handle on the store from now on. A lagging receiver must treat everything it caches as
    /// suspect, as with [`Change::Gap`].
    fn changes(&self) -> tokio::sync::broadcast::Receiver<Change>;

    /// Whether the store answers.
    fn ping(&self) -> StoreFuture<'_, ()>;
}

/// The answer to [`TokenStore::resolve`].
#[derive(Debug, Clone)]
pub enum Lookup {
    /// A live secret.
    Found(Box<Resolved>),
    /// A secret that was revoked in the last 30 days.
    Revoked(Tombstone),
    /// Nothing is known of it.
    Unknown,
}

/// A record with what was leased for it.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The record.
    pub record: TokenRecord,
    /// First lease on the month quota; `None` for a plan without one and for a token that may not be used.
    pub lease: Option<Lease>,
    /// First calls of a bucket that the fleet shares; `None` under any other plan and for a token that may not be used.
    pub cells: Option<CellLease>,
}

/// What stays of a revoked secret for 30 days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// The token it belonged to.
    pub id: TokenId,
    /// When it was revoked.
    pub revoked_at: Timestamp,
    /// Why, as given at revocation.
    pub reason: String,
}

/// Live tokens of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All of them, expired and disabled ones too.
    pub all: u64,
    /// Those that are [privileged](TokenRecord::is_privileged).
    pub privileged: u64,
}

/// An owner by one of its derived ids ([`OwnerIds::derived`](super::OwnerIds::derived)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OwnerKey {
    /// By UUID.
    Uuid(uuid::Uuid),
    /// By number.
    Number(u64),
    /// By the 12 bytes of the hex id.
    Hex([u8; 12]),
}

/// Something changed in the store.
#[derive(Debug, Clone)]
pub enum Change {
    /// A token was made, edited or revoked. The hashes are all that it had before or has now.
    Token {
        /// The token.
        id: TokenId,
        /// Its generation after the change; `u64::MAX` for a revocation.
        generation: u64,
        /// Old and new secrets.
        hashes: Vec<SecretHash>,
    },
    /// Changes may have been missed.
    Gap,
}

/// Which records to list.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Only this account.
    pub account: Option<String>,
    /// Only this owner (within `account`, or within `default`).
    pub owner: Option<String>,
    /// Order within an owner; [`SortBy::Newest`] knows no owners.
    pub sort: SortBy,
    /// Continue after this cursor of an earlier [`Page`].
    pub after: Option<String>,
    /// At most this many records.
    pub limit: usize,
}

impl Listing {
    /// All tokens of one owner, without a limit.
    pub fn of_owner(owner: &Owner, sort: SortBy) -> Self {
        let (account, name) = (Some(owner.account.clone()), Some(owner.name.clone()));
        Self { account, owner: name, sort, after: None, limit: usize::MAX }
    }

    /// The owner listed, if it is one owner.
    pub fn single_owner(&self) -> Option<Owner> {
        let account = self.account.clone().unwrap_or_else(|| Owner::default().account);
        self.owner.clone().map(|name| Owner { account, name })
    }
}

/// Order of a listing. Owners come in the order of account and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortBy {
    /// By token name, bytewise.
    #[default]
    Name,
    /// By creation, oldest first.
    Created,
    /// By creation, newest first, then by id, greatest first; over the whole account (`default` without one) unless one
    /// owner is asked for.
    Newest,
}

/// Some records of a listing.
#[derive(Debug, Clone)]
pub struct Page {
    /// The records.
    pub records: Vec<TokenRecord>,
    /// Where to continue; `None` at the end. Opaque, printable, and void when the sort changes.
    pub next: Option<String>,
}

/// Why a store call failed.
#[derive(Debug, Clone)]
pub enum StoreError {
    /// The store does not answer; the text names the operation and the cause.
    Unavailable(String),
    /// The record was changed by somebody else since it was read.
    Conflict,
    /// The record does not exist.
    NotFound,
    /// A secret is in use already.
    Exists,
    /// The first twelve bytes of the id are another token's; another draw helps.
    IdTaken,
    /// The derived number of the owner is another owner's; the text says what to do.
    OwnerClash(String),
    /// A secret was revoked in the last 30 days and cannot come back.
    Revoked,
    /// The store holds something it cannot have written.
    Corrupt(String),
    /// There is no room left.
    Full(String),
}

impl StoreError {
    /// The refusal of a token whose owner's derived number is another owner's.
    pub fn owner_clash(owner: &Owner) -> Self {
        Self::OwnerClash(format!(
            "the number derived for owner {:?} of account {:?} belongs to another owner already; give this owner one of \
             its own with `number` in a [[user]] section",
            owner.name, owner.account
        ))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(cause) => write!(f, "the store does not answer: {cause}"),
            Self::Conflict => {
                f.write_str("the token was changed by somebody else; read it again and repeat the change")
            }
            Self::NotFound => f.write_str("no such token"),
            Self::Exists => f.write_str("a token with this secret exists already"),
            Self::IdTaken => f.write_str("the id drawn for the token is in use already; try again"),
            Self::OwnerClash(what) => f.write_str(what),
            Self::Revoked => f.write_str("this secret was revoked in the last 30 days and cannot be imported again"),
            Self::Corrupt(what) => write!(f, "the store is damaged: {what}"),
            Self::Full(what) => write!(f, "the store has no room left: {what}"),
        }
    }
}

impl std::error::Error for StoreError {}
