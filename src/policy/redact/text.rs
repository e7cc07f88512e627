//! Strings as they are written in a document.

use std::borrow::Cow;

use crate::docker::Json;
use crate::docker::json::escape;

/// A document that cannot be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// The text of a string, as it is written between its quotes.
pub(super) fn decoded(written: &[u8]) -> Result<Cow<'_, str>, Unreadable> {
    if !written.contains(&b'\\') {
        return str::from_utf8(written)
            .map(Cow::Borrowed)
            .map_err(|_| Unreadable);
    }
    let quoted = [b"\"", written, b"\""].concat();
    let text = Json::parse(&quoted).map_err(|_| Unreadable)?;
    Ok(Cow::Owned(text.text().unwrap_or_default().to_owned()))
}

/// A string as it is written.
pub(super) fn quote(text: &str) -> Vec<u8> {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    escape(text, &mut quoted);
    quoted.push('"');
    quoted.into_bytes()
}
