//! What is allowed and what is denied, one case on each line: the policy's blocks, a request, and the message of its
//! denial; empty if it is allowed.

mod engines;
mod spellings;

use super::{Requirements, query, requirements};
use crate::advice::dry_run;
use crate::docker::body::{parse, table};
use crate::docker::{Target, classify};
use crate::policy::hint::tests::follow;
use crate::policy::keys::Key;
use crate::policy::{Answers, Judgement, Permit, Reason, Rules};
use crate::policyfile::Grants;
use crate::policyfile::example::Given;
use crate::policyfile::file::tests::policy;

/// Every operation with a body or a query that is judged.
const ALLOW: &str = "allow = ['ContainerCreate', 'ContainerExec', 'ContainerUpdate', 'ExecStart', 'ImageBuild',
    'ImageCommit', 'ImageCreate', 'ImageLoad', 'ImagePush', 'ImageTag', 'NetworkConnect', 'NetworkCreate',
    'NetworkDisconnect', 'PutContainerArchive', 'ServiceCreate', 'ServiceUpdate', 'VolumeCreate', 'VolumeUpdate',
    'ContainerRename', 'ContainerTop', 'ContainerKill', 'ContainerAttach', 'ContainerAttachWebsocket',
    'ContainerStart', 'DistributionInspect', 'ImageSearch', 'GetPluginPrivileges', 'PluginPull']\n";

/// The verdict of a policy with these blocks.
#[track_caller]
pub(crate) fn judged(
    blocks: &str,
    request: &str,
    body: &str,
    given: &[(&str, &str)],
) -> Result<Permit, (Reason, String)> {
    let text: &'static str = Box::leak([ALLOW, blocks].concat().into_boxed_str());
    let rules = Rules::new(vec![policy("p", text)], Grants::default());
    let (method, target) = request.split_once(' ').unwrap();
    let call = classify(method, Target::parse(target).unwrap()).unwrap();
    let given: Vec<Given> = given
        .iter()
        .map(|(of, value)| ((*of).to_owned(), serde_json::from_str(value).unwrap()))
        .collect();
    match dry_run::judge(&rules, call, body, &given) {
        Ok((Judgement::Allow(permit), _)) => Ok(permit),
        Ok((Judgement::Deny(denial), _)) | Err(denial) => {
            follow(text, request, body, &given);
            Err((denial.reason, denial.message))
        }
        Ok((other, _)) => panic!("{request} {body}: {other:?}"),
    }
}

/// Checks a case: `want` is empty if the request is allowed, and otherwise the message without the operation's name.
#[track_caller]
fn assert_judged(blocks: &str, request: &str, body: &str, want: &str) {
    assert_judged_given(blocks, request, body, &[], want);
}

#[track_caller]
fn assert_judged_given(
    blocks: &str,
    request: &str,
    body: &str,
    given: &[(&str, &str)],
    want: &str,
) {
    let said = match judged(blocks, request, body, given) {
        Ok(_) => String::new(),
        Err((Reason::Restricted, message)) => {
            let (_, message) = message.split_once(": ").unwrap();
            message.to_owned()
        }
        Err((_, message)) => message,
    };
    assert_eq!(said, want, "{blocks}: {request} {body}");
}

const UPDATE: &str = "POST /containers/web/update";

#[test]
fn half_of_a_processor_limit_says_nothing_of_a_container_that_is_there() {
    let blocks = "[create]\nlimits = { cpus = 2 }";
    for (body, want) in [
        (r#"{"CpuQuota":200000,"CpuPeriod":100000}"#, ""),
        (r#"{"NanoCpus":2000000000}"#, ""),
        ("{}", ""),
        (
            r#"{"CpuPeriod":1000}"#,
            "the body exceeds create.limits (cpus unlimited, at most 2); to allow it, have the client set lower limits, or raise cpus in create.limits or remove it there",
        ),
        (
            r#"{"CpuQuota":200000}"#,
            "the body exceeds create.limits (cpus unlimited, at most 2); to allow it, have the client set lower limits, or raise cpus in create.limits or remove it there",
        ),
    ] {
        assert_judged(blocks, UPDATE, body, want);
    }
}

#[test]
fn an_image_without_a_version_is_moved_with_every_tag() {
    let blocks =
        "[images]\npull = ['alpine:latest', 'acme/*', 'one:*']\npush = ['reg.a/b:1', 'acme/*']";
    let pull = "POST /images/create?fromImage=";
    for (request, want) in [
        (pull, "alpine&tag=latest", ""),
        (pull, "alpine:latest", ""),
        (pull, "acme/x", ""),
        (pull, "one", ""),
        (pull, "alpine", "fromImage \"alpine:*\" is not allowed; to allow it, add \"alpine:*\" to images.pull"),
        (pull, "alpine:", "fromImage \"alpine:*\" is not allowed; to allow it, add \"alpine:*\" to images.pull"),
        ("POST /images/", "reg.a/b:1/push", ""),
        ("POST /images/", "reg.a/b/push?tag=1", ""),
        ("POST /images/", "acme/x/push", ""),
        ("POST /images/", "reg.a/b/push", "the image \"reg.a/b:*\" is not allowed; to allow it, add \"reg.a/b:*\" to images.push"),
        ("POST /images/", "reg.a/b/push?tag=2", "the image \"reg.a/b:2\" is not allowed; to allow it, add \"reg.a/b:2\" to images.push"),
        ("POST /images/", "reg.a/b:1/push?tag=2", "the image \"reg.a/b:1:2\" is not allowed; to allow it, have the client use an image name that images.pull and images.push can contain, such as alpine:3.20"),
        ("POST /images/", "reg.a/b/push?tag=1&tag=2", "the query key `tag` appears twice: send it once"),
    ]
    .map(|(start, rest, want)| (start.to_owned() + rest, want))
    {
        assert_judged(blocks, &request, "", want);
    }
}

#[test]
fn a_container_of_no_image_is_of_none_that_is_listed() {
    let none = "Image \"\" is not allowed; to allow it, have the client send a value that create.images allows";
    for (blocks, body, want) in [
        ("[create]\nimages = ['acme/*']", r#"{"Image":"acme/a"}"#, ""),
        (
            "[create]\nimages = ['acme/*']",
            r#"{"Image":"","Cmd":["/a"]}"#,
            none,
        ),
        ("[create]\nimages = ['acme/*']", r#"{"Cmd":["/a"]}"#, none),
        ("[create]\nimages = ['*']", "{}", none),
        ("", "{}", ""),
    ] {
        assert_judged(blocks, "POST /containers/create", body, want);
    }
}

#[test]
fn no_template_of_a_service_writes_what_a_rule_reads() {
    let template = |path: &str| {
        format!(
            "{path} has a template, which the swarm fills in only after this check: write the value itself"
        )
    };
    let task = "TaskTemplate.ContainerSpec";
    let mount = template(&format!("{task}.Mounts[0]"));
    for (within, want) in [
        (
            r#""Env":["NODE={{.Node.Hostname}}"],"Hostname":"{{.Task.Slot}}""#,
            "",
        ),
        (
            r#""Env":["{{index .Service.Labels \"p\"}}=x"]"#,
            &*template(&format!("{task}.Env")),
        ),
        (
            r#""Env":["{{.Node.ID}}"]"#,
            &*template(&format!("{task}.Env")),
        ),
        (
            r#""Labels":{"a":"{{.Node.ID}}"}"#,
            &*template(&format!("{task}.Labels")),
        ),
        (
            r#""Mounts":[{"Type":"volume","Source":"{{.Node.ID}}","Target":"/a"}]"#,
            &*mount,
        ),
        (
            r#""Mounts":[{"Type":"tmpfs","Target":"/{{.Node.ID}}"}]"#,
            &*mount,
        ),
        (
            r#""Mounts":[{"Type":"volume","Target":"/a","VolumeOptions":{"Labels":{"a":"{{.Node.ID}}"}}}]"#,
            &*mount,
        ),
        (
            r#""Mounts":[{"Type":"volume","Target":"/a","VolumeOptions":{"DriverConfig":{"Options":{"o":"{{.Node.ID}}"}}}}]"#,
            &*mount,
        ),
    ] {
        let body = format!(r#"{{"TaskTemplate":{{"ContainerSpec":{{{within}}}}}}}"#);
        assert_judged("", "POST /services/create", &body, want);
    }
    // Outside of a swarm it is an ordinary text.
    let body = r#"{"Image":"a","Env":["{{a}}=b"],"Labels":{"a":"{{b}}"}}"#;
    assert_judged("", "POST /containers/create", body, "");
}

/// What in a container's inspection makes it one that cannot be entered by default.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn only_ordinary_containers_are_entered() {
    let has = |what: &str, way: &str| {
        let what = if what.is_empty() {
            "more than [create] allows".to_owned()
        } else {
            [what, ", which [create] does not allow"].concat()
        };
        format!("the container \"web\" has {what}; to allow it, {way}")
    };
    let all = "set exec.into_privileged = true";
    for (inspection, want) in [
        ("{}", String::new()),
        (
            r#"{"HostConfig":{"Privileged":true}}"#,
            has("Privileged", "set create.privileged = true"),
        ),
        (
            r#"{"HostConfig":{"Privileged":false,"CapAdd":null,"Devices":[]}}"#,
            String::new(),
        ),
        (
            r#"{"HostConfig":{"CapAdd":["SYS_ADMIN"]}}"#,
            has(
                r#"CapAdd "SYS_ADMIN""#,
                r#"add "SYS_ADMIN" to create.capabilities"#,
            ),
        ),
        (r#"{"HostConfig":{"CapAdd":["CAP_CHOWN"]}}"#, String::new()),
        (
            r#"{"HostConfig":{"PidMode":"host"}}"#,
            has(
                r#"PidMode "host""#,
                r#"add "pid" to create.host_namespaces"#,
            ),
        ),
        (
            r#"{"HostConfig":{"PidMode":"container:db"}}"#,
            has(r#"PidMode "db""#, r#"add "db" to create.join"#),
        ),
        (
            r#"{"HostConfig":{"IpcMode":"host"}}"#,
            has(
                r#"IpcMode "host""#,
                r#"add "ipc" to create.host_namespaces"#,
            ),
        ),
        (r#"{"HostConfig":{"IpcMode":"private"}}"#, String::new()),
        (
            r#"{"HostConfig":{"UTSMode":"host"}}"#,
            has(
                r#"UTSMode "host""#,
                r#"add "uts" to create.host_namespaces"#,
            ),
        ),
        (
            r#"{"HostConfig":{"UsernsMode":"host"}}"#,
            has(
                r#"UsernsMode "host""#,
                r#"add "user" to create.host_namespaces"#,
            ),
        ),
        (
            r#"{"HostConfig":{"NetworkMode":"host"}}"#,
            has(
                r#"HostConfig.NetworkMode "host""#,
                r#"add "network" to create.host_namespaces"#,
            ),
        ),
        (
            r#"{"HostConfig":{"NetworkMode":"container:db"}}"#,
            has(
                r#"HostConfig.NetworkMode "db""#,
                r#"add "db" to create.join"#,
            ),
        ),
        (r#"{"HostConfig":{"NetworkMode":"db"}}"#, String::new()),
        (
            r#"{"HostConfig":{"Devices":[{"PathOnHost":"/dev/sda"}]}}"#,
            has(
                r#"Devices "/dev/sda:rwm""#,
                r#"add "/dev/sda:rwm" to create.devices"#,
            ),
        ),
        (
            r#"{"HostConfig":{"DeviceCgroupRules":["b *:* rwm"]}}"#,
            has(
                r#"DeviceCgroupRules "b *:* rwm""#,
                r#"add "b *:* rwm" to create.devices"#,
            ),
        ),
        (
            r#"{"HostConfig":{"DeviceRequests":[{"Capabilities":[["gpu"]]}]}}"#,
            has("DeviceRequests", "set create.gpus = true"),
        ),
        (
            r#"{"HostConfig":{"SecurityOpt":["seccomp=unconfined"]}}"#,
            has(
                r#"SecurityOpt "seccomp=unconfined""#,
                r#"add "seccomp=unconfined" to create.security_opt"#,
            ),
        ),
        (
            r#"{"HostConfig":{"SecurityOpt":["no-new-privileges"]}}"#,
            String::new(),
        ),
        (
            r#"{"HostConfig":{"MaskedPaths":[]}}"#,
            has("MaskedPaths", all),
        ),
        (
            r#"{"HostConfig":{"ReadonlyPaths":[]}}"#,
            has("ReadonlyPaths", all),
        ),
        (
            r#"{"HostConfig":{"ReadonlyPaths":["/proc/bus","/proc/fs","/proc/irq","/proc/sys","/proc/sysrq-trigger"]}}"#,
            String::new(),
        ),
        (
            r#"{"Mounts":[{"Type":"bind","Source":"/srv","RW":false}]}"#,
            has(r#"Mounts "/srv:ro""#, r#"add "/srv:ro" to create.binds"#),
        ),
        (
            r#"{"Mounts":[{"Type":"volume","Name":"data","Driver":"local","RW":true}]}"#,
            String::new(),
        ),
        (
            r#"{"Mounts":[{"Type":"volume","Name":"bad","Driver":"local","RW":true}]}"#,
            has(
                r#"Mounts "device=*", Mounts "o=*", Mounts "type=*""#,
                r#"add "device=" with its value to volumes.options and add "o=" with its value to volumes.options and add "type=" with its value to volumes.options"#,
            ),
        ),
        (
            r#"{"Mounts":[{"Type":"volume","Name":"v","Driver":"evil","RW":true}]}"#,
            has(
                r#"Mounts "evil""#,
                r#"add "evil" to volumes.drivers, and keep the default "local""#,
            ),
        ),
        // Trap 2: unknown fields, and fields that no policy can allow, count.
        (
            r#"{"HostConfig":{"FancyMode":true}}"#,
            has("HostConfig.FancyMode", all),
        ),
        (
            r#"{"HostConfig":{"FancyMode":["a"]}}"#,
            has("HostConfig.FancyMode", all),
        ),
        (r#"{"HostConfig":{"Cgroup":"a"}}"#, has("Cgroup", all)),
        (
            r#"{"HostConfig":{"A":false,"B":0,"C":"","D":[],"E":{},"F":null,"Cgroup":""}}"#,
            String::new(),
        ),
        (
            r#"{"HostConfig":{"Annotations":{"io.a":"b"}}}"#,
            String::new(),
        ),
        (r#"{"HostConfig":{"CgroupnsMode":"host"}}"#, String::new()),
        (r#"{"Mounts":[{"Type":"tmpfs"}]}"#, String::new()),
        (r#"{"Mounts":[{"Type":"cluster"}]}"#, has("", all)),
        (r#"{"Mounts":[{}]}"#, has("", all)),
    ] {
        let given = [
            ("/containers/web/json", inspection),
            ("/volumes/data", "{}"),
            (
                "/volumes/bad",
                r#"{"Options":{"type":"none","o":"bind","device":"/"}}"#,
            ),
        ];
        for (blocks, want) in [("", &*want), ("[exec]\ninto_privileged = true", "")] {
            let body = r#"{"Cmd":["a"]}"#;
            assert_judged_given(blocks, "POST /containers/web/exec", body, &given, want);
        }
        let want = want.replace("exec.into", "archive.into");
        let put = "PUT /containers/web/archive?path=/a";
        assert_judged_given("", put, "", &given, &want);
    }
}

#[test]
fn a_request_for_devices_that_names_none_is_no_ordinary_one() {
    let refused =
        "HostConfig.DeviceRequests is not allowed; to allow it, set create.unrestricted = true";
    let named = "HostConfig.DeviceRequests \"a.b/c=d\" is not allowed; to allow it, add \"a.b/c=d\" to create.devices";
    let gpus = "HostConfig.DeviceRequests is not allowed; to allow it, set create.gpus = true";
    for (blocks, request, want) in [
        ("", r#"{"Driver":"cdi"}"#, refused),
        ("", r#"{"Driver":"cdi","DeviceIDs":[]}"#, refused),
        ("", r#"{"Driver":"cdi","DeviceIDs":["a.b/c=d"]}"#, named),
        ("", r#"{"Capabilities":[["gpu"]]}"#, gpus),
        (
            "[create]\ndevices = ['a.b/c=d']",
            r#"{"Driver":"cdi","DeviceIDs":["a.b/c=d"]}"#,
            "",
        ),
        (
            "[create]\ndevices = ['a.b/c=d']",
            r#"{"Driver":"cdi"}"#,
            refused,
        ),
        (
            "[create]\ngpus = true",
            r#"{"Driver":"nvidia","Count":-1,"Capabilities":[["gpu","compute"]]}"#,
            "",
        ),
        (
            "[create]\ngpus = true",
            r#"{"Driver":"nvidia","Capabilities":[[]]}"#,
            refused,
        ),
        (
            "[create]\ngpus = true",
            r#"{"Driver":"nvidia","Capabilities":[["gpu"],["cdi"]]}"#,
            refused,
        ),
        (
            "[create]\ngpus = true",
            r#"{"Capabilities":[["gpu"]],"Options":{"a":"b"}}"#,
            refused,
        ),
    ] {
        let body = format!(r#"{{"Image":"a","HostConfig":{{"DeviceRequests":[{request}]}}}}"#);
        assert_judged(blocks, "POST /containers/create", &body, want);
    }
}

#[test]
fn a_volume_of_memory_is_no_path_of_the_host() {
    let mounted = r#"{"Image":"a","HostConfig":{"Binds":["cache:/a"]}}"#;
    let any = "[create]\nvolumes = ['*']";
    let of = |key: &str| {
        format!(
            "HostConfig.Binds[0] \"{key}=*\" is not allowed; to allow it, add \"{key}=\" with its value to volumes.options"
        )
    };
    let refused = &*["device", "o", "type"].map(of).join("; ");
    let unnamed = &*of("type");
    for (options, want) in [
        (r#"{"type":"tmpfs","device":"tmpfs"}"#, ""),
        (
            r#"{"type":"tmpfs","device":"tmpfs","o":"size=1m,uid=1000"}"#,
            "",
        ),
        (r#"{"type":"tmpfs","device":"tmpfs","o":"bind"}"#, refused),
        (r#"{"type":"none","device":"/","o":"bind"}"#, refused),
        (r#"{"type":"tmpfs"}"#, unnamed),
    ] {
        let volume = format!(r#"{{"Driver":"local","Options":{options}}}"#);
        let given = [("/volumes/cache", volume.as_str())];
        assert_judged_given(any, "POST /containers/create", mounted, &given, want);
    }
}

/// Every key of `[create]`: what is asked for, the denial by default, and the line that allows it.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn each_key_of_create_grants_what_its_refusal_names() {
    let host = |within: &str| format!(r#"{{"Image":"a","HostConfig":{{{within}}}}}"#);
    let at = |path: &str, value: &str, key: &str| {
        let beside = beside(&format!("create.{key}"));
        format!(
            "{path} \"{value}\" is not allowed; to allow it, add \"{value}\" to create.{key}{beside}"
        )
    };
    let of = |path: &str, value: &str, key: &str| at(&format!("HostConfig.{path}"), value, key);
    // G18: what the client wrote, and the entry of the key.
    let from_host = |path: &str, key: &str| {
        format!(
            "HostConfig.{path} \"host\" is not allowed; to allow it, add \"{key}\" to create.host_namespaces"
        )
    };
    let set = |path: &str, key: &str| {
        format!("{path} is not allowed; to allow it, set create.{key} = true")
    };
    let service = |within: &str| format!(r#"{{"TaskTemplate":{{"ContainerSpec":{{{within}}}}}}}"#);
    let cases: &[(&str, String, String, &str)] = &[
        (
            CREATE,
            r#"{"Image":"a","MacAddress":"02:00:00:00:00:01"}"#.to_owned(),
            set("MacAddress", "addresses"),
            "addresses = true",
        ),
        (
            CREATE,
            host(r#""Binds":["/srv:/a"]"#),
            of("Binds[0]", "/srv:rw", "binds"),
            "binds = ['/srv:rw']",
        ),
        (
            CREATE,
            host(r#""Binds":["/srv:/a:ro"]"#),
            of("Binds[0]", "/srv:ro", "binds"),
            "binds = ['/srv']",
        ),
        (
            CREATE,
            host(r#""Binds":["/:/a:ro"]"#),
            of("Binds[0]", "/:ro-nonrecursive", "binds"),
            "binds = ['/:ro-nonrecursive']",
        ),
        (
            CREATE,
            host(r#""OomKillDisable":true"#),
            set("HostConfig.OomKillDisable", "oom_protected"),
            "oom_protected = true",
        ),
        (
            CREATE,
            host(r#""OomScoreAdj":-1"#),
            set("HostConfig.OomScoreAdj", "oom_protected"),
            "oom_protected = true",
        ),
        (
            "POST /containers/web/update",
            r#"{"OomKillDisable":true}"#.to_owned(),
            set("OomKillDisable", "oom_protected"),
            "oom_protected = true",
        ),
        (
            "POST /services/create",
            service(r#""OomScoreAdj":-500"#),
            set("TaskTemplate.ContainerSpec.OomScoreAdj", "oom_protected"),
            "oom_protected = true",
        ),
        (
            CREATE,
            r#"{"Image":"a","StopTimeout":-1}"#.to_owned(),
            set("StopTimeout", "unrestricted"),
            "unrestricted = true",
        ),
        (
            CREATE,
            r#"{"Image":"a","StopTimeout":3601}"#.to_owned(),
            set("StopTimeout", "unrestricted"),
            "unrestricted = true",
        ),
        (
            "POST /services/create",
            service(r#""StopGracePeriod":-1"#),
            set("TaskTemplate.ContainerSpec.StopGracePeriod", "unrestricted"),
            "unrestricted = true",
        ),
        (
            CREATE,
            host(r#""CapAdd":["cap_net_admin"]"#),
            of("CapAdd", "NET_ADMIN", "capabilities"),
            "capabilities = ['NET_ADMIN']",
        ),
        (
            CREATE,
            host(r#""CapAdd":["NET_ADMIN"]"#),
            of("CapAdd", "NET_ADMIN", "capabilities"),
            "capabilities = ['cap_net_admin']",
        ),
        (
            CREATE,
            host(r#""Devices":[{"PathOnHost":"/dev/fuse"}]"#),
            of("Devices", "/dev/fuse:rwm", "devices"),
            "devices = ['/dev/fuse']",
        ),
        (
            CREATE,
            host(r#""Devices":[{"PathOnHost":"/dev/fuse","CgroupPermissions":"r"}]"#),
            of("Devices", "/dev/fuse:r", "devices"),
            "devices = ['/dev/fuse:rw']",
        ),
        (
            CREATE,
            host(r#""DeviceCgroupRules":["c 1:3 r"]"#),
            of("DeviceCgroupRules", "c 1:3 r", "devices"),
            "devices = ['c 1:3 r']",
        ),
        (
            CREATE,
            host(r#""GroupAdd":["27"]"#),
            of("GroupAdd", "27", "groups"),
            "groups = ['27']",
        ),
        (
            CREATE,
            host(r#""PidMode":"host""#),
            from_host("PidMode", "pid"),
            "host_namespaces = ['pid']",
        ),
        (
            CREATE,
            host(r#""IpcMode":"host""#),
            from_host("IpcMode", "ipc"),
            "host_namespaces = ['ipc']",
        ),
        (
            CREATE,
            host(r#""UTSMode":"host""#),
            from_host("UTSMode", "uts"),
            "host_namespaces = ['uts']",
        ),
        (
            CREATE,
            host(r#""UsernsMode":"host""#),
            from_host("UsernsMode", "user"),
            "host_namespaces = ['user']",
        ),
        (
            CREATE,
            host(r#""CgroupnsMode":"host""#),
            from_host("CgroupnsMode", "cgroup"),
            "host_namespaces = ['cgroup']",
        ),
        (
            CREATE,
            host(r#""NetworkMode":"host""#),
            from_host("NetworkMode", "network"),
            "host_namespaces = ['network']",
        ),
        (
            CREATE,
            host(r#""PidMode":"container:web""#),
            of("PidMode", "web", "join"),
            "join = ['web']",
        ),
        (
            CREATE,
            host(r#""VolumesFrom":["web:ro"]"#),
            of("VolumesFrom", "web", "join"),
            "join = ['w*']",
        ),
        (
            CREATE,
            host(r#""Links":["web:x"]"#),
            of("Links", "web", "join"),
            "join = ['web']",
        ),
        (
            CREATE,
            host(r#""LogConfig":{"Type":"syslog"}"#),
            of("LogConfig", "syslog", "log_drivers"),
            "log_drivers = ['syslog']",
        ),
        (
            CREATE,
            host(r#""NetworkMode":"back""#),
            of("NetworkMode", "back", "networks"),
            "networks = ['back']",
        ),
        (
            CREATE,
            host(r#""Privileged":true"#),
            set("HostConfig.Privileged", "privileged"),
            "privileged = true",
        ),
        (
            CREATE,
            host(r#""Runtime":"runsc""#),
            of("Runtime", "runsc", "runtimes"),
            "runtimes = ['runsc']",
        ),
        (
            CREATE,
            host(r#""SecurityOpt":["seccomp:unconfined"]"#),
            of("SecurityOpt", "seccomp=unconfined", "security_opt"),
            "security_opt = ['seccomp=unconfined']",
        ),
        (
            CREATE,
            host(r#""Sysctls":{"net.core.somaxconn":"1"}"#),
            of("Sysctls", "net.core.somaxconn", "sysctls"),
            "sysctls = ['net.core.*']",
        ),
        (
            CREATE,
            host(r#""Tmpfs":{"/a":"exec,size=1m"}"#),
            of("Tmpfs", "exec", "tmpfs_options"),
            "tmpfs_options = ['exec']",
        ),
        (
            CREATE,
            host(r#""CgroupParent":"/x""#),
            set("HostConfig.CgroupParent", "unrestricted"),
            "unrestricted = true",
        ),
        (
            CREATE,
            host(r#""Annotations":{"a":"b"}"#),
            of("Annotations", "a", "annotations"),
            "annotations = ['a']",
        ),
        (
            CREATE,
            host(r#""MaskedPaths":[]"#),
            set("HostConfig.MaskedPaths", "unrestricted"),
            "unrestricted = true",
        ),
        (
            CREATE,
            host(r#""UTSMode":"container:web""#),
            set("HostConfig.UTSMode", "unrestricted"),
            "unrestricted = true",
        ),
        (
            "POST /services/create",
            service(r#""Configs":[{"ConfigID":"1","ConfigName":"c"}]"#),
            at("TaskTemplate.ContainerSpec.Configs", "c", "configs"),
            "configs = ['c']",
        ),
        (
            "POST /services/create",
            service(r#""Secrets":[{"SecretID":"1","SecretName":"s"}]"#),
            at("TaskTemplate.ContainerSpec.Secrets", "s", "secrets"),
            "secrets = ['s']",
        ),
        (
            "POST /services/create",
            service(r#""CapabilityAdd":["CAP_NET_ADMIN"]"#),
            at(
                "TaskTemplate.ContainerSpec.CapabilityAdd",
                "NET_ADMIN",
                "capabilities",
            ),
            "capabilities = ['NET_ADMIN']",
        ),
        (
            "POST /services/create",
            service(r#""Privileges":{"Seccomp":{"Mode":"unconfined"}}"#),
            at(
                "TaskTemplate.ContainerSpec.Privileges.Seccomp",
                "seccomp=unconfined",
                "security_opt",
            ),
            "security_opt = ['seccomp=*']",
        ),
        (
            "POST /services/create",
            service(r#""Privileges":{"AppArmor":{"Mode":"disabled"}}"#),
            at(
                "TaskTemplate.ContainerSpec.Privileges.AppArmor",
                "apparmor=unconfined",
                "security_opt",
            ),
            "security_opt = ['apparmor=unconfined']",
        ),
        (
            "POST /services/create",
            service(r#""Privileges":{"SELinuxContext":{"Disable":true}}"#),
            at(
                "TaskTemplate.ContainerSpec.Privileges.SELinuxContext",
                "label=disable",
                "security_opt",
            ),
            "security_opt = ['label=disable']",
        ),
        (
            "POST /services/create",
            r#"{"UpdateConfig":{"FailureAction":"rollback"}}"#.to_owned(),
            set("UpdateConfig.FailureAction", "rollback"),
            "rollback = true",
        ),
        (
            "POST /services/s/update?version=1&rollback=previous",
            "{}".to_owned(),
            set("rollback", "rollback"),
            "rollback = true",
        ),
        (
            "POST /services/create",
            r#"{"TaskTemplate":{"Runtime":"plugin"}}"#.to_owned(),
            set("TaskTemplate.Runtime", "unrestricted"),
            "unrestricted = true",
        ),
        (
            "POST /containers/web/update",
            r#"{"DeviceCgroupRules":["a"]}"#.to_owned(),
            at("DeviceCgroupRules", "a", "devices"),
            "devices = ['a']",
        ),
    ];
    for (request, body, refused, granting) in cases {
        assert_judged("", request, body, refused);
        assert_judged(&format!("[create]\n{granting}"), request, body, "");
    }
}

const CREATE: &str = "POST /containers/create";

/// What a hint says about a key whose default is a list.
fn beside(key: &str) -> &'static str {
    match key {
        "create.networks" => ", and keep the default \"@default\" and \"@own\"",
        "networks.drivers" => ", and keep the default \"bridge\" and \"overlay\"",
        "networks.containers" => ", and keep the default \"@own\"",
        "volumes.drivers" => ", and keep the default \"local\"",
        _ => "",
    }
}

/// The keys of `[create]` that allow everything until they are written.
#[test]
fn each_open_key_of_create_narrows_once_it_is_written() {
    let host = |within: &str| format!(r#"{{"Image":"a:1","HostConfig":{{{within}}}}}"#);
    let at = |path: &str, value: &str, key: &str| {
        format!("{path} \"{value}\" is not allowed; to allow it, add \"{value}\" to create.{key}")
    };
    let cases: &[(&str, String, String, &str)] = &[
        ("images = ['b']", host(""), at("Image", "a:1", "images"), "images = ['a']"),
        ("images = ['a:2']", host(""), at("Image", "a:1", "images"), "images = ['docker.io/library/a:1']"),
        ("ports = []", host(r#""PortBindings":{"80/tcp":[{"HostPort":"8080"}]}"#), at("HostConfig.PortBindings", "8080", "ports"), "ports = ['8000-9000']"),
        ("ports = ['127.0.0.1:80']", host(r#""PortBindings":{"80/tcp":[{"HostIp":"::1","HostPort":"80"}]}"#), at("HostConfig.PortBindings", "[::1]:80", "ports"), "ports = ['[::1]:80']"),
        ("restart = ['on-failure']", host(r#""RestartPolicy":{"Name":"always"}"#), at("HostConfig.RestartPolicy", "always", "restart"), "restart = ['always']"),
        ("users = ['1:1']", r#"{"Image":"a:1","User":"2:2"}"#.to_owned(), at("User", "2:2", "users"), "users = ['@non-root']"),
        ("volumes = ['a*']", host(r#""Binds":["b:/b"]"#), at("HostConfig.Binds[0]", "b", "volumes"), "volumes = ['b']"),
        ("env = { allow = ['A'] }", r#"{"Image":"a:1","Env":["B=secret"]}"#.to_owned(), at("Env", "B", "env.allow"), "env = { allow = ['B=s*'] }"),
        ("networks = []", host(""), at("HostConfig.NetworkMode", "@default", "networks"), "networks = ['@default']"),
        ("labels = { forbid = ['x.*'] }", r#"{"Image":"a:1","Labels":{"x.y":"z"}}"#.to_owned(),
            "Labels \"x.y\" is not allowed; to allow it, remove \"x.*\" from create.labels.forbid".to_owned(), "labels = { forbid = ['y.*'] }"),
        ("labels = { stamp = { o = 'me' } }", r#"{"Image":"a:1","Labels":{"o":"you"}}"#.to_owned(),
            "Labels \"o\" is not allowed; to allow it, remove \"o\" from create.labels.stamp, which sets it to another value".to_owned(), "labels = { stamp = { o = 'you' } }"),
        ("limits = { memory = '1k' }", host(r#""Memory":1025"#),
            "HostConfig exceeds create.limits (memory 1025, at most 1k); to allow it, have the client set lower limits, or raise memory in create.limits or remove it there".to_owned(), "limits = { memory = '2k' }"),
    ];
    for (narrow, body, refused, wide) in cases {
        assert_judged("", CREATE, body, "");
        assert_judged(&format!("[create]\n{narrow}"), CREATE, body, refused);
        assert_judged(&format!("[create]\n{wide}"), CREATE, body, "");
    }
}

/// The keys of all other blocks, each with a request that it allows.
#[test]
fn each_key_of_the_other_blocks_grants_what_its_refusal_names() {
    let entered = |block: &str| {
        format!("the container \"web\" is not allowed; to allow it, add \"web\" to {block}.into")
    };
    let add = |path: &str, value: &str, key: &str| {
        let beside = beside(key);
        format!("{path} \"{value}\" is not allowed; to allow it, add \"{value}\" to {key}{beside}")
    };
    let set =
        |path: &str, key: &str| format!("{path} is not allowed; to allow it, set {key} = true");
    let exec = "POST /containers/web/exec";
    let put = "PUT /containers/web/archive?path=/srv/a";
    for (narrow, request, body, refused, wide) in [
        (
            "[archive]\ninto = ['db']",
            put,
            "",
            entered("archive"),
            "[archive]\ninto = ['web']",
        ),
        (
            "[archive]\npaths = ['/etc:rw']",
            put,
            "",
            "path \"/srv/a\" is not allowed; to allow it, add \"/srv/a:rw\" to archive.paths".to_owned(),
            "[archive]\npaths = ['/srv/**:rw']",
        ),
        (
            "",
            "POST /build?networkmode=host",
            "",
            add("networkmode", "host", "build.networks"),
            "[build]\nnetworks = ['host']",
        ),
        (
            "",
            "POST /build?remote=https://a/b.git",
            "",
            add("remote", "https://a/b.git", "build.remotes"),
            "[build]\nremotes = ['https://a/*']",
        ),
        (
            "",
            "POST /build?cgroupparent=x",
            "",
            set("cgroupparent", "build.unrestricted"),
            "[build]\nunrestricted = true",
        ),
        (
            "[exec]\ncommands = [['ls']]",
            exec,
            r#"{"Cmd":["sh","-c","s3cret"]}"#,
            "Cmd \"sh\" is not allowed; to allow it, add a list of \"sh\" and its 2 arguments to exec.commands (with audit.argv = true the audit log has it)".to_owned(),
            "[exec]\ncommands = [['sh', '...']]",
        ),
        (
            "[exec]\nenv = { allow = ['A'] }",
            exec,
            r#"{"Cmd":["a"],"Env":["B=s3cret"]}"#,
            add("Env", "B", "exec.env.allow"),
            "[exec]\nenv = { allow = ['B'] }",
        ),
        (
            "[exec]\ninto = ['@own']",
            exec,
            r#"{"Cmd":["a"]}"#,
            entered("exec"),
            "[exec]\ninto = ['web']",
        ),
        (
            "",
            exec,
            r#"{"Cmd":["a"],"Privileged":true}"#,
            set("Privileged", "exec.privileged"),
            "[exec]\nprivileged = true",
        ),
        (
            "[exec]\nusers = ['1:1']",
            exec,
            r#"{"Cmd":["a"],"User":"0"}"#,
            add("User", "0", "exec.users"),
            "[exec]\nusers = ['0']",
        ),
        (
            "[exec]\nworkdirs = ['/srv/**']",
            exec,
            r#"{"Cmd":["a"],"WorkingDir":"/etc"}"#,
            add("WorkingDir", "/etc", "exec.workdirs"),
            "[exec]\nworkdirs = ['/etc']",
        ),
        (
            "",
            "POST /images/create?fromSrc=-",
            "",
            set("fromSrc", "images.import"),
            "[images]\nimport = true",
        ),
        (
            "[images]\nimport = true",
            "POST /images/create?fromSrc=http://a/b.tar",
            "",
            add("fromSrc", "http://a/b.tar", "images.import_from"),
            "[images]\nimport_from = ['http://a/*']",
        ),
        (
            "[images]\npull = ['b']",
            "POST /images/create?fromImage=a:1",
            "",
            add("fromImage", "a:1", "images.pull"),
            "[images]\npull = ['a:1']",
        ),
        (
            "[images]\npush = ['b']",
            "POST /images/a:1/push",
            "",
            add("the image", "a:1", "images.push"),
            "[images]\npush = ['a']",
        ),
        (
            "[images]\ntags = ['b']",
            "POST /images/x/tag?repo=a&tag=1",
            "",
            add("repo", "a:1", "images.tags"),
            "[images]\ntags = ['a:*']",
        ),
        (
            "[images]\ntags = ['a']",
            "POST /images/load",
            "",
            "the tar \"*\" is not allowed; to allow it, set images.tags = [\"*\"] (the names in a tar are not read)".to_owned(),
            "[images]\ntags = ['*']",
        ),
        (
            "",
            "POST /networks/bridge/connect",
            r#"{"Container":"web"}"#,
            add("Container", "web", "networks.containers"),
            "[networks]\ncontainers = ['web']",
        ),
        (
            "",
            "POST /networks/create",
            r#"{"Name":"n","Driver":"macvlan"}"#,
            add("Driver", "macvlan", "networks.drivers"),
            "[networks]\ndrivers = ['macvlan']",
        ),
        (
            "",
            "POST /networks/create",
            r#"{"Name":"n","Options":{"parent":"eth0"}}"#,
            add("Options", "parent=eth0", "networks.options"),
            "[networks]\noptions = ['parent=eth*']",
        ),
        (
            "",
            "POST /networks/create",
            r#"{"Name":"n","IPAM":{"Config":[{"Subnet":"10.1.0.0/16"}]}}"#,
            add("IPAM.Config", "10.1.0.0/16", "networks.subnets"),
            "[networks]\nsubnets = ['10.0.0.0/8']",
        ),
        (
            "",
            "POST /networks/create",
            r#"{"Name":"n","IPAM":{"Config":[{"AuxiliaryAddresses":{"a":"10.1.0.5"}}]}}"#,
            "IPAM.Config \"10.1.0.5\" is not allowed; to allow it, add \"10.1.0.5/32\" to networks.subnets".to_owned(),
            "[networks]\nsubnets = ['10.1.0.0/24']",
        ),
        (
            "",
            "POST /networks/create",
            r#"{"Name":"n","Ingress":true}"#,
            set("Ingress", "networks.unrestricted"),
            "[networks]\nunrestricted = true",
        ),
        (
            "",
            "POST /volumes/create",
            r#"{"Driver":"rclone"}"#,
            add("Driver", "rclone", "volumes.drivers"),
            "[volumes]\ndrivers = ['rclone']",
        ),
        (
            "",
            "POST /volumes/create",
            r#"{"DriverOpts":{"o":"password=s3cret"}}"#,
            "DriverOpts \"o=*\" is not allowed; to allow it, add \"o=\" with its value to volumes.options".to_owned(),
            "[volumes]\noptions = ['o=*']",
        ),
        (
            "",
            "POST /volumes/create",
            r#"{"ClusterVolumeSpec":{}}"#,
            set("ClusterVolumeSpec", "volumes.unrestricted"),
            "[volumes]\nunrestricted = true",
        ),
    ] {
        assert_judged(narrow, request, body, &refused);
        assert_judged(wide, request, body, "");
    }
}

#[test]
fn an_exec_is_judged_again_when_it_starts() {
    let start = "POST /exec/e1/start";
    for (blocks, process, want) in [
        ("", r#"{"entrypoint":"rm","arguments":["-rf","/"]}"#, ""),
        (
            "",
            r#"{"privileged":true}"#,
            "the exec's privilege is not allowed; to allow it, set exec.privileged = true",
        ),
        ("[exec]\ncommands = [['ls']]", r#"{"entrypoint":"ls"}"#, ""),
        (
            "[exec]\ncommands = [['ls']]",
            r#"{"entrypoint":"ls","arguments":["/"]}"#,
            "the exec's command \"ls\" is not allowed; to allow it, add a list of \"ls\" and its argument to exec.commands (with audit.argv = true the audit log has it)",
        ),
        ("[exec]\nusers = ['1:1']", r#"{"user":"1:1"}"#, ""),
        (
            "[exec]\nusers = ['1:1']",
            r#"{"user":""}"#,
            "the exec's user \"\" is not allowed; to allow it, have the client send a value that exec.users allows",
        ),
    ] {
        let given = [(
            "/exec/e1/json",
            &*format!(r#"{{"ProcessConfig":{process}}}"#),
        )];
        assert_judged_given(blocks, start, "{}", &given, want);
    }
}

#[test]
fn a_driver_that_is_not_named_is_the_daemon_s_own() {
    for (blocks, request, body, want) in [
        ("", "POST /networks/create", r#"{"Name":"a"}"#, ""),
        ("", "POST /volumes/create", r#"{"Name":"a"}"#, ""),
        (
            "[networks]\ndrivers = ['overlay']",
            "POST /networks/create",
            r#"{"Name":"a","Driver":"overlay"}"#,
            "",
        ),
        (
            "[networks]\ndrivers = ['overlay']",
            "POST /networks/create",
            r#"{"Name":"a"}"#,
            "Driver \"bridge\" is not allowed; to allow it, add \"bridge\" to networks.drivers",
        ),
        (
            "[volumes]\ndrivers = ['nfs']",
            "POST /volumes/create",
            r#"{"Name":"a","Driver":""}"#,
            "Driver \"local\" is not allowed; to allow it, add \"local\" to volumes.drivers",
        ),
    ] {
        assert_judged(blocks, request, body, want);
    }
}

#[test]
fn g13_an_interface_has_a_name_and_other_options_of_an_endpoint_have_a_key() {
    const NAME: (&str, &str) = ("com.docker.network.endpoint.ifname", "eth9");
    const SYSCTLS: (&str, &str) = ("com.docker.network.endpoint.sysctls", "net.ipv4.x=1");
    const KEY: &str =
        "[create]\nendpoint_options = ['com.docker.network.endpoint.sysctls=net.ipv4.*']";
    let created = |options: &str| {
        format!(
            r#"{{"Image":"a","NetworkingConfig":{{"EndpointsConfig":{{"bridge":{options}}}}}}}"#
        )
    };
    let connected = |options: &str| format!(r#"{{"Container":"web","EndpointConfig":{options}}}"#);
    for (blocks, (option, value), is_allowed) in [
        ("", NAME, true),
        ("", SYSCTLS, false),
        (KEY, SYSCTLS, true),
        (
            KEY,
            ("com.docker.network.endpoint.sysctls", "net.ipv6.x=1"),
            false,
        ),
        (
            KEY,
            ("com.docker.network.endpoint.sysctl", "net.ipv4.x=1"),
            false,
        ),
    ] {
        let options = format!(r#"{{"DriverOpts":{{"{option}":"{value}"}}}}"#);
        let blocks = format!("{blocks}\n[networks]\ncontainers = ['*']");
        for (request, body) in [
            ("POST /containers/create", created(&options)),
            ("POST /networks/bridge/connect", connected(&options)),
        ] {
            let judged = judged(&blocks, request, &body, &[]);
            assert_eq!(judged.is_ok(), is_allowed, "{request} {body}: {judged:?}");
            if let Err((_, message)) = judged {
                let entry = format!("add \"{option}={value}\" to create.endpoint_options");
                assert!(message.contains(&entry), "{message}");
            }
        }
    }
}

#[test]
fn no_pattern_of_a_folder_matches_what_is_beside_it() {
    let volumes =
        "[volumes]\noptions = ['type=none', 'o=bind', 'o=lowerdir=/srv/*', 'device=/srv/*']";
    let made = |options: &str| format!(r#"{{"Name":"a","DriverOpts":{options}}}"#);
    let refused = |option: &str| {
        format!(
            "DriverOpts \"{option}=*\" is not allowed; to allow it, have the client leave the option out (an entry cannot have a `=` in the option's name or a `..` in its value)"
        )
    };
    for (options, want) in [
        (
            r#"{"type":"none","o":"bind","device":"/srv/a"}"#,
            String::new(),
        ),
        (
            r#"{"type":"none","o":"bind","device":"/srv/../etc"}"#,
            refused("device"),
        ),
        (
            r#"{"type":"none","o":"bind","device":"/srv/.."}"#,
            refused("device"),
        ),
        (r#"{"o":"lowerdir=/srv/a:/srv/../etc"}"#, refused("o")),
    ] {
        assert_judged(volumes, "POST /volumes/create", &made(options), &want);
    }
    let builds = "[build]\nremotes = ['https://example.com/acme/*']";
    for (remote, is_granted) in [
        ("https://example.com/acme/a.git", true),
        ("https://example.com/acme/../evil/a.git", false),
        ("https://example.com/acme/%252E%252e/evil/a.git", false),
    ] {
        let request = format!("POST /build?remote={remote}");
        assert_eq!(
            judged(builds, &request, "", &[]).is_ok(),
            is_granted,
            "{remote}"
        );
    }
}

#[test]
fn a_query_key_that_the_daemon_does_not_read_is_not_sent() {
    for (request, want) in [
        // docker-py's own.
        (
            "POST /containers/web/rename?name=b&force=0",
            "/containers/web/rename?name=b",
        ),
        (
            "POST /images/create?fromImage=a&fromsrc=http://evil&tag=1",
            "/images/create?fromImage=a&tag=1",
        ),
        ("POST /build?t=a&T=b&t=c", "/build?t=a&t=c"),
    ] {
        let permit = judged("[build]\nunrestricted = true", request, "", &[]).unwrap();
        assert_eq!(permit.request.call.render(), want, "{request}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn s18_a_name_that_resolvers_fold_in_two_ways_is_refused() {
    let plain = "must begin with a letter, a digit or `_`, and contain only letters, digits, `_`, `.` and `-`";
    let template = "has a template that could become any name";
    for (request, body, want) in [
        // The Kelvin sign, which Go and Unicode fold to k.
        (
            "POST /containers/create",
            r#"{"NetworkingConfig":{"EndpointsConfig":{"bridge":{"Aliases":["doc\u212agate"]}}}}"#,
            plain,
        ),
        (
            "POST /networks/n/connect",
            r#"{"Container":"web","EndpointConfig":{"Aliases":["\u017ftore"]}}"#,
            plain,
        ),
        (
            "POST /networks/n/connect",
            r#"{"Container":"web","EndpointConfig":{"DNSNames":["a b"]}}"#,
            plain,
        ),
        (
            "POST /containers/create",
            r#"{"Hostname":"doc\u212agate"}"#,
            plain,
        ),
        (
            "POST /containers/create",
            r#"{"Domainname":"a\u0130"}"#,
            plain,
        ),
        ("POST /containers/create", r#"{"Hostname":"gate-#"}"#, plain),
        ("POST /containers/create?name=doc%E2%84%AAgate", "{}", plain),
        (
            "POST /containers/web/rename?name=doc%E2%84%AAgate",
            "",
            plain,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"Links":["web:\u212a"]}}"#,
            plain,
        ),
        (
            "POST /services/create",
            r#"{"TaskTemplate":{"Networks":[{"Target":"n","Aliases":["\u212a"]}]}}"#,
            plain,
        ),
        (
            "POST /services/create",
            r#"{"TaskTemplate":{"ContainerSpec":{"Hostname":"\u212a"}}}"#,
            plain,
        ),
        (
            "POST /services/create",
            r#"{"TaskTemplate":{"ContainerSpec":{"Hostname":"a#"}}}"#,
            plain,
        ),
        (
            "POST /services/create",
            r#"{"TaskTemplate":{"ContainerSpec":{"Hostname":"{{\"gate\"}}"}}}"#,
            template,
        ),
        (
            "POST /services/create",
            r#"{"TaskTemplate":{"ContainerSpec":{"Hostname":"{{.Service.Labels.x}}"}}}"#,
            template,
        ),
        (
            "POST /services/create",
            r#"{"TaskTemplate":{"ContainerSpec":{"Hostname":"a{{"}}}"#,
            template,
        ),
    ] {
        let (reason, message) =
            judged("[create]\nunrestricted = true", request, body, &[]).unwrap_err();
        assert!(
            matches!(reason, Reason::BadBody | Reason::BadQuery),
            "{request} {body}: {message}"
        );
        assert!(message.contains(want), "{request} {body}: {message}");
    }
    // What clients send: names of Compose's services, of jobs and of images.
    for alias in [
        "_db",
        "db_1",
        "registry.example.com__group-project",
        "DB",
        "1a",
    ] {
        let body = format!(
            r#"{{"Hostname":"{alias}","NetworkingConfig":{{"EndpointsConfig":{{"bridge":{{"Aliases":["{alias}"]}}}}}}}}"#
        );
        let verdict = judged(
            "[create]\nunrestricted = true",
            "POST /containers/create",
            &body,
            &[],
        );
        assert!(verdict.is_ok(), "{alias}: {verdict:?}");
    }
}

/// A build's target with these outputs.
fn build_with(version: &str, outputs: &str) -> String {
    let escaped: Vec<_> = outputs.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("POST /build?version={version}&outputs={}", escaped.concat())
}

#[test]
fn s6_what_buildkit_makes_of_a_build_is_judged() {
    let narrow = "[images]\ntags = ['acme/*:*']\npush = ['acme/*:*']";
    let tag = |name: &str| {
        format!("outputs \"{name}\" is not allowed; to allow it, add \"{name}\" to images.tags")
    };
    let push = |name: &str| {
        format!("outputs \"{name}\" is not allowed; to allow it, add \"{name}\" to images.push")
    };
    let unknown = "outputs is not allowed; to allow it, set build.unrestricted = true".to_owned();
    let moby = |attributes: &str| format!(r#"[{{"Type":"moby","Attrs":{{{attributes}}}}}]"#);
    for (outputs, want) in [
        (moby(r#""name":"acme/a:1""#), String::new()),
        (
            moby(r#""name":"acme/a:1,acme/b:2","push":"true""#),
            String::new(),
        ),
        (moby(""), String::new()),
        (
            moby(r#""compression":"zstd","push":"false""#),
            String::new(),
        ),
        (r#"[{"Type":"cacheonly"}]"#.to_owned(), String::new()),
        (
            r#"[{"Type":"local","Attrs":{}},{"Type":"tar","Attrs":null}]"#.to_owned(),
            String::new(),
        ),
        (moby(r#""name":"x:1""#), tag("x:1")),
        (
            r#"[{"Type":"image","Attrs":{"name":"x:1"}}]"#.to_owned(),
            tag("x:1"),
        ),
        (moby(r#""name":"acme/a:1,x:1""#), tag("x:1")),
        (moby(r#""registry.insecure":"true""#), unknown.clone()),
        (moby(r#""dangling-name-prefix":"x""#), unknown.clone()),
        (moby(r#""store":"false""#), unknown.clone()),
        (
            r#"[{"Type":"local","Attrs":{"dest":"/etc"}}]"#.to_owned(),
            unknown.clone(),
        ),
        (r#"[{"Type":"oci"}]"#.to_owned(), unknown.clone()),
        (
            r#"[{"Type":"docker","Attrs":{"name":"x"}}]"#.to_owned(),
            unknown.clone(),
        ),
    ] {
        assert_judged(narrow, &build_with("2", &outputs), "", &want);
        if want == unknown {
            assert_judged(
                "[build]\nunrestricted = true",
                &build_with("2", &outputs),
                "",
                "",
            );
        }
    }
    let pushing = "[images]\npush = ['acme/*:*']";
    for value in ["", "true", "1", "T"] {
        let outputs = moby(&format!(r#""name":"x:1","push":"{value}""#));
        assert_judged(pushing, &build_with("2", &outputs), "", &push("x:1"));
        // The names in `t` are pushed instead.
        let outputs = moby(&format!(r#""push":"{value}""#));
        let request = build_with("2", &outputs) + "&t=y:1";
        assert_judged(pushing, &request, "", &push("y:1"));
    }
    let request = "POST /build?version=2&cachefrom=%5B%22x:1%22%5D";
    let pull = "cachefrom \"x:1\" is not allowed; to allow it, add \"x:1\" to images.pull";
    assert_judged("[images]\npull = ['acme/*:*']", request, "", pull);
    assert_judged("[images]\npull = ['x:*']", request, "", "");
}

#[test]
fn s6_outputs_have_one_reading_and_the_classic_builder_gets_none() {
    for outputs in [
        "type=local,dest=/etc",
        "/etc",
        "{}",
        r#"[{"type":"moby"}]"#,
        r#"[{"Type":"moby","TYPE":"local"}]"#,
        r#"[{"Type":"moby","Type":"local"}]"#,
        r#"[{"Type":"moby","Attrs":["a"]}]"#,
        r#"[{"Type":"moby","Attrs":{"name":1}}]"#,
        r#"[{"Attrs":{}}]"#,
        r#"["moby"]"#,
    ] {
        let (reason, message) = judged("", &build_with("2", outputs), "", &[]).unwrap_err();
        assert_eq!(reason, Reason::BadQuery, "{outputs}: {message}");
        assert!(
            message.contains("must be a JSON array"),
            "{outputs}: {message}"
        );
        for version in ["1", ""] {
            let permit = judged("", &build_with(version, outputs), "", &[]).unwrap();
            let sent = permit.request.call.render();
            assert!(!sent.contains("outputs="), "{outputs}: {sent}");
        }
    }
}

#[test]
fn a_registry_on_the_host_itself_must_be_named() {
    for host in [
        "127.0.0.1:22",
        "127.1:22",
        "0x7f000001:22",
        "0.0.0.0:22",
        "[::1]:22",
        "[::ffff:127.0.0.1]:22",
        "[fe80::1%25eth0]:22",
        "169.254.169.254",
        "localhost",
        "LOCALHOST:22",
        "localhost.:22",
        "a.localhost:22",
        "host.docker.internal:22",
    ] {
        let pull = format!("POST /images/create?fromImage={host}/x&tag=1");
        let search = format!("GET /images/search?term={host}/x");
        let privileges = format!("GET /plugins/privileges?remote={host}/x");
        let plugin = format!("POST /plugins/pull?remote={host}/x&name=a");
        for request in [pull, search, privileges, plugin] {
            let (reason, message) = judged("", &request, "", &[]).unwrap_err();
            assert_eq!(reason, Reason::Restricted, "{request}: {message}");
            assert!(message.contains("images.pull"), "{request}: {message}");
        }
    }
    for request in [
        "POST /images/localhost:5000/x/push?tag=1",
        "GET /distribution/127.0.0.1:5000/x/json",
    ] {
        assert!(judged("", request, "", &[]).is_err(), "{request}");
        let named = "[images]\npull = ['127.0.0.1:5000/*']\npush = ['localhost:5000/*']";
        assert!(judged(named, request, "", &[]).is_ok(), "{request}");
    }
    for request in [
        "POST /images/create?fromImage=192.168.1.5:5000/x&tag=1",
        "POST /images/create?fromImage=registry.example.com/x&tag=1",
        "POST /images/create?fromImage=127.0.0.1&tag=1",
        "POST /images/create?fromImage=acme/x&tag=1",
        "POST /images/create?fromImage=7/x&tag=1",
        "POST /images/registry.example.com/x/push?tag=1",
        "GET /distribution/acme/x/json",
        "GET /images/search?term=acme",
    ] {
        let verdict = judged("", request, "", &[]);
        assert!(verdict.is_ok(), "{request}: {verdict:?}");
    }
}

#[test]
fn s12_what_a_body_names_often_is_judged_once() {
    let call = classify("POST", Target::parse("/containers/create").unwrap()).unwrap();
    let table = table(call.operation().unwrap()).unwrap();
    let count = |text: &str| {
        let body = parse(text.as_bytes(), table).unwrap();
        requirements(&call, Some(&body), &Answers::default())
            .unwrap()
            .len()
    };
    let of = |key: &str, value: &str, times: usize| {
        let list = vec![format!("\"{value}\""); times].join(",");
        format!(r#"{{"Image":"a","HostConfig":{{"{key}":[{list}]}}}}"#)
    };
    for (key, value) in [
        ("VolumesFrom", "web"),
        ("Links", "web:db"),
        ("CapAdd", "SYS_ADMIN"),
        ("GroupAdd", "1"),
        ("Binds", "/srv:/x"),
        ("DeviceCgroupRules", "c 1:1 r"),
    ] {
        let (once, often) = (count(&of(key, value, 1)), count(&of(key, value, 15_000)));
        assert_eq!(often, once, "S12: {key}");
    }
    let variables: Vec<_> = (0..10_000).map(|at| format!("\"V{at}=x\"")).collect();
    let different = format!(r#"{{"Image":"a","Env":[{}]}}"#, variables.join(","));
    assert!(count(&different) >= 10_000, "what differs is judged each");
}

/// The same link in several places is one finding.
#[test]
fn p_g18_a_denial_says_each_finding_once() {
    let body = r#"{"Image":"a","HostConfig":{"Links":["db:x","db:y"],"VolumesFrom":["db"],"NetworkMode":"host"},
        "NetworkingConfig":{"EndpointsConfig":{"bridge":{"Links":["db:x"]}}}}"#;
    let (_, message) = judged("", CREATE, body, &[]).unwrap_err();
    assert_eq!(
        message,
        "ContainerCreate: HostConfig.Links \"db\" is not allowed; to allow it, add \"db\" to create.join; \
         HostConfig.NetworkMode \"host\" is not allowed; to allow it, add \"network\" to create.host_namespaces"
    );
}

#[test]
fn p_a_relative_host_path_keeps_the_daemons_advice() {
    for source in ["relative/x", "./x", "~/x", "a b"] {
        let body = format!(r#"{{"Image":"a","HostConfig":{{"Binds":["{source}:/x"]}}}}"#);
        let (_, message) = judged("", CREATE, &body, &[]).unwrap_err();
        let advice = "If you intended to pass a host directory, use absolute path";
        assert!(message.ends_with(advice), "{source}: {message}");
    }
}

#[test]
fn s6_a_build_pushes_where_images_may_be_pushed() {
    let outputs = r#"[{"Type":"moby","Attrs":{"name":"x:1","push":"true"}}]"#;
    let request = build_with("2", outputs);
    let (method, target) = request.split_once(' ').unwrap();
    let judged = |text: &'static str| {
        let rules = Rules::new(vec![policy("p", text)], Grants::default());
        let call = classify(method, Target::parse(target).unwrap()).unwrap();
        let given = [("/images/x:1".to_owned(), serde_json::Value::Null)];
        match dry_run::judge(&rules, call, "", &given).unwrap().0 {
            Judgement::Deny(denial) => denial.message,
            Judgement::Allow(_)
            | Judgement::Inspect(_)
            | Judgement::Ask(..)
            | Judgement::Missing(_) => String::new(),
        }
    };
    assert_eq!(judged("allow = ['ImageBuild', 'ImagePush']"), "");
    assert_eq!(
        judged("allow = ['ImageBuild']\n[images]\npush = ['x:*']"),
        ""
    );
    let said = judged("allow = ['ImageBuild']");
    assert!(
        said.ends_with("to allow it, add \"x:1\" to images.push"),
        "{said}"
    );
}

#[test]
fn s12_the_outputs_and_the_tags_of_a_build_are_not_multiplied() {
    let (outputs, tags) = (500, 900);
    let output = r#"{"Type":"moby","Attrs":{"push":"1"}}"#;
    let query = format!(
        "/build?version=2&outputs=[{}]{}",
        vec![output; outputs].join(","),
        "&t=y:1".repeat(tags)
    );
    let call = classify("POST", Target::parse(&query).unwrap()).unwrap();
    let mut found = Requirements::of(&call).unwrap();
    query::read(&mut found, &call).unwrap();
    let tag = Key::Push.asks("y:1");
    let pushes = found
        .found
        .iter()
        .filter(|requirement| requirement.what == tag)
        .count();
    assert_eq!(pushes, tags, "S12: each tag is pushed once");
    assert!(
        found.found.len() <= outputs + 3 * tags,
        "S12: {}",
        found.found.len()
    );
}
