//! Waiting for events, with a time limit.

use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long an expected event may take. Far more than a busy machine needs.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// Checks again and again until there is a result: for files and processes, which do not notify
/// anyone.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(start.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Lets one thread tell another to continue. Each call of `raise` ends one wait, whichever comes
/// first.
#[derive(Clone, Default)]
pub(crate) struct Signal(Arc<(Mutex<usize>, Condvar)>);

impl Signal {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn raise(&self) {
        *self.0.0.lock().unwrap() += 1;
        self.0.1.notify_all();
    }

    pub(crate) fn wait(&self, what: &str) {
        let (count, changed) = &*self.0;
        let raised = changed.wait_timeout_while(count.lock().unwrap(), LIMIT, |count| *count == 0);
        let mut count = raised.unwrap().0;
        assert!(*count > 0, "{what}: not within {LIMIT:?}");
        *count -= 1;
    }
}
