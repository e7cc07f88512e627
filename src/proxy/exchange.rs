//! What the guard of a client's connection and the handling of its requests tell each other.
//!
//! One request is under way at a time, and all of it happens in one task; the atomics are there
//! because hyper's bodies must be able to move between threads, not because two ever meet.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::bell::Bell;
use super::head::{Head, RefusedHead};

/// What the guard and the handling of its requests tell each other. One request is under way at a
/// time.
#[derive(Debug, Default)]
pub struct Exchange {
    /// Rings when something happens to the client's connection.
    pub bell: Bell,
    head: Mutex<Option<Result<Head, RefusedHead>>>,
    /// The reply is over, so the next head may be read.
    released: AtomicBool,
    /// The end of the client's bytes means that it has left, as the reply would never end
    /// otherwise.
    end_means_gone: AtomicBool,
    /// A body is on its way from the client to the daemon.
    uploading: AtomicBool,
    /// The body was read to its end.
    body_ended: AtomicBool,
    /// Dockgate is shutting down.
    draining: AtomicBool,
    /// The client sent no whole body.
    upload_broke: AtomicBool,
    /// It did so because it left.
    client_left: AtomicBool,
}

impl Exchange {
    /// Takes the head that the guard has read.
    pub fn take_head(&self) -> Option<Result<Head, RefusedHead>> {
        self.head
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Has the next head read.
    ///
    /// hyper may have asked for it already and been told to wait.
    pub fn release(&self) {
        self.end_means_gone.store(false, Ordering::Relaxed);
        self.released.store(true, Ordering::Relaxed);
        self.bell.ring();
    }

    /// Whether the next head may be read now; asking takes the leave.
    pub fn take_release(&self) -> bool {
        self.released.swap(false, Ordering::Relaxed)
    }

    /// Has the end of the client's bytes taken as its leaving, from now to the end of the reply.
    /// Otherwise a client may shut its side down and still get its reply.
    pub fn watch_for_leaving(&self) {
        self.end_means_gone.store(true, Ordering::Relaxed);
    }

    /// Whether the end of the client's bytes means that it has left.
    pub fn watches_for_leaving(&self) -> bool {
        self.end_means_gone.load(Ordering::Relaxed)
    }

    /// Whether the reply is over and the next head not yet read.
    pub fn is_released(&self) -> bool {
        self.released.load(Ordering::Relaxed)
    }

    /// Notes that a body begins to be sent on as it comes, or is over.
    pub fn set_uploading(&self, uploading: bool) {
        self.uploading.store(uploading, Ordering::Relaxed);
    }

    /// Has what is asked from now on refused, and what can be asked for again ended.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.bell.ring();
    }

    /// Whether Dockgate is shutting down.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Notes that the body was read to its end.
    pub fn end_body(&self) {
        self.set_uploading(false);
        self.body_ended.store(true, Ordering::Relaxed);
    }

    /// Whether the body was read to its end.
    pub fn has_body_ended(&self) -> bool {
        self.body_ended.load(Ordering::Relaxed)
    }

    /// Whether a body is still on its way.
    pub fn is_uploading(&self) -> bool {
        self.uploading.load(Ordering::Relaxed)
    }

    /// Notes that the client sent no whole body, perhaps because it left.
    pub fn break_upload(&self, client_left: bool) {
        self.upload_broke.store(true, Ordering::Relaxed);
        self.client_left.store(client_left, Ordering::Relaxed);
    }

    /// Whether the client left within its body.
    pub fn has_left(&self) -> bool {
        self.client_left.load(Ordering::Relaxed)
    }

    /// Whether the client sent no whole body. It is the last of its requests then.
    pub fn has_broken_upload(&self) -> bool {
        self.upload_broke.load(Ordering::Relaxed)
    }

    /// Hands over the head that was read.
    pub fn put_head(&self, head: Result<Head, RefusedHead>) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = Some(head);
    }
}
