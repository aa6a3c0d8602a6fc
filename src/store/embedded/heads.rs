//! The heads of all chains in one file, so that opening reads only the segments written since.
//!
//! Magic (8 bytes), the position up to which it tells all (u64), then id, position and sequence of each token, and at
//! the end the CRC-32 of all before. Replaced as a whole when a segment is closed. A file is 28 bytes a token; one row a
//! token in the redb file would cost 40 times that in writes and hold up token edits meanwhile.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::segments::{Head, Heads};
use crate::token::TokenId;

const MAGIC: &[u8; 8] = b"TGHEADS\x01";
const NAME: &str = "heads";
const ROW: usize = 28;

/// Packs the heads as they are at position `upto`.
pub(super) fn pack(heads: &Heads, upto: u64) -> Vec<u8> {
    let mut packed = Vec::with_capacity(20 + heads.len() * ROW);
    packed.extend_from_slice(MAGIC);
    packed.extend_from_slice(&upto.to_le_bytes());
    for (token, head) in heads {
        packed.extend_from_slice(token.as_bytes());
        packed.extend_from_slice(&head.position.to_le_bytes());
        packed.extend_from_slice(&head.sequence.to_le_bytes());
    }
    let sum = crc32fast::hash(&packed);
    packed.extend_from_slice(&sum.to_le_bytes());
    packed
}

/// Replaces the file.
pub(super) fn save(folder: &Path, packed: &[u8]) -> io::Result<()> {
    let draft = folder.join("heads.new");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(packed)?;
    file.sync_all()?;
    fs::rename(&draft, folder.join(NAME))
}

/// Reads the file; `None` if there is none or it is damaged, since the segments tell the same.
pub(super) fn load(folder: &Path) -> io::Result<Option<(Heads, u64)>> {
    match fs::read(folder.join(NAME)) {
        Ok(packed) => {
            let heads = unpack(&packed);
            if heads.is_none() {
                tracing::warn!(folder = %folder.display(), "the saved activity heads are damaged; reading all segments");
            }
            Ok(heads)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn unpack(packed: &[u8]) -> Option<(Heads, u64)> {
    let (body, sum) = packed.split_last_chunk::<4>()?;
    let rest = body.strip_prefix(MAGIC)?;
    if crc32fast::hash(body) != u32::from_le_bytes(*sum) {
        return None;
    }
    let (upto, rows) = rest.split_first_chunk::<8>()?;
    let (rows, odd) = rows.as_chunks::<ROW>();
    if !odd.is_empty() {
        return None;
    }
    let mut heads = Heads::with_capacity_and_hasher(rows.len(), Default::default());
    for row in rows {
        let (token, rest) = row.split_first_chunk::<16>()?;
        let (position, sequence) = rest.split_first_chunk::<8>()?;
        let head =
            Head { position: u64::from_le_bytes(*position), sequence: u32::from_le_bytes(sequence.try_into().ok()?) };
        heads.insert(TokenId::from_bytes(*token), head);
    }
    Some((heads, u64::from_le_bytes(*upto)))
}
