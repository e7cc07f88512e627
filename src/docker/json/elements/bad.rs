//! The ways in which a document cannot be split into elements.

use super::scan::MAX_DEPTH;
use crate::docker::json::bad::BadJson;
use crate::docker::json::text::{quoted, shortened};

/// Why a reply is not split further. Bytes are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadElements {
    #[error("the key {} differs from {wanted:?} only in case, and clients ignore case", quoted(shortened(.key)))]
    Case { key: String, wanted: &'static str },
    #[error("nested deeper than {MAX_DEPTH} levels in byte {0}")]
    Depth(usize),
    #[error("the key {} appears twice in one object", quoted(shortened(.0)))]
    Doubled(String),
    #[error("the document ends too early, after {0} bytes")]
    Incomplete(usize),
    #[error("a key of the document is not valid: {0}")]
    Key(BadJson),
    #[error("an element has more than {0} bytes")]
    LongElement(usize),
    #[error("a key of the document has more than {MAX_KEY} bytes")]
    LongKey,
    #[error("more than {0} bytes of white space are next to an element")]
    LongSpace(usize),
    #[error("the document has more than {MAX_KEYS} keys")]
    ManyKeys,
    #[error("expected {wanted}, but the value in byte {at} begins with {}", shown(*.found))]
    Shape {
        at: usize,
        found: u8,
        wanted: &'static str,
    },
    #[error("invalid JSON: {} {place}, in byte {at}", shown(*.found))]
    Syntax {
        at: usize,
        found: u8,
        /// What the splitter was reading.
        place: &'static str,
    },
}

/// The longest key of a document that is split, in bytes. The daemon's longest has 17.
pub(super) const MAX_KEY: usize = 256;

/// The most keys of a document that is split. All of them are remembered, because the second of two equal ones
/// would replace the first.
pub(super) const MAX_KEYS: usize = 64;

fn shown(byte: u8) -> String {
    match byte {
        b' '..=b'~' => format!("{:?}", char::from(byte)),
        other => format!("byte 0x{other:02x}"),
    }
}
