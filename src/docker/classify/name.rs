//! The names that a path has, each as the kind of its object spells them.

use crate::docker::network;
use crate::docker::operation::Object;
use crate::docker::query::hex_pair;
use crate::docker::target::{BadTarget, is_name};

/// Reads the name or id of an object.
pub(super) fn read(object: Object, text: &str) -> Result<String, BadTarget> {
    if object.has_reference() {
        reference(text)
    } else if object == Object::Network {
        network_name(text)
    } else if is_name(text) {
        Ok(text.to_owned())
    } else {
        Err(BadTarget::Name(text.to_owned()))
    }
}

/// A name or id of a network: escapes decoded, once.
fn network_name(text: &str) -> Result<String, BadTarget> {
    if is_name(text) {
        return Ok(text.to_owned());
    }
    let decoded = network::decode(text).ok_or(BadTarget::Escape)?;
    if network::is_network_name(&decoded) {
        Ok(decoded)
    } else {
        Err(BadTarget::NetworkName(decoded))
    }
}

/// An image, plugin or repository: the escapes of `/`, `:` and `@` decoded, once.
fn reference(text: &str) -> Result<String, BadTarget> {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => hex_pair(rest.next(), rest.next())
                .filter(|byte| b"/:@".contains(byte))
                .ok_or(BadTarget::Escape)?,
            plain => plain,
        };
        decoded.push(char::from(byte));
    }
    if is_reference(&decoded) {
        Ok(decoded)
    } else {
        Err(BadTarget::Reference(decoded))
    }
}

/// Whether a text may be the name of an image, plugin or repository.
pub(in crate::docker) fn is_reference(text: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.-:@".contains(&byte))
    };
    text.split('/').all(is_part)
}
