//! Targets with two spellings, sent as raw bytes to the running binary.
//!
//! Each case is refused with its reason, recorded once, and no byte of it reaches the daemon. Next to
//! it is its nearest allowed spelling, which arrives in canonical form. The ids refer to the rows of
//! attacks on API filters (F, H), the list of path inputs (P), the table of how the daemon reads paths
//! (S), the tests that any such proxy needs (T), and published vulnerabilities (A).

use crate::support::{FakeDaemon, Gate, Refused, Setup, everything};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const BAD_TARGET: Refused = Refused(400, "bad_target");
const BAD_VERSION: Refused = Refused(400, "bad_api_version");
const BAD_QUERY: Refused = Refused(400, "bad_query");
const BAD_LINE: Refused = Refused(400, "bad_request_line");
const BAD_HEADER: Refused = Refused(400, "bad_header");
const BAD_METHOD: Refused = Refused(400, "bad_method");
const UNKNOWN: Refused = Refused(403, "unknown_operation");
const NOT_FOUND: Refused = Refused(404, "not_found");
const NOT_GRANTED: Refused = Refused(403, "not_granted");

/// An id, a request line without its version, the expected refusal, and its nearest allowed
/// spelling.
type Case<'a> = (&'a str, &'a str, Refused, &'a str);

/// How the daemon reads paths, under a policy that allows everything.
#[rustfmt::skip] // One line for each case.
const PATHS_AS_THE_DAEMON_READS_THEM: &[Case] = &[
    ("S", "GET /v1.41//containers/json", BAD_TARGET, "GET /v1.41/containers/json"),
    ("S", "GET //x", BAD_TARGET, "GET /info"),
    ("S", "GET //info", BAD_TARGET, "GET /info"),
    ("S", "GET /./x", BAD_TARGET, "GET /info"),
    ("S", "GET /./info", BAD_TARGET, "GET /info"),
    ("S", "GET /x/../info", BAD_TARGET, "GET /info"),
    ("S", "GET /x/../y", BAD_TARGET, "GET /info"),
    ("S", "GET /%2e%2e/x", BAD_TARGET, "GET /info"),
    ("S", "GET /%2E%2E/info", BAD_TARGET, "GET /info"),
    ("S", "GET /x/%2e%2e/info", BAD_TARGET, "GET /info"),
    ("S", "GET /networks//", BAD_TARGET, "GET /networks/"),
    ("S", "GET /v1.41%2F_ping", BAD_VERSION, "GET /v1.41/_ping"),
    ("S", "GET /%5fping", BAD_TARGET, "GET /_ping"),
    ("S", "GET /containers/nope%2Fjson", BAD_TARGET, "GET /containers/nope/json"),
    ("S", "GET /_ping/", BAD_TARGET, "GET /_ping"),
    ("S", "GET /containers/x/json/", BAD_TARGET, "GET /containers/x/json"),
    ("S", "GET /volumes/", BAD_TARGET, "GET /volumes"),
    ("S", "DELETE /containers/", BAD_TARGET, "DELETE /containers/x"),
    ("S", "GET /debug/pprof/", BAD_TARGET, "GET /version"),
    ("S", "GET /debug/pprof/profile", UNKNOWN, "GET /version"),
    ("S", "GET /debug/vars", UNKNOWN, "GET /version"),
    ("S", "GET /_PING", UNKNOWN, "GET /_ping"),
    ("S", "GET /V1.41/containers/json", UNKNOWN, "GET /v1.41/containers/json"),
    ("S", "GET /_ping;x=1", BAD_TARGET, "GET /_ping?x=1"),
    ("S", "GET /_ping#f", BAD_TARGET, "GET /_ping"),
    ("S", "GET /_ping?a#f", BAD_QUERY, "GET /_ping?a"),
    ("S", "GET /_ping%3f", BAD_TARGET, "GET /_ping?"),
    ("S", "GET /_ping%00", BAD_TARGET, "GET /_ping"),
    ("S", "GET /containers/a%0ab/json", BAD_TARGET, "GET /containers/ab/json"),
    ("S", "GET /networks/a%0a", BAD_TARGET, "GET /networks/a"),
    ("S", "GET /images/a%0a/json", BAD_TARGET, "GET /images/a/json"),
    ("S", "GET /_ping%zz", BAD_TARGET, "GET /_ping"),
    ("S", "GET /%zz", BAD_TARGET, "GET /_ping"),
    ("S", "GET http://any/_ping", BAD_TARGET, "GET /_ping"),
    ("S", "GET x:/_ping", BAD_TARGET, "GET /_ping"),
    ("S", "GET x:_ping", BAD_TARGET, "GET /_ping"),
    ("F17", "POST http://evil/containers/web/attach", BAD_TARGET, "POST /containers/web/stop"),
    ("S", "GET *", BAD_TARGET, "GET /_ping"),
    ("S", "OPTIONS *", BAD_TARGET, "GET /_ping"),
    ("S", "GET _ping", BAD_TARGET, "GET /_ping"),
    ("S", "GET ", BAD_LINE, "GET /_ping"),
    ("S", "GET /", BAD_TARGET, "GET /_ping"),
    ("S", "GET /_ping\u{e9}", BAD_TARGET, "GET /_ping"),
    ("S", "GET /_ping x", BAD_LINE, "GET /_ping?x"),
    ("S", "GET /user@host/_ping", UNKNOWN, "GET /_ping"),
    ("S", "GET /containers/a/b/c/json", NOT_FOUND, "GET /containers/a/json"),
    ("S", "DELETE /containers/x/json", NOT_FOUND, "DELETE /containers/x"),
    ("S", "GET /volumes/a/b", NOT_FOUND, "GET /volumes/a"),
    ("F", "GET /networks/a%2F..%2Fb", BAD_TARGET, "GET /networks/b"),
    ("F", "GET /networks/a%2F%2Fb", BAD_TARGET, "GET /networks/ab"),
    ("F", "GET /networks/%2Fa", BAD_TARGET, "GET /networks/a"),
    ("F", "GET /networks/a/", BAD_TARGET, "GET /networks/a"),
    ("F", "GET /networks/%2e", BAD_TARGET, "GET /networks/.a"),
    ("F", "GET /networks/a%00", BAD_TARGET, "GET /networks/a"),
    ("F", "GET /networks/a%7F", BAD_TARGET, "GET /networks/a"),
    ("F", "GET /networks/a%C2%85", BAD_TARGET, "GET /networks/a%C3%85"),
    ("F", "GET /networks/a%E2%80%8B", BAD_TARGET, "GET /networks/a%E2%80%A6"),
    ("F", "GET /networks/a%C3", BAD_TARGET, "GET /networks/a%C3%85"),
    ("F", "GET /networks/a%5Cb", BAD_TARGET, "GET /networks/a%5Eb"),
    ("F", "GET /networks/container:web", BAD_TARGET, "GET /networks/container"),
    ("F", "GET /networks/@default", BAD_TARGET, "GET /networks/default"),
    ("F", "POST /networks/creat%65", UNKNOWN, "GET /networks/creat"),
    ("S", "OPTIONS /containers/json", UNKNOWN, "GET /containers/json"),
    ("S", "GET /v1.41/v1.41/containers/json", UNKNOWN, "GET /v1.41/containers/json"),
    ("S", "GET /v1.041/containers/json", BAD_VERSION, "GET /v1.41/containers/json"),
    ("S", "GET /v1.41./containers/json", BAD_VERSION, "GET /v1.41/containers/json"),
    ("S", "GET /v1.41.9/containers/json", BAD_VERSION, "GET /v1.41/containers/json"),
    ("S", "GET /v1..41/containers/json", BAD_VERSION, "GET /v1.41/containers/json"),
    ("S", "GET /v./containers/json", UNKNOWN, "GET /v1.41/containers/json"),
    ("S", "GET /v1.41", BAD_VERSION, "GET /v1.41/info"),
    ("S", "get /_ping", UNKNOWN, "GET /_ping"),
    ("T17", "FOO /_ping", UNKNOWN, "GET /_ping"),
    ("T17", "PATCH /containers/json", UNKNOWN, "GET /containers/json"),
    ("T10", "PRI *", BAD_METHOD, "GET /_ping"),
    ("S", "TRACE /_ping", BAD_METHOD, "GET /_ping"),
    ("S", "CONNECT /_ping", BAD_METHOD, "GET /_ping"),
    ("S", "CONNECT docker:80", BAD_METHOD, "GET /_ping"),
];

/// The rows of attacks on the paths of API filters, where even the widest policy must refuse.
#[rustfmt::skip] // One line for each case.
const PATH_ATTACKS: &[Case] = &[
    ("F01", "GET /containers/../images/json", BAD_TARGET, "GET /images/json"),
    ("F01", "GET //containers/json", BAD_TARGET, "GET /containers/json"),
    ("F01", "GET /containers//json", BAD_TARGET, "GET /containers/json"),
    ("F02", "POST /containers%2Fcreate", BAD_TARGET, "POST /containers/create"),
    ("F02", "POST /containers%2fcreate", BAD_TARGET, "POST /containers/create"),
    ("F02", "POST /containers%252Fcreate", BAD_TARGET, "POST /containers/create"),
    ("F02", "GET /containers/%252e%252e/images/json", BAD_TARGET, "GET /images/json"),
    ("F03", "GET /containers/%252e/json", BAD_TARGET, "GET /containers/json"),
    ("F07", "GET /v5.0.0/libpod/containers/json", UNKNOWN, "GET /v5.0/containers/json"),
    ("F07", "GET /v5.0.0/containers/json", BAD_VERSION, "GET /v5.0/containers/json"),
    ("F08", "POST /v5.1.0/libpod/exec/X/start", UNKNOWN, "POST /v5.1/containers/X/start"),
    ("F09", "POST /exec/a%2Fb/start", NOT_FOUND, "POST /exec/ab/resize"),
    ("F09", "POST /containers/a%2fb/attach", NOT_FOUND, "POST /containers/ab/stop"),
    ("F10", "POST /containers/web/attach/", BAD_TARGET, "POST /containers/web/stop"),
    ("F10", "POST /containers//web/attach", BAD_TARGET, "POST /containers/web/stop"),
    ("F11", "POST /admin/validate/", BAD_TARGET, "POST /auth"),
    ("F11", "POST /admin//validate", BAD_TARGET, "POST /auth"),
    ("F11", "POST /admin/./validate", BAD_TARGET, "POST /auth"),
    ("F11", "POST /admin/validate", UNKNOWN, "POST /auth"),
    ("F12", "GET /admin/%252fvalidate", BAD_TARGET, "GET /version"),
    ("F119", "GET /images/X/attestation", UNKNOWN, "GET /images/X/attestations"),
    ("H18", "GET /version%2f..%2fcontainers%2fjson", BAD_TARGET, "GET /version"),
    ("H18", "GET /images/a%2F..%2Fb/json", BAD_TARGET, "GET /images/a%2Fb/json"),
    ("H18", "GET /images/a%5Cb/json", BAD_TARGET, "GET /images/a%2Fb/json"),
    ("H18", "GET /images/a%00/json", BAD_TARGET, "GET /images/a%3A1/json"),
    ("H18", "GET /images/a%252Fb/json", BAD_TARGET, "GET /images/a%2Fb/json"),
    ("H18", "GET /images/%2Fa/json", BAD_TARGET, "GET /images/a/json"),
    ("H18", "GET /images/a%2F/json", BAD_TARGET, "GET /images/a/json"),
    ("H18", "GET /images/a%2F%2Fb/json", BAD_TARGET, "GET /images/a%2Fb/json"),
    ("H19", "GET /v1.\u{ff14}\u{ff15}/containers/json", BAD_TARGET, "GET /v1.45/containers/json"),
    ("H19", "GET /v1.45-rc1/containers/json", BAD_VERSION, "GET /v1.45/containers/json"),
    ("H19", "GET /\u{ff56}1.45/containers/json", BAD_TARGET, "GET /v1.45/containers/json"),
    ("A", "GET //seg/containers/json", BAD_TARGET, "GET /containers/json"),
    ("T13", "POST /v1.23/containers/web/start", BAD_VERSION, "POST /v1.24/containers/web/start"),
    ("T13", "POST /v1.23/containers/web/copy", BAD_VERSION, "POST /v1.24/containers/web/stop"),
    ("T13", "POST /containers/web/copy", UNKNOWN, "POST /containers/web/stop"),
    ("T13", "GET /containers/ps", UNKNOWN, "GET /containers/json"),
    ("web", "GET /containers//web/json", BAD_TARGET, "GET /containers/web/json"),
];

/// The list of path inputs, under a policy that only allows listing containers.
#[rustfmt::skip] // One line for each case.
const PATH_INPUTS: &[Case] = &[
    ("P", "GET /v0/containers/json", BAD_VERSION, "GET /v1.45/containers/json"),
    ("P", "GET /v01.45/containers/json", BAD_VERSION, "GET /v1.45/containers/json"),
    ("P", "GET /v1.23/containers/json", BAD_VERSION, "GET /v9.99/containers/json"),
    ("P", "GET /containers/json/", BAD_TARGET, "GET /containers/json"),
    ("P", "GET //containers/json", BAD_TARGET, "GET /containers/json"),
    ("P", "GET ///containers/json", BAD_TARGET, "GET /containers/json"),
    ("P", "GET /containers////json", BAD_TARGET, "GET /containers/json"),
    ("P", "GET /./containers/json", BAD_TARGET, "GET /containers/json"),
    ("P", "GET /containers/json/../json", BAD_TARGET, "GET /containers/json"),
    ("P", "GET /containers/create/../json", BAD_TARGET, "GET /containers/json"),
    ("P", "GET /containers/json/../../../containers/json", BAD_TARGET, "GET /containers/json"),
    ("P", "GET /containers/%6a%73%6f%6e", BAD_TARGET, "GET /containers/json"),
    ("P", "GET /containers%2Fjson", BAD_TARGET, "GET /containers/json"),
    ("P", "GET /containers/create/%2e%2e/json", BAD_TARGET, "GET /containers/json"),
    ("P", "GET /V1.45/containers/json", UNKNOWN, "GET /v1.45/containers/json"),
    ("P", "GET /v1.45/v1.46/containers/json", UNKNOWN, "GET /v1.46/containers/json"),
    ("P", "GET /v/containers/json", UNKNOWN, "GET /v1.45/containers/json"),
    ("P", "GET /v1.45.99.1/containers/json", BAD_VERSION, "GET /v1.45/containers/json"),
    ("P", "GET /containers/json/../create", BAD_TARGET, "GET /containers/json"),
    ("P", "POST /containers/json/../create", BAD_TARGET, "GET /containers/json"),
    ("P", "POST /containers/json/../../exec/abc/start", BAD_TARGET, "GET /containers/json"),
    ("P", "GET /Containers/json", UNKNOWN, "GET /containers/json"),
    ("P", "GET /containers/JSON", UNKNOWN, "GET /containers/json"),
    ("P", "GET /containers/json;ignore=1", BAD_TARGET, "GET /containers/json?ignore=1"),
    ("P", "GET /containers;x/json", BAD_TARGET, "GET /containers/json"),
    ("P", "GET /containers/json%00", BAD_TARGET, "GET /containers/json"),
    ("P", "GET /containers/json%20", BAD_TARGET, "GET /containers/json"),
    ("P", "GET /containers/json%09", BAD_TARGET, "GET /containers/json"),
    ("P", "GET /containers/json%0a", BAD_TARGET, "GET /containers/json"),
    ("P", "GET /containers/json%0d", BAD_TARGET, "GET /containers/json"),
    ("P", "GET /containers%5cjson", BAD_TARGET, "GET /containers/json"),
    ("P", "GET /containers\\json", BAD_TARGET, "GET /containers/json"),
    ("P", "GET /containers/%256a%2573%256f%256e", BAD_TARGET, "GET /containers/json"),
    ("F03", "GET /containers/%252e/json", BAD_TARGET, "GET /containers/json"),
    ("F06", "GET /containers", UNKNOWN, "GET /containers/json"),
    ("P", "GET /containers/json/json", NOT_GRANTED, "GET /containers/json"),
    ("P", "GET /containers/web/json", NOT_GRANTED, "GET /containers/json"),
    ("P", "POST /containers/json", UNKNOWN, "GET /containers/json"),
    ("P", "POST /containers/create", NOT_GRANTED, "GET /containers/json"),
    ("A", "POST /containers/create?x=/containers/json", NOT_GRANTED, "GET /containers/json?x=/auth"),
    ("A", "GET /containers/aa/export?aaa=/containers/json", NOT_GRANTED, "GET /containers/json"),
    ("T12", "GET /containers/web/attach/ws", NOT_GRANTED, "GET /containers/json"),
    ("F118", "GET /containers/web/archive?path=/", NOT_GRANTED, "GET /containers/json"),
    ("Q", "GET /containers/json?all=1;limit=2", BAD_QUERY, "GET /containers/json?all=1&limit=2"),
    ("Q", "GET /containers/json?all=%zz", BAD_QUERY, "GET /containers/json?all=%25zz"),
    ("Q", "GET /containers/json?all=%4", BAD_QUERY, "GET /containers/json?all=%40"),
    ("Q", "GET /containers/json?all=%ff", BAD_QUERY, "GET /containers/json?all=%C3%BF"),
    ("Q", "GET /containers/json?all=\\", BAD_QUERY, "GET /containers/json?all=%5C"),
];

/// An id, an allowed request line without its version, and the request line that arrives.
#[rustfmt::skip] // One line for each case.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("", "GET /_ping", "GET /_ping"),
    ("", "HEAD /v1.44/_ping", "HEAD /v1.44/_ping"),
    ("P", "GET /v9.99/containers/json", "GET /v9.99/containers/json"),
    ("S", "GET /networks/", "GET /networks/"),
    ("S", "GET /images/a/b/json/json", "GET /images/a/b/json/json"),
    ("S", "GET /images/json/json", "GET /images/json/json"),
    ("S", "DELETE /containers/prune", "DELETE /containers/prune"),
    ("S", "GET /networks/create", "GET /networks/create"),
    ("F", "GET /networks/a/b", "GET /networks/a%2Fb"),
    ("F", "GET /networks/my%20net", "GET /networks/my%20net"),
    ("F", "GET /networks/b%c3%bcgs", "GET /networks/b%C3%BCgs"),
    ("F", "GET /networks/a%2520b", "GET /networks/a%2520b"),
    ("F", "DELETE /networks/a%2fconnect", "DELETE /networks/a%2Fconnect"),
    ("H18", "GET /images/a%2Fb%3A1/json", "GET /images/a/b:1/json"),
    ("H18", "GET /images/a%2fb%40sha256%3a00/json", "GET /images/a/b@sha256:00/json"),
    ("H18", "DELETE /images/quay.io:5000/a/b:1", "DELETE /images/quay.io:5000/a/b:1"),
    ("H18", "GET /distribution/a%2Fb/json", "GET /distribution/a/b/json"),
    ("F07", "GET /v5.4.2/libpod/containers/web/json", "GET /v5.4.2/libpod/containers/web/json"),
    ("F07", "GET /libpod/containers/web/json", "GET /libpod/containers/web/json"),
    ("F08", "POST /v5.1.0/libpod/exec/X/start", "POST /v5.1.0/libpod/exec/X/start"),
    ("Q", "GET /info?", "GET /info"),
    ("Q", "GET /info?&&a=1&", "GET /info?a=1"),
    ("Q", "GET /info?a", "GET /info?a="),
    ("Q", "GET /info?a=b=c", "GET /info?a=b%3Dc"),
    ("Q", "GET /info?a=b%20c+d", "GET /info?a=b+c+d"),
    ("Q", "GET /info?a=%c3%a9%7e", "GET /info?a=%C3%A9~"),
    ("Q", "GET /info?a=%0d%0aX:%00y", "GET /info?a=%0D%0AX%3A%00y"),
    ("Q", "GET /info?a=1&a=2", "GET /info?a=1&a=2"),
    ("Q", "GET /info?p=/x:y@z,1", "GET /info?p=%2Fx%3Ay%40z%2C1"),
    ("Autoheal", r#"GET /containers/json?filters={"health":["unhealthy"]}"#, "GET /containers/json?filters=%7B%22health%22%3A%5B%22unhealthy%22%5D%7D"),
    ("dockerode", "POST /containers/create?Image=a&name=web&Env=A%3Dsecret&platform=linux%2Famd64", "POST /containers/create?name=web&platform=linux%2Famd64"),
];

#[test]
fn refuses_every_path_that_the_daemon_would_clean_or_read_differently() {
    check(&everything(), PATHS_AS_THE_DAEMON_READS_THEM);
}

#[test]
fn refuses_every_known_attack_on_paths() {
    check(&everything(), PATH_ATTACKS);
}

#[test]
fn refuses_every_path_input_under_a_policy_of_one_operation() {
    check(r#"allow = ["ContainerList"]"#, PATH_INPUTS);
}

#[test]
fn refuses_every_unclean_path_under_the_narrowest_policy_too() {
    let unclean = PATHS_AS_THE_DAEMON_READS_THEM.iter().chain(PATH_ATTACKS);
    let unclean = unclean.filter(|(_, _, refused, _)| refused.0 == 400);
    let cases: Vec<Case> = unclean
        .map(|(id, line, refused, _)| (*id, *line, *refused, "GET /containers/json"))
        .collect();
    check(r#"allow = ["ContainerList"]"#, &cases);
}

#[test]
fn refuses_bytes_that_are_not_text() {
    let daemon = FakeDaemon::start();
    let mut gate = Gate::start(&daemon, &everything());
    for (target, refused) in [
        (&b"/_ping\xff"[..], BAD_TARGET),
        (b"/\xc0\xaf_ping", BAD_TARGET),
        (b"/_ping\x01", BAD_HEADER),
        (b"/_ping\x7f", BAD_HEADER),
        (b"/_ping?a=\xff", BAD_QUERY),
    ] {
        let request = [b"GET ", target, b" HTTP/1.1\r\nHost: docker\r\n\r\n"].concat();
        let case = String::from_utf8_lossy(target);
        refused.assert(&gate.ask(request), &case);
        assert_eq!(gate.record()["reason"], refused.1, "{case}");
        daemon.assert_untouched(&case);
    }
}

#[test]
fn refuses_a_path_or_query_that_is_too_long() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let name = "a".repeat(4096);
    let pairs = "a=1&".repeat(1025);
    for (target, refused) in [
        (format!("/containers/{name}/json"), BAD_TARGET),
        (format!("/info?{pairs}"), BAD_QUERY),
    ] {
        refused.assert(&gate.ask(crate::support::get(&target)), &target[..20]);
        daemon.assert_untouched(&target[..20]);
    }
    let name = &name[..4000];
    let pairs = &pairs[..pairs.len() - "a=1&&".len()];
    for target in [format!("/containers/{name}/json"), format!("/info?{pairs}")] {
        gate.ask(crate::support::get(&target))
            .assert_ok(&target[..20]);
        assert_eq!(daemon.asked().pop(), Some(format!("GET {target} HTTP/1.1")));
    }
}

#[test]
fn refuses_a_query_that_is_too_long_once_it_is_spelled_canonically() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, r#"allow = ["ContainerList"]"#);
    let list = |braces: usize| format!("/containers/json?filters={}", "{".repeat(braces));
    BAD_QUERY.assert(
        &gate.ask(crate::support::get(&list(22_000))),
        "22,000 braces",
    );
    daemon.assert_untouched("22,000 braces");
    gate.ask(crate::support::get(&list(2_000)))
        .assert_ok("2,000 braces");
    let arrived = format!(
        "GET /containers/json?filters={} HTTP/1.1",
        "%7B".repeat(2_000)
    );
    assert_eq!(daemon.asked(), [arrived]);
}

#[test]
fn refuses_a_doubled_key_that_decides_something() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    for (doubled, once) in [
        (
            "GET /containers/web/logs?follow=0&follow=1",
            "GET /containers/web/logs?follow=0",
        ),
        (
            "GET /containers/web/stats?stream=0&stream=1",
            "GET /containers/web/stats?stream=0",
        ),
        (
            "POST /containers/create?name=a&name=b",
            "POST /containers/create?name=a",
        ),
        (
            "POST /images/create?fromImage=a&fromImage=b",
            "POST /images/create?fromImage=a",
        ),
        (
            "POST /images/create?fromSrc=&fromSrc=-",
            "POST /images/create?fromSrc=-",
        ),
    ] {
        let before = daemon.requests().len();
        BAD_QUERY.assert(&gate.ask(request(doubled)), doubled);
        assert_eq!(daemon.requests().len(), before, "{doubled}");
        gate.ask(request(once)).assert_ok(once);
        assert_eq!(daemon.asked().pop(), Some(format!("{once} HTTP/1.1")));
    }
}

#[test]
fn allowed_targets_arrive_in_canonical_form() {
    let policy = everything().replace(
        "allow = [",
        r#"allow = ["GET /libpod/containers/{}/json", "POST /libpod/exec/{}/start", "#,
    );
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &policy);
    for (id, sent, arrived) in ALLOWED {
        let mut client = gate.connect();
        client.request(request(sent));
        client
            .reply_to(sent.split(' ').next().unwrap())
            .assert_ok(sent);
        assert_eq!(
            daemon.asked().pop(),
            Some(format!("{arrived} HTTP/1.1")),
            "{id}: {sent}"
        );
    }
}

#[test]
fn a_rule_that_could_never_fire_does_not_start() {
    let daemon = FakeDaemon::start();
    for (id, entry) in [
        ("F04", "GET /libpod/a%20b"),
        ("F05", "GET /v5.4.2/libpod/info"),
        ("F05", "GET /v1.45/containers/json"),
        ("F13", "GET /libpod/**"),
        ("F06", "GET /containers/{}"),
        ("section", "GET /{}/json"),
    ] {
        let (code, diagnostics) = Setup::new(&daemon, &format!("allow = [{entry:?}]")).refused();
        assert_eq!(code, 78, "{id}: {entry}: {diagnostics}");
        assert!(diagnostics.contains(entry), "{id}: {entry}: {diagnostics}");
    }
    Gate::start(&daemon, r#"allow = ["GET /libpod/info"]"#)
        .ask(crate::support::get("/v5.4.2/libpod/info"))
        .assert_ok("");
}

/// Sends random targets made of characters from attacks on paths, and checks only what arrives.
#[test]
fn only_allowed_requests_ever_arrive() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, r#"allow = ["ContainerList"]"#);
    let piece = prop::sample::select(vec![
        "containers",
        "json",
        "create",
        "v1.45",
        "..",
        ".",
        "",
        "%2e",
        "%2F",
        "images",
        "a",
        "?",
        "#",
        ";",
        "\\",
    ]);
    let targets =
        prop::collection::vec((prop::sample::select(vec!["/", "/", "/", ""]), piece), 1..6);
    let methods = prop::sample::select(vec!["GET", "GET", "GET", "HEAD", "POST", "DELETE", "get"]);
    let mut runner = TestRunner::new(Config {
        cases: 400,
        failure_persistence: None,
        ..Config::default()
    });
    let run = runner.run(&(methods, targets), |(method, pieces)| {
        let target: String = pieces
            .iter()
            .flat_map(|(slash, piece)| [*slash, *piece])
            .collect();
        let before = daemon.requests().len();
        let mut client = gate.connect();
        client.request(request(&format!("{method} {target}")));
        let reply = client.reply_to(method);
        let arrived = daemon.asked().split_off(before);
        prop_assert_eq!(
            arrived.len(),
            usize::from(reply.status() == 200),
            "{} {}",
            method,
            target
        );
        for line in arrived {
            let path = line.split(['?', ' ']).nth(1).unwrap();
            prop_assert!(
                ["/containers/json", "/v1.45/containers/json"].contains(&path),
                "{}",
                line
            );
            prop_assert!(line.starts_with("GET "), "{}", line);
        }
        Ok(())
    });
    run.unwrap();
}

/// Sends each case and then its nearest allowed spelling, to one dockgate.
fn check(policy: &str, cases: &[Case]) {
    let daemon = FakeDaemon::start();
    let mut gate = Gate::start(&daemon, policy);
    for (id, line, refused, _) in cases {
        let case = format!("{id}: {line}");
        refused.assert(&gate.ask(request(line)), &case);
        let record = gate.record();
        assert_eq!(record["verdict"], "deny", "{case}: {record}");
        assert_eq!(record["reason"], refused.1, "{case}: {record}");
        assert_eq!(record["status"], refused.0, "{case}: {record}");
        daemon.assert_untouched(&case);
    }
    for (id, line, _, allowed) in cases {
        let case = format!("{id}: {allowed}, the neighbor of {line}");
        gate.ask(request(allowed)).assert_ok(&case);
        assert_eq!(gate.record()["reason"], "granted", "{case}");
        let arrived = daemon.asked().pop().unwrap();
        assert_eq!(
            arrived,
            format!("{} HTTP/1.1", canonical(allowed)),
            "{case}"
        );
    }
    gate.stop();
    assert_eq!(
        daemon.asked().len(),
        cases.len(),
        "only the allowed ones arrive"
    );
}

/// The canonical spelling of an allowed neighbor, if it differs from the neighbor itself.
fn canonical(line: &str) -> String {
    let (path, query) = line.split_once('?').unwrap_or((line, ""));
    let path = path.replace("%2F", "/").replace("%3A", ":");
    let pair = |pair: &str| {
        if pair.contains('=') {
            pair.replace('/', "%2F")
        } else {
            format!("{pair}=")
        }
    };
    let pairs: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(pair)
        .collect();
    if pairs.is_empty() {
        path
    } else {
        format!("{path}?{}", pairs.join("&"))
    }
}

fn request(line: &str) -> String {
    let length = if line.starts_with("POST") {
        "Content-Length: 0\r\n"
    } else {
        ""
    };
    format!("{line} HTTP/1.1\r\nHost: docker\r\n{length}\r\n")
}
