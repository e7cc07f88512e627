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
    /// Whether only programs of this host can reach the listener by TCP.
    pub(crate) on_loopback: bool,
    /// What requests are evaluated by. Each takes it once; a reload puts others here.
    pub(crate) listener_rules: Mutex<Arc<ListenerRules>>,
    pub(crate) limits: Limits,
    pub(crate) daemon: Arc<Daemon>,
    pub(crate) log: Arc<Log>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) daemon_state: Arc<DaemonState>,
}

/// What requests are evaluated by, as a whole: a reload replaces it.
#[derive(Debug)]
pub(crate) struct ListenerRules {
    pub(crate) rules: Rules,
    /// What every request is held against.
    pub(crate) admission: Admission,
}

impl Shared {
    /// What the next request is evaluated by.
    pub(crate) fn listener_rules(&self) -> Arc<ListenerRules> {
        Arc::clone(&lock(&self.listener_rules))
    }
}
