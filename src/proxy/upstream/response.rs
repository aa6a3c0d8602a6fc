//! The head of an upstream's answer, read strictly.

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
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
            let Some(head) = parse(read)? else { return Ok(None) };
            match head.status.as_u16() {
                101 => return Err(Broken("it switched protocols unasked")),
                100..=199 => {}
                _ => return Self::interpret(head, method).map(Some),
            }
        }
    }

    fn interpret(head: Parsed, method: &Method) -> Result<Self, Broken> {
        let Parsed { status, version, mut headers, hop } = head;
        let chunked = match hop.codings {
            0 => false,
            1 if hop.chunked && version == Version::HTTP_11 => true,
            _ => return Err(Broken("its transfer coding is not plain chunked")),
        };
        let length = content_length(&headers)?;
        if chunked && length.is_some() {
            return Err(Broken("it sent both Content-Length and Transfer-Encoding"));
        }
        let single = |value: &HeaderValue| value.as_bytes().iter().all(u8::is_ascii_digit);
        if status == StatusCode::NO_CONTENT {
            // RFC 9110 section 8.6: such an answer has no length.
            headers.remove(CONTENT_LENGTH);
        } else if let Some(length) = length
            && (headers.get_all(CONTENT_LENGTH).iter().nth(1).is_some() || !single(&headers[CONTENT_LENGTH]))
        {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let bodiless =
            *method == Method::HEAD || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
        let body = match (chunked, length) {
            _ if bodiless => BodyKind::Length(0),
            (true, _) => BodyKind::Chunked(Chunked::Size),
            (false, Some(length)) => BodyKind::Length(length),
            (false, None) => BodyKind::Close,
        };
        let says = |word: &str| hop.connection.iter().any(|token| token.eq_ignore_ascii_case(word));
        let persistent = if version == Version::HTTP_11 { !says("close") } else { says("keep-alive") };
        for token in &hop.connection {
            // A list may name anything but the length, on which the framing was decided.
            if !token.eq_ignore_ascii_case("content-length") {
                headers.remove(token.as_str());
            }
        }
        // One that announces a body where there can be none may well send it: its bytes would be the next answer.
        let honest = status != StatusCode::NO_CONTENT || (!chunked && length.unwrap_or(0) == 0);
        Ok(Self { status, headers, body, keep_alive: persistent && honest && body != BodyKind::Close })
    }
}

/// A head as it was read: fields that speak of this connection only (RFC 9110 section 7.6.1) are kept apart, the others
/// in their order.
struct Parsed {
    status: StatusCode,
    version: Version,
    headers: HeaderMap,
    hop: HopByHop,
}

#[derive(Default)]
struct HopByHop {
    /// Tokens of `Connection`.
    connection: Vec<String>,
    /// How many `Transfer-Encoding` fields there were.
    codings: usize,
    /// Whether the last of them was exactly `chunked`.
    chunked: bool,
}

impl HopByHop {
    /// Keeps a field if it is hop-by-hop; tells whether it was.
    fn take(&mut self, name: &str, value: &[u8]) -> bool {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if is("connection") {
            let tokens = std::str::from_utf8(value).unwrap_or_default().split(',').map(str::trim);
            self.connection.extend(tokens.filter(|token| !token.is_empty()).map(str::to_owned));
            return true;
        }
        if is("transfer-encoding") {
            self.codings += 1;
            self.chunked = value.eq_ignore_ascii_case(b"chunked");
            return true;
        }
        is("keep-alive") || is("proxy-connection") || is("upgrade") || is("te") || is("proxy-authenticate")
    }
}

/// Parses one head and takes it out of the buffer. Values share the buffer's memory.
fn parse(read: &mut BytesMut) -> Result<Option<Parsed>, Broken> {
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
    let (mut count, mut hop) = (0, HopByHop::default());
    for field in response.headers.iter() {
        if hop.take(field.name, field.value) {
            continue;
        }
        let (name, value) = (field.name.as_ptr() as usize - start, field.value.as_ptr() as usize - start);
        spans[count] = (name as u32, field.name.len() as u32, value as u32, field.value.len() as u32);
        count += 1;
    }
    let head = read.split_to(length).freeze();
    // Room for the fields that are added to an answer.
    let mut headers = HeaderMap::with_capacity(count + 4);
    for span in &spans[..count] {
        let [name, name_length, value, value_length] = [span.0, span.1, span.2, span.3].map(|n| n as usize);
        insert(&mut headers, &head, name..name + name_length, value..value + value_length)?;
    }
    Ok(Some(Parsed { status, version, headers, hop }))
}

fn insert(
    headers: &mut HeaderMap,
    head: &Bytes,
    name: std::ops::Range<usize>,
    value: std::ops::Range<usize>,
) -> Result<(), Broken> {
    let name = HeaderName::from_bytes(&head[name]).map_err(|_| Broken("a field is not valid"))?;
    // An empty value has no place in the head.
    let value = if value.is_empty() { Bytes::new() } else { head.slice(value) };
    let value = HeaderValue::from_maybe_shared(value).map_err(|_| Broken("a field is not valid"))?;
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
    fn a_length_goes_on_as_one_number_or_not_at_all() {
        for (fields, length, keep_alive) in [
            ("200 OK\r\ncontent-length: 5, 5\r\n", Some("5"), true),
            ("200 OK\r\ncontent-length: 5\r\nx: 1\r\ncontent-length: 5\r\n", Some("5"), true),
            ("200 OK\r\ncontent-length: 007\r\n", Some("007"), true),
            ("204 No\r\ncontent-length: 0\r\n", None, true),
            ("204 No\r\ncontent-length: 5\r\n", None, false),
            ("204 No\r\ntransfer-encoding: chunked\r\n", None, false),
            ("304 No\r\ncontent-length: 5\r\n", Some("5"), true),
        ] {
            let head = take(&format!("HTTP/1.1 {fields}\r\n"), &Method::GET).expect("valid").expect("whole");
            let lengths: Vec<_> = head.headers.get_all(CONTENT_LENGTH).iter().collect();
            assert_eq!(lengths, length.into_iter().collect::<Vec<_>>(), "{fields}");
            assert_eq!(head.keep_alive, keep_alive, "{fields}");
        }
    }

    #[test]
    fn hop_by_hop_fields_stay_behind() {
        let wire = "HTTP/1.1 200 OK\r\nconnection: x-hop, close\r\nx-hop: 1\r\nkeep-alive: 5\r\nupgrade: h2c\r\ncontent-length: 0\r\nx-end: 1\r\nx-empty:\r\n\r\n";
        let head = take(wire, &Method::GET).expect("valid").expect("whole");
        let mut names: Vec<&str> = head.headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "x-empty", "x-end"]);
        assert!(!head.keep_alive);
    }
}
