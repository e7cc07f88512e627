//! Strict JSON: a document that every parser reads in the same way.
//!
//! The daemon's parser ignores the case of keys, lets a repeated key win or merge, replaces invalid
//! Unicode, and ignores bytes after the document. Here such a document is rejected, so that the
//! checked values can be rendered again and sent. Numbers are kept as written.
//!
//! Source: RFC 8259; Go's `encoding/json` for how the daemon would read everything else.

mod bad;
pub(crate) mod elements;
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
pub(crate) use word::{is_plain, plain};

impl<'a> Json<'a> {
    /// Parses one document.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, BadJson> {
        parser::parse(bytes, false)
    }

    /// Parses one document in which an object may have a key twice, until [`single`] removes it.
    pub(crate) fn parse_with_doubles(bytes: &'a [u8]) -> Result<Self, BadJson> {
        parser::parse(bytes, true)
    }
}

/// Keeps the first of several members with the same key and the same value. To the daemon two mean the same as one:
/// it reads an object into its earlier value, an array over its elements, and replaces any other value. The error is
/// a key with two different values.
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

/// Whether two values are equal. The order of keys does not matter.
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
