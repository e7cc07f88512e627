//! The source of policy files, and the problems of a file.

use std::fmt;

/// Finds policies by name or path.
pub trait Library {
    /// The policy's name for messages, and its text.
    ///
    /// # Errors
    ///
    /// The policy does not exist or may not be used. The problem says what to do.
    fn read(&self, reference: &str) -> Result<(String, String), Problem>;

    /// A text that is equal for two references to the same file.
    fn file(&self, reference: &str) -> String {
        reference.to_owned()
    }
}

/// What is wrong in a file, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, variable or flag.
    pub file: String,
    /// The key in the file, if the problem is about one.
    pub key: Option<String>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Problem {
    /// A problem with a whole file.
    pub(crate) fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            key: None,
            message: message.into(),
        }
    }

    /// A problem with one key of a file.
    pub(crate) fn of_key(file: &str, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            key: Some(key.into()),
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{}: `{key}`: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}
