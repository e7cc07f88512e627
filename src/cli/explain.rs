//! `explain`: whether a request would be allowed, by which policy, and what would allow it.

use std::io::{self, Write};
use std::path::Path;

use super::{Exit, ExplainArgs, tell};
use crate::config::{Config, Files, Flags, load};
use crate::docker::{ApiVersion, Call, Target, classify};
use crate::policy::rules::refusal;
use crate::policy::{Grants, Judgement, Lookup, Policy, Problem, Rules, suppose};

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
    describe(&call, out)?;
    writeln!(out, "sent as: {} {}", call.method.as_str(), call.render())?;
    let body = match body(args.body.as_deref()) {
        Ok(body) => body,
        Err(problem) => return tell(&[problem], err),
    };
    let (judgement, supposed) = match suppose::judge(&rules, call, &body, &[]) {
        Ok(judged) => judged,
        Err(bad) => {
            writeln!(out, "deny: {bad}")?;
            return Ok(Exit::Failed);
        }
    };
    for lookup in &supposed {
        writeln!(out, "supposed: {}", supposition(lookup))?;
    }
    match judgement {
        Judgement::Allow(permit) => {
            if let Some(body) = permit.body() {
                writeln!(out, "body sent as: {body}")?;
            }
            writeln!(out, "allow: by the policy {}", permit.policy())?;
            Ok(Exit::Done)
        }
        Judgement::Deny(denial) => {
            writeln!(out, "deny: {}", denial.message)?;
            let refused = denial.asked.map(|asked| asked.refused).unwrap_or_default();
            if refused.len() > 1 {
                for need in &refused {
                    writeln!(out, "  {}", refusal(need))?;
                }
            }
            Ok(Exit::Failed)
        }
        // Everything that is asked for is supposed.
        Judgement::Ask(..) | Judgement::Inspect(_) | Judgement::Missing(_) => Ok(Exit::Failed),
    }
}

fn describe(call: &Call, out: &mut dyn Write) -> io::Result<()> {
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
    Ok(())
}

/// The text of the body's file; without one there is no body.
fn body(file: Option<&Path>) -> Result<String, Problem> {
    let Some(file) = file else {
        return Ok(String::new());
    };
    let read = std::fs::read_to_string(file);
    read.map_err(|error| Problem::of_file(&file.display().to_string(), error.to_string()))
}

/// What the verdict rests on without having been asked.
fn supposition(lookup: &Lookup) -> String {
    match lookup {
        Lookup::Container(name) => {
            format!("the container {name} is an ordinary one, made elsewhere")
        }
        Lookup::DefaultRuntime => "the daemon's default runtime is runc".to_owned(),
        Lookup::Exec(id) => format!("the exec {id} runs sh in an ordinary container"),
        Lookup::Network(name) => format!("the network {name} is there, made elsewhere"),
        Lookup::Predecessor(name) if name.is_empty() => {
            "no container was taken away before".to_owned()
        }
        Lookup::Predecessor(name) => format!("no container {name} was taken away before"),
        Lookup::Service(name) => format!("the service {name} is there"),
        Lookup::Volume(name) => format!("the volume {name} is a new one"),
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
