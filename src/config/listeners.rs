//! The listeners: the address of each, and its policies.

use super::files::Files;
use super::settings::{DEFAULT_LISTEN, ListenerTable, Settings};
use super::table::SettingsReader;
use super::{ListenAddress, ListenerSettings, SocketAccess, UnknownClient, clients, tls};
use crate::policy::Rules;
use crate::policyfile::Policy;

/// The policy if nothing sets one.
pub(super) const DEFAULT_POLICY: &str = "default";

/// Makes the listeners from the settings. Those without policies have the general ones.
pub(crate) fn compose(
    reader: &mut SettingsReader<'_>,
    settings: &Settings,
    general: &[Policy],
) -> Vec<ListenerSettings> {
    let deny = || settings.deny.iter().cloned();
    let addresses = general_addresses(reader, settings);
    check_use(reader, settings);
    let mut listeners: Vec<_> = addresses
        .into_iter()
        .map(|address| ListenerSettings {
            tls: tls::of_address(settings, &address),
            address,
            access: SocketAccess::DEFAULT,
            rules: Rules::new(general.to_vec(), deny().collect()).observed(settings.observe),
            client: None,
        })
        .collect();
    for (at, table) in settings.listener.iter().enumerate() {
        let key = |name: &str| format!("listener[{at}].{name}");
        let own = table.policy.as_ref();
        let own = own.map(|references| policies(reader, &key("policy"), references));
        let denied = deny().chain(table.deny.iter().cloned()).collect();
        let client = clients::of_listener(reader, settings, at);
        listeners.extend(table.address.clone().map(|address| {
            ListenerSettings {
                access: access(reader, &key, table, &address),
                tls: tls::of_listener(reader, settings, (at, table), &address),
                address,
                rules: Rules::new(own.unwrap_or_else(|| general.to_vec()), denied)
                    .observed(table.observe.unwrap_or(settings.observe)),
                client,
            }
        }));
    }
    check_doubles(reader, &listeners);
    if settings.cert_path.is_some() && listeners.iter().all(|it| it.tls.is_none()) {
        let message = "has no effect, because no listener uses TLS: remove it, or listen on TCP, such as \
            tcp://0.0.0.0:2376";
        reader.wrong_at("cert_path", message);
    }
    listeners
}

/// The addresses of the listeners that have the general rules.
fn general_addresses(reader: &mut SettingsReader<'_>, settings: &Settings) -> Vec<ListenAddress> {
    if settings.listen.is_some() || !settings.listener.is_empty() {
        return settings.listen.clone().unwrap_or_default();
    }
    let default = ListenAddress::parse(DEFAULT_LISTEN);
    let default = default.map_err(|bad| reader.wrong_at("listen", bad.to_string()));
    default.into_iter().collect()
}

/// Who may connect to a listener's socket.
fn access(
    reader: &mut SettingsReader<'_>,
    key: &dyn Fn(&str) -> String,
    table: &ListenerTable,
    address: &ListenAddress,
) -> SocketAccess {
    let is_unix = matches!(address, ListenAddress::Unix(_));
    for (name, is_set) in [
        ("mode", table.mode.is_some()),
        ("owner", table.owner.is_some()),
    ] {
        if is_set && !is_unix {
            let message = format!("{address} is not a unix socket: remove {name}");
            reader.wrong_at(&key(name), message);
        }
    }
    let (uid, gid) = table.owner.unwrap_or_default();
    let mode = table.mode.unwrap_or(SocketAccess::DEFAULT.mode);
    SocketAccess { mode, uid, gid }
}

/// Reports policies that nobody uses.
fn check_use(reader: &mut SettingsReader<'_>, settings: &Settings) {
    let has_clients = !settings.client.is_empty();
    let serves_others = !has_clients || settings.unknown_client == UnknownClient::Listener;
    let has_general = settings.listen.is_some() || settings.listener.is_empty();
    let mut listeners = settings.listener.iter();
    let is_general = listeners.any(|own| own.policy.is_none() && own.client.is_none());
    let mut clients = settings.client.iter();
    if (serves_others && (has_general || is_general)) || clients.any(|own| own.policy.is_none()) {
        return;
    }
    let has_allow = settings
        .allow
        .as_ref()
        .is_some_and(|allow| !allow.is_empty());
    for (key, is_set) in [("policy", settings.policy.is_some()), ("allow", has_allow)] {
        if is_set {
            let message = if has_clients {
                "nobody uses it, because each client has its own policy: remove it, or write unknown_client = \"listener\" \
                 to let others connect"
            } else {
                "no listener uses it, because each listener has its own policy: remove one of them"
            };
            reader.wrong_at(key, message);
        }
    }
}

/// Reports duplicate addresses. Each port 0 gets a port of its own.
fn check_doubles(reader: &mut SettingsReader<'_>, listeners: &[ListenerSettings]) {
    for (at, listener) in listeners.iter().enumerate() {
        let address = &listener.address;
        let mut before = listeners.iter().take(at);
        let is_doubled = before.any(|before| before.address == *address);
        if is_doubled && !matches!(address, ListenAddress::Tcp(tcp) if tcp.port() == 0) {
            let message = format!("{address} is listed twice: remove one");
            reader.wrong_at("listen", message);
        }
    }
}

/// The policies of the listeners and clients that have none of their own. Image-swap variables are used if no policy is
/// set.
pub(crate) fn general(
    reader: &mut SettingsReader<'_>,
    settings: &Settings,
    translated: Option<Policy>,
) -> Vec<Policy> {
    let references = settings.policy.as_deref().unwrap_or_default();
    let mut general = policies(reader, "policy", references);
    if let Some(allow) = &settings.allow {
        general.push(Policy::of("allow", allow.iter().cloned().collect()));
    } else if settings.policy.is_none() {
        let default = || policies(reader, "policy", &[DEFAULT_POLICY.to_owned()]);
        general = translated.map_or_else(default, |policy| vec![policy]);
    }
    general
}

pub(super) fn policies(
    reader: &mut SettingsReader<'_>,
    key: &str,
    references: &[String],
) -> Vec<Policy> {
    let mut policies = Vec::new();
    for (at, reference) in references.iter().enumerate() {
        if references.iter().take(at).any(|before| before == reference) {
            let message = format!("\"{reference}\" is listed twice: remove one");
            reader.wrong_at(key, message);
        }
        match Policy::load(reference, &Files) {
            Ok(policy) => policies.push(policy),
            Err(problems) => problems.into_iter().for_each(|problem| {
                // A policy that cannot be found is a problem of the key that lists it.
                if problem.file == *reference && problem.is_of_whole_file() {
                    reader.wrong_at(key, format!("\"{reference}\": {}", problem.message));
                } else {
                    reader.problems.push(problem);
                }
            }),
        }
    }
    policies
}
