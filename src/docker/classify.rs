//! Which operation a target names: one row of the table, or a path outside of it, or none.
//!
//! The [`Call`] that comes out is the one object that policy, streaming, hijacking, the record and
//! the upstream read, and the path sent on is rebuilt from it.

mod name;
mod nearest;

use std::collections::HashMap;
use std::sync::LazyLock;

pub(super) use name::is_reference;
pub use nearest::nearest_route;

use super::judged::{Judged, WHOLE};
use super::network;
use super::operation::{Body, Effect, Endless, Method, Object, Reply, Route, Spec};
use super::query::Query;
use super::table::Operation;
use super::target::{ApiVersion, BadTarget, NETWORKS, Target};

/// A request, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// What it is addressed to.
    pub subject: Subject,
    /// The API version that the client speaks, if it says.
    pub version: Option<ApiVersion>,
    /// The query, on JSON operations only the keys that the table has.
    pub query: Query,
}

/// What a call is addressed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An operation of the table.
    Operation {
        /// Which.
        operation: Operation,
        /// The template of the path it was called by.
        template: &'static str,
        /// What stands for the `{..}` of the template, in order, decoded.
        names: Vec<String>,
    },
    /// A path whose first segment the table does not use: Podman's own API. Only a policy that
    /// names the path grants it.
    Outside {
        /// The path below the version, clean and without escapes.
        path: String,
    },
}

/// Why a target names nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unclassified {
    /// It is not cleanly spelled.
    #[error(transparent)]
    Bad(#[from] BadTarget),
    /// The table's sections have no such operation.
    #[error("{method} {path} is no operation of the Docker API{}", nearest.map(|near| format!(": the nearest is {near}")).unwrap_or_default())]
    Unknown {
        /// As it was sent.
        method: String,
        /// Below the version.
        path: String,
        /// The route whose spelling is nearest.
        nearest: Option<&'static Route>,
    },
}

/// Finds the operation that a method and a target name.
///
/// # Errors
///
/// The target's spelling is not clean (the caller answers 400), or it names no operation (403).
pub fn classify(method: &str, target: Target<'_>) -> Result<Call, Unclassified> {
    let unknown = || {
        let nearest = nearest_route(method, target.path);
        Unclassified::Unknown {
            method: method.to_owned(),
            path: target.path.to_owned(),
            nearest,
        }
    };
    let known = Method::parse(method).ok_or_else(unknown)?;
    let segments: Vec<&str> = target.segments().collect();
    let first = segments.first().copied().unwrap_or_default();
    let Some(patterns) = INDEX.get(first) else {
        return outside(known, target);
    };
    for pattern in patterns
        .iter()
        .filter(|pattern| pattern.route.method == known)
    {
        if let Some(names) = pattern.names(&segments) {
            return pattern.call(&names, target);
        }
    }
    if segments.last() == Some(&"") {
        return Err(BadTarget::TrailingSlash.into());
    }
    Err(unknown())
}

/// Whether a path's first segment is one that the table uses, so that no raw path may begin with
/// it.
#[must_use]
pub fn is_in_table(first_segment: &str) -> bool {
    INDEX.contains_key(first_segment)
}

impl Call {
    /// The operation, unless the path is outside of the table.
    #[must_use]
    pub fn operation(&self) -> Option<Operation> {
        match &self.subject {
            Subject::Operation { operation, .. } => Some(*operation),
            Subject::Outside { .. } => None,
        }
    }

    /// The worst that it can do; of a path outside of the table nothing is known.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.operation()
            .map_or(Effect::Control, |operation| operation.spec().effect)
    }

    /// What of it a policy decides about. A path outside of the table is allowed or denied as a whole.
    #[must_use]
    pub fn judged(&self) -> Judged {
        self.operation()
            .map_or(WHOLE, |operation| operation.spec().judged)
    }

    /// What it does with a body. `Import` is resolved by the query.
    #[must_use]
    pub fn body(&self) -> Body {
        match self.operation().map(|operation| operation.spec().body) {
            Some(Body::Import) if self.query.first("fromSrc").is_none_or(str::is_empty) => {
                Body::Discarded
            }
            Some(Body::Import) | None => Body::Tar,
            Some(body) => body,
        }
    }

    /// What its reply is like; outside of the table it may be endless.
    #[must_use]
    pub fn reply(&self) -> Reply {
        self.operation()
            .map_or(Reply::Stream(Endless::Always), |operation| {
                operation.spec().reply
            })
    }

    /// Whether the reply may last until the client leaves.
    #[must_use]
    pub fn is_endless(&self) -> bool {
        match self.reply() {
            Reply::Plain => false,
            Reply::Hijack(_) | Reply::Stream(Endless::Always) => true,
            Reply::Stream(Endless::If(key)) => self.query.is_true(key),
            Reply::Stream(Endless::Unless(key)) => {
                self.query.first(key).is_none() || self.query.is_true(key)
            }
        }
    }

    /// The objects that the path names, in order: the kind of each, and its name or id. Of a path
    /// outside of the table it is not known what it names.
    pub fn objects(&self) -> impl Iterator<Item = (Object, &str)> {
        let (kinds, names): (&[Object], &[String]) = match &self.subject {
            Subject::Operation {
                operation, names, ..
            } => (operation.spec().objects, names),
            Subject::Outside { .. } => (&[], &[]),
        };
        let names = names.iter().map(String::as_str);
        kinds.iter().copied().zip(names)
    }

    /// The name or id of what it is about, if the path has one.
    #[must_use]
    pub fn object(&self) -> Option<&str> {
        self.objects().next().map(|(_, name)| name)
    }

    /// What kind of object it is about, if the path names one.
    #[must_use]
    pub fn object_kind(&self) -> Option<Object> {
        self.objects().next().map(|(kind, _)| kind)
    }

    /// The path with its version, as it is sent on.
    #[must_use]
    pub fn path(&self) -> String {
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
                let kinds = operation.spec().objects.iter();
                // Behind each `{` stands the name's placeholder, and what follows it.
                let mut pieces = template.split('{');
                text.extend(pieces.next());
                for ((piece, name), kind) in pieces.zip(names).zip(kinds) {
                    if *kind == Object::Network {
                        network::encode(name, &mut text);
                    } else {
                        text.push_str(name);
                    }
                    text.extend(piece.split_once('}').map(|(_, rest)| rest));
                }
            }
        }
        text
    }

    /// The whole target, as it is sent on.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = self.path();
        self.query.render(&mut text);
        text
    }
}

/// Most targets are no longer, in bytes.
const ROOM_FOR_TARGET: usize = 128;

/// A route, its template split for matching.
struct Pattern {
    operation: Operation,
    spec: &'static Spec,
    route: &'static Route,
    segments: Vec<&'static str>,
}

/// The routes by their first segment.
static INDEX: LazyLock<HashMap<&'static str, Vec<Pattern>>> = LazyLock::new(|| {
    let mut index: HashMap<_, Vec<_>> = HashMap::new();
    for operation in Operation::ALL.iter().copied() {
        let spec = operation.spec();
        for route in spec.routes {
            let segments: Vec<_> = route.path.split('/').skip(1).collect();
            let first = segments.first().copied().unwrap_or_default();
            index.entry(first).or_default().push(Pattern {
                operation,
                spec,
                route,
                segments,
            });
        }
    }
    index
});

impl Pattern {
    /// What stands for the template's names, still escaped, if the segments have its shape.
    fn names(&self, segments: &[&str]) -> Option<Vec<String>> {
        let many = segments.len().checked_sub(self.segments.len())?;
        let mut rest = segments.iter().copied();
        let mut names = Vec::new();
        // The name of a network may have slashes, which the docker command line does not escape.
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

    fn call(&self, names: &[String], target: Target<'_>) -> Result<Call, Unclassified> {
        let pairs = self.spec.objects.iter().zip(names);
        let names = pairs.map(|(object, text)| name::read(*object, text));
        let names = names.collect::<Result<_, _>>()?;
        let mut query = target.query;
        match self.spec.body {
            Body::Json(keys) => query.retain(keys).map_err(BadTarget::from)?,
            Body::Import => ["fromImage", "fromSrc"]
                .iter()
                .try_for_each(|key| query.once(key))
                .map_err(BadTarget::from)?,
            Body::Discarded | Body::Refused | Body::Tar => {}
        }
        match self.spec.reply {
            Reply::Stream(Endless::If(key) | Endless::Unless(key)) => {
                query.once(key).map_err(BadTarget::from)?;
            }
            Reply::Plain | Reply::Hijack(_) | Reply::Stream(Endless::Always) => {}
        }
        let subject = Subject::Operation {
            operation: self.operation,
            template: self.route.path,
            names,
        };
        Ok(Call {
            method: self.route.method,
            subject,
            version: target.version,
            query,
        })
    }
}

/// A path that only a policy's raw paths can grant.
fn outside(method: Method, target: Target<'_>) -> Result<Call, Unclassified> {
    if target.path.ends_with('/') {
        return Err(BadTarget::TrailingSlash.into());
    }
    let subject = Subject::Outside {
        path: target.path.to_owned(),
    };
    Ok(Call {
        method,
        subject,
        version: target.version,
        query: target.query,
    })
}

#[cfg(test)]
mod tests;
