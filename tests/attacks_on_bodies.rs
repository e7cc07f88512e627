//! Bodies, queries and names that would lead beyond what a policy allows, sent as raw bytes to the running
//! binary.
//!
//! Each case is refused with its reason, and only lookups reach the daemon. Next to each is a similar request
//! that is allowed. The ids refer to the rows of attacks on API filters (F), the list of host escapes (C),
//! the tests that any such proxy needs (T), and published vulnerabilities.

use std::sync::mpsc;
use std::thread;

use crate::support::hostile::{Hostile, hostile};
use crate::support::{
    FakeDaemon, Gate, LIMIT, Refused, Reply, Setup, Signal, chunked, every_operation, post,
};

const RESTRICTED: Refused = Refused(403, "restricted");
const BAD_BODY: Refused = Refused(400, "bad_body");
const BAD_QUERY: Refused = Refused(400, "bad_query");
const TOO_LARGE: Refused = Refused(413, "body_too_large");
const JSON: &str = "Content-Type: application/json\r\n";

/// An id, the expected refusal, the target of a POST, and its body.
type Case<'a> = (&'a str, Refused, &'a str, &'a str);

/// Properties in these bodies that are more than an ordinary container has.
const CONTAINERS_THAT_ARE_THERE: &[(&str, &str)] = &[
    ("root", r#"{"HostConfig":{"Privileged":true}}"#),
    (
        "mounted",
        r#"{"Mounts":[{"Type":"bind","Source":"/var/run/docker.sock","RW":false}]}"#,
    ),
    (
        "plugged",
        r#"{"Mounts":[{"Type":"volume","Name":"v","Driver":"evil","RW":true}]}"#,
    ),
    (
        "baddata",
        r#"{"Mounts":[{"Type":"volume","Name":"bad","Driver":"local","RW":true}]}"#,
    ),
    ("hostnet", r#"{"HostConfig":{"NetworkMode":"host"}}"#),
    ("hostpid", r#"{"HostConfig":{"PidMode":"host"}}"#),
    ("capable", r#"{"HostConfig":{"CapAdd":["SYS_ADMIN"]}}"#),
];

/// A daemon with ordinary objects, and some that are not.
fn daemon() -> FakeDaemon {
    let bind = r#"{"Options":{"type":"none","o":"bind","device":"/"}}"#;
    let privileged = r#"{"ProcessConfig":{"privileged":true}}"#;
    let of_root = format!(
        r#"{{"ContainerID":"{}"}}"#,
        crate::support::objects::id("root")
    );
    let root = format!("/containers/{}/json", crate::support::objects::id("root"));
    let mut daemon = FakeDaemon::start()
        .that_has("/volumes/bad", bind)
        .that_has(
            "/volumes/data",
            r#"{"Labels":{"dockgate.policy":"policy"}}"#,
        )
        .that_has("/volumes/plugged", r#"{"Driver":"evil"}"#)
        .that_has("/networks/0f0f", r#"{"Name":"host","Driver":"host"}"#)
        .that_has("/exec/privileged/json", privileged)
        .that_has("/exec/of-root/json", &of_root)
        .that_has(&root, r#"{"HostConfig":{"Privileged":true}}"#);
    for (name, more) in CONTAINERS_THAT_ARE_THERE {
        daemon = daemon.that_has(&format!("/containers/{name}/json"), more);
    }
    daemon
}

/// Tells the daemon which policy created two of its objects: the policy file's name.
fn made_here(daemon: FakeDaemon) -> FakeDaemon {
    let label = r#"{"dockgate.policy":"policy"}"#;
    daemon
        .that_has(
            "/containers/made-here/json",
            &format!(r#"{{"Config":{{"Labels":{label}}}}}"#),
        )
        .that_has("/networks/own", &format!(r#"{{"Labels":{label}}}"#))
}

/// Sends a request with both framings; the replies are the same except for their dates.
fn ask_both(gate: &Gate, (method, target): (&str, &str), body: &str) -> [Reply; 2] {
    let lines = if body.is_empty() { "" } else { JSON };
    [post(target, lines, body), chunked(target, lines, body)]
        .map(|request| gate.ask(request.replacen("POST", method, 1)))
}

/// Sends the selected hostile requests, under a policy that allows every operation with the defaults of its blocks.
fn assert_each_gets_its_verdict(chosen: impl Fn(&Hostile) -> bool) {
    let daemon = daemon();
    let gate = Gate::start(&daemon, &every_operation());
    let daemon = made_here(daemon);
    let mut wrong = Vec::new();
    // First the requests that may not arrive: after them the daemon must not have received anything.
    let (granted, refused): (Vec<_>, Vec<_>) = hostile()
        .filter(chosen)
        .partition(|row| row.verdict == "granted");
    for row in refused.iter().chain(&granted) {
        let case = format!("{}: {} {}", row.ids, row.target, row.body);
        for reply in ask_both(&gate, (row.method, row.target), row.body) {
            let seen = reply.head.get("Dockgate-Reason").unwrap_or("granted");
            if seen != row.verdict {
                wrong.push(format!("{seen}, not {}, {case}", row.verdict));
            }
        }
        if row.verdict != "granted" {
            daemon.assert_only_looked_up(&case);
        }
    }
    assert_eq!(wrong, [""; 0]);
}

fn makes_a_container(row: &Hostile) -> bool {
    row.target.contains("/containers/create")
}

#[test]
fn by_default_every_container_is_an_ordinary_one() {
    assert_each_gets_its_verdict(|row| makes_a_container(row) && row.verdict != "bad_body");
}

#[test]
fn no_body_with_two_readings_is_sent() {
    assert_each_gets_its_verdict(|row| row.verdict == "bad_body");
    // Invalid UTF-8 cannot be in a text file.
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &every_operation());
    let head =
        format!("POST {CREATE} HTTP/1.1\r\nHost: docker\r\n{JSON}Content-Length: 13\r\n\r\n");
    let request = [head.as_bytes(), b"{\"Image\":\"\xff\"}"];
    BAD_BODY.assert(&gate.ask(request.concat()), "T6: invalid UTF-8");
    daemon.assert_untouched("T6");
}

#[test]
fn no_other_operation_leads_out_by_default() {
    assert_each_gets_its_verdict(|row| !makes_a_container(row) && row.verdict != "bad_body");
}

/// Under the same policy, requests that are similar to the attacks but ask for nothing.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn ordinary_objects_are_allowed_by_default() {
    let daemon = daemon();
    let gate = Gate::start(&daemon, &every_operation());
    let daemon = made_here(daemon);
    for (target, body) in [
        ("/containers/create", r#"{"Image":"a"}"#),
        (
            "/containers/create?name=x",
            r#"{"Image":"a","HostConfig":{"Privileged":false,"PidMode":"","Binds":[],"MaskedPaths":null}}"#,
        ),
        (
            "/containers/create",
            r#"{"Image":"a","HostConfig":{"Binds":["data:/a","new:/b:ro","/c"]}}"#,
        ),
        (
            "/containers/create",
            r#"{"Image":"a","HostConfig":{"Mounts":[{"Type":"volume","Source":"data","Target":"/a"},{"Type":"tmpfs","Target":"/b"}]}}"#,
        ),
        (
            "/containers/create",
            r#"{"Image":"a","HostConfig":{"CapAdd":["CHOWN"],"CapDrop":["ALL"],"SecurityOpt":["no-new-privileges"]}}"#,
        ),
        (
            "F160 /containers/create",
            r#"{"Image":"a","HostConfig":{"Runtime":"runc"}}"#,
        ),
        (
            "/containers/create",
            r#"{"Image":"a","HostConfig":{"NetworkMode":"own","ExtraHosts":["db:10.0.0.1"]}}"#,
        ),
        (
            "F104 /containers/create",
            r#"{"Image":"a","NetworkingConfig":{"EndpointsConfig":{"own":{"Aliases":["db"]}}}}"#,
        ),
        (
            "F74 /containers/create",
            r#"{"Image":"a","NetworkingConfig":{"EndpointsConfig":{"own":{"GwPriority":1}}}}"#,
        ),
        (
            "/services/create",
            r#"{"Name":"s","TaskTemplate":{"ContainerSpec":{"Image":"a","Env":["N={{.Node.Hostname}}"]}}}"#,
        ),
        (
            "/services/s/update?version=1",
            r#"{"Name":"s","UpdateConfig":{"FailureAction":"pause"},"TaskTemplate":{"ContainerSpec":{"Image":"a"}}}"#,
        ),
        ("/containers/web/exec", r#"{"Cmd":["sh"]}"#),
        ("/exec/e1/start", r#"{"Detach":true}"#),
        ("/containers/web/update", r#"{"Memory":1}"#),
        ("/volumes/create", r#"{"Name":"v","Driver":"local"}"#),
        (
            "/networks/create",
            r#"{"Name":"n","Driver":"bridge","Options":{"com.docker.network.driver.mtu":"1400"}}"#,
        ),
        ("/networks/own/connect", r#"{"Container":"made-here"}"#),
        (
            "/networks/own/disconnect",
            r#"{"Container":"made-here","Force":true}"#,
        ),
        ("/images/create?fromImage=alpine&tag=3", ""),
        ("/build?t=a&networkmode=none", ""),
    ] {
        let (before, target) = (
            daemon.requests().len(),
            target.split(' ').next_back().unwrap(),
        );
        for reply in ask_both(&gate, ("POST", target), body) {
            reply.assert_ok(&format!("{target} {body}"));
        }
        assert_eq!(daemon.requests().len(), before + 2, "{target} {body}");
    }
}

/// Id, blocks of the policy, what they allow, and the most similar request that is refused.
type Narrowing<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [Case<'a>]);

const CREATE: &str = "/containers/create";

#[rustfmt::skip]
const NARROWINGS: &[Narrowing] = &[
    ("opa-73", "[create]\nbinds = ['/srv/data/**']", &[
        (CREATE, r#"{"HostConfig":{"Binds":["/srv/data/a:/a:ro"]}}"#),
        (CREATE, r#"{"HostConfig":{"Binds":["//srv/data:/a:ro"]}}"#),
        (CREATE, r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/srv/data","Target":"/a","ReadOnly":true}]}}"#),
    ], &[
        ("opa-73", BAD_BODY, CREATE, r#"{"HostConfig":{"Binds":["/srv/data/../../etc:/a:ro"]}}"#),
        ("opa-73", BAD_BODY, CREATE, r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/srv/data/../..","Target":"/a","ReadOnly":true}]}}"#),
        ("opa-73", RESTRICTED, CREATE, r#"{"HostConfig":{"Binds":["//srv/./data2/:/a:ro"]}}"#),
        ("opa-73", RESTRICTED, CREATE, r#"{"HostConfig":{"Binds":["//:/a:ro"]}}"#),
        ("opa-73", RESTRICTED, CREATE, r#"{"HostConfig":{"Binds":["/srv/data2:/a:ro"]}}"#),
        ("opa-73", RESTRICTED, CREATE, r#"{"HostConfig":{"Binds":["/srv:/a:ro"]}}"#),
        ("2b", RESTRICTED, CREATE, r#"{"HostConfig":{"Binds":["/srv/data/a:/a"]}}"#),
        ("2b", RESTRICTED, CREATE, r#"{"HostConfig":{"Binds":["/srv/data/a:/a:ro,Z"]}}"#),
        ("2b", RESTRICTED, CREATE, r#"{"HostConfig":{"Binds":["/srv/data/a:/a:ro,rshared"]}}"#),
        ("2b", BAD_BODY, CREATE, r#"{"HostConfig":{"Binds":["/srv/data/a:/a:RO"]}}"#),
    ]),
    ("F65", "[create]\nusers = ['@non-root']", &[
        (CREATE, r#"{"User":"1000:1000"}"#),
    ], &[
        ("F65", RESTRICTED, CREATE, r#"{"User":"00:1"}"#),
        ("F65", RESTRICTED, CREATE, r#"{"User":"0000:5"}"#),
        ("F65", RESTRICTED, CREATE, r#"{"User":"ROOT"}"#),
        ("F65", RESTRICTED, CREATE, r#"{"User":" "}"#),
        ("F65", RESTRICTED, CREATE, r#"{"User":""}"#),
        ("F65", RESTRICTED, CREATE, "{}"),
        ("F65", RESTRICTED, CREATE, r#"{"User":"1000"}"#),
        ("F65", RESTRICTED, CREATE, r#"{"User":"1000:0"}"#),
        ("F65", RESTRICTED, CREATE, r#"{"User":"4294967296:1"}"#),
        ("F108", RESTRICTED, "/services/create", r#"{"TaskTemplate":{"ContainerSpec":{"User":"0"}}}"#),
        ("F108", RESTRICTED, "/services/create", r#"{"TaskTemplate":{"ContainerSpec":{}}}"#),
    ]),
    ("F65", "[exec]\nusers = ['1000:1000']", &[
        ("/containers/web/exec", r#"{"Cmd":["a"],"User":"1000:1000"}"#),
    ], &[
        ("F65", RESTRICTED, "/containers/web/exec", r#"{"Cmd":["a"],"User":"0"}"#),
        ("F65", RESTRICTED, "/containers/web/exec", r#"{"Cmd":["a"]}"#),
        ("F65 F81", RESTRICTED, "/exec/e1/start", "{}"),
    ]),
    ("F71", "[create]\nlimits = { cpus = 2, memory = '1g', pids = 100 }", &[
        (CREATE, r#"{"HostConfig":{"NanoCpus":2000000000,"Memory":1073741824,"PidsLimit":100}}"#),
        (CREATE, r#"{"HostConfig":{"CpuQuota":200000,"CpuPeriod":100000,"Memory":1,"PidsLimit":1}}"#),
        ("/containers/web/update", r#"{"Memory":1073741824}"#),
        ("/containers/web/update", r#"{"CpuQuota":200000,"CpuPeriod":100000}"#),
    ], &[
        ("F71", RESTRICTED, CREATE, r#"{"HostConfig":{"CpuShares":2,"Memory":1,"PidsLimit":1}}"#),
        ("F71", RESTRICTED, CREATE, r#"{"HostConfig":{"NanoCpus":2000000001,"Memory":1,"PidsLimit":1}}"#),
        ("F71", RESTRICTED, CREATE, r#"{"HostConfig":{"CpuQuota":-1,"Memory":1,"PidsLimit":1}}"#),
        ("F71", RESTRICTED, CREATE, r#"{"HostConfig":{"NanoCpus":1,"Memory":1}}"#),
        ("F71", RESTRICTED, CREATE, r#"{"HostConfig":{"NanoCpus":1,"Memory":1,"PidsLimit":0}}"#),
        ("F71", RESTRICTED, CREATE, r#"{"HostConfig":{"NanoCpus":1,"Memory":1,"PidsLimit":-1}}"#),
        ("F71", RESTRICTED, CREATE, r#"{"HostConfig":{"NanoCpus":1,"Memory":1,"MemorySwap":-1,"PidsLimit":1}}"#),
        ("F71", RESTRICTED, CREATE, r#"{"HostConfig":{"NanoCpus":1,"Memory":1,"PidsLimit":1,"OomKillDisable":true}}"#),
        ("F44", RESTRICTED, CREATE, r#"{"HostConfig":{"NanoCpus":1,"Memory":9007199254740993,"PidsLimit":1}}"#),
        ("F80", RESTRICTED, "/containers/web/update", r#"{"PidsLimit":-1}"#),
        ("F80", RESTRICTED, "/containers/web/update", r#"{"PidsLimit":0}"#),
        ("F80", RESTRICTED, "/containers/web/update", r#"{"MemorySwap":-1}"#),
        ("F80", RESTRICTED, "/containers/web/update", r#"{"CpuPeriod":1000}"#),
        ("F80", RESTRICTED, "/containers/web/update", r#"{"CpuQuota":200000}"#),
        ("F71", RESTRICTED, "/services/create", r#"{"TaskTemplate":{"ContainerSpec":{}}}"#),
    ]),
    ("F83 F84", "[exec]\ncommands = [['npm', 'test', '...']]\nenv = { allow = ['CI', 'URL=https://a/*'] }", &[
        ("/containers/web/exec", r#"{"Cmd":["npm","test","-v"],"Env":["CI=1","URL=https://a/x"]}"#),
    ], &[
        ("F83", RESTRICTED, "/containers/web/exec", r#"{"Cmd":["npm","test"],"Env":["LD_PRELOAD=/x"]}"#),
        ("F83", RESTRICTED, "/containers/web/exec", r#"{"Cmd":["npm","test"],"Env":["PATH=/x"]}"#),
        ("F84", RESTRICTED, "/containers/web/exec", r#"{"Cmd":["npm","test"],"Env":["URL=http://attacker"]}"#),
        ("F14", RESTRICTED, "/containers/web/exec", r#"{"Cmd":["npm","test\n"]}"#),
        ("F14", RESTRICTED, "/containers/web/exec", r#"{"Cmd":["npm"]}"#),
        ("F81", RESTRICTED, "/exec/e1/start", "{}"),
    ]),
    ("F97", "[images]\npull = ['registry.example/acme/*', 'alpine:3']", &[
        ("/images/create?fromImage=alpine&tag=3", ""),
        ("/images/create?fromImage=registry.example/acme/a:1", ""),
    ], &[
        ("F97", RESTRICTED, "/images/create?fromImage=evil.io/x", ""),
        ("F97", RESTRICTED, "/images/create?fromImage=alpine&tag=4", ""),
        ("F97", RESTRICTED, "/images/create?fromImage=alpine", ""),
        ("F97", RESTRICTED, "/images/create?fromImage=evil.io/registry.example/acme/a", ""),
        ("F97", RESTRICTED, "/images/create?fromImage=alpine:3&tag=4", ""),
        ("F97", BAD_QUERY, "/images/create?fromImage=alpine&tag=3&tag=4", ""),
    ]),
    ("3", "[images]\npull = ['alpine:latest']", &[
        ("/images/create?fromImage=alpine&tag=latest", ""),
    ], &[
        // Without a tag the daemon pulls all tags.
        ("3", RESTRICTED, "/images/create?fromImage=alpine", ""),
        ("3", RESTRICTED, "/images/create?fromImage=alpine:", ""),
    ]),
    ("F99", "[images]\npush = ['registry.acme/app:latest']", &[
        ("/images/registry.acme/app/push?tag=latest", ""),
        ("/images/registry.acme/app:latest/push", ""),
    ], &[
        ("F99", RESTRICTED, "/images/registry.acme/app/push?tag=evil", ""),
        ("F99", RESTRICTED, "/images/registry.acme/app:latest/push?tag=evil", ""),
        ("F99", RESTRICTED, "/images/evil.io/app/push?tag=latest", ""),
        // Without a tag the daemon pushes all tags.
        ("F99", RESTRICTED, "/images/registry.acme/app/push", ""),
    ]),
    ("C6", "[images]\ntags = ['acme/*']", &[
        ("/images/a/tag?repo=acme/x&tag=1", ""),
        ("/commit?container=web&repo=acme/x", ""),
        ("/build?t=acme/x", ""),
    ], &[
        ("C6", RESTRICTED, "/images/a/tag?repo=traefik&tag=1", ""),
        ("C6", RESTRICTED, "/commit?container=web&repo=traefik", ""),
        ("C6", RESTRICTED, "/build?t=acme/x&t=traefik", ""),
        ("C6", RESTRICTED, "/images/load", ""),
    ]),
    ("F48 F78", "[create]\nimages = ['acme/*']", &[
        (CREATE, r#"{"Image":"acme/a"}"#),
    ], &[
        ("F78", RESTRICTED, CREATE, r#"{"Image":"evil"}"#),
        ("F78", RESTRICTED, CREATE, r#"{"Image":"acme/a","HostConfig":{"Mounts":[{"Type":"image","Source":"evil","Target":"/a"}]}}"#),
        ("F78", RESTRICTED, CREATE, r#"{"Image":"0123456789ab"}"#),
        // The daemon also creates a container without an image.
        ("F78", RESTRICTED, CREATE, r#"{"Image":""}"#),
        ("F78", RESTRICTED, CREATE, "{}"),
        ("F107", RESTRICTED, "/services/create", r#"{"TaskTemplate":{"ContainerSpec":{"Image":"evil"}}}"#),
    ]),
    ("C7", "[create]\nlabels = { forbid = ['traefik.*'] }", &[
        (CREATE, r#"{"Labels":{"a":"b"}}"#),
    ], &[
        ("C7", RESTRICTED, CREATE, r#"{"Labels":{"traefik.enable":"true"}}"#),
        ("C7", RESTRICTED, "/services/create", r#"{"Labels":{"traefik.enable":"true"}}"#),
        ("C7", RESTRICTED, "/services/create", r#"{"TaskTemplate":{"ContainerSpec":{"Labels":{"traefik.enable":"true"}}}}"#),
        ("C7", RESTRICTED, "/volumes/create", r#"{"Labels":{"traefik.enable":"true"}}"#),
    ]),
    ("T14", "[create]\nenv = { forbid = ['LD_*'] }", &[
        ("/services/create", r#"{"TaskTemplate":{"ContainerSpec":{"Env":["A={{.Node.ID}}"]}}}"#),
    ], &[
        ("F83", RESTRICTED, "/services/create", r#"{"TaskTemplate":{"ContainerSpec":{"Env":["LD_PRELOAD=x"]}}}"#),
        // A node would fill in the name.
        ("T14", BAD_BODY, "/services/create", r#"{"Labels":{"p":"LD_PRELOAD"},"TaskTemplate":{"ContainerSpec":{"Env":["{{index .Service.Labels \"p\"}}=x"]}}}"#),
    ]),
    ("F117", "[archive]\npaths = ['/srv/**:rw']", &[
        ("PUT /containers/web/archive?path=/srv/a", ""),
        ("PUT /containers/web/archive?path=//srv/./a/.", ""),
    ], &[
        ("F117", RESTRICTED, "PUT /containers/web/archive?path=../..", ""),
        ("F117", RESTRICTED, "PUT /containers/web/archive?path=/srv/../etc", ""),
        ("F117", RESTRICTED, "PUT /containers/web/archive?path=/etc", ""),
        ("F117 C4", RESTRICTED, "PUT /containers/root/archive?path=/srv", ""),
        ("F117", BAD_QUERY, "PUT /containers/web/archive?path=/srv&path=/etc", ""),
    ]),
    ("2e", "[create]\nports = ['127.0.0.1:8000-8099']", &[
        (CREATE, r#"{"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8000-8001"}]}}}"#),
    ], &[
        ("2e", RESTRICTED, CREATE, r#"{"HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"8000"}]}}}"#),
        ("2e", RESTRICTED, CREATE, r#"{"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8000"}]}}}"#),
        ("2e", RESTRICTED, CREATE, r#"{"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8000-8100"}]}}}"#),
        ("2e", RESTRICTED, CREATE, r#"{"HostConfig":{"PortBindings":{"80/tcp":null}}}"#),
        ("2e", RESTRICTED, CREATE, r#"{"HostConfig":{"PublishAllPorts":true}}"#),
        ("2e", BAD_BODY, CREATE, r#"{"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"localhost","HostPort":"8000"}]}}}"#),
        ("2e", RESTRICTED, "/services/create", r#"{"EndpointSpec":{"Ports":[{"TargetPort":80,"PublishedPort":8000}]}}"#),
    ]),
];

/// The method of a case's target is POST, unless it begins with another one.
fn ask(gate: &Gate, target: &str, body: &str) -> [Reply; 2] {
    let Some(target) = target.strip_prefix("PUT ") else {
        return ask_both(gate, ("POST", target), body);
    };
    let put = |request: String| gate.ask(request.replacen("POST", "PUT", 1));
    [
        put(post(target, "", "tar")),
        put(chunked(target, "", "tar")),
    ]
}

#[test]
fn each_block_allows_what_it_says_and_denies_similar_requests() {
    for (id, blocks, granted, refused) in NARROWINGS {
        let daemon = daemon();
        let gate = Gate::start(&daemon, &format!("{}\n{blocks}", every_operation()));
        for (id, refused, target, body) in *refused {
            let case = format!("{id}: {blocks}: {target} {body}");
            for reply in ask(&gate, target, body) {
                refused.assert(&reply, &case);
            }
            daemon.assert_only_looked_up(&case);
        }
        for (target, body) in *granted {
            for reply in ask(&gate, target, body) {
                reply.assert_ok(&format!("{id}: {blocks}: {target} {body}"));
            }
        }
        assert_eq!(daemon.requests().len(), 2 * granted.len(), "{id}: {blocks}");
    }
}

#[test]
fn no_body_over_the_limit_is_sent_by_any_operation() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &every_operation());
    let padding = "a".repeat(1 << 20);
    for (id, target) in [
        ("CVE-2026-34040 F34", "/containers/create"),
        ("F35", "/networks/create"),
        ("F35", "/volumes/create"),
        ("F36", "/containers/web/exec"),
        ("F36", "/exec/e1/start"),
        ("F36", "/containers/web/update"),
        ("F36", "/services/create"),
        ("F36", "/networks/n/connect"),
        ("F36", "/nodes/n/update?version=1"),
        ("F36", "/swarm/init"),
        ("F37", "/plugins/pull?remote=a"),
    ] {
        let body =
            format!(r#"{{"Labels":{{"a":"{padding}"}},"HostConfig":{{"Privileged":true}}}}"#);
        for reply in ask_both(&gate, ("POST", target), &body) {
            TOO_LARGE.assert(&reply, &format!("{id}: {target}"));
        }
        daemon.assert_untouched(id);
    }
}

/// F34, F42: the most memory that bodies can occupy, with more clients than there is room for.
#[test]
fn the_memory_of_bodies_is_bounded_whatever_is_in_them_and_however_many_come() {
    const CLIENTS: usize = 500;
    let go_on = Signal::new();
    let held = go_on.clone();
    let daemon = FakeDaemon::scripted(move |exchange| {
        exchange.body();
        held.wait("the refusals");
        exchange.reply("200 OK", "", b"{}");
    });
    let gate = Setup::new(&daemon, &every_operation())
        .settings("[limits]\nconnections_per_client = 1024")
        .start();
    let variables = vec![r#""A=""#; 16_000].join(",");
    let start = format!(r#"{{"Image":"a","Env":[{variables}],"Domainname":""#);
    let padding = "a".repeat((1 << 20) - start.len() - 2);
    let request = post(CREATE, JSON, &format!("{start}{padding}\"}}"));
    let (told, replies) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let mut client = gate.connect();
            client.count(1);
            let (told, request) = (told.clone(), &request);
            scope.spawn(move || {
                // A refused body need not be read completely.
                let _ = client.try_send(request);
                told.send(client.reply().status()).unwrap();
            });
        }
        let reply = || replies.recv_timeout(3 * LIMIT).unwrap();
        // There is room for sixteen, and the daemon holds them until others were turned away.
        let early: Vec<_> = (0..100).map(|_| reply()).collect();
        assert!(early.iter().all(|status| *status == 503), "{early:?}");
        (0..CLIENTS).for_each(|_| go_on.raise());
        let late: Vec<_> = (100..CLIENTS).map(|_| reply()).collect();
        let is_known = |status: &u16| [200, 503].contains(status);
        assert!(late.iter().all(is_known), "{late:?}");
    });
    let peak = gate.peak_kib();
    assert!(peak < 192 * 1024, "{peak} KiB");
    go_on.raise();
    gate.ask(&request).assert_ok("after all of them");
    // Without a separate limit, this many values would take fifty times their size.
    let many = format!(
        r#"{{"Image":"a","Env":[{}]}}"#,
        vec![r#""""#; 340_000].join(",")
    );
    BAD_BODY.assert(&gate.ask(post(CREATE, JSON, &many)), "many values");
}
