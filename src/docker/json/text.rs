//! Texts of documents as they are compared, shown and quoted.

use std::borrow::Cow;
use std::fmt::Write;

use super::word::plain;

/// A key as the daemon compares it: it folds ASCII's case, and the two other letters that fold to ASCII's.
pub(crate) fn folded(key: &str) -> String {
    let fold = |character: char| match character {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    key.chars().map(fold).collect()
}

/// A text with everything but printable ASCII escaped, as `\u{202e}`: a terminal would obey it, and a reader
/// not see it, or see what follows in another order. It is the one way in which what a client or the daemon
/// wrote gets into messages and records.
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

/// Whether a text has nothing but printable ASCII. All bytes are looked at, as that is done many at a time.
pub(crate) fn is_printable(text: &str) -> bool {
    text.bytes()
        .fold(true, |shown, byte| shown & matches!(byte, b' '..=b'~'))
}

/// The beginning of a text that a client chose, short enough for a message.
pub(crate) fn shortened(text: &str) -> &str {
    const MAX: usize = 64;
    text.get(..text.floor_char_boundary(MAX)).unwrap_or(text)
}

/// A text in quotes, as a policy file writes it, and with nothing but printable ASCII in it: it can be pasted
/// whatever a client put into it.
///
/// Source: TOML 1.0, basic strings.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        // A String takes every write.
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

/// Appends what stands for a text between the quotes of a JSON string.
pub(crate) fn escape(text: &str, to: &mut String) {
    let mut rest = text;
    while let Some(plain) = plain(rest.as_bytes()) {
        to.push_str(rest.get(..plain).unwrap_or_default());
        match rest.as_bytes().get(plain) {
            Some(b'\n') => to.push_str("\\n"),
            Some(b'\r') => to.push_str("\\r"),
            Some(b'\t') => to.push_str("\\t"),
            Some(&byte @ (b'"' | b'\\')) => to.extend(['\\', char::from(byte)]),
            // A String takes every write.
            other => _ = write!(to, "\\u{:04x}", other.copied().unwrap_or_default()),
        }
        rest = rest.get(plain + 1..).unwrap_or_default();
    }
    to.push_str(rest);
}
