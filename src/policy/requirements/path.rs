//! What the path of an operation asks for: the objects that it names.

use super::collector::{Blocked, Requirements};
use super::network;
use crate::docker::{Call, Deed, Effect, Object, Parameters, Reply, Upgrade};
use crate::policy::answers::{Answers, NeedsLookup, exec};
use crate::policy::keys::Key;
use crate::policy::objects::Exec;
use crate::policy::requirement::{Touch, What};
use crate::policy::value::Value;

/// Reads the path. Anyone can have prepared the exec that is started, so it is looked up and judged again.
pub(super) fn read(
    requirements: &mut Requirements,
    call: &Call,
    known: &Answers,
) -> Result<(), Blocked> {
    let Some(object) = call.object() else {
        return Ok(());
    };
    let name = object.to_owned();
    match requirements.judged().deed {
        Deed::PreparesExec => requirements.push("the container", Key::ExecInto.asks(name)),
        Deed::Uploads => requirements.push("the container", Key::ArchiveInto.asks(name)),
        // Typing into a shell runs commands, like an exec.
        Deed::Attaches if types(call) => {
            requirements.push("stdin of the container", Key::ExecInto.asks(name));
        }
        Deed::Attaches => requirements.push("the output of the container", Key::Watch.asks(name)),
        Deed::Starts => requirements.push("the container", Key::Start.asks(name)),
        Deed::RunsExec => started(requirements, &*exec(known, object)?),
        Deed::Connects => network::join(requirements, "the network", object)?,
        Deed::Disconnects | Deed::Other | Deed::TakesAway => {}
    }
    Ok(())
}

/// Reads which objects the request reaches, by name or by id.
pub(super) fn reach(
    requirements: &mut Requirements,
    call: &Call,
    known: &Answers,
) -> Result<(), NeedsLookup> {
    let effect = requirements.operation.spec().effect;
    // These connect or disconnect the container in the body. That container is compared with Dockgate's own, and so is
    // a network that is joined.
    let moves = matches!(
        requirements.judged().deed,
        Deed::Connects | Deed::Disconnects
    );
    for object in call.objects().filter(|_| !moves) {
        touch(requirements, effect, object, known)?;
    }
    if requirements.judged().query == Parameters::Commit {
        let name = call.query.first("container").unwrap_or_default();
        let name = name.trim_start_matches('/').to_owned();
        requirements.push("container", Touch::Object(Object::Container, name));
    }
    Ok(())
}

/// Adds an object that the path names, to be compared with Dockgate's own, unless the operation only shows metadata.
/// This depends only on columns of the table, so a new row cannot be forgotten.
fn touch(
    requirements: &mut Requirements,
    effect: Effect,
    (kind, name): (Object, &str),
    known: &Answers,
) -> Result<(), NeedsLookup> {
    if effect == Effect::Read {
        return Ok(());
    }
    let (path, kind, name) = match kind {
        Object::Container => ("the container", kind, name.to_owned()),
        Object::Exec => {
            let container = exec(known, name)?.container.clone();
            ("the exec's container", Object::Container, container)
        }
        // Copying, tagging or pushing an image does not change it.
        Object::Image if effect == Effect::Write => ("the image", kind, name.to_owned()),
        Object::Network => ("the network", kind, name.to_owned()),
        Object::Service => ("the service", kind, name.to_owned()),
        Object::Task => ("the task", kind, name.to_owned()),
        Object::Volume => ("the volume", kind, name.to_owned()),
        // A checkpoint belongs to the container that the path names before it. The others are not Dockgate's, or belong
        // to the daemon.
        Object::Checkpoint
        | Object::Config
        | Object::Image
        | Object::Node
        | Object::Plugin
        | Object::Repository
        | Object::Secret => return Ok(()),
    };
    requirements.push(path, Touch::Object(kind, name));
    Ok(())
}

/// Whether an attach reads what the client types. Below API 1.42, an attach through a websocket always does.
fn types(call: &Call) -> bool {
    call.reply() == Reply::Hijack(Upgrade::Websocket) || call.query.is_true("stdin")
}

fn started(requirements: &mut Requirements, exec: &Exec) {
    let container = exec.container.as_str();
    requirements.push("the exec's container", Key::ExecInto.asks(container));
    let command = What::Key(Key::Command, Value::Argv(exec.command.clone()));
    requirements.push("the exec's command", command);
    requirements.push("the exec's user", Key::ExecUser.asks(&*exec.user));
    if exec.is_privileged {
        requirements.push("the exec's privilege", Key::ExecPrivileged.flag());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::Operation;
    use crate::policy::answers::{Answer, Lookup};

    /// What a row with this effect adds for an object of this kind.
    fn touched(effect: Effect, kind: Object) -> Vec<What> {
        let reply = format!(
            r#"{{"ID":"x","ContainerID":"{}","ProcessConfig":{{"entrypoint":"sh"}}}}"#,
            "a".repeat(64)
        );
        let lookup = Lookup::Exec("x".to_owned());
        let answer = lookup.read(reply.as_bytes()).unwrap();
        assert!(matches!(answer, Answer::Exec(_)));
        let mut known = Answers::default();
        known.learn(lookup, answer);
        let mut requirements = Requirements {
            operation: Operation::SystemPing,
            version: None,
            object: None,
            found: Vec::new(),
        };
        touch(&mut requirements, effect, (kind, "x"), &known).unwrap();
        requirements
            .found
            .into_iter()
            .map(|requirement| requirement.what)
            .collect()
    }

    #[test]
    fn trap_1_a_row_that_nobody_thought_of_is_held_against_dockgates_own_objects() {
        for effect in Effect::ALL.iter().copied() {
            for kind in Object::ALL.iter().copied() {
                let want = match kind {
                    _ if effect == Effect::Read => None,
                    Object::Exec => Some(Touch::Object(Object::Container, "a".repeat(64))),
                    Object::Image if effect != Effect::Write => None,
                    Object::Container
                    | Object::Image
                    | Object::Network
                    | Object::Service
                    | Object::Task
                    | Object::Volume => Some(Touch::Object(kind, "x".to_owned())),
                    Object::Checkpoint
                    | Object::Config
                    | Object::Node
                    | Object::Plugin
                    | Object::Repository
                    | Object::Secret => None,
                };
                let want: Vec<_> = want.into_iter().map(What::Touch).collect();
                assert_eq!(touched(effect, kind), want, "{effect:?} {kind:?}");
            }
        }
    }
}
