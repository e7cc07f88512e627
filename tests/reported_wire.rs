//! What real clients send that Dockgate once refused or changed, by the ids of the reports, and next to
//! each a similar request that is still refused.

use crate::support::{FakeDaemon, Gate, Refused, Setup, Signal, everything, get, post};

/// The head of a request as Docker.DotNet writes it: before 4.0 the header lines end in LF, later in CR LF.
/// Without a length it adds the line for chunks itself.
fn dotnet(line: &str, end: &str, content: &[&str], own: &str) -> String {
    let lines = [
        "User-Agent: Docker.DotNet",
        "Host: 127.0.0.1:2375",
        "Connection: close",
    ];
    let lines = [&lines[..], content].concat().join(end);
    format!("{line} HTTP/1.1\r\n{lines}{end}{own}\r\n")
}

const JSON: &str = "Content-Type: application/json; charset=utf-8";

#[test]
fn c_docker_dotnet_is_served_before_4_0_and_after() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    for end in ["\n", "\r\n"] {
        let before = daemon.requests().len();
        gate.ask(dotnet("GET /_ping", end, &[], ""))
            .assert_ok("C: ping");
        let body = r#"{"Image":"a"}"#;
        let create = dotnet(
            "POST /v1.41/containers/create?name=a",
            end,
            &[JSON, "Content-Length: 13"],
            "",
        );
        gate.ask(create + body).assert_ok("C: create");
        let own = "Transfer-Encoding: chunked\r\n";
        let load = dotnet(
            "POST /images/load",
            end,
            &["Content-Type: application/x-tar"],
            own,
        );
        gate.ask(load + "3\r\ntar\r\n0\r\n\r\n")
            .assert_ok("C: load");
        let requests = daemon.requests().split_off(before);
        assert_eq!(requests.len(), 3, "C");
        assert!(
            requests
                .iter()
                .all(|it| it.head.get("User-Agent") == Some("Docker.DotNet"))
        );
        assert_eq!(requests[2].body.as_deref(), Some(&b"tar"[..]), "C");
    }
}

/// Similar heads: with everything that another parser could take for the middle of a header, or not
/// for the end of the head.
#[test]
fn beside_c_other_line_feeds_stay_refused() {
    let daemon = FakeDaemon::start();
    let mut gate = Gate::start(&daemon, &everything());
    let good = dotnet("GET /_ping", "\n", &[], "");
    let chunked = dotnet(
        "POST /images/load",
        "\n",
        &[],
        "Transfer-Encoding: chunked\r\n",
    );
    for bad in [
        good.replacen("\r\n", "\n", 1),
        good.replace("\n\r\n", "\n\n"),
        good.replace("Docker.DotNet\n", "Docker.DotNet\r\n"),
        good.replace("2375\n", "2375\r\n"),
        good.replace("close\n", "close\r\n"),
        good.replace("close\n", "close\r"),
        good.replace("close\n", "close\n\n"),
        good.replace("close\n\r\n", "close\r\n\n"),
        good.replace("close\n", "close\nContent-Length: 0\r\n"),
        good.replace('\n', "\r"),
        chunked.replace("chunked\r\n", "chunked\r\nX-A: b\n"),
        chunked.replace("chunked\r\n", "chunked\r\nX-A: b\r\n"),
    ] {
        let mut client = gate.connect();
        client.request([&bad, "0\r\n\r\n", &get("/containers/json")].concat());
        let reply = client.reply();
        Refused(400, "bad_header").assert(&reply, &format!("{bad:?}"));
        client.assert_closed(&format!("{bad:?}"));
        assert_eq!(gate.record()["reason"], "bad_header", "{bad:?}");
        daemon.assert_untouched(&format!("{bad:?}"));
    }
    for (body, case) in [
        ("3\ntar\n0\n\n", "chunk sizes"),
        ("3\r\ntar\r\n0\r\nX-A: b\n\r\n", "a trailer"),
    ] {
        let mut client = gate.connect();
        client.request(chunked.clone() + body);
        client.half_close();
        let reply = client.reply();
        assert_ne!(reply.status(), 200, "{case} with line feeds");
    }
}

/// Under the policy of a client that reads, and under one that allows everything.
#[test]
fn i_impossible_names_are_answered_as_by_the_daemon_if_allowed() {
    for policy in [everything(), "extends = ['read-only']".to_owned()] {
        let daemon = FakeDaemon::start();
        let mut gate = Gate::start(&daemon, &policy);
        let mut client = gate.connect();
        for (target, said) in [
            (
                "/v1.41/containers/acme/app:1/json",
                "No such container: acme/app:1",
            ),
            ("/containers/x:1/json", "No such container: x:1"),
            ("/containers/app/alias/json", "No such container: app/alias"),
            ("/services/x:1", "service x:1 not found"),
            ("/volumes/sha256:ab", "get sha256:ab: no such volume"),
        ] {
            client.request(get(target));
            let reply = client.reply();
            let message = Refused(404, "not_found").assert(&reply, target);
            assert_eq!(message, said, "I: {target}");
            assert_eq!(reply.head.get("Connection"), None, "I: {target}");
            let record = gate.record();
            let seen = (&record["reason"], &record["status"], &record["detail"]);
            assert_eq!(
                seen,
                (&"not_found".into(), &404.into(), &said.into()),
                "I: {record}"
            );
            assert!(
                record["operation"].is_string() && record["object"].is_string(),
                "{record}"
            );
        }
        daemon.assert_untouched("I");
    }
}

#[test]
fn beside_i_what_is_not_allowed_or_may_exist_is_denied_as_before() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, "allow = ['ContainerInspect', 'ContainerDelete']");
    for (request, refused) in [
        (get("/services/a/b"), Refused(403, "unknown_operation")),
        (get("/volumes/x:1"), Refused(400, "bad_target")),
        (
            post("/containers/x:1/start", "", ""),
            Refused(400, "bad_target"),
        ),
        (get("/containers/w%65b/json"), Refused(400, "bad_target")),
        (get("/containers/%2Fweb/json"), Refused(400, "bad_target")),
        (
            get("/v1.23/containers/x:1/json"),
            Refused(400, "bad_api_version"),
        ),
        (
            get("/containers/web/alias/json").replace("GET", "DELETE"),
            Refused(404, "not_found"),
        ),
        (
            get("/containers/web/alias?link=1").replace("GET", "DELETE"),
            Refused(403, "unknown_operation"),
        ),
    ] {
        refused.assert(&gate.ask(&request), &format!("beside I: {request}"));
    }
    daemon.assert_untouched("beside I");
}

/// After a request for a hijack, no bytes are read as a request.
#[test]
fn beside_i_a_hijack_of_what_cannot_exist_ends_the_connection() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    for target in ["/containers/x:1/attach", "/exec/a/b/start"] {
        let mut client = gate.connect();
        client.request([post(target, "", ""), get("/info")].concat());
        Refused(404, "not_found").assert(&client.reply(), target);
        client.assert_closed(target);
    }
    daemon.assert_untouched("beside I");
}

const DENIED: Refused = Refused(403, "not_granted");
const JSON_LINE: &str = "Content-Type: application/json\r\n";

/// A denied request whose end was read keeps its connection, and each has its record.
#[test]
fn a_denied_request_that_was_read_keeps_its_connection() {
    let daemon = FakeDaemon::start();
    let policy = "allow = ['SystemPing', 'ContainerCreate']";
    let mut gate = Gate::start(&daemon, policy);
    let mut client = gate.connect();
    let long = format!("{JSON_LINE}X-A: {}\r\n", "a".repeat(2000));
    let large = format!("{{\"a\":\"{}\"}}", "b".repeat(60_000));
    let privileged = r#"{"Image":"a","HostConfig":{"Privileged":true}}"#;
    for (request, method, refused) in [
        (get("/info"), "GET", DENIED),
        (get("/info"), "GET", DENIED),
        (get("/info"), "GET", DENIED),
        (get("/containers/a/archive?path=/").replace("GET", "HEAD"), "HEAD", DENIED),
        (post("/containers/a/kill", JSON_LINE, "{}"), "POST", DENIED),
        (post("/build", "Content-Type: application/x-tar\r\n", &large), "POST", DENIED),
        (post("/networks/create", &long, "{}"), "POST", DENIED),
        (post("/containers/create", JSON_LINE, privileged), "POST", Refused(403, "restricted")),
        (post("/containers/create", JSON_LINE, "{"), "POST", Refused(400, "bad_body")),
        (post("/nothing", JSON_LINE, "{}"), "POST", Refused(403, "unknown_operation")),
        (
            "GET /info HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n".to_owned(),
            "GET",
            DENIED,
        ),
    ] {
        client.request(&request);
        let reply = client.reply_to(method);
        refused.assert_head(&reply, &request);
        assert_eq!(reply.head.get("Connection"), None, "kept: {request}");
        let record = gate.record();
        assert_eq!((&record["reason"], &record["verdict"]), (&refused.1.into(), &"deny".into()));
    }
    client.request(get("/_ping"));
    client.reply().assert_ok("after all of them");
    assert_eq!(daemon.asked(), ["GET /_ping HTTP/1.1"]);
}

/// The body may arrive a moment after the head, and the next request before the reply.
#[test]
fn a_request_after_a_denied_one_gets_its_own_verdict() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, "allow = ['SystemPing']");
    let smuggled = get("/_ping");
    let inside = post("/containers/create", JSON_LINE, &smuggled);
    let mut client = gate.connect();
    client.count(3);
    client.send([inside.as_str(), &get("/info"), &get("/_ping")].concat());
    DENIED.assert(&client.reply(), "the body is a body");
    DENIED.assert(&client.reply(), "behind it");
    client.reply().assert_ok("behind that");
    assert_eq!(daemon.asked(), ["GET /_ping HTTP/1.1"]);
    let (head, body) = inside.split_at(inside.len() - smuggled.len());
    let mut client = gate.connect();
    client.request(head);
    client.send(body);
    DENIED.assert(&client.reply(), "in two parts");
    client.request(get("/_ping"));
    client.reply().assert_ok("after two parts");
}

/// Similar requests: it is impossible to say what comes next, or Dockgate would have to wait for
/// it.
#[test]
fn beside_a_denied_request_that_was_not_read_ends_its_connection() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, "allow = ['SystemPing']");
    let large = post(
        "/build",
        "Content-Type: application/x-tar\r\n",
        &"a".repeat(70_000),
    );
    let kill = post("/containers/a/kill", JSON_LINE, "{}");
    for (case, request) in [
        ("large", large),
        (
            "in chunks",
            crate::support::chunked("/containers/a/kill", JSON_LINE, "{}"),
        ),
        ("never whole", kill.replace("Length: 2", "Length: 3")),
        (
            "waits for permission",
            kill.replace("\r\n\r\n{}", "\r\nExpect: 100-continue\r\n\r\n"),
        ),
        ("a hijack", post("/containers/a/attach", "", "")),
        (
            "a hijack with a body",
            post("/exec/a/start", JSON_LINE, "{}"),
        ),
        (
            "an upgrade to an unknown protocol",
            post("/nothing", "Connection: Upgrade\r\nUpgrade: tcp\r\n", ""),
        ),
        (
            "asked to close",
            get("/info").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
        ),
        ("HTTP/1.0", get("/info").replace("/1.1", "/1.0")),
    ] {
        let mut client = gate.connect();
        client.request(&request);
        let reply = client.reply();
        assert_eq!(reply.status(), 403, "{case}");
        let says_so = reply.head.get("Connection") == Some("close");
        assert!(says_so || case == "HTTP/1.0", "{case}");
        let _ = client.try_send(get("/_ping"));
        client.assert_closed(case);
    }
    daemon.assert_untouched("denied");
}

/// `java.net.http.HttpClient` offers HTTP/2 with every request over plain HTTP.
const JAVA: &str = "Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nUpgrade: h2c\r\n";

#[test]
fn g_an_unneeded_upgrade_is_ignored() {
    let daemon = FakeDaemon::start();
    let json = [JSON_LINE, JAVA].concat();
    let requests = [
        post("/exec/e/start", &json, r#"{"Detach":true}"#),
        post(
            "/v1.41/exec/e/start",
            &json,
            r#"{"Detach":true,"Tty":false}"#,
        ),
        post(
            "/exec/e/start",
            &json.replace("h2c", "foo"),
            r#"{"Detach":true}"#,
        ),
        post("/containers/create", &json, r#"{"Image":"a"}"#),
        get("/info").replace("\r\n\r\n", &format!("\r\n{JAVA}\r\n")),
    ];
    let tecnativa = [
        ("CONTAINERS", "1"),
        ("EXEC", "1"),
        ("INFO", "1"),
        ("POST", "1"),
    ];
    let mut swapped = Setup::new(&daemon, "");
    swapped.policy = None;
    swapped.env = tecnativa.map(|(key, value)| (key, value.to_owned())).into();
    swapped.settings = "dialect = 'tecnativa'".to_owned();
    for gate in [Gate::start(&daemon, &everything()), swapped.start()] {
        let mut client = gate.connect();
        for request in &requests {
            client.request(request);
            let reply = client.reply();
            reply.assert_ok(&format!("G: {request}"));
            assert_eq!(reply.head.get("Connection"), None, "G: {request}");
            let sent = daemon.requests().pop().unwrap().head;
            for name in ["Upgrade", "Connection", "HTTP2-Settings"] {
                assert_eq!(sent.get(name), None, "G: {request}");
            }
        }
    }
}

#[test]
fn beside_g_a_hijack_needs_its_own_upgrade_and_the_denial_names_what_was_asked() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let json = [JSON_LINE, JAVA].concat();
    for request in [
        post("/exec/e/start", &json, r#"{"Detach":false}"#),
        post("/exec/e/start", &json, "{}"),
        post("/exec/e/start", &json, ""),
        post("/containers/a/attach?stream=1", JAVA, ""),
        get("/containers/a/attach/ws").replace("\r\n\r\n", &format!("\r\n{JAVA}\r\n")),
    ] {
        let mut client = gate.connect();
        client.request([request.as_str(), &get("/info")].concat());
        let message = Refused(501, "upgrade_not_offered").assert(&client.reply(), &request);
        assert!(message.contains("asks for h2c"), "beside G: {message}");
        client.assert_closed(&request);
    }
    assert!(daemon.asked().is_empty(), "{:?}", daemon.asked());
}

/// The daemon's own suite opens a session in this way: there is no `Connection` for the `Upgrade`.
#[test]
fn a_session_s_upgrade_counts_without_connection_and_others_are_denied_as_by_the_daemon() {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        );
        exchange.close();
    });
    let gate = Gate::start(&daemon, &everything());
    let id = "X-Docker-Expose-Session-Uuid: testsessioncreate\r\n";
    let mut client = gate.connect();
    client.request(post("/session", &format!("{id}Upgrade: h2c\r\n"), ""));
    let head = client.head();
    assert!(head.first.starts_with("HTTP/1.1 101 "), "{}", head.first);
    assert_eq!(
        (head.get("Upgrade"), head.get("Connection")),
        (Some("h2c"), Some("Upgrade"))
    );
    let sent = daemon.requests().pop().unwrap().head;
    assert_eq!(
        (sent.get("Upgrade"), sent.get("Connection")),
        (Some("h2c"), Some("Upgrade"))
    );
    for (lines, said) in [
        ("", "no upgrade proto in request"),
        ("Upgrade: foo\r\n", "protocol foo not supported"),
        (
            "Connection: Upgrade\r\nUpgrade: tcp\r\n",
            "protocol tcp not supported",
        ),
    ] {
        let reply = gate.ask(post("/session", &format!("{id}{lines}"), ""));
        let message = Refused(400, "bad_upgrade").assert(&reply, lines);
        assert!(message.contains(said), "{message}");
    }
}

/// The answer about itself of a daemon that accepts no API version below this one.
fn version(least: &str) -> Vec<u8> {
    let body = format!(
        r#"{{"Version":"29.1.3","ApiVersion":"1.52","MinAPIVersion":"{least}","Components":[{{"Name":"Engine"}}]}}"#
    );
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A daemon that accepts no API version below 1.44.
fn daemon_of_29() -> FakeDaemon {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.body();
        let minor = exchange.target().strip_prefix("/v1.");
        let minor = minor.and_then(|rest| rest.split('/').next()?.parse::<u32>().ok());
        match minor.filter(|minor| *minor < 44) {
            None => exchange.reply("200 OK", "", b"{}"),
            Some(minor) => {
                let said = format!(
                    r#"{{"message":"client version 1.{minor} is too old. Minimum supported API version is 1.44, please upgrade your client to a newer version"}}"#
                );
                exchange.reply("400 Bad Request", "", said.as_bytes());
            }
        }
    });
    daemon.that_is(version("1.44"))
}

#[test]
fn an_old_api_version_is_lifted_to_the_daemon_s_least_and_the_record_has_both() {
    let daemon = daemon_of_29();
    let policy = "allow = ['ContainerList', 'ContainerCreate', 'SystemPing']\n[create]\nlimits = { cpus = 2 }";
    let mut gate = Setup::new(&daemon, policy)
        .settings("lift_api_version = true")
        .start();
    gate.assert_tells("are checked and sent as 1.44 (lift_api_version)");
    // With 1.24 the engine ignores NanoCpus, so there would be no limit.
    let create = post(
        "/v1.24/containers/create",
        JSON_LINE,
        r#"{"Image":"a","HostConfig":{"NanoCpus":1000000000}}"#,
    );
    for (request, sent, versions) in [
        (
            get("/v1.24/containers/json?all=1"),
            "/v1.44/containers/json?all=1",
            ("1.24", "1.44"),
        ),
        (get("/v1.43/_ping"), "/v1.44/_ping", ("1.43", "1.44")),
        (create, "/v1.44/containers/create", ("1.24", "1.44")),
        (
            get("/v1.44/containers/json"),
            "/v1.44/containers/json",
            ("1.44", ""),
        ),
        (
            get("/v1.51/containers/json"),
            "/v1.51/containers/json",
            ("1.51", ""),
        ),
        (get("/containers/json"), "/containers/json", ("", "")),
    ] {
        gate.ask(&request).assert_ok(&request);
        let asked = daemon.asked().pop().unwrap();
        assert_eq!(asked.split(' ').nth(1), Some(sent), "{request}");
        let record = gate.record();
        let field = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let seen = (field("api_version"), field("sent_api_version"));
        assert_eq!((seen.0.as_str(), seen.1.as_str()), versions, "{record}");
        assert_eq!(
            Some(field("path").as_str()),
            sent.split('?').next(),
            "{record}"
        );
    }
    // A denied request needs no version, and one that is too old for Dockgate itself is not lifted.
    for (target, refused) in [
        ("/v1.24/info", DENIED),
        ("/v1.23/containers/json", Refused(400, "bad_api_version")),
    ] {
        refused.assert(&gate.ask(get(target)), target);
    }
    assert_eq!(daemon.asked().len(), 6);
}

#[test]
fn beside_it_the_limits_of_an_old_version_are_not_those_of_a_newer_one() {
    let daemon = daemon_of_29();
    let policy = "allow = ['ContainerCreate']\n[create]\nlimits = { cpus = 2 }";
    let gate = Gate::start(&daemon, policy);
    let body = r#"{"Image":"a","HostConfig":{"NanoCpus":1000000000}}"#;
    let create = post("/v1.24/containers/create", JSON_LINE, body);
    Refused(403, "restricted").assert(&gate.ask(create), "not lifted");
}

#[test]
fn without_lifting_the_record_and_the_start_name_the_setting() {
    let daemon = daemon_of_29();
    let mut gate = Gate::start(&daemon, "allow = ['ContainerList']");
    gate.assert_tells("set lift_api_version = true");
    let reply = gate.ask(get("/v1.24/containers/json"));
    assert_eq!(reply.status(), 400);
    assert!(
        reply.text().contains("client version 1.24 is too old"),
        "{}",
        reply.text()
    );
    let record = gate.record();
    let detail = record["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("lift_api_version = true"), "{record}");
    assert_eq!(
        (&record["verdict"], &record["status"]),
        (&"allow".into(), &400.into())
    );
    gate.ask(get("/v1.44/containers/json"))
        .assert_ok("new enough");
    assert!(gate.record()["detail"].is_null());
}

/// An engine is updated while Dockgate keeps running.
#[test]
fn a_daemon_that_was_replaced_is_asked_again_for_its_least_version() {
    let daemon = daemon_of_29().that_is(version("1.40"));
    let gate = Setup::new(&daemon, "allow = ['ContainerList']")
        .settings("lift_api_version = true")
        .start();
    let ask = || gate.ask(get("/v1.24/containers/json")).status();
    assert_eq!(ask(), 400, "lifted to what it took before");
    daemon.is_now(version("1.44"));
    assert_eq!(ask(), 200);
    assert_eq!(
        daemon.asked(),
        [
            "GET /v1.40/containers/json HTTP/1.1",
            "GET /v1.44/containers/json HTTP/1.1"
        ]
    );
}

/// Ruby's docker-api parses each chunk of the events as one event.
#[test]
fn o_chunks_leave_as_they_came_up_to_64_kib() {
    let sizes = || {
        (0..256)
            .map(|n: usize| 100 + n * 5167 % (60 * 1024))
            .chain([65_536, 1, 65_535])
    };
    let daemon = FakeDaemon::scripted(move |exchange| {
        exchange.send("HTTP/1.1 100 Continue\r\n\r\n");
        exchange.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (number, size) in sizes().enumerate() {
            let letter = char::from(b'a' + u8::try_from(number % 26).unwrap());
            let event = letter.to_string().repeat(size);
            let whole = format!("{size:x}\r\n{event}\r\n");
            // Some arrive in parts, some several at once.
            let (first, rest) = whole.split_at(whole.len() / 3);
            exchange.send(first);
            exchange.send(rest);
        }
        exchange.send("0\r\n\r\n");
    });
    let gate = Gate::start(&daemon, &everything());
    for target in [
        "/events",
        "/containers/a/logs?follow=1",
        "/containers/a/logs?follow=0",
    ] {
        let mut client = gate.connect();
        client.request(get(target));
        assert_eq!(client.head().get("Transfer-Encoding"), Some("chunked"));
        for (number, size) in sizes().enumerate() {
            let chunk = client.chunk().unwrap();
            assert_eq!(chunk.len(), size, "O: chunk {number} of {target}");
            let letter = char::from(b'a' + u8::try_from(number % 26).unwrap());
            assert!(chunk.chars().all(|it| it == letter), "O: chunk {number}");
        }
        assert_eq!(client.chunk(), None, "O: {target}");
        // The connection is still open.
        client.request(get("/_ping"));
        assert_eq!(client.head().get("Transfer-Encoding"), Some("chunked"));
        while client.chunk().is_some() {}
    }
    assert!(gate.peak_kib() < 32 * 1024, "O: {} KiB", gate.peak_kib());
}

/// Larger ones are passed on in parts, and one that never becomes complete is passed on anyway.
#[test]
fn beside_o_a_larger_chunk_is_not_waited_for_and_half_of_one_is_not_lost() {
    let goes_on = Signal::new();
    let may_end = goes_on.clone();
    let daemon = FakeDaemon::scripted(move |exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        exchange.send(format!("{:x}\r\n{}", 65_537, "a".repeat(1000)));
        may_end.wait("the first part");
        exchange.send(format!("{}\r\n5\r\nbbb", "a".repeat(64_537)));
        exchange.close();
    });
    let gate = Gate::start(&daemon, &everything());
    let mut client = gate.connect();
    client.request(get("/events"));
    client.head();
    assert_eq!(client.chunk().unwrap(), "a".repeat(1000), "at once");
    goes_on.raise();
    let mut rest = String::new();
    while let Ok(Some(chunk)) = client.try_chunk() {
        rest.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert_eq!(rest.len(), 64_540);
    assert!(rest.ends_with("abbb"));
}

/// docker-py and aiodocker send the address that they connect to when they attach with a websocket.
#[test]
fn h_the_denial_of_an_origin_shows_the_line_that_allows_it() {
    let daemon = FakeDaemon::start();
    let with_origin =
        |origin: &str| get("/info").replace("\r\n\r\n", &format!("\r\nOrigin: {origin}\r\n\r\n"));
    let gate = Gate::start(&daemon, &everything());
    let line = "allow_origin = [\"http://127.0.0.1:2375\"]";
    let denied = gate.ask(with_origin("http://127.0.0.1:2375"));
    let message = Refused(403, "origin_not_allowed").assert(&denied, "H");
    assert!(message.contains(line), "H: {message}");
    daemon.assert_untouched("H");
    let gate = Setup::new(&daemon, &everything()).settings(line).start();
    gate.ask(with_origin("http://127.0.0.1:2375"))
        .assert_ok("H: the line was followed");
    let other = gate.ask(with_origin("http://127.0.0.1:2376"));
    Refused(403, "origin_not_allowed").assert(&other, "beside H");
}
