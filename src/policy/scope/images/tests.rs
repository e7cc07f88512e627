//! Which images a client can use and change, if its scope limits them.

use serde_json::{Value, json};

use super::*;
use crate::advice::dry_run;
use crate::policy::request::Judgement;
use crate::policy::rules::Rules;
use crate::policyfile::Grants;
use crate::policyfile::file::Policy;
use crate::policyfile::file::tests::{policy, shelf};
use crate::policyfile::problem::Problem;

/// The daemon's images. The policy has made `mine:1` and `both:ours`.
fn world() -> Vec<(String, Value)> {
    let image = |name: &str, tags: &[&str], label: &str| {
        let answer = json!({"RepoTags": tags, "Config": {"Labels": {"dockgate.image": label}}});
        (format!("/images/{name}/json"), answer)
    };
    let both = ["both:ours", "both:theirs"];
    let ours = "ci docker.io/library/both:ours";
    vec![
        image("mine:1", &["mine:1"], "ci docker.io/library/mine:1"),
        image("mine", &["mine:latest"], "ci docker.io/library/mine:latest"),
        image("other:1", &["other:1"], "cj docker.io/library/other:1"),
        image("base:1", &["base:1"], ""),
        image("both:ours", &both, ours),
        image("both:theirs", &both, ours),
        image("4bcff63911fc", &both, ours),
        image("5bcff63911fc", &["other:1"], "ci docker.io/library/mine:1"),
        image("6bcff63911fc", &[], "ci docker.io/library/mine:1"),
        image("7bcff63911fc", &[], "cj"),
    ]
}

fn rules(scope: &str) -> Rules {
    let text = format!(
        "allow = ['images:read', 'images:content', 'ImageDelete', 'ImageTag', 'ImagePush', 'ImageBuild', 'ImageCreate', 'ContainerCreate']\n\
         deny = ['ImagePrune']\n[create]\nnetworks = ['@default']\n[scope]\nobjects = ['@own']\n{scope}"
    );
    Rules::new(vec![policy("ci", text.leak())], Grants::default())
}

fn judged<'a>(rules: &Rules, request: &str, body: &'a str) -> Result<Judgement<'a>, String> {
    let (method, target) = request.split_once(' ').unwrap();
    let call = Call::parse(method, target).unwrap();
    match dry_run::judge(rules, call, body, &world()) {
        Ok((Judgement::Deny(denial) | Judgement::Missing(denial), _)) | Err(denial) => {
            Err(denial.reason.code().to_owned())
        }
        Ok((judgement, _)) => Ok(judgement),
    }
}

const SCOPED: &str = "images = 'scoped'\nsee = ['image:base']";

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn an_image_of_another_is_one_that_does_not_exist() {
    let create = "POST /containers/create";
    let mounts = |image: &str| {
        let mount = json!({"Type": "image", "Source": image, "Target": "/x"});
        json!({"Image": "mine:1", "HostConfig": {"Mounts": [mount]}}).to_string()
    };
    let (mounts_base, mounts_other) = (mounts("base:1"), mounts("other:1"));
    for (request, body, shared, scoped) in [
        ("GET /images/mine:1/json", "", "allow", "allow"),
        ("GET /images/mine/json", "", "allow", "allow"),
        ("GET /images/base:1/json", "", "allow", "allow"),
        ("GET /images/other:1/json", "", "allow", "out_of_scope"),
        ("GET /images/other:1/history", "", "allow", "out_of_scope"),
        ("GET /images/other:1/get", "", "allow", "out_of_scope"),
        ("GET /images/both:ours/json", "", "allow", "allow"),
        ("GET /images/both:theirs/json", "", "allow", "out_of_scope"),
        // An id stands for all names, and an image without a name belongs to the client that made it.
        ("GET /images/4bcff63911fc/json", "", "allow", "allow"),
        ("GET /images/5bcff63911fc/json", "", "allow", "out_of_scope"),
        ("GET /images/6bcff63911fc/json", "", "allow", "allow"),
        ("GET /images/7bcff63911fc/json", "", "allow", "out_of_scope"),
        ("GET /images/mine:1/get", "", "allow", "allow"),
        ("GET /images/mine/get", "", "allow", "restricted"),
        ("GET /images/get?names=mine:1", "", "allow", "allow"),
        ("GET /images/get?names=mine", "", "allow", "restricted"),
        (
            "GET /images/get?names=mine:1&names=other:1",
            "",
            "allow",
            "not_found",
        ),
        ("DELETE /images/mine:1", "", "allow", "allow"),
        ("DELETE /images/base:1", "", "restricted", "restricted"),
        ("DELETE /images/other:1", "", "restricted", "out_of_scope"),
        (
            "DELETE /images/4bcff63911fc",
            "",
            "restricted",
            "restricted",
        ),
        ("POST /images/mine:1/tag?repo=x", "", "allow", "allow"),
        (
            "POST /images/base:1/tag?repo=x",
            "",
            "restricted",
            "restricted",
        ),
        (
            "POST /images/other:1/tag?repo=x",
            "",
            "restricted",
            "out_of_scope",
        ),
        ("POST /images/mine/push?tag=1", "", "allow", "allow"),
        (
            "POST /images/base/push?tag=1",
            "",
            "restricted",
            "restricted",
        ),
        (
            "POST /images/other/push?tag=1",
            "",
            "restricted",
            "out_of_scope",
        ),
        (create, r#"{"Image":"mine:1"}"#, "allow", "allow"),
        (create, r#"{"Image":"base:1"}"#, "allow", "allow"),
        (create, r#"{"Image":"other:1"}"#, "allow", "not_found"),
        (create, &mounts_base, "allow", "allow"),
        (create, &mounts_other, "allow", "not_found"),
        ("POST /build?t=x", "", "allow", "allow"),
        ("POST /build?t=x&version=2", "", "allow", "restricted"),
    ] {
        for (scope, want) in [("", shared), (SCOPED, scoped)] {
            let answer = judged(&rules(scope), request, body);
            let answer = answer.map_or_else(|code| code, |_| "allow".to_owned());
            assert_eq!(answer, want, "{scope:?} {request} {body}");
        }
    }
}

#[test]
fn a_missing_image_is_named_with_the_tag_that_the_daemon_adds() {
    let call = Call::parse("POST", "/containers/create").unwrap();
    let body = r#"{"Image":"nginx"}"#;
    let given = [("/images/nginx/json".to_owned(), Value::Null)];
    let Ok((Judgement::Missing(denial), _)) = dry_run::judge(&rules(SCOPED), call, body, &given)
    else {
        panic!("an image that does not exist");
    };
    assert_eq!(denial.message, "No such image: nginx:latest");
    assert_eq!(
        denial.reason.status(),
        404,
        "the docker command line pulls it"
    );
}

#[test]
fn a_build_begins_only_with_what_the_registry_gives() {
    for (scope, want) in [("", ""), (SCOPED, "1")] {
        let rules = rules(scope);
        let Ok(Judgement::Allow(permit)) = judged(&rules, "POST /build?t=x&pull=0", "") else {
            panic!("{scope}");
        };
        let query = &permit.request.call.query;
        let sent = ["nocache", "pull"].map(|key| query.text(key).to_owned());
        let want = if want.is_empty() {
            ["", "0"]
        } else {
            [want, want]
        };
        assert_eq!(sent, want, "{scope}");
    }
}

#[test]
fn a_name_that_was_pulled_can_be_seen_and_one_that_was_given_is_own() {
    let rules = rules(SCOPED);
    let scoped = rules.policies()[0].scoped().unwrap();
    let id = "a".repeat(64);
    let image = |tags: &[&str]| {
        let digests = ["x@sha256:0"];
        let text = json!({"Id": id, "RepoTags": tags, "RepoDigests": digests, "Config": {}});
        Image::parse(text.to_string().as_bytes()).unwrap()
    };
    let named = |name: &str, id: &str, is_pulled| NamedImage {
        name: format!("docker.io/library/{name}"),
        id: id.into(),
        is_pulled,
    };
    let digest = format!("app@sha256:{}", "b".repeat(64));
    for (meant, tags, named, want) in [
        (
            "app:1",
            &["app:1"][..],
            named("app:1", &id, true),
            Standing::Seen,
        ),
        (
            "app:1",
            &["app:1"],
            named("app:1", &id, false),
            Standing::Own,
        ),
        // The name has moved to another image.
        (
            "app:1",
            &["app:1"],
            named("app:1", "9", true),
            Standing::Hidden,
        ),
        (
            "app:2",
            &["app:1", "app:2"],
            named("app:1", &id, true),
            Standing::Hidden,
        ),
        (
            &id,
            &["app:1", "app:2"],
            named("app:1", &id, false),
            Standing::Seen,
        ),
        (&id, &["app:1"], named("app:1", &id, false), Standing::Own),
        (&digest, &[], named(&digest, &id, true), Standing::Seen),
        (&digest, &[], named(&digest, "9", true), Standing::Hidden),
    ] {
        let standing = scoped.of_image(meant, &image(tags), std::slice::from_ref(&named));
        assert_eq!(standing, want, "{meant} {tags:?} {named:?}");
    }
}

fn loaded(text: String) -> Result<Policy, Vec<Problem>> {
    let shelf = shelf(&[("ci", text.leak())]);
    Policy::load("ci", &shelf)
}

#[test]
fn what_reaches_images_unread_is_not_allowed_beside_limited_images() {
    for (allow, images, is_good) in [
        ("'ImageLoad'", "shared", true),
        ("'ImageLoad'", "scoped", false),
        ("'Session'", "scoped", false),
        ("'Grpc'", "scoped", false),
        ("'ImageBuild'", "scoped", true),
        ("'ImageList'", "some", false),
    ] {
        let text = format!("allow = [{allow}]\n[scope]\nobjects = ['@own']\nimages = '{images}'");
        let read = loaded(text.clone());
        assert_eq!(read.is_ok(), is_good, "{text}");
    }
    let see = "allow = []\n[scope]\nobjects = ['@own']\nsee = ['image:base']";
    assert!(loaded(see.to_owned()).is_err(), "it has no effect");
    let limited = format!("{see}\nimages = 'scoped'");
    assert!(loaded(limited).is_ok());
}
