//! Every name that users and other programs rely on: none of them may be lost. The operations that each built-in
//! policy allows are in `tests/data/granted.txt`, which may only change together with the policy.

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use clap::{Command, CommandFactory};
use dockgate::cli::{Cli, Exit};
use dockgate::config;
use dockgate::docker::Operation;
use dockgate::policy::Reason;
use dockgate::policyfile::{self, shipped};
use serde_json::Value as Json;

/// Each on its own line, after its kind.
const FILE: &str = "tests/data/names.txt";

/// New names are added to the file automatically; a lost name can only be removed from it by hand.
#[test]
fn no_name_that_users_rely_on_is_lost() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let text = fs::read_to_string(&path).unwrap_or_default();
    let kept: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    let names = names();
    if env::var_os("DOCKGATE_WRITE").is_some_and(|write| write == "1") {
        let all: Vec<_> = kept.union(&names).map(|name| format!("{name}\n")).collect();
        fs::write(&path, all.concat()).unwrap();
    }
    let lost: Vec<_> = kept.difference(&names).collect();
    assert!(
        lost.is_empty(),
        "these names are gone, but users rely on them; if that is intended, remove their lines from {FILE}: {lost:#?}"
    );
    assert!(kept.len() > 500, "{FILE} has only {} lines", kept.len());
}

fn names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    in_schema("setting", &config::schema::settings(), &mut names);
    in_schema("policy key", &policyfile::schema::policy(), &mut names);
    let audit = include_str!("../../docs/audit.schema.json");
    in_schema("record", &serde_json::from_str(audit).unwrap(), &mut names);
    in_command("command", &Cli::command(), &mut names);
    let page = include_str!("../../docs/settings.md");
    let variables = page.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
    let variables = variables.filter(|word| word.starts_with("DOCKGATE_"));
    names.extend(variables.map(|name| format!("variable {name}")));
    names.extend(
        Reason::ALL
            .iter()
            .map(|reason| format!("reason {} {}", reason.code(), reason.status())),
    );
    for exit in [Exit::Done, Exit::Failed, Exit::Usage, Exit::Configuration] {
        names.insert(format!("exit {} {exit:?}", exit.code()));
    }
    for operation in Operation::ALL {
        let spec = operation.spec();
        names.insert(format!("operation {operation} {}", spec.effect.as_str()));
    }
    names.extend(
        shipped::ALL
            .iter()
            .map(|(name, _)| format!("shipped {name}")),
    );
    names
}

/// Every key of a JSON Schema, with dots between the levels, and every word that a key accepts.
fn in_schema(kind: &str, schema: &Json, names: &mut BTreeSet<String>) {
    walk(kind, "", schema, schema, names);
}

fn walk(kind: &str, at: &str, schema: &Json, root: &Json, names: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.trim_start_matches("#/definitions/");
        // The entries of a policy are operations, which have their own list.
        if name != "entry" {
            walk(kind, at, &root["definitions"][name], root, names);
        }
    }
    if let Some(properties) = schema["properties"].as_object() {
        for (key, value) in properties {
            let at = if at.is_empty() {
                key.clone()
            } else {
                format!("{at}.{key}")
            };
            names.insert(format!("{kind} {at}"));
            walk(kind, &at, value, root, names);
        }
    }
    for word in schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .chain(schema.get("const"))
    {
        names.insert(format!("{kind} {at} = {word}"));
    }
    for choice in ["anyOf", "oneOf"] {
        for part in schema[choice].as_array().into_iter().flatten() {
            walk(kind, at, part, root, names);
        }
    }
    for below in ["items", "additionalProperties"] {
        if schema[below].is_object() {
            walk(kind, at, &schema[below], root, names);
        }
    }
}

/// Every command, argument and option.
fn in_command(name: &str, command: &Command, names: &mut BTreeSet<String>) {
    names.insert(name.to_owned());
    for argument in command.get_arguments() {
        let spelled = match (argument.get_long(), argument.get_short()) {
            (Some(long), _) => format!("--{long}"),
            (None, Some(short)) => format!("-{short}"),
            (None, None) => argument.get_id().to_string(),
        };
        names.insert(format!("{name} {spelled}"));
    }
    for below in command.get_subcommands() {
        in_command(&format!("{name} {}", below.get_name()), below, names);
    }
}
