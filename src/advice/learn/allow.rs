//! The list `allow` of a learned policy.

use std::fmt::Write;

use super::proposal::{Proposal, write_list};
use super::seen::{Frequency, Seen};
use crate::docker::json::quoted;
use crate::docker::{Block, Effect, Operation};

/// The operations and paths, one a line. Those that can be root on the host stand there as comments, and so does
/// what was refused but for what only reads.
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

    /// A path as an entry of `allow`. What stands outside of the table has the effect control too.
    pub(super) fn add_path(&mut self, path: &str, count: &Frequency) {
        let told = count.describe();
        self.control.push(Proposal {
            toml: quoted(path),
            comment: format!("{told}; a path outside of the table, whose bodies nobody judges"),
            is_held_back: true,
        });
    }

    /// What is granted, and what waits to be read.
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
                let how = "Take the `# ` away from what is to be granted.";
                _ = writeln!(text, "    # {head} {how}");
            }
            write_list(group, text);
        }
        text.push_str("]\n");
    }
}

const CONTROL: &str = "Effect control: can run code, or be root on the host.";
const REFUSED: &str = "Refused whenever it was asked for.";

/// An operation as an entry of `allow`, with what it gives away.
pub(super) fn of_operation(
    operation: Operation,
    count: &Frequency,
    is_narrowed: impl Fn(Block) -> bool,
) -> Proposal {
    let (spec, told) = (operation.spec(), count.describe());
    let effect = spec.effect;
    let comment = match spec.judged.block.filter(|block| is_narrowed(*block)) {
        _ if effect == Effect::Read => told,
        Some(block) => format!("{told}; within [{}] below", block.name()),
        None => format!("{told}; {}", spec.risk),
    };
    Proposal {
        toml: quoted(spec.name),
        comment,
        is_held_back: effect == Effect::Control || (effect != Effect::Read && count.is_refused()),
    }
}
