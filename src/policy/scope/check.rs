//! Whether a request names only what is in scope.

use std::collections::BTreeSet;

use super::reply::ids;
use super::swarm::is_of_swarm;
use super::{Scoped, Standing, images, listing, refusal};
use crate::docker::network::is_user_defined;
use crate::docker::{Call, Deed, Document, Effect, Json, Object, Operation, Parameters, Shows};
use crate::policy::answers::{Answers, Lookup, NeedsLookup, network, volume};
use crate::policy::keys::{Key, Reaches};
use crate::policy::names::{given, reads_as_id, reads_as_swarm_id};
use crate::policy::objects::Labels;
use crate::policy::reason::Denial;
use crate::policy::refusal::missing;
use crate::policy::requirement::{Requirement, Touch, What};
use crate::policy::requirements::is_reserved;

/// Why a scope does not let a request through.
#[derive(Clone, Debug)]
pub(crate) enum Outside {
    /// The object that the path names does not exist for the client.
    Absent(Hidden),
    /// Something that the body or the query names does not exist for the client.
    Missing(Lookup),
    /// Something else.
    Denied(Denial),
}

/// The names in a request of objects that do not exist for the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hidden {
    /// Whether the container that the body names is one, beside the object in the path.
    pub(crate) in_body: bool,
    /// The ids of the objects that the client sees.
    pub(crate) seen: BTreeSet<String>,
}

impl Outside {
    /// The denial of a request that other policies do not allow either.
    pub(crate) fn denial(self, call: &Call) -> Denial {
        match self {
            Self::Absent(_) => refusal::hidden(call),
            Self::Missing(lookup) => missing(call, &lookup),
            Self::Denied(denial) => denial,
        }
    }
}

pub(super) type Checked = Result<Result<(), Outside>, NeedsLookup>;

/// A request, as a scope checks it.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) call: &'a Call,
    pub(crate) body: Option<&'a Json<'a>>,
    pub(crate) requirements: &'a [Requirement],
    /// Everything that was looked up.
    pub(crate) known: &'a Answers,
    /// The same, as the client sees it.
    pub(crate) view: &'a Answers,
}

impl Scoped<'_> {
    /// Whether the object in the path exists for the client.
    pub(crate) fn check_path(self, call: &Call, body: Option<&Json>, view: &Answers) -> Checked {
        let judged = call.judged();
        if is_beyond(call) {
            return Ok(Err(Outside::Denied(refusal::beyond_scope(call))));
        }
        for (kind, name) in call.objects() {
            let standing = match kind {
                Object::Container => self.container_in(view, name)?,
                Object::Exec => match crate::policy::answers::exec(view, name) {
                    Ok(exec) => self.container_in(view, &exec.container)?,
                    Err(NeedsLookup::Missing(_)) => None,
                    Err(ask) => return Err(ask),
                },
                Object::Network => match network(view, name) {
                    Ok(network) => Some(self.of_network(&network)),
                    Err(NeedsLookup::Missing(_)) => None,
                    Err(ask) => return Err(ask),
                },
                Object::Volume => match volume(view, name)? {
                    Some(volume) => Some(self.volume(name, &volume, view)?),
                    None => None,
                },
                Object::Image if self.limits_images() => {
                    let seen = images::image_in(view, &images::meant(call, name))?;
                    // `image` decides what may be changed.
                    seen.is_some().then_some(Standing::Own)
                }
                // A checkpoint belongs to the container before it. Other images are shared.
                Object::Checkpoint | Object::Image | Object::Repository => continue,
                Object::Config | Object::Secret | Object::Service | Object::Task => {
                    self.in_swarm(view, kind, name)?
                }
                Object::Node | Object::Plugin => {
                    return Ok(Err(Outside::Denied(refusal::beyond_scope(call))));
                }
            };
            let uses = matches!(judged.deed, Deed::Connects | Deed::Disconnects);
            let changes = call.effect() > Effect::Content && !uses;
            match standing {
                None | Some(Standing::Hidden) => {
                    let in_body = self.hides_container(body, view)?;
                    let seen = ids(view).collect();
                    return Ok(Err(Outside::Absent(Hidden { in_body, seen })));
                }
                Some(Standing::Seen) if changes => {
                    return Ok(Err(Outside::Denied(refusal::only_seen(call, name))));
                }
                Some(Standing::Own | Standing::Seen) => {}
            }
        }
        Ok(Ok(()))
    }

    /// Whether the container that a body names does not exist for the client.
    fn hides_container(self, body: Option<&Json>, view: &Answers) -> Result<bool, NeedsLookup> {
        let name = body
            .map(|body| body.text_at("Container"))
            .unwrap_or_default();
        if name.is_empty() {
            return Ok(false);
        }
        let standing = self.container_in(view, name)?;
        Ok(standing.is_none_or(|standing| standing == Standing::Hidden))
    }

    /// Whether everything else that a request names exists for the client, and what it creates is in scope.
    pub(crate) fn check(self, asked: Asked<'_>) -> Checked {
        for requirement in asked.requirements {
            if let Err(outside) = self.reference(requirement, asked)? {
                return Ok(Err(outside));
            }
        }
        if let Err(outside) = self.created(asked)? {
            return Ok(Err(outside));
        }
        if let Err(outside) = self.check_swarm(asked)? {
            return Ok(Err(outside));
        }
        if matches!(asked.call.judged().shows, Shows::Unused(_))
            && !self.can_delete_unused(asked.call)
        {
            return Ok(Err(Outside::Denied(refusal::not_by_labels(asked.call))));
        }
        if listing::has_unclear_filters(asked.call) {
            return Ok(Err(Outside::Denied(refusal::unclear_filters(asked.call))));
        }
        if let Err(outside) = self.used_images(asked)? {
            return Ok(Err(outside));
        }
        self.image(asked)
    }

    fn reference(self, requirement: &Requirement, asked: Asked<'_>) -> Checked {
        let (reaches, key, name) = match &requirement.what {
            What::Key(key, value) => (key.row().reaches, *key, value.text().unwrap_or_default()),
            What::Touch(Touch::Object(Object::Container, name)) => {
                (Reaches::Container, Key::Join, name.as_str())
            }
            What::Touch(_) => return Ok(Ok(())),
        };
        let call = asked.call;
        match reaches {
            Reaches::Container | Reaches::Join => self.referred(name, key, asked),
            Reaches::BuildNetwork => match name.strip_prefix("container:") {
                Some(name) => self.referred(name, Key::Join, asked),
                None => Self::joined(name, asked),
            },
            Reaches::Network => Self::joined(name, asked),
            Reaches::Volume if key == Key::SwarmVolume => self.volume_of_service(name, asked),
            Reaches::Volume if name.is_empty() || name.starts_with('@') => Ok(Ok(())),
            Reaches::Volume => {
                if volume(asked.view, name)?.is_some() {
                    return Ok(Ok(()));
                }
                let is_taken = volume(asked.known, name)?.is_some();
                Ok(if is_taken {
                    Err(Outside::Denied(refusal::name_taken(call, "volume", name)))
                } else {
                    // Dockgate creates it, with its labels.
                    self.named(call, false, name)
                        .and_then(|()| self.labelled(call, name, &Json::Null, None))
                })
            }
            Reaches::Nothing
            | Reaches::Path
            | Reaches::PathInOption
            | Reaches::Start
            | Reaches::Tag => Ok(Ok(())),
        }
    }

    /// A container that something refers to.
    fn referred(self, name: &str, key: Key, asked: Asked<'_>) -> Checked {
        let may_be_seen = key == Key::Join;
        Ok(match self.container_in(asked.view, name)? {
            Some(Standing::Own) => Ok(()),
            Some(Standing::Seen) if may_be_seen => Ok(()),
            Some(Standing::Seen) => Err(Outside::Denied(refusal::only_seen(asked.call, name))),
            Some(Standing::Hidden) | None => {
                let name = name.trim_start_matches('/').to_owned();
                Err(Outside::Missing(Lookup::Container(name)))
            }
        })
    }

    /// A network that something is connected to.
    pub(super) fn joined(name: &str, asked: Asked<'_>) -> Checked {
        if name.is_empty() || name.starts_with('@') || !is_user_defined(name) {
            return Ok(Ok(()));
        }
        match network(asked.view, name) {
            Ok(_) => Ok(Ok(())),
            Err(NeedsLookup::Missing(lookup)) => Ok(Err(Outside::Missing(lookup))),
            Err(ask @ NeedsLookup::Ask(_)) => Err(ask),
        }
    }

    /// Whether the object that a request creates is in scope.
    fn created(self, asked: Asked<'_>) -> Checked {
        let (call, judged) = (asked.call, asked.call.judged());
        let is_container = matches!(judged.query, Parameters::Name | Parameters::Rename);
        let is_made = matches!(
            judged.body,
            Some(
                Document::ConfigOrSecret
                    | Document::Container
                    | Document::Network
                    | Document::Service
                    | Document::Volume
            )
        ) && call.object().is_none();
        if !is_container && !is_made {
            return Ok(Ok(()));
        }
        let name = given(call, asked.body);
        let name = name.as_deref().unwrap_or_default().trim_start_matches('/');
        if let Err(outside) = self.named(call, is_container, name) {
            return Ok(Err(outside));
        }
        if is_container && !name.is_empty() {
            // The daemon's answer to a name that is taken has the id, which an own object's owner may see.
            self.container_in(asked.view, name)?;
        }
        if judged.body == Some(Document::Volume)
            && !name.is_empty()
            && volume(asked.known, name)?.is_some()
            && volume(asked.view, name)?.is_none()
        {
            return Ok(Err(Outside::Denied(refusal::name_taken(
                call, "volume", name,
            ))));
        }
        Ok(match asked.body.filter(|_| is_made) {
            Some(body) => self.labelled(call, name, body, None),
            None => Ok(()),
        })
    }

    /// Whether a new object may have a name.
    fn named(self, call: &Call, is_container: bool, name: &str) -> Result<(), Outside> {
        let names = self.scope.names.as_ref();
        // Compose creates a replacement under its name behind the short id of the old container, and renames it.
        let lasting = name.split_once('_');
        let lasting = lasting
            .filter(|(id, _)| reads_as_id(id))
            .map_or(name, |(_, name)| name);
        // Volumes have no ids. For networks, whose names some clients generate so, it is enough that no id begins with it,
        // which is checked elsewhere.
        let is_of_swarm = is_of_swarm(call);
        let is_like_id = (is_container || is_of_swarm) && reads_as_id(name);
        if name.is_empty() {
            Ok(())
        } else if is_like_id || is_of_swarm && reads_as_swarm_id(name) {
            Err(Outside::Denied(refusal::named_like_id(call, name)))
        } else if names.is_some_and(|names| !names.covers(lasting)) {
            Err(Outside::Denied(refusal::not_named_so(call, name)))
        } else {
            Ok(())
        }
    }

    /// Whether the labels of an object bring it into scope: its own, and those that Dockgate sets. An updated object keeps
    /// the labels that only Dockgate sets.
    pub(super) fn labelled(
        self,
        call: &Call,
        name: &str,
        body: &Json,
        updated: Option<&Labels>,
    ) -> Result<(), Outside> {
        let labels = body.at("Labels");
        let set = |key: &str| {
            let own = self.owner.labels().filter(|_| updated.is_none());
            let mut set = self.scope.labels().chain(own);
            let set = set.find(|(own, _)| *own == key).map(|(_, value)| value);
            set.or_else(|| updated?.get(key).filter(|_| is_reserved(key)))
        };
        let is_kept = |key: &&str| updated.is_none() || !is_reserved(key);
        let given = |key: &str| {
            Some(key)
                .filter(is_kept)
                .and_then(|key| labels.get(key)?.text())
        };
        let other = self
            .scope
            .labels()
            .find(|(key, value)| given(key).is_some_and(|it| it != *value));
        if let Some((key, value)) = other {
            return Err(Outside::Denied(refusal::labelled_out(call, key, value)));
        }
        let is_own = self.covers(name, |key| set(key).or_else(|| given(key)));
        if is_own {
            Ok(())
        } else {
            let members = self.scope.objects.as_slice().iter();
            let written: Vec<_> = members
                .filter_map(crate::policy::keys::setting::Entry::written)
                .collect();
            Err(Outside::Denied(refusal::not_in_scope(
                call,
                &written.join(", "),
            )))
        }
    }
}

/// Whether no scope can tell which objects an operation is about.
pub(crate) fn is_beyond(call: &Call) -> bool {
    call.operation().is_none_or(operation_is_beyond)
}

/// Whether no scope can tell which objects an operation is about.
pub(crate) fn operation_is_beyond(operation: Operation) -> bool {
    let spec = operation.spec();
    let is_known = |kind: &Object| match kind {
        Object::Checkpoint
        | Object::Config
        | Object::Container
        | Object::Exec
        | Object::Image
        | Object::Network
        | Object::Repository
        | Object::Secret
        | Object::Service
        | Object::Task
        | Object::Volume => true,
        Object::Node | Object::Plugin => false,
    };
    match spec.judged.shows {
        Shows::Named => spec.objects.is_empty() || !spec.objects.iter().all(is_known),
        Shows::Unused(kind) => kind == Object::Image,
        Shows::Counts
        | Shows::Events
        | Shows::List(_)
        | Shows::Members
        | Shows::Nothing
        | Shows::Usage => false,
    }
}
