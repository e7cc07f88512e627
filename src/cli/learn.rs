//! `learn`: the smallest policy that would have allowed the requests of an audit log.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser as NoEmpty;
use clap::{Args, ValueHint};

use super::exit::{Exit, Stop};
use crate::advice::learn::Seen;
use crate::audit::reading::{self, Line, Parsed};
use crate::config::Files;
use crate::docker::json::printable;
use crate::policyfile::Problem;

/// The reasons of denials that a policy could have prevented. The others apply whatever a policy says.
pub(super) const OF_POLICIES: &[&str] = &[
    "not_granted",
    "restricted",
    "denied",
    "unknown_operation",
    "not_found",
    "reference_not_found",
    "name_taken",
    "out_of_scope",
];

#[derive(Debug, Args)]
pub(super) struct LearnArgs {
    /// Audit log (JSON lines) [default: standard input]
    #[arg(value_name = "AUDIT_FILE")]
    file: Option<PathBuf>,
    /// Learn only from this client, by its name in the settings or its address [default: all clients]
    #[arg(long, value_name = "NAME|ADDRESS", value_parser = NoEmpty::new())]
    client: Option<String>,
    /// Print a policy that extends this file with what is missing
    #[arg(long, value_name = "FILE", value_parser = NoEmpty::new(), value_hint = ValueHint::FilePath)]
    merge: Option<String>,
}
#[derive(Default)]
struct Reading {
    seen: Seen,
    /// Requests of which only the beginning was read yet.
    open: BTreeMap<String, Line>,
    clients: BTreeMap<String, u64>,
    /// Requests that no policy could have allowed, by their reason, with the details.
    refused: BTreeMap<String, (u64, BTreeSet<String>)>,
    first: Option<String>,
    last: Option<String>,
}
pub(super) fn run(
    args: &LearnArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Stop> {
    let mut reading = Reading::default();
    let client = args.client.as_deref();
    let foreign = read(args.file.as_deref(), |line| reading.take(line, client))?;
    reading.end();
    reading.report(foreign, client, err)?;
    if reading.seen.is_empty() {
        return Ok(Exit::Failed);
    }
    let Some(file) = &args.merge else {
        write!(out, "{}", reading.seen.policy(&reading.description()))?;
        return Ok(Exit::Done);
    };
    let (text, notes) = reading.seen.merged(file, &Files)?;
    write!(out, "{text}")?;
    for note in notes {
        writeln!(err, "dockgate: {note}")?;
    }
    Ok(Exit::Done)
}

/// Reads an audit log, from a file or standard input. Returns how many lines are not audit records.
pub(super) fn read(file: Option<&Path>, take: impl FnMut(Line)) -> Result<u64, Vec<Problem>> {
    open(file, |input| reading::read_all(input, take))
}

/// Reads every line of an audit log, from a file or standard input.
pub(super) fn read_lines(
    file: Option<&Path>,
    take: impl FnMut(Parsed),
) -> Result<(), Vec<Problem>> {
    open(file, |input| reading::read_lines(input, take))
}

fn open<T>(
    file: Option<&Path>,
    read: impl FnOnce(Box<dyn BufRead>) -> io::Result<T>,
) -> Result<T, Vec<Problem>> {
    let name = file.map_or("standard input".to_owned(), |file| {
        file.display().to_string()
    });
    let problem = |error: io::Error| vec![Problem::of_file(&name, error.to_string())];
    let input: Box<dyn BufRead> = match file.filter(|file| *file != Path::new("-")) {
        None => Box::new(io::stdin().lock()),
        Some(path) => Box::new(BufReader::new(File::open(path).map_err(problem)?)),
    };
    read(input).map_err(problem)
}

/// How many details are shown for each reason that no policy could prevent.
const SHOWN: usize = 10;

/// What a client is called: its name, its address, or the socket that all clients share.
fn named(client: &str) -> Cow<'_, str> {
    if client.contains("://") {
        format!("clients of {client}").into()
    } else {
        client.into()
    }
}

impl Reading {
    fn take(&mut self, line: Line, client: Option<&str>) {
        if client.is_some_and(|client| !line.is_of(client)) {
            return;
        }
        match line.event.as_str() {
            // A stream that still runs, or that ran when Dockgate was killed, has no other line.
            // One whose verdict is pending may have been denied.
            "begin" if line.verdict != "pending" => _ = self.open.insert(line.id.clone(), line),
            "request" => {
                self.open.remove(&line.id);
                self.see(&line);
            }
            // Dockgate creates the volumes that a new container mounts.
            "prepare" => {
                if let Some(call) = line.call() {
                    self.seen.see_objects(&line, &call);
                }
            }
            _ => {}
        }
    }

    fn end(&mut self) {
        for line in std::mem::take(&mut self.open).into_values() {
            self.see(&line);
        }
    }

    fn see(&mut self, line: &Line) {
        let is_deny = line.verdict == "deny";
        let is_of_policies = OF_POLICIES.contains(&line.reason.as_str());
        let call = line.call().filter(|_| is_of_policies || !is_deny);
        // Observe mode forwards this, and an enforced policy denies it.
        if call.is_none() || (line.verdict == "would_deny" && !is_of_policies) {
            let (count, told) = self.refused.entry(line.reason.clone()).or_default();
            *count += 1;
            told.extend(Some(line.detail.clone()).filter(|detail| !detail.is_empty()));
        }
        let Some(call) = call else {
            return;
        };
        *self.clients.entry(line.who().to_owned()).or_default() += 1;
        let time = || Some(line.time.clone());
        self.first = self.first.take().min(time()).or_else(time);
        self.last = self.last.take().max(time());
        let (findings, time) = (&line.findings, &line.time);
        self.seen.see(&call, findings, time, is_deny);
        self.seen.see_objects(line, &call);
    }

    /// Which clients did this, and when.
    fn description(&self) -> String {
        let clients: Vec<_> = self.clients.keys().map(|client| named(client)).collect();
        let day = |time: &Option<String>| {
            let time = time.as_deref().unwrap_or_default();
            time.split('T').next().unwrap_or_default().to_owned()
        };
        let (first, last) = (day(&self.first), day(&self.last));
        let when = if first == last {
            format!("on {first}")
        } else {
            format!("from {first} to {last}")
        };
        let who = if clients.len() > 4 {
            format!("{} clients", clients.len())
        } else {
            clients.join(", ")
        };
        format!("What {who} did {when}")
    }

    fn report(&self, foreign: u64, client: Option<&str>, err: &mut dyn Write) -> io::Result<()> {
        let mut say = |what: &dyn Display| writeln!(err, "dockgate: {what}");
        let clients = self.clients.iter();
        let clients: Vec<_> = clients
            .map(|(client, count)| format!("{} ({count})", named(client)))
            .collect();
        if clients.is_empty() {
            let of = client.map(|client| format!(" of the client {client}"));
            let of = of.unwrap_or_default();
            say(&format_args!(
                "nothing to learn from: the log has no request{of} that a policy decides about"
            ))?;
        } else {
            let (count, clients) = (self.seen.len(), clients.join(", "));
            say(&format_args!("learned from {count} requests of {clients}"))?;
        }
        if let (Some((one, _)), true) = (self.clients.first_key_value(), clients.len() > 1) {
            say(&format_args!(
                "to learn from only one of them, add --client {one}"
            ))?;
        }
        for (reason, (count, told)) in &self.refused {
            say(&format_args!(
                "ignored {count} requests that no policy could allow ({reason})"
            ))?;
            for detail in told.iter().take(SHOWN) {
                // It has the client's own words.
                say(&format_args!("  {}", printable(detail)))?;
            }
            if told.len() > SHOWN {
                say(&format_args!("  and {} more", told.len() - SHOWN))?;
            }
        }
        if foreign > 0 {
            say(&format_args!(
                "ignored {foreign} lines that are not audit records, such as the start report"
            ))?;
        }
        Ok(())
    }
}
