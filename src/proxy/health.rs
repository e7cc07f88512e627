//! The health check's own requests.

use http::header::USER_AGENT;

use super::head::Head;
use crate::docker::{Call, Operation};
use crate::net::client::Client;

/// The `User-Agent` of the health check when it asks a listener.
pub(crate) const HEALTH_AGENT: &str = "dockgate-healthcheck";

/// Whether a request is the health check's own ping, which is not recorded. By pretending to be the
/// health check, a client on this host could only hide pings.
pub(crate) fn is_health_check(call: &Call, head: &Head, client: &Client) -> bool {
    let mut agents = head.crossing.iter().filter(|(name, _)| *name == USER_AGENT);
    call.operation() == Some(Operation::SystemPing)
        && !head.has_body()
        && agents
            .next()
            .is_some_and(|(_, agent)| agent == HEALTH_AGENT)
        && client.is_local
}
