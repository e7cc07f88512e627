//! The objects in the daemon's lists.

use super::{Labels, Unreadable};
use crate::docker::{Json, Object};

/// An object in a list of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its full id; empty for a volume, which has none.
    pub(crate) id: String,
    /// Its name, without the slash.
    pub(crate) name: String,
    /// Of a container, whether it runs, in the daemon's word.
    pub(crate) state: String,
    /// The id of a task's service.
    pub(crate) service: String,
    pub(crate) labels: Labels,
}

impl Listed {
    /// The keys of an object in a list that are read.
    const KEYS: &[&str] = &["Id", "Labels", "Name", "Names", "State"];
    /// The same for objects of the swarm.
    const KEYS_IN_SWARM: &[&str] = &["ID", "ServiceID", "Spec"];

    /// The most values of an object that are read: its members and labels.
    pub(crate) const VALUES: usize = 1024;

    fn keys(kind: Object) -> &'static [&'static str] {
        if kind.is_of_swarm() {
            Self::KEYS_IN_SWARM
        } else {
            Self::KEYS
        }
    }

    /// One object of a list of this kind.
    pub(crate) fn parse(kind: Object, item: &[u8]) -> Result<Self, Unreadable> {
        let item = Json::pick(item, Self::keys(kind));
        let item = item.filter(|item| matches!(item, Json::Object(_)));
        item.map(|item| Self::of(kind, &item)).ok_or(Unreadable)
    }

    pub(crate) fn of(kind: Object, item: &Json<'_>) -> Self {
        if kind.is_of_swarm() {
            let spec = item.at("Spec");
            return Self {
                id: item.text_at("ID").to_owned(),
                name: spec.text_at("Name").to_owned(),
                state: String::new(),
                service: item.text_at("ServiceID").to_owned(),
                labels: Labels::of(&[spec]),
            };
        }
        let mut names = item.at("Names").texts();
        // The other names of a container are those of links to it, and have two slashes.
        let own = names.find(|name| name.rfind('/') == Some(0));
        let name = own.map(|name| name.trim_start_matches('/'));
        Self {
            id: item.text_at("Id").to_owned(),
            name: name.unwrap_or_else(|| item.text_at("Name")).to_owned(),
            state: item.text_at("State").to_owned(),
            service: String::new(),
            labels: Labels::of(&[item]),
        }
    }
}

/// The objects in a list of this kind.
pub(crate) fn listed(kind: Object, reply: &[u8]) -> Result<Vec<Listed>, Unreadable> {
    let reply = Json::pick(reply, &[Listed::keys(kind), &["Volumes"]].concat());
    let reply = reply.ok_or(Unreadable)?;
    // The list of volumes is in an object, and null instead of empty.
    let list = if let Json::Object(_) = &reply {
        reply.get("Volumes").ok_or(Unreadable)?
    } else {
        &reply
    };
    let items = match list {
        Json::List(items) => items.as_slice(),
        Json::Null => &[],
        Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_) => {
            return Err(Unreadable);
        }
    };
    Ok(items.iter().map(|item| Listed::of(kind, item)).collect())
}
