//! Policy files: how they are read, where each entry stands, their schema, and those that are shipped.
//!
//! The text of a file is handed in; nothing here touches the disk.

pub mod cited;
pub mod effective_block;
pub mod entry;
pub mod example;
pub mod file;
pub mod grants;
pub mod lines;
pub mod mark;
pub mod problem;
pub mod provenance;
pub mod raw_path;
mod reader;
pub mod same_mark;
pub mod schema;
pub mod shipped;
pub mod spelling;

pub use cited::Cited;
pub use effective_block::{KeyLocation, Shadowed};
pub use entry::{BadEntry, Entry};
pub use example::Example;
pub use file::Policy;
pub use grants::Grants;
pub use lines::Lines;
pub use problem::{Library, Problem};
pub use provenance::{Place, Written};
