//! What a record says about whether the objects of its request are in scope. It has no labels, so that is seldom known.

use crate::advice::dry_run::OWN;
use crate::docker::network::is_user_defined;
use crate::docker::{Call, Deed, Document, Effect, Object, Parameters, Shows};
use crate::policy::finding::Finding;
use crate::policy::keys::{Key, Reaches};
use crate::policy::names::{reads_as_id, reads_as_swarm_id};
use crate::policy::reason::Denial;
use crate::policy::requirement::What;
use crate::policy::scope::refusal::{named_like_id, not_by_labels, not_named_so};
use crate::policy::scope::{Member, Scoped, Standing};
use crate::policyfile::file::Policy;

/// Whether a policy's scope lets a recorded request through.
pub(super) enum Sight {
    /// It has no scope, or only names decide.
    Visible,
    /// Labels decide.
    Unknown,
    Refused(Denial),
}

/// What the scope of a policy does to a request. `name` is the one that the request gives to something.
pub(super) fn sight(policy: &Policy, call: &Call, asked: &[Finding], name: Option<&str>) -> Sight {
    let Some(scoped) = policy.scoped() else {
        return Sight::Visible;
    };
    if matches!(call.judged().shows, Shows::Unused(_)) && scoped.label_filter().is_none() {
        return Sight::Refused(not_by_labels(call));
    }
    let is_new_known = match creates(scoped, call, name) {
        Sight::Refused(denial) => return Sight::Refused(denial),
        Sight::Visible => true,
        Sight::Unknown => false,
    };
    let uses = matches!(call.judged().deed, Deed::Connects | Deed::Disconnects);
    let changes = call.effect() > Effect::Content && !uses;
    let mut of_path = call.objects();
    let mut referred = asked.iter().filter_map(reference);
    let is_shared = |kind: Object| kind == Object::Image && !call.effect().changes_state();
    let is_known = of_path
        .all(|(kind, name)| is_shared(kind) || is_known(scoped, kind, name, changes))
        && referred.all(|(kind, name)| is_known(scoped, kind, name, false));
    // A record has the names of a service's configs and secrets, but not their ids.
    let is_given = |finding: &Finding| {
        let key = finding.what.key();
        matches!(key, Some(Key::Config | Key::Secret | Key::SwarmVolume))
    };
    if is_known && is_new_known && !asked.iter().any(is_given) {
        Sight::Visible
    } else {
        Sight::Unknown
    }
}

/// Whether what a request creates would be in scope.
fn creates(scoped: Scoped<'_>, call: &Call, name: Option<&str>) -> Sight {
    let judged = call.judged();
    let is_made = matches!(
        judged.body,
        Some(
            Document::ConfigOrSecret
                | Document::Container
                | Document::Network
                | Document::Service
                | Document::Volume
        )
    ) && call.object().is_none();
    if !is_made && judged.query != Parameters::Rename {
        return Sight::Visible;
    }
    let scope = scoped.scope;
    let name = name.unwrap_or_default().trim_start_matches('/');
    if name.ends_with("...") {
        return Sight::Unknown;
    }
    let is_container = matches!(judged.query, Parameters::Name | Parameters::Rename);
    if is_container && reads_as_id(name) {
        return Sight::Refused(named_like_id(call, name));
    }
    let names = scope.names.as_ref().filter(|_| !name.is_empty());
    if names.is_some_and(|names| !names.covers(name)) {
        return Sight::Refused(not_named_so(call, name));
    }
    let is_labelled = scope.has_own() || scope.labels().next().is_some();
    if !is_made || is_labelled || is_named(scoped, name) {
        Sight::Visible
    } else {
        Sight::Unknown
    }
}

/// Whether names are enough to know that an object is in scope, or that it can be seen.
fn is_known(scoped: Scoped<'_>, kind: Object, name: &str, changes: bool) -> bool {
    match kind {
        Object::Container | Object::Network | Object::Volume if name == OWN => {
            scoped.scope.has_own()
        }
        Object::Container | Object::Network | Object::Volume => {
            let seen = || scoped.standing(kind, name, |_| None) == Standing::Seen;
            !reads_as_id(name) && (is_named(scoped, name) || !changes && seen())
        }
        // A checkpoint belongs to the container before it.
        Object::Checkpoint | Object::Repository => true,
        Object::Config | Object::Secret | Object::Service => {
            let seen = || scoped.standing(kind, name, |_| None) == Standing::Seen;
            !reads_as_swarm_id(name) && (is_named(scoped, name) || !changes && seen())
        }
        Object::Exec | Object::Image | Object::Node | Object::Plugin | Object::Task => false,
    }
}

/// Whether a selector selects objects by this name.
fn is_named(scoped: Scoped<'_>, name: &str) -> bool {
    let mut members = scoped.scope.objects.as_slice().iter();
    members.any(|member| matches!(member, Member::Name(pattern) if pattern.matches(name)))
}

/// The object that a finding names, if a scope decides about it.
pub(in crate::advice) fn reference(finding: &Finding) -> Option<(Object, &str)> {
    let What::Key(key, value) = &finding.what else {
        return None;
    };
    let name = value.text()?;
    let (kind, name) = match key.row().reaches {
        Reaches::BuildNetwork => match name.strip_prefix("container:") {
            Some(name) => (Object::Container, name),
            None => (Object::Network, name),
        },
        Reaches::Container | Reaches::Join => (Object::Container, name),
        Reaches::Network => (Object::Network, name),
        Reaches::Volume => (Object::Volume, name),
        Reaches::Nothing
        | Reaches::Path
        | Reaches::PathInOption
        | Reaches::Start
        | Reaches::Tag => return None,
    };
    let is_word = name.starts_with('@') && name != OWN;
    let is_predefined = kind == Object::Network && !is_user_defined(name);
    (!name.is_empty() && !is_word && !is_predefined).then_some((kind, name))
}

#[cfg(test)]
mod tests;
