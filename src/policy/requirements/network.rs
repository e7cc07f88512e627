//! What joining or creating networks asks for.

use super::collector::{Field, Read, Requirements, unclear};
use crate::docker::Json;
use crate::docker::json::{quoted, shortened};
use crate::docker::network::is_network_name;
use crate::policy::keys::Key;

/// Adds a network to join, by name or id.
pub(super) fn join(requirements: &mut Requirements, path: &str, name: &str) -> Read {
    match name {
        "bridge" | "default" => requirements.push(path, Key::Network.asks("@default")),
        "host" => requirements.push(path, Key::HostNamespace.asks("network")),
        "none" => {}
        name if is_network_name(name) => requirements.push(path, Key::Network.asks(name)),
        _ => {
            return Err(unclear(
                path,
                &[&quoted(shortened(name)), " ", NOT_A_NETWORK].concat(),
            ));
        }
    }
    Ok(())
}

/// Why a network's name is denied. In Docker, networks with some of these names can exist.
pub(super) const NOT_A_NETWORK: &str = "is not accepted as the name of a network, because it is empty, hidden or \
    ambiguous: use the network's id, or choose another name";

/// Reads networks, which are the keys of an object, or a text.
pub(super) fn networks(field: &mut Field<'_>) -> Read {
    let keys = field.value.members().iter().map(|(name, _)| &**name);
    let mut names = keys.chain(field.value.text());
    names.try_for_each(|name| join(field.requirements, field.path, name))
}

/// Reads the container that is connected to a network or disconnected from it.
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

/// Reads every address of an address range.
pub(super) fn subnets(field: &mut Field<'_>) {
    for (_, address) in field.value.items().iter().flat_map(Json::members) {
        let named = address.members().iter().map(|(_, address)| address);
        for text in named.chain([address]).filter_map(Json::text) {
            field.push(Key::Subnet.asks(text));
        }
    }
}

/// Reads a network's role in the swarm. Only the ingress network, which published ports go through, replaces an
/// existing one.
pub(super) fn of_swarm(field: &mut Field<'_>) {
    if field.path == "Ingress" {
        field.push(Key::NetworksUnrestricted.flag());
    }
}
