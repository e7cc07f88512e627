//! Writes a requirement as a finding of an audit record, and reads it again: `block.key=value`, the key of a policy
//! that can allow it and the value that the key would need.
//!
//! Programs read findings, including `dockgate learn` and `dockgate check --against`.

use super::keys::{Key, Record};
use super::requirement::What;
use super::value::{Shape, Value};

/// The finding for a requirement; `None` if no key can allow it, for labels, and if the value is empty.
pub(crate) fn text(what: &What, has_arguments: bool) -> Option<String> {
    let What::Key(key, value) = what else {
        return None;
    };
    if key.row().record == Record::Never {
        return None;
    }
    let value = if let Value::Argv(argv) = value {
        let program = argv.first().map_or("", String::as_str);
        match has_arguments {
            true => serde_json::to_string(argv).ok()?.into(),
            // A program's name that could be mistaken for a list of arguments is marked as cut off.
            false if program.starts_with('[') => format!("{program}...").into(),
            false => program.into(),
        }
    } else {
        what.value().unwrap_or("true".into())
    };
    (!value.is_empty()).then(|| [key.name(), "=", &value].concat())
}

/// The key and the value of a finding.
pub(crate) fn parts(finding: &str) -> Option<(Key, &str)> {
    let (name, value) = finding.split_once('=')?;
    Some((Key::of(name)?, value))
}

/// Reads a finding; `None` if Dockgate did not write it, or if it was cut off or has escaped characters.
pub(crate) fn parse(finding: &str) -> Option<Finding> {
    if finding.ends_with("...") || finding.contains("\\u{") {
        return None;
    }
    let (key, text) = parts(finding)?;
    let value = key.shape().read(text)?;
    let is_whole = match key.row().record {
        Record::Whole => true,
        Record::Shortened if key.shape() == Shape::Argv => text.starts_with('['),
        Record::Shortened => !text.contains('*'),
        Record::Name | Record::Never => false,
    };
    let what = What::Key(key, value);
    Some(Finding { what, is_whole })
}

/// A finding that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) what: What,
    /// Whether the finding has the whole value. Values of variables and of volume options are not recorded, nor are the
    /// arguments of a command unless the settings ask for them.
    pub(crate) is_whole: bool,
}
