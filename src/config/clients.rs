//! The clients: which connections are the client's, and its policies.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::listeners::policies;
use super::settings::{ClientTable, Settings};
use super::table::SettingsReader;
use super::{ClientSettings, ListenAddress, ListenerSettings};
use crate::clients::matcher::{Kind, Matcher};
use crate::policy::Rules;
use crate::policy::reserved::Reserved;
use crate::policy::scope::Scope;
use crate::policyfile::Policy;

/// Makes the clients from the settings. Those without policies have the general ones.
pub(crate) fn compose(
    reader: &mut SettingsReader<'_>,
    settings: &Settings,
    general: &[Policy],
) -> Vec<ClientSettings> {
    let mut clients = Vec::new();
    for (at, table) in settings.client.iter().enumerate() {
        let key = |name: &str| format!("client[{at}].{name}");
        let own = table.policy.as_ref();
        let own = own.map(|references| policies(reader, &key("policy"), references));
        let denied = settings.deny.iter().chain(&table.deny).cloned().collect();
        let rules = Rules::new(own.unwrap_or_else(|| general.to_vec()), denied);
        let Some(name) = &table.name else { continue };
        check_from(reader, settings, at, (name, table));
        clients.push(ClientSettings {
            name: Arc::clone(name),
            from: table.from.clone().unwrap_or_default(),
            rules: rules.observed(table.observe.unwrap_or(settings.observe)),
            connections: table.limits.connections,
        });
    }
    check_overlaps(reader, settings);
    clients
}

/// Gives each client its own objects, and reserves what tells clients apart in all rules.
/// Reports policies that give new objects a label that identifies a client.
pub(super) fn reserve(
    reader: &mut SettingsReader<'_>,
    settings: &Settings,
    listeners: &mut [ListenerSettings],
    clients: &mut [ClientSettings],
) {
    let mut reserved = Reserved::default();
    let of_metrics = settings.metrics.from.iter().flatten();
    let matchers = clients.iter().flat_map(|client| &client.from);
    for matcher in matchers.chain(of_metrics).cloned() {
        match matcher {
            Matcher::Network(name) => reserved.networks.push(name),
            Matcher::Container(name) => reserved.containers.push(name),
            Matcher::Service { project, service } => reserved.services.push((project, service)),
            Matcher::Label { key, value } => reserved.labels.push((key, value)),
            Matcher::Address(network) => reserved.addresses.push(network),
            // No container can be given these by the daemon.
            Matcher::Uid(_) | Matcher::Gid(_) | Matcher::Certificate { .. } => {}
        }
    }
    let rules = listeners.iter().map(|it| &it.rules);
    for policy in rules
        .chain(clients.iter().map(|it| &it.rules))
        .flat_map(Rules::policies)
    {
        let own = policy.owner().labels();
        let mut labels = policy.blocks.create.labels.stamps().chain(own);
        if let Some((key, value)) = labels.find(|(key, value)| reserved.has_label(key, value)) {
            let message = format!(
                "\"label:{key}={value}\" would identify everything that policy {} creates as the client: use another label",
                policy.name
            );
            let (key, value) = (key.to_owned(), value.to_owned());
            let matcher = Matcher::Label { key, value };
            let at = clients.iter().position(|it| it.from.contains(&matcher));
            let at = at.unwrap_or_default();
            reader.wrong_at(&format!("client[{at}].from"), message);
        }
    }
    withhold(listeners, clients);
    if clients.is_empty() && reserved.is_empty() {
        return;
    }
    let reserved = Arc::new(reserved);
    if clients.is_empty() {
        for listener in listeners {
            listener.rules = listener.rules.clone().reserving(Arc::clone(&reserved));
        }
        return;
    }
    let nobody = Arc::from("");
    let others = listeners.iter_mut().map(|it| (&nobody, &mut it.rules));
    let own = clients.iter_mut().map(|it| (&it.name, &mut it.rules));
    for (client, rules) in others.chain(own) {
        let reserving = rules.clone().reserving(Arc::clone(&reserved));
        *rules = reserving.of_client(client);
    }
}

/// Has no image bring a label that any scope selects objects by.
fn withhold(listeners: &mut [ListenerSettings], clients: &mut [ClientSettings]) {
    let rules = listeners.iter().map(|it| &it.rules);
    let rules = rules.chain(clients.iter().map(|it| &it.rules));
    let scopes = rules
        .flat_map(Rules::policies)
        .filter_map(|it| it.scope.as_deref());
    let selecting: BTreeSet<_> = scopes
        .flat_map(Scope::selecting)
        .map(str::to_owned)
        .collect();
    let selecting: Arc<[String]> = selecting.into_iter().collect();
    if !selecting.is_empty() {
        let listeners = listeners.iter_mut().map(|it| &mut it.rules);
        for rules in listeners.chain(clients.iter_mut().map(|it| &mut it.rules)) {
            *rules = rules.clone().withholding(&selecting);
        }
    }
}

/// Reports a name that is taken, a client that no connection can belong to, and users on listeners that have none.
fn check_from(
    reader: &mut SettingsReader<'_>,
    settings: &Settings,
    at: usize,
    (name, table): (&Arc<str>, &ClientTable),
) {
    let key = |of: &str| format!("client[{at}].{of}");
    let mut before = settings.client.iter().take(at);
    if before.any(|other| other.name.as_ref() == Some(name)) {
        reader.wrong_at(
            &key("name"),
            format!("two clients are called {name}: rename one"),
        );
    }
    let mut listeners = settings.listener.iter();
    let has_listener = listeners.any(|listener| listener.client.as_ref() == Some(name));
    if table.from.is_none() && !has_listener {
        let message = format!(
            "is missing: write from = [\"network:NAME\"] for the clients on a Docker network, or client = \"{name}\" in a \
             [[listener]]"
        );
        reader.wrong_at(&key("from"), message);
    }
}

/// Reports clients between which nothing would decide.
fn check_overlaps(reader: &mut SettingsReader<'_>, settings: &Settings) {
    let all = |at: usize| {
        let from = settings
            .client
            .get(at)
            .and_then(|client| client.from.as_ref());
        from.into_iter().flatten()
    };
    for at in 0..settings.client.len() {
        for before in 0..at {
            let pairs = all(at).flat_map(|own| all(before).map(move |other| (own, other)));
            let mut overlapping = pairs.filter(|(own, other)| own.overlaps(other));
            if let Some((own, other)) = overlapping.next() {
                let name = settings
                    .client
                    .get(before)
                    .and_then(|client| client.name.as_deref());
                let name = name.unwrap_or_default();
                let message = if own == other {
                    format!("\"{own}\" is also in the `from` of {name}: remove it from one of them")
                } else {
                    format!(
                        "\"{own}\" overlaps \"{other}\" of {name}: each connection must belong to one client"
                    )
                };
                reader.wrong_at(&format!("client[{at}].from"), message);
            }
        }
    }
}

/// The listener's client, if it is one of the clients. Nothing else may say what holds there.
pub(super) fn of_listener(
    reader: &mut SettingsReader<'_>,
    settings: &Settings,
    at: usize,
) -> Option<Arc<str>> {
    let table = settings.listener.get(at)?;
    let client = table.client.as_ref()?;
    let key = format!("listener[{at}].client");
    let names = || {
        settings
            .client
            .iter()
            .filter_map(|client| client.name.as_deref())
    };
    if !names().any(|name| name == &**client) {
        let names: Vec<_> = names().collect();
        let known = if names.is_empty() {
            "there is no [[client]]".to_owned()
        } else {
            format!("use one of {}", names.join(", "))
        };
        reader.wrong_at(&key, format!("\"{client}\" is not a client: {known}"));
    }
    let own = [
        ("policy", table.policy.is_some()),
        ("deny", !table.deny.is_empty()),
        ("observe", table.observe.is_some()),
    ];
    for (name, _) in own.iter().filter(|(_, is_set)| *is_set) {
        let message = format!(
            "has no effect, because everything on this listener belongs to client {client}: write it there"
        );
        reader.wrong_at(&format!("listener[{at}].{name}"), message);
    }
    Some(Arc::clone(client))
}

/// Reports values of `from` that no listener could match.
pub(super) fn check_reach(
    reader: &mut SettingsReader<'_>,
    settings: &Settings,
    listeners: &[ListenerSettings],
) {
    let has = |is_unix: bool| {
        let mut open = listeners.iter().filter(|it| it.client.is_none());
        open.any(|it| matches!(it.address, ListenAddress::Unix(_)) == is_unix)
    };
    let (has_unix, has_tcp) = (has(true), has(false));
    let mut asking = listeners.iter().filter(|it| it.client.is_none());
    let has_certificates = asking.any(ListenerSettings::asks_for_certificates);
    for (at, table) in settings.client.iter().enumerate() {
        for matcher in table.from.iter().flatten() {
            let lacks = match matcher.kind() {
                Kind::Uid | Kind::Gid => (!has_unix).then_some("a unix socket"),
                Kind::Listener => None,
                Kind::Certificate => (!has_certificates).then_some("TLS with client certificates"),
                Kind::Network | Kind::Container | Kind::Service | Kind::Label | Kind::Address => {
                    (!has_tcp).then_some("a TCP address")
                }
            };
            if let Some(lacks) = lacks {
                let message =
                    format!("\"{matcher}\" cannot match: no listener without `client` has {lacks}");
                reader.wrong_at(&format!("client[{at}].from"), message);
            }
        }
    }
}

#[cfg(test)]
mod tests;
