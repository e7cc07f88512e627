//! The sources of a body's bytes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::cut::Cut;
use crate::sync::Count;

/// The rest of a body.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// Bytes that were read already, and come first.
    pub(super) ahead: Bytes,
    /// The rest, which is read from a connection.
    pub(super) rest: Option<Incoming>,
    /// Counts the bytes that are read from the connection.
    pub(super) read: Option<Arc<Count>>,
}

/// The result of asking a body for more.
pub(super) type Polled = Option<Result<Frame<Bytes>, Cut>>;

impl Source {
    pub(super) fn whole(ahead: Bytes) -> Self {
        Self {
            ahead,
            ..Self::default()
        }
    }

    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Polled> {
        if !self.ahead.is_empty() {
            let ahead = std::mem::take(&mut self.ahead);
            return Poll::Ready(Some(Ok(Frame::data(ahead))));
        }
        let Some(rest) = &mut self.rest else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(rest).poll_frame(cx));
        if let (Some(Ok(frame)), Some(read)) = (&frame, &self.read) {
            read.add(frame.data_ref().map_or(0, Bytes::len));
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Cut::Broken)))
    }

    pub(super) fn is_end(&self) -> bool {
        self.ahead.is_empty() && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let ahead = u64::try_from(self.ahead.len()).unwrap_or(u64::MAX);
        let rest = self.rest.as_ref().map(Body::size_hint);
        let mut hint = rest.unwrap_or_else(|| SizeHint::with_exact(0));
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(ahead));
        }
        hint.set_lower(hint.lower().saturating_add(ahead));
        hint
    }
}
