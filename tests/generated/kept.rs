//! A generated file of the repository.

use std::path::Path;
use std::{env, fs};

/// Compares a file of the repository with its expected content, or writes it with
/// `DOCKGATE_WRITE=1`.
pub(crate) fn generated(file: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if env::var_os("DOCKGATE_WRITE").is_some_and(|write| write == "1") {
        fs::write(&path, made).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let is_same = |(found, made): &(&str, &str)| found == made;
    let same = found.lines().zip(made.lines()).take_while(is_same).count();
    assert!(
        found == made,
        "{file} is out of date: run this test with DOCKGATE_WRITE=1; line {} is\n{}\nbut should be\n{}",
        same + 1,
        found.lines().nth(same).unwrap_or_default(),
        made.lines().nth(same).unwrap_or_default()
    );
}
