//! The beginning of an upload: it is there before the upload is judged, and says whether it is compressed. What is
//! compressed with gzip can be unpacked here.
//!
//! Source: `pkg/archive`, `DetectCompression` of moby/moby.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::cut::{Cut, too_slow};
use super::inflate::Inflated;
use super::read::{broken, slow};
use super::request::RequestBody;
use super::source::Source;
use crate::policy::Denial;

impl RequestBody {
    /// Waits until its beginning is there, or all of a shorter one.
    pub(crate) async fn begin(&mut self, time: Duration) -> Result<(), Denial> {
        if self.inflated.is_none() && matches!(self.source, Source::Whole(_)) {
            return Ok(());
        }
        let mut begun = BytesMut::new();
        let reading = async {
            while begun.len() < LONGEST_MAGIC {
                let Some(frame) = self.frame().await else {
                    break;
                };
                let frame = frame.map_err(|cut| match cut {
                    Cut::Broken(_) => broken(),
                    Cut::Gzip(bad) => bad.into(),
                    Cut::Slow => too_slow(),
                })?;
                begun.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
            }
            Ok(())
        };
        let read = tokio::time::timeout(time, reading).await;
        read.unwrap_or_else(|_| Err(slow()))?;
        let begun = begun.freeze();
        if let Some(inflated) = &mut self.inflated {
            inflated.put_back(begun);
            return Ok(());
        }
        let rest = std::mem::replace(&mut self.source, Source::Whole(Bytes::new()));
        self.source = match rest {
            Source::Begun(_, rest) | Source::Stream(rest) => Source::Begun(begun, rest),
            Source::Whole(_) => Source::Whole(begun),
        };
        Ok(())
    }

    /// Unpacks it from now on as it is read, and waits for the beginning of what comes out.
    pub(crate) async fn inflate(&mut self, time: Duration) -> Result<(), Denial> {
        self.inflated = Some(Box::new(Inflated::new()));
        self.begin(time).await
    }

    /// How the daemon would unpack it, told by how it begins.
    pub(crate) fn packed(&self) -> Packed {
        if let Some(inflated) = &self.inflated {
            // What was unpacked once must be a tar.
            return match Packed::of(inflated.begun()) {
                Packed::Gzip => Packed::With("gzip twice"),
                packed @ (Packed::Plain | Packed::With(_)) => packed,
            };
        }
        match &self.source {
            Source::Whole(bytes) | Source::Begun(bytes, _) => Packed::of(bytes),
            Source::Stream(_) => Packed::With("something unknown"),
        }
    }
}

/// How a tar is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packed {
    /// Not at all.
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
const LONGEST_MAGIC: usize = 6;

impl Packed {
    /// How the daemon would take a tar to be compressed that begins so.
    fn of(begun: &[u8]) -> Self {
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
