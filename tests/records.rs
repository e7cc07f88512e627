//! One record for every request; a change of state is recorded before it is sent; and no record has a
//! secret.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use crate::support::folder::Folder;
use crate::support::{
    Client, FakeDaemon, Gate, Refused, Setup, Signal, chunked, eventually, everything, get, post,
};
use serde_json::{Value, json};

const JSON: &str = "Content-Type: application/json\r\n";
const TCP: &str = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
const UNREACHABLE: Refused = Refused(502, "daemon_unreachable");
const BAD_REPLY: Refused = Refused(502, "bad_daemon_reply");

#[test]
fn a_record_says_who_asked_for_what_and_the_outcome() {
    let daemon = FakeDaemon::start();
    let mut gate = Gate::start(&daemon, r#"allow = ["ContainerList"]"#);
    gate.ask(get("/v1.45/containers/json?all=1&filters=planted"))
        .assert_ok("list");
    let record = gate.record();
    let want = json!({
        "event": "request", "method": "GET", "path": "/v1.45/containers/json", "query": ["all=1", "filters"],
        "api_version": "1.45", "operation": "ContainerList", "effect": "read", "verdict": "allow",
        "reason": "granted", "status": 200, "bytes_in": 0, "bytes_out": 13, "end": "complete",
    });
    assert_fields(&record, &want);
    let text = |field: &Value| field.as_str().unwrap().to_owned();
    assert!(
        text(&record["client"]["address"]).starts_with("127.0.0.1:"),
        "{record}"
    );
    assert_eq!(text(&record["listener"]), gate.listeners()[0]);
    assert!(text(&record["policy"]).contains("policy"), "{record}");
    assert!(record["duration_us"].is_u64(), "{record}");
    let time = text(&record["time"]);
    assert_eq!(time.len(), "2026-11-21T10:00:00.000000Z".len(), "{time}");
    assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
    assert!(
        record.get("detail").is_none() && record.get("object").is_none(),
        "{record}"
    );
}

#[test]
fn a_record_of_a_refusal_says_why() {
    let daemon = FakeDaemon::start();
    let mut gate = Gate::start(&daemon, r#"allow = ["ContainerList"]"#);
    let reply = gate.ask(post("/containers/web/kill?signal=9", "", ""));
    Refused(403, "not_granted").assert(&reply, "kill");
    let record = gate.record();
    let want = json!({
        "operation": "ContainerKill", "effect": "write", "object": "web", "query": ["signal=9"],
        "verdict": "deny", "reason": "not_granted", "status": 403, "bytes_out": reply.body.len(),
    });
    assert_fields(&record, &want);
    assert!(
        record.get("policy").is_none() && record.get("api_version").is_none(),
        "{record}"
    );
    assert!(
        record["detail"].as_str().unwrap().contains("ContainerKill"),
        "{record}"
    );
}

#[test]
fn a_denial_names_the_operation_and_the_line_that_would_allow_it() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, r#"allow = ["ContainerList"]"#);
    let reply = gate.ask(post("/containers/web/kill", "", ""));
    let message = Refused(403, "not_granted").assert(&reply, "kill");
    assert!(
        message.contains(r#"add "ContainerKill" to allow"#),
        "{message}"
    );
    assert!(
        !message.contains("ContainerList"),
        "shows the other rules: {message}"
    );
    let message =
        Refused(403, "unknown_operation").assert(&gate.ask(get("/containers/jsn")), "nearest");
    assert!(message.contains("/containers/json"), "{message}");
}

#[test]
fn ids_are_unique_and_not_the_client_s() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, r#"allow = ["SystemPing"]"#);
    for _ in 0..10 {
        gate.ask("GET /_ping HTTP/1.1\r\nHost: docker\r\nX-Request-Id: forged\r\n\r\n")
            .assert_ok("F154");
    }
    let mut ids: Vec<_> = gate
        .stop()
        .iter()
        .map(|record| record["id"].to_string())
        .collect();
    assert!(ids.iter().all(|id| !id.contains("forged")), "F154: {ids:?}");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10);
}

#[test]
fn changes_of_state_are_recorded_before_the_daemon_gets_them() {
    let records = Signal::new();
    let checked = records.clone();
    let daemon = FakeDaemon::scripted(move |exchange| {
        // The current content of the file, when the request's first bytes were just read.
        let file = fs::read_to_string(exchange.head.get("X-Meta-Records").unwrap()).unwrap();
        let lines = file.lines().map(|line| serde_json::from_str(line).unwrap());
        let lines: Vec<Value> = lines.collect();
        let id = &lines.last().unwrap()["id"];
        let mut of_request = lines.iter().filter(|line| line["id"] == *id);
        // Questions about the objects that it names may follow it.
        let first = of_request.next().unwrap();
        assert_eq!(first["event"], "begin", "{} in {file}", exchange.head.first);
        let is_over = of_request.any(|line| line["event"] == "request");
        assert!(!is_over, "{} in {file}", exchange.head.first);
        checked.raise();
        exchange.body();
        exchange.reply("200 OK", "", b"{}");
    });
    let gate = Gate::start(&daemon, &everything());
    let lines = format!("X-Meta-Records: {}\r\n", gate.records_file().display());
    let mut client = gate.connect();
    for request in [
        post("/containers/web/kill", &lines, ""),
        post("/containers/create", &[JSON, &lines].concat(), "{}"),
        post("/images/load", &lines, "tar"),
        post(
            "/exec/e1/start",
            &[JSON, TCP, &lines].concat(),
            r#"{"Detach":true}"#,
        ),
        format!("DELETE /containers/web HTTP/1.1\r\nHost: docker\r\n{lines}\r\n"),
    ] {
        for _ in 0..5 {
            if request.contains("/exec/") {
                client = gate.connect();
            }
            client.request(&request);
            records.wait("the daemon reading the records");
            assert_eq!(client.reply().status(), 200, "{request}");
            if request.contains("/exec/") {
                client = gate.connect();
            }
        }
    }
    // What the start of an exec looks up is also recorded before it.
    let (lookups, lines): (Vec<_>, Vec<_>) = gate
        .stop()
        .into_iter()
        .partition(|line| line["event"] == "lookup");
    assert_eq!(lookups.len(), 5);
    for pair in lines.chunks(2) {
        let events = pair
            .iter()
            .map(|line| line["event"].as_str().unwrap())
            .collect::<Vec<_>>();
        assert_eq!(events, ["begin", "request"]);
        assert_eq!(pair[0]["id"], pair[1]["id"]);
        assert_eq!(pair[0]["operation"], pair[1]["operation"]);
        for later in ["status", "end", "bytes_in", "bytes_out", "duration_us"] {
            assert!(pair[0].get(later).is_none(), "{later} in {}", pair[0]);
        }
    }
}

#[test]
fn streams_get_a_begin_record_and_reads_and_refusals_do_not() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, r#"allow = ["*:read", "ContainerLogs"]"#);
    for (request, begins) in [
        (get("/events"), true),
        (get("/containers/web/logs?follow=1"), true),
        (get("/containers/web/logs"), false),
        (get("/containers/json"), false),
        (get("/containers/web/stats"), true),
        (get("/containers/web/stats?stream=0"), false),
        (post("/containers/web/wait", "", ""), true),
        (post("/containers/web/kill", "", ""), false),
        (get("//"), false),
    ] {
        let before = gate.lines().len();
        gate.ask(&request);
        let written = eventually("the record", || {
            let written = gate.lines().split_off(before);
            written
                .iter()
                .any(|line| line["event"] == "request")
                .then_some(written)
        });
        assert_eq!(
            written.len(),
            1 + usize::from(begins),
            "{request}: {written:?}"
        );
    }
}

#[test]
fn what_cannot_be_recorded_is_not_sent() {
    let daemon = FakeDaemon::start();
    let refuses = "[audit]\noutput = \"/dev/full\"\n";
    for (settings, refused) in [
        (refuses.to_owned(), true),
        (format!("{refuses}on_failure = \"continue\"\n"), false),
    ] {
        let mut gate = Setup::new(&daemon, &everything())
            .settings(&settings)
            .start();
        gate.unrecorded = true;
        for request in [
            post("/containers/web/kill", "", ""),
            post("/containers/create", JSON, "{}"),
        ] {
            let before = daemon.requests().len();
            let reply = gate.ask(&request);
            if refused {
                Refused(503, "audit_unavailable").assert(&reply, &request);
                assert_eq!(daemon.requests().len(), before, "{request}");
            } else {
                reply.assert_ok(&request);
            }
        }
    }
}

#[test]
fn allowed_reads_are_left_out_when_that_is_asked_for() {
    let daemon = FakeDaemon::start();
    let mut gate = Setup::new(&daemon, r#"allow = ["SystemInfo", "ContainerStop"]"#)
        .settings("[audit]\nallowed_reads = false")
        .start();
    let mut client = gate.connect();
    // Not counted: it has no record.
    client.send(get("/info"));
    client.reply().assert_ok("an allowed read");
    client.request(get("/version"));
    Refused(403, "not_granted").assert(&client.reply(), "a refused read");
    assert_eq!(gate.record()["operation"], "SystemVersion");
    client.request(post("/containers/web/stop", "", ""));
    client.reply().assert_ok("a write");
    assert_eq!(gate.record()["operation"], "ContainerStop");
}

/// Header lines of clients, each with a secret.
const SECRET_LINES: &str = "X-Registry-Auth: planted-auth\r\nX-Registry-Config: planted-config\r\n\
    Authorization: planted-basic\r\nCookie: planted-cookie\r\nX-Meta-Token: planted-meta\r\n\
    User-Agent: planted-agent\r\n";
const SECRET_BODY: &str =
    r#"{"Env":["A=planted-body"],"Cmd":["planted-argv"],"password":"planted-word"}"#;

/// What a container may be created with, and a secret in each place that could have one.
const SECRET_CONTAINER: &str = r#"{"Image":"a","Env":["A=planted-body"],"Cmd":["planted-argv"],"Labels":{"a":"planted-label"},
    "HostConfig":{"LogConfig":{"Type":"splunk","Config":{"splunk-token":"planted-token"}},"Mounts":[{"Type":"volume","Target":"/a",
    "VolumeOptions":{"DriverConfig":{"Name":"local","Options":{"o":"username=a,password=planted-option"}}}}]}}"#;
const SECRET_VOLUME: &str =
    r#"{"Name":"a","DriverOpts":{"type":"cifs","o":"password=planted-option"}}"#;
const SECRET_EXEC: &str = r#"{"Cmd":["sh","-c","planted-argv"],"Env":["A=planted-body"]}"#;

/// Requests with secrets in every possible place, all of them allowed.
fn granted_secrets() -> Vec<String> {
    let lines = [JSON, SECRET_LINES].concat();
    vec![
        post(
            "/containers/create?Env=A%3Dplanted-query&name=web",
            &lines,
            SECRET_CONTAINER,
        ),
        post("/volumes/create", &lines, SECRET_VOLUME),
        post("/containers/web/exec", &lines, SECRET_EXEC),
        post(
            "/exec/e1/start?secret=planted-query",
            &lines,
            r#"{"hijack":"planted-option"}"#,
        ),
        post("/auth", &lines, SECRET_BODY),
        post(
            "/build?buildargs=%7B%22A%22:%22planted%22%7D&remote=https://u:planted@h/?token=planted",
            SECRET_LINES,
            "planted",
        ),
        post(
            "/containers/web/stop?key=planted-query",
            &lines,
            SECRET_BODY,
        ),
        get("/containers/json?filters=planted-query"),
    ]
}

/// The same, all of them refused, and each in another place.
fn refused_secrets() -> Vec<String> {
    let lines = [JSON, SECRET_LINES].concat();
    let head =
        |more: &str| format!("GET /info?a=planted HTTP/1.1\r\nHost: a\r\n{more}{SECRET_LINES}\r\n");
    vec![
        get("/images/a/jso?token=planted-query"),
        get("/containers//json?token=planted-query"),
        get("/info?token=planted;query"),
        post(
            "/containers/create",
            "Content-Type: text/planted\r\n",
            SECRET_BODY,
        ),
        post("/containers/web/start", &lines, SECRET_BODY),
        chunked("/containers/create", &lines, &SECRET_BODY.repeat(20_000)),
        head("X-Registry-Auth : planted-auth\r\n"),
        head("").replace("Host: a\r\n", ""),
        head("").replace("HTTP/1.1", "HTTP/1.7"),
        head("").replace(" HTTP/1.1", "  HTTP/1.1"),
        head("Origin: http://planted-origin\r\n"),
        head("").replace("Host: a", "Host: planted.example"),
        head("Transfer-Encoding: planted-coding\r\n"),
        head("Expect: planted-expect\r\n"),
        head("X-Registry-Auth: planted-again\r\n"),
        post(
            "/exec/e1/start",
            &["Upgrade: planted-upgrade\r\n", &lines].concat(),
            SECRET_BODY,
        ),
    ]
}

#[test]
fn no_secret_is_ever_written() {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.body();
        if exchange.target().contains("attach") {
            exchange.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nplanted-output");
            exchange.rest();
            exchange.close();
        } else {
            exchange.reply(
                "200 OK",
                "X-Secret: planted-reply\r\n",
                br#"{"Env":["A=planted-env"]}"#,
            );
        }
    });
    let mut setup = Setup::new(&daemon, &everything()).settings("log = \"debug\"");
    setup.env = vec![("AWS_SECRET_ACCESS_KEY", "planted-environment".to_owned())];
    let gate = setup.start();
    for request in granted_secrets() {
        assert_eq!(gate.ask(&request).status(), 200, "{request}");
    }
    for request in refused_secrets() {
        let status = gate.ask(&request).status();
        assert!((400..502).contains(&status), "{status} for {request}");
    }
    let mut client = gate.connect();
    client.request(post(
        "/containers/web/attach",
        &[TCP, SECRET_LINES].concat(),
        "",
    ));
    client.send("planted-input");
    client.half_close();
    client.rest();
    let mut client = gate.connect();
    client.request(format!(
        "GET /info?a=planted-query HTTP/1.1\r\n{SECRET_LINES}"
    ));
    client.half_close();
    client.reply();
    let (records, diagnostics) = gate.end();
    assert!(records.contains("ContainerCreate") && diagnostics.contains("listening"));
    for written in [records, diagnostics] {
        let line = written.lines().find(|line| line.contains("planted"));
        assert_eq!(line, None);
    }
}

#[test]
fn what_a_client_sends_cannot_forge_a_record() {
    let daemon = FakeDaemon::start();
    let mut gate = Gate::start(&daemon, r#"allow = ["SystemPing"]"#);
    let forged = r#"/x"},{"event":"request","verdict":"allow"}"#;
    gate.ask(get(forged));
    assert_eq!(gate.record()["path"], forged, "F153");
    for target in [
        "/a\u{2028}\u{1b}[2J",
        "/a\u{9b}2J",
        "/a\u{202e}b",
        "/a\u{7f}",
    ] {
        gate.ask(format!("GET {target} HTTP/1.1\r\nHost: docker\r\n\r\n"));
        let record = gate.record().to_string();
        let is_plain = record.chars().all(|c| c == ' ' || c.is_ascii_graphic());
        assert!(is_plain, "{record:?}");
    }
    let long = format!("/{}", "a".repeat(3000));
    gate.ask(get(&long));
    let record = gate.record();
    let path = record["path"].as_str().unwrap();
    assert!(
        path.len() < 1100 && path.starts_with("/aaaa"),
        "{} bytes of path",
        path.len()
    );
    let raw = fs::read(gate.records_file()).unwrap();
    let is_plain = |byte: &u8| (b' '..=b'~').contains(byte) || *byte == b'\n';
    assert!(raw.iter().all(is_plain), "more than ASCII in the records");
}

#[test]
fn a_client_that_leaves_has_its_record() {
    let daemon = FakeDaemon::scripted(|exchange| match exchange.target() {
        "/events" => {
            exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n");
        }
        _ => drop(exchange.body()),
    });
    let mut gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    client.request(get("/events"));
    client.head();
    drop(client);
    let record = gate.record();
    assert_eq!(
        (&record["end"], &record["status"]),
        (&json!("client_gone"), &json!(200)),
        "{record}"
    );

    // In the middle of an upload that is streamed, and of a body that is read first.
    for (target, field, want) in [
        ("/images/load", "end", "client_gone"),
        ("/containers/create", "reason", "bad_body"),
    ] {
        let mut client = gate.connect();
        let lines = "Content-Type: application/json\r\nContent-Length: 1000";
        client.request(format!(
            "POST {target} HTTP/1.1\r\nHost: docker\r\n{lines}\r\n\r\n{{"
        ));
        if field == "end" {
            daemon.wait_for_request(2);
        }
        drop(client);
        let record = gate.record();
        assert_eq!(record[field], want, "{target}: {record}");
    }
    assert_eq!(daemon.requests().len(), 2);
}

#[test]
fn an_unreachable_daemon_is_reported_plainly() {
    for upstream in ["unix:///nonexistent/planted.sock", "tcp://127.0.0.1:1"] {
        let mut gate = Setup::before(upstream.to_owned(), &everything()).start();
        for request in [
            get("/info"),
            post("/containers/web/kill", "", ""),
            post("/containers/web/attach", TCP, ""),
        ] {
            let message = UNREACHABLE.assert(&gate.ask(&request), upstream);
            for word in [
                "planted",
                "/",
                "os error",
                "errno",
                "No such",
                "refused",
                "127.0.0.1",
                "(",
                "\"",
            ] {
                assert!(!message.contains(word), "F31: {word} in {message}");
            }
            let record = gate.record();
            assert_eq!(
                (&record["reason"], &record["status"]),
                (&json!("daemon_unreachable"), &json!(502))
            );
        }
    }
}

#[test]
fn it_starts_without_a_daemon_and_answers_when_there_is_one() {
    let folder = Folder::new();
    let gate = Setup::before(FakeDaemon::upstream_in(&folder), &everything()).start();
    UNREACHABLE.assert(&gate.ask(get("/info")), "before");
    let daemon = FakeDaemon::start_in(folder);
    gate.ask(get("/info")).assert_ok("after");
    assert_eq!(daemon.asked(), ["GET /info HTTP/1.1"]);
}

#[test]
fn a_reply_that_is_not_http_is_reported_plainly() {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.body();
        match exchange.target() {
            "/info" => exchange.send("not HTTP at all\r\n\r\n"),
            "/version" => exchange.send("HTTP/1.1 200 OK\r\nContent-Le"),
            "/images/json" => exchange.send("HTTP/1.1 200 OK\r\nContent-Length: planted\r\n\r\n"),
            _ => true,
        };
        exchange.close();
    });
    let mut gate = Gate::start(&daemon, &everything());
    for request in [
        get("/info"),
        get("/version"),
        get("/images/json"),
        post("/containers/web/kill", "", ""),
    ] {
        let message = BAD_REPLY.assert(&gate.ask(&request), &request);
        assert!(!message.contains("planted"), "{message}");
        let record = gate.record();
        assert_eq!(
            (&record["reason"], &record["status"]),
            (&json!("bad_daemon_reply"), &json!(502)),
            "{record}"
        );
    }
}

#[test]
fn a_silent_daemon_is_waited_for_unless_a_limit_is_set() {
    let answer = Signal::new();
    let answers = answer.clone();
    let daemon = FakeDaemon::scripted(move |exchange| {
        if exchange.head.get("X-Meta-Wait").is_some() {
            answers.wait("the other dockgate's refusal");
            exchange.reply("200 OK", "", b"{}");
        } else {
            exchange.rest();
        }
    });
    let patient = Gate::start(&daemon, &everything());
    let mut waiting = patient.connect();
    waiting.request("GET /info HTTP/1.1\r\nHost: docker\r\nX-Meta-Wait: 1\r\n\r\n");
    daemon.wait_for_request(1);
    let gate = Setup::new(&daemon, &everything())
        .settings("[limits]\nreply_head = \"200ms\"")
        .start();
    Refused(504, "daemon_silent").assert(&gate.ask(get("/info")), "F25");
    answer.raise();
    waiting.reply().assert_ok("without a limit");
}

#[test]
fn requests_of_browsers_are_refused_unless_their_origin_is_named() {
    let daemon = FakeDaemon::start();
    let gate = Setup::new(&daemon, &everything())
        .settings("allow_origin = [\"https://dash.example\"]")
        .start();
    let with_origin = |origin: &str| {
        let requests = [
            get("/info"),
            post("/containers/web/kill", "", ""),
            post("/containers/web/attach", TCP, ""),
        ];
        requests.map(|request| request.replacen("\r\n", &format!("\r\nOrigin: {origin}\r\n"), 1))
    };
    for origin in [
        "http://evil.example",
        "null",
        "https://dash.example.evil.example",
        "http://dash.example",
        "file://",
    ] {
        for request in with_origin(origin) {
            Refused(403, "origin_not_allowed").assert(&gate.ask(&request), &request);
        }
    }
    daemon.assert_untouched("origins that are not named");
    for request in &with_origin("https://dash.example")[..2] {
        gate.ask(request).assert_ok(request);
        assert_eq!(daemon.requests().pop().unwrap().head.get("Origin"), None);
    }
}

#[test]
fn requests_of_other_sites_pages_are_refused_without_an_origin_too() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let from =
        |site: &str| format!("GET /info HTTP/1.1\r\nHost: a\r\nSec-Fetch-Site: {site}\r\n\r\n");
    for site in ["cross-site", "same-site", "Cross-Site", "new-kind", ""] {
        Refused(403, "origin_not_allowed").assert(&gate.ask(from(site)), site);
    }
    daemon.assert_untouched("pages of other sites");
    for site in ["none", "same-origin"] {
        gate.ask(from(site)).assert_ok(site);
    }
}

#[test]
fn a_host_that_could_be_rebound_is_refused_on_loopback() {
    let daemon = FakeDaemon::start();
    let mut setup =
        Setup::new(&daemon, &everything()).settings("allow_host = [\"docker.lan.example\"]");
    setup.listen.push("unix://{folder}/gate.sock".to_owned());
    let gate = setup.start();
    let with_host = |host: &str| {
        format!("GET /info HTTP/1.1\r\nHost: {host}\r\n\r\n").replace("Host: \r\n", "Host:\r\n")
    };
    for host in [
        "evil.example",
        "evil.example:2375",
        "localhost.evil.example",
        "a@b.example",
        "dockerlanexample.com",
        "a/b",
    ] {
        Refused(403, "host_not_allowed").assert(&gate.ask(with_host(host)), host);
    }
    daemon.assert_untouched("hosts of the internet");
    for host in [
        "",
        "docker",
        "localhost",
        "localhost:2375",
        "api.moby.localhost",
        "127.0.0.1:2375",
        "[::1]:2375",
        "10.1.2.3",
        "1.28",
        "docker.lan.example",
        "docker.lan.example:2375",
        "DOCKER",
    ] {
        gate.ask(with_host(host)).assert_ok(host);
    }
}

#[test]
fn a_unix_listener_serves_and_is_recorded() {
    let daemon = FakeDaemon::start();
    let mut setup = Setup::new(&daemon, r#"allow = ["SystemInfo"]"#);
    setup.listen = vec!["unix://{folder}/gate.sock".to_owned()];
    let mut gate = setup.start();
    let mut client = gate.connect();
    client.request(get("/info"));
    client.reply().assert_ok("by unix");
    client.request(get("/version"));
    Refused(403, "not_granted").assert(&client.reply(), "by unix");
    let record = gate.record();
    assert!(
        record["listener"].as_str().unwrap().starts_with("unix:///"),
        "{record}"
    );
}

#[test]
fn a_deny_of_the_settings_holds_against_every_policy() {
    let daemon = FakeDaemon::start();
    let gate = Setup::new(&daemon, &everything())
        .settings("deny = [\"ContainerKill\", \"swarm:content\"]")
        .start();
    Refused(403, "denied").assert(
        &gate.ask(post("/containers/web/kill", "", "")),
        "an operation",
    );
    Refused(403, "denied").assert(&gate.ask(get("/swarm/unlockkey")), "a group");
    daemon.assert_untouched("denied");
    gate.ask(post("/containers/web/stop", "", ""))
        .assert_ok("its neighbor");
}

#[test]
fn a_client_with_too_many_connections_gets_a_message() {
    let daemon = FakeDaemon::start();
    let gate = Setup::new(&daemon, &everything())
        .settings("[limits]\nconnections_per_client = 2")
        .start();
    let mut open = [gate.connect(), gate.connect()];
    for client in &mut open {
        client.request(get("/info"));
        client.reply().assert_ok("within the limit");
    }
    let mut third = gate.connect();
    third.request(get("/info"));
    Refused(503, "too_many_connections").assert(&third.reply(), "the third");
    third.assert_closed("the third");
    let [mut first, second] = open;
    drop(second);
    eventually("a place", || {
        (gate.ask(get("/info")).status() == 200).then_some(())
    });
    first.request(get("/info"));
    first.reply().assert_ok("all the while");
}

#[test]
fn a_client_s_silent_connections_do_not_keep_another_out() {
    let daemon = FakeDaemon::start();
    let limits = "[limits]\nconnections = 8\nconnections_per_client = 2\nhead = \"200ms\"";
    let gate = Setup::new(&daemon, &everything()).settings(limits).start();
    let silent: Vec<_> = (0..12).map(|_| gate.connect()).collect();
    let mut other = gate.connect_from("127.0.0.2:0");
    other.request(get("/info"));
    other.reply().assert_ok("another client");
    drop(silent);
}

#[test]
fn a_connection_over_the_limit_waits_for_another_to_end() {
    let daemon = FakeDaemon::start();
    let gate = Setup::new(&daemon, &everything())
        .settings("[limits]\nconnections = 1")
        .start();
    let mut first = gate.connect();
    first.request(get("/info"));
    first.reply().assert_ok("the first");
    let mut second = gate.connect();
    second.request(get("/version"));
    first.request(get("/info"));
    first.reply().assert_ok("the first again");
    assert_eq!(daemon.requests().len(), 2, "the second has to wait");
    drop(first);
    second.reply().assert_ok("the second");
}

#[test]
fn a_signal_ends_endless_streams_at_once_and_lets_the_rest_finish() {
    let answer = Signal::new();
    let answers = answer.clone();
    let daemon = FakeDaemon::scripted(move |exchange| {
        if exchange.target() == "/events" {
            exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n");
        } else {
            answers.wait("the signal");
            exchange.reply("200 OK", "", b"done");
        }
    });
    let mut gate = Gate::start(&daemon, &everything());
    let mut idle = gate.connect();
    let mut events = gate.connect();
    events.request(get("/events"));
    events.head();
    events.chunk();
    let mut running = gate.connect();
    running.request(post("/containers/web/stop?t=5", "", ""));
    daemon.wait_for_request(2);
    gate.terminate();
    idle.assert_closed("an idle connection");
    while matches!(events.try_chunk(), Ok(Some(_))) {}
    assert_eq!(gate.record()["end"], "drained", "events");
    answer.raise();
    assert_eq!(running.reply().text(), "done");
    let record = gate.record();
    assert_eq!(
        (&record["operation"], &record["end"]),
        (&json!("ContainerStop"), &json!("complete"))
    );
}

#[test]
fn an_audit_log_that_nobody_reads_does_not_prevent_shutdown() {
    let daemon = FakeDaemon::start();
    let mut setup = Setup::new(&daemon, &everything()).settings("[limits]\ndrain = \"300ms\"");
    setup.stdout_unread = true;
    let gate = setup.start();
    let mut client = gate.connect();
    // A pipe holds 64 KiB; the records of these requests are more than twice as long, whatever is
    // recorded about them.
    for _ in 0..500 {
        client.request(get("/info"));
        if client.reply().status() != 200 {
            client = gate.connect();
        }
    }
    gate.stop();
}

/// A named pipe to write a record to.
struct Pipe {
    path: PathBuf,
    /// Opening one side of a pipe waits for the other, but opening both does not.
    both: File,
}

impl Pipe {
    fn new(folder: &Folder) -> Self {
        let path = folder.path().join("record");
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let both = File::options().read(true).write(true).open(&path).unwrap();
        Self { path, both }
    }
}

const STALLED: &str = "cannot write the audit log: its output accepts no lines";

#[test]
fn a_blocked_audit_log_is_reported_once_and_then_with_the_missing_lines() {
    const OVER: &str = "can be written again, but ";
    let folder = Folder::new();
    let pipe = Pipe::new(&folder);
    let unread = File::open(&pipe.path).unwrap();
    let daemon = FakeDaemon::start();
    let settings = format!(
        "limits.connections = 1\naudit.on_failure = 'continue'\naudit.output = '{}'",
        pipe.path.display()
    );
    let setup = Setup::new(&daemon, "allow = []").settings(&settings);
    let mut gate = setup.start();
    gate.unrecorded = true;
    drop(pipe);
    let mut client = gate.connect();
    let mut ask = |count| {
        (0..count).for_each(|_| client.request(get("/info")));
        for _ in 0..count {
            Refused(403, "not_granted").assert(&client.reply(), "recorded or not");
        }
    };
    // More lines than the queue and the pipe can hold.
    (0..20).for_each(|_| ask(500));
    gate.assert_tells(STALLED);
    let reader = thread::spawn(move || {
        let lines = BufReader::new(unread).lines();
        let seq = |line: String| -> usize {
            let line: Value = serde_json::from_str(&line).unwrap();
            line["seq"].as_u64().unwrap().try_into().unwrap()
        };
        lines.map(|line| seq(line.unwrap())).collect::<Vec<_>>()
    });
    gate.assert_tells(OVER);
    ask(1);
    let said = gate.end().1;
    let missing = said.split(OVER).nth(1).unwrap().split(' ').next();
    let missing: usize = missing.unwrap().parse().unwrap();
    assert!(missing > 1000, "{said}");
    let read = reader.join().unwrap();
    // One line says that it started, and one that it stops.
    assert_eq!(read.len() + missing, 10_003, "{said}");
    let gaps = read.windows(2).map(|pair| pair[1] - pair[0] - 1);
    assert_eq!(
        gaps.sum::<usize>(),
        missing,
        "every missing line has its number"
    );
    assert_eq!((read[0], read[read.len() - 1]), (1, 10_003));
    assert_eq!(said.matches(STALLED).count(), 1, "{said}");
}

#[test]
fn a_change_whose_record_cannot_be_written_is_refused_with_a_message() {
    let folder = Folder::new();
    let pipe = Pipe::new(&folder);
    // As much as it can hold.
    (&pipe.both).write_all(&vec![0; 65_536]).unwrap();
    let daemon = FakeDaemon::start();
    let settings = format!("audit.output = '{}'", pipe.path.display());
    let setup = Setup::new(&daemon, "allow = ['ContainerStart']").settings(&settings);
    let mut gate = setup.start();
    gate.unrecorded = true;
    let refused = Refused(503, "audit_unavailable");
    refused.assert(&gate.ask(post("/containers/web/start", "", "")), "unread");
    gate.assert_tells(STALLED);
    assert!(daemon.asked().is_empty(), "not one byte of it was sent");
}

#[test]
fn a_request_during_shutdown_gets_a_message() {
    let daemon = FakeDaemon::start();
    let mut gate = Gate::start(&daemon, &everything());
    let mut idle = gate.connect();
    let mut partial = gate.connect();
    partial.request("GET /info HTTP/1.1\r\nHost: docker\r\n");
    // One thread serves all: when this later one is answered, the part before it was read.
    gate.ask(get("/version")).assert_ok("before");
    assert_eq!(gate.record()["operation"], "SystemVersion");
    gate.terminate();
    let refused = Refused(503, "draining");
    refused.assert(&partial.reply(), "a head under way");
    partial.assert_closed("a head under way");
    idle.assert_closed("not one byte");
    let record = gate.record();
    assert_eq!(record["reason"], "draining", "{record}");
    assert_eq!(record["path"], "/info", "{record}");
    assert_eq!(daemon.asked(), ["GET /version HTTP/1.1"]);
}

#[test]
fn a_drain_is_bounded_whatever_is_under_way() {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.body();
        if exchange.target().contains("attach") {
            exchange.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
        }
        exchange.rest();
        exchange.close();
    });
    let gate = Setup::new(&daemon, &everything())
        .settings("[limits]\ndrain = \"300ms\"")
        .start();
    let mut tunnel = gate.connect();
    tunnel.request(post("/containers/web/attach", TCP, ""));
    tunnel.head();
    let mut waiting = gate.connect();
    waiting.request(post("/containers/web/stop", "", ""));
    let mut upload = gate.connect();
    upload.request("POST /images/load HTTP/1.1\r\nHost: docker\r\nContent-Length: 10\r\n\r\nta");
    daemon.wait_for_request(3);
    let mut body = gate.connect();
    let lines = format!("{JSON}Expect: 100-continue\r\nContent-Length: 10\r\n");
    body.request(format!(
        "POST /containers/create HTTP/1.1\r\nHost: docker\r\n{lines}\r\n"
    ));
    assert!(body.head().first.contains(" 100 "));
    let lines = gate.stop();
    let requests = lines.iter().filter(|line| line["event"] == "request");
    let mut ends: Vec<_> = requests
        .map(|line| (line["reason"].as_str().unwrap(), &line["end"]))
        .collect();
    ends.sort_by_key(|(reason, _)| *reason);
    assert!(ends.iter().all(|(_, end)| *end == "drained"), "{ends:?}");
    let reasons: Vec<_> = ends.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(reasons, ["granted", "granted", "granted", "not_judged"]);
}

#[test]
fn many_parallel_clients_each_get_their_records() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, r#"allow = ["SystemInfo", "ContainerStop"]"#);
    let ask = |client: &mut Client| {
        for _ in 0..25 {
            client.request(get("/info"));
            client.reply().assert_ok("granted");
            client.request(get("/version"));
            Refused(403, "not_granted").assert(&client.reply(), "refused");
            client.request(post("/containers/web/stop", "", ""));
            client.reply().assert_ok("granted");
        }
    };
    thread::scope(|scope| {
        for _ in 0..16 {
            let mut client = gate.connect();
            scope.spawn(move || ask(&mut client));
        }
    });
    assert_eq!(daemon.requests().len(), 16 * 50);
    assert_eq!(daemon.connections(), 16);
}

#[track_caller]
fn assert_fields(record: &Value, want: &Value) {
    for (field, want) in want.as_object().unwrap() {
        assert_eq!(record[field], *want, "{field} in {record}");
    }
}
