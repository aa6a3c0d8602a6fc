//! Reads typed values out of the tree, collects every mistake, and reports the keys that nobody asked for.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;

use super::tree::{Node, Origin, Table, Value, parse_literal, quoted};
use super::units::{closest, parse_duration, parse_size, show_duration, show_size};
use super::{ConfigError, ConfigErrors};

/// What all sections share: where relative paths start, and the mistakes found so far.
pub(super) struct Context {
    /// Folder that relative paths start at.
    pub(super) base: PathBuf,
    /// Whether the file has syntax errors. What one part says about another is not judged then, since the other part may
    /// be among what could not be read.
    pub(super) broken: bool,
    file: String,
    guessed: Vec<Range<usize>>,
    errors: RefCell<Vec<(Origin, ConfigError)>>,
    /// Every key that was asked for.
    #[cfg(test)]
    pub(super) asked: RefCell<std::collections::BTreeSet<String>>,
}

impl Context {
    /// Without mistakes yet. `guessed` = the lines that were not understood for certain.
    pub(super) fn new(file: String, base: PathBuf, guessed: Vec<Range<usize>>) -> Self {
        Self {
            base,
            broken: !guessed.is_empty(),
            file,
            guessed,
            errors: RefCell::default(),
            #[cfg(test)]
            asked: RefCell::default(),
        }
    }

    /// Notes a mistake.
    pub(super) fn error(&self, at: &Origin, key: &str, message: impl Into<String>) {
        let error = ConfigError { place: self.place(at), key: key.to_owned(), message: message.into() };
        self.errors.borrow_mut().push((at.clone(), error));
    }

    /// A place as errors name it.
    pub(super) fn place(&self, at: &Origin) -> String {
        match at {
            Origin::File(line, column) => format!("{}:{line}:{column}", self.file),
            Origin::Env(name) => name.clone(),
        }
    }

    /// Every mistake in the order of the file, variables after it. On lines whose reading was guessed after a syntax error
    /// only that is told.
    pub(super) fn into_errors(self) -> ConfigErrors {
        let mut errors = self.errors.into_inner();
        let guessed =
            |at: &Origin| matches!(at, Origin::File(line, _) if self.guessed.iter().any(|lines| lines.contains(line)));
        errors.retain(|(at, error)| error.key.is_empty() || !guessed(at));
        errors.sort_by(|(a, _), (b, _)| a.cmp(b));
        ConfigErrors(errors.into_iter().map(|(_, error)| error).collect())
    }
}

/// A table that is being read.
pub(super) struct Section<'c> {
    /// What all sections share.
    pub(super) cx: &'c Context,
    /// Dotted name; empty for the whole file.
    pub(super) path: String,
    /// Where it begins.
    pub(super) at: Origin,
    table: Table,
    known: Vec<&'static str>,
}

impl<'c> Section<'c> {
    /// Reads a table with `read`, then reports what `read` did not ask for.
    pub(super) fn read<T>(
        cx: &'c Context,
        path: String,
        at: Origin,
        table: Table,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let mut section = Self { cx, path, at, table, known: Vec::new() };
        let read = read(&mut section);
        section.report_unknown();
        read
    }

    /// The value of a key, if it was written.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Field<'c>> {
        self.known.push(key);
        let path = self.key(key);
        #[cfg(test)]
        self.cx.asked.borrow_mut().insert(path.clone());
        self.table.remove(key).map(|node| Field { cx: self.cx, path, node })
    }

    /// The value of a key that must be there; says `mend` if it is not.
    pub(super) fn need(&mut self, key: &'static str, mend: &str) -> Option<Field<'c>> {
        let field = self.take(key);
        if field.is_none() {
            self.missing(&format!("{key} is missing: {mend}"));
        }
        field
    }

    /// Notes that something must stand here and does not, unless it may be among what could not be read.
    pub(super) fn missing(&self, message: &str) {
        if !self.cx.broken {
            self.error(message);
        }
    }

    /// Every key of a table whose keys the user names.
    pub(super) fn take_all(&mut self) -> Vec<(String, Field<'c>)> {
        let table = std::mem::take(&mut self.table);
        let field = |(key, node): (String, Node)| {
            let path = self.key(&key);
            (key, Field { cx: self.cx, path, node })
        };
        table.into_iter().map(field).collect()
    }

    /// Reads a sub-table; an absent one is read as an empty one.
    pub(super) fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'c>) -> T) -> T {
        let (at, table) = match self.take(key) {
            Some(field) => (field.node.at.clone(), field.into_table().unwrap_or_default()),
            None => (self.at.clone(), Table::new()),
        };
        Section::read(self.cx, self.key(key), at, table, read)
    }

    /// Reads every table of an array of tables.
    pub(super) fn each<T>(&mut self, key: &'static str, mut read: impl FnMut(&mut Section<'c>) -> Option<T>) -> Vec<T> {
        let items = self.take(key).and_then(Field::list).unwrap_or_default();
        items.into_iter().filter_map(|item| item.section(&mut read).flatten()).collect()
    }

    /// Notes a mistake of the section as a whole.
    pub(super) fn error(&self, message: &str) {
        self.cx.error(&self.at, &self.path, message);
    }

    fn key(&self, key: &str) -> String {
        let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') && !key.is_empty();
        let key = if plain { key.to_owned() } else { quoted(key) };
        if self.path.is_empty() { key } else { format!("{}.{key}", self.path) }
    }

    fn report_unknown(&self) {
        for (key, node) in &self.table {
            let message = match closest(key, self.known.iter().copied()) {
                Some(meant) => format!("unknown key: did you mean {meant}?"),
                None => format!("unknown key: known here are {}", self.known.join(", ")),
            };
            self.cx.error(&node.key_at, &self.key(key), message);
        }
    }
}

/// A value that is being read.
#[derive(Clone)]
pub(super) struct Field<'c> {
    cx: &'c Context,
    /// Dotted name of its key.
    pub(super) path: String,
    node: Node,
}

impl<'c> Field<'c> {
    /// Notes a mistake of this value.
    pub(super) fn error(&self, message: impl Into<String>) {
        self.cx.error(&self.node.at, &self.path, message);
    }

    /// Notes that this value names something that does not exist, unless it may be among what could not be read.
    pub(super) fn unresolved(&self, message: &str) {
        if !self.cx.broken {
            self.error(message);
        }
    }

    /// Whether the value is a list without entries.
    pub(super) fn is_empty_list(&self) -> bool {
        matches!(&self.literal(), Value::List(items) if items.is_empty())
    }

    /// Folder that relative paths start at.
    pub(super) fn base(&self) -> &'c std::path::Path {
        &self.cx.base
    }

    /// Where the value stands, as errors name it.
    pub(super) fn place(&self) -> String {
        self.cx.place(&self.node.at)
    }

    /// What was written, for error messages; never of a secret.
    pub(super) fn shown(&self) -> String {
        self.node.value.shown()
    }

    /// A string.
    pub(super) fn text(&self) -> Option<String> {
        let text = self.as_text();
        if text.is_none() {
            self.error(format!("{} is no text: write it in quotes", self.shown()));
        }
        text
    }

    /// A string that must not be shown. That of a variable is taken as it is.
    pub(super) fn secret_text(&self) -> Option<String> {
        match &self.node.value {
            Value::Text(text) | Value::Raw(text) => Some(text.clone()),
            _ => {
                self.error("is no text: write it in quotes");
                None
            }
        }
    }

    /// A string made into something else, or the reason why it cannot be.
    pub(super) fn parsed<T>(&self, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        match parse(&self.text()?) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.error(reason);
                None
            }
        }
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(&self, allowed: &[(&str, T)]) -> Option<T> {
        self.parsed(|text| match allowed.iter().find(|(name, _)| *name == text) {
            Some((_, value)) => Ok(*value),
            None => {
                let names: Vec<String> = allowed.iter().map(|(name, _)| format!("{name:?}")).collect();
                Err(format!("{} is not known here: write {}", quoted(text), names.join(" or ")))
            }
        })
    }

    /// `true` or `false`.
    pub(super) fn flag(&self) -> Option<bool> {
        match self.literal() {
            Value::Flag(flag) => Some(flag),
            _ => {
                self.error(format!("{} is neither true nor false: write one of them, without quotes", self.shown()));
                None
            }
        }
    }

    /// A whole number within bounds.
    pub(super) fn integer(&self, bounds: RangeInclusive<u64>) -> Option<u64> {
        let number = match self.literal() {
            Value::Integer(number) => number.and_then(|number| u64::try_from(number).ok()),
            _ => None,
        };
        let within = number.filter(|number| bounds.contains(number));
        if within.is_none() {
            let (least, most) = bounds.into_inner();
            self.error(format!("{} does not fit: write a whole number from {least} to {most}", self.shown()));
        }
        within
    }

    /// A number within bounds; a fraction is allowed.
    pub(super) fn number(&self, bounds: RangeInclusive<f64>) -> Option<f64> {
        let number = match self.literal() {
            Value::Float(number) => Some(number),
            // Exact for every number within the bounds in use.
            Value::Integer(number) => number.map(|number| number as f64),
            _ => None,
        };
        let within = number.filter(|number| bounds.contains(number));
        if within.is_none() {
            let (least, most) = bounds.into_inner();
            self.error(format!("{} does not fit: write a number from {least} to {most}", self.shown()));
        }
        within
    }

    /// A duration within bounds.
    pub(super) fn duration(&self, bounds: RangeInclusive<Duration>) -> Option<Duration> {
        let within = self.as_text().and_then(|text| parse_duration(&text)).filter(|found| bounds.contains(found));
        if within.is_none() {
            let (least, most) = (show_duration(*bounds.start()), show_duration(*bounds.end()));
            self.error(format!(
                "{} does not fit: write a duration with its unit (ms, s, m, h, d) from \"{least}\" to \"{most}\"",
                self.shown()
            ));
        }
        within
    }

    /// A number of bytes within bounds.
    pub(super) fn size(&self, bounds: RangeInclusive<u64>) -> Option<u64> {
        let bytes = match &self.node.value {
            Value::Text(text) | Value::Raw(text) => parse_size(text.trim_matches('"')),
            Value::Integer(number) => number.and_then(|number| u64::try_from(number).ok()),
            _ => None,
        };
        let within = bytes.filter(|bytes| bounds.contains(bytes));
        if within.is_none() {
            let (least, most) = (show_size(*bounds.start()), show_size(*bounds.end()));
            self.error(format!(
                "{} does not fit: write a size (bytes, or with KiB, MiB, GiB, TiB) from \"{least}\" to \"{most}\"",
                self.shown()
            ));
        }
        within
    }

    /// The entries of a list. In a variable they are a TOML array or separated by commas.
    pub(super) fn list(self) -> Option<Vec<Field<'c>>> {
        let items = match self.node.value {
            Value::List(items) => items,
            Value::Raw(ref text) => match self.literal() {
                Value::List(items) => items,
                _ => {
                    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| self.raw(part)).collect()
                }
            },
            _ => {
                self.error(format!("{} is no list: write it in brackets, such as [\"a\", \"b\"]", self.shown()));
                return None;
            }
        };
        let field = |(at, node)| Field { cx: self.cx, path: format!("{}[{at}]", self.path), node };
        Some(items.into_iter().enumerate().map(field).collect())
    }

    /// Reads a table.
    pub(super) fn section<T>(self, read: impl FnOnce(&mut Section<'c>) -> T) -> Option<T> {
        let (cx, path, at) = (self.cx, self.path.clone(), self.node.at.clone());
        Some(Section::read(cx, path, at, self.into_table()?, read))
    }

    fn into_table(self) -> Option<Table> {
        if let Value::Table(table) = self.literal() {
            return Some(table);
        }
        self.error(match self.node.value {
            Value::List(_) => "is a list of tables: write one table, with single brackets".to_owned(),
            _ => "is no table: write keys below it, such as { key = value }".to_owned(),
        });
        None
    }

    /// The string, where the value is one. A variable may quote it as TOML does.
    fn as_text(&self) -> Option<String> {
        match &self.node.value {
            Value::Text(text) => Some(text.clone()),
            Value::Raw(text) => match self.literal() {
                Value::Text(inner) => Some(inner),
                _ => Some(text.clone()),
            },
            _ => None,
        }
    }

    /// The value, that of a variable read as a TOML literal where it is one.
    fn literal(&self) -> Value {
        match (&self.node.value, &self.node.at) {
            (Value::Raw(text), Origin::Env(name)) => {
                parse_literal(text, name).unwrap_or_else(|| self.node.value.clone())
            }
            (value, _) => value.clone(),
        }
    }

    fn raw(&self, text: &str) -> Node {
        Node { key_at: self.node.key_at.clone(), at: self.node.at.clone(), value: Value::Raw(text.to_owned()) }
    }
}
