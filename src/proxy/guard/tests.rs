use std::task::Waker;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

const LIMITS: HeadLimits = HeadLimits {
    time: Duration::from_secs(1),
    idle: Duration::from_secs(1),
    bytes: 1024,
};

/// A guard whose client has sent this request, which hyper has read to its end.
async fn asked(request: &str) -> (Guard<DuplexStream>, DuplexStream) {
    let (mut client, socket) = duplex(1024);
    client.write_all(request.as_bytes()).await.unwrap();
    let state = Arc::<RequestState>::default();
    let mut guard = Guard::new(socket, Arc::clone(&state), LIMITS);
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") || read.ends_with(b"chunked\r\n\r\n") {
        guard.read_buf(&mut read).await.unwrap();
    }
    state.set_upload(Upload::Ended);
    (guard, client)
}

/// Whether hyper knows that the client has left.
fn is_told(guard: &mut Guard<DuplexStream>) -> bool {
    let mut space = [0; 64];
    let mut to = ReadBuf::new(&mut space);
    let polled = Pin::new(guard).poll_read(&mut Context::from_waker(Waker::noop()), &mut to);
    polled.is_ready() && to.filled().is_empty()
}

#[tokio::test]
async fn a_client_that_half_closed_is_kept_for_at_most_a_minute() {
    for lines in [
        "GET /info HTTP/1.1\r\nHost: x\r\n\r\n",
        "PUT /containers/web/archive HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let (mut guard, client) = asked(lines).await;
        assert!(!is_told(&mut guard), "it is there: {lines}");
        drop(client);
        assert!(!is_told(&mut guard), "it may still read: {lines}");
        let left = guard.deadline.at.duration_since(Instant::now());
        assert!(
            left <= HALF_CLOSED && left > HALF_CLOSED / 2,
            "{left:?}: {lines}"
        );
        guard.deadline.at = Instant::now();
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(is_told(&mut guard), "{lines}");
    }
}
