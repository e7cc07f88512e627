//! `explain`: whether a request would be allowed, by which policy, and what would allow it.

use std::io::{self, Write};

use super::{Exit, ExplainArgs, tell};
use crate::config::{Config, Files, Flags, load};
use crate::docker::{ApiVersion, Target, classify};
use crate::policy::{Grants, Judgement, Policy, Problem, Rules};

/// Explains the verdict on one request.
pub(super) fn run(
    args: &ExplainArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    let (rules, api_min) = match rules(&args.policy) {
        Ok(settings) => settings,
        Err(problems) => return tell(&problems, err),
    };
    let parsed = Target::parse(&args.target).and_then(|target| {
        target.check_version(api_min)?;
        Ok(target)
    });
    let parsed = parsed.map_err(|bad| bad.to_string());
    let call = match parsed.and_then(|target| {
        classify(&args.method, target).map_err(|unclassified| unclassified.to_string())
    }) {
        Ok(call) => call,
        Err(message) => {
            writeln!(out, "deny: {message}")?;
            return Ok(Exit::Failed);
        }
    };
    match call.operation() {
        Some(operation) => {
            let spec = operation.spec();
            writeln!(
                out,
                "operation: {operation} ({}:{})",
                spec.section,
                spec.effect.as_str()
            )?;
        }
        None => writeln!(
            out,
            "operation: none of the table ({})",
            call.effect().as_str()
        )?,
    }
    writeln!(out, "sent as: {} {}", call.method.as_str(), call.render())?;
    match rules.judge(call) {
        Judgement::Allow(permit) => {
            writeln!(out, "allow: by the policy {}", permit.policy())?;
            Ok(Exit::Done)
        }
        Judgement::Deny(denial) => {
            writeln!(out, "deny: {}", denial.message)?;
            Ok(Exit::Failed)
        }
    }
}

/// The named policies, or what holds on the settings' first listener; and the least API version.
fn rules(references: &[String]) -> Result<(Rules, ApiVersion), Vec<Problem>> {
    let config = Config::load(&Flags::default(), load::environment())?;
    let api_min = config.admission.api_min;
    if references.is_empty() {
        let first = config.listeners.into_iter().next();
        let none = || Rules::new(Vec::new(), Grants::default());
        return Ok((first.map_or_else(none, |listener| listener.rules), api_min));
    }
    let policies = references
        .iter()
        .map(|reference| Policy::load(reference, &Files));
    let policies = policies.collect::<Result<_, _>>()?;
    Ok((Rules::new(policies, Grants::default()), api_min))
}
