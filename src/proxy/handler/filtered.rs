//! Passes on a reply through a filter.
//!
//! Until the filter has put something out, the client has not seen the head, so a reply that cannot be filtered becomes
//! an error of Dockgate's own. After that, it is cut off.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http::{Response, StatusCode};
use hyper::body::Incoming;

use super::Handler;
use super::reply::ends_with_drain;
use crate::audit::{End, Entry};
use crate::docker::{Call, Method};
use crate::policy::filter::Filter;
use crate::policy::{Denial, Lookup, Reason};
use crate::proxy::body::ReplyBody;
use crate::proxy::body::cut::Cut;
use crate::proxy::body::filtered::{Ask, Filtered};
use crate::proxy::upstream::Failure;
use crate::proxy::{ask, headers, standing};

/// What a reply is when its head can be sent.
enum Begun {
    /// Everything that may be passed on.
    Whole(Bytes),
    /// Its beginning is known, or it may last.
    Streamed,
    /// It cannot be read or filtered.
    Bad(Cut),
    /// The connection's rights are over, or Dockgate is shutting down.
    Stopped(End),
}

impl Handler {
    /// Passes on what a filter leaves of a reply of the daemon.
    pub(super) async fn pass_filtered(
        &self,
        reply: Response<Incoming>,
        filter: Box<dyn Filter>,
        call: &Call,
        was_hijack: bool,
        mut entry: Box<Entry>,
    ) -> Response<ReplyBody> {
        let status = reply.status();
        let is_empty = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if call.method == Method::HEAD || is_empty {
            return self.pass(reply, call, was_hijack, entry);
        }
        let (mut parts, body) = reply.into_parts();
        if let Err(bad) = headers::drop_descriptions(&mut parts.headers) {
            return self.refuse_reply(&bad.into(), entry);
        }
        let is_endless = call.is_endless() && status.is_success();
        let mut filtered =
            Filtered::new(filter, body, self.asker(), is_endless, self.share.nothing());
        filtered.pulled = Some(Arc::clone(&self.shared.daemon_state));
        // The head of an endless reply says that it has begun.
        let begun = if is_endless {
            Begun::Streamed
        } else {
            self.begin(&mut filtered, call).await
        };
        let mut body = match begun {
            Begun::Whole(bytes) => {
                self.shape_head(&mut parts, was_hijack, &mut entry.record);
                ReplyBody::whole(bytes, Some(entry), Arc::clone(&self.state))
            }
            Begun::Streamed => {
                self.shape_head(&mut parts, was_hijack, &mut entry.record);
                ReplyBody::filtered(filtered, entry, Arc::clone(&self.state))
            }
            Begun::Bad(cut) => {
                drop(filtered);
                return self.refuse_reply(&denial_of(&cut), entry);
            }
            Begun::Stopped(end) => {
                drop(filtered);
                self.upstream.cut();
                entry.finish(end);
                return self.refuse(&denial_at(end), true, None);
            }
        };
        self.attend(&mut body, &parts, call);
        Response::from_parts(parts, body)
    }

    /// Waits until a reply has begun.
    async fn begin(&self, filtered: &mut Filtered, call: &Call) -> Begun {
        let ends_with_drain = ends_with_drain(call);
        poll_fn(|cx| {
            if self.state.revoked.is_set() {
                return Poll::Ready(Begun::Stopped(End::Revoked));
            }
            if ends_with_drain && self.state.draining.is_set() {
                return Poll::Ready(Begun::Stopped(End::Drained));
            }
            filtered.poll_begin(cx).map(|begun| match begun {
                Ok(Some(bytes)) => Begun::Whole(bytes),
                Ok(None) => Begun::Streamed,
                Err(cut) => Begun::Bad(cut),
            })
        })
        .await
    }

    /// Asks the daemon on a separate connection, because this one is busy with the reply.
    fn asker(&self) -> Ask {
        let (daemon, share) = (Arc::clone(&self.shared.daemon), self.share.clone());
        let state = Arc::clone(&self.shared.daemon_state);
        Box::new(move |lookup| {
            if let Lookup::Named(owner) = &lookup {
                return Box::pin(std::future::ready(Some(state.named(owner))));
            }
            let (daemon, share) = (Arc::clone(&daemon), share.clone());
            Box::pin(async move {
                let asked = ask::look_up_apart(&daemon, &lookup, &share).await;
                asked.ok().flatten()
            })
        })
    }

    /// Refuses a request because of the daemon's reply, the rest of which is not read.
    pub(super) fn refuse_reply(&self, denial: &Denial, entry: Box<Entry>) -> Response<ReplyBody> {
        self.upstream.cut();
        self.refuse(denial, true, Some(entry))
    }
}

/// Why a reply was not passed on.
fn denial_of(cut: &Cut) -> Denial {
    match cut {
        Cut::Filter(bad) => (*bad).into(),
        Cut::Full(denial) => Denial::clone(denial),
        Cut::Broken(_) | Cut::Gzip(_) | Cut::Revoked | Cut::Slow => Failure::Broken.into(),
    }
}

/// The denial of a request that was ended before its reply began.
fn denial_at(end: End) -> Denial {
    if end == End::Drained {
        return Denial::new(Reason::Draining, "shutting down: try again");
    }
    standing::gone()
}

#[cfg(test)]
mod tests;
