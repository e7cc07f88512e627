//! `tail`: the audit log for people, as it is written.

mod filter;
mod follow;
mod row;
mod summary;

use std::collections::HashMap;
use std::collections::VecDeque;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::NonEmptyStringValueParser as NoEmpty;

use self::filter::{Filter, Shown};
use self::row::Layout;
use self::summary::Summary;
use super::exit::{Exit, Stop};
use crate::audit::reading::Parsed;
use crate::policyfile::Problem;

#[derive(Debug, Args)]
#[allow(clippy::doc_markdown, reason = "users read the sentences as they are")]
pub(super) struct TailArgs {
    /// Audit log (JSON lines), also as `docker compose logs` prints it [default: standard input]
    #[arg(value_name = "AUDIT_FILE")]
    file: Option<PathBuf>,
    /// Go on as lines are written, also after the file was rotated
    #[arg(long, short)]
    follow: bool,
    /// Show this many of the last requests, or all [default: 50 of a file, all of standard input]
    #[arg(long, short = 'n', value_name = "COUNT", value_parser = count)]
    lines: Option<Count>,
    /// Show only this client, by its name in the settings or its address
    #[arg(long, value_name = "NAME|ADDRESS", value_parser = NoEmpty::new())]
    client: Option<String>,
    /// Show only these operations, such as ContainerList, separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = NoEmpty::new())]
    operation: Vec<String>,
    /// Show only these verdicts, separated by commas
    #[arg(long, value_name = "VERDICT", value_delimiter = ',')]
    verdict: Vec<Shown>,
    /// Show only what is about this object: its name, its id or the beginning of that
    #[arg(long, value_name = "NAME|ID", value_parser = NoEmpty::new())]
    object: Option<String>,
    /// Count instead: requests of each client, what was denied, and what was used
    #[arg(long, conflicts_with_all = ["follow", "lines"])]
    summary: bool,
}

/// How many requests are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    All,
    Last(usize),
}

fn count(text: &str) -> Result<Count, String> {
    if text == "all" {
        return Ok(Count::All);
    }
    let last = text.parse().map(Count::Last);
    last.map_err(|_| "must be a number or all".to_owned())
}

/// How many requests of a file are shown.
const LAST: usize = 50;

/// Prints an audit log. Lines are cut to this many columns if the output is a terminal.
pub(super) fn run(
    args: &TailArgs,
    columns: Option<usize>,
    out: &mut dyn Write,
) -> Result<Exit, Stop> {
    let filter = Filter {
        client: args.client.clone(),
        operations: args.operation.clone(),
        verdicts: args.verdict.clone(),
        object: args.object.clone(),
    };
    let file = args.file.as_deref().filter(|file| *file != Path::new("-"));
    let mut summary = args.summary.then(Summary::default);
    let count = args.lines.unwrap_or(match file {
        Some(_) => Count::Last(LAST),
        None => Count::All,
    });
    let mut out = BufWriter::with_capacity(64 * 1024, out);
    let mut view = View::new(filter, count, Layout::of(columns));
    let taken = read(
        file,
        args.follow,
        &mut |event| match (event, &mut summary) {
            (Event::Line(parsed), Some(summary)) => summary.take(&parsed, &view.filter),
            (Event::Line(parsed), None) => view.take(&parsed, &mut out),
            (Event::Wait, None) => out.flush(),
            (Event::End, None) => view.show_recent(&mut out),
            (Event::Wait | Event::End, Some(_)) => Ok(()),
        },
    );
    match taken {
        // Whoever read it has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            return Ok(Exit::Done);
        }
        Err(Failure::Output(error)) => return Err(error.into()),
        Err(Failure::Input(error)) => {
            let name = file.map_or("standard input".to_owned(), |file| {
                file.display().to_string()
            });
            return Err(vec![Problem::of_file(&name, error.to_string())].into());
        }
        Ok(()) => {}
    }
    let was_any = match &summary {
        Some(summary) => summary.write(columns, &mut out)?,
        None => view.has_read,
    };
    out.flush()?;
    Ok(Exit::done_if(was_any))
}

/// What happens while a log is read.
enum Event {
    Line(Parsed),
    /// More may come, but is not there yet. What was shown so far must be visible.
    Wait,
    /// The end of the input, or of a file as it is now.
    End,
}

/// Why reading ended early.
enum Failure {
    Input(io::Error),
    Output(io::Error),
}

type Take<'a> = dyn FnMut(Event) -> io::Result<()> + 'a;

fn read(file: Option<&Path>, is_followed: bool, take: &mut Take<'_>) -> Result<(), Failure> {
    match file {
        Some(path) => follow::file(path, is_followed, take),
        None => follow::stream(&mut BufReader::new(io::stdin()), take),
    }
}

/// What is shown.
struct View {
    filter: Filter,
    layout: Layout,
    count: Count,
    /// What to show at the end, if that is not all.
    recent: VecDeque<String>,
    /// The number of the last line of each process.
    seqs: HashMap<String, u64>,
    /// The day that was shown last.
    day: String,
    /// Whether there was any record.
    has_read: bool,
}

impl View {
    fn new(filter: Filter, count: Count, layout: Layout) -> Self {
        Self {
            filter,
            layout,
            count,
            recent: VecDeque::new(),
            seqs: HashMap::new(),
            day: String::new(),
            has_read: false,
        }
    }

    fn take(&mut self, parsed: &Parsed, out: &mut dyn Write) -> io::Result<()> {
        let (instance, seq, time) = match parsed {
            Parsed::Request(line) => (&line.instance, line.seq, &line.time),
            Parsed::Process(line) => (&line.instance, Some(line.seq), &line.time),
            Parsed::Foreign => return Ok(()),
        };
        self.has_read = true;
        let mut text = String::new();
        let missing = seq.map_or(0, |seq| missing(&mut self.seqs, instance, seq));
        if missing > 0 {
            text.push_str(&row::missing(missing));
        }
        let day = time.get(..10).unwrap_or_default().to_owned();
        match parsed {
            Parsed::Request(line) if self.filter.has(line) => {
                text.push_str(&self.layout.request(line));
            }
            Parsed::Process(line) if self.filter.is_of_all() => {
                text.push_str(&self.layout.process(line));
            }
            Parsed::Request(_) | Parsed::Process(_) | Parsed::Foreign => {}
        }
        if text.is_empty() {
            return Ok(());
        }
        match self.count {
            Count::All => {
                if day != self.day {
                    writeln!(out, "{day}")?;
                    self.day = day;
                }
                write!(out, "{text}")
            }
            Count::Last(count) => {
                self.recent.push_back(format!("{day}{text}"));
                if self.recent.len() > count {
                    self.recent.pop_front();
                }
                Ok(())
            }
        }
    }

    /// Shows what was read so far, and from now on everything.
    fn show_recent(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.count = Count::All;
        for text in std::mem::take(&mut self.recent) {
            let (day, text) = text.split_at_checked(10).unwrap_or(("", &text));
            if day != self.day {
                writeln!(out, "{day}")?;
                day.clone_into(&mut self.day);
            }
            write!(out, "{text}")?;
        }
        out.flush()
    }
}

/// How many lines of a process are missing before this one.
fn missing(seqs: &mut HashMap<String, u64>, instance: &str, seq: u64) -> u64 {
    let last = match seqs.get_mut(instance) {
        Some(last) => std::mem::replace(last, seq),
        None => seqs.insert(instance.to_owned(), seq).unwrap_or(seq),
    };
    seq.saturating_sub(last).saturating_sub(1)
}

#[cfg(test)]
mod tests;
