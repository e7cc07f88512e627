//! Keys whose entries are patterns. In a pattern `*` matches any number of characters, and `?` matches one.

use serde_json::json;
use wildmatch::WildMatch;

use super::setting::{Entry, List, Setting, entries, is_plain, list_of, must_be, pattern, strings};
use crate::docker::json::{quoted, shortened};
use crate::policy::remedy::Remedy;
use crate::policy::value::{Shape, Value};

pub(crate) type Patterns = List<WildMatch>;

impl Patterns {
    /// Whether one of them matches the whole text.
    pub(crate) fn covers(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(text))
    }

    /// How to change a key that has these patterns so that none of them matches the text.
    pub(super) fn without(&self, text: &str, key: &str) -> Remedy {
        let patterns = self.0.iter();
        let covering = patterns.filter(|pattern| pattern.matches(text));
        Remedy::all(covering.map(|pattern| Remedy::remove(key, &pattern.to_string())))
    }
}

impl Entry for WildMatch {
    fn parse(text: &str) -> Option<Self> {
        pattern(text)
    }

    fn written(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn allows(&self, value: &Value) -> bool {
        value.text().is_some_and(|text| self.matches(text))
    }
}

/// URLs that the daemon fetches something from.
pub(crate) type Remotes = List<Remote>;

/// A pattern of URLs. A URL with `..` is never allowed: a pattern for what is below a folder must not match what is
/// outside it.
#[derive(Clone, Debug)]
pub(crate) struct Remote(WildMatch);

impl Entry for Remote {
    fn parse(text: &str) -> Option<Self> {
        pattern(text).map(Self)
    }

    fn allows(&self, value: &Value) -> bool {
        self.0.allows(value) && !value.text().is_none_or(leads_up)
    }

    fn of(value: &Value) -> Result<String, &'static str> {
        let address = value.text().filter(|address| !leads_up(address));
        let address = address.ok_or("send a URL without `..`")?;
        Ok(without_secrets(address))
    }
}

/// A URL with `*` for the two parts that can contain tokens: the user before the host, and the query.
pub(crate) fn without_secrets(address: &str) -> String {
    let (address, query) = match address.split_once('?') {
        Some((address, _)) => (address, "?*"),
        None => (address, ""),
    };
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match host.rsplit_once('@') {
        Some((_, host)) if !scheme.is_empty() => format!("{scheme}://*@{host}{path}{query}"),
        Some(_) | None => format!("{address}{query}"),
    }
}

/// Whether a text or a URL contains a path with `..`.
pub(crate) fn leads_up(text: &str) -> bool {
    let decoded = text.to_ascii_lowercase().replace("%2e", ".");
    let mut parts = decoded.split(['/', '\\', ',', ':', '=', '?', '#']);
    parts.any(|part| part == "..")
}

/// Options for a driver: `key=pattern`. Those of volumes can contain passwords of file servers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options<const ARE_SECRET: bool>(Vec<(String, WildMatch)>);

/// Options of networks, or of one end of them. Some affect only the containers on the network, and need no entry.
pub(crate) type NetworkOptions = Options<false>;
/// Options of volumes.
pub(crate) type VolumeOptions = Options<true>;

/// Options that affect only the containers on the network.
const HARMLESS_NETWORK_OPTIONS: &[&str] = &[
    "com.docker.network.bridge.enable_icc",
    "com.docker.network.bridge.enable_ip_masquerade",
    "com.docker.network.container_iface_prefix",
    "com.docker.network.driver.mtu",
    "com.docker.network.endpoint.ifname",
    "encrypted",
];

impl<const ARE_SECRET: bool> Options<ARE_SECRET> {
    /// Whether an option may be given. A value with `..` is never allowed: a pattern for what is below a folder must
    /// not match what is outside it.
    pub(crate) fn covers(&self, key: &str, value: &str) -> bool {
        let mut options = self.0.iter();
        !leads_up(value) && options.any(|(name, pattern)| name == key && pattern.matches(value))
    }
}

impl<const ARE_SECRET: bool> Setting for Options<ARE_SECRET> {
    fn shape() -> Shape {
        Shape::Pair
    }

    fn read(value: &toml::Value) -> Result<Self, String> {
        let read = |text: &str| {
            let (key, value) = text.split_once('=')?;
            (!key.is_empty()).then(|| (key.to_owned(), WildMatch::new(value)))
        };
        entries(value, "must be key=value, such as \"type=nfs\"", read).map(Self)
    }

    fn schema() -> serde_json::Value {
        list_of("^[^=]+=")
    }

    fn literal(recorded: &str) -> Option<String> {
        // Secret values are not recorded.
        let shown = recorded.strip_suffix("=*").filter(|_| ARE_SECRET);
        is_plain(shown.unwrap_or(recorded)).then(|| recorded.to_owned())
    }

    fn allows(&self, value: &Value) -> bool {
        let Value::Pair { key, value } = value else {
            return false;
        };
        let is_harmless = !ARE_SECRET && HARMLESS_NETWORK_OPTIONS.contains(&&**key);
        is_harmless || self.covers(key, value)
    }

    fn remedy(&self, key: &str, value: &Value) -> Remedy {
        if let Value::Pair { key: option, value } = value
            && !option.contains('=')
            && !option.is_empty()
            && !leads_up(value)
        {
            if ARE_SECRET {
                let option = quoted(&[shortened(option), "="].concat());
                return Remedy::add(key, &format!("{option} with its value"));
            }
            return Remedy::entry(key, &format!("{option}={value}"));
        }
        Remedy::client(
            "leave the option out (an entry cannot have a `=` in the option's name or a `..` in its value)",
        )
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn looks_closer(&self) -> bool {
        !self.is_empty()
    }
}

/// Programs with their arguments. Each argument is a pattern; `...` at the end allows further arguments.
#[derive(Clone, Debug)]
pub(crate) struct Commands(Vec<Command>);

#[derive(Clone, Debug)]
struct Command {
    arguments: Vec<WildMatch>,
    has_more: bool,
}

impl Setting for Commands {
    fn shape() -> Shape {
        Shape::Argv
    }

    fn read(value: &toml::Value) -> Result<Self, String> {
        let want = "a list with a list for each command: [[\"npm\", \"test\", \"...\"]]";
        let command = |list: &toml::Value| {
            let mut texts = list.as_array().and_then(|_| strings(list).ok())?;
            let has_more = texts.last() == Some(&"...");
            if has_more {
                texts.pop();
            }
            let arguments: Vec<_> = texts.into_iter().map(WildMatch::new).collect();
            (!arguments.is_empty()).then_some(Command {
                arguments,
                has_more,
            })
        };
        let lists = value.as_array().map(|lists| lists.iter().map(command));
        let commands = lists.and_then(Iterator::collect);
        commands.map(Self).ok_or_else(|| must_be(want))
    }

    fn schema() -> serde_json::Value {
        let command = json!({"type": "array", "items": {"type": "string"}, "minItems": 1});
        json!({"type": "array", "items": command})
    }

    fn literal(recorded: &str) -> Option<String> {
        let argv: Vec<String> = serde_json::from_str(recorded).unwrap_or_default();
        let is_open = argv.last().is_none_or(|last| last == "...");
        (!is_open && argv.iter().all(|argument| is_plain(argument))).then(|| recorded.to_owned())
    }

    fn allows(&self, value: &Value) -> bool {
        let Value::Argv(argv) = value else {
            return false;
        };
        self.0.iter().any(|command| {
            let (wanted, given) = (command.arguments.len(), argv.len());
            let fits = given == wanted || (command.has_more && given > wanted);
            let mut pairs = command.arguments.iter().zip(argv);
            fits && pairs.all(|(pattern, argument)| pattern.matches(argument))
        })
    }

    /// Arguments can contain secrets, and denials are logged, so the message does not show them.
    fn remedy(&self, key: &str, value: &Value) -> Remedy {
        if let Value::Argv(argv) = value
            && let Some(program) = argv.first()
        {
            let program = quoted(shortened(program));
            let entry = match argv.len() {
                1 => format!("[{program}]"),
                2 => format!("a list of {program} and its argument"),
                count => format!("a list of {program} and its {} arguments", count - 1),
            };
            if argv.len() > 1 {
                let log = "with audit.argv = true the audit log has it";
                return Remedy::words(format!("add {entry} to {key} ({log})"));
            }
            return Remedy::add(key, &entry);
        }
        Remedy::client("send a command")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_could_be_a_token() {
        for (address, shown) in [
            ("https://example.com/a.git", "https://example.com/a.git"),
            (
                "https://t0ken@example.com/a.git#main",
                "https://*@example.com/a.git#main",
            ),
            (
                "https://u:p@ss@example.com/a@b",
                "https://*@example.com/a@b",
            ),
            ("https://example.com?t=s3cret", "https://example.com?*"),
            (
                "https://u:p@example.com/a?t=s3cret#x",
                "https://*@example.com/a?*",
            ),
            ("git@example.com:acme/a.git", "git@example.com:acme/a.git"),
        ] {
            assert_eq!(without_secrets(address), shown, "{address}");
        }
    }
}
