//! What a verdict assumes about objects that nobody looked up, and whether that brings them into scope.

use serde_json::{Value, json};

use crate::docker::json::quoted;
use crate::docker::{Call, Object};
use crate::policy::owner::Owner;
use crate::policy::scope::{Member, Scoped, Standing};
use crate::policy::{Lookup, Rules};
use crate::policyfile::Policy;
use crate::policyfile::example::Given;

/// A request whose objects nobody looks up.
#[derive(Clone, Copy)]
pub(super) struct Assumed<'a> {
    pub(super) rules: &'a Rules,
    pub(super) call: &'a Call,
    /// Whether its audit record says that the object in the path was out of scope.
    pub(super) was_out_of_scope: bool,
}

impl<'a> Assumed<'a> {
    /// What is assumed about the objects in the path beside the usual, if scopes decide which ones exist.
    pub(super) fn given(self) -> Vec<Given> {
        let given = self.of_path().filter_map(|(kind, lookup)| {
            // A new volume would be out of scope under any scope.
            let exists = (kind == Object::Volume).then(|| json!({}));
            let answer = if self.was_out_of_scope {
                Some(Value::Null)
            } else {
                exists
            };
            Some((lookup.call()?.path(), answer?))
        });
        given.collect()
    }

    /// A sentence about everything that is assumed. `supposed` are the lookups without a given answer.
    pub(super) fn lines(self, supposed: &[Lookup]) -> Vec<String> {
        let of_path = self.of_path().filter_map(|(kind, lookup)| {
            let name = self.call.object().unwrap_or_default();
            let noun = kind.noun();
            if self.was_out_of_scope {
                let text = format!(
                    "the {noun} {name} is not in scope or does not exist, as in the audit record"
                );
                return Some(text);
            }
            (kind == Object::Volume).then(|| {
                let exists = || format!("the volume {name} exists, and was created elsewhere");
                self.in_scope(&lookup).unwrap_or_else(exists)
            })
        });
        let others = supposed.iter();
        let others = others.map(|lookup| self.in_scope(lookup).unwrap_or_else(|| ordinary(lookup)));
        of_path.chain(others).collect()
    }

    /// The object in the path, if a scope decides whether it exists.
    fn of_path(self) -> impl Iterator<Item = (Object, Lookup)> {
        let is_scoped = self.scopes().is_some_and(|scopes| !scopes.is_empty());
        let objects = self.call.objects().filter(move |_| is_scoped);
        let objects = objects.filter_map(|(kind, name)| {
            let of: fn(String) -> Lookup = match kind {
                Object::Config => |name| Lookup::SwarmObject(Object::Config, name),
                Object::Container => Lookup::Container,
                Object::Exec => Lookup::Exec,
                Object::Network => Lookup::Network,
                Object::Secret => |name| Lookup::SwarmObject(Object::Secret, name),
                Object::Service => Lookup::Service,
                Object::Task => |name| Lookup::SwarmObject(Object::Task, name),
                Object::Volume => Lookup::Volume,
                Object::Checkpoint
                | Object::Image
                | Object::Node
                | Object::Plugin
                | Object::Repository => return None,
            };
            Some((kind, of(name.to_owned())))
        });
        objects.take(1)
    }

    /// The scopes of the policies that allow the operation; `None` if one of them has no scope, so that every object
    /// exists.
    fn scopes(self) -> Option<Vec<Scoped<'a>>> {
        let policies = self.rules.policies().iter();
        let granting = policies.filter(|policy| policy.grants(self.call));
        granting.map(Policy::scoped).collect()
    }

    /// Whether an ordinary object is in scope, and what it lacks if it is not; `None` if no scope decides.
    fn in_scope(self, lookup: &Lookup) -> Option<String> {
        let scopes = self.scopes().filter(|scopes| !scopes.is_empty())?;
        let (kind, name) = match lookup {
            Lookup::Container(name) => (Object::Container, name),
            Lookup::Network(name) => (Object::Network, name),
            Lookup::Service(name) => (Object::Service, name),
            Lookup::SwarmObject(kind @ (Object::Config | Object::Secret), name) => (*kind, name),
            Lookup::Volume(name) if self.call.object() == Some(name) => (Object::Volume, name),
            Lookup::DefaultRuntime
            | Lookup::Exec(_)
            | Lookup::Image(_)
            | Lookup::Labeled(..)
            | Lookup::Moved { .. }
            | Lookup::Named(_)
            | Lookup::NewVolume(_)
            | Lookup::Predecessor(_)
            | Lookup::SwarmObject(..)
            | Lookup::Tag(_)
            | Lookup::UsersOf(_)
            | Lookup::Volume(_) => return None,
        };
        // The container of an assumed exec, and the service of an assumed task, have assumed ids.
        let is_assumed = name.bytes().all(|byte| byte == b'0');
        let noun = kind.noun();
        let named = match (is_assumed, kind) {
            (true, Object::Service) => format!("the {noun} of the task"),
            (true, _) => format!("the {noun} of the exec"),
            (false, _) => format!("the {noun} {name}"),
        };
        let standings = scopes.iter();
        let standings: Vec<_> = standings
            .map(|scoped| scoped.standing(kind, name, |_| None))
            .collect();
        Some(if standings.contains(&Standing::Own) {
            format!("{named} was created elsewhere, and is in scope")
        } else if standings.contains(&Standing::Seen) {
            format!(
                "{named} was created elsewhere, and can be seen and used, but not changed, because of scope.see"
            )
        } else {
            match wanted(&scopes) {
                wanted if wanted.is_empty() => {
                    format!("{named} is out of scope, because scope.objects is empty")
                }
                wanted => format!(
                    "{named} does not have {}, so it is out of scope",
                    wanted.join(" or ")
                ),
            }
        })
    }
}

/// What would bring an object into one of these scopes.
fn wanted(scopes: &[Scoped<'_>]) -> Vec<String> {
    let mut wanted = Vec::new();
    for scoped in scopes {
        let members = scoped.scope.objects.as_slice().iter();
        for text in members.filter_map(|member| selected(member, scoped.owner)) {
            if !wanted.contains(&text) {
                wanted.push(text);
            }
        }
    }
    wanted
}

/// What a selector selects; `None` if it selects every object without labels.
fn selected(member: &Member, owner: Owner<'_>) -> Option<String> {
    let listed = |labels: Vec<String>| {
        let noun = if labels.len() == 1 { "label" } else { "labels" };
        format!("the {noun} {}", labels.join(" and "))
    };
    let equal = |key: &str, value: &str| format!("{key} = {}", quoted(value));
    Some(match member {
        Member::Labels(labels) => {
            let labels = labels.iter().map(|(key, value)| match value {
                Some(value) => equal(key, value),
                None => key.clone(),
            });
            listed(labels.collect())
        }
        Member::Name(pattern) => format!("the name {pattern}"),
        Member::Not(..) => return None,
        Member::Own => listed(
            owner
                .labels()
                .map(|(key, value)| equal(key, value))
                .collect(),
        ),
        Member::Project(name) => format!("the project {name}"),
    })
}

/// What the verdict assumes, because it was not looked up.
fn ordinary(lookup: &Lookup) -> String {
    match lookup {
        Lookup::Container(name) => {
            format!("the container {name} is an ordinary one, created elsewhere")
        }
        Lookup::DefaultRuntime => "the daemon's default runtime is runc".to_owned(),
        Lookup::Exec(id) => format!("the exec {id} runs sh in an ordinary container"),
        Lookup::Image(id) => format!("the image {id} sets nothing for its containers"),
        Lookup::Labeled(_, label) => format!("nothing has the label {label} yet"),
        Lookup::Moved { name, .. } => format!("the image {name} got its name elsewhere"),
        Lookup::Named(_) => {
            "the client has tagged and pulled no image since Dockgate started".to_owned()
        }
        Lookup::Network(name) => format!("the network {name} exists, and was created elsewhere"),
        Lookup::Predecessor(name) if name.is_empty() => {
            "no container was removed before".to_owned()
        }
        Lookup::Predecessor(name) => format!("no container {name} was removed before"),
        Lookup::Service(name) => format!("the service {name} exists"),
        Lookup::SwarmObject(kind, name) => format!("the {} {name} exists", kind.noun()),
        Lookup::NewVolume(volume) => format!("nobody else creates the volume {}", volume.name),
        Lookup::Tag(name) => format!("no image has the name {name} yet"),
        Lookup::UsersOf(volume) => format!("no container uses the volume {volume}"),
        Lookup::Volume(name) => format!("the volume {name} is new"),
    }
}

#[cfg(test)]
mod tests;
