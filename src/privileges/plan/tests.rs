use super::*;
use crate::privileges::access::Owned;

const SOCKET: &str = "/var/run/docker.sock";

fn ids(uid: u32, gid: u32, groups: &[u32]) -> Ids {
    Ids {
        uid,
        gid,
        groups: groups.to_vec(),
    }
}

fn root(may_change: bool) -> Start {
    Start {
        ids: ids(0, 0, &[]),
        may_change,
    }
}

fn owned(path: &str, uid: u32, gid: u32, mode: u32) -> Owned {
    Owned {
        path: path.into(),
        uid,
        gid,
        mode,
    }
}

/// A socket in a folder that everybody may enter.
fn socket(uid: u32, gid: u32, mode: u32) -> Found {
    behind(owned("/var/run", 0, 0, 0o755), uid, gid, mode)
}

fn behind(folder: Owned, uid: u32, gid: u32, mode: u32) -> Found {
    Found::Socket(Way {
        folders: vec![folder, owned("/", 0, 0, 0o755)],
        socket: owned(SOCKET, uid, gid, mode),
    })
}

fn asked(text: &str) -> RunAs {
    RunAs::parse(text).unwrap()
}

fn user(uid: u32, gid: u32, groups: &[u32]) -> Start {
    Start {
        ids: ids(uid, gid, groups),
        may_change: true,
    }
}

/// What root decides by default before a socket.
fn by_default(found: &Found) -> Plan {
    plan(&root(true), RunAs::DEFAULT, Some(found))
}

#[test]
fn root_becomes_nobody_with_the_socket_s_group_if_that_helps() {
    for (case, (uid, gid, mode), groups) in [
        ("dockerd's", (0, 998, 0o660), &[998][..]),
        ("root's group", (0, 0, 0o660), &[0]),
        ("writing is enough", (0, 998, 0o620), &[998]),
        ("everybody's", (0, 998, 0o666), &[]),
        ("all but the group's", (0, 998, 0o606), &[]),
        ("our own group's", (0, 65_532, 0o660), &[]),
        ("our own", (65_532, 998, 0o600), &[]),
        ("nobody's", (0, 0, 0o000), &[]),
    ] {
        let want = Plan::Become(ids(65_532, 65_532, groups), Choice::RunAs);
        assert_eq!(by_default(&socket(uid, gid, mode)), want, "{case}");
    }
    let by_tcp = plan(&root(true), RunAs::DEFAULT, None);
    assert_eq!(
        by_tcp,
        Plan::Become(ids(65_532, 65_532, &[]), Choice::RunAs)
    );
}

#[test]
fn root_becomes_the_socket_s_owner_or_stays_where_no_other_may_open_it() {
    let of_1000 = || owned("/run/user/1000", 1000, 1000, 0o700);
    let of_root = || owned("/run/private", 0, 0, 0o700);
    let owner = || Plan::Become(ids(1000, 65_532, &[]), Choice::Owner);
    let root = |groups: &[u32]| Plan::Become(ids(0, 0, groups), Choice::OnlyRoot);
    for (case, found, want) in [
        ("another owner's", socket(1000, 1000, 0o600), owner()),
        (
            "in its owner's folder",
            behind(of_1000(), 1000, 1000, 0o660),
            owner(),
        ),
        ("root's alone", socket(0, 0, 0o600), root(&[])),
        ("reading is not enough", socket(0, 998, 0o640), root(&[])),
        (
            "in root's folder",
            behind(of_root(), 0, 998, 0o660),
            root(&[]),
        ),
        (
            "another's in root's folder",
            behind(of_root(), 1000, 998, 0o660),
            root(&[998]),
        ),
    ] {
        assert_eq!(by_default(&found), want, "{case}");
    }
}

#[test]
fn ids_that_were_asked_for_are_taken_and_no_others() {
    let dockerd = Some(socket(0, 998, 0o660));
    let roots = Some(socket(0, 0, 0o600));
    let folder = Some(Found::Other { is_folder: true });
    for (case, text, found, want) in [
        (
            "with the group",
            "1000:1000",
            &dockerd,
            ids(1000, 1000, &[998]),
        ),
        ("in the group", "1000:998", &dockerd, ids(1000, 998, &[])),
        ("root", "0:0", &dockerd, ids(0, 0, &[])),
        ("root's alone", "1000:1000", &roots, ids(1000, 1000, &[])),
        (
            "the default",
            "65532:65532",
            &roots,
            ids(65_532, 65_532, &[]),
        ),
        (
            "no socket yet",
            "1000:998",
            &Some(Found::Missing),
            ids(1000, 998, &[]),
        ),
        ("a folder", "1000:998", &folder, ids(1000, 998, &[])),
        ("TCP", "1000:998", &None, ids(1000, 998, &[])),
    ] {
        let plan = plan(&root(true), asked(text), found.as_ref());
        assert_eq!(plan, Plan::Become(want, Choice::RunAs), "{case}");
    }
    let start = user(0, 0, &[0, 27, 998]);
    let want = Plan::Become(ids(1000, 1000, &[27, 998]), Choice::RunAs);
    let missing = plan(&start, asked("1000:1000"), Some(&Found::Missing));
    assert_eq!(missing, want, "one of the groups may be the socket's");
    let want = Plan::Become(ids(1000, 1000, &[998]), Choice::RunAs);
    let there = plan(&start, asked("1000:1000"), dockerd.as_ref());
    assert_eq!(there, want, "the socket's group is known");
}

#[test]
fn ids_are_kept_where_they_must_be() {
    let user = user(1000, 1000, &[27]);
    let (default, root) = (RunAs::DEFAULT, root(false));
    let found = socket(0, 998, 0o660);
    for (case, start, run_as, want) in [
        ("a user", &user, default, Kept::NotRoot),
        ("a user, as asked", &user, asked("1000:1000"), Kept::NotRoot),
        (
            "another user",
            &user,
            asked("65532:1000"),
            Kept::NotRootButAsked,
        ),
        (
            "another group",
            &user,
            asked("1000:998"),
            Kept::NotRootButAsked,
        ),
        ("root", &user, asked("0:0"), Kept::NotRootButAsked),
        ("no capability", &root, default, Kept::MayNotChange),
        ("none, and asked", &root, asked("1:1"), Kept::MayNotChange),
    ] {
        assert_eq!(
            plan(start, run_as, Some(&found)),
            Plan::Keep(want),
            "{case}"
        );
    }
    let closed = Found::Closed(owned("/run/user/1000", 1000, 1000, 0o700));
    for found in [Found::Missing, Found::Other { is_folder: true }, closed] {
        assert_eq!(
            by_default(&found),
            Plan::Keep(Kept::SocketUnknown),
            "{found:?}"
        );
    }
}

#[track_caller]
fn assert_line(start: &Start, run_as: RunAs, found: Option<&Found>, want: &str) {
    let line = plan(start, run_as, found).line(start, Path::new(SOCKET), found);
    assert_eq!(line.unwrap_or_default(), want);
}

#[test]
fn the_decision_is_reported_with_its_reason() {
    for (found, want) in [
        (
            Some(socket(0, 998, 0o660)),
            "runs as user 65532, group 65532, with group 998 of /var/run/docker.sock",
        ),
        (None, "runs as user 65532, group 65532"),
        (
            Some(socket(1000, 1000, 0o600)),
            "runs as user 1000, group 65532, because only the owner of /var/run/docker.sock can open it",
        ),
        (
            Some(socket(0, 0, 0o600)),
            "warning: keeps running as root (no capabilities): only root can open /var/run/docker.sock. To run \
             unprivileged, make the socket group-writable (0660) and its parent folders accessible to that group.",
        ),
        (
            Some(Found::Missing),
            "warning: keeps running as root (no capabilities): /var/run/docker.sock does not exist yet, so its \
             group is unknown. Start Dockgate after the daemon, or set `run_as`.",
        ),
    ] {
        assert_line(&root(true), RunAs::DEFAULT, found.as_ref(), want);
    }
    let as_asked = "runs as root without capabilities, because of `run_as`";
    assert_line(&root(true), asked("0:0"), None, as_asked);
    let not_root = "warning: `run_as` has no effect: Dockgate was started as user 1000, and only root can become another user";
    assert_line(&user(1000, 1000, &[]), asked("0:0"), None, not_root);
    assert_line(&user(1000, 1000, &[]), RunAs::DEFAULT, None, "");
}

#[test]
fn missing_capabilities_are_reported_with_the_lines_to_write() {
    let missing = "warning: keeps running as root (no capabilities): CAP_SETUID or CAP_SETGID is missing. To run \
                   unprivileged, write `cap_add: [SETUID, SETGID]`";
    for (found, user) in [
        (
            Some(socket(0, 998, 0o660)),
            ", or write `user: \"65532:998\"`",
        ),
        (None, ", or write `user: \"65532:65532\"`"),
        (Some(socket(0, 998, 0o600)), ""),
        (Some(Found::Missing), ""),
    ] {
        let want = format!("{missing}{user}");
        assert_line(&root(false), RunAs::DEFAULT, found.as_ref(), &want);
    }
}
