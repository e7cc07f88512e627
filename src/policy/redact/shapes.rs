//! The replies that are redacted: how each is split, and which classes of values it has.

use super::class::Class;
use super::keys::Key;
use crate::docker::Operation;
use crate::docker::json::elements::Place;

/// How the reply to an operation is split, and what its elements are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) place: Place,
    pub(super) root: Key,
    /// The classes that it is known to have. All of them are hidden, whatever this says: it is for people.
    classes: &'static [Class],
}

const LIST: Place = Place::List;
const STREAM: Place = Place::Values;
const VOLUMES: Place = Place::Members(&["Volumes"]);
const WHOLE: Place = Place::Whole;

macro_rules! shapes {
    ($($operation:ident: $place:ident $root:ident [$($class:ident)*];)+) => {
        const SHAPES: &[(Operation, Shape)] = &[$((
            Operation::$operation,
            Shape { place: $place, root: Key::$root, classes: &[$(Class::$class),*] },
        )),+];
    };
}

shapes! {
    ConfigInspect: WHOLE Other [ConfigData Labels];
    ConfigList: LIST Other [ConfigData Labels];
    ContainerInspect: WHOLE Container [Commands Env Host Labels Mounts VolumeOptions];
    ContainerList: LIST Other [Commands Labels Mounts];
    ContainerTop: WHOLE Top [Commands Env];
    ContainerWait: WHOLE Other [];
    DistributionInspect: WHOLE Other [];
    ExecInspect: WHOLE Other [Commands];
    GetPluginPrivileges: WHOLE Other [];
    ImageAttestations: WHOLE Other [Commands Env];
    ImageHistory: LIST Other [Commands];
    ImageInspect: WHOLE Other [Commands Env Labels];
    ImageList: LIST Other [Labels];
    NetworkInspect: WHOLE Other [Labels VolumeOptions];
    NetworkList: LIST Other [Labels VolumeOptions];
    NodeInspect: WHOLE Other [Host Labels SwarmTokens];
    NodeList: LIST Other [Host Labels SwarmTokens];
    PluginInspect: WHOLE Other [Commands Env Mounts];
    PluginList: LIST Other [Commands Env Mounts];
    SecretInspect: WHOLE Other [Labels];
    SecretList: LIST Other [Labels];
    ServiceInspect: WHOLE Other [Commands Env Labels Mounts VolumeOptions];
    ServiceList: LIST Other [Commands Env Labels Mounts VolumeOptions];
    SwarmInspect: WHOLE Other [Labels SwarmTokens];
    SwarmUnlockkey: WHOLE Other [SwarmTokens];
    SystemDataUsage: WHOLE Other [Commands Labels Mounts VolumeOptions];
    SystemEvents: STREAM Event [Commands Host Labels];
    SystemInfo: WHOLE Info [Host Labels SwarmTokens];
    SystemVersion: WHOLE Other [Host];
    TaskInspect: WHOLE Other [Commands Env Labels Mounts VolumeOptions];
    TaskList: LIST Other [Commands Env Labels Mounts VolumeOptions];
    VolumeCreate: WHOLE Volumes [Labels Mounts VolumeOptions];
    VolumeInspect: WHOLE Volumes [Labels Mounts VolumeOptions];
    VolumeList: VOLUMES Volumes [Labels Mounts VolumeOptions];
}

/// The shape of an operation's reply, if a class can hide something in it.
pub(super) fn shape(operation: Operation) -> Option<Shape> {
    let found = SHAPES.iter().find(|(of, _)| *of == operation);
    found.map(|(_, shape)| *shape)
}

/// Whether the reply to an operation has values of a class.
pub(super) fn shows(operation: Operation, class: Class) -> bool {
    shape(operation).is_some_and(|shape| shape.classes.contains(&class))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::{Effect, Reply};
    use crate::policy::redact::shown::INSIDE;

    /// Operations whose replies have none of the classes.
    const NOTHING: &[Operation] = &[
        Operation::BuildCancel,
        Operation::ContainerArchiveInfo,
        Operation::ContainerChanges,
        Operation::ContainerCheckpointList,
        Operation::ContainerStats,
        Operation::ImageSearch,
        Operation::SystemPing,
    ];

    #[test]
    fn every_operation_that_shows_something_is_redacted_or_reported() {
        for operation in Operation::ALL {
            let spec = operation.spec();
            let is_read = matches!(spec.effect, Effect::Content | Effect::Read);
            let is_plain = !matches!(spec.reply, Reply::Hijack(_));
            let is_known = [
                shape(*operation).is_some(),
                INSIDE.contains(operation),
                NOTHING.contains(operation),
            ];
            let known = is_known.iter().filter(|is_known| **is_known).count();
            if is_read && is_plain {
                assert_eq!(known, 1, "{operation}: decide in which list it belongs");
            }
            assert!(known <= 1, "{operation}");
        }
    }

    #[test]
    fn every_class_is_somewhere() {
        for class in Class::ALL {
            assert!(SHAPES.iter().any(|(it, _)| shows(*it, *class)), "{class:?}");
        }
    }
}
