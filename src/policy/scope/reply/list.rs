//! A list of objects, without those out of scope.

use std::sync::Arc;

use super::Own;
use crate::docker::json::elements::{Elements, Kept, Place, Progress};
use crate::docker::{Json, Object};
use crate::policy::filter::{BadReply, Filter};
use crate::policy::objects::Listed;
use crate::policy::scope::Standing;

/// The longest element of a list, in bytes.
const MOST: usize = 4 * 1024 * 1024;

/// Filters a list of objects.
#[derive(Debug)]
pub(super) struct List {
    own: Own,
    kind: Object,
    /// The services in scope, for a list of tasks.
    services: Arc<[Listed]>,
    /// How many more elements the client wants.
    wanted: Option<usize>,
    /// Whether what may only be seen is left out.
    has_only_own: bool,
    elements: Elements,
}

impl List {
    pub(super) fn new(
        own: Own,
        kind: Object,
        services: Arc<[Listed]>,
        (limit, has_only_own): (Option<usize>, bool),
    ) -> Self {
        let place = if kind == Object::Volume {
            Place::Members(&["Volumes"])
        } else {
            Place::List
        };
        Self {
            own,
            kind,
            services,
            wanted: limit,
            has_only_own,
            elements: Elements::new(place, MOST),
        }
    }

    fn read(&mut self, part: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), BadReply> {
        let Self {
            own,
            kind,
            services,
            wanted,
            has_only_own,
            elements,
        } = self;
        let mut is_readable = true;
        let mut each = |_: usize, element: &[u8]| {
            let Ok(listed) = Listed::parse(*kind, element) else {
                is_readable = false;
                return Kept::Dropped;
            };
            let is_wanted = wanted.is_none_or(|wanted| wanted > 0);
            let is_shown = if *kind == Object::Task {
                services.iter().any(|it| it.id == listed.service)
            } else {
                *kind == Object::Image
                    || match own.scoped().standing_of(*kind, &listed) {
                        Standing::Own => true,
                        Standing::Seen => !*has_only_own,
                        Standing::Hidden => false,
                    }
            };
            if !is_wanted || !is_shown {
                return Kept::Dropped;
            }
            *wanted = wanted.map(|wanted| wanted.saturating_sub(1));
            without_users(element).unwrap_or_else(|| {
                is_readable = false;
                Kept::Dropped
            })
        };
        let progress = match part {
            Some(part) => elements.push(part, out, &mut each),
            None => elements.finish(out, &mut each),
        };
        match progress {
            Ok(Progress::Done | Progress::Waits) if is_readable => Ok(()),
            Ok(_) | Err(_) => Err(BadReply("it is not a list of objects")),
        }
    }
}

/// An element as it is, but without the containers that use it: old versions of the API list those on a network, and
/// some engines count those of an image. `None` if it cannot be read.
fn without_users(element: &[u8]) -> Option<Kept> {
    let picked = Json::pick(element, &["Containers"])?;
    let replaced = match picked.at("Containers") {
        Json::Object(members) if !members.is_empty() => Json::Object(Vec::new()),
        // It means that they were not counted.
        Json::Number(count) if &**count != "-1" => Json::Number("-1".into()),
        Json::Null
        | Json::Bool(_)
        | Json::Number(_)
        | Json::Text(_)
        | Json::List(_)
        | Json::Object(_) => return Some(Kept::As),
    };
    let mut changed = Json::parse(element).ok()?;
    changed.set("Containers", replaced);
    let mut text = String::new();
    changed.render(&mut text);
    Some(Kept::Instead(text.into_bytes()))
}

impl Filter for List {
    fn push(&mut self, part: &[u8], out: &mut Vec<u8>) -> Result<(), BadReply> {
        self.read(Some(part), out)
    }

    fn held(&self) -> usize {
        self.elements.held()
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), BadReply> {
        self.read(None, out)
    }
}
