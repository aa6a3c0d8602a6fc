//! `modifiedDate`, which moves with name and scopes and with nothing else.
//!
//! The record has one date for changes of any kind. What this dialect needs beside it stands in the metadata under its own
//! name: a mark of name and scopes as they were when it last wrote the token, and the date they had then. While the mark
//! fits, that date holds, whatever else was changed by whomever; a mark that no longer fits tells that name or scopes were
//! changed through another dialect, and the record's date stands in.

use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::token::{Scope, TokenRecord};

/// The dialect's key in the metadata.
pub(super) const KEY: &str = "dynatrace";
const MARK: &str = "mark";
const DATE: &str = "modified";

/// When name or scopes last changed; `None` = never.
pub(super) fn date(record: &TokenRecord) -> Option<Timestamp> {
    let kept = record.metadata.get(KEY);
    let fits = kept.and_then(|kept| kept[MARK].as_u64()) == Some(mark(&record.name, &record.scopes));
    if fits {
        return kept.and_then(|kept| kept[DATE].as_i64()).map(Timestamp::from_millis);
    }
    (record.updated_at != record.created_at).then_some(record.updated_at)
}

/// What the metadata keeps of a token with this name and these scopes.
pub(super) fn kept(name: &str, scopes: &[Scope], date: Option<Timestamp>) -> Value {
    let mut kept = Map::new();
    kept.insert(MARK.to_owned(), json!(mark(name, scopes)));
    if let Some(date) = date {
        kept.insert(DATE.to_owned(), json!(date.as_millis()));
    }
    Value::Object(kept)
}

/// A checksum: it has to tell accidents apart, not forgeries.
fn mark(name: &str, scopes: &[Scope]) -> u64 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(name.as_bytes());
    for scope in scopes {
        // Neither names nor scopes have control characters.
        sum.update(b"\0");
        sum.update(scope.as_str().as_bytes());
    }
    u64::from(sum.finalize())
}
