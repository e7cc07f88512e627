use super::fill;
use crate::docker::body::parse;
use crate::docker::{Target, classify};
use crate::policy::keys::Blocks;
use crate::policy::requirements::tests::judged;

const CREATE: &str = "POST /v1.45/containers/create";

/// The body after filling in, and what was filled in.
fn filled(keys: &str, request: &str, body: &str) -> (String, Vec<&'static str>) {
    let table = format!("[create]\nnetworks = ['ci']\nruntimes = ['runsc']\nfill = {{ {keys} }}");
    let blocks = Blocks::read(&table.parse().unwrap(), &mut |key, problem| {
        panic!("{key}: {problem}")
    });
    let (method, target) = request.split_once(' ').unwrap();
    let call = classify(method, Target::parse(target).unwrap()).unwrap();
    let operation = call.operation().unwrap();
    let mut body = parse(
        body.as_bytes(),
        crate::docker::body::table(operation).unwrap(),
    )
    .unwrap();
    let filled = fill(&call, &mut body, &blocks.create.fill);
    let mut text = String::new();
    body.render(&mut text);
    (text, filled.keys().collect())
}

/// The keys, what the client sends, what is sent on, and what was filled in.
const CASES: &[(&str, &str, &str, &str)] = &[
    (
        "memory = '1k'",
        "{}",
        r#"{"HostConfig":{"Memory":1024}}"#,
        "memory",
    ),
    (
        "memory = '1k'",
        r#"{"HostConfig":null}"#,
        r#"{"HostConfig":{"Memory":1024}}"#,
        "memory",
    ),
    (
        "memory = '1k'",
        r#"{"HostConfig":{"Memory":0}}"#,
        r#"{"HostConfig":{"Memory":1024}}"#,
        "memory",
    ),
    (
        "memory = '1k'",
        r#"{"HostConfig":{"Memory":7}}"#,
        r#"{"HostConfig":{"Memory":7}}"#,
        "",
    ),
    (
        "memory = '1k'",
        r#"{"HostConfig":{"Memory":-1}}"#,
        r#"{"HostConfig":{"Memory":-1}}"#,
        "",
    ),
    (
        "pids = 5",
        r#"{"HostConfig":{"PidsLimit":0}}"#,
        r#"{"HostConfig":{"PidsLimit":5}}"#,
        "pids",
    ),
    (
        "pids = 5",
        r#"{"HostConfig":{"PidsLimit":-1}}"#,
        r#"{"HostConfig":{"PidsLimit":-1}}"#,
        "",
    ),
    (
        "cpus = 1.5",
        "{}",
        r#"{"HostConfig":{"NanoCpus":1500000000}}"#,
        "cpus",
    ),
    (
        "cpus = 1.5",
        r#"{"HostConfig":{"CpuQuota":100}}"#,
        r#"{"HostConfig":{"CpuQuota":100}}"#,
        "",
    ),
    (
        "cpus = 1.5",
        r#"{"HostConfig":{"CpuPeriod":50000}}"#,
        r#"{"HostConfig":{"CpuPeriod":50000,"CpuQuota":75000}}"#,
        "cpus",
    ),
    (
        "no_new_privileges = true",
        r#"{"HostConfig":{"SecurityOpt":["apparmor=x"]}}"#,
        r#"{"HostConfig":{"SecurityOpt":["apparmor=x","no-new-privileges:true"]}}"#,
        "no_new_privileges",
    ),
    (
        "no_new_privileges = true",
        r#"{"HostConfig":{"SecurityOpt":["no-new-privileges=false"]}}"#,
        r#"{"HostConfig":{"SecurityOpt":["no-new-privileges=false"]}}"#,
        "",
    ),
    (
        "cap_drop = ['ALL']",
        r#"{"HostConfig":{"CapDrop":["MKNOD"]}}"#,
        r#"{"HostConfig":{"CapDrop":["MKNOD","ALL"]}}"#,
        "cap_drop",
    ),
    (
        "cap_drop = ['ALL']",
        r#"{"HostConfig":{"CapDrop":["all"]}}"#,
        r#"{"HostConfig":{"CapDrop":["all"]}}"#,
        "",
    ),
    (
        "runtime = 'runsc'",
        "{}",
        r#"{"HostConfig":{"Runtime":"runsc"}}"#,
        "runtime",
    ),
    (
        "runtime = 'runsc'",
        r#"{"HostConfig":{"Runtime":"runc"}}"#,
        r#"{"HostConfig":{"Runtime":"runc"}}"#,
        "",
    ),
    (
        "network = 'ci'",
        r#"{"HostConfig":{"NetworkMode":"default"},"NetworkingConfig":{"EndpointsConfig":{"default":{"Aliases":["a"]}}}}"#,
        r#"{"HostConfig":{"NetworkMode":"ci"},"NetworkingConfig":{"EndpointsConfig":{"ci":{"Aliases":["a"]}}}}"#,
        "network",
    ),
    (
        "network = 'none'",
        r#"{"HostConfig":{"NetworkMode":"bridge"}}"#,
        r#"{"HostConfig":{"NetworkMode":"bridge"}}"#,
        "",
    ),
    (
        "network = 'ci'",
        r#"{"NetworkingConfig":{"EndpointsConfig":{"mine":{}}}}"#,
        r#"{"NetworkingConfig":{"EndpointsConfig":{"mine":{}}},"HostConfig":{}}"#,
        "",
    ),
    (
        "network = 'ci'",
        r#"{"NetworkDisabled":true,"HostConfig":{}}"#,
        r#"{"NetworkDisabled":true,"HostConfig":{}}"#,
        "",
    ),
];

#[test]
fn what_is_left_out_is_filled_in_and_what_is_given_stays() {
    for (keys, body, want, names) in CASES {
        let (sent, filled) = filled(keys, CREATE, body);
        assert_eq!(
            (&*sent, &*filled.join(" ")),
            (*want, *names),
            "{keys}: {body}"
        );
    }
}

#[test]
fn a_version_that_does_not_read_nano_cpus_gets_a_quota() {
    let old = "POST /v1.24/containers/create";
    let body = r#"{"HostConfig":{"NanoCpus":7}}"#;
    let want = r#"{"HostConfig":{"NanoCpus":7,"CpuQuota":200000}}"#;
    assert_eq!(
        filled("cpus = 2", old, body),
        (want.to_owned(), vec!["cpus"])
    );
}

#[test]
fn only_a_new_container_is_filled_in() {
    let body = r#"{"Memory":7}"#;
    let update = "POST /v1.45/containers/web/update";
    assert_eq!(filled("pids = 5", update, body), (body.to_owned(), vec![]));
}

#[test]
fn what_is_filled_in_is_judged_like_what_the_client_asks_for() {
    let is_allowed = |blocks: &str, body: &str| judged(blocks, CREATE, body, &[]).is_ok();
    let limited = "[create]\nlimits = { memory = '1g' }\n";
    let filled = format!("{limited}fill = {{ memory = '512m' }}");
    assert!(!is_allowed(limited, "{}"));
    assert!(is_allowed(&filled, "{}"));
    assert!(is_allowed(
        &filled,
        r#"{"HostConfig":{"Memory":1073741824}}"#
    ));
    assert!(!is_allowed(
        &filled,
        r#"{"HostConfig":{"Memory":1073741825}}"#
    ));
    assert!(!is_allowed(&filled, r#"{"HostConfig":{"Memory":-1}}"#));

    let named = "[create]\nruntimes = ['runsc']\n";
    let filled = format!("{named}fill = {{ runtime = 'runsc' }}");
    let default = r#"{"HostConfig":{"Runtime":"runc"}}"#;
    assert!(is_allowed(named, default));
    assert!(!is_allowed(&filled, default), "a way around the runtime");
    assert!(is_allowed(&filled, r#"{"HostConfig":{"Runtime":"runsc"}}"#));
    assert!(is_allowed(&filled, "{}"));

    let network = "[create]\nnetworks = ['ci']\nfill = { network = 'ci' }";
    assert!(is_allowed(network, "{}"));
    assert!(!is_allowed(
        network,
        r#"{"HostConfig":{"NetworkMode":"bridge"}}"#
    ));
    let denied = r#"{"HostConfig":{"SecurityOpt":["no-new-privileges:false"]}}"#;
    assert!(!is_allowed(
        "[create]\nfill = { no_new_privileges = true }",
        denied
    ));
}

#[test]
fn the_permit_says_what_was_filled_in_and_sends_it() {
    let blocks = "[create]\nfill = { pids = 9, cap_drop = ['ALL'] }";
    let permit = judged(blocks, CREATE, r#"{"Image":"a"}"#, &[]).unwrap();
    let filled: Vec<_> = permit.grounds.filled.keys().collect();
    assert_eq!(filled, ["cap_drop", "pids"]);
    let sent = permit.request.body.as_deref().unwrap();
    assert!(
        sent.contains(r#""PidsLimit":9,"CapDrop":["ALL"]"#),
        "{sent}"
    );
    let permit = judged("", CREATE, r#"{"Image":"a"}"#, &[]).unwrap();
    assert!(permit.grounds.filled.is_empty());
}
