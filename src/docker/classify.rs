//! Finds the operation of a request target: a row of the table, a path outside of it, or nothing.
//!
//! Policy, streaming, hijacking, the audit record and the upstream all read the resulting [`Call`],
//! and the path to send is rebuilt from it.

mod nearest;

use std::collections::HashMap;
use std::sync::LazyLock;

pub(crate) use nearest::nearest_route;

use super::judged::{Judged, WHOLE};
use super::network::is_network_name;
use super::operation::{Body, Effect, Endless, Method, Object, Reply, Route, Spec};
use super::percent;
use super::query::Query;
use super::table::Operation;
use super::target::{ApiVersion, BadTarget, NETWORKS, Target, is_name, is_reference};

/// A parsed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub(crate) method: Method,
    pub(crate) subject: Subject,
    /// The API version that the client asked for, if any.
    pub(crate) version: Option<ApiVersion>,
    /// The query; on JSON operations it has only the keys in the table.
    pub(crate) query: Query,
}

/// What a call is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// An operation of the table.
    Operation {
        operation: Operation,
        /// The path template that matched.
        template: &'static str,
        /// The values for the `{..}` of the template, in order, decoded.
        names: Vec<String>,
    },
    /// A path whose first segment is not in the table, such as Podman's own API. Only a policy that names the path
    /// allows it.
    Outside {
        /// The path after the version, clean and without escapes.
        path: String,
    },
}

/// Why a target does not match anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unclassified {
    #[error(transparent)]
    Bad(#[from] BadTarget),
    #[error("{method} {path} is not an operation of the Docker API{}", nearest.map(|near| format!(": the nearest is {near}")).unwrap_or_default())]
    Unknown {
        method: String,
        /// The path after the version.
        path: String,
        nearest: Option<&'static Route>,
    },
}

/// Finds the operation for a method and a target.
pub(crate) fn classify(method: &str, target: Target<'_>) -> Result<Call, Unclassified> {
    let unknown = || Unclassified::Unknown {
        method: method.to_owned(),
        path: target.path.to_owned(),
        nearest: nearest_route(method, target.path),
    };
    let known = Method::named(method).ok_or_else(unknown)?;
    let segments: Vec<&str> = target.segments().collect();
    let first = segments.first().copied().unwrap_or_default();
    let Some(patterns) = INDEX.get(first) else {
        if target.path.ends_with('/') {
            return Err(BadTarget::TrailingSlash.into());
        }
        let path = target.path.to_owned();
        return Ok(Call {
            method: known,
            subject: Subject::Outside { path },
            version: target.version,
            query: target.query,
        });
    };
    let mut patterns = patterns
        .iter()
        .filter(|pattern| pattern.route.method == known);
    let found = patterns.find_map(|pattern| Some((pattern, pattern.names(&segments)?)));
    match found {
        Some((pattern, names)) => Ok(pattern.call(&names, target)?),
        None if target.path.ends_with('/') => Err(BadTarget::TrailingSlash.into()),
        None => Err(unknown()),
    }
}

/// Whether a path's first segment is in the table, so that no raw path may begin with it.
pub(crate) fn is_in_table(first_segment: &str) -> bool {
    INDEX.contains_key(first_segment)
}

impl Call {
    /// The call for a method and a target, if they are valid.
    #[must_use]
    pub fn parse(method: &str, target: &str) -> Option<Self> {
        classify(method, Target::parse(target).ok()?).ok()
    }

    /// The operation, or `None` for a path outside of the table.
    #[must_use]
    pub fn operation(&self) -> Option<Operation> {
        match &self.subject {
            Subject::Operation { operation, .. } => Some(*operation),
            Subject::Outside { .. } => None,
        }
    }

    fn spec(&self) -> Option<&'static Spec> {
        self.operation().map(Operation::spec)
    }

    /// The worst that it can do; unknown for a path outside of the table.
    pub(crate) fn effect(&self) -> Effect {
        self.spec().map_or(Effect::Control, |spec| spec.effect)
    }

    /// What a policy decides about. A path outside of the table is allowed or denied as a whole.
    pub(crate) fn judged(&self) -> Judged {
        self.spec().map_or(WHOLE, |spec| spec.judged)
    }

    /// What happens to its body. The query decides for `Import`.
    pub(crate) fn body(&self) -> Body {
        match self.spec().map_or(Body::Tar, |spec| spec.body) {
            Body::Import if self.query.text("fromSrc").is_empty() => Body::Discarded,
            Body::Import => Body::Tar,
            body @ (Body::Discarded | Body::Json(_) | Body::Refused | Body::Tar) => body,
        }
    }

    /// How its reply behaves; outside of the table it may be endless.
    pub(crate) fn reply(&self) -> Reply {
        let endless = Reply::Stream(Endless::Always);
        self.spec().map_or(endless, |spec| spec.reply)
    }

    /// Whether the reply may last until the client leaves.
    pub(crate) fn is_endless(&self) -> bool {
        match self.reply() {
            Reply::Plain => false,
            Reply::Hijack(_) | Reply::Stream(Endless::Always) => true,
            Reply::Stream(Endless::If(key)) => self.query.is_true(key),
            Reply::Stream(Endless::Unless(key)) => {
                self.query.first(key).is_none() || self.query.is_true(key)
            }
        }
    }

    /// The kind and the name or id of each object in the path, in order; unknown outside of the table.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (Object, &str)> {
        let (kinds, names): (&[Object], &[String]) = match &self.subject {
            Subject::Operation {
                operation, names, ..
            } => (operation.spec().objects, names),
            Subject::Outside { .. } => (&[], &[]),
        };
        let names = names.iter().map(String::as_str);
        kinds.iter().copied().zip(names)
    }

    /// The name or id of its object, if the path has one.
    pub(crate) fn object(&self) -> Option<&str> {
        self.objects().next().map(|(_, name)| name)
    }

    /// The path to send, with its version.
    pub(crate) fn path(&self) -> String {
        let mut text = String::with_capacity(ROOM_FOR_TARGET);
        if let Some(version) = self.version {
            text.push_str("/v");
            version.render(&mut text);
        }
        match &self.subject {
            Subject::Outside { path } => text.push_str(path),
            Subject::Operation {
                operation,
                template,
                names,
            } => {
                if names.is_empty() {
                    text.push_str(template);
                    return text;
                }
                let kinds = operation.spec().objects.iter();
                // Each part after a `{` has the name's placeholder, and the text that follows it.
                let mut pieces = template.split('{');
                text.extend(pieces.next());
                for ((piece, name), kind) in pieces.zip(names).zip(kinds) {
                    if *kind == Object::Network {
                        percent::encode(name, "%20", &mut text);
                    } else {
                        text.push_str(name);
                    }
                    text.extend(piece.split_once('}').map(|(_, rest)| rest));
                }
            }
        }
        text
    }

    /// The target to send.
    pub(crate) fn render(&self) -> String {
        let mut text = self.path();
        self.query.render(&mut text);
        text
    }
}

/// Long enough for most targets, in bytes.
const ROOM_FOR_TARGET: usize = 128;

/// A route, with its template split into segments.
struct Pattern {
    operation: Operation,
    route: &'static Route,
    segments: Vec<&'static str>,
}

/// The routes, in the table's order.
static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let mut patterns = Vec::new();
    for operation in Operation::ALL.iter().copied() {
        let routes = operation.spec().routes.iter();
        patterns.extend(routes.map(|route| Pattern {
            operation,
            route,
            segments: route.path.split('/').skip(1).collect(),
        }));
    }
    patterns
});

/// The routes by their first segment.
static INDEX: LazyLock<HashMap<&str, Vec<&Pattern>>> = LazyLock::new(|| {
    let mut index: HashMap<_, Vec<_>> = HashMap::new();
    for pattern in &*PATTERNS {
        let first = pattern.segments.first().copied().unwrap_or_default();
        index.entry(first).or_default().push(pattern);
    }
    index
});

impl Pattern {
    /// The values for the template's names, still escaped, if the segments match it.
    fn names(&self, segments: &[&str]) -> Option<Vec<String>> {
        let many = segments.len().checked_sub(self.segments.len())?;
        let mut rest = segments.iter().copied();
        let mut names = Vec::new();
        // A network's name may have slashes, which the docker command line does not escape.
        let is_of_network = self.segments.first() == Some(&NETWORKS);
        for wanted in &self.segments {
            let is_long = is_of_network && wanted.starts_with('{');
            if wanted.ends_with("...}") || is_long {
                let parts: Vec<&str> = rest.by_ref().take(many + 1).collect();
                if is_long && parts.last() == Some(&"") {
                    return None;
                }
                names.push(parts.join("/"));
            } else {
                let segment = rest.next()?;
                if wanted.starts_with('{') && !segment.is_empty() {
                    names.push(segment.to_owned());
                } else if segment != *wanted {
                    return None;
                }
            }
        }
        rest.next().is_none().then_some(names)
    }

    fn call(&self, names: &[String], target: Target<'_>) -> Result<Call, BadTarget> {
        let spec = self.operation.spec();
        let names = spec.objects.iter().zip(names);
        let names = names.map(|(kind, text)| read_name(*kind, text));
        let subject = Subject::Operation {
            operation: self.operation,
            template: self.route.path,
            names: names.collect::<Result<_, _>>()?,
        };
        let mut query = target.query;
        match spec.body {
            Body::Json(keys) => query.retain(keys)?,
            Body::Import => {
                query.once("fromImage")?;
                query.once("fromSrc")?;
            }
            Body::Discarded | Body::Refused | Body::Tar => {}
        }
        match spec.reply {
            Reply::Stream(Endless::If(key) | Endless::Unless(key)) => query.once(key)?,
            Reply::Plain | Reply::Hijack(_) | Reply::Stream(Endless::Always) => {}
        }
        Ok(Call {
            method: self.route.method,
            subject,
            version: target.version,
            query,
        })
    }
}

/// An object's name or id, decoded once.
fn read_name(kind: Object, text: &str) -> Result<String, BadTarget> {
    if kind.has_reference() {
        let escapes = [("%2F", "/"), ("%3A", ":"), ("%40", "@")];
        let name = escapes
            .iter()
            .fold(text.to_owned(), |name, (escape, sign)| {
                name.replace(escape, sign)
                    .replace(&escape.to_ascii_lowercase(), sign)
            });
        match name {
            name if name.contains('%') => Err(BadTarget::Escape),
            name if is_reference(&name) => Ok(name),
            name => Err(BadTarget::Reference(name)),
        }
    } else if is_name(text) {
        Ok(text.to_owned())
    } else if kind == Object::Network {
        let bytes = percent::decode(text).ok_or(BadTarget::Escape)?;
        match String::from_utf8(bytes).map_err(|_| BadTarget::Escape)? {
            name if is_network_name(&name) => Ok(name),
            name => Err(BadTarget::NetworkName(name)),
        }
    } else {
        Err(BadTarget::Name(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
