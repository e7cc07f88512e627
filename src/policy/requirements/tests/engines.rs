//! What engines and API versions read differently: the dangerous reading counts.

use super::*;

/// Whether these blocks allow a request, and the message if they do not.
#[track_caller]
fn assert_granted(id: &str, blocks: &str, request: &str, body: &str, is_granted: bool) {
    let verdict = judged(blocks, request, body, &[]);
    assert_eq!(
        verdict.is_ok(),
        is_granted,
        "{id}: {request} {body}: {verdict:?}"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn s3_a_text_that_an_engine_makes_a_command_line_of_means_itself() {
    for (is_granted, body) in [
        (true, r#"{"Volumes":{"/data":{}}}"#),
        (true, r#"{"Volumes":{"/data/":{},"/b":{}}}"#),
        (false, r#"{"Volumes":{"/:/host:rw":{}}}"#),
        (false, r#"{"Volumes":{"/a":{},"/etc:/b":{}}}"#),
        (false, r#"{"Volumes":{"/a:rw":{}}}"#),
        (false, r#"{"Volumes":{"/a,U=true":{}}}"#),
        (false, r#"{"Volumes":{"data":{}}}"#),
        (false, r#"{"Volumes":{"":{}}}"#),
        (false, r#"{"Volumes":{"/":{}}}"#),
        (false, r#"{"Volumes":{"/a/../b":{}}}"#),
        (false, r#"{"Volumes":{"/a\n":{}}}"#),
        (
            true,
            r#"{"HostConfig":{"Tmpfs":{"/x":"size=1m,mode=1777,noexec"}}}"#,
        ),
        (false, r#"{"HostConfig":{"Tmpfs":{"/x:exec":""}}}"#),
        (false, r#"{"HostConfig":{"Tmpfs":{"/x,exec,dev,suid":""}}}"#),
        (false, r#"{"HostConfig":{"Tmpfs":{"/x":"size=1m:exec"}}}"#),
        (
            false,
            r#"{"HostConfig":{"Tmpfs":{"/x":"mode=1777 ,exec"}}}"#,
        ),
        (
            true,
            r#"{"HostConfig":{"Mounts":[{"Type":"volume","Source":"v","Target":"/x"}]}}"#,
        ),
        (
            false,
            r#"{"HostConfig":{"Mounts":[{"Type":"volume","Source":"v","Target":"/x,U=true"}]}}"#,
        ),
        (
            false,
            r#"{"HostConfig":{"Mounts":[{"Type":"tmpfs","Target":"/x,exec,dev,suid"}]}}"#,
        ),
        (
            false,
            r#"{"HostConfig":{"Mounts":[{"Type":"volume","Source":"v","Target":"/x","Consistency":"cached,type=bind"}]}}"#,
        ),
        (
            true,
            r#"{"ExposedPorts":{"80":{},"80/tcp":{},"81/UDP":{},"8000-8010/sctp":{}}}"#,
        ),
        (false, r#"{"ExposedPorts":{"80/tcp:90":{}}}"#),
        (false, r#"{"ExposedPorts":{"":{}}}"#),
        (false, r#"{"ExposedPorts":{"80/":{}}}"#),
        (false, r#"{"ExposedPorts":{"+80/tcp":{}}}"#),
        (false, r#"{"ExposedPorts":{"90-80/tcp":{}}}"#),
        (
            true,
            r#"{"HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"80"}]}}}"#,
        ),
        (
            false,
            r#"{"HostConfig":{"PortBindings":{"80,90/tcp":[{"HostPort":"80"}]}}}"#,
        ),
        (
            true,
            r#"{"HostConfig":{"BlkioDeviceReadBps":[{"Path":"/dev/sda","Rate":1}]}}"#,
        ),
        (
            false,
            r#"{"HostConfig":{"BlkioDeviceReadBps":[{"Path":"/dev/../etc","Rate":1}]}}"#,
        ),
        (
            true,
            r#"{"HostConfig":{"Ulimits":[{"Name":"nofile","Soft":1,"Hard":1}]}}"#,
        ),
        (
            false,
            r#"{"HostConfig":{"Ulimits":[{"Name":"core=1:1","Soft":1,"Hard":1}]}}"#,
        ),
        (true, r#"{"Labels":{"a.b":"c=d"}}"#),
        (false, r#"{"Labels":{"a=b":"c"}}"#),
    ] {
        assert_granted("S3, S19", "", CREATE, body, is_granted);
    }
    let devices = "[create]\ndevices = ['/dev/fuse', '/dev/fuse:/dev/sda']\nsysctls = ['net.*']";
    for (is_granted, within) in [
        (
            true,
            r#""Devices":[{"PathOnHost":"/dev/fuse","PathInContainer":"/dev/fuse","CgroupPermissions":"rw"}]"#,
        ),
        (true, r#""Devices":[{"PathOnHost":"/dev/fuse"}]"#),
        (false, r#""Devices":[{"PathOnHost":"/dev/fuse:/dev/sda"}]"#),
        (
            false,
            r#""Devices":[{"PathOnHost":"/dev/fuse","PathInContainer":"rwm"}]"#,
        ),
        (
            false,
            r#""Devices":[{"PathOnHost":"/dev/fuse","PathInContainer":"/x:rwm"}]"#,
        ),
        (
            false,
            r#""Devices":[{"PathOnHost":"/dev/fuse","PathInContainer":"/dev/../x"}]"#,
        ),
        (
            false,
            r#""Devices":[{"PathOnHost":"/dev/fuse","CgroupPermissions":"rw,m"}]"#,
        ),
        (
            false,
            r#""Devices":[{"PathOnHost":"/dev/fuse","CgroupPermissions":"rwm:x"}]"#,
        ),
        (true, r#""Sysctls":{"net.core.somaxconn":"1"}"#),
        (false, r#""Sysctls":{"net.core.somaxconn=1":"2"}"#),
    ] {
        let body = format!(r#"{{"HostConfig":{{{within}}}}}"#);
        assert_granted("S3, S19", devices, CREATE, &body, is_granted);
    }
}

#[test]
fn s19_a_variable_has_a_name_and_a_value() {
    let (exec, commit) = ("POST /containers/web/exec", "POST /commit?container=web");
    for (request, env, is_granted) in [
        (CREATE, r#""A=b","C=","D==*""#, true),
        (CREATE, r#""A.b-c=d""#, true),
        (CREATE, r#""*""#, false),
        (CREATE, r#""A*""#, false),
        (CREATE, r#""*=a""#, false),
        (CREATE, r#""A*=a""#, false),
        (CREATE, r#""A""#, false),
        (CREATE, r#""A=b","C""#, false),
        (CREATE, r#""""#, false),
        (CREATE, r#""=a""#, false),
        (CREATE, r#"" A=b""#, false),
        (CREATE, r#""A\t=b""#, false),
        (CREATE, r#""A\u0000=b""#, false),
        (CREATE, r#""A\u00a0=b""#, false),
        // Only the daemon reads the variables of an exec: it unsets this one.
        (exec, r#""A""#, true),
        (exec, r#""*""#, false),
        (commit, r#""A=b""#, true),
        (commit, r#""A""#, false),
        (commit, r#""*""#, false),
    ] {
        let body = format!(r#"{{"Env":[{env}]}}"#);
        assert_granted("S19", "", request, &body, is_granted);
    }
    let (_, message) = judged("", CREATE, r#"{"Env":["SECRET"]}"#, &[]).unwrap_err();
    assert_eq!(
        message,
        "Env has \"SECRET\" without a value, and some engines fill it in from their own environment: write NAME=value, or leave it out"
    );
    let service =
        |env: &str| format!(r#"{{"TaskTemplate":{{"ContainerSpec":{{"Env":[{env}]}}}}}}"#);
    for (env, is_granted) in [(r#""A""#, true), (r#""*""#, false)] {
        assert_granted(
            "S19",
            "",
            "POST /services/create",
            &service(env),
            is_granted,
        );
    }
}

#[test]
fn s19_a_dockerfile_is_in_the_context() {
    for (name, is_granted) in [
        ("", true),
        ("Dockerfile", true),
        ("sub/Dockerfile.dev", true),
        ("./Dockerfile", true),
        (".dockerfile.0123456789abcdef", true),
        ("http://evil/Dockerfile", false),
        ("HTTPS://evil/Dockerfile", false),
        ("[\"http://evil/Dockerfile\"]", false),
        ("[\"Dockerfile\"]", false),
        ("/etc/passwd", false),
        ("../Dockerfile", false),
        ("a/../../b", false),
        ("a//b", false),
        ("-", false),
        ("./../a", false),
        ("a%0ab", false),
        ("git@evil:a", false),
    ] {
        let request = format!("POST /build?dockerfile={}", name.replace('"', "%22"));
        assert_granted("S19", "", &request, "", is_granted);
    }
}

#[test]
fn s5_a_websocket_types_whatever_it_says() {
    let (post, ws) = (
        "POST /containers/web/attach",
        "GET /v1.41/containers/web/attach/ws",
    );
    let (only, other) = ("[exec]\ninto = ['web']", "[exec]\ninto = ['db']");
    let privileged = [(
        "/containers/web/json",
        r#"{"HostConfig":{"Privileged":true}}"#,
    )];
    for (request, query, is_watching) in [
        (post, "?stream=1&stdout=1", true),
        (post, "?stream=1&stdin=0", true),
        (post, "?stream=1&stdin=1", false),
        (post, "?stream=1&stdin=yes", false),
        (ws, "?stream=1", false),
        (ws, "?stream=1&stdin=0", false),
        (&*ws.replace("1.41", "1.51"), "?stream=1&stdin=0", false),
    ] {
        let request = [request, query].concat();
        assert_granted("S5", only, &request, "", true);
        assert_granted("S5", other, &request, "", false);
        let verdict = judged("", &request, "", &privileged);
        assert_eq!(verdict.is_ok(), is_watching, "S5: {request}: {verdict:?}");
    }
}

#[test]
fn s11_a_read_only_mount_of_what_holds_mounts_says_so() {
    let bind = |bind: &str| format!(r#"{{"HostConfig":{{"Binds":["{bind}"]}}}}"#);
    for (blocks, body, is_granted) in [
        ("binds = ['/']", bind("/:/h:ro"), false),
        ("binds = ['/:ro']", bind("/:/h:ro"), false),
        ("binds = ['/:ro-nonrecursive']", bind("/:/h:ro"), true),
        ("binds = ['/:ro-nonrecursive']", bind("/:/h"), false),
        ("binds = ['/:rw']", bind("/:/h:ro"), true),
        ("binds = ['/**']", bind("/run:/h:ro"), false),
        ("binds = ['/**']", bind("/etc:/h:ro"), true),
        ("binds = ['/**']", bind("/var/run/docker.sock:/h:ro"), true),
        ("binds = ['/srv/x']", bind("/srv/x:/h:ro"), true),
    ] {
        let blocks = format!("[create]\n{blocks}");
        // Podman and old kernels mount it this way in every version.
        for version in ["", "/v1.41", "/v1.51"] {
            let request = format!("POST {version}/containers/create");
            assert_granted("S11", &blocks, &request, &body, is_granted);
        }
    }
}

#[test]
fn s11_a_container_that_has_such_a_mount_is_no_ordinary_one() {
    let mounted = |path: &str, options: &str| {
        format!(
            r#"{{"HostConfig":{{"Mounts":[{{"Type":"bind","Source":"{path}","Target":"/h","ReadOnly":true{options}}}]}},
                "Mounts":[{{"Type":"bind","Source":"{path}","Destination":"/h","RW":false}}]}}"#
        )
    };
    let option = r#","BindOptions":{"ReadOnlyNonRecursive":true}"#;
    for (binds, inspected, is_granted) in [
        ("/srv", mounted("/srv", ""), true),
        ("/srv", mounted("/srv", option), false),
        ("/srv:ro-nonrecursive", mounted("/srv", option), true),
        ("/", mounted("/", ""), false),
        ("/:ro-nonrecursive", mounted("/", ""), true),
    ] {
        let blocks = format!("[create]\nbinds = ['{binds}']");
        let given = [("/containers/web/json", &*inspected)];
        let verdict = judged(
            &blocks,
            "POST /containers/web/exec",
            r#"{"Cmd":["a"]}"#,
            &given,
        );
        assert_eq!(verdict.is_ok(), is_granted, "S11: {binds} {inspected}");
    }
}

#[test]
fn a_limit_that_a_version_ignores_is_not_set() {
    let blocks = "[create]\nlimits = { pids = 10, cpus = 1 }";
    let service =
        |limits: &str| format!(r#"{{"TaskTemplate":{{"Resources":{{"Limits":{{{limits}}}}}}}}}"#);
    let both = service(r#""Pids":10,"NanoCPUs":1000000000"#);
    let container = r#"{"HostConfig":{"PidsLimit":10,"NanoCpus":1000000000}}"#;
    for (request, body, is_granted) in [
        ("POST /v1.41/services/create", &*both, true),
        ("POST /v1.51/services/create", &*both, true),
        ("POST /services/create", &*both, true),
        ("POST /v1.40/services/create", &*both, false),
        ("POST /v1.24/services/create", &*both, false),
        ("POST /v1.40/services/s/update?version=1", &*both, false),
        ("POST /v1.41/services/s/update?version=1", &*both, true),
        ("POST /v1.25/containers/create", container, true),
        ("POST /v1.24/containers/create", container, false),
    ] {
        assert_granted("ServiceCreate", blocks, request, body, is_granted);
    }
}

#[test]
fn a_container_is_spared_or_waited_for_only_where_that_is_granted() {
    let service = |within: &str| format!(r#"{{"TaskTemplate":{{"ContainerSpec":{{{within}}}}}}}"#);
    let (services, update) = ("POST /services/create", "POST /containers/web/update");
    for (request, body, is_granted) in [
        (
            CREATE,
            r#"{"HostConfig":{"OomScoreAdj":500}}"#.to_owned(),
            true,
        ),
        (
            CREATE,
            r#"{"HostConfig":{"OomScoreAdj":0,"OomKillDisable":false}}"#.to_owned(),
            true,
        ),
        (
            CREATE,
            r#"{"HostConfig":{"OomKillDisable":null}}"#.to_owned(),
            true,
        ),
        (
            CREATE,
            r#"{"HostConfig":{"OomScoreAdj":-1}}"#.to_owned(),
            false,
        ),
        (
            CREATE,
            r#"{"HostConfig":{"OomScoreAdj":-99999999999999999999}}"#.to_owned(),
            false,
        ),
        (
            CREATE,
            r#"{"HostConfig":{"OomKillDisable":true}}"#.to_owned(),
            false,
        ),
        (update, r#"{"OomKillDisable":true}"#.to_owned(), false),
        (services, service(r#""OomScoreAdj":-1"#), false),
        (services, service(r#""OomScoreAdj":1"#), true),
        (CREATE, r#"{"StopTimeout":3600}"#.to_owned(), true),
        (CREATE, r#"{"StopTimeout":0}"#.to_owned(), true),
        (CREATE, r#"{"StopTimeout":-1}"#.to_owned(), false),
        (CREATE, r#"{"StopTimeout":99999999}"#.to_owned(), false),
        (
            "POST /commit?container=web",
            r#"{"StopTimeout":-1}"#.to_owned(),
            false,
        ),
        (
            services,
            service(r#""StopGracePeriod":3600000000000"#),
            true,
        ),
        (
            services,
            service(r#""StopGracePeriod":3600000000001"#),
            false,
        ),
        (services, service(r#""StopGracePeriod":-1"#), false),
    ] {
        assert_granted("StopTimeout, OomScoreAdj", "", request, &body, is_granted);
    }
}

#[test]
fn hidden_paths_are_those_of_an_engine_or_need_a_grant() {
    let old = r#""/proc/asound","/proc/acpi","/proc/kcore","/proc/keys","/proc/latency_stats","/proc/timer_list",
        "/proc/timer_stats","/proc/sched_debug","/proc/scsi","/sys/firmware""#;
    let power = r#""/sys/devices/virtual/powercap","/proc/interrupts","/sys/devices/system/cpu/cpu11/thermal_throttle""#;
    let read_only = r#""/proc/bus","/proc/fs","/proc/irq","/proc/sys","/proc/sysrq-trigger""#;
    for (masked, is_granted) in [
        (old.to_owned(), true),
        (format!("{old},{power}"), true),
        (format!(r#"{old},"/proc/mine""#), false),
        (
            format!(r#"{old},"/sys/devices/system/cpu/cpux/thermal_throttle""#),
            false,
        ),
        (old.replace("\"/proc/kcore\",", ""), false),
        (power.to_owned(), false),
        (String::new(), false),
    ] {
        let body = format!(
            r#"{{"HostConfig":{{"MaskedPaths":[{masked}],"ReadonlyPaths":[{read_only}]}}}}"#
        );
        assert_granted("MaskedPaths", "", CREATE, &body, is_granted);
        if is_granted {
            let permit = judged("", CREATE, &body, &[]).unwrap();
            let sent = permit.request.body.as_ref().unwrap();
            assert!(
                !sent.contains("Paths"),
                "the engine hides what it hides: {sent}"
            );
        }
    }
    let body = format!(r#"{{"HostConfig":{{"ReadonlyPaths":[{read_only},"/mine"]}}}}"#);
    assert_granted("ReadonlyPaths", "", CREATE, &body, false);
    // What was allowed is sent as the client asked for it.
    for blocks in [
        "[create]\nunrestricted = true",
        "[create]\nprivileged = true",
    ] {
        let body = format!(r#"{{"HostConfig":{{"Privileged":true,"MaskedPaths":[{old}]}}}}"#);
        let permit = judged(blocks, CREATE, &body, &[]).unwrap();
        assert!(
            permit
                .request
                .body
                .as_ref()
                .unwrap()
                .contains("MaskedPaths"),
            "{blocks}"
        );
    }
}

#[test]
fn disabled_networks_are_joined_by_podman_all_the_same() {
    let blocks = "[create]\nnetworks = []";
    for (body, is_granted) in [
        (r#"{"HostConfig":{"NetworkMode":"none"}}"#, true),
        (
            r#"{"NetworkDisabled":true,"HostConfig":{"NetworkMode":"none"}}"#,
            true,
        ),
        (r#"{"NetworkDisabled":true}"#, false),
    ] {
        assert_granted("S4", blocks, CREATE, body, is_granted);
    }
}

#[test]
fn podman_s_default_network_is_the_default_one_by_its_id() {
    let network = |id: &str| format!(r#"{{"Name":"podman","Id":"{id}","Driver":"bridge"}}"#);
    let id = "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9";
    let own = r#"{"Config":{"Labels":{"dockgate.policy":"p"}},"NetworkSettings":{"Networks":{"podman":{"NetworkID":"podman"}}}}"#;
    for (networks, id, is_granted) in [
        ("'@default'", id, true),
        ("'@default'", &*"0".repeat(64), false),
        ("'@default', 'podman'", &*"0".repeat(64), true),
        ("'@own'", id, false),
    ] {
        let blocks = format!("[create]\nnetworks = [{networks}]");
        let network = network(id);
        let given = [
            ("/containers/web/json", own),
            ("/networks/podman", &*network),
        ];
        let started = judged(&blocks, "POST /containers/web/start", "", &given);
        assert_eq!(started.is_ok(), is_granted, "{networks} {id}: {started:?}");
        let body = r#"{"HostConfig":{"NetworkMode":"podman"}}"#;
        let made = judged(&blocks, CREATE, body, &given);
        assert_eq!(made.is_ok(), is_granted, "{networks} {id}: {made:?}");
    }
}

#[test]
fn s4_what_the_verdict_rests_on_is_sent() {
    let (attach, ws) = ("/containers/web/attach", "/containers/web/attach/ws");
    let id = "0".repeat(64);
    for (request, query, want) in [
        (attach, "?stream=1&stdout=1", "?stream=1&stdout=1&stdin=0"),
        (attach, "", "?stdin=0"),
        (attach, "?stdin=false&stream=TRUE", "?stdin=0&stream=1"),
        (
            attach,
            "?stdin=yes&logs=no&stderr=off",
            "?stdin=1&logs=0&stderr=1",
        ),
        (attach, "?stdin=", "?stdin=0"),
        // Podman ignores case, and uses the last of two.
        (attach, "?stdin=0&Stdin=1&STDIN=1", "?stdin=0"),
        (
            attach,
            "?stream=1&hijack=true&detachKeys=ctrl-c",
            "?stream=1&detachKeys=ctrl-c&stdin=0",
        ),
        (ws, "?stream=1", "?stream=1"),
    ] {
        let method = if request == ws { "GET" } else { "POST" };
        let blocks = "[exec]\ninto = ['web']";
        let permit = judged(blocks, &format!("{method} {request}{query}"), "", &[]).unwrap();
        let path = request.replace("web", &id);
        assert_eq!(permit.request.call.render(), path + want, "S4: {query}");
    }
    assert_granted(
        "S4",
        "",
        "POST /containers/web/attach?stdin=0&stdin=1",
        "",
        false,
    );
}

#[test]
fn s24_a_network_s_name_is_made_once() {
    for (body, want) in [
        (
            r#"{"Name":"n"}"#,
            r#"{"Name":"n","CheckDuplicate":true,"Labels":{"dockgate.policy":"p"}}"#,
        ),
        (
            r#"{"CheckDuplicate":false,"Name":"n"}"#,
            r#"{"CheckDuplicate":true,"Name":"n","Labels":{"dockgate.policy":"p"}}"#,
        ),
        (
            r#"{"Name":"n","CheckDuplicate":true}"#,
            r#"{"Name":"n","CheckDuplicate":true,"Labels":{"dockgate.policy":"p"}}"#,
        ),
    ] {
        let permit = judged("", "POST /networks/create", body, &[]).unwrap();
        assert_eq!(permit.request.body.as_deref(), Some(want), "S24: {body}");
    }
}

#[test]
fn s19_an_address_that_an_inspection_reports_is_not_asked_for() {
    let state = r#""IPAddress":"10.88.0.7","IPPrefixLen":16,"Gateway":"10.88.0.1","EndpointID":"","GlobalIPv6Address":"""#;
    let create = format!(
        r#"{{"NetworkingConfig":{{"EndpointsConfig":{{"bridge":{{{state},"GwPriority":1}}}}}}}}"#
    );
    let connect = format!(r#"{{"Container":"web","EndpointConfig":{{{state}}}}}"#);
    let blocks = "[networks]\ncontainers = ['*']";
    for (request, body) in [(CREATE, create), ("POST /networks/bridge/connect", connect)] {
        let permit = judged(blocks, request, &body, &[]).unwrap();
        let sent = permit.request.body.as_ref().unwrap();
        assert!(!sent.contains("10.88.0.7"), "S19: {request}: {sent}");
    }
    let asked = r#"{"NetworkingConfig":{"EndpointsConfig":{"bridge":{"IPAMConfig":{"IPv4Address":"10.88.0.7"}}}}}"#;
    assert_granted("S19", blocks, CREATE, asked, false);
}
