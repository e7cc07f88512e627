//! What a request asks for beyond its operation, one by one, whatever any policy says of it.
//!
//! A requirement is what a policy would have to allow, named by the key that allows it. The verdict is no
//! more than whether all of them are allowed, and the record says what a client needs with the same
//! values. None of them holds a secret.

use std::borrow::Cow;

use super::keys::pattern::without_secrets;
use super::keys::{Key, Record};
use super::value::Value;
use crate::docker::Object;
use crate::docker::mount::Access;

/// Something that is asked for, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Requirement {
    /// Where in the body or the query it stands, as `HostConfig.Privileged`.
    pub(crate) path: String,
    pub(crate) what: What,
}

impl Requirement {
    /// Something else that is asked for at the same place.
    pub(crate) fn with(&self, what: What) -> Self {
        let path = self.path.clone();
        Self { path, what }
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum What {
    /// What a key of a policy can allow.
    Key(Key, Value),
    /// An object or a name, about which no key decides.
    Touch(Touch),
}

/// An object or a name that a request is about. What is Dockgate's own, or another's already, is denied whatever a
/// policy says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Touch {
    /// A name that others find the new object under.
    Name(String),
    /// A name that reads as an id, given to an object of this kind. It is denied if one is found by it.
    NewId(Object, String),
    /// An object that the operation is about: its kind, and its name or id.
    Object(Object, String),
    /// Another name for a container that is there.
    Rename { container: String, name: String },
}

impl Key {
    /// What asks for nothing but this.
    pub(crate) fn flag(self) -> What {
        What::Key(self, Value::Flag)
    }

    /// What asks for this text.
    pub(crate) fn asks(self, text: impl Into<String>) -> What {
        What::Key(self, Value::Text(text.into()))
    }

    /// What asks for this option of a driver.
    pub(crate) fn option(self, key: impl Into<String>, value: impl Into<String>) -> What {
        let (key, value) = (key.into(), value.into());
        What::Key(self, Value::Pair { key, value })
    }
}

impl From<Touch> for What {
    fn from(touch: Touch) -> Self {
        Self::Touch(touch)
    }
}

impl What {
    /// A path of the host.
    pub(crate) fn bind(path: impl Into<String>, access: Access) -> Self {
        let path = path.into();
        Self::Key(Key::Bind, Value::Bind { path, access })
    }

    /// The key that allows it, if any does.
    pub(crate) fn key(&self) -> Option<Key> {
        match self {
            Self::Key(key, _) => Some(*key),
            Self::Touch(_) => None,
        }
    }

    /// The text that is asked for of a key.
    pub(crate) fn text_of(&self, key: Key) -> Option<&str> {
        match self {
            Self::Key(asked, value) if *asked == key => value.text(),
            Self::Key(..) | Self::Touch(_) => None,
        }
    }

    /// What would have to stand under the key; `None` where that is `true`. Values of the environment
    /// and arguments of commands are left out. A client chose it, as long as it is.
    pub(crate) fn value(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Key(key, value) => match (key.row().record, value) {
                (Record::Name, Value::Pair { key, .. }) => Some(format!("{key}=*").into()),
                (Record::Shortened, Value::Text(address)) => Some(without_secrets(address).into()),
                _ => value.shown(),
            },
            Self::Touch(
                Touch::Name(name)
                | Touch::NewId(_, name)
                | Touch::Object(_, name)
                | Touch::Rename { name, .. },
            ) => Some(name.into()),
        }
    }
}
