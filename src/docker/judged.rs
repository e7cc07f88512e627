//! What of a request a policy decides about, beyond whether the operation is allowed.
//!
//! The table says it of each operation in one column, so that no rule keeps a list of operations. The rules match on
//! these closed lists, and a new entry of one makes each of them decide.

use super::closed::closed;

/// What of an operation's requests is judged.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    pub(crate) block: Option<Block>,
    pub(crate) deed: Deed,
    pub(crate) query: Parameters,
    pub(crate) body: Option<Document>,
}

closed! {
    /// A table of a policy that restricts operations.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    Block, by name {
        /// Where files are put.
        Archive = "archive",
        /// What a build may have.
        Build = "build",
        /// What a container may have.
        Create = "create",
        /// What may run in containers.
        Exec = "exec",
        /// Which images may be fetched, named and sent away.
        Images = "images",
        /// What networks may be made, and who may be put on them.
        Networks = "networks",
        /// What volumes may be made.
        Volumes = "volumes",
    }
}

/// What an operation does to the object that its path names, as far as rules tell it from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Lets the client type into a container, or watch it.
    Attaches,
    Connects,
    Disconnects,
    /// What every other does: its effect says enough.
    Other,
    /// Makes a command ready in the container.
    PreparesExec,
    RunsExec,
    /// Puts the container on its networks, which are found by their names then.
    Starts,
    /// Ends the container's life, or takes its name from it.
    TakesAway,
    Uploads,
}

/// What an operation's query decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parameters {
    /// Where files are written.
    Archive,
    /// Whether the client types.
    Attach,
    Build,
    /// The state that a container starts from.
    Checkpoint,
    /// The container that an image is made of, and the image's name.
    Commit,
    /// Which image is fetched or imported, and its name.
    Fetch,
    /// Nothing that a rule is about.
    Free,
    /// Nothing, as the names of the images are in the tar.
    Load,
    Name,
    /// Nothing, and no key is sent on: with one of Podman's a network's containers are deleted with it.
    NoKeys,
    Processes,
    /// Which tag of an image is sent away.
    Push,
    Registry,
    Rename,
    /// Whether a service goes back to what it was.
    Rollback,
    Tag,
}

/// Which keys of a query name what is made, renamed or tagged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// `name` names a container.
    Container,
    /// None does.
    None,
    /// `repo` and `tag` name an image.
    Repository,
    /// Each `t` names an image.
    Tags,
}

/// What a JSON body describes that is judged field by field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    Container,
    ContainerUpdate,
    /// A container and its place on a network.
    Endpoint,
    Exec,
    ExecStart,
    /// What an image says of the containers that are made of it.
    ImageConfig,
    /// A container that leaves a network.
    Leaving,
    Network,
    Service,
    /// All that a service is from then on.
    ServiceUpdate,
    Volume,
    /// Who may use a volume of the swarm.
    VolumeUpdate,
}

/// The operation is allowed or denied as a whole.
pub(super) const WHOLE: Judged = Judged {
    block: None,
    deed: Deed::Other,
    query: Parameters::Free,
    body: None,
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
    /// Which keys name what is made, renamed or tagged.
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
            Self::Container
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
