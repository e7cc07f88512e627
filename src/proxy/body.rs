//! Bodies: what of a request's crosses to the daemon, and how a reply's crosses to the client.

pub(crate) mod cut;
pub(crate) mod gather;
pub(crate) mod inflate;
pub(crate) mod kind;
mod pace;
mod reply;
pub(crate) mod request;
mod source;
pub(crate) mod tar;

pub(crate) use reply::ReplyBody;
pub(crate) use request::RequestBody;
