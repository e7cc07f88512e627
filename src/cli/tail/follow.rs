//! Reads the lines of a log, and waits for more.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use super::{Event, Failure, Take};
use crate::audit::reading::{Parsed, next_line};

/// How often a followed file is looked at.
const INTERVAL: Duration = Duration::from_millis(200);

/// Reads to the end of a stream. Whenever it has to wait for more, it says so.
pub(super) fn stream<R: Read>(
    input: &mut BufReader<R>,
    take: &mut Take<'_>,
) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    loop {
        if input.buffer().is_empty() {
            take(Event::Wait).map_err(Failure::Output)?;
        }
        if !next_line(input, &mut bytes).map_err(Failure::Input)? {
            return take(Event::End).map_err(Failure::Output);
        }
        hand_over(&mut bytes, take)?;
    }
}

fn hand_over(bytes: &mut Vec<u8>, take: &mut Take<'_>) -> Result<(), Failure> {
    let parsed = Parsed::of(&String::from_utf8_lossy(bytes));
    bytes.clear();
    take(Event::Line(parsed)).map_err(Failure::Output)
}

/// Reads a file, and if it is followed what is added later, to it or to the file that takes its place.
pub(super) fn file(path: &Path, is_followed: bool, take: &mut Take<'_>) -> Result<(), Failure> {
    let mut input = BufReader::new(File::open(path).map_err(Failure::Input)?);
    let mut bytes = Vec::new();
    loop {
        read_on(&mut input, &mut bytes, take)?;
        if !is_followed {
            if !bytes.is_empty() {
                hand_over(&mut bytes, take)?;
            }
            return take(Event::End).map_err(Failure::Output);
        }
        take(Event::End).map_err(Failure::Output)?;
        std::thread::sleep(INTERVAL);
        if let Some(next) = successor(path, &mut input).map_err(Failure::Input)? {
            // What was written between the last look and the rotation.
            read_on(&mut input, &mut bytes, take)?;
            bytes.clear();
            input = BufReader::new(next);
        }
    }
}

/// Hands over the complete lines; the rest of the file stays in `bytes`.
fn read_on(
    input: &mut impl BufRead,
    bytes: &mut Vec<u8>,
    take: &mut Take<'_>,
) -> Result<(), Failure> {
    while next_line(input, bytes).map_err(Failure::Input)? {
        if bytes.ends_with(b"\n") {
            hand_over(bytes, take)?;
        }
    }
    Ok(())
}

/// The file to read instead, if another one has taken this one's place, or this one was emptied.
fn successor(path: &Path, input: &mut BufReader<File>) -> io::Result<Option<File>> {
    let Ok(next) = File::open(path) else {
        // Between renaming and creating there is none.
        return Ok(None);
    };
    let (old, new) = (input.get_ref().metadata()?, next.metadata()?);
    let id = |found: &Metadata| (found.dev(), found.ino());
    let is_emptied = new.len() < input.stream_position()?;
    Ok((id(&old) != id(&new) || is_emptied).then_some(next))
}
