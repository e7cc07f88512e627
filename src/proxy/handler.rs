//! One request, from its head to its reply.
//!
//! ```text
//! the guard's head
//!   │ admit        may the client ask anything, from where it asks?        ─► refuse
//!   │              which operation is it, under which API version?
//!   │ decide       evaluate it ◄──────────────────┐                        ─► refuse
//!   │ prepare      what is missing: the body, ────┘
//!   │              `begin` in the record, the daemon's connection, answers
//!   │ forward      send it, with a permit                                  ─► refuse
//!   ▼
//! reply            pass it on, or hijack the connection
//! ```
//!
//! Every arrow to the right is one of Dockgate's own replies. All of them are made in [`reply`].

mod admit;
mod decide;
mod filtered;
mod forward;
mod prepare;
pub(crate) mod reply;
mod stage;

use std::sync::{Arc, Mutex};

use super::budget::Share;
use super::request_state::RequestState;
use super::shared::Shared;
use super::standing::Standing;
use super::tunnel::Tunnel;
use super::upstream::Upstream;

/// Handles the requests of one client's connection.
pub(crate) struct Handler {
    shared: Arc<Shared>,
    standing: Arc<Standing>,
    share: Share,
    state: Arc<RequestState>,
    /// The connection to the daemon, driven by the connection's task.
    pub(super) upstream: Upstream,
    /// An allowed hijack, for the connection to run.
    pub(super) tunnel: Mutex<Option<Tunnel>>,
}

impl Handler {
    pub(crate) fn new(standing: Arc<Standing>) -> Self {
        let shared = Arc::clone(&standing.shared);
        Self {
            share: shared.budget.share_of(standing.client.key.clone()),
            upstream: Upstream::new(Arc::clone(&shared.daemon)),
            shared,
            state: Arc::clone(&standing.state),
            standing,
            tunnel: Mutex::default(),
        }
    }
}
