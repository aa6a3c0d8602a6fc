//! Base 64 with padding (RFC 4648 section 4), for the texts that tell where a list goes on.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes bytes.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0u32, |word, (at, byte)| word | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// Reads what [`encode`] wrote. A blank counts as `+`, which a query that was not escaped turns into one.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.replace(' ', "+");
    let digits = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for chunk in digits.chunks(4) {
        let mut word = 0u32;
        for (at, digit) in chunk.iter().enumerate() {
            let value = DIGITS.iter().position(|own| own == digit)?;
            word |= u32::try_from(value).ok()? << (18 - 6 * at);
        }
        bytes.extend(&word.to_be_bytes()[1..chunk.len().max(1)]);
    }
    // One text for each content: odd lengths, missing padding and stray bits have none.
    (encode(&bytes) == text).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_rfcs_examples_hold() {
        let rows = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (bytes, text) in rows {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
        for wrong in ["Zg", "Zg=", "Zh==", "Z", "====", "Zg==Zg==", "Zm9v\n", "Zm-_"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
        assert_eq!(decode("  ++"), decode("++++"));
    }

    proptest! {
        #[test]
        fn every_content_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }

        #[test]
        fn no_text_breaks_the_reader(text in "[A-Za-z0-9+/= é-]{0,20}") {
            if let Some(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text.replace(' ', "+"));
            }
        }
    }
}
