//! The audit log entry of one request. It is recorded however it is dropped.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;

use super::log::{CONFIRM, Log, Unavailable};
use super::record::{End, Event, Record, Verdict};
use crate::docker::{Call, Json};
use crate::net::client::Client;
use crate::policy::{Lookup, Reason};

/// One request's entry. It is recorded however it is dropped.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    log: Arc<Log>,
    places: usize,
    started: Instant,
    over: bool,
    counted: Counted,
}

/// What is only noted for the metrics.
#[derive(Debug, Default)]
struct Counted {
    /// How long it took until the request was sent.
    sent: Option<Duration>,
    /// Whether it is counted as a stream that is open.
    is_open: bool,
}

impl Entry {
    /// Opens the entry of a request, and reserves its places in the queue.
    pub(crate) fn open(
        log: &Arc<Log>,
        client: &Arc<Client>,
        listener: &Arc<str>,
    ) -> Result<Self, Unavailable> {
        let places = log.reserve()?;
        let (client, listener) = (Arc::clone(client), Arc::clone(listener));
        let mut record = Record::new(log.next_id(), SystemTime::now(), client, listener);
        record.has_arguments = log.has_arguments;
        Ok(Self {
            record,
            log: Arc::clone(log),
            places,
            started: Instant::now(),
            over: false,
            counted: Counted::default(),
        })
    }

    /// Notes for the metrics that the request is sent now, and whether its reply may last.
    pub(crate) fn is_sent(&mut self, may_last: bool) {
        let Some(metrics) = &self.log.metrics else {
            return;
        };
        self.counted.sent = Some(self.started.elapsed());
        if may_last && !self.counted.is_open {
            self.counted.is_open = true;
            metrics.stream(&self.record, 1);
        }
    }

    /// Records that the request is about to be sent, without waiting.
    pub(crate) fn begin(&mut self) {
        self.append(Event::Begin, None, None);
    }

    /// Records that the request is about to be sent, and waits until that is written.
    pub(crate) async fn begin_confirmed(&mut self) -> Result<(), Unavailable> {
        self.confirmed(Event::Begin).await
    }

    async fn confirmed(&mut self, event: Event) -> Result<(), Unavailable> {
        let (written, confirmation) = oneshot::channel();
        self.append(event, None, Some(written));
        let confirmed = tokio::time::timeout(CONFIRM, confirmation).await;
        if confirmed.is_err() {
            self.log.note_stall();
        }
        let is_written = matches!(confirmed, Ok(Ok(true)));
        if is_written || !self.log.must_record() {
            Ok(())
        } else {
            Err(Unavailable)
        }
    }

    /// Records that Dockgate asked the daemon about an object that the request names, or had something created for it,
    /// with the status.
    pub(crate) fn looked_up(
        &mut self,
        (lookup, call): (&Lookup, &Call),
        status: Option<u16>,
    ) -> Result<(), Unavailable> {
        if let Some(metrics) = &self.log.metrics {
            metrics.looked_up(call, status);
        }
        let mut entry = self.about(lookup, call)?;
        entry.record.status = status;
        entry.append(Event::of_lookup(call), None, None);
        Ok(())
    }

    /// Records that something is about to be created for the request, and waits until that is written.
    pub(crate) async fn prepare_confirmed(
        &mut self,
        (lookup, call): (&Lookup, &Call),
    ) -> Result<(), Unavailable> {
        let mut entry = self.about(lookup, call)?;
        entry.confirmed(Event::of_lookup(call)).await
    }

    /// An entry for a request that Dockgate sends because of this one.
    fn about(&self, lookup: &Lookup, call: &Call) -> Result<Self, Unavailable> {
        let (client, listener) = (&self.record.client, &self.record.listener);
        let mut entry = Self::open(&self.log, client, listener)?;
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

    pub(crate) fn finish(mut self, end: End) {
        self.finish_in_place(end);
    }

    fn finish_in_place(&mut self, end: End) {
        self.over = true;
        let lasted = self.started.elapsed();
        if let Some(metrics) = &self.log.metrics
            && !self.record.is_left_out
        {
            metrics.count(&self.record, lasted, self.counted.sent);
            if self.counted.is_open {
                metrics.stream(&self.record, -1);
            }
        }
        self.append(Event::Request, Some((lasted, end)), None);
    }

    fn append(
        &mut self,
        event: Event,
        over: Option<(Duration, End)>,
        written: Option<oneshot::Sender<bool>>,
    ) {
        if self.log.leaves_out(&self.record) {
            return;
        }
        if self.places == 0 {
            return self.log.lose_line();
        }
        self.places -= 1;
        self.log.append(&self.record, event, over, written);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.over {
            if std::thread::panicking() {
                (self.record.status, self.record.reason) = (Some(500), Reason::InternalError);
                self.finish_in_place(End::Panic);
            } else if self.log.draining.is_set() {
                self.finish_in_place(End::Drained);
            } else {
                self.finish_in_place(End::ClientGone);
            }
        }
        self.log.give_back(self.places);
    }
}
