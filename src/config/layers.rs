//! The settings as they are written, merged by figment: the file, the environment, the flags, and the
//! variables of other images. Each value keeps the name of its origin.

use std::borrow::Cow;

use figment::util::nest;
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};

use crate::policyfile::Lines;

/// The origin of listeners that variables set. Each key of theirs has a variable.
pub(crate) const LISTENERS: &str = "DOCKGATE_LISTENER_*";
/// The same of clients.
pub(crate) const CLIENTS: &str = "DOCKGATE_CLIENT_*";

/// The variable of a key: `DOCKGATE_AUDIT__OUTPUT`, and `DOCKGATE_LISTENER_0__MODE` for `listener[0].mode`.
pub(crate) fn variable(key: &str) -> String {
    let key = key.replace('[', "_").replace(']', "").replace('.', "__");
    format!("DOCKGATE_{}", key.to_ascii_uppercase())
}

/// Values that come from one file, variable or flag.
pub(crate) struct Layer {
    origin: String,
    dict: Dict,
}

impl Layer {
    pub(crate) fn new(origin: impl Into<String>, dict: Dict) -> Self {
        let origin = origin.into();
        Self { origin, dict }
    }

    /// One value under a key with points.
    pub(crate) fn of(origin: impl Into<String>, key: &str, value: impl Into<Value>) -> Self {
        let dict = nest(key, value.into()).into_dict();
        Self::new(origin, dict.unwrap_or_default())
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.dict.clone()))
    }
}
#[derive(Default)]
pub(crate) struct Layers {
    merged: Figment,
    /// The settings file, and where in it the entries of its lists stand.
    file: Option<(String, Lines)>,
}

impl Layers {
    /// Lays values over the existing ones.
    pub(crate) fn over(&mut self, layer: Layer) {
        self.merged = std::mem::take(&mut self.merged).merge(layer);
    }

    /// Adds values under keys that nothing has set.
    pub(crate) fn under(&mut self, layer: Layer) {
        self.merged = std::mem::take(&mut self.merged).join(layer);
    }
    pub(crate) fn under_file(&mut self, layer: Layer, lines: Lines) {
        self.file = Some((layer.origin.clone(), lines));
        self.under(layer);
    }
    pub(crate) fn values(&self) -> Value {
        let mut profiles = self.merged.data().unwrap_or_default();
        profiles
            .remove(&Profile::Default)
            .unwrap_or_default()
            .into()
    }

    pub(crate) fn is_set(&self, key: &str) -> bool {
        self.merged.contains(key)
    }

    /// The file, variable or flag that set a key. A key that nothing sets belongs in the file.
    pub(crate) fn origin(&self, key: &str) -> Cow<'_, str> {
        let whole = key.split('[').next().unwrap_or_default();
        let set_by = self.merged.find_metadata(whole);
        let file = self.file.as_ref();
        let file = file.map_or("the defaults", |(file, _)| file);
        match set_by {
            None => file.into(),
            Some(set_by) if [LISTENERS, CLIENTS].contains(&&*set_by.name) => variable(key).into(),
            Some(set_by) => Cow::Borrowed(&set_by.name),
        }
    }

    /// The line of a key, or of an entry of its list, if it comes from the file.
    pub(crate) fn line(&self, key: &str, entry: usize) -> Option<usize> {
        let (file, lines) = self.file.as_ref()?;
        let lines = (self.origin(key) == *file).then_some(lines)?;
        lines.line(key, entry).or_else(|| lines.around(key))
    }
}
