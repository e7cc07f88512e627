//! What the table of keys says of each key besides its type, its default and its documentation.
//!
//! None of these lists has a default, so that whoever adds a key must decide.

use crate::docker::judged::Judged;
use crate::docker::{Block, Deed, Document, Parameters};
use crate::policy::value::Shape;

/// What is asked for of one key of a policy, in one way.
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
    /// By the key alone.
    Value,
    /// A container, by the key's selectors.
    Container,
    /// The same of one that is entered, and that must be an ordinary one.
    Entered,
    /// A label, which may be one of Dockgate's.
    Label,
    /// A network, by its name or by what it is to the policy.
    Network,
    /// A project, by its name or by what is in it.
    Project,
    /// An image that is pushed, by the key where the policy allows pushes.
    Push,
    /// A runtime, by the key or because it is the daemon's default.
    Runtime,
    /// A container that is started, by the networks that it is on.
    Start,
    /// A name of an image, by itself or by what has it.
    Tag,
    /// A volume, by its name, by what it is to the policy and by how it was made.
    Volume,
}

/// How much of a value is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    Whole,
    /// Not the parts of it that may be secret, if it has any.
    Shortened,
    /// Its name.
    Name,
    Never,
}

/// What of Dockgate itself a value can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaches {
    Nothing,
    /// The network of a step of a build, which may be that of a container.
    BuildNetwork,
    Container,
    /// A container that is joined.
    Join,
    Network,
    /// A path of the host.
    Path,
    /// A path of the host, anywhere in the option of a driver.
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
    /// The network of the host.
    Network,
    /// Some directories.
    Directories,
}

/// What is allowed without a key: nothing, or something. Each request of which this is judged is then checked against
/// the key, so that an empty list allows what all of them did without.
pub(crate) type Without = Option<fn(Judged) -> bool>;

/// Without the key nothing is allowed.
pub(super) const NOTHING: Without = None;
pub(super) const UPLOADS: Without = Some(|judged| judged.deed == Deed::Uploads);
pub(super) const CONTAINERS: Without = Some(makes_containers);
pub(super) const PROCESSES: Without = Some(runs_programs);
pub(super) const PULLS: Without = Some(|judged| judged.query == Parameters::Fetch);
pub(super) const PUSHES: Without = Some(|judged| judged.query == Parameters::Push);
/// Names that are new or own.
pub(super) const TAGS: Without = Some(|_| false);
pub(super) const JOINS: Without =
    Some(|judged| matches!(judged.deed, Deed::Connects | Deed::Disconnects));
/// Variables are not learned, so that nothing is said of those that nobody asked for.
pub(super) const VARIABLES: Without = None;

/// Whether an operation makes containers.
pub(crate) fn makes_containers(judged: Judged) -> bool {
    judged
        .body
        .is_some_and(|body| body == Document::Container || body.is_service())
}

/// Whether an operation runs programs in containers.
pub(crate) fn runs_programs(judged: Judged) -> bool {
    judged.block == Some(Block::Exec)
}
