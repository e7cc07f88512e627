//! Networks that tell clients apart, by their names or by the addresses that they give: joined directly, or through the
//! network of another container.

use super::{Claim, Reserved, Taken, changed_network};
use crate::docker::{Deed, Parameters};
use crate::policy::answers::{self, Answer, Answers, Lookup, NeedsLookup};
use crate::policy::keys::Key;
use crate::policy::objects::{Container, Network};
use crate::policy::requirement::Requirement;
use crate::policy::self_container::network_name;

/// What would be reached, if anything.
type Found = Result<Option<&'static str>, NeedsLookup>;

/// The network that tasks and containers on a network of the swarm also join.
const GATEWAY: &str = "docker_gwbridge";
/// The network through which the swarm publishes ports.
const INGRESS: &str = "ingress";
/// The drivers whose containers need no other network to get out.
const COMPLETE: &[&str] = &["bridge", "host", "ipvlan", "macvlan", "null"];

impl Reserved {
    /// A network that a request would join or change, or a container whose network it would join.
    pub(super) fn network(&self, claim: Claim<'_>) -> Result<Option<Taken>, NeedsLookup> {
        let path = "HostConfig.NetworkMode";
        let mode = claim.body.at("HostConfig").text_at("NetworkMode");
        // A replacement joins the same container, or the one that replaced it.
        if let Some(name) = mode
            .strip_prefix("container:")
            .filter(|_| claim.old.is_none())
            && let Some(what) = self.joined_container(name, claim.known)?
        {
            return Ok(Some(Taken::new(path, mode, what)));
        }
        if self.networks.is_empty() && self.addresses.is_empty() {
            return self.built(claim);
        }
        for requirement in claim.requirements {
            if let Some((name, what)) = self.required(requirement, claim)? {
                return Ok(Some(Taken::new(&requirement.path, name, what)));
            }
        }
        let ports = claim.body.at("EndpointSpec").at("Ports");
        if !ports.items().is_empty() {
            let ingress = claim.known.need(&Lookup::Network(INGRESS.to_owned()))?;
            if let Some(what) = self.answered(ingress) {
                return Ok(Some(Taken::new("EndpointSpec.Ports", INGRESS, what)));
            }
        }
        if let Some(name) = changed_network(claim.call).filter(|_| claim.old.is_none()) {
            let network = answers::network(claim.known, network_name(name))?;
            if self.networks.contains(&network.name) {
                return Ok(Some(Taken::new("the network", name, CHANGED)));
            }
        }
        if claim.call.judged().deed == Deed::Starts
            && let Some(name) = claim.call.object()
            && let Some(what) = self.started(name, claim.known)?
        {
            return Ok(Some(Taken::new("the container", name, what)));
        }
        self.built(claim)
    }

    /// The network that a requirement would join, and what is wrong with it.
    fn required<'a>(
        &self,
        requirement: &'a Requirement,
        claim: Claim<'_>,
    ) -> Result<Option<(&'a str, &'static str)>, NeedsLookup> {
        let what = &requirement.what;
        if what.text_of(Key::HostNamespace) == Some("network") {
            let host = self.on_host().filter(|_| claim.old.is_none());
            return Ok(host.map(|what| ("host", what)));
        }
        let Some(name) = what.text_of(Key::Network) else {
            return Ok(None);
        };
        Ok(self.joined(name, claim)?.map(|what| (name, what)))
    }

    /// What joining a network, by its name or id, would make of a container.
    fn joined(&self, name: &str, claim: Claim<'_>) -> Found {
        let lookup = Lookup::Network(network_name(name).to_owned());
        let Answer::Network(network) = claim.known.need(&lookup)? else {
            // An engine without a default network connects the container to none.
            let is_default = name == "@default";
            return if is_default {
                Ok(None)
            } else {
                Err(NeedsLookup::Missing(lookup))
            };
        };
        if claim.old.is_some_and(|old| was_on(old, network)) {
            return Ok(None);
        }
        let found = self.of(network);
        if found.is_some() || COMPLETE.contains(&&*network.driver) {
            return Ok(found);
        }
        let gateway = claim.known.need(&Lookup::Network(GATEWAY.to_owned()))?;
        Ok(self.answered(gateway))
    }

    /// What the network in an answer would make of a container on it.
    fn answered(&self, answer: &Answer) -> Option<&'static str> {
        if let Answer::Network(network) = answer {
            self.of(network)
        } else {
            None
        }
    }

    /// What a network would make of a container on it.
    fn of(&self, network: &Network) -> Option<&'static str> {
        if self.networks.contains(&network.name) {
            return Some(NETWORK);
        }
        match &*network.driver {
            "host" => self.on_host(),
            "null" => None,
            _ => self.could_give(&network.subnets).then_some(SUBNET),
        }
    }

    /// The host has addresses that Dockgate does not know, and its loopback.
    fn on_host(&self) -> Option<&'static str> {
        let is_named = self.networks.iter().any(|name| name == "host");
        if is_named {
            return Some(NETWORK);
        }
        (!self.addresses.is_empty()).then_some(HOST)
    }

    /// What joining a container's network would make of another one. A container can have the network of a third one.
    fn joined_container(&self, name: &str, known: &Answers) -> Found {
        let mut name = name.strip_prefix('/').unwrap_or(name).to_owned();
        for _ in 0..MOST_JOINED {
            let container = answers::container(known, &name)?;
            if self.is_client(&container) || self.has_address_of(&container) {
                return Ok(Some(CONTAINER));
            }
            let mode = container.host_config.text_at("NetworkMode");
            if mode == "host" {
                return Ok(self.on_host());
            }
            if let Some(next) = mode.strip_prefix("container:") {
                next.clone_into(&mut name);
                continue;
            }
            if self.networks.is_empty() && self.addresses.is_empty() {
                return Ok(None);
            }
            for network in container.joined_networks() {
                let network = network_name(network).to_owned();
                let network = known.need(&Lookup::Network(network))?;
                if self.answered(network).is_some() {
                    return Ok(Some(CONTAINER));
                }
            }
            return Ok(None);
        }
        Ok(Some(CONTAINER))
    }

    /// Whether a container has a reserved name, label or service.
    fn is_client(&self, container: &Container) -> bool {
        let has = |key: &str, value: &str| container.label(key) == Some(value);
        self.containers.contains(&container.name)
            || self.labels.iter().any(|(key, value)| has(key, value))
            || self.has_service(has)
    }

    /// What starting a container would make of it. It joined no reserved network when it was created, but an engine
    /// looks up the name of a network again that has been deleted since.
    fn started(&self, name: &str, known: &Answers) -> Found {
        let container = answers::container(known, name)?;
        for (name, endpoint) in container.networks.members() {
            let id = endpoint.text_at("NetworkID").to_owned();
            if !id.is_empty() && *known.need(&Lookup::Network(id))? != Answer::Missing {
                continue;
            }
            let name = network_name(name).to_owned();
            let found = self.answered(known.need(&Lookup::Network(name))?);
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// What the steps of a build would join.
    fn built(&self, claim: Claim<'_>) -> Result<Option<Taken>, NeedsLookup> {
        if claim.call.judged().query != Parameters::Build {
            return Ok(None);
        }
        let mode = claim.call.query.first("networkmode").unwrap_or_default();
        let found = if let Some(name) = mode.strip_prefix("container:") {
            self.joined_container(name, claim.known)?
        } else if mode == "none" || (self.networks.is_empty() && self.addresses.is_empty()) {
            None
        } else if mode == "host" {
            self.on_host()
        } else if matches!(mode, "" | "default") {
            self.joined("@default", claim)?
        } else {
            self.joined(mode, claim)?
        };
        let shown = if mode.is_empty() { "default" } else { mode };
        Ok(found.map(|what| Taken::new("networkmode", shown, what)))
    }
}

/// Whether a container was on a network.
fn was_on(old: &Container, network: &Network) -> bool {
    let mut networks = old.networks.members().iter();
    networks.any(|(name, endpoint)| match endpoint.text_at("NetworkID") {
        "" => **name == *network.name,
        id => id == network.id || id == network.name,
    })
}

/// How many containers in a row may have the network of the next one.
const MOST_JOINED: usize = 8;

pub(super) const NETWORK: &str =
    "is a network that identifies a client in Dockgate's settings: use another network";
pub(super) const CHANGED: &str =
    "is a network that identifies a client in Dockgate's settings: name another network";
pub(super) const SUBNET: &str = "is a network that could give it an address that identifies a client in Dockgate's settings: use \
                      a network with other addresses";
pub(super) const HOST: &str = "has the addresses of the host, and addresses identify clients in Dockgate's settings: use another \
                    network";
pub(super) const CONTAINER: &str = "is, or has the network of, a container that identifies a client in Dockgate's settings: name \
                         another container";
