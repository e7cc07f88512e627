//! The lines of a file's entries and keys, for messages.

use std::collections::HashMap;

use toml_edit::{ImDocument, Item, TableLike, Value};

/// The lines of a file's keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    /// The lines of the entries of lists, by the lists' keys. Tables and their keys are like lists of one.
    entries: HashMap<String, Vec<usize>>,
    /// The line of every key, and of every table in a list: `example[0]`.
    keys: HashMap<String, usize>,
}

impl Lines {
    /// The lines of a policy's or the settings' text.
    pub(crate) fn of(text: &str) -> Self {
        let mut lines = Self::default();
        if let Ok(file) = ImDocument::parse(text) {
            lines.keep(text, "", file.as_table());
        }
        lines
    }

    /// The line, counted from 1, of a list's entry, counted from 0. Tables and their keys count as lists with one
    /// entry.
    pub(crate) fn line(&self, key: &str, entry: usize) -> Option<usize> {
        self.entries.get(key)?.get(entry).copied()
    }

    /// The line of a key, or of the innermost table or list around it that is in the file.
    pub(crate) fn around(&self, key: &str) -> Option<usize> {
        let mut key = key;
        loop {
            if let Some(line) = self.keys.get(key) {
                return Some(*line);
            }
            key = key.get(..key.rfind(['.', '['])?)?;
        }
    }

    pub(crate) fn keys<'a>(&'a self, table: &str) -> impl Iterator<Item = &'a str> {
        let names = self.entries.keys().filter_map(|name| name.split_once('.'));
        names.filter_map(move |(of, key)| (of == table).then_some(key))
    }

    /// Stores the lines of a table's lists and of the tables in it. `within` is the prefix of its keys.
    fn keep(&mut self, text: &str, within: &str, table: &dyn TableLike) {
        let key_line = |table: &dyn TableLike, name: &str| {
            let key = table.get_key_value(name).and_then(|(key, _)| key.span());
            vec![line_at(text, key.unwrap_or_default().start)]
        };
        for (name, item) in table.iter() {
            let key = format!("{within}{name}");
            let line = key_line(table, name);
            self.keys
                .extend(line.iter().map(|line| (key.clone(), *line)));
            if let Some(inner) = item.as_table_like() {
                for (name_within, _) in inner.iter() {
                    let name = format!("{key}.{name_within}");
                    let line = key_line(inner, name_within);
                    self.keys
                        .extend(line.iter().map(|line| (name.clone(), *line)));
                    self.entries.insert(name, line);
                }
                self.entries.insert(key, line);
            } else if let Item::ArrayOfTables(tables) = item {
                for (at, inner) in tables.iter().enumerate() {
                    let line = line_at(text, inner.span().unwrap_or_default().start);
                    self.keys.insert(format!("{key}[{at}]"), line);
                    self.keep(text, &format!("{key}[{at}]."), inner);
                }
            } else if let Some(entries) = item.as_array() {
                for (at, inner) in entries.iter().enumerate() {
                    if let Value::InlineTable(inner) = inner {
                        self.keep(text, &format!("{key}[{at}]."), inner);
                    }
                }
                let spans = entries.iter().map(Value::span);
                let lines = spans.map(|span| line_at(text, span.unwrap_or_default().start));
                self.entries.insert(key, lines.collect());
            }
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
        let text = "# ü\nallow = ['A', 'B',\n  # why\n  'C']\n\n[[listener]]\ndeny = ['D']\n[[listener]]\ndeny = [\n'E']\n[create]\nimages = []\n'env'.allow = []\n[exec]\n[images]\npull.a.b = 1";
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
            ("exec", 0, Some(14)),
            ("images.pull", 0, Some(16)),
            ("volumes", 0, None),
        ] {
            assert_eq!(lines.line(key, entry), want, "{key}[{entry}]");
        }
        for (key, want) in [
            ("allow", Some(2)),
            ("listener[1]", Some(8)),
            ("listener[1].deny", Some(9)),
            ("listener[1].address", Some(8)),
            ("create.limits.cpus", Some(11)),
            ("create.env.allow", Some(13)),
            ("polcy", None),
        ] {
            assert_eq!(lines.around(key), want, "{key}");
        }
    }

    #[test]
    fn the_line_of_a_block_is_found_however_it_is_written() {
        let lines = Lines::of("create.images = []\nexec = { users = [] }\nbuild.a.b = 1");
        for (key, want) in [
            ("create", 1),
            ("create.images", 1),
            ("exec", 2),
            ("exec.users", 2),
            ("build.a", 3),
        ] {
            assert_eq!(lines.line(key, 0), Some(want), "{key}");
        }
    }
}
