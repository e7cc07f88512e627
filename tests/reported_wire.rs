//! What real clients put on the wire that Dockgate once refused or changed, by the ids of the reports, and
//! beside each the nearest that stays refused.

#![cfg(test)]

mod support;

use support::{FakeDaemon, Gate, Refused, everything, get, post};

/// The head of a request as Docker.DotNet writes it: before 4.0 the header lines end in LF, from then on in
/// CR LF. Without a length it adds the line for chunks itself.
fn dotnet(line: &str, end: &str, content: &[&str], own: &str) -> String {
    let lines = [
        "User-Agent: Docker.DotNet",
        "Host: 127.0.0.1:2375",
        "Connection: close",
    ];
    let lines: String = lines
        .iter()
        .chain(content)
        .map(|line| format!("{line}{end}"))
        .collect();
    format!("{line} HTTP/1.1\r\n{lines}{own}\r\n")
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

/// The nearest to it: whatever another reader could take for the middle of a header, or for no end.
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

/// Under the policy of a client that reads, and under one that grants everything.
#[test]
fn i_what_cannot_exist_is_answered_as_the_daemon_does_where_it_is_allowed() {
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
            ("/networks/a/b", "network a/b not found"),
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
        (get("/networks/a/b"), Refused(403, "unknown_operation")),
        (get("/volumes/x:1"), Refused(400, "bad_target")),
        (
            post("/containers/x:1/start", "", ""),
            Refused(400, "bad_target"),
        ),
        (get("/containers/w%65b/json"), Refused(400, "bad_target")),
        (get("/containers/%2Fweb/json"), Refused(400, "bad_target")),
        (
            get("/v1.23/containers/x:1/json"),
            Refused(400, "bad_target"),
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

/// Behind a request to take the connection over nothing is read as a request.
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
