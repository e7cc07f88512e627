//! On which lines of a file its entries and keys stand, for messages.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

/// The lines on which the entries of a file's lists stand, by the lists' keys; and those of its tables and of
/// their keys.
#[derive(Clone, Debug, Default)]
pub struct Lines(HashMap<String, Vec<usize>>);

/// The lists of a file that have entries. What is no list is told where it is read.
#[derive(serde::Deserialize)]
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
        if let Ok(tables) = toml::from_str::<BTreeMap<Spanned<String>, Keys>>(text) {
            for (table, Keys(keys)) in tables {
                for key in keys.iter().flatten() {
                    let name = format!("{}.{}", table.get_ref(), key.get_ref());
                    lines.0.insert(name, vec![line_at(text, key.span().start)]);
                }
                if keys.is_some() {
                    let line = line_at(text, table.span().start);
                    lines.0.insert(table.into_inner(), vec![line]);
                }
            }
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
}

/// The keys of a table; `None` for any other value.
struct Keys(Option<Vec<Spanned<String>>>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfValue;
        impl<'de> Visitor<'de> for OfValue {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(Some(keys)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Keys, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Keys(None))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Keys, E> {
                Ok(Keys(None))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Keys, E> {
                Ok(Keys(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Keys, E> {
                Ok(Keys(None))
            }

            fn visit_str<E>(self, _: &str) -> Result<Keys, E> {
                Ok(Keys(None))
            }
        }
        deserializer.deserialize_any(OfValue)
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
