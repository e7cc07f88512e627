//! Which client a connection belongs to.

use std::net::IpAddr;
use std::sync::Arc;

use super::matcher::{CertificateField, Kind, Matcher};
use super::networks::Networks;
use crate::certs::certificate::Certificate;
use crate::policy::objects::Container;

/// A configured client, as far as identifying it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) name: Arc<str>,
    pub(crate) from: Vec<Matcher>,
}

/// What the system says of a connection's two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Tcp { local: IpAddr, peer: IpAddr },
    Unix { uid: u32, gid: u32 },
}

/// What else is known about a peer; `None` and `NotAsked` have not been asked yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts<'a> {
    /// The Docker networks on which clients reach Dockgate.
    pub(crate) networks: Option<&'a Networks>,
    /// The running container that has the peer's address.
    pub(crate) container: Holder<&'a Container>,
    /// The certificate that the peer has shown, which its listener accepts.
    pub(crate) certificate: Option<&'a Certificate>,
}

/// Who has an address.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Holder<C> {
    #[default]
    NotAsked,
    /// No container has it.
    Nobody,
    Container(C),
}

/// What must be asked before a connection can be identified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Networks,
    Container,
}

/// Whose connection it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    Client {
        name: Arc<str>,
        by: Kind,
    },
    /// It belongs to no client, and has the rules of its listener.
    Others,
    /// It belongs to no client, and has no rights.
    Unknown,
    /// Two clients match.
    Ambiguous(Arc<str>, Arc<str>),
}

/// Identifies a connection. Every matcher of every client is tried, so that the order of the clients decides nothing.
pub(crate) fn identify(
    clients: &[Client],
    peer: Peer,
    facts: Facts<'_>,
) -> Result<Identity, Missing> {
    let mut found: Option<(&Client, Kind)> = None;
    for client in clients {
        for matcher in &client.from {
            if !matches(matcher, peer, facts)? {
                continue;
            }
            match found {
                Some((other, _)) if other.name != client.name => {
                    let names = (Arc::clone(&other.name), Arc::clone(&client.name));
                    return Ok(Identity::Ambiguous(names.0, names.1));
                }
                Some(_) => {}
                None => found = Some((client, matcher.kind())),
            }
        }
    }
    Ok(
        found.map_or(Identity::Unknown, |(client, by)| Identity::Client {
            name: Arc::clone(&client.name),
            by,
        }),
    )
}

fn matches(matcher: &Matcher, peer: Peer, facts: Facts<'_>) -> Result<bool, Missing> {
    if let Matcher::Certificate { field, value } = matcher {
        // It is the same from wherever it comes.
        let shown = facts.certificate;
        return Ok(shown.is_some_and(|shown| has(shown, *field, value)));
    }
    let (local, address) = match (matcher, peer) {
        (Matcher::Uid(wanted), Peer::Unix { uid, .. }) => return Ok(*wanted == uid),
        (Matcher::Gid(wanted), Peer::Unix { gid, .. }) => return Ok(*wanted == gid),
        (_, Peer::Unix { .. }) | (Matcher::Uid(_) | Matcher::Gid(_), Peer::Tcp { .. }) => {
            return Ok(false);
        }
        (_, Peer::Tcp { local, peer }) => (local, peer.to_canonical()),
    };
    if let Matcher::Address(network) = matcher
        && !network.contains(&address)
    {
        return Ok(false);
    }
    // Whoever comes from a gateway could be anybody, whatever is to be matched.
    let networks = facts.networks.ok_or(Missing::Networks)?;
    if networks.is_gateway(address) {
        return Ok(false);
    }
    let is_container = |is_it: &dyn Fn(&Container) -> bool| match facts.container {
        Holder::NotAsked => Err(Missing::Container),
        Holder::Nobody => Ok(false),
        Holder::Container(container) => Ok(is_it(container)),
    };
    let has_label =
        |key: &str, value: &str| is_container(&|container| container.label(key) == Some(value));
    match matcher {
        Matcher::Address(_) => Ok(true),
        Matcher::Network(name) => {
            let arrival = networks.of_arrival(local, address);
            Ok(arrival.is_some_and(|network| network.name == *name))
        }
        Matcher::Container(name) => is_container(&|container| container.name == *name),
        Matcher::Service { project, service } => {
            Ok(has_label(PROJECT, project)? && has_label(SERVICE, service)?)
        }
        Matcher::Label { key, value } => has_label(key, value),
        Matcher::Uid(_) | Matcher::Gid(_) | Matcher::Certificate { .. } => Ok(false),
    }
}

/// Whether a certificate has this value.
fn has(shown: &Certificate, field: CertificateField, value: &str) -> bool {
    match field {
        CertificateField::CommonName => shown.common_name.as_deref() == Some(value),
        CertificateField::Name => shown.names.iter().any(|name| name == value),
        CertificateField::Key => value.strip_prefix("sha256/") == Some(&shown.key_pin),
    }
}

// Where compose writes which service a container is of.
const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";

#[cfg(test)]
mod tests;
