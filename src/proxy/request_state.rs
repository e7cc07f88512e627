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
//! ```
//!
//! One request is under way at a time, and all of it happens in one task; the atomics are there
//! because hyper's bodies must be able to move between threads, not because two ever meet.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::body::cut::BadGzip;
use super::head::{Head, RefusedHead};
use crate::proxy::wake_flag::WakeFlag;
use crate::sync::lock;

/// The state of one connection's request.
#[derive(Debug, Default)]
pub(crate) struct RequestState {
    /// Rings when something happens to the client's connection.
    pub(crate) wake_flag: WakeFlag,
    head: Mutex<Option<Result<Box<Head>, RefusedHead>>>,
    /// The reply is over, so the next head may be read.
    released: AtomicBool,
    /// The end of the client's bytes means that it has left, as the reply would never end
    /// otherwise.
    end_means_gone: AtomicBool,
    upload: Mutex<Upload>,
    /// Whoever reads the body has had all that came of it and waits for more.
    awaited: AtomicBool,
    /// The client's bytes ended within the body while nobody waited for more.
    at_end: AtomicBool,
    /// Dockgate is shutting down.
    draining: AtomicBool,
}

/// What became of the body of the request under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Upload {
    /// It was not asked for yet.
    #[default]
    Unread,
    /// It is on its way to the daemon.
    Running,
    /// It was read to its end.
    Ended,
    /// It ended early, as the client left.
    Left,
    /// It is not what its framing says.
    Broken,
    /// It is compressed, and was not unpacked to its end.
    Gzip(BadGzip),
    /// It came too slowly.
    Slow,
}

impl RequestState {
    /// Hands over the head that was read; a new request begins with it.
    pub(crate) fn put_head(&self, head: Result<Box<Head>, RefusedHead>) {
        self.set_upload(Upload::Unread);
        self.await_more(false);
        self.at_end.store(false, Ordering::Relaxed);
        *lock(&self.head) = Some(head);
    }

    /// Takes the head that the guard has read.
    pub(crate) fn take_head(&self) -> Option<Result<Box<Head>, RefusedHead>> {
        lock(&self.head).take()
    }

    /// Has the next head read.
    ///
    /// hyper may have asked for it already and been told to wait.
    pub(crate) fn release(&self) {
        self.end_means_gone.store(false, Ordering::Relaxed);
        self.released.store(true, Ordering::Relaxed);
        self.wake_flag.ring();
    }

    /// Whether the next head may be read now; asking takes the leave.
    pub(crate) fn take_release(&self) -> bool {
        self.released.swap(false, Ordering::Relaxed)
    }

    /// Has the end of the client's bytes taken as its leaving, from now to the end of the reply.
    /// Otherwise a client may shut its side down and still get its reply.
    pub(crate) fn watch_for_leaving(&self) {
        self.end_means_gone.store(true, Ordering::Relaxed);
    }

    /// Whether the end of the client's bytes means that it has left.
    pub(crate) fn watches_for_leaving(&self) -> bool {
        self.end_means_gone.load(Ordering::Relaxed)
    }

    /// Whether the reply is over and the next head not yet read.
    pub(crate) fn is_released(&self) -> bool {
        self.released.load(Ordering::Relaxed)
    }

    /// Has what is asked from now on refused, and what can be asked for again ended.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.wake_flag.ring();
    }

    /// Whether Dockgate is shutting down.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Notes whether more of the body is waited for. Until it is, that the client's bytes have ended says
    /// nothing of the body: what the request names may still be looked up.
    pub(crate) fn await_more(&self, is_awaited: bool) {
        let was_awaited = self.awaited.swap(is_awaited, Ordering::Relaxed);
        if is_awaited && !was_awaited && self.at_end.load(Ordering::Relaxed) {
            self.wake_flag.ring();
        }
    }

    /// Whether more of the body is waited for, asked by whoever sees that nothing will come. If not, the
    /// bell rings when it is.
    pub(crate) fn awaits_more(&self) -> bool {
        self.at_end.store(true, Ordering::Relaxed);
        self.awaited.load(Ordering::Relaxed)
    }

    /// Notes what became of the body.
    pub(crate) fn set_upload(&self, upload: Upload) {
        *lock(&self.upload) = upload;
    }

    /// What became of the body so far.
    pub(crate) fn upload(&self) -> Upload {
        *lock(&self.upload)
    }
}
