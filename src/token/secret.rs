//! Secrets: minted, gated, hashed. A plain secret can be shown once and is wiped; only its keyed hash is kept.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::TokenId;
use crate::clock::Timestamp;

/// The prefix of secrets in Tollgate's own form. Part of every secret ever handed out: never change it.
const PREFIX: &str = "tg_";
/// Length of an own-form secret: prefix, 10 hex digits of the public part, `_`, 43 base-62 digits (256 bits), 6 of checksum.
const OWN_LENGTH: usize = PREFIX.len() + 10 + 1 + 43 + CHECKSUM_LENGTH;
const CHECKSUM_LENGTH: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Whose shape a secret has. Every form is accepted in every place; the form only rules how new ones look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// `tg_<public>_<256 bits><checksum>`, 63 characters.
    #[default]
    Tg,
    /// 32 lower-case hex digits (docs/dialects/xms.md).
    Xms,
    /// `dt0c01.<24 characters of base 32>.<64 of base 32>` (docs/dialects/dynatrace.md).
    Dynatrace,
    /// Base 64 of 33 random bytes, 44 characters without padding (docs/dialects/astra.md).
    Astra,
}

impl std::str::FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "tg" => Ok(Self::Tg),
            "xms" => Ok(Self::Xms),
            "dynatrace" => Ok(Self::Dynatrace),
            "astra" => Ok(Self::Astra),
            _ => Err(format!("unknown form {text:?}: use tg, xms, dynatrace or astra")),
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tg => "tg",
            Self::Xms => "xms",
            Self::Dynatrace => "dynatrace",
            Self::Astra => "astra",
        })
    }
}

/// A secret in the clear. It prints as `[secret]`, cannot be serialised, and is wiped when dropped.
#[derive(Clone)]
pub struct PlainSecret(Zeroizing<String>);

impl PlainSecret {
    /// Longest secret that is looked at, in bytes.
    pub const MAX_LENGTH: usize = 1024;
    /// Shortest secret that may be imported, in bytes.
    pub const MIN_IMPORT_LENGTH: usize = 16;

    /// Whether `bytes` can be a secret at all, decided without a look-up: 1 to 1024 visible ASCII characters, and the
    /// checksum holds where the own form is claimed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn gate(bytes: &[u8]) -> Result<(), InvalidSecret> {
        // Without an early end the test of the characters compiles to vector instructions.
        let visible = |bytes: &[u8]| bytes.iter().fold(true, |all, byte| all & byte.is_ascii_graphic());
        if bytes.is_empty() || bytes.len() > Self::MAX_LENGTH || !visible(bytes) {
            return Err(InvalidSecret::Shape);
        }
        if bytes.starts_with(PREFIX.as_bytes()) {
            if bytes.len() != OWN_LENGTH {
                return Err(InvalidSecret::Checksum);
            }
            let (body, given) = bytes.split_at(OWN_LENGTH - CHECKSUM_LENGTH);
            if checksum(body) != *given {
                return Err(InvalidSecret::Checksum);
            }
        }
        Ok(())
    }

    /// The text with its secret part hidden, if it has the own form or Dynatrace's, mistyped or not; `None` for texts of other
    /// forms, in which a secret cannot be told from an id.
    pub fn masked(text: &str) -> Option<String> {
        if text.starts_with(PREFIX) {
            return Some(format!("{PREFIX}***"));
        }
        let mut parts = text.splitn(3, '.');
        let (kind, public, _) = (parts.next()?, parts.next()?, parts.next()?);
        // `dt0`, a letter, two digits (docs/dialects/dynatrace.md).
        let [b'd', b't', b'0', letter, digits @ ..] = kind.as_bytes() else { return None };
        let fits = letter.is_ascii_alphabetic() && digits.len() == 2 && digits.iter().all(u8::is_ascii_digit);
        fits.then(|| format!("{kind}.{public}.***"))
    }

    /// Takes a foreign secret for import.
    ///
    /// # Errors
    /// It fails the [gate](Self::gate) or is shorter than 16 characters.
    pub fn import(text: &str) -> Result<Self, InvalidSecret> {
        Self::gate(text.as_bytes())?;
        if text.len() < Self::MIN_IMPORT_LENGTH {
            return Err(InvalidSecret::TooShort);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// Draws the first secret of a token made at `created_at`, and the token's id with it.
    pub fn mint(form: Form, key: &HashKey, created_at: Timestamp) -> (Self, SecretHash, TokenId) {
        if form == Form::Dynatrace {
            // The public part shows the id's first byte, so the id comes first here.
            let id = TokenId::random(random_bytes::<1>()[0], created_at);
            let (secret, hash) = Self::mint_for(form, id, key);
            return (secret, hash, id);
        }
        let draft = TokenId::random(0, created_at);
        let secret = Self::draw(form, draft);
        let hash = key.hash(secret.expose().as_bytes());
        let mut bytes = *draft.as_bytes();
        bytes[0] = hash.tag();
        (secret, hash, TokenId::from_bytes(bytes))
    }

    /// Draws a further secret for an existing token: tried again until its hash falls into the token's slot, 256 draws
    /// on average.
    pub fn mint_for(form: Form, id: TokenId, key: &HashKey) -> (Self, SecretHash) {
        loop {
            let secret = Self::draw(form, id);
            let hash = key.hash(secret.expose().as_bytes());
            if hash.tag() == id.tag() {
                return (secret, hash);
            }
        }
    }

    fn draw(form: Form, id: TokenId) -> Self {
        let mut text = String::with_capacity(96);
        match form {
            Form::Tg => {
                text.push_str(PREFIX);
                // Behind the second of creation, which all tokens of a batch share.
                super::push_hex(&mut text, &id.as_bytes()[5..10]);
                text.push('_');
                push_random(&mut text, BASE62, 43);
                let sum = checksum(text.as_bytes());
                text.extend(sum.iter().map(|b| char::from(*b)));
            }
            Form::Xms => {
                let mut bytes = random_bytes::<16>();
                super::push_hex(&mut text, &bytes);
                bytes.zeroize();
            }
            Form::Dynatrace => {
                text.push_str("dt0c01.");
                text.push_str(&id.dynatrace_public());
                text.push('.');
                push_random(&mut text, BASE32, 64);
            }
            Form::Astra => {
                push_random(&mut text, BASE64, 44);
            }
        }
        Self(Zeroizing::new(text))
    }

    /// The secret itself, for showing it once or hashing it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PlainSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Why a text cannot be a secret. Never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidSecret {
    /// Empty, too long, or with characters outside visible ASCII.
    Shape,
    /// Own form, but mistyped or cut: the length is wrong, or the checksum does not hold.
    Checksum,
    /// Shorter than an import allows.
    TooShort,
}

impl fmt::Display for InvalidSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shape => "a secret is 1 to 1024 visible ASCII characters without blanks",
            Self::Checksum => "the secret is mistyped or cut: its length or its checksum is wrong",
            Self::TooShort => "a secret to import needs at least 16 characters",
        })
    }
}

impl std::error::Error for InvalidSecret {}

/// HMAC-SHA-256(key, SHA-256(secret)): the only form in which a secret is stored, cached or compared.
///
/// The inner digest is plain so that secrets known only as unsalted SHA-256 can be imported.
#[derive(Clone, Copy, serde::Serialize, serde::Deserialize)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// From the 32 bytes a store kept.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The store slot: the first byte.
    pub const fn tag(&self) -> u8 {
        self.0[0]
    }
}

/// Compared in constant time: the words' differences are gathered before anything is decided.
impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        let words = |hash: &Self| {
            let (words, _) = hash.0.as_chunks::<8>();
            [words[0], words[1], words[2], words[3]].map(u64::from_ne_bytes)
        };
        let (own, others) = (words(self), words(other));
        let differences = own.iter().zip(others).fold(0, |all, (own, other)| all | (own ^ other));
        differences.ct_eq(&0).into()
    }
}

impl Eq for SecretHash {}

impl std::hash::Hash for SecretHash {
    fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
        hasher.write(&self.0);
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hash]")
    }
}

/// The key of the secret hash, with its HMAC state prepared once.
#[derive(Clone)]
pub struct HashKey {
    prepared: Hmac<Sha256>,
}

impl HashKey {
    /// Length of a generated key in bytes, and the least that is accepted.
    pub const LENGTH: usize = 32;

    /// Prepares a key.
    ///
    /// # Errors
    /// The key is shorter than 32 bytes.
    pub fn new(key: &[u8]) -> Result<Self, String> {
        if key.len() < Self::LENGTH {
            return Err(format!("the hash key has {} bytes; at least {} are needed", key.len(), Self::LENGTH));
        }
        match Hmac::<Sha256>::new_from_slice(key) {
            Ok(prepared) => Ok(Self { prepared }),
            Err(_) => Err("the hash key cannot be used".to_owned()),
        }
    }

    /// Draws a fresh key.
    pub fn generate() -> Zeroizing<[u8; Self::LENGTH]> {
        Zeroizing::new(random_bytes())
    }

    /// The hash of a secret.
    pub fn hash(&self, secret: &[u8]) -> SecretHash {
        self.hash_digest(&Sha256::digest(secret).into())
    }

    /// The hash of a secret of which only the unsalted SHA-256 is known.
    pub fn hash_digest(&self, digest: &[u8; 32]) -> SecretHash {
        let mut mac = self.prepared.clone();
        mac.update(digest);
        SecretHash(mac.finalize().into_bytes().into())
    }

    /// Sixteen bytes that tell whether two processes use the same key, and nothing else.
    pub fn fingerprint(&self) -> [u8; 16] {
        let mut mac = self.prepared.clone();
        // Longer than a digest, so it can never equal the hash of a secret.
        mac.update(b"tollgate: fingerprint of the secret hash key, version 1");
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        let mut short = [0; 16];
        short.copy_from_slice(&full[..16]);
        short
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hash key]")
    }
}

/// CRC-32 of `body` in six base-62 digits.
fn checksum(body: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    let mut rest = crc32fast::hash(body);
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

/// Appends `count` digits drawn evenly from `alphabet` (at most 64 long), by rejection.
fn push_random(text: &mut String, alphabet: &[u8], count: usize) {
    let end = text.len() + count;
    while text.len() < end {
        let mut bytes = random_bytes::<64>();
        for byte in bytes.iter().map(|b| usize::from(b & 63)).filter(|b| *b < alphabet.len()) {
            if text.len() == end {
                break;
            }
            text.push(char::from(alphabet[byte]));
        }
        bytes.zeroize();
    }
}

/// Bytes from the operating system's generator.
#[allow(clippy::expect_used)] // Without entropy no secret may be made; the kernel's generator fails only before boot ends.
fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system's random generator");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> HashKey {
        HashKey::new(&[7; 32]).expect("long enough")
    }

    #[test]
    fn every_form_is_minted_in_shape_and_in_its_slot() {
        let shapes =
            [(Form::Tg, 63, "tg_"), (Form::Xms, 32, ""), (Form::Dynatrace, 96, "dt0c01."), (Form::Astra, 44, "")];
        for (form, length, prefix) in shapes {
            let (secret, hash, id) = PlainSecret::mint(form, &key(), Timestamp::system());
            assert_eq!(secret.expose().len(), length, "{form}");
            assert!(secret.expose().starts_with(prefix));
            assert_eq!(PlainSecret::gate(secret.expose().as_bytes()), Ok(()));
            assert_eq!(hash.tag(), id.tag());
            let (again, second) = PlainSecret::mint_for(form, id, &key());
            assert_ne!(again.expose(), secret.expose());
            assert_eq!(second.tag(), id.tag());
        }
    }

    #[test]
    fn every_single_edit_of_an_own_secret_is_refused_without_a_look_up() {
        let (secret, _, _) = PlainSecret::mint(Form::Tg, &key(), Timestamp::system());
        let text = secret.expose();
        for at in 3..text.len() {
            for byte in BASE62 {
                let mut edited = text.as_bytes().to_vec();
                if edited[at] == *byte {
                    continue;
                }
                edited[at] = *byte;
                assert!(PlainSecret::gate(&edited).is_err());
            }
            let mut shorter = text.to_owned();
            shorter.remove(at);
            assert!(PlainSecret::gate(shorter.as_bytes()).is_err());
            let mut longer = text.to_owned();
            longer.insert(at, 'x');
            assert!(PlainSecret::gate(longer.as_bytes()).is_err());
        }
    }

    #[test]
    fn a_digest_import_hashes_like_the_secret() {
        let digest: [u8; 32] = Sha256::digest(b"some foreign secret").into();
        assert_eq!(key().hash(b"some foreign secret"), key().hash_digest(&digest));
    }

    #[test]
    fn hashes_differ_by_any_bit() {
        let hash = SecretHash::from_bytes([0xa5; 32]);
        assert_eq!(hash, SecretHash::from_bytes([0xa5; 32]));
        for bit in 0..256 {
            let mut bytes = [0xa5; 32];
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(hash, SecretHash::from_bytes(bytes));
        }
    }

    /// Computed independently:
    /// python3 -c 'import hmac,hashlib;print(hmac.new(bytes([7]*32),hashlib.sha256(b"abc").digest(),"sha256").hexdigest())'
    #[test]
    fn the_hash_is_hmac_sha256_over_sha256() {
        assert_eq!(crate::token::hex(key().hash(b"abc").as_bytes()), HMAC_OF_ABC);
    }
    const HMAC_OF_ABC: &str = "a2d1993e17f077129d14af2ac3c9862ec72f83bce565814b56f067562b06408b";

    #[test]
    fn nothing_secret_prints() {
        let (secret, hash, _) = PlainSecret::mint(Form::Tg, &key(), Timestamp::system());
        assert_eq!(format!("{secret:?} {hash:?} {:?}", key()), "[secret] [hash] [hash key]");
    }

    #[test]
    fn odd_texts_are_gated() {
        for bad in [&b""[..], b"has blank", b"new\nline", b"caf\xc3\xa9", b"nul\0", b"tg_short"] {
            assert!(PlainSecret::gate(bad).is_err());
        }
        assert_eq!(PlainSecret::gate(&[b'a'; 1025]), Err(InvalidSecret::Shape));
        assert_eq!(PlainSecret::import("short").err(), Some(InvalidSecret::TooShort));
    }
}
