//! `[memory]`, `[cache]`, `[throttle]`, `[plan.*]`.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::reader::{Field, Section};
use super::tree::quoted;
use crate::auth::CacheConfig;
use crate::limit::ThrottleConfig;
use crate::token::{Anchor, MinuteLimit, Mode, MonthLimit, Plan, UNLIMITED};

/// Calls a bucket may hold.
const MOST_CALLS: u64 = 1_000_000_000;
/// Longest time in which an empty bucket fills, in seconds: a year. Beyond it the arithmetic of the bucket would overflow.
const LONGEST_FILL: f64 = 31_536_000.0;
const DAY: Duration = Duration::from_secs(86_400);

/// A number of calls, at least 1.
pub(super) fn calls(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}

/// Reads `size` and `refill_per_second`; what is absent comes from `default`.
pub(super) fn throttle(section: &mut Section<'_>, default: ThrottleConfig) -> ThrottleConfig {
    let size = section.take("size");
    let refill = section.take("refill_per_second");
    bucket(section, size.as_ref(), refill.as_ref(), default)
}

fn bucket(
    section: &Section<'_>,
    size: Option<&Field<'_>>,
    refill: Option<&Field<'_>>,
    default: ThrottleConfig,
) -> ThrottleConfig {
    let size = size.and_then(|field| field.integer(1..=MOST_CALLS));
    let size = size.and_then(|size| u32::try_from(size).ok()).map_or(default.size, calls);
    let refill = refill.and_then(|field| field.number(0.000_001..=1_000_000_000.0));
    let refill_per_second = refill.unwrap_or(default.refill_per_second);
    if f64::from(size.get()) / refill_per_second > LONGEST_FILL {
        section.error("takes more than a year to fill: lower size or raise refill_per_second");
    }
    ThrottleConfig { size, refill_per_second }
}

/// Reads `[memory]` and `[cache]`; the store's timeout is filled in by the caller.
pub(super) fn cache(root: &mut Section<'_>) -> CacheConfig {
    let default = CacheConfig::default();
    let budget = root.section("memory", |section| {
        section.take("budget").and_then(|field| field.size(1 << 20..=1 << 40)).unwrap_or(default.budget)
    });
    root.section("cache", |section| {
        let entries = section.take("entries").and_then(|field| field.integer(1..=100_000_000));
        let ttl = section.take("ttl").and_then(|field| field.duration(Duration::from_millis(10)..=DAY));
        let negative = section.take("negative_ttl");
        let negative = negative.and_then(|field| field.duration(Duration::ZERO..=Duration::from_secs(3_600)));
        CacheConfig {
            entries: entries.and_then(|entries| usize::try_from(entries).ok()).unwrap_or(default.entries),
            ttl: ttl.unwrap_or(default.ttl),
            negative_ttl: negative.unwrap_or(default.negative_ttl),
            stale_for: stale_for(section).unwrap_or(default.stale_for),
            budget,
            store_timeout: default.store_timeout,
        }
    })
}

/// Reads `stale_for`, of the cache or of a route.
pub(super) fn stale_for(section: &mut Section<'_>) -> Option<Duration> {
    section.take("stale_for").and_then(|field| field.duration(Duration::ZERO..=7 * DAY))
}

/// Reads `[throttle]`.
pub(super) fn bad_credentials(section: &mut Section<'_>) -> ThrottleConfig {
    section.section("bad_credentials", |section| throttle(section, ThrottleConfig::bad_credentials()))
}

/// Reads `[plan.*]`. `shared` = the store is one that a fleet shares.
pub(super) fn plans(section: &mut Section<'_>, shared: bool) -> Vec<Plan> {
    let mut plans = Vec::new();
    for (name, field) in section.take_all() {
        if let Err(reason) = super::names::simple_name(&name) {
            field.error(reason);
        }
        let limits = field.section(|section| {
            let minute = section.take("minute").and_then(|field| field.section(|section| minute(section, shared)));
            let month = section.take("month").and_then(|field| field.section(month));
            (minute.flatten(), month.flatten())
        });
        let (minute, month) = limits.unwrap_or_default();
        plans.push(Plan { name: name.into(), index: 0, books: Arc::default(), minute, month });
    }
    plans
}

fn minute(section: &mut Section<'_>, shared: bool) -> Option<MinuteLimit> {
    let size = section.need("size", "write how many calls the bucket holds, such as size = 600");
    let refill = section.need("refill_per_second", "write how many calls come back each second, such as 10");
    let mode = section.take("mode");
    let mode = mode.and_then(|field| field.choice(&[("hard", Mode::Hard), ("local", Mode::Local)]));
    // One process that counts for itself is the whole fleet, so that its count is hard.
    let mode = if shared { mode.unwrap_or(Mode::Hard) } else { Mode::Local };
    let default = ThrottleConfig { size: NonZeroU32::MIN, refill_per_second: 1.0 };
    let ThrottleConfig { size, refill_per_second } = match (&size, &refill) {
        (Some(size), Some(refill)) => bucket(section, Some(size), Some(refill), default),
        _ => return None,
    };
    Some(MinuteLimit { size, refill_per_second, mode })
}

fn month(section: &mut Section<'_>) -> Option<MonthLimit> {
    let size = section.need("size", "write how many calls a month allows, such as size = 1_000_000");
    let anchor = section.take("anchor");
    let kinds = [("calendar", 'c'), ("token-start", 't'), ("rolling-30d", 'r')];
    let anchor = anchor.and_then(|field| field.choice(&kinds)).unwrap_or('c');
    let zone = section.take("zone");
    let anchor = match (anchor, zone) {
        ('c', None) => Anchor::Calendar(TimeZone::UTC),
        ('c', Some(field)) => Anchor::Calendar(field.parsed(time_zone).unwrap_or(TimeZone::UTC)),
        (other, zone) => {
            if let Some(field) = zone {
                field.error("only calendar months have a zone: remove it, or write anchor = \"calendar\"");
            }
            if other == 't' { Anchor::TokenStart } else { Anchor::Rolling }
        }
    };
    Some(MonthLimit { size: size?.integer(1..=UNLIMITED)?, anchor })
}

fn time_zone(name: &str) -> Result<TimeZone, String> {
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(name).map_err(|_| {
        format!("{} is no time zone: write an IANA name such as \"Europe/Berlin\" or \"UTC\"", quoted(name))
    })
}
