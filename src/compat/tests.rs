use super::tables::{DialectTable, PODMAN_OBJECTS, PODMAN_SECTIONS, SECTIONS, Section};
use super::*;
use crate::docker::Operation;

#[path = "../../tests/generated/kept.rs"]
mod kept;

use kept::generated;

fn variables(pairs: &[(&str, &str)]) -> ImageVariables {
    let mut variables = ImageVariables::default();
    for (name, text) in pairs {
        variables.take((*name).to_owned(), (*text).to_owned());
    }
    variables
}

/// Variables as a shell takes them.
fn parsed(line: &str) -> ImageVariables {
    let pairs: Vec<_> = line
        .split_ascii_whitespace()
        .map(|pair| pair.split_once('=').unwrap())
        .collect();
    variables(&pairs)
}

/// What a dialect opens under an environment, in words.
fn opened(dialect: Dialect, environment: &str) -> String {
    let variables = parsed(environment);
    let on = |variable: &str| variables.on(variable);
    let formula = Formula::of(dialect);
    let word = |ways: &Ways| ways.text.replace(' ', ":");
    let open = formula.opened(&on).into_iter().map(word);
    // Shut is what none of the variables opens; only what is less than that is worth a word.
    let lifted = formula.shut.iter().filter(|ways| ways.is_open(&on));
    let lifted = lifted.map(|ways| format!("+{}", word(ways)));
    open.chain(lifted).collect::<Vec<_>>().join(" ")
}

/// The environments that the images' own documents and those of their users name.
const DOCUMENTED: &[&str] = &[
    "CONTAINERS=1",
    "CONTAINERS=1 INFO=1",
    "CONTAINERS=1 IMAGES=1 POST=1",
    "NETWORKS=1 NODES=1 SERVICES=1 TASKS=1",
    "POST=1 ALLOW_START=1 ALLOW_STOP=1",
    "CONTAINERS=1 EVENTS=1 EXEC=1 IMAGES=1 INFO=1 NETWORKS=1 PING=1 POST=1 VERSION=1 VOLUMES=1",
    "EVENTS=0 PING=0 VERSION=0",
];

/// Every variable that opens something.
fn variables_of(table: &DialectTable) -> Vec<String> {
    let sections = |sections: &[Section]| -> Vec<_> {
        let variables = sections.iter().map(|section| section.variable.to_owned());
        variables.collect()
    };
    let mut variables = sections(SECTIONS);
    let switches = table.gates.iter().chain(table.actions);
    variables.extend(switches.map(|switch| switch.variable.to_owned()));
    if table.has_podman {
        variables.extend(sections(PODMAN_SECTIONS));
        for (_, prefix) in PODMAN_OBJECTS {
            variables.extend(table.actions.iter().map(|action| action.of_podman(prefix)));
        }
    }
    variables
}

/// Each variable on its own, with `POST=0` and with `POST=1`, and the documented sets.
fn environments(dialect: Dialect) -> Vec<String> {
    let mut environments = vec!["POST=0".to_owned(), "POST=1".to_owned()];
    let variables = variables_of(dialect.table());
    for variable in &variables {
        environments.push(format!("{variable}=1 POST=0"));
        environments.push(format!("{variable}=1 POST=1"));
        // A gate has an effect only together with its section.
        if let Some(section) = dialect.table().section_of_gate(variable) {
            environments.push(format!("{variable}=1 {section}=1 POST=0"));
            environments.push(format!("{variable}=1 {section}=1 POST=1"));
        }
    }
    environments.extend(DOCUMENTED.iter().map(|set| (*set).to_owned()));
    environments
}

/// Each line was reviewed by hand: variables, ` -> `, operations.
#[test]
fn every_variable_opens_in_each_dialect_what_was_reviewed() {
    for dialect in Dialect::ALL {
        let lines = environments(*dialect).into_iter().map(|environment| {
            let line = format!("{environment} -> {}", opened(*dialect, &environment));
            format!("{}\n", line.trim_end())
        });
        generated(
            &format!("tests/data/dialects/{}.txt", dialect.as_str()),
            &lines.collect::<String>(),
        );
    }
}

fn applied(environment: &str, dialect: &str) -> Translated {
    let mut dialects = Dialect::ALL.iter();
    let dialect = dialects.find(|of| of.as_str() == dialect).unwrap();
    parsed(environment).apply(*dialect, false, &|_| false)
}

/// A dialect, an environment, and how one of the reported lines begins.
const TOLD: &[(&str, &str, &str)] = &[
    (
        "hardened",
        "SERVICES=1",
        "SERVICES=1 allows ServiceList, ServiceInspect",
    ),
    (
        "tecnativa",
        "TASKS=1",
        "TASKS=1 allows TaskList, TaskInspect, TaskLogs",
    ),
    (
        "hardened",
        "BUILD=1",
        "warning: BUILD=1 has no effect without POST=1",
    ),
    (
        "tecnativa",
        "CONTAINERS=1 POST=1 ALLOW_START=1",
        "warning: ALLOW_START=1 has no effect: other variables already allow the same",
    ),
    (
        "tecnativa",
        "CONTAINERS=1 ALLOW_START=1",
        "warning: ALLOW_START=1 has no effect without POST=1, and with it other variables already allow the same",
    ),
    (
        "tecnativa",
        "ALLOW_START=1",
        "warning: ALLOW_START=1 has no effect without POST=1",
    ),
    (
        "linuxserver",
        "ALLOW_START=1",
        "ALLOW_START=1 allows ContainerStart, POST /libpod/containers/{}/start, POST /libpod/pods/{}/start",
    ),
    (
        "hardened",
        "ALLOW_EXPORT=1",
        "warning: ALLOW_EXPORT=1 has no effect without CONTAINERS=1",
    ),
    (
        "hardened",
        "ALLOW_EXPORT=1 CONTAINERS=1",
        "ALLOW_EXPORT=1 allows ContainerExport",
    ),
    (
        "hardened",
        "POST=true",
        "warning: POST=true counts as 0, as in HAProxy: write POST=0 or POST=1",
    ),
    (
        "hardened",
        "POST=1",
        "warning: POST=1 has no effect: no section is enabled, such as CONTAINERS=1",
    ),
    (
        "hardened",
        "CONTAINERS=1 POST=1",
        "POST=1 allows ContainerCreate, ContainerResize, ContainerStart, ContainerStop, ContainerRestart, ContainerKill, ContainerUpdate, ContainerRename and",
    ),
    ("hardened", "EVENTS=0", "EVENTS=0 denies SystemEvents"),
    (
        "hardened",
        "LIBPOD_INFO=1",
        "warning: LIBPOD_INFO has no effect: it works only with DOCKGATE_DIALECT=linuxserver",
    ),
    (
        "hardened",
        "ALLOW_FOO=1",
        "warning: ALLOW_FOO has no effect: no dialect has this variable",
    ),
    (
        "tecnativa",
        "DELETE=0",
        "warning: DELETE has no effect: POST=1 allows all methods",
    ),
    (
        "linuxserver",
        "LIBPOD_CONTAINERS=1 ALLOW_TOP=1",
        "ALLOW_TOP=1 allows /libpod/containers/{}/top/..., /libpod/pods/{}/top/...",
    ),
];

#[test]
fn each_variable_is_told_what_it_opens_or_why_it_does_nothing() {
    for (dialect, environment, want) in TOLD {
        let notices = applied(environment, dialect).notices;
        let found = notices.iter().any(|notice| notice.starts_with(want));
        assert!(found, "{environment}: {want}: {notices:#?}");
    }
}

#[test]
fn what_is_off_as_it_would_be_anyway_is_not_told() {
    let notices = applied(
        "CONTAINERS=0 POST= EVENTS=1 SOCKET_PATH=/run/d.sock",
        "hardened",
    )
    .notices;
    assert_eq!(
        notices.len(),
        2,
        "the first line and the last: {notices:#?}"
    );
}

#[test]
fn a_policy_of_ours_holds_and_every_variable_without_effect_is_named() {
    let variables = parsed("CONTAINERS=1 LOG_LEVEL=notice SOCKET_PATH=/x");
    let translated = variables.apply(Dialect::Hardened, true, &|_| false);
    assert!(translated.policy.is_none() && translated.layers.is_empty());
    let want = "warning: CONTAINERS, LOG_LEVEL, SOCKET_PATH are ignored because a policy is set: set DOCKGATE_LOG \
        instead of LOG_LEVEL, DOCKGATE_UPSTREAM instead of SOCKET_PATH";
    assert_eq!(translated.notices, [want]);
}

#[test]
fn a_misspelled_variable_is_reported_and_changes_nothing() {
    for (environment, want) in [
        ("CONTAINER=1", Some("CONTAINERS")),
        ("containers=1", Some("CONTAINERS")),
        ("VOLUME=true", Some("VOLUMES")),
        ("POSTS=1", Some("POST")),
        ("CONTIANERS=1", Some("CONTAINERS")),
        ("TASK=0", Some("TASKS")),
        ("SOCKET_PTH=/run/x.sock", Some("SOCKET_PATH")),
        ("LOGLEVEL=info", Some("LOG_LEVEL")),
        ("POLICY=traefik", Some("DOCKGATE_POLICY")),
        ("IMAGE=nginx", None),
        ("VERBOSE=1", None),
        ("HOST=1", None),
    ] {
        let translated = applied(environment, "hardened");
        assert!(translated.policy.is_none(), "{environment}");
        let name = environment.split('=').next().unwrap();
        let want = want.map(|right| {
            format!("warning: {name} is ignored because it is not a known variable: did you mean {right}?")
        });
        assert_eq!(translated.notices, Vec::from_iter(want), "{environment}");
    }
}

#[test]
fn settings_of_ours_win_over_variables() {
    let variables = parsed("SOCKET_PATH=/x LOG_LEVEL=notice");
    let translated = variables.apply(Dialect::Hardened, false, &|key| key == "upstream");
    assert_eq!(
        translated.layers.len(),
        2,
        "`log` and `audit.allowed_reads`"
    );
    let want = "warning: SOCKET_PATH is ignored because `upstream` is set";
    assert!(translated.notices.iter().any(|notice| notice == want));
}

#[test]
fn a_value_that_no_image_takes_is_a_problem() {
    for environment in ["LOG_LEVEL=loud", "SOCKET_PATH=docker", "BIND_CONFIG=2375"] {
        let problems = applied(environment, "tecnativa").problems;
        assert_eq!(problems.len(), 1, "{environment}");
        let variable = environment.split('=').next().unwrap();
        assert_eq!(problems[0].file, variable);
    }
}

#[test]
fn a_denial_says_which_variables_would_grant() {
    let policy = applied("CONTAINERS=1 LOG_LEVEL=info", "hardened")
        .policy
        .unwrap();
    for (operation, want) in [
        (Operation::ContainerExport, "set ALLOW_EXPORT=1"),
        (Operation::ContainerStart, "set POST=1"),
        (Operation::ContainerCreate, "set POST=1"),
        (Operation::ImageGet, "set ALLOW_IMAGE_EXPORT=1 and IMAGES=1"),
        (Operation::ImageCreate, "set IMAGES=1 and POST=1"),
    ] {
        assert_eq!(policy.ways.get(&operation).map(String::as_str), Some(want));
    }
    assert_eq!(policy.ways.get(&Operation::ContainerList), None);
}

#[test]
fn a_denial_of_a_path_outside_of_the_table_does_not_send_to_a_list_that_holds_nothing() {
    use crate::advice::dry_run;
    use crate::docker::{Target, classify};
    use crate::policy::{Judgement, Rules};
    for (dialect, want) in [
        ("hardened", "DOCKGATE_DIALECT=linuxserver"),
        ("linuxserver", "allowed by LIBPOD_* and POST"),
    ] {
        let policy = applied("CONTAINERS=1", dialect).policy.unwrap();
        let rules = Rules::new(vec![policy], Grants::default());
        let call = classify("GET", Target::parse("/libpod/info").unwrap()).unwrap();
        let Ok((Judgement::Deny(denial), _)) = dry_run::judge(&rules, call, "", &[]) else {
            panic!("{dialect}: granted")
        };
        assert!(denial.message.contains(want), "{}", denial.message);
        assert!(!denial.message.contains("to allow"), "{}", denial.message);
    }
}
