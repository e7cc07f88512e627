//! The request that decides about a `docker` command, or about an operation that is written by its name.
//!
//! A command sends several requests. The one that changes something or reads what was asked for is explained.
//!
//! Source: the commands of docker/cli 29, and what it was seen to send.

use super::BadPaste;
use super::request::Pasted;
use crate::docker::Operation;

/// Operations, with the commands that they decide about.
const COMMANDS: &str = "
    ConfigCreate config create; ConfigDelete config rm; ConfigInspect config inspect; ConfigList config ls;
    ContainerAttach attach; ContainerChanges diff; ContainerCreate create, run;
    ContainerDelete container rm, rm; ContainerExec exec; ContainerExport export;
    ContainerInspect container inspect, inspect, port; ContainerKill kill; ContainerList container ls, ps;
    ContainerLogs logs; ContainerPause pause; ContainerPrune container prune; ContainerRename rename;
    ContainerRestart restart; ContainerStart start; ContainerStats stats; ContainerStop stop; ContainerTop top;
    ContainerUnpause unpause; ContainerUpdate update; ContainerWait wait; ImageBuild build; ImageCommit commit;
    ImageCreate import, pull; ImageDelete image rm, rmi; ImageGet save; ImageHistory history;
    ImageInspect image inspect; ImageList image ls, images; ImageLoad load; ImagePrune image prune; ImagePush push;
    ImageSearch search; ImageTag tag; NetworkConnect network connect; NetworkCreate network create;
    NetworkDelete network rm; NetworkDisconnect network disconnect; NetworkInspect network inspect;
    NetworkList network ls; NetworkPrune network prune; NodeDelete node rm; NodeInspect node inspect;
    NodeList node ls; NodeUpdate node update; PluginList plugin ls; SecretCreate secret create;
    SecretDelete secret rm; SecretInspect secret inspect; SecretList secret ls;
    ServiceCreate service create, stack deploy; ServiceDelete service rm; ServiceInspect service inspect;
    ServiceList service ls; ServiceLogs service logs; ServiceUpdate service scale, service update;
    SwarmInit swarm init; SwarmJoin swarm join; SwarmLeave swarm leave; SystemAuth login; SystemDataUsage system df;
    SystemEvents events; SystemInfo info; SystemVersion version; TaskList node ps, service ps;
    VolumeCreate volume create; VolumeDelete volume rm; VolumeInspect volume inspect; VolumeList volume ls;
    VolumePrune volume prune";

/// The request of a command, of which these are the words after `docker`.
pub(super) fn parse(words: &[String]) -> Result<Pasted, BadPaste> {
    let mut plain = words.iter().filter(|word| !word.starts_with('-'));
    let (first, second) = (plain.next(), plain.next());
    let whole = |words: &[Option<&String>]| {
        let words = words.iter().flatten().map(|word| word.as_str());
        words.collect::<Vec<_>>().join(" ")
    };
    let of = |command: &str| {
        let rows = COMMANDS
            .split(';')
            .filter_map(|row| row.trim().split_once(' '));
        let mut found = rows.filter(|(_, commands)| commands.split(", ").any(|it| it == command));
        found.find_map(|(operation, _)| Operation::named(operation))
    };
    // `docker container stop` is `docker stop`.
    let is_kind =
        first.is_some_and(|first| ["builder", "container", "image"].contains(&first.as_str()));
    let (one, two) = (whole(&[first]), whole(&[first, second]));
    let bare = whole(&[second.filter(|_| is_kind)]);
    let (found, name) = match (of(&two).or_else(|| of(&bare)), of(&one)) {
        (Some(found), _) => (found, plain.next()),
        (None, Some(found)) => (found, second),
        (None, None) => return Err(BadPaste::Command(two)),
    };
    // With options before it, a word may be the value of one.
    let is_sure = words.iter().all(|word| !word.starts_with('-'));
    // What is judged of such an operation is in the options.
    if !is_sure && found.spec().judged.block.is_some() {
        return Err(BadPaste::Options(found));
    }
    let name = name.filter(|_| is_sure).map_or("NAME", String::as_str);
    Ok(request(found, name))
}

/// The request of an operation, for an object of this name.
pub(super) fn request(operation: Operation, name: &str) -> Pasted {
    let route = operation.spec().routes.first();
    let (method, path) = route.map_or(("GET", "/"), |route| (route.method.as_str(), route.path));
    let named = |segment: &str| segment.starts_with('{');
    let segments = path.split('/').map(|it| if named(it) { name } else { it });
    Pasted::new(method, segments.collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_an_operation() {
        for row in COMMANDS.split(';') {
            let name = row.trim().split(' ').next().unwrap();
            assert!(Operation::named(name).is_some(), "{row}");
        }
    }
}
