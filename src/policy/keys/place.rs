//! Places of the host: paths, ports and addresses.

use std::net::IpAddr;

use ipnet::IpNet;
use toml::Value;

use super::setting::{BadSetting, Decides, Setting, entries, is_plain, list_of};
use crate::docker::mount::Access;
use crate::docker::path::is_clean;
use crate::policy::value::{self, Port, Shape};

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
    const SHAPE: Shape = Shape::Bind;

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
}

impl Decides for Binds {
    fn allows(&self, value: &value::Value) -> bool {
        matches!(value, value::Value::Bind { path, access } if self.covers(path, *access))
    }

    fn entry(&self, value: &value::Value) -> Result<String, &'static str> {
        if let value::Value::Bind { path, access } = value {
            return Ok(path_entry(path, &[":", access.mode()].concat()));
        }
        Err("name a path")
    }

    fn entries(&self) -> Vec<String> {
        self.0.iter().map(|bind| bind.path.clone()).collect()
    }
}

/// A path, or the folder that it is in where an entry cannot name it alone.
fn path_entry(path: &str, mode: &str) -> String {
    match path.split_once('*') {
        Some((before, _)) => {
            let folder = before.rsplit_once('/').map_or("", |(folder, _)| folder);
            [folder, "/**", mode].concat()
        }
        None => [path, mode].concat(),
    }
}

/// Paths in a container, written like those of the host.
#[derive(Clone, Debug)]
pub struct Inside<const ARE_WRITTEN: bool>(Binds);

/// Where files are written to.
pub type Uploads = Inside<true>;
/// Where processes start.
pub type Directories = Inside<false>;

impl<const ARE_WRITTEN: bool> Setting for Inside<ARE_WRITTEN> {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        Binds::read(value).map(Self)
    }

    fn schema() -> serde_json::Value {
        Binds::schema()
    }

    fn literal(recorded: &str) -> Option<String> {
        let has_mode = recorded.ends_with(":ro") || recorded.ends_with(":rw");
        let mode = if ARE_WRITTEN { ":rw" } else { "" };
        let is_literal = is_plain(recorded) && (ARE_WRITTEN || !has_mode);
        is_literal.then(|| [recorded, mode].concat())
    }
}

impl<const ARE_WRITTEN: bool> Decides for Inside<ARE_WRITTEN> {
    fn allows(&self, value: &value::Value) -> bool {
        let path = value.text().unwrap_or_default();
        if ARE_WRITTEN {
            is_clean(path) && self.0.covers(path, Access::Write)
        } else {
            self.0.covers(path, Access::Read)
        }
    }

    fn entry(&self, value: &value::Value) -> Result<String, &'static str> {
        let path = value.text().unwrap_or_default();
        match (ARE_WRITTEN, is_clean(path)) {
            (true, true) => Ok(path_entry(path, ":rw")),
            (true, false) => Err("write it without `..` and backslash, or leave archive.paths out"),
            (false, true) => Ok(path_entry(
                path,
                if path.contains(':') { ":ro" } else { "" },
            )),
            (false, false) => {
                Err("start in an absolute path without `..`, `.`, `//` and a slash at its end")
            }
        }
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
    const SHAPE: Shape = Shape::Port;

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
    fn covers(&self, port: &Port) -> bool {
        self.0.iter().any(|range| {
            let is_there = range
                .address
                .is_none_or(|address| port.address.parse() == Ok(address));
            is_there && range.from <= port.from && port.to <= range.to
        })
    }
}

impl Decides for Ports {
    fn allows(&self, value: &value::Value) -> bool {
        matches!(value, value::Value::Port(port) if self.covers(port))
    }

    fn entry(&self, value: &value::Value) -> Result<String, &'static str> {
        if let value::Value::Port(port) = value
            && (port.address.is_empty() || port.address.parse::<IpAddr>().is_ok())
        {
            return Ok(port.to_string());
        }
        Err("send an IP address for the port")
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

    fn literal(recorded: &str) -> Option<String> {
        let range = || range(recorded).map_or(recorded.to_owned(), |range| range.to_string());
        is_plain(recorded).then(range)
    }
}

/// A range of addresses, or one of a single address.
fn range(text: &str) -> Option<IpNet> {
    let range = text.parse::<IpNet>();
    let range = range.or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    range.ok()
}

impl Decides for Subnets {
    fn allows(&self, value: &value::Value) -> bool {
        let asked = value.text().and_then(range);
        asked.is_some_and(|asked| self.0.iter().any(|range| range.contains(&asked)))
    }

    fn entry(&self, value: &value::Value) -> Result<String, &'static str> {
        let range = value.text().and_then(range);
        let range = range.ok_or("send an address range, such as 10.200.0.0/24")?;
        Ok(range.to_string())
    }
}
