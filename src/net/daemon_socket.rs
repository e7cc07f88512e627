//! The socket to the daemon, as hyper sees it until a hijack.
//!
//! A daemon may reply before it has the whole request, and close. Then writing fails while the
//! reply is still to be read, and hyper would give up on both. So what cannot be written any more
//! is thrown away, and reading alone decides: it brings the reply, or the end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::chunks::Heard;
use super::socket::Socket;

/// A socket whose reading alone tells whether the daemon is there.
#[derive(Debug)]
pub struct DaemonSocket {
    socket: Socket,
    /// Notes what is read.
    heard: Arc<Heard>,
}

impl DaemonSocket {
    /// A socket on which nothing was read yet.
    #[must_use]
    pub fn new(socket: Socket, heard: Arc<Heard>) -> Self {
        Self { socket, heard }
    }

    /// The socket itself, whose writing fails where it must.
    #[must_use]
    pub fn into_inner(self) -> Socket {
        self.socket
    }
}

impl AsyncRead for DaemonSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, to))?;
        self.heard
            .hear(to.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for DaemonSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.socket).poll_write(cx, bytes));
        Poll::Ready(written.or_else(|error| thrown_away(error, bytes.len())))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.socket).poll_write_vectored(cx, slices));
        let all = slices.iter().map(|slice| slice.len()).sum();
        Poll::Ready(written.or_else(|error| thrown_away(error, all)))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// Takes as written what a daemon that has stopped reading will never get.
fn thrown_away(error: io::Error, count: usize) -> io::Result<usize> {
    let gone = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
    if gone.contains(&error.kind()) {
        Ok(count)
    } else {
        Err(error)
    }
}
