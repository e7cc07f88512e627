//! Policy files: reading them, the place of each entry, their schema, and the built-in policies.
//!
//! The caller passes the text of a file; nothing here touches the disk.

pub(crate) mod cited;
pub(crate) mod effective_block;
pub(crate) mod entry;
pub mod example;
pub mod file;
pub mod grants;
pub(crate) mod lines;
pub(crate) mod mark;
pub mod problem;
pub(crate) mod provenance;
pub(crate) mod raw_path;
mod reader;
mod redact;
pub(crate) mod same_mark;
pub mod schema;
mod scope;
pub mod shipped;
pub(crate) mod spelling;

pub(crate) use cited::Cited;
pub(crate) use entry::Entry;
pub use example::Example;
pub use file::Policy;
pub use grants::Grants;
pub(crate) use lines::Lines;
pub use problem::{Library, Problem};
pub(crate) use provenance::{Place, Written};
