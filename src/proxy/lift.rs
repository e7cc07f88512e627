//! Requests under an API version that the daemon takes no more, as old clients send them.
//!
//! Where the settings say so, such a request is judged and sent under the least version that the daemon
//! takes: by then it means what that version says. Otherwise the daemon refuses it, and the record says
//! what would help.

use super::stage::Stage;
use super::surroundings::Surroundings;
use super::{Gate, Ruling};
use crate::audit::Record;
use crate::docker::{ApiVersion, Call};
use crate::policy::Denial;

impl Gate {
    /// Lifts a call to the least version that the daemon takes, if its own is older and it may be allowed;
    /// returns the older. Podman's own API counts apart.
    pub(super) async fn lift(
        &self,
        stage: &mut Stage,
        ruling: &Ruling,
        call: &mut Call,
    ) -> Result<Option<ApiVersion>, Denial> {
        let may_be_sent = ruling.rules.is_observed() || ruling.rules.may_allow(call);
        let Some(from) = call
            .version
            .filter(|_| may_be_sent && call.operation().is_some())
        else {
            return Ok(None);
        };
        let shared = &self.shared;
        let least = shared
            .surroundings
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

/// Looks at what the daemon says with a 400. If it does not take the version, which it takes is asked for
/// again, and the record says what would help.
pub(super) fn heed(said: &[u8], surroundings: &Surroundings, record: &mut Record) {
    if !said.starts_with(CLIENT_VERSION) {
        return;
    }
    surroundings.forget_api_version();
    let is_too_old = String::from_utf8_lossy(said).contains(" is too old");
    if is_too_old && record.detail.is_none() {
        record.detail = Some(HELP.to_owned());
    }
}

/// How the daemon begins to say that it does not take a version.
const CLIENT_VERSION: &[u8] = br#"{"message":"client version "#;

/// What helps where the daemon says that a version is too old.
const HELP: &str = "the daemon takes no API version as old as the client's; set lift_api_version = true to have \
    such requests sent under the least that it takes, or use a newer client";
