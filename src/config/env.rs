//! Environment variables over the file: `TOLLGATE_ADMIN__LISTEN` sets `admin.listen`.

use std::collections::BTreeMap;

use super::reader::Context;
use super::tree::{Node, Origin, Table, Value};

const PREFIX: &str = "TOLLGATE_";

/// Puts every variable whose name starts with `TOLLGATE_` and holds a double underscore into the tree. A key of the top
/// level is named with the double underscore first: `TOLLGATE__REGION`.
pub(super) fn apply(root: &mut Table, env: &BTreeMap<String, String>, cx: &Context) {
    let mut set: BTreeMap<Vec<String>, &str> = BTreeMap::new();
    for (name, value) in env {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        if !name.contains("__") {
            continue;
        }
        let at = Origin::Env(name.clone());
        let path: Vec<String> = rest.trim_start_matches('_').split("__").map(str::to_lowercase).collect();
        if path.iter().any(String::is_empty) {
            cx.error(&at, "", "names no key: write TOLLGATE_SECTION__KEY, such as TOLLGATE_ADMIN__LISTEN");
            continue;
        }
        if let Some(other) = set.insert(path.clone(), name) {
            cx.error(&at, &path.join("."), format!("is set by {other} too: keep one of the two"));
            continue;
        }
        // What stands for bytes that are not UTF-8; a secret must not be changed silently.
        if value.contains(char::REPLACEMENT_CHARACTER) {
            cx.error(&at, &path.join("."), "is not UTF-8: set it as UTF-8");
            continue;
        }
        if let Err(reason) = insert(root, &path, &at, value) {
            cx.error(&at, &path.join("."), reason);
        }
    }
}

/// Walks down to the table that holds the last segment, making tables on the way.
fn insert(table: &mut Table, path: &[String], at: &Origin, text: &str) -> Result<(), String> {
    let [segment, deeper @ ..] = path else { return Ok(()) };
    let key = find_key(table, segment)?;
    if deeper.is_empty() {
        let value = Value::Raw(text.to_owned());
        table.insert(key, Node { key_at: at.clone(), at: at.clone(), value });
        return Ok(());
    }
    let made = || Node { key_at: at.clone(), at: at.clone(), value: Value::Table(Table::new()) };
    let node = table.entry(key).or_insert_with(made);
    descend(node, deeper, at, text)
}

fn descend(node: &mut Node, path: &[String], at: &Origin, text: &str) -> Result<(), String> {
    let [segment, deeper @ ..] = path else { return Ok(()) };
    match &mut node.value {
        Value::Table(table) => insert(table, path, at, text),
        Value::List(items) => {
            let count = items.len();
            let item = segment.parse::<usize>().ok().and_then(|index| items.get_mut(index));
            match item {
                Some(item) if deeper.is_empty() => {
                    item.value = Value::Raw(text.to_owned());
                    item.at = at.clone();
                    Ok(())
                }
                Some(item) => descend(item, deeper, at, text),
                None => Err(format!("{segment:?} is no entry of this list: the file has {count}, counted from 0")),
            }
        }
        other => Err(format!("the key above holds {}, which has no keys of its own", kind(other))),
    }
}

/// The key a segment means: compared without case, and with `_` for anything that a variable name cannot hold.
fn find_key(table: &Table, segment: &str) -> Result<String, String> {
    if table.contains_key(segment) {
        return Ok(segment.to_owned());
    }
    let plain = |key: &str| -> String {
        let simple = |c: char| if c.is_alphanumeric() { c } else { '_' };
        key.to_lowercase().chars().map(simple).collect()
    };
    let mut matching = table.keys().filter(|key| plain(key) == segment);
    match (matching.next(), matching.next()) {
        (Some(one), Some(two)) => Err(format!("{segment:?} could be {one:?} or {two:?}: set it in the file")),
        (Some(one), None) => Ok(one.clone()),
        _ => Ok(segment.to_owned()),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Text(_) | Value::Raw(_) => "a text",
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::Flag(_) => "true or false",
        Value::Date(_) => "a date",
        Value::List(_) => "a list",
        Value::Table(_) => "a table",
    }
}
