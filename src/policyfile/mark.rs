//! The mark of a policy: the value of the label `dockgate.policy` on everything that is created through it.

/// The longest mark that a file may set, in bytes.
pub(crate) const MAX_MARK: usize = 64;

/// What a mark must be, for messages.
pub(crate) const SHAPE: &str = "must be 1 to 64 letters, digits, `.`, `_` or `-`";

/// Whether a file may set this mark. The default mark, a file's name, can be anything.
///
/// An image's label has the mark followed by names, separated by spaces, and is written as a `LABEL` of a Dockerfile.
pub(crate) fn is_valid(mark: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MAX_MARK).contains(&mark.len()) && mark.bytes().all(is_plain)
}

/// The mark of a policy that does not set one: its name, or its file's name without the folder. So a policy keeps its
/// objects if its file is moved or its path is written differently.
pub(crate) fn default(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or_default();
    file.strip_suffix(".toml").unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policyfile::Policy;
    use crate::policyfile::file::tests::{policy, shelf};

    #[test]
    fn a_mark_is_the_file_s_name_unless_the_file_sets_one() {
        for name in ["ci", "ci.toml", "./ci.toml", "/etc/dockgate/ci.toml"] {
            assert_eq!(policy(name, "allow = []").mark, "ci", "{name}");
        }
        assert_eq!(policy("./new.toml", "mark = 'ci'").mark, "ci");
        // A mark is not inherited: what is created through one policy does not belong to the other.
        let shelf = shelf(&[("base", "mark = 'm'"), ("child", "extends = ['base']")]);
        assert_eq!(Policy::load("child", &shelf).unwrap().mark, "child");
    }

    #[test]
    fn a_mark_that_could_be_read_as_another_is_refused() {
        for mark in ["a", "Ci_1.2-x", &"x".repeat(64)] {
            assert!(is_valid(mark), "{mark}");
        }
        for mark in [
            "",
            " ",
            "a b",
            "a\"",
            "a\\",
            "$a",
            "`a`",
            "a/b",
            "ü",
            "a\n",
            "*",
            "@own",
            &"x".repeat(65),
        ] {
            assert!(!is_valid(mark), "{mark}");
        }
        let problems = |text| {
            let problems = Policy::load("p", &shelf(&[("p", text)])).unwrap_err();
            problems.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            problems("mark = 'a b'"),
            [format!("p:1: `mark`: \"a b\": {SHAPE}")]
        );
        assert_eq!(
            problems("mark = 1"),
            ["p:1: `mark`: must be a string in quotes, but is 1"]
        );
    }
}
