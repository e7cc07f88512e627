//! What an answer says about objects that a scope may hide.

use super::super::answer::Answer;
use super::super::lines;
use crate::cli::explain::arguments::ExplainedRequest;
use crate::cli::pasted::Pasted;
use crate::docker::ApiVersion;
use crate::policy::Rules;
use crate::policyfile::Grants;
use crate::policyfile::file::tests::policy;

const ALLOW: &str = "allow = ['ContainerInspect', 'ContainerStop', 'ContainerCreate', 'NetworkConnect', \
                     'NetworkInspect', 'VolumeInspect', 'VolumeDelete', 'ExecInspect']\n[create]\nnetworks = ['*']\n";

/// The whole answer under policies with these scopes, or without one.
fn told(scopes: &[&str], pasted: Pasted, body: &str) -> Vec<String> {
    let names = ["ci.toml", "two.toml"];
    let policies = names.iter().zip(scopes).map(|(name, scope)| {
        let scope = if scope.is_empty() {
            String::new()
        } else {
            format!("[scope]\n{scope}\n")
        };
        policy(name, format!("{ALLOW}{scope}").leak())
    });
    let rules = Rules::new(policies.collect(), Grants::default());
    let asked = ExplainedRequest {
        method: pasted.method,
        target: pasted.target,
        body: body.to_owned(),
        content_types: vec!["application/json".to_owned()],
        left_out: pasted.left_out,
        is_out_of_scope: pasted.is_out_of_scope,
    };
    lines(&Answer::of(&rules, &asked, ApiVersion::LEAST))
}

/// The lines of an answer that begin with this.
fn beginning<'a>(lines: &'a [String], with: &str) -> Vec<&'a str> {
    let begun = lines.iter().filter_map(|line| line.strip_prefix(with));
    begun.collect()
}

const INSPECT: &str = "GET /containers/web/json";

/// The scopes, the request, the verdict and the last assumption.
const ORDINARY: &[(&[&str], &str, &str, &str)] = &[
    (
        &["objects = ['@own']"],
        INSPECT,
        "deny",
        "the container web does not have the label dockgate.policy = \"ci\", so it is out of scope",
    ),
    (
        &["objects = ['label:a+b=c', 'project:shop', 'name:ci-*']"],
        INSPECT,
        "deny",
        "the container web does not have the labels a and b = \"c\" or the project shop or the name ci-*, so it is \
     out of scope",
    ),
    (
        &["objects = ['@own']", "objects = ['@own', 'label:a']"],
        INSPECT,
        "deny",
        "the container web does not have the label dockgate.policy = \"ci\" or the label dockgate.policy = \
     \"two\" or the label a, so it is out of scope",
    ),
    (
        &["objects = []"],
        INSPECT,
        "deny",
        "the container web is out of scope, because scope.objects is empty",
    ),
    (
        &["objects = ['name:w*']"],
        INSPECT,
        "allow",
        "the container web was created elsewhere, and is in scope",
    ),
    (
        &["objects = ['not-label:a']"],
        "POST /containers/web/stop",
        "allow",
        "the container web was created elsewhere, and is in scope",
    ),
    (
        &["objects = ['@own']\nsee = ['container:w*']"],
        "POST /containers/web/stop",
        "deny",
        "the container web was created elsewhere, and can be seen and used, but not changed, because of scope.see",
    ),
    (
        &["objects = ['@own']"],
        "GET /volumes/data",
        "deny",
        "the volume data does not have the label dockgate.policy = \"ci\", so it is out of scope",
    ),
    (
        &["objects = ['name:data']"],
        "DELETE /volumes/data",
        "allow",
        "the volume data was created elsewhere, and is in scope",
    ),
    // One policy without a scope shows everything.
    (
        &["objects = ['@own']", ""],
        INSPECT,
        "allow",
        "the container web is an ordinary one, created elsewhere",
    ),
];

#[test]
fn an_ordinary_object_is_out_of_scope_unless_it_needs_no_label() {
    for (scopes, request, verdict, assumed) in ORDINARY {
        let (method, target) = request.split_once(' ').unwrap();
        let told = told(scopes, Pasted::new(method, target), "");
        assert!(told[0].starts_with(&format!("{verdict}: ")), "{told:?}");
        let last = beginning(&told, "assumed: ").pop();
        assert_eq!(last, Some(*assumed), "{scopes:?} {request}: {told:?}");
    }
}

#[test]
fn the_objects_of_a_body_and_of_an_exec_are_assumed_to_be_out_of_scope_too() {
    let own = &["objects = ['@own']"][..];
    let body = r#"{"Image":"a","HostConfig":{"NetworkMode":"edge"}}"#;
    let create = Pasted::new("POST", "/containers/create");
    let told_of_body = told(own, create, body);
    assert_eq!(told_of_body[0], "deny: network edge not found");
    let label = "does not have the label dockgate.policy = \"ci\", so it is out of scope";
    assert_eq!(
        beginning(&told_of_body, "assumed: "),
        [format!("the network edge {label}")]
    );
    let told_of_exec = told(own, Pasted::new("GET", "/exec/e1/json"), "");
    assert_eq!(
        beginning(&told_of_exec, "assumed: ")[..2],
        [
            "the exec e1 runs sh in an ordinary container".to_owned(),
            format!("the container of the exec {label}"),
        ]
    );
}

#[test]
fn how_an_object_could_come_into_scope_does_not_say_whether_it_exists() {
    let own = &["objects = ['@own']"][..];
    for (request, want) in [
        (
            "GET /containers/web/json",
            "create the container through this policy; or, in ci.toml, add a selector such as \"name:web\" to \
             scope.objects, or \"container:web\" to scope.see",
        ),
        (
            "POST /containers/web/stop",
            "create the container through this policy; or, in ci.toml, add a selector such as \"name:web\" to \
             scope.objects",
        ),
        (
            "POST /networks/edge/connect",
            "create the network through this policy; or, in ci.toml, add a selector such as \"name:edge\" to \
             scope.objects, or \"network:edge\" to scope.see",
        ),
        (
            "GET /containers/4bcff63911fc/json",
            "create the container through this policy; or, in ci.toml, add a selector such as \"name:NAME\" to \
             scope.objects, or \"container:NAME\" to scope.see",
        ),
        (
            "GET /exec/e1/json",
            "create the container through this policy; or, in ci.toml, add a selector such as \"name:NAME\" to \
             scope.objects, or \"container:NAME\" to scope.see",
        ),
    ] {
        let (method, target) = request.split_once(' ').unwrap();
        let told = told(own, Pasted::new(method, target), r#"{"Container":"web"}"#);
        assert!(
            told[0].ends_with(": the object is not in [scope], or does not exist"),
            "{told:?}"
        );
        assert_eq!(beginning(&told, "to allow it: "), [want], "{request}");
    }
}

#[test]
fn an_object_that_a_record_calls_out_of_scope_is_not_assumed_to_be_in_scope() {
    let begin = r#"{"event":"begin","method":"POST","path":"/v1.45/containers/ci-1/stop","verdict":"pending","reason":"not_judged"}"#;
    let record = begin
        .replace("pending", "deny")
        .replace("not_judged", "out_of_scope");
    let both = format!("{begin}\n{record}");
    for (scopes, text, verdict, assumed) in [
        (
            &["objects = ['name:ci-*']"][..],
            &record,
            "deny",
            "the container ci-1 is not in scope or does not exist, as in the audit record",
        ),
        (
            &["objects = ['name:ci-*']"],
            &both,
            "deny",
            "the container ci-1 is not in scope or does not exist, as in the audit record",
        ),
        (
            &["objects = ['name:ci-*']"],
            &record.replace("out_of_scope", "restricted"),
            "allow",
            "the container ci-1 was created elsewhere, and is in scope",
        ),
    ] {
        let told = told(scopes, Pasted::parse(text).unwrap(), "");
        assert!(told[0].starts_with(&format!("{verdict}: ")), "{told:?}");
        assert_eq!(beginning(&told, "assumed: "), [assumed], "{scopes:?}");
    }
    // Without a scope every object exists, and nothing is looked up.
    let told = told(&[""], Pasted::parse(&record).unwrap(), "");
    assert!(told[0].starts_with("allow: "), "{told:?}");
    assert!(beginning(&told, "assumed: ").is_empty(), "{told:?}");
}
