//! The source of policy files, and the problems of a file.

use std::fmt;

use toml::Table;

use crate::docker::json::printable;

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
    /// The line in the file, from 1, and the column if that is known too.
    pub place: Option<(usize, Option<usize>)>,
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
            place: None,
            key: None,
            message: message.into(),
        }
    }

    /// A problem with one key of a file.
    pub(crate) fn of_key(file: &str, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            place: None,
            key: Some(key.into()),
            message: message.into(),
        }
    }

    /// Whether it is not about a key or a line, such as that the file is missing.
    pub(crate) fn is_of_whole_file(&self) -> bool {
        self.key.is_none() && self.place.is_none()
    }

    /// The same problem on this line of its file.
    pub(crate) fn on_line(self, line: Option<usize>) -> Self {
        let place = line.map(|line| (line, None));
        Self { place, ..self }
    }
}

/// Parses a file. What is wrong with its TOML is shown with its line.
pub(crate) fn parse(file: &str, text: &str) -> Result<Table, Problem> {
    text.parse().map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let head = printable(before.rsplit('\n').next().unwrap_or_default());
        let shown = printable(text.lines().nth(line - 1).unwrap_or_default());
        let (number, at) = (line.to_string(), head.chars().count());
        let margin = number.len();
        let mut message = error.message().replace('\n', ", ");
        if message.is_empty() {
            "a value is missing".clone_into(&mut message);
        }
        let is_word = |it: &char| it.is_alphanumeric() || ":_-.".contains(*it);
        let rest = text.get(start..).unwrap_or_default();
        let word: String = rest.chars().take_while(is_word).collect();
        let is_key = rest.get(word.len()..).is_some_and(|rest| rest.trim_start().starts_with('='));
        if !is_key && word.starts_with(char::is_alphabetic) && message.starts_with("invalid array") {
            message = format!("{message}: write text in quotes: \"{word}\"");
        }
        Problem {
            place: Some((line, Some(at + 1))),
            ..Problem::of_file(
                file,
                format!("not valid TOML: {message}\n{0:margin$} |\n{number} | {shown}\n{0:margin$} | {0:at$}^", ""),
            )
        }
    })
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}")?;
            column.map_or(Ok(()), |column| write!(f, ":{column}"))?;
        }
        match &self.key {
            Some(key) => write!(f, ": `{key}`: {}", self.message),
            None => write!(f, ": {}", self.message),
        }
    }
}
