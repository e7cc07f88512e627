//! How an upload is compressed, told by how it begins.
//!
//! Source: `pkg/archive`, `DetectCompression` of moby/moby.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Packed {
    #[default]
    Plain,
    /// With gzip, which can be unpacked here.
    Gzip,
    /// With another program, which is named.
    With(&'static str),
}

/// The bytes by which the daemon tells that a tar is compressed, and how.
const MAGICS: &[(&[u8], Packed)] = &[
    (b"\x1f\x8b", Packed::Gzip),
    (b"BZh", Packed::With("bzip2")),
    (b"\xfd7zXZ", Packed::With("xz")),
    (b"\x28\xb5\x2f\xfd", Packed::With("zstd")),
];
/// How much of a tar's beginning must be there to tell.
pub(super) const LONGEST_MAGIC: usize = 6;

impl Packed {
    /// How the daemon would take a tar to be compressed that begins so.
    pub(super) fn of(begun: &[u8]) -> Self {
        // A frame of zstd that is to be skipped has any of 16 first bytes.
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
    fn tells_a_compressed_tar_by_its_first_bytes() {
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
