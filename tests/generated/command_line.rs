//! The shell completions and the man page, generated from the definitions of the command line.

use std::io;

use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};
use dockgate::cli::Cli;
use dockgate::policyfile::shipped;

/// The command line without hidden commands, which completions would offer.
fn shown() -> Command {
    let whole = Cli::command();
    let commands = whole.get_subcommands().filter(|it| !it.is_hide_set());
    Command::new("dockgate")
        .after_help(whole.get_after_help().cloned().unwrap_or_default())
        .version(env!("CARGO_PKG_VERSION"))
        .about(whole.get_about().cloned().unwrap_or_default())
        .args_conflicts_with_subcommands(true)
        .args(whole.get_arguments().cloned())
        .subcommands(commands.cloned())
}

/// The completions of a shell. Only they have the lists of names: the program's own errors about a wrong name are
/// better than those for a closed list.
pub(crate) fn completions(shell: Shell) -> String {
    let known = || PossibleValuesParser::new(shipped::ALL.iter().map(|(name, _)| *name));
    let mut command = shown().mut_subcommand("policies", |policies| {
        policies.mut_arg("name", |name| name.value_parser(known()))
    });
    // If no name matches, bash continues with files; other shells do not.
    if shell == Shell::Bash {
        let naming = |command: Command| command.mut_arg("policy", |it| it.value_parser(known()));
        command = ["serve", "explain", "healthcheck"]
            .iter()
            .fold(naming(command), |command, name| {
                command.mut_subcommand(name, naming)
            });
    }
    let mut made = Vec::new();
    clap_complete::generate(shell, &mut command, "dockgate", &mut made);
    String::from_utf8(made).unwrap()
}

/// The parts of the man page that are not in the command line.
const AROUND: &[(&str, &[(&str, &str)])] = &[
    (
        "EXIT STATUS",
        &[
            ("0", "Done; for explain: allowed."),
            (
                "1",
                "Failed; for explain: denied; for healthcheck: unhealthy; for check: an example failed, or a request that \
                 was sent would be denied.",
            ),
            ("2", "The command line is wrong."),
            ("78", "The settings or a policy are wrong."),
        ],
    ),
    (
        "FILES",
        &[(
            "/etc/dockgate/dockgate.toml",
            "The settings, unless --config or DOCKGATE_CONFIG says another file.",
        )],
    ),
    (
        "ENVIRONMENT",
        &[
            ("DOCKGATE_CONFIG", "The settings file."),
            (
                "DOCKGATE_*",
                "One setting each: its key in capitals, two underscores between levels, lists separated by commas.",
            ),
        ],
    ),
];

/// One page with all commands.
pub(crate) fn man_page() -> String {
    // Once for all commands.
    let mut command = shown()
        .disable_help_subcommand(true)
        .subcommand_value_name("COMMAND")
        .mut_subcommands(|command| command.disable_help_flag(true));
    command.build();
    let man = Man::new(command.clone());
    let mut page = Page(Roff::new().render());
    // Without a date; the page's own function would put the version there.
    page.control("TH", ["DOCKGATE", "1"]);
    page.section(|out| man.render_name_section(out));
    page.section(|out| man.render_synopsis_section(out));
    page.section(|out| man.render_description_section(out));
    page.section(|out| man.render_options_section(out));
    page.section(|out| man.render_extra_section(out));
    page.control("SH", ["COMMANDS"]);
    for command in command.get_subcommands() {
        let man = Man::new(command.clone());
        page.control("SS", [&*format!("dockgate {}", command.get_name())]);
        page.below(|out| man.render_synopsis_section(out));
        page.control("PP", []);
        page.below(|out| man.render_description_section(out));
        if command.get_arguments().next().is_some() {
            page.below(|out| man.render_options_section(out));
        }
        if command.get_after_help().is_some() {
            page.control("PP", []);
            page.below(|out| man.render_extra_section(out));
        }
    }
    for (heading, items) in AROUND {
        page.control("SH", [*heading]);
        for (name, told) in *items {
            page.control("TP", []);
            page.text(bold(*name));
            page.text(roman(*told));
        }
    }
    page.section(|out| man.render_version_section(out));
    let lines: Vec<_> = page.0.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

/// The page so far.
struct Page(String);

impl Page {
    /// Adds a complete section.
    fn section(&mut self, render: impl Fn(&mut Vec<u8>) -> io::Result<()>) {
        self.0.push_str(&section(render));
    }

    /// Adds the text below a section's heading.
    fn below(&mut self, render: impl Fn(&mut Vec<u8>) -> io::Result<()>) {
        let section = section(render);
        let (heading, rest) = section.split_once('\n').unwrap();
        assert!(heading.starts_with(".SH "), "{heading}");
        self.0.push_str(rest);
    }

    fn control<'a>(&mut self, name: &str, arguments: impl IntoIterator<Item = &'a str>) {
        self.0
            .push_str(&Roff::new().control(name, arguments).to_roff());
    }

    fn text(&mut self, text: Inline) {
        self.0.push_str(&Roff::new().text([text]).to_roff());
    }
}

/// A section without the definitions at its beginning.
fn section(render: impl Fn(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut made = Vec::new();
    render(&mut made).unwrap();
    let made = String::from_utf8(made).unwrap();
    made.strip_prefix(&Roff::new().render()).unwrap().to_owned()
}
