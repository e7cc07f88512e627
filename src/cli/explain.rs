//! `explain`: whether a request would be allowed, what decided, what would have to be written for it to be
//! otherwise, and what granting it gives away.

mod answer;
pub(super) mod arguments;
mod words;

use std::io::{self, Write};

use self::answer::Answer;
pub(super) use self::arguments::ExplainArgs;
use self::arguments::{ExplainOptions, Unanswerable};
use super::exit::{Exit, print_problems};
use crate::config::{Config, Files, Flags, ListenAddress, load};
use crate::docker::ApiVersion;
use crate::policy::Rules;
use crate::policyfile::same_mark::same_marks;
use crate::policyfile::{Grants, Policy, Problem};

/// Explains the verdict on one request.
pub(super) fn run(args: ExplainArgs, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let explained = args.read().and_then(|(options, request)| {
        let places = places(&options)?;
        let api_min = places.api_min;
        let answers = places.rules.into_iter().map(|(listener, rules)| {
            let answer = Answer::of(&rules, &request, api_min);
            Answer { listener, ..answer }
        });
        Ok((options, answers.collect::<Vec<_>>()))
    });
    let (options, answers) = match explained {
        Ok(explained) => explained,
        Err(unanswerable) => return unanswered(unanswerable, out, err),
    };
    for answer in &answers {
        if options.json {
            writeln!(out, "{}", serde_json::to_string(answer)?)?;
        } else {
            words::write(answer, answers.len() > 1, out)?;
        }
    }
    if answers.iter().all(Answer::is_allowed) {
        Ok(Exit::Done)
    } else {
        Ok(Exit::Failed)
    }
}

fn unanswered(
    unanswerable: Unanswerable,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    match unanswerable {
        Unanswerable::Help(text) => write!(out, "{text}").map(|()| Exit::Done),
        Unanswerable::Usage(text) => write!(err, "{text}").map(|()| Exit::Usage),
        Unanswerable::Paste(bad) => writeln!(err, "dockgate: {bad}").map(|()| Exit::Usage),
        Unanswerable::Problems(problems) => print_problems(&problems, err),
    }
}

/// Where a request can be asked, and the least API version that is taken there.
struct Places {
    /// What holds, with the listener that it holds on.
    rules: Vec<(Option<String>, Rules)>,
    api_min: ApiVersion,
}

/// The named policies, or the listeners of the settings.
fn places(options: &ExplainOptions) -> Result<Places, Unanswerable> {
    let flags = Flags {
        config: options.config.clone(),
        ..Flags::default()
    };
    let config = Config::load(&flags, load::environment())?;
    let api_min = config.admission.api_min;
    if !options.policy.is_empty() {
        let references = options.policy.iter();
        let policies = references.map(|reference| Policy::load(reference, &Files));
        let policies = policies.collect::<Result<Vec<_>, _>>()?;
        let same: Vec<_> = same_marks(&policies)
            .into_iter()
            .map(Problem::from)
            .collect();
        if !same.is_empty() {
            return Err(same.into());
        }
        let rules = vec![(None, Rules::new(policies, Grants::default()))];
        return Ok(Places { rules, api_min });
    }
    let wanted = options.listener.as_deref().map(ListenAddress::parse);
    let wanted = wanted
        .transpose()
        .map_err(|bad| wrong_listener(&bad.to_string()))?;
    let told = config
        .listeners
        .iter()
        .map(|listener| listener.address.to_string());
    let told = told.collect::<Vec<_>>().join(", ");
    let mut rules = Vec::new();
    for listener in config.listeners {
        if wanted
            .as_ref()
            .is_none_or(|wanted| *wanted == listener.address)
        {
            rules.push((Some(listener.address.to_string()), listener.rules));
        }
    }
    if rules.is_empty() {
        let message = format!("no listener of the settings is there: name one of {told}");
        return Err(wrong_listener(&message));
    }
    Ok(Places { rules, api_min })
}

fn wrong_listener(message: &str) -> Unanswerable {
    Unanswerable::Usage(format!("dockgate: --listener: {message}\n"))
}

#[cfg(test)]
mod tests;
