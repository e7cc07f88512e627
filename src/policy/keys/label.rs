//! Keys about labels and variables: which may be set, and which labels Dockgate sets.

use serde_json::json;
use wildmatch::WildMatch;

use super::pattern::Patterns;
use super::setting::{
    Setting, bad_entry, described, entries, list_of, must_be, pattern, table, table_of,
};
use crate::docker::json::{quoted, shortened};
use crate::policy::remedy::Remedy;
use crate::policy::value::{BY_NOBODY, RESERVED, Shape, Value, Variable};

/// Variables of the environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables {
    /// `NAME` or `NAME=value`, both patterns. `None` allows any variable.
    allow: Option<Vec<(WildMatch, Option<WildMatch>)>>,
    forbid: Patterns,
    /// Whether `None` in `allow` allows no variable instead.
    pub(super) is_closed: bool,
}

impl Variables {
    fn has(&self, variable: &Variable) -> bool {
        self.allow.as_ref().map_or(!self.is_closed, |allowed| {
            allowed.iter().any(|(name, value)| {
                let is_value = value
                    .as_ref()
                    .is_none_or(|value| value.matches(&variable.value));
                is_value && name.matches(&variable.name)
            })
        })
    }
}

impl Setting for Variables {
    fn shape() -> Shape {
        Shape::Variable
    }

    fn read(value: &toml::Value) -> Result<Self, String> {
        let kind = "a table: { allow = [\"CI\"], forbid = [\"LD_*\"] }";
        let table = table_of(value, &["allow", "forbid"], kind)?;
        if let Some(forbid) = table.get("forbid") {
            let name = |text: &str| (!text.contains('=')).then_some(());
            entries(forbid, "must be a name without a value, such as LD_*", name)?;
        }
        let allowed = |text: &str| match text.split_once('=') {
            Some((name, value)) => Some((pattern(name)?, Some(WildMatch::new(value)))),
            None => Some((pattern(text)?, None)),
        };
        let allow = |value| entries(value, "must be NAME or NAME=value", allowed);
        let forbid = table.get("forbid").map(Patterns::read).transpose()?;
        Ok(Self {
            allow: table.get("allow").map(allow).transpose()?,
            forbid: forbid.unwrap_or_default(),
            is_closed: false,
        })
    }

    fn schema() -> serde_json::Value {
        let told = "Variables that may be set, as NAME or NAME=value, both patterns.";
        let allow = described(list_of("^[^=]"), told);
        let told = "Variables that may not be set even if allow has them, as patterns.";
        let forbid = described(Patterns::schema(), told);
        table(json!({"allow": allow, "forbid": forbid}))
    }

    fn allows(&self, value: &Value) -> bool {
        matches!(value, Value::Variable(variable) if self.has(variable) && !self.forbid.covers(&variable.name))
    }

    /// A variable can be in `forbid`, not in `allow`, or both.
    fn remedy(&self, key: &str, value: &Value) -> Remedy {
        let mut parts = Vec::new();
        if let Value::Variable(variable) = value {
            let name = &variable.name;
            if self.forbid.covers(name) {
                let forbid = key.replace(".allow", ".forbid");
                parts.push(self.forbid.without(name, &forbid));
            }
            if !self.has(variable) {
                parts.push(Remedy::add(key, &quoted(shortened(name))));
            }
        }
        Remedy::all(parts)
    }

    fn looks_closer(&self) -> bool {
        let mut allowed = self.allow.iter().flatten();
        allowed.any(|(_, value)| value.is_some())
    }
}

/// Labels that clients may not set, and labels that Dockgate sets on everything that is created.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {
    forbid: Patterns,
    stamp: Vec<(String, String)>,
}

impl Labels {
    /// Whether a client may set a label. It may set a stamped label to the value of its stamp.
    pub(crate) fn covers(&self, key: &str, value: &str) -> bool {
        match self.stamp.iter().find(|(stamped, _)| stamped == key) {
            Some((_, stamped)) => stamped == value,
            None => !self.forbid.covers(key),
        }
    }

    /// The labels that Dockgate sets on everything that is created.
    pub(crate) fn stamps(&self) -> impl Iterator<Item = (&str, &str)> {
        self.stamp
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl Setting for Labels {
    fn shape() -> Shape {
        Shape::Label
    }

    fn read(value: &toml::Value) -> Result<Self, String> {
        let kind = "a table: { forbid = [\"traefik.*\"], stamp = { owner = \"ci\" } }";
        let table = table_of(value, &["forbid", "stamp"], kind)?;
        let stamp = |value: &toml::Value| {
            let stamps = value.as_table().ok_or_else(|| must_be(kind))?.iter();
            let pair = |(key, value): (&String, &toml::Value)| {
                let value = value.as_str().ok_or_else(|| must_be(kind))?;
                if key.starts_with(RESERVED) {
                    return Err(bad_entry(key, BY_NOBODY));
                }
                Ok((key.clone(), value.to_owned()))
            };
            stamps.map(pair).collect::<Result<Vec<_>, _>>()
        };
        let forbid = table.get("forbid").map(Patterns::read).transpose()?;
        let stamp = table.get("stamp").map(stamp).transpose()?;
        Ok(Self {
            forbid: forbid.unwrap_or_default(),
            stamp: stamp.unwrap_or_default(),
        })
    }

    fn schema() -> serde_json::Value {
        let told = "Labels that clients may not set, as patterns of their keys.";
        let forbid = described(Patterns::schema(), told);
        let stamp = json!({
            "type": "object",
            "propertyNames": {"not": {"pattern": format!("^{}", RESERVED.replace('.', r"\."))}},
            "additionalProperties": {"type": "string"},
            "description": "Labels that Dockgate sets on everything that is created.",
        });
        table(json!({"forbid": forbid, "stamp": stamp}))
    }

    fn allows(&self, value: &Value) -> bool {
        matches!(value, Value::Label { key, value, .. } if self.covers(key, value))
    }

    /// A label can be in `forbid`, or have another value than its stamp.
    fn remedy(&self, key: &str, value: &Value) -> Remedy {
        let label = if let Value::Label { key, .. } = value {
            key
        } else {
            ""
        };
        if self.stamps().any(|(stamped, _)| stamped == label) {
            let stamp = key.replace(".forbid", ".stamp");
            return Remedy::remove(&stamp, shortened(label))
                .noted(", which sets it to another value");
        }
        self.forbid.without(label, key)
    }

    fn is_empty(&self) -> bool {
        self.forbid.is_empty() && self.stamp.is_empty()
    }
}
