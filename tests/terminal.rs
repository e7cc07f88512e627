//! What a terminal gets: color, and an audit log for people.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::FakeDaemon;

/// Runs a command with its stdin and stdout, and stderr too if the first argument says so, on a terminal. What that
/// shows goes to stdout.
const ON_TERMINAL: &str = "
import os, pty, sys
master, slave = pty.openpty()
shown = os.dup(1)
if os.fork() == 0:
    os.close(slave)
    while True:
        try:
            seen = os.read(master, 65536)
        except OSError:
            os._exit(0)
        os.write(shown, seen)
os.close(master)
os.close(shown)
for fd in [0, 1, 2] if sys.argv[1] == 'all' else [0, 1]:
    os.dup2(slave, fd)
os.close(slave)
os.execv(sys.argv[2], sys.argv[2:])
";

/// The program on a terminal of this kind, without color if that is asked for.
fn on_terminal(which: &str, term: &str, no_color: &str) -> Command {
    let mut command = Command::new("python3");
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path);
    command.env("TERM", term).env("NO_COLOR", no_color);
    command.args(["-c", ON_TERMINAL, which, env!("CARGO_BIN_EXE_dockgate")]);
    command
}

fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn answers_have_color_on_a_terminal() {
    for (arguments, painted) in [
        (&["--help"][..], "\u{1b}[1m\u{1b}[4mUsage:\u{1b}[0m"),
        (&["--help"], "\u{1b}[1mcheck\u{1b}[0m"),
        (&["check", "--help"], "\u{1b}[1m\u{1b}[4mOptions:\u{1b}[0m"),
        (
            &["check"],
            "\u{1b}[33mwarning\u{1b}[0m: nothing is configured",
        ),
        (
            &["explain", "--policy", "traefik", "GET", "/info"],
            "\u{1b}[31mdeny\u{1b}[0m: ",
        ),
        (
            &["explain", "--policy", "traefik", "GET", "/version"],
            "\u{1b}[32mallow\u{1b}[0m: ",
        ),
    ] {
        let on =
            |term: &str, no_color: &str| output(on_terminal("all", term, no_color).args(arguments));
        let said = on("xterm", "");
        assert!(said.contains(painted), "{arguments:?}: {said:?}");
        for plain in [on("xterm", "1"), on("dumb", "")] {
            assert!(!plain.contains('\u{1b}'), "{arguments:?}: {plain:?}");
        }
        let mut piped = Command::new(env!("CARGO_BIN_EXE_dockgate"));
        let piped = output(piped.env_clear().env("TERM", "xterm").args(arguments));
        assert!(!piped.contains('\u{1b}'), "{arguments:?}: {piped:?}");
    }
}

#[test]
fn what_is_pasted_into_files_has_no_color() {
    for arguments in [&["policies", "traefik"][..], &["schema", "policy"]] {
        let said = output(on_terminal("all", "xterm", "").args(arguments));
        assert!(!said.contains('\u{1b}'), "{arguments:?}");
    }
}

/// The first line about a request in the audit log of a dockgate whose stdin and stdout are a terminal.
fn first_record(settings: &[(&str, &str)], command: &mut Command) -> String {
    let daemon = FakeDaemon::start();
    let mut child = command
        .args([
            "serve",
            "--listen",
            "tcp://127.0.0.1:0",
            "--policy",
            "traefik",
        ])
        .args(["--upstream", daemon.upstream()])
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut diagnostics = BufReader::new(child.stderr.take().unwrap());
    let mut shown = BufReader::new(child.stdout.take().unwrap());
    let (mut seen, mut line) = (String::new(), String::new());
    let address = loop {
        assert!(diagnostics.read_line(&mut seen).unwrap() > 0, "{seen}");
        if let Some((_, address)) = seen.rsplit_once("listening on tcp://") {
            break address.trim().to_owned();
        }
    };
    let mut client = TcpStream::connect(address).unwrap();
    let request = b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    client.write_all(request).unwrap();
    client.read_to_end(&mut Vec::new()).unwrap();
    // The first line is about the process.
    for _ in 0..2 {
        line.clear();
        shown.read_line(&mut line).unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    line
}

#[test]
fn a_terminal_gets_an_audit_log_for_people_but_not_in_a_container() {
    let text = " \u{1b}[32mallow\u{1b}[0m 200 GET /version";
    let is_json = |line: &str| line.starts_with("{\"time\":");
    let set = [("DOCKGATE_AUDIT__FORMAT", "text")];
    let line = first_record(&set, &mut on_terminal("", "xterm", ""));
    assert!(line.contains(text), "{line:?}");
    let line = first_record(&set, &mut on_terminal("", "xterm", "1"));
    assert!(line.contains(" allow 200 GET /version"), "{line:?}");
    let is_contained = ["/.dockerenv", "/run/.containerenv"]
        .iter()
        .any(|mark| Path::new(mark).exists());
    let line = first_record(&[], &mut on_terminal("", "xterm", ""));
    if is_contained {
        assert!(is_json(&line), "{line:?}");
    } else {
        assert!(line.contains(text), "{line:?}");
    }
    // The same as with `tty: true` and `stdin_open: true` in a container.
    let contained = "mount -t tmpfs none /run && touch /run/.containerenv && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", contained, "sh"]);
    let inner = on_terminal("", "xterm", "");
    command
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("TERM", "xterm")
        .arg(inner.get_program())
        .args(inner.get_args());
    let line = first_record(&[], &mut command);
    assert!(is_json(&line), "{line:?}");
}

#[test]
fn diagnostics_are_json_if_the_settings_say_so() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dockgate"));
    let output = command
        .env_clear()
        .args(["serve", "--listen", "tcp://203.0.113.9:1"])
        .env("DOCKGATE_LOG_FORMAT", "json")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let lines = said.lines().map(serde_json::from_str::<serde_json::Value>);
    let lines: Vec<_> = lines.collect::<Result<_, _>>().expect(&said);
    let last = lines.last().unwrap();
    assert_eq!(
        (&lines[0]["level"], &last["level"]),
        (&"info".into(), &"error".into())
    );
    assert_eq!(
        lines[0]["message"],
        concat!("version ", env!("CARGO_PKG_VERSION"))
    );
    let message = last["message"].as_str().unwrap();
    assert!(
        message.starts_with("cannot listen on tcp://203.0.113.9:1: "),
        "{message}"
    );
    assert!(lines.iter().all(|line| line["time"].is_string()), "{said}");
}
