//! What is kept beside the records: the orders and counts of tokens, and owners and accounts by their derived ids.

use redis::{Pipeline, Value};

use super::call::Call;
use super::keys::{Member, owner_member, parse_record, token_member};
use super::{Core, UNHURRIED, unexpected};
use crate::store::foreign;
use crate::token::{Counts, Owner, OwnerKey, SortBy, StoreError, TokenId, TokenRecord};

/// Privileged tokens of an account that a count looks at; beyond that it trusts the index.
const PRIVILEGED_AT_ONCE: usize = 256;

impl Core {
    /// Adds a token to its indexes, and the owner to the index of owners.
    pub(super) fn index(&self, pipe: &mut Pipeline, record: &TokenRecord) {
        let owner = owner_member(&record.owner);
        pipe.cmd("ZADD").arg(self.target.keys.owners()).arg(0).arg(owner);
        for (index, member) in self.members(record) {
            pipe.cmd("ZADD").arg(index).arg(0).arg(member);
        }
    }

    /// The indexes a token stands in, each with its member there.
    pub(super) fn members(&self, record: &TokenRecord) -> Vec<Member> {
        let (keys, owner) = (&self.target.keys, owner_member(&record.owner));
        let dated = token_member(record, SortBy::Created);
        let mut members = vec![
            (keys.index(&owner, SortBy::Name), token_member(record, SortBy::Name)),
            (keys.index(&owner, SortBy::Created), dated.clone()),
            (keys.account(&record.owner.account), dated),
        ];
        if record.is_privileged() {
            members.push((keys.privileged(&record.owner.account), record.id.as_bytes().to_vec()));
        }
        members
    }

    /// Looks up what is noted of an owner and its account, and puts what is missing into `pipe`.
    pub(super) async fn note(&self, pipe: &mut Pipeline, owner: &Owner) -> Result<(), StoreError> {
        let entries = foreign::entries(owner)?;
        let mut lookup = redis::pipe();
        self.look_for(&mut lookup, &entries);
        let answers = self.admin.pipeline(Call::repeatable("looking for an owner", UNHURRIED), &lookup).await?;
        self.note_unknown(pipe, owner, &entries, answers, false)?;
        Ok(())
    }

    /// Asks what is noted of an owner and its account.
    pub(super) fn look_for(&self, pipe: &mut Pipeline, entries: &[foreign::Entry]) {
        for (key, _) in entries {
            pipe.cmd("GET").arg(self.target.keys.foreign(key));
        }
    }

    /// Puts what is missing into `pipe`, by the answers to [`look_for`](Self::look_for). Refused with `check_number` if the
    /// number is another owner's. Tells where in the pipe the number is noted, if it is.
    pub(super) fn note_unknown(
        &self,
        pipe: &mut Pipeline,
        owner: &Owner,
        entries: &[foreign::Entry],
        answers: impl IntoIterator<Item = Value>,
        check_number: bool,
    ) -> Result<Option<usize>, StoreError> {
        let mut number_at = None;
        for (at, ((key, value), answer)) in entries.iter().zip(answers).enumerate() {
            match answer {
                Value::Nil => {
                    if at == 0 {
                        number_at = Some(pipe.len());
                    }
                    pipe.cmd("SET").arg(self.target.keys.foreign(key)).arg(value).arg("NX").arg("GET");
                }
                Value::BulkString(kept) if at == 0 && check_number && kept != *value => {
                    return Err(StoreError::owner_clash(owner));
                }
                _ => {}
            }
        }
        Ok(number_at)
    }

    pub(super) async fn owner(&self, key: OwnerKey) -> Result<Option<Owner>, StoreError> {
        let key = self.target.keys.foreign(&foreign::owner_key(key));
        let kept = self.get("looking for an owner", &key).await?;
        kept.map(|name| foreign::parse_owner(&name)).transpose()
    }

    pub(super) async fn account(&self, uuid: uuid::Uuid) -> Result<Option<String>, StoreError> {
        let key = self.target.keys.foreign(&foreign::account_key(uuid));
        let kept = self.get("looking for an account", &key).await?;
        kept.map(|name| foreign::parse_account(&name)).transpose()
    }

    /// The live tokens of an account. Those that never came to be are counted among all until a listing sweeps them, but
    /// not among the first privileged ones.
    pub(super) async fn count(&self, account: &str) -> Result<Counts, StoreError> {
        let (name, keys) = ("counting tokens", &self.target.keys);
        let index = keys.privileged(account);
        let mut pipe = redis::pipe();
        pipe.cmd("ZCARD").arg(keys.account(account));
        pipe.cmd("ZCARD").arg(&index);
        pipe.cmd("ZRANGE").arg(&index).arg("-").arg("+").arg("BYLEX").arg("LIMIT").arg(0).arg(PRIVILEGED_AT_ONCE);
        let answers = self.admin.pipeline(Call::repeatable(name, UNHURRIED), &pipe).await?;
        let [Value::Int(all), Value::Int(privileged), Value::Array(members)] = &answers[..] else {
            return Err(unexpected(name));
        };
        let members = members.iter().filter_map(|member| match member {
            Value::BulkString(id) => <[u8; 16]>::try_from(&id[..]).ok().map(TokenId::from_bytes),
            _ => None,
        });
        let ids: Vec<TokenId> = members.collect();
        let mut lookup = redis::pipe();
        for id in &ids {
            lookup.cmd("GET").arg(keys.record(&id.short()));
        }
        let records = self.admin.pipeline(Call::repeatable(name, UNHURRIED), &lookup).await?;
        let mut dangling = Vec::new();
        for (id, answer) in ids.iter().zip(records) {
            let stands = match answer {
                Value::BulkString(packed) => {
                    let record = parse_record(&packed)?;
                    record.id == *id && record.is_privileged() && record.owner.account == account
                }
                _ => false,
            };
            if !stands {
                dangling.push((index.clone(), id.as_bytes().to_vec()));
            }
        }
        let privileged = privileged.unsigned_abs().saturating_sub(dangling.len() as u64);
        self.sweep(dangling).await;
        Ok(Counts { all: all.unsigned_abs(), privileged })
    }
}
