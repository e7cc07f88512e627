//! The form of a refusal: status, stable code, and Docker's own error format.

use serde_json::Value;

use super::client::Reply;

/// The expected status and code of a refusal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused(pub(crate) u16, pub(crate) &'static str);

impl Refused {
    /// Fails unless the reply, to a request with any method except HEAD, is this refusal.
    #[track_caller]
    pub(crate) fn assert(self, reply: &Reply, case: &str) -> String {
        self.assert_head(reply, case);
        assert_eq!(
            reply.head.get("Content-Type"),
            Some("application/json"),
            "{case}: {:?}",
            reply.head.raw
        );
        let body: Value =
            serde_json::from_slice(&reply.body).unwrap_or_else(|error| panic!("{case}: {error}"));
        let fields = body.as_object().unwrap();
        assert_eq!(fields.len(), 1, "{case}: {body}");
        let message = fields["message"].as_str().unwrap();
        // A missing object is answered in the daemon's own words.
        let is_ours = message.starts_with("dockgate: ");
        let is_missing = matches!(self.1, "not_found" | "reference_not_found");
        assert_eq!(is_ours, !is_missing, "{case}: {message}");
        assert!(
            !is_ours || message.len() > "dockgate: ".len() + 10,
            "{case}: {message} says nothing"
        );
        message.to_owned()
    }

    /// Fails unless the reply's head is that of this refusal.
    #[track_caller]
    pub(crate) fn assert_head(self, reply: &Reply, case: &str) {
        let seen = (reply.status(), reply.head.get("Dockgate-Reason"));
        assert_eq!(
            seen,
            (self.0, Some(self.1)),
            "{case}: {:?}",
            String::from_utf8_lossy(&reply.body)
        );
    }
}
