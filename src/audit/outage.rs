//! Messages about an audit log that cannot be written: one when that begins, and one with the missing lines when it is
//! over.
//!
//! A separate thread logs them. The writing thread may hang in its output, and no request may wait for the reader of the
//! messages.

use std::io;
use std::mem::{Discriminant, discriminant};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::sync::Count;

/// Why the audit log cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Failing(io::Error),
    /// Or accepts them too slowly.
    #[error("its output accepts no lines: is anything reading it?")]
    Stalled,
}

/// The time from the first line that could not be written to the next that could.
#[derive(Debug, Default)]
pub(super) struct Outage {
    state: Mutex<State>,
    changed: Condvar,
    /// All lines that were lost so far.
    pub(super) lost: Count,
}

#[derive(Debug, Default)]
struct State {
    trouble: Option<Trouble>,
    /// The trouble that was logged.
    logged: Option<Discriminant<Trouble>>,
    /// The lines that will never be written, and were not logged as missing yet.
    missing: u64,
    /// No more lines will be written.
    is_closed: bool,
}

/// What to log now.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Begun(String),
    /// No more lines will be written, and this many are missing.
    Ended(u64),
    /// It can be written again, and this many lines are missing.
    Over(u64),
}

impl Outage {
    pub(super) fn begin(&self, trouble: Trouble) {
        let mut state = self.lock();
        // An error says more than a stall.
        if !matches!(state.trouble, Some(Trouble::Failing(_))) {
            state.trouble = Some(trouble);
            self.changed.notify_one();
        }
    }

    /// Notes lines that will never be written.
    pub(super) fn lose(&self, lines: u64) {
        self.lock().missing += lines;
        self.lost.add(usize::try_from(lines).unwrap_or(usize::MAX));
    }

    /// Notes that lines were written. A stall is over only when few lines wait; otherwise a slow output would be logged
    /// again and again.
    pub(super) fn written(&self, few_wait: bool) {
        let mut state = self.lock();
        if !matches!(state.trouble, Some(Trouble::Stalled)) || few_wait {
            state.trouble = None;
            self.changed.notify_one();
        }
    }

    /// Notes that no more lines will be written, which ends [`log`](Self::log).
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// The thread: logs what happens until nothing more can.
    pub(super) fn log(&self) {
        let mut state = self.lock();
        loop {
            match state.news() {
                Some(news) => {
                    drop(state);
                    news.log();
                    state = self.lock();
                }
                None if state.is_closed => return,
                None => {
                    let waited = self.changed.wait(state);
                    state = waited.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn news(&mut self) -> Option<News> {
        match &self.trouble {
            Some(trouble) if self.logged != Some(discriminant(trouble)) => {
                self.logged = Some(discriminant(trouble));
                Some(News::Begun(trouble.to_string()))
            }
            Some(_) if self.is_closed && self.missing > 0 => {
                Some(News::Ended(std::mem::take(&mut self.missing)))
            }
            None if self.logged.is_some() || self.missing > 0 => {
                self.logged = None;
                Some(News::Over(std::mem::take(&mut self.missing)))
            }
            Some(_) | None => None,
        }
    }
}

impl News {
    fn log(&self) {
        match self {
            Self::Begun(error) => tracing::error!("cannot write the audit log: {error}"),
            Self::Ended(missing) => {
                tracing::error!("the audit log ends, and {missing} lines are missing");
            }
            Self::Over(0) => tracing::info!("the audit log can be written again"),
            Self::Over(missing) => {
                tracing::warn!(
                    "the audit log can be written again, but {missing} lines are missing"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(outage: &Outage) -> Option<News> {
        outage.lock().news()
    }

    fn begun(why: &str) -> News {
        News::Begun(why.to_owned())
    }

    const STALLED: &str = "its output accepts no lines: is anything reading it?";

    #[test]
    fn an_outage_is_logged_once_and_its_end_with_the_missing_lines() {
        let outage = Outage::default();
        outage.written(true);
        assert_eq!(news(&outage), None, "nothing is wrong");
        for _ in 0..2 {
            outage.begin(Trouble::Stalled);
            outage.lose(3);
        }
        assert_eq!(news(&outage), Some(begun(STALLED)));
        outage.begin(Trouble::Stalled);
        outage.written(false);
        assert_eq!(news(&outage), None, "still too slow");
        outage.written(true);
        assert_eq!(news(&outage), Some(News::Over(6)));
        outage.begin(Trouble::Stalled);
        assert_eq!(news(&outage), Some(begun(STALLED)), "another outage");
    }

    #[test]
    fn an_error_is_logged_after_a_stall_but_no_stall_after_an_error() {
        let outage = Outage::default();
        let full = || Trouble::Failing(io::ErrorKind::StorageFull.into());
        outage.begin(Trouble::Stalled);
        assert_eq!(news(&outage), Some(begun(STALLED)));
        outage.begin(full());
        assert_eq!(news(&outage), Some(begun("no storage space")));
        outage.begin(Trouble::Stalled);
        outage.begin(full());
        assert_eq!(news(&outage), None);
        outage.written(false);
        assert_eq!(news(&outage), Some(News::Over(0)));
    }

    #[test]
    fn missing_lines_are_logged_however_short_the_outage_was() {
        let outage = Outage::default();
        outage.begin(Trouble::Stalled);
        outage.lose(1);
        outage.written(true);
        assert_eq!(news(&outage), Some(News::Over(1)));
        outage.begin(Trouble::Stalled);
        assert_eq!(news(&outage), Some(begun(STALLED)));
        outage.lose(2);
        outage.close();
        assert_eq!(news(&outage), Some(News::Ended(2)));
        outage.log();
    }
}
