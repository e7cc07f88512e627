//! What no policy can allow: to reach Dockgate's own container.

use super::Evaluation;
use crate::policy::keys::Key;
use crate::policy::refusal::reaches_own;
use crate::policy::replaces;
use crate::policy::requirement::What;
use crate::policy::requirements::{Blocked, reached};
use crate::policy::self_container::SelfContainer;

impl Evaluation<'_, '_> {
    /// Denies what would reach Dockgate's own container. A replacement may have the networks and mounts of the old
    /// container, even if Dockgate has them too: otherwise an updater could remove that container and not recreate it.
    pub(super) fn spare_own(&self, own: &SelfContainer) -> Result<(), Blocked> {
        let call = &self.request.call;
        let by_path = reached(call, self.known)?;
        let about = by_path.iter().chain(&self.requirements);
        let mut found = own.named_by(call);
        if found.is_none() {
            found = own.reached(about.clone(), self.known)?;
            let mut granting = self.granting.iter();
            if found.is_some()
                && granting.any(|policy| policy.blocks.create.replaces)
                && replaces::is_replacement(self.request, self.known)?
            {
                let is_shared = |what: &What| {
                    matches!(what.key(), Some(Key::Bind | Key::Network | Key::Volume))
                };
                found = own.reached(about.filter(|it| !is_shared(&it.what)), self.known)?;
            }
        }
        match found {
            Some(reached) => Err(reaches_own(call, &reached).into()),
            None => Ok(()),
        }
    }
}
