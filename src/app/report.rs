//! The lines of the start report, of a reload's, and of `check`.

use std::sync::Arc;
use std::time::Duration;

use super::condition::{Condition, Detail, Reach, Report};
use crate::config::address::share_clients;
use crate::config::{Config, ListenAddress};
use crate::docker::operation::Spec;
use crate::docker::{ApiVersion, Body, Deed, Effect, Operation, Parameters, Reply, Upgrade};
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

/// A listener's policies with what they allow, and what is dangerous about that. `listener` names it if there are
/// several; lists show as many names as `most`.
pub(crate) fn rules(rules: &Rules, listener: Option<&ListenAddress>, most: usize) -> Vec<Detail> {
    let listener = || listener.map(ToString::to_string);
    let policies = rules.policies().iter().map(|policy| counted(rules, policy));
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
    let before = blocks(before);
    let others = blocks(after).into_iter().filter(|it| !before.contains(it));
    let others: Vec<_> = others.map(|(name, _)| name).collect();
    if more.is_empty() && less.is_empty() && others.is_empty() {
        return vec!["nothing changed: the same operations are allowed as before".to_owned()];
    }
    let changes = [
        ("newly allowed", more),
        ("no longer allowed", less),
        ("policies whose blocks changed", others),
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

/// Whether it takes a body that can make a client root.
fn has_body(operation: Operation) -> bool {
    match operation.spec().body {
        Body::Import | Body::Json(_) | Body::Tar => true,
        Body::Discarded | Body::Refused => false,
    }
}

/// What has bodies that nothing checks.
fn unchecked(rules: &Rules) -> Vec<String> {
    let operations = rules.unjudged().into_iter();
    let operations = operations.filter(|operation| has_body(*operation));
    let operations = operations.map(|operation| operation.to_string());
    let policies = rules
        .policies()
        .iter()
        .filter(|it| it.changes_by_raw_paths());
    let raw_paths = policies.map(|policy| format!("raw paths (policy {})", policy.name));
    operations.chain(raw_paths).collect()
}

/// What else is dangerous about what is allowed, with what it is about.
fn warnings(rules: &Rules) -> [(&'static str, Vec<String>); 5] {
    let named = |operation: Operation| operation.to_string();
    let unjudged = rules.unjudged().into_iter();
    let others = unjudged
        .filter(|operation| !has_body(*operation))
        .map(named);
    let policies = rules.policies().iter();
    let raw_paths = policies.filter(|policy| policy.changes_by_raw_paths());
    let raw_paths = raw_paths.map(|policy| format!("policy {}", policy.name));
    let tunnels = granted(rules, |spec| spec.reply == Reply::Hijack(Upgrade::H2c)).map(named);
    [
        (
            "clients can run code, type into containers, or move data out through",
            others.collect(),
        ),
        (
            "raw paths can stop or change Dockgate itself, because only names in their path and query are checked, not bodies, pods or prunes",
            raw_paths.collect(),
        ),
        (
            "BuildKit sessions are not checked: builds can reach services on the host's loopback, empty everyone's build cache and move any tag. In the engine's daemon.json set \"builder\": {\"entitlements\": {\"network-host\": false, \"security-insecure\": false}}",
            tunnels.collect(),
        ),
        (
            "clients get a part of the host through",
            parts_of_host(rules),
        ),
        (
            "clients can enter every ordinary container",
            entering(rules),
        ),
    ]
}

/// What clients can delete, whoever created it.
fn deleting(rules: &Rules) -> Option<Detail> {
    use Operation::{ContainerDelete, ContainerPrune, VolumeDelete, VolumePrune};
    let kinds = [
        [
            (
                ContainerDelete,
                "stop and delete any container except Dockgate's own",
            ),
            (ContainerPrune, "delete all stopped containers"),
        ],
        [
            (VolumeDelete, "delete any unused volume"),
            (VolumePrune, "delete all unused volumes"),
        ],
    ];
    let granted = |row: &&(Operation, &'static str)| rules.grants(row.0);
    let what = kinds
        .iter()
        .filter_map(|kind| Some(kind.iter().find(granted)?.1));
    let what: Vec<_> = what.collect();
    let names = kinds.as_flattened().iter().filter(granted);
    let names: Vec<_> = names.map(|(operation, _)| operation.to_string()).collect();
    let text = format!("clients can {}: {}", what.join(" and "), names.join(", "));
    (!names.is_empty()).then_some(Detail::Warning(text))
}

/// The policies with keys that give a part of the host.
fn parts_of_host(rules: &Rules) -> Vec<String> {
    let policies = rules.policies().iter().filter_map(|policy| {
        let mut keys = policy.blocks.reaching_the_host();
        if policy.blocks.create.replaces {
            // Whoever can give an image a name decides what a container is replaced with.
            let naming = granted(rules, |spec| gives_image_a_name(spec.judged.query));
            keys.extend(naming.map(|operation| format!("create.replaces with {operation}")));
        }
        (!keys.is_empty()).then(|| format!("{} ({})", policy.name, keys.join(", ")))
    });
    policies.collect()
}

/// The operations that enter containers under a policy that does not say which.
fn entering(rules: &Rules) -> Vec<String> {
    let policies = rules.policies().iter();
    let policies = policies.filter(|policy| !policy.passes_bodies);
    let entering = policies.flat_map(|policy| {
        let open = granted(rules, |spec| enters(spec.judged.deed)).filter(|it| policy.has(*it));
        open.filter_map(|operation| {
            let block = operation.spec().judged.block?;
            let (name, is_open) = (&policy.name, !policy.blocks.has(block));
            is_open.then(|| format!("{operation} ({name} has no [{}])", block.name()))
        })
    });
    entering.collect()
}

/// The allowed operations that are like this, by their names.
fn granted(rules: &Rules, is_such: fn(&Spec) -> bool) -> impl Iterator<Item = Operation> {
    let all = Operation::ALL.iter().copied();
    let such = all.filter(|operation| is_such(operation.spec()) && rules.grants(*operation));
    let mut such: Vec<_> = such.collect();
    such.sort_unstable_by_key(|operation| operation.spec().name);
    such.into_iter()
}

/// Whether a client enters a container by it, to run or to write.
fn enters(deed: Deed) -> bool {
    match deed {
        Deed::PreparesExec | Deed::Uploads => true,
        Deed::Attaches
        | Deed::Connects
        | Deed::Disconnects
        | Deed::Other
        | Deed::RunsExec
        | Deed::Starts
        | Deed::TakesAway => false,
    }
}

/// Whether it gives an image of the client's own a name.
fn gives_image_a_name(query: Parameters) -> bool {
    match query {
        Parameters::Build | Parameters::Commit | Parameters::Load | Parameters::Tag => true,
        Parameters::Archive
        | Parameters::Attach
        | Parameters::Checkpoint
        | Parameters::Fetch
        | Parameters::Free
        | Parameters::Name
        | Parameters::NoKeys
        | Parameters::Processes
        | Parameters::Push
        | Parameters::Registry
        | Parameters::Rename
        | Parameters::Rollback => false,
    }
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
