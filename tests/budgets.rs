//! What one client can keep others from using: the memory for checking requests, and the lock of a container
//! that it uploads into.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{
    Client, FakeDaemon, Gate, LIMIT, Refused, Setup, Signal, chunked, eventually, every_operation,
    everything, get, post,
};
use serde_json::json;

const JSON: &str = "Content-Type: application/json\r\n";
const FULL: Refused = Refused(503, "too_many_bodies");
const SLOW: Refused = Refused(408, "body_timeout");

/// A create whose body has this length.
fn of_length(bytes: usize) -> String {
    let body = format!(r#"{{"Image":"{}"}}"#, "a".repeat(bytes - 12));
    post("/containers/create", JSON, &body)
}

/// A client with another address.
fn other(gate: &Gate) -> Client {
    gate.connect_from("127.0.0.2:0")
}

#[test]
fn s13_the_memory_of_answers_to_lookups_is_bounded_and_given_back() {
    const CONTAINERS: usize = 60;
    const REQUESTS: usize = 20;
    let labels: serde_json::Map<_, _> = (0..16_000)
        .map(|number| (format!("k{number}"), json!("")))
        .collect();
    let labels = json!({"Config": {"Labels": labels}}).to_string();
    let mut daemon = FakeDaemon::start();
    for number in 0..CONTAINERS {
        daemon = daemon.that_has(&format!("/containers/c{number}/json"), &labels);
    }
    let gate = Gate::start(&daemon, &every_operation());
    let naming = |count: usize| {
        let names: Vec<_> = (0..count).map(|number| format!("c{number}")).collect();
        let body = json!({"Image": "a", "HostConfig": {"VolumesFrom": names}});
        post("/containers/create", JSON, &body.to_string())
    };
    let mut clients: Vec<_> = (0..REQUESTS).map(|_| gate.connect()).collect();
    for client in &mut clients {
        client.request(naming(CONTAINERS));
    }
    for client in &mut clients {
        FULL.assert(&client.reply(), "answers beyond the share");
    }
    let peak = gate.peak_kib();
    assert!(peak < 64 * 1024, "{peak} KiB");
    // All of it is given back, request by request.
    for _ in 0..8 {
        let reply = gate.ask(naming(3));
        assert_ne!(reply.status(), 503, "{}", reply.text());
    }
    let longest = gate.ask(of_length(1 << 20));
    assert_ne!(longest.status(), 503, "{}", longest.text());
}

#[test]
fn s14_one_clients_unfinished_bodies_do_not_block_others() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let request = of_length(1 << 20);
    let unfinished: Vec<_> = (0..16)
        .map(|_| {
            let mut client = gate.connect();
            client.count(1);
            // A refused body need not be read completely.
            let _ = client.try_send(&request[..request.len() - 1]);
            client
        })
        .collect();
    let is_full = || (gate.ask(&request).status() == 503).then_some(());
    eventually("the end of the share", is_full);
    let mut client = other(&gate);
    for _ in 0..4 {
        client.request(&request);
        client.reply().assert_ok("another client");
    }
    FULL.assert(&gate.ask(&request), "the same client");
    drop(unfinished);
    let is_free = || (gate.ask(&request).status() == 200).then_some(());
    eventually("room", is_free);
}

/// What was checked is held until the daemon answers, and counts for that long.
#[test]
fn s14_bodies_that_wait_for_the_daemon_count_too() {
    let go_on = Signal::new();
    let held = go_on.clone();
    let daemon = FakeDaemon::scripted(move |exchange| {
        exchange.body();
        if exchange.head.first.contains("/containers/create") {
            held.wait("the test");
        }
        exchange.reply("200 OK", "", b"{}");
    });
    let gate = Gate::start(&daemon, &everything());
    let request = of_length(1 << 20);
    let mut waiting: Vec<_> = (0..3)
        .map(|number| {
            let mut client = gate.connect();
            client.request(&request);
            daemon.wait_for_request(number + 1);
            client
        })
        .collect();
    FULL.assert(&gate.ask(&request), "a fourth");
    gate.ask(get("/containers/json"))
        .assert_ok("without a body");
    for _ in &waiting {
        go_on.raise();
    }
    for client in &mut waiting {
        client.reply().assert_ok("a body that waited");
    }
    go_on.raise();
    gate.ask(&request).assert_ok("room again");
}

/// The head of an upload into a container.
fn upload(container: &str, length: usize) -> String {
    format!(
        "PUT /containers/{container}/archive?path=/ HTTP/1.1\r\nHost: docker\r\nContent-Length: {length}\r\n\r\n"
    )
}

#[test]
fn s21_an_upload_that_keeps_the_daemon_waiting_is_ended() {
    const LENGTH: usize = 16 << 20;
    const GRACE: Duration = Duration::from_millis(500);
    let go_on = Signal::new();
    let held = go_on.clone();
    let daemon = FakeDaemon::scripted(move |exchange| {
        if exchange.head.first.contains("/busy/") {
            held.wait("the slow uploads");
        }
        exchange.body();
        exchange.reply("200 OK", "", b"{}");
    });
    let mut gate = Setup::new(&daemon, &everything())
        .settings("[limits]\nupload_rate = \"1MiB\"\nupload_grace = \"500ms\"")
        .start();
    // It has everything ready to send, but the daemon does not read.
    let mut patient = gate.connect();
    patient.request(upload("busy", LENGTH));
    let mut writer = patient.writer();
    let writing = thread::spawn(move || {
        writer.write_all(&vec![b'a'; LENGTH]).unwrap();
    });
    for (case, pause) in [("each moment", Some(40)), ("once", None)] {
        let mut slow = gate.connect();
        let start = Instant::now();
        slow.request(upload("web", LENGTH) + "etc/passwd");
        let mut sending = slow.writer();
        let ticking = thread::spawn(move || {
            let Some(pause) = pause else { return };
            while start.elapsed() < LIMIT && sending.write_all(b"a").is_ok() {
                thread::sleep(Duration::from_millis(pause));
            }
        });
        let message = SLOW.assert(&slow.reply(), case);
        assert!(message.contains("limits.upload_rate"), "{message}");
        assert!(start.elapsed() >= GRACE, "{case}: {:?}", start.elapsed());
        slow.assert_closed(case);
        drop(slow);
        ticking.join().unwrap();
        let record = gate.record();
        assert_eq!(
            (&record["reason"], &record["status"]),
            (&json!("body_timeout"), &json!(408)),
            "{record}"
        );
    }
    // By now the daemon has not read anything of the other upload for twice the grace period.
    go_on.raise();
    writing.join().unwrap();
    patient.reply().assert_ok("a busy daemon");
    for build in [post, chunked] {
        let small = build("/containers/web/archive?path=/", "", "etc/passwd");
        let small = small.replacen("POST", "PUT", 1);
        gate.ask(small).assert_ok("a small one");
    }
}

/// Other uploads keep no one waiting, and are never cut off.
#[test]
fn s21_an_upload_that_locks_nothing_may_be_slow() {
    let daemon = FakeDaemon::start();
    for (settings, target) in [
        ("upload_grace = \"200ms\"", "/images/load"),
        (
            "upload_grace = \"200ms\"\nupload_rate = \"off\"",
            "/containers/web/archive?path=/",
        ),
    ] {
        let gate = Setup::new(&daemon, &everything())
            .settings(&format!("[limits]\n{settings}"))
            .start();
        let mut client = gate.connect();
        let head = post(target, "", "etc/passwd");
        let head = if target.contains("archive") {
            head.replacen("POST", "PUT", 1)
        } else {
            head
        };
        let (most, last) = head.split_at(head.len() - 1);
        client.request(most);
        assert!(client.stays_silent(), "{target}: 300 ms");
        client.send(last);
        client.reply().assert_ok(target);
    }
}
