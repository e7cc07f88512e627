//! How objects with an old mark come into the scope of a policy. Labels of existing containers, networks and volumes
//! cannot be changed, so the policy must change.

use crate::docker::Operation;
use crate::docker::json::quoted;
use crate::policy::keys::setting::Setting;
use crate::policy::owner::POLICY_LABEL;
use crate::policy::scope::Scope;
use crate::policyfile::{Policy, mark, shipped};

/// What to write in a policy's file, line by line, and what else that changes. `all` are the policies that are loaded
/// together.
pub(crate) fn adopt(policy: &Policy, old: &str, all: &[Policy]) -> Vec<String> {
    let name = &policy.name;
    if policy.mark == old {
        return vec![format!(
            "{name}: its mark is {} already, so objects with it are @own",
            quoted(old)
        )];
    }
    let place = if shipped::text(name).is_some() {
        format!(", in a file of your own with extends = [{}]", quoted(name))
    } else {
        String::new()
    };
    let (shown, selector) = (quoted(old), selector(policy, old));
    let aim = match &selector {
        Selector::NoScope => format!(
            "without [scope], objects with the mark {shown} exist for its clients; to make them @own too"
        ),
        Selector::Written => {
            format!("objects with the mark {shown} are in scope already; to make them @own too")
        }
        Selector::Impossible | Selector::Line(_) => {
            format!("to bring objects with the mark {shown} into scope")
        }
    };
    let mut lines = Vec::new();
    if let Selector::Line(line) = &selector {
        lines.push(format!("{name}: {aim}, write one of these{place}:"));
        lines.push(format!("  {line}"));
    } else {
        lines.push(format!("{name}: {aim}, write this{place}:"));
    }
    lines.push(format!("  {}", by_mark(policy, old, &selector)));
    let is_selected = matches!(selector, Selector::Line(_));
    if is_selected {
        lines.push(BY_SELECTOR.to_owned());
    }
    lines.push(format!(
        "  With the mark, they are @own (with [[client]]: to the client that created them), and objects with the mark {} \
         no longer are.",
        quoted(&policy.mark)
    ));
    lines.extend(pruning(policy).filter(|_| is_selected));
    let others = all
        .iter()
        .filter(|it| it.mark == old && it.file != policy.file);
    lines.extend(others.map(|other| {
        format!(
            "  warning: {} has the mark {} too: with the selector, objects that are created through it are in scope \
             here as well; with the mark, Dockgate does not start with both policies",
            other.name,
            quoted(old)
        )
    }));
    lines
}

/// How the mark makes the objects own ones and, if a scope hides them now, brings them into scope.
fn by_mark(policy: &Policy, old: &str, selector: &Selector) -> String {
    let mark = if mark::is_valid(old) {
        format!("mark = {}", quoted(old))
    } else {
        format!(
            "no mark, and call the file {}",
            quoted(&format!("{old}.toml"))
        )
    };
    let is_hidden = matches!(selector, Selector::Impossible | Selector::Line(_));
    let scope = policy.scope.as_ref();
    match scope.filter(|scope| is_hidden && !scope.has_own()) {
        Some(scope) => {
            let mut entries = scope.objects.entries();
            entries.push("@own".to_owned());
            format!("{mark}, and in [scope]: objects = {}", list(&entries))
        }
        None => mark,
    }
}

/// A list of texts in TOML.
fn list(entries: &[String]) -> String {
    let entries: Vec<_> = entries.iter().map(|entry| quoted(entry)).collect();
    format!("[{}]", entries.join(", "))
}

const BY_SELECTOR: &str =
    "  With the selector, they are in scope, but keys with @own do not allow them.";

/// The operations that need a scope with one entry.
const PRUNES: [Operation; 3] = [
    Operation::ContainerPrune,
    Operation::NetworkPrune,
    Operation::VolumePrune,
];

/// The note about operations that need a scope with one entry, if the policy has such a scope now.
fn pruning(policy: &Policy) -> Option<String> {
    policy.scoped()?.label_filter()?;
    let denied = PRUNES.iter().filter(|it| policy.has(**it));
    let denied: Vec<_> = denied.map(ToString::to_string).collect();
    (!denied.is_empty()).then(|| {
        format!(
            "  With the selector, these are always denied, because they need a scope with one entry: {}",
            denied.join(", ")
        )
    })
}

/// How a selector could bring the objects into scope.
enum Selector {
    /// There is no scope.
    NoScope,
    /// The scope has it already.
    Written,
    /// No selector can contain the mark.
    Impossible,
    /// The line to write.
    Line(String),
}

fn selector(policy: &Policy, old: &str) -> Selector {
    let Some(scope) = &policy.scope else {
        return Selector::NoScope;
    };
    // It separates the labels of a selector.
    if old.contains('+') {
        return Selector::Impossible;
    }
    let selector = format!("label:{POLICY_LABEL}={old}");
    let mut entries = scope.objects.entries();
    if entries.contains(&selector) {
        return Selector::Written;
    }
    if !is_marked(scope) {
        entries.push("@own".to_owned());
    }
    entries.push(selector);
    Selector::Line(format!("in [scope]: objects = {}", list(&entries)))
}

/// Whether new objects come into scope by a label. Otherwise they would get the label of the new selector, and so the
/// old mark.
fn is_marked(scope: &Scope) -> bool {
    scope.has_own() || scope.labels().next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Files;
    use crate::policyfile::file::tests::policy;

    fn told(text: &'static str, old: &str) -> Vec<String> {
        adopt(&policy("ci.toml", text), old, &[])
    }

    const WITH_THE_MARK: &str = "  With the mark, they are @own (with [[client]]: to the client that created them), and objects \
                                 with the mark \"ci\" no longer are.";

    #[test]
    fn a_selector_or_the_mark_brings_old_objects_into_scope() {
        for (scope, selector, with_own) in [
            ("'@own'", "[\"@own\", \"label:dockgate.policy=old\"]", ""),
            (
                "'label:a=b'",
                "[\"label:a=b\", \"label:dockgate.policy=old\"]",
                ", and in [scope]: objects = [\"label:a=b\", \"@own\"]",
            ),
            // Otherwise new objects would get the old mark.
            (
                "'name:ci-*'",
                "[\"name:ci-*\", \"@own\", \"label:dockgate.policy=old\"]",
                ", and in [scope]: objects = [\"name:ci-*\", \"@own\"]",
            ),
        ] {
            let text = format!("[scope]\nobjects = [{scope}]").leak();
            let want = [
                "ci.toml: to bring objects with the mark \"old\" into scope, write one of these:",
                &format!("  in [scope]: objects = {selector}"),
                &format!("  mark = \"old\"{with_own}"),
                BY_SELECTOR,
                WITH_THE_MARK,
            ];
            assert_eq!(told(text, "old"), want, "{text}");
        }
        for (text, head) in [
            (
                "[scope]\nobjects = ['@own', 'label:dockgate.policy=old']",
                "ci.toml: objects with the mark \"old\" are in scope already; to make them @own too, write this:",
            ),
            (
                "",
                "ci.toml: without [scope], objects with the mark \"old\" exist for its clients; to make them @own too, \
                 write this:",
            ),
        ] {
            assert_eq!(told(text, "old"), [head, "  mark = \"old\"", WITH_THE_MARK]);
        }
    }

    #[test]
    fn what_is_to_be_written_is_a_policy_with_the_old_objects_in_scope() {
        use crate::docker::Object;
        use crate::policy::scope::Standing;
        for scope in ["'@own'", "'name:ci-*'", "'label:a=b'"] {
            let text = format!("[scope]\nobjects = [{scope}]").leak();
            let lines = told(text, "old");
            for line in [&lines[1], &lines[2]] {
                let now = format!("objects = [{scope}]");
                let (mark, objects) = line.split_once("in [scope]: ").unwrap_or((line, &now));
                let changed = format!("{}\n[scope]\n{objects}", mark.trim_end_matches(", and "));
                let changed = policy("ci.toml", changed.leak());
                let of_mark = |mark: &'static str| {
                    let label = |key: &str| (key == POLICY_LABEL).then_some(mark);
                    changed
                        .scoped()
                        .unwrap()
                        .standing(Object::Container, "x", label)
                };
                assert_eq!(of_mark("old"), Standing::Own, "{line}");
                assert_eq!(of_mark("other"), Standing::Hidden, "{line}");
                let forged = changed.scope.as_ref().unwrap().labels();
                assert!(
                    !forged.map(|it| it.0).any(|key| key == POLICY_LABEL),
                    "{line}"
                );
            }
        }
    }

    #[test]
    fn a_mark_that_cannot_be_written_is_not_proposed() {
        let own = "[scope]\nobjects = ['@own']";
        assert_eq!(
            told(own, "a b")[1..3],
            [
                "  in [scope]: objects = [\"@own\", \"label:dockgate.policy=a b\"]",
                "  no mark, and call the file \"a b.toml\""
            ]
        );
        assert_eq!(
            told(own, "a+b")[1],
            "  no mark, and call the file \"a+b.toml\""
        );
        let same = "ci.toml: its mark is \"ci\" already, so objects with it are @own";
        assert_eq!(told(own, "ci"), [same]);
    }

    #[test]
    fn what_else_changes_is_said() {
        let prune = "allow = ['ContainerPrune', 'VolumePrune']\n[scope]\nobjects = ['@own']";
        let want = "  With the selector, these are always denied, because they need a scope with one entry: \
                    ContainerPrune, VolumePrune";
        assert_eq!(told(prune, "old").last().unwrap(), want);
        let all = [
            policy("ci.toml", "[scope]\nobjects = ['@own']"),
            policy("old.toml", ""),
        ];
        let lines = adopt(&all[0], "old", &all);
        assert!(
            lines
                .last()
                .unwrap()
                .starts_with("  warning: old.toml has the mark \"old\" too: "),
            "{lines:?}"
        );
        assert_eq!(adopt(&all[1], "old", &all).len(), 1);
        let built_in = Policy::load("compose", &Files).unwrap();
        let head = &adopt(&built_in, "old", &[])[0];
        assert!(
            head.ends_with(
                "write one of these, in a file of your own with extends = [\"compose\"]:"
            ),
            "{head}"
        );
    }
}
