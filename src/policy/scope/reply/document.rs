//! A document that counts or lists the objects of all clients: what the engine is, a network, and disk usage.

use std::sync::Arc;

use super::Own;
use super::images::keep_seen;
use crate::docker::json::elements::{Elements, Kept, Place};
use crate::docker::json::{Member, parsed_size};
use crate::docker::{Json, Object, Shows};
use crate::policy::filter::{BadReply, Filter};
use crate::policy::objects::Listed;
use crate::policy::scope::Standing;
use crate::policy::scope::images::Named;

/// The longest document, in bytes.
const MOST: usize = 8 * 1024 * 1024;

/// Filters a document, which is read whole.
#[derive(Debug)]
pub(super) struct Document {
    shows: Shows,
    own: Own,
    /// The containers in scope.
    containers: Arc<[Listed]>,
    /// The names that images got from the client, if it does not see all images.
    named: Option<Named>,
    elements: Elements,
}

impl Document {
    pub(super) fn new(
        shows: Shows,
        own: Own,
        containers: Arc<[Listed]>,
        named: Option<Named>,
    ) -> Self {
        Self {
            named,
            shows,
            own,
            containers,
            elements: Elements::new(Place::Whole, MOST),
        }
    }

    /// The containers on a network. The rest that it has of them comes from other machines of the swarm.
    fn members(&self, network: &mut Json<'_>) {
        if let Some(Json::Object(members)) = network.get_mut("Containers") {
            members.retain(|(id, _)| self.containers.iter().any(|own| own.id == **id));
        }
        network.remove(&["Peers", "Services"]);
    }

    /// How many containers there are, in each state.
    fn counts(&self, info: &mut Json<'_>) {
        for (key, states) in [
            ("Containers", &[][..]),
            ("ContainersPaused", &["paused"]),
            ("ContainersRunning", &["running", "restarting"]),
            (
                "ContainersStopped",
                &["created", "dead", "exited", "removing"],
            ),
        ] {
            let all = self.containers.iter();
            let is_counted = |it: &&Listed| states.is_empty() || states.contains(&&*it.state);
            let count = all.filter(is_counted).count();
            if let Some(value) = info.get_mut(key) {
                *value = Json::Number(count.to_string().into());
            }
        }
        if let Some(images) = info.get_mut("Images").filter(|_| self.named.is_some()) {
            *images = Json::Number("0".into());
        }
        // The state of the swarm stays, and whether services can be created here. What it consists of is out of every
        // scope.
        if let Some(Json::Object(swarm)) = info.get_mut("Swarm") {
            swarm.retain(|(key, _)| matches!(&**key, "ControlAvailable" | "LocalNodeState"));
        }
    }

    /// The containers and volumes that take space. Images are shared; build caches are nobody's.
    fn usage(&self, usage: &mut Json<'_>) -> Option<()> {
        const KNOWN: &[&str] = &[
            "BuildCache",
            "BuilderSize",
            "Containers",
            "Images",
            "LayersSize",
            "Volumes",
        ];
        let Json::Object(members) = usage else {
            return None;
        };
        // Newer versions of the API also have sums over the objects of all clients.
        members.retain(|(key, _)| KNOWN.contains(&&**key));
        for (key, value) in members.iter_mut() {
            match (&**key, value) {
                ("Containers", Json::List(items)) => self.keep(Object::Container, items)?,
                ("Volumes", Json::List(items)) => self.keep(Object::Volume, items)?,
                ("Images", Json::List(items)) if self.named.is_some() => self.keep_images(items)?,
                ("Images", Json::List(items)) => {
                    // It means that they were not counted.
                    let uncounted = || Json::Number("-1".into());
                    let counts = items.iter_mut().filter_map(|it| it.get_mut("Containers"));
                    counts.for_each(|count| *count = uncounted());
                }
                ("BuildCache", value @ Json::List(_)) => *value = Json::List(Vec::new()),
                ("BuilderSize", value) => *value = Json::Number("0".into()),
                _ => {}
            }
        }
        if self.named.is_some() {
            sum_layers(members);
        }
        count_users(members);
        Some(())
    }

    fn keep_images(&self, items: &mut Vec<Json<'_>>) -> Option<()> {
        let (scoped, named) = (self.own.scoped(), self.named.as_deref()?);
        let mut are_readable = true;
        items.retain_mut(|image| {
            let is_seen = keep_seen(scoped, image, named);
            are_readable &= is_seen.is_some();
            is_seen.unwrap_or_default()
        });
        are_readable.then_some(())
    }

    fn keep(&self, kind: Object, items: &mut Vec<Json<'_>>) -> Option<()> {
        if !items.iter().all(|item| matches!(item, Json::Object(_))) {
            return None;
        }
        let scoped = self.own.scoped();
        items.retain(|item| scoped.standing_of(kind, &Listed::of(kind, item)) != Standing::Hidden);
        Some(())
    }
}

impl Document {
    /// The document as the client may see it; `None` if it is another than the API describes.
    fn changed(&self, document: &[u8]) -> Option<String> {
        let mut document = Json::parse(document).ok()?;
        if !matches!(document, Json::Object(_)) {
            return None;
        }
        match self.shows {
            Shows::Counts => self.counts(&mut document),
            Shows::Members => self.members(&mut document),
            Shows::Usage => self.usage(&mut document)?,
            Shows::Events | Shows::List(_) | Shows::Named | Shows::Nothing | Shows::Unused(_) => {
                return None;
            }
        }
        let mut text = String::new();
        document.render(&mut text);
        Some(text)
    }
}

/// Sums the sizes of the images again. Layers that several of them have count for each.
fn sum_layers(usage: &mut [Member<'_>]) {
    let images = usage.iter().find(|(key, _)| key == "Images");
    let images = images.map_or(&[][..], |(_, value)| value.items()).iter();
    let sum: i64 = images.filter_map(|image| image.at("Size").integer()).sum();
    let layers = usage.iter_mut().find(|(key, _)| key == "LayersSize");
    if let Some((_, layers)) = layers {
        *layers = Json::Number(sum.to_string().into());
    }
}

/// Counts the containers that use each volume again, because others do not count.
fn count_users(usage: &mut [Member<'_>]) {
    let containers = usage.iter().find(|(key, _)| key == "Containers");
    let containers = containers
        .map_or(&[][..], |(_, value)| value.items())
        .iter();
    let mounts = containers.flat_map(|it| it.at("Mounts").items());
    let used: Vec<_> = mounts
        .map(|mount| mount.text_at("Name").to_owned())
        .collect();
    let volumes = usage.iter_mut().find(|(key, _)| key == "Volumes");
    for volume in volumes
        .into_iter()
        .flat_map(|(_, value)| value.items_mut(&[]))
    {
        let count = used.iter().filter(|name| *name == volume.text_at("Name"));
        let count = Json::Number(count.count().to_string().into());
        if let Some(data) = volume.get_mut("UsageData").filter(|it| !it.is_null()) {
            data.set("RefCount", count);
        }
    }
}

const BAD: BadReply = BadReply("it is not the document that the API describes");

impl Filter for Document {
    fn push(&mut self, part: &[u8], out: &mut Vec<u8>) -> Result<(), BadReply> {
        // The document is given at its end.
        let pushed = self.elements.push(part, out, &mut |_, _| Kept::Dropped);
        pushed.map(|_| ()).map_err(|_| BAD)
    }

    fn held(&self) -> usize {
        self.elements.held()
    }

    /// The document is parsed, and written again.
    fn reads(&self) -> usize {
        let document = self.elements.unread();
        parsed_size(document, usize::MAX).saturating_add(document.len())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), BadReply> {
        let mut elements = std::mem::replace(&mut self.elements, Elements::new(Place::Whole, 0));
        let mut is_readable = false;
        let read = elements.finish(out, &mut |_, document| match self.changed(document) {
            Some(changed) => {
                is_readable = true;
                Kept::Instead(changed.into_bytes())
            }
            None => Kept::Dropped,
        });
        read.ok().filter(|_| is_readable).map(|_| ()).ok_or(BAD)
    }
}
