//! A configuration as a tree of values, each with the place it was written at.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where something was written. Places in the file sort before variables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// Line and column of the file, both from 1; columns count characters.
    File(usize, usize),
    /// An environment variable.
    Env(String),
}

/// A value and its places.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Where its key stands.
    pub(super) key_at: Origin,
    /// Where the value itself stands.
    pub(super) at: Origin,
    /// What it is.
    pub(super) value: Value,
}

/// Keys and their values.
pub(super) type Table = BTreeMap<String, Node>;

/// What was written.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A string.
    Text(String),
    /// A whole number; `None` = beyond 128 bits.
    Integer(Option<i128>),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// `true` or `false`.
    Flag(bool),
    /// A date or a time of day, as written.
    Date(String),
    /// An array.
    List(Vec<Node>),
    /// A table.
    Table(Table),
    /// Text of an environment variable: the key that reads it decides what it is.
    Raw(String),
}

impl Value {
    /// The value as an error shows it; never called for a secret.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Text(text) | Self::Raw(text) => quoted(text),
            Self::Integer(Some(number)) => number.to_string(),
            Self::Integer(None) => "a number beyond 128 bits".to_owned(),
            Self::Float(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Date(text) => text.clone(),
            Self::List(_) => "a list".to_owned(),
            Self::Table(_) => "a table".to_owned(),
        }
    }
}

/// A text in quotes, escaped, cut after 80 characters.
pub(super) fn quoted(text: &str) -> String {
    if text.chars().nth(80).is_none() {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(80).collect();
    format!("{start:?}…")
}

/// A file as far as it could be understood.
pub(super) struct Parsed {
    /// What it says.
    pub(super) root: Table,
    /// The syntax errors, one a line.
    pub(super) errors: Vec<(Origin, String)>,
    /// The lines whose reading is a guess.
    pub(super) guessed: Vec<Range<usize>>,
}

/// Reads a file as far as it can be understood, with every syntax error. A section whose header is broken is left out:
/// its keys would be taken for those of another.
pub(super) fn parse(text: &str) -> Parsed {
    let lines = Lines::new(text);
    let mut cut: Vec<u8> = text.as_bytes().to_vec();
    let (mut errors, mut guessed): (Vec<(Origin, String)>, Vec<Range<usize>>) = Default::default();
    for _ in 0..MOST_BROKEN_HEADERS {
        let source = String::from_utf8_lossy(&cut).into_owned();
        let found = DeTable::parse_recoverable(&source).1;
        let starts = found.iter().map(|error| error.span().map_or(0, |span| span.start));
        let broken = starts.zip(&found).map(|(at, error)| (lines.number(at), at, error));
        let Some((line, at, error)) = broken.filter(|(line, ..)| lines.is_header(*line, &source)).min_by_key(|b| b.0)
        else {
            break;
        };
        errors.push((lines.place(at), lines.explain(at, error.message())));
        let end = (line + 1..=lines.starts.len()).find(|line| lines.is_header(*line, &source));
        let bytes = lines.starts[line - 1]..end.map_or(cut.len(), |end| lines.starts[end - 1]);
        cut[bytes].iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
        guessed.push(line..end.unwrap_or(usize::MAX));
    }
    let source = String::from_utf8_lossy(&cut).into_owned();
    let (table, found) = DeTable::parse_recoverable(&source);
    for error in found {
        let at = error.span().map_or(0, |span| span.start);
        let line = lines.number(at);
        if !guessed.iter().any(|lines| lines.contains(&line)) {
            errors.push((lines.place(at), lines.explain(at, error.message())));
            guessed.push(line..line + 1);
        }
    }
    Parsed { root: convert_table(table.get_ref(), &|offset| lines.place(offset)), errors, guessed }
}

/// Broken headers that are set aside, each at the price of reading the file once more.
const MOST_BROKEN_HEADERS: usize = 32;

/// Reads one TOML value, the text of the environment variable `name`.
pub(super) fn parse_literal(text: &str, name: &str) -> Option<Value> {
    // Wrapped into a document of one key, so that nothing may follow the value.
    let document = format!("v = {text}");
    let table = DeTable::parse(&document).ok()?;
    let mut table = convert_table(table.get_ref(), &|_| Origin::Env(name.to_owned()));
    let node = table.remove("v")?;
    table.is_empty().then_some(node.value)
}

fn convert_table(table: &DeTable<'_>, place: &dyn Fn(usize) -> Origin) -> Table {
    let mut nodes = Table::new();
    for (key, value) in table.iter() {
        nodes.insert(key.get_ref().to_string(), convert(value, place(key.span().start), place));
    }
    nodes
}

fn convert(value: &Spanned<DeValue<'_>>, key_at: Origin, place: &dyn Fn(usize) -> Origin) -> Node {
    let converted = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Integer(i128::from_str_radix(number.as_str(), number.radix()).ok()),
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(items) => {
            Value::List(items.iter().map(|item| convert(item, place(item.span().start), place)).collect())
        }
        DeValue::Table(table) => Value::Table(convert_table(table, place)),
    };
    // A table header is placed at its key; so is a value that recovery made up, whose span is empty.
    let at = match (&converted, value.span().is_empty()) {
        (Value::Table(_), _) | (_, true) => key_at.clone(),
        _ => place(value.span().start),
    };
    Node { key_at, at, value: converted }
}

/// Turns byte offsets into lines and columns.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    /// Finds the lines of a text.
    pub(super) fn new(text: &'t str) -> Self {
        let after_breaks = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        Self { text, starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// The line of a byte offset, from 1.
    fn number(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset.min(self.text.len()))
    }

    /// Whether a line of `source`, which has the same lines, begins as a table header does.
    fn is_header(&self, line: usize, source: &str) -> bool {
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(source.len());
        source.get(start..).is_some_and(|rest| rest.trim_start_matches([' ', '\t']).starts_with('['))
    }

    /// A syntax error in words.
    fn explain(&self, offset: usize, message: &str) -> String {
        let (before, after) = self.text.split_at_checked(offset.min(self.text.len())).unwrap_or((self.text, ""));
        if before.trim_end_matches([' ', '\t']).ends_with('=')
            && after.lines().next().is_none_or(|rest| rest.trim().is_empty())
        {
            return "no value follows the equals sign: write one".to_owned();
        }
        format!("this is not TOML: {}", message.replace('\n', "; "))
    }

    /// The place of a byte offset; one inside a character counts as its start, one beyond the end as the end.
    pub(super) fn place(&self, offset: usize) -> Origin {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        Origin::File(line, column + 1)
    }
}
