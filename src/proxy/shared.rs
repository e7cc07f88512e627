//! What all connections of a listener share.

use std::sync::{Arc, Mutex};

use super::budget::Budget;
use super::daemon::Daemon;
use super::daemon_state::DaemonState;
use crate::audit::Log;
use crate::config::{Admission, Limits};
use crate::policy::Rules;
use crate::sync::lock;

/// What all connections of a listener share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The listener's address as the record names it.
    pub(crate) listener: Arc<str>,
    /// Whether only programs on this host can reach the listener over TCP.
    pub(crate) on_loopback: bool,
    /// The rules for requests. Each request takes them once; a reload replaces them.
    pub(crate) listener_rules: Mutex<Arc<ListenerRules>>,
    pub(crate) limits: Limits,
    pub(crate) daemon: Arc<Daemon>,
    pub(crate) log: Arc<Log>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) daemon_state: Arc<DaemonState>,
}

/// The rules for requests, as a whole: a reload replaces all of them.
#[derive(Debug)]
pub(crate) struct ListenerRules {
    pub(crate) rules: Rules,
    /// The limits that apply to every request.
    pub(crate) admission: Admission,
}

impl Shared {
    /// The rules for the next request.
    pub(crate) fn listener_rules(&self) -> Arc<ListenerRules> {
        Arc::clone(&lock(&self.listener_rules))
    }
}
