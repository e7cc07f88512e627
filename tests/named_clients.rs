//! Clients with rules of their own, as far as they show without a real engine: unix sockets and listeners that are one
//! client's, connections of nobody, and rights that end while a stream is open.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::folder::Folder;
use crate::support::objects::id;
use crate::support::{FakeDaemon, Gate, Refused, Reply, RequestState, Setup, get, post};

const UNKNOWN: Refused = Refused(403, "client_unknown");
const NOT_GRANTED: Refused = Refused(403, "not_granted");

/// Reads endlessly, enters containers, and asks for the version.
const ALLOWED: &str = r#"allow = ["SystemEvents", "SystemVersion", "ExecStart", "ContainerList"]"#;

/// A Dockgate that identifies clients by the users that connect to its socket. Tests run as root.
struct Clients {
    gate: Gate,
    folder: Folder,
}

impl Clients {
    fn start(daemon: &FakeDaemon, clients: &str) -> Self {
        let folder = Folder::new();
        folder.write("allowed.toml", ALLOWED);
        folder.write("version.toml", r#"allow = ["SystemVersion"]"#);
        let mut setup = Setup::new(daemon, "").settings(&settings(folder.path(), clients));
        (setup.policy, setup.more_listeners) = (None, 1);
        setup.listen.clear();
        Self {
            gate: setup.start(),
            folder,
        }
    }

    /// Puts other clients into the settings, and reloads until it says so.
    fn change(&self, clients: &str, said: &str) {
        let settings = settings(self.folder.path(), clients);
        fs::write(self.gate.files().0, settings).unwrap();
        self.gate.reload(said);
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// `DIR` in the settings is the folder of the policies.
fn settings(folder: &Path, clients: &str) -> String {
    let settings = format!("[[listener]]\naddress = \"unix://DIR/gate.sock\"\n{clients}");
    settings.replace("DIR", &folder.display().to_string())
}

const ROOT: &str = "[[client]]\nname = 'root'\nfrom = ['uid:0']\npolicy = ['DIR/allowed.toml']\n";
const OTHER: &str =
    "[[client]]\nname = 'other'\nfrom = ['uid:4711']\npolicy = ['DIR/version.toml']\n";

/// Answers events and execs without an end.
fn endless(exchange: &mut RequestState) {
    match exchange.target() {
        "/events" => {
            exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n");
        }
        "/exec/e1/start" => {
            exchange
                .send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello");
            exchange.rest();
        }
        _ => exchange.reply("200 OK", "", b"done"),
    }
}

fn exec() -> String {
    post(
        "/exec/e1/start",
        "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\n",
        r#"{"Detach":false,"Tty":false}"#,
    )
}

#[test]
fn a_user_has_the_rules_of_its_client_and_others_have_none() {
    let daemon = FakeDaemon::start();
    let mut clients = Clients::start(&daemon, &format!("{ROOT}{OTHER}"));
    clients
        .gate
        .ask(get("/containers/json"))
        .assert_ok("allowed");
    let record = clients.gate.record();
    let client = json!({"address": "-", "name": "root", "by": "uid"});
    assert_eq!(record["client"], client);
    NOT_GRANTED.assert(&clients.gate.ask(get("/info")), "not allowed");
    let daemon = FakeDaemon::start();
    let mut clients = Clients::start(&daemon, OTHER);
    let mut client = clients.gate.connect();
    for _ in 0..2 {
        client.request(get("/version"));
        UNKNOWN.assert(&client.reply(), "nobody");
    }
    let record = clients.gate.record();
    assert_eq!(record["client"], json!({"address": "-"}));
    assert_eq!(
        (&record["verdict"], &record["operation"]),
        (&"deny".into(), &"SystemVersion".into())
    );
    daemon.assert_untouched("nobody");
}

#[test]
fn others_have_the_rules_of_their_listener_if_they_may_connect() {
    let daemon = FakeDaemon::start();
    let clients = format!("policy = ['DIR/allowed.toml']\n{OTHER}");
    // Keys of the settings come before the first table.
    let folder = Folder::new();
    folder.write("allowed.toml", ALLOWED);
    folder.write("version.toml", r#"allow = ["SystemVersion"]"#);
    let settings = settings(folder.path(), &clients);
    let settings = format!("unknown_client = 'listener'\n{settings}");
    let mut setup = Setup::new(&daemon, "").settings(&settings);
    (setup.policy, setup.more_listeners) = (None, 1);
    setup.listen.clear();
    let mut gate = setup.start();
    gate.ask(get("/containers/json"))
        .assert_ok("as the listener says");
    assert_eq!(gate.record()["client"], json!({"address": "-"}));
}

#[test]
fn a_listener_can_be_one_clients() {
    let daemon = FakeDaemon::start();
    let listener = "client = 'ci'\n[[client]]\nname = 'ci'\npolicy = ['DIR/version.toml']\n";
    let mut clients = Clients::start(&daemon, listener);
    clients.gate.ask(get("/version")).assert_ok("allowed");
    assert_eq!(clients.gate.record()["client"]["by"], "listener");
    NOT_GRANTED.assert(&clients.gate.ask(get("/events")), "not allowed");
}

#[test]
fn what_a_client_does_ends_with_its_rights() {
    let daemon = FakeDaemon::scripted(endless);
    let mut clients = Clients::start(&daemon, &format!("{ROOT}{OTHER}"));
    let mut idle = clients.gate.connect();
    idle.request(get("/version"));
    idle.reply().assert_ok("before");
    let mut events = clients.gate.connect();
    events.request(get("/events"));
    events.head();
    events.chunk();
    let mut entered = clients.gate.connect();
    entered.request(exec());
    entered.head();
    assert_eq!(entered.exactly(5), b"hello");
    assert_eq!(clients.gate.record()["operation"], "SystemVersion");
    clients.change(OTHER, "no longer: client root");
    while matches!(events.try_chunk(), Ok(Some(_))) {}
    assert_eq!(entered.rest(), b"", "a tunnel");
    idle.assert_closed("an idle connection");
    let ends = [clients.gate.record(), clients.gate.record()];
    assert!(
        ends.iter().all(|record| record["end"] == "revoked"),
        "{ends:?}"
    );
    UNKNOWN.assert(&clients.gate.ask(get("/version")), "the next connection");
}

#[test]
fn a_stream_continues_if_its_right_stays_and_ends_if_only_that_goes() {
    let daemon = FakeDaemon::scripted(endless);
    let mut clients = Clients::start(&daemon, &format!("{ROOT}{OTHER}"));
    let mut events = clients.gate.connect();
    events.request(get("/events"));
    events.head();
    events.chunk();
    let mut entered = clients.gate.connect();
    entered.request(exec());
    entered.head();
    assert_eq!(entered.exactly(5), b"hello");
    // Nothing changes for this client.
    clients.change(ROOT, "reloaded for client root");
    assert!(events.stays_silent() && entered.stays_silent());
    // A read that no block judges continues when a block changes; an exec, which one judges, ends.
    fs::write(
        clients.file("allowed.toml"),
        format!("{ALLOWED}\n[exec]\ninto = ['ci-*']"),
    )
    .unwrap();
    clients.change(ROOT, "reloaded for client root");
    assert_eq!(entered.rest(), b"", "its block changed");
    assert_eq!(clients.gate.record()["end"], "revoked");
    assert!(events.stays_silent());
    fs::write(clients.file("allowed.toml"), r#"allow = ["SystemVersion"]"#).unwrap();
    clients.change(ROOT, "reloaded for client root");
    while matches!(events.try_chunk(), Ok(Some(_))) {}
    let record = clients.gate.record();
    assert_eq!(
        (&record["operation"], &record["end"]),
        (&"SystemEvents".into(), &"revoked".into())
    );
}

#[test]
fn a_request_without_a_reply_ends_with_its_right() {
    let daemon = FakeDaemon::scripted(|exchange| {
        exchange.stays_silent();
    });
    let mut clients = Clients::start(&daemon, ROOT);
    let mut waiting = clients.gate.connect();
    waiting.request(get("/version"));
    daemon.wait_for_request(1);
    clients.change(OTHER, "no longer: client root");
    UNKNOWN.assert(&waiting.reply(), "its outcome stays unknown");
    let record = clients.gate.record();
    assert_eq!(
        (&record["verdict"], &record["end"]),
        (&"allow".into(), &"revoked".into())
    );
}

#[test]
fn a_client_has_as_many_connections_as_its_own_limit() {
    let daemon = FakeDaemon::start();
    let limited = format!("{ROOT}limits = {{ connections = 2 }}\n");
    let clients = Clients::start(&daemon, &limited);
    let mut open = [clients.gate.connect(), clients.gate.connect()];
    for client in &mut open {
        client.request(get("/version"));
        client.reply().assert_ok("within its limit");
    }
    let reply = clients.gate.ask(get("/version"));
    Refused(503, "too_many_connections").assert(&reply, "the third");
}

#[test]
fn a_user_is_identified_without_the_daemon_and_gets_502() {
    let folder = Folder::new();
    let daemon = FakeDaemon::start_in(folder);
    let mut clients = Clients::start(&daemon, ROOT);
    drop(daemon);
    Refused(502, "daemon_unreachable").assert(&clients.gate.ask(get("/version")), "away");
    assert_eq!(clients.gate.record()["client"]["name"], "root");
}

/// The network on which clients reach a Dockgate that listens on 127.0.0.1 of this machine.
const EDGE: &str = r#"{"Id":"EDGE","Name":"edge","Driver":"bridge","Options":{"com.docker.network.bridge.name":"lo"},"IPAM":{"Config":[
    {"Subnet":"127.0.0.0/24","Gateway":"127.0.0.1"}]}}"#;
/// One that is reached elsewhere.
const OTHER_NETWORK: &str = r#"{"Id":"CI","Name":"ci","Driver":"bridge","IPAM":{"Config":[
    {"Subnet":"127.0.9.0/24","Gateway":"127.0.9.1"}]}}"#;
const RUNNER: &str = "127.0.0.5";

fn networks(daemon: FakeDaemon) -> FakeDaemon {
    let list = format!("[{EDGE},{OTHER_NETWORK}]").replace("EDGE", &id("edge"));
    let list = list.replace("CI", &id("ci"));
    daemon.that_answers("/networks", "200 OK", list.as_bytes())
}

/// A daemon with the container `runner` at its address on the network `edge`.
fn with_runner(daemon: FakeDaemon, running: bool) -> FakeDaemon {
    let (edge, runner) = (id("edge"), id("runner"));
    let containers = json!({"Containers": {&runner: {"IPv4Address": format!("{RUNNER}/24")}}});
    let endpoint = json!({"NetworkID": edge, "IPAddress": RUNNER});
    let inspected = json!({
        "Name": "/runner",
        "State": {"Running": running},
        "Config": {"Image": "runner:1", "Labels": {
            "team": "ci", "com.docker.compose.project": "ci", "com.docker.compose.service": "runner",
        }},
        "NetworkSettings": {"Networks": {"edge": endpoint}},
    });
    networks(daemon)
        .that_has(&format!("/networks/{edge}"), &containers.to_string())
        .that_has(
            &format!("/containers/{runner}/json"),
            &inspected.to_string(),
        )
}

/// A Dockgate on the host that identifies a client by `from`.
fn on_the_host(daemon: &FakeDaemon, from: &str) -> Gate {
    let settings = format!("[[client]]\nname = 'ci'\nfrom = ['{from}']\n");
    Setup::new(daemon, ALLOWED).settings(&settings).start()
}

/// Asks from an address of this machine.
fn ask_from(gate: &Gate, address: &str) -> Reply {
    let mut client = gate.connect_from(&format!("{address}:0"));
    client.request(get("/version"));
    client.reply()
}

#[test]
fn a_network_is_identified_by_both_ends_of_a_connection() {
    let daemon = networks(FakeDaemon::start());
    let mut gate = on_the_host(&daemon, "network:edge");
    ask_from(&gate, RUNNER).assert_ok("from the network");
    let address = gate.record()["client"].clone();
    assert_eq!(
        (&address["name"], &address["by"]),
        (&"ci".into(), &"network".into())
    );
    for (address, case) in [
        ("127.0.0.1", "the gateway"),
        ("127.0.9.5", "of another network"),
        ("127.0.7.5", "of none"),
    ] {
        UNKNOWN.assert(&ask_from(&gate, address), case);
    }
    let gate = on_the_host(&daemon, "network:ci");
    // It would have to be dialed at 127.0.9.1.
    UNKNOWN.assert(
        &ask_from(&gate, "127.0.9.5"),
        "dialed at another network's address",
    );
    let gate = on_the_host(&daemon, "127.0.0.0/24");
    ask_from(&gate, RUNNER).assert_ok("an address");
    UNKNOWN.assert(&ask_from(&gate, "127.0.0.1"), "the gateway");
}

#[test]
fn a_container_is_identified_by_its_address_its_name_and_its_labels() {
    let daemon = with_runner(FakeDaemon::start(), true);
    for (from, by) in [
        ("container:runner", "container"),
        ("service:ci/runner", "service"),
        ("label:team=ci", "label"),
    ] {
        let mut gate = on_the_host(&daemon, from);
        ask_from(&gate, RUNNER).assert_ok(from);
        let mut client = gate.record()["client"].clone();
        client.as_object_mut().unwrap().remove("address");
        let want = json!({
            "name": "ci", "by": by, "container": id("runner"), "container_name": "runner", "image": "runner:1",
        });
        assert_eq!(client, want);
        UNKNOWN.assert(&ask_from(&gate, "127.0.0.6"), "an address of no container");
    }
    for from in [
        "container:run",
        "service:ci/other",
        "label:team=c",
        "label:team=",
    ] {
        let gate = on_the_host(&daemon, from);
        UNKNOWN.assert(&ask_from(&gate, RUNNER), from);
    }
}

#[test]
fn a_connection_that_two_clients_match_is_neither_ones() {
    let daemon = with_runner(FakeDaemon::start(), true);
    let settings = "[[client]]\nname = 'ci'\nfrom = ['network:edge']\n[[client]]\nname = 'runner'\n\
        from = ['container:runner']\n";
    let mut gate = Setup::new(&daemon, ALLOWED).settings(settings).start();
    Refused(403, "client_ambiguous").assert(&ask_from(&gate, RUNNER), "both");
    let record = gate.record();
    assert_eq!(record["client"]["container_name"], "runner", "{record}");
    ask_from(&gate, "127.0.0.6").assert_ok("only on the network");
}

#[test]
fn a_dead_senders_connection_does_not_belong_to_the_next_holder_of_its_address() {
    // The container joined the network after its address was last heard, as far as the daemon says, however often the
    // kernel asks.
    let (edge, runner) = (id("edge"), id("runner"));
    let event = json!({
        "Type": "network", "Action": "connect",
        "Actor": {"ID": edge, "Attributes": {"container": runner, "name": "edge"}},
    });
    let unclear = Refused(503, "identity_unknown");
    for (id_of_network, reason) in [(&edge, Some(unclear)), (&id("ci"), None)] {
        let event = event.to_string().replace(&edge, id_of_network) + "\n";
        let daemon = with_runner(FakeDaemon::start(), true);
        let daemon = daemon.that_answers("/events", "200 OK", event.as_bytes());
        let gate = on_the_host(&daemon, "container:runner");
        let reply = ask_from(&gate, RUNNER);
        match reason {
            Some(refused) => _ = refused.assert(&reply, "joined later"),
            None => reply.assert_ok("joined another network"),
        }
    }
    // So much happened that the daemon may have forgotten it.
    let many = format!("{}\n", json!({"Type": "container", "Action": "exec_start"})).repeat(256);
    let daemon = with_runner(FakeDaemon::start(), true);
    let daemon = daemon.that_answers("/events", "200 OK", many.as_bytes());
    let gate = on_the_host(&daemon, "container:runner");
    Refused(503, "identity_unknown").assert(&ask_from(&gate, RUNNER), "forgotten");
}

#[test]
fn what_cannot_be_found_out_is_not_guessed() {
    for daemon in [
        with_runner(FakeDaemon::start(), false),
        with_runner(FakeDaemon::start(), true).that_answers("/networks", "500 Oops", b"{}"),
        with_runner(FakeDaemon::start(), true).that_answers("/events", "500 Oops", b"{}"),
    ] {
        let mut gate = on_the_host(&daemon, "container:runner");
        Refused(503, "identity_unknown").assert(&ask_from(&gate, RUNNER), "within 5 s");
        assert_eq!(gate.record()["client"].get("name"), None);
        daemon.assert_only_looked_up("nothing is sent for it");
    }
}

#[test]
fn what_identifies_a_client_is_reserved_for_all() {
    let daemon = with_runner(FakeDaemon::start(), true);
    let policy = "allow = ['ContainerCreate', 'ContainerRename', 'NetworkConnect']";
    let clients = [
        "container:runner",
        "label:team=ci",
        "service:ci/runner",
        "network:edge",
    ];
    let settings = format!("[[client]]\nname = 'ci'\nfrom = {clients:?}\n");
    let gate = Setup::new(&daemon, policy).settings(&settings).start();
    let create = |name: &str, body: &str| {
        let target = format!("/containers/create?name={name}");
        post(&target, "Content-Type: application/json\r\n", body)
    };
    for (request, is_reserved) in [
        (create("runner", r#"{"Image":"a"}"#), true),
        (create("runner2", r#"{"Image":"a"}"#), false),
        (create("x", r#"{"Image":"a","Labels":{"team":"ci"}}"#), true),
        (
            create("x", r#"{"Image":"a","Labels":{"team":"cd"}}"#),
            false,
        ),
        (post("/containers/web/rename?name=runner", "", ""), true),
        (post("/containers/web/rename?name=walker", "", ""), false),
    ] {
        let mut client = gate.connect_from(&format!("{RUNNER}:0"));
        client.request(&request);
        let reply = client.reply();
        if is_reserved {
            Refused(403, "reserved").assert(&reply, &request);
        } else {
            assert_ne!(
                reply.head.get("Dockgate-Reason"),
                Some("reserved"),
                "{request}"
            );
        }
    }
    // What its image brings does not make a container a client.
    let requests = daemon.requests();
    let body = requests[0]
        .body
        .as_ref()
        .map(|body| String::from_utf8_lossy(body).into_owned());
    let body: serde_json::Value = serde_json::from_str(&body.unwrap()).unwrap();
    assert_eq!(body["Labels"]["team"], "", "{body}");
}
