//! What the query of an operation asks for.

use super::super::need::{Block, What};
use super::super::reason::{Denial, Reason};
use super::{Needs, is_reserved};
use crate::docker::mount::is_clean;
use crate::docker::{Call, Json, Operation};

/// Reads the query of the operations that depend on it. A key that decides something may stand there
/// once, and where any does, no key is passed on that is not known.
pub(super) fn read(needs: &mut Needs, call: &Call) -> Result<(), Denial> {
    let first = |key: &str| call.query.first(key).unwrap_or_default();
    match needs.operation {
        Operation::ContainerCreate => {
            let name = first("name").trim_start_matches('/').to_owned();
            needs.push("name", What::Name(name));
        }
        Operation::ContainerRename => {
            once(call, &["name"])?;
            let name = first("name").trim_start_matches('/').to_owned();
            needs.push("name", What::Name(name));
        }
        Operation::ContainerTop => top(call)?,
        Operation::PutContainerArchive => {
            once(call, &["copyUIDGID", "noOverwriteDirNonDir", "path"])?;
            let path = first("path");
            let path = path
                .strip_suffix('/')
                .filter(|path| !path.is_empty())
                .unwrap_or(path);
            if !is_clean(path) {
                return Err(unclear(
                    "path",
                    "is no clean absolute path: write it without `..` and `//`",
                ));
            }
            needs.push("path", What::ArchivePath(path.to_owned()));
        }
        Operation::ImageCommit => {
            needs.named("container", first("container"), What::Reach)?;
            tag(needs, first("repo"), first("tag"));
        }
        Operation::ImageTag => {
            once(call, &["repo", "tag"])?;
            tag(needs, first("repo"), first("tag"));
        }
        Operation::ImageCreate => image_create(needs, call)?,
        Operation::ImageLoad => needs.push("the tar", What::Tag("*".to_owned())),
        Operation::ImageBuild => build(needs, call)?,
        Operation::ServiceUpdate if !first("rollback").is_empty() => {
            needs.push("rollback", What::Rollback);
        }
        _ => {}
    }
    Ok(())
}

fn unclear(key: &str, why: &str) -> Denial {
    Denial::new(Reason::BadQuery, format!("the query key `{key}` {why}"))
}

/// Passes these keys and no other, each at most once.
fn once(call: &Call, keys: &[&str]) -> Result<(), Denial> {
    let mut seen = Vec::new();
    for (key, _) in call.query.pairs() {
        if !keys.contains(&key) {
            return Err(unclear(key, "is none of the operation's"));
        }
        if seen.contains(&key) && !LISTS.contains(&key) {
            return Err(unclear(key, "stands there twice: send it once"));
        }
        seen.push(key);
    }
    Ok(())
}

/// Keys of which the daemon reads every value.
const LISTS: &[&str] = &["changes", "extrahosts", "platform", "t"];

fn tag(needs: &mut Needs, repository: &str, tag: &str) {
    if !repository.is_empty() {
        let separator = if tag.is_empty() { "" } else { ":" };
        let name = [repository, separator, tag].concat();
        needs.push("repo", What::Tag(name));
    }
}

fn image_create(needs: &mut Needs, call: &Call) -> Result<(), Denial> {
    let first = |key: &str| call.query.first(key).unwrap_or_default();
    once(
        call,
        &[
            "changes",
            "fromImage",
            "fromSrc",
            "message",
            "platform",
            "repo",
            "tag",
        ],
    )?;
    if !first("fromSrc").is_empty() {
        needs.push("fromSrc", What::Import);
        tag(needs, first("repo"), first("tag"));
    }
    // The daemon trims a colon at its end.
    let image = first("fromImage").trim_end_matches(':');
    if !image.is_empty() {
        let separator = match first("tag") {
            "" => "",
            digest if digest.contains(':') => "@",
            _ => ":",
        };
        let image = [image, separator, first("tag")].concat();
        needs.push("fromImage", What::Pull(image));
    }
    Ok(())
}

/// What `ps` may be asked in a container: which processes, and which of a few columns.
fn top(call: &Call) -> Result<(), Denial> {
    once(call, &["ps_args"])?;
    let arguments = call.query.first("ps_args").unwrap_or_default();
    let mut words = arguments.split(' ').filter(|word| !word.is_empty());
    let is_known = words.clone().all(|word| {
        let columns = word.split(',').all(|column| {
            let name = column.split('=').next().unwrap_or_default();
            COLUMNS.contains(&name)
        });
        PS_FLAGS.contains(&word) || columns
    });
    if is_known || words.next().is_none() {
        return Ok(());
    }
    let message =
        "ps_args is not granted: leave it out, or ask for `-ef`, `aux` or columns as `-o pid,comm`";
    Err(Denial::new(Reason::Restricted, message))
}

const PS_FLAGS: &[&str] = &[
    "-A", "-Ao", "-aux", "-e", "-ef", "-efww", "-eo", "-o", "-ww", "aux", "auxww", "ax", "axo", "o",
];
const COLUMNS: &[&str] = &[
    "args",
    "cmd",
    "comm",
    "command",
    "cputime",
    "etime",
    "gid",
    "group",
    "lstart",
    "nlwp",
    "pcpu",
    "pgid",
    "pid",
    "pmem",
    "ppid",
    "rss",
    "s",
    "sid",
    "start",
    "start_time",
    "stat",
    "state",
    "stime",
    "sz",
    "time",
    "tty",
    "uid",
    "user",
    "vsz",
    "%cpu",
    "%mem",
];

/// What the daemon reads of a build.
const BUILD_KEYS: &[&str] = &[
    "buildargs",
    "buildid",
    "cachefrom",
    "cgroupparent",
    "cpuperiod",
    "cpuquota",
    "cpusetcpus",
    "cpusetmems",
    "cpushares",
    "dockerfile",
    "extrahosts",
    "forcerm",
    "isolation",
    "labels",
    "memory",
    "memswap",
    "networkmode",
    "nocache",
    "outputs",
    "platform",
    "pull",
    "q",
    "remote",
    "rm",
    "securityopt",
    "session",
    "shmsize",
    "squash",
    "t",
    "target",
    "ulimits",
    "version",
];

fn build(needs: &mut Needs, call: &Call) -> Result<(), Denial> {
    once(call, BUILD_KEYS)?;
    let first = |key: &str| call.query.first(key).unwrap_or_default();
    for (_, name) in call.query.pairs().filter(|(key, _)| *key == "t") {
        needs.push("t", What::Tag(name.to_owned()));
    }
    match first("networkmode") {
        "" | "default" | "none" => {}
        mode => needs.push("networkmode", What::BuildNetwork(mode.to_owned())),
    }
    match first("remote") {
        "" => {}
        // The context comes from the client itself, by the session or by a request of its own.
        "client-session" => {}
        "upload-request" if first("version") == "2" => {}
        remote => needs.push("remote", What::BuildRemote(remote.to_owned())),
    }
    for key in ["cgroupparent", "securityopt"] {
        if !first(key).is_empty() {
            needs.push(key, What::Unnamed(Block::Build));
        }
    }
    for argument in members(call, "buildargs")? {
        // Another program in the place of the one that reads Dockerfiles.
        if argument == "BUILDKIT_SYNTAX" {
            needs.push("buildargs", What::Unnamed(Block::Build));
        }
    }
    if members(call, "labels")?.iter().any(|key| is_reserved(key)) {
        return Err(unclear(
            "labels",
            "sets a label that begins with `dockgate.`, which no client can",
        ));
    }
    Ok(())
}

/// The keys of an object that stands as JSON in the query.
fn members(call: &Call, key: &str) -> Result<Vec<String>, Denial> {
    let text = call.query.first(key).unwrap_or_default();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let value = Json::parse(text.as_bytes());
    let value = value.map_err(|_| unclear(key, "is no JSON that has one reading"))?;
    let keys = value.members().iter().map(|(key, _)| key.clone());
    Ok(keys.collect())
}
