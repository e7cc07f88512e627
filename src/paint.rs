//! Color for people at a terminal. All other code writes plain lines, which are colored on their way out.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

const CYAN: &str = "36";
/// Less bright than the rest, on a dark and on a light terminal.
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";

/// Whether lines for this stream are colored. Sources: no-color.org, terminfo(5).
pub(crate) fn is_wanted(stream: &impl IsTerminal) -> bool {
    let value = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let can_paint = value("TERM").is_some_and(|term| term != "dumb");
    stream.is_terminal() && can_paint && value("NO_COLOR").is_none()
}

/// Paints a line.
type Painter = fn(&str) -> String;

fn paint(color: &str, text: &str) -> String {
    format!("\u{1b}[{color}m{text}\u{1b}[0m")
}

/// Colors the beginning of a line.
fn begin(color: &str, line: &str, length: usize) -> String {
    match line.split_at_checked(length) {
        Some((begin, rest)) if !begin.is_empty() => paint(color, begin) + rest,
        Some(_) | None => line.to_owned(),
    }
}

/// The color of a word that says how something went.
fn color_of(word: &str) -> Option<&'static str> {
    Some(match word {
        "allow" | "allowed" | "healthy" => GREEN,
        "ERROR" | "deny" | "denied" | "error" | "unhealthy" => RED,
        "WARN" | "warning" | "would_deny" => YELLOW,
        _ => return None,
    })
}

/// A level's word, padded.
pub(crate) fn level(word: &str) -> String {
    color_of(word.trim()).map_or_else(|| word.to_owned(), |color| paint(color, word))
}

/// A line of an answer of `check`, `explain` and `healthcheck`: its first word, if that says how something
/// went.
pub(crate) fn answer(line: &str) -> String {
    let text = line.trim_start();
    let indent = line.len() - text.len();
    let end = text.find([':', ' ', ',']).unwrap_or(text.len());
    match text.get(..end).and_then(color_of) {
        Some(color) => format!("{:indent$}{}", "", begin(color, text, end)),
        None => line.to_owned(),
    }
}

/// A line of the audit log: its verdict, which is the second word.
pub(crate) fn record(line: &str) -> String {
    let Some((time, rest)) = line.split_once(' ') else {
        return line.to_owned();
    };
    let end = rest.find(' ').unwrap_or(rest.len());
    let color = rest.get(..end).and_then(color_of);
    color.map_or_else(
        || line.to_owned(),
        |color| format!("{time} {}", begin(color, rest, end)),
    )
}

/// A line of `tail`: its time, and its verdict or its event. What belongs to the line above is left as it is.
pub(crate) fn tail(line: &str) -> String {
    if let Some(rest) = line.strip_prefix("missing: ") {
        return format!("{}{rest}", paint(YELLOW, "missing: "));
    }
    let is_row =
        line.starts_with(|begin: char| begin.is_ascii_digit()) && line.get(8..9) == Some(" ");
    let Some((time, rest)) = line.split_once(' ').filter(|_| is_row) else {
        return line.to_owned();
    };
    let end = rest.find(' ').unwrap_or(rest.len());
    let word = rest.get(..end).unwrap_or_default();
    let color = color_of(word).unwrap_or(CYAN);
    format!("{} {}", paint(DIM, time), begin(color, rest, end))
}

/// How wide a stream is, if it is a terminal.
pub(crate) fn columns(stream: &(impl IsTerminal + AsFd)) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok();
    let columns = size.map(|size| usize::from(size.ws_col));
    columns.filter(|columns| *columns > 0 && stream.is_terminal())
}

/// Colors complete lines on their way to a terminal.
pub(crate) struct Painted<W> {
    to: W,
    painter: Painter,
    /// The beginning of a line that is not complete yet.
    begun: Vec<u8>,
}

impl<W: Write> Painted<W> {
    pub(crate) fn new(to: W, painter: Painter) -> Self {
        let begun = Vec::new();
        Self { to, painter, begun }
    }
}

impl<W: Write> Write for Painted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            self.begun.extend_from_slice(bytes);
            return Ok(bytes.len());
        };
        let (line, _) = bytes.split_at_checked(end).unwrap_or((bytes, b""));
        let mut whole = self.begun.clone();
        whole.extend_from_slice(line);
        let painted = (self.painter)(&String::from_utf8_lossy(&whole)) + "\n";
        self.to.write_all(painted.as_bytes())?;
        self.begun.clear();
        Ok(end + 1)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.write_all(&std::mem::take(&mut self.begun))?;
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paints_what_says_how_a_thing_went() {
        let rows: [(Painter, &str, &str); 11] = [
            (
                answer,
                "allowed: GET /info",
                "\u{1b}[32mallowed\u{1b}[0m: GET /info",
            ),
            (answer, "  warning: x", "  \u{1b}[33mwarning\u{1b}[0m: x"),
            (answer, "allowance", "allowance"),
            (
                record,
                "T deny 403 GET /allow",
                "T \u{1b}[31mdeny\u{1b}[0m 403 GET /allow",
            ),
            (record, "T begin POST /x", "T begin POST /x"),
            (level, " WARN", "\u{1b}[33m WARN\u{1b}[0m"),
            (level, " INFO", " INFO"),
            (
                tail,
                "10:20:07 deny       403 web",
                "\u{1b}[2m10:20:07\u{1b}[0m \u{1b}[31mdeny\u{1b}[0m       403 web",
            ),
            (
                tail,
                "10:20:07 open       ci",
                "\u{1b}[2m10:20:07\u{1b}[0m \u{1b}[36mopen\u{1b}[0m       ci",
            ),
            (
                tail,
                "         deny is not allowed",
                "         deny is not allowed",
            ),
            (tail, "2026-11-29", "2026-11-29"),
        ];
        for (painter, line, want) in rows {
            assert_eq!(painter(line), want);
        }
    }

    #[test]
    fn a_line_is_painted_once_it_is_whole() {
        let mut painted = Painted::new(Vec::new(), answer);
        painted.write_all(b"allo").unwrap();
        painted.write_all(b"wed\nend").unwrap();
        painted.flush().unwrap();
        assert_eq!(painted.to, b"\x1b[32mallowed\x1b[0m\nend");
    }
}
