//! The lowest rate of an upload.

use std::time::Duration;

/// The lowest rate of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadRate {
    /// How much must come in a second.
    pub bytes_per_second: u64,
    /// How long the daemon may be kept waiting beyond that.
    pub grace: Duration,
}

const UNITS: &[(&str, u64)] = &[
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("B", 1),
];

/// How many bytes a second a text says.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let mut units = UNITS.iter();
    let (number, unit) = units.find_map(|(name, size)| Some((text.strip_suffix(name)?, size)))?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse::<u64>().ok().filter(|_| is_number)?;
    let bytes = number.checked_mul(*unit)?;
    (1..=1 << 30).contains(&bytes).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_with_its_unit() {
        for (text, want) in [
            ("1B", Some(1)),
            ("16KiB", Some(16 << 10)),
            ("2MiB", Some(2 << 20)),
            ("1GiB", Some(1 << 30)),
            ("2GiB", None),
            ("0B", None),
            ("0", None),
            ("16", None),
            ("16 KiB", None),
            ("16kb", None),
            ("+1B", None),
            ("-1B", None),
            ("KiB", None),
            ("99999999999999999999KiB", None),
            ("18446744073709551615GiB", None),
            ("", None),
        ] {
            assert_eq!(bytes(text), want, "{text}");
        }
    }
}
