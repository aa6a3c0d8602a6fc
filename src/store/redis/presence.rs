//! The sidecars that share the server: one sorted set, scored by the time they were last seen.

use std::collections::BTreeMap;

use redis::Value;

use super::call::Call;
use super::{Core, RedisStore, UNHURRIED, unexpected};
use crate::clock::Timestamp;
use crate::token::{Member, Presence, StoreError, StoreFuture};

impl Presence for RedisStore {
    fn announce(&self, member: Member) -> StoreFuture<'_, ()> {
        self.unhurried(async move |core| core.announce(&member).await)
    }

    fn members(&self) -> StoreFuture<'_, Vec<Member>> {
        self.unhurried(async move |core| core.present().await)
    }
}

impl Core {
    async fn announce(&self, member: &Member) -> Result<(), StoreError> {
        let (key, life) = (self.target.keys.present(), Member::LIFE.as_millis().to_string());
        let call = Call::repeatable("announcing this sidecar", UNHURRIED);
        self.admin.script(call, &self.target.scripts.announce, &[&key], &[&pack(member), life.as_bytes()]).await?;
        Ok(())
    }

    async fn present(&self) -> Result<Vec<Member>, StoreError> {
        let (name, key) = ("listing sidecars", self.target.keys.present());
        let (life, most) = (Member::LIFE.as_millis().to_string(), Member::MOST.to_string());
        let call = Call::repeatable(name, UNHURRIED);
        let args = [life.as_bytes(), most.as_bytes()];
        let Value::Array(answer) = self.admin.script(call, &self.target.scripts.members, &[&key], &args).await? else {
            return Err(unexpected(name));
        };
        // A sidecar that was started again may be there twice; the one seen last comes first.
        let mut members = BTreeMap::new();
        for pair in answer.as_chunks::<2>().0 {
            let [Value::BulkString(packed), Value::BulkString(seen)] = pair else { return Err(unexpected(name)) };
            let member = parse(packed, seen).ok_or_else(|| unexpected(name))?;
            members.entry(member.id.clone()).or_insert(member);
        }
        Ok(members.into_values().collect())
    }
}

/// Start (i64, big-endian milliseconds), id, address and version, each but the last ended by a zero.
fn pack(member: &Member) -> Vec<u8> {
    let mut packed = member.started_at.as_millis().to_be_bytes().to_vec();
    packed.extend_from_slice([member.id.as_str(), &member.address, &member.version].join("\0").as_bytes());
    packed
}

fn parse(packed: &[u8], seen: &[u8]) -> Option<Member> {
    let (started, texts) = packed.split_first_chunk::<8>()?;
    let mut texts = std::str::from_utf8(texts).ok()?.splitn(3, '\0').map(str::to_owned);
    Some(Member {
        id: texts.next()?,
        address: texts.next()?,
        version: texts.next()?,
        started_at: Timestamp::from_millis(i64::from_be_bytes(*started)),
        seen_at: Timestamp::from_millis(std::str::from_utf8(seen).ok()?.parse().ok()?),
    })
}
