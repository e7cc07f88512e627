//! Where the chunks of a streamed reply end, seen on the socket below hyper.
//!
//! hyper passes on what it has read of a chunk, which may be a part of it. Some clients take each chunk of a stream for
//! one event. So the code that passes a reply on asks here whether a chunk continues, and waits for the rest of it.

use std::io;
use std::sync::{Arc, Mutex};

use super::tap::Listen;
use crate::sync::{Count, Flag, lock};

/// What was read from the daemon on a connection.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// How many bytes were read so far.
    pub(crate) bytes: Count,
    is_watched: Flag,
    chunks: Mutex<Chunks>,
}

/// How far a reply has been read. A malformed reply is no longer watched: its chunks are passed on as hyper reads them.
#[derive(Debug, Default)]
struct Chunks {
    at: At,
    /// How much of the body was read, without its framing.
    data: u64,
}

/// What the next byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// A byte of a head: how many bytes of the head's end came before it, its position, and whether the head is interim.
    Head {
        end: usize,
        place: usize,
        is_interim: bool,
    },
    /// A digit of a size, with the value so far.
    Size(u64),
    /// A byte of what follows a size.
    Extension(u64),
    /// A byte of a chunk of this size, of which `left` bytes are missing.
    Data { size: u64, left: u64 },
    /// A byte of the line end after a chunk.
    End,
    /// Nothing that matters.
    #[default]
    Over,
}

/// The end of a head.
const HEAD_END: &[u8] = b"\r\n\r\n";
/// The position of the status in a head. The status of an interim head begins with 1.
const STATUS_PLACE: usize = "HTTP/1.1 ".len();
const FIRST: At = At::Head {
    end: 0,
    place: 0,
    is_interim: false,
};

impl Heard {
    /// Watches the reply to the request that is sent now, or leaves it unwatched.
    pub(crate) fn watch(&self, is_watched: bool) {
        self.is_watched.set(is_watched);
        if is_watched {
            *lock(&self.chunks) = Chunks { at: FIRST, data: 0 };
        }
    }

    fn note(&self, bytes: &[u8]) {
        self.bytes.add(bytes.len());
        if self.is_watched.is_set() {
            lock(&self.chunks).read(bytes);
        }
    }

    /// The size of the chunk that continues after `given` bytes of the body, if no more was read and it is not complete.
    pub(crate) fn open_chunk(&self, given: u64) -> Option<u64> {
        match *lock(&self.chunks) {
            Chunks {
                at: At::Data { size, left },
                data,
            } if data == given && left > 0 => Some(size),
            _ => None,
        }
    }
}

/// A daemon may reply before it has the whole request, and close. Then writing fails before the reply is read, and hyper
/// would give up on both. So bytes that cannot be written are thrown away, and only reading decides: it returns the
/// reply, or the end.
impl Listen for Arc<Heard> {
    fn hear(&mut self, bytes: &[u8]) {
        self.note(bytes);
    }

    fn fail(&mut self, error: io::Error, unwritten: Option<usize>) -> io::Result<usize> {
        let gone = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
        let unwritten = unwritten.filter(|_| gone.contains(&error.kind()));
        unwritten.ok_or(error)
    }
}

impl Chunks {
    fn read(&mut self, mut bytes: &[u8]) {
        while let [byte, rest @ ..] = bytes {
            bytes = rest;
            self.at = match self.at {
                At::Head {
                    end,
                    place,
                    is_interim,
                } => head(*byte, end, place, is_interim),
                At::Size(size) => match char::from(*byte).to_digit(16) {
                    Some(digit) if size >> 59 == 0 => At::Size(size * 16 + u64::from(digit)),
                    Some(_) => At::Over,
                    None => extension(*byte, size),
                },
                At::Extension(size) => extension(*byte, size),
                At::Data { size, left } => {
                    // This byte is the first of the part that was read.
                    let here = (u64::try_from(rest.len()).unwrap_or_default() + 1).min(left);
                    let behind = usize::try_from(here - 1).unwrap_or_default();
                    bytes = rest.get(behind..).unwrap_or_default();
                    self.data += here;
                    if here == left {
                        At::End
                    } else {
                        At::Data {
                            size,
                            left: left - here,
                        }
                    }
                }
                At::End if *byte == b'\n' => At::Size(0),
                At::End => At::End,
                At::Over => return,
            };
        }
    }
}

/// What follows a byte of a head.
fn head(byte: u8, end: usize, place: usize, is_interim: bool) -> At {
    let is_interim = is_interim || (place == STATUS_PLACE && byte == b'1');
    let end = match HEAD_END.get(end) {
        Some(next) if *next == byte => end + 1,
        _ => usize::from(byte == b'\r'),
    };
    if end < HEAD_END.len() {
        let place = place + 1;
        return At::Head {
            end,
            place,
            is_interim,
        };
    }
    if is_interim { FIRST } else { At::Size(0) }
}

/// What follows a byte after the digits of a size.
fn extension(byte: u8, size: u64) -> At {
    match byte {
        b'\n' if size == 0 => At::Over,
        b'\n' => At::Data { size, left: size },
        _ => At::Extension(size),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REPLY: &[u8] =
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n";

    #[test]
    fn says_which_chunk_goes_on() {
        let heard = Heard::default();
        heard.watch(true);
        for (text, given, open) in [
            (&REPLY[..50], 0, None),
            (b"3\r\n", 0, Some(3)),
            (b"a", 1, Some(3)),
            (b"bc", 3, None),
            (b"\r\nA;x=y\r\n0123", 3, None),
            (b"", 7, Some(10)),
            (b"456789\r\n0\r\n\r\nHTTP/1.1", 13, None),
        ] {
            heard.note(text);
            assert_eq!(heard.open_chunk(given), open, "{}", text.escape_ascii());
        }
        let all: u64 = heard.bytes.get();
        assert!(all > 13);
    }

    proptest! {
        #[test]
        fn a_reply_is_read_the_same_in_any_parts(cuts in prop::collection::vec(0..REPLY.len(), 0..6), more in prop::collection::vec(any::<u8>(), 0..40)) {
            let all = [REPLY, &more].concat();
            let (whole, parts) = (Heard::default(), Heard::default());
            whole.watch(true);
            parts.watch(true);
            whole.note(&all);
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut from = 0;
            for to in cuts.into_iter().chain([all.len()]) {
                parts.note(&all[from..to]);
                from = to;
            }
            prop_assert_eq!(format!("{whole:?}"), format!("{parts:?}"));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let heard = Heard::default();
            heard.watch(true);
            heard.note(&[b"HTTP/1.1 200 OK\r\n\r\n", &*bytes].concat());
        }
    }
}
