//! The activity log: segments, heads and retention. One thread appends; any may read.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::folder;
use super::heads;
use super::segments::{self, Cursor, Head, Heads, MAGIC, Records, Segment};
use crate::activity::{Event, EventId, FrameHead, Retention};
use crate::clock::Timestamp;
use crate::store::OpenError;
use crate::token::{LastUse, TokenId};

/// Largest segment; smaller ones where all activity together must be small, so that dropping one drops a sixteenth.
const MAX_SEGMENT: u64 = 64 << 20;
const MIN_SEGMENT: u64 = 64 << 10;
/// A segment takes no more events after this long, so that the oldest are on disk at most so much beyond their age.
const MAX_SEGMENT_AGE: Duration = Duration::from_secs(86_400);
/// How far apart in time neighbours of a chain may be out of order: what recording threads hold back, generously.
const DISORDER: Duration = Duration::from_secs(60);
/// Last uses handed over at once when a segment is dropped.
const HAND_OVER: usize = 4_096;
/// Newest events of a token looked at to find its last use; audits and refused tries lie between.
const LAST_USE_SPAN: usize = 64;

/// What readers and the appending thread share.
pub(super) struct Log {
    folder: PathBuf,
    retention: Retention,
    state: Mutex<State>,
}

struct State {
    heads: Heads,
    /// Oldest first, never empty; the last one grows.
    segments: Arc<Vec<Segment>>,
}

/// The end that grows; owned by the appending thread.
pub(super) struct Tail {
    log: Arc<Log>,
    file: File,
    active: Segment,
    begun: SystemTime,
    unsynced: bool,
    buffer: Vec<u8>,
    undo: Vec<(TokenId, Option<Head>)>,
}

/// Takes the last uses of tokens whose last event is dropped.
pub(super) type HandOver<'a> = &'a mut dyn FnMut(Vec<(TokenId, [u8; 28])>) -> bool;

impl Log {
    /// Opens or makes the log in a folder, cutting off what a kill left half written.
    pub(super) fn open(folder: PathBuf, retention: Retention) -> Result<(Arc<Self>, Tail), OpenError> {
        folder::make(&folder)?;
        let failed = |error| folder::refused(&folder, "cannot be opened as activity log", &error);
        let mut segments = segments::find(&folder).map_err(failed)?;
        let end = segments.last().map_or(0, Segment::end);
        // Heads that tell of more than there is were not made from these segments.
        let saved = heads::load(&folder).map_err(failed)?.filter(|(_, upto)| *upto <= end);
        let (mut heads, upto) = saved.unwrap_or_default();
        let last = segments.len().saturating_sub(1);
        for (at, segment) in segments.iter_mut().enumerate() {
            if at == last || segment.end() > upto {
                scan(&folder, segment, upto, &mut heads, at == last).map_err(failed)?;
            }
        }
        // Heads of dropped segments, if a kill came between the drop and the next save.
        let oldest = segments.first().map_or(0, |segment| segment.base);
        heads.retain(|_, head| head.position >= oldest);
        if segments.is_empty() {
            segments::make(&folder, 0).map_err(failed)?;
            segments.push(Segment { base: 0, length: MAGIC.len() as u64 });
        }
        let active = segments[segments.len() - 1];
        let file = segments::open_for_writing(&folder, active.base).map_err(failed)?;
        let begun = file.metadata().and_then(|about| about.created()).unwrap_or_else(|_| SystemTime::now());
        let state = Mutex::new(State { heads, segments: Arc::new(segments) });
        let log = Arc::new(Self { folder, retention, state });
        let tail =
            Tail { log: Arc::clone(&log), file, active, begun, unsynced: true, buffer: Vec::new(), undo: Vec::new() };
        Ok((log, tail))
    }

    /// Where the segments lie.
    #[cfg(test)]
    pub(super) fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// Up to `take` events after `skip`, newest first.
    pub(super) fn page(&self, token: TokenId, skip: usize, take: usize) -> io::Result<Vec<Event>> {
        let mut events = Vec::new();
        let mut skipped = 0;
        if take == 0 || skip >= self.retention.per_token {
            return Ok(events);
        }
        self.walk(token, |payload| {
            if skipped < skip {
                skipped += 1;
            } else if let Ok(event) = Event::decode(payload) {
                events.push(event);
            }
            events.len() < take
        })?;
        // Threads hand over their events as they come; within a page the order is that of time.
        events.sort_by_key(|event| std::cmp::Reverse(event.id));
        Ok(events)
    }

    /// One event.
    pub(super) fn event(&self, token: TokenId, id: EventId) -> io::Result<Option<Event>> {
        let mut found = None;
        self.walk(token, |payload| {
            let Ok(frame) = FrameHead::of(payload) else { return false };
            if frame.id() == id {
                found = Event::decode(payload).ok();
                return false;
            }
            frame.at().plus(DISORDER) >= id.at()
        })?;
        Ok(found)
    }

    /// When the newest event was, if it is still kept.
    pub(super) fn last_use(&self, token: TokenId) -> io::Result<Option<LastUse>> {
        let mut found = None;
        let mut looked_at = 0;
        self.walk(token, |payload| {
            looked_at += 1;
            let use_of_it = FrameHead::of(payload).ok().filter(FrameHead::is_use);
            found = use_of_it.and_then(|frame| FrameHead::parse_last_use(frame.last_use()));
            found.is_none() && looked_at < LAST_USE_SPAN
        })?;
        Ok(found)
    }

    /// Hands the payloads of a token's chain to `visit`, newest first, until it returns false or the chain leaves what is
    /// kept.
    fn walk(&self, token: TokenId, mut visit: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
        let (head, segments) = self.chain(token);
        let Some(head) = head else { return Ok(()) };
        let now = Timestamp::system();
        let mut cursor = Cursor::new(&self.folder, &segments);
        let mut position = head.position;
        while position > 0 {
            let Some(record) = cursor.read(position, token)? else { break };
            if head.sequence.wrapping_sub(record.sequence) as usize >= self.retention.per_token {
                break;
            }
            let Ok(frame) = FrameHead::of(record.payload) else { break };
            if now.since(frame.at()) > self.retention.max_age || !visit(record.payload) {
                break;
            }
            // A chain only leads back; anything else is damage that could go in circles.
            if record.previous >= position {
                break;
            }
            position = record.previous;
        }
        Ok(())
    }

    fn chain(&self, token: TokenId) -> (Option<Head>, Arc<Vec<Segment>>) {
        let state = self.state();
        (state.heads.get(&token).copied(), Arc::clone(&state.segments))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the records of a segment from position `upto` on into `heads`. The newest segment is cut after its last whole
/// record.
fn scan(folder: &std::path::Path, segment: &mut Segment, upto: u64, heads: &mut Heads, newest: bool) -> io::Result<()> {
    let path = segments::path_of(folder, segment.base);
    let file = File::options().read(true).write(newest).open(&path)?;
    let mut magic = [0; MAGIC.len()];
    let begun = segment.length >= MAGIC.len() as u64 && file.read_exact_at(&mut magic, 0).is_ok() && magic == *MAGIC;
    let begin = upto.saturating_sub(segment.base).max(MAGIC.len() as u64);
    let mut bytes = vec![0; if begun { segment.length.saturating_sub(begin) as usize } else { 0 }];
    file.read_exact_at(&mut bytes, begin)?;
    let mut records = Records::new(&bytes, 0);
    for (offset, record) in records.by_ref() {
        if let Some(token) = record.token() {
            let position = segment.base + begin + offset as u64;
            heads.insert(token, Head { position, sequence: record.sequence });
        }
    }
    let whole = begin + records.offset as u64;
    if whole == segment.length {
        return Ok(());
    }
    let lost = segment.length.saturating_sub(whole);
    tracing::warn!(path = %path.display(), lost, "an activity segment ends in bytes that are no whole record");
    if newest {
        file.write_all_at(MAGIC, 0)?;
        file.set_len(whole)?;
        file.sync_all()?;
        segment.length = whole;
    }
    Ok(())
}

impl Tail {
    /// Appends a batch in one write. A batch that could not be written leaves nothing behind.
    pub(super) fn append(&mut self, batch: &[u8]) -> io::Result<()> {
        if self.active.length + batch.len() as u64 > self.log.segment_bytes() && self.active.length > MAGIC.len() as u64
        {
            self.roll()?;
        }
        self.buffer.clear();
        self.undo.clear();
        let mut state = self.log.state();
        segments::encode(batch, self.active.end(), &mut state.heads, &mut self.buffer, &mut self.undo);
        if self.buffer.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.file.write_all_at(&self.buffer, self.active.length) {
            for (token, before) in self.undo.drain(..).rev() {
                match before {
                    Some(head) => state.heads.insert(token, head),
                    None => state.heads.remove(&token),
                };
            }
            // If this fails too, the next batch overwrites the remains or the next opening cuts them off.
            let _ = self.file.set_len(self.active.length);
            return Err(error);
        }
        self.active.length += self.buffer.len() as u64;
        self.unsynced = true;
        Ok(())
    }

    /// The position at which the growing segment begins.
    pub(super) fn base(&self) -> u64 {
        self.active.base
    }

    /// Whether something is written that a loss of power could take.
    pub(super) fn is_unsynced(&self) -> bool {
        self.unsynced
    }

    /// Puts what is written on the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.unsynced {
            self.file.sync_data()?;
            self.unsynced = false;
        }
        Ok(())
    }

    /// Drops segments beyond the retention, oldest first, and closes one that has grown old.
    pub(super) fn tidy(&mut self, hand_over: HandOver<'_>) -> io::Result<()> {
        let max_age = self.log.retention.max_age;
        let old = self.begun.elapsed().is_ok_and(|age| age > MAX_SEGMENT_AGE.min(max_age));
        if old && self.active.length > MAGIC.len() as u64 {
            self.roll()?;
        }
        loop {
            let segments = Arc::clone(&self.log.state().segments);
            let [oldest, rest @ ..] = segments.as_slice() else { return Ok(()) };
            let Some((_, closed)) = rest.split_last() else { return Ok(()) };
            let total = oldest.length + closed.iter().map(|segment| segment.length).sum::<u64>() + self.active.length;
            let path = segments::path_of(&self.log.folder, oldest.base);
            let written = fs::metadata(&path).and_then(|about| about.modified());
            let stale = written.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > max_age));
            if !(stale || total > self.log.retention.max_bytes) || !self.drop_segment(*oldest, hand_over)? {
                return Ok(());
            }
        }
    }

    /// Hands over the last uses that only this segment knows, then deletes it. False if they were not taken.
    fn drop_segment(&mut self, segment: Segment, hand_over: HandOver<'_>) -> io::Result<bool> {
        let path = segments::path_of(&self.log.folder, segment.base);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut ending = Vec::new();
        for (offset, record) in Records::new(&bytes, MAGIC.len()) {
            let Ok(frame) = FrameHead::of(record.payload) else { continue };
            let newest = self.log.state().heads.get(&frame.token()).map(|head| head.position);
            if frame.is_use()
                && newest == Some(segment.base + offset as u64)
                && let Ok(last) = frame.last_use().try_into()
            {
                ending.push((frame.token(), last));
            }
        }
        for part in ending.chunks(HAND_OVER) {
            if !hand_over(part.to_vec()) {
                return Ok(false);
            }
        }
        let mut state = self.log.state();
        state.heads.retain(|_, head| head.position >= segment.end());
        let kept = state.segments.iter().filter(|other| other.base != segment.base).copied().collect();
        state.segments = Arc::new(kept);
        drop(state);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(true),
        }
    }

    /// Closes the active segment and begins the next.
    fn roll(&mut self) -> io::Result<()> {
        self.sync()?;
        let next = Segment { base: self.active.end(), length: MAGIC.len() as u64 };
        self.file = segments::make(&self.log.folder, next.base)?;
        let mut state = self.log.state();
        let mut segments = state.segments.to_vec();
        if let Some(last) = segments.last_mut() {
            *last = self.active;
        }
        segments.push(next);
        state.segments = Arc::new(segments);
        drop(state);
        self.active = next;
        self.begun = SystemTime::now();
        // Without them the next opening reads one segment more.
        if let Err(error) = self.save_heads() {
            tracing::warn!(%error, "the activity heads were not saved");
        }
        Ok(())
    }

    fn save_heads(&self) -> io::Result<()> {
        let packed = heads::pack(&self.log.state().heads, self.active.end());
        heads::save(&self.log.folder, &packed)
    }

    /// Puts everything on the disk, and the heads beside it.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.unsynced = true;
        self.sync()?;
        self.save_heads()
    }
}

impl Log {
    fn segment_bytes(&self) -> u64 {
        (self.retention.max_bytes / 16).clamp(MIN_SEGMENT, MAX_SEGMENT)
    }
}
