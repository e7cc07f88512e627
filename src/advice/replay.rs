//! The judgement of what a record tells of a request, long after it.
//!
//! A record has no bodies. It has what was asked for, in the words of the keys that would grant it, and
//! that is all that a policy's blocks decide about. Containers and networks are supposed to be ordinary.

use crate::advice::dry_run;
use crate::docker::{Call, Operation};
use crate::policy::answers::{Answers, NeedsLookup};
use crate::policy::blocks::Selectors;
use crate::policy::checker::Checker;
use crate::policy::finding::Finding;
use crate::policy::reason::Denial;
use crate::policy::refusal::restricted;
use crate::policy::requirement::{Block, Made, Requirement, What, Within};
use crate::policy::rules::Rules;
use crate::policy::shortfall::Shortfall;
use crate::policyfile::file::Policy;

/// What rules say of a recorded request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// It would be allowed.
    Allowed,
    /// It would be refused.
    Refused(Denial),
    /// It would be allowed, if this is granted, of which too little was recorded.
    Unsure(Vec<Requirement>),
}

/// Judges a request by what its record tells of it.
#[must_use]
pub fn judge(rules: &Rules, call: &Call, asked: &[Finding]) -> Replayed {
    if !rules.may_allow(call) {
        return Replayed::Refused(rules.denial(call));
    }
    let asked = &as_judged(call, asked);
    let (mut unsure, mut least) = (None, None);
    let policies = rules.policies().iter();
    for policy in policies.filter(|policy| policy.grants(call)) {
        let shortfall = shortfall(policy, asked);
        let open = undecided(policy, call, asked);
        if shortfall.is_empty() && open.is_empty() {
            return Replayed::Allowed;
        }
        if shortfall.is_empty() {
            unsure.get_or_insert(Shortfall::of(policy, open));
            continue;
        }
        let is_sure = shortfall.iter().any(|finding| is_sure(policy, finding));
        let requirements = shortfall.iter().copied().map(requirement).collect();
        let kept = if is_sure { &mut least } else { &mut unsure };
        kept.get_or_insert(Shortfall::of(policy, requirements));
    }
    match (unsure, least) {
        (Some(shortfall), _) => Replayed::Unsure(shortfall.requirements),
        (None, Some(shortfall)) => Replayed::Refused(restricted(call, &shortfall, None)),
        (None, None) => Replayed::Unsure(Vec::new()),
    }
}

/// What a record tells of a request, with what it leaves out as it is always so: the user that is not named, and
/// that limits are those of a container that is there.
fn as_judged(call: &Call, asked: &[Finding]) -> Vec<Finding> {
    let mut asked = asked.to_vec();
    let is_judged = !asked.is_empty()
        && !asked
            .iter()
            .any(|it| matches!(it.what, What::Replaces | What::Unchanged));
    let unnamed = match call.operation() {
        Some(operation) if MAKING.contains(&operation) => What::User(String::new()),
        Some(operation) if RUNNING.contains(&operation) => Within::ExecUser(String::new()).into(),
        _ => {
            for finding in &mut asked {
                if let What::Limits(limits) = &mut finding.what {
                    limits.is_change = true;
                    limits.pids = limits.pids.filter(|pids| *pids != 0);
                }
            }
            return asked;
        }
    };
    let key = unnamed.key();
    if is_judged && !asked.iter().any(|finding| finding.what.key() == key) {
        asked.push(Finding {
            what: unnamed,
            is_whole: true,
        });
    }
    asked
}

/// The operations that make containers.
pub(crate) const MAKING: &[Operation] = &[
    Operation::ContainerCreate,
    Operation::ServiceCreate,
    Operation::ServiceUpdate,
];

/// The operations that run programs in containers.
pub(crate) const RUNNING: &[Operation] = &[Operation::ContainerExec, Operation::ExecStart];

/// The operations that set labels.
const LABELLING: &[Operation] = &[
    Operation::ContainerCreate,
    Operation::ImageBuild,
    Operation::ImageCommit,
    Operation::NetworkCreate,
    Operation::ServiceCreate,
    Operation::ServiceUpdate,
    Operation::VolumeCreate,
];

/// What a policy looks at more closely than the record does: values and arguments that are left out of it, and
/// labels.
fn undecided(policy: &Policy, call: &Call, asked: &[Finding]) -> Vec<Requirement> {
    if policy.passes_bodies() {
        return Vec::new();
    }
    let blocks = policy.blocks();
    let looks_closer = |what: &What| {
        if let What::Within(Within::Command(_)) = what {
            blocks.exec.commands.is_some()
        } else if let What::Within(Within::ExecEnv(_)) = what {
            blocks.exec.env.has_values()
        } else if let What::Env(_) = what {
            blocks.create.env.has_values()
        } else {
            !matches!(what, What::Made(Made::VolumeOption { .. }))
                || !blocks.volumes.options.is_empty()
        }
    };
    let is_open = |finding: &&Finding| {
        let key = finding.what.key();
        let is_lifted = key.is_some_and(|(block, _)| blocks.is_lifted(block));
        !finding.is_whole && !is_lifted && looks_closer(&finding.what)
    };
    let mut requirements: Vec<_> = asked.iter().filter(is_open).map(requirement).collect();
    let sets_labels = call.operation().is_some_and(|it| LABELLING.contains(&it));
    if sets_labels && !blocks.create.labels.is_empty() && !blocks.is_lifted(Block::Create) {
        let (key, value) = (String::new(), String::new());
        let what = What::Label { key, value };
        requirements.push(requirement(&Finding {
            what,
            is_whole: false,
        }));
    }
    requirements
}

/// Whether a record tells enough of what is lacking: a container's labels are not in it.
fn is_sure(policy: &Policy, finding: &Finding) -> bool {
    let blocks = policy.blocks();
    let selectors = if let What::Join(_) = &finding.what {
        Some(&blocks.create.join)
    } else if let What::Made(Made::Connect(_)) = &finding.what {
        Some(&blocks.networks.containers)
    } else if let What::Within(Within::ArchiveInto(_)) = &finding.what {
        blocks.archive.into.as_ref()
    } else if let What::Within(Within::ExecInto(_) | Within::Watch(_)) = &finding.what {
        blocks.exec.into.as_ref()
    } else {
        None
    };
    // Whether one is ordinary depends on the [create] that held at the time.
    let is_entered = matches!(finding.what, What::Within(Within::IntoPrivileged(_)));
    let is_known = !is_entered || !blocks.has(Block::Create);
    finding.is_whole && is_known && !selectors.is_some_and(Selectors::has_labels)
}

/// What of this a policy does not grant.
#[must_use]
pub fn shortfall<'a>(policy: &Policy, asked: &'a [Finding]) -> Vec<&'a Finding> {
    if policy.passes_bodies() {
        return Vec::new();
    }
    let mut known = Answers::default();
    let mut grants = |finding: &Finding| {
        let requirement = requirement(finding);
        loop {
            match Checker::of(policy, &known).allows(&requirement) {
                Ok(is_granted) => return is_granted,
                Err(NeedsLookup::Missing(_)) => return false,
                Err(NeedsLookup::Ask(lookup)) => {
                    let answer = dry_run::ordinarily(&lookup, policy.mark());
                    known.learn(lookup, answer);
                }
            }
        }
    };
    asked.iter().filter(|finding| !grants(finding)).collect()
}

/// The key that grants something, as `create.images`.
#[must_use]
pub fn key_of(what: &What) -> Option<String> {
    let (block, key) = what.key()?;
    Some(format!("{}.{key}", block.name()))
}

fn requirement(finding: &Finding) -> Requirement {
    Requirement {
        path: key_of(&finding.what).unwrap_or_default(),
        what: finding.what.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::{Target, classify};
    use crate::policy::finding;
    use crate::policyfile::Grants;
    use crate::policyfile::file::tests::policy;

    #[test]
    fn what_one_policy_may_refuse_another_allows() {
        let label = "allow = ['ContainerExec']\n[exec]\ninto = ['label:a']";
        let (web, db) = (
            "allow = ['ContainerExec']\n[exec]\ninto = ['web']",
            "allow = ['ContainerExec']\n[exec]\ninto = ['db']",
        );
        for (policies, want) in [
            ([label, web], "allowed"),
            ([web, label], "allowed"),
            ([label, db], "unsure"),
            ([db, label], "unsure"),
            ([db, db], "refused"),
        ] {
            assert_eq!(judged(&policies, "exec.into=web"), want, "{policies:?}");
        }
    }

    #[test]
    fn what_a_record_does_not_tell_is_not_guessed() {
        for (text, found, want) in [
            ("allow = []", "exec.into=web", "refused"),
            ("allow = ['ContainerExec']", "exec.into=web", "allowed"),
            (
                "allow = ['ContainerExec']\n[exec]\ninto = ['web']",
                "exec.into=web",
                "allowed",
            ),
            (
                "allow = ['ContainerExec']\n[exec]\ninto = ['db']",
                "exec.into=web",
                "refused",
            ),
            (
                "allow = ['ContainerExec']\n[exec]\ninto = ['@own']",
                "exec.into=@own",
                "allowed",
            ),
            (
                "allow = ['ContainerExec']\n[exec]\ninto = ['@own']",
                "exec.into=web",
                "refused",
            ),
            (
                "allow = ['ContainerExec']\n[exec]\ninto = ['project:*']",
                "exec.into=web",
                "unsure",
            ),
            (
                "allow = ['ContainerExec']\n[exec]\ninto = ['label:a']",
                "exec.into=web",
                "unsure",
            ),
            (
                "allow = ['ContainerExec']\n[exec]\ncommands = [['ls', '-l']]",
                "exec.commands=ls",
                "unsure",
            ),
            (
                "allow = ['ContainerExec']\n[exec]\ncommands = [['ls', '-l']]",
                r#"exec.commands=["ls"]"#,
                "refused",
            ),
            (
                "allow = ['ContainerExec']\n[exec]\ncommands = [['ls', '-l']]",
                r#"exec.commands=["ls","-l"]"#,
                "allowed",
            ),
        ] {
            assert_eq!(judged(&[text], found), want, "{text}: {found}");
        }
    }

    /// What policies say of an exec in `web` that asked for this.
    fn judged(policies: &[&'static str], found: &str) -> &'static str {
        let policies = policies.iter().map(|text| policy("p", text)).collect();
        let rules = Rules::new(policies, Grants::default());
        let target = Target::parse("/containers/web/exec").unwrap();
        let call = classify("POST", target).unwrap();
        match judge(&rules, &call, &[finding::parse(found).unwrap()]) {
            Replayed::Allowed => "allowed",
            Replayed::Refused(_) => "refused",
            Replayed::Unsure(_) => "unsure",
        }
    }
}
