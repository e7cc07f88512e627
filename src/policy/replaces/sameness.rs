//! Whether two values of JSON mean the same to an engine.

use std::collections::{HashMap, HashSet};

use crate::docker::Json;

/// Whether two values mean the same. The order of an object's members has no meaning, nor has a member that is empty.
pub(in crate::policy) fn is_same(new: &Json, old: &Json) -> bool {
    #[cfg(test)]
    super::tests::count();
    match (new, old) {
        (Json::Object(_), Json::Object(_)) => {
            let (new, old) = (members(new), members(old));
            // Each key only once: comparing twice at every level would double the work with each level.
            let only_old = old.keys().filter(|key| !new.contains_key(*key));
            let mut keys = new.keys().chain(only_old);
            keys.all(|key| is_same(member(&new, key), member(&old, key)))
        }
        (Json::List(values), Json::List(had)) if values.len() == had.len() => {
            let mut pairs = values.iter().zip(had);
            pairs.all(|(new, old)| is_same(new, old))
        }
        (new, old) => new == old || (is_nothing(new) && is_nothing(old)),
    }
}

/// The texts of a list whose order has no meaning. A set, because a client can make both sides long, and comparing each
/// with each would take too long.
pub(super) fn texts<'j>(value: &'j Json<'_>) -> HashSet<&'j str> {
    value.texts().collect()
}

/// The members of an object by their keys, in a map for the same reason.
pub(super) fn members<'j, 'a>(value: &'j Json<'a>) -> Members<'j, 'a> {
    let members = value.members().iter();
    members.map(|(key, value)| (&**key, value)).collect()
}

pub(super) type Members<'j, 'a> = HashMap<&'j str, &'j Json<'a>>;

/// A member, or null if the object does not have it.
pub(super) fn member<'j, 'a>(of: &Members<'j, 'a>, key: &str) -> &'j Json<'a> {
    of.get(key).copied().unwrap_or(&Json::Null)
}

pub(super) fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => true,
        Json::Bool(true) => false,
        Json::Number(number) => number == "0",
        Json::Text(text) => text.is_empty(),
        Json::List(values) => values.iter().all(is_nothing),
        Json::Object(members) => members.iter().all(|(_, value)| is_nothing(value)),
    }
}

/// Whether a value is the old one or a part of it: updaters leave out what the image says.
pub(super) fn is_within(new: &Json, old: &Json) -> bool {
    if is_nothing(new) || is_same(new, old) {
        return true;
    }
    let old = members(old);
    let mut members = new.members().iter();
    matches!(new, Json::Object(_)) && members.all(|(key, value)| is_same(value, member(&old, key)))
}
