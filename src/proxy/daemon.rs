//! Where the daemon is, and how to connect to it.

use std::io;
use std::time::Duration;

use rustix::io::Errno;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, sleep, timeout_at};

use super::outage::{Outage, is_lack_of_files};
use crate::config::{Config, UpstreamAddress};
use crate::net::socket::Socket;
use crate::net::tls::upstream::ToDaemon;
use crate::sync::Flag;

/// The daemon's address and time limits.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) address: UpstreamAddress,
    pub(crate) connect: Duration,
    /// For a reply's head; `None` means no limit.
    pub(crate) reply_head: Option<Duration>,
    pub(crate) outage: Outage,
    pub(crate) is_unreadable: Flag,
    /// The TLS of the connection, if there is any.
    pub(crate) tls: Option<ToDaemon>,
}

/// How long to wait before another attempt to connect can succeed.
const PAUSE: Duration = Duration::from_millis(20);

impl Daemon {
    pub(crate) fn new(config: &Config, tls: Option<ToDaemon>) -> Self {
        Self {
            address: config.upstream.clone(),
            connect: config.limits.connect,
            reply_head: config.limits.reply_head,
            outage: Outage::default(),
            is_unreadable: Flag::default(),
            tls,
        }
    }

    /// Opens a connection, within the time limit.
    pub(super) async fn dial(&self) -> io::Result<Socket> {
        let end = Instant::now() + self.connect;
        loop {
            let opened = timeout_at(end, self.dial_once()).await;
            match opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Err(error) if passes(&error) && Instant::now() + PAUSE < end => sleep(PAUSE).await,
                opened => return opened,
            }
        }
    }

    async fn dial_once(&self) -> io::Result<Socket> {
        match &self.address {
            UpstreamAddress::Tcp(address) => {
                let socket = TcpStream::connect(address).await?;
                socket.set_nodelay(true)?;
                match &self.tls {
                    Some(tls) => tls.connect(socket).await.map(Socket::Tls),
                    None => Ok(Socket::Tcp(socket)),
                }
            }
            UpstreamAddress::Unix(path) => UnixStream::connect(path).await.map(Socket::Unix),
        }
    }

    /// Tells the operator once that the daemon's replies cannot be read.
    pub(super) fn tell_unreadable(&self, error: &hyper::Error) {
        if !self.is_unreadable.replace(true) {
            tracing::warn!(upstream = %self.address, %error, "the daemon's reply cannot be read");
        }
    }
}

/// Whether a connection error is temporary: this process has no file descriptor left, or the queue
/// of the daemon's socket is full.
fn passes(error: &io::Error) -> bool {
    is_lack_of_files(error) || error.raw_os_error() == Some(Errno::AGAIN.raw_os_error())
}
