//! What is granted and what is refused, one line a case: the blocks of the policy, a request, and the
//! message of its refusal, or nothing where it is granted.

use crate::docker::{Target, classify};
use crate::policy::file::tests::policy;
use crate::policy::suppose::{self, Given};
use crate::policy::{Grants, Judgement, Permit, Reason, Rules};

/// Every operation with a body or a query that is judged.
const ALLOW: &str = "allow = ['ContainerCreate', 'ContainerExec', 'ContainerUpdate', 'ExecStart', 'ImageBuild',
    'ImageCommit', 'ImageCreate', 'ImageLoad', 'ImagePush', 'ImageTag', 'NetworkConnect', 'NetworkCreate',
    'NetworkDisconnect', 'PutContainerArchive', 'ServiceCreate', 'ServiceUpdate', 'VolumeCreate', 'VolumeUpdate',
    'ContainerRename', 'ContainerTop', 'ContainerKill']\n";

/// The verdict of a policy of these blocks.
#[track_caller]
pub(in crate::policy) fn judged(
    blocks: &str,
    request: &str,
    body: &str,
    given: &[(&str, &str)],
) -> Result<Box<Permit>, (Reason, String)> {
    let text: &'static str = Box::leak([ALLOW, blocks].concat().into_boxed_str());
    let rules = Rules::new(vec![policy("p", text)], Grants::default());
    let (method, target) = request.split_once(' ').unwrap();
    let call = classify(method, Target::parse(target).unwrap()).unwrap();
    let given: Vec<Given> = given
        .iter()
        .map(|(of, value)| ((*of).to_owned(), serde_json::from_str(value).unwrap()))
        .collect();
    match suppose::judge(&rules, call, body, &given) {
        Ok((Judgement::Allow(permit), _)) => Ok(permit),
        Ok((Judgement::Deny(denial), _)) => Err((denial.reason, denial.message)),
        Ok((other, _)) => panic!("{request} {body}: {other:?}"),
        Err(bad) => Err((Reason::BadBody, bad.to_string())),
    }
}

/// What a case wants: empty for a grant, else the message without the operation's name.
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
            "the body \"memory 0, cpus -1, pids 0\" is not granted; to grant it set it within create.limits",
        ),
        (
            r#"{"CpuQuota":200000}"#,
            "the body \"memory 0, cpus -1, pids 0\" is not granted; to grant it set it within create.limits",
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
        (pull, "alpine", "fromImage \"alpine:*\" is not granted; to grant it add \"alpine:*\" to images.pull"),
        (pull, "alpine:", "fromImage \"alpine:*\" is not granted; to grant it add \"alpine:*\" to images.pull"),
        ("POST /images/", "reg.a/b:1/push", ""),
        ("POST /images/", "reg.a/b/push?tag=1", ""),
        ("POST /images/", "acme/x/push", ""),
        ("POST /images/", "reg.a/b/push", "the image \"reg.a/b:*\" is not granted; to grant it add \"reg.a/b:*\" to images.push"),
        ("POST /images/", "reg.a/b/push?tag=2", "the image \"reg.a/b:2\" is not granted; to grant it add \"reg.a/b:2\" to images.push"),
        ("POST /images/", "reg.a/b:1/push?tag=2", "the image \"reg.a/b:1:2\" is not granted; to grant it add \"reg.a/b:1:2\" to images.push"),
        ("POST /images/", "reg.a/b/push?tag=1&tag=2", "the query key `tag` stands there twice: send it once"),
    ]
    .map(|(start, rest, want)| (start.to_owned() + rest, want))
    {
        assert_judged(blocks, &request, "", want);
    }
}

#[test]
fn a_container_of_no_image_is_of_none_that_is_listed() {
    let none = "Image \"\" is not granted; to grant it name one of create.images";
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
        format!("{path} has a template, which is filled in only after it was judged: write it out")
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
    // In a container of no swarm it is a text like any other.
    let body = r#"{"Image":"a","Env":["{{a}}=b"],"Labels":{"a":"{{b}}"}}"#;
    assert_judged("", "POST /containers/create", body, "");
}

/// What of a container's inspection makes it one that is not entered by default.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn only_ordinary_containers_are_entered() {
    let refused = "the container \"web\" is not granted; to grant it add \"web\" to exec.into";
    for (inspection, want) in [
        ("{}", ""),
        (r#"{"HostConfig":{"Privileged":true}}"#, refused),
        (
            r#"{"HostConfig":{"Privileged":false,"CapAdd":null,"Devices":[]}}"#,
            "",
        ),
        (r#"{"HostConfig":{"CapAdd":["SYS_ADMIN"]}}"#, refused),
        (r#"{"HostConfig":{"CapAdd":["CAP_CHOWN"]}}"#, ""),
        (r#"{"HostConfig":{"PidMode":"host"}}"#, refused),
        (r#"{"HostConfig":{"PidMode":"container:db"}}"#, refused),
        (r#"{"HostConfig":{"IpcMode":"host"}}"#, refused),
        (r#"{"HostConfig":{"IpcMode":"private"}}"#, ""),
        (r#"{"HostConfig":{"UTSMode":"host"}}"#, refused),
        (r#"{"HostConfig":{"UsernsMode":"host"}}"#, refused),
        (r#"{"HostConfig":{"NetworkMode":"host"}}"#, refused),
        (r#"{"HostConfig":{"NetworkMode":"container:db"}}"#, refused),
        (r#"{"HostConfig":{"NetworkMode":"db"}}"#, ""),
        (
            r#"{"HostConfig":{"Devices":[{"PathOnHost":"/dev/sda"}]}}"#,
            refused,
        ),
        (
            r#"{"HostConfig":{"DeviceCgroupRules":["b *:* rwm"]}}"#,
            refused,
        ),
        (
            r#"{"HostConfig":{"DeviceRequests":[{"Capabilities":[["gpu"]]}]}}"#,
            refused,
        ),
        (
            r#"{"HostConfig":{"SecurityOpt":["seccomp=unconfined"]}}"#,
            refused,
        ),
        (
            r#"{"HostConfig":{"SecurityOpt":["no-new-privileges"]}}"#,
            "",
        ),
        (r#"{"HostConfig":{"MaskedPaths":[]}}"#, refused),
        (r#"{"HostConfig":{"ReadonlyPaths":[]}}"#, refused),
        (
            r#"{"HostConfig":{"ReadonlyPaths":["/proc/bus","/proc/fs","/proc/irq","/proc/sys","/proc/sysrq-trigger"]}}"#,
            "",
        ),
        (
            r#"{"Mounts":[{"Type":"bind","Source":"/srv","RW":false}]}"#,
            refused,
        ),
        (
            r#"{"Mounts":[{"Type":"volume","Name":"data","Driver":"local","RW":true}]}"#,
            "",
        ),
        (
            r#"{"Mounts":[{"Type":"volume","Name":"bad","Driver":"local","RW":true}]}"#,
            refused,
        ),
        (
            r#"{"Mounts":[{"Type":"volume","Name":"v","Driver":"evil","RW":true}]}"#,
            refused,
        ),
        (r#"{"Mounts":[{"Type":"tmpfs"}]}"#, ""),
        (r#"{"Mounts":[{"Type":"cluster"}]}"#, refused),
        (r#"{"Mounts":[{}]}"#, refused),
    ] {
        let given = [
            ("/containers/web/json", inspection),
            ("/volumes/data", "{}"),
            (
                "/volumes/bad",
                r#"{"Options":{"type":"none","o":"bind","device":"/"}}"#,
            ),
        ];
        for (blocks, want) in [("", want), ("[exec]\ninto_privileged = true", "")] {
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
        "HostConfig.DeviceRequests is not granted; to grant it set create.unrestricted = true";
    let named = "HostConfig.DeviceRequests \"a.b/c=d\" is not granted; to grant it add \"a.b/c=d\" to create.devices";
    let gpus = "HostConfig.DeviceRequests is not granted; to grant it set create.gpus = true";
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
    let refused =
        "HostConfig.Binds[0] \"cache\" is not granted; to grant it add \"cache\" to create.volumes";
    for (options, want) in [
        (r#"{"type":"tmpfs","device":"tmpfs"}"#, ""),
        (
            r#"{"type":"tmpfs","device":"tmpfs","o":"size=1m,uid=1000"}"#,
            "",
        ),
        (r#"{"type":"tmpfs","device":"tmpfs","o":"bind"}"#, refused),
        (r#"{"type":"none","device":"/","o":"bind"}"#, refused),
        (r#"{"type":"tmpfs"}"#, refused),
    ] {
        let volume = format!(r#"{{"Driver":"local","Options":{options}}}"#);
        let given = [("/volumes/cache", volume.as_str())];
        assert_judged_given("", "POST /containers/create", mounted, &given, want);
    }
}
