//! A hijacked connection: copies bytes in both directions until both sides are done.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, UPGRADE};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy_bidirectional};

use crate::audit::{End, Entry};
use crate::docker::Upgrade;
use crate::net::socket::Socket;
use crate::net::tap::Tap;

/// An allowed hijack, ready to run.
#[derive(Debug)]
pub(crate) struct Tunnel {
    daemon: Socket,
    /// Bytes from the daemon after its head.
    daemon_early: Bytes,
    head: Vec<u8>,
    entry: Box<Entry>,
}

impl Tunnel {
    /// A tunnel to a daemon that has agreed. A client that did not ask for an upgrade gets the
    /// older form of the reply: a 200 without a length, and then the raw stream.
    pub(crate) fn new(
        (daemon, daemon_early): (Socket, Bytes),
        mut headers: HeaderMap,
        upgrade: Upgrade,
        client_asked: bool,
        mut entry: Box<Entry>,
    ) -> Self {
        let (line, status) = if client_asked {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static(upgrade.as_str()));
            ("HTTP/1.1 101 UPGRADED\r\n", StatusCode::SWITCHING_PROTOCOLS)
        } else {
            let raw = HeaderValue::from_static("application/vnd.docker.raw-stream");
            headers.insert(CONTENT_TYPE, raw);
            ("HTTP/1.1 200 OK\r\n", StatusCode::OK)
        };
        let mut head = line.as_bytes().to_vec();
        write_headers(&headers, &mut head);
        head.extend_from_slice(b"\r\n");
        entry.record.status = Some(status.as_u16());
        Self {
            daemon,
            daemon_early,
            head,
            entry,
        }
    }

    /// Copies until both sides have ended, and passes each side's end to the other; or until one
    /// fails, which ends both, or until the right to it is `over`. `early` has the bytes that the client sent after its
    /// request.
    pub(crate) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        client: S,
        early: Bytes,
        over: impl Future<Output = ()>,
    ) {
        let entry = self.entry;
        let (bytes_in, bytes_out) = (&entry.record.bytes_in, &entry.record.bytes_out);
        bytes_in.add(early.len());
        bytes_out.add(self.daemon_early.len());
        let mut client = Tap::metered(client, Arc::clone(bytes_in));
        let mut daemon = Tap::metered(self.daemon, Arc::clone(bytes_out));
        let running = async {
            client.write_all(&self.head).await?;
            client.write_all(&self.daemon_early).await?;
            daemon.write_all(&early).await?;
            copy_bidirectional(&mut client, &mut daemon).await
        };
        let ended = tokio::select! {
            ended = running => Some(ended),
            () = over => None,
        };
        entry.finish(match ended {
            None => End::Revoked,
            Some(Ok(_)) => End::Complete,
            Some(Err(_)) if daemon.listener.has_failed => End::DaemonGone,
            Some(Err(_)) => End::ClientGone,
        });
    }
}

/// Writes headers with their names in title case, as the daemon does.
fn write_headers(headers: &HeaderMap, to: &mut Vec<u8>) {
    for (name, value) in headers {
        // The only header name of the API with a different spelling.
        let rest = match name.as_str().strip_prefix("sec-websocket-") {
            Some(rest) => {
                to.extend_from_slice(b"Sec-WebSocket-");
                rest
            }
            None => name.as_str(),
        };
        let mut starts = true;
        to.extend(rest.bytes().map(|byte| {
            let is_first = std::mem::replace(&mut starts, byte == b'-');
            if is_first {
                byte.to_ascii_uppercase()
            } else {
                byte
            }
        }));
        to.extend_from_slice(b": ");
        to.extend_from_slice(value.as_bytes());
        to.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn header_names_are_in_title_case() {
        let mut headers = HeaderMap::new();
        headers.insert("api-version", HeaderValue::from_static("1.45"));
        headers.insert("ostype", HeaderValue::from_static("linux"));
        let mut written = Vec::new();
        write_headers(&headers, &mut written);
        let websocket = HeaderName::from_static("sec-websocket-accept");
        headers.clear();
        headers.insert(websocket, HeaderValue::from_static("a"));
        write_headers(&headers, &mut written);
        let wanted = b"Api-Version: 1.45\r\nOstype: linux\r\nSec-WebSocket-Accept: a\r\n";
        assert_eq!(written, wanted);
    }
}
