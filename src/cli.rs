//! The command line: the commands, and their answers.

mod against;
mod certs;
mod check;
mod exit;
mod explain;
mod healthcheck;
mod learn;
mod list;
mod pasted;
mod tail;
mod unused;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::{Parser, Subcommand};

pub use self::exit::Exit;
use self::exit::Stop;
use crate::app;
use crate::config::{Config, Flags, load};
use crate::paint::{self, Painted};

/// Docker socket proxy: forwards only the API operations that a policy allows, and records every request.
#[derive(Debug, Parser)]
#[command(name = "dockgate", version, args_conflicts_with_subcommands = true)]
#[command(
    after_help = "Example:\n  dockgate --policy traefik --listen tcp://127.0.0.1:2375\n\n\
    Every setting has a variable, such as DOCKGATE_POLICY=traefik. A flag wins over a variable, and a variable over the \
    settings file."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the proxy; `dockgate` without a command does the same
    #[command(
        after_help = "Example:\n  dockgate serve --policy traefik,homepage --listen unix:///run/dockgate.sock"
    )]
    Serve(Flags),
    /// Check the settings, or policy files with their examples, without starting
    #[command(
        after_help = "Examples:\n  dockgate check\n  dockgate check my-policy.toml\n  \
        dockgate check my-policy.toml --against audit.jsonl\n  dockgate check new-policy.toml --adopt old-policy"
    )]
    Check(check::CheckArgs),
    /// Show whether a request would be allowed, and why
    #[command(
        after_help = "Examples:\n  dockgate explain --policy traefik GET /containers/json\n  \
        dockgate explain ContainerRestart\n  dockgate explain docker ps\n  \
        dockgate explain --body create.json POST /containers/create"
    )]
    Explain(explain::ExplainArgs),
    /// Generate a minimal policy from an audit log
    #[command(
        after_help = "Example:\n  docker logs dockgate 2>/dev/null | dockgate learn > my-policy.toml"
    )]
    Learn(learn::LearnArgs),
    /// Make and revoke TLS certificates for Dockgate and its clients
    Certs(certs::CertsArgs),
    /// Show an audit log to people: aligned, with the remedy under each denial
    #[command(
        after_help = "Examples:\n  docker compose logs -f dockgate | dockgate tail\n  \
        dockgate tail --follow --verdict deny /var/log/dockgate.jsonl\n  \
        dockgate tail --summary --client traefik /var/log/dockgate.jsonl"
    )]
    Tail(tail::TailArgs),
    /// Show what the policies allow and nobody used, and the edit that removes it
    #[command(
        after_help = "Examples:\n  dockgate unused /var/log/dockgate.jsonl\n  \
        dockgate unused --policy ./ci.toml --client ci audit.jsonl"
    )]
    Unused(unused::UnusedArgs),
    /// Check that Dockgate and the Docker daemon respond (for HEALTHCHECK)
    #[command(
        after_help = "Example, with the environment of the server:\n  HEALTHCHECK CMD [\"/dockgate\", \"healthcheck\"]"
    )]
    Healthcheck(Flags),
    /// Accepts the command of an image that Dockgate replaces
    #[command(hide = true, disable_help_flag = true)]
    Haproxy {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        _arguments: Vec<OsString>,
    },
    /// List the built-in policies, or print one
    #[command(
        after_help = "Examples:\n  dockgate policies\n  dockgate policies traefik > my-policy.toml"
    )]
    Policies {
        /// The name of a built-in policy [default: list all]
        name: Option<String>,
    },
    /// List the operations of the Docker API, with their effects and paths
    #[command(after_help = "Example:\n  dockgate operations | grep containers:read")]
    Operations {
        /// Output JSON, with all columns
        #[arg(long)]
        json: bool,
    },
    /// Print a JSON Schema that your editor can use for completion and validation
    #[command(after_help = "Example:\n  dockgate schema policy > policy.schema.json")]
    Schema {
        /// The kind of file
        #[arg(value_name = "KIND")]
        of: list::FileKind,
    },
    /// Print the version
    Version,
}

/// Runs the command of this process on its own streams, in color on a terminal. Returns the exit code.
///
/// # Errors
///
/// The answer could not be written.
pub fn run_here() -> io::Result<u8> {
    let mut err = io::stderr();
    let is_painted = paint::is_wanted(&io::stdout());
    match Cli::try_parse() {
        Ok(cli) => {
            let is_for_people = matches!(
                cli.command,
                Some(Command::Check(_) | Command::Explain(_) | Command::Healthcheck(_))
            );
            if let (true, Some(Command::Tail(args))) = (is_painted, &cli.command) {
                let columns = paint::columns(&io::stdout());
                let mut out = Painted::new(io::stdout(), paint::tail);
                let ended = answer_or_say(
                    tail::run(args, columns, &mut out),
                    &mut io::stdout(),
                    &mut err,
                )?;
                return Ok(ended.code());
            }
            // The others print what programs read, or people paste into files.
            if !(is_painted && is_for_people) {
                return Ok(run(cli, &mut io::stdout(), &mut err)?.code());
            }
            let mut out = Painted::new(io::stdout(), paint::answer);
            let exit = run(cli, &mut out, &mut err)?;
            out.flush()?;
            Ok(exit.code())
        }
        Err(usage) => {
            usage.print()?;
            Ok(u8::try_from(usage.exit_code()).unwrap_or(u8::MAX))
        }
    }
}

/// Runs a command. Its answer goes to `out`, and problems to `err`.
///
/// # Errors
///
/// The answer could not be written.
pub fn run(cli: Cli, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let answered = answer(cli, out, err);
    answer_or_say(answered, out, err)
}

fn answer_or_say(
    answered: Result<Exit, Stop>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    match answered {
        Ok(exit) => Ok(exit),
        Err(Stop::Help(text)) => write!(out, "{text}").map(|()| Exit::Done),
        Err(Stop::Usage(text)) => write!(err, "{text}").map(|()| Exit::Usage),
        Err(Stop::Problems(problems)) => {
            for problem in problems {
                writeln!(err, "dockgate: {problem}")?;
            }
            Ok(Exit::Configuration)
        }
        Err(Stop::Output(error)) => Err(error),
    }
}

fn answer(cli: Cli, out: &mut dyn Write, err: &mut dyn Write) -> Result<Exit, Stop> {
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(flags) => serve(&flags, None, err),
        Command::Haproxy { .. } => {
            let notice =
                "warning: the command haproxy and its file have no effect: remove `command`";
            serve(&Flags::default(), Some(notice), err)
        }
        Command::Certs(args) => certs::run(args, out, err),
        Command::Healthcheck(flags) => healthcheck::run(&flags, out),
        Command::Check(args) => check::run(&args, out),
        Command::Explain(args) => explain::run(args, out),
        Command::Learn(args) => learn::run(&args, out, err),
        Command::Unused(args) => unused::run(&args, out),
        Command::Tail(args) => tail::run(&args, paint::columns(&io::stdout()), out),
        Command::Policies { name: None } => Ok(list::policies(out)?),
        Command::Policies { name: Some(name) } => Ok(list::policy(&name, out, err)?),
        Command::Operations { json } => Ok(list::operations(json, out)?),
        Command::Schema { of } => Ok(list::schema(of, out)?),
        Command::Version => {
            writeln!(out, "dockgate {}", env!("CARGO_PKG_VERSION"))?;
            Ok(Exit::Done)
        }
    }
}

fn serve(flags: &Flags, notice: Option<&str>, err: &mut dyn Write) -> Result<Exit, Stop> {
    let read = || Config::load(flags, load::environment());
    let mut config = read()?;
    config.notices.extend(notice.map(str::to_owned));
    // It reports its errors itself, in the form that the settings say.
    let tls = app::tls::Tls::open(&config)?;
    let served = app::serve((config, tls), &read, err);
    Ok(if served.is_ok() {
        Exit::Done
    } else {
        Exit::Failed
    })
}
