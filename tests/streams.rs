//! Replies as they arrive: heads before bodies, chunk by chunk, and which header lines are passed
//! on.

use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use crate::support::{FakeDaemon, Gate, Refused, Setup, Signal, everything, get, post};

const TCP: &str = "Connection: Upgrade\r\nUpgrade: tcp\r\n";

#[test]
fn a_reply_head_arrives_before_any_body_exists() {
    let bodies = Signal::new();
    let body = bodies.clone();
    let daemon = FakeDaemon::scripted(move |exchange| {
        let framing = match exchange.target() {
            "/events" => "Transfer-Encoding: chunked\r\n",
            _ => "Content-Length: 7\r\n",
        };
        exchange.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{framing}\r\n"
        ));
        body.wait("the client's head");
        exchange.send(if framing.contains("chunked") {
            "7\r\n{\"a\":1}\r\n0\r\n\r\n"
        } else {
            "{\"a\":1}"
        });
    });
    let gate = Gate::start(&daemon, &everything());
    for request in [get("/events"), post("/containers/web/wait", "", "")] {
        let mut client = gate.connect();
        client.request(&request);
        let head = client.head();
        assert_eq!(head.first, "HTTP/1.1 200 OK", "{request}");
        bodies.raise();
        let body = match head.get("Transfer-Encoding") {
            Some(_) => client.chunk().unwrap(),
            None => String::from_utf8(client.exactly(7)).unwrap(),
        };
        assert_eq!(body, "{\"a\":1}", "{request}");
    }
}

#[test]
fn chunks_arrive_one_by_one() {
    let (daemon, events) = following();
    let gate = Gate::start(&daemon, &everything());
    for target in [
        "/events",
        "/containers/web/logs?follow=1&stdout=1",
        "/containers/web/stats",
    ] {
        let mut client = gate.connect();
        client.request(get(target));
        assert_eq!(
            client.head().get("Transfer-Encoding"),
            Some("chunked"),
            "{target}"
        );
        for event in ["one\n", "two\n", "three\n"] {
            events.send(event).unwrap();
            assert_eq!(client.chunk().as_deref(), Some(event), "{target}");
        }
        events.send("").unwrap();
        assert_eq!(client.chunk(), None, "{target}");
    }
}

#[test]
fn a_client_of_bare_http_1_0_follows_events() {
    let (daemon, events) = following();
    let gate = Gate::start(&daemon, r#"allow = ["SystemEvents"]"#);
    let mut client = gate.connect();
    // Fluent Bit sends no header at all.
    client.request("GET /events HTTP/1.0\r\n\r\n");
    let head = client.head();
    assert!(head.first.ends_with(" 200 OK"), "{}", head.first);
    assert_eq!(head.get("Transfer-Encoding"), None);
    assert_eq!(head.get("Content-Length"), None);
    for event in ["one\n", "two\n", "three\n"] {
        events.send(event).unwrap();
        assert_eq!(client.exactly(event.len()), event.as_bytes());
    }
    assert_eq!(daemon.asked(), ["GET /events HTTP/1.1"]);
    events.send("").unwrap();
    client.assert_closed("the end of the events");
}

#[test]
fn replies_without_bodies_have_none() {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.body();
        let (method, target) = (exchange.head.first.clone(), exchange.target().to_owned());
        let status = match target.as_str() {
            "/containers/web/start" => "304 Not Modified",
            "/containers/web/stop" => "204 No Content",
            _ => "200 OK",
        };
        let lines = if method.starts_with("HEAD") {
            "Content-Length: 512\r\nX-Docker-Container-Path-Stat: e30=\r\n"
        } else {
            ""
        };
        exchange.send(format!("HTTP/1.1 {status}\r\n{lines}\r\n"));
    });
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    client.request("HEAD /containers/web/archive?path=/ HTTP/1.1\r\nHost: docker\r\n\r\n");
    let reply = client.reply_to("HEAD");
    assert_eq!(
        (reply.status(), reply.head.get("Content-Length")),
        (200, Some("512"))
    );
    assert_eq!(reply.head.get("X-Docker-Container-Path-Stat"), Some("e30="));
    // A byte after one of these heads would be the beginning of the next.
    for (target, status) in [
        ("/containers/web/start", 304),
        ("/containers/web/stop", 204),
    ] {
        client.request(post(target, "", ""));
        let reply = client.reply();
        assert_eq!(reply.status(), status, "F123: {target}");
        assert_eq!(reply.head.get("Transfer-Encoding"), None, "F123: {target}");
    }
    client.request("HEAD /_ping HTTP/1.1\r\nHost: docker\r\n\r\n");
    assert_eq!(client.reply_to("HEAD").status(), 200);
}

#[test]
fn a_refusal_of_head_has_no_body() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, r#"allow = ["SystemPing"]"#);
    let mut client = gate.connect();
    client.request("HEAD /containers/web/archive?path=/ HTTP/1.1\r\nHost: docker\r\n\r\n");
    Refused(403, "not_granted").assert_head(&client.reply_to("HEAD"), "HEAD");
    client.request(get("/_ping"));
    client.reply().assert_ok("behind it");
}

#[test]
fn a_client_that_does_not_read_holds_the_daemon_back() {
    let blocked = Signal::new();
    let full = blocked.clone();
    let daemon = FakeDaemon::scripted(move |exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        exchange.chunks_until_blocked();
        full.raise();
        exchange.close();
    });
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    client.request(get("/containers/web/export"));
    client.head();
    blocked.wait("a full pipe");
    let peak = gate.peak_kib();
    assert!(peak < 32 * 1024, "{peak} KiB");
}

#[test]
fn a_client_that_goes_away_closes_the_connection_to_the_daemon() {
    let (daemon, events) = following();
    let mut gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    client.request(get("/events"));
    events.send("one\n").unwrap();
    client.head();
    client.chunk();
    drop(client);
    // It looks the same as a half-close until something is written to it.
    for _ in 0..2 {
        events.send("two\n").unwrap();
    }
    drop(events);
    daemon.wait_for_end(daemon.wait_for_request(1).connection);
    assert_eq!(gate.record()["end"], "client_gone");
}

#[test]
fn a_client_that_goes_away_before_the_reply_closes_the_connection_to_the_daemon() {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.rest();
    });
    let mut gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    client.request(post("/containers/web/wait", "", ""));
    let connection = daemon.wait_for_request(1).connection;
    drop(client);
    daemon.wait_for_end(connection);
    assert_eq!(gate.record()["end"], "client_gone");
}

#[test]
fn a_daemon_that_goes_away_in_mid_reply_is_seen_by_the_client() {
    let daemon = FakeDaemon::scripted(|exchange| {
        match exchange.target() {
            "/events" => {
                exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
            }
            _ => exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}"),
        };
        exchange.close();
    });
    let mut gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    client.request(get("/events"));
    client.head();
    assert_eq!(client.chunk(), Some("{}".to_owned()));
    assert!(client.try_chunk().is_err(), "a cut-off body looks whole");
    assert_eq!(gate.record()["end"], "daemon_gone");
    let mut client = gate.connect();
    client.request(get("/info"));
    assert_eq!(client.head().get("Content-Length"), Some("10"));
    assert_eq!(client.exactly(2), b"{}");
    client.assert_closed("a body cut off");
    assert_eq!(gate.record()["end"], "daemon_gone");
}

#[test]
fn a_reply_that_ends_with_the_connection_is_passed_on_whole() {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"a\":1}");
        exchange.close();
    });
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    for _ in 0..2 {
        client.request(get("/info"));
        assert_eq!(client.reply().text(), "{\"a\":1}");
    }
}

#[test]
fn a_client_connection_has_one_daemon_connection_of_its_own() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let mut clients = [gate.connect(), gate.connect()];
    for _ in 0..3 {
        for client in &mut clients {
            client.request(get("/info"));
            client.reply().assert_ok("");
        }
    }
    let used: Vec<_> = daemon
        .requests()
        .iter()
        .map(|request| request.connection)
        .collect();
    assert_eq!(daemon.connections(), 2);
    assert_eq!(
        [used[0], used[1]].repeat(3),
        used,
        "one client's requests on another's connection"
    );
}

#[test]
fn a_daemon_connection_found_closed_is_replaced() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    for round in 0..20 {
        for request in [
            get("/info"),
            post("/containers/web/kill", "", ""),
            post("/images/load", "", "tar"),
        ] {
            client.request(&request);
            client
                .reply()
                .assert_ok(&format!("round {round}: {request}"));
            daemon.close_connections();
        }
    }
    assert_eq!(daemon.requests().len(), 60, "each once");
}

#[test]
fn a_daemon_may_close_after_each_reply() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    for round in 0..20 {
        for request in [get("/info"), post("/containers/web/kill", "", "")] {
            client.request(&request);
            client.reply().assert_ok(&format!("round {round}"));
            // Before the next request: a change that is sent just as the daemon closes is not sent
            // again.
            daemon.close_connections();
        }
    }
    assert_eq!(daemon.requests().len(), 40, "each once");
}

#[test]
fn a_get_that_a_stale_connection_swallowed_is_sent_again() {
    // The second request reaches the daemon just as it closes the connection.
    let daemon = FakeDaemon::scripted(|exchange| {
        if exchange.number() == 2 {
            exchange.close();
        } else {
            exchange.reply("200 OK", "", b"{}");
        }
    });
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    for target in ["/info", "/version", "/images/json"] {
        client.request(get(target));
        client.reply().assert_ok(target);
    }
    let info = "GET /info HTTP/1.1".to_owned();
    let version = "GET /version HTTP/1.1".to_owned();
    assert_eq!(
        daemon.asked(),
        [
            info,
            version.clone(),
            version,
            "GET /images/json HTTP/1.1".to_owned()
        ]
    );
}

#[test]
fn a_request_that_may_have_been_done_is_not_sent_again() {
    for (request, half_replied) in [
        (post("/containers/web/kill", "", ""), false),
        (post("/images/load", "", "tar"), false),
        (
            get("/version").replace(
                "\r\n\r\n",
                "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
            ),
            true,
        ),
        (get("/version"), true),
    ] {
        let daemon = FakeDaemon::scripted(move |exchange| {
            exchange.body();
            match exchange.number() {
                1 => exchange.reply("200 OK", "", b"{}"),
                _ if half_replied => drop(exchange.send("HTTP/1.1 20")),
                _ => {}
            }
            if exchange.number() > 1 {
                exchange.close();
            }
        });
        let gate = Gate::start(&daemon, &everything());
        let mut client = gate.connect();
        client.request(get("/info"));
        client.reply().assert_ok("before");
        client.request(&request);
        Refused(502, "bad_daemon_reply").assert(&client.reply(), &request);
        assert_eq!(daemon.requests().len(), 2, "{request}");
    }
}

#[test]
fn hop_by_hop_headers_of_a_reply_are_not_sent_on() {
    let daemon = FakeDaemon::scripted(|exchange| {
        let lines = "Connection: X-One, keep-alive\r\nX-One: 1\r\nKeep-Alive: timeout=5\r\n\
            Connection: x-two\r\nX-Two: 2\r\nX-Three: 3\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\n\
            Proxy-Connection: close\r\nTE: trailers\r\nTrailer: X-Four\r\n";
        exchange.reply("200 OK", lines, b"{}");
    });
    let gate = Gate::start(&daemon, &everything());
    let reply = gate.ask(get("/info"));
    reply.assert_ok("hop by hop");
    for name in [
        "X-One",
        "X-Two",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Connection",
        "Upgrade",
        "TE",
        "Trailer",
        "Connection",
    ] {
        assert_eq!(reply.head.all(name), [""; 0], "{name}");
    }
    assert_eq!(reply.head.get("X-Three"), Some("3"));
}

#[test]
fn a_reply_keeps_its_status_and_its_other_lines() {
    let daemon = FakeDaemon::scripted(|exchange| {
        let lines = "Api-Version: 1.45\r\nContent-Type: application/json\r\nDate: Sat, 21 Nov 2026 10:00:00 GMT\r\n\
            Docker-Experimental: false\r\nOstype: linux\r\nServer: Docker/26.1.5 (linux)\r\n\
            Warning: a\r\nWarning: b\r\n";
        exchange.reply(
            "404 Not Found",
            lines,
            b"{\"message\":\"No such container: web\"}\n",
        );
    });
    let gate = Gate::start(&daemon, &everything());
    let reply = gate.ask(get("/containers/web/json"));
    assert_eq!(reply.head.first, "HTTP/1.1 404 Not Found");
    assert_eq!(reply.text(), "{\"message\":\"No such container: web\"}\n");
    for line in [
        "Api-Version: 1.45",
        "Content-Type: application/json",
        "Date: Sat, 21 Nov 2026 10:00:00 GMT",
        "Docker-Experimental: false",
        "Ostype: linux",
        "Server: Docker/26.1.5 (linux)",
        "Warning: a",
        "Warning: b",
        "Content-Length: 37",
    ] {
        assert!(
            reply.head.raw.contains(&format!("\r\n{line}\r\n")),
            "{line} in {}",
            reply.head.raw
        );
    }
    assert_eq!(reply.head.all("Date").len(), 1);
    assert!(reply.head.get("Dockgate-Reason").is_none());
}

#[test]
fn request_headers_have_an_allowlist() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let crossing = "Accept: application/json\r\nAccept-Encoding: gzip\r\nX-Registry-Auth: e30=\r\n\
        X-Registry-Config: e30=\r\nX-Meta-Trace: a\r\nUser-Agent: Docker-Client/28.2.2 (linux)\r\n\
        Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nTracestate: a=b\r\n";
    let staying = "Cookie: a=planted\r\nAuthorization: Basic planted\r\nX-Forwarded-For: planted\r\n\
        X-Real-Ip: planted\r\nForwarded: for=planted\r\nConnection: keep-alive, X-Meta-Listed\r\n\
        X-Meta-Listed: planted\r\nKeep-Alive: timeout=planted\r\nTE: trailers\r\nTrailer: planted\r\n\
        Proxy-Authorization: planted\r\nX-Docker-Expose-Session-Uuid: planted\r\nSec-WebSocket-Key: planted\r\n\
        Content-Encoding: planted\r\nX-Request-Id: planted\r\nBaggage: planted\r\nRange: bytes=0-1\r\n\
        If-None-Match: planted\r\nUpgrade: planted\r\nX-Http-Method-Override: DELETE\r\nHttp2-Settings: planted\r\n";
    gate.ask(post(
        "/images/create?fromImage=a",
        &format!("{crossing}{staying}"),
        "",
    ))
    .assert_ok("headers");
    let head = daemon.requests().remove(0).head;
    for line in crossing.split_terminator("\r\n") {
        assert!(
            head.raw.contains(&format!("\r\n{line}\r\n")),
            "{line} in {}",
            head.raw
        );
    }
    for line in staying.split_terminator("\r\n") {
        let (name, _) = line.split_once(':').unwrap();
        let seen = head.all(name);
        assert!(seen.is_empty() || name == "Connection", "{name}: {seen:?}");
    }
    assert!(!head.raw.contains("planted"), "{}", head.raw);
}

#[test]
fn headers_listed_in_any_connection_line_are_not_sent_on() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let lines = "Connection: x-meta-a\r\nConnection: close, User-Agent\r\nX-Meta-A: 1\r\nUser-Agent: a\r\nX-Meta-B: 2\r\n";
    gate.ask(format!("GET /info HTTP/1.1\r\nHost: docker\r\n{lines}\r\n"))
        .assert_ok("listed");
    let head = daemon.requests().remove(0).head;
    for name in ["X-Meta-A", "User-Agent"] {
        assert_eq!(head.all(name), [""; 0], "{name}");
    }
    assert_eq!(head.get("X-Meta-B"), Some("2"));
}

#[test]
fn repeatable_headers_are_all_sent_on() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let lines = "Accept: a/b\r\nAccept: c/d\r\nX-Meta-A: 1\r\nX-Meta-A: 2\r\n";
    gate.ask(format!("GET /info HTTP/1.1\r\nHost: docker\r\n{lines}\r\n"))
        .assert_ok("repeated");
    let head = daemon.requests().remove(0).head;
    assert_eq!(head.all("Accept"), ["a/b", "c/d"]);
    assert_eq!(head.all("X-Meta-A"), ["1", "2"]);
}

#[test]
fn the_daemon_sees_one_host_whatever_the_client_names() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    for host in ["docker", "", "localhost:2375", "127.0.0.1", "1.28"] {
        gate.ask(
            format!("GET /info HTTP/1.1\r\nHost: {host}\r\n\r\n")
                .replace("Host: \r\n", "Host:\r\n"),
        )
        .assert_ok(host);
    }
    gate.ask("GET /info HTTP/1.0\r\n\r\n").assert_ok("none");
    let hosts: Vec<_> = daemon
        .requests()
        .iter()
        .map(|request| request.head.get("Host").unwrap().to_owned())
        .collect();
    assert!(hosts.iter().all(|host| *host == hosts[0]), "F17: {hosts:?}");
}

#[test]
fn header_names_are_in_title_case_in_both_directions() {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.body();
        exchange.reply(
            "200 OK",
            "Api-Version: 1.45\r\nX-Docker-Container-Path-Stat: e30=\r\n",
            b"{}",
        );
    });
    let gate = Gate::start(&daemon, &everything());
    let lines = "user-agent: a\r\nx-registry-auth: e30=\r\ncontent-type: application/json\r\n";
    let replies = [
        gate.ask(post("/containers/create", lines, "{}")),
        gate.ask(get("/nothing")),
    ];
    let seen = daemon.requests().remove(0).head;
    for head in replies.iter().map(|reply| &reply.head).chain([&seen]) {
        for (name, _) in &head.lines {
            let title = name
                .split('-')
                .all(|part| part.starts_with(|c: char| c.is_ascii_uppercase()));
            assert!(title, "{name} in {}", head.raw);
        }
    }
    assert!(
        replies[0]
            .head
            .raw
            .contains("X-Docker-Container-Path-Stat: ")
    );
    assert!(seen.raw.contains("X-Registry-Auth: ") && seen.raw.contains("User-Agent: "));
}

#[test]
fn an_answer_on_tcp_is_the_same() {
    let daemon = FakeDaemon::on_tcp(|exchange| {
        exchange.body();
        exchange.reply("200 OK", "", b"{}");
    });
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    for request in [
        get("/info"),
        post(
            "/containers/create",
            "Content-Type: application/json\r\n",
            "{}",
        ),
    ] {
        client.request(request);
        client.reply().assert_ok("a daemon on tcp");
        daemon.close_connections();
    }
}

#[test]
fn a_daemon_that_says_continue_first_is_understood() {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.send("HTTP/1.1 100 Continue\r\n\r\n");
        exchange.body();
        exchange.reply("200 OK", "", b"{}");
    });
    let gate = Gate::start(&daemon, &everything());
    gate.ask(post("/images/load", "", "tar"))
        .assert_ok("100 and then 200");
}

#[test]
fn an_unrequested_reply_goes_to_no_client() {
    let daemon = FakeDaemon::scripted(|exchange| {
        let reply = |body: &str| {
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        // In one piece: bytes that arrive later could be the reply to the next request.
        let both = [reply(exchange.target()), reply("planted")].concat();
        exchange.send(both);
    });
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    for target in ["/info", "/version", "/images/json"] {
        client.request(get(target));
        assert_eq!(client.reply().text(), target, "T16");
    }
}

#[test]
fn a_reply_with_two_framings_is_passed_on_with_one_or_not_at_all() {
    let daemon = FakeDaemon::scripted(|exchange| {
        let lines = "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n";
        exchange.send(format!(
            "HTTP/1.1 200 OK\r\n{lines}\r\n5\r\nhello\r\n0\r\n\r\n"
        ));
    });
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    for _ in 0..2 {
        client.request(get("/info"));
        let reply = client.reply();
        if reply.status() == 502 {
            Refused(502, "bad_daemon_reply").assert(&reply, "two framings");
            return;
        }
        assert_eq!((reply.status(), reply.text()), (200, "hello"));
    }
}

#[test]
fn an_unrequested_switch_of_protocols_is_not_a_tunnel() {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
        exchange.rest();
    });
    let gate = Gate::start(&daemon, &everything());
    for request in [
        get("/info"),
        post("/containers/web/kill", TCP, ""),
        post("/containers/web/stop", "", ""),
    ] {
        let mut client = gate.connect();
        client.request(&request);
        Refused(502, "bad_daemon_reply").assert(&client.reply(), &request);
    }
}

#[test]
fn no_limit_cuts_off_a_running_request() {
    let (daemon, events) = following();
    let limits =
        "[limits]\nhead = \"200ms\"\nbody_time = \"200ms\"\nidle = \"200ms\"\nconnect = \"200ms\"";
    let gate = Setup::new(&daemon, &everything()).settings(limits).start();
    let mut client = gate.connect();
    client.request(get("/events"));
    client.head();
    for _ in 0..5 {
        // Each of these is a fifth of a second.
        let mut idle = gate.connect();
        idle.assert_closed("an idle connection");
    }
    events.send("late\n").unwrap();
    assert_eq!(client.chunk().as_deref(), Some("late\n"));
    events.send("").unwrap();
    assert_eq!(client.chunk(), None);
    // Idle from here on, as before.
    client.assert_closed("the stream's connection");
}

/// A daemon whose replies continue as the test tells it to: an event is a chunk, an empty one the
/// last.
///
/// Declare it before whatever sends to it, so that it ends after that.
fn following() -> (FakeDaemon, Sender<&'static str>) {
    let (sender, events) = channel::<&str>();
    let events = Mutex::new(events);
    let daemon = FakeDaemon::scripted(move |exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
        for event in events.lock().unwrap().iter() {
            if !exchange.chunk(event) || event.is_empty() {
                break;
            }
        }
    });
    (daemon, sender)
}
