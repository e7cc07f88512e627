//! How a key of a block is read.

use serde_json::{Map, Value, json};

use crate::policy::objects::Container;
use crate::policy::remedy::{Edit, Remedy};
use crate::policy::value::{self, Shape};

use crate::policyfile::spelling::did_you_mean;

/// The type of a key.
pub trait Setting: Sized + Decides {
    /// The values that it decides about.
    const SHAPE: Shape = Shape::Text;

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

    /// The entry that allows a recorded value and nothing else, if there is one: no pattern, no folder with all that
    /// is in it, and not whatever has a label.
    #[must_use]
    fn literal(recorded: &str) -> Option<String> {
        is_plain(recorded).then(|| recorded.to_owned())
    }
}

/// Whether a text is no pattern.
pub(super) fn is_plain(text: &str) -> bool {
    !text.contains(['*', '?'])
}

/// What stands under a key.
pub trait Decides {
    /// Whether it allows a value.
    fn allows(&self, value: &value::Value) -> bool;

    /// What to write under the key, or to change, for a value to be allowed that is not.
    fn remedy(&self, key: &str, value: &value::Value) -> Remedy {
        let shown = value.shown().unwrap_or_default();
        if shown.is_empty() {
            return Remedy::Client(format!("name one of {key}"));
        }
        match self.entry(value) {
            Ok(entry) => Remedy::entry(key, &entry).noted(self.note(value)),
            Err(change) => Remedy::Client(change.to_owned()),
        }
    }

    /// The entry that allows a value, or what the client must do for there to be one.
    ///
    /// # Errors
    ///
    /// No entry allows it.
    fn entry(&self, value: &value::Value) -> Result<String, &'static str> {
        Ok(value.shown().unwrap_or_default().into_owned())
    }

    /// What else there is to say of that entry.
    fn note(&self, _: &value::Value) -> &'static str {
        ""
    }

    /// Its entries, as they are written, where it is a list of texts.
    fn entries(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether it allows nothing.
    fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Whether more of a value decides than what is recorded where not all of it is.
    fn looks_closer(&self) -> bool {
        true
    }

    /// The containers that it selects, if it does that.
    fn selectors(&self) -> Option<&dyn Selects> {
        None
    }
}

/// Chooses containers that are there.
pub trait Selects {
    /// Whether a container is one of them, asked by the policy of this name.
    fn covers(&self, container: &Container, policy: &str) -> bool;

    /// Whether a container of this name would be one of them, whatever else it is.
    fn select_name(&self, name: &str) -> bool;

    /// Whether any of them selects by a label.
    fn has_labels(&self) -> bool;
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
    const SHAPE: Shape = Shape::Flag;

    fn read(value: &toml::Value) -> Result<Self, BadSetting> {
        value
            .as_bool()
            .ok_or(BadSetting::Kind("true or false, without quotes"))
    }

    fn schema() -> Value {
        json!({"type": "boolean"})
    }
}

impl Decides for bool {
    fn allows(&self, _: &value::Value) -> bool {
        *self
    }

    fn remedy(&self, key: &str, _: &value::Value) -> Remedy {
        Remedy::change(Edit::Set, key, "true")
    }

    fn is_empty(&self) -> bool {
        !self
    }
}

/// Without the key everything is allowed.
impl<T: Setting> Setting for Option<T> {
    const SHAPE: Shape = T::SHAPE;

    fn read(value: &toml::Value) -> Result<Self, BadSetting> {
        T::read(value).map(Some)
    }

    fn schema() -> Value {
        T::schema()
    }

    fn literal(recorded: &str) -> Option<String> {
        T::literal(recorded)
    }
}

impl<T: Decides> Decides for Option<T> {
    fn allows(&self, value: &value::Value) -> bool {
        self.as_ref().is_none_or(|set| set.allows(value))
    }

    fn remedy(&self, key: &str, value: &value::Value) -> Remedy {
        match self {
            Some(set) => set.remedy(key, value),
            None => Remedy::entry(key, &value.shown().unwrap_or_default()),
        }
    }

    fn entries(&self) -> Vec<String> {
        self.as_ref().map(T::entries).unwrap_or_default()
    }

    fn looks_closer(&self) -> bool {
        self.as_ref().is_some_and(T::looks_closer)
    }

    fn selectors(&self) -> Option<&dyn Selects> {
        self.as_ref()?.selectors()
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
