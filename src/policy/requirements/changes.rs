//! The instructions of a Dockerfile that a commit or an import adds to an image.
//!
//! The daemon joins them into one text, strips a byte order mark, removes comments and directives, joins continued
//! lines, and resolves escapes, quotes and variables. An instruction that is not read here word by word could set any
//! label, so it is denied.

use super::collector::{Read, unclear_query as unclear};
use crate::docker::Call;
use crate::policy::value::RESERVED;

/// Denies instructions that cannot be read, or that would make containers of the image look as if they were created
/// through a policy.
pub(super) fn check_changes(call: &Call) -> Read {
    let pairs = call.query.pairs();
    let mut changes = pairs.filter(|(key, _)| *key == "changes");
    let refused = changes.find_map(|(_, text)| check(text).err());
    refused.map_or(Ok(()), |why| Err(unclear("changes", why)))
}

/// Checks instructions, one on each line.
fn check(text: &str) -> Result<(), &'static str> {
    if text.contains(RESERVED) {
        return Err(RESERVED_LABEL);
    }
    text.lines().try_for_each(check_line)
}

fn check_line(line: &str) -> Result<(), &'static str> {
    let line = line.trim();
    if line.ends_with(['\\', '`']) {
        return Err(CONTINUED);
    }
    if line.is_empty() || line.starts_with('#') {
        return Ok(());
    }
    let (instruction, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    if !instruction.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(UNREAD);
    }
    if instruction.eq_ignore_ascii_case("ONBUILD") {
        return check_line(rest);
    }
    if instruction.eq_ignore_ascii_case("LABEL") && !are_plain(rest) {
        return Err(UNCLEAR_LABEL);
    }
    Ok(())
}

/// Whether all labels are `name=value` with only the value in quotes, and without escapes and variables.
fn are_plain(labels: &str) -> bool {
    let mut before = ' ';
    let mut quote = None;
    for character in labels.chars() {
        match (quote, character) {
            (_, '\\' | '`' | '$') => return false,
            (None, '"' | '\'') if before != '=' => return false,
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            // Text right after a closing quote would belong to the same word.
            (None, _) if matches!(before, '"' | '\'') && !character.is_whitespace() => {
                return false;
            }
            (Some(_) | None, _) => {}
        }
        before = character;
    }
    quote.is_none()
}

/// The labels that instructions set, as far as they are written plainly.
pub(crate) fn labels_in_changes(call: &Call) -> Vec<(String, String)> {
    let pairs = call.query.pairs();
    let changes = pairs.filter(|(key, _)| *key == "changes");
    let lines = changes.flat_map(|(_, text)| text.lines());
    lines.flat_map(labels_of_line).collect()
}

fn labels_of_line<'l>(line: &'l str) -> Vec<(String, String)> {
    let split = |line: &'l str| line.trim().split_once([' ', '\t']).unwrap_or_default();
    let (mut instruction, mut rest) = split(line);
    while instruction.eq_ignore_ascii_case("ONBUILD") {
        (instruction, rest) = split(rest);
    }
    let rest = rest.trim();
    if !instruction.eq_ignore_ascii_case("LABEL") {
        return Vec::new();
    }
    // The old form, with one label: `LABEL name value`.
    if let Some((name, value)) = rest.split_once([' ', '\t'])
        && !name.contains('=')
    {
        let plain = |text: &str| text.trim().replace(['"', '\''], "");
        return vec![(plain(name), plain(value))];
    }
    let words = words(rest);
    let pairs = words.iter().filter_map(|word| word.split_once('='));
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    pairs.collect()
}

/// The words of a line, without their quotes.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut quote) = (vec![String::new()], None);
    for character in text.chars() {
        match quote {
            None if character.is_whitespace() => words.push(String::new()),
            None if matches!(character, '"' | '\'') => quote = Some(character),
            Some(open) if open == character => quote = None,
            _ => words
                .last_mut()
                .into_iter()
                .for_each(|word| word.push(character)),
        }
    }
    words
}

const CONTINUED: &str =
    "has a line that ends in a backslash or a backtick: write each instruction on one line";

const UNCLEAR_LABEL: &str = "sets a label with quotes, escapes or variables: write LABEL name=value or LABEL \
                             name=\"value\"";

const UNREAD: &str = "has an instruction that is not a plain word: write it in letters, such as LABEL, followed by a \
                      space";

/// Why one of Dockgate's own labels is denied.
pub(super) const RESERVED_LABEL: &str =
    "sets a label that begins with `dockgate.`, which only Dockgate may set: leave the label out";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_that_is_not_read_word_by_word_is_refused() {
        for (text, want) in [
            ("LABEL a=b", Ok(())),
            ("label a=\"b c\" d='e'", Ok(())),
            ("ONBUILD LABEL a=b", Ok(())),
            ("# a comment\n\n  ENV A=\"x $y\"\nCMD [\"a\"]", Ok(())),
            ("ONBUILD RUN <<EOF\necho a\nEOF", Ok(())),
            ("STOPSIGNAL", Ok(())),
            ("LABEL dockgate.policy=x", Err(RESERVED_LABEL)),
            ("\u{feff}LABEL dockgat\\e.policy=x", Err(UNREAD)),
            ("\u{feff}LABEL a=b", Err(UNREAD)),
            ("\u{feff} LABEL a=b", Err(UNREAD)),
            ("\u{200b}LABEL a=b", Err(UNREAD)),
            ("\u{2060}ENV a=b", Err(UNREAD)),
            ("ENV A=b\n\u{feff}LABEL a=b", Err(UNREAD)),
            ("LABEL\u{a0}a=b", Err(UNREAD)),
            ("LABEL\u{b}dockgat\\e.policy=x", Err(UNREAD)),
            ("LABEL=a=b", Err(UNREAD)),
            ("L\\ABEL a=b", Err(UNREAD)),
            ("\"LABEL\" a=b", Err(UNREAD)),
            ("ONBUILD \u{feff}LABEL a=b", Err(UNREAD)),
            ("ONBUILD ONBUILD LABEL a$b=c", Err(UNCLEAR_LABEL)),
            ("LABEL dockgat\\e.policy=x", Err(UNCLEAR_LABEL)),
            ("LABEL \"dockgate\".policy=x", Err(UNCLEAR_LABEL)),
            ("LABEL dock$A.policy=x", Err(UNCLEAR_LABEL)),
            ("# escape=`\nENV A=b", Err(CONTINUED)),
            ("# escape=`\nLABEL dockgat`e.policy=x", Err(CONTINUED)),
            ("LABEL dockgat`e.policy=x", Err(UNCLEAR_LABEL)),
            ("ENV A=b \\\nLABEL a=b", Err(CONTINUED)),
            ("ENV A=b `\nLABEL a=b", Err(CONTINUED)),
            ("# a \\\nLABEL a=b", Err(CONTINUED)),
            ("LAB\\\nEL dock\\\ngate.policy=x", Err(CONTINUED)),
            ("ONBUILD RUN <<EOF\nLABEL a$b=c\nEOF", Err(UNCLEAR_LABEL)),
        ] {
            assert_eq!(check(text), want, "BOM: {text:?}");
        }
    }
}
