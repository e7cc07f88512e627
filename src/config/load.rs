//! Reads the settings: the file, then the environment, then the flags. Later ones win.
//!
//! This is the one place below the proxy that reads files.

mod circle;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::NonEmptyStringValueParser as NoEmpty;
use figment::value::Value;

use super::layers::{Layer, Layers, variable};
use super::numbered::{self, Numbered};
use super::settings::Settings;
use super::table::{SettingKind, SettingsReader};
use super::{
    Admission, Config, ListenerSettings, RunAs, clients, files, listeners, metrics, redact, rows,
    tls,
};
use crate::compat::ImageVariables;
use crate::digest::sha256;
use crate::docker::Operation;
use crate::policy::Rules;
use crate::policyfile::same_mark::same_marks;
use crate::policyfile::{Lines, Policy, Problem, problem};

/// The settings on the command line.
#[derive(Clone, Debug, Default, Args)]
#[allow(clippy::doc_markdown, reason = "users read the sentences as they are")]
pub struct Flags {
    /// Settings file [env: DOCKGATE_CONFIG] [default: /etc/dockgate/dockgate.toml if it exists]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Built-in policies or policy files, separated by commas [env: DOCKGATE_POLICY] [default: default]
    #[arg(long, value_name = "NAME|FILE", value_delimiter = ',', value_parser = NoEmpty::new())]
    pub policy: Vec<String>,
    /// Addresses to listen on, such as unix:///run/dockgate.sock, separated by commas [env: DOCKGATE_LISTEN] [default: tcp://127.0.0.1:2375, in the image all addresses]
    #[arg(long, value_name = "ADDR", value_delimiter = ',', value_parser = NoEmpty::new())]
    pub listen: Vec<String>,
    /// Address of the daemon, such as tcp://engine:2375 [env: DOCKGATE_UPSTREAM] [default: unix:///var/run/docker.sock]
    #[arg(long, value_name = "ADDR", value_parser = NoEmpty::new())]
    pub upstream: Option<String>,
    /// Do not enforce: forward what the policies deny, and record it as would_deny [env: DOCKGATE_OBSERVE]
    #[arg(long)]
    pub observe: bool,
    /// Whether notices cut no list short, for `check --verbose`.
    #[arg(skip)]
    pub lists_all: bool,
}

/// The settings file if none is given and this one exists.
const DEFAULT_FILE: &str = "/etc/dockgate/dockgate.toml";
/// The prefix of all our variables.
const PREFIX: &str = "DOCKGATE_";
/// Where other images have their rules. Whoever mounts rules there expects them to be used.
const FOREIGN_RULES: &[&str] = &["/usr/local/etc/haproxy", "/templates"];
/// Variables that Docker links and Kubernetes set for a service called dockgate begin like this.
const INJECTED: &[&str] = &["PORT", "SERVICE_"];
/// For a service called dockgate-api they contain these words. None of our keys has them.
const INJECTED_WORDS: &[&str] = &["_PORT_", "_SERVICE_HOST_", "_SERVICE_PORT_"];

/// Whether a variable is not one of ours, though it begins like one.
fn is_injected(key: &str) -> bool {
    let ended = format!("{key}_");
    let begins = INJECTED.iter().any(|begin| key.starts_with(begin));
    begins || INJECTED_WORDS.iter().any(|words| ended.contains(words))
}

/// The process's environment. What is not UTF-8 in it fits no setting, and is reported.
pub(crate) fn environment() -> impl Iterator<Item = (String, String)> {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
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
        let (config, problems) = Self::read(flags, environment)?;
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(problems)
        }
    }

    /// The settings with the default of each one that is wrong, and all problems: for asking a server that started with
    /// settings that were right.
    pub(crate) fn read(
        flags: &Flags,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let mut sources = Sources::default();
        sources.variables.lists_all = flags.lists_all;
        sources.read_environment(environment);
        sources.notice_foreign_rules(FOREIGN_RULES);
        if let Some(file) = sources.file(flags) {
            let wrong = sources.read_file(&file).err();
            sources.problems.extend(wrong);
        }
        sources.read_flags(flags);
        sources.check()
    }
}

/// The sources of the settings, and the problems with them.
#[derive(Default)]
struct Sources {
    layers: Layers,
    named_file: Option<PathBuf>,
    variables: ImageVariables,
    numbered: Numbered,
    notices: Vec<String>,
    problems: Vec<Problem>,
}

impl Sources {
    fn read_environment(&mut self, environment: impl IntoIterator<Item = (String, String)>) {
        for (name, text) in environment {
            let Some(key) = name.strip_prefix(PREFIX).map(str::to_owned) else {
                self.variables.take(name, text);
                continue;
            };
            if key == "CONFIG" && text.is_empty() {
                let problem = Problem::of_file(&name, "is empty: set it to a file, or remove it");
                self.problems.push(problem);
            } else if key == "CONFIG" {
                self.named_file = Some(text.into());
            } else if is_injected(&key) {
                self.notices.push(format!(
                    "{name} is ignored: Docker links and Kubernetes set it, and it is not a setting"
                ));
            } else {
                self.read_variable(&name, &key, &text);
            }
        }
        let numbered = std::mem::take(&mut self.numbered);
        numbered.keep(&mut self.layers, &mut self.problems);
    }

    fn notice_foreign_rules(&mut self, places: &[&str]) {
        let mounted = places.iter().filter(|place| Path::new(place).exists());
        self.notices.extend(mounted.map(|place| {
            format!(
                "warning: {place} is ignored: write its rules as a policy, see `dockgate policies`"
            )
        }));
    }

    fn read_variable(&mut self, name: &str, key: &str, text: &str) {
        if self.numbered.read(name, key, text, &mut self.problems) {
            return;
        }
        let is_capital = !key.bytes().any(|byte| byte.is_ascii_lowercase());
        let key = key.to_ascii_lowercase().replace("__", ".");
        let value = match rows::all(Settings::ROWS).get(&key).filter(|_| is_capital) {
            Some(row) => row.shape.parse(text),
            None => Err(unknown(&key)),
        };
        match value {
            Ok(value) => self.layers.over(Layer::of(name, &key, value)),
            Err(message) => self.problems.push(Problem::of_key(name, key, message)),
        }
    }

    fn read_flags(&mut self, flags: &Flags) {
        let list = |texts: &[String]| (!texts.is_empty()).then(|| Value::from(texts.to_vec()));
        let given = [
            ("policy", list(&flags.policy)),
            ("listen", list(&flags.listen)),
            ("observe", flags.observe.then(|| true.into())),
            ("upstream", flags.upstream.clone().map(Value::from)),
        ];
        for (key, value) in given {
            if let Some(value) = value {
                self.layers.over(Layer::of(format!("--{key}"), key, value));
            }
        }
    }

    /// The settings file, if there is one to read.
    fn file(&self, flags: &Flags) -> Option<PathBuf> {
        let named = flags.config.clone().or_else(|| self.named_file.clone());
        let is_missing = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
        let has_default = !fs::symlink_metadata(DEFAULT_FILE).is_err_and(is_missing);
        named.or_else(|| has_default.then(|| PathBuf::from(DEFAULT_FILE)))
    }

    fn read_file(&mut self, path: &Path) -> Result<(), Problem> {
        let name = path.display().to_string();
        let text = files::read(path)?;
        let table = problem::parse(&name, &text)?;
        let dict = Value::serialize(table)
            .ok()
            .and_then(Value::into_dict)
            .unwrap_or_default();
        let lines = Lines::of(&text);
        let mut report = |key: &str, message: String| {
            let problem = Problem::of_key(&name, key, message);
            self.problems.push(problem.on_line(lines.around(key)));
        };
        let dict = rows::fitting(Settings::ROWS, dict, "", &mut report);
        let layer = Layer::new(name, dict);
        self.layers.under_file(layer, lines);
        Ok(())
    }

    /// Reads the image-swap variables into a policy, and into settings that nothing else sets.
    fn read_variables(&mut self) -> Option<Policy> {
        let values = self.layers.values();
        // What is wrong is reported when all settings are read.
        let settings = Settings::read(&values, &mut SettingsReader::new(&self.layers))?;
        let has_policy = has_policy(&settings);
        let is_set = |key: &str| self.layers.is_set(key);
        let translated = self.variables.apply(settings.dialect, has_policy, &is_set);
        self.notices.extend(translated.notices);
        self.problems.extend(translated.problems);
        for layer in translated.layers {
            self.layers.under(layer);
        }
        translated.policy
    }

    fn check(mut self) -> Result<(Config, Vec<Problem>), Vec<Problem>> {
        let translated = self.read_variables();
        let mut reader = SettingsReader::new(&self.layers);
        let settings = Settings::read(&self.layers.values(), &mut reader);
        let Some(settings) = settings else {
            self.problems.append(&mut reader.problems);
            return Err(self.problems);
        };
        let general = listeners::general(&mut reader, &settings, translated);
        let mut listeners = listeners::compose(&mut reader, &settings, &general);
        let upstream_tls = tls::of_upstream(&mut reader, &settings);
        let mut clients = clients::compose(&mut reader, &settings, &general);
        clients::reserve(&mut reader, &settings, &mut listeners, &mut clients);
        redact::apply(&mut reader, &settings, &mut listeners, &mut clients);
        clients::check_reach(&mut reader, &settings, &listeners);
        metrics::check(&mut reader, &settings, &listeners);
        let rules = listeners.iter().map(|it| &it.rules);
        let policies = rules.chain(clients.iter().map(|it| &it.rules));
        let same = same_marks(policies.flat_map(Rules::policies));
        reader.problems.extend(same);
        let is_unconfigured =
            !has_policy(&settings) && listeners.iter().all(allows_only_the_default);
        check_circle(&mut reader, &settings, &listeners);
        let values = serde_json::to_string(&self.layers.values()).unwrap_or_default();
        let (fixed, mut problems) = (reader.fixed, reader.problems);
        self.problems.append(&mut problems);
        let config = Config {
            listeners,
            clients,
            unknown_client: settings.unknown_client,
            upstream: settings.upstream,
            upstream_tls,
            run_as: settings.run_as.unwrap_or(RunAs::DEFAULT),
            admission: Admission {
                api_min: settings.api_min,
                lifts_api_version: settings.lift_api_version,
                allow_origin: settings.allow_origin,
                allow_host: settings.allow_host,
            },
            log: settings.log,
            log_format: settings.log_format,
            audit: settings.audit,
            limits: settings.limits,
            metrics: settings.metrics,
            notices: self.notices,
            is_unconfigured,
            sha256: sha256([&*values]),
            fixed,
        };
        Ok((config, self.problems))
    }
}

/// Whether a setting says what clients may do.
fn has_policy(settings: &Settings) -> bool {
    let mut listeners = settings.listener.iter();
    let mut clients = settings.client.iter();
    settings.policy.is_some()
        || settings.allow.is_some()
        || listeners.any(|own| own.policy.is_some())
        || clients.any(|own| own.policy.is_some())
}

/// Whether clients can do no more than without any configuration, whatever variables are set.
fn allows_only_the_default(listener: &ListenerSettings) -> bool {
    let rules = &listener.rules;
    let default = Policy::load(listeners::DEFAULT_POLICY, &files::Files).ok();
    let is_default = |operation: &Operation| default.as_ref().is_some_and(|it| it.has(*operation));
    let mut allowed = Operation::ALL.iter().filter(|it| rules.grants(**it));
    let has_raw_paths = rules.policies().iter().any(Policy::has_raw_paths);
    !rules.is_observed && !has_raw_paths && allowed.all(is_default)
}

/// What to write instead of a variable that is not a setting.
fn unknown(key: &str) -> String {
    match numbered::meant(key) {
        Some(name) => format!("unknown key: did you mean {name}?"),
        None => rows::unknown(Settings::ROWS, key, variable),
    }
}

/// Reports a daemon's address that Dockgate itself listens on.
fn check_circle(
    reader: &mut SettingsReader<'_>,
    settings: &Settings,
    listeners: &[ListenerSettings],
) {
    let is_upstream = |problem: &Problem| problem.key.as_deref() == Some("upstream");
    if reader.problems.iter().any(is_upstream) {
        return;
    }
    let daemon = &settings.upstream;
    let general = listeners.len().saturating_sub(settings.listener.len());
    for (at, listener) in listeners.iter().enumerate() {
        let address = &listener.address;
        if circle::leads_back(daemon, address) {
            let key = at.checked_sub(general);
            let key = key.map_or("listen".to_owned(), |at| format!("listener[{at}].address"));
            let message = format!(
                "{daemon} is Dockgate's own address, because `{key}` is {address}: write the daemon's address, or \
                 listen elsewhere"
            );
            reader.wrong_at("upstream", message);
        }
    }
}

#[cfg(test)]
mod tests;
