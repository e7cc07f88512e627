//! Every key that a settings file may have, and what kind of value.
//!
//! Files and the environment are checked against this table before anything is deserialised, so
//! that all unknown keys and wrong kinds are reported, each with the file or variable that it came
//! from.

use std::ops::RangeInclusive;

use figment::value::{Dict, Value};

use self::Kind::{Bool, Entry, Filled, Like, List, Listeners, Number, Policy, Word};
use super::raw::{BODY_BYTES, CONNECTIONS, FORMATS, HEAD_BYTES, LEVELS, ON_FAILURE};
use crate::compat::Dialect;
use crate::policyfile::Problem;
use crate::policyfile::spelling::nearest;

/// A key, with points between the levels, what it takes, and a sentence on it.
pub(crate) type Key = (&'static str, Kind, &'static str);

/// What kind of value a key takes. Of a text or a number only this much is read here; the rest is for the schema, and
/// the values themselves are checked once all layers are known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Bool,
    /// An entry of `allow` and `deny`.
    Entry,
    /// A list that may not be empty.
    Filled(&'static Kind),
    /// Text of which this regular expression tells some that is wrong.
    Like(&'static str),
    List(&'static Kind),
    Listeners,
    Number(&'static RangeInclusive<u64>),
    /// A policy's name or file.
    Policy,
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
}

/// Makes a table of keys, a line each.
macro_rules! keys {
    ($($key:literal: $kind:expr, $told:literal;)+) => { &[$(($key, $kind, $told)),+] };
}

/// An address of a listener, or of the daemon.
const ADDRESS: Kind = Like(r"^(tcp://[^@]+|unix:///[\s\S]*)$");
/// A time with its unit.
const DURATION: Kind = Like(r"[0-9]\s*[a-zA-Zµ]");

/// The keys.
pub(crate) const KEYS: &[Key] = keys! {
    "allow": Filled(&Entry), "Entries of a policy of its own, asked after those of `policy`.";
    "allow_host": List(&Like("^[^:/*]*$")), "Host names that requests may be addressed to, without a port.";
    "allow_origin": List(&Like(r"^[a-z]+://[a-z0-9.:\[\]-]+$")), "Origins whose pages may send requests from a browser, as https://dash.example.";
    "api_min": Like(r"^[0-9]+\.[0-9]+$"), "The least API version that a path may name.";
    "audit.allowed_reads": Bool, "Whether allowed requests with the effect read are recorded.";
    "audit.argv": Bool, "Whether the arguments of execs are recorded, which may hold passwords.";
    "audit.format": Word(|| words(FORMATS)), "The form of the record: json, or text for people.";
    "audit.on_failure": Word(|| words(ON_FAILURE)), "What happens to requests while the record cannot be written.";
    "audit.output": Like("^(stdout$|stderr$|none$|/)"), "Where the record goes: stdout, stderr, none, or an absolute path.";
    "deny": List(&Entry), "Entries that are refused whatever any policy grants.";
    "dialect": Word(|| words(Dialect::ALL)), "How the environment of other images is read.";
    "lift_api_version": Bool, "Whether a request under an older API version than the daemon takes is judged and sent under the daemon's least.";
    "limits.body_bytes": Number(&BODY_BYTES), "The length of a JSON body, which is read whole before it is sent.";
    "limits.body_time": DURATION, "The time for reading such a body.";
    "limits.connect": DURATION, "The time for connecting to the daemon.";
    "limits.connections": Number(&CONNECTIONS), "The connections of all clients; more wait until one ends.";
    "limits.connections_per_client": Number(&CONNECTIONS), "The connections of one IP address; requests on more get 503.";
    "limits.drain": DURATION, "The time for what is under way on SIGTERM or SIGINT.";
    "limits.head": DURATION, "The time from the first byte of a request's head to its last.";
    "limits.head_bytes": Number(&HEAD_BYTES), "The length of a request's head.";
    "limits.idle": DURATION, "The time without a request after which a client's connection is closed.";
    "limits.reply_head": Like(r"^off$|[0-9]\s*[a-zA-Zµ]"), "The time for the head of the daemon's reply, or off.";
    "limits.upload_grace": DURATION, "How long an upload into a container may keep the daemon waiting beyond its lowest rate.";
    "limits.upload_rate": Like("^(off|[0-9]+([KMG]i)?B)$"), "The lowest rate of an upload into a container, in bytes per second, or off.";
    "listen": Filled(&ADDRESS), "Addresses to listen on: tcp://127.0.0.1:2375, unix:///run/dockgate.sock.";
    "listener": Listeners, "Listeners with rules of their own.";
    "log": Word(|| words(LEVELS)), "The least severe diagnostics on stderr.";
    "observe": Bool, "Whether what the policies refuse is forwarded all the same: the gate is open.";
    "policy": Filled(&Policy), "The policies, by shipped name or by file, asked in this order.";
    "run_as": Like("^[0-9]+:[0-9]+$"), "Whom to run as when started as root, user and group by number.";
    "upstream": ADDRESS, "Where the daemon is: unix:///path or tcp://host:port.";
};

/// The keys of a `[[listener]]`.
pub(crate) const LISTENER_KEYS: &[Key] = keys! {
    "address": ADDRESS, "Where to listen.";
    "deny": List(&Entry), "Entries that are refused here, besides the general ones.";
    "mode": Like("^0?[0-7]{3}$"), "Who may connect to a unix socket, in octal: 0660 its owner and its group.";
    "observe": Bool, "Whether what the policies here refuse is forwarded all the same.";
    "owner": Like("^[0-9]*:[0-9]*$"), "The user and the group of a unix socket by number, or one of them.";
    "policy": Filled(&Policy), "The policies here, instead of the general ones.";
};

/// What the tables are about that keys with a point stand in.
pub(crate) const TABLES: &[(&str, &str)] = &[
    ("audit", "The record."),
    ("limits", "Bounds on what one client, or all, may use."),
];

/// The words of choices.
fn words<T>(choices: &[(&'static str, T)]) -> Vec<&'static str> {
    choices.iter().map(|(word, _)| *word).collect()
}

impl Kind {
    /// Reads a variable's text as this kind.
    pub(crate) fn read(self, text: &str) -> Result<Value, &'static str> {
        match self {
            Self::Bool => text
                .parse::<bool>()
                .map(Value::from)
                .map_err(|_| "must be true or false"),
            Self::Number(_) => text
                .parse::<u64>()
                .map(Value::from)
                .map_err(|_| "must be a number"),
            Self::Entry | Self::Like(_) | Self::Policy | Self::Word(_) => Ok(Value::from(text)),
            Self::Filled(_) | Self::List(_) => {
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
            Self::Number(_) => {
                // TOML's are signed, the environment's are not.
                let signed = value
                    .to_i128()
                    .and_then(|number| u64::try_from(number).ok());
                let unsigned = value
                    .to_u128()
                    .and_then(|number| u64::try_from(number).ok());
                signed.or(unsigned).is_some()
            }
            Self::Entry | Self::Like(_) | Self::Policy | Self::Word(_) => {
                matches!(value, Value::String(..))
            }
            Self::Filled(of) | Self::List(of) => value
                .as_array()
                .is_some_and(|values| values.iter().all(|value| of.is_of(value))),
            Self::Listeners => value
                .as_array()
                .is_some_and(|values| values.iter().all(|value| value.as_dict().is_some())),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Bool => "must be true or false",
            Self::Filled(_) | Self::List(_) => "must be a list of strings: [\"...\"]",
            Self::Listeners => "must be a list of tables: [[listener]]",
            Self::Number(_) => "must be a whole number, without quotes",
            Self::Entry | Self::Like(_) | Self::Policy | Self::Word(_) => {
                "must be a string, in quotes"
            }
        }
    }
}

/// The kind of a key.
pub(crate) fn kind(key: &str) -> Option<Kind> {
    KEYS.iter()
        .find(|(known, ..)| *known == key)
        .map(|(_, kind, _)| *kind)
}

/// What to say of a variable whose key there is not.
pub(crate) fn unknown(key: &str) -> String {
    let near = nearest(key, KEYS.iter().map(|(known, ..)| *known));
    let variable = |near: &str| near.to_ascii_uppercase().replace('.', "__");
    let hint = near.map(|near| format!(": did you mean DOCKGATE_{}?", variable(near)));
    format!("unknown key{}", hint.unwrap_or_default())
}

/// Checks a file's values against the table, reports all that do not fit, and leaves those that do.
pub(crate) fn check(file: &str, dict: Dict, problems: &mut Vec<Problem>) -> Dict {
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
pub(crate) fn set(dict: &Dict) -> Vec<String> {
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
fn fitting(dict: Dict, within: &str, keys: &[Key], report: &mut dyn FnMut(&str, String)) -> Dict {
    let mut fitting = Dict::new();
    for (name, value) in dict {
        let inner: Vec<_> = keys
            .iter()
            .filter_map(|(key, kind, told)| {
                Some((key.strip_prefix(&name)?.strip_prefix('.')?, *kind, *told))
            })
            .collect();
        let key = format!("{within}{name}");
        let kind = keys
            .iter()
            .find(|(known, ..)| *known == name)
            .map(|(_, kind, _)| *kind);
        match (kind, value) {
            (Some(kind), value) if kind.is_of(&value) => _ = fitting.insert(name, value),
            (Some(kind), _) => report(&key, kind.expected().to_owned()),
            (None, Value::Dict(_, level)) if !inner.is_empty() => {
                let level = self::fitting(level, &format!("{key}."), &inner, report);
                fitting.insert(name, Value::from(level));
            }
            (None, _) if !inner.is_empty() => report(&key, format!("must be a table: [{key}]")),
            (None, _) => {
                let near = nearest(&name, keys.iter().map(|(known, ..)| *known));
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
        assert!(KEYS.is_sorted_by(|(a, ..), (b, ..)| a < b));
    }

    #[test]
    fn a_variable_is_read_by_the_kind_of_its_key() {
        assert_eq!(
            Like("").read("1.40"),
            Ok(Value::from("1.40")),
            "no number, or it would be 1.4"
        );
        assert_eq!(Number(&CONNECTIONS).read("64"), Ok(Value::from(64_u64)));
        let list = List(&Entry).read("traefik, homepage,").unwrap();
        assert_eq!(list.as_array().map(<[Value]>::len), Some(2));
        for (kind, text) in [(Bool, "1"), (Number(&CONNECTIONS), "ten"), (Listeners, "x")] {
            assert!(kind.read(text).is_err(), "{kind:?} {text}");
        }
    }
}
