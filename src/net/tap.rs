//! A stream with a listener that sees what is read from it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::sync::Count;

/// A stream with a listener that sees what is read from it, and its errors.
#[derive(Debug)]
pub(crate) struct Tap<S, L> {
    pub(crate) stream: S,
    pub(crate) listener: L,
}

/// Sees what is read from a stream.
pub(crate) trait Listen: Unpin {
    fn hear(&mut self, bytes: &[u8]);

    /// Gets an error of reading, or of writing this many bytes. Returns the error, or the number of bytes if they are to
    /// count as written.
    fn fail(&mut self, error: io::Error, unwritten: Option<usize>) -> io::Result<usize>;
}

/// Counts what is read from a stream.
#[derive(Debug)]
pub(crate) struct Meter {
    read: Arc<Count>,
    pub(crate) has_failed: bool,
}

impl Listen for Meter {
    fn hear(&mut self, bytes: &[u8]) {
        self.read.add(bytes.len());
    }

    fn fail(&mut self, error: io::Error, _: Option<usize>) -> io::Result<usize> {
        self.has_failed = true;
        Err(error)
    }
}

impl<S> Tap<S, Meter> {
    /// A stream whose read bytes are added to a count.
    pub(crate) fn metered(stream: S, read: Arc<Count>) -> Self {
        let has_failed = false;
        let listener = Meter { read, has_failed };
        Self { stream, listener }
    }
}

impl<S: AsyncRead + Unpin, L: Listen> AsyncRead for Tap<S, L> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        let result = ready!(Pin::new(&mut self.stream).poll_read(cx, to));
        self.listener
            .hear(to.filled().get(before..).unwrap_or_default());
        Poll::Ready(result.or_else(|error| self.listener.fail(error, None).map(drop)))
    }
}

impl<S: AsyncWrite + Unpin, L: Listen> AsyncWrite for Tap<S, L> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        Poll::Ready(result.or_else(|error| self.listener.fail(error, Some(bytes.len()))))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices));
        let all = || slices.iter().map(|slice| slice.len()).sum();
        Poll::Ready(result.or_else(|error| self.listener.fail(error, Some(all()))))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.stream).poll_flush(cx));
        Poll::Ready(result.or_else(|error| self.listener.fail(error, None).map(drop)))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
        Poll::Ready(result.or_else(|error| self.listener.fail(error, None).map(drop)))
    }
}
