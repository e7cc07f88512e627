//! How a command ends.

use std::fmt::Display;
use std::io;

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

    pub(super) fn done_if(is_done: bool) -> Self {
        if is_done { Self::Done } else { Self::Failed }
    }
}

/// Why a command ends without its answer.
#[derive(Debug)]
pub(super) enum Stop {
    /// Help was asked for, and is the answer.
    Help(String),
    /// The command line is wrong.
    Usage(String),
    /// The settings, or a file that was named, are wrong.
    Problems(Vec<Problem>),
    /// The answer could not be written.
    Output(io::Error),
}

impl Stop {
    /// A command line that is wrong in what clap does not check.
    pub(super) fn usage(message: impl Display) -> Self {
        Self::Usage(format!("dockgate: {message}\n"))
    }
}

impl From<Vec<Problem>> for Stop {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Problems(problems)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<clap::Error> for Stop {
    fn from(error: clap::Error) -> Self {
        let text = error.to_string();
        if error.use_stderr() {
            Self::Usage(text)
        } else {
            Self::Help(text)
        }
    }
}
