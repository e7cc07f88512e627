//! Counts of an audit log: who sent how much, what was denied, and what was used.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use super::filter::Filter;
use super::missing;
use super::row::fit;
use crate::audit::reading::{Line, Parsed};
use crate::docker::json::printable;

/// How many rows of what was denied and of what was used are shown.
const ROWS: usize = 20;

/// What is counted.
#[derive(Debug, Default)]
pub(super) struct Summary {
    requests: u64,
    denied: u64,
    would_deny: u64,
    missing: u64,
    first: String,
    last: String,
    seqs: HashMap<String, u64>,
    clients: BTreeMap<String, Tally>,
    /// By client, by what was asked for, and by the remedy.
    denials: BTreeMap<(String, String, String), Tally>,
    /// By operation.
    used: BTreeMap<String, Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    count: u64,
    denied: u64,
    last: String,
}

impl Tally {
    fn add(&mut self, line: &Line) {
        self.count += 1;
        self.denied += u64::from(line.verdict == "deny");
        if self.last < line.time {
            self.last.clone_from(&line.time);
        }
    }
}

impl Summary {
    #[expect(clippy::unnecessary_wraps, reason = "the view's can fail")]
    pub(super) fn take(&mut self, parsed: &Parsed, filter: &Filter) -> io::Result<()> {
        match parsed {
            Parsed::Request(line) => {
                if let Some(seq) = line.seq {
                    self.missing += missing(&mut self.seqs, &line.instance, seq);
                }
                if line.event == "request" && filter.has(line) {
                    self.add(line);
                }
            }
            Parsed::Process(line) => {
                self.missing += missing(&mut self.seqs, &line.instance, line.seq);
            }
            Parsed::Foreign => {}
        }
        Ok(())
    }

    fn add(&mut self, line: &Line) {
        self.requests += 1;
        if self.first.is_empty() || line.time < self.first {
            self.first.clone_from(&line.time);
        }
        if self.last < line.time {
            self.last.clone_from(&line.time);
        }
        self.clients
            .entry(line.who().to_owned())
            .or_default()
            .add(line);
        let asked = asked(line);
        if line.verdict == "allow" {
            return self.used.entry(asked).or_default().add(line);
        }
        if line.verdict == "deny" {
            self.denied += 1;
        } else {
            self.would_deny += 1;
        }
        let object = line.object.as_deref().or(line.name.as_deref());
        let object = object
            .map(|object| format!(" {object}"))
            .unwrap_or_default();
        let key = (line.who().to_owned(), asked + &object, line.detail.clone());
        self.denials.entry(key).or_default().add(line);
    }

    /// Writes the tables. Returns whether there was any request.
    pub(super) fn write(&self, columns: Option<usize>, out: &mut dyn Write) -> io::Result<bool> {
        if self.requests == 0 {
            writeln!(out, "no requests")?;
            return Ok(false);
        }
        let (first, last) = (moment(&self.first), moment(&self.last));
        writeln!(out, "from {first} to {last} (UTC)")?;
        write!(
            out,
            "{} requests of {} clients",
            self.requests,
            self.clients.len()
        )?;
        write!(out, ", {} denied", self.denied)?;
        if self.would_deny > 0 {
            write!(
                out,
                ", {} would be denied without observe mode",
                self.would_deny
            )?;
        }
        writeln!(out)?;
        if self.missing > 0 {
            write!(out, "{}", super::row::missing(self.missing))?;
        }
        writeln!(
            out,
            "\n{:30} {:>9} {:>9}  last request",
            "client", "requests", "denied"
        )?;
        for (name, tally) in sorted(&self.clients) {
            let (name, last) = (fit(&printable(name), 30), moment(&tally.last));
            writeln!(
                out,
                "{name:30} {:>9} {:>9}  {last}",
                tally.count, tally.denied
            )?;
        }
        self.write_denials(columns, out)?;
        writeln!(out, "\n{:50} {:>9}  last used", "used", "times")?;
        for (name, tally) in sorted(&self.used).into_iter().take(ROWS) {
            let (name, last) = (fit(&printable(name), 50), moment(&tally.last));
            writeln!(out, "{name:50} {:>9}  {last}", tally.count)?;
        }
        more(self.used.len(), out)?;
        Ok(true)
    }

    fn write_denials(&self, columns: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
        if self.denials.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{:50} {:>9}  last denied", "denied", "times")?;
        for ((client, asked, detail), tally) in sorted(&self.denials).into_iter().take(ROWS) {
            let asked = format!("{} {}", printable(client), printable(asked));
            let (asked, last) = (fit(&asked, 50), moment(&tally.last));
            writeln!(out, "{asked:50} {:>9}  {last}", tally.count)?;
            let detail = printable(detail);
            let detail = columns.map_or_else(
                || detail.to_string(),
                |columns| fit(&detail, columns.saturating_sub(2).max(20)),
            );
            writeln!(out, "  {detail}")?;
        }
        more(self.denials.len(), out)
    }
}

fn more(rows: usize, out: &mut dyn Write) -> io::Result<()> {
    match rows.saturating_sub(ROWS) {
        0 => Ok(()),
        more => writeln!(out, "and {more} more"),
    }
}

/// The most frequent first.
fn sorted<K: Ord>(tallies: &BTreeMap<K, Tally>) -> Vec<(&K, &Tally)> {
    let mut sorted: Vec<_> = tallies.iter().collect();
    sorted.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.count));
    sorted
}

/// What a request is, without the objects that it names.
fn asked(line: &Line) -> String {
    match (&line.operation, &line.method, &line.path) {
        (Some(operation), ..) => operation.clone(),
        (None, Some(method), Some(path)) => format!("{method} {path}"),
        (None, ..) => "an unreadable request".to_owned(),
    }
}

/// A time in UTC, to the second.
fn moment(time: &str) -> String {
    time.get(..19).unwrap_or(time).replace('T', " ")
}
