//! The value of a block's key: how it is read, what it allows, and what to write so that it allows more.

use serde_json::{Value, json};
use wildmatch::WildMatch;

use crate::policy::remedy::Remedy;
use crate::policy::value::{self, Shape};
use crate::policyfile::spelling::known_keys;

/// The type of a key.
pub(crate) trait Setting {
    /// The shape of the values that it decides about.
    fn shape() -> Shape
    where
        Self: Sized,
    {
        Shape::Text
    }

    fn read(value: &toml::Value) -> Result<Self, String>
    where
        Self: Sized;

    /// The JSON Schema of the key's value, never stricter than `read`.
    fn schema() -> Value
    where
        Self: Sized,
    {
        texts()
    }

    /// The entry that allows a recorded value and nothing else, if there is one: not a pattern, a folder or a label.
    fn literal(recorded: &str) -> Option<String>
    where
        Self: Sized,
    {
        is_plain(recorded).then(|| recorded.to_owned())
    }

    fn allows(&self, value: &value::Value) -> bool;

    /// What to change so that the key allows a value that it denies now.
    fn remedy(&self, key: &str, value: &value::Value) -> Remedy {
        let shown = value.shown().unwrap_or_default();
        if shown.is_empty() {
            return Remedy::Client(format!("send a value that {key} allows"));
        }
        match self.entry(value) {
            Ok(entry) => Remedy::entry(key, &entry).noted(self.note(value)),
            Err(change) => Remedy::client(change),
        }
    }

    /// The entry that allows a value, or what the client must do because no entry can.
    fn entry(&self, value: &value::Value) -> Result<String, &'static str> {
        Ok(value.shown().unwrap_or_default().into_owned())
    }

    /// A note to add to that entry.
    fn note(&self, _: &value::Value) -> &'static str {
        ""
    }

    /// Its entries as they are written, if it is a list of texts.
    fn entries(&self) -> Vec<String> {
        Vec::new()
    }

    fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Whether it checks more of a value than audit records contain.
    fn looks_closer(&self) -> bool {
        true
    }

    /// Its selectors, if it selects containers.
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
        flag.ok_or_else(|| {
            format!(
                "{}, but is {value}",
                must_be("true or false without quotes")
            )
        })
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

/// `None`: without the key, everything is allowed.
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

/// An entry of a list. The list allows what any of its entries allows.
pub(crate) trait Entry: Sized {
    /// The error for a bad entry.
    const WANT: &'static str = "must not be empty";

    /// A regular expression for the schema, never stricter than `parse`.
    const PATTERN: Option<&'static str> = None;

    const SHAPE: Shape = Shape::Text;

    fn parse(text: &str) -> Option<Self>;

    /// How [`Setting::entries`] lists it.
    fn written(&self) -> Option<String> {
        None
    }

    fn allows(&self, value: &value::Value) -> bool;

    /// The entry that allows a value, as in [`Setting::entry`].
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

/// A list of entries. It allows what any of its entries allows.
#[derive(Clone, Debug)]
pub(crate) struct List<E>(pub(super) Vec<E>);

impl<E> List<E> {
    /// Its entries.
    pub(crate) fn as_slice(&self) -> &[E] {
        &self.0
    }
}

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

/// Selects existing containers.
pub(crate) type Selectors = List<Selector>;

/// An entry that selects existing containers: a pattern of the name, `label:key`, `label:key=pattern`,
/// `project:pattern` for a Compose project, or `@own` for those created through the same policy.
#[derive(Clone, Debug)]
pub(crate) enum Selector {
    Label(String, Option<WildMatch>),
    Name(WildMatch),
    /// Created through the same policy.
    Own,
}

/// Whether a text has no wildcards.
pub(super) fn is_plain(text: &str) -> bool {
    !text.contains(['*', '?'])
}

pub(super) fn pattern(text: &str) -> Option<WildMatch> {
    (!text.is_empty()).then(|| WildMatch::new(text))
}

/// The error for a value of the wrong kind.
pub(super) fn must_be(kind: &str) -> String {
    format!("must be {kind}")
}

/// The error for a bad entry of a list.
pub(super) fn bad_entry(text: &str, want: &str) -> String {
    format!("\"{text}\": {want}")
}

/// The strings of a list, or the one string instead of it.
pub(super) fn strings(value: &toml::Value) -> Result<Vec<&str>, String> {
    if let Some(one) = value.as_str() {
        return Ok(vec![one]);
    }
    let values = value
        .as_array()
        .map(|list| list.iter().map(toml::Value::as_str));
    let strings = values.and_then(Iterator::collect);
    strings.ok_or_else(|| {
        format!(
            "{}, but is {value}",
            must_be("a list of strings: [\"...\"]")
        )
    })
}

/// The entries of a list, each read by itself.
pub(super) fn entries<T>(
    value: &toml::Value,
    want: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, String> {
    let (mut entries, mut wrong) = (Vec::new(), Vec::new());
    for text in strings(value)? {
        match read(text) {
            Some(entry) => entries.push(entry),
            None => wrong.push(bad_entry(text, want)),
        }
    }
    if wrong.is_empty() {
        Ok(entries)
    } else {
        Err(wrong.join("; "))
    }
}

/// The unknown keys of a table, each with the rest of its error.
pub(super) fn unknown(
    table: &toml::Table,
    known: &[&str],
) -> impl Iterator<Item = (String, String)> {
    let unknown = table.keys().filter(|key| !known.contains(&key.as_str()));
    unknown.map(|key| (key.clone(), known_keys(key, known)))
}

/// Reads a table within a block, which may have only these keys.
pub(super) fn table_of<'a>(
    value: &'a toml::Value,
    known: &[&str],
    kind: &str,
) -> Result<&'a toml::Table, String> {
    let table = value.as_table().ok_or_else(|| must_be(kind))?;
    let unknown = unknown(table, known).map(|(key, keys)| format!("unknown key \"{key}\"{keys}"));
    let unknown: Vec<_> = unknown.collect();
    if unknown.is_empty() {
        Ok(table)
    } else {
        Err(unknown.join("; "))
    }
}

fn texts() -> Value {
    or_one(&json!({"type": "array", "items": {"type": "string", "minLength": 1}}))
}

/// The schema of a list for which one entry may be written without brackets.
pub(crate) fn or_one(list: &Value) -> Value {
    let one = list.get("items").cloned().unwrap_or_default();
    json!({"anyOf": [list, one]})
}

/// The schema of a list of texts that match a pattern. If a regular expression cannot decide, the schema accepts the
/// text.
pub(super) fn list_of(pattern: &str) -> Value {
    or_one(&json!({"type": "array", "items": {"type": "string", "pattern": pattern}}))
}

/// The schema of a table that has only these keys.
pub(crate) fn table(properties: impl Into<Value>) -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": properties.into()})
}

pub(crate) fn described(mut schema: Value, told: &str) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), told.trim().into());
    }
    schema
}
