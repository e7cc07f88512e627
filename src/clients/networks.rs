//! On which Docker network a connection arrived.
//!
//! A Dockgate that is on several networks has an address in each. A client reaches it only at the address on a network
//! of its own, so the address that a connection was made to names the network. It counts only if the peer's address
//! lies in that network's subnet and is not its gateway: on the host, a container on one network can dial the gateway of
//! another, and whatever comes through a gateway could be anybody.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::docker::json::{Json, Member};

/// The networks on which clients can reach Dockgate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Networks(Vec<Network>);

/// An address of this system, and the interface that has it. A network that is joined again has another index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) address: IpAddr,
    pub(crate) name: String,
    pub(crate) index: Option<u32>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The addresses at which clients on it reach Dockgate.
    own: Vec<IpAddr>,
    subnets: Vec<IpNet>,
    gateways: Vec<IpAddr>,
}

impl Networks {
    /// The networks of Dockgate's own container. `networks` is what its inspection says of them, and `inspected` what
    /// the daemon says of each.
    pub(crate) fn of_container(networks: &Json, inspected: &[Json]) -> Self {
        let of = |(name, endpoint): &Member<'_>| {
            let about = endpoint.text_at("NetworkID");
            let about = inspected.iter().find(|it| it.text_at("Id") == about)?;
            let addresses = |keys: [&str; 2]| keys.map(|key| endpoint.text_at(key).parse().ok());
            let mut network = Network::parse(about)?;
            network.name = name.to_string();
            network.own = addresses(["IPAddress", "GlobalIPv6Address"])
                .into_iter()
                .flatten()
                .collect();
            let gateways = addresses(["Gateway", "IPv6Gateway"]);
            network.gateways.extend(gateways.into_iter().flatten());
            Some(network)
        };
        Self(networks.members().iter().filter_map(of).collect())
    }

    /// The networks of a Dockgate on the host, which clients reach at their gateways: the addresses of the networks'
    /// bridges among these interfaces.
    pub(crate) fn of_host(inspected: &[Json], interfaces: &[Interface]) -> Self {
        let networks = inspected.iter().filter_map(|about| {
            let mut network = Network::parse(about)?;
            let bridge = bridge(about, &network.id);
            let on_bridge = |address: &IpAddr| {
                let mut own = interfaces.iter().filter(|it| it.name == bridge);
                own.any(|it| it.address == *address)
            };
            let gateways = network.gateways.iter().copied();
            network.own = gateways.filter(on_bridge).collect();
            Some(network)
        });
        Self(networks.collect())
    }

    /// The network on which a connection to one of Dockgate's addresses arrived.
    pub(crate) fn of_arrival(&self, local: IpAddr, peer: IpAddr) -> Option<&Network> {
        let (local, peer) = (local.to_canonical(), peer.to_canonical());
        if self.is_gateway(peer) {
            return None;
        }
        self.0
            .iter()
            .find(|network| network.own.contains(&local) && peer != local && network.has(peer))
    }

    /// Whether an address is Dockgate's own on one of the networks.
    pub(crate) fn has_own(&self, local: IpAddr) -> bool {
        self.0.iter().any(|network| network.own.contains(&local))
    }

    /// Whether an address is the gateway of one of the networks: whoever comes from there is nobody.
    pub(crate) fn is_gateway(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0
            .iter()
            .any(|network| network.gateways.contains(&address))
    }
}

/// The interface that is a network's bridge on the host.
fn bridge(about: &Json, id: &str) -> String {
    match about
        .at("Options")
        .text_at("com.docker.network.bridge.name")
    {
        "" => format!("br-{}", id.get(..BRIDGE_DIGITS).unwrap_or(id)),
        name => name.to_owned(),
    }
}

/// So many digits of a network's id are in the name of its bridge.
const BRIDGE_DIGITS: usize = 12;

impl Network {
    /// What the daemon says of a network; `None` if that has no id.
    fn parse(about: &Json) -> Option<Self> {
        let id = about.text_at("Id");
        let ranges = about.at("IPAM").at("Config").items();
        let parsed = |key: &'static str| ranges.iter().map(move |range| range.text_at(key));
        let gateway = |range| gateway(range, about);
        (!id.is_empty()).then(|| Self {
            id: id.to_owned(),
            name: about.text_at("Name").to_owned(),
            own: Vec::new(),
            subnets: parsed("Subnet")
                .filter_map(|subnet| subnet.parse().ok())
                .collect(),
            gateways: ranges.iter().filter_map(gateway).collect(),
        })
    }

    fn has(&self, address: IpAddr) -> bool {
        self.subnets.iter().any(|subnet| subnet.contains(&address))
    }
}

/// The host's address in a range of a network. Of a network that was created with a subnet and without a gateway, no
/// engine tells it, and 25 and newer do not tell containers on internal networks either: it is the first that the engine
/// gives away.
fn gateway(range: &Json, network: &Json) -> Option<IpAddr> {
    // Some engines write a gateway with the length of its prefix.
    let told = range.text_at("Gateway").split('/').next()?.parse();
    if told.is_ok() || network.text_at("Driver") != "bridge" {
        return told.ok();
    }
    let subnet: IpNet = range.text_at("Subnet").parse().ok()?;
    let mode = match subnet {
        IpNet::V4(_) => "com.docker.network.bridge.gateway_mode_ipv4",
        IpNet::V6(_) => "com.docker.network.bridge.gateway_mode_ipv6",
    };
    if network.at("Options").text_at(mode) == "isolated" {
        return None; // The host has no address there, and a container may have the first.
    }
    let given: IpNet = range.text_at("IPRange").parse().unwrap_or(subnet);
    if given.network() != subnet.network() {
        return Some(given.network());
    }
    match subnet {
        IpNet::V4(subnet) => subnet.hosts().next().map(IpAddr::V4),
        IpNet::V6(subnet) => subnet.hosts().nth(1).map(IpAddr::V6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json<'static> {
        Json::parse(text.to_owned().leak().as_bytes()).unwrap()
    }

    fn network(id: &str, subnet: &str, gateway: &str) -> Json<'static> {
        json(&format!(
            r#"{{"Id":"{id}","Name":"{id}-net","IPAM":{{"Config":[{{"Subnet":"{subnet}","Gateway":"{gateway}"}}]}}}}"#
        ))
    }

    fn name(networks: &Networks, local: &str, peer: &str) -> Option<String> {
        let arrival = networks.of_arrival(local.parse().unwrap(), peer.parse().unwrap());
        arrival.map(|network| network.name.clone())
    }

    /// A Dockgate in a container on two networks, one of them with IPv6 too.
    fn in_container() -> Networks {
        let own = json(
            r#"{
            "edge": {"NetworkID": "a", "IPAddress": "172.18.0.2", "Gateway": "172.18.0.1"},
            "ci": {"NetworkID": "b", "IPAddress": "172.19.0.2", "Gateway": "", "GlobalIPv6Address": "fd00::2",
                "IPv6Gateway": "fd00::1"}
        }"#,
        );
        let ci = json(
            r#"{"Id":"b","Name":"ci","IPAM":{"Config":[
                {"Subnet":"172.19.0.0/16","Gateway":"172.19.0.1"},{"Subnet":"fd00::/64","Gateway":"fd00::1/64"}]}}"#,
        );
        Networks::of_container(&own, &[network("a", "172.18.0.0/16", "172.18.0.1"), ci])
    }

    #[test]
    fn the_address_that_was_dialed_names_the_network() {
        let networks = in_container();
        for (local, peer, want) in [
            ("172.18.0.2", "172.18.0.3", Some("edge")),
            ("::ffff:172.18.0.2", "::ffff:172.18.0.3", Some("edge")),
            ("172.19.0.2", "172.19.0.3", Some("ci")),
            ("fd00::2", "fd00::3", Some("ci")),
            ("172.19.0.2", "172.18.0.3", None),
            ("172.18.0.2", "172.18.0.1", None),
            ("172.19.0.2", "172.19.0.1", None),
            ("fd00::2", "fd00::1", None),
            ("172.18.0.2", "172.18.0.2", None),
            ("172.18.0.2", "192.0.2.1", None),
            ("127.0.0.1", "127.0.0.1", None),
            ("172.18.0.9", "172.18.0.3", None),
        ] {
            assert_eq!(
                name(&networks, local, peer).as_deref(),
                want,
                "{peer} to {local}"
            );
        }
    }

    #[test]
    fn on_the_host_a_network_is_dialed_at_its_gateway() {
        let default = r#"{"Id":"d","Name":"bridge","Options":{"com.docker.network.bridge.name":"docker0"},
            "IPAM":{"Config":[{"Subnet":"172.17.0.0/16","Gateway":"172.17.0.1"}]}}"#;
        let interface = |name: &str, address: &str| Interface {
            address: address.parse().unwrap(),
            name: name.to_owned(),
            index: None,
        };
        let networks = Networks::of_host(
            &[
                network("a", "172.18.0.0/16", "172.18.0.1"),
                network("b", "172.19.0.0/16", "172.19.0.1"),
                // Of a daemon elsewhere: another interface has its gateway's address here.
                network("e", "10.0.0.0/8", "10.0.0.1"),
                json(r#"{"Id":"c","Name":"host","IPAM":{"Config":null}}"#),
                json(default),
            ],
            &[
                interface("br-a", "172.18.0.1"),
                interface("br-b", "172.19.0.1"),
                interface("docker0", "172.17.0.1"),
                interface("eth0", "10.0.0.1"),
            ],
        );
        for (local, peer, want) in [
            ("172.18.0.1", "172.18.0.3", Some("a-net")),
            ("172.17.0.1", "172.17.0.3", Some("bridge")),
            ("10.0.0.1", "10.0.0.3", None),
            ("172.19.0.1", "172.18.0.3", None),
            ("172.18.0.1", "172.18.0.1", None),
            ("172.18.0.1", "172.19.0.1", None),
            ("127.0.0.1", "127.0.0.1", None),
        ] {
            assert_eq!(
                name(&networks, local, peer).as_deref(),
                want,
                "{peer} to {local}"
            );
        }
    }

    #[test]
    fn a_gateway_that_no_engine_tells_is_the_first_address() {
        for (ranges, options, want) in [
            (r#"{"Subnet":"10.95.1.0/24"}"#, "", vec!["10.95.1.1"]),
            (
                r#"{"Subnet":"10.95.1.0/24","Gateway":"10.95.1.254"}"#,
                "",
                vec!["10.95.1.254"],
            ),
            (
                r#"{"Subnet":"10.95.1.0/24","IPRange":"10.95.1.128/25"},{"Subnet":"fd95::/64"}"#,
                "",
                vec!["10.95.1.128", "fd95::1"],
            ),
            (
                r#"{"Subnet":"fd95::/64","IPRange":"fd95::8000/120"},{"Subnet":"10.95.1.0/24"}"#,
                r#""com.docker.network.bridge.gateway_mode_ipv4":"isolated""#,
                vec!["fd95::8000"],
            ),
        ] {
            let about = json(&format!(
                r#"{{"Id":"a","Name":"a","Driver":"bridge","Options":{{{options}}},"IPAM":{{"Config":[{ranges}]}}}}"#
            ));
            let want: Vec<IpAddr> = want.iter().map(|it| it.parse().unwrap()).collect();
            assert_eq!(Network::parse(&about).unwrap().gateways, want, "{ranges}");
        }
    }

    #[test]
    fn a_network_of_which_the_daemon_says_nothing_is_none() {
        let own = json(r#"{"edge": {"NetworkID": "a", "IPAddress": "172.18.0.2"}}"#);
        let other = network("b", "172.18.0.0/16", "172.18.0.1");
        assert_eq!(Networks::of_container(&own, &[other]), Networks::default());
    }
}
