//! Calls the library, and ends with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    match dockgate::cli::run_here() {
        Ok(code) => ExitCode::from(code),
        // Nobody has read the whole answer, so the exit code must not look like success.
        Err(_) => ExitCode::FAILURE,
    }
}
