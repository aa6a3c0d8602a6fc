//! Reads the file of `token import`: JSON lines, or CSV (RFC 4180) whose first line names the columns.
//!
//! Both give the same fields: name, description, owner, account, scopes, plan, expires, labels, networks, region, form, and
//! `secret` or `sha256`. No message repeats a value of the file that could be a secret.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use serde_json::{Map, Value};

use super::when;
use crate::admin::command::{Entry, EntrySecret};
use crate::admin::service::Draft;
use crate::admin::view::SecretText;
use crate::clock::Timestamp;

/// Longest record of the file, in bytes.
const MAX_RECORD: usize = 64 * 1024;
const FIELDS: [&str; 13] = [
    "name",
    "description",
    "owner",
    "account",
    "scopes",
    "plan",
    "expires",
    "labels",
    "networks",
    "region",
    "form",
    "secret",
    "sha256",
];

/// One record of the file.
pub(super) struct Record {
    /// The line it starts at, from 1.
    pub(super) line: u64,
    /// The token, or what is wrong with the record.
    pub(super) entry: Result<Entry, String>,
}

/// Reads records one by one.
pub(super) struct Reader<R> {
    input: R,
    line: u64,
    now: Timestamp,
    /// Columns of a CSV file; `None` for JSON lines.
    columns: Option<Vec<String>>,
}

impl<R: BufRead> Reader<R> {
    /// Finds out the form of the file and reads its head. A file that begins with `{` is JSON lines.
    ///
    /// # Errors
    /// The file cannot be read or its columns are not known.
    pub(super) fn new(input: R, now: Timestamp) -> Result<Self, String> {
        let mut reader = Self { input, line: 0, now, columns: None };
        let first = reader.input.fill_buf().map_err(|e| e.to_string())?;
        let text = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
        if text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
            let mark = first.len() - text.len();
            reader.input.consume(mark);
            return Ok(reader);
        }
        let mark = first.len() - text.len();
        reader.input.consume(mark);
        let Some((_, head)) = reader.csv_record()? else { return Err("the file is empty".to_owned()) };
        let columns: Vec<String> = head?.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
        // A file without a head line may hold a secret there, so an unknown name is not repeated.
        if let Some(at) = columns.iter().position(|name| !FIELDS.contains(&name.as_str())) {
            let known = FIELDS.join(", ");
            return Err(format!(
                "line 1: column {} is not known; the first line names columns out of: {known}",
                at + 1
            ));
        }
        if !columns.iter().any(|name| name == "secret" || name == "sha256") {
            return Err("line 1: there is no column secret or sha256".to_owned());
        }
        reader.columns = Some(columns);
        Ok(reader)
    }

    /// The next record; `None` at the end. An error ends the file.
    pub(super) fn next(&mut self) -> Result<Option<Record>, String> {
        let now = self.now;
        let Some(columns) = self.columns.clone() else { return self.next_json() };
        let Some((line, cells)) = self.csv_record()? else { return Ok(None) };
        let fields = cells.and_then(|cells| {
            if cells.len() != columns.len() {
                return Err(format!("has {} cells; the first line names {} columns", cells.len(), columns.len()));
            }
            let filled = columns.into_iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
            Ok(filled.map(|(name, cell)| (name, Value::String(cell))).collect())
        });
        Ok(Some(Record { line, entry: fields.and_then(|fields| entry(line, fields, now)) }))
    }

    fn next_json(&mut self) -> Result<Option<Record>, String> {
        loop {
            let Some(bytes) = self.raw_line()? else { return Ok(None) };
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            let line = self.line;
            let entry = match serde_json::from_slice::<Map<String, Value>>(&bytes) {
                Ok(fields) => entry(line, fields, self.now),
                Err(error) => Err(format!("is no JSON object (column {})", error.column())),
            };
            return Ok(Some(Record { line, entry }));
        }
    }

    /// The next line with its end, of at most [`MAX_RECORD`] bytes.
    fn raw_line(&mut self) -> Result<Option<Vec<u8>>, String> {
        let mut bytes = Vec::new();
        let told = |line: u64, e: io::Error| format!("line {line}: {e}");
        (&mut self.input)
            .take(MAX_RECORD as u64 + 1)
            .read_until(b'\n', &mut bytes)
            .map_err(|e| told(self.line + 1, e))?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        if bytes.len() > MAX_RECORD {
            return Err(format!("line {}: is longer than {MAX_RECORD} bytes", self.line));
        }
        Ok(Some(bytes))
    }

    /// The next CSV record and the line it starts at; blank lines are passed over.
    #[allow(clippy::type_complexity)] // Outer error ends the file, inner one the record.
    fn csv_record(&mut self) -> Result<Option<(u64, Result<Vec<String>, String>)>, String> {
        let mut record = Vec::new();
        let mut start = 0;
        while let Some(bytes) = self.raw_line()? {
            if record.is_empty() {
                if bytes.trim_ascii().is_empty() {
                    continue;
                }
                start = self.line;
            }
            record.extend_from_slice(&bytes);
            if record.len() > MAX_RECORD {
                return Err(format!("line {start}: the record is longer than {MAX_RECORD} bytes; is a quote missing?"));
            }
            // Inside quotes while their number is odd: a doubled quote counts twice.
            if record.iter().filter(|byte| **byte == b'"').count() % 2 == 0 {
                return Ok(Some((start, cells(&record))));
            }
        }
        if record.is_empty() { Ok(None) } else { Ok(Some((start, Err("a quoted cell has no end".to_owned())))) }
    }
}

/// Splits a CSV record.
fn cells(record: &[u8]) -> Result<Vec<String>, String> {
    let text = std::str::from_utf8(record).map_err(|_| "is not UTF-8".to_owned())?;
    let mut rest = text.strip_suffix('\n').unwrap_or(text);
    rest = rest.strip_suffix('\r').unwrap_or(rest);
    let mut cells = Vec::new();
    loop {
        let Some(quoted) = rest.strip_prefix('"') else {
            let (cell, tail) = rest.split_once(',').map_or((rest, None), |(cell, tail)| (cell, Some(tail)));
            if cell.contains('"') {
                return Err(format!("cell {} has a quote inside; put the whole cell in quotes", cells.len() + 1));
            }
            cells.push(cell.to_owned());
            match tail {
                Some(tail) => rest = tail,
                None => return Ok(cells),
            }
            continue;
        };
        let mut cell = String::new();
        let mut tail = quoted;
        loop {
            let Some((part, after)) = tail.split_once('"') else { return Err("a quoted cell has no end".to_owned()) };
            cell.push_str(part);
            match after.strip_prefix('"') {
                Some(after) => {
                    cell.push('"');
                    tail = after;
                }
                None => {
                    tail = after;
                    break;
                }
            }
        }
        cells.push(cell);
        match tail.strip_prefix(',') {
            Some(next) => rest = next,
            None if tail.is_empty() => return Ok(cells),
            None => return Err(format!("cell {} goes on behind its closing quote", cells.len())),
        }
    }
}

/// Makes the token of a record.
fn entry(line: u64, mut fields: Map<String, Value>, now: Timestamp) -> Result<Entry, String> {
    if let Some(name) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(format!(
            "{:?} is no field; known are {}",
            name.chars().take(40).collect::<String>(),
            FIELDS.join(", ")
        ));
    }
    let secret = match (text(&mut fields, "secret")?, text(&mut fields, "sha256")?) {
        (Some(secret), None) => EntrySecret::Secret(SecretText::new(&secret)),
        (None, Some(digest)) => EntrySecret::Sha256(digest),
        (None, None) => return Err("there is neither secret nor sha256".to_owned()),
        (Some(_), Some(_)) => return Err("there are both secret and sha256; give one".to_owned()),
    };
    let expires_at = text(&mut fields, "expires")?.map(|when| when::moment(&when, now)).transpose();
    let draft = Draft {
        name: text(&mut fields, "name")?.ok_or("name: is missing")?,
        description: text(&mut fields, "description")?.unwrap_or_default(),
        owner: text(&mut fields, "owner")?,
        account: text(&mut fields, "account")?,
        scopes: list(&mut fields, "scopes")?,
        plan: text(&mut fields, "plan")?,
        expires_at: expires_at.map_err(|e| format!("expires: {e}"))?,
        labels: labels(&mut fields)?,
        networks: list(&mut fields, "networks")?,
        region: text(&mut fields, "region")?,
        form: text(&mut fields, "form")?.map(|form| form.parse()).transpose()?.unwrap_or_default(),
        ..Draft::default()
    };
    Ok(Entry { line, draft, secret })
}

fn text(fields: &mut Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name}: must be a text")),
    }
}

/// A list of texts, or one text with blanks or commas between its items.
fn list(fields: &mut Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, String> {
    let wrong = || format!("{name}: must be a list of texts, or one text with blanks between");
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            let items = text.split(|c: char| c.is_whitespace() || c == ',').filter(|item| !item.is_empty());
            Ok(Some(items.map(str::to_owned).collect()))
        }
        Some(Value::Array(items)) => {
            let texts = items.into_iter().map(|item| match item {
                Value::String(text) => Ok(text),
                _ => Err(wrong()),
            });
            texts.collect::<Result<_, _>>().map(Some)
        }
        Some(_) => Err(wrong()),
    }
}

/// An object of texts, or one text such as `team=a;stage=prod`.
fn labels(fields: &mut Map<String, Value>) -> Result<BTreeMap<String, String>, String> {
    let wrong = || "labels: must be an object of texts, or one text such as team=a;stage=prod".to_owned();
    match fields.remove("labels") {
        None | Some(Value::Null) => Ok(BTreeMap::new()),
        Some(Value::String(text)) => {
            let pairs = text.split(';').map(str::trim).filter(|pair| !pair.is_empty());
            let pairs = pairs.map(|pair| pair.split_once('=').ok_or_else(wrong));
            pairs.map(|pair| pair.map(|(key, value)| (key.to_owned(), value.to_owned()))).collect()
        }
        Some(Value::Object(pairs)) => {
            let pairs = pairs.into_iter().map(|(key, value)| match value {
                Value::String(value) => Ok((key, value)),
                _ => Err(wrong()),
            });
            pairs.collect()
        }
        Some(_) => Err(wrong()),
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Vec<Record>, String> {
        let mut reader = Reader::new(text.as_bytes(), Timestamp::from_millis(0))?;
        let mut records = Vec::new();
        while let Some(record) = reader.next()? {
            records.push(record);
        }
        Ok(records)
    }

    fn failure(record: &Record) -> &str {
        record.entry.as_ref().expect_err("refused")
    }

    #[test]
    fn json_lines_are_read_with_their_line_numbers() {
        let text = concat!(
            "\u{feff}{\"name\":\"a\",\"secret\":\"0123456789abcdef\",\"scopes\":[\"x.y\"],\"labels\":{\"k\":\"v\"},\"expires\":\"1d\"}\n",
            "\n",
            "{\"name\":\"b\"}\n",
            "{\"name\":\"c\",\"secret\":12345678901234567890}\n",
            "{\"name\":\"d\",\"secret\":\"s3cret\n",
            "{\"name\":\"e\",\"sha256\":\"ab\",\"colour\":\"red\"}"
        );
        let records = read(text).expect("read");
        assert_eq!(records.iter().map(|r| r.line).collect::<Vec<_>>(), [1, 3, 4, 5, 6]);
        let first = records[0].entry.as_ref().expect("fine");
        assert_eq!(first.draft.scopes.as_deref(), Some(&["x.y".to_owned()][..]));
        assert_eq!(first.draft.expires_at, Some(Timestamp::from_millis(86_400_000)));
        assert_eq!(first.draft.labels["k"], "v");
        assert_eq!(failure(&records[1]), "there is neither secret nor sha256");
        assert_eq!(failure(&records[2]), "secret: must be a text");
        assert!(
            failure(&records[3]).starts_with("is no JSON object (column ") && !failure(&records[3]).contains("s3cret")
        );
        assert!(failure(&records[4]).starts_with("\"colour\" is no field"));
    }

    #[test]
    fn csv_follows_rfc_4180() {
        let text = "Name,owner,scopes,secret,labels\r\n\
                    \"a \"\"quoted\"\", b\",mira,x.y z.w,0123456789abcdef,team=a;stage=prod\r\n\
                    \"two\nlines\",,,fedcba9876543210,\r\n\
                    short,row\r\n\
                    bad\"quote,,,fedcba9876543210,\r\n\
                    \"open,,,fedcba9876543210,\r\n";
        let records = read(text).expect("read");
        let first = records[0].entry.as_ref().expect("fine");
        assert_eq!(first.draft.name, "a \"quoted\", b");
        assert_eq!((first.draft.owner.as_deref(), first.draft.labels.len()), (Some("mira"), 2));
        assert_eq!(first.draft.scopes.as_ref().map(Vec::len), Some(2));
        let second = records[1].entry.as_ref().expect("fine");
        assert_eq!((records[1].line, second.draft.name.as_str()), (3, "two\nlines"));
        assert_eq!((second.draft.owner.as_ref(), second.draft.scopes.as_ref()), (None, None));
        assert_eq!((records[2].line, failure(&records[2])), (5, "has 2 cells; the first line names 5 columns"));
        assert_eq!(records[3].line, 6);
    }

    #[test]
    fn a_file_without_known_columns_is_refused_without_repeating_it() {
        assert_eq!(read("").err().as_deref(), Some("the file is empty"));
        let error = read("mira,0123456789abcdef\n").err().expect("refused");
        assert!(error.starts_with("line 1: column 1 is not known") && !error.contains("0123"), "{error}");
        assert!(read("name,owner\n").err().expect("refused").contains("no column secret"));
        let long = format!("name,secret\n{},x\n", "a".repeat(MAX_RECORD));
        assert!(read(&long).err().expect("refused").contains("longer than"));
    }

    proptest! {
        /// Whatever stands in a cell comes back, if it was written by the rules.
        #[test]
        fn quoted_cells_come_back(cells_in in proptest::collection::vec("[ -~\n\u{e9}\"]{0,12}", 1..6)) {
            let quoted: Vec<String> = cells_in.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
            prop_assert_eq!(cells(format!("{}\r\n", quoted.join(",")).as_bytes()), Ok(cells_in));
        }

        #[test]
        fn no_file_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), head in any::<bool>()) {
            let mut file = if head { b"name,secret\n".to_vec() } else { Vec::new() };
            file.extend(bytes);
            if let Ok(mut reader) = Reader::new(&file[..], Timestamp::from_millis(0)) {
                while let Ok(Some(_)) = reader.next() {}
            }
        }
    }
}
