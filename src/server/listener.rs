//! A bound listener of either kind.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use socket2::{Domain, Protocol, SockAddr, Type};
use tokio::net::{TcpListener, UnixListener};

use crate::config::{ListenAddress, SocketAccess};
use crate::net::client::Client;
use crate::net::socket::Socket;

/// A socket that clients can connect to already, before there is a runtime to accept them.
#[derive(Debug)]
pub(crate) struct Bound {
    socket: socket2::Socket,
    /// With the port that the system chose where none was asked for.
    pub(crate) address: ListenAddress,
    /// Whether it listens on IPv4 alone, as the system has no IPv6.
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

/// The file of a unix listener, removed at the end. A process that is no longer root may not be
/// allowed to: then it stays, and the next start replaces it.
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.0);
    }
}

/// Why nothing can be listened on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    #[error("cannot listen on {address}: {}", remedy(address, source))]
    Bind {
        address: ListenAddress,
        source: io::Error,
    },
    #[error("{} exists and is not a socket: remove it, or change `listen`", path.display())]
    NotASocket { path: PathBuf },
    #[error("{} cannot be given to its `owner`: start Dockgate as root, or take `owner` out", path.display())]
    Owner { path: PathBuf, source: io::Error },
    #[error(
        "{} is a socket of user {owner}, and whether anybody listens on it is closed to user {own}: remove \
         it if nobody does, or change `listen`",
        path.display()
    )]
    Closed {
        path: PathBuf,
        owner: u32,
        own: u32,
        source: io::Error,
    },
    #[error("{} is left of an earlier process and cannot be removed: remove it", path.display())]
    Stale { path: PathBuf, source: io::Error },
}

/// What to do about an error of binding.
fn remedy(address: &ListenAddress, error: &io::Error) -> &'static str {
    use io::ErrorKind as Kind;
    const TCP: &[(Kind, &str)] = &[
        (Kind::AddrInUse, "stop what holds it, or change `listen`"),
        (
            Kind::AddrNotAvailable,
            "this host has no such address; tcp://0.0.0.0 and tcp://[::] take all",
        ),
        (
            Kind::PermissionDenied,
            "choose a port from 1024 on, or write `cap_add: [NET_BIND_SERVICE]`",
        ),
    ];
    const UNIX: &[(Kind, &str)] = &[
        (Kind::AddrInUse, "stop what holds it, or change `listen`"),
        (Kind::NotADirectory, "its folder is a file: change `listen`"),
        (Kind::NotFound, "make its folder, or mount a volume there"),
        (
            Kind::PermissionDenied,
            "let the user that Dockgate is started as write to its folder",
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

/// The kernel's own id for users that it has no id for.
const NOBODY: u32 = 65_534;

/// How many connections wait to be accepted.
const BACKLOG: i32 = 1024;

impl Bound {
    /// Binds an address and listens. A unix socket's file has its mode from its first moment; the file mode
    /// mask of the process is changed for that, so no other thread may be making files.
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
                // Nobody could connect before.
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
    pub(super) async fn accept(&self) -> io::Result<(Socket, Client)> {
        match self {
            Self::Tcp(listener) => listener
                .accept()
                .await
                .map(|(socket, address)| (Socket::Tcp(socket), Client::at(plain(address)))),
            Self::Unix { listener, .. } => listener.accept().await.map(|(socket, _)| {
                let user = socket.peer_cred().map_or(NOBODY, |peer| peer.uid());
                (Socket::Unix(socket), Client::of_user(user))
            }),
        }
    }
}

/// Binds an address; where that is all of IPv6, and the system has none, all of IPv4. Whether it had
/// to be that.
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

/// A kernel without IPv6 knows no such sockets, and one in which it is switched off no such address.
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
        // `[::]` takes IPv4 as well.
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
    // The file gets what the mask leaves.
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

/// Removes what an earlier process left at the path, if it is a socket that nobody listens on.
fn remove_stale(path: &Path) -> Result<(), BindError> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    let at = path.to_owned();
    if !found.file_type().is_socket() {
        return Err(BindError::NotASocket { path: at });
    }
    // A socket that is somebody's, or cannot be asked for another reason, is told of when it is bound to.
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

/// Connects to a socket, to see whether anybody listens on it. One on which as many wait as may is
/// somebody's: it refuses too, and in another way.
fn ask(path: &Path) -> io::Result<()> {
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Otherwise it would wait with the others.
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)
}

/// An IPv4 client of a dual-stack listener is shown as one.
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
    async fn a_stale_socket_is_replaced_and_nothing_else_is() {
        let path = scratch("stale");
        let address = ListenAddress::Unix(path.clone());
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let bound = Bound::bind(&address, SocketAccess::DEFAULT).unwrap();
        assert!(
            matches!(
                Bound::bind(&address, SocketAccess::DEFAULT),
                Err(BindError::Bind { .. })
            ),
            "one that is listened on stays"
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
    fn the_port_that_the_system_chose_is_told() {
        let address = ListenAddress::parse("tcp://127.0.0.1:0").unwrap();
        let bound = Bound::bind(&address, SocketAccess::DEFAULT).unwrap();
        assert!(matches!(bound.address, ListenAddress::Tcp(address) if address.port() != 0));
        assert!(!bound.is_instead_of_ipv6);
    }

    #[test]
    fn all_of_ipv4_takes_the_place_of_all_of_ipv6_alone() {
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
