//! What may be held in memory for judging: bodies that are read before they are sent, and answers to
//! lookups, in bytes.
//!
//! There is one budget for all, and each client has a share of it, so that no client takes what the
//! others need. Both are taken from as bytes come in, and given back when what they were taken for is
//! dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::policy::{Denial, Reason};

/// The budget of all clients together, in bytes.
pub const BUDGET: usize = 16 * 1024 * 1024;
/// The part of it that is one client's share, unless one body may be longer.
const PARTS: usize = 4;

/// The budget, and the shares of those clients that are connected.
#[derive(Debug)]
pub struct Budget {
    all: Arc<Semaphore>,
    share: usize,
    shares: Mutex<HashMap<Box<str>, Weak<Semaphore>>>,
}

/// One client's share.
#[derive(Clone, Debug)]
pub struct Share {
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

/// Bytes that were taken, until they are dropped.
#[derive(Debug, Default)]
pub struct Taken(Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>);

impl Budget {
    /// A budget of which each client's share has room for a body of this length.
    #[must_use]
    pub fn new(body_bytes: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(BUDGET)),
            share: body_bytes.clamp(BUDGET / PARTS, BUDGET),
            shares: Mutex::default(),
        }
    }

    /// The share of a client, by its address and port, or `-` for all that come to a unix socket.
    #[must_use]
    pub fn share_of(&self, client: &str) -> Share {
        let host = client.rsplit_once(':').map_or(client, |(host, _)| host);
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = shares.get(host).and_then(Weak::upgrade);
        let own = kept.unwrap_or_else(|| {
            shares.retain(|_, share| share.strong_count() > 0);
            let own = Arc::new(Semaphore::new(self.share));
            shares.insert(host.into(), Arc::downgrade(&own));
            own
        });
        Share {
            all: Arc::clone(&self.all),
            own,
        }
    }
}

impl Share {
    /// Takes more for what already has some.
    ///
    /// # Errors
    ///
    /// The client's share is used up, or the budget of all.
    pub fn take(&self, bytes: usize, taken: &mut Taken) -> Result<(), Denial> {
        let count = u32::try_from(bytes).unwrap_or(u32::MAX);
        let take = |of: &Arc<Semaphore>| Arc::clone(of).try_acquire_many_owned(count);
        let more = take(&self.own).and_then(|own| Ok((own, take(&self.all)?)));
        let (own, all) = more.map_err(|_| {
            let message =
                "too much is being read for this client or for all at the moment: try again";
            Denial::new(Reason::TooManyBodies, message)
        })?;
        match &mut taken.0 {
            Some((has_own, has_all)) => {
                has_own.merge(own);
                has_all.merge(all);
            }
            None => taken.0 = Some((own, all)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_never_takes_what_the_others_need() {
        const SHARE: usize = BUDGET / PARTS;
        let budget = Budget::new(1024);
        let (one, again) = (budget.share_of("10.0.0.1:1"), budget.share_of("10.0.0.1:2"));
        let other = budget.share_of("10.0.0.2:1");
        let (mut first, mut second, mut third) =
            (Taken::default(), Taken::default(), Taken::default());
        one.take(SHARE - 1, &mut first).unwrap();
        again.take(1, &mut second).unwrap();
        assert!(again.take(1, &mut second).is_err(), "S14: the same client");
        other.take(SHARE, &mut third).unwrap();
        drop(first);
        again.take(SHARE - 1, &mut second).unwrap();
        drop((second, third));
        let all: Vec<_> = (0..4)
            .map(|number| {
                let mut taken = Taken::default();
                let share = budget.share_of(&format!("[::{number}]:1"));
                share.take(SHARE, &mut taken).unwrap();
                taken
            })
            .collect();
        let mut more = Taken::default();
        assert!(other.take(1, &mut more).is_err(), "the budget of all");
        drop(all);
        assert!(other.take(1, &mut more).is_ok());
        let large = Budget::new(SHARE + 1).share_of("-");
        let mut body = Taken::default();
        assert!(large.take(SHARE + 1, &mut body).is_ok(), "a long body");
    }

    #[test]
    fn shares_of_clients_that_left_are_forgotten() {
        let budget = Budget::new(1024);
        for number in 0..100 {
            drop(budget.share_of(&format!("10.0.0.{number}:1")));
        }
        assert!(budget.shares.lock().unwrap().len() <= 1);
    }
}
