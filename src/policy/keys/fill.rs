//! The key `create.fill`.

use serde_json::json;
use toml::{Table, Value as Toml};

use super::Create;
use super::amount::Limits;
use super::setting::{Setting, described, must_be, or_one, strings, table, table_of};
use crate::docker::network::is_user_defined;
use crate::policy::value::Value;

/// What Dockgate fills in where a new container leaves it out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fill {
    pub(crate) limits: Limits,
    pub(crate) no_new_privileges: bool,
    /// Capabilities to drop, besides those that the client drops.
    pub(crate) cap_drop: Vec<String>,
    pub(crate) runtime: Option<String>,
    pub(crate) network: Option<String>,
}

const KEYS: &[&str] = &[
    "cap_drop",
    "cpus",
    "memory",
    "network",
    "no_new_privileges",
    "pids",
    "runtime",
];

impl Setting for Fill {
    fn read(value: &Toml) -> Result<Self, String> {
        let kind = "a table: { memory = \"2g\", cpus = 2, pids = 512, no_new_privileges = true, cap_drop = [\"ALL\"] }";
        let table = table_of(value, KEYS, kind)?;
        let mut wrong = Vec::new();
        let fill = Self {
            limits: kept(Limits::of(table), &mut wrong),
            no_new_privileges: flag(table, "no_new_privileges", &mut wrong),
            cap_drop: texts(table, "cap_drop", &mut wrong),
            runtime: text(table, "runtime", &mut wrong),
            network: text(table, "network", &mut wrong),
        };
        if let Some(network) = &fill.network
            && network != "none"
            && !is_user_defined(network)
        {
            wrong.push(
                "network must be \"none\" or the name of a network that somebody created"
                    .to_owned(),
            );
        }
        if wrong.is_empty() {
            Ok(fill)
        } else {
            Err(wrong.join("; "))
        }
    }

    fn schema() -> serde_json::Value {
        let mut properties = Limits::properties();
        let text = json!({"type": "string", "minLength": 1});
        let list = or_one(&json!({"type": "array", "items": text}));
        let own = [
            (
                "cap_drop",
                list,
                "Capabilities that a container does not get.",
            ),
            (
                "network",
                text.clone(),
                "The network of a container whose request does not name one.",
            ),
            (
                "no_new_privileges",
                json!({"type": "boolean"}),
                "Whether programs cannot gain privileges, as with sudo.",
            ),
            (
                "runtime",
                text,
                "The runtime of a container whose request does not name one.",
            ),
        ];
        for (key, schema, told) in own {
            if let Some(properties) = properties.as_object_mut() {
                properties.insert(key.to_owned(), described(schema, told));
            }
        }
        table(properties)
    }

    /// It allows nothing: what is filled in is judged like everything else.
    fn allows(&self, _: &Value) -> bool {
        false
    }
}

impl Fill {
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Why the policy could create nothing if it filled this in.
    pub(super) fn problems(&self, create: &Create) -> Vec<String> {
        let mut problems = Vec::new();
        if create.replaces && !self.is_nothing() {
            problems.push("cannot be used with create.replaces, because a replacement has what the old container had: remove one of them".to_owned());
        }
        for (key, beyond) in create.limits.beyond(&self.limits.asked()) {
            problems.push(format!("{key} exceeds create.limits: {beyond}"));
        }
        let runtime = self.runtime.as_deref();
        let network = self.network.as_deref().filter(|it| *it != "none");
        let named: [(Option<&str>, &dyn Setting, &str); 2] = [
            (runtime, &create.runtimes, "create.runtimes"),
            (network, &create.networks, "create.networks"),
        ];
        for (name, setting, key) in named {
            let name = name.filter(|name| !setting.allows(&Value::Text((*name).to_owned())));
            problems.extend(name.map(|name| format!("\"{name}\" is not in {key}: add it there")));
        }
        problems
    }
}

fn kept<T: Default>(read: Result<T, String>, wrong: &mut Vec<String>) -> T {
    read.unwrap_or_else(|problem| {
        wrong.push(problem);
        T::default()
    })
}

fn read<T: Default>(
    (table, key): (&Table, &str),
    want: &str,
    read: impl Fn(&Toml) -> Option<T>,
    wrong: &mut Vec<String>,
) -> T {
    let value = table.get(key).map(|value| read(value).ok_or(value));
    match value {
        None => T::default(),
        Some(Ok(value)) => value,
        Some(Err(value)) => {
            wrong.push(format!("{key} {}, but is {value}", must_be(want)));
            T::default()
        }
    }
}

fn flag(table: &Table, key: &str, wrong: &mut Vec<String>) -> bool {
    read(
        (table, key),
        "true or false without quotes",
        Toml::as_bool,
        wrong,
    )
}

fn text(table: &Table, key: &str, wrong: &mut Vec<String>) -> Option<String> {
    let named = |value: &Toml| {
        value
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    read(
        (table, key),
        "a name in quotes",
        |value| named(value).map(Some),
        wrong,
    )
}

fn texts(table: &Table, key: &str, wrong: &mut Vec<String>) -> Vec<String> {
    let all = |value: &Toml| {
        let names = strings(value).ok()?.into_iter();
        let names = names.map(|name| (!name.is_empty()).then(|| name.to_owned()));
        names.collect()
    };
    read((table, key), "a list of names: [\"ALL\"]", all, wrong)
}
