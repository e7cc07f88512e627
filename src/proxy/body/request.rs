//! The body of a request: which there may be, read whole or sent on as it comes.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::cut::Cut;
use super::inflate::Inflated;
use super::kind::{JSON, TAR, is_as_none, refusal};
use super::pace::Watch;
use super::source::{Source, count};
use crate::config::{Limits, UploadRate};
use crate::docker;
use crate::docker::body::MAX_OF_NOTHING;
use crate::docker::json::{MAX_VALUES, parsed_size};
use crate::policy::{Denial, Reason};
use crate::proxy::budget::Taken;
use crate::proxy::head::{Framing, Head};
use crate::proxy::request_state::{RequestState, Upload};

/// What is sent to the daemon as a body.
#[derive(Debug)]
pub struct RequestBody {
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

/// The longest body that is read only to be thrown away, in bytes.
const MAX_DISCARDED: usize = 64 * 1024;
/// The longest body that is read after its request was denied, in bytes, and how long the reply waits for it.
const MAX_DENIED: u64 = 64 * 1024;
const AT_ONCE: Duration = Duration::from_millis(100);

/// Reads or takes over a request's body as its operation wants it.
///
/// # Errors
///
/// The body does not belong there, has another type than it must, is too long, too slow or broken.
pub async fn prepare(
    kind: docker::Body,
    head: &Head,
    mut body: Incoming,
    bytes_in: Arc<AtomicU64>,
    state: &Arc<RequestState>,
    (limits, taken): (&Limits, &mut Taken),
) -> Result<RequestBody, Denial> {
    let mut reader = Reader {
        limits,
        bytes_in: &bytes_in,
        state,
        taken,
    };
    let (source, content_type) = match (kind, refusal(kind, &head.content_types)) {
        _ if !head.has_body() => (Source::Whole(Bytes::new()), None),
        (_, Some(refusal)) => {
            reader.read_nothing(head, &mut body, refusal).await?;
            (Source::Whole(Bytes::new()), None)
        }
        (docker::Body::Tar, None) => (Source::Stream(body), Some(TAR)),
        (docker::Body::Json(_), None) => {
            let bytes = reader.read(head, &mut body, limits.body_bytes).await?;
            let content_type = (!bytes.is_empty()).then_some(JSON);
            (Source::Whole(bytes), content_type)
        }
        (docker::Body::Discarded | docker::Body::Import | docker::Body::Refused, None) => {
            reader.discard(head, &mut body).await?;
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
    #[must_use]
    pub fn empty() -> Self {
        Self {
            source: Source::Whole(Bytes::new()),
            inflated: None,
            content_type: None,
            watched: None,
            pace: None,
        }
    }

    /// A body of Dockgate's own.
    #[must_use]
    pub fn json(text: &str) -> Self {
        Self::empty().replaced(text)
    }

    /// Has it ended if it comes slower than this from now on.
    pub fn keep_pace(&mut self, rate: Option<UploadRate>) {
        self.pace = rate.map(Watch::new).map(Box::new);
    }

    /// Its bytes, if they were read.
    #[must_use]
    pub fn whole(&self) -> Bytes {
        match &self.source {
            Source::Whole(bytes) if self.inflated.is_none() => bytes.clone(),
            Source::Whole(_) | Source::Begun(..) | Source::Stream(_) => Bytes::new(),
        }
    }

    /// What is sent in its place, rendered from what was judged.
    #[must_use]
    pub fn replaced(mut self, rendered: &str) -> Self {
        self.source = Source::Whole(Bytes::copy_from_slice(rendered.as_bytes()));
        self.inflated = None;
        self.content_type = Some(JSON);
        self
    }

    /// Whether nothing is in it, so that it could be sent again.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(&self.source, Source::Whole(bytes) if bytes.is_empty())
    }

    /// The value of `Content-Type` to send with it.
    #[must_use]
    pub fn content_type(&self) -> Option<&'static str> {
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
pub async fn ends_at_once(length: u64, mut body: Incoming, bytes_in: &AtomicU64) -> bool {
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

/// Reads a body whole, within its bounds.
struct Reader<'a> {
    limits: &'a Limits,
    bytes_in: &'a AtomicU64,
    state: &'a RequestState,
    taken: &'a mut Taken,
}

impl Reader<'_> {
    async fn read(
        &mut self,
        head: &Head,
        body: &mut Incoming,
        most: usize,
    ) -> Result<Bytes, Denial> {
        check_length(head, most)?;
        let time = self.limits.body_time;
        let reading = async {
            let mut bytes = BytesMut::new();
            while let Some(data) = self.next(body).await? {
                if bytes.len() + data.len() > most {
                    return Err(too_large(most));
                }
                self.taken.take(data.len())?;
                bytes.extend_from_slice(&data);
            }
            self.taken.take(parsed_size(&bytes, MAX_VALUES))?;
            Ok(bytes.freeze())
        };
        tokio::time::timeout(time, reading)
            .await
            .unwrap_or_else(|_| Err(slow()))
    }

    /// Reads a body and keeps nothing of it, so it takes nothing of the budget.
    async fn discard(&self, head: &Head, body: &mut Incoming) -> Result<(), Denial> {
        check_length(head, MAX_DISCARDED)?;
        let reading = async {
            let mut length = 0;
            while let Some(data) = self.next(body).await? {
                length += data.len();
                if length > MAX_DISCARDED {
                    return Err(too_large(MAX_DISCARDED));
                }
            }
            Ok(())
        };
        let time = self.limits.body_time;
        tokio::time::timeout(time, reading)
            .await
            .unwrap_or_else(|_| Err(slow()))
    }

    /// Makes sure that a body is as good as empty.
    async fn read_nothing(
        &mut self,
        head: &Head,
        body: &mut Incoming,
        otherwise: Denial,
    ) -> Result<(), Denial> {
        if check_length(head, MAX_OF_NOTHING).is_err() {
            return Err(otherwise);
        }
        let time = self.limits.body_time;
        let reading = async {
            let mut bytes = Vec::new();
            while let Some(data) = self.next(body).await? {
                if bytes.len() + data.len() > MAX_OF_NOTHING {
                    return Err(otherwise);
                }
                bytes.extend_from_slice(&data);
            }
            if is_as_none(&otherwise, &bytes) {
                Ok(())
            } else {
                Err(otherwise)
            }
        };
        tokio::time::timeout(time, reading)
            .await
            .unwrap_or_else(|_| Err(slow()))
    }

    /// The next bytes of the body.
    async fn next(&self, body: &mut Incoming) -> Result<Option<Bytes>, Denial> {
        let state = self.state;
        let frame = |body: &mut Incoming, cx: &mut Context<'_>| {
            let polled = Pin::new(body).poll_frame(cx);
            state.await_more(polled.is_pending());
            polled
        };
        while let Some(frame) = poll_fn(|cx| frame(body, cx)).await {
            let frame = frame.map_err(|error| {
                self.state.set_upload(broken_by(&error));
                broken()
            })?;
            if let Ok(data) = frame.into_data() {
                count(self.bytes_in, data.len());
                return Ok(Some(data));
            }
        }
        self.state.set_upload(Upload::Ended);
        Ok(None)
    }
}

/// The refusal of a body that is not what its framing says.
pub fn broken() -> Denial {
    let message = "the body ended early or its chunks are broken: send it whole";
    Denial::new(Reason::BadBody, message)
}

/// Why a body broke off: the client sends no more, or what it sends is no chunk.
fn broken_by(error: &hyper::Error) -> Upload {
    let source = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    let ends = [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset];
    let has_ended = source.is_some_and(|error| ends.contains(&error.kind()));
    if has_ended || error.is_incomplete_message() {
        Upload::Left
    } else {
        Upload::Broken
    }
}

/// Checks a body's announced length.
fn check_length(head: &Head, most: usize) -> Result<(), Denial> {
    match head.framing {
        Framing::Length(length) if usize::try_from(length).map_or(true, |length| length > most) => {
            Err(too_large(most))
        }
        Framing::Length(_) | Framing::Chunked => Ok(()),
    }
}

fn too_large(most: usize) -> Denial {
    let message = format!("the body is longer than {most} bytes: send less");
    Denial::new(Reason::BodyTooLarge, message)
}

/// The denial of a body that does not come in time.
pub(super) fn slow() -> Denial {
    Denial::new(
        Reason::BodyTimeout,
        "the body was not whole in time: send it at once",
    )
}
