//! Bodies, read member by member, so that every mistake is told at once. `null` counts as absent; members that nobody asks for
//! are ignored.

use serde_json::{Map, Value};

use super::errors::{MOST_VIOLATIONS, Problem, Violation};
use crate::admin::request::{self, NoObject};

/// A JSON object that is being read, and what is wrong with it so far.
pub(super) struct Body {
    members: Map<String, Value>,
    violations: Vec<Violation>,
}

impl Body {
    /// Reads the object.
    ///
    /// # Errors
    /// The answer to what is no JSON object.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        if bytes.is_empty() {
            return Err(Problem::bad_request("The request body is empty; a JSON object is needed."));
        }
        match request::object(bytes) {
            Ok(members) => Ok(Self { members, violations: Vec::new() }),
            Err(NoObject::Kind) => Err(Problem::bad_request("The request body must be a JSON object.")),
            Err(NoObject::Syntax { line, column }) => Err(Problem::bad_request(format!(
                "The request body is not valid JSON; it goes wrong at line {line}, column {column}."
            ))),
        }
    }

    /// The answer to everything that was found wrong.
    ///
    /// # Errors
    /// Something was.
    pub(super) fn finish(self) -> Result<(), Problem> {
        if self.violations.is_empty() { Ok(()) } else { Err(Problem::violated(self.violations)) }
    }

    /// Notes that a member is wrong.
    pub(super) fn wrong(&mut self, path: impl Into<String>, message: impl Into<String>) {
        if self.violations.len() < MOST_VIOLATIONS {
            self.violations.push(Violation::body(path, message));
        }
    }

    fn take(&mut self, name: &str, required: bool) -> Option<Value> {
        match self.members.remove(name) {
            None | Some(Value::Null) => {
                if required {
                    self.wrong(name, "must be given");
                }
                None
            }
            value => value,
        }
    }

    /// A text.
    pub(super) fn text(&mut self, name: &str, required: bool) -> Option<String> {
        match self.take(name, required)? {
            Value::String(text) => Some(text),
            _ => {
                self.wrong(name, "must be a string");
                None
            }
        }
    }

    /// A text with more than blanks in it.
    pub(super) fn filled(&mut self, name: &str, required: bool) -> Option<String> {
        let text = self.text(name, required)?;
        if text.trim().is_empty() {
            self.wrong(name, "must not be blank");
            return None;
        }
        Some(text)
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        match self.take(name, false)? {
            Value::Bool(flag) => Some(flag),
            _ => {
                self.wrong(name, "must be true or false");
                None
            }
        }
    }

    /// One text or more.
    pub(super) fn texts(&mut self, name: &str, required: bool) -> Option<Vec<String>> {
        let Value::Array(items) = self.take(name, required)? else {
            self.wrong(name, "must be an array of strings");
            return None;
        };
        if items.is_empty() {
            self.wrong(name, "must hold at least one entry");
            return None;
        }
        let count = items.len();
        let mut texts = Vec::with_capacity(count);
        for (at, item) in items.into_iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text),
                _ => self.wrong(format!("{name}[{at}]"), "must be a string"),
            }
        }
        (texts.len() == count).then_some(texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads what create reads and returns the paths that are wrong; `None` for what is no object.
    fn wrong(bytes: &[u8]) -> Option<Vec<String>> {
        let mut body = Body::parse(bytes).ok()?;
        let name = body.filled("name", true);
        let scopes = body.texts("scopes", true);
        let personal = body.flag("personalAccessToken");
        body.text("expirationDate", false);
        let told = serde_json::to_value(&body.violations).expect("JSON");
        let paths = |told: &Value| Some(told["path"].as_str()?.to_owned());
        let found: Vec<String> = told.as_array()?.iter().filter_map(paths).collect();
        assert_eq!(body.finish().is_ok(), found.is_empty());
        assert!(!found.is_empty() || (name.is_some() && scopes.is_some()), "{personal:?}");
        Some(found)
    }

    #[test]
    fn every_mistake_is_told_with_its_path() {
        for (text, expected) in [
            (r#"{"name":"x","scopes":["a"]}"#, &[][..]),
            (r#"{"name":"x","scopes":["a"],"personalAccessToken":null,"expirationDate":null,"more":{}}"#, &[]),
            ("{}", &["name", "scopes"]),
            (r#"{"name":null,"scopes":null}"#, &["name", "scopes"]),
            (r#"{"name":"\u00a0","scopes":[]}"#, &["name", "scopes"]),
            (
                r#"{"name":1,"scopes":{},"personalAccessToken":"true","expirationDate":1}"#,
                &["name", "scopes", "personalAccessToken", "expirationDate"],
            ),
            (r#"{"name":"x","scopes":["a",null,[]]}"#, &["scopes[1]", "scopes[2]"]),
        ] {
            assert_eq!(wrong(text.as_bytes()).expect("an object"), expected, "{text}");
        }
        for text in ["", " ", "[]", "null", "\"x\"", "{", "{\"a\":}", "{}x"] {
            assert_eq!(wrong(text.as_bytes()), None, "{text}");
        }
        assert_eq!(wrong(b"{\"name\":\"\xff\"}"), None);
        assert_eq!(wrong("[".repeat(100_000).as_bytes()), None, "no depth is followed");
    }

    #[test]
    fn a_flood_of_mistakes_is_cut() {
        let many = vec!["1"; 300_000].join(",");
        let found = wrong(format!("{{\"name\":\"x\",\"scopes\":[{many}]}}").as_bytes()).expect("an object");
        assert_eq!(found.len(), MOST_VIOLATIONS);
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..64), text in r#"(\{|\}|\[|\]|"name"|"scopes"|:|,|null|true|"x"|1|é){0,14}"#) {
            let _ = (wrong(&bytes), wrong(text.as_bytes()));
        }
    }
}
