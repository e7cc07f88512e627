//! The answer for people.

use std::io::{self, Write};

use super::answer::Answer;
use crate::policy::refusal::SHOWN;

/// Writes an answer: the verdict first, then what it is about, then what would change it.
pub(super) fn write(answer: &Answer, is_one_of_many: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut indent = "";
    if let Some(listener) = answer.listener.as_ref().filter(|_| is_one_of_many) {
        writeln!(out, "{listener}")?;
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
    lines.extend(
        answer
            .supposed
            .iter()
            .map(|supposed| format!("supposed: {supposed}")),
    );
    lines.extend(told("body sent as", &answer.body));
    lines.extend(told("to allow it", &answer.to_allow));
    lines.extend(told("to deny it", &answer.to_deny));
    lines
}

/// The operation with its group; nothing where the request was not understood.
fn operation(answer: &Answer) -> Option<String> {
    let effect = answer.effect?;
    Some(match (answer.operation, answer.section) {
        (Some(operation), Some(section)) => format!("operation: {operation} ({section}:{effect})"),
        _ => format!("operation: none of the table ({effect})"),
    })
}
