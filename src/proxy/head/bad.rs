//! Why a head is refused, and the message for the client.

use crate::policy::{Denial, Reason};

/// Why a head is refused: the first rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadHead {
    /// A byte that is not allowed in a head.
    #[error("the head has the byte {0:#04x}: end lines with CR LF, and send no other control byte")]
    Byte(u8),
    #[error("Content-Length is not one number: send one, in digits")]
    ContentLength,
    #[error("shutting down: try again")]
    Draining,
    #[error("the header {0} appears twice: send it once")]
    Doubled(String),
    #[error("the header Expect has a value other than 100-continue: leave it out")]
    Expect,
    /// A line that is folded, or has no colon or no name.
    #[error("a header line is not of the form `Name: value`")]
    Header,
    #[error("the header Host is missing: HTTP/1.1 needs it")]
    HostMissing,
    /// The client left before the end of the head.
    #[error("the head is incomplete: end it with an empty line")]
    Incomplete,
    /// Both a length and chunks, or one of them twice.
    #[error(
        "Content-Length and Transfer-Encoding are sent together, or one of them twice: send only one of them"
    )]
    Framing,
    #[error("the method {0} is not used by the Docker API: use HTTP/1.1 and its usual methods")]
    Method(String),
    #[error("the first line is not of the form `GET /path HTTP/1.1`")]
    RequestLine,
    #[error("the head did not arrive in time: send it without pauses")]
    Slow,
    #[error("the head is too long: send fewer or shorter headers, or a shorter query")]
    TooLarge,
    #[error(
        "this is a TLS handshake, but the listener speaks plain HTTP: use tcp:// or http:// without TLS (unset DOCKER_TLS_VERIFY, or leave out --tlsverify)"
    )]
    Tls,
    #[error(
        "Transfer-Encoding must be `chunked`, and needs HTTP/1.1: send the body without other encodings"
    )]
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
