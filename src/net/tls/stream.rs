//! A connection that speaks TLS.
//!
//! Its end is a message of TLS, `close_notify`. A connection that ends without it was cut, and reading from it is an
//! error: otherwise whoever can reset TCP could shorten a request or a reply.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

/// A connection that speaks TLS.
#[derive(Debug)]
pub(crate) struct TlsSocket(Box<TlsStream<Transport>>);

/// What is below TLS. Handshakes run on another thread, and a socket belongs to one thread at a time.
#[derive(Debug)]
pub(crate) enum Transport {
    Here(TcpStream),
    OnTheWay(std::net::TcpStream),
    Gone,
}

impl Transport {
    fn here(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        match self {
            Self::Here(socket) => Ok(Pin::new(socket)),
            Self::OnTheWay(_) | Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Takes the socket from this thread.
    pub(crate) fn leave(self) -> io::Result<Self> {
        match self {
            Self::Here(socket) => socket.into_std().map(Self::OnTheWay),
            other @ (Self::OnTheWay(_) | Self::Gone) => Ok(other),
        }
    }

    /// Gives the socket to this thread.
    pub(crate) fn arrive(self) -> io::Result<Self> {
        match self {
            Self::OnTheWay(socket) => TcpStream::from_std(socket).map(Self::Here),
            other @ (Self::Here(_) | Self::Gone) => Ok(other),
        }
    }
}

impl TlsSocket {
    pub(crate) fn new(stream: impl Into<TlsStream<Transport>>) -> Self {
        Self(Box::new(stream.into()))
    }

    /// The socket below.
    pub(crate) fn tcp(&self) -> Option<&TcpStream> {
        match self.0.get_ref().0 {
            Transport::Here(socket) => Some(socket),
            Transport::OnTheWay(_) | Transport::Gone => None,
        }
    }

    /// The other end's certificate, and those that it sent with it.
    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        self.0.get_ref().1.peer_certificates().unwrap_or_default()
    }

    /// The same connection, after its socket left or arrived.
    pub(crate) fn moved(
        mut self,
        how: impl Fn(Transport) -> io::Result<Transport>,
    ) -> io::Result<Self> {
        let (transport, _) = self.0.get_mut();
        *transport = how(std::mem::replace(transport, Transport::Gone))?;
        Ok(self)
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().here()?.poll_read(cx, to)
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().here()?.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().here()?.poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().here()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().here()?.poll_shutdown(cx)
    }
}

// These are not inlined, because every user of a socket would get a copy of them.
impl AsyncRead for TlsSocket {
    #[inline(never)]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(cx, to)
    }
}

impl AsyncWrite for TlsSocket {
    #[inline(never)]
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, bytes)
    }

    #[inline(never)]
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    #[inline(never)]
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    #[inline(never)]
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(cx)
    }
}
