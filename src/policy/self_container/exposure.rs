//! Who can connect to a port of Dockgate's container, other than the containers on a single network.

use std::net::IpAddr;

use super::SelfContainer;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exposure {
    /// It uses the host's network.
    Host,
    /// It is published on this address and port of the host.
    Published(String),
    /// It is on these networks.
    Networks(Vec<String>),
}

impl SelfContainer {
    /// How far one of its TCP ports can be reached; `None` if that is only from a single network.
    pub(crate) fn exposure(&self, port: u16) -> Option<Exposure> {
        if self.networks.iter().any(|(name, _)| name == "host") {
            return Some(Exposure::Host);
        }
        if self.publishes_all {
            return Some(Exposure::Published(
                "a port of the daemon's choice".to_owned(),
            ));
        }
        let bindings = self.ports.at(&format!("{port}/tcp")).items().iter();
        let mut open = bindings.filter_map(|binding| {
            let (address, port) = (binding.text_at("HostIp"), binding.text_at("HostPort"));
            let address = if address.is_empty() {
                "0.0.0.0"
            } else {
                address
            };
            let is_loopback = address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
            (!is_loopback).then(|| format!("{address}:{port}"))
        });
        if let Some(address) = open.next() {
            return Some(Exposure::Published(address));
        }
        let names = self.networks.iter().map(|(name, _)| name.clone());
        (self.networks.len() > 1).then(|| Exposure::Networks(names.collect()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::policy::objects::Container;

    fn exposure(bindings: &Value, networks: &[&str]) -> Option<Exposure> {
        let networks = networks.iter().map(|name| ((*name).to_owned(), json!({})));
        let reply = json!({
            "Id": "a".repeat(64), "Name": "/gate", "Config": {}, "Mounts": [],
            "HostConfig": {"PortBindings": bindings},
            "NetworkSettings": {"Networks": networks.collect::<serde_json::Map<_, _>>()},
        });
        let container = Container::parse(reply.to_string().as_bytes()).unwrap();
        SelfContainer::of(&container, None).exposure(2375)
    }

    #[test]
    fn all_ports_are_published_by_one_flag() {
        let reply = json!({
            "Id": "a".repeat(64), "Name": "/gate", "Config": {}, "Mounts": [],
            "HostConfig": {"PublishAllPorts": true}, "NetworkSettings": {"Networks": {"bridge": {}}},
        });
        let container = Container::parse(reply.to_string().as_bytes()).unwrap();
        let exposure = SelfContainer::of(&container, None).exposure(2375);
        assert!(
            matches!(exposure, Some(Exposure::Published(_))),
            "{exposure:?}"
        );
    }

    #[test]
    fn the_widest_way_to_a_port_is_found() {
        let published = |address: &str| Some(Exposure::Published(address.to_owned()));
        let on = |address: &str| json!({"2375/tcp": [{"HostIp": address, "HostPort": "23"}]});
        for (bindings, networks, want) in [
            (json!({}), &["bridge"][..], None),
            (json!(null), &["host"], Some(Exposure::Host)),
            (on(""), &["bridge"], published("0.0.0.0:23")),
            (on("10.0.0.1"), &["a", "b"], published("10.0.0.1:23")),
            (on("127.0.0.1"), &["bridge"], None),
            (json!({"2375/udp": [{"HostPort": "23"}]}), &["bridge"], None),
            (json!({"2376/tcp": [{"HostPort": "23"}]}), &["bridge"], None),
            (
                json!({}),
                &["a", "b"],
                Some(Exposure::Networks(vec!["a".to_owned(), "b".to_owned()])),
            ),
        ] {
            assert_eq!(
                exposure(&bindings, networks),
                want,
                "{bindings} {networks:?}"
            );
        }
    }
}
