//! Which requests are shown.

use clap::ValueEnum;

use crate::audit::reading::Line;

/// A verdict that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Shown {
    Allow,
    Deny,
    WouldDeny,
}

impl Shown {
    fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::WouldDeny => "would_deny",
        }
    }
}

/// Which requests are shown. Without any, all are.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    pub(super) client: Option<String>,
    pub(super) operations: Vec<String>,
    pub(super) verdicts: Vec<Shown>,
    pub(super) object: Option<String>,
}

impl Filter {
    /// Whether it shows everything.
    pub(super) fn is_of_all(&self) -> bool {
        let (client, object) = (&self.client, &self.object);
        client.is_none()
            && object.is_none()
            && self.operations.is_empty()
            && self.verdicts.is_empty()
    }

    /// Whether it shows a line of a request. A request is shown when it is over, and a stream also when it begins.
    pub(super) fn has(&self, line: &Line) -> bool {
        (line.event == "request" || is_opened(line)) && self.is_about(line)
    }

    fn is_about(&self, line: &Line) -> bool {
        let operation = line.operation.as_deref().unwrap_or_default();
        let is_named = |name: &String| name.eq_ignore_ascii_case(operation);
        let is_found = |verdict: &Shown| verdict.as_str() == line.verdict;
        let is_object = |object: &String| {
            let names = [&line.object, &line.name, &line.container];
            let is_named =
                |name: &String| name == object || name.starts_with(&format!("{object}:"));
            let mut names = names.into_iter().flatten();
            let mut ids = [&line.object_id, &line.container].into_iter().flatten();
            // The shortest id that docker prints has 12 digits.
            names.any(is_named) || object.len() >= 4 && ids.any(|id| id.starts_with(&**object))
        };
        self.client.as_ref().is_none_or(|client| line.is_of(client))
            && (self.operations.is_empty() || self.operations.iter().any(is_named))
            && (self.verdicts.is_empty() || self.verdicts.iter().any(is_found))
            && self.object.as_ref().is_none_or(is_object)
    }
}

/// Whether a line says that a stream was opened, which may last.
pub(super) fn is_opened(line: &Line) -> bool {
    let is_passive = || matches!(line.effect.as_deref(), Some("read" | "content"));
    let is_endless = || line.call().is_some_and(|call| call.is_endless());
    line.event == "begin" && line.verdict != "pending" && (is_passive() || is_endless())
}
