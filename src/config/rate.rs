//! The lowest rate of an upload, as it is written.

use std::time::Duration;

/// The lowest rate of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadRate {
    /// How much must come in a second.
    pub bytes_per_second: u64,
    /// How long the daemon may be kept waiting beyond that.
    pub grace: Duration,
}

/// A text that is not a rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` must be a number of bytes per second with its unit, up to 1GiB, or off: \"16KiB\", \"1MiB\""
)]
pub struct BadRate(String);

const UNITS: &[(&str, u64)] = &[
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("B", 1),
];

impl UploadRate {
    pub(crate) fn parse(text: &str, grace: Duration) -> Result<Self, BadRate> {
        let bytes_per_second = bytes(text).ok_or_else(|| BadRate(text.to_owned()))?;
        Ok(Self {
            bytes_per_second,
            grace,
        })
    }
}

fn bytes(text: &str) -> Option<u64> {
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
            let read = UploadRate::parse(text, Duration::ZERO);
            assert_eq!(read.ok().map(|rate| rate.bytes_per_second), want, "{text}");
        }
    }
}
