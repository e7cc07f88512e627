//! Reads `redact` of a policy, and refuses what cannot go with it.

use toml::Table;

use super::file::Policy;
use super::problem::Problem;
use super::reader::Reader;
use crate::policy::redact::{Hidden, Redaction};

impl Reader<'_> {
    /// What the policy's own `redact` hides.
    pub(super) fn redaction(&mut self, table: &Table) -> Redaction {
        let mut list = Vec::new();
        for (at, text) in self.strings(table, "redact").into_iter().enumerate() {
            match Hidden::parse(&text) {
                Ok(hidden) => list.push(hidden),
                Err(bad) => {
                    let line = self.lines.line("redact", at);
                    let problem =
                        Problem::of_key(self.file, "redact", format!("\"{text}\": {bad}"));
                    self.problems.push(problem.on_line(line));
                }
            }
        }
        Redaction::of(&list)
    }

    /// Reports what the policy allows although its `redact` cannot go with it.
    pub(super) fn beyond_redaction(&mut self, policy: &Policy) {
        let redaction = policy.redact.as_deref();
        let conflicts = redaction.map(|redaction| redaction.conflicts(policy));
        for conflict in conflicts.into_iter().flatten() {
            self.wrong("redact", conflict);
        }
    }
}
