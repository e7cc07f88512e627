//! Everything that a table lists is used and tested somewhere; these tests name rows that nothing
//! needs.
//!
//! Reads the sources as text. `tests/changes.sh` shows that for each kind of change, such a test or the compiler
//! fails.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use dockgate::advice::dry_run;
use dockgate::docker::{Call, Operation};
use dockgate::policy::Key;
use dockgate::policy::{Judgement, Reason, Rules};
use dockgate::policyfile::{Grants, Library, Policy, Problem};

use crate::support::hostile::asking;

/// The file with the reasons and their codes.
const REASONS: &str = "src/policy/reason.rs";
/// The folder with the keys of policies.
const KEYS: &str = "src/policy/keys.rs";

/// The texts of all files below a folder with one of these extensions.
fn texts(folder: &Path, endings: &[&str], found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
        let name = name.to_str().unwrap().to_owned();
        if path.is_dir() {
            texts(&path, endings, found);
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

fn below(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    texts(&folder, endings, &mut found);
    found
}

/// Whether a text has this word as a whole word.
fn has(text: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    text.split(word)
        .skip(1)
        .any(|rest| !rest.starts_with(is_part))
}

/// The program's code that uses the tables, without the lists themselves, and all tests.
fn code_and_tests() -> (String, String) {
    let (mut code, mut tests) = (String::new(), String::new());
    for (name, text) in below("src", &[".rs"]) {
        let text = match &*name {
            // The code of the files with the lists that follows them.
            REASONS => text.split_once("\nimpl ").unwrap().1,
            KEYS => continue,
            _ => &*text,
        };
        let (before, after) = text
            .split_once("#[cfg(test)]\nmod tests {")
            .unwrap_or((text, ""));
        let is_test = name.contains("/tests/") || name.ends_with("/tests.rs");
        (if is_test { &mut tests } else { &mut code }).push_str(before);
        tests.push_str(after);
    }
    // The examples in the built-in policies are tests too.
    for (_, text) in [
        below("tests", &[".rs", ".py"]),
        below("policies", &[".toml"]),
    ]
    .concat()
    {
        tests.push_str(&text);
    }
    (code, tests)
}

#[test]
fn every_reason_is_used_by_the_code_and_expected_by_a_test() {
    let (code, tests) = code_and_tests();
    for reason in Reason::ALL {
        let (name, quoted) = (
            format!("Reason::{reason:?}"),
            format!("\"{}\"", reason.code()),
        );
        assert!(
            has(&code, &name),
            "nothing uses {name}: a reason must be given somewhere"
        );
        assert!(
            has(&tests, &name) || tests.contains(&quoted),
            "no test expects {name}, {quoted}: add a case that gets it"
        );
    }
}

/// A policy with every operation, and the defaults of its blocks.
struct Everything;

impl Library for Everything {
    fn read(&self, reference: &str) -> Result<(String, String), Problem> {
        let all: Vec<_> = Operation::ALL.iter().map(|it| format!("'{it}'")).collect();
        Ok((reference.to_owned(), format!("allow = [{}]", all.join(","))))
    }
}

/// The keys because of which hostile bodies are denied. The policy learned from such a body must allow it; the tests
/// of `learn` check that.
fn denying() -> HashSet<Key> {
    let policy = Policy::load("everything", &Everything).unwrap();
    let rules = Rules::new(vec![policy], Grants::default());
    let denied = asking().filter_map(|(_, row)| {
        let call = Call::parse(row.method, row.target).unwrap();
        match dry_run::judge(&rules, call, row.body, &[]) {
            Ok((Judgement::Deny(denial), _)) => Some(denial.keys().collect::<Vec<_>>()),
            _ => None,
        }
    });
    denied.flatten().collect()
}

/// Whether a policy in a text sets a key.
fn sets(text: &str, key: &str) -> bool {
    text.match_indices(key).any(|(at, _)| {
        let (before, after) = (&text[..at], text[at + key.len()..].trim_start());
        let begins = ["\\n", "\n", "\"", "'", "{ "];
        let is_begin = begins.iter().any(|begin| before.ends_with(begin));
        is_begin && after.starts_with('=') && !after.starts_with("==")
    })
}

#[test]
fn a_key_is_set_where_a_line_or_a_text_begins_with_it() {
    for text in ["\ninto = []", "\"into = []\"", "'[exec]\\ninto=[]'"] {
        assert!(sets(text, "into"), "{text}");
    }
    for text in [
        "let into = 1;",
        "    into = 1;",
        "\ninto == 1",
        "\ninto_privileged = true",
    ] {
        assert!(!sets(text, "into"), "{text}");
    }
}

#[test]
fn every_key_of_a_policy_is_asked_for_and_tested() {
    let (code, tests) = code_and_tests();
    let denying = denying();
    assert!(denying.len() > 20, "{denying:?}");
    for key in Key::ALL {
        let (variant, name) = (format!("Key::{key:?}"), key.name());
        let word = name.split('.').nth(1).unwrap();
        // All keys of a lifted block are asked about it.
        assert!(
            word == "unrestricted" || has(&code, &variant),
            "nothing uses {variant}, {name}: use it for a part of a request"
        );
        assert!(
            denying.contains(key) || sets(&tests, word),
            "no test has {name}: add a row to tests/data/hostile.txt, or a case that it allows next to a similar one that it does not"
        );
    }
}
