//! Collects what a request asks for, with helpers for everything that reads requests.

use crate::docker::json::{Member, quoted, shortened};
use crate::docker::judged::Judged;
use crate::docker::mount::BadMount;
use crate::docker::target::is_name;
use crate::docker::{ApiVersion, Call, Document, Json, Object, Operation};
use crate::policy::answers::NeedsLookup;
use crate::policy::keys::Key;
use crate::policy::objects::PROJECT_LABELS;
use crate::policy::owner::{CLIENT_LABEL, POLICY_LABEL};
use crate::policy::reason::{Denial, Reason};
use crate::policy::requirement::{Requirement, Touch, What};
use crate::policy::scope::Hidden;
use crate::policy::value::{RESERVED, Value};

/// Why the requirements of a request are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// The object that the path names does not exist for the client.
    Absent(Hidden),
    /// The request is denied, whatever a policy says.
    Refused(Denial),
    /// Something must be looked up first, or does not exist.
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

/// What a request asks for, as far as it has been read.
pub(super) struct Requirements {
    pub(super) operation: Operation,
    /// The API version that the path names.
    pub(super) version: Option<ApiVersion>,
    /// The object that the path names.
    pub(super) object: Option<(Object, String)>,
    pub(super) found: Vec<Requirement>,
}

impl Requirements {
    /// No requirements yet; `None` for a path outside the table, which never has any.
    pub(super) fn of(call: &Call) -> Option<Self> {
        Some(Self {
            operation: call.operation()?,
            version: call.version,
            object: call
                .objects()
                .next()
                .map(|(kind, name)| (kind, name.to_owned())),
            found: Vec::new(),
        })
    }

    pub(super) fn push(&mut self, path: impl Into<String>, what: impl Into<What>) {
        let (path, what) = (path.into(), what.into());
        self.found.push(Requirement { path, what });
    }

    /// Adds a container that something names.
    pub(super) fn named(&mut self, path: &str, name: &str, key: Key) -> Read {
        self.push(path, key.asks(container(path, name)?));
        Ok(())
    }

    /// Adds a container that the operation is about.
    pub(super) fn touch_container(&mut self, path: &str, name: &str) -> Read {
        let name = container(path, name)?.to_owned();
        self.push(path, Touch::Object(Object::Container, name));
        Ok(())
    }

    /// Adds a name under which other containers find the new object, if one is given.
    pub(super) fn takes_name(&mut self, path: &str, name: &str) -> Read {
        if !name.is_empty() {
            must_be_plain(path, name)?;
            self.push(path, Touch::Name(name.to_owned()));
        }
        Ok(())
    }

    /// What is judged in the request.
    pub(super) fn judged(&self) -> Judged {
        self.operation.spec().judged
    }

    /// Whether the body is of this kind.
    pub(super) fn describes(&self, document: Document) -> bool {
        self.judged().body == Some(document)
    }

    /// Whether the body describes a service.
    pub(super) fn describes_service(&self) -> bool {
        self.judged().body.is_some_and(Document::is_service)
    }
}

/// A field of a body that is being read, and the requirements to add to.
pub(super) struct Field<'f> {
    pub(super) requirements: &'f mut Requirements,
    pub(super) path: &'f str,
    pub(super) value: &'f Json<'f>,
}

impl Field<'_> {
    pub(super) fn push(&mut self, what: impl Into<What>) {
        self.requirements.push(self.path, what);
    }

    /// Adds another container that a text in the field names.
    pub(super) fn named(&mut self, name: &str, key: Key) -> Read {
        self.requirements.named(self.path, name, key)
    }

    pub(super) fn takes_name(&mut self, name: &str) -> Read {
        self.requirements.takes_name(self.path, name)
    }

    /// Adds the text itself, or each text of a list.
    pub(super) fn texts(&mut self, key: Key) {
        for text in self.value.text().into_iter().chain(self.value.texts()) {
            self.push(key.asks(text));
        }
    }

    /// Adds something that only the block's `unrestricted` allows.
    pub(super) fn unnamed(&mut self) {
        let unrestricted = match self.requirements.judged().body {
            Some(Document::Exec) => Key::ExecUnrestricted,
            Some(Document::Network) => Key::NetworksUnrestricted,
            Some(Document::Volume | Document::VolumeUpdate) => Key::VolumesUnrestricted,
            Some(
                Document::ConfigOrSecret
                | Document::Container
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

    /// Adds the labels of a new object, or of a volume that a mount creates.
    pub(super) fn labels(&mut self, labels: &[Member<'_>]) -> Read {
        let is_of_swarm = self.is_of_service();
        // An update of a service, config or secret sends everything that it has.
        let is_update = self.is_of(Document::ServiceUpdate) || self.is_of(Document::ConfigOrSecret);
        let updated = self.requirements.object.clone().filter(|_| is_update);
        for (key, value) in labels {
            let value = value.text().unwrap_or_default();
            // A swarm node fills in templates, and mounts can refer to these labels.
            if value.contains("{{") && is_of_swarm {
                return Err(self.unclear(&BadMount::Template.to_string()));
            }
            // Podman splits a label at its first `=`.
            if key.contains('=') && !is_of_swarm {
                return Err(self.unclear("has a label with a `=` in its name: leave the label out"));
            }
            if let Some(label) = PROJECT_LABELS.iter().find(|label| **label == *key) {
                let (name, updated) = (value.to_owned(), updated.clone());
                let project = Value::Project {
                    label,
                    name,
                    updated,
                };
                self.push(What::Key(Key::Project, project));
            }
            let label = Value::Label {
                key: key.to_string(),
                value: value.to_owned(),
                updated: updated
                    .clone()
                    .filter(|_| matches!(&**key, POLICY_LABEL | CLIENT_LABEL)),
            };
            self.push(What::Key(Key::Label, label));
        }
        Ok(())
    }

    /// Whether the body is of this kind.
    pub(super) fn is_of(&self, document: Document) -> bool {
        self.requirements.describes(document)
    }

    pub(super) fn is_of_service(&self) -> bool {
        self.requirements.describes_service()
    }

    /// The denial of what no policy can allow, because it is ambiguous.
    pub(super) fn unclear(&self, why: &str) -> Denial {
        unclear(self.path, why)
    }
}

/// Whether something could be read, or is ambiguous.
pub(super) type Read = Result<(), Denial>;

/// A container's name as the daemon stores it.
fn container<'a>(path: &str, name: &'a str) -> Result<&'a str, Denial> {
    // To the daemon, a slash before a name makes no difference.
    let name = name.strip_prefix('/').unwrap_or(name);
    let is_good = is_name(name).then_some(name);
    is_good.ok_or_else(|| {
        unclear(
            path,
            &format!("{} is not a valid container name", quoted(shortened(name))),
        )
    })
}

/// Replaces the number in the name of a service's task. No client can write it.
pub(crate) const ANY_NUMBER: char = '#';

/// Why a name under which others could find a container is denied.
pub(super) const NOT_PLAIN: &str =
    "must begin with a letter, a digit or `_`, and contain only letters, digits, `_`, `.` and `-`";

/// Checks a name under which others find the new object. Only ASCII is accepted, because each resolver changes other
/// letters in its own way.
pub(super) fn must_be_plain(path: &str, name: &str) -> Read {
    let is_good =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-');
    if name.starts_with(['.', '-']) || !name.chars().all(is_good) {
        return Err(unclear(
            path,
            &[&quoted(shortened(name)), " ", NOT_PLAIN].concat(),
        ));
    }
    Ok(())
}

/// The denial of what no policy can allow, because it is ambiguous.
pub(super) fn unclear(path: &str, why: &str) -> Denial {
    Denial::new(Reason::BadBody, format!("{path} {why}"))
}

/// The same for a key of the query.
pub(super) fn unclear_query(key: &str, why: &str) -> Denial {
    Denial::new(Reason::BadQuery, format!("the query key `{key}` {why}"))
}

/// Whether a label is one that only Dockgate sets.
pub(crate) fn is_reserved(key: &str) -> bool {
    key.starts_with(RESERVED)
}
