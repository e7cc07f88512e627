//! The columns of the table of keys, besides a key's type, default and documentation.
//!
//! No column has a default: whoever adds a key must decide.

use crate::docker::judged::Judged;
use crate::docker::{Block, Deed, Document, Parameters};
use crate::policy::value::Shape;

/// One way to ask for what a key allows.
#[derive(Debug)]
pub(crate) struct Row {
    /// The key with its block, such as `create.env.allow`.
    pub(crate) name: &'static str,
    pub(crate) shape: fn() -> Shape,
    /// The entry that allows a recorded value and nothing else, if there is one.
    pub(crate) literal: fn(&str) -> Option<String>,
    pub(crate) check: Check,
    pub(crate) record: Record,
    pub(crate) reaches: Reaches,
    pub(crate) host: Host,
    pub(crate) without: Without,
}

/// How a key is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Only by the key's value.
    Value,
    /// A container, checked by the key's selectors.
    Container,
    /// A container that the client enters: checked like `Container`, and it must be an ordinary one.
    Entered,
    /// A label, which can be one of Dockgate's.
    Label,
    /// A network, checked by its name or by whether it belongs to the policy.
    Network,
    /// A project, checked by its name or by what is in it.
    Project,
    /// An image that is pushed, checked by the key if the policy allows pushes.
    Push,
    /// A runtime, allowed by the key or because it is the daemon's default.
    Runtime,
    /// A container that is started, checked by the networks that it is on.
    Start,
    /// A new name of an image, checked by itself or by the image that has it.
    Tag,
    /// A volume, checked by its name, by whether it belongs to the policy, and by how it was created.
    Volume,
}

/// How much of a value is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    Whole,
    /// Without the parts that can be secret.
    Shortened,
    /// Only its name.
    Name,
    Never,
}

/// How a value can reach Dockgate itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaches {
    Nothing,
    /// The network of a build's step, which can be a container's.
    BuildNetwork,
    Container,
    /// A container that the new one joins.
    Join,
    Network,
    /// A path of the host.
    Path,
    /// A path of the host, anywhere in a driver's option.
    PathInOption,
    /// A container that is started, and its networks.
    Start,
    Tag,
    Volume,
}

/// Which values of a key give a container or a process a part of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Never,
    Always,
    /// The host's network.
    Network,
    /// Some directories of the host.
    Directories,
}

/// Whether something is allowed without the key. Then `learn` writes the key even if no request asked for it: an empty
/// list if all requests of these operations did without.
pub(crate) type Without = Option<fn(Judged) -> bool>;

/// Without the key, nothing is allowed.
pub(super) const NOTHING: Without = None;
pub(super) const UPLOADS: Without = Some(|judged| judged.deed == Deed::Uploads);
pub(super) const CONTAINERS: Without = Some(makes_containers);
pub(super) const PROCESSES: Without = Some(runs_programs);
pub(super) const PULLS: Without = Some(|judged| judged.query == Parameters::Fetch);
pub(super) const PUSHES: Without = Some(|judged| judged.query == Parameters::Push);
/// New and own names are allowed without the key.
pub(super) const TAGS: Without = Some(|_| false);
pub(super) const JOINS: Without =
    Some(|judged| matches!(judged.deed, Deed::Connects | Deed::Disconnects));
/// `learn` does not write variables, so it need not write an empty list either.
pub(super) const VARIABLES: Without = None;

pub(crate) fn makes_containers(judged: Judged) -> bool {
    judged
        .body
        .is_some_and(|body| body == Document::Container || body.is_service())
}

/// Whether an operation runs programs in containers.
pub(crate) fn runs_programs(judged: Judged) -> bool {
    judged.block == Some(Block::Exec)
}
