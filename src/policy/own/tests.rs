//! What would reach Dockgate's own container is refused whatever a policy says.

use serde_json::{Value, json};

use super::*;
use crate::docker::{Target, body, classify};
use crate::policy::file::tests::policy;
use crate::policy::{Answer, Grants, Ground, Judgement, Lookup, Reason, Request, Rules, suppose};

/// Grants all of it, so that nothing but the own container refuses.
const EVERYTHING: &str = "allow = ['containers:write', 'networks:write', 'ContainerCreate', 'ContainerExec', 'ContainerUpdate',
    'ContainerAttach', 'ContainerAttachWebsocket', 'PutContainerArchive', 'ExecStart', 'ImageBuild', 'ImageCommit', 'ImageTag',
    'NetworkConnect', 'NetworkDisconnect', 'VolumeCreate', 'ServiceCreate', 'ServiceUpdate', 'ServiceDelete', 'ContainerArchive',
    'ContainerExport', 'ContainerRename']
    [archive]\nunrestricted = true\n[build]\nunrestricted = true\n[create]\nunrestricted = true\n[exec]\nunrestricted = true
    [images]\nunrestricted = true\n[networks]\nunrestricted = true\n[volumes]\nunrestricted = true";

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
        }},
        "NetworkSettings": {"Networks": {"front": {"Aliases": ["docker-proxy"], "DNSNames": ["gate.front"]}}},
    })
}

/// The daemon's answer: `gate` and every beginning of its id are Dockgate's, and it is on `front`.
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
            "Id": id("c"), "Name": name, "Driver": "bridge",
            "Containers": if name == "front" { json!({id("a"): {}}) } else { json!({}) },
        }),
        Lookup::Service(name) => json!({"ID": id(if name == "gate" { "5" } else { "6" })}),
        Lookup::DefaultRuntime
        | Lookup::Image(_)
        | Lookup::Labelled(..)
        | Lookup::Moved { .. }
        | Lookup::NewVolume(_)
        | Lookup::Predecessor(_)
        | Lookup::Tag(_)
        | Lookup::UsersOf(_)
        | Lookup::Volume(_) => return suppose::ordinarily(lookup, "p"),
    };
    lookup.read(reply.to_string().as_bytes()).unwrap()
}

/// The verdict on a request, and what is sent where it is granted; where it is only observed, the same.
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
    let own = Own::of(
        &Container::parse(container("a", "gate").to_string().as_bytes()).unwrap(),
        Some("/run/docker.sock"),
    );
    let rules = Rules::new(vec![policy("p", EVERYTHING)], Grants::default()).observed(is_observed);
    let (method, target) = request.split_once(' ').unwrap();
    let call = classify(method, Target::parse(target).unwrap()).unwrap();
    let (mut known, mut request) = (Known::default(), Request { call, body: None });
    loop {
        let ground = Ground {
            known: &known,
            own: Some(&own),
        };
        request = match rules.judge(request, ground) {
            Judgement::Allow(permit) => return Ok(permit.call().render()),
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

const REACHES: &str = "would reach dockgate's own container";
const JOINS: &str = "would join dockgate's own container";
const NETWORK: &str = "would join a network of dockgate's own container: make another network";
const IMAGE: &str = "would give another image the name of dockgate's own";
const PATH: &str = "would mount what is mounted in dockgate's own container";
const VOLUME: &str = "would mount a volume of dockgate's own container";
const NAMES: &str = "would take a name of dockgate's own container";

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
        // What the kernel is handed is cleaned by nobody, and has other options than the device.
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
        ("POST /containers/create?name=gate", "{}", NAMES),
        ("POST /containers/create?name=/GATE", "{}", NAMES),
        (
            "POST /containers/create",
            r#"{"Hostname":"gate-host"}"#,
            NAMES,
        ),
        (
            "POST /containers/create",
            r#"{"NetworkingConfig":{"EndpointsConfig":{"back":{"Aliases":["Docker-Proxy"]}}}}"#,
            NAMES,
        ),
        (
            "POST /networks/back/connect",
            r#"{"Container":"web","EndpointConfig":{"DNSNames":["gate.front"]}}"#,
            NAMES,
        ),
        ("POST /containers/web/rename?name=gate", "", NAMES),
        ("POST /services/create", r#"{"Name":"gate-service"}"#, NAMES),
        (
            "POST /services/create",
            r#"{"Networks":[{"Target":"back","Aliases":["gate"]}]}"#,
            NAMES,
        ),
        (
            "POST /services/gate/update?version=1",
            "{}",
            "would reach dockgate's own service",
        ),
        (
            "DELETE /services/gate",
            "",
            "would reach dockgate's own service",
        ),
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
    ] {
        assert_eq!(judged(request, body), Ok(want), "{request} {body}");
    }
}
