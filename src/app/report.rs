//! What an operator is told of a configuration: at start, after a reload, and by `check`.

use std::sync::Arc;

use crate::docker::operation::Spec;
use crate::docker::{ApiVersion, Body, Deed, Effect, Operation, Parameters, Reply, Upgrade};
use crate::policy::Rules;
use crate::policyfile::Policy;
use crate::proxy::daemon::Daemon;
use crate::proxy::daemon_state::DaemonState;

/// What holds on a listener: its policies with what they grant, and what is dangerous about that.
pub(crate) fn rules(rules: &Rules) -> Vec<String> {
    let policies = rules.policies().iter().map(|policy| counted(rules, policy));
    let mut warnings = warnings(rules);
    if rules.is_observed {
        let open = "the gate is open: what the policies refuse is forwarded, to be learned from; to close it take `observe` out";
        warnings.insert(0, open.to_owned());
    }
    let warnings = warnings.iter().map(|line| format!("warning: {line}"));
    policies.chain(warnings).collect()
}

/// What other rules change.
pub(crate) fn changes(before: &Rules, after: &Rules) -> Vec<String> {
    let granted = |here: &Rules, there: &Rules| {
        let operations = Operation::ALL.iter().copied();
        let operations = operations.filter(|it| here.grants(*it) && !there.grants(*it));
        operations.map(|it| it.to_string()).collect::<Vec<_>>()
    };
    let (more, less) = (granted(after, before), granted(before, after));
    // A policy's blocks stand in what is derived of them as they were read.
    let blocks = |rules: &Rules| {
        let policies = rules.policies().iter();
        let told = policies.map(|policy| (policy.name.to_string(), format!("{:?}", policy.blocks)));
        told.collect::<Vec<_>>()
    };
    let before = blocks(before);
    let changed = blocks(after)
        .into_iter()
        .filter(|told| !before.contains(told));
    let changed: Vec<_> = changed.map(|(name, _)| name).collect();
    if more.is_empty() && less.is_empty() && changed.is_empty() {
        return vec!["the same is granted as before".to_owned()];
    }
    let told = [
        ("granted from now on", more),
        ("granted no more", less),
        ("other blocks than before", changed),
    ];
    let told = told.iter().filter(|(_, names)| !names.is_empty());
    told.map(|(head, names)| format!("{head}: {}", names.join(", ")))
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
    let mut counts: Vec<_> = counts.collect();
    if policy.has_raw_paths() {
        counts.push("raw paths".to_owned());
    }
    let granted = if counts.is_empty() {
        "nothing".to_owned()
    } else {
        counts.join(", ")
    };
    format!("policy {} grants {granted}", policy.name)
}

/// What is dangerous about what is granted, each operation by its name.
fn warnings(rules: &Rules) -> Vec<String> {
    let (bodies, others): (Vec<_>, Vec<_>) =
        rules
            .unjudged()
            .into_iter()
            .partition(|operation| match operation.spec().body {
                Body::Import | Body::Json(_) | Body::Tar => true,
                Body::Discarded | Body::Refused => false,
            });
    let named = |operations: Vec<Operation>| operations.iter().map(ToString::to_string).collect();
    let kinds: [(&str, Vec<String>); 2] = [
        (
            "root on the host, as nothing judges what they ask for",
            named(bodies),
        ),
        (
            "can run code, type into containers, or move data out",
            named(others),
        ),
    ];
    let reaching = rules.policies().iter().filter_map(|policy| {
        let mut keys = policy.blocks.reaching_the_host();
        if policy.blocks.create.replaces {
            // Whoever can give an image a name decides what takes the place of a container.
            let naming = granted(rules, |spec| gives_image_a_name(spec.judged.query));
            keys.extend(naming.map(|operation| format!("create.replaces with {operation}")));
        }
        (!keys.is_empty()).then(|| format!("{} ({})", policy.name, keys.join(", ")))
    });
    let policies = rules.policies().iter();
    let entering = policies.filter(|policy| !policy.passes_bodies);
    let entering = entering.flat_map(|policy| {
        let open = granted(rules, |spec| enters(spec.judged.deed)).filter(|it| policy.has(*it));
        open.filter_map(|operation| {
            let block = operation.spec().judged.block?;
            let (name, is_open) = (&policy.name, !policy.blocks.has(block));
            is_open.then(|| format!("{operation} ({name} has no [{}])", block.name()))
        })
    });
    let kinds = kinds.into_iter().chain(unread(rules)).chain([
        ("gives a part of the host", reaching.collect()),
        ("enters any ordinary container", entering.collect()),
    ]);
    let kinds = kinds.filter(|(_, names)| !names.is_empty());
    let kinds = kinds.map(|(what, names)| format!("{what}: {}", names.join(", ")));
    let displaced = rules.policies().iter().flat_map(Policy::displaced);
    kinds.chain(displaced).collect()
}

/// What is allowed and not checked: the policies, or the operations.
fn unread(rules: &Rules) -> [(&'static str, Vec<String>); 3] {
    let of = |has: fn(&Policy) -> bool| {
        let policies = rules.policies().iter().filter(|policy| has(policy));
        policies.map(|policy| policy.name.to_string()).collect()
    };
    let tunnels = granted(rules, |spec| spec.reply == Reply::Hijack(Upgrade::H2c));
    [
        (
            "raw paths pass their bodies unjudged, which can be root on the host, by the policy",
            of(Policy::has_raw_paths),
        ),
        (
            "raw paths can stop or change dockgate itself: only names in their path and query are checked, not their bodies, pods or prunes, by the policy",
            of(Policy::changes_by_raw_paths),
        ),
        (
            "BuildKit sessions are not checked: builds can reach services on the host's loopback, empty everyone's build cache and move any tag; in the engine's daemon.json set \"builder\": {\"entitlements\": {\"network-host\": false, \"security-insecure\": false}}",
            tunnels.map(|operation| operation.to_string()).collect(),
        ),
    ]
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

/// What the daemon says of itself, if it answers, and whether Dockgate's own container was found.
pub(crate) async fn engine(
    daemon: &Arc<Daemon>,
    daemon_state: &DaemonState,
    lifts_api_version: bool,
) -> Vec<String> {
    let address = &daemon.address;
    let (said, too_old) = match daemon_state.engine(daemon).await {
        Ok(engine) => (
            format!("daemon at {address}: {engine}"),
            too_old(engine.least_api_version(), lifts_api_version),
        ),
        Err(denial) => {
            let why = denial.message;
            return vec![format!(
                "warning: daemon at {address}: requests get 502 until it answers: {why}"
            )];
        }
    };
    let own = daemon_state
        .own(daemon)
        .await
        .map(|own| own.map(|own| own.id.as_str()));
    let found = match own {
        Ok(Some(id)) => Some(format!(
            "own container: {id}; requests that name it are refused"
        )),
        Ok(None) if !daemon_state.candidates.is_contained => None,
        Ok(None) => Some(format!("warning: {UNFOUND}")),
        Err(denial) => Some(format!("warning: {UNFOUND}: {}", denial.message)),
    };
    [Some(said), too_old, found].into_iter().flatten().collect()
}

/// What becomes of requests under an older API version than the daemon takes, if it refuses any that
/// Dockgate takes.
fn too_old(least: Option<ApiVersion>, lifts: bool) -> Option<String> {
    let least = least.filter(|least| *least > ApiVersion::LEAST)?;
    Some(if lifts {
        format!(
            "requests under an API version below {least} are judged and sent under {least} (lift_api_version)"
        )
    } else {
        format!(
            "the daemon answers 400 to clients that use an API version below {least}; to let them in, set \
             lift_api_version = true"
        )
    })
}

const UNFOUND: &str =
    "the daemon does not know the container that dockgate runs in, so that a policy can reach it";
