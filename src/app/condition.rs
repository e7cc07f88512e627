//! The verdict on a setup: one closed table of conditions, the worst first, and the report that it begins.

use std::fmt;

use crate::proxy::outage;

/// The conditions that a setup can be in, the worst first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Condition {
    /// Clients can send bodies that nothing checks.
    RootOnHost {
        listener: Option<String>,
        unchecked: String,
    },
    /// Others than the intended clients can connect to a listener.
    OpenListener {
        address: String,
        reach: Reach,
    },
    /// The same clients can connect to these listeners, which have different policies.
    Unseparated(Vec<String>),
    /// What the policies deny is forwarded.
    Observing {
        listener: Option<String>,
    },
    /// Nothing says what clients may do.
    Unconfigured,
    /// Requests get 502.
    DaemonAway {
        daemon: String,
        why: String,
    },
    /// Nothing of the above, but as many warnings.
    Warnings(usize),
    Ready,
}

/// Who can connect to an open listener.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// Other hosts. What to listen on instead.
    Hosts { instead: String },
    /// Other hosts, by a port of the host. What to write under `ports:` instead.
    Published { on: String, instead: String },
    /// The containers on these networks.
    Networks(Vec<String>),
}

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    Condition(Condition),
    Fact(String),
    Warning(String),
}

/// The start report, in parts: the process, the settings, the listeners, and what the daemon says.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) process: Vec<Detail>,
    pub(crate) settings: Vec<Detail>,
    pub(crate) listeners: Vec<Detail>,
    pub(crate) daemon: Vec<Detail>,
}

impl Condition {
    /// The line that says so.
    pub(crate) fn line(&self) -> String {
        match self {
            Self::RootOnHost { listener, unchecked } => format!(
                "clients{} can become root on this host: request bodies of {unchecked} are not checked",
                named(" of ", listener.as_ref())
            ),
            Self::OpenListener { address, reach } => format!("{address} is open to {reach}"),
            Self::Unseparated(listeners) => format!(
                "clients are not separated: {} have different policies, but whoever can connect to one can connect to \
                 all. Write a [[client]] for each, see clients.md.",
                listeners.join(" and ")
            ),
            Self::Observing { listener } => format!(
                "observe mode{}: nothing is blocked. Requests that the policy denies are forwarded and logged as \
                 would_deny. Remove `observe` to enforce.",
                named(" on ", listener.as_ref())
            ),
            Self::Unconfigured => "nothing is configured: clients can only ping the daemon and read its version and \
                 events. Choose a policy, for example DOCKGATE_POLICY=traefik; `dockgate policies` lists them."
                .to_owned(),
            Self::DaemonAway { daemon, why } => outage::away(daemon, why),
            Self::Warnings(1) => "ready, with 1 warning (below)".to_owned(),
            Self::Warnings(count) => format!("ready, with {count} warnings (below)"),
            Self::Ready => "ready: clients can do only what the policies allow".to_owned(),
        }
    }
}

/// Which of several listeners a condition is about.
fn named(before: &str, listener: Option<&String>) -> String {
    listener.map_or_else(String::new, |listener| format!("{before}{listener}"))
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hosts { instead } => write!(
                f,
                "other hosts, and clients are not authenticated: listen on {instead} or on a unix socket"
            ),
            Self::Published { on, instead } => write!(
                f,
                "other hosts, because its port is published on {on}, and clients are not authenticated: remove it \
                 from `ports`, or write \"{instead}\""
            ),
            Self::Networks(names) => write!(
                f,
                "every container on {} networks ({}), and clients are not authenticated: connect Dockgate to one \
                 network that only its clients are on",
                names.len(),
                names.join(", ")
            ),
        }
    }
}

impl Detail {
    pub(crate) fn fact(text: impl Into<String>) -> Self {
        Self::Fact(text.into())
    }

    pub(crate) fn warning(text: impl Into<String>) -> Self {
        Self::Warning(text.into())
    }

    /// A line that says by its first word whether it is a warning.
    pub(crate) fn of(line: &str) -> Self {
        match line.strip_prefix("warning: ") {
            Some(rest) => Self::warning(rest),
            None => Self::fact(line),
        }
    }

    pub(crate) fn is_warning(&self) -> bool {
        match self {
            Self::Condition(condition) => *condition != Condition::Ready,
            Self::Fact(_) => false,
            Self::Warning(_) => true,
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Condition(condition) => condition.line(),
            Self::Fact(text) | Self::Warning(text) => text.clone(),
        }
    }

    pub(crate) fn is_away(&self) -> bool {
        matches!(self, Self::Condition(Condition::DaemonAway { .. }))
    }
}

/// As `check` prints it.
impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_warning() { "warning: " } else { "" };
        write!(f, "{word}{}", aligned(&self.text()))
    }
}

/// The words that a line may begin with. What follows them is aligned.
const LABELS: &[&str] = &[
    "version",
    "runs as",
    "listening on",
    "policy",
    "connected to",
    "container",
];

/// Aligns a line that begins with a label.
pub(crate) fn aligned(line: &str) -> String {
    let mut labels = LABELS.iter();
    let found =
        labels.find_map(|label| Some((label, line.strip_prefix(label)?.strip_prefix(' ')?)));
    match found {
        Some((label, rest)) => format!("{label:<12} {rest}"),
        None => line.to_owned(),
    }
}

impl Report {
    fn details(&self) -> impl Iterator<Item = &Detail> {
        let (process, settings) = (self.process.iter(), &self.settings);
        process
            .chain(settings)
            .chain(&self.listeners)
            .chain(&self.daemon)
    }

    /// The worst condition.
    pub(crate) fn verdict(&self) -> Condition {
        let conditions = self.details().filter_map(|detail| match detail {
            Detail::Condition(condition) => Some(condition),
            Detail::Fact(_) | Detail::Warning(_) => None,
        });
        let warnings = self.details().filter(|detail| detail.is_warning()).count();
        let otherwise = match warnings {
            0 => Condition::Ready,
            count => Condition::Warnings(count),
        };
        conditions.min().cloned().unwrap_or(otherwise)
    }

    /// The verdict, and below it all else.
    pub(crate) fn lines(&self) -> Vec<Detail> {
        let verdict = Detail::Condition(self.verdict());
        let others = self.details().filter(|detail| **detail != verdict);
        let others = others.cloned().collect::<Vec<_>>();
        [vec![verdict], others].concat()
    }

    /// Takes in other settings. Returns the verdict, these changes, and what holds now.
    pub(crate) fn reloaded(
        &mut self,
        settings: Vec<Detail>,
        listeners: Vec<Detail>,
        changes: Vec<Detail>,
    ) -> Vec<Detail> {
        (self.settings, self.listeners) = (settings, listeners);
        let verdict = Detail::Condition(self.verdict());
        let mut now = [self.settings.clone(), self.listeners.clone()].concat();
        now.retain(|detail| *detail != verdict);
        [vec![verdict], changes, now].concat()
    }

    /// Takes in what the daemon says. Returns what that adds, below the verdict if it is another one now.
    pub(crate) fn answered(&mut self, daemon: Vec<Detail>) -> Vec<Detail> {
        if daemon == self.daemon {
            return Vec::new();
        }
        let before = self.verdict();
        self.daemon = daemon;
        let verdict = self.verdict();
        let is_new = verdict != before;
        let verdict = Detail::Condition(verdict);
        let others = self.daemon.iter().filter(|detail| **detail != verdict);
        let verdict = is_new.then(|| verdict.clone());
        verdict.into_iter().chain(others.cloned()).collect()
    }
}

#[cfg(test)]
mod tests;
