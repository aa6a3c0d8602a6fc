//! Merge patches (RFC 7396) of a token.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fields::{Fields, date, flag, label_changes, object, status, text, texts};
use crate::admin::problem::Problem;
use crate::admin::service::Patch;
use crate::clock::Timestamp;
use crate::token::{Status, TokenRecord};

/// What a caller wants changed. The outer `None` leaves a field alone; an inner one is `null`, which empties it.
#[derive(Debug, Default, Clone)]
pub(super) struct Merge {
    name: Option<String>,
    description: Option<Option<String>>,
    scopes: Option<Vec<String>>,
    plan: Option<String>,
    status: Option<Status>,
    expires_at: Option<Option<Timestamp>>,
    labels: Option<Option<BTreeMap<String, Option<String>>>>,
    networks: Option<Option<Vec<String>>>,
    region: Option<Option<String>>,
    metadata: Option<Option<Map<String, Value>>>,
    personal: Option<bool>,
}

impl Merge {
    /// From a body.
    ///
    /// # Errors
    /// Every field that cannot be used.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let mut fields = Fields::of_body(body)?;
        let merge = Self {
            name: fields.replace("name", text),
            description: fields.change("description", text),
            scopes: fields.replace("scopes", texts),
            plan: fields.replace("plan", text),
            status: fields.replace("status", status),
            expires_at: fields.change("expires_at", date),
            labels: fields.change("labels", label_changes),
            networks: fields.change("networks", texts),
            region: fields.change("region", text),
            metadata: fields.change("metadata", object),
            personal: fields.replace("personal", flag),
        };
        fields.end()?;
        Ok(merge)
    }

    /// What it makes of this record.
    pub(super) fn onto(self, record: &TokenRecord) -> Patch {
        Patch {
            name: self.name,
            description: self.description.map(Option::unwrap_or_default),
            scopes: self.scopes,
            plan: self.plan,
            status: self.status,
            expires_at: self.expires_at,
            labels: self.labels.map(|change| match change {
                None => BTreeMap::new(),
                Some(changes) => {
                    let mut labels = record.labels.clone();
                    for (key, value) in changes {
                        match value {
                            Some(value) => drop(labels.insert(key, value)),
                            None => drop(labels.remove(&key)),
                        }
                    }
                    labels
                }
            }),
            networks: self.networks.map(Option::unwrap_or_default),
            region: self.region.map(Option::unwrap_or_default),
            metadata: self.metadata.map(|change| match change {
                None => Map::new(),
                Some(changes) => merged(record.metadata.clone(), changes),
            }),
            personal: self.personal,
            kept: None,
        }
    }
}

/// The algorithm of RFC 7396 section 2 on objects; as deep as JSON was parsed, which is bounded.
fn merged(mut target: Map<String, Value>, changes: Map<String, Value>) -> Map<String, Value> {
    for (key, change) in changes {
        match change {
            Value::Null => drop(target.remove(&key)),
            Value::Object(inner) => {
                let below = match target.remove(&key) {
                    Some(Value::Object(below)) => below,
                    _ => Map::new(),
                };
                target.insert(key, Value::Object(merged(below, inner)));
            }
            value => drop(target.insert(key, value)),
        }
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The cases of RFC 7396 appendix A whose target and patch are objects.
    #[test]
    fn the_examples_of_the_standard() {
        let rows = [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ];
        for (target, patch, expected) in rows {
            let of = |value: &Value| value.as_object().expect("an object").clone();
            assert_eq!(Value::Object(merged(of(&target), of(&patch))), expected, "{target} {patch}");
        }
    }

    #[test]
    fn null_empties_some_fields_and_is_refused_for_others() {
        let merge = Merge::parse(br#"{"description":null,"expires_at":null,"region":null,"networks":null}"#);
        let merge = merge.expect("a patch");
        assert_eq!((merge.description, merge.expires_at, merge.region), (Some(None), Some(None), Some(None)));
        for field in ["name", "scopes", "plan", "status", "personal"] {
            let body = format!("{{\"{field}\":null}}");
            let problem = serde_json::to_string(&Merge::parse(body.as_bytes()).expect_err("refused")).expect("JSON");
            assert!(problem.contains("cannot be null") && problem.contains(field), "{problem}");
        }
        assert!(Merge::parse(br#"{"id":"x"}"#).is_err() && Merge::parse(b"[]").is_err());
    }
}
