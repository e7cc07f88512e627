//! Reading the settings: file, then environment, then flags, later ones winning.
//!
//! This is the one place below the proxy that reads files.

mod circle;
mod guarded;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Provider};

use super::keys;
use super::raw::{Checker, RawConfig};
use super::{Config, ListenAddress, UpstreamAddress, listeners};
use crate::compat::{Dialect, Swap};
use crate::policyfile::spelling::did_you_mean;
use crate::policyfile::{Library, Lines, Problem, shipped};

/// What the command line says of the settings.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The settings file.
    pub config: Option<PathBuf>,
    /// Policies, by name or file.
    pub policy: Vec<String>,
    /// Addresses to listen on.
    pub listen: Vec<String>,
    /// The daemon's address.
    pub upstream: Option<String>,
    /// Whether what the policies refuse is sent all the same.
    pub observe: bool,
}

/// The policies that can be named: shipped ones, and files.
#[derive(Clone, Copy, Debug)]
pub struct Files;

impl Library for Files {
    fn read(&self, reference: &str) -> Result<(String, String), Problem> {
        if is_path(reference) {
            return guarded::read(Path::new(reference)).map(|text| (reference.to_owned(), text));
        }
        let shipped = shipped::text(reference).map(|text| (reference.to_owned(), text.to_owned()));
        shipped.ok_or_else(|| {
            let hint = did_you_mean(reference, shipped::ALL.iter().map(|(name, _)| *name));
            let message = format!(
                "no shipped policy has this name{hint}; a file is named by a path with a `/`, or \
                 with `.toml` at its end"
            );
            Problem::of_file(reference, message)
        })
    }

    fn file(&self, reference: &str) -> String {
        let path = is_path(reference).then(|| fs::canonicalize(reference).ok());
        let path = path.flatten().map(|path| path.display().to_string());
        path.unwrap_or_else(|| reference.to_owned())
    }
}

/// Whether a policy is named by its file.
fn is_path(reference: &str) -> bool {
    reference.contains('/')
        || Path::new(reference)
            .extension()
            .is_some_and(|extension| extension == "toml")
}

/// The file that is read when nothing names one, if it is there.
const DEFAULT_FILE: &str = "/etc/dockgate/dockgate.toml";
/// Before every variable of ours.
const PREFIX: &str = "DOCKGATE_";
/// Where other images have their rules; whoever mounts some there expects them to hold.
const FOREIGN_RULES: &[&str] = &["/usr/local/etc/haproxy", "/templates"];
/// What Docker links and Kubernetes put into the environment of whoever is near a service called
/// dockgate begins so.
const INJECTED: &[&str] = &["PORT", "SERVICE_"];
/// And near one called dockgate-api it has such words further on. No key of ours has them.
const INJECTED_WORDS: &[&str] = &["_PORT_", "_SERVICE_HOST_", "_SERVICE_PORT_"];

/// Whether a variable is none of ours, though it begins like one.
fn is_injected(key: &str) -> bool {
    let ended = format!("{key}_");
    let begins = INJECTED.iter().any(|begin| key.starts_with(begin));
    begins || INJECTED_WORDS.iter().any(|words| ended.contains(words))
}

/// The process's environment; what is no UTF-8 in it fits no setting and is told as such.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().map(|(name, text)| {
        (
            name.to_string_lossy().into_owned(),
            text.to_string_lossy().into_owned(),
        )
    })
}

impl Config {
    /// Reads and checks the settings.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its file, variable or flag, its key, and what to write.
    pub fn load(
        flags: &Flags,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<Problem>> {
        let mut sources = Sources::default();
        sources.read_environment(environment);
        sources.notice_foreign_rules(FOREIGN_RULES);
        if let Some(file) = sources.file(flags) {
            sources.read_file(&file);
        }
        sources.read_flags(flags);
        sources.check()
    }
}

/// Where the settings come from, and what was wrong with that.
#[derive(Default)]
struct Sources {
    file: Option<(String, Dict)>,
    /// Where in it the entries of its lists stand.
    lines: Lines,
    named_file: Option<PathBuf>,
    environment: Dict,
    flags: Dict,
    swap: Swap,
    /// The variable or flag that last set a key.
    origins: HashMap<String, String>,
    notices: Vec<String>,
    problems: Vec<Problem>,
}

impl Sources {
    fn read_environment(&mut self, environment: impl IntoIterator<Item = (String, String)>) {
        for (name, text) in environment {
            let Some(key) = name.strip_prefix(PREFIX).map(str::to_owned) else {
                self.swap.take(name, text);
                continue;
            };
            if key == "CONFIG" && text.is_empty() {
                let problem = Problem::of_file(&name, "is empty: name a file, or leave it unset");
                self.problems.push(problem);
            } else if key == "CONFIG" {
                self.named_file = Some(text.into());
            } else if is_injected(&key) {
                self.notices.push(format!("{name} is passed over: Docker links and Kubernetes set it, and no setting has this name"));
            } else {
                self.read_variable(&name, &key, &text);
            }
        }
    }

    fn notice_foreign_rules(&mut self, places: &[&str]) {
        let mounted = places.iter().filter(|place| Path::new(place).exists());
        self.notices.extend(mounted.map(|place| {
            format!("warning: {place} is without effect: write its rules as a policy, see `dockgate policies`")
        }));
    }

    fn read_variable(&mut self, name: &str, key: &str, text: &str) {
        let is_capital = !key.bytes().any(|byte| byte.is_ascii_lowercase());
        let key = key.to_ascii_lowercase().replace("__", ".");
        let value = match keys::kind(&key).filter(|_| is_capital) {
            Some(kind) => kind.read(text).map_err(str::to_owned),
            None => Err(keys::unknown(&key)),
        };
        match value {
            Ok(value) => {
                insert(&mut self.environment, &key, value);
                self.origins.insert(key, name.to_owned());
            }
            Err(message) => self.problems.push(Problem::of_key(name, key, message)),
        }
    }

    fn read_flags(&mut self, flags: &Flags) {
        let list = |texts: &[String]| {
            Value::from(
                texts
                    .iter()
                    .map(|text| Value::from(text.as_str()))
                    .collect::<Vec<_>>(),
            )
        };
        let given = [
            ("policy", !flags.policy.is_empty(), list(&flags.policy)),
            ("listen", !flags.listen.is_empty(), list(&flags.listen)),
            ("observe", flags.observe, Value::from(true)),
            (
                "upstream",
                flags.upstream.is_some(),
                Value::from(flags.upstream.clone().unwrap_or_default()),
            ),
        ];
        for (key, _, value) in given.into_iter().filter(|(_, is_given, _)| *is_given) {
            insert(&mut self.flags, key, value);
            self.origins.insert(key.to_owned(), format!("--{key}"));
        }
    }

    /// The settings file, if there is one to read.
    fn file(&self, flags: &Flags) -> Option<PathBuf> {
        let named = flags.config.clone().or_else(|| self.named_file.clone());
        let is_missing = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
        let has_default = !fs::symlink_metadata(DEFAULT_FILE).is_err_and(is_missing);
        named.or_else(|| has_default.then(|| PathBuf::from(DEFAULT_FILE)))
    }

    fn read_file(&mut self, path: &Path) {
        let name = path.display().to_string();
        let text = match guarded::read(path) {
            Ok(text) => text,
            Err(problem) => return self.problems.push(problem),
        };
        match Toml::string(&text).data() {
            Ok(profiles) => {
                let dict = profiles.into_values().next().unwrap_or_default();
                let dict = keys::check(&name, dict, &mut self.problems);
                self.file = Some((name, dict));
                self.lines = Lines::of(&text);
            }
            Err(error) => self
                .problems
                .push(Problem::of_file(&name, error.to_string().trim_end())),
        }
    }

    fn check(mut self) -> Result<Config, Vec<Problem>> {
        let (file, dict) = self
            .file
            .take()
            .unwrap_or_else(|| ("the defaults".to_owned(), Dict::new()));
        let in_file: Vec<_> = keys::set(&dict);
        let figment = Figment::from(Serialized::defaults(dict))
            .merge(Serialized::defaults(self.environment))
            .merge(Serialized::defaults(self.flags));
        // The values fit the table of keys, so that only a disagreement of the two can be left
        // here.
        let mut raw: RawConfig = match figment.extract() {
            Ok(raw) => raw,
            Err(error) => {
                self.problems
                    .push(Problem::of_file(&file, error.to_string()));
                return Err(self.problems);
            }
        };
        let mut origins = self.origins;
        let is_set = |key: &str| origins.contains_key(key) || in_file.iter().any(|set| set == key);
        // An empty list would count as none, and let other grants in its place.
        let has_empty_allow = raw.allow.is_empty() && is_set("allow");
        let swapped = self.swap.apply(&mut raw, &is_set);
        origins.extend(swapped.origins);
        self.notices.extend(swapped.notices);
        self.problems.extend(swapped.problems);
        let origin = |key: &str| {
            let whole = key.split('[').next().unwrap_or_default();
            let set_by = origins.get(key).or_else(|| origins.get(whole));
            set_by.unwrap_or(&file).clone()
        };
        let mut checker = Checker {
            origin: &origin,
            lines: &self.lines.without(|key| origins.contains_key(key)),
            problems: &mut self.problems,
        };
        if has_empty_allow {
            checker.wrong("allow", "is empty: name what it grants, or leave it out");
        }
        let listeners = listeners::check(&mut checker, &raw, swapped.policy);
        let upstream = checker.upstream(&raw.upstream);
        if let Some(daemon) = &upstream {
            check_circle(&mut checker, &raw, daemon);
        }
        let run_as = checker.run_as(raw.run_as.as_deref());
        let admission = checker.admission(&raw);
        let log = checker.level(&raw.log);
        checker.word("dialect", &raw.dialect, Dialect::ALL);
        let audit = checker.audit(&raw.audit);
        let limits = checker.limits(&raw.limits);
        match upstream {
            Some(upstream) if self.problems.is_empty() => Ok(Config {
                listeners,
                upstream,
                run_as,
                admission,
                log,
                audit,
                limits,
                notices: self.notices,
            }),
            Some(_) | None => Err(self.problems),
        }
    }
}

/// Reports a daemon's address that Dockgate itself listens on.
fn check_circle(checker: &mut Checker<'_>, raw: &RawConfig, daemon: &UpstreamAddress) {
    for (key, address) in listeners::addresses(raw) {
        let listener = ListenAddress::parse(&address);
        if listener.is_ok_and(|listener| circle::leads_back(daemon, &listener)) {
            let message = format!(
                "{daemon} is where Dockgate itself listens, as `{key}` says {address}: write the \
                 daemon's address, or listen elsewhere"
            );
            checker.wrong("upstream", message);
        }
    }
}

/// Puts a value under a key with points.
fn insert(dict: &mut Dict, key: &str, value: Value) {
    match key.split_once('.') {
        None => _ = dict.insert(key.to_owned(), value),
        Some((level, rest)) => {
            let mut inner = dict
                .remove(level)
                .and_then(Value::into_dict)
                .unwrap_or_default();
            insert(&mut inner, rest, value);
            dict.insert(level.to_owned(), Value::from(inner));
        }
    }
}

#[cfg(test)]
mod tests;
