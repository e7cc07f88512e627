//! The body of a reply: streamed from the daemon, or Dockgate's own.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, SizeHint};
use hyper::body::Incoming;

use super::cut::Cut;
use super::gather::Gather;
use super::source::{Polled, Source};
use crate::audit::{End, Entry};
use crate::proxy::daemon_state::DaemonState;
use crate::proxy::request_state::RequestState;

/// The body of a reply to a client. When it is dropped, however that happens, its request is
/// recorded and the next one is read.
#[derive(Debug)]
pub(crate) struct ReplyBody {
    source: Source,
    entry: Option<Box<Entry>>,
    state: Arc<RequestState>,
    /// What to update if the reply says that the daemon does not accept the client's API version.
    pub(crate) heeded_by: Option<Arc<DaemonState>>,
    /// Holds back parts of chunks, if chunks are to stay whole.
    pub(crate) gather: Option<Box<Gather>>,
    /// Whether the client can repeat the request; if so, its reply ends when Dockgate shuts down.
    pub(crate) ends_with_drain: bool,
}

impl ReplyBody {
    /// A body that is complete from the start.
    pub(crate) fn whole(bytes: Bytes, entry: Option<Box<Entry>>, state: Arc<RequestState>) -> Self {
        Self {
            source: Source::whole(bytes),
            entry,
            state,
            heeded_by: None,
            gather: None,
            ends_with_drain: false,
        }
    }

    /// The daemon's body, streamed.
    pub(crate) fn stream(body: Incoming, entry: Box<Entry>, state: Arc<RequestState>) -> Self {
        let mut stream = Self::whole(Bytes::new(), Some(entry), state);
        stream.source.rest = Some(body);
        stream
    }

    /// The next part, or the next whole chunk if chunks are to stay whole.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Polled> {
        let Some(gather) = &mut self.gather else {
            return self.source.poll_frame(cx);
        };
        if let Some(next) = gather.poll_next(cx) {
            return next;
        }
        loop {
            let polled = ready!(self.source.poll_frame(cx));
            if let Some(chunk) = gather.take(polled) {
                return Poll::Ready(chunk);
            }
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

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Polled> {
        if self.state.revoked.is_set() && self.source.rest.is_some() {
            self.finish(End::Revoked);
            return Poll::Ready(Some(Err(Cut::Revoked)));
        }
        if self.ends_with_drain && self.state.draining.is_set() {
            self.finish(End::Drained);
            return Poll::Ready(None);
        }
        let frame = ready!(self.poll_chunk(cx));
        match &frame {
            // Trailers end a body, and are not passed on.
            Some(Ok(frame)) if frame.is_trailers() => {
                self.finish(End::Complete);
                return Poll::Ready(None);
            }
            Some(Ok(frame)) => {
                let data = frame.data_ref();
                let heeded_by = self.heeded_by.take();
                if let Some(entry) = &mut self.entry {
                    entry.record.bytes_out.add(data.map_or(0, Bytes::len));
                    if let (Some(daemon_state), Some(data)) = (heeded_by, data) {
                        daemon_state.heed(data, &mut entry.record);
                    }
                }
            }
            Some(Err(_)) => self.finish(End::DaemonGone),
            None => self.finish(End::Complete),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_end() && self.gather.as_ref().is_none_or(|gather| gather.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        self.source.size_hint()
    }
}

impl Drop for ReplyBody {
    fn drop(&mut self) {
        // hyper does not poll a body that is at its end, or that belongs to the reply to a HEAD.
        if self.source.is_end() || self.source.rest.is_none() {
            self.finish(End::Complete);
        } else if self.state.revoked.is_set() {
            self.finish(End::Revoked);
        }
        self.entry = None;
        self.state.release();
    }
}
