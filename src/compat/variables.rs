//! The variables of these images that are set.

use std::collections::BTreeMap;

use super::tables::{PODMAN_SECTIONS, SECTIONS, default_of};
use super::values;
#[derive(Debug, Default)]
pub(crate) struct ImageVariables {
    pub(super) set: BTreeMap<String, String>,
    /// Variables that are probably misspelled, with the right spelling.
    misspelled: BTreeMap<String, &'static str>,
    /// Whether the report lists everything that a variable allows, and not only the beginning.
    pub(crate) lists_all: bool,
}

/// The variables that allow nothing and set something.
pub(super) const SETTINGS: &[&str] = &["BIND_CONFIG", "DISABLE_IPV6", "LOG_LEVEL", "SOCKET_PATH"];
/// Variables that people set, and that no dialect has. Others that begin like one are reported too.
const STRANGE: &[&str] = &[
    "DELETE",
    "LOGS",
    "PATCH",
    "PORTS",
    "PROXY_READ_TIMEOUT",
    "PUT",
];

impl ImageVariables {
    /// Keeps a variable of the environment, if it is one of these or looks like one.
    pub(crate) fn take(&mut self, name: String, text: String) {
        let is_one = SETTINGS.contains(&name.as_str())
            || STRANGE.contains(&name.as_str())
            || name.starts_with("ALLOW_")
            || name.starts_with("LIBPOD_")
            || name == "POST"
            || SECTIONS.iter().any(|section| section.variable == name);
        if is_one {
            self.set.insert(name, text);
        } else if let Some(right) = misspelled(&name, &text) {
            self.misspelled.insert(name, right);
        }
    }

    /// Warns of variables that are probably misspelled.
    pub(super) fn near_misses(&self) -> impl Iterator<Item = String> {
        let misspelled = self.misspelled.iter();
        misspelled.map(|(name, right)| {
            format!("warning: {name} is ignored, because no image has this variable: did you mean {right}?")
        })
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    pub(super) fn on(&self, variable: &str) -> bool {
        let set = self.set.get(variable).map(|text| values::is_true(text));
        set.unwrap_or_else(|| default_of(variable))
    }
}

/// The variable that is probably meant: one letter is wrong, or an `S` at the end, or the case. Only if the value is
/// what people write for a boolean, because an environment has many other variables.
fn misspelled(name: &str, text: &str) -> Option<&'static str> {
    const BOOLEANS: &[&str] = &["0", "1", "false", "no", "off", "on", "true", "yes"];
    if !BOOLEANS.contains(&text.to_ascii_lowercase().as_str()) {
        return None;
    }
    let upper = name.to_ascii_uppercase();
    let is_near = |right: &&str| {
        let (plain, wanted) = (upper.trim_end_matches('S'), right.trim_end_matches('S'));
        plain == wanted || upper.len() > 5 && strsim::damerau_levenshtein(&upper, right) == 1
    };
    let sections = SECTIONS.iter().chain(PODMAN_SECTIONS);
    let mut known = sections.map(|section| section.variable).chain(["POST"]);
    known.find(is_near)
}
