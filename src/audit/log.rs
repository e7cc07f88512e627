//! The way to the record: requests open their entries here, and a thread writes the lines.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use super::entry::Entry;
use super::queue::{Queue, Unavailable};
use crate::config::AuditSettings;
use crate::net::client::Client;

/// The way to the record.
#[derive(Clone, Debug)]
pub(crate) struct Log(Arc<Queue>);

impl Log {
    /// Starts the thread that writes to an output, for at most so many connections, and the one that
    /// tells the operator of that. Waiting for the [`Writer`] after [`close`](Self::close) makes sure
    /// that all is written.
    pub(crate) fn start(
        output: Box<dyn Write + Send>,
        settings: &AuditSettings,
        connections: usize,
    ) -> io::Result<(Self, Writer)> {
        let log = Self(Arc::new(Queue::new(settings, connections)));
        let (ended, end) = sync_channel::<()>(1);
        let start = |name: &str, run: Box<dyn FnOnce(&Queue) + Send>| {
            let (queue, ended) = (Arc::clone(&log.0), ended.clone());
            let thread = std::thread::Builder::new().name(name.to_owned());
            thread.spawn(move || {
                run(&queue);
                drop(ended);
            })
        };
        start("audit-outage", Box::new(|queue| queue.outage.tell()))?;
        start("audit", Box::new(move |queue| queue.write_all(output)))?;
        Ok((log, Writer(end)))
    }

    /// Opens the entry of a request, its places in the queue reserved.
    pub(crate) fn open(&self, client: &Client, listener: &Arc<str>) -> Result<Entry, Unavailable> {
        Entry::open(&self.0, client, listener)
    }

    /// Has what is cut short from now on recorded as drained.
    pub(crate) fn drain(&self) {
        self.0.draining.set(true);
    }

    /// Has the thread write what is left and end.
    pub(crate) fn close(&self) {
        self.0.close();
    }
}

/// The thread that writes, to be waited for at the end.
#[derive(Debug)]
pub(crate) struct Writer(Receiver<()>);

impl Writer {
    /// Waits until a closed log is written out. Whether it was, in this time: an output that nobody
    /// reads would hold the process for ever.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        // The thread sends nothing; it hangs up when it ends.
        self.0.recv_timeout(time) == Err(RecvTimeoutError::Disconnected)
    }
}

#[cfg(test)]
mod tests;
