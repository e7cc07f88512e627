//! What is remembered of a request that is sent, as later ones may depend on it.

use std::sync::Arc;

use super::answers::{self, Answers, Lookup, NeedsLookup};
use super::names::tags;
use super::objects::Container;
use crate::docker::{Block, Call, Deed, Parameters, Reference};
use crate::policyfile::file::Policy;

/// What to remember of a request.
#[derive(Debug, Default)]
pub struct Memory {
    /// Once it was sent: the container whose replacement may have what it has.
    pub removed: Option<Arc<Container>>,
    /// If the daemon did it: the name that an image gets, as what will be asked about it, and the image's full id.
    pub tagged: Option<(Lookup, Arc<str>)>,
}

impl Memory {
    /// What to remember of a call that this policy allows, if one does, and whose labels are those of the other.
    pub(super) fn of(
        call: &Call,
        (policy, marking): (Option<&Policy>, &Policy),
        known: &Answers,
        is_observed: bool,
    ) -> Result<Self, NeedsLookup> {
        let mut memory = Self::default();
        let is_kept = marking.blocks().create.replaces || is_observed;
        if is_kept && call.judged().deed == Deed::TakesAway {
            let name = call.object().unwrap_or_default();
            memory.removed = Some(answers::container(known, name)?);
        }
        if let Some(policy) = policy
            && call.judged().query == Parameters::Tag
            && policy.judges(Block::Images)
        {
            let image = answers::image(known, call.object().unwrap_or_default())?;
            let name = tags(call).first().map(Reference::to_string);
            let policy = policy.mark().to_owned();
            let lookup = name.map(|name| Lookup::Moved { policy, name });
            memory.tagged = lookup.map(|lookup| (lookup, image.id.as_str().into()));
        }
        Ok(memory)
    }
}
