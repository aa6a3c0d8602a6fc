//! What commands print: tables and sections for people, one JSON object a line for programs.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::ops::ControlFlow;

use serde::Serialize;

use crate::admin::view::TokenView;

/// Standard output. Remembers that it failed, so that a command can stop and its exit code can tell.
pub(super) struct Output {
    out: BufWriter<StdoutLock<'static>>,
    failed: Option<io::Error>,
    /// Whether programs read it.
    pub(super) json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { out: BufWriter::new(io::stdout().lock()), failed: None, json }
    }

    /// Writes a line; breaks when nobody reads any more.
    pub(super) fn line(&mut self, text: &str) -> ControlFlow<()> {
        if self.failed.is_none() {
            self.failed = writeln!(self.out, "{text}").and_then(|()| self.out.flush()).err();
        }
        if self.failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Writes an object as one line of JSON.
    pub(super) fn object(&mut self, value: &impl Serialize) -> ControlFlow<()> {
        match serde_json::to_string(value) {
            Ok(text) => self.line(&text),
            Err(error) => {
                self.failed.get_or_insert(error.into());
                ControlFlow::Break(())
            }
        }
    }

    /// Why not everything could be written; a reader that has seen enough is no failure.
    pub(super) fn finish(self) -> Result<(), String> {
        match self.failed {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(format!("standard output cannot be written: {error}"))
            }
            _ => Ok(()),
        }
    }
}

/// Tells people of something that went wrong, on standard error.
pub(super) fn complain(text: &str) {
    // Where standard error is closed, the exit code has to do.
    let _ = writeln!(io::stderr(), "tollgate: {text}");
}

/// A token in full, as aligned lines; the secret first where there is one.
pub(super) fn section(token: &TokenView) -> String {
    let list = |items: &[String], none: &str| if items.is_empty() { none.to_owned() } else { items.join(" ") };
    let mut rows: Vec<(&str, String)> = Vec::new();
    if let Some(secret) = &token.secret {
        rows.push(("secret", secret.expose().to_owned()));
    }
    rows.push(("id", token.id.clone()));
    rows.push(("serial", token.serial.to_string()));
    rows.push(("name", token.name.clone()));
    if !token.description.is_empty() {
        rows.push(("description", token.description.replace(['\n', '\r', '\t'], " ")));
    }
    rows.push(("owner", format!("{} in account {}", token.owner.name, token.account.name)));
    rows.push(("scopes", list(&token.scopes, "none")));
    rows.push(("plan", token.plan.clone()));
    rows.push(("status", token.status.to_string()));
    rows.push(("expires", token.expires_at.clone().unwrap_or_else(|| "never".to_owned())));
    if !token.networks.is_empty() {
        rows.push(("networks", list(&token.networks, "any")));
    }
    if !token.region.is_empty() {
        rows.push(("region", token.region.clone()));
    }
    if !token.labels.is_empty() {
        let labels: Vec<String> = token.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        rows.push(("labels", labels.join(" ")));
    }
    rows.push(("created", format!("{} by {}", token.created_at, token.created_by)));
    if token.updated_at != token.created_at {
        rows.push(("changed", format!("{} by {}", token.updated_at, token.modified_by)));
    }
    let used = token.last_used.as_ref().map(|used| format!("{} from {}", used.at, used.address));
    rows.push(("last used", used.unwrap_or_else(|| "never".to_owned())));
    if let [_, old] = &token.secrets[..] {
        rows.push((
            "old secret",
            format!("works until {}", old.expires_at.as_deref().unwrap_or("it is rotated again")),
        ));
    }
    rows.push(("other ids", format!("{} (Losant), {} (Dynatrace)", token.losant_id, token.dynatrace_id)));
    let lines: Vec<String> = rows.iter().map(|(key, value)| format!("  {key:<12}{value}")).collect();
    lines.join("\n")
}

/// Tokens as a table, one a line.
pub(super) fn table(tokens: &[TokenView]) -> Vec<String> {
    let head = ["SERIAL", "ID", "NAME", "OWNER", "STATUS", "EXPIRES", "LAST USED", "SCOPES"];
    let mut rows: Vec<[String; 8]> = vec![head.map(str::to_owned)];
    rows.extend(tokens.iter().map(|token| {
        let owner = match token.account.name.as_str() {
            "default" => token.owner.name.clone(),
            account => format!("{account}/{}", token.owner.name),
        };
        [
            token.serial.to_string(),
            token.id.clone(),
            cut(&token.name, 40),
            cut(&owner, 40),
            token.status.to_string(),
            token.expires_at.as_deref().map_or_else(|| "never".to_owned(), seconds),
            token.last_used.as_ref().map_or_else(|| "never".to_owned(), |used| seconds(&used.at)),
            cut(&token.scopes.join(" "), 60),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    let line = |row: &[String; 8]| {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// A date without its milliseconds.
fn seconds(at: &str) -> String {
    at.split_once('.').map_or_else(|| at.to_owned(), |(start, _)| format!("{start}Z"))
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['\u{2026}']).collect()
}
