use super::super::file::tests::policy;
use super::super::tests::fuzz::{REQUESTS, corpus};
use super::super::{Grants, Judgement, Policy, Rules, suppose};
use super::keys::load;
use super::*;
use crate::docker::{Target, classify};

fn call(method: &str, target: &str) -> Call {
    classify(method, Target::parse(target).unwrap()).unwrap()
}

/// What the record of a request tells, where nothing is granted and all is observed; `None` where the
/// request is refused all the same.
fn observed(call: Call, body: &str) -> Option<Vec<String>> {
    let rules = Rules::new(vec![policy("learned", "allow = []")], Grants::default());
    match suppose::judge(&rules.observed(true), call, body, &[])
        .ok()?
        .0
    {
        Judgement::Allow(permit) => {
            assert!(permit.would_deny().is_some());
            let needs = permit.needs().iter();
            Some(
                needs
                    .filter_map(|need| finding::text(&need.what, true))
                    .collect(),
            )
        }
        Judgement::Deny(_) | Judgement::Missing(_) => None,
        Judgement::Ask(..) | Judgement::Inspect(_) => panic!("something is not supposed"),
    }
}

/// A learned policy with all that it has as comments.
fn whole(text: &str) -> Policy {
    load(&text.replace("    # \"", "    \"")).unwrap()
}

fn is_allowed(policy: Policy, call: Call, body: &str) -> bool {
    let rules = Rules::new(vec![policy], Grants::default());
    let judged = suppose::judge(&rules, call, body, &[]).unwrap();
    matches!(judged.0, Judgement::Allow(_))
}

fn seen(requests: &[(&str, &str, &[&str])]) -> Seen {
    let requests: Vec<_> = requests
        .iter()
        .map(|(method, target, findings)| (false, *method, *target, *findings))
        .collect();
    seen_or_refused(&requests)
}

/// The same, each with whether it was refused.
fn seen_or_refused(requests: &[(bool, &str, &str, &[&str])]) -> Seen {
    let mut seen = Seen::default();
    for (number, (is_refused, method, target, findings)) in requests.iter().enumerate() {
        let findings: Vec<_> = findings.iter().map(|text| (*text).to_owned()).collect();
        seen.see(&Sighting {
            call: &call(method, target),
            findings: &findings,
            time: &format!("2026-11-21T10:00:{number:02}.123456Z"),
            is_refused: *is_refused,
        });
    }
    seen
}

#[test]
fn each_line_says_how_often_and_when_and_what_is_dangerous_is_a_comment() {
    let seen = seen(&[
        ("GET", "/_ping", &[]),
        ("GET", "/v1.45/containers/json", &[]),
        ("GET", "/containers/json", &[]),
        (
            "POST",
            "/exec/e1/start",
            &["exec.commands=sh", "exec.into=web"],
        ),
        ("GET", "/libpod/containers/0123456789abcdef/json", &[]),
    ]);
    assert_eq!(
        seen.policy("What it did"),
        r#"description = "What it did"
allow = [
    "ContainerList", # twice, last 2026-11-21T10:00:02Z
    "SystemPing",    # once, last 2026-11-21T10:00:00Z
    # Effect control: can run code, or be root on the host. Take the `# ` away from what is to be granted.
    # "ExecStart",                      # once, last 2026-11-21T10:00:03Z; within [exec] below
    # "GET /libpod/containers/{}/json", # once, last 2026-11-21T10:00:04Z; a path outside of the table, whose bodies nobody judges
]
# Not narrowed: exec.commands, as the record has arguments only with audit.argv = true.

[exec]
into = [
    "web", # once, last 2026-11-21T10:00:03Z
]
workdirs = []
"#
    );
}

/// Bodies of all kinds that were kept, the ways out of a container among them.
#[test]
fn what_was_learned_allows_what_it_was_learned_from() {
    let (mut tried, mut missed) = (0, Vec::new());
    for (operation, body) in corpus() {
        let (_, target) = REQUESTS.iter().find(|(of, _)| *of == operation).unwrap();
        let Some(findings) = observed(call("POST", target), &body) else {
            continue;
        };
        tried += 1;
        let mut seen = Seen::default();
        seen.see(&Sighting {
            call: &call("POST", target),
            findings: &findings,
            time: "2026-11-21T10:00:00.000000Z",
            is_refused: false,
        });
        let text = seen.policy("learned");
        if !is_allowed(whole(&text), call("POST", target), &body) {
            missed.push(format!("{operation} {body}\n{findings:?}\n{text}"));
        }
    }
    assert!(tried > 200, "{tried}");
    assert!(
        missed.is_empty(),
        "{} of {tried}:\n{}",
        missed.len(),
        missed[0]
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_key_is_as_narrow_as_what_was_seen_and_no_narrower() {
    let create = "/containers/create";
    for (id, findings, has, has_not) in [
        (
            "an image",
            &["create.images=nginx:1.29"][..],
            "images = [",
            "",
        ),
        (
            "an image by its id",
            &["create.images=0123456789ab"][..],
            "# Not narrowed: create.images",
            "images = [",
        ),
        ("no ports", &["create.images=nginx"][..], "ports = []", ""),
        (
            "a user by number",
            &["create.images=nginx", "create.users=1000:1000"][..],
            "\"1000:1000\"",
            "",
        ),
        (
            "a user by name",
            &["create.images=nginx", "create.users=node"][..],
            "",
            "users",
        ),
        (
            "a limit",
            &[
                "create.images=nginx",
                "create.limits=memory 67108864, cpus 0.500000000, pids 10",
            ][..],
            "limits = { memory = \"64m\", cpus = 0.500000000, pids = 10 }",
            "",
        ),
        (
            "no limit",
            &[
                "create.images=nginx",
                "create.limits=memory 0, cpus 0.000000000, pids 0",
            ][..],
            "",
            "limits",
        ),
        (
            "written and read",
            &[
                "create.binds=/srv:ro",
                "create.binds=/srv:rw",
                "create.images=nginx",
            ][..],
            "\"/srv:rw\"",
            "\"/srv:ro\"",
        ),
        (
            "what every container has",
            &["create.images=nginx", "create.runtimes=runc"][..],
            "",
            "runtimes",
        ),
        (
            "what replaces another",
            &["create.replaces=true"][..],
            "replaces = true",
            "",
        ),
        (
            "what replaces another",
            &["create.replaces=true"][..],
            "images = []",
            "",
        ),
        (
            "what was cut",
            &["create.images=nginx", "create.binds=/long..."][..],
            "# Not granted, as it was cut",
            "binds = [",
        ),
        (
            "more than a record holds",
            &["create.images=nginx", "..."][..],
            "this is not all of it",
            "",
        ),
    ] {
        let text = seen(&[("POST", create, findings)]).policy("learned");
        assert!(text.contains(has), "{id}: {text}");
        assert!(
            has_not.is_empty() || !text.contains(has_not),
            "{id}: {text}"
        );
        load(&text).unwrap();
    }
}

#[test]
fn of_commands_nothing_is_learned_without_their_arguments() {
    for (value, is_learned) in [("ls", false), (r#"["ls","-l"]"#, true)] {
        let commands = format!("exec.commands={value}");
        let found = [commands.as_str(), "exec.into=web", "exec.env.allow=LANG"];
        let text = seen(&[("POST", "/containers/web/exec", &found)]).policy("learned");
        assert_eq!(text.contains(r#"["ls","-l"]"#), is_learned, "{text}");
        assert_eq!(
            text.contains(r#"env = { allow = ["LANG"] }"#),
            is_learned,
            "{text}"
        );
    }
}

/// One policy file, and the shipped policies.
struct Shelf(&'static str);

impl Library for Shelf {
    fn read(&self, reference: &str) -> Result<(String, String), Problem> {
        let text = if reference == "mine.toml" {
            self.0
        } else {
            super::super::shipped::text(reference).unwrap()
        };
        Ok((reference.to_owned(), text.to_owned()))
    }
}

fn merged(file: &'static str, seen: &Seen) -> String {
    let (text, notes) = seen.merged("mine.toml", &Shelf(file)).unwrap();
    assert!(notes.iter().all(|note| note.starts_with("Added: ")));
    Policy::load("merged", &Once(text.clone())).unwrap();
    text
}

#[test]
fn merging_adds_and_takes_nothing_away() {
    let seen = seen(&[
        ("GET", "/containers/json", &[]),
        ("POST", "/containers/web/kill", &[]),
        (
            "POST",
            "/containers/create",
            &["create.images=nginx", "create.networks=front"],
        ),
    ]);
    let text = merged(
        "# mine\nallow = ['ContainerList', 'ContainerCreate'] # both\n\n[create]\n# these\nimages = ['redis']\n",
        &seen,
    );
    for line in [
        "# mine\n",
        "] # both\n",
        "# these\n",
        "'redis'",
        "\"nginx\"",
        "\"ContainerKill\"",
        "\"@default\", \"@own\"",
        "\"front\"",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert_eq!(text.matches("ContainerList").count(), 1);
    let again = seen.merged("learned", &Once(text.clone())).unwrap().0;
    assert_eq!(again, text, "nothing is lacking now");
}

/// A text under any name but those of the shipped policies.
struct Once(String);

impl Library for Once {
    fn read(&self, reference: &str) -> Result<(String, String), Problem> {
        let shipped = super::super::shipped::text(reference).map(str::to_owned);
        Ok((
            reference.to_owned(),
            shipped.unwrap_or_else(|| self.0.clone()),
        ))
    }
}

#[test]
fn merging_keeps_the_block_of_a_policy_that_is_extended() {
    let seen = seen(&[(
        "POST",
        "/containers/create",
        &["create.binds=/srv:ro", "create.networks=@own"],
    )]);
    let text = merged("extends = ['agent']\n", &seen);
    assert!(
        text.contains("\"/workspace:rw\"") && text.contains("\"/srv:ro\""),
        "{text}"
    );
    let before = Policy::load("agent", &Shelf("")).unwrap();
    let after = load(&text.replace("extends = ['agent']", "")).unwrap();
    assert_eq!(
        format!("{:?}", after.blocks().create.labels),
        format!("{:?}", before.blocks().create.labels)
    );
}

#[test]
fn merging_says_what_it_could_not_add() {
    let seen = seen(&[
        ("POST", "/containers/web/kill", &[]),
        (
            "POST",
            "/containers/create",
            &[
                "create.images=nginx",
                "create.limits=memory 99, cpus 0.000000000, pids 0",
                "create.networks=a\\u{a}b",
                "...",
            ],
        ),
        (
            "POST",
            "/containers/web/exec",
            &["exec.commands=ls", "exec.into=web"],
        ),
        ("GET", "/a*b", &[]),
    ]);
    let file = Shelf(
        "allow = ['ContainerCreate', 'ContainerExec']\ndeny = ['ContainerKill']
        [create]\nlimits = { memory = 9 }\n[exec]\ncommands = [['ps']]",
    );
    let (_, notes) = seen.merged("mine.toml", &file).unwrap();
    assert_eq!(
        notes,
        [
            "No entry can grant GET /a*b: once, last 2026-11-21T10:00:03Z.",
            "Not granted, as it was cut or escaped in the record: create.networks=a\\u{a}b",
            "A request asked for more than its record holds: this is not all of it.",
            "Not added: ContainerKill, which the policy denies",
            "Not added: create.limits=memory 99, cpus 0.000000000, pids 0, as limits are raised by hand",
            "Not added: exec.commands=ls, as the record has arguments only with audit.argv = true",
        ]
    );
}

/// A day under an enforced policy, with what a stranger tried among it.
const PROBED: &[(bool, &str, &str, &[&str])] = &[
    (true, "GET", "/volumes", &[]),
    (true, "POST", "/containers/web/kill", &[]),
    (
        false,
        "POST",
        "/containers/create",
        &[
            "create.binds=/srv/b:ro",
            "create.images=web:1",
            "create.limits=memory 67108864, cpus 0.000000000, pids 0",
        ],
    ),
    (
        true,
        "POST",
        "/containers/create",
        &[
            "create.binds=/:rw",
            "create.images=busybox",
            "create.limits=memory 0, cpus 0.000000000, pids 0",
            "create.privileged=true",
        ],
    ),
    (false, "POST", "/containers/web/exec", &["exec.into=web"]),
    (false, "POST", "/exec/e1/start", &["exec.into=web"]),
];

#[test]
fn what_was_refused_grants_nothing_until_it_was_read() {
    let text = seen_or_refused(PROBED).policy("A day");
    assert_eq!(
        text,
        r#"description = "A day"
allow = [
    "VolumeList", # once, refused, last 2026-11-21T10:00:00Z
    # Refused whenever it was asked for. Take the `# ` away from what is to be granted.
    # "ContainerKill", # once, refused, last 2026-11-21T10:00:01Z; ends any container but Dockgate's own, or sends it another signal
    # Effect control: can run code, or be root on the host. Take the `# ` away from what is to be granted.
    # "ContainerCreate", # twice, 1 of them refused, last 2026-11-21T10:00:03Z; within [create] below
    # "ContainerExec",   # once, last 2026-11-21T10:00:04Z; within [exec] below
    # "ExecStart",       # once, last 2026-11-21T10:00:05Z; within [exec] below
]

[create]
binds = [
    # "/:rw",    # once, refused, last 2026-11-21T10:00:03Z
    "/srv/b:ro", # once, last 2026-11-21T10:00:02Z
]
images = [
    # "busybox", # once, refused, last 2026-11-21T10:00:03Z
    "web:1",     # once, last 2026-11-21T10:00:02Z
]
limits = { memory = "64m" } # the most that was asked for
networks = []
ports = []
# privileged = true # once, refused, last 2026-11-21T10:00:03Z
restart = []
volumes = []

[exec]
into = [
    "web", # once, last 2026-11-21T10:00:05Z
]
workdirs = []
"#
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a file and what becomes of it")]
fn merging_makes_a_comment_of_what_was_refused_or_gives_a_part_of_the_host() {
    let file = "allow = [
    'ContainerCreate', # makes jobs
    'ContainerExec' # asks them
]

[create] # narrow
binds = ['/srv/b:ro'] # its backups
images = [
    'web:1', # the image
]
limits = { memory = '64m' }
";
    let mut requests = PROBED.to_vec();
    let found: &[&str] = &["create.devices=/dev/kvm", "create.images=db:1"];
    requests.push((false, "POST", "/containers/create", found));
    let seen = seen_or_refused(&requests);
    let (text, notes) = seen.merged("mine.toml", &Shelf(file)).unwrap();
    assert_eq!(
        text,
        r#"allow = [
    'ContainerCreate', # makes jobs
    'ContainerExec', # asks them
    "VolumeList", # once, refused, last 2026-11-21T10:00:00Z
    # Refused whenever it was asked for. Take the `# ` away from what is to be granted.
    # "ContainerKill", # once, refused, last 2026-11-21T10:00:01Z; ends any container but Dockgate's own, or sends it another signal
    # Effect control: can run code, or be root on the host. Take the `# ` away from what is to be granted.
    # "ExecStart", # once, last 2026-11-21T10:00:05Z; runs a command in a container, types into it and reads its output
]

[create] # narrow
# privileged = true # once, refused, last 2026-11-21T10:00:03Z
binds = ['/srv/b:ro',
    # "/:rw", # once, refused, last 2026-11-21T10:00:03Z
] # its backups
images = [
    'web:1', # the image
    # "busybox", # once, refused, last 2026-11-21T10:00:03Z
    "db:1", # once, last 2026-11-21T10:00:06Z
]
limits = { memory = '64m' }
devices = [
    # "/dev/kvm", # once, last 2026-11-21T10:00:06Z
]
"#
    );
    assert_eq!(
        notes,
        [
            "Not added: create.limits=memory 0, cpus 0.000000000, pids 0, as limits are raised by hand",
            "Added: VolumeList, create.images = \"db:1\"",
            "Added as comments: ContainerKill, ExecStart, create.binds = \"/:rw\", create.devices = \"/dev/kvm\", \
             create.images = \"busybox\", create.privileged = true",
        ]
    );
    let (again, notes) = seen.merged("learned", &Once(text.clone())).unwrap();
    assert_eq!(again, text, "what waits to be read is not added again");
    assert_eq!(
        notes[0],
        "Stands there as a comment: \"ContainerKill\", asked for once"
    );
    assert!(
        notes.contains(&"Stands there as a comment: privileged = true, asked for once".to_owned())
    );
}
