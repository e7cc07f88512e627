//! The listener for Prometheus and for health checks: `/metrics`, `/healthz`, `/readyz`.
//!
//! Nothing that it answers depends on what it is sent, except for the path.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::listener::Listener;
use crate::audit::Log;
use crate::audit::metrics::Metrics;
use crate::clients::identify::{Client, Identity, Peer, identify};
use crate::net::socket::Socket;
use crate::policy::permit::Probe;
use crate::proxy::ask::probe;
use crate::proxy::daemon::Daemon;
use crate::proxy::daemon_state::DaemonState;
use crate::proxy::peers::{Arrival, Known, Peers};

/// How long one connection may last. Each has one request.
const LIMIT: Duration = Duration::from_secs(10);
/// How long the daemon has to answer. Prometheus waits for 10 s.
const DAEMON: Duration = Duration::from_secs(3);
/// How long its answer is good for.
const FRESH: Duration = Duration::from_secs(1);
/// How many connections are served at once.
const CONNECTIONS: usize = 16;
/// How long accepting pauses after an error.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest head that is read, in bytes. hyper needs this much.
const HEAD: usize = 8 * 1024;

/// What the listener reports about.
#[derive(Debug)]
pub(crate) struct Reporter {
    pub(crate) log: Arc<Log>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) daemon: Arc<Daemon>,
    pub(crate) daemon_state: Arc<DaemonState>,
    pub(crate) peers: Arc<Peers>,
    /// Who may ask; everybody without.
    pub(crate) from: Option<Client>,
    /// What the daemon answered last, and when.
    pub(crate) probed: Probed,
}

/// An answer of the daemon. However many ask, the daemon gets one question at a time.
pub(crate) type Probed = tokio::sync::Mutex<Option<(Instant, Option<String>)>>;

/// Serves until it is dropped.
pub(crate) async fn run(listener: Listener, reporter: Arc<Reporter>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, _, peer)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // More than these wait for nothing, so they are closed.
        if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
            let reporter = Arc::clone(&reporter);
            connections.spawn(async move {
                // A client that takes longer is cut off, and one that left needs no answer.
                _ = timeout(LIMIT, serve(socket, peer, reporter)).await;
                drop(permit);
            });
        }
    }
}

async fn serve(socket: Socket, peer: Peer, reporter: Arc<Reporter>) {
    let is_admitted = reporter.admits(&socket, peer).await;
    let service = service_fn(move |request: Request<Incoming>| {
        let reporter = Arc::clone(&reporter);
        async move {
            let answer = if is_admitted {
                reporter
                    .answer(request.method(), request.uri().path())
                    .await
            } else {
                say(StatusCode::FORBIDDEN, "not in the `from` of [metrics]\n")
            };
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(socket), service);
    // Whatever is wrong with it, there is nobody to tell.
    _ = connection.await;
}

impl Reporter {
    /// Whether a connection is one of those in `from`.
    async fn admits(&self, socket: &Socket, peer: Peer) -> bool {
        let Some(from) = &self.from else {
            return true;
        };
        let mut known = Known::of(peer);
        let whose = |known: &Known| identify(std::slice::from_ref(from), known.peer, known.facts());
        let daemon = (&self.daemon, &*self.daemon_state);
        let arrival = Arrival { socket, peer };
        let found = self
            .peers
            .identify(daemon, arrival, &mut known, whose)
            .await;
        matches!(found, Ok(Identity::Client { .. }))
    }

    async fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return say(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        }
        match path {
            "/healthz" => say(StatusCode::OK, "ok\n"),
            "/readyz" => self.readiness().await,
            "/metrics" => self.text().await,
            _ => say(
                StatusCode::NOT_FOUND,
                "/metrics, /healthz and /readyz are here\n",
            ),
        }
    }

    /// Whether requests can be served now, and what prevents it.
    async fn readiness(&self) -> Response<Full<Bytes>> {
        let daemon = self.daemon_error().await;
        let log = self.log.state();
        let parts = [
            ("daemon", daemon),
            (
                "audit",
                (!log.is_up).then(|| "the audit log cannot be written".to_owned()),
            ),
            (
                "serving",
                self.log
                    .draining
                    .is_set()
                    .then(|| "shutting down".to_owned()),
            ),
        ];
        let is_ready = parts.iter().all(|(_, error)| error.is_none());
        let mut text = String::new();
        for (part, error) in parts {
            // A String takes every write.
            _ = writeln!(text, "{part}: {}", error.as_deref().unwrap_or("ok"));
        }
        let status = if is_ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        say(status, text)
    }

    async fn daemon_error(&self) -> Option<String> {
        let mut probed = self.probed.lock().await;
        if let Some((when, error)) = &*probed
            && when.elapsed() < FRESH
        {
            return error.clone();
        }
        let error = self.probe().await;
        *probed = Some((Instant::now(), error.clone()));
        error
    }

    async fn probe(&self) -> Option<String> {
        match timeout(DAEMON, probe(&self.daemon, Probe::Ping)).await {
            Ok(Ok(_)) => None,
            Ok(Err(denial)) => Some(denial.message),
            Err(_) => Some(format!(
                "the daemon did not answer in {} s",
                DAEMON.as_secs()
            )),
        }
    }

    async fn text(&self) -> Response<Full<Bytes>> {
        let is_up = self.daemon_error().await.is_none();
        let text = self
            .metrics
            .text(self.log.state(), is_up, &process(self.metrics.started));
        let Some(text) = text else {
            return say(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the metrics cannot be written\n",
            );
        };
        let mut answer = Response::new(Full::from(text));
        answer
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(OPEN_METRICS));
        answer
    }
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn say(status: StatusCode, text: impl Into<String>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(text.into()));
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, plain);
    answer
}

/// What the system says about this process. Source: proc(5).
fn process(started: i64) -> Registry {
    let mut registry = Registry::with_prefix("process");
    let mut add = |name: &str, about: &str, value: Option<i64>| {
        if let Some(value) = value {
            let gauge = Gauge::<i64>::default();
            gauge.set(value);
            registry.register(name, about, gauge);
        }
    };
    let files = std::fs::read_dir("/proc/self/fd").ok();
    let files = files.and_then(|files| i64::try_from(files.count()).ok());
    add("open_fds", "Open files", files);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let memory = memory.and_then(|rest| rest.split_whitespace().next()?.parse::<i64>().ok());
    add(
        "resident_memory_bytes",
        "Memory in use",
        memory.map(|kib| kib * 1024),
    );
    add(
        "start_time_seconds",
        "When the process started",
        Some(started),
    );
    registry
}
