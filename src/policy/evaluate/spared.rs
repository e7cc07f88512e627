//! What no policy can allow: to reach Dockgate's own container, and to become a client.

use std::sync::Arc;

use super::{Evaluation, Withheld};
use crate::docker::{Json, Operation, Parameters};
use crate::policy::answers::{self, Answer, Lookup, NeedsLookup};
use crate::policy::keys::Key;
use crate::policy::objects::Container;
use crate::policy::refusal::{is_reserved, reaches_own};
use crate::policy::replaces;
use crate::policy::requirement::What;
use crate::policy::requirements::{Blocked, reached};
use crate::policy::reserved::{Claim, Reserved};
use crate::policy::self_container::SelfContainer;
use crate::policy::unchanged;

impl<'p> Evaluation<'p, '_> {
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

    /// Denies what would take, create or change anything that tells clients apart. Returns what the image of a new
    /// container may not give it. An unchanged service has its image already, and another label would restart its
    /// tasks.
    pub(super) fn spare_clients(
        &self,
        reserved: &'p Reserved,
    ) -> Result<Option<Withheld<'p>>, Blocked> {
        if self.is_unchanged()? {
            return Ok(None);
        }
        let call = &self.request.call;
        let old = self.kept()?;
        let claim = Claim {
            call,
            body: self.request.body.as_ref().unwrap_or(&Json::Null),
            requirements: &self.requirements,
            known: self.known,
            old,
        };
        match reserved.taken(claim)? {
            Some(taken) => Err(is_reserved(call, &taken).into()),
            None => Ok(Some((reserved, old))),
        }
    }

    /// The container that an updater replaces, or to which it gives its old name back because the update failed.
    fn kept(&self) -> Result<Option<&'p Container>, NeedsLookup> {
        let mut granting = self.granting.iter();
        let may_replace = granting.any(|policy| policy.blocks.create.replaces);
        if !may_replace && !self.rules.is_observed {
            return Ok(None);
        }
        let (call, known) = (&self.request.call, self.known);
        let name = call.query.text("name").trim_start_matches('/');
        if call.judged().query != Parameters::Rename || name.is_empty() {
            return replaces::replaced(self.request, known);
        }
        let id = &answers::container(known, call.object().unwrap_or_default())?.id;
        let lookup = Lookup::Predecessor(name.to_owned());
        let Answer::Containers(removed) = known.need(&lookup)? else {
            return Ok(None);
        };
        let mut removed = removed.iter().map(Arc::as_ref);
        Ok(removed.find(|removed| removed.id == *id && removed.name == name))
    }

    /// Whether an update leaves a service as it is, and a policy allows that.
    fn is_unchanged(&self) -> Result<bool, NeedsLookup> {
        let call = &self.request.call;
        let mut granting = self.granting.iter();
        let may_keep = granting.any(|policy| policy.blocks.create.unchanged);
        let is_update = call.operation() == Some(Operation::ServiceUpdate);
        let Some(body) = self.request.body.as_ref().filter(|_| may_keep && is_update) else {
            return Ok(false);
        };
        let service = answers::service(self.known, call.object().unwrap_or_default())?;
        Ok(unchanged::differences(call, body, &service).is_empty())
    }
}
