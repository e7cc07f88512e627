//! Adding to a list of a file: the comments of what is there stay with it.

use std::fmt::Write;

use toml_edit::{Array, Value};

use super::lines::Entry;

/// What is added to a list.
pub(super) enum Addition {
    /// A comment on a line of its own.
    Head(String),
    Entry(Entry),
}

/// Adds to a list, a line each. The comment behind the last entry stays behind that one.
pub(super) fn append(list: &mut Array, additions: Vec<Addition>) {
    let mut before = tail(list);
    for addition in additions {
        match addition {
            // A String takes every write.
            Addition::Head(head) => _ = writeln!(before, "    # {head}"),
            Addition::Entry(entry) if entry.is_held_back => {
                _ = writeln!(before, "    # {}, # {}", entry.toml, entry.comment);
            }
            Addition::Entry(entry) => {
                if let Ok(value) = entry.toml.parse::<Value>() {
                    list.push_formatted(value.decorated(format!("{before}    "), ""));
                    before = format!(" # {}\n", entry.comment);
                }
            }
        }
    }
    list.set_trailing_comma(!list.is_empty());
    list.set_trailing(before);
}

/// What stands behind the last entry of a list, taken from there, up to the end of its line or beyond.
fn tail(list: &mut Array) -> String {
    let has_comma = list.trailing_comma();
    let mut tail = String::new();
    if let Some(last) = list.iter_mut().last().filter(|_| !has_comma) {
        let decor = last.decor_mut();
        let suffix = decor.suffix().and_then(|suffix| suffix.as_str());
        suffix.unwrap_or_default().clone_into(&mut tail);
        decor.set_suffix("");
    }
    tail.push_str(list.trailing().as_str().unwrap_or_default());
    // The indent of the bracket, which stands on a line of its own.
    let end = tail.trim_end_matches([' ', '\t']).len();
    tail.truncate(end);
    if !tail.ends_with('\n') {
        tail.push('\n');
    }
    tail
}
