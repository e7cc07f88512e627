//! Where a body's bytes come from.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::cut::Cut;

/// Where a body's bytes come from.
#[derive(Debug)]
pub(super) enum Source {
    Whole(Bytes),
    Stream(Incoming),
    /// A stream of which the beginning was read already.
    Begun(Bytes, Incoming),
}

/// Told how many bytes were read of a stream.
pub(super) type OnRead<'a> = &'a mut dyn FnMut(usize);

impl Source {
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
        on_read: OnRead<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Begun(bytes, _) if !bytes.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes)))))
            }
            Self::Begun(_, incoming) | Self::Stream(incoming) => {
                let frame = ready!(Pin::new(incoming).poll_frame(cx));
                if let Some(Ok(frame)) = &frame {
                    on_read(frame.data_ref().map_or(0, Bytes::len));
                }
                Poll::Ready(frame.map(|frame| frame.map_err(Cut::Broken)))
            }
        }
    }

    pub(super) fn is_end(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Begun(bytes, incoming) => bytes.is_empty() && incoming.is_end_stream(),
            Self::Stream(incoming) => incoming.is_end_stream(),
        }
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            }
            Self::Begun(bytes, incoming) => {
                let begun = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                let rest = incoming.size_hint();
                let mut hint = SizeHint::new();
                hint.set_lower(rest.lower().saturating_add(begun));
                if let Some(upper) = rest.upper() {
                    hint.set_upper(upper.saturating_add(begun));
                }
                hint
            }
            Self::Stream(incoming) => incoming.size_hint(),
        }
    }
}

/// Adds to a counter of bytes.
pub(super) fn count(counter: &AtomicU64, bytes: usize) {
    counter.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
}
