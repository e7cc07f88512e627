//! The bodies that Dockgate checks: every field of the API versions 1.24 to 1.56, one line each.
//!
//! A body is compared with its table. A field that the table does not have is rejected, and a value
//! must have the shape that the table says. So every field that remains is understood: a policy
//! checks those that it must, and the daemon gets a rendering of the same values. A new field of the
//! API is one more line.
//!
//! Shapes have no ranges: the daemon itself rejects a number that its type cannot hold, or a text
//! that it cannot parse.
//!
//! Source: `api/swagger.yaml` of moby/moby for the fields, `api/types` for their names and types, its
//! handlers for what they do; Go's `encoding/json` for how it reads them.

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

/// A body, and its problems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parsed<'a> {
    /// The fields that its table has, with their keys in the daemon's spelling.
    pub(crate) value: Json<'a>,
    /// The first thing that the daemon itself would ignore or reject; it is left as it was. Such a body is used
    /// in observe mode only.
    pub(crate) flaw: Option<BadBody>,
}

/// The fields of an operation's body, if Dockgate checks it.
pub(crate) fn table(operation: Operation) -> Option<&'static Table> {
    operation.spec().judged.body.map(fields)
}

fn fields(document: Document) -> &'static Table {
    match document {
        Document::ConfigOrSecret => &service::CONFIG_OR_SECRET,
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

/// The fields of `HostConfig`, which the inspection of a container also has.
pub(crate) fn host_config() -> &'static Table {
    &container::HOST_CONFIG
}

/// Parses a body and keeps the fields that its table has, with their keys in the daemon's spelling.
///
/// Like the daemon, it ignores the case of keys, and it accepts a field that appears twice with the same value. It
/// drops ignored fields and nulls, because the daemon does nothing with them; a null under a key of a map becomes
/// the value that the daemon reads it as. A null body becomes an empty object.
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

/// Whether the body of an operation that takes none is as good as empty: empty JSON, in no more bytes than the daemon
/// accepts there.
///
/// Source: `postContainersStart` of moby/moby, which accepts what old clients sent as an empty
/// body.
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

/// The longest body that counts as empty, in bytes.
pub(crate) const MAX_OF_NOTHING: usize = 7;

/// Whether the body of a start asks not to stream the command's input and output.
pub(crate) fn asks_to_detach(body: &[u8]) -> bool {
    let Ok(body) = Json::parse(body) else {
        return false;
    };
    let mut members = body.members().iter();
    members.any(|(key, value)| key.eq_ignore_ascii_case("Detach") && value.is_true())
}

/// Enough room for nearly all bodies, so that the rendering is not moved while it grows.
const USUAL_BYTES: usize = 4096;

/// Renders a kept body as the bytes to send.
///
/// `HostConfig` is always included: without it, engines up to 26.1 read its fields from one level
/// above.
pub(crate) fn rendered(value: &Json, document: Option<Document>) -> String {
    let mut text = String::with_capacity(USUAL_BYTES);
    value.render(&mut text);
    if document == Some(Document::Container) && value.get("HostConfig").is_none() {
        // Replaces the closing brace.
        text.pop();
        text.push_str(if text.len() > 1 { "," } else { "" });
        text.push_str("\"HostConfig\":{}}");
    }
    text
}

#[cfg(test)]
pub(crate) mod tests;
