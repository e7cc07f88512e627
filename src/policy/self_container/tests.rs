//! Whatever a policy says, requests that would reach Dockgate's own container are denied.

use serde_json::{Value, json};

use super::*;
use crate::advice::dry_run;
use crate::docker::Block;
use crate::docker::{Effect, Operation, Target, body, classify};
use crate::policy::owner::Owner;
use crate::policy::{Answer, Context, Judgement, Lookup, Reason, Request, Rules};
use crate::policyfile::Grants;
use crate::policyfile::file::tests::policy;

/// Allows everything, so that only the protection of Dockgate's own container can deny.
fn everything() -> &'static str {
    let names = Operation::ALL
        .iter()
        .map(|operation| format!("'{operation}'"));
    let names = names.collect::<Vec<_>>().join(", ");
    let lifted = Block::ALL
        .iter()
        .map(|block| format!("[{}]\nunrestricted = true\n", block.name()));
    // Raw paths of up to five segments.
    let raw = ["GET", "POST", "DELETE"].map(|method| {
        let paths = (1..6).map(|depth| format!("'{method} /libpod{}'", "/{}".repeat(depth)));
        paths.collect::<Vec<_>>().join(", ")
    });
    let raw = raw.join(", ");
    format!("allow = [{names}, {raw}]\n{}", lifted.collect::<String>()).leak()
}

fn id(digit: &str) -> String {
    digit.repeat(64)
}

fn container(digit: &str, name: &str) -> Value {
    json!({
        "Id": id(digit), "Name": format!("/{name}"), "HostConfig": {}, "Mounts": [
            {"Type": "volume", "Name": "sockets", "Source": "/var/lib/docker/volumes/sockets/_data", "Destination": "/run/dockgate"},
            {"Type": "bind", "Source": "/srv/gate/dockgate.toml", "Destination": "/etc/dockgate/dockgate.toml"},
            {"Type": "bind", "Source": "/var/run/gate=2,a", "Destination": "/run/other"},
            {"Type": "bind", "Source": "/var/run/docker.sock", "Destination": "/run/docker.sock"},
        ],
        "Config": {"Hostname": "gate-host", "Image": "acme/gate:1", "Labels": {
            "com.docker.swarm.service.id": id("5"), "com.docker.swarm.service.name": "Gate-Service",
            "com.docker.swarm.task.id": "t4sk1d", "com.docker.swarm.task.name": "Gate-Service.1.t4sk1d",
        }},
        "Image": format!("sha256:{}", id("e")),
        "NetworkSettings": {"Networks": {"front": {"NetworkID": id("f"), "Aliases": ["docker-proxy", "gate-12"], "DNSNames": ["gate.front"]}}},
    })
}

/// The daemon's answer: `handler` and every beginning of its id belong to Dockgate, which is on `front`.
fn answer(lookup: &Lookup) -> Answer {
    let reply = match lookup {
        Lookup::Container(name) if name == "gate" || id("a").starts_with(name.as_str()) => {
            container("a", "gate")
        }
        Lookup::Container(name) => container("b", name),
        Lookup::Exec(exec) => json!({
            "ID": exec,
            "ContainerID": id(if exec == "own" { "a" } else { "b" }),
            "ProcessConfig": {"entrypoint": "sh"},
        }),
        Lookup::Network(name) => json!({
            "Id": id(if name == "stopped" { "f" } else { "c" }), "Name": name, "Driver": "bridge",
            "Containers": if name == "front" { json!({id("a"): {}}) } else { json!({}) },
        }),
        Lookup::Service(name) => json!({"ID": id(if name == "gate" { "5" } else { "6" })}),
        Lookup::DefaultRuntime
        | Lookup::Image(_)
        | Lookup::Labeled(..)
        | Lookup::Moved { .. }
        | Lookup::Named(_)
        | Lookup::NewVolume(_)
        | Lookup::Predecessor(_)
        | Lookup::SwarmObject(..)
        | Lookup::Tag(_)
        | Lookup::UsersOf(_)
        | Lookup::Volume(_) => return dry_run::ordinarily(lookup, Owner::of("p")),
    };
    lookup.read(reply.to_string().as_bytes()).unwrap()
}

/// The verdict on a request, and what is sent if it is allowed. In observe mode the result must be the same.
fn judged(request: &str, text: &str) -> Result<String, (Reason, String)> {
    let enforced = judged_by(false, request, text);
    assert_eq!(
        judged_by(true, request, text),
        enforced,
        "observed: {request}"
    );
    enforced
}

fn judged_by(is_observed: bool, request: &str, text: &str) -> Result<String, (Reason, String)> {
    let own = SelfContainer::of(
        &Container::parse(container("a", "gate").to_string().as_bytes()).unwrap(),
        Some("/run/docker.sock"),
    );
    let rules =
        Rules::new(vec![policy("p", everything())], Grants::default()).observed(is_observed);
    let (method, target) = request.split_once(' ').unwrap();
    let call = classify(method, Target::parse(target).unwrap()).unwrap();
    let (mut known, mut request) = (Answers::default(), Request::new(call));
    loop {
        let context = Context {
            known: &known,
            own: Some(&own),
        };
        request = match rules.evaluate(request, context) {
            Judgement::Allow(permit) => return Ok(permit.request.call.render()),
            Judgement::Deny(denial) => return Err((denial.reason, denial.message)),
            Judgement::Missing(lookup) => panic!("{lookup:?}"),
            Judgement::Ask(request, lookup) => {
                let answer = answer(&lookup);
                known.learn(lookup, answer);
                request
            }
            Judgement::Inspect(mut request) => {
                let table = body::table(request.call.operation().unwrap()).unwrap();
                let text = if text.is_empty() { "{}" } else { text };
                request.body = Some(body::parse(text.as_bytes(), table).unwrap());
                request
            }
        };
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn nothing_reaches_it_by_any_way_that_the_daemon_finds_a_container() {
    let by_id = format!("POST /containers/{}/kill", id("a"));
    for (request, body, want) in [
        ("POST /containers/gate/kill", "", REACHES),
        (&*by_id, "", REACHES),
        ("POST /containers/aaaa/kill", "", REACHES),
        ("DELETE /containers/gate", "", REACHES),
        ("POST /containers/gate/stop", "", REACHES),
        ("POST /containers/gate/attach", "", REACHES),
        ("GET /containers/gate/attach/ws", "", REACHES),
        ("GET /containers/gate/archive?path=/", "", REACHES),
        ("GET /containers/gate/export", "", REACHES),
        ("PUT /containers/gate/archive?path=/", "", REACHES),
        ("POST /containers/gate/update", "{}", REACHES),
        ("POST /containers/gate/rename?name=x", "", REACHES),
        ("POST /containers/gate/exec", r#"{"Cmd":["a"]}"#, REACHES),
        ("POST /exec/own/start", "{}", REACHES),
        // Its audit log, which has what every client did.
        ("GET /containers/gate/logs?stdout=1", "", REACHES),
        ("GET /services/gate/logs?stdout=1", "", REACHES),
        ("GET /tasks/t4sk1d/logs?stdout=1", "", REACHES),
        ("GET /tasks/t4/logs?stdout=1", "", REACHES),
        (
            "GET /tasks/Gate-Service.1.t4sk1d/logs?stdout=1",
            "",
            REACHES,
        ),
        // Podman deletes a network or an image together with its containers.
        ("DELETE /networks/front?force=true", "", NETWORK_TOUCHED),
        ("DELETE /networks/stopped", "", NETWORK_TOUCHED),
        ("DELETE /volumes/sockets", "", VOLUME_TOUCHED),
        ("DELETE /images/acme/gate:1?force=true", "", IMAGE_TOUCHED),
        ("DELETE /images/docker.io/acme/gate:1", "", IMAGE_TOUCHED),
        ("DELETE /images/eee", "", IMAGE_TOUCHED),
        ("POST /images/load", "", ANY_IMAGE),
        ("POST /commit?container=gate", "", REACHES),
        (
            "POST /networks/back/connect",
            r#"{"Container":"gate"}"#,
            REACHES,
        ),
        (
            "POST /networks/back/disconnect",
            r#"{"Container":"/gate"}"#,
            REACHES,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"NetworkMode":"container:gate"}}"#,
            JOINS,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"PidMode":"container:aa"}}"#,
            JOINS,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"IpcMode":"container:/gate"}}"#,
            JOINS,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"VolumesFrom":["gate:ro"]}}"#,
            JOINS,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Links":["gate:x"]}}"#,
            JOINS,
        ),
        ("POST /build?networkmode=container:gate", "", JOINS),
        ("POST /build?networkmode=container:/aaa", "", JOINS),
        ("POST /build?networkmode=front", "", NETWORK),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"NetworkMode":"front"}}"#,
            NETWORK,
        ),
        (
            "POST /containers/create",
            r#"{"NetworkingConfig":{"EndpointsConfig":{"front":{}}}}"#,
            NETWORK,
        ),
        (
            "POST /containers/create",
            r#"{"NetworkingConfig":{"EndpointsConfig":{"bridge":{"NetworkID":"front"}}}}"#,
            NETWORK,
        ),
        (
            "POST /networks/front/connect",
            r#"{"Container":"web"}"#,
            NETWORK,
        ),
        (
            "POST /services/create",
            r#"{"TaskTemplate":{"Networks":[{"Target":"front"}]}}"#,
            NETWORK,
        ),
        ("POST /images/evil/tag?repo=acme/gate&tag=1", "", IMAGE),
        (
            "POST /commit?container=web&repo=docker.io/acme/gate&tag=1",
            "",
            IMAGE,
        ),
        ("POST /build?t=acme/gate:1", "", IMAGE),
        (
            "POST /build?version=2&outputs=%5B%7B%22Type%22:%22moby%22,%22Attrs%22:%7B%22name%22:%22acme/gate:1%22%7D%7D%5D",
            "",
            IMAGE,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Binds":["sockets:/x:ro"]}}"#,
            VOLUME,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Mounts":[{"Type":"volume","Source":"sockets","Target":"/x"}]}}"#,
            VOLUME,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Binds":["/srv/gate/dockgate.toml:/x:ro"]}}"#,
            PATH,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Binds":["/srv:/x"]}}"#,
            PATH,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Binds":["/var/lib/docker/volumes/sockets/_data:/x"]}}"#,
            PATH,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/srv/gate","Target":"/x"}]}}"#,
            PATH,
        ),
        (
            "POST /volumes/create",
            r#"{"Name":"v","DriverOpts":{"type":"none","o":"bind","device":"/srv/gate"}}"#,
            PATH,
        ),
        // Nobody cleans what the kernel gets, and it has paths in more options than the device.
        (
            "POST /volumes/create",
            r#"{"Name":"v","DriverOpts":{"o":"bind","device":"//srv/./gate/"}}"#,
            PATH,
        ),
        (
            "POST /volumes/create",
            r#"{"Name":"v","DriverOpts":{"o":"bind","device":"/opt/../srv/gate"}}"#,
            PATH,
        ),
        (
            "POST /volumes/create",
            r#"{"Name":"v","DriverOpts":{"o":"bind","device":"srv/gate"}}"#,
            PATH,
        ),
        (
            "POST /volumes/create",
            r#"{"Name":"v","DriverOpts":{"type":"overlay","device":"overlay","o":"lowerdir=/opt:/srv/gate"}}"#,
            PATH,
        ),
        (
            "POST /volumes/create",
            r#"{"Name":"v","DriverOpts":{"type":"overlay","device":"overlay","o":"lowerdir=/opt:/srv/ga\\te"}}"#,
            PATH,
        ),
        (
            "POST /volumes/create",
            r#"{"Name":"v","DriverOpts":{"o":"bind","device":"/proc/1/root/srv/gate"}}"#,
            PATH,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Binds":["/proc/self/root/srv/gate:/x"]}}"#,
            PATH,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Binds":["/proc/1/task/1/cwd/srv/gate:/x"]}}"#,
            PATH,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Binds":["/run/gate=2,a:/x"]}}"#,
            PATH,
        ),
        (
            "POST /volumes/create",
            r#"{"Name":"v","DriverOpts":{"o":"bind","device":"/var/run/gate=2,a"}}"#,
            PATH,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Mounts":[{"Type":"volume","Target":"/x","VolumeOptions":{"DriverConfig":{"Name":"local","Options":{"o":"bind","device":"/srv//gate"}}}}]}}"#,
            PATH,
        ),
        ("POST /containers/create?name=gate", "{}", NAME),
        ("POST /containers/create?name=/GATE", "{}", NAME),
        (
            "POST /containers/create",
            r#"{"Hostname":"gate-host"}"#,
            NAME,
        ),
        (
            "POST /containers/create",
            r#"{"NetworkingConfig":{"EndpointsConfig":{"back":{"Aliases":["Docker-Proxy"]}}}}"#,
            NAME,
        ),
        (
            "POST /networks/back/connect",
            r#"{"Container":"web","EndpointConfig":{"DNSNames":["gate.front"]}}"#,
            NAME,
        ),
        ("POST /containers/web/rename?name=gate", "", NAME),
        // S18: every field that becomes a name, in every form that resolvers compare.
        ("POST /containers/create", r#"{"Hostname":"gate."}"#, NAME),
        ("POST /containers/create", r#"{"Domainname":"Gate"}"#, NAME),
        (
            "POST /containers/create",
            r#"{"Hostname":"gate","Domainname":"front"}"#,
            NAME,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Links":["web:gate"]}}"#,
            NAME,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Links":["/web:/other/gate"]}}"#,
            NAME,
        ),
        (
            "POST /networks/back/connect",
            r#"{"Container":"web","EndpointConfig":{"Links":["web:gate"]}}"#,
            NAME,
        ),
        // A resolver finds `gate` on the network `front` under `gate.front`.
        ("POST /networks/create", r#"{"Name":"FRONT"}"#, NAME),
        (
            "POST /services/create",
            r#"{"Name":"tasks.gate-service"}"#,
            NAME,
        ),
        (
            "POST /services/create",
            r#"{"TaskTemplate":{"ContainerSpec":{"Hostname":"GATE"}}}"#,
            NAME,
        ),
        (
            "POST /services/create",
            r#"{"Name":"ga","TaskTemplate":{"ContainerSpec":{"Hostname":"{{.Service.Name}}te"}}}"#,
            NAME,
        ),
        (
            "POST /services/create",
            r#"{"TaskTemplate":{"ContainerSpec":{"Hostname":"gate-{{ .Task.Slot }}"}}}"#,
            NAME,
        ),
        ("POST /services/create", r#"{"Name":"gate-service"}"#, NAME),
        (
            "POST /services/create",
            r#"{"Networks":[{"Target":"back","Aliases":["gate"]}]}"#,
            NAME,
        ),
        ("POST /services/gate/update?version=1", "{}", REACHES),
        ("DELETE /services/gate", "", REACHES),
    ] {
        let (reason, message) = judged(request, body).unwrap_err();
        assert_eq!(reason, Reason::OwnContainer, "{request} {body}: {message}");
        assert!(message.ends_with(want), "{request} {body}: {message}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn what_is_next_to_it_is_granted_and_sent_by_id() {
    let web = id("b");
    for (request, body, want) in [
        (
            "POST /containers/web/kill",
            "",
            format!("/containers/{web}/kill"),
        ),
        ("POST /exec/e1/start", "{}", "/exec/e1/start".to_owned()),
        (
            "POST /images/x/tag?repo=acme/gate&tag=2",
            "",
            "/images/x/tag?repo=acme%2Fgate&tag=2".to_owned(),
        ),
        (
            "POST /build?networkmode=host",
            "",
            "/build?networkmode=host".to_owned(),
        ),
        (
            "POST /build?networkmode=back",
            "",
            format!("/build?networkmode={}", id("c")),
        ),
        (
            "POST /build?networkmode=container:web",
            "",
            format!("/build?networkmode=container%3A{web}"),
        ),
        (
            "POST /commit?container=web",
            "",
            format!("/commit?container={web}"),
        ),
        (
            "POST /containers/create?name=gates",
            r#"{"HostConfig":{"NetworkMode":"back"}}"#,
            "/containers/create?name=gates".to_owned(),
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"NetworkMode":"host"}}"#,
            "/containers/create".to_owned(),
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Binds":["/srv:/x:ro"]}}"#,
            "/containers/create".to_owned(),
        ),
        (
            "POST /volumes/create",
            r#"{"Name":"v","DriverOpts":{"type":"none","o":"bind","device":"/srv/gate/../gate2"}}"#,
            "/volumes/create".to_owned(),
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Binds":["/srv/gate2:/x"]}}"#,
            "/containers/create".to_owned(),
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Binds":["/:/x"]}}"#,
            "/containers/create".to_owned(),
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Binds":["/var/run/docker.sock:/x"]}}"#,
            "/containers/create".to_owned(),
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Binds":["sockets2:/x"]}}"#,
            "/containers/create".to_owned(),
        ),
        (
            "POST /services/web/update?version=1",
            "{}",
            format!("/services/{}/update?version=1", "6".repeat(64)),
        ),
        (
            "POST /networks/create",
            r#"{"Name":"gate"}"#,
            "/networks/create".to_owned(),
        ),
        (
            "POST /containers/create",
            r#"{"Hostname":"gates","Domainname":"example.com"}"#,
            "/containers/create".to_owned(),
        ),
        (
            "POST /services/create",
            r#"{"Name":"web","TaskTemplate":{"ContainerSpec":{"Hostname":"{{.Service.Name}}-{{.Task.Slot}}.{{.Node.Hostname}}"}}}"#,
            "/services/create".to_owned(),
        ),
        // Creating a service does not affect an existing one.
        (
            "POST /services/create",
            r#"{"Name":"web"}"#,
            "/services/create".to_owned(),
        ),
        (
            "GET /containers/web/logs?stdout=1",
            "",
            format!("/containers/{web}/logs?stdout=1"),
        ),
        (
            "GET /containers/gate/stats?stream=0",
            "",
            "/containers/gate/stats?stream=0".to_owned(),
        ),
        ("GET /tasks/t5/logs", "", "/tasks/t5/logs".to_owned()),
        (
            "DELETE /networks/back?force=true",
            "",
            format!("/networks/{}", id("c")),
        ),
        ("DELETE /volumes/sock", "", "/volumes/sock".to_owned()),
        (
            "DELETE /images/acme/gate:2",
            "",
            "/images/acme/gate:2".to_owned(),
        ),
        (
            "POST /images/acme/gate:1/push",
            "",
            "/images/acme/gate:1/push".to_owned(),
        ),
    ] {
        assert_eq!(judged(request, body), Ok(want), "{request} {body}");
    }
}

#[test]
fn trap_1_every_row_of_the_table_that_names_it_and_does_more_than_show_metadata_is_refused() {
    let mut found = 0;
    for spec in Operation::ALL.iter().map(|operation| operation.spec()) {
        let named = spec.objects.first().and_then(|kind| match kind {
            Object::Container | Object::Service => Some("gate"),
            Object::Exec => Some("own"),
            Object::Image => Some("acme/gate:1"),
            Object::Network => Some("front"),
            Object::Task => Some("t4sk1d"),
            Object::Volume => Some("sockets"),
            Object::Checkpoint
            | Object::Config
            | Object::Node
            | Object::Plugin
            | Object::Repository
            | Object::Secret => None,
        });
        let Some(named) = named else { continue };
        let is_copied =
            spec.objects.first() == Some(&Object::Image) && spec.effect != Effect::Write;
        // The body names the container to connect.
        let moves = spec.name == "NetworkDisconnect";
        for route in spec.routes {
            let path = ["{name...}", "{name}", "{id}"]
                .iter()
                .fold(route.path.to_owned(), |path, name| {
                    path.replace(name, named)
                });
            let path = path.replace("{checkpoint}", "one");
            let request = format!("{} {path}", route.method.as_str());
            let takes_container = spec.name == "NetworkConnect" || moves;
            let verdict = judged(
                &request,
                if takes_container {
                    r#"{"Container":"web"}"#
                } else {
                    ""
                },
            );
            if spec.effect == Effect::Read || is_copied || moves {
                assert!(verdict.is_ok(), "{request}: {verdict:?}");
            } else {
                let reason = verdict.map_err(|(reason, _)| reason);
                assert_eq!(reason, Err(Reason::OwnContainer), "{request}");
                found += 1;
            }
        }
    }
    assert!(found > 25, "{found}");
}

#[test]
fn s17_a_raw_path_that_names_what_is_its_own_is_refused() {
    let full = id("a");
    for request in [
        "POST /libpod/containers/gate/kill",
        "POST /v5.4.2/libpod/containers/gate/kill",
        "POST /libpod/containers/GATE/kill",
        &format!("POST /libpod/containers/{full}/stop"),
        "DELETE /libpod/containers/aaaaaaaaaaaa?force=true",
        "DELETE /libpod/containers/a",
        // SQL's LIKE, with which Podman finds the beginning of an id.
        "DELETE /libpod/containers/AAA",
        "DELETE /libpod/containers/_",
        "DELETE /libpod/containers/aa_a",
        "GET /libpod/containers/gate/logs?stdout=true",
        "POST /libpod/commit?container=gate",
        "POST /libpod/commit?container=%5f%5fa",
        "POST /libpod/commit?container=%25a",
        "GET /libpod/containers/stats?containers=web,gate",
        "GET /libpod/generate/kube?names=web&names=gate",
        "POST /libpod/containers/prune?filters=%7B%22name%22%3A%5B%22gate%22%5D%7D",
        "DELETE /libpod/networks/front?force=true",
        "DELETE /libpod/networks/f",
        "DELETE /libpod/networks/ffffffffffff",
        "DELETE /libpod/volumes/sockets?force=true",
        "DELETE /libpod/volumes/Sock",
        "DELETE /libpod/images/acme/gate:1?force=true",
        "DELETE /libpod/images/gate:1",
        "DELETE /libpod/images/docker.io/acme/gate:1",
        "DELETE /libpod/images/remove?images=acme%2Fgate%3A1",
        "DELETE /libpod/images/eee",
    ] {
        let (reason, message) = judged(request, "").unwrap_err();
        assert_eq!(reason, Reason::OwnContainer, "{request}: {message}");
        assert!(message.contains("Dockgate"), "{request}: {message}");
    }
    for request in [
        "POST /libpod/containers/web/kill",
        "DELETE /libpod/containers/gates?force=true&timeout=10&v=1",
        "DELETE /libpod/containers/ab",
        "DELETE /libpod/containers/aaab",
        "GET /libpod/containers/json?all=1",
        "GET /libpod/system/df",
        "DELETE /libpod/networks/back",
        "DELETE /libpod/volumes/sockets2",
        "DELETE /libpod/images/acme/gate:12",
        "GET /libpod/images/search?term=a-number-of-words",
        "DELETE /libpod/images/acme/gates:1",
    ] {
        assert!(
            judged(request, "").is_ok(),
            "{request}: {:?}",
            judged(request, "")
        );
    }
}
