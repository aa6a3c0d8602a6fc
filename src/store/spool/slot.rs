//! One process's place in the spool: segments as the embedded store writes them, and how far they have been replayed.
//!
//! Folder: `lock` (held while the process lives), `state`, `gaps`, `*.seg`. `state` is magic (8 bytes), the name of this
//! spool (8 random bytes), the position from which to replay (u64), the position below which events may be in the store
//! already (u64), CRC-32; integers little-endian. It may lag behind: the store knows what it has taken from a name.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::activity::{FrameHead, Frames};
use crate::store::embedded::segments::{self, Heads, MAGIC, Records, Segment};

const STATE_MAGIC: &[u8; 8] = b"TGSPOOL\x01";
const STATE: usize = 36;
/// Bytes read for one round of replay; far above the longest record.
const CHUNK: usize = 512 << 10;
/// A drained segment is given back to the disk once it is this long.
const WORTH_DROPPING: u64 = 1 << 20;
/// Bytes of a record before its payload.
const PREFIX: u64 = 20;
const BEGIN: u64 = MAGIC.len() as u64;

/// Events to replay.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Position and frame of each, in order.
    pub(super) events: Vec<(u64, Bytes)>,
    /// Whether the store may hold some of them already, under no name.
    pub(super) doubtful: bool,
    /// Where the next chunk begins.
    pub(super) next: u64,
    /// Places at which bytes could not be read as records.
    pub(super) damaged: u64,
}

/// A slot that this process holds.
#[derive(Debug)]
pub(super) struct Slot {
    folder: PathBuf,
    lock: File,
    state: File,
    /// Told to the store with every event, so that it takes each once.
    pub(super) source: [u8; 8],
    /// Oldest first, never empty; the last one grows.
    segments: VecDeque<Segment>,
    active: File,
    segment_bytes: u64,
    cursor: u64,
    doubt: u64,
    buffer: Vec<u8>,
}

impl Slot {
    /// Takes a slot, making it if it is absent; `None` if another process holds it.
    pub(super) fn take(folder: &Path, segment_bytes: u64) -> io::Result<Option<Self>> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let path = folder.join("lock");
        let lock = File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match lock.try_lock() {
            Ok(()) => Self::open(folder, lock, segment_bytes).map(Some),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn open(folder: &Path, lock: File, segment_bytes: u64) -> io::Result<Self> {
        let path = folder.join("state");
        let state = File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        let known = read_state(&state);
        let mut segments: VecDeque<Segment> = segments::find(folder)?.into();
        if segments.is_empty() {
            let base = known.map_or(0, |(_, cursor, _)| cursor);
            segments::make(folder, base)?;
            segments.push_back(Segment { base, length: BEGIN });
        }
        let last = segments.len() - 1;
        repair(folder, &mut segments[last])?;
        let active = segments::open_for_writing(folder, segments[last].base)?;
        // A new name for what has lost its own: then all of it may be in the store under the old one.
        let (source, cursor, doubt) = match known {
            Some(known) => known,
            None => {
                let mut source = [0; 8];
                getrandom::fill(&mut source).map_err(io::Error::other)?;
                (source, 0, segments[last].end())
            }
        };
        let cursor = cursor.max(segments[0].base + BEGIN);
        let folder = folder.to_owned();
        let buffer = Vec::new();
        let slot = Self { folder, lock, state, source, segments, active, segment_bytes, cursor, doubt, buffer };
        slot.save()?;
        slot.state.sync_all()?;
        Ok(slot)
    }

    /// Where gaps are kept.
    pub(super) fn gaps_path(&self) -> PathBuf {
        self.folder.join("gaps")
    }

    /// Bytes of its segments on the disk.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.length).sum()
    }

    /// Bytes that wait to be replayed.
    pub(super) fn waiting(&self) -> u64 {
        self.segments.iter().map(|s| s.end().saturating_sub(self.cursor.max(s.base + BEGIN))).sum()
    }

    /// Appends a batch of frames and puts it on the disk. A batch that could not be written leaves nothing behind.
    /// `doubtful` says that the store may have taken it already.
    pub(super) fn append(&mut self, batch: &[u8], doubtful: bool) -> io::Result<()> {
        if self.last().length > BEGIN && self.last().length + batch.len() as u64 > self.segment_bytes {
            self.roll()?;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        // Chains are of no use here: all is read in order.
        segments::encode(batch, self.last().end(), &mut Heads::default(), &mut buffer, &mut Vec::new());
        let written = self.write(&buffer, doubtful);
        self.buffer = buffer;
        written
    }

    fn write(&mut self, records: &[u8], doubtful: bool) -> io::Result<()> {
        let active = *self.last();
        if doubtful {
            self.doubt = self.doubt.max(active.end() + records.len() as u64);
            self.save()?;
            self.state.sync_data()?;
        }
        let written = self.active.write_all_at(records, active.length).and_then(|()| self.active.sync_data());
        if let Err(error) = written {
            // If this fails too, the next batch overwrites the remains or the next opening cuts them off.
            let _ = self.active.set_len(active.length);
            return Err(error);
        }
        if let Some(last) = self.segments.back_mut() {
            last.length += records.len() as u64;
        }
        Ok(())
    }

    /// What comes next; `None` if all has been replayed.
    pub(super) fn next(&self) -> io::Result<Option<Chunk>> {
        let mut chunk = Chunk { events: Vec::new(), doubtful: false, next: self.cursor, damaged: 0 };
        for segment in &self.segments {
            if segment.end() <= chunk.next {
                continue;
            }
            chunk.next = chunk.next.max(segment.base + BEGIN);
            while chunk.events.is_empty() && chunk.next < segment.end() {
                self.read(segment, &mut chunk)?;
            }
            if !chunk.events.is_empty() {
                chunk.doubtful = self.cursor < self.doubt;
                return Ok(Some(chunk));
            }
        }
        Ok((chunk.next > self.cursor).then_some(chunk))
    }

    /// Reads records of a segment; beyond damage it goes on with the next whole record.
    fn read(&self, segment: &Segment, chunk: &mut Chunk) -> io::Result<()> {
        let file = File::open(segments::path_of(&self.folder, segment.base))?;
        let offset = chunk.next - segment.base;
        let rest = segment.length - offset;
        let mut bytes = vec![0; rest.min(CHUNK as u64) as usize];
        let read = file.read_exact_at(&mut bytes, offset);
        if read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::UnexpectedEof) {
            // Cut from outside: nothing more is there.
            (chunk.next, chunk.damaged) = (segment.end(), chunk.damaged + 1);
            return Ok(());
        }
        read?;
        let bytes = Bytes::from(bytes);
        let mut records = Records::new(&bytes, 0);
        for (at, record) in records.by_ref() {
            chunk.events.push((chunk.next + at as u64, bytes.slice_ref(record.payload)));
        }
        let whole = records.offset;
        chunk.next += whole as u64;
        let cut_by_us = (bytes.len() as u64) < rest;
        if whole > 0 && (cut_by_us || whole == bytes.len()) || chunk.next == segment.end() {
            return Ok(());
        }
        let skip = if whole > 0 { 0 } else { 1 };
        match resume(&bytes[whole..], skip) {
            Some(on) => chunk.next += on as u64,
            None if cut_by_us => chunk.next += (bytes.len() - whole) as u64 / 2,
            None => chunk.next = segment.end(),
        }
        chunk.damaged += 1;
        Ok(())
    }

    /// Goes on behind what has been replayed, and gives it back to the disk.
    pub(super) fn advance(&mut self, next: u64) -> io::Result<()> {
        self.cursor = next;
        if self.waiting() == 0 && self.last().length > WORTH_DROPPING {
            self.roll()?;
        }
        while self.segments.len() > 1 && self.segments[0].end() <= self.cursor {
            let path = segments::path_of(&self.folder, self.segments[0].base);
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.segments.pop_front(),
            };
        }
        self.cursor = self.cursor.max(self.segments[0].base + BEGIN);
        self.save()
    }

    /// Lets go of a slot; what lies in it waits for whoever takes it next.
    pub(super) fn release(self) -> io::Result<()> {
        self.save()?;
        self.lock.unlock()
    }

    /// Writes into another file, for tests of full disks; gives the one before.
    #[cfg(test)]
    pub(super) fn replace_active(&mut self, file: File) -> File {
        std::mem::replace(&mut self.active, file)
    }

    fn last(&self) -> &Segment {
        // Never empty: one is made at opening, and the last is never dropped.
        &self.segments[self.segments.len() - 1]
    }

    fn roll(&mut self) -> io::Result<()> {
        let base = self.last().end();
        self.active = segments::make(&self.folder, base)?;
        self.segments.push_back(Segment { base, length: BEGIN });
        Ok(())
    }

    fn save(&self) -> io::Result<()> {
        let mut packed = [0; STATE];
        packed[..8].copy_from_slice(STATE_MAGIC);
        packed[8..16].copy_from_slice(&self.source);
        packed[16..24].copy_from_slice(&self.cursor.to_le_bytes());
        packed[24..32].copy_from_slice(&self.doubt.to_le_bytes());
        let sum = crc32fast::hash(&packed[..32]);
        packed[32..].copy_from_slice(&sum.to_le_bytes());
        self.state.write_all_at(&packed, 0)
    }
}

fn read_state(file: &File) -> Option<([u8; 8], u64, u64)> {
    let mut packed = [0; STATE];
    file.read_exact_at(&mut packed, 0).ok()?;
    let (body, sum) = packed.split_last_chunk::<4>()?;
    if !body.starts_with(STATE_MAGIC) || crc32fast::hash(body) != u32::from_le_bytes(*sum) {
        return None;
    }
    let word = |at: usize| body.get(at..at + 8).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    Some((word(8)?, u64::from_le_bytes(word(16)?), u64::from_le_bytes(word(24)?)))
}

/// Cuts off what a kill left half written at the end of the newest segment. Whole records behind damage stay.
fn repair(folder: &Path, segment: &mut Segment) -> io::Result<()> {
    let file = segments::open_for_writing(folder, segment.base)?;
    let mut bytes = vec![0; segment.length as usize];
    file.read_exact_at(&mut bytes, 0)?;
    if !bytes.starts_with(MAGIC) {
        file.write_all_at(MAGIC, 0)?;
        bytes.resize(bytes.len().max(MAGIC.len()), 0);
    }
    let mut whole = MAGIC.len();
    loop {
        let mut records = Records::new(&bytes, whole);
        records.by_ref().for_each(drop);
        whole = records.offset;
        match resume(&bytes[whole..], 1) {
            Some(on) => whole += on,
            None => break,
        }
    }
    if whole as u64 != segment.length {
        file.set_len(whole as u64)?;
        file.sync_all()?;
        segment.length = whole as u64;
    }
    Ok(())
}

/// The offset, from `skip` on, at which a whole record begins.
fn resume(bytes: &[u8], skip: usize) -> Option<usize> {
    let prefix = PREFIX as usize;
    (skip..bytes.len().saturating_sub(prefix)).find(|at| {
        // A frame's version byte leads its payload: few other places have it, and only those are summed up.
        let head = bytes.get(at + prefix..).is_some_and(|payload| FrameHead::of(payload).is_ok());
        head && Records::new(bytes, *at).next().is_some()
    })
}

/// The frames of a batch in order of their ids, so that a token's events are replayed in order.
pub(super) fn in_order(batch: &[u8]) -> Vec<u8> {
    let heads = Frames::new(batch).filter_map(|frame| FrameHead::of(frame).ok().map(|head| (head.id(), frame)));
    let mut frames: Vec<_> = heads.collect();
    frames.sort_by_key(|(id, _)| *id);
    let mut ordered = Vec::with_capacity(batch.len());
    for (_, frame) in frames {
        ordered.extend_from_slice(&(frame.len() as u32).to_le_bytes());
        ordered.extend_from_slice(frame);
    }
    ordered
}
