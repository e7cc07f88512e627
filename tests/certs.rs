//! `dockgate certs`: the files, their modes, and what OpenSSL's strict checks say of them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use crate::support::command::dockgate;
use crate::support::folder::Folder;

/// Runs `dockgate certs` in a folder; returns its exit code and everything that it says.
fn certs(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let dir = folder.join("certs");
    let dir = dir.to_str().unwrap();
    let arguments = [&["certs"], arguments, &["--dir", dir]].concat();
    let (code, out, err) = dockgate(&arguments, "");
    (code, format!("{out}{err}"))
}

#[track_caller]
fn made(folder: &Path, arguments: &[&str]) -> String {
    let (code, said) = certs(folder, arguments);
    assert_eq!(code, 0, "{arguments:?}: {said}");
    said
}

/// What OpenSSL's strict check says of a certificate, for this purpose.
fn verified(folder: &Path, file: &str, more: &[&str]) -> (bool, String) {
    let dir = folder.join("certs");
    let output = Command::new("openssl")
        .args(["verify", "-x509_strict", "-CAfile", "ca.pem"])
        .args(more)
        .arg(file)
        .current_dir(dir)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    (output.status.success(), said)
}

const OF_SERVER: &[&str] = &[
    "-purpose",
    "sslserver",
    "-verify_hostname",
    "docker.example",
];
const OF_CLIENT: &[&str] = &["-purpose", "sslclient"];
const WITH_LIST: &[&str] = &["-purpose", "sslclient", "-crl_check", "-CRLfile", "crl.pem"];

#[test]
fn openssl_accepts_what_was_made_and_rejects_what_was_revoked() {
    let folder = Folder::new();
    let at = folder.path();
    made(
        at,
        &["init", "--host", "docker.example", "--host", "192.0.2.7"],
    );
    made(at, &["client", "ci"]);
    made(at, &["client", "other"]);
    let (ci, other) = ("clients/ci/cert.pem", "clients/other/cert.pem");
    for (file, checks, is_good) in [
        ("server-cert.pem", OF_SERVER, true),
        ("server-cert.pem", OF_CLIENT, false),
        (ci, OF_CLIENT, true),
        (ci, OF_SERVER, false),
        (ci, WITH_LIST, true),
    ] {
        let (is_accepted, said) = verified(at, file, checks);
        assert_eq!(is_accepted, is_good, "{file} {checks:?}: {said}");
    }
    // One that was renewed is still in use somewhere.
    let old = fs::read(at.join("certs").join(ci)).unwrap();
    fs::write(at.join("certs/old.pem"), old).unwrap();
    made(at, &["client", "ci"]);
    let said = made(at, &["revoke", "ci"]);
    assert!(said.contains("revoked 2 certificates of ci"), "{said}");
    for (file, is_good) in [(ci, false), ("old.pem", false), (other, true)] {
        let (is_accepted, said) = verified(at, file, WITH_LIST);
        assert_eq!(is_accepted, is_good, "{file}: {said}");
        assert!(is_good || said.contains("certificate revoked"), "{said}");
    }
    made(at, &["client", "ci"]);
    assert!(verified(at, ci, WITH_LIST).0, "a new one after that");
    let shown = made(at, &["show"]);
    for part in [
        "ca.pem: CN=Dockgate CA ",
        "server-cert.pem: CN=docker.example",
        "names        docker.example, 192.0.2.7",
        "clients/other/cert.pem: CN=other",
        " days left)",
        "cert:SPKI=sha256/",
    ] {
        assert!(shown.contains(part), "{part}: not in {shown}");
    }
}

#[test]
fn keys_are_closed_to_others_and_in_the_layout_of_docker() {
    let folder = Folder::new();
    let at = folder.path();
    made(at, &["init", "--host", "localhost"]);
    let said = made(at, &["client", "ci"]);
    // Tests run as root.
    for (file, mode, group) in [
        ("ca.pem", 0o644, 0),
        ("ca-key.pem", 0o600, 0),
        ("server-cert.pem", 0o644, 0),
        ("server-key.pem", 0o640, 65_532),
        ("crl.pem", 0o644, 0),
        ("clients/ci/ca.pem", 0o644, 0),
        ("clients/ci/cert.pem", 0o644, 0),
        ("clients/ci/key.pem", 0o640, 65_532),
    ] {
        let found = fs::metadata(at.join("certs").join(file)).unwrap();
        let found = (found.mode() & 0o777, found.uid(), found.gid());
        assert_eq!(found, (mode, 0, group), "{file}");
    }
    for program in [
        "export DOCKER_HOST=tcp://localhost:2376 DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=",
        "docker context create ci --docker host=tcp://localhost:2376,ca=",
        "Traefik ",
        "docker-py ",
        "dockerode ",
        "Testcontainers ",
        r#"from = ["cert:CN=ci"]"#,
    ] {
        assert!(said.contains(program), "{program}: not in {said}");
    }
}

#[test]
fn the_authority_stays_when_the_servers_certificate_is_renewed() {
    let folder = Folder::new();
    let at = folder.path();
    made(at, &["init", "--host", "docker.example"]);
    let read = |name: &str| fs::read_to_string(at.join("certs").join(name)).unwrap();
    let before = (read("ca.pem"), read("server-cert.pem"));
    let said = made(at, &["init"]);
    assert!(said.contains("for docker.example"), "its names: {said}");
    let after = (read("ca.pem"), read("server-cert.pem"));
    assert!(before.0 == after.0 && before.1 != after.1);
    assert!(verified(at, "server-cert.pem", OF_SERVER).0);
}

#[test]
fn says_what_to_do_where_nothing_can_be_made() {
    let folder = Folder::new();
    let at = folder.path();
    for (arguments, want) in [
        (&["client", "ci"][..], "run `dockgate certs init --dir "),
        (&["show"], "run `dockgate certs init --dir "),
        (&["init"], "write --host NAME"),
    ] {
        let (code, said) = certs(at, arguments);
        assert!(code == 1 && said.contains(want), "{arguments:?}: {said}");
    }
    made(at, &["init", "--host", "localhost"]);
    for (arguments, want) in [
        (&["client", "../ci"][..], "cannot be a client's name"),
        (&["client", ""], "cannot be a client's name"),
        (&["revoke", "ci"], "no certificate was made for \"ci\""),
    ] {
        let (code, said) = certs(at, arguments);
        assert!(code == 1 && said.contains(want), "{arguments:?}: {said}");
    }
    assert!(!at.join("ci").exists() && !at.join("certs/clients").exists());
    fs::write(at.join("certs/ca-key.pem"), "no").unwrap();
    let (code, said) = certs(at, &["client", "ci"]);
    assert!(
        code == 1 && said.contains("is not the key of ca.pem"),
        "{said}"
    );
}
