use std::collections::BTreeSet;

use super::*;
use crate::docker::Document;
use crate::docker::operation::{Body, Effect, Reply};
use crate::docker::target::may_have_escapes;

/// Facts about the daemon's routes: operation, source, method, path, section, effect, ..., flags,
/// first and last API version, notes.
const FACTS: &str = include_str!("../../../tests/data/docker-api.tsv");

fn facts() -> impl Iterator<Item = Vec<&'static str>> {
    let rows = FACTS
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect::<Vec<_>>());
    rows.filter(|row| row[5] != "refused")
}

/// A path template, with empty braces.
fn without_names(path: &str) -> String {
    let mut pieces = path.split('{');
    let first = pieces.next().unwrap().to_owned();
    pieces.fold(first, |path, piece| {
        path + "{}" + piece.split_once('}').unwrap().1
    })
}

#[test]
fn the_table_is_the_daemons_route_table() {
    let mut daemon = BTreeSet::new();
    for row in facts() {
        let path = row[3].replace(":.*", "").replace(":.+", "");
        let path = without_names(&path);
        let (operation, method, section, effect) = (row[0], row[2], row[4], row[5]);
        let operation = Operation::named(operation).map_or("missing", |it| it.spec().name);
        daemon.insert(format!("{method} {path} {operation} {section} {effect}"));
    }
    let mut table = BTreeSet::new();
    for operation in Operation::ALL.iter().copied() {
        let spec = operation.spec();
        for route in spec.routes {
            let (method, path) = (route.method.as_str(), without_names(route.path));
            let (section, effect) = (spec.section, spec.effect.as_str());
            let is_new = table.insert(format!("{method} {path} {operation} {section} {effect}"));
            assert!(is_new, "{operation} has {route} twice");
        }
    }
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| -> String {
        let rows = one.difference(other).map(|row| format!("\n  {row}"));
        rows.collect()
    };
    assert!(
        table == daemon,
        "tests/data/docker-api.tsv and src/docker/table.rs differ\nonly in the table:{}\nonly in the facts:{}",
        only(&table, &daemon),
        only(&daemon, &table)
    );
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
    let unique: BTreeSet<_> = Operation::SECTIONS.iter().collect();
    assert_eq!(
        unique.len(),
        Operation::SECTIONS.len(),
        "the rows of each section are together in the table"
    );
    for (alias, operation) in Operation::ALIASES {
        assert!(
            !names.contains(alias) && Operation::named(alias) == Some(*operation),
            "{alias}"
        );
    }
}

#[test]
fn only_known_harmless_keys_are_logged() {
    // Values of these keys can contain credentials, environment variables or commands.
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

#[test]
fn every_name_in_a_path_has_the_kind_of_object_that_its_segment_says() {
    for operation in Operation::ALL.iter().copied() {
        let spec = operation.spec();
        for route in spec.routes {
            let segments: Vec<_> = route.path.split('/').skip(1).collect();
            let named: Vec<_> = segments
                .windows(2)
                .filter(|pair| pair[1].starts_with('{'))
                .map(|pair| (pair[0], pair[1].ends_with("...}")))
                .collect();
            let kinds: Vec<_> = named
                .iter()
                .map(|(segment, _)| match *segment {
                    "checkpoints" => Object::Checkpoint,
                    "configs" => Object::Config,
                    "containers" => Object::Container,
                    "distribution" => Object::Repository,
                    "exec" => Object::Exec,
                    "images" => Object::Image,
                    "networks" => Object::Network,
                    "nodes" => Object::Node,
                    "plugins" => Object::Plugin,
                    "secrets" => Object::Secret,
                    "services" => Object::Service,
                    "tasks" => Object::Task,
                    "volumes" => Object::Volume,
                    other => panic!("{route}: unknown kind of object below /{other}/"),
                })
                .collect();
            assert_eq!(spec.objects, kinds, "{route}");
            for ((_, has_slashes), kind) in named.iter().zip(&kinds) {
                assert_eq!(kind.has_reference(), *has_slashes, "{route}");
                assert_eq!(
                    kind.has_reference() || *kind == Object::Network,
                    may_have_escapes(segments[0]),
                    "{route}: the target's parser"
                );
            }
        }
    }
}

#[test]
fn every_kind_of_object_is_named_by_a_path() {
    let named: BTreeSet<_> = Operation::ALL
        .iter()
        .flat_map(|operation| operation.spec().objects)
        .map(|kind| format!("{kind:?}"))
        .collect();
    let all: BTreeSet<_> = Object::ALL.iter().map(|kind| format!("{kind:?}")).collect();
    assert_eq!(named, all);
}

#[test]
fn every_risk_is_a_short_sentence_without_a_period() {
    for operation in Operation::ALL {
        let risk = operation.spec().risk;
        let length = risk.chars().count();
        assert!(
            (10..=110).contains(&length),
            "{operation}: {length}: {risk}"
        );
        assert!(
            risk.starts_with(|first: char| first.is_ascii_lowercase()),
            "{operation}: {risk}"
        );
        assert!(!risk.ends_with(['.', ' ', ';']), "{operation}: {risk}");
    }
    let all: BTreeSet<_> = Operation::ALL
        .iter()
        .map(|operation| operation.spec().risk)
        .collect();
    assert_eq!(
        all.len(),
        Operation::ALL.len(),
        "each says something of its own"
    );
}

#[test]
fn the_risks_of_reads_say_shows_and_those_of_writes_do_not() {
    for operation in Operation::ALL.iter().copied() {
        let shows = ["shows", "waits"]
            .iter()
            .any(|verb| operation.spec().risk.starts_with(verb));
        match operation.spec().effect {
            Effect::Read => assert!(shows, "{operation}"),
            Effect::Write | Effect::Control => assert!(!shows, "{operation}"),
            Effect::Content => {}
        }
    }
}

#[test]
fn what_a_policy_checks_in_an_operation_exists() {
    for operation in Operation::ALL.iter().copied() {
        let spec = operation.spec();
        let judged = spec.judged;
        let has_json = matches!(spec.body, Body::Json(_));
        assert!(has_json || judged.body.is_none(), "{operation} has no body");
        assert!(
            judged.deed == Deed::Other || !spec.objects.is_empty(),
            "{operation} has no object in its path"
        );
        assert!(
            judged.block.is_none() || spec.effect.changes_state(),
            "{operation} changes nothing"
        );
        assert!(
            // Only the labels of these are checked, which `[create]` limits.
            matches!(judged.body, None | Some(Document::ConfigOrSecret)) || judged.block.is_some(),
            "{operation}: no block checks its body"
        );
    }
}

#[test]
fn a_write_with_an_unchecked_body_is_about_a_harmless_object() {
    for operation in Operation::ALL.iter().copied() {
        let spec = operation.spec();
        let is_unread = matches!(spec.body, Body::Json(_)) && spec.judged.body.is_none();
        // A body that nothing checks can contain anything, so the operation's effect is `control`.
        let is_harmless = ["auth", "swarm"].contains(&spec.section);
        assert!(
            !is_unread || is_harmless || spec.effect == Effect::Control,
            "{operation}: its body has no document"
        );
    }
}
