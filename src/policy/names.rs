//! Names, and what must not happen to them while a request that depends on one is on its way.
//!
//! Engines find an object by its whole id, then by its name, then by the beginning of its id. So no object gets a name
//! that looks like an id. A name that a verdict depends on is locked: until the daemon has answered, no other request
//! through Dockgate creates, renames or removes an object of that name.

use std::borrow::Cow;

use crate::docker::mount::{self, Mount, Source};
use crate::docker::network::is_user_defined;
use crate::docker::operation::Body;
use crate::docker::{Call, Document, Json, Method, Naming, Object, Parameters, Reference};
use crate::policy::objects::{Container, is_full_id};

/// A name of an object, and the kind of object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    /// The kind of object that has the name.
    pub(crate) kind: Object,
    pub(crate) name: String,
}

/// The names that a request depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// Those that must keep their meaning.
    pub(crate) rests_on: Vec<Name>,
    /// Those that it gives to an object or takes from one.
    pub(crate) changes: Vec<Name>,
}

impl Names {
    /// The names of a request. Its body must have been read, if it is judged.
    pub(crate) fn of(call: &Call, body: Option<&Json>) -> Self {
        let mut names = Self::default();
        let Some(operation) = call.operation() else {
            return names;
        };
        let spec = operation.spec();
        let (query, document) = (spec.judged.query, spec.judged.body);
        if let (Some(Document::Container), Some(body)) = (document, body) {
            names.rest_on_all(body);
        }
        // An object that is deleted or renamed loses its name.
        let loses = call.method == Method::DELETE || query == Parameters::Rename;
        if let (true, Some((kind, name))) = (loses, call.objects().next()) {
            names.change(kind, name);
        }
        match query.naming() {
            Naming::Container => {
                names.change(
                    Object::Container,
                    call.query.first("name").unwrap_or_default(),
                );
            }
            Naming::Repository | Naming::Tags if spec.body != Body::Tar => {
                for name in tags(call) {
                    names.change(Object::Image, &name.to_string());
                }
            }
            Naming::None | Naming::Repository | Naming::Tags => {}
        }
        if document == Some(Document::Network) {
            let name = body.and_then(|body| body.get("Name")).and_then(Json::text);
            names.change(Object::Network, name.unwrap_or_default());
        }
        names
    }

    /// Whether the request depends on no name and changes none.
    pub(crate) fn is_empty(&self) -> bool {
        self.rests_on.is_empty() && self.changes.is_empty()
    }

    /// Adds the networks that an engine looks up by name when it starts a container.
    pub(crate) fn rest_on_networks_of(&mut self, container: &Container) {
        let is_open = |name: &&str| !is_full_id(name) && is_user_defined(name);
        for name in container.joined_networks().filter(is_open) {
            self.rest_on(Object::Network, name);
        }
    }

    /// The names in a new container's body that an engine stores as they are.
    fn rest_on_all(&mut self, body: &Json) {
        let host = body.get("HostConfig").map_or(&[][..], Json::members);
        for (key, value) in host {
            match &**key {
                "Links" | "VolumesFrom" => {
                    for text in value.texts() {
                        let name = text.split(':').next().unwrap_or_default();
                        self.rest_on(Object::Container, name);
                    }
                }
                "Binds" => self.rest_on_volumes(value.texts().map(mount::short)),
                "Mounts" => self.rest_on_volumes(value.items().iter().map(mount::long)),
                _ => {}
            }
        }
    }

    fn rest_on_volumes<'a, E>(&mut self, mounts: impl Iterator<Item = Result<Mount<'a>, E>>) {
        // A mount that cannot be read denies the request elsewhere.
        for mount in mounts.flatten() {
            if let Source::Volume {
                name: Some(name), ..
            } = mount.source
            {
                self.rest_on(Object::Volume, name);
            }
        }
    }

    fn rest_on(&mut self, kind: Object, name: &str) {
        self.rests_on.extend(Name::new(kind, name));
    }

    fn change(&mut self, kind: Object, name: &str) {
        self.changes.extend(Name::new(kind, name));
    }
}

/// The name that a request gives to the object that it creates, renames or tags, as the client wrote it; the first if
/// there are several.
pub(crate) fn given<'a>(call: &'a Call, body: Option<&'a Json>) -> Option<Cow<'a, str>> {
    let name: Cow<_> = match call.judged().query.naming() {
        Naming::Container => call.query.first("name")?.into(),
        Naming::None => body?.get("Name")?.text()?.into(),
        Naming::Repository => tagged(call).into(),
        Naming::Tags => call.query.first("t")?.into(),
    };
    Some(name).filter(|name| !name.is_empty())
}

/// The name that a query's `repo` and `tag` give to an image; empty if it gives none.
pub(crate) fn tagged(call: &Call) -> String {
    let first = |key: &str| call.query.first(key).unwrap_or_default();
    match (first("repo"), first("tag")) {
        ("", _) => String::new(),
        (repository, "") => repository.to_owned(),
        (repository, tag) => [repository, ":", tag].concat(),
    }
}

/// The image that a request pulls, if it pulls one.
pub(crate) fn pulled(call: &Call) -> Option<Reference> {
    let is_pull = call.judged().query == Parameters::Fetch && call.query.text("fromSrc").is_empty();
    // The daemon removes a colon at the end.
    let image = call.query.text("fromImage").trim_end_matches(':');
    let last = image.rsplit('/').next().filter(|_| is_pull)?;
    let text = match call.query.text("tag") {
        // Without a version, every tag is pulled.
        "" if last.contains([':', '@']) => image.to_owned(),
        "" => return None,
        digest if digest.contains(':') => [image, "@", digest].concat(),
        tag => [image, ":", tag].concat(),
    };
    Reference::parse(&text).ok()
}

/// The names that a request gives to an image.
pub(crate) fn tags(call: &Call) -> Vec<Reference> {
    match call.judged().query.naming() {
        Naming::Tags => {
            let names = call.query.pairs().filter(|(key, _)| *key == "t");
            names
                .filter_map(|(_, name)| Reference::of_tag(name))
                .collect()
        }
        Naming::Repository => Reference::of_tag(&tagged(call)).into_iter().collect(),
        Naming::Container | Naming::None => Vec::new(),
    }
}

impl Name {
    fn new(kind: Object, name: &str) -> Option<Self> {
        // To the daemon, a slash before a container's name makes no difference.
        let name = name.trim_start_matches('/').to_owned();
        (!name.is_empty()).then_some(Self { kind, name })
    }
}

/// Whether a text could be the beginning of an id.
pub(crate) fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a name could be the beginning of the id of an object of this kind. The networks of a swarm have ids of their
/// own form.
pub(crate) fn begins_id(kind: Object, name: &str) -> bool {
    let is_base_36 = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z');
    let is_of_swarm = (1..=SWARM_ID).contains(&name.len()) && name.bytes().all(is_base_36);
    let is_of_engine = is_hex(name) && !kind.is_of_swarm();
    is_of_engine || is_of_swarm && (kind.is_of_swarm() || kind == Object::Network)
}

/// Whether a name could be the beginning of an id that somebody uses: swarm objects have names that could be one by
/// chance, if they are short.
pub(crate) fn finds_by_id(kind: Object, name: &str) -> bool {
    let is_of_engine = is_hex(name) && !kind.is_of_swarm();
    (is_of_engine || name.len() >= SHORT_ID) && begins_id(kind, name)
}

/// Whether a name looks like a whole id.
pub(crate) fn is_whole_id(name: &str) -> bool {
    name.len() == FULL_ID && is_hex(name)
}

/// Whether people and programs could mistake a name for an id: hexadecimal digits, as many as in a short id up to a
/// whole one.
pub(crate) fn reads_as_id(name: &str) -> bool {
    (SHORT_ID..=FULL_ID).contains(&name.len()) && is_hex(name)
}

/// Whether a name looks like the id of a swarm object.
pub(crate) fn reads_as_swarm_id(name: &str) -> bool {
    name.len() == SWARM_ID
        && name
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z'))
}

/// Whether a part of a name probably changes each time: digits of an id, or letters and digits mixed.
pub(crate) fn varies(name: &str) -> bool {
    let mut parts = name.split(['-', '_', '.']);
    parts.any(varies_in)
}

/// Whether this part of a name, between hyphens, underscores and dots, probably changes each time.
pub(crate) fn varies_in(part: &str) -> bool {
    const FEW: usize = 8;
    let are_plain = part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let pairs = part.bytes().zip(part.bytes().skip(1));
    let turns = pairs.filter(|(one, next)| one.is_ascii_digit() != next.is_ascii_digit());
    are_plain && part.len() >= FEW && turns.count() > 2
}

/// Why a name that looks like an id is denied.
pub(crate) const READS_AS_ID: &str = "looks like an id, so it could be mistaken for another object: choose another \
                                      name";

/// The number of digits in the short ids that the docker command line shows.
const SHORT_ID: usize = 12;
/// The number of digits in a whole id.
const FULL_ID: usize = 64;
/// The number of digits in the id of a swarm object, in base 36.
const SWARM_ID: usize = 25;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::{Target, classify};

    #[test]
    fn tells_names_that_read_as_ids() {
        for (name, is_id, is_swarm_id) in [
            ("4bcff63911fc", true, false),
            ("4BCFF63911FC", true, false),
            (&"a".repeat(64), true, false),
            (&"a".repeat(65), false, false),
            ("4bcff63911f", false, false),
            ("cafe", false, false),
            ("4bcff63911fg", false, false),
            ("4bcff63911fc-1", false, false),
            ("qjz3h8y1mbl5a0ya8o4wuibxq", false, true),
            ("aaaaaaaaaaaaaaaaaaaaaaaaa", true, true),
            ("Qjz3h8y1mbl5a0ya8o4wuibxq", false, false),
            ("qjz3h8y1mbl5a0ya8o4wuibx", false, false),
            ("", false, false),
        ] {
            assert_eq!(
                (reads_as_id(name), reads_as_swarm_id(name)),
                (is_id, is_swarm_id),
                "S1, S22: {name}"
            );
        }
    }

    #[test]
    fn the_beginning_of_an_id_is_that_of_its_kind() {
        let all = [Object::Container, Object::Network, Object::Service];
        for (name, begins, finds) in [
            ("c", [true; 3], [true, true, false]),
            ("web", [false, true, true], [false; 3]),
            ("web-1", [false; 3], [false; 3]),
            ("Web", [false; 3], [false; 3]),
            ("", [false; 3], [false; 3]),
            ("4bcff63911fc", [true; 3], [true; 3]),
            ("qjz3h8y1mbl5", [false, true, true], [false, true, true]),
            (
                "qjz3h8y1mbl5a0ya8o4wuibxq",
                [false, true, true],
                [false, true, true],
            ),
            ("qjz3h8y1mbl5a0ya8o4wuibxqx", [false; 3], [false; 3]),
        ] {
            assert_eq!(all.map(|kind| begins_id(kind, name)), begins, "{name}");
            assert_eq!(all.map(|kind| finds_by_id(kind, name)), finds, "{name}");
        }
    }

    #[test]
    fn names_are_told_from_wherever_they_stand() {
        let container = |name: &str| (Object::Container, name.to_owned());
        let volume = |name: &str| (Object::Volume, name.to_owned());
        let body = r#"{"HostConfig":{"VolumesFrom":["base:ro","/other"],"Links":["db:x"],
            "Binds":["cache:/c","/srv:/s","/anonymous"],
            "Mounts":[{"Type":"volume","Source":"data","Target":"/d"},{"Type":"bind","Source":"/a","Target":"/b"}]}}"#;
        for (method, target, body, rests_on, changes) in [
            (
                "POST",
                "/containers/create?name=/web",
                body,
                vec![
                    container("base"),
                    container("other"),
                    container("db"),
                    volume("cache"),
                    volume("data"),
                ],
                vec![container("web")],
            ),
            (
                "POST",
                "/containers/old/rename?name=new",
                "",
                vec![],
                vec![container("old"), container("new")],
            ),
            (
                "POST",
                "/networks/create",
                r#"{"Name":"n"}"#,
                vec![],
                vec![(Object::Network, "n".to_owned())],
            ),
            ("DELETE", "/volumes/data", "", vec![], vec![volume("data")]),
            ("POST", "/containers/web/start", "", vec![], vec![]),
        ] {
            let call = classify(method, Target::parse(target).unwrap()).unwrap();
            let json = (!body.is_empty()).then(|| Json::parse(body.as_bytes()).unwrap());
            let names = Names::of(&call, json.as_ref());
            let told = |names: Vec<Name>| -> Vec<_> {
                names
                    .into_iter()
                    .map(|name| (name.kind, name.name))
                    .collect()
            };
            assert_eq!(
                (told(names.rests_on), told(names.changes)),
                (rests_on, changes),
                "{target}"
            );
        }
    }
}
