//! Strict JSON: a document that has one reading, whoever reads it.
//!
//! The daemon's reader folds the case of keys, lets a repeated key win or merge, replaces what is no
//! Unicode, and takes bytes behind the document. Here such a document is refused, so that what was
//! judged can be rendered again and sent. Numbers are kept as they are written.
//!
//! Source: RFC 8259; Go's `encoding/json` for what the daemon would make of the rest.

mod bad;
mod parser;
mod reply;
mod text;
mod value;
mod word;

use std::collections::{HashMap, HashSet};
use std::ptr;

pub(crate) use bad::{BadJson, MAX_VALUES};
pub(crate) use reply::parsed_size;
pub(crate) use text::{escape, folded, is_printable, printable, quoted, shortened};
pub use value::{Json, Member};
pub(crate) use word::is_plain;

impl<'a> Json<'a> {
    /// Parses one document.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, BadJson> {
        parser::parse(bytes, false)
    }

    /// Parses one document whose keys may stand twice in an object, until they were made [`single`].
    pub(crate) fn parse_with_doubles(bytes: &'a [u8]) -> Result<Self, BadJson> {
        parser::parse(bytes, true)
    }
}

/// Leaves the first of members that have the same key and the same value. The daemon makes the same of two as of
/// one: it reads an object into what it has of it already, an array over its elements, and replaces everything else. The
/// error is a key that has two values.
pub(crate) fn single(members: &mut Vec<Member<'_>>) -> Result<(), String> {
    if parser::doubled(members).is_none() {
        return Ok(());
    }
    let mut firsts = HashMap::with_capacity(members.len());
    for (key, value) in &*members {
        let first = *firsts.entry(&**key).or_insert(value);
        if !ptr::eq(first, value) && !is_same(first, value) {
            return Err(key.to_string());
        }
    }
    let mut seen = HashSet::with_capacity(members.len());
    members.retain(|(key, _)| seen.insert(key.clone()));
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
            let mut pairs = one.iter().zip(other);
            one.len() == other.len() && pairs.all(|(one, other)| is_same(one, other))
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests;
