//! Walks through one document and replaces the values that are hidden, where they stand.
//!
//! The document is strict JSON, because it was split from a reply. If it is not, nothing of it is shown.

use std::borrow::Cow;

use super::keys::Key;
use super::rules::Rule;
use super::text::{Unreadable, decoded, quote};
use super::{PLACEHOLDER, PLACEHOLDER_IN_BASE64, Redaction};
use crate::docker::event::ATTRIBUTES;
use crate::docker::json::plain;

/// A document, and what is written instead of it.
pub(super) struct Walk<'t, 'r> {
    pub(super) redaction: &'r Redaction,
    /// Whether the event is about the host itself.
    pub(super) is_of_host: bool,
    text: &'t [u8],
    at: usize,
    /// Up to where the document is in `out`, or was replaced.
    written: usize,
    out: Vec<u8>,
}

/// The kind of a value, by its first byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    List,
    Object,
    Text,
    /// A number, true, false or null.
    Bare,
}

/// The first words of a health check.
const HOW_TO_RUN: [&str; 4] = ["", "CMD", "CMD-SHELL", "NONE"];

impl<'t, 'r> Walk<'t, 'r> {
    pub(super) fn new(redaction: &'r Redaction, text: &'t [u8]) -> Self {
        Self {
            redaction,
            is_of_host: false,
            text,
            at: 0,
            written: 0,
            out: Vec::new(),
        }
    }

    /// What is shown instead of the document, which is of the kind that `root` says; `None` if all of it is shown.
    pub(super) fn all(mut self, root: Key) -> Result<Option<Vec<u8>>, Unreadable> {
        self.value(Rule::Walk, root)?;
        self.space();
        if self.at < self.text.len() {
            return Err(Unreadable);
        }
        if self.written == 0 {
            return Ok(None);
        }
        self.out
            .extend_from_slice(self.text.get(self.written..).ok_or(Unreadable)?);
        Ok(Some(self.out))
    }

    /// Reads a value under a key, or one in the list under it.
    fn value(&mut self, rule: Rule, key: Key) -> Result<(), Unreadable> {
        let kind = self.kind()?;
        match (rule, kind) {
            (Rule::Null, _) => {
                let (start, written, length) = (self.at, self.written, self.out.len());
                self.value(Rule::Names, Key::Other)?;
                self.written = written;
                self.out.truncate(length);
                self.replace(start, b"null")
            }
            (_, Kind::Bare) => self.bare(),
            (_, Kind::Text) => self.text(rule),
            (Rule::HealthCheck, Kind::List) => self.list(|walk, at| {
                let is_first = at == 0;
                walk.value(if is_first { rule } else { Rule::Hide }, key)
            }),
            (Rule::Rows, Kind::List) => self.list(|walk, _| walk.row(key)),
            (Rule::Env, Kind::List) => self.list(|walk, _| walk.value(Rule::Variable, key)),
            (Rule::Names, Kind::List) => self.list(|walk, _| walk.value(Rule::Walk, key)),
            (_, Kind::List) => self.list(|walk, _| walk.value(rule, key)),
            (_, Kind::Object) => self.members(rule, key),
        }
    }

    /// Reads an object under a key.
    fn members(&mut self, rule: Rule, key: Key) -> Result<(), Unreadable> {
        match rule {
            Rule::Walk => self.object(|walk, name| {
                let name = Key::of(name);
                walk.value(walk.redaction.rule(key, name), name)
            }),
            Rule::Names => self.object(|walk, _| walk.value(Rule::Walk, key)),
            Rule::Env => self.object(|walk, name| {
                let is_shown = walk.redaction.shows_variable(&decoded(name)?);
                walk.value(if is_shown { Rule::Names } else { Rule::Hide }, key)
            }),
            Rule::Variable => self.variable(),
            Rule::Labels { is_event } => self.object(|walk, name| {
                let rule = if walk.hides_label(name, is_event)? {
                    Rule::Hide
                } else {
                    Rule::Names
                };
                walk.value(rule, key)
            }),
            Rule::Options { is_device } => self.object(|walk, name| {
                let is_shown = is_device && !decoded(name)?.eq_ignore_ascii_case("device");
                walk.value(if is_shown { Rule::Names } else { Rule::Hide }, key)
            }),
            Rule::Action
            | Rule::Empty
            | Rule::HealthCheck
            | Rule::Hide
            | Rule::HideBase64
            | Rule::Null
            | Rule::Rows => {
                // Nobody knows such an object, so all of it is hidden.
                let rule = if rule == Rule::Empty {
                    rule
                } else {
                    Rule::Hide
                };
                self.object(|walk, _| walk.value(rule, key))
            }
        }
    }

    /// An object with the name and the value of an environment variable.
    fn variable(&mut self) -> Result<(), Unreadable> {
        let mut named = None;
        self.object(|walk, key| {
            let key = decoded(key)?.to_ascii_lowercase();
            let kind = walk.kind()?;
            let is_shown = match (&*key, kind) {
                ("name", Kind::Text) => {
                    let start = walk.at;
                    walk.text(Rule::Walk)?;
                    // The second of two names could be another variable's.
                    let is_second = named.is_some();
                    let name = walk.quoted(start)?.into_owned();
                    named = Some((!is_second).then_some(name));
                    return Ok(());
                }
                ("description" | "settable", _) => true,
                ("value", _) => {
                    let name = named.as_ref().and_then(Option::as_deref);
                    name.is_some_and(|name| walk.redaction.shows_variable(name))
                }
                _ => false,
            };
            walk.value(if is_shown { Rule::Names } else { Rule::Hide }, Key::Other)
        })
    }

    fn hides_label(&self, name: &[u8], is_event: bool) -> Result<bool, Unreadable> {
        let name = decoded(name)?;
        if is_event && self.is_of_host {
            return Ok(true);
        }
        if is_event && ATTRIBUTES.contains(&&*name) {
            let is_comment = name == "comment" && self.redaction.hides(super::Class::Commands);
            let mut labels = self.redaction.labels.iter();
            return Ok(is_comment || labels.any(|pattern| pattern.to_string() == *name));
        }
        Ok(self.redaction.hides_label(&name))
    }

    /// Reads a row of a table, and hides its last column.
    fn row(&mut self, key: Key) -> Result<(), Unreadable> {
        if self.kind()? != Kind::List {
            return self.value(Rule::Hide, key);
        }
        let mut last = None;
        self.list(|walk, _| {
            last = None;
            let start = walk.at;
            if walk.kind()? != Kind::Text {
                return walk.value(Rule::Hide, key);
            }
            walk.text(Rule::Walk)?;
            last = Some((start, walk.at));
            Ok(())
        })?;
        if let Some((start, end)) = last {
            let after = std::mem::replace(&mut self.at, end);
            self.replace(start, &quote(PLACEHOLDER))?;
            self.at = after;
        }
        Ok(())
    }

    /// Reads a string, and replaces it if it is hidden.
    fn text(&mut self, rule: Rule) -> Result<(), Unreadable> {
        let start = self.at;
        self.string()?;
        let hidden = match rule {
            Rule::Walk | Rule::Names | Rule::Null | Rule::Options { is_device: true } => None,
            Rule::Empty => Some(Cow::Borrowed("")),
            Rule::HideBase64 => Some(Cow::Borrowed(PLACEHOLDER_IN_BASE64)),
            Rule::Hide | Rule::Rows | Rule::Options { is_device: false } => {
                Some(Cow::Borrowed(PLACEHOLDER))
            }
            Rule::HealthCheck => {
                let is_how = HOW_TO_RUN.contains(&&*self.quoted(start)?);
                (!is_how).then_some(Cow::Borrowed(PLACEHOLDER))
            }
            Rule::Action => {
                let text = self.quoted(start)?;
                text.split_once(':')
                    .filter(|(name, state)| *name != "health_status" || !is_state(state))
                    .map(|(name, _)| Cow::Owned(format!("{name}: {PLACEHOLDER}")))
            }
            Rule::Env | Rule::Variable => {
                self.pair(start, |redaction, name| !redaction.shows_variable(name))?
            }
            Rule::Labels { .. } => self.pair(start, Redaction::hides_label)?,
        };
        let is_empty = self.at == start + 2;
        match hidden {
            Some(hidden) if !is_empty => self.replace(start, &quote(&hidden)),
            Some(_) | None => Ok(()),
        }
    }

    /// The string that ends here as `name=value`, without the value if that is hidden.
    fn pair(
        &self,
        start: usize,
        is_hidden: impl Fn(&Redaction, &str) -> bool,
    ) -> Result<Option<Cow<'static, str>>, Unreadable> {
        let text = self.quoted(start)?;
        let pair = text.split_once('=');
        let hidden = pair.filter(|(name, _)| is_hidden(self.redaction, name));
        Ok(hidden.map(|(name, _)| Cow::Owned(format!("{name}={PLACEHOLDER}"))))
    }

    /// The text of the string that ends here.
    fn quoted(&self, start: usize) -> Result<Cow<'t, str>, Unreadable> {
        let end = self.at.checked_sub(1).ok_or(Unreadable)?;
        decoded(self.text.get(start + 1..end).ok_or(Unreadable)?)
    }

    /// Writes this instead of the value that ends here.
    fn replace(&mut self, start: usize, with: &[u8]) -> Result<(), Unreadable> {
        let before = self.text.get(self.written..start).ok_or(Unreadable)?;
        self.out.extend_from_slice(before);
        self.out.extend_from_slice(with);
        self.written = self.at;
        Ok(())
    }

    fn list(
        &mut self,
        mut each: impl FnMut(&mut Self, usize) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let mut count = 0;
        self.bracket(b']', |walk| {
            each(walk, count)?;
            count += 1;
            Ok(())
        })
    }

    /// Reads an object. `each` gets the key as it is written between its quotes, and reads the value.
    fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, &'t [u8]) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        self.bracket(b'}', |walk| {
            let start = walk.at;
            walk.string()?;
            let key = walk.text.get(start + 1..walk.at - 1).ok_or(Unreadable)?;
            walk.space();
            walk.expect(b':')?;
            walk.space();
            each(walk, key)
        })
    }

    fn bracket(
        &mut self,
        end: u8,
        mut each: impl FnMut(&mut Self) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        self.at += 1;
        self.space();
        if self.peek() == Some(end) {
            self.at += 1;
            return Ok(());
        }
        loop {
            each(self)?;
            self.space();
            if self.peek() == Some(end) {
                self.at += 1;
                return Ok(());
            }
            self.expect(b',')?;
            self.space();
        }
    }

    fn kind(&mut self) -> Result<Kind, Unreadable> {
        self.space();
        Ok(match self.peek().ok_or(Unreadable)? {
            b'[' => Kind::List,
            b'{' => Kind::Object,
            b'"' => Kind::Text,
            _ => Kind::Bare,
        })
    }

    fn bare(&mut self) -> Result<(), Unreadable> {
        let rest = self.text.get(self.at..).ok_or(Unreadable)?;
        let is_in = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = rest.iter().take_while(is_in).count();
        self.at += length;
        if length == 0 { Err(Unreadable) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<(), Unreadable> {
        self.expect(b'"')?;
        loop {
            let rest = self.text.get(self.at..).ok_or(Unreadable)?;
            self.at += plain(rest).ok_or(Unreadable)? + 1;
            match self.text.get(self.at - 1) {
                Some(b'"') => return Ok(()),
                Some(b'\\') => self.at += 1,
                Some(_) | None => return Err(Unreadable),
            }
        }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Result<(), Unreadable> {
        let is_there = self.peek() == Some(byte);
        self.at += 1;
        if is_there { Ok(()) } else { Err(Unreadable) }
    }
}

/// Whether a text can be the state of a container's health.
fn is_state(text: &str) -> bool {
    text.len() < 16
        && text
            .bytes()
            .all(|byte| byte == b' ' || byte.is_ascii_lowercase())
}
