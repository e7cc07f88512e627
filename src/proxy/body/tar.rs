//! The beginning of an upload: it is there before the upload is judged, and says whether it is compressed.
//!
//! Source: `pkg/archive`, `DetectCompression` of moby/moby.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::Source;
use super::request::{RequestBody, broken, slow};
use crate::policy::Denial;

impl RequestBody {
    /// Waits until its beginning is there, or all of a shorter one.
    ///
    /// # Errors
    ///
    /// It breaks off, or takes longer than this.
    pub async fn begin(&mut self, time: Duration) -> Result<(), Denial> {
        if matches!(self.source, Source::Whole(_)) {
            return Ok(());
        }
        let mut begun = BytesMut::new();
        let reading = async {
            while begun.len() < LONGEST_MAGIC {
                let Some(frame) = self.frame().await else {
                    break;
                };
                let frame = frame.map_err(|_| broken())?;
                begun.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
            }
            Ok(())
        };
        let read = tokio::time::timeout(time, reading).await;
        read.unwrap_or_else(|_| Err(slow()))?;
        let rest = std::mem::replace(&mut self.source, Source::Whole(Bytes::new()));
        self.source = match rest {
            Source::Begun(_, rest) | Source::Stream(rest) => Source::Begun(begun.freeze(), rest),
            Source::Whole(_) => Source::Whole(begun.freeze()),
        };
        Ok(())
    }

    /// Whether it begins as a compressed tar does.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        match &self.source {
            Source::Whole(bytes) | Source::Begun(bytes, _) => is_compressed(bytes),
            Source::Stream(_) => true,
        }
    }
}

/// The bytes by which the daemon tells that a tar is compressed.
const MAGICS: &[&[u8]] = &[b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"];
const LONGEST_MAGIC: usize = 6;

/// Whether the daemon would take a tar that begins so for a compressed one.
fn is_compressed(begun: &[u8]) -> bool {
    // A frame of zstd that is to be skipped has any of 16 first bytes.
    let is_skippable = begun
        .split_first()
        .is_some_and(|(first, rest)| first & 0xf0 == 0x50 && rest.starts_with(b"\x2a\x4d\x18"));
    is_skippable || MAGICS.iter().any(|magic| begun.starts_with(magic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_compressed_tar_by_its_first_bytes() {
        for (begun, want) in [
            (&b"\x1f\x8b\x08"[..], true),
            (b"BZh9", true),
            (b"\xfd7zXZ\0", true),
            (b"\x28\xb5\x2f\xfd", true),
            (b"\x50\x2a\x4d\x18", true),
            (b"\x5f\x2a\x4d\x18", true),
            (b"\x60\x2a\x4d\x18", false),
            (b"etc/passwd", false),
            (b"\x1f", false),
            (b"", false),
        ] {
            assert_eq!(is_compressed(begun), want, "{begun:?}");
        }
    }
}
