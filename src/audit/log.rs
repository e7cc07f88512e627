//! The queue of audit log lines that wait to be written.
//!
//! A request reserves its places in the queue before anything else happens to it. So its record can always be appended
//! without waiting, even from `Drop`.

use std::collections::hash_map::RandomState;
use std::fmt::Write;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;

use super::json::Place;
use super::metrics::{LogState, Metrics};
use super::outage::{Outage, Trouble};
use super::process::{Change, InForce};
use super::record::{End, Event, Record};
use super::{json, process, text};
use crate::config::{AuditSettings, LineFormat, OnFailure};
use crate::policy::{Denial, Reason};
use crate::sync::{Count, Flag};

/// How long a change of state waits for its `begin` to be written.
pub(super) const CONFIRM: Duration = Duration::from_secs(5);
/// The lines that may wait to be written, besides the lines that each connection's request may need.
pub(super) const SLACK: usize = 8192;
/// The lines of one request: its `begin` and its end.
pub(super) const LINES_OF_A_REQUEST: usize = 2;
/// The most bytes of lines that wait to be written.
pub(super) const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The longest id, in bytes: two hexadecimal numbers and a hyphen.
const ID_BYTES: usize = 8 + 1 + 16;

/// The audit log cannot accept a line: its queue is full, or writing failed.
#[derive(Debug, thiserror::Error)]
#[error(
    "the audit log cannot be written, so requests are denied: ask whoever runs Dockgate to look at its stderr"
)]
pub(crate) struct Unavailable;

impl From<Unavailable> for Denial {
    fn from(unavailable: Unavailable) -> Self {
        Self::new(Reason::AuditUnavailable, unavailable.to_string())
    }
}

/// The audit log: shared by the requests that append lines and the thread that writes them.
#[derive(Debug)]
pub(crate) struct Log {
    lines: Mutex<Lines>,
    pub(super) wake: Condvar,
    allowed_reads: bool,
    pub(super) has_arguments: bool,
    format: LineFormat,
    on_failure: OnFailure,
    /// The most lines that are reserved or wait to be written.
    capacity: usize,
    /// Distinguishes the lines and ids of this process from those of others.
    instance: String,
    next: AtomicU64,
    /// Whether Dockgate is shutting down: that is why requests are cut short from now on.
    pub(crate) draining: Flag,
    pub(super) outage: Outage,
    pub(super) written: Count,
    /// Where requests are counted, if anybody may ask for it.
    pub(crate) metrics: Option<Arc<Metrics>>,
}

#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The lines that the thread takes next.
    pub(super) batch: Batch,
    /// Lines that the thread has.
    pub(super) writing: usize,
    /// Since when it has them.
    pub(super) writing_since: Option<Instant>,
    /// Places reserved by open requests.
    reserved: usize,
    /// The number of the last line, whether it could be written or not.
    seq: u64,
    pub(super) failing: bool,
    pub(super) closing: bool,
}

/// Lines that are written at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) text: Vec<u8>,
    pub(super) lines: usize,
    /// The requests that wait until these lines are written.
    pub(super) waiting: Vec<oneshot::Sender<bool>>,
}

impl Log {
    pub(super) fn new(settings: &AuditSettings, connections: usize) -> Self {
        Self {
            lines: Mutex::default(),
            wake: Condvar::new(),
            allowed_reads: settings.allowed_reads,
            has_arguments: settings.argv,
            format: settings.format.unwrap_or(LineFormat::Json),
            on_failure: settings.on_failure,
            capacity: SLACK + LINES_OF_A_REQUEST * connections,
            instance: format!("{:08x}", RandomState::new().build_hasher().finish() >> 32),
            next: AtomicU64::new(1),
            draining: Flag::default(),
            outage: Outage::default(),
            written: Count::default(),
            metrics: None,
        }
    }

    /// The lines. A thread that panicked with the lock left only whole lines, so they are still valid.
    pub(super) fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether requests are denied while the audit log cannot be written.
    pub(super) fn must_record(&self) -> bool {
        self.on_failure == OnFailure::Refuse
    }

    pub(super) fn next_id(&self) -> String {
        let mut id = String::with_capacity(ID_BYTES);
        id.push_str(&self.instance);
        // A String takes every write.
        _ = write!(id, "-{:x}", self.next.fetch_add(1, Ordering::Relaxed));
        id
    }

    pub(super) fn reserve(&self) -> Result<usize, Unavailable> {
        let mut lines = self.lock();
        let taken = lines.batch.lines + lines.writing + lines.reserved + LINES_OF_A_REQUEST;
        let full = taken > self.capacity || lines.batch.text.len() > MAX_BYTES;
        if full {
            self.outage.begin(Trouble::Stalled);
        }
        if (full || lines.failing) && self.must_record() {
            lines.seq += 1;
            self.outage.lose(1);
            return Err(Unavailable);
        }
        let places = if full { 0 } else { LINES_OF_A_REQUEST };
        lines.reserved += places;
        Ok(places)
    }

    pub(super) fn give_back(&self, places: usize) {
        self.lock().reserved -= places;
    }

    /// Notes a line that has no place. Its number stays unused, so that readers can see that it is missing.
    pub(super) fn lose_line(&self) {
        self.lock().seq += 1;
        self.outage.lose(1);
    }

    /// What can be said of the log now.
    pub(crate) fn state(&self) -> LogState {
        let lines = self.lock();
        let waiting = lines.batch.lines + lines.writing;
        let is_full =
            waiting + lines.reserved > self.capacity || lines.batch.text.len() > MAX_BYTES;
        let is_stalled = lines.writing > 0
            && lines
                .writing_since
                .is_some_and(|since| since.elapsed() > CONFIRM);
        LogState {
            written: self.written.get(),
            lost: self.outage.lost.get(),
            waiting,
            is_up: !is_full && !is_stalled && !lines.failing,
        }
    }

    /// Appends a line about the process itself.
    pub(crate) fn note_change(&self, change: Change<'_>, in_force: &InForce) {
        if let Some(metrics) = &self.metrics {
            metrics.in_force(in_force, change.reload());
        }
        let time = SystemTime::now();
        self.push(self.lock(), None, |place, to| match self.format {
            LineFormat::Json => process::write_json(change, time, in_force, place, to),
            LineFormat::Text => process::write_text(change, time, in_force, to),
        });
    }

    /// Appends a line in a reserved place. `written` receives whether it was written.
    pub(super) fn append(
        &self,
        record: &Record,
        event: Event,
        over: Option<(Duration, End)>,
        written: Option<oneshot::Sender<bool>>,
    ) {
        let mut lines = self.lock();
        lines.reserved -= 1;
        self.push(lines, written, |place, to| match self.format {
            LineFormat::Json => json::write(record, event, over, place, to),
            LineFormat::Text => text::write(record, event, over, to),
        });
    }

    fn push(
        &self,
        mut lines: MutexGuard<'_, Lines>,
        written: Option<oneshot::Sender<bool>>,
        write: impl FnOnce(Place<'_>, &mut Vec<u8>),
    ) {
        let sleeping = lines.batch.lines == 0;
        lines.seq += 1;
        let (instance, seq) = (&*self.instance, lines.seq);
        write(Place { instance, seq }, &mut lines.batch.text);
        lines.batch.lines += 1;
        let urgent = written.is_some();
        lines.batch.waiting.extend(written);
        drop(lines);
        if sleeping || urgent {
            self.wake.notify_one();
        }
    }

    pub(super) fn leaves_out(&self, record: &Record) -> bool {
        record.is_left_out || !self.allowed_reads && record.is_allowed_read()
    }

    /// Notes that a line has waited too long, if any line still waits.
    pub(super) fn note_stall(&self) {
        let lines = self.lock();
        if lines.writing > 0 || lines.batch.lines > 0 {
            self.outage.begin(Trouble::Stalled);
        }
    }

    /// Makes the thread write the remaining lines and end.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.wake.notify_one();
    }
}

#[cfg(test)]
mod tests;
