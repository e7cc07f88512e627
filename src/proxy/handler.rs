//! One request, from its head to its reply.
//!
//! ```text
//! the guard's head
//!   │ admit        may the client ask anything, from where it asks?        ─► refuse
//!   │              which operation is it, under which API version?
//!   │ decide       evaluate it ◄──────────────────┐                        ─► refuse
//!   │ prepare      what is missing: the body, ────┘
//!   │              `begin` in the record, the daemon's connection, answers
//!   │ forward      send it, with a permit                                  ─► refuse
//!   ▼
//! reply            pass it on, or hijack the connection
//! ```
//!
//! Every arrow to the right is a reply of Dockgate's own, made in [`reply`] and in no other place.

mod admit;
mod decide;
mod forward;
mod parts;
mod prepare;
pub(crate) mod reply;
mod stage;

use hyper::Response;
use hyper::body::Incoming;

use self::stage::Stage;
use super::body::ReplyBody;
use super::head::{BadHead, RefusedHead};
use crate::audit::{Entry, Unavailable};
use crate::policy::Denial;
use crate::sync::lock;

pub(crate) use parts::Handler;

impl Handler {
    /// Answers the request whose head the guard has read.
    pub(crate) async fn answer(&self, body: Incoming) -> Response<ReplyBody> {
        // hyper has a request only when the guard has put a head before it.
        let head = lock(&self.state.head).take().unwrap_or(Err(RefusedHead {
            bad: BadHead::RequestLine,
            line: None,
        }));
        let Ok(entry) = Entry::open(&self.shared.log, &self.client, &self.shared.listener) else {
            return self.refuse(&Denial::from(Unavailable), true, None);
        };
        let mut entry = Box::new(entry);
        let head = match head {
            Ok(head) => head,
            Err(refused) => {
                if let Some((method, target)) = &refused.line {
                    entry.record.asked(method, target);
                }
                return self.give_up(&Denial::from(&refused.bad), true, entry);
            }
        };
        entry.record.asked(&head.method, &head.target);
        let mut stage = Stage::new(head, body, &self.share);
        match self.decide(&mut entry, &mut stage).await {
            Ok(sent) => self.hand_on(sent, &stage.head, entry).await,
            Err(denial) => {
                if !stage.is_sent() {
                    entry.record.not_sent();
                }
                let is_next_known = self.reads_to_end(&mut stage, &entry.record).await;
                self.give_up(&denial, !is_next_known, entry)
            }
        }
    }
}
