//! Keys about places on the host: paths, ports and addresses.

use std::net::IpAddr;

use ipnet::IpNet;

use super::setting::{Entry, List, is_plain};
use crate::docker::mount::Access;
use crate::docker::path::is_clean;
use crate::policy::value::{Port, Shape, Value};

pub(crate) type Binds = List<Bind>;

/// A path, read-only or writable, with or without what is below it.
///
/// Shape of an entry: `/path`, or `/path/**` to include what is below it; then `:rw` for writing, or `:ro-nonrecursive`
/// for reading while other mounts below the path stay writable.
#[derive(Clone, Debug)]
pub(crate) struct Bind {
    path: String,
    is_tree: bool,
    access: Access,
}

impl Bind {
    fn covers(&self, path: &str, access: Access) -> bool {
        let below = || {
            let rest = path.strip_prefix(self.path.trim_end_matches('/'));
            self.is_tree && rest.is_some_and(|rest| rest.starts_with('/'))
        };
        self.access >= access && (path == self.path || below())
    }
}

impl Entry for Bind {
    const WANT: &'static str = "must be an absolute path without `..` or `//`, such as \"/srv/a\", \"/srv/a:rw\" or \
                                \"/srv/a/**:rw\"";
    const PATTERN: Option<&'static str> = Some("^/");
    const SHAPE: Shape = Shape::Bind;

    fn parse(text: &str) -> Option<Self> {
        let (path, access) = match text.rsplit_once(':') {
            Some((path, mode)) => (path, Access::named(mode)?),
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

    fn written(&self) -> Option<String> {
        Some(self.path.clone())
    }

    fn allows(&self, value: &Value) -> bool {
        matches!(value, Value::Bind { path, access } if self.covers(path, *access))
    }

    fn of(value: &Value) -> Result<String, &'static str> {
        if let Value::Bind { path, access } = value {
            return Ok(path_entry(path, &[":", access.mode()].concat()));
        }
        Err("send a path")
    }
}

/// A path, or its folder with everything below, if an entry cannot name the path itself.
fn path_entry(path: &str, mode: &str) -> String {
    match path.split_once('*') {
        Some((before, _)) => {
            let folder = before.rsplit_once('/').map_or("", |(folder, _)| folder);
            [folder, "/**", mode].concat()
        }
        None => [path, mode].concat(),
    }
}

/// A path in a container, written like a host path.
#[derive(Clone, Debug)]
pub(crate) struct Inside<const IS_WRITTEN: bool>(Bind);

/// Where uploads may go.
pub(crate) type Uploads = List<Inside<true>>;
/// Where processes may start.
pub(crate) type Directories = List<Inside<false>>;

impl<const IS_WRITTEN: bool> Entry for Inside<IS_WRITTEN> {
    const WANT: &'static str = Bind::WANT;
    const PATTERN: Option<&'static str> = Bind::PATTERN;

    fn parse(text: &str) -> Option<Self> {
        Bind::parse(text).map(Self)
    }

    fn allows(&self, value: &Value) -> bool {
        let path = value.text().unwrap_or_default();
        if IS_WRITTEN {
            is_clean(path) && self.0.covers(path, Access::Write)
        } else {
            self.0.covers(path, Access::Read)
        }
    }

    fn of(value: &Value) -> Result<String, &'static str> {
        let path = value.text().unwrap_or_default();
        let mode = if path.contains(':') { ":ro" } else { "" };
        match (IS_WRITTEN, is_clean(path)) {
            (true, true) => Ok(path_entry(path, ":rw")),
            (true, false) => {
                Err("send a path without `..` and backslash, or leave archive.paths out")
            }
            (false, true) => Ok(path_entry(path, mode)),
            (false, false) => {
                Err("start in an absolute path without `..`, `.`, `//` or a slash at its end")
            }
        }
    }

    fn literal(recorded: &str) -> Option<String> {
        let has_mode = recorded.ends_with(":ro") || recorded.ends_with(":rw");
        let mode = if IS_WRITTEN { ":rw" } else { "" };
        let is_literal = is_plain(recorded) && (IS_WRITTEN || !has_mode);
        is_literal.then(|| [recorded, mode].concat())
    }
}

pub(crate) type Ports = List<PortRange>;

/// A range of ports.
///
/// Shape of an entry: `[address:]from[-to]`. Port 0 means one that the daemon picks.
#[derive(Clone, Debug)]
pub(crate) struct PortRange {
    /// `None` is any address.
    address: Option<IpAddr>,
    from: u16,
    to: u16,
}

impl Entry for PortRange {
    const WANT: &'static str =
        "must be a port or a range of ports, such as \"8080\" or \"127.0.0.1:8000-8099\"";
    const PATTERN: Option<&'static str> = Some("[0-9]$");
    const SHAPE: Shape = Shape::Port;

    fn parse(text: &str) -> Option<Self> {
        let Port { address, from, to } = Port::parse(text)?;
        let has_address = text.contains(':');
        let address = has_address.then(|| address.parse()).transpose().ok()?;
        (from <= to).then_some(Self { address, from, to })
    }

    fn allows(&self, value: &Value) -> bool {
        let Value::Port(port) = value else {
            return false;
        };
        let address = self.address;
        let is_there = address.is_none_or(|address| port.address.parse() == Ok(address));
        is_there && self.from <= port.from && port.to <= self.to
    }

    fn of(value: &Value) -> Result<String, &'static str> {
        if let Value::Port(port) = value
            && (port.address.is_empty() || port.address.parse::<IpAddr>().is_ok())
        {
            return Ok(port.to_string());
        }
        Err("send an IP address for the port")
    }
}

pub(crate) type Subnets = List<IpNet>;

impl Entry for IpNet {
    const WANT: &'static str = "must be an address range, such as \"10.200.0.0/16\"";
    const PATTERN: Option<&'static str> = Some("^[0-9a-fA-F:.]+/[0-9]+$");

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn allows(&self, value: &Value) -> bool {
        let asked = value.text().and_then(range);
        asked.is_some_and(|asked| self.contains(&asked))
    }

    fn of(value: &Value) -> Result<String, &'static str> {
        let range = value.text().and_then(range);
        let range = range.ok_or("send an address range, such as 10.200.0.0/24")?;
        Ok(range.to_string())
    }

    fn literal(recorded: &str) -> Option<String> {
        let range = || range(recorded).map_or(recorded.to_owned(), |range| range.to_string());
        is_plain(recorded).then(range)
    }
}

/// Reads a range of addresses; a single address is a range of one.
fn range(text: &str) -> Option<IpNet> {
    let range = text.parse::<IpNet>();
    let range = range.or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    range.ok()
}
