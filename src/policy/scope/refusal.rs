//! The messages of denials by a scope. None of them says whether an object exists that the client cannot see.

use super::images::is_of_every_tag;
use crate::docker::json::{quoted, shortened};
use crate::docker::{Call, Operation};
use crate::policy::names::READS_AS_ID;
use crate::policy::reason::{Denial, Reason};
use crate::policy::refusal::entry;
use crate::policy::requirements::is_by_buildkit;

/// The record's reason for a request about an object that does not exist for the client. The client gets the daemon's
/// answer for one that does not exist.
pub(crate) fn hidden(call: &Call) -> Denial {
    let message = format!(
        "{}: the object is not in [scope], or does not exist",
        entry(call)
    );
    Denial::new(Reason::OutOfScope, message)
}

/// The denial of an operation that no scope can limit.
pub(crate) fn beyond_scope(call: &Call) -> Denial {
    let message = format!(
        "{} is not allowed beside [scope], because it is about more than what is in scope",
        entry(call)
    );
    Denial::new(Reason::Restricted, message)
}

/// The denial of changing what may only be seen and used.
pub(crate) fn only_seen(call: &Call, name: &str) -> Denial {
    let selector = quoted(&format!("name:{}", shortened(name)));
    let name = quoted(shortened(name));
    let message = format!(
        "{}: {name} is in scope.see, so it may be seen and used, but not changed; to allow it, add {selector} to \
         scope.objects",
        entry(call)
    );
    Denial::new(Reason::Restricted, message)
}

/// The denial of a name that an object has which does not exist for the client.
pub(crate) fn name_taken(call: &Call, kind: &str, name: &str) -> Denial {
    let name = quoted(shortened(name));
    let message = format!(
        "{}: the {kind} name {name} is taken: choose another one",
        entry(call)
    );
    Denial::new(Reason::NameTaken, message)
}

/// The denial of a name for a new object that looks like an id.
pub(crate) fn named_like_id(call: &Call, name: &str) -> Denial {
    let message = format!("{}: {} {READS_AS_ID}", entry(call), quoted(shortened(name)));
    Denial::new(Reason::Restricted, message)
}

/// The denial of a name for a new object that `scope.names` does not have.
pub(crate) fn not_named_so(call: &Call, name: &str) -> Denial {
    let message = format!(
        "{}: the name {} is not in scope.names: choose another name, or add it there",
        entry(call),
        quoted(shortened(name))
    );
    Denial::new(Reason::Restricted, message)
}

/// The denial of a volume that a service would find by a name that anybody can give.
pub(crate) fn volume_of_service(call: &Call, name: &str) -> Denial {
    let message = format!(
        "{}: a service looks for its volumes by name each time a task starts, so the name {} must be in scope.names, or \
         the volume in scope.see",
        entry(call),
        quoted(shortened(name))
    );
    Denial::new(Reason::Restricted, message)
}

/// The denial of a rollback to a state that is not in scope.
pub(crate) fn rolled_back(call: &Call) -> Denial {
    let message = format!(
        "{}: the service's earlier state is not in scope: update the service instead",
        entry(call)
    );
    Denial::new(Reason::Restricted, message)
}

/// The denial of a label that would put a new object out of scope.
pub(crate) fn labelled_out(call: &Call, key: &str, value: &str) -> Denial {
    let (key, value) = (quoted(shortened(key)), quoted(shortened(value)));
    let message = format!(
        "{}: the label {key} must have the value {value}, because [scope] selects by it: send that, or leave the label out",
        entry(call)
    );
    Denial::new(Reason::Restricted, message)
}

/// The denial of a new object that would not be in scope.
pub(crate) fn not_in_scope(call: &Call, objects: &str) -> Denial {
    let message = format!(
        "{}: the object would not be in scope, because scope.objects is {objects}: give it such a name or label, or \
         add \"@own\" there",
        entry(call)
    );
    Denial::new(Reason::Restricted, message)
}

/// The denial of deleting unused objects that labels do not tell from others.
pub(crate) fn not_by_labels(call: &Call) -> Denial {
    let message = format!(
        "{} deletes only what labels select: it needs valid filters, and scope.objects with one entry, \"@own\" or \
         \"label:...\"",
        entry(call)
    );
    Denial::new(Reason::Restricted, message)
}

/// The denial of pushing a repository with all its tags, which others can have given.
pub(crate) fn pushes_every_tag(call: &Call) -> Denial {
    let message = format!(
        "{}: push one tag at a time, as in `docker push NAME:TAG`",
        entry(call)
    );
    Denial::new(Reason::Restricted, message)
}

/// The denial of changing an image that others use too.
pub(crate) fn shared_image(call: &Call, name: &str) -> Denial {
    let name = quoted(shortened(name));
    let message = format!(
        "{}: {name} is not an image that this client built or tagged, so it may be used, but not changed; to allow any \
         image, write images = \"any\" in [scope]",
        entry(call)
    );
    Denial::new(Reason::Restricted, message)
}

/// The denial of a request that reaches images which Dockgate cannot tell from others, if it is one.
pub(crate) fn unlimited_images(call: &Call) -> Option<Denial> {
    let names = call.query.pairs().filter(|(key, _)| *key == "names");
    let mut saved = names.map(|(_, name)| name).chain(call.object());
    let operation = call.operation()?;
    let is_save = matches!(operation, Operation::ImageGet | Operation::ImageGetAll);
    let problem = if operation == Operation::ImageBuild && is_by_buildkit(call) {
        "BuildKit can use images that are not in scope: build with DOCKER_BUILDKIT=0"
    } else if is_save && saved.any(is_of_every_tag) {
        "save one tag at a time, as in `docker save NAME:TAG`"
    } else {
        return None;
    };
    let message = format!("{}: {problem}", entry(call));
    Some(Denial::new(Reason::Restricted, message))
}

/// The denial of a list whose filters could be read in two ways.
pub(crate) fn unclear_filters(call: &Call) -> Denial {
    let message = format!(
        "{}: `filters` must be one JSON object, with each key once and values of one form: {{\"label\":[\"a=b\"]}}",
        entry(call)
    );
    Denial::new(Reason::BadQuery, message)
}
