//! The one form of a path that routes, scopes, the log and the upstream all see.
//!
//! Normalised once (RFC 3986 section 6.2.2): escapes of unreserved characters decoded, the others in upper case, dot
//! segments removed, runs of slashes merged. What two readers could take differently is refused: encoded slashes,
//! backslashes, NUL and semicolons, `;` and `\` themselves, dot segments that climb out, a percent sign hidden behind
//! another encoding of these, broken escapes.

use std::borrow::Cow;

/// A path that two readers could take differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ambiguous;

/// Normalises a path as it stands in the request target.
pub(super) fn normalise(path: &str) -> Result<Cow<'_, str>, Ambiguous> {
    let bytes = path.as_bytes();
    if bytes.first() != Some(&b'/') {
        return Err(Ambiguous);
    }
    if is_normal(bytes) {
        return Ok(Cow::Borrowed(path));
    }
    let decoded = decode(bytes)?;
    let mut segments: Vec<&str> = Vec::new();
    let mut directory = false;
    for segment in decoded.split('/').skip(1) {
        directory = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop().ok_or(Ambiguous)?),
            other => segments.push(other),
        }
    }
    let mut normal = String::with_capacity(decoded.len());
    for segment in &segments {
        normal.push('/');
        normal.push_str(segment);
    }
    if directory || normal.is_empty() {
        normal.push('/');
    }
    Ok(Cow::Owned(normal))
}

/// Whether a path is in normal form already; most are. Dots are left to the slow way only where one begins a segment.
fn is_normal(bytes: &[u8]) -> bool {
    let mut after_slash = false;
    for byte in bytes {
        let plain = match byte {
            b'/' => !after_slash,
            b'.' => !after_slash,
            other => allowed(*other),
        };
        if !plain {
            return false;
        }
        after_slash = *byte == b'/';
    }
    true
}

/// Characters that stand for themselves in a path (RFC 3986 section 3.3, less `;`).
const fn allowed(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\''
        | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@')
}

const fn unreserved(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~')
}

/// Decodes escapes of unreserved characters and brings the rest into one spelling.
fn decode(bytes: &[u8]) -> Result<String, Ambiguous> {
    let mut out = String::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'%' => {
                let value = escape(bytes, at).ok_or(Ambiguous)?;
                match value {
                    // `%25` followed by what would be one of the refused escapes after another round of decoding.
                    b'%' if hides_escape(bytes, at + 3) => return Err(Ambiguous),
                    b'/' | b'\\' | b';' | 0..=0x1f | 0x7f => return Err(Ambiguous),
                    plain if unreserved(plain) => out.push(char::from(plain)),
                    other => push_escape(&mut out, other),
                }
                at += 2;
            }
            b'/' => out.push('/'),
            plain if allowed(plain) => out.push(char::from(plain)),
            b';' | b'\\' | 0..=0x20 | 0x7f => return Err(Ambiguous),
            // What RFC 3986 does not allow but some clients send raw: brackets, pipes, non-ASCII bytes.
            other => push_escape(&mut out, other),
        }
        at += 1;
    }
    Ok(out)
}

/// The value of the escape at `at`.
fn escape(bytes: &[u8], at: usize) -> Option<u8> {
    let digit = |offset: usize| char::from(*bytes.get(at + offset)?).to_digit(16);
    u8::try_from(digit(1)? * 16 + digit(2)?).ok()
}

/// Whether the two digits after an encoded percent sign spell a slash, dot, backslash, semicolon, percent or control
/// character.
fn hides_escape(bytes: &[u8], at: usize) -> bool {
    // A digit may hide behind an escape of its own, as in `%25%32f`.
    let digit = |at: usize| match escape(bytes, at) {
        Some(value) if bytes[at] == b'%' => Some((value, at + 3)),
        _ => bytes.get(at).map(|byte| (*byte, at + 1)),
    };
    let Some((high, next)) = digit(at) else { return false };
    let Some((low, _)) = digit(next) else { return false };
    let value = |byte: u8| char::from(byte).to_digit(16);
    let (Some(high), Some(low)) = (value(high), value(low)) else { return false };
    matches!((high * 16 + low) as u8, b'/' | b'.' | b'\\' | b';' | b'%' | 0..=0x1f)
}

fn push_escape(out: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_meet_in_one_form() {
        for (path, normal) in [
            ("/", "/"),
            ("/orders/7", "/orders/7"),
            ("/orders/", "/orders/"),
            ("//orders///7", "/orders/7"),
            ("/%6Frders/%7euser", "/orders/~user"),
            ("/a/./b/../c", "/a/c"),
            ("/a/b/..", "/a/"),
            ("/a/%2e%2E/admin", "/admin"),
            ("/a/.", "/a/"),
            ("/.well-known/x", "/.well-known/x"),
            ("/a%e2%82%ac", "/a%E2%82%AC"),
            ("/a|b{c}", "/a%7Cb%7Bc%7D"),
            ("/100%25", "/100%25"),
            ("/a...b/..c", "/a...b/..c"),
        ] {
            assert_eq!(normalise(path).as_deref(), Ok(normal), "{path}");
        }
    }

    #[test]
    fn what_two_readers_could_take_differently_is_refused() {
        for path in [
            "",
            "*",
            "orders",
            "/..",
            "/a/../..",
            "/%2e%2e",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/a%0a",
            "/a;b",
            "/a%3bb",
            "/%252e%252e/x",
            "/a%252fb",
            "/a%255cb",
            "/a%25%32f",
            "/a%2",
            "/a%",
            "/a%zz",
            "/%2525",
        ] {
            assert_eq!(normalise(path), Err(Ambiguous), "{path}");
        }
    }

    proptest! {
        /// Normalising is idempotent, and its result never holds what it promises to remove.
        #[test]
        fn the_form_is_final(path in "/([a-c./;%\\\\]|%2[eEfF5]|%[0-9a-fA-F]{2}){0,12}") {
            if let Ok(normal) = normalise(&path) {
                let again = normalise(&normal);
                prop_assert_eq!(again.as_deref(), Ok(&*normal));
                prop_assert!(!normal.contains("//") && !normal.contains("/../") && !normal.contains("/./"));
                prop_assert!(!normal.ends_with("/..") && !normal.contains(';') && !normal.contains('\\'));
                let lower = normal.to_ascii_lowercase();
                prop_assert!(!lower.contains("%2f") && !lower.contains("%5c") && !lower.contains("%00"));
            }
        }
    }
}
