//! A request, as far as a text describes it.

use std::fmt::Write;

/// A request that was pasted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pasted {
    pub(crate) method: String,
    pub(crate) target: String,
    /// The body, piece by piece.
    pub(crate) body: Vec<Piece>,
    /// The values of the header `Content-Type`; `None` if the text does not say.
    pub(crate) content_types: Option<Vec<String>>,
    /// The query keys whose values the text leaves out.
    pub(crate) left_out: Vec<String>,
    /// Whether it is an audit record with the reason `out_of_scope`.
    pub(crate) is_out_of_scope: bool,
}

/// A piece of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    File {
        path: String,
        /// Whether line ends are removed from it.
        in_one_line: bool,
    },
}

impl Pasted {
    /// A request of which only this is known.
    pub(crate) fn new(method: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            target: target.into(),
            ..Self::default()
        }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.method == other.method && self.target == other.target
    }

    pub(super) fn line(&self) -> String {
        format!("`{} {}`", self.method, self.target)
    }
}

/// A text for a query, escaped.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // A String takes every write.
            _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
