//! Whether clients name only objects that they created themselves. Then `[scope]` can hide all others from them.
//!
//! An id is known to be that of a created object if the record of its creation has it, or if another record connects it
//! with the name.

use std::collections::BTreeSet;

use crate::advice::dry_run::OWN;
use crate::advice::replay::reference;
use crate::audit::reading::Line;
use crate::docker::json::quoted;
use crate::docker::network::is_user_defined;
use crate::docker::{Call, Object, Operation};
use crate::policy::finding;
use crate::policy::names::is_hex;
use crate::policy::objects::is_full_id;

/// A name or an id of an object, as one client uses it.
type Name = (String, Object, String);

/// The objects that clients created, and those that they named.
#[derive(Debug, Default)]
pub(super) struct Origins {
    created: BTreeSet<Name>,
    /// Those that a record calls `@own`.
    own: BTreeSet<Name>,
    /// Two names of one object. An exec belongs to its container.
    same: BTreeSet<(Name, Name)>,
    named: BTreeSet<Name>,
    /// Those that existed before the client created something of that name.
    earlier: BTreeSet<Name>,
    /// Whether a record does not have everything that its request names.
    is_cut: bool,
}

/// Where the named objects come from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Nothing was created.
    NothingCreated,
    /// Whoever named an object created it.
    Own,
    /// The log does not show that the client created something that it named. The reason, for people.
    Other(String),
}

impl Origins {
    /// Adds what a request names and creates.
    pub(super) fn see(&mut self, line: &Line, call: &Call) {
        let name = |kind: Object, name: &str| {
            let name = name.trim_start_matches('/').to_owned();
            (line.who().to_owned(), kind, name)
        };
        let is_missing = line.status == Some(404);
        let is_done = line.verdict != "deny" && line.status.is_some_and(|it| it / 100 == 2);
        let path: Vec<_> = call
            .objects()
            .filter(|it| is_own_or_not(call, it))
            .collect();
        for (kind, of) in &path {
            self.name(name(*kind, of), is_missing);
        }
        if call.operation() == Some(Operation::ImageCommit) {
            let mut query = line.query.iter();
            match query.find_map(|pair| pair.strip_prefix("container=")) {
                Some(of) => self.name(name(Object::Container, of), is_missing),
                None => self.is_cut = true,
            }
        }
        let of_path = path.first().map(|(kind, of)| name(*kind, of));
        self.see_findings(line, of_path.as_ref(), is_missing);
        if let (Some(of_path), Some(id)) = (&of_path, &line.object_id) {
            let id = name(of_path.1, id);
            self.same.insert((of_path.clone(), id));
        }
        let created_id = line.created_id.as_deref().filter(|_| is_done);
        if let Some(id) = created_id {
            self.create(line, call, (id, of_path.as_ref()));
        }
        let Some(new) = line.name.as_deref().filter(|_| is_done) else {
            return;
        };
        if call.operation() == Some(Operation::ContainerRename) {
            let new = name(Object::Container, new);
            self.same.extend(of_path.map(|of_path| (of_path, new)));
        } else if let Some(kind) = creates(call) {
            let new = name(kind, new);
            if !self.earlier.contains(&new) {
                self.created.insert(new);
            }
        }
    }

    /// Adds the id of a new object. `of_path` is what the path names: the container of a new exec.
    fn create(&mut self, line: &Line, call: &Call, (id, of_path): (&str, Option<&Name>)) {
        let name = |kind: Object| (line.who().to_owned(), kind, id.to_owned());
        if let (Some(Operation::ContainerExec), Some(of_path)) = (call.operation(), of_path) {
            self.same.insert((of_path.clone(), name(Object::Exec)));
        } else if let Some(kind) = creates(call) {
            let new = line.name.as_deref().map(|it| it.trim_start_matches('/'));
            let named = new.map(|new| (line.who().to_owned(), kind, new.to_owned()));
            self.same.extend(named.map(|named| (named, name(kind))));
            self.created.insert(name(kind));
        }
    }

    /// Adds what a body or a query names. `of_path` is what the path names.
    fn see_findings(&mut self, line: &Line, of_path: Option<&Name>, is_missing: bool) {
        for text in &line.findings {
            let Some(finding) = finding::parse(text) else {
                self.is_cut = true;
                continue;
            };
            let Some((kind, name)) = reference(&finding) else {
                continue;
            };
            let named = (line.who().to_owned(), kind, name.to_owned());
            // What is entered is the container of the path, or that of the exec.
            let entered = of_path.filter(|it| matches!(it.1, Object::Container | Object::Exec));
            match entered {
                Some(of_path) if name == OWN => _ = self.own.insert(of_path.clone()),
                Some(of_path) => _ = self.same.insert((of_path.clone(), named)),
                None if name == OWN => {}
                None => self.name(named, is_missing),
            }
        }
    }

    fn name(&mut self, name: Name, is_missing: bool) {
        if !is_missing && !self.created.contains(&name) {
            self.earlier.insert(name.clone());
        }
        self.named.insert(name);
    }

    /// Where everything comes from that was named.
    pub(super) fn of_all(&self) -> Origin {
        if self.created.is_empty() {
            return Origin::NothingCreated;
        }
        if self.is_cut {
            let why = "the log does not have everything that requests name";
            return Origin::Other(why.to_owned());
        }
        let own = self.all_own();
        match self.named.iter().find(|name| !is_among(&own, name)) {
            None => Origin::Own,
            Some((_, kind, name)) => Origin::Other(format!(
                "the log does not show that the client created the {} {}, which a request names",
                kind.noun(),
                quoted(name)
            )),
        }
    }

    /// All names and ids of what clients created.
    fn all_own(&self) -> BTreeSet<Name> {
        let mut own: BTreeSet<_> = self.created.union(&self.own).cloned().collect();
        loop {
            let before = own.len();
            for (one, other) in &self.same {
                if is_among(&own, one) || is_among(&own, other) {
                    own.extend([one.clone(), other.clone()]);
                }
            }
            if own.len() == before {
                return own;
            }
        }
    }
}

/// Whether an object is one of these, by its name or id, or by the beginning of its id.
fn is_among(own: &BTreeSet<Name>, name: &Name) -> bool {
    let (who, kind, text) = name;
    let mut alike = own
        .range(name..)
        .take_while(|(owner, of, known)| (owner, of) == (who, kind) && known.starts_with(text));
    alike.any(|(.., known)| known == text || is_hex(text) && is_full_id(known))
}

/// The kind of object that a call creates, if a scope decides about it.
fn creates(call: &Call) -> Option<Object> {
    let kinds = [
        (Operation::ConfigCreate, Object::Config),
        (Operation::ContainerCreate, Object::Container),
        (Operation::NetworkCreate, Object::Network),
        (Operation::SecretCreate, Object::Secret),
        (Operation::ServiceCreate, Object::Service),
        (Operation::VolumeCreate, Object::Volume),
    ];
    let operation = call.operation()?;
    let found = kinds.iter().find(|(creates, _)| *creates == operation);
    found.map(|(_, kind)| *kind)
}

/// Whether it matters who created an object in a path. Images are shared, but only own ones can be changed.
fn is_own_or_not(call: &Call, (kind, name): &(Object, &str)) -> bool {
    match kind {
        Object::Checkpoint | Object::Repository => false,
        Object::Image => call.effect().changes_state(),
        Object::Network => is_user_defined(name),
        Object::Config
        | Object::Container
        | Object::Exec
        | Object::Node
        | Object::Plugin
        | Object::Secret
        | Object::Service
        | Object::Task
        | Object::Volume => true,
    }
}
