//! Paths outside the table of operations, such as Podman's own, which a policy names one by one.

use std::collections::HashMap;
use std::fmt;

use crate::docker::classify::is_in_table;
use crate::docker::{BadTarget, Method, Target};

/// Why a path is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadPath {
    #[error("unknown method `{0}`: write DELETE, GET, HEAD, POST or PUT")]
    Method(String),
    #[error("no request can match the path: {0}")]
    Spelling(BadTarget),
    #[error("paths are compared without their query: remove `?` and what follows")]
    Query,
    #[error("`*` is not a wildcard in a path: write `{{}}` for any one segment")]
    Glob,
    #[error("the first segment of a path cannot be `{{}}`: write it out")]
    Start,
    #[error(
        "paths below `/{0}` are operations: write the operation's name; `dockgate operations` lists them"
    )]
    InTable(String),
    #[error("paths are compared without their version: remove the version prefix")]
    Version,
}

/// A method and a path outside the table, with `{}` for any one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawPath {
    method: Method,
    segments: Vec<Option<String>>,
    /// Whether it includes everything below it. Policy files have no syntax for this.
    has_below: bool,
}

impl RawPath {
    pub(crate) fn parse(method: &str, path: &str) -> Result<Self, BadPath> {
        let method = Method::named(method).ok_or_else(|| BadPath::Method(method.to_owned()))?;
        if path.contains('?') {
            return Err(BadPath::Query);
        }
        if path.contains('*') {
            return Err(BadPath::Glob);
        }
        // `{}` matches any valid segment. The parser of requests checks the rest of the path.
        let sample = path
            .split('/')
            .map(|part| if part == "{}" { "x" } else { part });
        let sample = sample.collect::<Vec<_>>().join("/");
        let target = Target::parse(&sample).map_err(BadPath::Spelling)?;
        let segments: Vec<_> = path
            .split('/')
            .skip(1)
            .map(|part| (part != "{}").then(|| part.to_owned()))
            .collect();
        match segments.first() {
            _ if target.version.is_some() => Err(BadPath::Version),
            Some(Some(first)) if is_in_table(first) => Err(BadPath::InTable(first.clone())),
            Some(Some(_)) if path.ends_with('/') => {
                Err(BadPath::Spelling(BadTarget::TrailingSlash))
            }
            Some(Some(_)) => Ok(Self {
                method,
                segments,
                has_below: false,
            }),
            Some(None) | None => Err(BadPath::Start),
        }
    }

    /// The path and everything below it.
    pub(crate) fn with_below(self) -> Self {
        Self {
            has_below: true,
            ..self
        }
    }
}

impl fmt::Display for RawPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.method.as_str())?;
        for segment in &self.segments {
            write!(f, "/{}", segment.as_deref().unwrap_or("{}"))?;
        }
        f.write_str(if self.has_below { "/..." } else { "" })
    }
}

/// Raw paths as a tree of segments, so that matching a thousand takes no longer than matching one.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawPaths {
    /// The methods of the path that ends here.
    methods: Vec<Method>,
    /// The methods of every path that ends here or below.
    methods_below: Vec<Method>,
    literal: HashMap<String, RawPaths>,
    any: Option<Box<RawPaths>>,
}

impl RawPaths {
    pub(crate) fn insert(&mut self, path: &RawPath) {
        let segments = path.segments.iter();
        let end = segments.fold(self, |node, segment| match segment {
            Some(literal) => node.literal.entry(literal.clone()).or_default(),
            None => node.any.get_or_insert_default(),
        });
        if path.has_below {
            end.methods_below.push(path.method);
        } else {
            end.methods.push(path.method);
        }
    }

    pub(crate) fn covers<'a>(
        &self,
        method: Method,
        mut segments: impl Iterator<Item = &'a str> + Clone,
    ) -> bool {
        if self.methods_below.contains(&method) {
            return true;
        }
        let Some(segment) = segments.next() else {
            return self.methods.contains(&method);
        };
        let nodes = [self.literal.get(segment), self.any.as_deref()];
        let mut nodes = nodes.into_iter().flatten();
        nodes.any(|node| node.covers(method, segments.clone()))
    }

    /// Whether any of them can change something.
    pub(crate) fn changes_state(&self) -> bool {
        let mut methods = self.methods.iter().chain(&self.methods_below);
        let mut below = self.literal.values().chain(self.any.as_deref());
        methods.any(|method| !method.is_safe()) || below.any(Self::changes_state)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.literal.is_empty()
    }
}
