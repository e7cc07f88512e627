//! Which bodies an operation accepts, by their `Content-Type`, and which of the others are harmless.

use crate::docker;
use crate::docker::body::says_nothing;
use crate::policy::{Denial, Reason};

pub(super) const JSON: &str = "application/json";
pub(super) const TAR: &str = "application/x-tar";

/// The denial of a body with these `Content-Type` lines, unless it is empty or its operation accepts it.
pub(crate) fn unwanted(kind: docker::Body, content_types: &[String]) -> Option<Denial> {
    let types: Vec<_> = content_types.iter().map(|line| media_type(line)).collect();
    let is_taken = match kind {
        docker::Body::Discarded | docker::Body::Json(_) => types == [JSON],
        docker::Body::Import | docker::Body::Refused => false,
        docker::Body::Tar => !types.iter().any(|line| is_form_or_grpc(line)),
    };
    (!is_taken).then(|| denial(kind, &types))
}

/// Whether a denied body is harmless: it is empty, or has no content that the operation would use.
pub(crate) fn is_as_none(denial: &Denial, bytes: &[u8]) -> bool {
    bytes.is_empty() || (denial.reason == Reason::BodyNotAllowed && says_nothing(bytes))
}

/// The denial of a body that is not empty.
fn denial(kind: docker::Body, types: &[String]) -> Denial {
    match kind {
        docker::Body::Json(_) | docker::Body::Discarded if types.len() > 1 => {
            let message = "the header Content-Type appears twice: send it once";
            Denial::new(Reason::DoubledHeader, message)
        }
        docker::Body::Json(_) => {
            // The daemon's words, because clients' tests search for them. The audit record has the message too,
            // and it must not contain any other text from a header.
            let named = types
                .first()
                .filter(|named| USUAL.contains(&named.as_str()));
            let named = named.map(|named| format!(" ({named})")).unwrap_or_default();
            let message =
                format!("unsupported Content-Type header{named}: must be 'application/json'");
            Denial::new(Reason::BodyTypeNotAllowed, message)
        }
        docker::Body::Tar => {
            let message = "the Content-Type is that of a form or of gRPC, but the operation takes a tar: \
                send it as application/x-tar";
            Denial::new(Reason::BodyTypeNotAllowed, message)
        }
        docker::Body::Discarded | docker::Body::Import | docker::Body::Refused => {
            let message = "the operation takes no body: remove it";
            Denial::new(Reason::BodyNotAllowed, message)
        }
    }
}

/// The type without its parameters, in lower case.
fn media_type(value: &str) -> String {
    value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

/// Types that clients use for JSON by mistake.
const USUAL: &[&str] = &[
    "application/octet-stream",
    "application/x-tar",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/html",
    "text/json",
    "text/plain",
];

/// Types in which the daemon would read parameters, or Podman a call of another kind.
fn is_form_or_grpc(media_type: &str) -> bool {
    media_type == "application/x-www-form-urlencoded"
        || media_type.starts_with("multipart/")
        || media_type.starts_with("application/grpc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_types_without_their_parameters() {
        for (value, is_json, is_refused_as_tar) in [
            ("application/json", true, false),
            ("Application/JSON; charset=utf-8", true, false),
            ("application/json+x", false, false),
            ("application/json, text/plain", false, false),
            ("application/x-www-form-urlencoded;", false, true),
            ("Multipart/Form-Data; boundary=x", false, true),
            ("application/grpc+proto", false, true),
            ("application/x-tar", false, false),
            ("", false, false),
        ] {
            let media_type = media_type(value);
            assert_eq!(
                (media_type == JSON, is_form_or_grpc(&media_type)),
                (is_json, is_refused_as_tar),
                "{value}"
            );
        }
    }
}
