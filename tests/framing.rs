//! Request lines, header lines and the framing of bodies, sent as raw bytes to the running binary.
//!
//! An allowed request follows every malformed head. It must never be served, wherever another parser
//! might see the end of the first request.

use crate::support::{FakeDaemon, Gate, Refused, Setup, Signal, everything, get, post};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const BAD_LINE: Refused = Refused(400, "bad_request_line");
const BAD_METHOD: Refused = Refused(400, "bad_method");
const BAD_HTTP: Refused = Refused(400, "bad_http_version");
const BAD_HEADER: Refused = Refused(400, "bad_header");
const BAD_FRAMING: Refused = Refused(400, "bad_framing");
const BAD_HOST: Refused = Refused(400, "bad_host");
const DOUBLED: Refused = Refused(400, "doubled_header");

/// The bytes sent, the expected refusal, and the nearest allowed bytes.
type Case<'a> = (&'a str, Refused, &'a str);

#[rustfmt::skip] // One line for each case.
const REQUEST_LINES: &[Case] = &[
    ("GET  /_ping HTTP/1.1\r\nHost: a\r\n\r\n", BAD_LINE, "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("GET /_ping  HTTP/1.1\r\nHost: a\r\n\r\n", BAD_LINE, "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("GET\t/_ping HTTP/1.1\r\nHost: a\r\n\r\n", BAD_LINE, "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("GET /_ping\tHTTP/1.1\r\nHost: a\r\n\r\n", BAD_LINE, "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("GET /_ping HTTP/1.1 \r\nHost: a\r\n\r\n", BAD_LINE, "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n"),
    (" GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n", BAD_LINE, "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("\r\nGET /_ping HTTP/1.1\r\nHost: a\r\n\r\n", BAD_LINE, "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("\nGET /_ping HTTP/1.1\r\nHost: a\r\n\r\n", BAD_LINE, "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("G\u{0}T /_ping HTTP/1.1\r\nHost: a\r\n\r\n", BAD_HEADER, "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("G(T /_ping HTTP/1.1\r\nHost: a\r\n\r\n", BAD_LINE, "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("GET /_ping\r\n\r\n", BAD_LINE, "GET /_ping HTTP/1.0\r\n\r\n"),
    ("GET /_ping \r\n\r\n", BAD_HTTP, "GET /_ping HTTP/1.0\r\n\r\n"),
    ("/_ping\r\n\r\n", BAD_LINE, "GET /_ping HTTP/1.0\r\n\r\n"),
    ("GET /_ping HTTP/0.9\r\n\r\n", BAD_HTTP, "GET /_ping HTTP/1.0\r\n\r\n"),
    ("GET /_ping HTTP/1.2\r\nHost: a\r\n\r\n", BAD_HTTP, "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("GET /_ping HTTP/2.0\r\nHost: a\r\n\r\n", BAD_HTTP, "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("GET /_ping HTTP/11\r\nHost: a\r\n\r\n", BAD_HTTP, "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("GET /_ping HTTP/1.10\r\nHost: a\r\n\r\n", BAD_HTTP, "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("GET /_ping http/1.1\r\nHost: a\r\n\r\n", BAD_HTTP, "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0", BAD_METHOD, "GET /_ping HTTP/1.0\r\n\r\n"),
    ("PRI * HTTP/1.1\r\nHost: a\r\n\r\n", BAD_METHOD, "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", BAD_METHOD, "GET /_ping HTTP/1.1\r\nHost: a:80\r\n\r\n"),
    ("TRACE /_ping HTTP/1.1\r\nHost: a\r\n\r\n", BAD_METHOD, "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n"),
];

/// Header lines within `GET /_ping HTTP/1.1`, which gets a Host if the case has none.
#[rustfmt::skip] // One line for each case.
const HEADER_LINES: &[Case] = &[
    ("X-A : 1", BAD_HEADER, "X-A: 1"),
    ("X-A\t: 1", BAD_HEADER, "X-A:\t1"),
    ("X A: 1", BAD_HEADER, "X-A: 1"),
    (": 1", BAD_HEADER, "X-A:"),
    ("X-A", BAD_HEADER, "X-A:"),
    ("X-A: 1\r\n 2", BAD_HEADER, "X-A: 1 2"),
    ("X-A: 1\r\n\t2", BAD_HEADER, "X-A: 1\t2"),
    ("X-A: 1\nX-B: 2", BAD_HEADER, "X-A: 1\r\nX-B: 2"),
    ("X-A: 1\rX-B: 2", BAD_HEADER, "X-A: 1\r\nX-B: 2"),
    ("X-A: 1\r\r\nX-B: 2", BAD_HEADER, "X-A: 1\r\nX-B: 2"),
    ("X-A: 1\u{0}2", BAD_HEADER, "X-A: 12"),
    ("X-A: 1\u{1}2", BAD_HEADER, "X-A: 12"),
    ("X-A: 1\u{7f}2", BAD_HEADER, "X-A: 12"),
    ("X-\u{e9}: 1", BAD_HEADER, "X-E: 1"),
    ("X-A\u{0}: 1", BAD_HEADER, "X-A: 1"),
    ("X(A): 1", BAD_HEADER, "X_A: 1"),
    ("Host: a\r\nHost: a", DOUBLED, "Host: a"),
    ("Host: a\r\nhost: b", DOUBLED, "host: b"),
    ("X-Registry-Auth: e30=\r\nX-Registry-Auth: e30=", DOUBLED, "X-Registry-Auth: e30="),
    ("User-Agent: a\r\nUser-Agent: b", DOUBLED, "User-Agent: a"),
    ("Content-Length: 0\r\nTransfer-Encoding: chunked", BAD_FRAMING, "Content-Length: 0"),
    ("Transfer-Encoding: chunked\r\nContent-Length: 5", BAD_FRAMING, "Content-Length: 0"),
    ("Content-Length: 0\r\nContent-Length: 0", BAD_FRAMING, "Content-Length: 0"),
    ("Content-Length: 0\r\nContent-Length: 5", BAD_FRAMING, "Content-Length: 0"),
    ("Content-Length: 0, 0", BAD_FRAMING, "Content-Length: 0"),
    ("Content-Length: +0", BAD_FRAMING, "Content-Length: 0"),
    ("Content-Length: -1", BAD_FRAMING, "Content-Length: 0"),
    ("Content-Length: 0x0", BAD_FRAMING, "Content-Length: 0"),
    ("Content-Length: 0 0", BAD_FRAMING, "Content-Length: 0"),
    ("Content-Length:", BAD_FRAMING, "Content-Length: 0"),
    ("Content-Length: \u{ff10}", BAD_FRAMING, "Content-Length: 0"),
    ("Content-Length: 99999999999999999999", BAD_FRAMING, "Content-Length: 0"),
    ("Content-Length: 18446744073709551616", BAD_FRAMING, "Content-Length: 0"),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", BAD_FRAMING, "Content-Length: 0"),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", BAD_FRAMING, "Content-Length: 0"),
    ("Transfer-Encoding: gzip", BAD_FRAMING, "Content-Length: 0"),
    ("Transfer-Encoding: gzip, chunked", BAD_FRAMING, "Content-Length: 0"),
    ("Transfer-Encoding: identity", BAD_FRAMING, "Content-Length: 0"),
    ("Transfer-Encoding: chunked, chunked", BAD_FRAMING, "Content-Length: 0"),
    ("Transfer-Encoding: xchunked", BAD_FRAMING, "Content-Length: 0"),
    ("Transfer-Encoding: \"chunked\"", BAD_FRAMING, "Content-Length: 0"),
    ("Transfer-Encoding: chunked;a=b", BAD_FRAMING, "Content-Length: 0"),
    ("Transfer-Encoding:", BAD_FRAMING, "Content-Length: 0"),
];

#[test]
fn refuses_a_request_line_that_two_readers_could_read_differently() {
    check(
        REQUEST_LINES
            .iter()
            .map(|(bad, refused, good)| ((*bad).into(), *refused, (*good).into())),
    );
}

#[test]
fn refuses_header_lines_that_two_readers_could_read_differently() {
    let with_host = |lines: &str| {
        let host = if lines.to_ascii_lowercase().contains("host:") {
            ""
        } else {
            "Host: docker\r\n"
        };
        format!("GET /_ping HTTP/1.1\r\n{host}{lines}\r\n\r\n")
    };
    check(
        HEADER_LINES
            .iter()
            .map(|(bad, refused, good)| (with_host(bad), *refused, with_host(good))),
    );
}

#[test]
fn refuses_bare_line_feeds_everywhere() {
    let good = "GET /_ping HTTP/1.1\r\nHost: docker\r\nX-A: 1\r\n\r\n";
    let ends: Vec<_> = good.match_indices("\r\n").map(|(at, _)| at).collect();
    let bad = ends
        .iter()
        .map(|at| format!("{}{}", &good[..*at], &good[at + 1..]));
    check(
        bad.chain([good.replace('\r', "")])
            .map(|bad| (bad, BAD_HEADER, good.to_owned())),
    );
}

#[test]
fn refuses_http_1_0_with_chunks_and_http_1_1_without_a_host() {
    let cases = [
        (
            "POST /containers/web/stop HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            BAD_FRAMING,
            "POST /containers/web/stop HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "GET /_ping HTTP/1.1\r\n\r\n",
            BAD_HOST,
            "GET /_ping HTTP/1.1\r\nHost:\r\n\r\n",
        ),
    ];
    check(cases.map(|(bad, refused, good)| (bad.to_owned(), refused, good.to_owned())));
}

#[test]
fn a_chunked_body_is_accepted_in_any_case_of_its_name() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    for name in ["chunked", "Chunked", "CHUNKED", " chunked\t"] {
        let head = "POST /containers/web/stop HTTP/1.1\r\nHost: docker\r\nTransfer-Encoding:";
        gate.ask(format!("{head}{name}\r\n\r\n0\r\n\r\n"))
            .assert_ok(name);
    }
}

#[test]
fn the_http2_preface_inside_a_body_is_a_body() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    gate.ask(post("/images/load", "", preface)).assert_ok("T10");
    assert_eq!(
        daemon.requests()[0].body.as_deref(),
        Some(preface.as_bytes())
    );
}

#[test]
fn a_request_inside_a_body_is_a_body() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, "allow = ['ImageLoad']\n[images]\ntags = ['*']");
    let smuggled = get("/containers/json");
    let mut client = gate.connect();
    client.request(post("/images/load", "", &smuggled));
    client.reply().assert_ok("load");
    client.request(get("/containers/json"));
    Refused(403, "not_granted").assert(&client.reply(), "the same as a request of its own");
    assert_eq!(daemon.asked(), ["POST /images/load HTTP/1.1"]);
    assert_eq!(
        daemon.requests()[0].body.as_deref(),
        Some(smuggled.as_bytes())
    );
}

#[test]
fn pipelined_requests_are_served_one_after_the_other() {
    let daemon = FakeDaemon::scripted(|exchange| {
        assert!(
            exchange.stays_silent(),
            "the next request came before this one was answered"
        );
        let body = exchange.target().to_owned();
        exchange.reply("200 OK", "", body.as_bytes());
    });
    let gate = Gate::start(&daemon, r#"allow = ["SystemInfo", "SystemVersion"]"#);
    let mut client = gate.connect();
    let refused = post("/containers/web/kill", "", "");
    let all = [get("/info"), get("/version"), refused, get("/info?a=1")];
    client.count(all.len());
    client.send(all.concat());
    assert_eq!(client.reply().text(), "/info");
    assert_eq!(client.reply().text(), "/version");
    Refused(403, "not_granted").assert(&client.reply(), "between two allowed ones");
    assert_eq!(client.reply().text(), "/info?a=1");
    assert_eq!(daemon.requests().len(), 3);
}

#[test]
fn bytes_after_a_body_of_length_zero_are_another_request() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, r#"allow = ["ContainerStop"]"#);
    for (behind, refused) in [
        ("signal=KILL&a=b\r\n\r\n".to_owned(), BAD_LINE),
        (get("/containers/json"), Refused(403, "not_granted")),
        ("0\r\n\r\n".to_owned(), BAD_LINE),
    ] {
        let mut client = gate.connect();
        client.count(2);
        client.send([post("/containers/web/stop", "", ""), behind.clone()].concat());
        client.reply().assert_ok("the first");
        refused.assert(&client.reply(), &behind);
    }
    let stop = "POST /containers/web/stop HTTP/1.1";
    assert_eq!(daemon.asked(), [stop, stop, stop]);
}

#[test]
fn bytes_after_a_chunked_body_are_never_served() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    for target in ["/images/load", "/containers/create", "/containers/web/stop"] {
        let mut client = gate.connect();
        let lines = "Content-Type: application/json\r\n";
        client.request([crate::support::chunked(target, lines, "{}"), get("/info")].concat());
        let reply = client.reply();
        reply.assert_ok(target);
        assert_eq!(reply.head.get("Connection"), Some("close"), "{target}");
        client.assert_closed(target);
    }
    assert!(
        !daemon.asked().iter().any(|line| line.contains("/info")),
        "{:?}",
        daemon.asked()
    );
}

#[test]
fn bytes_after_a_head_with_connection_close_are_never_served() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    client.request(
        [
            "GET /info HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n",
            &get("/version"),
        ]
        .concat(),
    );
    client.reply().assert_ok("the first");
    client.assert_closed("behind it");
    assert_eq!(daemon.asked(), ["GET /info HTTP/1.1"]);
}

#[test]
fn a_head_may_come_byte_by_byte() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    client.count(1);
    for byte in post(
        "/containers/create",
        "Content-Type: application/json\r\n",
        r#"{"Image":"a"}"#,
    )
    .bytes()
    {
        client.send([byte]);
    }
    client.reply().assert_ok("byte by byte");
    assert_eq!(
        daemon.requests()[0].body.as_deref(),
        Some(&br#"{"Image":"a","HostConfig":{}}"#[..])
    );
}

#[test]
fn a_head_that_is_too_large_gets_431_and_the_largest_passes() {
    let daemon = FakeDaemon::start();
    let gate = Setup::new(&daemon, &everything())
        .settings("[limits]\nhead_bytes = 8192")
        .start();
    let of_size = |bytes: usize| {
        let empty = "GET /info HTTP/1.1\r\nHost: docker\r\nX-Meta-A: \r\n\r\n".len();
        format!(
            "GET /info HTTP/1.1\r\nHost: docker\r\nX-Meta-A: {}\r\n\r\n",
            "a".repeat(bytes - empty)
        )
    };
    for bytes in [8193, 300_000] {
        let mut client = gate.connect();
        client.request(of_size(bytes));
        Refused(431, "head_too_large").assert(&client.reply(), &format!("{bytes} bytes"));
        client.assert_closed("431");
        daemon.assert_untouched("431");
    }
    gate.ask(of_size(8192)).assert_ok("8192 bytes");
}

#[test]
fn a_head_without_end_gets_431_while_it_comes() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    client.request(["GET /info HTTP/1.1\r\n", &"X-A: 1\r\n".repeat(10_000)].concat());
    Refused(431, "head_too_large").assert(&client.reply(), "no end");
    client.assert_closed("no end");
    daemon.assert_untouched("no end");
}

#[test]
fn a_slow_head_gets_408_and_an_idle_connection_does_not() {
    let daemon = FakeDaemon::start();
    let mut gate = Setup::new(&daemon, &everything())
        .settings("[limits]\nhead = \"200ms\"")
        .start();
    let mut idle = gate.connect();
    idle.request(get("/info"));
    idle.reply().assert_ok("before");
    for partial in [
        "G",
        "GET /info HTTP/1.1\r\nHost: a\r\n",
        "GET /info HTTP/1.1\r\nHost: a\r\n\r",
    ] {
        let mut slow = gate.connect();
        slow.request(partial);
        Refused(408, "head_timeout").assert(&slow.reply(), partial);
        slow.assert_closed(partial);
    }
    // By now this one has been idle for more than three times the limit.
    idle.request(get("/version"));
    idle.reply().assert_ok("after");
    assert_eq!(daemon.asked().len(), 2);
    assert_eq!(gate.record()["reason"], "granted");
    assert_eq!(gate.record()["reason"], "head_timeout");
}

#[test]
fn a_client_that_half_closes_is_still_answered() {
    let replies = Signal::new();
    let answer = replies.clone();
    let daemon = FakeDaemon::scripted(move |exchange| {
        answer.wait("the client's half-close");
        exchange.body();
        exchange.reply("200 OK", "", b"late");
    });
    let gate = Gate::start(&daemon, &everything());
    let json = "Content-Type: application/json\r\n";
    let put =
        "PUT /containers/web/archive?path=/ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\ntar";
    for request in [
        get("/info"),
        post("/containers/web/stop", "", ""),
        post("/containers/create", json, "{}"),
        crate::support::chunked("/containers/create", json, "{}"),
        put.to_owned(),
        put.replace(
            "Content-Length: 3\r\n\r\ntar",
            "Transfer-Encoding: chunked\r\n\r\n3\r\ntar\r\n0\r\n\r\n",
        ),
    ] {
        let number = daemon.requests().len() + 1;
        let mut client = gate.connect();
        client.request(&request);
        daemon.wait_for_request(number);
        client.half_close();
        replies.raise();
        assert_eq!(client.reply().text(), "late", "{request}");
        client.assert_closed(&request);
    }
}

/// The daemon does the same: that is how a client cancels a pull or a build.
#[test]
fn a_client_that_half_closes_during_a_stream_has_left() {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.body();
        exchange.rest();
    });
    let mut gate = Gate::start(&daemon, &everything());
    for request in [
        get("/events"),
        get("/containers/web/logs?follow=1"),
        post("/images/create?fromImage=a", "", ""),
        post("/images/load", "", "tar"),
    ] {
        let number = daemon.requests().len() + 1;
        let mut client = gate.connect();
        client.request(&request);
        let connection = daemon.wait_for_request(number).connection;
        client.half_close();
        client.assert_closed(&request);
        daemon.wait_for_end(connection);
        assert_eq!(gate.record()["end"], "client_gone", "{request}");
    }
}

#[test]
fn a_head_that_ends_early_is_refused_and_an_empty_connection_is_ignored() {
    let daemon = FakeDaemon::start();
    let mut gate = Gate::start(&daemon, &everything());
    let mut empty = gate.connect();
    empty.half_close();
    empty.assert_closed("no byte");
    for partial in [
        "G",
        "GET /info HTTP/1.1\r\nHost: a\r\n",
        "GET /info HTTP/1.1\r\nHost: a\r\n\r",
    ] {
        let mut client = gate.connect();
        client.request(partial);
        client.half_close();
        Refused(400, "incomplete_head").assert(&client.reply(), partial);
        client.assert_closed(partial);
        assert_eq!(gate.record()["reason"], "incomplete_head", "{partial}");
    }
    daemon.assert_untouched("incomplete heads");
}

#[test]
fn a_tls_handshake_gets_a_message_about_plain_http() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    client.request(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    let message = BAD_LINE.assert(&client.reply(), "TLS");
    assert!(message.contains("TLS"), "{message}");
    daemon.assert_untouched("TLS");
}

/// Two requests on one connection, with one byte changed, removed or added: whatever happens to
/// them, each reply has its record, and nothing arrives that was not allowed.
#[test]
fn no_byte_changed_in_a_request_smuggles_another() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, r#"allow = ["PutContainerArchive", "SystemInfo"]"#);
    let smuggled = get("/containers/json");
    let length = smuggled.len();
    let put = "PUT /containers/web/archive HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n";
    let bases = [
        format!(
            "{put}Content-Length: {length}\r\n\r\n{smuggled}{}",
            get("/info")
        ),
        format!("{put}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{smuggled}\r\n0\r\n\r\n"),
        format!("{put}Connection: close\r\nContent-Length: {length}\r\n\r\n{smuggled}"),
    ];
    let bytes = prop::sample::select(b"\r\n\0 \t:,;0159afFGPx-+%/\x7f\xff".to_vec());
    let changes = (
        prop::sample::select(bases.to_vec()),
        any::<prop::sample::Index>(),
        0..3_u8,
        bytes,
    );
    let mut runner = TestRunner::new(Config {
        cases: 600,
        failure_persistence: None,
        ..Config::default()
    });
    let run = runner.run(&changes, |(base, place, change, byte)| {
        let mut bytes = base.into_bytes();
        let at = place.index(bytes.len());
        match change {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => drop(bytes.remove(at)),
        }
        let before = daemon.requests().len();
        let mut client = gate.connect();
        client.send(&bytes);
        client.half_close();
        let replies = client.replies();
        client.count(replies.len());
        let case = String::from_utf8_lossy(&bytes);
        prop_assert!(!replies.is_empty(), "no reply to {case:?}");
        for line in daemon.asked().split_off(before) {
            let is_put =
                line.starts_with("PUT /containers/") && line.ends_with("/archive HTTP/1.1");
            let is_granted = is_put || line == "GET /info HTTP/1.1";
            prop_assert!(is_granted, "{line} of {case:?}");
        }
        Ok(())
    });
    run.unwrap();
}

/// Sends each bad request, followed by an allowed one, and then the nearest allowed one.
fn check(cases: impl IntoIterator<Item = (String, Refused, String)>) {
    let daemon = FakeDaemon::start();
    let mut gate = Gate::start(&daemon, &everything());
    let mut allowed = Vec::new();
    for (bad, refused, good) in cases {
        let case = format!("{bad:?}");
        let mut client = gate.connect();
        client.request(
            [
                &bad,
                "GET /containers/json HTTP/1.1\r\nHost: docker\r\n\r\n",
            ]
            .concat(),
        );
        let reply = client.reply();
        refused.assert(&reply, &case);
        assert_eq!(reply.head.get("Connection"), Some("close"), "{case}");
        client.assert_closed(&case);
        let record = gate.record();
        assert_eq!(record["reason"], refused.1, "{case}: {record}");
        assert_eq!(record["verdict"], "deny", "{case}: {record}");
        daemon.assert_untouched(&case);
        allowed.push(good);
    }
    for good in &allowed {
        gate.ask(good).assert_ok(&format!("{good:?}"));
    }
    gate.stop();
    assert_eq!(
        daemon.requests().len(),
        allowed.len(),
        "only the allowed ones arrive"
    );
}
