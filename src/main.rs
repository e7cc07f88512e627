//! Parses the command line, calls the library, and ends with its exit code.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use dockgate::cli::{self, Cli};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli::run(cli, &mut io::stdout(), &mut io::stderr()) {
        Ok(exit) => ExitCode::from(exit.code()),
        // Whoever reads the answer has had enough of it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
