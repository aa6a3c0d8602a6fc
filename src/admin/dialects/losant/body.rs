//! Checks bodies as the vendor's framework does: the published schemas, the first failure only, in its words.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::errors::Problem;
use crate::clock::Timestamp;
use crate::token::{Scope, parse_hex12};

/// What a value must be. The order of the checks within a rule is the framework's.
pub(super) enum Rule {
    Text { least: usize, most: usize },
    Word(&'static [&'static str]),
    Id { or: &'static str },
    Date,
    ScopeName,
    List { of: &'static Rule, most: usize, unique: bool },
    Object { required: &'static [&'static str], members: &'static [(&'static str, Rule)] },
}

const ROLES: Rule = Rule::Word(&["admin", "edit", "collaborate", "view", "none"]);
const RESOURCE_ROLES: Rule = Rule::List {
    of: &Rule::Object {
        required: &["resourceId", "role"],
        members: &[("resourceId", Rule::Id { or: "" }), ("role", Rule::Word(&["collaborate", "view", "none"]))],
    },
    most: 100,
    unique: false,
};
const ORG_ROLES: Rule = Rule::List {
    of: &Rule::Object {
        required: &["orgId", "role"],
        members: &[
            ("orgId", Rule::Id { or: "sandbox" }),
            ("role", ROLES),
            ("applicationRoles", RESOURCE_ROLES),
            ("dashboardRoles", RESOURCE_ROLES),
        ],
    },
    most: 25,
    unique: false,
};
const NAME: Rule = Rule::Text { least: 1, most: 255 };
const DESCRIPTION: Rule = Rule::Text { least: 0, most: 32_767 };
const STATUS: Rule = Rule::Word(&["active", "inactive"]);

/// The vendor's API Token Post.
pub(super) static POST: Rule = Rule::Object {
    required: &["name"],
    members: &[
        ("name", NAME),
        ("description", DESCRIPTION),
        ("expirationDate", Rule::Date),
        ("defaultRole", ROLES),
        ("orgRoles", ORG_ROLES),
        // As many as a token can have; the vendor has about 500 names.
        ("scope", Rule::List { of: &Rule::ScopeName, most: 256, unique: true }),
        ("status", STATUS),
    ],
};

/// The vendor's API Token Patch.
pub(super) static PATCH: Rule = Rule::Object {
    required: &[],
    members: &[
        ("name", NAME),
        ("description", DESCRIPTION),
        ("defaultRole", ROLES),
        ("orgRoles", ORG_ROLES),
        ("status", STATUS),
    ],
};

/// The body, which the framework calls `apiToken`; whatever its content type.
///
/// # Errors
/// It is no JSON, or breaks the rule.
pub(super) fn read<T: DeserializeOwned>(body: &[u8], rule: &Rule) -> Result<T, Problem> {
    if body.is_empty() {
        return Err(Problem::validation("apiToken is required"));
    }
    let value: Value = serde_json::from_slice(body).map_err(|error| Problem::no_json(&error))?;
    if value.is_null() {
        return Err(Problem::validation("apiToken is required"));
    }
    check("apiToken", &value, rule).map_err(Problem::validation)?;
    // The rules are at least as strict as the types.
    serde_json::from_value(value).map_err(|_| Problem::validation("apiToken is the wrong type"))
}

fn check(path: &str, value: &Value, rule: &Rule) -> Result<(), String> {
    let wrong = |reason: &str| Err(format!("{path} {reason}"));
    let text = value.as_str();
    match (rule, text) {
        (Rule::Text { most, .. }, Some(text)) if text.chars().count() > *most => {
            wrong("has longer length than allowed")
        }
        (Rule::Text { least, .. }, Some(text)) if text.chars().count() < *least => {
            wrong("has less length than allowed")
        }
        (Rule::Word(words), Some(text)) if !words.contains(&text) => wrong("must be an enum value"),
        (Rule::Id { or }, Some(text)) if parse_hex12(text).is_err() && (or.is_empty() || text != *or) => {
            wrong("pattern mismatch")
        }
        (Rule::Date, Some(text)) if date(text).is_none() => wrong("must be date-time format"),
        (Rule::ScopeName, text) => match text.is_some_and(is_scope_name) {
            true => Ok(()),
            false => wrong("no (or more than one) schemas match"),
        },
        (Rule::Text { .. } | Rule::Word(_) | Rule::Id { .. } | Rule::Date, Some(_)) => Ok(()),
        (Rule::List { of, most, unique }, _) => match value {
            Value::Array(items) => list(path, items, of, *most, *unique),
            _ => wrong("is the wrong type"),
        },
        (Rule::Object { required, members }, _) => match value {
            Value::Object(object) => members_of(path, object, required, members),
            _ => wrong("is the wrong type"),
        },
        _ => wrong("is the wrong type"),
    }
}

fn list(path: &str, items: &[Value], of: &Rule, most: usize, unique: bool) -> Result<(), String> {
    if unique {
        let mut seen = HashSet::new();
        if !items.iter().all(|item| seen.insert(item.to_string())) {
            return Err(format!("{path} must be unique"));
        }
    }
    for (at, item) in items.iter().enumerate() {
        check(&format!("{path}.{at}"), item, of)?;
    }
    if items.len() > most {
        return Err(format!("{path} has more items than allowed"));
    }
    Ok(())
}

fn members_of(
    path: &str,
    object: &serde_json::Map<String, Value>,
    required: &[&str],
    members: &[(&str, Rule)],
) -> Result<(), String> {
    if let Some(absent) = required.iter().find(|name| !object.contains_key(**name)) {
        return Err(format!("{path}.{absent} is required"));
    }
    if !object.keys().all(|name| members.iter().any(|(own, _)| own == name)) {
        return Err(format!("{path} has additional properties"));
    }
    for (name, rule) in members {
        if let Some(value) = object.get(*name) {
            check(&format!("{path}.{name}"), value, rule)?;
        }
    }
    Ok(())
}

/// The vendor's names and those of our routes: two segments or more.
fn is_scope_name(text: &str) -> bool {
    text.contains('.') && text.parse::<Scope>().is_ok()
}

/// A date with time and offset, in the form of the framework's pattern: `YYYY-MM-DDThh:mm:ss[.fraction](Z|±hh:mm)`, a blank or
/// a small letter for `T`, a small letter for `Z`.
pub(super) fn date(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let digits =
        |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    let is = |at: usize, set: &[u8]| bytes.get(at).is_some_and(|byte| set.contains(byte));
    let whole = digits(0..4) && is(4, b"-") && digits(5..7) && is(7, b"-") && digits(8..10) && is(10, b"tT ");
    let whole = whole && digits(11..13) && is(13, b":") && digits(14..16) && is(16, b":") && digits(17..19);
    let mut rest = bytes.get(19..).filter(|_| whole)?;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        rest = fraction.get(length..).filter(|_| length > 0)?;
    }
    let shaped = match rest {
        [b'z' | b'Z'] => true,
        [b'+' | b'-', a, b, b':', c, d] => [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    // Ten digits after the point are more than the parser takes and than milliseconds need.
    let fraction_end = 19 + (bytes.len() - 19 - rest.len()).min(10);
    let shortened = [bytes.get(..fraction_end)?, rest].concat();
    std::str::from_utf8(&shortened).ok().filter(|_| shaped).and_then(|text| Timestamp::parse_rfc3339(text).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::wire::{ApiTokenPatch, ApiTokenPost};
    use super::*;

    fn told(body: &Value, rule: &Rule) -> String {
        read::<Value>(body.to_string().as_bytes(), rule)
            .map_or_else(|problem| format!("{problem:?}"), |_| String::new())
    }

    #[test]
    fn the_first_failure_is_told_in_the_frameworks_words() {
        let role = json!({"orgId": "sandbox", "role": "view"});
        let resource = |role: &str| json!([{"orgId": "sandbox", "role": "view", "applicationRoles": [{"resourceId": "5e9f10aa44c0de0011223344", "role": role}]}]);
        let rows = [
            (json!(null), "apiToken is required"),
            (json!([]), "apiToken is the wrong type"),
            (json!({"x": 1}), "apiToken.name is required"),
            (json!({"name": "", "x": 1}), "apiToken has additional properties"),
            (json!({"name": null}), "apiToken.name is the wrong type"),
            (json!({"name": ""}), "apiToken.name has less length than allowed"),
            (json!({"name": "é".repeat(256)}), "apiToken.name has longer length than allowed"),
            (json!({"name": "n", "status": 1}), "apiToken.status is the wrong type"),
            (json!({"name": "n", "status": "Active"}), "apiToken.status must be an enum value"),
            (json!({"name": "n", "scope": "a.b"}), "apiToken.scope is the wrong type"),
            (json!({"name": "n", "scope": ["a b", "a b"]}), "apiToken.scope must be unique"),
            (json!({"name": "n", "scope": ["a.b", 5]}), "apiToken.scope.1 no (or more than one) schemas match"),
            (json!({"name": "n", "scope": ["single"]}), "apiToken.scope.0 no (or more than one) schemas match"),
            (json!({"name": "n", "expirationDate": null}), "apiToken.expirationDate is the wrong type"),
            (json!({"name": "n", "expirationDate": "2031-05-01"}), "apiToken.expirationDate must be date-time format"),
            (json!({"name": "n", "orgRoles": vec![&role; 26]}), "apiToken.orgRoles has more items than allowed"),
            (json!({"name": "n", "orgRoles": [{"role": "view"}]}), "apiToken.orgRoles.0.orgId is required"),
            (
                json!({"name": "n", "orgRoles": [{"orgId": "x", "role": "view"}]}),
                "apiToken.orgRoles.0.orgId pattern mismatch",
            ),
            (
                json!({"name": "n", "orgRoles": [role, {"orgId": "sandbox", "role": "view", "x": 1}]}),
                "apiToken.orgRoles.1 has additional properties",
            ),
            (
                json!({"name": "n", "orgRoles": resource("edit")}),
                "apiToken.orgRoles.0.applicationRoles.0.role must be an enum value",
            ),
        ];
        for (body, message) in rows {
            assert_eq!(told(&body, &POST), format!("{:?}", Problem::validation(message)), "{body}");
        }
        assert_eq!(told(&json!({"name": "n", "orgRoles": resource("view")}), &POST), "");
        assert_eq!(
            told(&json!({"scope": ["a.b"]}), &PATCH),
            format!("{:?}", Problem::validation("apiToken has additional properties"))
        );
        assert_eq!(told(&json!({}), &PATCH), "");
    }

    #[test]
    fn dates_have_time_and_offset() {
        let good = [
            ("2031-05-01T00:00:00Z", "2031-05-01T00:00:00.000Z"),
            ("2031-05-01t02:00:00.5+02:00", "2031-05-01T00:00:00.500Z"),
            ("2031-05-01 00:00:00.123456789012z", "2031-05-01T00:00:00.123Z"),
            ("2031-12-31T23:30:00-01:30", "2032-01-01T01:00:00.000Z"),
        ];
        for (text, shown) in good {
            assert_eq!(date(text).map(|date| date.to_string()).as_deref(), Some(shown), "{text}");
        }
        for bad in [
            "",
            "2031-05-01",
            "2031-05-01T00:00Z",
            "2031-05-01T00:00:00",
            "2031-05-01T00:00:00.Z",
            "2031-02-30T00:00:00Z",
            "2031-05-01T00:00:00+02",
            "2031-05-01T00:00:00Z[UTC]",
            "+2031-05-01T00:00:00Z",
            "2031-05-01T25:00:00Z",
            "é031-05-01T00:00:00Z",
        ] {
            assert_eq!(date(bad), None, "{bad}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z.*0-9TZ:-]{0,30}".prop_map(Value::from),
            prop::sample::select(vec![
                "active",
                "view",
                "sandbox",
                "a.b",
                "2031-05-01T00:00:00Z",
                "5e9f10aa44c0de0011223344"
            ])
            .prop_map(Value::from),
        ];
        let names = vec![
            "name",
            "description",
            "expirationDate",
            "scope",
            "status",
            "defaultRole",
            "orgRoles",
            "orgId",
            "role",
            "applicationRoles",
            "dashboardRoles",
            "resourceId",
            "other",
        ];
        leaf.prop_recursive(4, 40, 6, move |inner| {
            let name = prop::sample::select(names.clone()).prop_map(str::to_owned);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(name, inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// What the rules pass, the types take: the words of a refusal are always the rules'.
        #[test]
        fn rules_are_as_strict_as_the_types(value in any_json()) {
            if check("apiToken", &value, &POST).is_ok() {
                prop_assert!(serde_json::from_value::<ApiTokenPost>(value.clone()).is_ok(), "{}", value);
            }
            if check("apiToken", &value, &PATCH).is_ok() {
                prop_assert!(serde_json::from_value::<ApiTokenPatch>(value.clone()).is_ok(), "{}", value);
            }
        }

        #[test]
        fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(read::<ApiTokenPost>(&bytes, &POST));
        }

        #[test]
        fn no_text_breaks_the_date(text in "[0-9]{0,4}-?[0-9T:.+Zé-]{0,30}") {
            prop_assert!(date(&text).is_none() || text.len() >= 20);
        }
    }
}
