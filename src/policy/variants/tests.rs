//! Which built-in policy a denial names, and that this policy allows what was denied.

use crate::advice::dry_run;
use crate::docker::{Json, Target, classify};
use crate::policy::keys::Key;
use crate::policy::requirements::requirements;
use crate::policy::{Answers, Judgement, Request, Requirement, Rules};
use crate::policyfile::file::tests::policy;
use crate::policyfile::{Grants, Policy};

use super::{Shipped, Variant, Variants};

fn judged(policies: Vec<Policy>, request: &str, body: &str) -> Result<(), String> {
    let rules = Rules::new(policies, Grants::default());
    let (method, target) = request.split_once(' ').unwrap();
    let call = classify(method, Target::parse(target).unwrap()).unwrap();
    match dry_run::judge(&rules, call, body, &[]).unwrap().0 {
        Judgement::Allow(_) => Ok(()),
        Judgement::Deny(denial) => Err(denial.message),
        other @ (Judgement::Inspect(_) | Judgement::Ask(..) | Judgement::Missing(_)) => {
            panic!("{request}: {other:?}")
        }
    }
}

fn shipped(name: &str) -> Policy {
    Policy::load(name, &Shipped).unwrap()
}

#[test]
fn messages_a_denial_names_the_shipped_variant_that_allows_the_request() {
    for (name, request, variant, within) in [
        (
            "docker-gen",
            "POST /containers/web/kill?signal=HUP",
            "docker-gen-notify",
            "",
        ),
        (
            "caddy-docker-proxy",
            "GET /networks",
            "caddy-docker-proxy-ingress",
            " as well",
        ),
        (
            "sablier",
            "POST /containers/web/update",
            "sablier-scale",
            " (limited by its [create])",
        ),
        (
            "compose",
            "PUT /containers/web/archive?path=/a",
            "compose-cp",
            " (limited by its [archive])",
        ),
    ] {
        let message = judged(vec![shipped(name)], request, "").unwrap_err();
        let way = format!("; to allow it, use the built-in policy \"{variant}\"{within}, or add ");
        assert!(message.contains(&way), "G5: {message}");
        if !within.contains("limited") {
            assert_eq!(
                judged(vec![shipped(variant)], request, ""),
                Ok(()),
                "G5: {request}"
            );
        }
        // With both policies, no denial names another one.
        let both = judged(vec![shipped(name), shipped(variant)], request, "");
        let message = both.err().unwrap_or_default();
        assert!(!message.contains("built-in policy"), "{message}");
    }
}

#[test]
fn messages_a_variant_beside_another_is_named_as_one_more() {
    let message = judged(
        vec![shipped("compose-exec")],
        "PUT /containers/web/archive?path=/a",
        "",
    );
    let message = message.unwrap_err();
    // Beside compose-exec, it would not own what is created through that.
    let way = "use a policy file with extends = [\"compose-exec\", \"compose-cp\"] (limited by its [archive])";
    assert!(message.contains(way), "{message}");
    let message = judged(vec![shipped("arcane-images")], "POST /containers/prune", "");
    let way = "use the built-in policy \"arcane-prune\" as well";
    let message = message.unwrap_err();
    assert!(message.contains(way), "{message}");
}

#[test]
fn messages_a_variant_without_the_scope_of_the_policy_is_not_named() {
    let names = |text| {
        let variants = Variants::of(&[policy("autoheal", text)]);
        let mut variants = variants.0.iter();
        variants.any(|variant| &*variant.policy.name == "autoheal-all")
    };
    assert!(names("allow = ['SystemPing']"));
    assert!(!names(
        "allow = ['SystemPing']\n[scope]\nobjects = ['label:autoheal=true']"
    ));
}

#[test]
fn messages_a_policy_of_ones_own_is_told_what_to_extend() {
    struct Both;
    impl super::Library for Both {
        fn read(&self, name: &str) -> Result<(String, String), super::Problem> {
            if name != "mine.toml" {
                return Shipped.read(name);
            }
            let text = "extends = ['docker-gen']\nallow = ['ContainerTop']";
            Ok((name.to_owned(), text.to_owned()))
        }
    }
    let mine = Policy::load("mine.toml", &Both).unwrap();
    let message = judged(vec![mine], "POST /containers/web/kill", "").unwrap_err();
    let way = "to allow it, add \"docker-gen-notify\" to extends, or add ";
    assert!(message.contains(way), "{message}");
}

#[test]
fn no_variant_is_named_that_would_deny_it_or_that_is_of_another_client() {
    for (policies, request) in [
        // It extends nothing, and the policies that share its name are for another client.
        (vec![shipped("ofelia-netresearch")], "POST /services/create"),
        (vec![shipped("read-only")], "POST /containers/web/kill"),
        (
            vec![policy("docker-gen.toml", "allow = []")],
            "POST /containers/web/kill",
        ),
        (vec![shipped("docker-gen")], "POST /swarm/leave"),
    ] {
        let name = policies[0].name.to_string();
        let message = judged(policies, request, "{}").unwrap_err();
        let is_other = message.contains("\"ofelia\"") || message.contains("\"ofelia-service\"");
        assert!(
            name.starts_with("ofelia") || !message.contains("shipped"),
            "{message}"
        );
        assert!(!is_other, "{message}");
    }
}

/// A denial of a body names another policy only if that policy allows the body.
#[test]
fn messages_a_variant_that_is_named_allows_all_of_it() {
    let base = policy(
        "base",
        "allow = ['ContainerCreate']\n[create]\nnetworks = []",
    );
    let wider = [
        (
            "other",
            "allow = ['ContainerStart']\n[create]\nbinds = ['/srv:rw']",
        ),
        (
            "reads",
            "allow = ['ContainerCreate']\n[create]\nbinds = ['/srv:ro']",
        ),
        (
            "writes",
            "allow = ['ContainerCreate']\n[create]\nbinds = ['/srv:rw']",
        ),
        (
            "any",
            "allow = ['ContainerCreate']\n[create]\nbinds = ['/**:rw']",
        ),
    ];
    let wider = wider.map(|(name, text)| Variant::new(policy(name, text), &base, &base));
    let variants = Variants(wider.into());
    for (mount, want) in [
        ("/srv:/a:ro", Some("reads")),
        ("/srv:/a", Some("writes")),
        ("/etc:/a", Some("any")),
        ("relative:/a", None),
    ] {
        let body =
            format!(r#"{{"Image":"a","HostConfig":{{"NetworkMode":"none","Binds":["{mount}"]}}}}"#);
        let body = Json::parse(body.as_bytes()).unwrap();
        let call = classify("POST", Target::parse("/containers/create").unwrap()).unwrap();
        let known = Answers::default();
        let requirements = requirements(&call, Some(&body), &known).unwrap();
        let body = Some(body);
        let request = Request {
            body,
            ..Request::new(call)
        };
        let is_lacking = |requirement: &&Requirement| {
            matches!(requirement.what.key(), Some(Key::Bind | Key::Volume))
        };
        let shortfall: Vec<_> = requirements.iter().filter(is_lacking).cloned().collect();
        let way = variants.way_to_all(&request, &requirements, &shortfall, &known);
        let want = want.map(|name| format!("use the built-in policy \"{name}\" as well"));
        assert_eq!(way, want.as_deref(), "{mount}");
        // Policies that differ only in other blocks are not tried.
        assert_eq!(
            variants.way_to_all(&request, &requirements, &[], &known),
            None
        );
    }
}
