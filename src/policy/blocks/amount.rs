//! Limits on what a container may use.

use serde_json::json;
use toml::Value;

use super::setting::{BadSetting, Setting, only};
use crate::policy::need;

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
    /// Whether what is asked for stays within.
    #[must_use]
    pub fn covers(&self, asked: &need::Limits) -> bool {
        // Of an existing container, what is not set stays as it was judged.
        let within = |limit: Option<i64>, value: i64| {
            limit
                .is_none_or(|limit| (asked.is_change && value == 0) || (1..=limit).contains(&value))
        };
        let has_any = self.memory.is_some() || self.nano_cpus.is_some() || self.pids.is_some();
        let swap = asked.memory_and_swap;
        // Without a value the daemon takes twice the memory.
        let swap_is_within = self
            .memory
            .is_none_or(|limit| (0..=limit.saturating_mul(2)).contains(&swap));
        let pids = match asked.pids {
            None => self.pids.is_none() || asked.is_change,
            Some(pids) => self.pids.is_none_or(|limit| (1..=limit).contains(&pids)),
        };
        within(self.memory, asked.memory)
            && swap_is_within
            && within(self.nano_cpus, asked.nano_cpus)
            && pids
            && !(has_any && asked.is_spared)
    }
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
