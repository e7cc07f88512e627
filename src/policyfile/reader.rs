//! Reads the table of a policy file and collects all problems.

use std::sync::Arc;

use toml::{Table, Value};

use super::entry::Entry;
use super::grants::Grants;
use super::lines::Lines;
use super::mark;
use super::problem::{Problem, parse};
use super::provenance::{Place, Written};
use super::spelling::{known_keys, missing_feature};
pub(super) struct Reader<'a> {
    pub(super) file: &'a str,
    pub(super) lines: Lines,
    /// Which `[[example]]` is being read.
    pub(super) example: usize,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn of(file: &'a str) -> Self {
        Self {
            file,
            lines: Lines::default(),
            example: 0,
            problems: Vec::new(),
        }
    }

    pub(super) fn wrong(&mut self, key: impl Into<String>, message: impl Into<String>) {
        let key = key.into();
        let place = key.strip_prefix("example");
        let place = place.map(|rest| format!("example[{}]{rest}", self.example));
        let line = self.lines.around(place.as_ref().unwrap_or(&key));
        let problem = Problem::of_key(self.file, key, message);
        self.problems.push(problem.on_line(line));
    }

    pub(super) fn table(&mut self, text: &str) -> Table {
        self.lines = Lines::of(text);
        let table = parse(self.file, text);
        table.unwrap_or_else(|problem| {
            self.problems.push(problem);
            Table::new()
        })
    }

    pub(super) fn known_keys(&mut self, table: &Table, known: &[&str], prefix: &str) {
        for key in table.keys().filter(|key| !known.contains(&key.as_str())) {
            let missing = missing_feature(key).map(|feature| format!(": {feature}"));
            let hint = missing.unwrap_or_else(|| known_keys(key, known));
            self.wrong(format!("{prefix}{key}"), format!("unknown key{hint}"));
        }
    }

    pub(super) fn string(&mut self, key: &str, value: &Value) -> Option<String> {
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            self.wrong(key, format!("must be a string in quotes, but is {value}"));
        }
        text
    }
    pub(super) fn text(&mut self, table: &Table, key: &str) -> Option<String> {
        self.string(key, table.get(key)?)
    }
    pub(super) fn mark(&mut self, table: &Table) -> Option<String> {
        let mark = self.text(table, "mark")?;
        if mark::is_valid(&mark) {
            return Some(mark);
        }
        self.wrong("mark", format!("\"{mark}\": {}", mark::SHAPE));
        None
    }

    pub(super) fn flag(&mut self, table: &Table, key: &str) -> bool {
        let value = table.get(key);
        let read = value.map(Value::as_bool);
        if let (Some(value), Some(None)) = (value, read) {
            self.wrong(
                key,
                format!("must be true or false without quotes, but is {value}"),
            );
        }
        read.flatten().unwrap_or_default()
    }

    /// The entries of a list; empty if the key is missing.
    pub(super) fn list<'t>(&mut self, table: &'t Table, key: &str, must: &str) -> &'t [Value] {
        match table.get(key) {
            None => &[],
            Some(Value::Array(values)) => values,
            Some(_) => {
                self.wrong(key, must);
                &[]
            }
        }
    }

    /// The strings of a list, or the one string instead of it.
    pub(super) fn strings(&mut self, table: &Table, key: &str) -> Vec<String> {
        if let Some(Value::String(one)) = table.get(key) {
            return vec![one.clone()];
        }
        let must = format!("must be a list of strings: {key} = [\"...\"]");
        let values = self.list(table, key, &must).iter();
        values.filter_map(|value| self.string(key, value)).collect()
    }

    pub(super) fn grants(&mut self, table: &Table, key: &str) -> Grants {
        let mut grants = Grants::default();
        let (list, file) = (Arc::from(key), Arc::from(self.file));
        for (at, text) in self.strings(table, key).into_iter().enumerate() {
            let line = self.lines.line(key, at).or_else(|| self.lines.around(key));
            let place = Place::List {
                key: Arc::clone(&list),
                file: Arc::clone(&file),
                line,
            };
            match Entry::parse(&text) {
                Ok(entry) => grants.insert_written(Written::new(entry, text, place)),
                Err(error) => {
                    let problem = Problem::of_key(self.file, key, format!("\"{text}\": {error}"));
                    self.problems.push(problem.on_line(line));
                }
            }
        }
        grants
    }
}
