//! Reading the settings: file, then environment, then flags, later ones winning.
//!
//! This is the one place below the proxy that reads files.

mod circle;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::NonEmptyStringValueParser as NoEmpty;
use figment::Provider;
use figment::providers::{Format, Toml};
use figment::value::Value;

use super::layers::{Layer, Layers};
use super::settings::Settings;
use super::table::{SettingKind, SettingsReader};
use super::{Admission, Config, ListenerSettings, RunAs, files, listeners, rows};
use crate::compat::ImageVariables;
use crate::policyfile::{Lines, Policy, Problem};

/// What the command line says of the settings.
#[derive(Clone, Debug, Default, Args)]
pub struct Flags {
    /// Settings file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Policy, by its shipped name or its file; may be given more than once, or joined by commas
    #[arg(long, value_name = "NAME|FILE", value_delimiter = ',', value_parser = NoEmpty::new())]
    pub policy: Vec<String>,
    /// Address to listen on: <tcp://127.0.0.1:2375>, <unix:///path>
    #[arg(long, value_name = "ADDR", value_delimiter = ',', value_parser = NoEmpty::new())]
    pub listen: Vec<String>,
    /// Address of the daemon: <unix:///var/run/docker.sock>, <tcp://host:2375>
    #[arg(long, value_name = "ADDR", value_parser = NoEmpty::new())]
    pub upstream: Option<String>,
    /// Forward what the policies refuse, and record it as `would_deny`: the gate is open
    #[arg(long)]
    pub observe: bool,
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
        let mut sources = Sources::default();
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

/// Where the settings come from, and what was wrong with that.
#[derive(Default)]
struct Sources {
    layers: Layers,
    named_file: Option<PathBuf>,
    variables: ImageVariables,
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
        let value = match rows::all(Settings::ROWS).get(&key).filter(|_| is_capital) {
            Some(row) => row.shape.parse(text).map_err(str::to_owned),
            None => Err(rows::unknown(Settings::ROWS, &key, |near| {
                format!("{PREFIX}{}", near.to_ascii_uppercase().replace('.', "__"))
            })),
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
        let read = Toml::string(&text).data();
        let read = read.map_err(|error| Problem::of_file(&name, error.to_string().trim_end()))?;
        let dict = read.into_values().next().unwrap_or_default();
        let mut report = |key: &str, message: String| {
            self.problems.push(Problem::of_key(&name, key, message));
        };
        let dict = rows::fitting(Settings::ROWS, dict, "", &mut report);
        let layer = Layer::new(name, dict);
        self.layers.under_file(layer, Lines::of(&text));
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

    fn check(mut self) -> Result<Config, Vec<Problem>> {
        let translated = self.read_variables();
        let mut reader = SettingsReader::new(&self.layers);
        let settings = Settings::read(&self.layers.values(), &mut reader);
        let Some(settings) = settings else {
            self.problems.append(&mut reader.problems);
            return Err(self.problems);
        };
        let is_unconfigured = translated.is_none() && !has_policy(&settings);
        let listeners = listeners::compose(&mut reader, &settings, translated);
        check_circle(&mut reader, &settings, &listeners);
        let (fixed, mut problems) = (reader.fixed, reader.problems);
        self.problems.append(&mut problems);
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        Ok(Config {
            listeners,
            upstream: settings.upstream,
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
            notices: self.notices,
            is_unconfigured,
            fixed,
        })
    }
}

/// Whether a setting says what clients may do.
fn has_policy(settings: &Settings) -> bool {
    let mut listeners = settings.listener.iter();
    settings.policy.is_some()
        || settings.allow.is_some()
        || listeners.any(|own| own.policy.is_some())
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
                "{daemon} is where Dockgate itself listens, as `{key}` says {address}: write the \
                 daemon's address, or listen elsewhere"
            );
            reader.wrong_at("upstream", message);
        }
    }
}

#[cfg(test)]
mod tests;
