//! Keys that select existing containers by name, by label, or because the policy created them.

use wildmatch::WildMatch;

use super::setting::{Entry, List, Selector, Selectors, is_plain, pattern};
use crate::policy::objects::Container;
use crate::policy::owner::Owner;
use crate::policy::value;

/// The label in which Compose writes the project's name.
const PROJECT_LABEL: &str = "com.docker.compose.project";

impl Selectors {
    /// Selects what was created through the same policy.
    pub(crate) fn own() -> Self {
        Self(vec![Selector::Own])
    }

    /// Whether they select a container, for the policy of this owner.
    pub(crate) fn covers(&self, container: &Container, owner: Owner<'_>) -> bool {
        self.0.iter().any(|selector| match selector {
            Selector::Name(pattern) => pattern.matches(&container.name),
            Selector::Label(key, pattern) => container.label(key).is_some_and(|value| {
                let pattern = pattern.as_ref();
                pattern.is_none_or(|pattern| pattern.matches(value))
            }),
            Selector::Own => container.is_of(owner),
        })
    }

    /// Whether they select any container of this name.
    pub(crate) fn select_name(&self, name: &str) -> bool {
        let mut selectors = self.0.iter();
        selectors.any(|it| matches!(it, Selector::Name(pattern) if pattern.matches(name)))
    }

    /// Whether any of them selects by a label.
    pub(crate) fn has_labels(&self) -> bool {
        let mut selectors = self.0.iter();
        selectors.any(|it| matches!(it, Selector::Label(..)))
    }
}

impl Entry for Selector {
    const WANT: &'static str =
        "must be a container's name, label:key, label:key=value, project:name, or @own";
    const PATTERN: Option<&'static str> = Some(r"^(@own$|label:[^=]|project:[\s\S]|[^@:][^:]*$)");

    fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            Some(("label", label)) => {
                let (key, value) = match label.split_once('=') {
                    Some((key, value)) => (key, Some(WildMatch::new(value))),
                    None => (label, None),
                };
                (!key.is_empty()).then(|| Self::Label(key.to_owned(), value))
            }
            Some(("project", project)) => {
                let project = pattern(project)?;
                Some(Self::Label(PROJECT_LABEL.to_owned(), Some(project)))
            }
            Some(_) => None,
            None if text == "@own" => Some(Self::Own),
            None if text.starts_with('@') => None,
            None => pattern(text).map(Self::Name),
        }
    }

    fn written(&self) -> Option<String> {
        Some(match self {
            Self::Name(pattern) => pattern.to_string(),
            Self::Label(key, _) => format!("label:{key}"),
            Self::Own => "@own".to_owned(),
        })
    }

    /// This takes the container itself, not only a value.
    fn allows(&self, _: &value::Value) -> bool {
        false
    }

    fn literal(recorded: &str) -> Option<String> {
        let mut more = ["label:", "project:"].iter();
        let is_name = is_plain(recorded) && !more.any(|begin| recorded.starts_with(begin));
        is_name.then(|| recorded.to_owned())
    }

    fn selectors(of: &List<Self>) -> Option<&Selectors> {
        Some(of)
    }
}
