//! What the path of an operation asks for: the objects that it names.

use super::super::ask::{Known, Unsettled, exec};
use super::super::facts::Exec;
use super::super::need::{What, Within};
use super::{Needs, Obstacle, SERVICES, network};
use crate::docker::{Call, Effect, Object, Operation};

/// Reads what stands in the path. An exec that is to be started was made ready by anyone, so it is
/// looked up and judged again.
pub(super) fn read(needs: &mut Needs, call: &Call, known: &Known) -> Result<(), Obstacle> {
    let Some(object) = call.object() else {
        return Ok(());
    };
    let name = object.to_owned();
    if needs.is_for(&[Operation::ContainerExec]) {
        needs.push("the container", Within::ExecInto(name));
    } else if needs.is_for(&[Operation::PutContainerArchive]) {
        needs.push("the container", Within::ArchiveInto(name));
    } else if needs.is_for(ATTACHES) && call.query.is_true("stdin") {
        // Whoever types into a shell runs commands, as by an exec.
        needs.push("stdin of the container", Within::ExecInto(name));
    } else if needs.is_for(ATTACHES) {
        needs.push("the output of the container", Within::Watch(name));
    } else if needs.is_for(STARTS) {
        needs.push("the container", What::Start(name));
    } else if needs.is_for(&[Operation::ExecStart]) {
        started(needs, &*exec(known, object)?);
    } else if needs.is_for(&[Operation::NetworkConnect]) {
        network::join(needs, "the network", object)?;
    }
    Ok(())
}

/// Reads which container or service is reached, whatever it is called by.
pub(super) fn reach(needs: &mut Needs, call: &Call, known: &Known) -> Result<(), Unsettled> {
    let object = call.object().unwrap_or_default();
    if reaches_container(needs.operation) {
        needs.push("the container", What::Reach(object.to_owned()));
    } else if needs.is_for(SERVICES) || needs.is_for(&[Operation::ServiceDelete]) {
        needs.push("the service", What::Service(object.to_owned()));
    } else if needs.is_for(&[Operation::ExecResize, Operation::ExecStart]) {
        let container = exec(known, object)?.container.clone();
        needs.push("the exec's container", What::Reach(container));
    } else if needs.is_for(&[Operation::ImageCommit]) {
        let name = call.query.first("container").unwrap_or_default();
        needs.push(
            "container",
            What::Reach(name.trim_start_matches('/').to_owned()),
        );
    }
    Ok(())
}

/// The operations by which a client types into a container's program.
const ATTACHES: &[Operation] = &[
    Operation::ContainerAttach,
    Operation::ContainerAttachWebsocket,
];

/// The operations by which a container is put on its networks, which are found by their names then.
const STARTS: &[Operation] = &[Operation::ContainerRestart, Operation::ContainerStart];

fn started(needs: &mut Needs, exec: &Exec) {
    let container = &exec.container;
    needs.push("the exec's container", Within::ExecInto(container.clone()));
    needs.push("the exec's command", Within::Command(exec.command.clone()));
    needs.push("the exec's user", Within::ExecUser(exec.user.clone()));
    if exec.is_privileged {
        needs.push("the exec's privilege", Within::ExecPrivileged);
    }
}

/// Whether an operation does more to a container than to show its state or its output.
fn reaches_container(operation: Operation) -> bool {
    let spec = operation.spec();
    spec.effect != Effect::Read
        && operation != Operation::ContainerLogs
        && spec.objects.first() == Some(&Object::Container)
}
