//! Parses the command line, calls the library, and ends with its exit code.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use dockgate::cli::{self, Cli};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli::run(cli, &mut io::stdout(), &mut io::stderr()) {
        Ok(exit) => ExitCode::from(exit.code()),
        // Nobody has read the whole answer, so it must not look like a good one.
        Err(_) => ExitCode::FAILURE,
    }
}
