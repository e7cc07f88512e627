//! The one place where a refusal becomes a reply.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::docker::json::escape;
use crate::policy::{Denial, Reason};

/// Carries the reason's code.
pub const REASON: HeaderName = HeaderName::from_static("dockgate-reason");

/// What the client gets: the status, Docker's `{"message": ..}`, and the reason's code. With
/// `close` the connection ends, as there may be more of the refused request on it.
pub fn reply(denial: &Denial, close: bool) -> Response<Bytes> {
    let message = &denial.message;
    let mut body = String::with_capacity(message.len() + 32);
    body.push_str(r#"{"message":""#);
    // What does not exist is answered as the daemon does, and clients look for its words.
    if denial.reason != Reason::NotFound {
        body.push_str("dockgate: ");
    }
    escape(message, &mut body);
    body.push_str("\"}\n");
    let mut reply = Response::new(Bytes::from(body));
    *reply.status_mut() =
        StatusCode::from_u16(denial.reason.status()).unwrap_or(StatusCode::FORBIDDEN);
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(REASON, HeaderValue::from_static(denial.reason.code()));
    if close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_dockers_error_with_a_reason() {
        let reply = reply(&Denial::new(Reason::NotGranted, "no \"x\""), true);
        assert_eq!(reply.status(), StatusCode::FORBIDDEN);
        assert_eq!(reply.headers()["dockgate-reason"], "not_granted");
        assert_eq!(reply.headers()["connection"], "close");
        assert_eq!(reply.body(), "{\"message\":\"dockgate: no \\\"x\\\"\"}\n");
    }

    #[test]
    fn what_does_not_exist_is_answered_in_the_daemon_s_words() {
        let denial = Denial::new(Reason::NotFound, "No such container: x:1");
        let reply = reply(&denial, false);
        assert_eq!(reply.body(), "{\"message\":\"No such container: x:1\"}\n");
        assert!(!reply.headers().contains_key("connection"));
    }
}
