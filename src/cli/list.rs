//! `policies` and `operations`: what there is.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::Exit;
use crate::config::Files;
use crate::docker::{Body, Endless, Operation, Reply};
use crate::policy::spelling::did_you_mean;
use crate::policy::{Policy, shipped};

/// Lists the shipped policies with what they are for.
pub(super) fn policies(out: &mut dyn Write) -> io::Result<Exit> {
    let width = shipped::ALL
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or_default();
    for (name, _) in shipped::ALL {
        let policy = Policy::load(name, &Files);
        let description = policy.as_ref().map(Policy::description).unwrap_or_default();
        writeln!(out, "{name:width$}  {description}")?;
    }
    Ok(Exit::Done)
}

/// Prints a shipped policy, as a file to begin an own one with.
pub(super) fn policy(name: &str, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    if let Some(text) = shipped::text(name) {
        write!(out, "{text}")?;
        return Ok(Exit::Done);
    }
    let hint = did_you_mean(name, shipped::ALL.iter().map(|(name, _)| *name));
    writeln!(err, "dockgate: no shipped policy is called {name}{hint}")?;
    Ok(Exit::Failed)
}

/// Lists the table, a line for each route or an object for each operation.
pub(super) fn operations(json: bool, out: &mut dyn Write) -> io::Result<Exit> {
    if json {
        let rows: Vec<_> = Operation::ALL.iter().copied().map(row).collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&rows)?)?;
        return Ok(Exit::Done);
    }
    for spec in Operation::ALL.iter().map(|operation| operation.spec()) {
        for route in spec.routes {
            let group = format!("{}:{}", spec.section, spec.effect.as_str());
            writeln!(
                out,
                "{:26} {group:22} {:6} {}",
                spec.name,
                route.method.as_str(),
                route.path
            )?;
        }
    }
    Ok(Exit::Done)
}

fn row(operation: Operation) -> Value {
    let spec = operation.spec();
    let routes: Vec<_> = spec
        .routes
        .iter()
        .map(|route| json!({ "method": route.method.as_str(), "path": route.path }))
        .collect();
    json!({
        "operation": spec.name,
        "section": spec.section,
        "effect": spec.effect.as_str(),
        "body": match spec.body {
            Body::Discarded => "none",
            Body::Import => "tar or none",
            Body::Json(_) => "json",
            Body::Refused => "refused",
            Body::Tar => "tar",
        },
        "reply": match spec.reply {
            Reply::Plain => "plain",
            Reply::Stream(Endless::Always | Endless::If(_) | Endless::Unless(_)) => "stream",
            Reply::Hijack(upgrade) => upgrade.as_str(),
        },
        "min_api": spec.min_api,
        "logged": spec.logged,
        "routes": routes,
    })
}
