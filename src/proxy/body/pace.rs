//! The minimum rate of an upload during which the daemon holds a container's lock.
//!
//! Only time counts in which the daemon would accept bytes and the client sends none. A client may keep the
//! daemon waiting for a grace period in total, and the bytes that it sends earn time back. So it can hold
//! the lock for at most the time that its bytes take at the minimum rate, plus the grace period.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::cut::Cut;
use super::source::Polled;
use crate::config::UploadRate;
use crate::proxy::deadline::Deadline;

/// How much time the client of a streamed body has left.
#[derive(Debug)]
pub(super) struct Pace {
    rate: UploadRate,
    /// How long it may still keep the daemon waiting.
    left: Duration,
    /// Since when the daemon has been waiting.
    waiting: Option<Instant>,
    /// When the upload becomes too slow if no more bytes arrive.
    deadline: Deadline,
}

impl Pace {
    /// For a body of which nothing was sent yet.
    pub(super) fn new(rate: UploadRate) -> Self {
        Self {
            rate,
            left: rate.grace,
            waiting: None,
            deadline: Deadline::within(rate.grace),
        }
    }

    /// Passes on bytes that arrived, or an error if the client has kept the daemon waiting for too
    /// long.
    pub(super) fn watch(&mut self, polled: Poll<Polled>, cx: &mut Context<'_>) -> Poll<Polled> {
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.receive(Instant::now(), bytes);
            }
            Poll::Ready(Some(Err(_)) | None) => {}
            Poll::Pending => {
                self.deadline.at = self.wait(Instant::now());
                ready!(self.deadline.poll(cx));
                return Poll::Ready(Some(Err(Cut::Slow)));
            }
        }
        polled
    }

    /// Nothing can be sent on; completes when the upload becomes too slow.
    fn wait(&mut self, now: Instant) -> Instant {
        *self.waiting.get_or_insert(now) + self.left
    }

    fn receive(&mut self, now: Instant, bytes: usize) {
        if let Some(since) = self.waiting.take() {
            self.left = self.left.saturating_sub(now.duration_since(since));
        }
        let nanos = u128::try_from(bytes)
            .unwrap_or(u128::MAX)
            .saturating_mul(NANOS);
        let earned = nanos / u128::from(self.rate.bytes_per_second.max(1));
        let earned = Duration::from_nanos(u64::try_from(earned).unwrap_or(u64::MAX));
        self.left = self.left.saturating_add(earned).min(self.rate.grace);
    }
}

const NANOS: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: u64 = 30;
    const RATE: UploadRate = UploadRate {
        bytes_per_second: 16 * 1024,
        grace: Duration::from_secs(GRACE),
    };

    /// After how many seconds an upload is too slow if it sends this many bytes after each such wait; `None` if
    /// that does not happen within a day.
    fn ends(bytes: usize, every: u64) -> Option<u64> {
        const DAY: u64 = 24 * 60 * 60;
        let start = Instant::now();
        let mut pace = Pace::new(RATE);
        let mut seconds = 0;
        while seconds < DAY {
            let now = start + Duration::from_secs(seconds);
            let deadline = pace.wait(now);
            if deadline <= now + Duration::from_secs(every) {
                return Some((deadline - start).as_secs());
            }
            seconds += every;
            pace.receive(start + Duration::from_secs(seconds), bytes);
        }
        None
    }

    #[test]
    fn s21_an_upload_below_the_rate_ends_and_one_at_the_rate_does_not() {
        for (case, bytes, every, want) in [
            ("a byte each second", 1, 1, Some(30)),
            ("a byte each 4 s", 1, 4, Some(30)),
            ("a byte each 29 s", 1, 29, Some(30)),
            ("a byte each 31 s", 1, 31, Some(30)),
            ("half the rate", 8 * 1024, 1, Some(59)),
            ("the rate", 16 * 1024, 1, None),
            ("the rate in bursts", 29 * 16 * 1024, 29, None),
            ("a burst, and a longer pause", 64 << 20, 31, Some(30)),
            ("bursts with pauses below the grace", 1 << 20, 29, None),
        ] {
            assert_eq!(ends(bytes, every), want, "{case}");
        }
    }

    #[test]
    fn s21_the_time_in_which_the_daemon_takes_nothing_does_not_count() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut pace = Pace::new(RATE);
        assert_eq!(pace.wait(at(0)), at(30));
        assert_eq!(pace.wait(at(5)), at(30), "it is polled again in between");
        pace.receive(at(10), 0);
        // The daemon is busy for an hour.
        assert_eq!(pace.wait(at(3610)), at(3630));
        pace.receive(at(3610), 5 * 16 * 1024);
        assert_eq!(pace.wait(at(3610)), at(3635), "earned back");
        pace.receive(at(3610), usize::MAX);
        assert_eq!(pace.wait(at(3610)), at(3640), "and no more than that");
    }
}
