//! Bodies: what of a request's crosses to the daemon, and how a reply's crosses to the client.

pub mod cut;
mod gather;
pub mod inflate;
pub mod kind;
pub mod pace;
mod read;
pub mod reply;
pub mod request;
mod source;
pub mod tar;

pub use read::broken;
pub use reply::ReplyBody;
pub use request::RequestBody;
