//! One request as a row of a table, with the remedy below it if it was denied.

use std::fmt::Write as _;

use super::filter::is_opened;
use crate::audit::reading::{Line, ProcessLine};
use crate::docker::json::printable;

/// How wide the columns are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    client: usize,
    operation: usize,
    /// The columns of the terminal.
    columns: Option<usize>,
}

/// The columns of a terminal that has room for longer names.
const WIDE: usize = 120;
/// The indentation of what belongs to the row above.
const INDENT: usize = 9;

impl Layout {
    pub(super) fn of(columns: Option<usize>) -> Self {
        let (client, operation) = match columns {
            Some(columns) if columns < WIDE => (12, 18),
            Some(_) | None => (20, 24),
        };
        Self {
            client,
            operation,
            columns,
        }
    }

    pub(super) fn request(&self, line: &Line) -> String {
        let time = line.time.get(11..19).unwrap_or_default();
        let verdict = if is_opened(line) {
            "open"
        } else {
            &line.verdict
        };
        let status = line
            .status
            .map_or(String::new(), |status| status.to_string());
        let client = fit(&printable(line.who()), self.client);
        let lasted = line.duration_us.map_or(String::new(), duration);
        let mut row = format!(
            "{time} {verdict:10} {status:3} {client:width$} {lasted:>6} ",
            width = self.client
        );
        row.push_str(&self.subject(line));
        let mut rest = String::new();
        if let Some(end) = line.end.as_deref().filter(|end| *end != "complete") {
            _ = write!(rest, " ({})", printable(end).replace('_', " "));
        }
        if let (Some(policy), true) = (&line.policy, self.columns.is_none_or(|it| it >= WIDE)) {
            _ = write!(rest, " by {}", printable(policy));
        }
        row.push_str(&rest);
        let row = match self.columns {
            Some(columns) => fit(&row, columns),
            None => row,
        };
        let mut text = format!("{}\n", row.trim_end());
        if !line.detail.is_empty() {
            self.wrap(&printable(&line.detail), &mut text);
        }
        text
    }

    /// What the request is about.
    fn subject(&self, line: &Line) -> String {
        let Some(operation) = &line.operation else {
            let method = line.method.as_deref().unwrap_or("(unreadable)");
            let path = line.path.as_deref().unwrap_or_default();
            return format!("{} {}", printable(method), printable(path));
        };
        let objects = [&line.object, &line.name, &line.container];
        let mut objects: Vec<_> = objects
            .into_iter()
            .flatten()
            .map(|it| printable(it))
            .collect();
        objects.dedup();
        let (operation, objects) = (
            fit(&printable(operation), self.operation),
            objects.join(" "),
        );
        format!("{operation:0$} {objects}", self.operation)
    }

    pub(super) fn process(&self, line: &ProcessLine) -> String {
        let time = line.time.get(11..19).unwrap_or_default();
        let mut names: Vec<_> = line
            .policies
            .iter()
            .map(|it| printable(&it.policy))
            .collect();
        names.sort();
        names.dedup();
        let (event, version) = (printable(&line.event), printable(&line.version));
        let mut text = format!(
            "{time} {event:10} Dockgate {version}, policies {}\n",
            names.join(", ")
        );
        if let Some(detail) = &line.detail {
            self.wrap(&printable(detail), &mut text);
        }
        text
    }

    /// Adds indented lines of whole words.
    fn wrap(&self, text: &str, to: &mut String) {
        let width = self
            .columns
            .map_or(usize::MAX, |columns| columns.saturating_sub(INDENT).max(20));
        let mut line = String::new();
        for word in text.split(' ') {
            if !line.is_empty() && line.len() + 1 + word.len() > width {
                _ = writeln!(to, "{:INDENT$}{line}", "");
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        _ = writeln!(to, "{:INDENT$}{line}", "");
    }
}

/// A line that says that others are missing.
pub(super) fn missing(count: u64) -> String {
    let (lines, are) = if count == 1 {
        ("line", "is")
    } else {
        ("lines", "are")
    };
    format!("missing: {count} {lines} of the log {are} not here\n")
}

/// A printable text, cut to this many columns.
pub(super) fn fit(text: &str, columns: usize) -> String {
    if text.len() <= columns {
        return text.to_owned();
    }
    let kept = text.get(..columns.saturating_sub(2)).unwrap_or_default();
    format!("{kept}..")
}

/// A duration in at most six characters.
fn duration(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros}us"),
        1_000..10_000 => format!("{}.{}ms", micros / 1_000, micros % 1_000 / 100),
        10_000..1_000_000 => format!("{}ms", micros / 1_000),
        1_000_000..60_000_000 => {
            format!("{}.{}s", micros / 1_000_000, micros % 1_000_000 / 100_000)
        }
        60_000_000..3_600_000_000 => format!("{}min", micros / 60_000_000),
        _ => format!("{}h", micros / 3_600_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_stay_short() {
        for (micros, want) in [
            (0, "0us"),
            (999, "999us"),
            (1_234, "1.2ms"),
            (999_999, "999ms"),
            (59_999_999, "59.9s"),
            (3_599_999_999, "59min"),
            (7_200_000_000, "2h"),
        ] {
            assert_eq!(duration(micros), want);
        }
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        assert_eq!(fit("ContainerList", 13), "ContainerList");
        assert_eq!(fit("ContainerList", 12), "ContainerL..");
    }
}
