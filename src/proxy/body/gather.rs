//! Reassembles the chunks of a streamed reply, so that each is passed on whole.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::Frame;

use super::source::Polled;
use crate::net::chunks::Heard;

/// The part of an incomplete chunk that was read so far.
#[derive(Debug)]
pub(crate) struct Gather {
    heard: Arc<Heard>,
    /// How many bytes of the body were read so far.
    given: u64,
    held: BytesMut,
    /// The end of the body, after a last chunk that never ended.
    next: Option<Polled>,
    has_waited: bool,
}

/// The largest chunk that is passed on whole, in bytes. A larger one is passed on in parts, as they are
/// read.
const MAX_CHUNK: u64 = 64 * 1024;

impl Gather {
    pub(crate) fn new(heard: Arc<Heard>) -> Self {
        Self {
            heard,
            given: 0,
            held: BytesMut::new(),
            next: None,
            has_waited: false,
        }
    }

    /// Whether nothing is held back.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.next.is_none()
    }

    /// What follows the chunk that was last passed on, if that is known already. An error would end the
    /// connection at once, so it waits until the chunk before it was written.
    pub(super) fn poll_next(&mut self, cx: &Context<'_>) -> Option<Poll<Polled>> {
        let is_error = matches!(self.next, Some(Some(Err(_))));
        if is_error && !std::mem::replace(&mut self.has_waited, true) {
            cx.waker().wake_by_ref();
            return Some(Poll::Pending);
        }
        self.next.take().map(Poll::Ready)
    }

    /// The bytes to pass on now; `None` until the rest of the chunk arrives.
    pub(super) fn take(&mut self, polled: Polled) -> Option<Polled> {
        let data = match polled {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => data,
                Err(frame) => return Some(self.behind(Some(Ok(frame)))),
            },
            end => return Some(self.behind(end)),
        };
        self.given += u64::try_from(data.len()).unwrap_or_default();
        let open = self.heard.open_chunk(self.given);
        if let Some(size) = open.filter(|size| *size <= MAX_CHUNK) {
            if self.held.is_empty() {
                self.held.reserve(usize::try_from(size).unwrap_or_default());
            }
            self.held.extend_from_slice(&data);
            return None;
        }
        if self.held.is_empty() {
            return Some(Some(Ok(Frame::data(data))));
        }
        self.held.extend_from_slice(&data);
        Some(Some(Ok(self.whole())))
    }

    /// The end of a body, after the bytes that were held back.
    fn behind(&mut self, end: Polled) -> Polled {
        if self.held.is_empty() {
            return end;
        }
        self.next = Some(end);
        Some(Ok(self.whole()))
    }

    fn whole(&mut self) -> Frame<Bytes> {
        let whole = std::mem::take(&mut self.held);
        Frame::data(whole.freeze())
    }
}
