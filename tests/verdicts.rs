//! A verdict comes after everything that a client can delay: nothing that a client controls happens between
//! the verdict and sending the request.

use std::fs;

use crate::support::{FakeDaemon, Gate, Refused, every_operation};

const JSON: &str = "Content-Type: application/json\r\n";
const TCP: &str = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
const RESTRICTED: Refused = Refused(403, "restricted");
const BAD_CONTAINER: &str = r#"{"HostConfig":{"Privileged":true}}"#;

/// Requests that depend on a container, each in two parts: its head with as much of its body as can be
/// sent, and the rest.
fn in_two_parts() -> Vec<(String, &'static str)> {
    let head = |line: &str, lines: &str| format!("{line} HTTP/1.1\r\nHost: docker\r\n{lines}\r\n");
    let (length, chunked) = ("Content-Length: 2\r\n", "Transfer-Encoding: chunked\r\n");
    let with = |of: &str, framing: &str| [JSON, of, framing].concat();
    vec![
        (
            head(
                "PUT /containers/web/archive?path=/x",
                "Content-Length: 10\r\n",
            ),
            "a tar file",
        ),
        (
            head(
                "PUT /containers/web/archive?path=/x",
                "Content-Length: 10\r\n",
            ) + "a ta",
            "r file",
        ),
        (
            head("PUT /containers/web/archive?path=/x", chunked),
            "a\r\na tar file\r\n0\r\n\r\n",
        ),
        (
            head("PUT /containers/web/archive?path=/x", chunked),
            "0\r\n\r\n",
        ),
        (
            head(
                "POST /containers/web/attach?stdin=1&stream=1",
                &with(TCP, length),
            ),
            "{}",
        ),
        (
            head(
                "POST /containers/web/attach?stdin=1&stream=1",
                &with(TCP, length),
            ) + "{",
            "}",
        ),
        (
            head(
                "POST /containers/web/attach?stdin=1&stream=1",
                &with(TCP, chunked),
            ),
            "2\r\n{}\r\n0\r\n\r\n",
        ),
        (
            head(
                "POST /containers/web/exec",
                &[JSON, "Content-Length: 13\r\n"].concat(),
            ),
            r#"{"Cmd":["a"]}"#,
        ),
        (head("POST /exec/e1/start", &with(TCP, length)), "{}"),
    ]
}

#[test]
fn a_request_is_evaluated_once_its_body_has_arrived_and_sent_at_once() {
    for (first, rest) in in_two_parts() {
        let daemon = FakeDaemon::start();
        let gate = Gate::start(&daemon, &every_operation());
        let mut client = gate.connect();
        client.request(&first);
        assert!(client.stays_silent(), "S1: {first}");
        daemon.assert_untouched(&first);
        // By then another container has the name, or the exec belongs to another one.
        let web = format!("/containers/{}/json", crate::support::objects::id("web"));
        let _daemon = daemon
            .that_has("/containers/web/json", BAD_CONTAINER)
            .that_has(&web, BAD_CONTAINER);
        client.send(rest);
        RESTRICTED.assert(&client.reply(), &format!("S1: {first}"));
    }
}

#[test]
fn an_upload_that_waits_is_judged_by_the_policy_of_the_moment_when_it_is_sent() {
    for (first, rest) in in_two_parts() {
        let daemon = FakeDaemon::start();
        let gate = Gate::start(&daemon, &every_operation());
        let mut client = gate.connect();
        client.request(&first);
        assert!(client.stays_silent(), "S15: {first}");
        let (_, policy) = gate.files();
        fs::write(policy, "allow = ['SystemPing']").unwrap();
        gate.reload("reloaded");
        client.send(rest);
        Refused(403, "not_granted").assert(&client.reply(), &format!("S15: {first}"));
        daemon.assert_only_looked_up(&first);
    }
}
