//! Fuzzes the evaluation with bodies that nobody thought of.
//!
//! Changes the kept bodies, as trees and as bytes, for a given time. For each of them: the strict reader does not
//! panic; a rendered body is read back unchanged; a model of the daemon's reader finds in the sent body what was
//! judged; and nothing that default blocks allow leads out of a container. A body with a new kind of answer is kept.

mod mutate;
mod spelling;

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::panic;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::advice::dry_run;
use crate::docker::body::BadBody;
use crate::docker::body::tests::go::danger::dangers;
use crate::docker::body::tests::go::is_taken_for_what_it_is;
use crate::docker::body::tests::hostile::asking;
use crate::docker::body::tests::operation_of;
use crate::docker::{Json, Operation, Target, body, classify};
use crate::policy::{Judgement, Rules};
use crate::policyfile::Grants;
use crate::policyfile::file::tests::policy;
use mutate::{Chance, Mutator};

/// The operations whose bodies are judged, each with a request for it.
pub(crate) const REQUESTS: &[(Operation, &str)] = &[
    (Operation::ContainerCreate, "/containers/create?name=n"),
    (Operation::ContainerExec, "/containers/web/exec"),
    (Operation::ContainerUpdate, "/containers/web/update"),
    (Operation::ExecStart, "/exec/e1/start"),
    (Operation::ImageCommit, "/commit?container=web"),
    (Operation::NetworkConnect, "/networks/bridge/connect"),
    (Operation::NetworkCreate, "/networks/create"),
    (Operation::NetworkDisconnect, "/networks/bridge/disconnect"),
    (Operation::ServiceCreate, "/services/create"),
    (Operation::ServiceUpdate, "/services/s/update?version=1"),
    (Operation::VolumeCreate, "/volumes/create"),
];

/// The file of kept bodies: each line has an operation and a body.
const FOUND: &str = "tests/data/corpus/found.txt";
const KEPT: &[&str] = &["tests/data/bodies.txt", FOUND];

/// The outcome of a body that is denied before it is judged.
const UNREAD: &str = "no reading";

struct Fuzz {
    rules: Rules,
    seen: HashSet<String>,
    counts: BTreeMap<&'static str, u64>,
}

impl Fuzz {
    fn new() -> Self {
        let names = REQUESTS
            .iter()
            .map(|(operation, _)| format!("'{operation}'"));
        let allow = names.collect::<Vec<_>>().join(", ");
        let text: &'static str = Box::leak(format!("allow = [{allow}]").into_boxed_str());
        Self {
            rules: Rules::new(vec![policy("p", text)], Grants::default()),
            seen: HashSet::new(),
            counts: BTreeMap::new(),
        }
    }

    /// Tries a body. Returns whether it got a new kind of answer, and whether it could be read.
    fn tries(&mut self, operation: Operation, bytes: &[u8]) -> (bool, bool) {
        let (kind, signature) = self.answer(operation, bytes);
        *self.counts.entry(kind).or_default() += 1;
        let mut is_new = false;
        for part in signature {
            is_new |= self.seen.insert(format!("{operation} {kind} {part}"));
        }
        (is_new, kind != UNREAD)
    }

    /// What happens to a body, in a form that distinguishes it from others. Panics if a property does not hold.
    fn answer(&self, operation: Operation, bytes: &[u8]) -> (&'static str, Vec<String>) {
        let table = body::table(operation).unwrap();
        if let Ok(json) = Json::parse(bytes) {
            let mut rendered = String::new();
            json.render(&mut rendered);
            assert_eq!(Json::parse(rendered.as_bytes()), Ok(json), "is read back");
        }
        let kept = match body::parse(bytes, table) {
            Ok(kept) => kept,
            Err(bad) => return (UNREAD, vec![without_places(&bad)]),
        };
        let text = str::from_utf8(bytes).unwrap();
        assert!(is_taken_for_what_it_is(operation, table, text));
        let asked = body::asked(&kept, table);
        let asked: Vec<String> = asked
            .iter()
            .map(|asked| format!("{:?}", asked.meaning))
            .collect();
        let (_, target) = REQUESTS.iter().find(|(of, _)| *of == operation).unwrap();
        let call = classify("POST", Target::parse(target).unwrap()).unwrap();
        match dry_run::judge(&self.rules, call, text, &[]).unwrap().0 {
            Judgement::Allow(permit) => {
                let sent = permit.request.body.as_ref().unwrap();
                let found = dangers(operation, sent);
                let is_network = operation == Operation::NetworkCreate;
                assert!(
                    !is_network || sent.contains(r#""CheckDuplicate":true"#),
                    "{sent}"
                );
                assert!(
                    found.is_empty(),
                    "granted: {found:?}: {}",
                    permit.request.body.as_ref().unwrap()
                );
                ("granted", asked)
            }
            Judgement::Deny(denial) => match denial.asked {
                Some(asked) => {
                    let keys = asked
                        .refused
                        .iter()
                        .map(|requirement| format!("{:?}", requirement.what.key()));
                    ("refused", keys.collect())
                }
                // The reason follows the place.
                None => (
                    "refused",
                    vec![denial.message.split_once(' ').unwrap().1.to_owned()],
                ),
            },
            Judgement::Missing(_) => ("missing", asked),
            Judgement::Ask(..) | Judgement::Inspect(_) => panic!("something is not supposed"),
        }
    }
}

/// What is wrong with a body, without the place.
fn without_places(bad: &BadBody) -> String {
    match bad {
        BadBody::Json(bad) => {
            let text = format!("{bad:?}");
            text.split(['(', ' ']).next().unwrap().to_owned()
        }
        BadBody::Doubled(_) => "doubled".to_owned(),
        BadBody::Misplaced { right, .. } => format!("misplaced {right}"),
        BadBody::Kind { want, .. } => format!("kind {want}"),
        BadBody::Unknown(_) => "unknown".to_owned(),
    }
}

fn kept(file: &str) -> Vec<(Operation, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (operation, body) = line.split_once(' ').unwrap();
            (Operation::named(operation).unwrap(), body.to_owned())
        })
        .filter(|(operation, _)| REQUESTS.iter().any(|(of, _)| of == operation))
        .collect()
}

pub(crate) fn corpus() -> Vec<(Operation, String)> {
    let asking = asking().map(|(_, row)| (operation_of(&row), row.body.to_owned()));
    let asking = asking.filter(|(operation, _)| REQUESTS.iter().any(|(of, _)| of == operation));
    KEPT.iter()
        .flat_map(|file| kept(file))
        .chain(asking)
        .collect()
}

/// This many run with the other tests, always with the same seed.
#[test]
fn what_is_granted_leads_nowhere_whatever_is_changed_in_a_body() {
    run(20_000, Duration::MAX, 1, false);
}

#[test]
#[ignore = "takes as long as it is told to: tests/fuzz.sh"]
fn for_as_long_as_is_told() {
    let seconds = std::env::var("FUZZ_SECONDS").unwrap().parse().unwrap();
    let seed = std::env::var("FUZZ_SEED").unwrap().parse().unwrap();
    run(u64::MAX, Duration::from_secs(seconds), seed, true);
}

fn run(most: u64, limit: Duration, seed: u64, keeps: bool) {
    let (mut fuzz, mut bodies) = (Fuzz::new(), corpus());
    for (operation, body) in &bodies {
        fuzz.tries(*operation, body.as_bytes());
    }
    let (start, mut tried, mut added) = (Instant::now(), 0, 0);
    let mutator = Mutator::new();
    let mut chance = Chance::new(seed);
    while tried < most && (tried % 64 != 0 || start.elapsed() < limit) {
        let (mut operation, body) = chance.one_of(&bodies).clone();
        let (_, other) = chance.one_of(&bodies);
        if chance.is_one_in(50) {
            operation = chance.one_of(REQUESTS).0;
        }
        let changed = mutator.changed(&mut chance, &body, other);
        let tried_one =
            panic::catch_unwind(panic::AssertUnwindSafe(|| fuzz.tries(operation, &changed)));
        tried += 1;
        let (is_new, is_read) = tried_one.unwrap_or_else(|why| {
            eprintln!("{operation} {}", changed.escape_ascii());
            panic::resume_unwind(why)
        });
        let text = String::from_utf8(changed).unwrap_or_default();
        if is_new && text.len() < 2000 && !text.contains(char::is_control) && !text.is_empty() {
            if keeps {
                keep(operation, &text);
            }
            added += 1;
            if is_read {
                bodies.push((operation, text));
            }
        }
    }
    eprintln!(
        "{tried} bodies in {} s from seed {seed}: {:?}; {added} answered as none before, {} answers",
        start.elapsed().as_secs(),
        fuzz.counts,
        fuzz.seen.len()
    );
    assert!(
        fuzz.counts["granted"] * 100 > tried,
        "few are granted: {:?}",
        fuzz.counts
    );
    assert!(
        fuzz.counts["refused"] * 100 > tried,
        "few are refused: {:?}",
        fuzz.counts
    );
}

fn keep(operation: Operation, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOUND);
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    writeln!(file, "{operation} {text}").unwrap();
}
