//! The lines of the start report, of a reload, and of `check`.

use std::sync::Arc;
use std::time::Duration;

use super::condition::{Condition, Detail, Reach, Report};
use super::dangers::{deleting, unchecked, warnings};
use crate::config::address::share_clients;
use crate::config::{Config, ListenAddress};
use crate::docker::{ApiVersion, Effect, Operation};
use crate::policy::keys::setting::Setting;
use crate::policy::redact::Class;
use crate::policy::redact::shown::shown_by_others;
use crate::policy::scope::{Images, Scope};
use crate::policy::self_container::exposure::Exposure;
use crate::policy::{Rules, SelfContainer};
use crate::policyfile::Policy;
use crate::proxy::daemon::Daemon;
use crate::proxy::daemon_state::DaemonState;

/// How many names of a list the start report shows; `check --verbose` shows all.
pub(crate) const FEW: usize = 8;

/// The report on what these settings say for all listeners.
pub(crate) fn begin(config: &Config) -> Report {
    Report {
        process: vec![Detail::fact(concat!("version ", env!("CARGO_PKG_VERSION")))],
        settings: settings(config),
        ..Report::default()
    }
}

pub(crate) fn settings(config: &Config) -> Vec<Detail> {
    let unconfigured = Detail::Condition(Condition::Unconfigured);
    let unconfigured = config.is_unconfigured.then_some(unconfigured);
    let notices = config.notices.iter().map(|notice| Detail::of(notice));
    unconfigured.into_iter().chain(notices).collect()
}

/// The policies of a listener or a client with what they allow, and what is dangerous about that. `whose` names it if
/// there are several; lists show as many names as `most`.
pub(crate) fn rules(rules: &Rules, whose: Option<&str>, most: usize) -> Vec<Detail> {
    let listener = || whose.map(str::to_owned);
    let policies = rules.policies().iter();
    let policies = policies.flat_map(|policy| {
        let scope = policy.scope.as_ref();
        let scope = scope.map(|scope| scoped(&policy.name, scope, most));
        let counted = Some(counted(rules, policy)).into_iter();
        counted.chain(scope).chain(redacted(policy, most))
    });
    let mut details: Vec<_> = policies.map(Detail::Fact).collect();
    let unchecked = unchecked(rules);
    if !unchecked.is_empty() {
        details.push(Detail::Condition(Condition::RootOnHost {
            listener: listener(),
            unchecked: list(&unchecked, most),
        }));
    }
    if rules.is_observed {
        let listener = listener();
        details.push(Detail::Condition(Condition::Observing { listener }));
    }
    let warnings = warnings(rules).into_iter();
    let warnings = warnings.filter(|(_, names)| !names.is_empty());
    details.extend(warnings.map(|(what, names)| {
        let names = list(&names, most);
        Detail::Warning(format!("{what}: {names}"))
    }));
    details.extend(deleting(rules));
    details.extend(
        shown_by_others(rules.policies())
            .into_iter()
            .map(Detail::Warning),
    );
    let shadowed = rules.policies().iter().flat_map(Policy::displaced);
    details.extend(shadowed.map(Detail::Warning));
    details
}

fn list(names: &[String], most: usize) -> String {
    let shown = names.get(..most).unwrap_or(names).join(", ");
    match names.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more (`dockgate check --verbose` lists them)"),
    }
}

/// Whether hosts other than this one can connect to a listener of a process that is in no container.
pub(crate) fn open_to_hosts(address: &ListenAddress) -> Option<Condition> {
    match address {
        ListenAddress::Tcp(tcp) if !address.is_loopback() => Some(Condition::OpenListener {
            address: address.to_string(),
            reach: Reach::Hosts {
                instead: format!("tcp://127.0.0.1:{}", tcp.port()),
            },
        }),
        ListenAddress::Tcp(_) | ListenAddress::Unix(_) => None,
    }
}

/// The listeners that the same clients can connect to, although their rules differ.
pub(crate) fn unseparated(listeners: &[(&ListenAddress, &Rules)]) -> Option<Condition> {
    let said = |rules: &Rules| {
        let names = rules.policies().iter().map(|it| it.name.clone());
        let denied = rules.deny.entries().iter().map(|it| it.entry.clone());
        let (names, denied): (Vec<_>, Vec<_>) = (names.collect(), denied.collect());
        (names, denied, rules.is_observed)
    };
    let is_shared = |(address, rules): &&(&ListenAddress, &Rules)| {
        let mut others = listeners.iter();
        others.any(|(other, theirs)| share_clients(address, other) && said(rules) != said(theirs))
    };
    let shared = listeners.iter().filter(is_shared);
    let shared: Vec<_> = shared.map(|(address, _)| address.to_string()).collect();
    (!shared.is_empty()).then_some(Condition::Unseparated(shared))
}

/// Whether more than the containers of one network can connect to a listener in Dockgate's own container.
fn exposed(address: &ListenAddress, own: &SelfContainer) -> Option<Condition> {
    let open = open_to_hosts(address)?;
    let ListenAddress::Tcp(tcp) = address else {
        return None;
    };
    let reach = match own.exposure(tcp.port())? {
        Exposure::Host => return Some(open),
        Exposure::Published(on) => {
            let of_host = on
                .rsplit_once(':')
                .and_then(|(_, port)| port.parse::<u16>().ok());
            let of_host = of_host.unwrap_or(tcp.port());
            let instead = format!("127.0.0.1:{of_host}:{}", tcp.port());
            Reach::Published { on, instead }
        }
        Exposure::Networks(names) => Reach::Networks(names),
    };
    let address = address.to_string();
    Some(Condition::OpenListener { address, reach })
}

/// What a reload changes.
pub(crate) fn changes(before: &Rules, after: &Rules) -> Vec<String> {
    let allowed = |here: &Rules, there: &Rules| {
        let operations = Operation::ALL.iter().copied();
        let operations = operations.filter(|it| here.grants(*it) && !there.grants(*it));
        operations.map(|it| it.to_string()).collect::<Vec<_>>()
    };
    let (more, less) = (allowed(after, before), allowed(before, after));
    let blocks = |rules: &Rules| {
        let policies = rules.policies().iter();
        let blocks =
            policies.map(|policy| (policy.name.to_string(), format!("{:?}", policy.blocks)));
        blocks.collect::<Vec<_>>()
    };
    let scopes = |rules: &Rules| {
        let policies = rules.policies().iter();
        let scopes =
            policies.map(|policy| (policy.name.to_string(), format!("{:?}", policy.scope)));
        scopes.collect::<Vec<_>>()
    };
    let altered = |before: Vec<(String, String)>, after: Vec<(String, String)>| {
        let altered = after.into_iter().filter(|it| !before.contains(it));
        altered.map(|(name, _)| name).collect::<Vec<_>>()
    };
    let hidden = |rules: &Rules| {
        let policies = rules.policies().iter();
        let hidden =
            policies.map(|policy| (policy.name.to_string(), format!("{:?}", policy.redact)));
        hidden.collect::<Vec<_>>()
    };
    let others = altered(blocks(before), blocks(after));
    let rescoped = altered(scopes(before), scopes(after));
    let redacted = altered(hidden(before), hidden(after));
    let lists = [&more, &less, &others, &rescoped, &redacted];
    if lists.iter().all(|names| names.is_empty()) {
        return vec!["nothing changed: the same operations are allowed as before".to_owned()];
    }
    let changes = [
        ("newly allowed", more),
        ("no longer allowed", less),
        ("policies whose blocks changed", others),
        ("policies whose scope changed", rescoped),
        ("policies whose redaction changed", redacted),
    ];
    let changes = changes.iter().filter(|(_, names)| !names.is_empty());
    changes
        .map(|(what, names)| format!("{what}: {}", names.join(", ")))
        .collect()
}

/// A policy with the number of its operations by effect.
fn counted(rules: &Rules, policy: &Policy) -> String {
    let counts = Effect::ALL.iter().filter_map(|effect| {
        let count = Operation::ALL
            .iter()
            .filter(|operation| operation.spec().effect == *effect)
            .filter(|operation| policy.has(**operation) && rules.grants(**operation))
            .count();
        (count > 0).then(|| format!("{count} {}", effect.as_str()))
    });
    let counts: Vec<_> = counts.collect();
    let operations = (!counts.is_empty()).then(|| match counts.join(", ") {
        one if one.starts_with("1 ") && counts.len() == 1 => format!("{one} operation"),
        counts => format!("{counts} operations"),
    });
    let raw_paths = policy.has_raw_paths().then(|| "raw paths".to_owned());
    let allowed: Vec<_> = operations.into_iter().chain(raw_paths).collect();
    let allowed = if allowed.is_empty() {
        "nothing".to_owned()
    } else {
        allowed.join(" and ")
    };
    format!("policy {} allows {allowed}", policy.name)
}

/// A policy with its scope.
fn scoped(policy: &str, scope: &Scope, most: usize) -> String {
    let objects = match scope.objects.entries() {
        none if none.is_empty() => "no object".to_owned(),
        objects => list(&objects, most),
    };
    let see = scope.see.entries();
    let see = (!see.is_empty()).then(|| format!("; may see and use {}", list(&see, most)));
    let names = scope.names.as_ref().map(Setting::entries);
    let names = names.map(|names| match &*names {
        [] => "; may give no name".to_owned(),
        names => format!("; may give the names {}", list(names, most)),
    });
    let images = match scope.images {
        Images::Any => "; may change any image",
        Images::Scoped | Images::Shared => "",
    };
    let (see, names) = (see.unwrap_or_default(), names.unwrap_or_default());
    format!("policy {policy} is limited by its scope: {objects}{see}{names}{images}")
}

/// A policy with what its replies hide, and the operations that show it in another way.
fn redacted(policy: &Policy, most: usize) -> Option<String> {
    let redaction = policy.redact.as_deref()?;
    let classes: Vec<_> = redaction.classes().map(Class::name).collect();
    let others = redaction.shown_otherwise(policy);
    let but = match &*others {
        [] => String::new(),
        others => format!("; but these can show it too: {}", list(others, most)),
    };
    let (name, classes) = (&policy.name, classes.join(", "));
    Some(format!("policy {name} hides {classes} in replies{but}"))
}

/// What the daemon says after this time: its version, whether it knows Dockgate's own container, and who can connect
/// to that.
pub(crate) async fn engine(
    wait: Duration,
    daemon: &Arc<Daemon>,
    daemon_state: &DaemonState,
    lifts_api_version: bool,
    listeners: &[ListenAddress],
) -> Vec<Detail> {
    tokio::time::sleep(wait).await;
    let address = &daemon.address;
    let engine = match daemon_state.engine(daemon).await {
        Ok(engine) => engine,
        Err(denial) => {
            let (away, daemon) = (&daemon.outage, address.to_string());
            let why = away.reported().unwrap_or(denial.message);
            return vec![Detail::Condition(Condition::DaemonAway { daemon, why })];
        }
    };
    let mut details = vec![Detail::Fact(format!("connected to {engine} at {address}"))];
    let too_old = too_old(engine.least_api_version(), lifts_api_version);
    details.extend(too_old.map(Detail::Fact));
    match daemon_state.own(daemon).await {
        Ok(Some(own)) => {
            let id = own.id.get(..SHORT_ID).unwrap_or(&own.id);
            let text = format!("container {id} is Dockgate's own and protected from clients");
            details.push(Detail::Fact(text));
            let open = listeners.iter().filter_map(|address| exposed(address, own));
            details.extend(open.map(Detail::Condition));
        }
        Ok(None) if !daemon_state.candidates.is_contained => {}
        Ok(None) => details.push(Detail::warning(UNFOUND)),
        Err(denial) => {
            let why = denial.message;
            details.push(Detail::Warning(format!("{UNFOUND}: {why}")));
        }
    }
    details
}

/// As many digits of an id as `docker ps` shows.
const SHORT_ID: usize = 12;

/// What happens to requests with an older API version than the daemon takes, if Dockgate takes older ones.
fn too_old(least: Option<ApiVersion>, lifts: bool) -> Option<String> {
    let least = least.filter(|least| *least > ApiVersion::LEAST)?;
    Some(if lifts {
        format!(
            "requests with an API version below {least} are checked and sent as {least} (lift_api_version)"
        )
    } else {
        format!(
            "the daemon answers 400 to clients with an API version below {least}: to let them in, set \
             lift_api_version = true"
        )
    })
}

const UNFOUND: &str = "could not identify Dockgate's own container: clients may be able to stop or change it, and its ports may be published";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policyfile::Grants;
    use crate::policyfile::file::tests::policy;

    fn of(scope: &str) -> Rules {
        let text = format!("allow = ['ContainerList']\n{scope}").leak();
        Rules::new(vec![policy("ci.toml", text)], Grants::default())
    }

    #[test]
    fn the_scope_of_a_policy_is_one_line_after_it() {
        for (scope, want) in [
            ("", None),
            (
                "[scope]\nobjects = ['@own']",
                Some("policy ci.toml is limited by its scope: @own"),
            ),
            (
                "[scope]\nobjects = ['@own']\nimages = 'any'",
                Some("policy ci.toml is limited by its scope: @own; may change any image"),
            ),
            (
                "[scope]\nobjects = []\nnames = []",
                Some("policy ci.toml is limited by its scope: no object; may give no name"),
            ),
            (
                "[scope]\nobjects = ['@own', 'label:a=b+c']\nsee = ['network:edge', 'volume:*']\nnames = ['ci-*', 'x']",
                Some(
                    "policy ci.toml is limited by its scope: @own, label:a=b+c; may see and use network:edge, volume:*; may give \
                     the names ci-*, x",
                ),
            ),
        ] {
            let facts: Vec<_> = rules(&of(scope), None, FEW);
            let counted = Detail::Fact("policy ci.toml allows 1 read operation".to_owned());
            let want = want.map(|want| Detail::Fact(want.to_owned()));
            let want: Vec<_> = Some(counted).into_iter().chain(want).collect();
            assert_eq!(facts, want, "{scope}");
        }
    }

    #[test]
    fn only_the_verbose_report_has_all_entries_of_a_scope() {
        let entries: Vec<_> = (0..=FEW).map(|number| format!("'name:{number}'")).collect();
        let rules_of = of(&format!("[scope]\nobjects = [{}]", entries.join(", ")));
        let said = |most| format!("{:?}", rules(&rules_of, None, most));
        assert!(said(FEW).contains("name:7 and 1 more ("), "{}", said(FEW));
        assert!(said(usize::MAX).contains("name:7, name:8"));
    }

    #[test]
    fn a_reload_reports_a_scope_that_changed() {
        let (none, own, other) = (
            of(""),
            of("[scope]\nobjects = ['@own']"),
            of("[scope]\nobjects = ['name:a']"),
        );
        for (before, after) in [(&none, &own), (&own, &none), (&own, &other)] {
            let want = "policies whose scope changed: ci.toml";
            assert_eq!(changes(before, after), [want]);
        }
        for same in [&none, &own] {
            let said = changes(same, same);
            assert!(said[0].starts_with("nothing changed: "), "{said:?}");
        }
    }
}
