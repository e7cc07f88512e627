//! The listener for Prometheus and for health checks.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use crate::support::folder::Folder;
use crate::support::{FakeDaemon, Gate, Setup, eventually, get, post};

const LISTEN: &str = "[metrics]\nlisten = 'tcp://127.0.0.1:0'\n";

/// Where the metrics are, as the start report says.
fn address(gate: &Gate) -> String {
    eventually("the address of the metrics", || {
        let said = gate.diagnostics();
        let rest = said.split_once("metrics on tcp://")?.1;
        Some(rest.lines().next()?.trim().to_owned())
    })
}

fn converse(mut stream: impl Read + Write, path: &str) -> (u16, String) {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

fn ask(gate: &Gate, path: &str) -> (u16, String) {
    converse(TcpStream::connect(address(gate)).unwrap(), path)
}

/// The value of a series.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series))?;
    line.trim().parse().ok()
}

#[test]
fn requests_are_counted_by_what_they_were() {
    let daemon = FakeDaemon::start();
    let policy = "allow = ['SystemInfo', 'SystemEvents', 'ContainerStart']";
    let gate = Setup::new(&daemon, policy).settings(LISTEN).start();
    for _ in 0..3 {
        gate.ask(get("/info")).assert_ok("allowed");
    }
    gate.ask(get("/version"));
    gate.ask(post("/containers/web/start", "", ""))
        .assert_ok("allowed");
    let (status, text) = ask(&gate, "/metrics");
    assert_eq!(status, 200);
    assert!(text.ends_with("# EOF\n"), "{text}");
    let listener = &gate.listeners()[0];
    let labels = |rest: &str| format!("{{listener=\"{listener}\",client=\"-\",{rest}}}");
    let requests = |rest: &str| value(&text, &format!("dockgate_requests_total{}", labels(rest)));
    let info = requests("operation=\"SystemInfo\",verdict=\"allow\",code=\"200\"");
    let version = requests("operation=\"SystemVersion\",verdict=\"deny\",code=\"403\"");
    assert_eq!((info, version), (Some(3.0), Some(1.0)), "{text}");
    for (series, want) in [
        (
            "denied_total{client=\"-\",operation=\"SystemVersion\",reason=\"not_granted\"}",
            1.0,
        ),
        (
            "request_duration_seconds_count{operation=\"SystemInfo\"}",
            3.0,
        ),
        ("overhead_seconds_count", 5.0),
        ("upstream_up", 1.0),
        ("audit_up", 1.0),
        ("audit_lines_total{result=\"lost\"}", 0.0),
        ("reloads_total{result=\"rejected\"}", 0.0),
        ("build_info{version=\"0.1.0\"}", 1.0),
    ] {
        assert_eq!(
            value(&text, &format!("dockgate_{series}")),
            Some(want),
            "{series}: {text}"
        );
    }
    assert!(!text.contains("request_duration_seconds_count{operation=\"SystemVersion\"}"));
    for series in [
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
    ] {
        assert!(value(&text, series).unwrap() > 0.0, "{series}: {text}");
    }
    let (status, _) = ask(&gate, "/info");
    assert_eq!(status, 404, "nothing else is served there");
}

#[test]
fn what_is_open_is_counted_while_it_is_open() {
    let daemon = FakeDaemon::scripted(|request| {
        if request.target().ends_with("/events") {
            request.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n");
            request.rest();
        } else {
            request.reply("200 OK", "", b"OK");
        }
    });
    let gate = Setup::new(&daemon, "allow = ['SystemEvents']")
        .settings(LISTEN)
        .start();
    let mut client = gate.connect();
    client.request(get("/events"));
    client.head();
    let streams = "dockgate_open_streams{operation=\"SystemEvents\"}";
    let connections = format!(
        "dockgate_open_connections{{listener=\"{}\"}}",
        gate.listeners()[0]
    );
    let text = ask(&gate, "/metrics").1;
    assert_eq!(value(&text, streams), Some(1.0), "{text}");
    assert_eq!(value(&text, &connections), Some(1.0), "{text}");
    drop(client);
    eventually("the end of the stream", || {
        let text = ask(&gate, "/metrics").1;
        (value(&text, streams) == Some(0.0) && value(&text, &connections) == Some(0.0))
            .then_some(())
    });
}

#[test]
fn no_client_can_add_a_series() {
    let daemon = FakeDaemon::start();
    let gate = Setup::new(&daemon, "allow = ['SystemInfo']")
        .settings(LISTEN)
        .start();
    let names = || -> BTreeSet<String> {
        let text = ask(&gate, "/metrics").1;
        let series = text.lines().filter(|line| !line.starts_with('#'));
        series
            .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
            .collect()
    };
    let odd = |number: usize| {
        let mut client = gate.connect();
        for at in 0..25 {
            let name = format!("n{number}-{at}\\\"\u{fc}");
            client.request(get(&format!("/{name}?{name}={name}")));
            client.reply();
            client.request(get(&format!(
                "/containers/n{number}-{at}/json?a{number}={at}"
            )));
            client.reply();
            client.request(format!(
                "X{number}Y{at} /v1.{at}/info HTTP/1.1\r\nHost: h{number}\r\n\r\n"
            ));
            client.reply();
        }
    };
    odd(0);
    let before = names();
    (1..40).for_each(odd);
    assert_eq!(names(), before);
    assert!(before.len() < 150, "{before:#?}");
}

#[test]
fn it_is_ready_only_while_it_can_serve() {
    let daemon = FakeDaemon::start();
    let gate = Setup::new(&daemon, "allow = ['SystemInfo']")
        .settings(LISTEN)
        .start();
    assert_eq!(ask(&gate, "/healthz"), (200, "ok\n".to_owned()));
    let ready = "daemon: ok\naudit: ok\nserving: ok\n";
    assert_eq!(ask(&gate, "/readyz"), (200, ready.to_owned()));
    let folder = Folder::new();
    let nowhere = FakeDaemon::upstream_in(&folder);
    let gate = Setup::before(nowhere, "allow = ['SystemInfo']")
        .settings(LISTEN)
        .start();
    let (status, said) = ask(&gate, "/readyz");
    assert_eq!(status, 503);
    assert!(
        said.starts_with("daemon: the Docker daemon cannot be reached"),
        "{said}"
    );
    assert_eq!(ask(&gate, "/healthz").0, 200);
    assert_eq!(
        value(&ask(&gate, "/metrics").1, "dockgate_upstream_up"),
        Some(0.0)
    );
    let full = format!("audit.output = '/dev/full'\n{LISTEN}");
    let mut gate = Setup::new(&daemon, "allow = ['SystemInfo']")
        .settings(&full)
        .start();
    gate.unrecorded = true;
    eventually("the audit log fails", || {
        (ask(&gate, "/readyz").0 == 503).then_some(())
    });
    let said = ask(&gate, "/readyz").1;
    assert_eq!(
        said,
        "daemon: ok\naudit: the audit log cannot be written\nserving: ok\n"
    );
    assert_eq!(
        value(&ask(&gate, "/metrics").1, "dockgate_audit_up"),
        Some(0.0)
    );
}

#[test]
fn only_who_is_in_from_may_ask() {
    let daemon = FakeDaemon::start();
    let own = rustix_uid();
    for (uid, want) in [(own, 200), (own + 1, 403)] {
        let folder = Folder::new();
        let socket = folder.path().join("metrics.sock");
        let settings = format!(
            "[metrics]\nlisten = 'unix://{}'\nfrom = ['uid:{uid}']",
            socket.display()
        );
        let gate = Setup::new(&daemon, "allow = []")
            .settings(&settings)
            .start();
        let stream = || UnixStream::connect(&socket).unwrap();
        for path in ["/metrics", "/readyz", "/healthz"] {
            assert_eq!(converse(stream(), path).0, want, "{uid} {path}");
        }
        drop(gate);
    }
    for (settings, said) in [
        (
            "listen = 'tcp://0.0.0.0:0'",
            "clients could reach tcp://0.0.0.0:0: write from = [\"network:NAME\"]",
        ),
        (
            "listen = 'tcp://127.0.0.1:0'\nfrom = ['uid:1']",
            "`metrics.from`: \"uid:1\" cannot match: it needs a unix socket",
        ),
        (
            "from = ['10.0.0.1']",
            "`metrics.from`: has no effect without metrics.listen",
        ),
    ] {
        let (code, told) = Setup::new(&daemon, "allow = []")
            .settings(&format!("[metrics]\n{settings}"))
            .refused();
        assert!(code == 78 && told.contains(said), "{code} {told}");
    }
}

fn rustix_uid() -> u32 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
