//! Every operation of the Docker Engine API that Dockgate knows.
//!
//! A request that no row matches is denied; there is no wildcard and no fallback. Debug, legacy
//! and `OPTIONS` routes are not here, and so denied.
//!
//! Each row begins with what allowing the operation gives away: the worst that it can do, whatever the block of
//! a policy leaves of it. Where a block decides between an ordinary object and root on the host, it says both.
//!
//! Source: Docker Engine API 1.24 to 1.56, `api/swagger.yaml` and `daemon/server/router` in
//! moby/moby. Of the router alone, without an entry in the document: the checkpoints,
//! `BuildCancel`, `Grpc`, and the second path of `NetworkList`. `SECURITY.md` says which were used in attacks.

use super::judged::{Block, Deed, Document, Parameters, WHOLE, by};
use super::operation::Body::{Discarded, Import, Json, Refused, Tar};
use super::operation::Effect::{Content, Control, Read, Write};
use super::operation::Reply::{Hijack, Plain, Stream};
use super::operation::{Endless, Method, Object, Route, Spec, Upgrade, operations};

operations! {
    // what allowing it gives away: a sentence without its end, of at most 110 characters
    // operation => its routes, of what kinds the objects are that their paths name, another name of it;
    //     effect, body, reply, what of a request is judged, first API version, [query keys harmless to log];

    section "containers";
    /// shows every container's names, image, command line, labels, ports and mounts
    ContainerList => GET "/containers/json";
        Read, Discarded, Plain, WHOLE, "1.24", ["all", "limit", "size"];
    /// makes an ordinary container, or one that is root on the host where its block is unrestricted
    ContainerCreate => POST "/containers/create";
        Control, Json(&["name", "platform"]), Plain, by(Block::Create).query(Parameters::Name).body(Document::Container), "1.24", ["name", "platform"];
    /// shows the environment of any container, in which passwords often stand
    ContainerInspect => GET "/containers/{name}/json" of Container;
        Read, Discarded, Plain, WHOLE, "1.24", ["size"];
    /// shows the command lines of any container's processes, in which passwords can stand
    ContainerTop => GET "/containers/{name}/top" of Container;
        Content, Discarded, Plain, WHOLE.query(Parameters::Processes), "1.24", [];
    /// shows what any container has printed, and whatever secrets its programs log
    ContainerLogs => GET "/containers/{name}/logs" of Container;
        Content, Discarded, Stream(Endless::If("follow")), WHOLE, "1.24", ["details", "follow", "since", "stderr", "stdout", "tail", "timestamps", "until"];
    /// shows the names of the files that any container has added, changed or deleted
    ContainerChanges => GET "/containers/{name}/changes" of Container;
        Content, Discarded, Plain, WHOLE, "1.24", [];
    /// reads every file of any container but those of its volumes, keys and databases included
    ContainerExport => GET "/containers/{name}/export" of Container;
        Content, Discarded, Plain, WHOLE, "1.24", [];
    /// shows how much CPU, memory, network and disk any container uses
    ContainerStats => GET "/containers/{name}/stats" of Container;
        Read, Discarded, Stream(Endless::Unless("stream")), WHOLE, "1.24", ["one-shot", "stream"];
    /// changes the size of any container's terminal
    ContainerResize => POST "/containers/{name}/resize" of Container;
        Write, Discarded, Plain, WHOLE, "1.24", ["h", "w"];
    /// starts any container that is there, with whatever it was made with
    ContainerStart => POST "/containers/{name}/start" of Container;
        Write, Refused, Plain, WHOLE.does(Deed::Starts).query(Parameters::Checkpoint), "1.24", ["checkpoint"];
    /// ends any container but Dockgate's own
    ContainerStop => POST "/containers/{name}/stop" of Container;
        Write, Discarded, Plain, WHOLE.does(Deed::TakesAway), "1.24", ["signal", "t"];
    /// ends any container but Dockgate's own, and starts it again
    ContainerRestart => POST "/containers/{name}/restart" of Container;
        Write, Discarded, Plain, WHOLE.does(Deed::Starts), "1.24", ["signal", "t"];
    /// ends any container but Dockgate's own, or sends it another signal
    ContainerKill => POST "/containers/{name}/kill" of Container;
        Write, Discarded, Plain, WHOLE.does(Deed::TakesAway), "1.24", ["signal"];
    /// changes the limits and the restart policy of any container but Dockgate's own
    ContainerUpdate => POST "/containers/{name}/update" of Container;
        Write, Json(&[]), Plain, by(Block::Create).body(Document::ContainerUpdate), "1.24", [];
    /// gives any container but Dockgate's own another name, so that others find a wrong one under the old
    ContainerRename => POST "/containers/{name}/rename" of Container;
        Write, Discarded, Plain, WHOLE.does(Deed::TakesAway).query(Parameters::Rename), "1.24", ["name"];
    /// freezes any container but Dockgate's own
    ContainerPause => POST "/containers/{name}/pause" of Container;
        Write, Discarded, Plain, WHOLE, "1.24", [];
    /// lets any paused container go on
    ContainerUnpause => POST "/containers/{name}/unpause" of Container;
        Write, Discarded, Plain, WHOLE, "1.24", [];
    /// reads a container's output as it comes, and types into it: commands, where a shell listens
    ContainerAttach => POST "/containers/{name}/attach" of Container;
        Control, Discarded, Hijack(Upgrade::Tcp), WHOLE.does(Deed::Attaches).query(Parameters::Attach), "1.24", ["logs", "stderr", "stdin", "stdout", "stream"];
    /// types into a container by a GET, and reads its output
    ContainerAttachWebsocket => GET "/containers/{name}/attach/ws" of Container;
        Control, Discarded, Hijack(Upgrade::Websocket), WHOLE.does(Deed::Attaches).query(Parameters::Attach), "1.24", ["logs", "stderr", "stdin", "stdout", "stream"];
    /// waits for the end of any container, and shows its exit code
    ContainerWait => POST "/containers/{name}/wait" of Container;
        Read, Discarded, Stream(Endless::Always), WHOLE, "1.24", ["condition"];
    /// deletes any container but Dockgate's own, with its files and its anonymous volumes
    ContainerDelete => DELETE "/containers/{name}" of Container;
        Write, Discarded, Plain, WHOLE.does(Deed::TakesAway), "1.24", ["force", "link", "v"];
    /// shows which files any container has; before Engine 29.5.1 a race in it can touch files of the host
    ContainerArchiveInfo => HEAD "/containers/{name}/archive" of Container;
        Content, Discarded, Plain, WHOLE, "1.24", ["path"];
    /// reads any file of any container, keys, databases and mounted volumes included
    ContainerArchive => GET "/containers/{name}/archive" of Container;
        Content, Discarded, Plain, WHOLE, "1.24", ["path"];
    /// writes any file into a container, the programs that it runs next included
    PutContainerArchive => PUT "/containers/{name}/archive" of Container;
        Control, Tar, Plain, by(Block::Archive).does(Deed::Uploads).query(Parameters::Archive), "1.24", ["copyUIDGID", "noOverwriteDirNonDir", "path"];
    /// deletes every container that does not run, with its files
    ContainerPrune => POST "/containers/prune";
        Write, Discarded, Plain, WHOLE, "1.25", [];
    /// shows a container's checkpoints, looked for in any folder of the host
    ContainerCheckpointList => GET "/containers/{name}/checkpoints" of Container;
        Content, Discarded, Plain, WHOLE, "1.25", [];
    /// writes a container's memory, with the secrets in it, into any folder of the host
    ContainerCheckpointCreate => POST "/containers/{name}/checkpoints" of Container;
        Control, Json(&[]), Plain, WHOLE, "1.25", [];
    /// deletes a checkpoint, in whichever folder of the host the request names
    ContainerCheckpointDelete => DELETE "/containers/{name}/checkpoints/{checkpoint}" of Container, Checkpoint;
        Control, Discarded, Plain, WHOLE, "1.25", [];
    section "exec";
    /// makes a command ready in a container, which ExecStart then runs there
    ContainerExec => POST "/containers/{name}/exec" of Container;
        Control, Json(&[]), Plain, by(Block::Exec).does(Deed::PreparesExec).body(Document::Exec), "1.24", [];
    /// runs a command in a container, types into it and reads its output
    ExecStart => POST "/exec/{name}/start" of Exec;
        Control, Json(&[]), Hijack(Upgrade::Tcp), by(Block::Exec).does(Deed::RunsExec).body(Document::ExecStart), "1.24", [];
    /// changes the size of an exec's terminal
    ExecResize => POST "/exec/{name}/resize" of Exec;
        Write, Discarded, Plain, WHOLE, "1.24", ["h", "w"];
    /// shows the command line of an exec, in which passwords can stand, and its exit code
    ExecInspect => GET "/exec/{id}/json" of Exec;
        Read, Discarded, Plain, WHOLE, "1.24", [];
    section "images";
    /// makes an image of any container's files, under a name that other containers may be made from
    ImageCommit => POST "/commit";
        Control, Json(&["author", "changes", "comment", "container", "pause", "repo", "tag"]), Plain, by(Block::Images).query(Parameters::Commit).body(Document::ImageConfig), "1.24", ["container", "pause", "repo", "tag"];
    /// shows the names, labels and sizes of all images
    ImageList => GET "/images/json";
        Read, Discarded, Plain, WHOLE, "1.24", ["all", "digests", "manifests", "shared-size"];
    /// makes the engine call out to an image registry
    ImageSearch => GET "/images/search";
        Content, Discarded, Plain, WHOLE.query(Parameters::Registry), "1.24", ["limit", "term"];
    /// takes whole images out, with the code and the keys in them
    ImageGetAll => GET "/images/get";
        Content, Discarded, Plain, WHOLE, "1.24", ["names", "platform"];
    /// takes a whole image out, with the code and the keys in it
    ImageGet => GET "/images/{name...}/get" of Image;
        Content, Discarded, Plain, WHOLE, "1.24", ["platform"];
    /// shows the steps that built an image, with the arguments in which passwords can stand
    ImageHistory => GET "/images/{name...}/history" of Image;
        Content, Discarded, Plain, WHOLE, "1.24", ["platform"];
    /// shows an image's environment, command and labels, in which passwords can stand
    ImageInspect => GET "/images/{name...}/json" of Image;
        Read, Discarded, Plain, WHOLE, "1.24", ["manifests", "platform"];
    /// shows how an image was built: its sources, its builder and the arguments of the build
    ImageAttestations => GET "/images/{name...}/attestations" of Image;
        Content, Discarded, Plain, WHOLE, "1.55", [];
    /// brings images in under any name, that of an image that others trust included
    ImageLoad => POST "/images/load";
        Control, Tar, Stream(Endless::Always), by(Block::Images).query(Parameters::Load), "1.24", ["platform", "quiet"];
    /// makes the engine fetch an image, under a name that other containers may be made from
    ImageCreate => POST "/images/create";
        Control, Import, Stream(Endless::Always), by(Block::Images).query(Parameters::Fetch), "1.24", ["fromImage", "platform", "repo", "tag"];
    /// sends an image to a registry, with the code and the keys in it
    ImagePush => POST "/images/{name...}/push" of Image;
        Control, Discarded, Stream(Endless::Always), by(Block::Images).query(Parameters::Push), "1.24", ["platform", "tag"];
    /// gives an image any name, that of an image that others trust included
    ImageTag => POST "/images/{name...}/tag" of Image;
        Control, Discarded, Plain, by(Block::Images).query(Parameters::Tag), "1.24", ["repo", "tag"];
    /// deletes the images that no container uses
    ImagePrune => POST "/images/prune";
        Write, Discarded, Plain, WHOLE, "1.25", [];
    /// deletes any image that no running container uses, or one of its names
    ImageDelete => DELETE "/images/{name...}" of Image;
        Write, Discarded, Plain, WHOLE, "1.24", ["force", "noprune", "platforms"];
    section "distribution";
    /// makes the engine call out to any registry, and shows what it says of an image
    DistributionInspect => GET "/distribution/{name...}/json" of Repository;
        Content, Discarded, Plain, WHOLE.query(Parameters::Registry), "1.30", [];
    section "build";
    /// runs the code of a Dockerfile in containers of the builder, and gives its image a name
    ImageBuild => POST "/build";
        Control, Tar, Stream(Endless::Always), by(Block::Build).query(Parameters::Build), "1.24", ["dockerfile", "forcerm", "networkmode", "nocache", "platform", "pull", "q", "rm", "squash", "t", "target", "version"];
    /// deletes the cache of builds, so that the next ones take longer
    BuildPrune => POST "/build/prune";
        Write, Discarded, Plain, WHOLE, "1.31", ["all", "keep-storage"];
    /// ends anybody's build whose id is known
    BuildCancel => POST "/build/cancel";
        Write, Discarded, Plain, WHOLE, "1.39", ["id"];
    section "session";
    /// opens a tunnel to the builder that nothing looks into: it can do all that builds can
    Session => POST "/session";
        Control, Discarded, Hijack(Upgrade::H2c), WHOLE, "1.31", [];
    section "grpc";
    /// opens a tunnel to BuildKit that nothing looks into: it runs code, and can be root on the host
    Grpc => POST "/grpc";
        Control, Discarded, Hijack(Upgrade::H2c), WHOLE, "1.40", [];
    section "networks";
    /// shows the names, addresses and labels of all networks
    NetworkList => GET "/networks", GET "/networks/" (alias "NetworkListSlash");
        Read, Discarded, Plain, WHOLE, "1.24", [];
    /// shows the addresses of a network and the containers on it
    NetworkInspect => GET "/networks/{id}" of Network;
        Read, Discarded, Plain, WHOLE, "1.24", ["scope", "verbose"];
    /// makes an ordinary network, or one on the host's own interfaces where its block is unrestricted
    NetworkCreate => POST "/networks/create";
        Write, Json(&[]), Plain, by(Block::Networks).body(Document::Network), "1.24", [];
    /// puts a container on a network, where it reaches what it could not reach
    NetworkConnect => POST "/networks/{id}/connect" of Network;
        Write, Json(&[]), Plain, by(Block::Networks).does(Deed::Connects).body(Document::Endpoint), "1.24", [];
    /// takes a container off a network, so that nobody there reaches it
    NetworkDisconnect => POST "/networks/{id}/disconnect" of Network;
        Write, Json(&[]), Plain, by(Block::Networks).does(Deed::Disconnects).body(Document::Leaving), "1.24", [];
    /// deletes the networks that no container uses
    NetworkPrune => POST "/networks/prune";
        Write, Discarded, Plain, WHOLE, "1.25", [];
    /// deletes any network that no container is on
    NetworkDelete => DELETE "/networks/{id}" of Network;
        Write, Discarded, Plain, WHOLE.query(Parameters::NoKeys), "1.24", [];
    section "volumes";
    /// shows all volumes with their labels and driver options, in which passwords can stand
    VolumeList => GET "/volumes";
        Read, Discarded, Plain, WHOLE, "1.24", [];
    /// shows a volume's labels and driver options, in which passwords can stand
    VolumeInspect => GET "/volumes/{name}" of Volume;
        Read, Discarded, Plain, WHOLE, "1.24", [];
    /// makes an ordinary volume, or one that is a folder of the host where its block grants the options
    VolumeCreate => POST "/volumes/create";
        Control, Json(&[]), Plain, by(Block::Volumes).body(Document::Volume), "1.24", [];
    /// deletes the volumes that no container uses, with all data in them
    VolumePrune => POST "/volumes/prune";
        Write, Discarded, Plain, WHOLE, "1.25", [];
    /// changes who in the swarm may use a cluster volume
    VolumeUpdate => PUT "/volumes/{name}" of Volume;
        Control, Json(&["version"]), Plain, by(Block::Volumes).body(Document::VolumeUpdate), "1.42", ["version"];
    /// deletes any volume that no container uses, with all data in it
    VolumeDelete => DELETE "/volumes/{name}" of Volume;
        Write, Discarded, Plain, WHOLE, "1.24", ["force"];
    section "swarm";
    /// shows the tokens with which other machines join the swarm as workers and managers
    SwarmInspect => GET "/swarm";
        Content, Discarded, Plain, WHOLE, "1.24", [];
    /// shows the key that unlocks the swarm's managers
    SwarmUnlockkey => GET "/swarm/unlockkey";
        Content, Discarded, Plain, WHOLE, "1.25", [];
    /// makes the engine the manager of a new swarm, which listens on the network
    SwarmInit => POST "/swarm/init";
        Control, Json(&[]), Plain, WHOLE, "1.24", [];
    /// puts the engine under the managers of a swarm, who can run anything on it
    SwarmJoin => POST "/swarm/join";
        Control, Json(&[]), Plain, WHOLE, "1.24", [];
    /// takes the engine out of its swarm, which ends the services that run on it
    SwarmLeave => POST "/swarm/leave";
        Write, Discarded, Plain, WHOLE, "1.24", ["force"];
    /// changes the swarm's settings, its tokens and its certificate authority
    SwarmUpdate => POST "/swarm/update";
        Control, Json(&["rotateManagerToken", "rotateManagerUnlockKey", "rotateWorkerToken", "version"]), Plain, WHOLE, "1.24", ["rotateManagerToken", "rotateManagerUnlockKey", "rotateWorkerToken", "version"];
    /// unlocks a manager of the swarm with its key
    SwarmUnlock => POST "/swarm/unlock";
        Write, Json(&[]), Plain, WHOLE, "1.25", [];
    section "services";
    /// shows the environment and the command of every service, in which passwords often stand
    ServiceList => GET "/services";
        Read, Discarded, Plain, WHOLE, "1.24", ["status"];
    /// shows a service's environment and command, in which passwords often stand
    ServiceInspect => GET "/services/{id}" of Service;
        Read, Discarded, Plain, WHOLE, "1.24", ["insertDefaults"];
    /// makes containers on any machine of the swarm: root there where its block is unrestricted
    ServiceCreate => POST "/services/create";
        Control, Json(&[]), Plain, by(Block::Create).body(Document::Service), "1.24", [];
    /// changes what any service but Dockgate's own runs: root on its machines where unrestricted
    ServiceUpdate => POST "/services/{id}/update" of Service;
        Control, Json(&["registryAuthFrom", "rollback", "version"]), Plain, by(Block::Create).query(Parameters::Rollback).body(Document::ServiceUpdate), "1.24", ["registryAuthFrom", "rollback", "version"];
    /// deletes any service but Dockgate's own, and ends its containers
    ServiceDelete => DELETE "/services/{id}" of Service;
        Write, Discarded, Plain, WHOLE, "1.24", [];
    /// shows what any service has printed, and whatever secrets its programs log
    ServiceLogs => GET "/services/{id}/logs" of Service;
        Content, Discarded, Stream(Endless::If("follow")), WHOLE, "1.25", ["details", "follow", "since", "stderr", "stdout", "tail", "timestamps"];
    section "nodes";
    /// shows the machines of the swarm with their addresses, labels and resources
    NodeList => GET "/nodes";
        Read, Discarded, Plain, WHOLE, "1.24", [];
    /// shows the addresses, labels and resources of a machine of the swarm
    NodeInspect => GET "/nodes/{id}" of Node;
        Read, Discarded, Plain, WHOLE, "1.24", [];
    /// takes a machine out of the swarm
    NodeDelete => DELETE "/nodes/{id}" of Node;
        Write, Discarded, Plain, WHOLE, "1.24", ["force"];
    /// makes a machine of the swarm a manager, or takes its work away from it
    NodeUpdate => POST "/nodes/{id}/update" of Node;
        Control, Json(&["version"]), Plain, WHOLE, "1.24", ["version"];
    section "tasks";
    /// shows the environment and the command of every task, in which passwords often stand
    TaskList => GET "/tasks";
        Read, Discarded, Plain, WHOLE, "1.24", [];
    /// shows a task's environment and command, in which passwords often stand
    TaskInspect => GET "/tasks/{id}" of Task;
        Read, Discarded, Plain, WHOLE, "1.24", [];
    /// shows what any task has printed, and whatever secrets its programs log
    TaskLogs => GET "/tasks/{id}/logs" of Task;
        Content, Discarded, Stream(Endless::If("follow")), WHOLE, "1.29", ["details", "follow", "since", "stderr", "stdout", "tail", "timestamps"];
    section "secrets";
    /// shows the names and labels of the swarm's secrets, and nothing of what is in them
    SecretList => GET "/secrets";
        Read, Discarded, Plain, WHOLE, "1.25", [];
    /// stores a secret in the swarm
    SecretCreate => POST "/secrets/create";
        Write, Json(&[]), Plain, WHOLE, "1.25", [];
    /// shows the name and labels of a secret, and nothing of what is in it
    SecretInspect => GET "/secrets/{id}" of Secret;
        Read, Discarded, Plain, WHOLE, "1.25", [];
    /// changes the labels of any secret of the swarm
    SecretUpdate => POST "/secrets/{id}/update" of Secret;
        Write, Json(&["version"]), Plain, WHOLE, "1.25", ["version"];
    /// deletes any secret that no service uses
    SecretDelete => DELETE "/secrets/{id}" of Secret;
        Write, Discarded, Plain, WHOLE, "1.25", [];
    section "configs";
    /// shows all configs of the swarm with what is in them, passwords included where some are there
    ConfigList => GET "/configs";
        Content, Discarded, Plain, WHOLE, "1.30", [];
    /// stores a config in the swarm
    ConfigCreate => POST "/configs/create";
        Write, Json(&[]), Plain, WHOLE, "1.30", [];
    /// shows what is in a config of the swarm, passwords included where some are there
    ConfigInspect => GET "/configs/{id}" of Config;
        Content, Discarded, Plain, WHOLE, "1.30", [];
    /// changes the labels of any config of the swarm
    ConfigUpdate => POST "/configs/{id}/update" of Config;
        Write, Json(&["version"]), Plain, WHOLE, "1.30", ["version"];
    /// deletes any config that no service uses
    ConfigDelete => DELETE "/configs/{id}" of Config;
        Write, Discarded, Plain, WHOLE, "1.30", [];
    section "plugins";
    /// shows all plugins with their settings, in which passwords can stand
    PluginList => GET "/plugins";
        Content, Discarded, Plain, WHOLE, "1.24", [];
    /// shows a plugin's settings, in which passwords can stand
    PluginInspect => GET "/plugins/{name...}/json" of Plugin;
        Content, Discarded, Plain, WHOLE, "1.25", [];
    /// makes the engine call out to a registry, and shows what a plugin would be given of the host
    GetPluginPrivileges => GET "/plugins/privileges";
        Content, Discarded, Plain, WHOLE.query(Parameters::Registry), "1.25", [];
    /// installs a plugin from a registry, which is root on the host once it is enabled
    PluginPull => POST "/plugins/pull";
        Control, Json(&["name", "remote"]), Stream(Endless::Always), WHOLE.query(Parameters::Registry), "1.24", [];
    /// installs a plugin from a tar, which is root on the host once it is enabled
    PluginCreate => POST "/plugins/create";
        Control, Tar, Plain, WHOLE, "1.25", [];
    /// starts any plugin that is installed, which can be root on the host
    PluginEnable => POST "/plugins/{name...}/enable" of Plugin;
        Control, Discarded, Plain, WHOLE, "1.24", ["timeout"];
    /// stops any plugin, and with it its volumes, its networks, or its rules on who may do what
    PluginDisable => POST "/plugins/{name...}/disable" of Plugin;
        Control, Discarded, Plain, WHOLE, "1.24", ["force"];
    /// sends a plugin to a registry, with the code and the keys in it
    PluginPush => POST "/plugins/{name...}/push" of Plugin;
        Write, Discarded, Stream(Endless::Always), WHOLE, "1.25", [];
    /// changes the code of a plugin, which is root on the host once it is enabled
    PluginUpgrade => POST "/plugins/{name...}/upgrade" of Plugin;
        Control, Json(&["remote"]), Stream(Endless::Always), WHOLE.query(Parameters::Registry), "1.26", [];
    /// changes a plugin's settings, the folders and devices of the host that it is given included
    PluginSet => POST "/plugins/{name...}/set" of Plugin;
        Control, Json(&[]), Plain, WHOLE, "1.25", [];
    /// deletes any plugin, with the state that it keeps
    PluginDelete => DELETE "/plugins/{name...}" of Plugin;
        Write, Discarded, Plain, WHOLE, "1.24", ["force"];
    section "ping";
    /// shows that the engine answers, and its API version
    SystemPing => GET "/_ping", HEAD "/_ping" (alias "SystemPingHead");
        Read, Discarded, Plain, WHOLE, "1.24", [];
    section "version";
    /// shows the engine's version
    SystemVersion => GET "/version";
        Read, Discarded, Plain, WHOLE, "1.24", [];
    section "info";
    /// shows the host's name, kernel and resources, and the engine's settings
    SystemInfo => GET "/info";
        Read, Discarded, Plain, WHOLE, "1.24", [];
    section "events";
    /// shows what happens to every object, its labels and the command lines of execs included
    SystemEvents => GET "/events";
        Read, Discarded, Stream(Endless::Always), WHOLE, "1.24", ["since", "until"];
    section "df";
    /// shows all images, containers and volumes with their sizes, and keeps the disk busy meanwhile
    SystemDataUsage => GET "/system/df";
        Read, Discarded, Plain, WHOLE, "1.25", ["type", "verbose"];
    section "auth";
    /// makes the engine log in at any registry, with the password of the request
    SystemAuth => POST "/auth";
        Write, Json(&[]), Plain, WHOLE, "1.24", [];
}

#[cfg(test)]
mod tests;
