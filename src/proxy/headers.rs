//! Request fields: which are passed on, which are replaced, and the head that the upstream sees.
//!
//! The first pass marks what must not go on: hop-by-hop fields (RFC 9110 section 7.6.1), those that `Connection` names,
//! every spelling of the fields that we set ourselves, credentials. The second writes the head as bytes; nothing is
//! inserted into a map on the way.

use http::Method;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HeaderMap, HeaderName, HeaderValue, REFERER, TE,
    TRANSFER_ENCODING,
};

use super::reject::Rejection;
use crate::auth::Sources;

/// Fields that are never passed on: hop-by-hop ones, those we set, and those that would change the method or the path
/// after they were checked.
const DROPPED: [&str; 22] = [
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-auth-account",
    "x-auth-scopes",
    "x-auth-token-id",
    "x-auth-user",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];
/// Bit n: a name of [`DROPPED`] has n letters. Most names are told apart by this alone.
const DROPPED_LENGTHS: u32 = {
    let (mut lengths, mut at) = (0, 0);
    while at < DROPPED.len() {
        lengths |= 1 << DROPPED[at].len();
        at += 1;
    }
    lengths
};
/// Fields whose twins in another spelling (`X_Auth_User`) some upstreams take for the real ones.
const PROTECTED: [&str; 8] = [
    "authorization",
    "cookie",
    "traceparent",
    "x-api-key",
    "x-real-ip",
    "x-request-id",
    "xms-auth-token",
    "true-client-ip",
];

/// What the first pass found.
#[derive(Debug)]
pub(super) struct Scan {
    /// Bit n: the n-th field of the map's order is not passed on. hyper admits at most 100 fields.
    skip: u128,
    /// Whether the caller takes trailers.
    pub(super) te_trailers: bool,
    /// Whether the caller announced trailers.
    trailer: bool,
    traceparent: bool,
    request_id: bool,
}

impl Scan {
    /// Marks what is not passed on, and refuses framing that two readers could take differently.
    pub(super) fn of(headers: &HeaderMap, trusted_peer: bool) -> Result<Self, Rejection> {
        let mut scan = Self { skip: 0, te_trailers: false, trailer: false, traceparent: false, request_id: false };
        let mut named = None;
        for (at, (name, value)) in headers.iter().enumerate() {
            if at >= 128 {
                return Err(Rejection::BadRequest("The request has too many fields."));
            }
            if scan.is_dropped(name, value, trusted_peer) {
                scan.skip |= 1 << at;
            }
            if is_framing_twin(name.as_str()) {
                return Err(Rejection::BadRequest("A field's name looks like one that frames the body, but is not."));
            }
            if name == CONNECTION {
                named = Some(());
            }
        }
        if named.is_some() {
            scan.drop_named_by_connection(headers);
        }
        check_framing(headers)?;
        Ok(scan)
    }

    fn is_dropped(&mut self, name: &HeaderName, value: &HeaderValue, trusted_peer: bool) -> bool {
        let text = name.as_str();
        if text.len() < 32 && DROPPED_LENGTHS & (1 << text.len()) != 0 && DROPPED.contains(&text) {
            if name == TE {
                self.te_trailers |=
                    value.to_str().is_ok_and(|te| te.split(',').any(|t| t.trim().eq_ignore_ascii_case("trailers")));
            }
            self.trailer |= text == "trailer";
            return true;
        }
        match text.len() {
            11 if text == "traceparent" => {
                self.traceparent |= is_traceparent(value.as_bytes());
                return !is_traceparent(value.as_bytes());
            }
            12 if text == "x-request-id" => {
                let keep = !self.request_id && is_request_id(value.as_bytes());
                self.request_id |= keep;
                return !keep;
            }
            9 if text == "x-real-ip" => return !trusted_peer,
            _ => {}
        }
        if let Some(what) = text.strip_prefix("x-forwarded-") {
            // Those that we write ourselves, and from strangers all of them.
            return !trusted_peer || matches!(what, "for" | "proto" | "host");
        }
        // A name in another spelling of a field that is protected or ours.
        memchr::memchr2(b'_', b'.', text.as_bytes()).is_some() && is_twin(text)
    }

    fn drop_named_by_connection(&mut self, headers: &HeaderMap) {
        let tokens: Vec<&[u8]> = headers
            .get_all(CONNECTION)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|token| {
                !token.is_empty() && !token.eq_ignore_ascii_case(b"close") && !token.eq_ignore_ascii_case(b"keep-alive")
            })
            .collect();
        if tokens.is_empty() {
            return;
        }
        for (at, (name, _)) in headers.iter().enumerate() {
            if tokens.iter().any(|token| token.eq_ignore_ascii_case(name.as_str().as_bytes())) {
                self.skip |= 1 << at;
                // These are made anew where the caller's are not passed on.
                self.request_id &= name != "x-request-id";
                self.traceparent &= name != "traceparent";
            }
        }
    }
}

/// Refuses what hyper lets through and another reader may take differently (RFC 9112 section 6).
fn check_framing(headers: &HeaderMap) -> Result<(), Rejection> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next();
    if lengths.next().is_some()
        || length.is_some_and(|value| {
            value.is_empty() || value.len() > 18 || !value.as_bytes().iter().all(u8::is_ascii_digit)
        })
    {
        return Err(Rejection::BadRequest("The Content-Length field is not valid."));
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else { return Ok(()) };
    if length.is_some() {
        return Err(Rejection::BadRequest("The request has both Content-Length and Transfer-Encoding."));
    }
    if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Err(Rejection::BadRequest("The only transfer coding served is chunked."));
    }
    Ok(())
}

/// Whether a name with `_` or `.` would be taken for a field of ours or a protected one by a CGI-like upstream.
fn is_twin(name: &str) -> bool {
    let dashed: String = name.chars().map(|c| if matches!(c, '_' | '.') { '-' } else { c }).collect();
    dashed.starts_with("x-forwarded-") || DROPPED.contains(&dashed.as_str()) || PROTECTED.contains(&dashed.as_str())
}

/// Whether a name differs from one that frames the body only in what stands between its words: a reader that takes it
/// for the real one sees another end of the body.
fn is_framing_twin(name: &str) -> bool {
    let between = |first, last| name.strip_prefix(first).and_then(|rest| rest.strip_suffix(last));
    between("transfer", "encoding")
        .or_else(|| between("content", "length"))
        .is_some_and(|between| between != "-" && !between.bytes().any(|byte| byte.is_ascii_alphanumeric()))
}

/// Whether a trailer field may be passed on in a message (RFC 9110 section 6.5.1): nothing that frames, routes,
/// authenticates or names identities.
pub(super) fn is_trailer_allowed(name: &HeaderName) -> bool {
    let text = name.as_str();
    !(DROPPED.contains(&text)
        || PROTECTED.contains(&text)
        || text.starts_with("x-forwarded-")
        || is_twin(text)
        || matches!(
            text,
            "content-type"
                | "content-encoding"
                | "content-range"
                | "cache-control"
                | "set-cookie"
                | "www-authenticate"
                | "location"
                | "max-forwards"
                | "range"
        ))
}

/// `00-<32 hex>-<16 hex>-<2 hex>`, ids not all zero (W3C Trace Context section 3.2); later versions may be longer.
fn is_traceparent(value: &[u8]) -> bool {
    let hex = |part: &[u8]| part.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let some = |part: &[u8]| part.iter().any(|b| *b != b'0');
    value.len() >= 55
        && (value.len() == 55 || (&value[..2] != b"00" && value[55] == b'-' && value.len() <= 256))
        && hex(&value[..2])
        && &value[..2] != b"ff"
        && value[2] == b'-'
        && hex(&value[3..35])
        && some(&value[3..35])
        && value[35] == b'-'
        && hex(&value[36..52])
        && some(&value[36..52])
        && value[52] == b'-'
        && hex(&value[53..55])
}

/// 1 to 128 letters, digits, `-`, `_`, `.`, `:`: what can stand in a log without escaping.
fn is_request_id(value: &[u8]) -> bool {
    (1..=128).contains(&value.len())
        && value.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
}

/// How the request body is framed towards the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// No body and no field about it.
    None,
    /// `Content-Length`.
    Sized(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// Everything that goes into the head beside the caller's own fields.
pub(super) struct HeadParts<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) host: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) scan: &'a Scan,
    pub(super) sources: &'a Sources,
    /// Text of the token's id and the header lines of its identity.
    pub(super) identity: Option<(&'a str, &'a [u8])>,
    /// `X-Forwarded-*` and `Forwarded` lines.
    pub(super) forwarding: &'a [u8],
    /// 32 hex digits.
    pub(super) fresh_id: &'a str,
    pub(super) framing: Framing,
}

/// The id that goes with a request: the caller's, if it can be passed on, else the fresh one.
pub(super) fn request_id<'a>(headers: &'a HeaderMap, scan: &Scan, fresh: &'a str) -> &'a str {
    if !scan.request_id {
        return fresh;
    }
    let mut values = headers.get_all("x-request-id").iter();
    values.find(|value| is_request_id(value.as_bytes())).and_then(|value| value.to_str().ok()).unwrap_or(fresh)
}

/// Writes the head for the upstream.
pub(super) fn write_head(out: &mut Vec<u8>, head: &HeadParts<'_>) {
    out.extend_from_slice(head.method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(head.path.as_bytes());
    if let Some(query) = head.query.filter(|query| !query.is_empty()) {
        out.push(b'?');
        write_query(out, query);
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
    line(out, b"host", head.host.as_bytes());
    for (at, (name, value)) in head.headers.iter().enumerate() {
        if head.scan.skip & (1 << at) != 0 || is_credential(name, value, head.sources) {
            continue;
        }
        if name == REFERER {
            write_referer(out, value, head.sources);
            continue;
        }
        line(out, name.as_str().as_bytes(), value.as_bytes());
    }
    if let Some((id, lines)) = head.identity {
        line(out, b"x-auth-token-id", id.as_bytes());
        out.extend_from_slice(lines);
    }
    out.extend_from_slice(head.forwarding);
    if !head.scan.request_id {
        line(out, b"x-request-id", head.fresh_id.as_bytes());
    }
    if !head.scan.traceparent {
        out.extend_from_slice(b"traceparent: 00-");
        out.extend_from_slice(head.fresh_id.as_bytes());
        out.push(b'-');
        // The span is ours alone: the second half of the id, which is never all zero.
        out.extend_from_slice(&head.fresh_id.as_bytes()[16..]);
        out.extend_from_slice(b"-00\r\n");
    }
    if head.scan.te_trailers {
        out.extend_from_slice(b"te: trailers\r\nconnection: te\r\n");
    }
    match head.framing {
        Framing::None => {}
        Framing::Sized(length) => line(out, b"content-length", itoa::Buffer::new().format(length).as_bytes()),
        Framing::Chunked => {
            if head.scan.trailer {
                for value in head.headers.get_all("trailer") {
                    line(out, b"trailer", value.as_bytes());
                }
            }
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Bytes beyond ASCII have no place in a target (RFC 3986 section 2): they go on as escapes, as in the path.
fn write_query(out: &mut Vec<u8>, query: &str) {
    if query.is_ascii() {
        return out.extend_from_slice(query.as_bytes());
    }
    for byte in query.bytes() {
        if byte.is_ascii() {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
}

fn is_credential(name: &HeaderName, value: &HeaderValue, sources: &Sources) -> bool {
    if name == AUTHORIZATION { sources.claims_authorization(value.as_bytes()) } else { sources.claims_header(name) }
}

/// A referring page's address may hold the very token: its query goes, if it has a credential parameter.
fn write_referer(out: &mut Vec<u8>, value: &HeaderValue, sources: &Sources) {
    let text = value.to_str().unwrap_or_default();
    let shown = match text.split_once('?') {
        Some((page, query)) if matches!(sources.mask_query(query), std::borrow::Cow::Owned(masked) if masked != query) => {
            page
        }
        _ => text,
    };
    line(out, b"referer", shown.as_bytes());
}

pub(super) fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Whether the caller asked for the body to be invited (RFC 9110 section 10.1.1); hyper answers it.
pub(super) fn has_unmet_expectation(headers: &HeaderMap) -> bool {
    headers.get_all(EXPECT).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Source;
    use http::Request;
    use http::request::Parts;

    fn parts(fields: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri("/x");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    fn forwarded(fields: &[(&str, &str)], trusted: bool) -> String {
        let parts = parts(fields);
        let scan = Scan::of(&parts.headers, trusted).expect("well framed");
        let mut out = Vec::new();
        write_head(
            &mut out,
            &HeadParts {
                method: &Method::GET,
                path: "/x",
                query: None,
                host: "h",
                headers: &parts.headers,
                scan: &scan,
                sources: &Sources::new(&Source::defaults()),
                identity: Some(("ID", b"x-auth-user: u\r\n")),
                forwarding: b"",
                fresh_id: "0123456789abcdef0123456789abcdef",
                framing: Framing::None,
            },
        );
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn what_a_caller_may_not_say_is_dropped_in_every_spelling() {
        let dropped = [
            ("x-auth-user", "evil"),
            ("X_Auth_User", "evil"),
            ("x.auth.user", "evil"),
            ("x_auth-token_id", "evil"),
            ("x-forwarded-for", "evil"),
            ("x_forwarded_for", "evil"),
            ("x-forwarded-prefix", "evil"),
            ("forwarded", "for=evil"),
            ("connection", "x-evil, close"),
            ("x-evil", "evil"),
            ("keep-alive", "evil"),
            ("proxy-authorization", "evil"),
            ("te", "evil"),
            ("upgrade", "evil"),
            ("http2-settings", "evil"),
            ("expect", "evil"),
            ("x-real-ip", "evil"),
            ("x-http-method-override", "evil"),
            ("x-original-url", "/evil"),
            ("authorization", "Bearer evil"),
            ("xms-auth-token", "evil"),
            ("xms_auth_token", "evil"),
            ("referer", "http://a/b?token=evil"),
            ("traceparent", "evil"),
            ("x-request-id", "e v i l"),
        ];
        let head = forwarded(&dropped, false);
        assert!(!head.contains("evil"), "{head}");
        assert!(head.contains("referer: http://a/b\r\n") && head.contains("x-auth-token-id: ID\r\nx-auth-user: u\r\n"));
        assert!(head.contains("x-request-id: 0123456789abcdef0123456789abcdef\r\n"));
    }

    #[test]
    fn every_name_of_the_list_is_dropped_and_replaced_where_it_is_ours() {
        for name in DROPPED.into_iter().filter(|name| !matches!(*name, "content-length" | "transfer-encoding")) {
            let head = forwarded(&[(name, "evil")], true);
            assert!(!head.contains("evil"), "{head}");
        }
        let listed = parts(&[("connection", "x-request-id, traceparent, \u{e9}, x-evil"), ("x-evil", "1")]);
        let scan = Scan::of(&listed.headers, false).expect("well framed");
        assert_eq!(scan.skip, 0b11);
        let head = forwarded(&[("connection", "x-request-id"), ("x-request-id", "mine")], false);
        assert_eq!(head.matches("x-request-id: ").count(), 1, "{head}");
    }

    #[test]
    fn what_is_the_callers_own_is_passed_on() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let kept = [
            ("accept", "*/*"),
            ("authorization", "Basic dTpw"),
            ("cookie", "a=b"),
            ("x-custom_field", "1"),
            ("traceparent", trace),
            ("x-request-id", "abc-1"),
            ("referer", "http://a/b?page=2"),
            ("te", "trailers"),
        ];
        let head = forwarded(&kept, false);
        for (name, value) in kept {
            assert!(head.contains(&format!("{name}: {value}\r\n")), "{name} in {head}");
        }
        assert!(forwarded(&[("x-forwarded-prefix", "/p")], true).contains("x-forwarded-prefix: /p\r\n"));
    }

    #[test]
    fn framing_that_readers_could_take_differently_is_refused() {
        for fields in [
            &[("content-length", "5"), ("content-length", "5")][..],
            &[("content-length", "5"), ("transfer-encoding", "chunked")],
            &[("content-length", "+5")],
            &[("content-length", "")],
            &[("content-length", "9223372036854775808")],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer_encoding", "chunked")],
            &[("transfer---encoding", "chunked")],
            &[("content.length", "5")],
            &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
        ] {
            assert!(Scan::of(&parts(fields).headers, false).is_err(), "{fields:?}");
        }
    }
}
