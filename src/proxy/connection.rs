//! One client's connection, from the first byte to the last. The path of a request on it:
//!
//! ```text
//! client's socket                                                 daemon's socket
//!   │                                                                 ▲     │
//!   ▼             head              the head                          │     │
//! Guard ──────────────────► RequestState ──────► Handler::answer ─► Upstream│
//!   │ a synthetic head            ▲                │                        │
//!   ▼                             │ release        ▼                        ▼
//! hyper ◄── writes the reply ── ReplyBody ◄── Response ◄───────────── hyper's client
//!   │                             │ dropped: the entry goes into the record
//!   ▼                             ▼
//! client's socket               the guard reads the next head
//! ```
//!
//! All of it is one task. `converse` polls its parts, and each only if its [`WakeFlag`] was set:
//!
//! ```text
//! 1. the drain      once it begins: a head that is under way is refused, and no further request is read
//! 2. the daemon     first, so that its closing is known before a request is sent
//! 3. the standing   if rules or the client's container changed: what is open ends if its right is gone
//! 4. the client     which runs the guard, hyper and the handler; then 2 again, for what that has sent
//! ```

use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::FutureExt;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::HttpService;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tower::service_fn;

use super::body::ReplyBody;
use super::guard::{Guard, HeadLimits};
use super::handler::{Handler, reply};
use super::request_state::{RequestState, Upload};
use super::standing::Standing;
use super::tunnel::Tunnel;
use super::wake_flag::WakeFlag;
use crate::config::Limits;
use crate::net::socket::{MAX_BUFFER, Socket};
use crate::policy::{Denial, Reason};
use crate::sync::lock;

/// How long the rest of a refused request is read and discarded. If the connection were closed
/// earlier, a client that is still writing would print "broken pipe" instead of the refusal.
const LINGER: Duration = Duration::from_secs(2);

/// How often the two sides of a connection are polled in turn before other connections get theirs.
/// A flag that is still set then wakes the task again.
const ROUNDS: usize = 8;

/// Serves a client until it leaves, or until shutdown ends its connection.
pub(crate) async fn serve(socket: Socket, standing: &Arc<Standing>, drain: watch::Receiver<bool>) {
    let (state, shared) = (Arc::clone(&standing.state), &standing.shared);
    let Limits { head, idle, .. } = shared.limits;
    let limits = HeadLimits {
        time: head,
        // A client that will only be refused may not stay idle for long.
        idle: if standing.barred.is_some() {
            head
        } else {
            idle
        },
        bytes: shared.limits.head_bytes,
    };
    let guard = Guard::new(socket, Arc::clone(&state), limits);
    let handler = Arc::new(Handler::new(Arc::clone(standing)));
    let (answering, answered) = (Arc::clone(&handler), Arc::clone(&state));
    let service = service_fn(move |request: Request<Incoming>| {
        let (handler, state) = (Arc::clone(&answering), Arc::clone(&answered));
        let body = request.into_body();
        caught(Box::pin(async move { handler.answer(body).await }), state)
    });
    let mut connection = http1::Builder::new()
        .half_close(false)
        .max_buf_size(MAX_BUFFER)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(guard), TowerToHyperService::new(service));
    let tunnel = converse(&mut connection, &handler, standing, drain).await;
    let parts = connection.into_parts();
    // This drops the daemon's connection too, unless the tunnel has taken it.
    drop((handler, parts.service));
    let guard = parts.io.into_inner();
    match tunnel {
        // Boxed, so that they do not need space while HTTP is spoken.
        Some(tunnel) => {
            let over = standing.over();
            Box::pin(tunnel.run(guard.into_raw(), parts.read_buf, over)).await;
        }
        None => Box::pin(linger(guard)).await,
    }
}

/// Speaks HTTP with the client and with the daemon until either of them ends it, or until a tunnel
/// replaces it.
async fn converse<S>(
    connection: &mut http1::Connection<TokioIo<Guard<Socket>>, S>,
    handler: &Handler,
    standing: &Standing,
    mut drain: watch::Receiver<bool>,
) -> Option<Tunnel>
where
    S: HttpService<Incoming, ResBody = ReplyBody, Error = Infallible, Future: Unpin> + Unpin,
{
    let mut drained =
        std::pin::pin!(async move { drain.wait_for(|draining| *draining).await.is_ok() });
    let (drain_flag, state) = (WakeFlag::new(), &*standing.state);
    let flags = [&drain_flag, &handler.upstream.wake_flag, &state.wake_flag];
    let mut keeps_no_more = false;
    poll_fn(|cx| {
        // Flags that are set from here on are seen below.
        for wake_flag in flags {
            wake_flag.hush();
        }
        if drain_flag.take_ring()
            && !state.draining.is_set()
            && drained.as_mut().poll(&mut drain_flag.context()).is_ready()
        {
            state.draining.set(true);
            state.wake_flag.ring();
        }
        for _ in 0..ROUNDS {
            // The daemon's side first, so that a closed connection is noticed before a request is
            // sent.
            handler.upstream.poll();
            if !state.wake_flag.take_ring() {
                break;
            }
            if state.released.is_set() && state.upload() == Upload::Running {
                // The daemon did not want the rest of the body, so it is not sent any more.
                handler.upstream.cut();
            }
            let is_revoked = standing.is_revoked();
            let mut context = state.wake_flag.context();
            let is_over = connection.poll_without_shutdown(&mut context).is_ready();
            let tunnel = lock(&handler.tunnel).take().filter(|_| !is_revoked);
            // If it is revoked, that poll ended what was open.
            if is_over || is_revoked || tunnel.is_some() {
                return Poll::Ready(tunnel);
            }
            if state.draining.is_set() && !keeps_no_more {
                // Only now, because an incomplete head had to be refused first.
                keeps_no_more = true;
                Pin::new(&mut *connection).graceful_shutdown();
                state.wake_flag.ring();
            }
        }
        for wake_flag in flags {
            wake_flag.belong_to(cx.waker());
        }
        Poll::Pending
    })
    .await
}

/// Ends a connection on which the client may still be sending.
async fn linger(guard: Guard<Socket>) {
    let has_unread = guard.has_unread();
    let mut socket = guard.into_socket();
    // The end of TLS is a message, which a client that does not read would hold up.
    let shut = tokio::time::timeout(LINGER, socket.shutdown()).await;
    if !matches!(shut, Ok(Ok(()))) || !has_unread {
        return;
    }
    let draining = async {
        let mut space = vec![0; 64 * 1024];
        while socket.read(&mut space).await.is_ok_and(|count| count > 0) {}
    };
    // A client that is still sending after that time sees a closed connection.
    _ = tokio::time::timeout(LINGER, draining).await;
}

/// The answer, or an error reply if its future panics. The entry writes the record when the panic drops it.
fn caught(
    answer: impl Future<Output = Response<ReplyBody>>,
    state: Arc<RequestState>,
) -> impl Future<Output = Result<Response<ReplyBody>, Infallible>> {
    AssertUnwindSafe(answer).catch_unwind().map(|answered| {
        Ok(answered.unwrap_or_else(|_| {
            let message = "this is a bug in dockgate: see its log";
            let reply = reply::denied(&Denial::new(Reason::InternalError, message), true);
            reply.map(|bytes| ReplyBody::whole(bytes, None, state))
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_a_500_with_its_reason() {
        let planted = async { panic!("planted") };
        let state = Arc::<RequestState>::default();
        let reply = caught(planted, Arc::clone(&state)).await.unwrap();
        assert_eq!(reply.status(), 500);
        assert_eq!(reply.headers()["dockgate-reason"], "internal_error");
        assert_eq!(reply.headers()["connection"], "close");
        drop(reply);
        assert!(state.released.is_set());
    }
}
