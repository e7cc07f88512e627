//! Finds names that change with each run, and writes what they have in common as a pattern.

use super::proposal::{Proposal, entry};
use super::seen::{Frequency, times};
use crate::docker::json::quoted;
use crate::policy::keys::Key;
use crate::policy::names::{varies, varies_in};

/// The keys whose entries are patterns of names that clients choose.
const NAMES: &[&str] = &[
    "archive.into",
    "create.join",
    "create.networks",
    "create.projects",
    "create.volumes",
    "exec.into",
    "networks.containers",
];

/// Names that become one entry.
struct Group<'a> {
    pattern: Option<String>,
    names: Vec<(&'a str, &'a Frequency)>,
}

/// The entries of a key for the recorded values. Values that differ in only one part become a pattern.
pub(super) fn entries(key: Key, found: &[(&str, &Frequency)]) -> Vec<Proposal> {
    let found = found.iter().copied();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (name, count) in found.filter(|(name, _)| entry(key, name).is_some()) {
        let joined = groups.iter_mut().find_map(|group| {
            let (first, of) = group.names.first()?;
            let pattern = common(key, first, name)?;
            // A denied name can belong to another client.
            let is_alike = of.is_refused() == count.is_refused();
            let is_same = group.pattern.as_ref().is_none_or(|known| *known == pattern);
            (is_alike && is_same).then_some((group, pattern))
        });
        match joined {
            Some((group, pattern)) => {
                group.pattern = Some(pattern);
                group.names.push((name, count));
            }
            None => groups.push(Group {
                pattern: None,
                names: vec![(name, count)],
            }),
        }
    }
    let written = groups.iter().filter_map(|group| group.entry(key));
    written.collect()
}

impl Group<'_> {
    fn entry(&self, key: Key) -> Option<Proposal> {
        let (name, count) = self.names.first()?;
        let Some(pattern) = &self.pattern else {
            let mut entry = Proposal::of_key(key, entry(key, name)?, count);
            if NAMES.contains(&key.name()) && varies(name) {
                entry.comment.push_str(ONE);
            }
            return Some(entry);
        };
        let mut all = Frequency::default();
        for (_, count) in &self.names {
            all.join(count);
        }
        let mut entry = Proposal::of(quoted(pattern), &all);
        let count = times(u64::try_from(self.names.len()).unwrap_or(u64::MAX));
        entry.comment = format!(
            "{}; {count} with another name, such as {name}",
            entry.comment
        );
        Some(entry)
    }
}

const ONE: &str =
    "; this name probably changes with each run: learn from the audit logs of two runs together";

/// The pattern that two names have in common, if they differ in only one part and that part is not a word.
pub(super) fn common(key: Key, one: &str, other: &str) -> Option<String> {
    let is_end = |byte: &u8| matches!(byte, b'-' | b'_' | b'.');
    if !NAMES.contains(&key.name())
        || one == other
        || [one, other].iter().any(|it| it.starts_with('@'))
    {
        return None;
    }
    let same = |pairs: &mut dyn Iterator<Item = (u8, u8)>| {
        let pairs = pairs.take_while(|(one, other)| one == other);
        pairs.map(|(byte, _)| byte).collect::<Vec<_>>()
    };
    // The part lies between hyphens, underscores or dots.
    let before = same(&mut one.bytes().zip(other.bytes()));
    let before = before.iter().rposition(is_end).map_or(0, |at| at + 1);
    let behind = same(&mut one.bytes().rev().zip(other.bytes().rev()));
    let behind = behind.iter().rposition(is_end).map_or(0, |at| at + 1);
    let part = |name: &str| {
        let end = name.len().checked_sub(behind)?;
        name.get(before..end).map(str::to_owned)
    };
    let (first, second) = (part(one)?, part(other)?);
    let is_random = |part: &str| varies_in(part) || is_long(part);
    let is_alike = first.len() == second.len() && is_random(&first) && is_random(&second);
    let (head, tail) = (one.get(..before)?, one.get(one.len() - behind..)?);
    // A pattern without a beginning and an end would match every name.
    (is_alike && !(head.is_empty() && tail.is_empty())).then(|| [head, "*", tail].concat())
}

/// Whether a part has only letters and digits, and is longer than any word in a name.
fn is_long(part: &str) -> bool {
    const LONG: usize = 16;
    part.len() >= LONG && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g17_names_that_differ_in_a_part_that_is_no_word_become_a_pattern() {
        for (one, other, want) in [
            (
                "drone-9gVn2pXKmxDzxTzTmDMe",
                "drone-Ab3dE5fGh1jKlMn0pQrS",
                Some("drone-*"),
            ),
            (
                "drone-abcdefghijklmnopqrst",
                "drone-tsrqponmlkjihgfedcba",
                Some("drone-*"),
            ),
            (
                "job-4bcff63911fc-cache",
                "job-0a1b2c3d4e5f-cache",
                Some("job-*-cache"),
            ),
            (
                "4bcff63911fc_default",
                "0a1b2c3d4e5f_default",
                Some("*_default"),
            ),
            // Words, numbers and names that differ in more than one part are names.
            ("shop-web", "shop-worker", None),
            ("shop-web-1", "shop-web-2", None),
            ("postgres15", "postgres16", None),
            ("a-4bcff63911fc-b", "c-0a1b2c3d4e5f-d", None),
            ("4bcff63911fc", "0a1b2c3d4e5f", None),
            ("drone-4bcff63911fc", "drone-cache", None),
            ("@own", "@new", None),
        ] {
            for (one, other) in [(one, other), (other, one)] {
                let pattern = common(Key::Volume, one, other);
                assert_eq!(pattern.as_deref(), want, "G17: {one} {other}");
            }
        }
        assert_eq!(
            common(Key::Image, "job-4bcff63911fc", "job-0a1b2c3d4e5f"),
            None
        );
    }
}
