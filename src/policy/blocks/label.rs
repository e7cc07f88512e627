//! Labels and variables: what may be set, and what is set on everything.

use serde_json::json;
use toml::Value;
use wildmatch::WildMatch;

use super::pattern::{Patterns, pattern};
use super::setting::{BadSetting, Setting, described, entries, list_of, only};
use crate::policy::requirement::{RESERVED, Variable};

/// Variables of the environment.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    /// `NAME` or `NAME=value`, patterns both; any without it.
    allow: Option<Vec<(WildMatch, Option<WildMatch>)>>,
    forbid: Patterns,
}

impl Variables {
    /// Whether a variable may be set; where the key is not there, `otherwise`.
    #[must_use]
    pub fn covers(&self, variable: &Variable, otherwise: bool) -> bool {
        self.allows(variable, otherwise) && !self.forbids(&variable.name)
    }

    /// Whether a variable is among those that are allowed; where the key is not there, `otherwise`.
    #[must_use]
    pub fn allows(&self, variable: &Variable, otherwise: bool) -> bool {
        self.allow.as_ref().map_or(otherwise, |allowed| {
            allowed.iter().any(|(name, value)| {
                let is_value = value
                    .as_ref()
                    .is_none_or(|value| value.matches(&variable.value));
                is_value && name.matches(&variable.name)
            })
        })
    }

    /// Whether a variable may not be set whatever is allowed.
    #[must_use]
    pub fn forbids(&self, name: &str) -> bool {
        self.forbid.covers(name)
    }

    /// The patterns that forbid a variable, as they are written.
    pub fn forbidding(&self, name: &str) -> impl Iterator<Item = String> {
        self.forbid.covering(name)
    }

    /// Whether a value decides too, besides the name.
    #[must_use]
    pub fn has_values(&self) -> bool {
        let mut allowed = self.allow.iter().flatten();
        allowed.any(|(_, value)| value.is_some())
    }
}

impl Setting for Variables {
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

    /// Whether every label may be set, and none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.forbid.is_empty() && self.stamp.is_empty()
    }

    /// The patterns that forbid a label, as they are written.
    pub fn forbidden(&self, key: &str) -> impl Iterator<Item = String> {
        self.forbid.covering(key)
    }

    /// What is set on all that is made.
    pub fn stamps(&self) -> impl Iterator<Item = (&str, &str)> {
        self.stamp
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl Setting for Labels {
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
