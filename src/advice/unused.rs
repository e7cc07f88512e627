//! What policies allow and nobody used, according to an audit log, and how to take it out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use crate::audit::reading::{Line, PolicyInForce, ProcessLine};
use crate::docker::json::printable;
use crate::docker::{Call, Operation};
use crate::policy::Rules;
use crate::policyfile::{Grants, Policy};

/// Where a policy applies: the address of a listener or the name of a client. `None` means everywhere.
pub(crate) type Whose = Option<String>;

/// How often the operations and paths that a policy allows were used.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    whose: Whose,
    rules: &'a Rules,
    policy: &'a Policy,
    sha256: String,
    /// Whether the log is at a place where the policy was another one.
    is_other: bool,
    since: Option<String>,
    used: BTreeSet<&'static str>,
    outside: BTreeMap<String, Call>,
}

/// The watches of all policies, and how far the log goes.
#[derive(Debug, Default)]
pub(crate) struct Watches<'a> {
    watches: Vec<Watch<'a>>,
    last: String,
}

impl<'a> Watches<'a> {
    /// Watches these policies. If a log does not say where they apply, its lines count everywhere.
    pub(crate) fn new(rulings: impl IntoIterator<Item = (Whose, &'a Rules)>) -> Self {
        let watches = rulings.into_iter().flat_map(|(whose, rules)| {
            let policies = rules.policies().iter();
            policies.map(move |policy| Watch {
                whose: whose.clone(),
                rules,
                policy,
                sha256: policy.sha256(),
                is_other: false,
                since: None,
                used: BTreeSet::new(),
                outside: BTreeMap::new(),
            })
        });
        Self {
            watches: watches.collect(),
            last: String::new(),
        }
    }

    /// Notes what was in force from a moment on. A policy that was another one is watched from the beginning again.
    pub(crate) fn take_process(&mut self, line: &ProcessLine) {
        self.note_time(&line.time);
        for watch in &mut self.watches {
            let is_it = |policy: &&PolicyInForce| {
                let whose = policy.client.as_ref().or(policy.listener.as_ref());
                watch.is_called(&policy.policy)
                    && (watch.whose.is_none() || watch.whose.as_ref() == whose)
            };
            let Some(policy) = line.policies.iter().find(is_it) else {
                continue;
            };
            if policy.sha256 != watch.sha256 {
                watch.is_other = true;
                watch.since = None;
                watch.used.clear();
                watch.outside.clear();
            } else if watch.is_other || watch.since.is_none() {
                watch.is_other = false;
                watch.since = Some(line.time.clone());
            }
        }
    }

    /// Notes what a request used.
    pub(crate) fn take(&mut self, line: &Line) {
        self.note_time(&line.time);
        let is_used = line.event == "request" && matches!(&*line.verdict, "allow" | "would_deny");
        for watch in self.watches.iter_mut().filter(|watch| !watch.is_other) {
            watch.since.get_or_insert_with(|| line.time.clone());
            if is_used && watch.is_of(line) {
                watch.note(line);
            }
        }
    }

    fn note_time(&mut self, time: &str) {
        if *self.last < *time {
            time.clone_into(&mut self.last);
        }
    }

    /// What to take out, for each policy. Returns whether something can be said about all of them.
    pub(crate) fn report(&self, least: Duration, to: &mut String) -> bool {
        let mut is_complete = !self.watches.is_empty();
        for watch in &self.watches {
            is_complete &= watch.report(least, &self.last, to);
        }
        is_complete
    }
}

impl Watch<'_> {
    fn is_called(&self, name: &str) -> bool {
        *self.policy.name == *name
    }

    /// Whether a line is about what this policy decided.
    fn is_of(&self, line: &Line) -> bool {
        let whose = line.client.name.as_ref().unwrap_or(&line.listener);
        let is_its = line
            .policy
            .as_deref()
            .is_none_or(|name| self.is_called(name));
        match &self.whose {
            Some(own) => own == whose && is_its,
            None => true,
        }
    }

    fn note(&mut self, line: &Line) {
        let Some(call) = line.call() else { return };
        if let Some(operation) = call.operation() {
            self.used.insert(operation.spec().name);
        } else {
            let name = format!("{} {}", call.method.as_str(), call.path());
            self.outside.insert(name, call);
        }
    }

    fn is_used(&self, operation: Operation) -> bool {
        self.used.contains(operation.spec().name)
    }

    /// Returns whether the time was long enough to say anything.
    fn report(&self, least: Duration, end: &str, to: &mut String) -> bool {
        let name = printable(&self.policy.name);
        let whose = self
            .whose
            .as_deref()
            .map(|whose| format!(" for {}", printable(whose)));
        let whose = whose.unwrap_or_default();
        let Some(since) = &self.since else {
            // A String takes every write.
            _ = writeln!(
                to,
                "{name}{whose}: the log has nothing about this policy as it is now"
            );
            return false;
        };
        let (from, until) = (day(since), day(end));
        let watched = time(end).duration_since(time(since)).unwrap_or_default();
        if watched < least {
            let (days, least) = (watched.as_secs() / DAY, least.as_secs() / DAY);
            _ = writeln!(
                to,
                "{name}{whose}: watched for {days} days, from {from} to {until}. To see what was not used before {least} \
                 days are over, add --days {days}"
            );
            return false;
        }
        let allowed = Operation::ALL.iter().copied();
        let allowed: Vec<_> = allowed
            .filter(|it| self.policy.has(*it) && self.rules.grants(*it))
            .collect();
        let unused: Vec<_> = allowed
            .iter()
            .copied()
            .filter(|it| !self.is_used(*it))
            .collect();
        _ = writeln!(
            to,
            "{name}{whose}: {} of {} allowed operations were not used from {from} to {until}",
            unused.len(),
            allowed.len()
        );
        self.edits(&unused, to);
        true
    }

    /// The lines that say what to write.
    fn edits(&self, unused: &[Operation], to: &mut String) {
        let mut own = BTreeSet::new();
        for entry in self.policy.allow.entries() {
            let operations: Vec<_> = entry.entry.operations().collect();
            let used = operations.iter().filter(|it| self.is_used(**it));
            let used: Vec<_> = used.map(|it| format!("\"{it}\"")).collect();
            own.extend(operations.iter().map(|it| it.spec().name));
            let is_path_used = || {
                let mut alone = Grants::default();
                alone.insert(entry.entry.clone());
                self.outside.values().any(|call| alone.covers(call))
            };
            let (text, place) = (printable(&entry.text), &entry.place);
            if operations.is_empty() {
                if !is_path_used() {
                    _ = writeln!(to, "  remove \"{text}\" from {place}");
                }
            } else if used.is_empty() {
                _ = writeln!(to, "  remove \"{text}\" from {place}");
            } else if used.len() < operations.len() {
                _ = writeln!(
                    to,
                    "  replace \"{text}\" in {place} with {}",
                    used.join(", ")
                );
            }
        }
        let inherited = unused.iter().filter(|it| !own.contains(it.spec().name));
        let inherited: Vec<_> = inherited.map(|it| format!("\"{it}\"")).collect();
        if !inherited.is_empty() {
            _ = writeln!(
                to,
                "  add to deny, because other policies allow it: {}",
                inherited.join(", ")
            );
        }
    }
}

const DAY: u64 = 24 * 60 * 60;

fn day(time: &str) -> &str {
    time.get(..10).unwrap_or(time)
}

fn time(text: &str) -> SystemTime {
    humantime::parse_rfc3339(text).unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::reading::Parsed;
    use crate::policyfile::file::tests::shelf;

    const CI: &str = "extends = ['base']\nallow = [\n'containers:read',\n'ContainerStart',\n'GET /libpod/info',\n'GET /libpod/x']";

    fn line(day: u32, method: &str, path: &str, policy: &str) -> String {
        format!(
            r#"{{"time":"2026-11-{day:02}T10:00:00.000000Z","event":"request","id":"1-1","client":{{"address":"-","name":"ci","by":"uid"}},"listener":"unix:///x","policy":"{policy}","method":"{method}","path":"{path}","effect":"read","verdict":"allow","reason":"granted","instance":"1","seq":1}}"#
        )
    }

    fn start(day: u32, sha256: &str) -> String {
        format!(
            r#"{{"time":"2026-11-{day:02}T10:00:00.000000Z","event":"start","version":"0.1.0","policies":[{{"client":"ci","policy":"ci","sha256":"{sha256}"}}],"instance":"1","seq":1}}"#
        )
    }

    /// The report on the policy above.
    fn report(log: &[String], days: u64) -> (bool, String) {
        let shelf = shelf(&[
            ("ci", CI),
            ("base", "allow = ['ContainerStop', 'SystemPing']"),
        ]);
        let rules = Rules::new(vec![Policy::load("ci", &shelf).unwrap()], Grants::default());
        let mut watches = Watches::new([(Some("ci".to_owned()), &rules)]);
        for line in log {
            match Parsed::of(line) {
                Parsed::Request(line) => watches.take(&line),
                Parsed::Process(line) => watches.take_process(&line),
                Parsed::Foreign => panic!("{line}"),
            }
        }
        let mut text = String::new();
        let is_complete = watches.report(Duration::from_secs(days * DAY), &mut text);
        (is_complete, text)
    }

    fn sum() -> String {
        crate::digest::sha256([CI, "allow = ['ContainerStop', 'SystemPing']"])
    }

    #[test]
    fn what_was_not_used_is_listed_with_the_edit_that_removes_it() {
        let log = [
            line(1, "GET", "/v1.45/containers/json", "ci"),
            line(2, "GET", "/_ping", "ci"),
            line(9, "GET", "/libpod/info", "ci"),
            line(9, "POST", "/v1.45/containers/web/start", "other"),
        ];
        let (is_complete, text) = report(&log, 7);
        assert!(is_complete, "{text}");
        let read = text.lines().next().unwrap();
        assert!(
            read.starts_with("ci for ci: ")
                && read.ends_with("not used from 2026-11-01 to 2026-11-09"),
            "{text}"
        );
        for want in [
            "  replace \"containers:read\" in allow, line 3 of ci with \"ContainerList\"\n",
            "  remove \"ContainerStart\" from allow, line 4 of ci\n",
            "  remove \"GET /libpod/x\" from allow, line 6 of ci\n",
            "  add to deny, because other policies allow it: \"ContainerStop\"\n",
        ] {
            assert!(text.contains(want), "{want}: {text}");
        }
        assert!(
            !text.contains("libpod/info") && !text.contains("SystemPing"),
            "{text}"
        );
    }

    #[test]
    fn nothing_is_claimed_too_early_or_of_another_policy() {
        let begin = line(1, "GET", "/v1.45/containers/json", "ci");
        let end = line(9, "GET", "/_ping", "ci");
        let (is_complete, text) = report(&[begin.clone(), line(7, "GET", "/_ping", "ci")], 7);
        assert!(
            !is_complete && text.contains("watched for 6 days, from 2026-11-01"),
            "{text}"
        );
        assert!(report(&[begin.clone(), line(7, "GET", "/_ping", "ci")], 6).0);
        // The policy was another one until the fifth.
        let log = [start(1, "00"), begin.clone(), start(5, &sum()), end.clone()];
        let (is_complete, text) = report(&log, 7);
        assert!(
            !is_complete && text.contains("watched for 4 days, from 2026-11-05"),
            "{text}"
        );
        let text = report(&log, 4).1;
        assert!(
            text.contains("remove \"containers:read\""),
            "used before: {text}"
        );
        let (is_complete, text) = report(&[start(1, "00"), begin.clone(), end.clone()], 0);
        assert!(
            !is_complete && text.contains("has nothing about this policy as it is now"),
            "{text}"
        );
        let log = [start(1, &sum()), begin, start(5, &sum()), end];
        assert!(
            report(&log, 7).1.contains("from 2026-11-01"),
            "a restart with the same policy"
        );
    }
}
