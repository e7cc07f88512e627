//! The objects in the daemon's lists.

use super::{Labels, Unreadable};
use crate::docker::Json;

/// An object in a list of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its full id; empty for a volume, which has none.
    pub(crate) id: String,
    /// Its name, without the slash.
    pub(crate) name: String,
    /// Of a container, whether it runs, in the daemon's word.
    pub(crate) state: String,
    pub(crate) labels: Labels,
}

impl Listed {
    /// The keys of an object in a list that are read.
    const KEYS: &[&str] = &["Id", "Labels", "Name", "Names", "State"];

    /// The most values of an object that are read: its members and labels.
    pub(crate) const VALUES: usize = 1024;

    /// One object of a list.
    pub(crate) fn parse(item: &[u8]) -> Result<Self, Unreadable> {
        let item = Json::pick(item, Self::KEYS).filter(|item| matches!(item, Json::Object(_)));
        item.map(|item| Self::of(&item)).ok_or(Unreadable)
    }

    pub(crate) fn of(item: &Json<'_>) -> Self {
        let mut names = item.at("Names").texts();
        // The other names of a container are those of links to it, and have two slashes.
        let own = names.find(|name| name.rfind('/') == Some(0));
        let name = own.map(|name| name.trim_start_matches('/'));
        Self {
            id: item.text_at("Id").to_owned(),
            name: name.unwrap_or_else(|| item.text_at("Name")).to_owned(),
            state: item.text_at("State").to_owned(),
            labels: Labels::of(&[item]),
        }
    }
}

/// The objects in a list.
pub(crate) fn listed(reply: &[u8]) -> Result<Vec<Listed>, Unreadable> {
    let reply = Json::pick(reply, &[Listed::KEYS, &["Volumes"]].concat());
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
    Ok(items.iter().map(Listed::of).collect())
}
