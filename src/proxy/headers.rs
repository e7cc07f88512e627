//! Which headers are passed on, in either direction.
//!
//! To the daemon, only those on a list; to the client, all except hop-by-hop headers.
//!
//! Source: RFC 9110 section 7.6.1; the daemon's handlers for the headers that have an effect there.

use http::header::{
    ACCEPT_RANGES, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderName, StatusCode};

use crate::policy::filter::BadReply;
use crate::policy::{Denial, Reason};

/// How a request header is passed on to the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crossing {
    /// Only on operations that hijack the connection.
    pub(crate) with_hijack: bool,
    /// Whether it may appear more than once.
    pub(crate) may_repeat: bool,
}

/// How the header with this lower-case name is passed on to the daemon, if it is.
pub(crate) fn crossing(name: &str) -> Option<Crossing> {
    let (with_hijack, may_repeat) = match name {
        "accept" | "accept-encoding" | "tracestate" => (false, true),
        "traceparent" | "user-agent" | "x-registry-auth" | "x-registry-config" => (false, false),
        _ if name.starts_with("x-meta-") => (false, true),
        _ if name.starts_with("sec-websocket-") => (true, false),
        _ if name.starts_with("x-docker-expose-session-") => (true, true),
        _ => return None,
    };
    Some(Crossing {
        with_hijack,
        may_repeat,
    })
}

/// Whether a header is always hop-by-hop, even if `Connection` does not list it.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Removes the hop-by-hop headers of a reply.
pub(crate) fn drop_hop_by_hop(headers: &mut HeaderMap) {
    // Every line of `Connection` counts, not only the first.
    let lines = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let listed = lines
        .flat_map(|line| line.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .filter(|name| headers.contains_key(name));
    for name in listed.collect::<Vec<HeaderName>>() {
        headers.remove(name);
    }
    while let Some(name) = headers.keys().find(|name| is_hop_by_hop(name)).cloned() {
        headers.remove(name);
    }
}

/// Removes the headers that describe the bytes of a body, because a filter changes them. If those are compressed, they
/// cannot be filtered.
pub(crate) fn drop_descriptions(headers: &mut HeaderMap) -> Result<(), BadReply> {
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(BadReply("it is compressed"));
    }
    for name in [ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_MD5, ETAG] {
        headers.remove(name);
    }
    Ok(())
}

/// The header with a hash of the body.
const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");

/// Checks that a reply can be passed on as it is framed. It may not switch protocols unless asked to,
/// and the end of its body must be unambiguous.
pub(crate) fn check_reply(status: StatusCode, headers: &HeaderMap) -> Result<(), Denial> {
    let is_switch = status == StatusCode::SWITCHING_PROTOCOLS;
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let is_framed = match (lengths.next(), codings.next()) {
        (None, None) => true,
        (Some(length), None) => length.as_bytes().iter().all(u8::is_ascii_digit),
        (None, Some(coding)) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    };
    let is_framed = is_framed && lengths.next().is_none() && codings.next().is_none();
    if is_switch || !is_framed {
        let message = "the Docker daemon's reply is not valid HTTP: check the daemon";
        return Err(Denial::new(Reason::BadDaemonReply, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn drops_what_every_connection_line_lists() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-one, close"),
            ("connection", "X-Two"),
            ("x-one", "1"),
            ("x-two", "2"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("api-version", "1.45"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        drop_hop_by_hop(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["api-version"], "F18");
    }

    #[test]
    fn lets_through_what_the_daemon_reads() {
        // Whether it is only passed on with a hijack, and whether it may repeat.
        for (name, want) in [
            ("x-registry-auth", Some((false, false))),
            ("x-meta-foo", Some((false, true))),
            ("sec-websocket-key", Some((true, false))),
            ("x-docker-expose-session-grpc-method", Some((true, true))),
            ("cookie", None),
            ("content-type", None),
            ("x-forwarded-for", None),
            ("baggage", None),
        ] {
            let crossing = crossing(name).map(|it| (it.with_hijack, it.may_repeat));
            assert_eq!(crossing, want, "{name}");
        }
    }

    #[test]
    fn a_reply_is_framed_in_one_way() {
        let check = |lines: &[(&'static str, &'static str)], status| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, HeaderValue::from_static(value));
            }
            check_reply(status, &headers).is_ok()
        };
        for (lines, want) in [
            (&[][..], true),
            (&[("content-length", "2")], true),
            (&[("transfer-encoding", "Chunked")], true),
            (&[("content-length", "2, 2")], false),
            (&[("content-length", "2"), ("content-length", "2")], false),
            (
                &[("content-length", "2"), ("transfer-encoding", "chunked")],
                false,
            ),
            (&[("transfer-encoding", "gzip, chunked")], false),
            (&[("transfer-encoding", "gzip")], false),
        ] {
            assert_eq!(check(lines, StatusCode::OK), want, "{lines:?}");
        }
        assert!(!check(&[], StatusCode::SWITCHING_PROTOCOLS));
    }
}
