//! A bound listener of either kind.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, Type};
use tokio::net::{TcpListener, UnixListener};

use crate::config::ListenAddress;
use crate::proxy::socket::Socket;

/// A listener that accepts connections.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// Unix, with the path to remove at the end.
    Unix(UnixListener, PathBuf),
}

/// Why nothing can be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The system refuses.
    #[error("cannot listen on {address}: stop what holds it, or change `listen`")]
    Bind {
        /// As it was configured.
        address: ListenAddress,
        /// Why.
        source: io::Error,
    },
    /// Something else is at the path.
    #[error("{} exists and is not a socket: remove it, or change `listen`", path.display())]
    NotASocket {
        /// What is there.
        path: PathBuf,
    },
}

/// How many connections wait to be accepted.
const BACKLOG: i32 = 1024;

impl Listener {
    /// Binds an address and listens.
    ///
    /// # Errors
    ///
    /// The system refuses, or the path of a unix socket is taken by something else.
    pub fn bind(address: &ListenAddress) -> Result<Self, BindError> {
        let refused = |source| BindError::Bind {
            address: address.clone(),
            source,
        };
        match address {
            ListenAddress::Tcp(socket) => bind_tcp(*socket).map(Self::Tcp).map_err(refused),
            ListenAddress::Unix(path) => {
                remove_stale(path)?;
                UnixListener::bind(path)
                    .map(|listener| Self::Unix(listener, path.clone()))
                    .map_err(refused)
            }
        }
    }

    /// The address, with the port that the system chose where none was asked for.
    ///
    /// # Errors
    ///
    /// The system does not tell.
    pub fn address(&self) -> io::Result<ListenAddress> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(ListenAddress::Tcp),
            Self::Unix(_, path) => Ok(ListenAddress::Unix(path.clone())),
        }
    }

    /// The next connection, and the client's address if it has one.
    pub(super) async fn accept(&self) -> io::Result<(Socket, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => listener
                .accept()
                .await
                .map(|(socket, address)| (Socket::Tcp(socket), Some(plain(address)))),
            Self::Unix(listener, _) => listener
                .accept()
                .await
                .map(|(socket, _)| (Socket::Unix(socket), None)),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            // If it is gone already, somebody else has cleaned up.
            _ = fs::remove_file(path);
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
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
    TcpListener::from_std(socket.into())
}

/// Removes what an earlier process left at the path, if it is a socket that nobody listens on.
fn remove_stale(path: &Path) -> Result<(), BindError> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => Err(BindError::NotASocket {
            path: path.to_owned(),
        }),
        Ok(_) if is_deserted(path) => {
            // If it cannot be removed, binding says so.
            _ = fs::remove_file(path);
            Ok(())
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Whether nobody listens on a socket any more. One that may not be asked is somebody's.
fn is_deserted(path: &Path) -> bool {
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    std::os::unix::net::UnixStream::connect(path).is_err_and(refused)
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
        let bound = Listener::bind(&address).unwrap();
        assert!(
            matches!(Listener::bind(&address), Err(BindError::Bind { .. })),
            "one that is listened on stays"
        );
        drop(bound);
        assert!(!path.exists(), "removed at the end");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(
            Listener::bind(&address),
            Err(BindError::NotASocket { .. })
        ));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[tokio::test]
    async fn the_port_that_the_system_chose_is_told() {
        let bound = Listener::bind(&ListenAddress::parse("tcp://127.0.0.1:0").unwrap()).unwrap();
        assert!(
            matches!(bound.address().unwrap(), ListenAddress::Tcp(address) if address.port() != 0)
        );
    }
}
