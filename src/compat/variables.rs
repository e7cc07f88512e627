//! The variables of these images, as far as they are set.

use std::collections::BTreeMap;

use super::tables::{SECTIONS, default_of};
use super::values;
#[derive(Debug, Default)]
pub(crate) struct ImageVariables(pub(super) BTreeMap<String, String>);

/// The variables that open nothing and set something.
pub(super) const SETTINGS: &[&str] = &["BIND_CONFIG", "DISABLE_IPV6", "LOG_LEVEL", "SOCKET_PATH"];
/// Variables that people set, and no dialect here has. Others that begin like one are told too.
const STRANGE: &[&str] = &[
    "DELETE",
    "LOGS",
    "PATCH",
    "PORTS",
    "PROXY_READ_TIMEOUT",
    "PUT",
];

impl ImageVariables {
    /// Keeps a variable of the environment, if it is or looks like one of these.
    pub(crate) fn take(&mut self, name: String, text: String) {
        let is_one = SETTINGS.contains(&name.as_str())
            || STRANGE.contains(&name.as_str())
            || name.starts_with("ALLOW_")
            || name.starts_with("LIBPOD_")
            || name == "POST"
            || SECTIONS.iter().any(|section| section.variable == name);
        if is_one {
            self.0.insert(name, text);
        }
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn on(&self, variable: &str) -> bool {
        let set = self.0.get(variable).map(|text| values::is_true(text));
        set.unwrap_or_else(|| default_of(variable))
    }
}
