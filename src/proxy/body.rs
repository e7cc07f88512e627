//! Bodies: which parts of a request's body reach the daemon, and how a reply's body reaches the
//! client.

pub(crate) mod cut;
pub(crate) mod filtered;
pub(crate) mod gather;
pub(crate) mod inflate;
pub(crate) mod kind;
mod pace;
mod reply;
pub(crate) mod request;
mod source;
pub(crate) mod tar;

pub(crate) use reply::{ReplyBody, Shape};
pub(crate) use request::RequestBody;
