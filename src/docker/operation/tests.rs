use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// The routes of the daemon as facts: operation, source, method, path, section, effect, ..., flags,
/// first and last API version, notes.
const FACTS: &str = include_str!("../../../tests/data/docker-api.tsv");

fn facts() -> impl Iterator<Item = Vec<&'static str>> {
    let rows = FACTS
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect::<Vec<_>>());
    rows.filter(|row| row[5] != "refused")
}

#[test]
fn the_table_is_the_daemons_route_table() {
    let mut wanted = BTreeMap::new();
    for row in facts() {
        let operation = Operation::named(row[0]).unwrap_or_else(|| panic!("{} is missing", row[0]));
        let path = row[3]
            .replace(":.*", "")
            .replace(":.+", "")
            .replace("{name}", "{}")
            .replace("{id}", "{}");
        wanted.insert(
            (row[2].to_owned(), path.replace("{checkpoint}", "{}")),
            (operation, row[4], row[5]),
        );
    }
    let mut found = BTreeMap::new();
    for operation in Operation::ALL.iter().copied() {
        let spec = operation.spec();
        for route in spec.routes {
            let path = route
                .path
                .replace("{name...}", "{}")
                .replace("{name}", "{}")
                .replace("{id}", "{}");
            let route = (
                route.method.as_str().to_owned(),
                path.replace("{checkpoint}", "{}"),
            );
            let twice = found.insert(route, (operation, spec.section, spec.effect.as_str()));
            assert!(twice.is_none(), "{operation} has a route of {twice:?}");
        }
    }
    assert_eq!(found, wanted);
    assert_eq!(Operation::ALL.len(), 112);
}

#[test]
fn streams_and_hijacks_are_those_of_the_daemon() {
    for row in facts() {
        let flags: BTreeSet<_> = row[7].split(',').collect();
        let reply = Operation::named(row[0]).unwrap().spec().reply;
        match reply {
            Reply::Hijack(_) => assert!(flags.contains("hijack"), "{}", row[0]),
            Reply::Stream(_) => assert!(
                flags.contains("stream") && !flags.contains("hijack"),
                "{}",
                row[0]
            ),
            Reply::Plain => assert!(!flags.contains("stream"), "{}", row[0]),
        }
    }
}

#[test]
fn a_route_that_uploads_takes_a_body() {
    for row in facts().filter(|row| row[7].contains("upload")) {
        let body = Operation::named(row[0]).unwrap().spec().body;
        assert!(matches!(body, Body::Tar | Body::Import), "{}", row[0]);
    }
    for operation in Operation::ALL.iter().copied() {
        let spec = operation.spec();
        let reads_only = spec.routes.iter().all(|route| route.method.is_safe());
        assert!(
            !reads_only || spec.body == Body::Discarded,
            "{operation} is read without a body"
        );
    }
}

#[test]
fn names_are_unique_and_sections_are_whole() {
    let names: BTreeSet<_> = Operation::ALL
        .iter()
        .map(|operation| operation.spec().name)
        .collect();
    assert_eq!(names.len(), Operation::ALL.len());
    let sections = Operation::sections();
    let unique: BTreeSet<_> = sections.iter().collect();
    assert_eq!(
        unique.len(),
        sections.len(),
        "each section stands together in the table"
    );
    for (alias, operation) in ALIASES {
        assert!(
            !names.contains(alias) && Operation::named(alias) == Some(*operation),
            "{alias}"
        );
    }
}

#[test]
fn only_known_harmless_keys_are_logged() {
    // Values of these can carry credentials, environment or commands.
    let secret = [
        "Env",
        "buildargs",
        "changes",
        "fromSrc",
        "ps_args",
        "remote",
        "filters",
        "labels",
        "comment",
    ];
    for operation in Operation::ALL.iter().copied() {
        let spec = operation.spec();
        assert!(spec.logged.is_sorted(), "{operation}");
        assert!(
            !spec.logged.iter().any(|key| secret.contains(key)),
            "{operation}"
        );
    }
}

#[test]
fn versions_are_between_1_24_and_1_56() {
    for operation in Operation::ALL.iter().copied() {
        let minor = operation
            .spec()
            .min_api
            .strip_prefix("1.")
            .and_then(|minor| minor.parse::<u8>().ok());
        assert!(
            minor.is_some_and(|minor| (24..=56).contains(&minor)),
            "{operation}"
        );
    }
}
