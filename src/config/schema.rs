//! What a settings file may hold, as JSON Schema of draft 07, which editors complete and check by.
//!
//! It is made of the table of keys and of the defaults. As that of policies it is never stricter than the reader.

use serde_json::{Map, Value, json};

use super::keys::{KEYS, Key, Kind, LISTENER_KEYS, TABLES};
use super::raw::RawConfig;
use crate::policyfile::schema::{DRAFT, definitions, entry, reference};

/// The schema of a settings file.
#[must_use]
pub fn settings() -> Value {
    let defaults = serde_json::to_value(RawConfig::default()).unwrap_or_default();
    let mut schema = table(KEYS, &defaults);
    let whole = json!({
        "$schema": DRAFT,
        "title": "The settings of Dockgate",
        "definitions": definitions(),
    });
    if let (Some(schema), Value::Object(whole)) = (schema.as_object_mut(), whole) {
        schema.extend(whole);
    }
    schema
}

/// A table with these keys and defaults. Keys with a point in them stand in a table within.
fn table(keys: &[Key], defaults: &Value) -> Value {
    let mut properties = Map::new();
    for (key, kind, told) in keys {
        let Some((level, _)) = key.split_once('.') else {
            let default = defaults
                .get(key)
                .filter(|default| is_worth_telling(default));
            properties.insert((*key).to_owned(), told_of(*kind, told, default));
            continue;
        };
        let within = keys.iter().filter_map(|(key, kind, told)| {
            let key = key.strip_prefix(level)?.strip_prefix('.')?;
            Some((key, *kind, *told))
        });
        let within: Vec<_> = within.collect();
        let defaults = defaults.get(level).unwrap_or_default();
        let mut table = table(&within, defaults);
        let told = TABLES.iter().find(|(name, _)| *name == level);
        if let (Some(table), Some((_, told))) = (table.as_object_mut(), told) {
            table.insert("description".to_owned(), (*told).into());
        }
        properties.insert(level.to_owned(), table);
    }
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

/// Whether a default is one that can be written: nothing and an empty list say that there is none.
fn is_worth_telling(default: &Value) -> bool {
    !default.is_null() && default.as_array().is_none_or(|list| !list.is_empty())
}

fn told_of(kind: Kind, told: &str, default: Option<&Value>) -> Value {
    let mut schema = of(kind);
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), told.into());
        schema.extend(default.map(|default| ("default".to_owned(), default.clone())));
    }
    schema
}

fn of(kind: Kind) -> Value {
    match kind {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Entry => entry(),
        Kind::Filled(kind) => json!({"type": "array", "items": of(*kind), "minItems": 1}),
        Kind::Like(pattern) => json!({"type": "string", "pattern": pattern}),
        Kind::List(kind) => json!({"type": "array", "items": of(*kind)}),
        Kind::Listeners => {
            let mut listener = table(LISTENER_KEYS, &Value::Null);
            if let Some(listener) = listener.as_object_mut() {
                listener.insert("required".to_owned(), json!(["address"]));
            }
            json!({"type": "array", "items": listener})
        }
        Kind::Number(bounds) => {
            json!({"type": "integer", "minimum": bounds.start(), "maximum": bounds.end()})
        }
        Kind::Policy => reference(),
        Kind::Word(words) => json!({"enum": words()}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = include_str!("../../docs/settings.md");

    /// How the document calls a kind.
    fn word(key: &str, kind: Kind) -> &'static str {
        match kind {
            Kind::Bool => "boolean",
            Kind::Filled(_) | Kind::List(_) => "list",
            Kind::Listeners => "list of tables",
            Kind::Number(_) => "number",
            Kind::Like(_) if key == "limits.reply_head" => "duration, or `\"off\"`",
            Kind::Like(_) if key == "limits.upload_rate" => "bytes per second, or `\"off\"`",
            Kind::Like(_) if key.starts_with("limits.") => "duration",
            Kind::Entry | Kind::Like(_) | Kind::Policy | Kind::Word(_) => "text",
        }
    }

    #[test]
    fn every_key_is_told_of_in_a_sentence_and_is_in_the_document() {
        for (key, kind, told) in KEYS.iter().chain(LISTENER_KEYS) {
            assert!(told.ends_with('.') && !told.contains('\n'), "{key}: {told}");
            let row = format!("\n| `{key}` | {} |", word(key, *kind));
            assert!(DOCUMENT.contains(&row), "{row}");
        }
    }

    #[test]
    fn every_default_is_as_the_document_says() {
        let defaults = serde_json::to_value(RawConfig::default()).unwrap();
        let mut told = 0;
        for (key, kind, _) in KEYS {
            let default = defaults.pointer(&format!("/{}", key.replace('.', "/")));
            let default = default.unwrap();
            if is_worth_telling(default) {
                let row = format!("\n| `{key}` | {} | `{default}` |", word(key, *kind));
                assert!(DOCUMENT.contains(&row), "{row}");
                let place = format!("/properties/{}/default", key.replace('.', "/properties/"));
                assert_eq!(settings().pointer(&place), Some(default), "{key}");
                told += 1;
            }
            if let Some((level, _)) = key.split_once('.') {
                assert!(
                    settings()["properties"][level]["description"].is_string(),
                    "{level}"
                );
            }
        }
        assert!(told >= 18, "{told}");
    }
}
