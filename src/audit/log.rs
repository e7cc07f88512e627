//! The way to the record: the queue of lines that wait to be written.
//!
//! A request takes its places in the queue before anything else happens to it, so that its record can always be
//! appended without waiting, from `Drop` too.

use std::collections::hash_map::RandomState;
use std::fmt::Write;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::outage::{Outage, Trouble};
use super::record::{End, Event, Record};
use super::{json, text};
use crate::config::{AuditSettings, LineFormat, OnFailure};
use crate::policy::{Denial, Reason};
use crate::sync::Flag;

/// The lines that may wait to be written, besides those that each connection's request may need.
pub(super) const SLACK: usize = 8192;
/// The lines of one request: its `begin` and its end.
pub(super) const LINES_OF_A_REQUEST: usize = 2;
/// The most bytes of lines that wait to be written.
pub(super) const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The longest id, in bytes: two numbers in hexadecimal and what joins them.
const ID_BYTES: usize = 8 + 1 + 16;

/// The record cannot take a line: its queue is full, or it could not be written.
#[derive(Debug, thiserror::Error)]
#[error(
    "requests cannot be recorded at the moment, and so are refused: the operator must mend that"
)]
pub(crate) struct Unavailable;

impl From<Unavailable> for Denial {
    fn from(unavailable: Unavailable) -> Self {
        Self::new(Reason::AuditUnavailable, unavailable.to_string())
    }
}

/// The way to the record: what those who append lines and the thread that writes them share.
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
    /// What the ids of this process begin with, to tell them from those of others.
    process: String,
    next: AtomicU64,
    /// What is cut short from now on is so because of the shutdown.
    pub(crate) draining: Flag,
    pub(super) outage: Outage,
}

#[derive(Debug, Default)]
pub(super) struct Lines {
    /// What the thread takes next.
    pub(super) batch: Batch,
    /// Lines that the thread has.
    pub(super) writing: usize,
    /// Places promised to requests that are under way.
    reserved: usize,
    pub(super) failing: bool,
    pub(super) closing: bool,
}

/// Lines that are written in one go.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) text: Vec<u8>,
    pub(super) lines: usize,
    /// Those who wait until these lines are written.
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
            process: format!("{:08x}-", RandomState::new().build_hasher().finish() >> 32),
            next: AtomicU64::new(1),
            draining: Flag::default(),
            outage: Outage::default(),
        }
    }

    /// The lines. A thread that panicked while it held them left whole lines behind, so they are still good.
    pub(super) fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether requests are denied while they cannot be recorded.
    pub(super) fn must_record(&self) -> bool {
        self.on_failure == OnFailure::Refuse
    }

    pub(super) fn next_id(&self) -> String {
        let mut id = String::with_capacity(ID_BYTES);
        id.push_str(&self.process);
        // A String takes every write.
        _ = write!(id, "{:x}", self.next.fetch_add(1, Ordering::Relaxed));
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

    /// Appends a line in a reserved place. `written` receives whether it was written.
    pub(super) fn append(
        &self,
        record: &Record,
        event: Event,
        over: Option<(Duration, End)>,
        written: Option<oneshot::Sender<bool>>,
    ) {
        let mut lines = self.lock();
        let sleeping = lines.batch.lines == 0;
        match self.format {
            LineFormat::Json => json::write(record, event, over, &mut lines.batch.text),
            LineFormat::Text => text::write(record, event, over, &mut lines.batch.text),
        }
        lines.reserved -= 1;
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

    /// Notes that a line has waited too long, if lines still wait.
    pub(super) fn note_stall(&self) {
        let lines = self.lock();
        if lines.writing > 0 || lines.batch.lines > 0 {
            self.outage.begin(Trouble::Stalled);
        }
    }

    /// Has the thread write what is left and end.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.wake.notify_one();
    }
}

#[cfg(test)]
mod tests;
