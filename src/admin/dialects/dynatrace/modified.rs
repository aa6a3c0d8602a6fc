//! `modifiedDate`, which moves with name and scopes and with nothing else.
//!
//! The record has one date for changes of any kind. What this dialect needs beside it stands in the metadata under its own
//! name: a mark of name and scopes as they were when it last wrote the token, and the date they had then. While the mark
//! fits, that date holds, whatever else was changed by whomever; a mark that no longer fits tells that name or scopes were
//! changed through another dialect, and the record's date stands in.

use serde_json::{Map, Value, json};

use crate::admin::service::Patch;
use crate::clock::Timestamp;
use crate::token::{Scope, TokenRecord};

/// The dialect's key in the metadata.
pub(super) const KEY: &str = "dynatrace";
const MARK: &str = "mark";
const DATE: &str = "modified";

/// When name or scopes last changed; `None` = never.
pub(super) fn date(record: &TokenRecord) -> Option<Timestamp> {
    let kept = record.metadata.get(KEY);
    let fits = kept.and_then(|kept| kept[MARK].as_u64()) == Some(mark(&record.name, names(&record.scopes)));
    if fits {
        return kept.and_then(|kept| kept[DATE].as_i64()).map(Timestamp::from_millis);
    }
    (record.updated_at != record.created_at).then_some(record.updated_at)
}

/// What the metadata keeps of a new token with this name and these scopes.
pub(super) fn of_new(name: &str, scopes: &[Scope]) -> Value {
    kept(mark(name, names(scopes)), None)
}

/// A change of the record at `now`, with what the metadata keeps after it.
pub(super) fn dated(patch: &Patch, record: &TokenRecord, now: Timestamp) -> Patch {
    let name = patch.name.as_ref().unwrap_or(&record.name);
    let mark_after = match &patch.scopes {
        Some(scopes) => mark(name, scopes.iter().map(String::as_str)),
        None => mark(name, names(&record.scopes)),
    };
    let same = mark_after == mark(&record.name, names(&record.scopes));
    let kept = kept(mark_after, if same { date(record) } else { Some(now) });
    Patch { kept: Some((KEY, kept)), ..patch.clone() }
}

fn kept(mark: u64, date: Option<Timestamp>) -> Value {
    let mut kept = Map::new();
    kept.insert(MARK.to_owned(), json!(mark));
    if let Some(date) = date {
        kept.insert(DATE.to_owned(), json!(date.as_millis()));
    }
    Value::Object(kept)
}

/// A checksum: it has to tell accidents apart, not forgeries.
fn mark<'s>(name: &str, scopes: impl Iterator<Item = &'s str>) -> u64 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(name.as_bytes());
    for scope in scopes {
        // Neither names nor scopes have control characters.
        sum.update(b"\0");
        sum.update(scope.as_bytes());
    }
    u64::from(sum.finalize())
}

fn names(scopes: &[Scope]) -> impl Iterator<Item = &str> {
    scopes.iter().map(Scope::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::service::memory::service;
    use crate::admin::service::{Actor, Draft, Policy};
    use crate::token::{Status, TokenRef};
    use std::sync::Arc;
    use std::time::Duration;

    /// A change as this dialect makes it, or as another one does: a name, or the other status.
    fn patch(record: &TokenRecord, name: Option<&str>, own: bool, now: Timestamp) -> Patch {
        let status = if record.status == Status::Enabled { Status::Disabled } else { Status::Enabled };
        let status = name.is_none().then_some(status);
        let patch = Patch { name: name.map(str::to_owned), status, ..Patch::default() };
        if own { dated(&patch, record, now) } else { patch }
    }

    #[tokio::test]
    async fn the_date_moves_with_the_name_whoever_changes_it_and_not_with_the_status() {
        let policy = Policy { bundles: Arc::default(), plans: Arc::default(), directory: Arc::default() };
        let (service, _, hand) = service(policy);
        let operator = Actor::operator();
        let mut metadata = Map::new();
        metadata.insert(KEY.to_owned(), of_new("first", &[]));
        metadata.insert("losant".to_owned(), json!({"defaultRole": "view"}));
        let draft = Draft { name: "first".to_owned(), scopes: Some(vec![]), metadata, ..Draft::default() };
        let (mut record, _) = service.create(&operator, draft).await.expect("made");
        let mut now = record.created_at;
        let mut dates = Vec::new();
        for (name, own) in [
            (None, true),
            (None, false),
            (Some("second"), true),
            (None, true),
            (None, false),
            (Some("third"), false),
            (None, true),
            (Some("third"), true),
        ] {
            hand.advance(Duration::from_secs(1));
            now = now.plus(Duration::from_secs(1));
            let patch = patch(&record, name, own, now);
            record = service.patch(&operator, TokenRef::Id(record.id), patch).await.expect("changed");
            dates.push(date(&record).map(|at| at.since(record.created_at).as_secs()));
        }
        assert_eq!(dates, [None, None, Some(3), Some(3), Some(3), Some(6), Some(6), Some(6)]);
        assert_eq!(record.metadata["losant"], json!({"defaultRole": "view"}), "other keys are left alone");
    }

    #[test]
    fn scopes_are_told_apart_where_they_begin() {
        let mark = |name, scopes: &[&str]| mark(name, scopes.iter().copied());
        assert_ne!(mark("a", &["b", "c"]), mark("a", &["bc"]));
        assert_ne!(mark("ab", &["c"]), mark("a", &["bc"]));
        assert_ne!(mark("a", &["b", "c"]), mark("a", &["c", "b"]));
    }
}
