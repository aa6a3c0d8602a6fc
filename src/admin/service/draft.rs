//! What callers ask for, and the bounds of every field.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::Error;
use crate::clock::Timestamp;
use crate::token::{Form, Owner, PlainSecret, Scope, Status, parse_hex};

const NAME_CHARS: usize = 255;
/// Losant's bound, the widest of the vendors'.
const DESCRIPTION_CHARS: usize = 32_767;
const SCOPES: usize = 256;
const NETWORKS: usize = 64;
const LABELS: usize = 64;
const LABEL_KEY_CHARS: usize = 128;
const LABEL_VALUE_CHARS: usize = 512;
const REGION_CHARS: usize = 64;
const REASON_CHARS: usize = 512;
/// Bytes of the metadata as JSON.
const METADATA_BYTES: usize = 16 * 1024;
/// Levels of lists and objects in the metadata, itself included. What shows it to people puts it a few levels deeper, and no
/// reader of ours follows more than 127.
const METADATA_DEPTH: usize = 64;
/// End of the year 9999, the last that RFC 3339 can write.
const LAST_DATE: Timestamp = Timestamp::from_millis(253_402_300_799_999);

/// A token to make. `None` means that the caller said nothing and the defaults of the service hold.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Draft {
    /// 1 to 255 characters, no control characters.
    pub(crate) name: String,
    /// At most 32767 characters.
    pub(crate) description: String,
    /// Name of the owner; the caller's by default.
    pub(crate) owner: Option<String>,
    /// Name of the account; the caller's by default.
    pub(crate) account: Option<String>,
    /// At most 256 names; doubles are dropped.
    pub(crate) scopes: Option<Vec<String>>,
    /// A plan of the configuration.
    pub(crate) plan: Option<String>,
    /// Enabled by default.
    pub(crate) status: Status,
    /// In the future.
    pub(crate) expires_at: Option<Timestamp>,
    /// At most 64.
    pub(crate) labels: BTreeMap<String, String>,
    /// At most 64 addresses or CIDR ranges; empty = any.
    pub(crate) networks: Option<Vec<String>>,
    /// At most 64 characters; empty = any.
    pub(crate) region: Option<String>,
    /// At most 16 KiB as JSON, and 64 levels deep.
    pub(crate) metadata: serde_json::Map<String, serde_json::Value>,
    /// Made by a person for themselves.
    pub(crate) personal: bool,
    /// The shape of its secrets.
    pub(crate) form: Form,
}

/// A change to a token; `None` leaves a field alone. Bounds as in [`Draft`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Patch {
    /// New name.
    pub(crate) name: Option<String>,
    /// New description.
    pub(crate) description: Option<String>,
    /// All scopes it has from now on; names it has already are accepted whoever asks.
    pub(crate) scopes: Option<Vec<String>>,
    /// New plan.
    pub(crate) plan: Option<String>,
    /// Switches it on or off.
    pub(crate) status: Option<Status>,
    /// New end; `Some(None)` = never.
    pub(crate) expires_at: Option<Option<Timestamp>>,
    /// All labels it has from now on.
    pub(crate) labels: Option<BTreeMap<String, String>>,
    /// All networks it has from now on.
    pub(crate) networks: Option<Vec<String>>,
    /// New region.
    pub(crate) region: Option<String>,
    /// All metadata it has from now on.
    pub(crate) metadata: Option<serde_json::Map<String, serde_json::Value>>,
    /// New personal flag.
    pub(crate) personal: Option<bool>,
    /// One key of the metadata and its new value, the others left alone. Written along with a change of other fields, never
    /// for its own sake, only where there is room, and without a word in the audit trail.
    pub(crate) kept: Option<(&'static str, serde_json::Value)>,
}

/// A foreign secret to import.
#[derive(Debug)]
pub(crate) enum Foreign {
    /// The secret itself.
    Secret(PlainSecret),
    /// Its unsalted SHA-256.
    Sha256([u8; 32]),
}

impl Foreign {
    /// Reads 64 hex digits.
    ///
    /// # Errors
    /// The text is anything else.
    pub(crate) fn from_sha256_hex(text: &str) -> Result<Self, Error> {
        let digest = parse_hex(text).and_then(|bytes| bytes.try_into().ok());
        let wrong = || Error::invalid("sha256", "must be the 64 hex digits of an unsalted SHA-256");
        digest.map(Self::Sha256).ok_or_else(wrong)
    }

    /// Takes a secret by value.
    ///
    /// # Errors
    /// It cannot be a secret, or is shorter than 16 characters.
    pub(crate) fn from_secret(text: &str) -> Result<Self, Error> {
        PlainSecret::import(text).map(Self::Secret).map_err(|e| Error::invalid("secret", e.to_string()))
    }
}

pub(super) fn name(text: &str) -> Result<(), Error> {
    let count = text.chars().count();
    if count == 0 || count > NAME_CHARS {
        return Err(Error::invalid("name", format!("has {count} characters; 1 to {NAME_CHARS} are allowed")));
    }
    no_control("name", text)
}

pub(super) fn description(text: &str) -> Result<(), Error> {
    at_most("description", text, DESCRIPTION_CHARS)?;
    match text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        Some(_) => Err(Error::invalid("description", "holds a control character other than line breaks and tabs")),
        None => Ok(()),
    }
}

pub(super) fn owner_name(field: &str, text: &str) -> Result<(), Error> {
    if Owner::is_valid_name(text) {
        return Ok(());
    }
    Err(Error::invalid(field, format!("must have 1 to {} bytes without control characters", Owner::MAX_LENGTH)))
}

pub(super) fn region(text: &str) -> Result<(), Error> {
    at_most("region", text, REGION_CHARS)?;
    no_control("region", text)
}

pub(super) fn reason(text: &str) -> Result<(), Error> {
    at_most("reason", text, REASON_CHARS)?;
    no_control("reason", text)
}

/// Parses scopes, in the order given, doubles dropped.
pub(super) fn scopes(names: &[String]) -> Result<Vec<Scope>, Error> {
    bounded("scopes", names.len(), SCOPES)?;
    let mut scopes: Vec<Scope> = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        let scope: Scope = name.parse().map_err(|e| Error::invalid(format!("scopes[{at}]"), format!("{e}")))?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Ok(scopes)
}

/// Parses networks; a bare address stands for itself, host bits of a range are cleared.
pub(super) fn networks(texts: &[String]) -> Result<Vec<IpNet>, Error> {
    bounded("networks", texts.len(), NETWORKS)?;
    let mut networks: Vec<IpNet> = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        let parsed =
            text.parse::<IpNet>().or_else(|e| text.parse::<std::net::IpAddr>().map(IpNet::from).map_err(|_| e));
        let net = parsed.map_err(|_| {
            let shown: String = text.chars().take(64).collect();
            let message = format!("{shown:?} is neither an address nor a range such as 10.0.0.0/8");
            Error::invalid(format!("networks[{at}]"), message)
        })?;
        if !networks.contains(&net.trunc()) {
            networks.push(net.trunc());
        }
    }
    Ok(networks)
}

pub(super) fn labels(labels: &BTreeMap<String, String>) -> Result<(), Error> {
    bounded("labels", labels.len(), LABELS)?;
    for (key, value) in labels {
        let field = format!("labels.{}", key.chars().take(LABEL_KEY_CHARS).collect::<String>().escape_debug());
        if key.is_empty() {
            return Err(Error::invalid("labels", "a key is empty"));
        }
        at_most(&field, key, LABEL_KEY_CHARS)?;
        no_control(&field, key)?;
        at_most(&field, value, LABEL_VALUE_CHARS)?;
        no_control(&field, value)?;
    }
    Ok(())
}

pub(super) fn metadata(map: &serde_json::Map<String, serde_json::Value>) -> Result<(), Error> {
    let bytes = serde_json::to_string(map).map_err(|e| Error::invalid("metadata", e.to_string()))?.len();
    if bytes > METADATA_BYTES {
        let message = format!("takes {bytes} bytes as JSON; {METADATA_BYTES} are allowed");
        return Err(Error::invalid("metadata", message));
    }
    // What was read is 127 levels deep at most.
    if 1 + map.values().map(depth).max().unwrap_or(0) > METADATA_DEPTH {
        return Err(Error::invalid("metadata", format!("is nested deeper than {METADATA_DEPTH} levels")));
    }
    Ok(())
}

/// Levels of lists and objects in a value.
fn depth(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        serde_json::Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

pub(super) fn expires_at(end: Option<Timestamp>, now: Timestamp) -> Result<(), Error> {
    match end {
        Some(end) if end <= now => {
            let message = format!("{end} is not in the future; to stop a token now, disable or revoke it");
            Err(Error::invalid("expires_at", message))
        }
        Some(end) if end > LAST_DATE => Err(Error::invalid("expires_at", "lies beyond the year 9999")),
        _ => Ok(()),
    }
}

fn bounded(field: &str, count: usize, most: usize) -> Result<(), Error> {
    if count > most {
        return Err(Error::invalid(field, format!("has {count} entries; at most {most} are allowed")));
    }
    Ok(())
}

fn at_most(field: &str, text: &str, most: usize) -> Result<(), Error> {
    let count = text.chars().count();
    if count > most {
        return Err(Error::invalid(field, format!("has {count} characters; at most {most} are allowed")));
    }
    Ok(())
}

fn no_control(field: &str, text: &str) -> Result<(), Error> {
    match text.chars().any(char::is_control) {
        true => Err(Error::invalid(field, "holds a control character")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(result: Result<(), Error>) -> String {
        match result {
            Err(Error::Invalid { field, message }) => format!("{field}: {message}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn every_bound_is_named_with_its_field() {
        let long = |n: usize| "x".repeat(n);
        assert_eq!(name(&long(255)), Ok(()));
        assert_eq!(field(name("")), "name: has 0 characters; 1 to 255 are allowed");
        assert_eq!(field(name(&long(256))), "name: has 256 characters; 1 to 255 are allowed");
        assert_eq!(field(name("a\nb")), "name: holds a control character");
        assert_eq!(description(&long(32_767)), Ok(()));
        assert_eq!(field(description(&long(32_768))), "description: has 32768 characters; at most 32767 are allowed");
        assert_eq!(description("two\nlines"), Ok(()));
        assert!(description("\u{1b}[2J").is_err());
        let names = |n: usize| (0..n).map(|i| format!("s.n{i}")).collect::<Vec<_>>();
        assert_eq!(scopes(&names(256)).map(|s| s.len()), Ok(256));
        assert_eq!(field(scopes(&names(257)).map(|_| ())), "scopes: has 257 entries; at most 256 are allowed");
        assert!(field(scopes(&["a.b".into(), "*.x".into()]).map(|_| ())).starts_with("scopes[1]: "));
        let nets = |n: usize| (0..n).map(|i| format!("10.0.{i}.0/24")).collect::<Vec<_>>();
        assert_eq!(networks(&nets(64)).map(|n| n.len()), Ok(64));
        assert!(networks(&nets(65)).is_err());
        assert!(field(networks(&["x".into()]).map(|_| ())).starts_with("networks[0]: \"x\" is neither"));
        let many = |n: usize| (0..n).map(|i| (format!("k{i}"), String::new())).collect::<BTreeMap<_, _>>();
        assert_eq!(labels(&many(64)), Ok(()));
        assert!(labels(&many(65)).is_err());
        assert!(labels(&BTreeMap::from([("k".to_owned(), long(513))])).is_err());
        assert!(labels(&BTreeMap::from([(long(129), String::new())])).is_err());
        assert!(labels(&BTreeMap::from([("a\nb".to_owned(), String::new())])).is_err());
        let map = |n: usize| serde_json::json!({"k": long(n)}).as_object().cloned().unwrap_or_default();
        assert_eq!(metadata(&map(16 * 1024 - 8)), Ok(()));
        assert!(metadata(&map(16 * 1024 - 7)).is_err());
        let deep = |n: usize| {
            let inner = (1..n).fold(serde_json::json!(1), |inner, at| {
                if at % 2 == 0 { serde_json::json!([inner]) } else { serde_json::json!({ "k": inner }) }
            });
            serde_json::json!({ "k": inner }).as_object().cloned().unwrap_or_default()
        };
        assert_eq!(metadata(&deep(64)), Ok(()));
        assert_eq!(field(metadata(&deep(65))), "metadata: is nested deeper than 64 levels");
        assert!(region(&long(65)).is_err());
    }

    #[test]
    fn an_address_stands_for_itself_and_host_bits_are_cleared() {
        let parsed = networks(&["10.1.2.3".into(), "10.1.2.3/8".into(), "::1".into()]).expect("networks");
        let shown: Vec<String> = parsed.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.1.2.3/32", "10.0.0.0/8", "::1/128"]);
    }
}
