//! Addresses to listen on and to connect to.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// The address of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address<T> {
    /// Where it is by TCP.
    Tcp(T),
    /// A unix socket's absolute path.
    Unix(PathBuf),
}

/// An address that clients connect to, by TCP an IP address and port; port 0 lets the system choose.
///
/// Shape: `tcp://127.0.0.1:2375`, `tcp://[::]:2375`, `unix:///run/dockgate.sock`.
pub type ListenAddress = Address<SocketAddr>;

/// The address of the daemon, by TCP a host name or IP address, and a port.
///
/// Shape: `unix:///var/run/docker.sock`, `tcp://engine:2375`.
pub type UpstreamAddress = Address<String>;

/// What is wrong with an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadAddress {
    #[error("`{0}` is not a host and a port: write tcp://engine:2375 or tcp://[::1]:2375")]
    HostPort(String),
    #[error("`{0}` is not an IP address and a port: write tcp://127.0.0.1:2375 or tcp://[::]:2375")]
    IpPort(String),
    #[error("`{0}` is too long: the path of a socket has at most 107 bytes")]
    LongPath(String),
    #[error(
        "`{0}` is not an absolute path, or ends in a space or a `/`: write unix:///run/docker.sock"
    )]
    Path(String),
    #[error("`{0}` does not begin with tcp:// or unix://: write {1}")]
    Scheme(String, String),
    #[error(
        "an address does not begin with https://: write {0}, and set up TLS with `cert_path` or `upstream_tls`"
    )]
    Tls(String),
    /// A user before the host, and maybe a password, which is not repeated.
    #[error(
        "an address cannot have a user or a password: write only tcp://, the host and the port"
    )]
    User,
}

/// The longest path of a unix socket, in bytes. Source: unix(7).
const MAX_PATH: usize = 107;

impl<T> Address<T> {
    /// Parses an address. `by_tcp` reads what follows `tcp://`.
    fn read(
        text: &str,
        by_tcp: impl Fn(&str) -> Result<T, BadAddress>,
    ) -> Result<Self, BadAddress> {
        match (text.strip_prefix("tcp://"), text.strip_prefix("unix://")) {
            (Some(rest), _) if rest.contains('@') => Err(BadAddress::User),
            (Some(rest), _) => by_tcp(rest).map(Self::Tcp),
            (None, Some(path)) => unix_path(path).map(Self::Unix),
            (None, None) if text.contains('@') => Err(BadAddress::User),
            (None, None) => {
                let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
                let rest = rest.trim_end_matches('/');
                let local = rest.strip_prefix("localhost");
                let local = local.map(|port| format!("127.0.0.1{port}"));
                let rest = local.unwrap_or_else(|| rest.to_owned());
                let any = format!("0.0.0.0{rest}");
                let tcp = [rest.clone(), any]
                    .into_iter()
                    .find(|rest| by_tcp(rest).is_ok());
                let instead = match tcp {
                    Some(rest) => format!("tcp://{rest}"),
                    None if unix_path(text).is_ok() => format!("unix://{text}"),
                    None => "tcp://127.0.0.1:2375 or unix:///run/docker.sock".to_owned(),
                };
                Err(if text.starts_with("https://") {
                    BadAddress::Tls(instead)
                } else {
                    BadAddress::Scheme(text.to_owned(), instead)
                })
            }
        }
    }
}

impl<T: fmt::Display> fmt::Display for Address<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

impl ListenAddress {
    pub(crate) fn parse(text: &str) -> Result<Self, BadAddress> {
        let ip_port = |rest: &str| {
            let address = rest.parse();
            address.map_err(|_| BadAddress::IpPort(rest.to_owned()))
        };
        Self::read(text, ip_port)
    }

    /// Whether only programs of this host can reach it by TCP, a browser among them.
    pub(crate) fn is_loopback(&self) -> bool {
        matches!(self, Self::Tcp(address) if address.ip().to_canonical().is_loopback())
    }
}

/// Whether the clients of one listener can also connect to the other.
pub(crate) fn share_clients(one: &ListenAddress, other: &ListenAddress) -> bool {
    let (Address::Tcp(first), Address::Tcp(second)) = (one, other) else {
        return false;
    };
    let is_same = first.ip() == second.ip();
    let is_any = first.ip().is_unspecified() || second.ip().is_unspecified();
    one.is_loopback() == other.is_loopback() && (is_same || is_any || one.is_loopback())
}

impl UpstreamAddress {
    pub(crate) fn parse(text: &str) -> Result<Self, BadAddress> {
        let host_port = |rest: &str| match rest.rsplit_once(':') {
            Some((host, port)) if is_host(host) && is_port(port) => Ok(rest.to_owned()),
            Some(_) | None => Err(BadAddress::HostPort(rest.to_owned())),
        };
        Self::read(text, host_port)
    }

    /// The path of its socket, if it is one of unix.
    pub(crate) fn socket(&self) -> Option<&str> {
        match self {
            Self::Unix(path) => path.to_str(),
            Self::Tcp(_) => None,
        }
    }
}

/// A name or an IPv4 address, or an IPv6 address in brackets.
fn is_host(text: &str) -> bool {
    let rest = text.strip_prefix('[');
    let ipv6 = rest.and_then(|rest| rest.strip_suffix(']'));
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    match ipv6 {
        Some(ipv6) => ipv6.parse::<Ipv6Addr>().is_ok(),
        None => !text.is_empty() && text.bytes().all(is_name_byte),
    }
}

fn is_port(text: &str) -> bool {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal && text.parse::<u16>().is_ok_and(|port| port != 0)
}

fn unix_path(path: &str) -> Result<PathBuf, BadAddress> {
    let is_clean = path.trim() == path && !path.contains(char::is_control);
    if path.ends_with('/') || !is_clean || !Path::new(path).is_absolute() {
        return Err(BadAddress::Path(path.to_owned()));
    }
    if path.len() > MAX_PATH {
        return Err(BadAddress::LongPath(path.to_owned()));
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
    fn tells_which_listeners_the_same_clients_reach() {
        for (one, other, want) in [
            ("tcp://0.0.0.0:1", "tcp://0.0.0.0:2", true),
            ("tcp://[::]:1", "tcp://10.0.0.1:2", true),
            ("tcp://10.0.0.1:1", "tcp://10.0.0.1:2", true),
            ("tcp://127.0.0.1:1", "tcp://[::1]:2", true),
            ("tcp://10.0.0.1:1", "tcp://10.0.1.1:2", false),
            ("tcp://0.0.0.0:1", "tcp://127.0.0.1:2", false),
            ("tcp://0.0.0.0:1", "unix:///run/x", false),
            ("unix:///run/x", "unix:///run/y", false),
        ] {
            let parsed = [one, other].map(|text| ListenAddress::parse(text).unwrap());
            let [first, second] = &parsed;
            let found = (share_clients(first, second), share_clients(second, first));
            assert_eq!(found, (want, want), "{one} {other}");
        }
    }

    #[test]
    fn refuses_what_nobody_could_connect_to() {
        let long = format!("unix:///{}", "s".repeat(107));
        let fits = format!("unix:///{}", "s".repeat(106));
        assert!(ListenAddress::parse(&fits).is_ok() && UpstreamAddress::parse(&fits).is_ok());
        let too_long = BadAddress::LongPath(format!("/{}", "s".repeat(107)));
        assert_eq!(ListenAddress::parse(&long), Err(too_long.clone()));
        assert_eq!(UpstreamAddress::parse(&long), Err(too_long));
        for text in ["unix:///run/x ", "unix:///run/\n", "unix:///run/\0x"] {
            let want = BadAddress::Path(text.replace("unix://", ""));
            assert_eq!(UpstreamAddress::parse(text), Err(want), "{text:?}");
        }
        for rest in [
            "engine:0",
            "engine:+1",
            "engine: 1",
            "en gine:1",
            " engine:1",
            "::1:1",
            "[::1:1",
            "[engine]:1",
            "engine:1?x",
        ] {
            let want = BadAddress::HostPort(rest.to_owned());
            let found = UpstreamAddress::parse(&format!("tcp://{rest}"));
            assert_eq!(found, Err(want), "{rest}");
        }
        for text in ["tcp://me:secret@engine:1", "tcp://me@127.0.0.1:1"] {
            assert_eq!(
                UpstreamAddress::parse(text),
                Err(BadAddress::User),
                "{text}"
            );
            assert_eq!(ListenAddress::parse(text), Err(BadAddress::User), "{text}");
        }
        for text in ["tcp://en-gine_1.example:1", "tcp://10.0.0.1:65535"] {
            assert!(UpstreamAddress::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn refuses_another_shape() {
        for (text, want) in [
            (
                "127.0.0.1:2375",
                BadAddress::Scheme(
                    "127.0.0.1:2375".to_owned(),
                    "tcp://127.0.0.1:2375".to_owned(),
                ),
            ),
            (
                "http://127.0.0.1:2375",
                BadAddress::Scheme(
                    "http://127.0.0.1:2375".to_owned(),
                    "tcp://127.0.0.1:2375".to_owned(),
                ),
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
