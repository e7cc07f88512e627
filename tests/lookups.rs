//! What dockgate asks the daemon about the objects in a request: on which connection, with which records,
//! and what happens to a request whose lookup fails.

use crate::support::objects::id;
use crate::support::{
    FakeDaemon, Gate, Refused, Setup, Signal, eventually, every_operation, everything, get, post,
};
use serde_json::{Value, json};

const JSON: &str = "Content-Type: application/json\r\n";
const FAILED: Refused = Refused(502, "lookup_failed");
const NOT_FOUND: Refused = Refused(404, "not_found");
const RESTRICTED: Refused = Refused(403, "restricted");

fn create(body: &str) -> String {
    post("/containers/create", JSON, body)
}

fn exec(name: &str) -> String {
    post(
        &format!("/containers/{name}/exec"),
        JSON,
        r#"{"Cmd":["a"]}"#,
    )
}

#[test]
fn a_lookup_goes_before_its_request_on_the_client_s_own_connection() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &every_operation());
    let (mut one, mut other) = (gate.connect(), gate.connect());
    let lines = format!("{JSON}X-Registry-Auth: e30=\r\nUser-Agent: planted\r\n");
    for _ in 0..2 {
        for client in [&mut one, &mut other] {
            client.request(post(
                "/containers/web/exec",
                &lines,
                r#"{"Cmd":["a"],"Env":["A=planted"]}"#,
            ));
            client.reply().assert_ok("an exec");
        }
    }
    let (asked, lookups) = (daemon.requests(), daemon.looked_up());
    // Nothing is remembered from one request to the next.
    assert_eq!((asked.len(), lookups.len()), (4, 4));
    for (request, (connection, target)) in asked.iter().zip(&lookups) {
        assert_eq!(
            (request.connection, "/containers/web/json"),
            (*connection, &**target)
        );
        let bytes = String::from_utf8(daemon.bytes(*connection)).unwrap();
        assert!(bytes.starts_with("GET /containers/web/json HTTP/1.1\r\n"));
        let (first, _) = bytes.split_once("\r\n\r\n").unwrap();
        assert!(
            !first.contains("planted") && !first.contains("Registry"),
            "{first}"
        );
    }
    assert_eq!(daemon.connections(), 2);
}

#[test]
fn a_lookup_is_on_record_with_its_request() {
    let daemon = FakeDaemon::start().that_has("/volumes/data", "{}");
    let gate = Gate::start(&daemon, &every_operation());
    gate.ask(exec("web")).assert_ok("granted");
    let body = r#"{"Image":"a","HostConfig":{"Privileged":true,"Binds":["data:/a","new:/b"]}}"#;
    RESTRICTED.assert(&gate.ask(create(body)), "refused");
    let lines = gate.stop();
    let shown: Vec<_> = lines
        .iter()
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            (
                text("event"),
                text("operation"),
                text("path"),
                line["status"].as_u64(),
            )
        })
        .collect();
    let pinned = format!("/containers/{}/exec", id("web"));
    let row = |event: &str, operation: &str, path: &str, status| {
        (
            event.to_owned(),
            operation.to_owned(),
            path.to_owned(),
            status,
        )
    };
    assert_eq!(
        shown,
        [
            row("begin", "ContainerExec", "/containers/web/exec", None),
            row(
                "lookup",
                "ContainerInspect",
                "/containers/web/json",
                Some(200)
            ),
            row(
                "request",
                "ContainerExec",
                "/containers/web/exec",
                Some(200)
            ),
            row("begin", "ContainerCreate", "/containers/create", None),
            row("lookup", "VolumeInspect", "/volumes/data", Some(200)),
            row("lookup", "VolumeInspect", "/volumes/new", Some(404)),
            row(
                "request",
                "ContainerCreate",
                "/containers/create",
                Some(403)
            ),
        ],
        "sent as {pinned}"
    );
    let ids: Vec<_> = lines.iter().map(|line| &line["id"]).collect();
    assert!(ids[..3].iter().all(|id| *id == ids[0]), "{ids:?}");
    assert!(ids[3..].iter().all(|id| *id == ids[3]), "{ids:?}");
    assert_ne!(ids[0], ids[3]);
}

#[test]
fn a_lookup_without_a_good_answer_refuses_and_nothing_is_sent() {
    let large = format!(r#"{{"Id":"{}","a":"{}"}}"#, id("a"), "a".repeat(5 << 20));
    let good = crate::support::objects::usual("/containers/a/json")
        .unwrap()
        .to_string();
    let without = |key: &str| {
        let mut object = crate::support::objects::usual("/containers/a/json").unwrap();
        object.as_object_mut().unwrap().remove(key);
        object.to_string()
    };
    let short = good.replace(&id("a"), "abc");
    let answers = [
        (
            "500",
            "500 Internal Server Error",
            r#"{"message":"x"}"#.to_owned(),
        ),
        ("redirect", "301 Moved Permanently", String::new()),
        ("409", "409 Conflict", "{}".to_owned()),
        ("no content", "204 No Content", String::new()),
        ("too long", "200 OK", large),
        ("empty", "200 OK", String::new()),
        ("not JSON", "200 OK", "<html>".to_owned()),
        ("cut off", "200 OK", good[..good.len() - 1].to_owned()),
        ("two of them", "200 OK", format!("{good}{good}")),
        ("a list", "200 OK", format!("[{good}]")),
        ("null", "200 OK", "null".to_owned()),
        ("no id", "200 OK", without("Id")),
        ("a short id", "200 OK", short),
        ("no name", "200 OK", without("Name")),
        ("no host configuration", "200 OK", without("HostConfig")),
        ("no configuration", "200 OK", without("Config")),
        ("no mounts", "200 OK", without("Mounts")),
    ];
    for (case, status, body) in answers {
        let daemon =
            FakeDaemon::start().that_answers("/containers/a/json", status, body.as_bytes());
        let gate = Gate::start(&daemon, &every_operation());
        FAILED.assert(&gate.ask(exec("a")), case);
        daemon.assert_only_looked_up(case);
        gate.ask(exec("b")).assert_ok(case);
    }
    for (case, reply) in [
        ("nothing", &b""[..]),
        ("half a head", b"HTTP/1.1 200 OK\r\nContent-Le"),
        ("no HTTP", b"hello\r\n\r\n"),
        ("a switch", b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"),
        ("half a body", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{"),
        ("two framings", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
    ] {
        let daemon = FakeDaemon::start().that_sends("/containers/a/json", reply);
        let gate = Gate::start(&daemon, &every_operation());
        let mut client = gate.connect();
        client.request(exec("a"));
        let asked = || (!daemon.looked_up().is_empty()).then_some(());
        crate::support::eventually("the question", asked);
        // The daemon never gets to its next answer.
        daemon.close_connections();
        let reply = client.reply();
        assert_eq!(reply.status(), 502, "{case}: {}", reply.text());
        daemon.assert_only_looked_up(case);
    }
}

#[test]
fn each_kind_of_lookup_refuses_without_a_valid_answer() {
    for (target, request) in [
        (
            "/networks/n",
            create(r#"{"Image":"a","HostConfig":{"NetworkMode":"n"}}"#),
        ),
        (
            "/volumes/v",
            create(r#"{"Image":"a","HostConfig":{"Binds":["v:/a"]}}"#),
        ),
        (
            "/info",
            create(r#"{"Image":"a","HostConfig":{"Runtime":"runc"}}"#),
        ),
        ("/exec/e1/json", post("/exec/e1/start", JSON, "{}")),
        (
            "/containers/w/json",
            create(r#"{"Image":"a","HostConfig":{"VolumesFrom":["w"]}}"#),
        ),
        (
            "/containers/w/json",
            post("/networks/bridge/connect", JSON, r#"{"Container":"w"}"#),
        ),
    ] {
        for body in [
            "{}",
            "[]",
            r#"{"Id":1,"Name":2,"Driver":3,"Options":4,"DefaultRuntime":5}"#,
        ] {
            let daemon = FakeDaemon::start().that_answers(target, "200 OK", body.as_bytes());
            let gate = Gate::start(&daemon, &every_operation());
            FAILED.assert(&gate.ask(&request), &format!("{target}: {body}"));
            daemon.assert_only_looked_up(target);
        }
    }
}

#[test]
fn missing_objects_get_404_in_the_daemons_words() {
    let none = br#"{"message":"No such thing: planted"}"#;
    for (target, request, said) in [
        ("/containers/w/json", exec("w"), "No such container: w"),
        (
            "/exec/e/json",
            post("/exec/e/start", JSON, "{}"),
            "No such exec instance: e",
        ),
        (
            "/containers/w/json",
            post("/networks/bridge/connect", JSON, r#"{"Container":"w"}"#),
            "No such container: w",
        ),
    ] {
        let daemon = FakeDaemon::start().that_answers(target, "404 Not Found", none);
        let gate = Gate::start(&daemon, &every_operation());
        let message = NOT_FOUND.assert(&gate.ask(&request), target);
        assert_eq!(message, said);
        daemon.assert_only_looked_up(target);
    }
}

/// After a 404 to a new container, the docker CLI pulls its image.
#[test]
fn what_a_new_container_refers_to_and_is_missing_gets_400() {
    let none = br#"{"message":"No such thing: planted"}"#;
    let missing_container = ("/containers/w/json", "No such container: w");
    let missing_network = ("/networks/n", "network n not found");
    for ((target, said), body) in [
        (
            missing_container,
            r#"{"HostConfig":{"PidMode":"container:w"}}"#,
        ),
        (
            missing_container,
            r#"{"HostConfig":{"IpcMode":"container:w"}}"#,
        ),
        (
            missing_container,
            r#"{"HostConfig":{"NetworkMode":"container:w"}}"#,
        ),
        (
            missing_container,
            r#"{"HostConfig":{"VolumesFrom":["w:ro"]}}"#,
        ),
        (missing_network, r#"{"HostConfig":{"NetworkMode":"n"}}"#),
        (
            missing_network,
            r#"{"NetworkingConfig":{"EndpointsConfig":{"n":{}}}}"#,
        ),
    ] {
        let daemon = FakeDaemon::start().that_answers(target, "404 Not Found", none);
        let gate = Gate::start(&daemon, &every_operation());
        let refused = Refused(400, "reference_not_found");
        assert_eq!(refused.assert(&gate.ask(create(body)), body), said);
        daemon.assert_only_looked_up(target);
    }
    // A missing volume is a new one.
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &every_operation());
    gate.ask(create(r#"{"Image":"a","HostConfig":{"Binds":["new:/a"]}}"#))
        .assert_ok("a new volume");
}

#[test]
fn a_new_volume_is_made_with_the_policy_s_mark_and_on_record() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &every_operation());
    let body = r#"{"Image":"a","HostConfig":{"VolumeDriver":"local","Binds":["new:/a"],
        "Mounts":[{"Type":"volume","Source":"newer","Target":"/b","VolumeOptions":{"Labels":{"x":"y"}}}]}}"#;
    gate.ask(create(body)).assert_ok("two new volumes");
    let connection = daemon.requests()[0].connection;
    let bytes = String::from_utf8(daemon.bytes(connection)).unwrap();
    let made: Vec<_> = bytes
        .lines()
        .filter(|line| line.starts_with(r#"{"Name""#))
        .map(|line| line.split("GET ").next().unwrap())
        .map(|line| line.split("POST ").next().unwrap())
        .collect();
    assert_eq!(
        made,
        [
            r#"{"Name":"new","Driver":"local","DriverOpts":{},"Labels":{"dockgate.policy":"policy"}}"#,
            r#"{"Name":"newer","Driver":"","DriverOpts":{},"Labels":{"x":"y","dockgate.policy":"policy"}}"#,
        ],
        "S8: {bytes}"
    );
    let lines = gate.stop();
    let shown = lines.iter().map(|line| {
        let text = |key: &str| line[key].as_str().unwrap_or_default();
        let shown = format!("{} {} {}", text("event"), text("path"), line["status"]);
        format!("{shown} {}", text("name")).trim_end().to_owned()
    });
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            "begin /containers/create null",
            "lookup /volumes/new 404",
            "lookup /volumes/newer 404",
            "prepare /volumes/create null new",
            "prepare /volumes/create 201 new",
            "prepare /volumes/create null newer",
            "prepare /volumes/create 201 newer",
            "request /containers/create 200",
        ]
    );
}

#[test]
fn a_record_of_a_removal_by_the_beginning_of_an_id_has_the_whole_id() {
    let daemon = FakeDaemon::start();
    let policy = "allow = ['ContainerCreate', 'ContainerDelete']\n[create]\nreplaces = true";
    let mut gate = Gate::start(&daemon, policy);
    let inspection = json!({"Id": id("web"), "Name": "/web"}).to_string();
    let daemon = daemon.that_has("/containers/61b/json", &inspection);
    gate.ask(post("/containers/61b", "", "").replacen("POST", "DELETE", 1))
        .assert_ok("removed");
    let sent = daemon.requests().pop().unwrap().head.first;
    assert_eq!(sent, format!("DELETE /containers/{} HTTP/1.1", id("web")));
    let record = gate.record();
    assert_eq!(
        (&record["object"], &record["object_id"]),
        (&json!("61b"), &json!(id("web"))),
        "{record}"
    );
}

/// The fields of a record about the objects that a request creates and uses: `name`, `object`, `object_id`
/// and `container`.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_record_names_the_objects_that_a_request_creates_and_uses() {
    let policy = every_operation()
        + "\n[create]\n[exec]\ninto = ['web']\n[networks]\ncontainers = ['web']\n[images]\n[volumes]\n";
    let daemon = FakeDaemon::start();
    let mut gate = Gate::start(&daemon, &policy);
    let daemon = daemon.that_has(
        "/networks/own",
        r#"{"Labels":{"dockgate.policy":"policy"}}"#,
    );
    // The beginning of an id, as clients write it, for a container that the policy selects and one that it does not.
    let (web, db, own) = (id("web"), id("db"), id("own"));
    let (is_web, is_db) = (
        json!({"Id": web, "Name": "/web"}).to_string(),
        json!({"Id": db, "Name": "/db"}).to_string(),
    );
    let _daemon = daemon
        .that_has(&format!("/containers/{web}/json"), &is_web)
        .that_has("/containers/61b/json", &is_web)
        .that_has("/containers/61c/json", &is_db);
    let connect = |name: &str| format!(r#"{{"Container":"{name}"}}"#);
    let none = [""; 4];
    for (request, is_allowed, [name, object, object_id, container]) in [
        (
            post("/networks/create", JSON, r#"{"Name":"net"}"#),
            true,
            ["net", "", "", ""],
        ),
        (
            post("/volumes/create", JSON, r#"{"Name":"vol"}"#),
            true,
            ["vol", "", "", ""],
        ),
        (post("/volumes/create", JSON, "{}"), true, none),
        (
            post("/containers/create?name=job", JSON, r#"{"Image":"a"}"#),
            true,
            ["job", "", "", ""],
        ),
        (
            post("/containers/create", JSON, r#"{"Image":"a"}"#),
            true,
            none,
        ),
        (
            post("/containers/web/rename?name=new", "", ""),
            true,
            ["new", "web", "", ""],
        ),
        (
            post("/commit?container=web&repo=acme/a&tag=1", JSON, "{}"),
            true,
            ["acme/a:1", "", "", ""],
        ),
        (post("/commit?container=web", JSON, "{}"), true, none),
        (exec("61b"), true, ["", "61b", &web, ""]),
        (exec(&web), true, ["", &web, &web, ""]),
        (exec("61c"), false, ["", "61c", &db, ""]),
        (
            post("/networks/own/connect", JSON, &connect("61b")),
            true,
            ["", "own", &own, &web],
        ),
        (
            post("/networks/own/connect", JSON, &connect("61c")),
            false,
            ["", "own", &own, &db],
        ),
        (
            post("/networks/own/disconnect", JSON, &connect("web")),
            true,
            ["", "own", "", &web],
        ),
    ] {
        let reply = gate.ask(&request);
        assert_eq!(
            reply.status() < 300,
            is_allowed,
            "{request}: {}",
            reply.status()
        );
        let record = gate.record();
        let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            ["name", "object", "object_id", "container"].map(text),
            [name, object, object_id, container],
            "{request}: {record}"
        );
    }
}

#[test]
fn a_volume_that_someone_else_creates_at_the_same_time_is_not_taken() {
    let theirs = r#"{"Driver":"local","Options":null,"Labels":{"dockgate.policy":"other"}}"#;
    let daemon =
        FakeDaemon::start().that_answers("/volumes/create", "201 Created", theirs.as_bytes());
    let gate = Gate::start(&daemon, &every_operation());
    let body = r#"{"Image":"a","HostConfig":{"Binds":["new:/a"]}}"#;
    RESTRICTED.assert(&gate.ask(create(body)), "S8: made by another policy");
    assert!(daemon.requests().is_empty(), "S8");
}

#[test]
fn a_container_is_started_whose_networks_the_engine_finds_by_name() {
    let labels = r#"{"Labels":{"dockgate.policy":"policy"}}"#;
    let container = format!(
        r#"{{"Config":{labels},"NetworkSettings":{{"Networks":{{"app":{{}},"default":{{}}}}}}}}"#
    );
    let daemon = FakeDaemon::start()
        .that_has("/networks/app", labels)
        .that_has("/networks/default", labels)
        .that_has("/containers/job/json", &container);
    let gate = Gate::start(&daemon, &every_operation());
    for _ in 0..2 {
        gate.ask(post("/containers/job/start", "", ""))
            .assert_ok("its own");
    }
}

#[test]
fn lookups_fail_if_the_daemon_is_unreachable() {
    let gate = Setup::before("unix:///nonexistent/d.sock".to_owned(), &every_operation()).start();
    Refused(502, "daemon_unreachable").assert(&gate.ask(exec("web")), "away");
}

/// The request that is sent after a name was looked up, with the full id in its place.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn looked_up_names_are_sent_as_full_ids() {
    let policy = every_operation()
        + "\n[create]\njoin = ['*']\nhost_namespaces = []\n[networks]\ncontainers = ['*']\n[images]\n[exec]\ninto = ['*']\n";
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &policy);
    let daemon = daemon.that_has(
        "/networks/own",
        r#"{"Labels":{"dockgate.policy":"policy"}}"#,
    );
    let (web, own) = (id("web"), id("own"));
    for (request, line, body) in [
        (
            exec("web"),
            format!("POST /containers/{web}/exec"),
            json!({"Cmd": ["a"]}),
        ),
        (
            post("/containers/web/archive?path=/a", "", "tar").replacen("POST", "PUT", 1),
            format!("PUT /containers/{web}/archive?path=%2Fa"),
            json!(null),
        ),
        (
            post(
                "/networks/own/connect",
                JSON,
                r#"{"Container":"/web","EndpointConfig":{"Links":["db"]}}"#,
            ),
            format!("POST /networks/{own}/connect"),
            json!({"Container": web, "EndpointConfig": {"Links": ["db"], "NetworkID": own}}),
        ),
        (
            post(
                "/networks/own/disconnect",
                JSON,
                r#"{"Container":"web","Force":true}"#,
            ),
            "POST /networks/own/disconnect".to_owned(),
            json!({"Container": web, "Force": true}),
        ),
        (
            create(
                r#"{"Image":"a","HostConfig":{"VolumesFrom":["web:ro","/db"],"PidMode":"container:web",
                "IpcMode":"container:/db","NetworkMode":"container:web","Links":["db:x","/web"]}}"#,
            ),
            "POST /containers/create".to_owned(),
            json!({"Image": "a", "Labels": {"dockgate.policy": "policy"}, "HostConfig": {
                "VolumesFrom": ["web:ro", "/db"], "PidMode": format!("container:{web}"),
                "IpcMode": format!("container:{}", id("db")), "NetworkMode": format!("container:{web}"),
                "Links": ["/db:x", "/web"],
            }}),
        ),
        (
            create(
                r#"{"Image":"a","NetworkingConfig":{"EndpointsConfig":{"own":{"Links":["db:x"]}}}}"#,
            ),
            "POST /containers/create".to_owned(),
            json!({"Image": "a", "Labels": {"dockgate.policy": "policy"}, "HostConfig": {},
                "NetworkingConfig": {"EndpointsConfig": {"own": {"Links": ["db:x"], "NetworkID": own}}}}),
        ),
    ] {
        gate.ask(&request).assert_ok(&request);
        let arrived = daemon.requests().pop().unwrap();
        assert_eq!(arrived.head.first, format!("{line} HTTP/1.1"));
        let sent = arrived.body.unwrap();
        if body != json!(null) {
            assert_eq!(
                serde_json::from_slice::<Value>(&sent).unwrap(),
                body,
                "{request}"
            );
        }
    }
}

/// F128, F129: an object that existed a moment ago may have been replaced by now.
#[test]
fn a_name_is_looked_up_again_for_each_request() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &every_operation());
    gate.ask(exec("web")).assert_ok("an ordinary container");
    let daemon = daemon.that_has(
        "/containers/web/json",
        r#"{"HostConfig":{"Privileged":true}}"#,
    );
    RESTRICTED.assert(&gate.ask(exec("web")), "F129");
    let daemon = daemon.that_answers("/containers/web/json", "404 Not Found", b"{}");
    NOT_FOUND.assert(&gate.ask(exec("web")), "F128");
    let daemon = daemon.that_has("/containers/web/json", "{}");
    gate.ask(exec("web")).assert_ok("F128");
    assert_eq!(daemon.requests().len(), 2);
}

/// What was collected and looked up for a request rests on the rules of that moment.
#[test]
fn a_request_begins_anew_if_the_rules_change_during_a_lookup() {
    let answered = Signal::new();
    let daemon = FakeDaemon::start().that_waits("/networks/net", &answered);
    let policy = "allow = ['ContainerCreate']\n[create]\nnetworks = ['net']\n";
    let gate = Gate::start(&daemon, policy);
    let mut client = gate.connect();
    client.request(create(
        r#"{"Image":"a","HostConfig":{"NetworkMode":"net"}}"#,
    ));
    eventually("the lookup", || {
        (daemon.looked_up().len() == 1).then_some(())
    });
    std::fs::write(gate.files().1, format!("{policy}fill = {{ pids = 9 }}")).unwrap();
    gate.reload("policies whose blocks changed: ");
    answered.raise();
    answered.raise();
    client.reply().assert_ok("allowed by both policies");
    assert_eq!(daemon.looked_up().len(), 2);
    let sent = daemon.requests().pop().unwrap().body.unwrap();
    let sent: Value = serde_json::from_slice(&sent).unwrap();
    assert_eq!(sent["HostConfig"]["PidsLimit"], 9);
}

#[test]
fn a_request_causes_a_limited_number_of_lookups() {
    let daemon = FakeDaemon::start();
    let any = every_operation() + "\n[create]\nvolumes = ['*']";
    let gate = Gate::start(&daemon, &any);
    let with_volumes = |count: usize| {
        let binds: Vec<_> = (0..count).map(|at| format!("v{at}:/a{at}")).collect();
        create(&json!({"Image": "a", "HostConfig": {"Binds": binds}}).to_string())
    };
    FAILED.assert(&gate.ask(with_volumes(65)), "65 volumes");
    daemon.assert_only_looked_up("65 volumes");
    assert_eq!(daemon.looked_up().len(), 64);
    gate.ask(with_volumes(64)).assert_ok("64 volumes");
}

#[test]
fn objects_that_an_unrestricted_block_allows_are_not_looked_up() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let body = r#"{"Image":"a","HostConfig":{"Binds":["v:/a","/:/h"],"NetworkMode":"n","VolumesFrom":["w"],"Runtime":"r"}}"#;
    for request in [
        create(body),
        exec("web"),
        post("/networks/n/connect", JSON, r#"{"Container":"w"}"#),
        get("/containers/json"),
    ] {
        gate.ask(&request).assert_ok(&request);
    }
    assert_eq!(daemon.looked_up(), []);
}

/// The same name in many places needs only one lookup.
#[test]
fn a_name_is_asked_about_once_for_a_request() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &every_operation());
    let body = r#"{"Image":"a","HostConfig":{"Binds":["v:/a","v:/b"],"Mounts":[{"Type":"volume","Source":"v","Target":"/c"}]}}"#;
    gate.ask(create(body)).assert_ok("one volume");
    // It does not exist, so it is created.
    let asked: Vec<_> = daemon.looked_up().into_iter().map(|(_, it)| it).collect();
    assert_eq!(asked, ["/volumes/v", "/volumes/create"]);
}

#[test]
fn a_list_that_a_scope_needs_may_be_of_any_length() {
    let container = |number: usize, name: &str| {
        json!({"Id": format!("{number:064x}"), "Names": [format!("/{name}")], "State": "running",
            "Labels": {"x": "y".repeat(60_000)}})
    };
    // Twelve MiB, which is more than one client may use.
    let mut all: Vec<_> = (0..200).map(|it| container(it, "foreign")).collect();
    all.insert(100, container(1000, "ci-web"));
    let info = || {
        FakeDaemon::scripted(|request| {
            let counts = br#"{"Containers":201,"ContainersRunning":201}"#;
            request.reply("200 OK", "", counts);
        })
    };
    let policy = "allow = ['SystemInfo']\n[scope]\nobjects = ['name:ci-*']";
    let asked = info();
    Gate::start(&asked, policy).ask(get("/info"));
    let list = asked.looked_up().remove(0).1;
    assert!(list.starts_with("/containers/json?all=1"), "{list}");
    let answer = |text: &[u8]| {
        let daemon = info().that_answers(&list, "200 OK", text);
        Gate::start(&daemon, policy).ask(get("/info"))
    };
    let reply = answer(json!(all).to_string().as_bytes());
    assert_eq!(reply.text(), r#"{"Containers":1,"ContainersRunning":1}"#);
    // Those in scope take memory.
    let own = vec![container(1, "ci-web"); 400];
    assert_eq!(answer(json!(own).to_string().as_bytes()).status(), 503);
    FAILED.assert(&answer(b"[{\"Id\":\"1\"}"), "a list that breaks off");
}
