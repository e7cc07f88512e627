//! Dockgate: a Docker socket proxy that forwards only the API operations that a policy allows, and records every
//! request. This page is the map.
//!
//! # The path of one request
//!
//! 1. [`server`] accepts a connection, lets [`proxy::peers`] find out whose it is, counts it against its client's limit,
//!    and hands it to [`proxy::connection`].
//! 2. [`proxy::guard`] collects one head below hyper. [`proxy::head`] turns it into the one typed value that
//!    everything else reads; hyper gets a synthetic head that only frames the body.
//! 3. [`proxy::handler`] answers the request, step by step. First [`audit::Log`] opens its entry with places reserved
//!    in the queue, so that it can be recorded however it ends.
//! 4. [`proxy::admission`] checks `Host` and `Origin`, [`docker::target`] the spelling, and [`docker::classify()`]
//!    finds its row in the table, its [`docker::Operation`].
//! 5. [`policy::Rules::evaluate`] decides, and only it makes a [`policy::Permit`]. [`policy::requirements`] collects
//!    what the path, query and body ask for; [`policy::checker`] compares it with the keys in
//!    [`policy::keys`]. For `ContainerCreate` that is the block `[create]`.
//! 6. Whatever is missing for that is fetched: [`proxy::body`] reads the body, [`proxy::ask`] asks the daemon about
//!    objects that the request names. Then the request is evaluated again.
//! 7. A change of state waits until its `begin` is written. Then [`proxy::upstream`], the only exit, takes the permit
//!    and sends the request, rebuilt from the typed values.
//! 8. The reply is streamed, or [`proxy::tunnel`] copies both ways. Dropping the reply's body closes the entry and
//!    lets the guard read the next head.
//!
//! All of Dockgate's own replies are made in [`proxy::handler::reply`].
//!
//! # Layers
//!
//! A module imports only from its own and lower layers, and no two files import each other;
//! `tests/layers.rs` lists the layer of every module. Layers 0 to 2 are pure: no tokio, no hyper, no clock, and no
//! file except what [`config::load`] reads.
//!
//! | layer | modules | know |
//! | --- | --- | --- |
//! | 0 | [`docker`], [`digest`] | targets, the table of operations, bodies; SHA-256 |
//! | 1 | [`policy`], [`policyfile`] | the engine; how policy files are read |
//! | 2 | [`clients`], [`advice`], [`compat`], [`config`], [`audit::record`] and its forms | whose a connection is; what to tell people; other images' variables; the settings; the record as a value, as JSON and as text |
//! | 3 | [`privileges`], [`net`], [`paint`], [`audit`], parts of [`proxy`] | the user to run as; sockets and clients; color on a terminal; writing the audit log; bytes in and out |
//! | 4 | [`proxy::connection`], [`proxy::handler`] | the path above |
//! | 5 | [`server`] | binding, accepting, counting, draining |
//! | 6 | [`app`], [`cli`] | wiring and signals; the commands |
//!
//! # Where to begin
//!
//! `CONTRIBUTING.md` has a recipe for each kind of change. `SECURITY.md` lists what is promised and the test for
//! each promise.

pub mod advice;
pub(crate) mod app;
pub(crate) mod audit;
pub(crate) mod certs;
pub mod cli;
pub(crate) mod clients;
pub mod compat;
pub mod config;
pub(crate) mod digest;
pub mod docker;
pub(crate) mod net;
pub(crate) mod paint;
pub mod policy;
pub mod policyfile;
pub(crate) mod privileges;
pub mod proxy;
pub(crate) mod server;
pub(crate) mod sync;
