//! The event and its frame: the bytes that travel from the hot path to the store and lie in both stores unchanged.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::frame::{FIXED, FrameHead, InvalidFrame, VERSION, take_array};
use crate::clock::Timestamp;
use crate::token::TokenId;

/// Longest recorded URI, in bytes; longer ones are cut.
const MAX_URI: usize = 4096;
/// Longest recorded user agent or request id, in bytes.
const MAX_FIELD: usize = 512;

/// What kind of event it is; the codes are those of the ThreatJammer contract,
/// and one of our own for what is missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum EventKind {
    /// A proxied call.
    Request = 1,
    /// A call of a token endpoint.
    AdminRequest = 2,
    /// Refused: bucket or quota empty.
    QuotaExceeded = 3,
    /// Refused: scope missing.
    Forbidden = 4,
    /// Refused although the token is known: expired, disabled, outside its networks or region.
    Unauthorized = 5,
    /// The token was made.
    Created = 6,
    /// The token was changed or rotated.
    Updated = 7,
    /// The token was disabled.
    Disabled = 8,
    /// The token was revoked.
    Revoked = 9,
    /// Events before this one were lost; `data` tells how many.
    Gap = 10,
}

impl EventKind {
    /// The code shown to callers.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Request => "API_REQUEST",
            Self::AdminRequest => "ADMIN_REQUEST",
            Self::QuotaExceeded => "QUOTA_EXCEEDED",
            Self::Forbidden => "FORBIDDEN",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Created => "TOKEN_CREATED",
            Self::Updated => "TOKEN_UPDATED",
            Self::Disabled => "TOKEN_DISABLED",
            Self::Revoked => "TOKEN_REVOKED",
            Self::Gap => "ACTIVITY_GAP",
        }
    }

    /// The same for people.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Request => "Request served",
            Self::AdminRequest => "Token endpoint called",
            Self::QuotaExceeded => "Request refused: limit used up",
            Self::Forbidden => "Request refused: scope missing",
            Self::Unauthorized => "Request refused: the token may not be used",
            Self::Created => "Token created",
            Self::Updated => "Token changed",
            Self::Disabled => "Token disabled",
            Self::Revoked => "Token revoked",
            Self::Gap => "Events are missing here",
        }
    }

    /// Whether it is a use of the token, rather than something done to it or a refused try.
    pub const fn is_use(self) -> bool {
        matches!(self, Self::Request | Self::AdminRequest | Self::QuotaExceeded | Self::Forbidden)
    }

    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        const ALL: [EventKind; 10] = [
            EventKind::Request,
            EventKind::AdminRequest,
            EventKind::QuotaExceeded,
            EventKind::Forbidden,
            EventKind::Unauthorized,
            EventKind::Created,
            EventKind::Updated,
            EventKind::Disabled,
            EventKind::Revoked,
            EventKind::Gap,
        ];
        ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// Name of an event: 6 bytes of milliseconds, 2 that tell the recording thread, 4 of a counter. Sorts by time; prints as
/// 24 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub(super) [u8; 12]);

impl EventId {
    /// The time in the id.
    pub fn at(&self) -> Timestamp {
        let millis = self.0[..6].iter().fold(0i64, |acc, byte| (acc << 8) | i64::from(*byte));
        Timestamp::from_millis(millis)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EventId {
    type Err = crate::token::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        crate::token::parse_hex12(text).map(Self)
    }
}

/// Draws event ids for one recording thread.
#[derive(Debug)]
pub struct EventIds {
    node: [u8; 2],
    counter: u32,
}

impl EventIds {
    /// A source whose two node bytes tell it from other threads and sidecars (drawn at random: a clash matters only
    /// for the same token, millisecond and counter).
    pub fn new(node: [u8; 2]) -> Self {
        Self { node, counter: 0 }
    }

    /// The next id.
    pub fn next(&mut self, at: Timestamp) -> EventId {
        let mut id = [0; 12];
        id[..6].copy_from_slice(&at.as_millis().to_be_bytes()[2..]);
        id[6..8].copy_from_slice(&self.node);
        id[8..].copy_from_slice(&self.counter.to_be_bytes());
        self.counter = self.counter.wrapping_add(1);
        EventId(id)
    }
}

/// An event about to be recorded, borrowed from the request.
#[derive(Clone, Copy, Debug)]
pub struct EventRef<'a> {
    /// Its name.
    pub id: EventId,
    /// The token it belongs to.
    pub token: TokenId,
    /// The token's serial.
    pub serial: u64,
    /// When the request came in.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// Status of the answer; 0 where there was none.
    pub status: u16,
    /// Client address after the trusted-proxy rules.
    pub address: IpAddr,
    /// Request method.
    pub method: &'a str,
    /// Name of the route, empty on the admin port.
    pub route: &'a str,
    /// Path and query as received, credentials removed or masked.
    pub uri: &'a str,
    /// `User-Agent`, lossy.
    pub user_agent: &'a [u8],
    /// The request's id.
    pub request_id: &'a [u8],
    /// More, as JSON; empty = `{}`.
    pub data: &'a str,
}

impl EventRef<'_> {
    /// Appends the frame to a buffer.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let uri = cut(self.uri.as_bytes(), MAX_URI);
        let agent = cut(self.user_agent, MAX_FIELD);
        let request_id = cut(self.request_id, MAX_FIELD);
        let data = if self.data.len() > usize::from(u16::MAX) { "" } else { self.data };
        let (method, route) = (cut(self.method.as_bytes(), 255), cut(self.route.as_bytes(), 255));
        let texts = method.len() + route.len() + uri.len() + agent.len() + request_id.len() + data.len();
        let length = FIXED + 2 + 4 * 2 + texts;
        out.reserve(4 + length);
        out.extend_from_slice(&(length as u32).to_le_bytes());
        let mut fixed = [0u8; FIXED];
        fixed[0] = VERSION;
        fixed[1..13].copy_from_slice(&self.id.0);
        fixed[13..29].copy_from_slice(self.token.as_bytes());
        fixed[29..37].copy_from_slice(&self.serial.to_le_bytes());
        fixed[37..45].copy_from_slice(&self.at.as_millis().to_le_bytes());
        fixed[45] = self.kind as u8;
        fixed[46..48].copy_from_slice(&self.status.to_le_bytes());
        match self.address {
            IpAddr::V4(v4) => {
                fixed[48] = 4;
                fixed[49..53].copy_from_slice(&v4.octets());
            }
            IpAddr::V6(v6) => {
                fixed[48] = 6;
                fixed[49..65].copy_from_slice(&v6.octets());
            }
        }
        out.extend_from_slice(&fixed);
        for short in [method, route] {
            out.push(short.len() as u8);
            out.extend_from_slice(short);
        }
        for long in [uri, agent, request_id, data.as_bytes()] {
            out.extend_from_slice(&(long.len() as u16).to_le_bytes());
            out.extend_from_slice(long);
        }
    }
}

fn cut(bytes: &[u8], most: usize) -> &[u8] {
    &bytes[..bytes.len().min(most)]
}

/// An event read back.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its name.
    pub id: EventId,
    /// The token it belongs to.
    pub token: TokenId,
    /// The token's serial.
    pub serial: u64,
    /// When the request came in.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// Status of the answer; 0 where there was none.
    pub status: u16,
    /// Client address.
    pub address: IpAddr,
    /// Request method.
    pub method: String,
    /// Name of the route.
    pub route: String,
    /// Path and query.
    pub uri: String,
    /// `User-Agent`.
    pub user_agent: String,
    /// The request's id.
    pub request_id: String,
    /// More, as JSON; may be empty.
    pub data: String,
}

impl Event {
    /// Reads the payload of one frame (without its length). Bytes that are no UTF-8 are replaced.
    ///
    /// # Errors
    /// The payload is cut or was not written by [`EventRef::encode`].
    pub fn decode(payload: &[u8]) -> Result<Self, InvalidFrame> {
        let (head, mut rest) = FrameHead::split(payload)?;
        let address = match head.fixed[48] {
            4 => IpAddr::V4(Ipv4Addr::from(take_array::<4>(&head.fixed[49..53])?)),
            6 => IpAddr::V6(Ipv6Addr::from(take_array::<16>(&head.fixed[49..65])?)),
            _ => return Err(InvalidFrame),
        };
        let mut text = |width: usize| -> Result<String, InvalidFrame> {
            let (length, tail) = rest.split_at_checked(width).ok_or(InvalidFrame)?;
            let length = length.iter().rev().fold(0usize, |acc, byte| (acc << 8) | usize::from(*byte));
            let (bytes, tail) = tail.split_at_checked(length).ok_or(InvalidFrame)?;
            rest = tail;
            Ok(String::from_utf8_lossy(bytes).into_owned())
        };
        let (method, route) = (text(1)?, text(1)?);
        let (uri, user_agent, request_id, data) = (text(2)?, text(2)?, text(2)?, text(2)?);
        Ok(Self {
            id: head.id(),
            token: head.token(),
            serial: head.serial(),
            at: head.at(),
            kind: EventKind::from_byte(head.fixed[45]).ok_or(InvalidFrame)?,
            status: u16::from_le_bytes([head.fixed[46], head.fixed[47]]),
            address,
            method,
            route,
            uri,
            user_agent,
            request_id,
            data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::Frames;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frames_survive_the_round_trip(uri in "/[a-z/?=&]{0,60}", agent in ".{0,40}", status in 0u16..600,
                                         millis in 0i64..4_000_000_000_000, v6 in any::<u128>(), count in 1usize..5) {
            let mut ids = EventIds::new([1, 2]);
            let at = Timestamp::from_millis(millis);
            let mut batch = Vec::new();
            let mut expected = Vec::new();
            for _ in 0..count {
                let event = EventRef {
                    id: ids.next(at), token: TokenId::random(9, Timestamp::system()), serial: 77, at, kind: EventKind::Forbidden, status,
                    address: IpAddr::V6(Ipv6Addr::from(v6)), method: "GET", route: "r", uri: &uri,
                    user_agent: agent.as_bytes(), request_id: b"id", data: "{}",
                };
                event.encode(&mut batch);
                expected.push((event.id, event.token));
            }
            let read: Vec<Event> = Frames::new(&batch).map(|frame| Event::decode(frame).expect("own frame")).collect();
            prop_assert_eq!(read.iter().map(|e| (e.id, e.token)).collect::<Vec<_>>(), expected);
            prop_assert_eq!(&read[0].user_agent, &agent);
            prop_assert_eq!(&read[0].uri, &uri);
            let head = FrameHead::of(Frames::new(&batch).next().expect("a frame")).expect("own frame");
            prop_assert_eq!(head.id().at(), at);
            let last = FrameHead::parse_last_use(head.last_use()).expect("own bytes");
            prop_assert_eq!((last.at, last.address), (at, read[0].address));
        }

        #[test]
        fn strange_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for frame in Frames::new(&bytes) {
                let _ = Event::decode(frame);
            }
            let _ = Event::decode(&bytes);
        }
    }

    #[test]
    fn over_long_texts_are_cut() {
        let long = "x".repeat(100_000);
        let mut out = Vec::new();
        EventRef {
            id: EventIds::new([0, 0]).next(Timestamp::from_millis(5)),
            token: TokenId::random(0, Timestamp::system()),
            serial: 1,
            at: Timestamp::from_millis(5),
            kind: EventKind::Request,
            status: 200,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            method: "GET",
            route: "",
            uri: &long,
            user_agent: long.as_bytes(),
            request_id: b"",
            data: "",
        }
        .encode(&mut out);
        let event = Event::decode(Frames::new(&out).next().expect("a frame")).expect("own frame");
        assert_eq!((event.uri.len(), event.user_agent.len()), (MAX_URI, MAX_FIELD));
    }
}
