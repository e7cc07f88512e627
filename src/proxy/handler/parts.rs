//! What the steps of a request's handling have in common.

use std::sync::{Arc, Mutex};

use crate::net::client::Client;
use crate::proxy::budget::Share;
use crate::proxy::request_state::RequestState;
use crate::proxy::shared::Shared;
use crate::proxy::tunnel::Tunnel;
use crate::proxy::upstream::Upstream;
use crate::sync::lock;

/// Handles the requests of one client's connection.
pub(crate) struct Handler {
    pub(super) shared: Arc<Shared>,
    pub(super) client: Client,
    pub(super) share: Share,
    pub(super) state: Arc<RequestState>,
    /// The way to the daemon, driven by the connection's task.
    pub(in crate::proxy) upstream: Upstream,
    /// Refuses every request, as the client has too many connections.
    pub(super) is_over_limit: bool,
    /// A hijack that was granted, for the connection to run.
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

    /// Takes the hijack that is to be run, if one was granted.
    pub(crate) fn take_tunnel(&self) -> Option<Tunnel> {
        lock(&self.tunnel).take()
    }
}
