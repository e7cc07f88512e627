//! Whether the images that a request names exist for the client, and whether it may change them.

use super::check::{Asked, Checked, Outside};
use super::{Images, Scoped, images, refusal};
use crate::docker::reference::Reference;
use crate::docker::{Object, Operation, Parameters};
use crate::policy::answers::{Answer, Answers, Lookup, NeedsLookup, image};
use crate::policy::keys::Key;

impl Scoped<'_> {
    /// Whether the images exist for the client that a request uses, besides the one in its path.
    pub(super) fn used_images(self, asked: Asked<'_>) -> Checked {
        let call = asked.call;
        if !self.limits_images() {
            return Ok(Ok(()));
        }
        // The image of a container, and those that it mounts.
        let of_body = asked.requirements.iter();
        let of_body = of_body.filter_map(|requirement| requirement.what.text_of(Key::Image));
        let is_save = call.operation() == Some(Operation::ImageGetAll);
        let of_query = call.query.pairs();
        let of_query = of_query.filter(|(key, _)| is_save && *key == "names");
        let used = of_body.chain(of_query.map(|(_, name)| name));
        for name in used.filter(|name| !name.is_empty()) {
            if images::image_in(asked.view, name)?.is_none() {
                let name = images::with_tag(name);
                return Ok(Err(Outside::Missing(Lookup::Image(name))));
            }
        }
        if let Some(denial) = refusal::unlimited_images(call) {
            return Ok(Err(Outside::Denied(denial)));
        }
        Ok(Ok(()))
    }

    /// Images are shared, but only the client's own ones may be tagged, pushed and deleted.
    pub(super) fn image(self, asked: Asked<'_>) -> Checked {
        let call = asked.call;
        let Some((Object::Image, name)) = call.objects().next() else {
            return Ok(Ok(()));
        };
        if !call.effect().changes_state() || self.scope.images == Images::Any {
            return Ok(Ok(()));
        }
        // Without a tag, every tag is pushed.
        if call.judged().query == Parameters::Push && call.query.text("tag").is_empty() {
            return Ok(Err(Outside::Denied(refusal::pushes_every_tag(call))));
        }
        let meant = images::meant(call, name);
        let image = match image(asked.known, &meant) {
            Ok(image) => image,
            // The daemon says that it does not exist.
            Err(NeedsLookup::Missing(_)) => return Ok(Ok(())),
            Err(ask @ NeedsLookup::Ask(_)) => return Err(ask),
        };
        let named = Reference::of_tag(&meant).map(|name| name.to_string());
        let is_own_as = |name: &str| image.was_made_as(name, self.owner);
        let is_own = match &named {
            Some(named) if image.tags.iter().any(|tag| tag == named) => {
                is_own_as(named) || self.moved(named, &image.id, asked.known)?
            }
            // An id stands for all its names.
            _ => !image.tags.is_empty() && image.tags.iter().all(|tag| is_own_as(tag)),
        };
        Ok(if is_own {
            Ok(())
        } else {
            Err(Outside::Denied(refusal::shared_image(call, name)))
        })
    }

    /// Whether an image got a name through this policy since Dockgate started.
    fn moved(self, name: &str, id: &str, known: &Answers) -> Result<bool, NeedsLookup> {
        let moved = Lookup::Moved {
            owner: self.owner.of_image(),
            name: name.to_owned(),
        };
        Ok(matches!(known.need(&moved)?, Answer::Text(own) if **own == *id))
    }
}
