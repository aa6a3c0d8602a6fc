//! Reading what callers send, field by field, so that every mistake is told at once and none repeats a value.

use std::collections::BTreeMap;
use std::str::FromStr;

use http::StatusCode;
use serde_json::{Map, Value};

use crate::admin::endpoint::parameters;
use crate::admin::problem::{FieldError, Problem};
use crate::admin::request::{self, NoObject};
use crate::clock::Timestamp;
use crate::token::Status;

/// What is wrong with a value.
pub(super) type Wrong = String;

/// The members of a JSON object or the parameters of a query, taken one by one.
#[derive(Debug)]
pub(super) struct Fields {
    left: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// From a body that is one JSON object; an empty body is an empty object.
    ///
    /// # Errors
    /// It is something else.
    pub(super) fn of_body(body: &[u8]) -> Result<Self, Problem> {
        let wrong = |detail: String| Err(Problem::new(StatusCode::BAD_REQUEST, "not-json", "Not JSON", detail));
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::new(Map::new()));
        }
        match request::object(body) {
            Ok(members) => Ok(Self::new(members)),
            Err(NoObject::Kind) => wrong("The body must be one JSON object.".to_owned()),
            Err(NoObject::Syntax { line, column }) => {
                wrong(format!("The body is not JSON: line {line}, column {column}."))
            }
        }
    }

    /// From a query. A parameter that comes twice is a mistake.
    pub(super) fn of_query(query: Option<&str>) -> Self {
        let mut fields = Self::new(Map::new());
        for (name, value) in parameters(query.unwrap_or_default()) {
            if fields.left.insert(name.to_string(), Value::String(value.into_owned())).is_some() {
                fields.fail(shown(&name), "comes more than once");
            }
        }
        fields
    }

    fn new(left: Map<String, Value>) -> Self {
        Self { left, errors: Vec::new() }
    }

    /// Notes a mistake.
    pub(super) fn fail(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.errors.push(FieldError::new(field, message));
    }

    /// A field; `null` counts as absent.
    pub(super) fn take<T>(&mut self, name: &str, read: impl FnOnce(Value) -> Result<T, Wrong>) -> Option<T> {
        self.change(name, read).flatten()
    }

    /// A field of a merge patch: `None` = absent, `Some(None)` = `null`.
    pub(super) fn change<T>(&mut self, name: &str, read: impl FnOnce(Value) -> Result<T, Wrong>) -> Option<Option<T>> {
        match self.left.remove(name)? {
            Value::Null => Some(None),
            value => match read(value) {
                Ok(value) => Some(Some(value)),
                Err(wrong) => {
                    self.fail(name, wrong);
                    None
                }
            },
        }
    }

    /// A field of a merge patch that cannot be taken away.
    pub(super) fn replace<T>(&mut self, name: &str, read: impl FnOnce(Value) -> Result<T, Wrong>) -> Option<T> {
        let change = self.change(name, read)?;
        if change.is_none() {
            self.fail(name, "cannot be null");
        }
        change
    }

    /// A field that must be there.
    pub(super) fn need<T>(&mut self, name: &str, read: impl FnOnce(Value) -> Result<T, Wrong>) -> Option<T> {
        if matches!(self.left.get(name), None | Some(Value::Null)) {
            self.left.remove(name);
            self.fail(name, "is missing");
            return None;
        }
        self.take(name, read)
    }

    /// Ends the reading: what nobody took is unknown.
    ///
    /// # Errors
    /// Every mistake, unknown fields last.
    pub(super) fn end(mut self) -> Result<(), Problem> {
        for name in std::mem::take(&mut self.left).keys() {
            let message = match READ_ONLY.contains(&name.as_str()) {
                true => "cannot be set here",
                false => "is not known here",
            };
            self.fail(shown(name), message);
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::fields(self.errors)) }
    }
}

/// Fields of a token that only Tollgate sets, or only at creation.
const READ_ONLY: [&str; 13] = [
    "id",
    "serial",
    "losant_id",
    "dynatrace_id",
    "owner",
    "account",
    "form",
    "created_at",
    "updated_at",
    "last_used",
    "created_by",
    "modified_by",
    "secrets",
];

/// A name that a stranger chose, short enough to be told back.
fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}

/// Any text.
pub(super) fn text(value: Value) -> Result<String, Wrong> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err("must be a text".to_owned()),
    }
}

/// Texts in an array.
pub(super) fn texts(value: Value) -> Result<Vec<String>, Wrong> {
    let wrong = || "must be an array of texts".to_owned();
    let Value::Array(values) = value else { return Err(wrong()) };
    values.into_iter().map(|value| text(value).map_err(|_| wrong())).collect()
}

/// `true` or `false`.
pub(super) fn flag(value: Value) -> Result<bool, Wrong> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}

/// An RFC 3339 date-time.
pub(super) fn date(value: Value) -> Result<Timestamp, Wrong> {
    Timestamp::parse_rfc3339(&text(value)?).map_err(|error| error.to_string())
}

/// A JSON object.
pub(super) fn object(value: Value) -> Result<Map<String, Value>, Wrong> {
    match value {
        Value::Object(map) => Ok(map),
        _ => Err("must be an object".to_owned()),
    }
}

/// An object of texts.
pub(super) fn labels(value: Value) -> Result<BTreeMap<String, String>, Wrong> {
    let wrong = |_| "must be an object of texts".to_owned();
    object(value)?.into_iter().map(|(key, value)| Ok((key, text(value).map_err(wrong)?))).collect()
}

/// An object of texts and nulls.
pub(super) fn label_changes(value: Value) -> Result<BTreeMap<String, Option<String>>, Wrong> {
    let read = |value| match value {
        Value::Null => Ok(None),
        value => text(value).map(Some).map_err(|_| "must be an object of texts and nulls".to_owned()),
    };
    object(value)?.into_iter().map(|(key, value)| Ok((key, read(value)?))).collect()
}

/// A whole number within bounds, as a number of JSON or as the digits of a query.
pub(super) fn whole(least: u64, most: u64) -> impl FnOnce(Value) -> Result<u64, Wrong> {
    move |value| {
        let number = match &value {
            Value::String(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
            Value::Number(number) => number.as_u64(),
            _ => None,
        };
        let within = number.filter(|number| (least..=most).contains(number));
        within.ok_or_else(|| format!("must be a whole number from {least} to {most}"))
    }
}

/// Whether a token may be used.
pub(super) fn status(value: Value) -> Result<Status, Wrong> {
    match value.as_str() {
        Some("enabled") => Ok(Status::Enabled),
        Some("disabled") => Ok(Status::Disabled),
        _ => Err("must be enabled or disabled".to_owned()),
    }
}

/// A text that a type is read from.
pub(super) fn parsed<T: FromStr<Err: ToString>>(value: Value) -> Result<T, Wrong> {
    text(value)?.parse().map_err(|error: T::Err| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_mistake_is_told_at_once_without_values() {
        let body = br#"{"name":7,"limit":"x","nulled":null,"labels":{"a":1},"zzz":"s3cret","serial":3}"#;
        let mut fields = Fields::of_body(body).expect("an object");
        assert_eq!(fields.take("name", text), None);
        assert_eq!(fields.take("limit", whole(1, 9)), None);
        assert_eq!(fields.change("nulled", text), Some(None));
        assert_eq!(fields.take("labels", labels), None);
        assert_eq!(fields.need("absent", text), None);
        let problem = serde_json::to_string(&fields.end().expect_err("mistakes")).expect("JSON");
        for part in [
            r#"{"field":"name","message":"must be a text"}"#,
            r#"{"field":"limit","message":"must be a whole number from 1 to 9"}"#,
            r#"{"field":"labels","message":"must be an object of texts"}"#,
            r#"{"field":"absent","message":"is missing"}"#,
            r#"{"field":"serial","message":"cannot be set here"}"#,
            r#"{"field":"zzz","message":"is not known here"}"#,
        ] {
            assert!(problem.contains(part), "{part} is not in {problem}");
        }
        assert!(!problem.contains("s3cret"));
    }

    proptest! {
        /// Whatever bytes come, there is an object or a problem, and the problem does not repeat them.
        #[test]
        fn no_body_breaks_the_reader(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(mut fields) = Fields::of_body(&body) {
                fields.take("name", text);
                drop(fields.end());
            }
        }

        #[test]
        fn numbers_are_within_their_bounds(value in "\\PC{0,24}") {
            if let Ok(number) = whole(1, 1_000)(Value::String(value)) {
                prop_assert!((1..=1_000).contains(&number));
            }
        }
    }
}
