//! The command line: what can be asked for, and the answers.

mod against;
mod check;
mod exit;
mod explain;
mod healthcheck;
mod learn;
mod list;
mod pasted;
mod schema;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser as NoEmpty;
use clap::{Args, Parser, Subcommand};

pub use self::exit::Exit;
use self::exit::print_problems;
use crate::app;
use crate::config::{Config, Flags, load};

/// A Docker socket proxy that forwards what an allowlist of API operations grants, and records
/// every request.
#[derive(Debug, Parser)]
#[command(name = "dockgate", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the proxy; `dockgate` alone does the same
    Serve(ServeArgs),
    /// Check settings, or policy files with their examples, without starting
    Check(check::CheckArgs),
    /// Say whether a request would be allowed, and what would allow it
    Explain(explain::ExplainArgs),
    /// Print the smallest policy that would have allowed what an audit record tells of
    Learn(learn::LearnArgs),
    /// Say whether the listeners and the daemon answer; for a container's health check
    Healthcheck(ServeArgs),
    /// What is left of the command of an image that Dockgate takes the place of
    #[command(hide = true, disable_help_flag = true)]
    Haproxy {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        _arguments: Vec<OsString>,
    },
    /// List the shipped policies, or print one
    Policies {
        /// A shipped policy's name
        name: Option<String>,
    },
    /// List the operations of the Docker API
    Operations {
        /// As JSON, with every column
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of a kind of file, by which editors complete and check it
    Schema {
        /// The kind of file
        #[arg(value_name = "KIND")]
        of: schema::Of,
    },
}

#[derive(Clone, Debug, Default, Args)]
struct ServeArgs {
    /// Settings file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Policy, by its shipped name or its file; may be given more than once, or joined by commas
    #[arg(long, value_name = "NAME|FILE", value_delimiter = ',', value_parser = NoEmpty::new())]
    policy: Vec<String>,
    /// Address to listen on: <tcp://127.0.0.1:2375>, <unix:///path>
    #[arg(long, value_name = "ADDR", value_delimiter = ',', value_parser = NoEmpty::new())]
    listen: Vec<String>,
    /// Address of the daemon: <unix:///var/run/docker.sock>, <tcp://host:2375>
    #[arg(long, value_name = "ADDR", value_parser = NoEmpty::new())]
    upstream: Option<String>,
    /// Forward what the policies refuse, and record it as `would_deny`: the gate is open
    #[arg(long)]
    observe: bool,
}

/// Runs a command; its answer goes to `out`, what is wrong to `err`.
///
/// # Errors
///
/// The answer could not be written.
pub fn run(cli: Cli, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    match cli.command {
        None => serve(cli.serve, err),
        Some(Command::Serve(args)) => serve(args, err),
        Some(Command::Haproxy { .. }) => {
            writeln!(
                err,
                "warning: the command haproxy and its file are without effect: leave `command` out"
            )?;
            serve(ServeArgs::default(), err)
        }
        Some(Command::Healthcheck(args)) => healthcheck::run(&args.into(), out, err),
        Some(Command::Check(args)) => check::run(&args, out, err),
        Some(Command::Explain(args)) => explain::run(args, out, err),
        Some(Command::Learn(args)) => learn::run(&args, out, err),
        Some(Command::Policies { name: None }) => list::policies(out),
        Some(Command::Policies { name: Some(name) }) => list::policy(&name, out, err),
        Some(Command::Operations { json }) => list::operations(json, out),
        Some(Command::Schema { of }) => schema::print(of, out),
    }
}

impl From<ServeArgs> for Flags {
    fn from(args: ServeArgs) -> Self {
        Self {
            config: args.config,
            policy: args.policy,
            listen: args.listen,
            upstream: args.upstream,
            observe: args.observe,
        }
    }
}

fn serve(args: ServeArgs, err: &mut dyn Write) -> io::Result<Exit> {
    let flags = Flags::from(args);
    let read = || Config::load(&flags, load::environment());
    let config = match read() {
        Ok(config) => config,
        Err(problems) => return print_problems(&problems, err),
    };
    match app::serve(config, &read, err) {
        Ok(()) => Ok(Exit::Done),
        Err(error) => {
            let mut message = format!("dockgate: {error}");
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                message = format!("{message}: {cause}");
                source = cause.source();
            }
            writeln!(err, "{message}")?;
            Ok(Exit::Failed)
        }
    }
}
