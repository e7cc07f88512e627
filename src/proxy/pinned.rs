//! The open connections, and the containers that they are pinned to.
//!
//! A connection ends when its container stops, leaves the network or gets another name: the daemon's events tell. If
//! these broke off, each such container is asked for again.

use std::collections::{BTreeMap, VecDeque};
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
    ended: Mutex<Ended>,
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

/// The containers that were ended last, for connections that are still being identified.
#[derive(Debug, Default)]
struct Ended {
    /// How many were ended before these.
    before: u64,
    last: VecDeque<String>,
}

/// How many of them are remembered.
const REMEMBERED: usize = 256;

/// A moment in the row of ended containers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(u64);

impl Ended {
    fn now(&self) -> Moment {
        let count = u64::try_from(self.last.len()).unwrap_or(u64::MAX);
        Moment(self.before.saturating_add(count))
    }

    fn add(&mut self, container: &str) {
        if self.last.len() == REMEMBERED {
            self.last.pop_front();
            self.before += 1;
        }
        self.last.push_back(container.to_owned());
    }

    /// Whether a container was ended since then. If so many were that some are forgotten, it could be one of them.
    fn has(&self, container: &str, since: Moment) -> bool {
        let skipped = since.0.checked_sub(self.before);
        let skipped = skipped.and_then(|count| usize::try_from(count).ok());
        skipped.is_none_or(|count| self.last.iter().skip(count).any(|it| it == container))
    }
}

impl Pinned {
    /// The moment before a connection is identified.
    pub(crate) fn now(&self) -> Moment {
        lock(&self.ended).now()
    }

    /// Adds a connection to those that are open, which was identified since then.
    pub(crate) fn enter(
        self: &Arc<Self>,
        state: &Arc<RequestState>,
        container: Option<&Arc<Container>>,
        since: Moment,
    ) -> Entered {
        if container.is_some_and(|it| lock(&self.ended).has(&it.id, since)) {
            state.has_left.set(true);
            state.ask_again();
        }
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
        lock(&self.ended).add(container);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn container(id: &str) -> Arc<Container> {
        let id = id.repeat(64);
        let text =
            format!(r#"{{"Id":"{id}","Name":"/web","Config":{{}},"HostConfig":{{}},"Mounts":[]}}"#);
        Arc::new(Container::parse(text.as_bytes()).unwrap())
    }

    /// Whether a connection of the container `a` must end that was identified while these containers ended.
    fn must_end(before: &[&str], meanwhile: &[&str], later: &[&str]) -> bool {
        let (pinned, state) = (Arc::<Pinned>::default(), Arc::<RequestState>::default());
        let end = |ids: &[&str]| ids.iter().for_each(|id| pinned.end(&id.repeat(64)));
        end(before);
        let moment = pinned.now();
        end(meanwhile);
        let entered = pinned.enter(&state, Some(&container("a")), moment);
        end(later);
        drop(entered);
        assert!(pinned.containers().is_empty());
        state.has_left.is_set()
    }

    #[test]
    fn a_container_that_ends_while_a_connection_is_identified_ends_it_too() {
        assert!(must_end(&[], &["b", "a"], &[]) && must_end(&[], &[], &["a"]));
        assert!(!must_end(&["a"], &["b"], &["b"]));
        assert!(!must_end(&["b"; 2 * REMEMBERED], &["b"; REMEMBERED], &[]));
        assert!(must_end(&[], &["b"; REMEMBERED + 1], &[]), "forgotten");
    }

    #[test]
    fn events_are_read_whatever_parts_they_come_in() {
        for (event, is_concerned) in [
            (
                r#"{"Type":"container","Action":"die","Actor":{"ID":"ID"}}"#,
                true,
            ),
            (
                r#"{"Type":"container","Action":"rename","Actor":{"ID":"ID"}}"#,
                true,
            ),
            (
                r#"{"Type":"network","Action":"disconnect","Actor":{"ID":"n","Attributes":{"container":"ID"}}}"#,
                true,
            ),
            (
                r#"{"Type":"network","Action":"connect","Actor":{"ID":"n","Attributes":{"container":"ID"}}}"#,
                false,
            ),
            (
                r#"{"Type":"container","Action":"start","Actor":{"ID":"ID"}}"#,
                false,
            ),
            (
                r#"{"Type":"volume","Action":"die","Actor":{"ID":"ID"}}"#,
                false,
            ),
        ] {
            let (pinned, state) = (Arc::<Pinned>::default(), Arc::<RequestState>::default());
            let a = container("a");
            let _entered = pinned.enter(&state, Some(&a), pinned.now());
            let (text, mut line) = (
                event.replace("\"ID\"}", &format!("\"{}\"}}", a.id)) + "\n",
                Vec::new(),
            );
            for part in text.as_bytes().chunks(7) {
                assert!(!state.has_left.is_set(), "{event}");
                pinned.read(part, &mut line);
            }
            assert_eq!(state.has_left.is_set(), is_concerned, "{event}");
        }
    }
}
