//! Frames: how events lie one behind the other in a batch and in both stores.
//!
//! Frame: length of what follows (u32), then a version byte and the fields; integers little-endian, texts with their
//! length before them (method and route one byte, the others two).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{EventId, EventKind};
use crate::clock::Timestamp;
use crate::token::{LastUse, TokenId};

/// Version of the frame.
pub(super) const VERSION: u8 = 1;
/// Bytes of a frame before its texts: version, event id, token id, serial, time, kind, status, address.
pub(super) const FIXED: usize = 1 + 12 + 16 + 8 + 8 + 1 + 2 + 17;

/// The fixed fields of a frame, read without touching its texts.
#[derive(Clone, Copy, Debug)]
pub struct FrameHead<'a> {
    pub(super) fixed: &'a [u8],
}

impl<'a> FrameHead<'a> {
    pub(super) fn split(payload: &'a [u8]) -> Result<(Self, &'a [u8]), InvalidFrame> {
        let (fixed, rest) = payload.split_at_checked(FIXED).ok_or(InvalidFrame)?;
        if fixed[0] != VERSION {
            return Err(InvalidFrame);
        }
        Ok((Self { fixed }, rest))
    }

    /// Reads the head of a payload.
    ///
    /// # Errors
    /// The payload is too short or of another version.
    pub fn of(payload: &'a [u8]) -> Result<Self, InvalidFrame> {
        Self::split(payload).map(|(head, _)| head)
    }

    /// The event's name.
    pub fn id(&self) -> EventId {
        let mut id = [0; 12];
        id.copy_from_slice(&self.fixed[1..13]);
        EventId(id)
    }

    /// The token.
    pub fn token(&self) -> TokenId {
        let mut id = [0; 16];
        id.copy_from_slice(&self.fixed[13..29]);
        TokenId::from_bytes(id)
    }

    /// The token's serial.
    pub fn serial(&self) -> u64 {
        let mut word = [0; 8];
        word.copy_from_slice(&self.fixed[29..37]);
        u64::from_le_bytes(word)
    }

    /// The event's time.
    pub fn at(&self) -> Timestamp {
        let mut word = [0; 8];
        word.copy_from_slice(&self.fixed[37..45]);
        Timestamp::from_millis(i64::from_le_bytes(word))
    }

    /// What kind of event it is; `None` for a kind that this version does not know.
    pub fn kind(&self) -> Option<EventKind> {
        EventKind::from_byte(self.fixed[45])
    }

    /// Whether the event is a use of its token.
    pub fn is_use(&self) -> bool {
        self.kind().is_some_and(EventKind::is_use)
    }

    /// Time and address (17 bytes: 4 or 6, then the octets) as they lie in the frame: what a store keeps as last use.
    pub fn last_use(&self) -> &'a [u8] {
        // Time at 37..45, kind and status at 45..48, address at 48..65.
        &self.fixed[37..65]
    }

    /// Reads what [`last_use`](Self::last_use) gave.
    pub fn parse_last_use(bytes: &[u8]) -> Option<LastUse> {
        let at = i64::from_le_bytes(take_array::<8>(bytes.get(..8)?).ok()?);
        let address = match bytes.get(11)? {
            4 => IpAddr::V4(Ipv4Addr::from(take_array::<4>(bytes.get(12..16)?).ok()?)),
            6 => IpAddr::V6(Ipv6Addr::from(take_array::<16>(bytes.get(12..28)?).ok()?)),
            _ => return None,
        };
        Some(LastUse { at: Timestamp::from_millis(at), address })
    }
}

pub(super) fn take_array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], InvalidFrame> {
    bytes.try_into().map_err(|_| InvalidFrame)
}

/// Walks the frames of a batch; ends at the first one that is cut.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Frames<'a> {
    /// Over the frames in `batch`.
    pub fn new(batch: &'a [u8]) -> Self {
        Self { rest: batch }
    }
}

impl<'a> Iterator for Frames<'a> {
    /// The payload of a frame.
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, tail) = self.rest.split_first_chunk::<4>()?;
        let (payload, tail) = tail.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        self.rest = tail;
        Some(payload)
    }
}

/// Bytes that are no event frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidFrame;

impl fmt::Display for InvalidFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an activity event frame")
    }
}

impl std::error::Error for InvalidFrame {}
