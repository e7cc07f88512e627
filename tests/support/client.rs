//! A client that writes exactly the given bytes.

use std::io::{self, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::stream::Stream;
use super::wait::LIMIT;
use super::wire::{Head, Reader};

/// One connection to dockgate.
pub(crate) struct Client {
    stream: Stream,
    reader: Reader,
    sent: Arc<AtomicUsize>,
}

/// A reply, read by its framing.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: &str, sent: &Arc<AtomicUsize>) -> Self {
        Self::from(Stream::connect(address).unwrap(), sent)
    }

    pub(crate) fn from(stream: Stream, sent: &Arc<AtomicUsize>) -> Self {
        stream.set_read_timeout(Some(LIMIT));
        stream.set_write_timeout(Some(LIMIT));
        let reader = Reader::new(stream.try_clone());
        Self {
            stream,
            reader,
            sent: Arc::clone(sent),
        }
    }

    /// Sends a request, or something that dockgate should record as one.
    pub(crate) fn request(&mut self, bytes: impl AsRef<[u8]>) {
        self.count(1);
        self.send(bytes);
    }

    /// Counts requests whose bytes are sent in another way.
    pub(crate) fn count(&self, requests: usize) {
        self.sent.fetch_add(requests, Ordering::SeqCst);
    }

    /// Sends bytes that are not counted as a request.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends bytes that dockgate may no longer want.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// The connection's other handle, for a thread that writes.
    pub(crate) fn writer(&self) -> Stream {
        self.stream.try_clone()
    }

    /// Reads one reply.
    #[track_caller]
    pub(crate) fn reply(&mut self) -> Reply {
        self.reply_to("GET")
    }

    /// Reads one reply to a request with this method: the reply to HEAD has no body.
    #[track_caller]
    pub(crate) fn reply_to(&mut self, method: &str) -> Reply {
        let head = self.head();
        let body = self.reader.body(head.reply_framing(method)).unwrap();
        Reply { head, body }
    }

    /// Reads replies, none of them to HEAD, until dockgate closes.
    #[track_caller]
    pub(crate) fn replies(&mut self) -> Vec<Reply> {
        let mut replies = Vec::new();
        while let Some(head) = self.reader.head().unwrap() {
            let body = self.reader.body(head.reply_framing("GET")).unwrap();
            replies.push(Reply { head, body });
        }
        replies
    }

    /// Reads the head of a reply and leaves its body.
    #[track_caller]
    pub(crate) fn head(&mut self) -> Head {
        self.reader
            .head()
            .unwrap()
            .expect("the connection ended before a reply")
    }

    /// The next chunk of a chunked body; `None` after the last.
    #[track_caller]
    pub(crate) fn chunk(&mut self) -> Option<String> {
        self.reader
            .chunk()
            .unwrap()
            .map(|chunk| String::from_utf8(chunk).unwrap())
    }

    /// The next chunk, or an error if the connection ended within the body.
    pub(crate) fn try_chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.reader.chunk()
    }

    /// This many bytes.
    #[track_caller]
    pub(crate) fn exactly(&mut self, count: usize) -> Vec<u8> {
        self.reader.exactly(count).unwrap()
    }

    /// All bytes until dockgate closes.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        self.reader.rest().unwrap()
    }

    /// Fails unless dockgate closes the connection without another byte.
    #[track_caller]
    pub(crate) fn assert_closed(&mut self, case: &str) {
        match self.reader.rest() {
            Ok(rest) => assert!(
                rest.is_empty(),
                "{case}: got {:?}",
                String::from_utf8_lossy(&rest)
            ),
            Err(error) => assert_eq!(
                error.kind(),
                io::ErrorKind::ConnectionReset,
                "{case}: {error}"
            ),
        }
    }

    /// Whether nothing arrives for a moment.
    pub(crate) fn stays_silent(&mut self) -> bool {
        let moment = Duration::from_millis(300);
        self.stream.set_read_timeout(Some(moment));
        let read = self.reader.some();
        self.stream.set_read_timeout(Some(LIMIT));
        read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Closes the sending side, and keeps reading.
    pub(crate) fn half_close(&mut self) {
        self.stream.shutdown(Shutdown::Write);
    }
}

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        self.head.first.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn assert_ok(&self, case: &str) {
        assert_eq!(
            self.status(),
            200,
            "{case}: {:?} {:?}",
            self.head.raw,
            self.text()
        );
        assert!(
            self.head.get("Dockgate-Reason").is_none(),
            "{case}: {:?}",
            self.head.raw
        );
    }
}
