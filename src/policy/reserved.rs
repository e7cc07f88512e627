//! What tells clients apart: no request may create it, take it or change it, whatever a policy says.
//!
//! A client can be identified by its container's name, labels or Compose service, by the network on which it connects,
//! or by its address. Whoever could give these to a container of its own would get that client's rights. A replacement
//! keeps what the old container had, so that updaters can update clients.
//!
//! The labels of an image are not known before a container is created from it, so a new container gets an explicit
//! value for each label that tells clients apart: that wins over the image's.

mod addresses;
mod labels;
mod networks;

use ipnet::IpNet;

use super::answers::{Answers, NeedsLookup};
use super::names::given;
use super::objects::Container;
use super::requirement::Requirement;
use crate::docker::{Call, Deed, Document, Effect, Json, Naming, Object, Parameters};

/// What tells clients apart, which no request may create, take or change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reserved {
    /// Names of containers.
    pub(crate) containers: Vec<String>,
    /// Names of networks.
    pub(crate) networks: Vec<String>,
    /// Compose services: the project and the service.
    pub(crate) services: Vec<(String, String)>,
    /// Labels of containers: the key and the value.
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) addresses: Vec<IpNet>,
}

/// A request, as it is compared with what is reserved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim<'a> {
    pub(crate) call: &'a Call,
    /// Its body; null if it has none.
    pub(crate) body: &'a Json<'a>,
    pub(crate) requirements: &'a [Requirement],
    pub(crate) known: &'a Answers,
    /// The container that it replaces, or that it gives its old name back: what that one had may be kept.
    pub(crate) old: Option<&'a Container>,
}

/// Something reserved that a request would take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Its place in the request.
    pub(crate) path: String,
    /// What the request has there.
    pub(crate) value: String,
    /// What that is, and what to do instead.
    pub(crate) what: &'static str,
}

impl Reserved {
    pub(crate) fn is_empty(&self) -> bool {
        self.containers.is_empty()
            && self.networks.is_empty()
            && self.services.is_empty()
            && self.labels.is_empty()
            && self.addresses.is_empty()
    }

    /// Whether a request could take something reserved, so that its body must be read even if no policy checks it.
    pub(crate) fn concerns(&self, call: &Call) -> bool {
        let judged = call.judged();
        let by_network = !self.networks.is_empty() || !self.addresses.is_empty();
        let by_label = !self.labels.is_empty() || !self.services.is_empty();
        let by_body = judged.body.is_some_and(|document| match document {
            Document::Container | Document::Service | Document::ServiceUpdate => true,
            Document::Endpoint | Document::Leaving | Document::Network => by_network,
            Document::ImageConfig => by_label,
            Document::ConfigOrSecret
            | Document::ContainerUpdate
            | Document::Exec
            | Document::ExecStart
            | Document::Volume
            | Document::VolumeUpdate => false,
        });
        let by_query = match judged.query {
            // A build's steps can join a container, which has a name, labels and networks.
            Parameters::Build => true,
            Parameters::Commit | Parameters::Fetch => by_label,
            Parameters::Rename => !self.containers.is_empty(),
            Parameters::Archive
            | Parameters::Attach
            | Parameters::Checkpoint
            | Parameters::Free
            | Parameters::Load
            | Parameters::Name
            | Parameters::NoKeys
            | Parameters::Processes
            | Parameters::Push
            | Parameters::Registry
            | Parameters::Rollback
            | Parameters::Tag => false,
        };
        let is_of_network = judged.deed == Deed::Starts || changed_network(call).is_some();
        by_body || by_query || (by_network && is_of_network)
    }

    /// The first reserved thing that a request would take, if any.
    pub(crate) fn taken(&self, claim: Claim<'_>) -> Result<Option<Taken>, NeedsLookup> {
        let found = self.name(claim).or_else(|| self.label(claim));
        match found.or_else(|| self.address(claim)) {
            None => self.network(claim),
            found => Ok(found),
        }
    }

    /// A reserved name that a container or a network would get.
    fn name(&self, claim: Claim<'_>) -> Option<Taken> {
        let judged = claim.call.judged();
        let name = given(claim.call, Some(claim.body))?;
        let (path, name, names) = match (judged.query.naming(), judged.body) {
            // To the daemon, a slash before a name makes no difference.
            (Naming::Container, _) => ("name", name.trim_start_matches('/'), &self.containers),
            (Naming::None, Some(Document::Network)) => ("Name", &*name, &self.networks),
            (Naming::None | Naming::Repository | Naming::Tags, _) => return None,
        };
        let is_kept = claim.old.is_some_and(|old| old.name == name);
        let is_taken = !is_kept && names.iter().any(|reserved| reserved == name);
        is_taken.then(|| Taken::new(path, name, NAME))
    }
}

/// The network that a request deletes, or from which it disconnects a container.
fn changed_network(call: &Call) -> Option<&str> {
    let (kind, name) = call.objects().next()?;
    let is_changed = call.effect() != Effect::Read && call.judged().deed != Deed::Connects;
    (kind == Object::Network && is_changed).then_some(name)
}

impl Taken {
    fn new(path: impl Into<String>, value: impl Into<String>, what: &'static str) -> Self {
        let (path, value) = (path.into(), value.into());
        Self { path, value, what }
    }
}

const NAME: &str = "is a name that identifies a client in Dockgate's settings: choose another name";

#[cfg(test)]
mod tests;
