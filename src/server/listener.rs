//! A bound listener, TCP or unix.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use socket2::{Domain, Protocol, SockAddr, Type};
use tokio::net::{TcpListener, UnixListener};

use crate::clients::identify::Peer;
use crate::config::{ListenAddress, SocketAccess};
use crate::net::client::Client;
use crate::net::socket::Socket;

/// A socket that clients can connect to already, before there is a runtime to accept them.
#[derive(Debug)]
pub(crate) struct Bound {
    socket: socket2::Socket,
    /// With the port that the system chose, if the settings say 0.
    pub(crate) address: ListenAddress,
    /// Whether it listens on IPv4 only, because the system has no IPv6.
    pub(crate) is_instead_of_ipv6: bool,
    file: Option<SocketFile>,
}

/// A listener that accepts connections.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        _file: Option<SocketFile>,
    },
}

/// The file of a unix listener, removed at the end. A process that gave up root may not be allowed to remove it: then it
/// stays, and the next start replaces it.
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.0);
    }
}

/// Why a listener cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    #[error("cannot listen on {address}: {}", remedy(address, source))]
    Bind {
        address: ListenAddress,
        source: io::Error,
    },
    #[error("{} exists and is not a socket: remove it, or change `listen`", path.display())]
    NotASocket { path: PathBuf },
    #[error("cannot change the owner of {} to `owner`: start Dockgate as root, or remove `owner`", path.display())]
    Owner { path: PathBuf, source: io::Error },
    #[error(
        "{} is a socket of user {owner}, and user {own} may not check whether it is in use: remove it if it is not, \
         or change `listen`",
        path.display()
    )]
    Closed {
        path: PathBuf,
        owner: u32,
        own: u32,
        source: io::Error,
    },
    #[error("{} is left over from an earlier process, and Dockgate may not remove it: remove it yourself", path.display())]
    Stale { path: PathBuf, source: io::Error },
}

/// What to do about an error while binding.
fn remedy(address: &ListenAddress, error: &io::Error) -> &'static str {
    use io::ErrorKind as Kind;
    const TCP: &[(Kind, &str)] = &[
        (
            Kind::AddrInUse,
            "another process uses it: stop that, or change `listen`",
        ),
        (
            Kind::AddrNotAvailable,
            "this host does not have this address; tcp://0.0.0.0 and tcp://[::] listen on all addresses",
        ),
        (
            Kind::PermissionDenied,
            "choose port 1024 or higher, or write `cap_add: [NET_BIND_SERVICE]`",
        ),
    ];
    const UNIX: &[(Kind, &str)] = &[
        (
            Kind::AddrInUse,
            "another process uses it: stop that, or change `listen`",
        ),
        (Kind::NotADirectory, "its folder is a file: change `listen`"),
        (Kind::NotFound, "create its folder, or mount a volume there"),
        (
            Kind::PermissionDenied,
            "give the user that Dockgate is started as write access to its folder",
        ),
        (Kind::ReadOnlyFilesystem, "mount a volume at its folder"),
    ];
    let known = match address {
        ListenAddress::Tcp(_) => TCP,
        ListenAddress::Unix(_) => UNIX,
    };
    let fitting = known.iter().find(|(kind, _)| *kind == error.kind());
    fitting.map_or("change `listen`", |(_, remedy)| remedy)
}

/// The kernel's id for users without an id.
const NOBODY: u32 = 65_534;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

impl Bound {
    /// Binds an address and listens. The file of a unix socket is created with its mode; that changes the umask of the
    /// process, so no other thread may create files at the same time.
    pub(crate) fn bind(address: &ListenAddress, access: SocketAccess) -> Result<Self, BindError> {
        let refused = |source| BindError::Bind {
            address: address.clone(),
            source,
        };
        match address {
            ListenAddress::Tcp(wanted) => {
                let bound = or_ipv4(*wanted, bind_tcp).map_err(refused)?;
                let (socket, is_instead_of_ipv6) = bound;
                let local = socket.local_addr().map_err(refused)?;
                Ok(Self {
                    socket,
                    address: ListenAddress::Tcp(local.as_socket().unwrap_or(*wanted)),
                    is_instead_of_ipv6,
                    file: None,
                })
            }
            ListenAddress::Unix(path) => {
                remove_stale(path)?;
                let (socket, file) = bind_unix(path, access.mode).map_err(refused)?;
                give(path, access)?;
                // Before this, nobody can connect.
                socket.listen(BACKLOG).map_err(refused)?;
                Ok(Self {
                    socket,
                    address: address.clone(),
                    is_instead_of_ipv6: false,
                    file: Some(file),
                })
            }
        }
    }

    pub(crate) fn into_listener(self) -> io::Result<Listener> {
        Ok(match self.address {
            ListenAddress::Tcp(_) => Listener::Tcp(TcpListener::from_std(self.socket.into())?),
            ListenAddress::Unix(_) => Listener::Unix {
                listener: UnixListener::from_std(self.socket.into())?,
                _file: self.file,
            },
        })
    }
}

impl Listener {
    pub(super) async fn accept(&self) -> io::Result<(Socket, Client, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (socket, address) = listener.accept().await?;
                let (local, address) = (socket.local_addr()?.ip(), plain(address));
                let peer = Peer::Tcp {
                    local: local.to_canonical(),
                    peer: address.ip(),
                };
                Ok((Socket::Tcp(socket), Client::at(address), peer))
            }
            Self::Unix { listener, .. } => {
                let (socket, _) = listener.accept().await?;
                let peer = socket.peer_cred();
                let (uid, gid) = peer.map_or((NOBODY, NOBODY), |peer| (peer.uid(), peer.gid()));
                let peer = Peer::Unix { uid, gid };
                Ok((Socket::Unix(socket), Client::of_user(uid), peer))
            }
        }
    }
}

/// Binds an address. For `[::]` on a system without IPv6, binds 0.0.0.0 instead, and returns true.
fn or_ipv4<T>(
    wanted: SocketAddr,
    bind: impl Fn(SocketAddr) -> io::Result<T>,
) -> io::Result<(T, bool)> {
    let is_all = wanted.is_ipv6() && wanted.ip().is_unspecified();
    match bind(wanted) {
        Err(error) if is_all && is_without_ipv6(&error) => {
            let all = SocketAddr::from((Ipv4Addr::UNSPECIFIED, wanted.port()));
            bind(all).map(|bound| (bound, true))
        }
        bound => bound.map(|bound| (bound, false)),
    }
}

/// A kernel without IPv6 has no such sockets, and one with IPv6 switched off has no such address.
fn is_without_ipv6(error: &io::Error) -> bool {
    let errors = [
        rustix::io::Errno::AFNOSUPPORT,
        rustix::io::Errno::ADDRNOTAVAIL,
    ];
    errors
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

fn bind_tcp(address: SocketAddr) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        // `[::]` accepts IPv4 too.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

fn bind_unix(path: &Path, mode: u32) -> io::Result<(socket2::Socket, SocketFile)> {
    let address = SockAddr::unix(path)?;
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    // The file gets the mode that the umask leaves.
    let mask = rustix::process::umask(Mode::from_raw_mode(!mode & 0o777));
    let bound = socket.bind(&address);
    rustix::process::umask(mask);
    bound?;
    Ok((socket, SocketFile(path.to_owned())))
}

fn give(path: &Path, access: SocketAccess) -> Result<(), BindError> {
    if access.uid.is_none() && access.gid.is_none() {
        return Ok(());
    }
    std::os::unix::fs::lchown(path, access.uid, access.gid).map_err(|source| BindError::Owner {
        path: path.to_owned(),
        source,
    })
}

/// Removes the socket of an earlier process, if nobody listens on it.
fn remove_stale(path: &Path) -> Result<(), BindError> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    let at = path.to_owned();
    if !found.file_type().is_socket() {
        return Err(BindError::NotASocket { path: at });
    }
    // A socket in use, or any other problem, becomes an error when the address is bound.
    let Err(source) = ask(path) else {
        return Ok(());
    };
    if source.kind() == io::ErrorKind::ConnectionRefused {
        return fs::remove_file(path).map_err(|source| BindError::Stale { path: at, source });
    }
    if source.kind() == io::ErrorKind::PermissionDenied {
        return Err(BindError::Closed {
            path: at,
            owner: found.uid(),
            own: rustix::process::geteuid().as_raw(),
            source,
        });
    }
    Ok(())
}

/// Connects to a socket, to see whether anybody listens on it. A socket whose backlog is full is in use too, and fails
/// with another error.
fn ask(path: &Path) -> io::Result<()> {
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Otherwise connecting would wait for the backlog.
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)
}

/// Shows an IPv4 client of a dual-stack listener with its IPv4 address.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("dockgate-listener-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder.join("socket")
    }

    #[tokio::test]
    async fn only_a_stale_socket_is_replaced() {
        let path = scratch("stale");
        let address = ListenAddress::Unix(path.clone());
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let bound = Bound::bind(&address, SocketAccess::DEFAULT).unwrap();
        assert!(
            matches!(
                Bound::bind(&address, SocketAccess::DEFAULT),
                Err(BindError::Bind { .. })
            ),
            "a socket in use stays"
        );
        drop(bound.into_listener().unwrap());
        assert!(!path.exists(), "removed at the end");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(
            Bound::bind(&address, SocketAccess::DEFAULT),
            Err(BindError::NotASocket { .. })
        ));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn the_address_has_the_port_that_the_system_chose() {
        let address = ListenAddress::parse("tcp://127.0.0.1:0").unwrap();
        let bound = Bound::bind(&address, SocketAccess::DEFAULT).unwrap();
        assert!(matches!(bound.address, ListenAddress::Tcp(address) if address.port() != 0));
        assert!(!bound.is_instead_of_ipv6);
    }

    #[test]
    fn all_of_ipv4_replaces_only_all_of_ipv6() {
        use rustix::io::Errno;
        let without_ipv6 = |errno: Errno| {
            move |address: SocketAddr| match address {
                SocketAddr::V6(_) => Err(errno.into()),
                SocketAddr::V4(_) => Ok(address.to_string()),
            }
        };
        let bind = |wanted: &str, errno| or_ipv4(wanted.parse().unwrap(), without_ipv6(errno)).ok();
        let instead = Some(("0.0.0.0:2375".to_owned(), true));
        assert_eq!(bind("[::]:2375", Errno::AFNOSUPPORT), instead);
        assert_eq!(bind("[::]:2375", Errno::ADDRNOTAVAIL), instead);
        assert_eq!(bind("[::]:2375", Errno::ADDRINUSE), None, "it is there");
        assert_eq!(bind("[::1]:2375", Errno::AFNOSUPPORT), None, "another one");
        let asked = Some(("127.0.0.1:2375".to_owned(), false));
        assert_eq!(bind("127.0.0.1:2375", Errno::AFNOSUPPORT), asked);
    }
}
