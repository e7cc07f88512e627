//! The user that dockgate runs as, according to the kernel's information about its threads; and its
//! messages about a socket that it may not open.
//!
//! These tests need root: they start dockgate as several users and in separate namespaces.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::folder::Folder;
use crate::support::{FakeDaemon, Gate, LIMIT, Refused, Setup, eventually, get, without_settings};

const UNREACHABLE: Refused = Refused(502, "daemon_unreachable");

/// A policy for the only operation that is requested here.
const INFO: &str = r#"allow = ["SystemInfo"]"#;

/// The sets that are empty after a process has given up everything.
const OWN_SETS: [&str; 4] = ["CapInh", "CapPrm", "CapEff", "CapAmb"];

/// The fields of `/proc/PID/status` that say what a thread may do, for each thread.
fn threads(gate: &Gate) -> Vec<HashMap<String, String>> {
    let tasks = fs::read_dir(format!("/proc/{}/task", gate.pid())).unwrap();
    let threads = tasks.map(|task| {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let fields = status.lines().filter_map(|line| line.split_once(':'));
        fields
            .map(|(name, value)| {
                let words: Vec<_> = value.split_whitespace().collect();
                (name.to_owned(), words.join(" "))
            })
            .collect()
    });
    threads.collect()
}

/// Fails unless every thread has these ids permanently, and no capability that it could use.
#[track_caller]
fn assert_runs_as(gate: &Gate, uid: u32, gid: u32, groups: &str, case: &str) {
    let threads = threads(gate);
    assert!(threads.len() > 1, "{case}: only one thread");
    for thread in threads {
        // Real, effective, saved, and file system id.
        let all_of = |id: u32| [id; 4].map(|id| id.to_string()).join(" ");
        assert_eq!(thread["Uid"], all_of(uid), "{case}: {thread:?}");
        assert_eq!(thread["Gid"], all_of(gid), "{case}: {thread:?}");
        assert_eq!(thread["Groups"], groups, "{case}: {thread:?}");
        for set in OWN_SETS {
            assert_eq!(
                thread[set], "0000000000000000",
                "{case}: {set} of {thread:?}"
            );
        }
        assert_eq!(thread["NoNewPrivs"], "1", "{case}: {thread:?}");
    }
}

/// Fails unless no thread could regain a capability in any way.
#[track_caller]
fn assert_bounded(gate: &Gate, case: &str) {
    for thread in threads(gate) {
        assert_eq!(thread["CapBnd"], "0000000000000000", "{case}: {thread:?}");
    }
}

fn path_of(daemon: &FakeDaemon) -> PathBuf {
    daemon.upstream().strip_prefix("unix://").unwrap().into()
}

fn at(path: &Path) -> String {
    format!("unix://{}", path.display())
}

fn own(path: &Path, uid: u32, gid: u32, mode: u32) {
    chown(path, Some(uid), Some(gid)).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A daemon whose socket has this owner, group and mode.
fn daemon(uid: u32, gid: u32, mode: u32) -> FakeDaemon {
    let daemon = FakeDaemon::start();
    own(&path_of(&daemon), uid, gid, mode);
    daemon
}

#[test]
fn root_takes_the_socket_s_group_and_gives_up_all_else() {
    let daemon = daemon(0, 998, 0o660);
    let gate = Gate::start(&daemon, INFO);
    gate.ask(get("/info")).assert_ok("with the group");
    assert_runs_as(&gate, 65_532, 65_532, "998", "root");
    assert_bounded(&gate, "root");
    let told = format!(
        "runs as      user 65532, group 65532, with group 998 of {}",
        path_of(&daemon).display()
    );
    gate.assert_tells(&told);
}

#[test]
fn a_policy_that_a_reload_cannot_read_is_reported_at_start() {
    const TOLD: &str = "WARN a reload would fail: ";
    let daemon = daemon(0, 998, 0o660);
    let folder = Folder::new();
    for (mode, is_told) in [(0o600, true), (0o644, false)] {
        let policy = folder.write("closed.toml", INFO);
        own(&policy, 0, 0, mode);
        let settings = format!("policy = ['{}']", policy.display());
        let mut setup = Setup::new(&daemon, INFO).settings(&settings);
        setup.policy = None;
        let gate = setup.start();
        gate.ask(get("/info")).assert_ok("as it was read in time");
        let said = gate.end().1;
        let why = format!(
            "\"{0}\": user 65532 cannot read it: run `chmod o+r {0}`",
            policy.display()
        );
        assert_eq!(
            said.contains(TOLD) && said.contains(&why),
            is_told,
            "{said}"
        );
    }
}

/// Fails unless root switches to these ids for a socket with this owner, group and mode, and says
/// so.
#[track_caller]
fn assert_becomes(
    (uid, gid, mode): (u32, u32, u32),
    run_as: Option<&str>,
    want: (u32, u32, &str),
    told: &str,
) {
    let daemon = daemon(uid, gid, mode);
    let mut setup = Setup::new(&daemon, INFO);
    setup
        .env
        .extend(run_as.map(|ids| ("DOCKGATE_RUN_AS", ids.to_owned())));
    let gate = setup.start();
    gate.ask(get("/info")).assert_ok(told);
    assert_runs_as(&gate, want.0, want.1, want.2, told);
    assert_bounded(&gate, told);
    gate.assert_tells(told);
}

#[test]
fn root_becomes_the_least_privileged_user_that_may_open_the_socket() {
    for (owner, want, told) in [
        (
            (0, 998, 0o666),
            (65_532, 65_532, ""),
            "runs as      user 65532",
        ),
        ((0, 0, 0o660), (65_532, 65_532, "0"), "with group 0 of "),
        (
            (1000, 1000, 0o600),
            (1000, 65_532, ""),
            "only the owner of ",
        ),
        (
            (0, 998, 0o600),
            (0, 0, ""),
            "WARN keeps running as root (no capabilities): only root can open ",
        ),
    ] {
        assert_becomes(owner, None, want, told);
    }
}

#[test]
fn root_becomes_the_configured_user() {
    let owner = (0, 998, 0o660);
    for (ids, want, told) in [
        (
            "1000:1001",
            (1000, 1001, "998"),
            "runs as      user 1000, group 1001, with group 998 of ",
        ),
        (
            "1000:998",
            (1000, 998, ""),
            "runs as      user 1000, group 998",
        ),
        (
            "0:0",
            (0, 0, ""),
            "runs as      root without capabilities, because of `run_as`",
        ),
    ] {
        assert_becomes(owner, Some(ids), want, told);
    }
}

#[test]
fn a_daemon_behind_tcp_needs_no_group() {
    let daemon = FakeDaemon::on_tcp(|exchange| exchange.reply("200 OK", "", b"{}"));
    // A name, which a separate thread looks up.
    let upstream = daemon.upstream().replace("127.0.0.1", "localhost");
    let gate = Setup::before(upstream, INFO).start();
    gate.ask(get("/info")).assert_ok("by TCP");
    assert!(threads(&gate).len() > 2, "a thread that came later");
    assert_runs_as(&gate, 65_532, 65_532, "", "by TCP");
    assert_bounded(&gate, "by TCP");
}

#[test]
fn a_socket_in_a_folder_of_its_owner_is_opened_as_its_owner() {
    let daemon = daemon(1000, 1000, 0o660);
    let folder = path_of(&daemon).parent().unwrap().to_owned();
    own(&folder, 1000, 1000, 0o700);
    let gate = Gate::start(&daemon, INFO);
    gate.ask(get("/info")).assert_ok("in a private folder");
    assert_runs_as(&gate, 1000, 65_532, "", "in a private folder");
}

#[test]
fn root_without_the_capabilities_keeps_running_and_says_so() {
    for (case, dropped) in [
        ("cap_drop: [ALL]", "--bounding-set=-all"),
        ("cap_drop: [SETUID]", "--bounding-set=-setuid"),
        ("cap_drop: [SETGID]", "--bounding-set=-setgid"),
    ] {
        let daemon = daemon(0, 998, 0o660);
        let setup = Setup::new(&daemon, INFO);
        let gate = setup
            .through(&["setpriv", "--inh-caps=-all", dropped])
            .start();
        gate.ask(get("/info")).assert_ok(case);
        assert_runs_as(&gate, 0, 0, "", case);
        assert_bounded(&gate, case);
        let told = "keeps running as root (no capabilities): CAP_SETUID or CAP_SETGID is missing. To run unprivileged, \
            write `cap_add: [SETUID, SETGID]`, or write `user: \"65532:998\"`";
        gate.assert_tells(told);
    }
}

#[test]
fn a_hardened_container_loses_nothing() {
    let read_only = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        "mount -o remount,bind,ro / && exec \"$@\"",
        "sh",
    ];
    let locked = ["setpriv", "--no-new-privs"];
    let dropped = [
        "setpriv",
        "--no-new-privs",
        "--inh-caps=-all",
        "--bounding-set=-all",
    ];
    let added = [
        "setpriv",
        "--no-new-privs",
        "--inh-caps=-all",
        "--bounding-set=-all,+setuid,+setgid,+setpcap",
    ];
    let user = ["--reuid=65534", "--regid=998", "--clear-groups"];
    for (case, command, want) in [
        ("no_new_privs", locked.to_vec(), (65_532, 65_532, "998")),
        (
            "read_only",
            [&read_only[..], &locked].concat(),
            (65_532, 65_532, "998"),
        ),
        (
            "read_only, cap_drop",
            [&read_only[..], &dropped].concat(),
            (0, 0, ""),
        ),
        (
            "read_only, cap_drop, cap_add",
            [&read_only[..], &added].concat(),
            (65_532, 65_532, "998"),
        ),
        (
            "read_only, cap_drop, user",
            [&read_only[..], &dropped, &user].concat(),
            (65_534, 998, ""),
        ),
    ] {
        let daemon = daemon(0, 998, 0o660);
        let gate = Setup::new(&daemon, INFO).through(&command).start();
        gate.ask(get("/info")).assert_ok(case);
        assert_runs_as(&gate, want.0, want.1, want.2, case);
        assert_bounded(&gate, case);
        if case.starts_with("read_only") {
            // As the process itself sees it.
            let mounts = fs::read_to_string(format!("/proc/{}/mounts", gate.pid())).unwrap();
            let root = mounts
                .lines()
                .find(|line| line.split(' ').nth(1) == Some("/"));
            assert!(root.unwrap().contains(" ro,"), "{case}: {root:?}");
        }
    }
}

#[test]
fn a_user_stays_who_it_is() {
    let user = ["setpriv", "--reuid=1000", "--regid=1000", "--groups=27,998"];
    for (case, ids, told) in [
        ("as it is", None, None),
        ("as asked", Some("1000:1000"), None),
        (
            "asked for another",
            Some("65532:65532"),
            Some("`run_as` has no effect: Dockgate was started as user 1000"),
        ),
    ] {
        let daemon = daemon(0, 998, 0o660);
        let mut setup = Setup::new(&daemon, INFO).through(&user);
        setup
            .env
            .extend(ids.map(|ids| ("DOCKGATE_RUN_AS", ids.to_owned())));
        let gate = setup.start();
        gate.ask(get("/info")).assert_ok(case);
        assert_runs_as(&gate, 1000, 1000, "27 998", case);
        let seen = gate.end().1;
        assert_eq!(told.is_some(), seen.contains("run_as"), "{case}: {seen}");
        assert!(
            told.is_none_or(|told| seen.contains(told)),
            "{case}: {seen}"
        );
    }
}

#[test]
fn root_as_the_real_user_is_given_up_too() {
    let daemon = daemon(1000, 1000, 0o600);
    let user = ["setpriv", "--euid=1000", "--egid=1000", "--clear-groups"];
    let gate = Setup::new(&daemon, INFO).through(&user).start();
    gate.ask(get("/info")).assert_ok("as the effective user");
    assert_runs_as(&gate, 1000, 1000, "", "root is the real user");
    let told = "runs as      user 1000, group 1000 only: it was also started with the real user 0 and group 0, which are given up";
    gate.assert_tells(told);
}

#[test]
fn an_ambient_capability_is_given_up_too() {
    let daemon = daemon(0, 998, 0o666);
    let ambient = [
        "setpriv",
        "--reuid=1000",
        "--regid=1000",
        "--clear-groups",
        "--inh-caps=+net_bind_service",
        "--ambient-caps=+net_bind_service",
    ];
    let mut setup = Setup::new(&daemon, INFO).through(&ambient);
    // What it is there for.
    setup.listen = vec!["tcp://127.77.0.1:77".to_owned()];
    let gate = setup.start();
    gate.ask(get("/info")).assert_ok("on a low port");
    assert_runs_as(&gate, 1000, 1000, "", "ambient");
}

#[test]
fn dockgate_starts_on_a_system_without_the_wanted_ids() {
    let daemon = daemon(0, 0, 0o660);
    // A user namespace in which only root exists.
    let command = ["unshare", "--user", "--map-root-user"];
    let gate = Setup::new(&daemon, INFO).through(&command).start();
    gate.ask(get("/info")).assert_ok("in a user namespace");
    for thread in threads(&gate) {
        assert_eq!(thread["CapEff"], "0000000000000000", "{thread:?}");
        assert_eq!(thread["CapBnd"], "0000000000000000", "{thread:?}");
        assert_eq!(thread["NoNewPrivs"], "1", "{thread:?}");
    }
    gate.assert_tells("the system does not allow user 65532, group 65532");
}

#[test]
fn a_socket_without_permission_is_reported_with_the_line_to_write_and_serves_once_permitted() {
    let daemon = daemon(0, 998, 0o660);
    let path = path_of(&daemon);
    let user = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
    let gate = Setup::new(&daemon, INFO).through(&user).start();
    let told = format!(
        "Dockgate (running as user 1000, group 1000, no other groups) cannot open {} (owner 0, group 998, \
         mode 0660): write `group_add: [\"998\"]`",
        path.display()
    );
    let times = |gate: &Gate| gate.diagnostics().matches(&told).count();
    for _ in 0..3 {
        let message = UNREACHABLE.assert(&gate.ask(get("/info")), "closed");
        assert!(!message.contains("998"), "F31: {message}");
    }
    eventually("the reason", || (times(&gate) == 1).then_some(()));
    own(&path, 0, 998, 0o666);
    gate.ask(get("/info")).assert_ok("opened");
    own(&path, 0, 998, 0o660);
    for _ in 0..3 {
        UNREACHABLE.assert(&gate.ask(get("/info")), "closed again");
    }
    eventually("the reason again", || (times(&gate) > 1).then_some(()));
    // Its complete output, after it has ended.
    let said = gate.end().1;
    assert_eq!(said.matches(&told).count(), 2, "once for each time: {said}");
}

#[test]
fn a_socket_in_a_folder_without_permission_is_reported_with_the_folder() {
    let daemon = daemon(0, 998, 0o666);
    let folder = path_of(&daemon).parent().unwrap().to_owned();
    own(&folder, 0, 998, 0o750);
    let user = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
    let gate = Setup::new(&daemon, INFO).through(&user).start();
    UNREACHABLE.assert(&gate.ask(get("/info")), "closed");
    let told = format!(
        "Dockgate (running as user 1000, group 1000, no other groups) cannot open {} (owner 0, group 998, \
         mode 0750): write `group_add: [\"998\"]`",
        folder.display()
    );
    gate.assert_tells(&told);
}

#[test]
fn without_a_socket_it_waits_as_root_without_capabilities() {
    let folder = Folder::new();
    let gate = Setup::before(FakeDaemon::upstream_in(&folder), INFO).start();
    assert_runs_as(&gate, 0, 0, "", "no socket");
    assert_bounded(&gate, "no socket");
    let told = " does not exist yet, so its group is unknown. Start Dockgate after the daemon";
    gate.assert_tells(told);
    UNREACHABLE.assert(&gate.ask(get("/info")), "no socket");
    gate.assert_tells(": there is no ");
    let away = "cannot reach the daemon at ";
    let said = gate.diagnostics();
    assert_eq!(said.matches(away).count(), 1, "once: {said}");
    let daemon = FakeDaemon::start_in(folder);
    own(&path_of(&daemon), 0, 998, 0o660);
    gate.ask(get("/info")).assert_ok("with the daemon");
}

#[test]
fn a_folder_instead_of_the_socket_is_reported() {
    let folder = Folder::new();
    let place = folder.path().join("docker.sock");
    fs::create_dir(&place).unwrap();
    let gate = Setup::before(format!("unix://{}", place.display()), INFO).start();
    UNREACHABLE.assert(&gate.ask(get("/info")), "a folder");
    let told = format!(
        "{} is a folder: Docker creates one if the source of a mount is missing",
        place.display()
    );
    gate.assert_tells(&told);
}

/// Gives the file an access list that allows what its mode allows, except for user 1000.
const SHUT_OUT: &str = "
import os, struct, sys
entries = [(1, 6, -1), (2, 0, 1000), (4, 6, -1), (16, 6, -1), (32, 6, -1)]
packed = b''.join(struct.pack('<HHi', *entry) for entry in entries)
os.setxattr(sys.argv[1], 'system.posix_acl_access', struct.pack('<I', 2) + packed)
";

#[test]
fn a_denial_that_the_mode_does_not_explain_is_blamed_on_a_security_module() {
    let daemon = daemon(0, 998, 0o666);
    let path = path_of(&daemon);
    let shut = Command::new("python3")
        .arg("-c")
        .arg(SHUT_OUT)
        .arg(&path)
        .status();
    assert!(shut.unwrap().success());
    let user = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
    let gate = Setup::new(&daemon, INFO).through(&user).start();
    UNREACHABLE.assert(&gate.ask(get("/info")), "shut out");
    let told = "(owner 0, group 998, mode 0666) is open to user 1000, group 1000, but a security \
        module such as SELinux denies access: write `security_opt: [label=disable]`";
    gate.assert_tells(told);
}

#[test]
fn a_socket_that_was_replaced_under_its_mount_is_reported() {
    let folder = Folder::new();
    let container = Folder::new();
    let mounted = container.write("mounted.sock", "");
    let host = folder.path().join("d.sock");
    let daemon = FakeDaemon::start_in(folder);
    let script = format!(
        "mount --bind {} {} && exec \"$@\"",
        host.display(),
        mounted.display()
    );
    let command = ["unshare", "--mount", "sh", "-c", &script, "sh"];
    let gate = Setup::before(at(&mounted), INFO).through(&command).start();
    gate.ask(get("/info")).assert_ok("the first socket");
    drop(daemon);
    // The daemon is back, with a new socket that the mount does not show.
    let anew = Folder::at(host.parent().unwrap());
    let _daemon = UnixListener::bind(&host).unwrap();
    let start = Instant::now();
    let told = "the socket has refused connections for 1";
    while !gate.diagnostics().contains(told) {
        UNREACHABLE.assert(&gate.ask(get("/info")), "the old socket");
        assert!(start.elapsed() < 2 * LIMIT, "{}", gate.diagnostics());
        sleep(Duration::from_millis(250));
    }
    assert!(
        start.elapsed() > Duration::from_secs(10),
        "after {:?}",
        start.elapsed()
    );
    gate.assert_tells("mount the file's folder instead, or restart this container");
    let pid = gate.pid().to_string();
    let health = without_settings(&mut Command::new("nsenter"))
        .args(["--mount", "--target", &pid, env!("CARGO_BIN_EXE_dockgate")])
        .args([
            "healthcheck",
            "--listen",
            &gate.listeners()[0],
            "--upstream",
        ])
        .arg(at(&mounted))
        .output()
        .unwrap();
    let said = String::from_utf8(health.stdout).unwrap();
    assert_eq!(health.status.code(), Some(1), "{said}");
    assert!(said.starts_with("unhealthy: unix://"), "{said}");
    drop(anew);
}

#[test]
fn the_health_check_asks_with_the_rights_of_the_server() {
    let daemon = daemon(0, 0, 0o600);
    let mut setup = Setup::new(&daemon, INFO);
    setup.env.push(("DOCKGATE_RUN_AS", "1000:1000".to_owned()));
    let gate = setup.start();
    UNREACHABLE.assert(
        &gate.ask(get("/info")),
        "only for root, but run_as says otherwise",
    );
    let health = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dockgate"));
        let listen = &gate.listeners()[0];
        let command = without_settings(&mut command)
            .arg("healthcheck")
            .args(["--listen", listen, "--upstream", daemon.upstream()])
            .env("DOCKGATE_RUN_AS", "1000:1000");
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (code, said) = health();
    let why = "Dockgate (running as user 1000, group 1000, no other groups) cannot open ";
    assert!(code == Some(1) && said.contains(why), "{said}");
    own(&path_of(&daemon), 0, 1000, 0o660);
    gate.ask(get("/info")).assert_ok("its group's");
    assert_eq!(health(), (Some(0), "healthy\n".to_owned()));
}
