//! Settings that are one of some words.

use std::fmt;
use std::path::PathBuf;

/// How severe diagnostics must be to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Errors alone.
    Error,
    /// Warnings too.
    Warn,
    /// What an operator may want to know too.
    Info,
    /// What a developer may want to know too.
    Debug,
}

impl LogLevel {
    pub(crate) const ALL: &[(&str, Self)] = &[
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
    ];
}

/// The form of the record's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditFormat {
    /// JSON, for programs.
    Json,
    /// Words, for people.
    Text,
}

impl AuditFormat {
    pub(crate) const ALL: &[(&str, Self)] = &[("json", Self::Json), ("text", Self::Text)];
}

/// What happens to requests while the record cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// They are refused.
    Refuse,
    /// They go on without a record.
    Continue,
}

impl OnFailure {
    pub(crate) const ALL: &[(&str, Self)] =
        &[("refuse", Self::Refuse), ("continue", Self::Continue)];
}

/// Where the record is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Standard error, between the diagnostics.
    Stderr,
    /// Nowhere.
    None,
    /// A file, appended to.
    File(PathBuf),
}

impl Output {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "stdout" => Some(Self::Stdout),
            "stderr" => Some(Self::Stderr),
            "none" => Some(Self::None),
            path => path
                .starts_with('/')
                .then(|| Self::File(PathBuf::from(path))),
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("stdout"),
            Self::Stderr => f.write_str("stderr"),
            Self::None => f.write_str("none"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}
