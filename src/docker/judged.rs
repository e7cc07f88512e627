//! What a policy checks in a request, besides whether the operation is allowed.
//!
//! One column of the table says this for each operation, so that no rule needs a list of operations. Rules match
//! on these closed lists, so the compiler requires a decision for each new entry.

use super::closed::closed;
use super::operation::Object;

/// What is checked in an operation's requests.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    pub(crate) block: Option<Block>,
    pub(crate) deed: Deed,
    pub(crate) query: Parameters,
    pub(crate) body: Option<Document>,
    pub(crate) shows: Shows,
}

closed! {
    /// A table of a policy that restricts operations.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    Block, by name {
        /// Which paths files may be written to.
        Archive = "archive",
        /// What a build may use.
        Build = "build",
        /// What a container may have.
        Create = "create",
        /// What may run in containers.
        Exec = "exec",
        /// Which images may be pulled, tagged and pushed.
        Images = "images",
        /// Which networks may be created, and which containers may join them.
        Networks = "networks",
        /// Which volumes may be created.
        Volumes = "volumes",
    }
}

/// What an operation does to the object in its path, as far as rules need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Lets the client type into a container, or read its output.
    Attaches,
    Connects,
    Disconnects,
    /// Anything else: the operation's effect says enough.
    Other,
    /// Prepares a command in the container.
    PreparesExec,
    RunsExec,
    /// Puts the container on its networks, which are looked up by name at that time.
    Starts,
    /// Stops or deletes the container, or changes its name.
    TakesAway,
    Uploads,
}

/// Which objects an operation's reply shows, or its effect reaches, besides what its path names. A policy's scope
/// depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    /// How many containers there are.
    Counts,
    /// What happens to all objects.
    Events,
    /// All objects of this kind.
    List(Object),
    /// The containers on a network.
    Members,
    /// Only what its path names, if a scope knows such objects; without a path, it is beyond any scope.
    Named,
    /// No object that another client has: what it creates, or what all clients share.
    Nothing,
    /// Deletes all objects of this kind that nothing uses.
    Unused(Object),
    /// How much space all objects use.
    Usage,
}

/// What an operation's query decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parameters {
    /// Where files are written.
    Archive,
    /// Whether the client can type.
    Attach,
    Build,
    /// The checkpoint that a container starts from.
    Checkpoint,
    /// The container that an image is made from, and the image's name.
    Commit,
    /// Which image is pulled or imported, and its name.
    Fetch,
    /// Nothing that a rule checks.
    Free,
    /// Nothing, because the images' names are in the tar.
    Load,
    Name,
    /// Nothing, and no key is sent on: one of Podman's keys also deletes a network's containers.
    NoKeys,
    Processes,
    /// Which tag of an image is pushed.
    Push,
    Registry,
    Rename,
    /// Whether a service is rolled back.
    Rollback,
    Tag,
}

/// Which query keys have the new name of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// `name` names a container.
    Container,
    /// No key has a name.
    None,
    /// `repo` and `tag` name an image.
    Repository,
    /// Each `t` names an image.
    Tags,
}

/// The type of a JSON body whose fields are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// A config or a secret of the swarm.
    ConfigOrSecret,
    Container,
    ContainerUpdate,
    /// A container and its endpoint on a network.
    Endpoint,
    Exec,
    ExecStart,
    /// The config of an image, which containers made from it start with.
    ImageConfig,
    /// A container that leaves a network.
    Leaving,
    Network,
    Service,
    /// The complete service, as it will be from then on.
    ServiceUpdate,
    Volume,
    /// Who may use a cluster volume.
    VolumeUpdate,
}

/// The operation is allowed or denied as a whole.
pub(super) const WHOLE: Judged = Judged {
    block: None,
    deed: Deed::Other,
    query: Parameters::Free,
    body: None,
    shows: Shows::Named,
};

/// This block restricts the operation.
pub(super) const fn by(block: Block) -> Judged {
    Judged {
        block: Some(block),
        ..WHOLE
    }
}

impl Judged {
    pub(super) const fn does(self, deed: Deed) -> Self {
        Self { deed, ..self }
    }

    pub(super) const fn shows(self, shows: Shows) -> Self {
        Self { shows, ..self }
    }

    pub(super) const fn query(self, query: Parameters) -> Self {
        Self { query, ..self }
    }

    pub(super) const fn body(self, body: Document) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }
}

impl Parameters {
    /// Which query keys have the new name of an object.
    pub(crate) fn naming(self) -> Naming {
        match self {
            Self::Build => Naming::Tags,
            Self::Commit | Self::Fetch | Self::Tag => Naming::Repository,
            Self::Name | Self::Rename => Naming::Container,
            Self::Archive
            | Self::Attach
            | Self::Checkpoint
            | Self::Free
            | Self::Load
            | Self::NoKeys
            | Self::Processes
            | Self::Push
            | Self::Registry
            | Self::Rollback => Naming::None,
        }
    }
}

impl Document {
    /// Whether it describes a service.
    pub(crate) fn is_service(self) -> bool {
        matches!(self, Self::Service | Self::ServiceUpdate)
    }

    /// Whether it has the labels of an object other than an image.
    pub(crate) fn has_labels(self) -> bool {
        match self {
            Self::ConfigOrSecret
            | Self::Container
            | Self::Network
            | Self::Service
            | Self::ServiceUpdate
            | Self::Volume => true,
            Self::ContainerUpdate
            | Self::Endpoint
            | Self::Exec
            | Self::ExecStart
            | Self::ImageConfig
            | Self::Leaving
            | Self::VolumeUpdate => false,
        }
    }
}
