//! How a command ends.

use std::io::{self, Write};

use crate::policyfile::Problem;

/// How a command ended. Its number is the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done; for `explain`, allowed.
    Done,
    /// Failed, or denied.
    Failed,
    /// The command line is wrong.
    Usage,
    /// The settings or a policy are wrong.
    Configuration,
}

impl Exit {
    /// The exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Configuration => 78,
        }
    }
}

/// Writes every problem of a configuration.
pub(super) fn print_problems(problems: &[Problem], err: &mut dyn Write) -> io::Result<Exit> {
    for problem in problems {
        writeln!(err, "dockgate: {problem}")?;
    }
    Ok(Exit::Configuration)
}
