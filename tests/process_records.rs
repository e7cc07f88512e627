//! What the audit log says about the process itself, and the numbers that show whether a line is missing.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::{FakeDaemon, Gate, get};

const FIRST: &str = "allow = ['SystemInfo']";
const SECOND: &str = "allow = ['SystemInfo', 'SystemVersion']";

/// Every line of a log.
fn all_lines(gate: &Gate) -> Vec<Value> {
    let text = fs::read_to_string(gate.records_file()).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What `sha256sum` prints for a file.
fn sha256sum(path: &std::path::Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split(' ').next().unwrap().to_owned()
}

#[test]
fn the_log_says_what_was_in_force_when() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, FIRST);
    let (settings, policy) = gate.files();
    let mut sums = vec![sha256sum(&policy)];
    gate.ask(get("/info")).assert_ok("allowed");
    fs::write(&policy, SECOND).unwrap();
    sums.push(sha256sum(&policy));
    gate.reload("reloaded for ");
    fs::write(&policy, "allow = ['SystemInf']").unwrap();
    gate.reload("the old settings stay in force");
    fs::write(&policy, SECOND).unwrap();
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("allow_host = ['dash.example']\n{text}")).unwrap();
    gate.reload("reloaded for ");
    gate.ask(get("/version"))
        .assert_ok("allowed since the reload");
    let file = gate.records_file();
    let listener = gate.listeners()[0].clone();
    gate.stop();
    let text = fs::read_to_string(file).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let process: Vec<_> = lines.iter().filter(|line| line["id"].is_null()).collect();
    let events: Vec<_> = process.iter().map(|line| &line["event"]).collect();
    assert_eq!(events, ["start", "reload", "reload", "reload", "stop"]);
    let (first, last) = (&lines[0], &lines[lines.len() - 1]);
    assert_eq!(
        (&first["event"], &last["event"]),
        (&"start".into(), &"stop".into())
    );
    for (line, sum) in process.iter().zip([0, 1, 1, 1, 1]) {
        let in_force = &line["policies"][0];
        assert_eq!(in_force["sha256"], *sums[sum], "{line}");
        assert_eq!(in_force["listener"], *listener, "{line}");
        assert!(line["version"].is_string());
    }
    let settings: Vec<_> = process
        .iter()
        .map(|line| &line["settings_sha256"])
        .collect();
    assert_eq!(settings[0], settings[2], "the same settings");
    assert_ne!(settings[2], settings[3], "other settings");
    let refused = process[2]["detail"].as_str().unwrap();
    assert!(
        refused.contains("did you mean \"SystemInfo\"?"),
        "{refused}"
    );
    assert!(process[1]["detail"].is_null());
}

#[test]
fn every_line_has_the_next_number_of_its_process() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, "allow = ['ContainerStart', 'SystemInfo']");
    for target in ["/info", "/version", "//"] {
        gate.ask(get(target));
    }
    gate.ask("POST /containers/web/start HTTP/1.1\r\nHost: x\r\n\r\n");
    gate.terminate();
    let lines = crate::support::eventually("the last line", || {
        let lines = all_lines(&gate);
        (lines.last()?["event"] == "stop").then_some(lines)
    });
    assert!(lines.len() > 6, "{lines:#?}");
    let instance = lines[0]["instance"].as_str().unwrap();
    for (line, seq) in lines.iter().zip(1_u64..) {
        assert_eq!(line["seq"], seq, "{line}");
        assert_eq!(
            (&line["schema"], &line["instance"]),
            (&1.into(), &instance.into())
        );
        if let Some(id) = line["id"].as_str() {
            assert!(id.starts_with(&format!("{instance}-")), "{line}");
        }
    }
}
