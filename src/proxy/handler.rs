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
mod forward;
mod prepare;
pub(crate) mod reply;
mod stage;

use std::sync::{Arc, Mutex};

use super::budget::Share;
use super::request_state::RequestState;
use super::shared::Shared;
use super::tunnel::Tunnel;
use super::upstream::Upstream;
use crate::net::client::Client;

/// Handles the requests of one client's connection.
pub(crate) struct Handler {
    shared: Arc<Shared>,
    client: Client,
    share: Share,
    state: Arc<RequestState>,
    /// The connection to the daemon, driven by the connection's task.
    pub(super) upstream: Upstream,
    /// Refuses every request, because the client has too many connections.
    is_over_limit: bool,
    /// An allowed hijack, for the connection to run.
    pub(super) tunnel: Mutex<Option<Tunnel>>,
}

impl Handler {
    pub(crate) fn new(
        shared: Arc<Shared>,
        client: Client,
        state: Arc<RequestState>,
        is_over_limit: bool,
    ) -> Self {
        Self {
            share: shared.budget.share_of(client.key),
            upstream: Upstream::new(Arc::clone(&shared.daemon)),
            shared,
            client,
            state,
            is_over_limit,
            tunnel: Mutex::default(),
        }
    }
}
