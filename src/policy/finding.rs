//! A requirement as the record has it, and back: `block.key=value`, the key of a policy that allows it and
//! what would have to stand under it.
//!
//! Programs read these lines, `dockgate learn` and `dockgate check --against` among them.

use super::keys::{Key, Record};
use super::requirement::What;
use super::value::{Shape, Value};

/// What the record says of a requirement; `None` for what no key allows, for labels, and for what is empty.
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
            // A program's name that would be taken for a list of arguments is cut off, as one that is too long.
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

/// What a finding says; `None` for what is none of ours, was cut off, or had its letters escaped.
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

/// What a finding says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What is asked for.
    pub(crate) what: What,
    /// Whether that is all of it. Values of variables and of volume options are not recorded, nor the arguments of
    /// a command where that is not asked for.
    pub(crate) is_whole: bool,
}
