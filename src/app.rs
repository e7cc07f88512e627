//! Wiring: from the settings to a running server, and its end.

pub(crate) mod condition;
mod dangers;
pub(crate) mod diagnostics;
mod in_force;
mod listening;
pub(crate) mod report;
pub(crate) mod tls;

use std::error::Error;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use self::condition::{Detail, Report};
use self::diagnostics::Diagnostics;
use self::listening::{listener_details, open_addresses, start};
use self::tls::Tls;
use crate::audit::metrics::Metrics;
use crate::audit::process::Change;
use crate::audit::{Log, output};
use crate::config::{Config, ListenerSettings, Output, SocketAccess};
use crate::net::tls::upstream::ToDaemon;
use crate::policy::permit::Probe;
use crate::policyfile::Problem;
use crate::privileges;
use crate::privileges::PrivilegesError;
use crate::privileges::container::Candidates;
use crate::proxy::ask::probe;
use crate::proxy::daemon::Daemon;
use crate::proxy::daemon_state::DaemonState;
use crate::server::files;
use crate::server::listener::{BindError, Bound};

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("cannot open the audit log at {output}: change `audit.output`")]
    Audit { output: Output, source: io::Error },
    #[error(transparent)]
    Privileges(#[from] PrivilegesError),
    #[error("cannot start the runtime: raise the limits on open files and threads")]
    System(#[source] io::Error),
}

/// How long the end waits for the audit log to be written.
const RECORD_END: Duration = Duration::from_secs(2);
/// How often a daemon that did not answer at start is asked again, so that the report can be completed.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// Runs the server until a signal ends it. The start report goes to `to`; `reread` reads the settings again when a
/// signal asks for it.
pub(crate) fn serve(
    (config, tls): (Config, Tls),
    reread: &dyn Fn() -> Result<Config, Vec<Problem>>,
    to: &mut dyn Write,
) -> Result<(), StartError> {
    let mut diagnostics = Diagnostics::start(&config, to);
    let served = serve_and_report((config, tls), reread, &mut diagnostics);
    if let Err(error) = &served {
        diagnostics.error(&with_causes(error));
    }
    served
}

fn with_causes(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    message
}

fn serve_and_report(
    (mut config, tls): (Config, Tls),
    reread: &dyn Fn() -> Result<Config, Vec<Problem>>,
    diagnostics: &mut Diagnostics<'_>,
) -> Result<(), StartError> {
    let mut report = report::begin(&config);
    let candidates = Candidates::of_this_process();
    output::choose_format(&mut config.audit, candidates.is_contained);
    let prepared = prepare((&config, &tls), reread, &mut report);
    if prepared.is_err() {
        // Without a verdict, because there is nothing to judge.
        let lines = report.process.iter().chain(&report.settings);
        lines.for_each(|line| diagnostics.say(line));
    }
    let (output, bound, of_metrics) = prepared?;
    let metrics = of_metrics.is_some().then(|| Arc::new(Metrics::new()));
    let (log, writer) = Log::start(output, &config.audit, config.limits.connections, metrics)
        .map_err(StartError::System)?;
    let runtime = runtime().map_err(StartError::System)?;
    let opened = (config, bound, candidates, tls);
    let opened = (opened, of_metrics);
    let served = runtime.block_on(run(opened, reread, &log, (&mut report, diagnostics)));
    // A lookup of the daemon's name may still hang; nobody waits for it.
    runtime.shutdown_background();
    log.close();
    if !writer.wait(RECORD_END) {
        tracing::error!("nobody reads the audit log: its last lines are lost");
    }
    served
}

async fn run(
    (opened, of_metrics): ((Config, Vec<Bound>, Candidates, Tls), Option<Bound>),
    reread: &dyn Fn() -> Result<Config, Vec<Problem>>,
    log: &Arc<Log>,
    (report, diagnostics): (&mut Report, &mut Diagnostics<'_>),
) -> Result<(), StartError> {
    let heed = |kind| signal(kind).map_err(StartError::System);
    let mut ends = [
        heed(SignalKind::terminate())?,
        heed(SignalKind::interrupt())?,
    ];
    let mut reloads = heed(SignalKind::hangup())?;
    let (drain, draining) = watch::channel(false);
    let (mut listening, mut listeners) =
        start(opened, log, &draining).map_err(StartError::System)?;
    // Metrics are served until this is dropped.
    let _reporting = listening.begin(of_metrics).map_err(StartError::System)?;
    report.listeners = listening.details();
    report.lines().iter().for_each(|line| diagnostics.say(line));
    let lifts = listening.config.admission.lifts_api_version;
    let (daemon, state, pinned) = (
        Arc::clone(&listening.daemon),
        Arc::clone(&listening.daemon_state),
        Arc::clone(&listening.pinned),
    );
    let mut watching = std::pin::pin!(pinned.watch(&daemon));
    let addresses = listening.open_addresses();
    let ask = |wait| report::engine(wait, &daemon, &state, lifts, &addresses);
    let mut asking = std::pin::pin!(ask(Duration::ZERO));
    let mut has_answer = false;
    loop {
        tokio::select! {
            () = end(&mut ends) => break,
            never = &mut watching => match never {},
            () = listening.tls_changed() => listening.reload_tls(diagnostics),
            _ = reloads.recv() => {
                listening.reload(reread(), report, diagnostics);
                listening.reload_tls(diagnostics);
            }
            details = &mut asking, if !has_answer => {
                has_answer = !details.iter().any(Detail::is_away);
                let is_reported = daemon.outage.reported().is_some();
                let lines = report.answered(details);
                let lines = lines.iter().filter(|line| !(is_reported && line.is_away()));
                lines.for_each(|line| diagnostics.say(line));
                if !has_answer {
                    asking.set(ask(ASK_AGAIN));
                }
            }
        }
    }
    let time = listening.config.limits.drain;
    tracing::info!(
        "shutting down: waiting up to {} for open requests (send the signal again to stop now)",
        humantime::format_duration(time)
    );
    log.draining.set(true);
    // The listeners hold receivers until they have ended.
    _ = drain.send(true);
    tokio::select! {
        () = async { while listeners.join_next().await.is_some() {} } => {}
        () = end(&mut ends) => {}
    }
    listeners.shutdown().await;
    listening.note(Change::Stop);
    Ok(())
}

/// The report of `check`: what a start would say, with lists of at most so many names.
pub(crate) fn checked(config: &Config, tls: Tls, most: usize) -> Report {
    let candidates = Candidates::of_this_process();
    let is_contained = candidates.is_contained;
    let addresses = config.addresses();
    let mut report = report::begin(config);
    report.listeners = listener_details(config, &addresses, is_contained, most);
    report.listeners.extend(tls.details());
    let daemon = Arc::new(Daemon::new(config, tls.upstream));
    report.daemon = match runtime() {
        Ok(runtime) => {
            // In a container, `check` is asked about that container.
            let state = DaemonState::new(candidates);
            let lifts = config.admission.lifts_api_version;
            let wait = Duration::ZERO;
            let open = open_addresses(config, &addresses);
            runtime.block_on(report::engine(wait, &daemon, &state, lifts, &open))
        }
        Err(error) => vec![Detail::Warning(with_causes(&StartError::System(error)))],
    };
    report
}

pub(crate) fn ping(config: &Config) -> Result<(), String> {
    let upstream = ToDaemon::open(config).map_err(|problems| listed(&problems))?;
    let daemon = Arc::new(Daemon::new(config, upstream));
    let runtime = runtime().map_err(|error| StartError::System(error).to_string())?;
    let asked = runtime.block_on(probe(&daemon, Probe::Ping));
    asked
        .map(drop)
        .map_err(|denial| with_reason(denial.message, config))
}

fn listed(problems: &[Problem]) -> String {
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    problems.join("; ")
}

/// An error of connecting to the daemon, with the reason why its socket cannot be opened.
fn with_reason(message: String, config: &Config) -> String {
    match privileges::why_closed(&config.upstream) {
        Some(why) => format!("{message}: {why}"),
        None => message,
    }
}

/// One thread: more would share the connections' state among them and cost more for each request.
fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// Waits for either of the signals that end the server.
async fn end([terminate, interrupt]: &mut [Signal; 2]) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Does what needs root or a single thread: opens the audit log and the listeners, and gives up root. What it finds
/// goes into the report.
fn prepare(
    (config, tls): (&Config, &Tls),
    reread: &dyn Fn() -> Result<Config, Vec<Problem>>,
    report: &mut Report,
) -> Result<Opened, StartError> {
    let to = &config.audit.output;
    let found = [
        files::too_few(files::allow_all(), config.limits.connections),
        output::goes_nowhere(to),
    ];
    let mut add = |line: &str| report.process.push(Detail::of(line));
    found.into_iter().flatten().for_each(|line| add(&line));
    let output = output::open(&config.audit).map_err(|source| StartError::Audit {
        output: to.clone(),
        source,
    })?;
    let bind = |listener: &ListenerSettings| Bound::bind(&listener.address, listener.access);
    let bound = config.listeners.iter().map(bind);
    let bound: Vec<_> = bound.collect::<Result<_, _>>()?;
    let of_metrics = config.metrics.listen.as_ref();
    let of_metrics = of_metrics.map(|address| Bound::bind(address, SocketAccess::DEFAULT));
    let of_metrics = of_metrics.transpose()?;
    if let Some(bound) = &of_metrics {
        add(&format!("metrics on {}", bound.address));
    }
    for (bound, settings) in bound.iter().zip(&config.listeners) {
        if bound.is_instead_of_ipv6 {
            let (address, asked) = (&bound.address, &settings.address);
            add(&format!(
                "this system has no IPv6: using {address} instead of {asked}"
            ));
        }
    }
    let identity = privileges::assume(&config.upstream, config.run_as)?;
    for line in identity {
        add(&line);
    }
    // Reported now, because nobody may be watching when a signal asks for a reload.
    for problem in reread().err().into_iter().flatten() {
        add(&format!("warning: a reload would fail: {problem}"));
    }
    for problem in tls.reload() {
        add(&format!(
            "warning: a renewed certificate needs a restart: {problem}"
        ));
    }
    Ok((output, bound, of_metrics))
}

/// What needed root: the audit log's output, the listeners, and the listener for metrics.
type Opened = (Box<dyn Write + Send>, Vec<Bound>, Option<Bound>);
