//! Finds out whose a connection is: asks the system and the daemon for what [`identify`](crate::clients::identify) needs.
//!
//! A wrong answer would give one client the rights of another, so nothing here is remembered that can change:
//!
//! - The networks that Dockgate is on are kept only as long as the interface with the local address is the same one. A
//!   network that is joined gets a new interface.
//! - The container that has the peer's address is asked for each connection. Addresses are given to the next container
//!   at once, so the connection could be that of a container that is gone, with bytes that it sent before. The kernel
//!   knows when it was last heard. If a container joined the network after that, the sender could be another: then the
//!   kernel asks it, and the container's own kernel resets a connection that it does not know.
//! - [`pinned`](super::pinned) ends the connection when its container is not what it was.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, sleep, timeout_at};

use super::ask;
use super::daemon::Daemon;
use super::daemon_state::DaemonState;
use crate::clients::identify::{Facts, Holder, Identity, Missing, Peer};
use crate::clients::networks::{Interface, Network, Networks};
use crate::docker::Json;
use crate::net::socket::{KEEPALIVE, Socket};
use crate::net::tls::entrance::Presented;
use crate::policy::objects::Container;
use crate::policy::permit::Probe;
use crate::policy::{Answer, Denial, Lookup, Reason};
use crate::sync::lock;

/// How long a request waits until it is known whose it is.
const WAIT: Duration = Duration::from_secs(5);
/// How long until the daemon is asked again that did not answer.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a client must have been silent before it is asked whether it is still there, in seconds because the system
/// counts in seconds.
const SOON: Duration = Duration::from_secs(1);
/// The daemon remembers this many events.
const REMEMBERED: usize = 256;

/// What Dockgate knows about its networks, to identify clients.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    networks: Mutex<Option<Arc<Placed>>>,
}

/// The networks, and the interfaces when they were asked for.
#[derive(Debug)]
struct Placed {
    networks: Arc<Networks>,
    interfaces: Vec<Interface>,
}

/// What is known about the other end of a connection.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) peer: Peer,
    networks: Option<Arc<Networks>>,
    /// The container that has the peer's address.
    container: Holder<Arc<Container>>,
    /// The certificate that the peer has shown.
    pub(crate) presented: Option<Arc<Presented>>,
}

/// A connection when it was accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'a> {
    pub(crate) socket: &'a Socket,
    pub(crate) peer: Peer,
}

impl Placed {
    /// Whether the networks are still those of a local address. An address of none of them could belong to one by now.
    fn holds_for(&self, local: IpAddr, now: &[Interface]) -> bool {
        let index = index_of(now, local);
        let is_same = index.is_some() && index == index_of(&self.interfaces, local);
        is_same && (local.is_loopback() || self.networks.has_own(local))
    }
}

impl Known {
    pub(crate) fn of(peer: Peer) -> Self {
        Self {
            peer,
            networks: None,
            container: Holder::NotAsked,
            presented: None,
        }
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            networks: self.networks.as_deref(),
            container: match &self.container {
                Holder::NotAsked => Holder::NotAsked,
                Holder::Nobody => Holder::Nobody,
                Holder::Container(container) => Holder::Container(container),
            },
            certificate: self.presented.as_ref().map(|it| &*it.certificate),
        }
    }

    /// The container that it is, if that was asked.
    pub(crate) fn container(&self) -> Option<&Arc<Container>> {
        match &self.container {
            Holder::Container(container) => Some(container),
            Holder::NotAsked | Holder::Nobody => None,
        }
    }
}

impl Peers {
    /// Finds out whose a connection is, within the time that a request may wait for that. `whose` decides from what is
    /// known.
    pub(crate) async fn identify(
        &self,
        (daemon, daemon_state): (&Arc<Daemon>, &DaemonState),
        arrival: Arrival<'_>,
        known: &mut Known,
        whose: impl Fn(&Known) -> Result<Identity, Missing>,
    ) -> Result<Identity, Denial> {
        let end = Instant::now() + WAIT;
        let mut has_waited = false;
        loop {
            let missing = match whose(known) {
                Ok(identity) => {
                    if has_waited {
                        arrival.socket.keep_alive(KEEPALIVE);
                    }
                    return Ok(identity);
                }
                Err(missing) => missing,
            };
            let learning = self.learn(missing, (daemon, daemon_state), arrival, known);
            match timeout_at(end, learning).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) if Instant::now() + PAUSE < end => {
                    has_waited = true;
                    sleep(PAUSE).await;
                }
                Ok(Err(denial)) => return Err(unknown(denial)),
                Err(_) => return Err(unknown(ask::failed("it did not answer in time"))),
            }
        }
    }

    async fn learn(
        &self,
        missing: Missing,
        (daemon, daemon_state): (&Arc<Daemon>, &DaemonState),
        arrival: Arrival<'_>,
        known: &mut Known,
    ) -> Result<(), Denial> {
        let Peer::Tcp { local, peer } = arrival.peer else {
            return Err(ask::failed("nothing can be asked about a unix socket"));
        };
        let networks = match (&known.networks, missing) {
            (Some(networks), Missing::Container) => Arc::clone(networks),
            (None, _) | (_, Missing::Networks) => {
                let networks = self.networks(daemon, daemon_state, local).await?;
                known.networks = Some(Arc::clone(&networks));
                networks
            }
        };
        if missing == Missing::Container {
            let found = match networks.of_arrival(local, peer) {
                Some(network) => container(daemon, network, peer, arrival).await?,
                None => None,
            };
            known.container = found.map_or(Holder::Nobody, Holder::Container);
        }
        Ok(())
    }

    /// The networks that Dockgate is on.
    async fn networks(
        &self,
        daemon: &Arc<Daemon>,
        daemon_state: &DaemonState,
        local: IpAddr,
    ) -> Result<Arc<Networks>, Denial> {
        let before = interfaces();
        let placed = lock(&self.networks).clone();
        if let Some(placed) = placed
            && placed.holds_for(local, &before)
        {
            return Ok(Arc::clone(&placed.networks));
        }
        let listed = ask::probe(daemon, Probe::Networks).await?;
        let listed =
            Json::parse(&listed).map_err(|_| ask::failed("its list of networks cannot be read"))?;
        let own = daemon_state.own(daemon).await?.map(|own| own.id.clone());
        let networks = match own {
            Some(id) => {
                let own = ask::look_up_alone(daemon, &Lookup::Container(id)).await?;
                let Some(Answer::Container(own)) = own else {
                    return Err(ask::failed("Dockgate's own container cannot be found"));
                };
                if own.networks.get("host").is_some() {
                    Networks::of_host(listed.items(), &before)
                } else {
                    Networks::of_container(&own.networks, listed.items())
                }
            }
            None => Networks::of_host(listed.items(), &before),
        };
        let networks = Arc::new(networks);
        *lock(&self.networks) = Some(Arc::new(Placed {
            networks: Arc::clone(&networks),
            interfaces: before,
        }));
        Ok(networks)
    }
}

/// The running container that has the peer's address on a network, if there is one and the connection is its own.
async fn container(
    daemon: &Arc<Daemon>,
    network: &Network,
    peer: IpAddr,
    arrival: Arrival<'_>,
) -> Result<Option<Arc<Container>>, Denial> {
    let peer = peer.to_canonical();
    // The sender could be gone, and its address given away: then it was last heard before the container came.
    let heard = match arrival.socket.last_heard() {
        Ok(Some(since)) => SystemTime::now().checked_sub(since),
        Ok(None) => return Ok(None),
        Err(error) => return Err(ask::failed(&format!("{UNTOLD}: {error}"))),
    };
    let heard = heard.unwrap_or(UNIX_EPOCH);
    let found = ask::look_up_alone(daemon, &Lookup::Network(network.id.clone())).await?;
    let Some(Answer::Network(on)) = found else {
        return Err(ask::failed("the network of the connection cannot be found"));
    };
    let Some((_, id)) = on.addresses.iter().find(|(address, _)| *address == peer) else {
        return Ok(None);
    };
    let found = ask::look_up_alone(daemon, &Lookup::Container(id.clone())).await?;
    let Some(Answer::Container(container)) = found else {
        return Err(ask::failed(
            "the container of the connection cannot be found",
        ));
    };
    if !container.has_address(&network.id, peer) {
        return Err(ask::failed("the container of the connection is stopping"));
    }
    let events = Probe::Events {
        since: since_epoch(heard),
        until: since_epoch(SystemTime::now()),
    };
    let events = ask::probe(daemon, events).await?;
    let mut count = 0;
    for line in events
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        count += 1;
        let event = Json::parse(line).map_err(|_| ask::failed("its events cannot be read"))?;
        let actor = event.at("Actor");
        let is_own = actor.at("Attributes").text_at("container") == container.id;
        let is_here = actor.text_at("ID") == network.id;
        if is_own && is_here && event.text_at("Action") == "connect" {
            arrival.socket.keep_alive(SOON);
            return Err(ask::failed(
                "the container that has the client's address now joined after the client was last heard",
            ));
        }
    }
    if count >= REMEMBERED {
        return Err(ask::failed(
            "too much happened since the client was last heard",
        ));
    }
    Ok(Some(container))
}

const UNTOLD: &str = "this system does not say when the client was last heard (sock_diag), so only network: and \
    addresses can tell clients apart";

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The addresses of this system.
fn interfaces() -> Vec<Interface> {
    let found = if_addrs::get_if_addrs().unwrap_or_default().into_iter();
    let interfaces = found.map(|it| Interface {
        address: it.ip(),
        name: it.name,
        index: it.index,
    });
    interfaces.collect()
}

/// The number of the interface with an address.
fn index_of(interfaces: &[Interface], address: IpAddr) -> Option<u32> {
    let address = address.to_canonical();
    let found = interfaces.iter().find(|own| own.address == address);
    found?.index
}

/// The denial of a connection of which it is not known whose it is. A daemon that cannot be reached stays the reason.
fn unknown(why: Denial) -> Denial {
    if why.reason == Reason::DaemonUnreachable {
        return why;
    }
    let message = format!(
        "it is not known which client this connection belongs to: {}",
        ask::why(&why)
    );
    Denial::new(Reason::IdentityUnknown, message)
}
