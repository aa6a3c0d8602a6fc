//! The names of things in Redis, and the small values that are not records.
//!
//! Keys of one tag share a hash slot (`{00}` to `{ff}`), so that a secret leads to its token within one script.

use crate::clock::Timestamp;
use crate::token::{Change, Owner, SecretHash, ShortId, SortBy, StoreError, TokenId, TokenRecord, Tombstone};

/// First byte of an entry that sends on to a token in another tag; the id follows.
const FORWARD: u8 = b'F';
/// First byte of a tombstone; id, time (i64, big-endian milliseconds) and reason follow.
const TOMBSTONE: u8 = b'T';
/// Field of the token's hash that holds the last use.
pub(super) const LAST_USE: &[u8] = b"u";

/// Makes keys below one prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// What all keys of a tag begin with.
    pub(super) fn base(&self, tag: u8) -> Vec<u8> {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut key = Vec::with_capacity(self.prefix.len() + 6 + 2 + 32);
        key.extend_from_slice(self.prefix.as_bytes());
        let digits = [HEX[usize::from(tag >> 4)], HEX[usize::from(tag & 15)]];
        key.extend_from_slice(b":{");
        key.extend_from_slice(&digits);
        key.extend_from_slice(b"}:");
        key
    }

    fn tagged(&self, tag: u8, kind: u8, rest: &[u8]) -> Vec<u8> {
        let mut key = self.base(tag);
        key.extend_from_slice(&[kind, b':']);
        key.extend_from_slice(rest);
        key
    }

    /// The packed record of a token.
    pub(super) fn record(&self, id: &ShortId) -> Vec<u8> {
        self.tagged(id.as_bytes()[0], b't', id.as_bytes())
    }

    /// Where a secret leads.
    pub(super) fn secret(&self, hash: &SecretHash) -> Vec<u8> {
        self.tagged(hash.tag(), b'h', hash.as_bytes())
    }

    /// Quota counters and last use of a token.
    pub(super) fn counters(&self, id: &ShortId) -> Vec<u8> {
        self.tagged(id.as_bytes()[0], b'm', id.as_bytes())
    }

    /// The shared minute bucket of a token.
    pub(super) fn bucket(&self, id: &ShortId) -> Vec<u8> {
        self.tagged(id.as_bytes()[0], b'b', id.as_bytes())
    }

    /// Events of a token.
    pub(super) fn activity(&self, id: &ShortId) -> Vec<u8> {
        self.tagged(id.as_bytes()[0], b'a', id.as_bytes())
    }

    /// How far a spool has been taken for a token.
    pub(super) fn mark(&self, id: &ShortId, spool: [u8; 8]) -> Vec<u8> {
        self.tagged(id.as_bytes()[0], b's', &[&id.as_bytes()[..], &spool].concat())
    }

    /// The counter of serials.
    pub(super) fn last_serial(&self) -> Vec<u8> {
        format!("{}:serial", self.prefix).into_bytes()
    }

    /// The id behind a serial.
    pub(super) fn serial(&self, serial: u64) -> Vec<u8> {
        format!("{}:n:{serial}", self.prefix).into_bytes()
    }

    /// Every owner that has ever had a token.
    pub(super) fn owners(&self) -> Vec<u8> {
        format!("{}:owners", self.prefix).into_bytes()
    }

    /// The tokens of an account by date.
    pub(super) fn account(&self, account: &str) -> Vec<u8> {
        format!("{}:{{a:{account}}}:d", self.prefix).into_bytes()
    }

    /// The privileged tokens of an account.
    pub(super) fn privileged(&self, account: &str) -> Vec<u8> {
        format!("{}:{{a:{account}}}:p", self.prefix).into_bytes()
    }

    /// Where the derived id of an owner or account leads.
    pub(super) fn foreign(&self, key: &[u8]) -> Vec<u8> {
        [self.prefix.as_bytes(), b":i:", key].concat()
    }

    /// The tokens of an owner (given as a member of [`owners`](Self::owners)) in one order; the newest are read from the
    /// end of those by date.
    pub(super) fn index(&self, owner: &[u8], sort: SortBy) -> Vec<u8> {
        let mut key = format!("{}:{{o:", self.prefix).into_bytes();
        key.extend_from_slice(owner);
        key.extend_from_slice(if sort == SortBy::Name { b"}:n" } else { b"}:d" });
        key
    }

    /// The sidecars that share the server.
    pub(super) fn present(&self) -> Vec<u8> {
        format!("{}:present", self.prefix).into_bytes()
    }

    /// The fingerprint of the hash key.
    pub(super) fn fingerprint(&self) -> Vec<u8> {
        format!("{}:key", self.prefix).into_bytes()
    }

    /// The channel of the change feed.
    pub(super) fn channel(&self) -> Vec<u8> {
        format!("{}:changes", self.prefix).into_bytes()
    }
}

/// A member of an index: key of the index, member.
pub(super) type Member = (Vec<u8>, Vec<u8>);

/// An owner as a member of the owner index.
pub(super) fn owner_member(owner: &Owner) -> Vec<u8> {
    crate::store::foreign::pack_owner(owner)
}

/// A token as a member of one of its owner's indexes: sorts by name or date, then id; the id is the last 16 bytes.
pub(super) fn token_member(record: &TokenRecord, sort: SortBy) -> Vec<u8> {
    let id = record.id.as_bytes();
    match sort {
        SortBy::Name => [record.name.as_bytes(), b"\0", id].concat(),
        SortBy::Created | SortBy::Newest => {
            // The flipped sign bit makes dates before 1970 sort first.
            let date = (record.created_at.as_millis() ^ i64::MIN).to_be_bytes();
            [&date[..], id].concat()
        }
    }
}

/// The id at the end of a member.
pub(super) fn id_of_member(member: &[u8]) -> Option<TokenId> {
    member.last_chunk::<16>().map(|id| TokenId::from_bytes(*id))
}

/// Where a secret leads.
#[derive(Debug, PartialEq)]
pub(super) enum Entry {
    /// To a token of its own tag.
    Token(TokenId),
    /// To a token of another tag.
    Forward(TokenId),
    /// Nowhere any more.
    Tombstone(Tombstone),
}

impl Entry {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, StoreError> {
        let wrong = || StoreError::Corrupt("an entry of a secret cannot be read".to_owned());
        if let Ok(id) = <[u8; 16]>::try_from(bytes) {
            return Ok(Self::Token(TokenId::from_bytes(id)));
        }
        let (kind, rest) = bytes.split_first().ok_or_else(wrong)?;
        let (id, rest) = rest.split_first_chunk::<16>().ok_or_else(wrong)?;
        let id = TokenId::from_bytes(*id);
        match (*kind, rest.split_first_chunk::<8>()) {
            (FORWARD, None) if rest.is_empty() => Ok(Self::Forward(id)),
            (TOMBSTONE, Some((at, reason))) => Ok(Self::Tombstone(Tombstone {
                id,
                revoked_at: Timestamp::from_millis(i64::from_be_bytes(*at)),
                reason: String::from_utf8_lossy(reason).into_owned(),
            })),
            _ => Err(wrong()),
        }
    }

    /// The token of a live entry.
    pub(super) fn id(&self) -> Option<TokenId> {
        match self {
            Self::Token(id) | Self::Forward(id) => Some(*id),
            Self::Tombstone(_) => None,
        }
    }

    pub(super) fn pack_forward(id: TokenId) -> Vec<u8> {
        [&[FORWARD][..], id.as_bytes()].concat()
    }

    pub(super) fn pack_tombstone(stone: &Tombstone) -> Vec<u8> {
        let at = stone.revoked_at.as_millis().to_be_bytes();
        [&[TOMBSTONE][..], stone.id.as_bytes(), &at, stone.reason.as_bytes()].concat()
    }
}

/// A stored record: generation (u64) and expiry (i64 milliseconds, `i64::MAX` = never), both big-endian so that scripts
/// can read them, then the packed record.
pub(super) fn pack_record(record: &TokenRecord) -> Result<Vec<u8>, StoreError> {
    let expires_at = record.expires_at.map_or(i64::MAX, Timestamp::as_millis);
    let packed = crate::store::codec::encode(record)?;
    Ok([&record.generation.to_be_bytes()[..], &expires_at.to_be_bytes(), &packed].concat())
}

/// Reads what [`pack_record`] packed.
pub(super) fn parse_record(bytes: &[u8]) -> Result<TokenRecord, StoreError> {
    match bytes.get(16..) {
        Some(packed) => crate::store::codec::decode(packed),
        None => Err(StoreError::Corrupt("a token record is cut".to_owned())),
    }
}

/// A message of the change feed: id, generation (u64, big-endian), hashes.
pub(super) fn pack_change(id: TokenId, generation: u64, hashes: &[SecretHash]) -> Vec<u8> {
    let mut message = Vec::with_capacity(24 + 32 * hashes.len());
    message.extend_from_slice(id.as_bytes());
    message.extend_from_slice(&generation.to_be_bytes());
    hashes.iter().for_each(|hash| message.extend_from_slice(hash.as_bytes()));
    message
}

/// Reads what [`pack_change`] packed.
pub(super) fn parse_change(message: &[u8]) -> Option<Change> {
    let (id, rest) = message.split_first_chunk::<16>()?;
    let (generation, rest) = rest.split_first_chunk::<8>()?;
    let (hashes, cut) = rest.as_chunks::<32>();
    cut.is_empty().then(|| Change::Token {
        id: TokenId::from_bytes(*id),
        generation: u64::from_be_bytes(*generation),
        hashes: hashes.iter().map(|hash| SecretHash::from_bytes(*hash)).collect(),
    })
}

#[cfg(test)]
mod unit {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn entries_survive_and_are_told_apart(id in any::<[u8; 16]>(), at in any::<i64>(), reason in ".{0,40}") {
            let id = TokenId::from_bytes(id);
            prop_assert_eq!(Entry::parse(id.as_bytes()).ok(), Some(Entry::Token(id)));
            prop_assert_eq!(Entry::parse(&Entry::pack_forward(id)).ok(), Some(Entry::Forward(id)));
            let stone = Tombstone { id, revoked_at: Timestamp::from_millis(at), reason };
            let packed = Entry::pack_tombstone(&stone);
            // The scripts tell the three apart by their length.
            prop_assert!(packed.len() > 17);
            prop_assert_eq!(Entry::parse(&packed).ok(), Some(Entry::Tombstone(stone)));
        }

        #[test]
        fn strange_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = Entry::parse(&bytes);
            let _ = parse_change(&bytes);
            let _ = parse_record(&bytes);
            let _ = id_of_member(&bytes);
        }

        #[test]
        fn changes_survive(
            id in any::<[u8; 16]>(), at in any::<u64>(), told in proptest::collection::vec(any::<[u8; 32]>(), 0..4)
        ) {
            let told: Vec<SecretHash> = told.into_iter().map(SecretHash::from_bytes).collect();
            match parse_change(&pack_change(TokenId::from_bytes(id), at, &told)) {
                Some(Change::Token { id: read, generation, hashes }) => {
                    prop_assert_eq!((*read.as_bytes(), generation, hashes), (id, at, told));
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
