//! Limits on what a container may use.

use serde_json::json;
use toml::Value;

use super::setting::{BadSetting, Decides, Setting, only};
use crate::policy::remedy::Remedy;
use crate::policy::value::{self, Shape};

/// What must be set, and not exceeded. Without a value there is no such limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// In bytes.
    memory: Option<i64>,
    /// In billionths of a processor.
    nano_cpus: Option<i64>,
    /// Processes.
    pids: Option<i64>,
}

const KEYS: &[&str] = &["cpus", "memory", "pids"];
const NANO: f64 = 1e9;

impl Setting for Limits {
    const SHAPE: Shape = Shape::Limits;

    fn read(value: &Value) -> Result<Self, BadSetting> {
        let table = value.as_table().ok_or(BadSetting::Kind(
            "a table: { memory = \"2g\", cpus = 2, pids = 512 }",
        ))?;
        only(table, KEYS)?;
        let memory = |value: &Value| {
            let bytes = value.as_integer().or_else(|| bytes(value.as_str()?));
            positive(
                bytes,
                "memory = \"2g\": a number of bytes, or one with k, m or g",
            )
        };
        let cpus = |value: &Value| {
            let cpus = value.as_float().or_else(|| whole(value.as_integer()?));
            positive(cpus.and_then(nanos), "cpus = 1.5: a number of processors")
        };
        let pids =
            |value: &Value| positive(value.as_integer(), "pids = 512: a number of processes");
        Ok(Self {
            memory: table.get("memory").map(memory).transpose()?,
            nano_cpus: table.get("cpus").map(cpus).transpose()?,
            pids: table.get("pids").map(pids).transpose()?,
        })
    }

    fn schema() -> serde_json::Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "cpus": {"type": "number", "exclusiveMinimum": 0, "description": "A number of processors: 1.5."},
                "memory": {
                    "type": ["integer", "string"], "minimum": 1, "pattern": r"^\+?[0-9]+[kmgKMG]?$",
                    "description": "A number of bytes, or one with k, m or g: \"2g\".",
                },
                "pids": {"type": "integer", "minimum": 1, "description": "A number of processes."},
            },
        })
    }
}

impl Limits {
    /// What of it goes beyond: the key, what is asked for, and what is granted.
    #[must_use]
    pub fn beyond(&self, asked: &value::Limits) -> Vec<Beyond> {
        // Of an existing container, what is not set stays as it was judged.
        let is_kept = |value: i64| asked.is_change && value == 0;
        let is_within = |limit: i64, value: i64| is_kept(value) || (1..=limit).contains(&value);
        let told = |value: i64, text: String| {
            if value > 0 {
                text
            } else {
                "unlimited".to_owned()
            }
        };
        let mut beyond = Vec::new();
        if let Some(limit) = self.memory {
            // Without a value the daemon takes twice the memory.
            let swap = asked.memory_and_swap;
            let swaps_within = (0..=limit.saturating_mul(2)).contains(&swap);
            if !is_within(limit, asked.memory) {
                let asked = told(asked.memory, in_units(asked.memory));
                beyond.push(Beyond::of("memory", asked, in_units(limit)));
            } else if !swaps_within {
                let asked = format!("with swap {}", told(swap, in_units(swap)));
                let most = format!("{} with swap", in_units(limit.saturating_mul(2)));
                beyond.push(Beyond::of("memory", asked, most));
            }
        }
        if let Some(limit) = self.nano_cpus.filter(|it| !is_within(*it, asked.nano_cpus)) {
            let asked = told(asked.nano_cpus, processors(asked.nano_cpus));
            beyond.push(Beyond::of("cpus", asked, processors(limit)));
        }
        let pids = asked.pids.unwrap_or_default();
        let is_kept = asked.pids.is_none() && asked.is_change;
        if let Some(limit) = self
            .pids
            .filter(|it| !is_kept && !(1..=*it).contains(&pids))
        {
            let asked = told(pids, pids.to_string());
            beyond.push(Beyond::of("pids", asked, limit.to_string()));
        }
        beyond
    }
}

impl Decides for Limits {
    fn allows(&self, value: &value::Value) -> bool {
        matches!(value, value::Value::Limits(asked) if self.beyond(asked).is_empty())
    }

    fn remedy(&self, key: &str, value: &value::Value) -> Remedy {
        let mut keys = Vec::new();
        if let value::Value::Limits(asked) = value {
            keys.extend(self.beyond(asked).iter().map(|beyond| beyond.key));
            keys.dedup();
        }
        let keys = keys.join(" and ");
        Remedy::Client(format!(
            "set less, or raise {keys} in {key} or leave it out"
        ))
    }
}

/// A limit that is not kept to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beyond {
    /// Its key.
    pub key: &'static str,
    /// What is asked for, in words.
    pub asked: String,
    /// What is granted at the most.
    pub most: String,
}

impl Beyond {
    fn of(key: &'static str, asked: String, most: String) -> Self {
        Self { key, asked, most }
    }
}

/// A number of bytes in the largest unit that it is a whole number of, as the key `memory` takes it.
#[must_use]
pub fn in_units(bytes: i64) -> String {
    for (unit, size) in [("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)] {
        if bytes != 0 && bytes % size == 0 {
            return format!("{}{unit}", bytes / size);
        }
    }
    bytes.to_string()
}

/// Billionths of a processor as a number of processors, as the key `cpus` takes it.
#[must_use]
pub fn processors(nanos: i64) -> String {
    let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn positive(value: Option<i64>, want: &'static str) -> Result<i64, BadSetting> {
    value
        .filter(|value| *value > 0)
        .ok_or(BadSetting::Kind(want))
}

fn bytes(text: &str) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    let (digits, unit) = match lower.strip_suffix(['k', 'm', 'g']) {
        Some(digits) => (digits, lower.chars().last()?),
        None => (lower.as_str(), 'b'),
    };
    let factor = match unit {
        'k' => 1 << 10,
        'm' => 1 << 20,
        'g' => 1 << 30,
        _ => 1,
    };
    digits.parse::<i64>().ok()?.checked_mul(factor)
}

fn whole(number: i64) -> Option<f64> {
    i32::try_from(number).ok().map(f64::from)
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "far below the largest number, as is checked"
)]
fn nanos(cpus: f64) -> Option<i64> {
    (cpus > 0.0 && cpus < 1e6).then(|| (cpus * NANO).round() as i64)
}
