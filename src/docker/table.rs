//! Every operation of the Docker Engine API that Dockgate knows.
//!
//! A request that no row matches is denied; there is no wildcard and no fallback. Debug, legacy and
//! `OPTIONS` routes have no row, so they are denied.
//!
//! Each row begins with what you give away by allowing the operation: the worst that it can do, however a
//! policy's block restricts it. If a block decides between an ordinary object and root on the host, it says
//! both.
//!
//! Source: Docker Engine API 1.24 to 1.56, `api/swagger.yaml` and `daemon/server/router` in moby/moby. Only in
//! the router, without an entry in the document: the checkpoints, `BuildCancel`, `Grpc`, and the second path
//! of `NetworkList`. `SECURITY.md` says which were used in attacks.

use super::judged::{Block, Deed, Document, Parameters, Shows, WHOLE, by};
use super::operation::Body::{Discarded, Import, Json, Refused, Tar};
use super::operation::Effect::{Content, Control, Read, Write};
use super::operation::Reply::{Hijack, Plain, Stream};
use super::operation::{Endless, Method, Object, Route, Spec, Upgrade, operations};

operations! {
    // what you give away by allowing it: a sentence without a period, of at most 110 characters
    // operation => its routes, the kinds of the objects in their paths, an alias;
    //     effect, body, reply, what a policy checks, first API version, [query keys that are harmless to log];

    section "containers";
    /// shows every container's names, image, command line, labels, ports and mounts
    ContainerList => GET "/containers/json";
        Read, Discarded, Plain, WHOLE.shows(Shows::List(Object::Container)), "1.24", ["all", "limit", "size"];
    /// creates ordinary containers; if its block is unrestricted, containers that are root on the host
    ContainerCreate => POST "/containers/create";
        Control, Json(&["name", "platform"]), Plain, by(Block::Create).query(Parameters::Name).body(Document::Container).shows(Shows::Nothing), "1.24", ["name", "platform"];
    /// shows any container's environment variables, which often contain passwords
    ContainerInspect => GET "/containers/{name}/json" of Container;
        Read, Discarded, Plain, WHOLE, "1.24", ["size"];
    /// shows the command lines of any container's processes, which can contain passwords
    ContainerTop => GET "/containers/{name}/top" of Container;
        Content, Discarded, Plain, WHOLE.query(Parameters::Processes), "1.24", [];
    /// shows the output of any container, including any secrets that its programs log
    ContainerLogs => GET "/containers/{name}/logs" of Container;
        Content, Discarded, Stream(Endless::If("follow")), WHOLE, "1.24", ["details", "follow", "since", "stderr", "stdout", "tail", "timestamps", "until"];
    /// shows the names of the files that any container has added, changed or deleted
    ContainerChanges => GET "/containers/{name}/changes" of Container;
        Content, Discarded, Plain, WHOLE, "1.24", [];
    /// reads all files of any container, including keys and databases, but not its volumes
    ContainerExport => GET "/containers/{name}/export" of Container;
        Content, Discarded, Plain, WHOLE, "1.24", [];
    /// shows how much CPU, memory, network and disk any container uses
    ContainerStats => GET "/containers/{name}/stats" of Container;
        Read, Discarded, Stream(Endless::Unless("stream")), WHOLE, "1.24", ["one-shot", "stream"];
    /// changes the size of any container's terminal
    ContainerResize => POST "/containers/{name}/resize" of Container;
        Write, Discarded, Plain, WHOLE, "1.24", ["h", "w"];
    /// starts any existing container, with all rights that it was created with
    ContainerStart => POST "/containers/{name}/start" of Container;
        Write, Refused, Plain, WHOLE.does(Deed::Starts).query(Parameters::Checkpoint), "1.24", ["checkpoint"];
    /// stops any container except Dockgate's own
    ContainerStop => POST "/containers/{name}/stop" of Container;
        Write, Discarded, Plain, WHOLE.does(Deed::TakesAway), "1.24", ["signal", "t"];
    /// restarts any container except Dockgate's own
    ContainerRestart => POST "/containers/{name}/restart" of Container;
        Write, Discarded, Plain, WHOLE.does(Deed::Starts), "1.24", ["signal", "t"];
    /// kills any container except Dockgate's own, or sends it another signal
    ContainerKill => POST "/containers/{name}/kill" of Container;
        Write, Discarded, Plain, WHOLE.does(Deed::TakesAway), "1.24", ["signal"];
    /// changes the limits and restart policy of any container except Dockgate's own
    ContainerUpdate => POST "/containers/{name}/update" of Container;
        Write, Json(&[]), Plain, by(Block::Create).body(Document::ContainerUpdate), "1.24", [];
    /// renames any container except Dockgate's own, so that its old name can lead to a wrong container
    ContainerRename => POST "/containers/{name}/rename" of Container;
        Write, Discarded, Plain, WHOLE.does(Deed::TakesAway).query(Parameters::Rename), "1.24", ["name"];
    /// pauses any container except Dockgate's own
    ContainerPause => POST "/containers/{name}/pause" of Container;
        Write, Discarded, Plain, WHOLE, "1.24", [];
    /// resumes any paused container
    ContainerUnpause => POST "/containers/{name}/unpause" of Container;
        Write, Discarded, Plain, WHOLE, "1.24", [];
    /// reads a container's live output and sends it input, which a shell runs as commands
    ContainerAttach => POST "/containers/{name}/attach" of Container;
        Control, Discarded, Hijack(Upgrade::Tcp), WHOLE.does(Deed::Attaches).query(Parameters::Attach), "1.24", ["logs", "stderr", "stdin", "stdout", "stream"];
    /// reads a container's live output and sends it input, with a GET request
    ContainerAttachWebsocket => GET "/containers/{name}/attach/ws" of Container;
        Control, Discarded, Hijack(Upgrade::Websocket), WHOLE.does(Deed::Attaches).query(Parameters::Attach), "1.24", ["logs", "stderr", "stdin", "stdout", "stream"];
    /// waits until any container stops, and shows its exit code
    ContainerWait => POST "/containers/{name}/wait" of Container;
        Read, Discarded, Stream(Endless::Always), WHOLE, "1.24", ["condition"];
    /// deletes any container except Dockgate's own, with its files and anonymous volumes
    ContainerDelete => DELETE "/containers/{name}" of Container;
        Write, Discarded, Plain, WHOLE.does(Deed::TakesAway), "1.24", ["force", "link", "v"];
    /// shows which files any container has; before Engine 29.5.1 a race can reach files of the host
    ContainerArchiveInfo => HEAD "/containers/{name}/archive" of Container;
        Content, Discarded, Plain, WHOLE, "1.24", ["path"];
    /// reads any file of any container, including keys, databases and mounted volumes
    ContainerArchive => GET "/containers/{name}/archive" of Container;
        Content, Discarded, Plain, WHOLE, "1.24", ["path"];
    /// writes any file into a container, including the programs that it runs next
    PutContainerArchive => PUT "/containers/{name}/archive" of Container;
        Control, Tar, Plain, by(Block::Archive).does(Deed::Uploads).query(Parameters::Archive), "1.24", ["copyUIDGID", "noOverwriteDirNonDir", "path"];
    /// deletes all stopped containers, with their files
    ContainerPrune => POST "/containers/prune";
        Write, Discarded, Plain, WHOLE.shows(Shows::Unused(Object::Container)), "1.25", [];
    /// shows a container's checkpoints, in any folder of the host
    ContainerCheckpointList => GET "/containers/{name}/checkpoints" of Container;
        Content, Discarded, Plain, WHOLE, "1.25", [];
    /// writes a container's memory, including any secrets in it, to any folder of the host
    ContainerCheckpointCreate => POST "/containers/{name}/checkpoints" of Container;
        Control, Json(&[]), Plain, WHOLE, "1.25", [];
    /// deletes a checkpoint in any folder of the host
    ContainerCheckpointDelete => DELETE "/containers/{name}/checkpoints/{checkpoint}" of Container, Checkpoint;
        Control, Discarded, Plain, WHOLE, "1.25", [];
    section "exec";
    /// prepares a command in a container, for ExecStart to run
    ContainerExec => POST "/containers/{name}/exec" of Container;
        Control, Json(&[]), Plain, by(Block::Exec).does(Deed::PreparesExec).body(Document::Exec), "1.24", [];
    /// runs a command in a container, sends it input and reads its output
    ExecStart => POST "/exec/{name}/start" of Exec;
        Control, Json(&[]), Hijack(Upgrade::Tcp), by(Block::Exec).does(Deed::RunsExec).body(Document::ExecStart), "1.24", [];
    /// changes the size of an exec's terminal
    ExecResize => POST "/exec/{name}/resize" of Exec;
        Write, Discarded, Plain, WHOLE, "1.24", ["h", "w"];
    /// shows the command line of an exec, which can contain passwords, and its exit code
    ExecInspect => GET "/exec/{id}/json" of Exec;
        Read, Discarded, Plain, WHOLE, "1.24", [];
    section "images";
    /// creates an image from any container's files, under a name that other containers may use
    ImageCommit => POST "/commit";
        Control, Json(&["author", "changes", "comment", "container", "pause", "repo", "tag"]), Plain, by(Block::Images).query(Parameters::Commit).body(Document::ImageConfig).shows(Shows::Nothing), "1.24", ["container", "pause", "repo", "tag"];
    /// shows the names, labels and sizes of all images
    ImageList => GET "/images/json";
        Read, Discarded, Plain, WHOLE.shows(Shows::List(Object::Image)), "1.24", ["all", "digests", "manifests", "shared-size"];
    /// makes the engine send a search to an image registry
    ImageSearch => GET "/images/search";
        Content, Discarded, Plain, WHOLE.query(Parameters::Registry).shows(Shows::Nothing), "1.24", ["limit", "term"];
    /// downloads complete images, with the code and keys in them
    ImageGetAll => GET "/images/get";
        Content, Discarded, Plain, WHOLE.shows(Shows::Nothing), "1.24", ["names", "platform"];
    /// downloads a complete image, with the code and keys in it
    ImageGet => GET "/images/{name...}/get" of Image;
        Content, Discarded, Plain, WHOLE, "1.24", ["platform"];
    /// shows the steps that built an image, with their arguments, which can contain passwords
    ImageHistory => GET "/images/{name...}/history" of Image;
        Content, Discarded, Plain, WHOLE, "1.24", ["platform"];
    /// shows an image's environment variables, command and labels, which can contain passwords
    ImageInspect => GET "/images/{name...}/json" of Image;
        Read, Discarded, Plain, WHOLE, "1.24", ["manifests", "platform"];
    /// shows how an image was built: its sources, builder and build arguments
    ImageAttestations => GET "/images/{name...}/attestations" of Image;
        Content, Discarded, Plain, WHOLE, "1.55", [];
    /// adds images under any name, including the name of an image that others trust
    ImageLoad => POST "/images/load";
        Control, Tar, Stream(Endless::Always), by(Block::Images).query(Parameters::Load).shows(Shows::Nothing), "1.24", ["platform", "quiet"];
    /// makes the engine pull an image, under a name that other containers may use
    ImageCreate => POST "/images/create";
        Control, Import, Stream(Endless::Always), by(Block::Images).query(Parameters::Fetch).shows(Shows::Nothing), "1.24", ["fromImage", "platform", "repo", "tag"];
    /// pushes an image to a registry, with the code and keys in it
    ImagePush => POST "/images/{name...}/push" of Image;
        Control, Discarded, Stream(Endless::Always), by(Block::Images).query(Parameters::Push), "1.24", ["platform", "tag"];
    /// gives an image any name, including the name of an image that others trust
    ImageTag => POST "/images/{name...}/tag" of Image;
        Control, Discarded, Plain, by(Block::Images).query(Parameters::Tag), "1.24", ["repo", "tag"];
    /// deletes all images that no container uses
    ImagePrune => POST "/images/prune";
        Write, Discarded, Plain, WHOLE, "1.25", [];
    /// deletes any image that no running container uses, or one of its tags
    ImageDelete => DELETE "/images/{name...}" of Image;
        Write, Discarded, Plain, WHOLE, "1.24", ["force", "noprune", "platforms"];
    section "distribution";
    /// makes the engine connect to any registry, and shows its answer about an image
    DistributionInspect => GET "/distribution/{name...}/json" of Repository;
        Content, Discarded, Plain, WHOLE.query(Parameters::Registry).shows(Shows::Nothing), "1.30", [];
    section "build";
    /// runs a Dockerfile's code in the builder's containers, and gives the image a name
    ImageBuild => POST "/build";
        Control, Tar, Stream(Endless::Always), by(Block::Build).query(Parameters::Build).shows(Shows::Nothing), "1.24", ["dockerfile", "forcerm", "networkmode", "nocache", "platform", "pull", "q", "rm", "squash", "t", "target", "version"];
    /// deletes the build cache, so that the next builds take longer
    BuildPrune => POST "/build/prune";
        Write, Discarded, Plain, WHOLE, "1.31", ["all", "keep-storage"];
    /// cancels any build whose id the client knows
    BuildCancel => POST "/build/cancel";
        Write, Discarded, Plain, WHOLE, "1.39", ["id"];
    section "session";
    /// opens a tunnel to the builder whose content is not checked: it can do all that builds can
    Session => POST "/session";
        Control, Discarded, Hijack(Upgrade::H2c), WHOLE.shows(Shows::Nothing), "1.31", [];
    section "grpc";
    /// opens a tunnel to BuildKit whose content is not checked: it runs code and can be root on the host
    Grpc => POST "/grpc";
        Control, Discarded, Hijack(Upgrade::H2c), WHOLE.shows(Shows::Nothing), "1.40", [];
    section "networks";
    /// shows the names, addresses and labels of all networks
    NetworkList => GET "/networks", GET "/networks/" (alias "NetworkListSlash");
        Read, Discarded, Plain, WHOLE.shows(Shows::List(Object::Network)), "1.24", [];
    /// shows a network's addresses and the containers on it
    NetworkInspect => GET "/networks/{id}" of Network;
        Read, Discarded, Plain, WHOLE.shows(Shows::Members), "1.24", ["scope", "verbose"];
    /// creates ordinary networks; if its block is unrestricted, networks on the host's own interfaces
    NetworkCreate => POST "/networks/create";
        Write, Json(&[]), Plain, by(Block::Networks).body(Document::Network).shows(Shows::Nothing), "1.24", [];
    /// connects a container to a network, where it can reach other containers and services
    NetworkConnect => POST "/networks/{id}/connect" of Network;
        Write, Json(&[]), Plain, by(Block::Networks).does(Deed::Connects).body(Document::Endpoint), "1.24", [];
    /// disconnects a container from a network, so that others on it cannot reach the container
    NetworkDisconnect => POST "/networks/{id}/disconnect" of Network;
        Write, Json(&[]), Plain, by(Block::Networks).does(Deed::Disconnects).body(Document::Leaving), "1.24", [];
    /// deletes all networks that no container uses
    NetworkPrune => POST "/networks/prune";
        Write, Discarded, Plain, WHOLE.shows(Shows::Unused(Object::Network)), "1.25", [];
    /// deletes any network that no container is on
    NetworkDelete => DELETE "/networks/{id}" of Network;
        Write, Discarded, Plain, WHOLE.query(Parameters::NoKeys), "1.24", [];
    section "volumes";
    /// shows all volumes with their labels and driver options, which can contain passwords
    VolumeList => GET "/volumes";
        Read, Discarded, Plain, WHOLE.shows(Shows::List(Object::Volume)), "1.24", [];
    /// shows a volume's labels and driver options, which can contain passwords
    VolumeInspect => GET "/volumes/{name}" of Volume;
        Read, Discarded, Plain, WHOLE, "1.24", [];
    /// creates ordinary volumes; if its block allows driver options, volumes that are host folders
    VolumeCreate => POST "/volumes/create";
        Control, Json(&[]), Plain, by(Block::Volumes).body(Document::Volume).shows(Shows::Nothing), "1.24", [];
    /// deletes all volumes that no container uses, with all data in them
    VolumePrune => POST "/volumes/prune";
        Write, Discarded, Plain, WHOLE.shows(Shows::Unused(Object::Volume)), "1.25", [];
    /// changes who in the swarm may use a cluster volume
    VolumeUpdate => PUT "/volumes/{name}" of Volume;
        Control, Json(&["version"]), Plain, by(Block::Volumes).body(Document::VolumeUpdate), "1.42", ["version"];
    /// deletes any volume that no container uses, with all data in it
    VolumeDelete => DELETE "/volumes/{name}" of Volume;
        Write, Discarded, Plain, WHOLE, "1.24", ["force"];
    section "swarm";
    /// shows the tokens that other machines use to join the swarm as workers and managers
    SwarmInspect => GET "/swarm";
        Content, Discarded, Plain, WHOLE, "1.24", [];
    /// shows the key that unlocks the swarm's managers
    SwarmUnlockkey => GET "/swarm/unlockkey";
        Content, Discarded, Plain, WHOLE, "1.25", [];
    /// makes the engine the manager of a new swarm, which listens on the network
    SwarmInit => POST "/swarm/init";
        Control, Json(&[]), Plain, WHOLE, "1.24", [];
    /// joins the engine to a swarm, whose managers can run anything on it
    SwarmJoin => POST "/swarm/join";
        Control, Json(&[]), Plain, WHOLE, "1.24", [];
    /// removes the engine from its swarm, which stops the services that run on it
    SwarmLeave => POST "/swarm/leave";
        Write, Discarded, Plain, WHOLE, "1.24", ["force"];
    /// changes the swarm's settings, its tokens and its certificate authority
    SwarmUpdate => POST "/swarm/update";
        Control, Json(&["rotateManagerToken", "rotateManagerUnlockKey", "rotateWorkerToken", "version"]), Plain, WHOLE, "1.24", ["rotateManagerToken", "rotateManagerUnlockKey", "rotateWorkerToken", "version"];
    /// unlocks a swarm manager with its key
    SwarmUnlock => POST "/swarm/unlock";
        Write, Json(&[]), Plain, WHOLE, "1.25", [];
    section "services";
    /// shows all services' environment variables and commands, which often contain passwords
    ServiceList => GET "/services";
        Read, Discarded, Plain, WHOLE.shows(Shows::List(Object::Service)), "1.24", ["status"];
    /// shows a service's environment variables and command, which often contain passwords
    ServiceInspect => GET "/services/{id}" of Service;
        Read, Discarded, Plain, WHOLE, "1.24", ["insertDefaults"];
    /// creates containers on any machine of the swarm; if its block is unrestricted, as root there
    ServiceCreate => POST "/services/create";
        Control, Json(&[]), Plain, by(Block::Create).body(Document::Service).shows(Shows::Nothing), "1.24", [];
    /// changes what any service except Dockgate's own runs; if unrestricted, as root on its machines
    ServiceUpdate => POST "/services/{id}/update" of Service;
        Control, Json(&["registryAuthFrom", "rollback", "version"]), Plain, by(Block::Create).query(Parameters::Rollback).body(Document::ServiceUpdate), "1.24", ["registryAuthFrom", "rollback", "version"];
    /// deletes any service except Dockgate's own, and stops its containers
    ServiceDelete => DELETE "/services/{id}" of Service;
        Write, Discarded, Plain, WHOLE, "1.24", [];
    /// shows the output of any service, including any secrets that its programs log
    ServiceLogs => GET "/services/{id}/logs" of Service;
        Content, Discarded, Stream(Endless::If("follow")), WHOLE, "1.25", ["details", "follow", "since", "stderr", "stdout", "tail", "timestamps"];
    section "nodes";
    /// shows all machines of the swarm with their addresses, labels and resources
    NodeList => GET "/nodes";
        Read, Discarded, Plain, WHOLE, "1.24", [];
    /// shows the addresses, labels and resources of a machine of the swarm
    NodeInspect => GET "/nodes/{id}" of Node;
        Read, Discarded, Plain, WHOLE, "1.24", [];
    /// removes a machine from the swarm
    NodeDelete => DELETE "/nodes/{id}" of Node;
        Write, Discarded, Plain, WHOLE, "1.24", ["force"];
    /// makes a machine a manager of the swarm, or stops the swarm's tasks on it
    NodeUpdate => POST "/nodes/{id}/update" of Node;
        Control, Json(&["version"]), Plain, WHOLE, "1.24", ["version"];
    section "tasks";
    /// shows all tasks' environment variables and commands, which often contain passwords
    TaskList => GET "/tasks";
        Read, Discarded, Plain, WHOLE.shows(Shows::List(Object::Task)), "1.24", [];
    /// shows a task's environment variables and command, which often contain passwords
    TaskInspect => GET "/tasks/{id}" of Task;
        Read, Discarded, Plain, WHOLE, "1.24", [];
    /// shows the output of any task, including any secrets that its programs log
    TaskLogs => GET "/tasks/{id}/logs" of Task;
        Content, Discarded, Stream(Endless::If("follow")), WHOLE, "1.29", ["details", "follow", "since", "stderr", "stdout", "tail", "timestamps"];
    section "secrets";
    /// shows the names and labels of the swarm's secrets, but not their values
    SecretList => GET "/secrets";
        Read, Discarded, Plain, WHOLE.shows(Shows::List(Object::Secret)), "1.25", [];
    /// stores a secret in the swarm
    SecretCreate => POST "/secrets/create";
        Write, Json(&[]), Plain, WHOLE.body(Document::ConfigOrSecret).shows(Shows::Nothing), "1.25", [];
    /// shows the name and labels of a secret, but not its value
    SecretInspect => GET "/secrets/{id}" of Secret;
        Read, Discarded, Plain, WHOLE, "1.25", [];
    /// changes the labels of any secret of the swarm
    SecretUpdate => POST "/secrets/{id}/update" of Secret;
        Write, Json(&["version"]), Plain, WHOLE.body(Document::ConfigOrSecret), "1.25", ["version"];
    /// deletes any secret that no service uses
    SecretDelete => DELETE "/secrets/{id}" of Secret;
        Write, Discarded, Plain, WHOLE, "1.25", [];
    section "configs";
    /// shows all configs of the swarm with their content, including any passwords
    ConfigList => GET "/configs";
        Content, Discarded, Plain, WHOLE.shows(Shows::List(Object::Config)), "1.30", [];
    /// stores a config in the swarm
    ConfigCreate => POST "/configs/create";
        Write, Json(&[]), Plain, WHOLE.body(Document::ConfigOrSecret).shows(Shows::Nothing), "1.30", [];
    /// shows the content of a config of the swarm, including any passwords
    ConfigInspect => GET "/configs/{id}" of Config;
        Content, Discarded, Plain, WHOLE, "1.30", [];
    /// changes the labels of any config of the swarm
    ConfigUpdate => POST "/configs/{id}/update" of Config;
        Write, Json(&["version"]), Plain, WHOLE.body(Document::ConfigOrSecret), "1.30", ["version"];
    /// deletes any config that no service uses
    ConfigDelete => DELETE "/configs/{id}" of Config;
        Write, Discarded, Plain, WHOLE, "1.30", [];
    section "plugins";
    /// shows all plugins with their settings, which can contain passwords
    PluginList => GET "/plugins";
        Content, Discarded, Plain, WHOLE, "1.24", [];
    /// shows a plugin's settings, which can contain passwords
    PluginInspect => GET "/plugins/{name...}/json" of Plugin;
        Content, Discarded, Plain, WHOLE, "1.25", [];
    /// makes the engine connect to a registry, and shows which host resources a plugin would get
    GetPluginPrivileges => GET "/plugins/privileges";
        Content, Discarded, Plain, WHOLE.query(Parameters::Registry), "1.25", [];
    /// installs a plugin from a registry; once enabled, it is root on the host
    PluginPull => POST "/plugins/pull";
        Control, Json(&["name", "remote"]), Stream(Endless::Always), WHOLE.query(Parameters::Registry), "1.24", [];
    /// installs a plugin from a tar; once enabled, it is root on the host
    PluginCreate => POST "/plugins/create";
        Control, Tar, Plain, WHOLE, "1.25", [];
    /// starts any installed plugin, which can be root on the host
    PluginEnable => POST "/plugins/{name...}/enable" of Plugin;
        Control, Discarded, Plain, WHOLE, "1.24", ["timeout"];
    /// stops any plugin, and with it the volumes, networks or access rules that it provides
    PluginDisable => POST "/plugins/{name...}/disable" of Plugin;
        Control, Discarded, Plain, WHOLE, "1.24", ["force"];
    /// pushes a plugin to a registry, with the code and keys in it
    PluginPush => POST "/plugins/{name...}/push" of Plugin;
        Write, Discarded, Stream(Endless::Always), WHOLE, "1.25", [];
    /// replaces a plugin's code; once enabled, it is root on the host
    PluginUpgrade => POST "/plugins/{name...}/upgrade" of Plugin;
        Control, Json(&["remote"]), Stream(Endless::Always), WHOLE.query(Parameters::Registry), "1.26", [];
    /// changes a plugin's settings, including the host folders and devices that it gets
    PluginSet => POST "/plugins/{name...}/set" of Plugin;
        Control, Json(&[]), Plain, WHOLE, "1.25", [];
    /// deletes any plugin, with its state
    PluginDelete => DELETE "/plugins/{name...}" of Plugin;
        Write, Discarded, Plain, WHOLE, "1.24", ["force"];
    section "ping";
    /// shows that the engine responds, and its API version
    SystemPing => GET "/_ping", HEAD "/_ping" (alias "SystemPingHead");
        Read, Discarded, Plain, WHOLE.shows(Shows::Nothing), "1.24", [];
    section "version";
    /// shows the engine's version
    SystemVersion => GET "/version";
        Read, Discarded, Plain, WHOLE.shows(Shows::Nothing), "1.24", [];
    section "info";
    /// shows the host's name, kernel and resources, and the engine's settings
    SystemInfo => GET "/info";
        Read, Discarded, Plain, WHOLE.shows(Shows::Counts), "1.24", [];
    section "events";
    /// shows what happens to every object, including its labels and the command lines of execs
    SystemEvents => GET "/events";
        Read, Discarded, Stream(Endless::Always), WHOLE.shows(Shows::Events), "1.24", ["since", "until"];
    section "df";
    /// shows all images, containers and volumes with their sizes, and keeps the disk busy for that time
    SystemDataUsage => GET "/system/df";
        Read, Discarded, Plain, WHOLE.shows(Shows::Usage), "1.25", ["type", "verbose"];
    section "auth";
    /// makes the engine log in to any registry, with the password in the request
    SystemAuth => POST "/auth";
        Write, Json(&[]), Plain, WHOLE.shows(Shows::Nothing), "1.24", [];
}

#[cfg(test)]
mod tests;
