//! Two files with the same mark would treat each other's objects as their own, so they are not loaded together.

use super::file::Policy;
use super::mark::{MAX_MARK, is_valid};
use super::problem::Problem;
use super::shipped;

/// The problems of policies that are loaded together although different files have the same mark.
pub(crate) fn same_marks<'a>(policies: impl IntoIterator<Item = &'a Policy>) -> Vec<Problem> {
    let mut seen: Vec<&Policy> = Vec::new();
    let mut problems = Vec::new();
    for policy in policies {
        // The settings' own policies have no file.
        let is_same = |it: &&Policy| (&it.file, &it.mark) == (&policy.file, &policy.mark);
        if seen.iter().any(is_same) {
            continue;
        }
        if let Some(before) = seen.iter().find(|it| it.mark == policy.mark) {
            let is_fixed = policy.file.is_none() || shipped::text(&policy.name).is_some();
            let (changed, other) = if is_fixed {
                (*before, policy)
            } else {
                (policy, *before)
            };
            let message = format!(
                "\"{}\" is also the mark of {}, so each would treat the other's objects as its own: write another one \
                 here, such as mark = \"{}-2\"",
                changed.mark,
                other.name,
                other_mark(&changed.mark)
            );
            problems.push(Problem::of_key(&changed.name, "mark", message));
        }
        seen.push(policy);
    }
    problems
}

/// The beginning of a valid mark to suggest.
fn other_mark(mark: &str) -> &str {
    let is_short = mark.len() + 2 <= MAX_MARK;
    if is_valid(mark) && is_short {
        mark
    } else {
        "policy"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policyfile::{Grants, Library};

    /// Policies by name. Those below `link/` are the same files as those without it.
    struct Linked(&'static str);

    impl Library for Linked {
        fn read(&self, reference: &str) -> Result<(String, String), Problem> {
            Ok((reference.to_owned(), self.0.to_owned()))
        }

        fn file(&self, reference: &str) -> String {
            reference.replace("link/", "")
        }
    }

    #[test]
    fn different_files_with_one_mark_are_not_loaded_together() {
        let load = |name, text| Policy::load(name, &Linked(text)).unwrap();
        let (plain, other) = (load("a/ci.toml", ""), load("b/ci.toml", ""));
        let (linked, set) = (load("link/a/ci.toml", ""), load("b/ci.toml", "mark = 'b'"));
        let renamed = load("new.toml", "mark = 'ci'");
        let (shipped, copy) = (load("traefik", ""), load("./traefik.toml", ""));
        let of_settings = || Policy::of("allow", Grants::default());
        let (allow, again, file) = (of_settings(), of_settings(), load("allow.toml", ""));
        let environment = Policy::of("environment", Grants::default());
        let like_it = load("environment.toml", "");
        for (policies, want) in [
            (vec![&plain, &plain, &linked, &set], vec![]),
            (
                vec![&plain, &other, &plain],
                vec!["b/ci.toml: `mark`: \"ci\" is also the mark of a/ci.toml, so"],
            ),
            (
                vec![&plain, &renamed],
                vec!["new.toml: `mark`: \"ci\" is also the mark of a/ci.toml, so"],
            ),
            (
                vec![&copy, &shipped],
                vec!["./traefik.toml: `mark`: \"traefik\" is also the mark of traefik, so"],
            ),
            (
                vec![&shipped, &copy],
                vec!["./traefik.toml: `mark`: \"traefik\" is also the mark of traefik, so"],
            ),
            (vec![&allow, &again], vec![]),
            (
                vec![&allow, &environment, &like_it],
                vec![
                    "environment.toml: `mark`: \"environment\" is also the mark of environment, so",
                ],
            ),
            (
                vec![&file, &allow],
                vec!["allow.toml: `mark`: \"allow\" is also the mark of allow, so"],
            ),
        ] {
            let same = same_marks(policies.iter().copied());
            let told: Vec<_> = same.iter().map(ToString::to_string).collect();
            assert_eq!(told.len(), want.len(), "{told:?}");
            for (told, want) in told.iter().zip(want) {
                assert!(told.starts_with(want) && told.ends_with("-2\""), "{told}");
            }
        }
    }
}
