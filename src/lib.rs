//! Dockgate: a Docker socket proxy that forwards what an allowlist of API operations grants, and
//! records every request. This page is the map.
//!
//! # The path of one request
//!
//! 1. [`server`] accepts a connection under a permit and hands it to [`proxy::connection`].
//! 2. [`proxy::guard`] collects one head below hyper, [`proxy::head`] makes the one typed value of
//!    it that everything else reads, and hyper gets a synthetic head that only frames the body.
//! 3. [`audit::log`] opens an entry whose places in the bounded queue are taken, so that however
//!    the request ends, its record can be written.
//! 4. [`proxy::admission`] looks at `Host` and `Origin`, [`docker::target`] at the spelling, and
//!    [`docker::classify()`] finds the one row of the table of operations.
//! 5. [`policy::rules`] judges the call. Only there a [`policy::Permit`] is made.
//! 6. [`proxy::body`] reads, takes over or refuses the body.
//! 7. A change of state waits until its `begin` is written; then [`proxy::upstream`] sends what was
//!    judged, rebuilt from the typed values. It is the only exit and takes a permit.
//! 8. The reply is streamed, or [`proxy::tunnel`] copies both ways; dropping the reply's body
//!    closes the entry and lets the guard read the next head.
//!
//! A refusal on the way becomes a reply in [`proxy::handler::reply`] and nowhere else.
//!
//! # Layers
//!
//! A module imports from lower layers only; `tests/layers.rs` checks it. Layers 0 to 2 are pure: no
//! tokio, no hyper, no clock, no file but what [`config::load`] reads.
//!
//! | layer | modules | know |
//! | --- | --- | --- |
//! | 0 | [`docker`] | how a target is spelled; the table of operations |
//! | 1 | [`policy`] | the policy language, the judgement, the reasons |
//! | 2 | [`audit::entry`] and its forms, [`config`] | the record as a value, as JSON and as words; the settings |
//! | 3 | [`audit::log`], [`identity`], the parts of [`proxy`] | writing records; whom to run as; what crosses; bytes in and out |
//! | 4 | [`proxy`] and [`proxy::connection`] | the path above, and nothing else |
//! | 5 | [`server`] | binding, accepting, counting, draining |
//! | 6 | [`app`], [`cli`] | wiring and signals; the commands |
//!
//! # Promises
//!
//! `SECURITY.md` lists what is promised, and the test that shows each.

pub mod advice;
pub mod app;
pub mod audit;
pub mod cli;
pub mod compat;
pub mod config;
pub mod docker;
pub mod net;
pub mod policy;
pub mod policyfile;
pub mod privileges;
pub mod proxy;
pub mod server;
pub mod sync;
