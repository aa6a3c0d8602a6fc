//! From the disk to the store: one chunk after the other, in order, again and again until each is taken.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::slot::Chunk;
use super::{ADOPT_EVERY, FIRST_PAUSE, GATHER, LONGEST_PAUSE, Replay, Replayed, Shared, Status, WORTH_SENDING};
use crate::activity::Durability;
use crate::token::StoreError;

impl Shared {
    /// Replays until it is ended.
    pub(super) async fn replay(self: Arc<Self>, store: Arc<dyn Replay>) {
        let mut pause = FIRST_PAUSE;
        let mut adopted_at = Instant::now();
        loop {
            if self.adopting.load(Ordering::Relaxed) && adopted_at.elapsed() >= ADOPT_EVERY {
                adopted_at = Instant::now();
                if let Err(error) = self.blocking(Self::adopt).await {
                    tracing::debug!(%error, "spools of other processes were not looked at");
                }
            }
            let under_way = std::mem::take(&mut *self.under_way.lock().unwrap_or_else(PoisonError::into_inner));
            for call in under_way {
                // Whatever came of it: the batch is looked for when it is replayed.
                let _ = call.await;
            }
            match self.round(&*store).await {
                Ok(Round::Drained) => {
                    pause = FIRST_PAUSE;
                    // Not waiting is as good: then it looks for other slots.
                    let _ = tokio::time::timeout(ADOPT_EVERY, self.wake.notified()).await;
                    if self.options.durability == Durability::Strict {
                        tokio::time::sleep(GATHER).await;
                    }
                }
                Ok(Round::Sent(events)) => {
                    pause = FIRST_PAUSE;
                    if self.options.durability == Durability::Strict && events < WORTH_SENDING {
                        tokio::time::sleep(GATHER).await;
                    }
                }
                Err(error) => {
                    self.refused(&error);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn refused(&self, error: &StoreError) {
        let before = self.status.send_replace(Status::Refused);
        if before != Status::Refused {
            tracing::warn!(%error, "activity waits in the spool");
        }
    }

    /// Sends one chunk to the store.
    async fn round(self: &Arc<Self>, store: &dyn Replay) -> Result<Round, StoreError> {
        let unreadable = |error: io::Error| StoreError::Unavailable(format!("reading the spool: {error}"));
        let Some((source, chunk)) = self.blocking(Self::next).await.map_err(unreadable)? else {
            return Ok(Round::Drained);
        };
        let Chunk { events, doubtful, next, damaged } = chunk;
        let sent = events.len();
        if !events.is_empty() {
            store.replay(Replayed { source, events, doubtful }).await?;
        }
        if damaged > 0 {
            self.metrics.damaged.fetch_add(damaged, Ordering::Relaxed);
            tracing::error!(folder = %self.options.folder.display(), "the spool is damaged: some activity is lost");
        }
        self.metrics.replayed.fetch_add(sent as u64, Ordering::Relaxed);
        if self.status.send_replace(Status::Waiting) == Status::Refused {
            tracing::info!("activity is replayed from the spool");
        }
        self.blocking(move |shared| shared.advance(source, next)).await.map_err(unreadable)?;
        Ok(Round::Sent(sent))
    }

    /// The next chunk, of adopted slots first; `None`, with the status drained, if there is none.
    fn next(&self) -> io::Result<Option<([u8; 8], Chunk)>> {
        let mut slots = self.slots();
        for slot in slots.all() {
            if let Some(chunk) = slot.next()? {
                return Ok(Some((slot.source, chunk)));
            }
        }
        for slot in std::mem::take(&mut slots.adopted) {
            slot.release()?;
        }
        if self.gaps.any() && slots.own.is_some() {
            drop(slots);
            // There is room now: the gaps alone are a batch.
            return match self.put(&[], false) {
                Ok(()) => self.next(),
                Err(_) => Ok(None),
            };
        }
        if slots.gaps_grew {
            self.save_gaps(&mut slots, true);
        }
        self.status.send_replace(Status::Drained);
        Ok(None)
    }

    fn advance(&self, source: [u8; 8], next: u64) -> io::Result<()> {
        let mut slots = self.slots();
        if let Some(slot) = slots.all_mut().find(|slot| slot.source == source) {
            slot.advance(next)?;
        }
        self.metrics.waiting.store(slots.waiting(), Ordering::Relaxed);
        Ok(())
    }
}

/// What a round of replay did.
enum Round {
    Sent(usize),
    Drained,
}
