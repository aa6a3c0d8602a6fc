//! The canonical id of a token and the forms other dialects expect of it.

use std::fmt;
use std::str::FromStr;

/// A UUID of version 4 whose first byte is the store's slot tag: the first byte of the keyed hash of the secret the
/// token was made with, so that a secret and its id lead to the same slot. 114 bits remain random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct TokenId([u8; 16]);

impl TokenId {
    /// Length in bytes of the prefix that names a token uniquely (Losant's 24 hex digits; stores key records by it).
    pub const SHORT: usize = 12;

    /// Draws an id below `tag`.
    pub fn random(tag: u8) -> Self {
        let mut bytes = *uuid::Uuid::new_v4().as_bytes();
        bytes[0] = tag;
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

    /// Losant's form: 24 lower-case hex digits (contract page losant).
    pub fn losant(&self) -> String {
        let mut text = String::with_capacity(24);
        push_hex(&mut text, &self.0[..Self::SHORT]);
        text
    }

    /// Dynatrace's public part: 24 characters of base 32 over the first 15 bytes (contract page dynatrace).
    pub fn dynatrace_public(&self) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut text = String::with_capacity(24);
        for chunk in self.0[..15].chunks_exact(5) {
            let word = chunk.iter().fold(0u64, |word, byte| (word << 8) | u64::from(*byte));
            for shift in (0..8).rev() {
                text.push(char::from(ALPHABET[((word >> (shift * 5)) & 31) as usize]));
            }
        }
        text
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

    /// Parses Losant's 24 hex digits, either case.
    ///
    /// # Errors
    /// The text is not exactly 24 hex digits.
    pub fn parse_losant(text: &str) -> Result<Self, InvalidId> {
        if text.len() != 24 || !text.is_ascii() {
            return Err(InvalidId);
        }
        let mut bytes = [0; TokenId::SHORT];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| InvalidId)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| InvalidId)?;
        }
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
}

impl FromStr for TokenRef {
    type Err = InvalidId;

    /// Digits are a serial, 24 hex digits Losant's id, anything else must be a UUID.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if !text.is_empty() && text.len() < 20 && text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().map(Self::Serial).map_err(|_| InvalidId);
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
        f.write_str("not a token id: give the UUID, the serial number or the 24 hex digits that `token list` shows")
    }
}

impl std::error::Error for InvalidId {}

/// Appends lower-case hex digits.
pub(crate) fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_4_uuids_below_their_tag() {
        for tag in [0, 7, 255] {
            let id = TokenId::random(tag);
            assert_eq!(id.tag(), tag);
            let uuid = uuid::Uuid::parse_str(&id.to_string()).expect("a UUID");
            assert_eq!((uuid.get_version_num(), uuid.get_variant()), (4, uuid::Variant::RFC4122));
        }
    }

    #[test]
    fn projections_have_the_vendors_forms() {
        let id: TokenId = "00112233-4455-4677-8899-aabbccddeeff".parse().expect("valid");
        assert_eq!(id.losant(), "00112233445546778899aabb");
        assert_eq!(id.dynatrace_public(), "AAISEM2EKVDHPCEZVK54ZXPO");
        assert_eq!("00112233445546778899AABB".parse(), Ok(TokenRef::Short(id.short())));
        assert_eq!("42".parse(), Ok(TokenRef::Serial(42)));
        assert!("nope".parse::<TokenRef>().is_err());
        assert!("00112233445546778899aag+".parse::<TokenRef>().is_err());
    }
}
