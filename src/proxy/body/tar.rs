//! Detects how an upload is compressed, by its first bytes.
//!
//! Source: `pkg/archive`, `DetectCompression` of moby/moby.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Packed {
    #[default]
    Plain,
    /// With gzip, which Dockgate can unpack.
    Gzip,
    /// With another program, which is named here.
    With(&'static str),
}

/// The first bytes from which the daemon detects compression, and its type.
const MAGICS: &[(&[u8], Packed)] = &[
    (b"\x1f\x8b", Packed::Gzip),
    (b"BZh", Packed::With("bzip2")),
    (b"\xfd7zXZ", Packed::With("xz")),
    (b"\x28\xb5\x2f\xfd", Packed::With("zstd")),
];
/// How much of a tar's beginning is needed for that.
pub(super) const LONGEST_MAGIC: usize = 6;

impl Packed {
    /// Which compression the daemon would detect in a tar that begins with these bytes.
    pub(super) fn of(begun: &[u8]) -> Self {
        // A skippable frame of zstd can begin with 16 different bytes.
        let is_skippable = begun
            .split_first()
            .is_some_and(|(first, rest)| first & 0xf0 == 0x50 && rest.starts_with(b"\x2a\x4d\x18"));
        if is_skippable {
            return Self::With("zstd");
        }
        let found = MAGICS.iter().find(|(magic, _)| begun.starts_with(magic));
        found.map_or(Self::Plain, |(_, packed)| *packed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_a_compressed_tar_by_its_first_bytes() {
        for (begun, want) in [
            (&b"\x1f\x8b\x08"[..], Packed::Gzip),
            (b"\x1f\x8b\x01", Packed::Gzip),
            (b"BZh9", Packed::With("bzip2")),
            (b"\xfd7zXZ\0", Packed::With("xz")),
            (b"\x28\xb5\x2f\xfd", Packed::With("zstd")),
            (b"\x50\x2a\x4d\x18", Packed::With("zstd")),
            (b"\x5f\x2a\x4d\x18", Packed::With("zstd")),
            (b"\x60\x2a\x4d\x18", Packed::Plain),
            (b"etc/passwd", Packed::Plain),
            (b"\x1f", Packed::Plain),
            (b"", Packed::Plain),
        ] {
            assert_eq!(Packed::of(begun), want, "{begun:?}");
        }
    }
}
