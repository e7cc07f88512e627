//! Listeners: bind, accept, count connections, and drain.

pub(crate) mod clients;
pub(crate) mod files;
pub(crate) mod listener;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use self::clients::{Clients, Counted};
use self::listener::Listener;
use crate::net::client::{Client, ClientKey};
use crate::net::socket::Socket;
use crate::proxy::connection;
use crate::proxy::shared::Shared;

/// How long accepting pauses after the system had no file or memory for a connection.
const PAUSE: Duration = Duration::from_millis(100);
/// How long such errors are not logged again.
const QUIET: Duration = Duration::from_mins(1);
/// How long a connection is silent before a keepalive probe.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The limits that all listeners share.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// A permit for each connection.
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) clients: Arc<Clients>,
}

/// Accepts and serves until the drain begins, and then until all connections or the time of the drain are over.
///
/// No error while accepting ends it.
pub(crate) async fn run(
    listener: Listener,
    shared: Arc<Shared>,
    bounds: Bounds,
    mut drain: watch::Receiver<bool>,
) {
    let time = shared.limits.drain;
    let mut connections = JoinSet::new();
    let mut logged = None;
    loop {
        let permit = tokio::select! {
            biased;
            _ = drain.wait_for(|draining| *draining) => break,
            Some(ended) = connections.join_next() => {
                report(ended);
                continue;
            }
            accepted = accept(&listener, &bounds, &mut logged) => accepted,
        };
        let Some((socket, client, permit)) = permit else {
            continue;
        };
        let counted = match client.key {
            ClientKey::Address(_) => Some(bounds.clients.enter(client.key)),
            // The processes of one user may belong to many containers.
            ClientKey::User(_) => None,
        };
        if counted.as_ref().is_some_and(Counted::is_flood) {
            continue;
        }
        let is_over_limit = counted.as_ref().is_some_and(Counted::is_over_limit);
        let (shared, drain) = (Arc::clone(&shared), drain.clone());
        connections.spawn(async move {
            connection::serve(socket, shared, client, is_over_limit, drain).await;
            drop((permit, counted));
        });
    }
    drop(listener);
    let ending = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    if tokio::time::timeout(time, ending).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "`limits.drain` is over: closing the connections that are left"
        );
    }
    connections.shutdown().await;
}

type Accepted = (Socket, Client, tokio::sync::OwnedSemaphorePermit);

/// The next connection, once there is a permit for it; `None` after an error. `logged` is when an error was last
/// logged.
async fn accept(
    listener: &Listener,
    bounds: &Bounds,
    logged: &mut Option<Instant>,
) -> Option<Accepted> {
    // The semaphore is never closed.
    let permit = Arc::clone(&bounds.connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((socket, client)) => {
            if let Socket::Tcp(tcp) = &socket {
                let keepalive = TcpKeepalive::new()
                    .with_time(KEEPALIVE)
                    .with_interval(KEEPALIVE);
                // If the client is already gone, reading from it reports that.
                _ = tcp.set_nodelay(true);
                _ = SockRef::from(tcp).set_tcp_keepalive(&keepalive);
            }
            Some((socket, client, permit))
        }
        Err(error) => {
            let is_transient = matches!(
                error.kind(),
                io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::Interrupted
            );
            if !is_transient {
                if logged.is_none_or(|logged| logged.elapsed() > QUIET) {
                    *logged = Some(Instant::now());
                    tracing::warn!(%error, "cannot accept connections: they wait until this is over");
                }
                tokio::time::sleep(PAUSE).await;
            }
            None
        }
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(
            "a bug in Dockgate ended a connection (panic); its requests are in the audit log"
        );
    }
}
