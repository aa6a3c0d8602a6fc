//! The path of a route. It must be written in the form that the data plane compares: what could never match is refused.

use super::tree::quoted;
use crate::proxy::PathPattern;

/// Longest path, in bytes.
const LONGEST: usize = 1_024;

/// Reads `/orders` or `= /exact`.
pub(super) fn pattern(text: &str) -> Result<PathPattern, String> {
    let (exact, path) = match text.strip_prefix('=') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    check(path)?;
    if exact {
        return Ok(PathPattern::Exact(path.to_owned()));
    }
    match path.strip_suffix('/') {
        Some(stem) if !stem.is_empty() => Err(format!(
            "{} ends with a slash: write {}, which covers itself and everything below it, or {} for this path alone",
            quoted(path),
            quoted(stem),
            quoted(&format!("= {path}"))
        )),
        _ => Ok(PathPattern::Prefix(path.to_owned())),
    }
}

fn check(path: &str) -> Result<(), String> {
    let refuse = |reason: &str| Err(format!("{} {reason}", quoted(path)));
    if !path.starts_with('/') {
        return refuse("does not start with a slash: write \"/orders\", or \"= /orders\" for this path alone");
    }
    if path.len() > LONGEST {
        return refuse("is longer than 1024 bytes: shorten it");
    }
    if path.contains("//") {
        return refuse("has an empty segment: write single slashes");
    }
    if path.split('/').any(|segment| segment == "." || segment == "..") {
        return refuse("has a dot segment, which never arrives here: write the path it leads to");
    }
    if path.contains(['?', '#']) {
        return refuse("has a query or a fragment: routes are chosen by path alone, remove it");
    }
    if path.contains([';', '\\']) {
        return refuse("has a ; or a backslash, and paths with those are refused before routing: remove it");
    }
    match path.char_indices().find(|(_, c)| !is_path_character(*c)) {
        Some((at, '%')) => check_escapes(path, at),
        Some((_, c)) => {
            let mut utf8 = [0; 4];
            let escaped: String = c.encode_utf8(&mut utf8).bytes().map(|b| format!("%{b:02X}")).collect();
            Err(format!("{} holds {c:?}, which arrives encoded: write it as {escaped}", quoted(path)))
        }
        None => Ok(()),
    }
}

/// Checks every percent sign from `first` on, and the characters between them.
fn check_escapes(path: &str, first: usize) -> Result<(), String> {
    let mut rest = &path[first..];
    while let Some(escape) = rest.strip_prefix('%') {
        let digits = escape.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let (Some(digits), Some(byte)) = (digits, byte) else {
            return Err(format!("{} has a % without two hex digits: write %25 for the sign itself", quoted(path)));
        };
        let refuse = |reason: String| Err(format!("{} holds %{digits}, {reason}", quoted(path)));
        if byte == 0 || matches!(byte, b'/' | b'\\' | b';') {
            return refuse("and paths with that are refused before routing: remove it".to_owned());
        }
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            return refuse(format!("which arrives decoded: write {}", char::from(byte)));
        }
        if digits.bytes().any(|b| b.is_ascii_lowercase()) {
            return refuse(format!("which arrives in capitals: write %{}", digits.to_uppercase()));
        }
        let after = &escape[2..];
        if byte == b'%' && after.get(..2).is_some_and(|next| next.bytes().all(|b| b.is_ascii_hexdigit())) {
            return refuse(
                "an escape within an escape, and such paths are refused before routing: remove it".to_owned(),
            );
        }
        let plain = after.find(|c| !is_path_character(c)).unwrap_or(after.len());
        rest = &after[plain..];
    }
    if rest.is_empty() { Ok(()) } else { check_plain(path, rest) }
}

fn check_plain(path: &str, rest: &str) -> Result<(), String> {
    let c = rest.chars().next().unwrap_or_default();
    Err(format!("{} holds {c:?}, which arrives encoded: write it with percent signs", quoted(path)))
}

/// A `pchar` of RFC 3986 section 3.3 without escapes and without `;`, or a slash.
fn is_path_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~!$&'()*+,=:@/".contains(c)
}
