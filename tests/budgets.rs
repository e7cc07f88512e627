//! What one client can keep from others: the memory that is held for judging.

#![cfg(test)]

mod support;

use serde_json::json;
use support::{
    Client, FakeDaemon, Gate, Refused, Signal, eventually, every_operation, everything, get, post,
};

const JSON: &str = "Content-Type: application/json\r\n";
const FULL: Refused = Refused(503, "too_many_bodies");

/// A create whose body is so long.
fn of_length(bytes: usize) -> String {
    let body = format!(r#"{{"Image":"{}"}}"#, "a".repeat(bytes - 12));
    post("/containers/create", JSON, &body)
}

/// A client of another address.
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
fn s14_one_clients_unfinished_bodies_keep_nobody_else_waiting() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, &everything());
    let request = of_length(1 << 20);
    let unfinished: Vec<_> = (0..16)
        .map(|_| {
            let mut client = gate.connect();
            client.count(1);
            // What is refused need not be taken whole.
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

/// What was judged is held until the daemon answers, and counts as long.
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
