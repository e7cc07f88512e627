//! The JSON Schema (draft 07) of policy files, with which editors complete and check them.
//!
//! It comes from the tables that files are read with. It is never stricter than the reader, which decides.

use serde_json::{Value, json};
use toml::Table;

use super::mark::MAX_MARK;
use super::shipped;
use crate::docker::{Effect, Method, Operation};
use crate::policy::keys::Blocks;
use crate::policy::keys::setting::{described, or_one, table};
use crate::policy::redact::class;
use crate::policy::scope::Scope;

/// The schema of a policy file.
#[must_use]
pub fn policy() -> Value {
    let text = json!({"type": "string"});
    let tables = |of: Value| json!({"type": "array", "items": of});
    let list = |of: Value| or_one(&tables(of));
    let observe = "Forward what the policy denies, and record it as would_deny.";
    let keys = [
        ("allow", list(entry()), "The operations that it allows."),
        (
            "deny",
            list(entry()),
            "The operations that it denies, even if allow or an extended policy allows them.",
        ),
        ("description", text, "What it is for, in one sentence."),
        ("example", tables(example()), "Tests of the policy."),
        (
            "extends",
            list(reference()),
            "Policies, as names or files, whose allowed operations and blocks this policy takes over.",
        ),
        (
            "mark",
            mark(),
            "The value of the label dockgate.policy on everything that is created through the policy. Default: the file's name.",
        ),
        ("observe", json!({"type": "boolean"}), observe),
        (
            "redact",
            list(redact()),
            "What replies hide: env, commands, labels:PATTERN, mounts, volume-options, config-data, swarm-tokens, host. Default: what the extended policies hide.",
        ),
        (
            "scope",
            scope(),
            "Which objects exist for the client. Without it, all of them do.",
        ),
    ];
    let keys = keys.map(|(key, schema, told)| (key, described(schema, told)));
    let keys = keys.into_iter().chain(Blocks::schemas());
    let properties = keys.map(|(key, schema)| (key.to_owned(), schema));
    document("A policy of Dockgate", table(properties.collect::<Value>()))
}

/// Completes the schema of a file with what policies and settings have in common.
pub(crate) fn document(title: &str, mut table: Value) -> Value {
    let definitions = json!({"entry": {"anyOf": entries()}, "policy": {"anyOf": policies()}});
    let common = [
        ("$schema", "http://json-schema.org/draft-07/schema#".into()),
        ("title", title.into()),
        ("definitions", definitions),
    ];
    if let Some(table) = table.as_object_mut() {
        table.extend(common.map(|(key, value)| (key.to_owned(), value)));
    }
    table
}

/// One entry of `allow` or `deny`, in the schema of a [`document`].
pub(crate) fn entry() -> Value {
    json!({"$ref": "#/definitions/entry"})
}

/// One policy by its name or file, in the schema of a [`document`].
pub(crate) fn reference() -> Value {
    json!({"$ref": "#/definitions/policy"})
}

/// Every operation and group by name, and raw paths by their shape.
fn entries() -> Vec<Value> {
    let named = |name: &str, told: String| json!({"const": name, "description": told});
    let operations = Operation::ALL.iter().map(|operation| {
        let spec = operation.spec();
        let (group, risk) = (spec.effect.as_str(), spec.risk);
        named(spec.name, format!("{}:{group}: {risk}.", spec.section))
    });
    let aliases = Operation::ALIASES.iter();
    let aliases =
        aliases.map(|(alias, operation)| named(alias, format!("Another name of {operation}.")));
    let sections = ["*"].into_iter().chain(Operation::SECTIONS.iter().copied());
    let groups = sections.flat_map(|section| {
        let effects = Effect::ALL.iter();
        let effects = effects.filter(|effect| **effect != Effect::Control);
        effects.map(move |effect| {
            let name = format!("{section}:{}", effect.as_str());
            named(&name, members(section, *effect))
        })
    });
    let methods: Vec<_> = Method::ALL.iter().map(|method| method.as_str()).collect();
    let path = json!({
        "type": "string",
        "pattern": format!("^({}) /[^{{}}?*/][^?*]*$", methods.join("|")),
        "description": "A method and a path outside the Docker API, with {} for any one segment.",
    });
    let entries = operations.chain(aliases).chain(groups);
    entries.chain([path]).collect()
}

/// The operations of a group, in words.
fn members(section: &str, effect: Effect) -> String {
    let is_member = |operation: &&Operation| {
        let spec = operation.spec();
        spec.effect == effect && ["*", spec.section].contains(&section)
    };
    let members = Operation::ALL.iter().filter(is_member);
    let names: Vec<_> = members.map(|operation| operation.spec().name).collect();
    match (section, names.len()) {
        (_, 0) => "No operation.".to_owned(),
        ("*", count) => format!("{count} operations of all sections."),
        _ => format!("{}.", names.join(", ")),
    }
}

/// Every built-in policy by name, and files.
fn policies() -> Vec<Value> {
    let shipped = shipped::ALL.iter().map(|(name, text)| {
        let table = text.parse::<Table>().unwrap_or_default();
        let told = table.get("description").and_then(toml::Value::as_str);
        json!({"const": name, "description": told.unwrap_or_default()})
    });
    let file = json!({
        "type": "string",
        "pattern": r"/|\.toml$",
        "description": "The path of a policy file. It must contain a / or end in .toml.",
    });
    shipped.chain([file]).collect()
}

/// One entry of `redact`.
pub(crate) fn redact() -> Value {
    json!({"type": "string", "pattern": class::SHAPE})
}

fn scope() -> Value {
    let keys = Scope::schema().map(|(key, schema, told)| (key.to_owned(), described(schema, told)));
    let none =
        json!({"const": false, "description": "No scope, whatever the extended policies have."});
    json!({"anyOf": [table(keys.into_iter().collect::<Value>()), none]})
}

fn mark() -> Value {
    let pattern = format!("^[A-Za-z0-9._-]{{1,{MAX_MARK}}}$");
    json!({"type": "string", "pattern": pattern})
}

fn example() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["request", "verdict"],
        "properties": {
            "request": {
                "type": "string",
                "pattern": " ",
                "description": "Method and target, such as GET /v1.45/containers/json.",
            },
            "body": {"type": "string", "description": "The body, as JSON."},
            "given": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "The daemon's answers to assume, by path, as JSON.",
            },
            "verdict": {"enum": ["allow", "deny"], "description": "The verdict that the request must get."},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policyfile::Entry;
    use crate::policyfile::example::EXAMPLE_KEYS;
    use crate::policyfile::file::KEYS;

    fn keys_of(schema: &Value) -> Vec<&str> {
        let properties = schema["properties"].as_object().unwrap();
        properties.keys().map(String::as_str).collect()
    }

    #[test]
    fn the_keys_are_those_that_are_read() {
        let mut known = [KEYS, Blocks::KEYS].concat();
        known.sort_unstable();
        assert_eq!(keys_of(&policy()), known);
        assert_eq!(keys_of(&example()), EXAMPLE_KEYS);
    }

    /// The keys of a schema, including those of tables in it, that have no description.
    fn untold(at: &str, schema: &Value, found: &mut Vec<String>) {
        let properties = schema["properties"].as_object();
        for (key, schema) in properties.into_iter().flatten() {
            let at = format!("{at}{key}");
            let told = schema["description"].as_str().unwrap_or_default();
            if !told.ends_with('.') || told.lines().count() != 1 {
                found.push(at.clone());
            }
            untold(&format!("{at}."), schema, found);
            untold(&format!("{at}[]."), &schema["items"], found);
        }
    }

    #[test]
    fn every_key_is_told_of_in_a_sentence() {
        let mut found = Vec::new();
        untold("", &policy(), &mut found);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn every_entry_that_is_named_is_one() {
        for schema in entries() {
            let Some(name) = schema["const"].as_str() else {
                continue;
            };
            assert!(Entry::parse(name).is_ok(), "{name}");
            let told = schema["description"].as_str().unwrap();
            assert!(told.ends_with('.'), "{name}: {told}");
        }
    }
}
