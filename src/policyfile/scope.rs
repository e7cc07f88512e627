//! Reads the `[scope]` of a policy, and refuses what no scope can hold.

use toml::{Table, Value};

use super::file::Policy;
use super::reader::Reader;
use crate::docker::Operation;
use crate::policy::keys::setting::Setting;
use crate::policy::scope::{Scope, operation_is_beyond};

impl Reader<'_> {
    /// The scope of a policy, if it has one.
    pub(super) fn scope(&mut self, table: &Table) -> Option<Scope> {
        let Value::Table(table) = table.get("scope")? else {
            self.wrong("scope", "must be a table: [scope]");
            return None;
        };
        let known = Scope::schema().map(|(key, ..)| key);
        self.known_keys(table, &known, "scope.");
        let scope = Scope {
            objects: self.scope_key(table, "objects").unwrap_or_default(),
            see: self.scope_key(table, "see").unwrap_or_default(),
            names: self.scope_key(table, "names"),
        };
        if !table.contains_key("objects") {
            let message =
                "is missing: write objects = [\"@own\"], and the client sees only what it created";
            self.wrong("scope.objects", message);
        }
        Some(scope)
    }

    fn scope_key<T: Setting>(&mut self, table: &Table, key: &str) -> Option<T> {
        match T::read(table.get(key)?) {
            Ok(read) => Some(read),
            Err(problem) => {
                self.wrong(format!("scope.{key}"), problem);
                None
            }
        }
    }

    /// Reports what the policy allows although its scope cannot limit it.
    pub(super) fn beyond_scope(&mut self, policy: &Policy) {
        if policy.scope.is_none() {
            return;
        }
        if policy.has_raw_paths() {
            let message = "cannot limit raw paths, which the policy allows: remove them from allow, or remove [scope]";
            self.wrong("scope", message);
        }
        let all = Operation::ALL.iter().copied();
        let beyond = all.filter(|it| policy.has(*it) && operation_is_beyond(*it));
        let beyond: Vec<_> = beyond.map(|it| format!("\"{it}\"")).collect();
        if !beyond.is_empty() {
            let message = format!(
                "cannot limit operations that the policy allows: add {} to deny",
                beyond.join(", ")
            );
            self.wrong("scope", message);
        }
    }
}
