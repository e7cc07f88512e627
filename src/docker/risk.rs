//! What granting each operation gives away, in a sentence, for people who decide about it.
//!
//! Each says what the operation can do at the worst, whatever the block of a policy leaves of it. Where a
//! block decides between an ordinary thing and root on the host, the sentence says both.
//!
//! Source: the handlers in `daemon/server/router` of moby/moby; `SECURITY.md` for what of it was used in
//! attacks.

use super::operation::Operation;

/// Makes the closed list: an operation without a sentence does not build.
macro_rules! risks {
    ($($name:ident: $risk:literal;)+) => {
        impl Operation {
            /// What granting it gives away: a sentence without its end, of at most 110 characters.
            #[must_use]
            pub fn risk(self) -> &'static str {
                match self { $(Self::$name => $risk),+ }
            }
        }
    };
}

risks! {
    // containers
    ContainerList: "shows every container's names, image, command line, labels, ports and mounts";
    ContainerCreate: "makes an ordinary container, or one that is root on the host where its block is unrestricted";
    ContainerInspect: "shows the environment of any container, in which passwords often stand";
    ContainerTop: "shows the command lines of any container's processes, in which passwords can stand";
    ContainerLogs: "shows what any container has printed, and whatever secrets its programs log";
    ContainerChanges: "shows the names of the files that any container has added, changed or deleted";
    ContainerExport: "reads every file of any container but those of its volumes, keys and databases included";
    ContainerStats: "shows how much CPU, memory, network and disk any container uses";
    ContainerResize: "changes the size of any container's terminal";
    ContainerStart: "starts any container that is there, with whatever it was made with";
    ContainerStop: "ends any container but Dockgate's own";
    ContainerRestart: "ends any container but Dockgate's own, and starts it again";
    ContainerKill: "ends any container but Dockgate's own, or sends it another signal";
    ContainerUpdate: "changes the limits and the restart policy of any container but Dockgate's own";
    ContainerRename: "gives any container but Dockgate's own another name, so that others find a wrong one under the old";
    ContainerPause: "freezes any container but Dockgate's own";
    ContainerUnpause: "lets any paused container go on";
    ContainerAttach: "reads a container's output as it comes, and types into it: commands, where a shell listens";
    ContainerAttachWebsocket: "types into a container by a GET, and reads its output";
    ContainerWait: "waits for the end of any container, and shows its exit code";
    ContainerDelete: "deletes any container but Dockgate's own, with its files and its anonymous volumes";
    ContainerArchiveInfo: "shows which files any container has; before Engine 29.5.1 a race in it can touch files of the host";
    ContainerArchive: "reads any file of any container, keys, databases and mounted volumes included";
    PutContainerArchive: "writes any file into a container, the programs that it runs next included";
    ContainerPrune: "deletes every container that does not run, with its files";
    ContainerCheckpointList: "shows a container's checkpoints, looked for in any folder of the host";
    ContainerCheckpointCreate: "writes a container's memory, with the secrets in it, into any folder of the host";
    ContainerCheckpointDelete: "deletes a checkpoint, in whichever folder of the host the request names";

    // exec
    ContainerExec: "makes a command ready in a container, which ExecStart then runs there";
    ExecStart: "runs a command in a container, types into it and reads its output";
    ExecResize: "changes the size of an exec's terminal";
    ExecInspect: "shows the command line of an exec, in which passwords can stand, and its exit code";

    // images
    ImageCommit: "makes an image of any container's files, under a name that other containers may be made from";
    ImageList: "shows the names, labels and sizes of all images";
    ImageSearch: "makes the engine call out to an image registry";
    ImageGetAll: "takes whole images out, with the code and the keys in them";
    ImageGet: "takes a whole image out, with the code and the keys in it";
    ImageHistory: "shows the steps that built an image, with the arguments in which passwords can stand";
    ImageInspect: "shows an image's environment, command and labels, in which passwords can stand";
    ImageAttestations: "shows how an image was built: its sources, its builder and the arguments of the build";
    ImageLoad: "brings images in under any name, that of an image that others trust included";
    ImageCreate: "makes the engine fetch an image, under a name that other containers may be made from";
    ImagePush: "sends an image to a registry, with the code and the keys in it";
    ImageTag: "gives an image any name, that of an image that others trust included";
    ImagePrune: "deletes the images that no container uses";
    ImageDelete: "deletes any image that no running container uses, or one of its names";

    // distribution
    DistributionInspect: "makes the engine call out to any registry, and shows what it says of an image";

    // build
    ImageBuild: "runs the code of a Dockerfile in containers of the builder, and gives its image a name";
    BuildPrune: "deletes the cache of builds, so that the next ones take longer";
    BuildCancel: "ends anybody's build whose id is known";

    // session
    Session: "opens a tunnel to the builder that nothing looks into: it can do all that builds can";

    // grpc
    Grpc: "opens a tunnel to BuildKit that nothing looks into: it runs code, and can be root on the host";

    // networks
    NetworkList: "shows the names, addresses and labels of all networks";
    NetworkInspect: "shows the addresses of a network and the containers on it";
    NetworkCreate: "makes an ordinary network, or one on the host's own interfaces where its block is unrestricted";
    NetworkConnect: "puts a container on a network, where it reaches what it could not reach";
    NetworkDisconnect: "takes a container off a network, so that nobody there reaches it";
    NetworkPrune: "deletes the networks that no container uses";
    NetworkDelete: "deletes any network that no container is on";

    // volumes
    VolumeList: "shows all volumes with their labels and driver options, in which passwords can stand";
    VolumeInspect: "shows a volume's labels and driver options, in which passwords can stand";
    VolumeCreate: "makes an ordinary volume, or one that is a folder of the host where its block grants the options";
    VolumePrune: "deletes the volumes that no container uses, with all data in them";
    VolumeUpdate: "changes who in the swarm may use a cluster volume";
    VolumeDelete: "deletes any volume that no container uses, with all data in it";

    // swarm
    SwarmInspect: "shows the tokens with which other machines join the swarm as workers and managers";
    SwarmUnlockkey: "shows the key that unlocks the swarm's managers";
    SwarmInit: "makes the engine the manager of a new swarm, which listens on the network";
    SwarmJoin: "puts the engine under the managers of a swarm, who can run anything on it";
    SwarmLeave: "takes the engine out of its swarm, which ends the services that run on it";
    SwarmUpdate: "changes the swarm's settings, its tokens and its certificate authority";
    SwarmUnlock: "unlocks a manager of the swarm with its key";

    // services
    ServiceList: "shows the environment and the command of every service, in which passwords often stand";
    ServiceInspect: "shows a service's environment and command, in which passwords often stand";
    ServiceCreate: "makes containers on any machine of the swarm: root there where its block is unrestricted";
    ServiceUpdate: "changes what any service but Dockgate's own runs: root on its machines where unrestricted";
    ServiceDelete: "deletes any service but Dockgate's own, and ends its containers";
    ServiceLogs: "shows what any service has printed, and whatever secrets its programs log";

    // nodes
    NodeList: "shows the machines of the swarm with their addresses, labels and resources";
    NodeInspect: "shows the addresses, labels and resources of a machine of the swarm";
    NodeDelete: "takes a machine out of the swarm";
    NodeUpdate: "makes a machine of the swarm a manager, or takes its work away from it";

    // tasks
    TaskList: "shows the environment and the command of every task, in which passwords often stand";
    TaskInspect: "shows a task's environment and command, in which passwords often stand";
    TaskLogs: "shows what any task has printed, and whatever secrets its programs log";

    // secrets
    SecretList: "shows the names and labels of the swarm's secrets, and nothing of what is in them";
    SecretCreate: "stores a secret in the swarm";
    SecretInspect: "shows the name and labels of a secret, and nothing of what is in it";
    SecretUpdate: "changes the labels of any secret of the swarm";
    SecretDelete: "deletes any secret that no service uses";

    // configs
    ConfigList: "shows all configs of the swarm with what is in them, passwords included where some are there";
    ConfigCreate: "stores a config in the swarm";
    ConfigInspect: "shows what is in a config of the swarm, passwords included where some are there";
    ConfigUpdate: "changes the labels of any config of the swarm";
    ConfigDelete: "deletes any config that no service uses";

    // plugins
    PluginList: "shows all plugins with their settings, in which passwords can stand";
    PluginInspect: "shows a plugin's settings, in which passwords can stand";
    GetPluginPrivileges: "makes the engine call out to a registry, and shows what a plugin would be given of the host";
    PluginPull: "installs a plugin from a registry, which is root on the host once it is enabled";
    PluginCreate: "installs a plugin from a tar, which is root on the host once it is enabled";
    PluginEnable: "starts any plugin that is installed, which can be root on the host";
    PluginDisable: "stops any plugin, and with it its volumes, its networks, or its rules on who may do what";
    PluginPush: "sends a plugin to a registry, with the code and the keys in it";
    PluginUpgrade: "changes the code of a plugin, which is root on the host once it is enabled";
    PluginSet: "changes a plugin's settings, the folders and devices of the host that it is given included";
    PluginDelete: "deletes any plugin, with the state that it keeps";

    // ping
    SystemPing: "shows that the engine answers, and its API version";

    // version
    SystemVersion: "shows the engine's version";

    // info
    SystemInfo: "shows the host's name, kernel and resources, and the engine's settings";

    // events
    SystemEvents: "shows what happens to every object, its labels and the command lines of execs included";

    // df
    SystemDataUsage: "shows all images, containers and volumes with their sizes, and keeps the disk busy meanwhile";

    // auth
    SystemAuth: "makes the engine log in at any registry, with the password of the request";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::docker::Effect;

    #[test]
    fn every_risk_is_a_short_sentence_without_its_end() {
        for operation in Operation::ALL {
            let risk = operation.risk();
            let length = risk.chars().count();
            assert!(
                (10..=110).contains(&length),
                "{operation}: {length}: {risk}"
            );
            assert!(
                risk.starts_with(|first: char| first.is_ascii_lowercase()),
                "{operation}: {risk}"
            );
            assert!(!risk.ends_with(['.', ' ', ';']), "{operation}: {risk}");
        }
        let all: BTreeSet<_> = Operation::ALL
            .iter()
            .map(|operation| operation.risk())
            .collect();
        assert_eq!(
            all.len(),
            Operation::ALL.len(),
            "each says something of its own"
        );
    }

    #[test]
    fn what_only_shows_metadata_is_said_to_show_and_nothing_else_is() {
        for operation in Operation::ALL.iter().copied() {
            let shows = ["shows", "waits"]
                .iter()
                .any(|verb| operation.risk().starts_with(verb));
            match operation.spec().effect {
                Effect::Read => assert!(shows, "{operation}"),
                Effect::Write | Effect::Control => assert!(!shows, "{operation}"),
                Effect::Content => {}
            }
        }
    }
}
