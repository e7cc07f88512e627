//! The integration tests: the running binary between raw bytes and a fake daemon, the generated files, and the
//! layers.
//!
//! It is one program, so that the crate is linked only once. `cargo test --test integration lookups::` runs one
//! file's tests. Each file below is a module here, which `every_file_of_tests_is_run` checks.

#![cfg(test)]

mod attacks_on_bodies;
mod bodies;
mod budgets;
mod certs;
mod compatibility;
mod complete;
mod documents;
mod errors;
mod evasion;
mod explain;
mod framing;
mod generated;
mod hijack;
mod identity;
mod layers;
mod learning;
mod listeners;
mod lookups;
mod metrics;
mod named_clients;
mod observe;
mod process_records;
mod records;
mod reported_wire;
mod running;
mod streams;
mod support;
mod terminal;
mod tls;
mod uploads;
mod verdicts;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A file that is not a module of this program would not be compiled, and its tests would silently not run.
#[test]
fn every_file_of_tests_is_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let files = fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let files: BTreeSet<_> = files
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let text = fs::read_to_string(root.join("main.rs")).unwrap();
    let modules = text
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    let modules: BTreeSet<_> = modules.chain(["main"]).map(str::to_owned).collect();
    assert_eq!(
        files,
        &modules - &BTreeSet::from(["support".to_owned()]),
        "tests/main.rs must list each file of tests/ as a module"
    );
}
