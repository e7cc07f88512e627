//! Unpacks uploads that a client compressed with gzip, so that the daemon gets a plain tar.
//!
//! Engines before 29.5.1 unpack a compressed tar with a program from the container, as root on the host. So
//! Dockgate unpacks it instead, piece by piece as it arrives: it holds at most one piece, and the client waits
//! with the rest.

use std::io::Write;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use flate2::write::MultiGzDecoder;
use http_body::Frame;

use super::cut::{BadGzip, Cut};
use super::source::{Polled, Source};

/// The most output for each byte of a compressed upload, plus a fixed allowance. Tars of small files consist
/// mostly of zeros, tars of large ones do not.
const MOST_PER_BYTE: u64 = 128;
const MOST_BESIDES: u64 = 8 * 1024 * 1024;
/// The most output of one upload, in bytes.
const MOST: u64 = 16 * 1024 * 1024 * 1024;
/// The memory that unpacking needs, in bytes: the window, the input and the output.
pub(crate) const HELD: usize = 160 * 1024;

/// A body that is unpacked as it is read.
#[derive(Debug)]
pub(super) struct Inflated {
    decoder: MultiGzDecoder<Vec<u8>>,
    /// Input that is not unpacked yet.
    input: Bytes,
    unpacked: u64,
    made: u64,
    /// Whether all output was produced.
    pub(super) is_over: bool,
}

impl Inflated {
    /// Starts unpacking a body, of which these bytes were read already.
    pub(super) fn new(input: Bytes) -> Self {
        Self {
            decoder: MultiGzDecoder::new(Vec::new()),
            input,
            unpacked: 0,
            made: 0,
            is_over: false,
        }
    }

    pub(super) fn poll_frame(&mut self, packed: &mut Source, cx: &mut Context<'_>) -> Poll<Polled> {
        while !self.is_over {
            if self.input.is_empty() {
                match ready!(packed.poll_frame(cx)) {
                    Some(Ok(frame)) => self.input = frame.into_data().unwrap_or_default(),
                    Some(Err(cut)) => return Poll::Ready(Some(Err(cut))),
                    None => self.is_over = true,
                }
            }
            match self.unpack() {
                Ok(made) if made.is_empty() => {}
                Ok(made) => return Poll::Ready(Some(Ok(Frame::data(made)))),
                Err(bad) => {
                    self.is_over = true;
                    return Poll::Ready(Some(Err(Cut::Gzip(bad))));
                }
            }
        }
        Poll::Ready(None)
    }

    /// Unpacks one piece of the input, or the rest of it at the end.
    fn unpack(&mut self) -> Result<Bytes, BadGzip> {
        if self.is_over {
            let finished = self.decoder.try_finish();
            finished.map_err(|_| BadGzip::Corrupt)?;
        } else if !self.input.is_empty() {
            let read = self.decoder.write(&self.input);
            let read = read.ok().filter(|read| *read > 0);
            let read = read.ok_or(BadGzip::Corrupt)?;
            self.input.advance(read);
            self.unpacked = self.unpacked.saturating_add(wide(read));
        }
        let made = std::mem::take(self.decoder.get_mut());
        self.made = self.made.saturating_add(wide(made.len()));
        let most = self.unpacked.saturating_mul(MOST_PER_BYTE);
        if self.made > most.saturating_add(MOST_BESIDES).min(MOST) {
            return Err(BadGzip::TooLarge);
        }
        Ok(made.into())
    }
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use flate2::{Crc, GzBuilder};

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    /// The output for a body that arrives in pieces of this size, and its longest piece.
    fn inflate(packed: &[u8], piece: usize) -> Result<(Vec<u8>, usize), BadGzip> {
        let mut inflated = Inflated::new(Bytes::new());
        let (mut whole, mut longest) = (Vec::new(), 0);
        let mut take = |made: Bytes| {
            longest = longest.max(made.len());
            whole.extend_from_slice(&made);
        };
        for piece in packed.chunks(piece) {
            inflated.input = Bytes::copy_from_slice(piece);
            while !inflated.input.is_empty() {
                take(inflated.unpack()?);
            }
        }
        inflated.is_over = true;
        take(inflated.unpack()?);
        Ok((whole, longest))
    }

    #[test]
    fn g10_unpacking_works_for_any_pieces_and_members() {
        let plain: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let named = GzBuilder::new()
            .filename("a.tar")
            .comment("c")
            .extra(vec![7; 300])
            .write(Vec::new(), Compression::fast());
        let mut named = named;
        named.write_all(&plain).unwrap();
        let named = named.finish().unwrap();
        let twice = [gzip(&plain[..5]), gzip(b""), gzip(&plain[5..])].concat();
        for (case, packed) in [
            ("one", gzip(&plain)),
            ("header fields", named),
            ("members", twice),
        ] {
            for piece in [1, 7, 4096, usize::MAX / 2] {
                let (whole, longest) = inflate(&packed, piece).unwrap();
                assert!(whole == plain, "G10: {case} in pieces of {piece}");
                assert!(longest <= 64 * 1024, "G10: {case}: {longest} at once");
            }
        }
        assert_eq!(inflate(&gzip(b""), 1).unwrap().0, b"", "G10");
    }

    #[test]
    fn g10_incomplete_gzip_or_extra_bytes_after_it_are_denied() {
        let packed = gzip(b"the plain tar");
        for length in 1..packed.len() {
            assert_eq!(
                inflate(&packed[..length], 5),
                Err(BadGzip::Corrupt),
                "G10: {length}"
            );
        }
        let mut wrong = packed.clone();
        let place = wrong.len() - 5;
        wrong[place] ^= 1;
        let with = |more: &[u8]| [&packed, more].concat();
        for (case, bytes) in [
            ("a wrong checksum", wrong),
            ("a byte after it", with(b"\0")),
            ("zeros after it", with(&[0; 512])),
            ("a tar after it", with(b"etc/passwd")),
            ("half a member after it", with(&packed[..9])),
            ("another compression after it", with(b"BZh9")),
            ("a reserved flag", with(b"\x1f\x8b\x08\xff")),
            ("another method", b"\x1f\x8b\x07\0\0\0\0\0\0\xff".to_vec()),
        ] {
            for piece in [1, 4096] {
                assert_eq!(inflate(&bytes, piece), Err(BadGzip::Corrupt), "G10: {case}");
            }
        }
        assert_eq!(Crc::new().sum(), 0);
    }

    #[test]
    fn g10_a_bomb_ends_early() {
        let zeros = vec![0; 64 << 20];
        let packed = gzip(&zeros);
        assert!(packed.len() < 100_000, "{}", packed.len());
        let mut inflated = Inflated::new(packed.into());
        let mut made = 0;
        let bad = loop {
            match inflated.unpack() {
                Ok(piece) => made += piece.len(),
                Err(bad) => break bad,
            }
        };
        assert_eq!(bad, BadGzip::TooLarge, "G10");
        assert!(made < 24 << 20, "G10: {made}");
        // A single piece of that size is common in uploads.
        assert!(
            inflate(&gzip(&zeros[..4 << 20]), 4096).is_ok(),
            "beside G10"
        );
    }
}
