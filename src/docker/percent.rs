//! Percent-encoding in a target: `%` and two hexadecimal digits for one byte.

use std::fmt::Write;

/// Decodes a text once; `None` if a `%` is not followed by two digits.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?,
            plain => plain,
        });
    }
    Some(bytes)
}

/// Appends a text with every special character escaped; `space` replaces a space.
pub(super) fn encode(text: &str, space: &str, to: &mut String) {
    for byte in text.bytes() {
        match byte {
            b' ' => to.push_str(space),
            b'-' | b'_' | b'.' | b'~' => to.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => to.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => _ = write!(to, "%{byte:02X}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_one_segment_that_stands_for_the_same(name in "\\PC{1,20}") {
            let mut segment = String::new();
            encode(&name, "%20", &mut segment);
            prop_assert!(!segment.contains(['/', '?', '#', ' ', ';']));
            prop_assert_eq!(decode(&segment), Some(name.into_bytes()));
        }

        #[test]
        fn no_segment_panics(segment in "[a-f%0-9]{0,12}") {
            _ = decode(&segment);
        }
    }
}
