//! The body of a request: which ones are accepted, and whether it is read completely or streamed.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::cut::Cut;
use super::inflate::Inflated;
use super::kind::{JSON, TAR, is_as_none, unwanted};
use super::pace::Pace;
use super::source::{Polled, Source};
use super::tar::{LONGEST_MAGIC, Packed};
use crate::config::{Limits, UploadRate};
use crate::docker;
use crate::docker::body::MAX_OF_NOTHING;
use crate::docker::json::{MAX_VALUES, parsed_size};
use crate::policy::{Denial, Reason};
use crate::proxy::budget::Taken;
use crate::proxy::head::{Framing, Head};
use crate::proxy::request_state::{RequestState, Upload};
use crate::sync::Count;

/// The body that is sent to the daemon.
#[derive(Debug, Default)]
pub(crate) struct RequestBody {
    source: Source,
    /// Unpacks it, if it is sent unpacked.
    inflated: Option<Box<Inflated>>,
    /// A checked and rendered value; `None` if there is no body.
    pub(crate) content_type: Option<&'static str>,
    /// Waits for its end, if it comes from a client.
    watched: Option<Arc<RequestState>>,
    /// Ends it if it arrives too slowly.
    pace: Option<Box<Pace>>,
    /// How the daemon would unpack it; known once its beginning was read.
    pub(crate) packed: Packed,
}

/// The longest body that is read only to be discarded, in bytes.
const MAX_DISCARDED: usize = 64 * 1024;
/// The longest body that is read after its request was denied, in bytes, and how long the reply waits for it.
const MAX_DENIED: u64 = 64 * 1024;
const AT_ONCE: Duration = Duration::from_millis(100);

/// Reads or takes over a request's body, as its operation requires.
pub(crate) async fn prepare(
    kind: docker::Body,
    head: &Head,
    body: Incoming,
    bytes_in: Arc<Count>,
    state: &Arc<RequestState>,
    (limits, taken): (&Limits, &mut Taken),
) -> Result<RequestBody, Denial> {
    let mut body = RequestBody::of_client(body, bytes_in, state);
    let (time, mut bytes) = (limits.body_time, BytesMut::new());
    match (kind, unwanted(kind, &head.content_types)) {
        (_, Some(denial)) => {
            let keep = |data: &[u8]| {
                bytes.extend_from_slice(data);
                Ok(())
            };
            body.read(head, time, MAX_OF_NOTHING, || denial.clone(), keep)
                .await?;
            if !is_as_none(&denial, &bytes) {
                return Err(denial);
            }
            Ok(RequestBody::default())
        }
        (docker::Body::Tar, None) => {
            state.set_upload(Upload::Running);
            body.content_type = Some(TAR);
            Ok(body)
        }
        (docker::Body::Json(_), None) => {
            let most = limits.body_bytes;
            let keep = |data: &[u8]| {
                taken.take(data.len())?;
                bytes.extend_from_slice(data);
                Ok(())
            };
            body.read(head, time, most, || too_large(most), keep)
                .await?;
            taken.take(parsed_size(&bytes, MAX_VALUES))?;
            Ok(RequestBody::json(bytes.freeze()))
        }
        (docker::Body::Discarded | docker::Body::Import | docker::Body::Refused, None) => {
            // None of it is kept, so it needs no part of the budget.
            let too_large = || too_large(MAX_DISCARDED);
            body.read(head, time, MAX_DISCARDED, too_large, |_| Ok(()))
                .await?;
            Ok(RequestBody::default())
        }
    }
}

impl RequestBody {
    /// A body of which nothing was read yet.
    fn of_client(body: Incoming, bytes_in: Arc<Count>, state: &Arc<RequestState>) -> Self {
        let mut of_client = Self::default();
        of_client.source.rest = Some(body);
        of_client.source.read = Some(bytes_in);
        of_client.watched = Some(Arc::clone(state));
        of_client.packed = Packed::With("something unknown");
        of_client
    }

    /// A body that is present, with its type unless it is empty.
    pub(crate) fn json(bytes: Bytes) -> Self {
        let mut json = Self::default();
        json.content_type = (!bytes.is_empty()).then_some(JSON);
        json.source.ahead = bytes;
        json
    }

    /// Passes on each part of it as it arrives; a body longer than this is denied.
    async fn read(
        &mut self,
        head: &Head,
        time: Duration,
        most: usize,
        longer: impl Fn() -> Denial,
        mut keep: impl FnMut(&[u8]) -> Result<(), Denial>,
    ) -> Result<(), Denial> {
        if let Framing::Length(length) = head.framing
            && usize::try_from(length).map_or(true, |length| length > most)
        {
            return Err(longer());
        }
        let reading = async {
            let mut length = 0;
            while let Some(frame) = self.frame().await {
                let frame = frame?;
                let data = frame.data_ref().map_or(&[][..], |data| data);
                length += data.len();
                if length > most {
                    return Err(longer());
                }
                keep(data)?;
            }
            Ok(())
        };
        let read = tokio::time::timeout(time, reading).await;
        read.unwrap_or_else(|_| Err(slow()))
    }

    /// Waits until its beginning was read, or all of a shorter body.
    pub(crate) async fn begin(&mut self, time: Duration) -> Result<(), Denial> {
        if self.source.rest.is_none() {
            return Ok(());
        }
        let mut begun = BytesMut::new();
        let reading = async {
            while begun.len() < LONGEST_MAGIC {
                let Some(frame) = self.frame().await else {
                    break;
                };
                begun.extend_from_slice(frame?.data_ref().map_or(&[][..], |data| data));
            }
            Ok(())
        };
        let read = tokio::time::timeout(time, reading).await;
        read.unwrap_or_else(|_| Err(slow()))?;
        self.packed = Packed::of(&begun);
        // After unpacking once, it must be a tar.
        if self.packed == Packed::Gzip && self.inflated.is_some() {
            self.packed = Packed::With("gzip twice");
        }
        self.source.ahead = begun.freeze();
        Ok(())
    }

    /// From now on unpacks it while it is read, and waits for the beginning of the output.
    pub(crate) async fn inflate(&mut self, time: Duration) -> Result<(), Denial> {
        let packed = std::mem::take(&mut self.source.ahead);
        self.inflated = Some(Box::new(Inflated::new(packed)));
        self.begin(time).await
    }

    /// From now on ends it if it arrives more slowly than this.
    pub(crate) fn keep_pace(&mut self, rate: Option<UploadRate>) {
        self.pace = rate.map(Pace::new).map(Box::new);
    }

    /// Its bytes, if they were read.
    pub(crate) fn whole(&self) -> Bytes {
        match self.source.rest {
            None => self.source.ahead.clone(),
            Some(_) => Bytes::new(),
        }
    }

    /// Whether it is empty, so that it could be sent again.
    pub(crate) fn is_empty(&self) -> bool {
        self.source.rest.is_none() && self.source.ahead.is_empty()
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Polled> {
        let body = &mut *self;
        let polled = match &mut body.inflated {
            Some(inflated) if body.source.ahead.is_empty() => {
                inflated.poll_frame(&mut body.source, cx)
            }
            Some(_) | None => body.source.poll_frame(cx),
        };
        let polled = match &mut body.pace {
            Some(pace) => pace.watch(polled, cx),
            None => polled,
        };
        let Some(state) = &body.watched else {
            return polled;
        };
        state.await_more(polled.is_pending());
        let frame = ready!(polled);
        match &frame {
            Some(Ok(_)) => {}
            Some(Err(Cut::Broken(error))) => state.set_upload(broken_by(error)),
            // Only replies are filtered.
            Some(Err(Cut::Filter(_) | Cut::Full(_))) => state.set_upload(Upload::Broken),
            Some(Err(Cut::Gzip(bad))) => state.set_upload(Upload::Gzip(*bad)),
            Some(Err(Cut::Revoked)) => state.set_upload(Upload::Left),
            Some(Err(Cut::Slow)) => state.set_upload(Upload::Slow),
            None => state.set_upload(Upload::Ended),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.inflated {
            Some(inflated) => inflated.is_over && self.source.ahead.is_empty(),
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
        // The receiver does not want any more of it.
        if let Some(state) = &self.watched
            && state.upload() == Upload::Running
        {
            state.set_upload(Upload::Ended);
        }
    }
}

/// Why a body broke off: the client stopped sending, or its chunks are not valid.
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

fn too_large(most: usize) -> Denial {
    let message = format!("the body is longer than {most} bytes: send less");
    Denial::new(Reason::BodyTooLarge, message)
}

fn slow() -> Denial {
    let message = "the body did not arrive in time: send it without pauses";
    Denial::new(Reason::BodyTimeout, message)
}

/// Reads a body of this length that is not needed, if it is short. Returns whether its end arrived
/// at once.
pub(crate) async fn ends_at_once(length: u64, mut body: Incoming, bytes_in: &Count) -> bool {
    if length > MAX_DENIED {
        return false;
    }
    let reading = async {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                return false;
            };
            bytes_in.add(frame.data_ref().map_or(0, Bytes::len));
        }
        true
    };
    tokio::time::timeout(AT_ONCE, reading)
        .await
        .unwrap_or_default()
}
