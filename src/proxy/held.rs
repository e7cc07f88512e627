//! Names that may not change while requests that depend on them are being sent.
//!
//! Any number of requests can depend on a name at the same time; a request that creates, changes or
//! removes it has it exclusively. Names are held from before the last lookups until the head of the
//! daemon's reply. Nothing in between waits for a client, so none can hold a name for long.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::policy::names::{Name, Names};
use crate::policy::{Denial, Reason};
use crate::sync::lock;

/// The names that are held now, by all clients of a daemon.
#[derive(Debug, Default)]
pub(crate) struct HeldNames(Mutex<BTreeMap<Name, Weak<RwLock<()>>>>);

/// The names that one request holds; dropping this releases them.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    shared: Vec<OwnedRwLockReadGuard<()>>,
    own: Vec<OwnedRwLockWriteGuard<()>>,
}

/// How long a request waits for the names that it needs.
const LIMIT: Duration = Duration::from_secs(10);

impl HeldNames {
    /// Waits until these names can be held. All requests take them in the same order, so no two wait
    /// for each other. Fails if others hold them for too long, which only the daemon can cause.
    pub(crate) async fn hold(&self, names: &Names) -> Result<Hold, Denial> {
        let shared = names.rests_on.iter().map(|name| (name, false));
        let mut wanted: Vec<_> = shared
            .chain(names.changes.iter().map(|name| (name, true)))
            .collect();
        // If a name is in both lists, the exclusive hold comes last and is kept.
        wanted.sort_unstable();
        wanted.reverse();
        wanted.dedup_by_key(|(name, _)| *name);
        self.forget_unused();
        let holding = async {
            let mut hold = Hold::default();
            for (name, is_own) in wanted {
                let lock = self.lock_of(name);
                if is_own {
                    hold.own.push(lock.write_owned().await);
                } else {
                    hold.shared.push(lock.read_owned().await);
                }
            }
            hold
        };
        let held = tokio::time::timeout(LIMIT, holding).await;
        held.map_err(|_| {
            let message =
                "another request is still changing what one of these names refers to: try again";
            Denial::new(Reason::NameInUse, message)
        })
    }

    /// Forgets the names that are no longer held. Once for all names of a request, because one body can have
    /// thousands.
    fn forget_unused(&self) {
        let mut locks = lock(&self.0);
        locks.retain(|_, lock| lock.strong_count() > 0);
    }

    fn lock_of(&self, name: &Name) -> Arc<RwLock<()>> {
        let mut locks = lock(&self.0);
        if let Some(lock) = locks.get(name).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::new(RwLock::new(()));
        locks.insert(name.clone(), Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::FutureExt;
    use tokio::task::JoinSet;

    use super::*;
    use crate::docker::Object;

    fn names(rests_on: &[&str], changes: &[&str]) -> Names {
        let name = |name: &&str| Name {
            kind: Object::Container,
            name: (*name).to_owned(),
        };
        Names {
            rests_on: rests_on.iter().map(name).collect(),
            changes: changes.iter().map(name).collect(),
        }
    }

    #[tokio::test]
    async fn a_name_that_a_request_depends_on_cannot_be_changed_by_another() {
        let held = HeldNames::default();
        let (rests, changes) = (names(&["base"], &["web"]), names(&[], &["base"]));
        let other = names(&[], &["other"]);
        let first = held.hold(&rests).await.unwrap();
        let shared = names(&["base"], &[]);
        assert!(
            held.hold(&shared).now_or_never().is_some(),
            "both rest on it"
        );
        assert!(held.hold(&other).now_or_never().is_some(), "another name");
        assert!(
            held.hold(&changes).now_or_never().is_none(),
            "S2: it is held"
        );
        let mut waiting = Box::pin(held.hold(&changes));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(first);
        let changing = waiting.await.unwrap();
        assert!(
            held.hold(&rests).now_or_never().is_none(),
            "S2: it is changed"
        );
        drop(changing);
        assert!(held.hold(&rests).now_or_never().is_some());
    }

    #[tokio::test]
    async fn requests_that_want_the_same_names_never_wait_for_each_other() {
        let held = Arc::new(HeldNames::default());
        let both = [
            names(&["a"], &["b"]),
            names(&["b"], &["a"]),
            names(&["a", "a"], &["a", "b"]),
        ];
        let mut tasks = JoinSet::new();
        for names in both.iter().cycle().take(300) {
            let (held, names) = (Arc::clone(&held), names.clone());
            tasks.spawn(async move {
                let its_own = held.hold(&names).await.unwrap();
                tokio::task::yield_now().await;
                drop(its_own);
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        assert!(held.0.lock().unwrap().len() <= 2, "nothing is kept");
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_a_name_has_a_limit() {
        let held = HeldNames::default();
        let names = names(&[], &["a"]);
        let _first = held.hold(&names).await.unwrap();
        let denial = held.hold(&names).await.unwrap_err();
        assert_eq!(denial.reason, Reason::NameInUse);
    }
}
