//! What redaction cannot hide: operations that show the same in another way, and what cannot be redacted at all.

use super::Redaction;
use super::class::Class;
use super::shapes::shows;
use crate::docker::{Effect, Operation};
use crate::policyfile::file::Policy;

/// The operations whose replies show the inside of containers and images, which has what `inspect` hides.
pub(super) const INSIDE: &[Operation] = &[
    Operation::ContainerArchive,
    Operation::ContainerAttach,
    Operation::ContainerAttachWebsocket,
    Operation::ContainerCreate,
    Operation::ContainerExec,
    Operation::ContainerExport,
    Operation::ContainerLogs,
    Operation::ExecStart,
    Operation::Grpc,
    Operation::ImageBuild,
    Operation::ImageCommit,
    Operation::ImageGet,
    Operation::ImageGetAll,
    Operation::ImagePush,
    Operation::ServiceCreate,
    Operation::ServiceLogs,
    Operation::Session,
    Operation::TaskLogs,
];

/// The classes that the inside of containers and images shows.
const OF_INSIDE: &[Class] = &[
    Class::Commands,
    Class::ConfigData,
    Class::Env,
    Class::Mounts,
];

/// The operations whose clients send an object with everything that they have read of it, the words for that, and the
/// classes that it has. New containers are such objects only if they replace others.
const WRITTEN_BACK: &[(Operation, &str, &[Class])] = &[
    (
        Operation::ConfigUpdate,
        "configs",
        &[Class::ConfigData, Class::Labels],
    ),
    (
        Operation::ContainerCreate,
        "containers (create.replaces)",
        OF_SPECIFICATION,
    ),
    (Operation::NodeUpdate, "nodes", &[Class::Labels]),
    (
        Operation::ServiceUpdate,
        "services (ServiceUpdate)",
        OF_SPECIFICATION,
    ),
    (
        Operation::SwarmUpdate,
        "the settings of the swarm",
        &[Class::Labels, Class::SwarmTokens],
    ),
];

/// The classes that the specification of a container or service has.
const OF_SPECIFICATION: &[Class] = &[
    Class::Commands,
    Class::Env,
    Class::Labels,
    Class::Mounts,
    Class::VolumeOptions,
];

impl Redaction {
    /// What a policy allows that shows in another way what this hides.
    pub(crate) fn shown_otherwise(&self, policy: &Policy) -> Vec<String> {
        let is_inside = OF_INSIDE.iter().any(|class| self.hides(*class));
        let inside = INSIDE.iter().filter(|it| is_inside && policy.has(**it));
        let raw_paths = policy.has_raw_paths().then(|| "raw paths".to_owned());
        inside.map(ToString::to_string).chain(raw_paths).collect()
    }

    /// What a policy allows and this cannot go with, because its clients write back what they read.
    pub(crate) fn conflicts(&self, policy: &Policy) -> Vec<String> {
        let allowed = WRITTEN_BACK.iter().filter(|(operation, ..)| {
            let is_container = *operation == Operation::ContainerCreate;
            policy.has(*operation) && (!is_container || policy.blocks.create.replaces)
        });
        let conflicts = allowed.filter_map(|(operation, what, _)| {
            let class = self.written_back(*operation)?.name();
            Some(format!(
                "clients of {} write {what} back as they read them, so \"{class}\" cannot be hidden from them: leave it \
                 out of `redact`, or write redact = [] if an extended policy has it",
                policy.name
            ))
        });
        conflicts.collect()
    }

    /// The first hidden class that an operation would write back.
    pub(crate) fn written_back(&self, operation: Operation) -> Option<Class> {
        let of_operation = |row: &&(Operation, &str, &[Class])| row.0 == operation;
        let (_, _, classes) = WRITTEN_BACK.iter().find(of_operation)?;
        classes.iter().copied().find(|class| self.hides(*class))
    }
}

/// The operations through which a later policy shows a client what an earlier one hides, or the other way round, with
/// the class.
pub(crate) fn shown_by_others(policies: &[Policy]) -> Vec<String> {
    let mut shown = Vec::new();
    for class in Class::ALL {
        let hides = |policy: &&Policy| policy.redact.as_ref().is_some_and(|it| it.hides(*class));
        let Some(hiding) = policies.iter().find(hides) else {
            continue;
        };
        for (at, policy) in policies.iter().enumerate() {
            if hides(&policy) {
                continue;
            }
            // What an earlier policy allows without looking further is never asked of this one.
            let is_taken = |operation: Operation| {
                let mut before = policies.iter().take(at);
                let is_judged = operation.spec().judged.block.is_some();
                before.any(|it| hides(&it) && it.has(operation) && it.scope.is_none() && !is_judged)
            };
            let reads = Operation::ALL.iter().copied().filter(|operation| {
                let is_read = operation.spec().effect == Effect::Read;
                is_read && policy.has(*operation) && shows(*operation, *class)
            });
            let reads: Vec<_> = reads.filter(|operation| !is_taken(*operation)).collect();
            if !reads.is_empty() {
                let names: Vec<_> = reads.iter().map(ToString::to_string).collect();
                shown.push(format!(
                    "policy {} shows \"{}\" through {}, although policy {} of the same clients hides it",
                    policy.name,
                    class.name(),
                    names.join(", "),
                    hiding.name
                ));
            }
        }
    }
    shown
}
