//! Writing the record: a bounded queue of lines, and a thread that writes them.
//!
//! A request takes its places in the queue before anything else happens to it, so that its record
//! can always be appended without waiting, from `Drop` too. The thread writes whatever has gathered
//! in one go; a change of state waits until its `begin` is out.

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;

use super::entry::{End, Event, Record, Verdict};
use super::outage::{Outage, Trouble};
use super::output::write_some;
use super::{json, text};
use crate::config::{AuditFormat, AuditSettings, OnFailure};
use crate::docker::{Call, Json};
use crate::policy::{Denial, Lookup, Reason};

/// The lines that may wait to be written, besides those that each connection's request may need.
const SLACK: usize = 8192;
/// The lines of one request: its `begin` and its end.
const LINES_OF_A_REQUEST: usize = 2;
/// The most bytes of lines that wait to be written.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The longest id, in bytes: two numbers in hexadecimal and what joins them.
const ID_BYTES: usize = 8 + 1 + 16;
/// How much memory for lines is kept when they are written.
const KEPT_BYTES: usize = 256 * 1024;
/// How long lines gather before they are written, unless somebody waits for them. It bounds the
/// wake-ups of the thread, which cost more than the writing.
const GATHER: Duration = Duration::from_millis(5);
/// How long a change of state waits for its `begin` to be written.
const CONFIRM: Duration = Duration::from_secs(5);
/// How long the thread waits before it tries again what could not be written.
const RETRY: Duration = Duration::from_secs(1);

/// The way to the record.
#[derive(Clone, Debug)]
pub struct Log(Arc<Shared>);

/// The record cannot take a line: its queue is full, or it could not be written.
#[derive(Debug, thiserror::Error)]
#[error(
    "requests cannot be recorded at the moment, and so are refused: the operator must mend that"
)]
pub struct Unavailable;

impl From<Unavailable> for Denial {
    fn from(unavailable: Unavailable) -> Self {
        Self::new(Reason::AuditUnavailable, unavailable.to_string())
    }
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    allowed_reads: bool,
    has_arguments: bool,
    format: AuditFormat,
    on_failure: OnFailure,
    /// The most lines that are reserved or wait to be written.
    capacity: usize,
    /// What the ids of this process begin with, to tell them from those of others.
    process: String,
    next: AtomicU64,
    /// What is cut short from now on is so because of the shutdown.
    draining: AtomicBool,
    /// What the operator is told of.
    outage: Outage,
}

#[derive(Debug, Default)]
struct Queue {
    /// What the thread takes next.
    batch: Batch,
    /// Lines that the thread has.
    writing: usize,
    /// Places promised to requests that are under way.
    reserved: usize,
    failing: bool,
    closing: bool,
}

/// Lines that are written in one go.
#[derive(Debug, Default)]
struct Batch {
    text: Vec<u8>,
    lines: usize,
    /// Those who wait until these lines are written.
    waiting: Vec<oneshot::Sender<bool>>,
}

impl Log {
    /// Starts the thread that writes to an output, for at most so many connections, and the one that
    /// tells the operator of that. Waiting for the [`Writer`] after [`close`](Self::close) makes sure
    /// that all is written.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub fn start(
        output: Box<dyn Write + Send>,
        settings: &AuditSettings,
        connections: usize,
    ) -> io::Result<(Self, Writer)> {
        let log = Self(Arc::new(Shared {
            queue: Mutex::default(),
            wake: Condvar::new(),
            allowed_reads: settings.allowed_reads,
            has_arguments: settings.argv,
            format: settings.format,
            on_failure: settings.on_failure,
            capacity: SLACK + LINES_OF_A_REQUEST * connections,
            process: format!("{:08x}-", RandomState::new().build_hasher().finish() >> 32),
            next: AtomicU64::new(1),
            draining: AtomicBool::new(false),
            outage: Outage::default(),
        }));
        let (ended, end) = sync_channel::<()>(1);
        let start = |name: &str, run: Box<dyn FnOnce(&Shared) + Send>| {
            let (shared, ended) = (Arc::clone(&log.0), ended.clone());
            let thread = std::thread::Builder::new().name(name.to_owned());
            thread.spawn(move || {
                run(&shared);
                drop(ended);
            })
        };
        start("audit-outage", Box::new(|shared| shared.outage.tell()))?;
        start("audit", Box::new(move |shared| shared.write_all(output)))?;
        Ok((log, Writer(end)))
    }

    /// Opens the entry of a request, its places in the queue reserved.
    ///
    /// # Errors
    ///
    /// There is no place, or what was appended before could not be written.
    pub fn open(&self, client: &Arc<str>, listener: &Arc<str>) -> Result<Entry, Unavailable> {
        let mut queue = self.0.lock();
        let lines = queue.batch.lines + queue.writing + queue.reserved + LINES_OF_A_REQUEST;
        let full = lines > self.0.capacity || queue.batch.text.len() > MAX_BYTES;
        if full {
            self.0.outage.begin(Trouble::Stalled);
        }
        if (full || queue.failing) && self.0.on_failure == OnFailure::Refuse {
            self.0.outage.lose(1);
            return Err(Unavailable);
        }
        let places = if full { 0 } else { LINES_OF_A_REQUEST };
        queue.reserved += places;
        drop(queue);
        let mut id = String::with_capacity(ID_BYTES);
        id.push_str(&self.0.process);
        // A String takes every write.
        _ = write!(id, "{:x}", self.0.next.fetch_add(1, Ordering::Relaxed));
        let mut record = Record::new(
            id,
            SystemTime::now(),
            Arc::clone(client),
            Arc::clone(listener),
        );
        record.has_arguments = self.0.has_arguments;
        Ok(Entry {
            log: self.clone(),
            places,
            started: Instant::now(),
            record,
            over: false,
        })
    }

    /// Has what is cut short from now on recorded as drained.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// Has the thread write what is left and end.
    pub fn close(&self) {
        self.0.lock().closing = true;
        self.0.wake.notify_one();
    }
}

/// The thread that writes, to be waited for at the end.
#[derive(Debug)]
pub struct Writer(Receiver<()>);

impl Writer {
    /// Waits until a closed log is written out. Whether it was, in this time: an output that nobody
    /// reads would hold the process for ever.
    #[must_use]
    pub fn wait(&self, time: Duration) -> bool {
        // The thread sends nothing; it hangs up when it ends.
        self.0.recv_timeout(time) == Err(RecvTimeoutError::Disconnected)
    }
}

/// One request's entry. However it is dropped, it is recorded.
#[derive(Debug)]
pub struct Entry {
    /// What is known of the request.
    pub record: Record,
    log: Log,
    places: usize,
    started: Instant,
    over: bool,
}

impl Entry {
    /// Records that the request is about to be sent, without waiting.
    pub fn begin(&mut self) {
        self.append(Event::Begin, None, None);
    }

    /// Records that the request is about to be sent, and waits until that is written.
    ///
    /// # Errors
    ///
    /// It could not be written, in a bounded time.
    pub async fn begin_confirmed(&mut self) -> Result<(), Unavailable> {
        self.confirmed(Event::Begin).await
    }

    async fn confirmed(&mut self, event: Event) -> Result<(), Unavailable> {
        let (written, confirmation) = oneshot::channel();
        self.append(event, None, Some(written));
        let confirmed = tokio::time::timeout(CONFIRM, confirmation).await;
        if confirmed.is_err() {
            self.log.0.note_stall();
        }
        match confirmed {
            Ok(Ok(false) | Err(_)) | Err(_) if self.log.0.on_failure == OnFailure::Refuse => {
                Err(Unavailable)
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Records that the daemon was asked about what the request names, or had something made for it, and
    /// what its status was.
    ///
    /// # Errors
    ///
    /// There is no place in the queue, or what was appended before could not be written.
    pub fn looked_up(
        &mut self,
        (lookup, call): (&Lookup, &Call),
        status: Option<u16>,
    ) -> Result<(), Unavailable> {
        let mut entry = self.about(lookup, call)?;
        entry.record.status = status;
        entry.append(Event::of_lookup(call), None, None);
        Ok(())
    }

    /// Records that something is about to be made for the request, and waits until that is written.
    ///
    /// # Errors
    ///
    /// It could not be written, in a bounded time.
    pub async fn prepare_confirmed(
        &mut self,
        (lookup, call): (&Lookup, &Call),
    ) -> Result<(), Unavailable> {
        let mut entry = self.about(lookup, call)?;
        entry.confirmed(Event::of_lookup(call)).await
    }

    /// An entry for a request of Dockgate's own that this one gives rise to.
    fn about(&self, lookup: &Lookup, call: &Call) -> Result<Self, Unavailable> {
        let (client, listener) = (&self.record.client, &self.record.listener);
        let mut entry = self.log.open(client, listener)?;
        entry.record.id.clone_from(&self.record.id);
        entry.record.method = Some(call.method.as_str().to_owned());
        entry.record.understood(call);
        let body = lookup.body().map(|body| Json::parse(body.as_bytes()));
        if let Some(Ok(body)) = body {
            entry.record.read(call, &body);
        }
        (entry.record.verdict, entry.record.reason) = (Verdict::Allow, Reason::Granted);
        entry.record.is_left_out = self.record.is_left_out;
        entry.over = true;
        Ok(entry)
    }

    /// Records the end of the request.
    pub fn finish(mut self, end: End) {
        self.finish_in_place(end);
    }

    fn finish_in_place(&mut self, end: End) {
        self.over = true;
        self.append(Event::Request, Some((self.started.elapsed(), end)), None);
    }

    fn append(
        &mut self,
        event: Event,
        over: Option<(Duration, End)>,
        written: Option<oneshot::Sender<bool>>,
    ) {
        let is_left_out =
            self.record.is_left_out || !self.log.0.allowed_reads && self.record.is_allowed_read();
        if is_left_out {
            return;
        }
        let shared = &self.log.0;
        if self.places == 0 {
            return shared.outage.lose(1);
        }
        let mut queue = shared.lock();
        let sleeping = queue.batch.lines == 0;
        match shared.format {
            AuditFormat::Json => json::write(&self.record, event, over, &mut queue.batch.text),
            AuditFormat::Text => text::write(&self.record, event, over, &mut queue.batch.text),
        }
        queue.reserved -= 1;
        queue.batch.lines += 1;
        self.places -= 1;
        let urgent = written.is_some();
        queue.batch.waiting.extend(written);
        drop(queue);
        if sleeping || urgent {
            shared.wake.notify_one();
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.over {
            if std::thread::panicking() {
                (self.record.status, self.record.reason) = (Some(500), Reason::InternalError);
                self.finish_in_place(End::Panic);
            } else if self.log.0.draining.load(Ordering::Relaxed) {
                self.finish_in_place(End::Drained);
            } else {
                self.finish_in_place(End::ClientGone);
            }
        }
        self.log.0.lock().reserved -= self.places;
    }
}

impl Shared {
    /// A thread that panicked while it held the queue left whole lines behind, so the queue is
    /// still good.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for lines, and a little longer for more of them, unless somebody waits for these.
    fn gather(&self) -> MutexGuard<'_, Queue> {
        let idle = |queue: &mut Queue| queue.batch.lines == 0 && !queue.closing;
        let queue = self
            .wake
            .wait_while(self.lock(), idle)
            .unwrap_or_else(PoisonError::into_inner);
        let calm = |queue: &mut Queue| queue.batch.waiting.is_empty() && !queue.closing;
        self.wake
            .wait_timeout_while(queue, GATHER, calm)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    /// Notes that a line has waited too long, if lines still wait.
    fn note_stall(&self) {
        let queue = self.lock();
        if queue.writing > 0 || queue.batch.lines > 0 {
            self.outage.begin(Trouble::Stalled);
        }
    }

    /// The thread: writes lines until the log is closed and all are out.
    fn write_all(&self, mut output: Box<dyn Write + Send>) {
        let mut batch = Batch::default();
        loop {
            let mut queue = self.gather();
            if queue.batch.lines == 0 && queue.closing {
                return self.outage.close();
            }
            std::mem::swap(&mut batch, &mut queue.batch);
            queue.writing = batch.lines;
            drop(queue);
            self.write(&mut output, &mut batch);
            batch.text.clear();
            batch.text.shrink_to(KEPT_BYTES);
            batch.lines = 0;
        }
    }

    /// Notes what became of lines; whether that is all that can become of them.
    fn note(&self, failed: Option<io::Error>, left: &[u8]) -> bool {
        let mut queue = self.lock();
        queue.failing = failed.is_some();
        let Some(error) = failed else {
            let few_wait =
                queue.batch.lines <= SLACK / 2 && queue.batch.text.len() <= MAX_BYTES / 2;
            self.outage.written(few_wait);
            queue.writing = 0;
            return true;
        };
        // Who waits for later lines waits in vain.
        queue.batch.waiting.clear();
        self.outage.begin(Trouble::Failing(error));
        let are_lost = self.on_failure == OnFailure::Continue || queue.closing;
        if are_lost {
            queue.writing = 0;
            let lost = left.split_inclusive(|byte| *byte == b'\n').count();
            self.outage.lose(u64::try_from(lost).unwrap_or(u64::MAX));
        }
        are_lost
    }

    /// Writes lines, again and again if it must, where losing them is not allowed.
    fn write(&self, output: &mut dyn Write, batch: &mut Batch) {
        let mut left = batch.text.as_slice();
        loop {
            let failed = write_some(output, &mut left).err();
            let is_written = failed.is_none();
            let is_over = self.note(failed, left);
            for waiting in batch.waiting.drain(..) {
                // Nobody listens any more when the client has left.
                _ = waiting.send(is_written);
            }
            if is_over {
                return;
            }
            let queue = self.lock();
            let waited = self
                .wake
                .wait_timeout_while(queue, RETRY, |queue| !queue.closing);
            drop(waited);
        }
    }
}

#[cfg(test)]
mod tests;
