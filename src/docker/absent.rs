//! Requests for an object that cannot exist, because no engine accepts its name.
//!
//! `docker inspect X` asks for a container X, then for an image, a network, a volume and so on, and
//! only continues after a 404. So it also asks for a container called `acme/app:1`. Dockgate never
//! sends such a request; it answers here as the engine would.
//!
//! Source: the routes of `daemon/server/router` in moby/moby, most of which allow slashes in a name;
//! the answers of Docker 20.10 to 29, which all have the same texts.

use super::operation::{Method, Object};
use super::percent;
use super::query::Query;
use super::table::Operation;
use super::target::{ApiVersion, is_name, is_reference, split_version};

/// A request for an object that cannot exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    pub(crate) operation: Operation,
    kind: Object,
    /// Its name, decoded once.
    pub(crate) name: String,
    /// The API version that the client asked for, if any.
    pub(crate) version: Option<ApiVersion>,
    /// Whether the name has a slash that is not escaped.
    has_slash: bool,
}

/// Finds the operation and the object of a request whose object cannot exist. `None` for any other request,
/// including one whose name has another spelling or could name an existing object to another parser.
pub(crate) fn absent(method: &str, target: &str) -> Option<Absent> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (version, path) = split_version(path).ok()?;
    let query = Query::parse(query).ok()?;
    let (operation, kind, raw) = routed(Method::named(method)?, path)?;
    // A link between containers has a slash in its name, and this request removes one.
    if operation == Operation::ContainerDelete && query.is_true("link") {
        return None;
    }
    let name = decoded(raw).filter(|name| cannot_exist(kind, name))?;
    Some(Absent {
        has_slash: raw.contains('/'),
        operation,
        kind,
        name,
        version,
    })
}

impl Absent {
    /// The engine's answer, with its status.
    pub(crate) fn answer(&self) -> String {
        let name = &self.name;
        match self.kind {
            Object::Container => format!("No such container: {name}"),
            Object::Exec => format!("No such exec instance: {name}"),
            Object::Volume => format!("get {name}: no such volume"),
            Object::Plugin => format!("plugin \"{name}\" not found"),
            Object::Network => format!("network {name} not found"),
            Object::Config | Object::Node | Object::Secret | Object::Service | Object::Task => {
                // The engine's routes accept these names only as one segment.
                if self.has_slash {
                    "page not found".to_owned()
                } else {
                    format!("{} {name} not found", self.kind.noun())
                }
            }
            Object::Image | Object::Repository => "invalid reference format".to_owned(),
            Object::Checkpoint => format!("checkpoint {name} does not exist"),
        }
    }

    /// Whether the engine answers that there is no such object. For an image it answers that the name
    /// is not valid.
    pub(crate) fn is_not_found(&self) -> bool {
        !matches!(self.kind, Object::Image | Object::Repository)
    }
}

/// The operation whose template matches the path if names may have slashes, and that name. The template
/// with the longest fixed end wins: `/services/{id}/logs` before `/services/{id}`. Templates with two names
/// are not considered.
fn routed(method: Method, path: &str) -> Option<(Operation, Object, &str)> {
    let mut found: Option<(usize, Operation, Object, &str)> = None;
    for operation in Operation::ALL {
        let spec = operation.spec();
        let Some(kind) = spec.objects.first() else {
            continue;
        };
        for route in spec.routes.iter().filter(|route| route.method == method) {
            let (before, rest) = route.path.split_once('{')?;
            let (_, after) = rest.split_once('}')?;
            let name = path.strip_prefix(before);
            if let Some((between, _)) = after.split_once('{') {
                if name.is_some_and(|name| name.contains(between)) {
                    return None;
                }
            } else if let Some(name) = name.and_then(|name| name.strip_suffix(after))
                && found.is_none_or(|(length, ..)| after.len() > length)
            {
                found = Some((after.len(), *operation, *kind, name));
            }
        }
    }
    found.map(|(_, operation, kind, name)| (operation, kind, name))
}

/// A name, decoded once. `None` if it could be decoded again, or has parts that another parser would clean
/// up.
fn decoded(raw: &str) -> Option<String> {
    let name = String::from_utf8(percent::decode(raw)?).ok()?;
    let is_clean = |segment: &str| !matches!(segment, "" | "." | "..");
    let is_odd = |letter: char| letter.is_control() || matches!(letter, '%' | '\\');
    (name.split('/').all(is_clean) && !name.contains(is_odd)).then_some(name)
}

/// Whether no object of this kind can have the name. A network can have nearly any name.
fn cannot_exist(kind: Object, name: &str) -> bool {
    let can_be_called: fn(&str) -> bool = if kind.has_reference() {
        is_reference
    } else {
        is_name
    };
    kind != Object::Network && !can_be_called(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Method and target, and the answer.
    const ABSENT: &[(&str, &str)] = &[
        (
            "GET /v1.41/containers/acme/app:1/json",
            "No such container: acme/app:1",
        ),
        ("GET /containers/a%2Fb/json", "No such container: a/b"),
        (
            "GET /containers/app/alias/json",
            "No such container: app/alias",
        ),
        ("GET /containers/my%20net/json", "No such container: my net"),
        (
            "GET /containers/x@sha256:ab/json?size=1",
            "No such container: x@sha256:ab",
        ),
        ("GET /containers/b%C3%BCgs/json", "No such container: bügs"),
        ("GET /containers/-x/json", "No such container: -x"),
        ("POST /containers/x:1/start", "No such container: x:1"),
        ("DELETE /containers/a/b?link=0", "No such container: a/b"),
        ("DELETE /containers/a/json", "No such container: a/json"),
        ("GET /containers/x:1/attach/ws", "No such container: x:1"),
        ("POST /exec/a/b/start", "No such exec instance: a/b"),
        ("DELETE /volumes/x:1", "get x:1: no such volume"),
        ("GET /services/x:1", "service x:1 not found"),
        ("GET /services/x:1/logs", "service x:1 not found"),
        ("GET /services/a/b", "page not found"),
        ("GET /tasks/a/b/logs", "page not found"),
        ("GET /nodes/x:1", "node x:1 not found"),
        ("POST /secrets/x:1/update?version=1", "secret x:1 not found"),
        ("GET /configs/x:1", "config x:1 not found"),
        ("GET /plugins/a%20b/json", "plugin \"a b\" not found"),
        ("GET /images/a%20b/json", "invalid reference format"),
    ];

    #[test]
    fn an_object_that_cannot_exist_is_answered_as_the_engine_does() {
        for (request, want) in ABSENT {
            let (method, target) = request.split_once(' ').unwrap();
            let answer = absent(method, target).map(|absent| absent.answer());
            assert_eq!(answer.as_deref(), Some(*want), "I: {request}");
        }
    }

    #[test]
    fn names_that_might_exist_are_not_answered_as_impossible() {
        for request in [
            "GET /containers/web/json",
            "GET /containers/w%65b/json",
            "GET /containers/%2Fweb/json",
            "GET /containers//web/json",
            "GET /containers/a//b/json",
            "GET /containers/a%2F..%2Fb/json",
            "GET /containers/a/../b/json",
            "GET /containers/../images/json",
            "GET /containers/x:1/json/",
            "GET /containers/x%00/json",
            "GET /containers/x%0a/json",
            "GET /containers/x%5Cy/json",
            "GET /containers/x%253A1/json",
            "GET /containers/x%/json",
            "GET /containers/x%ff/json",
            "GET /containers/x:1/json?a=%zz",
            "GET /containers/x:1/nothing",
            "PATCH /containers/x:1/json",
            "DELETE /containers/web/alias?link=1",
            "DELETE /containers/a/checkpoints/x:1",
            "GET /v1.41.2/containers/x:1/json",
            "GET /images/a%61/json",
            "GET /images/acme/app:1/json",
            "GET /plugins/acme/app:1/json",
            "GET /networks/a/b",
            "GET /nothing/x:1/json",
            "GET /libpod/containers/x:1/json",
        ] {
            let (method, target) = request.split_once(' ').unwrap();
            assert_eq!(absent(method, target), None, "beside I: {request}");
        }
    }
}
