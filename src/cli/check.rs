//! `check`: whether settings and policies are valid, and what they allow.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser as NoEmpty;
use clap::{Args, ValueHint};

use super::against::{self, Rulings};
use super::exit::{Exit, Stop};
use crate::advice::adopt::adopt;
use crate::advice::dry_run;
use crate::app::{self, report};
use crate::config::{Config, Files, Flags, load};
use crate::docker::{Block, Deed, Effect, Operation, Target, Unclassified, classify};
use crate::policy::{Judgement, Rules};
use crate::policyfile::same_mark::same_marks;
use crate::policyfile::{Grants, Policy};

#[derive(Debug, Args)]
#[allow(clippy::doc_markdown, reason = "users read the sentences as they are")]
pub(super) struct CheckArgs {
    /// Settings file [env: DOCKGATE_CONFIG] [default: /etc/dockgate/dockgate.toml if it exists]
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    config: Option<PathBuf>,
    /// Policy files [default: check the settings]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<String>,
    /// Audit log (JSON lines): show which of its requests would get another answer
    #[arg(long, value_name = "AUDIT_FILE")]
    against: Option<PathBuf>,
    /// Compare only with the requests of this client, by its name in the settings or its address [default: all]
    #[arg(long, value_name = "NAME|ADDRESS", value_parser = NoEmpty::new(), requires = "against")]
    client: Option<String>,
    /// Show what to write so that objects with this old mark come into the scope of the policy files
    #[arg(long, value_name = "MARK", value_parser = NoEmpty::new(), requires = "files")]
    adopt: Option<String>,
    /// List every allowed operation and raw path, and cut no list short
    #[arg(long, short)]
    verbose: bool,
}

impl CheckArgs {
    /// How many names of a list to show.
    fn most(&self) -> usize {
        if self.verbose {
            usize::MAX
        } else {
            report::FEW
        }
    }
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
                warn_of_idle(&policy, out)?;
                let rules = Rules::new(vec![policy.clone()], Grants::default());
                opened(file, &rules, args, out)?;
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
                "warning: Dockgate does not start with both policies: {problem}"
            )?;
        }
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    for policy in &policies {
        let old = args.adopt.iter();
        for line in old.flat_map(|old| adopt(policy, old, &policies)) {
            writeln!(out, "{line}")?;
        }
    }
    let rules = Rules::new(policies, Grants::default());
    replayed(args, is_right, &vec![(None, &rules)], out)
}

fn settings(args: &CheckArgs, out: &mut dyn Write) -> Result<Exit, Stop> {
    let flags = Flags {
        config: args.config.clone(),
        lists_all: args.verbose,
        ..Flags::default()
    };
    let config = Config::load(&flags, load::environment())?;
    let tls = app::tls::Tls::open(&config)?;
    for line in app::checked(&config, tls, args.most()).lines() {
        writeln!(out, "{line}")?;
    }
    let mut is_right = true;
    let addresses = config.addresses();
    let rulings: Vec<_> = config.rulings(&addresses).collect();
    for (whose, rules) in &rulings {
        if args.verbose {
            writeln!(out, "{whose} allows")?;
            operations(rules, out)?;
        }
        for policy in rules.policies() {
            warn_of_idle(policy, out)?;
            is_right &= examples(policy, out)?;
        }
    }
    let rulings = rulings.into_iter();
    let rulings = rulings.map(|(whose, rules)| (Some(whose), rules));
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
        Some(record) if is_right => against::run(record, args.client.as_deref(), rulings, out),
        Some(_) | None => Ok(Exit::done_if(is_right)),
    }
}

/// What a policy file allows.
fn opened(title: &str, rules: &Rules, args: &CheckArgs, out: &mut dyn Write) -> io::Result<()> {
    let allowed = Operation::ALL.iter().filter(|it| rules.grants(**it));
    let mut paths = rules.policies().iter().map(|it| it.raw_paths().0.len());
    let counts = [
        (allowed.count(), "operation"),
        (paths.next().unwrap_or_default(), "raw path"),
    ];
    let counts = counts
        .iter()
        .filter(|(count, what)| *count > 0 || *what == "operation");
    let counts = counts.map(|(count, what)| match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    });
    let counts: Vec<_> = counts.collect();
    writeln!(out, "{title}: {}", counts.join(" and "))?;
    for line in report::rules(rules, None, args.most()) {
        writeln!(out, "  {line}")?;
    }
    if args.verbose {
        operations(rules, out)?;
    }
    Ok(())
}

/// The allowed operations by effect, and the raw paths.
fn operations(rules: &Rules, out: &mut dyn Write) -> io::Result<()> {
    for effect in Effect::ALL {
        let allowed = Operation::ALL.iter().filter(|it| rules.grants(**it));
        let specs = allowed.map(|operation| operation.spec());
        let names = specs.filter(|spec| spec.effect == *effect);
        let names: Vec<_> = names.map(|spec| spec.name).collect();
        if !names.is_empty() {
            writeln!(out, "  {}: {}", effect.as_str(), names.join(", "))?;
        }
    }
    for (allowed, denied) in rules.policies().iter().map(Policy::raw_paths) {
        if !allowed.is_empty() {
            let except = if denied.is_empty() { "" } else { "; except " };
            let (allowed, denied) = (allowed.join(", "), denied.join(", "));
            writeln!(out, "  raw paths: {allowed}{except}{denied}")?;
        }
    }
    Ok(())
}

/// Warns of a policy that allows nothing, and of its blocks that no allowed operation uses.
fn warn_of_idle(policy: &Policy, out: &mut dyn Write) -> io::Result<()> {
    if !policy.has_raw_paths() && !Operation::ALL.iter().any(|it| policy.has(*it)) {
        let example = "allow = [\"ContainerList\"]";
        writeln!(
            out,
            "warning: {} allows nothing: add operations, such as {example}",
            policy.name
        )?;
    }
    for block in Block::ALL {
        let users = Operation::ALL.iter();
        let users = users.filter(|it| is_restricted(**it, *block));
        let (line, name) = (policy.lines.line(block.name(), 0), block.name());
        if let Some(line) = line.filter(|_| !users.clone().any(|it| policy.has(*it))) {
            let names: Vec<_> = users.map(|it| format!("\"{it}\"")).collect();
            writeln!(
                out,
                "warning: {}:{line}: [{name}] has no effect, because no operation that it restricts is allowed: remove \
                 the block, or add {} to allow",
                policy.name,
                names.join(" or ")
            )?;
        }
    }
    Ok(())
}

/// Whether a block restricts an operation. Typing into a container is restricted like an exec.
fn is_restricted(operation: Operation, block: Block) -> bool {
    let judged = operation.spec().judged;
    judged.block == Some(block) || block == Block::Exec && judged.deed == Deed::Attaches
}

/// Runs a policy's examples against this policy only. Whether all came out as they say.
fn examples(policy: &Policy, out: &mut dyn Write) -> io::Result<bool> {
    // The file does not know which client uses it.
    let mut alone = policy.clone();
    alone.client = None;
    let rules = Rules::new(vec![alone], Grants::default());
    let mut all_right = true;
    for (at, example) in policy.examples.iter().enumerate() {
        let (method, target) = (&example.method, &example.target);
        let call = Target::parse(target).map_err(Unclassified::from);
        let (is_allowed, what) = match call.and_then(|target| classify(method, target)) {
            Ok(call) => match dry_run::judge(&rules, call, &example.body, &example.given) {
                Ok((Judgement::Deny(denial) | Judgement::Missing(denial), _)) | Err(denial) => {
                    (Some(false), format!("is denied: {}", denial.message))
                }
                Ok(_) => (Some(true), "is allowed".to_owned()),
            },
            Err(unknown @ Unclassified::Unknown { .. }) => {
                (Some(false), format!("is denied: {unknown}"))
            }
            // A typing error in an example would count as a denial, and prove nothing.
            Err(Unclassified::Bad(bad)) => (None, format!("is not a request: {bad}")),
        };
        if is_allowed != Some(example.allow) {
            all_right = false;
            let line = policy.lines.around(&format!("example[{at}]"));
            let line = line.map_or_else(String::new, |line| format!(":{line}"));
            let expected = if example.allow { "allowed" } else { "denied" };
            writeln!(
                out,
                "{}{line}: example `{method} {target}` must be {expected}, but {what}",
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
            let mut warnings = Vec::new();
            warn_of_idle(&policy, &mut warnings).unwrap();
            assert!(
                warnings.is_empty(),
                "{}",
                String::from_utf8_lossy(&warnings)
            );
        }
    }
}
