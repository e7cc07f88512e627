use super::*;
use crate::docker::json::Json;

const EDGE: &str = "172.18.0.2";

fn client(name: &str, from: &[&str]) -> Client {
    let from = from.iter().map(|text| Matcher::parse(text).unwrap());
    Client {
        name: name.into(),
        from: from.collect(),
    }
}

fn json(text: &str) -> Json<'static> {
    Json::parse(text.to_owned().leak().as_bytes()).unwrap()
}

fn networks() -> Networks {
    let own =
        json(r#"{"edge": {"NetworkID": "a", "IPAddress": "172.18.0.2", "Gateway": "172.18.0.1"}}"#);
    let edge =
        json(r#"{"Id": "a", "Name": "edge", "IPAM": {"Config": [{"Subnet": "172.18.0.0/16"}]}}"#);
    Networks::of_container(&own, &[edge])
}

fn container(name: &str, labels: &str) -> Container {
    let id = "c".repeat(64);
    let text = format!(
        r#"{{"Id":"{id}","Name":"/{name}","Config":{{"Labels":{{{labels}}}}},"HostConfig":{{}},"Mounts":[]}}"#
    );
    Container::parse(text.as_bytes()).unwrap()
}

fn tcp(local: &str, peer: &str) -> Peer {
    Peer::Tcp {
        local: local.parse().unwrap(),
        peer: peer.parse().unwrap(),
    }
}

fn is(name: &str, by: Kind) -> Identity {
    Identity::Client {
        name: name.into(),
        by,
    }
}

#[test]
fn each_kind_of_from_matches_its_own_peers_only() {
    let networks = networks();
    let runner = container(
        "runner",
        r#""team":"ci","com.docker.compose.project":"ci","com.docker.compose.service":"runner""#,
    );
    let facts = Facts {
        networks: Some(&networks),
        container: Holder::Container(&runner),
        ..Facts::default()
    };
    let from_edge = tcp(EDGE, "172.18.0.3");
    let user = Peer::Unix {
        uid: 1000,
        gid: 999,
    };
    for (from, peer, by) in [
        ("network:edge", from_edge, Kind::Network),
        ("container:runner", from_edge, Kind::Container),
        ("service:ci/runner", from_edge, Kind::Service),
        ("label:team=ci", from_edge, Kind::Label),
        ("172.18.0.0/16", from_edge, Kind::Address),
        ("uid:1000", user, Kind::Uid),
        ("gid:999", user, Kind::Gid),
    ] {
        assert_eq!(
            identify(&[client("a", &[from])], peer, facts),
            Ok(is("a", by)),
            "{from}"
        );
    }
    for (from, peer) in [
        ("network:ci", from_edge),
        ("network:edge", tcp("127.0.0.1", "172.18.0.3")),
        ("network:edge", user),
        ("container:runner2", from_edge),
        ("container:run", from_edge),
        ("container:runner", user),
        ("service:ci/other", from_edge),
        ("service:other/runner", from_edge),
        ("label:team=other", from_edge),
        ("label:TEAM=ci", from_edge),
        ("label:none=", from_edge),
        ("172.19.0.0/16", from_edge),
        ("uid:999", user),
        ("gid:1000", user),
        ("uid:1000", from_edge),
        ("0.0.0.0/0", user),
    ] {
        let identity = identify(&[client("a", &[from])], peer, facts);
        assert_eq!(identity, Ok(Identity::Unknown), "{from}");
    }
}

#[test]
fn a_gateway_is_nobody() {
    let (networks, other) = (networks(), container("gateway", r#""a":"b""#));
    let facts = Facts {
        networks: Some(&networks),
        container: Holder::Container(&other),
        ..Facts::default()
    };
    let from = [
        "network:edge",
        "172.18.0.0/16",
        "172.18.0.1",
        "container:gateway",
        "label:a=b",
    ];
    for peer in [tcp(EDGE, "172.18.0.1"), tcp(EDGE, "::ffff:172.18.0.1")] {
        assert_eq!(
            identify(&[client("a", &from)], peer, facts),
            Ok(Identity::Unknown)
        );
    }
}

#[test]
fn two_clients_of_one_connection_are_ambiguous_in_any_order_and_two_values_of_one_are_not() {
    let networks = networks();
    let runner = container("runner", r#""a":"b","c":"d""#);
    let facts = Facts {
        networks: Some(&networks),
        container: Holder::Container(&runner),
        ..Facts::default()
    };
    let peer = tcp(EDGE, "172.18.0.3");
    for (one, other) in [
        ("network:edge", "container:runner"),
        ("network:edge", "172.18.0.3"),
        ("label:a=b", "label:c=d"),
    ] {
        let (first, second) = (client("one", &[one]), client("other", &[other]));
        for clients in [[first.clone(), second.clone()], [second, first]] {
            let identity = identify(&clients, peer, facts);
            assert!(
                matches!(identity, Ok(Identity::Ambiguous(..))),
                "{one} {other}: {identity:?}"
            );
        }
        assert_eq!(
            identify(&[client("both", &[one, other])], peer, facts),
            Ok(is("both", matcher_kind(one))),
        );
    }
    let user = Peer::Unix { uid: 1, gid: 1 };
    let clients = [client("one", &["uid:1"]), client("other", &["gid:1"])];
    assert!(matches!(
        identify(&clients, user, Facts::default()),
        Ok(Identity::Ambiguous(..))
    ));
}

#[test]
fn what_is_not_known_yet_is_asked_for_and_never_taken_for_a_no() {
    let networks = networks();
    let peer = tcp(EDGE, "172.18.0.3");
    let clients = [
        client("wide", &["network:edge"]),
        client("other", &["container:runner"]),
    ];
    assert_eq!(
        identify(&clients, peer, Facts::default()),
        Err(Missing::Networks)
    );
    let facts = Facts {
        networks: Some(&networks),
        container: Holder::NotAsked,
        ..Facts::default()
    };
    assert_eq!(identify(&clients, peer, facts), Err(Missing::Container));
    let nobody = Facts {
        container: Holder::Nobody,
        ..facts
    };
    assert_eq!(
        identify(&clients, peer, nobody),
        Ok(is("wide", Kind::Network))
    );
}

#[test]
fn users_need_no_answer_of_the_daemon_and_neither_do_networks_once_they_are_known() {
    let user = Peer::Unix {
        uid: 1000,
        gid: 1000,
    };
    let clients = [
        client("ci", &["uid:1000"]),
        client("edge", &["network:edge"]),
    ];
    assert_eq!(
        identify(&clients, user, Facts::default()),
        Ok(is("ci", Kind::Uid))
    );
    let networks = networks();
    let facts = Facts {
        networks: Some(&networks),
        container: Holder::NotAsked,
        ..Facts::default()
    };
    assert_eq!(
        identify(&clients, tcp(EDGE, "172.18.0.3"), facts),
        Ok(is("edge", Kind::Network))
    );
}

fn matcher_kind(text: &str) -> Kind {
    Matcher::parse(text).unwrap().kind()
}

fn certificate(common_name: Option<&str>, names: &[&str], key_pin: &str) -> Certificate {
    Certificate {
        subject: String::new(),
        common_name: common_name.map(str::to_owned),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        fingerprint: String::new(),
        key_pin: key_pin.to_owned(),
        serial: String::new(),
        not_before: 0,
        not_after: 0,
    }
}

#[test]
fn a_certificate_tells_wherever_it_comes_from() {
    let pin = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let peers = [
        tcp(EDGE, "172.18.0.3"),
        tcp(EDGE, "172.18.0.1"),
        tcp("192.0.2.1", "192.0.2.2"),
    ];
    let of_key = format!("cert:SPKI=sha256/{pin}");
    for (from, shown, is_own) in [
        ("cert:CN=ci", certificate(Some("ci"), &[], ""), true),
        ("cert:CN=ci", certificate(Some("CI"), &[], ""), false),
        ("cert:CN=ci", certificate(None, &["ci"], "ci"), false),
        ("cert:SAN=b", certificate(None, &["a", "b"], ""), true),
        ("cert:SAN=b", certificate(Some("b"), &["b.c"], ""), false),
        (&of_key, certificate(None, &[], pin), true),
        (&of_key, certificate(None, &[], "AAAA"), false),
    ] {
        let clients = [client("ci", &[from])];
        for peer in peers {
            let facts = Facts {
                certificate: Some(&shown),
                ..Facts::default()
            };
            let found = identify(&clients, peer, facts).unwrap();
            let is_found = matches!(
                found,
                Identity::Client {
                    by: Kind::Certificate,
                    ..
                }
            );
            assert_eq!(is_found, is_own, "{from} {shown:?}");
            let found = identify(&clients, peer, Facts::default()).unwrap();
            assert_eq!(found, Identity::Unknown, "{from} without a certificate");
        }
    }
}

#[test]
fn a_certificate_of_two_clients_is_of_neither() {
    let clients = [
        client("one", &["cert:CN=ci"]),
        client("two", &["cert:SAN=b"]),
    ];
    let shown = certificate(Some("ci"), &["b"], "");
    let facts = Facts {
        certificate: Some(&shown),
        ..Facts::default()
    };
    let found = identify(&clients, tcp(EDGE, "172.18.0.3"), facts);
    assert!(matches!(found, Ok(Identity::Ambiguous(..))), "{found:?}");
}
