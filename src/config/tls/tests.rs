use std::path::Path;

use super::*;
use crate::config::{Config, Flags};

/// What these variables say.
fn load(variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let all = variables.iter().map(|(name, value)| {
        let name = format!("DOCKGATE_{name}");
        (name, (*value).to_owned())
    });
    let loaded = Config::load(&Flags::default(), all);
    loaded.map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

const ADDRESS: (&str, &str) = ("LISTENER_0__ADDRESS", "tcp://127.0.0.1:2376");

#[test]
fn the_folder_gives_tls_to_each_tcp_listener_without_its_own() {
    let config = load(&[
        ("CERT_PATH", "/certs"),
        ("LISTEN", "tcp://127.0.0.1:1,unix:///run/a"),
        ("LISTENER_0__ADDRESS", "tcp://127.0.0.1:2"),
        ("LISTENER_0__TLS", "false"),
        ("LISTENER_1__ADDRESS", "tcp://127.0.0.1:3"),
        ("LISTENER_1__TLS__CLIENT_CA", "none"),
        ("LISTENER_2__ADDRESS", "tcp://127.0.0.1:4"),
        ("LISTENER_2__TLS__CERT", "/own/cert.pem"),
        ("LISTENER_2__TLS__CRL", "/own/crl.pem"),
    ]);
    let config = config.unwrap();
    let tls: Vec<_> = config.listeners.iter().map(|it| it.tls.clone()).collect();
    let whole = in_folder(Path::new("/certs"));
    let files: Vec<_> = whole.files().collect();
    let want = ["server-cert.pem", "server-key.pem", "ca.pem", "crl.pem"];
    assert_eq!(files, want.map(|name| Path::new("/certs").join(name)));
    let everybody = ListenerTls {
        client_ca: None,
        crl: None,
        ..whole.clone()
    };
    let own = ListenerTls {
        cert: "/own/cert.pem".into(),
        crl: Some("/own/crl.pem".into()),
        is_crl_optional: false,
        ..whole.clone()
    };
    assert_eq!(tls, [Some(whole), None, None, Some(everybody), Some(own)]);
}

#[test]
fn a_listener_without_client_certificates_must_say_so() {
    let both = [
        ADDRESS,
        ("LISTENER_0__TLS__CERT", "/c"),
        ("LISTENER_0__TLS__KEY", "/k"),
    ];
    let found = load(&both).unwrap_err().join("\n");
    assert!(
        found.contains("`listener[0].tls.client_ca`: is missing"),
        "{found}"
    );
    let said = [&both[..], &[("LISTENER_0__TLS__CLIENT_CA", "none")]].concat();
    let config = load(&said).unwrap();
    assert!(!config.listeners[0].asks_for_certificates());
}

#[track_caller]
fn assert_wrong(variables: &[(&str, &str)], want: &str) {
    let found = load(variables).unwrap_err().join("\n");
    assert!(found.contains(want), "{variables:?}: {found}");
}

#[test]
fn says_what_to_write_instead() {
    for (variables, want) in [
        (
            &[ADDRESS, ("LISTENER_0__TLS__CLIENT_CA", "/ca")][..],
            "`listener[0].tls.cert`: is missing: write cert = \"/certs/server-cert.pem\"",
        ),
        (
            &[ADDRESS, ("LISTENER_0__TLS", "true")],
            "`listener[0].tls`: must be false, or have a variable for each key",
        ),
        (
            &[ADDRESS, ("CERT_PATH", "certs")],
            "`cert_path`: `certs` must be an absolute path",
        ),
        (
            &[("CERT_PATH", "/certs"), ("LISTEN", "unix:///run/a")],
            "`cert_path`: has no effect, because no listener uses TLS",
        ),
        (
            &[
                ("LISTENER_0__ADDRESS", "unix:///run/a"),
                ("LISTENER_0__TLS__CERT", "/c"),
            ],
            "`listener[0].tls`: unix:///run/a is a unix socket, which needs no TLS",
        ),
        (
            &[
                ADDRESS,
                ("CERT_PATH", "/certs"),
                ("LISTENER_0__TLS__CLIENT_CA", "none"),
                ("LISTENER_0__TLS__CRL", "/crl"),
            ],
            "`listener[0].tls.crl`: has no effect",
        ),
    ] {
        assert_wrong(variables, want);
    }
}

#[test]
fn says_what_is_missing_for_a_daemon_or_a_client() {
    for (variables, want) in [
        (
            &[("UPSTREAM_TLS__CA", "/ca")][..],
            "`upstream_tls`: unix:///var/run/docker.sock is a unix socket",
        ),
        (
            &[("UPSTREAM", "tcp://a:1"), ("UPSTREAM_TLS__CERT", "/c")],
            "`upstream_tls.key`: is missing, and needed with cert",
        ),
        (
            &[
                ("UPSTREAM", "tcp://a:1"),
                ("UPSTREAM_TLS__CERT", "/c"),
                ("UPSTREAM_TLS__KEY", "/k"),
            ],
            "`upstream_tls.ca`: is missing",
        ),
        (
            &[("CLIENT_0__NAME", "ci"), ("CLIENT_0__FROM", "cert:CN=ci")],
            "\"cert:CN=ci\" cannot match: no listener without `client` has TLS with client certificates",
        ),
    ] {
        assert_wrong(variables, want);
    }
    let good = [
        ADDRESS,
        ("CERT_PATH", "/certs"),
        ("CLIENT_0__NAME", "ci"),
        ("CLIENT_0__FROM", "cert:CN=ci"),
        ("UPSTREAM", "tcp://a:1"),
        ("UPSTREAM_TLS__CA", "/ca"),
    ];
    assert!(load(&good).unwrap().listeners[0].asks_for_certificates());
}
