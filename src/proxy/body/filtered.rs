//! A reply that passes through a filter.
//!
//! ```text
//! daemon ──► part ──► filter ──► what may be passed on ──► client
//!                      │  ▲
//!                wants ▼  │ learn
//!                   the daemon, on a separate connection
//! ```
//!
//! Only one of the arrows is busy at a time: nothing is read from the daemon while the client has something to take or
//! an answer is awaited. So a client that reads slowly holds back the daemon, as without a filter.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;
use hyper::body::Incoming;

use super::cut::Cut;
use super::source::{Polled, Source};
use crate::policy::filter::{BadReply, Filter};
use crate::policy::{Answer, Lookup};
use crate::proxy::budget::Taken;
use crate::proxy::daemon_state::DaemonState;

/// Asks the daemon on a filter's behalf.
pub(crate) type Ask = Box<dyn Fn(Lookup) -> Asked + Send>;

/// The future answer; `None` if the daemon would not say.
pub(crate) type Asked = Pin<Box<dyn Future<Output = Option<Answer>> + Send>>;

/// The rest of a reply, and the filter that it passes through.
pub(crate) struct Filtered<P = Source> {
    filter: Box<dyn Filter>,
    parts: P,
    ask: Ask,
    asked: Option<Asked>,
    /// Remembers the image that was pulled, if the reply is that of a pull.
    pub(crate) pulled: Option<Arc<DaemonState>>,
    /// What the filter has put out, after what is in `ready`.
    out: Vec<u8>,
    /// What is passed on next.
    ready: Bytes,
    /// The memory that the filter and what it has put out take from the client's share.
    taken: Taken,
    /// How much is passed on at a time, if there is more; 0 for whatever there is.
    portion: usize,
    /// Whether anything was passed on.
    has_passed: bool,
    /// Why the reply is cut off, after what was passed on last.
    cut: Option<Cut>,
    progress: Progress,
}

/// How far a reply has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Reading,
    /// The filter knows that the reply has ended, and may still want an answer.
    Ended,
    /// Nothing more is put out.
    Over,
}

/// The parts of a reply of the daemon.
pub(crate) trait Parts {
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Polled>;

    /// Whether there are no more parts.
    fn is_end(&self) -> bool;
}

impl Filtered {
    /// An endless reply is passed on as it arrives. Any other is passed on in equal portions, so that their lengths do
    /// not show how much the filter left out.
    pub(crate) fn new(
        filter: Box<dyn Filter>,
        body: Incoming,
        ask: Ask,
        is_endless: bool,
        taken: Taken,
    ) -> Self {
        let source = Source {
            rest: Some(body),
            ..Source::default()
        };
        let mut filtered = Self::of(filter, source, ask, taken);
        filtered.portion = if is_endless { 0 } else { PORTION };
        filtered
    }
}

/// Memory is counted in steps of this many bytes.
const STEP: usize = 64 * 1024;

/// How many bytes of a reply that ends are passed on at a time.
const PORTION: usize = 16 * 1024;

impl<P: Parts> Filtered<P> {
    fn of(filter: Box<dyn Filter>, parts: P, ask: Ask, taken: Taken) -> Self {
        Self {
            filter,
            parts,
            ask,
            asked: None,
            pulled: None,
            out: Vec::new(),
            ready: Bytes::new(),
            taken,
            portion: 0,
            has_passed: false,
            cut: None,
            progress: Progress::Reading,
        }
    }

    /// Waits until something may be passed on, or until the reply is over: until then it can be replaced by an error.
    /// Returns everything that may be passed on, if the reply has ended by then.
    pub(crate) fn poll_begin(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Cut>> {
        ready!(self.poll_out(cx))?;
        while self.progress == Progress::Ended
            || (self.progress == Progress::Reading && self.parts.is_end())
        {
            match self.poll_step(cx) {
                Poll::Ready(done) => done?,
                Poll::Pending => break,
            }
        }
        let is_small = self.portion == 0 || self.waiting() <= self.portion;
        let is_whole = self.progress == Progress::Over && is_small;
        Poll::Ready(Ok(is_whole.then(|| self.take())))
    }

    /// The next bytes for the client.
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Polled> {
        if let Some(cut) = self.cut.take() {
            self.progress = Progress::Over;
            return Poll::Ready(Some(Err(cut)));
        }
        match ready!(self.poll_out(cx)) {
            Ok(()) if self.waiting() == 0 => Poll::Ready(None),
            Ok(()) => {
                self.has_passed = true;
                Poll::Ready(Some(Ok(Frame::data(self.take()))))
            }
            Err(cut) if self.has_passed => {
                // An error ends the connection at once, so it waits until the bytes before it were written.
                self.cut = Some(cut);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Err(cut) => Poll::Ready(Some(Err(cut))),
        }
    }

    /// Whether everything was passed on.
    pub(super) fn is_over(&self) -> bool {
        self.progress == Progress::Over && self.waiting() == 0
    }

    /// How many bytes may be passed on.
    fn waiting(&self) -> usize {
        self.ready.len() + self.out.len()
    }

    /// Waits until something is put out, or nothing more will be.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cut>> {
        while self.waiting() <= self.portion && self.progress != Progress::Over {
            ready!(self.poll_step(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cut>> {
        if let Some(asked) = &mut self.asked {
            let answer = ready!(asked.as_mut().poll(cx));
            self.asked = None;
            return self.filter(|filter, out| filter.learn(answer, out));
        }
        if let Some(lookup) = self.filter.wants() {
            self.asked = Some((self.ask)(lookup));
            return Poll::Ready(Ok(()));
        }
        if self.progress == Progress::Ended {
            if let (Some(pulled), Some(state)) = (self.filter.pulled(), &self.pulled) {
                state.pulled.remember(pulled);
            }
            self.progress = Progress::Over;
            return Poll::Ready(Ok(()));
        }
        match ready!(self.parts.poll_part(cx)) {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => self.filter(|filter, out| filter.push(&data, out)),
                // Trailers end a body.
                Err(_) => self.end(),
            },
            Some(Err(cut)) => Poll::Ready(Err(cut)),
            None => self.end(),
        }
    }

    fn end(&mut self) -> Poll<Result<(), Cut>> {
        self.progress = Progress::Ended;
        let reads = self.filter.reads();
        if let Err(denial) = self.taken.take(reads) {
            return Poll::Ready(Err(Cut::Full(Box::new(denial))));
        }
        // This gives back what is not in use any more.
        self.filter(|filter, out| filter.finish(out))
    }

    fn filter(
        &mut self,
        call: impl FnOnce(&mut dyn Filter, &mut Vec<u8>) -> Result<(), BadReply>,
    ) -> Poll<Result<(), Cut>> {
        let called = call(&mut *self.filter, &mut self.out);
        let counted = called.map_err(Cut::Filter).and_then(|()| self.count());
        if counted.is_err() {
            self.out.clear();
            self.ready.clear();
        }
        Poll::Ready(counted)
    }

    /// Takes the memory that is in use now from the client's share. A short reply takes nothing.
    fn count(&mut self) -> Result<(), Cut> {
        let held = self.filter.held() + self.waiting();
        let counted = held / STEP * STEP;
        if counted < self.taken.bytes {
            self.taken.give_back(self.taken.bytes - counted);
        }
        let more = counted.saturating_sub(self.taken.bytes);
        if more == 0 {
            return Ok(());
        }
        let taken = self.taken.take(more);
        taken.map_err(|denial| Cut::Full(Box::new(denial)))
    }

    /// The next portion.
    fn take(&mut self) -> Bytes {
        if self.portion == 0 {
            return std::mem::take(&mut self.out).into();
        }
        if self.ready.len() < self.portion && !self.out.is_empty() {
            // What is left of a portion comes before the rest.
            let out = std::mem::take(&mut self.out);
            self.ready = if self.ready.is_empty() {
                out.into()
            } else {
                [self.ready.as_ref(), &out].concat().into()
            };
        }
        self.ready.split_to(self.portion.min(self.ready.len()))
    }
}

impl Parts for Source {
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Polled> {
        self.poll_frame(cx)
    }

    fn is_end(&self) -> bool {
        self.is_end()
    }
}

impl<P> fmt::Debug for Filtered<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Filtered");
        shown.field("filter", &self.filter);
        shown.field("progress", &self.progress);
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
