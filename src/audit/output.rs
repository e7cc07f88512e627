//! What the audit log is written to.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;

use crate::config::{AuditSettings, LineFormat, Output};
use crate::paint::{self, Painted};

/// Chooses the format if nothing is set.
pub(crate) fn choose_format(settings: &mut AuditSettings, is_contained: bool) {
    let are_terminals = [io::stdin().is_terminal(), io::stdout().is_terminal()];
    let default = default_format(&settings.output, is_contained, are_terminals);
    settings.format.get_or_insert(default);
}

/// Text if somebody at a terminal reads stdout. A container's terminal may be a log that programs read, as with
/// `tty: true` in a compose file.
fn default_format(output: &Output, is_contained: bool, are_terminals: [bool; 2]) -> LineFormat {
    if *output == Output::Stdout && !is_contained && are_terminals == [true, true] {
        LineFormat::Text
    } else {
        LineFormat::Json
    }
}

pub(crate) fn open(settings: &AuditSettings) -> io::Result<Box<dyn Write + Send>> {
    let is_text = settings.format == Some(LineFormat::Text);
    Ok(match &settings.output {
        Output::Stdout if is_text && paint::is_wanted(&io::stdout()) => {
            Box::new(Painted::new(io::stdout(), paint::record))
        }
        Output::Stdout => Box::new(io::stdout()),
        Output::Stderr if is_text && paint::is_wanted(&io::stderr()) => {
            Box::new(Painted::new(io::stderr(), paint::record))
        }
        Output::Stderr => Box::new(io::stderr()),
        Output::None => Box::new(io::sink()),
        Output::File(path) => Box::new(
            OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(path)?,
        ),
    })
}

/// Warns of an audit log that goes nowhere: `/dev/null` is also what a stream is that was closed at the start.
pub(crate) fn goes_nowhere(output: &Output) -> Option<String> {
    let found = match output {
        Output::Stdout => rustix::fs::fstat(io::stdout()),
        Output::Stderr => rustix::fs::fstat(io::stderr()),
        Output::None | Output::File(_) => return None,
    };
    // Source: null(4).
    let is_null = found.is_ok_and(|found| found.st_rdev == rustix::fs::makedev(1, 3));
    is_null.then(|| {
        format!(
            "warning: the audit log goes nowhere, because {output} is closed or /dev/null: redirect it, or set \
             `audit.output`, for example to \"/var/log/dockgate.jsonl\""
        )
    })
}

/// Writes what it can of the lines and leaves the rest, so that no line is written twice.
pub(super) fn write_some(output: &mut dyn Write, lines: &mut &[u8]) -> io::Result<()> {
    while !lines.is_empty() {
        match output.write(lines) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => *lines = lines.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_the_default_only_for_somebody_at_a_terminal() {
        let (json, text) = (LineFormat::Json, LineFormat::Text);
        for (output, is_contained, are_terminals, want) in [
            (Output::Stdout, false, [true, true], text),
            (Output::Stdout, false, [false, true], json),
            (Output::Stdout, false, [true, false], json),
            (Output::Stdout, true, [true, true], json),
            (Output::Stderr, false, [true, true], json),
            (Output::File("/audit".into()), false, [true, true], json),
        ] {
            let format = default_format(&output, is_contained, are_terminals);
            assert_eq!(format, want, "{output} {is_contained} {are_terminals:?}");
        }
    }
}
