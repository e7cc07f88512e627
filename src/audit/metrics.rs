//! Counts of what Dockgate does, for Prometheus. `docs/metrics.md` says what each means.
//!
//! The values of every label come from closed tables or from the settings, so no client can add a series.

mod labels;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use self::labels::{
    BuildLabels, DenialLabels, ListenerLabel, LookupLabels, OperationLabel, PolicyLabels,
    ReasonLabel, RequestLabels, ResultLabel, Text,
};
use super::process::{InForce, Owner};
use super::record::{Record, Verdict};
use crate::docker::{Call, Operation, Reply};
use crate::policy::Reason;

/// What Dockgate counts.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    denied: Family<DenialLabels, Counter>,
    duration: Family<OperationLabel, Histogram, fn() -> Histogram>,
    overhead: Histogram,
    lookups: Family<LookupLabels, Counter>,
    upstream_errors: Family<ReasonLabel, Counter>,
    connections: Family<ListenerLabel, Gauge>,
    streams: Family<OperationLabel, Gauge>,
    lines: Family<ResultLabel, Counter>,
    queue: Gauge,
    audit_up: Gauge,
    upstream_up: Gauge,
    policies: Family<PolicyLabels, Gauge>,
    reloads: Family<ResultLabel, Counter>,
    last_reload: Gauge,
    /// When the process started, in seconds since 1970.
    pub(crate) started: i64,
    /// The client of connections that belong to none.
    nobody: Arc<str>,
}

/// The state of the audit log, when it is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogState {
    pub(crate) written: u64,
    pub(crate) lost: u64,
    pub(crate) waiting: usize,
    /// Whether lines can be written.
    pub(crate) is_up: bool,
}

/// The bounds of how long requests take: those of OpenTelemetry, and two smaller ones.
const DURATIONS: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];
/// The bounds of Dockgate's own part of that.
const OVERHEADS: [f64; 13] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5,
];

/// What stands for the operation of a request that was not understood.
const NOT_UNDERSTOOD: &str = "none";
/// What stands for the operation of a path outside the table.
const OUTSIDE: &str = "other";

impl Metrics {
    pub(crate) fn new() -> Self {
        let durations: fn() -> Histogram = || Histogram::new(DURATIONS);
        let mut metrics = Self {
            registry: Registry::with_prefix("dockgate"),
            requests: Family::default(),
            denied: Family::default(),
            duration: Family::new_with_constructor(durations),
            overhead: Histogram::new(OVERHEADS),
            lookups: Family::default(),
            upstream_errors: Family::default(),
            connections: Family::default(),
            streams: Family::default(),
            lines: Family::default(),
            queue: Gauge::default(),
            audit_up: Gauge::default(),
            upstream_up: Gauge::default(),
            policies: Family::default(),
            reloads: Family::default(),
            last_reload: Gauge::default(),
            started: now(),
            nobody: "-".into(),
        };
        metrics.register_requests();
        metrics.register_state();
        for result in ["applied", "rejected"] {
            drop(metrics.reloads.get_or_create(&ResultLabel { result }));
        }
        metrics.last_reload.set(metrics.started);
        metrics
    }

    fn register_requests(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "requests",
            "Requests that have ended",
            self.requests.clone(),
        );
        registry.register(
            "denied",
            "Requests that were denied, by reason",
            self.denied.clone(),
        );
        registry.register_with_unit(
            "request_duration",
            "Time from a request's head to its end, of operations whose reply cannot last",
            Unit::Seconds,
            self.duration.clone(),
        );
        registry.register_with_unit(
            "overhead",
            "Time from a request's head until it is sent to the daemon or denied",
            Unit::Seconds,
            self.overhead.clone(),
        );
        registry.register(
            "lookups",
            "Questions to the daemon about objects",
            self.lookups.clone(),
        );
        registry.register(
            "upstream_errors",
            "Requests that the daemon did not answer, by reason",
            self.upstream_errors.clone(),
        );
        registry.register(
            "open_connections",
            "Open connections of clients",
            self.connections.clone(),
        );
        registry.register(
            "open_streams",
            "Replies that last until the client leaves",
            self.streams.clone(),
        );
    }

    fn register_state(&mut self) {
        let registry = &mut self.registry;
        registry.register("audit_lines", "Lines of the audit log", self.lines.clone());
        registry.register(
            "audit_queue_lines",
            "Lines that wait to be written",
            self.queue.clone(),
        );
        registry.register(
            "audit_up",
            "Whether the audit log can be written",
            self.audit_up.clone(),
        );
        registry.register(
            "upstream_up",
            "Whether the daemon answers",
            self.upstream_up.clone(),
        );
        registry.register(
            "policy_info",
            "The policies in force",
            self.policies.clone(),
        );
        registry.register("reloads", "Reloads of the settings", self.reloads.clone());
        registry.register_with_unit(
            "reload_last_success_timestamp",
            "When the settings in force were read",
            Unit::Seconds,
            self.last_reload.clone(),
        );
        let build = Family::<BuildLabels, Gauge>::default();
        let version = env!("CARGO_PKG_VERSION");
        build.get_or_create(&BuildLabels { version }).set(1);
        registry.register("build_info", "This version of Dockgate", build);
    }

    /// Counts a request that has ended, and took this long; and how long it took until it was sent, if it was.
    pub(super) fn count(&self, record: &Record, whole: Duration, sent: Option<Duration>) {
        let operation = operation_of(record);
        let client = record.client.name().unwrap_or(&self.nobody);
        let client = || Text(Arc::clone(client));
        let labels = RequestLabels {
            listener: Text(Arc::clone(&record.listener)),
            client: client(),
            operation,
            verdict: record.verdict.as_str(),
            code: record.status.unwrap_or_default(),
        };
        self.requests.get_or_create(&labels).inc();
        let reason = record.reason.code();
        if record.verdict == Verdict::Deny {
            let client = client();
            let labels = DenialLabels {
                client,
                operation,
                reason,
            };
            self.denied.get_or_create(&labels).inc();
        }
        if is_of_daemon(record.reason) {
            self.upstream_errors
                .get_or_create(&ReasonLabel { reason })
                .inc();
        }
        self.overhead.observe(sent.unwrap_or(whole).as_secs_f64());
        let is_finite = |operation: Operation| matches!(operation.spec().reply, Reply::Plain);
        if sent.is_some() && record.operation().is_some_and(is_finite) {
            let duration = self.duration.get_or_create(&OperationLabel { operation });
            duration.observe(whole.as_secs_f64());
        }
    }

    /// Counts a stream that opens or ends.
    pub(super) fn stream(&self, record: &Record, change: i64) {
        let operation = operation_of(record);
        let streams = self.streams.get_or_create(&OperationLabel { operation });
        streams.inc_by(change);
    }

    /// Counts a question to the daemon.
    pub(super) fn looked_up(&self, call: &Call, status: Option<u16>) {
        let operation = call
            .operation()
            .map_or(OUTSIDE, |operation| operation.spec().name);
        let result = match status {
            Some(200..300) => "found",
            Some(404) => "missing",
            Some(_) => "error",
            None => "no_answer",
        };
        self.lookups
            .get_or_create(&LookupLabels { operation, result })
            .inc();
    }

    /// Counts a connection until the value is dropped.
    pub(crate) fn connection(&self, listener: &Arc<str>) -> OpenConnection {
        let listener = Text(Arc::clone(listener));
        let open = self
            .connections
            .get_or_create_owned(&ListenerLabel { listener });
        open.inc();
        OpenConnection(open)
    }

    /// Notes what is in force, and whether that came from a reload or in spite of one.
    pub(super) fn in_force(&self, in_force: &InForce, reload: Option<bool>) {
        if let Some(is_applied) = reload {
            let result = if is_applied { "applied" } else { "rejected" };
            self.reloads.get_or_create(&ResultLabel { result }).inc();
        }
        if reload == Some(false) {
            return;
        }
        self.last_reload.set(now());
        self.policies.clear();
        for policy in &in_force.policies {
            let (listener, client) = match &policy.whose {
                Owner::Listener(address) => (address.clone(), String::new()),
                Owner::Client(name) => (String::new(), name.clone()),
            };
            let labels = PolicyLabels {
                listener,
                client,
                policy: policy.name.clone(),
                sha256: policy.sha256.clone(),
            };
            self.policies.get_or_create(&labels).set(1);
        }
    }

    /// Everything in the text format of `OpenMetrics`, with the state at this moment; `process` adds metrics of the process.
    pub(crate) fn text(
        &self,
        log: LogState,
        daemon_is_up: bool,
        process: &Registry,
    ) -> Option<String> {
        for (result, count) in [("written", log.written), ("lost", log.lost)] {
            let lines = self.lines.get_or_create(&ResultLabel { result });
            lines.inner().store(count, Ordering::Relaxed);
        }
        self.queue
            .set(i64::try_from(log.waiting).unwrap_or(i64::MAX));
        self.audit_up.set(log.is_up.into());
        self.upstream_up.set(daemon_is_up.into());
        let mut text = String::new();
        encode_registry(&mut text, &self.registry).ok()?;
        encode_registry(&mut text, process).ok()?;
        encode_eof(&mut text).ok()?;
        Some(text)
    }
}

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn operation_of(record: &Record) -> &'static str {
    match (record.operation(), &record.call) {
        (Some(operation), _) => operation.spec().name,
        (None, Some(_)) => OUTSIDE,
        (None, None) => NOT_UNDERSTOOD,
    }
}

/// Whether a request failed because of the daemon.
fn is_of_daemon(reason: Reason) -> bool {
    let reasons = [
        Reason::BadDaemonReply,
        Reason::DaemonSilent,
        Reason::DaemonUnreachable,
        Reason::LookupFailed,
    ];
    reasons.contains(&reason)
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0, |now| now.as_secs());
    i64::try_from(seconds).unwrap_or(i64::MAX)
}
