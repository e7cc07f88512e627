//! The text of an error: what the daemon says about objects that the client cannot see.
//!
//! Dockgate asks the daemon about a stand-in instead of a name that the client cannot see, so that the daemon itself
//! says that there is no such object. The client's name is put back into the reply.
//!
//! The daemon also names objects that the client did not ask about: `volume is in use - [<id>]`, `is already in use by
//! container "<id>"`, `has active endpoints (name:"web" id:"<id>")`, `is in use by the following service: web`, `is
//! already in use by service 'web' (<id>)`. There `…` replaces the ids and names.
//!
//! Source: moby `daemon/libnetwork/network.go` and `error.go` for the list of endpoints. Its names are those of
//! containers, but its ids are those of endpoints. moby/swarmkit `manager/controlapi` for services.

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::ops::{Bound, Range, RangeInclusive};
use std::sync::Arc;

use super::{BadReply, Filter};
use crate::docker::json::escape;
use crate::policy::names::{is_hex, reads_as_swarm_id};
use crate::policy::objects::is_full_id;

/// How errors are reworded.
#[derive(Clone, Debug, Default)]
pub(crate) struct ErrorRule {
    /// The full ids that may appear, and the first 12 or more digits of them too. For the names in a list of endpoints,
    /// it must have the ids of the endpoints.
    pub(crate) known: Arc<BTreeSet<String>>,
    /// The names of services that may appear as users of something.
    pub(crate) services: Arc<[String]>,
    /// What the daemon was asked about instead of the client's names.
    pub(crate) stand_ins: Vec<StandIn>,
}

/// A word that the daemon was asked about instead of a name.
#[derive(Clone, Debug)]
pub(crate) struct StandIn {
    /// The word: letters that no other part of the reply can contain.
    pub(crate) word: String,
    /// The name in the client's request.
    pub(crate) name: String,
}

/// Rewords one error, which it reads whole.
#[derive(Debug)]
struct ErrorText {
    rule: ErrorRule,
    text: Vec<u8>,
}

/// The longest error, in bytes. Those of the daemon have a few hundred.
const MAX: usize = 64 * 1024;
/// The digits of the shortest and the longest id.
const ID: RangeInclusive<usize> = 12..=64;
/// What is read for a character that matters to no one.
const OTHER: u8 = 0x80;
/// What is read for the quote at the beginning or end of a string in JSON. UTF-8 does not have this byte.
const STRING_END: u8 = 0xff;
/// What replaces an id or a name.
const HIDDEN: &str = "…";

impl ErrorRule {
    pub(crate) fn filter(&self) -> Box<dyn Filter> {
        Box::new(ErrorText {
            rule: self.clone(),
            text: Vec::new(),
        })
    }

    /// Whether an id, or the beginning of one, may appear.
    fn knows(&self, id: &str) -> bool {
        let from = (Bound::Included(id), Bound::Unbounded);
        let first = self.known.range::<str, _>(from).next();
        id.len() >= *ID.start() && first.is_some_and(|known| known.starts_with(id))
    }

    /// The parts of a text that may not appear, in order.
    fn hidden(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut hidden = Vec::new();
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let is_in_word = |byte: &&u8| byte.is_ascii_alphanumeric();
            let length = rest.iter().take_while(is_in_word).count().max(1);
            let (word, behind) = rest.split_at(length);
            at += length;
            if let Some(behind) = users(text, at, word) {
                for name in names(text, behind) {
                    at = name.end;
                    let written = text.get(name.clone()).unwrap_or_default();
                    let is_known = |it: &String| it.as_bytes() == written;
                    if !self.services.iter().any(is_known) {
                        hidden.push(name);
                    }
                }
            } else if word == b"service"
                && let Some((name, id)) = publisher(text, at)
            {
                at = name.end;
                if !self.knows(id) {
                    hidden.push(name);
                }
            } else if word == b"name"
                && let Some((name, behind)) = behind.strip_prefix(b":").and_then(quoted)
            {
                let name = at + 2..at + 2 + name.len();
                at = name.end;
                let id = behind.strip_prefix(b" id:").and_then(quoted);
                let id = id.and_then(|(id, _)| str::from_utf8(id).ok());
                if !name.is_empty() && !id.is_some_and(|id| self.knows(id)) {
                    hidden.push(name);
                }
            } else if let Some(id) = as_id(word)
                && !self.knows(id)
            {
                hidden.push(at - length..at);
            }
        }
        hidden
    }
}

impl Filter for ErrorText {
    fn held(&self) -> usize {
        self.text.len()
    }

    fn push(&mut self, part: &[u8], _out: &mut Vec<u8>) -> Result<(), BadReply> {
        if part.len() > MAX - self.text.len() {
            return Err(BadReply("its error is longer than 64 KiB"));
        }
        self.text.extend_from_slice(part);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), BadReply> {
        let is_json = self.text.trim_ascii_start().starts_with(b"{");
        let read = Read::of(&self.text, is_json);
        let mut scrubbed = Vec::with_capacity(self.text.len());
        let mut from = 0;
        for hidden in self.rule.hidden(&read.text) {
            let written = read.written(&hidden);
            scrubbed.extend_from_slice(self.text.get(from..written.start).unwrap_or_default());
            scrubbed.extend_from_slice(HIDDEN.as_bytes());
            from = written.end;
        }
        scrubbed.extend_from_slice(self.text.get(from..).unwrap_or_default());
        for stand_in in &self.rule.stand_ins {
            let mut named = Vec::with_capacity(scrubbed.len());
            stand_in.put_back(&scrubbed, is_json, &mut named);
            scrubbed = named;
        }
        out.append(&mut scrubbed);
        Ok(())
    }
}

impl StandIn {
    /// A new word for a name. Nothing is called so, because no client ever sees it.
    pub(crate) fn of(name: &str) -> Self {
        let mut word = "zq".to_owned();
        for _ in 0..3 {
            let mut number = RandomState::new().build_hasher().finish();
            for _ in 0..10 {
                let letter = u32::try_from(number % 26).unwrap_or_default();
                word.extend(char::from_digit(10 + letter, 36));
                number /= 26;
            }
        }
        let name = name.to_owned();
        Self { word, name }
    }

    /// The same for an image: a name that no image has, in which only the last part is another one. The daemon completes
    /// and shortens the rest.
    pub(crate) fn of_image(name: &str) -> (String, Self) {
        let digits = name.strip_prefix("sha256:").unwrap_or(name);
        if is_full_id(digits) || digits.len() < name.len() && is_hex(digits) {
            let prefix = name.get(..name.len() - digits.len()).unwrap_or_default();
            let stand_in = Self {
                word: random_id(),
                name: digits.to_owned(),
            };
            return ([prefix, &stand_in.word].concat(), stand_in);
        }
        let path = name.split('@').next().unwrap_or_default();
        let start = path.rfind('/').map_or(0, |slash| slash + 1);
        let last = path.get(start..).unwrap_or_default();
        let end = start + last.find(':').unwrap_or(last.len());
        let stand_in = Self::of(name.get(start..end).unwrap_or_default());
        let (before, after) = (name.get(..start), name.get(end..));
        let absent = [
            before.unwrap_or_default(),
            &stand_in.word,
            after.unwrap_or_default(),
        ];
        (absent.concat(), stand_in)
    }

    /// Puts the client's name back wherever the word stands.
    fn put_back(&self, text: &[u8], is_json: bool, out: &mut Vec<u8>) {
        let mut name = String::with_capacity(self.name.len());
        if is_json {
            escape(&self.name, &mut name);
        } else {
            name.push_str(&self.name);
        }
        let mut rest = text;
        while let [first, behind @ ..] = rest {
            if let Some(behind) = rest.strip_prefix(self.word.as_bytes())
                && !self.word.is_empty()
            {
                out.extend_from_slice(name.as_bytes());
                rest = behind;
            } else {
                out.push(*first);
                rest = behind;
            }
        }
    }
}

/// An id that nothing has.
fn random_id() -> String {
    let number = || RandomState::new().build_hasher().finish();
    let [one, two, three, four] = [number(), number(), number(), number()];
    format!("{one:016x}{two:016x}{three:016x}{four:016x}")
}

/// A text as a reader of the reply sees it: in JSON, without the escapes.
struct Read {
    /// A byte for each character of ASCII. Others have one or more bytes that are not ASCII.
    text: Vec<u8>,
    /// Where each of them is written, and at last the end.
    places: Vec<usize>,
}

impl Read {
    fn of(written: &[u8], is_json: bool) -> Self {
        let mut read = Self {
            text: Vec::with_capacity(written.len()),
            places: Vec::with_capacity(written.len() + 1),
        };
        let mut rest = written;
        while let [byte, behind @ ..] = rest {
            read.places.push(written.len() - rest.len());
            let (character, behind) = match byte {
                b'\\' if is_json => unescaped(behind),
                b'"' if is_json => (STRING_END, behind),
                _ => (*byte, behind),
            };
            read.text.push(character);
            rest = behind;
        }
        read.places.push(written.len());
        read
    }

    /// Where a part of the text is written.
    fn written(&self, part: &Range<usize>) -> Range<usize> {
        let place = |at| self.places.get(at).copied().unwrap_or_default();
        place(part.start)..place(part.end)
    }
}

/// The character that follows a backslash in JSON, and what is behind it.
fn unescaped(text: &[u8]) -> (u8, &[u8]) {
    if let Some((digits, behind)) = text
        .strip_prefix(b"u")
        .and_then(<[u8]>::split_first_chunk::<4>)
        && digits.iter().all(u8::is_ascii_hexdigit)
    {
        let digits = str::from_utf8(digits).ok();
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        return (code.filter(u8::is_ascii).unwrap_or(OTHER), behind);
    }
    match text {
        [byte @ (b'"' | b'\\' | b'/'), behind @ ..] => (*byte, behind),
        // A control character, which no word contains.
        [_, behind @ ..] => (OTHER, behind),
        [] => (OTHER, text),
    }
}

/// A text in quotes as Go writes it, without them, and what is behind it.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let mut is_escaped = false;
    let end = text.iter().position(|byte| {
        let is_end = *byte == STRING_END || (*byte == b'"' && !is_escaped);
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    });
    let end = end.unwrap_or(text.len());
    let (inside, behind) = text.split_at_checked(end)?;
    Some((inside, behind.get(1..).unwrap_or_default()))
}

/// A word that can be an id, or the beginning of one.
fn as_id(word: &[u8]) -> Option<&str> {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_id = ID.contains(&word.len()) && word.iter().all(is_digit);
    let word = str::from_utf8(word).ok()?;
    Some(word).filter(|word| is_id || reads_as_swarm_id(word))
}

/// Where the list of services begins that use a config or a secret, if the word before `at` introduces it.
fn users(text: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    const BEFORE: &[u8] = b"following ";
    let before = text.get(..at.checked_sub(word.len())?)?;
    let is_list = matches!(word, b"service" | b"services") && before.ends_with(BEFORE);
    let behind = text.get(at..)?.strip_prefix(b": ")?;
    is_list.then(|| text.len() - behind.len())
}

/// The names in a list with commas, from there to the end of the text.
fn names(text: &[u8], from: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = from;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| is_in_name(**byte)).count();
        if length > 0 {
            found.push(at..at + length);
        }
        if !rest.get(length..).unwrap_or_default().starts_with(b", ") {
            return found;
        }
        at += length + 2;
    }
}

/// The name of a service in single quotes, and its id in brackets behind that.
fn publisher(text: &[u8], at: usize) -> Option<(Range<usize>, &str)> {
    let behind = text.get(at..)?.strip_prefix(b" '")?;
    let length = behind.iter().take_while(|byte| is_in_name(**byte)).count();
    let id = behind.get(length..)?.strip_prefix(b"' (")?;
    let is_digit = |byte: &&u8| byte.is_ascii_alphanumeric();
    let digits = id.iter().take_while(is_digit).count();
    let id = str::from_utf8(id.get(..digits)?).ok()?;
    Some((at + 2..at + 2 + length, id))
}

/// Whether a service's name can have this character.
fn is_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)
}

#[cfg(test)]
mod tests;
