//! The line of each condition, and which one a report begins with.

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
            Condition::Unseparated(vec!["tcp://[::]:1".to_owned(), "tcp://[::]:2".to_owned()]),
            "clients are not separated: tcp://[::]:1 and tcp://[::]:2 have different policies, but whoever can connect to one can connect to all. Write a [[client]] for each, see clients.md.",
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
            | Condition::Unseparated(_)
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
