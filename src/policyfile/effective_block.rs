//! Which policy's block is used if several extend each other, and where its keys are.

use std::fmt;

use super::file::Policy;
use crate::docker::Block;

/// The key of a block that decides about a requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyLocation<'a> {
    /// The policy whose block is used: the one that was asked, or one that it extends.
    pub(crate) policy: &'a str,
    /// The line of the key, or of the block if it does not have the key; `None` without the block.
    pub(crate) line: Option<usize>,
    /// Whether the key is written there.
    pub(crate) is_written: bool,
    block: Block,
    key: &'static str,
}

impl fmt::Display for KeyLocation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (block, key, policy) = (self.block.name(), self.key, self.policy);
        match self.line {
            Some(line) if self.is_written => write!(f, "{block}.{key}, line {line} of {policy}"),
            Some(line) => {
                write!(f, "[{block}], line {line} of {policy}, which has no {key}")
            }
            None => write!(f, "the default, because {policy} has no [{block}]"),
        }
    }
}

impl Policy {
    /// The place of a key in the block that is used.
    pub(crate) fn keyed(&self, block: Block, key: &'static str) -> KeyLocation<'_> {
        let holder = self.holder(block);
        let lines = holder.map(|holder| &holder.lines);
        // For `env.allow`, the line of `env`.
        let first = key.split('.').next().unwrap_or_default();
        let line = |name: &str| lines.and_then(|lines| lines.line(name, 0));
        let written = line(&format!("{}.{first}", block.name()));
        KeyLocation {
            policy: &holder.unwrap_or(self).name,
            line: written.or_else(|| line(block.name())),
            is_written: written.is_some(),
            block,
            key,
        }
    }

    /// The policy whose block is used: this one, or the first that it extends and that has one.
    pub(crate) fn holder(&self, block: Block) -> Option<&Self> {
        if self.lines.line(block.name(), 0).is_some() {
            return Some(self);
        }
        self.parents.iter().find_map(|parent| parent.holder(block))
    }

    /// The warnings about blocks of extended policies that are replaced by a block without some of their keys.
    pub(crate) fn displaced(&self) -> Vec<String> {
        let mut displaced = Vec::new();
        for block in Block::ALL {
            let (name, Some(holder)) = (block.name(), self.holder(*block)) else {
                continue;
            };
            let held: Vec<_> = holder.lines.keys(name).collect();
            let others = self.parents.iter().filter_map(|it| it.holder(*block));
            for other in others.filter(|other| other.name != holder.name) {
                let keys = other.lines.keys(name);
                let mut keys: Vec<_> = keys.filter(|key| !held.contains(key)).collect();
                keys.sort_unstable();
                if !keys.is_empty() {
                    displaced.push(format!(
                        "[{name}] of {} replaces [{name}] of {} and drops its keys {}: copy those that you want to \
                         keep",
                        holder.name,
                        other.name,
                        keys.join(", ")
                    ));
                }
            }
        }
        displaced
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policyfile::file::tests::shelf;

    #[test]
    fn the_key_that_decides_is_cited_wherever_its_block_stands() {
        let shelf = shelf(&[
            (
                "base",
                "allow = []\n[create]\nimages = ['a']\nenv = { allow = ['A'] }\n[exec]\nusers = ['@non-root']",
            ),
            ("mid", "extends = ['base']\n[exec]\nprivileged = false"),
            ("top", "extends = ['mid']\n\nimages.import = true"),
        ]);
        let policy = Policy::load("top", &shelf).unwrap();
        for (block, key, want) in [
            (Block::Create, "images", "create.images, line 3 of base"),
            (
                Block::Create,
                "env.allow",
                "create.env.allow, line 4 of base",
            ),
            (
                Block::Create,
                "binds",
                "[create], line 2 of base, which has no binds",
            ),
            (Block::Exec, "privileged", "exec.privileged, line 3 of mid"),
            (
                Block::Exec,
                "users",
                "[exec], line 2 of mid, which has no users",
            ),
            (Block::Images, "import", "images.import, line 3 of top"),
            (
                Block::Images,
                "pull",
                "[images], line 3 of top, which has no pull",
            ),
            (
                Block::Archive,
                "into",
                "the default, because top has no [archive]",
            ),
        ] {
            assert_eq!(policy.keyed(block, key).to_string(), want);
        }
    }

    #[test]
    fn what_another_block_leaves_out_is_told() {
        let shelf = shelf(&[
            (
                "a",
                "allow = []\n[create]\nimages = ['a']\nusers = []\n[exec]\nusers = []",
            ),
            ("b", "allow = []\n[exec]\nusers = []\nprivileged = false"),
            ("same", "extends = ['a']\n[create]\nimages = []\nusers = []"),
            ("less", "extends = ['same']\n[create]\nbinds = []"),
            ("both", "extends = ['a', 'b']"),
        ]);
        let told = |name| {
            let policy = Policy::load(name, &shelf).unwrap();
            policy.displaced()
        };
        assert_eq!(told("a"), [""; 0]);
        assert_eq!(told("same"), [""; 0]);
        assert_eq!(
            told("less"),
            [
                "[create] of less replaces [create] of same and drops its keys images, users: copy those that you \
                 want to keep"
            ]
        );
        assert_eq!(
            told("both"),
            [
                "[exec] of a replaces [exec] of b and drops its keys privileged: copy those that you want to keep"
            ]
        );
    }
}
