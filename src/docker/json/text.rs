//! How the texts of documents are compared, shown and quoted.

use std::borrow::Cow;
use std::fmt::Write;

use super::word::plain;

/// A key as the daemon compares it: it ignores the case of ASCII letters, and treats two other letters as
/// ASCII.
pub(crate) fn folded(key: &str) -> String {
    let fold = |character: char| match character {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    key.chars().map(fold).collect()
}

/// A text in which everything except printable ASCII is escaped, such as `\u{202e}`. Otherwise a terminal
/// could obey the characters, and a reader might not see them, or see the rest in another order. Texts from
/// clients and the daemon get into messages and records only through this.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if is_printable(text) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character == ' ' || character.is_ascii_graphic() {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    Cow::Owned(shown)
}

/// Whether a text has only printable ASCII. It looks at all bytes, because that can be done many at a time.
pub(crate) fn is_printable(text: &str) -> bool {
    text.bytes()
        .fold(true, |shown, byte| shown & matches!(byte, b' '..=b'~'))
}

/// The beginning of a text from a client, short enough for a message.
pub(crate) fn shortened(text: &str) -> &str {
    const MAX: usize = 64;
    text.get(..text.floor_char_boundary(MAX)).unwrap_or(text)
}

/// A text in quotes, as in a policy file, with only printable ASCII. It can be pasted, whatever the client
/// put into it.
///
/// Source: TOML 1.0, basic strings.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        // Writing to a String cannot fail.
        _ = match character {
            '"' | '\\' => write!(quoted, "\\{character}"),
            ' '..='~' => write!(quoted, "{character}"),
            '\0'..='\u{ffff}' => write!(quoted, "\\u{:04X}", u32::from(character)),
            '\u{10000}'.. => write!(quoted, "\\U{:08X}", u32::from(character)),
        };
    }
    quoted.push('"');
    quoted
}

/// Appends a text as the content of a JSON string, without the quotes.
pub(crate) fn escape(text: &str, to: &mut String) {
    let mut rest = text;
    while let Some(plain) = plain(rest.as_bytes()) {
        to.push_str(rest.get(..plain).unwrap_or_default());
        match rest.as_bytes().get(plain) {
            Some(b'\n') => to.push_str("\\n"),
            Some(b'\r') => to.push_str("\\r"),
            Some(b'\t') => to.push_str("\\t"),
            Some(&byte @ (b'"' | b'\\')) => to.extend(['\\', char::from(byte)]),
            // Writing to a String cannot fail.
            other => _ = write!(to, "\\u{:04x}", other.copied().unwrap_or_default()),
        }
        rest = rest.get(plain + 1..).unwrap_or_default();
    }
    to.push_str(rest);
}
