//! Each place of each class, and what is near it and stays.

use super::{X, shown};

const INSPECT: &str = "/containers/x/json";

/// A class, a request, a reply with `@` where the placeholder must be written instead of `secret`, and `!` where the
/// placeholder is in base64.
const PLACES: &[(&str, &str, &str)] = &[
    (
        "env",
        INSPECT,
        r#"{"Config":{"Env":["A=@","B"],"Cmd":["secret"]},"Args":["secret"]}"#,
    ),
    (
        "env",
        INSPECT,
        r#"{"New":[{"Deep":{"ENV":["A=@"]}}],"env":["A=@"]}"#,
    ),
    ("env", INSPECT, r#"{"Env":["A=@"],"Env":["A=@"]}"#),
    ("env", INSPECT, r#"{"En\u0076":["A=@"]}"#),
    ("env", INSPECT, r#"{"Env":{"A":"@","Name":"@"}}"#),
    ("env", INSPECT, r#"{"Env":"A=@"}"#),
    ("env", INSPECT, r#"{"Env":null}"#),
    ("env", INSPECT, r#"{"Env":[["A=@"],1,true]}"#),
    (
        "env",
        INSPECT,
        r#"{"Config":{"Labels":{"Env":"secret"}},"NetworkSettings":{"Networks":{"env":{"IPAddress":"10.0.0.2","Env":["A=@"]}}}}"#,
    ),
    (
        "env",
        "/images/x/json",
        r#"{"Config":{"Env":["A=@"]},"ContainerConfig":{"Env":["A=@"]}}"#,
    ),
    (
        "env",
        "/services",
        r#"[{"Spec":{"TaskTemplate":{"ContainerSpec":{"Env":["A=@"]}}},"PreviousSpec":{"TaskTemplate":{"ContainerSpec":{"Env":["A=@"]}}}}]"#,
    ),
    (
        "env",
        "/tasks",
        r#"[{"Spec":{"ContainerSpec":{"Env":["A=@"]}},"Status":{"Err":"@","State":"failed"}}]"#,
    ),
    (
        "env",
        "/tasks/x",
        r#"{"Spec":{"PluginSpec":{"Env":["A=@"]}}}"#,
    ),
    (
        "env",
        "/plugins",
        r#"[{"Settings":{"Env":["A=@"]},"Config":{"Env":[{"Description":"d","Name":"A","Settable":["value"],"Value":"@"}]}}]"#,
    ),
    (
        "env:keep=B*",
        "/plugins/x/json",
        r#"{"Config":{"Env":[{"Name":"A","Value":"@"},{"Name":"B1","Value":"secret"},{"Value":"@","Name":"B1"},{"Name":"B","Name":"A","Value":"@"},{"Other":"@"}]}}"#,
    ),
    (
        "env",
        INSPECT,
        r#"{"State":{"Status":"exited","Error":"@","Health":{"Status":"healthy"}}}"#,
    ),
    (
        "env",
        "/containers/x/wait",
        r#"{"StatusCode":1,"Error":{"Message":"@"}}"#,
    ),
    (
        "commands",
        "/containers/json",
        r#"[{"Id":"secret","Command":"@","Status":"Up 2 minutes","Image":"secret"},{"Command":""}]"#,
    ),
    (
        "commands",
        INSPECT,
        r#"{"Id":"a","Path":"@","Args":["@","@"],"Config":{"Cmd":["@"],"Entrypoint":["@"],"OnBuild":["@"],"Shell":["@"],"Env":["A=secret"],"Hostname":"a","WorkingDir":"/secret"}}"#,
    ),
    (
        "commands",
        INSPECT,
        r#"{"Config":{"Entrypoint":null,"Cmd":"@"},"HostConfig":{"Devices":[{"Path":"secret"}]}}"#,
    ),
    (
        "commands",
        INSPECT,
        r#"{"Config":{"Healthcheck":{"Test":["CMD-SHELL","@"],"Interval":1000000000}},"State":{"Status":"running","Health":{"Status":"starting","Log":[{"Start":"2026-01-01T00:00:00Z","ExitCode":0,"Output":"@"}]}}}"#,
    ),
    (
        "commands",
        INSPECT,
        r#"{"Config":{"Healthcheck":{"Test":["NONE"]},"Test":["@","@"]}}"#,
    ),
    (
        "commands",
        "/images/x/json",
        r#"{"Comment":"@","Author":"@","Config":{"Cmd":["@"]},"Os":"linux"}"#,
    ),
    (
        "commands",
        "/images/x/history",
        r#"[{"Id":"a","Created":1,"CreatedBy":"@","Comment":"@","Tags":["secret"]}]"#,
    ),
    (
        "commands",
        "/exec/x/json",
        r#"{"ID":"a","ProcessConfig":{"tty":false,"entrypoint":"@","arguments":["@"],"user":"secret"}}"#,
    ),
    (
        "commands",
        "/events",
        r#"{"status":"exec_create: @","id":"a","from":"secret","Type":"container","Action":"exec_create: @","Actor":{"ID":"a","Attributes":{"image":"secret","execID":"secret","com.x":"secret"}}}"#,
    ),
    (
        "commands",
        "/events",
        r#"{"Action":"exec_start: @"}{"Action":"health_status: healthy"}{"Action":"exec_die"}{"Action":"x: @"}"#,
    ),
    (
        "commands",
        "/events",
        r#"{"Action":"commit","Actor":{"Attributes":{"comment":"@","name":"secret"}}}"#,
    ),
    (
        "commands",
        "/containers/x/top",
        r#"{"Processes":[["root","1","@"],["root","2","@"]],"Titles":["UID","PID","CMD"]}"#,
    ),
    (
        "commands",
        "/system/df",
        r#"{"Containers":[{"Command":"@","Names":["/secret"]}],"BuildCache":[{"Description":"@","ID":"a"}],"Images":[]}"#,
    ),
    (
        "commands",
        "/system/df",
        r#"{"ContainerUsage":{"Items":[{"Command":"@","Status":"Up"}]},"BuildCacheUsage":{"Items":[{"Description":"@"}]}}"#,
    ),
    (
        "commands",
        "/services/x",
        r#"{"Spec":{"TaskTemplate":{"ContainerSpec":{"Command":["@"],"Args":["@"],"Image":"secret"}}}}"#,
    ),
    (
        "commands",
        "/plugins",
        r#"[{"Settings":{"Args":["@"]},"Config":{"Entrypoint":["@"],"Args":{"Name":"@","Value":["@"]},"Description":"secret"}}]"#,
    ),
    (
        "commands",
        "/images/x/attestations",
        r#"[{"Statement":{"predicate":{"invocation":{"parameters":{"args":{"build-arg:X":"@"}}}}}}]"#,
    ),
    (
        "labels:com.*",
        "/containers/json",
        r#"[{"Labels":{"com.x":"@","traefik.enable":"secret"},"Image":"secret"}]"#,
    ),
    (
        "labels:com.*",
        INSPECT,
        r#"{"Config":{"Labels":{"com.\u0078":"@","x":"secret"}},"HostConfig":{"Annotations":{"com.x":"@"}}}"#,
    ),
    (
        "labels:*",
        "/events",
        r#"{"Type":"container","Action":"start","Actor":{"Attributes":{"image":"secret","name":"secret","exitCode":"0","x":"@"}}}"#,
    ),
    (
        "labels:name",
        "/events",
        r#"{"Actor":{"Attributes":{"image":"secret","name":"@"}}}"#,
    ),
    (
        "labels:*",
        "/volumes",
        r#"{"Volumes":[{"Name":"secret","Labels":{"x":"@"}}],"Warnings":null}"#,
    ),
    (
        "labels:a",
        "/info",
        r#"{"Labels":["a=@","b=secret","c"],"Name":"secret"}"#,
    ),
    (
        "labels:*",
        "/nodes",
        r#"[{"Spec":{"Labels":{"a":"@"}},"Description":{"Hostname":"secret","Engine":{"EngineVersion":"28.5.2"}},"EngineLabels":{"a":"@"}}]"#,
    ),
    (
        "labels:*",
        "/services",
        r#"[{"Spec":{"Labels":{"a":"@"},"TaskTemplate":{"ContainerSpec":{"Labels":{"a":"@"}}}},"PreviousSpec":{"Labels":{"a":"@"}}}]"#,
    ),
    (
        "mounts",
        INSPECT,
        r#"{"Mounts":[{"Type":"bind","Source":"@","Destination":"/a"}],"HostConfig":{"Binds":["@","@"],"Mounts":[{"Source":"@","Target":"/a"}],"Devices":[{"PathOnHost":"@","PathInContainer":"/dev/a"}]}}"#,
    ),
    (
        "mounts",
        "/containers/json",
        r#"[{"Mounts":[{"Name":"secret","Source":"@"}],"Source":"secret"}]"#,
    ),
    (
        "mounts",
        "/volumes/x",
        r#"{"Name":"secret","Mountpoint":"@","Options":{"device":"@","o":"secret","type":"none"}}"#,
    ),
    (
        "mounts",
        "/tasks",
        r#"[{"Spec":{"ContainerSpec":{"Mounts":[{"Source":"@","Target":"secret"}]}}}]"#,
    ),
    (
        "volume-options",
        "/volumes",
        r#"{"Volumes":[{"Name":"secret","Options":{"o":"@","device":"@"},"Status":{"a":"@"},"Mountpoint":"secret"}]}"#,
    ),
    (
        "volume-options",
        INSPECT,
        r#"{"HostConfig":{"LogConfig":{"Type":"splunk","Config":{"splunk-token":"@"}}},"NetworkSettings":{"Networks":{"a":{"DriverOpts":{"b":"@"},"IPAddress":"10.0.0.2"}}}}"#,
    ),
    (
        "volume-options",
        "/networks/x",
        r#"{"Name":"secret","Options":{"a":"@"},"IPAM":{"Driver":"default","Options":{"a":"@"},"Config":[{"Subnet":"10.0.0.0/8"}]},"Containers":{"a":{"Name":"secret","IPv4Address":"10.0.0.2/8"}}}"#,
    ),
    (
        "volume-options",
        "/services",
        r#"[{"Spec":{"TaskTemplate":{"LogDriver":{"Name":"a","Options":{"b":"@"}},"ContainerSpec":{"Mounts":[{"VolumeOptions":{"DriverConfig":{"Name":"a","Options":{"b":"@"}}}}]}}}}]"#,
    ),
    (
        "config-data",
        "/configs",
        r#"[{"ID":"a","Spec":{"Name":"secret","Data":"!"}}]"#,
    ),
    (
        "config-data",
        INSPECT,
        r#"{"GraphDriver":{"Name":"overlay2","Data":{"UpperDir":"secret"}}}"#,
    ),
    (
        "swarm-tokens",
        "/swarm",
        r#"{"ID":"secret","JoinTokens":{"Worker":"@","Manager":"@"},"Spec":{"Name":"default"}}"#,
    ),
    ("swarm-tokens", "/swarm/unlockkey", r#"{"UnlockKey":"@"}"#),
    (
        "host",
        "/info",
        r#"{"ID":"a","Name":"@","KernelVersion":"@","DockerRootDir":"@","Labels":["@"],"Warnings":["@"],"NCPU":2,"Driver":"secret"}"#,
    ),
    (
        "host",
        "/version",
        r#"{"Version":"28.5.2","Components":[{"Details":{"KernelVersion":"@"}}],"KernelVersion":"@"}"#,
    ),
    (
        "host",
        INSPECT,
        r#"{"Name":"secret","Config":{"Hostname":"secret"},"LogPath":"@","HostsPath":"@","HostnamePath":"@","ResolvConfPath":"@","GraphDriver":{"Data":{"UpperDir":"@"}}}"#,
    ),
    (
        "host",
        "/events",
        r#"{"Type":"daemon","Actor":{"ID":"a","Attributes":{"name":"@","labels":"@"}}}{"Type":"container","Actor":{"Attributes":{"name":"secret"}}}"#,
    ),
];

#[test]
fn each_place_is_hidden_and_what_is_near_it_is_not() {
    for (class, target, pattern) in PLACES {
        let reply = pattern.replace(['@', '!'], "secret");
        let want = pattern
            .replace('@', X)
            .replace('!', "ZG9ja2dhdGU6cmVkYWN0ZWQ=");
        assert_eq!(shown(&[class], target, &reply), want, "{class} {target}");
    }
}

#[test]
fn what_programs_parse_stays_parsable() {
    let info = r#"{"HttpProxy":"secret","HttpsProxy":"secret","NoProxy":"secret","RegistryConfig":{"IndexConfigs":{"Env":{"Name":"a"}},"Labels":["a"]},"Swarm":{"NodeAddr":"secret","RemoteManagers":[{"NodeID":"a","Addr":"secret"}],"Cluster":{"TLSInfo":{"TrustRoot":"pem"}}}}"#;
    assert_eq!(
        shown(&["host"], "/info", info),
        r#"{"HttpProxy":"","HttpsProxy":"","NoProxy":"","RegistryConfig":null,"Swarm":{"NodeAddr":"","RemoteManagers":[{"NodeID":"a","Addr":""}],"Cluster":{"TLSInfo":{"TrustRoot":"pem"}}}}"#
    );
    let swarm = r#"{"Spec":{"CAConfig":{"SigningCACert":"secret","NodeCertExpiry":7,"ExternalCAs":[{"URL":"secret"}]}},"TLSInfo":{"TrustRoot":"secret"}}"#;
    assert_eq!(
        shown(&["swarm-tokens"], "/swarm", swarm),
        swarm.replace("secret", "")
    );
    let nodes = r#"[{"Description":{"Hostname":"secret"},"Status":{"State":"ready","Addr":"secret"},"ManagerStatus":{"Addr":"secret"}}]"#;
    assert_eq!(
        shown(&["host"], "/nodes", nodes),
        r#"[{"Description":{"Hostname":"dockgate:redacted"},"Status":{"State":"ready","Addr":""},"ManagerStatus":{"Addr":""}}]"#
    );
    let service = r#"[{"Endpoint":{"VirtualIPs":[{"NetworkID":"a","Addr":"10.0.0.2/24"}]}}]"#;
    let all = [
        "env",
        "commands",
        "labels:*",
        "mounts",
        "volume-options",
        "config-data",
        "swarm-tokens",
        "host",
    ];
    assert_eq!(shown(&all, "/services", service), service);
}
