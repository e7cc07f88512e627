//! What is left of replies, by class; compared with a model that parses, redacts and prints.

mod model;
mod places;
mod requests;

use std::sync::Arc;

use super::reply::{Redacted, redact};
use super::*;
use crate::docker::Call;
use crate::policy::filter::BadReply;

/// What these entries hide.
pub(crate) fn redaction(list: &[&str]) -> Arc<Redaction> {
    let list: Vec<_> = list.iter().map(|it| Hidden::parse(it).unwrap()).collect();
    Arc::new(Redaction::of(&list))
}

/// What a client gets of a reply that arrives in parts of this length.
fn passed(list: &[&str], target: &str, reply: &[u8], length: usize) -> Result<String, BadReply> {
    let call = Call::parse("GET", target).or_else(|| Call::parse("POST", target));
    let mut filter = Redacted::of(&redaction(list), &call.unwrap())
        .filter(200)
        .unwrap();
    let mut out = Vec::new();
    for part in reply.chunks(length) {
        filter.push(part, &mut out)?;
    }
    filter.finish(&mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

/// The same in parts of any length.
#[track_caller]
fn shown(list: &[&str], target: &str, reply: &str) -> String {
    let whole = passed(list, target, reply.as_bytes(), usize::MAX).unwrap();
    for length in [1, 2, 7, 64] {
        let parts = passed(list, target, reply.as_bytes(), length);
        assert_eq!(parts.as_deref(), Ok(&*whole), "{target}");
    }
    whole
}

const X: &str = "dockgate:redacted";

#[test]
fn everything_else_keeps_its_bytes() {
    let reply = " {\t\"Id\" : \"a\\u002fb\", \"N\":-1.50e+2,\"Config\":{ \"Env\" : [\"A=b\" , \"B\\u003d1\"] ,\"X\":[ ]}}\r\n";
    let want = reply
        .replace("A=b", &format!("A={X}"))
        .replace("B\\u003d1", &format!("B={X}"));
    assert_eq!(shown(&["env"], "/containers/x/json", reply), want);
    assert_eq!(shown(&["host"], "/containers/x/json", reply), reply);
}

#[test]
fn lists_of_what_is_shown_add_up() {
    let reply = r#"{"Env":["VIRTUAL_HOST=a","LETSENCRYPT_HOST=b","PASSWORD=c","BARE",""]}"#;
    let kept = &["env:keep=VIRTUAL_*", "env:keep=LETSENCRYPT_*"];
    let want = reply.replace("PASSWORD=c", &format!("PASSWORD={X}"));
    assert_eq!(shown(kept, "/containers/x/json", reply), want);
    // Of two lists, such as a policy's and the settings', both must show it.
    let mut both = redaction(kept).as_ref().clone();
    both.add(&redaction(&["env:keep=LETS*"]));
    let call = Call::parse("GET", "/containers/x/json").unwrap();
    let both = redact(&Arc::new(both), &call, reply.as_bytes()).unwrap();
    let want = want.replace("HOST=a", &format!("HOST={X}"));
    assert_eq!(String::from_utf8(both).unwrap(), want);
}

#[test]
fn what_cannot_be_read_is_never_passed_on() {
    let secret = r#"{"Config":{"Env":["PASSWORD=hunter2"]}}"#;
    let long = format!(r#"{{"Env":["A={}"]}}"#, "x".repeat(super::reply::MOST));
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for reply in [
        "",
        "{",
        &secret[..secret.len() - 1],
        &format!("{secret}{secret}"),
        &format!("{secret}x"),
        "{\"Env\":[\"PASSWORD=hunter2\"]",
        "{'Env':[]}",
        "PASSWORD=hunter2",
        "{\"Env\":[\"PASSWORD=hunter2\\x\"]}",
        "\u{feff}{}",
        &long,
        &deep,
    ] {
        for length in [1, 64, usize::MAX] {
            if length == 1 && reply.len() > 4096 {
                continue;
            }
            let passed = passed(&["env"], "/containers/x/json", reply.as_bytes(), length);
            assert_eq!(passed, Err(BadReply::REDACTION), "{reply:.80}");
        }
    }
    // The elements before it are passed on, redacted.
    let call = Call::parse("GET", "/services").unwrap();
    let mut filter = Redacted::of(&redaction(&["env"]), &call)
        .filter(200)
        .unwrap();
    let mut out = Vec::new();
    filter
        .push(format!("[{secret},").as_bytes(), &mut out)
        .unwrap();
    assert!(filter.push(b"{PASSWORD=hunter2", &mut out).is_err());
    assert_eq!(
        String::from_utf8(out).unwrap(),
        format!("[{}", secret.replace("hunter2", X))
    );
}

#[test]
fn other_statuses_are_passed_on_as_they_are() {
    let filter = |method, target, status, list: &[&str]| {
        let call = Call::parse(method, target).unwrap();
        Redacted::of(&redaction(list), &call)
            .filter(status)
            .is_some()
    };
    let inspect = "/containers/x/json";
    for (status, want) in [
        (101, false),
        (200, true),
        (201, true),
        (304, false),
        (404, false),
        (500, false),
    ] {
        assert_eq!(filter("GET", inspect, status, &["env"]), want, "{status}");
    }
    for (status, want) in [
        (204, false),
        (400, true),
        (404, true),
        (409, false),
        (500, true),
    ] {
        assert_eq!(
            filter("POST", "/containers/x/start", status, &["env"]),
            want,
            "{status}"
        );
    }
    assert!(!filter("POST", "/containers/x/start", 500, &["labels:*"]));
    assert!(!filter(
        "GET",
        "/containers/x/logs",
        200,
        &["env", "commands"]
    ));
}

#[test]
fn errors_do_not_quote_what_is_hidden() {
    let call = Call::parse("POST", "/containers/x/start").unwrap();
    let said = |reply: &str| {
        let mut filter = Redacted::of(&redaction(&["commands"]), &call)
            .filter(400)
            .unwrap();
        let mut out = Vec::new();
        for part in reply.as_bytes().chunks(5) {
            filter.push(part, &mut out).unwrap();
        }
        filter.finish(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    for reply in [
        r#"{"message":"failed to create task: exec: \"hunter2\": executable file not found"}"#,
        r#"{"message":"","error":"hunter2"}"#,
        "hunter2",
        "",
    ] {
        let said = said(reply);
        assert!(said.contains(X) && !said.contains("hunter2"), "{said}");
        assert!(serde_json::from_str::<serde_json::Value>(&said).is_ok());
    }
    let missing = "{\"message\":\"No such container: x\"}\n";
    assert_eq!(said(missing), missing);
    let mut filter = Redacted::of(&redaction(&["env"]), &call)
        .filter(500)
        .unwrap();
    let mut out = Vec::new();
    let pushed = (0..20).try_for_each(|_| filter.push(&[b' '; 4096], &mut out));
    assert_eq!(pushed, Err(BadReply::REDACTION));
}

#[test]
fn a_long_list_needs_the_memory_of_one_element() {
    let call = Call::parse("GET", "/containers/json").unwrap();
    let mut filter = Redacted::of(&redaction(&["commands"]), &call)
        .filter(200)
        .unwrap();
    let mut out = Vec::new();
    let element = format!(r#"{{"Command":"{}"}}"#, "hunter2 ".repeat(64));
    filter.push(b"[", &mut out).unwrap();
    for at in 0..10_000 {
        filter
            .push(if at == 0 { b"" } else { b"," }, &mut out)
            .unwrap();
        filter.push(element.as_bytes(), &mut out).unwrap();
        assert!(out.len() < 64, "{at}");
        out.clear();
    }
    filter.push(b"]", &mut out).unwrap();
    filter.finish(&mut out).unwrap();
}
