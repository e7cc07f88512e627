//! What a request asks for beyond its operation, one by one, whatever any policy says about it.
//!
//! A requirement is something that a policy would have to allow, with the key that can allow it. A request is allowed
//! if all its requirements are, and its audit record lists the same values. None of them contains a secret.

use std::borrow::Cow;

use super::keys::pattern::without_secrets;
use super::keys::{Key, Record};
use super::value::Value;
use crate::docker::Object;
use crate::docker::mount::Access;

/// Something that a request asks for, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Requirement {
    /// Its place in the body or the query, such as `HostConfig.Privileged`.
    pub(crate) path: String,
    pub(crate) what: What,
}

impl Requirement {
    /// Another requirement at the same place.
    pub(crate) fn with(&self, what: What) -> Self {
        let path = self.path.clone();
        Self { path, what }
    }
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum What {
    /// Something that a key of a policy can allow.
    Key(Key, Value),
    /// An object or a name. No key decides about it.
    Touch(Touch),
}

/// An object or a name that a request is about. If it is Dockgate's own, or another object has the name, the request is
/// denied whatever a policy says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Touch {
    /// A name under which other containers find the new object.
    Name(String),
    /// A name that looks like an id, for a new object of this kind. It is denied if it finds another object.
    NewId(Object, String),
    /// An object that the operation is about: its kind, and its name or id.
    Object(Object, String),
    /// A new name for an existing container.
    Rename { container: String, name: String },
}

impl Key {
    /// A requirement without a value.
    pub(crate) fn flag(self) -> What {
        What::Key(self, Value::Flag)
    }

    /// A requirement with this text.
    pub(crate) fn asks(self, text: impl Into<String>) -> What {
        What::Key(self, Value::Text(text.into()))
    }

    /// A requirement with this option of a driver.
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

    /// The text that a request asks this key for.
    pub(crate) fn text_of(&self, key: Key) -> Option<&str> {
        match self {
            Self::Key(asked, value) if *asked == key => value.text(),
            Self::Key(..) | Self::Touch(_) => None,
        }
    }

    /// The value that the key would need; `None` if that is `true`. Values of variables and arguments of commands are
    /// left out. The client chose it, so it can be long.
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
