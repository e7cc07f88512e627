//! How what was seen of a key is written under it.

use crate::docker::json::quoted;
use crate::policy::keys::Key;
use crate::policy::value::Shape;
use crate::policyfile::file::Policy;
use crate::policyfile::problem::{Library, Problem};

/// A value as it stands in a key's list, in TOML; `None` where it cannot, or where it would mean more there than
/// what was asked for.
pub(super) fn entry(key: &str, value: &str) -> Option<String> {
    let key = Key::of(key)?;
    let literal = (key.row().literal)(value)?;
    let entry = match key.shape() {
        // A list of strings is written alike in JSON.
        Shape::Argv => literal,
        Shape::Bind
        | Shape::Flag
        | Shape::Label
        | Shape::Limits
        | Shape::Pair
        | Shape::Port
        | Shape::Project
        | Shape::Text
        | Shape::Variable => quoted(&literal),
    };
    let name = key.in_block();
    let list = match name.split_once('.') {
        Some((table, list)) => format!("{table} = {{ {list} = [{entry}] }}"),
        None => format!("{name} = [{entry}]"),
    };
    load(&format!("[{}]\n{list}", key.block().name()))
        .is_ok()
        .then_some(entry)
}

/// Whether something is allowed without a key.
pub(super) fn is_narrowing(key: &str) -> bool {
    Key::of(key).is_some_and(|key| key.row().without.is_some())
}

/// Whether a key takes a value for itself alone.
pub(super) fn is_literal(key: &str, value: &str) -> bool {
    Key::of(key).is_some_and(|key| (key.row().literal)(value).is_some())
}

/// Reads a learned policy, which extends nothing.
pub(super) fn load(text: &str) -> Result<Policy, Vec<Problem>> {
    struct Learned<'a>(&'a str);
    impl Library for Learned<'_> {
        fn read(&self, reference: &str) -> Result<(String, String), Problem> {
            Ok((reference.to_owned(), self.0.to_owned()))
        }
    }
    Policy::load("learned", &Learned(text))
}
