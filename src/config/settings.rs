//! Every setting, one row each: its key, what it takes, its default, and a sentence about it.
//!
//! A row is `/// A sentence.`, `key: what it takes = its default => what else there is to know;`. The keys of files and
//! variables, the checks, the schema and the values that the program uses come from it. The compiler warns of a setting
//! that nothing reads, and `docs/settings.md` must have each.

use figment::value::{Dict, Value};
use serde_json::Value as Json;

use super::kinds::{
    ApiMin, Authorities, ClientName, DaemonAddress, DialectName, EMPTY, Filled, Format, From,
    HostName, Level, List, Listen, Mode, Number, OrFalse, Origin, OutputName, Owner, PolicyName,
    Rate, Tables, Time, TimeOrOff, UidGid, Unknown, WhenFull, WholePath,
};
use super::rows::{Note, SettingRow, ValueShape};
use super::table::{SettingKind, SettingsReader, settings};
use super::values::UploadRate;
use crate::docker::ApiVersion;
use crate::policy::redact::Hidden;
use crate::policyfile::Entry;

settings! {
    /// The settings.
    pub(crate) struct Settings {
        /// Policies, as built-in names or files, tried in this order.
        policy: Filled<PolicyName> => live;
        /// Allowed operations, in a policy of their own that is tried after those of `policy`.
        allow: Filled<Entry> => live;
        /// Operations that are denied, whatever a policy allows.
        deny: List<Entry> = EMPTY => live;
        /// What replies hide, besides what the policies hide: env, commands, labels:PATTERN, mounts, volume-options, config-data, swarm-tokens, host.
        redact: List<Hidden> = EMPTY => live;
        /// Forward what the policies deny, and record it as would_deny: nothing is blocked.
        observe: bool = false => live;
        /// Addresses to listen on: tcp://127.0.0.1:2375, unix:///run/dockgate.sock.
        listen: Filled<Listen> => live;
        /// Listeners with rules of their own.
        listener: Tables<ListenerTable> = EMPTY => live;
        /// Clients with rules of their own, whatever listener they use.
        client: Tables<ClientTable> = EMPTY => live;
        /// What connections that belong to no client get: deny, or the rules of their listener.
        unknown_client: Unknown = "deny" => live;
        /// A folder with ca.pem, server-cert.pem and server-key.pem: TLS for every TCP listener without tls = false.
        cert_path: WholePath => live;
        /// The daemon's address: unix:///path or tcp://host:port.
        upstream: DaemonAddress = "unix:///var/run/docker.sock";
        /// TLS to a daemon on another host.
        upstream_tls: UpstreamTlsTable = Dict::new();
        /// The user and the group to run as if started as root, by number.
        run_as: UidGid;
        /// The lowest API version that a path may contain.
        api_min: ApiMin = ApiVersion::LEAST.to_string() => live;
        /// Origins whose pages may send requests from a browser, such as `https://dash.example`.
        allow_origin: List<Origin> = EMPTY => live;
        /// Host names that requests may be sent to, without a port.
        allow_host: List<HostName> = EMPTY => live;
        /// Raise an API version that is too old for the daemon to the lowest that it accepts.
        lift_api_version: bool = false => live;
        /// The lowest level of diagnostics on stderr.
        log: Level = "info";
        /// The form of the diagnostics on stderr: text for people, or json.
        log_format: Format = "text";
        /// How the variables of other images are read.
        dialect: DialectName = "hardened" => live;
        /// The record.
        audit: AuditSettings = Dict::new();
        /// Bounds on what one client, or all, may use.
        limits: Limits = Dict::new();
        /// Metrics for Prometheus, and health checks.
        metrics: MetricsSettings = Dict::new();
    }

    /// A `[[listener]]`.
    pub(crate) struct ListenerTable {
        /// The address to listen on.
        address: Listen => required "is missing: write address = \"tcp://0.0.0.0:2375\"";
        /// Policies of this listener, instead of the general ones.
        policy: Filled<PolicyName>;
        /// Operations that are denied here, besides the general ones.
        deny: List<Entry> = EMPTY;
        /// Who may connect to a unix socket, in octal: 0660 is its owner and its group.
        mode: Mode;
        /// The user and the group of a unix socket by number, or one of them.
        owner: Owner;
        /// TLS on this listener, or false if cert_path gives it to the others.
        tls: OrFalse<TlsTable>;
        /// Forward what the policies of this listener deny, and record it as would_deny.
        observe: bool;
        /// The client that everything on this listener belongs to, instead of rules of its own.
        client: ClientName;
    }

    /// The TLS of a listener. What it leaves out comes from `cert_path`.
    pub(crate) struct TlsTable {
        /// The server's certificate, followed by those that lead to its authority, in PEM format.
        cert: WholePath;
        /// The key of the certificate.
        key: WholePath;
        /// The authorities of the clients' certificates, or none if clients need no certificate.
        client_ca: Authorities;
        /// The revoked certificates.
        crl: WholePath;
    }

    /// The TLS of the connection to the daemon.
    pub(crate) struct UpstreamTlsTable {
        /// The authorities of the daemon's certificate, which must have the name in `upstream`.
        ca: WholePath;
        /// Dockgate's own certificate for the daemon.
        cert: WholePath;
        /// The key of the certificate.
        key: WholePath;
    }

    /// A `[[client]]`.
    pub(crate) struct ClientTable {
        /// Its name, which records show.
        name: ClientName => required "is missing: write name = \"traefik\"";
        /// The connections that are its own: network:NAME, uid:N, gid:N, container:NAME, service:PROJECT/SERVICE, label:KEY=VALUE, cert:CN=NAME, or an address.
        from: Filled<From>;
        /// Policies of this client, instead of the general ones.
        policy: Filled<PolicyName>;
        /// Operations that are denied to it, besides the general ones.
        deny: List<Entry> = EMPTY;
        /// Forward what its policies deny, and record it as would_deny.
        observe: bool;
        /// Bounds on what it may use.
        limits: ClientLimits = Dict::new();
    }

    /// Bounds on what a client may use.
    pub(crate) struct ClientLimits {
        /// Its connections, instead of `limits.connections_per_client`.
        connections: Number<1, MOST_CONNECTIONS>;
    }

    /// The audit log.
    pub struct AuditSettings {
        /// The audit log: stdout, stderr, none, or an absolute path.
        output: OutputName = "stdout";
        /// The form of the audit log: json, or text for people. Without it, text only on a terminal.
        format: Format;
        /// Record allowed requests with the effect read.
        allowed_reads: bool = true;
        /// Record the arguments of execs, which may contain passwords.
        argv: bool = false;
        /// What happens to requests while the audit log cannot be written.
        on_failure: WhenFull = "refuse";
    }

    /// Metrics for Prometheus, and health checks.
    pub(crate) struct MetricsSettings {
        /// The address of /metrics, /healthz and /readyz. Without it there are none.
        listen: Listen;
        /// The connections that may ask, as in `client.from`: network:NAME, uid:N, an address.
        from: Filled<From>;
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
        /// The length of a JSON body, which is read completely before it is sent.
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
        /// The time that open requests have to end after SIGTERM or SIGINT.
        drain: Time = "8s";
    }
}

/// More connections than any host has files for are a mistake.
const MOST_CONNECTIONS: u64 = 1_000_000;
/// The daemon's own server does not accept longer heads.
const LONGEST_HEAD: u64 = 1024 * 1024;
/// The memory for all bodies together, so a single one cannot have more.
const LONGEST_BODY: u64 = 16 * 1024 * 1024;

/// The address if none is set.
///
/// Other containers cannot reach loopback, so the image is built with another default.
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
