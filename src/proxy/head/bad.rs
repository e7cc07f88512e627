//! Why a head is refused, and what its client is told.

use crate::policy::{Denial, Reason};

/// Why a head is refused: the first rule broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadHead {
    /// A byte that no head has.
    #[error("the head has the byte {0:#04x}: end lines with CR LF, and send no other control byte")]
    Byte(u8),
    #[error("Content-Length is not one number: send one, in digits")]
    ContentLength,
    #[error("shutting down: try again")]
    Draining,
    #[error("the header {0} stands there twice: send it once")]
    Doubled(String),
    #[error("the header Expect has another value than 100-continue: leave it out")]
    Expect,
    /// A line that is folded, or has no colon or no name.
    #[error("a header line is not of the form `Name: value`")]
    Header,
    #[error("the header Host is missing: HTTP/1.1 needs it")]
    HostMissing,
    /// The client left within the head.
    #[error("the head is not whole: end it with an empty line")]
    Incomplete,
    /// Length and chunks at once, or doubled.
    #[error(
        "Content-Length and Transfer-Encoding stand there together or doubled: frame the body in one way"
    )]
    Framing,
    #[error("the method {0} is not for this API: speak HTTP/1.1 and its ordinary methods")]
    Method(String),
    #[error("the first line is not of the form `GET /path HTTP/1.1`")]
    RequestLine,
    #[error("the head was not whole in time: send it at once")]
    Slow,
    #[error("the head is too long: send fewer or shorter headers, or a shorter query")]
    TooLarge,
    #[error("this is a TLS handshake, and the listener speaks plain HTTP: use tcp:// or http://")]
    Tls,
    #[error("Transfer-Encoding is not `chunked` in HTTP/1.1: send the body plain")]
    TransferEncoding,
    #[error("the version is neither HTTP/1.1 nor HTTP/1.0")]
    Version,
}

impl BadHead {
    fn reason(&self) -> Reason {
        match self {
            Self::Byte(_) | Self::Header => Reason::BadHeader,
            Self::ContentLength | Self::Framing | Self::TransferEncoding => Reason::BadFraming,
            Self::Doubled(_) => Reason::DoubledHeader,
            Self::Draining => Reason::Draining,
            Self::Expect => Reason::BadExpect,
            Self::HostMissing => Reason::BadHost,
            Self::Incomplete => Reason::IncompleteHead,
            Self::Method(_) => Reason::BadMethod,
            Self::RequestLine | Self::Tls => Reason::BadRequestLine,
            Self::Slow => Reason::HeadTimeout,
            Self::TooLarge => Reason::HeadTooLarge,
            Self::Version => Reason::BadHttpVersion,
        }
    }
}

impl From<&BadHead> for Denial {
    fn from(bad: &BadHead) -> Self {
        Self::new(bad.reason(), bad.to_string())
    }
}
