//! How long and how large a head may be.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::config::Limits;

/// The bounds on heads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimits {
    /// From the first byte to the last.
    pub(crate) time: Duration,
    /// Before the first byte.
    pub(crate) idle: Duration,
    /// The length in bytes.
    pub(crate) bytes: usize,
}

impl HeadLimits {
    /// The limits of a connection; one that is only to be refused may not be idle for long.
    pub(crate) fn new(limits: &Limits, is_over_limit: bool) -> Self {
        Self {
            time: limits.head,
            idle: if is_over_limit {
                limits.head
            } else {
                limits.idle
            },
            bytes: limits.head_bytes,
        }
    }
}

/// When the client must have sent something, or have left.
#[derive(Debug)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// So long from now.
    pub(super) fn within(time: Duration) -> Self {
        let at = Instant::now() + time;
        Self { at, timer: None }
    }

    /// Sets it to so long from now. The timer is only moved when it would go off too late; when it goes off too
    /// early it is set again, so that a request costs no timer.
    pub(super) fn set(&mut self, time: Duration) {
        self.at = Instant::now() + time;
    }

    /// Ready when it has passed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let at = self.at;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= at {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
    }
}
