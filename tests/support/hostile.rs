//! The hostile bodies, as every suite reads them.

/// A request that leads beyond what an ordinary policy allows, or asks for one thing that a policy must check.
pub(crate) struct Hostile {
    /// The ids of attacks.
    pub(crate) ids: &'static str,
    /// The code of the reason, under a policy with defaults.
    pub(crate) verdict: &'static str,
    pub(crate) method: &'static str,
    pub(crate) target: &'static str,
    /// What the body asks for, if it is one thing: the name of a `FieldMeaning`, or `Refused`.
    pub(crate) meaning: Option<&'static str>,
    pub(crate) body: &'static str,
}

/// Marks rows that are a matter of taste, or depend on what the daemon has, and are harmless on
/// their own.
const OF_TASTE: char = '~';

impl Hostile {
    pub(crate) fn is_of_taste(&self) -> bool {
        self.meaning
            .is_some_and(|meaning| meaning.ends_with(OF_TASTE))
    }
}

/// All rows of `tests/data/hostile.txt`, which describes its columns.
pub(crate) fn hostile() -> impl Iterator<Item = Hostile> {
    let rows = include_str!("../data/hostile.txt").lines();
    rows.filter(|row| !row.is_empty() && !row.starts_with('#'))
        .map(|row| {
            let mut columns = row.splitn(6, ' ');
            let mut next = || columns.next().unwrap_or_default();
            Hostile {
                ids: next(),
                verdict: next(),
                method: next(),
                target: next(),
                meaning: Some(next()).filter(|meaning| *meaning != "-"),
                body: next(),
            }
        })
}

/// The rows whose body asks for one thing.
pub(crate) fn asking() -> impl Iterator<Item = (&'static str, Hostile)> {
    hostile().filter_map(|row| Some((row.meaning?.trim_end_matches(OF_TASTE), row)))
}
