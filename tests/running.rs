//! Starting, reloading and checking a running dockgate: the messages for the operator, and that they are true.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Output};

use crate::support::folder::Folder;
use crate::support::{FakeDaemon, Gate, Refused, Setup, eventually, get, post};
use socket2::{Domain, SockAddr, Socket, Type};

const NOT_GRANTED: Refused = Refused(403, "not_granted");

/// Runs a command with only these of dockgate's environment variables.
fn dockgate(arguments: &[&str], env: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dockgate"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path);
    command.args(arguments).envs(env.iter().copied());
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap()
    );
    (status.code().unwrap(), said)
}

#[test]
fn the_start_report_says_what_holds_and_what_the_daemon_is() {
    let daemon = FakeDaemon::start();
    let policy = "allow = ['containers:read', 'ContainerRestart', 'ContainerExec', 'PutContainerArchive', 'SwarmInit']\n\
        [exec]\ninto_privileged = true";
    let gate = Gate::start(&daemon, policy);
    let engine = format!(
        "INFO connected to Docker Engine 26.1.5 (API 1.24-1.45) at {}",
        daemon.upstream()
    );
    for line in [
        &engine,
        concat!("INFO version      ", env!("CARGO_PKG_VERSION")),
        "INFO listening on tcp://127.0.0.1:",
        "policy.toml allows 4 read, 1 write, 3 control operations",
        "WARN clients can reach parts of the host through: ",
        "policy.toml (exec.into_privileged)",
        "WARN clients can enter every ordinary container: PutContainerArchive (",
        "policy.toml has no [archive])",
    ] {
        gate.assert_tells(line);
    }
    assert!(daemon.requests().is_empty(), "only its own question");
    let said = gate.diagnostics();
    let first =
        " WARN clients can become root on this host: request bodies of SwarmInit are not checked\n";
    let (time, verdict) = said.split_at("2026-11-28T22:00:00.000Z ".len());
    assert!(verdict.starts_with(first), "{said}");
    assert_eq!(said.matches("become root").count(), 1, "once: {said}");
    assert!(time.ends_with("Z "), "{said}");
}

#[test]
fn the_verdict_is_repeated_if_the_daemon_s_answer_changes_it() {
    const HOST: &str = "abababababab";
    let own = serde_json::json!({
        "Id": format!("{HOST}{}", "0".repeat(52)), "Name": "/gate", "Image": "", "Config": {}, "Mounts": [],
        "HostConfig": {}, "NetworkSettings": {"Networks": {"back": {}, "front": {}}},
    });
    let target = format!("/containers/{HOST}/json");
    let daemon = FakeDaemon::start().that_answers(&target, "200 OK", own.to_string().as_bytes());
    let contained = format!(
        "mount -t tmpfs none /run && touch /run/.containerenv && echo {HOST} >/proc/sys/kernel/hostname && exec \"$@\""
    );
    let command = ["unshare", "--mount", "--uts", "sh", "-c", &contained, "sh"];
    let mut setup = Setup::new(&daemon, "allow = ['SystemInfo']").through(&command);
    setup.listen = vec!["tcp://0.0.0.0:0".to_owned()];
    let gate = setup.start();
    let open = format!(
        " WARN {} is open to every container on 2 networks (back, front), ",
        gate.listeners()[0]
    );
    gate.assert_tells(&open);
    gate.assert_tells(
        "INFO container    abababababab is Dockgate's own and protected from clients\n",
    );
    let said = gate.diagnostics();
    let first = said.lines().next().unwrap();
    let ready = " INFO ready: clients can do only what the policies allow";
    assert!(first.ends_with(ready), "{said}");
    let connected = said.find("INFO connected to ").unwrap();
    assert!(
        said.find(&open).unwrap() < connected,
        "verdict first: {said}"
    );
}

#[test]
fn the_start_report_says_what_is_not_checked() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(
        &daemon,
        "allow = ['Session', 'Grpc', 'POST /libpod/containers/{}/kill']",
    );
    for line in [
        "S17: raw paths can stop or change Dockgate itself, because only names in their path and query are checked",
        "S23: BuildKit sessions are not checked: builds can empty everyone's build cache, move any tag and, unless ",
        "S23: \"entitlements\": {\"network-host\": false, \"security-insecure\": false}}, reach services on the host's loopback: Grpc, Session",
    ] {
        let (_, line) = line.split_once(": ").unwrap();
        gate.assert_tells(line);
    }
    let reading = Gate::start(&daemon, "allow = ['GET /libpod/info', 'ImageBuild']");
    reading.assert_tells("connected to ");
    for line in ["raw paths can stop", "of raw paths", "BuildKit sessions"] {
        assert!(!reading.diagnostics().contains(line), "{line}");
    }
}

#[test]
fn the_start_report_says_what_clients_can_delete() {
    let daemon = FakeDaemon::start();
    for (allow, said) in [
        (
            "'ContainerDelete', 'ContainerPrune', 'VolumeDelete'",
            "stop and delete any container except Dockgate's own, and delete any unused volume: \
             ContainerDelete, ContainerPrune, VolumeDelete",
        ),
        (
            "'ContainerPrune', 'VolumePrune'",
            "delete all stopped containers, and delete all unused volumes: ContainerPrune, VolumePrune",
        ),
        ("'VolumeDelete'", "delete any unused volume: VolumeDelete"),
    ] {
        let gate = Gate::start(&daemon, &format!("allow = [{allow}]"));
        gate.assert_tells(&format!("WARN clients can {said}\n"));
    }
    let gate = Gate::start(&daemon, "allow = ['ContainerStop', 'NetworkDelete']");
    gate.assert_tells("connected to ");
    let said = gate.diagnostics();
    let is_warned = said.contains("can stop") || said.contains("can delete");
    assert!(!is_warned, "neither loses data: {said}");
}

#[test]
fn the_start_report_says_which_listeners_do_not_separate_clients() {
    let daemon = FakeDaemon::start();
    for (policy, is_said) in [
        ("policy = ['default']", true),
        ("deny = ['SystemInfo']", true),
        ("", false),
    ] {
        let table = format!("[[listener]]\naddress = 'tcp://127.0.0.1:0'\n{policy}");
        let mut setup = Setup::new(&daemon, "allow = ['SystemInfo']").settings(&table);
        setup.listen = vec![
            "tcp://127.0.0.1:0".to_owned(),
            "unix://{folder}/a.sock".to_owned(),
        ];
        setup.more_listeners = 1;
        let gate = setup.start();
        gate.assert_tells("connected to ");
        let (said, listeners) = (gate.diagnostics(), gate.listeners());
        let line = format!(
            "WARN clients are not separated: {} and {} have different policies, ",
            listeners[0], listeners[2]
        );
        assert_eq!(said.contains(&line), is_said, "{policy}: {said}");
        assert_eq!(said.contains("not separated"), is_said, "{policy}: {said}");
    }
}

#[test]
fn the_environment_of_another_image_is_used() {
    let daemon = FakeDaemon::start();
    let mut setup = Setup::new(&daemon, "");
    setup.policy = None;
    setup.env = vec![("CONTAINERS", "1".to_owned()), ("POST", "true".to_owned())];
    let mut gate = setup.start();
    gate.ask(get("/containers/json")).assert_ok("CONTAINERS");
    assert_eq!(gate.record()["policy"], "environment");
    let message = NOT_GRANTED.assert(&gate.ask(post("/containers/web/kill", "", "")), "POST=true");
    assert!(message.ends_with("to allow it, set POST=1"), "{message}");
    let message = NOT_GRANTED.assert(&gate.ask(get("/containers/web/export")), "hardened");
    assert!(
        message.ends_with("to allow it, set ALLOW_EXPORT=1"),
        "{message}"
    );
    assert_eq!(daemon.asked(), ["GET /containers/json HTTP/1.1"]);
    for line in [
        "(dialect: hardened)",
        "CONTAINERS=1 allows ContainerList, ContainerInspect",
        "WARN POST=true counts as 0, as in HAProxy: write POST=0 or POST=1",
    ] {
        gate.assert_tells(line);
    }
}

#[test]
fn a_reload_applies_to_open_connections() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, "allow = ['SystemInfo']");
    let mut client = gate.connect();
    client.request(get("/info"));
    client.reply().assert_ok("before");
    let (_, policy) = gate.files();
    fs::write(&policy, "allow = ['SystemVersion']").unwrap();
    gate.reload("reloaded for tcp://127.0.0.1:");
    gate.assert_tells("INFO newly allowed: SystemVersion\n");
    gate.assert_tells("INFO no longer allowed: SystemInfo\n");
    gate.reload("nothing changed: the same operations are allowed as before");
    fs::write(&policy, "allow = ['SystemVersion']\n[exec]\ninto = []").unwrap();
    gate.reload("policies whose blocks changed: ");
    client.request(get("/version"));
    client.reply().assert_ok("granted now");
    client.request(get("/info"));
    NOT_GRANTED.assert(&client.reply(), "no longer allowed");
    assert_eq!(
        daemon.asked(),
        ["GET /info HTTP/1.1", "GET /version HTTP/1.1"]
    );
}

#[test]
fn a_reload_reads_the_dialect_again() {
    let daemon = FakeDaemon::start();
    let mut setup = Setup::new(&daemon, "");
    setup.policy = None;
    setup.env = vec![("CONTAINERS", "1".to_owned())];
    let gate = setup.start();
    NOT_GRANTED.assert(&gate.ask(get("/containers/web/export")), "hardened");
    fs::write(gate.files().0, "dialect = 'tecnativa'").unwrap();
    gate.reload("reloaded for tcp://127.0.0.1:");
    gate.ask(get("/containers/web/export"))
        .assert_ok("tecnativa");
}

#[test]
fn a_reload_of_invalid_settings_keeps_the_old_ones() {
    const KEPT: &str = "the old settings stay in force";
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, "allow = ['SystemInfo']");
    let (settings, policy) = gate.files();
    for (file, text, said) in [
        (
            &policy,
            "allow = ['SystemInf']",
            "did you mean \"SystemInfo\"?",
        ),
        (
            &policy,
            "allow = ",
            "policy.toml:1:9: not valid TOML: a value is missing",
        ),
        (&settings, "denyy = []", "did you mean \"deny\"?"),
        (
            &settings,
            "[limits]\nidle = '1m'",
            "not reloaded: restart Dockgate to change limits; the old",
        ),
    ] {
        let before = fs::read_to_string(file).unwrap();
        fs::write(file, text).unwrap();
        gate.reload(KEPT);
        gate.assert_tells(said);
        gate.ask(get("/info")).assert_ok(text);
        NOT_GRANTED.assert(&gate.ask(get("/version")), text);
        fs::write(file, before).unwrap();
    }
    let before = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{before}\nallow = ['SystemVersion']")).unwrap();
    fs::write(&policy, "allow = ['SystemInfo']\nmark = 'allow'").unwrap();
    gate.reload(KEPT);
    gate.assert_tells("policy.toml: `mark`: \"allow\" is also the mark of allow, so each would");
    NOT_GRANTED.assert(&gate.ask(get("/version")), "two policies of one mark");
    fs::write(&settings, before).unwrap();
    fs::remove_file(&policy).unwrap();
    gate.reload(KEPT);
    gate.ask(get("/info"))
        .assert_ok("without its policy's file");
}

/// The health of a listener in front of this daemon.
fn health(listen: &str, upstream: &str) -> (i32, String) {
    dockgate(
        &["healthcheck"],
        &[("DOCKGATE_LISTEN", listen), ("DOCKGATE_UPSTREAM", upstream)],
    )
}

#[test]
fn health_is_an_answer_of_the_listener_and_one_of_the_daemon() {
    let daemon = FakeDaemon::start();
    // A gate that counts requests would find one too many if the check were recorded.
    let mut setup = Setup::new(&daemon, "allow = ['SystemInfo']");
    setup.listen.push("unix://{folder}/gate.sock".to_owned());
    let gate = setup.start();
    let [tcp, unix] = gate.listeners() else {
        panic!("two listeners")
    };
    for listen in [tcp.clone(), unix.clone(), format!("{tcp},{unix}")] {
        assert_eq!(
            health(&listen, daemon.upstream()),
            (0, "healthy\n".to_owned()),
            "without ping allowed, {listen}"
        );
    }
    for (listen, upstream, why) in [
        (
            "tcp://127.0.0.1:1",
            daemon.upstream(),
            "unhealthy: tcp://127.0.0.1:1 does not answer: Connection refused",
        ),
        (
            "unix:///nonexistent/x",
            daemon.upstream(),
            "unhealthy: unix:///nonexistent/x does not answer: No such file",
        ),
        (
            tcp.as_str(),
            "unix:///nonexistent/d",
            "unhealthy: unix:///nonexistent/d: the Docker daemon cannot be reached",
        ),
    ] {
        let (code, said) = health(listen, upstream);
        assert_eq!(code, 1, "{listen} {upstream}");
        assert!(said.starts_with(why), "{said}");
    }
}

#[test]
fn a_file_that_is_broken_while_a_server_runs_does_not_make_it_unhealthy() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, "allow = ['SystemInfo']");
    let policy = gate.files().0.with_file_name("broken.toml");
    fs::write(&policy, "allow = [").unwrap();
    let settings = [
        ("DOCKGATE_LISTEN", gate.listeners()[0].as_str()),
        ("DOCKGATE_UPSTREAM", daemon.upstream()),
        ("DOCKGATE_POLICY", policy.to_str().unwrap()),
    ];
    let (code, said) = dockgate(&["healthcheck"], &settings);
    assert_eq!(code, 0, "{said}");
    let warning = "warning: a restart or reload would fail: ";
    assert!(
        said.starts_with(warning) && said.ends_with("\nhealthy\n"),
        "{said}"
    );
}

#[test]
fn a_server_that_cannot_reach_the_daemon_is_not_healthy_though_the_check_can() {
    let daemon = FakeDaemon::start();
    let gate = Setup::before("unix:///nonexistent/d".to_owned(), "allow = ['SystemPing']");
    let gate = gate.start();
    let (code, said) = health(&gate.listeners()[0], daemon.upstream());
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("it cannot reach the daemon"), "{said}");
}

#[test]
fn a_daemon_that_hangs_is_not_healthy() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, "allow = ['SystemInfo']");
    let hangs = UnixListener::bind(gate.files().0.with_file_name("hangs.sock")).unwrap();
    let path = hangs.local_addr().unwrap();
    let upstream = format!("unix://{}", path.as_pathname().unwrap().display());
    let (code, said) = health(&gate.listeners()[0], &upstream);
    assert_eq!(code, 1, "F32: {said}");
    assert!(
        said.ends_with("the Docker daemon did not answer in time\n"),
        "{said}"
    );
}

#[test]
fn a_server_that_cannot_write_its_record_is_not_healthy() {
    let daemon = FakeDaemon::start();
    let settings = "[audit]\noutput = '/dev/full'";
    let mut gate = Setup::new(&daemon, "allow = []").settings(settings).start();
    gate.unrecorded = true;
    gate.assert_tells("cannot write the audit log");
    let refused = Refused(503, "audit_unavailable");
    refused.assert(&gate.ask(get("/info")), "known since the start");
    let listener = &gate.listeners()[0];
    let why = format!(
        "unhealthy: {listener} denies all requests because it cannot write the audit log\n"
    );
    assert_eq!(health(listener, daemon.upstream()), (1, why));
}

#[test]
fn a_listener_that_does_not_answer_is_blamed_only_if_the_daemon_does() {
    let daemon = FakeDaemon::start();
    let folder = Folder::new();
    let (hung, full) = (folder.path().join("hung"), folder.path().join("full"));
    let hangs = UnixListener::bind(&hung).unwrap();
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::unix(&full).unwrap()).unwrap();
    socket.listen(0).unwrap();
    let _waiting = UnixStream::connect(&full).unwrap();
    let hung = format!("unix://{}", hung.display());
    let full = format!("unix://{}", full.display());
    for listener in [&hung, &full] {
        let (code, said) = health(listener, daemon.upstream());
        let why = format!(
            "unhealthy: {listener} does not answer in 3 s, though the daemon does: all connections that \
             `limits.connections` allows are taken, or the server hangs\n"
        );
        assert_eq!((code, said), (1, why));
    }
    drop(hangs);
    let before_it = Setup::before(hung.clone(), "allow = ['SystemPing']");
    fs::remove_file(folder.path().join("hung")).unwrap();
    let hangs = UnixListener::bind(folder.path().join("hung")).unwrap();
    let gate = before_it.start();
    let (code, said) = health(&gate.listeners()[0], &hung);
    let why = format!("unhealthy: {hung}: the Docker daemon did not answer in time\n");
    assert_eq!((code, said), (1, why));
    drop(hangs);
}

#[test]
fn a_port_that_the_system_chooses_cannot_be_checked() {
    let why = "unhealthy: tcp://127.0.0.1:0 has a port that the system chose, so it cannot be checked: set a port\n";
    let checked = health("tcp://127.0.0.1:0", "unix:///nonexistent/d");
    assert_eq!(checked, (1, why.to_owned()));
}

#[test]
fn only_the_health_check_s_own_ping_is_left_out_of_the_record() {
    let daemon = FakeDaemon::start();
    let mut gate = Gate::start(&daemon, "allow = ['SystemPing', 'SystemInfo']");
    let pretends = |target: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: x\r\nUser-Agent: dockgate-healthcheck\r\n\r\n")
    };
    gate.ask(pretends("/info")).assert_ok("no ping");
    assert_eq!(gate.record()["operation"], "SystemInfo");
    gate.ask(get("/_ping")).assert_ok("a ping of a client's");
    assert_eq!(gate.record()["operation"], "SystemPing");
    let (code, said) = health(&gate.listeners()[0], daemon.upstream());
    assert_eq!((code, said.as_str()), (0, "healthy\n"));
}

#[test]
fn a_record_for_people_is_a_line_of_words() {
    let daemon = FakeDaemon::start();
    let folder = Folder::new();
    let file = folder.path().join("audit.log");
    let settings = format!("[audit]\nformat = 'text'\noutput = '{}'", file.display());
    let setup = Setup::new(&daemon, "allow = ['SystemInfo']").settings(&settings);
    let mut gate = setup.start();
    gate.unrecorded = true;
    gate.ask(get("/info")).assert_ok("granted");
    NOT_GRANTED.assert(&gate.ask(get("/version")), "refused");
    drop(gate);
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let [start, lines @ .., stop] = &*lines else {
        panic!("{text}");
    };
    assert_eq!(lines.len(), 2, "{text}");
    assert!(start.contains("Z start version 0."), "{text}");
    assert!(stop.contains("Z stop version 0."), "{text}");
    assert!(
        lines[0].contains("Z allow 200 GET /info SystemInfo 127.0.0.1:"),
        "{text}"
    );
    assert!(
        lines[1].contains("Z deny 403 GET /version SystemVersion 127.0.0.1:"),
        "{text}"
    );
    assert!(
        lines[1].ends_with("to allow it, add \"SystemVersion\" to allow"),
        "{text}"
    );
}

#[test]
fn files_that_others_can_write_are_only_read_from_read_only_mounts() {
    const MOUNTED: &str = "mount --bind $0 $0 && mount -o remount,bind,$1 $0 && shift && exec $@";
    let folder = Folder::new();
    let policy = folder.write("policy.toml", "allow = ['SystemInfo']");
    chown(&policy, Some(1000), None).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    for (options, code) in [("rw", 78), ("ro", 0)] {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", MOUNTED]);
        command.arg(folder.path()).arg(options);
        command.args([env!("CARGO_BIN_EXE_dockgate"), "check"]);
        let output = command.arg(&policy).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{options}: {said}");
        assert_eq!(
            said.contains("user 1000 can write it"),
            code == 78,
            "{said}"
        );
    }
}

#[test]
fn a_renamed_log_file_is_kept_and_an_emptied_one_is_restarted() {
    let daemon = FakeDaemon::start();
    let folder = Folder::new();
    let (file, old) = (folder.path().join("audit"), folder.path().join("audit.1"));
    let settings = format!("audit.output = '{}'", file.display());
    let setup = Setup::new(&daemon, "allow = ['SystemInfo']").settings(&settings);
    let mut gate = setup.start();
    gate.unrecorded = true;
    let lines = |count: usize| {
        gate.ask(get("/info")).assert_ok("granted");
        eventually("the lines of the record", || {
            let text = fs::read_to_string(&old).unwrap();
            let count_now = text.matches(r#""event":"request""#).count();
            (count_now == count && text.starts_with('{')).then_some(())
        });
    };
    fs::rename(&file, &old).unwrap();
    lines(1);
    gate.reload("reloaded for ");
    lines(2);
    File::options()
        .write(true)
        .truncate(true)
        .open(&old)
        .unwrap();
    lines(1);
    assert!(!file.exists());
}

#[test]
fn the_command_of_another_image_is_ignored() {
    let folder = Folder::new();
    let socket = folder.path().join("none.sock");
    let (code, said) = dockgate(
        &["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"],
        &[
            ("LOG_LEVEL", "loud"),
            ("DOCKGATE_UPSTREAM", &format!("unix://{}", socket.display())),
        ],
    );
    assert_eq!(code, 78);
    assert!(said.contains("LOG_LEVEL"), "{said}");
}

#[test]
fn check_reports_what_a_start_would() {
    let daemon = FakeDaemon::start();
    let upstream = daemon.upstream();
    let (code, said) = dockgate(
        &["check"],
        &[
            ("DOCKGATE_UPSTREAM", upstream),
            ("CONTAINERS", "1"),
            ("ALLOW_LOGS", "1"),
        ],
    );
    assert_eq!(code, 0, "{said}");
    for line in [
        "using Tecnativa-style variables (dialect: hardened)",
        "warning: ALLOW_LOGS has no effect: it works only with DOCKGATE_DIALECT=linuxserver",
        "connected to Docker Engine 26.1.5 (API 1.24-1.45) at unix://",
        "policy       environment allows 6 read, 4 content operations",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
}

#[test]
fn a_verbose_check_cuts_no_list_short() {
    let daemon = FakeDaemon::start();
    let env = [
        ("DOCKGATE_UPSTREAM", daemon.upstream()),
        ("DOCKGATE_DIALECT", "linuxserver"),
        ("CONTAINERS", "1"),
        ("POST", "1"),
        ("LIBPOD_CONTAINERS", "1"),
    ];
    let (_, short) = dockgate(&["check"], &env);
    let (code, said) = dockgate(&["check", "--verbose"], &env);
    assert_eq!(code, 0, "{said}");
    assert!(short.contains(" more"), "{short}");
    assert!(!said.contains(" more"), "{said}");
    let raw_paths = "  raw paths: GET /libpod/containers/..., ";
    assert!(said.contains(raw_paths), "{said}");
    assert!(
        said.contains("; except GET /libpod/containers/{}/"),
        "{said}"
    );
    let folder = Folder::new();
    let file = folder.write(
        "raw.toml",
        "allow = ['GET /libpod/info', 'GET /libpod/pods/{}/top']",
    );
    let (code, said) = dockgate(&["check", "--verbose", file.to_str().unwrap()], &[]);
    assert_eq!(code, 0, "{said}");
    for line in [
        "raw.toml: 0 operations and 2 raw paths\n",
        "  raw paths: GET /libpod/info, GET /libpod/pods/{}/top\n",
    ] {
        assert!(said.contains(line), "{said}");
    }
}

#[test]
fn an_empty_name_on_the_command_line_is_reported() {
    for arguments in [
        &["serve", "--policy", ","][..],
        &["serve", "--listen", "tcp://127.0.0.1:0,"],
        &["serve", "--upstream", ""],
        &["explain", "--policy", "", "GET", "/info"],
    ] {
        let (code, said) = dockgate(arguments, &[]);
        assert_eq!(code, 2, "{arguments:?}: {said}");
        let told = format!("a value is required for '{} <", arguments[1]);
        assert!(said.contains(&told), "{arguments:?}: {said}");
    }
}

#[test]
fn an_audit_log_that_goes_nowhere_is_reported() {
    let daemon = FakeDaemon::start();
    let told = |redirected: &str, settings: &str| {
        let command = format!("exec \"$@\" {redirected}");
        let setup = Setup::new(&daemon, "allow = []").settings(settings);
        let mut gate = setup.through(&["sh", "-c", &command, "sh"]).start();
        gate.unrecorded = true;
        let told = "WARN the audit log goes nowhere, because stdout is closed or /dev/null: redirect it, or set `audit.output`";
        gate.end().1.contains(told)
    };
    assert!(told(">&-", "") && told(">/dev/null", ""));
    assert!(!told("", "") && !told(">&-", "audit.output = 'none'"));
}

#[test]
fn an_audit_log_that_cannot_be_opened_is_reported_with_its_path() {
    let output = ("DOCKGATE_AUDIT__OUTPUT", "/nonexistent/audit.jsonl");
    let listen = ("DOCKGATE_LISTEN", "tcp://127.0.0.1:0");
    let (code, said) = dockgate(&["serve"], &[output, listen]);
    let want = "ERROR cannot open the audit log at /nonexistent/audit.jsonl: change `audit.output`: No such file";
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(want), "{said}");
}

/// A path of 108 bytes.
const LONG: &str = "unix:///run/sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss";

/// An environment, and the part of the message that an operator needs.
const WRONG: &[(&[(&str, &str)], &str)] = &[
    (
        &[("DOCKGATE_POLCY", "traefik")],
        "DOCKGATE_POLCY: `polcy`: unknown key: did you mean DOCKGATE_POLICY?",
    ),
    (
        &[("DOCKGATE_POLICY", "traefick")],
        "no built-in policy has this name: did you mean \"traefik\"?",
    ),
    (
        &[("DOCKGATE_DIALECT", "tecnativ")],
        "DOCKGATE_DIALECT: `dialect`: `tecnativ` must be one of hardened, linuxserver, tecnativa: did you mean \"tecnativa\"?",
    ),
    (
        &[("DOCKGATE_LISTEN", "tcp://127.0.0.1:1,tcp://127.0.0.1:1")],
        "tcp://127.0.0.1:1 is listed twice: remove one",
    ),
    (
        &[("LOG_LEVEL", "loud")],
        "LOG_LEVEL: `loud` must be one of emerg, alert, crit, err, warning, notice, info, debug",
    ),
    (
        &[("SOCKET_PATH", "docker.sock")],
        "SOCKET_PATH: `docker.sock` must be a path or host:port",
    ),
    (
        &[("BIND_CONFIG", "nobody:2375")],
        "BIND_CONFIG: `nobody:2375` must be an IP address and port, or a path: write [::]:2375, or /run/dockgate.sock",
    ),
    (
        &[("BIND_CONFIG", "/run/x.sock mode 6")],
        "BIND_CONFIG: `mode 6` lets nobody connect: write mode 660, or mode 666 for everybody",
    ),
    (
        &[("BIND_CONFIG", ":2375 ssl crt /a.pem")],
        "BIND_CONFIG: `ssl` is not supported",
    ),
    (
        &[("DOCKGATE_UPSTREAM", "tcp://localhost:2375")],
        "`upstream`: tcp://localhost:2375 is Dockgate's own address, because `listen` is tcp://127.0.0.1:2375",
    ),
    (
        &[("DOCKGATE_UPSTREAM", "tcp://engine:0")],
        "DOCKGATE_UPSTREAM: `upstream`: `engine:0` is not a host and a port: write tcp://engine:2375",
    ),
    (
        &[("DOCKGATE_UPSTREAM", "tcp://me:secret@engine:2375")],
        "DOCKGATE_UPSTREAM: `upstream`: an address cannot have a user or a password",
    ),
    (
        &[("DOCKGATE_LISTEN", LONG)],
        "is too long: the path of a socket has at most 107 bytes",
    ),
    (
        &[("DOCKGATE_AUDIT__FORMAT", "yaml")],
        "`audit.format`: `yaml` must be one of json, text",
    ),
];

#[test]
fn each_invalid_input_has_its_message_and_does_not_start() {
    for (environment, want) in WRONG {
        let (code, said) = dockgate(&["serve"], environment);
        assert_eq!(code, 78, "{environment:?}: {said}");
        assert!(said.contains(want), "{environment:?}: {said}");
    }
}
