//! The listeners that run, and a reload of their rules.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::condition::{Detail, Report};
use super::diagnostics::Diagnostics;
use super::report;
use crate::audit::Log;
use crate::config::{Config, ListenAddress, ListenerSettings};
use crate::policyfile::Problem;
use crate::privileges::container::Candidates;
use crate::proxy::budget::Budget;
use crate::proxy::daemon::Daemon;
use crate::proxy::daemon_state::DaemonState;
use crate::proxy::shared::{ListenerRules, Shared};
use crate::server::clients::Clients;
use crate::server::listener::Bound;
use crate::server::{self, Bounds};
use crate::sync::lock;

/// Starts accepting on every listener.
pub(super) fn start(
    (config, bound, candidates): (Config, Vec<Bound>, Candidates),
    log: &Arc<Log>,
    draining: &watch::Receiver<bool>,
) -> io::Result<(Listening, JoinSet<()>)> {
    let bounds = Bounds {
        connections: Arc::new(Semaphore::new(config.limits.connections)),
        clients: Arc::new(Clients::new(config.limits.connections_per_client)),
    };
    let daemon = Arc::new(Daemon::new(&config));
    let budget = Arc::new(Budget::new(config.limits.body_bytes));
    let daemon_state = Arc::new(DaemonState::new(candidates));
    let (mut listeners, mut listening) = (JoinSet::new(), Vec::new());
    for (bound, settings) in bound.into_iter().zip(&config.listeners) {
        let address = bound.address.clone();
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
        listening.push((address, Arc::clone(&own)));
        let listener = bound.into_listener()?;
        listeners.spawn(server::run(listener, own, bounds.clone(), draining.clone()));
    }
    let listening = Listening {
        config,
        daemon,
        daemon_state,
        listeners: listening,
    };
    Ok((listening, listeners))
}

/// The listeners, and their settings.
pub(super) struct Listening {
    pub(super) config: Config,
    pub(super) daemon: Arc<Daemon>,
    pub(super) daemon_state: Arc<DaemonState>,
    /// In the order of the settings' listeners.
    listeners: Vec<(ListenAddress, Arc<Shared>)>,
}

impl Listening {
    pub(super) fn addresses(&self) -> Vec<ListenAddress> {
        let addresses = self.listeners.iter().map(|(address, _)| address.clone());
        addresses.collect()
    }

    pub(super) fn details(&self) -> Vec<Detail> {
        let is_contained = self.daemon_state.candidates.is_contained;
        listener_details(&self.config, &self.addresses(), is_contained, report::FEW)
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
                let problems = problems.iter().map(ToString::to_string);
                return problems.for_each(|problem| diagnostics.error(&problem));
            }
        };
        let unlike = self.config.fixed_unlike(&config);
        if !unlike.is_empty() {
            return diagnostics.error(&format!(
                "not reloaded: restart Dockgate to change {}; the old settings stay in force",
                unlike.join(", ")
            ));
        }
        let mut changes = Vec::new();
        for ((address, shared), settings) in self.listeners.iter().zip(&config.listeners) {
            let now = listener_rules(settings, &config);
            let before = std::mem::replace(&mut *lock(&shared.listener_rules), now);
            changes.push(format!("reloaded for {address}"));
            changes.extend(report::changes(&before.rules, &settings.rules));
        }
        // What was chosen at start holds on.
        config.audit.format = self.config.audit.format;
        self.config = config;
        let changes = changes.into_iter().map(Detail::Fact).collect();
        let (settings, listeners) = (report::settings(&self.config), self.details());
        let lines = report.reloaded(settings, listeners, changes);
        for line in &lines {
            diagnostics.say(line);
        }
    }
}

fn listener_rules(settings: &ListenerSettings, config: &Config) -> Arc<ListenerRules> {
    Arc::new(ListenerRules {
        rules: settings.rules.clone(),
        admission: config.admission.clone(),
    })
}

/// The lines of a report about its listeners, which listen at these addresses.
pub(super) fn listener_details(
    config: &Config,
    addresses: &[ListenAddress],
    is_contained: bool,
    most: usize,
) -> Vec<Detail> {
    let is_one_of_many = config.listeners.len() > 1;
    let listeners = config.listeners.iter().zip(addresses);
    let details = listeners.clone().flat_map(|(settings, address)| {
        let listening = Detail::Fact(format!("listening on {address}"));
        let open = report::open_to_hosts(address).filter(|_| !is_contained);
        let rules = report::rules(&settings.rules, is_one_of_many.then_some(address), most);
        let open = open.map(Detail::Condition);
        std::iter::once(listening).chain(open).chain(rules)
    });
    let all: Vec<_> = listeners
        .map(|(it, address)| (address, &it.rules))
        .collect();
    let unseparated = report::unseparated(&all).map(Detail::Condition);
    details.chain(unseparated).collect()
}
