use std::collections::BTreeSet;

use super::proposal::load;
use super::*;
use crate::advice::dry_run;
use crate::docker::Block;
use crate::docker::{Call, Operation, Target, classify};
use crate::policy::tests::fuzz::{REQUESTS, corpus};
use crate::policy::{Judgement, Reason, Rules, finding};
use crate::policyfile::file::tests::policy;
use crate::policyfile::{Grants, Policy};

fn call(method: &str, target: &str) -> Call {
    classify(method, Target::parse(target).unwrap()).unwrap()
}

/// The findings of a request in observe mode under a policy that allows nothing; `None` if the request is denied even
/// in observe mode.
fn observed(call: Call, body: &str) -> Option<Vec<String>> {
    let rules = Rules::new(vec![policy("learned", "allow = []")], Grants::default());
    match dry_run::judge(&rules.observed(true), call, body, &[])
        .ok()?
        .0
    {
        Judgement::Allow(permit) => {
            if permit.grounds.would_deny.as_ref().unwrap().reason == Reason::BadBody {
                // No policy can allow it.
                return None;
            }
            let requirements = permit.grounds.requirements.iter();
            Some(
                requirements
                    .filter_map(|requirement| finding::text(&requirement.what, true))
                    .collect(),
            )
        }
        Judgement::Deny(_) | Judgement::Missing(_) => None,
        Judgement::Ask(..) | Judgement::Inspect(_) => panic!("something is not supposed"),
    }
}

/// A learned policy, including everything that it has as comments.
fn whole(text: &str) -> Policy {
    load(&text.replace("    # \"", "    \"")).unwrap()
}

fn is_allowed(policy: Policy, call: Call, body: &str) -> bool {
    let rules = Rules::new(vec![policy], Grants::default());
    let judged = dry_run::judge(&rules, call, body, &[]).unwrap();
    matches!(judged.0, Judgement::Allow(_))
}

fn seen(requests: &[(&str, &str, &[&str])]) -> Seen {
    let requests: Vec<_> = requests
        .iter()
        .map(|(method, target, findings)| (false, *method, *target, *findings))
        .collect();
    seen_or_refused(&requests)
}

/// The same, each with whether it was denied.
fn seen_or_refused(requests: &[(bool, &str, &str, &[&str])]) -> Seen {
    let mut seen = Seen::default();
    for (number, (is_refused, method, target, findings)) in requests.iter().enumerate() {
        let findings: Vec<_> = findings.iter().map(|text| (*text).to_owned()).collect();
        let time = format!("2026-11-21T10:00:{number:02}.123456Z");
        seen.see(&call(method, target), &findings, &time, *is_refused);
    }
    seen
}

#[test]
fn each_line_says_how_often_and_when_and_what_is_dangerous_is_a_comment() {
    let seen = seen(&[
        ("GET", "/_ping", &[]),
        ("GET", "/v1.45/containers/json", &[]),
        ("GET", "/containers/json", &[]),
        (
            "POST",
            "/exec/e1/start",
            &["exec.commands=sh", "exec.into=web"],
        ),
        ("GET", "/libpod/containers/0123456789abcdef/json", &[]),
        ("GET", "/metrics", &[]),
    ]);
    assert_eq!(
        seen.policy("What it did"),
        r#"description = "What it did"
allow = [
    "ContainerList", # twice, last 2026-11-21T10:00:02Z
    "SystemPing",    # once, last 2026-11-21T10:00:00Z
    # Effect control: these can run code or make the client root on the host. Delete the `# ` before what you want to allow.
    # "ExecStart",                      # once, last 2026-11-21T10:00:03Z; limited by [exec] below
    # "GET /libpod/containers/{}/json", # once, last 2026-11-21T10:00:04Z; a raw path: Dockgate does not know what it does
]
# exec.commands is left out, so it allows any value, because audit records have arguments only with audit.argv = true.

[exec]
into = [
    "web", # once, last 2026-11-21T10:00:03Z
]
workdirs = []
"#
    );
}

/// All kinds of bodies that were kept, including those that lead out of a container.
#[test]
fn what_was_learned_allows_what_it_was_learned_from() {
    let (mut tried, mut missed) = (0, Vec::new());
    for (operation, body) in corpus() {
        let (_, target) = REQUESTS.iter().find(|(of, _)| *of == operation).unwrap();
        let Some(findings) = observed(call("POST", target), &body) else {
            continue;
        };
        tried += 1;
        let mut seen = Seen::default();
        let time = "2026-11-21T10:00:00.000000Z";
        seen.see(&call("POST", target), &findings, time, false);
        let text = seen.policy("learned");
        if !is_allowed(whole(&text), call("POST", target), &body) {
            missed.push(format!("{operation} {body}\n{findings:?}\n{text}"));
        }
    }
    assert!(tried > 200, "{tried}");
    assert!(
        missed.is_empty(),
        "{} of {tried}:\n{}",
        missed.len(),
        missed[0]
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_key_is_as_narrow_as_what_was_seen_and_no_narrower() {
    let create = "/containers/create";
    for (id, findings, has, has_not) in [
        (
            "an image",
            &["create.images=nginx:1.29"][..],
            "images = [",
            "",
        ),
        (
            "an image by its id",
            &["create.images=0123456789ab"][..],
            "# create.images is left out",
            "images = [",
        ),
        ("no ports", &["create.images=nginx"][..], "ports = []", ""),
        (
            "a user by number",
            &["create.images=nginx", "create.users=1000:1000"][..],
            "\"1000:1000\"",
            "",
        ),
        (
            "a user by name",
            &["create.images=nginx", "create.users=node"][..],
            "",
            "users",
        ),
        (
            "a limit",
            &[
                "create.images=nginx",
                "create.limits=memory 67108864, cpus 0.500000000, pids 10",
            ][..],
            "limits = { memory = \"64m\", cpus = 0.5, pids = 10 }",
            "",
        ),
        (
            "no limit",
            &["create.images=nginx", "create.limits=none"][..],
            "",
            "limits",
        ),
        (
            "no limit, as earlier versions recorded it",
            &[
                "create.images=nginx",
                "create.limits=memory 0, cpus 0.000000000, pids 0",
            ][..],
            "",
            "limits",
        ),
        (
            "written and read",
            &[
                "create.binds=/srv:ro",
                "create.binds=/srv:rw",
                "create.images=nginx",
            ][..],
            "\"/srv:rw\"",
            "\"/srv:ro\"",
        ),
        (
            "what every container has",
            &["create.images=nginx", "create.runtimes=runc"][..],
            "",
            "runtimes",
        ),
        (
            "what replaces another",
            &["create.replaces=true"][..],
            "replaces = true",
            "",
        ),
        (
            "what replaces another",
            &["create.replaces=true"][..],
            "images = []",
            "",
        ),
        (
            "what was cut",
            &["create.images=nginx", "create.binds=/long..."][..],
            "# Not allowed, because the audit record cut it off",
            "binds = [",
        ),
        (
            "more than a record holds",
            &["create.images=nginx", "..."][..],
            "so this policy is not complete",
            "",
        ),
    ] {
        let text = seen(&[("POST", create, findings)]).policy("learned");
        assert!(text.contains(has), "{id}: {text}");
        assert!(
            has_not.is_empty() || !text.contains(has_not),
            "{id}: {text}"
        );
        load(&text).unwrap();
    }
}

#[test]
fn of_commands_nothing_is_learned_without_their_arguments() {
    for (value, is_learned) in [("ls", false), (r#"["ls","-l"]"#, true)] {
        let commands = format!("exec.commands={value}");
        let found = [commands.as_str(), "exec.into=web", "exec.env.allow=LANG"];
        let text = seen(&[("POST", "/containers/web/exec", &found)]).policy("learned");
        assert_eq!(text.contains(r#"["ls","-l"]"#), is_learned, "{text}");
        assert_eq!(
            text.contains(r#"env = { allow = ["LANG"] }"#),
            is_learned,
            "{text}"
        );
    }
}

/// Compares the tables of keys with what reads them.
#[test]
fn every_key_is_written_as_it_is_read() {
    use crate::policy::keys::{Blocks, Key};
    use crate::policy::value::Shape;
    let blocks = |text: &str| format!("{:?}", load(text).unwrap().blocks);
    let mut narrowing = BTreeSet::new();
    for (block, schema) in Blocks::schemas() {
        for (name, schema) in schema["properties"].as_object().unwrap() {
            let key = format!("{block}.{name}");
            // A list of strings may be written as one string.
            let schema = schema["anyOf"].get(0).unwrap_or(schema);
            let is_list = schema["type"] == "array";
            // The others are tables with lists in them.
            if let Some(known) = Key::of(&key) {
                let shape = known.shape();
                let is_flag = schema["type"] == "boolean";
                assert_eq!(shape == Shape::Flag, is_flag, "{key}");
                let is_command = is_list && schema["items"]["type"] == "array";
                assert_eq!(shape == Shape::Argv, is_command, "{key}");
                assert_eq!(shape == Shape::Limits, name == "limits", "{key}");
            }
            let without = blocks(&format!("[{block}]"));
            if is_list && blocks(&format!("[{block}]\n{name} = []")) != without {
                narrowing.insert(key);
            }
        }
    }
    let is_known = |key: &&Key| key.row().without.is_some() || !key.defaults().is_empty();
    let known = Key::ALL.iter().filter(is_known).map(|key| key.name());
    let known = known.filter(|key| !["create.limits", "exec.env.allow"].contains(key));
    assert_eq!(narrowing, known.map(str::to_owned).collect());
    for key in Key::ALL.iter().filter(|key| !key.defaults().is_empty()) {
        let (block, name, values) = (key.block().name(), key.in_block(), key.defaults());
        let written = blocks(&format!("[{block}]\n{name} = {values:?}"));
        assert_eq!(written, blocks(&format!("[{block}]")), "{name}");
    }
}

/// A day under an enforced policy, including what a stranger tried.
const PROBED: &[(bool, &str, &str, &[&str])] = &[
    (true, "GET", "/volumes", &[]),
    (true, "POST", "/containers/web/kill", &[]),
    (
        false,
        "POST",
        "/containers/create",
        &[
            "create.binds=/srv/b:ro",
            "create.images=web:1",
            "create.limits=memory 67108864",
        ],
    ),
    (
        true,
        "POST",
        "/containers/create",
        &[
            "create.binds=/:rw",
            "create.images=busybox",
            "create.limits=none",
            "create.privileged=true",
        ],
    ),
    (false, "POST", "/containers/web/exec", &["exec.into=web"]),
    (false, "POST", "/exec/e1/start", &["exec.into=web"]),
];

#[test]
fn what_was_refused_grants_nothing_until_it_was_read() {
    let text = seen_or_refused(PROBED).policy("A day");
    assert_eq!(
        text,
        r#"description = "A day"
allow = [
    "VolumeList", # once, denied, last 2026-11-21T10:00:00Z
    # Always denied so far. Delete the `# ` before what you want to allow.
    # "ContainerKill", # once, denied, last 2026-11-21T10:00:01Z; kills any container except Dockgate's own, or sends it another signal
    # Effect control: these can run code or make the client root on the host. Delete the `# ` before what you want to allow.
    # "ContainerCreate", # twice, 1 of them denied, last 2026-11-21T10:00:03Z; limited by [create] below
    # "ContainerExec",   # once, last 2026-11-21T10:00:04Z; limited by [exec] below
    # "ExecStart",       # once, last 2026-11-21T10:00:05Z; limited by [exec] below
]

[create]
binds = [
    # "/:rw",    # once, denied, last 2026-11-21T10:00:03Z
    "/srv/b:ro", # once, last 2026-11-21T10:00:02Z
]
images = [
    # "busybox:latest", # once, denied, last 2026-11-21T10:00:03Z
    "web:1",            # once, last 2026-11-21T10:00:02Z
]
limits = { memory = "64m" } # the highest values so far
networks = []
ports = []
# privileged = true # once, denied, last 2026-11-21T10:00:03Z
restart = []
volumes = []

[exec]
into = [
    "web", # once, last 2026-11-21T10:00:05Z
]
workdirs = []
"#
    );
}

mod merging;
mod scope;
