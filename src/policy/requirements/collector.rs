//! What is collected of a request, and what all that reads it has in common.

use crate::docker::json::Member;
use crate::docker::judged::Judged;
use crate::docker::mount::BadMount;
use crate::docker::target::is_name;
use crate::docker::{ApiVersion, Call, Document, Json, Object, Operation};
use crate::policy::answers::NeedsLookup;
use crate::policy::keys::Key;
use crate::policy::objects::{POLICY_LABEL, PROJECT_LABELS};
use crate::policy::reason::{Denial, Reason};
use crate::policy::requirement::{Requirement, Touch, What};
use crate::policy::value::{RESERVED, Value};

/// What keeps the needs of a request from being known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// The request is refused, whatever a policy says.
    Refused(Denial),
    /// Something must be looked up, or is not there.
    NeedsLookup(NeedsLookup),
}

impl From<NeedsLookup> for Blocked {
    fn from(lookup_needed: NeedsLookup) -> Self {
        Self::NeedsLookup(lookup_needed)
    }
}

impl From<Denial> for Blocked {
    fn from(denial: Denial) -> Self {
        Self::Refused(denial)
    }
}

/// What was found so far that a request asks for.
pub(super) struct Requirements {
    pub(super) operation: Operation,
    /// The API version that the path names.
    pub(super) version: Option<ApiVersion>,
    /// The object that the path names.
    pub(super) object: Option<String>,
    pub(super) found: Vec<Requirement>,
}

impl Requirements {
    /// None yet; a path outside of the table has none ever.
    pub(super) fn of(call: &Call) -> Option<Self> {
        Some(Self {
            operation: call.operation()?,
            version: call.version,
            object: call.object().map(str::to_owned),
            found: Vec::new(),
        })
    }

    pub(super) fn push(&mut self, path: impl Into<String>, what: impl Into<What>) {
        let (path, what) = (path.into(), what.into());
        self.found.push(Requirement { path, what });
    }

    /// A container that something names.
    pub(super) fn named(&mut self, path: &str, name: &str, key: Key) -> Read {
        self.push(path, key.asks(container(path, name)?));
        Ok(())
    }

    /// A container that the operation is about.
    pub(super) fn touch_container(&mut self, path: &str, name: &str) -> Read {
        let name = container(path, name)?.to_owned();
        self.push(path, Touch::Object(Object::Container, name));
        Ok(())
    }

    /// A name that others find the new object under, if one is given.
    pub(super) fn takes_name(&mut self, path: &str, name: &str) -> Read {
        if !name.is_empty() {
            must_be_plain(path, name)?;
            self.push(path, Touch::Name(name.to_owned()));
        }
        Ok(())
    }

    /// What of the request is judged.
    pub(super) fn judged(&self) -> Judged {
        self.operation.spec().judged
    }

    /// Whether the body describes this.
    pub(super) fn describes(&self, document: Document) -> bool {
        self.judged().body == Some(document)
    }

    /// Whether the body describes a service.
    pub(super) fn describes_service(&self) -> bool {
        self.judged().body.is_some_and(Document::is_service)
    }
}

/// A field of a body that is read, and what collects what it asks for.
pub(super) struct Field<'f> {
    pub(super) requirements: &'f mut Requirements,
    pub(super) path: &'f str,
    pub(super) value: &'f Json<'f>,
}

impl Field<'_> {
    pub(super) fn push(&mut self, what: impl Into<What>) {
        self.requirements.push(self.path, what);
    }

    /// Another container that a text of the field names.
    pub(super) fn named(&mut self, name: &str, key: Key) -> Read {
        self.requirements.named(self.path, name, key)
    }

    pub(super) fn takes_name(&mut self, name: &str) -> Read {
        self.requirements.takes_name(self.path, name)
    }

    /// The text itself, or each text of a list.
    pub(super) fn texts(&mut self, key: Key) {
        for text in self.value.text().into_iter().chain(self.value.texts()) {
            self.push(key.asks(text));
        }
    }

    /// What no key but the block's `unrestricted` allows.
    pub(super) fn unnamed(&mut self) {
        let unrestricted = match self.requirements.judged().body {
            Some(Document::Exec) => Key::ExecUnrestricted,
            Some(Document::Network) => Key::NetworksUnrestricted,
            Some(Document::Volume | Document::VolumeUpdate) => Key::VolumesUnrestricted,
            Some(
                Document::Container
                | Document::ContainerUpdate
                | Document::Endpoint
                | Document::ExecStart
                | Document::ImageConfig
                | Document::Leaving
                | Document::Service
                | Document::ServiceUpdate,
            )
            | None => Key::CreateUnrestricted,
        };
        self.push(unrestricted.flag());
    }

    /// Labels, of what is made or of a volume that a mount makes too.
    pub(super) fn labels(&mut self, labels: &[Member<'_>]) -> Read {
        let is_of_swarm = self.is_of_service();
        // Who updates a service sends all that it has.
        let is_update = self.is_of(Document::ServiceUpdate);
        let service = self.requirements.object.clone().filter(|_| is_update);
        for (key, value) in labels {
            let value = value.text().unwrap_or_default();
            // A node of the swarm fills them in, and mounts may refer to them.
            if value.contains("{{") && is_of_swarm {
                return Err(self.unclear(&BadMount::Template.to_string()));
            }
            // Podman splits a label at its first `=`.
            if key.contains('=') && !is_of_swarm {
                return Err(self.unclear("has a label with a `=` in its name: leave it out"));
            }
            if let Some(label) = PROJECT_LABELS.iter().find(|label| **label == *key) {
                let (name, service) = (value.to_owned(), service.clone());
                let project = Value::Project {
                    label,
                    name,
                    service,
                };
                self.push(What::Key(Key::Project, project));
            }
            let label = Value::Label {
                key: key.to_string(),
                value: value.to_owned(),
                service: service.clone().filter(|_| key == POLICY_LABEL),
            };
            self.push(What::Key(Key::Label, label));
        }
        Ok(())
    }

    /// Whether the body describes this.
    pub(super) fn is_of(&self, document: Document) -> bool {
        self.requirements.describes(document)
    }

    pub(super) fn is_of_service(&self) -> bool {
        self.requirements.describes_service()
    }

    /// The refusal of what no policy can allow, as it has two readings.
    pub(super) fn unclear(&self, why: &str) -> Denial {
        unclear(self.path, why)
    }
}

/// What becomes of reading something: it is collected, or it has no single reading.
pub(super) type Read = Result<(), Denial>;

/// The name of a container, as the daemon knows it.
fn container<'a>(path: &str, name: &'a str) -> Result<&'a str, Denial> {
    // The daemon takes a slash before a name for the same.
    let name = name.strip_prefix('/').unwrap_or(name);
    let is_good = is_name(name).then_some(name);
    is_good.ok_or_else(|| unclear(path, "names no container"))
}

/// What stands in the name of a service's task for its number. No client can write it.
pub(crate) const ANY_NUMBER: char = '#';

/// Why a name that a container would be found under is denied.
pub(super) const NOT_PLAIN: &str =
    "must begin with a letter, a digit or `_`, and have only letters, digits, `_`, `.` and `-`";

/// Checks a name that others find the new object under. Resolvers fold letters beyond ASCII, each in its own way,
/// so that no other name has one meaning.
pub(super) fn must_be_plain(path: &str, name: &str) -> Read {
    let is_good =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-');
    if name.starts_with(['.', '-']) || !name.chars().all(is_good) {
        return Err(unclear(path, NOT_PLAIN));
    }
    Ok(())
}

/// The refusal of what no policy can grant, as it has two readings.
pub(super) fn unclear(path: &str, why: &str) -> Denial {
    Denial::new(Reason::BadBody, format!("{path} {why}"))
}

/// The same of what stands in the query.
pub(super) fn unclear_query(key: &str, why: &str) -> Denial {
    Denial::new(Reason::BadQuery, format!("the query key `{key}` {why}"))
}

/// Whether a label is one that Dockgate alone sets.
pub(crate) fn is_reserved(key: &str) -> bool {
    key.starts_with(RESERVED)
}
