//! `policies`, `operations` and `schema`: what Dockgate has.

use std::io::{self, Write};

use clap::ValueEnum;
use serde_json::{Value, json};

use super::exit::Exit;
use crate::config::{self, Files};
use crate::docker::{Body, Endless, Operation, Reply};
use crate::policyfile::spelling::did_you_mean;
use crate::policyfile::{self, Policy, shipped};

/// Lists the built-in policies with their descriptions. Variants are indented below their policy.
pub(super) fn policies(out: &mut dyn Write) -> io::Result<Exit> {
    let names = || shipped::ALL.iter().map(|(name, _)| *name);
    let indented = |name: &str| format!("{:1$}{name}", "", 2 * depth(name, names()));
    let width = names().map(|name| indented(name).len()).max();
    let width = width.unwrap_or_default();
    for name in names() {
        let policy = Policy::load(name, &Files).unwrap_or_default();
        writeln!(out, "{:width$}  {}", indented(name), policy.description)?;
    }
    Ok(Exit::Done)
}

/// How many other policies this one is a variant of, by its name: `dozzle-shell` of `dozzle`.
fn depth<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> usize {
    let is_variant_of = |other: &&str| {
        let rest = name.strip_prefix(other);
        rest.is_some_and(|rest| rest.starts_with('-'))
    };
    names.filter(is_variant_of).count()
}

/// Prints a built-in policy, as a start for your own file.
pub(super) fn policy(name: &str, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    if let Some(text) = shipped::text(name) {
        write!(out, "{text}")?;
        return Ok(Exit::Done);
    }
    let hint = did_you_mean(name, shipped::ALL.iter().map(|(name, _)| *name));
    writeln!(err, "dockgate: no built-in policy is called {name}{hint}")?;
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
            let (name, method, path) = (spec.name, route.method.as_str(), route.path);
            writeln!(out, "{name:26} {group:22} {method:6} {path}")?;
        }
    }
    Ok(Exit::Done)
}

fn row(operation: Operation) -> Value {
    let spec = operation.spec();
    let routes = spec.routes.iter();
    let routes = routes.map(|route| json!({"method": route.method.as_str(), "path": route.path}));
    let routes: Vec<_> = routes.collect();
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

/// A kind of file.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum FileKind {
    /// Policy files
    Policy,
    /// Settings files
    Settings,
}

/// Prints the schema of a kind of file.
pub(super) fn schema(of: FileKind, out: &mut dyn Write) -> io::Result<Exit> {
    let schema = match of {
        FileKind::Policy => policyfile::schema::policy(),
        FileKind::Settings => config::schema::settings(),
    };
    writeln!(out, "{}", serde_json::to_string_pretty(&schema)?)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_stand_below_what_they_are_variants_of() {
        let mut out = Vec::new();
        assert!(matches!(policies(&mut out).unwrap(), Exit::Done));
        let out = String::from_utf8(out).unwrap();
        let at = |name: &str| {
            let is_it = |line: &&str| line.split_whitespace().next() == Some(name);
            let (place, line) = out
                .lines()
                .enumerate()
                .find(|(_, line)| is_it(line))
                .unwrap();
            (place, line.len() - line.trim_start().len())
        };
        assert_eq!(out.lines().count(), shipped::ALL.len());
        assert_eq!(at("dozzle").1, 0);
        assert_eq!(at("dozzle-actions"), (at("dozzle").0 + 1, 2));
        assert_eq!(at("portainer-agent-edge"), (at("portainer-agent").0 + 1, 4));
        // A name that only begins alike.
        assert_eq!(at("dockge").1, 0);
        for line in out.lines() {
            assert!(line.len() <= 150, "{line}");
        }
    }

    #[test]
    fn what_is_printed_is_what_is_kept() {
        for (of, kept) in [
            (
                FileKind::Policy,
                include_str!("../../policies/policy.schema.json"),
            ),
            (
                FileKind::Settings,
                include_str!("../../docs/settings.schema.json"),
            ),
        ] {
            let mut out = Vec::new();
            assert_eq!(schema(of, &mut out).unwrap(), Exit::Done);
            assert!(out == kept.as_bytes(), "{of:?}");
        }
    }
}
