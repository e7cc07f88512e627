//! The memory for checking requests: bodies that are read before they are sent, the answers to lookups,
//! what both take after parsing, and the remembered containers.
//!
//! All clients share one budget. Memory is taken from it as bytes arrive, and given back when the data is
//! dropped. A client may hold at most its share, and at most what it leaves for others, so that neither one
//! client nor several together can take what the others need.
//!
//! The same holds for the time that checking takes: one long request of a client is checked at a time, so that others
//! get their turn after one of it, however many connections it has.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::net::client::ClientKey;
use crate::policy::{Denial, Reason};
use crate::sync::lock;

/// The smallest share, in bytes: room for the longest answer to a lookup.
const LEAST_SHARE: usize = 8 * 1024 * 1024;
const SHARES: usize = 4;

/// From this length, in bytes, a body or an answer is checked only when it is the client's turn. A body of 1 MiB takes
/// some milliseconds to check, and a client can send a lot of them at once. One of 16 KiB takes some tens of
/// microseconds, less than the rest of a request, and at most about a millisecond, if it consists of short values: a
/// turn would cost more than it protects.
const LONG: usize = 16 * 1024;

#[derive(Debug)]
pub(crate) struct Budget {
    /// The most that one client may hold.
    share: usize,
    held: Mutex<Held>,
    /// The turn of each client that has a connection.
    turns: Mutex<BTreeMap<ClientKey, Weak<Semaphore>>>,
}

/// The bytes that are held now.
#[derive(Debug, Default)]
struct Held {
    all: usize,
    by_client: BTreeMap<ClientKey, usize>,
}

/// One client's share of the budget.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    pub(super) client: ClientKey,
    turn: Arc<Semaphore>,
}

/// Bytes that were taken from a share; dropping this gives them back.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(super) share: Share,
    pub(super) bytes: usize,
}

impl Budget {
    /// A budget in which each share has room for a body of this length: read, parsed and rendered.
    pub(crate) fn new(body_bytes: usize) -> Self {
        Self {
            share: LEAST_SHARE.max(body_bytes / 2 * 5),
            held: Mutex::default(),
            turns: Mutex::default(),
        }
    }

    pub(crate) fn share_of(self: &Arc<Self>, client: ClientKey) -> Share {
        let mut turns = lock(&self.turns);
        let known = turns.get(&client).and_then(Weak::upgrade);
        let turn = known.unwrap_or_else(|| {
            // Those of clients that left.
            turns.retain(|_, turn| turn.strong_count() > 0);
            let turn = Arc::new(Semaphore::new(1));
            turns.insert(client.clone(), Arc::downgrade(&turn));
            turn
        });
        Share {
            budget: Arc::clone(self),
            client,
            turn,
        }
    }
}

impl Share {
    pub(crate) fn size(&self) -> usize {
        self.budget.share
    }

    /// Waits until no other long request of the client is being checked, if this one is long: its length is that of
    /// everything that is checked now, in bytes. Dropping it ends the turn.
    pub(crate) async fn turn(&self, length: usize) -> Option<SemaphorePermit<'_>> {
        if length < LONG {
            return None;
        }
        // It is never closed.
        self.turn.acquire().await.ok()
    }

    pub(crate) fn nothing(&self) -> Taken {
        Taken {
            share: self.clone(),
            bytes: 0,
        }
    }
}

impl Taken {
    /// Takes more, unless the client already holds its share or too little would be left for
    /// others.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), Denial> {
        let budget = &self.share.budget;
        let mut held = lock(&budget.held);
        let by_client = held.by_client.get(&self.share.client).copied();
        let own = by_client.unwrap_or_default().saturating_add(bytes);
        let all = held.all.saturating_add(bytes);
        if own > budget.share {
            return Err(full(
                "this client's requests use all the memory that one client may use: try again after one of them is answered",
            ));
        }
        if own > (budget.share * SHARES).saturating_sub(all) {
            return Err(full(
                "the requests of all clients together use too much memory now: try again",
            ));
        }
        held.all = all;
        match held.by_client.get_mut(&self.share.client) {
            Some(known) => *known = own,
            None => _ = held.by_client.insert(self.share.client.clone(), own),
        }
        self.bytes += bytes;
        Ok(())
    }

    pub(crate) fn give_back(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        let mut held = lock(&self.share.budget.held);
        held.all -= bytes;
        if let Some(own) = held.by_client.get_mut(&self.share.client) {
            *own -= bytes;
            if *own == 0 {
                held.by_client.remove(&self.share.client);
            }
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

fn full(message: &str) -> Denial {
    Denial::new(Reason::TooManyBodies, message)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use futures_util::FutureExt;

    use super::*;

    fn client(number: u8) -> ClientKey {
        ClientKey::Address(IpAddr::from([10, 0, 0, number]))
    }

    #[test]
    fn s14_one_client_never_takes_what_the_others_need() {
        let budget = Arc::new(Budget::new(1024));
        let (one, other) = (budget.share_of(client(1)), budget.share_of(client(2)));
        let (mut first, mut second) = (one.nothing(), budget.share_of(client(1)).nothing());
        first.take(one.size() - 1).unwrap();
        second.take(1).unwrap();
        assert!(second.take(1).is_err(), "the same client");
        let mut third = other.nothing();
        third.take(other.size()).unwrap();
        let mut on_unix = budget.share_of(ClientKey::User(1)).nothing();
        on_unix.take(one.size()).unwrap();
        drop(first);
        second.take(one.size() - 1).unwrap();
        second.give_back(2);
        second.give_back(usize::MAX);
        second.take(one.size()).unwrap();
        assert!(second.take(usize::MAX).is_err(), "no overflow");
    }

    #[test]
    fn s14_many_clients_together_leave_room_for_others() {
        let budget = Arc::new(Budget::new(1024));
        let greedy: Vec<_> = (0..12)
            .map(|number| {
                let mut taken = budget.share_of(client(number)).nothing();
                while taken.take(1024).is_ok() {}
                taken
            })
            .collect();
        let mut late = budget.share_of(client(100)).nothing();
        late.take(2048).unwrap();
        let mut first = budget.share_of(client(0)).nothing();
        assert!(first.take(1).is_err(), "one that has its share already");
        drop((greedy, late, first));
        let held = lock(&budget.held);
        assert_eq!(
            (held.all, held.by_client.len()),
            (0, 0),
            "all is given back"
        );
    }

    #[test]
    fn one_long_request_of_a_client_is_checked_at_a_time_and_others_do_not_wait() {
        let budget = Arc::new(Budget::new(0));
        let (one, again) = (budget.share_of(client(1)), budget.share_of(client(1)));
        let other = budget.share_of(client(2));
        let turn = one.turn(LONG).now_or_never().flatten();
        assert!(turn.is_some(), "a long one takes a turn");
        let waits = |share: &Share, length| share.turn(length).now_or_never().is_none();
        assert!(waits(&again, LONG), "of the same client");
        assert!(!waits(&again, LONG - 1), "a short one");
        assert!(!waits(&other, LONG), "of another");
        drop(turn);
        let takes = |length| one.turn(length).now_or_never().flatten().is_some();
        assert!(takes(LONG) && !takes(LONG - 1), "a short one takes no turn");
        assert!(!waits(&again, LONG), "its turn");
        drop((one, again));
        budget.share_of(client(3));
        assert_eq!(
            lock(&budget.turns).len(),
            2,
            "those that left are forgotten"
        );
    }

    #[test]
    fn a_share_has_room_for_the_longest_body_and_the_longest_answer() {
        for body in [1024, 1 << 20, 16 << 20] {
            let budget = Arc::new(Budget::new(body));
            let mut taken = budget.share_of(client(1)).nothing();
            taken
                .take(2 * body + (4 << 20) * usize::from(body <= 1 << 20))
                .unwrap();
        }
    }
}
