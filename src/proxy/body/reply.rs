//! The body of a reply: the daemon's as it comes, or our own.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::pace::Cut;
use super::{Source, count};
use crate::audit::{End, Entry};
use crate::proxy::exchange::Exchange;

/// What is sent to the client as a body. However it is dropped, its request is recorded and the
/// next one read.
#[derive(Debug)]
pub struct ReplyBody {
    source: Source,
    entry: Option<Box<Entry>>,
    exchange: Arc<Exchange>,
    /// Whether it can be asked for again, and so ends when Dockgate is shutting down.
    ends_with_drain: bool,
}

impl ReplyBody {
    /// A body that is whole already.
    #[must_use]
    pub fn whole(bytes: Bytes, entry: Option<Box<Entry>>, exchange: Arc<Exchange>) -> Self {
        Self {
            source: Source::Whole(bytes),
            entry,
            exchange,
            ends_with_drain: false,
        }
    }

    /// The daemon's body as it comes. If it can be asked for again, a drain ends it.
    #[must_use]
    pub fn stream(
        body: Incoming,
        entry: Box<Entry>,
        exchange: Arc<Exchange>,
        ends_with_drain: bool,
    ) -> Self {
        Self {
            source: Source::Stream(body),
            entry: Some(entry),
            exchange,
            ends_with_drain,
        }
    }

    fn finish(&mut self, end: End) {
        if let Some(entry) = self.entry.take() {
            entry.finish(end);
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if self.ends_with_drain && self.exchange.is_draining() {
            self.finish(End::Drained);
            return Poll::Ready(None);
        }
        let frame = ready!(self.source.poll_frame(cx, &mut |_| {}));
        match &frame {
            // Trailers end a body, and do not cross.
            Some(Ok(frame)) if frame.is_trailers() => {
                self.finish(End::Complete);
                return Poll::Ready(None);
            }
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                if let Some(entry) = &self.entry {
                    count(&entry.record.bytes_out, bytes);
                }
            }
            Some(Err(_)) => self.finish(End::DaemonGone),
            None => self.finish(End::Complete),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_end()
    }

    fn size_hint(&self) -> SizeHint {
        self.source.size_hint()
    }
}

impl Drop for ReplyBody {
    fn drop(&mut self) {
        // hyper asks no more of a body that is at its end, or that a HEAD's reply does not send.
        if self.source.is_end() || matches!(self.source, Source::Whole(_)) {
            self.finish(End::Complete);
        }
        self.entry = None;
        self.exchange.release();
    }
}
