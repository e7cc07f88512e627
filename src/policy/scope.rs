//! Which objects exist for a client: the `[scope]` of a policy.
//!
//! ```text
//! what Dockgate has looked up
//!   │ view        the same answers, in which an object out of scope is missing
//!   │ check       does the request name only what is in scope?   ─► the daemon's own "no such object", or a denial
//!   ▼             (the rest of the evaluation knows the view only)
//! reply           what the daemon's reply may show
//! ```
//!
//! An object out of scope is answered like a missing one, because both take the same way: the daemon is asked for a
//! name that nothing has.

mod check;
pub(crate) mod images;
mod listing;
pub(crate) mod refusal;
mod reply;
mod swarm;
mod used;
mod view;

use std::sync::Arc;

use wildmatch::WildMatch;

pub(crate) use check::{Asked, Hidden, Outside, operation_is_beyond};
pub(crate) use images::Images;
pub(crate) use reply::Shown;

use super::answers::{Answers, Lookup, NeedsLookup, list};
use super::keys::setting::{Entry, List, Setting};
use super::keys::{Patterns, ReferencePattern};
use super::objects::{Listed, PROJECT_LABELS};
use super::owner::{Owner, POLICY_LABEL};
use super::value::{RESERVED, Value};
use crate::docker::event::ATTRIBUTES;
use crate::docker::{Object, Reference};

/// The `[scope]` of a policy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// The objects that exist for the client.
    pub(crate) objects: List<Member>,
    /// Further objects, which it may see and use, but not change.
    pub(crate) see: List<Seen>,
    /// Names that it may give to what it creates; any without.
    pub(crate) names: Option<Patterns>,
    /// Which images exist for it.
    pub(crate) images: Images,
}

/// Selects objects that are in scope.
#[derive(Clone, Debug)]
pub(crate) enum Member {
    /// Those with all of these labels; without a value, whatever it is.
    Labels(Vec<(String, Option<String>)>),
    /// Those whose name matches.
    Name(WildMatch),
    /// Those without this label, or without this value of it.
    Not(String, Option<String>),
    /// Those that the client created through the policy.
    Own,
    /// Those of a Compose project or a stack.
    Project(String),
}

/// Selects objects that may be seen and used.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    kind: Object,
    name: WildMatch,
    /// The same, if it selects images.
    image: Option<ReferencePattern>,
}

/// A scope, and whose objects are its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scoped<'a> {
    pub(crate) scope: &'a Arc<Scope>,
    pub(crate) owner: Owner<'a>,
}

/// What an object is to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is in scope.
    Own,
    /// It may be seen and used.
    Seen,
    /// It does not exist for the client.
    Hidden,
}

/// The engine's own networks. Every container can be on them, and no client can create or delete them.
const PREDEFINED: [&str; 3] = ["bridge", "host", "none"];

impl Seen {
    /// Whether it selects an image by this name.
    fn covers(&self, name: &Reference) -> bool {
        self.image
            .as_ref()
            .is_some_and(|pattern| pattern.covers(name))
    }

    pub(crate) fn is_of_images(&self) -> bool {
        self.image.is_some()
    }
}

impl Scope {
    /// Whether what a client creates is in scope because it bears the client's own labels.
    pub(crate) fn has_own(&self) -> bool {
        let mut members = self.objects.as_slice().iter();
        members.any(|member| matches!(member, Member::Own))
    }

    /// The keys of the labels whose values it selects objects by.
    pub(crate) fn selecting(&self) -> impl Iterator<Item = &str> {
        let members = self.objects.as_slice().iter();
        members.flat_map(|member| match member {
            Member::Labels(labels) => {
                let valued = labels.iter().filter(|(_, value)| value.is_some());
                valued.map(|(key, _)| &**key).collect()
            }
            Member::Not(key, Some(_)) => vec![&**key],
            Member::Project(_) => PROJECT_LABELS.to_vec(),
            // Any value would do.
            Member::Not(_, None) | Member::Name(_) | Member::Own => Vec::new(),
        })
    }

    /// The labels that bring a new object into scope, if there are such.
    pub(crate) fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut members = self.objects.as_slice().iter();
        let exact = members.find_map(|member| {
            let Member::Labels(labels) = member else {
                return None;
            };
            let pairs = labels.iter();
            // Nobody gets an owner's labels, except from being the owner.
            let is_free = |key: &str| !key.starts_with(RESERVED);
            let pairs = pairs
                .map(|(key, value)| Some((&**key, value.as_deref().filter(|_| is_free(key))?)));
            pairs.collect::<Option<Vec<_>>>()
        });
        exact.filter(|_| !self.has_own()).into_iter().flatten()
    }
}

impl Scoped<'_> {
    /// What an object is to the client. `label` gets the value of one of its labels.
    pub(crate) fn standing<'l>(
        self,
        kind: Object,
        name: &str,
        label: impl Fn(&str) -> Option<&'l str> + Copy,
    ) -> Standing {
        if self.covers(name, label) {
            return Standing::Own;
        }
        let is_seen = |seen: &Seen| seen.kind == kind && seen.name.matches(name);
        let is_predefined = kind == Object::Network && PREDEFINED.contains(&name);
        if is_predefined || self.scope.see.as_slice().iter().any(is_seen) {
            Standing::Seen
        } else {
            Standing::Hidden
        }
    }

    /// Whether an object is in scope.
    fn covers<'l>(self, name: &str, label: impl Fn(&str) -> Option<&'l str> + Copy) -> bool {
        let has = |key: &str, value: Option<&String>| {
            label(key).is_some_and(|had| value.is_none_or(|value| had == *value))
        };
        self.scope
            .objects
            .as_slice()
            .iter()
            .any(|member| match member {
                Member::Labels(labels) => {
                    labels.iter().all(|(key, value)| has(key, value.as_ref()))
                }
                Member::Name(pattern) => pattern.matches(name),
                Member::Not(key, value) => !has(key, value.as_ref()),
                Member::Own => self.owner.owns(label),
                Member::Project(project) => {
                    PROJECT_LABELS.iter().any(|key| has(key, Some(project)))
                }
            })
    }

    pub(crate) fn standing_of(self, kind: Object, listed: &Listed) -> Standing {
        self.standing(kind, &listed.name, |key| listed.labels.get(key))
    }

    /// The objects of a kind that are in scope, from lists that have few others.
    pub(crate) fn all(self, kind: Object, known: &Answers) -> Result<Vec<Listed>, NeedsLookup> {
        let mut found: Vec<Listed> = Vec::new();
        for label in self.listings() {
            let listed = match list(known, Lookup::Labeled(kind, label)) {
                // The engine is not a manager of a swarm.
                Err(NeedsLookup::Missing(_)) if kind.is_of_swarm() => continue,
                listed => listed?,
            };
            for listed in listed.iter() {
                let is_own = self.standing_of(kind, listed) == Standing::Own;
                if is_own && !found.iter().any(|it| it.id == listed.id) {
                    found.push(listed.clone());
                }
            }
        }
        Ok(found)
    }

    /// Labels whose lists have all objects in scope; an empty one lists all objects.
    fn listings(self) -> Vec<String> {
        let mut all = Vec::new();
        for member in self.scope.objects.as_slice() {
            match member {
                Member::Own => all.push(format!("{POLICY_LABEL}={}", self.owner.mark)),
                Member::Labels(labels) => all.extend(labels.first().map(|(key, value)| {
                    let value = value.as_ref().map(|value| format!("={value}"));
                    [key, &*value.unwrap_or_default()].concat()
                })),
                Member::Project(name) => {
                    all.extend(PROJECT_LABELS.iter().map(|key| format!("{key}={name}")));
                }
                Member::Name(_) | Member::Not(..) => return vec![String::new()],
            }
        }
        all
    }

    /// The filter values of `label` that select objects in scope and no others, if labels can do that.
    pub(crate) fn label_filter(self) -> Option<Vec<String>> {
        match self.scope.objects.as_slice() {
            [Member::Own] => {
                let labels = self.owner.labels();
                Some(
                    labels
                        .map(|(key, value)| format!("{key}={value}"))
                        .collect(),
                )
            }
            [Member::Labels(labels)] => {
                let written = labels.iter().map(|(key, value)| match value {
                    Some(value) => format!("{key}={value}"),
                    None => key.clone(),
                });
                Some(written.collect())
            }
            _ => None,
        }
    }
}

impl Entry for Member {
    const WANT: &'static str = "must be @own, label:KEY=VALUE, not-label:KEY=VALUE, project:NAME or name:PATTERN; a \
                                label must not be called as something that events have, such as image, name or exitCode";
    const PATTERN: Option<&'static str> =
        Some(r"^(@own$|label:[^=+]|not-label:[^=]|project:[\s\S]|name:[\s\S])");

    fn parse(text: &str) -> Option<Self> {
        let label = |text: &str| {
            let (key, value) = match text.split_once('=') {
                Some((key, value)) => (key, Some(value.to_owned())),
                None => (text, None),
            };
            let is_good = !key.is_empty() && !ATTRIBUTES.contains(&key);
            is_good.then(|| (key.to_owned(), value))
        };
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        match text.split_once(':') {
            None => (text == "@own").then_some(Self::Own),
            Some(("label", labels)) => {
                let labels = labels.split('+').map(label);
                labels.collect::<Option<_>>().map(Self::Labels)
            }
            Some(("not-label", text)) => label(text).map(|(key, value)| Self::Not(key, value)),
            Some(("project", name)) => some(name).map(Self::Project),
            Some(("name", pattern)) => some(pattern).map(|it| Self::Name(WildMatch::new(&it))),
            Some(_) => None,
        }
    }

    fn written(&self) -> Option<String> {
        let label = |(key, value): (&String, &Option<String>)| match value {
            Some(value) => format!("{key}={value}"),
            None => key.clone(),
        };
        Some(match self {
            Self::Labels(labels) => {
                let labels = labels.iter().map(|(key, value)| label((key, value)));
                format!("label:{}", labels.collect::<Vec<_>>().join("+"))
            }
            Self::Name(pattern) => format!("name:{pattern}"),
            Self::Not(key, value) => format!("not-label:{}", label((key, value))),
            Self::Own => "@own".to_owned(),
            Self::Project(name) => format!("project:{name}"),
        })
    }

    /// This takes an object, not a value.
    fn allows(&self, _: &Value) -> bool {
        false
    }
}

impl Entry for Seen {
    const WANT: &'static str = "must be config:PATTERN, container:PATTERN, image:PATTERN, network:PATTERN, secret:PATTERN, service:PATTERN or volume:PATTERN";
    const PATTERN: Option<&'static str> =
        Some(r"^(config|container|image|network|secret|service|volume):[\s\S]");

    fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once(':')?;
        let kind = match kind {
            "config" => Object::Config,
            "container" => Object::Container,
            "image" => Object::Image,
            "network" => Object::Network,
            "secret" => Object::Secret,
            "service" => Object::Service,
            "volume" => Object::Volume,
            _ => return None,
        };
        let image = if kind == Object::Image {
            Some(ReferencePattern::parse(name)?)
        } else {
            None
        };
        let name = WildMatch::new(name);
        (text.len() > kind.noun().len() + 1).then_some(Self { kind, name, image })
    }

    fn written(&self) -> Option<String> {
        Some(format!("{}:{}", self.kind.noun(), self.name))
    }

    fn allows(&self, _: &Value) -> bool {
        false
    }
}

impl Scope {
    /// Its keys, each with its schema and what it is for.
    pub(crate) fn schema() -> [(&'static str, serde_json::Value, &'static str); 4] {
        [
            (
                "images",
                serde_json::json!({"enum": ["any", "scoped", "shared"]}),
                "Which images exist for the client: all of them, of which it may change only its own (shared, the default) or \
                 what the policy allows (any), or only those that it made, tagged or pulled, and those in see (scoped).",
            ),
            (
                "names",
                Patterns::schema(),
                "Names that containers, networks, volumes, services, configs and secrets may be created with. Default: any.",
            ),
            (
                "objects",
                List::<Member>::schema(),
                "The containers, networks, volumes and swarm objects that exist for the client: @own for those that it created through this policy, \
                 label:KEY=VALUE, label:KEY=VALUE+KEY=VALUE, not-label:KEY=VALUE, project:NAME or name:PATTERN.",
            ),
            (
                "see",
                List::<Seen>::schema(),
                "Further objects that it may see and use, but not change: network:PATTERN, volume:PATTERN, container:PATTERN, \
                 service:PATTERN, config:PATTERN, secret:PATTERN or, with images = \"scoped\", image:PATTERN.",
            ),
        ]
    }
}

#[cfg(test)]
mod tests;
