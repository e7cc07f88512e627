//! The read side of a client's socket, below hyper.
//!
//! The guard collects one head, has it [parsed](super::head), and gives hyper a synthetic one that
//! only says how the body is framed. Then it lets that body through and holds everything else until
//! the reply is over: bytes after a request are never read as another request while the connection
//! may still be hijacked.
//!
//! ```text
//!   ┌──────────────────────── the reply is over ────────────────────────┐
//!   ▼                                                                   │
//! Head ─ good ─┬─ no body ───────────────────────────────────────────► Held
//!   │          ├─ of known length ──► Body ── all of it was read ───────┘
//!   │          └─ in chunks ────────► Chunks   the connection's last request
//!   └─── bad ───────────────────────► Refused  no byte is anybody's any more
//!
//! any of them ── hijacked ──────────► Raw      what is held, then the socket's own bytes
//! ```

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::deadline::Deadline;
use super::head::{BadHead, Framing, Head, RefusedHead, Scan, first_line};
use super::request_state::{RequestState, Upload};

/// The time and size limits of a head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimits {
    /// From the first byte to the last.
    pub(crate) time: Duration,
    /// Before the first byte.
    pub(crate) idle: Duration,
    /// The length in bytes.
    pub(crate) bytes: usize,
}

/// A client's socket with a guarded read side.
#[derive(Debug)]
pub(crate) struct Guard<S> {
    socket: S,
    state: Arc<RequestState>,
    limits: HeadLimits,
    phase: Phase,
    /// Bytes from the client that hyper may not have yet.
    held: Vec<u8>,
    /// How much of the head was found in them.
    scan: Scan,
    /// The rest of the synthetic head for hyper.
    synthetic: Vec<u8>,
    end: End,
    /// When the client must have sent something, or must have left.
    deadline: Deadline,
}

/// The meaning of the client's next bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Head,
    /// This many bytes of a body.
    Body(u64),
    /// A chunked body and anything after it: hyper finds its end, and the request is the
    /// connection's last.
    Chunks,
    /// Bytes that do not belong to the current request.
    Held,
    /// Bytes after a refused head, which are ignored.
    Refused,
    /// Raw bytes of a hijacked connection.
    Raw,
}

/// Whether the client's bytes have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Not as far as we know.
    NotSeen,
    /// Within a chunked body whose reader may still find its end.
    Asked,
    /// It has shut down its sending side, or has left.
    Seen,
}

/// How much is read at once, and held after a request, in bytes.
const READ: usize = 16 * 1024;
/// How long a client that has shut down its sending side is assumed to wait for its reply.
const HALF_CLOSED: Duration = Duration::from_mins(1);

impl<S: AsyncRead + AsyncWrite + Unpin> Guard<S> {
    /// A guard for a socket from which nothing was read yet.
    pub(crate) fn new(socket: S, state: Arc<RequestState>, limits: HeadLimits) -> Self {
        Self {
            socket,
            state,
            limits,
            phase: Phase::Head,
            held: Vec::new(),
            scan: Scan::default(),
            synthetic: Vec::new(),
            end: End::NotSeen,
            deadline: Deadline::within(limits.idle),
        }
    }

    /// Stops guarding: the next reads return the held bytes, then the socket's own.
    pub(crate) fn into_raw(mut self) -> Self {
        self.phase = Phase::Raw;
        self
    }

    /// Whether the client may have sent bytes that nothing will read.
    pub(crate) fn has_unread(&self) -> bool {
        self.phase != Phase::Head || !self.held.is_empty()
    }

    pub(crate) fn into_socket(self) -> S {
        self.socket
    }

    /// Reads from the socket to the held bytes. Ready with the number of bytes, zero at the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [const { MaybeUninit::<u8>::uninit() }; READ];
        let mut read = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut read))?;
        self.held.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    }

    /// Collects a head. Ready when a synthetic one is available for hyper, or when no more bytes
    /// will arrive.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.check_held() {
                Ok(None) => {}
                Ok(Some(end)) => {
                    self.accept(end);
                    return Poll::Ready(());
                }
                Err(bad) => {
                    self.refuse(bad);
                    return Poll::Ready(());
                }
            }
            let bad = match self.poll_fill(cx) {
                // A reset ends a head just as an orderly close does, and is recorded.
                Poll::Ready(Ok(0) | Err(_)) => BadHead::Incomplete,
                Poll::Ready(Ok(count)) => {
                    if self.held.len() == count {
                        self.deadline.at = Instant::now() + self.limits.time;
                    }
                    continue;
                }
                Poll::Pending if self.state.draining.is_set() => BadHead::Draining,
                Poll::Pending => {
                    ready!(self.deadline.poll(cx));
                    BadHead::Slow
                }
            };
            // Without a single byte of a head, there is no request to refuse.
            if !self.held.is_empty() {
                self.refuse(bad);
            }
            return Poll::Ready(());
        }
    }

    /// Checks the new ones of the held bytes. Returns where the head ends, if it does.
    fn check_held(&mut self) -> Result<Option<usize>, BadHead> {
        let within = self.held.len().min(self.limits.bytes);
        let end = self
            .scan
            .check(self.held.get(..within).unwrap_or_default())?;
        match end {
            None if self.held.len() > self.limits.bytes => Err(BadHead::TooLarge),
            end => Ok(end),
        }
    }

    fn accept(&mut self, end: usize) {
        let parsed = Head::parse(self.held.get(..end).unwrap_or_default());
        self.held.drain(..end);
        self.scan = Scan::default();
        match parsed {
            Ok(head) => {
                self.phase = match head.framing {
                    Framing::Length(0) => Phase::Held,
                    Framing::Length(length) => Phase::Body(length),
                    Framing::Chunked => Phase::Chunks,
                };
                head.synthesize(&mut self.synthetic);
                self.state.put_head(Ok(Box::new(head)));
            }
            Err(refused) => self.refuse_parsed(refused),
        }
    }

    fn refuse(&mut self, bad: BadHead) {
        let line = first_line(&self.held);
        self.refuse_parsed(RefusedHead { bad, line });
    }

    /// Gives hyper a request in place of the refused one, so that it is answered and recorded like
    /// any other.
    fn refuse_parsed(&mut self, refused: RefusedHead) {
        let is_head = matches!(&refused.line, Some((method, _)) if method == "HEAD");
        let method: &[u8] = if is_head { b"HEAD" } else { b"GET" };
        self.synthetic.extend_from_slice(method);
        self.synthetic
            .extend_from_slice(b" / HTTP/1.1\r\nconnection: close\r\n\r\n");
        self.held = Vec::new();
        self.phase = Phase::Refused;
        self.state.put_head(Err(refused));
    }

    /// Notes that the client has shut down its sending side. It may still want its reply, but not forever: a
    /// client that has closed the connection looks the same.
    fn end(&mut self) {
        self.end = End::Seen;
        self.deadline.at = Instant::now() + HALF_CLOSED;
    }

    /// Lets hyper read a body of known length.
    fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
        left: u64,
    ) -> Poll<io::Result<()>> {
        let most = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(to.remaining());
        let mut space = [const { MaybeUninit::<u8>::uninit() }; READ];
        let mut space = ReadBuf::uninit(&mut space);
        let mut read = space.take(most);
        if self.held.is_empty() {
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut read))?;
        } else {
            give(&mut self.held, &mut read);
        }
        to.put_slice(read.filled());
        let given = u64::try_from(read.filled().len()).unwrap_or(left);
        self.phase = if given == left {
            Phase::Held
        } else {
            Phase::Body(left - given)
        };
        Poll::Ready(Ok(()))
    }

    /// Lets hyper read a chunked body. Only hyper knows where it ends, so when the client's bytes
    /// end, the reader of the body is first asked whether it has reached the end.
    fn poll_chunks(&mut self, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, to))?;
        if to.filled().len() > before || self.state.end_means_gone.is_set() {
            return Poll::Ready(Ok(()));
        }
        if self.state.upload() == Upload::Ended {
            if self.end != End::Seen {
                self.end();
            }
            return self.deadline.poll(cx).map(Ok);
        }
        if !self.state.awaits_more() {
            return Poll::Pending;
        }
        if self.end != End::NotSeen {
            return Poll::Ready(Ok(()));
        }
        self.end = End::Asked;
        self.state.wake_flag.ring();
        Poll::Pending
    }

    /// Holds bytes that arrive, and tells hyper when the client has left.
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let is_watched = self.state.end_means_gone.is_set();
        while self.end != End::Seen && self.held.len() < READ {
            if ready!(self.poll_fill(cx))? == 0 {
                self.end();
            }
        }
        if self.end == End::Seen && !is_watched {
            ready!(self.deadline.poll(cx));
        }
        // A client that sends this much after a request with an endless reply does not want the
        // reply. After other requests the bytes may be for a container that will be attached.
        if is_watched || self.end == End::Seen {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.phase == Phase::Held && self.state.released.replace(false) {
            self.phase = Phase::Head;
            self.deadline.at = Instant::now()
                + if self.held.is_empty() {
                    self.limits.idle
                } else {
                    self.limits.time
                };
        }
        if self.phase == Phase::Head {
            self.state.released.set(false);
            ready!(self.poll_head(cx));
        }
        if !self.synthetic.is_empty() {
            give(&mut self.synthetic, to);
            return Poll::Ready(Ok(()));
        }
        match self.phase {
            // The client closed the connection, or was idle for too long.
            Phase::Head => Poll::Ready(Ok(())),
            Phase::Body(left) => self.poll_body(cx, to, left),
            Phase::Held => self.poll_held(cx),
            Phase::Refused => Poll::Pending,
            Phase::Chunks | Phase::Raw if !self.held.is_empty() => {
                give(&mut self.held, to);
                Poll::Ready(Ok(()))
            }
            Phase::Chunks => self.poll_chunks(cx, to),
            Phase::Raw => Pin::new(&mut self.socket).poll_read(cx, to),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, slices)
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

/// Moves as many bytes as fit.
fn give(from: &mut Vec<u8>, to: &mut ReadBuf<'_>) {
    let count = from.len().min(to.remaining());
    to.put_slice(from.get(..count).unwrap_or_default());
    from.drain(..count);
}

#[cfg(test)]
mod tests;
