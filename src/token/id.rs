//! The canonical id of a token and the forms other dialects expect of it.

use std::fmt;
use std::str::FromStr;

use super::{parse_hex, push_hex};
use crate::clock::Timestamp;

/// A UUID of version 4 whose first byte is the store's slot tag: the first byte of the keyed hash of the secret the
/// token was made with, so that a secret and its id lead to the same slot. The four bytes behind it are the second of
/// creation, so that Losant's form sorts by age; 82 bits remain random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct TokenId([u8; 16]);

impl TokenId {
    /// Length in bytes of the prefix that names a token uniquely (Losant's 24 hex digits show it; stores key records by
    /// it). 50 of its bits are random: of a thousand tokens made below one tag in one second, two share it once in two
    /// billion such seconds, and a store then refuses the second with [`IdTaken`](super::StoreError::IdTaken).
    pub const SHORT: usize = 12;

    /// Draws an id below `tag` for a token made at `created_at`, which counts in whole seconds from 1970 to 2106.
    pub fn random(tag: u8, created_at: Timestamp) -> Self {
        let second = u32::try_from(created_at.as_millis().max(0) / 1000).unwrap_or(u32::MAX);
        let mut bytes = *uuid::Uuid::new_v4().as_bytes();
        bytes[0] = tag;
        bytes[1..5].copy_from_slice(&second.to_be_bytes());
        Self(bytes)
    }

    /// From the 16 bytes a store kept.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes of the UUID.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The store slot this token lives in.
    pub const fn tag(&self) -> u8 {
        self.0[0]
    }

    /// The first twelve bytes, which name the token uniquely in a store.
    pub fn short(&self) -> ShortId {
        let mut short = [0; Self::SHORT];
        short.copy_from_slice(&self.0[..Self::SHORT]);
        ShortId(short)
    }

    /// Losant's form: 24 lower-case hex digits that sort by the second of creation (docs/dialects/losant.md).
    pub fn losant(&self) -> String {
        self.short().losant()
    }

    /// The first 15 bytes, which Dynatrace's public part shows.
    pub fn public(&self) -> [u8; 15] {
        let mut public = [0; 15];
        public.copy_from_slice(&self.0[..15]);
        public
    }

    /// Dynatrace's public part: 24 characters of base 32 over the first 15 bytes (docs/dialects/dynatrace.md).
    pub fn dynatrace_public(&self) -> String {
        let mut text = String::with_capacity(24);
        for chunk in self.0[..15].chunks_exact(5) {
            let word = chunk.iter().fold(0u64, |word, byte| (word << 8) | u64::from(*byte));
            for shift in (0..8).rev() {
                text.push(char::from(BASE32[((word >> (shift * 5)) & 31) as usize]));
            }
        }
        text
    }

    /// Dynatrace's form: `dt0c01.` and the public part.
    pub fn dynatrace(&self) -> String {
        format!("{}{}", TokenRef::DYNATRACE, self.dynatrace_public())
    }

    /// Reads what [`dynatrace_public`](Self::dynatrace_public) wrote, without the `dt0c01.` before it.
    ///
    /// # Errors
    /// The text is not exactly 24 characters of A-Z and 2-7.
    pub fn parse_dynatrace_public(text: &str) -> Result<[u8; 15], InvalidId> {
        if text.len() != 24 {
            return Err(InvalidId);
        }
        let mut bytes = [0; 15];
        for (part, digits) in bytes.chunks_exact_mut(5).zip(text.as_bytes().chunks_exact(8)) {
            let mut word = 0u64;
            for digit in digits {
                let value = match digit {
                    b'A'..=b'Z' => digit - b'A',
                    b'2'..=b'7' => digit - b'2' + 26,
                    _ => return Err(InvalidId),
                };
                word = (word << 5) | u64::from(value);
            }
            part.copy_from_slice(&word.to_be_bytes()[3..]);
        }
        Ok(bytes)
    }

    /// Writes the hyphenated lower-case form into `out`, without allocating.
    pub fn encode<'a>(&self, out: &'a mut [u8; 36]) -> &'a str {
        uuid::Uuid::from_bytes(self.0).hyphenated().encode_lower(out)
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encode(&mut [0; 36]))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TokenId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        uuid::Uuid::try_parse(text).map(|u| Self(*u.as_bytes())).map_err(|_| InvalidId)
    }
}

/// The first twelve bytes of a [`TokenId`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ShortId([u8; TokenId::SHORT]);

impl ShortId {
    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; TokenId::SHORT] {
        &self.0
    }

    /// From the bytes a store kept.
    pub const fn from_bytes(bytes: [u8; TokenId::SHORT]) -> Self {
        Self(bytes)
    }

    /// Losant's form: bytes 1 to 4, the second of creation, then the tag, then the rest.
    pub fn losant(&self) -> String {
        let mut text = String::with_capacity(24);
        push_hex(&mut text, &self.0[1..5]);
        push_hex(&mut text, &self.0[..1]);
        push_hex(&mut text, &self.0[5..]);
        text
    }

    /// Parses Losant's 24 hex digits, either case.
    ///
    /// # Errors
    /// The text is not exactly 24 hex digits.
    pub fn parse_losant(text: &str) -> Result<Self, InvalidId> {
        let mut bytes = parse_hex12(text)?;
        bytes[..5].rotate_right(1);
        Ok(Self(bytes))
    }
}

/// How a caller may name a token; each form is found without a scan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenRef {
    /// The canonical UUID.
    Id(TokenId),
    /// The number of the record (XMS).
    Serial(u64),
    /// Losant's id.
    Short(ShortId),
    /// The first 15 bytes, from Dynatrace's id.
    Public([u8; 15]),
}

impl TokenRef {
    /// What Dynatrace's ids begin with.
    pub const DYNATRACE: &'static str = "dt0c01.";
}

impl FromStr for TokenRef {
    type Err = InvalidId;

    /// Digits are a serial, 24 hex digits Losant's id, `dt0c01.` begins Dynatrace's, anything else must be a UUID.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if !text.is_empty() && text.len() < 20 && text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().map(Self::Serial).map_err(|_| InvalidId);
        }
        if let Some(public) = text.strip_prefix(Self::DYNATRACE) {
            return TokenId::parse_dynatrace_public(public).map(Self::Public);
        }
        if let Ok(short) = ShortId::parse_losant(text) {
            return Ok(Self::Short(short));
        }
        text.parse().map(Self::Id)
    }
}

/// A text that names no token in any known form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidId;

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not a token id: give the UUID, the serial number, the 24 hex digits or the dt0c01. form that `token show` \
             prints",
        )
    }
}

impl std::error::Error for InvalidId {}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Reads exactly 24 hex digits, either case.
pub(crate) fn parse_hex12(text: &str) -> Result<[u8; 12], InvalidId> {
    parse_hex(text).and_then(|bytes| bytes.try_into().ok()).ok_or(InvalidId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_4_uuids_below_their_tag() {
        for tag in [0, 7, 255] {
            let id = TokenId::random(tag, Timestamp::system());
            assert_eq!(id.tag(), tag);
            let uuid = uuid::Uuid::parse_str(&id.to_string()).expect("a UUID");
            assert_eq!((uuid.get_version_num(), uuid.get_variant()), (4, uuid::Variant::RFC4122));
        }
    }

    #[test]
    fn projections_have_the_vendors_forms() {
        let id: TokenId = "00112233-4455-4677-8899-aabbccddeeff".parse().expect("valid");
        assert_eq!(id.losant(), "11223344005546778899aabb");
        assert_eq!(id.dynatrace_public(), "AAISEM2EKVDHPCEZVK54ZXPO");
        assert_eq!("11223344005546778899AABB".parse(), Ok(TokenRef::Short(id.short())));
        assert_eq!("dt0c01.AAISEM2EKVDHPCEZVK54ZXPO".parse(), Ok(TokenRef::Public(id.public())));
        for bad in [
            "",
            "AAISEM2EKVDHPCEZVK54ZXP",
            "AAISEM2EKVDHPCEZVK54ZXPOA",
            "aAISEM2EKVDHPCEZVK54ZXPO",
            "1AISEM2EKVDHPCEZVK54ZXPO",
        ] {
            assert!(format!("dt0c01.{bad}").parse::<TokenRef>().is_err(), "{bad}");
        }
        assert_eq!("42".parse(), Ok(TokenRef::Serial(42)));
        assert!("nope".parse::<TokenRef>().is_err());
        assert!("00112233445546778899aag+".parse::<TokenRef>().is_err());
    }

    #[test]
    fn losants_form_sorts_by_the_second_of_creation() {
        let mut earlier = String::new();
        for (millis, tag) in [(-5, 250), (1_000, 200), (1_900_000_000_000, 9), (1_900_000_001_000, 1), (i64::MAX, 0)] {
            let id = TokenId::random(tag, Timestamp::from_millis(millis));
            assert_eq!(id.losant().parse(), Ok(TokenRef::Short(id.short())));
            assert!(earlier < id.losant(), "{millis}");
            earlier = id.losant();
        }
    }
}
