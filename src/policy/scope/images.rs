//! Which images a client sees, if its scope has `images = "scoped"`.
//!
//! An image can have names from several clients, so the names decide. A client owns a name that an image got from it: by
//! a build, a commit, an import or a tag. It sees a name that it has pulled, because then the registry has given it the
//! image, and those in `see`. An image without a name belongs to the client that made it.

use std::sync::Arc;

use super::{Scoped, Standing};
use crate::docker::reference::Version;
use crate::docker::{Call, Json, Operation, Parameters, Reference};
use crate::policy::answers::{Answer, Answers, Lookup, NamedImage, NeedsLookup, image};
use crate::policy::objects::Image;
use crate::policy::owner::IMAGE_LABEL;

/// Which images exist for a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Images {
    /// All of them, and the policy decides what it may do to them.
    Any,
    /// Its own, and those in `see`.
    Scoped,
    /// All of them.
    #[default]
    Shared,
}

/// The names that images got from a client since Dockgate started.
pub(crate) type Named = Arc<[NamedImage]>;

impl Images {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "any" => Some(Self::Any),
            "scoped" => Some(Self::Scoped),
            "shared" => Some(Self::Shared),
            _ => None,
        }
    }

    /// Whether these operations reach images in a way that no rule can limit to some of them.
    pub(crate) fn are_beyond(self, operation: Operation) -> bool {
        let is_unread = matches!(
            operation,
            Operation::Grpc | Operation::ImageLoad | Operation::Session
        );
        self == Self::Scoped && is_unread
    }
}

impl Scoped<'_> {
    pub(crate) fn limits_images(self) -> bool {
        self.scope.images == Images::Scoped
    }

    /// The names that images got from the client; `None` if it sees all images anyway.
    pub(super) fn named_images(self, known: &Answers) -> Result<Option<Named>, NeedsLookup> {
        if !self.limits_images() {
            return Ok(None);
        }
        let answer = known.need(&self.names())?;
        if let Answer::Named(named) = answer {
            return Ok(Some(Arc::clone(named)));
        }
        Ok(Some(Arc::new([])))
    }

    pub(super) fn names(self) -> Lookup {
        Lookup::Named(self.owner.of_image())
    }

    /// What one of an image's names is to the client.
    fn of_name(self, name: &Reference, image: &Image, named: &[NamedImage]) -> Standing {
        let text = name.to_string();
        let own = named
            .iter()
            .find(|own| own.name == text && *own.id == *image.id);
        if image.was_made_as(&text, self.owner) || own.is_some_and(|own| !own.is_pulled) {
            Standing::Own
        } else if own.is_some() || self.scope.see.as_slice().iter().any(|it| it.covers(name)) {
            Standing::Seen
        } else {
            Standing::Hidden
        }
    }

    /// What an image is to a client that calls it so. Anything except one of its names stands for all of them.
    pub(super) fn of_image(self, meant: &str, image: &Image, named: &[NamedImage]) -> Standing {
        let has = |name: &Reference| image.tags.contains(&name.to_string());
        if let Some(name) = Reference::of_tag(meant).filter(has) {
            return self.of_name(&name, image, named);
        }
        let tags = image.tags.iter().filter_map(|tag| Reference::of_tag(tag));
        let standings: Vec<_> = tags.map(|name| self.of_name(&name, image, named)).collect();
        let label = image.config.at("Labels").text_at(IMAGE_LABEL);
        let is_own = |standing: &Standing| *standing == Standing::Own;
        if standings.is_empty() && self.owner.made(label)
            || !standings.is_empty() && standings.iter().all(is_own)
        {
            return Standing::Own;
        }
        let is_known = named.iter().any(|own| *own.id == *image.id);
        let by_digest = Reference::parse(meant).ok().filter(is_digest);
        let is_seen =
            by_digest.is_some_and(|it| self.of_name(&it, image, named) != Standing::Hidden);
        if is_known || is_seen || standings.iter().any(|it| *it != Standing::Hidden) {
            Standing::Seen
        } else {
            Standing::Hidden
        }
    }

    /// Removes the names of an image that the client does not see. Returns whether it sees the image.
    pub(super) fn keep_seen(
        self,
        shown: &mut Json<'_>,
        image: &Image,
        named: &[NamedImage],
    ) -> bool {
        let is_seen = |name: &Reference| self.of_name(name, image, named) != Standing::Hidden;
        let all = image.tags.iter().filter_map(|tag| Reference::of_tag(tag));
        let seen: Vec<_> = all.filter(is_seen).collect();
        if let Some(Json::List(tags)) = shown.get_mut("RepoTags") {
            tags.retain(|tag| match tag.text().and_then(Reference::of_tag) {
                Some(name) => seen.contains(&name),
                None => tag.text() == Some(NO_TAG),
            });
        }
        if let Some(Json::List(digests)) = shown.get_mut("RepoDigests") {
            digests.retain(|digest| match digest.text().map(Reference::parse) {
                Some(Ok(name)) => {
                    let mut seen = seen.iter();
                    seen.any(|tag| tag.repository == name.repository) || is_seen(&name)
                }
                Some(Err(_)) | None => digest.text() == Some(NO_DIGEST),
            });
        }
        !seen.is_empty() || self.of_image(&image.id, image, named) != Standing::Hidden
    }

    /// Whether the client sees an image under a name, wherever that is written.
    pub(super) fn sees_name(self, name: &str, image: &Image, named: &[NamedImage]) -> bool {
        let Some(name) = Reference::of_tag(name) else {
            return false;
        };
        self.of_name(&name, image, named) != Standing::Hidden
    }

    /// Whether the client sees a name of an image in the same repository as this name, which can lack its tag.
    pub(super) fn sees_repository(self, name: &str, image: &Image, named: &[NamedImage]) -> bool {
        let Some(name) = Reference::of_tag(name) else {
            return false;
        };
        let all = image.tags.iter().filter_map(|tag| Reference::of_tag(tag));
        let mut seen = all.filter(|it| self.of_name(it, image, named) != Standing::Hidden);
        seen.any(|it| it.repository == name.repository)
    }
}

/// An image that the client sees, as a request names it; `None` if it does not exist for the client.
pub(super) fn image_in(view: &Answers, name: &str) -> Result<Option<Arc<Image>>, NeedsLookup> {
    match image(view, name) {
        Ok(image) => Ok(Some(image)),
        Err(NeedsLookup::Missing(_)) => Ok(None),
        Err(ask @ NeedsLookup::Ask(_)) => Err(ask),
    }
}

/// What the daemon lists instead of a name, if an image has none.
const NO_TAG: &str = "<none>:<none>";
const NO_DIGEST: &str = "<none>@<none>";

fn is_digest(name: &Reference) -> bool {
    matches!(name.version, Version::Digest(_))
}

/// The image that a call names in its path. A push also has its tag.
pub(super) fn meant<'a>(call: &Call, name: &'a str) -> std::borrow::Cow<'a, str> {
    match call.query.text("tag") {
        tag if call.judged().query == Parameters::Push && !tag.is_empty() => {
            format!("{name}:{tag}").into()
        }
        _ => name.into(),
    }
}

/// The name with the tag that the daemon adds if there is none.
pub(super) fn with_tag(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or_default();
    let has_version = last.contains([':', '@']) || Reference::parse(name).is_err();
    let tag = if has_version { "" } else { ":latest" };
    [name, tag].concat()
}

/// Whether a name stands for every image of a repository, where a tag can be left out.
pub(super) fn is_of_every_tag(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or_default();
    !last.contains([':', '@']) && Reference::parse(name).is_ok()
}

#[cfg(test)]
mod tests;
