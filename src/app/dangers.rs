//! What is dangerous about what a listener's policies allow.

use super::condition::Detail;
use crate::docker::operation::Spec;
use crate::docker::{Body, Deed, Operation, Parameters, Reply, Upgrade};
use crate::policy::Rules;

/// Whether it takes a body that can make a client root.
fn has_body(operation: Operation) -> bool {
    match operation.spec().body {
        Body::Import | Body::Json(_) | Body::Tar => true,
        Body::Discarded | Body::Refused => false,
    }
}

/// What has bodies that nothing checks.
pub(super) fn unchecked(rules: &Rules) -> Vec<String> {
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
pub(super) fn warnings(rules: &Rules) -> [(&'static str, Vec<String>); 7] {
    let named = |operation: Operation| operation.to_string();
    let bodiless = |is_such: fn(&Spec) -> bool| {
        let unjudged = rules.unjudged().into_iter();
        let such = unjudged.filter(|it| !has_body(*it) && is_such(it.spec()));
        such.map(named).collect::<Vec<_>>()
    };
    let policies = rules.policies().iter();
    let raw_paths = policies.filter(|policy| policy.changes_by_raw_paths());
    let raw_paths = raw_paths.map(|policy| format!("policy {}", policy.name));
    let tunnels = granted(rules, is_tunnel).map(named);
    [
        (
            "clients can read the output of containers and type into them through",
            bodiless(attaches),
        ),
        (
            "clients can push any image, or give it another name, through",
            bodiless(|spec| spec.section == "images"),
        ),
        (
            "clients can change the host itself through",
            bodiless(|spec| spec.section != "images" && !attaches(spec) && !is_tunnel(spec)),
        ),
        (
            "raw paths can stop or change Dockgate itself, because only names in their path and query are checked, not bodies, pods or prunes",
            raw_paths.collect(),
        ),
        (
            "BuildKit sessions are not checked: builds can empty everyone's build cache, move any tag and, unless the engine's daemon.json has \"builder\": {\"entitlements\": {\"network-host\": false, \"security-insecure\": false}}, reach services on the host's loopback",
            tunnels.collect(),
        ),
        (
            "clients can reach parts of the host through",
            parts_of_host(rules),
        ),
        (
            "clients can enter every ordinary container",
            entering(rules),
        ),
    ]
}

/// What clients can delete, whoever created it.
pub(super) fn deleting(rules: &Rules) -> Option<Detail> {
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
    let granted = |row: &&(Operation, &'static str)| rules.grants_unscoped(row.0);
    let what = kinds
        .iter()
        .filter_map(|kind| Some(kind.iter().find(granted)?.1));
    let what: Vec<_> = what.collect();
    let names = kinds.as_flattened().iter().filter(granted);
    let names: Vec<_> = names.map(|(operation, _)| operation.to_string()).collect();
    let text = format!("clients can {}: {}", what.join(", and "), names.join(", "));
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

/// Whether a client can type into a container by it, without preparing a command.
fn attaches(spec: &Spec) -> bool {
    spec.judged.deed == Deed::Attaches
}

/// Whether it opens a tunnel to the builder.
fn is_tunnel(spec: &Spec) -> bool {
    spec.reply == Reply::Hijack(Upgrade::H2c)
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
