//! Connections that become two-way streams: attach, exec, websocket, session and grpc.
//!
//! After a hijack, or a refused hijack, a connection is never read as HTTP again, on either side.

use std::io::Write;
use std::thread;

use crate::support::{
    Client, FakeDaemon, Gate, Refused, RequestState, Setup, Signal, chunked, everything, get, post,
};

const NOT_OFFERED: Refused = Refused(501, "upgrade_not_offered");
const BAD_UPGRADE: Refused = Refused(400, "bad_upgrade");
const JSON: &str = "Content-Type: application/json\r\n";
const TCP: &str = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
const H2C: &str = "Connection: Upgrade\r\nUpgrade: h2c\r\n";
const WEBSOCKET: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const ATTACH: &str = "/containers/web/attach?stream=1&stdin=1&stdout=1";
const EXEC: &str = "/exec/e1/start";

/// Every request that becomes a tunnel, with the value of its `Upgrade`.
fn tunnels() -> [(&'static str, String); 7] {
    let body = r#"{"Detach":false,"Tty":false}"#;
    [
        ("tcp", post(ATTACH, TCP, "")),
        (
            "tcp",
            post(ATTACH, &[JSON, TCP].concat(), r#"{"hijack":true}"#),
        ),
        // dockerode and docker-modem, which send the same body in chunks.
        ("tcp", post(EXEC, &[JSON, TCP].concat(), body)),
        ("tcp", chunked(EXEC, &[JSON, TCP].concat(), body)),
        (
            "websocket",
            format!(
                "GET /containers/web/attach/ws?stream=1 HTTP/1.1\r\nHost: docker\r\n{WEBSOCKET}\r\n"
            ),
        ),
        ("h2c", post("/session", H2C, "")),
        ("h2c", post("/v1.41/grpc", H2C, "")),
    ]
}

/// Every request that is a hijack, including those without `Upgrade`.
fn hijacks() -> impl Iterator<Item = String> {
    let without_upgrade = [
        post(EXEC, JSON, "{}"),
        chunked(EXEC, JSON, "{}"),
        post(ATTACH, "", ""),
    ];
    tunnels()
        .into_iter()
        .map(|(_, request)| request)
        .chain(without_upgrade)
}

#[test]
fn every_tunnel_carries_bytes_both_ways_until_both_sides_end() {
    let daemon = FakeDaemon::scripted(echo);
    let mut gate = Gate::start(&daemon, &everything());
    for (value, request) in tunnels() {
        let mut client = gate.connect();
        client.request(&request);
        let head = client.head();
        assert!(
            head.first.starts_with("HTTP/1.1 101 "),
            "{request}: {}",
            head.first
        );
        assert_eq!(head.get("Upgrade"), Some(value), "{request}");
        assert_eq!(head.get("Connection"), Some("Upgrade"), "{request}");
        assert_echo(&mut client, &request);
        let arrived = daemon.requests().pop().unwrap().head;
        assert_eq!(arrived.get("Upgrade"), Some(value), "{request}");
        assert_eq!(arrived.get("Connection"), Some("Upgrade"), "{request}");
        let record = gate.record();
        assert_eq!(
            (&record["status"], &record["end"]),
            (&101.into(), &"complete".into()),
            "{record}"
        );
    }
}

#[test]
fn a_client_without_upgrade_gets_the_raw_stream_of_status_200() {
    let daemon = FakeDaemon::scripted(echo);
    let gate = Gate::start(&daemon, &everything());
    // acme-companion's curl attaches in this way, and so does old docker-py.
    for request in [
        post(ATTACH, "", ""),
        post(EXEC, JSON, "{}"),
        chunked(EXEC, JSON, "{}"),
        post(ATTACH, "Connection: keep-alive\r\n", ""),
    ] {
        let mut client = gate.connect();
        client.request(&request);
        let head = client.head();
        assert_eq!(head.first, "HTTP/1.1 200 OK", "{request}");
        assert_eq!(
            head.get("Content-Type"),
            Some("application/vnd.docker.raw-stream"),
            "{request}"
        );
        for name in ["Content-Length", "Transfer-Encoding", "Upgrade"] {
            assert_eq!(head.get(name), None, "{request}: {name}");
        }
        assert_echo(&mut client, &request);
        // Dockgate asks the daemon for an upgrade anyway, so that the end of its head is clear.
        let arrived = daemon.requests().pop().unwrap().head;
        assert_eq!(
            (arrived.get("Upgrade"), arrived.get("Connection")),
            (Some("tcp"), Some("Upgrade")),
            "{request}"
        );
    }
}

#[test]
fn a_client_of_http_1_0_gets_the_raw_stream_too() {
    let daemon = FakeDaemon::scripted(echo);
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    client.request(format!("POST {ATTACH} HTTP/1.0\r\n\r\n"));
    assert!(client.head().first.ends_with(" 200 OK"));
    assert_echo(&mut client, "HTTP/1.0");
}

#[test]
fn the_end_of_the_client_s_input_reaches_the_daemon_and_its_output_still_comes() {
    // `echo x | docker exec -i`: the output continues after the input has ended.
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.body();
        exchange.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
        let input = exchange.rest();
        exchange.send(["got ".as_bytes(), &input].concat());
        exchange.send("a".repeat(1 << 20));
        exchange.close();
    });
    let gate = Gate::start(&daemon, &everything());
    for request in [
        post(EXEC, &[JSON, TCP].concat(), "{}"),
        post(EXEC, JSON, "{}"),
        post(ATTACH, TCP, ""),
    ] {
        let mut client = gate.connect();
        client.request(&request);
        client.head();
        client.send("x\n");
        client.half_close();
        let output = client.rest();
        assert_eq!(output.len(), "got x\n".len() + (1 << 20), "{request}");
        assert!(output.starts_with(b"got x\n"), "{request}");
    }
}

#[test]
fn the_end_of_the_daemon_s_output_reaches_the_client_and_its_input_still_goes() {
    let read = Signal::new();
    let ended = read.clone();
    let daemon = FakeDaemon::scripted(move |exchange| {
        exchange.body();
        exchange
            .send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nlast words");
        exchange.half_close();
        assert_eq!(exchange.rest(), b"typed after the end");
        ended.raise();
        exchange.close();
    });
    let gate = Gate::start(&daemon, &everything());
    for request in [post(ATTACH, TCP, ""), post(EXEC, JSON, "{}")] {
        let mut client = gate.connect();
        client.request(&request);
        client.head();
        assert_eq!(client.rest(), b"last words", "{request}");
        client.send("typed after the end");
        client.half_close();
        read.wait("the client's last bytes at the daemon");
    }
}

#[test]
fn a_client_that_is_gone_ends_the_tunnel_at_the_daemon() {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.body();
        exchange.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
        exchange.rest();
        // The client has closed; no one wants the output, and it must not be read forever.
        while exchange.send("a".repeat(64 * 1024)) {}
        exchange.close();
    });
    let mut gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    client.request(post(ATTACH, TCP, ""));
    client.head();
    drop(client);
    let record = gate.record();
    assert_eq!(
        (&record["status"], &record["end"]),
        (&101.into(), &"client_gone".into()),
        "{record}"
    );
}

#[test]
fn a_daemon_that_is_gone_ends_the_tunnel_at_the_client() {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.body();
        exchange.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
        exchange.some();
        exchange.close();
    });
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    client.request(post(ATTACH, TCP, ""));
    client.head();
    client.send("x");
    client.assert_closed("a daemon gone");
}

#[test]
fn early_bytes_of_the_client_are_held_until_the_daemon_has_agreed() {
    // The daemon discards what it has read ahead when it hands the connection over.
    let daemon = FakeDaemon::scripted(|exchange| {
        let body = exchange.body();
        assert!(
            exchange.stays_silent(),
            "bytes came before the daemon's head"
        );
        assert!(body.is_some());
        echo_on(exchange);
    });
    let gate = Gate::start(&daemon, &everything());
    for request in hijacks() {
        let mut client = gate.connect();
        client.request([request.as_str(), "typed ", "early"].concat());
        client.head();
        assert_eq!(client.exactly(11), b"typed early", "{request}");
        assert_echo(&mut client, &request);
    }
}

#[test]
fn early_bytes_of_the_client_never_block_either_side() {
    let daemon = FakeDaemon::scripted(echo);
    let gate = Gate::start(&daemon, &everything());
    let early: Vec<u8> = (0..=250).cycle().take(4 << 20).collect();
    for (_, request) in tunnels() {
        let mut client = gate.connect();
        client.count(1);
        let (mut writer, bytes) = (client.writer(), [request.as_bytes(), &early].concat());
        let writing = thread::spawn(move || writer.write_all(&bytes).unwrap());
        client.head();
        assert!(client.exactly(early.len()) == early, "{request}");
        writing.join().unwrap();
        client.half_close();
        client.assert_closed(&request);
    }
}

#[test]
fn bytes_after_a_refused_upgrade_are_never_served() {
    // As exec answers, as attach answers, and a long answer in chunks.
    let long = "a".repeat(64 * 1024);
    let daemon = FakeDaemon::scripted(move |exchange| {
        exchange.body();
        match exchange.target() {
            EXEC => exchange.reply("409 Conflict", JSON, br#"{"message":"not running"}"#),
            ATTACH => {
                exchange.send(
                    "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\nno such container",
                );
                exchange.close();
            }
            _ => {
                exchange.send(
                    "HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n",
                );
                exchange.chunk(&long);
                exchange.send("0\r\n\r\n");
            }
        }
    });
    let gate = Gate::start(&daemon, &everything());
    for request in hijacks() {
        let mut client = gate.connect();
        client.request([&request, get("/info").as_str()].concat());
        let reply = client.reply();
        let (status, length) = match reply.status() {
            409 => (409, r#"{"message":"not running"}"#.len()),
            404 => (404, "no such container".len()),
            status => (status, 64 * 1024),
        };
        assert!(
            [404, 409, 500].contains(&status),
            "{request}: {}",
            reply.head.raw
        );
        assert_eq!(reply.body.len(), length, "F19: {request}");
        assert_eq!(reply.head.get("Connection"), Some("close"), "{request}");
        // Written once more, after the refusal: the connection has ended anyway.
        let _ = client.try_send(get("/info"));
        client.assert_closed(&request);
    }
    gate.stop();
    assert_eq!(daemon.requests().len(), 10, "{:?}", daemon.asked());
    for connection in daemon.requests().iter().map(|request| request.connection) {
        let bytes = String::from_utf8(daemon.bytes(connection)).unwrap();
        assert!(!bytes.contains("/info"), "{bytes}");
    }
}

#[test]
fn bytes_after_a_hijack_that_dockgate_refuses_are_never_served() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, r#"allow = ["SystemInfo"]"#);
    for request in hijacks() {
        let mut client = gate.connect();
        client.request([&request, get("/info").as_str()].concat());
        Refused(403, "not_granted").assert(&client.reply(), &request);
        client.assert_closed(&request);
    }
    daemon.assert_untouched("after refused hijacks");
}

#[test]
fn bytes_after_a_hijack_without_a_daemon_are_never_served() {
    let gate = Setup::before("unix:///nonexistent/d.sock".to_owned(), &everything()).start();
    for request in hijacks() {
        let mut client = gate.connect();
        client.request([&request, get("/info").as_str()].concat());
        Refused(502, "daemon_unreachable").assert(&client.reply(), &request);
        client.assert_closed(&request);
    }
}

#[test]
fn another_upgrade_than_the_operation_s_own_is_not_offered() {
    let daemon = FakeDaemon::scripted(echo);
    let gate = Gate::start(&daemon, &everything());
    let websocket = "GET /containers/web/attach/ws HTTP/1.1\r\nHost: docker\r\n";
    for request in [
        post(ATTACH, &TCP.replace("tcp", "websocket"), ""),
        post(ATTACH, &TCP.replace("tcp", "h2c"), ""),
        post(ATTACH, &TCP.replace("tcp", "tcp, h2c"), ""),
        post(EXEC, &[JSON, &TCP.replace("tcp", "TLS/1.2")].concat(), "{}"),
        post("/session", "", ""),
        post("/session", TCP, ""),
        post("/grpc", "", ""),
        post("/grpc", &H2C.replace("h2c", "h2"), ""),
        format!("{websocket}\r\n"),
        format!("{websocket}{TCP}\r\n"),
        format!("{websocket}{H2C}\r\n"),
    ] {
        // For a session, the daemon answers 400.
        let refused = if request.starts_with("POST /session ") {
            BAD_UPGRADE
        } else {
            NOT_OFFERED
        };
        refused.assert(&gate.ask(&request), &request);
        daemon.assert_only_looked_up(&request);
    }
    let doubled = post(ATTACH, &[TCP, "Upgrade: tcp\r\n"].concat(), "");
    Refused(400, "doubled_header").assert(&gate.ask(&doubled), &doubled);
    daemon.assert_only_looked_up(&doubled);
    for (_, request) in tunnels() {
        let mut client = gate.connect();
        client.request(&request);
        assert!(
            client.head().first.starts_with("HTTP/1.1 101 "),
            "{request}"
        );
    }
}

#[test]
fn upgrade_on_other_operations_has_no_effect() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    // Apache's client sends TLS/1.2 with everything, Java's own h2c with its settings.
    for lines in [
        "Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        TCP,
    ] {
        let mut client = gate.connect();
        for request in [
            format!("GET /info HTTP/1.1\r\nHost: docker\r\n{lines}\r\n"),
            post("/containers/web/stop", lines, ""),
            post("/containers/create", &[JSON, lines].concat(), "{}"),
        ] {
            client.request(&request);
            client.reply().assert_ok(&request);
            let arrived = daemon.requests().pop().unwrap().head;
            assert_eq!(arrived.get("Upgrade"), None, "{request}");
            assert!(
                !arrived.raw.contains("ettings"),
                "{request}: {}",
                arrived.raw
            );
        }
    }
}

#[test]
fn an_answer_without_a_stream_stays_an_answer() {
    // `exec -d`: the daemon answers as for any other request.
    let daemon = FakeDaemon::scripted(|exchange| {
        assert_eq!(exchange.body().unwrap(), br#"{"Detach":true,"Tty":false}"#);
        exchange.reply("200 OK", "Api-Version: 1.45\r\n", b"");
    });
    let gate = Gate::start(&daemon, &everything());
    let body = r#"{"Detach":true,"Tty":false}"#;
    for lines in [JSON.to_owned(), [JSON, TCP].concat()] {
        for request in [post(EXEC, &lines, body), chunked(EXEC, &lines, body)] {
            let mut client = gate.connect();
            client.request(&request);
            let reply = client.reply();
            reply.assert_ok(&request);
            assert_eq!(reply.head.get("Content-Length"), Some("0"), "{request}");
            assert_eq!(reply.head.get("Api-Version"), Some("1.45"), "{request}");
            assert_eq!(reply.head.get("Connection"), Some("close"), "{request}");
            client.assert_closed(&request);
        }
    }
}

#[test]
fn tunnel_headers_have_their_own_allowlist() {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.body();
        exchange.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade, X-Evil\r\nUpgrade: websocket\r\n\
             X-Evil: 1\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: a\r\n\r\n",
        );
        exchange.rest();
        exchange.close();
    });
    let gate = Gate::start(&daemon, &everything());
    let lines = "Sec-WebSocket-Protocol: a\r\nCookie: a=planted\r\nProxy-Authorization: planted\r\nTE: planted\r\n\
        Trailer: planted\r\nConnection: foo, keep-alive\r\nFoo: planted\r\n";
    let mut client = gate.connect();
    client.request(format!(
        "GET /containers/web/attach/ws HTTP/1.1\r\nHost: docker\r\n{WEBSOCKET}{lines}\r\n"
    ));
    let head = client.head();
    assert_eq!(
        head.get("Sec-WebSocket-Accept"),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    );
    assert_eq!(head.get("Sec-WebSocket-Protocol"), Some("a"));
    // In title case this name would be spelled differently than every server spells it.
    assert!(
        head.raw.contains("\r\nSec-WebSocket-Accept: "),
        "{}",
        head.raw
    );
    assert_eq!(
        (head.get("X-Evil"), head.get("Connection")),
        (None, Some("Upgrade")),
        "F18"
    );
    let arrived = daemon.requests().remove(0).head;
    assert_eq!(
        arrived.get("Sec-WebSocket-Key"),
        Some("dGhlIHNhbXBsZSBub25jZQ==")
    );
    assert_eq!(arrived.get("Sec-WebSocket-Version"), Some("13"));
    assert_eq!(arrived.get("Sec-WebSocket-Protocol"), Some("a"));
    assert_eq!(arrived.get("Connection"), Some("Upgrade"), "F16");
    assert!(!arrived.raw.contains("planted"), "F16: {}", arrived.raw);
}

#[test]
fn all_session_headers_are_sent_on() {
    let daemon = FakeDaemon::scripted(echo);
    let gate = Gate::start(&daemon, &everything());
    let lines = "X-Docker-Expose-Session-Uuid: u1\r\nX-Docker-Expose-Session-Name: n\r\n\
        X-Docker-Expose-Session-Grpc-Method: /a/b\r\nX-Docker-Expose-Session-Grpc-Method: /c/d\r\n";
    let mut client = gate.connect();
    client.request(post("/session", &[H2C, lines].concat(), ""));
    client.head();
    let arrived = daemon.requests().remove(0).head;
    assert_eq!(arrived.get("X-Docker-Expose-Session-Uuid"), Some("u1"));
    assert_eq!(arrived.get("X-Docker-Expose-Session-Name"), Some("n"));
    assert_eq!(
        arrived.all("X-Docker-Expose-Session-Grpc-Method"),
        ["/a/b", "/c/d"]
    );
}

#[test]
fn lines_of_a_refused_upgrade_are_hop_by_hop_too() {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.body();
        exchange.reply(
            "404 Not Found",
            "Connection: x-evil\r\nX-Evil: 1\r\nX-Other: 2\r\n",
            b"{}",
        );
    });
    let gate = Gate::start(&daemon, &everything());
    for request in [post(ATTACH, TCP, ""), post(EXEC, JSON, "{}")] {
        let reply = gate.ask(&request);
        assert_eq!(
            (reply.status(), reply.head.get("X-Evil")),
            (404, None),
            "F18: {request}"
        );
        assert_eq!(reply.head.get("X-Other"), Some("2"), "{request}");
    }
}

#[test]
fn a_tunnel_has_its_own_daemon_connection() {
    let daemon = FakeDaemon::scripted(|exchange| match exchange.target() {
        "/info" => exchange.reply("200 OK", "", b"{}"),
        _ => echo(exchange),
    });
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    client.request(get("/info"));
    client.reply().assert_ok("before");
    client.request(post(ATTACH, TCP, ""));
    client.head();
    // In a tunnel a request is just bytes.
    client.send(get("/info"));
    assert_eq!(client.exactly(get("/info").len()), get("/info").as_bytes());
    client.half_close();
    client.assert_closed("the tunnel");
    assert_eq!(daemon.requests().len(), 2);
}

/// Answers with the 101 that the client asked for, and then with any bytes.
fn echo(exchange: &mut RequestState) {
    exchange.body();
    echo_on(exchange);
}

fn echo_on(exchange: &mut RequestState) {
    let value = exchange
        .head
        .get("Upgrade")
        .expect("a tunnel is always asked for")
        .to_owned();
    exchange.send(format!(
        "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\
         Connection: Upgrade\r\nUpgrade: {value}\r\n\r\n"
    ));
    loop {
        let bytes = exchange.some();
        if bytes.is_empty() {
            break;
        }
        exchange.send(bytes);
    }
    exchange.close();
}

/// Bytes of every value go there and come back, and then the stream ends properly.
#[track_caller]
fn assert_echo(client: &mut Client, case: &str) {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for part in bytes.chunks(10_000) {
        client.send(part);
        assert_eq!(client.exactly(part.len()), part, "{case}");
    }
    client.half_close();
    client.assert_closed(case);
}
