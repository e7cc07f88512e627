//! Runs `learn` and `check --against`: what they read, what they report, and their exit codes.

use crate::support::command::dockgate;
use crate::support::folder::Folder;
use serde_json::{Value, json};

/// A line of a record.
fn line(
    number: u8,
    client: &str,
    (method, path, effect): (&str, &str, &str),
    told: &Value,
) -> String {
    let mut line = json!({
        "time": format!("2026-11-21T10:00:{number:02}.000001Z"), "event": "request", "id": format!("7-{number}"),
        "client": {"address": format!("{client}:40000")}, "listener": "tcp://0.0.0.0:2375", "method": method,
        "path": path, "effect": effect, "verdict": "would_deny", "reason": "not_granted",
    });
    for (key, value) in told.as_object().unwrap() {
        line[key] = value.clone();
    }
    // The time comes first.
    let time = line.as_object_mut().unwrap().remove("time").unwrap();
    format!("{{\"time\":{time},{}\n", &line.to_string()[1..])
}

/// A record among other output, as in `docker compose logs`.
fn record() -> String {
    let refused = json!({"verdict": "deny", "reason": "restricted", "findings": ["exec.commands=sh", "exec.into=web"]});
    let own = json!({"verdict": "deny", "reason": "own_container"});
    [
        "listening on tcp://0.0.0.0:2375\n".to_owned(),
        line(1, "10.0.0.2", ("GET", "/info", "read"), &json!({})),
        line(
            2,
            "10.0.0.2",
            ("POST", "/containers/web/exec", "control"),
            &json!({"findings": ["exec.commands=[\"ls\"]", "exec.into=web"]}),
        ),
        line(
            3,
            "10.0.0.3",
            ("POST", "/containers/web/exec", "control"),
            &refused,
        ),
        line(
            4,
            "10.0.0.3",
            ("POST", "/containers/gate/kill", "write"),
            &own,
        ),
        "last words\n".to_owned(),
    ]
    .concat()
}

#[test]
fn learning_says_from_whom_and_what_was_passed_over() {
    let (code, out, err) = dockgate(&["learn"], &record());
    assert_eq!(code, 0, "{err}");
    assert!(
        out.starts_with("description = \"What 10.0.0.2, 10.0.0.3 did on 2026-11-21\"\nallow = [\n"),
        "{out}"
    );
    assert_eq!(
        err,
        "dockgate: learned from 3 requests of 10.0.0.2 (2), 10.0.0.3 (1)\n\
         dockgate: to learn from only one of them, add --client 10.0.0.2\n\
         dockgate: ignored 1 requests that no policy could allow (own_container)\n\
         dockgate: ignored 2 lines that are not audit records, such as the start report\n"
    );
    let (code, out, err) = dockgate(&["learn", "--client", "10.0.0.2", "-"], &record());
    assert_eq!(code, 0, "{err}");
    assert!(!out.contains("\"sh\"") && out.contains("[\"ls\"]"), "{out}");
    let (code, out, err) = dockgate(&["learn", "--client", "10.0.0.9"], &record());
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.starts_with("dockgate: nothing to learn from: the log has no request of the client 10.0.0.9 that a policy decides about\n"),
        "{err}"
    );
}

#[test]
fn merging_says_what_it_has_added() {
    let folder = Folder::new();
    let file = folder.write(
        "mine.toml",
        "allow = ['ContainerExec']\n[exec]\ncommands = [['ps']] # looks\ninto = ['web']\n",
    );
    let file = file.display().to_string();
    let (code, out, err) = dockgate(&["learn", "--merge", &file], &record());
    assert_eq!(code, 0, "{err}");
    assert_eq!(
        out,
        format!(
            "# Load this policy instead of the one that it extends.\nextends = [\"{file}\"]\n\
             mark = \"mine\" # keeps what was created through {file} as @own\n\
             allow = [\n    \"SystemInfo\", # once, last 2026-11-21T10:00:01Z\n]\n\
             # Not added: exec.commands=sh, because audit records have arguments only with audit.argv = true\n\n\
             # The whole block, because it replaces that of {file}.\n\
             [exec]\ncommands = [\n    [\"ps\"],\n    # [\"ls\"], # once, last 2026-11-21T10:00:02Z\n]\ninto = [\"web\"]\n"
        )
    );
    // The printed policy replaces the old one, and keeps what was created through it.
    let new = folder.write("new.toml", &out).display().to_string();
    let (code, out, err_of_check) = dockgate(&["check", &new], "");
    assert_eq!(code, 0, "{err_of_check}");
    assert!(out.contains("allows 1 read, 1 control operations"), "{out}");
    let (code, out, _) = dockgate(&["check", &new, &file], "");
    let want = format!(
        "warning: Dockgate does not start with both policies: {file}: `mark`: \"mine\" is also the mark of {new}, so each "
    );
    assert!(code == 0 && out.contains(&want), "{out}");
    let (code, _, told) = dockgate(&["check", &new, &file, "--against", "-"], "");
    assert!(
        code == 78 && told.contains("\"mine\" is also the mark of"),
        "{told}"
    );
    let (code, _, told) = dockgate(
        &[
            "explain", "--policy", &new, "--policy", &file, "GET", "/info",
        ],
        "",
    );
    assert!(
        code == 78 && told.contains("\"mine\" is also the mark of"),
        "{told}"
    );
    assert!(
        err.ends_with(
            "dockgate: Not added: exec.commands=sh, because audit records have arguments only with audit.argv = true\n\
             dockgate: Added: SystemInfo\ndockgate: Added as a comment: exec.commands = [\"ls\"]\n"
        ),
        "{err}"
    );
}

#[test]
fn a_replay_says_what_would_change_and_what_is_unknown() {
    let folder = Folder::new();
    let record_file = folder.write("audit.jsonl", &record()).display().to_string();
    for (policy, want, told) in [
        (
            "allow = ['SystemInfo', 'ContainerExec']",
            0,
            "1 of 3 requests would get another answer\n  \
             ContainerExec, once, last 2026-11-21T10:00:03Z, would be allowed\n  \
             ignored once: own_container, whatever a policy says\n  \
             assumed: containers that are entered are ordinary ones, unless the log says otherwise\n",
        ),
        (
            "allow = ['SystemInfo', 'ContainerExec']\n[exec]\ncommands = [['ls'], ['sh', '-c', 'x']]",
            0,
            "none of 3 requests is certain to get another answer, 1 unknown\n  \
             ContainerExec, once, last 2026-11-21T10:00:03Z, unknown: the log has too little information: exec.commands\n  \
             ignored once: own_container, whatever a policy says\n  \
             assumed: containers that are entered are ordinary ones, unless the log says otherwise\n",
        ),
        (
            "allow = ['ContainerExec']\n[exec]\ninto = []",
            1,
            "2 of 3 requests would get another answer\n  \
             ContainerExec, once, last 2026-11-21T10:00:02Z, would be denied: ContainerExec: exec.into \"web\" is not allowed; \
             to allow it, add \"web\" to exec.into\n  \
             SystemInfo, once, last 2026-11-21T10:00:01Z, would be denied: SystemInfo is not allowed; \
             to allow it, add \"SystemInfo\" to allow\n  \
             ignored once: own_container, whatever a policy says\n  \
             assumed: containers that are entered are ordinary ones, unless the log says otherwise\n",
        ),
    ] {
        let file = folder.write("mine.toml", policy).display().to_string();
        let (code, out, err) = dockgate(&["check", &file, "--against", &record_file], "");
        assert!(
            out.ends_with(&format!("{record_file}: {told}")),
            "{out}{err}"
        );
        assert_eq!(code, want, "{out}");
    }
    // An empty record proves nothing.
    let (code, out, _) = dockgate(&["check", "traefik", "--against", "-"], "no record\n");
    assert!(
        out.ends_with("-: it has no request that a policy decides about\n"),
        "{out}"
    );
    assert_eq!(code, 1);
}

#[test]
fn what_a_record_leaves_out_is_not_assumed_to_be_allowed() {
    let folder = Folder::new();
    let program = json!({"verdict": "allow", "reason": "granted", "findings": ["exec.commands=ls", "exec.into=web"]});
    let create =
        json!({"verdict": "allow", "reason": "granted", "findings": ["create.images=web:1"]});
    let started = json!({"verdict": "deny", "reason": "restricted", "effect": "write"});
    for (path, told, policy, want) in [
        (
            "/containers/web/exec",
            &program,
            "allow = ['ContainerExec']\n[exec]\ncommands = [['ls']]",
            "none of 1",
        ),
        (
            "/containers/web/exec",
            &program,
            "allow = ['ContainerExec']\n[exec]\nusers = ['@non-root']",
            "1 of 1",
        ),
        (
            "/containers/web/exec",
            &program,
            "allow = ['ContainerExec']",
            "all 1",
        ),
        (
            "/containers/create",
            &create,
            "allow = ['ContainerCreate']\n[create]\nusers = ['@non-root']",
            "1 of 1",
        ),
        (
            "/containers/create",
            &create,
            "allow = ['ContainerCreate']\n[create]\nlabels = { forbid = ['a'] }",
            "none of 1",
        ),
        (
            "/containers/create",
            &create,
            "allow = ['ContainerCreate']",
            "all 1",
        ),
        (
            "/containers/web/start",
            &started,
            "allow = ['ContainerStart', 'ContainerCreate']",
            "none of 1",
        ),
    ] {
        let file = folder.write("mine.toml", policy).display().to_string();
        let one = line(1, "10.0.0.2", ("POST", path, "control"), told);
        let (_, out, _) = dockgate(&["check", &file, "--against", "-"], &one);
        assert!(
            out.contains(&format!("\n-: {want} ")),
            "{path} {policy}: {out}"
        );
    }
}

#[test]
fn a_client_that_names_only_what_it_created_gets_a_scope() {
    let request = |number, method, path, told: &Value| {
        line(number, "10.0.0.2", (method, path, "write"), told)
    };
    let mount = json!({"status": 201, "name": "job", "findings": ["create.volumes=@new"]});
    let create = request(1, "POST", "/containers/create", &mount);
    // Dockgate creates the volume first.
    let prepare = |number, status: Value| {
        let told =
            json!({"event": "prepare", "verdict": "allow", "name": "data", "status": status});
        request(number, "POST", "/volumes/create", &told)
    };
    let begun = prepare(2, Value::Null);
    let prepared = prepare(3, json!(201));
    let rest = request(4, "POST", "/containers/job/start", &json!({"status": 204}))
        + &request(5, "DELETE", "/volumes/data", &json!({"status": 204}));
    let (code, out, err) = dockgate(&["learn"], &[&*begun, &prepared, &create, &rest].concat());
    assert!(
        code == 0 && out.contains("\n[scope]\nobjects = [\"@own\"] # "),
        "{out}{err}"
    );
    let folder = Folder::new();
    let file = folder.write("learned.toml", &out).display().to_string();
    let (code, out, err) = dockgate(&["check", &file], "");
    assert!(
        code == 0 && out.contains("is limited by its scope: @own\n"),
        "{out}{err}"
    );
    let (code, out, err) = dockgate(&["learn"], &[&*begun, &create, &rest].concat());
    assert!(
        code == 0 && out.contains("does not show that the client created the volume \"data\""),
        "{out}{err}"
    );
}

#[test]
fn a_check_says_how_old_objects_come_into_scope() {
    let folder = Folder::new();
    let ci = folder.write(
        "ci.toml",
        "allow = ['ContainerList']\n[scope]\nobjects = ['@own']\n",
    );
    let old = folder.write("old.toml", "allow = ['ContainerList']\n");
    let (ci, old) = (ci.display().to_string(), old.display().to_string());
    let (code, out, err) = dockgate(&["check", &ci, &old, "--adopt", "old"], "");
    assert_eq!(code, 0, "{err}");
    for line in [
        "  in [scope]: objects = [\"@own\", \"label:dockgate.policy=old\"]\n  mark = \"old\"\n",
        &format!("  warning: {old} has the mark \"old\" too: "),
        &format!("\n{old}: its mark is \"old\" already, so objects with it are @own\n"),
    ] {
        assert!(out.contains(line), "{line}: {out}");
    }
    let (code, out, _) = dockgate(&["check", &ci], "");
    assert!(code == 0 && !out.contains("\"old\""), "{out}");
    let (code, _, err) = dockgate(&["check", "--adopt", "old"], "");
    assert!(code == 2 && err.contains("FILE"), "{err}");
}

/// A stop of a container, with its verdict and reason.
fn stop(number: u8, name: &str, verdict: &str, reason: &str) -> String {
    let detail = "ContainerStop: the object is not in [scope], or does not exist";
    let told = json!({"verdict": verdict, "reason": reason, "detail": detail});
    let path = format!("/containers/{name}/stop");
    line(number, "10.0.0.2", ("POST", &path, "write"), &told)
}

/// What a replay of a record says about a policy with this scope, with the exit code.
fn replayed(scope: &str, record: &str) -> (i32, String) {
    let folder = Folder::new();
    let allow = "allow = ['ContainerList', 'ContainerStop', 'VolumeCreate']\n";
    let file = folder.write("ci.toml", &format!("{allow}{scope}"));
    let file = file.display().to_string();
    let (code, out, err) = dockgate(&["check", &file, "--against", "-"], record);
    let said = out.split_once("\n-: ").map(|(_, said)| said.to_owned());
    (code, said.unwrap_or_else(|| panic!("{out}{err}")))
}

const OWN: &str = "[scope]\nobjects = ['@own']";
const BY_NAME: &str = "[scope]\nobjects = ['name:ci-*', 'name:db']";

/// Only the labels of an object say whether it is in scope, and a record has none.
#[test]
fn a_replay_claims_nothing_about_objects_that_a_scope_may_hide() {
    let granted = json!({"verdict": "allow", "reason": "granted"});
    let list = ("GET", "/containers/json", "read");
    let list = line(1, "10.0.0.2", list, &granted);
    let named = stop(2, "web", "allow", "granted") + &stop(3, "ci-1", "allow", "granted");
    let both = list + &named;
    let unknown = "objects: whether they are in scope is not known from a record\n";
    for (scope, record, want, told) in [
        (
            OWN,
            &both,
            0,
            format!("all 1 requests would get the same answer\n  2 requests name {unknown}"),
        ),
        (
            BY_NAME,
            &both,
            0,
            format!("all 2 requests would get the same answer\n  1 request names {unknown}"),
        ),
        (
            "",
            &both,
            0,
            "all 3 requests would get the same answer\n".to_owned(),
        ),
        // Comparing nothing proves nothing.
        (
            OWN,
            &named,
            1,
            format!("it has no request whose answer is certain\n  2 requests name {unknown}"),
        ),
    ] {
        assert_eq!(replayed(scope, record), (want, told), "{scope}");
    }
}

#[test]
fn what_a_scope_denied_is_denied_again_under_a_scope() {
    let denied = stop(4, "db", "deny", "out_of_scope");
    let would_deny = stop(5, "db", "would_deny", "out_of_scope");
    let taken = json!({"verdict": "deny", "reason": "name_taken", "name": "data", "findings": ["volumes.drivers=local"]});
    let create = ("POST", "/volumes/create", "control");
    let taken = line(6, "10.0.0.2", create, &taken);
    let again = "  assumed: what was out of scope, or had a name that is taken, is so again\n";
    for (scope, record, want, told) in [
        (
            OWN,
            denied.clone() + &taken,
            0,
            format!("all 2 requests would get the same answer\n{again}"),
        ),
        // A name does not say that a missing object exists now.
        (
            BY_NAME,
            denied.clone(),
            0,
            format!("all 1 requests would get the same answer\n{again}"),
        ),
        (
            OWN,
            would_deny.clone(),
            1,
            format!(
                "1 of 1 requests would get another answer\n  ContainerStop, once, last 2026-11-21T10:00:05Z, would be \
                 denied: ContainerStop: the object is not in [scope], or does not exist\n{again}"
            ),
        ),
        (
            "",
            denied + &would_deny,
            0,
            "1 of 2 requests would get another answer\n  ContainerStop, once, last 2026-11-21T10:00:04Z, would be \
             allowed\n"
                .to_owned(),
        ),
    ] {
        assert_eq!(replayed(scope, &record), (want, told), "{scope}");
    }
}

/// A `begin` without its `request` comes from a stream that is still running, or from a process
/// that was killed.
#[test]
fn requests_that_were_never_evaluated_are_not_learned() {
    let begin = |verdict: &str, reason: &str| {
        let told = json!({"event": "begin", "verdict": verdict, "reason": reason});
        let stop = ("POST", "/containers/web/stop", "write");
        line(1, "10.0.0.2", ("GET", "/info", "read"), &json!({}))
            + &line(2, "10.0.0.2", stop, &told)
    };
    for (verdict, reason, is_learned) in
        [("allow", "granted", true), ("pending", "not_judged", false)]
    {
        let (code, out, err) = dockgate(&["learn"], &begin(verdict, reason));
        assert_eq!(code, 0, "{err}");
        assert_eq!(
            out.contains("ContainerStop"),
            is_learned,
            "{verdict}: {out}"
        );
    }
}

#[test]
fn messages_learning_names_a_socket_by_itself_and_what_no_policy_could_allow() {
    let socket = json!({"client": {"address": "-"}, "listener": "unix:///run/dockgate.sock"});
    let told = |detail: &str, verdict: &str| {
        let mut told = socket.clone();
        told["verdict"] = verdict.into();
        told["reason"] = "bad_body".into();
        told["detail"] = detail.into();
        told
    };
    let exec = ("POST", "/exec/e1/start", "control");
    let field = "ExecStart: OutputStream is not a field of the Docker API: leave it out";
    let record = [
        line(1, "-", ("GET", "/info", "read"), &socket),
        line(2, "-", exec, &told(field, "deny")),
        line(3, "-", exec, &told(field, "deny")),
        line(
            4,
            "-",
            exec,
            &told("ExecStart: Tty must be true or false\u{7}", "would_deny"),
        ),
    ]
    .concat();
    let (code, out, err) = dockgate(&["learn"], &record);
    assert_eq!(code, 0, "{err}");
    let who = "clients of unix:///run/dockgate.sock";
    assert!(
        out.starts_with(&format!("description = \"What {who} did on 2026-11-21\"\n")),
        "{out}"
    );
    // A request that was only observed is learned anyway, because the rest of it may be allowed.
    assert!(out.contains("ExecStart"), "{out}");
    assert_eq!(
        err,
        format!(
            "dockgate: learned from 2 requests of {who} (2)\n\
             dockgate: ignored 3 requests that no policy could allow (bad_body)\n\
             dockgate:   {field}\n\
             dockgate:   ExecStart: Tty must be true or false\\u{{7}}\n"
        )
    );
    let by_socket = dockgate(&["learn", "--client", "unix:///run/dockgate.sock"], &record);
    assert_eq!((by_socket.0, by_socket.1), (0, out));

    let folder = Folder::new();
    let text = "allow = ['SystemInfo', 'ExecStart']";
    let file = folder.write("mine.toml", text).display().to_string();
    let (code, out, _) = dockgate(&["check", &file, "--against", "-"], &record);
    let last = "ExecStart, once, last 2026-11-21T10:00:04Z, would be denied: ExecStart: Tty must be true or false";
    assert!(
        code == 1 && out.contains("1 of 2 requests") && out.contains(last),
        "{out}"
    );
}

#[test]
fn g17_a_second_record_makes_a_pattern_of_names_that_are_another_in_each_run() {
    let run = |number: u8, volume: &str| {
        let findings =
            json!({"findings": ["create.images=a:1", format!("create.volumes={volume}")]});
        line(
            number,
            "10.0.0.2",
            ("POST", "/containers/create", "control"),
            &findings,
        )
    };
    let (first, second) = ("drone-9gVn2pXKmxDzxTzTmDMe", "drone-Ab3dE5fGh1jKlMn0pQrS");
    let (_, out, _) = dockgate(&["learn"], &run(1, first));
    let alone = format!(
        "\"{first}\", # once, last 2026-11-21T10:00:01Z; this name probably changes with each run"
    );
    assert!(out.contains(&alone), "{out}");
    let both = [run(1, first), run(2, second)].concat();
    let (_, learned, _) = dockgate(&["learn"], &both);
    let pattern =
        "\"drone-*\", # twice, last 2026-11-21T10:00:02Z; twice with another name, such as ";
    assert!(
        learned.contains(pattern) && !learned.contains(&format!("\"{first}\"")),
        "{learned}"
    );

    let folder = Folder::new();
    let enforced =
        |text: &str| text.replace("    # \"ContainerCreate\"", "    \"ContainerCreate\"");
    // A policy learned from one run does not fit the next, and a replay of the next says so.
    let narrow = folder
        .write("narrow.toml", &enforced(&out))
        .display()
        .to_string();
    let record = folder
        .write("second.jsonl", &run(2, second))
        .display()
        .to_string();
    let (code, said, _) = dockgate(&["check", &narrow, "--against", &record], "");
    assert!(code == 1 && said.contains(second), "{said}");
    let wide = folder
        .write("wide.toml", &enforced(&learned))
        .display()
        .to_string();
    let third = run(3, "drone-Zz9yX8wV7uT6sR5qP4oN");
    let (code, said, _) = dockgate(&["check", &wide, "--against", "-"], &third);
    assert!(code == 0 && said.contains("all 1 requests"), "{said}");

    let (code, merged, told) = dockgate(&["learn", "--merge", &narrow], &run(2, second));
    assert_eq!(code, 0, "{told}");
    let note = format!(" # once, last 2026-11-21T10:00:02Z; instead of \"{first}\"");
    let mut lines = merged.lines();
    assert!(
        lines.any(|line| line.trim().starts_with("# \"drone-*\",") && line.ends_with(&note)),
        "{merged}"
    );
}
