//! Handshakes of clients, on a thread of their own.
//!
//! A handshake takes a hundred times as long as a request. On the thread that serves, a flood of them would delay
//! everybody. The system gives this thread less time than that one.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use rustls::{CertificateError, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use super::stream::{TlsSocket, Transport};

/// The thread.
#[derive(Clone, Debug)]
pub(crate) struct Handshakes(Handle);

/// A connection whose first bytes have arrived.
#[derive(Debug)]
pub(crate) enum Opened {
    Tls(TlsSocket),
    /// Its client does not speak TLS.
    Plain(TcpStream),
}

/// Why a connection was not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotOpened {
    /// The client sent nothing, as those do that only look whether the port is open.
    #[error("the client left")]
    Left,
    #[error("the client did not finish it in time")]
    Slow,
    #[error("the client has no certificate: give it one, for example with DOCKER_CERT_PATH")]
    NoCertificate,
    #[error("{0}")]
    Failed(String),
}

/// A connection that was not opened.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) why: NotOpened,
    ending: Option<JoinHandle<()>>,
}

/// How long a handshake may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How long a client that was refused may read why.
const LINGER: Duration = Duration::from_secs(2);
/// The first byte of a handshake. Source: RFC 8446 section 5.1.
const HANDSHAKE: u8 = 22;
/// How much the thread stands back behind the one that serves.
const NICE: i32 = 5;

impl Handshakes {
    pub(crate) fn start() -> io::Result<Self> {
        let (to, from) = sync_channel(1);
        let work = move || {
            // It may fail where the system does not allow it: then both threads get the same time.
            _ = rustix::process::setpriority_process(None, NICE);
            let runtime = Builder::new_current_thread().enable_all().build();
            let sent = match runtime {
                Ok(runtime) => {
                    let handle = Ok(runtime.handle().clone());
                    to.send(handle).map(|()| Some(runtime))
                }
                Err(error) => to.send(Err(error)).map(|()| None),
            };
            if let Ok(Some(runtime)) = sent {
                runtime.block_on(std::future::pending::<()>());
            }
        };
        thread::Builder::new()
            .name("handshakes".to_owned())
            .spawn(work)?;
        let handle = from.recv().map_err(io::Error::other)??;
        Ok(Self(handle))
    }

    /// Shakes hands with a client, if it speaks TLS.
    pub(crate) async fn accept(
        &self,
        socket: TcpStream,
        config: Arc<ServerConfig>,
    ) -> Result<Opened, Refused> {
        let failed = |error: io::Error| NotOpened::Failed(error.to_string());
        let socket = socket.into_std().map_err(failed)?;
        let (to, from) = oneshot::channel();
        let shaking = self.0.spawn(async move {
            let (shaken, refused) = shake(socket, config).await;
            // If nobody waits for it, Dockgate is shutting down.
            _ = to.send(shaken);
            if let Some(transport) = refused {
                linger(transport).await;
            }
        });
        match from.await {
            Ok(Ok(Left::Tls(socket))) => {
                let socket = socket.moved(Transport::arrive).map_err(failed)?;
                Ok(Opened::Tls(socket))
            }
            Ok(Ok(Left::Plain(socket))) => {
                let socket = TcpStream::from_std(socket).map_err(failed)?;
                Ok(Opened::Plain(socket))
            }
            Ok(Err(why)) => Err(Refused {
                why,
                ending: Some(shaking),
            }),
            Err(_) => Err(NotOpened::Failed("this is a bug in Dockgate".to_owned()).into()),
        }
    }
}

impl Refused {
    /// Ends when the client has read why.
    pub(crate) async fn end(self) {
        if let Some(ending) = self.ending {
            _ = ending.await;
        }
    }
}

impl From<NotOpened> for Refused {
    fn from(why: NotOpened) -> Self {
        Self { why, ending: None }
    }
}

/// A connection between the two threads.
enum Left {
    Tls(TlsSocket),
    Plain(std::net::TcpStream),
}

/// The outcome of a handshake. A client that was refused has yet to read why.
async fn shake(
    socket: std::net::TcpStream,
    config: Arc<ServerConfig>,
) -> (Result<Left, NotOpened>, Option<Transport>) {
    let failed = |error: io::Error| NotOpened::Failed(error.to_string());
    let end = Instant::now() + LIMIT;
    let socket = match TcpStream::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => return (Err(failed(error)), None),
    };
    let mut first = [0];
    match timeout_at(end, socket.peek(&mut first)).await {
        Ok(Ok(1..)) => {}
        // A client that sends nothing is closed like an idle one.
        Ok(Ok(0) | Err(_)) | Err(_) => return (Err(NotOpened::Left), None),
    }
    if first != [HANDSHAKE] {
        let socket = socket.into_std();
        return (socket.map(Left::Plain).map_err(failed), None);
    }
    let accepting = TlsAcceptor::from(config).accept(Transport::Here(socket));
    match timeout_at(end, accepting.into_fallible()).await {
        Ok(Ok(stream)) => {
            let socket = TlsSocket::new(stream).moved(Transport::leave);
            (socket.map(Left::Tls).map_err(failed), None)
        }
        Ok(Err((error, transport))) => (Err(why(&error)), Some(transport)),
        Err(_) => (Err(NotOpened::Slow), None),
    }
}

/// Lets the client read the alert. If it still sends, closing would reset the connection, and the alert with it.
async fn linger(mut transport: Transport) {
    let reading = async {
        let mut space = [0; 1024];
        _ = transport.shutdown().await;
        while transport
            .read(&mut space)
            .await
            .is_ok_and(|count| count > 0)
        {}
    };
    _ = timeout(LINGER, reading).await;
}

/// Why a handshake failed, with what to do about what happens often.
fn why(error: &io::Error) -> NotOpened {
    use rustls::{AlertDescription as Alert, Error};
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    let why = match inner {
        Some(Error::NoCertificatesPresented) => return NotOpened::NoCertificate,
        Some(Error::InvalidCertificate(bad)) => bad_certificate(bad),
        Some(Error::AlertReceived(
            Alert::UnknownCA | Alert::BadCertificate | Alert::CertificateUnknown,
        )) => {
            "the client does not trust this server's certificate: compare their ca.pem".to_owned()
        }
        Some(Error::PeerIncompatible(bad)) => {
            format!("the client and this server have no version or cipher in common: {bad:?}")
        }
        _ if error.kind() == io::ErrorKind::UnexpectedEof => "the client left during it".to_owned(),
        _ => error.to_string(),
    };
    NotOpened::Failed(why)
}

fn bad_certificate(bad: &CertificateError) -> String {
    use CertificateError as Bad;
    let known = if matches!(bad, Bad::Revoked) {
        "is revoked"
    } else if matches!(bad, Bad::Expired | Bad::ExpiredContext { .. }) {
        "has expired: renew it"
    } else if matches!(bad, Bad::NotValidYet | Bad::NotValidYetContext { .. }) {
        "is not valid yet: check the clocks of both hosts"
    } else if matches!(bad, Bad::UnknownIssuer) {
        "was issued by an authority that is not in client_ca"
    } else if matches!(bad, Bad::BadSignature) {
        "was not signed by the authority that it names"
    } else {
        return format!("the client's certificate cannot be used: {bad}");
    };
    format!("the client's certificate {known}")
}
