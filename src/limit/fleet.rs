//! A minute bucket that a fleet shares: calls ("cells") leased from the store, spent without asking it.
//!
//! # Why the fleet never admits more than the limit
//!
//! Let L be the level of the token bucket that the limit means: at most `size`, refilled by `refill_per_second`, less one
//! for each call admitted. All that must be shown is that L never falls below 0: then no window holds more than
//! `size + refill × time`. The store keeps F, the cells nobody holds, and O, the sum of what it believes its holders to
//! have. Let R be what they really can still spend. Two statements hold at all times: **R ≤ O** and **F + R ≤ L**.
//!
//! - *Refill.* F grows only up to `size - O`. So F + R ≤ size - O + R ≤ size: where L stops growing, F + R does too. The
//!   time since the last call counts with the O it began with, since those cells may have been spent at its very end.
//! - *Grant.* F falls and R and O grow by the same number.
//! - *Spend.* R and L fall by one; O does not know yet, which is the safe side.
//! - *Report.* An ask tells what is in hand, and O becomes that. An answer that is still on its way is not in hand yet, so
//!   the store believes the report only from a holder that has taken in the last answer the store gave it (`acked`), and
//!   refuses asks that are older than the last one (`seq`): late, repeated and lost ones can only leave O too high. A holder
//!   is one bucket of one process, and has one ask under way at a time.
//! - *Return.* R and O fall and F grows by the same number, on the condition of a report. A return that comes when the store
//!   no longer holds the cells for the sender does nothing.
//! - *End.* The store drops a holder from O [`CELLS_HELD`] after its last answer to it. By then R has lost those cells: a
//!   sidecar stops spending [`CELLS_SPENT_WITHIN`] after it *asked*, by its monotonic clock. F gains nothing then (they may
//!   have been spent), so what a dead sidecar held comes back by refill alone.
//!
//! Time is the store's (`TIME`), sidecars' wall clocks play no part, their monotonic ones measure 4 seconds. If the store's
//! clock is set back, nothing refills for the step and holders keep their cells for at most [`CELLS_HELD`] more. If it is set
//! forward, the step counts as time that passed: the bucket may fill, and what holders had in hand at that moment (the
//! exported gauge) may be admitted beside it, once. A machine that is suspended while it holds cells counts likewise.
//!
//! A store that has lost its data starts with a full bucket and learns what is held as its holders ask.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{Bucket, BucketState, CounterStore};
use crate::clock::Clock;
use crate::token::{
    CELLS_RETURNED_AFTER, CELLS_SPENT_WITHIN, CellAsk, CellHolder, CellLease, LimitBooks, MinuteLimit, Plan,
    StoreError, TokenId,
};

/// Most cells asked for at once: a 32nd of the bucket, at most this.
const MOST: u32 = 10_000;
const PART: u32 = 32;
/// A lease that is spent within this is followed by one of twice its size; one that lasts twice as long, by half.
const ENOUGH_FOR: u64 = 1_000_000_000;
/// Leases below this size are not renewed ahead of need: so many cells would lie idle in every sidecar.
const AHEAD_FROM: u32 = 8;
/// An empty bucket is left alone until as many cells have come back as were wanted, at most this part of the bucket, lest
/// it fills meanwhile: a refused crowd must not become a crowd of store calls. One that grants a part of what is wanted is
/// left alone for the other part of that time.
const PAUSE_PART: u32 = 8;
/// Longest pause of that kind.
const LONGEST_PAUSE: u64 = 250_000_000;
/// How long an empty bucket is believed: another sidecar may return cells.
const BELIEVED: u64 = 1_000_000_000;
/// How long before the end of a lease its cells go back, in nanoseconds.
const RETURN_AHEAD: u64 = (CELLS_SPENT_WITHIN.as_millis() - CELLS_RETURNED_AFTER.as_millis()) as u64 * 1_000_000;
/// Low bits of the hand: cells. Above them: milliseconds of the process clock until which they may be spent.
const CELL_BITS: u32 = 24;

/// What one sidecar has of a token's shared bucket. Entries of the token that succeed each other share it.
#[derive(Debug)]
pub(super) struct FleetBucket {
    /// End and cells in one word, so that they change together.
    hand: AtomicU64,
    /// Cells in hand right after the last answer.
    full_hand: AtomicU32,
    /// Cells left in the store at the last answer.
    left: AtomicU32,
    /// Process clock at the last answer.
    answered_at: AtomicU64,
    /// Process clock until which the store is not asked again.
    quiet_until: AtomicU64,
    /// Process clock at which the store will have a cell.
    next_at: AtomicU64,
    /// Cells that the plan's books hold for this bucket.
    booked: AtomicU32,
    /// Whether somebody watches that unused cells go back.
    watched: AtomicBool,
    /// Spent instead while the store is away, where the route says so.
    alone: BucketState,
    asking: tokio::sync::Mutex<Asking>,
    books: Arc<LimitBooks>,
}

/// The one exchange with the store.
#[derive(Debug)]
struct Asking {
    holder: CellHolder,
    seq: u32,
    acked: u32,
    /// Cells to ask for.
    chunk: u32,
    /// Process clock of the last ask.
    asked_at: u64,
}

/// What a taker learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    /// A cell was taken.
    Taken {
        /// Cells left, in hand and in the store.
        left: u32,
        /// Whether to ask for more, ahead of need.
        low: bool,
    },
    /// Nothing in hand: the store has to be asked.
    Ask,
    /// The bucket is empty for this long.
    Empty(Duration),
}

/// How many cells a token that was not cached brings along: its first call's, and a few where they are many.
pub(crate) fn first_want(limit: &MinuteLimit) -> u32 {
    (limit.size.get() / 1024).clamp(1, AHEAD_FROM)
}

impl FleetBucket {
    /// With what came along when the token was looked up, `asked` being the process clock before that.
    pub(super) fn new(books: &Arc<LimitBooks>, limit: &MinuteLimit, first: Option<&CellLease>, asked: u64) -> Self {
        let seq = u32::from(first.is_some());
        let bucket = Self {
            hand: AtomicU64::new(0),
            full_hand: AtomicU32::new(0),
            left: AtomicU32::new(0),
            answered_at: AtomicU64::new(0),
            quiet_until: AtomicU64::new(0),
            next_at: AtomicU64::new(0),
            booked: AtomicU32::new(0),
            watched: AtomicBool::new(false),
            alone: BucketState::default(),
            asking: tokio::sync::Mutex::new(Asking {
                holder: first.map_or_else(CellHolder::fresh, |first| first.holder),
                seq,
                acked: seq,
                chunk: first_want(limit),
                asked_at: asked,
            }),
            books: Arc::clone(books),
        };
        if let Some(first) = first {
            bucket.take_in(first, limit, first_want(limit), asked, asked);
        }
        bucket
    }

    /// Takes one cell at `now`, nanoseconds of the process clock.
    pub(super) fn take(&self, now: u64) -> Cell {
        let mut hand = self.hand.load(Ordering::Relaxed);
        while let Some(before @ 1..) = cells_at(hand, now) {
            match self.hand.compare_exchange_weak(hand, hand - 1, Ordering::AcqRel, Ordering::Relaxed) {
                Err(other) => hand = other,
                Ok(_) => {
                    let in_hand = before - 1;
                    if in_hand == 0 {
                        self.book(0);
                    }
                    let left = in_hand.saturating_add(self.left.load(Ordering::Relaxed));
                    return Cell::Taken { left, low: self.is_low(in_hand, now) };
                }
            }
        }
        let until = self.quiet_until.load(Ordering::Relaxed);
        if now < until {
            return Cell::Empty(Duration::from_nanos(until.max(self.next_at.load(Ordering::Relaxed)) - now));
        }
        Cell::Ask
    }

    /// Takes one call of a bucket of this process alone, while the store is away.
    pub(super) fn take_alone(&self, limit: &MinuteLimit, now: u64) -> Result<u32, super::Exhausted> {
        Bucket::new(limit).take(&self.alone, now)
    }

    /// Cells in hand at `now`.
    pub(super) fn in_hand(&self, now: u64) -> u32 {
        cells_at(self.hand.load(Ordering::Relaxed), now).unwrap_or(0)
    }

    /// Cells left in hand and in the store, as far as known at `now`: what was told, and what must have come back since.
    pub(super) fn remaining(&self, limit: &MinuteLimit, now: u64) -> u32 {
        let answered = self.answered_at.load(Ordering::Relaxed);
        if answered == 0 {
            return limit.size.get();
        }
        let since = Duration::from_nanos(now.saturating_sub(answered));
        // Saturates: a number of cells that is beyond the size anyway.
        let refilled = (since.as_secs_f64() * limit.refill_per_second) as u32;
        let told = self.left.load(Ordering::Relaxed).saturating_add(self.in_hand(now));
        told.saturating_add(refilled).min(limit.size.get())
    }

    /// Whether the store should be asked now, ahead of need or in need.
    fn needs_more(&self, now: u64) -> bool {
        match self.in_hand(now) {
            0 => now >= self.quiet_until.load(Ordering::Relaxed),
            in_hand => self.is_low(in_hand, now),
        }
    }

    fn is_low(&self, in_hand: u32, now: u64) -> bool {
        let full = self.full_hand.load(Ordering::Relaxed);
        full >= AHEAD_FROM && in_hand < full / 2 && now >= self.quiet_until.load(Ordering::Relaxed)
    }

    /// Asks the store for more unless there is enough. Asks of one bucket follow each other.
    pub(super) async fn ask(self: &Arc<Self>, store: &Arc<dyn CounterStore>, of: &Asked<'_>) -> Result<(), StoreError> {
        let mut asking = self.asking.lock().await;
        let now = of.clock.mono();
        if !self.needs_more(now) {
            return Ok(());
        }
        let held = self.void_or_count(now);
        asking.resize(of.limit, held, self.full_hand.load(Ordering::Relaxed), now);
        let ask = CellAsk { want: asking.chunk, held, ..asking.next(of.limit) };
        let lease = store.cells(of.id, ask).await.inspect_err(|_| {
            self.books.failed.fetch_add(1, Ordering::Relaxed);
        })?;
        asking.acked = ask.seq;
        let count = if lease.granted > 0 { &self.books.granted } else { &self.books.empty };
        count.fetch_add(1, Ordering::Relaxed);
        self.take_in(&lease, of.limit, ask.want, now, of.clock.mono());
        drop(asking);
        // A hand of one is spent by whoever asked for it.
        if self.in_hand(now) > 1 && !self.watched.swap(true, Ordering::AcqRel) {
            let watch =
                Watch { bucket: Arc::downgrade(self), id: of.id, plan: Arc::clone(of.plan), clock: of.clock.clone() };
            tokio::spawn(watch.run(Arc::clone(store)));
        }
        Ok(())
    }

    /// Puts an answer to what was asked at `asked` into the hand.
    fn take_in(&self, lease: &CellLease, limit: &MinuteLimit, want: u32, asked: u64, now: u64) {
        let ends = asked.saturating_add(nanos(CELLS_SPENT_WITHIN)) / 1_000_000;
        let mut hand = self.hand.load(Ordering::Acquire);
        let full = loop {
            // What is still there was in hand when the store was asked, so that the answer renews it.
            let cells = (hand & cell_mask()) + u64::from(lease.granted);
            let renewed = (ends << CELL_BITS) | cells.min(cell_mask());
            match self.hand.compare_exchange_weak(hand, renewed, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break u32::try_from(cells).unwrap_or(u32::MAX),
                Err(other) => hand = other,
            }
        };
        self.full_hand.store(full, Ordering::Relaxed);
        self.left.store(lease.left, Ordering::Relaxed);
        self.answered_at.store(now, Ordering::Relaxed);
        self.book(full);
        let wait = nanos(lease.wait);
        self.next_at.store(now.saturating_add(wait), Ordering::Relaxed);
        let quiet = if lease.left == 0 {
            wait.max(pause(limit, want)).min(BELIEVED)
        } else if lease.granted < want {
            pause(limit, want) / u64::from(want) * u64::from(want - lease.granted)
        } else {
            0
        };
        self.quiet_until.store(now.saturating_add(quiet), Ordering::Relaxed);
    }

    /// The cells in hand; an expired hand is emptied for good.
    fn void_or_count(&self, now: u64) -> u32 {
        let mut hand = self.hand.load(Ordering::Acquire);
        loop {
            if let Some(cells) = cells_at(hand, now) {
                return cells;
            }
            match self.hand.compare_exchange_weak(hand, 0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return 0,
                Err(other) => hand = other,
            }
        }
    }

    /// Empties the hand; tells what was in it and may be returned.
    fn empty(&self, now: u64) -> u32 {
        let hand = self.hand.swap(0, Ordering::AcqRel);
        self.book(0);
        cells_at(hand, now).unwrap_or(0)
    }

    /// Empties the hand; the return of what was in it. Nothing while an ask is under way: whoever asked does it.
    pub(super) fn drain(&self, limit: &MinuteLimit, now: u64) -> Option<CellAsk> {
        let mut asking = self.asking.try_lock().ok()?;
        let back = self.empty(now);
        (back > 0).then(|| CellAsk { back, ..asking.next(limit) })
    }

    /// The return of what a look-up brought, if nobody has spent it or asked for more.
    pub(super) fn unspent(&self, limit: &MinuteLimit, now: u64) -> Option<CellAsk> {
        let mut asking = self.asking.try_lock().ok()?;
        let back = if asking.seq == 1 { self.empty(now) } else { 0 };
        (back > 0).then(|| CellAsk { back, ..asking.next(limit) })
    }

    /// Keeps the plan's books: `cells` may be unused from now on.
    fn book(&self, cells: u32) {
        let before = self.booked.swap(cells, Ordering::Relaxed);
        self.books.leased.fetch_add(i64::from(cells) - i64::from(before), Ordering::Relaxed);
    }
}

impl Drop for FleetBucket {
    fn drop(&mut self) {
        self.book(0);
    }
}

impl Asking {
    /// A further ask that wants and holds nothing.
    fn next(&mut self, limit: &MinuteLimit) -> CellAsk {
        self.seq = self.seq.wrapping_add(1);
        CellAsk {
            holder: self.holder,
            seq: self.seq,
            acked: self.acked,
            held: 0,
            back: 0,
            want: 0,
            size: limit.size.get(),
            refill_per_second: limit.refill_per_second,
        }
    }

    /// Follows demand: how long the last lease lasted.
    fn resize(&mut self, limit: &MinuteLimit, held: u32, full: u32, now: u64) {
        let lasted = now.saturating_sub(std::mem::replace(&mut self.asked_at, now));
        let spent = full.saturating_sub(held);
        if lasted >= 2 * ENOUGH_FOR {
            self.chunk >>= (lasted / ENOUGH_FOR).ilog2().min(31);
        } else if lasted < ENOUGH_FOR && spent >= self.chunk / 2 {
            self.chunk = self.chunk.saturating_mul(2);
        }
        self.chunk = self.chunk.clamp(1, (limit.size.get() / PART).clamp(1, MOST));
    }
}

/// Whose cells are asked for.
pub(super) struct Asked<'a> {
    pub(super) id: TokenId,
    pub(super) plan: &'a Arc<Plan>,
    pub(super) limit: &'a MinuteLimit,
    pub(super) clock: &'a Clock,
}

/// Returns what nobody spends, before it can no longer be returned. Ends with the bucket, which is then not returned.
struct Watch {
    bucket: Weak<FleetBucket>,
    id: TokenId,
    plan: Arc<Plan>,
    clock: Clock,
}

impl Watch {
    async fn run(self, store: Arc<dyn CounterStore>) {
        while let Some(wait) = self.wait() {
            tokio::time::sleep(wait).await;
            self.look(&store).await;
        }
    }

    /// Time until there may be something to return; `None` if there is nothing to watch.
    fn wait(&self) -> Option<Duration> {
        let bucket = self.bucket.upgrade()?;
        let idle = || bucket.in_hand(self.clock.mono()) == 0;
        if idle() {
            bucket.watched.store(false, Ordering::Release);
            // Filled in between, and not watched by another.
            if idle() || bucket.watched.swap(true, Ordering::AcqRel) {
                return None;
            }
        }
        let ends = (bucket.hand.load(Ordering::Relaxed) >> CELL_BITS) * 1_000_000;
        let due = ends.saturating_sub(RETURN_AHEAD).saturating_sub(self.clock.mono());
        Some(Duration::from_nanos(due).max(Duration::from_millis(1)))
    }

    async fn look(&self, store: &Arc<dyn CounterStore>) {
        let (Some(bucket), Some(limit)) = (self.bucket.upgrade(), &self.plan.minute) else { return };
        let ends = || (bucket.hand.load(Ordering::Relaxed) >> CELL_BITS) * 1_000_000;
        if self.clock.mono() < ends().saturating_sub(RETURN_AHEAD) {
            return;
        }
        let mut asking = bucket.asking.lock().await;
        let now = self.clock.mono();
        if now < ends().saturating_sub(RETURN_AHEAD) {
            return;
        }
        let back = bucket.empty(now);
        if back == 0 {
            return;
        }
        let ask = CellAsk { back, ..asking.next(limit) };
        match store.cells(self.id, ask).await {
            Ok(_) => asking.acked = ask.seq,
            Err(error) => tracing::debug!(%error, "unused calls of a bucket could not be returned"),
        }
    }
}

/// The cells of a hand, unless it has ended.
fn cells_at(hand: u64, now: u64) -> Option<u32> {
    (now / 1_000_000 < hand >> CELL_BITS).then_some((hand & cell_mask()) as u32)
}

const fn cell_mask() -> u64 {
    (1 << CELL_BITS) - 1
}

/// How long an empty bucket is left alone by one who wants that many.
fn pause(limit: &MinuteLimit, want: u32) -> u64 {
    let cells = want.min(limit.size.get() / PAUSE_PART);
    nanos(limit.period()).saturating_mul(u64::from(cells)).min(LONGEST_PAUSE)
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
