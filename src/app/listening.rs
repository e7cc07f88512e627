//! The listeners that run, and a reload of their rules.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::condition::{Detail, Report};
use super::diagnostics::Diagnostics;
use super::in_force::in_force;
use super::report;
use super::tls::{self, Tls};
use crate::audit::Log;
use crate::audit::process::Change;
use crate::clients::identify::Client;
use crate::config::{Config, ListenAddress, ListenerSettings};
use crate::net::tls::entrance::Entrance;
use crate::net::tls::handshake::Handshakes;
use crate::net::tls::load::now;
use crate::net::tls::upstream::ToDaemon;
use crate::net::tls::watch::{EVERY, Watch};
use crate::policyfile::Problem;
use crate::privileges::container::Candidates;
use crate::proxy::budget::Budget;
use crate::proxy::daemon::Daemon;
use crate::proxy::daemon_state::DaemonState;
use crate::proxy::peers::Peers;
use crate::proxy::pinned::Pinned;
use crate::proxy::shared::{Clients, ListenerRules, Rights, Shared};
use crate::server::clients::Counts;
use crate::server::listener::Bound;
use crate::server::metrics::{self, Probed, Reporter};
use crate::server::{self, Bounds};
use crate::sync::lock;

/// How many connections may be accepted and not served yet.
const WAITING: usize = 1024;

/// Starts accepting on every listener.
pub(super) fn start(
    (config, bound, candidates, tls): (Config, Vec<Bound>, Candidates, Tls),
    log: &Arc<Log>,
    draining: &watch::Receiver<bool>,
) -> io::Result<(Listening, JoinSet<()>)> {
    let bounds = Bounds {
        connections: Arc::new(Semaphore::new(config.limits.connections)),
        waiting: Arc::new(Semaphore::new(WAITING)),
        clients: Arc::new(Counts::new(config.limits.connections_per_client)),
    };
    let handshakes = if tls.listeners.iter().any(Option::is_some) {
        Some(Handshakes::start()?)
    } else {
        None
    };
    let daemon = Arc::new(Daemon::new(&config, tls.upstream));
    let budget = Arc::new(Budget::new(config.limits.body_bytes));
    let daemon_state = Arc::new(DaemonState::new(candidates));
    let (peers, pinned) = (Arc::<Peers>::default(), Arc::<Pinned>::default());
    let clients = clients(&config);
    let (mut listeners, mut listening) = (JoinSet::new(), Vec::new());
    let settings = config.listeners.iter().zip(tls.listeners);
    for (bound, (settings, entrance)) in bound.into_iter().zip(settings) {
        let address = bound.address.clone();
        let own = Arc::new(Shared {
            listener: address.to_string().into(),
            on_loopback: address.is_loopback(),
            listener_rules: Mutex::new(listener_rules(settings, &config, &clients)),
            limits: config.limits.clone(),
            daemon: Arc::clone(&daemon),
            log: Arc::clone(log),
            budget: Arc::clone(&budget),
            daemon_state: Arc::clone(&daemon_state),
            peers: Arc::clone(&peers),
            pinned: Arc::clone(&pinned),
            tls: entrance.zip(handshakes.clone()),
        });
        listening.push((address, Arc::clone(&own)));
        let listener = bound.into_listener()?;
        listeners.spawn(server::run(listener, own, bounds.clone(), draining.clone()));
    }
    let listening = Listening {
        config,
        daemon,
        daemon_state,
        peers,
        pinned,
        log: Arc::clone(log),
        listeners: listening,
        watch: tls.watch,
        warned: Instant::now(),
    };
    Ok((listening, listeners))
}

/// The listeners, and their settings.
pub(super) struct Listening {
    pub(super) config: Config,
    pub(super) daemon: Arc<Daemon>,
    pub(super) daemon_state: Arc<DaemonState>,
    peers: Arc<Peers>,
    pub(super) pinned: Arc<Pinned>,
    log: Arc<Log>,
    /// In the order of the settings' listeners.
    listeners: Vec<(ListenAddress, Arc<Shared>)>,
    watch: Watch,
    /// When certificates that expire were last looked for.
    warned: Instant,
}

/// How often Dockgate warns about certificates that expire.
const DAILY: Duration = Duration::from_hours(24);

impl Listening {
    pub(super) fn addresses(&self) -> Vec<ListenAddress> {
        let addresses = self.listeners.iter().map(|(address, _)| address.clone());
        addresses.collect()
    }

    /// The addresses on which connections can belong to no client.
    pub(super) fn open_addresses(&self) -> Vec<ListenAddress> {
        open_addresses(&self.config, &self.addresses())
    }

    pub(super) fn details(&self) -> Vec<Detail> {
        let is_contained = self.daemon_state.candidates.is_contained;
        let mut details =
            listener_details(&self.config, &self.addresses(), is_contained, report::FEW);
        details.extend(tls::details(self.entrances(), self.daemon.tls.as_ref()));
        details
    }

    fn entrances(&self) -> impl Iterator<Item = &Entrance> + Clone {
        let shared = self.listeners.iter().filter_map(|(_, it)| it.tls.as_ref());
        shared.map(|(entrance, _)| entrance)
    }

    /// Ends when files of TLS changed; never without TLS. Warns daily of certificates that expire.
    pub(super) async fn tls_changed(&mut self) {
        if self.watch.is_empty() {
            std::future::pending::<()>().await;
        }
        loop {
            tokio::time::sleep(EVERY).await;
            if self.watch.has_changed() {
                return;
            }
            if self.warned.elapsed() > DAILY {
                self.warned = Instant::now();
                let upstream = self.daemon.tls.as_ref();
                for warning in tls::expiring(self.entrances(), upstream, now()) {
                    tracing::warn!("{}", warning.text());
                }
            }
        }
    }

    /// Reads the files of TLS again. Connections end whose certificate is not accepted any more.
    pub(super) fn reload_tls(&mut self, diagnostics: &mut Diagnostics<'_>) {
        if self.watch.is_empty() {
            return;
        }
        let mut problems = Vec::new();
        let mut accepts_others = false;
        for entrance in self.entrances() {
            let (others, more) = entrance.reload();
            accepts_others |= others;
            problems.extend(more);
        }
        problems.extend(self.daemon.tls.as_ref().and_then(ToDaemon::reload));
        problems.dedup();
        if accepts_others {
            self.pinned.ask_again();
        }
        for problem in &problems {
            diagnostics.error(&format!(
                "not reloaded: {problem}; the old file stays in force"
            ));
        }
        if problems.is_empty() {
            for detail in tls::details(self.entrances(), self.daemon.tls.as_ref()) {
                diagnostics.say(&detail);
            }
        }
    }

    /// Records the start. Serves metrics and health checks on this listener, until the result is dropped.
    pub(super) fn begin(&self, bound: Option<Bound>) -> io::Result<JoinSet<()>> {
        self.note(Change::Start);
        let mut serving = JoinSet::new();
        if let (Some(bound), Some(metrics)) = (bound, &self.log.metrics) {
            let from = self.config.metrics.from.clone();
            let from = from.map(|from| Client {
                name: "metrics".into(),
                from,
            });
            let reporter = Reporter {
                log: Arc::clone(&self.log),
                metrics: Arc::clone(metrics),
                daemon: Arc::clone(&self.daemon),
                daemon_state: Arc::clone(&self.daemon_state),
                peers: Arc::clone(&self.peers),
                from,
                probed: Probed::default(),
            };
            serving.spawn(metrics::run(bound.into_listener()?, Arc::new(reporter)));
        }
        Ok(serving)
    }

    /// Records what happens to the process, and what is in force now.
    pub(super) fn note(&self, change: Change<'_>) {
        self.log
            .note_change(change, &in_force(&self.config, &self.addresses()));
    }

    /// Puts the rules of other settings in force: all of them or, if anything is wrong, none.
    pub(super) fn reload(
        &mut self,
        reread: Result<Config, Vec<Problem>>,
        report: &mut Report,
        diagnostics: &mut Diagnostics<'_>,
    ) {
        let mut config = match reread {
            Ok(config) => config,
            Err(problems) => {
                diagnostics.error("not reloaded: the old settings stay in force");
                let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
                self.note(Change::NoReload(&problems.join("; ")));
                return problems
                    .iter()
                    .for_each(|problem| diagnostics.error(problem));
            }
        };
        let unlike = self.config.fixed_unlike(&config);
        if !unlike.is_empty() {
            let why = format!("restart Dockgate to change {}", unlike.join(", "));
            self.note(Change::NoReload(&why));
            return diagnostics.error(&format!(
                "not reloaded: {why}; the old settings stay in force"
            ));
        }
        let clients = clients(&config);
        for ((_, shared), settings) in self.listeners.iter().zip(&config.listeners) {
            *lock(&shared.listener_rules) = listener_rules(settings, &config, &clients);
        }
        self.pinned.ask_again();
        let changes = changes(&self.config, &config, &self.addresses());
        // What was chosen at start holds on.
        config.audit.format = self.config.audit.format;
        self.config = config;
        self.note(Change::Reload);
        let changes = changes.into_iter().map(Detail::Fact).collect();
        let (settings, listeners) = (report::settings(&self.config), self.details());
        let lines = report.reloaded(settings, listeners, changes);
        for line in &lines {
            diagnostics.say(line);
        }
    }
}

fn listener_rules(
    settings: &ListenerSettings,
    config: &Config,
    clients: &Arc<Clients>,
) -> Arc<ListenerRules> {
    Arc::new(ListenerRules {
        rules: settings.rules.clone(),
        admission: config.admission.clone(),
        client: settings.client.clone(),
        clients: Arc::clone(clients),
    })
}

fn clients(config: &Config) -> Arc<Clients> {
    let known = config.clients.iter().map(|client| Client {
        name: Arc::clone(&client.name),
        from: client.from.clone(),
    });
    let rights = config.clients.iter().map(|client| Rights {
        rules: client.rules.clone(),
        connections: client.connections,
    });
    Arc::new(Clients {
        known: known.collect(),
        rights: rights.collect(),
        unknown: config.unknown_client,
    })
}

/// What a reload changes, for each listener and each client.
fn changes(before: &Config, after: &Config, addresses: &[ListenAddress]) -> Vec<String> {
    let whose = |config: &Config| {
        let rulings = config.rulings(addresses);
        let rulings = rulings.map(|(whose, rules)| (whose.to_string(), rules.clone()));
        rulings.collect::<Vec<_>>()
    };
    let (before, after) = (whose(before), whose(after));
    let mut changes = Vec::new();
    for (whose, rules) in &after {
        let old = before.iter().find(|(old, _)| old == whose);
        changes.push(match old {
            Some(_) => format!("reloaded for {whose}"),
            None => format!("new: {whose}"),
        });
        changes.extend(old.iter().flat_map(|(_, old)| report::changes(old, rules)));
    }
    let is_gone = |whose: &String| after.iter().all(|(new, _)| new != whose);
    let gone = before.iter().filter(|(whose, _)| is_gone(whose));
    changes.extend(gone.map(|(whose, _)| format!("no longer: {whose}")));
    changes
}

/// Those of the listeners' addresses on which connections can belong to no client.
pub(super) fn open_addresses(config: &Config, addresses: &[ListenAddress]) -> Vec<ListenAddress> {
    let listeners = config.listeners.iter().zip(addresses);
    // Whoever has a certificate is authenticated.
    let open = listeners.filter(|(it, _)| config.serves_others(it) && !it.asks_for_certificates());
    open.map(|(_, address)| address.clone()).collect()
}

/// The lines of a report about its listeners, which listen at these addresses.
pub(super) fn listener_details(
    config: &Config,
    addresses: &[ListenAddress],
    is_contained: bool,
    most: usize,
) -> Vec<Detail> {
    let is_one_of_many = config.listeners.len() > 1 || !config.clients.is_empty();
    let mut details = Vec::new();
    for (settings, address) in config.listeners.iter().zip(addresses) {
        details.push(Detail::Fact(format!("listening on {address}")));
        let is_open =
            !is_contained && config.serves_others(settings) && !settings.asks_for_certificates();
        let open = report::open_to_hosts(address).filter(|_| is_open);
        details.extend(open.map(Detail::Condition));
        if config.serves_others(settings) {
            let whose = is_one_of_many.then(|| address.to_string());
            details.extend(report::rules(&settings.rules, whose.as_deref(), most));
        }
    }
    for client in &config.clients {
        let whose = format!("client {}", client.name);
        let own = config.listeners.iter().zip(addresses);
        let own = own.filter(|(listener, _)| listener.client.as_ref() == Some(&client.name));
        let own = own.map(|(_, address)| format!("on {address}"));
        let from = client.from.iter().map(|from| format!("from {from}"));
        let connections: Vec<_> = from.chain(own).collect();
        let connections = connections.join(", ");
        details.push(Detail::Fact(format!(
            "{whose} has the connections {connections}"
        )));
        details.extend(report::rules(&client.rules, Some(&whose), most));
    }
    let open = config.listeners.iter().zip(addresses);
    let open = open.filter(|(listener, _)| config.serves_others(listener));
    let open: Vec<_> = open.map(|(it, address)| (address, &it.rules)).collect();
    details.extend(report::unseparated(&open).map(Detail::Condition));
    details
}

#[cfg(test)]
mod tests {
    use super::super::condition::Condition;
    use super::*;
    use crate::config::Flags;

    #[test]
    fn a_listener_that_asks_for_certificates_is_not_open_to_other_hosts() {
        for (client_ca, is_open) in [("/certs/ca.pem", false), ("none", true)] {
            let variables = [
                ("DOCKGATE_CERT_PATH", "/certs"),
                ("DOCKGATE_LISTENER_0__ADDRESS", "tcp://0.0.0.0:2376"),
                ("DOCKGATE_LISTENER_0__TLS__CLIENT_CA", client_ca),
            ];
            let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let config = Config::load(&Flags::default(), variables).unwrap();
            let addresses = config.addresses();
            let details = listener_details(&config, &addresses, false, report::FEW);
            let is_told = details
                .iter()
                .any(|detail| matches!(detail, Detail::Condition(Condition::OpenListener { .. })));
            assert_eq!(is_told, is_open, "{client_ca}: {details:?}");
            let asked = open_addresses(&config, &addresses);
            assert_eq!(!asked.is_empty(), is_open, "{client_ca}: in a container");
        }
    }
}
