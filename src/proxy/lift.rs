//! Requests under an API version that the daemon takes no more, as old clients send them.
//!
//! Where the settings say so, such a request is judged and sent under the least version that the daemon
//! takes: by then it means what that version says. Otherwise the daemon refuses it, and the record
//! [says](super::surroundings::Surroundings::heed) what would help.

use super::stage::Stage;
use super::{Handler, ListenerRules};
use crate::docker::{ApiVersion, Call};
use crate::policy::Denial;

impl Handler {
    /// Lifts a call to the least version that the daemon takes, if its own is older and it may be allowed;
    /// returns the older. Podman's own API counts apart.
    pub(super) async fn lift(
        &self,
        stage: &mut Stage,
        listener_rules: &ListenerRules,
        call: &mut Call,
    ) -> Result<Option<ApiVersion>, Denial> {
        let may_be_sent =
            listener_rules.rules.is_observed() || listener_rules.rules.may_allow(call);
        let Some(from) = call
            .version
            .filter(|_| may_be_sent && call.operation().is_some())
        else {
            return Ok(None);
        };
        let shared = &self.shared;
        let least = shared
            .daemon_state
            .least_api_version(&shared.daemon)
            .await?;
        if from >= least {
            return Ok(None);
        }
        stage.lifted_to = Some(least);
        call.version = stage.lifted_to;
        Ok(Some(from))
    }
}
