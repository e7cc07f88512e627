//! The rows of the table of settings: what a file and a variable may say, and its schema.

use std::collections::BTreeMap;

use figment::value::{Dict, Value};
use serde_json::{Map, Value as Json, json};

use super::layers::variable;
use crate::policy::keys::setting::{described, table};
use crate::policyfile::spelling::{missing_feature, nearest};
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueShape {
    Flag,
    List,
    Number,
    Table,
    TableOrFalse,
    Tables,
    Text,
}
pub(crate) struct SettingRow {
    /// Its name within its table.
    pub(crate) key: &'static str,
    /// A sentence on it.
    pub(crate) about: &'static str,
    pub(crate) shape: ValueShape,
    /// The settings of its table, or of each of its tables.
    pub(crate) rows: &'static [SettingRow],
    pub(crate) schema: fn() -> Json,
    pub(crate) default: Option<fn() -> Value>,
    pub(crate) note: Note,
}

/// What else there is to know of a setting.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    /// It holds until the process ends.
    Fixed,
    /// A reload takes it over, or compares what comes of it.
    Live,
    /// Its table cannot do without. The text says what to write.
    Required(&'static str),
}

impl ValueShape {
    /// Reads a variable's text as this shape.
    pub(crate) fn parse(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Flag => {
                let flag = text.parse::<bool>().map(Value::from);
                flag.map_err(|_| format!("must be true or false, but is \"{text}\""))
            }
            Self::Number => {
                let number = text.parse::<u64>().map(Value::from);
                number.map_err(|_| format!("must be a whole number, but is \"{text}\""))
            }
            Self::Text => Ok(Value::from(text)),
            Self::TableOrFalse if text == "false" => Ok(Value::from(false)),
            Self::TableOrFalse => Err(format!(
                "must be false, or have a variable for each key, but is \"{text}\""
            )),
            Self::List => {
                let parts = text.split(',').map(str::trim);
                let parts = parts.filter(|part| !part.is_empty()).map(Value::from);
                Ok(Value::from(parts.collect::<Vec<_>>()))
            }
            Self::Table | Self::Tables => {
                let example = variable("listener[0].address");
                Err(format!(
                    "has a variable for each key: write {example}=tcp://0.0.0.0:2375"
                ))
            }
        }
    }

    fn is_of(self, value: &Value) -> bool {
        let all = |is_of: fn(&Value) -> bool| {
            let values = value.as_array();
            values.is_some_and(|values| values.iter().all(is_of))
        };
        match self {
            Self::Flag => value.to_bool().is_some(),
            Self::List => value.as_str().is_some() || all(|value| value.as_str().is_some()),
            Self::Number => number(value).is_some(),
            Self::Table => value.as_dict().is_some(),
            Self::TableOrFalse => value.as_dict().is_some() || value.to_bool() == Some(false),
            Self::Tables => all(|value| value.as_dict().is_some()),
            Self::Text => value.as_str().is_some(),
        }
    }

    fn expected(self, key: &str, value: &Value) -> String {
        let name = key.rsplit('.').next().unwrap_or_default();
        let expected = match self {
            Self::Flag => format!("must be true or false without quotes: {name} = true"),
            Self::List => format!("must be a list of strings: {name} = [\"...\"]"),
            Self::Number => format!("must be a whole number without quotes: {name} = 10"),
            Self::Table => format!("must be a table: [{key}]"),
            Self::TableOrFalse => format!("must be a table or false: {name} = {{ ... }}"),
            Self::Tables => format!("must be a list of tables: [[{key}]]"),
            Self::Text => format!("must be a string in quotes: {name} = \"...\""),
        };
        let found = serde_json::to_string(value).unwrap_or_default();
        format!("{expected}, but is {found}")
    }
}

/// A number: TOML's are signed, the environment's are not.
pub(crate) fn number(value: &Value) -> Option<u64> {
    let signed = value.to_i128().and_then(|number| number.try_into().ok());
    signed.or_else(|| value.to_u128()?.try_into().ok())
}

/// The settings of a table and of those in it by their keys, sorted, with points between the levels.
pub(crate) fn all(rows: &'static [SettingRow]) -> BTreeMap<String, &'static SettingRow> {
    let mut keys = BTreeMap::new();
    for row in rows {
        if matches!(row.shape, ValueShape::Table | ValueShape::TableOrFalse) {
            let inner = all(row.rows).into_iter();
            keys.extend(inner.map(|(key, inner)| (format!("{}.{key}", row.key), inner)));
        }
        if row.shape != ValueShape::Table {
            keys.insert(row.key.to_owned(), row);
        }
    }
    keys
}

/// What other programs call our settings.
const ELSEWHERE: &[(&str, &str)] = &[
    ("docker_host", "upstream"),
    ("log_level", "log"),
    ("socket", "upstream"),
    ("socket_path", "upstream"),
    ("listener.address", "listen"),
];

/// What to say of a key that no table has. `shown` makes of the key that it is near what is written.
pub(crate) fn unknown(
    rows: &'static [SettingRow],
    key: &str,
    shown: impl Fn(&str) -> String,
) -> String {
    let all = all(rows);
    let keys = || all.keys().map(String::as_str);
    let begins = |known: &&str| {
        let rest = key.strip_prefix(known);
        rest.is_some_and(|rest| rest.starts_with('_'))
    };
    if let Some(message) = missing_feature(key) {
        return format!("unknown key: {message}");
    }
    let known_elsewhere = ELSEWHERE.iter().find(|(name, _)| *name == key);
    let known_elsewhere = known_elsewhere.map(|(_, ours)| *ours);
    let near = known_elsewhere.filter(|ours| all.contains_key(*ours));
    let near = near
        .or_else(|| nearest(key, keys()))
        .or_else(|| keys().find(begins));
    let hint = near.map(|near| format!(": did you mean {}?", shown(near)));
    format!("unknown key{}", hint.unwrap_or_default())
}

/// Checks the values of a file against a table, reports all that do not fit, and keeps those that do.
/// Reports put `within` before each key.
pub(crate) fn fitting(
    rows: &'static [SettingRow],
    dict: Dict,
    within: &str,
    report: &mut dyn FnMut(&str, String),
) -> Dict {
    let mut values: Vec<_> = dict.into_iter().collect();
    values.sort_by_key(|(_, value)| ValueShape::Tables.is_of(value));
    let mut fitting = Dict::new();
    for (name, value) in values {
        let key = format!("{within}{name}");
        match rows.iter().find(|row| row.key == name) {
            Some(row) if row.shape.is_of(&value) => {
                fitting.insert(name, inner(row, value, &key, report));
            }
            Some(row) => report(&key, row.shape.expected(&key, &value)),
            None => {
                let shown = |near: &str| format!("\"{within}{near}\"");
                report(&key, unknown(rows, &name, shown));
            }
        }
    }
    for row in rows {
        if let Note::Required(text) = row.note
            && !fitting.contains_key(row.key)
        {
            report(&format!("{within}{}", row.key), text.to_owned());
        }
    }
    fitting
}

/// What fits of the tables in a value.
fn inner(
    row: &'static SettingRow,
    value: Value,
    key: &str,
    report: &mut dyn FnMut(&str, String),
) -> Value {
    match (row.shape, value) {
        (ValueShape::Table | ValueShape::TableOrFalse, Value::Dict(_, table)) => {
            fitting(row.rows, table, &format!("{key}."), report).into()
        }
        (ValueShape::Tables, Value::Array(_, tables)) => {
            let tables = tables.into_iter().filter_map(Value::into_dict).enumerate();
            let tables = tables.map(|(at, table)| {
                fitting(row.rows, table, &format!("{key}[{at}]."), report).into()
            });
            Value::from(tables.collect::<Vec<Value>>())
        }
        (ValueShape::List, value) if value.as_str().is_some() => vec![value].into(),
        (_, value) => value,
    }
}
pub(crate) fn schema(rows: &[SettingRow]) -> Json {
    let mut properties = Map::new();
    for row in rows {
        let mut schema = described((row.schema)(), row.about);
        if let (Some(schema), Some(default)) = (schema.as_object_mut(), default(row)) {
            schema.insert("default".to_owned(), default);
        }
        properties.insert(row.key.to_owned(), schema);
    }
    let mut schema = table(properties);
    let is_required = |row: &&SettingRow| matches!(row.note, Note::Required(_));
    let required: Vec<_> = rows.iter().filter(is_required).map(|row| row.key).collect();
    if !required.is_empty()
        && let Some(schema) = schema.as_object_mut()
    {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

/// A default that can be written: an empty list or table says that there is none.
pub(crate) fn default(row: &SettingRow) -> Option<Json> {
    let default = serde_json::to_value(row.default?()).ok()?;
    let is_empty = matches!(&default, Json::Array(list) if list.is_empty()) || default.is_object();
    (!is_empty).then_some(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_read_by_the_shape_of_its_key() {
        let text = ValueShape::Text.parse("1.40");
        assert_eq!(
            text,
            Ok(Value::from("1.40")),
            "not a number, or it would be 1.4"
        );
        assert_eq!(ValueShape::Number.parse("64"), Ok(Value::from(64_u64)));
        let list = ValueShape::List.parse("traefik, homepage,").unwrap();
        assert_eq!(list.as_array().map(<[Value]>::len), Some(2));
        for (shape, text) in [
            (ValueShape::Flag, "1"),
            (ValueShape::Number, "ten"),
            (ValueShape::Tables, "x"),
        ] {
            assert!(shape.parse(text).is_err(), "{text}");
        }
    }
}
