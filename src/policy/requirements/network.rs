//! What networks ask for: those that are joined, and those that are made.

#![expect(clippy::unnecessary_wraps, reason = "the shape of a reader")]

use super::collector::{Requirements, unclear};
use crate::docker::Json;
use crate::docker::body::Asked;
use crate::docker::network::is_network_name;
use crate::policy::keys::Key;
use crate::policy::reason::Denial;

/// A network to join, by name or id.
pub(super) fn join(requirements: &mut Requirements, path: &str, name: &str) -> Result<(), Denial> {
    match name {
        "bridge" | "default" => requirements.push(path, Key::Network.asks("@default")),
        "host" => requirements.push(path, Key::HostNamespace.asks("network")),
        "none" => {}
        name if is_network_name(name) => requirements.push(path, Key::Network.asks(name)),
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
    requirements.touch_container(&asked.path, name)?;
    requirements.named(&asked.path, name, Key::Connect)
}

pub(super) fn ipam(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    if asked.value.text() != Some("default") {
        requirements.push(&*asked.path, Key::NetworksUnrestricted.flag());
    }
    Ok(())
}

pub(super) fn options(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    for (key, option) in asked.value.members() {
        let option = Key::NetworkOption.option(&**key, option.text().unwrap_or_default());
        requirements.push(&*asked.path, option);
    }
    Ok(())
}

/// Every address that a range of addresses names.
pub(super) fn subnets(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    for subnet in asked.value.items() {
        for (_, address) in subnet.members() {
            let named = address.members().iter().map(|(_, address)| address);
            for text in named.chain([address]).filter_map(Json::text) {
                requirements.push(&*asked.path, Key::Subnet.asks(text));
            }
        }
    }
    Ok(())
}

/// Of what a network is to the swarm, only the one that its ports go through takes the place of
/// something that is there.
pub(super) fn of_swarm(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    if asked.path == "Ingress" {
        requirements.push(&*asked.path, Key::NetworksUnrestricted.flag());
    }
    Ok(())
}
