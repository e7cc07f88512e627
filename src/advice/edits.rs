//! What to write, and where, to get another verdict.

use crate::docker::{Block, Call, Deed, Effect, Object, Operation, Subject};
use crate::policy::hint::Hints;
use crate::policy::keys::Key;
use crate::policy::names::reads_as_id;
use crate::policy::reason::Asked;
use crate::policy::refusal::{allowing, entry, instead};
use crate::policy::scope::operation_is_beyond;
use crate::policy::{Denial, Reason, Rules};
use crate::policyfile::{Cited, Grants, Place, Policy, shipped};

/// The place where a policy can be changed.
enum PolicySource<'a> {
    /// In its own file.
    OwnFile(&'a str),
    /// In a file that extends it.
    Shipped(&'a str),
    /// In `allow` of the settings: what sets it, and whether that is the settings file.
    Settings(&'a str, bool),
    /// In the environment, because it comes from another image's variables.
    Environment,
}

/// What to write to deny a call that a policy allows.
pub(crate) fn to_deny(rules: &Rules, policy: &Policy, call: &Call, cited: &Cited<'_>) -> String {
    let entry = entry(call);
    let granting = rules.policies().iter().filter(|policy| policy.grants(call));
    let names: Vec<_> = granting.map(|policy| &*policy.name).collect();
    let settings = settings_deny(rules, &entry);
    if names.len() > 1 {
        let listed =
            settings.unwrap_or_else(|| format!("write deny = [\"{entry}\"] in the settings"));
        return format!("{listed}, because {} allow it", names.join(" and "));
    }
    match source(policy) {
        PolicySource::OwnFile(file) => listed(&policy.deny, "deny", &entry, file),
        PolicySource::Shipped(name) => {
            format!(
                "write extends = [\"{name}\"] and deny = [\"{entry}\"] in a policy file of your own"
            )
        }
        PolicySource::Settings(file, true) if cited.written.is_single() => {
            format!("remove \"{}\" from allow in {file}", cited.written.text)
        }
        PolicySource::Settings(file, true) => {
            settings.unwrap_or_else(|| format!("write deny = [\"{entry}\"] in {file}"))
        }
        PolicySource::Settings(_, false) | PolicySource::Environment => {
            let quote = if entry.contains(' ') { "\"" } else { "" };
            settings.unwrap_or_else(|| format!("set DOCKGATE_DENY={quote}{entry}{quote}"))
        }
    }
}

/// How to add an entry to `deny` in the settings, if they have one.
fn settings_deny(rules: &Rules, entry: &str) -> Option<String> {
    match &rules.deny.entries().first()?.place {
        Place::List {
            key,
            file,
            line: Some(_),
        } => Some(format!("add \"{entry}\" to {key} in {file}")),
        Place::List { file, .. } => Some(format!("add {entry} to {file}")),
        Place::Environment => None,
    }
}

/// What to write to allow a denied call; `None` if nothing can allow it.
pub(crate) fn to_allow(rules: &Rules, call: &Call, denial: &Denial) -> Option<String> {
    let granting = rules.policies().iter().find(|policy| policy.grants(call));
    match (denial.reason, &denial.asked, granting) {
        (Reason::Denied, _, _) => {
            let taken = taken_out(&rules.deny, call);
            Some(match granting {
                Some(_) => taken,
                None => format!("{taken}, and {}", granted(rules, call)),
            })
        }
        (Reason::UnknownOperation, _, _) if is_elsewhere(call) => None,
        (Reason::NotGranted | Reason::UnknownOperation, _, _) => Some(granted(rules, call)),
        (Reason::OutOfScope, _, Some(policy)) => into_scope(policy, call),
        (_, Some(asked), Some(policy)) => within(policy, call, asked),
        _ => None,
    }
}

/// What to write too, because the policy hides what the operation writes back.
fn shown_again(policy: &Policy, call: &Call) -> &'static str {
    // New containers are written back only with `create.replaces`.
    let operation = call.operation();
    let operation = operation.filter(|it| *it != Operation::ContainerCreate);
    let redaction = policy.redact.as_deref();
    let hidden = redaction.and_then(|redaction| redaction.written_back(operation?));
    hidden.map_or("", |_| " and redact = []")
}

/// What to write too, because the policy's scope cannot limit the operation.
fn unscoped(policy: &Policy, call: &Call) -> &'static str {
    let is_beyond = call.operation().is_some_and(operation_is_beyond);
    if policy.scope.is_some() && is_beyond {
        " and scope = false"
    } else {
        ""
    }
}

/// Whether a call is for a path that no daemon has, so that allowing it would help nobody.
fn is_elsewhere(call: &Call) -> bool {
    matches!(&call.subject, Subject::Outside { path } if instead(path).is_some())
}

/// What to write to allow an operation that no policy allows.
fn granted(rules: &Rules, call: &Call) -> String {
    let entry = allowing(call);
    let policies = rules.policies();
    let is_own = |policy: &&Policy| matches!(source(policy), PolicySource::OwnFile(_));
    // In one file `deny` wins, so adding to `allow` would change nothing.
    let mut own = policies.iter().filter(is_own);
    if let Some(policy) = own.find(|policy| policy.deny.covers(call)) {
        let taken = taken_out(&policy.deny, call);
        let mut parents = policy.parents.iter();
        if policy.allow.covers(call) || parents.any(|parent| parent.grants(call)) {
            return taken;
        }
        let listed = listed(&policy.allow, "allow", &entry, &policy.name);
        return format!("{taken}, and {listed}");
    }
    let Some(policy) = policies.iter().find(is_own).or(policies.first()) else {
        return format!("write allow = [\"{entry}\"] in the settings");
    };
    match source(policy) {
        PolicySource::OwnFile(file) => listed(&policy.allow, "allow", &entry, file),
        PolicySource::Shipped(name) => {
            let (shown, unscoped) = (shown_again(policy, call), unscoped(policy, call));
            format!(
                "write extends = [\"{name}\"] and allow = [\"{entry}\"]{shown}{unscoped} in a policy file of your own"
            )
        }
        PolicySource::Settings(file, true) => format!("add \"{entry}\" to allow in {file}"),
        PolicySource::Settings(file, false) => format!("add {entry} to {file}"),
        PolicySource::Environment => {
            let operation = call.operation();
            let way = operation.and_then(|operation| policy.ways.get(&operation));
            let way = way.map(String::as_str).or(policy.way_to_paths);
            way.unwrap_or_default().to_owned()
        }
    }
}

/// What to write so that a policy allows everything that it denied of a request.
fn within(policy: &Policy, call: &Call, asked: &Asked) -> Option<String> {
    let refused = &asked.refused;
    let hints = Hints {
        blocks: &policy.blocks,
        entered: asked.entered.as_ref(),
    };
    let mut ways = Vec::new();
    for requirement in refused {
        let way = hints.remedy(&requirement.what)?.to_string();
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    let ways = ways.join("; ");
    let keys = refused
        .iter()
        .filter_map(|requirement| requirement.what.key());
    let blocks = keys
        .map(Key::block)
        .filter(|block| policy.blocks.has(*block));
    let mut kept: Vec<_> = blocks.map(Block::name).collect();
    kept.dedup();
    Some(match source(policy) {
        PolicySource::OwnFile(file) => format!("in {file}: {ways}"),
        PolicySource::Shipped(name) if kept.is_empty() => {
            format!("in a policy file of your own with extends = [\"{name}\"]: {ways}")
        }
        // A block of the new file replaces that of the built-in policy, so it must be copied.
        PolicySource::Shipped(name) => {
            let kept = kept.join("] and [");
            format!(
                "in a policy file of your own with extends = [\"{name}\"] and a copy of its [{kept}]: {ways}"
            )
        }
        PolicySource::Settings(..) => {
            let entry = entry(call);
            format!(
                "in a policy file with allow = [\"{entry}\"], instead of `allow` in the settings: {ways}"
            )
        }
        PolicySource::Environment => ways,
    })
}

/// How the object that a path names could come into scope.
fn into_scope(policy: &Policy, call: &Call) -> Option<String> {
    let (kind, name) = call.objects().next()?;
    let is_exec = kind == Object::Exec;
    let noun = if is_exec { Object::Container } else { kind }.noun();
    // Neither is a name that a selector could have.
    let is_id = is_exec || reads_as_id(name);
    let name = if is_id { "NAME" } else { name };
    let place = match source(policy) {
        PolicySource::OwnFile(file) => format!("in {file}"),
        PolicySource::Shipped(name) => {
            format!(
                "in a policy file of your own with extends = [\"{name}\"] and a [scope] of its own"
            )
        }
        // These cannot have a scope.
        PolicySource::Settings(..) | PolicySource::Environment => return None,
    };
    let uses = matches!(call.judged().deed, Deed::Connects | Deed::Disconnects);
    let see = if call.effect() > Effect::Content && !uses {
        String::new()
    } else {
        format!(", or \"{noun}:{name}\" to scope.see")
    };
    Some(format!(
        "create the {noun} through this policy; or, {place}, add a selector such as \"name:{name}\" to scope.objects{see}"
    ))
}

/// How to add an entry to a list of a file, which may not exist yet.
fn listed(list: &Grants, key: &str, entry: &str, file: &str) -> String {
    if list.entries().is_empty() {
        format!("write {key} = [\"{entry}\"] in {file}")
    } else {
        format!("add \"{entry}\" to {key} in {file}")
    }
}

/// What to do with the entries that deny a call.
fn taken_out(denied: &Grants, call: &Call) -> String {
    let ways = denied.written(call).map(|written| {
        let (text, place) = (&written.text, &written.place);
        if written.is_single() {
            format!("remove \"{text}\" from {place}")
        } else {
            format!("in {place}, replace \"{text}\" with the other entries that it denies")
        }
    });
    ways.collect::<Vec<_>>().join(", and ")
}

fn source(policy: &Policy) -> PolicySource<'_> {
    let name = &*policy.name;
    match policy.allow.entries().first().map(|first| &first.place) {
        Some(Place::Environment) => PolicySource::Environment,
        Some(Place::List { file, line, .. }) if **file != *name => {
            PolicySource::Settings(file, line.is_some())
        }
        _ if policy.passes_bodies => PolicySource::Environment,
        _ if shipped::text(name).is_some() => PolicySource::Shipped(name),
        _ => PolicySource::OwnFile(name),
    }
}
