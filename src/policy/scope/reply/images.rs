//! Replies about images, without images and names that the client does not see.

use std::sync::Arc;

use super::Own;
use crate::docker::json::elements::{Elements, Kept, Place, Progress};
use crate::docker::json::parsed_size;
use crate::docker::{Call, Json, Operation, Shows};
use crate::policy::answers::{Answer, Answers, Lookup, NamedImage, NeedsLookup};
use crate::policy::filter::{BadReply, Filter};
use crate::policy::names;
use crate::policy::objects::Image;
use crate::policy::scope::images::{Named, image_in};
use crate::policy::scope::{Scoped, Standing};

/// The longest image in a reply, in bytes.
const MOST: usize = 4 * 1024 * 1024;

/// What a reply may show of images.
#[derive(Clone, Debug)]
pub(super) struct ImageRule {
    pub(super) named: Named,
    of: Of,
}

/// Which reply it is.
#[derive(Clone, Debug)]
enum Of {
    /// The steps that made this image.
    History(Option<Arc<Image>>),
    Inspection,
    List,
    /// The progress of a pull of this image.
    Pull(String),
    /// It is not about images only.
    Other,
}

impl ImageRule {
    /// The rule for the reply to a call; `None` if the client sees all images.
    pub(super) fn of(
        scoped: Scoped<'_>,
        call: &Call,
        view: &Answers,
    ) -> Result<Option<Self>, NeedsLookup> {
        let shows = call.judged().shows;
        let is_about_images = matches!(
            call.operation(),
            Some(
                Operation::ImageCreate
                    | Operation::ImageHistory
                    | Operation::ImageInspect
                    | Operation::ImageList
            )
        );
        if !is_about_images && !matches!(shows, Shows::Counts | Shows::Usage) {
            return Ok(None);
        }
        let Some(named) = scoped.named_images(view)? else {
            return Ok(None);
        };
        let of = match call.operation() {
            Some(Operation::ImageHistory) => {
                Of::History(image_in(view, call.object().unwrap_or_default())?)
            }
            Some(Operation::ImageInspect) => Of::Inspection,
            Some(Operation::ImageList) => Of::List,
            Some(Operation::ImageCreate) => match names::pulled(call) {
                Some(name) => Of::Pull(name.to_string()),
                None => Of::Other,
            },
            Some(_) | None => Of::Other,
        };
        Ok(Some(Self { named, of }))
    }

    /// The filter for a reply that is about images only.
    pub(super) fn filter(&self, own: Own) -> Option<Box<dyn Filter>> {
        let place = match &self.of {
            Of::History(_) | Of::List => Place::List,
            Of::Inspection => Place::Whole,
            Of::Pull(name) => return Some(Box::new(Pull::new(&own, name.clone()))),
            Of::Other => return None,
        };
        Some(Box::new(Shown {
            rule: self.clone(),
            own,
            elements: Elements::new(place, MOST),
        }))
    }

    /// What a client gets of an element of a reply; `None` if it cannot be read.
    fn shown(&self, scoped: Scoped<'_>, element: &[u8]) -> Option<Kept> {
        let mut changed = Json::parse(element).ok()?;
        if !matches!(changed, Json::Object(_)) {
            return None;
        }
        let is_seen = match &self.of {
            Of::History(of) => {
                without_tags_of_others(scoped, &mut changed, of.as_deref(), &self.named);
                true
            }
            Of::Inspection | Of::List => keep_seen(scoped, &mut changed, &self.named)?,
            Of::Other | Of::Pull(_) => return None,
        };
        let mut text = String::new();
        changed.render(&mut text);
        Some(if is_seen {
            Kept::Instead(text.into_bytes())
        } else {
            Kept::Dropped
        })
    }
}

/// Removes from an image what the client does not see; `None` if it cannot be read, otherwise whether the client sees
/// the image.
pub(super) fn keep_seen(
    scoped: Scoped<'_>,
    shown: &mut Json<'_>,
    named: &[NamedImage],
) -> Option<bool> {
    let image = Image::shown(shown)?;
    if let Some(Json::Number(_)) = shown.get("Containers") {
        // It means that they were not counted.
        shown.set("Containers", Json::Number("-1".into()));
    }
    Some(scoped.keep_seen(shown, &image, named))
}

/// Removes from a step in an image's history the names of images that end with it.
fn without_tags_of_others(
    scoped: Scoped<'_>,
    step: &mut Json<'_>,
    of: Option<&Image>,
    named: &[NamedImage],
) {
    let id = step.text_at("Id").trim_start_matches("sha256:").to_owned();
    let Some(Json::List(tags)) = step.get_mut("Tags") else {
        return;
    };
    let unlabeled = Image {
        id,
        config: Json::Null,
        tags: Vec::new(),
    };
    let image = of.filter(|of| of.id == unlabeled.id).unwrap_or(&unlabeled);
    tags.retain(|tag| {
        let tag = tag.text().unwrap_or_default();
        scoped.sees_name(tag, image, named)
    });
}

/// Filters a reply that consists of images, or of the steps of one.
#[derive(Debug)]
struct Shown {
    rule: ImageRule,
    own: Own,
    elements: Elements,
}

impl Shown {
    fn read(&mut self, part: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), BadReply> {
        let (rule, own) = (&self.rule, &self.own);
        let mut is_readable = true;
        let mut each = |_: usize, element: &[u8]| {
            rule.shown(own.scoped(), element).unwrap_or_else(|| {
                is_readable = false;
                Kept::Dropped
            })
        };
        let progress = match part {
            Some(part) => self.elements.push(part, out, &mut each),
            None => self.elements.finish(out, &mut each),
        };
        match progress {
            Ok(Progress::Done | Progress::Waits) if is_readable => Ok(()),
            Ok(_) | Err(_) => Err(BadReply("it does not describe images")),
        }
    }
}

impl Filter for Shown {
    fn push(&mut self, part: &[u8], out: &mut Vec<u8>) -> Result<(), BadReply> {
        self.read(Some(part), out)
    }

    fn held(&self) -> usize {
        self.elements.held()
    }

    fn reads(&self) -> usize {
        parsed_size(self.elements.unread(), usize::MAX)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), BadReply> {
        self.read(None, out)
    }
}

/// Passes on the progress of a pull. If nothing in it is an error, the client sees the image from then on.
#[derive(Debug)]
struct Pull {
    owner: String,
    name: String,
    /// `None` if the progress cannot be read, or says that the pull has failed.
    progress: Option<Elements>,
    has_ended: bool,
    id: Option<Arc<str>>,
}

impl Pull {
    fn new(own: &Own, name: String) -> Self {
        Self {
            owner: own.scoped().owner.of_image(),
            name,
            progress: Some(Elements::new(Place::Values, MOST)),
            has_ended: false,
            id: None,
        }
    }

    fn read(&mut self, part: Option<&[u8]>) {
        let Some(progress) = &mut self.progress else {
            return;
        };
        let mut has_failed = false;
        let mut each = |_: usize, element: &[u8]| {
            let read = Json::pick(element, &["error", "errorDetail"]);
            has_failed |= read.is_none_or(|read| !read.members().is_empty());
            Kept::Dropped
        };
        let mut nothing = Vec::new();
        let read = match part {
            Some(part) => progress.push(part, &mut nothing, &mut each),
            None => progress.finish(&mut nothing, &mut each),
        };
        if has_failed || read != Ok(Progress::Done) {
            self.progress = None;
        }
    }
}

impl Filter for Pull {
    fn push(&mut self, part: &[u8], out: &mut Vec<u8>) -> Result<(), BadReply> {
        self.read(Some(part));
        out.extend_from_slice(part);
        Ok(())
    }

    fn wants(&self) -> Option<Lookup> {
        let is_asked = self.has_ended && self.progress.is_some();
        is_asked.then(|| Lookup::Image(self.name.clone()))
    }

    fn learn(&mut self, answer: Option<Answer>, _: &mut Vec<u8>) -> Result<(), BadReply> {
        self.progress = None;
        if let Some(Answer::Image(image)) = answer {
            self.id = Some(image.id.as_str().into());
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<u8>) -> Result<(), BadReply> {
        self.read(None);
        self.has_ended = true;
        Ok(())
    }

    fn pulled(&mut self) -> Option<(Lookup, Arc<str>)> {
        let (owner, name) = (self.owner.clone(), self.name.clone());
        let id = self.id.take()?;
        Some((Lookup::Moved { owner, name }, id))
    }
}

/// What an event about an image needs to be judged.
#[derive(Debug, Default)]
pub(super) struct ImageAnswers {
    named: Option<Named>,
    image: Asked,
}

/// The image of an event.
#[derive(Debug, Default)]
enum Asked {
    Found(Arc<Image>),
    Gone,
    #[default]
    NotYet,
}

impl ImageAnswers {
    /// Whether the client sees the image of an event, under the name that the event has; the lookup if that must be
    /// asked.
    pub(super) fn is_seen(&self, scoped: Scoped<'_>, id: &str, name: &str) -> Result<bool, Lookup> {
        let Some(named) = &self.named else {
            return Err(scoped.names());
        };
        let image = match &self.image {
            Asked::Found(image) => image,
            Asked::Gone => return Ok(false),
            Asked::NotYet => return Err(Lookup::Image(id.to_owned())),
        };
        let is_id = name.is_empty() || name == id || name.starts_with("sha256:");
        let is_seen = scoped.of_image(id, image, named) != Standing::Hidden;
        Ok(is_seen && (is_id || scoped.sees_repository(name, image, named)))
    }

    pub(super) fn learn(&mut self, answer: Option<&Answer>) {
        if let Some(Answer::Named(named)) = answer {
            self.named = Some(Arc::clone(named));
        } else if let Some(Answer::Image(image)) = answer {
            self.image = Asked::Found(Arc::clone(image));
        } else {
            self.image = Asked::Gone;
        }
    }
}

#[cfg(test)]
mod tests;
