//! Every operation of the Docker Engine API that Dockgate knows.
//!
//! A request that no row matches is refused; there is no wildcard and no fallback. Debug, legacy
//! and `OPTIONS` routes are not here, and so refused.
//!
//! Source: Docker Engine API 1.24 to 1.56, `api/swagger.yaml` and `daemon/server/router` in
//! moby/moby. Of the router alone, without an entry in the document: the checkpoints,
//! `BuildCancel`, `Grpc`, and the second path of `NetworkList`.

use super::operation::Body::{Discarded, Import, Json, Refused, Tar};
use super::operation::Effect::{Content, Control, Read, Write};
use super::operation::Reply::{Hijack, Plain, Stream};
use super::operation::{Endless, Method, Object, Route, Spec, Upgrade};

/// Makes the closed list of operations, and what is known of each, in one order.
macro_rules! operations {
    ($($name:ident => $($method:ident $path:literal),+ $(of $($object:ident),+)?;
        $section:literal, $effect:expr, $body:expr, $reply:expr, $min_api:literal, [$($logged:literal),*];)+) => {
        /// An operation of the Docker Engine API, by its `operationId`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each name is the API's own; its row says what it is")]
        pub enum Operation { $($name),+ }

        impl Operation {
            /// Every operation, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// What is known of it.
            #[must_use]
            pub fn spec(self) -> &'static Spec {
                match self {
                    $(Self::$name => {
                        static SPEC: Spec = Spec {
                            operation: Operation::$name,
                            name: stringify!($name),
                            section: $section,
                            effect: $effect,
                            body: $body,
                            reply: $reply,
                            min_api: $min_api,
                            objects: &[$($(Object::$object),+)?],
                            logged: &[$($logged),*],
                            routes: &[$(Route { method: Method::$method, path: $path }),+],
                        };
                        &SPEC
                    })+
                }
            }
        }
    };
}

operations! {
    // operation => its routes, of what kinds the objects are that their paths name;
    //     section, effect, body, reply, first API version, [query keys harmless to log];

    // containers
    ContainerList => GET "/containers/json";
        "containers", Read, Discarded, Plain, "1.24", ["all", "limit", "size"];
    ContainerCreate => POST "/containers/create";
        "containers", Control, Json(&["name", "platform"]), Plain, "1.24", ["name", "platform"];
    ContainerInspect => GET "/containers/{name}/json" of Container;
        "containers", Read, Discarded, Plain, "1.24", ["size"];
    ContainerTop => GET "/containers/{name}/top" of Container;
        "containers", Content, Discarded, Plain, "1.24", [];
    ContainerLogs => GET "/containers/{name}/logs" of Container;
        "containers", Content, Discarded, Stream(Endless::If("follow")), "1.24", ["details", "follow", "since", "stderr", "stdout", "tail", "timestamps", "until"];
    ContainerChanges => GET "/containers/{name}/changes" of Container;
        "containers", Content, Discarded, Plain, "1.24", [];
    ContainerExport => GET "/containers/{name}/export" of Container;
        "containers", Content, Discarded, Plain, "1.24", [];
    ContainerStats => GET "/containers/{name}/stats" of Container;
        "containers", Read, Discarded, Stream(Endless::Unless("stream")), "1.24", ["one-shot", "stream"];
    ContainerResize => POST "/containers/{name}/resize" of Container;
        "containers", Write, Discarded, Plain, "1.24", ["h", "w"];
    ContainerStart => POST "/containers/{name}/start" of Container;
        "containers", Write, Refused, Plain, "1.24", ["checkpoint"];
    ContainerStop => POST "/containers/{name}/stop" of Container;
        "containers", Write, Discarded, Plain, "1.24", ["signal", "t"];
    ContainerRestart => POST "/containers/{name}/restart" of Container;
        "containers", Write, Discarded, Plain, "1.24", ["signal", "t"];
    ContainerKill => POST "/containers/{name}/kill" of Container;
        "containers", Write, Discarded, Plain, "1.24", ["signal"];
    ContainerUpdate => POST "/containers/{name}/update" of Container;
        "containers", Write, Json(&[]), Plain, "1.24", [];
    ContainerRename => POST "/containers/{name}/rename" of Container;
        "containers", Write, Discarded, Plain, "1.24", ["name"];
    ContainerPause => POST "/containers/{name}/pause" of Container;
        "containers", Write, Discarded, Plain, "1.24", [];
    ContainerUnpause => POST "/containers/{name}/unpause" of Container;
        "containers", Write, Discarded, Plain, "1.24", [];
    ContainerAttach => POST "/containers/{name}/attach" of Container;
        "containers", Control, Discarded, Hijack(Upgrade::Tcp), "1.24", ["logs", "stderr", "stdin", "stdout", "stream"];
    ContainerAttachWebsocket => GET "/containers/{name}/attach/ws" of Container;
        "containers", Control, Discarded, Hijack(Upgrade::Websocket), "1.24", ["logs", "stderr", "stdin", "stdout", "stream"];
    ContainerWait => POST "/containers/{name}/wait" of Container;
        "containers", Read, Discarded, Stream(Endless::Always), "1.24", ["condition"];
    ContainerDelete => DELETE "/containers/{name}" of Container;
        "containers", Write, Discarded, Plain, "1.24", ["force", "link", "v"];
    ContainerArchiveInfo => HEAD "/containers/{name}/archive" of Container;
        "containers", Content, Discarded, Plain, "1.24", ["path"];
    ContainerArchive => GET "/containers/{name}/archive" of Container;
        "containers", Content, Discarded, Plain, "1.24", ["path"];
    PutContainerArchive => PUT "/containers/{name}/archive" of Container;
        "containers", Control, Tar, Plain, "1.24", ["copyUIDGID", "noOverwriteDirNonDir", "path"];
    ContainerPrune => POST "/containers/prune";
        "containers", Write, Discarded, Plain, "1.25", [];
    ContainerCheckpointList => GET "/containers/{name}/checkpoints" of Container;
        "containers", Content, Discarded, Plain, "1.25", [];
    ContainerCheckpointCreate => POST "/containers/{name}/checkpoints" of Container;
        "containers", Control, Json(&[]), Plain, "1.25", [];
    ContainerCheckpointDelete => DELETE "/containers/{name}/checkpoints/{checkpoint}" of Container, Checkpoint;
        "containers", Control, Discarded, Plain, "1.25", [];

    // exec
    ContainerExec => POST "/containers/{name}/exec" of Container;
        "exec", Control, Json(&[]), Plain, "1.24", [];
    ExecStart => POST "/exec/{name}/start" of Exec;
        "exec", Control, Json(&[]), Hijack(Upgrade::Tcp), "1.24", [];
    ExecResize => POST "/exec/{name}/resize" of Exec;
        "exec", Write, Discarded, Plain, "1.24", ["h", "w"];
    ExecInspect => GET "/exec/{id}/json" of Exec;
        "exec", Read, Discarded, Plain, "1.24", [];

    // images
    ImageCommit => POST "/commit";
        "images", Control, Json(&["author", "changes", "comment", "container", "pause", "repo", "tag"]), Plain, "1.24", ["container", "pause", "repo", "tag"];
    ImageList => GET "/images/json";
        "images", Read, Discarded, Plain, "1.24", ["all", "digests", "manifests", "shared-size"];
    ImageSearch => GET "/images/search";
        "images", Content, Discarded, Plain, "1.24", ["limit", "term"];
    ImageGetAll => GET "/images/get";
        "images", Content, Discarded, Plain, "1.24", ["names", "platform"];
    ImageGet => GET "/images/{name...}/get" of Image;
        "images", Content, Discarded, Plain, "1.24", ["platform"];
    ImageHistory => GET "/images/{name...}/history" of Image;
        "images", Content, Discarded, Plain, "1.24", ["platform"];
    ImageInspect => GET "/images/{name...}/json" of Image;
        "images", Read, Discarded, Plain, "1.24", ["manifests", "platform"];
    ImageAttestations => GET "/images/{name...}/attestations" of Image;
        "images", Content, Discarded, Plain, "1.55", [];
    ImageLoad => POST "/images/load";
        "images", Control, Tar, Stream(Endless::Always), "1.24", ["platform", "quiet"];
    ImageCreate => POST "/images/create";
        "images", Control, Import, Stream(Endless::Always), "1.24", ["fromImage", "platform", "repo", "tag"];
    ImagePush => POST "/images/{name...}/push" of Image;
        "images", Control, Discarded, Stream(Endless::Always), "1.24", ["platform", "tag"];
    ImageTag => POST "/images/{name...}/tag" of Image;
        "images", Control, Discarded, Plain, "1.24", ["repo", "tag"];
    ImagePrune => POST "/images/prune";
        "images", Write, Discarded, Plain, "1.25", [];
    ImageDelete => DELETE "/images/{name...}" of Image;
        "images", Write, Discarded, Plain, "1.24", ["force", "noprune", "platforms"];

    // distribution
    DistributionInspect => GET "/distribution/{name...}/json" of Repository;
        "distribution", Content, Discarded, Plain, "1.30", [];

    // build
    ImageBuild => POST "/build";
        "build", Control, Tar, Stream(Endless::Always), "1.24", ["dockerfile", "forcerm", "networkmode", "nocache", "platform", "pull", "q", "rm", "squash", "t", "target", "version"];
    BuildPrune => POST "/build/prune";
        "build", Write, Discarded, Plain, "1.31", ["all", "keep-storage"];
    BuildCancel => POST "/build/cancel";
        "build", Write, Discarded, Plain, "1.39", ["id"];

    // session
    Session => POST "/session";
        "session", Control, Discarded, Hijack(Upgrade::H2c), "1.31", [];

    // grpc
    Grpc => POST "/grpc";
        "grpc", Control, Discarded, Hijack(Upgrade::H2c), "1.40", [];

    // networks
    NetworkList => GET "/networks", GET "/networks/";
        "networks", Read, Discarded, Plain, "1.24", [];
    NetworkInspect => GET "/networks/{id}" of Network;
        "networks", Read, Discarded, Plain, "1.24", ["scope", "verbose"];
    NetworkCreate => POST "/networks/create";
        "networks", Write, Json(&[]), Plain, "1.24", [];
    NetworkConnect => POST "/networks/{id}/connect" of Network;
        "networks", Write, Json(&[]), Plain, "1.24", [];
    NetworkDisconnect => POST "/networks/{id}/disconnect" of Network;
        "networks", Write, Json(&[]), Plain, "1.24", [];
    NetworkPrune => POST "/networks/prune";
        "networks", Write, Discarded, Plain, "1.25", [];
    NetworkDelete => DELETE "/networks/{id}" of Network;
        "networks", Write, Discarded, Plain, "1.24", [];

    // volumes
    VolumeList => GET "/volumes";
        "volumes", Read, Discarded, Plain, "1.24", [];
    VolumeInspect => GET "/volumes/{name}" of Volume;
        "volumes", Read, Discarded, Plain, "1.24", [];
    VolumeCreate => POST "/volumes/create";
        "volumes", Control, Json(&[]), Plain, "1.24", [];
    VolumePrune => POST "/volumes/prune";
        "volumes", Write, Discarded, Plain, "1.25", [];
    VolumeUpdate => PUT "/volumes/{name}" of Volume;
        "volumes", Control, Json(&["version"]), Plain, "1.42", ["version"];
    VolumeDelete => DELETE "/volumes/{name}" of Volume;
        "volumes", Write, Discarded, Plain, "1.24", ["force"];

    // swarm
    SwarmInspect => GET "/swarm";
        "swarm", Content, Discarded, Plain, "1.24", [];
    SwarmUnlockkey => GET "/swarm/unlockkey";
        "swarm", Content, Discarded, Plain, "1.25", [];
    SwarmInit => POST "/swarm/init";
        "swarm", Control, Json(&[]), Plain, "1.24", [];
    SwarmJoin => POST "/swarm/join";
        "swarm", Control, Json(&[]), Plain, "1.24", [];
    SwarmLeave => POST "/swarm/leave";
        "swarm", Write, Discarded, Plain, "1.24", ["force"];
    SwarmUpdate => POST "/swarm/update";
        "swarm", Control, Json(&["rotateManagerToken", "rotateManagerUnlockKey", "rotateWorkerToken", "version"]), Plain, "1.24", ["rotateManagerToken", "rotateManagerUnlockKey", "rotateWorkerToken", "version"];
    SwarmUnlock => POST "/swarm/unlock";
        "swarm", Write, Json(&[]), Plain, "1.25", [];

    // services
    ServiceList => GET "/services";
        "services", Read, Discarded, Plain, "1.24", ["status"];
    ServiceInspect => GET "/services/{id}" of Service;
        "services", Read, Discarded, Plain, "1.24", ["insertDefaults"];
    ServiceCreate => POST "/services/create";
        "services", Control, Json(&[]), Plain, "1.24", [];
    ServiceUpdate => POST "/services/{id}/update" of Service;
        "services", Control, Json(&["registryAuthFrom", "rollback", "version"]), Plain, "1.24", ["registryAuthFrom", "rollback", "version"];
    ServiceDelete => DELETE "/services/{id}" of Service;
        "services", Write, Discarded, Plain, "1.24", [];
    ServiceLogs => GET "/services/{id}/logs" of Service;
        "services", Content, Discarded, Stream(Endless::If("follow")), "1.25", ["details", "follow", "since", "stderr", "stdout", "tail", "timestamps"];

    // nodes
    NodeList => GET "/nodes";
        "nodes", Read, Discarded, Plain, "1.24", [];
    NodeInspect => GET "/nodes/{id}" of Node;
        "nodes", Read, Discarded, Plain, "1.24", [];
    NodeDelete => DELETE "/nodes/{id}" of Node;
        "nodes", Write, Discarded, Plain, "1.24", ["force"];
    NodeUpdate => POST "/nodes/{id}/update" of Node;
        "nodes", Control, Json(&["version"]), Plain, "1.24", ["version"];

    // tasks
    TaskList => GET "/tasks";
        "tasks", Read, Discarded, Plain, "1.24", [];
    TaskInspect => GET "/tasks/{id}" of Task;
        "tasks", Read, Discarded, Plain, "1.24", [];
    TaskLogs => GET "/tasks/{id}/logs" of Task;
        "tasks", Content, Discarded, Stream(Endless::If("follow")), "1.29", ["details", "follow", "since", "stderr", "stdout", "tail", "timestamps"];

    // secrets
    SecretList => GET "/secrets";
        "secrets", Read, Discarded, Plain, "1.25", [];
    SecretCreate => POST "/secrets/create";
        "secrets", Write, Json(&[]), Plain, "1.25", [];
    SecretInspect => GET "/secrets/{id}" of Secret;
        "secrets", Read, Discarded, Plain, "1.25", [];
    SecretUpdate => POST "/secrets/{id}/update" of Secret;
        "secrets", Write, Json(&["version"]), Plain, "1.25", ["version"];
    SecretDelete => DELETE "/secrets/{id}" of Secret;
        "secrets", Write, Discarded, Plain, "1.25", [];

    // configs
    ConfigList => GET "/configs";
        "configs", Content, Discarded, Plain, "1.30", [];
    ConfigCreate => POST "/configs/create";
        "configs", Write, Json(&[]), Plain, "1.30", [];
    ConfigInspect => GET "/configs/{id}" of Config;
        "configs", Content, Discarded, Plain, "1.30", [];
    ConfigUpdate => POST "/configs/{id}/update" of Config;
        "configs", Write, Json(&["version"]), Plain, "1.30", ["version"];
    ConfigDelete => DELETE "/configs/{id}" of Config;
        "configs", Write, Discarded, Plain, "1.30", [];

    // plugins
    PluginList => GET "/plugins";
        "plugins", Content, Discarded, Plain, "1.24", [];
    PluginInspect => GET "/plugins/{name...}/json" of Plugin;
        "plugins", Content, Discarded, Plain, "1.25", [];
    GetPluginPrivileges => GET "/plugins/privileges";
        "plugins", Content, Discarded, Plain, "1.25", [];
    PluginPull => POST "/plugins/pull";
        "plugins", Control, Json(&["name", "remote"]), Stream(Endless::Always), "1.24", [];
    PluginCreate => POST "/plugins/create";
        "plugins", Control, Tar, Plain, "1.25", [];
    PluginEnable => POST "/plugins/{name...}/enable" of Plugin;
        "plugins", Control, Discarded, Plain, "1.24", ["timeout"];
    PluginDisable => POST "/plugins/{name...}/disable" of Plugin;
        "plugins", Control, Discarded, Plain, "1.24", ["force"];
    PluginPush => POST "/plugins/{name...}/push" of Plugin;
        "plugins", Write, Discarded, Stream(Endless::Always), "1.25", [];
    PluginUpgrade => POST "/plugins/{name...}/upgrade" of Plugin;
        "plugins", Control, Json(&["remote"]), Stream(Endless::Always), "1.26", [];
    PluginSet => POST "/plugins/{name...}/set" of Plugin;
        "plugins", Control, Json(&[]), Plain, "1.25", [];
    PluginDelete => DELETE "/plugins/{name...}" of Plugin;
        "plugins", Write, Discarded, Plain, "1.24", ["force"];

    // ping
    SystemPing => GET "/_ping", HEAD "/_ping";
        "ping", Read, Discarded, Plain, "1.24", [];

    // version
    SystemVersion => GET "/version";
        "version", Read, Discarded, Plain, "1.24", [];

    // info
    SystemInfo => GET "/info";
        "info", Read, Discarded, Plain, "1.24", [];

    // events
    SystemEvents => GET "/events";
        "events", Read, Discarded, Stream(Endless::Always), "1.24", ["since", "until"];

    // df
    SystemDataUsage => GET "/system/df";
        "df", Read, Discarded, Plain, "1.25", ["type", "verbose"];

    // auth
    SystemAuth => POST "/auth";
        "auth", Write, Json(&[]), Plain, "1.24", [];
}
