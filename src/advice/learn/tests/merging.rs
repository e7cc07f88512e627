//! What is added to a policy that is there.

use super::super::keys::load;
use super::*;
use crate::docker::mount::Access;

/// One policy file, and the shipped policies.
struct Shelf<'a>(&'a str);

impl Library for Shelf<'_> {
    fn read(&self, reference: &str) -> Result<(String, String), Problem> {
        let shipped =
            crate::policyfile::shipped::text(reference).filter(|_| reference != "mine.toml");
        Ok((reference.to_owned(), shipped.unwrap_or(self.0).to_owned()))
    }
}

/// The file with what it lacks, and what is told of it. No block of it has changed, and no operation is gone.
fn merged(file: &str, seen: &Seen) -> (String, Vec<String>) {
    let (text, notes) = seen.merged("mine.toml", &Shelf(file)).unwrap();
    let before = Policy::load("mine.toml", &Shelf(file)).unwrap();
    let after = Policy::load("mine.toml", &Shelf(&text))
        .unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
    assert_eq!(
        format!("{:?}", before.blocks()),
        format!("{:?}", after.blocks()),
        "{text}"
    );
    for operation in Operation::ALL.iter().copied() {
        let (had, has) = (before.has(operation), after.has(operation));
        assert!(has || !had, "{operation}: {text}");
        let is_added = notes.contains(&format!("Added: {operation}"));
        assert_eq!(has && !had, is_added, "{operation}: {notes:?}");
    }
    let (again, _) = seen.merged("mine.toml", &Shelf(&text)).unwrap();
    assert_eq!(again, text, "nothing is added twice");
    (text, notes)
}

/// A text without the comments that wait to be read.
fn read_through(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let bare = line.trim_start();
        let waits = bare.strip_prefix("# ").filter(|rest| {
            rest.starts_with(['"', '[', ']', ' ']) || rest.contains(" = ") || rest.contains(" = [")
        });
        waits.unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
#[expect(clippy::too_many_lines, reason = "a file and what becomes of it")]
fn comments_stay_and_what_was_refused_or_is_in_a_block_becomes_one() {
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
    let (text, notes) = merged(file, &seen_or_refused(&requests));
    assert_eq!(
        text,
        r#"allow = [
    'ContainerCreate', # makes jobs
    'ContainerExec', # asks them
    # Refused whenever it was asked for. Take the `# ` away from what is to be granted.
    # "ContainerKill", # once, refused, last 2026-11-21T10:00:01Z; ends any container but Dockgate's own, or sends it another signal
    # "VolumeList", # once, refused, last 2026-11-21T10:00:00Z
    # Effect control: can run code, or be root on the host. Take the `# ` away from what is to be granted.
    # "ExecStart", # once, last 2026-11-21T10:00:05Z; runs a command in a container, types into it and reads its output
]

[create] # narrow
# devices = [
#     "/dev/kvm", # once, last 2026-11-21T10:00:06Z
# ]
# privileged = true # once, refused, last 2026-11-21T10:00:03Z
binds = ['/srv/b:ro',
    # "/:rw", # once, refused, last 2026-11-21T10:00:03Z
] # its backups
images = [
    'web:1', # the image
    # "busybox:latest", # once, refused, last 2026-11-21T10:00:03Z
    # "db:1", # once, last 2026-11-21T10:00:06Z
]
limits = { memory = '64m' }
"#
    );
    assert_eq!(
        notes,
        [
            "Not added: create.limits=memory 0, cpus 0.000000000, pids 0, as limits are raised by hand",
            "Added as a comment: ContainerKill",
            "Added as a comment: VolumeList",
            "Added as a comment: ExecStart",
            "Added as a comment: create.binds = \"/:rw\"",
            "Added as a comment: create.devices = \"/dev/kvm\"",
            "Added as a comment: create.images = \"busybox:latest\"",
            "Added as a comment: create.images = \"db:1\"",
            "Added as a comment: create.privileged = true",
        ]
    );
    let (_, notes) = seen_or_refused(&requests)
        .merged("mine.toml", &Shelf(&text))
        .unwrap();
    for stands in [
        "allow = ContainerKill",
        "create.binds = \"/:rw\"",
        "create.devices = \"/dev/kvm\"",
        "create.privileged = true",
    ] {
        let want = format!("Stands there as a comment: {stands}, asked for once");
        assert!(notes.contains(&want), "{notes:?}");
    }
    let (dos, _) = merged(&file.replace('\n', "\r\n"), &seen_or_refused(&requests));
    assert_eq!(dos, text.replace('\n', "\r\n"));
}

#[test]
fn a_new_block_waits_as_a_whole() {
    let exec: &[&str] = &["exec.commands=[\"ls\"]", "exec.into=web"];
    let seen = seen(&[("POST", "/containers/web/exec", exec)]);
    let (text, notes) = merged("allow = ['ContainerList']", &seen);
    assert_eq!(
        text,
        r#"allow = ['ContainerList',
    # Effect control: can run code, or be root on the host. Take the `# ` away from what is to be granted.
    # "ContainerExec", # once, last 2026-11-21T10:00:00Z; makes a command ready in a container, which ExecStart then runs there
]

# For the comments in allow: take the `# ` away from all of this block, or what they grant is not narrowed.
# [exec]
# commands = [
#     ["ls"], # once, last 2026-11-21T10:00:00Z
# ]
# env = { allow = [] } # by name, whatever the value
# into = [
#     "web", # once, last 2026-11-21T10:00:00Z
# ]
# workdirs = []
"#
    );
    assert_eq!(
        notes,
        [
            "Added as a comment: ContainerExec",
            "Added as a comment: [exec]"
        ]
    );
    let whole = load(&read_through(&text)).unwrap();
    assert!(
        whole.has(Operation::ContainerExec) && whole.blocks().has(Block::Exec),
        "{text}"
    );
}

/// What one block says is asked about the requests of others: what may be entered, and what may be mounted.
#[test]
fn a_block_for_another_operation_opens_nothing() {
    let options: &[&str] = &[
        "volumes.options=device=*",
        "volumes.options=o=*",
        "volumes.options=type=*",
    ];
    let created: &[&str] = &[
        "create.images=web",
        "create.privileged=true",
        "create.binds=/etc/cron.d:rw",
    ];
    for (file, target, findings) in [
        ("allow = ['ContainerCreate']", "/volumes/create", options),
        (
            "allow = ['ContainerExec', 'ExecStart']",
            "/containers/create",
            created,
        ),
        (
            "allow = ['ContainerCreate']\n[create]\nimages = ['app']",
            "/containers/create",
            created,
        ),
        ("extends = ['agent']", "/containers/create", created),
        (
            "create.images = ['app']\nallow = ['ContainerCreate']",
            "/containers/create",
            created,
        ),
        (
            "allow = ['ContainerCreate']\n[create.env]\nforbid = ['LD_*']",
            "/containers/create",
            created,
        ),
        (
            "allow = ['ContainerCreate']\ncreate = { images = ['app'] }",
            "/containers/create",
            created,
        ),
    ] {
        merged(file, &seen(&[("POST", target, findings)]));
    }
}

#[test]
fn what_would_say_more_in_a_file_is_not_written() {
    let file = "allow = ['ContainerCreate', 'ContainerExec']
[create]
env = { forbid = ['LD_*'] }
images = []
secrets = []
[exec]
commands = []
";
    let create: &[&str] = &[
        "create.env.allow=LD_PRELOAD",
        "create.images=c*",
        "create.join=label:a",
        "create.secrets=*",
    ];
    let exec: &[&str] = &[
        "exec.commands=[\"sh\",\"-c\",\"rm /tmp/*\"]",
        "exec.commands=[\"ls\",\"...\"]",
        "exec.commands=[\"x\"], [\"sh\",\"...\"]",
        "exec.commands=sh",
    ];
    let (text, notes) = merged(
        file,
        &seen(&[
            ("POST", "/containers/create", create),
            ("POST", "/containers/web/exec", exec),
        ]),
    );
    assert_eq!(text, file);
    assert_eq!(
        notes,
        [
            "Not granted, as it was cut or escaped in the record: exec.commands=[\"x\"], [\"sh\",\"...\"]",
            "Not added: create.env.allow=LD_PRELOAD, as variables are added by hand",
            "Not granted, as an entry would say more: create.images=c*",
            "Not granted, as an entry would say more: create.join=label:a",
            "Not granted, as an entry would say more: create.secrets=*",
            "Not granted, as an entry would say more: exec.commands=[\"ls\",\"...\"]",
            "Not granted, as an entry would say more: exec.commands=[\"sh\",\"-c\",\"rm /tmp/*\"]",
            "Not added: exec.commands=sh, as the record has arguments only with audit.argv = true",
        ]
    );
}

#[test]
fn the_block_of_an_extended_policy_comes_along_to_be_read() {
    let seen = seen(&[(
        "POST",
        "/containers/create",
        &["create.binds=/srv:ro", "create.networks=@own"],
    )]);
    let (text, _) = merged("extends = ['agent']\n", &seen);
    assert!(
        text.contains("# # In the place of that of agent.\n# [create]\n")
            && text.contains("#     \"/srv:ro\", # once"),
        "{text}"
    );
    let before = Policy::load("agent", &Shelf("")).unwrap();
    let after = Policy::load("mine.toml", &Shelf(&read_through(&text))).unwrap();
    let (had, has) = (&before.blocks().create, &after.blocks().create);
    assert_eq!(format!("{:?}", has.labels), format!("{:?}", had.labels));
    assert!(
        has.binds.covers("/srv", Access::Read) && !had.binds.covers("/srv", Access::Read),
        "{text}"
    );
}

#[test]
fn what_the_reader_has_left_as_a_comment_stays_one() {
    let file = "allow = [\n    'SystemPing',\n    # \"SystemInfo\", # no!\n]\n";
    let seen = seen(&[("GET", "/info", &[]), ("GET", "/version", &[])]);
    let (text, notes) = merged(file, &seen);
    assert!(
        text.contains("    # \"SystemInfo\", # no!\n    \"SystemVersion\", #"),
        "{text}"
    );
    assert_eq!(
        notes[0],
        "Stands there as a comment: allow = SystemInfo, asked for once"
    );
    // What is said of one operation is no word on another.
    let other =
        "allow = [\n    'ContainerExec', # which SystemInfo then shows\n]\n[exec]\ninto = []\n";
    let (text, _) = merged(other, &seen);
    assert!(load(&text).unwrap().has(Operation::SystemInfo), "{text}");
    let Err(problems) = seen.merged("mine.toml", &Shelf("\n")) else {
        panic!("an empty file was added to");
    };
    assert!(
        problems[0].message.starts_with("is empty: a shell empties"),
        "{problems:?}"
    );
}

#[test]
fn what_could_not_be_added_is_told() {
    let seen = seen(&[
        ("POST", "/containers/web/kill", &[]),
        (
            "POST",
            "/containers/create",
            &["create.images=nginx", "create.networks=a\\u{a}b", "..."],
        ),
        ("GET", "/a*b", &[]),
        ("GET", "/libpod/pods/json", &[]),
        ("GET", "/libpod/secrets/json", &[]),
    ]);
    let (_, notes) = merged(
        "allow = ['ContainerCreate']\ndeny = ['ContainerKill', 'GET /libpod/secrets/{}']\n",
        &seen,
    );
    assert_eq!(
        notes,
        [
            "No entry can grant GET /a*b: once, last 2026-11-21T10:00:02Z.",
            "Not granted, as it was cut or escaped in the record: create.networks=a\\u{a}b",
            "A request asked for more than its record holds: this is not all of it.",
            "Not added: ContainerKill, which the policy denies",
            "Not added: GET /libpod/secrets/json, which the policy denies",
            "Added as a comment: GET /libpod/pods/json",
        ]
    );
}

/// Whatever was observed, and whatever was refused of it, no block of a policy changes by it.
#[test]
fn nothing_that_was_kept_changes_a_block() {
    // A part of them, as each is merged several times.
    for (operation, body) in corpus().into_iter().step_by(5) {
        let (_, target) = REQUESTS.iter().find(|(of, _)| *of == operation).unwrap();
        let Some(findings) = observed(call("POST", target), &body) else {
            continue;
        };
        let findings: Vec<_> = findings.iter().map(String::as_str).collect();
        for is_refused in [false, true] {
            let seen = seen_or_refused(&[(is_refused, "POST", target, &findings)]);
            for file in [
                "extends = ['ci-runner']\nallow = []\n",
                "allow = ['ContainerCreate', 'ContainerExec', 'ImageBuild']\n[create]\n[exec]\ninto = []\n",
            ] {
                merged(file, &seen);
            }
        }
    }
}
