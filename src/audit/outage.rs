//! What the operator is told while the record cannot be written: that it is so, once, and when it is
//! over what is missing.
//!
//! A thread of its own tells it. The one that writes may hang in its output at that moment, and no
//! request is to wait for whoever reads the diagnostics.

use std::io;
use std::mem::{Discriminant, discriminant};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Why the record cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Failing(io::Error),
    /// Or it takes them too slowly.
    #[error("its output takes no lines: is anybody reading it?")]
    Stalled,
}

/// The time from the first line that could not be written to the next that could.
#[derive(Debug, Default)]
pub(super) struct Outage {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    trouble: Option<Trouble>,
    /// What was told of it.
    told: Option<Discriminant<Trouble>>,
    /// The lines that will never be in the record, and that nobody was told of.
    missing: u64,
    /// No line will be written any more.
    is_closed: bool,
}

/// What is to be told now.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Begun(String),
    /// Nothing will be written any more, and so many lines are missing.
    Ended(u64),
    /// It can be written again, and so many lines are missing.
    Over(u64),
}

impl Outage {
    pub(super) fn begin(&self, trouble: Trouble) {
        let mut state = self.lock();
        // An error says more than that nothing moves.
        if !matches!(state.trouble, Some(Trouble::Failing(_))) {
            state.trouble = Some(trouble);
            self.changed.notify_one();
        }
    }

    /// Notes lines that will never be in the record.
    pub(super) fn lose(&self, lines: u64) {
        self.lock().missing += lines;
    }

    /// Notes that lines were written. A stalled output is taken to be read again only once few wait,
    /// as otherwise one that is too slow would be told of again and again.
    pub(super) fn written(&self, few_wait: bool) {
        let mut state = self.lock();
        if !matches!(state.trouble, Some(Trouble::Stalled)) || few_wait {
            state.trouble = None;
            self.changed.notify_one();
        }
    }

    /// Notes that nothing will be written any more, which ends [`tell`](Self::tell).
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// The thread: tells what happens until nothing more can.
    pub(super) fn tell(&self) {
        let mut state = self.lock();
        loop {
            match state.news() {
                Some(news) => {
                    drop(state);
                    news.tell();
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
            Some(trouble) if self.told != Some(discriminant(trouble)) => {
                self.told = Some(discriminant(trouble));
                Some(News::Begun(trouble.to_string()))
            }
            Some(_) if self.is_closed && self.missing > 0 => {
                Some(News::Ended(std::mem::take(&mut self.missing)))
            }
            None if self.told.is_some() || self.missing > 0 => {
                self.told = None;
                Some(News::Over(std::mem::take(&mut self.missing)))
            }
            Some(_) | None => None,
        }
    }
}

impl News {
    fn tell(&self) {
        match self {
            Self::Begun(error) => tracing::error!(%error, "the audit record cannot be written"),
            Self::Ended(missing) => {
                tracing::error!(
                    missing,
                    "the audit record ends, and lines are missing in it"
                );
            }
            Self::Over(0) => tracing::info!("the audit record can be written again"),
            Self::Over(missing) => tracing::warn!(
                missing,
                "the audit record can be written again, and lines are missing in it"
            ),
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

    const STALLED: &str = "its output takes no lines: is anybody reading it?";

    #[test]
    fn an_outage_is_told_once_and_its_end_with_what_is_missing() {
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
        assert_eq!(news(&outage), None, "too slow, as it was");
        outage.written(true);
        assert_eq!(news(&outage), Some(News::Over(6)));
        outage.begin(Trouble::Stalled);
        assert_eq!(news(&outage), Some(begun(STALLED)), "another outage");
    }

    #[test]
    fn an_error_is_told_after_a_stall_and_no_stall_after_an_error() {
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
    fn lines_that_are_missing_are_told_however_short_the_outage_was() {
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
        outage.tell();
    }
}
