//! Replies in which values are hidden, on the wire.

use super::*;
use crate::policy::redact::reply::Redacted;
use crate::policy::redact::tests::redaction;

const INSPECT: &str = "GET /v1.45/containers/x/json";

fn hiding(line: &str, list: &[&str]) -> ReplyRule {
    let (method, target) = line.split_once(' ').unwrap();
    let call = Call::parse(method, target).unwrap();
    ReplyRule::default().redacted(Redacted::of(&redaction(list), &call))
}

#[tokio::test]
async fn a_reply_is_redacted_and_has_its_new_length() {
    let body = r#"{"Config":{"Env":["A=hunter2"]}}"#;
    let want = body.replace("hunter2", "dockgate:redacted");
    for reply in [
        of_length(body),
        chunked(&[&body[..20], &body[20..], ""]),
        of_length(body).replace("200 OK", "201 Created"),
    ] {
        let rule = hiding(INSPECT, &["env"]);
        let (got, record) = fixture(NOBODY).on_wire(INSPECT, rule, &reply).await;
        let (head, rest) = got.split_once("\r\n\r\n").unwrap();
        assert_eq!(rest, want, "{got}");
        let length = format!("content-length: {}", want.len());
        assert!(head.to_ascii_lowercase().contains(&length), "{got}");
        assert_eq!(record["end"], "complete");
    }
}

#[tokio::test]
async fn a_reply_that_cannot_be_redacted_is_502_before_its_first_byte_and_cut_after_it() {
    for reply in [
        of_length("A=hunter2"),
        of_length(r#"{"Config":{"Env":["A=hunter2"]}"#),
        ok("Content-Encoding: gzip\r\nContent-Length: 7\r\n", "hunter2"),
        chunked(&["{\"Env\":[\"A=hunter2\"", "x", ""]),
    ] {
        let rule = hiding(INSPECT, &["env"]);
        let (got, record) = fixture(NOBODY).on_wire(INSPECT, rule, &reply).await;
        assert!(
            got.starts_with("HTTP/1.1 502") && !got.contains("hunter2"),
            "{got}"
        );
        assert_eq!(record["reason"], "bad_daemon_reply");
    }
    let list = "GET /v1.45/services";
    let element = r#"{"Spec":{"Env":["A=hunter2"]}}"#;
    let many = format!("[{}", format!("{element},").repeat(2000));
    let rule = hiding(list, &["env"]);
    let reply = chunked(&[&many, "hunter2", ""]);
    let (got, record) = fixture(NOBODY).on_wire(list, rule, &reply).await;
    assert!(got.starts_with("HTTP/1.1 200") && got.contains("dockgate:redacted"));
    assert!(!got.contains("hunter2") && !got.ends_with("0\r\n\r\n"));
    assert_eq!(record["end"], "redaction_failed");
    let detail = record["detail"].as_str().unwrap();
    assert!(detail.contains("cannot be filtered"), "{detail}");
}

#[tokio::test]
async fn events_are_redacted_one_by_one() {
    let event =
        r#"{"status":"exec_create: hunter2","Type":"container","Action":"exec_create: hunter2"}"#;
    let rule = hiding(EVENTS, &["commands"]);
    let part = format!("{event}\n{event}\n{}", &event[..30]);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let reply = format!("{head}{:x}\r\n{part}\r\n", part.len());
    let fixture = fixture(NOBODY);
    let (mut reply, _daemon) = fixture.answer(EVENTS, rule, &reply).await;
    let frame = reply.body_mut().frame().await.unwrap().unwrap();
    let got = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
    let want = event.replace("hunter2", "dockgate:redacted");
    assert_eq!(got, format!("{want}\n{want}\n"));
    assert!(reply.body_mut().frame().now_or_never().is_none());
}

#[tokio::test]
async fn replies_without_a_body_are_passed_on() {
    for (line, status) in [
        ("HEAD /v1.45/containers/x/json", "200 OK"),
        (INSPECT, "204 No Content"),
        (INSPECT, "304 Not Modified"),
    ] {
        let Some(call) = Call::parse("GET", "/v1.45/containers/x/json") else {
            panic!("{line}");
        };
        let rule = ReplyRule::default().redacted(Redacted::of(&redaction(&["env"]), &call));
        let line = line.replace("HEAD /v1.45/containers/x/json", "HEAD /_ping");
        let reply = format!("HTTP/1.1 {status}\r\n\r\n");
        let (got, record) = fixture(NOBODY).on_wire(&line, rule, &reply).await;
        assert!(got.starts_with(&format!("HTTP/1.1 {status}")), "{got}");
        assert_eq!(record["end"], "complete", "{line}");
    }
}
