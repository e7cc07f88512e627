//! The key `create.limits`.

use serde_json::json;
use toml::{Table, Value as Toml};

use super::setting::{Setting, must_be, table, table_of};
use crate::policy::remedy::Remedy;
use crate::policy::value::{self, Shape, Value};

/// Limits that a container must set and not exceed. `None` requires no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    /// In bytes.
    pub(crate) memory: Option<i64>,
    /// In billionths of a processor.
    pub(crate) nano_cpus: Option<i64>,
    /// Processes.
    pub(crate) pids: Option<i64>,
}

const NANO: f64 = 1e9;
const UNITS: [(&str, i64); 3] = [("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)];

impl Setting for Limits {
    fn shape() -> Shape {
        Shape::Limits
    }

    fn read(value: &Toml) -> Result<Self, String> {
        let kind = "a table: { memory = \"2g\", cpus = 2, pids = 512 }";
        Self::of(table_of(value, Self::KEYS, kind)?)
    }

    fn schema() -> serde_json::Value {
        table(Self::properties())
    }

    fn allows(&self, value: &Value) -> bool {
        matches!(value, Value::Limits(asked) if self.beyond(asked).is_empty())
    }

    fn remedy(&self, key: &str, value: &Value) -> Remedy {
        let beyond = if let Value::Limits(asked) = value {
            self.beyond(asked)
        } else {
            Vec::new()
        };
        let keys: Vec<_> = beyond.iter().map(|(key, _)| *key).collect();
        let keys = keys.join(" and ");
        Remedy::Client(format!(
            "set lower limits, or raise {keys} in {key} or remove it there"
        ))
    }
}

impl Limits {
    pub(super) const KEYS: &[&str] = &["cpus", "memory", "pids"];

    /// Reads them from a table, which can have other keys too.
    pub(super) fn of(table: &Table) -> Result<Self, String> {
        let mut wrong = Vec::new();
        let mut limit = |key: &str, read: fn(&Toml) -> Option<i64>, want: &str| {
            let value = table.get(key)?;
            let limit = read(value).filter(|limit| *limit > 0);
            if limit.is_none() {
                wrong.push(format!("{key} {}, but is {value}", must_be(want)));
            }
            limit
        };
        let memory = |value: &Toml| value.as_integer().or_else(|| bytes(value.as_str()?));
        let cpus = |value: &Toml| {
            let cpus = value.as_float().or_else(|| whole(value.as_integer()?));
            cpus.and_then(nanos)
        };
        let of_bytes = "a number of bytes, or one with k, m or g such as \"2g\"";
        let limits = Self {
            memory: limit("memory", memory, of_bytes),
            nano_cpus: limit("cpus", cpus, "a number such as 1.5"),
            pids: limit("pids", Toml::as_integer, "a whole number such as 512"),
        };
        if wrong.is_empty() {
            Ok(limits)
        } else {
            Err(wrong.join("; "))
        }
    }

    /// The JSON Schemas of its keys.
    pub(super) fn properties() -> serde_json::Value {
        json!({
            "cpus": {"type": "number", "exclusiveMinimum": 0, "description": "A number of processors, such as 1.5."},
            "memory": {
                "type": ["integer", "string"], "minimum": 1, "pattern": r"^\+?[0-9]+[kmgKMG]?$",
                "description": "A number of bytes, or a number with k, m or g, such as \"2g\".",
            },
            "pids": {"type": "integer", "minimum": 1, "description": "A number of processes."},
        })
    }

    /// What a container that has exactly these limits asks for.
    pub(super) fn asked(&self) -> value::Limits {
        value::Limits {
            is_change: true,
            memory: self.memory.unwrap_or_default(),
            memory_and_swap: 0,
            nano_cpus: self.nano_cpus.unwrap_or_default(),
            pids: self.pids,
        }
    }

    /// The limits that are exceeded: the key, and the requested and the allowed value in words.
    pub(crate) fn beyond(&self, asked: &value::Limits) -> Vec<(&'static str, String)> {
        // In an update, a limit that is not set keeps its value, which was judged before.
        let is_kept = |value: i64| asked.is_change && value == 0;
        let is_within = |limit: i64, value: i64| is_kept(value) || (1..=limit).contains(&value);
        let told = |value: i64, words: fn(i64) -> String| {
            if value > 0 {
                words(value)
            } else {
                "unlimited".to_owned()
            }
        };
        let mut beyond = Vec::new();
        let mut add = |key, asked: String, most: String| {
            beyond.push((key, format!("{asked}, at most {most}")));
        };
        if let Some(limit) = self.memory {
            // If no swap is given, the daemon sets it to twice the memory.
            let (swap, most) = (asked.memory_and_swap, limit.saturating_mul(2));
            if !is_within(limit, asked.memory) {
                add("memory", told(asked.memory, in_units), in_units(limit));
            } else if !(0..=most).contains(&swap) {
                let asked = format!("with swap {}", told(swap, in_units));
                add("memory", asked, format!("{} with swap", in_units(most)));
            }
        }
        if let Some(limit) = self.nano_cpus.filter(|it| !is_within(*it, asked.nano_cpus)) {
            add("cpus", told(asked.nano_cpus, processors), processors(limit));
        }
        let pids = asked.pids.unwrap_or_default();
        let is_kept = asked.pids.is_none() && asked.is_change;
        let exceeded = |limit: &i64| !is_kept && !(1..=*limit).contains(&pids);
        if let Some(limit) = self.pids.filter(exceeded) {
            add(
                "pids",
                told(pids, |pids| pids.to_string()),
                limit.to_string(),
            );
        }
        beyond
    }
}

/// A number of bytes as the key `memory` accepts it, in the largest unit that gives a whole number.
pub(crate) fn in_units(bytes: i64) -> String {
    for (unit, size) in UNITS {
        if bytes != 0 && bytes % size == 0 {
            return format!("{}{unit}", bytes / size);
        }
    }
    bytes.to_string()
}

/// Billionths of a processor as the key `cpus` accepts them: a number of processors.
pub(crate) fn processors(nanos: i64) -> String {
    let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn bytes(text: &str) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    let mut units = UNITS.iter();
    let in_unit = units.find_map(|(unit, size)| Some((lower.strip_suffix(unit)?, *size)));
    let (digits, size) = in_unit.unwrap_or((&lower, 1));
    digits.parse::<i64>().ok()?.checked_mul(size)
}

fn whole(number: i64) -> Option<f64> {
    i32::try_from(number).ok().map(f64::from)
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "checked to be far below the largest number"
)]
fn nanos(cpus: f64) -> Option<i64> {
    (cpus > 0.0 && cpus < 1e6).then(|| (cpus * NANO).round() as i64)
}
