//! What Astra's callers say in the head: media types, conditions of a change, and the address they used.

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE};
use http::request::Parts;
use http::uri::Authority;
use md5::{Digest, Md5};

use super::errors::Problem;
use super::wire::TOKEN;
use crate::clock::Timestamp;
use crate::token::hex;

/// Media type of every answer unless another one is asked for.
pub(super) const JSON: &str = "application/json";
/// Media type of a token.
pub(super) const TOKEN_JSON: &str = "application/astra-token+json";
/// What an answer with one token can be.
pub(super) const SPOKEN: &[&str] = &[JSON, TOKEN_JSON, TOKEN];
/// What callers may accept where a list is answered, beside [`SPOKEN`]; the answer is JSON.
const LISTS: [&str; 2] = ["application/astra-tokens", "application/astra-tokens+json"];

/// The media type to answer in: of those that are accepted the most wanted one, the first of several. A list is JSON
/// whatever is accepted.
///
/// # Errors
/// Nothing that is spoken is accepted.
pub(super) fn answer_type(headers: &HeaderMap, list: bool) -> Result<&'static str, Problem> {
    let mut best: Option<(f32, &'static str)> = None;
    let mut any = false;
    for value in headers.get_all(ACCEPT) {
        // Bytes that are no text accept nothing.
        for range in value.to_str().unwrap_or("?").split(',').map(str::trim).filter(|range| !range.is_empty()) {
            any = true;
            let (kind, parameters) = range.split_once(';').unwrap_or((range, ""));
            let weight = weight(parameters);
            let Some(kind) = spoken(kind.trim(), list) else { continue };
            if weight > 0.0 && best.is_none_or(|(than, _)| weight > than) {
                best = Some((weight, kind));
            }
        }
    }
    match best {
        Some((_, kind)) => Ok(kind),
        None if any => {
            Err(Problem::not_acceptable(if list { JSON } else { "application/json, application/astra-token+json" }))
        }
        None => Ok(JSON),
    }
}

/// The answer for one accepted range.
fn spoken(range: &str, list: bool) -> Option<&'static str> {
    let is = |kind: &&str| range.eq_ignore_ascii_case(kind);
    match SPOKEN.iter().find(|kind| is(kind)) {
        Some(kind) if !list => Some(kind),
        Some(_) => Some(JSON),
        None if is(&"*/*") || is(&"application/*") => Some(JSON),
        None => (list && LISTS.iter().any(is)).then_some(JSON),
    }
}

/// The weight among a range's parameters; 1 without a readable one.
fn weight(parameters: &str) -> f32 {
    let named = |parameter: &str| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse().ok()).flatten()
    };
    parameters.split(';').find_map(named).filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or(1.0)
}

/// Whether a body may be read; one without a type is taken for JSON.
///
/// # Errors
/// It says that it is something else.
pub(super) fn body_type(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let kind = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match SPOKEN.iter().any(|own| kind.eq_ignore_ascii_case(own)) {
        true => Ok(()),
        false => Err(Problem::header("Content-Type", "must be application/astra-token+json or application/json")),
    }
}

/// The MD5 of a body in hex, without quotes.
pub(super) fn tag(body: &[u8]) -> String {
    hex(&Md5::digest(body))
}

/// Conditions of a change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Conditions {
    /// `None` = any token fits.
    tags: Option<Vec<String>>,
    unmodified_since: Option<Timestamp>,
    modified_since: Option<Timestamp>,
}

impl Conditions {
    /// Reads a head. A date that is none is no condition (RFC 9110 section 13.1); with `If-Match` there is no
    /// `If-Unmodified-Since` (section 13.2.2).
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut tags = Vec::new();
        for value in headers.get_all(IF_MATCH) {
            let list = value.to_str().unwrap_or_default().split(',').map(str::trim).filter(|tag| !tag.is_empty());
            tags.extend(list.map(|tag| {
                let bare = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
                bare.unwrap_or(tag).to_owned()
            }));
        }
        let matching = headers.contains_key(IF_MATCH);
        Self {
            tags: (matching && !tags.iter().any(|tag| tag == "*")).then_some(tags),
            unmodified_since: date(headers, &IF_UNMODIFIED_SINCE).filter(|_| !matching),
            modified_since: date(headers, &IF_MODIFIED_SINCE),
        }
    }

    /// Whether a token in this state may be changed; HTTP dates are whole seconds.
    pub(super) fn hold(&self, tag: &str, changed: Timestamp) -> bool {
        let changed = changed.as_millis().div_euclid(1000);
        let second = |date: Timestamp| date.as_millis().div_euclid(1000);
        self.tags.as_ref().is_none_or(|tags| tags.iter().any(|own| own == tag))
            && self.unmodified_since.is_none_or(|date| changed <= second(date))
            && self.modified_since.is_none_or(|date| changed > second(date))
    }
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()?;
    let millis = date.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis();
    i64::try_from(millis).ok().map(Timestamp::from_millis)
}

/// Scheme and authority that the caller used; empty where the request has no authority.
pub(super) fn origin(head: &Parts, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    let host = || head.headers.get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    head.uri.authority().cloned().or_else(host).map(|host| format!("{scheme}://{host}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = list.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).expect("a value"))
        });
        pairs.collect()
    }

    #[test]
    fn the_accepted_type_is_mirrored() {
        let rows = [
            ("", Some(JSON)),
            ("*/*", Some(JSON)),
            ("application/*;q=0.1", Some(JSON)),
            ("Application/JSON; charset=utf-8", Some(JSON)),
            ("application/astra-token+json", Some(TOKEN_JSON)),
            ("application/astra-token", Some(TOKEN)),
            ("text/html, application/astra-token+json;q=0.5, */*;q=0.1", Some(TOKEN_JSON)),
            ("*/*;q=0.5,application/astra-token", Some(TOKEN)),
            ("application/json;q=0", None),
            ("text/html", None),
            ("application/astra-user+json", None),
            ("application/astra-tokens+json", None),
            ("application", None),
            ("é", None),
        ];
        for (accept, expected) in rows {
            let told = answer_type(&headers(&[("accept", accept)]), false).ok();
            assert_eq!(told, expected, "{accept}");
            let listed = answer_type(&headers(&[("accept", accept)]), true).ok();
            let expected = if accept.contains("astra-tokens") { Some(JSON) } else { expected.map(|_| JSON) };
            assert_eq!(listed, expected, "{accept}");
        }
        assert_eq!(answer_type(&HeaderMap::new(), false), Ok(JSON));
    }

    #[test]
    fn bodies_are_json_of_either_name() {
        for (kind, taken) in [
            ("application/json; charset=utf-8", true),
            ("application/astra-token+json", true),
            ("application/x-www-form-urlencoded", false),
            ("", false),
        ] {
            assert_eq!(body_type(&headers(&[("content-type", kind)])).is_ok(), taken, "{kind}");
        }
        assert_eq!(body_type(&HeaderMap::new()), Ok(()));
    }

    #[test]
    fn conditions_hold_or_do_not() {
        // 2030-03-17T17:46:40.123Z
        let changed = Timestamp::from_millis(1_900_000_000_123);
        let hold = |list: &[(&'static str, &str)]| Conditions::of(&headers(list)).hold("abc", changed);
        let (before, same, after) =
            ("Sun, 17 Mar 2030 17:46:39 GMT", "Sun, 17 Mar 2030 17:46:40 GMT", "Sun Mar 17 17:46:41 2030");
        let rows: &[(&[(&str, &str)], bool)] = &[
            (&[], true),
            (&[("if-match", "*")], true),
            (&[("if-match", "\"abc\"")], true),
            (&[("if-match", "abc")], true),
            (&[("if-match", "\"x\", \"abc\"")], true),
            (&[("if-match", "\"x\""), ("if-match", "\"abc\"")], true),
            (&[("if-match", "W/\"abc\"")], false),
            (&[("if-match", "\"abd\"")], false),
            (&[("if-match", "")], false),
            (&[("if-unmodified-since", same)], true),
            (&[("if-unmodified-since", after)], true),
            (&[("if-unmodified-since", before)], false),
            (&[("if-unmodified-since", "yesterday")], true),
            (&[("if-match", "abc"), ("if-unmodified-since", before)], true),
            (&[("if-modified-since", before)], true),
            (&[("if-modified-since", same)], false),
            (&[("if-modified-since", after)], false),
        ];
        for (list, expected) in rows {
            let list: Vec<(&'static str, &str)> = list.to_vec();
            assert_eq!(hold(&list), *expected, "{list:?}");
        }
    }

    #[test]
    fn a_tag_is_the_md5_in_hex() {
        // RFC 1321, appendix A.5.
        assert_eq!(tag(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
    }

    proptest! {
        #[test]
        fn no_head_breaks_the_readers(value in "[ -~é]{0,60}") {
            let names = ["accept", "content-type", "if-match", "if-unmodified-since", "if-modified-since", "host"];
            let map = headers(&names.map(|name| (name, value.as_str())));
            let _ = (answer_type(&map, false), answer_type(&map, true), body_type(&map));
            let _ = Conditions::of(&map).hold("abc", Timestamp::from_millis(0));
            let (mut head, ()) = http::Request::new(()).into_parts();
            head.headers = map;
            let origin = origin(&head, false);
            prop_assert!(HeaderValue::from_str(&origin).is_ok());
        }
    }
}
