//! The thread that writes the lines: all that have gathered at once, and failed lines again.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::log::{Batch, Lines, Log, MAX_BYTES, SLACK};
use super::metrics::Metrics;
use super::outage::Trouble;
use super::output::write_some;
use crate::config::AuditSettings;

/// How much memory for lines is kept after they are written.
const KEPT_BYTES: usize = 256 * 1024;
/// How long lines gather before they are written, unless a request waits for them. This limits how often the thread wakes
/// up, which costs more than writing.
const GATHER: Duration = Duration::from_millis(5);
/// How long the thread waits before it tries failed lines again.
const RETRY: Duration = Duration::from_secs(1);

/// The thread that writes; wait for it at the end.
#[derive(Debug)]
pub(crate) struct Writer(Receiver<()>);

impl Writer {
    /// Waits until a closed log is written, for at most this time: an output that nobody reads would block the process
    /// forever. Returns whether it was written.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        // The thread sends nothing; it hangs up when it ends.
        self.0.recv_timeout(time) == Err(RecvTimeoutError::Disconnected)
    }
}

impl Log {
    /// Starts the thread that writes to an output, for at most this many connections, and the thread that logs its
    /// errors. Wait for the [`Writer`] after [`close`](Self::close), so that everything is written.
    pub(crate) fn start(
        output: Box<dyn Write + Send>,
        settings: &AuditSettings,
        connections: usize,
        metrics: Option<Arc<Metrics>>,
    ) -> io::Result<(Arc<Self>, Writer)> {
        let mut log = Self::new(settings, connections);
        log.metrics = metrics;
        let log = Arc::new(log);
        let (ended, end) = sync_channel::<()>(1);
        let start = |name: &str, run: Box<dyn FnOnce(&Self) + Send>| {
            let (log, ended) = (Arc::clone(&log), ended.clone());
            let thread = std::thread::Builder::new().name(name.to_owned());
            thread.spawn(move || {
                run(&log);
                drop(ended);
            })
        };
        start("audit-outage", Box::new(|log| log.outage.log()))?;
        start("audit", Box::new(move |log| log.write_all(output)))?;
        Ok((log, Writer(end)))
    }

    /// Waits for lines, and a little longer for more of them, unless a request waits for these.
    fn gather(&self) -> MutexGuard<'_, Lines> {
        let idle = |lines: &mut Lines| lines.batch.lines == 0 && !lines.closing;
        let lines = self
            .wake
            .wait_while(self.lock(), idle)
            .unwrap_or_else(PoisonError::into_inner);
        let calm = |lines: &mut Lines| lines.batch.waiting.is_empty() && !lines.closing;
        self.wake
            .wait_timeout_while(lines, GATHER, calm)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    /// The thread: writes lines until the log is closed and all are written.
    fn write_all(&self, mut output: Box<dyn Write + Send>) {
        let mut batch = Batch::default();
        loop {
            let mut lines = self.gather();
            if lines.batch.lines == 0 && lines.closing {
                return self.outage.close();
            }
            std::mem::swap(&mut batch, &mut lines.batch);
            lines.writing = batch.lines;
            lines.writing_since = Some(Instant::now());
            drop(lines);
            self.write(&mut output, &mut batch);
            batch.text.clear();
            batch.text.shrink_to(KEPT_BYTES);
            batch.lines = 0;
        }
    }

    /// Notes whether lines were written. Returns false if they are to be tried again.
    fn note(&self, failed: Option<io::Error>, left: &[u8]) -> bool {
        let mut lines = self.lock();
        lines.failing = failed.is_some();
        let Some(error) = failed else {
            let few_wait =
                lines.batch.lines <= SLACK / 2 && lines.batch.text.len() <= MAX_BYTES / 2;
            self.outage.written(few_wait);
            self.written.add(lines.writing);
            lines.writing = 0;
            return true;
        };
        // Requests that wait for later lines would wait in vain.
        lines.batch.waiting.clear();
        self.outage.begin(Trouble::Failing(error));
        let are_lost = !self.must_record() || lines.closing;
        if are_lost {
            lines.writing = 0;
            let lost = left.split_inclusive(|byte| *byte == b'\n').count();
            self.outage.lose(u64::try_from(lost).unwrap_or(u64::MAX));
        }
        are_lost
    }

    /// Writes lines, and retries if they must not be lost.
    fn write(&self, output: &mut dyn Write, batch: &mut Batch) {
        let mut left = batch.text.as_slice();
        loop {
            let failed = write_some(output, &mut left).err();
            let is_written = failed.is_none();
            let is_over = self.note(failed, left);
            for waiting in batch.waiting.drain(..) {
                // Nobody receives this if the client has left.
                _ = waiting.send(is_written);
            }
            if is_over {
                return;
            }
            let lines = self.lock();
            let waited = self
                .wake
                .wait_timeout_while(lines, RETRY, |lines| !lines.closing);
            drop(waited);
        }
    }
}
