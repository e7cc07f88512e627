//! `explain`: whether a request would be allowed, what decides that, what to write to change it, and the risk of
//! allowing it.

mod answer;
pub(super) mod arguments;
mod assumed;
mod redacted;

use std::io::{self, Write};

use self::answer::Answer;
pub(super) use self::arguments::ExplainArgs;
use self::arguments::ExplainOptions;
use super::exit::{Exit, Stop};
use crate::config::{Config, Files, Flags, ListenAddress, Whose, load};
use crate::docker::ApiVersion;
use crate::policy::Rules;
use crate::policy::refusal::SHOWN;
use crate::policyfile::same_mark::same_marks;
use crate::policyfile::{Grants, Policy};
pub(super) fn run(args: ExplainArgs, out: &mut dyn Write) -> Result<Exit, Stop> {
    let (options, request) = args.read()?;
    let (places, api_min) = places(&options)?;
    if options.redacted {
        return redacted::run(&places, &request, api_min, &mut io::stdin(), out);
    }
    let answers = places.into_iter().map(|(whose, rules)| {
        let answer = Answer::of(&rules, &request, api_min);
        let (listener, client) = match whose {
            Some(Whose::Listener(address)) => (Some(address), None),
            Some(Whose::Client(name)) => (None, Some(name.to_string())),
            None => (None, None),
        };
        Answer {
            listener,
            client,
            ..answer
        }
    });
    let answers: Vec<_> = answers.collect();
    for answer in &answers {
        if options.json {
            let json = serde_json::to_string(answer).map_err(io::Error::from)?;
            writeln!(out, "{json}")?;
        } else {
            write_words(answer, answers.len() > 1, out)?;
        }
    }
    Ok(Exit::done_if(answers.iter().all(Answer::is_allowed)))
}

/// The rules that apply, and for whom.
type Places = Vec<(Option<Whose>, Rules)>;

/// The given policies, or those of the settings' listeners and clients; and the least API version that is accepted.
fn places(options: &ExplainOptions) -> Result<(Places, ApiVersion), Stop> {
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
        let same = same_marks(&policies);
        if !same.is_empty() {
            return Err(same.into());
        }
        let rules = Rules::new(policies, Grants::default());
        return Ok((vec![(None, rules)], api_min));
    }
    let listener = options.listener.as_deref().map(ListenAddress::parse);
    let listener = listener.transpose();
    let listener = listener.map_err(|bad| Stop::usage(format!("--listener: {bad}")))?;
    let listener = listener.map(|it| ("--listener", Whose::Listener(it.to_string())));
    let client = options.client.as_deref();
    let client = client.map(|name| ("--client", Whose::Client(name.into())));
    let wanted = listener.or(client);
    let addresses = config.addresses();
    let all: Vec<_> = config.rulings(&addresses).collect();
    let is_wanted = |whose: &Whose| wanted.as_ref().is_none_or(|(_, wanted)| wanted == whose);
    let places = all.iter().filter(|(whose, _)| is_wanted(whose));
    let places: Vec<_> = places
        .map(|(whose, rules)| (Some(whose.clone()), (*rules).clone()))
        .collect();
    if let (Some((flag, wanted)), true) = (&wanted, places.is_empty()) {
        let kind = std::mem::discriminant(wanted);
        let known = all
            .iter()
            .filter(|(whose, _)| std::mem::discriminant(whose) == kind);
        let known: Vec<_> = known.map(|(whose, _)| whose.plain()).collect();
        let what = flag.trim_start_matches('-');
        let instead = if known.is_empty() {
            format!("the settings have no {what} with rules of its own")
        } else {
            format!(
                "the settings have no such {what}: use one of {}",
                known.join(", ")
            )
        };
        return Err(Stop::usage(format!("{flag}: {instead}")));
    }
    Ok((places, api_min))
}

/// Writes an answer for people: the verdict, then the request, then what would change the verdict.
fn write_words(answer: &Answer, is_one_of_many: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut indent = "";
    let client = answer.client.as_ref().map(|name| format!("client {name}"));
    if let Some(whose) = answer
        .listener
        .clone()
        .or(client)
        .filter(|_| is_one_of_many)
    {
        writeln!(out, "{whose}")?;
        indent = "  ";
    }
    for line in lines(answer) {
        writeln!(out, "{indent}{line}")?;
    }
    Ok(())
}

fn lines(answer: &Answer) -> Vec<String> {
    let told =
        |name: &str, text: &Option<String>| text.as_ref().map(|text| format!("{name}: {text}"));
    let mut lines = vec![format!("{}: {}", answer.verdict, answer.message)];
    lines.extend(told("by", &answer.denied_by));
    // The message has the first of them.
    let refused = answer.refused.iter().skip(SHOWN);
    lines.extend(refused.map(|requirement| format!("  {requirement}")));
    lines.push(format!("request: {} {}", answer.method, answer.target));
    lines.extend(operation(answer));
    lines.extend(answer.risk.map(|risk| format!("risk: {risk}")));
    if !answer.filled.is_empty() {
        lines.push(format!("filled in: {}", answer.filled.join(", ")));
    }
    let supposed = answer.supposed.iter();
    lines.extend(supposed.map(|supposed| format!("assumed: {supposed}")));
    lines.extend(told("body sent as", &answer.body));
    lines.extend(told("to allow it", &answer.to_allow));
    lines.extend(told("to deny it", &answer.to_deny));
    lines
}

/// The operation with its group; nothing if the request was not understood.
fn operation(answer: &Answer) -> Option<String> {
    let effect = answer.effect?;
    Some(match (answer.operation, answer.section) {
        (Some(operation), Some(section)) => format!("operation: {operation} ({section}:{effect})"),
        _ => format!("operation: not in the table of operations ({effect})"),
    })
}

#[cfg(test)]
mod tests;
