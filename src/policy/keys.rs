//! The keys of a policy: what of an operation they allow when it depends on a body, a query or an existing object.
//!
//! Every key stands here once, with its default, which is what holds without the block. A key's type knows how it is
//! written, what it allows, and what to write for it to allow more. What else there is to say of a key, a
//! [`Row`] says: reading, checking, remedies, records, learning, replaying and the schema come from this table.

pub(crate) mod amount;
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
use generate::keys;
pub(crate) use image::{Moved, References, TagNames};
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
        /// Everything that any key of the block could: root on the host.
        unrestricted: bool = false, "`false`" => ArchiveUnrestricted(Value, Whole, Nothing, Never, NOTHING);
        /// Containers, as under `exec.into`.
        into: Option<Selectors> = None, "any" => ArchiveInto(Entered, Whole, Container, Never, UPLOADS);
        /// Containers that have more than `[create]` would grant.
        into_privileged: bool = false, "`false`" => ArchiveIntoPrivileged(Value, Whole, Nothing, Always, NOTHING);
        /// Where the files go: `"/workspace/**:rw"`.
        paths: Option<Uploads> = None, "any" => ArchivePath(Value, Whole, Nothing, Never, UPLOADS);
    }

    /// `[build]`: builds of images.
    build Build {
        /// Everything that any key of the block could, and other Dockerfile frontends: root on the host.
        unrestricted: bool = false, "`false`" => BuildUnrestricted(Value, Whole, Nothing, Never, NOTHING);
        /// Networks for the steps: `"host"`, or another mode.
        networks: Texts = Texts::default(), "`default`, `none`" => BuildNetwork(Value, Whole, BuildNetwork, Network, NOTHING);
        /// Addresses from which the daemon may fetch the context.
        remotes: Remotes = Remotes::default(), "none" => BuildRemote(Value, Shortened, Nothing, Never, NOTHING);
    }

    /// `[create]`: containers and services, and changes of them.
    create Create {
        /// Everything that any key of the block could: root on the host.
        unrestricted: bool = false, "`false`" => CreateUnrestricted(Value, Whole, Nothing, Never, NOTHING);
        /// Fixed IP and MAC addresses.
        addresses: bool = false, "`false`" => Addresses(Value, Whole, Nothing, Never, NOTHING);
        /// Annotations for the runtime, by name: `"com.example.*"`. `runc` ignores most of them; other runtimes read some as
        /// settings of their own.
        annotations: Patterns = Patterns::default(), "none" => Annotation(Value, Whole, Nothing, Always, NOTHING);
        /// Host paths: `"/srv/a"` that path for reading, `"/srv/a:rw"` for writing too, `"/srv/a/**:rw"` with all that
        /// is below it, `"/:ro-nonrecursive"` for reading where other mounts below it stay writable.
        binds: Binds = Binds::default(), "none" => Bind(Value, Whole, Path, Directories, NOTHING);
        /// Capabilities beside those that every container has, with `CAP_` or without.
        capabilities: Capabilities = Capabilities::default(), "none" => Capability(Value, Whole, Nothing, Always, NOTHING);
        /// Configs of the swarm, by name.
        configs: Patterns = Patterns::default(), "none" => Config(Value, Whole, Nothing, Never, NOTHING);
        /// Devices: `"/dev/ttyUSB0"`, `"/dev/ttyUSB0:rw"` without the right to make nodes, a rule such as
        /// `"c 188:* rwm"`, a CDI name such as `"nvidia.com/gpu=0"`.
        devices: Devices = Devices::default(), "none" => Device(Value, Whole, Nothing, Always, NOTHING);
        /// Options of a container's connection to a network, as key and pattern:
        /// `"com.docker.network.endpoint.sysctls=net.ipv6.*"`. The name of its interface needs no entry.
        endpoint_options: NetworkOptions = NetworkOptions::default(), "the interface's name" =>
            EndpointOption(Value, Whole, Nothing, Never, NOTHING);
        /// `{ allow = ["CI", "MODE=test"], forbid = ["LD_*"] }`: variables by name, or by name and value.
        env: Variables = Variables::default(), "any" => Env ".allow"(Value, Name, Nothing, Never, VARIABLES);
        /// GPUs by `--gpus`.
        gpus: bool = false, "`false`" => Gpus(Value, Whole, Nothing, Never, NOTHING);
        /// Further groups of the user.
        groups: Texts = Texts::default(), "none" => Group(Value, Whole, Nothing, Never, NOTHING);
        /// Namespaces of the host: `"cgroup"`, `"ipc"`, `"network"`, `"pid"`, `"user"`, `"uts"`.
        host_namespaces: Texts = Texts::default(), "none" => HostNamespace(Value, Whole, Nothing, Always, NOTHING);
        /// Images to run: `"registry.example/acme/*"` every tag and digest, `"postgres:16"` one tag, `"app@sha256:*"` only
        /// digests; a short name is Docker Hub's. What could be an image's id is refused then.
        images: Option<References> = None, "any" => Image(Value, Whole, Nothing, Never, CONTAINERS);
        /// Containers whose namespaces, volumes or links are taken over, as under `exec.into`.
        join: Selectors = Selectors::default(), "none" => Join(Container, Whole, Join, Never, NOTHING);
        /// `{ forbid = ["traefik.*"], stamp = { owner = "ci" } }`: labels that no client may set, and labels set on
        /// all that is made. An image's own labels are not looked at: say by `images` and `images.pull` which may be
        /// used.
        labels: Labels = Labels::default(), "any" => Label ".forbid"(Label, Never, Nothing, Never, NOTHING);
        /// `{ memory = "2g", cpus = 1.5, pids = 512 }`: what must be set, and not exceeded; an update may not lift it.
        limits: Limits = Limits::default(), "none" => Limits(Value, Whole, Nothing, Never, CONTAINERS);
        /// Other drivers, with any option.
        log_drivers: Texts = Texts::default(), "`json-file`, `local`" => LogDriver(Value, Whole, Nothing, Never, NOTHING);
        /// Networks to join, by name; `"@own"` made through this policy, `"@project"` of a compose project that
        /// `projects` allows. A list replaces the default, and joining no network is always allowed.
        networks: NetworkNames = NetworkNames::default(), "`[\"@default\", \"@own\"]`" =>
            Network(Network, Whole, Network, Never, CONTAINERS),
            Start(Start, Never, Start, Never, NOTHING);
        /// Containers that the kernel spares when memory runs out: `OomKillDisable`, and an `OomScoreAdj` below 0.
        oom_protected: bool = false, "`false`" => OomProtected(Value, Whole, Nothing, Never, NOTHING);
        /// Ports of the host: `"8080"`, `"8000-8099"`, `"127.0.0.1:8000-8099"`; `"0"` is a port that the daemon picks.
        ports: Option<Ports> = None, "any" => Port(Value, Whole, Nothing, Never, CONTAINERS);
        /// Privileged containers.
        privileged: bool = false, "`false`" => Privileged(Value, Whole, Nothing, Always, NOTHING);
        /// Compose projects and swarm stacks that what is made may belong to: `"shop"`, `"@own"` for those of which
        /// everything was made through this policy, `"@new"` for those of which nothing exists yet. An unused project
        /// name can be taken first: name your own projects if others use this engine.
        projects: ProjectNames = ProjectNames::default(), "none" => Project(Project, Whole, Nothing, Never, NOTHING);
        /// A container that was stopped, killed, renamed or deleted through Dockgate in the last 15 minutes may be
        /// made again with what it had and nothing more, from any version of its image: for updaters. The old one must
        /// have ended, and what is left out must be what its image says. 256 are remembered, none of more than 64 KiB.
        /// A request is compared with the newest first, up to 65,536 values of both sides; if older ones were skipped,
        /// a denial says so. Not together with `ImageBuild`, `ImageCommit`, `ImageLoad` or `ImageTag`: whoever can
        /// give an image a name decides what takes the container's place.
        replaces: bool = false, "`false`" => Replaces(Value, Whole, Nothing, Never, NOTHING);
        /// Restart policies: `"no"` is always granted.
        restart: Option<Texts> = None, "any" => Restart(Value, Whole, Nothing, Never, CONTAINERS);
        /// A service may go back to an earlier state, which is not judged.
        rollback: bool = false, "`false`" => Rollback(Value, Whole, Nothing, Never, NOTHING);
        /// Other runtimes.
        runtimes: Texts = Texts::default(), "the daemon's default" => Runtime(Runtime, Whole, Nothing, Always, NOTHING);
        /// Secrets of the swarm, by name.
        secrets: Patterns = Patterns::default(), "none" => Secret(Value, Whole, Nothing, Never, NOTHING);
        /// Options of the kernel's security modules, such as `"apparmor=unconfined"`, `"seccomp=*"`, `"label=disable"`.
        security_opt: Patterns = Patterns::default(), "none" => SecurityOption(Value, Whole, Nothing, Always, NOTHING);
        /// Settings of the kernel, by name.
        sysctls: Patterns = Patterns::default(), "none" => Sysctl(Value, Whole, Nothing, Never, NOTHING);
        /// Options of memory mounts: `"exec"`, `"suid"`, `"dev"`.
        tmpfs_options: Texts = Texts::default(), "none" => TmpfsOption(Value, Whole, Nothing, Never, NOTHING);
        /// `ServiceUpdate`: a service may be updated that keeps what it has already, whatever that is. Only
        /// `TaskTemplate.ForceUpdate`, the number of replicas and labels that the policy allows may change; `version`
        /// must be the version that the service has. With `images = []` nothing else can be updated.
        unchanged: bool = false, "`false`" => Unchanged(Value, Whole, Nothing, Never, NOTHING);
        /// Users: `"1000:1000"`, or `"@non-root"` for any user and group above 0, both given as numbers.
        users: Option<Users> = None, "any" => User(Value, Whole, Nothing, Never, CONTAINERS);
        /// Named volumes: by name, whoever made them (`"*"` is any); `"@own"` made through this policy; `"@new"` not
        /// there yet; `"@project"` of a compose project that `projects` allows. A new volume is first made by a
        /// `VolumeCreate` of Dockgate's own, with this policy's label, so that it is `"@own"` from then on. A volume
        /// without a name that only own containers use is own too. One that was made with a driver or options that
        /// `[volumes]` does not grant is denied. Services need the names: their volumes are made on whichever node
        /// runs them.
        volumes: VolumeNames = VolumeNames::default(), "`[\"@own\", \"@new\"]`" =>
            Volume(Volume, Whole, Volume, Never, CONTAINERS),
            SwarmVolume(Value, Whole, Volume, Never, NOTHING);
    }

    /// `[exec]`: processes in containers that are there.
    exec Exec {
        /// Everything that any key of the block could: root on the host.
        unrestricted: bool = false, "`false`" => ExecUnrestricted(Value, Whole, Nothing, Never, NOTHING);
        /// Programs with their arguments: a list for each command, each word a pattern, `"..."` at the end for any more: `[["npm", "test", "..."]]`.
        commands: Option<Commands> = None, "any" => Command(Value, Shortened, Nothing, Never, PROCESSES);
        /// Variables, as in `[create]`.
        env: Variables = Variables::default(), "any; none with `commands`" => ExecEnv ".allow"(Value, Name, Nothing, Never, PROCESSES);
        /// Containers by name, `"label:key"`, `"label:key=value"`, `"project:name"` of compose, `"@own"`.
        into: Option<Selectors> = None, "any" =>
            ExecInto(Entered, Whole, Container, Never, PROCESSES),
            Watch(Container, Whole, Container, Never, NOTHING);
        /// Containers that have more than `[create]` would grant.
        into_privileged: bool = false, "`false`" => ExecIntoPrivileged(Value, Whole, Nothing, Always, NOTHING);
        /// Every capability for the process.
        privileged: bool = false, "`false`" => ExecPrivileged(Value, Whole, Nothing, Always, NOTHING);
        /// For `ContainerTop`: arguments of `ps` beside those that show nothing but a list of processes, as one text
        /// with `*`: `"-Z *"`. `ps` runs on the host as root; `"*"` also shows the environment of the container's
        /// processes, and can be made to show other processes of the host.
        ps_args: Patterns = Patterns::default(), "none" => PsArgs(Value, Whole, Nothing, Never, NOTHING);
        /// Users, as in `[create]`; who names none runs as the container's user, which no list has.
        users: Option<Users> = None, "any" => ExecUser(Value, Whole, Nothing, Never, PROCESSES);
        /// Directories to start in: `"/app"`, `"/app/**"`.
        workdirs: Option<Directories> = None, "any" => ExecWorkdir(Value, Whole, Nothing, Never, PROCESSES);
    }

    /// `[images]`: what may be fetched, made and sent away.
    images Images {
        /// Everything that any key of the block could: root on the host.
        unrestricted: bool = false, "`false`" => ImagesUnrestricted(Value, Whole, Nothing, Never, NOTHING);
        /// An image made of a tar or of an address that the daemon fetches.
        import: bool = false, "`false`" => Import(Value, Whole, Nothing, Never, NOTHING);
        /// Images, as under `create.images`. A registry by a loopback or link-local address, `localhost` or the like
        /// must be named here, as whoever has it asked learns which ports of the host are open; that holds for
        /// `ImageSearch`, `DistributionInspect` and the plugins' registries too.
        pull: Moved = Moved::default(), "any but from the host itself" => Pull(Value, Whole, Nothing, Never, PULLS);
        /// The same, for `ImagePush` and for builds that push.
        push: Moved = Moved::default(), "any where `ImagePush` is allowed, none elsewhere" => Push(Push, Whole, Nothing, Never, PUSHES);
        /// Names that tag, commit, import and build may give to an image: by name, whatever has it (`"*"` is any);
        /// `"@own"` if the image that has the name was built through this policy under that name, or got it through
        /// this Dockgate since it started; `"@new"` if no image has it. `ImageLoad` needs `"*"`, as a tar says its
        /// names only when it was read. A pull is not limited by this key. A tag that does not exist when a build or
        /// an import starts can be made by others while it runs, and is then moved.
        tags: TagNames = TagNames::default(), "`[\"@own\", \"@new\"]`" => Tag(Tag, Whole, Tag, Never, TAGS);
    }

    /// `[networks]`: networks that are made, and who is put on them.
    networks Networks {
        /// Everything that any key of the block could: root on the host.
        unrestricted: bool = false, "`false`" => NetworksUnrestricted(Value, Whole, Nothing, Never, NOTHING);
        /// Containers that may be put on a network, which `create.networks` must grant, or off it.
        containers: Selectors = Selectors::own(), "`[\"@own\"]`" => Connect(Container, Whole, Container, Never, JOINS);
        /// Drivers.
        drivers: Texts = Texts::of(&["bridge", "overlay"]), "`[\"bridge\", \"overlay\"]`" => NetworkDriver(Value, Whole, Nothing, Never, NOTHING);
        /// Options for the driver, as key and pattern: `"parent=eth0.*"`. MTU, masquerading, traffic between containers and encryption
        /// need no grant.
        options: NetworkOptions = NetworkOptions::default(), "harmless ones" => NetworkOption(Value, Whole, Nothing, Never, NOTHING);
        /// Address ranges: `"10.200.0.0/16"`.
        subnets: Subnets = Subnets::default(), "none" => Subnet(Value, Whole, Nothing, Never, NOTHING);
    }

    /// `[volumes]`: volumes that are made.
    volumes Volumes {
        /// Everything that any key of the block could: root on the host.
        unrestricted: bool = false, "`false`" => VolumesUnrestricted(Value, Whole, Nothing, Never, NOTHING);
        /// Drivers.
        drivers: Texts = Texts::of(&["local"]), "`[\"local\"]`" => VolumeDriver(Value, Whole, Nothing, Never, NOTHING);
        /// Options for the driver: `"type=nfs"`, `"device=:/export/*"`, `"o=addr=10.0.0.5,*"`; every option of a volume must be granted.
        /// Memory (`type=tmpfs`) needs no grant.
        options: VolumeOptions = VolumeOptions::default(), "none" => VolumeOption(Value, Name, PathInOption, Always, NOTHING);
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

/// What holds without any block.
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

    /// The values that it decides about.
    pub(crate) fn shape(self) -> Shape {
        (self.row().shape)()
    }

    /// Its name within its block, such as `env.allow`.
    pub(crate) fn in_block(self) -> &'static str {
        let name = self.name();
        name.split_once('.').map_or(name, |(_, name)| name)
    }

    /// The words and names that hold without the key: a list that is written takes their place.
    pub(crate) fn defaults(self) -> Vec<String> {
        DEFAULTS.setting(self).entries()
    }
}

impl Blocks {
    /// Whether the policy has a block, its own or a parent's.
    pub(crate) fn has(&self, block: Block) -> bool {
        self.written.contains(&block)
    }

    /// The keys that select containers that are there.
    pub(crate) fn selectors(&self) -> impl Iterator<Item = (&'static str, &Selectors)> {
        let keys = Key::ALL.iter().copied();
        keys.filter_map(|key| Some((key.name(), self.setting(key).selectors()?)))
    }

    /// The keys that give a container or a process a part of the host, with those of their values that
    /// do.
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
        // The keys first, and then the values of others.
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
