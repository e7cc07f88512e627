//! Why a streamed body is cut off, and the message for its client.

use crate::policy::filter::BadReply;
use crate::policy::{Denial, Reason};

/// Why a streamed body is cut off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cut {
    #[error("the body broke off")]
    Broken(#[source] hyper::Error),
    #[error("the reply cannot be filtered: {0}")]
    Filter(BadReply),
    #[error("the reply takes too much memory")]
    Full(Box<Denial>),
    #[error(transparent)]
    Gzip(BadGzip),
    #[error("the client's right to it is gone")]
    Revoked,
    #[error("the body comes too slowly")]
    Slow,
}

/// Why a compressed upload cannot be unpacked to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadGzip {
    /// It is not gzip, breaks off, or has the wrong checksum.
    #[error("the upload is not valid gzip")]
    Corrupt,
    #[error("the upload unpacks to far more than its size")]
    TooLarge,
}

impl From<Cut> for Denial {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Broken(_) | Cut::Revoked => broken(),
            Cut::Filter(bad) => bad.into(),
            Cut::Full(denial) => *denial,
            Cut::Gzip(bad) => bad.into(),
            Cut::Slow => too_slow(),
        }
    }
}

/// The denial of a body that does not match its framing.
pub(crate) fn broken() -> Denial {
    let message = "the body ended early or its chunks are broken: send it whole";
    Denial::new(Reason::BadBody, message)
}

pub(crate) fn too_slow() -> Denial {
    let message = "the upload was slower than limits.upload_rate for longer than limits.upload_grace, and it blocks the container for others: send it faster, lower upload_rate or raise upload_grace";
    Denial::new(Reason::BodyTimeout, message)
}

impl From<BadGzip> for Denial {
    fn from(bad: BadGzip) -> Self {
        match bad {
            BadGzip::Corrupt => Self::new(
                Reason::BadBody,
                "the upload begins as gzip but is not valid gzip to its end: compress it again, or send a plain tar",
            ),
            BadGzip::TooLarge => Self::new(
                Reason::BodyTooLarge,
                "the upload unpacks to far more than its size: send a plain tar",
            ),
        }
    }
}
