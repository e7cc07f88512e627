//! Whether a client may send requests at all, and which call it sends.

use super::Handler;
use super::stage::Stage;
use crate::audit::Entry;
use crate::config::Admission;
use crate::docker::{ApiVersion, Call, Target, Unclassified, classify};
use crate::policy::Denial;
use crate::proxy::head::{BadHead, Head};
use crate::proxy::health::is_health_check;
use crate::proxy::shared::ListenerRules;

impl Handler {
    /// The call for a request's head.
    pub(super) async fn admit(
        &self,
        entry: &mut Entry,
        stage: &mut Stage,
        listener_rules: &ListenerRules,
    ) -> Result<Call, Denial> {
        let admission = &listener_rules.admission;
        if let Some(denial) = &self.standing.barred {
            if let Ok(call) = understand(&stage.head, admission, None) {
                entry.record.understood(&call);
                let client = &self.standing.client;
                entry.record.is_left_out = is_health_check(&call, &stage.head, client);
            }
            return Err(denial.clone());
        }
        if self.state.draining.is_set() {
            return Err(Denial::from(&BadHead::Draining));
        }
        admission.check(&stage.head, self.shared.on_loopback)?;
        let mut call = match understand(&stage.head, admission, None) {
            Ok(call) => call,
            Err(denial) => {
                let asked = (&*stage.head.method, &*stage.head.target);
                let rules = self.standing.rules(listener_rules)?;
                let (denial, absent) = rules.answer_absent(asked, admission.api_min, denial);
                if let Some(absent) = absent {
                    entry.record.is_about_absent(&absent);
                }
                return Err(denial);
            }
        };
        entry.record.understood(&call);
        if admission.lifts_api_version
            && let Some(from) = Box::pin(self.lift(stage, listener_rules, &mut call)).await?
        {
            entry.record.lifted(&call, from);
        }
        Ok(call)
    }

    /// If a call's API version is too old for the daemon and the settings allow it, raises the version to
    /// the oldest that the daemon accepts, and returns the original one. The call then means what the new
    /// version says. Podman's own API is compared separately.
    ///
    /// Without this setting the daemon rejects such requests, and the record
    /// [says](crate::proxy::daemon_state::DaemonState::heed) what would help.
    async fn lift(
        &self,
        stage: &mut Stage,
        listener_rules: &ListenerRules,
        call: &mut Call,
    ) -> Result<Option<ApiVersion>, Denial> {
        let rules = self.standing.rules(listener_rules)?;
        let is_lifted = call.operation().is_some() && rules.may_send(call);
        let Some(from) = call.version.filter(|_| is_lifted) else {
            return Ok(None);
        };
        let shared = &self.shared;
        let least = shared.daemon_state.least_api_version(&shared.daemon);
        let least = least.await?;
        if from >= least {
            return Ok(None);
        }
        stage.lifted_to = Some(least);
        call.version = stage.lifted_to;
        Ok(Some(from))
    }
}

/// The call for a head.
pub(super) fn understand(
    head: &Head,
    admission: &Admission,
    lifted_to: Option<ApiVersion>,
) -> Result<Call, Denial> {
    let target = Target::parse(&head.target).map_err(Unclassified::from)?;
    let version = target.check_version(admission.api_min);
    version.map_err(Unclassified::from)?;
    let mut call = classify(&head.method, target)?;
    call.version = lifted_to.or(call.version);
    Ok(call)
}
