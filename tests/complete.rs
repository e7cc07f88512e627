//! What a table lists is used and tested somewhere: a row that nothing needs is said to be one.
//!
//! Reads the sources as text. `tests/changes.sh` shows that each kind of change has such a test or the compiler.

use std::fs;
use std::path::Path;

use dockgate::policy::Reason;

/// Where the reasons and their codes are listed.
const REASONS: &str = "src/policy/reason.rs";

/// The texts of all files below a folder with one of these endings.
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

/// Whether a text has this word by itself.
fn has(text: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    text.split(word)
        .skip(1)
        .any(|rest| !rest.starts_with(is_part))
}

#[test]
fn every_reason_is_given_by_the_code_and_seen_by_a_test() {
    let (mut code, mut tests) = (String::new(), String::new());
    for (name, text) in below("src", &[".rs"]) {
        // Of the list itself, what stands below it.
        let (text, listed) = if name == REASONS {
            (text.split_once("\nimpl ").unwrap().1, true)
        } else {
            (&*text, false)
        };
        let (before, after) = text
            .split_once("#[cfg(test)]\nmod tests {")
            .unwrap_or((text, ""));
        let is_test = !listed && (name.contains("/tests/") || name.ends_with("/tests.rs"));
        (if is_test { &mut tests } else { &mut code }).push_str(before);
        tests.push_str(after);
    }
    for (_, text) in below("tests", &[".rs", ".py"]) {
        tests.push_str(&text);
    }
    for reason in Reason::ALL {
        let (name, quoted) = (
            format!("Reason::{reason:?}"),
            format!("\"{}\"", reason.code()),
        );
        assert!(
            has(&code, &name),
            "nothing gives {name}: a reason is one of something that happens"
        );
        assert!(
            has(&tests, &name) || tests.contains(&quoted),
            "no test sees {name}, {quoted}: add the case that gives it"
        );
    }
}
