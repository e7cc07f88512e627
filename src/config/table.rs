//! How the table of settings works: each row makes a setting's key, checks, default, schema, and the value that
//! the program uses.

use std::fmt::Debug;
use std::sync::Arc;

use figment::value::{Dict, Value};
use serde_json::Value as Json;

use super::layers::Layers;
use super::rows::{Note, SettingRow, ValueShape};
use crate::policyfile::{Place, Problem};
pub(crate) trait SettingKind {
    /// What the program uses.
    type Value: Debug;
    /// What can be checked about a value wherever it is written, before all of them are merged.
    const SHAPE: ValueShape;
    /// The settings of its table, or of each of its tables.
    const ROWS: &'static [SettingRow] = &[];
    /// What to write instead of an empty list of it, where that is wrong.
    const INSTEAD: &str = "write one";

    /// Reads a value of that shape. `None` if it is wrong, which is reported to the reader.
    fn read(value: &Value, reader: &mut SettingsReader<'_>) -> Option<Self::Value>;

    /// What may be written, as JSON Schema, never stricter than what is read.
    fn schema() -> Json;
}

/// A table with a row for each setting, and the struct that has them once they are read. Where a row has no
/// default, there is `None` when nothing sets it.
macro_rules! settings {
    ($(
        $(#[$about_table:meta])*
        $vis:vis struct $table:ident {
            $(
                #[doc = $about:literal]
                $key:ident: $kind:ty $(= $default:expr)? $(=> $note:ident $($text:literal)?)?;
            )+
        }
    )+) => {$(
        $(#[$about_table])*
        #[derive(Clone, Debug)]
        #[allow(clippy::doc_markdown, reason = "users read the sentences as they are")]
        $vis struct $table {
            $(
                #[doc = $about]
                pub(crate) $key: settings!(@type $kind $(, $default)?),
            )+
        }

        impl SettingKind for $table {
            type Value = Self;
            const SHAPE: ValueShape = ValueShape::Table;
            const ROWS: &'static [SettingRow] = &[$(SettingRow {
                key: stringify!($key),
                about: $about,
                shape: <$kind as SettingKind>::SHAPE,
                rows: <$kind as SettingKind>::ROWS,
                schema: <$kind as SettingKind>::schema,
                default: settings!(@default $($default)?),
                note: settings!(@note $($note $($text)?)?),
            }),+];

            /// Reads all of them, and reports everything that is wrong.
            fn read(value: &Value, reader: &mut SettingsReader<'_>) -> Option<Self> {
                let (dict, mut rows) = (value.as_dict()?, Self::ROWS.iter());
                $(let $key = reader.take::<$kind>(dict, rows.next()?);)+
                Some(Self { $($key: settings!(@field $key $(, $default)?)),+ })
            }

            fn schema() -> Json {
                $crate::config::rows::schema(Self::ROWS)
            }
        }
    )+};
    (@type $kind:ty) => { Option<<$kind as SettingKind>::Value> };
    (@type $kind:ty, $default:expr) => { <$kind as SettingKind>::Value };
    (@default) => { None };
    (@default $default:expr) => { Some(|| Value::from($default)) };
    (@note) => { Note::Fixed };
    (@note live) => { Note::Live };
    (@note required $text:literal) => { Note::Required($text) };
    (@field $key:ident) => { $key };
    (@field $key:ident, $default:expr) => { $key? };
}

pub(crate) use settings;

/// Reads the merged values, and keeps every problem.
pub(crate) struct SettingsReader<'a> {
    layers: &'a Layers,
    /// The key that is being read.
    key: String,
    /// Which entry of its list is being read.
    entry: usize,
    /// The settings that hold until the process ends, with what each says.
    pub(crate) fixed: Vec<(&'static str, String)>,
    pub(crate) problems: Vec<Problem>,
}

impl<'a> SettingsReader<'a> {
    pub(crate) fn new(layers: &'a Layers) -> Self {
        Self {
            layers,
            key: String::new(),
            entry: 0,
            fixed: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Reads one setting of a table. What is wrong is reported, and its default taken, so that nothing else
    /// is wrong for its sake.
    pub(crate) fn take<K: SettingKind>(
        &mut self,
        dict: &Dict,
        row: &SettingRow,
    ) -> Option<K::Value> {
        let outer = self.key.len();
        if outer > 0 {
            self.key.push('.');
        }
        self.key.push_str(row.key);
        let set = dict.get(row.key);
        let set = set.and_then(|value| K::read(value, self));
        let read = set.or_else(|| K::read(&row.default?(), self));
        self.key.truncate(outer);
        if outer == 0 && row.note == Note::Fixed {
            self.fixed.push((row.key, format!("{read:?}")));
        }
        read
    }

    /// Reads each entry of a list of texts, and leaves out those that are wrong.
    pub(crate) fn entries<K: SettingKind>(&mut self, values: &[Value]) -> Vec<K::Value> {
        let entries = values.iter().enumerate().filter_map(|(at, value)| {
            self.entry = at;
            K::read(value, self)
        });
        entries.collect()
    }
    pub(crate) fn tables<K: SettingKind>(&mut self, values: &[Value]) -> Option<Vec<K::Value>> {
        let list = self.key.clone();
        let tables = values.iter().enumerate().map(|(at, value)| {
            self.key = format!("{list}[{at}]");
            K::read(value, self)
        });
        // Each is read, even if one before it is wrong.
        let tables: Vec<_> = tables.collect();
        self.key = list;
        tables.into_iter().collect()
    }

    /// Reports what is wrong with the key that is being read.
    pub(crate) fn wrong(&mut self, message: impl Into<String>) {
        self.wrong_at(&self.key.clone(), message);
    }

    /// Reports what is wrong with a key, together with where it is set.
    pub(crate) fn wrong_at(&mut self, key: &str, message: impl Into<String>) {
        let entry = if key == self.key { self.entry } else { 0 };
        let problem = Problem::of_key(&self.layers.origin(key), key, message.into());
        let line = self.layers.line(key, entry);
        self.problems.push(problem.on_line(line));
    }

    /// What the key that is being read is written as.
    pub(crate) fn written_as(&self) -> &'static str {
        match &*self.layers.origin(&self.key) {
            flag if flag.starts_with("--") => "flag",
            variable if variable.starts_with("DOCKGATE_") => "variable",
            _ => "key",
        }
    }

    /// The place of the entry that is being read.
    pub(crate) fn place(&self) -> Place {
        Place::List {
            key: Arc::from(self.key.as_str()),
            file: Arc::from(&*self.layers.origin(&self.key)),
            line: self.layers.line(&self.key, self.entry),
        }
    }
}
