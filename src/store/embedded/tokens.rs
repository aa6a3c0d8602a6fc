//! Tokens in the redb file: what a write does to the tables, and how they are read.

use std::time::Duration;

use redb::{ReadTransaction, ReadableTable};

use super::db::{Fault, LAST_SERIAL, LAST_USE, RECORDS, SECRETS, SERIALS, Tables};
use super::quota::KINDS;
use super::{index, owners};
use crate::clock::Timestamp;
use crate::store::codec;
use crate::token::{Change, SecretHash, StoreError, TokenId, TokenRecord, TokenRef, Tombstone};

/// How long a revoked secret is refused.
pub(super) const TOMBSTONE_LIFE: Duration = Duration::from_secs(30 * 86_400);
/// Tombstones past their time that one transaction clears away; each revocation makes at most two.
const SWEEP: usize = 64;

/// A write that waits for the next transaction.
pub(super) enum Write {
    /// With whether the owner's number must be its own.
    Create(Box<TokenRecord>, bool),
    Update(Box<TokenRecord>),
    Revoke(TokenId, String, Timestamp),
    /// Last uses of tokens whose last events are about to be dropped.
    LastUses(Vec<(TokenId, [u8; 28])>),
}

/// What a write did.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// The record afterwards, or the one that was deleted.
    pub(super) record: Option<TokenRecord>,
    /// What to tell the caches.
    pub(super) change: Option<Change>,
}

/// Carries out one write. A [`Fault::Refused`] has changed nothing.
pub(super) fn apply(tables: &mut Tables<'_>, write: &Write, now: Timestamp) -> Result<Done, Fault> {
    match write {
        Write::Create(record, check_number) => create(tables, record, *check_number, now),
        Write::Update(record) => update(tables, record, now),
        Write::Revoke(id, reason, at) => revoke(tables, *id, reason, *at),
        Write::LastUses(uses) => {
            for (id, last) in uses {
                if tables.records.get(id.short().as_bytes())?.is_some() {
                    tables.last_use.insert(id.as_bytes(), last)?;
                }
            }
            Ok(Done::default())
        }
    }
}

fn create(tables: &mut Tables<'_>, record: &TokenRecord, check_number: bool, now: Timestamp) -> Result<Done, Fault> {
    let hashes = hashes(record);
    for hash in &hashes {
        must_be_free(tables, hash, now)?;
    }
    if tables.records.get(record.id.short().as_bytes())?.is_some() {
        return Err(StoreError::IdTaken.into());
    }
    let last = tables.meta.get(LAST_SERIAL)?.and_then(|value| value.value().try_into().ok());
    let serial = u64::from_le_bytes(last.unwrap_or_default()) + 1;
    let record = TokenRecord { serial, ..record.clone() };
    let packed = codec::encode(&record)?;
    owners::note(tables, &record.owner, check_number)?;
    tables.meta.insert(LAST_SERIAL, serial.to_le_bytes().as_slice())?;
    tables.records.insert(record.id.short().as_bytes(), packed.as_slice())?;
    tables.serials.insert(serial, record.id.short().as_bytes())?;
    for hash in &hashes {
        tables.secrets.insert(hash.as_bytes(), Secret::live(record.id).as_slice())?;
    }
    index::insert(tables, &record)?;
    let change = Change::Token { id: record.id, generation: record.generation, hashes };
    Ok(Done { record: Some(record), change: Some(change) })
}

fn update(tables: &mut Tables<'_>, record: &TokenRecord, now: Timestamp) -> Result<Done, Fault> {
    let old = stored(tables, record.id)?.ok_or(StoreError::NotFound)?;
    if old.generation != record.generation {
        return Err(StoreError::Conflict.into());
    }
    let new = TokenRecord { serial: old.serial, generation: old.generation + 1, ..record.clone() };
    let (before, mut after) = (hashes(&old), hashes(&new));
    for hash in after.iter().filter(|hash| !before.contains(hash)) {
        must_be_free(tables, hash, now)?;
    }
    let packed = codec::encode(&new)?;
    for hash in before.iter().filter(|hash| !after.contains(hash)) {
        tables.secrets.remove(hash.as_bytes())?;
    }
    for hash in after.iter().filter(|hash| !before.contains(hash)) {
        tables.secrets.insert(hash.as_bytes(), Secret::live(new.id).as_slice())?;
    }
    tables.records.insert(new.id.short().as_bytes(), packed.as_slice())?;
    index::remove(tables, &old)?;
    index::insert(tables, &new)?;
    if new.owner != old.owner {
        owners::note(tables, &new.owner, false)?;
    }
    after.extend(before.into_iter().filter(|hash| new.secret(hash).is_none()));
    let change = Change::Token { id: new.id, generation: new.generation, hashes: after };
    Ok(Done { record: Some(new), change: Some(change) })
}

fn revoke(tables: &mut Tables<'_>, id: TokenId, reason: &str, at: Timestamp) -> Result<Done, Fault> {
    let Some(old) = stored(tables, id)? else { return Ok(Done::default()) };
    let hashes = hashes(&old);
    let stone = Secret::revoked(id, at, reason);
    for hash in &hashes {
        tables.secrets.insert(hash.as_bytes(), stone.as_slice())?;
        tables.tombstones.insert(&stone_key(at, hash), ())?;
    }
    tables.records.remove(id.short().as_bytes())?;
    tables.serials.remove(old.serial)?;
    index::remove(tables, &old)?;
    tables.last_use.remove(id.as_bytes())?;
    for kind in KINDS {
        tables.quotas.remove(&super::quota::key(id, kind))?;
    }
    let change = Change::Token { id, generation: u64::MAX, hashes };
    Ok(Done { record: Some(old), change: Some(change) })
}

/// Clears away tombstones past their time.
pub(super) fn sweep(tables: &mut Tables<'_>, now: Timestamp) -> Result<(), Fault> {
    let mut over = Vec::new();
    for entry in tables.tombstones.iter()?.take(SWEEP) {
        let key = *entry?.0.value();
        let (at, hash) = split_stone_key(&key);
        if now.since(at) < TOMBSTONE_LIFE {
            break;
        }
        over.push((key, at, hash));
    }
    for (key, at, hash) in over {
        tables.tombstones.remove(&key)?;
        let ours = match tables.secrets.get(&hash)? {
            Some(value) => matches!(Secret::read(value.value())?, Secret::Revoked(stone) if stone.revoked_at == at),
            None => false,
        };
        // The same secret may have come back since.
        if ours {
            tables.secrets.remove(&hash)?;
        }
    }
    Ok(())
}

fn must_be_free(tables: &Tables<'_>, hash: &SecretHash, now: Timestamp) -> Result<(), Fault> {
    let Some(value) = tables.secrets.get(hash.as_bytes())? else { return Ok(()) };
    match Secret::read(value.value())? {
        Secret::Live(_) => Err(StoreError::Exists.into()),
        Secret::Revoked(stone) if now.since(stone.revoked_at) < TOMBSTONE_LIFE => Err(StoreError::Revoked.into()),
        Secret::Revoked(_) => Ok(()),
    }
}

fn stored(tables: &Tables<'_>, id: TokenId) -> Result<Option<TokenRecord>, Fault> {
    let Some(packed) = tables.records.get(id.short().as_bytes())? else { return Ok(None) };
    Ok(Some(codec::decode(packed.value())?).filter(|record| record.id == id))
}

fn hashes(record: &TokenRecord) -> Vec<SecretHash> {
    record.secrets.iter().map(|slot| slot.hash).collect()
}

/// What a hash leads to.
pub(super) enum Secret {
    Live(TokenId),
    Revoked(Tombstone),
}

impl Secret {
    fn live(id: TokenId) -> [u8; 17] {
        let mut value = [0; 17];
        value[1..].copy_from_slice(id.as_bytes());
        value
    }

    fn revoked(id: TokenId, at: Timestamp, reason: &str) -> Vec<u8> {
        let mut value = vec![1];
        value.extend_from_slice(id.as_bytes());
        value.extend_from_slice(&at.as_millis().to_le_bytes());
        value.extend_from_slice(reason.as_bytes());
        value
    }

    fn read(value: &[u8]) -> Result<Self, StoreError> {
        let cut = || StoreError::Corrupt("an entry of a secret is cut".to_owned());
        let (kind, rest) = value.split_first().ok_or_else(cut)?;
        let (id, rest) = rest.split_first_chunk::<16>().ok_or_else(cut)?;
        let id = TokenId::from_bytes(*id);
        if *kind == 0 {
            return Ok(Self::Live(id));
        }
        let (at, reason) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
        let revoked_at = Timestamp::from_millis(i64::from_le_bytes(*at));
        Ok(Self::Revoked(Tombstone { id, revoked_at, reason: String::from_utf8_lossy(reason).into_owned() }))
    }
}

/// Big-endian and biased, so that bytes sort as times.
pub(super) fn sortable(at: Timestamp) -> [u8; 8] {
    (at.as_millis() ^ i64::MIN).to_be_bytes()
}

fn stone_key(at: Timestamp, hash: &SecretHash) -> [u8; 40] {
    let mut key = [0; 40];
    key[..8].copy_from_slice(&sortable(at));
    key[8..].copy_from_slice(hash.as_bytes());
    key
}

fn split_stone_key(key: &[u8; 40]) -> (Timestamp, [u8; 32]) {
    let (mut at, mut hash) = ([0; 8], [0; 32]);
    at.copy_from_slice(&key[..8]);
    hash.copy_from_slice(&key[8..]);
    (Timestamp::from_millis(i64::from_be_bytes(at) ^ i64::MIN), hash)
}

/// The record a hash leads to, or its tombstone.
pub(super) fn by_hash(
    transaction: &ReadTransaction,
    hash: &SecretHash,
) -> Result<Option<Result<TokenRecord, Tombstone>>, Fault> {
    let Some(value) = transaction.open_table(SECRETS)?.get(hash.as_bytes())? else { return Ok(None) };
    let id = match Secret::read(value.value())? {
        Secret::Live(id) => id,
        Secret::Revoked(stone) => return Ok(Some(Err(stone))),
    };
    match by_short(transaction, id.short().as_bytes())? {
        Some(record) => Ok(Some(Ok(record))),
        None => Err(StoreError::Corrupt(format!("a secret leads to the token {id}, which is not there")).into()),
    }
}

/// The record of any id.
pub(super) fn by_ref(transaction: &ReadTransaction, name: TokenRef) -> Result<Option<TokenRecord>, Fault> {
    match name {
        TokenRef::Id(id) => Ok(by_short(transaction, id.short().as_bytes())?.filter(|record| record.id == id)),
        TokenRef::Short(short) => by_short(transaction, short.as_bytes()),
        TokenRef::Public(public) => {
            let found = match public.first_chunk() {
                Some(short) => by_short(transaction, short)?,
                None => None,
            };
            Ok(found.filter(|record| record.id.public() == public))
        }
        TokenRef::Serial(serial) => match transaction.open_table(SERIALS)?.get(serial)? {
            Some(short) => by_short(transaction, short.value()),
            None => Ok(None),
        },
    }
}

fn by_short(transaction: &ReadTransaction, short: &[u8; 12]) -> Result<Option<TokenRecord>, Fault> {
    match transaction.open_table(RECORDS)?.get(short)? {
        Some(packed) => Ok(Some(codec::decode(packed.value())?)),
        None => Ok(None),
    }
}

/// The last uses kept for tokens whose events are gone.
pub(super) fn kept_last_uses(transaction: &ReadTransaction, ids: &[TokenId]) -> Result<Vec<Option<[u8; 28]>>, Fault> {
    let table = transaction.open_table(LAST_USE)?;
    ids.iter().map(|id| Ok(table.get(id.as_bytes())?.map(|value| *value.value()))).collect()
}
