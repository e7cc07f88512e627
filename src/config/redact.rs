//! `redact` in the settings, which adds to what every policy hides.

use super::settings::Settings;
use super::table::SettingsReader;
use super::{ClientSettings, ListenerSettings};
use crate::policy::redact::Redaction;

/// Has the policies of all listeners and clients hide it too. Reports those that cannot.
pub(super) fn apply(
    reader: &mut SettingsReader<'_>,
    settings: &Settings,
    listeners: &mut [ListenerSettings],
    clients: &mut [ClientSettings],
) {
    let redaction = Redaction::of(&settings.redact);
    if redaction.is_empty() {
        return;
    }
    let listeners = listeners.iter_mut().map(|it| &mut it.rules);
    let mut conflicts = Vec::new();
    for rules in listeners.chain(clients.iter_mut().map(|it| &mut it.rules)) {
        for policy in rules.policies() {
            conflicts.extend(redaction.conflicts(policy));
        }
        *rules = rules.clone().redacting(&redaction);
    }
    conflicts.dedup();
    for conflict in conflicts {
        reader.wrong_at("redact", conflict);
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Flags};
    use crate::policy::redact::Class;

    fn loaded(variables: &[(&str, &str)]) -> Result<Vec<String>, Vec<String>> {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        match Config::load(&Flags::default(), variables.iter().map(pair)) {
            Ok(config) => {
                let policies = config.listeners[0].rules.policies().iter();
                let hidden = policies.map(|policy| {
                    let classes = policy.redact.iter().flat_map(|it| it.classes());
                    classes.map(Class::name).collect::<Vec<_>>().join(" ")
                });
                Ok(hidden.collect())
            }
            Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
        }
    }

    #[test]
    fn the_settings_add_to_every_policy() {
        let policy = ("DOCKGATE_POLICY", "docker-cli-ps,traefik");
        assert_eq!(loaded(&[policy]).unwrap(), ["", "commands env"]);
        assert_eq!(
            loaded(&[policy, ("DOCKGATE_REDACT", "host,env")]).unwrap(),
            ["env host", "commands env host"]
        );
        let variables = [("CONTAINERS", "1"), ("DOCKGATE_REDACT", "labels:*")];
        assert_eq!(loaded(&variables).unwrap(), ["labels"]);
    }

    #[test]
    fn what_cannot_work_does_not_start() {
        let policy = ("DOCKGATE_POLICY", "watchtower");
        assert!(loaded(&[policy, ("DOCKGATE_REDACT", "host")]).is_ok());
        assert_eq!(
            loaded(&[policy, ("DOCKGATE_REDACT", "env")]).unwrap_err(),
            [
                "DOCKGATE_REDACT: `redact`: clients of watchtower write containers (create.replaces) back as they read them, \
              so \"env\" cannot be hidden from them: leave it out of `redact`, or write redact = [] if an extended policy \
              has it"
            ]
        );
        assert_eq!(
            loaded(&[("DOCKGATE_REDACT", "enf")]).unwrap_err(),
            ["DOCKGATE_REDACT: `redact`: \"enf\": unknown class: did you mean \"env\"?"]
        );
    }
}
