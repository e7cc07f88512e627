//! How a key of a block is read.

use serde_json::{Map, Value, json};

use crate::policyfile::spelling::did_you_mean;

/// The type of a key.
pub trait Setting: Sized {
    /// Reads what stands under the key.
    ///
    /// # Errors
    ///
    /// It is not written as it must be.
    fn read(value: &toml::Value) -> Result<Self, BadSetting>;

    /// What may stand under the key, as JSON Schema, never stricter than what is read: a list of texts,
    /// unless a type says otherwise.
    #[must_use]
    fn schema() -> Value {
        json!({"type": "array", "items": {"type": "string", "minLength": 1}})
    }
}

/// The schema of a list of texts of a shape. Where a regular expression cannot tell, it is the looser.
pub(crate) fn list_of(pattern: &str) -> Value {
    json!({"type": "array", "items": {"type": "string", "pattern": pattern}})
}

/// The schema of a table that has these keys and no others.
pub(crate) fn table(properties: &Map<String, Value>) -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

/// A schema with a sentence on what it is about.
pub(crate) fn described(mut schema: Value, told: &str) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), told.trim().into());
    }
    schema
}

/// Why what stands under a key is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSetting {
    /// It is of another kind.
    #[error("must be {0}")]
    Kind(&'static str),
    /// One of a list's entries is not written as it must be.
    #[error("\"{text}\": {want}")]
    Entry {
        /// The entry.
        text: String,
        /// What it must be.
        want: &'static str,
    },
    /// A key of a table within the block is not known.
    #[error("unknown key \"{key}\"{}; the keys are {}", did_you_mean(key, known.iter().copied()), known.join(", "))]
    Key {
        /// The key.
        key: String,
        /// Those that there are.
        known: &'static [&'static str],
    },
}

impl BadSetting {
    /// An entry that is not what it must be.
    #[must_use]
    pub fn entry(text: &str, want: &'static str) -> Self {
        Self::Entry {
            text: text.to_owned(),
            want,
        }
    }
}

impl Setting for bool {
    fn read(value: &toml::Value) -> Result<Self, BadSetting> {
        value
            .as_bool()
            .ok_or(BadSetting::Kind("true or false, without quotes"))
    }

    fn schema() -> Value {
        json!({"type": "boolean"})
    }
}

impl<T: Setting> Setting for Option<T> {
    fn read(value: &toml::Value) -> Result<Self, BadSetting> {
        T::read(value).map(Some)
    }

    fn schema() -> Value {
        T::schema()
    }
}

/// The strings of a list.
pub(crate) fn strings(value: &toml::Value) -> Result<Vec<&str>, BadSetting> {
    let wrong = BadSetting::Kind("a list of strings: [\"...\"]");
    let values = value.as_array().ok_or(wrong.clone())?;
    values
        .iter()
        .map(|value| value.as_str().ok_or(wrong.clone()))
        .collect()
}

/// The entries of a list, each read by itself.
pub(crate) fn entries<T>(
    value: &toml::Value,
    want: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, BadSetting> {
    let entry = |text: &str| read(text).ok_or_else(|| BadSetting::entry(text, want));
    strings(value)?.into_iter().map(entry).collect()
}

/// Refuses keys of a table within a block that are not known.
pub(crate) fn only(table: &toml::Table, known: &'static [&'static str]) -> Result<(), BadSetting> {
    match table.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(BadSetting::Key {
            key: key.clone(),
            known,
        }),
        None => Ok(()),
    }
}
