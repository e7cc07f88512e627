//! Addresses to listen on and to connect to.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// An address that clients connect to.
///
/// Shape: `tcp://127.0.0.1:2375`, `tcp://[::]:2375`, `unix:///run/dockgate.sock`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// An IP address and port; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// A unix socket's absolute path.
    Unix(PathBuf),
}

/// The address of the daemon.
///
/// Shape: `unix:///var/run/docker.sock`, `tcp://engine:2375`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamAddress {
    /// A host name or IP address, and a port.
    Tcp(String),
    /// A unix socket's absolute path.
    Unix(PathBuf),
}

/// Why an address is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Not `host:port`.
    #[error("`{0}` is no host and port: write tcp://engine:2375")]
    HostPort(String),
    /// Not an IP address and port.
    #[error("`{0}` is no IP address and port: write tcp://127.0.0.1:2375 or tcp://[::]:2375")]
    IpPort(String),
    /// Not an absolute path.
    #[error("`{0}` is no absolute path: write unix:///run/docker.sock")]
    Path(String),
    /// Neither `tcp://` nor `unix://`.
    #[error("`{0}` begins neither with tcp:// nor with unix://")]
    Scheme(String),
}

impl ListenAddress {
    /// Parses an address.
    ///
    /// # Errors
    ///
    /// It has another shape; the message shows a right one.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        match text.strip_prefix("tcp://") {
            Some(rest) => rest
                .parse()
                .map(Self::Tcp)
                .map_err(|_| BadAddress::IpPort(rest.to_owned())),
            None => unix_path(text).map(Self::Unix),
        }
    }

    /// Whether only programs of this host can reach it by TCP, a browser among them.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => false,
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

impl UpstreamAddress {
    /// Parses an address.
    ///
    /// # Errors
    ///
    /// It has another shape; the message shows a right one.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        match text.strip_prefix("tcp://") {
            Some(rest) => {
                let port = rest
                    .rsplit_once(':')
                    .filter(|(host, _)| !host.is_empty())
                    .map(|(_, port)| port);
                let is_right =
                    !rest.contains('/') && port.is_some_and(|port| port.parse::<u16>().is_ok());
                is_right
                    .then(|| Self::Tcp(rest.to_owned()))
                    .ok_or_else(|| BadAddress::HostPort(rest.to_owned()))
            }
            None => unix_path(text).map(Self::Unix),
        }
    }
}

impl fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

fn unix_path(text: &str) -> Result<PathBuf, BadAddress> {
    let path = text
        .strip_prefix("unix://")
        .ok_or_else(|| BadAddress::Scheme(text.to_owned()))?;
    if path.ends_with('/') || !Path::new(path).is_absolute() {
        return Err(BadAddress::Path(path.to_owned()));
    }
    Ok(path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_it_prints() {
        for text in [
            "tcp://127.0.0.1:2375",
            "tcp://[::]:0",
            "unix:///run/dockgate.sock",
        ] {
            assert_eq!(ListenAddress::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "tcp://engine:2375",
            "tcp://[::1]:2375",
            "unix:///var/run/docker.sock",
        ] {
            assert_eq!(UpstreamAddress::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn tells_loopback_in_every_spelling() {
        for (text, want) in [
            ("tcp://127.0.0.1:1", true),
            ("tcp://[::1]:1", true),
            ("tcp://[::ffff:127.0.0.1]:1", true),
            ("tcp://0.0.0.0:1", false),
            ("tcp://[::]:1", false),
            ("unix:///run/x", false),
        ] {
            assert_eq!(
                ListenAddress::parse(text).unwrap().is_loopback(),
                want,
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_another_shape() {
        for (text, want) in [
            (
                "127.0.0.1:2375",
                BadAddress::Scheme("127.0.0.1:2375".to_owned()),
            ),
            (
                "http://127.0.0.1:2375",
                BadAddress::Scheme("http://127.0.0.1:2375".to_owned()),
            ),
            ("tcp://:2375", BadAddress::IpPort(":2375".to_owned())),
            (
                "tcp://localhost:2375",
                BadAddress::IpPort("localhost:2375".to_owned()),
            ),
            (
                "tcp://127.0.0.1",
                BadAddress::IpPort("127.0.0.1".to_owned()),
            ),
            ("unix://run/x", BadAddress::Path("run/x".to_owned())),
            ("unix:///run/", BadAddress::Path("/run/".to_owned())),
        ] {
            assert_eq!(ListenAddress::parse(text), Err(want), "{text}");
        }
        for text in [
            "tcp://engine",
            "tcp://:2375",
            "tcp://engine:x",
            "tcp://engine:2375/x",
            "engine:2375",
            "unix://x",
        ] {
            assert!(UpstreamAddress::parse(text).is_err(), "{text}");
        }
    }
}
