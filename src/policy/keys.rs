//! The keys of a policy. They decide about what a request asks for in its body or query, and about existing objects.
//!
//! Every key is here once, with its default, which applies without the block. A key's type knows how it is written,
//! what it allows, and what to write so that it allows more. A [`Row`] has everything else: reading, checking,
//! remedies, audit records, learning, replaying and the schema come from this table.

pub(crate) mod amount;
pub(crate) mod fill;
mod generate;
pub(crate) mod image;
pub(crate) mod label;
pub(crate) mod named;
pub(crate) mod pattern;
pub(crate) mod place;
pub(crate) mod row;
pub(crate) mod selector;
pub(crate) mod setting;
pub(crate) mod texts;

use std::sync::LazyLock;

use toml::{Table, Value};

pub(crate) use amount::Limits;
pub(crate) use fill::Fill;
use generate::keys;
pub(crate) use image::{Moved, ReferencePattern, References, TagNames};
pub(crate) use label::{Labels, Variables};
pub(crate) use named::{NetworkNames, ProjectNames, VolumeNames};
pub(crate) use pattern::{Commands, NetworkOptions, Patterns, Remotes, VolumeOptions};
pub(crate) use place::{Binds, Directories, Ports, Subnets, Uploads};
use row::{CONTAINERS, JOINS, NOTHING, PROCESSES, PULLS, PUSHES, TAGS, UPLOADS, VARIABLES};
pub(crate) use row::{Check, Host, Reaches, Record, Row};
pub(crate) use setting::Selectors;
use setting::{Setting, described, unknown};
pub(crate) use texts::{Capabilities, Devices, Texts, Users};

use crate::docker::Block;
use crate::policy::value::Shape;

/// Called with each problem: its key, and what is wrong.
pub(crate) type Wrong<'a> = &'a mut dyn FnMut(String, String);

keys! {
    /// `[archive]`: uploads into containers.
    archive Archive {
        /// Allows everything that the keys of this block can allow: root on the host.
        unrestricted: bool = false, "`false`" => ArchiveUnrestricted(Value, Whole, Nothing, Never, NOTHING);
        /// Containers to upload into, written as in `exec.into`.
        into: Option<Selectors> = None, "any" => ArchiveInto(Entered, Whole, Container, Never, UPLOADS);
        /// Allows uploads into containers that have more than `[create]` allows.
        into_privileged: bool = false, "`false`" => ArchiveIntoPrivileged(Value, Whole, Nothing, Always, NOTHING);
        /// Where the files may go: `"/workspace/**:rw"`.
        paths: Option<Uploads> = None, "any" => ArchivePath(Value, Whole, Nothing, Never, UPLOADS);
    }

    /// `[build]`: image builds.
    build Build {
        /// Allows everything that the keys of this block can allow, and other Dockerfile frontends: root on the host.
        unrestricted: bool = false, "`false`" => BuildUnrestricted(Value, Whole, Nothing, Never, NOTHING);
        /// Networks for the build's steps: `"host"`, or another mode.
        networks: Texts = Texts::default(), "`default`, `none`" => BuildNetwork(Value, Whole, BuildNetwork, Network, NOTHING);
        /// URLs from which the daemon may fetch the build context.
        remotes: Remotes = Remotes::default(), "none" => BuildRemote(Value, Shortened, Nothing, Never, NOTHING);
    }

    /// `[create]`: new containers and services, and changes to them.
    create Create {
        /// Allows everything that the keys of this block can allow: root on the host.
        unrestricted: bool = false, "`false`" => CreateUnrestricted(Value, Whole, Nothing, Never, NOTHING);
        /// Fixed IP and MAC addresses.
        addresses: bool = false, "`false`" => Addresses(Value, Whole, Nothing, Never, NOTHING);
        /// Annotations for the runtime, by name: `"com.example.*"`. `runc` ignores most of them; other runtimes read some as
        /// settings of their own.
        annotations: Patterns = Patterns::default(), "none" => Annotation(Value, Whole, Nothing, Always, NOTHING);
        /// Host paths: `"/srv/a"` allows this path read-only, `"/srv/a:rw"` also for writing, `"/srv/a/**:rw"` also
        /// everything below it. `"/:ro-nonrecursive"` is read-only, but other mounts below the path stay writable.
        binds: Binds = Binds::default(), "none" => Bind(Value, Whole, Path, Directories, NOTHING);
        /// Capabilities beyond those that every container has, with `CAP_` or without.
        capabilities: Capabilities = Capabilities::default(), "none" => Capability(Value, Whole, Nothing, Always, NOTHING);
        /// Configs of the swarm, by name.
        configs: Patterns = Patterns::default(), "none" => Config(Value, Whole, Nothing, Never, NOTHING);
        /// Devices: `"/dev/ttyUSB0"`, `"/dev/ttyUSB0:rw"` without the right to create device nodes, a rule such as `"c
        /// 188:* rwm"`, or a CDI name such as `"nvidia.com/gpu=0"`.
        devices: Devices = Devices::default(), "none" => Device(Value, Whole, Nothing, Always, NOTHING);
        /// Options of a container's connection to a network, as key and pattern:
        /// `"com.docker.network.endpoint.sysctls=net.ipv6.*"`. The name of its interface needs no entry.
        endpoint_options: NetworkOptions = NetworkOptions::default(), "the interface's name" =>
            EndpointOption(Value, Whole, Nothing, Never, NOTHING);
        /// `{ allow = ["CI", "MODE=test"], forbid = ["LD_*"] }`: variables by name, or by name and value.
        env: Variables = Variables::default(), "any" => Env ".allow"(Value, Name, Nothing, Never, VARIABLES);
        /// `{ memory = "2g", cpus = 2, pids = 512, no_new_privileges = true, cap_drop = ["ALL"], runtime = "runsc",
        /// network = "ci" }`, or some of them: what a new container gets if its request leaves it out. It is filled in
        /// before the request is judged, and the audit record lists it. What the request says is judged as without this
        /// key, with two exceptions: `cap_drop` is added to what the client drops, and if a `runtime` is filled in, the
        /// daemon's default runtime is no longer allowed by itself. If several policies allow the operation, the first
        /// one fills in. Services get nothing filled in.
        fill: Fill = Fill::default(), "nothing";
        /// GPUs, as with `docker run --gpus`.
        gpus: bool = false, "`false`" => Gpus(Value, Whole, Nothing, Never, NOTHING);
        /// Supplementary groups of the user.
        groups: Texts = Texts::default(), "none" => Group(Value, Whole, Nothing, Never, NOTHING);
        /// Namespaces of the host: `"cgroup"`, `"ipc"`, `"network"`, `"pid"`, `"user"`, `"uts"`.
        host_namespaces: Texts = Texts::default(), "none" => HostNamespace(Value, Whole, Nothing, Always, NOTHING);
        /// Images to run: `"registry.example/acme/*"` allows every tag and digest, `"postgres:16"` one tag,
        /// `"app@sha256:*"` only digests. A short name means Docker Hub. If this key is set, names that could be an
        /// image's id are denied.
        images: Option<References> = None, "any" => Image(Value, Whole, Nothing, Never, CONTAINERS);
        /// Containers whose namespaces, volumes or links a new container may use, written as in `exec.into`.
        join: Selectors = Selectors::default(), "none" => Join(Container, Whole, Join, Never, NOTHING);
        /// `{ forbid = ["traefik.*"], stamp = { owner = "ci" } }`: labels that clients may not set, and labels that
        /// Dockgate sets on everything that is created. Labels that come from an image are not checked: restrict images
        /// with `images` and `images.pull`.
        labels: Labels = Labels::default(), "any" => Label ".forbid"(Label, Never, Nothing, Never, NOTHING);
        /// `{ memory = "2g", cpus = 1.5, pids = 512 }`: limits that each container must set and not exceed. An update
        /// may not remove them.
        limits: Limits = Limits::default(), "none" => Limits(Value, Whole, Nothing, Never, CONTAINERS);
        /// Further log drivers, with any option.
        log_drivers: Texts = Texts::default(), "`json-file`, `local`" => LogDriver(Value, Whole, Nothing, Never, NOTHING);
        /// Networks to join: by name, `"@own"` if they were created through this policy, or `"@project"` if they belong
        /// to a Compose project that `projects` allows. A list replaces the default. Joining no network is always
        /// allowed.
        networks: NetworkNames = NetworkNames::default(), "`[\"@default\", \"@own\"]`" =>
            Network(Network, Whole, Network, Never, CONTAINERS),
            Start(Start, Never, Start, Never, NOTHING);
        /// Containers that the kernel spares when memory runs out: `OomKillDisable`, and an `OomScoreAdj`
        /// below 0.
        oom_protected: bool = false, "`false`" => OomProtected(Value, Whole, Nothing, Never, NOTHING);
        /// Ports of the host: `"8080"`, `"8000-8099"`, `"127.0.0.1:8000-8099"`. `"0"` means a port that the daemon
        /// picks.
        ports: Option<Ports> = None, "any" => Port(Value, Whole, Nothing, Never, CONTAINERS);
        /// Privileged containers.
        privileged: bool = false, "`false`" => Privileged(Value, Whole, Nothing, Always, NOTHING);
        /// Compose projects and swarm stacks that new objects may belong to: by name, `"@own"` if everything in the
        /// project was created through this policy, or `"@new"` if nothing in it exists yet. Another client can be the
        /// first to use a project name: if others use this engine, list your own projects by name.
        projects: ProjectNames = ProjectNames::default(), "none" => Project(Project, Whole, Nothing, Never, NOTHING);
        /// For updaters: a container that was stopped, killed, renamed or deleted through Dockgate in the last 15
        /// minutes may be recreated with what it had and nothing more, from any version of its image. The old one must
        /// have ended, and the request may leave out only what its image says. Dockgate remembers 256 containers of up
        /// to 64 KiB each. It compares a request with the newest first, up to 65,536 values of both sides; if it
        /// skipped older ones, the denial says so. Do not allow `ImageBuild`, `ImageCommit`, `ImageLoad` or `ImageTag`
        /// together with this key: a client that can name an image decides what replaces the container.
        replaces: bool = false, "`false`" => Replaces(Value, Whole, Nothing, Never, NOTHING);
        /// Restart policies. `"no"` is always allowed.
        restart: Option<Texts> = None, "any" => Restart(Value, Whole, Nothing, Never, CONTAINERS);
        /// Allows a service to roll back to its earlier state, which is not checked.
        rollback: bool = false, "`false`" => Rollback(Value, Whole, Nothing, Never, NOTHING);
        /// Further runtimes.
        runtimes: Texts = Texts::default(), "the daemon's default" => Runtime(Runtime, Whole, Nothing, Always, NOTHING);
        /// Secrets of the swarm, by name.
        secrets: Patterns = Patterns::default(), "none" => Secret(Value, Whole, Nothing, Never, NOTHING);
        /// Options of the kernel's security modules, such as `"apparmor=unconfined"`, `"seccomp=*"`, `"label=disable"`.
        security_opt: Patterns = Patterns::default(), "none" => SecurityOption(Value, Whole, Nothing, Always, NOTHING);
        /// Kernel settings, by name.
        sysctls: Patterns = Patterns::default(), "none" => Sysctl(Value, Whole, Nothing, Never, NOTHING);
        /// Options of tmpfs mounts: `"exec"`, `"suid"`, `"dev"`.
        tmpfs_options: Texts = Texts::default(), "none" => TmpfsOption(Value, Whole, Nothing, Never, NOTHING);
        /// For `ServiceUpdate`: a service may be updated if it keeps everything that it has, whatever that is. Only
        /// `TaskTemplate.ForceUpdate`, the number of replicas, and labels that the policy allows may change. `version`
        /// must be the service's current version. Together with `images = []`, no other update is possible.
        unchanged: bool = false, "`false`" => Unchanged(Value, Whole, Nothing, Never, NOTHING);
        /// Users: `"1000:1000"`, or `"@non-root"` for any user and group above 0, if both are given as numbers.
        users: Option<Users> = None, "any" => User(Value, Whole, Nothing, Never, CONTAINERS);
        /// Named volumes: by name, whoever created them (`"*"` is any); `"@own"` if they were created through this
        /// policy; `"@new"` if they do not exist yet; `"@project"` if they belong to a Compose project that `projects`
        /// allows. Dockgate first creates a new volume with its own `VolumeCreate` and this policy's label, so that it
        /// is `"@own"` from then on. A volume without a name is also `@own` if only `@own` containers use it. A volume
        /// whose driver or options `[volumes]` does not allow is denied. Services need their volumes by name, because
        /// each node creates them.
        volumes: VolumeNames = VolumeNames::default(), "`[\"@own\", \"@new\"]`" =>
            Volume(Volume, Whole, Volume, Never, CONTAINERS),
            SwarmVolume(Value, Whole, Volume, Never, NOTHING);
    }

    /// `[exec]`: processes in existing containers.
    exec Exec {
        /// Allows everything that the keys of this block can allow: root on the host.
        unrestricted: bool = false, "`false`" => ExecUnrestricted(Value, Whole, Nothing, Never, NOTHING);
        /// Programs with their arguments, a list for each command: `[["npm", "test", "..."]]`. Each word is a pattern;
        /// `"..."` at the end allows further arguments.
        commands: Option<Commands> = None, "any" => Command(Value, Shortened, Nothing, Never, PROCESSES);
        /// Variables, as in `[create]`.
        env: Variables = Variables::default(), "any; none with `commands`" => ExecEnv ".allow"(Value, Name, Nothing, Never, PROCESSES);
        /// Containers by name, `"label:key"`, `"label:key=value"`, `"project:name"` (a Compose project), or `"@own"`.
        into: Option<Selectors> = None, "any" =>
            ExecInto(Entered, Whole, Container, Never, PROCESSES),
            Watch(Container, Whole, Container, Never, NOTHING);
        /// Allows entering containers that have more than `[create]` allows.
        into_privileged: bool = false, "`false`" => ExecIntoPrivileged(Value, Whole, Nothing, Always, NOTHING);
        /// All capabilities for the process.
        privileged: bool = false, "`false`" => ExecPrivileged(Value, Whole, Nothing, Always, NOTHING);
        /// For `ContainerTop`: arguments of `ps` that show more than a list of processes, as one text with `*`: `"-Z
        /// *"`. `ps` runs on the host as root. `"*"` also allows showing the environment of the container's processes,
        /// and can be used to show other processes of the host.
        ps_args: Patterns = Patterns::default(), "none" => PsArgs(Value, Whole, Nothing, Never, NOTHING);
        /// Users, as in `[create]`. An exec without a user runs as the container's user, which no list allows.
        users: Option<Users> = None, "any" => ExecUser(Value, Whole, Nothing, Never, PROCESSES);
        /// Directories to start in: `"/app"`, `"/app/**"`.
        workdirs: Option<Directories> = None, "any" => ExecWorkdir(Value, Whole, Nothing, Never, PROCESSES);
    }

    /// `[images]`: images that may be pulled, created and pushed.
    images Images {
        /// Allows everything that the keys of this block can allow: root on the host.
        unrestricted: bool = false, "`false`" => ImagesUnrestricted(Value, Whole, Nothing, Never, NOTHING);
        /// Images created from a tar in the request.
        import: bool = false, "`false`" => Import(Value, Whole, Nothing, Never, NOTHING);
        /// Addresses from which the daemon may fetch a tar to create an image.
        import_from: Remotes = Remotes::default(), "none" => ImportFrom(Value, Shortened, Nothing, Never, NOTHING);
        /// Images, as in `create.images`. A registry at a loopback or link-local address, `localhost` or a similar name
        /// must be listed here, because a pull from it shows which ports of the host are open. This also applies to
        /// `ImageSearch`, `DistributionInspect` and the registries of plugins.
        pull: Moved = Moved::default(), "any, but no registry on the host itself" => Pull(Value, Whole, Nothing, Never, PULLS);
        /// The same for `ImagePush` and for builds that push.
        push: Moved = Moved::default(), "any if `ImagePush` is allowed, otherwise none" => Push(Push, Whole, Nothing, Never, PUSHES);
        /// Names that a tag, commit, import or build may give to an image: by name, whichever image has it (`"*"` is
        /// any); `"@own"` if the image that has the name was built under it through this policy, or got it through this
        /// Dockgate since it started; `"@new"` if no image has the name. `ImageLoad` needs `"*"`, because Dockgate does
        /// not read the names in a tar. This key does not limit pulls. If a tag does not exist when a build or import
        /// starts, others can create it while it runs, and the build then moves it.
        tags: TagNames = TagNames::default(), "`[\"@own\", \"@new\"]`" => Tag(Tag, Whole, Tag, Never, TAGS);
    }

    /// `[networks]`: new networks, and which containers are connected to networks.
    networks Networks {
        /// Allows everything that the keys of this block can allow: root on the host.
        unrestricted: bool = false, "`false`" => NetworksUnrestricted(Value, Whole, Nothing, Never, NOTHING);
        /// Containers that may be connected to a network, which `create.networks` must allow, or disconnected from it.
        containers: Selectors = Selectors::own(), "`[\"@own\"]`" => Connect(Container, Whole, Container, Never, JOINS);
        /// Drivers.
        drivers: Texts = Texts::of(&["bridge", "overlay"]), "`[\"bridge\", \"overlay\"]`" => NetworkDriver(Value, Whole, Nothing, Never, NOTHING);
        /// Options for the driver, as key and pattern: `"parent=eth0.*"`. MTU, masquerading, traffic between containers
        /// and encryption need no entry.
        options: NetworkOptions = NetworkOptions::default(), "harmless ones" => NetworkOption(Value, Whole, Nothing, Never, NOTHING);
        /// Address ranges: `"10.200.0.0/16"`.
        subnets: Subnets = Subnets::default(), "none" => Subnet(Value, Whole, Nothing, Never, NOTHING);
    }

    /// `[volumes]`: new volumes.
    volumes Volumes {
        /// Allows everything that the keys of this block can allow: root on the host.
        unrestricted: bool = false, "`false`" => VolumesUnrestricted(Value, Whole, Nothing, Never, NOTHING);
        /// Drivers.
        drivers: Texts = Texts::of(&["local"]), "`[\"local\"]`" => VolumeDriver(Value, Whole, Nothing, Never, NOTHING);
        /// Options for the driver: `"type=nfs"`, `"device=:/export/*"`, `"o=addr=10.0.0.5,*"`. Every option of a volume
        /// must be allowed. Memory (`type=tmpfs`) needs no entry.
        options: VolumeOptions = VolumeOptions::default(), "none" => VolumeOption(Value, Name, PathInOption, Always, NOTHING);
    }
}

/// Directories of the host: writing them, or reading the secrets in them, gives control of the host.
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

/// What applies without any block.
static DEFAULTS: LazyLock<Blocks> = LazyLock::new(Blocks::default);

impl Key {
    /// The key of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let mut keys = Self::ALL.iter().copied();
        keys.find(|key| key.row().name == name)
    }

    /// Its name, such as `create.env.allow`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The shape of the values that it decides about.
    pub(crate) fn shape(self) -> Shape {
        (self.row().shape)()
    }

    /// Its name within its block, such as `env.allow`.
    pub(crate) fn in_block(self) -> &'static str {
        let name = self.name();
        name.split_once('.').map_or(name, |(_, name)| name)
    }

    /// The entries that apply without the key. A list in the policy replaces them.
    pub(crate) fn defaults(self) -> Vec<String> {
        DEFAULTS.setting(self).entries()
    }
}

impl Blocks {
    /// Whether the policy has a block, its own or that of a policy that it extends.
    pub(crate) fn has(&self, block: Block) -> bool {
        self.written.contains(&block)
    }

    /// The keys that select existing containers.
    pub(crate) fn selectors(&self) -> impl Iterator<Item = (&'static str, &Selectors)> {
        let keys = Key::ALL.iter().copied();
        keys.filter_map(|key| Some((key.name(), self.setting(key).selectors()?)))
    }

    /// The keys that give a container or a process a part of the host, with the values that do so.
    pub(crate) fn reaching_the_host(&self) -> Vec<String> {
        let mut found = Vec::new();
        for key in Key::ALL {
            let (name, setting) = (key.name(), self.setting(*key));
            match key.row().host {
                Host::Always if !setting.is_empty() => found.push(name.to_owned()),
                Host::Network if setting.entries().iter().any(|mode| mode == "host") => {
                    found.push(name.to_owned());
                }
                Host::Directories => {
                    let mut paths = setting.entries();
                    paths.retain(|it| OF_THE_HOST.contains(&&**it) || it.ends_with("docker.sock"));
                    found.extend(paths.iter().map(|path| format!("{name} = {path}")));
                }
                Host::Always | Host::Network | Host::Never => {}
            }
        }
        // Keys without a value first.
        found.sort_by_key(|found| found.contains('='));
        found
    }
}

fn take<T: Setting>(table: &Table, block: &str, key: &str, to: &mut T, wrong: Wrong<'_>) {
    match table.get(key).map(T::read) {
        None => {}
        Some(Ok(value)) => *to = value,
        Some(Err(problem)) => wrong(format!("{block}.{key}"), problem),
    }
}

#[cfg(test)]
mod tests;
