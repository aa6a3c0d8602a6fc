//! Plans: named limits that token records refer to, and the periods of the month quota.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil;
use jiff::tz::TimeZone;

use super::LimitBooks;
use crate::clock::Timestamp;

/// What an unlimited counter shows as its size: 2^53 - 1, the largest integer safe in JavaScript.
pub const UNLIMITED: u64 = 9_007_199_254_740_991;

const DAY: Duration = Duration::from_secs(86_400);
/// Length of a "month" that is not a calendar month, in days.
const PERIOD_DAYS: u32 = 30;

/// The limits of the tokens that name it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name in the configuration.
    pub name: Arc<str>,
    /// Position in its [`PlanTable`], which sets it.
    pub index: usize,
    /// The bucket that refills by the second; `None` = unlimited.
    pub minute: Option<MinuteLimit>,
    /// The quota of a period. [`PlanTable::new`] puts a counted one of [`UNLIMITED`] size where there is none, so that a
    /// caller without a quota still learns what it used; `None` counts nothing.
    pub month: Option<MonthLimit>,
    /// What its shared buckets come to.
    pub books: Arc<LimitBooks>,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MinuteLimit {
    /// Calls it holds when full.
    pub size: NonZeroU32,
    /// Calls given back per second, above 0; fractions allowed.
    pub refill_per_second: f64,
    /// Whether a fleet shares it.
    pub mode: Mode,
}

impl MinuteLimit {
    /// Time in which one call is given back; at least a nanosecond.
    pub fn period(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.refill_per_second).max(Duration::from_nanos(1))
    }

    /// Time in which an empty bucket fills, in whole seconds rounded up.
    pub fn window_seconds(&self) -> u64 {
        let seconds = (f64::from(self.size.get()) / self.refill_per_second).ceil();
        // Saturating by definition of the cast; a window beyond 2^53 s is never configured.
        seconds as u64
    }
}

/// Whether a bucket is shared by a fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Never more than the limit in total: calls are leased from the store.
    Hard,
    /// Each process counts for itself; on a store that one process holds, this is the whole fleet.
    Local,
}

/// A quota per period.
#[derive(Clone, Debug, PartialEq)]
pub struct MonthLimit {
    /// Calls per period.
    pub size: u64,
    /// When a period begins.
    pub anchor: Anchor,
}

/// When a quota period begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Anchor {
    /// With each calendar month in a time zone.
    Calendar(TimeZone),
    /// Every 30 days from the token's creation.
    TokenStart,
    /// No fixed beginning: the last 30 days, counted by UTC day.
    Rolling,
}

impl MonthLimit {
    /// The window that a charge at `now` falls into.
    pub fn window(&self, created_at: Timestamp, now: Timestamp) -> QuotaWindow {
        match &self.anchor {
            Anchor::Calendar(zone) => calendar_window(zone, now),
            Anchor::TokenStart => {
                let period = DAY * PERIOD_DAYS;
                let elapsed = now.since(created_at).as_millis() / period.as_millis();
                let index = i64::try_from(elapsed).unwrap_or(0);
                let ends_at =
                    created_at.as_millis() + (index + 1) * i64::try_from(period.as_millis()).unwrap_or(i64::MAX);
                QuotaWindow { kind: b't', bucket: index, span: 1, ends_at: Timestamp::from_millis(ends_at) }
            }
            Anchor::Rolling => {
                let day_millis = 86_400_000;
                let day = now.as_millis().div_euclid(day_millis);
                QuotaWindow {
                    kind: b'r',
                    bucket: day,
                    span: PERIOD_DAYS,
                    ends_at: Timestamp::from_millis((day + 1) * day_millis),
                }
            }
        }
    }

    /// Whether calls are counted only, and never refused.
    pub const fn is_unlimited(&self) -> bool {
        self.size >= UNLIMITED
    }

    /// Length of a period in seconds as the `w` of a rate-limit policy; a calendar month counts as 30 days.
    pub fn window_seconds(&self) -> u64 {
        DAY.as_secs() * u64::from(PERIOD_DAYS)
    }

    /// How many calls to lease at once while `remaining` are left in the store: a 64th, at least 1, at most 1000. This is
    /// also the most that a crash can strand per token and sidecar.
    pub fn chunk(remaining: u64) -> u64 {
        (remaining / 64).clamp(1, 1000)
    }
}

/// The calendar month around `now`. A zone whose offset arithmetic fails at the edge of time falls back to UTC.
fn calendar_window(zone: &TimeZone, now: Timestamp) -> QuotaWindow {
    let instant = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
    let date = instant.to_zoned(zone.clone()).date();
    let (year, month) = (i64::from(date.year()), i64::from(date.month()));
    let next = if date.month() == 12 { (date.year().saturating_add(1), 1) } else { (date.year(), date.month() + 1) };
    let start = civil::Date::new(next.0, next.1, 1).and_then(|first| first.to_zoned(zone.clone()));
    let ends_at = match start {
        Ok(start) => Timestamp::from_millis(start.timestamp().as_millisecond()),
        Err(_) => now.plus(DAY),
    };
    QuotaWindow { kind: b'c', bucket: year * 12 + month - 1, span: 1, ends_at }
}

/// The counter that a charge falls into, and the counters that make up the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaWindow {
    /// `c`alendar, `t`oken start or `r`olling; counters of different kinds never mix.
    pub kind: u8,
    /// Number of the counter: month, period or UTC day.
    pub bucket: i64,
    /// How many counters, ending with this one, make up the period.
    pub span: u32,
    /// When a charge falls into the next counter.
    pub ends_at: Timestamp,
}

impl QuotaWindow {
    /// The oldest counter of the period.
    pub fn first_bucket(&self) -> i64 {
        self.bucket - i64::from(self.span) + 1
    }

    /// When the charges of `bucket` leave the period.
    pub fn leaves_at(&self, bucket: i64) -> Timestamp {
        if self.kind == b'r' {
            Timestamp::from_millis((bucket + i64::from(self.span)) * 86_400_000)
        } else {
            self.ends_at
        }
    }
}

/// Calls taken from a token's month quota ahead of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// How many calls were taken; 0 = the quota is used up.
    pub granted: u64,
    /// How many are left in the store after that.
    pub remaining: u64,
    /// The window they were taken from.
    pub window: QuotaWindow,
    /// When calls come free again, for a refusal.
    pub refresh_at: Timestamp,
}

/// The plans of the configuration.
#[derive(Clone, Debug)]
pub struct PlanTable {
    plans: HashMap<Arc<str>, Arc<Plan>>,
    fallback: Arc<Plan>,
}

impl PlanTable {
    /// The plan that tokens without a living plan count under.
    pub const DEFAULT: &'static str = "default";

    /// From the `[plan.*]` sections. Without one named `default`, tokens of that plan are unlimited.
    pub fn new(plans: impl IntoIterator<Item = Plan>) -> Self {
        let mut plans: HashMap<Arc<str>, Arc<Plan>> = plans
            .into_iter()
            .enumerate()
            .map(|(index, plan)| (Arc::clone(&plan.name), Arc::new(counted(Plan { index, ..plan }))))
            .collect();
        let index = plans.len();
        let unlimited = || {
            Arc::new(counted(Plan {
                name: Self::DEFAULT.into(),
                index,
                minute: None,
                month: None,
                books: Arc::default(),
            }))
        };
        let fallback = Arc::clone(plans.entry(Self::DEFAULT.into()).or_insert_with(unlimited));
        Self { plans, fallback }
    }

    /// A table under which nothing is counted, for look-ups that shall lease nothing.
    pub fn uncounted() -> Self {
        let fallback =
            Arc::new(Plan { name: Self::DEFAULT.into(), index: 0, minute: None, month: None, books: Arc::default() });
        Self { plans: HashMap::from([(Self::DEFAULT.into(), Arc::clone(&fallback))]), fallback }
    }

    /// The plan of that name; `None` if the configuration no longer has it.
    pub fn get(&self, name: &str) -> Option<&Arc<Plan>> {
        self.plans.get(name)
    }

    /// The plan of that name, or `default` for one that is gone.
    pub fn resolve(&self, name: &str) -> &Arc<Plan> {
        self.get(name).unwrap_or(&self.fallback)
    }

    /// Every plan, `default` included; indices run from 0 without gaps.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Plan>> {
        self.plans.values()
    }
}

/// A plan without a quota, with one that only counts, in the vendor's periods (docs/dialects/threatjammer.md).
fn counted(mut plan: Plan) -> Plan {
    plan.month.get_or_insert(MonthLimit { size: UNLIMITED, anchor: Anchor::TokenStart });
    plan
}

impl Default for PlanTable {
    fn default() -> Self {
        Self::new([])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).expect("a date")
    }

    fn limit(anchor: Anchor) -> MonthLimit {
        MonthLimit { size: 100, anchor }
    }

    #[test]
    fn calendar_months_follow_their_zone() {
        let auckland = limit(Anchor::Calendar(TimeZone::get("Pacific/Auckland").expect("bundled")));
        let utc = limit(Anchor::Calendar(TimeZone::UTC));
        let now = at("2026-11-30T12:00:00Z");
        let (local, plain) = (auckland.window(now, now), utc.window(now, now));
        assert_eq!(local.bucket, 2026 * 12 + 11, "already December there");
        assert_eq!(plain.bucket, 2026 * 12 + 10);
        assert_eq!(plain.ends_at, at("2026-12-01T00:00:00Z"));
        assert_eq!(local.ends_at, at("2026-12-31T11:00:00Z"));
        let december = utc.window(now, at("2026-12-31T23:59:59Z"));
        assert_eq!(december.ends_at, at("2027-01-01T00:00:00Z"));
    }

    #[test]
    fn token_start_counts_thirty_days_from_creation() {
        let created = at("2026-01-10T08:00:00Z");
        let month = limit(Anchor::TokenStart);
        let first = month.window(created, at("2026-02-09T07:59:59Z"));
        let second = month.window(created, at("2026-02-09T08:00:00Z"));
        assert_eq!((first.bucket, first.ends_at), (0, at("2026-02-09T08:00:00Z")));
        assert_eq!((second.bucket, second.ends_at), (1, at("2026-03-11T08:00:00Z")));
    }

    #[test]
    fn rolling_windows_span_thirty_days() {
        let now = at("2026-11-21T20:00:00Z");
        let window = limit(Anchor::Rolling).window(now, now);
        assert_eq!(window.bucket - window.first_bucket(), 29);
        assert_eq!(window.ends_at, at("2026-11-22T00:00:00Z"));
        assert_eq!(window.leaves_at(window.bucket), at("2026-12-21T00:00:00Z"));
    }

    #[test]
    fn a_plan_that_is_gone_counts_as_default() {
        let table = PlanTable::new([Plan {
            name: "default".into(),
            index: 0,
            minute: None,
            month: Some(limit(Anchor::TokenStart)),
            books: Arc::default(),
        }]);
        assert!(table.get("gone").is_none());
        assert!(table.resolve("gone").month.is_some());
        assert_eq!(PlanTable::default().iter().count(), 1);
    }
}
