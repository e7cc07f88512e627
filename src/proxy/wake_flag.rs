//! Records which part of a task was woken.
//!
//! A client's connection and its daemon's are two state machines in one task. Each has its own flag
//! as its waker, so that only the one that something happened to is polled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use futures_util::task::AtomicWaker;

/// A waker that remembers that it was used, and wakes the task that it belongs to.
#[derive(Debug)]
pub(crate) struct WakeFlag {
    rung: Arc<Rung>,
    waker: Waker,
}

#[derive(Debug)]
struct Rung {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl WakeFlag {
    /// A flag that is already set, because every part must be polled once.
    pub(crate) fn new() -> Self {
        let rung = Arc::new(Rung {
            rung: AtomicBool::new(true),
            task: AtomicWaker::new(),
        });
        Self {
            waker: Waker::from(Arc::clone(&rung)),
            rung,
        }
    }

    /// Wakes this task whenever the flag is set, and now if it is set already.
    pub(crate) fn belong_to(&self, task: &Waker) {
        self.rung.task.register(task);
        if self.rung.rung.load(Ordering::Acquire) {
            task.wake_by_ref();
        }
    }

    /// Detaches the task: it is running and will check the flag itself.
    pub(crate) fn hush(&self) {
        _ = self.rung.task.take();
    }

    pub(crate) fn ring(&self) {
        self.waker.wake_by_ref();
    }

    /// Whether it was set since this was last called; this clears it.
    pub(crate) fn take_ring(&self) -> bool {
        self.rung.rung.swap(false, Ordering::AcqRel)
    }

    /// The context for polling its part.
    pub(crate) fn context(&self) -> Context<'_> {
        Context::from_waker(&self.waker)
    }
}

impl Default for WakeFlag {
    fn default() -> Self {
        Self::new()
    }
}

impl Wake for Rung {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_set_once_for_each_wake() {
        let wake_flag = WakeFlag::new();
        assert!(wake_flag.take_ring() && !wake_flag.take_ring(), "at first");
        wake_flag.ring();
        assert!(wake_flag.take_ring() && !wake_flag.take_ring());
        wake_flag.context().waker().wake_by_ref();
        assert!(
            wake_flag.take_ring() && !wake_flag.take_ring(),
            "as a waker"
        );
    }

    #[test]
    fn wakes_its_task_unless_it_is_running() {
        let (wake_flag, task) = (WakeFlag::new(), WakeFlag::new());
        assert!(task.take_ring() && wake_flag.take_ring());
        wake_flag.ring();
        assert!(!task.take_ring(), "of none");
        wake_flag.belong_to(&task.waker);
        assert!(task.take_ring() && wake_flag.take_ring(), "rung before");
        wake_flag.ring();
        assert!(task.take_ring() && wake_flag.take_ring(), "rung later");
        wake_flag.belong_to(&task.waker);
        wake_flag.hush();
        wake_flag.ring();
        assert!(!task.take_ring() && wake_flag.take_ring(), "hushed");
    }
}
