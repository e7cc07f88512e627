//! The reply to a request: passed on from the daemon, or turned into a tunnel, or a denial. All denials become
//! replies here.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use hyper::body::Incoming;

use super::Handler;
use super::forward::Sent;
use super::stage::Stage;
use crate::audit::{End, Entry, Record};
use crate::docker::json::escape;
use crate::docker::{Call, Reply, Upgrade};
use crate::policy::Denial;
use crate::proxy::body::cut::{broken, too_slow};
use crate::proxy::body::gather::Gather;
use crate::proxy::body::{ReplyBody, Shape};
use crate::proxy::head::Head;
use crate::proxy::request_state::Upload;
use crate::proxy::tunnel::Tunnel;
use crate::proxy::{headers, standing, upstream};
use crate::sync::lock;

impl Handler {
    /// Passes on the reply to a request that was sent.
    pub(super) async fn hand_on(
        &self,
        sent: Sent,
        head: &Head,
        entry: Box<Entry>,
    ) -> Response<ReplyBody> {
        let Sent {
            terms,
            upgrade,
            reply,
        } = sent;
        if let Some(tagged) = &terms.memory.tagged
            && reply.status().is_success()
        {
            self.shared.daemon_state.moved.remember(tagged.clone());
        }
        match upgrade {
            Some(upgrade) if reply.status() == StatusCode::SWITCHING_PROTOCOLS => {
                let client_asked = head.upgrade.is_some();
                self.hijack(reply, upgrade, client_asked, entry).await
            }
            Some(_) | None => {
                let (call, was_hijack) = (&terms.request.call, upgrade.is_some());
                if let Err(denial) = headers::check_reply(reply.status(), reply.headers()) {
                    return self.refuse_reply(&denial, entry);
                }
                match terms.reply.filter(reply.status().as_u16()) {
                    None => self.pass(reply, call, was_hijack, entry),
                    // Boxed, so that other requests do not need space for it.
                    Some(filter) => {
                        Box::pin(self.pass_filtered(reply, filter, call, was_hijack, entry)).await
                    }
                }
            }
        }
    }

    /// Refuses the request. If the cause is an incomplete body from the client, the denial says
    /// only that.
    pub(super) fn give_up(
        &self,
        denial: &Denial,
        close: bool,
        mut entry: Box<Entry>,
    ) -> Response<ReplyBody> {
        match self.state.upload() {
            Upload::Unread | Upload::Running | Upload::Ended => {
                self.refuse(denial, close, Some(entry))
            }
            Upload::Broken => self.refuse(&broken(), true, Some(entry)),
            Upload::Gzip(bad) => self.refuse(&bad.into(), true, Some(entry)),
            Upload::Slow => self.refuse(&too_slow(), true, Some(entry)),
            Upload::Left => {
                let broken = broken();
                entry.record.refused(&broken);
                entry.finish(End::ClientGone);
                self.refuse(&broken, true, None)
            }
        }
    }

    /// Ends a request because the connection's rights are over. If it was sent, its outcome is not told.
    pub(super) fn give_up_revoked(
        &self,
        stage: &Stage,
        mut entry: Box<Entry>,
    ) -> Response<ReplyBody> {
        let denial = standing::gone();
        if stage.is_sent() {
            entry.finish(End::Revoked);
            return self.refuse(&denial, true, None);
        }
        entry.record.not_sent();
        self.refuse(&denial, true, Some(entry))
    }

    /// Passes on a reply of the daemon that was checked.
    pub(super) fn pass(
        &self,
        reply: Response<Incoming>,
        call: &Call,
        was_hijack: bool,
        mut entry: Box<Entry>,
    ) -> Response<ReplyBody> {
        let (mut parts, body) = reply.into_parts();
        let is_chunked = parts.headers.contains_key(TRANSFER_ENCODING);
        self.shape_head(&mut parts, was_hijack, &mut entry.record);
        let mut body = ReplyBody::stream(body, entry, Arc::clone(&self.state));
        self.attend(&mut body, &parts, call);
        if body.heeded_by.is_none() && matches!(call.reply(), Reply::Stream(_)) && is_chunked {
            let gather = Gather::new(Arc::clone(&self.upstream.heard));
            body.shape = Some(Box::new(Shape::InChunks(gather)));
        }
        Response::from_parts(parts, body)
    }

    /// Makes the daemon's head the client's, and notes its status.
    pub(super) fn shape_head(&self, parts: &mut Parts, was_hijack: bool, record: &mut Record) {
        record.status = Some(parts.status.as_u16());
        headers::drop_hop_by_hop(&mut parts.headers);
        say_if_open(record, &mut parts.headers);
        if was_hijack || self.state.upload() == Upload::Running {
            // After a request for a hijack, no bytes are read as a request, whatever its outcome;
            // after a request with an incomplete body, none can be.
            parts
                .headers
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }

    /// Has a body do what follows from its call and status.
    pub(super) fn attend(&self, body: &mut ReplyBody, parts: &Parts, call: &Call) {
        body.ends_with_drain = ends_with_drain(call);
        body.has_new_id = parts.status == StatusCode::CREATED;
        if parts.status == StatusCode::BAD_REQUEST && call.version.is_some() {
            body.heeded_by = Some(Arc::clone(&self.shared.daemon_state));
        }
    }

    /// Leaves the connection to a tunnel. hyper sends no reply then, so this never returns.
    async fn hijack(
        &self,
        mut reply: Response<Incoming>,
        upgrade: Upgrade,
        client_asked: bool,
        entry: Box<Entry>,
    ) -> Response<ReplyBody> {
        match upstream::take_over(&mut reply).await {
            Ok(daemon) => {
                let mut headers = std::mem::take(reply.headers_mut());
                headers::drop_hop_by_hop(&mut headers);
                say_if_open(&entry.record, &mut headers);
                let tunnel = Tunnel::new(daemon, headers, upgrade, client_asked, entry);
                *lock(&self.tunnel) = Some(tunnel);
                std::future::pending().await
            }
            Err(denial) => self.refuse(&denial, true, Some(entry)),
        }
    }

    /// Replies with a refusal, and notes it in the record.
    pub(super) fn refuse(
        &self,
        denial: &Denial,
        close: bool,
        mut entry: Option<Box<Entry>>,
    ) -> Response<ReplyBody> {
        // Bytes after a request for a hijack were meant for the container, so there is no request
        // among them.
        let close = close
            || entry
                .as_ref()
                .is_some_and(|entry| entry.record.is_of_hijack());
        if let Some(entry) = &mut entry {
            entry.record.refused(denial);
        }
        let mut reply = denied(denial, close);
        if let Some(entry) = &entry {
            say_if_open(&entry.record, reply.headers_mut());
        }
        let whole = |bytes| ReplyBody::whole(bytes, entry, Arc::clone(&self.state));
        reply.map(whole)
    }
}

/// Whether the client can repeat the request; if so, its reply ends when Dockgate shuts down.
pub(super) fn ends_with_drain(call: &Call) -> bool {
    call.is_endless() && !call.effect().changes_state()
}

/// On a listener in observe mode, says so in every reply, with the verdict.
fn say_if_open(record: &Record, headers: &mut HeaderMap) {
    if record.is_observed {
        let verdict = HeaderValue::from_static(record.verdict.as_str());
        headers.insert(OBSERVE, verdict);
    }
}

/// The header with the verdict in observe mode.
pub(crate) const OBSERVE: HeaderName = HeaderName::from_static("dockgate-observe");

/// The header with the reason's code.
pub(crate) const REASON: HeaderName = HeaderName::from_static("dockgate-reason");

/// The reply to the client: the status, Docker's `{"message": ..}`, and the reason's code. With
/// `close` the connection ends, because more of the refused request may follow on it.
pub(crate) fn denied(denial: &Denial, close: bool) -> Response<Bytes> {
    let message = &denial.message;
    let mut body = String::with_capacity(message.len() + 32);
    body.push_str(r#"{"message":""#);
    if !denial.reason.has_daemons_words() {
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
    use crate::policy::Reason;

    #[test]
    fn is_dockers_error_with_a_reason() {
        let reply = denied(&Denial::new(Reason::NotGranted, "no \"x\""), true);
        assert_eq!(reply.status(), StatusCode::FORBIDDEN);
        assert_eq!(reply.headers()["dockgate-reason"], "not_granted");
        assert_eq!(reply.headers()["connection"], "close");
        assert_eq!(reply.body(), "{\"message\":\"dockgate: no \\\"x\\\"\"}\n");
    }

    #[test]
    fn missing_objects_are_answered_in_the_daemons_words() {
        let denial = Denial::new(Reason::NotFound, "No such container: x:1");
        let reply = denied(&denial, false);
        assert_eq!(reply.body(), "{\"message\":\"No such container: x:1\"}\n");
        assert!(!reply.headers().contains_key("connection"));
    }
}
