//! The head that hyper gets instead of the client's.

use super::{Framing, Head};

/// Appends the head that hyper reads: the method for what a reply may have, and how the body is
/// framed.
pub(crate) fn synthesize(head: &Head, to: &mut Vec<u8>) {
    to.extend_from_slice(head.method.as_bytes());
    to.extend_from_slice(if head.is_http11 {
        b" / HTTP/1.1\r\n"
    } else {
        b" / HTTP/1.0\r\n"
    });
    match head.framing {
        Framing::Length(0) => {}
        Framing::Length(length) => {
            to.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
        }
        Framing::Chunked => to.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    if head.expects_continue {
        to.extend_from_slice(b"expect: 100-continue\r\n");
    }
    let keep = head.keep_alive && head.framing != Framing::Chunked;
    // Either version has its own default.
    if keep != head.is_http11 {
        to.extend_from_slice(if keep {
            b"connection: keep-alive\r\n"
        } else {
            b"connection: close\r\n"
        });
    }
    to.extend_from_slice(b"\r\n");
}
