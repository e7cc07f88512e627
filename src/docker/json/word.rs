//! Finds bytes that a JSON string must escape, eight at a time.
//!
//! Source: "Bit Twiddling Hacks" by Anderson, about words with a byte that is zero or less than
//! another.

const ONES: u64 = u64::MAX / 0xff;
const HIGHS: u64 = ONES * 0x80;

/// The number of bytes before the first one that a string must escape.
pub(crate) fn plain(bytes: &[u8]) -> Option<usize> {
    first(bytes, escaped, is_escaped)
}

/// The number of bytes before the first one that a string must escape or that is not ASCII.
pub(super) fn plain_ascii(bytes: &[u8]) -> Option<usize> {
    let in_word = |word| escaped(word) | word & HIGHS;
    first(bytes, in_word, |byte| is_escaped(byte) || !byte.is_ascii())
}

/// The number of bytes before the first one of a kind. `in_word` sets the high bit of such a byte.
#[inline]
fn first(bytes: &[u8], in_word: impl Fn(u64) -> u64, is_one: impl Fn(u8) -> bool) -> Option<usize> {
    let (words, rest) = bytes.as_chunks();
    for (number, word) in words.iter().enumerate() {
        let special = in_word(u64::from_le_bytes(*word));
        if special != 0 {
            let before = usize::try_from(special.trailing_zeros() / 8).ok()?;
            return Some(number * 8 + before);
        }
    }
    let in_rest = rest.iter().copied().position(is_one);
    in_rest.map(|at| words.len() * 8 + at)
}

/// Whether a text can be quoted as it is, and has only printable ASCII.
pub(crate) fn is_plain(text: &str) -> bool {
    let (words, rest) = text.as_bytes().as_chunks();
    let odd = words.iter().fold(0, |odd, word| {
        let word = u64::from_le_bytes(*word);
        odd | escaped(word) | is(word, 0x7f) | word & HIGHS
    });
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !is_escaped(*byte);
    odd == 0 && rest.iter().all(is_plain)
}

/// The high bit of each byte that must be escaped. Bits above the first such byte may be wrong.
fn escaped(word: u64) -> u64 {
    below(word, 0x20) | is(word, b'"') | is(word, b'\\')
}

fn is(word: u64, byte: u8) -> u64 {
    below(word ^ (ONES * u64::from(byte)), 1)
}

fn below(word: u64, bound: u64) -> u64 {
    word.wrapping_sub(ONES * bound) & !word & HIGHS
}

/// Whether a string must escape this byte.
fn is_escaped(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..=0x1f)
}

#[cfg(test)]
mod tests {
    use proptest::collection;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn eight_bytes_at_a_time_find_what_one_at_a_time_finds(
            bytes in collection::vec(prop_oneof![any::<u8>(), 0x1e..0x24_u8, 0x5a..0x5f_u8, 0x80..0xa4_u8], 0..40),
        ) {
            prop_assert_eq!(plain(&bytes), bytes.iter().copied().position(is_escaped));
            let is_odd = |byte: u8| is_escaped(byte) || byte > 0x7f;
            prop_assert_eq!(plain_ascii(&bytes), bytes.iter().copied().position(is_odd));
        }

        #[test]
        fn a_plain_text_has_no_byte_that_is_not(before in "[ !#-\\[\\]-~]{0,20}", odd in any::<char>(), after in "[a-z]{0,20}") {
            prop_assert!(is_plain(&before));
            let is_odd = !matches!(odd, ' '..='~') || matches!(odd, '"' | '\\');
            prop_assert_eq!(is_plain(&format!("{before}{odd}{after}")), !is_odd);
        }
    }
}
