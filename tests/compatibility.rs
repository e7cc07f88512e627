//! Engines that cannot run here, represented by the bytes that they are documented to send.
//!
//! `tests/data/engines/README.md` says where the bytes come from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Cursor;
use std::path::Path;

use crate::support::wire::{Head, Reader};
use crate::support::{Client, FakeDaemon, Gate, Refused, everything, get, post};

/// The folder of each engine, its newest API version, and the start report's line about it.
const ENGINES: [(&str, &str, &str); 4] = [
    ("27.4", "1.47", "Docker Engine 27.4.1 (API 1.24-1.47)"),
    ("28.3", "1.51", "Docker Engine 28.3.3 (API 1.24-1.51)"),
    ("29.1", "1.52", "Docker Engine 29.1.3 (API 1.44-1.52)"),
    ("29.8", "1.56", "Docker Engine 29.8.1 (API 1.40-1.56)"),
];

const TCP: &str = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
const H2C: &str = "Connection: Upgrade\r\nUpgrade: h2c\r\n";
const JSON: &str = "Content-Type: application/json\r\n";

/// The request for the reply in a file, by the file's name.
fn request(file: &str, api: &str) -> String {
    let accepting = |kind: &str| {
        get(&format!("/v{api}/events")).replace("\r\n\r\n", &format!("\r\nAccept: {kind}\r\n\r\n"))
    };
    let head = |target: String| get(&target).replacen("GET", "HEAD", 1);
    let web = |last: &str| format!("/v{api}/containers/web/{last}");
    let tty = |tty: bool| format!("{{\"Detach\":false,\"Tty\":{tty}}}");
    match file {
        "archive-head" => head(web("archive?path=%2Fetc%2Fssl")),
        // Fields that are missing here are sent as they were checked.
        "attach" => post(&web("attach?stream=1&stdout=1&stdin=0"), TCP, ""),
        "attestations" => get(&format!("/v{api}/images/busybox:1.37/attestations")),
        "create" => {
            let body = r#"{"Image":"busybox"}"#;
            post(&format!("/v{api}/containers/create?name=web"), JSON, body)
        }
        "events" => get(&format!("/v{api}/events")),
        "events-json-seq" => accepting("application/json-seq"),
        "events-jsonl" => accepting("application/jsonl"),
        "events-ndjson" => accepting("application/x-ndjson"),
        "exec" | "exec-tty" => {
            // One of two exec ids, so that each has its own reply.
            let target = format!("/v{api}/exec/{file}/start");
            post(&target, &[JSON, TCP].concat(), &tty(file == "exec-tty"))
        }
        "grpc" => post("/grpc", H2C, ""),
        "logs" => get(&web("logs?stdout=1&stderr=1")),
        "no-such-container" => get(&format!("/v{api}/containers/none/json")),
        // An operation that this engine does not have.
        "no-such-route" => get(&format!("/v{api}/plugins")),
        "ping" => get("/_ping"),
        "ping-head" => head("/_ping".to_owned()),
        "prune-stream" => post(&format!("/v{api}/containers/prune?stream=true"), "", ""),
        "pull" => {
            let target = format!("/v{api}/images/create?fromImage=busybox&tag=1.37");
            post(&target, "", "")
        }
        "session" => post("/session", H2C, ""),
        "start" => post(&web("start"), "", ""),
        "start-again" => post("/containers/web/start", "", ""),
        "too-new" => get("/v1.99/info"),
        "too-old" => get("/v1.24/info"),
        "version" => get("/version"),
        "wait" => post(&web("wait"), "", ""),
        _ => panic!("no request for {file}.http"),
    }
}

/// An engine's files by name, without the extension.
fn files(folder: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/engines")
        .join(folder);
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect()
}

/// What distinguishes requests to an engine: the path has the API version, and Accept the format of
/// events.
fn key(first_line: &str, accept: Option<&str>) -> String {
    format!("{first_line} {}", accept.unwrap_or_default())
}

fn key_of(request: &str) -> String {
    let mut lines = request.split("\r\n");
    let first_line = lines.next().unwrap();
    key(
        first_line,
        lines.find_map(|line| line.strip_prefix("Accept: ")),
    )
}

/// Answers each request with the file that has its reply; a tunnel echoes once.
fn engine(folder: &str, api: &str) -> FakeDaemon {
    let files = files(folder);
    let of_itself = files["version"].clone();
    let replies: BTreeMap<_, _> = files
        .into_iter()
        .map(|(file, reply)| (key_of(&request(&file, api)), reply))
        .collect();
    let daemon = FakeDaemon::scripted(move |exchange| {
        exchange.body();
        let key = key(&exchange.head.first, exchange.head.get("Accept"));
        let Some(reply) = replies.get(&key) else {
            return exchange.reply("500 Not Asked For", "", key.as_bytes());
        };
        exchange.send(reply);
        if reply.starts_with(b"HTTP/1.1 101 ") {
            let said = exchange.exactly(5);
            exchange.send(said);
            exchange.close();
        }
    });
    daemon.that_is(of_itself)
}

/// The daemon's own header lines, spelled as they are: without Date and hop-by-hop headers.
fn lines(head: &Head) -> Vec<(String, String)> {
    let mut lines = head.lines.clone();
    lines.retain(|(name, _)| {
        let hops = ["Connection", "Date", "Keep-Alive", "Transfer-Encoding"];
        !hops.contains(&name.as_str())
    });
    lines.sort();
    lines
}

fn status(head: &Head) -> &str {
    head.first.split(' ').nth(1).unwrap()
}

#[track_caller]
fn assert_same(client: &mut Client, method: &str, file: &[u8], case: &str) {
    let mut sent = Reader::new(Cursor::new(file.to_vec()));
    let head = sent.head().unwrap().unwrap();
    let reply = client.reply_to(method);
    assert_eq!(status(&reply.head), status(&head), "{case}");
    assert_eq!(lines(&reply.head), lines(&head), "{case}");
    let framing = head.reply_framing(method);
    assert_eq!(reply.body, sent.body(framing).unwrap(), "{case}");
    if status(&head) == "101" {
        let payload = sent.rest().unwrap();
        assert_eq!(client.exactly(payload.len()), payload, "{case}");
        client.send("typed");
        assert_eq!(client.exactly(5), b"typed", "{case}");
        client.assert_closed(case);
    }
}

#[test]
fn every_documented_reply_arrives_as_it_was_sent() {
    for (folder, api, _) in ENGINES {
        let daemon = engine(folder, api);
        let gate = Gate::start(&daemon, &everything());
        for (file, reply) in files(folder) {
            let case = format!("{folder}/{file}");
            let asked = request(&file, api);
            let mut client = gate.connect();
            client.request(&asked);
            let method = asked.split(' ').next().unwrap();
            assert_same(&mut client, method, &reply, &case);
        }
    }
}

#[test]
fn the_start_report_reads_what_each_engine_says_of_itself() {
    for (folder, api, said) in ENGINES {
        let daemon = engine(folder, api);
        let gate = Gate::start(&daemon, "allow = ['SystemPing']");
        gate.assert_tells(&format!("connected to {said} at {}\n", daemon.upstream()));
    }
}

#[test]
fn clients_of_every_api_version_reach_the_engine_by_their_own_path() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, "allow = ['SystemInfo']");
    let targets: Vec<_> = (24..=60).map(|minor| format!("/v1.{minor}/info")).collect();
    for target in &targets {
        gate.ask(get(target)).assert_ok(target);
    }
    let asked: BTreeSet<_> = daemon.asked().into_iter().collect();
    let sent = targets
        .iter()
        .map(|target| format!("GET {target} HTTP/1.1"));
    assert_eq!(asked, sent.collect());
    Refused(400, "bad_api_version").assert(&gate.ask(get("/v1.23/info")), "below the least");
}
