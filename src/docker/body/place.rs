//! Where in a body something stands, and what can be wrong there.

use std::fmt::Write;

use crate::docker::json::{BadJson, shortened};

/// Why a body is refused before any rule is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// It is no strict JSON.
    #[error(transparent)]
    Json(#[from] BadJson),
    /// A field is there with two values. The daemon does not regard case.
    #[error(
        "{0} is sent twice with different values (letters of either case are the same): send it once"
    )]
    Doubled(String),
    /// What stands there is of another kind.
    #[error("{path} must be {want}")]
    Kind {
        /// Where.
        path: String,
        /// What may stand there.
        want: &'static str,
    },
    /// A field of `HostConfig` stands beside it. Some engines read it there, others do not.
    #[error("{path} is read by some engines only: send it as HostConfig.{right}")]
    Misplaced {
        /// Where.
        path: String,
        /// The field.
        right: &'static str,
    },
    /// No version of the API has the field.
    #[error("{0} is not a field of the Docker API: leave it out")]
    Unknown(String),
}

impl BadBody {
    /// Whether the body can be sent on all the same, as it was understood but for what the daemon itself ignores or
    /// refuses.
    pub(super) fn can_be_rebuilt(&self) -> bool {
        match self {
            Self::Kind { .. } | Self::Unknown(_) => true,
            Self::Doubled(_) | Self::Json(_) | Self::Misplaced { .. } => false,
        }
    }
}

/// Where in a body something stands.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Place(&'a Path<'a>, usize),
}

impl Path<'_> {
    /// How it is called, as `HostConfig.Privileged`. Every field that is judged has this made.
    pub(super) fn name(&self) -> String {
        let mut name = String::with_capacity(32);
        self.append(&mut name);
        name
    }

    fn append(&self, to: &mut String) {
        match self {
            Self::Root => to.push_str("the body"),
            Self::Key(above, key) => {
                if !matches!(above, Self::Root) {
                    above.append(to);
                    to.push('.');
                }
                to.push_str(shortened(key));
            }
            Self::Place(above, place) => {
                above.append(to);
                // A String takes every write.
                _ = write!(to, "[{place}]");
            }
        }
    }
}
