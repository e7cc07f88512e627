//! Nobody makes himself a client: each kind of `from`, by each way of making it, beside what is allowed.

use std::sync::Arc;

use serde_json::{Value, json};

use super::networks::{CHANGED, CONTAINER, HOST, NETWORK, SUBNET};
use super::*;
use crate::advice::dry_run;
use crate::docker::{Block, Operation, Target, classify};
use crate::policy::owner::Owner;
use crate::policy::{Answer, Context, Judgement, Lookup, Reason, Request, Rules};
use crate::policyfile::Grants;
use crate::policyfile::file::Policy;
use crate::policyfile::file::tests::policy;

fn reserved() -> Reserved {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    Reserved {
        containers: vec!["traefik".to_owned()],
        networks: vec!["edge".to_owned()],
        services: vec![pair("shop", "web")],
        labels: vec![pair("team", "ops")],
        addresses: vec!["10.9.0.0/24".parse().unwrap()],
    }
}

/// Every operation.
fn allow() -> String {
    let names = Operation::ALL.iter().map(|it| format!("'{it}'"));
    format!("allow = [{}]\n", names.collect::<Vec<_>>().join(", "))
}

/// Allows everything, so that only what is reserved can deny.
fn everything() -> Policy {
    let blocks = Block::ALL.iter().map(|block| block.name());
    let lifted = blocks.map(|name| format!("[{name}]\nunrestricted = true\n"));
    let text = allow() + &lifted.collect::<String>();
    policy("p", text.leak())
}

/// Allows everything and reads no body.
fn unread() -> Policy {
    Policy {
        passes_bodies: true,
        ..policy("p", allow().leak())
    }
}

fn id(digit: &str) -> String {
    digit.repeat(64)
}

fn network(digit: &str, name: &str, driver: &str, subnet: &str) -> Value {
    let ranges = if subnet.is_empty() {
        json!([])
    } else {
        json!([{"Subnet": subnet}])
    };
    json!({"Id": id(digit), "Name": name, "Driver": driver, "IPAM": {"Config": ranges}})
}

fn container(name: &str, labels: &Value, mode: &str, networks: &Value) -> Value {
    json!({
        "Id": id("c"), "Name": format!("/{name}"), "Config": {"Labels": labels}, "Mounts": [],
        "HostConfig": {"NetworkMode": mode}, "NetworkSettings": {"Networks": networks},
    })
}

/// The daemon's answer.
fn answer(lookup: &Lookup) -> Answer {
    let reply = match lookup {
        Lookup::Network(name) => match name.as_str() {
            name if name == "edge" || name == id("e") || name == "eee" => {
                network("e", "edge", "bridge", "192.0.2.0/24")
            }
            "wide" => network("1", "wide", "macvlan", "10.0.0.0/8"),
            "narrow" => network("2", "narrow", "bridge", "10.9.0.128/25"),
            "beside" => network("3", "beside", "bridge", "10.9.1.0/24"),
            "unknown" => network("4", "unknown", "macvlan", ""),
            "host" => network("5", "host", "host", ""),
            "none" => network("6", "none", "null", ""),
            "swarm" => network("7", "swarm", "overlay", "192.0.2.0/24"),
            name if name.starts_with("gone") => return Answer::Missing,
            name => network("8", name, "bridge", "192.0.2.0/24"),
        },
        Lookup::Container(name) => {
            let on = |network: &str, digit: &str| json!({network: {"NetworkID": id(digit)}});
            let on_web = on("web", "8");
            match name.as_str() {
                "traefik" | "tt" => container("traefik", &json!({}), "web", &on_web),
                "labeled" => container(name, &json!({"team": "ops"}), "web", &on_web),
                "of-shop" => container(
                    name,
                    &json!({"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}),
                    "web",
                    &on_web,
                ),
                "on-edge" => container(name, &json!({}), "edge", &on("edge", "e")),
                "on-narrow" => container(name, &json!({}), "narrow", &json!({"narrow": {}})),
                "at" => {
                    let endpoint = json!({"NetworkID": "gone", "IPAddress": "10.9.0.7"});
                    container(name, &json!({}), "gone", &json!({"gone": endpoint}))
                }
                "sidecar" => container(name, &json!({}), "container:tt", &json!({})),
                "on-host" => container(name, &json!({}), "host", &json!({"host": {}})),
                "moved" => {
                    let endpoint = json!({"NetworkID": "gone1"});
                    container(name, &json!({}), "narrow", &json!({"narrow": endpoint}))
                }
                name => container(name, &json!({"team": "dev"}), "web", &on_web),
            }
        }
        Lookup::DefaultRuntime
        | Lookup::Exec(_)
        | Lookup::Image(_)
        | Lookup::Labeled(..)
        | Lookup::Moved { .. }
        | Lookup::Named(_)
        | Lookup::NewVolume(_)
        | Lookup::Predecessor(_)
        | Lookup::SwarmObject(..)
        | Lookup::Service(_)
        | Lookup::Tag(_)
        | Lookup::UsersOf(_)
        | Lookup::Volume(_) => return dry_run::ordinarily(lookup, Owner::of("p")),
    };
    lookup.read(reply.to_string().as_bytes()).unwrap()
}

/// What is sent if the request is allowed: the target and the body. `known` is answered before the daemon.
fn judged(
    rules: &Rules,
    request: &str,
    body: &str,
    known: &[(Lookup, Answer)],
) -> Result<(String, String), (Reason, String)> {
    let (method, target) = request.split_once(' ').unwrap();
    let call = classify(method, Target::parse(target).unwrap()).unwrap();
    let mut answers = Answers::default();
    for (lookup, answer) in known {
        answers.learn(lookup.clone(), answer.clone());
    }
    let mut request = Request::new(call);
    let (body, mut asked) = (body.to_owned(), 0);
    loop {
        let context = Context {
            known: &answers,
            own: None,
        };
        request = match rules.evaluate(request, context) {
            Judgement::Allow(permit) => {
                let is_unread = rules.policies()[0].passes_bodies && !rules.is_observed;
                assert!(!is_unread || permit.grounds.requirements.is_empty());
                let sent = &permit.request;
                return Ok((sent.call.render(), sent.body.clone().unwrap_or_default()));
            }
            Judgement::Deny(denial) => return Err((denial.reason, denial.message)),
            Judgement::Missing(lookup) => panic!("{lookup:?}"),
            Judgement::Ask(request, lookup) => {
                asked += 1;
                assert!(asked < 20, "{lookup:?}");
                let answer = answer(&lookup);
                answers.learn(lookup, answer);
                request
            }
            Judgement::Inspect(request) => match request.with_body(body.as_bytes()) {
                Ok(request) => request,
                Err(denial) => return Err((denial.reason, denial.message)),
            },
        };
    }
}

/// Every kind of rules under which a request must have the same verdict.
fn all_rules(reserved: &Reserved) -> [Rules; 3] {
    let rules = |policy: Policy, is_observed: bool| {
        let rules = Rules::new(vec![policy], Grants::default()).observed(is_observed);
        rules.reserving(Arc::new(reserved.clone()))
    };
    [
        rules(everything(), false),
        rules(everything(), true),
        rules(unread(), false),
    ]
}

/// Checks each case under all rules: what the message must have, or `None` if the request is allowed.
fn check(reserved: &Reserved, cases: &[(&str, &str, Option<&str>)]) {
    for rules in all_rules(reserved) {
        for (request, body, want) in cases {
            let got = judged(&rules, request, body, &[]);
            let case = format!("{request} {body}");
            match (want, got) {
                (None, Ok(_)) => {}
                (Some(want), Err((Reason::Reserved, message))) => {
                    assert!(message.ends_with(want), "{case}: {message}, not {want}");
                }
                (want, got) => panic!("{case}: {got:?}, not {want:?}"),
            }
        }
    }
}

const CREATE: &str = "POST /containers/create";
const SERVICE: &str = "POST /services/create";

#[test]
fn nobody_takes_the_name_of_a_client() {
    check(
        &reserved(),
        &[
            ("POST /containers/create?name=traefik", "{}", Some(NAME)),
            ("POST /containers/create?name=/traefik", "{}", Some(NAME)),
            ("POST /containers/create?name=%2ftraefik", "{}", Some(NAME)),
            (
                "POST /v1.24/containers/create?name=traefik",
                "{}",
                Some(NAME),
            ),
            ("POST /containers/create?name=traefik2", "{}", None),
            ("POST /containers/create?name=Traefik", "{}", None),
            (CREATE, r#"{"name":"traefik","Hostname":"traefik"}"#, None),
            ("POST /containers/web/rename?name=traefik", "", Some(NAME)),
            ("POST /containers/web/rename?name=/traefik", "", Some(NAME)),
            ("POST /containers/web/rename?name=traefik-1", "", None),
            // Renaming a client takes its rights away and gives them to nobody.
            ("POST /containers/traefik/rename?name=web", "", None),
            // The name of a task's container ends with the task's random id.
            (SERVICE, r#"{"Name":"traefik"}"#, None),
            (
                "POST /networks/create",
                r#"{"Name":"edge","IPAM":{"Config":[{"Subnet":"192.0.2.0/24"}]}}"#,
                Some(NAME),
            ),
            ("POST /networks/create", r#"{"nAmE":"edge"}"#, Some(NAME)),
            ("POST /networks/create", r#"{"Name":"edges"}"#, None),
            ("POST /networks/create", r#"{"Name":"traefik"}"#, None),
            ("POST /volumes/create", r#"{"Name":"edge"}"#, None),
        ],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn nobody_sets_a_label_of_a_client() {
    let label = labels::LABEL;
    let service = |labels: &str| {
        format!(r#"{{"Name":"a","TaskTemplate":{{"ContainerSpec":{{"Labels":{labels}}}}}}}"#)
    };
    check(
        &reserved(),
        &[
            (CREATE, r#"{"Labels":{"team":"ops"}}"#, Some(label)),
            (CREATE, r#"{"labels":{"a":"b","team":"ops"}}"#, Some(label)),
            (
                "POST /v1.24/containers/create",
                r#"{"Labels":{"team":"ops"}}"#,
                Some(label),
            ),
            // The label of a volume at a mount is not the container's, and the container's comes second.
            (
                CREATE,
                r#"{"HostConfig":{"Mounts":[{"Type":"volume","Source":"a","Target":"/a","VolumeOptions":{"Labels":{"team":"ops"}}}]},"Labels":{"team":"ops"}}"#,
                Some(label),
            ),
            (
                CREATE,
                r#"{"HostConfig":{"Mounts":[{"Type":"volume","Source":"a","Target":"/a","VolumeOptions":{"Labels":{"team":"ops"}}}]}}"#,
                None,
            ),
            (CREATE, r#"{"Labels":{"team":"dev"}}"#, None),
            (CREATE, r#"{"Labels":{"TEAM":"ops"}}"#, None),
            (CREATE, r#"{"Labels":{"team":""}}"#, None),
            (SERVICE, &service(r#"{"team":"ops"}"#), Some(label)),
            (SERVICE, &service(r#"{"team":"dev"}"#), None),
            (
                SERVICE,
                r#"{"Name":"a","Labels":{"team":"ops"},"TaskTemplate":{"ContainerSpec":{"Labels":{"team":"ops"}}}}"#,
                Some(label),
            ),
            (
                SERVICE,
                r#"{"Name":"a","Labels":{"team":"ops"},"TaskTemplate":{}}"#,
                None,
            ),
            (
                "POST /services/a/update?version=1",
                &service(r#"{"team":"ops"}"#),
                Some(label),
            ),
            (
                "POST /services/a/update?version=1",
                &service(r#"{"team":"dev"}"#),
                None,
            ),
            (
                "POST /commit?container=a",
                r#"{"Labels":{"team":"ops"}}"#,
                Some(label),
            ),
            (
                "POST /commit?container=a",
                r#"{"Labels":{"team":"dev"}}"#,
                None,
            ),
            ("POST /volumes/create", r#"{"Labels":{"team":"ops"}}"#, None),
            (
                "POST /networks/create",
                r#"{"Name":"a","Labels":{"team":"ops"}}"#,
                None,
            ),
        ],
    );
}

#[test]
fn nobody_builds_commits_or_imports_a_label_of_a_client() {
    let encode = |text: &str| {
        text.replace(' ', "%20")
            .replace('=', "%3D")
            .replace('"', "%22")
            .replace('\n', "%0A")
    };
    // As long as a query may be.
    let deep = "ONBUILD ".repeat(4000) + "LABEL team=ops";
    for (changes, is_denied) in [
        ("LABEL team=ops", true),
        ("label  team=\"ops\"", true),
        ("LABEL team='ops'", true),
        ("LABEL team ops", true),
        ("LABEL a=b team=ops", true),
        ("ENV A=b\nLABEL team=ops", true),
        ("ONBUILD LABEL team=ops", true),
        (&deep, true),
        ("LABEL team=dev", false),
        ("LABEL team=\"ops 2\"", false),
        ("LABEL a team=ops", false),
        ("ENV team=ops", false),
    ] {
        let want = is_denied.then_some(labels::LABEL);
        let changes = encode(changes);
        for (request, body) in [
            (format!("POST /commit?container=a&changes={changes}"), "{}"),
            (
                format!("POST /commit?container=a&changes=CMD%20a&changes={changes}"),
                "{}",
            ),
            (
                format!("POST /images/create?fromSrc=-&repo=a&changes={changes}"),
                "",
            ),
        ] {
            check(&reserved(), &[(&request, body, want)]);
        }
    }
    let build = |labels: &str| format!("POST /build?labels={}", encode(labels));
    check(
        &reserved(),
        &[
            (&build(r#"{"team":"ops"}"#), "", Some(labels::LABEL)),
            (&build(r#"{"a":"b","team":"dev"}"#), "", None),
            (
                &build(
                    r#"{"com.docker.compose.project":"shop","com.docker.compose.service":"web"}"#,
                ),
                "",
                Some(labels::OF_SERVICE),
            ),
        ],
    );
}

#[test]
fn nobody_joins_the_compose_service_of_a_client() {
    let labels = |project: &str, service: &str| {
        format!(
            r#"{{"com.docker.compose.project":"{project}","com.docker.compose.service":"{service}"}}"#
        )
    };
    let create =
        |project: &str, service: &str| format!(r#"{{"Labels":{}}}"#, labels(project, service));
    let task = |project: &str, service: &str| {
        let labels = labels(project, service);
        format!(r#"{{"Name":"a","TaskTemplate":{{"ContainerSpec":{{"Labels":{labels}}}}}}}"#)
    };
    let denied = Some(labels::OF_SERVICE);
    check(
        &reserved(),
        &[
            (CREATE, &create("shop", "web"), denied),
            (CREATE, &create("shop", "db"), None),
            (CREATE, &create("blog", "web"), None),
            (SERVICE, &task("shop", "web"), denied),
            (SERVICE, &task("shop", "db"), None),
            ("POST /commit?container=a", &create("shop", "web"), denied),
            // One label from the body and one from the instructions.
            (
                "POST /commit?container=a&changes=LABEL%20com.docker.compose.service=web",
                r#"{"Labels":{"com.docker.compose.project":"shop"}}"#,
                denied,
            ),
            (
                "POST /commit?container=a&changes=LABEL%20com.docker.compose.service=web",
                r#"{"Labels":{"com.docker.compose.project":"blog"}}"#,
                None,
            ),
        ],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn nobody_joins_or_changes_the_network_of_a_client() {
    let by_id = format!(r#"{{"HostConfig":{{"NetworkMode":"{}"}}}}"#, id("e"));
    let connect_by_id = format!("POST /networks/{}/connect", id("e"));
    let reserved = Reserved {
        addresses: Vec::new(),
        ..reserved()
    };
    check(
        &reserved,
        &[
            (
                CREATE,
                r#"{"HostConfig":{"NetworkMode":"edge"}}"#,
                Some(NETWORK),
            ),
            (
                CREATE,
                r#"{"hostconfig":{"networkmode":"edge"}}"#,
                Some(NETWORK),
            ),
            (
                CREATE,
                r#"{"HostConfig":{"NetworkMode":"eee"}}"#,
                Some(NETWORK),
            ),
            (CREATE, &by_id, Some(NETWORK)),
            (CREATE, r#"{"HostConfig":{"NetworkMode":"web"}}"#, None),
            (CREATE, r#"{"HostConfig":{"NetworkMode":"none"}}"#, None),
            (CREATE, r#"{"HostConfig":{"NetworkMode":"host"}}"#, None),
            (CREATE, "{}", None),
            (
                CREATE,
                r#"{"NetworkingConfig":{"EndpointsConfig":{"web":{},"edge":{}}}}"#,
                Some(NETWORK),
            ),
            (
                CREATE,
                r#"{"NetworkingConfig":{"EndpointsConfig":{"web":{"NetworkID":"eee"}}}}"#,
                Some(NETWORK),
            ),
            (
                CREATE,
                r#"{"NetworkingConfig":{"EndpointsConfig":{"web":{}}}}"#,
                None,
            ),
            (
                "POST /networks/edge/connect",
                r#"{"Container":"a"}"#,
                Some(NETWORK),
            ),
            (
                "POST /networks/eee/connect",
                r#"{"Container":"a"}"#,
                Some(NETWORK),
            ),
            (&connect_by_id, r#"{"Container":"a"}"#, Some(NETWORK)),
            (
                "POST /networks/web/connect",
                r#"{"Container":"a","EndpointConfig":{"NetworkID":"edge"}}"#,
                Some(NETWORK),
            ),
            ("POST /networks/web/connect", r#"{"Container":"a"}"#, None),
            (
                "POST /networks/edge/disconnect",
                r#"{"Container":"a"}"#,
                Some(CHANGED),
            ),
            (
                "POST /networks/web/disconnect",
                r#"{"Container":"a"}"#,
                None,
            ),
            ("DELETE /networks/edge", "", Some(CHANGED)),
            ("DELETE /networks/eee", "", Some(CHANGED)),
            ("DELETE /networks/web", "", None),
            ("GET /networks/edge", "", None),
            (
                SERVICE,
                r#"{"Name":"a","TaskTemplate":{"Networks":[{"Target":"edge"}]}}"#,
                Some(NETWORK),
            ),
            (
                SERVICE,
                r#"{"Name":"a","TaskTemplate":{},"Networks":[{"Target":"eee"}]}"#,
                Some(NETWORK),
            ),
            (
                SERVICE,
                r#"{"Name":"a","TaskTemplate":{"Networks":[{"Target":"swarm"}]}}"#,
                None,
            ),
            (
                "POST /services/a/update?version=1",
                r#"{"Name":"a","TaskTemplate":{"Networks":[{"Target":"edge"}]}}"#,
                Some(NETWORK),
            ),
            ("POST /build?networkmode=edge", "", Some(NETWORK)),
            ("POST /build?networkmode=eee", "", Some(NETWORK)),
            ("POST /build?networkmode=web", "", None),
            ("POST /build?networkmode=host", "", None),
            ("POST /build", "", None),
            // It has another network of that name by now.
            ("POST /containers/moved/start", "", None),
            ("POST /containers/on-edge/start", "", None),
        ],
    );
}

#[test]
fn nobody_joins_the_network_of_a_clients_container() {
    for (name, is_denied) in [
        ("traefik", true),
        ("/traefik", true),
        ("labeled", true),
        ("of-shop", true),
        ("on-edge", true),
        ("on-narrow", true),
        ("at", true),
        // It has the network of a client.
        ("sidecar", true),
        ("web", false),
    ] {
        let want = is_denied.then_some(CONTAINER);
        let join = format!(r#"{{"HostConfig":{{"NetworkMode":"container:{name}"}}}}"#);
        // The same container at another place of the body comes first.
        let twice = format!(
            r#"{{"HostConfig":{{"VolumesFrom":["{name}"],"NetworkMode":"container:{name}"}}}}"#
        );
        let build = format!("POST /build?networkmode=container:{name}");
        check(
            &reserved(),
            &[
                (CREATE, &join, want),
                (CREATE, &twice, want),
                (&build, "", want),
            ],
        );
        let others =
            format!(r#"{{"HostConfig":{{"VolumesFrom":["{name}"],"Links":["{name}:a"]}}}}"#);
        check(&reserved(), &[(CREATE, &others, None)]);
    }
    let on_host = r#"{"HostConfig":{"NetworkMode":"container:on-host"}}"#;
    check(&reserved(), &[(CREATE, on_host, Some(HOST))]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn nobody_gets_the_address_of_a_client() {
    let fixed = |key: &str, value: &str| {
        format!(
            r#"{{"NetworkingConfig":{{"EndpointsConfig":{{"web":{{"IPAMConfig":{{"{key}":{value}}}}}}}}}}}"#
        )
    };
    let connect = |key: &str, value: &str| {
        format!(r#"{{"Container":"a","EndpointConfig":{{"IPAMConfig":{{"{key}":{value}}}}}}}"#)
    };
    let range = |range: &str| format!(r#"{{"Name":"a","IPAM":{{"Config":[{range}]}}}}"#);
    let (denied, unreadable) = (Some(addresses::ADDRESS), Some(addresses::UNREADABLE));
    let to = "POST /networks/web/connect";
    let new = "POST /networks/create";
    check(
        &reserved(),
        &[
            (CREATE, &fixed("IPv4Address", "\"10.9.0.5\""), denied),
            (CREATE, &fixed("ipv4address", "\"10.9.0.5\""), denied),
            (CREATE, &fixed("IPv6Address", "\"::ffff:10.9.0.5\""), denied),
            (
                CREATE,
                &fixed("LinkLocalIPs", "[\"1.2.3.4\",\"10.9.0.5\"]"),
                denied,
            ),
            (CREATE, &fixed("IPv4Address", "\"010.9.0.5\""), unreadable),
            (CREATE, &fixed("IPv4Address", "\"10.9.1.5\""), None),
            (CREATE, &fixed("IPv6Address", "\"fd00::5\""), None),
            (to, &connect("IPv4Address", "\"10.9.0.5\""), denied),
            (to, &connect("IPv6Address", "\"::ffff:a09:5\""), denied),
            (to, &connect("LinkLocalIPs", "[\"10.9.0.5\"]"), denied),
            (to, &connect("IPv4Address", "\"10.9.1.5\""), None),
            (new, &range(r#"{"Subnet":"10.0.0.0/8"}"#), denied),
            (new, &range(r#"{"Subnet":"10.9.0.64/26"}"#), denied),
            (new, &range(r#"{"subnet":"10.9.0.200/16"}"#), denied),
            (new, &range(r#"{"Subnet":"::ffff:10.9.0.0/120"}"#), denied),
            (
                new,
                &range(r#"{"Subnet":"10.8.0.0/16"},{"IPRange":"10.9.0.0/30"}"#),
                denied,
            ),
            (
                new,
                &range(r#"{"Subnet":"10.8.0.0/16","Gateway":"10.9.0.1"}"#),
                denied,
            ),
            (new, &range(r#"{"Subnet":"10.9"}"#), unreadable),
            (new, &range(r#"{"Subnet":"10.9.1.0/24"}"#), None),
            // The daemon chooses the range: joining the network is checked.
            (new, r#"{"Name":"a"}"#, None),
            (
                CREATE,
                r#"{"HostConfig":{"NetworkMode":"wide"}}"#,
                Some(SUBNET),
            ),
            (
                CREATE,
                r#"{"HostConfig":{"NetworkMode":"narrow"}}"#,
                Some(SUBNET),
            ),
            (
                CREATE,
                r#"{"HostConfig":{"NetworkMode":"unknown"}}"#,
                Some(SUBNET),
            ),
            (CREATE, r#"{"HostConfig":{"NetworkMode":"beside"}}"#, None),
            (CREATE, r#"{"HostConfig":{"NetworkMode":"none"}}"#, None),
            (
                CREATE,
                r#"{"HostConfig":{"NetworkMode":"host"}}"#,
                Some(HOST),
            ),
            (CREATE, "{}", None),
            (
                "POST /networks/wide/connect",
                r#"{"Container":"a"}"#,
                Some(SUBNET),
            ),
            (
                "POST /networks/beside/connect",
                r#"{"Container":"a"}"#,
                None,
            ),
            (
                SERVICE,
                r#"{"Name":"a","TaskTemplate":{"Networks":[{"Target":"wide"}]}}"#,
                Some(SUBNET),
            ),
            ("POST /build?networkmode=wide", "", Some(SUBNET)),
            ("POST /build?networkmode=host", "", Some(HOST)),
            ("POST /build?networkmode=none", "", None),
            // Its network was deleted, and another one has the name.
            ("POST /containers/moved/start", "", Some(SUBNET)),
            ("POST /containers/moved/restart", "", Some(SUBNET)),
            ("POST /containers/web/start", "", None),
        ],
    );
}

#[test]
fn the_default_networks_of_engines_can_give_the_address_of_a_client() {
    let swarm = r#"{"Name":"a","TaskTemplate":{"Networks":[{"Target":"swarm"}]}}"#;
    let published = r#"{"Name":"a","TaskTemplate":{"Networks":[{"Target":"web"}]},"EndpointSpec":{"Ports":[{"TargetPort":80}]}}"#;
    let plain = r#"{"Name":"a","TaskTemplate":{"Networks":[{"Target":"web"}]}}"#;
    for (name, cases) in [
        (
            "bridge",
            &[
                (CREATE, "{}", true),
                (CREATE, r#"{"HostConfig":{"NetworkMode":"default"}}"#, true),
                (CREATE, r#"{"HostConfig":{"NetworkMode":"web"}}"#, false),
                (SERVICE, r#"{"Name":"a"}"#, true),
                (SERVICE, plain, false),
                ("POST /build", "", true),
                ("POST /build?networkmode=default", "", true),
                ("POST /build?networkmode=none", "", false),
            ][..],
        ),
        (
            "docker_gwbridge",
            &[(SERVICE, swarm, true), (SERVICE, plain, false)],
        ),
        (
            "ingress",
            &[(SERVICE, published, true), (SERVICE, plain, false)],
        ),
    ] {
        let lookup = Lookup::Network(name.to_owned());
        let reply = network("9", name, "bridge", "10.9.0.0/16").to_string();
        let answer = lookup.read(reply.as_bytes()).unwrap();
        let known = [(lookup, answer)];
        for rules in all_rules(&reserved()) {
            for (request, body, is_denied) in cases {
                let got = judged(&rules, request, body, &known);
                let reason = got.as_ref().err().map(|(reason, _)| *reason);
                let want = is_denied.then_some(Reason::Reserved);
                assert_eq!(reason, want, "{name}: {request} {body}: {got:?}");
            }
        }
    }
}

#[test]
fn an_engine_without_a_default_network_gives_no_address_on_it() {
    let known = [(Lookup::Network("bridge".to_owned()), Answer::Missing)];
    for rules in all_rules(&reserved()) {
        for (request, body) in [
            (CREATE, "{}"),
            (SERVICE, r#"{"Name":"a"}"#),
            ("POST /build", ""),
        ] {
            let got = judged(&rules, request, body, &known);
            assert!(got.is_ok(), "{request}: {got:?}");
        }
    }
}

#[test]
fn an_image_gives_nobody_a_label_of_a_client() {
    let project = "com.docker.compose.project";
    let service = "com.docker.compose.service";
    let none = json!({"team": "", service: ""});
    for (labels, want) in [
        (json!(null), none.clone()),
        (
            json!({"a": "b"}),
            json!({"a": "b", "team": "", service: ""}),
        ),
        (json!({"team": "dev"}), json!({"team": "dev", service: ""})),
        (
            json!({project: "shop"}),
            json!({project: "shop", "team": "", service: ""}),
        ),
        (
            json!({project: "shop", service: "db"}),
            json!({project: "shop", service: "db", "team": ""}),
        ),
        (
            json!({service: "web"}),
            json!({service: "web", "team": "", project: ""}),
        ),
        (json!({service: "db"}), json!({service: "db", "team": ""})),
    ] {
        for rules in all_rules(&reserved()) {
            let sent = |request: &str, body: &Value| {
                let (_, sent) = judged(&rules, request, &body.to_string(), &[]).unwrap();
                serde_json::from_str::<Value>(&sent).unwrap()
            };
            let container = json!({"Image": "a", "Labels": labels});
            assert_eq!(sent(CREATE, &container)["Labels"], want, "{labels}");
            let task = json!({"Name": "a", "TaskTemplate": {"ContainerSpec": {"Labels": labels}}});
            let sent = sent(SERVICE, &task);
            let task = &sent["TaskTemplate"]["ContainerSpec"];
            assert_eq!(task["Labels"], want, "{labels}");
            assert!(sent["Labels"].get("team").is_none(), "{sent}");
        }
    }
    // An empty value can be reserved too.
    let empty = Reserved {
        labels: vec![("team".to_owned(), String::new())],
        ..Reserved::default()
    };
    for rules in all_rules(&empty) {
        let (_, sent) = judged(&rules, CREATE, "{}", &[]).unwrap();
        assert!(sent.contains(r#""team":"-""#), "{sent}");
    }
}

fn removed(name: &str) -> (Lookup, Answer) {
    let old = json!({
        "Id": id("b"), "Name": format!("/{name}"), "Mounts": [],
        "Config": {"Image": "web:1", "Labels": {"team": "ops"}},
        "HostConfig": {"NetworkMode": "edge"},
        "NetworkSettings": {"Networks": {"edge": {
            "NetworkID": id("e"), "IPAMConfig": {"IPv4Address": "10.9.0.5"},
        }}},
    });
    let old = Arc::new(Container::parse(old.to_string().as_bytes()).unwrap());
    (
        Lookup::Predecessor(name.to_owned()),
        Answer::Containers(vec![old]),
    )
}

/// What an updater creates: the old container, whose label can come from its image.
const UPDATE: &str = r#"{"Image":"web:2","Labels":{"team":"ops"},"HostConfig":{"NetworkMode":"edge"},"NetworkingConfig":{"EndpointsConfig":{"edge":{"IPAMConfig":{"IPv4Address":"10.9.0.5"}}}}}"#;

fn updater(keys: &str) -> Rules {
    let text = format!(
        "allow = ['ContainerCreate', 'ContainerRename', 'NetworkConnect', 'NetworkDisconnect']\n[create]\nimages = ['*']\nnetworks = ['*']\n{keys}"
    );
    let rules = Rules::new(vec![policy("updater", text.leak())], Grants::default());
    rules.reserving(Arc::new(reserved()))
}

#[test]
fn a_replacement_keeps_what_makes_it_a_client() {
    let gone = (Lookup::Container(id("b")), Answer::Missing);
    let known = [removed("traefik"), gone];
    let rules = updater("replaces = true");
    let create = "POST /containers/create?name=traefik";
    let reason = |rules: &Rules, request: &str, body: &str, known: &[(Lookup, Answer)]| {
        judged(rules, request, body, known).map_err(|(reason, _)| reason)
    };
    let (_, sent) = reason(&rules, create, UPDATE, &known).unwrap();
    assert!(sent.contains(r#""team":"ops""#), "{sent}");
    let denied = Err(Reason::Reserved);
    let changed = UPDATE.replace("web:2", "other:1");
    assert_eq!(reason(&rules, create, &changed, &known), denied);
    let more = UPDATE.replace("\"team\":\"ops\"", "\"team\":\"ops\",\"a\":\"b\"");
    assert_eq!(reason(&rules, create, &more, &known), denied);
    assert_eq!(reason(&updater(""), create, UPDATE, &known), denied);
    let other = "POST /containers/create?name=web";
    let nothing = (Lookup::Predecessor("web".to_owned()), Answer::Missing);
    assert_eq!(reason(&rules, other, UPDATE, &[nothing]), denied);
    // The network of this name is not the one that the old container was on.
    let lookup = Lookup::Network("edge".to_owned());
    let reply = network("f", "edge", "bridge", "192.0.2.0/24").to_string();
    let answer = lookup.read(reply.as_bytes()).unwrap();
    let moved = [&known[..], &[(lookup, answer)]].concat();
    assert_eq!(reason(&rules, create, UPDATE, &moved), denied);
    for (request, body) in [
        ("POST /networks/edge/connect", r#"{"Container":"traefik"}"#),
        (
            "POST /networks/edge/disconnect",
            r#"{"Container":"traefik"}"#,
        ),
    ] {
        let got = reason(&rules, request, body, &known);
        assert_ne!(got, denied, "{request}");
        let got = reason(&updater(""), request, body, &known);
        assert_eq!(got, denied, "{request}");
    }
}

#[test]
fn a_replacement_keeps_the_labels_that_its_image_has_no_longer() {
    let gone = (Lookup::Container(id("b")), Answer::Missing);
    let image = Lookup::Image(id("d"));
    let said = json!({"Id": id("d"), "Config": {"Labels": {"team": "ops"}}}).to_string();
    let said = image.read(said.as_bytes()).unwrap();
    let (lookup, Answer::Containers(olds)) = removed("traefik") else {
        panic!();
    };
    let mut old = Container::clone(&olds[0]);
    old.image = id("d");
    let known = [
        (lookup, Answer::Containers(vec![Arc::new(old)])),
        gone,
        (image, said),
    ];
    let left_out = UPDATE.replace(r#""Labels":{"team":"ops"},"#, "");
    let create = "POST /containers/create?name=traefik";
    let (_, sent) = judged(&updater("replaces = true"), create, &left_out, &known).unwrap();
    let sent: Value = serde_json::from_str(&sent).unwrap();
    let want = json!({"team": "ops", "com.docker.compose.service": ""});
    assert_eq!(sent["Labels"], want);
}

#[test]
fn a_failed_update_gives_the_name_of_a_client_back() {
    let rename = "POST /containers/old/rename?name=traefik";
    let renamed = |digit: &str| {
        let mut reply = container("old", &json!({}), "web", &json!({}));
        reply["Id"] = json!(id(digit));
        let lookup = Lookup::Container("old".to_owned());
        let answer = lookup.read(reply.to_string().as_bytes()).unwrap();
        [(lookup, answer), removed("traefik")]
    };
    let rules = updater("replaces = true");
    assert!(judged(&rules, rename, "", &renamed("b")).is_ok());
    for (rules, known) in [(rules, renamed("a")), (updater(""), renamed("b"))] {
        let (reason, _) = judged(&rules, rename, "", &known).unwrap_err();
        assert_eq!(reason, Reason::Reserved);
    }
}

#[test]
fn an_unchanged_service_keeps_what_makes_its_tasks_a_client() {
    let rules = |keys: &str| {
        let text = format!(
            "allow = ['ServiceUpdate']\n[create]\nimages = ['*']\nnetworks = ['*', '@default']\n{keys}"
        );
        let rules = Rules::new(vec![policy("scaler", text.leak())], Grants::default());
        rules.reserving(Arc::new(reserved()))
    };
    let lookup = Lookup::Service("web".to_owned());
    let spec = |image: &str, labels: &str| {
        format!(
            r#"{{"Name":"web","TaskTemplate":{{"ContainerSpec":{{"Image":"{image}","Labels":{labels}}}}}}}"#
        )
    };
    let verdict = |rules: &Rules, spec: &str, was: &str| {
        let reply = format!(r#"{{"ID":"s1","Version":{{"Index":3}},"Spec":{was}}}"#);
        let known = [(lookup.clone(), lookup.read(reply.as_bytes()).unwrap())];
        let update = "POST /services/web/update?version=3";
        judged(rules, update, spec, &known).map_err(|(reason, _)| reason)
    };
    let client = spec("a:1", r#"{"team":"ops"}"#);
    let scaler = rules("unchanged = true");
    let (_, sent) = verdict(&scaler, &client, &client).unwrap();
    assert!(sent.contains(r#"{"team":"ops"}"#), "{sent}");
    let other = spec("a:2", r#"{"team":"ops"}"#);
    assert_eq!(verdict(&scaler, &other, &client), Err(Reason::Reserved));
    assert_eq!(verdict(&rules(""), &client, &client), Err(Reason::Reserved));
    let plain = spec("a:1", "{}");
    assert_eq!(verdict(&scaler, &client, &plain), Err(Reason::Reserved));
}

#[test]
fn without_clients_nothing_is_looked_up_read_or_changed() {
    for policy in [everything(), unread()] {
        let rules = || Rules::new(vec![policy.clone()], Grants::default());
        let reserving = rules().reserving(Arc::new(Reserved::default()));
        assert!(reserving.reserved.is_none());
        for (request, body) in [
            (
                "POST /containers/create?name=traefik",
                r#"{"Labels":{"team":"ops"}}"#,
            ),
            ("POST /networks/edge/connect", r#"{"Container":"traefik"}"#),
            ("POST /build", ""),
        ] {
            let (method, target) = request.split_once(' ').unwrap();
            let call = classify(method, Target::parse(target).unwrap()).unwrap();
            let known = Answers::default();
            let context = Context {
                known: &known,
                own: None,
            };
            let request = Request::new(call).with_body(body.as_bytes()).unwrap();
            let judgement = reserving.evaluate(request, context);
            assert!(matches!(judgement, Judgement::Allow(_)), "{judgement:?}");
            let plain = judged(&rules(), request_of(method, target), body, &[]);
            let same = judged(&reserving, request_of(method, target), body, &[]);
            assert_eq!(plain, same);
        }
    }
}

fn request_of(method: &str, target: &str) -> &'static str {
    format!("{method} {target}").leak()
}

#[test]
fn a_policy_that_reads_no_bodies_denies_nothing_else() {
    let rules = Rules::new(vec![unread()], Grants::default());
    let rules = rules.reserving(Arc::new(reserved()));
    for (request, body) in [
        // A variable without a value, a field that no version of the API has, and a label that a strict policy rejects.
        (
            CREATE,
            r#"{"Env":["A"],"Sidecar":true,"Labels":{"a=b":"c"}}"#,
        ),
        (
            CREATE,
            r#"{"HostConfig":{"Privileged":true,"Binds":["/:/a"]}}"#,
        ),
        (
            SERVICE,
            r#"{"Name":"a","TaskTemplate":{"ContainerSpec":{"Labels":{"a":"{{b}}"}}}}"#,
        ),
        ("POST /build?t=a&t=b&q=1&q=1", ""),
        ("POST /containers/a/exec", "not JSON"),
        ("POST /containers/create?name=cafe", "{}"),
    ] {
        let got = judged(&rules, request, body, &[]);
        let (_, sent) = got.unwrap_or_else(|denial| panic!("{request} {body}: {denial:?}"));
        assert!(!sent.contains("dockgate."), "it got no mark: {sent}");
    }
    for (request, body, want) in [
        (
            CREATE,
            r#"{"Labels":{"team":"dev","Team":"ops","team":"ops"}}"#,
            Some(Reason::BadBody),
        ),
        (
            CREATE,
            r#"{"HostConfig":{"NetworkMode":"ns:/proc/1/ns/net"}}"#,
            Some(Reason::BadBody),
        ),
        (
            "POST /containers/a/rename?name=a&name=traefik",
            "",
            Some(Reason::BadQuery),
        ),
        (
            "POST /build?labels={}&labels={}",
            "",
            Some(Reason::BadQuery),
        ),
    ] {
        let got = judged(&rules, request, body, &[]).map_err(|(reason, _)| reason);
        assert_eq!(got.err(), want, "{request} {body}");
    }
}

#[test]
fn podman_reads_the_value_of_a_label_from_its_first_equals_sign() {
    let reserved = Reserved {
        labels: vec![("team".to_owned(), "a=b".to_owned())],
        ..Reserved::default()
    };
    let rules = Rules::new(vec![unread()], Grants::default());
    let rules = rules.reserving(Arc::new(reserved));
    for (labels, is_denied) in [
        (r#"{"team":"a=b"}"#, true),
        (r#"{"team=a":"b"}"#, true),
        (r#"{"team=a=b":""}"#, false),
        (r#"{"team=b":"a"}"#, false),
    ] {
        let body = format!(r#"{{"Labels":{labels}}}"#);
        let got = judged(&rules, CREATE, &body, &[]).map_err(|(reason, _)| reason);
        let want = is_denied.then_some(Reason::Reserved);
        assert_eq!(got.err(), want, "{labels}");
    }
}

#[test]
fn a_denial_says_what_and_where_and_not_which_client() {
    let rules = &all_rules(&reserved())[0];
    for (request, body, want) in [
        (
            "POST /containers/create?name=/traefik",
            "{}",
            "ContainerCreate: name \"traefik\" is a name that identifies a client in Dockgate's settings: choose another name",
        ),
        (
            CREATE,
            r#"{"Labels":{"team":"ops"}}"#,
            "ContainerCreate: Labels \"team=ops\" is a label that identifies a client in Dockgate's settings: choose another value, or leave it out",
        ),
        (
            CREATE,
            r#"{"HostConfig":{"NetworkMode":"eee"}}"#,
            "ContainerCreate: HostConfig.NetworkMode \"eee\" is a network that identifies a client in Dockgate's settings: use another network",
        ),
        (
            "POST /networks/create",
            r#"{"Name":"a","IPAM":{"Config":[{"Subnet":"10.0.0.0/8"}]}}"#,
            "NetworkCreate: IPAM.Config \"10.0.0.0/8\" has addresses that identify a client in Dockgate's settings: choose other addresses",
        ),
    ] {
        let (_, message) = judged(rules, request, body, &[]).unwrap_err();
        assert_eq!(message, want);
    }
}
