//! Which variables opened something, or keep it shut: for whoever asks what decided.

use super::{On, Opened, PODMAN_OBJECTS, PODMAN_SECTIONS, Rules, is_safe, section_of};
use crate::docker::{Method, Operation};

impl Rules {
    /// The variables that are on and together open something that is open.
    pub(in super::super) fn openers(&self, opened: &Opened, on: On<'_>) -> Vec<String> {
        match opened {
            Opened::Operation(operation) => self.openers_of(*operation, on),
            Opened::Path(path) => self.podman_action(path, on).into_iter().collect(),
            Opened::Below(path) => podman_section(path),
        }
    }

    /// The variable that is off and keeps a path of Podman's shut.
    pub(in super::super) fn gate_of(&self, shut: &Opened) -> Option<&'static str> {
        let Opened::Below(path) = shut else {
            return None;
        };
        let last = path.rsplit('/').next()?;
        let gate = self.gates.iter().find(|gate| gate.podman.contains(&last));
        gate.map(|gate| gate.variable)
    }

    fn openers_of(&self, operation: Operation, on: On<'_>) -> Vec<String> {
        let gate = self
            .gates
            .iter()
            .find(|gate| gate.operations.contains(&operation));
        let may_by_method = is_safe(operation) || on("POST");
        let action = self.actions.iter().find(|action| {
            let is_about = action.operations.contains(&operation);
            is_about && on(action.variable) && (may_by_method || !self.actions_need_post)
        });
        let (opener, needs_post) = match action {
            Some(action) => (Some(action.variable), self.actions_need_post),
            None => (section_of(operation).map(|section| section.variable), true),
        };
        let post = (needs_post && !is_safe(operation)).then_some("POST");
        let gate = gate.map(|gate| gate.variable);
        let variables = opener.into_iter().chain(gate).chain(post);
        variables.map(str::to_owned).collect()
    }

    fn podman_action(&self, path: &str, on: On<'_>) -> Option<String> {
        let last = path.rsplit('/').next()?;
        let below = |object: &str| path.contains(&format!("/libpod/{object}/"));
        let (_, prefix) = PODMAN_OBJECTS.iter().find(|(object, _)| below(object))?;
        let mut actions = self.actions.iter();
        actions.find_map(|action| {
            let own = action.variable.replacen("ALLOW_", prefix, 1);
            let variables = [action.variable.to_owned(), own];
            let opener = variables.into_iter().find(|variable| on(variable));
            opener.filter(|_| action.podman.contains(&last))
        })
    }
}

fn podman_section(path: &str) -> Vec<String> {
    let (method, path) = path.split_once(' ').unwrap_or_default();
    let segment = path.rsplit('/').next().unwrap_or_default();
    let mut sections = PODMAN_SECTIONS.iter();
    let section = sections.find(|section| section.segment == segment);
    let is_safe = Method::parse(method).is_some_and(Method::is_safe);
    let post = (!is_safe).then_some("POST");
    let variables = section.map(|section| section.variable).into_iter();
    variables.chain(post).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{HARDENED, LINUXSERVER, TECNATIVA};

    #[test]
    fn the_variables_that_are_named_open_it_and_without_one_of_them_it_is_shut() {
        for (name, rules) in [
            ("tecnativa", &TECNATIVA),
            ("hardened", &HARDENED),
            ("linuxserver", &LINUXSERVER),
        ] {
            let (everything, _) = rules.judge(&|_| true);
            for opened in everything {
                let openers = rules.openers(&opened, &|_| true);
                assert!(!openers.is_empty(), "{name}: {opened:?}");
                let on = |variable: &str| openers.iter().any(|opener| opener == variable);
                let (open, _) = rules.judge(&on);
                assert!(open.contains(&opened), "{name}: {opened:?}: {openers:?}");
                for left_out in &openers {
                    let (less, _) = rules.judge(&|variable| on(variable) && variable != left_out);
                    assert!(!less.contains(&opened), "{name}: {opened:?}: {left_out}");
                }
            }
        }
    }

    #[test]
    fn what_podman_keeps_shut_has_a_variable() {
        let (_, shut) = LINUXSERVER.judge(&|_| false);
        assert!(!shut.is_empty());
        for one in shut {
            let gate = LINUXSERVER.gate_of(&one).unwrap();
            let (_, less) = LINUXSERVER.judge(&|variable| variable == gate);
            assert!(!less.contains(&one), "{one:?}: {gate}");
        }
    }
}
