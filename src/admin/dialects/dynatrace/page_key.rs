//! The opaque key of a next page: every parameter of the list and the place it goes on from, sealed with the hash key, so that
//! any sidecar of the fleet takes it and nobody can write one.

use serde::{Deserialize, Serialize};

use super::query::Parameters;
use crate::clock::Timestamp;
use crate::token::{HashKey, SecretHash, hex, parse_hex};

/// What is sealed begins with it. No secret holds a zero, so that no seal is the hash of one; the figure is the key's version.
const SEALED: &[u8] = b"dynatrace page key 1\0";
/// Bytes of the seal.
const SEAL: usize = 32;

/// A next page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PageKey {
    pub(super) parameters: Parameters,
    pub(super) place: Place,
}

/// Where a list goes on. A place, not a count: tokens that come and go between two pages shift nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    /// A cursor of the store.
    Cursor(String),
    /// After this token, among those that were there when the first page was.
    After { value: SortValue, id: [u8; 16], began: Timestamp },
}

/// What a token is sorted by; `None` comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum SortValue {
    Text(String),
    Date(Option<Timestamp>),
}

impl PageKey {
    /// As text, for callers of one account.
    pub(super) fn seal(&self, key: &HashKey, account: &str) -> String {
        // Numbers, texts and lists of them: nothing that postcard cannot hold.
        let packed = postcard::to_allocvec(self).unwrap_or_default();
        hex(seal(&packed, key, account).as_bytes()) + &hex(&packed)
    }

    /// Reads a key; `None` for anything but what [`seal`](Self::seal) wrote for this account.
    pub(super) fn open(text: &str, key: &HashKey, account: &str) -> Option<Self> {
        // One text for each key.
        let bytes = parse_hex(text).filter(|_| !text.bytes().any(|byte| byte.is_ascii_uppercase()))?;
        let (given, packed) = bytes.split_first_chunk::<SEAL>()?;
        if SecretHash::from_bytes(*given) != seal(packed, key, account) {
            return None;
        }
        postcard::from_bytes(packed).ok()
    }
}

fn seal(packed: &[u8], key: &HashKey, account: &str) -> SecretHash {
    key.hash(&[SEALED, account.as_bytes(), b"\0", packed].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::dialects::dynatrace::query::{Asked, parse};
    use proptest::prelude::*;

    fn key(byte: u8) -> HashKey {
        HashKey::new(&[byte; 32]).expect("long enough")
    }

    fn page_key(name: &str, cursor: Option<&str>) -> PageKey {
        let now = Timestamp::from_millis(1_900_000_000_000);
        let query =
            "apiTokenSelector=owner(\"tom\"),scope(\"a\",\"b\")&fields=%2Bscopes&sort=name&from=now-1d&pageSize=100";
        let Ok(Asked::First(parameters)) = parse(query, now) else { panic!("parameters") };
        let after = Place::After { value: SortValue::Text(name.to_owned()), id: [7; 16], began: now };
        PageKey { parameters, place: cursor.map_or(after, |cursor| Place::Cursor(cursor.to_owned())) }
    }

    #[test]
    fn a_key_holds_everything_and_belongs_to_one_account_and_one_fleet() {
        for cursor in [None, Some("7200ff")] {
            let made = page_key("edge é", cursor);
            let text = made.seal(&key(1), "acme");
            assert_eq!(PageKey::open(&text, &key(1), "acme"), Some(made));
            assert_eq!(PageKey::open(&text, &key(1), "other"), None);
            assert_eq!(PageKey::open(&text, &key(2), "acme"), None);
        }
    }

    #[test]
    fn the_longest_parameters_fit_into_a_head() {
        let mut made = page_key(&"\u{10ffff}".repeat(255), None);
        let longest = format!("apiTokenSelector=owner(\"{}\")", "x".repeat(4087));
        let Ok(Asked::First(parameters)) = parse(&longest, Timestamp::from_millis(0)) else {
            panic!("within its bound")
        };
        made.parameters = parameters;
        assert!(made.seal(&key(1), "acme").len() < 16 * 1024);
    }

    proptest! {
        #[test]
        fn any_other_text_is_refused(at in any::<prop::sample::Index>(), with in "[0-9a-fA-Fgxé]", any in "\\PC{0,80}") {
            let text = page_key("n", None).seal(&key(1), "acme");
            let at = at.index(text.len());
            let changed = format!("{}{with}{}", &text[..at], &text[at + 1..]);
            if changed != text {
                prop_assert_eq!(PageKey::open(&changed, &key(1), "acme"), None);
            }
            prop_assert_eq!(PageKey::open(&text[..at], &key(1), "acme"), None);
            prop_assert_eq!(PageKey::open(&format!("{text}{with}"), &key(1), "acme"), None);
            prop_assert_eq!(PageKey::open(&any, &key(1), "acme"), None);
        }
    }
}
