//! Runs `explain`: what it reads, what it answers for which listener, and its exit code.

use crate::support::command::dockgate;
use crate::support::folder::Folder;

/// The exit code of the command, and its output: stdout, then stderr.
fn explain(arguments: &[&str], input: &str) -> (i32, String) {
    let arguments = [&["explain"], arguments].concat();
    let (code, out, err) = dockgate(&arguments, input);
    (code, out + &err)
}

/// Settings with two listeners, of which the second allows less.
const SETTINGS: &str = "policy = ['traefik']\nlisten = ['tcp://127.0.0.1:2375']\n\
    [[listener]]\naddress = 'unix:///run/b.sock'\npolicy = ['default']\ndeny = [\n'SystemEvents']";

#[test]
fn each_listener_has_its_answer_and_all_must_allow() {
    let folder = Folder::new();
    let file = folder
        .write("dockgate.toml", SETTINGS)
        .display()
        .to_string();
    let ask = |arguments: &[&str]| explain(&[&["--config", &file][..], arguments].concat(), "");
    let (code, said) = ask(&["GET", "/events"]);
    assert_eq!(code, 1, "{said}");
    let second = format!(
        "\nunix:///run/b.sock\n  deny: SystemEvents is denied by the settings; to allow it, remove it \
        from `deny` there\n  by: \"SystemEvents\" in listener[0].deny, line 7 of {file}\n"
    );
    let first = "tcp://127.0.0.1:2375\n  allow: by \"SystemEvents\" in allow, line 8 of traefik\n";
    assert!(said.starts_with(first) && said.contains(&second), "{said}");
    for (listener, want) in [
        ("tcp://127.0.0.1:2375", 0),
        ("unix:///run/b.sock", 1),
        ("tcp://127.0.0.1:1", 2),
    ] {
        let (code, said) = ask(&["GET", "/events", "--listener", listener]);
        assert_eq!(code, want, "{listener}: {said}");
        assert!(
            !said.starts_with(listener),
            "one answer needs no heading: {said}"
        );
    }
    let (code, said) = ask(&["GET", "/_ping", "--json"]);
    assert_eq!(code, 0, "{said}");
    let listeners = said.lines().map(|line| line.split(',').next().unwrap());
    let want = [
        "{\"listener\":\"tcp://127.0.0.1:2375\"",
        "{\"listener\":\"unix:///run/b.sock\"",
    ];
    assert_eq!(listeners.collect::<Vec<_>>(), want);
}

#[test]
fn what_is_pasted_is_read_with_its_files() {
    let folder = Folder::new();
    let body = folder.write(
        "create.json",
        "{\"Image\":\"a\",\n\"HostConfig\":{\"Privileged\":true}}",
    );
    let body = body.display();
    let json = "-H 'Content-Type: application/json'";
    let command =
        format!("curl -X POST {json} \\\n  -d @{body} http://d/v1.45/containers/create\n");
    let form = format!("curl -d @{body} http://d/v1.45/containers/create");
    let missing = "curl --json @/nowhere/a.json http://d/v1.45/containers/create";
    for (input, code, want) in [
        (
            &*command,
            1,
            "deny: ContainerCreate: HostConfig.Privileged is not allowed",
        ),
        (
            &form,
            1,
            "deny: unsupported Content-Type header (application/x-www-form-urlencoded): must be 'application/json'",
        ),
        (missing, 78, "dockgate: /nowhere/a.json: No such file"),
        (
            "curl -F a=b h/x",
            2,
            "dockgate: explain does not know curl's option `-F`",
        ),
        (
            "GET /_ping HTTP/1.1",
            0,
            "allow: by \"SystemPing\" in allow, line 6 of docker-cli-run",
        ),
        ("", 2, "dockgate: the text is empty: write METHOD TARGET"),
    ] {
        let (ended, said) = explain(&["--policy", "docker-cli-run", "-"], input);
        assert_eq!(ended, code, "{input}: {said}");
        assert!(said.starts_with(want), "{input}: {said}");
    }
    let (code, said) = explain(
        &[
            "--policy",
            "traefik",
            "curl",
            "-sXDELETE",
            "h/containers/web",
        ],
        "",
    );
    assert_eq!(code, 1);
    assert!(
        said.contains("\nrequest: DELETE /containers/web\n"),
        "{said}"
    );
}
