//! Putting batches on the disk, counting what finds no room, and taking places.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;

use super::slot::{Slot, in_order};
use super::{LARGEST_SEGMENT, LEAST_SEGMENT, MOST_SLOTS, SAVE_GAPS_EVERY, Shared, Slots, Status};
use crate::activity::{Frames, Gaps};
use crate::token::StoreError;

impl Shared {
    /// Puts a batch on the disk. `refused` is why the store did not take it, which leaves in doubt whether it has.
    pub(super) async fn keep(self: &Arc<Self>, batch: Bytes, refused: Option<StoreError>) -> Result<(), StoreError> {
        let doubtful = refused.is_some();
        let kept = self.blocking(move |shared| Ok(shared.put(&batch, doubtful))).await;
        match kept {
            Ok(Ok(())) => {
                self.wake.notify_one();
                Ok(())
            }
            // Without a slot nothing is counted here: whoever calls still has the batch.
            Ok(Err(NotKept::NoSlot(error))) => {
                let text = format!("the spool in {} cannot be used: {error}", self.options.folder.display());
                Err(refused.unwrap_or(StoreError::Unavailable(text)))
            }
            Ok(Err(NotKept::Full(cause))) => Err(StoreError::Full(cause)),
            Err(error) => Err(StoreError::Unavailable(format!("writing to the spool: {error}"))),
        }
    }

    pub(super) fn put(&self, batch: &[u8], doubtful: bool) -> Result<(), NotKept> {
        let mut slots = self.slots();
        self.take_own(&mut slots).map_err(NotKept::NoSlot)?;
        let gaps = self.gaps.any().then(|| self.gaps.frames());
        let mut frames = gaps.as_ref().map(|gaps| gaps.frames.clone()).unwrap_or_default();
        frames.extend_from_slice(&in_order(batch));
        let events = Frames::new(batch).count() as u64;
        let used = slots.bytes() + frames.len() as u64 + 20 * Frames::new(&frames).count() as u64;
        let written = match &mut slots.own {
            _ if used > self.options.max_bytes => Err(io::ErrorKind::QuotaExceeded.into()),
            Some(own) => own.append(&frames, doubtful),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        match written {
            Ok(()) => {
                slots.failing = false;
                self.metrics.spooled.fetch_add(events, Ordering::Relaxed);
                if let Some(gaps) = gaps {
                    self.gaps.recorded(&gaps);
                    self.save_gaps(&mut slots, true);
                }
                self.metrics.waiting.store(slots.waiting(), Ordering::Relaxed);
                self.status.send_if_modified(|status| {
                    let drained = *status == Status::Drained;
                    if drained {
                        *status = Status::Waiting;
                    }
                    drained
                });
                Ok(())
            }
            Err(error) => Err(self.overflow(&mut slots, batch, events, &error)),
        }
    }

    /// Counts a batch that is lost; the newest is given up, what lies on the disk never.
    fn overflow(&self, slots: &mut Slots, batch: &[u8], events: u64, error: &io::Error) -> NotKept {
        let cause = match error.kind() {
            io::ErrorKind::QuotaExceeded => format!("the spool holds {} bytes (activity.spool)", slots.bytes()),
            _ => format!("the spool in {} cannot be written: {error}", self.options.folder.display()),
        };
        if !std::mem::replace(&mut slots.failing, true) {
            tracing::error!(cause, "activity is lost; each token's gap is recorded when there is room again");
        }
        self.metrics.overflowed.fetch_add(events, Ordering::Relaxed);
        self.gaps.note(batch);
        self.metrics.untold.store(self.gaps.beyond(), Ordering::Relaxed);
        self.save_gaps(slots, false);
        NotKept::Full(cause)
    }

    /// Writes down what is missing, so that a kill does not make it unknown; not more often than it is worth.
    pub(super) fn save_gaps(&self, slots: &mut Slots, now: bool) {
        slots.gaps_grew = true;
        if !now && slots.gaps_saved.is_some_and(|at| at.elapsed() < SAVE_GAPS_EVERY) {
            return;
        }
        let Some(path) = slots.own.as_ref().map(Slot::gaps_path) else { return };
        (slots.gaps_saved, slots.gaps_grew) = (Some(Instant::now()), false);
        if let Err(error) = write_gaps(&path, &self.gaps.frames().frames) {
            slots.gaps_grew = true;
            tracing::debug!(%error, "the gaps of the spool were not written down");
        }
    }

    /// Takes the first free slot, unless this process has one.
    pub(super) fn take_own(&self, slots: &mut Slots) -> io::Result<()> {
        if slots.own.is_some() {
            return Ok(());
        }
        for number in 0..MOST_SLOTS {
            if let Some(slot) = self.take(&self.options.folder.join(number.to_string()))? {
                slots.own = Some(slot);
                return self.taken(slots);
            }
        }
        Err(io::Error::other(format!("more than {MOST_SLOTS} processes share it")))
    }

    fn take(&self, folder: &Path) -> io::Result<Option<Slot>> {
        let segment_bytes = (self.options.max_bytes / 16).clamp(LEAST_SEGMENT, LARGEST_SEGMENT);
        let slot = Slot::take(folder, segment_bytes)?;
        if let Some(slot) = &slot {
            read_gaps(&slot.gaps_path(), &self.gaps)?;
        }
        Ok(slot)
    }

    fn taken(&self, slots: &mut Slots) -> io::Result<()> {
        let waiting = slots.waiting();
        self.metrics.waiting.store(waiting, Ordering::Relaxed);
        if waiting > 0 || self.gaps.any() {
            self.status.send_replace(Status::Waiting);
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Takes over slots that nobody holds and that are not empty.
    pub(super) fn adopt(&self) -> io::Result<()> {
        let mut slots = self.slots();
        for number in 0..MOST_SLOTS {
            let folder = self.options.folder.join(number.to_string());
            if !folder.exists() {
                continue;
            }
            let Some(slot) = self.take(&folder)? else { continue };
            let gaps = slot.gaps_path();
            if slot.waiting() == 0 && !gaps.exists() {
                slot.release()?;
                continue;
            }
            tracing::info!(folder = %folder.display(), bytes = slot.waiting(), "replaying the spool of a process that is gone");
            slots.adopted.push(slot);
            // They are this process's now; written down as such before the other note goes.
            self.save_gaps(&mut slots, true);
            remove(&gaps)?;
        }
        self.taken(&mut slots)
    }
}

/// Why a batch is not on the disk.
pub(super) enum NotKept {
    /// There is no place for it at all.
    NoSlot(io::Error),
    /// No room; it is counted.
    Full(String),
}

/// Replaces the note of what is missing; none is left where nothing is.
fn write_gaps(path: &Path, frames: &[u8]) -> io::Result<()> {
    if frames.is_empty() {
        return remove(path);
    }
    let draft = path.with_extension("new");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(frames)?;
    file.write_all(&crc32fast::hash(frames).to_le_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

fn read_gaps(path: &Path, gaps: &Gaps) -> io::Result<()> {
    match fs::read(path) {
        Ok(bytes) => {
            match bytes.split_last_chunk::<4>() {
                Some((frames, sum)) if crc32fast::hash(frames) == u32::from_le_bytes(*sum) => gaps.note(frames),
                _ => tracing::warn!(path = %path.display(), "the note of missing activity is damaged"),
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
