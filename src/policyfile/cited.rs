//! Which entry of a policy decides about a call.

use std::fmt;

use super::file::Policy;
use super::provenance::Written;
use crate::docker::Call;

/// The entry of a policy that decides about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cited<'a> {
    pub(crate) written: &'a Written,
    /// The policies that lead to it, each extending the next: from the one that was asked to the one that has the
    /// entry.
    pub(crate) way: Vec<&'a str>,
}

impl fmt::Display for Cited<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.fmt(f)?;
        let mut children = self.way.iter().rev().skip(1);
        children.try_for_each(|child| write!(f, ", which {child} extends"))
    }
}

impl Policy {
    /// The entry that allows a call, if one does.
    pub(crate) fn granted_by(&self, call: &Call) -> Option<Cited<'_>> {
        if self.deny.covers(call) {
            return None;
        }
        let mut written = self.allow.written(call);
        let own = written.next().map(|written| self.cited(written));
        own.or_else(|| self.of_parents(|parent| parent.granted_by(call)))
    }

    /// The entry of `deny`, its own or a parent's, that denies a call.
    pub(crate) fn denied_by(&self, call: &Call) -> Option<Cited<'_>> {
        let mut written = self.deny.written(call);
        let own = written.next().map(|written| self.cited(written));
        own.or_else(|| self.of_parents(|parent| parent.denied_by(call)))
    }

    fn cited<'a>(&'a self, written: &'a Written) -> Cited<'a> {
        Cited {
            written,
            way: vec![&*self.name],
        }
    }

    fn of_parents<'a>(
        &'a self,
        cite: impl Fn(&'a Policy) -> Option<Cited<'a>>,
    ) -> Option<Cited<'a>> {
        let mut cited = self.parents.iter().find_map(cite)?;
        cited.way.insert(0, &self.name);
        Some(cited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::{Target, classify};
    use crate::policyfile::file::tests::shelf;

    /// Each request, what allows it, and what denies it.
    const CITED: &[(&str, &str, &str)] = &[
        (
            "GET /containers/json",
            "\"containers:read\" in allow, line 3 of base, which mid extends, which top extends",
            "",
        ),
        (
            "POST /containers/web/kill",
            "\"ContainerKill\" in allow, line 2 of mid, which top extends",
            "",
        ),
        (
            "GET /libpod/info",
            "\"GET /libpod/info\" in allow, line 2 of mid, which top extends",
            "",
        ),
        ("GET /libpod/version", "", ""),
        (
            "GET /containers/web/stats",
            "",
            "\"ContainerStats\" in deny, line 3 of top",
        ),
        (
            "POST /containers/web/pause",
            "",
            "\"ContainerPause\" in deny, line 3 of top",
        ),
        (
            "GET /containers/web/top",
            "",
            "\"ContainerTop\" in deny, line 1 of base, which mid extends, which top extends",
        ),
        (
            "POST /containers/web/wait",
            "\"ContainerWait\" in allow, line 2 of top",
            "\"ContainerWait\" in deny, line 1 of base, which mid extends, which top extends",
        ),
    ];

    #[test]
    fn what_decides_is_cited_with_the_way_to_it() {
        let shelf = shelf(&[
            (
                "base",
                "deny = ['ContainerTop', 'ContainerWait']\nallow = [\n  'containers:read', 'ContainerTop']",
            ),
            (
                "mid",
                "extends = ['base']\nallow = ['ContainerKill', 'GET /libpod/info']",
            ),
            (
                "top",
                "extends = ['mid']\nallow = ['ContainerWait', 'ContainerPause']\ndeny = ['ContainerStats', 'ContainerPause']",
            ),
        ]);
        let policy = Policy::load("top", &shelf).unwrap();
        for (request, granted, denied) in CITED {
            let (method, target) = request.split_once(' ').unwrap();
            let call = classify(method, Target::parse(target).unwrap()).unwrap();
            let said = |cited: Option<Cited<'_>>| {
                cited.map_or_else(String::new, |cited| cited.to_string())
            };
            assert_eq!(said(policy.granted_by(&call)), *granted, "{request}");
            assert_eq!(said(policy.denied_by(&call)), *denied, "{request}");
            assert_eq!(policy.grants(&call), !granted.is_empty(), "{request}");
        }
    }
}
