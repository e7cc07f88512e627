//! Every key that a settings file may have, and what kind of value.
//!
//! Files and the environment are checked against this table before anything is deserialised, so
//! that all unknown keys and wrong kinds are reported, each with the file or variable that it came
//! from.

use figment::value::{Dict, Value};

use crate::policy::Problem;
use crate::policy::spelling::nearest;

/// What kind of value a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    List,
    Listeners,
    Number,
    Text,
}

/// The keys, with points between the levels.
pub(super) const KEYS: &[(&str, Kind)] = &[
    ("allow", Kind::List),
    ("allow_host", Kind::List),
    ("allow_origin", Kind::List),
    ("api_min", Kind::Text),
    ("audit.allowed_reads", Kind::Bool),
    ("audit.argv", Kind::Bool),
    ("audit.format", Kind::Text),
    ("audit.on_failure", Kind::Text),
    ("audit.output", Kind::Text),
    ("deny", Kind::List),
    ("dialect", Kind::Text),
    ("limits.body_bytes", Kind::Number),
    ("limits.body_time", Kind::Text),
    ("limits.connect", Kind::Text),
    ("limits.connections", Kind::Number),
    ("limits.connections_per_client", Kind::Number),
    ("limits.drain", Kind::Text),
    ("limits.head", Kind::Text),
    ("limits.head_bytes", Kind::Number),
    ("limits.idle", Kind::Text),
    ("limits.reply_head", Kind::Text),
    ("listen", Kind::List),
    ("listener", Kind::Listeners),
    ("log", Kind::Text),
    ("observe", Kind::Bool),
    ("policy", Kind::List),
    ("run_as", Kind::Text),
    ("upstream", Kind::Text),
];

/// The keys of a `[[listener]]`.
const LISTENER_KEYS: &[(&str, Kind)] = &[
    ("address", Kind::Text),
    ("deny", Kind::List),
    ("mode", Kind::Text),
    ("observe", Kind::Bool),
    ("owner", Kind::Text),
    ("policy", Kind::List),
];

impl Kind {
    /// Reads a variable's text as this kind.
    pub(super) fn read(self, text: &str) -> Result<Value, &'static str> {
        match self {
            Self::Bool => text
                .parse::<bool>()
                .map(Value::from)
                .map_err(|_| "must be true or false"),
            Self::Number => text
                .parse::<u64>()
                .map(Value::from)
                .map_err(|_| "must be a number"),
            Self::Text => Ok(Value::from(text)),
            Self::List => {
                let parts = text
                    .split(',')
                    .map(str::trim)
                    .filter(|part| !part.is_empty());
                Ok(Value::from(parts.map(Value::from).collect::<Vec<_>>()))
            }
            Self::Listeners => {
                Err("cannot be set by the environment: write [[listener]] in a file")
            }
        }
    }

    fn is_of(self, value: &Value) -> bool {
        match self {
            Self::Bool => matches!(value, Value::Bool(..)),
            Self::Number => {
                // TOML's are signed, the environment's are not.
                let signed = value
                    .to_i128()
                    .and_then(|number| u64::try_from(number).ok());
                let unsigned = value
                    .to_u128()
                    .and_then(|number| u64::try_from(number).ok());
                signed.or(unsigned).is_some()
            }
            Self::Text => matches!(value, Value::String(..)),
            Self::List => value
                .as_array()
                .is_some_and(|values| values.iter().all(|value| Self::Text.is_of(value))),
            Self::Listeners => value
                .as_array()
                .is_some_and(|values| values.iter().all(|value| value.as_dict().is_some())),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Bool => "must be true or false",
            Self::List => "must be a list of strings: [\"...\"]",
            Self::Listeners => "must be a list of tables: [[listener]]",
            Self::Number => "must be a whole number, without quotes",
            Self::Text => "must be a string, in quotes",
        }
    }
}

/// The kind of a key.
pub(super) fn kind(key: &str) -> Option<Kind> {
    KEYS.iter()
        .find(|(known, _)| *known == key)
        .map(|(_, kind)| *kind)
}

/// What to say of a variable whose key there is not.
pub(super) fn unknown(key: &str) -> String {
    let near = nearest(key, KEYS.iter().map(|(known, _)| *known));
    let variable = |near: &str| near.to_ascii_uppercase().replace('.', "__");
    let hint = near.map(|near| format!(": did you mean DOCKGATE_{}?", variable(near)));
    format!("unknown key{}", hint.unwrap_or_default())
}

/// Checks a file's values against the table, reports all that do not fit, and leaves those that do.
pub(super) fn check(file: &str, dict: Dict, problems: &mut Vec<Problem>) -> Dict {
    let mut report =
        |key: &str, message: String| problems.push(Problem::of_key(file, key, message));
    let mut checked = fitting(dict, "", KEYS, &mut report);
    if let Some(listeners) = checked.remove("listener").and_then(Value::into_array) {
        let listeners = listeners
            .into_iter()
            .filter_map(Value::into_dict)
            .enumerate()
            .map(|(at, listener)| {
                let listener = fitting(
                    listener,
                    &format!("listener[{at}]."),
                    LISTENER_KEYS,
                    &mut report,
                );
                if !listener.contains_key("address") {
                    let missing = "is missing: write where to listen".to_owned();
                    report(&format!("listener[{at}].address"), missing);
                }
                Value::from(listener)
            });
        let listeners = listeners.collect::<Vec<_>>();
        checked.insert("listener".to_owned(), Value::from(listeners));
    }
    checked
}

/// The keys that a checked file sets.
pub(super) fn set(dict: &Dict) -> Vec<String> {
    let mut set = Vec::new();
    for (name, value) in dict {
        if let Some(level) = value.as_dict() {
            set.extend(self::set(level).iter().map(|key| format!("{name}.{key}")));
        } else {
            set.push(name.clone());
        }
    }
    set
}

/// What of a table fits these keys. `within` stands before each name in what is reported.
fn fitting(
    dict: Dict,
    within: &str,
    keys: &[(&str, Kind)],
    report: &mut dyn FnMut(&str, String),
) -> Dict {
    let mut fitting = Dict::new();
    for (name, value) in dict {
        let inner: Vec<_> = keys
            .iter()
            .filter_map(|(key, kind)| Some((key.strip_prefix(&name)?.strip_prefix('.')?, *kind)))
            .collect();
        let key = format!("{within}{name}");
        let kind = keys
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, kind)| *kind);
        match (kind, value) {
            (Some(kind), value) if kind.is_of(&value) => _ = fitting.insert(name, value),
            (Some(kind), _) => report(&key, kind.expected().to_owned()),
            (None, Value::Dict(_, level)) if !inner.is_empty() => {
                let level = self::fitting(level, &format!("{key}."), &inner, report);
                fitting.insert(name, Value::from(level));
            }
            (None, _) if !inner.is_empty() => report(&key, format!("must be a table: [{key}]")),
            (None, _) => {
                let near = nearest(&name, keys.iter().map(|(known, _)| *known));
                let hint = near.map(|near| format!(": did you mean \"{within}{near}\"?"));
                let hint = hint.unwrap_or_default();
                report(&key, format!("unknown key{hint}"));
            }
        }
    }
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_and_unique() {
        assert!(KEYS.is_sorted_by(|(a, _), (b, _)| a < b));
    }

    #[test]
    fn a_variable_is_read_by_the_kind_of_its_key() {
        assert_eq!(
            Kind::Text.read("1.40"),
            Ok(Value::from("1.40")),
            "no number, or it would be 1.4"
        );
        assert_eq!(Kind::Number.read("64"), Ok(Value::from(64_u64)));
        let list = Kind::List.read("traefik, homepage,").unwrap();
        assert_eq!(list.as_array().map(<[Value]>::len), Some(2));
        for (kind, text) in [
            (Kind::Bool, "1"),
            (Kind::Number, "ten"),
            (Kind::Listeners, "x"),
        ] {
            assert!(kind.read(text).is_err(), "{kind:?} {text}");
        }
    }
}
