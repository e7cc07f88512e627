//! A parsed document, and its only rendering.

use std::borrow::Cow;

use super::text::escape;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as written.
    Number(Cow<'a, str>),
    /// A string, its escapes resolved.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Json<'a>>),
    /// An object, with its keys in their original order and without repeated ones.
    Object(Vec<Member<'a>>),
}

/// A key of an object, and its value.
pub type Member<'a> = (Cow<'a, str>, Json<'a>);

impl<'a> Json<'a> {
    /// Appends the document in its canonical form: no spaces, as few escapes as possible.
    pub(crate) fn render(&self, to: &mut String) {
        match self {
            Self::Null => to.push_str("null"),
            Self::Bool(true) => to.push_str("true"),
            Self::Bool(false) => to.push_str("false"),
            Self::Number(number) => to.push_str(number),
            Self::Text(text) => render_text(text, to),
            Self::List(values) => {
                to.push('[');
                for (place, value) in values.iter().enumerate() {
                    to.push_str(if place > 0 { "," } else { "" });
                    value.render(to);
                }
                to.push(']');
            }
            Self::Object(members) => {
                to.push('{');
                for (place, (key, value)) in members.iter().enumerate() {
                    to.push_str(if place > 0 { "," } else { "" });
                    render_text(key, to);
                    to.push(':');
                    value.render(to);
                }
                to.push('}');
            }
        }
    }

    /// Cheaper than comparing two values, and called for every member of a body.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let mut members = self.members().iter();
        let member = members.find(|(name, _)| name == key);
        member.map(|(_, value)| value)
    }

    /// The value of a key; null if this is not an object that has it.
    pub(crate) fn at(&self, key: &str) -> &Self {
        self.get(key).unwrap_or(&Self::Null)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let mut members = members.iter_mut();
        members
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// The value at a path of keys, for changing it.
    pub(crate) fn at_mut(&mut self, path: &[&str]) -> Option<&mut Self> {
        path.iter().try_fold(self, |of, key| of.get_mut(key))
    }

    /// The text of a key; empty if there is none.
    pub(crate) fn text_at(&self, key: &str) -> &str {
        self.at(key).text().unwrap_or_default()
    }

    /// The elements of the array at a path of keys, for changing them; empty if there is no array.
    pub(crate) fn items_mut(&mut self, path: &[&str]) -> &mut [Self] {
        match self.at_mut(path) {
            Some(Self::List(values)) => values,
            Some(_) | None => &mut [],
        }
    }

    /// The members of the object at a path of keys, for changing them; empty if there is no object.
    pub(crate) fn members_mut(&mut self, path: &[&str]) -> &mut [Member<'a>] {
        match self.at_mut(path) {
            Some(Self::Object(members)) => members,
            Some(_) | None => &mut [],
        }
    }

    /// Sets the value of a key, if this is an object.
    pub(crate) fn set(&mut self, key: impl Into<Cow<'a, str>>, value: Self) {
        let key = key.into();
        self.remove(&[&*key]);
        if let Self::Object(members) = self {
            members.push((key, value));
        }
    }

    /// The value of a key, for changing it; it becomes an empty object if it is missing.
    pub(crate) fn get_or_insert(&mut self, key: &str) -> Option<&mut Self> {
        if self.get(key).is_none() {
            self.set(key.to_owned(), Self::Object(Vec::new()));
        }
        self.get_mut(key)
    }

    /// Removes keys, if this is an object.
    pub(crate) fn remove(&mut self, keys: &[&str]) {
        if let Self::Object(members) = self {
            members.retain(|(key, _)| !keys.contains(&&**key));
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// The integer, if this is one and it fits.
    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.parse().ok(),
            Self::Null | Self::Bool(_) | Self::Text(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    pub(crate) fn is_true(&self) -> bool {
        *self == Self::Bool(true)
    }

    /// The elements; empty if this is not an array.
    pub(crate) fn items(&self) -> &[Self] {
        match self {
            Self::List(values) => values,
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::Object(_) => &[],
        }
    }

    /// The members; empty if this is not an object.
    pub(crate) fn members(&self) -> &[Member<'a>] {
        match self {
            Self::Object(members) => members,
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::List(_) => &[],
        }
    }

    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.items().iter().filter_map(Self::text)
    }
}

fn render_text(text: &str, to: &mut String) {
    to.push('"');
    escape(text, to);
    to.push('"');
}
