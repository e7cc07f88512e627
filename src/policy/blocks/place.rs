//! Places of the host: paths, ports and addresses.

use std::net::IpAddr;

use ipnet::IpNet;
use toml::Value;

use super::setting::{BadSetting, Setting, entries, list_of};
use crate::docker::mount::Access;
use crate::docker::path::is_clean;
use crate::policy::requirement::Port;

/// Paths, each for reading alone or for writing too, each with or without what is below it.
///
/// Shape of an entry: `/path`, `/path/**` for what is below it too, with `:rw` behind it for writing, or with
/// `:ro-nonrecursive` for reading where what else is mounted below it stays writable.
#[derive(Clone, Debug, Default)]
pub struct Binds(Vec<Bind>);

#[derive(Clone, Debug)]
struct Bind {
    path: String,
    is_tree: bool,
    access: Access,
}

impl Setting for Binds {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        let want = "must be a clean absolute path, with /** behind it for what is below, and :ro, :ro-nonrecursive or :rw";
        entries(value, want, Bind::parse).map(Self)
    }

    fn schema() -> serde_json::Value {
        list_of("^/")
    }
}

impl Bind {
    fn parse(text: &str) -> Option<Self> {
        let (path, access) = match text.rsplit_once(':') {
            Some((path, mode)) => (path, Access::of_mode(mode)?),
            None => (text, Access::Read),
        };
        let (path, is_tree) = match path.strip_suffix("/**") {
            Some("") => ("/", true),
            Some(path) => (path, true),
            None => (path, false),
        };
        (is_clean(path) && !path.contains('*')).then(|| Self {
            path: path.to_owned(),
            is_tree,
            access,
        })
    }

    fn covers(&self, path: &str) -> bool {
        let below = || {
            let rest = path.strip_prefix(self.path.trim_end_matches('/'));
            self.is_tree && rest.is_some_and(|rest| rest.starts_with('/'))
        };
        path == self.path || below()
    }
}

impl Binds {
    /// Whether a clean path may be mounted so.
    #[must_use]
    pub fn covers(&self, path: &str, access: Access) -> bool {
        let mut binds = self.0.iter();
        binds.any(|bind| bind.covers(path) && bind.access >= access)
    }

    /// The paths, and what can be done with each.
    pub fn paths(&self) -> impl Iterator<Item = (&str, Access)> {
        self.0.iter().map(|bind| (bind.path.as_str(), bind.access))
    }
}

/// Ports of the host.
///
/// Shape of an entry: `[address:]from[-to]`; port 0 is one that the daemon picks.
#[derive(Clone, Debug)]
pub struct Ports(Vec<PortRange>);

#[derive(Clone, Debug)]
struct PortRange {
    /// Any, if there is none.
    address: Option<IpAddr>,
    from: u16,
    to: u16,
}

impl Setting for Ports {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        let want = "must be a port, or from-to, with an address before it or without: \"127.0.0.1:8000-8099\"";
        entries(value, want, PortRange::parse).map(Self)
    }

    fn schema() -> serde_json::Value {
        list_of("[0-9]$")
    }
}

impl PortRange {
    fn parse(text: &str) -> Option<Self> {
        let (address, ports) = match text.rsplit_once(':') {
            Some((address, ports)) => {
                let bare = address
                    .strip_prefix('[')
                    .and_then(|rest| rest.strip_suffix(']'));
                (Some(bare.unwrap_or(address).parse().ok()?), ports)
            }
            None => (None, text),
        };
        let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
        let (from, to) = (from.parse().ok()?, to.parse().ok()?);
        (from <= to).then_some(Self { address, from, to })
    }
}

impl Ports {
    /// Whether ports may be published.
    #[must_use]
    pub fn covers(&self, port: &Port) -> bool {
        self.0.iter().any(|range| {
            let is_there = range
                .address
                .is_none_or(|address| port.address.parse() == Ok(address));
            is_there && range.from <= port.from && port.to <= range.to
        })
    }
}

/// Address ranges.
#[derive(Clone, Debug, Default)]
pub struct Subnets(Vec<IpNet>);

impl Setting for Subnets {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        let want = "must be an address range: \"10.200.0.0/16\"";
        entries(value, want, |text| text.parse().ok()).map(Self)
    }

    fn schema() -> serde_json::Value {
        list_of("^[0-9a-fA-F:.]+/[0-9]+$")
    }
}

impl Subnets {
    /// Whether a range, or an address, is within.
    #[must_use]
    pub fn covers(&self, text: &str) -> bool {
        let net = text.parse::<IpNet>();
        let net = net.or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.is_ok_and(|net| self.0.iter().any(|range| range.contains(&net)))
    }
}
