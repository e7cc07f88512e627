//! Requests that ask for what is hidden, bodies with the placeholder, and what cannot go together.

use super::{X, redaction};
use crate::docker::{Call, Operation};
use crate::policy::redact::shown::shown_by_others;
use crate::policy::{Answers, Context, Judgement, Request, Rules};
use crate::policyfile::Grants;
use crate::policyfile::file::tests::policy;

const ALL: &[&str] = &[
    "env",
    "commands",
    "labels:com.*",
    "mounts",
    "volume-options",
    "config-data",
    "swarm-tokens",
    "host",
];

fn is_denied(list: &[&str], method: &str, target: &str) -> bool {
    let call = Call::parse(method, target).unwrap();
    redaction(list).denial(&Request::new(call)).is_some()
}

/// A target with these filters.
fn filtered(path: &str, filters: &str) -> String {
    format!(
        "{path}?filters={}",
        filters
            .replace('"', "%22")
            .replace('=', "%3D")
            .replace(' ', "+")
            .replace('\\', "%5C")
    )
}

/// A class, a path, filters that ask for what it hides, and filters that do not.
const FILTERS: &[(&str, &str, &str, &str)] = &[
    (
        "labels:com.*",
        "/containers/json",
        r#"{"label":["a","com.x=1"]}"#,
        r#"{"label":["com.x","a=1"]}"#,
    ),
    (
        "labels:com.*",
        "/containers/json",
        r#"{"label":{"com.x=1":true}}"#,
        r#"{"label":{"com.x":true}}"#,
    ),
    (
        "labels:com.*",
        "/services",
        r#"{"LABEL!":["com.x=1"]}"#,
        r#"{"name":["com.x=1"]}"#,
    ),
    (
        "labels:com.*",
        "/nodes",
        r#"{"node.label":["com.x=1"]}"#,
        r#"{"node.label":["x=1"]}"#,
    ),
    (
        "labels:com.*",
        "/events",
        r#"{"label":["c*=1"]}"#,
        r#"{"label":["c*"]}"#,
    ),
    (
        "labels:com.*",
        "/images/json",
        r#"{"label":["\u0063om.x=1"]}"#,
        r#"{"label":["x=com.x=1"]}"#,
    ),
    (
        "labels:com.*",
        "/images/json",
        r#"{"label":["com.x=1"],"label":[]}"#,
        r"{}",
    ),
    ("labels:com.*", "/images/json", "[", "{}"),
    (
        "commands",
        "/events",
        r#"{"event":["exec_create: sh"]}"#,
        r#"{"event":["exec_create","health_status: healthy"]}"#,
    ),
    (
        "commands",
        "/containers/json",
        r#"{"command":["sh"]}"#,
        r#"{"status":["sh"]}"#,
    ),
    (
        "mounts",
        "/containers/json",
        r#"{"volume":["/srv"]}"#,
        r#"{"volume":["data"]}"#,
    ),
    (
        "volume-options",
        "/volumes",
        r#"{"opt":["o=x"]}"#,
        r#"{"driver":["local"]}"#,
    ),
    ("host", "/nodes", r#"{"name":["x"]}"#, r#"{"id":["x"]}"#),
];

#[test]
fn filters_on_what_is_hidden_are_denied() {
    for (class, path, denied, allowed) in FILTERS.iter().copied() {
        let (denied, allowed) = (filtered(path, denied), filtered(path, allowed));
        assert!(is_denied(&[class], "GET", &denied), "{class} {denied}");
        assert!(!is_denied(&[class], "GET", &allowed), "{class} {allowed}");
        let others = ALL
            .iter()
            .filter(|it| it.split(':').next() != class.split(':').next());
        let others: Vec<_> = others.copied().collect();
        let is_unclear = denied.ends_with('[') || denied.matches("label").count() > 1;
        assert_eq!(is_denied(&others, "GET", &denied), is_unclear, "{denied}");
    }
}

#[test]
fn arguments_of_ps_show_no_environment_and_the_command_in_the_last_column() {
    for (arguments, env, commands) in [
        ("", false, false),
        ("-ef", false, false),
        ("aux", false, false),
        ("eww", true, true),
        ("auxe", true, true),
        ("-o+args,pid", true, true),
        ("-o+pid,args", false, true),
    ] {
        let target = format!("/containers/x/top?ps_args={arguments}");
        assert_eq!(is_denied(&["env"], "GET", &target), env, "{arguments}");
        assert_eq!(
            is_denied(&["commands"], "GET", &target),
            commands,
            "{arguments}"
        );
        assert!(!is_denied(&["labels:*"], "GET", &target), "{arguments}");
    }
}

#[test]
fn a_body_with_the_placeholder_is_denied() {
    for (body, want) in [
        (r#"{"Image":"a","Env":["A=dockgate:redacted"]}"#, true),
        (r#"{"Image":"a","Env":["A=dockgate\u003aredacted"]}"#, true),
        (r#"{"Image":"a","Cmd":["x dockgate:redacted y"]}"#, true),
        (r#"{"Image":"a","Labels":{"dockgate:redacted":"1"}}"#, true),
        (
            r#"{"Image":"a","Labels":{"a":"ZG9ja2dhdGU6cmVkYWN0ZWQ="}}"#,
            true,
        ),
        (
            r#"{"Image":"a","HostConfig":{"Binds":["dockgate:redacted"]}}"#,
            true,
        ),
        (
            r#"{"Image":"a","Labels":{"a":"dockgate","b":"redacted"}}"#,
            false,
        ),
    ] {
        let call = Call::parse("POST", "/containers/create").unwrap();
        let request = Request::new(call).with_body(body.as_bytes()).unwrap();
        let denial = redaction(&["host"]).denial(&request);
        assert_eq!(denial.is_some(), want, "{body}");
        assert!(denial.is_none_or(|denial| denial.message.contains(X)));
    }
}

#[test]
fn the_policy_that_hides_it_denies_the_question_and_the_next_may_answer() {
    let hiding = policy("hiding", "allow = ['ContainerList']\nredact = ['labels:*']");
    let open = policy("open", "allow = ['ContainerList']");
    let decided = |policies| {
        let rules = Rules::new(policies, Grants::default());
        let target = filtered("/containers/json", r#"{"label":["a=1"]}"#);
        let call = Call::parse("GET", &target).unwrap();
        let known = Answers::default();
        let context = Context {
            known: &known,
            own: None,
        };
        match rules.evaluate(Request::new(call), context) {
            Judgement::Allow(permit) => {
                let policy = permit.grounds.policy.as_ref().unwrap().to_string();
                Ok((policy, permit.reply.hidden().is_some()))
            }
            Judgement::Deny(denial) => Err(denial.message),
            other @ (Judgement::Ask(..) | Judgement::Inspect(_) | Judgement::Missing(_)) => {
                panic!("{other:?}")
            }
        }
    };
    assert_eq!(
        decided(vec![hiding.clone()]),
        Err(
            "the filter asks for what the policy's `redact` hides: leave out label=a=..."
                .to_owned()
        )
    );
    assert_eq!(
        decided(vec![hiding.clone(), open.clone()]),
        Ok(("open".to_owned(), false))
    );
    let rules = Rules::new(vec![open.clone()], Grants::default());
    let also = rules.redacting(&redaction(&["labels:*"]));
    assert!(also.policies()[0].redact.is_some());
    assert!(!Rules::new(vec![open], Grants::default()).keeps(Some(Operation::SystemEvents), &also));
    let _ = hiding;
}

#[test]
fn what_another_policy_shows_is_reported() {
    let hiding = policy(
        "hiding",
        "allow = ['ContainerList', 'ContainerInspect', 'ContainerLogs']\nredact = ['env', 'commands']",
    );
    let open = policy(
        "open",
        "allow = ['ContainerInspect', 'ImageInspect', 'NetworkList']",
    );
    let hidden = hiding.redact.as_ref().unwrap();
    assert_eq!(hidden.shown_otherwise(&hiding), ["ContainerLogs"]);
    assert_eq!(hidden.shown_otherwise(&open), [""; 0]);
    let raw = policy("raw", "allow = ['GET /libpod/info']");
    assert_eq!(hidden.shown_otherwise(&raw), ["raw paths"]);
    let report = |policies: &[_]| shown_by_others(policies);
    assert_eq!(
        report(&[hiding.clone(), open.clone()]),
        [
            "policy open shows \"commands\" through ImageInspect, although policy hiding of the same clients hides it",
            "policy open shows \"env\" through ImageInspect, although policy hiding of the same clients hides it",
        ]
    );
    assert_eq!(
        report(&[open.clone(), hiding.clone()]),
        [
            "policy open shows \"commands\" through ContainerInspect, ImageInspect, although policy hiding of the same clients hides it",
            "policy open shows \"env\" through ContainerInspect, ImageInspect, although policy hiding of the same clients hides it",
        ]
    );
    assert_eq!(report(&[hiding]), [""; 0]);
    assert_eq!(report(&[open]), [""; 0]);
}

#[test]
fn clients_that_write_back_what_they_read_cannot_be_redacted() {
    for (text, list, want) in [
        (
            "allow = ['ContainerCreate']\n[create]\nreplaces = true",
            &["env"][..],
            1,
        ),
        (
            "allow = ['ContainerCreate']\n[create]\nreplaces = true",
            &["host"],
            0,
        ),
        ("allow = ['ContainerCreate']", &["env"], 0),
        (
            "allow = ['ContainerInspect']\n[create]\nreplaces = true",
            &["env"],
            0,
        ),
        ("allow = ['ServiceUpdate']", &["commands"], 1),
        ("allow = ['ServiceUpdate']", &["swarm-tokens"], 0),
        ("allow = ['ConfigUpdate']", &["config-data"], 1),
        ("allow = ['NodeUpdate']", &["labels:*"], 1),
        ("allow = ['SwarmUpdate']", &["swarm-tokens"], 1),
        ("allow = ['GET /libpod/info']", &["env"], 0),
    ] {
        let policy = policy("p", text);
        let conflicts = redaction(list).conflicts(&policy);
        assert_eq!(conflicts.len(), want, "{text} {list:?}: {conflicts:?}");
    }
}
