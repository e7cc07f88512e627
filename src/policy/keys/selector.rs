//! Containers that are there, chosen by name, label or maker.

use toml::Value;
use wildmatch::WildMatch;

use super::pattern::pattern;
use super::setting::{BadSetting, Decides, Selects, Setting, entries, is_plain, list_of};
use crate::policy::objects::{Container, POLICY_LABEL};
use crate::policy::value;

/// Containers that are there.
///
/// Shape of an entry: a pattern of the name, `label:key`, `label:key=pattern`, `project:pattern` for a
/// compose project, or `@own` for what was made through the same policy.
#[derive(Clone, Debug, Default)]
pub struct Selectors(Vec<Selector>);

#[derive(Clone, Debug)]
enum Selector {
    Label(String, Option<WildMatch>),
    Name(WildMatch),
    SelfContainer,
}

/// Where compose writes the project's name.
const PROJECT_LABEL: &str = "com.docker.compose.project";

impl Selectors {
    /// What was made through the same policy.
    #[must_use]
    pub fn own() -> Self {
        Self(vec![Selector::SelfContainer])
    }
}

impl Selects for Selectors {
    fn select_name(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|selector| matches!(selector, Selector::Name(pattern) if pattern.matches(name)))
    }

    fn has_labels(&self) -> bool {
        self.0
            .iter()
            .any(|selector| matches!(selector, Selector::Label(..)))
    }

    fn covers(&self, container: &Container, policy: &str) -> bool {
        self.0.iter().any(|selector| match selector {
            Selector::Name(pattern) => pattern.matches(&container.name),
            Selector::Label(key, pattern) => container.label(key).is_some_and(|value| {
                pattern
                    .as_ref()
                    .is_none_or(|pattern| pattern.matches(value))
            }),
            Selector::SelfContainer => container.label(POLICY_LABEL) == Some(policy),
        })
    }
}

/// Only the container that is there says whether it is one of them.
impl Decides for Selectors {
    fn allows(&self, _: &value::Value) -> bool {
        false
    }

    fn entries(&self) -> Vec<String> {
        let written = |selector: &Selector| match selector {
            Selector::Name(pattern) => pattern.to_string(),
            Selector::Label(key, _) => format!("label:{key}"),
            Selector::SelfContainer => "@own".to_owned(),
        };
        self.0.iter().map(written).collect()
    }

    fn selectors(&self) -> Option<&dyn Selects> {
        Some(self)
    }
}

impl Setting for Selectors {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        let want = "must be a container's name, label:key, label:key=value, project:name, or @own";
        let read = |text: &str| match text.split_once(':') {
            Some(("label", label)) => {
                let (key, value) = match label.split_once('=') {
                    Some((key, value)) => (key, Some(WildMatch::new(value))),
                    None => (label, None),
                };
                (!key.is_empty()).then(|| Selector::Label(key.to_owned(), value))
            }
            Some(("project", project)) => {
                let project = pattern(project)?;
                Some(Selector::Label(PROJECT_LABEL.to_owned(), Some(project)))
            }
            Some(_) => None,
            None if text == "@own" => Some(Selector::SelfContainer),
            None if text.starts_with('@') => None,
            None => pattern(text).map(Selector::Name),
        };
        entries(value, want, read).map(Self)
    }

    fn schema() -> serde_json::Value {
        list_of(r"^(@own$|label:[^=]|project:[\s\S]|[^@:][^:]*$)")
    }

    fn literal(recorded: &str) -> Option<String> {
        let mut more = ["label:", "project:"].iter();
        let is_name = is_plain(recorded) && !more.any(|begin| recorded.starts_with(begin));
        is_name.then(|| recorded.to_owned())
    }
}
