//! Wiring: from the settings to a running server, and its end.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::audit::Log;
use crate::config::{Config, LogLevel};
use crate::docker::Body;
use crate::policy::Rules;
use crate::proxy::Shared;
use crate::proxy::body::request::BUDGET;
use crate::proxy::upstream::Daemon;
use crate::server::clients::Clients;
use crate::server::listener::{BindError, Listener};
use crate::server::{self, Bounds};

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The record.
    #[error("the audit record cannot be opened: mend `audit.output`")]
    Audit(#[source] io::Error),
    /// The runtime or a signal handler.
    #[error(
        "the runtime or a signal handler cannot be set up: raise the limits on files and threads"
    )]
    System(#[source] io::Error),
}

/// How long the end waits for the record to be written.
const RECORD_END: Duration = Duration::from_secs(2);

/// Runs the server until a signal ends it. What an operator should know at start goes to `report`.
///
/// # Errors
///
/// It cannot start.
pub fn serve(config: Config, report: &mut dyn Write) -> Result<(), StartError> {
    tracing_subscriber::fmt()
        .with_max_level(level(config.log))
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        .try_init()
        .ok();
    raise_file_limit();
    // A unix listener is for its owner and group, from the moment it is there.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o117));
    let (log, writer) =
        Log::start(&config.audit, config.limits.connections).map_err(StartError::Audit)?;
    // One thread: more would share the connections' state among them and cost more for each
    // request.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::System)?;
    let served = runtime.block_on(run(config, &log, report));
    // A look-up of the daemon's name may still hang; nobody waits for it.
    runtime.shutdown_background();
    log.close();
    if !writer.wait(RECORD_END) {
        tracing::error!("nobody reads the audit record; its last lines are lost");
    }
    served
}

async fn run(config: Config, log: &Log, report: &mut dyn Write) -> Result<(), StartError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::System)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::System)?;
    let (drain, draining) = watch::channel(false);
    let mut listeners = start(config, log, &draining, report)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("draining; a second signal ends at once");
    log.drain();
    // The listeners hold receivers until they have ended.
    _ = drain.send(true);
    tokio::select! {
        () = async { while listeners.join_next().await.is_some() {} } => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    listeners.shutdown().await;
    Ok(())
}

/// Binds every listener before any accepts, and tells what holds where.
fn start(
    config: Config,
    log: &Log,
    draining: &watch::Receiver<bool>,
    report: &mut dyn Write,
) -> Result<JoinSet<()>, StartError> {
    let bounds = Bounds {
        connections: Arc::new(Semaphore::new(config.limits.connections)),
        clients: Arc::new(Clients::new(config.limits.connections_per_client)),
        drain: config.limits.drain,
    };
    let daemon = Arc::new(Daemon {
        address: config.upstream.clone(),
        connect: config.limits.connect,
        reply_head: config.limits.reply_head,
        is_away: AtomicBool::new(false),
        is_unreadable: AtomicBool::new(false),
    });
    let budget = Arc::new(Semaphore::new(BUDGET));
    let bound = config
        .listeners
        .into_iter()
        .map(|settings| Listener::bind(&settings.address).map(|listener| (listener, settings)));
    let bound: Vec<_> = bound.collect::<Result<_, _>>()?;
    for notice in &config.notices {
        tell(report, notice);
    }
    let mut listeners = JoinSet::new();
    for (listener, settings) in bound {
        let address = listener.address().map_err(StartError::System)?;
        for line in warnings(&settings.rules) {
            tell(report, &format!("warning: {address}: {line}"));
        }
        tell(report, &format!("listening on {address}"));
        let shared = Arc::new(Shared {
            listener: address.to_string().into(),
            on_loopback: address.is_loopback(),
            rules: settings.rules,
            admission: config.admission.clone(),
            limits: config.limits.clone(),
            daemon: Arc::clone(&daemon),
            log: log.clone(),
            budget: Arc::clone(&budget),
        });
        listeners.spawn(server::run(
            listener,
            shared,
            bounds.clone(),
            draining.clone(),
        ));
    }
    Ok(listeners)
}

fn level(level: LogLevel) -> tracing::Level {
    match level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
    }
}

/// What is dangerous about what is granted, a line each.
#[must_use]
pub fn warnings(rules: &Rules) -> Vec<String> {
    let operations = rules.unjudged().into_iter().map(|operation| match operation.spec().body {
        Body::Import | Body::Json(_) | Body::Tar => {
            format!("{operation} is granted and passes its body unjudged: this is root on the host")
        }
        Body::Discarded | Body::Refused => {
            format!("{operation} is granted: it can run code, type into containers, or move data out")
        }
    });
    let raw = rules
        .policies()
        .iter()
        .filter(|policy| policy.has_raw_paths());
    let raw = raw.map(|policy| {
        let name = policy.name();
        format!("{name} grants raw paths, whose bodies pass unjudged: this can be root on the host")
    });
    operations.chain(raw).collect()
}

/// An operator who has closed standard error does without.
fn tell(report: &mut dyn Write, line: &str) {
    _ = writeln!(report, "{line}");
}

/// Lets the process have as many open files as the system allows, two for each connection.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // What was allowed before is allowed still.
    _ = setrlimit(Resource::Nofile, limit);
}
