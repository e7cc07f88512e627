//! Verdicts on calls: which policy decides, and what a denial says.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::advice::dry_run;
use crate::docker::{Json, Operation, Target, classify};
use crate::policy::Answer;
use crate::policy::Reason;
use crate::policy::objects::Container;
use crate::policyfile::file::tests::policy;
use crate::policyfile::{Entry, Grants};

fn verdict(rules: &Rules, method: &str, target: &str) -> Result<String, (Reason, String)> {
    let call = classify(method, Target::parse(target).unwrap()).unwrap();
    let request = Request::new(call);
    let known = Answers::default();
    let context = Context {
        known: &known,
        own: None,
    };
    match rules.evaluate(request, context) {
        Judgement::Allow(permit) => Ok(permit.grounds.policy.as_ref().unwrap().to_string()),
        Judgement::Deny(denial) => Err((denial.reason, denial.message)),
        other @ (Judgement::Inspect(_) | Judgement::Ask(..) | Judgement::Missing(_)) => {
            panic!("{other:?}")
        }
    }
}

#[test]
fn the_first_policy_that_grants_decides_and_nothing_is_granted_by_default() {
    let first = policy("first", "allow = ['ContainerList']");
    let second = policy("second", "allow = ['ContainerList', 'ContainerInspect']");
    let rules = Rules::new(vec![first, second], Grants::default());
    assert_eq!(
        verdict(&rules, "GET", "/containers/json"),
        Ok("first".to_owned())
    );
    assert_eq!(
        verdict(&rules, "GET", "/containers/web/json"),
        Ok("second".to_owned())
    );
    let (reason, message) = verdict(&rules, "POST", "/containers/web/kill").unwrap_err();
    assert_eq!(reason, Reason::NotGranted);
    assert_eq!(
        message,
        "ContainerKill is not allowed; to allow it, add \"ContainerKill\" to allow"
    );
    let none = Rules::new(Vec::new(), Grants::default());
    assert_eq!(
        verdict(&none, "GET", "/_ping").unwrap_err().0,
        Reason::NotGranted
    );
}

#[test]
fn the_deny_of_the_settings_holds_against_all() {
    let mut deny = Grants::default();
    deny.insert(Entry::parse("ContainerKill").unwrap());
    let all = policy("all", "allow = ['containers:write']");
    let rules = Rules::new(vec![all], deny);
    assert_eq!(
        verdict(&rules, "POST", "/containers/web/stop"),
        Ok("all".to_owned())
    );
    let (reason, message) = verdict(&rules, "POST", "/containers/web/kill").unwrap_err();
    assert_eq!(reason, Reason::Denied);
    assert_eq!(
        message,
        "ContainerKill is denied by the settings; to allow it, remove it from `deny` there"
    );
    assert!(rules.grants(Operation::ContainerStop) && !rules.grants(Operation::ContainerKill));
    // The daemon is not asked about requests that are denied anyway.
    let may_allow = |target| {
        let call = classify("POST", Target::parse(target).unwrap()).unwrap();
        rules.may_allow(&call)
    };
    assert!(may_allow("/containers/web/stop") && !may_allow("/containers/web/kill"));
    assert!(!may_allow("/images/load"));
}

#[test]
fn what_a_block_would_narrow_is_not_told_without_it() {
    for (text, want) in [
        (
            "allow = []",
            "ContainerExec is not allowed; to allow it, add \"ContainerExec\" to allow, and limit it in [exec]",
        ),
        (
            "allow = []\n[exec]\ncommands = [['ls']]",
            "ContainerExec is not allowed; to allow it, add \"ContainerExec\" to allow",
        ),
    ] {
        let rules = Rules::new(vec![policy("p", text)], Grants::default());
        let (_, message) = verdict(&rules, "POST", "/containers/web/exec").unwrap_err();
        assert_eq!(message, want);
    }
}

#[test]
fn a_path_outside_of_the_table_needs_a_raw_path() {
    let podman = policy("podman", "allow = ['GET /libpod/info']");
    let rules = Rules::new(vec![podman], Grants::default());
    assert_eq!(
        verdict(&rules, "GET", "/v5.4.2/libpod/info"),
        Ok("podman".to_owned())
    );
    let (reason, message) = verdict(&rules, "GET", "/container/json").unwrap_err();
    assert_eq!(reason, Reason::UnknownOperation);
    assert!(
        message.contains("the nearest is GET /containers/json"),
        "{message}"
    );
}

/// Follows the hints for an operation or a path that no policy allows.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn messages_what_allow_cannot_grant_is_not_hinted_at() {
    let judged = |text: &'static str, method: &str, target: &str| {
        let rules = Rules::new(vec![policy("p", text)], Grants::default());
        verdict(&rules, method, target)
    };
    for (text, method, target, hint, followed) in [
        (
            "allow = []",
            "GET",
            "/info",
            "add \"SystemInfo\" to allow",
            "allow = ['SystemInfo']",
        ),
        // `deny` wins over `allow` in the same file.
        (
            "allow = ['*:read']\ndeny = ['SystemInfo']",
            "GET",
            "/info",
            "remove \"SystemInfo\" from deny",
            "allow = ['*:read']\ndeny = []",
        ),
        (
            "allow = []\ndeny = ['info:read']",
            "GET",
            "/info",
            "remove \"info:read\" from deny and add \"SystemInfo\" to allow",
            "allow = ['SystemInfo']\ndeny = []",
        ),
        (
            "allow = []",
            "GET",
            "/libpod/info",
            "to forward it to the daemon anyway, add \"GET /libpod/info\" to allow",
            "allow = ['GET /libpod/info']",
        ),
        (
            "allow = []",
            "GET",
            "/libpod/containers/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/json",
            "is not an operation of the Docker API; to forward it to the daemon anyway, add \"GET /libpod/containers/{}/json\" to allow",
            "allow = ['GET /libpod/containers/{}/json']",
        ),
        (
            "allow = ['GET /libpod/{}']\ndeny = ['GET /libpod/info']",
            "GET",
            "/libpod/info",
            "remove \"GET /libpod/info\" from deny",
            "allow = ['GET /libpod/{}']\ndeny = []",
        ),
    ] {
        let (_, message) = judged(text, method, target).unwrap_err();
        assert!(message.ends_with(hint), "{message}, not {hint}");
        assert_eq!(
            judged(followed, method, target),
            Ok("p".to_owned()),
            "{hint}"
        );
    }
    // The nearest route does not depend on the length of a name.
    for name in ["sab", "sab-through", &"a".repeat(60)] {
        let target = format!("/containers/{name}/a/json");
        let unknown = classify("GET", Target::parse(&target).unwrap()).unwrap_err();
        let want = "the nearest is GET /containers/{name}/json";
        assert!(unknown.to_string().ends_with(want), "{unknown}");
    }
}

#[test]
fn judging_twice_gives_the_same_answer() {
    let rules = Rules::new(vec![policy("all", "allow = ['*:read']")], Grants::default());
    for target in [
        "/info",
        "/containers/a/logs",
        "/images/a/json",
        "/libpod/info",
    ] {
        assert_eq!(
            verdict(&rules, "GET", target),
            verdict(&rules, "GET", target),
            "{target}"
        );
    }
}

#[test]
fn a_new_container_without_a_name_may_replace_any_that_was_taken_away() {
    let updater = policy(
        "updater",
        "allow = ['ContainerCreate']\n[create]\nimages = []\nreplaces = true",
    );
    let rules = Rules::new(vec![updater], Grants::default());
    let replaced = |name: &str, image: &str| {
        let given = format!(r#"{{"Config":{{"Image":"{image}"}}}}"#);
        (format!("replaced {name}"), given.parse().unwrap())
    };
    let taken_away = [replaced("web", "nginx:1.28"), replaced("db", "mariadb:12")];
    let is_granted = |target: &str, image: &str| {
        let call = classify("POST", Target::parse(target).unwrap()).unwrap();
        let body = format!(r#"{{"Image":"{image}"}}"#);
        let (verdict, _) = dry_run::judge(&rules, call, &body, &taken_away).unwrap();
        matches!(verdict, Judgement::Allow(_))
    };
    assert!(is_granted("/containers/create", "nginx:1.29"));
    assert!(is_granted("/containers/create", "mariadb:13"));
    assert!(!is_granted("/containers/create", "alpine:3"));
    assert!(is_granted("/containers/create?name=db", "mariadb:13"));
    assert!(!is_granted("/containers/create?name=db", "nginx:1.29"));
    assert!(!is_granted("/containers/create?name=other", "nginx:1.29"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_container_that_is_recreated_joins_the_network_of_the_one_that_it_joined() {
    let updater = policy(
        "updater",
        "allow = ['ContainerCreate']\n[create]\nimages = []\nreplaces = true",
    );
    let rules = Rules::new(vec![updater], Grants::default());
    let (first, second) = ("a".repeat(64), "b".repeat(64));
    let vpn = |id: &str, mode: &str, network: &str, image: &str| {
        json!({"Id": id, "Config": {"Image": image}, "HostConfig": {"NetworkMode": mode},
            "NetworkSettings": {"Networks": {"bridge": {"NetworkID": network}}}})
    };
    let same = |id: &str| vpn(id, "bridge", "n1", "vpn:2");
    let removed = |id: &str| vpn(id, "default", "n1", "vpn:1");
    let by_id = format!("container:{first}");
    for (mode, was, now, removed, is_granted) in [
        // The container that it joined still exists.
        ("container:vpn", &*by_id, same(&first), Value::Null, true),
        ("container:/vpn", &by_id, same(&first), Value::Null, true),
        ("container://vpn", &by_id, same(&first), Value::Null, false),
        (&by_id, &by_id, Value::Null, Value::Null, true),
        ("container:vpn", &by_id, same(&second), Value::Null, false),
        ("container:vpn", &by_id, Value::Null, Value::Null, false),
        ("container:vpn", "default", same(&first), Value::Null, false),
        ("host", &by_id, same(&first), Value::Null, false),
        // It was recreated too.
        (
            "container:vpn",
            &by_id,
            same(&second),
            removed(&first),
            true,
        ),
        (
            "container:/vpn",
            &by_id,
            same(&second),
            removed(&first),
            true,
        ),
        (
            "container:vpn",
            &by_id,
            same(&second),
            removed(&second),
            false,
        ),
        (
            "container:vpn",
            &by_id,
            vpn(&second, "host", "n1", "vpn:2"),
            removed(&first),
            false,
        ),
        (
            "container:vpn",
            &by_id,
            vpn(&second, "bridge", "n2", "vpn:2"),
            removed(&first),
            false,
        ),
        (
            "container:vpn",
            &by_id,
            vpn(&second, "bridge", "n1", "evil:2"),
            removed(&first),
            false,
        ),
    ] {
        let call = classify(
            "POST",
            Target::parse("/containers/create?name=web").unwrap(),
        )
        .unwrap();
        let body = json!({"Image": "web:2", "HostConfig": {"NetworkMode": mode}});
        let mut given = vec![
            (
                "replaced web".to_owned(),
                json!({"Config": {"Image": "web:1"}, "HostConfig": {"NetworkMode": was}}),
            ),
            ("/containers/vpn/json".to_owned(), now.clone()),
        ];
        if !removed.is_null() {
            given.push(("replaced vpn".to_owned(), removed.clone()));
        }
        let body = body.to_string();
        let (verdict, _) = dry_run::judge(&rules, call, &body, &given).unwrap();
        let judged = matches!(verdict, Judgement::Allow(_));
        assert_eq!(judged, is_granted, "{mode} {was} {now} {removed}");
    }
}

#[test]
fn typing_into_a_container_is_judged_as_an_exec_and_watching_it_by_whose_it_is() {
    let ci = policy(
        "ci",
        "allow = ['ContainerAttach', 'ContainerAttachWebsocket']\n[exec]\ninto = ['@own']",
    );
    let rules = Rules::new(vec![ci], Grants::default());
    let given = |labels: &str, host: &str| {
        let text = format!(r#"{{"Config":{{"Labels":{labels}}},"HostConfig":{host}}}"#);
        [("/containers/web/json".to_owned(), text.parse().unwrap())]
    };
    let is_granted = |method: &str, target: &str, labels: &str, host: &str| {
        let call = classify(method, Target::parse(target).unwrap()).unwrap();
        let judged = dry_run::judge(&rules, call, "", &given(labels, host));
        matches!(judged.unwrap().0, Judgement::Allow(_))
    };
    let own = r#"{"dockgate.policy":"ci"}"#;
    for (method, path) in [("POST", "attach"), ("GET", "attach/ws")] {
        for value in ["1", "true", "on", "%20TRUE"] {
            let target = format!("/containers/web/{path}?stream=1&stdin={value}");
            assert!(is_granted(method, &target, own, "{}"), "{target}");
            assert!(!is_granted(method, &target, "{}", "{}"), "{target}");
            let privileged = r#"{"Privileged":true}"#;
            assert!(!is_granted(method, &target, own, privileged), "{target}");
        }
        for value in ["", "0", "no", "False", "none"] {
            let target = format!("/containers/web/{path}?stream=1&stdout=1&stdin={value}");
            let privileged = r#"{"Privileged":true}"#;
            // A websocket can always type, whatever the query says.
            let is_watching = path == "attach";
            let granted = is_granted(method, &target, own, privileged);
            assert_eq!(granted, is_watching, "S5: {target}");
            assert!(is_granted(method, &target, own, "{}"), "{target}");
            assert!(!is_granted(method, &target, "{}", "{}"), "{target}");
        }
    }
}

#[test]
fn how_a_log_is_cut_needs_no_grant_whichever_driver_writes_it() {
    let run = policy("run", "allow = ['ContainerCreate']");
    let rules = Rules::new(vec![run], Grants::default());
    let is_granted = |config: &str| {
        let target = Target::parse("/containers/create").unwrap();
        let call = classify("POST", target).unwrap();
        let body = format!(r#"{{"HostConfig":{{"LogConfig":{config}}}}}"#);
        let (verdict, _) = dry_run::judge(&rules, call, &body, &[]).unwrap();
        matches!(verdict, Judgement::Allow(_))
    };
    for driver in ["", "json-file", "local"] {
        let options = |options: &str| format!(r#"{{"Type":"{driver}","Config":{options}}}"#);
        assert!(
            is_granted(&options(r#"{"max-size":"1m","tag":"web"}"#)),
            "{driver}"
        );
        assert!(
            !is_granted(&options(r#"{"syslog-address":"unix:///run/x"}"#)),
            "{driver}"
        );
    }
    assert!(!is_granted(r#"{"Type":"syslog","Config":{}}"#));
}

#[test]
#[expect(clippy::too_many_lines, reason = "what is known, and what is asked")]
fn what_shared_a_network_or_a_volume_with_dockgates_own_container_comes_back_to_it() {
    let updater = policy(
        "updater",
        "allow = ['ContainerCreate', 'NetworkConnect']\n[create]\nimages = []\nnetworks = []\nreplaces = true",
    );
    let rules = Rules::new(vec![updater], Grants::default());
    let inspection = |id: &str, name: &str, network: &str| {
        let id = id.repeat(64);
        let text = format!(
            r#"{{"Id":"{id}","Name":"/{name}","Config":{{"Image":"web:1"}},
            "Mounts":[{{"Type":"volume","Name":"sockets","Driver":"local","Destination":"/s","RW":true}}],
            "HostConfig":{{"NetworkMode":"socket","Binds":["sockets:/s"]}},"NetworkSettings":{{"Networks":{{"{network}":{{}}}}}}}}"#
        );
        Arc::new(Container::parse(text.as_bytes()).unwrap())
    };
    let own = SelfContainer::of(&inspection("a", "dockgate", "socket"), None);
    let network = format!(
        r#"{{"Id":"n1","Name":"socket","Driver":"bridge","Containers":{{"{}":{{}}}}}}"#,
        "a".repeat(64)
    );
    let verdict = |old_network: &str, target: &str, body: &str| {
        let (old, new) = (
            inspection("b", "web", old_network),
            inspection("c", "web", "socket"),
        );
        let mut known = Answers::default();
        let lookup = Lookup::Network("socket".to_owned());
        let network = lookup.read(network.as_bytes()).unwrap();
        known.learn(lookup, network);
        known.learn(Lookup::Volume("sockets".to_owned()), Answer::Missing);
        known.learn(Lookup::Container("b".repeat(64)), Answer::Missing);
        let lookup = Lookup::Predecessor("web".to_owned());
        known.learn(lookup, Answer::Containers(vec![old]));
        known.learn(Lookup::Container("web".to_owned()), Answer::Container(new));
        let call = classify("POST", Target::parse(target).unwrap()).unwrap();
        let body = Some(Json::parse(body.as_bytes()).unwrap());
        let request = Request {
            body,
            ..Request::new(call)
        };
        let context = Context {
            known: &known,
            own: Some(&own),
        };
        match rules.evaluate(request, context) {
            Judgement::Allow(_) => Ok(()),
            Judgement::Deny(denial) => Err(denial.reason),
            other @ (Judgement::Inspect(_) | Judgement::Ask(..) | Judgement::Missing(_)) => {
                panic!("{other:?}")
            }
        }
    };
    let create = "/containers/create?name=web";
    let body = r#"{"Image":"web:2","HostConfig":{"NetworkMode":"socket","Binds":["sockets:/s"]},"NetworkingConfig":{"EndpointsConfig":{"socket":{}}}}"#;
    let connect = ("/networks/socket/connect", r#"{"Container":"web"}"#);
    assert_eq!(verdict("socket", create, body), Ok(()));
    assert_eq!(verdict("socket", connect.0, connect.1), Ok(()));
    let refused = Err(Reason::OwnContainer);
    assert_eq!(verdict("front", create, body), refused);
    assert_eq!(verdict("front", connect.0, connect.1), refused);
    let changed = body.replace("\"Image\"", "\"Cmd\":[\"sh\"],\"Image\"");
    assert_eq!(verdict("socket", create, &changed), refused);
    let elsewhere = body.replace("sockets:/s", "sockets:/t");
    assert_eq!(verdict("socket", create, &elsewhere), refused);
    let named = body.replace("\"Image\"", "\"Hostname\":\"dockgate\",\"Image\"");
    assert_eq!(verdict("socket", create, &named), refused);
}

#[test]
fn a_service_keeps_the_marks_that_it_has_and_gets_no_others() {
    let scaler = policy(
        "scaler",
        "allow = ['ServiceUpdate']\n[create]\nnetworks = ['*', '@default']",
    );
    let rules = Rules::new(vec![scaler], Grants::default());
    let given = (
        "/services/web".to_owned(),
        serde_json::json!({"Spec": {"Labels": {"dockgate.policy": "portainer"}, "TaskTemplate": {"ContainerSpec": {}}}}),
    );
    let sent = |labels: &str| {
        let target = Target::parse("/services/web/update?version=1").unwrap();
        let call = classify("POST", target).unwrap();
        let body = format!(
            r#"{{"Name":"web","Labels":{labels},"TaskTemplate":{{"ContainerSpec":{{"Image":"nginx","Labels":{labels}}}}}}}"#
        );
        let given = std::slice::from_ref(&given);
        match dry_run::judge(&rules, call, &body, given).unwrap().0 {
            Judgement::Allow(permit) => Ok(permit.request.body.as_ref().unwrap().to_owned()),
            Judgement::Deny(denial) => Err(denial.message),
            other @ (Judgement::Inspect(_) | Judgement::Ask(..) | Judgement::Missing(_)) => {
                panic!("{other:?}")
            }
        }
    };
    assert!(!sent("{}").unwrap().contains("dockgate"));
    let kept = sent(r#"{"dockgate.policy":"portainer"}"#).unwrap();
    assert_eq!(kept.matches(r#""dockgate.policy":"portainer""#).count(), 2);
    for labels in [
        r#"{"dockgate.policy":"agent"}"#,
        r#"{"dockgate.other":"portainer"}"#,
    ] {
        let message = sent(labels).unwrap_err();
        assert!(
            message.contains(
                "only Dockgate sets labels that begin with \"dockgate.\"; leave the label out"
            ),
            "{message}"
        );
    }
}

/// The verdict on a request without a body, given what the daemon has.
fn verdict_on(
    rules: &Rules,
    request: &str,
    given: &[(&str, serde_json::Value)],
) -> Result<(), Reason> {
    let (method, target) = request.split_once(' ').unwrap();
    let call = classify(method, Target::parse(target).unwrap()).unwrap();
    let given: Vec<_> = given
        .iter()
        .map(|(path, reply)| ((*path).to_owned(), reply.clone()))
        .collect();
    match dry_run::judge(rules, call, "", &given).unwrap().0 {
        Judgement::Allow(_) => Ok(()),
        Judgement::Deny(denial) => Err(denial.reason),
        other @ (Judgement::Inspect(_) | Judgement::Ask(..) | Judgement::Missing(_)) => {
            panic!("{other:?}")
        }
    }
}

#[test]
fn whose_output_may_be_attached_to_is_said_by_whom_may_be_entered() {
    use serde_json::json;
    let own = (
        "/containers/web/json",
        json!({"Config": {"Labels": {"dockgate.policy": "agent"}}}),
    );
    let of = |text| Rules::new(vec![policy("agent", text)], Grants::default());
    let narrow =
        of("allow = ['ContainerAttach', 'ContainerAttachWebsocket']\n[exec]\ninto = ['@own']");
    let wide = of("allow = ['ContainerAttach', 'ContainerAttachWebsocket']");
    for request in [
        "POST /containers/web/attach?logs=1&stdout=1",
        "GET /containers/web/attach/ws?logs=1&stdout=1",
    ] {
        assert_eq!(
            verdict_on(&narrow, request, std::slice::from_ref(&own)),
            Ok(())
        );
        assert_eq!(verdict_on(&narrow, request, &[]), Err(Reason::Restricted));
        assert_eq!(verdict_on(&wide, request, &[]), Ok(()));
    }
}

#[test]
fn a_container_is_started_on_the_networks_that_its_names_mean_now() {
    use serde_json::json;
    let runner = "allow = ['ContainerStart', 'ContainerRestart', 'ContainerCreate']";
    let of = |text| Rules::new(vec![policy("ci", text)], Grants::default());
    let on = |labels: serde_json::Value| {
        let networks = json!({"Networks": {"bridge": null, "app": {}}});
        (
            "/containers/job/json",
            json!({"Config": {"Labels": labels}, "NetworkSettings": networks}),
        )
    };
    let made = json!({"dockgate.policy": "ci"});
    let own = (
        "/networks/app",
        json!({"Labels": {"dockgate.policy": "ci"}}),
    );
    for request in ["POST /containers/job/start", "POST /containers/job/restart"] {
        let rules = of(runner);
        assert_eq!(
            verdict_on(&rules, request, &[on(made.clone()), own.clone()]),
            Ok(())
        );
        // Somebody else has created a network with this name since.
        assert_eq!(
            verdict_on(&rules, request, &[on(made.clone())]),
            Err(Reason::Restricted)
        );
        // Containers that others created stay on their networks, and so do those that a client starts without creating
        // any.
        assert_eq!(verdict_on(&rules, request, &[on(json!({}))]), Ok(()));
        let starter = of("allow = ['ContainerStart', 'ContainerRestart']");
        assert_eq!(verdict_on(&starter, request, &[on(made.clone())]), Ok(()));
        // Another policy of the listener does not start this policy's container on a network that this policy does not
        // allow.
        for first in [true, false] {
            let starter = policy("starter", "allow = ['ContainerStart', 'ContainerRestart']");
            let mut both = vec![policy("ci", runner), starter];
            both.rotate_left(usize::from(first));
            let both = Rules::new(both, Grants::default());
            assert_eq!(
                verdict_on(&both, request, &[on(made.clone())]),
                Err(Reason::Restricted)
            );
            assert_eq!(
                verdict_on(&both, request, &[on(made.clone()), own.clone()]),
                Ok(())
            );
            assert_eq!(verdict_on(&both, request, &[on(json!({}))]), Ok(()));
        }
    }
}

#[test]
fn a_network_that_a_container_has_the_id_of_is_judged_by_that() {
    use serde_json::json;
    let rules = Rules::new(
        vec![policy(
            "ci",
            "allow = ['ContainerStart', 'ContainerCreate']",
        )],
        Grants::default(),
    );
    let (own, other) = ("a".repeat(64), "b".repeat(64));
    let on = |id: &str| {
        let networks =
            json!({"Networks": {"app": {"NetworkID": id}, "bridge": {"NetworkID": other}}});
        let labels = json!({"dockgate.policy": "ci"});
        (
            "/containers/job/json",
            json!({"Config": {"Labels": labels}, "NetworkSettings": networks}),
        )
    };
    let labels = json!({"Labels": {"dockgate.policy": "ci"}});
    let by_id = format!("/networks/{own}");
    for (id, named, want) in [
        (&own, by_id.as_str(), Ok(())),
        // S2: the name now belongs to an own network, but the engine would join the other one.
        (&other, "/networks/app", Err(Reason::Restricted)),
    ] {
        let given = [on(id), (named, labels.clone())];
        assert_eq!(
            verdict_on(&rules, "POST /containers/job/start", &given),
            want,
            "{id}"
        );
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_container_gets_no_name_that_a_key_selects_by_unless_the_key_selects_it_already() {
    use serde_json::json;
    let allow = "allow = ['ContainerRename', 'ContainerExec']";
    for (key, block) in [
        ("exec.into", "[exec]\ninto = ['job-*', 'label:ci', '@own']"),
        (
            "archive.into",
            "[archive]\ninto = ['*job-?', 'label:ci', '@own']",
        ),
        (
            "create.join",
            "[create]\njoin = ['job-1', 'label:ci', '@own']",
        ),
        (
            "networks.containers",
            "[networks]\ncontainers = ['job-*', 'label:ci', '@own']",
        ),
    ] {
        let rules = Rules::new(
            vec![policy("p", format!("{allow}\n{block}").leak())],
            Grants::default(),
        );
        for (request, labels, want) in [
            (
                "POST /containers/db/rename?name=job-1",
                json!({}),
                Err(Reason::Restricted),
            ),
            (
                "POST /containers/db/rename?name=/job-1",
                json!({}),
                Err(Reason::Restricted),
            ),
            ("POST /containers/db/rename?name=db-1", json!({}), Ok(())),
            (
                "POST /containers/job-1/rename?name=job-1",
                json!({}),
                Ok(()),
            ),
            (
                "POST /containers/db/rename?name=job-1",
                json!({"ci": "1"}),
                Ok(()),
            ),
            (
                "POST /containers/db/rename?name=job-1",
                json!({"dockgate.policy": "p"}),
                Ok(()),
            ),
            (
                "POST /containers/db/rename?name=job-1",
                json!({"dockgate.policy": "q"}),
                Err(Reason::Restricted),
            ),
        ] {
            let given = [("/containers/db/json", json!({"Config": {"Labels": labels}}))];
            assert_eq!(
                verdict_on(&rules, request, &given),
                want,
                "S20: {key}: {request} {labels}"
            );
        }
        // The key of another policy of the listener counts too, also in observe mode.
        let both = Rules::new(
            vec![
                policy("renames", "allow = ['ContainerRename']"),
                policy("p", format!("allow = ['ContainerExec']\n{block}").leak()),
            ],
            Grants::default(),
        );
        let request = "POST /containers/db/rename?name=job-1";
        assert_eq!(
            verdict_on(&both, request, &[]),
            Err(Reason::Restricted),
            "S20: {key}"
        );
        let observed = both.observed(true);
        assert_eq!(
            verdict_on(&observed, request, &[]),
            Err(Reason::Restricted),
            "S20: {key}"
        );
    }
}

#[test]
fn a_container_is_not_started_from_a_state_that_somebody_wrote() {
    let of = |text| Rules::new(vec![policy("p", text)], Grants::default());
    let rules = of("allow = ['ContainerStart']");
    for (query, want) in [
        ("detachKeys=ctrl-a", Ok(())),
        ("checkpoint=", Ok(())),
        ("checkpoint=c1", Err(Reason::Restricted)),
        ("checkpoint=../../tmp/x", Err(Reason::Restricted)),
        ("checkpoint-dir=/tmp", Err(Reason::Restricted)),
    ] {
        let request = format!("POST /containers/web/start?{query}");
        assert_eq!(verdict_on(&rules, &request, &[]), want, "{query}");
    }
    let lifted = of("allow = ['ContainerStart']\n[create]\nunrestricted = true");
    assert_eq!(
        verdict_on(&lifted, "POST /containers/web/start?checkpoint=c1", &[]),
        Ok(())
    );
}

fn hex(digit: u8) -> char {
    char::from_digit(digit.into(), 16).unwrap()
}

#[test]
fn a_commit_sets_labels_in_plain_words() {
    let rules = Rules::new(
        vec![policy("p", "allow = ['ImageCommit']")],
        Grants::default(),
    );
    for (changes, want) in [
        ("LABEL version=1.2", Ok(())),
        ("label version=\"1 2\" b='c d'", Ok(())),
        ("ENV A=$HOME", Ok(())),
        ("CMD [\"sh\", \"-c\", \"echo \\\"a\\\"\"]", Ok(())),
        ("LABEL dockgate.policy=agent", Err(Reason::BadQuery)),
        ("LABEL ${X}.policy=agent", Err(Reason::BadQuery)),
        ("LABEL $X.policy agent", Err(Reason::BadQuery)),
        ("LABEL dock\\gate.policy=agent", Err(Reason::BadQuery)),
        ("LABEL \"dock\"gate.policy=agent", Err(Reason::BadQuery)),
        ("LABEL 'dock'gate.policy=agent", Err(Reason::BadQuery)),
        ("LABEL a=\"b\"c \"d\"=e", Err(Reason::BadQuery)),
        ("LABEL dock${Z:-gate}.policy=agent", Err(Reason::BadQuery)),
        (
            "ONBUILD LABEL 'dock'gate.policy=agent",
            Err(Reason::BadQuery),
        ),
        (
            "ENV A=b\nLABEL dock\\\ngate.policy=agent",
            Err(Reason::BadQuery),
        ),
        (
            "# escape=`\nLAB`\nEL $X.policy=agent",
            Err(Reason::BadQuery),
        ),
    ] {
        let bytes = changes
            .bytes()
            .map(|byte| ['%', hex(byte >> 4), hex(byte & 15)]);
        let query: String = bytes.flatten().collect();
        let call = classify(
            "POST",
            Target::parse(&format!("/commit?container=web&changes={query}")).unwrap(),
        );
        let judged = dry_run::judge(&rules, call.unwrap(), "{}", &[]).unwrap().0;
        let got = match judged {
            Judgement::Allow(_) => Ok(()),
            Judgement::Deny(denial) => Err(denial.reason),
            other @ (Judgement::Inspect(_) | Judgement::Ask(..) | Judgement::Missing(_)) => {
                panic!("{other:?}")
            }
        };
        assert_eq!(got, want, "{changes}");
    }
}

#[test]
fn s12_a_denial_says_that_older_containers_were_skipped() {
    let updater = policy(
        "updater",
        "allow = ['ContainerCreate']\n[create]\nimages = []\nreplaces = true",
    );
    let rules = Rules::new(vec![updater], Grants::default());
    let old = |id: &str, image: &str, variables: usize| {
        let env: Vec<_> = (0..variables).map(|at| format!("V{at}=x")).collect();
        let text = serde_json::json!({
            "Id": id.repeat(64), "Name": format!("/{image}"), "Config": {"Image": format!("{image}:1"), "Env": env},
            "HostConfig": {}, "Mounts": [],
        });
        Arc::new(Container::parse(text.to_string().as_bytes()).unwrap())
    };
    let verdict = |olds: Vec<Arc<Container>>| {
        let mut known = Answers::default();
        known.learn(Lookup::Container("a".repeat(64)), Answer::Missing);
        known.learn(Lookup::Predecessor(String::new()), Answer::Containers(olds));
        let call = classify("POST", Target::parse("/containers/create").unwrap()).unwrap();
        let body = Some(Json::parse(br#"{"Image":"web:2"}"#).unwrap());
        let request = Request {
            body,
            ..Request::new(call)
        };
        match rules.evaluate(
            request,
            Context {
                known: &known,
                own: None,
            },
        ) {
            Judgement::Allow(_) => Ok(()),
            Judgement::Deny(denial) => Err(denial.message),
            other @ (Judgement::Inspect(_) | Judgement::Ask(..) | Judgement::Missing(_)) => {
                panic!("{other:?}")
            }
        }
    };
    let (web, large) = (old("a", "web", 0), old("b", "db", 8000));
    assert_eq!(
        verdict(vec![large.clone(), web.clone()]),
        Ok(()),
        "the newest is the one"
    );
    let many = vec![large; 255];
    assert_eq!(
        verdict([many.clone(), vec![web.clone()]].concat()),
        Ok(()),
        "S12: the newest is the one"
    );
    let message = verdict([vec![web], many].concat()).unwrap_err();
    assert!(
        message.contains("compared only with the containers that were removed last"),
        "S12: {message}"
    );
}
