//! Reads the `[scope]` of a policy, and refuses what no scope can hold.

use toml::{Table, Value};

use super::file::Policy;
use super::reader::Reader;
use crate::docker::Operation;
use crate::policy::keys::setting::Setting;
use crate::policy::scope::{Images, Scope, Seen, operation_is_beyond};

/// Whether a policy says that it has no scope, although it extends one that has.
pub(super) fn lifts_scope(table: &Table) -> bool {
    table.get("scope") == Some(&Value::Boolean(false))
}

impl Reader<'_> {
    /// The scope of a policy, if it has one.
    pub(super) fn scope(&mut self, table: &Table) -> Option<Scope> {
        if lifts_scope(table) {
            return None;
        }
        let Value::Table(table) = table.get("scope")? else {
            let message =
                "must be a table, [scope], or false: the policy has no scope, whatever it extends";
            self.wrong("scope", message);
            return None;
        };
        let known = Scope::schema().map(|(key, ..)| key);
        self.known_keys(table, &known, "scope.");
        let scope = Scope {
            objects: self.scope_key(table, "objects").unwrap_or_default(),
            see: self.scope_key(table, "see").unwrap_or_default(),
            names: self.scope_key(table, "names"),
            images: self.scope_images(table),
        };
        if !table.contains_key("objects") {
            let message =
                "is missing: write objects = [\"@own\"], and the client sees only what it created";
            self.wrong("scope.objects", message);
        }
        let mut see = scope.see.as_slice().iter();
        if scope.images != Images::Scoped && see.any(Seen::is_of_images) {
            let message = "has an image, but the client sees all images: add images = \"scoped\", or remove it";
            self.wrong("scope.see", message);
        }
        Some(scope)
    }

    fn scope_images(&mut self, table: &Table) -> Images {
        let Some(written) = table.get("images") else {
            return Images::default();
        };
        let read = written.as_str().and_then(Images::parse);
        if read.is_none() {
            let message = format!("must be \"shared\", \"scoped\" or \"any\", but is {written}");
            self.wrong("scope.images", message);
        }
        read.unwrap_or_default()
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
        let Some(scope) = &policy.scope else {
            return;
        };
        if policy.has_raw_paths() {
            let message = "cannot limit raw paths, which the policy allows: remove them from allow, or remove [scope]";
            self.wrong("scope", message);
        }
        let all = Operation::ALL.iter().copied();
        let is_beyond = |it: Operation| operation_is_beyond(it) || scope.images.are_beyond(it);
        let beyond = all.filter(|it| policy.has(*it) && is_beyond(*it));
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
