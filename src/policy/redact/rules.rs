//! What happens to the value under each key.

use super::Redaction;
use super::class::Class;
use super::keys::Key;

/// What happens to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// It is shown, and the keys of the objects in it decide about what they have.
    Walk,
    /// It is an object with names instead of keys. Whatever has such a name is shown.
    Names,
    /// Every string in it is hidden.
    Hide,
    /// Every string in it becomes empty, because programs parse them.
    Empty,
    /// Every string in it is hidden, and in base64.
    HideBase64,
    /// The value becomes null, because programs parse what it has.
    Null,
    /// Environment variables: a list of them, or an object with their names as keys.
    Env,
    /// An environment variable: `name=value`, or an object that has both.
    Variable,
    /// Labels. With `is_event`, the daemon's own attributes are among them.
    Labels { is_event: bool },
    /// A health check, whose first word says how to run it.
    HealthCheck,
    /// The name of an event, and after a colon the command of an exec.
    Action,
    /// Rows of a table, whose last column is a command.
    Rows,
    /// Options of drivers; `device` can be a path on the host.
    Options { is_device: bool },
}

impl Redaction {
    /// What happens to the value of a key, in an object that is itself the value of `parent`, or in a list that is.
    pub(super) fn rule(&self, parent: Key, key: Key) -> Rule {
        if key == Key::Other {
            return Rule::Walk;
        }
        let rules = [
            self.of_host(parent, key),
            self.of_commands(parent, key),
            self.of_labels(key),
            self.of_mounts(parent, key),
            self.of_options(parent, key),
            self.of_swarm(parent, key),
        ];
        let hidden = rules.into_iter().flatten().next();
        hidden.unwrap_or_else(|| shown(parent, key))
    }

    fn of_commands(&self, parent: Key, key: Key) -> Option<Rule> {
        let is_error = matches!(
            (parent, key),
            (_, Key::Err) | (Key::State, Key::Error) | (Key::Error, Key::Message)
        );
        if is_error {
            return self.hides_errors().then_some(Rule::Hide);
        }
        if key == Key::Env {
            return self.hides(Class::Env).then_some(Rule::Env);
        }
        let rule = match (parent, key) {
            (
                _,
                Key::Args
                | Key::Arguments
                | Key::Author
                | Key::Cmd
                | Key::Command
                | Key::Comment
                | Key::CreateCommand
                | Key::CreatedBy
                | Key::Entrypoint
                | Key::OnBuild
                | Key::Output
                | Key::Shell,
            )
            | (Key::Container, Key::Path)
            | (Key::BuildCache | Key::BuildCacheUsage | Key::Items, Key::Description) => Rule::Hide,
            (_, Key::Test) => Rule::HealthCheck,
            (Key::Top, Key::Processes) => Rule::Rows,
            (Key::Event, Key::Action | Key::Status) => Rule::Action,
            _ => return None,
        };
        self.hides(Class::Commands).then_some(rule)
    }

    fn of_labels(&self, key: Key) -> Option<Rule> {
        let is_event = key == Key::Attributes;
        let is_labels = matches!(key, Key::Annotations | Key::EngineLabels | Key::Labels);
        // Events have comments of images and details of the host among the labels.
        let is_hidden_in_events = self.hides(Class::Commands) || self.hides(Class::Host);
        let has_rule = self.hides(Class::Labels) || is_event && is_hidden_in_events;
        (has_rule && (is_event || is_labels)).then_some(Rule::Labels { is_event })
    }

    fn of_mounts(&self, parent: Key, key: Key) -> Option<Rule> {
        let is_path = matches!(
            (parent, key),
            (_, Key::Binds | Key::Mountpoint | Key::PathOnHost) | (Key::Mounts, Key::Source)
        );
        (is_path && self.hides(Class::Mounts)).then_some(Rule::Hide)
    }

    fn of_options(&self, parent: Key, key: Key) -> Option<Rule> {
        let are_options = is_of_driver(parent, key);
        if are_options && self.hides(Class::VolumeOptions) {
            return Some(Rule::Options { is_device: false });
        }
        (are_options && self.hides(Class::Mounts)).then_some(Rule::Options { is_device: true })
    }

    fn of_swarm(&self, parent: Key, key: Key) -> Option<Rule> {
        let is_data = key == Key::Data && parent != Key::GraphDriver;
        if is_data && self.hides(Class::ConfigData) {
            return Some(Rule::HideBase64);
        }
        let rule = match (parent, key) {
            (_, Key::JoinTokens | Key::UnlockKey) => Rule::Hide,
            (_, Key::CaConfig | Key::TlsInfo) => Rule::Empty,
            _ => return None,
        };
        self.hides(Class::SwarmTokens).then_some(rule)
    }

    fn of_host(&self, parent: Key, key: Key) -> Option<Rule> {
        let rule = match (parent, key) {
            (
                _,
                Key::DockerRootDir
                | Key::HostnamePath
                | Key::HostsPath
                | Key::KernelVersion
                | Key::LogPath
                | Key::ResolvConfPath,
            )
            | (Key::Info, Key::Labels | Key::Name | Key::Warnings)
            | (Key::Description, Key::Hostname)
            | (Key::GraphDriver, Key::Data) => Rule::Hide,
            (Key::Info, Key::HttpProxy | Key::HttpsProxy | Key::NoProxy)
            | (Key::ManagerStatus | Key::RemoteManagers | Key::Status, Key::Addr)
            | (_, Key::NodeAddr) => Rule::Empty,
            (Key::Info, Key::RegistryConfig) => Rule::Null,
            _ => return None,
        };
        self.hides(Class::Host).then_some(rule)
    }
}

/// Whether a key has the options of a driver.
fn is_of_driver(parent: Key, key: Key) -> bool {
    matches!(
        (parent, key),
        (
            _,
            Key::DriverOpts
                | Key::Options
                | Key::PublishContext
                | Key::StorageOpt
                | Key::VolumeContext
        ) | (Key::LogConfig, Key::Config)
            | (Key::Volumes, Key::Status)
    )
}

/// How a value is read of which nothing is hidden.
fn shown(parent: Key, key: Key) -> Rule {
    let has_names = is_of_driver(parent, key)
        || matches!(
            (parent, key),
            (
                _,
                Key::Annotations
                    | Key::Attributes
                    | Key::AuxiliaryAddresses
                    | Key::Containers
                    | Key::EngineLabels
                    | Key::ExposedPorts
                    | Key::IndexConfigs
                    | Key::Labels
                    | Key::Networks
                    | Key::PortBindings
                    | Key::Ports
                    | Key::Runtimes
                    | Key::Segments
                    | Key::Services
                    | Key::Sysctls
                    | Key::Tmpfs
                    | Key::Volumes
            ) | (Key::GraphDriver, Key::Data)
        );
    if has_names { Rule::Names } else { Rule::Walk }
}
