//! Wiring: from the settings to a running server, and its end.

pub(crate) mod report;

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::audit::{Log, output};
use crate::config::{Config, ListenerSettings, LogLevel, Output};
use crate::policy::permit::Probe;
use crate::policyfile::Problem;
use crate::privileges;
use crate::privileges::PrivilegesError;
use crate::privileges::container::Candidates;
use crate::proxy::ask::probe;
use crate::proxy::budget::Budget;
use crate::proxy::daemon::Daemon;
use crate::proxy::daemon_state::DaemonState;
use crate::proxy::shared::{ListenerRules, Shared};
use crate::server::clients::Clients;
use crate::server::files;
use crate::server::listener::{BindError, Bound};
use crate::server::{self, Bounds};
use crate::sync::lock;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("the audit record cannot be opened at {output}: mend `audit.output`")]
    Audit { output: Output, source: io::Error },
    #[error(transparent)]
    Privileges(#[from] PrivilegesError),
    #[error(
        "the runtime or a signal handler cannot be set up: raise the limits on files and threads"
    )]
    System(#[source] io::Error),
}

/// How long the end waits for the record to be written.
const RECORD_END: Duration = Duration::from_secs(2);

/// Runs the server until a signal ends it. What an operator should know goes to `report`; `reread`
/// reads the settings again when a signal asks for it.
pub(crate) fn serve(
    config: Config,
    reread: &dyn Fn() -> Result<Config, Vec<Problem>>,
    report: &mut dyn Write,
) -> Result<(), StartError> {
    tracing_subscriber::fmt()
        .with_max_level(level(config.log))
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        .try_init()
        .ok();
    tell(report, concat!("dockgate ", env!("CARGO_PKG_VERSION")));
    for notice in &config.notices {
        tell(report, notice);
    }
    let (output, bound) = open_all(&config, report)?;
    if let Some(line) = privileges::assume(&config.upstream, config.run_as)? {
        tell(report, line);
    }
    // Told now, as nobody may be watching when a signal asks for it.
    for problem in reread().err().into_iter().flatten() {
        let line =
            "warning: a reload would fail, as what it reads is closed to the user that is left";
        tell(report, format_args!("{line}: {problem}"));
    }
    let (log, writer) =
        Log::start(output, &config.audit, config.limits.connections).map_err(StartError::System)?;
    let runtime = runtime().map_err(StartError::System)?;
    let served = runtime.block_on(run((config, bound), reread, &log, report));
    // A look-up of the daemon's name may still hang; nobody waits for it.
    runtime.shutdown_background();
    log.close();
    if !writer.wait(RECORD_END) {
        tracing::error!("nobody reads the audit record; its last lines are lost");
    }
    served
}

async fn run(
    opened: (Config, Vec<Bound>),
    reread: &dyn Fn() -> Result<Config, Vec<Problem>>,
    log: &Arc<Log>,
    report: &mut dyn Write,
) -> Result<(), StartError> {
    let heed = |kind| signal(kind).map_err(StartError::System);
    let mut ends = [
        heed(SignalKind::terminate())?,
        heed(SignalKind::interrupt())?,
    ];
    let mut reloads = heed(SignalKind::hangup())?;
    let (drain, draining) = watch::channel(false);
    let (listening, mut listeners) = start(opened, log, &draining, report)?;
    let lifts = listening.config.admission.lifts_api_version;
    let asking = report::engine(&listening.daemon, &listening.daemon_state, lifts);
    let mut asking = std::pin::pin!(asking);
    let mut has_answer = false;
    loop {
        tokio::select! {
            () = end(&mut ends) => break,
            _ = reloads.recv() => listening.reload(reread(), report),
            lines = &mut asking, if !has_answer => {
                has_answer = true;
                for line in lines {
                    tell(report, line);
                }
            }
        }
    }
    tracing::info!("draining; a second signal ends at once");
    log.draining.set(true);
    // The listeners hold receivers until they have ended.
    _ = drain.send(true);
    tokio::select! {
        () = async { while listeners.join_next().await.is_some() {} } => {}
        () = end(&mut ends) => {}
    }
    listeners.shutdown().await;
    Ok(())
}

/// What the daemon says of itself, if it answers.
pub(crate) fn engine(config: &Config) -> String {
    let daemon = Arc::new(Daemon::new(config));
    match runtime() {
        Ok(runtime) => {
            // Where `check` runs is not where the server will.
            let daemon_state = DaemonState::default();
            let lifts = config.admission.lifts_api_version;
            let lines = runtime.block_on(report::engine(&daemon, &daemon_state, lifts));
            with_reason(lines.join("; "), config)
        }
        Err(error) => StartError::System(error).to_string(),
    }
}

pub(crate) fn ping(config: &Config) -> Result<(), String> {
    let daemon = Arc::new(Daemon::new(config));
    let runtime = runtime().map_err(|error| StartError::System(error).to_string())?;
    let asked = runtime.block_on(probe(&daemon, Probe::Ping));
    asked
        .map(drop)
        .map_err(|denial| with_reason(denial.message, config))
}

/// What is said of the daemon, with what keeps its socket closed if anything does.
fn with_reason(said: String, config: &Config) -> String {
    match privileges::why_closed(&config.upstream) {
        Some(why) => format!("{said}: {why}"),
        None => said,
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

/// Has every listener accept, and tells what holds where.
fn start(
    (config, bound): (Config, Vec<Bound>),
    log: &Arc<Log>,
    draining: &watch::Receiver<bool>,
    report: &mut dyn Write,
) -> Result<(Listening, JoinSet<()>), StartError> {
    let bounds = Bounds {
        connections: Arc::new(Semaphore::new(config.limits.connections)),
        clients: Arc::new(Clients::new(config.limits.connections_per_client)),
    };
    let daemon = Arc::new(Daemon::new(&config));
    let budget = Arc::new(Budget::new(config.limits.body_bytes));
    let daemon_state = Arc::new(DaemonState::new(Candidates::of_this_process()));
    let (mut listeners, mut shared) = (JoinSet::new(), Vec::new());
    for (bound, settings) in bound.into_iter().zip(&config.listeners) {
        let address = &bound.address;
        if bound.is_instead_of_ipv6 {
            let instead = format_args!("{address} is in the place of {}", settings.address);
            tell(report, format_args!("this system has no IPv6: {instead}"));
        }
        tell(report, format_args!("listening on {address}"));
        tell_rules(report, report::rules(&settings.rules));
        let own = Arc::new(Shared {
            listener: address.to_string().into(),
            on_loopback: address.is_loopback(),
            listener_rules: Mutex::new(listener_rules(settings, &config)),
            limits: config.limits.clone(),
            daemon: Arc::clone(&daemon),
            log: Arc::clone(log),
            budget: Arc::clone(&budget),
            daemon_state: Arc::clone(&daemon_state),
        });
        shared.push(Arc::clone(&own));
        let listener = bound.into_listener().map_err(StartError::System)?;
        listeners.spawn(server::run(listener, own, bounds.clone(), draining.clone()));
    }
    let listening = Listening {
        config,
        daemon,
        daemon_state,
        shared,
    };
    Ok((listening, listeners))
}

/// The listeners, and their settings.
struct Listening {
    config: Config,
    daemon: Arc<Daemon>,
    daemon_state: Arc<DaemonState>,
    /// In the order of the settings' listeners.
    shared: Vec<Arc<Shared>>,
}

impl Listening {
    /// Has the rules of other settings hold from now on, all of them or, where anything is wrong,
    /// none.
    fn reload(&self, reread: Result<Config, Vec<Problem>>, report: &mut dyn Write) {
        let config = match reread {
            Ok(config) => config,
            Err(problems) => {
                for problem in &problems {
                    tell(report, format_args!("dockgate: {problem}"));
                }
                return tell(report, "not reloaded: the old settings stay in force");
            }
        };
        let unlike = self.config.fixed_unlike(&config);
        if !unlike.is_empty() {
            let line = "not reloaded: the old settings stay in force, as a restart is needed for what has changed in";
            return tell(report, format_args!("{line}: {}", unlike.join(", ")));
        }
        for notice in &config.notices {
            tell(report, notice);
        }
        for (shared, settings) in self.shared.iter().zip(&config.listeners) {
            let now = listener_rules(settings, &config);
            let before = std::mem::replace(&mut *lock(&shared.listener_rules), now);
            tell(report, format_args!("reloaded for {}", shared.listener));
            tell_rules(report, report::changes(&before.rules, &settings.rules));
            tell_rules(report, report::rules(&settings.rules));
        }
    }
}

fn listener_rules(settings: &ListenerSettings, config: &Config) -> Arc<ListenerRules> {
    Arc::new(ListenerRules {
        rules: settings.rules.clone(),
        admission: config.admission.clone(),
    })
}

fn level(level: LogLevel) -> tracing::Level {
    match level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
    }
}

/// An operator who has closed standard error does without.
fn tell(report: &mut dyn Write, line: impl Display) {
    _ = writeln!(report, "{line}");
}

/// Tells what holds on a listener, below a line about it.
fn tell_rules(report: &mut dyn Write, lines: Vec<String>) {
    for line in lines {
        tell(report, format_args!("  {line}"));
    }
}

/// What is opened before root is given up, and before there is a second thread: what the record is
/// written to, and the listeners.
fn open_all(
    config: &Config,
    report: &mut dyn Write,
) -> Result<(Box<dyn Write + Send>, Vec<Bound>), StartError> {
    if let Some(line) = files::too_few(files::allow_all(), config.limits.connections) {
        tell(report, line);
    }
    let to = &config.audit.output;
    if let Some(line) = output::goes_nowhere(to) {
        tell(report, line);
    }
    let record = output::open(to).map_err(|source| StartError::Audit {
        output: to.clone(),
        source,
    })?;
    let bind = |listener: &ListenerSettings| Bound::bind(&listener.address, listener.access);
    let bound: Vec<_> = config
        .listeners
        .iter()
        .map(bind)
        .collect::<Result<_, _>>()?;
    Ok((record, bound))
}
