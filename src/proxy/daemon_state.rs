//! What Dockgate learns about the daemon and its containers while it runs: which container is its own,
//! whether the engine may get compressed uploads, and which containers were removed recently.
//!
//! If a decision needs something that is not known yet, Dockgate asks the daemon. Until it knows, nothing
//! is sent that depends on it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::ask;
use super::budget::{Share, Taken};
use super::daemon::Daemon;
use super::engine::Engine;
use super::held::HeldNames;
use crate::audit::Record;
use crate::docker::ApiVersion;
use crate::docker::json::parsed_size;
use crate::policy::answers::NamedImage;
use crate::policy::objects::Container;
use crate::policy::permit::Probe;
use crate::policy::{Answer, Denial, Lookup, SelfContainer};
use crate::privileges::container::Candidates;
use crate::sync::lock;

/// What is known besides the settings.
#[derive(Debug, Default)]
pub(crate) struct DaemonState {
    pub(crate) candidates: Candidates,
    own: OnceCell<Option<SelfContainer>>,
    engine: OnceCell<Engine>,
    least_api_version: Mutex<Option<ApiVersion>>,
    pub(crate) recently_removed: RecentlyRemoved,
    /// The names that current requests depend on.
    pub(crate) names: HeldNames,
    pub(crate) moved: Moved,
    /// The images that were pulled through policies that limit which images exist for the client.
    pub(crate) pulled: Moved,
}

impl DaemonState {
    pub(crate) fn new(candidates: Candidates) -> Self {
        Self {
            candidates,
            ..Self::default()
        }
    }

    /// Dockgate's own container; asks the daemon if it is not known yet. `None` if the daemon does
    /// not have it.
    pub(crate) async fn own(&self, daemon: &Arc<Daemon>) -> Result<Option<&SelfContainer>, Denial> {
        let found = self.own.get_or_try_init(|| find(daemon, &self.candidates));
        found.await.map(Option::as_ref)
    }

    /// The names that images got from an owner.
    pub(crate) fn named(&self, owner: &str) -> Answer {
        let moved = self.moved.of_owner(owner, false);
        let named = moved.into_iter().chain(self.pulled.of_owner(owner, true));
        Answer::Named(named.collect())
    }

    /// The daemon's type and version; asks the daemon if they are not known yet.
    pub(crate) async fn engine(&self, daemon: &Arc<Daemon>) -> Result<&Engine, Denial> {
        let asking = || async { Ok(Engine::parse(&ask::probe(daemon, Probe::Version).await?)) };
        self.engine.get_or_try_init(asking).await
    }

    /// The oldest API version that the daemon accepts; asks the daemon if it is not known yet.
    pub(crate) async fn least_api_version(
        &self,
        daemon: &Arc<Daemon>,
    ) -> Result<ApiVersion, Denial> {
        if let Some(least) = *lock(&self.least_api_version) {
            return Ok(least);
        }
        let engine = Engine::parse(&ask::probe(daemon, Probe::Version).await?);
        let least = engine.least_api_version().unwrap_or(ApiVersion::LEAST);
        *lock(&self.least_api_version) = Some(least);
        Ok(least)
    }

    /// Checks the daemon's message in a reply with the status 400. If it rejects the client's API version,
    /// Dockgate will ask again which version it accepts, because the daemon may have been updated, and the
    /// record says what would help.
    pub(crate) fn heed(&self, said: &[u8], record: &mut Record) {
        if !said.starts_with(CLIENT_VERSION) {
            return;
        }
        *lock(&self.least_api_version) = None;
        let is_too_old = String::from_utf8_lossy(said).contains(" is too old");
        if is_too_old && record.detail.is_none() {
            record.detail = Some(HELP.to_owned());
        }
    }
}

/// How the daemon's message begins if it does not accept a version.
const CLIENT_VERSION: &[u8] = br#"{"message":"client version "#;

/// What helps if the daemon says that a version is too old.
const HELP: &str = "the client's API version is too old for the daemon; set lift_api_version = true to send such requests \
    with the oldest version that the daemon accepts, or use a newer client";

async fn find(daemon: &Arc<Daemon>, known: &Candidates) -> Result<Option<SelfContainer>, Denial> {
    for name in known.names() {
        let lookup = Lookup::Container(name.to_owned());
        if let Some(Answer::Container(found)) = ask::look_up_alone(daemon, &lookup).await?
            // Another container could have this as its name.
            && found.id.starts_with(name)
        {
            return Ok(Some(SelfContainer::of(&found, daemon.address.socket())));
        }
    }
    Ok(None)
}

/// The image names that were set through Dockgate, so that the same policy may set them on other
/// images. They are forgotten when the process ends; an image that was built through a policy records
/// its own name in a label.
#[derive(Debug, Default)]
pub(crate) struct Moved(Mutex<VecDeque<(Lookup, Arc<str>)>>);

fn owner_of(named: &Lookup) -> Option<&str> {
    if let Lookup::Moved { owner, .. } = named {
        Some(owner)
    } else {
        None
    }
}

/// The most names to remember for one owner.
const MOST_NAMES: usize = 4096;

impl Moved {
    pub(crate) fn remember(&self, (name, image): (Lookup, Arc<str>)) {
        let mut kept = lock(&self.0);
        kept.retain(|(named, _)| *named != name);
        // One client does not make Dockgate forget the names of another.
        let is_of_same = |(named, _): &(Lookup, _)| owner_of(named) == owner_of(&name);
        if kept.iter().filter(|it| is_of_same(it)).count() == MOST_NAMES {
            let oldest = kept.iter().position(is_of_same);
            oldest.and_then(|oldest| kept.remove(oldest));
        }
        kept.push_back((name, image));
    }

    fn of_owner(&self, owner: &str, is_pulled: bool) -> Vec<NamedImage> {
        let kept = lock(&self.0);
        let named = kept.iter().filter_map(|(named, image)| {
            let Lookup::Moved { owner: of, name } = named else {
                return None;
            };
            (of == owner).then(|| NamedImage {
                name: name.clone(),
                id: Arc::clone(image),
                is_pulled,
            })
        });
        named.collect()
    }

    /// The image that got a name.
    pub(crate) fn of(&self, name: &Lookup) -> Answer {
        let kept = lock(&self.0);
        let found = kept.iter().find(|(named, _)| named == name);
        found.map_or(Answer::Missing, |(_, image)| {
            Answer::Text(Arc::clone(image))
        })
    }
}

/// Containers that were removed, to recognize their replacements.
#[derive(Debug, Default)]
pub(crate) struct RecentlyRemoved(Mutex<VecDeque<Predecessor>>);

/// A container that was removed.
#[derive(Debug)]
struct Predecessor {
    since: Instant,
    container: Arc<Container>,
    /// The length of its text, in bytes.
    length: usize,
    /// The memory that it takes from the share of the client that removed it.
    taken: Taken,
}

/// How long a removed container can be replaced. Updaters remove several containers before they create
/// the first one again.
const KEPT: Duration = Duration::from_mins(15);
/// The most containers to remember for one client. Together they take at most half of its share.
const MOST: usize = 256;
/// The largest container to remember, by the size of its inspection in bytes; most have a few thousand.
/// Anyone who can create containers can create large ones.
const MOST_BYTES: usize = 64 * 1024;

impl RecentlyRemoved {
    /// Remembers a removed container in its last two states: an updater inspects it once, and stopping it
    /// then removes its addresses.
    pub(crate) fn remember(&self, container: &Arc<Container>, share: &Share) {
        let mut text = String::new();
        for part in [
            &container.config,
            &container.host_config,
            &container.mounts,
            &container.networks,
        ] {
            part.render(&mut text);
        }
        if text.len() > MOST_BYTES {
            return;
        }
        let size = parsed_size(text.as_bytes(), usize::MAX);
        let mut kept = lock(&self.0);
        kept.retain(|kept| {
            let old = &kept.container;
            let is_other = old.name != container.name;
            let is_earlier_state = old.id == container.id && old != container;
            kept.since.elapsed() < KEPT && (is_other || is_earlier_state)
        });
        make_room(&mut kept, size, share);
        let mut taken = share.nothing();
        if taken.take(size).is_ok() {
            kept.push_back(Predecessor {
                since: Instant::now(),
                container: Arc::clone(container),
                length: text.len(),
                taken,
            });
        }
    }

    /// The container with this name that was removed last, in each remembered state; without a name, all
    /// containers. Also returns the length of their texts, in bytes.
    pub(crate) fn of(&self, name: &str) -> (Answer, usize) {
        let kept = lock(&self.0);
        let is_it = |old: &Container| name.is_empty() || old.name == name;
        let found = kept
            .iter()
            .filter(|kept| kept.since.elapsed() < KEPT && is_it(&kept.container));
        let (mut containers, mut length) = (Vec::new(), 0);
        for kept in found {
            containers.push(Arc::clone(&kept.container));
            length += kept.length;
        }
        (Answer::Containers(containers), length)
    }
}

/// Forgets the oldest of a client's containers until one more of this size fits. Other clients' containers
/// stay.
fn make_room(kept: &mut VecDeque<Predecessor>, size: usize, share: &Share) {
    let is_own = |kept: &Predecessor| kept.taken.share.client == share.client;
    let own = || kept.iter().filter(|kept| is_own(kept));
    let (mut count, mut bytes) = (
        own().count(),
        own().map(|kept| kept.taken.bytes).sum::<usize>(),
    );
    kept.retain(|kept| {
        let is_too_much = count >= MOST || bytes + size > share.size() / 2;
        if is_own(kept) && is_too_much {
            count -= 1;
            bytes -= kept.taken.bytes;
            return false;
        }
        true
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::client::ClientKey;
    use crate::proxy::budget::Budget;

    fn container(id: &str, name: &str, label: &str) -> Arc<Container> {
        let id = id.repeat(64);
        let text = format!(
            r#"{{"Id":"{id}","Name":"/{name}","Config":{{"Labels":{{"a":"{label}"}}}},"HostConfig":{{}},"Mounts":[]}}"#
        );
        Arc::new(Container::parse(text.as_bytes()).unwrap())
    }

    fn share(user: u32) -> Share {
        Arc::new(Budget::new(0)).share_of(ClientKey::User(user))
    }

    fn count(of: &RecentlyRemoved, name: &str) -> usize {
        let (Answer::Containers(found), length) = of.of(name) else {
            panic!("{name}");
        };
        assert_eq!(length > 0, !found.is_empty(), "{name}: {length} bytes");
        found.len()
    }

    #[test]
    fn remembers_each_state_of_the_last_container_of_a_name_within_bounds() {
        let (kept, share) = (RecentlyRemoved::default(), share(1));
        kept.remember(&container("a", "web", "running"), &share);
        kept.remember(&container("a", "web", "stopped"), &share);
        kept.remember(&container("a", "web", "stopped"), &share);
        assert_eq!(count(&kept, "web"), 2, "two states of one");
        kept.remember(&container("b", "web", "new"), &share);
        assert_eq!(
            (count(&kept, "web"), count(&kept, "")),
            (1, 1),
            "another of the name"
        );
        kept.remember(&container("c", "large", &"x".repeat(MOST_BYTES)), &share);
        assert_eq!(count(&kept, "large"), 0, "too large");
        for number in 0..=MOST {
            kept.remember(&container("d", &format!("n{number}"), ""), &share);
        }
        assert_eq!(
            (count(&kept, ""), count(&kept, "web")),
            (MOST, 0),
            "the oldest goes"
        );
    }
    #[test]
    fn s14_one_client_cannot_evict_others_containers_and_keeps_half_its_share() {
        let kept = RecentlyRemoved::default();
        let budget = Arc::new(Budget::new(0));
        let [one, other] = [1, 2].map(|user| budget.share_of(ClientKey::User(user)));
        kept.remember(&container("a", "web", ""), &one);
        let large = "x".repeat(MOST_BYTES - 100);
        for number in 0..2 * MOST {
            kept.remember(&container("b", &format!("n{number}"), &large), &other);
        }
        assert_eq!(count(&kept, "web"), 1, "of another client");
        let latest = format!("n{}", 2 * MOST - 1);
        assert_eq!((count(&kept, "n0"), count(&kept, &latest)), (0, 1));
        other.nothing().take(other.size() / 2).unwrap();
        drop(kept);
        other.nothing().take(other.size()).unwrap();
    }
}
