//! Mistakes that people make, and what Dockgate says to each. `docs/errors.md` is made of these cases and of what the
//! program prints for them, so it has the exact output of each.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use crate::generated::kept::generated;
use crate::support::folder::Folder;

/// A mistake.
struct Case {
    title: &'static str,
    /// A file of the folder that the command runs in: its name and its text.
    file: Option<(&'static str, &'static str)>,
    environment: &'static [(&'static str, &'static str)],
    arguments: &'static [&'static str],
    /// What the shown lines have in common. Empty if all are shown.
    shown: &'static str,
    exit: i32,
    todo: &'static str,
}

/// The chapters of the page.
const CHAPTERS: &[(&str, &[Case])] = &[
    ("Variables", VARIABLES),
    ("Settings", SETTINGS),
    ("Policies", POLICIES),
    ("Requests", REQUESTS),
    ("Commands", COMMANDS),
];

const CASE: Case = Case {
    title: "",
    file: None,
    environment: &[],
    arguments: &["check"],
    shown: "",
    exit: 78,
    todo: "",
};

const VARIABLES: &[Case] = &[
    Case {
        title: "A misspelled variable of Tecnativa's image",
        environment: &[("CONTAINER", "1"), ("volumes", "1")],
        shown: "ignored",
        exit: 0,
        todo: "Write the variable that the message offers.",
        ..CASE
    },
    Case {
        title: "Nothing is configured",
        environment: &[],
        shown: "policy",
        exit: 0,
        todo: "Set `DOCKGATE_POLICY`.",
        ..CASE
    },
    Case {
        title: "POST without a section",
        environment: &[("POST", "1")],
        shown: "POST=1 has",
        exit: 0,
        todo: "Enable a section too, such as `CONTAINERS=1`.",
        ..CASE
    },
    Case {
        title: "A boolean that HAProxy does not know",
        environment: &[("CONTAINERS", "true")],
        shown: "counts",
        exit: 0,
        todo: "Write 0 or 1. Only variables that begin with `DOCKGATE_` take true and false.",
        ..CASE
    },
    Case {
        title: "Variables of another dialect",
        environment: &[("LIBPOD_INFO", "1"), ("ALLOW_EXPORT", "1")],
        shown: "no effect",
        exit: 0,
        todo: "Set the dialect, or the variable that is missing. [Migrate](migration.md) lists all of them.",
        ..CASE
    },
    Case {
        title: "Tecnativa's variables beside a policy",
        environment: &[
            ("DOCKGATE_POLICY", "traefik"),
            ("CONTAINERS", "1"),
            ("POST", "1"),
        ],
        shown: "ignored",
        exit: 0,
        todo: "Remove the variables, or remove `DOCKGATE_POLICY`.",
        ..CASE
    },
    Case {
        title: "Policies that are separated by spaces",
        environment: &[("DOCKGATE_POLICY", "traefik homepage")],
        todo: "Write `DOCKGATE_POLICY=traefik,homepage`.",
        ..CASE
    },
    Case {
        title: "A misspelled policy",
        environment: &[("DOCKGATE_POLICY", "Traefik")],
        todo: "`dockgate policies` lists the built-in policies.",
        ..CASE
    },
    Case {
        title: "A variable that Dockgate does not have",
        environment: &[
            ("DOCKGATE_AUDIT_FORMAT", "text"),
            ("DOCKGATE_DOCKER_HOST", "tcp://engine:2375"),
            ("DOCKGATE_LOG_LEVEL", "debug"),
            ("DOCKGATE_POLCY", "traefik"),
        ],
        todo: "[Settings](settings.md) has all variables.",
        ..CASE
    },
    Case {
        title: "Values that a variable does not take",
        environment: &[
            ("DOCKGATE_LIMITS__DRAIN", "8"),
            ("DOCKGATE_LIMITS__HEAD_BYTES", "64k"),
            ("DOCKGATE_LOG", "verbose"),
            ("DOCKGATE_OBSERVE", "1"),
        ],
        todo: "Write a value of the kind that the message shows. All wrong values are reported at once.",
        ..CASE
    },
    Case {
        title: "An address without tcp:// or unix://",
        environment: &[
            (
                "DOCKGATE_LISTEN",
                "0.0.0.0:2375,:2376,/run/dockgate.sock,https://0.0.0.0:2376",
            ),
            ("DOCKGATE_UPSTREAM", "engine:2375"),
        ],
        todo: "Write the address that the message offers.",
        ..CASE
    },
    Case {
        title: "A listener without its number",
        environment: &[("DOCKGATE_LISTENER__MODE", "0666")],
        todo: "Each key of a listener has a variable: `DOCKGATE_LISTENER_0__ADDRESS`, `__POLICY`, `__MODE`, `__OWNER`, `__DENY` and \
            `__OBSERVE`.",
        ..CASE
    },
    Case {
        title: "A listener without an address",
        environment: &[("DOCKGATE_LISTENER_0__MODE", "0666")],
        todo: "Set the address too. The next listener is `DOCKGATE_LISTENER_1__ADDRESS`.",
        ..CASE
    },
    Case {
        title: "Wrong keys of a listener",
        environment: &[
            ("DOCKGATE_LISTENER_0__ADDRESS", "tcp://0.0.0.0:2375"),
            ("DOCKGATE_LISTENER_0__MODE", "0660"),
            ("DOCKGATE_LISTENER_0__OWNR", "0:998"),
        ],
        todo: "Only unix sockets have a mode and an owner.",
        ..CASE
    },
];

const SETTINGS: &[Case] = &[
    Case {
        title: "A mistake in the TOML of the settings",
        file: Some((
            "dockgate.toml",
            "policy = \"traefik\"\nlisten = [\"tcp://0.0.0.0:2375\"\nlog = \"info\"\n",
        )),
        arguments: &["check", "--config", "dockgate.toml"],
        todo: "The mark is where TOML expects something else: here a `]` before the end of the line.",
        ..CASE
    },
    Case {
        title: "Wrong settings",
        file: Some((
            "dockgate.toml",
            "policy = 1\nlog = \"loud\"\nallow_orign = []\n\n[limits]\nconnections = \"many\"\n\n[[listener]]\nmode = 660\n",
        )),
        arguments: &["check", "--config", "dockgate.toml"],
        todo: "Each message has the line, the key, and what to write. A list with a single entry may be written without brackets: \
            `policy = \"traefik\"`.",
        ..CASE
    },
    Case {
        title: "A settings file that is not there",
        arguments: &["check", "--config", "/etc/dockgate/settings.toml"],
        todo: "In a container, mount the file at this path.",
        ..CASE
    },
    Case {
        title: "A folder where a file should be",
        environment: &[("DOCKGATE_POLICY", "./policy.toml")],
        file: Some(("policy.toml/", "")),
        todo: "Docker created the folder, because the source of the mount was missing when the container was created.",
        ..CASE
    },
];

const POLICIES: &[Case] = &[
    Case {
        title: "A mistake in the TOML of a policy",
        file: Some(("my-policy.toml", "allow = [\n    ContainerList,\n]\n")),
        arguments: &["check", "my-policy.toml"],
        todo: "Write the names in quotes: `\"ContainerList\"`.",
        ..CASE
    },
    Case {
        title: "A feature that this version does not have",
        file: Some((
            "my-policy.toml",
            "allow = [\"ContainerRestart\"]\n\n[restart]\ninto = [\"web\"]\n",
        )),
        arguments: &["check", "my-policy.toml"],
        todo: "Remove the key.",
        ..CASE
    },
    Case {
        title: "A path instead of an operation",
        file: Some((
            "my-policy.toml",
            "allow = [\n    \"GET /containers/json\",\n    \"/containers/{}/logs\",\n    \"GET /images/*\",\n]\n",
        )),
        arguments: &["check", "my-policy.toml"],
        todo: "Write the operation's name. Only paths outside the Docker API, such as Podman's, are written as paths.",
        ..CASE
    },
    Case {
        title: "A misspelled operation or group",
        file: Some((
            "my-policy.toml",
            "allow = [\"ContainersList\", \"containers\", \"ContainerStat\", \"container:read\", \"images:all\", \"exec:control\"]\n",
        )),
        arguments: &["check", "my-policy.toml"],
        todo: "`dockgate operations` lists all operations and groups. A message never offers an operation that changes something, \
            unless only one letter is wrong.",
        ..CASE
    },
    Case {
        title: "Wrong keys and values in a block",
        file: Some((
            "my-policy.toml",
            "allow = \"ContainerCreate\"\n\n[create]\nprivileged = \"no\"\nbind = [\"/srv\"]\nusers = [\"root\", \"www-data\"]\n\
            limits = { memory = \"2gb\", cpus = \"2\", pids = 0.5 }\n",
        )),
        arguments: &["check", "my-policy.toml"],
        todo: "[Request bodies](bodies.md) has the keys of all blocks. All wrong values are reported at once.",
        ..CASE
    },
    Case {
        title: "A policy that allows nothing",
        file: Some(("my-policy.toml", "description = \"For my dashboard\"\n")),
        arguments: &["check", "my-policy.toml"],
        shown: "warning",
        exit: 0,
        todo: "Add the operations that the client needs. [Learn a policy](learning.md) finds them.",
        ..CASE
    },
    Case {
        title: "A block without its operation",
        file: Some((
            "my-policy.toml",
            "allow = [\"ContainerList\"]\n\n[create]\nbinds = [\"/srv\"]\n",
        )),
        arguments: &["check", "my-policy.toml"],
        shown: "warning",
        exit: 0,
        todo: "Remove the block, or allow an operation that it restricts.",
        ..CASE
    },
    Case {
        title: "An example that fails",
        file: Some((
            "my-policy.toml",
            "allow = [\"ContainerList\"]\n\n[[example]]\nrequest = \"GET /containers/json\"\nverdict = \"deny\"\n\n\
            [[example]]\nrequest = \"POST /containers/web/kill\"\nverdict = \"allow\"\n",
        )),
        arguments: &["check", "my-policy.toml"],
        exit: 1,
        todo: "Change the verdict of the example, or what the policy allows.",
        ..CASE
    },
    Case {
        title: "Policies that extend each other",
        file: Some(("my-policy.toml", "extends = [\"./my-policy.toml\"]\n")),
        arguments: &["check", "./my-policy.toml"],
        todo: "Remove one of the `extends`.",
        ..CASE
    },
];

const REQUESTS: &[Case] = &[
    Case {
        title: "A path that Dockgate does not have",
        arguments: &["explain", "--policy", "traefik", "GET", "/metrics"],
        shown: "deny:",
        exit: 1,
        todo: "Do not add the path to a policy: it would be sent to the daemon, which does not have it either.",
        ..CASE
    },
    Case {
        title: "A misspelled path",
        arguments: &["explain", "--policy", "traefik", "GET", "/container/json"],
        shown: "deny:",
        exit: 1,
        todo: "Send the request to the path that the message offers.",
        ..CASE
    },
    Case {
        title: "The network of the host",
        file: Some((
            "create.json",
            "{\"Image\": \"alpine\", \"HostConfig\": {\"NetworkMode\": \"host\"}}\n",
        )),
        arguments: &[
            "explain",
            "--policy",
            "docker-cli-run",
            "--body",
            "create.json",
            "POST",
            "/containers/create",
        ],
        shown: "deny:",
        exit: 1,
        todo: "Allow the host's network in a policy of your own, or run the container without `--network host`.",
        ..CASE
    },
    Case {
        title: "A docker command",
        arguments: &["explain", "--policy", "traefik", "docker", "restart", "web"],
        exit: 1,
        todo: "`explain` takes docker commands, and explains the request that decides about them.",
        ..CASE
    },
    Case {
        title: "An operation without its path",
        arguments: &["explain", "--policy", "traefik", "ContainerList"],
        exit: 0,
        todo: "`explain` takes the names of operations.",
        ..CASE
    },
];

const COMMANDS: &[Case] = &[
    Case {
        title: "A docker command that is not known",
        arguments: &["explain", "--policy", "traefik", "docker", "compose", "up"],
        exit: 2,
        todo: "The command sends many requests. Take them from the audit log: [Explain a verdict](explain.md).",
        ..CASE
    },
    Case {
        title: "A text that is not a request",
        arguments: &["explain", "--policy", "traefik", "restart"],
        exit: 2,
        todo: "Write the request in one of these forms.",
        ..CASE
    },
    Case {
        title: "A policy that is not built in",
        arguments: &["policies", "treafik"],
        exit: 1,
        todo: "`dockgate policies` lists all of them.",
        ..CASE
    },
    Case {
        title: "A misspelled command",
        arguments: &["polices"],
        exit: 2,
        todo: "`dockgate --help` lists the commands.",
        ..CASE
    },
    Case {
        title: "The version",
        arguments: &["version"],
        exit: 0,
        todo: "`dockgate --version` prints the same.",
        ..CASE
    },
];

#[test]
fn the_page_of_errors_has_what_the_program_prints() {
    let mut page = PAGE.to_owned();
    for (chapter, cases) in CHAPTERS {
        _ = write!(page, "\n## {chapter}\n");
        for case in *cases {
            page.push_str(&section(case));
        }
    }
    generated("docs/errors.md", &page);
}

/// What stands above the cases.
const PAGE: &str = "<!-- Generated from tests/errors.rs. Edit that file instead. -->

# Errors

Mistakes that are easy to make, what Dockgate prints, and what to do. A problem in the settings or in a policy ends Dockgate at once with exit
code 78, and all problems are reported together. `dockgate check` reports them without starting.
";

/// Runs a case. Its section has the file, the command and the output.
fn section(case: &Case) -> String {
    let folder = Folder::new();
    let mut text = format!("\n### {}\n", case.title);
    match case.file {
        Some((name, "")) => std::fs::create_dir(folder.path().join(name)).unwrap(),
        Some((name, content)) => {
            folder.write(name, content);
            // Not as TOML: most of them are wrong.
            _ = write!(text, "\n`{name}`:\n\n```text\n{content}```\n");
        }
        None => {}
    }
    let output = Command::new(env!("CARGO_BIN_EXE_dockgate"))
        .env_clear()
        .envs(case.environment.iter().copied())
        .args(case.arguments)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(case.exit),
        "{}: {output:?}",
        case.title
    );
    let output = [output.stdout, output.stderr].concat();
    let output = String::from_utf8(output).unwrap();
    let lines = output.lines().filter(|line| line.contains(case.shown));
    let lines = lines.flat_map(|line| [line, "\n"]).collect::<String>();
    assert!(!lines.is_empty(), "{}: {output}", case.title);
    let command = command(case);
    _ = write!(
        text,
        "\n```text\n$ {command}\n{lines}```\n\n{}\n",
        case.todo
    );
    text
}

/// The command, as a shell takes it.
fn command(case: &Case) -> String {
    let quoted = |text: &str| {
        if text.contains([' ', '*']) {
            format!("'{text}'")
        } else {
            text.to_owned()
        }
    };
    let variables = case.environment.iter();
    let variables = variables.map(|(name, value)| format!("{name}={}", quoted(value)));
    let arguments = case.arguments.iter().map(|argument| quoted(argument));
    let words = variables.chain(["dockgate".to_owned()]).chain(arguments);
    let mut command = words.collect::<Vec<_>>().join(" ");
    if !case.shown.is_empty() {
        _ = write!(command, " | grep {}", quoted(case.shown));
    }
    command
}
