//! The list `allow` of a learned policy.

use std::fmt::Write;

use super::proposal::{Proposal, write_list};
use super::seen::{Frequency, Seen};
use crate::docker::json::quoted;
use crate::docker::{Block, Effect, Method, Operation};
use crate::policy::refusal::instead;

/// The operations and paths, one on each line. Those that can lead to root on the host are comments, and so are denied
/// ones that do more than read.
#[derive(Default)]
pub(super) struct Allow {
    plain: Vec<Proposal>,
    refused: Vec<Proposal>,
    control: Vec<Proposal>,
}

impl Allow {
    pub(super) fn of(seen: &Seen, is_narrowed: impl Fn(Block) -> bool) -> Self {
        let mut allow = Self::default();
        for operation in Operation::ALL.iter().copied() {
            if let Some(count) = seen.operations.get(&operation) {
                allow.add(operation, of_operation(operation, count, &is_narrowed));
            }
        }
        for (path, count) in &seen.paths {
            allow.add_path(path, count);
        }
        allow
    }

    pub(super) fn add(&mut self, operation: Operation, entry: Proposal) {
        let group = match (operation.spec().effect, entry.is_held_back) {
            (Effect::Control, _) => &mut self.control,
            (_, true) => &mut self.refused,
            (_, false) => &mut self.plain,
        };
        group.push(entry);
    }

    /// Adds a path. A path outside the table also counts as control.
    pub(super) fn add_path(&mut self, path: &str, count: &Frequency) {
        let (method, target) = path.split_once(' ').unwrap_or_default();
        // No daemon has these, and other programs than the client ask for them.
        if instead(target).is_some() {
            return;
        }
        let is_safe = Method::named(method).is_some_and(Method::is_safe);
        let unchecked = if is_safe {
            ""
        } else {
            ", and its body is not checked"
        };
        let told = count.describe();
        self.control.push(Proposal {
            toml: quoted(path),
            comment: format!("{told}; a raw path: Dockgate does not know what it does{unchecked}"),
            is_held_back: true,
        });
    }

    /// All entries, including those that are comments.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Proposal> {
        let groups = [&self.plain, &self.refused, &self.control];
        groups.into_iter().flatten()
    }

    pub(super) fn write(&self, text: &mut String) {
        text.push_str("allow = [\n");
        for (head, group) in [
            ("", &self.plain),
            (REFUSED, &self.refused),
            (CONTROL, &self.control),
        ] {
            if !head.is_empty() && !group.is_empty() {
                let how = "Delete the `# ` before what you want to allow.";
                _ = writeln!(text, "    # {head} {how}");
            }
            write_list(group, text);
        }
        text.push_str("]\n");
    }
}

const CONTROL: &str = "Effect control: these can run code or make the client root on the host.";
const REFUSED: &str = "Always denied so far.";

/// An operation as an entry of `allow`, with its risk.
pub(super) fn of_operation(
    operation: Operation,
    count: &Frequency,
    is_narrowed: impl Fn(Block) -> bool,
) -> Proposal {
    let (spec, told) = (operation.spec(), count.describe());
    let effect = spec.effect;
    let comment = match spec.judged.block.filter(|block| is_narrowed(*block)) {
        _ if effect == Effect::Read => told,
        Some(block) => format!("{told}; limited by [{}] below", block.name()),
        None => format!("{told}; {}", spec.risk),
    };
    Proposal {
        toml: quoted(spec.name),
        comment,
        is_held_back: effect == Effect::Control || (effect != Effect::Read && count.is_refused()),
    }
}
