use crate::config::{Config, Flags, UnknownClient, Whose};
use crate::docker::Operation;

type Variables<'a> = &'a [(&'a str, &'a str)];

fn load(variables: Variables<'_>) -> Result<Config, Vec<String>> {
    let variables = variables.iter();
    let variables = variables.map(|(key, value)| (format!("DOCKGATE_{key}"), (*value).to_owned()));
    let loaded = Config::load(&Flags::default(), variables);
    loaded.map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

const TWO: Variables<'static> = &[
    ("CLIENT_0__NAME", "traefik"),
    ("CLIENT_0__FROM", "network:edge, container:traefik"),
    ("CLIENT_0__POLICY", "traefik"),
    ("CLIENT_1__NAME", "ci"),
    ("CLIENT_1__FROM", "network:ci"),
    ("CLIENT_1__POLICY", "ci-runner"),
    ("CLIENT_1__DENY", "ContainerKill"),
    ("CLIENT_1__OBSERVE", "true"),
    ("CLIENT_1__LIMITS__CONNECTIONS", "7"),
];

/// Some of these, and others.
fn with(changed: Variables<'static>) -> Vec<(&'static str, &'static str)> {
    let is_kept = |key: &str| changed.iter().all(|(other, _)| *other != key);
    let kept = TWO.iter().filter(|(key, _)| is_kept(key));
    kept.chain(changed).copied().collect()
}

#[test]
fn clients_have_rules_of_their_own() {
    let config = load(TWO).unwrap();
    let [traefik, ci] = config.clients.as_slice() else {
        panic!("{:?}", config.clients);
    };
    assert_eq!((&*traefik.name, &*ci.name), ("traefik", "ci"));
    assert_eq!(traefik.from.len(), 2);
    let grants = |operation| (traefik.rules.grants(operation), ci.rules.grants(operation));
    assert_eq!(grants(Operation::ContainerCreate), (false, true));
    assert_eq!(grants(Operation::ContainerKill), (false, false), "denied");
    assert_eq!(
        (traefik.rules.is_observed, ci.rules.is_observed),
        (false, true)
    );
    assert_eq!((traefik.connections, ci.connections), (None, Some(7)));
    assert_eq!(config.unknown_client, UnknownClient::Deny);
    assert!(!config.is_unconfigured);
    let addresses = config.addresses();
    let whose: Vec<_> = config.rulings(&addresses).map(|(whose, _)| whose).collect();
    let clients = ["traefik", "ci"].map(|name| Whose::Client(name.into()));
    assert_eq!(whose, clients, "nobody else");
}

#[test]
fn others_have_the_rules_of_their_listener_if_they_may_connect() {
    let config = load(&with(&[
        ("UNKNOWN_CLIENT", "listener"),
        ("POLICY", "dozzle"),
    ]))
    .unwrap();
    let addresses = config.addresses();
    let (whose, rules) = config.rulings(&addresses).next().unwrap();
    assert_eq!(whose.to_string(), "tcp://127.0.0.1:2375");
    assert!(rules.grants(Operation::ContainerLogs));
}

#[test]
fn a_listener_can_be_one_clients() {
    let config = load(&with(&[
        ("LISTENER_0__ADDRESS", "unix:///run/ci.sock"),
        ("LISTENER_0__CLIENT", "ci"),
        ("LISTENER_1__ADDRESS", "tcp://0.0.0.0:2375"),
    ]));
    let config = config.unwrap();
    let clients = config.listeners.iter().map(|it| it.client.as_deref());
    assert_eq!(clients.collect::<Vec<_>>(), [Some("ci"), None]);
}

#[test]
fn a_client_without_policies_has_the_general_ones() {
    let config = load(&[
        ("POLICY", "dozzle"),
        ("CLIENT_0__NAME", "logs"),
        ("CLIENT_0__FROM", "10.0.0.0/8"),
    ]);
    let config = config.unwrap();
    assert!(config.clients[0].rules.grants(Operation::ContainerLogs));
}

#[test]
fn what_could_not_be_decided_does_not_start() {
    for (changed, want) in [
        (
            &[("CLIENT_1__FROM", "network:edge")][..],
            r#"DOCKGATE_CLIENT_1__FROM: `client[1].from`: "network:edge" is also in the `from` of traefik: remove it from one of them"#,
        ),
        (
            &[
                ("CLIENT_0__FROM", "10.0.0.0/8"),
                ("CLIENT_1__FROM", "10.1.0.1"),
            ],
            r#"DOCKGATE_CLIENT_1__FROM: `client[1].from`: "10.1.0.1" overlaps "10.0.0.0/8" of traefik: each connection must belong to one client"#,
        ),
        (
            &[("CLIENT_1__NAME", "traefik")],
            "DOCKGATE_CLIENT_1__NAME: `client[1].name`: two clients are called traefik: rename one",
        ),
        (
            &[("CLIENT_1__NAME", "10.0.0.1")],
            "DOCKGATE_CLIENT_1__NAME: `client[1].name`: `10.0.0.1` is not a client's name: write small letters, digits, `-`, \
             `_` and `.`, beginning with a letter or a digit, up to 64 of them",
        ),
        (
            &[("CLIENT_1__FROM", "edge")],
            r#"DOCKGATE_CLIENT_1__FROM: `client[1].from`: "edge" says neither what to match nor an address: write "network:edge" for the clients on that Docker network, or "container:edge""#,
        ),
        (
            &[("CLIENT_1__FROM", "uid:1000")],
            r#"DOCKGATE_CLIENT_1__FROM: `client[1].from`: "uid:1000" cannot match: no listener without `client` has a unix socket"#,
        ),
        (
            &[("POLICY", "dozzle")],
            r#"DOCKGATE_POLICY: `policy`: nobody uses it, because each client has its own policy: remove it, or write unknown_client = "listener" to let others connect"#,
        ),
        (
            &[
                ("LISTENER_0__ADDRESS", "tcp://0.0.0.0:1"),
                ("LISTENER_0__CLIENT", "cd"),
            ],
            r#"DOCKGATE_LISTENER_0__CLIENT: `listener[0].client`: "cd" is not a client: use one of traefik, ci"#,
        ),
        (
            &[("CLIENT_0__FROM", "label:dockgate.policy=ci-runner")],
            r#"DOCKGATE_CLIENT_0__FROM: `client[0].from`: "label:dockgate.policy=ci-runner" would identify everything that policy ci-runner creates as the client: use another label"#,
        ),
        (
            &[("CLIENT_3__NAME", "late")],
            "DOCKGATE_CLIENT_2__NAME: is missing: clients count from 0, and each needs its name: write DOCKGATE_CLIENT_2__NAME=traefik",
        ),
        (
            &[("CLIENT_1__FORM", "network:ci")],
            "DOCKGATE_CLIENT_1__FORM: `client[1].form`: unknown key: did you mean DOCKGATE_CLIENT_1__FROM?",
        ),
    ] {
        let problems = load(&with(changed)).unwrap_err();
        assert!(problems.iter().any(|it| it == want), "{problems:#?}");
    }
    let alone = load(&[("CLIENT_0__NAME", "ci"), ("CLIENT_0__POLICY", "ci-runner")]).unwrap_err();
    let want = r#"DOCKGATE_CLIENT_*: `client[0].from`: is missing: write from = ["network:NAME"] for the clients on a Docker network, or client = "ci" in a [[listener]]"#;
    let want = want.replace("DOCKGATE_CLIENT_*", "DOCKGATE_CLIENT_0__FROM");
    assert_eq!(alone, [want]);
}

#[test]
fn what_a_listener_says_has_no_effect_if_it_is_a_clients() {
    let problems = load(&with(&[
        ("LISTENER_0__ADDRESS", "tcp://0.0.0.0:2375"),
        ("LISTENER_0__CLIENT", "ci"),
        ("LISTENER_0__POLICY", "dozzle"),
        ("LISTENER_0__OBSERVE", "true"),
        ("LISTENER_1__ADDRESS", "tcp://0.0.0.0:2376"),
    ]));
    let problems = problems.unwrap_err();
    let has_no_effect = problems.iter().filter(|it| it.contains("has no effect"));
    assert_eq!(
        (has_no_effect.count(), problems.len()),
        (2, 2),
        "{problems:#?}"
    );
}
