//! Verdicts on recorded requests, from their audit records.
//!
//! A record does not contain the body. It has findings: what was asked for, by the keys that can allow it, and a
//! policy's blocks decide only about that. Containers and networks are assumed to be ordinary.

mod sight;

pub(super) use self::sight::reference;
use self::sight::{Sight, sight};
use crate::advice::dry_run;
use crate::docker::{Block, Call, Document, Parameters};
use crate::policy::answers::{Answers, NeedsLookup};
use crate::policy::checker::Checker;
use crate::policy::finding::Finding;
use crate::policy::hint::Shortfall;
use crate::policy::keys::Key;
use crate::policy::keys::Selectors;
use crate::policy::keys::row::{makes_containers, runs_programs};
use crate::policy::keys::setting::Setting;
use crate::policy::reason::Denial;
use crate::policy::refusal::restricted;
use crate::policy::requirement::{Requirement, What};
use crate::policy::rules::Rules;
use crate::policy::value::Value;
use crate::policyfile::file::Policy;

/// The verdict on a recorded request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Replayed {
    Allowed,
    Refused(Denial),
    /// It would be allowed if the objects that it names are in scope.
    UnknownScope,
    /// It would be allowed if these are, but too little was recorded about them.
    Unsure(Vec<Requirement>),
}

/// Judges a request by its audit record. `name` is the one that it gives to something.
pub(crate) fn judge(rules: &Rules, call: &Call, asked: &[Finding], name: Option<&str>) -> Replayed {
    if !rules.may_allow(call) {
        return Replayed::Refused(rules.denial(call));
    }
    let asked = &as_judged(call, asked);
    let (mut unsure, mut least) = (None, None);
    let (mut outside, mut is_scope_unknown) = (None, false);
    let policies = rules.policies().iter();
    for policy in policies.filter(|policy| policy.grants(call)) {
        let is_known = match sight(policy, call, asked, name) {
            Sight::Visible => true,
            Sight::Unknown => false,
            Sight::Refused(denial) => {
                outside.get_or_insert(denial);
                continue;
            }
        };
        let shortfall = shortfall(policy, asked);
        let open = undecided(policy, call, asked);
        if shortfall.is_empty() && open.is_empty() {
            if is_known {
                return Replayed::Allowed;
            }
            is_scope_unknown = true;
            continue;
        }
        if shortfall.is_empty() {
            unsure.get_or_insert(Shortfall::of(&policy.blocks, open));
            continue;
        }
        let is_sure = shortfall.iter().any(|finding| is_sure(policy, finding));
        let requirements = shortfall.iter().copied().map(requirement).collect();
        let kept = if is_sure { &mut least } else { &mut unsure };
        kept.get_or_insert(Shortfall::of(&policy.blocks, requirements));
    }
    match (unsure, least, outside) {
        _ if is_scope_unknown => Replayed::UnknownScope,
        (Some(shortfall), ..) => Replayed::Unsure(shortfall.requirements),
        (None, Some(shortfall), _) => Replayed::Refused(restricted(call, &shortfall, None)),
        (None, None, Some(denial)) => Replayed::Refused(denial),
        (None, None, None) => Replayed::Unsure(Vec::new()),
    }
}

/// The findings of a record, with what records leave out: an empty user, and whether limits are about an existing
/// container.
fn as_judged(call: &Call, asked: &[Finding]) -> Vec<Finding> {
    let mut asked = asked.to_vec();
    let is_judged = !asked.is_empty()
        && !asked
            .iter()
            .any(|it| matches!(it.what.key(), Some(Key::Replaces | Key::Unchanged)));
    let user = match call.operation() {
        Some(operation) if makes_containers(operation.spec().judged) => Key::User,
        Some(operation) if runs_programs(operation.spec().judged) => Key::ExecUser,
        _ => {
            for finding in &mut asked {
                if let What::Key(_, Value::Limits(limits)) = &mut finding.what {
                    limits.is_change = true;
                    limits.pids = limits.pids.filter(|pids| *pids != 0);
                }
            }
            return asked;
        }
    };
    if is_judged && !asked.iter().any(|finding| finding.what.key() == Some(user)) {
        asked.push(Finding {
            what: user.asks(""),
            is_whole: true,
        });
    }
    asked
}

/// What a policy checks but a record does not contain: labels, and values and arguments that are left out.
fn undecided(policy: &Policy, call: &Call, asked: &[Finding]) -> Vec<Requirement> {
    if policy.passes_bodies {
        return Vec::new();
    }
    let blocks = &policy.blocks;
    let is_open = |finding: &&Finding| {
        let key = finding.what.key();
        let looks_closer =
            |key: Key| !blocks.is_lifted(key.block()) && blocks.setting(key).looks_closer();
        !finding.is_whole && key.is_none_or(looks_closer)
    };
    let mut requirements: Vec<_> = asked.iter().filter(is_open).map(requirement).collect();
    let judged = call.judged();
    let makes_image = judged.query == Parameters::Build || judged.query == Parameters::Commit;
    let sets_labels = makes_image || judged.body.is_some_and(Document::has_labels);
    if sets_labels && !blocks.create.labels.is_empty() && !blocks.is_lifted(Block::Create) {
        let path = Key::Label.name().to_owned();
        let what = Key::Label.asks("");
        requirements.push(Requirement { path, what });
    }
    requirements
}

/// Whether a record has enough to be sure that this is denied. It does not have a container's labels.
fn is_sure(policy: &Policy, finding: &Finding) -> bool {
    let Some(key) = finding.what.key() else {
        return finding.is_whole;
    };
    let blocks = &policy.blocks;
    let selectors = blocks.setting(key).selectors();
    // Whether a container was ordinary depends on the `[create]` at that time.
    let is_entered = matches!(key, Key::ArchiveIntoPrivileged | Key::ExecIntoPrivileged);
    let is_known = !is_entered || !blocks.has(Block::Create);
    finding.is_whole && is_known && !selectors.is_some_and(Selectors::has_labels)
}

/// The findings that a policy does not allow.
pub(crate) fn shortfall<'a>(policy: &Policy, asked: &'a [Finding]) -> Vec<&'a Finding> {
    if policy.passes_bodies {
        return Vec::new();
    }
    let mut known = Answers::default();
    let mut grants = |finding: &Finding| {
        let requirement = requirement(finding);
        loop {
            let mut shortfall = Shortfall::of(&policy.blocks, Vec::new());
            match Checker::of(policy, &known).check(&requirement, &mut shortfall) {
                Ok(()) => return shortfall.requirements.is_empty(),
                Err(NeedsLookup::Missing(_)) => return false,
                Err(NeedsLookup::Ask(lookup)) => {
                    let answer = dry_run::ordinarily(&lookup, policy.owner());
                    known.learn(lookup, answer);
                }
            }
        }
    };
    asked.iter().filter(|finding| !grants(finding)).collect()
}

/// A finding as a requirement. Its place is the key, because records do not have the place in the body.
fn requirement(finding: &Finding) -> Requirement {
    Requirement {
        path: finding.what.key().map_or("", Key::name).to_owned(),
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

    /// The verdict of policies on an exec in `web` with this finding.
    fn judged(policies: &[&'static str], found: &str) -> &'static str {
        let policies = policies.iter().map(|text| policy("p", text)).collect();
        let rules = Rules::new(policies, Grants::default());
        let target = Target::parse("/containers/web/exec").unwrap();
        let call = classify("POST", target).unwrap();
        match judge(&rules, &call, &[finding::parse(found).unwrap()], None) {
            Replayed::Allowed => "allowed",
            Replayed::Refused(_) => "refused",
            Replayed::UnknownScope => "unknown scope",
            Replayed::Unsure(_) => "unsure",
        }
    }
}
