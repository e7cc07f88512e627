//! Why a request was allowed or refused: a closed list of stable codes.
//!
//! The codes stand in the record, in the header `Dockgate-Reason` and in `docs/audit.md`, where
//! programs read them; a code is never renamed.

use std::borrow::Cow;

use super::hint::Entered;
use crate::docker::json::printable;
use crate::docker::{BadTarget, Unclassified};
use crate::policy::about::About;
use crate::policy::keys::Key;
use crate::policy::requirement::Requirement;

/// Makes the closed list with each reason's code, its HTTP status and its meaning.
macro_rules! reasons {
    ($($name:ident = $status:literal $code:literal, $meaning:literal;)+) => {
        /// A reason, by its code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $(#[doc = $meaning] $name),+ }

        impl Reason {
            /// Every reason, in the order of its status.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The stable code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The status of a reply that is our own for this reason.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status),+ }
            }

            /// What it means, for the documents.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),+ }
            }
        }
    };
}

reasons! {
    Granted = 200 "granted", "A policy grants the operation; the status is the daemon's own.";
    NotJudged = 400 "not_judged", "It was not judged yet, or was over before it was: `end` says why.";
    BadRequestLine = 400 "bad_request_line", "The first line is not `METHOD target HTTP/1.1`.";
    BadMethod = 400 "bad_method", "CONNECT, TRACE or the HTTP/2 preface.";
    BadHttpVersion = 400 "bad_http_version", "Neither HTTP/1.0 nor HTTP/1.1.";
    BadHeader = 400 "bad_header", "A header line is not `Name: value`, or a line does not end as it must: in CR LF, or all header lines in LF.";
    DoubledHeader = 400 "doubled_header", "A header that may stand once stands there twice.";
    BadFraming = 400 "bad_framing", "Content-Length and Transfer-Encoding do not frame the body in one clear way.";
    BadHost = 400 "bad_host", "HTTP/1.1 without a Host header.";
    BadExpect = 400 "bad_expect", "An Expect header other than `100-continue`.";
    IncompleteHead = 400 "incomplete_head", "The client left before its head was whole.";
    BadTarget = 400 "bad_target", "The path has a second spelling or a name that no object can have.";
    BadApiVersion = 400 "bad_api_version", "The version prefix is misspelled or older than `api_min`.";
    BadQuery = 400 "bad_query", "The query is misspelled, too long, or doubles a key that decides something.";
    BadBody = 400 "bad_body", "The body ended early, its chunks are broken, or it has no single reading.";
    BodyTypeNotAllowed = 400 "body_type_not_allowed", "A Content-Type that the operation does not take.";
    BadUpgrade = 400 "bad_upgrade", "The request to open a session has no `Upgrade: h2c`, which the daemon answers so too.";
    UnknownOperation = 403 "unknown_operation", "No operation of the Docker API, and no raw path of a policy.";
    NotGranted = 403 "not_granted", "No policy of the listener grants the operation.";
    Denied = 403 "denied", "A `deny` of the settings or of the listener names the operation.";
    Restricted = 403 "restricted", "A policy grants the operation, but not what its body or query asks for.";
    OwnContainer = 403 "own_container", "It would reach Dockgate's own container, its names, its networks or what is mounted in it.";
    OriginNotAllowed = 403 "origin_not_allowed", "A browser's Origin that `allow_origin` does not name.";
    HostNotAllowed = 403 "host_not_allowed", "A Host that could be DNS rebinding, or that `allow_host` does not name.";
    NotFound = 404 "not_found", "What it names does not exist, as the daemon said when it was asked, or as no object can have such a name.";
    HeadTimeout = 408 "head_timeout", "The head took longer than `limits.head`.";
    BodyTimeout = 408 "body_timeout", "A body that is read before it is sent took longer than `limits.body_time`, or an upload into a container came slower than `limits.upload_rate`.";
    BodyTooLarge = 413 "body_too_large", "A body that is read before it is sent is larger than its limit.";
    BodyNotAllowed = 415 "body_not_allowed", "A body that says something where the operation takes none.";
    HeadTooLarge = 431 "head_too_large", "The head is larger than `limits.head_bytes`, or has too many lines.";
    InternalError = 500 "internal_error", "A defect of Dockgate: the request's handling panicked.";
    UpgradeNotOffered = 501 "upgrade_not_offered", "The operation needs another `Upgrade` than the request has.";
    BadDaemonReply = 502 "bad_daemon_reply", "The daemon's reply is not HTTP, or ended inside its head.";
    DaemonUnreachable = 502 "daemon_unreachable", "The daemon's socket does not answer.";
    LookupFailed = 502 "lookup_failed", "What it names could not be looked up, so that it cannot be judged.";
    AuditUnavailable = 503 "audit_unavailable", "The record cannot be written, so nothing is forwarded.";
    Draining = 503 "draining", "Dockgate is shutting down.";
    NameInUse = 503 "name_in_use", "Another request that makes, renames or removes what it names is still under way.";
    TooManyBodies = 503 "too_many_bodies", "The client's requests, or those of all clients, hold all the memory that they may have.";
    TooManyConnections = 503 "too_many_connections", "The client has more connections than `limits.connections_per_client`.";
    DaemonSilent = 504 "daemon_silent", "The daemon sent no head within `limits.reply_head`.";
}

/// A refusal: its reason, and what the client is told.
///
/// The message says what was refused and how to grant it, and nothing of the other rules.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Denial {
    /// Why.
    pub reason: Reason,
    /// For the client, without the `dockgate: ` that stands before every message.
    pub message: String,
    /// What the request asks for and what of that is not granted, where that is the reason.
    pub(crate) asked: Option<Box<Asked>>,
}

/// What a refused request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) refused: Vec<Requirement>,
    pub(crate) entered: Option<Entered>,
    pub(crate) about: About,
}

impl Denial {
    /// A denial with this message. Of the client's own words what is too long is cut off, and what is not
    /// printable is escaped.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if let Cow::Owned(shown) = printable(&message) {
            message = shown;
        }
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        Self {
            reason,
            message,
            asked: None,
        }
    }

    /// The keys of the policy that deny something, if it is not the whole operation.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        let refused = self.asked.iter().flat_map(|asked| &asked.refused);
        refused.filter_map(|requirement| requirement.what.key())
    }
}

impl From<Unclassified> for Denial {
    fn from(unclassified: Unclassified) -> Self {
        let reason = match &unclassified {
            Unclassified::Bad(BadTarget::Query(_)) => Reason::BadQuery,
            Unclassified::Bad(BadTarget::Version | BadTarget::VersionTooOld { .. }) => {
                Reason::BadApiVersion
            }
            Unclassified::Bad(
                BadTarget::Byte(_)
                | BadTarget::DotSegment
                | BadTarget::Empty
                | BadTarget::EmptySegment
                | BadTarget::Escape
                | BadTarget::Name(_)
                | BadTarget::NetworkName(_)
                | BadTarget::NotOriginForm
                | BadTarget::Reference(_)
                | BadTarget::TooLong
                | BadTarget::TrailingSlash,
            ) => Reason::BadTarget,
            Unclassified::Unknown { .. } => Reason::UnknownOperation,
        };
        Self::new(reason, unclassified.to_string())
    }
}

/// The longest message, in bytes.
const MAX_MESSAGE: usize = 512;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_in_the_documents() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for (name, text) in [
            ("docs/audit.md", include_str!("../../docs/audit.md")),
            (
                "docs/audit.schema.json",
                include_str!("../../docs/audit.schema.json"),
            ),
        ] {
            for reason in Reason::ALL {
                let (code, status) = (reason.code(), reason.status());
                let row = format!("| `{code}` | {status} | {} |", reason.meaning());
                let wanted = if name == "docs/audit.md" {
                    row.as_str()
                } else {
                    code
                };
                assert!(text.contains(wanted), "{name} does not have {wanted}");
            }
        }
    }
}
