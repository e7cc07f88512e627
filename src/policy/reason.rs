//! Why a request was allowed or denied: a closed list of stable codes.
//!
//! Programs read the codes in audit records and in the header `Dockgate-Reason`, so a code is never renamed.
//! `docs/audit.md` lists them.

use std::borrow::Cow;

use super::hint::Entered;
use crate::docker::json::printable;
use crate::docker::{BadTarget, Unclassified};
use crate::policy::about::About;
use crate::policy::keys::Key;
use crate::policy::requirement::Requirement;

/// Makes the list from each reason's HTTP status, code and meaning.
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

            /// The HTTP status of Dockgate's own reply for this reason.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status),+ }
            }

            /// What it means, for the docs.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),+ }
            }
        }
    };
}

reasons! {
    Granted = 200 "granted", "A policy allows the operation. The status is the daemon's.";
    NotJudged = 400 "not_judged", "Dockgate has not judged the request yet, or the request ended before that: `end` says why.";
    BadRequestLine = 400 "bad_request_line", "The first line is not `METHOD target HTTP/1.1`.";
    BadMethod = 400 "bad_method", "The method is CONNECT or TRACE, or the request is the HTTP/2 preface.";
    BadHttpVersion = 400 "bad_http_version", "The version is neither HTTP/1.0 nor HTTP/1.1.";
    BadHeader = 400 "bad_header", "A header line is not `Name: value`, or has the wrong end: lines must end in CR LF, or all header lines in LF.";
    DoubledHeader = 400 "doubled_header", "A header that may appear only once appears twice.";
    BadFraming = 400 "bad_framing", "Content-Length and Transfer-Encoding do not say clearly where the body ends.";
    BadHost = 400 "bad_host", "The request has HTTP/1.1, but no Host header.";
    BadExpect = 400 "bad_expect", "The Expect header is not `100-continue`.";
    IncompleteHead = 400 "incomplete_head", "The client left before it had sent the whole head.";
    BadTarget = 400 "bad_target", "The path could be read in two ways, or contains a name that no object can have.";
    BadApiVersion = 400 "bad_api_version", "The version prefix is malformed or older than `api_min`.";
    BadQuery = 400 "bad_query", "The query is malformed, too long, or repeats a key that decides something.";
    BadBody = 400 "bad_body", "The body ended early, its chunks are broken, or it could be read in two ways.";
    BodyTypeNotAllowed = 400 "body_type_not_allowed", "The operation does not accept this Content-Type.";
    TlsRequired = 400 "tls_required", "The listener speaks TLS, and the client does not.";
    TlsFailed = 400 "tls_failed", "The TLS handshake failed: `detail` says why. There was no request, so there is no method, path or status.";
    ReferenceNotFound = 400 "reference_not_found", "A new container refers to a container or network that does not exist. The status is not 404, because clients would then pull the image.";
    BadUpgrade = 400 "bad_upgrade", "The request to open a session has no `Upgrade: h2c`. The daemon gives the same answer.";
    UnknownOperation = 403 "unknown_operation", "The request is neither an operation of the Docker API nor a raw path of a policy.";
    NotGranted = 403 "not_granted", "No policy of the listener or the client allows the operation.";
    Denied = 403 "denied", "`deny` in the settings, on the listener or of the client contains the operation.";
    Restricted = 403 "restricted", "A policy allows the operation, but not what its body or query asks for.";
    OwnContainer = 403 "own_container", "The request would reach Dockgate's own container, its names, its networks or what is mounted in it.";
    Reserved = 403 "reserved", "The request would take a name, label, network or address that identifies a client of the settings.";
    OriginNotAllowed = 403 "origin_not_allowed", "The request comes from a web page whose `Origin` is not in `allow_origin`.";
    HostNotAllowed = 403 "host_not_allowed", "The `Host` could be DNS rebinding, or is not in `allow_host`.";
    ClientUnknown = 403 "client_unknown", "The connection belongs to no client of the settings, or no longer to the same.";
    ClientAmbiguous = 403 "client_ambiguous", "The connection belongs to two clients of the settings.";
    NotFound = 404 "not_found", "The object does not exist: the daemon said so when Dockgate asked, or no object can have such a name.";
    OutOfScope = 404 "out_of_scope", "The object is not in the policy's `[scope]`, or does not exist. The client gets the daemon's answer for an object that does not exist.";
    HeadTimeout = 408 "head_timeout", "The head took longer than `limits.head`.";
    BodyTimeout = 408 "body_timeout", "A body that Dockgate reads before it sends it took longer than `limits.body_time`, or an upload into a container was slower than `limits.upload_rate`.";
    NameTaken = 409 "name_taken", "An object has this name, and it is not in the policy's `[scope]`.";
    BodyTooLarge = 413 "body_too_large", "A body that Dockgate reads before it sends it is larger than its limit.";
    BodyNotAllowed = 415 "body_not_allowed", "The request has a body, but the operation takes none.";
    HeadTooLarge = 431 "head_too_large", "The head is larger than `limits.head_bytes`, or has too many lines.";
    InternalError = 500 "internal_error", "A bug in Dockgate: handling the request panicked.";
    UpgradeNotOffered = 501 "upgrade_not_offered", "The operation needs an `Upgrade` that the request does not offer.";
    BadDaemonReply = 502 "bad_daemon_reply", "The daemon's reply is not HTTP, ended before its head was complete, or cannot be filtered.";
    DaemonUnreachable = 502 "daemon_unreachable", "The daemon's socket does not answer.";
    LookupFailed = 502 "lookup_failed", "Dockgate could not look up an object that the request names, so it cannot judge the request.";
    AuditUnavailable = 503 "audit_unavailable", "The audit log cannot be written, so nothing is forwarded.";
    Draining = 503 "draining", "Dockgate is shutting down.";
    IdentityUnknown = 503 "identity_unknown", "Dockgate could not find out within 5 seconds which client the connection belongs to.";
    NameInUse = 503 "name_in_use", "Another request that creates, renames or removes an object of this name is still running.";
    TooManyBodies = 503 "too_many_bodies", "The client, or all clients together, have reached the memory limit for requests.";
    TooManyConnections = 503 "too_many_connections", "The client has more connections than `limits.connections_per_client`, or its own `limits.connections`, allows.";
    DaemonSilent = 504 "daemon_silent", "The daemon sent no head within `limits.reply_head`.";
}

impl Reason {
    /// Whether the message is the daemon's own, because clients search for its words.
    pub(crate) fn has_daemons_words(self) -> bool {
        matches!(self, Self::NotFound | Self::ReferenceNotFound)
    }
}

/// A denial: its reason, and the message to the client.
///
/// The message says what was denied and how to allow it. It reveals nothing about other rules.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Denial {
    /// Why.
    pub reason: Reason,
    /// For the client, without the `dockgate: ` that begins every message.
    pub message: String,
    /// What the request asks for, and which part of that is not allowed, if that is the reason.
    pub(crate) asked: Option<Box<Asked>>,
}

/// What a denied request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) refused: Vec<Requirement>,
    pub(crate) entered: Option<Entered>,
    pub(crate) about: About,
}

impl Denial {
    /// A denial with this message. Text that is too long is cut off, and what is not printable is escaped.
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

    /// The keys of the policy that deny something, if the operation itself is allowed.
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
