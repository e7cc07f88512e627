//! Which requests name only what is in scope, and which objects exist for a client.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::advice::dry_run;
use crate::docker::{Call, Operation};
use crate::policy::request::Judgement;
use crate::policy::rules::Rules;
use crate::policyfile::Grants;
use crate::policyfile::file::tests::policy;

const ID: &str = "4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1";

/// The daemon's answers: own, seen and foreign objects of each kind.
#[expect(clippy::too_many_lines, reason = "a table of objects")]
fn world() -> Vec<(String, Value)> {
    let container = |name: &str, labels: Value| {
        let id = if name == "own" {
            ID.to_owned()
        } else {
            "9".repeat(64)
        };
        let answer = json!({"Id": id, "Name": format!("/{name}"), "Config": {"Labels": labels}});
        (format!("/containers/{name}/json"), answer)
    };
    let exec = |id: &str, container: &str| {
        (
            format!("/exec/{id}/json"),
            json!({"ID": id, "ContainerID": container}),
        )
    };
    let own = || json!({"dockgate.policy": "ci"});
    let foreign = || json!({"dockgate.policy": "other", "team": "ops"});
    let by_id = |id: &str, labels: Value| {
        let answer = json!({"Id": id, "Name": "/x", "Config": {"Labels": labels}});
        (format!("/containers/{id}/json"), answer)
    };
    let image = |name: &str, tags: &[&str], made: &str| {
        let labels = json!({"dockgate.image": format!("ci {made}")});
        let answer = json!({"RepoTags": tags, "Config": {"Labels": labels}});
        (format!("/images/{name}/json"), answer)
    };
    let both = ["both:ours", "both:theirs"];
    let ours = "docker.io/library/both:ours";
    vec![
        image("mine:1", &["mine:1"], "docker.io/library/mine:1"),
        image("app:prod", &["app:prod"], "docker.io/library/other:1"),
        image("both:ours", &both, ours),
        image("both:theirs", &both, ours),
        image("4bcff63911fc", &both, ours),
        container("own", own()),
        container("foreign", foreign()),
        container("monitor", foreign()),
        by_id(ID, own()),
        by_id(&"9".repeat(64), foreign()),
        exec("e1", ID),
        exec("e9", &"9".repeat(64)),
        ("/networks/own".to_owned(), json!({"Labels": own()})),
        // Its id begins with this.
        (
            "/networks/4bcff63911fc".to_owned(),
            json!({"Labels": foreign()}),
        ),
        ("/networks/6de75250b892".to_owned(), Value::Null),
        ("/networks/edge".to_owned(), json!({"Labels": foreign()})),
        ("/networks/foreign".to_owned(), json!({"Labels": foreign()})),
        ("/networks/bridge".to_owned(), json!({"Name": "bridge"})),
        (
            "/volumes/own".to_owned(),
            json!({"Driver": "local", "Labels": own()}),
        ),
        (
            "/volumes/cache".to_owned(),
            json!({"Driver": "local", "Labels": foreign()}),
        ),
        (
            "/volumes/foreign".to_owned(),
            json!({"Driver": "local", "Labels": foreign()}),
        ),
    ]
}

/// How a policy with this scope answers a request: `allow`, or the reason.
fn answer(scope: &str, request: &str, body: &str) -> String {
    let allow = "allow = ['*:read', '*:content', '*:write', 'ContainerCreate', 'ContainerExec', 'ExecStart', 'ContainerAttach', \
                 'PutContainerArchive', 'NetworkCreate', 'VolumeCreate', 'ImageTag', 'ImagePush', 'ImageCommit', 'ImageBuild']\n\
                 deny = ['swarm:read', 'swarm:content', 'swarm:write', 'services:read', 'services:content', 'services:write', 'nodes:read', \
                 'nodes:write', 'tasks:read', 'tasks:content', 'secrets:read', 'secrets:write', 'configs:read', 'configs:content', \
                 'configs:write', 'plugins:read', 'plugins:content', 'plugins:write', 'ImagePrune', 'BuildPrune', 'BuildCancel']\n";
    let blocks = "[create]\njoin = ['*']\nnetworks = ['*', '@default']\nvolumes = ['*', '@new']\n[exec]\ninto_privileged = true\n[archive]\ninto_privileged = true\n[networks]\ncontainers = ['*']\n";
    let rules = Rules::new(
        vec![policy(
            "ci",
            format!("{allow}[scope]\n{scope}\n{blocks}").leak(),
        )],
        Grants::default(),
    );
    let (method, target) = request.split_once(' ').unwrap();
    let call = Call::parse(method, target).unwrap();
    match dry_run::judge(&rules, call, body, &world()) {
        Ok((Judgement::Allow(_), _)) => "allow".to_owned(),
        Ok((Judgement::Deny(denial) | Judgement::Missing(denial), _)) | Err(denial) => {
            denial.reason.code().to_owned()
        }
        Ok((other, _)) => format!("{other:?}"),
    }
}

const OWN: &str = "objects = ['@own']\nsee = ['network:edge', 'volume:cache', 'container:monitor']";

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn an_object_of_another_is_one_that_does_not_exist() {
    for (request, body, want) in [
        ("GET /containers/own/json", "", "allow"),
        ("GET /containers/foreign/json", "", "out_of_scope"),
        ("GET /containers/monitor/json", "", "allow"),
        ("GET /containers/monitor/logs?stdout=1", "", "allow"),
        ("POST /containers/monitor/stop", "", "restricted"),
        ("POST /containers/own/stop", "", "allow"),
        ("POST /containers/foreign/stop", "", "out_of_scope"),
        ("DELETE /containers/foreign?force=1", "", "out_of_scope"),
        ("POST /containers/foreign/rename?name=x", "", "out_of_scope"),
        ("POST /containers/own/rename?name=x", "", "allow"),
        (
            "POST /containers/foreign/exec",
            r#"{"Cmd":["sh"]}"#,
            "out_of_scope",
        ),
        ("POST /containers/own/exec", r#"{"Cmd":["sh"]}"#, "allow"),
        (
            "POST /containers/foreign/attach?stdin=1",
            "",
            "out_of_scope",
        ),
        ("PUT /containers/foreign/archive?path=/", "", "out_of_scope"),
        ("POST /exec/e1/start", "{}", "allow"),
        ("POST /exec/e9/start", "{}", "out_of_scope"),
        ("GET /exec/e1/json", "", "allow"),
        ("GET /exec/e9/json", "", "out_of_scope"),
        ("GET /networks/own", "", "allow"),
        ("GET /networks/edge", "", "allow"),
        ("GET /networks/bridge", "", "allow"),
        ("GET /networks/foreign", "", "out_of_scope"),
        ("DELETE /networks/edge", "", "restricted"),
        ("DELETE /networks/foreign", "", "out_of_scope"),
        (
            "POST /networks/edge/connect",
            r#"{"Container":"own"}"#,
            "allow",
        ),
        (
            "POST /networks/own/connect",
            r#"{"Container":"foreign"}"#,
            "not_found",
        ),
        (
            "POST /networks/own/connect",
            r#"{"Container":"monitor"}"#,
            "restricted",
        ),
        (
            "POST /networks/foreign/connect",
            r#"{"Container":"own"}"#,
            "out_of_scope",
        ),
        (
            "POST /networks/own/disconnect",
            r#"{"Container":"foreign"}"#,
            "not_found",
        ),
        ("GET /volumes/own", "", "allow"),
        ("GET /volumes/cache", "", "allow"),
        ("GET /volumes/foreign", "", "out_of_scope"),
        ("DELETE /volumes/cache", "", "restricted"),
        ("DELETE /volumes/foreign", "", "out_of_scope"),
        ("POST /commit?container=own&repo=x", "", "allow"),
        ("POST /commit?container=foreign&repo=x", "", "not_found"),
    ] {
        assert_eq!(answer(OWN, request, body), want, "{request} {body}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn what_a_new_container_refers_to_is_in_scope() {
    let create = "POST /containers/create?name=new";
    for (host, want) in [
        (json!({}), "allow"),
        (json!({"NetworkMode": "bridge"}), "allow"),
        (json!({"NetworkMode": "own"}), "allow"),
        (json!({"NetworkMode": "edge"}), "allow"),
        (json!({"NetworkMode": "foreign"}), "reference_not_found"),
        (json!({"NetworkMode": "container:own"}), "allow"),
        (
            json!({"NetworkMode": "container:foreign"}),
            "reference_not_found",
        ),
        (
            json!({"PidMode": "container:foreign"}),
            "reference_not_found",
        ),
        (
            json!({"VolumesFrom": ["foreign:ro"]}),
            "reference_not_found",
        ),
        (json!({"VolumesFrom": ["own"]}), "allow"),
        (json!({"Links": ["foreign:x"]}), "reference_not_found"),
        (json!({"Binds": ["cache:/c"]}), "allow"),
        (json!({"Binds": ["own:/c"]}), "allow"),
        (json!({"Binds": ["new:/c"]}), "allow"),
        (json!({"Binds": ["foreign:/c"]}), "name_taken"),
        (
            json!({"Mounts": [{"Type": "volume", "Source": "foreign", "Target": "/c"}]}),
            "name_taken",
        ),
    ] {
        let body = json!({"Image": "busybox", "HostConfig": host}).to_string();
        assert_eq!(answer(OWN, create, &body), want, "{body}");
    }
    for (request, body, want) in [
        ("POST /volumes/create", r#"{"Name":"own"}"#, "allow"),
        (
            "POST /volumes/create",
            r#"{"Name":"foreign"}"#,
            "name_taken",
        ),
        ("POST /volumes/create", r#"{"Name":"fresh"}"#, "allow"),
        (
            "POST /networks/create",
            r#"{"Name":"6de75250b892"}"#,
            "allow",
        ),
        (
            "POST /networks/create",
            r#"{"Name":"4bcff63911fc"}"#,
            "restricted",
        ),
        // Volumes have no ids, so this is a name. One of 64 digits is that of a volume without a name.
        (
            "POST /volumes/create",
            r#"{"Name":"a660b5cccb3381133f86988736f1db88"}"#,
            "allow",
        ),
        (
            "POST /containers/create",
            r#"{"Image":"x","HostConfig":{"Binds":["a660b5cccb3381133f86988736f1db88:/c"]}}"#,
            "allow",
        ),
        (
            "POST /volumes/create",
            r#"{"Name":"4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1"}"#,
            "bad_body",
        ),
        (
            "POST /containers/create?name=4bcff63911fc",
            r#"{"Image":"x"}"#,
            "restricted",
        ),
        (
            "POST /containers/own/rename?name=4bcff63911fc",
            "",
            "restricted",
        ),
    ] {
        assert_eq!(answer(OWN, request, body), want, "{request} {body}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn what_is_created_is_in_scope() {
    let create = |name: &str| format!("POST /containers/create?name={name}");
    for (scope, name, labels, want) in [
        ("objects = ['label:team=ci']", "a", json!({}), "allow"),
        (
            "objects = ['label:team=ci']",
            "a",
            json!({"team": "ci"}),
            "allow",
        ),
        (
            "objects = ['label:team=ci']",
            "a",
            json!({"team": "ops"}),
            "restricted",
        ),
        (
            "objects = ['label:team=ci', '@own']",
            "a",
            json!({"team": "ops"}),
            "allow",
        ),
        ("objects = ['name:ci-*']", "ci-1", json!({}), "allow"),
        ("objects = ['name:ci-*']", "web", json!({}), "restricted"),
        ("objects = ['project:app']", "a", json!({}), "restricted"),
        (
            "objects = ['@own']\nnames = ['ci-*']",
            "ci-1",
            json!({}),
            "allow",
        ),
        (
            "objects = ['@own']\nnames = ['ci-*']",
            "web",
            json!({}),
            "restricted",
        ),
        (
            "objects = ['@own']\nnames = ['ci-*']",
            "4bcff63911fc_ci-web-1",
            json!({}),
            "allow",
        ),
        (
            "objects = ['@own']\nnames = ['ci-*']",
            "4bcff63911fc_web-1",
            json!({}),
            "restricted",
        ),
        ("objects = ['not-label:prod']", "a", json!({}), "allow"),
        (
            "objects = ['not-label:prod']",
            "a",
            json!({"prod": ""}),
            "restricted",
        ),
    ] {
        let body = json!({"Image": "x", "Labels": labels}).to_string();
        assert_eq!(
            answer(scope, &create(name), &body),
            want,
            "{scope} {name} {body}"
        );
    }
}

#[test]
fn a_scope_can_leave_images_to_the_policy() {
    for request in ["DELETE /images/app:prod", "POST /images/app/push"] {
        assert_eq!(answer(OWN, request, ""), "restricted", "{request}");
        let any = format!("images = 'any'\n{OWN}");
        assert_eq!(answer(&any, request, ""), "allow", "{request}");
    }
}

#[test]
fn images_are_marked_even_if_the_policy_does_not_check_them() {
    for (scope, is_marked) in [("[scope]\nobjects = ['@own']", true), ("", false)] {
        let text = format!("allow = ['ImageCommit']\n{scope}\n[images]\nunrestricted = true");
        let rules = Rules::new(vec![policy("ci", text.leak())], Grants::default());
        let call = Call::parse("POST", "/commit?container=own&repo=app&tag=1").unwrap();
        let judged = dry_run::judge(&rules, call, "{}", &world()).unwrap().0;
        let Judgement::Allow(permit) = judged else {
            panic!("{judged:?}");
        };
        let changes = permit.request.call.query.text("changes").to_owned();
        assert_eq!(changes.contains("dockgate.image"), is_marked, "{changes}");
    }
}

#[test]
fn nothing_new_becomes_part_of_a_project_of_another() {
    let text = "allow = ['NetworkCreate']\n[create]\nprojects = ['@own', '@new']\n[scope]\nobjects = ['@own']";
    let rules = Rules::new(vec![policy("ci", text)], Grants::default());
    let member = |mark: &str| {
        let label = json!({"com.docker.compose.project": "shop", "dockgate.policy": mark});
        let target = Lookup::Labeled(
            Object::Network,
            "com.docker.compose.project=shop".to_owned(),
        );
        let target = target.call().unwrap().path();
        vec![(
            target,
            json!([{"Id": ID, "Name": "shop_default", "Labels": label}]),
        )]
    };
    let body = r#"{"Name":"shop_back","Labels":{"com.docker.compose.project":"shop"}}"#;
    for (world, is_allowed) in [
        (Vec::new(), true),
        (member("ci"), true),
        (member("other"), false),
    ] {
        let call = Call::parse("POST", "/networks/create").unwrap();
        let judged = dry_run::judge(&rules, call, body, &world).unwrap().0;
        assert_eq!(
            matches!(judged, Judgement::Allow(_)),
            is_allowed,
            "{world:?}"
        );
    }
}

#[test]
fn unused_objects_are_deleted_by_label_only() {
    for (scope, request, want) in [
        (OWN, "POST /containers/prune", "allow"),
        (
            OWN,
            "POST /volumes/prune?filters=%7B%22label%22:%5B%22a%22%5D%7D",
            "allow",
        ),
        (OWN, "POST /networks/prune?filters=x", "restricted"),
        (
            OWN,
            "POST /networks/prune?filters=%7B%22label%22:%5B%5D,%22until%22:%7B%7D%7D",
            "restricted",
        ),
        (
            "objects = ['name:a']",
            "POST /containers/prune",
            "restricted",
        ),
        (
            "objects = ['@own', 'label:a=b']",
            "POST /containers/prune",
            "restricted",
        ),
        ("objects = ['label:a=b']", "POST /containers/prune", "allow"),
    ] {
        assert_eq!(answer(scope, request, ""), want, "{scope} {request}");
    }
}

#[test]
fn a_list_with_unclear_filters_is_denied() {
    for (request, want) in [
        (
            "GET /volumes?filters=%7B%22dangling%22:%5B%22true%22%5D%7D",
            "allow",
        ),
        ("GET /volumes?filters=x", "bad_query"),
        // The daemon would read the last of two keys, and say whether the container exists.
        (
            "GET /containers/json?filters=%7B%22before%22:%5B%22a%22%5D,%22before%22:%5B%22foreign%22%5D%7D",
            "bad_query",
        ),
        (
            "GET /containers/json?filters=%7B%22before%22:%5B%22foreign%22%5D,%22label%22:%7B%22a%22:true%7D%7D",
            "bad_query",
        ),
        (
            "GET /containers/json?filters=%7B%22before%22:%5B%22foreign%22%5D%7D",
            "allow",
        ),
        (
            "GET /volumes?filters=%7B%22label%22:%5B%22a%22%5D%7D",
            "allow",
        ),
        (
            "GET /images/json?filters=%7B%22dangling%22:%5B%22true%22%5D%7D",
            "allow",
        ),
    ] {
        assert_eq!(answer(OWN, request, ""), want, "{request}");
    }
}

#[test]
fn only_own_images_are_tagged_pushed_and_deleted() {
    for (request, want) in [
        ("GET /images/app:prod/json", "allow"),
        ("GET /images/app:prod/get", "allow"),
        ("POST /images/mine:1/tag?repo=mine&tag=2", "allow"),
        ("POST /images/app:prod/tag?repo=mine&tag=2", "restricted"),
        ("POST /images/mine/push?tag=1", "allow"),
        ("POST /images/app/push?tag=prod", "restricted"),
        ("POST /images/both/push?tag=theirs", "restricted"),
        ("POST /images/mine/push", "restricted"),
        ("DELETE /images/mine:1", "allow"),
        ("DELETE /images/app:prod", "restricted"),
        // An id stands for all names of its image.
        ("DELETE /images/both:ours", "allow"),
        ("DELETE /images/4bcff63911fc", "restricted"),
    ] {
        assert_eq!(answer(OWN, request, ""), want, "{request}");
    }
}

#[test]
fn selectors_are_read_or_refused() {
    for (text, want) in [
        ("@own", Some("@own")),
        ("label:a", Some("label:a")),
        ("label:a=b", Some("label:a=b")),
        ("label:a=b=c+d", Some("label:a=b=c+d")),
        ("not-label:a=false", Some("not-label:a=false")),
        ("project:web", Some("project:web")),
        ("name:ci-*", Some("name:ci-*")),
        ("web", None),
        ("@new", None),
        ("label:", None),
        ("label:=x", None),
        ("label:a+", None),
        ("label:name=x", None),
        ("label:exitCode=0", None),
        ("not-label:image", None),
        ("name:", None),
        ("project:", None),
        ("id:abc", None),
    ] {
        let written = <Member as Entry>::parse(text).and_then(|it| it.written());
        assert_eq!(written.as_deref(), want, "{text}");
    }
    for (text, is_good) in [
        ("network:edge", true),
        ("volume:*", true),
        ("container:a?", true),
        ("network:", false),
        ("image:x", true),
        ("image:", false),
        ("image:@", false),
        ("edge", false),
    ] {
        assert_eq!(<Seen as Entry>::parse(text).is_some(), is_good, "{text}");
    }
}

#[test]
fn an_image_brings_nothing_into_a_scope() {
    let scope = policy(
        "autoheal",
        "allow = ['ContainerList']\n[scope]\nobjects = ['label:heal=true']",
    )
    .scope
    .unwrap();
    let selecting: Arc<[String]> = scope.selecting().map(str::to_owned).collect();
    let rules = |block: &'static str| {
        let text = format!("allow = ['ContainerCreate']\n[create]\n{block}");
        Rules::new(vec![policy("p", text.leak())], Grants::default()).withholding(&selecting)
    };
    let (usual, updater) = (rules(""), rules("images = []\nreplaces = true"));
    let label = |rules: &Rules, image: &Value, labels: &Value| {
        let given = vec![
            (
                "/images/x/json".to_owned(),
                json!({"Config": {"Labels": image}}),
            ),
            (
                "replaced web".to_owned(),
                json!({"Image": format!("sha256:{ID}"), "Config": {"Image": "x", "Labels": image}}),
            ),
            (
                format!("/images/{ID}/json"),
                json!({"Config": {"Labels": image}}),
            ),
        ];
        let body = json!({"Image": "x", "Labels": labels}).to_string();
        let call = Call::parse("POST", "/containers/create?name=web").unwrap();
        let Ok((Judgement::Allow(permit), _)) = dry_run::judge(rules, call, &body, &given) else {
            panic!("{body}");
        };
        let sent: Value = serde_json::from_str(permit.request.body.as_deref().unwrap()).unwrap();
        sent["Labels"]["heal"].as_str().map(str::to_owned)
    };
    for (image, labels, want) in [
        (json!({"heal": "true"}), Value::Null, Some("")),
        (json!({"heal": "true"}), json!({"heal": "no"}), Some("no")),
        (
            json!({"heal": "true"}),
            json!({"heal": "true"}),
            Some("true"),
        ),
        (json!({"other": "true"}), Value::Null, None),
        (Value::Null, Value::Null, None),
    ] {
        let sent = label(&usual, &image, &labels);
        assert_eq!(sent.as_deref(), want, "{image} {labels}");
    }
    // A replacement is in the scopes that the old container was in: an updater leaves out what comes with the image.
    let image = json!({"heal": "true"});
    assert_eq!(label(&updater, &image, &Value::Null), None);
}

#[test]
fn what_is_sent_for_an_object_out_of_scope_names_nothing_that_exists() {
    let text = "allow = ['ContainerInspect', 'NetworkConnect']\n[scope]\nobjects = ['@own']";
    let rules = Rules::new(vec![policy("ci", text)], Grants::default());
    let sent = |target: &str, body: &str| {
        let method = if body.is_empty() { "GET" } else { "POST" };
        let mut known = Answers::default();
        let mut request = crate::policy::Request::new(Call::parse(method, target).unwrap());
        loop {
            let context = crate::policy::Context {
                known: &known,
                own: None,
            };
            match rules.evaluate(request, context) {
                Judgement::Ask(asked, lookup) => {
                    known.learn(
                        lookup.clone(),
                        dry_run::ordinarily(&lookup, Owner::of("other")),
                    );
                    request = asked;
                }
                Judgement::Inspect(asked) => request = asked.with_body(body.as_bytes()).unwrap(),
                Judgement::Allow(permit) => {
                    assert!(permit.grounds.is_hidden);
                    return (permit.request.call.render(), permit.request.body.clone());
                }
                other @ (Judgement::Deny(_) | Judgement::Missing(_)) => panic!("{other:?}"),
            }
        }
    };
    let is_word = |word: &str| word.len() == 32 && word.starts_with("zq");
    let (target, _) = sent("/v1.45/containers/web/json?size=1", "");
    let word = target
        .strip_prefix("/v1.45/containers/")
        .and_then(|it| it.strip_suffix("/json?size=1"));
    assert!(word.is_some_and(is_word), "{target}");
    assert_ne!(
        sent("/v1.45/containers/web/json?size=1", "").0,
        target,
        "a new word each time"
    );
    let (target, body) = sent("/networks/n/connect", r#"{"Container":"web"}"#);
    let body: Value = serde_json::from_str(&body.unwrap()).unwrap();
    assert!(
        is_word(body["Container"].as_str().unwrap()) && !target.contains("/n/"),
        "{target} {body}"
    );
}

#[test]
fn a_volume_that_a_container_brings_along_is_in_scope_too() {
    let body =
        |volume: &str| json!({"Image": "x", "HostConfig": {"Binds": [format!("{volume}:/d")]}});
    for (scope, volume, want) in [
        ("objects = ['label:team=ci']", "web", "allow"),
        ("objects = ['@own']\nnames = ['ci-*']", "web", "restricted"),
        ("objects = ['@own']\nnames = ['ci-*']", "ci-web", "allow"),
        ("objects = ['name:ci-*']", "web", "restricted"),
        ("objects = ['name:ci-*']", "ci-web", "allow"),
    ] {
        let create = "POST /containers/create?name=ci-1";
        let body = body(volume).to_string();
        assert_eq!(answer(scope, create, &body), want, "{scope} {volume}");
    }
}

#[test]
fn a_stream_ends_when_a_reload_changes_the_scope() {
    let rules = |scope: &str| {
        let text = format!("allow = ['SystemEvents']\n{scope}");
        Rules::new(vec![policy("ci", text.leak())], Grants::default())
    };
    let own = "[scope]\nobjects = ['@own']";
    let more = "[scope]\nobjects = ['@own']\nsee = ['network:edge']";
    for (before, now, is_kept) in [
        ("", "", true),
        (own, own, true),
        ("", own, false),
        (own, more, false),
        (more, own, false),
    ] {
        let kept = rules(now).keeps(Some(Operation::SystemEvents), &rules(before));
        assert_eq!(kept, is_kept, "{before} {now}");
    }
}
