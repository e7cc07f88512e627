//! The labels of objects, and those that decide what belongs to whom.

use crate::docker::Json;

/// The label that says through which policy an object was made.
pub const POLICY_LABEL: &str = "dockgate.policy";

/// The label of an image that says through which policy it was made, and which names it got then.
pub const IMAGE_LABEL: &str = "dockgate.image";

/// The labels by which compose and the swarm's stacks find what is theirs.
pub const PROJECT_LABELS: &[&str] = &["com.docker.compose.project", "com.docker.stack.namespace"];

/// The labels of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Vec<(String, String)>);

impl Labels {
    /// The `Labels` of an object.
    pub(super) fn of(object: &Json<'_>) -> Self {
        let labels = object.get("Labels").map_or(&[][..], Json::members).iter();
        let labels = labels.map(|(key, value)| Some((key.to_string(), value.text()?.to_owned())));
        labels.flatten().collect()
    }

    /// Whether a label is there with this value.
    #[must_use]
    pub fn has(&self, key: &str, value: &str) -> bool {
        self.0.iter().any(|(name, had)| name == key && had == value)
    }

    /// The value of a label.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }

    /// The policy through which the object was made, if any.
    #[must_use]
    pub fn policy(&self) -> Option<&str> {
        self.get(POLICY_LABEL)
    }
}

impl FromIterator<(String, String)> for Labels {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(labels: T) -> Self {
        Self(labels.into_iter().collect())
    }
}

impl IntoIterator for Labels {
    type Item = (String, String);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
