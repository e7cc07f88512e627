//! Strict JSON: a document that has one reading, whoever reads it.
//!
//! The daemon's reader folds the case of keys, lets a repeated key win or merge, replaces what is no
//! Unicode, and takes bytes behind the document. Here such a document is refused, so that what was
//! judged can be rendered anew and sent. Numbers are kept as they are written.
//!
//! Source: RFC 8259; Go's `encoding/json` for what the daemon would make of the rest.

mod bad;
mod parser;
mod reply;
mod text;
mod value;
mod word;

use std::collections::HashMap;
use std::ptr;

use parser::Doubled;

pub use bad::{BadJson, MAX_DEPTH, MAX_VALUES};
pub use reply::parsed_size;
pub use text::{escape, folded, is_printable, printable, quoted, shortened};
pub use value::{Json, Member};
pub use word::is_plain;

impl<'a> Json<'a> {
    /// Parses one document.
    ///
    /// # Errors
    ///
    /// The first thing that is not strict; the caller answers 400.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BadJson> {
        parser::parse(checked(bytes)?, Doubled::Refused)
    }

    /// Parses one document whose keys may stand twice in an object, until they were made [`single`].
    ///
    /// # Errors
    ///
    /// The first thing that is not strict; the caller answers 400.
    pub fn parse_with_doubles(bytes: &'a [u8]) -> Result<Self, BadJson> {
        parser::parse(checked(bytes)?, Doubled::Kept)
    }
}

fn checked(bytes: &[u8]) -> Result<&str, BadJson> {
    let text = str::from_utf8(bytes).map_err(|error| BadJson::Utf8(error.valid_up_to()))?;
    if text.starts_with('\u{feff}') {
        return Err(BadJson::ByteOrderMark);
    }
    Ok(text)
}

/// Leaves the first of members that have the same key and the same value. The daemon makes the same of two as of
/// one: it reads an object into what it has of it already, an array over its elements, and all else anew.
///
/// # Errors
///
/// A key that stands there with two values.
pub fn single(members: &mut Vec<Member<'_>>) -> Result<(), String> {
    if parser::doubled(members).is_none() {
        return Ok(());
    }
    let mut firsts = HashMap::with_capacity(members.len());
    let mut are_first = Vec::with_capacity(members.len());
    for (key, value) in &*members {
        let first = *firsts.entry(&**key).or_insert(value);
        let is_first = ptr::eq(first, value);
        if !is_first && !is_same(first, value) {
            return Err(key.to_string());
        }
        are_first.push(is_first);
    }
    let mut are_first = are_first.into_iter();
    members.retain(|_| are_first.next().unwrap_or_default());
    Ok(())
}

/// Whether two values say the same. The order of keys says nothing.
fn is_same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Object(one), Json::Object(other)) => {
            let others: HashMap<_, _> = other.iter().map(|(key, value)| (key, value)).collect();
            let has = |(key, value): &Member<'_>| {
                others.get(key).is_some_and(|other| is_same(value, other))
            };
            one.len() == other.len() && one.iter().all(has)
        }
        (Json::List(one), Json::List(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| is_same(one, other))
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests;
