//! `check`: whether settings and policies are right, and what they open.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::against::{self, Rulings};
use super::exit::{Exit, Stop};
use crate::advice::dry_run;
use crate::app::{self, report};
use crate::config::{Config, Files, Flags, load};
use crate::docker::{Effect, Operation, Target, Unclassified, classify};
use crate::policy::{Judgement, Rules};
use crate::policyfile::same_mark::same_marks;
use crate::policyfile::{Grants, Policy};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Settings file
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    config: Option<PathBuf>,
    /// Policy files; without any, the settings are checked
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<String>,
    /// Audit record, lines of JSON: say which of its requests would be answered otherwise
    #[arg(long, value_name = "AUDIT_FILE")]
    against: Option<PathBuf>,
}
pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> Result<Exit, Stop> {
    if args.files.is_empty() {
        return settings(args, out);
    }
    let mut is_right = true;
    let (mut policies, mut problems) = (Vec::new(), Vec::new());
    for file in &args.files {
        match Policy::load(file, &Files) {
            Ok(policy) if examples(&policy, out)? => {
                let rules = Rules::new(vec![policy.clone()], Grants::default());
                opened(file, &rules, out)?;
                policies.push(policy);
            }
            Ok(_) => is_right = false,
            Err(more) => problems.extend(more),
        }
    }
    let same = same_marks(&policies);
    if args.against.is_some() {
        // They hold together there, as those of one listener.
        problems.extend(same);
    } else {
        for problem in same {
            writeln!(
                out,
                "warning: settings that name both do not start: {problem}"
            )?;
        }
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let rules = Rules::new(policies, Grants::default());
    replayed(args, is_right, &vec![(None, &rules)], out)
}

fn settings(args: &CheckArgs, out: &mut dyn Write) -> Result<Exit, Stop> {
    let flags = Flags {
        config: args.config.clone(),
        ..Flags::default()
    };
    let config = Config::load(&flags, load::environment())?;
    for notice in &config.notices {
        writeln!(out, "{notice}")?;
    }
    writeln!(out, "{}", app::engine(&config))?;
    let mut is_right = true;
    for listener in &config.listeners {
        let policies = listener.rules.policies();
        let names: Vec<_> = policies.iter().map(|policy| &*policy.name).collect();
        let title = format!("{} ({})", listener.address, names.join(", "));
        opened(&title, &listener.rules, out)?;
        for policy in policies {
            is_right &= examples(policy, out)?;
        }
    }
    let rulings = config.listeners.iter();
    let rulings = rulings.map(|of| (Some(of.address.to_string()), &of.rules));
    replayed(args, is_right, &rulings.collect(), out)
}

/// Ends a check: with the record, if one was named and all is right so far.
fn replayed(
    args: &CheckArgs,
    is_right: bool,
    rulings: &Rulings<'_>,
    out: &mut dyn Write,
) -> Result<Exit, Stop> {
    match &args.against {
        Some(record) if is_right => against::run(record, rulings, out),
        Some(_) | None => Ok(Exit::done_if(is_right)),
    }
}

/// What is granted, by effect and name, so that it is seen what a group opens.
fn opened(title: &str, rules: &Rules, out: &mut dyn Write) -> io::Result<()> {
    let granted = Operation::ALL.iter().copied();
    let granted: Vec<_> = granted
        .filter(|operation| rules.grants(*operation))
        .collect();
    let count = match granted.len() {
        1 => "1 operation".to_owned(),
        count => format!("{count} operations"),
    };
    let raw = if rules.has_raw_paths() {
        ", and raw paths"
    } else {
        ""
    };
    writeln!(out, "{title}: {count}{raw}")?;
    for line in report::rules(rules) {
        writeln!(out, "  {line}")?;
    }
    for effect in Effect::ALL {
        let names = granted.iter().map(|operation| operation.spec());
        let names = names
            .filter(|spec| spec.effect == *effect)
            .map(|spec| spec.name);
        let names: Vec<_> = names.collect();
        if !names.is_empty() {
            writeln!(out, "  {}: {}", effect.as_str(), names.join(", "))?;
        }
    }
    Ok(())
}

/// Runs a policy's examples against it alone. Whether all came out as they say.
fn examples(policy: &Policy, out: &mut dyn Write) -> io::Result<bool> {
    let rules = Rules::new(vec![policy.clone()], Grants::default());
    let mut all_right = true;
    for example in &policy.examples {
        let (method, target) = (&example.method, &example.target);
        let call = Target::parse(target).map_err(Unclassified::from);
        let (is_allowed, what) = match call.and_then(|target| classify(method, target)) {
            Ok(call) => match dry_run::judge(&rules, call, &example.body, &example.given) {
                Ok((Judgement::Deny(denial), _)) | Err(denial) => {
                    (Some(false), format!("denied: {}", denial.message))
                }
                Ok(_) => (Some(true), "allowed".to_owned()),
            },
            Err(unknown @ Unclassified::Unknown { .. }) => {
                (Some(false), format!("denied: {unknown}"))
            }
            // A slip in an example would pass as a denial, and prove nothing.
            Err(Unclassified::Bad(bad)) => (None, format!("no request: {bad}")),
        };
        if is_allowed != Some(example.allow) {
            all_right = false;
            writeln!(
                out,
                "{}: example `{method} {target}` is {what}",
                policy.name
            )?;
        }
    }
    Ok(all_right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policyfile::shipped;

    #[test]
    fn every_shipped_policy_is_right_and_has_an_allow_beside_a_deny() {
        for (name, _) in shipped::ALL {
            let policy = Policy::load(name, &Files).unwrap();
            let mut out = Vec::new();
            assert!(
                examples(&policy, &mut out).unwrap(),
                "{}",
                String::from_utf8_lossy(&out)
            );
            assert!(!policy.description.is_empty(), "{name}");
            assert!(
                policy.examples.iter().any(|example| example.allow),
                "{name}"
            );
            assert!(
                policy.examples.iter().any(|example| !example.allow),
                "{name}"
            );
        }
    }
}
