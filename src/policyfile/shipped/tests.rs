//! Compares the built-in policies with what is known about their clients.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::LazyLock;

use super::{ALL, text};
use crate::config::Files;
use crate::docker::{Call, Operation, Target, classify};
use crate::policy::Rules;
use crate::policyfile::{Grants, Policy};

/// What each client calls: client, operation, method, path, need, feature.
const CLIENTS: &str = include_str!("../../../tests/data/clients.tsv");

/// Policies that are not for a client in the table.
const GENERAL: &[&str] = &["agent", "ci-runner", "default", "read-only"];

/// What policies allow although the table does not have it for their client, and why.
const BESIDES: &[(&str, Operation, &str)] = &[
    (
        "compose",
        Operation::SystemVersion,
        "releases before those of the table negotiate by it, compose 2.26 among them",
    ),
    (
        "docker-cli-build",
        Operation::BuildCancel,
        "the classic builder is notified when a build is canceled",
    ),
    (
        "docker-cli-build",
        Operation::ContainerList,
        "buildx looks for builders in containers",
    ),
    (
        "docker-cli-build",
        Operation::ImageInspect,
        "buildx reads the image that was built",
    ),
    (
        "docker-cli-run",
        Operation::NetworkConnect,
        "several networks, before API 1.44",
    ),
    (
        "docker-cli-run",
        Operation::SystemInfo,
        "older releases ask for the registry",
    ),
    (
        "docker-rollout",
        Operation::SystemVersion,
        "it calls compose",
    ),
    ("dockge", Operation::SystemVersion, "it calls compose"),
    (
        "testcontainers-java",
        Operation::ContainerStop,
        "from Python and Node.js, which are not in the table",
    ),
];

/// One line of the table.
struct Row {
    client: &'static str,
    call: Call,
    operation: Operation,
    is_required: bool,
    line: &'static str,
}

fn rows() -> Vec<Row> {
    let lines = CLIENTS.lines().filter(|line| !line.starts_with('#'));
    let rows: Vec<_> = lines.skip(1).map(row).collect();
    assert!(rows.len() > 900, "{} rows", rows.len());
    rows
}

fn row(line: &'static str) -> Row {
    let fields: Vec<_> = line.split('\t').collect();
    let [client, name, method, path, requirement, _] = fields[..] else {
        panic!("six columns: {line}");
    };
    let path = path.replace("{id}", "web").replace("{name}", "web");
    let call = classify(method, Target::parse(&path).unwrap()).unwrap();
    // A path outside the table of operations would need a raw path, and no client has one.
    let operation = call.operation().expect(line);
    let alias = if method == "HEAD" && name == "SystemPingHead" {
        "SystemPing"
    } else {
        name
    };
    assert_eq!(operation.to_string(), alias, "{line}");
    assert!(["required", "optional"].contains(&requirement), "{line}");
    Row {
        client,
        call,
        operation,
        is_required: requirement == "required",
        line,
    }
}

static POLICIES: LazyLock<BTreeMap<&str, Policy>> = LazyLock::new(|| {
    let load = |name| Policy::load(name, &Files).unwrap();
    ALL.iter().map(|(name, _)| (*name, load(name))).collect()
});

fn load(name: &str) -> &'static Policy {
    &POLICIES[name]
}

/// Whether a policy on its own allows a call.
fn grants(name: &str, call: &Call) -> bool {
    Rules::new(vec![load(name).clone()], Grants::default()).may_allow(call)
}

/// The policies of each client: its own and its variants. If the names of two clients begin alike, a policy belongs to
/// the longer name.
fn of_clients(rows: &[Row]) -> BTreeMap<&'static str, Vec<&'static str>> {
    let clients: BTreeSet<_> = rows.iter().map(|row| row.client).collect();
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (name, _) in ALL.iter().filter(|(name, _)| !GENERAL.contains(name)) {
        let is_for = |client: &&&str| {
            let rest = name.strip_prefix(**client);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let client = clients
            .iter()
            .filter(is_for)
            .max_by_key(|client| client.len());
        found.entry(*client.expect(name)).or_default().push(*name);
    }
    assert_eq!(found.keys().copied().collect::<BTreeSet<_>>(), clients);
    for (client, names) in &found {
        assert!(names.contains(client), "{client}: {names:?}");
    }
    found
}

#[test]
fn the_list_is_what_is_in_the_folder_in_order() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");
    let files = fs::read_dir(folder).unwrap();
    let name = |file: &fs::DirEntry| file.file_name().into_string().unwrap();
    let in_folder: BTreeSet<_> = files.map(|file| name(&file.unwrap())).collect();
    let listed = ALL.iter().map(|(name, _)| format!("{name}.toml"));
    let listed = listed.chain(["policy.schema.json".to_owned()]).collect();
    let different: Vec<_> = in_folder.symmetric_difference(&listed).collect();
    assert!(different.is_empty(), "not in both: {different:?}");
    assert!(ALL.is_sorted_by_key(|(name, _)| name));
}

#[test]
fn each_client_is_granted_what_it_requires_by_the_policy_of_its_name() {
    for row in rows().iter().filter(|row| row.is_required) {
        assert!(grants(row.client, &row.call), "{}", row.line);
    }
}

#[test]
fn each_client_is_granted_what_a_feature_takes_by_one_of_its_policies() {
    let rows = rows();
    let policies = of_clients(&rows);
    for row in &rows {
        let mut names = policies[row.client].iter();
        assert!(names.any(|name| grants(name, &row.call)), "{}", row.line);
    }
}

#[test]
fn no_client_is_granted_what_it_does_not_call() {
    let rows = rows();
    let mut besides = BTreeSet::new();
    for (client, names) in of_clients(&rows) {
        let of_client = rows.iter().filter(|row| row.client == client);
        let called: Vec<_> = of_client.map(|row| row.operation).collect();
        for name in names {
            let policy = load(name);
            assert!(!policy.has_raw_paths(), "{name}");
            let granted = Operation::ALL.iter().copied().filter(|it| policy.has(*it));
            for operation in granted.filter(|operation| !called.contains(operation)) {
                let known = BESIDES
                    .iter()
                    .position(|(of, it, _)| *of == client && *it == operation);
                besides.insert(known.unwrap_or_else(|| panic!("{name} grants {operation}")));
            }
        }
    }
    assert_eq!(besides.len(), BESIDES.len(), "some are granted by none");
}

#[test]
fn what_a_client_requires_stands_in_an_example() {
    for row in rows().iter().filter(|row| row.is_required) {
        let policy = load(row.client);
        let mut examples = policy.examples.iter().filter(|example| example.allow);
        let is_it = |method: &str, target: &str| {
            let call = classify(method, Target::parse(target).unwrap()).unwrap();
            call.operation() == Some(row.operation)
        };
        let has_example = examples.any(|example| is_it(&example.method, &example.target));
        assert!(
            has_example || !policy.has(row.operation),
            "policies/{}.toml needs an [[example]] with allow for {}, because tests/data/clients.tsv requires it: {}",
            row.client,
            row.operation,
            row.line
        );
    }
}

/// `tests/generated.rs` checks the counts against the allowed operations.
#[test]
fn each_begins_with_its_schema_and_how_much_it_and_its_clients_variables_allow() {
    for (name, text) in ALL {
        let mut lines = text.lines();
        assert_eq!(
            lines.next(),
            Some("#:schema ./policy.schema.json"),
            "{name}"
        );
        let first = lines.next().unwrap();
        let wrong = format!(
            "line 2 of policies/{name}.toml must begin with \"# Allows N operations\": {first}"
        );
        let said = first.strip_prefix("# Allows ").expect(&wrong);
        let (count, rest) = said.split_once(" operation").expect(&wrong);
        let count: usize = count.parse().expect(&wrong);
        let Some((_, compared)) = rest.split_once("; ") else {
            assert!(GENERAL.contains(name), "{name} compares with nothing");
            continue;
        };
        let (_, allowed) = compared.rsplit_once(", allow ").expect(&wrong);
        let allowed: usize = allowed.trim_end_matches('.').parse().expect(&wrong);
        assert!(count < allowed, "{name} allows more than its variables");
    }
}

/// The line in which a policy says which source of its client it is based on, and what it was tested with.
fn source(text: &str) -> Option<&str> {
    let mut lines = text.lines().filter(|line| line.starts_with('#'));
    lines.find_map(|line| line.strip_prefix("# Based on "))
}

#[test]
fn each_says_which_source_of_its_client_it_is_based_on() {
    for (name, text) in ALL {
        let policy = load(name);
        // A variant without this line has the same source and tests as the policy that it extends.
        let Some(source) = source(text) else {
            let extended = policy.parents.first();
            assert!(
                extended.is_some(),
                "policies/{name}.toml needs a line \"# Based on OWNER/REPOSITORY COMMIT. Tested: ...\""
            );
            continue;
        };
        let wrong = format!(
            "policies/{name}.toml: write \"# Based on OWNER/REPOSITORY COMMIT.\": {source}"
        );
        let source = source.strip_suffix('.').expect(&wrong);
        let (base, tested) = source.split_once(". Tested: ").unwrap_or((source, "-"));
        let is_said_once = !tested.is_empty() && !tested.contains("Tested: ");
        assert!(is_said_once, "{name}: {tested}");
        if GENERAL.contains(name) {
            let is_project = base.contains('/');
            assert!(!is_project, "{name}: {base}");
            continue;
        }
        let (repository, version) = base.split_once(' ').expect(&wrong);
        assert_eq!(repository.matches('/').count(), 1, "{wrong}");
        let commit = version.get(..7).expect(&wrong);
        let is_commit = commit.chars().all(|digit| digit.is_ascii_hexdigit());
        assert!(is_commit, "{wrong}");
    }
}

#[test]
fn descriptions_fit_into_a_line_of_the_list_and_no_line_is_too_long() {
    for (name, text) in ALL {
        let description = &load(name).description;
        assert!(
            (10..=100).contains(&description.len()),
            "{name}: {description}"
        );
        assert!(!description.ends_with('.'), "{name}: {description}");
        // The first two lines have fixed forms.
        for line in text.lines().skip(2).filter(|line| line.starts_with('#')) {
            assert!(line.len() <= 144, "{name}: {line}");
        }
    }
    assert_eq!(text("no-such-policy"), None);
}
