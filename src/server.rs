//! Listening: binding, accepting, counting, draining.

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

/// How long nothing is accepted after the system had no file or memory for a connection.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the operator is not told again of that.
const QUIET: Duration = Duration::from_mins(1);
/// After how long a silent client is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The bounds that all listeners have in common.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// A permit for each connection.
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) clients: Arc<Clients>,
}

/// Accepts and serves until the drain begins, and then until all connections are over or its time
/// is.
///
/// No error of accepting ends it.
pub(crate) async fn run(
    listener: Listener,
    shared: Arc<Shared>,
    bounds: Bounds,
    mut drain: watch::Receiver<bool>,
) {
    let time = shared.limits.drain;
    let mut connections = JoinSet::new();
    let mut told = None;
    loop {
        let permit = tokio::select! {
            biased;
            _ = drain.wait_for(|draining| *draining) => break,
            Some(ended) = connections.join_next() => {
                report(ended);
                continue;
            }
            accepted = accept(&listener, &bounds, &mut told) => accepted,
        };
        let Some((socket, client, permit)) = permit else {
            continue;
        };
        let counted = match client.key {
            ClientKey::Address(_) => Some(bounds.clients.enter(client.key)),
            // Processes of one user can be those of many containers.
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

/// The next connection, once there is a permit for it. `None` when there was an error; `told` is when
/// the operator last heard of one.
async fn accept(
    listener: &Listener,
    bounds: &Bounds,
    told: &mut Option<Instant>,
) -> Option<Accepted> {
    // The semaphore is never closed.
    let permit = Arc::clone(&bounds.connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((socket, client)) => {
            if let Socket::Tcp(tcp) = &socket {
                let keepalive = TcpKeepalive::new()
                    .with_time(KEEPALIVE)
                    .with_interval(KEEPALIVE);
                // A client that is gone already is noticed when it is read from.
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
                if told.is_none_or(|told| told.elapsed() > QUIET) {
                    *told = Some(Instant::now());
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
