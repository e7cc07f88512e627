//! Which variables open each thing: its ways, each a set of variables that must all be on.
//!
//! What is open, what is missing, and what opened something are three readings of the same ways.

use super::tables::{DialectTable, PODMAN_OBJECTS, PODMAN_SECTIONS, Switch, section_of};
use crate::config::Dialect;
use crate::docker::Operation;
use crate::policyfile::Entry;

/// Whether a variable is on.
pub(super) type On<'a> = &'a dyn Fn(&str) -> bool;

/// One thing that variables allow or keep blocked.
pub(super) struct Ways {
    /// The entry of a policy for it.
    pub(super) entry: Entry,
    /// The entry in words, with `/...` after a path if everything below it counts too.
    pub(super) text: String,
    /// The sets of variables of which each opens it, the most special first.
    sets: Vec<Vec<String>>,
}
pub(super) struct Formula {
    pub(super) open: Vec<Ways>,
    /// What stays blocked below that, and the ways to allow it.
    pub(super) shut: Vec<Ways>,
}

/// The methods that `POST` opens besides GET and HEAD.
const METHODS: &[(&str, bool)] = &[
    ("GET", false),
    ("HEAD", false),
    ("DELETE", true),
    ("POST", true),
    ("PUT", true),
];

impl Ways {
    /// The ways to a path of Podman's, or to one and all below it. A test reads every path that there is.
    fn podman(path: &str, is_below: bool, sets: Vec<Vec<String>>) -> Option<Self> {
        let Ok(Entry::Raw(raw)) = Entry::parse(path) else {
            return None;
        };
        let (raw, rest) = if is_below {
            (raw.with_below(), "/...")
        } else {
            (raw, "")
        };
        Some(Self {
            entry: Entry::Raw(raw),
            text: format!("{path}{rest}"),
            sets,
        })
    }

    pub(super) fn is_open(&self, on: On<'_>) -> bool {
        self.opened_by(on).is_some()
    }

    /// The variables that are on and together open it, if it is open.
    pub(super) fn opened_by(&self, on: On<'_>) -> Option<&[String]> {
        let way = self.sets.iter().find(|way| way.iter().all(|one| on(one)));
        way.map(Vec::as_slice)
    }

    /// The fewest variables that are off and would together open it.
    pub(super) fn missing(&self, on: On<'_>) -> Vec<&str> {
        let off = self.sets.iter().map(|way| {
            let off = way.iter().filter(|one| !on(one));
            off.map(String::as_str).collect::<Vec<_>>()
        });
        let mut missing = off.min_by_key(Vec::len).unwrap_or_default();
        // Variables that allow nothing by themselves come first.
        missing.sort_by_key(|one| !one.starts_with("ALLOW_"));
        missing
    }
}

impl Formula {
    pub(super) fn of(dialect: Dialect) -> Self {
        let table = dialect.table();
        let open = Operation::ALL.iter().map(|operation| Ways {
            entry: Entry::Operation(*operation),
            text: operation.to_string(),
            sets: ways(table, *operation),
        });
        let mut formula = Self {
            open: open.collect(),
            shut: Vec::new(),
        };
        if table.has_podman {
            formula.open.extend(podman_actions(table));
            formula.open.extend(podman_sections());
            formula.shut.extend(podman_gates(table));
        }
        formula
    }
    pub(super) fn opened(&self, on: On<'_>) -> Vec<&Ways> {
        self.open.iter().filter(|ways| ways.is_open(on)).collect()
    }

    /// Whether a variable is in any of the ways.
    pub(super) fn has(&self, variable: &str) -> bool {
        self.variables().any(|one| one == variable)
    }

    /// The variables in all the ways, some of them several times.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        let all = self.open.iter().chain(&self.shut);
        all.flat_map(|ways| ways.sets.iter().flatten().map(String::as_str))
    }
}

/// The ways to an operation: an action's variable, or its section's; with its gate's, if it has one, and with
/// `POST`, if it is asked for by other methods than GET and HEAD. No operation has routes of both kinds.
fn ways(table: &DialectTable, operation: Operation) -> Vec<Vec<String>> {
    let is_about = |switch: &&Switch| switch.operations.contains(&operation);
    let gate = table.gates.iter().find(is_about);
    let gate = gate.map(|gate| gate.variable);
    let mut routes = operation.spec().routes.iter();
    let is_safe = routes.all(|route| route.method.is_safe());
    let actions = table.actions.iter().rev().filter(is_about);
    let actions = actions.map(|action| (action.variable, table.actions_need_post));
    let section = section_of(operation).map(|section| (section.variable, true));
    let openers = actions.chain(section);
    let ways = openers.map(|(opener, needs_post)| {
        let post = (needs_post && !is_safe).then_some("POST");
        let way = [opener].into_iter().chain(gate).chain(post);
        way.map(str::to_owned).collect()
    });
    ways.collect()
}

/// The actions on a container or a pod, each by the action's variable or by one of its own.
fn podman_actions(table: &DialectTable) -> impl Iterator<Item = Ways> {
    PODMAN_OBJECTS.iter().flat_map(|(object, prefix)| {
        table.actions.iter().flat_map(move |action| {
            let ways = vec![
                vec![action.variable.to_owned()],
                vec![action.of_podman(prefix)],
            ];
            action.podman.iter().filter_map(move |last| {
                let path = format!("POST /libpod/{object}/{{}}/{last}");
                Ways::podman(&path, false, ways.clone())
            })
        })
    })
}

/// What is below a first segment, by the segment's variable.
fn podman_sections() -> impl Iterator<Item = Ways> {
    PODMAN_SECTIONS.iter().flat_map(|section| {
        METHODS.iter().filter_map(|(method, needs_post)| {
            let post = needs_post.then(|| "POST".to_owned());
            let way = [section.variable.to_owned()].into_iter().chain(post);
            let path = format!("{method} /libpod/{}", section.segment);
            Ways::podman(&path, true, vec![way.collect()])
        })
    })
}

/// What stays blocked on a container or a pod until a gate's variable is on.
fn podman_gates(table: &DialectTable) -> impl Iterator<Item = Ways> {
    table.gates.iter().flat_map(|gate| {
        let paths = gate.podman.iter().flat_map(|last| {
            let objects = PODMAN_OBJECTS.iter();
            objects.map(move |(object, _)| format!("/libpod/{object}/{{}}/{last}"))
        });
        paths.flat_map(move |path| {
            METHODS.iter().filter_map(move |(method, _)| {
                let way = vec![gate.variable.to_owned()];
                Ways::podman(&format!("{method} {path}"), true, vec![way])
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_formula() -> impl Iterator<Item = (&'static str, Formula)> {
        let all = Dialect::ALL.iter();
        all.map(|dialect| (dialect.as_str(), Formula::of(*dialect)))
    }

    #[test]
    fn no_operation_has_routes_that_post_opens_beside_some_that_it_does_not() {
        for operation in Operation::ALL {
            let routes = operation.spec().routes;
            let safe = routes.iter().filter(|route| route.method.is_safe()).count();
            assert!(safe == 0 || safe == routes.len(), "{operation}");
        }
    }

    #[test]
    fn what_is_missing_opens_it_and_less_does_not() {
        for (name, formula) in every_formula() {
            for ways in formula.open.iter().chain(&formula.shut) {
                let (missing, text) = (ways.missing(&|_| false), &ways.text);
                let on = |variable: &str| missing.contains(&variable);
                assert!(!missing.is_empty(), "{name}: {text}");
                assert!(ways.is_open(&on), "{name}: {text}: {missing:?}");
                for left_out in &missing {
                    let less = |variable: &str| on(variable) && variable != *left_out;
                    assert!(!ways.is_open(&less), "{name}: {text}: {left_out}");
                }
            }
        }
    }

    #[test]
    fn what_opened_it_is_enough_and_less_is_not() {
        for (name, formula) in every_formula() {
            for ways in &formula.open {
                let (by, text) = (ways.opened_by(&|_| true).unwrap(), &ways.text);
                let on = |variable: &str| by.iter().any(|one| one == variable);
                assert!(ways.is_open(&on), "{name}: {text}: {by:?}");
                for left_out in by {
                    let less = |variable: &str| on(variable) && variable != left_out;
                    assert!(!ways.is_open(&less), "{name}: {text}: {left_out}");
                }
            }
        }
    }

    #[test]
    fn every_path_of_podmans_is_one() {
        let (table, formula) = (
            Dialect::Linuxserver.table(),
            Formula::of(Dialect::Linuxserver),
        );
        let lasts =
            |switches: &[Switch]| switches.iter().map(|one| one.podman.len()).sum::<usize>();
        let (objects, methods) = (PODMAN_OBJECTS.len(), METHODS.len());
        let actions = lasts(table.actions) * objects + PODMAN_SECTIONS.len() * methods;
        assert_eq!(formula.open.len(), Operation::ALL.len() + actions);
        assert_eq!(formula.shut.len(), lasts(table.gates) * objects * methods);
    }
}
