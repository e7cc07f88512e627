//! Addresses that tell clients apart: fixed ones of containers, and the ranges of networks.
//!
//! Source: Go's `net.ParseIP` and `netip.ParseAddr`, which read `::ffff:10.0.0.1` as an IPv6 or as an IPv4 address.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::{Claim, Reserved, Taken};
use crate::docker::{Document, Json};
use crate::policy::keys::Key;
use crate::policy::objects::Container;

impl Reserved {
    /// A reserved address that a container would get, or a reserved range that a new network would have.
    pub(super) fn address(&self, claim: Claim<'_>) -> Option<Taken> {
        // A replacement has only addresses that the old container had.
        if self.addresses.is_empty() || claim.old.is_some() {
            return None;
        }
        let taken = |path: &str, text: &str| {
            let what = self.overlap(text)?;
            Some(Taken::new(path, text, what))
        };
        let judged = claim.call.judged();
        if judged.body == Some(Document::Network) {
            let mut requirements = claim.requirements.iter();
            return requirements.find_map(|requirement| {
                let text = requirement.what.text_of(Key::Subnet)?;
                taken(&requirement.path, text)
            });
        }
        if judged.body == Some(Document::Endpoint) {
            let mut fixed = fixed(claim.body.at("EndpointConfig"));
            return fixed.find_map(|text| taken("EndpointConfig.IPAMConfig", text));
        }
        let endpoints = claim.body.at("NetworkingConfig").at("EndpointsConfig");
        let mut endpoints = endpoints.members().iter();
        endpoints.find_map(|(network, endpoint)| {
            let path = format!("NetworkingConfig.EndpointsConfig.{network}.IPAMConfig");
            fixed(endpoint).find_map(|text| taken(&path, text))
        })
    }

    /// Whether a network with these ranges could give a container a reserved address. Without any, it is unknown which
    /// addresses it gives.
    pub(super) fn could_give(&self, subnets: &[String]) -> bool {
        let mut subnets = subnets.iter();
        let is_unknown = subnets.len() == 0;
        !self.addresses.is_empty()
            && (is_unknown || subnets.any(|text| self.overlap(text).is_some()))
    }

    /// Whether a container has a reserved address.
    pub(super) fn has_address_of(&self, container: &Container) -> bool {
        let mut endpoints = container.networks.members().iter();
        let is_reserved = |text: &str| !text.is_empty() && self.overlap(text).is_some();
        !self.addresses.is_empty()
            && endpoints.any(|(_, endpoint)| {
                is_reserved(endpoint.text_at("IPAddress"))
                    || is_reserved(endpoint.text_at("GlobalIPv6Address"))
                    || fixed(endpoint).any(is_reserved)
            })
    }

    /// What is wrong with an address or a range, if anything.
    fn overlap(&self, text: &str) -> Option<&'static str> {
        let Some(range) = range(text) else {
            return Some(UNREADABLE);
        };
        let mut addresses = self.addresses.iter().copied().map(plain);
        let is_reserved = addresses.any(|it| it.contains(&range) || range.contains(&it));
        is_reserved.then_some(ADDRESS)
    }
}

/// The fixed addresses of an endpoint.
fn fixed<'j>(endpoint: &'j Json<'j>) -> impl Iterator<Item = &'j str> {
    let ipam = endpoint.at("IPAMConfig");
    let named = ["IPv4Address", "IPv6Address"].map(|key| ipam.text_at(key));
    let named = named.into_iter().filter(|text| !text.is_empty());
    named.chain(ipam.at("LinkLocalIPs").texts())
}

/// The range that a text means: an address, or an address with the length of its network's prefix.
fn range(text: &str) -> Option<IpNet> {
    let range = match text.parse::<IpNet>() {
        Ok(range) => range,
        Err(_) => text.parse::<IpAddr>().ok()?.into(),
    };
    Some(plain(range))
}

/// A range of IPv4 addresses that are written as IPv6 addresses, as the IPv4 range that it is.
fn plain(range: IpNet) -> IpNet {
    const BEFORE: u8 = 96;
    let IpNet::V6(mapped) = range else {
        return range;
    };
    let prefix = mapped.prefix_len().checked_sub(BEFORE);
    let address = mapped.addr().to_ipv4_mapped();
    let (Some(prefix), Some(address)) = (prefix, address) else {
        return range;
    };
    Ipv4Net::new(address, prefix).map_or(range, IpNet::V4)
}

pub(super) const ADDRESS: &str =
    "has addresses that identify a client in Dockgate's settings: choose other addresses";
pub(super) const UNREADABLE: &str = "cannot be read as an address, and addresses identify clients in Dockgate's settings: write \
                          it like 10.0.0.5 or 10.0.0.0/24";
