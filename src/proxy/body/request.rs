//! The body of a request: which there may be, read whole or sent on as it comes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::cut::Cut;
use super::inflate::Inflated;
use super::kind::{JSON, TAR, unwanted};
use super::pace::Watch;
use super::read::{Reader, broken_by};
use super::source::{Source, count};
use crate::config::{Limits, UploadRate};
use crate::docker;
use crate::policy::Denial;
use crate::proxy::budget::Taken;
use crate::proxy::head::Head;
use crate::proxy::request_state::{RequestState, Upload};

/// What is sent to the daemon as a body.
#[derive(Debug)]
pub(crate) struct RequestBody {
    pub(super) source: Source,
    /// What unpacks it, if it is sent on as what it holds.
    pub(super) inflated: Option<Box<Inflated>>,
    /// Our own canonical value; there is none without a body.
    content_type: Option<&'static str>,
    /// Of a body that is sent on as it comes: who waits for its end, and the count of its bytes.
    watched: Option<(Arc<RequestState>, Arc<AtomicU64>)>,
    /// What it is ended by if it comes too slowly.
    pace: Option<Box<Watch>>,
}

/// The longest body that is read after its request was denied, in bytes, and how long the reply waits for it.
const MAX_DENIED: u64 = 64 * 1024;
const AT_ONCE: Duration = Duration::from_millis(100);

/// Reads or takes over a request's body as its operation wants it.
pub(crate) async fn prepare(
    kind: docker::Body,
    head: &Head,
    body: Incoming,
    bytes_in: Arc<AtomicU64>,
    state: &Arc<RequestState>,
    (limits, taken): (&Limits, &mut Taken),
) -> Result<RequestBody, Denial> {
    let mut reader = Reader {
        head,
        body,
        time: limits.body_time,
        bytes_in: &bytes_in,
        state,
    };
    let (source, content_type) = match (kind, unwanted(kind, &head.content_types)) {
        _ if !head.has_body() => (Source::Whole(Bytes::new()), None),
        (_, Some(denial)) => {
            reader.read_nothing(denial).await?;
            (Source::Whole(Bytes::new()), None)
        }
        (docker::Body::Tar, None) => (Source::Stream(reader.body), Some(TAR)),
        (docker::Body::Json(_), None) => {
            let bytes = reader.read(limits.body_bytes, taken).await?;
            let content_type = (!bytes.is_empty()).then_some(JSON);
            (Source::Whole(bytes), content_type)
        }
        (docker::Body::Discarded | docker::Body::Import | docker::Body::Refused, None) => {
            reader.discard().await?;
            (Source::Whole(Bytes::new()), None)
        }
    };
    let is_stream = matches!(source, Source::Stream(_));
    if is_stream {
        state.set_upload(Upload::Running);
    }
    let watched = is_stream.then(|| (Arc::clone(state), bytes_in));
    Ok(RequestBody {
        source,
        inflated: None,
        content_type,
        watched,
        pace: None,
    })
}

impl RequestBody {
    /// A request without a body.
    pub(crate) fn empty() -> Self {
        Self {
            source: Source::Whole(Bytes::new()),
            inflated: None,
            content_type: None,
            watched: None,
            pace: None,
        }
    }

    /// A body of Dockgate's own.
    pub(crate) fn json(text: &str) -> Self {
        Self::empty().replaced(text)
    }

    /// Has it ended if it comes slower than this from now on.
    pub(crate) fn keep_pace(&mut self, rate: Option<UploadRate>) {
        self.pace = rate.map(Watch::new).map(Box::new);
    }

    /// Its bytes, if they were read.
    pub(crate) fn whole(&self) -> Bytes {
        match &self.source {
            Source::Whole(bytes) if self.inflated.is_none() => bytes.clone(),
            Source::Whole(_) | Source::Begun(..) | Source::Stream(_) => Bytes::new(),
        }
    }

    /// What is sent in its place, rendered from what was judged.
    pub(crate) fn replaced(mut self, rendered: &str) -> Self {
        self.source = Source::Whole(Bytes::copy_from_slice(rendered.as_bytes()));
        self.inflated = None;
        self.content_type = Some(JSON);
        self
    }

    /// Whether nothing is in it, so that it could be sent again.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(&self.source, Source::Whole(bytes) if bytes.is_empty())
    }

    /// The value of `Content-Type` to send with it.
    pub(crate) fn content_type(&self) -> Option<&'static str> {
        self.content_type
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let Self {
            source,
            inflated,
            watched,
            pace,
            ..
        } = &mut *self;
        let mut on_read = |bytes| {
            if let Some((_, bytes_in)) = watched {
                count(bytes_in, bytes);
            }
        };
        let polled = match inflated {
            Some(inflated) => inflated.poll_frame(source, cx, &mut on_read),
            None => source.poll_frame(cx, &mut on_read),
        };
        let polled = match pace {
            Some(pace) => pace.watch(polled, cx),
            None => polled,
        };
        if let Some((state, _)) = &self.watched {
            state.await_more(polled.is_pending());
        }
        let frame = ready!(polled);
        if let Some((state, _)) = &self.watched {
            match &frame {
                Some(Ok(_)) => {}
                Some(Err(Cut::Broken(error))) => state.set_upload(broken_by(error)),
                Some(Err(Cut::Gzip(bad))) => state.set_upload(Upload::Gzip(*bad)),
                Some(Err(Cut::Slow)) => state.set_upload(Upload::Slow),
                None => state.set_upload(Upload::Ended),
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.inflated {
            Some(inflated) => inflated.is_end(),
            None => self.source.is_end(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inflated {
            Some(_) => SizeHint::default(),
            None => self.source.size_hint(),
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        // Whoever sent it on has had enough of it.
        if let Some((state, _)) = &self.watched
            && state.upload() == Upload::Running
        {
            state.set_upload(Upload::Ended);
        }
    }
}

/// Reads a body of this length that nobody wants, if it is short. Whether its end came at once.
pub(crate) async fn ends_at_once(length: u64, mut body: Incoming, bytes_in: &AtomicU64) -> bool {
    if length > MAX_DENIED {
        return false;
    }
    let reading = async {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                return false;
            };
            count(bytes_in, frame.data_ref().map_or(0, Bytes::len));
        }
        true
    };
    tokio::time::timeout(AT_ONCE, reading)
        .await
        .unwrap_or_default()
}
