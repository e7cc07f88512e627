//! A stream socket, TCP or unix, or TLS over TCP.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::heard::last_heard;
use super::tls::stream::TlsSocket;

/// The most bytes that hyper buffers for one direction of a connection. A client that does not read a large reply keeps
/// twice as much in memory.
pub(crate) const MAX_BUFFER: usize = 64 * 1024;

/// How long a connection is silent before the system asks its other end.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(30);

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(TlsSocket),
}

impl Socket {
    fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(socket) => Some(socket),
            Self::Tls(socket) => socket.tcp(),
            Self::Unix(_) => None,
        }
    }

    /// How long ago the other end of a TCP connection was last heard, at most; `None` if the connection is gone.
    pub(crate) fn last_heard(&self) -> io::Result<Option<Duration>> {
        let Some(socket) = self.tcp() else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let ends = || Ok((socket.local_addr()?, socket.peer_addr()?));
        match ends().and_then(|(local, peer)| last_heard(local, peer)) {
            Ok(since) => Ok(Some(since)),
            Err(error) if self.is_gone() => {
                tracing::debug!(%error, "a connection was reset before it was served");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Has the system ask the other end of a TCP connection after it was silent for so long. An end that knows nothing of
    /// the connection resets it.
    pub(crate) fn keep_alive(&self, silent: Duration) {
        if let Some(socket) = self.tcp() {
            let keepalive = TcpKeepalive::new()
                .with_time(silent)
                .with_interval(KEEPALIVE);
            // If the client is already gone, reading from it reports that.
            _ = SockRef::from(socket).set_tcp_keepalive(&keepalive);
        }
    }

    /// Whether the connection was reset, as far as the system knows now.
    fn is_gone(&self) -> bool {
        let of = match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Unix(socket) => socket.as_fd(),
            Self::Tls(socket) => match socket.tcp() {
                Some(socket) => socket.as_fd(),
                None => return true,
            },
        };
        let mut polled = [PollFd::new(&of, PollFlags::empty())];
        let found = rustix::event::poll(&mut polled, Some(&Timespec::default()));
        let [polled] = polled;
        found.is_ok() && polled.revents().intersects(PollFlags::HUP | PollFlags::ERR)
    }
}

/// Calls a method of the socket.
macro_rules! either {
    ($self:ident, $method:ident($($argument:expr),*)) => {
        match $self.get_mut() {
            Socket::Tcp(socket) => Pin::new(socket).$method($($argument),*),
            Socket::Unix(socket) => Pin::new(socket).$method($($argument),*),
            Socket::Tls(socket) => Pin::new(socket).$method($($argument),*),
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, poll_read(cx, to))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self, poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices {
            // The kernel takes less time over the plain call.
            [slice] => self.poll_write(cx, slice),
            _ => either!(self, poll_write_vectored(cx, slices)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_shutdown(cx))
    }
}
