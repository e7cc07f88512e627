//! The words of a record: what a line reports, what was decided, and how a request ended.

use crate::docker::Call;

/// What a line reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A change of state or a stream is about to be sent to the daemon.
    Begin,
    /// Dockgate asked the daemon about an object that a request names.
    Lookup,
    /// The daemon is about to create, or has created, something that a request needs.
    Prepare,
    Request,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allow,
    Deny,
    /// Not decided yet, because the daemon is asked first; only in a `begin`.
    Pending,
    /// It would have been denied, and was forwarded because of observe mode.
    WouldDeny,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The whole reply, or the denial, was passed to the client's connection.
    Complete,
    /// The client left before the reply was complete.
    ClientGone,
    /// The daemon left before its reply was complete.
    DaemonGone,
    /// It was cut short while Dockgate was shutting down.
    Drained,
    /// It was cut short because its client, or its client's right to it, is gone.
    Revoked,
    /// The rest of the daemon's reply could not be filtered, so it was not passed on.
    FilterFailed,
    /// The rest of the daemon's reply could not be redacted, so it was not passed on.
    RedactionFailed,
    Panic,
}

impl Event {
    /// The event for a request that Dockgate sends because of another.
    pub(crate) fn of_lookup(call: &Call) -> Self {
        if call.effect().changes_state() {
            Self::Prepare
        } else {
            Self::Lookup
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Lookup => "lookup",
            Self::Prepare => "prepare",
            Self::Request => "request",
        }
    }
}

impl Verdict {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Pending => "pending",
            Self::WouldDeny => "would_deny",
        }
    }
}

impl End {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::ClientGone => "client_gone",
            Self::DaemonGone => "daemon_gone",
            Self::Drained => "drained",
            Self::Revoked => "revoked",
            Self::FilterFailed => "filter_failed",
            Self::RedactionFailed => "redaction_failed",
            Self::Panic => "panic",
        }
    }
}
