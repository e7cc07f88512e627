//! A need as the record tells it, and back: `block.key=value`, the key of a policy that grants it and
//! what would have to stand under it.
//!
//! Programs read these lines, `dockgate learn` and `dockgate check --against` among them.

use crate::docker::mount::Access;
use crate::policy::objects::PROJECT_LABELS;
use crate::policy::requirement::{Block, Limits, Made, Port, Variable, What, Within};

/// What the record tells of a need; `None` for what nothing grants, for labels, and for what is empty.
#[must_use]
pub fn text(what: &What, has_arguments: bool) -> Option<String> {
    if let What::Label { .. } | What::Mark { .. } | What::Start(_) = what {
        return None;
    }
    let (block, key) = what.key()?;
    let value = if let What::Within(Within::Command(argv)) = what {
        let program = argv.first().map_or("", String::as_str);
        match has_arguments {
            true => serde_json::to_string(argv).ok()?.into(),
            // A program's name that would be taken for a list of arguments is told as one that is not whole.
            false if program.starts_with('[') => format!("{program}...").into(),
            false => program.into(),
        }
    } else {
        what.value().unwrap_or("true".into())
    };
    (!value.is_empty()).then(|| [block.name(), ".", key, "=", &value].concat())
}

/// The block, the key within it and the value of a finding.
#[must_use]
pub fn parts(finding: &str) -> Option<(Block, &str, &str)> {
    let (key, value) = finding.split_once('=')?;
    let (block, key) = key.split_once('.')?;
    let block = Block::ALL.iter().find(|known| known.name() == block)?;
    Some((*block, key, value))
}

/// What a finding tells of; `None` for what is none of ours, was cut off, or had its letters escaped.
#[must_use]
pub fn parse(finding: &str) -> Option<Finding> {
    if finding.ends_with("...") || finding.contains("\\u{") {
        return None;
    }
    let what = read(finding)?;
    let is_hidden = matches!(
        &what,
        What::Env(_) | What::Within(Within::ExecEnv(_)) | What::Made(Made::VolumeOption { .. })
    );
    let is_whole = if let What::Within(Within::Command(_)) = &what {
        finding.contains("=[")
    } else if let What::Made(Made::BuildRemote(address)) = &what {
        !address.contains('*')
    } else {
        !is_hidden
    };
    Some(Finding { what, is_whole })
}

/// What a finding tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A need.
    pub what: What,
    /// Whether that is all of it. Values of variables and of volume options are not told, nor the arguments of
    /// a command where that is not asked for.
    pub is_whole: bool,
}

fn read(finding: &str) -> Option<What> {
    let (block, key, value) = parts(finding)?;
    let text = || value.to_owned();
    let is_true = value == "true";
    Some(match (block, key) {
        (_, "unrestricted") if is_true => What::Unnamed(block),
        (Block::Create, key) => return create(key, value),
        (Block::Archive, "into") => Within::ArchiveInto(text()).into(),
        (Block::Archive, "paths") => Within::ArchivePath(text()).into(),
        (Block::Archive | Block::Exec, "into_privileged") if is_true => {
            Within::IntoPrivileged(block).into()
        }
        (Block::Build, "networks") => Made::BuildNetwork(text()).into(),
        (Block::Build, "remotes") => Made::BuildRemote(text()).into(),
        (Block::Exec, "commands") => Within::Command(arguments(value)?).into(),
        (Block::Exec, "env.allow") => Within::ExecEnv(variable(value)).into(),
        (Block::Exec, "into") => Within::ExecInto(text()).into(),
        (Block::Exec, "ps_args") => Within::PsArgs(text()).into(),
        (Block::Exec, "privileged") if is_true => Within::ExecPrivileged.into(),
        (Block::Exec, "users") => Within::ExecUser(text()).into(),
        (Block::Exec, "workdirs") => Within::ExecWorkdir(text()).into(),
        (Block::Images, "import") if is_true => Made::Import.into(),
        (Block::Images, "pull") => Made::Pull(text()).into(),
        (Block::Images, "push") => Made::Push(text()).into(),
        (Block::Images, "tags") => Made::Tag(text()).into(),
        (Block::Networks, "containers") => Made::Connect(text()).into(),
        (Block::Networks, "drivers") => Made::NetworkDriver(text()).into(),
        (Block::Networks, "options") => {
            let (key, value) = value.split_once('=')?;
            let (key, value) = (key.to_owned(), value.to_owned());
            Made::NetworkOption { key, value }.into()
        }
        (Block::Networks, "subnets") => Made::Subnet(text()).into(),
        (Block::Volumes, "drivers") => Made::VolumeDriver(text()).into(),
        (Block::Volumes, "options") => {
            let (key, value) = value.split_once('=')?;
            let (key, value) = (key.to_owned(), value.to_owned());
            Made::VolumeOption { key, value }.into()
        }
        _ => return None,
    })
}

fn create(key: &str, value: &str) -> Option<What> {
    let text = || value.to_owned();
    let is_true = value == "true";
    Some(match key {
        "addresses" if is_true => What::Addresses,
        "binds" => {
            let (path, mode) = value.rsplit_once(':')?;
            What::Bind {
                path: path.to_owned(),
                access: Access::of_mode(mode)?,
            }
        }
        "capabilities" => What::Capability(text()),
        "configs" => What::Config(text()),
        "devices" => What::Device(text()),
        "env.allow" => What::Env(variable(value)),
        "gpus" if is_true => What::Gpus,
        "groups" => What::Group(text()),
        "host_namespaces" => {
            let known = NAMESPACES.iter().find(|known| **known == value)?;
            What::HostNamespace(known)
        }
        "images" => What::Image(text()),
        "join" => What::Join(text()),
        "limits" => What::Limits(limits(value)?),
        "log_drivers" => What::LogDriver(text()),
        "networks" => What::Network(text()),
        "oom_protected" if is_true => What::OomProtected,
        "ports" => What::Port(port(value)?),
        "privileged" if is_true => What::Privileged,
        "projects" => What::Project {
            label: PROJECT_LABELS.first()?,
            name: text(),
            service: None,
        },
        "replaces" if is_true => What::Replaces,
        "unchanged" if is_true => What::Unchanged,
        "restart" => What::Restart(text()),
        "rollback" if is_true => What::Rollback,
        "runtimes" => What::Runtime(text()),
        "secrets" => What::Secret(text()),
        "security_opt" => What::SecurityOption(text()),
        "sysctls" => What::Sysctl(text()),
        "tmpfs_options" => What::TmpfsOption(text()),
        "users" => What::User(text()),
        "volumes" => What::Volume(text()),
        _ => return None,
    })
}

/// The namespaces of the host.
const NAMESPACES: &[&str] = &["cgroup", "ipc", "network", "pid", "user", "uts"];

/// A command with its arguments, where they were recorded, or the program alone.
fn arguments(value: &str) -> Option<Vec<String>> {
    if value.starts_with('[') {
        let argv: Vec<String> = serde_json::from_str(value).ok()?;
        // Others are escaped in a record twice.
        let is_plain = |argument: &String| argument.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        return argv.iter().all(is_plain).then_some(argv);
    }
    Some(vec![value.to_owned()])
}

fn variable(name: &str) -> Variable {
    Variable {
        name: name.to_owned(),
        value: String::new(),
    }
}

fn port(value: &str) -> Option<Port> {
    let (address, ports) = value.rsplit_once(':').unwrap_or(("", value));
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
    Some(Port {
        address: bare.to_owned(),
        from: from.parse().ok()?,
        to: to.parse().ok()?,
    })
}

/// The limits that were asked for. That they change those of a container that is there is not told.
fn limits(value: &str) -> Option<Limits> {
    let mut limits = Limits::default();
    for part in value.split(", ") {
        let (key, value) = part.split_once(' ').unwrap_or((part, ""));
        match key {
            "memory" => limits.memory = value.parse().ok()?,
            "cpus" => limits.nano_cpus = nanos(value)?,
            "pids" => limits.pids = Some(value.parse().ok()?),
            "swap" => limits.memory_and_swap = value.parse().ok()?,
            // Records of earlier versions had it here.
            "spared" => {}
            _ => return None,
        }
    }
    Some(limits)
}

fn nanos(cpus: &str) -> Option<i64> {
    match cpus.split_once('.') {
        Some((whole, part)) => {
            let whole: i64 = whole.parse().ok()?;
            whole
                .checked_mul(1_000_000_000)?
                .checked_add(part.parse().ok()?)
        }
        None => cpus.parse().ok(),
    }
}
