//! Why a body that is sent on as it comes is not sent to its end, and what its client is told.

use crate::policy::{Denial, Reason};

/// Why a body that is sent on as it comes is not sent to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cut {
    #[error("the body broke off")]
    Broken(#[source] hyper::Error),
    #[error(transparent)]
    Gzip(BadGzip),
    #[error("the body comes too slowly")]
    Slow,
}

/// Why a compressed upload is not unpacked to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadGzip {
    /// It is not gzip, breaks off, or its checksum is another.
    #[error("the upload is not valid gzip")]
    Corrupt,
    #[error("the upload unpacks to far more than it is")]
    TooLarge,
}

impl From<Cut> for Denial {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Broken(_) => broken(),
            Cut::Gzip(bad) => bad.into(),
            Cut::Slow => too_slow(),
        }
    }
}

/// The denial of a body that is not what its framing says.
pub(crate) fn broken() -> Denial {
    let message = "the body ended early or its chunks are broken: send it whole";
    Denial::new(Reason::BadBody, message)
}

pub(crate) fn too_slow() -> Denial {
    let message = "the upload came slower than limits.upload_rate for longer than limits.upload_grace, and \
        nobody else can use the container meanwhile: send it faster, or raise the limits";
    Denial::new(Reason::BodyTimeout, message)
}

impl From<BadGzip> for Denial {
    fn from(bad: BadGzip) -> Self {
        match bad {
            BadGzip::Corrupt => Self::new(
                Reason::BadBody,
                "the upload begins as gzip and is not valid gzip to its end: compress it again, or send a plain tar",
            ),
            BadGzip::TooLarge => Self::new(
                Reason::BodyTooLarge,
                "the upload unpacks to far more than its size: send a plain tar",
            ),
        }
    }
}
