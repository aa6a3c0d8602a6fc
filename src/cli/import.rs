//! `tollgate token import`: sends a file in batches and reports line by line.

use std::io::{self, BufRead, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::json;

use super::Failure;
use super::channel::Channel;
use super::print::{Output, complain};
use super::records::Reader;
use crate::admin::command::{Command, Entry, MAX_ENTRIES, Reply};

/// Bytes of entries after which a batch is sent; well below the longest line of the control socket.
const BATCH_BYTES: usize = 256 * 1024;

/// What an import has done so far.
#[derive(Default)]
struct Tally {
    imported: u64,
    failed: u64,
}

/// Sends the records of a file in batches and reports each that is refused.
pub(super) async fn import(
    channel: &Channel,
    path: &Path,
    mut reader: Reader<Box<dyn BufRead>>,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut tally = Tally::default();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    let mut broken = None;
    loop {
        match reader.next() {
            Ok(Some(record)) => match record.entry {
                Ok(entry) => {
                    bytes += serde_json::to_vec(&entry).map_or(0, |text| text.len());
                    batch.push(entry);
                }
                Err(message) => report(path, &format!("line {}", record.line), &message, &mut tally, output),
            },
            Ok(None) => break,
            Err(error) => {
                broken = Some(error);
                break;
            }
        }
        if batch.len() == MAX_ENTRIES || bytes >= BATCH_BYTES {
            flush(channel, path, std::mem::take(&mut batch), &mut tally, output).await?;
            bytes = 0;
        }
    }
    if !batch.is_empty() {
        flush(channel, path, batch, &mut tally, output).await?;
    }
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr(), "\r\u{1b}[K");
    }
    complain(&format!("{}: {} imported, {} failed", path.display(), tally.imported, tally.failed));
    if let Some(error) = broken {
        let message = format!("{}: {error}; nothing after it was read", path.display());
        return Err(Failure::Failed(message));
    }
    if tally.failed > 0 { Err(Failure::Partly) } else { Ok(()) }
}

async fn flush(
    channel: &Channel,
    path: &Path,
    entries: Vec<Entry>,
    tally: &mut Tally,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut ended = None;
    let asked = channel
        .call(Command::Import { entries }, &mut |reply| {
            match reply {
                Reply::Imported { line, id } => {
                    tally.imported += 1;
                    if output.json {
                        return output.object(&json!({"line": line, "id": id}));
                    }
                }
                Reply::Failed { item, message } => report(path, &item, &message, tally, output),
                Reply::Error { message } => ended = Some(message),
                Reply::Token { .. } | Reply::Event { .. } | Reply::Revoked { .. } | Reply::Done => {}
            }
            ControlFlow::Continue(())
        })
        .await;
    if let Some(message) = asked.err().or(ended) {
        let so_far = format!("{} imported, {} failed so far", tally.imported, tally.failed);
        return Err(Failure::Failed(format!(
            "{}: {message} ({so_far}; a repeated import refuses what is in already)",
            path.display()
        )));
    }
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr(), "\r{} imported, {} failed", tally.imported, tally.failed);
    }
    Ok(())
}

fn report(path: &Path, item: &str, message: &str, tally: &mut Tally, output: &mut Output) {
    tally.failed += 1;
    if output.json {
        let line: Option<u64> = item.strip_prefix("line ").and_then(|number| number.parse().ok());
        let _ = output.object(&json!({"line": line, "error": message}));
    }
    complain(&format!("{}: {item}: {message}", path.display()));
}
