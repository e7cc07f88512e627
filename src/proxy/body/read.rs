//! Reads a request's body whole, within its bounds.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::task::Context;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use hyper::body::Incoming;

use super::kind::is_as_none;
use super::source::count;
use crate::docker::body::MAX_OF_NOTHING;
use crate::docker::json::{MAX_VALUES, parsed_size};
use crate::policy::{Denial, Reason};
use crate::proxy::budget::Taken;
use crate::proxy::head::{Framing, Head};
use crate::proxy::request_state::{RequestState, Upload};

/// The longest body that is read only to be thrown away, in bytes.
const MAX_DISCARDED: usize = 64 * 1024;

/// A body that is to be read.
pub(super) struct Reader<'a> {
    pub(super) head: &'a Head,
    pub(super) body: Incoming,
    /// How long it may take.
    pub(super) time: Duration,
    pub(super) bytes_in: &'a AtomicU64,
    pub(super) state: &'a RequestState,
}

impl Reader<'_> {
    /// Reads it, at most so many bytes, and takes them of the client's share.
    pub(super) async fn read(&mut self, most: usize, taken: &mut Taken) -> Result<Bytes, Denial> {
        let mut bytes = BytesMut::new();
        let keep = |data: Bytes| {
            taken.take(data.len())?;
            bytes.extend_from_slice(&data);
            Ok(())
        };
        self.each(most, || too_large(most), keep).await?;
        taken.take(parsed_size(&bytes, MAX_VALUES))?;
        Ok(bytes.freeze())
    }

    /// Reads it and keeps nothing of it, so it takes nothing of the budget.
    pub(super) async fn discard(&mut self) -> Result<(), Denial> {
        let too_large = || too_large(MAX_DISCARDED);
        self.each(MAX_DISCARDED, too_large, |_| Ok(())).await
    }

    /// Makes sure that it is as good as empty.
    pub(super) async fn read_nothing(&mut self, otherwise: Denial) -> Result<(), Denial> {
        let mut bytes = Vec::new();
        let keep = |data: Bytes| {
            bytes.extend_from_slice(&data);
            Ok(())
        };
        self.each(MAX_OF_NOTHING, || otherwise.clone(), keep)
            .await?;
        if is_as_none(&otherwise, &bytes) {
            Ok(())
        } else {
            Err(otherwise)
        }
    }

    /// Hands on each part of it as it comes; a longer one than this is denied.
    async fn each(
        &mut self,
        most: usize,
        longer: impl Fn() -> Denial,
        mut keep: impl FnMut(Bytes) -> Result<(), Denial>,
    ) -> Result<(), Denial> {
        if let Framing::Length(length) = self.head.framing
            && usize::try_from(length).map_or(true, |length| length > most)
        {
            return Err(longer());
        }
        let time = self.time;
        let reading = async {
            let mut length = 0;
            while let Some(data) = self.next().await? {
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

    /// The next bytes of the body.
    async fn next(&mut self) -> Result<Option<Bytes>, Denial> {
        let state = self.state;
        let body = &mut self.body;
        let mut frame = |cx: &mut Context<'_>| {
            let polled = Pin::new(&mut *body).poll_frame(cx);
            state.await_more(polled.is_pending());
            polled
        };
        while let Some(frame) = poll_fn(&mut frame).await {
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
pub(crate) fn broken() -> Denial {
    let message = "the body ended early or its chunks are broken: send it whole";
    Denial::new(Reason::BadBody, message)
}

/// Why a body broke off: the client sends no more, or what it sends is no chunk.
pub(super) fn broken_by(error: &hyper::Error) -> Upload {
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

/// The denial of a body that does not come in time.
pub(super) fn slow() -> Denial {
    Denial::new(
        Reason::BodyTimeout,
        "the body was not whole in time: send it at once",
    )
}
