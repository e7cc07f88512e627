//! What all connections of a listener share.

use std::sync::{Arc, Mutex};

use super::budget::Budget;
use super::daemon::Daemon;
use super::daemon_state::DaemonState;
use super::peers::Peers;
use super::pinned::Pinned;
use crate::audit::Log;
use crate::clients::identify::{Client, Facts, Identity, Missing, Peer, identify};
use crate::clients::matcher::Kind;
use crate::config::{Admission, Limits, UnknownClient};
use crate::net::tls::entrance::Entrance;
use crate::net::tls::handshake::Handshakes;
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
    pub(crate) peers: Arc<Peers>,
    pub(crate) pinned: Arc<Pinned>,
    /// Its TLS, if it speaks that.
    pub(crate) tls: Option<(Entrance, Handshakes)>,
}

/// The rules for requests, as a whole: a reload replaces all of them.
#[derive(Debug)]
pub(crate) struct ListenerRules {
    /// Of connections that belong to no client.
    pub(crate) rules: Rules,
    /// The limits that apply to every request.
    pub(crate) admission: Admission,
    /// The client that every connection on this listener belongs to.
    pub(crate) client: Option<Arc<str>>,
    pub(crate) clients: Arc<Clients>,
}

/// The clients of the settings.
#[derive(Debug)]
pub(crate) struct Clients {
    /// How each is identified.
    pub(crate) known: Vec<Client>,
    /// What each may do, in the same order.
    pub(crate) rights: Vec<Rights>,
    /// What connections get that belong to none.
    pub(crate) unknown: UnknownClient,
}

/// What a client may do.
#[derive(Debug)]
pub(crate) struct Rights {
    pub(crate) rules: Rules,
    /// How many connections it may have, if that is its own limit.
    pub(crate) connections: Option<usize>,
}

impl Shared {
    /// The rules for the next request.
    pub(crate) fn listener_rules(&self) -> Arc<ListenerRules> {
        Arc::clone(&lock(&self.listener_rules))
    }
}

impl ListenerRules {
    /// Whose a connection is, or what must be asked first.
    pub(crate) fn whose(&self, peer: Peer, facts: Facts<'_>) -> Result<Identity, Missing> {
        if let Some(name) = &self.client {
            let (name, by) = (Arc::clone(name), Kind::Listener);
            return Ok(Identity::Client { name, by });
        }
        if self.clients.known.is_empty() {
            return Ok(Identity::Others);
        }
        let identity = identify(&self.clients.known, peer, facts)?;
        let has_others = self.clients.unknown == UnknownClient::Listener;
        Ok(if identity == Identity::Unknown && has_others {
            Identity::Others
        } else {
            identity
        })
    }

    /// The most connections that one address may have.
    pub(crate) fn most_connections(&self, limit: usize) -> usize {
        let own = self.clients.rights.iter().filter_map(|it| it.connections);
        own.fold(limit, usize::max)
    }

    /// What a client may do; `None` if there is no such client.
    pub(crate) fn rights(&self, name: &str) -> Option<&Rights> {
        let clients = &self.clients;
        let mut all = clients.known.iter().zip(&clients.rights);
        let found = all.find(|(client, _)| *client.name == *name);
        found.map(|(_, rights)| rights)
    }
}
