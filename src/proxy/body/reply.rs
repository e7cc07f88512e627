//! The body of a reply: streamed from the daemon, or Dockgate's own.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, SizeHint};
use hyper::body::Incoming;

use super::cut::Cut;
use super::filtered::Filtered;
use super::gather::Gather;
use super::source::{Polled, Source};
use crate::audit::{End, Entry};
use crate::policy::filter::BadReply;
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
    /// Whether it begins with the id of something new, for the record.
    pub(crate) has_new_id: bool,
    /// What becomes of its parts, if they are not passed on as they are read.
    pub(crate) shape: Option<Box<Shape>>,
    /// Whether the client can repeat the request; if so, its reply ends when Dockgate shuts down.
    pub(crate) ends_with_drain: bool,
}

/// What becomes of the parts of a reply.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Parts of chunks are held back, so that chunks stay whole.
    InChunks(Gather),
    /// They pass through a filter, which also reads them.
    Filtered(Filtered),
}

impl ReplyBody {
    /// A body that is complete from the start.
    pub(crate) fn whole(bytes: Bytes, entry: Option<Box<Entry>>, state: Arc<RequestState>) -> Self {
        Self {
            source: Source::whole(bytes),
            entry,
            state,
            heeded_by: None,
            has_new_id: false,
            shape: None,
            ends_with_drain: false,
        }
    }

    /// The daemon's body, streamed.
    pub(crate) fn stream(body: Incoming, entry: Box<Entry>, state: Arc<RequestState>) -> Self {
        let mut stream = Self::whole(Bytes::new(), Some(entry), state);
        stream.source.rest = Some(body);
        stream
    }

    /// The daemon's body, of which a filter decides what is passed on.
    pub(crate) fn filtered(body: Filtered, entry: Box<Entry>, state: Arc<RequestState>) -> Self {
        let mut filtered = Self::whole(Bytes::new(), Some(entry), state);
        filtered.shape = Some(Box::new(Shape::Filtered(body)));
        filtered
    }

    /// Whether the daemon is still sending it, as far as is known.
    fn is_of_daemon(&self) -> bool {
        match self.shape.as_deref() {
            None | Some(Shape::InChunks(_)) => self.source.rest.is_some(),
            Some(Shape::Filtered(_)) => true,
        }
    }

    /// The next part, or the next whole chunk if chunks are to stay whole.
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Polled> {
        let gather = match self.shape.as_deref_mut() {
            None => return self.source.poll_frame(cx),
            Some(Shape::InChunks(gather)) => gather,
            Some(Shape::Filtered(filtered)) => return filtered.poll_frame(cx),
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
        if self.state.revoked.is_set() && self.is_of_daemon() {
            self.finish(End::Revoked);
            return Poll::Ready(Some(Err(Cut::Revoked)));
        }
        if self.ends_with_drain && self.state.draining.is_set() {
            self.finish(End::Drained);
            return Poll::Ready(None);
        }
        let frame = ready!(self.poll_part(cx));
        match &frame {
            // Trailers end a body, and are not passed on.
            Some(Ok(frame)) if frame.is_trailers() => {
                self.finish(End::Complete);
                return Poll::Ready(None);
            }
            Some(Ok(frame)) => {
                let data = frame.data_ref();
                let heeded_by = self.heeded_by.take();
                let has_new_id = std::mem::take(&mut self.has_new_id);
                if let Some(entry) = &mut self.entry {
                    entry.record.bytes_out.add(data.map_or(0, Bytes::len));
                    if let (Some(daemon_state), Some(data)) = (heeded_by, data) {
                        daemon_state.heed(data, &mut entry.record);
                    }
                    if let Some(data) = data.filter(|_| has_new_id) {
                        entry.record.created(data);
                    }
                }
            }
            Some(Err(Cut::Filter(bad))) => {
                if let Some(entry) = &mut self.entry {
                    entry.record.filter_failed(*bad);
                }
                self.finish(if *bad == BadReply::REDACTION {
                    End::RedactionFailed
                } else {
                    End::FilterFailed
                });
            }
            Some(Err(Cut::Full(_))) => {
                if let Some(entry) = &mut self.entry {
                    entry.record.filter_failed(TOO_LARGE);
                }
                self.finish(End::FilterFailed);
            }
            Some(Err(_)) => self.finish(End::DaemonGone),
            None => self.finish(End::Complete),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match self.shape.as_deref() {
            None => self.source.is_end(),
            Some(Shape::InChunks(gather)) => self.source.is_end() && gather.is_empty(),
            Some(Shape::Filtered(filtered)) => filtered.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.shape.as_deref() {
            None | Some(Shape::InChunks(_)) => self.source.size_hint(),
            Some(Shape::Filtered(_)) => SizeHint::default(),
        }
    }
}

/// Why a reply was cut off whose next part takes too much memory.
const TOO_LARGE: BadReply = BadReply("it takes more memory than this client may use now");

impl Drop for ReplyBody {
    fn drop(&mut self) {
        // hyper does not poll a body that is at its end, or that belongs to the reply to a HEAD.
        if self.is_end_stream() || !self.is_of_daemon() {
            self.finish(End::Complete);
        } else if self.state.revoked.is_set() {
            self.finish(End::Revoked);
        }
        self.entry = None;
        self.state.release();
    }
}
