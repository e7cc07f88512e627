//! What networks ask for: those that are joined, and those that are made.

use super::collector::{Field, Read, Requirements, unclear};
use crate::docker::Json;
use crate::docker::network::is_network_name;
use crate::policy::keys::Key;

/// A network to join, by name or id.
pub(super) fn join(requirements: &mut Requirements, path: &str, name: &str) -> Read {
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
pub(super) fn networks(field: &mut Field<'_>) -> Read {
    let keys = field.value.members().iter().map(|(name, _)| &**name);
    let mut names = keys.chain(field.value.text());
    names.try_for_each(|name| join(field.requirements, field.path, name))
}

/// A container that is put on a network, or taken off it.
pub(super) fn container(field: &mut Field<'_>) -> Read {
    let name = field.value.text().unwrap_or_default();
    field.requirements.touch_container(field.path, name)?;
    field.named(name, Key::Connect)
}

pub(super) fn ipam(field: &mut Field<'_>) {
    if field.value.text() != Some("default") {
        field.push(Key::NetworksUnrestricted.flag());
    }
}

pub(super) fn options(field: &mut Field<'_>, allowed_by: Key) {
    for (key, option) in field.value.members() {
        field.push(allowed_by.option(&**key, option.text().unwrap_or_default()));
    }
}

/// Every address that a range of addresses names.
pub(super) fn subnets(field: &mut Field<'_>) {
    for (_, address) in field.value.items().iter().flat_map(Json::members) {
        let named = address.members().iter().map(|(_, address)| address);
        for text in named.chain([address]).filter_map(Json::text) {
            field.push(Key::Subnet.asks(text));
        }
    }
}

/// Of what a network is to the swarm, only the one that its ports go through takes the place of
/// something that is there.
pub(super) fn of_swarm(field: &mut Field<'_>) {
    if field.path == "Ingress" {
        field.push(Key::NetworksUnrestricted.flag());
    }
}
