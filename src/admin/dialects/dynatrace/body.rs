//! Bodies, read member by member, so that every mistake is told at once. `null` counts as absent; members that nobody asks for
//! are ignored.

use http::StatusCode;
use serde_json::{Map, Value};

use super::errors::{MOST_VIOLATIONS, Violation, refused, violated};
use crate::admin::dialect::Reply;

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
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Box<Reply>> {
        let wrong = |message: String| Box::new(refused(StatusCode::BAD_REQUEST, message));
        if bytes.is_empty() {
            return Err(wrong("The request body is empty; a JSON object is needed.".to_owned()));
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(members)) => Ok(Self { members, violations: Vec::new() }),
            Ok(_) => Err(wrong("The request body must be a JSON object.".to_owned())),
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                Err(wrong(format!(
                    "The request body is not valid JSON; it goes wrong at line {line}, column {column}."
                )))
            }
        }
    }

    /// The answer to everything that was found wrong.
    ///
    /// # Errors
    /// Something was.
    pub(super) fn finish(self) -> Result<(), Box<Reply>> {
        if self.violations.is_empty() { Ok(()) } else { Err(Box::new(violated(self.violations))) }
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
