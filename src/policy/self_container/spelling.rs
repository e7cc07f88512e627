//! Names and paths as those compare them who find Dockgate by them.

use crate::policy::requirements::ANY_NUMBER;

/// Whether a name is another, with numbers for what stands for any.
pub(super) fn is_filled_in(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once(ANY_NUMBER) else {
        return pattern == name;
    };
    let Some(rest) = name.strip_prefix(before) else {
        return false;
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let mut ends = (1..=digits).filter_map(|end| rest.get(end..));
    ends.any(|rest| is_filled_in(after, rest))
}

/// A name as resolvers compare it. Some fold letters beyond ASCII too, some of which have two small forms.
pub(super) fn folded(name: &str) -> String {
    let name = name.trim_end_matches('.');
    if name.is_ascii() {
        name.to_ascii_lowercase()
    } else {
        name.to_uppercase().to_lowercase()
    }
}

/// A path as the kernel reads it, but for links of which only those are known that every host has; the daemon
/// works in the root.
pub(super) fn cleaned(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (parts.as_slice(), part) {
            (_, "" | ".") => {}
            (_, "..") => _ = parts.pop(),
            (["var"], "run") => parts = vec!["run"],
            // The root as a process of the host sees it; where one works could be there.
            (["proc", _] | ["proc", _, "task", _], "root" | "cwd") => parts.clear(),
            (_, part) => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Whether a clean path is another, or is below it.
pub(super) fn is_in(path: &str, above: &str) -> bool {
    let rest = path.strip_prefix(above.trim_end_matches('/'));
    !above.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
