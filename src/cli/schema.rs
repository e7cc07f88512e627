//! `schema`: the shape of the files that people write, for their editors.

use std::io::{self, Write};

use clap::ValueEnum;

use super::exit::Exit;
use crate::config::schema::settings;
use crate::policyfile::schema::policy;

/// A kind of file.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Of {
    /// Policy files
    Policy,
    /// Settings files
    Settings,
}

/// Prints the schema of a kind of file.
pub(super) fn print(of: Of, out: &mut dyn Write) -> io::Result<Exit> {
    let schema = match of {
        Of::Policy => policy(),
        Of::Settings => settings(),
    };
    writeln!(out, "{}", serde_json::to_string_pretty(&schema)?)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_what_is_kept() {
        for (of, kept) in [
            (
                Of::Policy,
                include_str!("../../policies/policy.schema.json"),
            ),
            (
                Of::Settings,
                include_str!("../../docs/settings.schema.json"),
            ),
        ] {
            let mut out = Vec::new();
            assert_eq!(print(of, &mut out).unwrap(), Exit::Done);
            assert!(out == kept.as_bytes(), "{of:?}");
        }
    }
}
