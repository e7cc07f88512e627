//! What a reply may show of a client's scope.
//!
//! Lists and events are judged element by element as they arrive, and what is kept keeps its bytes. Single documents
//! that count or list other objects are read whole.

mod document;
mod events;
mod images;
mod list;

use std::collections::BTreeSet;
use std::sync::Arc;

use images::ImageRule;

use super::images::Named;
use super::{Scope, Scoped};
use crate::docker::query::Query;
use crate::docker::{Call, Object, Shows};
use crate::policy::answers::{Answer, Answers, NeedsLookup};
use crate::policy::filter::Filter;
use crate::policy::filter::error_text::ErrorRule;
use crate::policy::objects::Listed;
use crate::policy::owner::Owner;

/// What a reply may show, and what is needed to judge that.
#[derive(Debug)]
pub(crate) struct Shown {
    shows: Shows,
    own: Own,
    /// The containers in scope, if the reply has containers without labels; or the services, if it has tasks.
    listed: Arc<[Listed]>,
    /// The most elements that the client asked for.
    limit: Option<usize>,
    /// Whether what may only be seen is left out.
    has_only_own: bool,
    errors: ErrorRule,
    /// What it may show of images, unless it may show all of them.
    images: Option<ImageRule>,
    /// The query to send, if it is not the client's.
    pub(crate) query: Option<Query>,
}

/// A scope and its owner, for as long as a reply takes.
#[derive(Clone, Debug)]
pub(super) struct Own(Arc<OwnParts>);

#[derive(Debug)]
struct OwnParts {
    scope: Arc<Scope>,
    mark: String,
    client: Option<String>,
}

impl Own {
    fn of(scoped: Scoped<'_>) -> Self {
        Self(Arc::new(OwnParts {
            scope: Arc::clone(scoped.scope),
            mark: scoped.owner.mark.to_owned(),
            client: scoped.owner.client.map(str::to_owned),
        }))
    }

    pub(super) fn scoped(&self) -> Scoped<'_> {
        Scoped {
            scope: &self.0.scope,
            owner: Owner {
                mark: &self.0.mark,
                client: self.0.client.as_deref(),
            },
        }
    }
}

impl Scoped<'_> {
    /// What the reply to a call may show.
    pub(crate) fn shown(self, call: &Call, view: &Answers) -> Result<Shown, NeedsLookup> {
        let shows = call.judged().shows;
        let listed = match shows {
            Shows::Counts | Shows::Members => self.all(Object::Container, view)?,
            Shows::List(Object::Task) => self.services(view)?,
            Shows::Events
            | Shows::List(_)
            | Shows::Named
            | Shows::Nothing
            | Shows::Unused(_)
            | Shows::Usage => Vec::new(),
        };
        let known = ids(view).chain(listed.iter().map(|it| it.id.clone()));
        let known: BTreeSet<_> = known.collect();
        let (query, stand_ins) = self.narrowed(call, view)?;
        let images = ImageRule::of(self, call, view)?;
        Ok(Shown {
            images,
            query,
            shows,
            own: Own::of(self),
            listed: listed.into(),
            limit: super::listing::limit(call),
            has_only_own: super::listing::depends_on_use(call),
            errors: ErrorRule {
                known: Arc::new(known),
                services: self.users(call, view)?.into(),
                stand_ins,
            },
        })
    }
}

/// The ids of the objects that the client sees.
pub(super) fn ids(view: &Answers) -> impl Iterator<Item = String> {
    view.all().filter_map(|(_, answer)| match answer {
        Answer::Container(it) => Some(it.id.clone()),
        Answer::Network(it) => Some(it.id.clone()),
        Answer::Image(it) => Some(it.id.clone()),
        Answer::Exec(it) => Some(it.id.clone()),
        Answer::Service(it) => Some(it.id.clone()),
        Answer::SwarmObject(it) => Some(it.id.clone()),
        Answer::Containers(_)
        | Answer::Listed(_)
        | Answer::Missing
        | Answer::Named(_)
        | Answer::Text(_)
        | Answer::Volume(_) => None,
    })
}

impl Shown {
    fn named(&self) -> Option<Named> {
        let images = self.images.as_ref();
        images.map(|images| Arc::clone(&images.named))
    }

    /// The filter for a reply with this status, unless it is passed on as it is.
    pub(crate) fn filter(&self, status: u16) -> Option<Box<dyn Filter>> {
        if status >= 400 {
            return Some(self.errors.filter());
        }
        if !(200..300).contains(&status) {
            return None;
        }
        let own = || self.own.clone();
        let of_images = self.images.as_ref().and_then(|rule| rule.filter(own()));
        if of_images.is_some() {
            return of_images;
        }
        match self.shows {
            Shows::List(kind) => {
                let listed = Arc::clone(&self.listed);
                let only = (self.limit, self.has_only_own);
                Some(Box::new(list::List::new(own(), kind, listed, only)))
            }
            Shows::Events => Some(Box::new(events::Events::new(own()))),
            Shows::Counts | Shows::Members | Shows::Usage => Some(Box::new(
                document::Document::new(self.shows, own(), Arc::clone(&self.listed), self.named()),
            )),
            Shows::Named | Shows::Nothing | Shows::Unused(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
