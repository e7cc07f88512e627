//! How many connections each client has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::net::client::ClientKey;
use crate::sync::lock;

/// The open connections of each client.
#[derive(Debug)]
pub(crate) struct Counts {
    open: Mutex<HashMap<ClientKey, usize>>,
    /// How many each may have, unless its own limit says otherwise.
    pub(crate) limit: usize,
}

/// One connection, which counts until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    clients: Arc<Counts>,
    client: ClientKey,
    /// How many the client has, including this one.
    count: usize,
}

/// How many connections over its limit a client may have to get an error reply. They last no longer than a head may
/// take.
const ANSWERED: usize = 8;

impl Counts {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            open: Mutex::default(),
            limit,
        }
    }

    pub(crate) fn enter(self: &Arc<Self>, client: ClientKey) -> Counted {
        let mut open = lock(&self.open);
        let count = open.entry(client.clone()).or_default();
        *count += 1;
        Counted {
            clients: Arc::clone(self),
            client,
            count: *count,
        }
    }
}

impl Counted {
    /// Whether the client had as many as it may have before this one.
    pub(crate) fn is_over(&self, limit: usize) -> bool {
        self.count > limit
    }

    /// Whether it is so far beyond that it is not even told.
    pub(crate) fn is_flood(&self, limit: usize) -> bool {
        self.count > limit + ANSWERED
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = lock(&self.clients.open);
        if let Some(count) = open.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn counts_each_client_by_itself_and_forgets_those_that_left() {
        let clients = Arc::new(Counts::new(2));
        let client = |number| ClientKey::Address(IpAddr::from([10, 0, 0, number]));
        let (one, other) = (client(1), client(2));
        let first = clients.enter(one.clone());
        let second = clients.enter(one.clone());
        assert!(!first.is_over(2) && !second.is_over(2));
        assert!(clients.enter(one.clone()).is_over(2), "the third");
        assert!(!clients.enter(other).is_over(2), "of another client");
        drop(second);
        assert!(!clients.enter(one).is_over(2), "after one left");
        drop(first);
        assert!(lock(&clients.open).is_empty());
    }
}
