//! The blocks of a policy file: what of an operation they grant when it depends on a body, a query or
//! an existing object.
//!
//! Every key stands here once, with its default, which is what holds without the block. A key's type
//! knows how it is written and what it covers.

pub mod amount;
pub mod image;
pub mod label;
pub mod named;
pub mod pattern;
pub mod place;
pub mod selector;
pub mod setting;

use toml::{Table, Value};

pub use amount::Limits;
pub use image::{References, TagNames};
pub use label::{Labels, Variables};
pub use named::{NetworkNames, ProjectNames, VolumeNames};
pub use pattern::{Commands, Options, Patterns, Texts, Users};
pub use place::{Binds, Ports, Subnets};
pub use selector::Selectors;
use setting::{Setting, described};

use crate::policy::requirement::Block;
use crate::policyfile::spelling::did_you_mean;

/// Makes the blocks. A row is `key: type = default;`.
macro_rules! blocks {
    ($($(#[doc = $doc:literal])+ $field:ident $name:ident {
        $($(#[doc = $key_doc:literal])+ $key:ident: $type:ty = $default:expr;)*
    })+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Clone, Debug)]
            pub struct $name {
                /// Grants everything that any key of the block could.
                pub unrestricted: bool,
                $($(#[doc = $key_doc])+ pub $key: $type,)*
            }

            impl Default for $name {
                fn default() -> Self {
                    Self { unrestricted: false, $($key: $default,)* }
                }
            }

            impl $name {
                const KEYS: &[&str] = &["unrestricted", $(stringify!($key)),*];

                fn read(table: &Table, wrong: Wrong<'_>) -> Self {
                    let block = stringify!($field);
                    unknown(table, Self::KEYS, block, wrong);
                    let mut read = Self::default();
                    take(table, block, "unrestricted", &mut read.unrestricted, wrong);
                    $(take(table, block, stringify!($key), &mut read.$key, wrong);)*
                    read
                }

                fn schema() -> serde_json::Value {
                    let mut keys = serde_json::Map::new();
                    let lifts = "Whether everything is granted that any key of the block could: root on the host.";
                    keys.insert("unrestricted".to_owned(), described(bool::schema(), lifts));
                    $(
                        let told = concat!($($key_doc),+);
                        keys.insert(stringify!($key).to_owned(), described(<$type>::schema(), told));
                    )*
                    let told = concat!($($doc),+);
                    described(setting::table(&keys), told)
                }
            }
        )+

        /// The blocks of a policy; one that it does not have holds with its defaults.
        #[derive(Clone, Debug, Default)]
        pub struct Blocks {
            /// Which of them it has.
            written: Vec<&'static str>,
            $($(#[doc = $doc])+ pub $field: $name,)+
        }

        impl Blocks {
            /// The keys of the blocks in a policy file.
            pub const KEYS: &[&str] = &[$(stringify!($field)),+];

            /// Reads the blocks of a policy's table; each problem is told with its key.
            pub fn read(table: &Table, wrong: Wrong<'_>) -> Self {
                let mut read = Self::default();
                $(
                    let name = stringify!($field);
                    match table.get(name) {
                        None => {}
                        Some(Value::Table(table)) => {
                            read.$field = $name::read(table, wrong);
                            read.written.push(name);
                        }
                        Some(_) => wrong(name.to_owned(), format!("must be a table: [{name}]")),
                    }
                )+
                read
            }

            /// The blocks by their names, as JSON Schema.
            #[must_use]
            pub fn schemas() -> Vec<(&'static str, serde_json::Value)> {
                vec![$((stringify!($field), $name::schema())),+]
            }

            /// Takes over the blocks of a parent that it does not have.
            pub fn inherit(&mut self, parent: &Self) {
                $(
                    let name = stringify!($field);
                    if parent.written.contains(&name) && !self.written.contains(&name) {
                        self.$field = parent.$field.clone();
                        self.written.push(name);
                    }
                )+
            }

            /// Whether the policy has a block, its own or a parent's.
            #[must_use]
            pub fn has(&self, block: Block) -> bool {
                match block { $(Block::$name => self.written.contains(&stringify!($field))),+ }
            }

            /// Whether a block grants everything that it could.
            #[must_use]
            pub fn is_lifted(&self, block: Block) -> bool {
                match block { $(Block::$name => self.$field.unrestricted),+ }
            }

            /// The blocks that are lifted.
            #[must_use]
            pub fn unrestricted(&self) -> Vec<&'static str> {
                let lifted = [$((stringify!($field), self.$field.unrestricted)),+];
                lifted.into_iter().filter(|(_, is_lifted)| *is_lifted).map(|(name, _)| name).collect()
            }
        }
    };
}

/// Told of each problem: its key, and what is wrong.
pub type Wrong<'a> = &'a mut dyn FnMut(String, String);

blocks! {
    /// `[archive]`: uploads into containers.
    archive Archive {
        /// The containers.
        into: Option<Selectors> = None;
        /// Whether containers that are no ordinary ones are among them.
        into_privileged: bool = false;
        /// The paths in the container, with what is below them.
        paths: Option<Binds> = None;
    }

    /// `[build]`: builds of images.
    build Build {
        /// The networks that steps may use, beside `default` and `none`.
        networks: Texts = Texts::default();
        /// Addresses from which the daemon may fetch a context.
        remotes: Patterns = Patterns::default();
    }

    /// `[create]`: containers and services, and changes of them.
    create Create {
        /// Whether a fixed address may be taken.
        addresses: bool = false;
        /// Paths of the host that may be mounted: for reading, with `:ro-nonrecursive` for reading where what
        /// is mounted below them stays writable, with `:rw` for writing.
        binds: Binds = Binds::default();
        /// Capabilities beside those that every container has.
        capabilities: Texts = Texts::default();
        /// Configs of the swarm.
        configs: Patterns = Patterns::default();
        /// Devices: paths with permissions, rules of the cgroup, names of CDI.
        devices: Texts = Texts::default();
        /// Variables of the environment.
        env: Variables = Variables::default();
        /// Whether GPUs may be used.
        gpus: bool = false;
        /// Further groups of the user.
        groups: Texts = Texts::default();
        /// Namespaces of the host: cgroup, ipc, network, pid, user, uts.
        host_namespaces: Texts = Texts::default();
        /// Images that may be run; any local one without the key.
        images: Option<References> = None;
        /// Containers whose namespaces and volumes may be joined.
        join: Selectors = Selectors::default();
        /// Labels that may not be set, and those that are set on everything.
        labels: Labels = Labels::default();
        /// What must be set, and not exceeded.
        limits: Limits = Limits::default();
        /// Log drivers beside `json-file` and `local`.
        log_drivers: Texts = Texts::default();
        /// Networks that may be joined.
        networks: NetworkNames = NetworkNames::default();
        /// Whether a container may be spared when memory runs out.
        oom_protected: bool = false;
        /// Ports of the host; any without the key.
        ports: Option<Ports> = None;
        /// Whether a container may be privileged.
        privileged: bool = false;
        /// Projects of compose that what is made may belong to.
        projects: ProjectNames = ProjectNames::default();
        /// Whether a container may have what the one had whose name it takes over.
        replaces: bool = false;
        /// Restart policies; any without the key.
        restart: Option<Texts> = None;
        /// Whether a service may go back to an earlier state.
        rollback: bool = false;
        /// Runtimes beside the daemon's default.
        runtimes: Texts = Texts::default();
        /// Secrets of the swarm.
        secrets: Patterns = Patterns::default();
        /// Options of the kernel's security modules.
        security_opt: Patterns = Patterns::default();
        /// Settings of the kernel.
        sysctls: Patterns = Patterns::default();
        /// Options of memory mounts that undo what the daemon sets: dev, exec, suid.
        tmpfs_options: Texts = Texts::default();
        /// Whether a service may be updated that keeps what it has, whatever that is: only how often and how
        /// many times its tasks are started may change, and labels that may be set.
        unchanged: bool = false;
        /// Users; any without the key.
        users: Option<Users> = None;
        /// Named volumes that may be mounted; own and new ones without the key.
        volumes: VolumeNames = VolumeNames::default();
    }

    /// `[exec]`: processes in containers that are there.
    exec Exec {
        /// Programs with their arguments; any without the key.
        commands: Option<Commands> = None;
        /// Variables of the environment; any without the key, none where `commands` is set.
        env: Variables = Variables::default();
        /// The containers.
        into: Option<Selectors> = None;
        /// Whether containers that are no ordinary ones are among them.
        into_privileged: bool = false;
        /// Whether a process may have every capability.
        privileged: bool = false;
        /// Arguments of `ps` for `ContainerTop`, as one text with `*`, beside those that show nothing but a list
        /// of processes. `ps` runs on the host, as root.
        ps_args: Patterns = Patterns::default();
        /// Users; any without the key.
        users: Option<Users> = None;
        /// Directories to start in; any without the key.
        workdirs: Option<Binds> = None;
    }

    /// `[images]`: what may be fetched, made and sent away.
    images Images {
        /// Whether images may be made of a tar or an address.
        import: bool = false;
        /// Images that may be fetched; any without the key.
        pull: Option<References> = None;
        /// Images that may be sent away; any without the key where `ImagePush` is allowed.
        push: Option<References> = None;
        /// Names that may be given to images; own and new ones without the key.
        tags: TagNames = TagNames::default();
    }

    /// `[networks]`: networks that are made, and who is put on them.
    networks Networks {
        /// Containers that may be put on a network or off it.
        containers: Selectors = Selectors::own();
        /// Drivers.
        drivers: Texts = Texts::of(&["bridge", "overlay"]);
        /// Options for the driver, as `key=value` with `*`.
        options: Options = Options::default();
        /// Address ranges.
        subnets: Subnets = Subnets::default();
    }

    /// `[volumes]`: volumes that are made.
    volumes Volumes {
        /// Drivers.
        drivers: Texts = Texts::of(&["local"]);
        /// Options for the driver, as `key=value` with `*`.
        options: Options = Options::default();
    }
}

/// Directories of the host that whoever writes them, or reads the secrets in them, has the host.
const OF_THE_HOST: &[&str] = &[
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/lib64",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var",
    "/var/lib",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/run",
];

impl Blocks {
    /// The keys that select containers that are there.
    #[must_use]
    pub fn selectors(&self) -> Vec<(&'static str, &Selectors)> {
        let keys = [
            ("archive.into", self.archive.into.as_ref()),
            ("create.join", Some(&self.create.join)),
            ("exec.into", self.exec.into.as_ref()),
            ("networks.containers", Some(&self.networks.containers)),
        ];
        let keys = keys.into_iter();
        keys.filter_map(|(key, selectors)| Some((key, selectors?)))
            .collect()
    }

    /// The keys that give a container or a process a part of the host, with those of their values that
    /// do.
    #[must_use]
    pub fn reaching_the_host(&self) -> Vec<String> {
        let (create, exec) = (&self.create, &self.exec);
        let keys = [
            ("archive.into_privileged", self.archive.into_privileged),
            ("build.networks", self.build.networks.has("host")),
            ("create.capabilities", !create.capabilities.is_empty()),
            ("create.devices", !create.devices.is_empty()),
            ("create.host_namespaces", !create.host_namespaces.is_empty()),
            ("create.privileged", create.privileged),
            ("create.runtimes", !create.runtimes.is_empty()),
            ("create.security_opt", !create.security_opt.is_empty()),
            ("exec.into_privileged", exec.into_privileged),
            ("exec.privileged", exec.privileged),
            ("volumes.options", !self.volumes.options.is_empty()),
        ];
        let keys = keys.iter().filter(|(_, is_set)| *is_set);
        let binds = create.binds.paths();
        let binds =
            binds.filter(|(path, _)| OF_THE_HOST.contains(path) || path.ends_with("docker.sock"));
        let binds = binds.map(|(path, _)| format!("create.binds = {path}"));
        keys.map(|(key, _)| (*key).to_owned())
            .chain(binds)
            .collect()
    }
}

fn unknown(table: &Table, known: &[&str], block: &str, wrong: Wrong<'_>) {
    for key in table.keys().filter(|key| !known.contains(&key.as_str())) {
        let hint = did_you_mean(key, known.iter().copied());
        let keys = known.join(", ");
        wrong(
            format!("{block}.{key}"),
            format!("unknown key{hint}; the keys are {keys}"),
        );
    }
}

fn take<T: Setting>(table: &Table, block: &str, key: &str, to: &mut T, wrong: Wrong<'_>) {
    match table.get(key).map(T::read) {
        None => {}
        Some(Ok(value)) => *to = value,
        Some(Err(problem)) => wrong(format!("{block}.{key}"), problem.to_string()),
    }
}

#[cfg(test)]
mod tests;
