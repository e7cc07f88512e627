//! Which bodies are sent on, which are discarded and which are refused, and how uploads flow.

use std::io::{ErrorKind, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{
    Client, FakeDaemon, Gate, LIMIT, Refused, Setup, Signal, chunked, eventually, everything, get,
    post,
};

const NOT_ALLOWED: Refused = Refused(415, "body_not_allowed");
const WRONG_TYPE: Refused = Refused(400, "body_type_not_allowed");
const TOO_LARGE: Refused = Refused(413, "body_too_large");
const BAD_BODY: Refused = Refused(400, "bad_body");
const JSON: &str = "Content-Type: application/json\r\n";

/// Operations that take no body, with the options that dockerode repeats in one.
const WITHOUT_BODY: &[(&str, &str)] = &[
    ("/containers/web/stop?t=5", r#"{"t":5}"#),
    ("/containers/web/restart?t=3", r#"{"t":3}"#),
    (
        "/containers/web/kill?signal=SIGHUP",
        r#"{"signal":"SIGHUP"}"#,
    ),
    ("/containers/web/rename?name=y", r#"{"name":"y"}"#),
    (
        "/containers/web/wait?condition=not-running",
        r#"{"condition":"not-running"}"#,
    ),
    ("/containers/web/resize?h=10&w=20", r#"{"h":10,"w":20}"#),
    ("/exec/e1/resize?h=1&w=2", r#"{"h":1,"w":2}"#),
    (
        "/images/create?fromImage=alpine&tag=3",
        r#"{"fromImage":"evil","tag":"3"}"#,
    ),
    ("/images/a/b/tag?repo=x&tag=y", r#"{"repo":"x","tag":"y"}"#),
    ("/images/alpine:3/push?tag=3", r#"{"tag":"3"}"#),
    ("/containers/prune", r#"{"filters":{"label":["a=b"]}}"#),
];

/// Types that the daemon's form parser would read as a query, or that other servers dispatch on.
const NEVER: &[&str] = &[
    "application/x-www-form-urlencoded",
    "Application/X-WWW-Form-Urlencoded; charset=utf-8",
    "multipart/form-data; boundary=b",
    "MULTIPART/mixed",
    "application/grpc",
    "application/grpc+proto",
    "Application/gRPC-web",
];

#[test]
fn json_for_an_operation_without_a_body_is_discarded_and_never_sent() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    for (target, body) in WITHOUT_BODY {
        for request in [post(target, JSON, body), chunked(target, JSON, body)] {
            gate.ask(&request).assert_ok(&request);
            let arrived = daemon.requests().pop().unwrap();
            assert_eq!(arrived.body.as_deref(), Some(&b""[..]), "{request}");
            assert_eq!(arrived.head.get("Content-Type"), None, "{request}");
            let bytes = String::from_utf8(daemon.bytes(arrived.connection)).unwrap();
            assert!(!bytes.contains(body), "{bytes}");
            assert!(bytes.ends_with("\r\n\r\n"), "{bytes}");
        }
    }
    gate.ask(get("/info").replace(
        "\r\n\r\n",
        &format!("\r\n{JSON}Content-Length: 2\r\n\r\n{{}}"),
    ))
    .assert_ok("GET");
}

#[test]
fn a_typed_body_is_refused_if_the_operation_takes_none() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    for (target, body) in WITHOUT_BODY {
        for lines in [
            "",
            "Content-Type: text/plain\r\n",
            "Content-Type: application/x-tar\r\n",
        ] {
            NOT_ALLOWED.assert(&gate.ask(post(target, lines, body)), target);
            NOT_ALLOWED.assert(&gate.ask(chunked(target, lines, body)), target);
        }
    }
    let with_body = get("/info").replace("\r\n\r\n", "\r\nContent-Length: 3\r\n\r\n{1}");
    NOT_ALLOWED.assert(&gate.ask(with_body), "GET");
    daemon.assert_untouched("bodies where none belongs");
}

#[test]
fn form_and_multipart_are_refused_everywhere() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    for content_type in NEVER {
        let lines = format!("Content-Type: {content_type}\r\n");
        for (target, refused) in [
            ("/containers/web/kill", NOT_ALLOWED),
            ("/containers/prune", NOT_ALLOWED),
            ("/images/create?fromImage=alpine", NOT_ALLOWED),
            ("/images/create?fromSrc=-", WRONG_TYPE),
            ("/images/load", WRONG_TYPE),
            ("/build?t=a", WRONG_TYPE),
            ("/containers/create", WRONG_TYPE),
            ("/networks/create", WRONG_TYPE),
        ] {
            let case = format!("T1: {content_type} on {target}");
            refused.assert(
                &gate.ask(post(target, &lines, "signal=KILL&fromImage=evil")),
                &case,
            );
            refused.assert(
                &gate.ask(chunked(target, &lines, "signal=KILL&fromImage=evil")),
                &case,
            );
        }
    }
    daemon.assert_untouched("forms");
}

#[test]
fn the_type_of_an_empty_body_is_not_looked_at() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let empty_chunks = |target: &str, lines: &str| {
        format!(
            "POST {target} HTTP/1.1\r\nHost: docker\r\n{lines}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )
    };
    for target in [
        "/containers/web/stop",
        "/containers/web/start",
        "/images/load",
        "/containers/create",
    ] {
        for content_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json",
        ] {
            let lines = format!("Content-Type: {content_type}\r\n");
            gate.ask(post(target, &lines, "")).assert_ok(target);
            gate.ask(empty_chunks(target, &lines)).assert_ok(target);
        }
        gate.ask(format!("POST {target} HTTP/1.1\r\nHost: docker\r\n\r\n"))
            .assert_ok(target);
    }
    let no_body = daemon
        .requests()
        .into_iter()
        .filter(|request| request.head.first.contains("/web/"));
    for request in no_body {
        assert_eq!(
            request.head.get("Content-Type"),
            None,
            "{:?}",
            request.head.raw
        );
        assert_eq!(request.body.as_deref(), Some(&b""[..]));
    }
}

#[test]
fn discarded_bodies_are_read_up_to_64_kib() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let body = format!("{{}}{}", " ".repeat(65_536 - 2));
    for build in [post, chunked] {
        let over = format!("{body} ");
        TOO_LARGE.assert(
            &gate.ask(build("/containers/web/stop", JSON, &over)),
            "65,537 bytes",
        );
        daemon.assert_untouched("65,537 bytes");
    }
    for build in [post, chunked] {
        gate.ask(build("/containers/web/stop", JSON, &body))
            .assert_ok("65,536 bytes");
    }
}

/// Old daemons read a host configuration from it. Ansible, Portainer and Ruby's client send an empty one.
#[test]
fn a_an_empty_body_counts_as_none_and_any_other_is_refused_if_the_operation_takes_none() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let types = [JSON, "", "Content-Type: text/plain\r\n", form];
    for target in [
        "/containers/web/start",
        "/v1.24/containers/web/start",
        "/containers/web/stop",
        "/images/create?fromImage=a",
    ] {
        for body in [
            "{}",
            "null",
            "\"\"",
            " {} ",
            "\r\n{}\r\n",
            "{ }",
            "\tnull\n",
            "   ",
        ] {
            for lines in types {
                for request in [post(target, lines, body), chunked(target, lines, body)] {
                    gate.ask(&request).assert_ok(&request);
                    let arrived = daemon.requests().pop().unwrap();
                    assert_eq!(arrived.body.as_deref(), Some(&b""[..]), "{request}");
                    assert_eq!(arrived.head.get("Content-Type"), None, "{request}");
                }
            }
        }
    }
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    for target in ["/containers/web/start", "/v1.24/containers/web/start"] {
        for body in [
            r#"{"Binds":["/:/h"]}"#,
            r#"{"a":1}"#,
            "[]",
            "0",
            "false",
            "\" \"",
            "{}{}",
            "{}]",
            "{} x",
            "{",
            "nul",
            "\u{feff}{}",
            // Longer than the daemon accepts.
            "   {}   ",
            "        ",
        ] {
            for lines in types {
                NOT_ALLOWED.assert(&gate.ask(post(target, lines, body)), body);
                NOT_ALLOWED.assert(&gate.ask(chunked(target, lines, body)), body);
            }
        }
        daemon.assert_untouched(target);
    }
}

#[test]
fn a_tar_may_have_any_type_and_is_sent_on_with_one() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let types = [
        "application/x-tar",
        "application/tar",
        "text/plain",
        "application/octet-stream",
    ];
    let lines = types.map(|content_type| format!("Content-Type: {content_type}\r\n"));
    for lines in lines.iter().map(String::as_str).chain([""]) {
        for target in [
            "/images/load?quiet=1",
            "/build?t=a",
            "/images/create?fromSrc=-&repo=a",
            "/plugins/create?name=a",
        ] {
            for request in [
                post(target, lines, "tar\0bytes"),
                chunked(target, lines, "tar\0bytes"),
            ] {
                gate.ask(&request).assert_ok(&request);
                let arrived = daemon.requests().pop().unwrap();
                assert_eq!(
                    arrived.body.as_deref(),
                    Some(&b"tar\0bytes"[..]),
                    "{request}"
                );
                assert_eq!(
                    arrived.head.get("Content-Type"),
                    Some("application/x-tar"),
                    "{request}"
                );
            }
        }
        let put = post("/containers/web/archive?path=/", lines, "tar").replacen("POST", "PUT", 1);
        gate.ask(put).assert_ok("cp");
    }
}

#[test]
fn json_operations_only_accept_json() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let body = r#"{"Image":"a"}"#;
    for content_type in [
        "text/json",
        "text/plain",
        "application/jsonx",
        "application/json, text/plain",
        "json",
        "*/*",
    ] {
        let lines = format!("Content-Type: {content_type}\r\n");
        WRONG_TYPE.assert(
            &gate.ask(post("/containers/create", &lines, body)),
            content_type,
        );
        WRONG_TYPE.assert(
            &gate.ask(chunked("/exec/e1/start", &lines, body)),
            content_type,
        );
    }
    WRONG_TYPE.assert(&gate.ask(post("/containers/create", "", body)), "none");
    daemon.assert_untouched("types that are not JSON");
    for content_type in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
    ] {
        let lines = format!("Content-Type: {content_type}\r\n");
        for request in [
            post("/containers/create", &lines, body),
            chunked("/containers/create", &lines, body),
        ] {
            gate.ask(&request).assert_ok(&request);
            let arrived = daemon.requests().pop().unwrap();
            let sent = &br#"{"Image":"a","HostConfig":{}}"#[..];
            assert_eq!(arrived.body.as_deref(), Some(sent), "{request}");
            assert_eq!(
                arrived.head.get("Content-Type"),
                Some("application/json"),
                "{request}"
            );
        }
    }
}

/// The texts that the daemon's own tests look for: `TestContainerInvalidJSON`, `TestNetworkInvalidJSON`,
/// `TestVolumesInvalidJSON`.
#[test]
fn invalid_json_gets_the_daemons_status_and_words() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let text = "Content-Type: text/plain\r\n";
    let odd = "Content-Type: text/own-text\r\n";
    for target in [
        "/commit",
        "/containers/create",
        "/containers/foobar/exec",
        "/containers/foobar/update",
        "/exec/foobar/start",
        "/networks/create",
        "/networks/bridge/connect",
        "/networks/bridge/disconnect",
        "/volumes/create",
    ] {
        for (lines, body, refused, want) in [
            (
                text,
                "{}",
                WRONG_TYPE,
                "dockgate: unsupported Content-Type header (text/plain): must be 'application/json'",
            ),
            (
                odd,
                "{}",
                WRONG_TYPE,
                "dockgate: unsupported Content-Type header: must be 'application/json'",
            ),
            (
                JSON,
                "{invalid json",
                BAD_BODY,
                "dockgate: invalid JSON: invalid character 'i' looking for beginning of object key string",
            ),
            (
                JSON,
                "{} trailing content",
                BAD_BODY,
                "dockgate: unexpected content after JSON",
            ),
            (
                JSON,
                "{\"a\":",
                BAD_BODY,
                "dockgate: invalid JSON: unexpected EOF",
            ),
        ] {
            let reply = gate.ask(post(target, lines, body));
            refused.assert(&reply, target);
            let said: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            let said = said["message"].as_str().unwrap();
            assert!(said.starts_with(want), "{target} {body}: {said}");
        }
        daemon.assert_only_looked_up(target);
    }
}

/// bollard sends the type of an upload twice, and also sends one without a body.
#[test]
fn a_type_named_twice_is_refused_where_it_decides_and_judged_twice_on_uploads() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let twice =
        |one: &str, other: &str| format!("Content-Type: {one}\r\ncontent-type: {other}\r\n");
    let (json, tar) = ("application/json", "application/x-tar");
    let form = "application/x-www-form-urlencoded";
    let doubled = Refused(400, "doubled_header");
    for (target, lines, refused) in [
        ("/containers/create", twice(json, json), doubled),
        ("/containers/create", twice(json, form), doubled),
        ("/containers/create", twice("text/plain", json), doubled),
        ("/containers/web/stop", twice(json, json), doubled),
        ("/images/create?fromImage=a", twice(json, form), doubled),
        ("/images/load", twice(tar, form), WRONG_TYPE),
        ("/images/load", twice(form, tar), WRONG_TYPE),
        (
            "/build",
            twice(json, "multipart/form-data; boundary=b"),
            WRONG_TYPE,
        ),
    ] {
        let case = format!("T2: {target} {lines:?}");
        refused.assert(&gate.ask(post(target, &lines, "{}")), &case);
        refused.assert(&gate.ask(chunked(target, &lines, "{}")), &case);
        daemon.assert_untouched(&case);
    }
    for (request, content_type) in [
        (post("/images/load", &twice(tar, json), "{}"), Some(tar)),
        (post("/images/load", &twice(json, json), "{}"), Some(tar)),
        (post("/containers/web/stop", &twice(json, form), ""), None),
        (post("/containers/create", JSON, "{}"), Some(json)),
    ] {
        gate.ask(&request).assert_ok(&request);
        let arrived = daemon.requests().pop().unwrap().head;
        assert_eq!(arrived.get("Content-Type"), content_type, "{request}");
    }
}

#[test]
fn a_json_body_beyond_its_limit_is_refused_and_a_tar_is_not() {
    let daemon = FakeDaemon::start();
    let gate = Setup::new(&daemon, &everything())
        .settings("[limits]\nbody_bytes = 2000")
        .start();
    let of_size = |bytes: usize| format!("{{}}{}", " ".repeat(bytes - 2));
    for build in [post, chunked] {
        for bytes in [2001, 1 << 20] {
            TOO_LARGE.assert(
                &gate.ask(build("/containers/create", JSON, &of_size(bytes))),
                "F34",
            );
            daemon.assert_untouched("F34");
        }
    }
    for build in [post, chunked] {
        gate.ask(build("/containers/create", JSON, &of_size(2000)))
            .assert_ok("2,000 bytes");
        gate.ask(build("/images/load", "", &of_size(100_000)))
            .assert_ok("a tar");
    }
}

#[test]
fn a_declared_length_beyond_the_limit_is_refused_before_the_body_comes() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let head =
        "POST /containers/create HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n";
    TOO_LARGE.assert(
        &gate.ask(format!("{head}Content-Length: 1048577\r\n\r\n")),
        "1 MiB and a byte",
    );
    daemon.assert_untouched("1 MiB and a byte");
}

#[test]
fn a_slow_body_gets_408_and_a_slow_tar_does_not() {
    let daemon = FakeDaemon::start();
    let gate = Setup::new(&daemon, &everything())
        .settings("[limits]\nbody_time = \"200ms\"")
        .start();
    let mut tar = gate.connect();
    tar.request("POST /images/load HTTP/1.1\r\nHost: docker\r\nContent-Length: 4\r\n\r\nta");
    let slow = Refused(408, "body_timeout");
    for (target, lines) in [
        ("/containers/create", "Content-Length: 10\r\n"),
        ("/containers/web/stop", "Transfer-Encoding: chunked\r\n"),
    ] {
        let mut client = gate.connect();
        client.request(format!(
            "POST {target} HTTP/1.1\r\nHost: docker\r\n{JSON}{lines}\r\n"
        ));
        client.send("2");
        slow.assert(&client.reply(), target);
        client.assert_closed(target);
    }
    // By now the upload has taken twice the limit.
    tar.send("rr");
    tar.reply().assert_ok("a slow tar");
    assert_eq!(daemon.asked(), ["POST /images/load HTTP/1.1"]);
}

#[test]
fn a_body_that_ends_early_or_is_broken_is_refused() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    for target in ["/containers/create", "/containers/web/stop"] {
        let head = format!("POST {target} HTTP/1.1\r\nHost: docker\r\n{JSON}");
        for body in [
            "Content-Length: 5\r\n\r\n{}",
            "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
            "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n",
            "Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n1000000000000000002\r\n{}\r\n0\r\n\r\n",
        ] {
            let mut client = gate.connect();
            client.request(format!("{head}{body}"));
            client.half_close();
            BAD_BODY.assert(&client.reply(), body);
            client.assert_closed(body);
        }
    }
    daemon.assert_untouched("broken bodies");
}

#[test]
fn an_upload_cut_off_on_a_kept_connection_ends_at_the_daemon() {
    let daemon = FakeDaemon::start();
    let mut gate = Gate::start(&daemon, &everything());
    let put = "PUT /containers/web/archive?path=/ HTTP/1.1\r\nHost: docker\r\n";
    for cut in [
        "Transfer-Encoding: chunked\r\n\r\n100\r\na tar ",
        "Transfer-Encoding: chunked\r\n\r\n6\r\na tar \r\n",
        "Content-Length: 100\r\n\r\na tar ",
    ] {
        let before = daemon.requests().len();
        let mut client = gate.connect();
        client.request(post("/volumes/create", JSON, "{}"));
        client.reply().assert_ok(cut);
        gate.record();
        client.request(format!("{put}{cut}"));
        let connection = daemon.wait_for_request(before + 2).connection;
        client.half_close();
        daemon.wait_for_end(connection);
        for reply in client.replies() {
            BAD_BODY.assert(&reply, cut);
        }
        let record = gate.record();
        assert_ne!(record["end"], "daemon_gone", "{cut}: {record}");
        assert_eq!(daemon.requests()[before + 1].body, None, "{cut}");
    }
}

#[test]
fn chunk_extensions_and_trailers_never_arrive() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let head = "POST /images/load HTTP/1.1\r\nHost: docker\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut client = gate.connect();
    client.request(format!(
        "{head}3;planted=1\r\ntar\r\n0\r\nX-Planted: 1\r\nContent-Length: 5\r\n\r\n"
    ));
    client.reply();
    for request in daemon.requests() {
        let bytes = String::from_utf8(daemon.bytes(request.connection))
            .unwrap()
            .to_lowercase();
        assert!(!bytes.contains("planted"), "{bytes}");
    }
}

#[test]
fn a_continue_is_sent_when_the_body_is_wanted_and_not_when_it_is_refused() {
    let daemon = FakeDaemon::start();
    let policy = "allow = ['ImageLoad', 'ContainerCreate']\n[create]\nunrestricted = true\n[images]\ntags = ['*']";
    let gate = Gate::start(&daemon, policy);
    let expecting = |target: &str, length: usize| {
        let lines = format!("{JSON}Expect: 100-continue\r\nContent-Length: {length}\r\n");
        format!("POST {target} HTTP/1.1\r\nHost: docker\r\n{lines}\r\n")
    };
    // A checked body is rendered again from the parsed value.
    for (target, sent) in [
        ("/images/load", "{}"),
        ("/containers/create", r#"{"HostConfig":{}}"#),
    ] {
        let mut client = gate.connect();
        client.request(expecting(target, 2));
        assert_eq!(client.head().first, "HTTP/1.1 100 Continue", "{target}");
        client.send("{}");
        client.reply().assert_ok(target);
        let arrived = daemon.requests().pop().unwrap();
        assert_eq!(arrived.head.get("Expect"), None, "{target}");
        assert_eq!(arrived.body.as_deref(), Some(sent.as_bytes()), "{target}");
    }
    let before = daemon.requests().len();
    for (target, length, refused) in [
        ("/build", 2, Refused(403, "not_granted")),
        ("/containers/create", 1_048_577, TOO_LARGE),
    ] {
        refused.assert(&gate.ask(expecting(target, length)), target);
    }
    let other = expecting("/images/load", 2).replace("100-continue", "200-maybe");
    Refused(400, "bad_expect").assert(&gate.ask(other), "another expectation");
    assert_eq!(daemon.requests().len(), before);
}

#[test]
fn a_client_of_http_1_0_gets_no_continue() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    client.request(
        "POST /images/load HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\ntar",
    );
    assert!(client.head().first.contains(" 200 "));
}

#[test]
fn an_upload_arrives_before_it_is_complete() {
    let parts = Signal::new();
    let arrived = parts.clone();
    let daemon = FakeDaemon::scripted(move |exchange| {
        let mut seen = 0;
        for total in [3, 6, 9] {
            while seen < total {
                seen += exchange
                    .some()
                    .iter()
                    .filter(|byte| byte.is_ascii_alphabetic())
                    .count();
            }
            arrived.raise();
        }
        exchange.reply("200 OK", "", b"");
        exchange.close();
    });
    let gate = Gate::start(&daemon, &everything());
    for (lines, part) in [
        ("Content-Length: 9\r\n", "tar"),
        ("Transfer-Encoding: chunked\r\n", "3\r\ntar\r\n"),
    ] {
        let mut client = gate.connect();
        client.request(format!(
            "POST /images/load HTTP/1.1\r\nHost: docker\r\n{lines}\r\n"
        ));
        for _ in 0..3 {
            client.send(part);
            parts.wait("a part of the upload at the daemon");
        }
        if part.len() > 3 {
            client.send("0\r\n\r\n");
        }
        client.reply().assert_ok(lines);
    }
}

/// What a daemon does after its early reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    Closes,
    ReadsOn,
    HoldsStill,
}

/// A daemon that replies at the first byte of a body. A held connection continues at the signal.
fn early(behind: Behind, go_on: Signal) -> FakeDaemon {
    FakeDaemon::scripted(move |exchange| {
        exchange.exactly(1);
        exchange.reply("400 Bad Request", JSON, br#"{"message":"no tar"}"#);
        match behind {
            Behind::Closes => exchange.close(),
            Behind::ReadsOn => drop(exchange.rest()),
            Behind::HoldsStill => go_on.wait("the client's reply"),
        }
    })
}

#[test]
fn an_early_reply_reaches_the_client_in_mid_upload() {
    for behind in [Behind::Closes, Behind::ReadsOn, Behind::HoldsStill] {
        let go_on = Signal::new();
        let daemon = early(behind, go_on.clone());
        let gate = Gate::start(&daemon, &everything());
        for lines in [
            "Content-Length: 100000000000\r\n",
            "Transfer-Encoding: chunked\r\n",
        ] {
            let mut client = gate.connect();
            let head = format!("POST /images/load HTTP/1.1\r\nHost: docker\r\n{lines}\r\n");
            client.request(head);
            let upload = upload_until_refused(&client, lines);
            let reply = client.reply();
            assert_eq!(reply.text(), r#"{"message":"no tar"}"#, "{behind:?}");
            assert_eq!(reply.status(), 400, "{behind:?}");
            assert_eq!(reply.head.get("Connection"), Some("close"), "{behind:?}");
            // As a client does that has its reply.
            client.half_close();
            upload.join().unwrap();
            go_on.raise();
        }
    }
}

#[test]
fn an_upload_that_continues_after_an_early_reply_is_cut_off() {
    let go_on = Signal::new();
    let daemon = early(Behind::HoldsStill, go_on.clone());
    let gate = Gate::start(&daemon, &everything());
    let lines = "Transfer-Encoding: chunked\r\n";
    let mut client = gate.connect();
    let head = format!("POST /images/load HTTP/1.1\r\nHost: docker\r\n{lines}\r\n");
    client.request(head);
    let upload = upload_until_refused(&client, lines);
    assert_eq!(client.reply().status(), 400);
    upload.join().unwrap();
    go_on.raise();
    daemon.wait_for_end(daemon.wait_for_request(1).connection);
}

#[test]
fn an_early_reply_reaches_a_client_that_waits_for_it() {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.reply(
            "409 Conflict",
            "Connection: close\r\n",
            br#"{"message":"early"}"#,
        );
        exchange.rest();
    });
    let gate = Gate::start(&daemon, &everything());
    for lines in [
        "Content-Length: 100000000000\r\n",
        "Transfer-Encoding: chunked\r\n",
    ] {
        let mut client = gate.connect();
        client.request(format!(
            "POST /images/load HTTP/1.1\r\nHost: docker\r\n{lines}\r\n"
        ));
        assert_eq!(client.reply().status(), 409, "{lines}");
        client.assert_closed(lines);
    }
}

#[test]
fn a_refused_upload_still_gets_its_message() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, r#"allow = ["SystemPing"]"#);
    for round in 0..5 {
        for lines in [
            "Content-Length: 100000000000\r\n",
            "Transfer-Encoding: chunked\r\n",
        ] {
            let mut client = gate.connect();
            client.request(format!(
                "POST /images/load HTTP/1.1\r\nHost: docker\r\n{lines}\r\n"
            ));
            // This much is sent before anyone looks for a reply, as the docker CLI does.
            let part = upload_part(lines);
            let sent = (0..16 << 20 >> 16).try_for_each(|_| client.try_send(&part));
            assert!(sent.is_ok(), "round {round}: {sent:?}");
            Refused(403, "not_granted").assert(&client.reply(), &format!("round {round}: {lines}"));
        }
    }
    daemon.assert_untouched("refused uploads");
}

#[test]
fn a_refused_upload_without_end_is_cut_off() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, r#"allow = ["SystemPing"]"#);
    let mut client = gate.connect();
    client.request(
        "POST /images/load HTTP/1.1\r\nHost: docker\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    let upload = upload_until_refused(&client, "chunked");
    Refused(403, "not_granted").assert(&client.reply(), "endless");
    upload.join().unwrap();
    daemon.assert_untouched("endless");
}

#[test]
fn a_daemon_that_does_not_read_holds_the_client_back() {
    let go_on = Signal::new();
    let signal = go_on.clone();
    let daemon = FakeDaemon::scripted(move |exchange| {
        signal.wait("the client's full pipe");
        let body = exchange.body().unwrap();
        exchange.reply("200 OK", "", body.len().to_string().as_bytes());
    });
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    let (part, count) = (vec![b'a'; 64 * 1024], 512);
    let length = part.len() * count;
    client.request(format!(
        "POST /images/load HTTP/1.1\r\nHost: docker\r\nContent-Length: {length}\r\n\r\n"
    ));
    let mut writer = client.writer();
    writer.set_write_timeout(Some(Duration::from_millis(500)));
    let mut sent = 0;
    let blocked = loop {
        match writer.write(&part) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => break error.kind(),
        }
        assert!(
            sent < length,
            "{sent} bytes accepted, and the daemon has read none"
        );
    };
    assert_eq!(blocked, ErrorKind::WouldBlock);
    let peak = gate.peak_kib();
    assert!(peak < 32 * 1024, "{peak} KiB with {sent} bytes in transit");
    go_on.raise();
    writer.set_write_timeout(None);
    writer.write_all(&vec![b'a'; length - sent]).unwrap();
    assert_eq!(client.reply().text(), length.to_string());
}

#[test]
fn all_bodies_that_are_read_have_one_budget() {
    let daemon = FakeDaemon::start();
    let mut setup = Setup::new(&daemon, &everything()).settings("[limits]\nbody_bytes = 16777216");
    // A unix socket buffers little: what was written was also read, except for the last part.
    setup.listen = vec!["unix://{folder}/gate.sock".to_owned()];
    let gate = setup.start();
    let of_mib = |count: usize| {
        let body = format!(r#"{{"Image":"{}"}}"#, "a".repeat((count << 20) - 12));
        post("/containers/create", JSON, &body)
    };
    let first = of_mib(15);
    let (most, last) = first.split_at(first.len() - 1);
    let mut clients = [gate.connect(), gate.connect()];
    for client in &mut clients {
        client.request(most);
    }
    // A client that sends bodies of 16 MiB has 40 MiB for reading and parsing them.
    let refused = Refused(503, "too_many_bodies");
    refused.assert(&gate.ask(of_mib(8)), "30 MiB and 8 of 40");
    gate.ask(of_mib(2)).assert_ok("30 MiB and 2 of 40");
    gate.ask(post("/images/load", "", &"1".repeat(8 << 20)))
        .assert_ok("a tar, which is not read first");
    // There is no room to parse either of them while both are held.
    drop(clients);
    eventually("room", || {
        (gate.ask(of_mib(8)).status() == 200).then_some(())
    });
    let mut client = gate.connect();
    client.request(most);
    client.send(last);
    client.reply().assert_ok("only one of them");
}

/// One part of an endless upload, framed as these header lines say.
fn upload_part(lines: &str) -> Vec<u8> {
    let data = "a".repeat(64 * 1024);
    if lines.contains("chunked") {
        format!("{:x}\r\n{data}\r\n", data.len()).into()
    } else {
        data.into()
    }
}

/// Writes from a thread until nothing more is accepted.
fn upload_until_refused(client: &Client, lines: &str) -> thread::JoinHandle<()> {
    let (mut writer, part) = (client.writer(), upload_part(lines));
    thread::spawn(move || {
        let start = Instant::now();
        while writer.write_all(&part).is_ok() {
            assert!(
                start.elapsed() < LIMIT,
                "an endless upload is still accepted"
            );
        }
    })
}
