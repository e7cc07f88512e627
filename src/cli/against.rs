//! `check --against`: which requests of an audit log would get another answer now.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use super::exit::{Exit, Stop};
use super::learn::{self, OF_POLICIES};
use crate::advice::learn::{times, to_the_second};
use crate::advice::replay::{Replayed, judge};
use crate::audit::reading::Line;
use crate::config::Whose;
use crate::docker::json::printable;
use crate::docker::{Call, Deed, Subject};
use crate::policy::keys::Key;
use crate::policy::value::BY_NOBODY;
use crate::policy::{Rules, finding};

/// The rules that are compared with the audit log. Without settings, they are for everybody.
pub(super) type Rulings<'a> = Vec<(Option<Whose>, &'a Rules)>;

/// The new answer to a kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Refused,
    Allowed,
    Unsure,
    /// It names objects, and only their labels say whether they are in scope.
    UnknownScope,
}

impl Change {
    fn told(self) -> &'static str {
        match self {
            Self::Refused => "would be denied",
            Self::Allowed => "would be allowed",
            Self::Unsure | Self::UnknownScope => "unknown: the log has too little information",
        }
    }
}

/// Requests that would get the same answer.
#[derive(Default)]
struct Tally {
    count: u64,
    last: String,
}

#[derive(Default)]
struct Replay {
    /// By what changes, the request's kind and why.
    changes: BTreeMap<(Change, String, String), Tally>,
    judged: u64,
    /// Requests that name objects of which only labels say whether they are in scope.
    of_unknown_scope: u64,
    /// Whether any of them was out of scope, and is assumed to be so again.
    was_out_of_scope: bool,
    /// Whether any of them enters a container.
    enters: bool,
    /// Requests about which these policies do not decide, and why.
    passed_over: BTreeMap<String, u64>,
}
pub(super) fn run(
    record: &Path,
    client: Option<&str>,
    rulings: &Rulings<'_>,
    out: &mut dyn Write,
) -> Result<Exit, Stop> {
    let mut replay = Replay::default();
    learn::read(Some(record), |line| {
        if client.is_none_or(|client| line.is_of(client)) {
            replay.take(&line, rulings);
        }
    })?;
    Ok(replay.report(record, out)?)
}

impl Replay {
    fn take(&mut self, line: &Line, rulings: &Rulings<'_>) {
        if line.event != "request" {
            return;
        }
        match self.judge(line, rulings) {
            // Neither answer is certain, so these do not count.
            Ok((_, Some((Change::UnknownScope, _)))) => self.of_unknown_scope += 1,
            Ok((call, change)) => {
                self.judged += 1;
                if let Some((change, why)) = change {
                    let tally = self.changes.entry((change, kind(&call), why)).or_default();
                    tally.count += 1;
                    tally.last.clone_from(&line.time);
                }
            }
            Err(why) => *self.passed_over.entry(why).or_default() += 1,
        }
    }

    /// The request, and its new answer if that is another one; or why policies do not decide about it.
    fn judge(
        &mut self,
        line: &Line,
        rulings: &Rulings<'_>,
    ) -> Result<(Call, Option<(Change, String)>), String> {
        let name = line.client.name.as_deref();
        let of_line = |(whose, _): &&(Option<Whose>, &Rules)| match whose {
            None => true,
            Some(Whose::Client(client)) => name == Some(&**client),
            // A single listener is meant, wherever it listened before.
            Some(Whose::Listener(listener)) => {
                name.is_none() && (rulings.len() == 1 || *listener == line.listener)
            }
        };
        let call = || line.call().ok_or("not recorded completely");
        let was_allowed = match (line.verdict.as_str(), line.reason.as_str()) {
            // Observe mode forwarded it, and it is denied whatever a policy says.
            ("would_deny", reason) if !OF_POLICIES.contains(&reason) => {
                let why = format!("{}, whatever a policy says", printable(&line.detail));
                return Ok((call()?, Some((Change::Refused, why))));
            }
            ("allow" | "would_deny", _) => true,
            (
                "deny",
                "name_taken" | "not_granted" | "out_of_scope" | "restricted" | "denied"
                | "unknown_operation",
            ) => false,
            (_, reason) => return Err(format!("{reason}, whatever a policy says")),
        };
        let ruling = rulings.iter().find(of_line);
        let (_, rules) =
            ruling.ok_or("from a client or to a listener that the settings do not have")?;
        let call = call()?;
        if !was_allowed && line.detail.contains(BY_NOBODY) {
            return Err("a label that only Dockgate sets, whatever a policy says".to_owned());
        }
        self.enters |= line.findings.iter().any(|text| {
            let key = finding::parts(text).map(|(key, _)| key);
            matches!(key, Some(Key::ArchiveInto | Key::ExecInto))
        });
        if BY_SCOPE.contains(&&*line.reason) && is_scoped(rules, &call) {
            self.was_out_of_scope = true;
            let why = printable(&line.detail).into_owned();
            return Ok((call, was_allowed.then_some((Change::Refused, why))));
        }
        let change = change(line, was_allowed, &call, rules);
        Ok((call, change))
    }

    fn report(&self, record: &Path, out: &mut dyn Write) -> io::Result<Exit> {
        let (record, judged) = (record.display(), self.judged);
        let of = |is_meant: fn(Change) -> bool| -> u64 {
            let changes = self.changes.iter();
            let meant = changes.filter(|((change, ..), _)| is_meant(*change));
            meant.map(|(_, tally)| tally.count).sum()
        };
        let changed = of(|change| change != Change::Unsure);
        let unsure = of(|change| change == Change::Unsure);
        let head = match changed {
            _ if judged == 0 && self.of_unknown_scope > 0 => {
                "it has no request whose answer is certain".to_owned()
            }
            _ if judged == 0 => "it has no request that a policy decides about".to_owned(),
            0 if unsure == 0 => format!("all {judged} requests would get the same answer"),
            0 => format!("none of {judged} requests is certain to get another answer"),
            changed => format!("{changed} of {judged} requests would get another answer"),
        };
        if unsure > 0 {
            writeln!(out, "{record}: {head}, {unsure} unknown")?;
        } else {
            writeln!(out, "{record}: {head}")?;
        }
        for ((change, kind, why), tally) in &self.changes {
            let why = if why.is_empty() {
                String::new()
            } else {
                format!(": {why}")
            };
            let (times, last) = (times(tally.count), to_the_second(&tally.last));
            let told = change.told();
            writeln!(out, "  {kind}, {times}, last {last}, {told}{why}")?;
        }
        match self.of_unknown_scope {
            0 => {}
            1 => writeln!(out, "  1 request names objects{UNKNOWN_SCOPE}")?,
            count => writeln!(out, "  {count} requests name objects{UNKNOWN_SCOPE}")?,
        }
        for (why, count) in &self.passed_over {
            writeln!(out, "  ignored {}: {why}", times(*count))?;
        }
        if self.enters {
            writeln!(out, "  assumed: {ORDINARY}")?;
        }
        if self.was_out_of_scope {
            writeln!(out, "  assumed: {STILL_OUT}")?;
        }
        // Comparing nothing proves nothing.
        let mut kinds = self.changes.keys();
        let breaks = kinds.any(|(change, ..)| *change == Change::Refused);
        Ok(Exit::done_if(!breaks && judged > 0))
    }
}

/// The new answer to a request, and why, if it is another one.
fn change(line: &Line, was_allowed: bool, call: &Call, rules: &Rules) -> Option<(Change, String)> {
    let found = line.findings.iter();
    let asked: Option<Vec<_>> = found.map(|text| finding::parse(text)).collect();
    let is_known = asked.is_some();
    let unsure = |why: &str| Some((Change::Unsure, why.to_owned()));
    match judge(
        rules,
        call,
        &asked.unwrap_or_default(),
        line.name.as_deref(),
    ) {
        Replayed::Refused(_) if !was_allowed => None,
        Replayed::Refused(denial) => Some((Change::Refused, denial.message)),
        // An audit record has the networks of a started container only as far as its detail names them.
        Replayed::Allowed if line.reason == "restricted" && call.judged().deed == Deed::Starts => {
            unsure("its networks")
        }
        // Neither are labels.
        Replayed::Allowed if !was_allowed && line.detail.contains("create.labels.") => {
            unsure("its labels")
        }
        Replayed::Allowed if !was_allowed && line.findings.is_empty() && has_body(call) => {
            unsure("its body was not read")
        }
        Replayed::Allowed if !is_known => unsure("what it asks for was cut or escaped"),
        Replayed::Allowed if was_allowed => None,
        Replayed::Allowed => Some((Change::Allowed, String::new())),
        Replayed::UnknownScope => Some((Change::UnknownScope, String::new())),
        Replayed::Unsure(requirements) => {
            let keys = requirements
                .iter()
                .filter_map(|requirement| requirement.what.key().map(Key::name));
            unsure(&keys.collect::<Vec<_>>().join(", "))
        }
    }
}

/// What a replay assumes about entered containers.
const ORDINARY: &str =
    "containers that are entered are ordinary ones, unless the log says otherwise";

/// What is not known about requests that name objects.
const UNKNOWN_SCOPE: &str = ": whether they are in scope is not known from a record";

/// What a replay assumes about requests that a scope denied.
const STILL_OUT: &str = "what was out of scope, or had a name that is taken, is so again";

/// The reasons of denials that come from a scope. They depend on the objects that existed then.
const BY_SCOPE: &[&str] = &["name_taken", "out_of_scope"];

/// Whether the policies allow a request only within scopes.
fn is_scoped(rules: &Rules, call: &Call) -> bool {
    let mut granting = rules.policies().iter().filter(|policy| policy.grants(call));
    rules.may_allow(call) && granting.all(|policy| policy.scope.is_some())
}

/// What requests have in common that share a line.
fn kind(call: &Call) -> String {
    match &call.subject {
        Subject::Operation { operation, .. } => operation.to_string(),
        Subject::Outside { path } => format!("{} {path}", call.method.as_str()),
    }
}

/// Whether more than its operation decides about it.
fn has_body(call: &Call) -> bool {
    call.judged().block.is_some()
}
