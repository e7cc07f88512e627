//! Labels and variables: what may be set, and what is set on everything.

use serde_json::json;
use toml::Value;
use wildmatch::WildMatch;

use super::pattern::{Patterns, pattern};
use super::setting::{BadSetting, Decides, Setting, described, entries, list_of, only};
use crate::docker::json::{quoted, shortened};
use crate::policy::remedy::{Edit, Remedy};
use crate::policy::value::{self, RESERVED, Shape, Variable};

/// Variables of the environment.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    /// `NAME` or `NAME=value`, patterns both; any without it.
    allow: Option<Vec<(WildMatch, Option<WildMatch>)>>,
    forbid: Patterns,
    /// Whether none is allowed without `allow`.
    pub(super) is_closed: bool,
}

impl Variables {
    /// Whether a variable is among those that are allowed.
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

impl Decides for Variables {
    fn allows(&self, value: &value::Value) -> bool {
        matches!(value, value::Value::Variable(variable) if self.has(variable) && !self.forbid.covers(&variable.name))
    }

    /// A variable may be forbidden, not be among those that are allowed, or both.
    fn remedy(&self, key: &str, value: &value::Value) -> Remedy {
        let mut parts = Vec::new();
        if let value::Value::Variable(variable) = value {
            if self.forbid.covers(&variable.name) {
                let forbid = key.replace(".allow", ".forbid");
                parts.push(Remedy::remove(
                    &forbid,
                    self.forbid.covering(&variable.name),
                ));
            }
            if !self.has(variable) {
                parts.push(Remedy::change(
                    Edit::Add,
                    key,
                    quoted(shortened(&variable.name)),
                ));
            }
        }
        Remedy::All(parts)
    }

    /// Whether a value decides too, besides the name.
    fn looks_closer(&self) -> bool {
        let mut allowed = self.allow.iter().flatten();
        allowed.any(|(_, value)| value.is_some())
    }
}

impl Setting for Variables {
    const SHAPE: Shape = Shape::Variable;

    fn read(value: &Value) -> Result<Self, BadSetting> {
        let table = value.as_table().ok_or(BadSetting::Kind(
            "a table: { allow = [\"CI\"], forbid = [\"LD_*\"] }",
        ))?;
        only(table, &["allow", "forbid"])?;
        if let Some(forbid) = table.get("forbid") {
            let name = |text: &str| (!text.contains('=')).then_some(());
            entries(forbid, "must be a name alone: no value is looked at", name)?;
        }
        let allowed = |text: &str| match text.split_once('=') {
            Some((name, value)) => Some((pattern(name)?, Some(WildMatch::new(value)))),
            None => Some((pattern(text)?, None)),
        };
        let allow = |value: &Value| entries(value, "must be NAME or NAME=value", allowed);
        Ok(Self {
            allow: table.get("allow").map(allow).transpose()?,
            forbid: table
                .get("forbid")
                .map(Patterns::read)
                .transpose()?
                .unwrap_or_default(),
            is_closed: false,
        })
    }

    fn schema() -> serde_json::Value {
        let told = "Variables that may be set, as NAME or NAME=value, patterns both.";
        let allow = described(list_of("^[^=]"), told);
        let told = "Variables that may not be set whatever is allowed, patterns of their names.";
        let forbid = described(Patterns::schema(), told);
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {"allow": allow, "forbid": forbid},
        })
    }
}

/// Labels that may not be set, and labels that are set on all that is made.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    forbid: Patterns,
    stamp: Vec<(String, String)>,
}

impl Labels {
    /// Whether a label may be set. One that is stamped may be set to what it will be.
    #[must_use]
    pub fn covers(&self, key: &str, value: &str) -> bool {
        match self.stamp.iter().find(|(stamped, _)| stamped == key) {
            Some((_, stamped)) => stamped == value,
            None => !self.forbid.covers(key),
        }
    }

    /// What is set on all that is made.
    pub fn stamps(&self) -> impl Iterator<Item = (&str, &str)> {
        self.stamp
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl Decides for Labels {
    fn allows(&self, value: &value::Value) -> bool {
        matches!(value, value::Value::Label { key, value, .. } if self.covers(key, value))
    }

    /// A label may be forbidden, or be set to another value than that of its stamp.
    fn remedy(&self, key: &str, value: &value::Value) -> Remedy {
        let label = if let value::Value::Label { key, .. } = value {
            key
        } else {
            ""
        };
        if self.stamps().any(|(stamped, _)| stamped == label) {
            let stamp = key.replace(".forbid", ".stamp");
            return Remedy::change(Edit::Remove, &stamp, quoted(shortened(label)))
                .noted(", which sets it to another value");
        }
        Remedy::remove(key, self.forbid.covering(label))
    }

    fn is_empty(&self) -> bool {
        self.forbid.is_empty() && self.stamp.is_empty()
    }
}

impl Setting for Labels {
    const SHAPE: Shape = Shape::Label;

    fn read(value: &Value) -> Result<Self, BadSetting> {
        let want =
            BadSetting::Kind("a table: { forbid = [\"traefik.*\"], stamp = { owner = \"ci\" } }");
        let table = value.as_table().ok_or(want.clone())?;
        only(table, &["forbid", "stamp"])?;
        let stamp = |value: &Value| {
            let stamps = value.as_table().ok_or(want.clone())?.iter();
            let pair = |(key, value): (&String, &Value)| {
                let value = value.as_str().ok_or(want.clone())?;
                if key.starts_with(RESERVED) {
                    return Err(BadSetting::entry(
                        key,
                        "labels that begin with dockgate. are set by dockgate alone",
                    ));
                }
                Ok((key.clone(), value.to_owned()))
            };
            stamps.map(pair).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            forbid: table
                .get("forbid")
                .map(Patterns::read)
                .transpose()?
                .unwrap_or_default(),
            stamp: table
                .get("stamp")
                .map(stamp)
                .transpose()?
                .unwrap_or_default(),
        })
    }

    fn schema() -> serde_json::Value {
        let told = "Labels that may not be set, patterns of their keys.";
        let forbid = described(Patterns::schema(), told);
        let stamp = json!({
            "type": "object",
            "propertyNames": {"not": {"pattern": format!("^{}", RESERVED.replace('.', r"\."))}},
            "additionalProperties": {"type": "string"},
            "description": "Labels that are set on everything.",
        });
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {"forbid": forbid, "stamp": stamp},
        })
    }
}
