//! Activity in append-only files. A position counts the bytes of all segments ever written; a file is named after the
//! position it begins at. Records of one token form a chain, newest first, whose heads are kept in memory.
//!
//! File: 8 bytes of magic, then records: length of the payload (u32), CRC-32 of all that follows (u32), position of the
//! same token's previous record (u64, 0 = none), the token's sequence number (u32), payload (an event frame without its
//! length). Integers little-endian.

use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::{BuildHasherDefault, Hasher};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::activity::{FrameHead, Frames};
use crate::token::TokenId;

/// First bytes of a segment; the last one is the version.
pub(in crate::store) const MAGIC: &[u8; 8] = b"TGACT\0\0\x01";
/// Bytes of a record before its payload.
const PREFIX: usize = 20;
/// Longest payload that is believed; far above what a frame can hold.
const MAX_PAYLOAD: usize = 1 << 20;
/// Bytes read at once when one record is looked up; most records fit.
const GUESS: usize = 512;

/// Where a token's chain begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Head {
    /// Position of its newest record.
    pub(in crate::store) position: u64,
    /// Sequence number of that record.
    pub(in crate::store) sequence: u32,
}

/// Token to head; 28 bytes and the map's overhead each.
pub(in crate::store) type Heads = HashMap<TokenId, Head, BuildHasherDefault<IdHasher>>;

/// Takes eight bytes of the id as its hash: ids are drawn at random here, never chosen by a caller.
#[derive(Default)]
pub(in crate::store) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Bytes 8 to 15 are random up to two bits of the variant, in the top of the first of them. The length that
        // precedes an array's bytes is shorter and adds nothing.
        if let Some(word) = bytes.last_chunk::<8>() {
            self.0 = u64::from_le_bytes(*word).rotate_left(17);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}

/// Appends the records of a batch of frames to `out`, the first of them at `position`, and moves the heads on. What the
/// heads were before goes to `undo`. Frames that are no events are left out.
pub(in crate::store) fn encode(
    batch: &[u8],
    mut position: u64,
    heads: &mut Heads,
    out: &mut Vec<u8>,
    undo: &mut Vec<(TokenId, Option<Head>)>,
) {
    for payload in Frames::new(batch) {
        let Ok(frame) = FrameHead::of(payload) else { continue };
        if payload.len() > MAX_PAYLOAD {
            continue;
        }
        let token = frame.token();
        let (previous, sequence) = match heads.get_mut(&token) {
            Some(head) => {
                undo.push((token, Some(*head)));
                let previous = std::mem::replace(&mut head.position, position);
                head.sequence = head.sequence.wrapping_add(1);
                (previous, head.sequence)
            }
            None => {
                undo.push((token, None));
                heads.insert(token, Head { position, sequence: 1 });
                (0, 1)
            }
        };
        let mut prefix = [0; PREFIX];
        prefix[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        prefix[8..16].copy_from_slice(&previous.to_le_bytes());
        prefix[16..].copy_from_slice(&sequence.to_le_bytes());
        let sum = checksum(&prefix[8..], payload);
        prefix[4..8].copy_from_slice(&sum.to_le_bytes());
        out.extend_from_slice(&prefix);
        out.extend_from_slice(payload);
        position += (PREFIX + payload.len()) as u64;
    }
}

fn checksum(links: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(links);
    hasher.update(payload);
    hasher.finalize()
}

/// One record, checked.
#[derive(Debug)]
pub(in crate::store) struct Record<'a> {
    pub(in crate::store) previous: u64,
    pub(in crate::store) sequence: u32,
    pub(in crate::store) payload: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads the record at the start of `bytes`; `None` if it is cut or damaged. The second value is its length.
    pub(in crate::store) fn read(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let (prefix, rest) = bytes.split_first_chunk::<PREFIX>()?;
        let (payload, _) = rest.split_at_checked(payload_length(prefix)?)?;
        let (mut sum, mut previous, mut sequence) = ([0; 4], [0; 8], [0; 4]);
        sum.copy_from_slice(&prefix[4..8]);
        previous.copy_from_slice(&prefix[8..16]);
        sequence.copy_from_slice(&prefix[16..]);
        if checksum(&prefix[8..], payload) != u32::from_le_bytes(sum) {
            return None;
        }
        let (previous, sequence) = (u64::from_le_bytes(previous), u32::from_le_bytes(sequence));
        Some((Self { previous, sequence, payload }, PREFIX + payload.len()))
    }

    /// The token it belongs to.
    pub(in crate::store) fn token(&self) -> Option<TokenId> {
        FrameHead::of(self.payload).ok().map(|frame| frame.token())
    }
}

fn payload_length(prefix: &[u8; PREFIX]) -> Option<usize> {
    let mut length = [0; 4];
    length.copy_from_slice(&prefix[..4]);
    let length = u32::from_le_bytes(length) as usize;
    (length > 0 && length <= MAX_PAYLOAD).then_some(length)
}

/// Every whole record of a segment with its offset, until the first that is cut or damaged.
pub(in crate::store) struct Records<'a> {
    bytes: &'a [u8],
    /// Where the next record begins; after the last one, where whole records end.
    pub(in crate::store) offset: usize,
}

impl<'a> Records<'a> {
    pub(in crate::store) fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self { bytes, offset }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = (usize, Record<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.offset;
        let (record, length) = Record::read(self.bytes.get(at..)?)?;
        self.offset += length;
        Some((at, record))
    }
}

/// One file of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Segment {
    /// Position of its first byte.
    pub(in crate::store) base: u64,
    /// Bytes of whole records, magic included.
    pub(in crate::store) length: u64,
}

impl Segment {
    /// The position after its last record.
    pub(in crate::store) fn end(&self) -> u64 {
        self.base + self.length
    }
}

/// The file of the segment at `base`.
pub(in crate::store) fn path_of(folder: &Path, base: u64) -> PathBuf {
    folder.join(format!("{base:016x}.seg"))
}

/// Makes the file of a new segment, durably.
pub(in crate::store) fn make(folder: &Path, base: u64) -> io::Result<File> {
    let path = path_of(folder, base);
    let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    let begun = file.write_all_at(MAGIC, 0).and_then(|()| file.sync_all());
    let begun = begun.and_then(|()| File::open(folder)?.sync_all());
    match begun {
        Ok(()) => Ok(file),
        Err(error) => {
            // Left behind, it would stand in the way of the next attempt.
            let _ = fs::remove_file(&path);
            Err(error)
        }
    }
}

/// Opens the file of the newest segment for further records.
pub(in crate::store) fn open_for_writing(folder: &Path, base: u64) -> io::Result<File> {
    File::options().read(true).write(true).open(path_of(folder, base))
}

/// The segments in a folder, oldest first, with the lengths of their files.
pub(in crate::store) fn find(folder: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let base = name.to_str().and_then(|name| name.strip_suffix(".seg"));
        let Some(base) = base.and_then(|base| u64::from_str_radix(base, 16).ok()) else { continue };
        segments.push(Segment { base, length: entry.metadata()?.len() });
    }
    segments.sort_by_key(|segment| segment.base);
    Ok(segments)
}

/// Reads single records, keeping the file of the last one open: chains stay in one segment for long stretches.
pub(in crate::store) struct Cursor<'a> {
    folder: &'a Path,
    segments: &'a [Segment],
    open: Option<(Segment, File)>,
    buffer: Vec<u8>,
}

impl<'a> Cursor<'a> {
    pub(in crate::store) fn new(folder: &'a Path, segments: &'a [Segment]) -> Self {
        Self { folder, segments, open: None, buffer: Vec::new() }
    }

    /// The record of `token` at a position; `None` if its segment was dropped or it is damaged.
    pub(in crate::store) fn read(&mut self, position: u64, token: TokenId) -> io::Result<Option<Record<'_>>> {
        let after = self.segments.partition_point(|segment| segment.base <= position);
        let Some(segment) = after.checked_sub(1).and_then(|at| self.segments.get(at)).copied() else {
            return Ok(None);
        };
        let offset = position - segment.base;
        if !matches!(&self.open, Some((open, _)) if open.base == segment.base) {
            match File::open(path_of(self.folder, segment.base)) {
                Ok(file) => self.open = Some((segment, file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let Some((_, file)) = &self.open else { return Ok(None) };
        fill(file, &mut self.buffer, offset, GUESS)?;
        let wanted = self.buffer.first_chunk::<PREFIX>().and_then(payload_length).map_or(0, |length| PREFIX + length);
        if wanted > self.buffer.len() {
            fill(file, &mut self.buffer, offset, wanted)?;
        }
        let record = Record::read(&self.buffer).map(|(record, _)| record);
        if record.is_none() {
            tracing::warn!(segment = format!("{:016x}", segment.base), offset, "an activity record is damaged");
        }
        Ok(record.filter(|record| record.token() == Some(token)))
    }
}

/// Reads up to `length` bytes from `offset` on.
fn fill(file: &File, buffer: &mut Vec<u8>, offset: u64, length: usize) -> io::Result<()> {
    buffer.resize(length, 0);
    let mut read = 0;
    while read < length {
        match file.read_at(&mut buffer[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(read);
    Ok(())
}
