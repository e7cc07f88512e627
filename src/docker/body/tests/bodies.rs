//! Bodies that real clients sent.

use super::asked::judged;
use super::*;
use crate::docker::{Subject, Target, classify};

const SENT: &str = include_str!("../../../../tests/data/bodies.txt");

/// Complete runs of clients; a line `###` comes before each request.
const RUNS: &[(&str, &str)] = &[
    (
        "bollard",
        include_str!("../../../../tests/clients/fixtures/bollard.http"),
    ),
    (
        "docker-py",
        include_str!("../../../../tests/clients/fixtures/docker-py.http"),
    ),
    (
        "dockerode",
        include_str!("../../../../tests/clients/fixtures/dockerode.http"),
    ),
];

fn sent_bodies() -> Vec<(Operation, &'static str)> {
    let lines = SENT
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let bodies = lines.map(|line| {
        let (operation, body) = line.split_once(' ').unwrap();
        (Operation::named(operation).unwrap(), body)
    });
    bodies.collect()
}

/// The bodies of a run that are checked.
fn bodies_of_run(run: &'static str) -> Vec<(Operation, &'static str)> {
    let mut found = Vec::new();
    for request in run.split("###\n").filter(|request| !request.is_empty()) {
        let mut words = request.lines().next().unwrap().split(' ');
        let method = words.next().unwrap();
        let target = Target::parse(words.next().unwrap()).unwrap();
        let call = classify(method, target).unwrap();
        let Subject::Operation { operation, .. } = call.subject else {
            continue;
        };
        let body = request.split_once("\n\n").map(|(_, body)| body.trim_end());
        if let (Some(body), Some(_)) = (body, table(operation)) {
            found.push((operation, body.split("\n# then, raw").next().unwrap()));
        }
    }
    found
}

pub(super) fn all() -> Vec<(Operation, &'static str)> {
    let of_runs = RUNS.iter().flat_map(|(_, run)| bodies_of_run(run));
    sent_bodies().into_iter().chain(of_runs).collect()
}

#[test]
fn every_body_of_a_real_client_is_accepted() {
    for (operation, body) in all() {
        if let Err(bad) = read(operation, body) {
            panic!("{operation}: {bad}: {body}");
        }
    }
    // No run is skipped because of its format.
    for (client, run) in RUNS {
        assert!(bodies_of_run(run).len() > 15, "{client}");
    }
    for (operation, _) in TABLES.iter() {
        assert!(
            all().iter().any(|(sent, _)| sent == operation),
            "{operation}"
        );
    }
}

#[test]
fn every_ignored_field_is_dropped() {
    for (operation, table) in TABLES.iter() {
        for field in table
            .own
            .iter()
            .filter(|field| field.class == Class::Ignored)
        {
            let body = format!("{{\"{}\":[]}}", field.name);
            let kept = read(*operation, &body);
            assert_eq!(
                kept,
                Ok(Json::Object(Vec::new())),
                "{operation}: {}",
                field.name
            );
        }
    }
}

/// Every ignored field is sent by the client that its row names, and every field that a client
/// sends has a row.
#[test]
fn every_ignored_field_was_sent_by_a_client() {
    let (bodies, mut unsent) = (all(), Vec::new());
    for (operation, table) in TABLES.iter() {
        let mut found = Vec::new();
        tables::objects(table, &mut found);
        let fields = found.into_iter().flat_map(|object| object.own);
        for field in fields.filter(|field| field.class == Class::Ignored) {
            let key = format!("\"{}\":", field.name.to_lowercase());
            let is_sent = |(sent, body): &(Operation, &str)| {
                sent == operation && body.to_lowercase().contains(&key)
            };
            if !bodies.iter().any(is_sent) {
                unsent.push(format!("{operation} {}", field.name));
            }
        }
    }
    assert_eq!(unsent, [""; 0]);
}

/// Docker's own client asks for nothing if a container only has an image.
#[test]
fn a_plain_container_asks_for_little() {
    let plain = r#""Image":"busybox:latest","#;
    let is_plain = |body: &str| body.contains(plain) && body.contains(r#""Binds":null"#);
    let mut creates: Vec<_> = sent_bodies();
    creates.retain(|(operation, body)| *operation == CREATE && is_plain(body));
    assert!(creates.len() >= 3);
    let (_, oldest) = creates[0];
    let asked = judged(CREATE, oldest);
    let meanings: Vec<_> = asked
        .iter()
        .map(|(path, meaning, _)| (path.as_str(), *meaning))
        .collect();
    assert_eq!(
        meanings,
        [
            ("Image", Some(FieldMeaning::Image)),
            ("HostConfig.NetworkMode", Some(FieldMeaning::NetworkMode)),
            ("HostConfig.RestartPolicy", Some(FieldMeaning::Restart)),
            ("HostConfig.MemorySwappiness", Some(FieldMeaning::Limit)),
            ("HostConfig.PidsLimit", Some(FieldMeaning::Limit)),
        ]
    );
}
