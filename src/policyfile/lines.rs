//! On which lines of a file its entries and keys stand, for messages.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;
use toml_edit::{ImDocument, Key, Table};

/// The lines on which the entries of a file's lists stand, by the lists' keys; and those of its tables and of
/// their keys.
#[derive(Clone, Debug, Default)]
pub struct Lines(HashMap<String, Vec<usize>>);

/// The lists of a file that have entries. What is no list is told where it is read.
#[derive(Deserialize)]
struct Lists {
    #[serde(default)]
    allow: Vec<Spanned<IgnoredAny>>,
    #[serde(default)]
    deny: Vec<Spanned<IgnoredAny>>,
    #[serde(default)]
    listener: Vec<Lists>,
}

impl Lines {
    /// The lines of a policy's or the settings' text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut lines = Self::default();
        if let Ok(lists) = toml::from_str::<Lists>(text) {
            for (at, listener) in lists.listener.iter().enumerate() {
                lines.keep(text, format!("listener[{at}].deny"), &listener.deny);
            }
            lines.keep(text, "allow".to_owned(), &lists.allow);
            lines.keep(text, "deny".to_owned(), &lists.deny);
        }
        if let Ok(document) = ImDocument::parse(text) {
            lines.keep_tables(text, document.as_table());
        }
        lines
    }

    /// The line of a list's entry, both counted: the line from 1, the entry from 0. Tables and their keys count
    /// as lists of one.
    #[must_use]
    pub fn line(&self, key: &str, entry: usize) -> Option<usize> {
        self.0.get(key)?.get(entry).copied()
    }

    /// The keys of a table.
    pub fn keys<'a>(&'a self, table: &str) -> impl Iterator<Item = &'a str> {
        let names = self.0.keys().filter_map(|name| name.split_once('.'));
        names.filter_map(move |(of, key)| (of == table).then_some(key))
    }

    /// Those of the lists that nothing else than the file has set.
    #[must_use]
    pub fn without(mut self, is_set_elsewhere: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|key, _| !is_set_elsewhere(key));
        self
    }

    fn keep(&mut self, text: &str, key: String, entries: &[Spanned<IgnoredAny>]) {
        let lines = entries
            .iter()
            .map(|entry| line_at(text, entry.span().start));
        self.0.insert(key, lines.collect());
    }

    fn keep_tables(&mut self, text: &str, document: &Table) {
        for (name, item) in document {
            let Some(table) = item.as_table_like() else {
                continue;
            };
            self.keep_key(text, name.to_owned(), document.key(name));
            for (key, _) in table.iter() {
                self.keep_key(text, format!("{name}.{key}"), table.key(key));
            }
        }
    }

    fn keep_key(&mut self, text: &str, name: String, key: Option<&Key>) {
        if let Some(span) = key.and_then(Key::span) {
            self.0.insert(name, vec![line_at(text, span.start)]);
        }
    }
}

/// The line of a byte, counted from 1.
fn line_at(text: &str, byte: usize) -> usize {
    let before = text.as_bytes().iter().take(byte);
    before.filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_on_their_lines() {
        let text = "# ü\nallow = ['A', 'B',\n  # why\n  'C']\n\n[[listener]]\ndeny = ['D']\n[[listener]]\ndeny = [\n'E']\n[create]\nimages = []\n'env'.allow = []";
        let lines = Lines::of(text);
        for (key, entry, want) in [
            ("allow", 0, Some(2)),
            ("allow", 1, Some(2)),
            ("allow", 2, Some(4)),
            ("allow", 3, None),
            ("deny", 0, None),
            ("listener[0].deny", 0, Some(7)),
            ("listener[1].deny", 0, Some(10)),
            ("create", 0, Some(11)),
            ("create.images", 0, Some(12)),
            ("create.env", 0, Some(13)),
            ("create.binds", 0, None),
            ("exec", 0, None),
        ] {
            assert_eq!(lines.line(key, entry), want, "{key}[{entry}]");
        }
    }
}
