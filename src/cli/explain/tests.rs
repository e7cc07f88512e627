//! The answers for people and programs, word by word: each verdict next to its most similar
//! opposite.

use super::*;
use crate::policyfile::{Library, Problem};

/// A policy of one's own beside the shipped ones.
struct Shelf;

const MINE: &str = r#"extends = ["traefik"]
allow = [
    "ContainerRestart",
    "images:read",
    "ContainerCreate", "ContainerExec",
    "GET /libpod/info",
]
deny = ["SystemEvents", "ContainerKill",
    "networks:read"]
"#;

impl Library for Shelf {
    fn read(&self, reference: &str) -> Result<(String, String), Problem> {
        if reference == "mine.toml" {
            return Ok((reference.to_owned(), MINE.to_owned()));
        }
        Files.read(reference)
    }
}

/// The rules of these policies, or of the settings that an environment makes.
fn rules(policies: &str) -> Rules {
    if policies.contains('=') || policies.is_empty() {
        let variables = policies.split(' ').filter_map(|pair| pair.split_once('='));
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::load(&Flags::default(), variables).unwrap();
        return config.listeners.into_iter().next().unwrap().rules;
    }
    let policies = policies.split(',');
    let policies = policies.map(|name| Policy::load(name, &Shelf).unwrap());
    Rules::new(policies.collect(), Grants::default())
}

fn asked(request: &str) -> arguments::ExplainedRequest {
    let (request, body) = request.split_once(" <- ").unwrap_or((request, ""));
    let (method, target) = request.split_once(' ').unwrap();
    arguments::ExplainedRequest {
        method: method.to_owned(),
        target: target.to_owned(),
        body: body.to_owned(),
        content_types: vec!["application/json".to_owned()],
        left_out: Vec::new(),
        is_out_of_scope: false,
    }
}

fn answer(policies: &str, request: &str) -> Answer {
    Answer::of(&rules(policies), &asked(request), ApiVersion::LEAST)
}

/// The policies, or the environment instead; the request, with its body after an arrow; and the
/// complete answer for people.
const EXPLAINED: &[(&str, &str, &str)] = &[
    (
        "traefik",
        "GET /v1.45/containers/json",
        r#"allow: by "ContainerList" in allow, line 9 of traefik
request: GET /v1.45/containers/json
operation: ContainerList (containers:read)
risk: shows every container's names, image, command line, labels, ports and mounts
to deny it: write extends = ["traefik"] and deny = ["ContainerList"] in a policy file of your own
"#,
    ),
    (
        "traefik",
        "POST /v1.45/containers/web/kill",
        r#"deny: ContainerKill is not allowed; to allow it, add "ContainerKill" to allow
request: POST /v1.45/containers/web/kill
operation: ContainerKill (containers:write)
risk: kills any container except Dockgate's own, or sends it another signal
to allow it: write extends = ["traefik"] and allow = ["ContainerKill"] in a policy file of your own
"#,
    ),
    (
        "mine.toml",
        "GET /v1.45/containers/json",
        r#"allow: by "ContainerList" in allow, line 9 of traefik, which mine.toml extends
request: GET /v1.45/containers/json
operation: ContainerList (containers:read)
risk: shows every container's names, image, command line, labels, ports and mounts
to deny it: add "ContainerList" to deny in mine.toml
"#,
    ),
    (
        "mine.toml",
        "GET /v1.45/events",
        r#"deny: SystemEvents is not allowed; to allow it, remove "SystemEvents" from deny
by: "SystemEvents" in deny, line 8 of mine.toml
request: GET /v1.45/events
operation: SystemEvents (events:read)
risk: shows what happens to every object, including its labels and the command lines of execs
to allow it: remove "SystemEvents" from deny, line 8 of mine.toml
"#,
    ),
    (
        "mine.toml",
        "GET /v1.45/images/json",
        r#"allow: by "images:read" in allow, line 4 of mine.toml
request: GET /v1.45/images/json
operation: ImageList (images:read)
risk: shows the names, labels and sizes of all images
to deny it: add "ImageList" to deny in mine.toml
"#,
    ),
    (
        "mine.toml",
        "GET /v1.45/networks",
        r#"deny: NetworkList is not allowed; to allow it, remove "networks:read" from deny and add "NetworkList" to allow
by: "networks:read" in deny, line 9 of mine.toml
request: GET /v1.45/networks
operation: NetworkList (networks:read)
risk: shows the names, addresses and labels of all networks
to allow it: in deny, line 9 of mine.toml, replace "networks:read" with the other entries that it denies, and add "NetworkList" to allow in mine.toml
"#,
    ),
    (
        "mine.toml",
        r#"POST /v1.45/containers/create <- {"Image":"a"}"#,
        r#"allow: by "ContainerCreate" in allow, line 5 of mine.toml
request: POST /v1.45/containers/create
operation: ContainerCreate (containers:control)
risk: creates ordinary containers; if its block is unrestricted, containers that are root on the host
body sent as: {"Image":"a","Labels":{"dockgate.policy":"mine"},"HostConfig":{}}
to deny it: add "ContainerCreate" to deny in mine.toml
"#,
    ),
    (
        "mine.toml",
        r#"POST /v1.45/containers/create <- {"Image":"a","HostConfig":{"Privileged":true,"Binds":["/etc:/e","data:/d"]}}"#,
        r#"deny: ContainerCreate: HostConfig.Privileged is not allowed; to allow it, set create.privileged = true; HostConfig.Binds[0] "/etc:rw" is not allowed; to allow it, add "/etc:rw" to create.binds
by: the default, because mine.toml has no [create]
request: POST /v1.45/containers/create
operation: ContainerCreate (containers:control)
risk: creates ordinary containers; if its block is unrestricted, containers that are root on the host
assumed: the volume data is new
to allow it: in mine.toml: set create.privileged = true; add "/etc:rw" to create.binds
"#,
    ),
    (
        "mine.toml",
        "POST /v1.45/containers/web/exec",
        r#"allow: by "ContainerExec" in allow, line 5 of mine.toml
request: POST /v1.45/containers/web/exec
operation: ContainerExec (exec:control)
risk: prepares a command in a container, for ExecStart to run
assumed: the body is empty; use --body FILE to give one
assumed: the container web is an ordinary one, created elsewhere
to deny it: add "ContainerExec" to deny in mine.toml
"#,
    ),
    (
        "agent",
        r#"POST /v1.45/containers/web/exec <- {"Cmd":["sh"]}"#,
        r#"deny: ContainerExec: the object is not in [scope], or does not exist
request: POST /v1.45/containers/web/exec
operation: ContainerExec (exec:control)
risk: prepares a command in a container, for ExecStart to run
assumed: the container web does not have the label dockgate.policy = "agent", so it is out of scope
to allow it: create the container through this policy; or, in a policy file of your own with extends = ["agent"] and a [scope] of its own, add a selector such as "name:web" to scope.objects
"#,
    ),
    (
        "mine.toml",
        "GET /v5.4.2/libpod/info",
        r#"allow: by "GET /libpod/info" in allow, line 6 of mine.toml
request: GET /v5.4.2/libpod/info
operation: not in the table of operations (control)
risk: Dockgate does not know what this does
to deny it: add "GET /libpod/info" to deny in mine.toml
"#,
    ),
    (
        "mine.toml",
        "GET /v5.4.2/libpod/version",
        r#"deny: GET /libpod/version is not an operation of the Docker API; to forward it to the daemon anyway, add "GET /libpod/version" to allow
request: GET /v5.4.2/libpod/version
operation: not in the table of operations (control)
risk: Dockgate does not know what this does
to allow it: add "GET /libpod/version" to allow in mine.toml
"#,
    ),
    (
        "traefik,mine.toml",
        "GET /version",
        r#"allow: by "SystemVersion" in allow, line 7 of traefik
request: GET /version
operation: SystemVersion (version:read)
risk: shows the engine's version
to deny it: write deny = ["SystemVersion"] in the settings, because traefik and mine.toml allow it
"#,
    ),
    (
        "DOCKGATE_DENY=SystemVersion,version:read",
        "GET /version",
        r#"deny: SystemVersion is denied by the settings; to allow it, remove it from `deny` there
by: "SystemVersion" in deny, set by DOCKGATE_DENY
request: GET /version
operation: SystemVersion (version:read)
risk: shows the engine's version
to allow it: remove "SystemVersion" from deny, set by DOCKGATE_DENY, and in deny, set by DOCKGATE_DENY, replace "version:read" with the other entries that it denies
"#,
    ),
    (
        "DOCKGATE_ALLOW=containers:read DOCKGATE_DENY=ContainerWait",
        "GET /containers/json",
        r#"allow: by "containers:read" in allow, set by DOCKGATE_ALLOW
request: GET /containers/json
operation: ContainerList (containers:read)
risk: shows every container's names, image, command line, labels, ports and mounts
to deny it: add ContainerList to DOCKGATE_DENY
"#,
    ),
    (
        "DOCKGATE_ALLOW=containers:read",
        "GET /info",
        r#"deny: SystemInfo is not allowed; to allow it, add "SystemInfo" to allow
request: GET /info
operation: SystemInfo (info:read)
risk: shows the host's name, kernel and resources, and the engine's settings
to allow it: add SystemInfo to DOCKGATE_ALLOW
"#,
    ),
    (
        "CONTAINERS=1 POST=1",
        "POST /containers/web/start",
        r"allow: by the environment's CONTAINERS=1 and POST=1
request: POST /containers/web/start
operation: ContainerStart (containers:write)
risk: starts any existing container, with all rights that it was created with
to deny it: set DOCKGATE_DENY=ContainerStart
",
    ),
    (
        "CONTAINERS=1",
        "POST /containers/web/start",
        r"deny: ContainerStart is not allowed; to allow it, set POST=1
request: POST /containers/web/start
operation: ContainerStart (containers:write)
risk: starts any existing container, with all rights that it was created with
to allow it: set POST=1
",
    ),
    (
        "CONTAINERS=1",
        "GET /_ping",
        r"allow: by the environment's PING=1 (the default)
request: GET /_ping
operation: SystemPing (ping:read)
risk: shows that the engine responds, and its API version
to deny it: set DOCKGATE_DENY=SystemPing
",
    ),
    (
        "traefik",
        "GET /v1.45/containers/json/",
        r"deny: the path ends in `/`: remove it
request: GET /v1.45/containers/json/
",
    ),
];

#[test]
fn people_are_told_what_decided_and_what_would_change_it() {
    for (policies, request, want) in EXPLAINED {
        let mut out = Vec::new();
        write_words(&answer(policies, request), false, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            *want,
            "{policies}: {request}"
        );
    }
}

#[test]
fn one_of_many_listeners_is_named_and_its_answer_stands_below() {
    let answer = Answer {
        listener: Some("unix:///run/a.sock".to_owned()),
        ..answer("traefik", "GET /v1.45//json")
    };
    let mut out = Vec::new();
    write_words(&answer, true, &mut out).unwrap();
    let want = "unix:///run/a.sock\n  deny: the path has an empty segment: write a container's name without its slash, \
        `web` not `/web`\n  request: GET /v1.45//json\n";
    assert_eq!(String::from_utf8(out).unwrap(), want);
}

#[test]
fn programs_are_told_the_same() {
    for (request, want) in [
        (
            r#"POST /v1.45/containers/create?name=db&x=1 <- {"Image":"a","HostConfig":{"NetworkMode":"net"}}"#,
            r#"{"listener":null,"client":null,"verdict":"deny","reason":"restricted","message":"ContainerCreate: HostConfig.NetworkMode \"net\" is not allowed; to allow it, add \"net\" to create.networks, and keep the default \"@default\" and \"@own\"","method":"POST","target":"/v1.45/containers/create?name=db","operation":"ContainerCreate","effect":"control","policy":"mine.toml","decided_by":{"file":"mine.toml","line":null,"entry":"create.networks"},"to_allow":"in mine.toml: add \"net\" to create.networks, and keep the default \"@default\" and \"@own\"","to_deny":null,"risk":"creates ordinary containers; if its block is unrestricted, containers that are root on the host","findings":[{"path":"Image","key":"create.images","value":"a","granted":true},{"path":"HostConfig.NetworkMode","key":"create.networks","value":"net","granted":false},{"path":"HostConfig","key":"create.limits","value":"none","granted":true}],"filled":[],"supposed":["the network net exists, and was created elsewhere"],"body":null}"#,
        ),
        (
            "POST /v1.45/containers/web/restart",
            r#"{"listener":null,"client":null,"verdict":"allow","reason":"granted","message":"by \"ContainerRestart\" in allow, line 3 of mine.toml","method":"POST","target":"/v1.45/containers/web/restart","operation":"ContainerRestart","effect":"write","policy":"mine.toml","decided_by":{"file":"mine.toml","line":3,"entry":"ContainerRestart"},"to_allow":null,"to_deny":"add \"ContainerRestart\" to deny in mine.toml","risk":"restarts any container except Dockgate's own","findings":[],"filled":[],"supposed":["the container web is an ordinary one, created elsewhere"],"body":null}"#,
        ),
        (
            "GET /containers/web/nothing",
            r#"{"listener":null,"client":null,"verdict":"deny","reason":"unknown_operation","message":"GET /containers/web/nothing is not an operation of the Docker API: the nearest is GET /containers/{name}/archive","method":"GET","target":"/containers/web/nothing","operation":null,"effect":null,"policy":null,"decided_by":null,"to_allow":null,"to_deny":null,"risk":null,"findings":[],"filled":[],"supposed":[],"body":null}"#,
        ),
    ] {
        let told = serde_json::to_string(&answer("mine.toml", request)).unwrap();
        assert_eq!(told, want, "{request}");
    }
}

#[test]
fn a_body_of_another_type_than_the_operation_takes_is_refused_where_it_is_granted() {
    for (request, content_types, reason) in [
        (
            "POST /containers/create <- {}",
            &["application/json"][..],
            "granted",
        ),
        (
            "POST /containers/create <- {}",
            &["application/x-www-form-urlencoded"],
            "body_type_not_allowed",
        ),
        (
            "POST /containers/create <- {",
            &["application/json"],
            "bad_body",
        ),
        (
            "POST /containers/create",
            &["application/x-www-form-urlencoded"],
            "granted",
        ),
        (
            "POST /containers/web/restart <- {}",
            &["application/json"],
            "granted",
        ),
        (
            "POST /containers/web/restart <- x",
            &["text/plain"],
            "body_not_allowed",
        ),
        (
            "POST /containers/web/stop <- x",
            &["text/plain"],
            "not_granted",
        ),
    ] {
        let asked = arguments::ExplainedRequest {
            content_types: content_types
                .iter()
                .map(|text| (*text).to_owned())
                .collect(),
            ..asked(request)
        };
        let answer = Answer::of(&rules("mine.toml"), &asked, ApiVersion::LEAST);
        assert_eq!(answer.reason, reason, "{request} {content_types:?}");
    }
}

#[test]
fn what_the_record_leaves_out_is_supposed_to_be_empty() {
    let asked = arguments::ExplainedRequest {
        left_out: vec!["filters".to_owned()],
        ..asked("GET /containers/json?filters=")
    };
    let answer = Answer::of(&rules("traefik"), &asked, ApiVersion::LEAST);
    assert_eq!(
        answer.supposed,
        ["the query has no values for filters, because the audit record leaves them out"]
    );
}

/// A policy of two lines that extends a shipped one.
struct Child(String);

impl Library for Child {
    fn read(&self, reference: &str) -> Result<(String, String), Problem> {
        if reference == "child.toml" {
            return Ok((reference.to_owned(), self.0.clone()));
        }
        Files.read(reference)
    }
}

#[test]
fn what_is_to_be_written_turns_the_verdict() {
    use crate::docker::{Operation, Target, classify};
    use crate::policyfile::shipped;
    let mut told = 0;
    for (number, (name, _)) in shipped::ALL.iter().enumerate() {
        let rules = rules(name);
        // Each policy with some operations and each operation with some policies: all of them take a minute.
        for operation in Operation::ALL.iter().copied().skip(number % 8).step_by(8) {
            let route = operation.spec().routes.first().unwrap();
            let path = route.path.replace("...}", "}");
            let names = ["{name}", "{id}", "{checkpoint}"];
            let path = names
                .iter()
                .fold(path, |path, name| path.replace(name, "x"));
            let request = format!("{} {path}", route.method.as_str());
            let answer = Answer::of(&rules, &asked(&request), ApiVersion::LEAST);
            let is_granted = rules.grants(operation);
            // If a block denies an allowed operation, no entry of `allow` can help.
            let Some(way) = (if is_granted {
                answer.to_deny
            } else {
                answer.to_allow
            }) else {
                assert!(is_granted, "{name}: {operation}");
                continue;
            };
            told += 1;
            let lines = way
                .strip_prefix("write ")
                .and_then(|way| way.strip_suffix(" in a policy file of your own"));
            let text = lines
                .unwrap_or_else(|| panic!("{name}: {way}"))
                .replace(" and ", "\n");
            let policy = Policy::load("child.toml", &Child(text)).unwrap();
            let call = classify(route.method.as_str(), Target::parse(&path).unwrap()).unwrap();
            assert_ne!(
                policy.grants(&call),
                is_granted,
                "{name}: {operation}: {way}"
            );
        }
    }
    assert!(told > 1500, "{told}");
}

#[test]
fn a_name_that_no_object_can_have_gets_the_answer_of_the_proxy() {
    for (policies, request, want) in [
        (
            "read-only",
            "GET /containers/acme%2Fapp:1/json",
            "not_found",
        ),
        ("read-only", "GET /containers/acme/app:1/json", "not_found"),
        ("read-only", "GET /containers//web/json", "bad_target"),
        ("dockge", "GET /secrets/acme%2Fapp:1", "bad_target"),
    ] {
        let answer = answer(policies, request);
        assert_eq!(
            (answer.verdict, answer.reason),
            ("deny", want),
            "{policies}: {request}"
        );
    }
}
