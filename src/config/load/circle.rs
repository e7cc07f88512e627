//! Whether the daemon's address is one that Dockgate itself listens on: every request would come back as
//! another one, until all connections are taken.
//!
//! Only what is certain from here counts. A name that leads back, or another address of this host, is not
//! looked up.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::config::{ListenAddress, UpstreamAddress};

/// Whether who connects to the daemon's address arrives at the listener.
pub(super) fn leads_back(daemon: &UpstreamAddress, listener: &ListenAddress) -> bool {
    match (daemon, listener) {
        (UpstreamAddress::Tcp(daemon), ListenAddress::Tcp(listener)) => {
            let Some((host, port)) = daemon.rsplit_once(':') else {
                return false;
            };
            let is_port = port.parse() == Ok(listener.port()) && listener.port() != 0;
            let arrives = |ip: &IpAddr| takes(listener.ip(), *ip);
            is_port && addresses(host).iter().any(arrives)
        }
        (UpstreamAddress::Unix(daemon), ListenAddress::Unix(listener)) => {
            daemon == listener || is_same_file(daemon, listener)
        }
        (UpstreamAddress::Tcp(_), ListenAddress::Unix(_))
        | (UpstreamAddress::Unix(_), ListenAddress::Tcp(_)) => false,
    }
}

/// What connecting to a host connects to, as far as that is known without asking anybody.
fn addresses(host: &str) -> Vec<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") {
        return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let connected = ip.map(|ip| match ip.to_canonical() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    });
    connected.into_iter().collect()
}

/// Whether a listener takes connections to an address of which it is certain that it is of this host.
fn takes(listener: IpAddr, ip: IpAddr) -> bool {
    match listener.to_canonical() {
        IpAddr::V4(all) if all.is_unspecified() => ip.is_ipv4() && ip.is_loopback(),
        IpAddr::V6(all) if all.is_unspecified() => ip.is_loopback(),
        listener @ (IpAddr::V4(_) | IpAddr::V6(_)) => listener == ip,
    }
}

/// Whether two paths are of one file, or would be once it is made.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let file = |path: &Path| {
        fs::metadata(path)
            .ok()
            .map(|found| (found.dev(), found.ino()))
    };
    let place = |path: &Path| Some((file(path.parent()?)?, path.file_name()?.to_owned()));
    let (one_file, other_file) = (file(one), file(other));
    let is_same_place = || place(one).is_some_and(|at| place(other) == Some(at));
    one_file.is_some() && one_file == other_file || is_same_place()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn is_circle(daemon: &str, listener: &str) -> bool {
        let daemon = UpstreamAddress::parse(daemon).unwrap();
        leads_back(&daemon, &ListenAddress::parse(listener).unwrap())
    }

    #[test]
    fn a_port_of_our_own_leads_back() {
        for (daemon, listener, want) in [
            ("tcp://127.0.0.1:2375", "tcp://127.0.0.1:2375", true),
            ("tcp://127.0.0.1:2376", "tcp://127.0.0.1:2375", false),
            ("tcp://127.0.0.2:2375", "tcp://127.0.0.1:2375", false),
            ("tcp://localhost:2375", "tcp://127.0.0.1:2375", true),
            ("tcp://LocalHost:2375", "tcp://[::1]:2375", true),
            ("tcp://0.0.0.0:2375", "tcp://127.0.0.1:2375", true),
            ("tcp://[::]:2375", "tcp://[::1]:2375", true),
            ("tcp://[::1]:2375", "tcp://127.0.0.1:2375", false),
            ("tcp://127.0.0.9:2375", "tcp://0.0.0.0:2375", true),
            ("tcp://127.0.0.1:2375", "tcp://[::]:2375", true),
            ("tcp://[::1]:2375", "tcp://0.0.0.0:2375", false),
            ("tcp://[::ffff:10.0.0.1]:2375", "tcp://10.0.0.1:2375", true),
            ("tcp://10.0.0.1:2375", "tcp://0.0.0.0:2375", false),
            ("tcp://engine:2375", "tcp://0.0.0.0:2375", false),
            ("unix:///run/x", "tcp://0.0.0.0:2375", false),
        ] {
            assert_eq!(is_circle(daemon, listener), want, "{daemon} {listener}");
        }
    }

    #[test]
    fn a_socket_of_our_own_leads_back_by_whichever_path() {
        let folder = std::env::temp_dir().join(format!("dockgate-circle-{}", std::process::id()));
        fs::create_dir_all(folder.join("run")).unwrap();
        symlink("run", folder.join("var")).unwrap();
        let at = |name: &str| format!("unix://{}/{name}", folder.display());
        let cases = [
            ("run/x", "run/x", true),
            ("var/x", "run/x", true),
            ("run/./x", "run/x", true),
            ("run/y", "run/x", false),
            ("none/x", "run/x", false),
        ];
        for there in [false, true] {
            for (daemon, listener, want) in cases {
                let found = is_circle(&at(daemon), &at(listener));
                assert_eq!(found, want, "{daemon} {listener}, there: {there}");
            }
            fs::write(folder.join("run/x"), "").unwrap();
        }
        fs::hard_link(folder.join("run/x"), folder.join("link")).unwrap();
        assert!(is_circle(&at("link"), &at("run/x")), "one file");
        fs::remove_dir_all(folder).unwrap();
    }
}
