use super::*;
use crate::docker::{Target, classify};
use crate::policy::redact::Class;

/// Policies by name, in memory.
pub(crate) struct Shelf(Vec<(&'static str, &'static str)>);

/// These policies, each with its text.
pub(crate) fn shelf(policies: &[(&'static str, &'static str)]) -> Shelf {
    Shelf(policies.to_vec())
}

impl Library for Shelf {
    fn read(&self, reference: &str) -> Result<(String, String), Problem> {
        let found = self.0.iter().find(|(name, _)| *name == reference);
        let missing = || Problem::of_file(reference, "the policy does not exist");
        found
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .ok_or_else(missing)
    }
}

/// A policy with this text.
pub(crate) fn policy(name: &'static str, text: &'static str) -> Policy {
    Policy::load(name, &Shelf(vec![(name, text)])).unwrap()
}

fn problems(text: &'static str) -> Vec<String> {
    let error = Policy::load("p", &Shelf(vec![("p", text)])).unwrap_err();
    error.iter().map(ToString::to_string).collect()
}

#[test]
fn deny_wins_inside_its_policy_and_over_its_parents() {
    let shelf = Shelf(vec![
        ("parent", "allow = ['containers:read', 'GET /libpod/info']"),
        (
            "child",
            "extends = ['parent']\nallow = ['ContainerKill']\ndeny = ['ContainerWait', 'GET /libpod/info']",
        ),
    ]);
    let child = Policy::load("child", &shelf).unwrap();
    assert!(child.has(Operation::ContainerList) && child.has(Operation::ContainerKill));
    assert!(!child.has(Operation::ContainerWait));
    let info = classify("GET", Target::parse("/libpod/info").unwrap()).unwrap();
    assert!(!child.grants(&info) && Policy::load("parent", &shelf).unwrap().grants(&info));
}

#[test]
fn all_problems_are_reported_at_once_with_file_and_key() {
    let text = "alow = []\ndescription = 1\nallow = ['ContainersList', 'containers:control']\ndeny = 'x'\n\
        [[example]]\nrequest = 'GET'\n[[example]]\nrequest = 'GET /info'\nverdict = 'maybe'\nstatus = 1";
    assert_eq!(
        problems(text),
        [
            "p:1: `alow`: unknown key: did you mean \"allow\"? The keys are allow, deny, description, example, extends, mark, observe, redact, scope, archive, build, create, exec, images, networks, volumes",
            "p:3: `allow`: \"ContainersList\": unknown operation: did you mean \"ContainerList\"?",
            "p:3: `allow`: \"containers:control\": a group cannot have the effect control: list each operation by its name",
            "p:4: `deny`: \"x\": unknown operation",
            "p:2: `description`: must be a string in quotes, but is 1",
            "p:6: `example.request`: must be a method and a target: \"GET /v1.45/containers/json\"",
            "p:10: `example.status`: unknown key: the keys are body, given, request, verdict",
            "p:9: `example.verdict`: must be \"allow\" or \"deny\"",
        ]
    );
}

#[test]
fn a_child_takes_over_the_blocks_that_it_does_not_have() {
    let shelf = Shelf(vec![
        (
            "parent",
            "[create]\nprivileged = true\ngpus = true\n[exec]\nprivileged = true",
        ),
        ("child", "extends = ['parent']\n[create]\ngpus = true"),
    ]);
    let child = Policy::load("child", &shelf).unwrap();
    let blocks = &child.blocks;
    assert!(blocks.exec.privileged, "the parent's block");
    assert!(
        blocks.create.gpus && !blocks.create.privileged,
        "the child's own"
    );
}

#[test]
fn one_string_is_a_list_of_one() {
    let shelf = shelf(&[
        (
            "p",
            "extends = 'base'\nallow = 'ContainerList'\n[create]\ncapabilities = 'KILL'",
        ),
        ("base", "allow = 'images:read'"),
    ]);
    let policy = Policy::load("p", &shelf).unwrap();
    assert!(policy.has(Operation::ContainerList) && policy.has(Operation::ImageList));
    let place = policy.allow.entries()[0].place.to_string();
    assert_eq!(place, "allow, line 2 of p");
    assert!(policy.blocks.has(Block::Create));
}

#[test]
fn a_scope_is_inherited_unless_it_is_false() {
    let shelf = Shelf(vec![
        ("scoped", "[scope]\nobjects = ['@own']"),
        ("child", "extends = ['scoped']"),
        ("lifted", "extends = ['scoped']\nscope = false"),
        ("after", "extends = ['lifted']"),
        ("beside", "extends = ['lifted', 'scoped']"),
    ]);
    for (name, is_scoped) in [
        ("scoped", true),
        ("child", true),
        ("lifted", false),
        ("after", false),
        ("beside", true),
    ] {
        let policy = Policy::load(name, &shelf).unwrap();
        assert_eq!(policy.scope.is_some(), is_scoped, "{name}");
    }
    for text in ["scope = true", "scope = '@own'"] {
        assert_eq!(
            problems(text),
            [
                "p:1: `scope`: must be a table, [scope], or false: the policy has no scope, whatever it extends"
            ],
            "{text}"
        );
    }
}

#[test]
fn a_syntax_error_names_its_line() {
    assert!(
        problems("description = 'a'\nallow = [\n\n=")
            .first()
            .unwrap()
            .starts_with("p:4:1: not valid TOML: ")
    );
}

#[test]
fn a_circle_of_policies_is_refused() {
    let shelf = Shelf(vec![("a", "extends = ['b']"), ("b", "extends = ['a']")]);
    let problem = Policy::load("a", &shelf).unwrap_err().remove(0).to_string();
    assert_eq!(
        problem,
        "a: `extends`: a extends b extends a again: remove one of these `extends`"
    );
    let twice = Shelf(vec![
        ("a", "extends = ['b', 'b']"),
        ("b", "allow = ['SystemPing']"),
    ]);
    assert!(
        Policy::load("a", &twice).is_ok(),
        "the same one twice is not a circle"
    );
}

#[test]
fn a_missing_parent_is_a_problem() {
    assert_eq!(
        problems("extends = ['nowhere']"),
        ["p:1: `extends`: \"nowhere\": the policy does not exist"]
    );
}

#[test]
fn what_is_not_built_is_an_unknown_key() {
    for (text, key) in [
        ("redacted = ['env']", "redacted"),
        ("[create]\nbind = []", "create.bind"),
    ] {
        let text: &'static str = Box::leak(text.to_owned().into_boxed_str());
        let problems = problems(text);
        assert!(
            problems[0].contains(&format!("`{key}`: unknown key")),
            "{problems:?}"
        );
    }
}

#[test]
fn what_is_hidden_is_inherited_until_a_policy_says_otherwise() {
    let shelf = shelf(&[
        ("env", "allow = ['ContainerInspect']\nredact = ['env']"),
        ("commands", "redact = 'commands'"),
        ("both", "extends = ['env', 'commands']"),
        ("child", "extends = ['both']\nallow = ['ContainerList']"),
        ("other", "extends = ['both']\nredact = ['host']"),
        (
            "none",
            "extends = ['both']\nallow = ['ServiceUpdate']\nredact = []",
        ),
    ]);
    for (name, want) in [
        ("env", "env"),
        ("both", "commands env"),
        ("child", "commands env"),
        ("other", "host"),
        ("none", ""),
    ] {
        let policy = Policy::load(name, &shelf).unwrap();
        let redact = policy.redact.as_deref();
        let classes = redact.map(|it| it.classes().map(Class::name).collect::<Vec<_>>());
        assert_eq!(classes.unwrap_or_default().join(" "), want, "{name}");
    }
    assert_eq!(
        problems("allow = ['ServiceUpdate']\n\nredact = [\n'host',\n'enf', 'env']"),
        [
            "p:5: `redact`: \"enf\": unknown class: did you mean \"env\"?",
            "p:3: `redact`: clients of p write services (ServiceUpdate) back as they read them, so \"env\" cannot be \
             hidden from them: leave it out of `redact`, or write redact = [] if an extended policy has it",
        ]
    );
    assert_eq!(problems("redact = [1]").len(), 1);
}
