//! TLS on a listener: who is let in, what the records say, renewal, revocation, and where streams end.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, SerialNumber, date_time_ymd,
};
use rustls::ClientConfig;

use crate::support::command::dockgate;
use crate::support::tls::{Certificates, Identity, TlsClient, ask, config, connect, signed_by};
use crate::support::{FakeDaemon, Gate, RequestState, Setup, eventually, get, post};

const PING: &str = "GET /_ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const ALLOWED: &str = r#"allow = ["SystemPing", "SystemEvents", "ExecStart", "ContainerList"]"#;

/// A gate with TLS, and the files that `dockgate certs` made.
fn gate(daemon: &FakeDaemon, certificates: &Certificates, settings: &str) -> Gate {
    let mut setup = Setup::new(daemon, ALLOWED).settings(settings);
    let dir = certificates.dir().display().to_string();
    setup.env.push(("DOCKGATE_CERT_PATH", dir));
    setup.start()
}

fn pings(gate: &Gate, config: &Arc<ClientConfig>) -> Result<(), String> {
    let reply = ask(&gate.listeners()[0], config, PING)?;
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    Ok(())
}

#[test]
fn certificates_of_the_authority_are_let_in_with_both_versions() {
    let (daemon, certificates) = (FakeDaemon::start(), Certificates::new());
    let ci = certificates.client("ci");
    let mut gate = gate(&daemon, &certificates, "");
    for is_old in [false, true] {
        gate.count(1);
        let config = config(&certificates.path("ca.pem"), Some(&ci), is_old);
        pings(&gate, &config).unwrap();
        let record = gate.record();
        assert_eq!(record["client"]["certificate"], "CN=ci", "{record}");
        let fingerprint = record["client"]["fingerprint"].as_str().unwrap();
        let output = Command::new("openssl")
            .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
            .arg(certificates.path("clients/ci/cert.pem"))
            .output();
        let shown = String::from_utf8(output.unwrap().stdout).unwrap();
        let shown = shown.trim().split_once('=').unwrap().1.replace(':', "");
        assert_eq!(fingerprint, shown.to_lowercase());
    }
}

#[test]
fn every_other_certificate_is_refused_and_recorded() {
    let (daemon, certificates) = (FakeDaemon::start(), Certificates::new());
    let mut gate = gate(&daemon, &certificates, "");
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(["odd".to_owned()]).unwrap();
    let itself = Identity {
        chain: own.self_signed(&key).unwrap().pem(),
        key: key.serialize_pem(),
    };
    let elsewhere = Certificates::new().client("ci");
    let expired = certificates.odd(|it| it.not_after = date_time_ymd(2021, 1, 1));
    let future = certificates.odd(|it| it.not_before = date_time_ymd(2090, 1, 1));
    let of_server = Identity {
        chain: certificates.read("server-cert.pem"),
        key: certificates.read("server-key.pem"),
    };
    for (what, identity, want) in [
        (
            "another authority",
            Some(elsewhere),
            "an authority that is not in client_ca",
        ),
        (
            "self-signed",
            Some(itself),
            "an authority that is not in client_ca",
        ),
        ("expired", Some(expired), "has expired"),
        ("not yet valid", Some(future), "not valid yet"),
        ("of a server", Some(of_server), "cannot be used"),
    ] {
        for is_old in [false, true] {
            gate.count(1);
            let ca = certificates.path("ca.pem");
            let refused = pings(&gate, &config(&ca, identity.as_ref(), is_old));
            assert!(
                refused.is_err_and(|it| it.contains("received fatal alert")),
                "{what}"
            );
            let record = gate.record();
            assert_eq!(record["reason"], "tls_failed", "{what}: {record}");
            assert_eq!(record["verdict"], "deny", "{what}: {record}");
            let detail = record["detail"].as_str().unwrap();
            assert!(detail.contains(want), "{what}: {detail}");
            assert!(record.get("status").is_none() && record.get("path").is_none());
        }
    }
    // The health check is such a client, on the same host.
    let refused = pings(&gate, &certificates.config(None));
    assert!(refused.is_err_and(|it| it.contains("CertificateRequired")));
    daemon.assert_untouched("no request came through");
}

/// An authority below another one, which has revoked nothing.
#[test]
fn a_chain_over_another_authority_is_let_in() {
    let (daemon, certificates) = (FakeDaemon::start(), Certificates::new());
    let root_key = KeyPair::generate().unwrap();
    let authority = |name: &str| {
        let mut params = CertificateParams::new([]).unwrap();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    };
    let (root, middle) = (authority("root"), authority("middle"));
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let root = Issuer::new(root, root_key);
    let middle_key = KeyPair::generate().unwrap();
    let middle_pem = middle.signed_by(&middle_key, &root).unwrap().pem();
    let middle = Issuer::new(middle, middle_key);
    let mut ci = signed_by(&middle, |_| ());
    let alone = ci.clone();
    ci.chain.push_str(&middle_pem);
    let both = format!("{}{root_pem}", certificates.read("ca.pem"));
    certificates.replace("clients.pem", &both);
    let ca = certificates.path("clients.pem");
    let settings = format!(
        "[[listener]]\naddress = 'tcp://127.0.0.1:0'\ntls.client_ca = '{}'",
        ca.display()
    );
    let mut setup = Setup::new(&daemon, ALLOWED).settings(&settings);
    (setup.more_listeners, setup.listen) = (1, Vec::new());
    let dir = certificates.dir().display().to_string();
    setup.env.push(("DOCKGATE_CERT_PATH", dir));
    let gate = setup.start();
    gate.count(2);
    pings(&gate, &certificates.config(Some(&ci))).unwrap();
    let refused = pings(&gate, &certificates.config(Some(&alone)));
    assert!(refused.is_err(), "without the one between");
}

#[test]
fn clients_are_told_apart_by_their_certificates() {
    let (daemon, certificates) = (FakeDaemon::start(), Certificates::new());
    let (ci, pinned) = (certificates.client("ci"), certificates.client("pinned"));
    let named = certificates.odd(|_| ());
    let nobody = certificates.client("nobody");
    let (_, shown, _) = dockgate(
        &[
            "certs",
            "show",
            "--dir",
            certificates.dir().to_str().unwrap(),
        ],
        "",
    );
    let of_pinned = shown.split_once("CN=pinned").unwrap().1;
    let pin = of_pinned
        .lines()
        .find_map(|line| line.split_once("pin "))
        .unwrap()
        .1
        .trim();
    let settings = format!(
        "[[client]]\nname = 'ci'\nfrom = ['cert:CN=ci']\n[[client]]\nname = 'named'\nfrom = ['cert:SAN=odd']\n\
         [[client]]\nname = 'pinned'\nfrom = ['{pin}']\nallow = []\n"
    );
    let settings = settings.replace("allow = []\n", "deny = ['SystemPing']\n");
    let mut gate = gate(&daemon, &certificates, &settings);
    for (identity, status, name) in [
        (&ci, "200", Some("ci")),
        (&named, "200", Some("named")),
        (&pinned, "403", Some("pinned")),
        (&nobody, "403", None),
    ] {
        gate.count(1);
        let config = certificates.config(Some(identity));
        let reply = ask(&gate.listeners()[0], &config, PING).unwrap();
        assert_eq!(reply.split(' ').nth(1), Some(status), "{name:?}: {reply}");
        let record = gate.record();
        assert_eq!(record["client"]["name"].as_str(), name, "{record}");
        let by = name.map(|_| "certificate");
        assert_eq!(record["client"]["by"].as_str(), by, "{record}");
        let reason = if name.is_none() { "client_unknown" } else { "" };
        assert!(name.is_some() || record["reason"] == reason, "{record}");
    }
}

#[test]
fn whoever_does_not_speak_tls_is_told_so() {
    let (daemon, certificates) = (FakeDaemon::start(), Certificates::new());
    let mut gate = gate(&daemon, &certificates, "");
    let reply = gate.ask(get("/v1.45/containers/json"));
    assert_eq!(reply.status(), 400);
    let body = String::from_utf8(reply.body).unwrap();
    assert!(
        body.contains("this port speaks TLS: set DOCKER_TLS_VERIFY=1"),
        "{body}"
    );
    let record = gate.record();
    assert_eq!(record["reason"], "tls_required", "{record}");
    assert_eq!(record["operation"], "ContainerList", "{record}");
    let reply = gate.ask("no HTTP either\r\n\r\n");
    assert_eq!(reply.status(), 400);
    daemon.assert_untouched("no request came through");
}

#[test]
fn a_listener_can_let_everybody_in_and_resumes_only_their_sessions() {
    let (daemon, certificates) = (FakeDaemon::start(), Certificates::new());
    let settings = "[[listener]]\naddress = 'tcp://127.0.0.1:0'\ntls.client_ca = 'none'\n\
        [[listener]]\naddress = 'tcp://127.0.0.1:0'\ntls = false\n";
    let mut setup = Setup::new(&daemon, ALLOWED).settings(settings);
    setup.more_listeners = 2;
    let dir = certificates.dir().display().to_string();
    setup.env.push(("DOCKGATE_CERT_PATH", dir));
    let gate = setup.start();
    let resumed = |listener: usize, config: &Arc<ClientConfig>| {
        let mut kinds = Vec::new();
        for _ in 0..2 {
            gate.count(1);
            let mut client = connect(&gate.listeners()[listener], config);
            client.write_all(PING.as_bytes()).unwrap();
            client.read_to_end(&mut Vec::new()).unwrap();
            kinds.push(format!("{:?}", client.conn.handshake_kind().unwrap()));
        }
        kinds
    };
    let ci = certificates.client("ci");
    for is_old in [false, true] {
        let ca = certificates.path("ca.pem");
        let kinds = resumed(0, &config(&ca, Some(&ci), is_old));
        assert_eq!(kinds, ["Full", "Full"], "with certificates");
        let kinds = resumed(1, &config(&ca, None, is_old));
        assert_eq!(kinds, ["Full", "Resumed"], "without");
    }
    let mut plain = gate.connect_to(2);
    plain.request(PING);
    assert_eq!(plain.reply().status(), 200);
}

/// Waits until a connection ends; returns whether that was an orderly end.
fn ends(client: &mut TlsClient) -> bool {
    let mut space = [0; 1024];
    loop {
        match client.read(&mut space) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

fn events(exchange: &mut RequestState) {
    if exchange.target().ends_with("/events") {
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n");
        exchange.rest();
    } else {
        exchange.reply("200 OK", "", b"OK");
    }
}

/// A stream of events whose first one has arrived.
fn stream(gate: &Gate, config: &Arc<ClientConfig>) -> TlsClient {
    gate.count(1);
    let mut client = connect(&gate.listeners()[0], config);
    client.write_all(get("/events").as_bytes()).unwrap();
    let mut read = Vec::new();
    while !read.ends_with(b"{}\r\n") {
        let mut space = [0; 1024];
        let count = client.read(&mut space).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&space[..count]);
    }
    client
}

#[test]
fn revoking_a_certificate_ends_its_connections_and_no_others() {
    let (daemon, certificates) = (FakeDaemon::scripted(events), Certificates::new());
    let (ci, other) = (certificates.client("ci"), certificates.client("other"));
    let mut gate = gate(&daemon, &certificates, "");
    let (ci, other) = (
        certificates.config(Some(&ci)),
        certificates.config(Some(&other)),
    );
    let (mut open, stays) = (stream(&gate, &ci), stream(&gate, &other));
    let mut idle = connect(&gate.listeners()[0], &ci);
    gate.count(1);
    idle.write_all(get("/_ping").as_bytes()).unwrap();
    idle.read_exact(&mut [0; 8]).unwrap();
    gate.record();
    certificates.run(&["revoke", "ci"]);
    ends(&mut open);
    ends(&mut idle);
    let record = gate.record();
    assert_eq!(record["end"], "revoked", "{record}");
    assert_eq!(record["client"]["certificate"], "CN=ci", "{record}");
    gate.count(1);
    let refused = pings(&gate, &ci).unwrap_err();
    assert!(refused.contains("CertificateRevoked"), "{refused}");
    let record = gate.record();
    let detail = record["detail"].as_str().unwrap();
    assert!(detail.contains("certificate is revoked"), "{detail}");
    gate.count(1);
    pings(&gate, &other).unwrap();
    assert_eq!(gate.record()["status"], 200);
    // A list that is gone lets nobody in again.
    fs::remove_file(certificates.path("crl.pem")).unwrap();
    gate.assert_tells("crl.pem: is missing: restore it");
    gate.count(1);
    assert!(pings(&gate, &ci).is_err());
    gate.record();
    drop(stays);
}

#[test]
fn an_authority_that_is_removed_ends_its_connections() {
    let (daemon, certificates) = (FakeDaemon::scripted(events), Certificates::new());
    let elsewhere = Certificates::new();
    let both = certificates.read("ca.pem") + &elsewhere.read("ca.pem");
    let own = certificates.read("ca.pem");
    certificates.replace("ca.pem", &both);
    let ci = elsewhere.client("ci");
    let ci = config(
        &certificates.path("server-ca.pem").with_file_name("ca.pem"),
        Some(&ci),
        false,
    );
    let mut gate = gate(&daemon, &certificates, "");
    let mut open = stream(&gate, &ci);
    certificates.replace("ca.pem", &own);
    ends(&mut open);
    assert_eq!(gate.record()["end"], "revoked");
}

#[test]
fn a_renewed_certificate_is_used_and_a_broken_one_is_not() {
    let (daemon, certificates) = (FakeDaemon::start(), Certificates::new());
    let ci = certificates.client("ci");
    let gate = gate(&daemon, &certificates, "");
    let ci = certificates.config(Some(&ci));
    let shown = || {
        gate.count(1);
        let mut client = connect(&gate.listeners()[0], &ci);
        client.write_all(PING.as_bytes()).unwrap();
        client.read_to_end(&mut Vec::new()).unwrap();
        client.conn.peer_certificates().unwrap()[0].to_vec()
    };
    let first = shown();
    certificates.run(&["init"]);
    let second = eventually("the new certificate", || {
        Some(shown()).filter(|it| *it != first)
    });
    let cert = certificates.read("server-cert.pem");
    for (file, text, want) in [
        (
            "server-cert.pem",
            "no",
            "server-cert.pem: has no certificate in PEM format",
        ),
        (
            "server-cert.pem",
            &Certificates::new().read("server-cert.pem"),
            "server-key.pem: is not the key of ",
        ),
    ] {
        certificates.replace(file, text);
        gate.assert_tells(want);
        gate.assert_tells("the old file stays in force");
        assert!(shown() == second, "{want}");
    }
    certificates.replace("server-cert.pem", &cert);
    // SIGHUP reads the files at once.
    gate.reload("TLS with ");
    assert!(shown() == second);
}

#[test]
fn a_key_that_only_root_can_read_is_read_once_and_said_to_be() {
    let (daemon, certificates) = (FakeDaemon::start(), Certificates::new());
    let ci = certificates.client("ci");
    let closed = fs::Permissions::from_mode(0o600);
    fs::set_permissions(certificates.path("server-key.pem"), closed).unwrap();
    let mut gate = gate(&daemon, &certificates, "");
    gate.assert_tells("a renewed certificate needs a restart: ");
    gate.assert_tells("server-key.pem: user 65532 cannot read this key: run ");
    let ci = certificates.config(Some(&ci));
    gate.count(1);
    pings(&gate, &ci).unwrap();
    gate.record();
    // The other files are read again.
    certificates.run(&["revoke", "ci"]);
    gate.assert_tells("not reloaded: ");
    gate.count(1);
    let refused = pings(&gate, &ci).unwrap_err();
    assert!(refused.contains("CertificateRevoked"), "{refused}");
    assert_eq!(gate.record()["reason"], "tls_failed");
}

#[test]
fn the_health_check_speaks_tls_and_is_not_recorded() {
    let (daemon, certificates) = (FakeDaemon::start(), Certificates::new());
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", held.local_addr().unwrap());
    drop(held);
    for client_ca in ["", "none"] {
        let mut setup = Setup::new(&daemon, ALLOWED);
        let dir = certificates.dir().display().to_string();
        setup.env.push(("DOCKGATE_CERT_PATH", dir));
        setup
            .env
            .push(("DOCKGATE_LISTENER_0__ADDRESS", address.clone()));
        if client_ca == "none" {
            setup
                .env
                .push(("DOCKGATE_LISTENER_0__TLS__CLIENT_CA", client_ca.to_owned()));
        }
        let variables = setup.env.clone();
        (setup.more_listeners, setup.listen) = (1, Vec::new());
        let gate = setup.start();
        let check = || {
            let output = Command::new(env!("CARGO_BIN_EXE_dockgate"))
                .args(["healthcheck", "--upstream", daemon.upstream()])
                .env_clear()
                .envs(variables.clone())
                .output();
            String::from_utf8(output.unwrap().stdout).unwrap()
        };
        assert_eq!(check(), "healthy\n", "{client_ca}");
        drop(gate);
        let said = check();
        assert!(said.starts_with("unhealthy: tcp://127.0.0.1:"), "{said}");
    }
}

#[test]
fn what_cannot_be_used_does_not_start() {
    let daemon = FakeDaemon::start();
    let refused = |change: &dyn Fn(&Certificates), want: &str| {
        let certificates = Certificates::new();
        change(&certificates);
        let mut setup = Setup::new(&daemon, ALLOWED);
        let dir = certificates.dir().display().to_string();
        setup.env.push(("DOCKGATE_CERT_PATH", dir.clone()));
        let (code, said) = setup.refused();
        assert_eq!(code, 78, "{want}: {said}");
        assert!(said.contains(want), "{want}: {said}");
    };
    let key = KeyPair::generate().unwrap().serialize_pem();
    for (file, text, want) in [
        ("server-key.pem", "no", "has no private key in PEM format"),
        ("server-key.pem", &*key, "is not the key of "),
        ("crl.pem", "no", "has no list of revoked certificates"),
        ("ca.pem", "", "ca.pem: has no certificate in PEM format"),
    ] {
        refused(&|it| it.replace(file, text), want);
    }
    refused(
        &|it| fs::remove_file(it.path("server-key.pem")).unwrap(),
        "server-key.pem: no such file",
    );
    let odd = |change: &dyn Fn(&mut CertificateParams), want| {
        let replace = |it: &Certificates| {
            let made = it.odd(change);
            it.replace("server-cert.pem", &made.chain);
            it.replace("server-key.pem", &made.key);
        };
        refused(&replace, want);
    };
    odd(
        &|it| it.not_after = date_time_ymd(2021, 1, 1),
        "server-cert.pem: expired ",
    );
    odd(
        &|it| it.not_before = date_time_ymd(2090, 1, 1),
        "server-cert.pem: is not valid yet",
    );
    odd(
        &|it| it.subject_alt_names.clear(),
        "has no names (subjectAltName)",
    );
    let foreign = |it: &Certificates| {
        let chain = it.read("server-cert.pem") + &Certificates::new().read("ca.pem");
        it.replace("server-cert.pem", &chain);
    };
    refused(&foreign, "certificate 1 was not issued by certificate 2");
}

/// A hijacked connection that echoes until its client has ended, and then says goodbye.
fn echo(exchange: &mut RequestState) {
    exchange.body();
    exchange.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    let heard = exchange.rest();
    exchange.send([&heard[..], b" and goodbye"].concat());
    exchange.half_close();
}

fn attach(gate: &Gate, config: &Arc<ClientConfig>) -> TlsClient {
    gate.count(1);
    let mut client = connect(&gate.listeners()[0], config);
    let upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\n";
    let body = r#"{"Detach":false,"Tty":false}"#;
    client
        .write_all(post("/exec/e1/start", upgrade, body).as_bytes())
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    client
}

#[test]
fn the_end_of_tls_is_half_an_end_and_a_cut_is_none() {
    let (daemon, certificates) = (FakeDaemon::scripted(echo), Certificates::new());
    let ci = certificates.client("ci");
    let mut gate = gate(&daemon, &certificates, "");
    let ci = certificates.config(Some(&ci));
    let mut client = attach(&gate, &ci);
    client.write_all(b"hello").unwrap();
    client.conn.send_close_notify();
    client.flush().unwrap();
    let mut heard = String::new();
    client.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "hello and goodbye");
    assert_eq!(gate.record()["end"], "complete");
    // The same without the message of TLS: whoever is between the two could have done that.
    let mut client = attach(&gate, &ci);
    client.write_all(b"hello").unwrap();
    client.sock.shutdown(std::net::Shutdown::Write).unwrap();
    let mut heard = Vec::new();
    let cut = client.read_to_end(&mut heard);
    assert!(
        cut.is_err() || heard.is_empty(),
        "{}",
        String::from_utf8_lossy(&heard)
    );
    assert_eq!(gate.record()["end"], "client_gone");
}

#[test]
fn a_thousand_half_open_handshakes_stop_nobody() {
    let (daemon, certificates) = (FakeDaemon::start(), Certificates::new());
    let ci = certificates.client("ci");
    let settings = "[[listener]]\naddress = 'tcp://127.0.0.1:0'\ntls = false\n\
        [limits]\nconnections_per_client = 4096\n";
    let mut setup = Setup::new(&daemon, ALLOWED).settings(settings);
    setup.more_listeners = 1;
    let dir = certificates.dir().display().to_string();
    setup.env.push(("DOCKGATE_CERT_PATH", dir));
    let gate = setup.start();
    let address = gate.listeners()[0].trim_start_matches("tcp://").to_owned();
    let half_open: Vec<_> = (0..400)
        .map(|_| {
            let mut socket = TcpStream::connect(&address).unwrap();
            socket.write_all(&[22, 3, 1]).unwrap();
            socket
        })
        .collect();
    gate.count(1);
    let start = Instant::now();
    pings(&gate, &certificates.config(Some(&ci))).unwrap();
    let mut plain = gate.connect_to(1);
    plain.request(PING);
    assert_eq!(plain.reply().status(), 200);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    // Each of them is recorded once it ends.
    gate.count(half_open.len());
    drop(half_open);
    let want = "the client left during it";
    eventually("their records", || {
        let lines = gate.lines();
        let failed = lines
            .iter()
            .filter(|line| line["detail"].as_str().is_some_and(|it| it.contains(want)));
        (failed.count() == 400).then_some(())
    });
}

#[test]
fn a_request_that_is_cut_is_never_taken_for_complete() {
    let (daemon, certificates) = (FakeDaemon::start(), Certificates::new());
    let ci = certificates.client("ci");
    let mut gate = gate(&daemon, &certificates, "");
    let ci = certificates.config(Some(&ci));
    let whole = post(
        "/exec/e1/start",
        "Content-Type: application/json\r\n",
        r#"{"Detach":true}"#,
    );
    for at in [whole.len() - 1, whole.len() - 20] {
        gate.count(1);
        let mut client = connect(&gate.listeners()[0], &ci);
        client.write_all(&whole.as_bytes()[..at]).unwrap();
        client.sock.shutdown(std::net::Shutdown::Both).unwrap();
        let record = gate.record();
        assert_ne!(record["verdict"], "allow", "{at}: {record}");
    }
    daemon.assert_untouched("half a request");
}

/// Dockgate as a daemon that speaks TLS, before the real one.
#[test]
fn a_daemon_that_speaks_tls_must_have_its_name_and_gets_our_certificate() {
    let (daemon, certificates) = (FakeDaemon::scripted(events), Certificates::new());
    // Not with the address, too.
    certificates.run(&["init", "--host", "localhost"]);
    certificates.client("proxy");
    let other = Certificates::new();
    other.client("proxy");
    let far = gate(&daemon, &certificates, "");
    let port = far.listeners()[0].rsplit_once(':').unwrap().1.to_owned();
    let near = |host: &str, ca: &Certificates, own: Option<&Certificates>| {
        let file = |of: &Certificates, name: &str| of.path(name).display().to_string();
        let own = own.map_or(String::new(), |own| {
            let (cert, key) = ("clients/proxy/cert.pem", "clients/proxy/key.pem");
            format!("cert = '{}'\nkey = '{}'\n", file(own, cert), file(own, key))
        });
        let settings = format!("[upstream_tls]\nca = '{}'\n{own}", file(ca, "ca.pem"));
        let setup = Setup::before(format!("tcp://{host}:{port}"), ALLOWED);
        setup.settings(&settings).start()
    };
    let good = near("localhost", &certificates, Some(&certificates));
    assert_eq!(good.ask(PING).status(), 200);
    let mut client = good.connect();
    client.request(get("/events"));
    assert_eq!(client.head().first, "HTTP/1.1 200 OK");
    assert_eq!(client.chunk().as_deref(), Some("{}"));
    drop(client);
    for (host, ca, own, want) in [
        (
            "127.0.0.1",
            &certificates,
            Some(&certificates),
            "the daemon's certificate is not right",
        ),
        (
            "localhost",
            &other,
            Some(&certificates),
            "an authority that is not in `upstream_tls.ca`",
        ),
    ] {
        let bad = near(host, ca, own);
        let reply = bad.ask(PING);
        assert_eq!(reply.status(), 502, "{want}");
        bad.assert_tells(want);
    }
    for own in [None, Some(&other)] {
        let bad = near("localhost", &certificates, own);
        assert_eq!(bad.ask(PING).status(), 502);
    }
    drop(good);
    let is_there = |key: &str, want: &str| far.lines().iter().any(|it| it[key] == want);
    eventually("the records of the last two", || {
        (is_there("end", "client_gone") && is_there("reason", "tls_failed")).then_some(())
    });
    let lines = far.lines();
    let pings = lines
        .iter()
        .filter(|it| it["client"]["certificate"] == "CN=proxy");
    assert!(pings.count() >= 2, "{lines:#?}");
    let requests = lines.iter().filter(|it| it["event"] == "request");
    far.count(requests.count());
}

/// The list of another authority revokes nothing of ours.
#[test]
fn a_list_that_another_authority_signed_revokes_nothing() {
    let (daemon, certificates) = (FakeDaemon::start(), Certificates::new());
    let ci = certificates.client("ci");
    let serial = {
        let shown = Command::new("openssl")
            .args(["x509", "-noout", "-serial", "-in"])
            .arg(certificates.path("clients/ci/cert.pem"))
            .output();
        let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
        let hex = shown.trim().split_once('=').unwrap().1.to_owned();
        let bytes = (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16));
        bytes.collect::<Result<Vec<_>, _>>().unwrap()
    };
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::CrlSign];
    let forger = Issuer::new(params, key);
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2020, 1, 1),
        next_update: date_time_ymd(2090, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![rcgen::RevokedCertParams {
            serial_number: SerialNumber::from_slice(&serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = list.signed_by(&forger).unwrap().pem().unwrap();
    certificates.replace("crl.pem", &list);
    let gate = gate(&daemon, &certificates, "");
    gate.count(1);
    pings(&gate, &certificates.config(Some(&ci))).unwrap();
}
