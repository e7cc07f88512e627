//! Listeners: bind, accept, count connections, and drain.

pub(crate) mod clients;
pub(crate) mod files;
pub(crate) mod listener;
pub(crate) mod metrics;
mod opening;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use self::clients::{Counted, Counts};
use self::listener::Listener;
use self::opening::{Opening, open};
use crate::clients::identify::{Identity, Peer};
use crate::net::client::{Client, ClientKey};
use crate::net::socket::{KEEPALIVE, Socket};
use crate::policy::{Denial, Reason};
use crate::proxy::connection;
use crate::proxy::peers::{Arrival, Known};
use crate::proxy::shared::Shared;
use crate::proxy::standing::Standing;

/// How long accepting pauses after the system had no file or memory for a connection.
const PAUSE: Duration = Duration::from_millis(100);
/// How long such errors are not logged again.
const QUIET: Duration = Duration::from_mins(1);

/// The limits that all listeners share.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// A permit for each connection that is served.
    pub(crate) connections: Arc<Semaphore>,
    /// A place for each connection that was accepted and is not served yet.
    pub(crate) waiting: Arc<Semaphore>,
    pub(crate) clients: Arc<Counts>,
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
    let waiting = shared.tls.as_ref();
    let waiting = waiting.map_or(&bounds.waiting, |(entrance, _)| &entrance.waiting);
    let mut connections = JoinSet::new();
    let mut logged = None;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = drain.wait_for(|draining| *draining) => break,
            Some(ended) = connections.join_next() => {
                report(ended);
                continue;
            }
            accepted = accept(&listener, waiting, &mut logged) => accepted,
        };
        let Some(accepted) = accepted else {
            continue;
        };
        let counted = match &accepted.client.key {
            ClientKey::Address(_) => Some(bounds.clients.enter(accepted.client.key.clone())),
            // The processes of one user may belong to many containers.
            ClientKey::User(_) | ClientKey::Named(_) => None,
        };
        let most = shared
            .listener_rules()
            .most_connections(bounds.clients.limit);
        if counted
            .as_ref()
            .is_some_and(|counted| counted.is_flood(most))
        {
            continue;
        }
        let (shared, bounds, drain) = (Arc::clone(&shared), bounds.clone(), drain.clone());
        connections.spawn(attend(accepted, counted, shared, bounds, drain));
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

/// A connection that was accepted.
struct Accepted {
    socket: Socket,
    client: Client,
    peer: Peer,
    waiting: OwnedSemaphorePermit,
}

/// Finds out whose a connection is, waits for a permit, and serves it.
async fn attend(
    accepted: Accepted,
    mut counted: Option<Counted>,
    shared: Arc<Shared>,
    bounds: Bounds,
    mut drain: watch::Receiver<bool>,
) {
    let Accepted {
        socket,
        client,
        peer,
        waiting,
    } = accepted;
    let Some(opening) = open(socket, &client, &shared, &mut drain).await else {
        return;
    };
    let Opening {
        socket,
        current,
        presented,
        barred,
    } = opening;
    let (mut known, moment) = (Known::of(peer), shared.pinned.now());
    known.presented = presented;
    let found = identify(&shared, &socket, &mut known).await;
    let mut standing = Standing::new(Arc::clone(&shared), client, known, found);
    if let Some(barred) = barred {
        standing.bar_first(barred);
    }
    let limit = match standing.client.name() {
        Some(name) => {
            counted = Some(bounds.clients.enter(standing.client.key.clone()));
            let rules = shared.listener_rules();
            rules.rights(name).and_then(|rights| rights.connections)
        }
        None => None,
    };
    let limit = limit.unwrap_or(bounds.clients.limit);
    if counted
        .as_ref()
        .is_some_and(|counted| counted.is_over(limit))
    {
        standing.bar(Denial::new(Reason::TooManyConnections, TOO_MANY));
    }
    let standing = Arc::new(standing);
    let entered = shared
        .pinned
        .enter(&standing.state, standing.container(), moment);
    if current.is_some_and(|before| before.is_replaced(&shared)) {
        standing.state.ask_again();
    }
    let permit = tokio::select! {
        permit = Arc::clone(&bounds.connections).acquire_owned() => permit,
        _ = drain.wait_for(|draining| *draining) => return,
    };
    drop(waiting);
    let open = (shared.log.metrics.as_ref()).map(|it| it.connection(&shared.listener));
    connection::serve(socket, &standing, drain).await;
    drop((permit, counted, entered, open));
}

async fn identify(shared: &Shared, socket: &Socket, known: &mut Known) -> Result<Identity, Denial> {
    let whose = |known: &Known| shared.listener_rules().whose(known.peer, known.facts());
    let peer = known.peer;
    let arrival = Arrival { socket, peer };
    let daemon = (&shared.daemon, &*shared.daemon_state);
    shared.peers.identify(daemon, arrival, known, whose).await
}

const TOO_MANY: &str = "this client has too many connections open: close some, or raise limits.connections_per_client or the \
    client's own limits.connections";

/// The next connection, once there is a place for it; `None` after an error. `logged` is when an error was last
/// logged.
async fn accept(
    listener: &Listener,
    waiting: &Arc<Semaphore>,
    logged: &mut Option<Instant>,
) -> Option<Accepted> {
    // The semaphore is never closed.
    let waiting = Arc::clone(waiting).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((socket, client, peer)) => {
            if let Socket::Tcp(tcp) = &socket {
                // If the client is already gone, reading from it reports that.
                _ = tcp.set_nodelay(true);
            }
            socket.keep_alive(KEEPALIVE);
            Some(Accepted {
                socket,
                client,
                peer,
                waiting,
            })
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
