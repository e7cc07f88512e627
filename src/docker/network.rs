//! Names of networks, which Docker restricts far less than other names: it only rejects blank ones.
//!
//! In a path such a name is escaped, or has plain slashes, as the docker command line sends it. Docker's router
//! decodes the path once and takes everything between the fixed parts as the name; if the name has an empty,
//! `.` or `..` part, it answers with a redirect. Dockgate sends the name as one segment, and escapes every
//! special character.
//!
//! Source: `daemon/server/router/network` and `daemon/network.go` of moby/moby; `ParseNetworkFlag` in
//! `pkg/specgen` of containers/podman for the modes with a value after a colon.

use super::closed::is_listed;

/// The words before a colon that make it a network mode and not the name of a network.
const MODES: &str = "bridge container default host none ns pasta private service slirp4netns";

/// Whether a text can only be the name or id of a network: not a network mode, not a keyword of policies
/// (`@own`), not a pattern, and without characters that make it look like another name.
pub(crate) fn is_network_name(text: &str) -> bool {
    let is_mode = text
        .split_once(':')
        .is_some_and(|(mode, _)| is_listed(&mode.to_ascii_lowercase(), MODES));
    let is_part = |part: &str| !matches!(part, "" | "." | "..");
    !is_mode
        && !text.starts_with('@')
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.contains("{{")
        && text.split('/').all(is_part)
        && !text.contains(is_confusing)
}

/// Whether a user created the network: the engine's own networks have the same names everywhere.
pub(crate) fn is_user_defined(network: &str) -> bool {
    !matches!(network, "bridge" | "default" | "host" | "none")
}

/// Whether a character is invisible, looks like a space, or has a meaning in patterns or to a
/// router.
fn is_confusing(character: char) -> bool {
    // Pattern characters, and characters that join, hide or reorder their neighbors.
    const SINGLE: &str =
        "*?\\\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{17b5}\u{3164}\u{feff}\u{ffa0}";
    character.is_control()
        || (character.is_whitespace() && character != ' ')
        || SINGLE.contains(character)
        || matches!(
            character,
            '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{fff0}'..='\u{fffd}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_a_network_may_have_any_name_that_is_unambiguous() {
        for name in [
            "web",
            "bugs net",
            "bugs/net",
            "bugs^x",
            "bugs:net",
            "bügs",
            "bugs@1",
            "-bugs",
            "_bugs",
            ".bugs",
            "bugs,x",
            "bugs%20net",
            "a/connect",
            "…",
            "containers:x",
            "a=b&c#d;e\"f'g",
        ] {
            assert!(is_network_name(name), "F: {name}");
        }
        for name in [
            "",
            " ",
            " a",
            "a ",
            "a\tb",
            "a\nb",
            "a\0",
            "a\u{7f}",
            "a\u{85}b",
            "a\u{a0}b",
            "a\u{2028}b",
            "a\u{200b}b",
            "a\u{202e}b",
            "a\u{fe0f}b",
            "\u{feff}a",
            "/",
            "/a",
            "a/",
            "a//b",
            "a/../b",
            "./a",
            "..",
            ".",
            "a\\b",
            "a*",
            "a?",
            "@default",
            "@own",
            "@bugs",
            "container:x",
            "Container:x",
            "ns:/proc/1/ns/net",
            "bridge:ip=1.2.3.4",
            "pasta:-T,all",
            "{{.Node.ID}}",
        ] {
            assert!(!is_network_name(name), "beside F: {name:?}");
        }
    }
}
