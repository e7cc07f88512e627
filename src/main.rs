//! Calls the library, and ends with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    match dockgate::cli::run_here() {
        Ok(code) => ExitCode::from(code),
        // The answer was not written completely, so the exit code must not say success.
        Err(_) => ExitCode::FAILURE,
    }
}
