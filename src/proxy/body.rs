//! Bodies: what of a request's crosses to the daemon, and how a reply's crosses to the client.

pub(crate) mod cut;
mod gather;
pub(crate) mod inflate;
pub(crate) mod kind;
pub(crate) mod pace;
mod read;
pub(crate) mod reply;
pub(crate) mod request;
mod source;
pub(crate) mod tar;

pub(crate) use read::broken;
pub(crate) use reply::ReplyBody;
pub(crate) use request::RequestBody;
