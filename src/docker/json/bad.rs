//! The ways in which a document can be ambiguous or invalid.

use super::text::{quoted, shortened};

/// Why a document is rejected. The texts begin like the daemon's own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadJson {
    #[error("invalid JSON: it begins with a byte order mark: remove it")]
    ByteOrderMark,
    #[error("invalid JSON: a string has a control character in byte {0}: escape it")]
    Control(usize),
    #[error("invalid JSON: it is nested deeper than {MAX_DEPTH} levels")]
    Depth,
    #[error("invalid JSON: the key {} appears twice in one object: send it once", quoted(shortened(.0)))]
    Doubled(String),
    #[error("invalid JSON: it has more than {MAX_VALUES} values")]
    Many,
    #[error("unexpected content after JSON, from byte {0} on: send one document")]
    More(usize),
    #[error("invalid JSON: a string has half a surrogate pair in byte {0}")]
    Surrogate(usize),
    #[error("invalid JSON: {}", syntax(*.at, *.found, .place))]
    Syntax {
        at: usize,
        /// The character found; `None` at the end.
        found: Option<char>,
        /// What the parser was reading.
        place: &'static str,
    },
    #[error("invalid JSON: it is not UTF-8, from byte {0} on")]
    Utf8(usize),
}

fn syntax(at: usize, found: Option<char>, place: &str) -> String {
    match found {
        Some(found) => format!("invalid character {found:?} {place}, in byte {at}"),
        None => format!("unexpected EOF {place}"),
    }
}

/// The deepest nesting. The deepest body of the API has twelve levels.
pub(crate) const MAX_DEPTH: usize = 32;

/// The most values. The smallest values take a hundred times more memory than bytes in the body, and the
/// budget of bodies only counts bytes. The body of a service with hundreds of secrets has a few thousand.
pub(crate) const MAX_VALUES: usize = 16 * 1024;
