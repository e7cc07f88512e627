//! `unused`: what the policies allow and nobody used.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser as NoEmpty;

use super::exit::{Exit, Stop};
use super::learn::read_lines;
use crate::advice::unused::{Watches, Whose};
use crate::audit::reading::Parsed;
use crate::config::{Config, Files, Flags, load};
use crate::policy::Rules;
use crate::policyfile::{Grants, Policy};

#[derive(Debug, Args)]
pub(super) struct UnusedArgs {
    /// Audit log (JSON lines) [default: standard input]
    #[arg(value_name = "AUDIT_FILE")]
    file: Option<PathBuf>,
    /// Compare with these built-in policies or policy files, whoever used them [default: those of the settings]
    #[arg(long, value_name = "NAME|FILE", value_delimiter = ',', value_parser = NoEmpty::new())]
    policy: Vec<String>,
    /// Count only the requests of this client, by its name in the settings or its address
    #[arg(long, value_name = "NAME|ADDRESS", value_parser = NoEmpty::new())]
    client: Option<String>,
    /// How many days the log must cover before anything counts as not used
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    days: u16,
    /// Settings file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(args: &UnusedArgs, out: &mut dyn Write) -> Result<Exit, Stop> {
    let rulings = rulings(args)?;
    let rulings = rulings.iter().map(|(whose, rules)| (whose.clone(), rules));
    let mut watches = Watches::new(rulings);
    let client = args.client.as_deref();
    read_lines(args.file.as_deref(), |parsed| match parsed {
        Parsed::Request(line) if client.is_none_or(|client| line.is_of(client)) => {
            watches.take(&line);
        }
        Parsed::Process(line) => watches.take_process(&line),
        Parsed::Request(_) | Parsed::Foreign => {}
    })?;
    let mut text = String::new();
    let least = Duration::from_hours(24 * u64::from(args.days));
    let is_complete = watches.report(least, &mut text);
    write!(out, "{text}")?;
    Ok(Exit::done_if(is_complete))
}

/// The policies to compare with.
fn rulings(args: &UnusedArgs) -> Result<Vec<(Whose, Rules)>, Stop> {
    if !args.policy.is_empty() {
        let policies = args.policy.iter();
        let policies = policies.map(|reference| Policy::load(reference, &Files));
        let policies = policies.collect::<Result<Vec<_>, _>>()?;
        return Ok(vec![(None, Rules::new(policies, Grants::default()))]);
    }
    let flags = Flags {
        config: args.config.clone(),
        ..Flags::default()
    };
    let config = Config::load(&flags, load::environment())?;
    let addresses = config.addresses();
    let rulings: Vec<_> = config.rulings(&addresses).collect();
    // A single listener may have got its port from the system.
    let is_only = rulings.len() == 1;
    let whose = |whose: &str| (!is_only).then(|| whose.to_owned());
    let rulings = rulings.into_iter();
    let rulings = rulings.map(|(own, rules)| (whose(own.plain()), rules.clone()));
    Ok(rulings.collect())
}
