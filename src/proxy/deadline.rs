//! A deadline that is moved again and again.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// A deadline. Moving it does not touch the timer: the timer is only reset when it is polled and would fire too
/// late, or when it has fired too early.
#[derive(Debug)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// A deadline this long from now.
    pub(super) fn within(time: Duration) -> Self {
        let at = Instant::now() + time;
        Self { at, timer: None }
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
