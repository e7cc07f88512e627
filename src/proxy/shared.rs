//! What all connections of a listener share.

use std::sync::{Arc, PoisonError, RwLock};

use super::budget::Budget;
use super::daemon::Daemon;
use super::daemon_state::DaemonState;
use crate::audit::Log;
use crate::config::{Admission, Limits};
use crate::policy::Rules;

/// What all connections of a listener share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The listener's address as the record names it.
    pub(crate) listener: Arc<str>,
    /// Whether only programs of this host can reach the listener by TCP.
    pub(crate) on_loopback: bool,
    /// What requests are evaluated by. Each takes it once.
    pub(crate) listener_rules: RwLock<Arc<ListenerRules>>,
    /// Bounds.
    pub(crate) limits: Limits,
    /// Where the daemon is.
    pub(crate) daemon: Arc<Daemon>,
    /// The record.
    pub(crate) log: Log,
    /// The memory that is held for judging.
    pub(crate) budget: Arc<Budget>,
    /// What is known besides the settings.
    pub(crate) daemon_state: Arc<DaemonState>,
}

/// What requests are evaluated by, as a whole: a reload replaces it.
#[derive(Debug)]
pub(crate) struct ListenerRules {
    /// What holds on the listener.
    pub(crate) rules: Rules,
    /// What every request is held against.
    pub(crate) admission: Admission,
}

impl Shared {
    /// What the next request is evaluated by.
    pub(crate) fn listener_rules(&self) -> Arc<ListenerRules> {
        let rules = self.listener_rules.read();
        Arc::clone(&rules.unwrap_or_else(PoisonError::into_inner))
    }

    /// Has all requests from now on evaluated by other rules, on connections that are open too.
    pub(crate) fn rule_by(&self, listener_rules: ListenerRules) {
        let rules = self.listener_rules.write();
        *rules.unwrap_or_else(PoisonError::into_inner) = Arc::new(listener_rules);
    }
}
