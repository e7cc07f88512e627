//! The verdict on a setup: one closed table of conditions, the worst first, and the report that it begins.

use std::fmt;

use crate::proxy::outage;

/// What a setup is in, the worst first.
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
mod tests {
    use super::*;

    fn open(reach: Reach) -> Condition {
        let address = "tcp://[::]:2375".to_owned();
        Condition::OpenListener { address, reach }
    }

    fn root(listener: Option<&str>, unchecked: &str) -> Condition {
        let (listener, unchecked) = (listener.map(str::to_owned), unchecked.to_owned());
        Condition::RootOnHost {
            listener,
            unchecked,
        }
    }

    fn observing(listener: Option<&str>) -> Condition {
        let listener = listener.map(str::to_owned);
        Condition::Observing { listener }
    }

    fn away() -> Condition {
        let (daemon, why) = ("unix:///d.sock".to_owned(), "Connection refused".to_owned());
        Condition::DaemonAway { daemon, why }
    }

    /// Every condition with its line, the worst first.
    fn table() -> Vec<(Condition, &'static str)> {
        let instead = "tcp://127.0.0.1:2375".to_owned();
        let hosts = Reach::Hosts { instead };
        let (on, instead) = ("0.0.0.0:2375".to_owned(), "127.0.0.1:2375:2375".to_owned());
        let published = Reach::Published { on, instead };
        let networks = Reach::Networks(vec!["a".to_owned(), "b".to_owned()]);
        vec![
            (
                root(None, "ContainerCreate, ServiceCreate"),
                "clients can become root on this host: request bodies of ContainerCreate, ServiceCreate are not checked",
            ),
            (
                root(Some("unix:///a"), "SwarmInit"),
                "clients of unix:///a can become root on this host: request bodies of SwarmInit are not checked",
            ),
            (
                open(hosts),
                "tcp://[::]:2375 is open to other hosts, and clients are not authenticated: listen on tcp://127.0.0.1:2375 or on a unix socket",
            ),
            (
                open(published),
                "tcp://[::]:2375 is open to other hosts, because its port is published on 0.0.0.0:2375, and clients are not authenticated: remove it from `ports`, or write \"127.0.0.1:2375:2375\"",
            ),
            (
                open(networks),
                "tcp://[::]:2375 is open to every container on 2 networks (a, b), and clients are not authenticated: connect Dockgate to one network that only its clients are on",
            ),
            (
                observing(None),
                "observe mode: nothing is blocked. Requests that the policy denies are forwarded and logged as would_deny. Remove `observe` to enforce.",
            ),
            (
                observing(Some("unix:///a")),
                "observe mode on unix:///a: nothing is blocked. Requests that the policy denies are forwarded and logged as would_deny. Remove `observe` to enforce.",
            ),
            (
                Condition::Unconfigured,
                "nothing is configured: clients can only ping the daemon and read its version and events. Choose a policy, for example DOCKGATE_POLICY=traefik; `dockgate policies` lists them.",
            ),
            (
                away(),
                "cannot reach the daemon at unix:///d.sock: Connection refused. Requests get 502 until it answers.",
            ),
            (Condition::Warnings(1), "ready, with 1 warning (below)"),
            (Condition::Warnings(2), "ready, with 2 warnings (below)"),
            (
                Condition::Ready,
                "ready: clients can do only what the policies allow",
            ),
        ]
    }

    #[test]
    fn each_condition_has_its_line_and_the_worst_is_first() {
        for (condition, line) in table() {
            assert_eq!(condition.line(), line);
        }
        assert!(table().is_sorted_by_key(|(condition, _)| condition.clone()));
    }

    #[test]
    fn the_first_line_is_the_worst_condition_and_no_line_says_it_again() {
        for (condition, line) in table() {
            let (count, is_counted) = match condition {
                Condition::Warnings(count) => (count, true),
                Condition::Ready => (0, true),
                Condition::RootOnHost { .. }
                | Condition::OpenListener { .. }
                | Condition::Observing { .. }
                | Condition::Unconfigured
                | Condition::DaemonAway { .. } => (1, false),
            };
            let mut listeners = vec![Detail::warning("w"); count];
            if !is_counted {
                listeners.push(Detail::Condition(condition));
            }
            let report = Report {
                process: vec![Detail::fact("version 1")],
                settings: Vec::new(),
                listeners,
                daemon: vec![Detail::fact("connected to it")],
            };
            let lines = report.lines();
            assert_eq!(lines[0].text(), line);
            let again = lines.iter().filter(|detail| detail.text() == line).count();
            assert_eq!(again, 1, "{line}");
            assert_eq!(is_counted, lines.len() == report.details().count() + 1);
        }
    }

    #[test]
    fn a_reload_keeps_what_was_found_at_start() {
        let mut report = Report {
            process: vec![Detail::warning("runs as root")],
            settings: vec![Detail::Condition(Condition::Unconfigured)],
            ..Report::default()
        };
        let (listening, changed) = (Detail::fact("listening"), Detail::fact("reloaded"));
        let lines = report.reloaded(Vec::new(), vec![listening.clone()], vec![changed.clone()]);
        let verdict = Detail::Condition(Condition::Warnings(1));
        assert_eq!(lines, [verdict, changed, listening]);
    }

    #[test]
    fn the_verdict_is_repeated_only_if_the_daemon_s_answer_changes_it() {
        let away = Detail::Condition(away());
        let connected = Detail::fact("connected to it");
        let mut report = Report::default();
        assert_eq!(report.verdict(), Condition::Ready);
        assert_eq!(
            report.answered(vec![away.clone()]),
            std::slice::from_ref(&away)
        );
        assert_eq!(report.answered(vec![away.clone()]), [], "as before");
        let ready = Detail::Condition(Condition::Ready);
        assert_eq!(report.answered(vec![connected.clone()]), [ready, connected]);
        report.daemon.clear();
        let root = root(None, "SwarmInit");
        report.listeners.push(Detail::Condition(root.clone()));
        assert_eq!(report.answered(vec![away.clone()]), [away], "a lesser one");
        assert_eq!(report.verdict(), root);
    }
}
