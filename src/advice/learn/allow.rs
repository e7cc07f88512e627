//! The list `allow` of a learned policy.

use std::fmt::Write;

use super::proposal::{Proposal, write_list};
use super::seen::{Frequency, Seen};
use crate::docker::Block;
use crate::docker::json::quoted;
use crate::docker::{Effect, Operation};

/// The operations and paths, one a line. Those that can be root on the host stand there as comments, and so does
/// what was refused but for what only reads.
#[derive(Default)]
pub(super) struct Allow {
    plain: Vec<Proposal>,
    refused: Vec<Proposal>,
    control: Vec<Proposal>,
}

impl Allow {
    /// All that was seen.
    pub(super) fn of(seen: &Seen, is_narrowed: impl Fn(Block) -> bool) -> Self {
        let mut allow = Self::default();
        for operation in Operation::ALL.iter().copied() {
            if let Some(count) = seen.operations.get(&operation) {
                allow.add(operation, of_operation(operation, count, &is_narrowed));
            }
        }
        let paths = seen.paths.iter();
        allow
            .control
            .extend(paths.map(|(path, count)| of_path(path, count)));
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

    pub(super) fn add_path(&mut self, path: &str, count: &Frequency) {
        self.control.push(of_path(path, count));
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
                _ = writeln!(
                    text,
                    "    # {head} Take the `# ` away from what is to be granted."
                );
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
    let effect = operation.spec().effect;
    let block = operation
        .spec()
        .judged
        .block
        .filter(|block| is_narrowed(*block));
    let comment = match block {
        _ if effect == Effect::Read => count.describe(),
        Some(block) => format!("{}; within [{}] below", count.describe(), block.name()),
        None => format!("{}; {}", count.describe(), operation.spec().risk),
    };
    Proposal {
        toml: quoted(operation.spec().name),
        comment,
        is_held_back: effect == Effect::Control || (effect != Effect::Read && count.is_refused()),
    }
}

/// A path as an entry of `allow`. What stands outside of the table has the effect control too.
fn of_path(path: &str, count: &Frequency) -> Proposal {
    let told = count.describe();
    Proposal {
        toml: quoted(path),
        comment: format!("{told}; a path outside of the table, whose bodies nobody judges"),
        is_held_back: true,
    }
}
