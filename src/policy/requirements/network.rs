//! What networks ask for: those that are joined, and those that are made.

use super::super::reason::Denial;
use super::{Requirements, unclear};
use crate::docker::body::Asked;
use crate::docker::network::is_network_name;
use crate::docker::{Json, Object};
use crate::policy::requirement::{Block, Made, What};

/// A network to join, by name or id.
pub(super) fn join(requirements: &mut Requirements, path: &str, name: &str) -> Result<(), Denial> {
    match name {
        "bridge" | "default" => requirements.push(path, What::Network("@default".to_owned())),
        "host" => requirements.push(path, What::HostNamespace("network")),
        "none" => {}
        name if is_network_name(name) => requirements.push(path, What::Network(name.to_owned())),
        _ => return Err(unclear(path, NOT_A_NETWORK)),
    }
    Ok(())
}

/// Why a name is denied that a network could have in Docker, or none.
pub(super) const NOT_A_NETWORK: &str = "has a name that is not accepted for a network, because it is empty, hidden or \
    ambiguous: use the network's id, or choose another name";

/// Networks, by the keys of an object or as a text.
pub(super) fn networks(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    for (name, _) in asked.value.members() {
        join(requirements, &asked.path, name)?;
    }
    let name = asked.value.text();
    name.map_or(Ok(()), |name| join(requirements, &asked.path, name))
}

/// A container that is put on a network, or taken off it.
pub(super) fn container(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    let name = asked.value.text().unwrap_or_default();
    requirements.named(&asked.path, name, |name| {
        What::Reach(Object::Container, name)
    })?;
    requirements.named(&asked.path, name, Made::Connect)
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a reader")]
pub(super) fn ipam(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    if asked.value.text() != Some("default") {
        requirements.push(&*asked.path, What::Unnamed(Block::Networks));
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a reader")]
pub(super) fn options(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    for (key, option) in asked.value.members() {
        let (key, value) = (
            key.to_string(),
            option.text().unwrap_or_default().to_owned(),
        );
        requirements.push(&*asked.path, Made::NetworkOption { key, value });
    }
    Ok(())
}

/// Every address that a range of addresses names.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a reader")]
pub(super) fn subnets(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    for subnet in asked.value.items() {
        for (_, address) in subnet.members() {
            let named = address.members().iter().map(|(_, address)| address);
            for text in named.chain([address]).filter_map(Json::text) {
                requirements.push(&*asked.path, Made::Subnet(text.to_owned()));
            }
        }
    }
    Ok(())
}

/// Of what a network is to the swarm, only the one that its ports go through takes the place of
/// something that is there.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a reader")]
pub(super) fn of_swarm(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    if asked.path == "Ingress" {
        requirements.push(&*asked.path, What::Unnamed(Block::Networks));
    }
    Ok(())
}
