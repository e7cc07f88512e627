//! What a path outside of the table names of Dockgate's own.
//!
//! Nothing is known of such a path: not which segment is a name, nor what its body says. So each word of the path and
//! of the query is held against all that is Dockgate's, as the engine would find it. A body, and what names nothing
//! (a prune, a pod), cannot be decided here: the start report says so.
//!
//! Source: Podman's `libpod/sqlite_state.go`: a container is found by its name, or by the beginning of its id with
//! `LIKE`, which takes `_` for any letter and `%` for any text, as Podman 5.8 was seen to do; a network and an image by
//! the beginning of their ids. Other versions may not regard case, and may find volumes by their beginnings.

use super::{Reached, SelfContainer};
use crate::docker::reference::Version;
use crate::docker::{Call, Subject};

impl SelfContainer {
    /// What of Dockgate's own a path outside of the table names, if it names any.
    pub(crate) fn named_by(&self, call: &Call) -> Option<Reached> {
        let Subject::Outside { path } = &call.subject else {
            return None;
        };
        let segments = path.split('/');
        let mut pairs = [""].into_iter().chain(segments.clone()).zip(segments);
        // The one word of Podman's paths that could be the beginning of an id.
        let is_named = pairs.any(|(before, segment)| {
            (before, segment) != ("system", "df") && self.is_word(segment, before)
        });
        if is_named || self.spells_image(path) {
            return Some(reached("the path"));
        }
        let mut pairs = call.query.pairs();
        let found = pairs.find(|(key, value)| {
            !is_amount(key, value) && (self.is_named(value) || self.spells_image(value))
        });
        found.map(|(key, _)| reached(&format!("the query key `{key}`")))
    }

    /// Whether any word of a text names it.
    fn is_named(&self, text: &str) -> bool {
        let is_in_word = |letter: char| letter.is_ascii_alphanumeric() || "_.-%".contains(letter);
        let mut words = text.split(|letter: char| !is_in_word(letter));
        words.any(|word| self.is_word(word, ""))
    }

    /// Whether a word names it. `before` is the segment of the path that stands before, which says what kind of
    /// object is named.
    fn is_word(&self, word: &str, before: &str) -> bool {
        if word.is_empty() {
            return false;
        }
        let begins = |whole: &str| {
            let start = whole.get(..word.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        let begins_clearly = |whole: &str| word.len() >= SHORT_ID && begins(whole);
        let is = |name: &str| !name.is_empty() && name.eq_ignore_ascii_case(word);
        let mut networks = self.networks.iter();
        let mut volumes = self.volumes.iter();
        is(&self.name)
            || self.service.as_deref().is_some_and(is)
            || self.task.iter().any(|task| is(task))
            || is_like(word, &self.id)
            || networks.any(|(name, id)| {
                is(name) || begins_clearly(id) || (before == "networks" && begins(id))
            })
            || volumes.any(|name| is(name) || (before == "volumes" && begins(name)))
            || begins_clearly(&self.image_id)
            || (before == "images" && begins(&self.image_id))
    }

    /// Whether a text has the name of its image, as a whole or without what a short one leaves out.
    fn spells_image(&self, text: &str) -> bool {
        let Some(image) = &self.image else {
            return false;
        };
        let text = format!("/{}/", text.to_ascii_lowercase());
        let repository = image.repository.to_ascii_lowercase();
        let path = repository.split_once('/').map_or("", |(_, path)| path);
        let last = path.rsplit('/').next().unwrap_or_default();
        let tag = match &image.version {
            Version::Tag(tag) => tag.to_ascii_lowercase(),
            Version::Digest(_) => String::new(),
        };
        let is_latest = tag == "latest";
        [repository.as_str(), path, last].iter().any(|name| {
            // What stands before the first is none of it.
            text.split(&format!("/{name}")).skip(1).any(|rest| {
                let tagged = rest
                    .strip_prefix(':')
                    .and_then(|rest| rest.strip_prefix(&*tag));
                let is_end = |rest: &str| !rest.starts_with(is_in_tag);
                rest.starts_with('@')
                    || tagged.is_some_and(|rest| !tag.is_empty() && is_end(rest))
                    || (is_latest && rest.starts_with('/'))
            })
        })
    }
}

fn is_in_tag(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_.-".contains(letter)
}

fn reached(path: &str) -> Reached {
    Reached {
        path: path.to_owned(),
        what: "names what is dockgate's own: its container, image, network or volume",
    }
}

/// The digits of an id as it is shown, which are chance no more.
const SHORT_ID: usize = 12;

/// Whether an id could be like a word, as SQL has it, and anything behind it: what follows a `%` is not looked at.
fn is_like(word: &str, id: &str) -> bool {
    let fixed = word.split('%').next().unwrap_or_default();
    let mut letters = fixed.bytes().zip(id.bytes());
    fixed.len() <= id.len()
        && letters.all(|(letter, digit)| letter == b'_' || letter.eq_ignore_ascii_case(&digit))
}

/// Whether a value of the query is a number or a switch: one in sixteen ids begins with the 1 of `all=1`. Under a key
/// that could name something it is held against the id all the same.
fn is_amount(key: &str, value: &str) -> bool {
    let key = key.to_ascii_lowercase();
    value.len() <= 4
        && value.bytes().all(|byte| byte.is_ascii_digit())
        && !NAMING.iter().any(|naming| key.contains(naming))
}

/// What stands in the keys that name something.
const NAMING: &[&str] = &[
    "container",
    "ctr",
    "filter",
    "from",
    "id",
    "image",
    "name",
    "network",
    "pod",
    "ref",
    "target",
    "volume",
];
