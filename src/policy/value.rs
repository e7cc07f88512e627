//! The values that requests ask for and that the keys of a policy check, in a few shapes.

use std::borrow::Cow;
use std::fmt;

use crate::docker::Object;
use crate::docker::mount::Access;
use crate::policy::objects::PROJECT_LABELS;

/// What a request asks a key for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    /// No value: the request asks for what the key allows, such as `privileged`.
    Flag,
    /// A name, a path, an address or something similar.
    Text(String),
    /// An option of a driver.
    Pair {
        key: String,
        value: String,
    },
    Label {
        key: String,
        value: String,
        /// The service, config or secret that is updated, which may have it already.
        updated: Option<(Object, String)>,
    },
    /// The Compose project or swarm stack that the new object belongs to.
    Project {
        /// The label that names it.
        label: &'static str,
        name: String,
        /// The service, config or secret that is updated, which may be in the project already.
        updated: Option<(Object, String)>,
    },
    /// A path of the host.
    Bind {
        /// Clean and absolute.
        path: String,
        access: Access,
    },
    Argv(Vec<String>),
    Variable(Variable),
    Port(Port),
    /// The resource limits of a container.
    Limits(Limits),
}

impl Value {
    /// The text, if it is a [`Value::Text`].
    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// The value that the key would need; `None` if that is `true`. Values of variables and arguments of commands are
    /// left out.
    pub(crate) fn shown(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Flag => return None,
            Self::Text(text) | Self::Project { name: text, .. } => text.into(),
            Self::Pair { key, value } => format!("{key}={value}").into(),
            Self::Label { key, .. } => key.into(),
            Self::Bind { path, access } => format!("{path}:{}", access.mode()).into(),
            Self::Argv(argv) => argv.first().map_or("", String::as_str).into(),
            Self::Variable(variable) => (&*variable.name).into(),
            Self::Port(port) => port.to_string().into(),
            Self::Limits(limits) => limits.to_string().into(),
        })
    }
}

/// The shape of the values of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Flag,
    Text,
    Pair,
    Label,
    Project,
    Bind,
    Argv,
    Variable,
    Port,
    Limits,
}

impl Shape {
    /// Reads a value as [`Value::shown`] writes it; `None` for labels, which are not recorded.
    pub(crate) fn read(self, text: &str) -> Option<Value> {
        Some(match self {
            Self::Flag if text == "true" => Value::Flag,
            Self::Flag | Self::Label => return None,
            Self::Text => Value::Text(text.to_owned()),
            Self::Pair => {
                let (key, value) = text.split_once('=')?;
                let (key, value) = (key.to_owned(), value.to_owned());
                Value::Pair { key, value }
            }
            Self::Project => Value::Project {
                label: PROJECT_LABELS.first()?,
                name: text.to_owned(),
                updated: None,
            },
            Self::Bind => {
                let (path, mode) = text.rsplit_once(':')?;
                let (path, access) = (path.to_owned(), Access::named(mode)?);
                Value::Bind { path, access }
            }
            Self::Argv => Value::Argv(arguments(text)?),
            Self::Variable => Value::Variable(Variable {
                name: text.to_owned(),
                value: String::new(),
            }),
            Self::Port => Value::Port(Port::parse(text)?),
            Self::Limits => Value::Limits(limits(text)?),
        })
    }
}

/// A variable of the environment. Its value is never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Variable").field(&self.name).finish()
    }
}

/// The resource limits of a container. Zero means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Limits {
    /// Whether an existing container is changed: then a limit that is not set stays as it is.
    pub(crate) is_change: bool,
    /// In bytes.
    pub(crate) memory: i64,
    /// Memory and swap, in bytes; -1 means no limit.
    pub(crate) memory_and_swap: i64,
    /// In billionths of a processor; less than 0 means no limit.
    pub(crate) nano_cpus: i64,
    /// Processes; -1 means no limit, and so does 0 if it is set.
    pub(crate) pids: Option<i64>,
}

/// Ports of the host that lead into a container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Port {
    /// The host's address, empty for all of them.
    pub(crate) address: String,
    /// The first port; 0 means one that the daemon picks.
    pub(crate) from: u16,
    pub(crate) to: u16,
}

impl Port {
    /// Reads `[address:]from[-to]`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, ports) = text.rsplit_once(':').unwrap_or(("", text));
        let bare = address
            .strip_prefix('[')
            .and_then(|it| it.strip_suffix(']'));
        let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
        Some(Self {
            address: bare.unwrap_or(address).to_owned(),
            from: from.parse().ok()?,
            to: to.parse().ok()?,
        })
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.address.contains(':') {
            write!(f, "[{}]:", self.address)?;
        } else if !self.address.is_empty() {
            write!(f, "{}:", self.address)?;
        }
        write!(f, "{}", self.from)?;
        if self.to == self.from {
            Ok(())
        } else {
            write!(f, "-{}", self.to)
        }
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pids = self.pids.unwrap_or_default();
        let parts: [(&str, i64, &dyn fmt::Display); 4] = [
            ("memory", self.memory, &self.memory),
            ("cpus", self.nano_cpus, &Cpus(self.nano_cpus)),
            ("pids", pids, &pids),
            ("swap", self.memory_and_swap, &self.memory_and_swap),
        ];
        let mut separator = "";
        for (key, limit, shown) in parts {
            if limit != 0 {
                write!(f, "{separator}{key} {shown}")?;
                separator = ", ";
            }
        }
        if separator.is_empty() {
            f.write_str(UNLIMITED)
        } else {
            Ok(())
        }
    }
}

/// A number of processors, in billionths.
struct Cpus(i64);

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ..0 => f.write_str("-1"),
            cpus => write!(f, "{}.{:09}", cpus / NANO, cpus % NANO),
        }
    }
}

/// What a record says if no limit is set.
const UNLIMITED: &str = "none";

const NANO: i64 = 1_000_000_000;

/// The suffix of an image's name that means every version of it.
pub(crate) const EVERY_VERSION: &str = ":*";

/// The prefix of the labels that no client can set.
pub(crate) const RESERVED: &str = "dockgate.";

/// Why such a label is denied.
pub(crate) const BY_NOBODY: &str =
    "only Dockgate sets labels that begin with \"dockgate.\"; leave the label out";

/// A command with its arguments if they were recorded, or only the program.
fn arguments(value: &str) -> Option<Vec<String>> {
    if value.starts_with('[') {
        let argv: Vec<String> = serde_json::from_str(value).ok()?;
        // Other arguments are escaped twice in an audit record.
        let is_plain = |argument: &String| argument.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        return argv.iter().all(is_plain).then_some(argv);
    }
    Some(vec![value.to_owned()])
}

/// The requested limits. A record does not say whether they change an existing container.
fn limits(value: &str) -> Option<Limits> {
    let mut limits = Limits::default();
    for part in value.split(", ") {
        let (key, value) = part.split_once(' ').unwrap_or((part, ""));
        match key {
            "memory" => limits.memory = value.parse().ok()?,
            "cpus" => limits.nano_cpus = nanos(value)?,
            "pids" => limits.pids = Some(value.parse().ok()?),
            "swap" => limits.memory_and_swap = value.parse().ok()?,
            // Earlier versions recorded the second one here.
            UNLIMITED | "spared" => {}
            _ => return None,
        }
    }
    Some(limits)
}

fn nanos(cpus: &str) -> Option<i64> {
    match cpus.split_once('.') {
        Some((whole, part)) => {
            let whole: i64 = whole.parse().ok()?;
            whole.checked_mul(NANO)?.checked_add(part.parse().ok()?)
        }
        None => cpus.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_shown_if_they_are_set_and_read_back() {
        let all = Limits {
            is_change: false,
            memory: 1024,
            memory_and_swap: -1,
            nano_cpus: 1_050_000_000,
            pids: Some(-1),
        };
        let memory = |memory| Limits {
            memory,
            ..Limits::default()
        };
        let cpus = |nano_cpus| Limits {
            nano_cpus,
            ..Limits::default()
        };
        for (limits, shown) in [
            (all, "memory 1024, cpus 1.050000000, pids -1, swap -1"),
            (
                Limits { memory: 0, ..all },
                "cpus 1.050000000, pids -1, swap -1",
            ),
            (memory(-5), "memory -5"),
            (cpus(7), "cpus 0.000000007"),
            (cpus(-1), "cpus -1"),
            (Limits::default(), "none"),
        ] {
            assert_eq!(limits.to_string(), shown);
            assert_eq!(super::limits(shown), Some(limits), "{shown}");
        }
        // Neither is a limit.
        let zero = Limits {
            pids: Some(0),
            ..Limits::default()
        };
        assert_eq!(zero.to_string(), "none");
        assert_eq!(cpus(-7).to_string(), "cpus -1", "less than 0");
    }
}
