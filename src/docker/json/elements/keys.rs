//! The keys of a document of which some members are lists of elements.

use super::bad::{BadElements, MAX_KEYS};
use crate::docker::json::{Json, folded};

/// The keys so far.
pub(super) struct Keys {
    wanted: &'static [&'static str],
    seen: Vec<String>,
}

impl Keys {
    pub(super) fn new(wanted: &'static [&'static str]) -> Self {
        Self {
            wanted,
            seen: Vec::new(),
        }
    }

    /// Reads a key with its quotes, and returns its number among the wanted ones.
    pub(super) fn add(&mut self, key: &[u8]) -> Result<Option<usize>, BadElements> {
        let parsed = Json::parse(key).map_err(BadElements::Key)?;
        let key = parsed.text().unwrap_or_default();
        if self.seen.iter().any(|seen| seen == key) {
            return Err(BadElements::Doubled(key.to_owned()));
        }
        if self.seen.len() >= MAX_KEYS {
            return Err(BadElements::ManyKeys);
        }
        self.seen.push(key.to_owned());
        let folded_key = folded(key);
        let mut wanted = self.wanted.iter().enumerate();
        let found = wanted.find(|(_, wanted)| folded(wanted) == folded_key);
        match found {
            Some((at, wanted)) if *wanted == key => Ok(Some(at)),
            Some((_, wanted)) => Err(BadElements::Case {
                key: key.to_owned(),
                wanted,
            }),
            None => Ok(None),
        }
    }
}
