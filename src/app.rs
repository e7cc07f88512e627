//! Wiring: from the settings to a running server, and its end.

pub(crate) mod report;

use std::io::{self, Write};
use std::sync::{Arc, RwLock};
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

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// A listener.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The record.
    #[error("the audit record cannot be opened at {output}: mend `audit.output`")]
    Audit {
        /// Where it should be.
        output: Output,
        /// Why.
        source: io::Error,
    },
    /// What the process is to run as.
    #[error(transparent)]
    Privileges(#[from] PrivilegesError),
    /// The runtime or a signal handler.
    #[error(
        "the runtime or a signal handler cannot be set up: raise the limits on files and threads"
    )]
    System(#[source] io::Error),
}

/// How long the end waits for the record to be written.
const RECORD_END: Duration = Duration::from_secs(2);

/// Runs the server until a signal ends it. What an operator should know goes to `report`; `reread`
/// reads the settings anew when a signal asks for it.
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
        tell(report, &line);
    }
    // Told now, as nobody may be watching when a signal asks for it.
    for problem in reread().err().into_iter().flatten() {
        let line = format!(
            "warning: a reload would fail, as what it reads is closed to the user that is left: {problem}"
        );
        tell(report, &line);
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
    log: &Log,
    report: &mut dyn Write,
) -> Result<(), StartError> {
    let mut signals = Signals::new().map_err(StartError::System)?;
    let (drain, draining) = watch::channel(false);
    let (listening, mut listeners) = start(opened, log, &draining, report)?;
    let lifts = listening.config.admission.lifts_api_version;
    let asking = report::engine(&listening.daemon, &listening.daemon_state, lifts);
    let mut asking = std::pin::pin!(asking);
    let mut has_answer = false;
    loop {
        tokio::select! {
            asked = signals.next() => match asked {
                Signalled::End => break,
                Signalled::Reload => listening.reload(reread(), report),
            },
            lines = &mut asking, if !has_answer => {
                has_answer = true;
                for line in lines {
                    tell(report, &line);
                }
            }
        }
    }
    tracing::info!("draining; a second signal ends at once");
    log.drain();
    // The listeners hold receivers until they have ended.
    _ = drain.send(true);
    tokio::select! {
        () = async { while listeners.join_next().await.is_some() {} } => {}
        () = async { while signals.next().await != Signalled::End {} } => {}
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

/// Whether the daemon answers a ping.
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

/// The signals that are heeded.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reload: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signalled {
        tokio::select! {
            _ = self.terminate.recv() => Signalled::End,
            _ = self.interrupt.recv() => Signalled::End,
            _ = self.reload.recv() => Signalled::Reload,
        }
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signalled {
    End,
    Reload,
}

/// Has every listener accept, and tells what holds where.
fn start(
    (config, bound): (Config, Vec<Bound>),
    log: &Log,
    draining: &watch::Receiver<bool>,
    report: &mut dyn Write,
) -> Result<(Listening, JoinSet<()>), StartError> {
    let bounds = Bounds {
        connections: Arc::new(Semaphore::new(config.limits.connections)),
        clients: Arc::new(Clients::new(config.limits.connections_per_client)),
        drain: config.limits.drain,
    };
    let daemon = Arc::new(Daemon::new(&config));
    let budget = Arc::new(Budget::new(config.limits.body_bytes));
    let daemon_state = Arc::new(DaemonState::new(Candidates::of_this_process()));
    let (mut listeners, mut shared) = (JoinSet::new(), Vec::new());
    for (bound, settings) in bound.into_iter().zip(&config.listeners) {
        let address = bound.address().clone();
        if bound.is_instead_of_ipv6() {
            let asked = &settings.address;
            let line = format!("this system has no IPv6: {address} is in the place of {asked}");
            tell(report, &line);
        }
        tell(report, &format!("listening on {address}"));
        for line in report::rules(&settings.rules) {
            tell(report, &format!("  {line}"));
        }
        let own = Arc::new(Shared {
            listener: address.to_string().into(),
            on_loopback: address.is_loopback(),
            listener_rules: RwLock::new(Arc::new(listener_rules(settings, &config))),
            limits: config.limits.clone(),
            daemon: Arc::clone(&daemon),
            log: log.clone(),
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

/// What is listened on, and by which settings.
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
                    tell(report, &format!("dockgate: {problem}"));
                }
                return tell(report, "not reloaded: the old settings stay in force");
            }
        };
        let unlike = self.config.fixed_unlike(&config);
        if !unlike.is_empty() {
            let line = format!(
                "not reloaded: the old settings stay in force, as a restart is needed for what has changed in: {}",
                unlike.join(", ")
            );
            return tell(report, &line);
        }
        for notice in &config.notices {
            tell(report, notice);
        }
        for (shared, settings) in self.shared.iter().zip(&config.listeners) {
            let before = shared.listener_rules();
            shared.rule_by(listener_rules(settings, &config));
            tell(report, &format!("reloaded for {}", shared.listener));
            for line in report::changes(&before.rules, &settings.rules) {
                tell(report, &format!("  {line}"));
            }
            for line in report::rules(&settings.rules) {
                tell(report, &format!("  {line}"));
            }
        }
    }
}

fn listener_rules(settings: &ListenerSettings, config: &Config) -> ListenerRules {
    ListenerRules {
        rules: settings.rules.clone(),
        admission: config.admission.clone(),
    }
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
fn tell(report: &mut dyn Write, line: &str) {
    _ = writeln!(report, "{line}");
}

/// What is opened before root is given up, and before there is a second thread: what the record is
/// written to, and the listeners.
fn open_all(config: &Config, report: &mut dyn Write) -> Result<Opened, StartError> {
    if let Some(line) = files::too_few(files::allow_all(), config.limits.connections) {
        tell(report, &line);
    }
    let to = &config.audit.output;
    if let Some(line) = output::goes_nowhere(to) {
        tell(report, &line);
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

type Opened = (Box<dyn Write + Send>, Vec<Bound>);
