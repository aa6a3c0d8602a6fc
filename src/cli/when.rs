//! Times and spans as people write them.

use std::time::Duration;

use crate::clock::Timestamp;

/// Reads a span: numbers with `s`, `m`, `h`, `d` or `w`, for example `90d` or `1h30m`; `0` alone is no time.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no span of time: write numbers with s, m, h, d or w, for example 90d or 1h30m");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut seconds: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit = match rest[digits..].bytes().next() {
            Some(b's') => 1,
            Some(b'm') => 60,
            Some(b'h') => 3_600,
            Some(b'd') => 86_400,
            Some(b'w') => 7 * 86_400,
            _ => return Err(wrong()),
        };
        seconds = number.checked_mul(unit).and_then(|more| seconds.checked_add(more)).ok_or_else(wrong)?;
        rest = &rest[digits + 1..];
    }
    if text.is_empty() { Err(wrong()) } else { Ok(Duration::from_secs(seconds)) }
}

/// Reads a moment: RFC 3339, or a span from `now` on.
pub(super) fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(at) = Timestamp::parse_rfc3339(text) {
        return Ok(at);
    }
    span(text).map(|span| now.plus(span)).map_err(|_| {
        format!("{text:?} is no time: write RFC 3339 such as 2031-02-03T04:05:06Z, or a span from now such as 90d")
    })
}

/// Reads a moment: RFC 3339, or a span back from `now`.
pub(super) fn past_moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(at) = Timestamp::parse_rfc3339(text) {
        return Ok(at);
    }
    let back = |span: Duration| i64::try_from(span.as_millis()).ok().and_then(|back| now.as_millis().checked_sub(back));
    span(text).ok().and_then(back).map(Timestamp::from_millis).ok_or_else(|| {
        format!("{text:?} is no time: write RFC 3339 such as 2031-02-03T04:05:06Z, or a span back from now such as 2h")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_moments() {
        let cases = [("90d", 7_776_000), ("1h30m", 5_400), ("2w", 1_209_600), ("45s", 45), ("0", 0), ("0s", 0)];
        for (text, seconds) in cases {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "d", "90", "1.5h", "-1d", "1h30", "99999999999999999999d", "18446744073709551615w", "1\u{e9}"] {
            assert!(span(bad).is_err(), "{bad:?}");
        }
        let now = Timestamp::from_millis(1_000);
        assert_eq!(moment("1m", now), Ok(Timestamp::from_millis(61_000)));
        assert_eq!(moment("1970-01-01T00:00:02Z", now), Ok(Timestamp::from_millis(2_000)));
        assert_eq!(past_moment("1s", now), Ok(Timestamp::from_millis(0)));
        assert_eq!(past_moment("1970-01-01T00:00:02Z", now), Ok(Timestamp::from_millis(2_000)));
        assert!(past_moment("yesterday", now).is_err_and(|e| e.contains("\"yesterday\" is no time")));
        assert!(moment("tomorrow", now).is_err_and(|e| e.contains("\"tomorrow\" is no time")));
    }
}
