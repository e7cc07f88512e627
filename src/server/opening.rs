//! What happens to a connection between its acceptance and its first request: TLS.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::audit::{End, Entry};
use crate::net::client::Client;
use crate::net::socket::Socket;
use crate::net::tls::entrance::{Current, Entrance, Presented};
use crate::net::tls::handshake::{Handshakes, NotOpened, Opened};
use crate::policy::{Denial, Reason};
use crate::proxy::shared::Shared;

/// A connection on which requests can be read.
pub(super) struct Opening {
    pub(super) socket: Socket,
    /// The TLS that it was accepted with.
    pub(super) current: Option<Accepting>,
    pub(super) presented: Option<Arc<Presented>>,
    /// Why every request on it is denied, if it is.
    pub(super) barred: Option<Denial>,
}

/// The TLS that a connection was accepted with.
pub(super) struct Accepting(Arc<Current>);

impl Accepting {
    /// Whether the files were read again since then.
    pub(super) fn is_replaced(&self, shared: &Shared) -> bool {
        let now = shared.tls.as_ref().map(|(entrance, _)| entrance.current());
        now.is_none_or(|now| !Arc::ptr_eq(&now, &self.0))
    }
}

impl Opening {
    fn plain(socket: Socket, barred: Option<Denial>) -> Self {
        Self {
            socket,
            current: None,
            presented: None,
            barred,
        }
    }
}

/// Shakes hands, if the listener speaks TLS. `None` if that fails, which is recorded, or if Dockgate shuts down.
pub(super) async fn open(
    socket: Socket,
    client: &Client,
    shared: &Arc<Shared>,
    drain: &mut watch::Receiver<bool>,
) -> Option<Opening> {
    let (tls, socket) = match (&shared.tls, socket) {
        (Some(tls), Socket::Tcp(socket)) => (tls, socket),
        (_, socket) => return Some(Opening::plain(socket, None)),
    };
    // Boxed, so that connections without TLS do not need its space.
    let opening = Box::pin(shake(tls, socket, client, shared));
    tokio::select! {
        opening = opening => opening,
        _ = drain.wait_for(|draining| *draining) => None,
    }
}

async fn shake(
    (entrance, handshakes): &(Entrance, Handshakes),
    socket: TcpStream,
    client: &Client,
    shared: &Arc<Shared>,
) -> Option<Opening> {
    let current = entrance.current();
    match handshakes.accept(socket, current.config()).await {
        Ok(Opened::Tls(socket)) => {
            let presented = Presented::of(socket.certificates()).map(Arc::new);
            Some(Opening {
                socket: Socket::Tls(socket),
                current: Some(Accepting(current)),
                presented,
                barred: None,
            })
        }
        Ok(Opened::Plain(socket)) => {
            let denial = Denial::new(Reason::TlsRequired, TLS_REQUIRED);
            Some(Opening::plain(Socket::Tcp(socket), Some(denial)))
        }
        Err(refused) => {
            match &refused.why {
                NotOpened::Left => {}
                // The health check is one of these.
                NotOpened::NoCertificate if client.is_local => {}
                why @ (NotOpened::Slow | NotOpened::NoCertificate | NotOpened::Failed(_)) => {
                    record(client, shared, why);
                }
            }
            refused.end().await;
            None
        }
    }
}

const TLS_REQUIRED: &str = "this port speaks TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH to a folder with ca.pem, cert.pem \
    and key.pem, or use https://";

/// Records a handshake that failed, in place of the request that did not come.
fn record(client: &Client, shared: &Arc<Shared>, failed: &NotOpened) {
    let client = Arc::new(client.clone());
    let Ok(mut entry) = Entry::open(&shared.log, &client, &shared.listener) else {
        return;
    };
    let message = format!("the TLS handshake failed: {failed}");
    entry
        .record
        .refused(&Denial::new(Reason::TlsFailed, message));
    // There was nothing to answer.
    entry.record.status = None;
    entry.finish(End::Complete);
}
