//! A listener in observe mode: requests that its policies deny are forwarded, recorded, and reported to
//! both sides; ambiguous requests are still refused.

use crate::support::{FakeDaemon, Gate, Refused, Setup, get, post};
use serde_json::{Value, json};

const JSON: &str = "Content-Type: application/json\r\n";
const PINGS: &str = "allow = ['SystemPing']";

fn observed(daemon: &FakeDaemon, policy: &str) -> Gate {
    let setup = Setup::new(daemon, policy);
    setup
        .settings("observe = true\naudit.argv = true\n")
        .start()
}

/// The fields of a record about the decision.
fn told(line: &Value) -> Value {
    json!([
        line["operation"],
        line["verdict"],
        line["reason"],
        line["policy"],
        line["status"],
        line["findings"]
    ])
}

fn finished(lines: &[Value]) -> Vec<Value> {
    let lines = lines.iter().filter(|line| line["event"] == "request");
    lines.map(told).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn denied_requests_arrive_and_are_recorded_with_their_findings() {
    let daemon = FakeDaemon::start();
    let gate = observed(&daemon, PINGS);
    let create = r#"{"Image":"nginx","HostConfig":{"Privileged":true,"Binds":["/srv:/a:ro"]}}"#;
    let exec = r#"{"Cmd":["ls","-l"]}"#;
    for (request, verdict) in [
        (get("/_ping"), "allow"),
        (get("/containers/json"), "would_deny"),
        (post("/containers/create", JSON, create), "would_deny"),
        (post("/containers/web/exec", JSON, exec), "would_deny"),
        (get("/libpod/info"), "would_deny"),
    ] {
        let reply = gate.ask(&request);
        reply.assert_ok(&request);
        assert_eq!(
            reply.head.get("dockgate-observe"),
            Some(verdict),
            "{request}"
        );
        assert_eq!(reply.head.get("dockgate-reason"), None, "{request}");
    }
    gate.assert_tells("WARN observe mode: nothing is blocked. ");
    assert_eq!(daemon.requests().len(), 5);
    let body = String::from_utf8(daemon.requests()[2].body.clone().unwrap()).unwrap();
    assert!(body.contains(r#""Privileged":true"#), "{body}");
    let lines = gate.stop();
    let (name, created) = (lines[0]["policy"].clone(), "create.images=nginx");
    let binds = "create.binds=/srv:ro";
    let limits = "create.limits=none";
    assert_eq!(
        finished(&lines),
        [
            json!(["SystemPing", "allow", "granted", name, 200, null]),
            json!([
                "ContainerList",
                "would_deny",
                "not_granted",
                null,
                200,
                null
            ]),
            json!([
                "ContainerCreate",
                "would_deny",
                "not_granted",
                null,
                200,
                [
                    created,
                    "create.privileged=true",
                    binds,
                    "create.networks=@default",
                    limits,
                ]
            ]),
            json!([
                "ContainerExec",
                "would_deny",
                "not_granted",
                null,
                200,
                ["exec.into=web", r#"exec.commands=["ls","-l"]"#,]
            ]),
            json!([null, "would_deny", "unknown_operation", null, 200, null]),
        ]
    );
    for line in lines.iter().filter(|line| line["verdict"] == "would_deny") {
        assert!(
            line["event"] == "lookup" || line["detail"].is_string(),
            "{line}"
        );
    }
}

#[test]
fn requests_that_are_denied_only_for_their_body_arrive_too() {
    let daemon = FakeDaemon::start();
    let mut gate = observed(&daemon, "allow = ['ContainerCreate']");
    for (body, verdict, reason) in [
        (r#"{"Image":"a"}"#, "allow", "granted"),
        (
            r#"{"Image":"a","HostConfig":{"Privileged":true}}"#,
            "would_deny",
            "restricted",
        ),
    ] {
        let reply = gate.ask(post("/containers/create", JSON, body));
        reply.assert_ok(body);
        assert_eq!(reply.head.get("dockgate-observe"), Some(verdict), "{body}");
        let last = gate.record();
        assert_eq!(
            (&last["verdict"], &last["reason"]),
            (&json!(verdict), &json!(reason))
        );
    }
    gate.stop();
}

/// No policy allows it, so the record says that, instead of which policy allows the operation.
#[test]
fn b_fields_that_the_daemon_itself_ignores_or_rejects_arrive_unchanged() {
    let daemon = FakeDaemon::start();
    let mut gate = observed(&daemon, PINGS);
    for (body, sent, detail) in [
        (
            r#"{"New":{"b":[1,null],"a":2},"image":"a","HostConfig":{"Newer":true}}"#,
            r#"{"New":{"b":[1,null],"a":2},"Image":"a","HostConfig":{"Newer":true}}"#,
            "ContainerCreate: New is not a field of the Docker API: leave it out",
        ),
        (
            r#"{"Image":"a","Tty":"true"}"#,
            r#"{"Image":"a","Tty":"true","HostConfig":{}}"#,
            "ContainerCreate: Tty must be true or false",
        ),
        (
            r#"{"Image":"a","Env":["A=b",null]}"#,
            r#"{"Image":"a","Env":["A=b",null],"HostConfig":{}}"#,
            "ContainerCreate: Env[1] must be a string",
        ),
    ] {
        let reply = gate.ask(post("/containers/create", JSON, body));
        reply.assert_ok(body);
        assert_eq!(reply.head.get("dockgate-observe"), Some("would_deny"));
        let arrived = daemon.requests().pop().unwrap();
        let arrived = String::from_utf8(arrived.body.unwrap()).unwrap();
        let unmarked = arrived.replace(r#","Labels":{"dockgate.policy":"policy"}"#, "");
        assert_eq!(unmarked, sent, "{body}");
        let line = gate.record();
        assert_eq!(line["reason"], "bad_body", "{body}");
        assert_eq!(line["detail"], detail, "{body}");
    }
    gate.stop();
}

#[test]
fn ambiguous_requests_are_still_refused() {
    let daemon = FakeDaemon::start();
    let gate = observed(&daemon, PINGS);
    let reserved = r#"{"Image":"a","Labels":{"dockgate.policy":"agent"}}"#;
    for (request, refused) in [
        (get("/containers//json"), Refused(400, "bad_target")),
        (
            get("/containers/web/%2e%2e/json"),
            Refused(400, "bad_target"),
        ),
        (
            get("/containers/web/unheard-of"),
            Refused(403, "unknown_operation"),
        ),
        (
            post("/containers/create", JSON, r#"{"Image":"a","image":"b"}"#),
            Refused(400, "bad_body"),
        ),
        // Engines up to 26.1 would read it if it were the only one, and newer ones would not.
        (
            post("/containers/create", JSON, r#"{"Binds":["/:/h"]}"#),
            Refused(400, "bad_body"),
        ),
        (
            post(
                "/containers/create",
                JSON,
                r#"{"New":1,"Image":"a","image":"b"}"#,
            ),
            Refused(400, "bad_body"),
        ),
        (
            post(
                "/containers/create",
                JSON,
                r#"{"New":1,"Labels":{"dockgate.policy":"agent"}}"#,
            ),
            Refused(400, "bad_body"),
        ),
        // When observe mode ends, it could be mistaken for one of Dockgate's own.
        (
            post("/containers/create", JSON, reserved),
            Refused(403, "not_granted"),
        ),
    ] {
        let reply = gate.ask(&request);
        refused.assert(&reply, &request);
        assert_eq!(
            reply.head.get("dockgate-observe"),
            Some("deny"),
            "{request}"
        );
    }
    daemon.assert_only_looked_up("what was refused");
    gate.stop();
}

#[test]
fn without_observe_mode_no_header_is_added_and_nothing_arrives() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, PINGS);
    let reply = gate.ask(get("/containers/json"));
    Refused(403, "not_granted").assert(&reply, "not observed");
    assert_eq!(reply.head.get("dockgate-observe"), None);
    daemon.assert_untouched("not observed");
    assert!(!gate.end().1.contains("observe mode"));
}

#[test]
fn a_single_policy_or_listener_can_be_in_observe_mode() {
    let daemon = FakeDaemon::start();
    let by_policy = Gate::start(&daemon, "allow = ['SystemPing']\nobserve = true");
    by_policy.ask(get("/info")).assert_ok("by its policy");
    by_policy.stop();
    let mut setup = Setup::new(&daemon, PINGS);
    setup.more_listeners = 1;
    let gate = setup
        .settings("[[listener]]\naddress = 'tcp://127.0.0.1:0'\nobserve = true")
        .start();
    Refused(403, "not_granted").assert(&gate.ask(get("/info")), "the first");
    let mut second = gate.connect_to(1);
    second.request(get("/info"));
    second.reply().assert_ok("the second");
    gate.stop();
}

#[test]
fn hijacked_replies_have_the_observe_headers_too() {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
        exchange.close();
    });
    let gate = observed(&daemon, PINGS);
    let mut client = gate.connect();
    client.request(post(
        "/containers/web/attach?stream=1&stdout=1",
        "Connection: Upgrade\r\nUpgrade: tcp\r\n",
        "",
    ));
    let head = client.head();
    assert_eq!(head.get("dockgate-observe"), Some("would_deny"));
    client.rest();
    gate.stop();
}
