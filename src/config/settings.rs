//! Every setting, a row each: its key, what it takes, its default, and a sentence on it.
//!
//! A row is `/// A sentence.`, `key: what it takes = its default => what else there is to know;`. What a file and
//! the environment may set, the checks, the schema and the values that the program uses come from it. A
//! setting that nothing reads is a warning of the compiler, and `docs/settings.md` must have each.

use figment::value::{Dict, Value};
use serde_json::Value as Json;

use super::kinds::{
    ApiMin, DaemonAddress, DialectName, EMPTY, Filled, Format, HostName, Level, List, Listen, Mode,
    Number, Origin, OutputName, Owner, PolicyName, Rate, Tables, Time, TimeOrOff, UidGid, WhenFull,
};
use super::rows::{Note, SettingRow, ValueShape};
use super::table::{SettingKind, SettingsReader, settings};
use super::values::UploadRate;
use crate::docker::ApiVersion;
use crate::policyfile::Entry;

settings! {
    /// The settings.
    pub(crate) struct Settings {
        /// The policies, by shipped name or by file, asked in this order.
        policy: Filled<PolicyName> => live;
        /// Entries of a policy of its own, asked after those of `policy`.
        allow: Filled<Entry> => live;
        /// Entries that are refused whatever any policy grants.
        deny: List<Entry> = EMPTY => live;
        /// Whether what the policies refuse is forwarded all the same: the gate is open.
        observe: bool = false => live;
        /// Addresses to listen on: tcp://127.0.0.1:2375, unix:///run/dockgate.sock.
        listen: Filled<Listen> => live;
        /// Listeners with rules of their own.
        listener: Tables<ListenerTable> = EMPTY => live;
        /// Where the daemon is: unix:///path or tcp://host:port.
        upstream: DaemonAddress = "unix:///var/run/docker.sock";
        /// Whom to run as when started as root, user and group by number.
        run_as: UidGid;
        /// The least API version that a path may name.
        api_min: ApiMin = ApiVersion::LEAST.to_string() => live;
        /// Origins whose pages may send requests from a browser, such as `https://dash.example`.
        allow_origin: List<Origin> = EMPTY => live;
        /// Host names that requests may be addressed to, without a port.
        allow_host: List<HostName> = EMPTY => live;
        /// Whether a request under an older API version than the daemon takes is judged and sent under the daemon's least.
        lift_api_version: bool = false => live;
        /// The least severe diagnostics on stderr.
        log: Level = "info";
        /// The form of the diagnostics on stderr: text for people, or json.
        log_format: Format = "text";
        /// How the environment of other images is read.
        dialect: DialectName = "hardened" => live;
        /// The record.
        audit: AuditSettings = Dict::new();
        /// Bounds on what one client, or all, may use.
        limits: Limits = Dict::new();
    }

    /// A `[[listener]]`.
    pub(crate) struct ListenerTable {
        /// Where to listen.
        address: Listen => required "is missing: write where to listen";
        /// The policies here, instead of the general ones.
        policy: Filled<PolicyName>;
        /// Entries that are refused here, besides the general ones.
        deny: List<Entry> = EMPTY;
        /// Who may connect to a unix socket, in octal: 0660 its owner and its group.
        mode: Mode;
        /// The user and the group of a unix socket by number, or one of them.
        owner: Owner;
        /// Whether what the policies here refuse is forwarded all the same.
        observe: bool;
    }

    /// Where and how the record is written.
    pub struct AuditSettings {
        /// Where the record goes: stdout, stderr, none, or an absolute path.
        output: OutputName = "stdout";
        /// The form of the audit log: json, or text for people. Without it, text only on a terminal.
        format: Format;
        /// Whether allowed requests with the effect read are recorded.
        allowed_reads: bool = true;
        /// Whether the arguments of execs are recorded, which may hold passwords.
        argv: bool = false;
        /// What happens to requests while the record cannot be written.
        on_failure: WhenFull = "refuse";
    }

    /// Bounds on what one client, or all, may use.
    pub struct Limits {
        /// The connections of all clients; more wait until one ends.
        connections: Number<1, MOST_CONNECTIONS> = 1024;
        /// The connections of one IP address; requests on more get 503.
        connections_per_client: Number<1, MOST_CONNECTIONS> = 256;
        /// The time from the first byte of a request's head to its last.
        head: Time = "10s";
        /// The length of a request's head.
        head_bytes: Number<1024, LONGEST_HEAD> = 65_536;
        /// The length of a JSON body, which is read whole before it is sent.
        body_bytes: Number<1024, LONGEST_BODY> = 1_048_576;
        /// The time for reading such a body.
        body_time: Time = "30s";
        /// The lowest rate of an upload into a container, in bytes per second, or off.
        upload_rate: Rate = "16KiB";
        /// How long an upload into a container may keep the daemon waiting beyond its lowest rate.
        upload_grace: Time = "30s";
        /// The time for connecting to the daemon.
        connect: Time = "5s";
        /// The time for the head of the daemon's reply, or off.
        reply_head: TimeOrOff = "off";
        /// The time without a request after which a client's connection is closed.
        idle: Time = "15m";
        /// The time for what is under way on SIGTERM or SIGINT.
        drain: Time = "8s";
    }
}

/// More connections than any host has files for are a slip.
const MOST_CONNECTIONS: u64 = 1_000_000;
/// The daemon's own server takes no longer heads.
const LONGEST_HEAD: u64 = 1024 * 1024;
/// What all bodies together may hold in memory, so no single one may have more.
const LONGEST_BODY: u64 = 16 * 1024 * 1024;

/// Where Dockgate listens when nothing says where.
///
/// In a container nobody can reach loopback, so the image is built with another default.
pub(crate) const DEFAULT_LISTEN: &str = match option_env!("DOCKGATE_DEFAULT_LISTEN") {
    Some(address) => address,
    None => "tcp://127.0.0.1:2375",
};

impl Limits {
    /// The lowest rate of an upload into a container; without it, none is too slow.
    pub(crate) fn upload(&self) -> Option<UploadRate> {
        Some(UploadRate {
            bytes_per_second: self.upload_rate?,
            grace: self.upload_grace,
        })
    }
}
