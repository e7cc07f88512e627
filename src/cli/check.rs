//! `check`: whether settings and policies are right, and what they open.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::against;
use super::exit::{Exit, print_problems};
use crate::advice::dry_run;
use crate::app::{self, report};
use crate::config::{Config, Files, Flags, ListenerSettings, load};
use crate::docker::{Effect, Operation, Target, Unclassified, classify};
use crate::policy::{Judgement, Rules};
use crate::policyfile::same_mark::same_marks;
use crate::policyfile::{Grants, Policy, Problem};

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

/// Checks the settings, or the policy files that were named.
pub(super) fn run(args: &CheckArgs, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    if args.files.is_empty() {
        return settings(args, out, err);
    }
    let mut exit = Exit::Done;
    let (mut policies, mut problems) = (Vec::new(), Vec::new());
    for file in &args.files {
        match Policy::load(file, &Files) {
            Ok(policy) if examples(&policy, out)? => {
                opened(
                    file,
                    &Rules::new(vec![policy.clone()], Grants::default()),
                    out,
                )?;
                policies.push(policy);
            }
            Ok(_) => exit = Exit::Failed,
            Err(more) => problems.extend(more),
        }
    }
    let same = same_marks(&policies);
    if args.against.is_some() {
        // They hold together there, as those of one listener.
        problems.extend(same.into_iter().map(Problem::from));
    } else {
        for problem in same.into_iter().map(Problem::from) {
            writeln!(
                out,
                "warning: settings that name both do not start: {problem}"
            )?;
        }
    }
    if !problems.is_empty() {
        return print_problems(&problems, err);
    }
    match &args.against {
        Some(record) if exit == Exit::Done => {
            let rules = Rules::new(policies, Grants::default());
            against::run(record, &vec![(None, &rules)], out, err)
        }
        Some(_) | None => Ok(exit),
    }
}

fn settings(args: &CheckArgs, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let flags = Flags {
        config: args.config.clone(),
        ..Flags::default()
    };
    let config = match Config::load(&flags, load::environment()) {
        Ok(config) => config,
        Err(problems) => return print_problems(&problems, err),
    };
    for notice in &config.notices {
        writeln!(out, "{notice}")?;
    }
    writeln!(out, "{}", app::engine(&config))?;
    let mut exit = Exit::Done;
    for listener in &config.listeners {
        exit = if listen(listener, out)? {
            exit
        } else {
            Exit::Failed
        };
    }
    match &args.against {
        Some(record) if exit == Exit::Done => {
            let rulings = config.listeners.iter();
            let rulings = rulings.map(|of| (Some(of.address.to_string()), &of.rules));
            against::run(record, &rulings.collect(), out, err)
        }
        Some(_) | None => Ok(exit),
    }
}

fn listen(listener: &ListenerSettings, out: &mut dyn Write) -> io::Result<bool> {
    let mut is_right = true;
    let names: Vec<_> = listener
        .rules
        .policies()
        .iter()
        .map(|policy| policy.name.to_string())
        .collect();
    opened(
        &format!("{} ({})", listener.address, names.join(", ")),
        &listener.rules,
        out,
    )?;
    for policy in listener.rules.policies() {
        is_right &= examples(policy, out)?;
    }
    Ok(is_right)
}

/// What is granted, by effect and name, so that it is seen what a group opens.
fn opened(title: &str, rules: &Rules, out: &mut dyn Write) -> io::Result<()> {
    let granted: Vec<_> = Operation::ALL
        .iter()
        .copied()
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
    for effect in [
        Effect::Read,
        Effect::Content,
        Effect::Write,
        Effect::Control,
    ] {
        let names: Vec<_> = granted
            .iter()
            .filter(|operation| operation.spec().effect == effect)
            .map(ToString::to_string)
            .collect();
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
        let call = Target::parse(&example.target).map_err(Unclassified::from);
        let outcome = match call.and_then(|target| classify(&example.method, target)) {
            Ok(call) => match dry_run::judge(&rules, call, &example.body, &example.given) {
                Ok((Judgement::Deny(denial), _)) | Err(denial) => Err(denial.message),
                Ok(_) => Ok(()),
            },
            Err(unknown @ Unclassified::Unknown { .. }) => Err(unknown.to_string()),
            // A slip in an example would pass as a denial, and prove nothing.
            Err(Unclassified::Bad(bad)) => {
                all_right = false;
                let (name, method, target) = (&policy.name, &example.method, &example.target);
                writeln!(
                    out,
                    "{name}: example `{method} {target}` is no request: {bad}"
                )?;
                continue;
            }
        };
        if outcome.is_ok() != example.allow {
            all_right = false;
            let got = outcome.map_or_else(
                |message| format!("denied: {message}"),
                |()| "allowed".to_owned(),
            );
            writeln!(
                out,
                "{}: example `{} {}` is {got}",
                policy.name,
                example.method,
                example.target
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
