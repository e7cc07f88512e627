//! What the record is written to.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;

use crate::config::Output;

pub(crate) fn open(output: &Output) -> io::Result<Box<dyn Write + Send>> {
    Ok(match output {
        Output::Stdout => Box::new(io::stdout()),
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

/// Warns of a record that goes nowhere: where a stream was closed at the start, there is `/dev/null`.
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
            "warning: the record goes nowhere, as {output} is closed or /dev/null: redirect it, or set \
             `audit.output`"
        )
    })
}

/// Writes what it can of the lines and leaves the rest, so that none is written twice.
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
