//! What a policy that extends another one adds to it.

use super::*;
use crate::advice::learn::proposal::load;
use crate::docker::mount::Access;
use crate::policy::keys::setting::Setting;
use crate::policy::value::Value;
use crate::policyfile::{Library, Problem, shipped};

/// A policy file, a file that extends it, and the built-in policies.
struct Shelf<'a>(&'a str, &'a str);

impl Library for Shelf<'_> {
    fn read(&self, reference: &str) -> Result<(String, String), Problem> {
        let text = match reference {
            "mine.toml" => self.0,
            "new.toml" => self.1,
            shipped => shipped::text(shipped).unwrap(),
        };
        Ok((reference.to_owned(), text.to_owned()))
    }
}

/// A policy extended with what it lacks, without its head, and the notes about it. Checks that no block has changed,
/// that no operation is missing, that none that was denied is allowed, and that the mark is the same.
fn merged(file: &str, seen: &Seen) -> (String, Vec<String>) {
    let (text, notes) = seen.merged("mine.toml", &Shelf(file, "")).unwrap();
    let shelf = Shelf(file, &text);
    let before = Policy::load("mine.toml", &shelf).unwrap();
    let after =
        Policy::load("new.toml", &shelf).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
    // Everything except which blocks were written first.
    let blocks = |policy: &Policy| {
        let blocks = format!("{:?}", policy.blocks);
        blocks.split_once(']').unwrap().1.to_owned()
    };
    assert_eq!(blocks(&before), blocks(&after), "{text}");
    for block in Block::ALL {
        assert_eq!(
            before.blocks.has(*block),
            after.blocks.has(*block),
            "{text}"
        );
    }
    assert_eq!(before.mark, after.mark);
    for operation in Operation::ALL.iter().copied() {
        let (had, has) = (before.has(operation), after.has(operation));
        assert!(has || !had, "{operation}: {text}");
        assert!(
            had || !has || !before.denies(operation),
            "{operation}: {text}"
        );
        let is_added = notes.contains(&format!("Added: {operation}"));
        assert_eq!(has && !had, is_added, "{operation}: {notes:?}");
    }
    let rest = text.strip_prefix(HEAD);
    (rest.unwrap_or_else(|| panic!("{text}")).to_owned(), notes)
}

const HEAD: &str = r#"# Load this policy instead of the one that it extends.
extends = ["mine.toml"]
mark = "mine" # keeps what was created through mine.toml as @own
"#;

/// A text in which the comments that wait to be read are enabled.
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
fn what_was_refused_or_is_in_a_block_becomes_a_comment() {
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
    # Always denied so far. Delete the `# ` before what you want to allow.
    # "ContainerKill", # once, denied, last 2026-11-21T10:00:01Z; kills any container except Dockgate's own, or sends it another signal
    # "VolumeList",    # once, denied, last 2026-11-21T10:00:00Z
    # Effect control: these can run code or make the client root on the host. Delete the `# ` before what you want to allow.
    # "ExecStart", # once, last 2026-11-21T10:00:05Z; runs a command in a container, sends it input and reads its output
]
# Not added: create.limits=none, because you must raise limits yourself

# The whole block, because it replaces that of mine.toml.
[create]
binds = [
    "/srv/b:ro",
    # "/:rw", # once, denied, last 2026-11-21T10:00:03Z
]
images = [
    "web:1",
    # "busybox:latest", # once, denied, last 2026-11-21T10:00:03Z
    # "db:1",           # once, last 2026-11-21T10:00:06Z
]
limits = { memory = "64m" }
# devices = [
#     "/dev/kvm", # once, last 2026-11-21T10:00:06Z
# ]
# privileged = true # once, denied, last 2026-11-21T10:00:03Z
"#
    );
    assert_eq!(
        notes,
        [
            "Not added: create.limits=none, because you must raise limits yourself",
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
}

#[test]
fn a_flag_that_is_set_is_left_to_the_reader() {
    let create: &[&str] = &["create.privileged=true"];
    let seen = seen(&[("POST", "/containers/create", create)]);
    let (text, notes) = merged(
        "allow = ['ContainerCreate']\n[create]\nprivileged = false\n",
        &seen,
    );
    let note = "Not added: create.privileged=true: set create.privileged = true";
    assert!(
        text.ends_with(&format!("# {note}\n")) && notes == [note],
        "{text}"
    );
}

#[test]
fn a_new_block_waits_as_a_whole() {
    let exec: &[&str] = &["exec.commands=[\"ls\"]", "exec.into=web"];
    let seen = seen(&[("POST", "/containers/web/exec", exec)]);
    let (text, notes) = merged("allow = ['ContainerList']", &seen);
    assert_eq!(
        text,
        r#"allow = [
    # Effect control: these can run code or make the client root on the host. Delete the `# ` before what you want to allow.
    # "ContainerExec", # once, last 2026-11-21T10:00:00Z; prepares a command in a container, for ExecStart to run
]

# If you allow operations above, delete the `# ` before all lines of this block, or they are allowed without these limits.
# [exec]
# commands = [
#     ["ls"], # once, last 2026-11-21T10:00:00Z
# ]
# env = { allow = [] } # by name, with any value
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
        whole.has(Operation::ContainerExec) && whole.blocks.has(Block::Exec),
        "{text}"
    );
}

/// A block also decides about requests of other blocks: which containers may be entered, and what may be mounted.
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
    assert!(
        text.starts_with("allow = [\n]\n# Not allowed, because the audit record cut it off")
            && !text.contains("\n\n#"),
        "{text}"
    );
    assert_eq!(
        notes,
        [
            "Not allowed, because the audit record cut it off or escaped it: exec.commands=[\"x\"], [\"sh\",\"...\"]",
            "Not added: create.env.allow=LD_PRELOAD, because you must add variables yourself",
            "Not allowed, because an entry would allow more than this: create.images=c*",
            "Not allowed, because an entry would allow more than this: create.join=label:a",
            "Not allowed, because an entry would allow more than this: create.secrets=*",
            "Not allowed, because an entry would allow more than this: exec.commands=[\"ls\",\"...\"]",
            "Not allowed, because an entry would allow more than this: exec.commands=[\"sh\",\"-c\",\"rm /tmp/*\"]",
            "Not added: exec.commands=sh, because audit records have arguments only with audit.argv = true",
        ]
    );
}

#[test]
fn the_block_of_an_extended_policy_is_repeated_whole() {
    let seen = seen(&[(
        "POST",
        "/containers/create",
        &["create.binds=/srv:ro", "create.networks=@own"],
    )]);
    let (text, notes) = merged("extends = ['agent']\n", &seen);
    assert!(
        text.contains("# The whole block, because it replaces that of agent.\n[create]\n")
            && text.contains("    # \"/srv:ro\", # once"),
        "{text}"
    );
    assert!(
        notes.contains(&"Added as a comment: create.binds = \"/srv:ro\"".to_owned()),
        "{notes:?}"
    );
    let before = Policy::load("agent", &Shelf("", "")).unwrap();
    let read = format!("{HEAD}{}", read_through(&text));
    let after = Policy::load("new.toml", &Shelf("extends = ['agent']\n", &read)).unwrap();
    let (had, has) = (&before.blocks.create, &after.blocks.create);
    assert_eq!(format!("{:?}", has.labels), format!("{:?}", had.labels));
    let (path, access) = ("/srv".to_owned(), Access::Read);
    let asked = Value::Bind { path, access };
    assert!(has.binds.allows(&asked), "{text}");
    assert!(!had.binds.allows(&asked), "{text}");
}

#[test]
fn what_is_a_comment_in_the_file_is_not_granted() {
    let file = "allow = [\n    'SystemPing',\n    # 'SystemInfo', # no!\n]\n";
    let seen = seen(&[("GET", "/info", &[]), ("GET", "/version", &[])]);
    let (text, notes) = merged(file, &seen);
    assert!(
        text.contains("    # \"SystemInfo\", #") && text.contains("    \"SystemVersion\", #"),
        "{text}"
    );
    assert_eq!(
        notes,
        ["Added: SystemVersion", "Added as a comment: SystemInfo"]
    );
    // A comment about one operation says nothing about another.
    let other =
        "allow = [\n    'ContainerExec', # which SystemInfo then shows\n]\n[exec]\ninto = []\n";
    let (_, notes) = merged(other, &seen);
    assert!(notes.contains(&"Added: SystemInfo".to_owned()), "{notes:?}");
    let Err(problems) = seen.merged("mine.toml", &Shelf("\n", "")) else {
        panic!("an empty file was added to");
    };
    assert!(
        problems[0]
            .message
            .starts_with("is empty: the shell empties"),
        "{problems:?}"
    );
}

/// Policies that allow nothing, under any name.
struct Spaced;
impl Library for Spaced {
    fn read(&self, reference: &str) -> Result<(String, String), Problem> {
        Ok((reference.to_owned(), "allow = []".to_owned()))
    }
}

#[test]
fn the_head_keeps_the_mark_where_it_can_be_written_and_moves_observe() {
    let seen = seen(&[("GET", "/info", &[])]);
    let file = "description = 'Ours'\nmark = 'first'\nobserve = true\n";
    let (text, notes) = seen.merged("mine.toml", &Shelf(file, "")).unwrap();
    assert!(
        text.contains(
            "description = \"Ours\"\nextends = [\"mine.toml\"]\nmark = \"first\" # keeps what \
             was created through mine.toml as @own\nobserve = true\nallow = ["
        ),
        "{text}"
    );
    assert_eq!(
        notes[0],
        "observe = true is now in this file: remove it from mine.toml, because a policy with it cannot be extended"
    );
    let moved = file.replace("observe = true\n", "");
    let policy = Policy::load("new.toml", &Shelf(&moved, &text)).unwrap();
    assert!(policy.is_observed && policy.mark == "first");

    // The name of a file cannot end the comment.
    let (text, _) = seen.merged("./a\n[create]\n/ci.toml", &Spaced).unwrap();
    assert!(
        text.contains("created through ./a\\u{a}[create]\\u{a}/ci.toml as @own\n"),
        "{text}"
    );
    let (text, notes) = seen.merged("./my policy.toml", &Spaced).unwrap();
    assert!(!text.contains("\nmark = "), "{text}");
    assert_eq!(
        notes[0],
        "\"my policy\" is not a valid mark: what was created through ./my policy.toml stays @own only if this file gets the same name"
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
            "No entry can allow GET /a*b: once, last 2026-11-21T10:00:02Z.",
            "Not allowed, because the audit record cut it off or escaped it: create.networks=a\\u{a}b",
            "A request asked for more than its audit record contains, so this policy is not complete.",
            "Not added: ContainerKill, which mine.toml denies",
            "Not added: GET /libpod/secrets/json, which mine.toml denies",
            "Added as a comment: GET /libpod/pods/json",
        ]
    );
}

/// An entry of the new policy would win over `deny` of every policy that it extends.
#[test]
fn what_an_extended_policy_denies_stays_denied() {
    struct Chain;
    impl Library for Chain {
        fn read(&self, reference: &str) -> Result<(String, String), Problem> {
            let text = match reference {
                "mine.toml" => "extends = ['base.toml']",
                _ => "deny = ['info:read', 'GET /libpod/info']",
            };
            Ok((reference.to_owned(), text.to_owned()))
        }
    }
    let seen = seen(&[("GET", "/info", &[]), ("GET", "/libpod/info", &[])]);
    let (text, notes) = seen.merged("mine.toml", &Chain).unwrap();
    assert!(
        text.contains("\nallow = [\n]\n# Not added: SystemInfo, which"),
        "{text}"
    );
    assert_eq!(
        notes,
        [
            "Not added: SystemInfo, which mine.toml denies",
            "Not added: GET /libpod/info, which mine.toml denies",
        ]
    );
}

/// Whatever was recorded, and whatever was denied, no block of a policy changes.
#[test]
fn nothing_that_was_kept_changes_a_block() {
    // Only a part of the bodies, because each is merged several times.
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
