//! Paths on hosts and in containers, and their spellings.

use std::borrow::Cow;

/// Whether a path is absolute and in its only spelling.
pub(crate) fn is_clean(path: &str) -> bool {
    let is_part = |part: &str| !matches!(part, "" | "." | "..");
    let is_plain = |character: char| character != '\\' && !character.is_control();
    path.strip_prefix('/').is_some_and(|rest| {
        (rest.is_empty() || rest.split('/').all(is_part)) && rest.chars().all(is_plain)
    })
}

/// Whether a path is clean, and has no characters with a special meaning in any text that an engine
/// makes from it.
pub(crate) fn is_literal(path: &str) -> bool {
    is_clean(path) && !path.contains([':', ',', '*'])
}

/// A path from the root, without redundant parts: `.`, repeated slashes, and a slash at the end. Every engine removes
/// these before it looks at its files. A `..` stays, because its meaning depends on links.
pub(crate) fn cleaned(path: &str) -> Cow<'_, str> {
    if is_clean(path) {
        return path.into();
    }
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    let parts: Vec<&str> = parts.collect();
    format!("/{}", parts.join("/")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_only_redundant_parts_of_a_path() {
        for (path, want) in [
            ("/", "/"),
            ("", "/"),
            (".", "/"),
            ("/.", "/"),
            ("//", "/"),
            ("/././/", "/"),
            ("/tmp", "/tmp"),
            ("tmp", "/tmp"),
            ("./tmp", "/tmp"),
            ("/tmp/", "/tmp"),
            ("//tmp//a/./b/.", "/tmp/a/b"),
            ("/a/...", "/a/..."),
            ("/a/.b/..c", "/a/.b/..c"),
            ("/a/../b/", "/a/../b"),
            ("..", "/.."),
            ("/a\\.\\b/", "/a\\.\\b"),
        ] {
            let clean = cleaned(path);
            assert_eq!(clean, want, "{path}");
            assert_eq!(cleaned(&clean), clean, "{path}");
            let is_odd = path.contains("..") && !path.contains("...") && !path.contains("..c");
            assert_eq!(is_clean(&clean), !is_odd && !path.contains('\\'), "{path}");
        }
    }
}
