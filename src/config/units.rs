//! Durations, sizes, and the nearest known word.

use std::time::Duration;

const DURATIONS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZES: [(&str, u64); 6] =
    [("B", 1), ("", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// Reads `50ms`, `10s`, `5m`, `1h` or `90d`.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    scaled(text, &DURATIONS).map(Duration::from_millis)
}

/// Reads `128MiB`, `32KiB` or plain bytes.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    scaled(text, &SIZES)
}

/// Digits (underscores between them allowed) and a unit, with nothing but blanks between.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) || digits.ends_with('_') {
        return None;
    }
    let number: u64 = digits.replace('_', "").parse().ok()?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.checked_mul(*factor)
}

/// A duration in the largest unit that holds it whole.
pub(super) fn show_duration(duration: Duration) -> String {
    show(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), &DURATIONS)
}

/// A size in the largest unit that holds it whole.
pub(super) fn show_size(bytes: u64) -> String {
    show(bytes, &SIZES)
}

fn show(number: u64, units: &[(&str, u64)]) -> String {
    let fits = |(_, factor): &&(&str, u64)| number >= *factor && number.is_multiple_of(*factor);
    let (unit, factor) = units.iter().rev().find(fits).unwrap_or(&units[0]);
    format!("{}{unit}", number / factor)
}

/// The known word nearest to a mistyped one, if it is near enough to be meant.
pub(super) fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Optimal string alignment distance: insertions, deletions, replacements, swaps of neighbours. Only the first 64
/// characters count.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().take(64).collect();
    let b: Vec<char> = b.to_lowercase().chars().take(64).collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_and_shown() {
        for (text, millis) in
            [("50ms", 50), ("10s", 10_000), ("5m", 300_000), ("1 h", 3_600_000), ("90d", 7_776_000_000)]
        {
            let duration = parse_duration(text).expect(text);
            assert_eq!(duration, Duration::from_millis(millis));
            assert_eq!(show_duration(duration), text.replace(' ', ""));
        }
        for (text, bytes) in [("128MiB", 128 << 20), ("32KiB", 32 << 10), ("1_000", 1_000), ("4GiB", 4 << 30)] {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        assert_eq!((show_size(128 << 20), show_size(1_000)), ("128MiB".to_owned(), "1000".to_owned()));
        assert_eq!(show_duration(Duration::ZERO), "0ms");
        for bad in ["", "s", "10", "-1s", "1.5s", "10 S", "10sec", "1_s", "99999999999999999999s", "9999999999999999d"]
        {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
        for bad in ["", "KiB", "32KB", "32kib", "-1", "1.5MiB", "99999999999TiB"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_near_word_is_found_and_a_far_one_is_not() {
        let known = ["listen", "workers", "realm", "trusted_proxies"];
        assert_eq!(closest("lisetn", known), Some("listen"));
        assert_eq!(closest("worker", known), Some("workers"));
        assert_eq!(closest("trusted_proxy", known), Some("trusted_proxies"));
        assert_eq!(closest("Realm", known), Some("realm"));
        assert_eq!(closest("banana", known), None);
        assert_eq!(closest("", known), None);
    }
}
