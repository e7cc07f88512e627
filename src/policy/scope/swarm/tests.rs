//! Services, tasks, configs and secrets under a scope.

use serde_json::{Value, json};

use crate::advice::dry_run;
use crate::docker::Call;
use crate::policy::answers::Lookup;
use crate::policy::request::{Judgement, Request};
use crate::policy::rules::Rules;
use crate::policy::scope::Hidden;
use crate::policyfile::Grants;
use crate::policyfile::file::tests::policy;

/// The id that every object here has, and one that none has.
const ID: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const OTHER_ID: &str = "9iqoapt4k48ug8uul8sjs9nyl";

fn own() -> Value {
    json!({"dockgate.policy": "ci", "team": "ci"})
}

fn foreign() -> Value {
    json!({"dockgate.policy": "other", "team": "ops"})
}

fn stored(path: &str, name: &str, id: &str, labels: &Value) -> (String, Value) {
    let spec = json!({"Name": name, "Labels": labels});
    let answer = json!({"ID": id, "Version": {"Index": 7}, "Spec": spec});
    (path.to_owned(), answer)
}

fn service(name: &str, spec: &Value, previous: Value) -> (String, Value) {
    let mut answer = json!({"ID": ID, "Version": {"Index": 7}, "Spec": spec});
    answer["Spec"]["Name"] = json!(name);
    if !previous.is_null() {
        answer["PreviousSpec"] = previous;
    }
    (format!("/services/{name}"), answer)
}

/// The daemon's answers: own, seen and foreign objects of each kind.
#[expect(clippy::too_many_lines, reason = "a table of answers")]
fn world() -> Vec<(String, Value)> {
    let spec = |labels: Value| json!({"Labels": labels, "TaskTemplate": {"ContainerSpec": {"Labels": labels}}});
    let with = |labels: Value, more: Value| {
        let mut spec = spec(labels);
        spec["TaskTemplate"]["ContainerSpec"] = more;
        spec
    };
    let in_container =
        json!({"Labels": {"x": "y"}, "TaskTemplate": {"ContainerSpec": {"Labels": own()}}});
    let secret = |id: &str| json!({"Secrets": [{"SecretID": id, "SecretName": "s"}]});
    let task = |id: &str, service: &str| {
        let spec = json!({"ContainerSpec": {"Labels": own()}});
        let answer = json!({"ID": id, "ServiceID": service, "Labels": own(), "Spec": spec});
        (format!("/tasks/{id}"), answer)
    };
    vec![
        service("own", &spec(own()), json!(null)),
        service("foreign", &spec(foreign()), json!(null)),
        service("monitor", &spec(foreign()), json!(null)),
        service("pretends", &in_container, json!(null)),
        service("was-own", &spec(own()), spec(own())),
        service("was-foreign", &spec(own()), spec(foreign())),
        service("was-bare", &spec(own()), spec(json!({"team": "ci"}))),
        service(
            "had-secret",
            &spec(own()),
            with(own(), secret("foreign-id")),
        ),
        service(
            "had-network",
            &spec(own()),
            json!({"Labels": own(), "TaskTemplate": {"Networks": [{"Target": "foreign"}]}}),
        ),
        service(
            "had-volume",
            &spec(own()),
            with(
                own(),
                json!({"Mounts": [{"Type": "volume", "Source": "v", "Target": "/v"}]}),
            ),
        ),
        task("of-foreign", "foreign"),
        task("of-nobody", ""),
        stored("/secrets/own", "own", ID, &own()),
        stored("/secrets/own-id", "own", "own-id", &own()),
        stored("/secrets/foreign", "foreign", ID, &foreign()),
        stored("/secrets/foreign-id", "foreign", "foreign-id", &foreign()),
        stored("/secrets/token-id", "token", "token-id", &foreign()),
        stored("/secrets/token", "token", "token-id", &foreign()),
        stored("/configs/own", "own", ID, &own()),
        stored("/configs/own-id", "own", "own-id", &own()),
        stored("/configs/foreign", "foreign", ID, &foreign()),
        stored("/configs/foreign-id", "foreign", "foreign-id", &foreign()),
        ("/networks/own".to_owned(), json!({"Labels": own()})),
        ("/networks/foreign".to_owned(), json!({"Labels": foreign()})),
        (
            "/volumes/ci-foreign".to_owned(),
            json!({"Driver": "local", "Labels": foreign()}),
        ),
        (
            "/volumes/cache".to_owned(),
            json!({"Driver": "local", "Labels": foreign()}),
        ),
        (
            "/images/brings/json".to_owned(),
            json!({"Config": {"Labels": {"team": "ops"}}}),
        ),
        (
            "/images/plain/json".to_owned(),
            json!({"Config": {"Labels": {}}}),
        ),
        ("/images/remote/json".to_owned(), Value::Null),
        (format!("/services/{OTHER_ID}"), Value::Null),
        ("/tasks/missing".to_owned(), Value::Null),
        stored(
            "/secrets/9iqoapt4k48u",
            "9iqoapt4k48u",
            "other-id",
            &foreign(),
        ),
        stored(&format!("/secrets/{OTHER_ID}"), "mine", OTHER_ID, &own()),
        (
            "/secrets".to_owned(),
            json!([
                {"ID": OTHER_ID, "Spec": {"Name": "mine", "Labels": own()}},
                {"ID": "9iqoapt4k48ux", "Spec": {"Name": "x", "Labels": foreign()}},
            ]),
        ),
    ]
}

const OWN: &str = "objects = ['@own']\nsee = ['service:monitor', 'secret:token', 'volume:cache']";

fn rules(scope: &str) -> Rules {
    let text = format!(
        "allow = ['services:read', 'services:content', 'services:write', 'ServiceCreate', 'ServiceUpdate', 'tasks:read', \
         'tasks:content', 'secrets:read', 'secrets:write', 'configs:read', 'configs:content', 'configs:write']\n\
         [scope]\n{scope}\n[create]\nsecrets = ['*']\nconfigs = ['*']\nnetworks = ['*', '@default']\n\
         volumes = ['*']\nrollback = true\nprojects = ['*']\n"
    );
    Rules::new(vec![policy("ci", text.leak())], Grants::default())
}

/// What is sent for a request, or the reason why it is denied.
fn sent(rules: &Rules, request: &str, body: &str) -> Result<(String, Value), String> {
    let (method, target) = request.split_once(' ').unwrap();
    let call = Call::parse(method, target).unwrap();
    match dry_run::judge(rules, call, body, &world()) {
        Ok((Judgement::Allow(permit), _)) => {
            let body = permit.request.body.as_deref().unwrap_or("null");
            let call = &permit.request.call;
            Ok((call.render(), serde_json::from_str(body).unwrap()))
        }
        Ok((Judgement::Deny(denial) | Judgement::Missing(denial), _)) | Err(denial) => {
            Err(denial.reason.code().to_owned())
        }
        Ok((other, _)) => panic!("{other:?}"),
    }
}

fn answer(scope: &str, request: &str, body: &str) -> String {
    let sent = sent(&rules(scope), request, body);
    sent.map_or_else(|reason| reason, |_| "allow".to_owned())
}

const SECRET: &str = r#"{"Name":"x","Labels":{},"Data":"aGk="}"#;
const SERVICE: &str = r#"{"Name":"x","TaskTemplate":{"ContainerSpec":{"Image":"plain"}}}"#;

#[test]
fn an_object_of_another_is_one_that_does_not_exist() {
    for (request, body, want) in [
        ("GET /services/own", "", "allow"),
        ("GET /services/foreign", "", "out_of_scope"),
        ("GET /services/monitor", "", "allow"),
        ("GET /services/monitor/logs?stdout=1", "", "allow"),
        ("DELETE /services/monitor", "", "restricted"),
        (
            "POST /services/monitor/update?version=7",
            SERVICE,
            "restricted",
        ),
        // The labels of its containers are not those of the service.
        ("GET /services/pretends", "", "out_of_scope"),
        ("POST /services/own/update?version=7", SERVICE, "allow"),
        (
            "POST /services/foreign/update?version=7",
            SERVICE,
            "out_of_scope",
        ),
        ("DELETE /services/own", "", "allow"),
        ("DELETE /services/foreign", "", "out_of_scope"),
        ("GET /services/own/logs?stdout=1", "", "allow"),
        ("GET /services/foreign/logs?stdout=1", "", "out_of_scope"),
        ("GET /tasks/of-foreign", "", "out_of_scope"),
        ("GET /tasks/of-foreign/logs?stdout=1", "", "out_of_scope"),
        ("GET /tasks/of-nobody", "", "out_of_scope"),
        ("GET /tasks/missing", "", "out_of_scope"),
        ("GET /secrets/own", "", "allow"),
        ("GET /secrets/foreign", "", "out_of_scope"),
        ("GET /secrets/token", "", "allow"),
        ("DELETE /secrets/token", "", "restricted"),
        ("POST /secrets/token/update?version=7", SECRET, "restricted"),
        ("POST /secrets/own/update?version=7", SECRET, "allow"),
        (
            "POST /secrets/foreign/update?version=7",
            SECRET,
            "out_of_scope",
        ),
        ("DELETE /secrets/own", "", "allow"),
        ("DELETE /secrets/foreign", "", "out_of_scope"),
        ("GET /configs/own", "", "allow"),
        ("GET /configs/foreign", "", "out_of_scope"),
        ("POST /configs/own/update?version=7", SECRET, "allow"),
        (
            "POST /configs/foreign/update?version=7",
            SECRET,
            "out_of_scope",
        ),
        ("DELETE /configs/foreign", "", "out_of_scope"),
        ("GET /services", "", "allow"),
        ("GET /tasks", "", "allow"),
        ("GET /secrets", "", "allow"),
        ("GET /configs", "", "allow"),
    ] {
        assert_eq!(answer(OWN, request, body), want, "{request} {body}");
    }
}

#[test]
fn a_task_is_what_its_service_is() {
    let task = |service: &str, id: &str| {
        let call = Call::parse("GET", "/tasks/t").unwrap();
        let mut world = world();
        world.push((
            "/tasks/t".to_owned(),
            json!({"ID": "t", "ServiceID": service}),
        ));
        for (path, answer) in &mut world {
            if *path == format!("/services/{service}") {
                answer["ID"] = json!(id);
            }
        }
        match dry_run::judge(&rules(OWN), call, "", &world).unwrap().0 {
            Judgement::Allow(_) => "allow",
            Judgement::Deny(denial) => denial.reason.code(),
            other @ (Judgement::Ask(..) | Judgement::Inspect(_) | Judgement::Missing(_)) => {
                panic!("{other:?}")
            }
        }
    };
    assert_eq!(task("own", "own"), "allow");
    assert_eq!(task("monitor", "monitor"), "allow");
    assert_eq!(task("foreign", "foreign"), "out_of_scope");
    assert_eq!(task(OTHER_ID, OTHER_ID), "out_of_scope");
    // A service that is called like the id of another one.
    assert_eq!(task("own", "another"), "out_of_scope");
}

/// A service's body with these parts of its containers.
fn with(container: &str) -> String {
    format!(r#"{{"Name":"x","TaskTemplate":{{"ContainerSpec":{{"Image":"plain",{container}}}}}}}"#)
}

#[test]
fn what_a_service_refers_to_is_in_scope() {
    let secret = |id: &str| {
        with(&format!(
            r#""Secrets":[{{"SecretID":"{id}","SecretName":"own"}}]"#
        ))
    };
    let config = |id: &str| {
        with(&format!(
            r#""Configs":[{{"ConfigID":"{id}","ConfigName":"own"}}]"#
        ))
    };
    let network = |id: &str| {
        format!(
            r#"{{"Name":"x","TaskTemplate":{{"ContainerSpec":{{"Image":"plain"}},"Networks":[{{"Target":"{id}"}}]}}}}"#
        )
    };
    let volume = |name: &str| {
        with(&format!(
            r#""Mounts":[{{"Type":"volume","Source":"{name}","Target":"/v"}}]"#
        ))
    };
    for (scope, body, want) in [
        (OWN, secret("own-id"), "allow"),
        (OWN, secret("token-id"), "allow"),
        (OWN, secret("foreign-id"), "not_found"),
        // The swarm finds them by their ids only.
        (OWN, secret("own"), "not_found"),
        (OWN, secret("token"), "not_found"),
        (OWN, secret(""), "not_found"),
        (OWN, config("own-id"), "allow"),
        (OWN, config("foreign-id"), "not_found"),
        (OWN, network("own"), "allow"),
        (OWN, network("foreign"), "not_found"),
        (OWN, volume("cache"), "allow"),
        (OWN, volume("data"), "restricted"),
        (
            "objects = ['@own']\nnames = ['ci-*', 'x']",
            volume("ci-data"),
            "allow",
        ),
        (
            "objects = ['@own']\nnames = ['ci-*', 'x']",
            volume("data"),
            "restricted",
        ),
        (
            "objects = ['@own']\nnames = ['ci-*', 'x']",
            volume("ci-foreign"),
            "name_taken",
        ),
    ] {
        for request in [
            "POST /services/create",
            "POST /services/own/update?version=7",
        ] {
            assert_eq!(answer(scope, request, &body), want, "{request} {body}");
        }
    }
}

#[test]
fn a_rollback_leads_to_a_state_in_scope() {
    for (service, want) in [
        ("own", "allow"),
        ("was-own", "allow"),
        ("was-foreign", "restricted"),
        ("was-bare", "restricted"),
        ("had-secret", "not_found"),
        ("had-network", "not_found"),
        ("had-volume", "restricted"),
    ] {
        for rollback in ["previous", "none"] {
            let request = format!("POST /services/{service}/update?version=7&rollback={rollback}");
            assert_eq!(answer(OWN, &request, SERVICE), want, "{request}");
        }
        let request = format!("POST /services/{service}/update?version=7");
        assert_eq!(answer(OWN, &request, SERVICE), "allow", "{request}");
    }
    // The earlier state may have had another label that does not decide.
    assert_eq!(
        answer(
            "objects = ['label:team=ci']",
            "POST /services/was-bare/update?rollback=previous&version=7",
            SERVICE
        ),
        "restricted",
        "its mark changes"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn what_is_created_is_in_scope() {
    let stamps = |body: &Value| body["Labels"].clone();
    for (request, body) in [
        ("POST /secrets/create", SECRET),
        ("POST /configs/create", SECRET),
        ("POST /services/create", SERVICE),
    ] {
        let made = sent(&rules("objects = ['@own']"), request, body).unwrap().1;
        assert_eq!(stamps(&made), json!({"dockgate.policy": "ci"}), "{request}");
        let made = sent(&rules("objects = ['label:team=ci']"), request, body)
            .unwrap()
            .1;
        assert_eq!(stamps(&made)["team"], "ci", "{request}");
        for (scope, labels, want) in [
            (
                "objects = ['label:team=ci']",
                r#"{"team":"ops"}"#,
                "restricted",
            ),
            ("objects = ['label:team=ci']", r#"{"team":"ci"}"#, "allow"),
            (
                "objects = ['not-label:private']",
                r#"{"private":""}"#,
                "restricted",
            ),
            (
                "objects = ['not-label:private']",
                r#"{"public":""}"#,
                "allow",
            ),
            (
                "objects = ['project:web']",
                r#"{"com.docker.stack.namespace":"web"}"#,
                "allow",
            ),
            (
                "objects = ['project:web']",
                r#"{"com.docker.stack.namespace":"web2"}"#,
                "restricted",
            ),
            ("objects = ['name:ci-*']", "{}", "restricted"),
            ("objects = ['name:x']", "{}", "allow"),
            ("objects = ['@own']\nnames = ['ci-*']", "{}", "restricted"),
            ("objects = ['@own']\nnames = ['x']", "{}", "allow"),
            (
                "objects = ['@own']",
                r#"{"dockgate.policy":"other"}"#,
                "restricted",
            ),
            (
                "objects = ['@own']",
                r#"{"dockgate.client":"b"}"#,
                "restricted",
            ),
        ] {
            let body = body.replace(r#""Name":"x""#, &format!(r#""Name":"x","Labels":{labels}"#));
            let body = body.replace(r#""Labels":{},"#, "");
            assert_eq!(
                answer(scope, request, &body),
                want,
                "{request} {scope} {body}"
            );
        }
        for name in ["4bcff63911fc", OTHER_ID] {
            let body = body.replace(r#""x""#, &format!("{name:?}"));
            assert_eq!(
                answer(OWN, request, &body),
                "restricted",
                "{request} {name}"
            );
        }
    }
    let made = sent(
        &rules("objects = ['@own']"),
        "POST /services/create",
        SERVICE,
    )
    .unwrap()
    .1;
    let container = &made["TaskTemplate"]["ContainerSpec"];
    assert_eq!(container["Labels"], json!({"dockgate.policy": "ci"}));
    let body = with(r#""Mounts":[{"Type":"volume","Source":"ci-v","Target":"/v"}]"#);
    let scope = "objects = ['@own']\nnames = ['ci-*', 'x']";
    let made = sent(&rules(scope), "POST /services/create", &body)
        .unwrap()
        .1;
    let volume = &made["TaskTemplate"]["ContainerSpec"]["Mounts"][0]["VolumeOptions"];
    assert_eq!(*volume, json!({"Labels": {"dockgate.policy": "ci"}}));
}

#[test]
fn an_update_neither_sets_nor_removes_what_only_dockgate_sets() {
    let labelled = |labels: &str| {
        format!(
            r#"{{"Name":"own","Labels":{labels},"TaskTemplate":{{"ContainerSpec":{{"Image":"plain"}}}}}}"#
        )
    };
    for (path, is_service) in [("services", true), ("secrets", false), ("configs", false)] {
        let update = |scope: &str, labels: &str| {
            let mut body = labelled(labels);
            if !is_service {
                body = body.split(r#","TaskTemplate""#).next().unwrap().to_owned() + "}";
            }
            let request = format!("POST /{path}/own/update?version=7");
            sent(&rules(scope), &request, &body).map(|(_, body)| body)
        };
        let kept = json!({"dockgate.policy": "ci"});
        for labels in ["{}", r#"{"dockgate.policy":"ci"}"#] {
            let body = update(OWN, labels).unwrap();
            assert_eq!(body["Labels"], kept, "{path} {labels}");
            if is_service {
                let container = &body["TaskTemplate"]["ContainerSpec"];
                assert_eq!(container["Labels"], kept, "{labels}");
            }
        }
        // The owner may be written, but not given to what it does not have.
        let body = update(OWN, r#"{"dockgate.policy":"ci","dockgate.client":"b"}"#);
        assert_eq!(body, Err("restricted".to_owned()), "{path}");
        let team = "objects = ['label:team=ci']";
        let body = update(team, "{}").unwrap();
        assert_eq!(
            body["Labels"],
            json!({"dockgate.policy": "ci", "team": "ci"}),
            "{path}"
        );
        assert_eq!(
            update(team, r#"{"team":"ops"}"#),
            Err("restricted".to_owned()),
            "{path}"
        );
        let not = "objects = ['not-label:private']";
        assert_eq!(
            update(not, r#"{"private":"1"}"#),
            Err("restricted".to_owned()),
            "{path}"
        );
        assert!(update(not, r#"{"public":"1"}"#).is_ok(), "{path}");
    }
}

#[test]
fn an_update_changes_the_version_that_was_judged_or_nothing() {
    for (version, want) in [("7", "7"), ("8", "0"), ("07", "0"), ("x", "x"), ("", "")] {
        for (path, body) in [("services/own", SERVICE), ("secrets/own", SECRET)] {
            let request = format!("POST /{path}/update?version={version}");
            let target = sent(&rules(OWN), &request, body).unwrap().0;
            assert!(
                target.ends_with(&format!("version={want}")),
                "{version}: {target}"
            );
        }
    }
}

#[test]
fn an_image_brings_nothing_into_a_scope_through_a_service() {
    let own = rules("objects = ['@own']").withholding(&vec!["team".to_owned()].into());
    let of = |request: &str, image: &str| {
        let body = SERVICE.replace("plain", image);
        let (_, body) = sent(&own, request, &body).unwrap();
        body["TaskTemplate"]["ContainerSpec"]["Labels"]["team"].clone()
    };
    let create = "POST /services/create";
    assert_eq!(of(create, "brings"), "");
    assert_eq!(of(create, "remote"), "", "it is not known what it brings");
    assert_eq!(of(create, "plain"), Value::Null);
    assert_eq!(of("POST /services/own/update?version=7", "brings"), "");
}

#[test]
fn what_is_sent_for_an_object_out_of_scope_names_nothing_that_exists() {
    let body = r#"{"Name":"x","Networks":[{"Target":"foreign"}],"TaskTemplate":{"ContainerSpec":{"Image":"plain"},
        "Networks":[{"Target":"foreign"}]}}"#;
    let call = Call::parse("POST", "/services/foreign/update?version=7").unwrap();
    let request = Request::new(call).with_body(body.as_bytes()).unwrap();
    let permit = Rules::absent(request, &Hidden::default());
    let (target, body) = (
        permit.request.call.render(),
        permit.request.body.clone().unwrap(),
    );
    assert!(target.starts_with("/services/zq"), "{target}");
    assert!(target.ends_with("/update?version=7"), "{target}");
    assert!(!body.contains("foreign"), "{body}");
}

#[test]
fn the_beginning_of_an_id_finds_own_objects_before_the_name_of_another() {
    let (target, _) = sent(&rules(OWN), "GET /secrets/9iqoapt4k48u", "").unwrap();
    assert_eq!(target, format!("/secrets/{OTHER_ID}"));
}

#[test]
fn a_filter_of_tasks_names_only_services_in_scope() {
    for filter in ["{\"service\":[\"NAME\"]}", "{\"service\":{\"NAME\":true}}"] {
        let target = |name: &str| {
            let request = format!("GET /tasks?filters={}", filter.replace("NAME", name));
            sent(&rules(OWN), &request, "").unwrap().0
        };
        assert!(target("own").contains(ID), "{}", target("own"));
        assert!(target("monitor").contains(ID), "{}", target("monitor"));
        let hidden = target("foreign");
        assert!(
            !hidden.contains("foreign") && hidden.contains("zq"),
            "{hidden}"
        );
    }
}

#[test]
fn a_missing_task_causes_as_many_questions_as_one_out_of_scope() {
    let call = Call::parse("GET", "/tasks/missing").unwrap();
    let (_, supposed) = dry_run::judge(&rules(OWN), call, "", &world()).unwrap();
    assert_eq!(supposed, [Lookup::Service("z".repeat(25))]);
}
