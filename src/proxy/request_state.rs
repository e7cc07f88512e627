//! What the guard of a client's connection and the handling of its requests tell each other.
//!
//! ```text
//!             guard                     handler and bodies
//! head        puts it there ──────────► takes it, and answers
//! released    reads the next head ◄──── the reply was dropped
//! gone        ends the connection ◄──── an endless reply: the client's end means that it left
//! awaited     asks, at the client's end ◄──► a reader waits for more of the body
//! upload      half-closed, or gone ◄─── what became of the body
//! draining    refuses a head ─────────► refuses the request, ends what can be asked for again
//! asked_again ◄──────── a reload, or a change of the client's container: may the connection continue?
//! revoked     ─────────────────────────► ends what is open
//! ```
//!
//! Requests are handled one at a time, and all in one task. The atomics are only there because
//! hyper's bodies must be able to move between threads; there is no concurrent access.

use std::sync::Mutex;

use super::body::cut::BadGzip;
use super::head::{Head, RefusedHead};
use super::wake_flag::WakeFlag;
use crate::sync::{Flag, lock};

/// The state of one connection's request.
#[derive(Debug, Default)]
pub(crate) struct RequestState {
    /// Set when something happens to the client's connection.
    pub(crate) wake_flag: WakeFlag,
    /// The head that the guard has read, until it is taken.
    pub(crate) head: Mutex<Option<Result<Box<Head>, RefusedHead>>>,
    /// The reply is over, so the next head may be read.
    pub(crate) released: Flag,
    /// From now to the end of the reply, the end of the client's bytes means that it has left; otherwise the reply
    /// would never end. For other requests, a client may shut down its sending side and still get its reply.
    pub(crate) end_means_gone: Flag,
    upload: Mutex<Upload>,
    /// The reader of the body has read everything that arrived, and waits for more.
    awaited: Flag,
    /// The client's bytes ended within the body while nothing waited for more.
    at_end: Flag,
    /// Dockgate is shutting down.
    pub(crate) draining: Flag,
    /// A request was read whose reply is not over.
    pub(crate) is_answering: Flag,
    /// The rules or the client's container changed, so it must be decided again whether the connection may continue.
    pub(crate) asked_again: Flag,
    /// The client's container has stopped, has left its network, or has another name.
    pub(crate) has_left: Flag,
    /// The connection's rights are over: nothing more is passed on.
    pub(crate) revoked: Flag,
}

/// The state of the current request's body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Upload {
    /// It was not requested yet.
    #[default]
    Unread,
    /// It is being sent to the daemon.
    Running,
    /// It was read to its end.
    Ended,
    /// It ended early, because the client left.
    Left,
    /// It does not match its framing.
    Broken,
    /// It is compressed, and was not unpacked to its end.
    Gzip(BadGzip),
    /// It arrived too slowly.
    Slow,
}

impl RequestState {
    /// Hands over the head that was read; this starts a new request.
    pub(crate) fn put_head(&self, head: Result<Box<Head>, RefusedHead>) {
        self.is_answering.set(true);
        self.set_upload(Upload::Unread);
        self.await_more(false);
        self.at_end.set(false);
        *lock(&self.head) = Some(head);
    }

    /// Lets the guard read the next head. hyper may already have asked for it and been told to
    /// wait.
    pub(crate) fn release(&self) {
        self.end_means_gone.set(false);
        self.is_answering.set(false);
        self.released.set(true);
        self.wake_flag.ring();
    }

    /// Lets the connection find out whether it may go on.
    pub(crate) fn ask_again(&self) {
        self.asked_again.set(true);
        self.wake_flag.ring();
    }

    /// Notes whether a reader waits for more of the body. Until one does, the end of the client's bytes
    /// says nothing about the body: a lookup may still be running.
    pub(crate) fn await_more(&self, is_awaited: bool) {
        let was_awaited = self.awaited.replace(is_awaited);
        if is_awaited && !was_awaited && self.at_end.is_set() {
            self.wake_flag.ring();
        }
    }

    /// Whether a reader waits for more of the body, asked when no more will arrive. If not, the flag is
    /// set as soon as one does.
    pub(crate) fn awaits_more(&self) -> bool {
        self.at_end.set(true);
        self.awaited.is_set()
    }

    pub(crate) fn set_upload(&self, upload: Upload) {
        *lock(&self.upload) = upload;
    }

    pub(crate) fn upload(&self) -> Upload {
        *lock(&self.upload)
    }
}
