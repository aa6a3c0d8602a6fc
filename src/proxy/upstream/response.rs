//! The head of an upstream's answer, read strictly.

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{Method, StatusCode, Version};

use super::chunked::Chunked;

/// Longest head, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// Most fields.
const MAX_FIELDS: usize = 128;

/// What an upstream did wrong; for the log, never for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken(pub(super) &'static str);

/// A head and what follows it.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: StatusCode,
    /// Without hop-by-hop fields.
    pub(crate) headers: HeaderMap,
    pub(super) body: BodyKind,
    /// Whether the connection may serve another request after the body.
    pub(super) keep_alive: bool,
}

/// How the end of a body is found (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyKind {
    /// So many bytes.
    Length(u64),
    /// Chunked.
    Chunked(Chunked),
    /// Until the connection closes.
    Close,
}

impl ResponseHead {
    /// Takes a head out of what has been read; `None` asks for more bytes. Interim answers are passed over, except that
    /// nobody asked for 101.
    pub(super) fn take(read: &mut BytesMut, method: &Method) -> Result<Option<Self>, Broken> {
        loop {
            let Some((status, version, head)) = parse(read)? else { return Ok(None) };
            match status.as_u16() {
                101 => return Err(Broken("it switched protocols unasked")),
                100..=199 => {}
                _ => return Self::interpret(status, version, head, method).map(Some),
            }
        }
    }

    fn interpret(
        status: StatusCode,
        version: Version,
        mut headers: HeaderMap,
        method: &Method,
    ) -> Result<Self, Broken> {
        let mut keep_alive = keep_alive(&headers, version);
        let chunked = is_chunked(&headers, version)?;
        let length = content_length(&headers)?;
        if chunked && length.is_some() {
            return Err(Broken("it sent both Content-Length and Transfer-Encoding"));
        }
        let bodiless =
            *method == Method::HEAD || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
        let body = match (chunked, length) {
            _ if bodiless => BodyKind::Length(0),
            (true, _) => BodyKind::Chunked(Chunked::Size),
            (false, Some(length)) => BodyKind::Length(length),
            (false, None) => BodyKind::Close,
        };
        keep_alive &= body != BodyKind::Close;
        remove_hop_by_hop(&mut headers);
        Ok(Self { status, headers, body, keep_alive })
    }
}

/// Parses one head and takes it out of the buffer. Values share the buffer's memory.
fn parse(read: &mut BytesMut) -> Result<Option<(StatusCode, Version, HeaderMap)>, Broken> {
    let mut fields = [const { std::mem::MaybeUninit::uninit() }; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut response, read, &mut fields);
    let length = match parsed {
        Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD => length,
        Ok(httparse::Status::Partial) if read.len() < MAX_HEAD => return Ok(None),
        Ok(_) => return Err(Broken("its head is too long")),
        Err(_) => return Err(Broken("its head is not HTTP/1.1")),
    };
    let version = if response.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let status = StatusCode::from_u16(response.code.unwrap_or(0)).map_err(|_| Broken("its status is not a status"))?;
    if status.as_u16() >= 600 {
        return Err(Broken("its status is not a status"));
    }
    let start = read.as_ptr() as usize;
    let mut spans = [(0u32, 0u32, 0u32, 0u32); MAX_FIELDS];
    let count = response.headers.len();
    for (span, field) in spans.iter_mut().zip(response.headers.iter()) {
        let (name, value) = (field.name.as_ptr() as usize - start, field.value.as_ptr() as usize - start);
        *span = (name as u32, field.name.len() as u32, value as u32, field.value.len() as u32);
    }
    let head = read.split_to(length).freeze();
    let mut headers = HeaderMap::with_capacity(count + 4);
    for (name, name_length, value, value_length) in
        spans[..count].iter().map(|s| (s.0 as usize, s.1 as usize, s.2 as usize, s.3 as usize))
    {
        insert(&mut headers, &head, name..name + name_length, value..value + value_length)?;
    }
    Ok(Some((status, version, headers)))
}

fn insert(
    headers: &mut HeaderMap,
    head: &Bytes,
    name: std::ops::Range<usize>,
    value: std::ops::Range<usize>,
) -> Result<(), Broken> {
    let bad = |_| Broken("a field is not valid");
    let name = HeaderName::from_bytes(&head[name]).map_err(|_| bad(()))?;
    // An empty value has no place in the head.
    let value = if value.is_empty() { Bytes::new() } else { head.slice(value) };
    let value = HeaderValue::from_maybe_shared(value).map_err(|_| bad(()))?;
    headers.append(name, value);
    Ok(())
}

/// Fields of a trailer section.
pub(super) fn read_fields(section: &Bytes) -> Result<HeaderMap, Broken> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let parsed =
        httparse::parse_headers(section, &mut fields).map_err(|_| Broken("its trailer section is not valid"))?;
    let httparse::Status::Complete((_, fields)) = parsed else { return Err(Broken("its trailer section is cut")) };
    let mut map = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Broken("a trailer is not valid"))?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| Broken("a trailer is not valid"))?;
        map.append(name, value);
    }
    Ok(map)
}

fn is_chunked(headers: &HeaderMap, version: Version) -> Result<bool, Broken> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else { return Ok(false) };
    if version == Version::HTTP_10 || codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Err(Broken("its transfer coding is not plain chunked"));
    }
    Ok(true)
}

/// One valid length; a repeated field or a list must agree (RFC 9112 section 6.3, rule 5).
fn content_length(headers: &HeaderMap) -> Result<Option<u64>, Broken> {
    let mut length = None;
    for part in headers.get_all(CONTENT_LENGTH).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b',')) {
        let part = part.trim_ascii();
        if part.is_empty() || part.len() > 18 || !part.iter().all(u8::is_ascii_digit) {
            return Err(Broken("its Content-Length is not a number"));
        }
        let value = part.iter().fold(0u64, |value, digit| value * 10 + u64::from(digit - b'0'));
        if length.is_some_and(|known| known != value) {
            return Err(Broken("its Content-Length fields differ"));
        }
        length = Some(value);
    }
    Ok(length)
}

fn keep_alive(headers: &HeaderMap, version: Version) -> bool {
    let says = |word: &str| {
        headers.get_all(CONNECTION).iter().any(|value| {
            value.to_str().is_ok_and(|value| value.split(',').any(|token| token.trim().eq_ignore_ascii_case(word)))
        })
    };
    if version == Version::HTTP_11 { !says("close") } else { says("keep-alive") }
}

/// Removes what speaks of this connection only (RFC 9110 section 7.6.1).
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if let Some(first) = headers.remove(CONNECTION) {
        for token in first.to_str().unwrap_or_default().split(',').map(str::trim) {
            // A list may name anything but the length, on which the framing was decided.
            if !token.eq_ignore_ascii_case("content-length") {
                headers.remove(token);
            }
        }
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(TRANSFER_ENCODING);
    }
    for name in ["keep-alive", "proxy-connection", "upgrade", "te", "proxy-authenticate"] {
        if headers.contains_key(name) {
            headers.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(wire: &str, method: &Method) -> Result<Option<ResponseHead>, Broken> {
        ResponseHead::take(&mut BytesMut::from(wire), method)
    }

    #[test]
    fn the_end_of_a_body_is_found_as_rfc_9112_says() {
        let kind = |wire: &str, method: Method| take(wire, &method).map(|head| head.map(|h| (h.body, h.keep_alive)));
        let head = "HTTP/1.1 200 OK\r\n";
        let get = Method::GET;
        assert_eq!(
            kind(&format!("{head}content-length: 5\r\n\r\n"), get.clone()),
            Ok(Some((BodyKind::Length(5), true)))
        );
        assert_eq!(
            kind(&format!("{head}content-length: 5, 5\r\n\r\n"), get.clone()),
            Ok(Some((BodyKind::Length(5), true)))
        );
        assert_eq!(
            kind(&format!("{head}transfer-encoding: chunked\r\n\r\n"), get.clone()),
            Ok(Some((BodyKind::Chunked(Chunked::Size), true)))
        );
        assert_eq!(kind(&format!("{head}\r\n"), get.clone()), Ok(Some((BodyKind::Close, false))));
        assert_eq!(
            kind(&format!("{head}content-length: 5\r\n\r\n"), Method::HEAD),
            Ok(Some((BodyKind::Length(0), true)))
        );
        assert_eq!(kind("HTTP/1.1 204 No\r\n\r\n", get.clone()), Ok(Some((BodyKind::Length(0), true))));
        assert_eq!(
            kind("HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n", get.clone()),
            Ok(Some((BodyKind::Length(1), false)))
        );
        assert_eq!(
            kind("HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 204 No\r\n\r\n", get.clone()),
            Ok(Some((BodyKind::Length(0), true)))
        );
        assert_eq!(kind("HTTP/1.1 200 OK\r\ncont", get), Ok(None));
    }

    #[test]
    fn a_broken_upstream_is_told_apart_and_never_passed_on() {
        for wire in [
            "HTTP/1.1 101 Switching\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nbad name: 1\r\n\r\n",
            "HTTP/1.1 999 Odd\r\n\r\n",
            "ICY 200 OK\r\n\r\n",
        ] {
            assert!(take(wire, &Method::GET).is_err(), "{wire}");
        }
        let long = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(MAX_HEAD));
        assert!(take(&long, &Method::GET).is_err());
    }

    #[test]
    fn hop_by_hop_fields_stay_behind() {
        let wire = "HTTP/1.1 200 OK\r\nconnection: x-hop, close\r\nx-hop: 1\r\nkeep-alive: 5\r\nupgrade: h2c\r\ncontent-length: 0\r\nx-end: 1\r\nx-empty:\r\n\r\n";
        let head = take(wire, &Method::GET).expect("valid").expect("whole");
        let names: Vec<&str> = head.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["content-length", "x-end", "x-empty"]);
        assert!(!head.keep_alive);
    }
}
