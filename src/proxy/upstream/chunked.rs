//! Chunked framing of answers (RFC 9112 section 7.1), read strictly.

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;

use super::response::{Broken, read_fields};

/// Longest chunk-size line with its extensions, in bytes.
const MAX_LINE: usize = 8 * 1024;
/// Longest trailer section, in bytes.
const MAX_TRAILERS: usize = 64 * 1024;

/// Where in the framing the reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunked {
    /// Before a chunk-size line.
    Size,
    /// Inside a chunk with so many bytes to come.
    Data(u64),
    /// Before the line end that closes a chunk.
    DataEnd,
    /// In the trailer section.
    Trailers,
    /// After the last byte.
    Done,
}

/// A piece of the body.
#[derive(Debug)]
pub(super) enum Piece {
    /// Content.
    Data(Bytes),
    /// The trailer fields; nothing follows.
    Trailers(HeaderMap),
    /// The end.
    End,
}

impl Chunked {
    /// Takes the next piece out of what has been read; `None` asks for more bytes.
    pub(super) fn next(&mut self, read: &mut BytesMut) -> Result<Option<Piece>, Broken> {
        loop {
            match *self {
                Self::Size => {
                    let Some(size) = take_size(read)? else { return Ok(None) };
                    *self = if size == 0 { Self::Trailers } else { Self::Data(size) };
                }
                Self::Data(left) => {
                    if read.is_empty() {
                        return Ok(None);
                    }
                    let take = usize::try_from(left).unwrap_or(usize::MAX).min(read.len());
                    let left = left - take as u64;
                    *self = if left == 0 { Self::DataEnd } else { Self::Data(left) };
                    return Ok(Some(Piece::Data(read.split_to(take).freeze())));
                }
                Self::DataEnd => {
                    match read.get(..2) {
                        None => return Ok(None),
                        Some(b"\r\n") => read.advance(2),
                        Some(_) => return Err(Broken("a chunk does not end where its size says")),
                    }
                    *self = Self::Size;
                }
                Self::Trailers => return self.take_trailers(read),
                Self::Done => return Ok(Some(Piece::End)),
            }
        }
    }

    fn take_trailers(&mut self, read: &mut BytesMut) -> Result<Option<Piece>, Broken> {
        if read.starts_with(b"\r\n") {
            read.advance(2);
            *self = Self::Done;
            return Ok(Some(Piece::End));
        }
        let Some(end) = memchr::memmem::find(read, b"\r\n\r\n") else {
            return if read.len() > MAX_TRAILERS { Err(Broken("the trailer section is too long")) } else { Ok(None) };
        };
        let section = read.split_to(end + 4).freeze();
        *self = Self::Done;
        Ok(Some(Piece::Trailers(read_fields(&section)?)))
    }
}

/// Reads a chunk-size line. Extensions are dropped.
fn take_size(read: &mut BytesMut) -> Result<Option<u64>, Broken> {
    let Some(end) = memchr::memchr(b'\n', &read[..read.len().min(MAX_LINE)]) else {
        return if read.len() >= MAX_LINE { Err(Broken("a chunk-size line is too long")) } else { Ok(None) };
    };
    let line = &read[..end];
    let Some(line) = line.strip_suffix(b"\r") else { return Err(Broken("a chunk-size line ends in a bare line feed")) };
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (number, rest) = line.split_at(digits);
    let extension = rest.trim_ascii_start();
    let clean = extension.is_empty() && rest.is_empty() || extension.first() == Some(&b';');
    if digits == 0 || digits > 15 || !clean || rest.contains(&b'\r') || rest.contains(&0) {
        return Err(Broken("a chunk size is not a number"));
    }
    let size =
        number.iter().fold(0u64, |size, digit| (size << 4) | u64::from(char::from(*digit).to_digit(16).unwrap_or(0)));
    read.advance(end + 1);
    Ok(Some(size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(wire: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, Option<HeaderMap>, bool), Broken> {
        let (mut state, mut buffer, mut body, mut trailers) = (Chunked::Size, BytesMut::new(), Vec::new(), None);
        let mut at = 0;
        let mut cuts = cuts.iter().copied().chain(std::iter::repeat(wire.len()));
        loop {
            match state.next(&mut buffer)? {
                Some(Piece::Data(data)) => body.extend_from_slice(&data),
                Some(Piece::Trailers(fields)) => trailers = Some(fields),
                Some(Piece::End) => return Ok((body, trailers, at == wire.len() && buffer.is_empty())),
                None if at == wire.len() => return Ok((body, trailers, false)),
                None => {
                    let next = cuts.next().unwrap_or(wire.len()).clamp(at + 1, wire.len());
                    buffer.extend_from_slice(&wire[at..next]);
                    at = next;
                }
            }
        }
    }

    proptest! {
        /// Whatever the chunks and wherever reads are cut, the content comes out whole.
        #[test]
        fn content_survives(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..50), 0..6),
                            mut cuts in proptest::collection::vec(0usize..400, 0..20), trailer in any::<bool>()) {
            let mut wire = Vec::new();
            for chunk in &chunks {
                wire.extend_from_slice(format!("{:x};ext=\"1\"\r\n", chunk.len()).as_bytes());
                wire.extend_from_slice(chunk);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(if trailer { b"0\r\nx-sum: 1\r\n\r\n" } else { b"0\r\n\r\n" });
            cuts.sort_unstable();
            let (body, trailers, done) = read(&wire, &cuts).expect("well formed");
            prop_assert!(done);
            prop_assert_eq!(body, chunks.concat());
            prop_assert_eq!(trailers.is_some(), trailer);
        }

        #[test]
        fn strange_bytes_never_panic(wire in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = read(&wire, &[]);
        }
    }

    #[test]
    fn what_readers_could_take_differently_is_broken() {
        for wire in [
            &b"5\nhello\r\n0\r\n\r\n"[..],
            b"5 \r\nhello\r\n0\r\n\r\n",
            b"+5\r\nhello\r\n0\r\n\r\n",
            b"0x5\r\nhello\r\n0\r\n\r\n",
            b"5\r\nhelloX\r\n0\r\n\r\n",
            b"\r\n",
            b"10000000000000000\r\n",
            b"5;a\rb\r\nhello\r\n0\r\n\r\n",
        ] {
            assert!(read(wire, &[]).is_err(), "{:?}", String::from_utf8_lossy(wire));
        }
        assert!(!read(b"5\r\nhel", &[]).expect("not broken yet").2, "cut bodies look cut");
    }
}
