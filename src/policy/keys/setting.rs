//! What stands under a key of a block: how it is read, what it allows, and what to write for it to allow more.

use serde_json::{Value, json};
use wildmatch::WildMatch;

use crate::policy::remedy::Remedy;
use crate::policy::value::{self, Shape};
use crate::policyfile::spelling::did_you_mean;

/// The type of a key.
pub(crate) trait Setting {
    /// The values that it decides about.
    fn shape() -> Shape
    where
        Self: Sized,
    {
        Shape::Text
    }

    /// Reads what stands under the key.
    fn read(value: &toml::Value) -> Result<Self, String>
    where
        Self: Sized;

    /// What may stand under the key, as JSON Schema, never stricter than what is read.
    fn schema() -> Value
    where
        Self: Sized,
    {
        texts()
    }

    /// The entry that allows a recorded value and nothing else, if there is one: no pattern, no folder with all that
    /// is in it, and not whatever has a label.
    fn literal(recorded: &str) -> Option<String>
    where
        Self: Sized,
    {
        is_plain(recorded).then(|| recorded.to_owned())
    }

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
            Err(change) => Remedy::client(change),
        }
    }

    /// The entry that allows a value, or what the client must do for there to be one.
    fn entry(&self, value: &value::Value) -> Result<String, &'static str> {
        Ok(value.shown().unwrap_or_default().into_owned())
    }

    /// What else there is to say of that entry.
    fn note(&self, _: &value::Value) -> &'static str {
        ""
    }

    /// Its entries, as they are written, if it is a list of texts.
    fn entries(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether it allows nothing.
    fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Whether it looks at more of a value than is recorded.
    fn looks_closer(&self) -> bool {
        true
    }

    /// The containers that it selects, if it does that.
    fn selectors(&self) -> Option<&Selectors> {
        None
    }
}

impl Setting for bool {
    fn shape() -> Shape {
        Shape::Flag
    }

    fn read(value: &toml::Value) -> Result<Self, String> {
        let flag = value.as_bool();
        flag.ok_or_else(|| must_be("true or false, without quotes"))
    }

    fn schema() -> Value {
        json!({"type": "boolean"})
    }

    fn allows(&self, _: &value::Value) -> bool {
        *self
    }

    fn remedy(&self, key: &str, _: &value::Value) -> Remedy {
        Remedy::set(key, "true")
    }

    fn is_empty(&self) -> bool {
        !self
    }
}

/// Without the key everything is allowed.
impl<T: Setting> Setting for Option<T> {
    fn shape() -> Shape {
        T::shape()
    }

    fn read(value: &toml::Value) -> Result<Self, String> {
        T::read(value).map(Some)
    }

    fn schema() -> Value {
        T::schema()
    }

    fn literal(recorded: &str) -> Option<String> {
        T::literal(recorded)
    }

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

    fn selectors(&self) -> Option<&Selectors> {
        self.as_ref()?.selectors()
    }
}

/// An entry of a list that allows what any of its entries allows.
pub(crate) trait Entry: Sized {
    /// What an entry must be.
    const WANT: &'static str = "must not be empty";

    /// A regular expression for the schema, never stricter than what is read.
    const PATTERN: Option<&'static str> = None;

    const SHAPE: Shape = Shape::Text;

    fn parse(text: &str) -> Option<Self>;

    /// What is listed of it among [`Setting::entries`].
    fn written(&self) -> Option<String> {
        None
    }

    fn allows(&self, value: &value::Value) -> bool;

    /// The entry that allows a value, as of [`Setting::entry`].
    fn of(value: &value::Value) -> Result<String, &'static str> {
        Ok(value.shown().unwrap_or_default().into_owned())
    }

    fn literal(recorded: &str) -> Option<String> {
        is_plain(recorded).then(|| recorded.to_owned())
    }

    fn selectors(_: &List<Self>) -> Option<&Selectors> {
        None
    }
}

/// A list of entries, each of which is read and allows what it allows by itself.
#[derive(Clone, Debug)]
pub(crate) struct List<E>(pub(super) Vec<E>);

impl<E> Default for List<E> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<E: Entry> Setting for List<E> {
    fn shape() -> Shape {
        E::SHAPE
    }

    fn read(value: &toml::Value) -> Result<Self, String> {
        entries(value, E::WANT, E::parse).map(Self)
    }

    fn schema() -> Value {
        E::PATTERN.map_or_else(texts, list_of)
    }

    fn literal(recorded: &str) -> Option<String> {
        E::literal(recorded)
    }

    fn allows(&self, value: &value::Value) -> bool {
        self.0.iter().any(|entry| entry.allows(value))
    }

    fn entry(&self, value: &value::Value) -> Result<String, &'static str> {
        E::of(value)
    }

    fn entries(&self) -> Vec<String> {
        self.0.iter().filter_map(E::written).collect()
    }

    fn selectors(&self) -> Option<&Selectors> {
        E::selectors(self)
    }
}

/// Containers that are there.
pub(crate) type Selectors = List<Selector>;

/// Some of the containers that are there. As an entry: a pattern of the name, `label:key`, `label:key=pattern`,
/// `project:pattern` for a compose project, or `@own` for what was made through the same policy.
#[derive(Clone, Debug)]
pub(crate) enum Selector {
    Label(String, Option<WildMatch>),
    Name(WildMatch),
    /// What was made through the same policy.
    Own,
}

/// Whether a text is no pattern.
pub(super) fn is_plain(text: &str) -> bool {
    !text.contains(['*', '?'])
}

/// Reads a pattern of a name.
pub(super) fn pattern(text: &str) -> Option<WildMatch> {
    (!text.is_empty()).then(|| WildMatch::new(text))
}

/// That what stands under a key is not of the kind that it must be.
pub(super) fn must_be(kind: &str) -> String {
    format!("must be {kind}")
}

/// That an entry of a list is not written as it must be.
pub(super) fn bad_entry(text: &str, want: &str) -> String {
    format!("\"{text}\": {want}")
}

/// The strings of a list.
pub(super) fn strings(value: &toml::Value) -> Result<Vec<&str>, String> {
    let values = value
        .as_array()
        .map(|list| list.iter().map(toml::Value::as_str));
    let strings = values.and_then(Iterator::collect);
    strings.ok_or_else(|| must_be("a list of strings: [\"...\"]"))
}

/// The entries of a list, each read by itself.
pub(super) fn entries<T>(
    value: &toml::Value,
    want: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, String> {
    let entry = |text: &str| read(text).ok_or_else(|| bad_entry(text, want));
    strings(value)?.into_iter().map(entry).collect()
}

/// The keys of a table that are not known, each with what is wrong with it.
pub(super) fn unknown(
    table: &toml::Table,
    known: &[&str],
) -> impl Iterator<Item = (String, String)> {
    let unknown = table.keys().filter(|key| !known.contains(&key.as_str()));
    unknown.map(|key| {
        let hint = did_you_mean(key, known.iter().copied());
        let keys = known.join(", ");
        (key.clone(), format!("{hint}; the keys are {keys}"))
    })
}

/// A table within a block that has no other keys than these.
pub(super) fn table_of<'a>(
    value: &'a toml::Value,
    known: &[&str],
    kind: &str,
) -> Result<&'a toml::Table, String> {
    let table = value.as_table().ok_or_else(|| must_be(kind))?;
    match unknown(table, known).next() {
        Some((key, keys)) => Err(format!("unknown key \"{key}\"{keys}")),
        None => Ok(table),
    }
}

fn texts() -> Value {
    json!({"type": "array", "items": {"type": "string", "minLength": 1}})
}

/// The schema of a list of texts of a shape. Where a regular expression cannot tell, it is the looser.
pub(super) fn list_of(pattern: &str) -> Value {
    json!({"type": "array", "items": {"type": "string", "pattern": pattern}})
}

/// The schema of a table that has these keys and no others.
pub(crate) fn table(properties: impl Into<Value>) -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": properties.into()})
}

/// A schema with a sentence on what it is about.
pub(crate) fn described(mut schema: Value, told: &str) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), told.trim().into());
    }
    schema
}
