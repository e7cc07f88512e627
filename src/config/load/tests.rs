use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::config::settings::DEFAULT_LISTEN;
use crate::config::{ListenAddress, LogLevel, RunAs};
use crate::docker::Operation;

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!(
            "dockgate-config-{}-{name}.toml",
            std::process::id()
        ));
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn flags(&self) -> Flags {
        Flags {
            config: Some(self.0.clone()),
            ..Flags::default()
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

fn problems(flags: &Flags, pairs: &[(&str, &str)]) -> Vec<String> {
    let problems = Config::load(flags, variables(pairs)).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_configured_grants_ping_version_and_events_on_loopback() {
    let config = Config::load(&Flags::default(), []).unwrap();
    let [listener] = config.listeners.as_slice() else {
        panic!("one listener")
    };
    assert_eq!(
        listener.address,
        ListenAddress::parse(DEFAULT_LISTEN).unwrap()
    );
    let granted: Vec<_> = Operation::ALL
        .iter()
        .filter(|operation| listener.rules.grants(**operation))
        .collect();
    assert_eq!(
        granted,
        [
            &Operation::SystemPing,
            &Operation::SystemVersion,
            &Operation::SystemEvents
        ]
    );
    assert!(listener.rules.unjudged().is_empty() && config.notices.is_empty());
}

#[test]
fn variables_that_allow_nothing_are_no_configuration() {
    for (pairs, want) in [
        (&[][..], true),
        (&[("CONTAINER", "1"), ("POST", "1")], true),
        (&[("CONTAINERS", "0")], true),
        (&[("CONTAINERS", "true")], true),
        (&[("CONTAINERS", "1")], false),
        (&[("POST", "1"), ("IMAGES", "1")], false),
        (&[("DOCKGATE_POLICY", "default")], false),
        (&[("DOCKGATE_OBSERVE", "true")], false),
    ] {
        let config = Config::load(&Flags::default(), variables(pairs)).unwrap();
        assert_eq!(config.is_unconfigured, want, "{pairs:?}");
    }
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let file = Scratch::new(
        "layers",
        "upstream = 'unix:///file'\nlog = 'warn'\napi_min = '1.30'\n[limits]\nhead = '1s'",
    );
    let mut flags = file.flags();
    let pairs = [
        ("DOCKGATE_UPSTREAM", "unix:///env"),
        ("DOCKGATE_API_MIN", "1.40"),
        ("DOCKGATE_LIMITS__IDLE", "2s"),
    ];
    let config = Config::load(&flags, variables(&pairs)).unwrap();
    assert_eq!(config.upstream.to_string(), "unix:///env");
    assert_eq!(
        config.admission.api_min.to_string(),
        "1.40",
        "read as text, or it would be 1.4"
    );
    assert_eq!(
        (config.limits.head.as_secs(), config.limits.idle.as_secs()),
        (1, 2),
        "levels are merged"
    );
    assert_eq!(config.log, LogLevel::Warn);
    flags.upstream = Some("unix:///flag".to_owned());
    assert_eq!(
        Config::load(&flags, variables(&pairs))
            .unwrap()
            .upstream
            .to_string(),
        "unix:///flag"
    );
}

#[test]
fn all_problems_are_reported_at_once_with_file_and_key() {
    let file = Scratch::new(
        "wrong",
        "polcy = ['x']\nlog = 7\n[limits]\nheadd = '1s'\nconnections = 'many'\n[audit]\ncolor = 'red'\n[[listener]]\nmode = 1\ntls = true",
    );
    let name = file.0.display().to_string();
    let found = problems(
        &file.flags(),
        &[
            ("DOCKGATE_POLICYS", "x"),
            ("DOCKGATE_AUDIT__ALLOWED_READS", "1"),
        ],
    );
    let wanted = [
        "DOCKGATE_POLICYS: `policys`: unknown key: did you mean DOCKGATE_POLICY?".to_owned(),
        "DOCKGATE_AUDIT__ALLOWED_READS: `audit.allowed_reads`: must be true or false, but is \"1\""
            .to_owned(),
        format!("{name}:7: `audit.color`: unknown key"),
        format!(
            "{name}:5: `limits.connections`: must be a whole number without quotes: connections = 10, but is \"many\""
        ),
        format!("{name}:4: `limits.headd`: unknown key: did you mean \"limits.head\"?"),
        format!("{name}:2: `log`: must be a string in quotes: log = \"...\", but is 7"),
        format!("{name}:1: `polcy`: unknown key: did you mean \"policy\"?"),
        format!(
            "{name}:9: `listener[0].mode`: must be a string in quotes: mode = \"...\", but is 1"
        ),
        format!(
            "{name}:10: `listener[0].tls`: must be a table or false: tls = {{ ... }}, but is true"
        ),
        format!(
            "{name}:8: `listener[0].address`: is missing: write address = \"tcp://0.0.0.0:2375\""
        ),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn values_are_checked_all_together_and_told_with_their_origin() {
    let file = Scratch::new(
        "values",
        "upstream = 'docker.sock'\nallow = ['ContainersList']\n[limits]\nhead = '0s'\nhead_bytes = 1",
    );
    let name = file.0.display().to_string();
    let found = problems(
        &file.flags(),
        &[
            ("DOCKGATE_LISTEN", "tcp://localhost:1"),
            ("DOCKGATE_API_MIN", "1.12"),
        ],
    );
    let wanted = [
        format!("{name}:2: `allow`: \"ContainersList\": unknown operation: did you mean \"ContainerList\"?"),
        "DOCKGATE_LISTEN: `listen`: `localhost:1` is not an IP address and a port: write tcp://127.0.0.1:2375 or tcp://[::]:2375".to_owned(),
        format!("{name}:1: `upstream`: `docker.sock` does not begin with tcp:// or unix://: write tcp://127.0.0.1:2375 or unix:///run/docker.sock"),
        "DOCKGATE_API_MIN: `api_min`: `1.12` must be a version from 1.24 on, such as \"1.44\"".to_owned(),
        format!("{name}:4: `limits.head`: `0s` must be a time with a unit, above zero and up to a year, such as \"10s\" or \"15m\""),
        format!("{name}:5: `limits.head_bytes`: 1 must be from 1024 to 1048576"),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn a_file_that_is_named_must_be_there_and_be_no_one_elses_to_write() {
    let missing = Flags {
        config: Some("/nowhere/dockgate.toml".into()),
        ..Flags::default()
    };
    assert_eq!(
        problems(&missing, &[]),
        [
            "/nowhere/dockgate.toml: no such file: if Dockgate runs in a container, mount the file there"
        ]
    );
    assert_eq!(
        problems(&Flags::default(), &[("DOCKGATE_CONFIG", "")]),
        ["DOCKGATE_CONFIG: is empty: set it to a file, or remove it"]
    );
    let open = Scratch::new("open", "");
    fs::set_permissions(&open.0, fs::Permissions::from_mode(0o666)).unwrap();
    let name = open.0.display();
    assert_eq!(
        problems(&open.flags(), &[]),
        [format!(
            "{name}: everybody can write it: run `chmod o-w {name}`"
        )]
    );
}

#[test]
fn a_policy_is_a_shipped_name_or_a_file() {
    let policy = Scratch::new("policy", "allow = ['ContainerKill']");
    let path = policy.0.display().to_string();
    let flags = Flags {
        policy: vec!["traefik".to_owned(), path],
        ..Flags::default()
    };
    let config = Config::load(&flags, []).unwrap();
    let rules = &config.listeners.first().unwrap().rules;
    assert!(rules.grants(Operation::ContainerList) && rules.grants(Operation::ContainerKill));
    assert!(!rules.grants(Operation::ContainerStop), "the nearest deny");
    let wrong = Flags {
        policy: vec!["trafik".to_owned(), "./none.toml".to_owned()],
        ..Flags::default()
    };
    let found = problems(&wrong, &[]);
    assert!(found[0].contains("did you mean \"traefik\"?"), "{found:?}");
    assert_eq!(
        found[1],
        "--policy: `policy`: \"./none.toml\": no such file in the working directory: write its whole path"
    );
}

#[test]
fn a_listener_may_have_its_own_policies_and_denies() {
    let file = Scratch::new(
        "listeners",
        "policy = ['read-only']\ndeny = ['SystemInfo']\nlisten = ['tcp://127.0.0.1:0']\n\
         [[listener]]\naddress = 'unix:///run/a'\npolicy = ['autoheal']\n[[listener]]\naddress = 'unix:///run/b'\ndeny = ['ImageList']",
    );
    let config = Config::load(&file.flags(), []).unwrap();
    let grants = |at: usize, operation| config.listeners[at].rules.grants(operation);
    assert!(grants(0, Operation::ImageList) && !grants(0, Operation::SystemInfo));
    assert!(grants(1, Operation::ContainerRestart) && !grants(1, Operation::ImageList));
    assert!(
        grants(2, Operation::ContainerList)
            && !grants(2, Operation::ImageList)
            && !grants(2, Operation::SystemInfo)
    );
}

#[test]
fn what_docker_links_and_kubernetes_inject_is_passed_over_with_a_notice() {
    let pairs = [
        ("DOCKGATE_PORT", "tcp://10.0.0.1:2375"),
        ("DOCKGATE_SERVICE_HOST", "10.0.0.1"),
        ("DOCKGATE_API_PORT", "tcp://10.0.0.1:2375"),
        ("DOCKGATE_API_PORT_2375_TCP_ADDR", "10.0.0.1"),
        ("DOCKGATE_API_SERVICE_HOST", "10.0.0.1"),
        ("DOCKGATE_API_SERVICE_PORT_HTTP", "2375"),
        ("PATH", "/bin"),
    ];
    let config = Config::load(&Flags::default(), variables(&pairs)).unwrap();
    assert_eq!(config.notices.len(), pairs.len() - 1);
    assert!(config.notices[0].starts_with("DOCKGATE_PORT is ignored"));
}

#[test]
fn what_nothing_judges_is_named_as_root_on_the_host() {
    let flags = Flags::default();
    let allowed = "ContainerCreate,ContainerList,NetworkCreate,SwarmInit,*:read";
    for (pairs, want) in [
        // Operations with checked bodies are not root on the host.
        (
            vec![("DOCKGATE_ALLOW", allowed)],
            vec![Operation::SwarmInit],
        ),
        (
            vec![("CONTAINERS", "1"), ("POST", "1"), ("NETWORKS", "0")],
            vec![
                Operation::ContainerCreate,
                Operation::ContainerUpdate,
                Operation::ContainerAttach,
                Operation::PutContainerArchive,
                Operation::ContainerCheckpointCreate,
                Operation::ContainerCheckpointDelete,
                Operation::ContainerExec,
            ],
        ),
    ] {
        let config = Config::load(&flags, variables(&pairs)).unwrap();
        let named = config.listeners.first().unwrap().rules.unjudged();
        assert_eq!(named, want, "{pairs:?}");
    }
}

#[test]
fn what_is_configured_in_vain_or_twice_is_told() {
    for (text, want) in [
        (
            "policy = []",
            "`policy`: is empty: write a policy, or remove the key",
        ),
        (
            "listen = []",
            "`listen`: is empty: write an address, or remove the key",
        ),
        (
            "policy = ['traefik', 'traefik']",
            "`policy`: \"traefik\" is listed twice: remove one",
        ),
        (
            "listen = ['tcp://127.0.0.1:1', 'tcp://127.0.0.1:1']",
            "`listen`: tcp://127.0.0.1:1 is listed twice: remove one",
        ),
        (
            "policy = ['traefik']\n[[listener]]\naddress = 'unix:///a'\npolicy = ['dozzle']",
            "`policy`: no listener uses it, because each listener has its own policy: remove one of them",
        ),
        (
            "[[listener]]\naddress = 'unix:///a'\npolicy = []",
            "`listener[0].policy`: is empty: write a policy, or remove the key",
        ),
        (
            "[[listener]]\naddress = ''",
            "`listener[0].address`: `` does not begin with tcp:// or unix://: write tcp://127.0.0.1:2375 or unix:///run/docker.sock",
        ),
        (
            "limits.head_bytes = -1",
            "`limits.head_bytes`: must be a whole number without quotes: head_bytes = 10, but is -1",
        ),
        (
            "limits.idle = '500000000000years'",
            "`limits.idle`: `500000000000years` must be a time with a unit, above zero and up to a year, such as \"10s\" or \"15m\"",
        ),
    ] {
        let file = Scratch::new("vain", text);
        let found = problems(&file.flags(), &[]);
        let [found] = found.as_slice() else {
            panic!("{text}: {found:#?}")
        };
        let place = found.strip_suffix(&format!(": {want}"));
        let file = file.0.display().to_string();
        assert!(
            place.is_some_and(|it| it.starts_with(&file)),
            "{want}: {found}"
        );
    }
    for origin in [
        "https://dash.example/",
        "https://*.example",
        "https://Dash.example",
        "dash",
    ] {
        let pairs = [("DOCKGATE_ALLOW_ORIGIN", origin)];
        let found = problems(&Flags::default(), &pairs);
        assert!(found[0].contains("is not an origin"), "{origin}: {found:?}");
    }
}

#[test]
fn two_files_of_one_mark_do_not_start_and_one_file_may_be_named_twice() {
    let folder = std::env::temp_dir().join(format!("dockgate-marks-{}", std::process::id()));
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (one, two) = (file("a/ci.toml", ""), file("b/ci.toml", ""));
    let third = file("b/new.toml", "mark = 'ci'");
    let again = format!("{}/b/../a/ci.toml", folder.display());
    let load = |first: &str, second: &str| {
        let listener = |at, policy| {
            format!("[[listener]]\naddress = 'tcp://127.0.0.1:{at}'\npolicy = ['{policy}']\n")
        };
        let settings = Scratch::new("marks", &(listener(1, first) + &listener(2, second)));
        Config::load(&settings.flags(), []).map(|config| config.listeners.len())
    };
    assert_eq!(load(&one, &one), Ok(2));
    assert_eq!(load(&one, &again), Ok(2));
    for other in [&two, &third] {
        let problems = load(&one, other).unwrap_err();
        let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
        let want = format!(
            "{other}: `mark`: \"ci\" is also the mark of {one}, so each would treat the other's objects \
             as its own: write another one here, such as mark = \"ci-2\""
        );
        assert_eq!(told, [want]);
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn ids_and_modes_are_checked() {
    let file = Scratch::new(
        "ownership",
        "run_as = 'nobody'\n[[listener]]\naddress = 'unix:///run/a'\nmode = '0680'\n[[listener]]\naddress = 'tcp://127.0.0.1:1'\nmode = '0660'",
    );
    let name = file.0.display().to_string();
    let wanted = [
        format!(
            "{name}:4: `listener[0].mode`: `0680` must be an octal mode that lets somebody connect: \"0660\" for owner and group, \"0666\" for everybody"
        ),
        format!(
            "{name}:1: `run_as`: `nobody` must be a user and a group by number: \"65532:65532\""
        ),
        format!(
            "{name}:7: `listener[1].mode`: tcp://127.0.0.1:1 is not a unix socket: remove mode"
        ),
    ];
    assert_eq!(problems(&file.flags(), &[]), wanted);
    let right = Scratch::new(
        "owned",
        "listen = ['unix:///run/a']\n[[listener]]\naddress = 'unix:///run/b'\nmode = '0606'",
    );
    let config = Config::load(
        &right.flags(),
        variables(&[("DOCKGATE_RUN_AS", "1000:998")]),
    );
    let config = config.unwrap();
    let modes: Vec<_> = config
        .listeners
        .iter()
        .map(|listener| listener.access.mode)
        .collect();
    assert_eq!(modes, [0o660, 0o606]);
    assert_eq!(config.run_as, RunAs::parse("1000:998").unwrap());
}

#[test]
fn rules_of_another_image_that_are_mounted_are_told() {
    let file = Scratch::new("haproxy", "");
    let mut sources = Sources::default();
    sources.notice_foreign_rules(&[file.0.to_str().unwrap(), "/nonexistent/haproxy"]);
    let [notice] = sources.notices.as_slice() else {
        panic!("one notice: {:?}", sources.notices)
    };
    assert!(notice.contains("haproxy.toml is ignored"), "{notice}");
}

#[test]
fn a_pipe_or_a_folder_is_no_settings_file() {
    let folder = std::env::temp_dir().join(format!("dockgate-config-{}-pipe", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let pipe = folder.join("pipe.toml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for (path, want) in [
        (&pipe, "is not a regular file"),
        (&folder, "is a folder, not a file: Docker creates a folder"),
    ] {
        let flags = Flags {
            config: Some(path.clone()),
            ..Flags::default()
        };
        let wanted = format!("{}: {want}", path.display());
        assert!(problems(&flags, &[])[0].starts_with(&wanted), "{wanted}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_empty_allow_and_a_variable_in_small_letters_are_no_settings() {
    for (name, text, want) in [
        ("DOCKGATE_ALLOW", "", "DOCKGATE_ALLOW: `allow`: is empty"),
        ("DOCKGATE_ALLOW", ",", "DOCKGATE_ALLOW: `allow`: is empty"),
        (
            "DOCKGATE_deny",
            "SystemInfo",
            "DOCKGATE_deny: `deny`: unknown key: did you mean DOCKGATE_DENY?",
        ),
    ] {
        let found = problems(&Flags::default(), &[(name, text), ("CONTAINERS", "1")]);
        assert!(found[0].starts_with(want), "{found:?}");
    }
}

#[test]
fn an_upstream_that_is_our_own_listener_is_told_with_both_keys() {
    let file = Scratch::new(
        "circle",
        "listen = ['tcp://0.0.0.0:2375']\n[[listener]]\naddress = 'unix:///run/a'\npolicy = ['dozzle']",
    );
    for (upstream, key, address) in [
        ("tcp://127.0.0.1:2375", "listen", "tcp://0.0.0.0:2375"),
        ("unix:///run/a", "listener[0].address", "unix:///run/a"),
    ] {
        let found = problems(&file.flags(), &[("DOCKGATE_UPSTREAM", upstream)]);
        let want = format!(
            "DOCKGATE_UPSTREAM: `upstream`: {upstream} is Dockgate's own address, because `{key}` is {address}: \
             write the daemon's address, or listen elsewhere"
        );
        assert_eq!(found, [want]);
    }
    let swapped = [("SOCKET_PATH", "localhost:2375"), ("BIND_CONFIG", ":2375")];
    let found = problems(&Flags::default(), &swapped);
    assert!(
        found[0].starts_with("SOCKET_PATH: `upstream`: tcp://localhost:2375 is"),
        "{found:?}"
    );
}

#[test]
fn variables_make_listeners_and_replace_those_of_the_file() {
    let file = Scratch::new("listeners", "[[listener]]\naddress = 'tcp://127.0.0.1:1'");
    let set = variables(&[
        ("DOCKGATE_LISTENER_1__ADDRESS", "tcp://127.0.0.1:2"),
        ("DOCKGATE_LISTENER_0__ADDRESS", "unix:///run/a"),
        ("DOCKGATE_LISTENER_0__POLICY", "traefik, dozzle"),
        ("DOCKGATE_LISTENER_0__MODE", "0666"),
        ("DOCKGATE_LISTENER_0__OWNER", ":998"),
        ("DOCKGATE_LISTENER_0__OBSERVE", "true"),
    ]);
    let config = Config::load(&file.flags(), set).unwrap();
    let addresses = config.listeners.iter().map(|it| it.address.to_string());
    assert_eq!(
        addresses.collect::<Vec<_>>(),
        ["unix:///run/a", "tcp://127.0.0.1:2"]
    );
    let first = &config.listeners[0];
    let names = first.rules.policies().iter().map(|policy| &*policy.name);
    assert_eq!(names.collect::<Vec<_>>(), ["traefik", "dozzle"]);
    assert_eq!((first.access.mode, first.access.gid), (0o666, Some(998)));
}

#[test]
fn wrong_variables_of_listeners_are_reported_by_their_names() {
    let address = ("DOCKGATE_LISTENER_0__ADDRESS", "tcp://127.0.0.1:1");
    for (variables, want) in [
        (
            &[("DOCKGATE_LISTENER_1__ADDRESS", "unix:///a")][..],
            "DOCKGATE_LISTENER_0__ADDRESS: is missing",
        ),
        (
            &[("DOCKGATE_LISTENER_0__MODE", "0660")],
            "DOCKGATE_LISTENER_0__ADDRESS: is missing",
        ),
        (
            &[address, ("DOCKGATE_LISTENER_0__MODE", "9")],
            "DOCKGATE_LISTENER_0__MODE: `listener[0].mode`: `9` must be",
        ),
        (
            &[address, ("DOCKGATE_LISTENER_0__OWNR", "1")],
            "DOCKGATE_LISTENER_0__OWNR: `listener[0].ownr`: unknown key: did you mean DOCKGATE_LISTENER_0__OWNER?",
        ),
        (
            &[address, ("DOCKGATE_LISTENER_0__mode", "0660")],
            "DOCKGATE_LISTENER_0__mode: `listener[0].mode`: unknown key: did you mean DOCKGATE_LISTENER_0__MODE?",
        ),
        (
            &[address, ("DOCKGATE_LISTENER_0__POLICY", "treafik")],
            "DOCKGATE_LISTENER_0__POLICY: `listener[0].policy`: \"treafik\": no built-in",
        ),
        (
            &[("DOCKGATE_LISTENER__MODE", "0660")],
            "DOCKGATE_LISTENER__MODE: `listener.mode`: unknown key: did you mean DOCKGATE_LISTENER_0__MODE?",
        ),
        (
            &[("DOCKGATE_LISTENER", "unix:///a")],
            "DOCKGATE_LISTENER: `listener`: has a variable for each key: write DOCKGATE_LISTENER_0__ADDRESS=",
        ),
    ] {
        let found = problems(&Flags::default(), variables);
        assert!(
            found[0].starts_with(want) && found.len() == 1,
            "{want}: {found:#?}"
        );
    }
}

#[test]
fn one_string_is_a_list_of_one() {
    let file = Scratch::new(
        "one",
        "policy = 'traefik'\ndeny = 'ContainerStats'\nlisten = 'tcp://127.0.0.1:1'",
    );
    let config = Config::load(&file.flags(), []).unwrap();
    assert_eq!(config.listeners.len(), 1);
    let rules = &config.listeners[0].rules;
    assert_eq!(&*rules.policies()[0].name, "traefik");
    let place = rules.deny.entries()[0].place.to_string();
    assert_eq!(place, format!("deny, line 2 of {}", file.0.display()));
}
