//! The beginning of an upload, which says whether it is compressed.
//!
//! Source: `pkg/archive`, `DetectCompression` of moby/moby.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::Source;
use super::request::{RequestBody, broken};
use crate::policy::{Denial, Reason};

impl RequestBody {
    /// The same upload, once its beginning has shown that it is not compressed.
    ///
    /// # Errors
    ///
    /// It is, or it breaks off.
    pub async fn plain_tar(mut self) -> Result<Self, Denial> {
        let mut begun = BytesMut::new();
        while begun.len() < LONGEST_MAGIC {
            let Some(frame) = self.frame().await else {
                break;
            };
            let frame = frame.map_err(|_| broken())?;
            begun.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        }
        if is_compressed(&begun) {
            let message = "the upload is compressed, which this engine would unpack with a program of the \
                container: send a plain tar, or update the engine to 29.5.1";
            return Err(Denial::new(Reason::Restricted, message));
        }
        let rest = std::mem::replace(&mut self.source, Source::Whole(Bytes::new()));
        self.source = match rest {
            Source::Begun(_, rest) | Source::Stream(rest) => Source::Begun(begun.freeze(), rest),
            Source::Whole(_) => Source::Whole(begun.freeze()),
        };
        Ok(self)
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
