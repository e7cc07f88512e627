//! The columns of the table of operations.
//!
//! The rows are in `table.rs`. Routing, policy, limits, audit records and the docs are derived from them.

use std::fmt;

use super::closed::closed;
use super::judged::Judged;

/// One operation: a row of the table.
#[derive(Debug)]
pub struct Spec {
    /// Its `operationId` in the Docker Engine API.
    pub name: &'static str,
    /// The API's group, as policies name it in `section:effect`.
    pub section: &'static str,
    /// What allowing it gives away, for people who decide about it: a sentence without a period.
    pub risk: &'static str,
    /// The worst that it can do.
    pub effect: Effect,
    pub(crate) body: Body,
    pub(crate) reply: Reply,
    pub(crate) judged: Judged,
    /// The first API version that documents it, but at least 1.24. Only for the docs: the daemon
    /// registers every route under every version.
    pub min_api: &'static str,
    /// The kind of object for each `{..}` of its paths, in order.
    pub objects: &'static [Object],
    /// The query keys whose values are harmless to log.
    pub logged: &'static [&'static str],
    /// The method and path of each of its routes; most operations have one.
    pub routes: &'static [Route],
}

/// A method and a path template below the version prefix.
///
/// Shape: segments separated by `/`, each a literal, `{name}` (one segment) or, once, `{name...}`
/// (one or more segments, because the names of images and plugins have slashes).
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// The method; the daemon's comparison is case-sensitive.
    pub method: Method,
    /// The template.
    pub path: &'static str,
}

closed! {
    /// The request methods that the table uses.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    Method, by as_str {
        DELETE = "DELETE",
        GET = "GET",
        HEAD = "HEAD",
        POST = "POST",
        PUT = "PUT",
    }
}

closed! {
    /// The worst that an operation can do.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    Effect, by as_str {
        /// Shows metadata only.
        Read = "read",
        /// Shows file contents, logs, process output or secrets, or makes the daemon call out.
        Content = "content",
        /// Changes state.
        Write = "write",
        /// Runs code, types into a container, moves images or data out, or can reach root on the host.
        Control = "control",
    }
}

closed! {
    /// A kind of object that a path can name.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    Object, by noun {
        /// A checkpoint of a container.
        Checkpoint = "checkpoint",
        /// A config of the swarm.
        Config = "config",
        Container = "container",
        /// A command that was prepared in a container.
        Exec = "exec",
        Image = "image",
        Network = "network",
        /// A machine of the swarm.
        Node = "node",
        Plugin = "plugin",
        /// An image in a registry.
        Repository = "repository",
        /// A secret of the swarm.
        Secret = "secret",
        /// A service of the swarm.
        Service = "service",
        /// A task of a service.
        Task = "task",
        Volume = "volume",
    }
}

/// What an operation does with a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// It takes none. JSON is read, discarded and never sent, because some clients repeat their
    /// query there; anything else is rejected.
    Discarded,
    /// A tar if the query's `fromSrc` says so, otherwise as `Discarded`.
    Import,
    /// JSON. The list has the query keys that the handler reads; no other key is sent on.
    Json(&'static [&'static str]),
    /// It must be empty: old daemons read a host configuration from it.
    Refused,
    Tar,
}

/// How an operation's reply behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It ends.
    Plain,
    /// It may last until the client leaves.
    Stream(Endless),
    /// The connection becomes a two-way stream of bytes.
    Hijack(Upgrade),
}

/// When a streamed reply does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endless {
    Always,
    /// If this query key is true to the daemon.
    If(&'static str),
    /// Unless this query key is present and false to the daemon.
    Unless(&'static str),
}

closed! {
    /// The only value of `Upgrade` that an operation accepts.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    Upgrade, by as_str {
        /// Raw bytes to and from a container. Without the header the daemon answers 200 and does the same.
        Tcp = "tcp",
        /// HTTP/2 for the deprecated BuildKit endpoints.
        H2c = "h2c",
        /// A websocket to a container.
        Websocket = "websocket",
    }
}

/// Makes the enum of operations, the list of its members in the same order, and their rows.
macro_rules! operations {
    ($(section $section:literal; $(
        #[doc = $risk:literal]
        $name:ident => $($method:ident $path:literal),+ $(of $($object:ident),+)? $((alias $alias:literal))?;
        $effect:expr, $body:expr, $reply:expr, $judged:expr, $min_api:literal, [$($logged:literal),*];
    )+)+) => {
        /// An operation of the Docker Engine API, by its `operationId`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(clippy::doc_markdown, reason = "the sentences are shown as they are")]
        pub enum Operation { $($(#[doc = $risk] $name),+),+ }

        impl Operation {
            /// Every operation, in the order of the table.
            pub const ALL: &[Self] = &[$($(Self::$name),+),+];

            /// The sections of the table, in its order.
            pub const SECTIONS: &[&str] = &[$($section),+];

            /// Other names that the API or its clients use for an operation.
            pub const ALIASES: &[(&str, Self)] = &[$($($(($alias, Self::$name),)?)+)+];

            /// Its row.
            #[must_use]
            pub fn spec(self) -> &'static Spec {
                match self {
                    $($(Self::$name => {
                        static SPEC: Spec = Spec {
                            name: stringify!($name),
                            section: $section,
                            risk: $risk.trim_ascii_start(),
                            effect: $effect,
                            body: $body,
                            reply: $reply,
                            judged: $judged,
                            min_api: $min_api,
                            objects: &[$($(Object::$object),+)?],
                            logged: &[$($logged),*],
                            routes: &[$(Route { method: Method::$method, path: $path }),+],
                        };
                        &SPEC
                    })+)+
                }
            }

            /// The operation with this name, in the API's spelling, or with this alias.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                let listed = Self::ALL.iter().map(|operation| (operation.spec().name, *operation));
                let mut named = listed.chain(Self::ALIASES.iter().copied());
                named.find(|(known, _)| *known == name).map(|(_, operation)| operation)
            }
        }

        impl std::fmt::Display for Operation {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.spec().name)
            }
        }
    };
}
pub(super) use operations;

impl Method {
    /// Whether it does not change anything, so that a request without a body may be sent twice.
    pub(crate) fn is_safe(self) -> bool {
        matches!(self, Self::GET | Self::HEAD)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.as_str(), self.path)
    }
}

impl Effect {
    /// Whether it changes something that outlives the reply.
    pub(crate) fn changes_state(self) -> bool {
        matches!(self, Self::Write | Self::Control)
    }
}

impl Object {
    /// Whether its name is a reference, which may have slashes, colons and escapes. A test compares this with the
    /// templates.
    pub(crate) fn has_reference(self) -> bool {
        matches!(self, Self::Image | Self::Plugin | Self::Repository)
    }

    /// Whether the swarm has such objects, and not a single engine.
    pub(crate) fn is_of_swarm(self) -> bool {
        match self {
            Self::Config | Self::Node | Self::Secret | Self::Service | Self::Task => true,
            Self::Checkpoint
            | Self::Container
            | Self::Exec
            | Self::Image
            | Self::Network
            | Self::Plugin
            | Self::Repository
            | Self::Volume => false,
        }
    }
}
