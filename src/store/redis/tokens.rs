//! Tokens: records, secrets, serials.
//!
//! Order of writes: ids of the owner, indexes and forwards first, the record last; a revocation the other way round, tombstones
//! of forwarded secrets first of all. What an interrupted call leaves is an index member or a forward without a record,
//! which readers skip.

use std::sync::Arc;

use redis::Value;
use tokio::sync::broadcast;

use super::call::Call;
use super::keys::{Entry, owner_member, pack_change, pack_record, parse_record};
use super::{Core, RedisStore, UNHURRIED, unexpected};
use crate::clock::Timestamp;
use crate::token::{
    Change, Counts, LastUse, Listing, Lookup, Owner, OwnerKey, Page, PlanTable, SecretHash, ShortId, StoreError,
    StoreFuture, TokenId, TokenRecord, TokenRef, TokenStore, Tombstone,
};

/// Life of a tombstone in seconds.
const TOMBSTONE_LIFE: &[u8] = b"2592000";
/// Tries of a revocation against concurrent edits.
const REVOKE_TRIES: usize = 64;
/// Tries to take over an entry whose token is gone.
const CLAIM_TRIES: usize = 4;

impl TokenStore for RedisStore {
    fn resolve(&self, hash: SecretHash, plans: Arc<PlanTable>, now: Timestamp) -> StoreFuture<'_, Lookup> {
        self.urgent(async move |core| core.resolve(hash, &plans, now).await)
    }

    fn find(&self, token: TokenRef) -> StoreFuture<'_, Option<TokenRecord>> {
        self.unhurried(async move |core| core.find(token).await)
    }

    fn find_by_hash(&self, hash: SecretHash) -> StoreFuture<'_, Option<TokenRecord>> {
        self.unhurried(async move |core| core.find_by_hash(hash).await)
    }

    fn create(&self, record: TokenRecord, check_number: bool) -> StoreFuture<'_, TokenRecord> {
        self.unhurried(async move |core| core.create(record, check_number).await)
    }

    fn update(&self, record: TokenRecord) -> StoreFuture<'_, TokenRecord> {
        self.unhurried(async move |core| core.update(record).await)
    }

    fn revoke(&self, id: TokenId, reason: String, now: Timestamp) -> StoreFuture<'_, Option<TokenRecord>> {
        self.unhurried(async move |core| core.revoke(Tombstone { id, revoked_at: now, reason }).await)
    }

    fn list(&self, listing: Listing) -> StoreFuture<'_, Page> {
        self.unhurried(async move |core| core.list(listing).await)
    }

    fn count(&self, account: String) -> StoreFuture<'_, Counts> {
        self.unhurried(async move |core| core.count(&account).await)
    }

    fn owner(&self, key: OwnerKey) -> StoreFuture<'_, Option<Owner>> {
        self.unhurried(async move |core| core.owner(key).await)
    }

    fn account(&self, uuid: uuid::Uuid) -> StoreFuture<'_, Option<String>> {
        self.unhurried(async move |core| core.account(uuid).await)
    }

    fn last_use(&self, id: TokenId) -> StoreFuture<'_, Option<LastUse>> {
        self.unhurried(async move |core| Ok(core.last_uses(&[id]).await?.pop().flatten()))
    }

    fn last_uses(&self, ids: Vec<TokenId>) -> StoreFuture<'_, Vec<Option<LastUse>>> {
        self.unhurried(async move |core| core.last_uses(&ids).await)
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.core.feed.listen()
    }

    fn ping(&self) -> StoreFuture<'_, ()> {
        self.urgent(async move |core| {
            let call = Call::repeatable("asking whether it is there", core.timeout);
            core.requests.command(call, &redis::cmd("PING")).await?;
            Ok(())
        })
    }
}

impl Core {
    async fn find(&self, token: TokenRef) -> Result<Option<TokenRecord>, StoreError> {
        match token {
            TokenRef::Id(id) => self.read(id).await,
            TokenRef::Short(short) => self.read_short(&short).await,
            TokenRef::Public(public) => {
                let mut short = [0; TokenId::SHORT];
                short.copy_from_slice(&public[..TokenId::SHORT]);
                let found = self.read_short(&ShortId::from_bytes(short)).await?;
                Ok(found.filter(|record| record.id.public() == public))
            }
            TokenRef::Serial(serial) => {
                let Some(id) = self.get("finding a serial", &self.target.keys.serial(serial)).await? else {
                    return Ok(None);
                };
                let id = <[u8; 16]>::try_from(&id[..]).map_err(|_| unexpected("finding a serial"))?;
                Ok(self.read(TokenId::from_bytes(id)).await?.filter(|record| record.serial == serial))
            }
        }
    }

    async fn find_by_hash(&self, hash: SecretHash) -> Result<Option<TokenRecord>, StoreError> {
        let entry = self.get("finding a secret", &self.target.keys.secret(&hash)).await?;
        let Some(id) = entry.map(|entry| Entry::parse(&entry)).transpose()?.and_then(|entry| entry.id()) else {
            return Ok(None);
        };
        Ok(self.read(id).await?.filter(|record| record.secret(&hash).is_some()))
    }

    async fn read(&self, id: TokenId) -> Result<Option<TokenRecord>, StoreError> {
        Ok(self.read_short(&id.short()).await?.filter(|record| record.id == id))
    }

    async fn read_short(&self, short: &ShortId) -> Result<Option<TokenRecord>, StoreError> {
        let packed = self.get("reading a token", &self.target.keys.record(short)).await?;
        packed.map(|packed| parse_record(&packed)).transpose()
    }

    pub(super) async fn get(&self, name: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut cmd = redis::cmd("GET");
        cmd.arg(key);
        match self.admin.command(Call::repeatable(name, UNHURRIED), &cmd).await? {
            Value::BulkString(bytes) => Ok(Some(bytes)),
            Value::Nil => Ok(None),
            _ => Err(unexpected(name)),
        }
    }

    async fn create(&self, mut record: TokenRecord, check_number: bool) -> Result<TokenRecord, StoreError> {
        let call = Call::once("making a token", UNHURRIED);
        let entries = crate::store::foreign::entries(&record.owner)?;
        let mut pipe = redis::pipe();
        pipe.cmd("INCR").arg(self.target.keys.last_serial());
        self.look_for(&mut pipe, &entries);
        let mut answers = self.admin.pipeline(call, &pipe).await?.into_iter();
        record.serial = match answers.next() {
            Some(Value::Int(serial)) => serial.unsigned_abs(),
            _ => return Err(unexpected("drawing a serial")),
        };
        let mut pipe = redis::pipe();
        let number_at = self.note_unknown(&mut pipe, &record.owner, &entries, answers, check_number)?;
        self.index(&mut pipe, &record);
        pipe.cmd("SET").arg(self.target.keys.serial(record.serial)).arg(&record.id.as_bytes()[..]);
        let answers = self.admin.pipeline(call, &pipe).await?;
        // Another owner with this number may have come just now.
        let number = number_at.filter(|_| check_number).and_then(|at| answers.get(at));
        let created = match number {
            Some(Value::BulkString(owner)) if *owner != owner_member(&record.owner) => {
                Err(StoreError::owner_clash(&record.owner))
            }
            _ => self.create_indexed(&record).await,
        };
        match created {
            Ok(()) => Ok(record),
            Err(
                refusal @ (StoreError::Exists | StoreError::IdTaken | StoreError::Revoked | StoreError::OwnerClash(_)),
            ) => {
                self.retract(&record).await?;
                Err(refusal)
            }
            Err(error) => Err(error),
        }
    }

    async fn create_indexed(&self, record: &TokenRecord) -> Result<(), StoreError> {
        let call = Call::once("making a token", UNHURRIED);
        let packed = pack_record(record)?;
        for hash in foreign(record) {
            self.claim(&hash, record.id).await?;
        }
        let hashes = hashes(record);
        let keys: Vec<Vec<u8>> = std::iter::once(self.target.keys.record(&record.id.short()))
            .chain(own(record).map(|hash| self.target.keys.secret(&hash)))
            .collect();
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let message = pack_change(record.id, record.generation, &hashes);
        let args = [&packed[..], record.id.as_bytes(), &self.target.keys.channel(), &message];
        verdict(self.admin.script(call, &self.target.scripts.create, &keys, &args).await?)?;
        self.feed.tell(record.id, record.generation, hashes);
        Ok(())
    }

    async fn update(&self, record: TokenRecord) -> Result<TokenRecord, StoreError> {
        let Some(old) = self.read(record.id).await? else { return Err(StoreError::NotFound) };
        if old.generation != record.generation {
            return Err(StoreError::Conflict);
        }
        let new = TokenRecord { generation: record.generation + 1, serial: old.serial, ..record };
        let moved = self.members(&old) != self.members(&new);
        let call = Call::once("changing a token", UNHURRIED);
        if moved {
            let mut pipe = redis::pipe();
            if new.owner != old.owner {
                self.note(&mut pipe, &new.owner).await?;
            }
            self.index(&mut pipe, &new);
            self.admin.pipeline(call, &pipe).await?;
        }
        match self.replace(&old, &new).await {
            Ok(()) => {}
            Err(refusal @ (StoreError::Exists | StoreError::Revoked | StoreError::Conflict | StoreError::NotFound)) => {
                self.retract(&new).await?;
                return Err(refusal);
            }
            Err(error) => return Err(error),
        }
        self.tidy(&old, Some(&new)).await;
        Ok(new)
    }

    async fn replace(&self, old: &TokenRecord, new: &TokenRecord) -> Result<(), StoreError> {
        let packed = pack_record(new)?;
        for hash in foreign(new).filter(|hash| old.secret(hash).is_none()) {
            self.claim(&hash, new.id).await?;
        }
        let dropped: Vec<SecretHash> = hashes(old).into_iter().filter(|hash| new.secret(hash).is_none()).collect();
        let mut keys = vec![self.target.keys.record(&new.id.short())];
        keys.extend(own(new).map(|hash| self.target.keys.secret(&hash)));
        let kept = (keys.len() - 1).to_string();
        let own_dropped = dropped.iter().filter(|hash| hash.tag() == new.id.tag());
        keys.extend(own_dropped.map(|hash| self.target.keys.secret(hash)));
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let mut hashes = hashes(new);
        hashes.extend(dropped);
        let message = pack_change(new.id, new.generation, &hashes);
        let expected = old.generation.to_be_bytes();
        let channel = self.target.keys.channel();
        let args = [&packed[..], new.id.as_bytes(), &channel, &message, &expected, kept.as_bytes()];
        let call = Call::once("changing a token", UNHURRIED);
        verdict(self.admin.script(call, &self.target.scripts.update, &keys, &args).await?)?;
        self.feed.tell(new.id, new.generation, hashes);
        Ok(())
    }

    async fn revoke(&self, stone: Tombstone) -> Result<Option<TokenRecord>, StoreError> {
        for _ in 0..REVOKE_TRIES {
            let Some(record) = self.read(stone.id).await? else { return Ok(None) };
            match self.revoke_read(&record, &stone).await {
                Ok(()) => {
                    self.tidy(&record, None).await;
                    return Ok(Some(record));
                }
                Err(StoreError::Conflict) => {}
                Err(StoreError::NotFound) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
    }

    async fn revoke_read(&self, record: &TokenRecord, stone: &Tombstone) -> Result<(), StoreError> {
        let call = Call::repeatable("revoking a token", UNHURRIED);
        let packed = Entry::pack_tombstone(stone);
        for hash in foreign(record) {
            let (key, script) = (self.target.keys.secret(&hash), &self.target.scripts.tombstone);
            self.admin.script(call, script, &[&key], &[&packed, TOMBSTONE_LIFE]).await?;
        }
        let short = record.id.short();
        let beside = [self.target.keys.counters(&short), self.target.keys.activity(&short)];
        let mut keys = vec![self.target.keys.record(&short)];
        // A token that was never used has neither, and keys that do not exist cannot be told from such as have moved: in
        // a cluster they would hold up the revocation for as long as their slot moves.
        let apart = self.admin.is_cluster();
        if !apart {
            keys.extend(beside.iter().cloned());
        }
        let passed = (keys.len() - 1).to_string();
        keys.extend(own(record).map(|hash| self.target.keys.secret(&hash)));
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let hashes = hashes(record);
        let message = pack_change(record.id, u64::MAX, &hashes);
        let (expected, life) = (record.generation.to_be_bytes(), self.activity_life());
        let channel = self.target.keys.channel();
        let args = [&expected[..], &packed, TOMBSTONE_LIFE, &life, &channel, &message, passed.as_bytes()];
        let call = Call::once("revoking a token", UNHURRIED);
        verdict(self.admin.script(call, &self.target.scripts.revoke, &keys, &args).await?)?;
        self.feed.tell(record.id, u64::MAX, hashes);
        if apart {
            let mut pipe = redis::pipe();
            for key in &beside {
                pipe.cmd("EXPIRE").arg(key).arg(&life);
            }
            if let Err(failure) = self.admin.pipeline(Call::repeatable("revoking a token", UNHURRIED), &pipe).await {
                tracing::debug!(error = %StoreError::from(failure), "counters of a revoked token stay");
            }
        }
        Ok(())
    }

    /// Points a secret outside the token's tag at it.
    async fn claim(&self, hash: &SecretHash, id: TokenId) -> Result<(), StoreError> {
        let (key, forward) = (self.target.keys.secret(hash), Entry::pack_forward(id));
        let mut replaceable = Vec::new();
        for _ in 0..CLAIM_TRIES {
            let call = Call::once("taking a secret", UNHURRIED);
            let script = &self.target.scripts.claim;
            let Value::Array(answer) = self.admin.script(call, script, &[&key], &[&forward, &replaceable]).await?
            else {
                return Err(unexpected("taking a secret"));
            };
            let Some(Value::BulkString(entry)) = answer.get(1) else {
                return match answer.into_iter().next() {
                    Some(answer) => verdict(answer),
                    None => Err(unexpected("taking a secret")),
                };
            };
            if let Some(holder) = Entry::parse(entry)?.id()
                && self.read(holder).await?.is_some_and(|record| record.secret(hash).is_some())
            {
                return Err(StoreError::Exists);
            }
            // Left by a call that was cut short; its token never came to be or no longer has this secret.
            replaceable.clone_from(entry);
        }
        Err(StoreError::Exists)
    }

    /// Takes back what was written ahead of a record that was refused, but nothing that the living record stands on.
    async fn retract(&self, refused: &TokenRecord) -> Result<(), StoreError> {
        let living = self.read(refused.id).await?;
        if living.as_ref().is_none_or(|living| living.serial != refused.serial) {
            let mut cmd = redis::cmd("DEL");
            cmd.arg(self.target.keys.serial(refused.serial));
            self.admin.command(Call::repeatable("tidying up", UNHURRIED), &cmd).await?;
        }
        self.tidy(refused, living.as_ref()).await;
        Ok(())
    }

    /// Removes what `old` stood on and `new` does not. Whatever cannot be removed is skipped by readers.
    async fn tidy(&self, old: &TokenRecord, new: Option<&TokenRecord>) {
        let call = Call::repeatable("tidying up", UNHURRIED);
        let mut pipe = redis::pipe();
        let kept = new.map(|new| self.members(new)).unwrap_or_default();
        for (index, member) in self.members(old).into_iter().filter(|member| !kept.contains(member)) {
            pipe.cmd("ZREM").arg(index).arg(member);
        }
        match new {
            // A reader may have swept them while there was no record behind them.
            Some(new) if !pipe.is_empty() => self.index(&mut pipe, new),
            Some(_) => {}
            None => drop(pipe.cmd("DEL").arg(self.target.keys.serial(old.serial))),
        }
        let mut outcome = self.admin.pipeline(call, &pipe).await.map(drop).map_err(StoreError::from);
        for hash in foreign(old).filter(|hash| new.is_none_or(|new| new.secret(hash).is_none())) {
            let (key, forward) = (self.target.keys.secret(&hash), Entry::pack_forward(old.id));
            let released = self.admin.script(call, &self.target.scripts.release, &[&key], &[&forward]).await;
            outcome = outcome.and(released.map(drop));
        }
        if let Err(error) = outcome {
            tracing::debug!(%error, "index entries of a token were left behind");
        }
    }

    /// Life of an event, in seconds.
    pub(super) fn activity_life(&self) -> Vec<u8> {
        self.life_of_events().to_string().into_bytes()
    }
}

/// A script's verdict on a write.
fn verdict(answer: Value) -> Result<(), StoreError> {
    let Value::BulkString(word) = answer else { return Err(unexpected("writing a token")) };
    match &word[..] {
        b"ok" => Ok(()),
        b"gone" => Err(StoreError::NotFound),
        b"conflict" => Err(StoreError::Conflict),
        b"taken" => Err(StoreError::IdTaken),
        b"exists" => Err(StoreError::Exists),
        b"revoked" => Err(StoreError::Revoked),
        _ => Err(unexpected("writing a token")),
    }
}

fn hashes(record: &TokenRecord) -> Vec<SecretHash> {
    record.secrets.iter().map(|slot| slot.hash).collect()
}

/// The secrets in the token's own tag.
fn own(record: &TokenRecord) -> impl Iterator<Item = SecretHash> {
    record.secrets.iter().map(|slot| slot.hash).filter(|hash| hash.tag() == record.id.tag())
}

/// The secrets in other tags: imported beside an older one.
fn foreign(record: &TokenRecord) -> impl Iterator<Item = SecretHash> {
    record.secrets.iter().map(|slot| slot.hash).filter(|hash| hash.tag() != record.id.tag())
}
