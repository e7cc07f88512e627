//! The query of a request target, read as the daemon reads it and written in one spelling.
//!
//! Source: Go's `net/url`, `parseQuery` and `QueryEscape`; the daemon's `httputils.BoolValue`.

use std::mem;

use super::percent;

/// The pairs of a query in the client's order, decoded.
///
/// Shape: `key[=value]` joined by `&`; `+` is a space; empty pieces are skipped. Raw `"`, `{` and
/// similar characters, which some clients send, are accepted and sent encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

/// Why a query is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadQuery {
    #[error("the query has the byte {0:#04x}: write it as %{0:02X}")]
    Byte(u8),
    #[error("the query key `{0}` appears twice: send it once")]
    Doubled(String),
    #[error("the query has a `%` without two hexadecimal digits: write it as %25")]
    Escape,
    #[error("the query's escapes are not UTF-8: send UTF-8")]
    NotUtf8,
    #[error("the query is longer than {} bytes, or would be when sent on: ask for less", Query::MAX_BYTES - Query::ROOM_FOR_PATH)]
    TooLong,
    #[error("the query has more than {} pairs: send fewer", Query::MAX_PAIRS)]
    TooMany,
}

impl Query {
    /// The longest accepted query, in bytes.
    const MAX_BYTES: usize = 64 * 1024;
    /// How many of these bytes are reserved for the path: hyper does not accept longer targets.
    const ROOM_FOR_PATH: usize = 8 * 1024;
    /// The most pairs; the daemon's own limit is far higher.
    const MAX_PAIRS: usize = 1024;

    /// Parses the part of a target after the `?`.
    pub(crate) fn parse(text: &str) -> Result<Self, BadQuery> {
        if text.len() > Self::MAX_BYTES {
            return Err(BadQuery::TooLong);
        }
        if let Some(byte) = text
            .bytes()
            .find(|byte| !matches!(byte, 0x21..=0x7e) || b";#\\".contains(byte))
        {
            return Err(BadQuery::Byte(byte));
        }
        let mut pairs = Vec::new();
        for piece in text.split('&').filter(|piece| !piece.is_empty()) {
            if pairs.len() == Self::MAX_PAIRS {
                return Err(BadQuery::TooMany);
            }
            let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
            pairs.push((decode(key)?, decode(value)?));
        }
        let query = Self(pairs);
        // Encoding makes a byte at most three bytes long, and the limit applies to the encoded
        // query too.
        if text.len() > Self::MAX_BYTES / 4 {
            let mut rendered = String::new();
            query.render(&mut rendered);
            if rendered.len() > Self::MAX_BYTES - Self::ROOM_FOR_PATH {
                return Err(BadQuery::TooLong);
            }
        }
        Ok(query)
    }

    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Self(pairs.iter().map(owned).collect())
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The value that the daemon would use for a key: the first.
    pub(crate) fn first(&self, key: &str) -> Option<&str> {
        self.pairs()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// The value for a key; empty if the key is missing.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.first(key).unwrap_or_default()
    }

    /// Whether a key is present and true to the daemon: everything except a few words is true.
    pub(crate) fn is_true(&self, key: &str) -> bool {
        let value = self.text(key).trim().to_ascii_lowercase();
        !matches!(value.as_str(), "" | "0" | "no" | "false" | "none")
    }

    /// Replaces the value of a key, if it is present.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        for (_, old) in self.0.iter_mut().filter(|(name, _)| name == key) {
            value.clone_into(old);
        }
    }

    /// Writes a boolean in the one spelling that every engine understands, even if it was missing.
    pub(crate) fn state(&mut self, key: &str, is_true: bool) {
        if self.first(key).is_none() {
            self.add(key, "");
        }
        self.set(key, if is_true { "1" } else { "0" });
    }

    /// Adds a value to a key that may have several.
    pub(crate) fn add(&mut self, key: &str, value: &str) {
        self.0.push((key.to_owned(), value.to_owned()));
    }

    /// Replaces the value of a key, or adds it.
    pub(crate) fn put(&mut self, key: &str, value: &str) {
        self.drop_key(key);
        self.add(key, value);
    }

    /// Keeps only these keys, each once unless it is a list in the API.
    pub(crate) fn retain(&mut self, keys: &[&str]) -> Result<(), BadQuery> {
        let mut has_first = false;
        self.0.retain(|(key, _)| {
            let is_later = key == FIRST_ALONE && mem::replace(&mut has_first, true);
            !is_later && keys.contains(&key.as_str())
        });
        keys.iter()
            .filter(|key| !LISTS.contains(key))
            .try_for_each(|key| self.once(key))
    }

    pub(crate) fn drop_key(&mut self, key: &str) {
        self.0.retain(|(name, _)| name != key);
    }

    /// Checks that a key that decides something appears at most once.
    pub(crate) fn once(&self, key: &str) -> Result<(), BadQuery> {
        match self.pairs().filter(|(name, _)| *name == key).nth(1) {
            Some(_) => Err(BadQuery::Doubled(key.to_owned())),
            None => Ok(()),
        }
    }

    /// Appends `?` and the canonical spelling, or nothing if there are no pairs.
    pub(crate) fn render(&self, to: &mut String) {
        let mut lead = '?';
        for (key, value) in self.pairs() {
            to.push(lead);
            percent::encode(key, "+", to);
            to.push('=');
            percent::encode(value, "+", to);
            lead = '&';
        }
    }
}

/// Keys kept by [`retain`](Query::retain) of which the daemon reads every value.
const LISTS: &[&str] = &["changes", "extrahosts", "platform", "t"];

/// The key kept by [`retain`](Query::retain) that a client may send more often than the daemon
/// reads it.
///
/// docker-py's `build(dockerfile="../Outside")` puts that file into the context under another name. It sends
/// `dockerfile` twice: first that name, then the whole text. Every engine reads the first one.
const FIRST_ALONE: &str = "dockerfile";

fn decode(text: &str) -> Result<String, BadQuery> {
    if !text.contains(['%', '+']) {
        return Ok(text.to_owned());
    }
    let bytes = percent::decode(&text.replace('+', " ")).ok_or(BadQuery::Escape)?;
    String::from_utf8(bytes).map_err(|_| BadQuery::NotUtf8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_real_clients_send() {
        for (text, want) in [
            ("", ""),
            ("all=1", "?all=1"),
            ("all", "?all="),
            ("&&all=1&", "?all=1"),
            // Autoheal's raw quotes and braces.
            (
                r#"filters={"health":["unhealthy"]}"#,
                "?filters=%7B%22health%22%3A%5B%22unhealthy%22%5D%7D",
            ),
            ("names=a+b%20c", "?names=a+b+c"),
            ("a=b=c", "?a=b%3Dc"),
            ("t=%C3%A9", "?t=%C3%A9"),
        ] {
            let mut rendered = String::new();
            Query::parse(text).unwrap().render(&mut rendered);
            assert_eq!(rendered, want, "{text}");
        }
    }

    #[test]
    fn refuses_what_two_readers_could_read_differently() {
        let long = "a".repeat(Query::MAX_BYTES + 1);
        let many = "a&".repeat(Query::MAX_PAIRS + 1);
        let raw = format!("filters={}", "{".repeat(Query::MAX_BYTES / 3));
        for (text, want) in [
            ("a=1;b=2", BadQuery::Byte(b';')),
            ("a=1#b", BadQuery::Byte(b'#')),
            ("a=\\", BadQuery::Byte(b'\\')),
            ("a=\u{e9}", BadQuery::Byte(0xc3)),
            ("a=%zz", BadQuery::Escape),
            ("a=%4", BadQuery::Escape),
            ("a=%+1", BadQuery::Escape),
            ("a=%ff", BadQuery::NotUtf8),
            (long.as_str(), BadQuery::TooLong),
            (many.as_str(), BadQuery::TooMany),
            (raw.as_str(), BadQuery::TooLong),
        ] {
            let shown = text.get(..text.len().min(20)).unwrap_or("not ASCII");
            assert_eq!(Query::parse(text).unwrap_err(), want, "{shown}");
        }
    }

    #[test]
    fn reads_booleans_as_the_daemon_does() {
        for (text, want) in [
            ("f=1", true),
            ("f=TRUE", true),
            ("f=yes", true),
            ("f=off", true),
            ("f=+1+", true),
            ("f=", false),
            ("f", false),
            ("", false),
            ("f=0", false),
            ("f=No", false),
            ("f=FALSE", false),
            ("f=none", false),
        ] {
            assert_eq!(
                Query::parse(text).unwrap().is_true("f"),
                want,
                "F27, F28: {text}"
            );
        }
    }

    #[test]
    fn keeps_only_the_keys_of_the_table_and_each_once() {
        let mut query = Query::parse("name=web&Env=secret&platform=linux").unwrap();
        assert_eq!(query.retain(&["name", "platform"]), Ok(()));
        assert_eq!(query, Query::parse("name=web&platform=linux").unwrap());
        let mut doubled = Query::parse("name=a&name=b").unwrap();
        assert_eq!(
            doubled.retain(&["name"]),
            Err(BadQuery::Doubled("name".to_owned()))
        );
        // K: docker-py sends the name of a Dockerfile, then its text.
        let mut build = Query::parse("dockerfile=.df&t=a&dockerfile=FROM+a&dockerfile=b").unwrap();
        assert_eq!(build.retain(&["dockerfile", "t"]), Ok(()));
        assert_eq!(build, Query::parse("dockerfile=.df&t=a").unwrap());
        assert_eq!(build.retain(&["t"]), Ok(()));
        assert_eq!(build, Query::parse("t=a").unwrap());
        let mut list = Query::parse("changes=a&changes=b").unwrap();
        assert_eq!(list.retain(&["changes"]), Ok(()));
    }

    proptest! {
        #[test]
        fn no_input_panics_and_what_is_rendered_is_read_back(text in "[ -~]{0,60}") {
            if let Ok(query) = Query::parse(&text) {
                let mut rendered = String::new();
                query.render(&mut rendered);
                prop_assert_eq!(Query::parse(rendered.trim_start_matches('?')), Ok(query));
            }
        }
    }
}
