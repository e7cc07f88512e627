//! Whether a path outside the table names something of Dockgate's own.
//!
//! Dockgate does not know which segment of such a path is a name, nor what the body means. So it compares each word of
//! the path and the query with everything that is its own, in the way in which the engine would find it. It cannot
//! check bodies, nor requests that affect things without naming them (a prune, a pod): the start report warns about
//! this.
//!
//! Source: Podman's `libpod/sqlite_state.go`, and tests with Podman 5.8. A container is found by its name, or by the
//! beginning of its id with `LIKE`, in which `_` matches any character and `%` any text. A network or image is found by
//! the beginning of its id. Other versions may ignore case, or find volumes by the beginning of their names.

use super::{Reached, SelfContainer};
use crate::docker::reference::Version;
use crate::docker::{Call, Subject};

impl SelfContainer {
    /// What a path outside the table names of Dockgate's own, if anything.
    pub(crate) fn named_by(&self, call: &Call) -> Option<Reached> {
        let Subject::Outside { path } = &call.subject else {
            return None;
        };
        let segments = path.split('/');
        let mut pairs = [""].into_iter().chain(segments.clone()).zip(segments);
        // `df` is the only word of Podman's paths that could be the beginning of an id.
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

    /// Whether any word of a text names something of Dockgate's own.
    fn is_named(&self, text: &str) -> bool {
        let is_in_word = |letter: char| letter.is_ascii_alphanumeric() || "_.-%".contains(letter);
        let mut words = text.split(|letter: char| !is_in_word(letter));
        words.any(|word| self.is_word(word, ""))
    }

    /// Whether a word names something of Dockgate's own. `before` is the previous segment of the path, which says what
    /// kind of object is named.
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

    /// Whether a text contains the name of Dockgate's image, in full or shortened.
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
            // Skips the text before the first match.
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
        what: "names something of Dockgate's own (its container, image, network or volume), which is protected from \
               clients",
    }
}

/// The number of digits in a short id. A word that has so many in common with an id is not a coincidence.
const SHORT_ID: usize = 12;

/// Whether SQL's `LIKE` could match an id with this word followed by anything. What follows a `%` is not compared.
fn is_like(word: &str, id: &str) -> bool {
    let fixed = word.split('%').next().unwrap_or_default();
    let mut letters = fixed.bytes().zip(id.bytes());
    fixed.len() <= id.len()
        && letters.all(|(letter, digit)| letter == b'_' || letter.eq_ignore_ascii_case(&digit))
}

/// Whether a value of the query is a number or a switch: one in sixteen ids begins with the 1 of `all=1`. If the key
/// could name something, the value is still compared with the id.
fn is_amount(key: &str, value: &str) -> bool {
    let key = key.to_ascii_lowercase();
    value.len() <= 4
        && value.bytes().all(|byte| byte.is_ascii_digit())
        && !NAMING.iter().any(|naming| key.contains(naming))
}

/// Parts of the names of keys that name something.
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
