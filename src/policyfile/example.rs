//! The tests in a policy file.

use toml::{Table, Value};

use super::reader::Reader;

/// The assumed answer to a lookup: the target of its request, and what in the reply is not ordinary.
pub type Given = (String, serde_json::Value);

/// A test in a policy file.
#[derive(Clone, Debug)]
pub struct Example {
    /// The method.
    pub method: String,
    /// The target.
    pub target: String,
    /// The body, as JSON; empty if the request has no body.
    pub body: String,
    /// What to assume about the objects that the request names.
    pub given: Vec<Given>,
    /// Whether the policy must allow it.
    pub allow: bool,
}

/// The keys of `[[example]]`.
pub(crate) const EXAMPLE_KEYS: &[&str] = &["body", "given", "request", "verdict"];

const GIVEN: &str =
    "must be a table of inspections, as JSON: given = { \"/containers/web/json\" = '{...}' }";

impl Reader<'_> {
    pub(crate) fn examples(&mut self, table: &Table) -> Vec<Example> {
        let entries = self.list(table, "example", "must be a list of tables: [[example]]");
        let entries = entries.iter().enumerate();
        let examples = entries.filter_map(|(at, entry)| {
            self.example = at;
            self.example(entry)
        });
        examples.collect()
    }

    /// The answers that an example assumes, as JSON by the path of the inspection.
    fn given(&mut self, table: &Table) -> Vec<Given> {
        let members = match table.get("given") {
            None => return Vec::new(),
            Some(Value::Table(members)) => members,
            Some(_) => {
                self.wrong("example.given", GIVEN);
                return Vec::new();
            }
        };
        let mut given = Vec::new();
        for (path, value) in members {
            match value.as_str().map(serde_json::from_str) {
                Some(Ok(value)) => given.push((path.clone(), value)),
                Some(Err(_)) | None => self.wrong(format!("example.given.{path}"), GIVEN),
            }
        }
        given
    }

    fn example(&mut self, entry: &Value) -> Option<Example> {
        let Some(table) = entry.as_table() else {
            self.wrong("example", "must be a table: [[example]]");
            return None;
        };
        self.known_keys(table, EXAMPLE_KEYS, "example.");
        let request = table.get("request").and_then(Value::as_str);
        let Some((method, target)) = request.and_then(|request| request.split_once(' ')) else {
            let must = "must be a method and a target: \"GET /v1.45/containers/json\"";
            self.wrong("example.request", must);
            return None;
        };
        let allow = match table.get("verdict").and_then(Value::as_str) {
            Some("allow") => true,
            Some("deny") => false,
            Some(_) | None => {
                self.wrong("example.verdict", "must be \"allow\" or \"deny\"");
                return None;
            }
        };
        let body = table.get("body");
        let body = body.and_then(|body| self.string("example.body", body));
        Some(Example {
            method: method.to_owned(),
            target: target.to_owned(),
            body: body.unwrap_or_default(),
            given: self.given(table),
            allow,
        })
    }
}
