//! What time it is, and how tests move it.
//!
//! One reading at the head of a request serves every step of it: the monotonic part feeds buckets and
//! deadlines, the wall part expiry dates and events. Wall time is the monotonic reading plus an offset that a
//! ticker corrects every second, so a step of the system clock is followed without a second clock read.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time, in milliseconds since the Unix epoch, UTC. `Display` prints RFC 3339 with milliseconds and `Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The system's wall clock, read directly. Request code takes [`Now::wall`] instead.
    pub fn system() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    /// This instant moved forward, saturating at the end of time.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero if it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Parses RFC 3339 (section 5.6), for example `2031-02-03T04:05:06Z`; fractions below a millisecond are cut.
    ///
    /// # Errors
    /// The text is not an RFC 3339 date-time.
    pub fn parse_rfc3339(text: &str) -> Result<Self, InvalidTimestamp> {
        text.parse::<jiff::Timestamp>().map(|t| Self(t.as_millisecond())).map_err(|_| InvalidTimestamp)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => write!(f, "{t:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no RFC 3339 date-time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidTimestamp;

impl fmt::Display for InvalidTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an RFC 3339 date-time such as 2031-02-03T04:05:06Z")
    }
}

impl std::error::Error for InvalidTimestamp {}

/// One reading of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Nanoseconds since the clock was made; never goes back.
    pub mono: u64,
    /// Wall time of the same moment.
    pub wall: Timestamp,
}

/// The clock of one process. Clones share it.
#[derive(Clone, Debug)]
pub struct Clock {
    counter: quanta::Clock,
    origin: quanta::Instant,
    /// Wall milliseconds at `mono == 0`.
    wall_origin: Arc<AtomicI64>,
    follows_system: bool,
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Clock {
    /// A clock over the processor's time stamp counter.
    pub fn system() -> Self {
        let counter = quanta::Clock::new();
        let origin = counter.now();
        let wall_origin = Arc::new(AtomicI64::new(Timestamp::system().as_millis()));
        Self { counter, origin, wall_origin, follows_system: true }
    }

    /// A clock that stands still until it is moved, starting at `wall`.
    pub fn manual(wall: Timestamp) -> (Self, ManualClock) {
        let (counter, hand) = quanta::Clock::mock();
        // Starting above zero keeps "now minus a minute" representable for code under test.
        hand.increment(Duration::from_secs(1));
        let origin = counter.now();
        let wall_origin = Arc::new(AtomicI64::new(wall.as_millis()));
        (Self { counter, origin, wall_origin, follows_system: false }, ManualClock { hand })
    }

    /// Monotonic and wall time, one counter read.
    pub fn now(&self) -> Now {
        let mono = self.mono();
        Now { mono, wall: self.wall_at(mono) }
    }

    /// Nanoseconds since this clock was made.
    pub fn mono(&self) -> u64 {
        let elapsed = self.counter.now().duration_since(self.origin);
        elapsed.as_secs() * 1_000_000_000 + u64::from(elapsed.subsec_nanos())
    }

    /// The wall time of a monotonic reading.
    pub fn wall_at(&self, mono: u64) -> Timestamp {
        let millis = i64::try_from(mono / 1_000_000).unwrap_or(i64::MAX);
        Timestamp(self.wall_origin.load(Ordering::Relaxed).saturating_add(millis))
    }

    /// Follows the system's wall clock again; the application calls it once a second. No effect on a manual clock.
    pub fn resync(&self) {
        if self.follows_system {
            let millis = i64::try_from(self.mono() / 1_000_000).unwrap_or(i64::MAX);
            self.wall_origin.store(Timestamp::system().as_millis() - millis, Ordering::Relaxed);
        }
    }
}

/// The hand that moves a [`Clock::manual`].
#[derive(Clone, Debug)]
pub struct ManualClock {
    hand: Arc<quanta::Mock>,
}

impl ManualClock {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.hand.increment(by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_both_readings_together() {
        let (clock, hand) = Clock::manual(Timestamp::from_millis(1_000));
        let before = clock.now();
        hand.advance(Duration::from_millis(2_500));
        let after = clock.now();
        assert_eq!(after.mono - before.mono, 2_500_000_000);
        assert_eq!(after.wall.since(before.wall), Duration::from_millis(2_500));
    }

    #[test]
    fn timestamps_print_and_parse_rfc3339() {
        let t = Timestamp::from_millis(1_900_000_000_123);
        assert_eq!(t.to_string(), "2030-03-17T17:46:40.123Z");
        assert_eq!(Timestamp::parse_rfc3339(&t.to_string()), Ok(t));
        assert_eq!(Timestamp::parse_rfc3339("2030-03-17T18:46:40.123456+01:00"), Ok(t));
        assert!(Timestamp::parse_rfc3339("tomorrow").is_err());
    }
}
