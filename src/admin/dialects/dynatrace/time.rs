//! Dynatrace's time expressions (docs/dialects/dynatrace.md): UTC milliseconds, dates, and `now` with an offset and an alignment.

use jiff::civil::{DateTime, DateTimeRound, Time};
use jiff::tz::Offset;
use jiff::{RoundMode, Span, Unit};

use crate::clock::Timestamp;

/// What the formats are, for whoever sent something else.
pub(super) const FORMATS: &str =
    "must be UTC milliseconds, a date such as 2031-05-01T12:30:00.000Z, or now, now-2d, now+14d/d (units m h d w M y)";

/// Why a text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InvalidTime {
    /// It has none of the formats, or names a day or an hour that does not exist.
    Form,
    /// It lies before the year -9999 or after 9999.
    Range,
}

impl InvalidTime {
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Form => FORMATS,
            Self::Range => "lies outside the years that dates can have, up to 9999",
        }
    }
}

/// Reads a time. Months and years are those of the calendar, weeks begin on Monday, everything is UTC.
///
/// # Errors
/// The text has none of the formats, or the time cannot be written as a date.
pub(super) fn parse(text: &str, now: Timestamp) -> Result<Timestamp, InvalidTime> {
    if let Some(rest) = text.strip_prefix("now") {
        return relative(rest, now);
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return written(text.parse().map_err(|_| InvalidTime::Range)?);
    }
    absolute(text.as_bytes()).ok_or(InvalidTime::Form)?
}

/// Milliseconds that can be written as a date.
fn written(millis: i64) -> Result<Timestamp, InvalidTime> {
    jiff::Timestamp::from_millisecond(millis).map_err(|_| InvalidTime::Range)?;
    Ok(Timestamp::from_millis(millis))
}

/// What follows `now`: `±NU`, `/A`, both or nothing.
fn relative(rest: &str, now: Timestamp) -> Result<Timestamp, InvalidTime> {
    let (offset, alignment) = match rest.split_once('/') {
        Some((offset, unit)) => (offset, Some(unit_of(unit)?)),
        None => (rest, None),
    };
    let now = jiff::Timestamp::from_millisecond(now.as_millis()).map_err(|_| InvalidTime::Range)?;
    let mut at = Offset::UTC.to_datetime(now);
    if !offset.is_empty() {
        at = at.checked_add(span(offset)?).map_err(|_| InvalidTime::Range)?;
    }
    if let Some(unit) = alignment {
        at = align(at, unit).ok_or(InvalidTime::Range)?;
    }
    let at = Offset::UTC.to_timestamp(at).map_err(|_| InvalidTime::Range)?;
    Ok(Timestamp::from_millis(at.as_millisecond()))
}

/// `+NU` or `-NU`.
fn span(text: &str) -> Result<Span, InvalidTime> {
    let (negative, rest) = match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return Err(InvalidTime::Form),
    };
    let at = rest.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0).ok_or(InvalidTime::Form)?;
    let (digits, unit) = rest.split_at(at);
    let unit = unit_of(unit)?;
    let count: i64 = digits.parse().map_err(|_| InvalidTime::Range)?;
    let count = if negative { -count } else { count };
    let span = Span::new();
    let span = match unit {
        Unit::Minute => span.try_minutes(count),
        Unit::Hour => span.try_hours(count),
        Unit::Day => span.try_days(count),
        Unit::Week => span.try_weeks(count),
        Unit::Month => span.try_months(count),
        _ => span.try_years(count),
    };
    span.map_err(|_| InvalidTime::Range)
}

fn unit_of(text: &str) -> Result<Unit, InvalidTime> {
    Ok(match text {
        "m" => Unit::Minute,
        "h" => Unit::Hour,
        "d" => Unit::Day,
        "w" => Unit::Week,
        "M" => Unit::Month,
        "y" => Unit::Year,
        _ => return Err(InvalidTime::Form),
    })
}

/// The beginning of the unit that `at` lies in.
fn align(at: DateTime, unit: Unit) -> Option<DateTime> {
    let date = at.date();
    let day = match unit {
        Unit::Week => {
            let since_monday = Span::new().try_days(date.weekday().to_monday_zero_offset()).ok()?;
            date.checked_sub(since_monday).ok()?
        }
        Unit::Month => date.first_of_month(),
        Unit::Year => date.first_of_year(),
        small => return at.round(DateTimeRound::new().smallest(small).mode(RoundMode::Trunc)).ok(),
    };
    Some(day.to_datetime(Time::midnight()))
}

/// `YYYY-MM-DD[T| ]hh:mm[:ss[.fff]][Z|offset]`, UTC without a zone; `None` for any other form. One to nine digits of a fraction
/// are taken and cut to milliseconds.
fn absolute(text: &[u8]) -> Option<Result<Timestamp, InvalidTime>> {
    let mut rest = text;
    let year = number(&mut rest, 4)?;
    literal(&mut rest, b"-")?;
    let month = number(&mut rest, 2)?;
    literal(&mut rest, b"-")?;
    let day = number(&mut rest, 2)?;
    literal(&mut rest, b"T ")?;
    let hour = number(&mut rest, 2)?;
    literal(&mut rest, b":")?;
    let minute = number(&mut rest, 2)?;
    let (mut second, mut nanos) = (0, 0);
    if literal(&mut rest, b":").is_some() {
        second = number(&mut rest, 2)?;
        if literal(&mut rest, b".").is_some() {
            let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).take(9).count();
            nanos = number(&mut rest, count.max(1))? * 10_i32.pow(9 - count as u32);
        }
    }
    let offset = match literal(&mut rest, b"Z+-") {
        None | Some(b'Z') => Offset::UTC,
        Some(sign) => offset(&mut rest, sign == b'-')?,
    };
    if !rest.is_empty() {
        return None;
    }
    let small = |number: i32| i8::try_from(number).ok();
    let year = i16::try_from(year).ok()?;
    let at =
        DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, nanos).ok()?;
    let at = offset.to_timestamp(at).map_err(|_| InvalidTime::Range);
    Some(at.map(|at| Timestamp::from_millis(at.as_millisecond())))
}

/// `hh:mm` or `hhmm`, at most 18 hours (ISO 8601 as Java reads it).
fn offset(rest: &mut &[u8], negative: bool) -> Option<Offset> {
    let hours = number(rest, 2)?;
    let _ = literal(rest, b":");
    let minutes = number(rest, 2)?;
    let seconds = hours * 3600 + minutes * 60;
    if minutes > 59 || seconds > 18 * 3600 {
        return None;
    }
    Offset::from_seconds(if negative { -seconds } else { seconds }).ok()
}

/// Takes exactly `count` digits, at most nine.
fn number(rest: &mut &[u8], count: usize) -> Option<i32> {
    let (digits, after) = rest.split_at_checked(count)?;
    let value = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    *rest = after;
    value.parse().ok()
}

/// Takes one of these bytes.
fn literal(rest: &mut &[u8], any_of: &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    if !any_of.contains(first) {
        return None;
    }
    *rest = after;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).expect("a date")
    }

    /// A Wednesday, the last day of a leap February.
    const NOW: &str = "2040-02-29T13:14:15.678Z";

    #[test]
    fn every_format_is_read() {
        for (text, expected) in [
            ("0", "1970-01-01T00:00:00Z"),
            ("1935273600000", "2031-04-30T00:00:00Z"),
            ("2031-05-01 12:30", "2031-05-01T12:30:00Z"),
            ("2031-05-01T12:30", "2031-05-01T12:30:00Z"),
            ("2031-05-01T12:30Z", "2031-05-01T12:30:00Z"),
            ("2031-05-01T12:30:15", "2031-05-01T12:30:15Z"),
            ("2031-05-01 12:30:15.2", "2031-05-01T12:30:15.200Z"),
            ("2031-05-01T12:30:15.250+02:00", "2031-05-01T10:30:15.250Z"),
            ("2031-05-01T12:30:15.250-0230", "2031-05-01T15:00:15.250Z"),
            ("2031-05-01T12:30:15.123456789Z", "2031-05-01T12:30:15.123Z"),
            ("now", NOW),
            ("now-90m", "2040-02-29T11:44:15.678Z"),
            ("now+2h", "2040-02-29T15:14:15.678Z"),
            ("now+14d", "2040-03-14T13:14:15.678Z"),
            ("now-1w", "2040-02-22T13:14:15.678Z"),
            ("now+1M", "2040-03-29T13:14:15.678Z"),
            ("now-12M", "2039-02-28T13:14:15.678Z"),
            ("now+1y", "2041-02-28T13:14:15.678Z"),
            ("now/m", "2040-02-29T13:14:00Z"),
            ("now/h", "2040-02-29T13:00:00Z"),
            ("now/d", "2040-02-29T00:00:00Z"),
            ("now/w", "2040-02-27T00:00:00Z"),
            ("now/M", "2040-02-01T00:00:00Z"),
            ("now/y", "2040-01-01T00:00:00Z"),
            ("now+14d/d", "2040-03-14T00:00:00Z"),
            ("now-1M/M", "2040-01-01T00:00:00Z"),
        ] {
            assert_eq!(parse(text, at(NOW)), Ok(at(expected)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "soon",
            "1.5",
            "-5",
            "+5",
            " now",
            "now ",
            "now-",
            "now-d",
            "now-1q",
            "now-1",
            "now1d",
            "now-1d2",
            "now--1d",
            "now-1d/",
            "now-1d/x",
            "now/dd",
            "now/d/d",
            "now-1D",
            "NOW",
            "nowhere",
            "now-1d-1d",
            "now+\u{663}d",
            "now+1é",
            "nowé",
            "2031-05-01",
            "2031-13-01T00:00",
            "2031-02-29T00:00",
            "2031-05-01T24:00",
            "2031-05-01T12:60",
            "2031-05-01T12:30:60",
            "2031-05-01T12",
            "2031-5-1T12:30",
            "2031-05-01t12:30",
            "2031-05-01T12:30z",
            "2031-05-01T12:30:15.",
            "2031-05-01T12:30:15.1234567890",
            "2031-05-01T12:30+25:00",
            "2031-05-01T12:30+02:60",
            "2031-05-01T12:30+2",
            "2031-05-01T12:30Zx",
            "31-05-01T12:30",
            "２０３１-05-01T12:30",
        ] {
            assert_eq!(parse(text, at(NOW)), Err(InvalidTime::Form), "{text}");
        }
        for text in [
            "99999999999999999999",
            "9223372036854775807",
            "now+9999y",
            "now-99999999999w",
            "now+99999999999999999999d",
        ] {
            assert_eq!(parse(text, at(NOW)), Err(InvalidTime::Range), "{text}");
        }
        assert_eq!(parse("9999-12-31T23:59", at(NOW)), Err(InvalidTime::Range), "its date could not be written");
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "\\PC{0,40}", tail in "(now)?[-+/:.TZ 0-9mhdwMy]{0,30}", now in any::<i64>()) {
            let now = Timestamp::from_millis(now);
            let _ = (parse(&text, now), parse(&tail, now));
        }

        #[test]
        fn what_we_write_is_read_back(millis in -60_000_000_000_000_i64..250_000_000_000_000) {
            let time = Timestamp::from_millis(millis);
            prop_assert_eq!(parse(&time.to_string(), at(NOW)), Ok(time));
            if millis >= 0 {
                prop_assert_eq!(parse(&millis.to_string(), at(NOW)), Ok(time));
            }
        }

        #[test]
        fn offsets_of_fixed_length_are_sums(count in 0_i64..10_000, which in 0_usize..4, back in any::<bool>(), now in 0_i64..4_000_000_000_000) {
            let (unit, length) = [("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)][which];
            let sign = if back { "-" } else { "+" };
            let moved = if back { now - count * length } else { now + count * length };
            let read = parse(&format!("now{sign}{count}{unit}"), Timestamp::from_millis(now));
            prop_assert_eq!(read, Ok(Timestamp::from_millis(moved)));
        }

        #[test]
        fn months_are_counted_on_the_calendar(count in 0_i64..1_000, years in any::<bool>(), now in 0_i64..4_000_000_000_000) {
            let unit = if years { "y" } else { "M" };
            let civil = |time: Timestamp| {
                let time = jiff::Timestamp::from_millisecond(time.as_millis()).expect("in range");
                Offset::UTC.to_datetime(time)
            };
            let now = Timestamp::from_millis(now);
            let read = parse(&format!("now+{count}{unit}"), now).expect("in range");
            let (from, to) = (civil(now), civil(read));
            let months = |date: DateTime| i64::from(date.year()) * 12 + i64::from(date.month());
            prop_assert_eq!(months(to) - months(from), if years { 12 * count } else { count });
            prop_assert_eq!(to.time(), from.time());
            prop_assert_eq!(to.day(), from.day().min(to.date().days_in_month()));
        }

        #[test]
        fn alignment_rounds_down_within_its_unit(which in 0_usize..6, now in 0_i64..4_000_000_000_000) {
            let (unit, longest) = [("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000), ("M", 31 * 86_400_000), ("y", 366 * 86_400_000)][which];
            let expression = format!("now/{unit}");
            let now = Timestamp::from_millis(now);
            let start = parse(&expression, now).expect("in range");
            prop_assert!(start <= now && now.as_millis() - start.as_millis() < longest);
            prop_assert_eq!(parse(&expression, start), Ok(start), "a beginning is its own beginning");
        }
    }
}
