//! The bodies that are judged: every field that any API version from 1.24 to 1.56 has, one line each.
//!
//! A body is walked along its table. What the table does not have is refused, what it has must be of
//! its shape, and what is left is known whole: a policy reads what it must judge, and the daemon gets
//! a rendering of the same values. A new field of the API is one more line.
//!
//! Shapes are no ranges: a number that the daemon's type cannot hold, or a text that it cannot parse,
//! is the daemon's to refuse.
//!
//! Source: `api/swagger.yaml` of moby/moby for the fields, `api/types` for their names and types, its
//! handlers for what they do; Go's `encoding/json` for how they are read.

mod container;
mod field_meaning;
mod hidden;
mod keep;
mod network;
mod service;
mod table;
mod volume;

use keep::{Keeper, Path};

use super::json::Json;
use super::judged::Document;
use super::table::Operation;

pub(crate) use field_meaning::FieldMeaning;
pub(crate) use hidden::{are_masked_by_engines, are_read_only_by_engines};
pub(crate) use keep::{Asked, BadBody, asked};
pub(crate) use table::{Shape, Table};
#[cfg(test)]
pub(crate) use {
    table::{Class, Zero},
    tests::parse,
};

/// A body, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parsed<'a> {
    /// What its table has of it, each field in the daemon's own spelling.
    pub(crate) value: Json<'a>,
    /// The first thing that the daemon itself would ignore or refuse, which is left as it was. Such a body is for
    /// those who only observe.
    pub(crate) flaw: Option<BadBody>,
}

/// The fields of an operation's body, if it is judged.
pub(crate) fn table(operation: Operation) -> Option<&'static Table> {
    operation.spec().judged.body.map(fields)
}

fn fields(document: Document) -> &'static Table {
    match document {
        Document::Container => &container::CONTAINER_CREATE,
        Document::ContainerUpdate => &container::CONTAINER_UPDATE,
        Document::Endpoint => &network::NETWORK_CONNECT,
        Document::Exec => &container::CONTAINER_EXEC,
        Document::ExecStart => &container::EXEC_START,
        Document::ImageConfig => &container::IMAGE_COMMIT,
        Document::Leaving => &network::NETWORK_DISCONNECT,
        Document::Network => &network::NETWORK_CREATE,
        Document::Service => &service::SERVICE,
        Document::ServiceUpdate => &service::SERVICE_UPDATE,
        Document::Volume => &volume::VOLUME_CREATE,
        Document::VolumeUpdate => &volume::VOLUME_UPDATE,
    }
}

/// The fields of `HostConfig`, which an inspection of a container has too.
pub(crate) fn host_config() -> &'static Table {
    &container::HOST_CONFIG
}

/// Parses a body and keeps what its table has, each field in the daemon's own spelling.
///
/// A key in another case is the field's, as it is to the daemon, and a field that is there twice with the same value
/// is there once. Fields that are ignored and nulls are dropped, as the daemon makes nothing of them; a null that
/// stands under a key of a map becomes the value that the daemon takes it for. A body that is null is
/// an empty object.
pub(crate) fn parse_with_flaws<'a>(
    bytes: &'a [u8],
    table: &'static Table,
) -> Result<Parsed<'a>, BadBody> {
    let mut value = Json::parse_with_doubles(bytes)?;
    if value.is_null() {
        value = Json::Object(Vec::new());
    }
    let mut keeper = Keeper::default();
    keeper.keep(&mut value, Shape::Object(table), Path::Root)?;
    let flaw = keeper.flaw;
    Ok(Parsed { value, flaw })
}

/// Whether the body of an operation that takes none says nothing: JSON that is empty, of no more bytes than the daemon
/// lets pass there.
///
/// Source: `postContainersStart` of moby/moby, which allows what old clients sent for nothing.
pub(crate) fn says_nothing(bytes: &[u8]) -> bool {
    let is_nothing = |value| match value {
        Json::Null => true,
        Json::Text(text) => text.is_empty(),
        Json::Object(members) => members.is_empty(),
        Json::Bool(_) | Json::Number(_) | Json::List(_) => false,
    };
    let is_blank = || bytes.trim_ascii().is_empty();
    bytes.len() <= MAX_OF_NOTHING && (is_blank() || Json::parse(bytes).is_ok_and(is_nothing))
}

/// The most bytes of a body that says nothing.
pub(crate) const MAX_OF_NOTHING: usize = 7;

/// Whether the body of a start asks for no stream to and from the command.
pub(crate) fn asks_to_detach(body: &[u8]) -> bool {
    let Ok(body) = Json::parse(body) else {
        return false;
    };
    let mut members = body.members().iter();
    members.any(|(key, value)| key.eq_ignore_ascii_case("Detach") && value.is_true())
}

/// What nearly all bodies have room in, so that their rendering is not moved as it grows.
const USUAL_BYTES: usize = 4096;

/// The bytes to send for a body that was kept.
///
/// `HostConfig` is always among them: without it, engines up to 26.1 look for its fields one level
/// above.
pub(crate) fn rendered(value: &Json, document: Option<Document>) -> String {
    let mut text = String::with_capacity(USUAL_BYTES);
    value.render(&mut text);
    if document == Some(Document::Container) && value.get("HostConfig").is_none() {
        // The object ends in its brace.
        text.pop();
        text.push_str(if text.len() > 1 { "," } else { "" });
        text.push_str("\"HostConfig\":{}}");
    }
    text
}

#[cfg(test)]
pub(crate) mod tests;
