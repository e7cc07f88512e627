//! The open connections, and the containers that they are pinned to.
//!
//! A connection ends when its container stops, leaves the network or gets another name: the daemon's events tell. If
//! these broke off, each such container is asked for again.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use super::ask;
use super::daemon::Daemon;
use super::request_state::RequestState;
use crate::docker::Json;
use crate::policy::objects::Container;
use crate::policy::{Answer, Lookup};
use crate::sync::lock;

/// How long until the daemon is asked for its events again after they broke off.
const PAUSE: Duration = Duration::from_millis(100);

/// The open connections.
#[derive(Debug, Default)]
pub(crate) struct Pinned {
    open: Mutex<BTreeMap<u64, Open>>,
    entered: AtomicU64,
    /// A connection was pinned to a container.
    has_more: Notify,
}

/// An open connection.
#[derive(Debug)]
struct Open {
    state: Arc<RequestState>,
    /// The container that it is pinned to.
    container: Option<Arc<Container>>,
}

/// Keeps a connection among those that are open, until it is dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    pinned: Arc<Pinned>,
    number: u64,
}

impl Pinned {
    /// Adds a connection to those that are open.
    pub(crate) fn enter(
        self: &Arc<Self>,
        state: &Arc<RequestState>,
        container: Option<&Arc<Container>>,
    ) -> Entered {
        let open = Open {
            state: Arc::clone(state),
            container: container.cloned(),
        };
        let number = self.entered.fetch_add(1, Ordering::Relaxed);
        lock(&self.open).insert(number, open);
        if container.is_some() {
            self.has_more.notify_one();
        }
        Entered {
            pinned: Arc::clone(self),
            number,
        }
    }

    /// Lets every connection find out whether it may go on, because rules changed.
    pub(crate) fn ask_again(&self) {
        lock(&self.open)
            .values()
            .for_each(|open| open.state.ask_again());
    }

    /// Ends the connections of a container that is not what it was.
    fn end(&self, container: &str) {
        for open in lock(&self.open).values() {
            if open
                .container
                .as_ref()
                .is_some_and(|own| own.id == container)
            {
                open.state.has_left.set(true);
                open.state.ask_again();
            }
        }
    }

    fn containers(&self) -> Vec<Arc<Container>> {
        let mut pinned: Vec<Arc<Container>> = Vec::new();
        for container in lock(&self.open)
            .values()
            .filter_map(|open| open.container.as_ref())
        {
            if !pinned.iter().any(|it| it.id == container.id) {
                pinned.push(Arc::clone(container));
            }
        }
        pinned
    }

    /// Watches what happens to containers that connections are pinned to, for as long as Dockgate runs.
    pub(crate) async fn watch(&self, daemon: &Arc<Daemon>) -> Infallible {
        loop {
            if self.containers().is_empty() {
                self.has_more.notified().await;
            }
            let mut line = Vec::new();
            let has_begun = Notify::new();
            let following = ask::follow(
                daemon,
                || has_begun.notify_one(),
                |part| self.read(part, &mut line),
            );
            // What happened before it began was not told.
            let checking = async {
                has_begun.notified().await;
                self.check_all(daemon).await;
                std::future::pending::<()>().await;
            };
            tokio::select! {
                _ = following => {}
                () = checking => {}
            }
            sleep(PAUSE).await;
        }
    }

    /// Reads a part of the daemon's events, which are a line each.
    fn read(&self, part: &[u8], line: &mut Vec<u8>) {
        for byte in part {
            if *byte != b'\n' {
                line.push(*byte);
                continue;
            }
            if let Some(container) = concerned(line) {
                self.end(&container);
            }
            line.clear();
        }
    }

    /// Ends the connections of those containers that are not what they were. One that cannot be asked for is not.
    async fn check_all(&self, daemon: &Arc<Daemon>) {
        for pinned in self.containers() {
            let lookup = Lookup::Container(pinned.id.clone());
            let is_same = match ask::look_up_alone(daemon, &lookup).await {
                Ok(Some(Answer::Container(now))) => {
                    now.name == pinned.name && now.is_running && now.networks == pinned.networks
                }
                _ => false,
            };
            if !is_same {
                self.end(&pinned.id);
            }
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        lock(&self.pinned.open).remove(&self.number);
    }
}

/// The container that is not what it was, if the event says that of one.
fn concerned(line: &[u8]) -> Option<String> {
    let event = Json::parse(line).ok()?;
    let actor = event.at("Actor");
    let id = match (event.text_at("Type"), event.text_at("Action")) {
        ("network", "disconnect") => actor.at("Attributes").text_at("container"),
        ("container", "die" | "rename") => actor.text_at("ID"),
        _ => return None,
    };
    Some(id.to_owned())
}
