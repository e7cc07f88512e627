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

/// The variables that allow nothing and set something, with Dockgate's own for the same.
pub(super) const SETTINGS: &[(&str, &str)] = &[
    ("BIND_CONFIG", "DOCKGATE_LISTEN"),
    ("DISABLE_IPV6", "DOCKGATE_LISTEN"),
    ("LOG_LEVEL", "DOCKGATE_LOG"),
    ("SOCKET_PATH", "DOCKGATE_UPSTREAM"),
];
/// Names of settings that are often written without their prefix.
const WITHOUT_PREFIX: &[(&str, &str)] = &[
    ("LISTEN", "DOCKGATE_LISTEN"),
    ("POLICY", "DOCKGATE_POLICY"),
    ("UPSTREAM", "DOCKGATE_UPSTREAM"),
];
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
        let is_one = is_setting(&name)
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
            format!("warning: {name} is ignored because it is not a known variable: did you mean {right}?")
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

/// Whether a variable allows nothing and sets something.
pub(super) fn is_setting(name: &str) -> bool {
    SETTINGS.iter().any(|(setting, _)| *setting == name)
}

/// The variable that is probably meant: one letter is wrong, or an `S` at the end, or the case. For a boolean only if the
/// value is what people write for one, because an environment has many other variables.
fn misspelled(name: &str, text: &str) -> Option<&'static str> {
    const BOOLEANS: &[&str] = &["0", "1", "false", "no", "off", "on", "true", "yes"];
    let settings = SETTINGS.iter().map(|(setting, _)| *setting);
    let mut near_settings = settings.filter(|it| strsim::damerau_levenshtein(name, it) == 1);
    let mut without_prefix = WITHOUT_PREFIX.iter();
    let prefixed = without_prefix.find(|(bare, _)| *bare == name);
    if let Some(right) = near_settings.next().or(prefixed.map(|(_, ours)| *ours)) {
        return Some(right);
    }
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
